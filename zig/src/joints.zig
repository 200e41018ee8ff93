//! Cutting a long piece of a byte-level vocabulary into parts that no merge can join.
//!
//! Chinese, Japanese, Thai and others write no spaces, so their pieces are whole clauses, which hardly ever come again.
//! But where no token has some two characters side by side, nothing is merged across, and what lies on both sides
//! may be merged apart: the parts are a character or a word, short and met again and again. (`words.zig` does the
//! same for vocabularies of characters, whose text is one piece.)
//!
//! A place is looked at where well-formed characters meet and one of them has three bytes. Which characters stand side
//! by side in tokens is found out when loading, with tokens that begin or end within a character taken for more
//! than they are; so is a pair whose hash is that of another. At worst a cut is missed. Linear in the piece.

const std = @import("std");
const definition = @import("definition.zig");
const utf8 = @import("utf8.zig");
const Span = @import("pretokenizer/kernels/window.zig").Span;
const Allocator = std.mem.Allocator;

pub const Joints = struct {
    /// The hashes of pairs that stand in tokens, as bits; empty where pieces are not cut.
    pairs: []u64,
    pair_shift: u32,
    /// Of the characters of up to three bytes.
    traits: []Traits,
    /// Whether a token has a byte that ends a character and one that begins another side by side, neither of
    /// these characters whole: by the lowest six bits of the first one, a bit for those of the second.
    broken: [64]u64,

    /// Where a character stands in tokens.
    const Traits = packed struct(u8) {
        /// In front of another.
        is_first: bool = false,
        /// Behind another.
        is_second: bool = false,
        /// Not to be cut from whatever follows it.
        holds_next: bool = false,
        /// Not to be cut from whatever stands before it.
        holds_last: bool = false,
        unused: u4 = 0,
    };

    const traits_len = 0x10000;
    const held: Traits = .{ .holds_next = true, .holds_last = true };

    /// For tokenizers whose pieces are not cut.
    pub const unused: Joints = .{ .pairs = &.{}, .pair_shift = 0, .traits = &.{}, .broken = @splat(0) };

    /// `tokens` are all that merges start from or make. Of those that they do not make, which `isMade` (with
    /// `context`) tells, none is cut out: a whole piece may be such a token, and a part of one is not.
    pub fn init(
        gpa: Allocator,
        tokens: []const definition.Token,
        context: anytype,
        comptime isMade: fn (@TypeOf(context), u32) bool,
    ) error{OutOfMemory}!Joints {
        const traits = try gpa.alloc(Traits, traits_len);
        errdefer gpa.free(traits);
        @memset(traits, .{});
        // Neither surrogates nor what stands for ill-formed bytes is ever cut off.
        @memset(traits[0xD800..0xE000], held);
        traits[utf8.replacement] = held;
        var joints: Joints = .{ .pairs = &.{}, .pair_shift = 0, .traits = traits, .broken = @splat(0) };
        var pairs: std.ArrayList(u64) = .empty;
        defer pairs.deinit(gpa);
        for (tokens) |token| {
            if (mayMeetThree(token.bytes)) try joints.addToken(gpa, token.bytes, &pairs);
            if (!isMade(context, token.id)) joints.hold(token.bytes);
        }
        const bits = std.math.ceilPowerOfTwo(usize, @max(16 * pairs.items.len, 1024)) catch
            return error.OutOfMemory;
        joints.pairs = try gpa.alloc(u64, bits / 64);
        @memset(joints.pairs, 0);
        joints.pair_shift = 64 - @as(u32, std.math.log2_int(usize, bits));
        for (pairs.items) |pair| {
            const bit = joints.bitOf(pair);
            joints.pairs[bit / 64] |= @as(u64, 1) << @truncate(bit);
        }
        return joints;
    }

    pub fn deinit(joints: *Joints, gpa: Allocator) void {
        gpa.free(joints.pairs);
        gpa.free(joints.traits);
        joints.* = undefined;
    }

    /// Whether every look-up is within the tables, or there are none.
    pub fn validate(joints: *const Joints, _: u32) bool {
        if (joints.pairs.len == 0) return joints.traits.len == 0;
        if (joints.traits.len != traits_len) return false;
        if (joints.pair_shift == 0 or joints.pair_shift > 58) return false;
        return joints.pairs.len == @as(u64, 1) << @intCast(58 - joints.pair_shift);
    }

    pub fn memoryBytes(joints: *const Joints) usize {
        return 8 * joints.pairs.len + joints.traits.len;
    }

    /// Whether it is worth a try to cut the piece. For speed alone: some that could be cut are not seen.
    pub inline fn mayCut(joints: *const Joints, piece: []const u8) bool {
        if (joints.pairs.len == 0 or piece.len < 4) return false;
        const places = [_]u8{ piece[0], piece[1], piece[piece.len - 3] };
        for (places) |byte| if (byte & 0xF0 == 0xE0) return true;
        return false;
    }

    /// Whether the token may lie across a place that is looked at.
    fn mayMeetThree(token: []const u8) bool {
        if (token.len < 2) return false;
        if (isFollowing(token[0])) return true;
        for (token) |byte| if (byte & 0xF0 == 0xE0) return true;
        return false;
    }

    /// What the token has side by side, where the text's characters may meet.
    fn addToken(
        joints: *Joints,
        gpa: Allocator,
        token: []const u8,
        pairs: *std.ArrayList(u64),
    ) error{OutOfMemory}!void {
        for (1..token.len) |at| {
            if (isFollowing(token[at])) continue;
            var start = at - 1;
            while (start > 0 and isFollowing(token[start])) start -= 1;
            const is_first_broken = isFollowing(token[start]);
            const first = utf8.decode(token[start..at], 0);
            // Bytes that are no character stand behind none of a text.
            if (!is_first_broken and (first.len != at - start or isIllFormed(first))) continue;
            const second = utf8.decode(token, at);
            const is_second_broken = isIllFormed(second);
            if (is_first_broken and is_second_broken) {
                joints.broken[token[at - 1] & 0x3F] |= @as(u64, 1) << @truncate(token[at]);
            } else if (is_first_broken) {
                if (joints.traitsOf(second.code_point)) |traits| traits.holds_last = true;
            } else if (is_second_broken) {
                if (joints.traitsOf(first.code_point)) |traits| traits.holds_next = true;
            } else {
                const of_first = joints.traitsOf(first.code_point) orelse continue;
                const of_second = joints.traitsOf(second.code_point) orelse continue;
                of_first.is_first = true;
                of_second.is_second = true;
                try pairs.append(gpa, pairOf(first.code_point, second.code_point));
            }
        }
    }

    /// Lets no cut be at either end of the token: so no part is the token.
    fn hold(joints: *Joints, token: []const u8) void {
        if (token.len == 0) return;
        const first = utf8.decode(token, 0);
        if (joints.traitsOf(first.code_point)) |traits| traits.holds_last = true;
        const last = utf8.decodeLast(token);
        if (joints.traitsOf(last.code_point)) |traits| traits.holds_next = true;
    }

    fn traitsOf(joints: *Joints, character: u32) ?*Traits {
        return if (character < traits_len) &joints.traits[character] else null;
    }

    inline fn pairOf(first: u32, second: u32) u64 {
        return @as(u64, first) << 16 | second;
    }

    inline fn bitOf(joints: *const Joints, pair: u64) usize {
        return @intCast(pair *% 0x9e3779b97f4a7c15 >> @intCast(joints.pair_shift));
    }

    /// Of a character in a text. With fields of whole words: what is stored in parts and read at once is waited for.
    const Seen = struct {
        character: u32,
        traits: u32,
        /// 1 if it has three bytes.
        is_three: u32,
        /// The bytes that it begins and ends with.
        first_byte: u32,
        last_byte: u32,
        len: u32,
    };

    inline fn seen(joints: *const Joints, text: []const u8, at: usize) Seen {
        if (text.len - at >= 4) {
            @branchHint(.likely);
            const bytes = std.mem.readInt(u32, text[at..][0..4], .little);
            const character = (bytes & 0x0F) << 12 | (bytes >> 2 & 0xFC0) | (bytes >> 16 & 0x3F);
            if (bytes & 0xC0C0F0 == 0x8080E0 and character >= 0x800) {
                @branchHint(.likely);
                return .{
                    .character = character,
                    .traits = @as(u8, @bitCast(joints.traits[character])),
                    .is_three = 1,
                    .first_byte = bytes & 0xFF,
                    .last_byte = bytes >> 16 & 0xFF,
                    .len = 3,
                };
            }
        }
        const found = utf8.decode(text, at);
        const character: u32 = found.code_point;
        const traits = if (character < traits_len) joints.traits[character] else held;
        return .{
            .character = character & 0xFFFF,
            .traits = @as(u8, @bitCast(traits)),
            .is_three = @intFromBool(found.len == 3),
            .first_byte = text[at],
            .last_byte = text[at + found.len - 1],
            .len = found.len,
        };
    }

    /// 1 where to cut between two characters, or 0.
    inline fn cutBetween(joints: *const Joints, first: Seen, second: Seen) u32 {
        const bit = joints.bitOf(pairOf(first.character, second.character));
        const is_pair: u32 = @truncate(joints.pairs[bit / 64] >> @truncate(bit));
        const is_broken: u32 = @truncate(joints.broken[first.last_byte & 0x3F] >> @truncate(second.first_byte));
        const may_join = first.traits >> @bitOffsetOf(Traits, "is_first") &
            second.traits >> @bitOffsetOf(Traits, "is_second");
        const are_held = first.traits >> @bitOffsetOf(Traits, "holds_next") |
            second.traits >> @bitOffsetOf(Traits, "holds_last");
        return (first.is_three | second.is_three) & ~((is_pair & may_join) | is_broken | are_held) & 1;
    }

    /// Finds parts of the piece that ends at `end`, from `position` on, as many as `spans` has room for, and returns
    /// how many. They are all found when `position` is `end`.
    pub fn next(
        joints: *const Joints,
        text: []const u8,
        end: usize,
        position: *usize,
        spans: []Span,
    ) usize {
        var start = position.*;
        var first = joints.seen(text[0..end], start);
        var at = start + first.len;
        var count: usize = 0;
        while (at < end and count < spans.len) {
            const second = joints.seen(text[0..end], at);
            // Written whether or not it is a part: which places are cut cannot be predicted.
            spans[count] = .{ .start = start, .end = at };
            const cut = joints.cutBetween(first, second);
            count += cut;
            start = if (cut != 0) at else start;
            first = second;
            at += second.len;
        }
        if (at >= end and count < spans.len) {
            spans[count] = .{ .start = start, .end = end };
            count += 1;
            start = end;
        }
        position.* = start;
        return count;
    }
};

inline fn isFollowing(byte: u8) bool {
    return byte & 0xC0 == 0x80;
}

/// U+FFFD itself is taken for such.
fn isIllFormed(character: utf8.Character) bool {
    return character.code_point == utf8.replacement;
}

const test_characters = [_][]const u8{
    "a",        " ",        "\u{e9}",   "\u{44f}",      "\u{4e2d}",  "\u{6587}", "\u{4e00}", "\u{3042}", "\u{ac00}",
    "\u{fffd}", "\u{e000}", "\u{800}",  "\u{ffff}",     "\u{20000}", "\xe4\xb8", "\x80",     "\xff",     "\xed\xa0\x80",
    "\u{4e01}", "\u{5e2d}", "\u{3002}", "\xe0\x9f\xbf",
};

fn randomText(random: std.Random, buffer: []u8, count: usize) []u8 {
    var len: usize = 0;
    const kinds = random.intRangeAtMost(usize, 2, test_characters.len);
    for (0..count) |_| {
        const character = test_characters[random.uintLessThan(usize, kinds) * 7 % test_characters.len];
        @memcpy(buffer[len..][0..character.len], character);
        len += character.len;
    }
    return buffer[0..len];
}

fn isMadeInTest(_: void, id: u32) bool {
    return id % 4 != 0;
}

test "parts follow one another, no token lies across a cut, and none that is not made is a part" {
    const gpa = std.testing.allocator;
    var prng: std.Random.DefaultPrng = .init(17);
    const random = prng.random();
    var cuts: usize = 0;
    for (0..400) |_| {
        var arena_state: std.heap.ArenaAllocator = .init(gpa);
        defer arena_state.deinit();
        const arena = arena_state.allocator();
        var buffer: [400]u8 = undefined;
        const tokens = try arena.alloc(definition.Token, random.intRangeAtMost(usize, 1, 60));
        for (tokens, 0..) |*token, id| {
            const text = randomText(random, &buffer, random.intRangeAtMost(usize, 1, 4));
            // They may begin and end within a character.
            const start = random.uintLessThan(usize, @min(text.len, 3));
            const end = @max(start + 1, text.len - random.uintLessThan(usize, @min(text.len, 3)));
            token.* = .{ .id = @intCast(id), .bytes = try arena.dupe(u8, text[start..end]) };
        }
        var joints: Joints = try .init(gpa, tokens, {}, isMadeInTest);
        defer joints.deinit(gpa);
        try std.testing.expect(joints.validate(0));
        for (0..20) |_| {
            const text = randomText(random, &buffer, random.intRangeAtMost(usize, 1, 60));
            var spans: [400]Span = undefined;
            var count: usize = 0;
            var position: usize = 0;
            while (position < text.len) {
                const room = random.intRangeAtMost(usize, 1, 5);
                count += joints.next(text, text.len, &position, spans[count..][0..room]);
            }
            var at: usize = 0;
            for (spans[0..count]) |span| {
                try std.testing.expectEqual(at, span.start);
                try std.testing.expect(span.end > span.start);
                at = span.end;
                for (tokens) |token| {
                    if (count > 1 and !isMadeInTest({}, token.id)) {
                        try std.testing.expect(!std.mem.eql(u8, token.bytes, text[span.start..span.end]));
                    }
                    if (span.end == text.len) continue;
                    for (1..token.bytes.len) |before| {
                        if (before > at or at - before + token.bytes.len > text.len) continue;
                        const there = text[at - before ..][0..token.bytes.len];
                        try std.testing.expect(!std.mem.eql(u8, there, token.bytes));
                    }
                }
            }
            try std.testing.expectEqual(text.len, at);
            cuts += count - 1;
        }
    }
    try std.testing.expect(cuts > 10_000);
}

fn initOnce(gpa: Allocator) !void {
    const tokens = [_]definition.Token{.{ .id = 1, .bytes = "\u{4e2d}\u{6587}" }};
    var joints: Joints = try .init(gpa, &tokens, {}, isMadeInTest);
    joints.deinit(gpa);
}

test "a failed allocation leaks nothing" {
    try std.testing.checkAllAllocationFailures(std.testing.allocator, initOnce, .{});
}
