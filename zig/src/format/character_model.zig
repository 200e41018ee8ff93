//! A tokenizer.json's vocabulary of characters, as SentencePiece makes them, with a space for its sign of one.
//!
//! Takes n log n time in the number of tokens, for their order; else linear.

const std = @import("std");
const components_zig = @import("components.zig");
const Components = components_zig.Components;
const definition = @import("../definition.zig");
const json_tree = @import("json_tree.zig");
const model = @import("byte_level_model.zig");
const reader_zig = @import("reader.zig");
const token_text = @import("../token_text.zig");
const SpelledVocab = @import("spelled_vocab.zig").SpelledVocab;
const Error = reader_zig.Error;
const Reader = reader_zig.Reader;

pub const CharacterModel = struct {
    tokens: []const definition.Token,
    characters: definition.Characters,
    /// Ids of tokens that decode to a byte.
    byte_tokens: []const u32,

    /// Reads what the model's node has besides its merges.
    pub fn read(
        reader: *Reader,
        node: json_tree.Node,
        vocab: *const SpelledVocab,
        components: *const Components,
    ) Error!CharacterModel {
        const arena = reader.arena;
        const tokens = try arena.alloc(definition.Token, vocab.fields.len);
        var known: std.ArrayList(definition.Characters.Known) = .empty;
        var byte_tokens: std.ArrayList(u32) = .empty;
        for (tokens, vocab.fields) |*token, field| {
            const spelled = field.key();
            token.* = .{ .id = field.id, .bytes = try spaced(arena, components, spelled) };
            if (components.decode_steps == null and components.decoding.byte_fallback) {
                if (token_text.byteOf(spelled)) |byte| {
                    token.decoded = try arena.dupe(u8, &.{byte});
                    try byte_tokens.append(arena, token.id);
                }
            }
            // Spaces do not reach the model where there is a sign for them.
            if (components.space_sign != null and std.mem.eql(u8, spelled, " ")) continue;
            const character = onlyCharacter(token.bytes) orelse continue;
            try known.append(arena, .{ .character = character, .id = token.id });
        }
        try model.sortTokens(reader.diagnostic, tokens, "model.vocab");
        std.mem.sortUnstable(definition.Characters.Known, known.items, {}, lessByCharacter);
        const unknown = try unknownToken(reader, node, vocab);
        const fallback_key = "model.byte_fallback";
        return .{
            .tokens = tokens,
            .characters = .{
                .known = known.items,
                .byte_ids = if (try reader.flag(node, "byte_fallback", fallback_key, false))
                    byteIds(vocab)
                else
                    @splat(null),
                .unknown = unknown,
                .has_normalized_sign = components.space_sign != null and !components.is_late_sign,
                .fuse_unknown = try reader.flag(node, "fuse_unk", "model.fuse_unk", false),
            },
            .byte_tokens = byte_tokens.items,
        };
    }

    /// The merges that text can come to, in their order: those without a space as it is spelled. None may
    /// join what an unknown character becomes.
    pub fn reachableMerges(
        self: *const CharacterModel,
        reader: *Reader,
        components: *const Components,
        vocab: *const SpelledVocab,
        merges: []const definition.Merge,
    ) Error![]const definition.Merge {
        var apart: std.AutoHashMapUnmanaged(u32, void) = .empty;
        for (self.characters.byte_ids) |id| if (id) |i| try apart.put(reader.arena, i, {});
        if (self.characters.unknown) |id| try apart.put(reader.arena, id, {});
        var spaced_ids: std.AutoHashMapUnmanaged(u32, void) = .empty;
        if (components.space_sign != null) {
            for (vocab.fields) |field| {
                if (std.mem.findScalar(u8, field.key(), ' ') == null) continue;
                try spaced_ids.put(reader.arena, field.id, {});
            }
        }
        var kept: std.ArrayList(definition.Merge) = try .initCapacity(reader.arena, merges.len);
        for (merges, 0..) |merge, i| {
            if (apart.contains(merge.left) or apart.contains(merge.right)) {
                reader.diagnostic.set(
                    null,
                    "model.merges[{d}]: merging what unknown characters become is not supported",
                    .{i},
                );
                return error.Unsupported;
            }
            if (spaced_ids.contains(merge.result)) continue;
            kept.appendAssumeCapacity(merge);
        }
        return kept.items;
    }
};

/// A token's content with spaces for their sign.
pub fn spaced(
    arena: std.mem.Allocator,
    components: *const Components,
    spelled: []const u8,
) error{OutOfMemory}![]const u8 {
    const sign = components.space_sign orelse return spelled;
    if (std.mem.find(u8, spelled, sign) == null) return spelled;
    return std.mem.replaceOwned(u8, arena, spelled, sign, " ");
}

fn byteIds(vocab: *const SpelledVocab) [256]?u32 {
    var ids: [256]?u32 = undefined;
    for (&ids, 0..) |*id, byte| {
        var buffer: [6]u8 = undefined;
        const spelled = std.fmt.bufPrint(&buffer, "<0x{X:0>2}>", .{byte}) catch unreachable;
        id.* = vocab.get(spelled);
    }
    return ids;
}

/// The token of unknown characters, if the model names one.
pub fn unknownToken(
    reader: *Reader,
    node: json_tree.Node,
    vocab: *const SpelledVocab,
) Error!?u32 {
    const key = "model.unk_token";
    const value = node.get("unk_token") orelse return null;
    try reader.expectKind(value, key, .string);
    return vocab.get(value.value.string) orelse {
        reader.diagnostic.set(
            value.at,
            "{s}: the token \"{s}\" is not in the vocabulary",
            .{ key, value.value.string },
        );
        return error.Malformed;
    };
}

/// The character that `bytes`, well-formed UTF-8, consist of, if it is one.
pub fn onlyCharacter(bytes: []const u8) ?u21 {
    if (bytes.len == 0 or bytes.len > 4) return null;
    const len = std.unicode.utf8ByteSequenceLength(bytes[0]) catch return null;
    if (len != bytes.len) return null;
    return std.unicode.utf8Decode(bytes) catch null;
}

fn lessByCharacter(
    _: void,
    a: definition.Characters.Known,
    b: definition.Characters.Known,
) bool {
    return a.character < b.character;
}
