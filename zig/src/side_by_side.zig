//! Merging by the letter of the rule, several short pieces at the same time.
//!
//! One merge after another waits for its look-ups of pairs, whose tables lie in the second- and
//! third-level cache, and for the guesses that depend on them. So each of several rows does one
//! merge and sends for what its new pairs need; then each looks them up. By the time that a row has
//! its turn again, what was written in it in single places can be read as a vector.
//!
//! As in `short_merge.zig`, a key holds a rank and, below it, its place, so that the smallest key
//! is the leftmost of the lowest rank, and a bit mask tells which symbols are left. Memory is a
//! fixed number of rows on the stack.

const std = @import("std");
const Pairs = @import("pairs.zig").Pairs;

/// Pieces under way at the same time; 4 and 12 are as good, measured on random words and letters.
pub const row_count = 8;

/// Whether these pairs allow rows of `places` symbols.
pub inline fn isPossible(comptime places: u32, pairs: *const Pairs) bool {
    const rank_limit = (Row(places).none_key - Row(places).bias) / places;
    return pairs.byte_ranks.len > 0 and pairs.rankLimit() < rank_limit;
}

/// One of the pieces under way, of up to `places` bytes. Places count from 1: at 0 and behind the
/// last one stand symbols that merge with none, so that the ends need no care.
pub fn Row(comptime places: u32) type {
    return struct {
        /// Those of the places from 1 on are one aligned vector.
        keys: [key_offset + 1 + places]u32 align(64),
        symbols: [places + 2]u32,
        /// One bit a place, those at both ends included.
        left: Mask,
        /// What the driver knows the piece by.
        tag: u32,
        /// Where the last merge was, and the places beside it.
        at: u8,
        next: u8,
        before: u8,

        const Self = @This();
        const Mask = if (places > 30) u64 else u32;
        const Place = std.math.Log2Int(Mask);
        const Floats = @Vector(places, f32);
        const key_offset = 15;
        /// Keys are compared as floats, whose least every machine can find at once; this keeps
        /// them from being subnormal.
        const bias = 0x800000;
        const none_key: u32 = @bitCast(std.math.inf(f32));

        /// Begins with a piece that is not empty.
        pub inline fn begin(row: *Self, pairs: *const Pairs, piece: []const u8) void {
            row.keys[key_offset + 1 ..][0..places].* = @splat(none_key);
            const last = piece.len - 1;
            row.symbols[0] = Pairs.none;
            for (piece[0..last], piece[1..], 1..) |byte, next, place| {
                row.symbols[place] = pairs.base.byte_ids[byte];
                const rank = pairs.byte_ranks[@as(usize, byte) << 8 | next];
                row.keys[key_offset + place] = keyOf(rank, @intCast(place));
            }
            row.symbols[piece.len] = pairs.base.byte_ids[piece[last]];
            row.symbols[piece.len + 1] = Pairs.none;
            row.left = (@as(Mask, 2) << @intCast(piece.len + 1)) - 1;
        }

        inline fn keyOf(rank: u32, place: u32) u32 {
            return if (rank == Pairs.none) none_key else rank * places + (bias - 1) + place;
        }

        /// Does the next merge, but for the ranks of its new pairs; false if there is none.
        inline fn merge(row: *Self, pairs: *const Pairs) bool {
            @setFloatMode(.optimized);
            const keys: Floats = @bitCast(row.keys[key_offset + 1 ..][0..places].*);
            const least: u32 = @bitCast(@reduce(.Min, keys));
            if (least == none_key) return false;
            const at: Place = @intCast(least % places + 1);
            const id = pairs.resultOf((least - bias) / places);
            const above = row.left & (~@as(Mask, 1) << at);
            const gone: Place = @intCast(@ctz(above));
            const next: Place = @intCast(@ctz(above & (above - 1)));
            const below = row.left & ((@as(Mask, 1) << at) - 1);
            const before: Place = @intCast(@bitSizeOf(Mask) - 1 - @clz(below));
            row.left &= ~(@as(Mask, 1) << gone);
            row.keys[@as(usize, key_offset) + gone] = none_key;
            row.symbols[at] = id;
            row.at = at;
            row.next = next;
            row.before = before;
            pairs.table.prefetch(row.symbols[before], id);
            pairs.table.prefetch(id, row.symbols[next]);
            return true;
        }

        /// Enters the ranks of the pairs that the last merge made.
        inline fn enterRanks(row: *Self, pairs: *const Pairs) void {
            const id = row.symbols[row.at];
            const at_rank = pairs.rankOf(id, row.symbols[row.next]);
            const before_rank = pairs.rankOf(row.symbols[row.before], id);
            row.keys[@as(usize, key_offset) + row.at] = keyOf(at_rank, row.at);
            row.keys[@as(usize, key_offset) + row.before] = keyOf(before_rank, row.before);
        }

        /// Writes the tokens, and where each ends in the piece, and returns how many there are.
        pub inline fn take(row: *const Self, ids: *[places]u32, ends: *[places]u8) usize {
            var left = row.left & (row.left - 1);
            var count: usize = 0;
            while (left & (left - 1) != 0) : (count += 1) {
                ids[count] = row.symbols[@ctz(left)];
                left &= left - 1;
                ends[count] = @intCast(@ctz(left) - 1);
            }
            return count;
        }
    };
}

/// Merges pieces in rows. `driver.begin(row)` gives a row its first piece, `driver.next(row)` takes
/// what has become of it and gives it another; either returns false where there is no more.
pub fn run(comptime places: u32, pairs: *const Pairs, driver: anytype) void {
    var memory: [row_count]Row(places) = undefined;
    var rows: [row_count]*Row(places) = undefined;
    var count: usize = 0;
    for (&memory) |*row| {
        if (!driver.begin(row)) break;
        rows[count] = row;
        count += 1;
    }
    while (count > 0) {
        var i: usize = 0;
        while (i < count) {
            const row = rows[i];
            if (row.merge(pairs)) {
                i += 1;
            } else if (!driver.next(row)) {
                count -= 1;
                rows[i] = rows[count];
            }
        }
        for (rows[0..count]) |row| row.enterRanks(pairs);
    }
}

test {
    // Tested through `bpe.zig`, which has the models.
    std.testing.refAllDecls(@This());
}
