"""The `python` extension: the interpreter is the machine's own, the one that runs tools/bazel."""

def _interpreter_impl(repository_ctx):
    python = repository_ctx.os.environ.get("PYAOT_PYTHON")
    if not python:
        fail("the shim of rules_python works only under tools/bazel, which sets PYAOT_PYTHON")
    repository_ctx.file("BUILD.bazel", "")
    repository_ctx.file("python.bzl", '"""The interpreter."""\nPYTHON = {}\n'.format(repr(python)))

_interpreter = repository_rule(implementation = _interpreter_impl, environ = ["PYAOT_PYTHON"])

python = module_extension(
    implementation = lambda module_ctx: _interpreter(name = "airgap_python"),
    tag_classes = {
        "toolchain": tag_class(attrs = {
            "is_default": attr.bool(default = False),
            "python_version": attr.string(mandatory = True),
        }),
    },
)
