//! The components of a tokenizer.json around its model: normalizer, pre-tokenizer and decoder, as the steps of
//! a `Definition`.
//!
//! A component may be a Sequence of others. What would change the ids or the text and is not done here is
//! refused by name. Time is linear in the document.

const std = @import("std");
const byte_level = @import("byte_level.zig");
const definition = @import("../definition.zig");
const json_tree = @import("json_tree.zig");
const reader_zig = @import("reader.zig");
const Error = reader_zig.Error;
const Reader = reader_zig.Reader;
const Node = json_tree.Node;
const Normalization = definition.Normalization;
const Split = definition.Split;

/// SentencePiece's sign for a space, U+2581.
pub const usual_space_sign = "\u{2581}";

/// What the three components come to.
pub const Components = struct {
    normalization: std.ArrayList(Normalization) = .empty,
    splits: std.ArrayList(Split) = .empty,
    /// Of each split by a string, the string.
    strings: std.ArrayList(?[]const u8) = .empty,
    /// The model's symbols are those of the byte-level alphabet.
    byte_level: bool = false,
    prefix_space: definition.PrefixSpace = .none,
    /// What tokens have for a space, where no space reaches the model. In all of the steps the sign is
    /// replaced by the space then, and the other way round: see `definition.Characters`.
    space_sign: ?[]const u8 = null,
    /// The sign is put in behind the added tokens: by Metaspace.
    is_late_sign: bool = false,
    decoding: definition.Decoding = .{},
    /// What the decoder replaces in tokens.
    decoded_sign: ?[]const u8 = null,

    pub fn read(reader: *Reader, root: Node) Error!Components {
        var components: Components = .{};
        if (root.get("normalizer")) |node| {
            try components.readNormalizer(reader, node);
        }
        if (root.get("pre_tokenizer")) |node| {
            try components.readPreTokenizer(reader, node, true);
        }
        if (!components.byte_level) try components.findSpaceSign(reader, root);
        try components.readDecoder(reader, root);
        return components;
    }

    const normalizer_key = "normalizer";

    fn readNormalizer(components: *Components, reader: *Reader, node: Node) Error!void {
        const name = try reader.typeOf(node, normalizer_key);
        if (std.mem.eql(u8, name, "Sequence")) {
            const list_key = normalizer_key ++ ".normalizers";
            const list = try reader.require(node, "normalizers", list_key, .array);
            for (list.value.array) |part| try components.readNormalizer(reader, part);
            return;
        }
        const step: Normalization = if (std.mem.eql(u8, name, "NFC"))
            .nfc
        else if (std.mem.eql(u8, name, "Prepend")) .{
            .prepend = try reader.requireString(node, "prepend", normalizer_key ++ ".prepend"),
        } else if (std.mem.eql(u8, name, "Replace"))
            try replaceOf(reader, node, normalizer_key)
        else
            return reader.refuse(node, normalizer_key);
        try components.normalization.append(reader.arena, step);
    }

    /// A Replace of a plain string.
    fn replaceOf(reader: *Reader, node: Node, comptime key: []const u8) Error!Normalization {
        const pattern = try reader.require(node, "pattern", key ++ ".pattern", .object);
        const content = try reader.requireString(node, "content", key ++ ".content");
        const from = pattern.get("String") orelse
            return reader.refuseBecause(node, key, "with a Regex", .{});
        try reader.expectKind(from, key ++ ".pattern.String", .string);
        if (from.value.string.len == 0) {
            return reader.refuseBecause(node, key, "with an empty pattern", .{});
        }
        return .{ .replace = .{ .from = from.value.string, .to = content } };
    }

    const pre_tokenizer_key = "pre_tokenizer";

    fn readPreTokenizer(
        components: *Components,
        reader: *Reader,
        node: Node,
        is_first: bool,
    ) Error!void {
        const key = pre_tokenizer_key;
        const name = try reader.typeOf(node, key);
        if (components.byte_level) {
            return reader.refuseBecause(node, key, "behind a ByteLevel", .{});
        }
        if (std.mem.eql(u8, name, "Sequence")) {
            const list_key = key ++ ".pretokenizers";
            const list = try reader.require(node, "pretokenizers", list_key, .array);
            for (list.value.array, 0..) |part, i| {
                try components.readPreTokenizer(reader, part, is_first and i == 0);
            }
        } else if (std.mem.eql(u8, name, "ByteLevel")) {
            try components.readByteLevel(reader, node);
        } else if (std.mem.eql(u8, name, "Split")) {
            try components.readSplit(reader, node);
        } else if (std.mem.eql(u8, name, "Metaspace")) {
            if (!is_first) return reader.refuseBecause(node, key, "behind another", .{});
            try components.readMetaspace(reader, node);
        } else {
            return reader.refuse(node, key);
        }
    }

    fn readByteLevel(components: *Components, reader: *Reader, node: Node) Error!void {
        const key = pre_tokenizer_key;
        if (components.is_late_sign) {
            return reader.refuseBecause(node, key, "behind a Metaspace", .{});
        }
        const prefix_key = key ++ ".add_prefix_space";
        if (try reader.flag(node, "add_prefix_space", prefix_key, true)) {
            // A prefix would be added to each piece of the split.
            if (components.splits.items.len > 0) {
                return reader.refuseBecause(node, key, "with add_prefix_space behind a Split", .{});
            }
            components.prefix_space = .every;
        }
        components.byte_level = true;
        if (!try reader.flag(node, "use_regex", key ++ ".use_regex", true)) return;
        const split: Split = .{ .pattern = byte_level.gpt2_pattern, .behavior = .isolated };
        try components.addSplit(reader, split, null);
    }

    fn readSplit(components: *Components, reader: *Reader, node: Node) Error!void {
        const key = pre_tokenizer_key;
        const pattern = try reader.require(node, "pattern", key ++ ".pattern", .object);
        const behavior_key = key ++ ".behavior";
        const behavior_node = try reader.require(node, "behavior", behavior_key, .string);
        const behavior = behaviorOf(behavior_node.value.string) orelse {
            reader.diagnostic.set(
                behavior_node.at,
                "{s}: there is no behavior {s}",
                .{ behavior_key, behavior_node.value.string },
            );
            return error.Malformed;
        };
        var split: Split = .{
            .pattern = undefined,
            .behavior = behavior,
            .invert = try reader.flag(node, "invert", key ++ ".invert", false),
        };
        if (pattern.get("Regex")) |regex| {
            try reader.expectKind(regex, key ++ ".pattern.Regex", .string);
            split.pattern = regex.value.string;
            return components.addSplit(reader, split, null);
        }
        const string = try reader.requireString(pattern, "String", key ++ ".pattern.String");
        split.pattern = try escaped(reader, string);
        return components.addSplit(reader, split, string);
    }

    fn addSplit(
        components: *Components,
        reader: *Reader,
        split: Split,
        string: ?[]const u8,
    ) Error!void {
        try components.splits.append(reader.arena, split);
        try components.strings.append(reader.arena, string);
    }

    fn behaviorOf(name: []const u8) ?definition.SplitBehavior {
        const names = .{
            .{ "Isolated", .isolated },
            .{ "Removed", .removed },
            .{ "MergedWithPrevious", .merged_with_previous },
            .{ "MergedWithNext", .merged_with_next },
            .{ "Contiguous", .contiguous },
        };
        inline for (names) |pair| if (std.mem.eql(u8, name, pair[0])) return pair[1];
        return null;
    }

    /// A regular expression for one string.
    fn escaped(reader: *Reader, string: []const u8) Error![]const u8 {
        var pattern: std.ArrayList(u8) = .empty;
        for (string) |byte| {
            if (byte < 0x80 and !std.ascii.isAlphanumeric(byte) and std.ascii.isPrint(byte) and
                byte != ' ')
            {
                try pattern.append(reader.arena, '\\');
            }
            try pattern.append(reader.arena, byte);
        }
        return pattern.items;
    }

    fn readMetaspace(components: *Components, reader: *Reader, node: Node) Error!void {
        const key = pre_tokenizer_key;
        const sign = try reader.requireString(node, "replacement", key ++ ".replacement");
        components.space_sign = sign;
        components.is_late_sign = true;
        const scheme_key = key ++ ".prepend_scheme";
        const scheme = if (node.get("prepend_scheme")) |value| scheme: {
            try reader.expectKind(value, scheme_key, .string);
            break :scheme value.value.string;
        } else "always";
        components.prefix_space = if (std.mem.eql(u8, scheme, "always"))
            .every
        else if (std.mem.eql(u8, scheme, "first"))
            .first
        else if (std.mem.eql(u8, scheme, "never"))
            .none
        else {
            reader.diagnostic.set(node.at, "{s}: there is no scheme {s}", .{ scheme_key, scheme });
            return error.Malformed;
        };
        if (!try reader.flag(node, "add_prefix_space", key ++ ".add_prefix_space", true)) {
            // Older files: the one flag for both.
            components.prefix_space = .none;
        }
        if (try reader.flag(node, "split", key ++ ".split", true)) {
            const split: Split = .{
                .pattern = try escaped(reader, sign),
                .behavior = .merged_with_next,
            };
            try components.addSplit(reader, split, sign);
        }
    }

    /// Finds out whether spaces reach the model, and if not, exchanges them and their sign in all steps
    /// from there on.
    fn findSpaceSign(components: *Components, reader: *Reader, root: Node) Error!void {
        const replacing = components.lastReplaceOfSpaces();
        if (replacing) |index| {
            const sign = components.normalization.items[index].replace.to;
            if (components.space_sign) |late| {
                if (!std.mem.eql(u8, late, sign)) {
                    return reader.refuseBecause(root.get(pre_tokenizer_key).?, pre_tokenizer_key, "with another replacement than the normalizer's", .{});
                }
            }
            components.space_sign = sign;
            components.is_late_sign = false;
            try components.exchangeInNormalization(reader, root, index);
        }
        const sign = components.space_sign orelse return;
        var kept: usize = 0;
        for (components.splits.items, components.strings.items) |split, string| {
            const text = string orelse return reader.refuseBecause(
                root.get(pre_tokenizer_key).?,
                pre_tokenizer_key,
                "by a Regex with a vocabulary of characters",
                .{},
            );
            if (!split.invert and components.neverMatches(text)) continue;
            components.splits.items[kept] = split;
            components.splits.items[kept].pattern =
                try escaped(reader, try exchanged(reader, text, sign));
            kept += 1;
        }
        components.splits.items.len = kept;
    }

    /// The last step that replaces spaces by another character.
    fn lastReplaceOfSpaces(components: *const Components) ?usize {
        var index = components.normalization.items.len;
        while (index > 0) {
            index -= 1;
            const step = components.normalization.items[index];
            if (step != .replace or !std.mem.eql(u8, step.replace.from, " ")) continue;
            const len = std.unicode.utf8CountCodepoints(step.replace.to) catch return null;
            return if (len == 1 and step.replace.to[0] != ' ') index else null;
        }
        return null;
    }

    /// The step at `index` replaces spaces: makes it replace the sign, and exchanges the two behind it.
    fn exchangeInNormalization(
        components: *Components,
        reader: *Reader,
        root: Node,
        index: usize,
    ) Error!void {
        const steps = components.normalization.items;
        const sign = components.space_sign.?;
        steps[index] = .{ .replace = .{ .from = sign, .to = " " } };
        for (steps[index + 1 ..]) |*step| switch (step.*) {
            .nfc => {},
            .prepend => |text| {
                if (std.mem.findScalar(u8, text, ' ') != null) return refuseSpaces(reader, root);
                step.* = .{ .prepend = try exchanged(reader, text, sign) };
            },
            .replace => |replace| {
                for ([_][]const u8{ replace.from, replace.to }) |text| {
                    if (std.mem.findScalar(u8, text, ' ') != null) {
                        return refuseSpaces(reader, root);
                    }
                }
                step.* = .{ .replace = .{
                    .from = try exchanged(reader, replace.from, sign),
                    .to = try exchanged(reader, replace.to, sign),
                } };
            },
        };
        // What is put in front before one character is replaced may as well be put in front, replaced,
        // afterwards: where the text has no sign, replacing changes nothing, and there is one copy less.
        if (index == 0 or steps[index - 1] != .prepend) return;
        const before = steps[index - 1].prepend;
        if (before.len == 0) return;
        steps[index - 1] = steps[index];
        steps[index] = .{ .prepend = try exchanged(reader, before, sign) };
    }

    fn refuseSpaces(reader: *Reader, root: Node) Error {
        return reader.refuseBecause(
            root.get(normalizer_key).?,
            normalizer_key,
            "with a space behind the step that replaces spaces",
            .{},
        );
    }

    /// Whether the normalizer leaves no place at which the string could stand: it has a space, and those
    /// are replaced, or it is replaced whole, and no step puts in any of its characters.
    fn neverMatches(components: *const Components, string: []const u8) bool {
        if (std.mem.findScalar(u8, string, ' ') != null) return true;
        if (std.mem.find(u8, string, components.space_sign.?) != null) return false;
        var is_gone = false;
        for (components.normalization.items) |step| switch (step) {
            .nfc => is_gone = false,
            .prepend => |text| is_gone = is_gone and std.mem.findAny(u8, text, string) == null,
            .replace => |replace| {
                const is_clear = replace.to.len > 0 and
                    std.mem.findAny(u8, replace.to, string) == null;
                is_gone = is_clear and (is_gone or std.mem.eql(u8, replace.from, string));
            },
        };
        return is_gone;
    }

    /// `text` with spaces for the sign.
    fn exchanged(reader: *Reader, text: []const u8, sign: []const u8) Error![]const u8 {
        if (std.mem.find(u8, text, sign) == null) return text;
        return std.mem.replaceOwned(u8, reader.arena, text, sign, " ");
    }

    const decoder_key = "decoder";

    fn readDecoder(components: *Components, reader: *Reader, root: Node) Error!void {
        const node = root.get(decoder_key) orelse {
            // Byte-level tokens without a decoder: what they stand for.
            if (components.byte_level) return;
            reader.diagnostic.set(root.at, "decoder: none is given, and only those of byte-level " ++
                "vocabularies can do without", .{});
            return error.Unsupported;
        };
        var state: DecoderState = .tokens;
        try components.readDecoderStep(reader, node, &state);
        if (components.byte_level) return;
        const sign = components.decoded_sign orelse "";
        if (!std.mem.eql(u8, sign, components.space_sign orelse "")) {
            return reader.refuseBecause(node, decoder_key, "without a step that undoes what is done " ++
                "to spaces", .{});
        }
    }

    /// How far the steps of a decoder have come.
    const DecoderState = enum { tokens, bytes, text };

    fn readDecoderStep(
        components: *Components,
        reader: *Reader,
        node: Node,
        state: *DecoderState,
    ) Error!void {
        const key = decoder_key;
        const name = try reader.typeOf(node, key);
        if (std.mem.eql(u8, name, "Sequence")) {
            const list = try reader.require(node, "decoders", key ++ ".decoders", .array);
            for (list.value.array) |part| try components.readDecoderStep(reader, part, state);
        } else if (components.byte_level) {
            if (!std.mem.eql(u8, name, "ByteLevel")) return reader.refuse(node, key);
        } else if (std.mem.eql(u8, name, "Replace") and state.* == .tokens) {
            const step = (try replaceOf(reader, node, key)).replace;
            if (components.decoded_sign != null or !std.mem.eql(u8, step.to, " ")) {
                return reader.refuseBecause(node, key, "but for one that makes spaces", .{});
            }
            components.decoded_sign = step.from;
        } else if (std.mem.eql(u8, name, "ByteFallback") and state.* == .tokens) {
            components.decoding.byte_fallback = true;
            state.* = .bytes;
        } else if (std.mem.eql(u8, name, "Fuse")) {
            state.* = .text;
        } else if (std.mem.eql(u8, name, "Strip") and state.* == .text) {
            try components.readStrip(reader, node);
        } else if (std.mem.eql(u8, name, "ByteLevel")) {
            return reader.refuseBecause(node, key, "without one in the pre_tokenizer", .{});
        } else {
            return reader.refuse(node, key);
        }
    }

    /// Spaces are stripped from the front.
    fn readStrip(components: *Components, reader: *Reader, node: Node) Error!void {
        const key = decoder_key;
        const content = try reader.requireString(node, "content", key ++ ".content");
        var counts: [2]u32 = undefined;
        inline for (.{ "start", "stop" }, &counts) |name, *count| {
            const number = try reader.require(node, name, key ++ "." ++ name, .number);
            count.* = std.fmt.parseInt(u32, number.value.number, 10) catch
                return reader.refuse(number, key);
        }
        if (counts[1] != 0 or !std.mem.eql(u8, content, " ")) {
            return reader.refuseBecause(node, key, "but for spaces at the start", .{});
        }
        components.decoding.strip_spaces += counts[0];
    }
};
