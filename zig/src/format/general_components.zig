//! The pre-tokenizer and the decoder of a tokenizer.json as the steps of the general ways (`pipeline.zig`,
//! `token_text.zig`), for what `components.zig` cannot say in tables.
//!
//! What is not done here either is refused by name. Linear in the document.

const std = @import("std");
const byte_level = @import("../byte_level.zig");
const definition = @import("../definition.zig");
const json_tree = @import("json_tree.zig");
const reader_zig = @import("reader.zig");
const splits = @import("splits.zig");
const Error = reader_zig.Error;
const Reader = reader_zig.Reader;
const Node = json_tree.Node;
const DecodeStep = definition.DecodeStep;
const PieceStep = definition.PieceStep;

const pre_tokenizer_key = splits.key;
const decoder_key = "decoder";

pub fn readPreTokenizer(
    reader: *Reader,
    root: Node,
    steps: *std.ArrayList(PieceStep),
) Error!void {
    const node = root.get(pre_tokenizer_key) orelse return;
    return readPieceStep(reader, node, steps);
}

fn readPieceStep(reader: *Reader, node: Node, steps: *std.ArrayList(PieceStep)) Error!void {
    const key = pre_tokenizer_key;
    const arena = reader.arena;
    const name = try reader.typeOf(node, key);
    var list: splits.List = .{};
    if (try splits.read(reader, node, name, &list)) {
        for (list.splits.items) |split| try steps.append(arena, .{ .split = split });
        return;
    }
    const kinds = enum { Sequence, ByteLevel, Metaspace, FixedLength, UnicodeScripts };
    switch (std.meta.stringToEnum(kinds, name) orelse return reader.refuse(node, key)) {
        .Sequence => {
            const parts = try reader.require(node, "pretokenizers", key ++ ".pretokenizers", .array);
            for (parts.value.array) |part| try readPieceStep(reader, part, steps);
        },
        .ByteLevel => {
            if (try reader.flag(node, "add_prefix_space", key ++ ".add_prefix_space", true)) {
                try steps.append(arena, .{ .prefix = .{ .text = " ", .pieces = .every } });
            }
            if (try reader.flag(node, "use_regex", key ++ ".use_regex", true)) {
                const split: definition.Split = .{
                    .pattern = byte_level.gpt2_pattern,
                    .behavior = .isolated,
                };
                try steps.append(arena, .{ .split = split });
            }
            try steps.append(arena, .byte_level);
        },
        .Metaspace => {
            const metaspace = try splits.readMetaspace(reader, node, key);
            try steps.append(arena, .{ .replace_spaces = metaspace.sign });
            try steps.append(arena, .{ .prefix = .{
                .text = metaspace.sign,
                .pieces = metaspace.prefix,
            } });
            if (metaspace.splits) try steps.append(arena, .{ .split = .{
                .pattern = try splits.escaped(reader, metaspace.sign),
                .behavior = .merged_with_next,
            } });
        },
        .FixedLength => {
            const length = if (node.get("length") == null) 5 else try readCount(reader, node, "length", key);
            if (length == 0) {
                reader.diagnostic.set(node.at, key ++ ".length: expected a number above 0", .{});
                return error.Malformed;
            }
            try steps.append(arena, .{ .fixed_length = length });
        },
        .UnicodeScripts => try steps.append(arena, .scripts),
    }
}

fn readCount(
    reader: *Reader,
    node: Node,
    comptime name: []const u8,
    comptime place: []const u8,
) Error!u32 {
    const number = try reader.require(node, name, place ++ "." ++ name, .number);
    return std.fmt.parseInt(u32, number.value.number, 10) catch {
        reader.diagnostic.set(number.at, "{s}: expected a number from 0 to 2^32 - 1 and found {s}", .{
            place ++ "." ++ name, number.value.number,
        });
        return error.Malformed;
    };
}

/// Without a decoder, tokens are joined with spaces, as the reference does.
pub fn readDecoder(reader: *Reader, root: Node, steps: *std.ArrayList(DecodeStep)) Error!void {
    const node = root.get(decoder_key) orelse return steps.append(reader.arena, .join_with_spaces);
    return readDecodeStep(reader, node, steps);
}

fn readDecodeStep(reader: *Reader, node: Node, steps: *std.ArrayList(DecodeStep)) Error!void {
    const key = decoder_key;
    const name = try reader.typeOf(node, key);
    const kinds = enum {
        Sequence,
        ByteLevel,
        ByteFallback,
        Fuse,
        Strip,
        Replace,
        Metaspace,
        BPEDecoder,
        WordPiece,
        CTC,
    };
    const step: DecodeStep = switch (std.meta.stringToEnum(kinds, name) orelse
        return reader.refuse(node, key)) {
        .Sequence => {
            const parts = try reader.require(node, "decoders", key ++ ".decoders", .array);
            for (parts.value.array) |part| try readDecodeStep(reader, part, steps);
            return;
        },
        .ByteLevel => .byte_level,
        .ByteFallback => .byte_fallback,
        .Fuse => .fuse,
        .Strip => strip: {
            const content = try reader.requireString(node, "content", key ++ ".content");
            if ((std.unicode.utf8CountCodepoints(content) catch 0) != 1) {
                reader.diagnostic.set(node.at, key ++ ".content: expected one character", .{});
                return error.Malformed;
            }
            break :strip .{ .strip = .{
                .character = content,
                .start = try readCount(reader, node, "start", key),
                .stop = try readCount(reader, node, "stop", key),
            } };
        },
        .Replace => switch (try readReplace(reader, node, key)) {
            .replace => |pair| .{ .replace = .{ .from = pair.from, .to = pair.to } },
            .replace_matches => |pair| .{ .replace_matches = .{
                .pattern = pair.pattern,
                .to = pair.to,
            } },
            else => unreachable,
        },
        .Metaspace => metaspace: {
            const metaspace = try splits.readMetaspace(reader, node, key);
            break :metaspace .{ .metaspace = .{
                .sign = metaspace.sign,
                .is_kept_at_start = metaspace.prefix == .none,
            } };
        },
        .BPEDecoder => suffix: {
            const suffix = if (node.get("suffix") == null)
                "</w>"
            else
                try reader.requireString(node, "suffix", key ++ ".suffix");
            if (suffix.len == 0) return reader.refuseBecause(node, key, "with an empty suffix", .{});
            break :suffix .{ .word_suffix = suffix };
        },
        .WordPiece => .{ .word_piece = .{
            .prefix = try reader.requireString(node, "prefix", key ++ ".prefix"),
            .cleans = try reader.requireFlag(node, "cleanup", key ++ ".cleanup"),
        } },
        .CTC => .{ .ctc = .{
            .padding = try reader.requireString(node, "pad_token", key ++ ".pad_token"),
            .delimiter = try reader.requireString(
                node,
                "word_delimiter_token",
                key ++ ".word_delimiter_token",
            ),
            .cleans = try reader.requireFlag(node, "cleanup", key ++ ".cleanup"),
        } },
    };
    try steps.append(reader.arena, step);
}

/// A Replace, of a string or of the matches of a regular expression.
pub fn readReplace(
    reader: *Reader,
    node: Node,
    comptime key: []const u8,
) Error!definition.Normalization {
    const pattern = try reader.require(node, "pattern", key ++ ".pattern", .object);
    const content = try reader.requireString(node, "content", key ++ ".content");
    if (pattern.get("Regex")) |regex| {
        try reader.expectKind(regex, key ++ ".pattern.Regex", .string);
        return .{ .replace_matches = .{ .pattern = regex.value.string, .to = content } };
    }
    const from = try reader.requireString(pattern, "String", key ++ ".pattern.String");
    if (from.len == 0) return reader.refuseBecause(node, key, "with an empty pattern", .{});
    return .{ .replace = .{ .from = from, .to = content } };
}

test {
    // Tested through `tokenizer_json.zig` and against tokenizers.
    std.testing.refAllDecls(@This());
}
