//! GPT-2's pair of files: vocab.json, an object of tokens and ids, and merges.txt, lines of two tokens.
//!
//! Neither lists special tokens. Time is as in `byte_level_model.zig`.

const std = @import("std");
const byte_level = @import("../byte_level.zig");
const definition = @import("../definition.zig");
const Diagnostic = @import("../diagnostic.zig").Diagnostic;
const json_tree = @import("json_tree.zig");
const model = @import("byte_level_model.zig");
const SpelledVocab = @import("spelled_vocab.zig").SpelledVocab;
const Allocator = std.mem.Allocator;

pub const Error = error{ OutOfMemory, Malformed, Unsupported };

/// Parses the contents of both files. The definition belongs to `arena` and points into them.
pub fn parse(
    arena: Allocator,
    vocab_json: []const u8,
    merges_txt: []const u8,
    diagnostic: *Diagnostic,
) Error!definition.Definition {
    const root = try json_tree.parseIds(arena, vocab_json, diagnostic);
    const vocab = try model.readVocab(arena, root, "vocab", diagnostic);
    const tokens = try model.readTokens(arena, &vocab, &.{}, "vocab", diagnostic);
    const merges = try readMerges(arena, &vocab, merges_txt, diagnostic);
    if (try model.mergesOutside(arena, tokens, merges)) {
        diagnostic.set(null, "a merge of characters outside of the byte-level alphabet", .{});
        return error.Unsupported;
    }
    return .{
        .format = .vocab_merges,
        .tokens = tokens,
        .merge_rule = .{ .list = .{
            .merges = merges,
            .ignore_merges = false,
        } },
        .splits = &.{.{ .pattern = byte_level.gpt2_pattern, .behavior = .isolated }},
    };
}

fn readMerges(
    arena: Allocator,
    vocab: *const SpelledVocab,
    content: []const u8,
    diagnostic: *Diagnostic,
) Error![]const definition.Merge {
    if (content.len > std.math.maxInt(u32)) {
        diagnostic.set(null, "a list of merges of 4 GiB or more", .{});
        return error.Malformed;
    }
    var pairs: std.ArrayList(json_tree.Pair) = .empty;
    var lines = std.mem.splitScalar(u8, content, '\n');
    var number: usize = 1;
    while (lines.next()) |raw| : (number += 1) {
        const line = std.mem.trimEnd(u8, raw, "\r");
        // The first line may tell the version; elsewhere "#" is a token like any other.
        if (line.len == 0 or (number == 1 and std.mem.startsWith(u8, line, "#version"))) continue;
        const at = line.ptr - content.ptr;
        const parts = json_tree.splitPair(line) orelse {
            diagnostic.set(at, "line {d}: expected two tokens with a space between them", .{number});
            return error.Malformed;
        };
        try pairs.append(arena, .of(at, parts));
    }
    const merges = try arena.alloc(definition.Merge, pairs.items.len);
    if (try vocab.resolve(arena, pairs.items, merges)) |failed| {
        const pair = pairs.items[failed];
        const line = 1 + std.mem.countScalar(u8, content[0..pair.at], '\n');
        const key = try std.fmt.allocPrint(arena, "line {d}", .{line});
        return model.unknownToken(arena, vocab, pair, key, diagnostic);
    }
    return merges;
}

test "both files become tokens and merges" {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    var diagnostic: Diagnostic = .{};
    const vocab = "{\"a\": 0, \"\\u0120\": 1, \"\\u0120a\": 2, \"#\": 3, \"##\": 4}";
    const merges = "#version: 0.2\n\u{120} a\r\n# #\n";
    const parsed = try parse(arena.allocator(), vocab, merges, &diagnostic);
    try std.testing.expectEqualStrings(" a", parsed.tokens[2].bytes);
    const list = parsed.merge_rule.list.merges;
    try std.testing.expectEqual(definition.Merge{ .left = 1, .right = 0, .result = 2 }, list[0]);
    try std.testing.expectEqual(definition.Merge{ .left = 3, .right = 3, .result = 4 }, list[1]);
}

test "tokens outside of the alphabet decode to what they are, and are not merged" {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    var diagnostic: Diagnostic = .{};
    const vocab = "{\"\\u203c\": 0, \"a\": 1, \"a\\u203c\": 2, \"aa\": 3}";
    const parsed = try parse(arena.allocator(), vocab, "a a\n", &diagnostic);
    try std.testing.expectEqualStrings("\u{203c}", parsed.tokens[0].decoded.?);
    try std.testing.expectEqual(null, parsed.tokens[1].decoded);
    const result = parse(arena.allocator(), vocab, "a \u{203c}\n", &diagnostic);
    try std.testing.expectError(error.Unsupported, result);
}

test "a merge of an unknown token names its line" {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    for ([_][]const u8{ "a b\n", "a\n", "a a a\n", " a\n" }) |merges| {
        var diagnostic: Diagnostic = .{};
        const result = parse(arena.allocator(), "{\"a\": 0}", merges, &diagnostic);
        try std.testing.expectError(error.Malformed, result);
        try std.testing.expect(std.mem.startsWith(u8, diagnostic.message(), "line 1: "));
        try std.testing.expectEqual(@as(?usize, 0), diagnostic.offset);
    }
}
