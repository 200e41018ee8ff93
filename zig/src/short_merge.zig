//! Merging by the letter of the rule for up to 16 symbols, with all ranks in one vector register.
//!
//! A lane holds a rank and, below it, its own number, so that the smallest lane is the leftmost of
//! the lowest rank. Symbols never move: a bit mask tells which of them are left. A merge is one
//! reduction of the vector and two look-ups of pairs, which do not depend on each other. (An
//! earlier form kept the ranks in memory: waiting for what had just been written in single lanes
//! to be read as a vector took most of the time.)

const std = @import("std");
const Pairs = @import("pairs.zig").Pairs;

/// Symbols at most.
pub const symbols_max = 16;

/// Ranks must be below this.
const rank_limit = (1 << 32) / symbols_max;

const Lanes = @Vector(symbols_max, u32);
/// One bit a symbol.
pub const Mask = u32;

/// Whether these pairs allow it.
pub inline fn isPossible(pairs: *const Pairs) bool {
    return pairs.byte_ranks.len > 0 and pairs.rankLimit() < rank_limit;
}

/// Encodes a piece of up to 16 bytes into `ids` and returns how many there are.
pub fn encodeBytes(pairs: *const Pairs, piece: []const u8, ids: [*]u32) usize {
    if (piece.len == 0) return 0;
    var symbols: [symbols_max]u32 = undefined;
    return compact(&symbols, encodeApart(pairs, piece, &symbols), ids);
}

/// Encodes a piece of 1 to 16 bytes: the token that begins at a byte is written to the place of the
/// byte. Returns the mask of these places.
pub inline fn encodeApart(
    pairs: *const Pairs,
    piece: []const u8,
    symbols: *[symbols_max]u32,
) Mask {
    var keys: [symbols_max]u32 = @splat(Pairs.none);
    const last = piece.len - 1;
    for (piece[0..last], piece[1..], 0..) |byte, next, lane| {
        symbols[lane] = pairs.base.byte_ids[byte];
        keys[lane] = keyOf(pairs.byte_ranks[@as(usize, byte) << 8 | next], @intCast(lane));
    }
    symbols[last] = pairs.base.byte_ids[piece[last]];
    return merge(pairs, symbols, keys, piece.len);
}

/// Merges the first `count` symbols in place and returns the mask of those that are left.
fn merge(pairs: *const Pairs, symbols: *[symbols_max]u32, initial: Lanes, count: usize) Mask {
    const lanes = std.simd.iota(u32, symbols_max);
    const none: Lanes = @splat(Pairs.none);
    var keys = initial;
    var left = (@as(Mask, 1) << @intCast(count)) - 1;
    while (true) {
        const least = @reduce(.Min, keys);
        if (least == Pairs.none) return left;
        const at: u5 = @intCast(least % symbols_max);
        const id = pairs.resultOf(least / symbols_max);
        const bit = @as(Mask, 1) << at;
        var above = left & ~(bit | (bit - 1));
        const gone: u5 = @intCast(@ctz(above));
        left &= ~(@as(Mask, 1) << gone);
        above &= above - 1;
        const below = left & (bit - 1);
        symbols[at] = id;
        keys = @select(u32, lanes == @as(Lanes, @splat(gone)), none, keys);
        var key_at: u32 = Pairs.none;
        if (above != 0) key_at = keyOf(pairs.rankOf(id, symbols[@ctz(above)]), at);
        keys = @select(u32, lanes == @as(Lanes, @splat(at)), @as(Lanes, @splat(key_at)), keys);
        if (below != 0) {
            const before: u5 = @intCast(31 - @clz(below));
            const key = keyOf(pairs.rankOf(symbols[before], id), before);
            keys = @select(u32, lanes == @as(Lanes, @splat(before)), @as(Lanes, @splat(key)), keys);
        }
    }
}

inline fn keyOf(rank: u32, lane: u32) u32 {
    return if (rank == Pairs.none) Pairs.none else rank * symbols_max + lane;
}

fn compact(symbols: *const [symbols_max]u32, mask: Mask, ids: [*]u32) usize {
    var left = mask;
    var count: usize = 0;
    while (left != 0) : (left &= left - 1) {
        ids[count] = symbols[@ctz(left)];
        count += 1;
    }
    return count;
}
