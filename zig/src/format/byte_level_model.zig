//! What tokenizer.json and the pair vocab.json and merges.txt have in common: a vocabulary and a merge
//! list in the byte-level alphabet, resolved to bytes and ids.
//!
//! Takes n log n time in the number of tokens, for their order; else linear.

const std = @import("std");
const byte_level = @import("../byte_level.zig");
const definition = @import("../definition.zig");
const Diagnostic = @import("../diagnostic.zig").Diagnostic;
const json_tree = @import("json_tree.zig");
const SpelledVocab = @import("spelled_vocab.zig").SpelledVocab;
const Allocator = std.mem.Allocator;

pub const Error = error{ OutOfMemory, Malformed };

/// Reads the object that maps tokens to ids; `key` is its place in the document.
pub fn readVocab(
    arena: Allocator,
    node: json_tree.Node,
    key: []const u8,
    diagnostic: *Diagnostic,
) Error!SpelledVocab {
    switch (node.value) {
        .ids => |fields| return .init(arena, fields),
        // Empty, or there is a member that is no id.
        .object => |fields| for (fields) |field| {
            if (readId(field.node) != null) continue;
            diagnostic.set(
                field.node.at,
                "{s}[\"{s}\"]: expected an id, an integer from 0 to 2^32 - 1, and found {s}",
                .{ key, field.key, shown(field.node) },
            );
            return error.Malformed;
        },
        else => return expected(diagnostic, node, key, "an object of tokens and ids"),
    }
    return .init(arena, &.{});
}

/// The tokens of `vocab` in ascending order of id, as bytes. Added tokens are spelled as they are. So are those that
/// have a character outside of the byte-level alphabet (Command-R's has emoji), which no text leads to: it is
/// what they decode to, and no merge may make one (`mergesOutside`).
pub fn readTokens(
    arena: Allocator,
    vocab: *const SpelledVocab,
    added: []const definition.AddedToken,
    key: []const u8,
    diagnostic: *Diagnostic,
) Error![]const definition.Token {
    var plain: std.StringHashMapUnmanaged(void) = .empty;
    for (added) |token| try plain.put(arena, token.content, {});
    const tokens = try arena.alloc(definition.Token, vocab.fields.len);
    var spelled_len: usize = 0;
    for (vocab.fields) |field| spelled_len += field.len;
    var room = try arena.alloc(u8, spelled_len);
    for (tokens, vocab.fields) |*token, field| {
        const spelled = field.key();
        token.* = .{ .id = field.id, .bytes = spelled };
        if (byte_level.decode(spelled, room)) |bytes| {
            token.bytes = bytes;
            room = room[bytes.len..];
        } else if (!plain.contains(spelled)) {
            token.decoded = spelled;
        }
    }
    try sortTokens(diagnostic, tokens, key);
    return tokens;
}

/// Whether a merge makes a token that has a character outside of the byte-level alphabet. One that starts from
/// such a token makes another.
pub fn mergesOutside(
    arena: Allocator,
    tokens: []const definition.Token,
    merges: []const definition.Merge,
) error{OutOfMemory}!bool {
    var outside: std.AutoHashMapUnmanaged(u32, void) = .empty;
    for (tokens) |token| {
        if (token.decoded != null) try outside.put(arena, token.id, {});
    }
    if (outside.count() == 0) return false;
    for (merges) |merge| if (outside.contains(merge.result)) return true;
    return false;
}

/// Puts tokens in ascending order of id; no two may have the same. `key` is their place in the document.
pub fn sortTokens(diagnostic: *Diagnostic, tokens: []definition.Token, key: []const u8) Error!void {
    // Linear where they are in order, as they are in nearly every file.
    std.mem.sortUnstable(definition.Token, tokens, {}, lessById);
    for (tokens[0..tokens.len -| 1], 1..) |token, next| {
        if (token.id != tokens[next].id) continue;
        diagnostic.set(null, "{s}: two tokens have the id {d}", .{ key, token.id });
        return error.Malformed;
    }
}

/// Reports that a merge names a token that does not exist; `key` is its place in the document.
pub fn unknownToken(
    arena: Allocator,
    vocab: *const SpelledVocab,
    pair: json_tree.Pair,
    key: []const u8,
    diagnostic: *Diagnostic,
) Error {
    const joined = try std.mem.concat(arena, u8, &.{ pair.left(), pair.right() });
    for ([_][]const u8{ pair.left(), pair.right(), joined }) |token| {
        if (vocab.get(token) != null) continue;
        diagnostic.set(pair.at, "{s}: the token \"{s}\" is not in the vocabulary", .{ key, token });
        break;
    }
    return error.Malformed;
}

/// The id a node holds, if it holds one.
pub fn readId(node: json_tree.Node) ?u32 {
    if (node.value != .number) return null;
    return std.fmt.parseInt(u32, node.value.number, 10) catch null;
}

/// Reports a value of the wrong kind.
pub fn expected(
    diagnostic: *Diagnostic,
    node: json_tree.Node,
    key: []const u8,
    what: []const u8,
) error{Malformed} {
    diagnostic.set(node.at, "{s}: expected {s} and found {s}", .{ key, what, shown(node) });
    return error.Malformed;
}

fn shown(node: json_tree.Node) []const u8 {
    return if (node.value == .number) node.value.number else node.value.kind();
}

fn lessById(_: void, a: definition.Token, b: definition.Token) bool {
    return a.id < b.id;
}
