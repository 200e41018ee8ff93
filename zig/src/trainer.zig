//! Learns byte-pair merges from the counts of a corpus's pieces, exactly as rustbpe learns them.
//!
//! The rule: every piece begins as its bytes, tokens 0 to 255. The pair of adjacent tokens that
//! occurs most often is merged, in every piece from left to right, into the next new token, until
//! there are enough tokens or no pair is left. Each occurrence counts as often as its piece does;
//! occurrences that overlap all count ("aaa" holds the pair "aa" twice); among pairs of one count
//! the smallest left and then the smallest right token wins. The result therefore does not depend
//! on the order of the pieces. rustbpe counts in 32 bits with sign, and goes wrong where a count
//! does not fit; counts here have 64 bits, and a corpus that could exceed them is refused.
//!
//! Each pair keeps the positions in the corpus at which it once began. Such a position is stale
//! when its slot no longer names the pair. Thus a merge visits its own occurrences and their
//! neighbours only, and as the slots name the pairs, no hash table is needed.
//!
//! For n bytes in distinct pieces, learning takes O(n log n) time: each merged occurrence leaves
//! one token less, makes at most two new positions or pairs and lowers at most three counts, and
//! only the queue of pairs takes more than constant time for each of these. Memory is O(n) too.
//!
//! How text is cut into pieces is no concern of this file.

const std = @import("std");
const definition = @import("definition.zig");
const flat_corpus = @import("flat_corpus.zig");
const pair_queue = @import("pair_queue.zig");
const word_counts = @import("word_counts.zig");

const Allocator = std.mem.Allocator;
const Corpus = flat_corpus.Corpus;
const no_pair = flat_corpus.no_pair;
const no_token = flat_corpus.no_token;
const WordCounts = word_counts.WordCounts;

pub const Options = struct {
    /// How many tokens to have at the end, the 256 bytes included.
    vocab_size: u32,
    /// Pairs that occur less often are not merged.
    min_frequency: u64 = 0,
    /// Seen and set by other threads.
    watch: ?*Watch = null,
};

/// How far a training is, and whether to give it up.
pub const Watch = struct {
    merge_count: std.atomic.Value(u64) = .init(0),
    is_cancelled: std.atomic.Value(bool) = .init(false),

    pub fn cancel(watch: *Watch) void {
        watch.is_cancelled.store(true, .monotonic);
    }

    /// Says how many merges are made, and stops who was cancelled.
    pub fn tell(watch: *Watch, merge_count: usize) error{Cancelled}!void {
        watch.merge_count.store(merge_count, .monotonic);
        if (watch.is_cancelled.load(.monotonic)) return error.Cancelled;
    }
};

/// `left` followed by `right` becomes the token 256 + the merge's own position in the result.
pub const Merge = struct {
    left: u32,
    right: u32,
    /// How often the pair occurred when it was merged.
    count: u64,
};

pub const Error = flat_corpus.Error || error{
    /// `vocab_size` leaves no room for the 256 bytes.
    VocabTooSmall,
    Cancelled,
};

/// Learns up to `options.vocab_size - 256` merges; fewer when every piece has become one token
/// before. No two of `tables` share a piece. The caller frees the result with `gpa`.
pub fn train(gpa: Allocator, tables: []const WordCounts, options: Options) Error![]Merge {
    if (options.vocab_size < byte_count) return error.VocabTooSmall;
    const merges_max = options.vocab_size - byte_count;

    var corpus = try Corpus.init(gpa, tables);
    defer corpus.deinit(gpa);
    var learner = try Learner.init(gpa, &corpus);
    defer learner.deinit();

    var merges: std.ArrayList(Merge) = .empty;
    errdefer merges.deinit(gpa);
    while (merges.items.len < merges_max) {
        if (options.watch) |watch| try watch.tell(merges.items.len);
        const merge = try learner.step(options.min_frequency) orelse break;
        try merges.append(gpa, merge);
    }
    return merges.toOwnedSlice(gpa);
}

/// The tokens that the bytes and `merges` make, by id. Two tokens may have the same bytes, as
/// they may in rustbpe. The caller's arena owns the result.
pub fn vocabulary(arena: Allocator, merges: []const Merge) Allocator.Error![]definition.Token {
    const tokens = try arena.alloc(definition.Token, byte_count + merges.len);
    for (tokens[0..byte_count], 0..) |*token, byte| {
        token.* = .{ .id = @intCast(byte), .bytes = try arena.dupe(u8, &.{@intCast(byte)}) };
    }
    for (tokens[byte_count..], merges, byte_count..) |*token, merge, id| {
        const parts = [_][]const u8{ tokens[merge.left].bytes, tokens[merge.right].bytes };
        token.* = .{ .id = @intCast(id), .bytes = try std.mem.concat(arena, u8, &parts) };
    }
    return tokens;
}

/// The tokens that a training begins with.
pub const byte_count = 256;
/// How many occurrences ahead of the present one memory is fetched.
const prefetch_distance = 16;

const Pair = struct {
    left: u32,
    right: u32,
    /// The positions at which the pair began when it came into being, ascending; stale ones among
    /// them.
    positions: [*]u32 = undefined,
    positions_len: u32 = 0,
    /// How many positions there are to be.
    births: u32 = 0,
};

/// A place at which a pair has come into being during the present merge.
const Birth = struct {
    pair: u32,
    position: u32,
};

const Learner = struct {
    gpa: Allocator,
    corpus: *Corpus,
    /// The lists of positions, which live as long as the training.
    positions_arena: std.heap.ArenaAllocator,
    /// Pairs by number, in the order in which they came into being, and how often each now occurs.
    pairs: std.ArrayList(Pair),
    counts: std.ArrayList(u64),
    queue: pair_queue.PairQueue,
    /// By token: its length in bytes, and the number of the last pair that the newest token made
    /// with this token before it and after it. Numbers below the present merge's first are out of
    /// date.
    token_lens: std.ArrayList(u32),
    pairs_before: std.ArrayList(u32),
    pairs_after: std.ArrayList(u32),
    births: std.ArrayList(Birth),

    fn init(gpa: Allocator, corpus: *Corpus) Allocator.Error!Learner {
        var self: Learner = .{
            .gpa = gpa,
            .corpus = corpus,
            .positions_arena = .init(gpa),
            .pairs = .empty,
            .counts = .empty,
            .queue = .{},
            .token_lens = .empty,
            .pairs_before = .empty,
            .pairs_after = .empty,
            .births = .empty,
        };
        errdefer self.deinit();
        try self.token_lens.appendNTimes(gpa, 1, byte_count);
        try self.pairs_before.appendNTimes(gpa, 0, byte_count);
        try self.pairs_after.appendNTimes(gpa, 0, byte_count);
        try self.findBytePairs();
        return self;
    }

    fn deinit(self: *Learner) void {
        self.positions_arena.deinit();
        self.pairs.deinit(self.gpa);
        self.counts.deinit(self.gpa);
        self.queue.deinit(self.gpa);
        self.token_lens.deinit(self.gpa);
        self.pairs_before.deinit(self.gpa);
        self.pairs_after.deinit(self.gpa);
        self.births.deinit(self.gpa);
        self.* = undefined;
    }

    /// Counts the pairs of bytes through a dense table, then numbers and lists those that occur.
    fn findBytePairs(self: *Learner) Allocator.Error!void {
        const Tally = struct { count: u64, births: u32, pair: u32 };
        const tallies = try self.gpa.alloc(Tally, byte_count * byte_count);
        defer self.gpa.free(tallies);
        @memset(tallies, .{ .count = 0, .births = 0, .pair = no_pair });

        const slots = self.corpus.slots;
        for (slots[0 .. slots.len - 1], slots[1..], 0..) |slot, next, position| {
            if (slot.token == no_token or next.token == no_token) continue;
            const tally = &tallies[slot.token * byte_count + next.token];
            tally.count += self.corpus.countAt(@intCast(position));
            tally.births += 1;
        }
        for (tallies, 0..) |*tally, key| {
            if (tally.count == 0) continue;
            const left: u32 = @intCast(key / byte_count);
            const right: u32 = @intCast(key % byte_count);
            tally.pair = try self.addPair(left, right);
            self.counts.items[tally.pair] = tally.count;
            self.pairs.items[tally.pair].births = tally.births;
        }
        try self.allocatePositions(0);
        for (slots[0 .. slots.len - 1], slots[1..], 0..) |*slot, next, position| {
            if (slot.token == no_token or next.token == no_token) continue;
            slot.pair = tallies[slot.token * byte_count + next.token].pair;
            self.appendPosition(slot.pair, @intCast(position));
        }
        try self.queuePairs(0);
    }

    /// Merges the first pair of the queue into a new token; null when no pair is left that occurs
    /// `min_frequency` times.
    fn step(self: *Learner, min_frequency: u64) Allocator.Error!?Merge {
        const first = try self.queue.pop(self.gpa, self.counts.items) orelse return null;
        if (first.count < min_frequency) return null;
        const pairs_start: u32 = @intCast(self.pairs.items.len);
        try self.replace(first.index, pairs_start);
        std.debug.assert(self.counts.items[first.index] == 0);

        try self.allocatePositions(pairs_start);
        for (self.births.items) |birth| {
            // A later occurrence may have ended the pair again, as in "abab" the one of "ab" and
            // "a".
            if (self.corpus.slots[birth.position].pair != birth.pair) continue;
            self.appendPosition(birth.pair, birth.position);
        }
        try self.queuePairs(pairs_start);
        return .{ .left = first.left, .right = first.right, .count = first.count };
    }

    /// Puts a new token in place of the pair wherever it occurs, and notes the pairs that this
    /// makes.
    fn replace(self: *Learner, pair: u32, pairs_start: u32) Allocator.Error!void {
        const left_len = self.token_lens.items[self.pairs.items[pair].left];
        const right_len = self.token_lens.items[self.pairs.items[pair].right];
        const new_token: u32 = @intCast(self.token_lens.items.len);
        try self.token_lens.append(self.gpa, left_len + right_len);
        try self.pairs_before.append(self.gpa, 0);
        try self.pairs_after.append(self.gpa, 0);

        self.births.clearRetainingCapacity();
        const slots = self.corpus.slots;
        const merged = self.pairs.items[pair];
        for (merged.positions[0..merged.positions_len], 0..) |start, index| {
            // Positions ascend but lie far apart: without this nearly every one is a cache miss.
            const ahead = @min(index + prefetch_distance, merged.positions_len - 1);
            @prefetch(&slots[merged.positions[ahead]], .{ .rw = .write });
            if (slots[start].pair != pair) continue;
            const count = self.corpus.countAt(start);
            const middle = start + left_len;
            const end = middle + right_len;
            self.counts.items[pair] -= count;

            const before = slots[start - 1].token;
            if (before != no_token) {
                const before_start = start - self.token_lens.items[before];
                self.counts.items[slots[before_start].pair] -= count;
                const born = &self.pairs_before.items[before];
                if (born.* < pairs_start) born.* = try self.addPair(before, new_token);
                try self.bear(born.*, before_start, count);
            }
            const after = slots[end].token;
            if (after != no_token) {
                self.counts.items[slots[middle].pair] -= count;
                const born = &self.pairs_after.items[after];
                if (born.* < pairs_start) born.* = try self.addPair(new_token, after);
                try self.bear(born.*, start, count);
            } else {
                slots[start].pair = no_pair;
            }
            slots[middle].pair = no_pair;
            slots[start].token = new_token;
            slots[end - 1].token = new_token;
        }
    }

    /// Makes room for the positions of the pairs from `pairs_start` on.
    fn allocatePositions(self: *Learner, pairs_start: u32) Allocator.Error!void {
        const arena = self.positions_arena.allocator();
        for (self.pairs.items[pairs_start..]) |*pair| {
            pair.positions = (try arena.alloc(u32, pair.births)).ptr;
        }
    }

    fn appendPosition(self: *Learner, number: u32, position: u32) void {
        const pair = &self.pairs.items[number];
        std.debug.assert(pair.positions_len < pair.births);
        pair.positions[pair.positions_len] = position;
        pair.positions_len += 1;
    }

    fn queuePairs(self: *Learner, pairs_start: u32) Allocator.Error!void {
        for (self.pairs.items[pairs_start..], pairs_start..) |pair, number| {
            const count = self.counts.items[number];
            if (count == 0) continue;
            try self.queue.push(self.gpa, .{
                .count = count,
                .left = pair.left,
                .right = pair.right,
                .index = @intCast(number),
            });
        }
    }

    fn addPair(self: *Learner, left: u32, right: u32) Allocator.Error!u32 {
        const number: u32 = @intCast(self.pairs.items.len);
        try self.pairs.append(self.gpa, .{ .left = left, .right = right });
        try self.counts.append(self.gpa, 0);
        return number;
    }

    fn bear(self: *Learner, pair: u32, position: u32, count: u64) Allocator.Error!void {
        self.corpus.slots[position].pair = pair;
        self.counts.items[pair] += count;
        self.pairs.items[pair].births += 1;
        try self.births.append(self.gpa, .{ .pair = pair, .position = position });
    }
};

const testing = std.testing;

/// The rule as it is stated, and nothing else: every merge counts every pair of every piece afresh.
fn trainNaively(gpa: Allocator, counts: *const WordCounts, vocab_size: u32) ![]Merge {
    var arena_state: std.heap.ArenaAllocator = .init(gpa);
    defer arena_state.deinit();
    const arena = arena_state.allocator();
    var pieces: std.ArrayList(struct { tokens: []u32, count: u64 }) = .empty;
    var words = counts.iterator();
    while (words.next()) |word| {
        const tokens = try arena.alloc(u32, word.bytes.len);
        for (tokens, word.bytes) |*token, byte| token.* = byte;
        try pieces.append(arena, .{ .tokens = tokens, .count = word.count });
    }

    var merges: std.ArrayList(Merge) = .empty;
    errdefer merges.deinit(gpa);
    while (byte_count + merges.items.len < vocab_size) {
        var pair_counts: std.AutoHashMapUnmanaged([2]u32, u64) = .empty;
        for (pieces.items) |piece| {
            for (piece.tokens[0 .. piece.tokens.len - 1], piece.tokens[1..]) |left, right| {
                const entry = try pair_counts.getOrPutValue(arena, .{ left, right }, 0);
                entry.value_ptr.* += piece.count;
            }
        }
        var best: Merge = .{ .left = 0, .right = 0, .count = 0 };
        var pairs = pair_counts.iterator();
        while (pairs.next()) |entry| {
            const pair = entry.key_ptr.*;
            const count = entry.value_ptr.*;
            const smaller = std.mem.order(u32, &pair, &.{ best.left, best.right }) == .lt;
            if (count > best.count or (count == best.count and smaller)) {
                best = .{ .left = pair[0], .right = pair[1], .count = count };
            }
        }
        if (best.count == 0) break;
        const new_token: u32 = @intCast(byte_count + merges.items.len);
        for (pieces.items) |*piece| piece.tokens = replaceNaively(piece.tokens, best, new_token);
        try merges.append(gpa, best);
    }
    return merges.toOwnedSlice(gpa);
}

fn replaceNaively(tokens: []u32, merge: Merge, new_token: u32) []u32 {
    var read: usize = 0;
    var written: usize = 0;
    while (read < tokens.len) : (written += 1) {
        const found = read + 1 < tokens.len and
            tokens[read] == merge.left and tokens[read + 1] == merge.right;
        tokens[written] = if (found) new_token else tokens[read];
        read += if (found) 2 else 1;
    }
    return tokens[0..written];
}

fn expectSameAsNaive(counts: *const WordCounts, vocab_size: u32) !void {
    const expected = try trainNaively(testing.allocator, counts, vocab_size);
    defer testing.allocator.free(expected);
    const actual = try train(testing.allocator, counts[0..1], .{ .vocab_size = vocab_size });
    defer testing.allocator.free(actual);
    try testing.expectEqualSlices(Merge, expected, actual);
}

test "learns what the naive trainer learns, from every short piece of two letters" {
    for (1..12) |piece_len| {
        for (0..@as(usize, 1) << @intCast(piece_len)) |bits| {
            var counts = WordCounts.init(testing.allocator);
            defer counts.deinit();
            var piece: [12]u8 = undefined;
            for (piece[0..piece_len], 0..) |*byte, bit| {
                byte.* = 'a' + @as(u8, @intCast(bits >> @intCast(bit) & 1));
            }
            try counts.add(piece[0..piece_len], 1);
            try expectSameAsNaive(&counts, byte_count + 12);
        }
    }
}

test "learns what the naive trainer learns, from random corpora" {
    var prng: std.Random.DefaultPrng = .init(2024);
    const random = prng.random();
    // Few letters and low counts make ties and overlaps; long runs make both at every level.
    const letter_counts = [_]u16{ 1, 2, 3, 5, 256 };
    const count_limits = [_]u64{ 1, 3, 1000, 1 << 40 };
    for (letter_counts) |letter_count| {
        for (count_limits) |count_limit| {
            for (0..8) |_| {
                var counts = WordCounts.init(testing.allocator);
                defer counts.deinit();
                for (0..random.uintLessThan(usize, 40)) |_| {
                    var buffer: [64]u8 = undefined;
                    const piece = randomPiece(random, &buffer, letter_count);
                    try counts.add(piece, random.uintAtMost(u64, count_limit));
                }
                try expectSameAsNaive(&counts, byte_count + random.uintLessThan(u32, 120));
            }
        }
    }
}

/// A piece of any length, the empty one included; in one case of four, runs of equal letters.
fn randomPiece(random: std.Random, buffer: []u8, letter_count: u16) []u8 {
    const len_max: usize = if (random.boolean()) 6 else buffer.len;
    const piece = buffer[0..random.uintAtMost(usize, len_max)];
    const in_runs = random.uintLessThan(u8, 4) == 0;
    for (piece, 0..) |*byte, index| {
        const repeat = in_runs and index > 0 and random.uintLessThan(u8, 8) != 0;
        byte.* = if (repeat) piece[index - 1] else @intCast(random.uintLessThan(u16, letter_count));
    }
    return piece;
}

test "learns what the naive trainer learns, with all byte values at once" {
    var counts = WordCounts.init(testing.allocator);
    defer counts.deinit();
    for (0..256) |byte| {
        const left: u8 = @intCast(byte);
        try counts.add(&.{ left, 255 - left, left }, 1 + byte % 3);
        try counts.add(&.{ left, left, left, left }, 1);
    }
    try expectSameAsNaive(&counts, 2000);
}

test "ties go to the smaller pair, and overlapping occurrences all count" {
    var counts = WordCounts.init(testing.allocator);
    defer counts.deinit();
    try counts.add("zz", 4);
    try counts.add("ba", 4);
    try counts.add("ab", 4);
    // Two occurrences of "cc" in each, of which only one can be merged.
    try counts.add("ccc", 3);
    const merges = try train(testing.allocator, (&counts)[0..1], .{ .vocab_size = 1000 });
    defer testing.allocator.free(merges);
    try testing.expectEqualSlices(Merge, &.{
        .{ .left = 'c', .right = 'c', .count = 6 },
        .{ .left = 'a', .right = 'b', .count = 4 },
        .{ .left = 'b', .right = 'a', .count = 4 },
        .{ .left = 'z', .right = 'z', .count = 4 },
        .{ .left = 256, .right = 'c', .count = 3 },
    }, merges);

    var arena: std.heap.ArenaAllocator = .init(testing.allocator);
    defer arena.deinit();
    const tokens = try vocabulary(arena.allocator(), merges);
    try testing.expectEqual(261, tokens.len);
    try testing.expectEqualStrings("z", tokens['z'].bytes);
    try testing.expectEqualStrings("ccc", tokens[260].bytes);
    try testing.expectEqual(260, tokens[260].id);
}

test "counts beyond 32 bits decide, and counts beyond 64 are refused" {
    var counts = WordCounts.init(testing.allocator);
    defer counts.deinit();
    try counts.add("ab", 2_200_000_000);
    try counts.add("cd", 1 << 32);
    try counts.add("ef", (1 << 32) + 1);
    try counts.add("gh", 10);
    const merges = try train(testing.allocator, (&counts)[0..1], .{ .vocab_size = 259 });
    defer testing.allocator.free(merges);
    try testing.expectEqualSlices(Merge, &.{
        .{ .left = 'e', .right = 'f', .count = (1 << 32) + 1 },
        .{ .left = 'c', .right = 'd', .count = 1 << 32 },
        .{ .left = 'a', .right = 'b', .count = 2_200_000_000 },
    }, merges);

    try counts.add("xy", std.math.maxInt(u64));
    const result = train(testing.allocator, (&counts)[0..1], .{ .vocab_size = 259 });
    try testing.expectError(error.CountOverflow, result);
    // One piece's own pairs can exceed the range alone.
    var long = WordCounts.init(testing.allocator);
    defer long.deinit();
    try long.add("aaa", std.math.maxInt(u64));
    const long_result = train(testing.allocator, (&long)[0..1], .{ .vocab_size = 259 });
    try testing.expectError(error.CountOverflow, long_result);
}

test "a vocabulary must have room for the bytes, and a corpus need have no pair" {
    var counts = WordCounts.init(testing.allocator);
    defer counts.deinit();
    const too_small = train(testing.allocator, (&counts)[0..1], .{ .vocab_size = 255 });
    try testing.expectError(error.VocabTooSmall, too_small);
    for ([_][]const u8{ "", "a", "ab" }) |piece| {
        try counts.add(piece, 1);
        const merges = try train(testing.allocator, (&counts)[0..1], .{ .vocab_size = 256 });
        defer testing.allocator.free(merges);
        try testing.expectEqual(0, merges.len);
    }
    const merges = try train(testing.allocator, (&counts)[0..1], .{
        .vocab_size = std.math.maxInt(u32),
    });
    defer testing.allocator.free(merges);
    try testing.expectEqual(1, merges.len);
}

test "an allocation that fails leaks nothing" {
    const run = struct {
        fn run(gpa: Allocator, counts: *const WordCounts) !void {
            const merges = try train(gpa, counts[0..1], .{ .vocab_size = 400 });
            defer gpa.free(merges);
            var arena: std.heap.ArenaAllocator = .init(gpa);
            defer arena.deinit();
            _ = try vocabulary(arena.allocator(), merges);
        }
    }.run;
    var counts = WordCounts.init(testing.allocator);
    defer counts.deinit();
    var prng: std.Random.DefaultPrng = .init(5);
    for (0..100) |_| {
        var buffer: [64]u8 = undefined;
        try counts.add(randomPiece(prng.random(), &buffer, 4), 3);
    }
    try testing.checkAllAllocationFailures(testing.allocator, run, .{&counts});
}
