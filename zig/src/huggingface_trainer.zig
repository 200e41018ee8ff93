//! Learns what the `BpeTrainer` of Hugging Face's tokenizers learns, over bytes in the byte-level alphabet.
//!
//! It differs from `trainer.zig` in what ids are: special tokens come first, then the alphabet in order of its
//! characters, and ties go to the pair with the smaller ids. Two pairs that spell the same token make one
//! token, so that a pair's count may rise again; what is left of a count after its merge stays; and pairs whose
//! token would reach `max_token_length` characters are not counted. All of this is followed as it is there,
//! in 64 bits. Where its result is left to chance (characters of equal count at `limit_alphabet`), the
//! characters that come later are dropped.
//!
//! Each pair keeps the words that it was born in; a merge goes through all of those. For n bytes in distinct
//! words that is O(n log n) for words of bounded length, and quadratic in the length of a word at worst. Memory
//! is that of the words, of the pairs, and of one number for each birth of a pair.

const std = @import("std");
const byte_level = @import("byte_level.zig");
const trainer = @import("trainer.zig");
const Watch = @import("watch.zig").Watch;
const WordCounts = @import("word_counts.zig").WordCounts;
const Allocator = std.mem.Allocator;

/// So many pieces are gone through between two looks at whether to stop.
const poll_interval = 1 << 16;

pub const no_limit = std.math.maxInt(u64);

pub const Options = struct {
    vocab_size: u32,
    min_frequency: u64 = 0,
    max_token_length: u64 = no_limit,
    /// How many characters to have at most.
    limit_alphabet: u64 = no_limit,
    /// Whether all bytes are in the alphabet, and not only those that occur.
    all_bytes: bool = true,
    specials: []const []const u8 = &.{},
    watch: ?*Watch = null,
};

pub const Error = trainer.Error;

/// In the arena that it was made with.
pub const Result = struct {
    /// By id, spelled in the byte-level alphabet but for the special tokens.
    tokens: []const []const u8,
    /// The ids of each merge's left and right token and of what they become. Each pair once.
    merges: []const [3]u32,
};

/// Learns from `tables`, none of which share a piece. The result belongs to `arena`.
pub fn train(
    gpa: Allocator,
    arena: Allocator,
    tables: []const WordCounts,
    options: Options,
) Error!Result {
    var learner: Learner = .{ .gpa = gpa, .arena = arena, .positions = .init(gpa), .options = options };
    defer learner.deinit();
    const alphabet = try learner.begin(tables);
    try learner.layOut(tables, &alphabet);
    try learner.countPairs(&alphabet);
    while (learner.tokens.items.len < options.vocab_size) {
        if (options.watch) |watch| try watch.tell(learner.merges.items.len);
        if (!try learner.step()) break;
    }
    return .{ .tokens = learner.tokens.items, .merges = try lastOfEach(gpa, arena, learner.merges.items) };
}

/// The merges without those whose pair is merged again later.
fn lastOfEach(
    gpa: Allocator,
    arena: Allocator,
    merges: []const [3]u32,
) error{OutOfMemory}![]const [3]u32 {
    var last: std.AutoHashMapUnmanaged(u64, usize) = .empty;
    defer last.deinit(gpa);
    for (merges, 0..) |merge, index| try last.put(gpa, keyOf(merge[0], merge[1]), index);
    var kept: std.ArrayList([3]u32) = .empty;
    for (merges, 0..) |merge, index| {
        if (last.get(keyOf(merge[0], merge[1])) == index) try kept.append(arena, merge);
    }
    return kept.items;
}

/// By byte, its id if it has one.
const Alphabet = [256]?u32;

const Word = struct { start: usize, len: usize, count: i64 };

/// A pair that waits, and the words it was born in since it last did.
const Waiting = struct {
    count: u64,
    key: u64,
    words: []const u32,

    fn before(a: Waiting, b: Waiting) bool {
        return if (a.count != b.count) a.count > b.count else a.key < b.key;
    }
};

const Birth = struct {
    key: u64,
    word: u32,

    fn lessThan(_: void, a: Birth, b: Birth) bool {
        return if (a.key != b.key) a.key < b.key else a.word < b.word;
    }
};

/// A pair of bytes that is being counted, and the words that it is in.
const Tally = struct {
    count: i64 = 0,
    word_count: u32 = 0,
    last_word: u32 = no_word,
    words: []u32 = &.{},
};

/// Stands for the number of a word.
const no_word = std.math.maxInt(u32);

/// All pairs of all words, in order.
const PairsOfWords = struct {
    learner: *const Learner,
    word: u32 = 0,
    at: usize = 0,

    fn next(pairs: *PairsOfWords) error{Cancelled}!?struct { left: u32, right: u32, word: u32 } {
        const learner = pairs.learner;
        while (pairs.word < learner.words.items.len) {
            const word = learner.words.items[pairs.word];
            if (pairs.at + 1 < word.len) {
                const both = learner.symbols.items[word.start + pairs.at ..][0..2];
                pairs.at += 1;
                return .{ .left = both[0], .right = both[1], .word = pairs.word };
            }
            pairs.word += 1;
            pairs.at = 0;
            if (pairs.word % poll_interval == 0) try Watch.poll(learner.options.watch);
        }
        return null;
    }
};

const Learner = struct {
    gpa: Allocator,
    /// For the result.
    arena: Allocator,
    /// For the words of pairs that wait.
    positions: std.heap.ArenaAllocator,
    options: Options,
    tokens: std.ArrayList([]const u8) = .empty,
    /// By token: how many characters it has.
    lengths: std.ArrayList(u64) = .empty,
    ids: std.StringHashMapUnmanaged(u32) = .empty,
    merges: std.ArrayList([3]u32) = .empty,
    symbols: std.ArrayList(u32) = .empty,
    words: std.ArrayList(Word) = .empty,
    counts: std.AutoHashMapUnmanaged(u64, i64) = .empty,
    births: std.ArrayList(Birth) = .empty,
    heap: std.ArrayList(Waiting) = .empty,

    fn deinit(self: *Learner) void {
        self.positions.deinit();
        self.lengths.deinit(self.gpa);
        self.ids.deinit(self.gpa);
        self.merges.deinit(self.gpa);
        self.symbols.deinit(self.gpa);
        self.words.deinit(self.gpa);
        self.counts.deinit(self.gpa);
        self.births.deinit(self.gpa);
        self.heap.deinit(self.gpa);
        self.* = undefined;
    }

    /// Makes the tokens that there are before any merge.
    fn begin(self: *Learner, tables: []const WordCounts) Error!Alphabet {
        for (self.options.specials) |special| {
            const characters = std.unicode.utf8CountCodepoints(special) catch special.len;
            _ = try self.addToken(try self.arena.dupe(u8, special), characters);
        }
        var seen: [256]u64 = @splat(0);
        var total: u64 = 0;
        for (tables) |*table| {
            var walk = table.iterator();
            while (walk.next()) |word| {
                if (walk.index % poll_interval == 0) try Watch.poll(self.options.watch);
                for (word.bytes) |byte| {
                    seen[byte] +|= word.count;
                    total +|= word.count;
                }
            }
        }
        // No count of a pair can exceed this.
        if (total > std.math.maxInt(i64)) return error.CountOverflow;
        if (self.options.all_bytes) @memset(&seen, std.math.maxInt(u64));

        var kept: [256]u8 = undefined;
        var kept_len: usize = 0;
        for (byte_level.alphabet_order) |byte| {
            if (seen[byte] == 0) continue;
            kept[kept_len] = byte;
            kept_len += 1;
        }
        std.mem.sort(u8, kept[0..kept_len], &seen, isSeenMore);
        kept_len = @min(kept_len, std.math.cast(usize, self.options.limit_alphabet) orelse kept_len);
        var is_kept: [256]bool = @splat(false);
        for (kept[0..kept_len]) |byte| is_kept[byte] = true;
        var alphabet: Alphabet = @splat(null);
        for (byte_level.alphabet_order) |byte| {
            if (!is_kept[byte]) continue;
            var buffer: [4]u8 = undefined;
            const len = std.unicode.utf8Encode(byte_level.characters[byte], &buffer) catch
                unreachable;
            alphabet[byte] = try self.addToken(try self.arena.dupe(u8, buffer[0..len]), 1);
        }
        return alphabet;
    }

    fn isSeenMore(seen: *const [256]u64, a: u8, b: u8) bool {
        return seen[a] > seen[b];
    }

    /// The id of a token, a new one if it is new.
    fn addToken(self: *Learner, token: []const u8, characters: u64) error{OutOfMemory}!u32 {
        const id: u32 = @intCast(self.tokens.items.len);
        const entry = try self.ids.getOrPutValue(self.gpa, token, id);
        if (entry.value_ptr.* != id) return entry.value_ptr.*;
        try self.tokens.append(self.arena, token);
        try self.lengths.append(self.gpa, characters);
        return id;
    }

    fn layOut(
        self: *Learner,
        tables: []const WordCounts,
        alphabet: *const Alphabet,
    ) Error!void {
        for (tables) |*table| {
            var walk = table.iterator();
            while (walk.next()) |word| {
                if (walk.index % poll_interval == 0) try Watch.poll(self.options.watch);
                const start = self.symbols.items.len;
                for (word.bytes) |byte| {
                    try self.symbols.append(self.gpa, alphabet[byte] orelse continue);
                }
                const len = self.symbols.items.len - start;
                if (len < 2) {
                    self.symbols.items.len = start;
                    continue;
                }
                if (self.words.items.len == std.math.maxInt(u32)) return error.TooManyPieces;
                const count: i64 = @intCast(word.count);
                try self.words.append(self.gpa, .{ .start = start, .len = len, .count = count });
            }
        }
    }

    /// Counts and lets wait the pairs that there are before any merge, by a table of all pairs of bytes.
    fn countPairs(self: *Learner, alphabet: *const Alphabet) Error!void {
        const byte_of = try self.gpa.alloc(u8, self.tokens.items.len);
        defer self.gpa.free(byte_of);
        for (alphabet, 0..) |id, byte| if (id) |i| {
            byte_of[i] = @intCast(byte);
        };
        const tallies = try self.gpa.alloc(Tally, 256 * 256);
        defer self.gpa.free(tallies);
        @memset(tallies, .{});
        var pairs: PairsOfWords = .{ .learner = self };
        while (try pairs.next()) |pair| {
            const tally = &tallies[@as(usize, byte_of[pair.left]) << 8 | byte_of[pair.right]];
            tally.count += self.words.items[pair.word].count;
            if (tally.last_word == pair.word) continue;
            tally.last_word = pair.word;
            tally.word_count += 1;
        }
        for (tallies) |*tally| {
            tally.words = try self.positions.allocator().alloc(u32, tally.word_count);
            tally.word_count = 0;
            tally.last_word = no_word;
        }
        pairs = .{ .learner = self };
        while (try pairs.next()) |pair| {
            const tally = &tallies[@as(usize, byte_of[pair.left]) << 8 | byte_of[pair.right]];
            if (tally.last_word == pair.word) continue;
            tally.last_word = pair.word;
            tally.words[tally.word_count] = pair.word;
            tally.word_count += 1;
        }
        for (tallies, 0..) |tally, both| {
            if (tally.count == 0) continue;
            const key = keyOf(alphabet[both >> 8].?, alphabet[both & 0xff].?);
            try self.counts.put(self.gpa, key, tally.count);
            try self.push(.{ .count = @intCast(tally.count), .key = key, .words = tally.words });
        }
    }

    /// Does the next merge; false if there is none.
    fn step(self: *Learner) Error!bool {
        const first = while (self.heap.items.len > 0) {
            const top = &self.heap.items[0];
            const count: u64 = @bitCast(self.counts.get(top.key).?);
            if (count == top.count) break self.pop();
            top.count = count;
            siftDown(self.heap.items, 0);
        } else return false;
        if (first.count < @max(1, self.options.min_frequency)) return false;

        const left: u32 = @intCast(first.key >> 32);
        const right: u32 = @truncate(first.key);
        const parts = [_][]const u8{ self.tokens.items[left], self.tokens.items[right] };
        const token = try std.mem.concat(self.arena, u8, &parts);
        const length = self.lengths.items[left] + self.lengths.items[right];
        const result = try self.addToken(token, length);
        try self.merges.append(self.gpa, .{ left, right, result });
        for (first.words, 0..) |word, index| {
            if (index % poll_interval == 0) try Watch.poll(self.options.watch);
            try self.mergeWord(word, left, right, result);
        }
        try self.wait();
        return true;
    }

    fn mergeWord(self: *Learner, index: u32, left: u32, right: u32, result: u32) Error!void {
        const word = &self.words.items[index];
        const symbols = self.symbols.items[word.start..][0..word.len];
        const lengths = self.lengths.items;
        const length = lengths[left] + lengths[right];
        var read: usize = 0;
        var written: usize = 0;
        while (read < symbols.len) : (written += 1) {
            const is_pair = read + 1 < symbols.len and
                symbols[read] == left and symbols[read + 1] == right;
            if (!is_pair) {
                symbols[written] = symbols[read];
                read += 1;
                continue;
            }
            if (written > 0) {
                const before = symbols[written - 1];
                try self.change(before, left, -word.count, index);
                if (self.isAllowed(lengths[before] + length)) {
                    try self.change(before, result, word.count, index);
                }
            }
            read += 2;
            symbols[written] = result;
            if (read < symbols.len) {
                const after = symbols[read];
                try self.change(right, after, -word.count, index);
                if (self.isAllowed(lengths[after] + length)) {
                    try self.change(result, after, word.count, index);
                }
            }
        }
        word.len = written;
    }

    fn isAllowed(self: *const Learner, length: u64) bool {
        const limit = self.options.max_token_length;
        return limit == no_limit or length < limit;
    }

    fn change(self: *Learner, left: u32, right: u32, by: i64, word: u32) Error!void {
        const key = keyOf(left, right);
        const entry = try self.counts.getOrPutValue(self.gpa, key, 0);
        entry.value_ptr.* += by;
        if (by > 0) try self.births.append(self.gpa, .{ .key = key, .word = word });
    }

    /// Lets the pairs wait that were born.
    fn wait(self: *Learner) Error!void {
        const births = self.births.items;
        std.mem.sortUnstable(Birth, births, {}, Birth.lessThan);
        var start: usize = 0;
        while (start < births.len) {
            const key = births[start].key;
            var end = start;
            var word_count: usize = 0;
            while (end < births.len and births[end].key == key) : (end += 1) {
                if (end == start or births[end].word != births[end - 1].word) word_count += 1;
            }
            const count = self.counts.get(key).?;
            if (count > 0) {
                const words = try self.positions.allocator().alloc(u32, word_count);
                var at: usize = 0;
                for (births[start..end], start..) |birth, i| {
                    if (i > start and birth.word == births[i - 1].word) continue;
                    words[at] = birth.word;
                    at += 1;
                }
                try self.push(.{ .count = @intCast(count), .key = key, .words = words });
            }
            start = end;
        }
        self.births.clearRetainingCapacity();
    }

    fn push(self: *Learner, waiting: Waiting) error{OutOfMemory}!void {
        try self.heap.append(self.gpa, waiting);
        const items = self.heap.items;
        var index = items.len - 1;
        while (index > 0) {
            const parent = (index - 1) / 2;
            if (!waiting.before(items[parent])) break;
            items[index] = items[parent];
            index = parent;
        }
        items[index] = waiting;
    }

    fn pop(self: *Learner) Waiting {
        const first = self.heap.swapRemove(0);
        if (self.heap.items.len > 1) siftDown(self.heap.items, 0);
        return first;
    }
};

fn siftDown(items: []Waiting, start: usize) void {
    const moved = items[start];
    var index = start;
    while (true) {
        var child = 2 * index + 1;
        if (child >= items.len) break;
        if (child + 1 < items.len and items[child + 1].before(items[child])) child += 1;
        if (!items[child].before(moved)) break;
        items[index] = items[child];
        index = child;
    }
    items[index] = moved;
}

fn keyOf(left: u32, right: u32) u64 {
    return @as(u64, left) << 32 | right;
}

const testing = std.testing;

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
    });
    // A space is spelled by a character behind all of ASCII. "a" and "b" come before "b" and "a", and
    // before "Ġ" and "a", whose left id is larger.
    const expected = [_][]const u8{ "<s>", "a", "b", "c", "Ġ", "ab", "ba" };
    try testing.expectEqual(expected.len, result.tokens.len);
    for (expected, result.tokens) |token, found| try testing.expectEqualStrings(token, found);
    try testing.expectEqualSlices([3]u32, &.{ .{ 1, 2, 5 }, .{ 2, 1, 6 } }, result.merges);
}

test "an allocation that fails leaks nothing" {
    const run = struct {
        fn run(gpa: Allocator, counts: *const WordCounts) !void {
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
