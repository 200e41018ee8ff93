//! A stretch of a long piece encoded from several places at once, for pieces of many short tokens,
//! as of random letters (`backtracking.zig` says why a sequence is an encoding if its neighbours
//! are compatible).
//!
//! Each strand begins somewhere in the stretch as if the piece did, merges one window after another
//! side by side with the others (`side_by_side.zig`), and takes a window's tokens but for the last
//! ones if the first is compatible with the one before. It ends some bytes behind where the next
//! one began. Where both have the same token at the same place, the earlier one is continued by the
//! later one: every two neighbours of the whole are neighbours in one of the two. Where they have
//! none, the stretch ends with the earlier one.
//!
//! Time is linear in the stretch, whose length is fixed; memory is 18 KiB of the stack.

const std = @import("std");
const Pairs = @import("pairs.zig").Pairs;
const side_by_side = @import("side_by_side.zig");

/// Bytes between the beginnings of two strands.
const strand_len = 256;
/// Bytes that two strands have in common, at least; random text needs some 10.
const overlap_len = 48;
/// Bytes that are merged at once.
const window_len = 32;
/// Tokens at the end of a window that may come out otherwise with what follows.
const open_count = 2;
/// Tokens given up, one after another, where a window does not fit.
const retries_max = 4;

const Row = side_by_side.Row(window_len);
const token_max = strand_len + overlap_len + window_len;

/// Bytes that are needed; as many as no strand goes beyond.
pub const len_min = side_by_side.row_count * strand_len + overlap_len + window_len;

pub inline fn isPossible(pairs: *const Pairs) bool {
    return side_by_side.isPossible(window_len, pairs);
}

pub const Encoded = struct { count: usize, len: usize };

/// Encodes the beginning of `text`, which has `len_min` bytes or more, behind the token `before`,
/// as far as the strands go and join; nothing where the first token does not fit behind it. `ids`
/// must have room for as many as there are bytes.
pub noinline fn encode(
    pairs: *const Pairs,
    text: []const u8,
    before: ?u32,
    ids: [*]u32,
) Encoded {
    var strands: Strands = .{ .pairs = pairs, .text = text[0..len_min], .before = before };
    side_by_side.run(window_len, pairs, &strands);
    return strands.joined(ids);
}

const Strands = struct {
    pairs: *const Pairs,
    text: []const u8,
    before: ?u32,
    begun: u32 = 0,
    all: [side_by_side.row_count]Strand = undefined,

    pub inline fn begin(strands: *Strands, row: *Row) bool {
        if (strands.begun == strands.all.len) return false;
        row.tag = strands.begun;
        const start = strands.begun * strand_len;
        const strand = &strands.all[strands.begun];
        strand.start = start;
        strand.count = 0;
        strand.position = start;
        strand.retries = 0;
        strands.begun += 1;
        row.begin(strands.pairs, strands.text[start..][0..window_len]);
        return true;
    }

    pub inline fn next(strands: *Strands, row: *Row) bool {
        const strand = &strands.all[row.tag];
        var ids: [window_len]u32 = undefined;
        var ends: [window_len]u8 = undefined;
        const count = row.take(&ids, &ends);
        if (!strand.takeWindow(strands, ids[0..count], ends[0..count])) return false;
        if (strand.position >= strand.start + strand_len + overlap_len) return false;
        row.begin(strands.pairs, strands.text[strand.position..][0..window_len]);
        return true;
    }

    /// Writes the tokens of the strands as far as these join.
    fn joined(strands: *const Strands, ids: [*]u32) Encoded {
        var written: usize = 0;
        var from: usize = 0;
        for (strands.all[0 .. strands.all.len - 1], strands.all[1..]) |*strand, *later| {
            const join = strand.joinWith(from, later);
            const until = if (join) |found| found.here else strand.count;
            @memcpy(ids[written..], strand.ids[from..until]);
            written += until - from;
            from = (join orelse return .{ .count = written, .len = strand.position }).there;
        }
        const last = &strands.all[strands.all.len - 1];
        @memcpy(ids[written..], last.ids[from..last.count]);
        return .{ .count = written + last.count - from, .len = last.position };
    }
};

const Strand = struct {
    start: u32,
    /// Where its tokens end.
    position: u32,
    count: u32,
    retries: u32,
    ids: [token_max]u32,
    ends: [token_max]u16,

    /// Takes the tokens of a window at `position`, but for the last ones, or gives up a token
    /// before it; returns whether to go on.
    inline fn takeWindow(
        strand: *Strand,
        strands: *const Strands,
        ids: []const u32,
        ends: []const u8,
    ) bool {
        if (ids.len <= open_count) return false;
        const trees = &strands.pairs.trees;
        var start: usize = 0;
        for (ids[0 .. ids.len - open_count], ends[0 .. ids.len - open_count]) |id, end| {
            // Never so but in tables from a file that was made to be wrong.
            if (!trees.isReachableWith(id, end - start)) return false;
            start = end;
        }
        const before = if (strand.count > 0)
            strand.ids[strand.count - 1]
        else if (strand.start == 0) strands.before else null;
        if (before) |id| {
            if (!strands.pairs.compatible(id, ids[0])) return strand.giveUp();
        }
        strand.retries = 0;
        for (ids[0 .. ids.len - open_count], ends[0 .. ids.len - open_count]) |id, end| {
            strand.ids[strand.count] = id;
            strand.ends[strand.count] = @intCast(strand.position + end);
            strand.count += 1;
        }
        strand.position += ends[ids.len - open_count - 1];
        return true;
    }

    /// Gives up the last token, so that a window may begin before it.
    fn giveUp(strand: *Strand) bool {
        if (strand.count == 0 or strand.retries == retries_max) return false;
        strand.retries += 1;
        strand.count -= 1;
        strand.position = strand.endOf(strand.count);
        return true;
    }

    /// Where the tokens before the one at `index` end.
    inline fn endOf(strand: *const Strand, index: usize) u32 {
        return if (index == 0) strand.start else strand.ends[index - 1];
    }

    const Join = struct { here: usize, there: usize };

    /// The first token from `from` on that a later strand has at the same place.
    fn joinWith(strand: *const Strand, from: usize, later: *const Strand) ?Join {
        var here = from;
        var there: usize = 0;
        while (here < strand.count and there < later.count) {
            const start = strand.endOf(here);
            const later_start = later.endOf(there);
            if (start == later_start and strand.ids[here] == later.ids[there]) {
                return .{ .here = here, .there = there };
            }
            if (start <= later_start) here += 1 else there += 1;
        }
        return null;
    }
};

test {
    // Tested through `bpe.zig`, which has the models.
    std.testing.refAllDecls(@This());
}
