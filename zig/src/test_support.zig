//! For the unit tests of the layers above the tables: a small tokenizer (single bytes, a few merges and two
//! added tokens) and a slow, plain encoder.

const std = @import("std");
const definition = @import("definition.zig");
const BaseSymbols = @import("base_symbols.zig").BaseSymbols;
const Cursor = @import("pretokenizer.zig").Cursor;
const Pairs = @import("pairs.zig").Pairs;
const PreTokenizer = @import("pretokenizer.zig").PreTokenizer;
const Span = @import("pretokenizer.zig").Span;
const Vocab = @import("vocab.zig").Vocab;
const Allocator = std.mem.Allocator;

pub const Rule = enum { rank, list };

/// The id of the special token "<|end|>"; the token "<m>" that is not special has the next one.
pub const end_of_text: u32 = 256 + tokens.len;

const tokens = [_][]const u8{ "ab", "abc", " a", " ab", " abc", "aa", "aaaa", "he", "ll", "hell", "hello" };
const merges = [_][2][]const u8{
    .{ "a", "b" },   .{ "ab", "c" }, .{ " ", "a" }, .{ " ", "ab" },  .{ " ", "abc" },  .{ "a", "a" },
    .{ "aa", "aa" }, .{ "h", "e" },  .{ "l", "l" }, .{ "he", "ll" }, .{ "hell", "o" },
};

/// Splits like GPT-2. The two rules give the same ids.
pub const pattern = @import("byte_level.zig").gpt2_pattern;

pub fn smallDefinition(arena: Allocator, rule: Rule) !definition.Definition {
    var list: std.ArrayList(definition.Token) = .empty;
    for (0..256) |byte| {
        const bytes = try arena.dupe(u8, &.{@as(u8, @intCast(byte))});
        try list.append(arena, .{ .id = @intCast(byte), .bytes = bytes });
    }
    for (tokens, 256..) |bytes, id| try list.append(arena, .{ .id = @intCast(id), .bytes = bytes });
    var merge_list: std.ArrayList(definition.Merge) = .empty;
    for (merges, 256..) |merge, id| {
        try merge_list.append(arena, .{
            .left = idOf(merge[0]),
            .right = idOf(merge[1]),
            .result = @intCast(id),
        });
    }
    const added = try arena.dupe(definition.AddedToken, &.{
        .{ .id = end_of_text, .content = "<|end|>" },
        .{ .id = end_of_text + 1, .content = "<m>", .special = false, .lstrip = true },
    });
    return .{
        .format = .tiktoken,
        .tokens = list.items,
        .merge_rule = switch (rule) {
            .rank => .rank,
            .list => .{ .list = .{ .merges = merge_list.items, .ignore_merges = false } },
        },
        .splits = try arena.dupe(definition.Split, &.{.matches(pattern)}),
        .added_tokens = added,
    };
}

fn idOf(bytes: []const u8) u32 {
    if (bytes.len == 1) return bytes[0];
    for (tokens, 256..) |token, id| {
        if (std.mem.eql(u8, token, bytes)) return @intCast(id);
    }
    unreachable;
}

/// The rules as the references describe them, straight from the definition and without any table: the ids of
/// text that holds no added token. Quadratic.
pub fn encodeSlowly(
    arena: Allocator,
    parsed: definition.Definition,
    pretokenizer: *const PreTokenizer,
    text: []const u8,
) ![]const u32 {
    var ids: std.ArrayList(u32) = .empty;
    var cursor: Cursor = .{};
    while (cursor.position < text.len) {
        var span: [1]Span = undefined;
        for (span[0..pretokenizer.next(text, &cursor, &span)]) |piece| {
            try ids.appendSlice(arena, try encodePiece(arena, parsed, text[piece.start..piece.end]));
        }
    }
    return ids.items;
}

fn encodePiece(arena: Allocator, parsed: definition.Definition, piece: []const u8) ![]const u32 {
    const whole_counts = switch (parsed.merge_rule) {
        .rank => true,
        .scores => false,
        .list => |list| list.ignore_merges,
    };
    if (whole_counts) {
        if (findToken(parsed, piece)) |id| return arena.dupe(u32, &.{id});
    }
    var ids: std.ArrayList(u32) = .empty;
    for (piece) |byte| try ids.append(arena, findToken(parsed, &.{byte}).?);
    while (true) {
        var best: ?struct { rank: usize, at: usize, id: u32 } = null;
        for (1..ids.items.len) |i| {
            const merge = try mergeOf(arena, parsed, ids.items[i - 1], ids.items[i]) orelse continue;
            if (best) |b| if (merge.rank >= b.rank) continue;
            best = .{ .rank = merge.rank, .at = i - 1, .id = merge.id };
        }
        const b = best orelse return ids.items;
        ids.items[b.at] = b.id;
        _ = ids.orderedRemove(b.at + 1);
    }
}

const RankedMerge = struct { rank: usize, id: u32 };

fn mergeOf(arena: Allocator, parsed: definition.Definition, left: u32, right: u32) !?RankedMerge {
    switch (parsed.merge_rule) {
        .list => |list| for (list.merges, 0..) |merge, rank| {
            if (merge.left == left and merge.right == right) {
                return .{ .rank = rank, .id = merge.result };
            }
        },
        .rank => {
            const parts = [_][]const u8{ bytesOf(parsed, left), bytesOf(parsed, right) };
            const id = findToken(parsed, try std.mem.concat(arena, u8, &parts)) orelse return null;
            return .{ .rank = id, .id = id };
        },
        .scores => |ranks| {
            const parts = [_][]const u8{ bytesOf(parsed, left), bytesOf(parsed, right) };
            const made = try std.mem.concat(arena, u8, &parts);
            for (parsed.tokens, ranks) |token, rank| {
                if (rank == definition.MergeRule.unmerged) continue;
                if (std.mem.eql(u8, token.bytes, made)) return .{ .rank = rank, .id = token.id };
            }
        },
    }
    return null;
}

fn findToken(parsed: definition.Definition, bytes: []const u8) ?u32 {
    for (parsed.tokens) |token| {
        if (std.mem.eql(u8, token.bytes, bytes)) return token.id;
    }
    return null;
}

fn bytesOf(parsed: definition.Definition, id: u32) []const u8 {
    for (parsed.tokens) |token| {
        if (token.id == id) return token.bytes;
    }
    unreachable;
}

/// Complete pairs, made by one thread. Takes over `base`.
pub fn completePairs(
    gpa: Allocator,
    vocab: *const Vocab,
    of: []const definition.Token,
    list: ?[]const definition.Merge,
    base: BaseSymbols,
) Pairs.Error!Pairs {
    var sorting: Pairs.Sorting = .{ .arguments = .{ gpa, of } };
    defer if (sorting.finish()) |result| if (result.*) |*order| order.deinit(gpa) else |_| {};
    const source: Pairs.Source = .{
        .vocab = vocab,
        .tokens = of,
        .sorting = &sorting,
        .merges = list,
    };
    var pairs: Pairs = made: {
        var owned = base;
        errdefer owned.deinit(gpa);
        break :made try .init(gpa, source, owned);
    };
    errdefer pairs.deinit(gpa);
    try pairs.addTrie(gpa, source);
    return pairs;
}
