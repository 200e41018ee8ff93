//! tokenizer.json, the one file of tokenizers and transformers, for BPE over bytes or characters.
//!
//! What would change the ids and is not done here is refused by name. `post_processor` is looked at
//! (`post_processor.zig`), and it, `truncation` and `padding` are passed over: they concern what is added to
//! the ids of a text. Time is as in `byte_level_model.zig`. A second thread reads the list of merges ahead
//! and resolves its share of them.

const std = @import("std");
const byte_level = @import("../byte_level.zig");
const character_model = @import("character_model.zig");
const CharacterModel = character_model.CharacterModel;
const Components = @import("components.zig").Components;
const definition = @import("../definition.zig");
const Diagnostic = @import("../diagnostic.zig").Diagnostic;
const json_tree = @import("json_tree.zig");
const model = @import("byte_level_model.zig");
const normalizer_zig = @import("../normalizer.zig");
const parallel = @import("../parallel.zig");
const Normalizer = normalizer_zig.Normalizer;
const post_processor = @import("post_processor.zig");
const reader_zig = @import("reader.zig");
const isForeignByte = @import("../utf8.zig").isForeignByte;
const token_text = @import("../token_text.zig");
const SpelledVocab = @import("spelled_vocab.zig").SpelledVocab;
const Node = json_tree.Node;
const Reader = reader_zig.Reader;
const Allocator = std.mem.Allocator;

pub const Error = reader_zig.Error;

/// Parses a document on up to `thread_count` threads: with more than one, `arena` must be safe for them. The
/// definition belongs to `arena` and points into the document.
pub fn parse(
    arena: Allocator,
    document: []const u8,
    thread_count: usize,
    diagnostic: *Diagnostic,
) Error!definition.Definition {
    const root = try json_tree.parseOn(arena, document, thread_count, diagnostic);
    var reader: Reader = .{ .arena = arena, .diagnostic = diagnostic };
    try reader.expectKind(root, "the document", .object);
    const model_node = try reader.require(root, "model", "model", .object);
    try checkModel(&reader, model_node);
    const flags: ModelFlags = try .read(&reader, model_node);
    const vocab_node = try reader.requireAny(model_node, "vocab", "model.vocab", "an object");
    const vocab = try model.readVocab(arena, vocab_node, "model.vocab", diagnostic);
    const merges_node = try reader.requireAny(model_node, "merges", "model.merges", "a list");
    var document_parts: Parts = .{
        .reader = &reader,
        .thread_count = thread_count,
        .root = root,
        .model_node = model_node,
        .merges_node = merges_node,
        .flags = flags,
        .vocab = &vocab,
        .components = try .read(&reader, root),
    };
    try post_processor.check(&reader, root);
    return document_parts.define();
}

/// What the parts of a definition are made of.
const Parts = struct {
    reader: *Reader,
    thread_count: usize,
    root: Node,
    model_node: Node,
    merges_node: Node,
    flags: ModelFlags,
    vocab: *const SpelledVocab,
    components: Components,
    byte_tokens: std.ArrayList(u32) = .empty,

    fn define(parts: *Parts) Error!definition.Definition {
        if (parts.components.piece_steps == null and parts.needsGeneralWay()) {
            parts.components = try .readGeneral(parts.reader, parts.root);
        }
        if (parts.components.piece_steps != null) return parts.defineSpelled();
        const is_bytes = parts.components.byte_level;
        const result = if (is_bytes) parts.defineBytes() else parts.defineCharacters();
        if (result != error.Unsupported) return result;
        // Merges of characters that are unknown, or outside of the byte-level alphabet.
        parts.components = try .readGeneral(parts.reader, parts.root);
        return parts.defineSpelled();
    }

    fn needsGeneralWay(parts: *const Parts) bool {
        if (parts.flags.prefix.len + parts.flags.suffix.len > 0) return true;
        if (!parts.components.byte_level) {
            // A sign that is no token falls back to its own bytes, and not to the one of a space.
            const sign = parts.components.space_sign orelse return parts.flags.ignore_merges;
            const falls_back = parts.flags.byte_fallback and parts.vocab.get(sign) == null;
            return parts.flags.ignore_merges or falls_back;
        }
        for (byte_level.characters, 0..) |character, byte| {
            if (isForeignByte(@intCast(byte))) continue;
            var buffer: [4]u8 = undefined;
            const len = std.unicode.utf8Encode(character, &buffer) catch unreachable;
            if (parts.vocab.get(buffer[0..len]) == null) return true;
        }
        return false;
    }

    /// All but the tokens and the merges.
    fn begin(parts: *Parts) Error!definition.Definition {
        const components = &parts.components;
        const reader = parts.reader;
        var added = try addedTokens(reader, parts.root, components, &parts.byte_tokens);
        const has_decoder = parts.root.get("decoder") != null;
        if (components.decode_steps == null and has_decoder and parts.respells(added)) {
            try components.readDecodeSteps(reader, parts.root);
            components.decoding = .{};
            parts.byte_tokens.clearRetainingCapacity();
            added = try addedTokens(reader, parts.root, components, &parts.byte_tokens);
        }
        return .{
            .format = .tokenizer_json,
            .tokens = undefined,
            .merge_rule = undefined,
            .normalization = components.normalization.items,
            .space_sign = if (components.is_late_sign) components.space_sign else null,
            .splits = components.splits.splits.items,
            .prefix_space = components.prefix_space,
            .decoding = components.decoding,
            .decode_steps = components.decode_steps,
            .added_tokens = added,
            .dropout = parts.flags.dropout,
        };
    }

    /// Whether a token of the vocabulary becomes text in another spelling, being an added token too.
    fn respells(parts: *const Parts, added: []const definition.AddedToken) bool {
        for (added) |token| {
            if (token.spelled != null and parts.vocab.get(token.content) == token.id) return true;
        }
        return false;
    }

    fn finish(
        parts: *Parts,
        started: definition.Definition,
        merges: []const definition.Merge,
    ) Error!definition.Definition {
        var result = started;
        result.decoding.byte_tokens = parts.byte_tokens.items;
        result.merge_rule = .{ .list = .{
            .merges = merges,
            .ignore_merges = parts.flags.ignore_merges,
        } };
        const needs_spelling = result.spelled_model != null or result.decode_steps != null;
        if (needs_spelling) result.spelled_tokens = try parts.spelledTokens();
        try checkAddedIds(parts.reader, parts.vocab, result.tokens, result.added_tokens);
        return result;
    }

    fn defineBytes(parts: *Parts) Error!definition.Definition {
        const reader = parts.reader;
        var result = try parts.begin();
        var resolving: Resolving = try .init(reader.arena, parts.vocab, parts.merges_node);
        result.tokens = try resolving.beside(parts.thread_count, model.readTokens, .{
            reader.arena,
            parts.vocab,
            result.added_tokens,
            "model.vocab",
            reader.diagnostic,
        });
        result.unknown_byte = try character_model.unknownToken(reader, parts.model_node, parts.vocab);
        const merges = try readMerges(reader, &resolving, parts.merges_node);
        if (try model.mergesOutside(reader.arena, result.tokens, merges)) return error.Unsupported;
        return parts.finish(result, merges);
    }

    fn defineCharacters(parts: *Parts) Error!definition.Definition {
        const reader = parts.reader;
        var result = try parts.begin();
        var resolving: Resolving = try .init(reader.arena, parts.vocab, parts.merges_node);
        const arguments = .{ reader, parts.model_node, parts.vocab, &parts.components };
        const characters = try resolving.beside(parts.thread_count, CharacterModel.read, arguments);
        result.tokens = characters.tokens;
        result.symbols = .{ .characters = characters.characters };
        try parts.byte_tokens.appendSlice(reader.arena, characters.byte_tokens);
        const all = try readMerges(reader, &resolving, parts.merges_node);
        const merges = try characters.reachableMerges(reader, &parts.components, parts.vocab, all);
        return parts.finish(result, merges);
    }

    fn defineSpelled(parts: *Parts) Error!definition.Definition {
        const reader = parts.reader;
        const flags = &parts.flags;
        parts.byte_tokens = .empty;
        var result = try parts.begin();
        const tokens = try parts.spelledTokens();
        if (parts.components.decodes_bytes) for (tokens) |*token| {
            const buffer = try reader.arena.alloc(u8, token.bytes.len);
            token.bytes = byte_level.decode(token.bytes, buffer) orelse token.bytes;
        };
        result.tokens = tokens;
        result.spelled_model = .{
            .steps = parts.components.piece_steps.?,
            .continuing_prefix = flags.prefix,
            .word_suffix = flags.suffix,
            .unknown = try character_model.unknownToken(reader, parts.model_node, parts.vocab),
            .fuse_unknown = flags.fuse_unknown,
            .byte_fallback = flags.byte_fallback,
        };
        if (flags.prefix.len == 0) {
            var resolving: Resolving = try .init(reader.arena, parts.vocab, parts.merges_node);
            return parts.finish(result, try readMerges(reader, &resolving, parts.merges_node));
        }
        return parts.finish(result, try parts.readContinuingMerges());
    }

    /// The tokens as they are spelled, in ascending order of id.
    fn spelledTokens(parts: *Parts) Error![]definition.Token {
        const tokens = try parts.reader.arena.alloc(definition.Token, parts.vocab.fields.len);
        for (tokens, parts.vocab.fields) |*token, field| {
            token.* = .{ .id = field.id, .bytes = field.key() };
        }
        try model.sortTokens(parts.reader.diagnostic, tokens, "model.vocab");
        return tokens;
    }

    /// Merges whose right side loses its prefix.
    fn readContinuingMerges(parts: *Parts) Error![]const definition.Merge {
        const reader = parts.reader;
        const pairs = switch (parts.merges_node.value) {
            .pairs => |pairs| pairs,
            else => {
                var resolving: Resolving = try .init(reader.arena, parts.vocab, parts.merges_node);
                return readMerges(reader, &resolving, parts.merges_node);
            },
        };
        const result = try reader.arena.alloc(definition.Merge, pairs.len);
        for (result, pairs, 0..) |*merge, pair, i| {
            const ids = parts.continuingMerge(pair) orelse {
                reader.diagnostic.set(pair.at, "model.merges[{d}]: the merge of \"{s}\" and \"{s}\" " ++
                    "names a token that is not in the vocabulary", .{ i, pair.left(), pair.right() });
                return error.Malformed;
            };
            merge.* = .{ .left = ids[0], .right = ids[1], .result = ids[2] };
        }
        return result;
    }

    fn continuingMerge(parts: *Parts, pair: json_tree.Pair) ?[3]u32 {
        const prefix_len = parts.flags.prefix.len;
        if (pair.right().len < prefix_len) return null;
        const sides = .{ pair.left(), pair.right()[prefix_len..] };
        const joined = std.mem.concat(parts.reader.arena, u8, &sides) catch return null;
        return .{
            parts.vocab.get(pair.left()) orelse return null,
            parts.vocab.get(pair.right()) orelse return null,
            parts.vocab.get(joined) orelse return null,
        };
    }
};

/// The options of a model.
const ModelFlags = struct {
    prefix: []const u8,
    suffix: []const u8,
    fuse_unknown: bool,
    byte_fallback: bool,
    ignore_merges: bool,
    dropout: f64,

    fn read(reader: *Reader, node: Node) Error!ModelFlags {
        return .{
            .prefix = try optionalString(reader, node, "continuing_subword_prefix"),
            .suffix = try optionalString(reader, node, "end_of_word_suffix"),
            .fuse_unknown = try reader.flag(node, "fuse_unk", "model.fuse_unk", false),
            .byte_fallback = try reader.flag(node, "byte_fallback", "model.byte_fallback", false),
            .ignore_merges = try reader.flag(node, "ignore_merges", "model.ignore_merges", false),
            .dropout = try readDropout(reader, node),
        };
    }

    fn readDropout(reader: *Reader, node: Node) Error!f64 {
        const dropout = node.get("dropout") orelse return 0;
        try reader.expectKind(dropout, "model.dropout", .number);
        const rate = std.fmt.parseFloat(f64, dropout.value.number) catch std.math.nan(f64);
        if (rate >= 0 and rate <= 1) return rate;
        reader.diagnostic.set(
            dropout.at,
            "model.dropout: it must be from 0 to 1, not {s}",
            .{dropout.value.number},
        );
        return error.Malformed;
    }

    fn optionalString(reader: *Reader, node: Node, comptime name: []const u8) Error![]const u8 {
        const value = node.get(name) orelse return "";
        try reader.expectKind(value, "model." ++ name, .string);
        return value.value.string;
    }
};

/// Refuses a model that is no BPE.
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
    if (!std.mem.eql(u8, content, token.content)) token.spelled = content;
    if (components.decode_steps != null) {
        token.decoded = content;
    } else if (components.decodes_bytes) {
        const buffer = try reader.arena.alloc(u8, content.len);
        token.decoded = byte_level.decode(content, buffer) orelse content;
    } else {
        token.decoded = try character_model.spaced(reader.arena, components, content);
        if (components.decoding.byte_fallback) if (token_text.byteOf(content)) |byte| {
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
    const steps = components.normalization.items;
    const normalizer = Normalizer.init(reader.arena, steps, reader.diagnostic) catch |err| switch (err) {
        error.OutOfMemory => return error.OutOfMemory,
        error.UnsupportedPattern => return error.Unsupported,
    };
    var memory: normalizer_zig.Memory = .{};
    const content = try normalizer.apply(reader.arena, &memory, token.content);
    // Here the steps have made spaces of signs.
    if (components.is_late_sign) return content;
    const sign = components.space_sign orelse return content;
    return std.mem.replaceOwned(u8, reader.arena, content, " ", sign);
}

fn notAnId(reader: *Reader, node: Node, key: []const u8) Error {
    return model.expected(reader.diagnostic, node, key, "an id from 0 to 2^32 - 1");
}

/// An added token's id is its own, or that of the same token in the vocabulary.
fn checkAddedIds(
    reader: *Reader,
    vocab: *const SpelledVocab,
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
        if (vocab.get(token.content) == token.id) continue;
        const same = definition.Token.find(tokens, token.id) orelse continue;
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

/// Merges that threads resolve, chunk by chunk.
const Resolving = struct {
    vocab: *const SpelledVocab,
    arena: Allocator,
    pairs: []const json_tree.Pair,
    merges: []definition.Merge,
    queue: parallel.TaskQueue,
    /// The first pair, so far, that names an unknown token.
    failed: std.atomic.Value(usize) = .init(std.math.maxInt(usize)),
    is_out_of_memory: std.atomic.Value(bool) = .init(false),

    const chunk_len = 1024;

    fn init(arena: Allocator, vocab: *const SpelledVocab, list: Node) error{OutOfMemory}!Resolving {
        const pairs = if (list.value == .pairs) list.value.pairs else &.{};
        return .{
            .vocab = vocab,
            .arena = arena,
            .pairs = pairs,
            .merges = try arena.alloc(definition.Merge, pairs.len),
            .queue = .{ .count = std.math.divCeil(usize, pairs.len, chunk_len) catch unreachable },
        };
    }

    /// Calls `function`, and then resolves what another thread has not resolved meanwhile, if it succeeded.
    fn beside(
        resolving: *Resolving,
        thread_count: usize,
        comptime function: anytype,
        arguments: std.meta.ArgsTuple(@TypeOf(function)),
    ) @typeInfo(@TypeOf(function)).@"fn".return_type.? {
        var other: parallel.Future(work) = .{ .arguments = .{resolving} };
        other.start(thread_count);
        defer _ = other.finish();
        errdefer resolving.queue.close();
        const result = try @call(.auto, function, arguments);
        resolving.work();
        return result;
    }

    fn work(resolving: *Resolving) void {
        while (resolving.queue.take()) |chunk| {
            const begin = chunk * chunk_len;
            const end = @min(begin + chunk_len, resolving.pairs.len);
            const failed = resolving.vocab.resolve(
                resolving.arena,
                resolving.pairs[begin..end],
                resolving.merges[begin..end],
            ) catch return resolving.is_out_of_memory.store(true, .monotonic);
            if (failed) |index| _ = resolving.failed.fetchMin(begin + index, .monotonic);
        }
    }
};

/// The merges, those resolved that have not been.
fn readMerges(
    reader: *Reader,
    resolving: *Resolving,
    list: Node,
) Error![]const definition.Merge {
    switch (list.value) {
        .pairs => {},
        // Empty, or there is an item that is no pair.
        .array => |items| {
            for (items, 0..) |node, i| if (!isPair(node)) {
                const what = "two tokens in a pair or a string";
                return model.expected(reader.diagnostic, node, try mergeKey(reader, i), what);
            };
            return &.{};
        },
        else => return model.expected(reader.diagnostic, list, "model.merges", "a list"),
    }
    resolving.work();
    if (resolving.is_out_of_memory.load(.monotonic)) return error.OutOfMemory;
    const failed = resolving.failed.load(.monotonic);
    if (failed >= resolving.pairs.len) return resolving.merges;
    const key = try mergeKey(reader, failed);
    const pair = resolving.pairs[failed];
    return model.unknownToken(reader.arena, resolving.vocab, pair, key, reader.diagnostic);
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

/// It lacks most bytes, so it goes the general way.
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
    for ([_]usize{ 1, 2 }) |thread_count| {
        const parsed = parse(arena.allocator(), document, thread_count, &diagnostic);
        try std.testing.expectError(reason, parsed);
        try std.testing.expectStringStartsWith(diagnostic.message(), message);
    }
}

test "a document becomes tokens, merges, a pattern and added tokens" {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    var diagnostic: Diagnostic = .{};
    const parsed = try parse(arena.allocator(), small, 1, &diagnostic);
    try std.testing.expectEqualStrings("ab", parsed.tokens[2].bytes);
    const merge = parsed.merge_rule.list.merges[0];
    try std.testing.expectEqual(definition.Merge{ .left = 0, .right = 1, .result = 2 }, merge);
    const steps = parsed.spelled_model.?.steps;
    try std.testing.expectEqual(2, steps.len);
    try std.testing.expectEqualStrings(byte_level.gpt2_pattern, steps[0].split.pattern);
    try std.testing.expectEqual(.byte_level, steps[1]);
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
    const other = "\"normalizer\": {\"type\": \"Other\"}, \"model\": {";
    try expectFault(error.Unsupported, "\"model\": {", other, "normalizer: ");
    const cutter = "\"pre_tokenizer\": {\"type\": \"Other\"";
    const byte_level_type = "\"pre_tokenizer\": {\"type\": \"ByteLevel\"";
    try expectFault(error.Unsupported, byte_level_type, cutter, "pre_tokenizer: ");
    inline for (.{ "1.1", "-0.1", "1e999", "\"0.1\"" }) |rate| {
        const dropout = "\"model\": {\"dropout\": " ++ rate ++ ",";
        try expectFault(error.Malformed, "\"model\": {", dropout, "model.dropout: ");
    }
    const processor = "\"post_processor\": {\"type\": \"Other\"}, \"model\": {";
    try expectFault(error.Unsupported, "\"model\": {", processor, "post_processor: ");
}

/// All bytes as tokens and, for `side` of them, every two of them as one more; `unknown` merges name none.
fn writeSquare(arena: Allocator, side: usize, unknown: []const usize) ![]const u8 {
    var out: std.Io.Writer.Allocating = .init(arena);
    const letters = byte_level.characters[0x23..][0..side];
    try out.writer.writeAll("{\"pre_tokenizer\": {\"type\": \"ByteLevel\"}, \"model\": {\"vocab\": {\"\\\"\": 0");
    var id: usize = 1;
    for (byte_level.characters) |character| {
        if (character == '"') continue;
        const escape = if (character == '\\') "\\" else "";
        try out.writer.print(", \"{s}{u}\": {d}", .{ escape, character, id });
        id += 1;
    }
    for (letters) |left| for (letters) |right| {
        try out.writer.print(", \"{u}{u}\": {d}", .{ left, right, id });
        id += 1;
    };
    try out.writer.writeAll("}, \"merges\": [");
    for (letters, 0..) |left, i| for (letters, 0..) |right, j| {
        const index = i * side + j;
        const is_unknown = std.mem.findScalar(usize, unknown, index) != null;
        try out.writer.print("{s}[\"{u}\", \"{u}{s}\"]", .{
            if (index == 0) "" else ", ",
            left,
            right,
            if (is_unknown) "!!!" else "",
        });
    };
    try out.writer.writeAll("]}}");
    return out.written();
}

test "two threads resolve the merges as one does, and name the first that is unknown" {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    const side = 57;
    // So many that there is more than one chunk.
    const chunk_count = side * side / Resolving.chunk_len + 1;
    try std.testing.expect(chunk_count > 2);
    for ([_][]const usize{ &.{}, &.{ 3000, 2100, 1 }, &.{ 3200, 2900 } }) |unknown| {
        const document = try writeSquare(arena.allocator(), side, unknown);
        var diagnostics: [2]Diagnostic = @splat(.{});
        const one = parse(arena.allocator(), document, 1, &diagnostics[0]);
        const two = parse(arena.allocator(), document, 2, &diagnostics[1]);
        if (unknown.len == 0) {
            const merges = (try one).merge_rule.list.merges;
            try std.testing.expectEqual(side * side, merges.len);
            try std.testing.expectEqual(256 + 58, merges[58].result);
            const others = (try two).merge_rule.list.merges;
            try std.testing.expectEqualSlices(definition.Merge, merges, others);
            continue;
        }
        try std.testing.expectError(error.Malformed, one);
        try std.testing.expectError(error.Malformed, two);
        var buffer: [40]u8 = undefined;
        const first = std.mem.min(usize, unknown);
        const message = try std.fmt.bufPrint(&buffer, "model.merges[{d}]: the token", .{first});
        for (&diagnostics) |*diagnostic| {
            try std.testing.expectStringStartsWith(diagnostic.message(), message);
        }
    }
}
