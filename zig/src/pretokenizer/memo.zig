//! What searches through one text have found out, so that none is made twice: makes matching linear.
//!
//! A search that runs on behind the best match it has, in the hope of a longer one, and does not find it, has
//! read a stretch that the next search, which begins at that match's end, may read again: `a*b|a` on a text
//! of a's reads it all for every a. But an automaton's future depends on its state and position alone, so
//! the search leaves notes: in this state, at this position, nothing more is to come. Another search that
//! arrives at a note stops there.
//!
//! Notes are kept at few positions, whose distances from the search's begin double; when searches begin
//! behind the first of them, new ones are put into the gap to the next. So there are O(log n) positions,
//! and a stretch between two is read at most once for each state that a search can come to it in, and again
//! for each halving of it: O(S n log n) steps for S states in the worst case, and linear ones for patterns
//! whose searches do not run on. Memory is fixed; nothing is allocated.

const std = @import("std");

/// The most states that notes tell apart.
pub const state_max = 64;

/// How far a search may run on without a note.
const patience = 16;

/// Positions kept. Their distances double: these are more than an address space has room for.
const slot_max = 48;

pub const Memo = struct {
    count: usize = 0,
    /// The farthest first.
    slots: [slot_max]Slot = undefined,

    const Slot = struct {
        position: usize,
        /// The states in which nothing is to come, a bit for each, and those in which something is.
        barren: u64,
        fruitful: u64,
    };

    pub fn clear(memo: *Memo) void {
        memo.count = 0;
    }

    /// Leaves the result of a search at the positions it noted.
    fn leave(memo: *Memo, notes: []const Note, is_fruitful: bool) void {
        var i = memo.count;
        for (notes) |note| {
            while (i > 0 and memo.slots[i - 1].position < note.position) i -= 1;
            const is_known = i > 0 and memo.slots[i - 1].position == note.position;
            if (!is_known) {
                // Cannot be full, as far as positions double; without a note, all stays right.
                if (memo.count == slot_max) continue;
                const nearer = memo.slots[i..memo.count];
                @memmove(memo.slots[i + 1 ..][0..nearer.len], nearer);
                memo.slots[i] = .{ .position = note.position, .barren = 0, .fruitful = 0 };
                memo.count += 1;
            }
            const slot = &memo.slots[if (is_known) i - 1 else i];
            const bit = @as(u64, 1) << note.state;
            if (is_fruitful) slot.fruitful |= bit else slot.barren |= bit;
        }
    }
};

const Note = struct { position: usize, state: u6 };

/// One search. Searches with the same memo begin in ascending order, but for those of look-aheads: what is
/// behind a begin is forgotten.
pub const Walk = struct {
    memo: *Memo,
    /// Where it began, or the end of the best match so far.
    origin: usize,
    /// Slots of the memo that are still ahead.
    ahead: usize,
    /// Where the next note is due.
    mark: usize,
    note_count: usize = 0,
    notes: [slot_max]Note = undefined,

    pub inline fn begin(walk: *Walk, memo: *Memo, at: usize) void {
        while (memo.count > 0 and memo.slots[memo.count - 1].position <= at) memo.count -= 1;
        walk.memo = memo;
        walk.origin = at;
        walk.ahead = memo.count;
        walk.mark = at + patience;
        walk.note_count = 0;
    }

    /// Up to where it may go before it must `visit`.
    pub inline fn limit(walk: *const Walk, text_len: usize) usize {
        var nearest = text_len;
        if (walk.mayMark()) nearest = @min(nearest, walk.mark);
        if (walk.ahead > 0) nearest = @min(nearest, walk.memo.slots[walk.ahead - 1].position);
        return nearest;
    }

    /// New positions are put before those known, or behind them all.
    inline fn mayMark(walk: *const Walk) bool {
        return walk.ahead == 0 or walk.ahead == walk.memo.count;
    }

    /// Arrives at `position` in a state, if it is one that notes tell apart, with the best match so far
    /// ending at `origin`. Returns what is known to come, if it is.
    pub fn visit(walk: *Walk, position: usize, origin: usize, state: ?u6) ?bool {
        if (origin != walk.origin) {
            walk.origin = origin;
            walk.note_count = 0;
            walk.mark = origin + patience;
        }
        if (walk.ahead > 0 and walk.memo.slots[walk.ahead - 1].position == position) {
            walk.ahead -= 1;
            if (walk.ahead == 0) walk.mark = position + @max(patience, position - origin);
            const known = state orelse return null;
            const slot = &walk.memo.slots[walk.ahead];
            if (slot.barren >> known & 1 != 0) return false;
            if (slot.fruitful >> known & 1 != 0) return true;
            walk.note(position, known);
        } else if (walk.mayMark() and position >= walk.mark) {
            if (state) |noted| {
                walk.note(position, noted);
                walk.mark = position + @max(patience, position - origin);
            } else {
                walk.mark = position + 1;
            }
        }
        return null;
    }

    fn note(walk: *Walk, position: usize, state: u6) void {
        if (walk.note_count == slot_max) return;
        walk.notes[walk.note_count] = .{ .position = position, .state = state };
        walk.note_count += 1;
    }

    /// Ends it: what its notes were left for is to come, or is not.
    pub fn end(walk: *Walk, is_fruitful: bool) void {
        if (walk.note_count == 0) return;
        walk.memo.leave(walk.notes[0..walk.note_count], is_fruitful);
        walk.note_count = 0;
    }
};

test "a search stops at the note of an earlier one, and closes the gaps behind it" {
    var memo: Memo = .{};
    var walk: Walk = undefined;
    walk.begin(&memo, 0);
    var stops: usize = 0;
    var at = walk.limit(1000);
    while (at < 1000) : (at = walk.limit(1000)) {
        try std.testing.expectEqual(null, walk.visit(at, 0, 3));
        stops += 1;
    }
    walk.end(false);
    try std.testing.expectEqual(stops, memo.count);
    try std.testing.expectEqual(6, stops);

    walk.begin(&memo, 1);
    try std.testing.expectEqual(16, walk.limit(1000));
    try std.testing.expectEqual(false, walk.visit(16, 1, 3));
    walk.begin(&memo, 1);
    try std.testing.expectEqual(null, walk.visit(16, 1, 4));
    walk.end(true);
    walk.begin(&memo, 15);
    try std.testing.expectEqual(true, walk.visit(16, 15, 4));

    walk.begin(&memo, 130);
    try std.testing.expectEqual(146, walk.limit(1000));
    try std.testing.expectEqual(null, walk.visit(146, 130, 3));
    try std.testing.expectEqual(162, walk.limit(1000));
    try std.testing.expectEqual(null, walk.visit(162, 150, 3));
    try std.testing.expectEqual(166, walk.limit(1000));
    walk.end(false);
    walk.begin(&memo, 130);
    try std.testing.expectEqual(146, walk.limit(1000));
}
