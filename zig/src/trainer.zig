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
//! How pairs are merged, in which time and memory, says `learner.zig`.
//!
//! How text is cut into pieces is no concern of this file.

const std = @import("std");
const definition = @import("definition.zig");

const Allocator = std.mem.Allocator;
const Corpus = @import("flat_corpus.zig").Corpus;
const Learner = @import("learner.zig").Learner;
const Watch = @import("watch.zig").Watch;
const WordCounts = @import("word_counts.zig").WordCounts;

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

pub const Error = @import("learner.zig").Error || error{
    /// `vocab_size` leaves no room for the 256 bytes.
    VocabTooSmall,
};

/// Learns up to `options.vocab_size - 256` merges; fewer when every piece has become one token
/// before. No two of `tables` share a piece. The caller frees the result with `gpa`.
pub fn train(gpa: Allocator, tables: []const WordCounts, options: Options) Error![]Merge {
    if (options.vocab_size < byte_count) return error.VocabTooSmall;
    var corpus: Corpus = try .init(gpa, tables, .all_bytes, options.watch);
    defer corpus.deinit(gpa);
    return learn(gpa, &corpus, options);
}

/// As `train`, from a corpus that is laid out and of no use afterwards.
pub fn learn(gpa: Allocator, corpus: *Corpus, options: Options) Error![]Merge {
    if (options.vocab_size < byte_count) return error.VocabTooSmall;
    const merges_max = options.vocab_size - byte_count;
    var learner: Learner = try .init(gpa, corpus, .{
        .alphabet = &identity,
        .token_count = byte_count,
        .min_frequency = options.min_frequency,
        .watch = options.watch,
    });
    defer learner.deinit();

    var merges: std.ArrayList(Merge) = .empty;
    errdefer merges.deinit(gpa);
    while (merges.items.len < merges_max) {
        if (options.watch) |watch| try watch.tell(merges.items.len);
        const first = try learner.next() orelse break;
        try learner.merge(first, @intCast(byte_count + merges.items.len));
        try merges.append(gpa, .{ .left = first.left, .right = first.right, .count = first.count });
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

/// Each byte is the token of its own number.
const identity: [byte_count]u32 = tokens: {
    var made: [byte_count]u32 = undefined;
    for (&made, 0..) |*token, byte| token.* = byte;
    break :tokens made;
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

test "a training ends when it is cancelled" {
    var counts = WordCounts.init(testing.allocator);
    defer counts.deinit();
    try counts.add("abcd", 1);
    var watch: Watch = .{};
    watch.cancel();
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
