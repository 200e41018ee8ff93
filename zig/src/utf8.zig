//! UTF-8, one character at a time, from bytes that need not be well-formed.
//!
//! Ill-formed bytes are read as U+FFFD, one for each maximal subpart (Unicode 16.0, section 3.9, "U+FFFD
//! Substitution of Maximal Subparts"), which is what Python's `bytes.decode("utf-8", "replace")` does.

const std = @import("std");

pub const replacement = 0xFFFD;

pub const Character = struct {
    code_point: u21,
    /// Bytes it takes, 1 to 4; of an ill-formed subpart, 1 to 3.
    len: u3,
};

/// The character that begins at `text[at]`.
pub inline fn decode(text: []const u8, at: usize) Character {
    const lead = text[at];
    if (lead < 0x80) return .{ .code_point = lead, .len = 1 };
    return decodeLong(text[at..]);
}

/// Whether a byte stands nowhere in well-formed UTF-8.
pub fn isForeignByte(byte: u8) bool {
    return byte == 0xC0 or byte == 0xC1 or byte >= 0xF5;
}

/// The character that a text of at least one byte ends with.
pub fn decodeLast(text: []const u8) Character {
    var start = text.len - 1;
    while (start > 0 and text.len - start < 4 and text[start] & 0xC0 == 0x80) start -= 1;
    const character = decode(text, start);
    if (start + character.len == text.len) return character;
    return decode(text, text.len - 1);
}

fn decodeLong(text: []const u8) Character {
    const lead = text[0];
    const len: u3 = switch (lead) {
        0xC2...0xDF => 2,
        0xE0...0xEF => 3,
        0xF0...0xF4 => 4,
        else => return .{ .code_point = replacement, .len = 1 },
    };
    // The second byte's range excludes overlong forms, surrogates and what lies above U+10FFFF.
    const low: u8, const high: u8 = switch (lead) {
        0xE0 => .{ 0xA0, 0xBF },
        0xED => .{ 0x80, 0x9F },
        0xF0 => .{ 0x90, 0xBF },
        0xF4 => .{ 0x80, 0x8F },
        else => .{ 0x80, 0xBF },
    };
    if (text.len < 2 or text[1] < low or text[1] > high) {
        return .{ .code_point = replacement, .len = 1 };
    }
    var code_point: u21 = lead & (@as(u8, 0x7F) >> len);
    code_point = code_point << 6 | (text[1] & 0x3F);
    var at: u3 = 2;
    while (at < len) : (at += 1) {
        if (at >= text.len or text[at] & 0xC0 != 0x80) {
            return .{ .code_point = replacement, .len = at };
        }
        code_point = code_point << 6 | (text[at] & 0x3F);
    }
    return .{ .code_point = code_point, .len = len };
}

test "every code point is read back" {
    var buffer: [4]u8 = undefined;
    for (0..0x110000) |i| {
        const code_point: u21 = @intCast(i);
        if (code_point >= 0xD800 and code_point < 0xE000) continue;
        const len = try std.unicode.utf8Encode(code_point, &buffer);
        const character = decode(buffer[0..len], 0);
        try std.testing.expectEqual(code_point, character.code_point);
        try std.testing.expectEqual(len, character.len);
    }
}

test "maximal subparts of ill-formed bytes" {
    const cases = [_]struct { []const u8, []const u3 }{
        .{ "\x80\xbf", &.{ 1, 1 } },
        .{ "\xc0\xaf", &.{ 1, 1 } },
        .{ "\xe2\x82", &.{2} },
        .{ "\xe2\x82A", &.{ 2, 1 } },
        .{ "\xed\xa0\x80", &.{ 1, 1, 1 } },
        .{ "\xf0\x9f\x98", &.{3} },
        .{ "\xf0\x9f\x98\xf0\x9f", &.{ 3, 2 } },
        .{ "\xf4\x90\x80\x80", &.{ 1, 1, 1, 1 } },
        .{ "\xf5\xff", &.{ 1, 1 } },
        .{ "\xe0\x80\x80", &.{ 1, 1, 1 } },
        .{ "\xc3", &.{1} },
    };
    for (cases) |case| {
        const text, const lengths = case;
        var at: usize = 0;
        for (lengths) |len| {
            try std.testing.expectEqual(len, decode(text, at).len);
            at += len;
        }
        try std.testing.expectEqual(text.len, at);
    }
}
