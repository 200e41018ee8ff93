//! Added tokens: text that is matched before pre-tokenization and becomes one id.
//!
//! The rules are those of tokenizers' `AddedVocabulary`: leftmost-longest matches, first among the tokens
//! with `normalized` false, then, in what those leave, among the others; a match refused by `single_word`
//! is stepped over whole; `lstrip` and `rstrip` take the white space beside a match with it. tiktoken's
//! special tokens are the case without flags.
//!
//! Time is linear in the text for a given set of tokens: at most the length of the longest one a byte.

const std = @import("std");
const definition = @import("definition.zig");
const unicode = @import("unicode.zig");
const utf8 = @import("utf8.zig");
const AddedToken = definition.AddedToken;
const Allocator = std.mem.Allocator;

/// What text that spells a special token becomes.
pub const SpecialMode = enum {
    /// Ordinary text.
    text,
    /// The special token.
    parse,
    /// The special token, for the caller to refuse.
    refuse,
};

/// A stretch of text: an added token's match, or what lies between matches. As in tokenizers, a match may
/// begin inside white space that `rstrip` gave to the one before, and then takes it a second time.
pub const Segment = struct {
    start: usize,
    end: usize,
    token: ?*const AddedToken = null,
};

pub const AddedTokens = struct {
    /// In ascending order of id; owned, with their contents.
    tokens: []const AddedToken,
    /// The tokens with `normalized` false, and the others.
    literal: Matcher,
    normalized: Matcher,
    arena: std.heap.ArenaAllocator.State,

    /// Copies `tokens`, whose contents must not be empty and must differ from each other.
    pub fn init(gpa: Allocator, tokens: []const AddedToken) error{OutOfMemory}!AddedTokens {
        var arena: std.heap.ArenaAllocator = .init(gpa);
        errdefer arena.deinit();
        const allocator = arena.allocator();
        const copies = try allocator.alloc(AddedToken, tokens.len);
        for (copies, tokens) |*copy, token| {
            copy.* = token;
            copy.content = try allocator.dupe(u8, token.content);
            if (token.decoded) |bytes| copy.decoded = try allocator.dupe(u8, bytes);
        }
        std.mem.sortUnstable(AddedToken, copies, {}, lessById);
        return .{
            .tokens = copies,
            .literal = try .init(allocator, copies, false),
            .normalized = try .init(allocator, copies, true),
            .arena = arena.state,
        };
    }

    pub fn deinit(added: *AddedTokens, gpa: Allocator) void {
        added.arena.promote(gpa).deinit();
        added.* = undefined;
    }

    /// The token with exactly this content.
    pub fn find(added: *const AddedTokens, content: []const u8) ?*const AddedToken {
        return added.literal.find(content) orelse added.normalized.find(content);
    }

    fn lessById(_: void, a: AddedToken, b: AddedToken) bool {
        return a.id < b.id;
    }
};

/// Finds the tokens of one pass.
pub const Matcher = struct {
    /// In the order of their contents' bytes, so that those with a common prefix stand side by side.
    sorted: []const *const AddedToken,
    begins: std.StaticBitSet(256),
    /// The one byte that all contents begin with, if there is such a byte.
    only_first: ?u8,

    fn init(
        arena: Allocator,
        tokens: []const AddedToken,
        normalized: bool,
    ) error{OutOfMemory}!Matcher {
        var sorted: std.ArrayList(*const AddedToken) = .empty;
        var begins: std.StaticBitSet(256) = .initEmpty();
        for (tokens) |*token| {
            if (token.normalized != normalized) continue;
            std.debug.assert(token.content.len > 0);
            try sorted.append(arena, token);
            begins.set(token.content[0]);
        }
        std.mem.sortUnstable(*const AddedToken, sorted.items, {}, lessByContent);
        return .{
            .sorted = sorted.items,
            .begins = begins,
            .only_first = if (begins.count() == 1) @intCast(begins.findFirstSet().?) else null,
        };
    }

    /// Cuts `text` into matches and what lies between them; without the empty stretches.
    pub fn split(matcher: *const Matcher, text: []const u8, mode: SpecialMode) Segments {
        return .{ .matcher = matcher, .text = text, .mode = mode };
    }

    fn lessByContent(_: void, a: *const AddedToken, b: *const AddedToken) bool {
        return std.mem.lessThan(u8, a.content, b.content);
    }

    fn find(matcher: *const Matcher, content: []const u8) ?*const AddedToken {
        const index = std.sort.binarySearch(
            *const AddedToken,
            matcher.sorted,
            content,
            orderOfContent,
        ) orelse return null;
        return matcher.sorted[index];
    }

    fn orderOfContent(content: []const u8, token: *const AddedToken) std.math.Order {
        return std.mem.order(u8, content, token.content);
    }

    /// The first place from `from` on where a token may begin.
    fn candidate(matcher: *const Matcher, text: []const u8, from: usize) ?usize {
        if (matcher.sorted.len == 0) return null;
        if (matcher.only_first) |byte| return std.mem.findScalarPos(u8, text, from, byte);
        for (text[from..], from..) |byte, i| {
            if (matcher.begins.isSet(byte)) return i;
        }
        return null;
    }

    /// The longest token that `text` begins with: narrows the range of tokens that share its first bytes.
    fn longest(matcher: *const Matcher, text: []const u8) ?*const AddedToken {
        var range = matcher.sorted;
        var found: ?*const AddedToken = null;
        for (text, 0..) |byte, depth| {
            const key: Prefix = .{ .depth = depth, .byte = byte };
            const low = std.sort.lowerBound(*const AddedToken, range, key, Prefix.compare);
            const high = std.sort.upperBound(*const AddedToken, range, key, Prefix.compare);
            range = range[low..high];
            if (range.len == 0) break;
            // The shortest of those that share a prefix comes first.
            if (range[0].content.len == depth + 1) found = range[0];
        }
        return found;
    }

    const Prefix = struct {
        depth: usize,
        byte: u8,

        fn compare(prefix: Prefix, token: *const AddedToken) std.math.Order {
            if (token.content.len <= prefix.depth) return .gt;
            return std.math.order(prefix.byte, token.content[prefix.depth]);
        }
    };
};

/// Walks over the segments of a text, in order.
pub const Segments = struct {
    matcher: *const Matcher,
    text: []const u8,
    mode: SpecialMode,
    /// The search goes on here: behind the last match, before the white space it took.
    search: usize = 0,
    /// What lies before this has been returned.
    done: usize = 0,
    /// A match whose preceding text was returned first.
    pending: ?Segment = null,

    pub fn next(segments: *Segments) ?Segment {
        if (segments.pending) |segment| {
            segments.pending = null;
            segments.done = segment.end;
            return segment;
        }
        if (segments.nextMatch()) |match| {
            if (match.start > segments.done) {
                segments.pending = match;
                return .{ .start = segments.done, .end = match.start };
            }
            segments.done = match.end;
            return match;
        }
        if (segments.done >= segments.text.len) return null;
        defer segments.done = segments.text.len;
        return .{ .start = segments.done, .end = segments.text.len };
    }

    fn nextMatch(segments: *Segments) ?Segment {
        const text = segments.text;
        while (segments.matcher.candidate(text, segments.search)) |at| {
            const token = segments.matcher.longest(text[at..]) orelse {
                segments.search = at + 1;
                continue;
            };
            const end = at + token.content.len;
            segments.search = end;
            if (token.special and segments.mode == .text) continue;
            if (token.single_word and (endsWithWord(text[0..at]) or startsWithWord(text[end..]))) {
                continue;
            }
            return .{
                .start = if (token.lstrip) @max(trimmedEnd(text[0..at]), segments.done) else at,
                .end = if (token.rstrip) end + spaceLength(text[end..]) else end,
                .token = token,
            };
        }
        segments.search = text.len;
        return null;
    }
};

fn startsWithWord(text: []const u8) bool {
    return text.len > 0 and unicode.isWord(utf8.decode(text, 0).code_point);
}

fn endsWithWord(text: []const u8) bool {
    return text.len > 0 and unicode.isWord(lastCharacter(text).code_point);
}

/// The length of the white space that `text` begins with.
fn spaceLength(text: []const u8) usize {
    var at: usize = 0;
    while (at < text.len) {
        const character = utf8.decode(text, at);
        if (!unicode.isWhiteSpace(character.code_point)) break;
        at += character.len;
    }
    return at;
}

/// The length of `text` without the white space it ends with.
fn trimmedEnd(text: []const u8) usize {
    var end = text.len;
    while (end > 0) {
        const character = lastCharacter(text[0..end]);
        if (!unicode.isWhiteSpace(character.code_point)) break;
        end -= character.len;
    }
    return end;
}

/// The character that a text of at least one byte ends with.
fn lastCharacter(text: []const u8) utf8.Character {
    var start = text.len - 1;
    while (start > 0 and text.len - start < 4 and text[start] & 0xC0 == 0x80) start -= 1;
    const character = utf8.decode(text, start);
    if (start + character.len == text.len) return character;
    return utf8.decode(text, text.len - 1);
}

fn expectSegments(
    tokens: []const AddedToken,
    text: []const u8,
    mode: SpecialMode,
    expected: []const struct { []const u8, ?u32 },
) !void {
    var added: AddedTokens = try .init(std.testing.allocator, tokens);
    defer added.deinit(std.testing.allocator);
    var segments = added.literal.split(text, mode);
    for (expected) |want| {
        const segment = segments.next() orelse return error.TooFewSegments;
        try std.testing.expectEqualStrings(want[0], text[segment.start..segment.end]);
        try std.testing.expectEqual(want[1], if (segment.token) |token| token.id else null);
    }
    try std.testing.expectEqual(@as(?Segment, null), segments.next());
}

test "leftmost, and the longest of those" {
    const tokens = [_]AddedToken{
        .{ .id = 1, .content = "<|a|>" },    .{ .id = 2, .content = "<|a|><|b|>" },
        .{ .id = 3, .content = "a|><|b|>" }, .{ .id = 4, .content = "<|" },
    };
    try expectSegments(&tokens, "x<|a|><|b|>y<|a|><|c<", .parse, &.{
        .{ "x", null }, .{ "<|a|><|b|>", 2 }, .{ "y", null }, .{ "<|a|>", 1 },
        .{ "<|", 4 },   .{ "c<", null },
    });
    try expectSegments(&tokens, "", .parse, &.{});
    try expectSegments(&tokens, "<|", .parse, &.{.{ "<|", 4 }});
}

test "special tokens are text in text mode, the others are not" {
    const tokens = [_]AddedToken{
        .{ .id = 1, .content = "<s>" }, .{ .id = 2, .content = "<t>", .special = false },
    };
    try expectSegments(&tokens, "<s>a<t><s>", .text, &.{
        .{ "<s>a", null }, .{ "<t>", 2 }, .{ "<s>", null },
    });
}

test "single_word looks at the characters on both sides" {
    const tokens = [_]AddedToken{.{ .id = 1, .content = "ab", .single_word = true }};
    try expectSegments(&tokens, "ab.ab xab abx \u{e9}ab ab\u{301} \u{2014}ab", .parse, &.{
        .{ "ab", 1 },
        .{ ".", null },
        .{ "ab", 1 },
        .{ " xab abx \u{e9}ab ab\u{301} \u{2014}", null },
        .{ "ab", 1 },
    });
}

test "lstrip and rstrip take the white space beside a match" {
    const both = [_]AddedToken{.{ .id = 1, .content = "<m>", .lstrip = true, .rstrip = true }};
    try expectSegments(&both, "a \u{2003}\n<m> \u{a0}b <m>", .parse, &.{
        .{ "a", null }, .{ " \u{2003}\n<m> \u{a0}", 1 }, .{ "b", null }, .{ " <m>", 1 },
    });
    const left = [_]AddedToken{.{ .id = 1, .content = "<m>", .lstrip = true }};
    try expectSegments(&left, " <m>\xff <m> ", .parse, &.{
        .{ " <m>", 1 }, .{ "\xff", null }, .{ " <m>", 1 }, .{ " ", null },
    });
}
