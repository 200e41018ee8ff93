//! The merging of pairs, which all trainings share: what the pairs are, where they begin, and what each merge
//! makes of them. Which token a merge gives, and when to end, its callers say (`trainer.zig`,
//! `huggingface_trainer.zig`).
//!
//! A pair that may soon be merged has a list of the positions in the corpus at which it begins. Such a
//! position is stale when its slot no longer names the pair. Thus a merge visits its own occurrences
//! and their neighbours only, and as the slots name the pairs, no hash table is needed. Pairs too rare
//! have no list until the counts have fallen to theirs: then the corpus is gone through anew
//! (`listPositions`), which is quicker than keeping all lists, of which most are never asked for.
//!
//! It rests on each pair being merged once at most. A merge leaves no occurrence of its pair, and makes none
//! of any pair of tokens that there were before, if what it makes is a token that no piece had. So a
//! token comes into being at its own merge alone, and no other pair ever spells it.
//!
//! For n symbols in distinct pieces, learning takes O(n log n) time: each merged occurrence leaves
//! one token less, makes at most two new positions or pairs and lowers at most three counts, and
//! only the queue of pairs takes more than constant time for each of these. The corpus is gone through
//! each time that the counts have fallen to a sixty-fourth, or that a quarter of n positions came into being.
//! Memory is O(n) too: 4 bytes a slot, 24 a pair, 4 a position in a list.

const std = @import("std");
const flat_corpus = @import("flat_corpus.zig");
const pair_queue = @import("pair_queue.zig");

const Allocator = std.mem.Allocator;
const Corpus = flat_corpus.Corpus;
const Watch = @import("watch.zig").Watch;
const gap = flat_corpus.gap;
const poll_interval = flat_corpus.poll_interval;
const token_mark = flat_corpus.token_mark;

pub const Error = flat_corpus.Error;

/// Up to so many symbols, pairs of two are counted in a table with a place for each.
const dense_max = 1024;

/// How many occurrences ahead of the present one memory is fetched.
const prefetch_distance = 16;
/// The same for the pairs that the slots there name.
const pair_prefetch_distance = 6;

/// Positions are listed of pairs that occur at least so many times as often as the first one, inverted.
const list_depth = 64;
/// Stands for the place of a list that there is none of.
const no_list = std.math.maxInt(u32);
/// So many pairs have numbers without `token_mark`.
const pairs_max = token_mark;

const Pair = struct {
    /// How often it occurs now.
    count: u64 = 0,
    left: u32,
    right: u32,
    /// Where in `positions` the list of its own begins, ascending, stale ones among them; or `no_list`.
    list_start: u32 = no_list,
    /// Of a pair that comes into being: how many positions there are to be.
    list_len: u32 = 0,
};

/// A place at which a pair has come into being during the present merge.
const Birth = struct {
    pair: u32,
    position: u32,
};

/// The numbers of the last pairs that the newest token made with a token before it and after it. Numbers
/// below the present merge's first are out of date.
const Neighbours = struct {
    before: u32 = 0,
    after: u32 = 0,
};

/// The numbers of the pairs of two symbols.
const FirstNumbers = struct {
    symbol_count: usize,
    /// By left and right symbol, if there are few; `gap` for pairs that have no number.
    dense: []u32,
    sparse: std.AutoHashMapUnmanaged([2]u32, u32) = .empty,

    fn init(gpa: Allocator, symbol_count: usize) Allocator.Error!FirstNumbers {
        const is_dense = symbol_count <= dense_max;
        const dense = try gpa.alloc(u32, if (is_dense) symbol_count * symbol_count else 0);
        @memset(dense, gap);
        return .{ .symbol_count = symbol_count, .dense = dense };
    }

    fn deinit(numbers: *FirstNumbers, gpa: Allocator) void {
        gpa.free(numbers.dense);
        numbers.sparse.deinit(gpa);
    }

    inline fn of(numbers: *FirstNumbers, gpa: Allocator, left: u32, right: u32) Allocator.Error!*u32 {
        if (numbers.dense.len > 0) return &numbers.dense[left * numbers.symbol_count + right];
        return (try numbers.sparse.getOrPutValue(gpa, .{ left, right }, gap)).value_ptr;
    }
};

pub const Options = struct {
    /// The token of each symbol that the corpus has, by its number. No two have the same.
    alphabet: []const u32,
    /// The tokens that there are before any merge have ids below this.
    token_count: u32,
    /// Pairs that occur less often are not merged.
    min_frequency: u64 = 0,
    /// Pairs that spell as many symbols or more are not merged, but for those of two symbols.
    length_limit: u64 = std.math.maxInt(u64),
    /// Seen and set by other threads.
    watch: ?*const Watch = null,
};

pub const Learner = struct {
    gpa: Allocator,
    corpus: *Corpus,
    options: Options,
    /// Pairs by number, in the order in which they came into being.
    pairs: std.ArrayList(Pair) = .empty,
    queue: pair_queue.PairQueue(Pair) = .{},
    /// The lists of positions, one after the other.
    positions: std.ArrayList(u32) = .empty,
    /// Beyond this many positions, the lists are made anew.
    positions_max: usize = 0,
    /// Pairs that occur less often have no list.
    list_floor: u64 = std.math.maxInt(u64),
    /// By token: its length in symbols.
    token_lens: std.ArrayList(u32) = .empty,
    neighbours: std.ArrayList(Neighbours) = .empty,
    births: std.ArrayList(Birth) = .empty,

    /// Begins with a corpus of single symbols, which is of no other use from now on.
    pub fn init(gpa: Allocator, corpus: *Corpus, options: Options) Error!Learner {
        var self: Learner = .{ .gpa = gpa, .corpus = corpus, .options = options };
        errdefer self.deinit();
        try self.token_lens.appendNTimes(gpa, 1, options.token_count);
        try self.neighbours.appendNTimes(gpa, .{}, options.token_count);
        try self.nameFirstPairs();
        return self;
    }

    pub fn deinit(self: *Learner) void {
        self.pairs.deinit(self.gpa);
        self.queue.deinit(self.gpa);
        self.positions.deinit(self.gpa);
        self.token_lens.deinit(self.gpa);
        self.neighbours.deinit(self.gpa);
        self.births.deinit(self.gpa);
        self.* = undefined;
    }

    /// Counts the pairs of symbols, and lets the slots name those that occur.
    fn nameFirstPairs(self: *Learner) Error!void {
        const alphabet = self.options.alphabet;
        var numbers: FirstNumbers = try .init(self.gpa, alphabet.len);
        defer numbers.deinit(self.gpa);
        const slots = self.corpus.slots;
        for (slots[0 .. slots.len - 1], slots[1..], 0..) |*slot, next_slot, position| {
            if (position % poll_interval == 0) try Watch.poll(self.options.watch);
            if (slot.* == gap) continue;
            // What was marked is a symbol, which the pair names from now on; `next_slot` is one still.
            const left = slot.* & ~@as(u32, token_mark);
            if (next_slot == gap) {
                slot.* = token_mark | alphabet[left];
                continue;
            }
            const right = next_slot & ~@as(u32, token_mark);
            const number = try numbers.of(self.gpa, left, right);
            if (number.* == gap) number.* = try self.addPair(alphabet[left], alphabet[right]);
            slot.* = number.*;
            self.pairs.items[number.*].count += self.corpus.countAt(@intCast(position));
        }
        for (0..self.pairs.items.len) |number| try self.queuePair(@intCast(number));
    }

    /// Takes the pair to merge next; null when none is left that occurs often enough.
    pub fn next(self: *Learner) Error!?pair_queue.Entry {
        const first = try self.queue.pop(self.gpa, self.pairs.items) orelse return null;
        if (first.count < self.options.min_frequency) return null;
        return first;
    }

    /// Puts the token `result`, which no piece has, in place of the pair that `next` gave: a new one,
    /// behind all that there are, or one of those that there were before any merge.
    pub fn merge(self: *Learner, first: pair_queue.Entry, result: u32) Error!void {
        if (first.count < self.list_floor or self.positions.items.len > self.positions_max) {
            const floor = @max(1, first.count / list_depth, self.options.min_frequency);
            try self.listPositions(floor);
        }
        const pairs_start: u32 = @intCast(self.pairs.items.len);
        try self.replace(first.index, result, pairs_start);
        std.debug.assert(self.pairs.items[first.index].count == 0);
        try self.listBirths(pairs_start);
        for (self.pairs.items[pairs_start..], pairs_start..) |pair, number| {
            if (self.isAllowed(pair)) try self.queuePair(@intCast(number));
        }
    }

    fn isAllowed(self: *const Learner, pair: Pair) bool {
        const lens = self.token_lens.items;
        return @as(u64, lens[pair.left]) + lens[pair.right] < self.options.length_limit;
    }

    fn queuePair(self: *Learner, number: u32) Allocator.Error!void {
        if (self.pairs.items[number].count == 0) return;
        try self.queue.push(self.gpa, self.pairs.items, number);
    }

    /// Makes the lists of all pairs that occur at least `floor` times, and drops all others.
    fn listPositions(self: *Learner, floor: u64) Error!void {
        self.list_floor = floor;
        const pairs = self.pairs.items;
        // By pair: how many positions it has, then where the next of them goes. An array of its own, since
        // this much smaller one stays in the cache.
        const cursors = try self.gpa.alloc(u32, pairs.len);
        defer self.gpa.free(cursors);
        @memset(cursors, 0);
        const slots = self.corpus.slots;
        for (slots, 0..) |slot, position| {
            if (position % poll_interval == 0) try Watch.poll(self.options.watch);
            if (slot & token_mark == 0) cursors[slot] += 1;
        }
        var total: u32 = 0;
        for (pairs, cursors) |*pair, *cursor| {
            pair.list_len = cursor.*;
            pair.list_start = if (pair.count >= floor) total else no_list;
            cursor.* = pair.list_start;
            if (pair.count >= floor) total += pair.list_len;
        }
        self.positions.clearRetainingCapacity();
        const positions = try self.positions.addManyAsSlice(self.gpa, total);
        for (slots, 0..) |slot, position| {
            if (position % poll_interval == 0) try Watch.poll(self.options.watch);
            if (slot & token_mark != 0 or cursors[slot] == no_list) continue;
            positions[cursors[slot]] = @intCast(position);
            cursors[slot] += 1;
        }
        self.positions_max = total + slots.len / 4;
    }

    /// Puts `result` in place of the pair wherever it occurs, and notes the pairs that this makes.
    fn replace(self: *Learner, number: u32, result: u32, pairs_start: u32) Error!void {
        const merged = self.pairs.items[number];
        const left_len = self.token_lens.items[merged.left];
        const right_len = self.token_lens.items[merged.right];
        if (result == self.token_lens.items.len) {
            try self.token_lens.append(self.gpa, 0);
            try self.neighbours.append(self.gpa, .{});
        }
        self.token_lens.items[result] = left_len + right_len;

        self.births.clearRetainingCapacity();
        try self.births.ensureTotalCapacity(self.gpa, 2 * @as(usize, merged.list_len));
        const slots = self.corpus.slots;
        const starts = self.positions.items[merged.list_start..][0..merged.list_len];
        for (starts, 0..) |start, index| {
            // Positions ascend but lie far apart: without this nearly every one is a cache miss, and then
            // the pair is.
            const far = starts[@min(index + prefetch_distance, starts.len - 1)];
            @prefetch(&slots[far], .{ .rw = .write });
            const near = slots[starts[@min(index + pair_prefetch_distance, starts.len - 1)] + left_len];
            if (near & token_mark == 0) @prefetch(&self.pairs.items[near], .{ .rw = .write });
            if (index % poll_interval == 0) try Watch.poll(self.options.watch);
            if (slots[start] != number) continue;
            const count = self.corpus.countAt(start);
            const middle = start + left_len;
            const end = middle + right_len;
            self.pairs.items[number].count -= count;

            if (slots[start - 1] != gap) {
                const before = self.tokenBefore(start);
                self.pairs.items[slots[before.start]].count -= count;
                const born = &self.neighbours.items[before.token].before;
                if (born.* < pairs_start) born.* = try self.addPair(before.token, result);
                self.bear(born.*, before.start, count);
            }
            if (slots[middle] & token_mark == 0) {
                const following = &self.pairs.items[slots[middle]];
                following.count -= count;
                const after = following.right;
                const born = &self.neighbours.items[after].after;
                if (born.* < pairs_start) born.* = try self.addPair(result, after);
                self.bear(born.*, start, count);
            } else {
                slots[start] = token_mark | result;
            }
            slots[middle] = gap;
            slots[end - 1] = token_mark | result;
        }
    }

    /// The token that ends before `start`, and where it begins.
    fn tokenBefore(self: *const Learner, start: u32) struct { token: u32, start: u32 } {
        const last = self.corpus.slots[start - 1];
        if (last & token_mark == 0) {
            return .{ .token = self.pairs.items[last].left, .start = start - 1 };
        }
        const token = last & ~@as(u32, token_mark);
        return .{ .token = token, .start = start - self.token_lens.items[token] };
    }

    fn addPair(self: *Learner, left: u32, right: u32) Error!u32 {
        const number = self.pairs.items.len;
        if (number == pairs_max) return error.TooManyPieces;
        try self.pairs.append(self.gpa, .{ .left = left, .right = right });
        return @intCast(number);
    }

    /// Notes that a pair begins at `position`. There is room for it.
    fn bear(self: *Learner, number: u32, position: u32, count: u64) void {
        self.corpus.slots[position] = number;
        const pair = &self.pairs.items[number];
        pair.count += count;
        pair.list_len += 1;
        self.births.appendAssumeCapacity(.{ .pair = number, .position = position });
    }

    /// Makes the lists of the pairs from `pairs_start` on.
    fn listBirths(self: *Learner, pairs_start: u32) Allocator.Error!void {
        const pairs = self.pairs.items;
        var total = self.positions.items.len;
        for (pairs[pairs_start..]) |*pair| {
            if (pair.count >= self.list_floor) {
                pair.list_start = @intCast(total);
                total += pair.list_len;
            }
            pair.list_len = 0;
        }
        if (total == self.positions.items.len) return;
        try self.positions.resize(self.gpa, total);
        for (self.births.items) |birth| {
            const pair = &pairs[birth.pair];
            // A later occurrence may have ended the pair again, as in "abab" the one of "ab" and
            // "a".
            if (pair.list_start == no_list or
                self.corpus.slots[birth.position] != birth.pair) continue;
            self.positions.items[pair.list_start + pair.list_len] = birth.position;
            pair.list_len += 1;
        }
    }
};

const testing = std.testing;

test "merging ends when it is cancelled, also between two merges" {
    const WordCounts = @import("word_counts.zig").WordCounts;
    var counts = WordCounts.init(testing.allocator);
    defer counts.deinit();
    try counts.add("abcd", 1);
    var corpus: Corpus = try .init(testing.allocator, (&counts)[0..1], .all_bytes, null);
    defer corpus.deinit(testing.allocator);
    const byte_count = 256;
    var alphabet: [byte_count]u32 = @splat(0);
    // Tokens are what the alphabet says: here the bytes in reverse.
    for (&alphabet, 0..) |*token, byte| token.* = @intCast(byte_count - 1 - byte);
    var watch: Watch = .{};
    var learner: Learner = try .init(testing.allocator, &corpus, .{
        .alphabet = &alphabet,
        .token_count = byte_count,
        .watch = &watch,
    });
    defer learner.deinit();
    const first = (try learner.next()).?;
    try testing.expectEqual(alphabet['c'], first.left);
    try learner.merge(first, byte_count);
    watch.cancel();
    const second = (try learner.next()).?;
    try testing.expectError(error.Cancelled, learner.merge(second, byte_count + 1));
    try testing.expectError(error.Cancelled, learner.listPositions(1));
}
