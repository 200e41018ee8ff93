//! The text of a training: all distinct pieces as tokens in one flat array, in which occurrences
//! of a pair are merged in place.
//!
//! There is a slot for each byte. A token's first slot names the pair that the token begins, and
//! its first and last slots name the token; so both neighbours of any token are found in constant
//! time without a list, by the tokens' lengths. What a pair is, and how it is chosen, is no
//! concern of this file.

const std = @import("std");
const word_counts = @import("word_counts.zig");

const Allocator = std.mem.Allocator;
const Word = word_counts.Word;
const WordCounts = word_counts.WordCounts;

pub const Error = Allocator.Error || error{
    /// The occurrences of all pairs do not fit in 64 bits.
    CountOverflow,
    /// The distinct pieces have more than `slots_max` bytes, the gaps between them included.
    TooManyPieces,
};

/// Leaves room for the number of pairs, at most three times as high, in 32 bits.
pub const slots_max = 1 << 30;
/// Stands for a token in the gaps between pieces.
pub const no_token = std.math.maxInt(u32);
/// Stands for a pair in slots that begin none.
pub const no_pair = std.math.maxInt(u32);

pub const Slot = struct {
    /// The token of which this is the first or the last byte; out of date in between.
    token: u32,
    /// The pair of the token that begins here and the one after it.
    pair: u32,

    const gap: Slot = .{ .token = no_token, .pair = no_pair };
};

pub const Corpus = struct {
    /// The pieces, most frequent first, with a gap of one slot before, between and behind them.
    slots: []Slot,
    /// Runs of pieces that have the same count, in order of position.
    runs: []Run,
    /// For each block of `block_slots` slots, the run to which its first slot belongs.
    block_runs: []u32,

    const Run = struct { end: u32, count: u64 };
    const block_slots = 64;

    /// Lays out the pieces of `tables`, none of which two of them share, as single bytes. No pair is
    /// named yet.
    pub fn init(gpa: Allocator, tables: []const WordCounts) Error!Corpus {
        var arena: std.heap.ArenaAllocator = .init(gpa);
        defer arena.deinit();
        const words = try sortedWords(arena.allocator(), tables);

        const slots = try gpa.alloc(Slot, try slotCount(words));
        errdefer gpa.free(slots);
        var runs: std.ArrayList(Run) = .empty;
        errdefer runs.deinit(gpa);
        slots[0] = .gap;
        var end: u32 = 1;
        for (words) |word| {
            for (slots[end..][0..word.bytes.len], word.bytes) |*slot, byte| {
                slot.* = .{ .token = byte, .pair = no_pair };
            }
            end += @intCast(word.bytes.len);
            slots[end] = .gap;
            end += 1;
            const same_run = runs.items.len > 0 and runs.getLast().count == word.count;
            if (!same_run) try runs.append(gpa, .{ .end = undefined, .count = word.count });
            runs.items[runs.items.len - 1].end = end;
        }

        const block_runs = try gpa.alloc(u32, slots.len / block_slots + 1);
        errdefer gpa.free(block_runs);
        fillBlockRuns(block_runs, runs.items);
        return .{ .slots = slots, .runs = try runs.toOwnedSlice(gpa), .block_runs = block_runs };
    }

    pub fn deinit(self: *Corpus, gpa: Allocator) void {
        gpa.free(self.slots);
        gpa.free(self.runs);
        gpa.free(self.block_runs);
        self.* = undefined;
    }

    /// How often the piece occurs that has the slot at `position`. Constant time: a block holds no
    /// more pieces, and hence no more runs, than it has slots.
    pub fn countAt(self: *const Corpus, position: u32) u64 {
        var run = self.block_runs[position / block_slots];
        while (self.runs[run].end <= position) run += 1;
        return self.runs[run].count;
    }

    fn fillBlockRuns(block_runs: []u32, runs: []const Run) void {
        var run: u32 = 0;
        for (block_runs, 0..) |*block_run, block| {
            const start = block * block_slots;
            while (run + 1 < runs.len and runs[run].end <= start) run += 1;
            block_run.* = run;
        }
    }
};

/// The pieces that have a pair, most frequent first: pieces of one count stand together, and those
/// that most of the early merges touch stand close by each other.
fn sortedWords(arena: Allocator, tables: []const WordCounts) Allocator.Error![]const Word {
    var total: usize = 0;
    for (tables) |*counts| total += counts.len();
    const words = try arena.alloc(Word, total);
    var used: usize = 0;
    for (tables) |*counts| {
        var iterator = counts.iterator();
        while (iterator.next()) |word| {
            if (word.bytes.len < 2) continue;
            words[used] = .{ .bytes = try arena.dupe(u8, word.bytes), .count = word.count };
            used += 1;
        }
    }
    std.mem.sortUnstable(Word, words[0..used], {}, isMoreFrequent);
    return words[0..used];
}

fn isMoreFrequent(_: void, a: Word, b: Word) bool {
    return a.count > b.count;
}

/// How many slots the pieces need. The bound on all pairs together, which is checked here, holds
/// for every pair at any time, as merging makes no pairs but in place of others.
fn slotCount(words: []const Word) Error!usize {
    var slots: u64 = 1;
    var pairs: u64 = 0;
    for (words) |word| {
        slots += word.bytes.len + 1;
        const more, const too_many = @mulWithOverflow(word.count, word.bytes.len - 1);
        const total, const too_many_in_all = @addWithOverflow(pairs, more);
        if (too_many | too_many_in_all != 0) return error.CountOverflow;
        pairs = total;
    }
    if (slots > slots_max) return error.TooManyPieces;
    return @intCast(slots);
}

const testing = std.testing;

test "lays out the pieces by falling count, and knows the count at every position" {
    var counts = WordCounts.init(testing.allocator);
    defer counts.deinit();
    for (0..300) |number| {
        var buffer: [8]u8 = undefined;
        const piece = try std.fmt.bufPrint(&buffer, "{d}", .{number});
        try counts.add(piece, 1 + number * number % 7);
    }
    var corpus = try Corpus.init(testing.allocator, (&counts)[0..1]);
    defer corpus.deinit(testing.allocator);

    var pieces_found: usize = 0;
    var count_before: u64 = std.math.maxInt(u64);
    var piece: std.ArrayList(u8) = .empty;
    defer piece.deinit(testing.allocator);
    for (corpus.slots, 0..) |slot, position| {
        if (slot.token != no_token) {
            try piece.append(testing.allocator, @intCast(slot.token));
            continue;
        }
        if (position > 0) {
            const count = counts.get(piece.items);
            for (position - piece.items.len..position + 1) |inside| {
                try testing.expectEqual(count, corpus.countAt(@intCast(inside)));
            }
            try testing.expect(count <= count_before);
            count_before = count;
            pieces_found += 1;
        }
        piece.clearRetainingCapacity();
    }
    // The ten digits by themselves have no pair.
    try testing.expectEqual(290, pieces_found);
}

test "a corpus without a pair is one gap" {
    var counts = WordCounts.init(testing.allocator);
    defer counts.deinit();
    for (0..2) |_| {
        var corpus = try Corpus.init(testing.allocator, (&counts)[0..1]);
        defer corpus.deinit(testing.allocator);
        try testing.expectEqualSlices(Slot, &.{.gap}, corpus.slots);
        try counts.add("a", 1);
    }
}
