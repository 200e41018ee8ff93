//! The core as a plain Zig package: `zig build` makes the shared and the static library and the C header,
//! `zig build test` runs the unit and the compile-failure tests, `zig build run --release=fast` the
//! benchmark program. The monorepo's own build is Bazel's; both build the same sources.

const std = @import("std");

pub fn build(b: *std.Build) void {
    const target = b.standardTargetOptions(.{});
    const optimize = b.standardOptimizeOption(.{});

    const package = b.addModule("pyaot_tokenizer", .{
        .root_source_file = b.path("src/root.zig"),
        .target = target,
        .optimize = optimize,
        // Threads of a library that a host loads need libc's.
        .link_libc = true,
    });
    addKernels(b, package, target, optimize);
    addLibraries(b, target, optimize);
    addBenchmark(b, package, target, optimize);
    addSoak(b, target, optimize);
    addFuzz(b, package, target, optimize);

    const test_step = b.step("test", "Run the unit tests and the compile-failure tests");
    const filters = b.option([]const []const u8, "test-filter", "Run only tests whose names hold this") orelse &.{};
    const unit_tests = b.addTest(.{ .root_module = package, .filters = filters });
    test_step.dependOn(&b.addRunArtifact(unit_tests).step);
    addCompileTests(b, test_step, target);
}

fn addLibraries(
    b: *std.Build,
    target: std.Build.ResolvedTarget,
    optimize: std.builtin.OptimizeMode,
) void {
    for ([_]std.builtin.LinkMode{ .dynamic, .static }) |linkage| {
        const library = b.addLibrary(.{
            .name = "pyaot_tokenizer",
            .linkage = linkage,
            .root_module = b.createModule(.{
                .root_source_file = b.path("src/lib.zig"),
                .target = target,
                .optimize = optimize,
                .link_libc = true,
                .pic = true,
            }),
        });
        addKernels(b, library.root_module, target, optimize);
        if (linkage == .static) library.bundle_compiler_rt = true;
        library.installHeader(b.path("include/pyaot_tokenizer.h"), "pyaot_tokenizer.h");
        b.installArtifact(library);
    }
}

/// The window kernels under the flags of higher CPU levels. A file belongs to one module, so each level is
/// compiled from copies.
fn addKernels(
    b: *std.Build,
    module: *std.Build.Module,
    target: std.Build.ResolvedTarget,
    optimize: std.builtin.OptimizeMode,
) void {
    if (target.result.cpu.arch != .x86_64) return;
    const copies = b.addWriteFiles();
    for ([_]struct { []const u8, *const std.Target.Cpu.Model }{
        .{ "window_v3", &std.Target.x86.cpu.x86_64_v3 },
        .{ "window_v4", &std.Target.x86.cpu.x86_64_v4 },
    }) |level| {
        const name, const model = level;
        const copy = copies.addCopyDirectory(b.path("src/pretokenizer/kernels"), name, .{});
        var query = target.query;
        query.cpu_model = .{ .explicit = model };
        module.addImport(name, b.createModule(.{
            .root_source_file = copy.path(b, "window.zig"),
            .target = b.resolveTargetQuery(query),
            .optimize = optimize,
        }));
    }
}

fn addBenchmark(
    b: *std.Build,
    package: *std.Build.Module,
    target: std.Build.ResolvedTarget,
    optimize: std.builtin.OptimizeMode,
) void {
    const program = b.addExecutable(.{
        .name = "pyaot_tokenizer_bench",
        .root_module = b.createModule(.{
            .root_source_file = b.path("src/main.zig"),
            .target = target,
            .optimize = optimize,
            .link_libc = true,
            .imports = &.{.{ .name = "pyaot_tokenizer", .module = package }},
        }),
    });
    const run = b.addRunArtifact(program);
    if (b.args) |args| run.addArgs(args);
    b.step("run", "Run the benchmark program (add --release=fast)").dependOn(&run.step);

    const check = b.addExecutable(.{
        .name = "check_scanners",
        .root_module = b.createModule(.{
            .root_source_file = b.path("src/check_scanners.zig"),
            .target = target,
            .optimize = optimize,
            .link_libc = true,
            .imports = &.{.{ .name = "pyaot_tokenizer", .module = package }},
        }),
    });
    const run_check = b.addRunArtifact(check);
    if (b.args) |args| run_check.addArgs(args);
    b.step(
        "check-scanners",
        "Compare the scanners with compiled patterns on random texts (-- COUNT)",
    ).dependOn(&run_check.step);
}

/// `zig build soak --release=safe -Dsanitize-thread -- threads 60`
fn addSoak(
    b: *std.Build,
    target: std.Build.ResolvedTarget,
    optimize: std.builtin.OptimizeMode,
) void {
    const sanitize = b.option(bool, "sanitize-thread", "Build the soak with ThreadSanitizer") orelse false;
    const package = b.createModule(.{
        .root_source_file = b.path("src/root.zig"),
        .target = target,
        .optimize = optimize,
        .link_libc = true,
        .sanitize_thread = sanitize,
    });
    addKernels(b, package, target, optimize);
    const program = b.addExecutable(.{
        .name = "pyaot_tokenizer_soak",
        .root_module = b.createModule(.{
            .root_source_file = b.path("src/soak.zig"),
            .target = target,
            .optimize = optimize,
            .link_libc = true,
            .sanitize_thread = sanitize,
            .imports = &.{.{ .name = "pyaot_tokenizer", .module = package }},
        }),
    });
    const run = b.addRunArtifact(program);
    if (b.args) |args| run.addArgs(args);
    b.step("soak", "Run for long, on threads or on text that never repeats").dependOn(&run.step);
}

/// `zig build fuzz-loaders --release=safe -- sentencepiece 60 1 tokenizer.model`
fn addFuzz(
    b: *std.Build,
    package: *std.Build.Module,
    target: std.Build.ResolvedTarget,
    optimize: std.builtin.OptimizeMode,
) void {
    const program = b.addExecutable(.{
        .name = "fuzz_loaders",
        .root_module = b.createModule(.{
            .root_source_file = b.path("src/fuzz_loaders.zig"),
            .target = target,
            .optimize = optimize,
            .link_libc = true,
            .imports = &.{.{ .name = "pyaot_tokenizer", .module = package }},
        }),
    });
    const run = b.addRunArtifact(program);
    if (b.args) |args| run.addArgs(args);
    b.step("fuzz-loaders", "Load changed files, every allocation checked").dependOn(&run.step);
}

/// Code that the comptime checks must reject, with the message they must give; null: must compile.
fn addCompileTests(b: *std.Build, test_step: *std.Build.Step, target: std.Build.ResolvedTarget) void {
    const Case = struct { name: []const u8, message: ?[]const u8 };
    for ([_]Case{
        .{ .name = "simd_add_length", .message = "Length must be multiple of 8" },
        .{ .name = "fast_memcpy_zero_size", .message = "Invalid type" },
        .{ .name = "control", .message = null },
    }) |case| {
        const object = b.addObject(.{
            .name = case.name,
            .root_module = b.createModule(.{
                .root_source_file = b.path(b.fmt("compile_fail/{s}.zig", .{case.name})),
                .target = target,
                .optimize = .Debug,
                .imports = &.{.{ .name = "simd", .module = b.createModule(.{
                    .root_source_file = b.path("src/simd.zig"),
                    .target = target,
                    .optimize = .Debug,
                }) }},
            }),
        });
        if (case.message) |message| object.expect_errors = .{ .contains = message };
        test_step.dependOn(&object.step);
    }
}
