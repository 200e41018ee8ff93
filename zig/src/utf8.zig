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

/// Whether U+FFFD itself stands at `text[at]`, and not ill-formed bytes that are read as it.
pub fn isReplacementAt(text: []const u8, at: usize) bool {
    return std.mem.startsWith(u8, text[at..], "\u{fffd}");
}

/// How many characters begin in `bytes`, well-formed but for its ends.
pub inline fn countStarts(bytes: []const u8) u64 {
    const block_len = 16;
    const Block = @Vector(block_len, u8);
    const one: Block = @splat(1);
    const zero: Block = @splat(0);
    var count: u64 = 0;
    var left = bytes;
    while (left.len >= block_len) : (left = left[block_len..]) {
        const block: @Vector(block_len, i8) = @bitCast(left[0..block_len].*);
        const starts = block > @as(@Vector(block_len, i8), @splat(-65));
        // A sum takes a step or two of any processor, a count of bits many of an old one.
        count += @reduce(.Add, @select(u8, starts, one, zero));
    }
    for (left) |byte| count += @intFromBool(byte & 0xC0 != 0x80);
    return count;
}

/// Whether all of `text` is well-formed.
pub fn isWellFormed(text: []const u8) bool {
    const block_len = 32;
    const Block = @Vector(block_len, u8);
    var at: usize = 0;
    while (at + block_len + 3 <= text.len) {
        const block: Block = text[at..][0..block_len].*;
        if (@reduce(.Max, block) < 0x80) {
            at += block_len;
            continue;
        }
        // Each lead byte with what follows it, and no other byte that is not ASCII.
        const second: Block = text[at + 1 ..][0..block_len].*;
        const third: Block = text[at + 2 ..][0..block_len].*;
        const fourth: Block = text[at + 3 ..][0..block_len].*;
        const in = struct {
            inline fn in(bytes: Block, first: u8, count: u8) u32 {
                return @bitCast(bytes -% @as(Block, @splat(first)) < @as(Block, @splat(count)));
            }
        }.in;
        const trail2 = in(second, 0x80, 0x40);
        const trail3 = in(third, 0x80, 0x40);
        const trail4 = in(fourth, 0x80, 0x40);
        const lead2 = in(block, 0xC2, 0x1E);
        const lead3 = in(block, 0xE0, 0x10);
        const lead4 = in(block, 0xF0, 5);
        // Overlong forms, surrogates and what lies above U+10FFFF.
        const wrong = (in(block, 0xE0, 1) & ~in(second, 0xA0, 0x20)) |
            (in(block, 0xED, 1) & ~in(second, 0x80, 0x20)) |
            (in(block, 0xF0, 1) & ~in(second, 0x90, 0x30)) |
            (in(block, 0xF4, 1) & ~in(second, 0x80, 0x10));
        const whole = (lead2 & trail2) | (lead3 & trail2 & trail3) | (lead4 & trail2 & trail3 & trail4);
        const leads: u64 = lead2 | lead3 | lead4;
        const trails = leads << 1 | @as(u64, lead3 | lead4) << 2 | @as(u64, lead4) << 3;
        const wide = in(block, 0x80, 0x80);
        if (leads != whole or wrong != 0 or @as(u32, @truncate(leads | trails)) != wide) return false;
        // The last character may end behind the block.
        at += block_len + @popCount(trails >> block_len);
    }
    return std.unicode.utf8ValidateSlice(text[at..]);
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

test "whether text is well-formed" {
    const some = [_][]const u8{
        "a",            "bcdefgh",      "\u{80}",       "\u{7ff}",          "\u{800}",          "\u{d7ff}",         "\u{e000}",
        "\u{ffff}",     "\u{10000}",    "\u{10ffff}",   "\u{4e2d}",         "\x80",             "\xc0\x80",         "\xc1\xbf",
        "\xc3",         "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe4\xb8",
        "\xf0\x9f\x98", "\xff",
    };
    var prng: std.Random.DefaultPrng = .init(6);
    const random = prng.random();
    var buffer: [400]u8 = undefined;
    var counts = [2]usize{ 0, 0 };
    for (0..40_000) |i| {
        // Half of the texts have at most one that is ill-formed.
        const broken_at = random.uintLessThan(usize, 160);
        var len: usize = 0;
        for (0..random.uintAtMost(usize, 80)) |at| {
            const kinds: usize = if (i % 2 == 0 or at == broken_at) some.len else 11;
            const each = some[random.uintLessThan(usize, kinds)];
            @memcpy(buffer[len..][0..each.len], each);
            len += each.len;
        }
        const expected = std.unicode.utf8ValidateSlice(buffer[0..len]);
        counts[@intFromBool(expected)] += 1;
        try std.testing.expectEqual(expected, isWellFormed(buffer[0..len]));
    }
    try std.testing.expect(counts[0] > 1000 and counts[1] > 1000);
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
