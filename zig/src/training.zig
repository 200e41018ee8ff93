//! One training behind a handle: its options, its run, and its tokens and merges as arrays.
//!
//! Time and memory are those of the trainer, and of the result: each token's bytes once.

const std = @import("std");
const huggingface_trainer = @import("huggingface_trainer.zig");
const flat_corpus = @import("flat_corpus.zig");
const trainer = @import("trainer.zig");
const Watch = @import("watch.zig").Watch;
const WordCounts = @import("word_counts.zig").WordCounts;
const Allocator = std.mem.Allocator;

pub const Error = trainer.Error || huggingface_trainer.Error;

pub const Training = struct {
    gpa: Allocator,
    options: trainer.Options = .{ .vocab_size = 30_000 },
    /// Set to learn as tokenizers does; vocab_size, min_frequency and watch are those of `options`.
    huggingface: ?huggingface_trainer.Options = null,
    /// What `huggingface` has for special tokens.
    specials: std.ArrayList([]const u8) = .empty,
    /// What it has for an initial alphabet.
    initial: std.ArrayList(u8) = .empty,
    watch: Watch = .{},
    /// Whether the counts are forgotten, and their memory freed, as soon as they are not needed.
    consumes_counts: bool = false,
    /// The ids of each merge's left and right token and of what they become.
    triples: [][3]u32 = &.{},
    /// The bytes of all tokens (as tokenizers spells them, if that is how they were learnt), one after the other, and where each ends.
    bytes: []u8 = &.{},
    ends: []u64 = &.{},

    pub fn deinit(training: *Training) void {
        training.clear();
        for (training.specials.items) |special| training.gpa.free(special);
        training.specials.deinit(training.gpa);
        training.initial.deinit(training.gpa);
        training.* = undefined;
    }

    /// Learns from `tables`, none of which share a piece. Once only.
    pub fn run(training: *Training, tables: []WordCounts) Error!void {
        training.clear();
        errdefer training.clear();
        if (training.huggingface) |*options| return training.runHuggingFace(tables, options.*);
        var options = training.options;
        options.watch = &training.watch;
        if (options.vocab_size < trainer.byte_count) return error.VocabTooSmall;
        const merges = merges: {
            var corpus: flat_corpus.Corpus = try .init(training.gpa, tables, .all_bytes, options.watch);
            defer corpus.deinit(training.gpa);
            if (training.consumes_counts) for (tables) |*table| table.clear();
            break :merges try trainer.learn(training.gpa, &corpus, options);
        };
        defer training.gpa.free(merges);
        training.triples = try training.gpa.alloc([3]u32, merges.len);
        for (training.triples, merges, trainer.byte_count..) |*triple, merge, result| {
            triple.* = .{ merge.left, merge.right, @intCast(result) };
        }
        try training.layOut(merges);
    }

    /// Adds a special token, whose bytes are copied.
    pub fn addSpecial(training: *Training, special: []const u8) error{OutOfMemory}!void {
        const copy = try training.gpa.dupe(u8, special);
        errdefer training.gpa.free(copy);
        try training.specials.append(training.gpa, copy);
    }

    /// Adds characters of the initial alphabet, which are copied.
    pub fn addInitial(training: *Training, characters: []const u8) error{OutOfMemory}!void {
        try training.initial.appendSlice(training.gpa, characters);
    }

    fn runHuggingFace(
        training: *Training,
        tables: []WordCounts,
        given: huggingface_trainer.Options,
    ) Error!void {
        const gpa = training.gpa;
        var options = given;
        options.vocab_size = training.options.vocab_size;
        options.min_frequency = training.options.min_frequency;
        options.watch = &training.watch;
        options.specials = training.specials.items;
        options.initial = training.initial.items;
        var arena: std.heap.ArenaAllocator = .init(gpa);
        defer arena.deinit();
        options.consumes_counts = training.consumes_counts;
        const result = try huggingface_trainer.train(gpa, arena.allocator(), tables, options);
        training.triples = try gpa.dupe([3]u32, result.merges);
        training.ends = try gpa.alloc(u64, result.tokens.len);
        var len: u64 = 0;
        for (training.ends, result.tokens) |*end, token| {
            len += token.len;
            end.* = len;
        }
        training.bytes = try std.mem.concat(gpa, u8, result.tokens);
    }

    fn clear(training: *Training) void {
        training.gpa.free(training.triples);
        training.gpa.free(training.bytes);
        training.gpa.free(training.ends);
        training.triples = &.{};
        training.bytes = &.{};
        training.ends = &.{};
    }

    fn layOut(training: *Training, merges: []const trainer.Merge) error{OutOfMemory}!void {
        const gpa = training.gpa;
        const ends = try gpa.alloc(u64, trainer.byte_count + merges.len);
        training.ends = ends;
        var len: u64 = 0;
        for (ends[0..trainer.byte_count]) |*end| {
            len += 1;
            end.* = len;
        }
        for (ends[trainer.byte_count..], merges) |*end, merge| {
            len += lengthOf(ends, merge.left) + lengthOf(ends, merge.right);
            end.* = len;
        }
        const bytes = try gpa.alloc(u8, @intCast(len));
        training.bytes = bytes;
        for (0..trainer.byte_count) |byte| bytes[byte] = @intCast(byte);
        var at: usize = trainer.byte_count;
        for (merges) |merge| {
            for ([_]u32{ merge.left, merge.right }) |token| {
                const part_len: usize = @intCast(lengthOf(ends, token));
                const start: usize = @intCast(ends[token] - part_len);
                @memcpy(bytes[at..][0..part_len], bytes[start..][0..part_len]);
                at += part_len;
            }
        }
        std.debug.assert(at == bytes.len);
    }

    fn lengthOf(ends: []const u64, token: u32) u64 {
        return ends[token] - (if (token == 0) 0 else ends[token - 1]);
    }
};

test "the tokens are the bytes and the merges, in order" {
    const testing = std.testing;
    var counts: WordCounts = .init(testing.allocator);
    defer counts.deinit();
    try counts.add("abab", 5);
    try counts.add("aba", 1);
    var training: Training = .{ .gpa = testing.allocator, .options = .{ .vocab_size = 258 } };
    defer training.deinit();
    try training.run((&counts)[0..1]);
    try testing.expectEqual(2, training.triples.len);
    const training_triples: []const [3]u32 = &.{ .{ 'a', 'b', 256 }, .{ 256, 256, 257 } };
    try testing.expectEqualSlices([3]u32, training_triples, training.triples);
    try testing.expectEqual(258, training.ends.len);
    try testing.expectEqualStrings("ababab", training.bytes[256..]);
    try testing.expectEqual(258, training.ends[256]);
    try testing.expectEqual(2, counts.len());
    training.watch.cancel();
    try testing.expectError(error.Cancelled, training.run((&counts)[0..1]));

    var other: Training = .{ .gpa = testing.allocator, .consumes_counts = true };
    defer other.deinit();
    try other.run((&counts)[0..1]);
    try testing.expectEqualSlices([3]u32, training_triples, other.triples[0..2]);
    try testing.expectEqual(0, counts.len());
}

test "an allocation that fails leaks nothing" {
    const testing = std.testing;
    const run = struct {
        fn run(gpa: Allocator, counts: *WordCounts) !void {
            var training: Training = .{ .gpa = gpa };
            defer training.deinit();
            try training.run(counts[0..1]);
            training.huggingface = .{ .vocab_size = 0 };
            try training.addSpecial("<s>");
            try training.run(counts[0..1]);
        }
    }.run;
    var counts: WordCounts = .init(testing.allocator);
    defer counts.deinit();
    try counts.add("abcabcab", 5);
    try testing.checkAllAllocationFailures(testing.allocator, run, .{&counts});
}
