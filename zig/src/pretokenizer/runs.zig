//! Runs of characters of one class, the words that the scanners' rules are spelled in.
//!
//! Each function looks at every character of its run once. ASCII is decided by a table of bytes; what is
//! longer goes through `utf8.zig` and `unicode.zig`.

const std = @import("std");
const unicode = @import("../unicode.zig");
const utf8 = @import("../utf8.zig");

pub const Class = unicode.Class;

/// A character's class and how many bytes it takes.
pub const Character = struct { class: Class, len: usize };

const ascii_classes: [128]Class = classes: {
    var made: [128]Class = @splat(.other);
    for (&made, 0..) |*class, byte| {
        class.* = switch (byte) {
            'a'...'z', 'A'...'Z' => .letter,
            '0'...'9' => .number,
            '\t'...'\r', ' ' => .space,
            else => .other,
        };
    }
    break :classes made;
};

/// The character at `text[at]`.
pub inline fn characterAt(text: []const u8, at: usize) Character {
    const byte = text[at];
    if (byte < 0x80) return .{ .class = ascii_classes[byte], .len = 1 };
    const character = utf8.decode(text, at);
    return .{ .class = unicode.classOf(character.code_point), .len = character.len };
}

/// The class of the character at `text[at]`; null at the end.
pub inline fn classAt(text: []const u8, at: usize) ?Class {
    return if (at < text.len) characterAt(text, at).class else null;
}

/// Where the run of `class` that may begin at `text[at]` ends.
pub inline fn runEnd(text: []const u8, at: usize, comptime class: Class) usize {
    return runEndUpTo(text, at, class, std.math.maxInt(usize));
}

/// Bytes that `letterRunEnd` looks at together.
const block_len = 16;

/// As `runEnd` of letters, 16 bytes at a time as long as they are ASCII. Words are short: nearly all end in
/// the first block, without a branch for each letter.
pub inline fn letterRunEnd(text: []const u8, at: usize) usize {
    const Block = @Vector(block_len, u8);
    var end = at;
    while (end + block_len <= text.len) {
        const block: Block = text[end..][0..block_len].*;
        const lower = block | @as(Block, @splat(0x20));
        const is_letter = lower -% @as(Block, @splat('a')) < @as(Block, @splat(26));
        const letters: u16 = @bitCast(is_letter);
        if (letters == std.math.maxInt(u16)) {
            end += block_len;
            continue;
        }
        end += @ctz(~letters);
        if (text[end] < 0x80) return end;
        break;
    }
    return runEnd(text, end, .letter);
}

/// As `runEnd`, of at most `count` characters.
pub inline fn runEndUpTo(text: []const u8, at: usize, comptime class: Class, count: usize) usize {
    var end = at;
    for (0..count) |_| {
        if (end == text.len) break;
        const character = characterAt(text, end);
        if (character.class != class) break;
        end += character.len;
    }
    return end;
}

/// A maximal run of white space.
pub const Space = struct {
    end: usize,
    /// Where its last character begins.
    last: usize,
    /// Behind its last carriage return or line feed; where it begins, if it has none.
    newline_end: usize,
};

/// The white space that begins at `text[at]`.
pub inline fn spaceAt(text: []const u8, at: usize) Space {
    var space: Space = .{ .end = at, .last = at, .newline_end = at };
    while (space.end < text.len) {
        const character = characterAt(text, space.end);
        if (character.class != .space) break;
        space.last = space.end;
        space.end += character.len;
        if (isNewline(text[space.last])) space.newline_end = space.end;
    }
    return space;
}

/// Where the piece ends that `\s+(?!\S)|\s` (or `|\s+`) takes from `space`, which begins at `at`: all of it at
/// the end of the text, else all but its last character, which belongs to what follows; a single character
/// is taken alone.
pub inline fn spacePieceEnd(text: []const u8, at: usize, space: Space) usize {
    if (space.end == text.len or space.last == at) return space.end;
    return space.last;
}

pub inline fn isNewline(byte: u8) bool {
    return byte == '\n' or byte == '\r';
}

/// Where an apostrophe's contraction (s, d, m, t, ll, ve, re) at `text[at]` ends; null if there is none.
/// Case-insensitive matching follows simple case folding, by which U+017F is an s.
pub inline fn contractionEnd(text: []const u8, at: usize, comptime any_case: bool) ?usize {
    if (text[at] != '\'' or at + 1 == text.len) return null;
    const fold: u8 = if (any_case) 0x20 else 0;
    const first = text[at + 1] | fold;
    switch (first) {
        's', 'd', 'm', 't' => return at + 2,
        else => {},
    }
    if (at + 2 == text.len) return null;
    const second = text[at + 2];
    if (any_case and text[at + 1] == 0xC5 and second == 0xBF) return at + 3;
    const is_long = switch (first) {
        'l' => second | fold == 'l',
        'v', 'r' => second | fold == 'e',
        else => false,
    };
    return if (is_long) at + 3 else null;
}

test "runs end where the class does" {
    const text = "ab\u{e9}\u{4e2d}1\u{b2}3 \u{3000}\r\n\t!\xff\u{2014}a";
    try std.testing.expectEqual(@as(usize, 7), runEnd(text, 0, .letter));
    try std.testing.expectEqual(@as(usize, 11), runEnd(text, 7, .number));
    try std.testing.expectEqual(@as(usize, 10), runEndUpTo(text, 7, .number, 2));
    const space = spaceAt(text, 11);
    try std.testing.expectEqual(Space{ .end = 18, .last = 17, .newline_end = 17 }, space);
    try std.testing.expectEqual(@as(usize, 23), runEnd(text, 18, .other));
}

test "a run of letters ends where the plain loop ends it" {
    var prng: std.Random.DefaultPrng = .init(17);
    const random = prng.random();
    const alphabet = "aaaabzAZm\xc3\xa9@[`{ 1\x7f\x80\xff\x00";
    var text: [60]u8 = undefined;
    for (0..20_000) |_| {
        const used = text[0..random.uintAtMost(usize, text.len)];
        const kinds = if (random.boolean()) alphabet.len else 11;
        for (used) |*byte| byte.* = alphabet[random.uintLessThan(usize, kinds)];
        const at = random.uintAtMost(usize, used.len);
        try std.testing.expectEqual(runEnd(used, at, .letter), letterRunEnd(used, at));
    }
}

test "contractions" {
    try std.testing.expectEqual(@as(?usize, 2), contractionEnd("'s", 0, false));
    try std.testing.expectEqual(@as(?usize, 3), contractionEnd("'rex", 0, false));
    try std.testing.expectEqual(@as(?usize, null), contractionEnd("'S", 0, false));
    try std.testing.expectEqual(@as(?usize, 2), contractionEnd("'S", 0, true));
    try std.testing.expectEqual(@as(?usize, 3), contractionEnd("'lL", 0, true));
    try std.testing.expectEqual(@as(?usize, 3), contractionEnd("'\u{17f}", 0, true));
    try std.testing.expectEqual(@as(?usize, null), contractionEnd("'r", 0, true));
    try std.testing.expectEqual(@as(?usize, null), contractionEnd("'", 0, true));
    // Bit 0x20 must not turn other bytes into letters.
    try std.testing.expectEqual(@as(?usize, null), contractionEnd("'\x13", 0, true));
    try std.testing.expectEqual(@as(?usize, null), contractionEnd("'\x4c\x0c", 0, true));
}
