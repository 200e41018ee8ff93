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
const Diagnostic = @import("diagnostic.zig").Diagnostic;
const normalizer_zig = @import("normalizer.zig");
const Normalizer = normalizer_zig.Normalizer;
const PrefixTrie = @import("prefix_trie.zig").PrefixTrie;
const unicode = @import("unicode.zig");
const utf8 = @import("utf8.zig");
const Vocab = @import("vocab.zig").Vocab;
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

/// As `definition.AddedToken`, with its strings in `AddedTokens.bytes`.
pub const Token = extern struct {
    id: u32,
    content_start: u32,
    content_len: u32,
    /// What is searched for: the content, normalized for the tokens that are matched in normalized text.
    match_start: u32,
    match_len: u32,
    flags: Flags,

    pub const Flags = packed struct(u32) {
        special: bool,
        single_word: bool,
        lstrip: bool,
        rstrip: bool,
        normalized: bool,
        unused: u27 = 0,
    };
};

/// A stretch of text: an added token's match, or what lies between matches. As in tokenizers, a match may
/// begin inside white space that `rstrip` gave to the one before, and then takes it a second time.
pub const Segment = struct {
    start: usize,
    end: usize,
    token: ?*const Token = null,
};

pub const Error = error{
    OutOfMemory,
    /// Normalizing leaves nothing of a token.
    EmptyToken,
};

pub const AddedTokens = struct {
    /// In ascending order of id.
    tokens: []Token,
    bytes: []u8,
    /// The tokens with `normalized` false, and the others.
    literal: Matcher,
    normalized: Matcher,
    /// Whether spaces of normalized text stand for another character, so that they are no white space.
    has_space_sign: bool,

    pub const Pass = enum { literal, normalized };

    /// Copies `source`, whose contents must not be empty and must differ from each other.
    pub fn init(
        gpa: Allocator,
        source: []const definition.AddedToken,
        normalizer: *const Normalizer,
        has_space_sign: bool,
    ) Error!AddedTokens {
        const tokens = try gpa.alloc(Token, source.len);
        errdefer gpa.free(tokens);
        var bytes: std.ArrayList(u8) = .empty;
        defer bytes.deinit(gpa);
        var memory: normalizer_zig.Memory = .{};
        defer memory.deinit(gpa);
        for (tokens, source) |*token, from| {
            std.debug.assert(from.content.len > 0);
            token.* = .{
                .id = from.id,
                .content_start = @intCast(bytes.items.len),
                .content_len = @intCast(from.content.len),
                .match_start = @intCast(bytes.items.len),
                .match_len = @intCast(from.content.len),
                .flags = .{
                    .special = from.special,
                    .single_word = from.single_word,
                    .lstrip = from.lstrip,
                    .rstrip = from.rstrip,
                    .normalized = from.normalized,
                },
            };
            try bytes.appendSlice(gpa, from.content);
            if (!from.normalized) continue;
            const normal = try normalizer.apply(gpa, &memory, from.content);
            if (normal.len == 0) return error.EmptyToken;
            if (normal.ptr == from.content.ptr) continue;
            token.match_start = @intCast(bytes.items.len);
            token.match_len = @intCast(normal.len);
            try bytes.appendSlice(gpa, normal);
        }
        std.mem.sortUnstable(Token, tokens, {}, lessById);
        var literal: Matcher = try .init(gpa, tokens, bytes.items, .literal);
        errdefer literal.deinit(gpa);
        var normalized: Matcher = try .init(gpa, tokens, bytes.items, .normalized);
        errdefer normalized.deinit(gpa);
        return .{
            .tokens = tokens,
            .bytes = try bytes.toOwnedSlice(gpa),
            .literal = literal,
            .normalized = normalized,
            .has_space_sign = has_space_sign,
        };
    }

    pub fn deinit(added: *AddedTokens, gpa: Allocator) void {
        added.literal.deinit(gpa);
        added.normalized.deinit(gpa);
        gpa.free(added.bytes);
        gpa.free(added.tokens);
        added.* = undefined;
    }

    /// Whether every token and every match is there.
    pub fn validate(added: *const AddedTokens, id_limit: u32) bool {
        for (added.tokens) |token| {
            if (token.id >= id_limit or token.content_len == 0 or token.match_len == 0) return false;
            const ends = .{
                @as(u64, token.content_start) + token.content_len,
                @as(u64, token.match_start) + token.match_len,
            };
            if (@max(ends[0], ends[1]) > added.bytes.len) return false;
        }
        for ([_]*const Matcher{ &added.literal, &added.normalized }) |matcher| {
            for (matcher.sorted) |index| if (index >= added.tokens.len) return false;
            if (!matcher.trie.isWithin(added.bytes.len, matcher.sorted.len)) return false;
        }
        return true;
    }

    /// Whether every match of a token is the content alone, and what it decodes to no longer than that.
    pub fn isTile(token: *const Token, vocab: *const Vocab) bool {
        if (token.flags.lstrip or token.flags.rstrip) return false;
        if (token.match_start != token.content_start) return false;
        return vocab.bytesOf(token.id).len <= token.content_len;
    }

    pub fn contentOf(added: *const AddedTokens, token: *const Token) []const u8 {
        return added.bytes[token.content_start..][0..token.content_len];
    }

    /// The token with exactly this content.
    pub fn find(added: *const AddedTokens, content: []const u8) ?*const Token {
        if (content.len == 0) return null;
        if (added.literal.longest(added, content)) |token| {
            if (token.content_len == content.len) return token;
        }
        // In normalized text another content is searched for.
        for (added.normalized.sorted) |index| {
            const token = &added.tokens[index];
            if (std.mem.eql(u8, added.contentOf(token), content)) return token;
        }
        return null;
    }

    /// Cuts `text` into matches of one pass and what lies between them; without the empty stretches.
    pub fn split(
        added: *const AddedTokens,
        comptime pass: Pass,
        text: []const u8,
        mode: SpecialMode,
    ) Segments {
        return .{
            .added = added,
            .matcher = &@field(added, @tagName(pass)),
            .text = text,
            .mode = mode,
            .spaces_are_white = pass == .literal or !added.has_space_sign,
        };
    }

    fn lessById(_: void, a: Token, b: Token) bool {
        return a.id < b.id;
    }
};

const block_len = 64;
const Block = @Vector(block_len, u8);

/// A set of bytes that is told from the others by vectors while it is small.
const FewBytes = struct {
    bytes: [count_max]u8 = @splat(0),
    /// `many` where there are more.
    count: u8 = 0,

    const count_max = 8;
    const many = 255;

    fn add(few: *FewBytes, byte: u8) void {
        if (few.isMany() or std.mem.findScalar(u8, few.bytes[0..few.count], byte) != null) return;
        if (few.count == count_max) {
            few.count = many;
            return;
        }
        few.bytes[few.count] = byte;
        few.count += 1;
    }

    inline fn isMany(few: *const FewBytes) bool {
        return few.count == many;
    }

    pub fn validate(few: *const FewBytes, id_limit: u32) bool {
        _ = id_limit;
        return few.count <= count_max or few.count == many;
    }

    /// Which bytes of a block are in the set, of which there are few.
    inline fn in(few: *const FewBytes, block: Block) u64 {
        var found: u64 = 0;
        for (few.bytes[0..few.count]) |byte| {
            found |= @bitCast(block == @as(Block, @splat(byte)));
        }
        return found;
    }
};

/// Tokens that are the same byte twice, thrice and so on, and all that begin with that byte twice: those of white
/// space in vocabularies for code, where a trie would be walked down a byte at a time on every line.
const Run = extern struct {
    byte: u8,
    padding: [3]u8 = @splat(0),
    /// The place of the shortest one in the matcher's order, which is also that of their lengths.
    first: u32,
    /// Of the longest; 0 where there is no such run.
    len_max: u32,

    const count_max = 2;
    const none: Run = .{ .byte = 0, .first = 0, .len_max = 0 };
};

/// How many bytes a text, which is not empty, begins with that are the same.
inline fn runLength(text: []const u8) usize {
    const width = 16;
    var at: usize = 1;
    while (at + width <= text.len) : (at += width) {
        const others = text[at..][0..width].* != @as(@Vector(width, u8), @splat(text[0]));
        const found: u16 = @bitCast(others);
        if (found != 0) return at + @ctz(found);
    }
    while (at < text.len and text[at] == text[0]) at += 1;
    return at;
}

/// Finds the tokens of one pass.
pub const Matcher = struct {
    /// Indices of tokens in the order of what is searched for, so that those with a common prefix stand side
    /// by side; of equal ones the special token comes first, then that of the lower id.
    sorted: []u32,
    /// Of what is searched for, in that order.
    trie: PrefixTrie,
    /// The first bytes of the tokens, and the second ones of those that have one.
    firsts: FewBytes,
    seconds: FewBytes,
    /// Whether a token is one byte.
    has_single: bool,
    runs: [Run.count_max]Run,

    fn init(
        gpa: Allocator,
        tokens: []const Token,
        bytes: []const u8,
        pass: AddedTokens.Pass,
    ) error{OutOfMemory}!Matcher {
        var sorted: std.ArrayList(u32) = .empty;
        defer sorted.deinit(gpa);
        for (tokens, 0..) |token, i| {
            if (token.flags.normalized != (pass == .normalized)) continue;
            try sorted.append(gpa, @intCast(i));
        }
        const order: Order = .{ .tokens = tokens, .bytes = bytes };
        std.mem.sortUnstable(u32, sorted.items, order, Order.isLess);
        const strings = try gpa.alloc(PrefixTrie.String, sorted.items.len);
        defer gpa.free(strings);
        for (strings, sorted.items) |*string, index| {
            string.* = .{ .start = tokens[index].match_start, .len = tokens[index].match_len };
        }
        var matcher: Matcher = .{
            .sorted = &.{},
            .trie = try .init(gpa, bytes, strings),
            .firsts = .{},
            .seconds = .{},
            .has_single = false,
            .runs = @splat(.none),
        };
        errdefer matcher.trie.deinit(gpa);
        for (strings) |string| {
            matcher.firsts.add(bytes[string.start]);
            if (string.len == 1) {
                matcher.has_single = true;
            } else {
                matcher.seconds.add(bytes[string.start + 1]);
            }
        }
        matcher.addRuns(bytes, strings);
        matcher.sorted = try sorted.toOwnedSlice(gpa);
        return matcher;
    }

    fn addRuns(matcher: *Matcher, bytes: []const u8, strings: []const PrefixTrie.String) void {
        var run_count: usize = 0;
        var at: usize = 0;
        while (at < strings.len and run_count < Run.count_max) {
            const string = bytes[strings[at].start..][0..strings[at].len];
            if (string.len < 2 or string[0] != string[1]) {
                at += 1;
                continue;
            }
            const first = at;
            var is_run = true;
            while (at < strings.len) : (at += 1) {
                const next = bytes[strings[at].start..][0..strings[at].len];
                if (!std.mem.startsWith(u8, next, string[0..2])) break;
                is_run = is_run and next.len == at - first + 2 and runLength(next) == next.len;
            }
            if (!is_run) continue;
            matcher.runs[run_count] = .{
                .byte = string[0],
                .first = @intCast(first),
                .len_max = @intCast(at - first + 1),
            };
            run_count += 1;
        }
    }

    fn deinit(matcher: *Matcher, gpa: Allocator) void {
        gpa.free(matcher.sorted);
        matcher.trie.deinit(gpa);
    }

    /// Whether the tokens of the runs are there.
    pub fn validate(matcher: *const Matcher, id_limit: u32) bool {
        _ = id_limit;
        for (matcher.runs) |run| {
            if (run.len_max == 0) continue;
            if (run.len_max < 2 or @as(u64, run.first) + run.len_max - 1 > matcher.sorted.len) return false;
        }
        return true;
    }

    const Order = struct {
        tokens: []const Token,
        bytes: []const u8,

        fn matchOf(order: Order, index: u32) []const u8 {
            const token = order.tokens[index];
            return order.bytes[token.match_start..][0..token.match_len];
        }

        fn isLess(order: Order, a: u32, b: u32) bool {
            switch (std.mem.order(u8, order.matchOf(a), order.matchOf(b))) {
                .lt => return true,
                .gt => return false,
                .eq => {},
            }
            const special = .{ order.tokens[a].flags.special, order.tokens[b].flags.special };
            if (special[0] != special[1]) return special[0];
            return a < b;
        }
    };

    /// Where in the block of text at `start` tokens may begin; the text has a byte more than the block. Most
    /// spaces begin no token of white space alone: a second byte tells.
    inline fn beginnings(matcher: *const Matcher, text: []const u8, start: usize) u64 {
        const found = matcher.firsts.in(text[start..][0..block_len].*);
        if (found == 0 or matcher.has_single or matcher.seconds.isMany()) return found;
        return found & matcher.seconds.in(text[start + 1 ..][0..block_len].*);
    }

    /// The longest token that `text` begins with.
    inline fn longest(matcher: *const Matcher, added: *const AddedTokens, text: []const u8) ?*const Token {
        if (text.len >= 2 and text[0] == text[1]) {
            for (&matcher.runs) |run| {
                if (run.len_max == 0 or run.byte != text[0]) continue;
                const len = runLength(text[0..@min(text.len, run.len_max)]);
                return &added.tokens[matcher.sorted[run.first + len - 2]];
            }
        }
        const found = matcher.trie.longest(added.bytes, text) orelse return null;
        return &added.tokens[matcher.sorted[found]];
    }
};

/// Walks over the segments of a text, in order.
pub const Segments = struct {
    added: *const AddedTokens,
    matcher: *const Matcher,
    text: []const u8,
    mode: SpecialMode,
    spaces_are_white: bool,
    /// The search goes on here: behind the last match, before the white space it took.
    search: usize = 0,
    /// What lies before this has been returned.
    done: usize = 0,
    /// A match whose preceding text was returned first.
    pending: ?Segment = null,
    /// The block of text in which the search is, and where in it tokens may begin.
    block_start: usize = 0,
    block_end: usize = 0,
    beginnings: u64 = 0,

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
        while (segments.candidate(segments.search)) |at| {
            const token = segments.matcher.longest(segments.added, text[at..]) orelse {
                segments.search = at + 1;
                continue;
            };
            const end = at + token.match_len;
            segments.search = end;
            if (token.flags.special and segments.mode == .text) continue;
            if (token.flags.single_word and (endsWithWord(text[0..at]) or startsWithWord(text[end..]))) {
                continue;
            }
            const match: Segment = .{
                .start = if (token.flags.lstrip) @max(segments.trimmedEnd(text[0..at]), segments.done) else at,
                .end = if (token.flags.rstrip) end + segments.spaceLength(text[end..]) else end,
                .token = token,
            };
            // Of white space that the one before took nothing is left for a token that takes what is before it.
            // (The reference drops it where it is empty, and panics where less than nothing is left.)
            if (match.start < match.end) return match;
        }
        segments.search = text.len;
        return null;
    }

    /// The first place from `from` on where a token may begin. What is known of a block is kept for
    /// the next call: there are texts with many such places.
    fn candidate(segments: *Segments, from: usize) ?usize {
        const matcher = segments.matcher;
        const text = segments.text;
        var at = from;
        const firsts = &matcher.firsts;
        if (firsts.count == 0) return null;
        // Of one byte the next place is found sooner, by a twentieth of an English text's time, unless text is full of it.
        if (firsts.count == 1 and firsts.bytes[0] != ' ') {
            return std.mem.findScalarPos(u8, text, from, firsts.bytes[0]);
        }
        while (!firsts.isMany()) {
            if (at < segments.block_end) {
                const offset = at - segments.block_start;
                const beginnings = segments.beginnings >> @intCast(offset);
                if (beginnings != 0) return at + @ctz(beginnings);
                at = segments.block_end;
            }
            if (at + block_len >= text.len) break;
            segments.block_start = at;
            segments.block_end = at + block_len;
            segments.beginnings = matcher.beginnings(text, at);
        }
        for (text[at..], at..) |byte, i| {
            if (matcher.trie.beginsWith(byte)) return i;
        }
        return null;
    }

    /// The length of the white space that `text` begins with.
    fn spaceLength(segments: *const Segments, text: []const u8) usize {
        var at: usize = 0;
        while (at < text.len) {
            const character = utf8.decode(text, at);
            if (!segments.isWhite(character.code_point)) break;
            at += character.len;
        }
        return at;
    }

    /// The length of `text` without the white space it ends with.
    fn trimmedEnd(segments: *const Segments, text: []const u8) usize {
        var end = text.len;
        while (end > 0) {
            const character = utf8.decodeLast(text[0..end]);
            if (!segments.isWhite(character.code_point)) break;
            end -= character.len;
        }
        return end;
    }

    fn isWhite(segments: *const Segments, character: u21) bool {
        if (character == ' ') return segments.spaces_are_white;
        return unicode.isWhiteSpace(character);
    }
};

fn startsWithWord(text: []const u8) bool {
    return text.len > 0 and unicode.isWord(utf8.decode(text, 0).code_point);
}

fn endsWithWord(text: []const u8) bool {
    return text.len > 0 and unicode.isWord(utf8.decodeLast(text).code_point);
}

fn expectSegments(
    tokens: []const definition.AddedToken,
    text: []const u8,
    mode: SpecialMode,
    expected: []const struct { []const u8, ?u32 },
) !void {
    const normalizer: Normalizer = .empty;
    var added: AddedTokens = try .init(std.testing.allocator, tokens, &normalizer, false);
    defer added.deinit(std.testing.allocator);
    var segments = added.split(.literal, text, mode);
    for (expected) |want| {
        const segment = segments.next() orelse return error.TooFewSegments;
        try std.testing.expectEqualStrings(want[0], text[segment.start..segment.end]);
        try std.testing.expectEqual(want[1], if (segment.token) |token| token.id else null);
    }
    try std.testing.expectEqual(@as(?Segment, null), segments.next());
}

test "leftmost, and the longest of those" {
    const tokens = [_]definition.AddedToken{
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
    const tokens = [_]definition.AddedToken{
        .{ .id = 1, .content = "<s>" }, .{ .id = 2, .content = "<t>", .special = false },
    };
    try expectSegments(&tokens, "<s>a<t><s>", .text, &.{
        .{ "<s>a", null }, .{ "<t>", 2 }, .{ "<s>", null },
    });
}

test "single_word looks at the characters on both sides" {
    const tokens = [_]definition.AddedToken{.{ .id = 1, .content = "ab", .single_word = true }};
    try expectSegments(&tokens, "ab.ab xab abx \u{e9}ab ab\u{301} \u{2014}ab", .parse, &.{
        .{ "ab", 1 },
        .{ ".", null },
        .{ "ab", 1 },
        .{ " xab abx \u{e9}ab ab\u{301} \u{2014}", null },
        .{ "ab", 1 },
    });
}

test "lstrip and rstrip take the white space beside a match" {
    const both = [_]definition.AddedToken{.{ .id = 1, .content = "<m>", .lstrip = true, .rstrip = true }};
    try expectSegments(&both, "a \u{2003}\n<m> \u{a0}b <m>", .parse, &.{
        .{ "a", null }, .{ " \u{2003}\n<m> \u{a0}", 1 }, .{ "b", null }, .{ " <m>", 1 },
    });
    const left = [_]definition.AddedToken{.{ .id = 1, .content = "<m>", .lstrip = true }};
    try expectSegments(&left, " <m>\xff <m> ", .parse, &.{
        .{ " <m>", 1 }, .{ "\xff", null }, .{ " <m>", 1 }, .{ " ", null },
    });
}

test "contents are normalized for normalized text, the special one of equals counts" {
    const gpa = std.testing.allocator;
    var diagnostic: Diagnostic = .{};
    var normalizer: Normalizer = try .init(gpa, &.{
        .nfc, .{ .replace = .{ .from = "_", .to = " " } },
    }, &diagnostic);
    defer normalizer.deinit(gpa);
    const tokens = [_]definition.AddedToken{
        .{ .id = 1, .content = "<e\u{301}>", .normalized = true, .special = false },
        .{ .id = 2, .content = "<\u{e9}>", .normalized = true },
        .{ .id = 3, .content = "<_>", .normalized = true, .lstrip = true },
    };
    var added: AddedTokens = try .init(gpa, &tokens, &normalizer, true);
    defer added.deinit(gpa);
    var segments = added.split(.normalized, "<\u{e9}> < >", .parse);
    try std.testing.expectEqual(2, segments.next().?.token.?.id);
    // The space stands for another character, which lstrip does not take.
    const between = segments.next().?;
    try std.testing.expectEqual(Segment{ .start = 4, .end = 5 }, between);
    try std.testing.expectEqual(3, segments.next().?.token.?.id);
    try std.testing.expectEqual(1, added.find("<e\u{301}>").?.id);
    try std.testing.expectEqual(@as(?*const Token, null), added.find("< >"));

    const gone = [_]definition.Normalization{.{ .replace = .{ .from = "x", .to = "" } }};
    var emptying: Normalizer = try .init(gpa, &gone, &diagnostic);
    defer emptying.deinit(gpa);
    const empty = [_]definition.AddedToken{.{ .id = 1, .content = "x", .normalized = true }};
    try std.testing.expectError(error.EmptyToken, AddedTokens.init(gpa, &empty, &emptying, false));
}

test "the candidates of many first bytes, of some and of one" {
    const gpa = std.testing.allocator;
    const normalizer: Normalizer = .empty;
    for ([_]usize{ 1, 2, 8, 9, 20 }) |count| {
        var contents: [20][2]u8 = undefined;
        var tokens: [20]definition.AddedToken = undefined;
        for (contents[0..count], tokens[0..count], 0..) |*content, *token, i| {
            content.* = .{ 'A' + @as(u8, @intCast(i)), '!' };
            token.* = .{ .id = @intCast(i), .content = content };
        }
        var added: AddedTokens = try .init(gpa, tokens[0..count], &normalizer, false);
        defer added.deinit(gpa);
        var text: [100]u8 = @splat('A');
        for (0..98) |at| {
            const id = at % count;
            @memcpy(text[at..][0..2], &contents[id]);
            var segments = added.split(.literal, &text, .parse);
            const before = if (at > 0) segments.next().?.end else 0;
            try std.testing.expectEqual(at, before);
            try std.testing.expectEqual(id, segments.next().?.token.?.id);
            @memcpy(text[at..][0..2], "AA");
        }
    }
}

/// The text cut at the leftmost-longest of `tokens`, by a loop over all of them.
fn splitSlowly(gpa: Allocator, tokens: []const definition.AddedToken, text: []const u8) ![]Segment {
    var segments: std.ArrayList(Segment) = .empty;
    errdefer segments.deinit(gpa);
    var done: usize = 0;
    var at: usize = 0;
    while (at < text.len) {
        var len: usize = 0;
        for (tokens) |token| {
            if (token.content.len > len and std.mem.startsWith(u8, text[at..], token.content)) {
                len = token.content.len;
            }
        }
        if (len == 0) {
            at += 1;
            continue;
        }
        if (at > done) try segments.append(gpa, .{ .start = done, .end = at });
        done = at + len;
        try segments.append(gpa, .{ .start = at, .end = done });
        at = done;
    }
    if (done < text.len) try segments.append(gpa, .{ .start = done, .end = text.len });
    return segments.toOwnedSlice(gpa);
}

test "segments are those of a loop over all tokens" {
    const gpa = std.testing.allocator;
    var prng: std.Random.DefaultPrng = .init(3);
    const random = prng.random();
    const normalizer: Normalizer = .empty;
    const letters = " \t<|>ab\n!cdefghijk";
    var run_count: usize = 0;
    for (0..300) |round| {
        const letter_count = random.intRangeAtMost(usize, 2, letters.len);
        var spellings: [40][12]u8 = undefined;
        var tokens: std.ArrayList(definition.AddedToken) = .empty;
        defer tokens.deinit(gpa);
        // Runs of white space, with one left out now and then, among others that may begin as they do.
        const longest: usize = if (round % 3 == 0) 0 else random.intRangeAtMost(usize, 2, 40);
        const runs = (" " ** 40)[0..longest];
        for (2..@max(2, longest + 1)) |len| {
            if (round % 7 == 0 and len == 3) continue;
            try tokens.append(gpa, .{ .id = @intCast(tokens.items.len), .content = runs[0..len] });
        }
        for (&spellings) |*spelling| {
            const len = random.intRangeAtMost(usize, if (round % 5 == 0) 1 else 2, 6);
            for (spelling[0..len]) |*byte| byte.* = letters[random.uintLessThan(usize, letter_count)];
            if (random.boolean()) continue;
            // Mostly nothing that would keep the runs from being told as such.
            if (round % 2 == 0 and spelling[0] == ' ' and len > 1 and spelling[1] == ' ') continue;
            for (tokens.items) |token| {
                if (std.mem.eql(u8, token.content, spelling[0..len])) break;
            } else try tokens.append(gpa, .{
                .id = @intCast(tokens.items.len),
                .content = spelling[0..len],
            });
        }
        var added: AddedTokens = try .init(gpa, tokens.items, &normalizer, false);
        defer added.deinit(gpa);
        try std.testing.expect(added.validate(@intCast(tokens.items.len)));
        try std.testing.expect(added.literal.validate(0));
        if (added.literal.runs[0].len_max > 0) run_count += 1;
        for (0..20) |_| {
            var bytes: [300]u8 = undefined;
            const text = bytes[0..random.uintAtMost(usize, bytes.len)];
            const space_weight = random.uintLessThan(u8, 4);
            for (text) |*byte| {
                const is_space = random.uintLessThan(u8, 4) < space_weight;
                byte.* = if (is_space) ' ' else letters[random.uintLessThan(usize, letter_count)];
            }
            const expected = try splitSlowly(gpa, tokens.items, text);
            defer gpa.free(expected);
            var segments = added.split(.literal, text, .parse);
            for (expected) |want| {
                const found = segments.next() orelse return error.TooFewSegments;
                try std.testing.expectEqual(want.start, found.start);
                try std.testing.expectEqual(want.end, found.end);
            }
            try std.testing.expectEqual(@as(?Segment, null), segments.next());
        }
    }
    try std.testing.expect(run_count > 50);
}
