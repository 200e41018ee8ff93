//! Where the tokens of words stand between which there is nothing but white space: each begins where the one before
//! ends, or behind the white space there.
//!
//! Whether there is some is a guess that is often wrong, so none is made: runs of white space are found by masks, and
//! said by the sum of the lengths of the tokens before them, which each token's own sum is compared with. Linear in
//! the text; nothing is allocated.

const std = @import("std");
const characters = @import("characters.zig");
const unicode = @import("unicode.zig");
const utf8 = @import("utf8.zig");
const TokenLengths = @import("token_lengths.zig").TokenLengths;
const Tokenizer = @import("tokenizer.zig").Tokenizer;

/// How many ids ahead of the present one the length is fetched.
pub const ahead = 16;

/// A token, where it stands in the text, and how many characters of white space are before it.
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
    const known = lengths.*;
    var taker = first_taker;
    var runs: Runs = undefined;
    runs.begin(text);
    // How many runs of those that are known are behind.
    var passed: usize = 0;
    var sum: usize = 0;
    for (ids, 0..) |id, i| {
        if (passed == runs.count) passed = runs.fill();
        passed += @intFromBool(runs.sums[passed] == sum);
        const start = sum + runs.bytes[passed];
        if (start == text.len) return if (runs.isLast(passed)) i else null;
        if (i + ahead < ids.len) {
            known.prefetch(ids[i + ahead]);
            if (@TypeOf(taker).needs_starts) known.prefetchStarts(ids[i + ahead]);
        }
        const len = known.ofTile(tokenizer, id) orelse return null;
        sum += len;
        const end = start + len;
        if (end > text.len) return null;
        taker.put(.{ .index = i, .id = id, .start = start, .end = end, .spaces = runs.characters[passed] });
    }
    if (passed == runs.count) passed = runs.fill();
    passed += @intFromBool(runs.sums[passed] == sum);
    return if (runs.isLast(passed) and sum + runs.bytes[passed] == text.len) ids.len else null;
}

/// Some runs of white space in a text after the other.
const Runs = struct {
    text: []const u8,
    /// Up to where the text was looked through.
    at: usize,
    /// Where the run begins that `at` is in, if it is in one.
    start: usize,
    is_open: bool,
    /// Whether white space of more than one byte was met.
    has_wide: bool,
    count: usize,
    /// How many bytes outside of white space are before a run; more than there are behind the last one.
    sums: [capacity + 1]usize,
    /// How many bytes and characters all runs before have.
    bytes: [capacity + 1]usize,
    characters: [capacity + 1]u64,

    const block_len = characters.space_block_len;
    const per_block = block_len / 2 + 1;
    const capacity = 15 * per_block;

    fn begin(runs: *Runs, text: []const u8) void {
        runs.text = text;
        runs.at = 0;
        runs.is_open = false;
        runs.has_wide = false;
        runs.count = 0;
        runs.bytes[0] = 0;
        runs.characters[0] = 0;
    }

    /// Whether the text ends with what is before the run of this index.
    fn isLast(runs: *const Runs, index: usize) bool {
        return index == runs.count and runs.at == runs.text.len;
    }

    /// Goes on to the next runs, and returns the index of the first.
    noinline fn fill(runs: *Runs) usize {
        runs.bytes[0] = runs.bytes[runs.count];
        runs.characters[0] = runs.characters[runs.count];
        runs.count = 0;
        const text = runs.text;
        while (runs.at < text.len and runs.count + per_block <= capacity) {
            var len: usize = block_len;
            const spaces = characters.spacesInBlock(text, runs.at) orelse runs.spacesBehind(&len);
            const ends_open = spaces >> @intCast(len - 1) & 1 == 1;
            // Where runs begin and end, in turns.
            var edges = spaces ^ (spaces << 1 | @intFromBool(runs.is_open));
            if (len < block_len) edges &= (@as(u32, 1) << @intCast(len)) - 1;
            while (edges != 0) : (edges &= edges - 1) {
                if (!runs.is_open) {
                    runs.start = runs.at + @ctz(edges);
                    edges &= edges - 1;
                    runs.is_open = true;
                    if (edges == 0) break;
                }
                runs.close(runs.at + @ctz(edges));
            }
            std.debug.assert(runs.is_open == ends_open);
            runs.at += len;
        }
        if (runs.at == text.len and runs.is_open) runs.close(text.len);
        runs.sums[runs.count] = std.math.maxInt(usize);
        return 0;
    }

    inline fn close(runs: *Runs, end: usize) void {
        const i = runs.count;
        const len = end - runs.start;
        runs.sums[i] = runs.start - runs.bytes[i];
        runs.bytes[i + 1] = runs.bytes[i] + len;
        const count = if (runs.has_wide) utf8.countStarts(runs.text[runs.start..end]) else len;
        runs.characters[i + 1] = runs.characters[i] + count;
        runs.count = i + 1;
        runs.is_open = false;
    }

    /// The same bits character by character, of as many whole characters as are in a block.
    noinline fn spacesBehind(runs: *Runs, len: *usize) u32 {
        const text = runs.text;
        var spaces: u32 = 0;
        var at = runs.at;
        while (at < text.len) {
            const character = utf8.decode(text, at);
            const end = at + character.len;
            if (end > runs.at + block_len) break;
            if (unicode.isWhiteSpace(character.code_point)) {
                runs.has_wide = runs.has_wide or end - at > 1;
                const ones = (@as(u32, 1) << @intCast(end - at)) - 1;
                spaces |= ones << @intCast(at - runs.at);
            }
            at = end;
        }
        len.* = at - runs.at;
        return spaces;
    }
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
        /// How many characters begin before what comes next, but for white space in the text.
        count: u64,

        pub const needs_starts = true;

        pub inline fn put(taker: *@This(), token: Token) void {
            const starts = taker.lengths.startsOf(token.id, taker.text, token.start, token.end);
            const before = taker.count + token.spaces;
            taker.count += starts.count;
            taker.spans[token.index] = .{
                .start = before - @intFromBool(starts.begins_inside),
                .end = before + starts.count,
            };
        }
    };
}

test "runs of white space are those that are found character by character" {
    const parts = [_][]const u8{
        " ", "\n",      "\t ",     "  ", "a",        "\u{e9}",   "\u{3000}",  "\u{3001}", "\u{a0}",   "\u{85}", "\u{2003}",
        "b", "c" ** 31, " " ** 40, "de", "\u{200b}", "\u{1680}", "\u{1f600}", "\u{205f}", "\u{2028}", "\x1c",
    };
    var prng: std.Random.DefaultPrng = .init(5);
    const random = prng.random();
    const gpa = std.testing.allocator;
    var text: std.ArrayList(u8) = .empty;
    defer text.deinit(gpa);
    for (0..3000) |round| {
        text.clearRetainingCapacity();
        const kinds = random.intRangeAtMost(usize, 1, parts.len);
        for (0..random.uintAtMost(usize, if (round % 50 == 0) 2000 else 40)) |_| {
            try text.appendSlice(gpa, parts[random.uintLessThan(usize, kinds)]);
        }
        var runs: Runs = undefined;
        runs.begin(text.items);
        var passed: usize = 0;
        var sum: usize = 0;
        var bytes: usize = 0;
        var count: u64 = 0;
        var at: usize = 0;
        while (true) {
            const end = characters.spaceEnd(text.items, at);
            if (passed == runs.count) passed = runs.fill();
            try std.testing.expectEqual(end > at, runs.sums[passed] == sum);
            passed += @intFromBool(end > at);
            bytes += end - at;
            count += try std.unicode.utf8CountCodepoints(text.items[at..end]);
            try std.testing.expectEqual(bytes, runs.bytes[passed]);
            try std.testing.expectEqual(count, runs.characters[passed]);
            if (end == text.items.len) break;
            at = end;
            while (at < text.items.len and characters.spaceEnd(text.items, at) == at) {
                const len = utf8.decode(text.items, at).len;
                at += len;
                sum += len;
            }
        }
        if (passed == runs.count) passed = runs.fill();
        try std.testing.expect(runs.isLast(passed));
    }
}
