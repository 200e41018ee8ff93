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
//! A pair that may soon be merged has a list of the positions in the corpus at which it begins. Such a
//! position is stale when its slot no longer names the pair. Thus a merge visits its own occurrences
//! and their neighbours only, and as the slots name the pairs, no hash table is needed. Pairs too rare
//! have no list until the counts have fallen to theirs: then the corpus is gone through anew
//! (`listPositions`), which is quicker than keeping all lists, of which most are never asked for.
//!
//! For n bytes in distinct pieces, learning takes O(n log n) time: each merged occurrence leaves
//! one token less, makes at most two new positions or pairs and lowers at most three counts, and
//! only the queue of pairs takes more than constant time for each of these. The corpus is gone through
//! each time that the counts have fallen to a sixty-fourth, or that a quarter of n positions came into being.
//! Memory is O(n) too: 4 bytes a slot, 24 a pair, 4 a position in a list.
//!
//! How text is cut into pieces is no concern of this file.

const std = @import("std");
const definition = @import("definition.zig");
const flat_corpus = @import("flat_corpus.zig");
const pair_queue = @import("pair_queue.zig");
const word_counts = @import("word_counts.zig");

const Allocator = std.mem.Allocator;
const Corpus = flat_corpus.Corpus;
const gap = flat_corpus.gap;
const poll_interval = flat_corpus.poll_interval;
const token_mark = flat_corpus.token_mark;
const Watch = @import("watch.zig").Watch;
const WordCounts = word_counts.WordCounts;

pub const Options = struct {
    /// How many tokens to have at the end, the 256 bytes included.
    vocab_size: u32,
    /// Pairs that occur less often are not merged.
    min_frequency: u64 = 0,
    /// Seen and set by other threads.
    watch: ?*Watch = null,
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
};

/// Learns up to `options.vocab_size - 256` merges; fewer when every piece has become one token
/// before. No two of `tables` share a piece. The caller frees the result with `gpa`.
pub fn train(gpa: Allocator, tables: []const WordCounts, options: Options) Error![]Merge {
    if (options.vocab_size < byte_count) return error.VocabTooSmall;
    var corpus = try Corpus.init(gpa, tables, options.watch);
    defer corpus.deinit(gpa);
    return learn(gpa, &corpus, options);
}

/// As `train`, from a corpus that is laid out and of no use afterwards.
pub fn learn(gpa: Allocator, corpus: *Corpus, options: Options) Error![]Merge {
    if (options.vocab_size < byte_count) return error.VocabTooSmall;
    const merges_max = options.vocab_size - byte_count;
    var learner = try Learner.init(gpa, corpus, options);
    defer learner.deinit();

    var merges: std.ArrayList(Merge) = .empty;
    errdefer merges.deinit(gpa);
    while (merges.items.len < merges_max) {
        if (options.watch) |watch| try watch.tell(merges.items.len);
        const merge = try learner.step() orelse break;
        try merges.append(gpa, merge);
    }
    return merges.toOwnedSlice(gpa);
}

/// The tokens that the bytes and `merges` make, by id. No two have the same bytes: when a token is learnt,
/// its bytes alone would by then be the pair that it is made of, and those of an earlier token were merged
/// into that one. The caller's arena owns the result.
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

const Learner = struct {
    gpa: Allocator,
    corpus: *Corpus,
    min_frequency: u64,
    watch: ?*const Watch,
    /// Pairs by number, in the order in which they came into being.
    pairs: std.ArrayList(Pair) = .empty,
    queue: pair_queue.PairQueue(Pair) = .{},
    /// The lists of positions, one after the other.
    positions: std.ArrayList(u32) = .empty,
    /// Beyond this many positions, the lists are made anew.
    positions_max: usize = 0,
    /// Pairs that occur less often have no list.
    list_floor: u64 = std.math.maxInt(u64),
    /// By token: its length in bytes.
    token_lens: std.ArrayList(u32) = .empty,
    neighbours: std.ArrayList(Neighbours) = .empty,
    births: std.ArrayList(Birth) = .empty,

    fn init(gpa: Allocator, corpus: *Corpus, options: Options) Error!Learner {
        var self: Learner = .{
            .gpa = gpa,
            .corpus = corpus,
            .min_frequency = options.min_frequency,
            .watch = options.watch,
        };
        errdefer self.deinit();
        try self.token_lens.appendNTimes(gpa, 1, byte_count);
        try self.neighbours.appendNTimes(gpa, .{}, byte_count);
        try self.nameBytePairs();
        return self;
    }

    fn deinit(self: *Learner) void {
        self.pairs.deinit(self.gpa);
        self.queue.deinit(self.gpa);
        self.positions.deinit(self.gpa);
        self.token_lens.deinit(self.gpa);
        self.neighbours.deinit(self.gpa);
        self.births.deinit(self.gpa);
        self.* = undefined;
    }

    /// Counts the pairs of bytes through a dense table, and lets the slots name those that occur.
    fn nameBytePairs(self: *Learner) Error!void {
        const numbers = try self.gpa.alloc(u32, byte_count * byte_count);
        defer self.gpa.free(numbers);
        @memset(numbers, gap);
        const slots = self.corpus.slots;
        for (slots[0 .. slots.len - 1], slots[1..], 0..) |*slot, next, position| {
            if (position % poll_interval == 0) try Watch.poll(self.watch);
            if (slot.* == gap or next == gap) continue;
            // What was marked is a byte, which the pair names from now on; `next` is one still.
            const left = slot.* & ~@as(u32, token_mark);
            const right = next & ~@as(u32, token_mark);
            const number = &numbers[left * byte_count + right];
            if (number.* == gap) number.* = try self.addPair(left, right);
            slot.* = number.*;
            self.pairs.items[number.*].count += self.corpus.countAt(@intCast(position));
        }
        try self.queuePairs(0);
    }

    /// Merges the first pair of the queue into a new token; null when no pair is left that occurs
    /// often enough.
    fn step(self: *Learner) Error!?Merge {
        const first = try self.queue.pop(self.gpa, self.pairs.items) orelse return null;
        if (first.count < self.min_frequency) return null;
        if (first.count < self.list_floor or self.positions.items.len > self.positions_max) {
            try self.listPositions(@max(1, first.count / list_depth, self.min_frequency));
        }
        const pairs_start: u32 = @intCast(self.pairs.items.len);
        try self.replace(first.index, pairs_start);
        std.debug.assert(self.pairs.items[first.index].count == 0);
        try self.listBirths(pairs_start);
        try self.queuePairs(pairs_start);
        return .{ .left = first.left, .right = first.right, .count = first.count };
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
            if (position % poll_interval == 0) try Watch.poll(self.watch);
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
            if (position % poll_interval == 0) try Watch.poll(self.watch);
            if (slot & token_mark != 0 or cursors[slot] == no_list) continue;
            positions[cursors[slot]] = @intCast(position);
            cursors[slot] += 1;
        }
        self.positions_max = total + slots.len / 4;
    }

    /// Puts a new token in place of the pair wherever it occurs, and notes the pairs that this
    /// makes.
    fn replace(self: *Learner, number: u32, pairs_start: u32) Error!void {
        const merged = self.pairs.items[number];
        const left_len = self.token_lens.items[merged.left];
        const right_len = self.token_lens.items[merged.right];
        const new_token: u32 = @intCast(self.token_lens.items.len);
        try self.token_lens.append(self.gpa, left_len + right_len);
        try self.neighbours.append(self.gpa, .{});

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
            if (index % poll_interval == 0) try Watch.poll(self.watch);
            if (slots[start] != number) continue;
            const count = self.corpus.countAt(start);
            const middle = start + left_len;
            const end = middle + right_len;
            self.pairs.items[number].count -= count;

            if (slots[start - 1] != gap) {
                const before = self.tokenBefore(start);
                self.pairs.items[slots[before.start]].count -= count;
                const born = &self.neighbours.items[before.token].before;
                if (born.* < pairs_start) born.* = try self.addPair(before.token, new_token);
                self.bear(born.*, before.start, count);
            }
            if (slots[middle] & token_mark == 0) {
                const following = &self.pairs.items[slots[middle]];
                following.count -= count;
                const after = following.right;
                const born = &self.neighbours.items[after].after;
                if (born.* < pairs_start) born.* = try self.addPair(new_token, after);
                self.bear(born.*, start, count);
            } else {
                slots[start] = token_mark | new_token;
            }
            slots[middle] = gap;
            slots[end - 1] = token_mark | new_token;
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

    fn queuePairs(self: *Learner, pairs_start: u32) Allocator.Error!void {
        for (self.pairs.items[pairs_start..], pairs_start..) |pair, number| {
            if (pair.count == 0) continue;
            try self.queue.push(self.gpa, self.pairs.items, @intCast(number));
        }
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

test "a training ends when it is cancelled, also between two merges" {
    var counts = WordCounts.init(testing.allocator);
    defer counts.deinit();
    try counts.add("abcd", 1);
    var corpus: Corpus = try .init(testing.allocator, (&counts)[0..1], null);
    defer corpus.deinit(testing.allocator);
    var watch: Watch = .{};
    var learner: Learner = try .init(testing.allocator, &corpus, .{ .vocab_size = 300, .watch = &watch });
    defer learner.deinit();
    try testing.expect(try learner.step() != null);
    watch.cancel();
    try testing.expectError(error.Cancelled, learner.step());
    try testing.expectError(error.Cancelled, learner.listPositions(1));
    const result = train(testing.allocator, (&counts)[0..1], .{ .vocab_size = 300, .watch = &watch });
    try testing.expectError(error.Cancelled, result);
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
