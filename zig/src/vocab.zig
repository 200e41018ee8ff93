//! The vocabulary: ids to bytes and bytes to ids. Read-only once built.
//!
//! Looking an id up is one pair of loads; looking bytes up hashes them once and compares with the few
//! candidates of an open-addressing index that is never more than half full and knows half of each hash.

const std = @import("std");
const definition = @import("definition.zig");
const short_bytes = @import("short_bytes.zig");
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
    /// A power of two many.
    index: []Slot,

    /// An id and the upper half of its token's hash; empty where it is `no_id`.
    const Slot = extern struct { tag: u32, id: u32 };
    const no_id = std.math.maxInt(u32);
    /// Tokens entered together, so that their slots are fetched at the same time.
    const batch_len = 32;

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

        const index = try gpa.alloc(Slot, try slotCount(tokens.len));
        @memset(index, .{ .tag = 0, .id = no_id });
        var vocab: Vocab = .{
            .bytes = bytes,
            .offsets = offsets,
            .defined = defined,
            .index = index,
        };
        vocab.insertAll(tokens);
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

    /// Where the bytes of an id below `idLimit` are; nowhere, if it is not defined.
    pub inline fn boundsOf(vocab: *const Vocab, id: u32) struct { start: u32, end: u32 } {
        return .{ .start = vocab.offsets[id], .end = vocab.offsets[id + 1] };
    }

    /// The id of the vocabulary's token with exactly these bytes (the lowest, where several have them);
    /// added tokens do not count.
    pub fn find(vocab: *const Vocab, bytes: []const u8) ?u32 {
        return vocab.findHashed(hashOf(bytes), bytes);
    }

    /// As `find`, where the hash is known.
    pub inline fn findHashed(vocab: *const Vocab, hash: u64, bytes: []const u8) ?u32 {
        const mask = vocab.index.len - 1;
        var at: usize = @intCast(hash & mask);
        while (true) : (at = (at + 1) & mask) {
            const slot = vocab.index[at];
            if (slot.id == no_id) return null;
            if (slot.tag != tagOf(hash)) continue;
            if (std.mem.eql(u8, vocab.bytesOf(slot.id), bytes)) return slot.id;
        }
    }

    /// Sends for what a search for this hash reads first.
    pub inline fn prefetch(vocab: *const Vocab, hash: u64) void {
        @prefetch(&vocab.index[@intCast(hash & (vocab.index.len - 1))], .{});
    }

    /// Sends for where an id's token stands, which is what `prefetchBytes` reads.
    pub inline fn prefetchOffset(vocab: *const Vocab, id: u32) void {
        @prefetch(&vocab.offsets[id], .{});
    }

    pub inline fn prefetchBytes(vocab: *const Vocab, id: u32) void {
        @prefetch(vocab.bytes.ptr + vocab.offsets[id], .{});
    }

    pub fn memoryBytes(vocab: *const Vocab) usize {
        return vocab.bytes.len + vocab.offsets.len * 4 + vocab.index.len * @sizeOf(Slot) +
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
        for (vocab.index) |slot| {
            empty_count += @intFromBool(slot.id == no_id);
            if (slot.id != no_id and !vocab.isDefined(slot.id)) return false;
        }
        if (empty_count == 0) return false;
        // A sample: the hash may be another than that of the code that made the table.
        for (vocab.index[0..@min(vocab.index.len, 64)]) |slot| {
            if (slot.id != no_id and vocab.find(vocab.bytesOf(slot.id)) == null) return false;
        }
        return true;
    }

    fn insertAll(vocab: *Vocab, tokens: []const definition.Token) void {
        const mask = vocab.index.len - 1;
        var hashes: [batch_len]u64 = undefined;
        var begin: usize = 0;
        while (begin < tokens.len) : (begin += batch_len) {
            const batch = tokens[begin..@min(begin + batch_len, tokens.len)];
            for (batch, hashes[0..batch.len]) |token, *hash| {
                hash.* = hashOf(vocab.bytesOf(token.id));
                vocab.prefetch(hash.*);
            }
            for (batch, hashes[0..batch.len]) |token, hash| {
                var at: usize = @intCast(hash & mask);
                while (vocab.index[at].id != no_id) at = (at + 1) & mask;
                vocab.index[at] = .{ .tag = tagOf(hash), .id = token.id };
            }
        }
    }

    fn slotCount(count: usize) Error!usize {
        return std.math.ceilPowerOfTwo(usize, @max(count * 2, 16)) catch error.TooLarge;
    }

    /// The hash by which a token is found.
    pub inline fn hashOf(bytes: []const u8) u64 {
        return short_bytes.hashOf(bytes);
    }

    inline fn tagOf(hash: u64) u32 {
        return @intCast(hash >> 32);
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
