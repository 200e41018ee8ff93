//! Properties of code points, for one pinned version of Unicode: one lookup in a two-stage table.

const std = @import("std");
const table = @import("unicode_table.zig");

pub const Category = table.Category;
pub const Properties = table.Properties;

/// What the patterns of byte-level tokenizers tell apart.
pub const Class = enum(u2) {
    /// Neither of the others: `[^\s\p{L}\p{N}]`.
    other,
    /// `\p{L}`
    letter,
    /// `\p{N}`
    number,
    /// `\s`
    space,
};

/// The properties of a code point up to U+10FFFF.
pub inline fn propertiesOf(code_point: u21) Properties {
    return @bitCast(table.second[index(code_point)]);
}

pub inline fn classOf(code_point: u21) Class {
    return classes[table.second[index(code_point)]];
}

inline fn index(code_point: u21) usize {
    const block: usize = table.first[code_point >> table.block_bits];
    return block << table.block_bits | (code_point & ((1 << table.block_bits) - 1));
}

pub fn isWhiteSpace(code_point: u21) bool {
    return propertiesOf(code_point).white_space;
}

/// `\p{P}`
pub fn isPunctuation(code_point: u21) bool {
    return switch (propertiesOf(code_point).category) {
        .pc, .pd, .ps, .pe, .pi, .pf, .po => true,
        else => false,
    };
}

/// `\p{M}`
pub fn isMark(code_point: u21) bool {
    return switch (propertiesOf(code_point).category) {
        .mn, .mc, .me => true,
        else => false,
    };
}

/// `\w` as the regex engines have it: Alphabetic, Mark, Decimal_Number, Connector_Punctuation, Join_Control.
pub fn isWord(code_point: u21) bool {
    return propertiesOf(code_point).word;
}

/// The class of every byte that `Properties` can be.
const classes: [256]Class = classes: {
    @setEvalBranchQuota(10_000);
    var made: [256]Class = @splat(.other);
    for (&made, 0..) |*class, byte| {
        const category: u5 = byte & 31;
        class.* = if (byte & 32 != 0)
            .space
        else if (category <= @intFromEnum(Category.lo))
            .letter
        else if (category >= @intFromEnum(Category.nd) and category <= @intFromEnum(Category.no))
            .number
        else
            .other;
    }
    break :classes made;
};

test "classes of some code points" {
    try std.testing.expectEqual(Class.letter, classOf('a'));
    try std.testing.expectEqual(Class.letter, classOf(0x4e2d));
    try std.testing.expectEqual(Class.letter, classOf(0x1E900));
    try std.testing.expectEqual(Class.number, classOf('7'));
    try std.testing.expectEqual(Class.number, classOf(0x2167));
    try std.testing.expectEqual(Class.number, classOf(0xb2));
    try std.testing.expectEqual(Class.space, classOf(0x3000));
    try std.testing.expectEqual(Class.space, classOf(0x85));
    try std.testing.expectEqual(Class.other, classOf(0x200b));
    try std.testing.expectEqual(Class.other, classOf(0xfffd));
    try std.testing.expectEqual(Class.other, classOf(0x10ffff));
}

test "word characters" {
    for ([_]u21{ 'a', '_', '0', 0x301, 0x24b6, 0x200d, 0x203f }) |c| try std.testing.expect(isWord(c));
    for ([_]u21{ ' ', '-', 0xb2, 0x2014, 0x1f600, 0xfffd }) |c| try std.testing.expect(!isWord(c));
}
