//! Counts of pieces as bytes that can be kept, sent and added to others.
//!
//! The form, all numbers with the lowest byte first: "PYAOTCNT"; the version in 4 bytes and 4 zero bytes; the
//! number of pieces in 8; for each piece, in ascending order, its count in 8, its length in 4 and itself; and
//! a checksum of all of that in 8 (XxHash64). The same counts have the same bytes.
//!
//! Writing takes O(n log n) time for n pieces, and 16 bytes a piece beside the result; reading is linear.

const std = @import("std");
const Diagnostic = @import("diagnostic.zig").Diagnostic;
const word_counts = @import("word_counts.zig");
const WordCounts = word_counts.WordCounts;
const Allocator = std.mem.Allocator;

pub const Error = word_counts.AddError || error{Malformed};

const magic = "PYAOTCNT";
const version = 1;
const header_len = magic.len + 4 + 4 + 8;
const checksum_len = 8;

/// The bytes of all counts of `tables`, none of which two of them share. The caller frees them.
pub fn write(gpa: Allocator, tables: []const WordCounts) error{OutOfMemory}![]u8 {
    var words: std.ArrayList(word_counts.Word) = .empty;
    defer words.deinit(gpa);
    var storage: std.heap.ArenaAllocator = .init(gpa);
    defer storage.deinit();
    var len: usize = header_len + checksum_len;
    for (tables) |*table| {
        try words.ensureUnusedCapacity(gpa, table.len());
        var walk = table.iterator();
        while (walk.next()) |word| {
            const copy = try storage.allocator().dupe(u8, word.bytes);
            words.appendAssumeCapacity(.{ .bytes = copy, .count = word.count });
            len += 8 + 4 + copy.len;
        }
    }
    std.mem.sortUnstable(word_counts.Word, words.items, {}, isBefore);

    const bytes = try gpa.alloc(u8, len);
    var writer: std.Io.Writer = .fixed(bytes);
    writeAll(&writer, words.items) catch unreachable;
    const body = bytes[0 .. len - checksum_len];
    std.debug.assert(writer.end == body.len);
    std.mem.writeInt(u64, bytes[body.len..][0..checksum_len], checksum(body), .little);
    return bytes;
}

fn writeAll(writer: *std.Io.Writer, words: []const word_counts.Word) !void {
    try writer.writeAll(magic);
    try writer.writeInt(u32, version, .little);
    try writer.writeInt(u32, 0, .little);
    try writer.writeInt(u64, words.len, .little);
    for (words) |word| {
        try writer.writeInt(u64, word.count, .little);
        try writer.writeInt(u32, @intCast(word.bytes.len), .little);
        try writer.writeAll(word.bytes);
    }
}

/// Adds the counts that `bytes` hold to `table`. Nothing is added from bytes that are not whole.
pub fn read(table: *WordCounts, bytes: []const u8, diagnostic: *Diagnostic) Error!void {
    if (!std.mem.startsWith(u8, bytes, magic)) {
        return malformed(diagnostic, 0, "not counts of pieces: they begin with \"{s}\"", .{magic});
    }
    if (bytes.len < header_len + checksum_len) {
        return malformed(diagnostic, bytes.len, "the counts end too early", .{});
    }
    const found_version = std.mem.readInt(u32, bytes[magic.len..][0..4], .little);
    if (found_version != version) {
        return malformed(
            diagnostic,
            magic.len,
            "the counts are of version {d}, this is {d}",
            .{ found_version, version },
        );
    }
    const body = bytes[0 .. bytes.len - checksum_len];
    if (std.mem.readInt(u64, bytes[body.len..][0..checksum_len], .little) != checksum(body)) {
        return malformed(diagnostic, null, "the counts are damaged: their checksum differs", .{});
    }
    const word_count = std.mem.readInt(u64, bytes[header_len - 8 ..][0..8], .little);
    var at: usize = header_len;
    for (0..@intCast(@min(word_count, body.len))) |_| {
        if (body.len - at < 12) return malformed(diagnostic, at, "the counts end too early", .{});
        const count = std.mem.readInt(u64, body[at..][0..8], .little);
        const len = std.mem.readInt(u32, body[at + 8 ..][0..4], .little);
        at += 12;
        if (body.len - at < len) return malformed(diagnostic, at, "the counts end too early", .{});
        try table.add(body[at..][0..len], count);
        at += len;
    }
    if (at != body.len) return malformed(diagnostic, at, "more than the counts is there", .{});
}

fn isBefore(_: void, a: word_counts.Word, b: word_counts.Word) bool {
    return std.mem.order(u8, a.bytes, b.bytes) == .lt;
}

fn checksum(bytes: []const u8) u64 {
    return std.hash.XxHash64.hash(0, bytes);
}

fn malformed(
    diagnostic: *Diagnostic,
    offset: ?usize,
    comptime format: []const u8,
    args: anytype,
) error{Malformed} {
    diagnostic.set(offset, format, args);
    return error.Malformed;
}

const testing = std.testing;

test "written and read back, and added to others" {
    var tables: [2]WordCounts = @splat(.init(testing.allocator));
    defer for (&tables) |*table| table.deinit();
    try tables[0].add("b", 3);
    try tables[0].add("\x00\xff", 1 << 40);
    try tables[1].add("a piece of more than fifteen bytes", 7);
    const bytes = try write(testing.allocator, &tables);
    defer testing.allocator.free(bytes);
    var sum: WordCounts = .init(testing.allocator);
    defer sum.deinit();
    var diagnostic: Diagnostic = .{};
    for (0..2) |_| try read(&sum, bytes, &diagnostic);
    try testing.expectEqual(3, sum.len());
    try testing.expectEqual(6, sum.get("b"));
    try testing.expectEqual(2 << 40, sum.get("\x00\xff"));
    try testing.expectEqual(14, sum.get("a piece of more than fifteen bytes"));
    // The order in which they were added does not show.
    var other: WordCounts = .init(testing.allocator);
    defer other.deinit();
    try other.add("a piece of more than fifteen bytes", 7);
    try other.add("\x00\xff", 1 << 40);
    try other.add("b", 3);
    const again = try write(testing.allocator, (&other)[0..1]);
    defer testing.allocator.free(again);
    try testing.expectEqualSlices(u8, bytes, again);
}

test "bytes that were cut, changed or made up are refused" {
    var table: WordCounts = .init(testing.allocator);
    defer table.deinit();
    try table.add("one", 1);
    try table.add("two", 2);
    const bytes = try write(testing.allocator, (&table)[0..1]);
    defer testing.allocator.free(bytes);
    var target: WordCounts = .init(testing.allocator);
    defer target.deinit();
    var diagnostic: Diagnostic = .{};
    for (0..bytes.len) |len| {
        try testing.expectError(error.Malformed, read(&target, bytes[0..len], &diagnostic));
        bytes[len] ^= 1;
        try testing.expectError(error.Malformed, read(&target, bytes, &diagnostic));
        bytes[len] ^= 1;
    }
    try testing.expectEqual(0, target.len());
    // Lengths that lead out of the bytes, under a checksum that fits.
    for (header_len - 8..bytes.len - checksum_len) |at| {
        const old = bytes[at];
        defer bytes[at] = old;
        bytes[at] = 0xff;
        const body = bytes[0 .. bytes.len - checksum_len];
        std.mem.writeInt(u64, bytes[body.len..][0..checksum_len], checksum(body), .little);
        read(&target, bytes, &diagnostic) catch |err| try testing.expect(err != error.OutOfMemory);
    }
}

test "an allocation that fails leaks nothing" {
    const run = struct {
        fn run(gpa: Allocator, table: *const WordCounts) !void {
            const bytes = try write(gpa, table[0..1]);
            defer gpa.free(bytes);
            var copy: WordCounts = .init(gpa);
            defer copy.deinit();
            var diagnostic: Diagnostic = .{};
            try read(&copy, bytes, &diagnostic);
        }
    }.run;
    var table: WordCounts = .init(testing.allocator);
    defer table.deinit();
    for (0..100) |i| try table.add(&.{ @intCast(i), 7 }, i + 1);
    try testing.checkAllAllocationFailures(testing.allocator, run, .{&table});
}
