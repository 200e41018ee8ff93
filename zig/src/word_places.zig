//! Where the tokens of words stand between which there is nothing but white space: each begins where the one before
//! ends, or behind the white space there. Linear in the text; nothing is allocated.

const std = @import("std");
const characters = @import("characters.zig");
const utf8 = @import("utf8.zig");
const TokenLengths = @import("token_lengths.zig").TokenLengths;
const Tokenizer = @import("tokenizer.zig").Tokenizer;

/// How many ids ahead of the present one the length is fetched.
pub const ahead = 16;

/// A token, where it stands in the text, and how many characters of white space are right before it.
pub const Token = struct { index: usize, id: u32, start: usize, end: usize, spaces: u64 };

/// Hands the tokens of well-formed `text`, the first ones of `ids`, to `taker` one after the other. Returns how many
/// they are; null if the tokens do not fit.
pub noinline fn each(
    tokenizer: *const Tokenizer,
    lengths: *const TokenLengths,
    text: []const u8,
    ids: []const u32,
    first_taker: anytype,
) ?usize {
    // Copies, which what is written to cannot be.
    const known = lengths.*;
    var taker = first_taker;
    var at: usize = 0;
    for (ids, 0..) |id, i| {
        const space = spaceAt(text, at);
        const start = space.end;
        if (start == text.len) return i;
        if (i + ahead < ids.len) {
            known.prefetch(ids[i + ahead]);
            if (@TypeOf(taker).needs_starts) known.prefetchStarts(ids[i + ahead]);
        }
        at = start + (known.ofTile(tokenizer, id) orelse return null);
        if (at > text.len) return null;
        taker.put(.{ .index = i, .id = id, .start = start, .end = at, .spaces = space.count });
    }
    return if (spaceAt(text, at).end == text.len) ids.len else null;
}

const Space = struct { end: usize, count: u64 };

/// The white space that begins at `at`, if there is some, and how many characters it has.
inline fn spaceAt(text: []const u8, at: usize) Space {
    if (text.len - at < 5) return longSpaceAt(text, at);
    // Most often there is one or none, and which of the two is no guess.
    const first = text[at];
    const is_space = @intFromBool(first <= ' ');
    const next = text[at + is_space ..][0..4];
    const three = std.mem.readInt(u32, next, .little) & 0xFFFFFF;
    const is_rare = kinds[first].is_other_control or kinds[next[0]].may_be_space or three == ideographic;
    if (is_rare) return longSpaceAt(text, at);
    return .{ .end = at + is_space, .count = is_space };
}

/// The bytes of U+3000.
const ideographic = std.mem.readInt(u24, "\u{3000}", .little);

const Kind = packed struct(u8) {
    /// Whether white space may begin with the byte, but for U+3000: many characters begin as it does.
    may_be_space: bool = false,
    /// Whether it is below the space and no white space.
    is_other_control: bool = false,
    unused: u6 = 0,
};

const kinds: [256]Kind = table: {
    var made: [256]Kind = @splat(.{});
    for (made[0 .. ' ' + 1], 0..) |*kind, byte| {
        kind.may_be_space = true;
        kind.is_other_control = byte != ' ' and (byte < '\t' or byte > '\r');
    }
    for ([_]u8{ 0xC2, 0xE1, 0xE2 }) |lead| made[lead].may_be_space = true;
    break :table made;
};

/// As `spaceAt`, of any white space.
noinline fn longSpaceAt(text: []const u8, at: usize) Space {
    const block_len = 16;
    const Block = @Vector(block_len, u8);
    const space: Block = @splat(' ');
    const first: Block = @splat('\t');
    const count: Block = @splat('\r' - '\t' + 1);
    var end = at;
    while (text.len - end >= block_len) {
        const block: Block = text[end..][0..block_len].*;
        const spaces = @as(u16, @bitCast(block == space)) | @as(u16, @bitCast(block -% first < count));
        const len = @ctz(~spaces);
        end += len;
        if (len == block_len) continue;
        if (text[end] < 0x80) return .{ .end = end, .count = end - at };
        break;
    }
    end = characters.spaceEnd(text, end);
    return .{ .end = end, .count = utf8.countStarts(text[at..end]) };
}

/// Writes where tokens stand, in bytes. `Span` is that of `offsets.zig`.
pub fn InBytes(comptime Span: type) type {
    return struct {
        text: []const u8,
        /// Where `text` begins.
        start: usize,
        spans: []Span,
        /// Whether a token that has a part of a character may stand for the whole, because it was changed.
        widens: bool,
        /// Where the character begins that the next token has a part of.
        before: ?usize = null,

        pub const needs_starts = false;

        pub inline fn put(taker: *@This(), token: Token) void {
            var start = token.start;
            var end = token.end;
            if (taker.widens) {
                if (taker.before) |first| start = first;
                taker.before = if (isInside(taker.text, end)) changedStart(taker.text, end) else null;
                if (taker.before) |first| end = first + utf8.decode(taker.text, first).len;
            }
            taker.spans[token.index] = .{ .start = taker.start + start, .end = taker.start + end };
        }
    };
}

inline fn isInside(text: []const u8, at: usize) bool {
    return at < text.len and text[at] & 0xC0 == 0x80;
}

/// Where the character begins inside of which `at` is, if it changes to lower case.
inline fn changedStart(text: []const u8, at: usize) ?usize {
    var start = at - 1;
    while (isInside(text, start)) start -= 1;
    const lead = text[start];
    if (characters.isLeadWithoutCase(lead)) return null;
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

        pub const needs_starts = true;

        pub inline fn put(taker: *@This(), token: Token) void {
            const starts = taker.lengths.startsOf(token.id, taker.text, token.start, token.end);
            const before = taker.count + token.spaces;
            taker.count = before + starts.count;
            taker.spans[token.index] = .{
                .start = before - @intFromBool(starts.begins_inside),
                .end = taker.count,
            };
        }
    };
}

test "white space is that which is found character by character" {
    const unicode = @import("unicode.zig");
    const parts = [_][]const u8{
        " ", "\n",      "\t ",     "  ", "a",        "\u{e9}",   "\u{3000}",  "\u{3001}", "\u{a0}",   "\u{85}", "\u{2003}",
        "b", "c" ** 31, " " ** 40, "de", "\u{200b}", "\u{1680}", "\u{1f600}", "\u{205f}", "\u{2028}", "\x1c",   "\x00",
    };
    var prng: std.Random.DefaultPrng = .init(5);
    const random = prng.random();
    const gpa = std.testing.allocator;
    var text: std.ArrayList(u8) = .empty;
    defer text.deinit(gpa);
    for (0..3000) |_| {
        text.clearRetainingCapacity();
        const kinds_used = random.intRangeAtMost(usize, 1, parts.len);
        for (0..random.uintAtMost(usize, 40)) |_| {
            try text.appendSlice(gpa, parts[random.uintLessThan(usize, kinds_used)]);
        }
        for (0..text.items.len + 1) |at| {
            var end = at;
            var count: u64 = 0;
            while (end < text.items.len) : (count += 1) {
                const character = utf8.decode(text.items, end);
                if (!unicode.isWhiteSpace(character.code_point)) break;
                end += character.len;
            }
            try std.testing.expectEqual(Space{ .end = end, .count = count }, spaceAt(text.items, at));
        }
    }
    for (0..0x110000) |code_point| {
        if (code_point >= 0xD800 and code_point < 0xE000) continue;
        var buffer: [9]u8 = @splat('a');
        const len: usize = try std.unicode.utf8Encode(@intCast(code_point), buffer[0..4]);
        const is_space = unicode.isWhiteSpace(@intCast(code_point));
        const expected: usize = if (is_space) len else 0;
        try std.testing.expectEqual(expected, spaceAt(buffer[0 .. len + 5], 0).end);
        try std.testing.expectEqual(expected, spaceAt(buffer[0..len], 0).end);
    }
}
