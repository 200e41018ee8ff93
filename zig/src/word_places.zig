//! Where the tokens of words stand between which there is nothing but white space: each begins where the one before
//! ends, or behind the white space there. The lengths of the tokens are all that is looked up, and linear in their
//! number is the time, but for white space.

const std = @import("std");
const characters = @import("characters.zig");
const utf8 = @import("utf8.zig");
const TokenLengths = @import("token_lengths.zig").TokenLengths;
const Tokenizer = @import("tokenizer.zig").Tokenizer;

/// How many ids ahead of the present one the length is fetched.
pub const ahead = 16;

/// Goes through the tokens of well-formed `text`, the first ones of `ids`. `taker.pass` gets the white space before
/// each, and `taker.put` its index and where it begins and ends. Returns how many they are; null if the tokens do
/// not fit.
pub fn each(
    tokenizer: *const Tokenizer,
    lengths: *const TokenLengths,
    text: []const u8,
    ids: []const u32,
    taker: anytype,
) ?usize {
    var at: usize = 0;
    for (ids, 0..) |id, i| {
        const start = behindSpace(text, at);
        if (start == text.len) return i;
        taker.pass(text[at..start]);
        if (i + ahead < ids.len) lengths.prefetch(ids[i + ahead]);
        at = start + (lengths.ofTile(tokenizer, id) orelse return null);
        if (at > text.len) return null;
        taker.put(i, id, start, at);
    }
    return if (behindSpace(text, at) == text.len) ids.len else null;
}

/// Where the white space ends that begins at `at`, if there is some.
inline fn behindSpace(text: []const u8, at: usize) usize {
    if (at == text.len) return at;
    // Most often one space or none, and which of the two is no guess.
    const next = at + @intFromBool(text[at] == ' ');
    if (next == text.len or !mayBeSpace(text, next)) return next;
    return characters.spaceEnd(text, next);
}

/// Whether the character at `at` may be white space; said of few that are not.
inline fn mayBeSpace(text: []const u8, at: usize) bool {
    const lead = text[at];
    if (!space_leads[lead]) return false;
    if (lead < 0x80) return true;
    const second = text[at + 1];
    return switch (lead) {
        0xC2 => second == 0x85 or second == 0xA0,
        0xE1 => second == 0x9A,
        0xE2 => second <= 0x81,
        else => second == 0x80 and text[at + 2] == 0x80,
    };
}

/// The first bytes of white space.
const space_leads: [256]bool = table: {
    var made: [256]bool = @splat(false);
    @memset(made[0 .. ' ' + 1], true);
    for ([_]u8{ 0xC2, 0xE1, 0xE2, 0xE3 }) |lead| made[lead] = true;
    break :table made;
};

/// Writes where tokens stand, in bytes. `Span` is that of `offsets.zig`.
pub fn InBytes(comptime Span: type) type {
    return struct {
        text: []const u8,
        /// Where `text` begins.
        start: usize,
        spans: []Span,
        /// Whether a token that has a part of a character may stand for the whole, because it was changed.
        widens: bool,

        pub inline fn pass(taker: *@This(), space: []const u8) void {
            _ = .{ taker, space };
        }

        pub inline fn put(taker: *@This(), index: usize, id: u32, start: usize, end: usize) void {
            _ = id;
            taker.spans[index] = .{ .start = taker.start + start, .end = taker.start + end };
            if (!taker.widens) return;
            const text = taker.text;
            if (isInside(text, start) or isInside(text, end)) {
                const wide_start = changedStart(text, start) orelse start;
                const wide_end = if (changedStart(text, end)) |first|
                    first + utf8.decode(text, first).len
                else
                    end;
                taker.spans[index] = .{ .start = taker.start + wide_start, .end = taker.start + wide_end };
            }
        }
    };
}

inline fn isInside(text: []const u8, at: usize) bool {
    return at < text.len and text[at] & 0xC0 == 0x80;
}

/// Where the character begins inside of which `at` is, if it changes to lower case.
fn changedStart(text: []const u8, at: usize) ?usize {
    if (!isInside(text, at)) return null;
    var start = at - 1;
    while (isInside(text, start)) start -= 1;
    const change = characters.lowered(utf8.decode(text, start).code_point);
    return if (change == .same) null else start;
}

/// Writes where tokens stand, in characters, of each that has a part of one the whole.
pub fn InCharacters(comptime Span: type) type {
    return struct {
        text: []const u8,
        lengths: *const TokenLengths,
        spans: []Span,
        /// How many characters begin before what comes next.
        count: u64,

        pub inline fn pass(taker: *@This(), space: []const u8) void {
            taker.count += if (space.len <= 1) space.len else utf8.countStarts(space);
        }

        pub inline fn put(taker: *@This(), index: usize, id: u32, start: usize, end: usize) void {
            const starts = taker.lengths.startsOf(id, taker.text, start, end);
            const first = taker.count - @intFromBool(starts.begins_inside);
            taker.count += starts.count;
            taker.spans[index] = .{ .start = first, .end = taker.count };
        }
    };
}

test "white space that may be there is not missed" {
    const unicode = @import("unicode.zig");
    for (0..0x110000) |code_point| {
        if (code_point >= 0xD800 and code_point < 0xE000) continue;
        var buffer: [5]u8 = @splat('a');
        const len = try std.unicode.utf8Encode(@intCast(code_point), buffer[0..4]);
        const expected: usize = if (unicode.isWhiteSpace(@intCast(code_point))) len else 0;
        try std.testing.expectEqual(expected, behindSpace(buffer[0 .. len + 1], 0));
        try std.testing.expectEqual(expected, behindSpace(buffer[0..len], 0));
    }
}
