//! BPE-dropout: merges that are left out by chance, so that a text has other ids from seed to seed.
//!
//! As tokenizers does it: of the merges that are due, the one of the lowest rank, leftmost, is taken or, with
//! the given probability, put aside until another one is taken. What is left aside at the end is not done.
//! The numbers are this library's own: the same ids as often as in tokenizers, and others for one text.
//! Plain binary heap: O(n log n) in the piece for a probability that is not near 1. Nothing is cached.

const std = @import("std");
const Pairs = @import("pairs.zig").Pairs;
const Allocator = std.mem.Allocator;

/// What a tokenizer whose model leaves out merges goes by.
///
/// Its samples are numbered, and one depends on the seed and its number alone: the texts of a batch have the same
/// ones on any number of threads.
pub const Sampling = struct {
    /// Of 2^32 numbers, how many put a merge aside; 0 where all merges are done.
    threshold: u64 = 0,
    seed: u64 = 0,
    /// How many samples there were: all that changes in a tokenizer that is shared.
    drawn: u64 = 0,

    pub const certain = 1 << 32;

    /// `rate` is from 0 to 1; what is above 0 stays so.
    pub fn of(rate: f64) Sampling {
        const share: u64 = @intFromFloat(@round(rate * certain));
        return .{ .threshold = if (rate > 0) @max(share, 1) else 0 };
    }

    pub inline fn isUsed(self: *const Sampling) bool {
        return self.threshold != 0;
    }

    /// Begins anew; no other thread may be in a call.
    pub fn restart(self: *Sampling, seed: u64) void {
        self.seed = seed;
        self.drawn = 0;
    }

    /// Takes the next `count` numbers of samples, and returns the first of them.
    pub fn draw(self: *const Sampling, count: usize) u64 {
        return @atomicRmw(u64, &@constCast(self).drawn, .Add, count, .monotonic);
    }

    /// The sample of this number. It is to be freed.
    pub fn sample(self: *const Sampling, number: u64) Dropout {
        return .init(self.threshold, std.hash.Wyhash.hash(self.seed, std.mem.asBytes(&number)));
    }

    pub fn validate(self: *const Sampling, _: u32) bool {
        return self.threshold <= certain;
    }
};

pub const Dropout = struct {
    /// Of 2^32 numbers, how many put a merge aside.
    threshold: u64,
    prng: std.Random.DefaultPrng,
    symbols: std.ArrayList(u32) = .empty,
    links: std.ArrayList(Link) = .empty,
    heap: std.ArrayList(u64) = .empty,
    aside: std.ArrayList(u64) = .empty,

    /// The neighbours of a symbol that is left.
    const Link = struct { before: u32, next: u32 };
    const none = std.math.maxInt(u32);

    pub fn init(threshold: u64, seed: u64) Dropout {
        return .{ .threshold = threshold, .prng = .init(seed) };
    }

    pub fn deinit(dropout: *Dropout, gpa: Allocator) void {
        dropout.symbols.deinit(gpa);
        dropout.links.deinit(gpa);
        dropout.heap.deinit(gpa);
        dropout.aside.deinit(gpa);
        dropout.* = undefined;
    }

    /// Merges `dropout.symbols` into `ids`, and returns how many there are.
    pub fn merge(
        dropout: *Dropout,
        pairs: *const Pairs,
        gpa: Allocator,
        ids: [*]u32,
    ) error{OutOfMemory}!usize {
        const symbols = dropout.symbols.items;
        if (symbols.len == 0) return 0;
        try dropout.links.resize(gpa, symbols.len);
        const links = dropout.links.items;
        const last: u32 = @intCast(symbols.len - 1);
        for (links, 0..) |*link, i| {
            const at: u32 = @intCast(i);
            link.* = .{
                .before = if (at == 0) none else at - 1,
                .next = if (at == last) none else at + 1,
            };
        }
        dropout.heap.clearRetainingCapacity();
        dropout.aside.clearRetainingCapacity();
        for (0..symbols.len - 1) |at| try dropout.add(pairs, gpa, @intCast(at));
        const random = dropout.prng.random();
        while (dropout.pop()) |item| {
            if (random.int(u32) < dropout.threshold) {
                try dropout.aside.append(gpa, item);
                continue;
            }
            for (dropout.aside.items) |other| try dropout.push(gpa, other);
            dropout.aside.clearRetainingCapacity();
            const at: u32 = @truncate(item);
            const result = pairs.resultOf(@intCast(item >> 32));
            if (symbols[at] == none or links[at].next == none) continue;
            const next = links[at].next;
            const rank = pairs.rankOf(symbols[at], symbols[next]);
            // What was due here may have changed meanwhile.
            if (rank == Pairs.none or pairs.resultOf(rank) != result) continue;
            symbols[at] = result;
            symbols[next] = none;
            links[at].next = links[next].next;
            if (links[at].next != none) {
                links[links[at].next].before = at;
                try dropout.add(pairs, gpa, at);
            }
            if (links[at].before != none) try dropout.add(pairs, gpa, links[at].before);
        }
        var count: usize = 0;
        for (symbols) |symbol| if (symbol != none) {
            ids[count] = symbol;
            count += 1;
        };
        return count;
    }

    /// Adds the merge of the symbol at `at` with the next one, if there is one: its rank above its place.
    fn add(dropout: *Dropout, pairs: *const Pairs, gpa: Allocator, at: u32) error{OutOfMemory}!void {
        const symbols = dropout.symbols.items;
        const rank = pairs.rankOf(symbols[at], symbols[dropout.links.items[at].next]);
        if (rank != Pairs.none) try dropout.push(gpa, @as(u64, rank) << 32 | at);
    }

    fn push(dropout: *Dropout, gpa: Allocator, item: u64) error{OutOfMemory}!void {
        try dropout.heap.append(gpa, item);
        const items = dropout.heap.items;
        var at = items.len - 1;
        while (at > 0) {
            const parent = (at - 1) / 2;
            if (items[parent] <= item) break;
            items[at] = items[parent];
            at = parent;
        }
        items[at] = item;
    }

    fn pop(dropout: *Dropout) ?u64 {
        const moved = dropout.heap.pop() orelse return null;
        const items = dropout.heap.items;
        if (items.len == 0) return moved;
        const least = items[0];
        var at: usize = 0;
        while (2 * at + 1 < items.len) {
            var child = 2 * at + 1;
            if (child + 1 < items.len and items[child + 1] < items[child]) child += 1;
            if (items[child] >= moved) break;
            items[at] = items[child];
            at = child;
        }
        items[at] = moved;
        return least;
    }
};

const Context = @import("context.zig").Context;
const Diagnostic = @import("diagnostic.zig").Diagnostic;
const test_support = @import("test_support.zig");
const Tokenizer = @import("tokenizer.zig").Tokenizer;

fn sampleOnce(gpa: Allocator, tokenizer: *const Tokenizer, text: []const u8) !void {
    var context: Context = try .init(gpa, tokenizer);
    defer context.deinit();
    const whole = try gpa.dupe(u32, context.ids[0..try context.encode(text, .parse)]);
    defer gpa.free(whole);
    _ = try context.encodeWithDropout(text, .parse, 0, 1);
    try std.testing.expectEqualSlices(u32, whole, context.ids);
    const apart = try context.encodeWithDropout(text, .parse, 1 << 32, 1);
    // Each byte, but for the added token's.
    try std.testing.expectEqual(text.len - "<|end|>".len + 1, apart);
    var bytes: std.ArrayList(u8) = .empty;
    defer bytes.deinit(gpa);
    for (0..8) |seed| {
        _ = try context.encodeWithDropout(text, .parse, 1 << 31, seed);
        bytes.clearRetainingCapacity();
        for (context.ids) |id| try bytes.appendSlice(gpa, tokenizer.vocab.bytesOf(id));
        try std.testing.expectEqualStrings(text, bytes.items);
    }
}

test "all merges, none of them, some; a failed allocation leaks nothing" {
    const gpa = std.testing.allocator;
    var arena: std.heap.ArenaAllocator = .init(gpa);
    defer arena.deinit();
    const parsed = try test_support.smallDefinition(arena.allocator(), .rank);
    var diagnostic: Diagnostic = .{};
    var tokenizer: Tokenizer = try .init(gpa, parsed, &diagnostic);
    defer tokenizer.deinit(gpa);
    const arguments = .{ @as(*const Tokenizer, &tokenizer), @as([]const u8, " hello hello<|end|> abab") };
    try std.testing.checkAllAllocationFailures(gpa, sampleOnce, arguments);
}

test "a model's own dropout: numbered samples, the same on any number of threads, begun anew by a seed" {
    const gpa = std.testing.allocator;
    var arena: std.heap.ArenaAllocator = .init(gpa);
    defer arena.deinit();
    var parsed = try test_support.smallDefinition(arena.allocator(), .list);
    parsed.dropout = 0.5;
    var diagnostic: Diagnostic = .{};
    var tokenizer: Tokenizer = try .init(gpa, parsed, &diagnostic);
    defer tokenizer.deinit(gpa);
    try std.testing.expectEqual(Sampling.certain / 2, tokenizer.sampling.threshold);
    try std.testing.expectEqual(1, Sampling.of(1e-300).threshold);
    try std.testing.expect(!Sampling.of(0).isUsed());
    var context: Context = try .init(gpa, &tokenizer);
    defer context.deinit();
    const text = " hello hello<|end|> abab" ** 40;
    const texts: [3 * text.len]u8 = (text ** 3).*;
    var first: std.ArrayList(u32) = .empty;
    defer first.deinit(gpa);
    var ends: [3]usize = undefined;
    for (&ends) |*end| {
        _ = try context.encode(text, .parse);
        try first.appendSlice(gpa, context.ids);
        end.* = first.items.len;
    }
    const second = first.items[ends[0]..ends[1]];
    try std.testing.expect(!std.mem.eql(u32, second, first.items[ends[1]..]));
    for ([_]usize{ 1, 3 }) |threads| {
        tokenizer.sampling.restart(0);
        const text_ends = [_]u64{ text.len, 2 * text.len, texts.len };
        _ = try context.encodeBatch(&texts, &text_ends, .parse, threads);
        try std.testing.expectEqualSlices(u32, first.items, context.ids);
    }
    tokenizer.sampling.restart(0);
    const counted = try context.count(text, .parse);
    tokenizer.sampling.restart(0);
    try std.testing.expectEqual(counted, try context.encodeLong(text, .parse, 4, .{}));
    try std.testing.expectEqualSlices(u32, first.items[0..counted], context.ids);
    tokenizer.sampling.restart(1);
    _ = try context.encode(text, .parse);
    try std.testing.expect(!std.mem.startsWith(u32, first.items, context.ids));
}
