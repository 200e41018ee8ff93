//! The pre-tokenizers of tokenizer.json that only cut text, as splits by a pattern.
//!
//! Linear in the document.

const std = @import("std");
const classes = @import("../pretokenizer/rust_classes.zig");
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
            try list.add(reader, .{ .pattern = classes.numbers, .behavior = behavior }, null);
        },
        .Punctuation => {
            const behavior = if (node.get("behavior") == null)
                .isolated
            else
                try readBehavior(reader, node);
            try list.add(reader, .{ .pattern = classes.punctuation, .behavior = behavior }, null);
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
            try list.add(reader, .{ .pattern = classes.punctuation, .behavior = .isolated }, null);
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
