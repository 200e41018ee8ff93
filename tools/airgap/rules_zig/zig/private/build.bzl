"""Modules, libraries, programs and tests in Zig, by one command line of the compiler each."""

load("@zig_toolchains//:sdk.bzl", "ZIG_CACHE", "ZIG_EXE", "ZIG_MACHINE")

ZigModuleInfo = provider(
    doc = "A Zig module; it is compiled where it is used.",
    fields = {
        "deps": "list of ZigModuleInfo: the modules that this one imports",
        "files": "depset of File: the sources of this module and of all that it imports",
        "import_name": "string: the name to import it by",
        "main": "File: the root source file",
        "name": "string: the name on the command line, different for each module",
        "zigopts": "list of string: flags for this module alone",
    },
)

_LibcInfo = provider(doc = "Marks the dependency that links libc.", fields = [])

zig_libc = rule(implementation = lambda ctx: [_LibcInfo()])

_MODULE_ATTRS = {
    "data": attr.label_list(allow_files = True),
    "deps": attr.label_list(providers = [[ZigModuleInfo], [_LibcInfo]]),
    "extra_srcs": attr.label_list(allow_files = True),
    "main": attr.label(allow_single_file = [".zig"], mandatory = True),
    "srcs": attr.label_list(allow_files = [".zig"]),
    "zigopts": attr.string_list(),
}

_BINARY_ATTRS = _MODULE_ATTRS | {
    "env": attr.string_dict(),
    "strip_debug_symbols": attr.bool(default = False),
}

def _module(ctx, import_name):
    deps = [dep[ZigModuleInfo] for dep in ctx.attr.deps if ZigModuleInfo in dep]
    return ZigModuleInfo(
        deps = deps,
        files = depset(
            [ctx.file.main] + ctx.files.srcs + ctx.files.extra_srcs,
            transitive = [dep.files for dep in deps],
        ),
        import_name = import_name,
        main = ctx.file.main,
        name = str(ctx.label).replace("@", "").replace("/", "_").replace(":", "_"),
        zigopts = ctx.attr.zigopts,
    )

def _all_modules(root):
    """The modules that `root` needs, itself first, each once."""
    found = {root.name: root}
    queue = [root]

    # Starlark has no while; a graph deeper than this is not one of people's making.
    for _ in range(1000):
        if not queue:
            return found.values()
        module = queue.pop(0)
        for dep in module.deps:
            if dep.name not in found:
                found[dep.name] = dep
                queue.append(dep)
    fail("too many modules")

def _mode(ctx):
    return "ReleaseSafe" if ctx.var["COMPILATION_MODE"] == "opt" else "Debug"

def _compile(ctx, command, output, mnemonic):
    root = _module(ctx, ctx.label.name)
    args = ctx.actions.args()
    args.add_all(command)
    args.add(output, format = "-femit-bin=%s")
    args.add_all(["--cache-dir", ZIG_CACHE, "--global-cache-dir", ZIG_CACHE])
    target = ["-target", ZIG_MACHINE + "-linux-gnu.2.17"]
    args.add_all(target + ["-mcpu", "baseline"])
    if any([_LibcInfo in dep for dep in ctx.attr.deps]):
        args.add("-lc")
    if ctx.attr.strip_debug_symbols:
        args.add("-fstrip")

    # Flags count for the module named after them.
    args.add_all(["-O", _mode(ctx)])
    for module in _all_modules(root):
        if module != root and any([opt.startswith("-mcpu") for opt in module.zigopts]):
            # A processor of its own would else be one of the building machine's system.
            args.add_all(target)
        args.add_all(module.zigopts)
        for dep in module.deps:
            args.add_all(["--dep", "{}={}".format(dep.import_name, dep.name)])
        args.add(module.main, format = "-M{}=%s".format(module.name))
    ctx.actions.run(
        executable = ZIG_EXE,
        arguments = [args],
        inputs = root.files,
        outputs = [output],
        mnemonic = mnemonic,
        progress_message = "Building %{label} with Zig",
        # The compiler asks for a home even if its cache is elsewhere.
        env = {"HOME": ZIG_CACHE},
    )

def _runfiles(ctx, files):
    runfiles = ctx.runfiles(files = files + ctx.files.data)
    targets = ctx.attr.data + ctx.attr.deps
    return runfiles.merge_all([target[DefaultInfo].default_runfiles for target in targets])

def _library_impl(ctx):
    return [
        _module(ctx, ctx.attr.import_name or ctx.label.name),
        DefaultInfo(runfiles = _runfiles(ctx, [])),
    ]

zig_library = rule(
    implementation = _library_impl,
    attrs = _MODULE_ATTRS | {"import_name": attr.string()},
)

def _shared_library_impl(ctx):
    output = ctx.actions.declare_file("lib{}.so".format(ctx.label.name))
    command = ["build-lib", "-dynamic", "-fsoname=" + output.basename]
    _compile(ctx, command, output, "ZigBuildSharedLib")
    return [DefaultInfo(files = depset([output]), runfiles = _runfiles(ctx, [output]))]

zig_shared_library = rule(
    implementation = _shared_library_impl,
    attrs = _MODULE_ATTRS | {"strip_debug_symbols": attr.bool(default = False)},
)

def _static_library_impl(ctx):
    output = ctx.actions.declare_file("lib{}.a".format(ctx.label.name))
    command = ["build-lib"]
    if ctx.attr.compiler_runtime == "include":
        command.append("-fcompiler-rt")
    elif ctx.attr.compiler_runtime == "exclude":
        command.append("-fno-compiler-rt")
    _compile(ctx, command, output, "ZigBuildStaticLib")
    return [DefaultInfo(files = depset([output]), runfiles = _runfiles(ctx, []))]

zig_static_library = rule(
    implementation = _static_library_impl,
    attrs = _MODULE_ATTRS | {
        "compiler_runtime": attr.string(
            default = "default",
            values = ["default", "include", "exclude"],
        ),
        "strip_debug_symbols": attr.bool(default = False),
    },
)

def _executable(ctx, command, mnemonic):
    output = ctx.actions.declare_file(ctx.label.name)
    _compile(ctx, command, output, mnemonic)
    environment = {
        name: ctx.expand_location(value, ctx.attr.data)
        for name, value in ctx.attr.env.items()
    }
    return [
        DefaultInfo(
            executable = output,
            files = depset([output]),
            runfiles = _runfiles(ctx, [output]),
        ),
        RunEnvironmentInfo(environment = environment),
    ]

zig_binary = rule(
    implementation = lambda ctx: _executable(ctx, ["build-exe"], "ZigBuildExe"),
    attrs = _BINARY_ATTRS,
    executable = True,
)

zig_test = rule(
    implementation = lambda ctx: _executable(ctx, ["test", "--test-no-exec"], "ZigBuildTest"),
    attrs = _BINARY_ATTRS,
    test = True,
)
