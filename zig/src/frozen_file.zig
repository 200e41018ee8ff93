//! Frozen tokenizers on disk and in memory: written whole or not at all, and mapped.
//!
//! A file is written under a temporary name in the same folder, reaches the disk, and then takes the name it
//! was asked for: whoever opens that finds the old content or all of the new. A mapped file may be replaced
//! so, or deleted; it must not be changed or truncated in place while a tokenizer uses it, which then reads
//! what was not checked, or nothing (SIGBUS). A tokenizer from bytes has a copy of its own.

const std = @import("std");
const builtin = @import("builtin");
const Diagnostic = @import("diagnostic.zig").Diagnostic;
const frozen = @import("frozen.zig");
const Tokenizer = @import("tokenizer.zig").Tokenizer;
const Allocator = std.mem.Allocator;
const Io = std.Io;

/// `FileFailed`: the system refused; the diagnostic says what.
pub const Error = frozen.Error || error{FileFailed};

/// A tokenizer and the bytes that its tables lie in.
pub const Frozen = struct {
    tokenizer: Tokenizer,
    bytes: frozen.Bytes,
    is_mapped: bool,

    /// Maps a file.
    pub fn open(gpa: Allocator, path: []const u8, diagnostic: *Diagnostic) Error!Frozen {
        var threaded: Io.Threaded = .init_single_threaded;
        const io = threaded.io();
        var file = Io.Dir.cwd().openFile(io, path, .{}) catch |err|
            return failed("read", err, diagnostic);
        defer file.close(io);
        const len = file.length(io) catch |err| return failed("read", err, diagnostic);
        const size = std.math.cast(usize, len) orelse return error.OutOfMemory;
        // An empty file cannot be mapped.
        if (!can_map or size == 0) return readWhole(gpa, io, file, size, diagnostic);
        const readable: std.posix.PROT = .{ .READ = true };
        const bytes = std.posix.mmap(null, size, readable, map_flags, file.handle, 0) catch |err|
            return failed("read", err, diagnostic);
        errdefer std.posix.munmap(bytes);
        return .{
            .tokenizer = try frozen.read(bytes, diagnostic),
            .bytes = bytes,
            .is_mapped = true,
        };
    }

    /// Copies the bytes of a file.
    pub fn of(gpa: Allocator, content: []const u8, diagnostic: *Diagnostic) frozen.Error!Frozen {
        const bytes = try gpa.alignedAlloc(u8, .fromByteUnits(frozen.alignment), content.len);
        errdefer gpa.free(bytes);
        @memcpy(bytes, content);
        return .{
            .tokenizer = try frozen.read(bytes, diagnostic),
            .bytes = bytes,
            .is_mapped = false,
        };
    }

    pub fn close(self: *Frozen, gpa: Allocator) void {
        if (can_map and self.is_mapped) {
            const bytes: []align(std.heap.page_size_min) const u8 = @alignCast(self.bytes);
            std.posix.munmap(bytes);
        } else gpa.free(self.bytes);
        self.* = undefined;
    }

    fn readWhole(
        gpa: Allocator,
        io: Io,
        file: Io.File,
        size: usize,
        diagnostic: *Diagnostic,
    ) Error!Frozen {
        const bytes = try gpa.alignedAlloc(u8, .fromByteUnits(frozen.alignment), size);
        errdefer gpa.free(bytes);
        const len = file.readPositionalAll(io, bytes, 0) catch |err|
            return failed("read", err, diagnostic);
        return .{
            .tokenizer = try frozen.read(bytes[0..len], diagnostic),
            .bytes = bytes,
            .is_mapped = false,
        };
    }
};

/// Writes the frozen form of a tokenizer to a file, in place of what is there.
pub fn save(
    gpa: Allocator,
    tokenizer: *const Tokenizer,
    path: []const u8,
    diagnostic: *Diagnostic,
) Error!void {
    const bytes = try frozen.write(gpa, tokenizer);
    defer gpa.free(bytes);
    var threaded: Io.Threaded = .init_single_threaded;
    const name = std.fs.path.basename(path);
    // What a process that is killed here leaves behind tells what it was to become, and is nothing else.
    var number: [8]u8 = undefined;
    threaded.io().random(&number);
    const temporary = try std.fmt.allocPrint(gpa, "{s}.{x}.tmp", .{ name, &number });
    defer gpa.free(temporary);
    writeWhole(threaded.io(), std.fs.path.dirname(path) orelse ".", name, temporary, bytes) catch |err|
        return failed("write", err, diagnostic);
}

fn writeWhole(
    io: Io,
    folder: []const u8,
    name: []const u8,
    temporary: []const u8,
    bytes: []const u8,
) !void {
    var dir = try Io.Dir.cwd().openDir(io, folder, .{});
    defer dir.close(io);
    const file = try dir.createFile(io, temporary, .{ .exclusive = true });
    errdefer dir.deleteFile(io, temporary) catch {};
    {
        defer file.close(io);
        try file.writePositionalAll(io, bytes, 0);
        try file.sync(io);
    }
    try dir.rename(temporary, dir, name, io);
}

const can_map = builtin.os.tag != .windows;

/// All pages at once where the system can: a fault for each would take longer than all else.
const map_flags: std.posix.MAP = flags: {
    var result: std.posix.MAP = .{ .TYPE = .PRIVATE };
    if (@hasField(std.posix.MAP, "POPULATE")) result.POPULATE = true;
    break :flags result;
};

fn failed(comptime verb: []const u8, err: anyerror, diagnostic: *Diagnostic) Error {
    if (err == error.OutOfMemory) return error.OutOfMemory;
    diagnostic.set(null, "cannot " ++ verb ++ " the file: {s}", .{@errorName(err)});
    return error.FileFailed;
}

const test_support = @import("test_support.zig");

test "saved, replaced while it is mapped, and opened again" {
    const gpa = std.testing.allocator;
    var arena_state: std.heap.ArenaAllocator = .init(gpa);
    defer arena_state.deinit();
    var folder = std.testing.tmpDir(.{});
    defer folder.cleanup();
    const path = try std.fmt.allocPrint(
        arena_state.allocator(),
        ".zig-cache/tmp/{s}/small.frozen",
        .{folder.sub_path},
    );
    var diagnostic: Diagnostic = .{};
    const parsed = try test_support.smallDefinition(arena_state.allocator(), .list);
    var tokenizer: Tokenizer = try .init(gpa, parsed, &diagnostic);
    defer tokenizer.deinit(gpa);
    try save(gpa, &tokenizer, path, &diagnostic);
    var first: Frozen = try .open(gpa, path, &diagnostic);
    defer first.close(gpa);
    try save(gpa, &first.tokenizer, path, &diagnostic);
    var second: Frozen = try .open(gpa, path, &diagnostic);
    defer second.close(gpa);
    var copy: Frozen = try .of(gpa, second.bytes, &diagnostic);
    defer copy.close(gpa);
    for ([_]*const Frozen{ &first, &second, &copy }) |opened| {
        try std.testing.expectEqual(256, opened.tokenizer.tokenToId("ab"));
    }
    // Nothing else is left in the folder.
    var dir = try folder.dir.openDir(std.testing.io, ".", .{ .iterate = true });
    defer dir.close(std.testing.io);
    var entries = dir.iterate();
    try std.testing.expectEqualStrings("small.frozen", (try entries.next(std.testing.io)).?.name);
    try std.testing.expectEqual(null, try entries.next(std.testing.io));
}

test "what the system refuses is said" {
    const gpa = std.testing.allocator;
    var diagnostic: Diagnostic = .{};
    try std.testing.expectError(error.FileFailed, Frozen.open(gpa, "no/such/file", &diagnostic));
    try std.testing.expectEqualStrings("cannot read the file: FileNotFound", diagnostic.message());
    try std.testing.expectError(error.Malformed, Frozen.of(gpa, "", &diagnostic));
}
