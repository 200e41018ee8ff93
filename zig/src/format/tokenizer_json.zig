//! tokenizer.json, the one file of tokenizers and transformers, for byte-level BPE.
//!
//! What would change the ids and is not done here is refused by name. `post_processor`, `truncation` and
//! `padding` are passed over: they concern what is added to the ids of a text. Time is as in
//! `byte_level_model.zig`.

const std = @import("std");
const byte_level = @import("byte_level.zig");
const definition = @import("../definition.zig");
const Diagnostic = @import("../diagnostic.zig").Diagnostic;
const json_tree = @import("json_tree.zig");
const model = @import("byte_level_model.zig");
const SpelledVocab = @import("spelled_vocab.zig").SpelledVocab;
const Node = json_tree.Node;
const Allocator = std.mem.Allocator;

pub const Error = error{ OutOfMemory, Malformed, Unsupported };

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
    try reader.checkModel(model_node);
    if (root.get("normalizer")) |node| return reader.refuseComponent(node, "normalizer");
    const added = try reader.addedTokens(root);
    const vocab_node = try reader.requireAny(model_node, "vocab", "model.vocab", "an object");
    const vocab = try model.readVocab(arena, vocab_node, "model.vocab", diagnostic);
    const tokens = try model.readTokens(arena, &vocab, added, "model.vocab", diagnostic);
    try reader.checkAddedIds(tokens, added);
    const merges_node = try reader.requireAny(model_node, "merges", "model.merges", "a list");
    const ignore_merges =
        try reader.flag(model_node, "ignore_merges", "model.ignore_merges", false);
    var result: definition.Definition = .{
        .format = .tokenizer_json,
        .tokens = tokens,
        .merge_rule = .{ .list = .{
            .merges = try reader.merges(&vocab, merges_node),
            .ignore_merges = ignore_merges,
        } },
        .splits = &.{},
        .added_tokens = added,
    };
    try reader.preTokenizer(root, &result);
    try reader.checkDecoder(root);
    return result;
}

/// Features of a model that would change the ids, unless they are off.
const refused_features = [_][]const u8{
    "dropout",
    "byte_fallback",
    "continuing_subword_prefix",
    "end_of_word_suffix",
};

const Reader = struct {
    arena: Allocator,
    diagnostic: *Diagnostic,

    const Kind = std.meta.Tag(json_tree.Value);

    fn expectKind(reader: *Reader, node: Node, key: []const u8, kind: Kind) Error!void {
        if (node.value == kind) return;
        return model.expected(reader.diagnostic, node, key, switch (kind) {
            .null => "null",
            .boolean => "true or false",
            .number => "a number",
            .string => "a string",
            .array, .pairs => "a list",
            .object, .ids => "an object",
        });
    }

    fn require(
        reader: *Reader,
        parent: Node,
        name: []const u8,
        key: []const u8,
        kind: Kind,
    ) Error!Node {
        const what = switch (kind) {
            .object => "an object",
            .array => "a list",
            else => "a value",
        };
        const node = try reader.requireAny(parent, name, key, what);
        try reader.expectKind(node, key, kind);
        return node;
    }

    fn requireAny(
        reader: *Reader,
        parent: Node,
        name: []const u8,
        key: []const u8,
        what: []const u8,
    ) Error!Node {
        return parent.get(name) orelse {
            reader.diagnostic.set(parent.at, "{s}: expected {s} and found nothing", .{ key, what });
            return error.Malformed;
        };
    }

    fn flag(
        reader: *Reader,
        parent: Node,
        name: []const u8,
        key: []const u8,
        default: bool,
    ) Error!bool {
        const node = parent.get(name) orelse return default;
        try reader.expectKind(node, key, .boolean);
        return node.value.boolean;
    }

    fn typeOf(reader: *Reader, node: Node, key: []const u8) Error![]const u8 {
        try reader.expectKind(node, key, .object);
        const name = node.get("type") orelse {
            reader.diagnostic.set(node.at, "{s}.type: expected a string and found nothing", .{key});
            return error.Malformed;
        };
        try reader.expectKind(name, key, .string);
        return name.value.string;
    }

    fn refuseComponent(reader: *Reader, node: Node, key: []const u8) Error {
        const name = try reader.typeOf(node, key);
        reader.diagnostic.set(node.at, "{s}: the {s} {s} is not supported", .{ key, key, name });
        return error.Unsupported;
    }

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

    fn addedTokens(reader: *Reader, root: Node) Error![]const definition.AddedToken {
        const list = root.get("added_tokens") orelse return &.{};
        try reader.expectKind(list, "added_tokens", .array);
        const result = try reader.arena.alloc(definition.AddedToken, list.value.array.len);
        for (result, list.value.array, 0..) |*token, node, i| {
            const key = try std.fmt.allocPrint(reader.arena, "added_tokens[{d}]", .{i});
            try reader.expectKind(node, key, .object);
            token.* = try reader.addedToken(node, key);
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
                return reader.notAnId(id_node, id_key),
            .content = content,
        };
        inline for (.{ "special", "single_word", "lstrip", "rstrip", "normalized" }) |name| {
            const flag_key = try std.fmt.allocPrint(reader.arena, "{s}.{s}", .{ key, name });
            @field(token, name) = try reader.flag(node, name, flag_key, false);
        }
        const buffer = try reader.arena.alloc(u8, content.len);
        if (byte_level.decode(content, buffer)) |bytes| {
            if (!std.mem.eql(u8, bytes, content)) token.decoded = bytes;
        }
        return token;
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
            const bytes = tokens[found orelse continue].bytes;
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

    fn merges(
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
                    return model.expected(reader.diagnostic, node, try reader.mergeKey(i), what);
                };
                return &.{};
            },
            else => return model.expected(reader.diagnostic, list, "model.merges", "a list"),
        };
        const result = try reader.arena.alloc(definition.Merge, pairs.len);
        if (try vocab.resolve(reader.arena, pairs, result)) |failed| {
            const key = try reader.mergeKey(failed);
            return model.unknownToken(reader.arena, vocab, pairs[failed], key, reader.diagnostic);
        }
        return result;
    }

    fn mergeKey(reader: *Reader, index: usize) error{OutOfMemory}![]const u8 {
        return std.fmt.allocPrint(reader.arena, "model.merges[{d}]", .{index});
    }

    /// ByteLevel alone, or a Split by a pattern followed by ByteLevel.
    fn preTokenizer(reader: *Reader, root: Node, result: *definition.Definition) Error!void {
        const key = "pre_tokenizer";
        const node = root.get(key) orelse {
            reader.diagnostic.set(
                root.at,
                "pre_tokenizer: none is given, and only byte-level vocabularies are supported",
                .{},
            );
            return error.Unsupported;
        };
        const name = try reader.typeOf(node, key);
        var split: ?Node = null;
        var last = node;
        if (std.mem.eql(u8, name, "Sequence")) {
            const list_key = "pre_tokenizer.pretokenizers";
            const list = try reader.require(node, "pretokenizers", list_key, .array);
            const parts = list.value.array;
            if (parts.len == 0 or parts.len > 2) return reader.refusePreTokenizer(node);
            last = parts[parts.len - 1];
            if (parts.len == 2) split = parts[0];
        }
        if (!std.mem.eql(u8, try reader.typeOf(last, key), "ByteLevel")) {
            return reader.refuseComponent(last, key);
        }
        const prefix_key = "pre_tokenizer.add_prefix_space";
        const add_prefix_space = try reader.flag(last, "add_prefix_space", prefix_key, true);
        result.prefix_space = if (add_prefix_space) .every else .none;
        const use_regex = try reader.flag(last, "use_regex", "pre_tokenizer.use_regex", true);
        if (use_regex) {
            const splits = [_]definition.Split{
                .{ .pattern = byte_level.gpt2_pattern, .behavior = .isolated },
            };
            result.splits = try reader.arena.dupe(definition.Split, &splits);
        }
        const first = split orelse return;
        if (use_regex) return reader.refusePreTokenizer(node);
        if (!std.mem.eql(u8, try reader.typeOf(first, key), "Split")) {
            return reader.refuseComponent(first, key);
        }
        result.splits = try reader.arena.dupe(definition.Split, &.{try reader.splitOf(first)});
        // A prefix would be added to each piece of the split.
        if (add_prefix_space) return reader.refusePreTokenizer(node);
    }

    fn splitOf(reader: *Reader, node: Node) Error!definition.Split {
        const pattern = try reader.require(node, "pattern", "pre_tokenizer.pattern", .object);
        const regex = pattern.get("Regex") orelse return reader.refusePreTokenizer(node);
        try reader.expectKind(regex, "pre_tokenizer.pattern.Regex", .string);
        const behavior = try reader.require(node, "behavior", "pre_tokenizer.behavior", .string);
        const invert = try reader.flag(node, "invert", "pre_tokenizer.invert", false);
        const isolated = std.mem.eql(u8, behavior.value.string, "Isolated");
        const removed = std.mem.eql(u8, behavior.value.string, "Removed") and invert;
        if (!isolated and !removed) return reader.refusePreTokenizer(node);
        return .{
            .pattern = regex.value.string,
            .behavior = if (removed) .removed else .isolated,
            .invert = invert,
        };
    }

    fn refusePreTokenizer(reader: *Reader, node: Node) Error {
        reader.diagnostic.set(
            node.at,
            "pre_tokenizer: supported are ByteLevel, and an isolating Split by a Regex before " ++
                "a ByteLevel without one",
            .{},
        );
        return error.Unsupported;
    }

    fn checkDecoder(reader: *Reader, root: Node) Error!void {
        const node = root.get("decoder") orelse return;
        const name = try reader.typeOf(node, "decoder");
        if (!std.mem.eql(u8, name, "ByteLevel")) return reader.refuseComponent(node, "decoder");
    }
};

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
    try expectFault(error.Malformed, "true}", "1}", "added_tokens[0].special: ");
    const unigram = "\"model\": {\"type\": \"Unigram\",";
    try expectFault(error.Unsupported, "\"model\": {", unigram, "model.type: ");
    const nfc = "\"normalizer\": {\"type\": \"NFC\"}, \"model\": {";
    try expectFault(error.Unsupported, "\"model\": {", nfc, "normalizer: ");
    const digits = "\"pre_tokenizer\": {\"type\": \"Digits\"";
    const byte_level_type = "\"pre_tokenizer\": {\"type\": \"ByteLevel\"";
    try expectFault(error.Unsupported, byte_level_type, digits, "pre_tokenizer: ");
}
