//! Mistral's tekken.json: a list of tokens in base64, a pattern, and special tokens in front of them.
//!
//! The rule is tiktoken's. The id of a token is its rank and the number of special tokens; only as many of the
//! tokens count as `config.default_vocab_size` leaves room for. Takes n log n time in the number of tokens.

const std = @import("std");
const definition = @import("../definition.zig");
const Diagnostic = @import("../diagnostic.zig").Diagnostic;
const json_tree = @import("json_tree.zig");
const model = @import("byte_level_model.zig");
const reader_zig = @import("reader.zig");
const tiktoken = @import("tiktoken.zig");
const Node = json_tree.Node;
const Reader = reader_zig.Reader;
const Allocator = std.mem.Allocator;

pub const Error = reader_zig.Error;

/// The special tokens of files that list none, by rank.
const usual_specials = [_][]const u8{
    "<unk>",              "<s>",            "</s>",
    "[INST]",             "[/INST]",        "[AVAILABLE_TOOLS]",
    "[/AVAILABLE_TOOLS]", "[TOOL_RESULTS]", "[/TOOL_RESULTS]",
    "[TOOL_CALLS]",       "[IMG]",          "<pad>",
    "[IMG_BREAK]",        "[IMG_END]",      "[PREFIX]",
    "[MIDDLE]",           "[SUFFIX]",       "[SYSTEM_PROMPT]",
    "[/SYSTEM_PROMPT]",   "[TOOL_CONTENT]",
};

/// Parses a document. The definition belongs to `arena` and points into the document.
pub fn parse(
    arena: Allocator,
    document: []const u8,
    diagnostic: *Diagnostic,
) Error!definition.Definition {
    const root = try json_tree.parse(arena, document, diagnostic);
    var reader: Reader = .{ .arena = arena, .diagnostic = diagnostic };
    try reader.expectKind(root, "the document", .object);
    const config = try reader.require(root, "config", "config", .object);
    const pattern = try reader.requireString(config, "pattern", "config.pattern");
    const vocab_size = try count(&reader, config, "default_vocab_size");
    const special_count = try count(&reader, config, "default_num_special_tokens");
    if (special_count > vocab_size) {
        diagnostic.set(config.at, "config: more special tokens than tokens", .{});
        return error.Malformed;
    }
    const vocab = try reader.requireAny(root, "vocab", "vocab", "a list");
    const tokens = try readTokens(&reader, vocab, vocab_size - special_count, special_count);
    const specials = try readSpecials(&reader, root, special_count);
    var result = try tiktoken.fromRanks(arena, tokens, pattern, specials, diagnostic);
    result.format = .tekken;
    return result;
}

fn count(reader: *Reader, config: Node, comptime name: []const u8) Error!u32 {
    const key = "config." ++ name;
    const node = try reader.require(config, name, key, .number);
    return model.readId(node) orelse
        return model.expected(reader.diagnostic, node, key, "a number from 0 to 2^32 - 1");
}

/// The first `limit` tokens, which must have the ranks from 0 on.
fn readTokens(
    reader: *Reader,
    vocab: Node,
    limit: u32,
    special_count: u32,
) Error![]const definition.Token {
    try reader.expectKind(vocab, "vocab", .array);
    const nodes = vocab.value.array;
    if (nodes.len < limit) {
        const message = "vocab: {d} tokens, where config.default_vocab_size needs {d}";
        reader.diagnostic.set(vocab.at, message, .{ nodes.len, limit });
        return error.Malformed;
    }
    const tokens = try reader.arena.alloc(definition.Token, limit);
    for (tokens, nodes[0..limit], 0..) |*token, node, rank| {
        var buffer: [64]u8 = undefined;
        const key = std.fmt.bufPrint(&buffer, "vocab[{d}]", .{rank}) catch unreachable;
        try reader.expectKind(node, key, .object);
        const rank_node = try reader.require(node, "rank", key, .number);
        if (model.readId(rank_node) != @as(u32, @intCast(rank))) {
            reader.diagnostic.set(rank_node.at, "{s}.rank: expected {d}", .{ key, rank });
            return error.Malformed;
        }
        const spelled = try reader.require(node, "token_bytes", key, .string);
        token.* = .{
            .id = special_count + @as(u32, @intCast(rank)),
            .bytes = tiktoken.decodeBase64(reader.arena, spelled.value.string) catch |err| switch (err) {
                error.OutOfMemory => return error.OutOfMemory,
                else => {
                    reader.diagnostic.set(spelled.at, "{s}.token_bytes: it is not base64", .{key});
                    return error.Malformed;
                },
            },
        };
    }
    return tokens;
}

/// The special tokens: those of the file, or the usual ones, and numbered ones up to `special_count`.
fn readSpecials(
    reader: *Reader,
    root: Node,
    special_count: u32,
) Error![]const definition.AddedToken {
    var specials: std.ArrayList(definition.AddedToken) = .empty;
    if (root.get("special_tokens")) |list| {
        try reader.expectKind(list, "special_tokens", .array);
        for (list.value.array, 0..) |node, index| {
            var buffer: [64]u8 = undefined;
            const key = std.fmt.bufPrint(&buffer, "special_tokens[{d}]", .{index}) catch unreachable;
            try reader.expectKind(node, key, .object);
            const rank = try reader.require(node, "rank", key, .number);
            try specials.append(reader.arena, .{
                .id = model.readId(rank) orelse
                    return model.expected(reader.diagnostic, rank, key, "a rank"),
                .content = (try reader.require(node, "token_str", key, .string)).value.string,
            });
        }
    } else for (usual_specials[0..@min(usual_specials.len, special_count)], 0..) |content, rank| {
        try specials.append(reader.arena, .{ .id = @intCast(rank), .content = content });
    }
    // A file of a few bytes must not ask for gigabytes of names.
    if (special_count > numbered_max) {
        reader.diagnostic.set(
            root.at,
            "config.default_num_special_tokens: more than {d} are not supported",
            .{numbered_max},
        );
        return error.Unsupported;
    }
    if (specials.items.len > special_count) {
        reader.diagnostic.set(root.at, "special_tokens: more than config tells", .{});
        return error.Malformed;
    }
    for (specials.items.len..special_count) |rank| try specials.append(reader.arena, .{
        .id = @intCast(rank),
        .content = try std.fmt.allocPrint(reader.arena, "<SPECIAL_{d}>", .{rank}),
    });
    return specials.items;
}

const numbered_max = 1 << 20;

const small =
    \\{"config": {"pattern": "a", "default_vocab_size": 4, "default_num_special_tokens": 2},
    \\ "vocab": [{"rank": 0, "token_bytes": "YQ=="}, {"rank": 1, "token_bytes": "Yg=="}, {"rank": 2}]}
;

test "special tokens stand in front, and a token that has no room is not read" {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    var diagnostic: Diagnostic = .{};
    const parsed = try parse(arena.allocator(), small, &diagnostic);
    try std.testing.expectEqual(2, parsed.tokens.len);
    try std.testing.expectEqual(3, parsed.tokens[1].id);
    try std.testing.expectEqualStrings("b", parsed.tokens[1].bytes);
    try std.testing.expectEqualStrings("<s>", parsed.added_tokens[1].content);
}

test "faults name their key" {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    for ([_][3][]const u8{
        .{ "\"Yg==\"", "\"Y\"", "vocab[1].token_bytes: " },
        .{ "\"rank\": 1", "\"rank\": 2", "vocab[1].rank: " },
        .{ "_size\": 4", "_size\": 9", "vocab: 3 tokens" },
        .{ "\"a\"", "null", "config.pattern: " },
    }) |change| {
        var diagnostic: Diagnostic = .{};
        const document = try std.mem.replaceOwned(u8, arena.allocator(), small, change[0], change[1]);
        const result = parse(arena.allocator(), document, &diagnostic);
        try std.testing.expectError(error.Malformed, result);
        try std.testing.expectStringStartsWith(diagnostic.message(), change[2]);
    }
}
