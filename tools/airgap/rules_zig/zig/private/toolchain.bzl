"""The `resolved_toolchain` target: the compiler's path as the Make variable ZIG_BIN."""

load("@zig_toolchains//:sdk.bzl", "ZIG_EXE")

resolved_toolchain = rule(
    implementation = lambda ctx: [platform_common.TemplateVariableInfo({"ZIG_BIN": ZIG_EXE})],
)
