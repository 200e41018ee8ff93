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

    /// Writes the ids of `piece`, of 1 to 32 bytes, to `ids` and returns how many there are; null if it has
    /// not been learnt, or is forgotten. `ids` must have room for `id_count_max`, however many there are.
    pub inline fn find(learnt: *const LearntPieces, piece: []const u8, ids: [*]u32) ?usize {
        const words = load(piece);
        for (&learnt.sets[setOf(words, piece.len)]) |*entry| {
            if (entry.len != piece.len or !equal(entry.words, words)) continue;
            // A copy of fixed length is two vector moves.
            @memcpy(ids[0..id_count_max], &entry.ids);
            return entry.count;
        }
        return null;
    }

    /// Learns the ids of `piece`; forgets the older one of its set.
    pub fn put(learnt: *LearntPieces, piece: []const u8, ids: []const u32) void {
        std.debug.assert(piece.len > 0 and piece.len <= piece_len_max);
        if (ids.len > id_count_max) return;
        const words = load(piece);
        const set = &learnt.sets[setOf(words, piece.len)];
        set[1] = set[0];
        set[0] = .{
            .words = words,
            .len = @intCast(piece.len),
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

/// The bytes, zero-padded.
inline fn load(piece: []const u8) Words {
    var padded: [piece_len_max]u8 align(8) = @splat(0);
    @memcpy(padded[0..piece.len], piece);
    return @bitCast(padded);
}

inline fn setOf(words: Words, len: usize) usize {
    const left = @as(u128, words[0] ^ 0x9e3779b97f4a7c15 ^ len) *% (words[1] ^ 0xd1b54a32d192ed03);
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
        if (learnt.find(piece[0..len], &got)) |got_count| {
            found += 1;
            try std.testing.expectEqualSlices(u32, ids[0..count], got[0..got_count]);
        } else {
            learnt.put(piece[0..len], ids[0..count]);
        }
    }
    try std.testing.expect(found > 50_000);
}
