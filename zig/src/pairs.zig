//! Which adjacent pairs of tokens merge, how early and into what: the one table behind both merge rules.
//!
//! tiktoken's rule (the pair whose concatenation is the token with the lowest rank) becomes a table of
//! pairs too: every split of every token into two tokens, with the token's id as rank. Any state of the
//! merge loop holds tokens only, so the two descriptions are the same rule.

const std = @import("std");
const definition = @import("definition.zig");
const Vocab = @import("vocab.zig").Vocab;
const Allocator = std.mem.Allocator;

pub const Pairs = struct {
    /// The rank of a pair that does not merge.
    pub const none = std.math.maxInt(u32);

    const Entry = extern struct { left: u32, right: u32, rank: u32 };
    /// Bits of the filter to a slot.
    const filter_bits = 8;
    const empty: Entry = .{ .left = none, .right = none, .rank = none };

    /// Open addressing, a power of two many slots, at most half of them used.
    entries: []Entry,
    shift: u6,
    /// One bit of eight a slot is set where a pair hashes to it. Most pairs that are asked for do not merge,
    /// and this is an eighth of the slots' bits and more likely in the cache than they are.
    filter: []u64,
    /// The rank of two single bytes, at `first * 256 + second`: the state every piece starts from.
    byte_ranks: *[256 * 256]u32,
    /// The id of every single byte.
    byte_ids: [256]u32,
    /// The token a rank makes; empty where a rank is its own token's id.
    results: []u32,
    count: usize,

    pub const Error = error{ OutOfMemory, TooLarge };

    /// The pairs of a merge list. Where a pair stands twice, its last place counts, as in tokenizers.
    pub fn fromList(
        gpa: Allocator,
        merges: []const definition.Merge,
        byte_ids: *const [256]u32,
    ) Error!Pairs {
        if (merges.len >= none) return error.TooLarge;
        const results = try gpa.alloc(u32, merges.len);
        errdefer gpa.free(results);
        var pairs = try initEmpty(gpa, merges.len, byte_ids);
        errdefer pairs.freeTables(gpa);
        for (merges, results, 0..) |merge, *result, rank| {
            result.* = merge.result;
            pairs.put(merge.left, merge.right, @intCast(rank));
        }
        pairs.results = results;
        pairs.fillByteRanks();
        return pairs;
    }

    /// The pairs that tiktoken's rule implies: every token of two or more bytes, at every place where both
    /// sides are tokens.
    pub fn fromRanks(
        gpa: Allocator,
        vocab: *const Vocab,
        tokens: []const definition.Token,
        byte_ids: *const [256]u32,
    ) Error!Pairs {
        var found: std.ArrayList(definition.Merge) = .empty;
        defer found.deinit(gpa);
        for (tokens) |token| {
            for (1..@max(token.bytes.len, 1)) |split| {
                const left = vocab.find(token.bytes[0..split]) orelse continue;
                const right = vocab.find(token.bytes[split..]) orelse continue;
                try found.append(gpa, .{ .left = left, .right = right, .result = token.id });
            }
        }
        var pairs = try initEmpty(gpa, found.items.len, byte_ids);
        for (found.items) |merge| pairs.put(merge.left, merge.right, merge.result);
        pairs.fillByteRanks();
        return pairs;
    }

    pub fn deinit(pairs: *Pairs, gpa: Allocator) void {
        gpa.free(pairs.results);
        pairs.freeTables(gpa);
        pairs.* = undefined;
    }

    /// The rank of `left` followed by `right`; `none` where they do not merge.
    pub inline fn rankOf(pairs: *const Pairs, left: u32, right: u32) u32 {
        const hash = hashOf(left, right);
        const bit = pairs.filterBit(hash);
        if (pairs.filter[bit >> 6] >> @truncate(bit) & 1 == 0) return none;
        const mask = pairs.entries.len - 1;
        var slot: usize = @intCast(hash >> pairs.shift);
        while (true) : (slot = (slot + 1) & mask) {
            const entry = &pairs.entries[slot];
            if (entry.left == left and entry.right == right) return entry.rank;
            if (entry.left == none) return none;
        }
    }

    /// The rank of two single bytes.
    pub inline fn byteRankOf(pairs: *const Pairs, first: u8, second: u8) u32 {
        return pairs.byte_ranks[@as(usize, first) << 8 | second];
    }

    /// The token that merging at `of_rank` makes.
    pub inline fn resultOf(pairs: *const Pairs, of_rank: u32) u32 {
        return if (pairs.results.len == 0) of_rank else pairs.results[of_rank];
    }

    pub fn memoryBytes(pairs: *const Pairs) usize {
        return pairs.entries.len * @sizeOf(Entry) + pairs.filter.len * 8 + pairs.results.len * 4 +
            @sizeOf(@TypeOf(pairs.byte_ranks.*));
    }

    fn initEmpty(gpa: Allocator, count: usize, byte_ids: *const [256]u32) Error!Pairs {
        const slots = std.math.ceilPowerOfTwo(usize, @max(count * 2, 16)) catch
            return error.TooLarge;
        const entries = try gpa.alloc(Entry, slots);
        errdefer gpa.free(entries);
        @memset(entries, empty);
        const filter = try gpa.alloc(u64, slots * filter_bits / 64);
        errdefer gpa.free(filter);
        @memset(filter, 0);
        return .{
            .entries = entries,
            .filter = filter,
            .shift = @intCast(64 - @as(u7, std.math.log2_int(usize, slots))),
            .byte_ranks = try gpa.create([256 * 256]u32),
            .byte_ids = byte_ids.*,
            .results = &.{},
            .count = 0,
        };
    }

    fn freeTables(pairs: *Pairs, gpa: Allocator) void {
        gpa.free(pairs.entries);
        gpa.free(pairs.filter);
        gpa.destroy(pairs.byte_ranks);
    }

    fn put(pairs: *Pairs, left: u32, right: u32, rank: u32) void {
        const mask = pairs.entries.len - 1;
        const hash = hashOf(left, right);
        const bit = pairs.filterBit(hash);
        pairs.filter[bit >> 6] |= @as(u64, 1) << @truncate(bit);
        var slot: usize = @intCast(hash >> pairs.shift);
        while (pairs.entries[slot].left != none) : (slot = (slot + 1) & mask) {
            const entry = &pairs.entries[slot];
            if (entry.left == left and entry.right == right) {
                entry.rank = rank;
                return;
            }
        }
        pairs.entries[slot] = .{ .left = left, .right = right, .rank = rank };
        pairs.count += 1;
    }

    inline fn hashOf(left: u32, right: u32) u64 {
        const key = @as(u64, left) << 32 | right;
        return key *% 0x9E3779B97F4A7C15;
    }

    inline fn filterBit(pairs: *const Pairs, hash: u64) usize {
        return @intCast(hash >> (pairs.shift - comptime std.math.log2_int(u6, filter_bits)));
    }

    fn fillByteRanks(pairs: *Pairs) void {
        for (pairs.byte_ids, 0..) |left, first| {
            for (pairs.byte_ids, 0..) |right, second| {
                pairs.byte_ranks[first << 8 | second] = pairs.rankOf(left, right);
            }
        }
    }
};

/// Ids 0 to 255 for the bytes, as in a vocabulary trained from nothing.
fn plainByteIds() [256]u32 {
    var ids: [256]u32 = undefined;
    for (&ids, 0..) |*id, byte| id.* = @intCast(byte);
    return ids;
}

test "a merge list: rank is the place in it, the last one where a pair stands twice" {
    const gpa = std.testing.allocator;
    const merges = [_]definition.Merge{
        .{ .left = 'a', .right = 'b', .result = 256 },
        .{ .left = 256, .right = 'c', .result = 257 },
        .{ .left = 'a', .right = 'b', .result = 256 },
    };
    var pairs: Pairs = try .fromList(gpa, &merges, &plainByteIds());
    defer pairs.deinit(gpa);
    try std.testing.expectEqual(@as(u32, 2), pairs.byteRankOf('a', 'b'));
    try std.testing.expectEqual(@as(u32, 1), pairs.rankOf(256, 'c'));
    try std.testing.expectEqual(Pairs.none, pairs.rankOf('c', 256));
    try std.testing.expectEqual(@as(u32, 257), pairs.resultOf(1));
    try std.testing.expectEqual(@as(usize, 2), pairs.count);
}

test "ranks: every split of a token into two tokens has the token's rank" {
    const gpa = std.testing.allocator;
    var tokens: [259]definition.Token = undefined;
    var letters: [256]u8 = undefined;
    for (&letters, tokens[0..256], 0..) |*letter, *token, byte| {
        letter.* = @intCast(byte);
        token.* = .{ .id = @intCast(byte), .bytes = letter[0..1] };
    }
    tokens[256] = .{ .id = 256, .bytes = "abc" };
    tokens[257] = .{ .id = 257, .bytes = "ab" };
    tokens[258] = .{ .id = 258, .bytes = "bc" };
    var vocab: Vocab = try .init(gpa, &tokens, &.{});
    defer vocab.deinit(gpa);
    var pairs: Pairs = try .fromRanks(gpa, &vocab, &tokens, &plainByteIds());
    defer pairs.deinit(gpa);
    try std.testing.expectEqual(@as(usize, 4), pairs.count);
    try std.testing.expectEqual(@as(u32, 256), pairs.rankOf(257, 'c'));
    try std.testing.expectEqual(@as(u32, 256), pairs.rankOf('a', 258));
    try std.testing.expectEqual(@as(u32, 258), pairs.byteRankOf('b', 'c'));
    try std.testing.expectEqual(@as(u32, 256), pairs.resultOf(256));
}
