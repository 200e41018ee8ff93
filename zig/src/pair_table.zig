//! Pairs of adjacent tokens to ranks: an open-addressing table behind a filter.
//!
//! A look-up hashes the pair once. Most pairs that are asked for do not merge, and of those most
//! are told by one bit of the filter, which is an eighth of the table's slots and more likely in
//! the cache.

const std = @import("std");
const huge_pages = @import("huge_pages.zig");
const Allocator = std.mem.Allocator;

pub const PairTable = struct {
    /// The rank of a pair that does not merge.
    pub const none = std.math.maxInt(u32);

    const Entry = extern struct { left: u32, right: u32, rank: u32 };
    /// Bits of the filter to a slot.
    const filter_bits = 8;
    const empty: Entry = .{ .left = none, .right = none, .rank = none };

    /// A power of two many slots, at most half of them used.
    entries: []Entry,
    shift: u6,
    /// One bit of eight a slot is set where a pair hashes to it.
    filter: []u64,
    count: usize,

    pub const Error = error{ OutOfMemory, TooLarge };

    /// An empty table with room for `capacity` pairs.
    pub fn init(gpa: Allocator, capacity: usize) Error!PairTable {
        const slots = std.math.ceilPowerOfTwo(usize, @max(capacity *| 2, 16)) catch
            return error.TooLarge;
        const entries = try gpa.alloc(Entry, slots);
        errdefer gpa.free(entries);
        huge_pages.advise(std.mem.sliceAsBytes(entries));
        @memset(entries, empty);
        const filter = try gpa.alloc(u64, slots * filter_bits / 64);
        @memset(filter, 0);
        return .{
            .entries = entries,
            .filter = filter,
            .shift = @intCast(64 - @as(u7, std.math.log2_int(usize, slots))),
            .count = 0,
        };
    }

    pub fn deinit(table: *PairTable, gpa: Allocator) void {
        gpa.free(table.entries);
        gpa.free(table.filter);
        table.* = undefined;
    }

    /// The rank of `left` followed by `right`; `none` where they do not merge.
    pub inline fn rankOf(table: *const PairTable, left: u32, right: u32) u32 {
        const hash = hashOf(left, right);
        const bit = table.filterBit(hash);
        if (table.filter[bit >> 6] >> @truncate(bit) & 1 == 0) return none;
        const mask = table.entries.len - 1;
        var slot: usize = @intCast(hash >> table.shift);
        while (true) : (slot = (slot + 1) & mask) {
            const entry = &table.entries[slot];
            if (entry.left == left and entry.right == right) return entry.rank;
            if (entry.left == none) return none;
        }
    }

    /// Gives a pair its rank, and returns the one it had before, `none` if it is new.
    pub fn put(table: *PairTable, left: u32, right: u32, rank: u32) u32 {
        const mask = table.entries.len - 1;
        const hash = hashOf(left, right);
        const bit = table.filterBit(hash);
        table.filter[bit >> 6] |= @as(u64, 1) << @truncate(bit);
        var slot: usize = @intCast(hash >> table.shift);
        while (table.entries[slot].left != none) : (slot = (slot + 1) & mask) {
            const entry = &table.entries[slot];
            if (entry.left != left or entry.right != right) continue;
            const before = entry.rank;
            entry.rank = rank;
            return before;
        }
        table.entries[slot] = .{ .left = left, .right = right, .rank = rank };
        table.count += 1;
        return none;
    }

    /// Sends for what entering a pair reads.
    pub inline fn prefetch(table: *const PairTable, left: u32, right: u32) void {
        const hash = hashOf(left, right);
        @prefetch(&table.entries[@intCast(hash >> table.shift)], .{});
        @prefetch(&table.filter[table.filterBit(hash) >> 6], .{});
    }

    pub fn memoryBytes(table: *const PairTable) usize {
        return table.entries.len * @sizeOf(Entry) + table.filter.len * 8;
    }

    /// Whether every search ends and reads what is there.
    pub fn validate(table: *const PairTable, id_limit: u32) bool {
        _ = id_limit;
        const slots = table.entries.len;
        if (slots < 16 or !std.math.isPowerOfTwo(slots)) return false;
        if (table.shift != 64 - @as(u7, std.math.log2_int(usize, slots))) return false;
        if (table.filter.len != slots * filter_bits / 64) return false;
        var empty_count: usize = 0;
        var has_edge = false;
        for (table.entries) |entry| {
            empty_count += @intFromBool(entry.left == none);
            // Merging side by side relies on it that nothing merges with none.
            has_edge = has_edge or (entry.left != none and entry.right == none);
        }
        if (empty_count == 0 or has_edge) return false;
        // A sample: the hash may be another than that of the code that made the table.
        for (table.entries[0..@min(slots, 64)]) |entry| {
            if (entry.left == none) continue;
            if (table.rankOf(entry.left, entry.right) != entry.rank) return false;
        }
        return true;
    }

    /// Whether all ranks are below a limit.
    pub fn ranksAreBelow(table: *const PairTable, limit: usize) bool {
        var above = false;
        for (table.entries) |entry| {
            above = above or (entry.left != none and entry.rank >= limit);
        }
        return !above;
    }

    inline fn hashOf(left: u32, right: u32) u64 {
        const key = @as(u64, left) << 32 | right;
        return key *% 0x9E3779B97F4A7C15;
    }

    inline fn filterBit(table: *const PairTable, hash: u64) usize {
        return @intCast(hash >> (table.shift - comptime std.math.log2_int(u6, filter_bits)));
    }
};

test "pairs are found with their last rank, and others are not" {
    const gpa = std.testing.allocator;
    var table: PairTable = try .init(gpa, 1000);
    defer table.deinit(gpa);
    for (0..1000) |i| {
        const n: u32 = @intCast(i);
        try std.testing.expectEqual(PairTable.none, table.put(n / 7, n, n));
    }
    try std.testing.expectEqual(@as(u32, 8), table.put(1, 8, 5000));
    for (0..1000) |i| {
        const n: u32 = @intCast(i);
        try std.testing.expectEqual(if (n == 8) 5000 else n, table.rankOf(n / 7, n));
        try std.testing.expectEqual(PairTable.none, table.rankOf(n, n / 7 + 1000));
    }
    try std.testing.expectEqual(@as(usize, 1000), table.count);
}
