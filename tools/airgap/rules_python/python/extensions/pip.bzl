"""The `pip` extension: one `pip install --require-hashes` a hub, and a target for each package."""

def _hub_impl(repository_ctx):
    python = repository_ctx.os.environ.get("PYAOT_PYTHON")
    lock = repository_ctx.path(repository_ctx.attr.requirements_lock)
    repository_ctx.report_progress("installing the wheels of {}".format(lock.basename))
    command = [python, "-m", "pip", "install", "--quiet", "--require-hashes", "--no-deps"]
    command += ["--only-binary=:all:", "--no-compile", "--disable-pip-version-check"]
    result = repository_ctx.execute(
        command + ["--target", "site", "--requirement", lock],
        timeout = 1800,
        environment = {"PIP_ROOT_USER_ACTION": "ignore"},
    )
    if result.return_code:
        fail("pip could not install {}:\n{}".format(lock, result.stderr))
    script = repository_ctx.path(Label("//python/private:hub.py"))
    result = repository_ctx.execute([python, script, "site"])
    if result.return_code:
        fail("hub.py failed:\n{}".format(result.stderr))

_hub = repository_rule(
    implementation = _hub_impl,
    attrs = {"requirements_lock": attr.label(mandatory = True, allow_single_file = True)},
    environ = ["PYAOT_PYTHON"],
)

def _pip_impl(module_ctx):
    for module in module_ctx.modules:
        for tag in module.tags.parse:
            _hub(name = tag.hub_name, requirements_lock = tag.requirements_lock)

pip = module_extension(
    implementation = _pip_impl,
    tag_classes = {
        "parse": tag_class(attrs = {
            "hub_name": attr.string(mandatory = True),
            "python_version": attr.string(mandatory = True),
            "requirements_lock": attr.label(mandatory = True, allow_single_file = True),
        }),
    },
)
