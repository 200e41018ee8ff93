//! What pieces are that a cache does not have: those of a batch together, so that no look-up waits
//! for another and short merges go on side by side.
//!
//! Time is linear in the pieces; memory is a few stack buffers of a batch's length.

const std = @import("std");
const piece_cache = @import("piece_cache.zig");
const piece_table = @import("piece_table.zig");
const side_by_side = @import("side_by_side.zig");
const Pairs = @import("pairs.zig").Pairs;
const PieceCache = piece_cache.PieceCache;
const PieceTable = piece_table.PieceTable;
const Span = piece_cache.Span;

/// Longest piece that is learnt here; as long as a row of merges, and as a key of the table.
const len_max = 16;
const Row = side_by_side.Row(len_max);

comptime {
    std.debug.assert(len_max == piece_table.key_len_max);
}

/// Puts those of `spans[from..]` into the cache that are short and not there; those that are no
/// token only with `all_merges`. Others are left, and where the cache is full, some may be gone
/// again.
pub noinline fn learn(
    cache: *PieceCache,
    pieces: *const PieceTable,
    all_merges: ?*const Pairs,
    text: []const u8,
    spans: []const Span,
    keys: *const piece_cache.Keys,
    from: usize,
) void {
    var missing: [piece_cache.batch_len]u16 = undefined;
    var table_keys: [piece_cache.batch_len]piece_table.Key = undefined;
    var count: usize = 0;
    for (spans[from..], from..) |span, i| {
        if (span.end - span.start > len_max or cache.has(keys, i)) continue;
        pieces.makeKey(text, span.start, span.end, &table_keys[count]);
        missing[count] = @intCast(i);
        count += 1;
    }
    var merge_count: usize = 0;
    for (missing[0..count], table_keys[0..count]) |i, key| {
        if (pieces.find(key)) |id| {
            cache.put(keys, i, text[spans[i].start..spans[i].end], &.{id});
        } else {
            missing[merge_count] = i;
            merge_count += 1;
        }
    }
    const merges = all_merges orelse return;
    if (!merges.is_indexed or !side_by_side.isPossible(len_max, merges)) return;
    var driver: Driver = .{
        .cache = cache,
        .merges = merges,
        .text = text,
        .spans = spans,
        .keys = keys,
        .missing = missing[0..merge_count],
    };
    side_by_side.run(len_max, merges, &driver);
}

/// Gives the rows the pieces, and the cache what becomes of them.
const Driver = struct {
    cache: *PieceCache,
    merges: *const Pairs,
    text: []const u8,
    spans: []const Span,
    keys: *const piece_cache.Keys,
    /// Those that have no row yet.
    missing: []const u16,

    pub inline fn begin(driver: *Driver, row: *Row) bool {
        if (driver.missing.len == 0) return false;
        row.tag = driver.missing[0];
        driver.missing = driver.missing[1..];
        row.begin(driver.merges, driver.pieceOf(row));
        return true;
    }

    pub inline fn next(driver: *Driver, row: *Row) bool {
        var ids: [len_max]u32 = undefined;
        var ends: [len_max]u8 = undefined;
        const count = row.take(&ids, &ends);
        driver.cache.put(driver.keys, row.tag, driver.pieceOf(row), ids[0..count]);
        return driver.begin(row);
    }

    inline fn pieceOf(driver: *const Driver, row: *const Row) []const u8 {
        const span = driver.spans[row.tag];
        return driver.text[span.start..span.end];
    }
};

test {
    // Tested through `context.zig`.
    std.testing.refAllDecls(@This());
}
