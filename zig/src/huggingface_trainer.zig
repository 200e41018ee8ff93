//! Learns what the `BpeTrainer` of Hugging Face's tokenizers learns, over bytes in the byte-level alphabet or over
//! characters.
//!
//! It differs from `trainer.zig` in what ids are: special tokens come first, then the alphabet in order of its
//! characters, and ties go to the pair with the smaller ids. A merge that spells a special token makes that
//! one, and pairs whose token would reach `max_token_length` characters are not merged. All of this is
//! followed as it is there, in 64 bits.
//!
//! Of what happens to counts there, two things need no following, since no pair is merged twice and no two
//! merges spell the same (`learner.zig`): that what is left of a pair's count after its merge stays, and that
//! counts of pairs that are too long fall below zero. The naive trainer of the tests does follow them.
//!
//! Time and memory are those of `learner.zig`.

const std = @import("std");
const alphabet_zig = @import("alphabet.zig");
const flat_corpus = @import("flat_corpus.zig");
const trainer = @import("trainer.zig");
const Alphabet = alphabet_zig.Alphabet;
const Learner = @import("learner.zig").Learner;
const Watch = @import("watch.zig").Watch;
const WordCounts = @import("word_counts.zig").WordCounts;
const Allocator = std.mem.Allocator;

pub const no_limit = std.math.maxInt(u64);

pub const Options = struct {
    vocab_size: u32,
    min_frequency: u64 = 0,
    max_token_length: u64 = no_limit,
    /// How many characters to have at most.
    limit_alphabet: u64 = no_limit,
    /// What pieces are made of.
    unit: alphabet_zig.Unit = .byte,
    /// Whether all bytes are in the alphabet, and not only those that occur.
    all_bytes: bool = true,
    /// Characters that are in the alphabet even if they do not occur, as UTF-8.
    initial: []const u8 = "",
    specials: []const []const u8 = &.{},
    /// Whether the tables are cleared as soon as they are not needed.
    consumes_counts: bool = false,
    watch: ?*Watch = null,
};

pub const Error = trainer.Error || alphabet_zig.Error;

/// In the arena that it was made with.
pub const Result = struct {
    /// By id; of bytes, spelled in the byte-level alphabet but for the special tokens.
    tokens: []const []const u8,
    /// The ids of each merge's left and right token and of what they become. Each pair once.
    merges: []const [3]u32,
};

/// Learns from `tables`, none of which share a piece. The result belongs to `arena`.
pub fn train(
    gpa: Allocator,
    arena: Allocator,
    tables: []WordCounts,
    options: Options,
) Error!Result {
    var alphabet: Alphabet = try .init(gpa, tables, .{
        .unit = options.unit,
        .limit = options.limit_alphabet,
        .initial = options.initial,
        .has_all_bytes = options.unit == .byte and options.all_bytes,
        .watch = options.watch,
    });
    defer alphabet.deinit(gpa);
    var vocabulary: Vocabulary = .{ .gpa = gpa, .arena = arena };
    defer vocabulary.deinit();
    for (options.specials) |special| _ = try vocabulary.add(try arena.dupe(u8, special));
    const tokens = try vocabulary.addAlphabet(&alphabet);

    var corpus: flat_corpus.Corpus = try .init(gpa, tables, alphabet.symbols, options.watch);
    defer corpus.deinit(gpa);
    if (options.consumes_counts) for (tables) |*table| table.clear();
    var learner: Learner = try .init(gpa, &corpus, .{
        .alphabet = tokens,
        .token_count = @intCast(vocabulary.tokens.items.len),
        .min_frequency = options.min_frequency,
        .length_limit = options.max_token_length,
        .watch = options.watch,
    });
    defer learner.deinit();

    var merges: std.ArrayList([3]u32) = .empty;
    while (vocabulary.tokens.items.len < options.vocab_size) {
        if (options.watch) |watch| try watch.tell(merges.items.len);
        const first = try learner.next() orelse break;
        const parts = [_][]const u8{
            vocabulary.tokens.items[first.left],
            vocabulary.tokens.items[first.right],
        };
        const result = try vocabulary.add(try std.mem.concat(arena, u8, &parts));
        try learner.merge(first, result);
        try merges.append(arena, .{ first.left, first.right, result });
    }
    return .{ .tokens = vocabulary.tokens.items, .merges = merges.items };
}

/// The tokens as they are spelled, by id and by spelling.
const Vocabulary = struct {
    gpa: Allocator,
    arena: Allocator,
    tokens: std.ArrayList([]const u8) = .empty,
    ids: std.StringHashMapUnmanaged(u32) = .empty,

    fn deinit(self: *Vocabulary) void {
        self.ids.deinit(self.gpa);
        self.* = undefined;
    }

    /// The id of a token, a new one if it is new.
    fn add(self: *Vocabulary, token: []const u8) error{OutOfMemory}!u32 {
        const id: u32 = @intCast(self.tokens.items.len);
        const entry = try self.ids.getOrPutValue(self.gpa, token, id);
        if (entry.value_ptr.* != id) return entry.value_ptr.*;
        try self.tokens.append(self.arena, token);
        return id;
    }

    /// Adds the characters of an alphabet; returns the ids of its symbols, of no meaning for what is none.
    fn addAlphabet(self: *Vocabulary, alphabet: *const Alphabet) error{OutOfMemory}![]u32 {
        const tokens = try self.arena.alloc(u32, alphabet.symbol_count);
        @memset(tokens, 0);
        for (alphabet.firsts) |first| {
            var buffer: [4]u8 = undefined;
            const len = std.unicode.utf8Encode(first.character, &buffer) catch unreachable;
            tokens[first.symbol] = try self.add(try self.arena.dupe(u8, buffer[0..len]));
        }
        return tokens;
    }
};

const testing = std.testing;
const byte_level = @import("byte_level.zig");

/// `BpeTrainer` as it is written, from `tokens` that begin with the special ones and the alphabet: counts with
/// sign that are never put right, a queue of pairs with the words that each was born in.
const Naive = struct {
    arena: Allocator,
    options: Options,
    tokens: std.ArrayList([]const u8) = .empty,
    ids: std.StringHashMapUnmanaged(u32) = .empty,
    words: std.ArrayList(Word) = .empty,
    counts: std.AutoHashMapUnmanaged([2]u32, i64) = .empty,
    queue: std.ArrayList(Waiting) = .empty,
    merges: std.ArrayList([3]u32) = .empty,
    alphabet: std.StringHashMapUnmanaged(void) = .empty,

    const Word = struct { tokens: std.ArrayList(u32), count: i64 };
    const Words = std.AutoArrayHashMapUnmanaged(usize, void);
    const Waiting = struct { pair: [2]u32, count: i64, words: Words };
    const Births = std.AutoArrayHashMapUnmanaged([2]u32, Words);

    fn run(self: *Naive, counts: *const WordCounts) !void {
        var births: Births = .empty;
        var walk = counts.iterator();
        while (walk.next()) |piece| {
            var word: Word = .{ .tokens = .empty, .count = @intCast(piece.count) };
            var spelling: std.ArrayList(u8) = .empty;
            const spelled = switch (self.options.unit) {
                .byte => try byte_level.spell(self.arena, piece.bytes, &spelling),
                .character => piece.bytes,
            };
            var characters = (try std.unicode.Utf8View.init(spelled)).iterator();
            while (characters.nextCodepointSlice()) |character| {
                if (self.alphabet.get(character) == null) continue;
                try word.tokens.append(self.arena, self.ids.get(character).?);
            }
            const tokens = word.tokens.items;
            for (1..@max(1, tokens.len)) |i| {
                const pair = [_]u32{ tokens[i - 1], tokens[i] };
                try self.change(&births, pair, word.count, self.words.items.len);
            }
            try self.words.append(self.arena, word);
        }
        try self.wait(&births);
        while (self.tokens.items.len < self.options.vocab_size) {
            var first = self.pop() orelse break;
            const count = self.counts.get(first.pair).?;
            if (first.count != count) {
                first.count = count;
                try self.queue.append(self.arena, first);
                continue;
            }
            if (count < 1 or count < self.options.min_frequency) break;
            births = .empty;
            try self.merge(&births, first);
            try self.wait(&births);
        }
    }

    /// Adds a token that there is before any merge.
    fn begin(self: *Naive, token: []const u8) !void {
        const entry = try self.ids.getOrPutValue(self.arena, token, @intCast(self.tokens.items.len));
        if (entry.value_ptr.* == self.tokens.items.len) try self.tokens.append(self.arena, token);
    }

    /// The pair of the highest count when it was queued, and then of the smallest ids.
    fn pop(self: *Naive) ?Waiting {
        var best: ?usize = null;
        for (self.queue.items, 0..) |waiting, i| {
            const other = self.queue.items[best orelse i];
            const smaller = std.mem.order(u32, &waiting.pair, &other.pair) == .lt;
            const is_before = waiting.count > other.count or (waiting.count == other.count and smaller);
            if (best == null or is_before) best = i;
        }
        return self.queue.swapRemove(best orelse return null);
    }

    fn merge(self: *Naive, births: *Births, first: Waiting) !void {
        const left, const right = first.pair;
        const parts = [_][]const u8{ self.tokens.items[left], self.tokens.items[right] };
        const token = try std.mem.concat(self.arena, u8, &parts);
        const new: u32 = @intCast(self.tokens.items.len);
        const entry = try self.ids.getOrPutValue(self.arena, token, new);
        const result = entry.value_ptr.*;
        if (result == new) try self.tokens.append(self.arena, token);
        try self.merges.append(self.arena, .{ left, right, result });
        for (first.words.keys()) |index| {
            const word = &self.words.items[index];
            var at: usize = 0;
            while (at + 1 < word.tokens.items.len) : (at += 1) {
                const tokens = word.tokens.items;
                if (tokens[at] != left or tokens[at + 1] != right) continue;
                if (at > 0) {
                    try self.change(births, .{ tokens[at - 1], left }, -word.count, index);
                    try self.bear(births, .{ tokens[at - 1], result }, word.count, index);
                }
                if (at + 2 < tokens.len) {
                    try self.change(births, .{ right, tokens[at + 2] }, -word.count, index);
                    try self.bear(births, .{ result, tokens[at + 2] }, word.count, index);
                }
                tokens[at] = result;
                _ = word.tokens.orderedRemove(at + 1);
            }
        }
    }

    fn bear(self: *Naive, births: *Births, pair: [2]u32, by: i64, word: usize) !void {
        const length = self.lengthOf(pair[0]) + self.lengthOf(pair[1]);
        if (length < self.options.max_token_length) try self.change(births, pair, by, word);
    }

    fn lengthOf(self: *const Naive, token: u32) usize {
        return std.unicode.utf8CountCodepoints(self.tokens.items[token]) catch unreachable;
    }

    fn change(self: *Naive, births: *Births, pair: [2]u32, by: i64, word: usize) !void {
        const count = try self.counts.getOrPutValue(self.arena, pair, 0);
        count.value_ptr.* += by;
        if (by < 0) return;
        const words = try births.getOrPutValue(self.arena, pair, .empty);
        try words.value_ptr.put(self.arena, word, {});
    }

    fn wait(self: *Naive, births: *const Births) !void {
        for (births.keys(), births.values()) |pair, words| {
            const count = self.counts.get(pair).?;
            if (count < 1) continue;
            try self.queue.append(self.arena, .{ .pair = pair, .count = count, .words = words });
        }
    }
};

fn expectSameAsNaive(counts: *WordCounts, options: Options) !void {
    var arena_state: std.heap.ArenaAllocator = .init(testing.allocator);
    defer arena_state.deinit();
    const arena = arena_state.allocator();
    const result = try train(testing.allocator, arena, counts[0..1], options);

    var naive: Naive = .{ .arena = arena, .options = options };
    for (options.specials) |special| try naive.begin(special);
    var alphabet: Alphabet = try .init(testing.allocator, counts[0..1], .{
        .unit = options.unit,
        .limit = options.limit_alphabet,
        .initial = options.initial,
        .has_all_bytes = options.unit == .byte and options.all_bytes,
    });
    defer alphabet.deinit(testing.allocator);
    for (alphabet.firsts) |first| {
        var buffer: [4]u8 = undefined;
        const len = try std.unicode.utf8Encode(first.character, &buffer);
        const character = try arena.dupe(u8, buffer[0..len]);
        try naive.begin(character);
        try naive.alphabet.put(arena, character, {});
    }
    try naive.run(counts);

    try testing.expectEqualSlices([3]u32, naive.merges.items, result.merges);
    try testing.expectEqual(naive.tokens.items.len, result.tokens.len);
    for (naive.tokens.items, result.tokens) |expected, token| {
        try testing.expectEqualStrings(expected, token);
    }
}

test "learns what BpeTrainer as it is written learns, from random corpora" {
    var prng: std.Random.DefaultPrng = .init(31);
    const random = prng.random();
    const all_specials = [_][]const u8{ "<s>", "a", "ab", "bab", "aaa", "ba", "Ġ", "aĠ", "ab", "é" };
    const few = [_][]const u8{ "a", "b", " ", "\x00", "\xff", "c", "d", "e", "f" };
    const wide = [_][]const u8{ "a", "é", "中", "\u{1f600}", "b", " ", "\x00", "z" };
    // Enough characters for pairs to be numbered by a hash.
    var many: [1100][4]u8 = undefined;
    for (&many, 0x4e00..) |*bytes, character| _ = try std.unicode.utf8Encode(@intCast(character), bytes);
    for (0..400) |round| {
        const unit: alphabet_zig.Unit = if (round % 2 == 0) .byte else .character;
        const letters: []const []const u8 = if (unit == .byte) &few else &wide;
        const letter_count = 1 + round / 2 % letters.len;
        const is_many = round % 50 == 1;
        var counts = WordCounts.init(testing.allocator);
        defer counts.deinit();
        for (0..random.uintLessThan(usize, 30)) |_| {
            var buffer: [160]u8 = undefined;
            var piece: std.ArrayList(u8) = .initBuffer(&buffer);
            for (0..random.uintAtMost(usize, if (random.boolean()) 6 else 40)) |_| {
                const letter = letters[random.uintLessThan(usize, letter_count)];
                const other = many[random.uintLessThan(usize, 3)][0..3];
                piece.appendSliceAssumeCapacity(if (is_many and random.boolean()) other else letter);
            }
            try counts.add(piece.items, random.uintAtMost(u64, if (random.boolean()) 2 else 1 << 40));
        }
        if (is_many) for (&many) |*character| try counts.add(character[0..3], 1);
        const first = random.uintLessThan(usize, all_specials.len);
        try expectSameAsNaive(&counts, .{
            .vocab_size = random.uintLessThan(u32, if (is_many) 2000 else 400),
            .min_frequency = random.uintLessThan(u64, 4),
            .max_token_length = if (random.boolean()) no_limit else random.uintLessThan(u64, 8),
            .limit_alphabet = if (is_many or random.boolean()) no_limit else random.uintLessThan(u64, 8),
            .unit = unit,
            .all_bytes = random.boolean(),
            .initial = if (random.boolean()) "" else "aé\u{4e2e}Ġ",
            .specials = all_specials[first..random.intRangeAtMost(usize, first, all_specials.len)],
        });
    }
}

test "special tokens, the alphabet in its order, then merges" {
    var counts: WordCounts = .init(testing.allocator);
    defer counts.deinit();
    try counts.add(" ab", 5);
    try counts.add("ba", 5);
    try counts.add("c", 1);
    var arena: std.heap.ArenaAllocator = .init(testing.allocator);
    defer arena.deinit();
    const result = try train(testing.allocator, arena.allocator(), (&counts)[0..1], .{
        .vocab_size = 7,
        .all_bytes = false,
        .specials = &.{"<s>"},
        .consumes_counts = true,
    });
    // A space is spelled by a character behind all of ASCII. "a" and "b" come before "b" and "a", and
    // before "Ġ" and "a", whose left id is larger.
    const expected = [_][]const u8{ "<s>", "a", "b", "c", "Ġ", "ab", "ba" };
    try testing.expectEqual(expected.len, result.tokens.len);
    for (expected, result.tokens) |token, found| try testing.expectEqualStrings(token, found);
    try testing.expectEqualSlices([3]u32, &.{ .{ 1, 2, 5 }, .{ 2, 1, 6 } }, result.merges);
    try testing.expectEqual(0, counts.len());
}

test "counts that BpeTrainer's sum would not hold are refused" {
    var counts: WordCounts = .init(testing.allocator);
    defer counts.deinit();
    try counts.add("ab", 1 << 62);
    var arena: std.heap.ArenaAllocator = .init(testing.allocator);
    defer arena.deinit();
    const result = train(testing.allocator, arena.allocator(), (&counts)[0..1], .{ .vocab_size = 300 });
    try testing.expectError(error.CountOverflow, result);
}

test "an allocation that fails leaks nothing" {
    const run = struct {
        fn run(gpa: Allocator, counts: *WordCounts) !void {
            var arena: std.heap.ArenaAllocator = .init(gpa);
            defer arena.deinit();
            _ = try train(gpa, arena.allocator(), counts[0..1], .{ .vocab_size = 300 });
        }
    }.run;
    var counts: WordCounts = .init(testing.allocator);
    defer counts.deinit();
    try counts.add("abcabcab", 5);
    try counts.add("aaaa", 2);
    try testing.checkAllAllocationFailures(testing.allocator, run, .{&counts});
}
