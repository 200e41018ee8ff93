//! The pre-tokenizers of tokenizer.json that only cut text, as splits by a pattern.
//!
//! Linear in the document.

const std = @import("std");
const definition = @import("../definition.zig");
const json_tree = @import("json_tree.zig");
const reader_zig = @import("reader.zig");
const Error = reader_zig.Error;
const Reader = reader_zig.Reader;
const Node = json_tree.Node;
const Split = definition.Split;

pub const key = "pre_tokenizer";

/// Splits, and of each that is by a string, the string.
pub const List = struct {
    splits: std.ArrayList(Split) = .empty,
    strings: std.ArrayList(?[]const u8) = .empty,

    pub fn add(list: *List, reader: *Reader, split: Split, string: ?[]const u8) Error!void {
        try list.splits.append(reader.arena, split);
        try list.strings.append(reader.arena, string);
    }
};

/// Numbers as Rust's standard library has them: Unicode 17.
const numbers = "[\\p{N}\u{11DE0}-\u{11DE9}\u{16FF4}-\u{16FF6}]";

/// Punctuation: that of ASCII, and what Unicode 8 has.
const punctuation = "[!-/:-@\\[-`{-~\u{166D}\u{111C9}[\\p{P}&&[^\u{61D}\u{9FD}\u{A76}\u{C77}\u{C84}" ++
    "\u{1B4E}-\u{1B4F}\u{1B7D}-\u{1B7F}\u{2E43}-\u{2E4F}\u{2E52}-\u{2E5D}\u{10D6E}\u{10EAD}" ++
    "\u{10F55}-\u{10F59}\u{10F86}-\u{10F89}\u{113D4}-\u{113D5}\u{113D7}-\u{113D8}" ++
    "\u{1144B}-\u{1144F}\u{1145A}-\u{1145B}\u{1145D}\u{11660}-\u{1166C}\u{116B9}\u{1183B}" ++
    "\u{11944}-\u{11946}\u{119E2}\u{11A3F}-\u{11A46}\u{11A9A}-\u{11A9C}\u{11A9E}-\u{11AA2}" ++
    "\u{11B00}-\u{11B09}\u{11BE1}\u{11C41}-\u{11C45}\u{11C70}-\u{11C71}\u{11EF7}-\u{11EF8}" ++
    "\u{11F43}-\u{11F4F}\u{11FFF}\u{12FF1}-\u{12FF2}\u{16D6D}-\u{16D6F}\u{16E97}-\u{16E9A}" ++
    "\u{16FE2}\u{1E5FF}\u{1E95E}-\u{1E95F}]]]";

/// Adds what the component `name` cuts by; false if it is another one.
pub fn read(reader: *Reader, node: Node, name: []const u8, list: *List) Error!bool {
    const kinds = enum {
        Split,
        Digits,
        Punctuation,
        Whitespace,
        WhitespaceSplit,
        CharDelimiterSplit,
        BertPreTokenizer,
    };
    const spaces: Split = .{ .pattern = "\\s", .behavior = .removed };
    switch (std.meta.stringToEnum(kinds, name) orelse return false) {
        .Split => try readSplit(reader, node, list),
        .Digits => {
            const flag_key = key ++ ".individual_digits";
            const apart = try reader.flag(node, "individual_digits", flag_key, false);
            const behavior: definition.SplitBehavior = if (apart) .isolated else .contiguous;
            try list.add(reader, .{ .pattern = numbers, .behavior = behavior }, null);
        },
        .Punctuation => {
            const behavior = if (node.get("behavior") == null)
                .isolated
            else
                try readBehavior(reader, node);
            try list.add(reader, .{ .pattern = punctuation, .behavior = behavior }, null);
        },
        .Whitespace => try list.add(reader, .{
            .pattern = "\\w+|[^\\w\\s]+",
            .behavior = .removed,
            .invert = true,
            // tokenizers takes Rust's engine here, whose \w has fewer numbers.
            .engine = .fancy_regex,
        }, null),
        .WhitespaceSplit => try list.add(reader, spaces, null),
        .CharDelimiterSplit => {
            const delimiter = try reader.requireString(node, "delimiter", key ++ ".delimiter");
            const pattern = try escaped(reader, delimiter);
            try list.add(reader, .{ .pattern = pattern, .behavior = .removed }, delimiter);
        },
        .BertPreTokenizer => {
            try list.add(reader, spaces, null);
            try list.add(reader, .{ .pattern = punctuation, .behavior = .isolated }, null);
        },
    }
    return true;
}

fn readSplit(reader: *Reader, node: Node, list: *List) Error!void {
    const pattern = try reader.require(node, "pattern", key ++ ".pattern", .object);
    const behavior = try readBehavior(reader, node);
    var split: Split = .{
        .pattern = undefined,
        .behavior = behavior,
        .invert = try reader.flag(node, "invert", key ++ ".invert", false),
    };
    if (pattern.get("Regex")) |regex| {
        try reader.expectKind(regex, key ++ ".pattern.Regex", .string);
        split.pattern = regex.value.string;
        return list.add(reader, split, null);
    }
    const string = try reader.requireString(pattern, "String", key ++ ".pattern.String");
    split.pattern = try escaped(reader, string);
    return list.add(reader, split, string);
}

fn readBehavior(reader: *Reader, node: Node) Error!definition.SplitBehavior {
    const behavior_key = key ++ ".behavior";
    const behavior = try reader.require(node, "behavior", behavior_key, .string);
    const names = .{
        .{ "Isolated", .isolated },
        .{ "Removed", .removed },
        .{ "MergedWithPrevious", .merged_with_previous },
        .{ "MergedWithNext", .merged_with_next },
        .{ "Contiguous", .contiguous },
    };
    inline for (names) |pair| {
        if (std.mem.eql(u8, behavior.value.string, pair[0])) return pair[1];
    }
    reader.diagnostic.set(
        behavior.at,
        "{s}: there is no behavior {s}",
        .{ behavior_key, behavior.value.string },
    );
    return error.Malformed;
}

/// A regular expression for one string.
pub fn escaped(reader: *Reader, string: []const u8) Error![]const u8 {
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

pub const Metaspace = struct {
    sign: []const u8,
    prefix: definition.PrefixSpace,
    splits: bool,
};

/// Reads a Metaspace; `place` is the key of the component it is.
pub fn readMetaspace(reader: *Reader, node: Node, comptime place: []const u8) Error!Metaspace {
    const sign = try reader.requireString(node, "replacement", place ++ ".replacement");
    if ((std.unicode.utf8CountCodepoints(sign) catch 0) != 1) {
        reader.diagnostic.set(node.at, place ++ ".replacement: expected one character", .{});
        return error.Malformed;
    }
    const scheme_key = place ++ ".prepend_scheme";
    const scheme = if (node.get("prepend_scheme")) |value| scheme: {
        try reader.expectKind(value, scheme_key, .string);
        break :scheme value.value.string;
    } else "always";
    var prefix: definition.PrefixSpace = if (std.mem.eql(u8, scheme, "always"))
        .every
    else if (std.mem.eql(u8, scheme, "first"))
        .first
    else if (std.mem.eql(u8, scheme, "never"))
        .none
    else {
        reader.diagnostic.set(node.at, "{s}: there is no scheme {s}", .{ scheme_key, scheme });
        return error.Malformed;
    };
    // Older files: the one flag for both.
    if (!try reader.flag(node, "add_prefix_space", place ++ ".add_prefix_space", true)) prefix = .none;
    return .{
        .sign = sign,
        .prefix = prefix,
        .splits = try reader.flag(node, "split", place ++ ".split", true),
    };
}
