//! What tokenizer.json and the pair vocab.json and merges.txt have in common: a vocabulary and a merge
//! list in the byte-level alphabet, resolved to bytes and ids.
//!
//! Takes n log n time in the number of tokens, for their order; else linear.

const std = @import("std");
const byte_level = @import("byte_level.zig");
const definition = @import("../definition.zig");
const Diagnostic = @import("../diagnostic.zig").Diagnostic;
const json_tree = @import("json_tree.zig");
const Allocator = std.mem.Allocator;

pub const Error = error{ OutOfMemory, Malformed };

/// The tokens as they are spelled, and their ids.
pub const Vocab = std.StringHashMapUnmanaged(u32);

/// Reads the object that maps tokens to ids; `key` is its place in the document.
pub fn readVocab(
    arena: Allocator,
    node: json_tree.Node,
    key: []const u8,
    diagnostic: *Diagnostic,
) Error!Vocab {
    if (node.value != .object) {
        return expected(diagnostic, node, key, "an object of tokens and ids");
    }
    var vocab: Vocab = .empty;
    try vocab.ensureTotalCapacity(arena, @intCast(node.value.object.len));
    for (node.value.object) |field| {
        const id = readId(field.node) orelse {
            diagnostic.set(
                field.node.at,
                "{s}[\"{s}\"]: expected an id, an integer from 0 to 2^32 - 1, and found {s}",
                .{ key, field.key, shown(field.node) },
            );
            return error.Malformed;
        };
        vocab.putAssumeCapacity(field.key, id);
    }
    return vocab;
}

/// The tokens of `vocab` in ascending order of id, as bytes. Added tokens are spelled as they are.
pub fn readTokens(
    arena: Allocator,
    vocab: *const Vocab,
    added: []const definition.AddedToken,
    key: []const u8,
    diagnostic: *Diagnostic,
) Error![]const definition.Token {
    var plain: std.StringHashMapUnmanaged(void) = .empty;
    for (added) |token| try plain.put(arena, token.content, {});
    const tokens = try arena.alloc(definition.Token, vocab.count());
    var entries = vocab.iterator();
    for (tokens) |*token| {
        const entry = entries.next().?;
        const spelled = entry.key_ptr.*;
        token.id = entry.value_ptr.*;
        const buffer = try arena.alloc(u8, spelled.len);
        token.bytes = byte_level.decode(spelled, buffer) orelse bytes: {
            if (plain.contains(spelled)) break :bytes spelled;
            diagnostic.set(
                null,
                "{s}[\"{s}\"]: the token has a character outside of the byte-level alphabet",
                .{ key, spelled },
            );
            return error.Malformed;
        };
    }
    std.mem.sortUnstable(definition.Token, tokens, {}, lessById);
    for (tokens[0..tokens.len -| 1], 1..) |token, next| {
        if (token.id != tokens[next].id) continue;
        diagnostic.set(null, "{s}: two tokens have the id {d}", .{ key, token.id });
        return error.Malformed;
    }
    return tokens;
}

/// Resolves one merge; `key` is its place in the document.
pub fn readMerge(
    arena: Allocator,
    vocab: *const Vocab,
    left: []const u8,
    right: []const u8,
    at: usize,
    key: []const u8,
    diagnostic: *Diagnostic,
) Error!definition.Merge {
    const joined = try std.mem.concat(arena, u8, &.{ left, right });
    var ids: [3]u32 = undefined;
    for (&ids, [_][]const u8{ left, right, joined }) |*id, token| {
        id.* = vocab.get(token) orelse {
            diagnostic.set(at, "{s}: the token \"{s}\" is not in the vocabulary", .{ key, token });
            return error.Malformed;
        };
    }
    return .{ .left = ids[0], .right = ids[1], .result = ids[2] };
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
