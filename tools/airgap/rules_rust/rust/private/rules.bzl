"""Libraries, programs and tests in Rust, by one command line of rustc each."""

load("@rust_toolchains//:rust.bzl", "RUSTC", "RUSTFMT")

CrateInfo = provider(
    doc = "A compiled crate.",
    fields = {
        "edition": "string: the edition of its sources",
        "name": "string: the name to use it by",
        "rlib": "File: the library",
        "root": "File: the root source file; None for a crate from the lock file",
        "search": "depset of string: folders with the crates that it needs",
        "sources": "list of File: its sources",
        "transitive": "depset of File: the libraries of all crates that it needs",
    },
)

_ATTRS = {
    "crate_name": attr.string(),
    "crate_root": attr.label(allow_single_file = [".rs"]),
    "data": attr.label_list(allow_files = True),
    "deps": attr.label_list(providers = [CrateInfo]),
    "edition": attr.string(mandatory = True),
    "rustc_flags": attr.string_list(),
    "srcs": attr.label_list(allow_files = [".rs"], mandatory = True),
}

def _crate_root(ctx, names):
    if ctx.file.crate_root:
        return ctx.file.crate_root
    if len(ctx.files.srcs) == 1:
        return ctx.files.srcs[0]
    for file in ctx.files.srcs:
        if file.basename in names:
            return file
    fail("no crate_root, and no source is called {}".format(" or ".join(names)))

def _rustc(ctx, kind, output, root_names):
    name = ctx.attr.crate_name or ctx.label.name.replace("-", "_")
    root = _crate_root(ctx, root_names)
    crates = [dep[CrateInfo] for dep in ctx.attr.deps]
    search = depset(transitive = [crate.search for crate in crates])
    libraries = depset(
        [crate.rlib for crate in crates],
        transitive = [crate.transitive for crate in crates],
    )
    args = ctx.actions.args()
    args.add(root)
    args.add_all(kind)
    args.add_all(["--crate-name", name, "--edition", ctx.attr.edition])
    if ctx.var["COMPILATION_MODE"] == "opt":
        args.add("-Copt-level=3")
    args.add_all(ctx.attr.rustc_flags)
    for crate in crates:
        args.add("--extern={}={}".format(crate.name, crate.rlib.path))
    args.add_all(search, format_each = "-Ldependency=%s")
    args.add("-o", output)
    ctx.actions.run(
        executable = RUSTC,
        arguments = [args],
        inputs = depset(ctx.files.srcs, transitive = [libraries]),
        outputs = [output],
        mnemonic = "Rustc",
        progress_message = "Compiling %{label} with rustc",
        use_default_shell_env = True,
    )
    return CrateInfo(
        edition = ctx.attr.edition,
        name = name,
        rlib = output,
        root = root,
        search = depset([output.dirname], transitive = [search]),
        sources = ctx.files.srcs,
        transitive = libraries,
    )

def _library_impl(ctx):
    output = ctx.actions.declare_file("lib{}.rlib".format(ctx.attr.crate_name or ctx.label.name))
    crate = _rustc(ctx, ["--crate-type=rlib"], output, ["lib.rs"])
    return [crate, DefaultInfo(files = depset([output]), runfiles = ctx.runfiles(ctx.files.data))]

rust_library = rule(implementation = _library_impl, attrs = _ATTRS)

def _program_impl(ctx, kind, root_names):
    output = ctx.actions.declare_file(ctx.label.name)
    crate = _rustc(ctx, kind, output, root_names)
    return [
        crate,
        DefaultInfo(
            executable = output,
            files = depset([output]),
            runfiles = ctx.runfiles(ctx.files.data + [output]),
        ),
    ]

rust_binary = rule(
    implementation = lambda ctx: _program_impl(ctx, ["--crate-type=bin"], ["main.rs"]),
    attrs = _ATTRS,
    executable = True,
)

rust_test = rule(
    implementation = lambda ctx: _program_impl(ctx, ["--test"], ["lib.rs", "main.rs"]),
    attrs = _ATTRS,
    test = True,
)

def _rustfmt_test_impl(ctx):
    crates = [target[CrateInfo] for target in ctx.attr.targets]
    script = ctx.actions.declare_file(ctx.label.name)
    lines = ["#!/bin/sh", "set -e"]
    lines += [
        "'{}' --check --edition {} {}".format(RUSTFMT, crate.edition, crate.root.short_path)
        for crate in crates
    ]
    ctx.actions.write(script, "\n".join(lines) + "\n", is_executable = True)
    sources = [file for crate in crates for file in crate.sources]
    return [DefaultInfo(executable = script, runfiles = ctx.runfiles(sources))]

rustfmt_test = rule(
    implementation = _rustfmt_test_impl,
    attrs = {"targets": attr.label_list(providers = [CrateInfo])},
    test = True,
)
