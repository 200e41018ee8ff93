//! tokenizer.json, the one file of tokenizers and transformers, for BPE over bytes or characters.
//!
//! What would change the ids and is not done here is refused by name. `post_processor`, `truncation` and
//! `padding` are passed over: they concern what is added to the ids of a text. Time is as in
//! `byte_level_model.zig`.

const std = @import("std");
const byte_level = @import("byte_level.zig");
const character_model = @import("character_model.zig");
const CharacterModel = character_model.CharacterModel;
const Components = @import("components.zig").Components;
const definition = @import("../definition.zig");
const Diagnostic = @import("../diagnostic.zig").Diagnostic;
const json_tree = @import("json_tree.zig");
const model = @import("byte_level_model.zig");
const normalizer_zig = @import("../normalizer.zig");
const Normalizer = normalizer_zig.Normalizer;
const reader_zig = @import("reader.zig");
const SpelledVocab = @import("spelled_vocab.zig").SpelledVocab;
const Node = json_tree.Node;
const Reader = reader_zig.Reader;
const Allocator = std.mem.Allocator;

pub const Error = reader_zig.Error;

/// Parses a document. The definition belongs to `arena` and points into the document.
pub fn parse(
    arena: Allocator,
    document: []const u8,
    diagnostic: *Diagnostic,
) Error!definition.Definition {
    const root = try json_tree.parse(arena, document, diagnostic);
    var reader: Reader = .{ .arena = arena, .diagnostic = diagnostic };
    try reader.expectKind(root, "the document", .object);
    const model_node = try reader.require(root, "model", "model", .object);
    try checkModel(&reader, model_node);
    const components: Components = try .read(&reader, root);
    var result: definition.Definition = .{
        .format = .tokenizer_json,
        .tokens = undefined,
        .merge_rule = undefined,
        .normalization = components.normalization.items,
        .space_sign = if (components.is_late_sign) components.space_sign else null,
        .splits = components.splits.items,
        .prefix_space = components.prefix_space,
        .decoding = components.decoding,
    };
    var byte_tokens: std.ArrayList(u32) = .empty;
    const added = try addedTokens(&reader, root, &components, &byte_tokens);
    result.added_tokens = added;
    const vocab_node = try reader.requireAny(model_node, "vocab", "model.vocab", "an object");
    const vocab = try model.readVocab(arena, vocab_node, "model.vocab", diagnostic);
    const merges_node = try reader.requireAny(model_node, "merges", "model.merges", "a list");
    var merges: []const definition.Merge = undefined;
    if (components.byte_level) {
        result.tokens = try model.readTokens(arena, &vocab, added, "model.vocab", diagnostic);
        merges = try readMerges(&reader, &vocab, merges_node);
    } else {
        const characters: CharacterModel = try .read(&reader, model_node, &vocab, &components);
        result.tokens = characters.tokens;
        result.symbols = .{ .characters = characters.characters };
        try byte_tokens.appendSlice(arena, characters.byte_tokens);
        const all = try readMerges(&reader, &vocab, merges_node);
        merges = try characters.reachableMerges(&reader, &components, &vocab, all);
    }
    result.decoding.byte_tokens = byte_tokens.items;
    try checkAddedIds(&reader, result.tokens, added);
    const ignore_key = "model.ignore_merges";
    const ignore_merges = try reader.flag(model_node, "ignore_merges", ignore_key, false);
    if (ignore_merges and !components.byte_level) {
        diagnostic.set(model_node.at, "{s}: it is not supported without a ByteLevel", .{ignore_key});
        return error.Unsupported;
    }
    result.merge_rule = .{ .list = .{ .merges = merges, .ignore_merges = ignore_merges } };
    return result;
}

/// Features of a model that would change the ids, unless they are off.
const refused_features = [_][]const u8{
    "dropout",
    "continuing_subword_prefix",
    "end_of_word_suffix",
};

/// Refuses the features of a model that would change the ids.
fn checkModel(reader: *Reader, node: Node) Error!void {
    if (node.get("type")) |name| {
        try reader.expectKind(name, "model.type", .string);
        if (!std.mem.eql(u8, name.value.string, "BPE")) {
            reader.diagnostic.set(
                name.at,
                "model.type: {s} is not supported, only BPE is",
                .{name.value.string},
            );
            return error.Unsupported;
        }
    }
    for (refused_features) |name| {
        const value = node.get(name) orelse continue;
        const harmless = switch (value.value) {
            .boolean => |on| !on,
            .string => |text| text.len == 0,
            .number => |text| (std.fmt.parseFloat(f64, text) catch 1) == 0,
            else => false,
        };
        if (harmless) continue;
        reader.diagnostic.set(value.at, "model.{s}: this feature is not supported", .{name});
        return error.Unsupported;
    }
}

fn addedTokens(
    reader: *Reader,
    root: Node,
    components: *const Components,
    byte_tokens: *std.ArrayList(u32),
) Error![]const definition.AddedToken {
    const list = root.get("added_tokens") orelse return &.{};
    try reader.expectKind(list, "added_tokens", .array);
    const result = try reader.arena.alloc(definition.AddedToken, list.value.array.len);
    for (result, list.value.array, 0..) |*token, node, i| {
        const key = try std.fmt.allocPrint(reader.arena, "added_tokens[{d}]", .{i});
        try reader.expectKind(node, key, .object);
        token.* = try addedToken(reader, node, key);
        try setDecoded(reader, token, components, byte_tokens);
    }
    return result;
}

fn addedToken(reader: *Reader, node: Node, key: []const u8) Error!definition.AddedToken {
    const id_key = try std.fmt.allocPrint(reader.arena, "{s}.id", .{key});
    const id_node = try reader.require(node, "id", id_key, .number);
    const content_key = try std.fmt.allocPrint(reader.arena, "{s}.content", .{key});
    const content = (try reader.require(node, "content", content_key, .string)).value.string;
    if (content.len == 0) {
        reader.diagnostic.set(node.at, "{s}: the added token is empty", .{content_key});
        return error.Malformed;
    }
    var token: definition.AddedToken = .{
        .id = model.readId(id_node) orelse
            return notAnId(reader, id_node, id_key),
        .content = content,
    };
    inline for (.{ "special", "single_word", "lstrip", "rstrip", "normalized" }) |name| {
        const flag_key = try std.fmt.allocPrint(reader.arena, "{s}.{s}", .{ key, name });
        @field(token, name) = try reader.flag(node, name, flag_key, false);
    }
    return token;
}

/// What an added token decodes to, where that is not its content.
fn setDecoded(
    reader: *Reader,
    token: *definition.AddedToken,
    components: *const Components,
    byte_tokens: *std.ArrayList(u32),
) Error!void {
    const content = try normalizedContent(reader, token, components);
    if (components.byte_level) {
        const buffer = try reader.arena.alloc(u8, content.len);
        token.decoded = byte_level.decode(content, buffer) orelse content;
    } else {
        token.decoded = try character_model.spaced(reader.arena, components, content);
        if (components.decoding.byte_fallback) if (character_model.byteOf(content)) |byte| {
            token.decoded = try reader.arena.dupe(u8, &.{byte});
            try byte_tokens.append(reader.arena, token.id);
        };
    }
    if (std.mem.eql(u8, token.decoded.?, token.content)) token.decoded = null;
}

/// What the reference takes for the token's text.
fn normalizedContent(
    reader: *Reader,
    token: *const definition.AddedToken,
    components: *const Components,
) Error![]const u8 {
    if (!token.normalized or components.normalization.items.len == 0) return token.content;
    const normalizer: Normalizer = try .init(reader.arena, components.normalization.items);
    var memory: normalizer_zig.Memory = .{};
    return normalizer.apply(reader.arena, &memory, token.content);
}

fn notAnId(reader: *Reader, node: Node, key: []const u8) Error {
    return model.expected(reader.diagnostic, node, key, "an id from 0 to 2^32 - 1");
}

/// An added token's id is its own, or that of the same token in the vocabulary.
fn checkAddedIds(
    reader: *Reader,
    tokens: []const definition.Token,
    added: []const definition.AddedToken,
) Error!void {
    var ids: std.AutoHashMapUnmanaged(u32, usize) = .empty;
    var contents: std.StringHashMapUnmanaged(usize) = .empty;
    for (added, 0..) |token, i| {
        const same_id = try ids.getOrPut(reader.arena, token.id);
        const same_content = try contents.getOrPut(reader.arena, token.content);
        if (same_id.found_existing or same_content.found_existing) {
            reader.diagnostic.set(
                null,
                "added_tokens[{d}]: another added token has the same id or content",
                .{i},
            );
            return error.Malformed;
        }
        const found = std.sort.binarySearch(definition.Token, tokens, token.id, orderOfId);
        const same = tokens[found orelse continue];
        const bytes = same.decoded orelse same.bytes;
        if (std.mem.eql(u8, bytes, token.decoded orelse token.content)) continue;
        if (std.mem.eql(u8, bytes, token.content)) continue;
        reader.diagnostic.set(
            null,
            "added_tokens[{d}].id: the id {d} has another token in model.vocab",
            .{ i, token.id },
        );
        return error.Malformed;
    }
}

fn readMerges(
    reader: *Reader,
    vocab: *const SpelledVocab,
    list: Node,
) Error![]const definition.Merge {
    const pairs = switch (list.value) {
        .pairs => |pairs| pairs,
        // Empty, or there is an item that is no pair.
        .array => |items| {
            for (items, 0..) |node, i| if (!isPair(node)) {
                const what = "two tokens in a pair or a string";
                return model.expected(reader.diagnostic, node, try mergeKey(reader, i), what);
            };
            return &.{};
        },
        else => return model.expected(reader.diagnostic, list, "model.merges", "a list"),
    };
    const result = try reader.arena.alloc(definition.Merge, pairs.len);
    if (try vocab.resolve(reader.arena, pairs, result)) |failed| {
        const key = try mergeKey(reader, failed);
        return model.unknownToken(reader.arena, vocab, pairs[failed], key, reader.diagnostic);
    }
    return result;
}

fn mergeKey(reader: *Reader, index: usize) error{OutOfMemory}![]const u8 {
    return std.fmt.allocPrint(reader.arena, "model.merges[{d}]", .{index});
}

fn isPair(node: Node) bool {
    return switch (node.value) {
        .string => |text| json_tree.splitPair(text) != null,
        .array => |items| items.len == 2 and items[0].value == .string and
            items[1].value == .string,
        else => false,
    };
}

fn orderOfId(id: u32, token: definition.Token) std.math.Order {
    return std.math.order(id, token.id);
}

/// All 256 bytes are not needed here: that is the builder's to check.
const small =
    \\{"added_tokens": [{"id": 3, "content": "<s>", "special": true}],
    \\ "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
    \\ "decoder": {"type": "ByteLevel"},
    \\ "model": {"merges": [["a", "b"]], "vocab": {"ab": 2, "b": 1, "a": 0}}}
;

fn expectFault(reason: Error, from: []const u8, to: []const u8, message: []const u8) !void {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    const document = try std.mem.replaceOwned(u8, arena.allocator(), small, from, to);
    var diagnostic: Diagnostic = .{};
    try std.testing.expectError(reason, parse(arena.allocator(), document, &diagnostic));
    try std.testing.expectStringStartsWith(diagnostic.message(), message);
}

test "a document becomes tokens, merges, a pattern and added tokens" {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    var diagnostic: Diagnostic = .{};
    const parsed = try parse(arena.allocator(), small, &diagnostic);
    try std.testing.expectEqualStrings("ab", parsed.tokens[2].bytes);
    const merge = parsed.merge_rule.list.merges[0];
    try std.testing.expectEqual(definition.Merge{ .left = 0, .right = 1, .result = 2 }, merge);
    try std.testing.expectEqualStrings(byte_level.gpt2_pattern, parsed.splits[0].pattern);
    try std.testing.expectEqual(.none, parsed.prefix_space);
    try std.testing.expectEqualStrings("<s>", parsed.added_tokens[0].content);
    try std.testing.expect(parsed.added_tokens[0].special);
}

test "faults name their key" {
    try expectFault(error.Malformed, "\"b\": 1", "\"b\": -1", "model.vocab[\"b\"]: ");
    try expectFault(error.Malformed, "\"b\": 1", "\"b\": 0", "model.vocab: two tokens");
    try expectFault(error.Malformed, "[\"a\", \"b\"]", "1", "model.merges[0]: ");
    try expectFault(error.Malformed, "[\"a\", \"b\"]", "\"a x\"", "model.merges[0]: the token");
    try expectFault(error.Malformed, "\"id\": 3", "\"id\": 1", "added_tokens[0].id: ");
    try expectFault(error.Malformed, "\"<s>\"", "null", "added_tokens[0].content: ");
    try expectFault(error.Malformed, "\"special\": true}", "\"special\": 1}", "added_tokens[0].special: ");
    const unigram = "\"model\": {\"type\": \"Unigram\",";
    try expectFault(error.Unsupported, "\"model\": {", unigram, "model.type: ");
    const nfkc = "\"normalizer\": {\"type\": \"NFKC\"}, \"model\": {";
    try expectFault(error.Unsupported, "\"model\": {", nfkc, "normalizer: ");
    const digits = "\"pre_tokenizer\": {\"type\": \"Digits\"";
    const byte_level_type = "\"pre_tokenizer\": {\"type\": \"ByteLevel\"";
    try expectFault(error.Unsupported, byte_level_type, digits, "pre_tokenizer: ");
}
