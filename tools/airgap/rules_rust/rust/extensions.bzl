"""The `rust` extension: the toolchain is the machine's own."""

def _toolchain_impl(repository_ctx):
    paths = {}
    for tool in ["rustc", "rustfmt", "cargo"]:
        found = repository_ctx.which(tool)
        if not found:
            fail("`{}` is not on PATH; install Rust (Debian: rustc, cargo, rustfmt)".format(tool))
        paths[tool] = found

    # rustup's proxies ask for its home, which actions do not have: the real tools do not.
    sysroot = repository_ctx.execute([paths["rustc"], "--print", "sysroot"]).stdout.strip()
    for tool in paths.keys():
        real = repository_ctx.path(sysroot).get_child("bin").get_child(tool)
        paths[tool] = real if real.exists else paths[tool]

    # BUILD files register this repository's toolchains; the shim's rules need none.
    repository_ctx.file("BUILD.bazel", "")
    repository_ctx.file("rust.bzl", "\n".join([
        '"""Where the Rust tools are."""',
        "RUSTC = {}".format(repr(str(paths["rustc"]))),
        "RUSTFMT = {}".format(repr(str(paths["rustfmt"]))),
        "CARGO = {}".format(repr(str(paths["cargo"]))),
        "",
    ]))

_toolchain = repository_rule(implementation = _toolchain_impl, environ = ["PATH"])

rust = module_extension(
    implementation = lambda module_ctx: _toolchain(name = "rust_toolchains"),
    tag_classes = {
        "toolchain": tag_class(attrs = {
            "edition": attr.string(),
            "versions": attr.string_list(),
        }),
    },
)
