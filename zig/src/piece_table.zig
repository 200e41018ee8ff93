//! Pieces that are a single token, looked up by value: most pieces of most texts end here and never reach
//! the merge engine. Built once from the vocabulary, then read-only and shared by all threads.
//!
//! A piece of up to 16 bytes is two machine words; finding it is one hash of two multiplications and, the
//! table being at most half full, one or two comparisons. Longer tokens are few: they stand in a plain
//! hash map, and a piece longer than all of them is not looked up at all.

const std = @import("std");
const Allocator = std.mem.Allocator;

/// Longest piece that is compared as two words.
pub const short_len_max = 16;

pub const PieceTable = struct {
    entries: []Entry,
    shift: u6,
    long: std.StringHashMapUnmanaged(u32),
    long_len_max: usize,

    /// The bytes, zero-padded; `len` tells "a" from "a\x00". An empty slot has length 0.
    const Entry = extern struct { low: u64, high: u64, len: u32, id: u32 };

    comptime {
        std.debug.assert(@sizeOf(Entry) == 24);
    }

    pub const Piece = struct { bytes: []const u8, id: u32 };

    /// Builds the table of `pieces`; where two have the same bytes, the first counts. The bytes of those
    /// longer than 16 are not copied and must outlive the table. Empty pieces are left out.
    pub fn init(gpa: Allocator, pieces: []const Piece) error{OutOfMemory}!PieceTable {
        const slots = std.math.ceilPowerOfTwo(usize, @max(pieces.len * 2, 16)) catch
            return error.OutOfMemory;
        const entries = try gpa.alloc(Entry, slots);
        @memset(entries, std.mem.zeroes(Entry));
        var table: PieceTable = .{
            .entries = entries,
            .shift = @intCast(64 - @as(u7, std.math.log2_int(usize, slots))),
            .long = .empty,
            .long_len_max = 0,
        };
        errdefer table.deinit(gpa);
        for (pieces) |piece| {
            if (piece.bytes.len == 0) continue;
            if (piece.bytes.len <= short_len_max) {
                table.put(piece);
                continue;
            }
            table.long_len_max = @max(table.long_len_max, piece.bytes.len);
            const slot = try table.long.getOrPut(gpa, piece.bytes);
            if (!slot.found_existing) slot.value_ptr.* = piece.id;
        }
        return table;
    }

    pub fn deinit(table: *PieceTable, gpa: Allocator) void {
        gpa.free(table.entries);
        table.long.deinit(gpa);
        table.* = undefined;
    }

    /// The id of the piece `text[start..end]`, which must not be empty; null if it is not one token.
    pub inline fn find(table: *const PieceTable, text: []const u8, start: usize, end: usize) ?u32 {
        const len = end - start;
        if (len > short_len_max) return table.findLong(text[start..end]);
        const words = loadWords(text, start, len);
        const mask = table.entries.len - 1;
        var slot = table.slotOf(words, len);
        while (true) : (slot = (slot + 1) & mask) {
            const entry = &table.entries[slot];
            if (entry.low == words[0] and entry.high == words[1] and entry.len == len) {
                return entry.id;
            }
            if (entry.len == 0) return null;
        }
    }

    pub fn memoryBytes(table: *const PieceTable) usize {
        const long_slot_bytes = @sizeOf([]const u8) + @sizeOf(u32) + 1;
        return table.entries.len * @sizeOf(Entry) + table.long.capacity() * long_slot_bytes;
    }

    fn findLong(table: *const PieceTable, piece: []const u8) ?u32 {
        if (piece.len > table.long_len_max) return null;
        return table.long.get(piece);
    }

    fn put(table: *PieceTable, piece: Piece) void {
        const words = loadWords(piece.bytes, 0, piece.bytes.len);
        const mask = table.entries.len - 1;
        var slot = table.slotOf(words, piece.bytes.len);
        while (table.entries[slot].len != 0) : (slot = (slot + 1) & mask) {
            const entry = table.entries[slot];
            if (entry.low == words[0] and entry.high == words[1] and
                entry.len == piece.bytes.len) return;
        }
        table.entries[slot] = .{
            .low = words[0],
            .high = words[1],
            .len = @intCast(piece.bytes.len),
            .id = piece.id,
        };
    }

    inline fn slotOf(table: *const PieceTable, words: [2]u64, len: usize) usize {
        // Folded 128-bit multiplication: every bit of the input reaches the upper bits, which choose the
        // slot.
        const left = words[0] ^ 0x9e3779b97f4a7c15 ^ len;
        const right = words[1] ^ 0xd1b54a32d192ed03;
        const product = @as(u128, left) *% right;
        const folded = @as(u64, @truncate(product)) ^ @as(u64, @truncate(product >> 64));
        return (folded *% 0x9e3779b97f4a7c15) >> table.shift;
    }
};

/// `len` bytes (1 to 16) from `start` on, zero-padded, as two little-endian words. Sixteen bytes are read at
/// once where the text has them, and masked.
inline fn loadWords(text: []const u8, start: usize, len: usize) [2]u64 {
    if (start + short_len_max <= text.len) {
        const low = std.mem.readInt(u64, text[start..][0..8], .little);
        const high = std.mem.readInt(u64, text[start + 8 ..][0..8], .little);
        if (len <= 8) return .{ low & lowBytes(len), 0 };
        return .{ low, high & lowBytes(len - 8) };
    }
    var padded: [short_len_max]u8 = @splat(0);
    @memcpy(padded[0..len], text[start..][0..len]);
    return .{
        std.mem.readInt(u64, padded[0..8], .little),
        std.mem.readInt(u64, padded[8..16], .little),
    };
}

/// A mask of the lowest `count` bytes, 1 to 8.
inline fn lowBytes(count: usize) u64 {
    return ~@as(u64, 0) >> @intCast(64 - 8 * count);
}

test "finds each piece and nothing else, wherever it lies in its text" {
    const gpa = std.testing.allocator;
    var prng: std.Random.DefaultPrng = .init(3);
    const random = prng.random();
    var arena: std.heap.ArenaAllocator = .init(gpa);
    defer arena.deinit();
    var expected: std.StringHashMapUnmanaged(u32) = .empty;
    var pieces: std.ArrayList(PieceTable.Piece) = .empty;
    for (0..3000) |id| {
        const bytes = try arena.allocator().alloc(u8, random.uintLessThan(usize, 24));
        for (bytes) |*byte| byte.* = random.uintLessThan(u8, 3);
        try pieces.append(arena.allocator(), .{ .bytes = bytes, .id = @intCast(id) });
        const slot = try expected.getOrPut(arena.allocator(), bytes);
        if (!slot.found_existing) slot.value_ptr.* = @intCast(id);
    }
    var table: PieceTable = try .init(gpa, pieces.items);
    defer table.deinit(gpa);

    var text: [64]u8 = undefined;
    for (0..200) |_| {
        for (&text) |*byte| byte.* = random.uintLessThan(u8, 3);
        for (0..text.len) |start| {
            for (start + 1..@min(start + 26, text.len + 1)) |end| {
                try std.testing.expectEqual(
                    expected.get(text[start..end]),
                    table.find(&text, start, end),
                );
            }
        }
    }
    for (pieces.items) |piece| {
        if (piece.bytes.len == 0) continue;
        try std.testing.expectEqual(
            expected.get(piece.bytes),
            table.find(piece.bytes, 0, piece.bytes.len),
        );
    }
}

fn buildOnce(gpa: Allocator) !void {
    var table: PieceTable = try .init(gpa, &.{
        .{ .bytes = "a", .id = 1 },
        .{ .bytes = "a piece that is longer than two words", .id = 2 },
    });
    table.deinit(gpa);
}

test "a failed allocation leaks nothing" {
    try std.testing.checkAllAllocationFailures(std.testing.allocator, buildOnce, .{});
}
