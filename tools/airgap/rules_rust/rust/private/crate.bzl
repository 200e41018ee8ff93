"""A crate that cargo built."""

load(":rules.bzl", "CrateInfo")

def _locked_crate_impl(ctx):
    return [
        CrateInfo(
            edition = "",
            name = ctx.label.name,
            rlib = ctx.file.rlib,
            root = None,
            search = depset([ctx.file.rlib.dirname, ctx.files.libraries[0].dirname]),
            sources = [],
            transitive = depset(ctx.files.libraries),
        ),
        DefaultInfo(files = depset([ctx.file.rlib])),
    ]

locked_crate = rule(
    implementation = _locked_crate_impl,
    attrs = {
        "libraries": attr.label(allow_files = True),
        "rlib": attr.label(allow_single_file = True),
    },
)
