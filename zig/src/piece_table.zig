//! Pieces that are a single token, looked up by value: most pieces of most texts end here and never reach
//! the merge engine. Built once from the vocabulary, then read-only and shared by all threads.
//!
//! Pieces of up to 8 bytes are one machine word and stand in a table of 16-byte entries, four to a cache
//! line; those of up to 16 bytes are two words and stand in one of 32-byte entries. Either is at most half
//! full. The caller makes the keys of many pieces first, prefetching each key's entry, and looks them up
//! then: the tables of a large vocabulary do not fit the second-level cache. Longer tokens are few: they
//! stand in a table of their own, and a piece longer than all of them is not looked up at all.

const std = @import("std");
const LongPieces = @import("long_pieces.zig").LongPieces;
const huge_pages = @import("huge_pages.zig");
const Allocator = std.mem.Allocator;

/// Longest piece that has a key.
pub const key_len_max = 16;

/// A piece of 1 to 16 bytes by value: zero-padded, as two little-endian words. `len` tells "a" from "a\x00".
pub const Key = struct {
    low: u64,
    high: u64,
    len: u32,
    /// Where the search begins.
    slot: u32,
};

pub const PieceTable = struct {
    words: Table(WordEntry),
    double_words: Table(DoubleWordEntry),
    long: LongPieces,

    /// Of up to 8 bytes. An empty slot has length 0.
    const WordEntry = extern struct {
        low: u64,
        len: u32,
        id: u32,

        fn of(key: Key, id: u32) WordEntry {
            return .{ .low = key.low, .len = key.len, .id = id };
        }

        inline fn is(entry: *const WordEntry, key: Key) bool {
            return entry.low == key.low and entry.len == key.len;
        }

        comptime {
            std.debug.assert(@sizeOf(WordEntry) == 16);
        }
    };

    /// Of 9 to 16 bytes.
    const DoubleWordEntry = extern struct {
        low: u64,
        high: u64,
        len: u32,
        id: u32,
        padding: u64 = 0,

        fn of(key: Key, id: u32) DoubleWordEntry {
            return .{ .low = key.low, .high = key.high, .len = key.len, .id = id };
        }

        inline fn is(entry: *const DoubleWordEntry, key: Key) bool {
            return entry.low == key.low and entry.high == key.high and entry.len == key.len;
        }

        comptime {
            std.debug.assert(@sizeOf(DoubleWordEntry) == 32);
        }
    };

    pub const Piece = struct { bytes: []const u8, id: u32 };

    /// Builds the table of `pieces`; where two have the same bytes, the first counts. Empty pieces are left
    /// out.
    pub fn init(gpa: Allocator, pieces: []const Piece) error{OutOfMemory}!PieceTable {
        var word_count: usize = 0;
        var double_word_count: usize = 0;
        var long_count: usize = 0;
        var long_total: usize = 0;
        for (pieces) |piece| switch (piece.bytes.len) {
            0...8 => word_count += 1,
            9...key_len_max => double_word_count += 1,
            else => |len| {
                long_count += 1;
                long_total += len;
            },
        };
        var words: Table(WordEntry) = try .init(gpa, word_count);
        errdefer words.deinit(gpa);
        var double_words: Table(DoubleWordEntry) = try .init(gpa, double_word_count);
        errdefer double_words.deinit(gpa);
        var table: PieceTable = .{
            .words = words,
            .double_words = double_words,
            .long = try .init(gpa, long_count, long_total),
        };
        var long_end: u32 = 0;
        var begin: usize = 0;
        while (begin < pieces.len) : (begin += batch_len) {
            const batch = pieces[begin..@min(begin + batch_len, pieces.len)];
            table.putShort(batch);
            for (batch) |piece| {
                if (piece.bytes.len <= key_len_max) continue;
                long_end = table.long.put(long_end, piece.bytes, piece.id);
            }
        }
        return table;
    }

    /// Pieces entered together, so that their entries are fetched at the same time.
    const batch_len = 32;

    /// Enters the pieces, at most `batch_len`, that have keys.
    fn putShort(table: *PieceTable, pieces: []const Piece) void {
        var keys: [batch_len]Key = undefined;
        var ids: [batch_len]u32 = undefined;
        var count: usize = 0;
        for (pieces) |piece| {
            if (piece.bytes.len == 0 or piece.bytes.len > key_len_max) continue;
            table.makeKey(piece.bytes, 0, piece.bytes.len, &keys[count]);
            ids[count] = piece.id;
            count += 1;
        }
        for (keys[0..count], ids[0..count]) |key, id| {
            if (key.len <= 8) table.words.put(key, id) else table.double_words.put(key, id);
        }
    }

    pub fn deinit(table: *PieceTable, gpa: Allocator) void {
        table.words.deinit(gpa);
        table.double_words.deinit(gpa);
        table.long.deinit(gpa);
        table.* = undefined;
    }

    /// Writes the key of the piece `text[start..end]`, of 1 to 16 bytes; what a search for it will read is on
    /// its way to the cache. (Written field by field: as a result, the key was copied in wider moves than it
    /// had been stored in, and waiting for that took a seventh of all time.)
    pub inline fn makeKey(
        table: *const PieceTable,
        text: []const u8,
        start: usize,
        end: usize,
        key: *Key,
    ) void {
        const len = end - start;
        const words = loadWords(text, start, len);
        key.len = @intCast(len);
        key.low = words[0];
        key.high = words[1];
        if (len <= 8) {
            key.slot = table.words.slotOf(hashWord(words[0], len));
            @prefetch(&table.words.entries[key.slot], .{});
        } else {
            key.slot = table.double_words.slotOf(hashDoubleWord(words, len));
            @prefetch(&table.double_words.entries[key.slot], .{});
        }
    }

    /// The id of the piece of this key; null if it is not one token.
    pub inline fn find(table: *const PieceTable, key: Key) ?u32 {
        return if (key.len <= 8) table.words.find(key) else table.double_words.find(key);
    }

    /// The id of a piece of more than 16 bytes; null if it is not one token.
    pub fn findLong(table: *const PieceTable, piece: []const u8) ?u32 {
        return table.long.find(piece);
    }

    pub fn memoryBytes(table: *const PieceTable) usize {
        return table.words.entries.len * @sizeOf(WordEntry) +
            table.double_words.entries.len * @sizeOf(DoubleWordEntry) +
            table.long.memoryBytes();
    }
};

/// Open addressing over a power of two of slots, at most half of them taken.
fn Table(comptime Entry: type) type {
    return struct {
        entries: []align(cache_line) Entry,
        shift: u6,

        const Self = @This();
        const cache_line = 64;

        fn init(gpa: Allocator, count: usize) error{OutOfMemory}!Self {
            const slots = std.math.ceilPowerOfTwo(usize, @max(count * 2, 16)) catch
                return error.OutOfMemory;
            if (slots > 1 << 32) return error.OutOfMemory;
            const entries = try gpa.alignedAlloc(Entry, .fromByteUnits(cache_line), slots);
            huge_pages.advise(std.mem.sliceAsBytes(entries));
            @memset(entries, std.mem.zeroes(Entry));
            return .{
                .entries = entries,
                .shift = @intCast(64 - @as(u7, std.math.log2_int(usize, slots))),
            };
        }

        /// Whether every search ends and gives what is there.
        pub fn validate(table: *const Self, id_limit: u32) bool {
            const slots = table.entries.len;
            if (slots < 2 or !std.math.isPowerOfTwo(slots)) return false;
            if (table.shift != 64 - @as(u7, std.math.log2_int(usize, slots))) return false;
            var empty_count: usize = 0;
            var is_outside = false;
            for (table.entries) |entry| {
                empty_count += @intFromBool(entry.len == 0);
                is_outside = is_outside or entry.id >= id_limit;
            }
            return empty_count > 0 and !(is_outside and id_limit > 0);
        }

        fn deinit(table: *Self, gpa: Allocator) void {
            gpa.free(table.entries);
        }

        inline fn slotOf(table: *const Self, hash: u64) u32 {
            return @intCast(hash >> table.shift);
        }

        inline fn find(table: *const Self, key: Key) ?u32 {
            const mask = table.entries.len - 1;
            var slot: usize = key.slot;
            while (true) : (slot = (slot + 1) & mask) {
                const entry = &table.entries[slot];
                if (entry.is(key)) return entry.id;
                if (entry.len == 0) return null;
            }
        }

        fn put(table: *Self, key: Key, id: u32) void {
            const mask = table.entries.len - 1;
            var slot: usize = key.slot;
            while (table.entries[slot].len != 0) : (slot = (slot + 1) & mask) {
                if (table.entries[slot].is(key)) return;
            }
            table.entries[slot] = .of(key, id);
        }
    };
}

/// The upper bits, which choose the slot, depend on every byte.
inline fn hashWord(word: u64, len: usize) u64 {
    const mixed = (word ^ len) *% 0x9e3779b97f4a7c15;
    return (mixed ^ mixed >> 32) *% 0xd6e8feb86659fd93;
}

/// A folded 128-bit multiplication: every bit of the input reaches the upper bits.
inline fn hashDoubleWord(words: [2]u64, len: usize) u64 {
    const left = words[0] ^ 0x9e3779b97f4a7c15 ^ len;
    const right = words[1] ^ 0xd1b54a32d192ed03;
    const product = @as(u128, left) *% right;
    const folded = @as(u64, @truncate(product)) ^ @as(u64, @truncate(product >> 64));
    return folded *% 0x9e3779b97f4a7c15;
}

/// `len` bytes (1 to 16) from `start` on, zero-padded, as two little-endian words. Sixteen bytes are read at
/// once where the text has them, and masked.
inline fn loadWords(text: []const u8, start: usize, len: usize) [2]u64 {
    if (start + key_len_max <= text.len) {
        const low = std.mem.readInt(u64, text[start..][0..8], .little);
        const high = std.mem.readInt(u64, text[start + 8 ..][0..8], .little);
        if (len <= 8) return .{ low & lowBytes(len), 0 };
        return .{ low, high & lowBytes(len - 8) };
    }
    var padded: [key_len_max]u8 = @splat(0);
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

fn findIn(table: *const PieceTable, text: []const u8, start: usize, end: usize) ?u32 {
    if (end - start > key_len_max) return table.findLong(text[start..end]);
    var key: Key = undefined;
    table.makeKey(text, start, end, &key);
    return table.find(key);
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
                    findIn(&table, &text, start, end),
                );
            }
        }
    }
    for (pieces.items) |piece| {
        if (piece.bytes.len == 0) continue;
        try std.testing.expectEqual(
            expected.get(piece.bytes),
            findIn(&table, piece.bytes, 0, piece.bytes.len),
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
