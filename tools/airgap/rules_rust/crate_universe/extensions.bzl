"""The `crate` extension: cargo builds the crates of a lock file once, and each gets a target."""

_SOURCE = "//! Nothing: only the dependencies are wanted.\n"

def _crates_impl(repository_ctx):
    manifest = repository_ctx.path(repository_ctx.attr.manifest)
    cargo = repository_ctx.which("cargo")
    if not cargo:
        fail("`cargo` is not on PATH; install Rust (Debian: cargo)")

    # A copy of the manifest and the lock file alone: no change of a source builds the crates anew.
    repository_ctx.file("cargo/Cargo.toml", repository_ctx.read(manifest))
    repository_ctx.file("cargo/Cargo.lock", repository_ctx.read(repository_ctx.attr.lockfile))
    repository_ctx.file("cargo/src/lib.rs", _SOURCE)
    repository_ctx.report_progress("building the crates with cargo")
    result = repository_ctx.execute(
        [cargo, "build", "--release", "--locked", "--lib", "--message-format=json", "--quiet"],
        working_directory = "cargo",
        timeout = 1800,
        environment = {
            "CARGO_PROFILE_RELEASE_LTO": "off",
            "CARGO_TARGET_DIR": "target",
            # Programs may want link-time optimization, which needs the crates' bitcode.
            "RUSTFLAGS": "-Cembed-bitcode=yes",
        },
    )
    if result.return_code:
        fail("cargo could not build the crates of {}:\n{}".format(manifest, result.stderr))
    targets = {}
    for line in result.stdout.splitlines():
        message = json.decode(line) if line.startswith("{") else {}
        if message.get("reason") != "compiler-artifact":
            continue
        libraries = [name for name in message["filenames"] if name.endswith(".rlib")]
        if libraries and message["package_id"].startswith("registry"):
            targets[message["target"]["name"]] = libraries[0].split("/cargo/target/")[1]
    build = [
        'load("@rules_rust//rust/private:crate.bzl", "locked_crate")',
        'package(default_visibility = ["//visibility:public"])',
        'filegroup(name = "libraries", srcs = glob(["cargo/target/release/deps/*.rlib",' +
        ' "cargo/target/release/deps/*.so"]))',
    ]
    for name, rlib in targets.items():
        build += [
            "locked_crate(",
            '    name = "{}",'.format(name),
            '    rlib = "cargo/target/{}",'.format(rlib),
            '    libraries = ":libraries",',
            ")",
        ]
        label = name.replace("_", "-")
        if label != name:
            build.append('alias(name = "{}", actual = ":{}")'.format(label, name))
    repository_ctx.file("BUILD.bazel", "\n".join(build) + "\n")

_crates = repository_rule(
    implementation = _crates_impl,
    attrs = {
        "lockfile": attr.label(mandatory = True, allow_single_file = True),
        "manifest": attr.label(mandatory = True, allow_single_file = True),
    },
)

def _crate_impl(module_ctx):
    for module in module_ctx.modules:
        for tag in module.tags.from_cargo:
            if len(tag.manifests) != 1:
                fail("this shim takes one manifest")
            _crates(name = tag.name, lockfile = tag.cargo_lockfile, manifest = tag.manifests[0])

crate = module_extension(
    implementation = _crate_impl,
    tag_classes = {
        "from_cargo": tag_class(attrs = {
            "cargo_lockfile": attr.label(mandatory = True),
            "manifests": attr.label_list(mandatory = True),
            "name": attr.string(default = "crates"),
        }),
    },
)
