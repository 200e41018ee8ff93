//! The vocabulary: ids to bytes and bytes to ids. Read-only once built.
//!
//! Looking an id up is one pair of loads; looking bytes up hashes them once and compares with the few
//! candidates of an open-addressing index that is never more than half full.

const std = @import("std");
const definition = @import("definition.zig");
const Allocator = std.mem.Allocator;

pub const Vocab = struct {
    /// Ids end below this, so that an id fits in the 31 bits of any peer's signed integer.
    pub const id_limit_max: u32 = 1 << 31;
    /// Bytes that can be read behind any token's end, so that a decoder may copy whole vectors.
    pub const slack = 16;

    bytes: []u8,
    /// Token `id` is `bytes[offsets[id]..offsets[id + 1]]`.
    offsets: []u32,
    defined: std.DynamicBitSetUnmanaged,
    /// Slots of ids, empty where `no_id`; a power of two many.
    index: []u32,

    const no_id = std.math.maxInt(u32);

    pub const Error = error{ OutOfMemory, TooLarge };

    /// Builds the vocabulary of `tokens` and `added`, copying their bytes. Where both name an id, the
    /// token of the vocabulary counts. Ids may have gaps.
    pub fn init(
        gpa: Allocator,
        tokens: []const definition.Token,
        added: []const definition.Token,
    ) Error!Vocab {
        var limit: usize = 0;
        var total: usize = 0;
        for ([_][]const definition.Token{ tokens, added }) |list| {
            for (list) |token| {
                limit = @max(limit, @as(usize, token.id) + 1);
                total += token.bytes.len;
            }
        }
        if (limit > id_limit_max or total + slack > std.math.maxInt(u32)) return error.TooLarge;

        const by_id = try gpa.alloc(?[]const u8, limit);
        defer gpa.free(by_id);
        @memset(by_id, null);
        for ([_][]const definition.Token{ added, tokens }) |list| {
            for (list) |token| by_id[token.id] = token.bytes;
        }

        const bytes = try gpa.alloc(u8, total + slack);
        errdefer gpa.free(bytes);
        const offsets = try gpa.alloc(u32, limit + 1);
        errdefer gpa.free(offsets);
        var defined: std.DynamicBitSetUnmanaged = try .initEmpty(gpa, limit);
        errdefer defined.deinit(gpa);
        var used: u32 = 0;
        for (by_id, 0..) |slot, id| {
            offsets[id] = used;
            const token = slot orelse continue;
            defined.set(id);
            @memcpy(bytes[used..][0..token.len], token);
            used += @intCast(token.len);
        }
        offsets[limit] = used;
        @memset(bytes[used..], 0);

        const index = try gpa.alloc(u32, try slotCount(tokens.len));
        @memset(index, no_id);
        var vocab: Vocab = .{
            .bytes = bytes,
            .offsets = offsets,
            .defined = defined,
            .index = index,
        };
        for (tokens) |token| vocab.insert(token.id);
        return vocab;
    }

    pub fn deinit(vocab: *Vocab, gpa: Allocator) void {
        gpa.free(vocab.bytes);
        gpa.free(vocab.offsets);
        vocab.defined.deinit(gpa);
        gpa.free(vocab.index);
        vocab.* = undefined;
    }

    /// One more than the highest id.
    pub fn idLimit(vocab: *const Vocab) u32 {
        return @intCast(vocab.offsets.len - 1);
    }

    /// How many ids have a token.
    pub fn tokenCount(vocab: *const Vocab) usize {
        return vocab.defined.count();
    }

    pub fn isDefined(vocab: *const Vocab, id: u32) bool {
        return id < vocab.idLimit() and vocab.defined.isSet(id);
    }

    /// The bytes of a defined id.
    pub fn bytesOf(vocab: *const Vocab, id: u32) []const u8 {
        std.debug.assert(vocab.isDefined(id));
        return vocab.bytes[vocab.offsets[id]..vocab.offsets[id + 1]];
    }

    /// The id of the vocabulary's token with exactly these bytes (the lowest, where several have them);
    /// added tokens do not count.
    pub fn find(vocab: *const Vocab, bytes: []const u8) ?u32 {
        const mask = vocab.index.len - 1;
        var slot = hash(bytes) & mask;
        while (vocab.index[slot] != no_id) : (slot = (slot + 1) & mask) {
            const id = vocab.index[slot];
            if (std.mem.eql(u8, vocab.bytesOf(id), bytes)) return id;
        }
        return null;
    }

    pub fn memoryBytes(vocab: *const Vocab) usize {
        return vocab.bytes.len + vocab.offsets.len * 4 + vocab.index.len * 4 +
            vocab.defined.capacity() / 8;
    }

    /// Whether every id and every search reads what is there, and searches end.
    pub fn validate(vocab: *const Vocab, id_limit: u32) bool {
        if (vocab.offsets.len == 0 or id_limit > id_limit_max) return false;
        if (vocab.defined.bit_length != id_limit) return false;
        var falls = false;
        for (vocab.offsets[0..id_limit], vocab.offsets[1..]) |start, end| {
            falls = falls or end < start;
        }
        if (falls or vocab.offsets[id_limit] + @as(u64, slack) > vocab.bytes.len) return false;
        if (@popCount(vocab.index.len) != 1) return false;
        var empty_count: usize = 0;
        for (vocab.index) |id| {
            empty_count += @intFromBool(id == no_id);
            if (id != no_id and !vocab.isDefined(id)) return false;
        }
        if (empty_count == 0) return false;
        // A sample: the hash may be another than that of the code that made the table.
        for (vocab.index[0..@min(vocab.index.len, 64)]) |id| {
            if (id != no_id and vocab.find(vocab.bytesOf(id)) == null) return false;
        }
        return true;
    }

    fn insert(vocab: *Vocab, id: u32) void {
        const mask = vocab.index.len - 1;
        var slot = hash(vocab.bytesOf(id)) & mask;
        while (vocab.index[slot] != no_id) slot = (slot + 1) & mask;
        vocab.index[slot] = id;
    }

    fn slotCount(count: usize) Error!usize {
        return std.math.ceilPowerOfTwo(usize, @max(count * 2, 16)) catch error.TooLarge;
    }

    fn hash(bytes: []const u8) usize {
        return @truncate(std.hash.Wyhash.hash(0, bytes));
    }
};

test "ids to bytes and back, with gaps, an empty token and an added token" {
    const gpa = std.testing.allocator;
    const tokens = [_]definition.Token{
        .{ .id = 0, .bytes = "a" },   .{ .id = 1, .bytes = "" },
        .{ .id = 4, .bytes = "abc" },
    };
    const added = [_]definition.Token{ .{ .id = 6, .bytes = "<s>" }, .{ .id = 4, .bytes = "xyz" } };
    var vocab: Vocab = try .init(gpa, &tokens, &added);
    defer vocab.deinit(gpa);

    try std.testing.expectEqual(@as(u32, 7), vocab.idLimit());
    try std.testing.expectEqual(@as(usize, 4), vocab.tokenCount());
    try std.testing.expectEqualStrings("abc", vocab.bytesOf(4));
    try std.testing.expectEqualStrings("<s>", vocab.bytesOf(6));
    try std.testing.expectEqual(@as(?u32, 4), vocab.find("abc"));
    try std.testing.expectEqual(@as(?u32, 1), vocab.find(""));
    try std.testing.expectEqual(@as(?u32, null), vocab.find("<s>"));
    try std.testing.expect(!vocab.isDefined(2) and !vocab.isDefined(7));
}

test "an empty vocabulary finds nothing" {
    var vocab: Vocab = try .init(std.testing.allocator, &.{}, &.{});
    defer vocab.deinit(std.testing.allocator);
    try std.testing.expectEqual(@as(u32, 0), vocab.idLimit());
    try std.testing.expectEqual(@as(?u32, null), vocab.find(""));
}

fn buildOnce(gpa: Allocator) !void {
    const tokens = [_]definition.Token{ .{ .id = 0, .bytes = "a" }, .{ .id = 2, .bytes = "b" } };
    var vocab: Vocab = try .init(gpa, &tokens, &.{});
    vocab.deinit(gpa);
}

test "a failed allocation leaks nothing" {
    try std.testing.checkAllAllocationFailures(std.testing.allocator, buildOnce, .{});
}
