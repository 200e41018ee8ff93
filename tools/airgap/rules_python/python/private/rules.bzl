"""Libraries, programs and tests in Python, on the machine's interpreter."""

load("@airgap_python//:python.bzl", "PYTHON")

PySourcesInfo = provider(
    doc = "What a Python target brings to the programs that use it.",
    fields = {
        "imports": "depset of string: folders below the runfiles root for the module search path",
        "sources": "depset of File: its sources and those of its dependencies",
    },
)

# Finds the runfiles as the caller's variable, a folder beside the program, or one around it.
_LAUNCHER = """#!/usr/bin/env bash
set -euo pipefail
if [[ -z "${{RUNFILES_DIR:-}}" || ! -e "$RUNFILES_DIR/{main}" ]]; then
  if [[ -e "$0.runfiles/{main}" ]]; then
    RUNFILES_DIR="$(cd "$0.runfiles" && pwd)"
  elif [[ "$0" == *.runfiles/* ]]; then
    RUNFILES_DIR="$(cd "${{0%%.runfiles/*}}.runfiles" && pwd)"
  fi
fi
export RUNFILES_DIR
export PYTHONDONTWRITEBYTECODE=1
path=""
for folder in {imports}; do path+=":$RUNFILES_DIR/$folder"; done
export PYTHONPATH="${{path#:}}${{PYTHONPATH:+:$PYTHONPATH}}"
exec {python} "$RUNFILES_DIR/{main}" "$@"
"""

_LIBRARY_ATTRS = {
    "data": attr.label_list(allow_files = True),
    "deps": attr.label_list(providers = [PySourcesInfo]),
    "imports": attr.string_list(),
    "srcs": attr.label_list(allow_files = [".py", ".pyi"]),
}

_PROGRAM_ATTRS = _LIBRARY_ATTRS | {
    "env": attr.string_dict(),
    "main": attr.label(allow_single_file = [".py"]),
}

def _repository(ctx):
    return ctx.label.workspace_name or ctx.workspace_name

def _sources(ctx):
    base = "/".join([part for part in [_repository(ctx), ctx.label.package] if part])
    imports = []
    for folder in ctx.attr.imports:
        imports.append(base if folder == "." else _normalized(base + "/" + folder))
    return PySourcesInfo(
        imports = depset(
            imports,
            transitive = [dep[PySourcesInfo].imports for dep in ctx.attr.deps],
        ),
        sources = depset(
            ctx.files.srcs,
            transitive = [dep[PySourcesInfo].sources for dep in ctx.attr.deps],
        ),
    )

def _normalized(path):
    parts = []
    for part in path.split("/"):
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)

def _runfiles(ctx, sources):
    runfiles = ctx.runfiles(files = ctx.files.data, transitive_files = sources.sources)
    return runfiles.merge_all([
        target[DefaultInfo].default_runfiles
        for target in ctx.attr.data + ctx.attr.deps
    ])

def _library_impl(ctx):
    sources = _sources(ctx)
    return [
        sources,
        DefaultInfo(files = depset(ctx.files.srcs), runfiles = _runfiles(ctx, sources)),
    ]

py_library = rule(implementation = _library_impl, attrs = _LIBRARY_ATTRS)

def _main(ctx):
    if ctx.file.main:
        return ctx.file.main
    for file in ctx.files.srcs:
        if file.basename == ctx.label.name + ".py":
            return file
    fail("no `main`, and no source is called {}.py".format(ctx.label.name))

def _runfiles_path(ctx, file):
    if file.short_path.startswith("../"):
        return file.short_path[len("../"):]
    return ctx.workspace_name + "/" + file.short_path

def _program_impl(ctx):
    sources = _sources(ctx)
    launcher = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.write(
        launcher,
        _LAUNCHER.format(
            # Imports may be relative to a repository's root too.
            imports = " ".join(["'%s'" % path for path in sources.imports.to_list() + [
                _repository(ctx),
            ]]),
            main = _runfiles_path(ctx, _main(ctx)),
            python = PYTHON,
        ),
        is_executable = True,
    )
    environment = {
        name: ctx.expand_make_variables("env", ctx.expand_location(value, ctx.attr.data), {})
        for name, value in ctx.attr.env.items()
    }
    return [
        sources,
        DefaultInfo(
            executable = launcher,
            files = depset([launcher] + ctx.files.srcs),
            runfiles = _runfiles(ctx, sources).merge(ctx.runfiles([launcher])),
        ),
        RunEnvironmentInfo(environment = environment, inherited_environment = getattr(
            ctx.attr,
            "env_inherit",
            [],
        )),
    ]

py_binary = rule(implementation = _program_impl, attrs = _PROGRAM_ATTRS, executable = True)

py_test = rule(
    implementation = _program_impl,
    attrs = _PROGRAM_ATTRS | {"env_inherit": attr.string_list()},
    test = True,
)
