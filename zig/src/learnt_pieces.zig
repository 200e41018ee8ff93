//! What the merge engine made of recent pieces, so that a piece that comes again is not merged again.
//!
//! One table belongs to one encoder. It has a fixed size and is never searched for longer than two entries:
//! where no piece ever repeats, learning costs a few stores a piece and no more memory. Pieces of up to 32
//! bytes with up to 6 ids are learnt, an entry being one cache line.

const std = @import("std");

/// Longest piece that is learnt.
pub const piece_len_max = 32;
/// Most ids of a piece that is learnt.
pub const id_count_max = 6;

/// Sets of two entries: 2 MiB, what a core's second-level cache holds.
const set_bits = 14;
const set_count = 1 << set_bits;

const Words = [4]u64;

/// A piece by value: its bytes, zero-padded.
pub const Key = struct { words: Words, len: usize };

/// The key of the piece `text[start..end]`, of 1 to 32 bytes, which are read at once where the text has them.
pub inline fn keyOf(text: []const u8, start: usize, end: usize) Key {
    const len = end - start;
    if (start + piece_len_max <= text.len) {
        const Block = @Vector(piece_len_max, u8);
        const block: Block = text[start..][0..piece_len_max].*;
        const is_piece = std.simd.iota(u8, piece_len_max) < @as(Block, @splat(@intCast(len)));
        const zero: Block = @splat(0);
        return .{ .words = @bitCast(@select(u8, is_piece, block, zero)), .len = len };
    }
    var padded: [piece_len_max]u8 = @splat(0);
    @memcpy(padded[0..len], text[start..end]);
    return .{ .words = @bitCast(padded), .len = len };
}

const Entry = extern struct {
    words: Words,
    /// 0: empty.
    len: u16,
    count: u16,
    ids: [id_count_max]u32,
    padding: u32,

    comptime {
        std.debug.assert(@sizeOf(Entry) == 64);
    }
};

const Set = [2]Entry;

pub const LearntPieces = struct {
    sets: []align(page.toByteUnits()) Set,

    const page: std.mem.Alignment = .fromByteUnits(std.heap.page_size_min);

    /// The pages come zeroed from the system and take memory when they are first used.
    pub fn init() error{OutOfMemory}!LearntPieces {
        const size = set_count * @sizeOf(Set);
        const pages = try std.heap.page_allocator.alignedAlloc(u8, page, size);
        return .{ .sets = @ptrCast(pages) };
    }

    pub fn deinit(learnt: *LearntPieces) void {
        const bytes: []align(page.toByteUnits()) u8 = @ptrCast(learnt.sets);
        std.heap.page_allocator.free(bytes);
        learnt.* = undefined;
    }

    /// Writes the ids of a piece to `ids` and returns how many there are; null if it has not been learnt, or is forgotten. `ids` must have room for `id_count_max`, however many there are.
    pub inline fn find(learnt: *const LearntPieces, key: Key, ids: [*]u32) ?usize {
        for (&learnt.sets[setOf(key)]) |*entry| {
            if (entry.len != key.len or !equal(entry.words, key.words)) continue;
            // A copy of fixed length is two vector moves.
            @memcpy(ids[0..id_count_max], &entry.ids);
            return entry.count;
        }
        return null;
    }

    /// Learns the ids of a piece, unless they are too many; forgets the older piece of its set.
    pub fn put(learnt: *LearntPieces, key: Key, ids: []const u32) void {
        std.debug.assert(key.len > 0 and key.len <= piece_len_max);
        if (ids.len > id_count_max) return;
        const set = &learnt.sets[setOf(key)];
        set[1] = set[0];
        set[0] = .{
            .words = key.words,
            .len = @intCast(key.len),
            .count = @intCast(ids.len),
            .ids = @splat(0),
            .padding = 0,
        };
        @memcpy(set[0].ids[0..ids.len], ids);
    }
};

inline fn equal(a: Words, b: Words) bool {
    return (a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]) == 0;
}

inline fn setOf(key: Key) usize {
    const words = key.words;
    const left = @as(u128, words[0] ^ 0x9e3779b97f4a7c15 ^ key.len) *% (words[1] ^ 0xd1b54a32d192ed03);
    const right = @as(u128, words[2] ^ 0xa0761d6478bd642f) *% (words[3] ^ 0xe7037ed1a0b428db);
    const mixed = fold(left) ^ fold(right);
    return @intCast((mixed *% 0x9e3779b97f4a7c15) >> (64 - set_bits));
}

inline fn fold(product: u128) u64 {
    return @as(u64, @truncate(product)) ^ @as(u64, @truncate(product >> 64));
}

test "gives back what it learnt or nothing, and a set holds the last two" {
    var learnt: LearntPieces = try .init();
    defer learnt.deinit();
    var prng: std.Random.DefaultPrng = .init(21);
    const random = prng.random();
    var found: usize = 0;
    for (0..200_000) |_| {
        var piece: [piece_len_max]u8 = undefined;
        const len = random.intRangeAtMost(usize, 1, piece_len_max);
        const kinds: u8 = if (len < 8) 6 else 1;
        for (piece[0..len]) |*byte| byte.* = random.uintLessThan(u8, kinds);
        // The ids are a function of the piece, as the merge engine's are.
        const seed = std.hash.Wyhash.hash(0, piece[0..len]);
        var ids: [id_count_max + 1]u32 = undefined;
        for (&ids, 0..) |*id, i| id.* = @truncate(seed >> @intCast(i));
        const count = 1 + seed % ids.len;
        var got: [id_count_max]u32 = undefined;
        const start = random.uintAtMost(usize, 40);
        var text: [80]u8 = undefined;
        random.bytes(&text);
        @memcpy(text[start..][0..len], piece[0..len]);
        const used = text[0..random.intRangeAtMost(usize, start + len, text.len)];
        const key = keyOf(used, start, start + len);
        if (learnt.find(key, &got)) |got_count| {
            found += 1;
            try std.testing.expectEqualSlices(u32, ids[0..count], got[0..got_count]);
        } else {
            learnt.put(key, ids[0..count]);
        }
    }
    try std.testing.expect(found > 50_000);
}
