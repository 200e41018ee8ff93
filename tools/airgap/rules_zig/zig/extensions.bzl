"""The `zig` extension: hands out the SDK that tools/airgap/setup.py installed from its wheel."""

def _sdk_impl(repository_ctx):
    sdk = repository_ctx.os.environ.get("PYAOT_ZIG_SDK")
    if not sdk:
        fail("the shim of rules_zig works only under tools/bazel, which sets PYAOT_ZIG_SDK")
    exe = repository_ctx.path(sdk).get_child("ziglang").get_child("zig")
    version = repository_ctx.execute([exe, "version"]).stdout.strip()
    if version != repository_ctx.attr.zig_version:
        fail("the SDK is Zig {}, wanted {}".format(version, repository_ctx.attr.zig_version))
    repository_ctx.file("BUILD.bazel", "")
    repository_ctx.file("sdk.bzl", "\n".join([
        '"""Where the Zig SDK is."""',
        "ZIG_EXE = {}".format(repr(str(exe))),
        "ZIG_CACHE = {}".format(repr(repository_ctx.os.environ["PYAOT_ZIG_CACHE"])),
        "ZIG_MACHINE = {}".format(repr({"amd64": "x86_64"}.get(
            repository_ctx.os.arch,
            repository_ctx.os.arch,
        ))),
        "",
    ]))

_sdk = repository_rule(
    implementation = _sdk_impl,
    attrs = {"zig_version": attr.string(mandatory = True)},
    environ = ["PYAOT_ZIG_SDK", "PYAOT_ZIG_CACHE"],
)

def _zig_impl(module_ctx):
    versions = [
        tag.zig_version
        for module in module_ctx.modules
        for tag in module.tags.toolchain
    ]
    if not versions:
        fail("no module has a zig.toolchain(zig_version = ...)")
    _sdk(name = "zig_toolchains", zig_version = versions[0])

zig = module_extension(
    implementation = _zig_impl,
    tag_classes = {
        # The index names archives to download; here it is only checked to be a file.
        "index": tag_class(attrs = {
            "file": attr.label(mandatory = True, allow_single_file = True),
        }),
        "toolchain": tag_class(attrs = {
            "default": attr.bool(default = True),
            "zig_version": attr.string(mandatory = True),
        }),
    },
)
