//! The components of a tokenizer.json around its model: normalizer, pre-tokenizer and decoder, as the steps of
//! a `Definition`.
//!
//! A component may be a Sequence of others. What the tables cannot say is read as steps of the general ways
//! (`general_components.zig`). Time is linear in the document.

const std = @import("std");
const byte_level = @import("../byte_level.zig");
const Charsmap = @import("../charsmap.zig").Charsmap;
const definition = @import("../definition.zig");
const general = @import("general_components.zig");
const json_tree = @import("json_tree.zig");
const reader_zig = @import("reader.zig");
const Scanner = @import("../pretokenizer.zig").Scanner;
const splits_zig = @import("splits.zig");
const escaped = splits_zig.escaped;
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
    splits: splits_zig.List = .{},
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
    /// The general ways, where they are needed; `splits` and `decoding` are of no use then.
    piece_steps: ?[]const definition.PieceStep = null,
    decode_steps: ?[]const definition.DecodeStep = null,
    /// Whether tokens decode to the bytes that they spell.
    decodes_bytes: bool = false,

    pub fn read(reader: *Reader, root: Node) Error!Components {
        var components: Components = .{};
        components.readEncoding(reader, root) catch |err| {
            if (err != error.Unsupported) return err;
            return readGeneral(reader, root);
        };
        const plain = components;
        components.readDecoder(reader, root) catch |err| {
            if (err != error.Unsupported) return err;
            components = plain;
            try components.readDecodeSteps(reader, root);
            return components;
        };
        components.decodes_bytes = components.byte_level;
        return components;
    }

    /// Everything in the general ways, but what normalizes.
    pub fn readGeneral(reader: *Reader, root: Node) Error!Components {
        var components: Components = .{};
        if (root.get("normalizer")) |node| try components.readNormalizer(reader, node);
        var steps: std.ArrayList(definition.PieceStep) = .empty;
        try general.readPreTokenizer(reader, root, &steps);
        components.piece_steps = steps.items;
        if (!components.knowsFirst(steps.items)) return refuseFirst(reader, root);
        try components.readDecodeSteps(reader, root);
        const decode_steps = components.decode_steps.?;
        if (decode_steps.len == 1 and decode_steps[0] == .byte_level) {
            components.decode_steps = null;
            components.decodes_bytes = true;
        }
        return components;
    }

    /// Whether it is known in the normalized text which pieces stand at the start of the text, where it
    /// matters: nothing is dropped before the first of them, and no character gives several.
    fn knowsFirst(components: *const Components, steps: []const definition.PieceStep) bool {
        var is_split = false;
        var is_changed = false;
        for (steps) |step| switch (step) {
            .split, .fixed_length, .scripts => is_split = true,
            .replace_spaces => {},
            .byte_level => is_changed = true,
            .prefix => |prefix| {
                if (prefix.pieces == .first) {
                    if (is_changed or components.dropsText()) return false;
                    if (is_split and components.normalization.items.len > 0) return false;
                }
                is_changed = is_changed or prefix.pieces != .none;
            },
        };
        return true;
    }

    /// Whether a step may take something off the text's start.
    fn dropsText(components: *const Components) bool {
        for (components.normalization.items) |step| switch (step) {
            .nfc, .nfd, .nfkc, .nfkd, .lowercase, .byte_level, .prepend => {},
            .strip_accents, .nmt, .collapse_spaces, .bert_clean, .bert_accents => return true,
            .charsmap => return true,
            // The space in front stands for the same character.
            .bert_ideographs => return true,
            .strip => |sides| if (sides.left) return true,
            .replace => |pair| if (pair.to.len == 0) return true,
            .replace_matches => |pair| if (pair.to.len == 0) return true,
        };
        return false;
    }

    fn refuseFirst(reader: *Reader, root: Node) Error {
        return reader.refuseBecause(
            root.get(pre_tokenizer_key).?,
            pre_tokenizer_key,
            "with the prepend_scheme first behind what changes the text",
            .{},
        );
    }

    pub fn readDecodeSteps(components: *Components, reader: *Reader, root: Node) Error!void {
        var steps: std.ArrayList(definition.DecodeStep) = .empty;
        try general.readDecoder(reader, root, &steps);
        components.decode_steps = steps.items;
    }

    fn readEncoding(components: *Components, reader: *Reader, root: Node) Error!void {
        if (root.get("normalizer")) |node| try components.readNormalizer(reader, node);
        if (root.get("pre_tokenizer")) |node| try components.readPreTokenizer(reader, node, true);
        if (!components.byte_level) try components.findSpaceSign(reader, root);
        try components.checkSpelledSplits(reader, root);
    }

    /// Splits behind a ByteLevel are for the general way, unless a scanner knows them.
    fn checkSpelledSplits(components: *const Components, reader: *Reader, root: Node) Error!void {
        const splits = components.splits.splits.items;
        if (splits.len == 0 or !splits[splits.len - 1].is_spelled) return;
        if (Scanner.of(splits) != null) return;
        const node = root.get(pre_tokenizer_key).?;
        return reader.refuseBecause(node, pre_tokenizer_key, "behind a ByteLevel", .{});
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
        if (std.mem.eql(u8, name, "BertNormalizer")) return components.readBert(reader, node);
        try components.normalization.append(reader.arena, try normalizationOf(reader, node, name));
    }

    fn readCharsmap(reader: *Reader, node: Node) Error![]const u8 {
        const key = normalizer_key ++ ".precompiled_charsmap";
        const value = try reader.require(node, "precompiled_charsmap", key, .string);
        const bytes = try decoded(reader.arena, value.value.string) orelse {
            reader.diagnostic.set(value.at, "{s}: expected base64", .{key});
            return error.Malformed;
        };
        const map = Charsmap.parse(bytes);
        if (map == null or !std.unicode.utf8ValidateSlice(map.?.texts)) {
            reader.diagnostic.set(value.at, "{s}: no map of characters", .{key});
            return error.Malformed;
        }
        return bytes;
    }

    /// What base64 stands for; null if it is none.
    fn decoded(arena: std.mem.Allocator, encoded: []const u8) error{OutOfMemory}!?[]const u8 {
        const decoder = std.base64.standard.Decoder;
        const len = decoder.calcSizeForSlice(encoded) catch return null;
        const bytes = try arena.alloc(u8, len);
        decoder.decode(bytes, encoded) catch return null;
        return bytes;
    }

    /// BERT's normalizer is several steps.
    fn readBert(components: *Components, reader: *Reader, node: Node) Error!void {
        const key = normalizer_key;
        const steps = &components.normalization;
        if (try reader.requireFlag(node, "clean_text", key ++ ".clean_text")) {
            try steps.append(reader.arena, .bert_clean);
        }
        const apart_key = key ++ ".handle_chinese_chars";
        if (try reader.requireFlag(node, "handle_chinese_chars", apart_key)) {
            try steps.append(reader.arena, .bert_ideographs);
        }
        const lowers = try reader.requireFlag(node, "lowercase", key ++ ".lowercase");
        // Without a word about accents, they go where capitals do.
        if (try reader.flag(node, "strip_accents", key ++ ".strip_accents", lowers)) {
            try steps.appendSlice(reader.arena, &.{ .nfd, .bert_accents });
        }
        if (lowers) try steps.append(reader.arena, .lowercase);
    }

    fn normalizationOf(reader: *Reader, node: Node, name: []const u8) Error!Normalization {
        const key = normalizer_key;
        const kinds = enum {
            NFC,
            NFD,
            NFKC,
            NFKD,
            Lowercase,
            StripAccents,
            Strip,
            Nmt,
            ByteLevel,
            Prepend,
            Replace,
            Precompiled,
        };
        return switch (std.meta.stringToEnum(kinds, name) orelse return reader.refuse(node, key)) {
            .NFC => .nfc,
            .NFD => .nfd,
            .NFKC => .nfkc,
            .NFKD => .nfkd,
            .Lowercase => .lowercase,
            .StripAccents => .strip_accents,
            .Strip => .{ .strip = .{
                .left = try reader.flag(node, "strip_left", key ++ ".strip_left", true),
                .right = try reader.flag(node, "strip_right", key ++ ".strip_right", true),
            } },
            .Nmt => .nmt,
            .ByteLevel => .byte_level,
            .Prepend => .{
                .prepend = try reader.requireString(node, "prepend", key ++ ".prepend"),
            },
            .Replace => general.readReplace(reader, node, key),
            .Precompiled => .{ .charsmap = try readCharsmap(reader, node) },
        };
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
            const before = components.splits.splits.items.len;
            if (!try splits_zig.read(reader, node, name, &components.splits)) {
                return reader.refuseBecause(node, key, "behind a ByteLevel", .{});
            }
            for (components.splits.splits.items[before..]) |*split| split.is_spelled = true;
            return;
        }
        if (std.mem.eql(u8, name, "Sequence")) {
            const list_key = key ++ ".pretokenizers";
            const list = try reader.require(node, "pretokenizers", list_key, .array);
            for (list.value.array, 0..) |part, i| {
                try components.readPreTokenizer(reader, part, is_first and i == 0);
            }
        } else if (std.mem.eql(u8, name, "ByteLevel")) {
            try components.readByteLevel(reader, node);
        } else if (std.mem.eql(u8, name, "Metaspace")) {
            if (!is_first) return reader.refuseBecause(node, key, "behind another", .{});
            try components.readMetaspace(reader, node);
        } else if (!try splits_zig.read(reader, node, name, &components.splits)) {
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
            if (components.splits.splits.items.len > 0) {
                return reader.refuseBecause(node, key, "with add_prefix_space behind a Split", .{});
            }
            components.prefix_space = .every;
        }
        components.byte_level = true;
        if (!try reader.flag(node, "use_regex", key ++ ".use_regex", true)) return;
        const split: Split = .{ .pattern = byte_level.gpt2_pattern, .behavior = .isolated };
        try components.splits.add(reader, split, null);
    }

    fn readMetaspace(components: *Components, reader: *Reader, node: Node) Error!void {
        const metaspace = try splits_zig.readMetaspace(reader, node, pre_tokenizer_key);
        components.space_sign = metaspace.sign;
        components.is_late_sign = true;
        components.prefix_space = metaspace.prefix;
        if (metaspace.prefix == .first and components.dropsText()) {
            const key = pre_tokenizer_key;
            return reader.refuseBecause(node, key, "behind a normalizer that drops text", .{});
        }
        if (!metaspace.splits) return;
        const split: Split = .{
            .pattern = try escaped(reader, metaspace.sign),
            .behavior = .merged_with_next,
        };
        try components.splits.add(reader, split, metaspace.sign);
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
        const splits = components.splits.splits.items;
        for (splits, components.splits.strings.items) |split, string| {
            const text = string orelse return reader.refuseBecause(
                root.get(pre_tokenizer_key).?,
                pre_tokenizer_key,
                "by a Regex with a vocabulary of characters",
                .{},
            );
            if (!split.invert and components.neverMatches(text)) continue;
            splits[kept] = split;
            splits[kept].pattern = try escaped(reader, try exchanged(reader, text, sign));
            kept += 1;
        }
        components.splits.splits.items.len = kept;
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
            .nfc, .nfd, .lowercase, .strip_accents, .bert_accents => {},
            // They may make spaces, or take them.
            .bert_clean, .bert_ideographs, .charsmap => return refuseSpaces(reader, root),
            .nfkc, .nfkd, .nmt, .strip, .byte_level, .replace_matches, .collapse_spaces => {
                return refuseSpaces(reader, root);
            },
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
            .prepend => |text| is_gone = is_gone and std.mem.findAny(u8, text, string) == null,
            .replace => |replace| {
                const is_clear = replace.to.len > 0 and
                    std.mem.findAny(u8, replace.to, string) == null;
                is_gone = is_clear and (is_gone or std.mem.eql(u8, replace.from, string));
            },
            else => is_gone = false,
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
            const any = try general.readReplace(reader, node, key);
            if (any != .replace) return reader.refuseBecause(node, key, "with a Regex", .{});
            const step = any.replace;
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
