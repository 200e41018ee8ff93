//! Cutting text for a vocabulary of characters: into words that no merge can cross.
//!
//! SentencePiece's vocabularies have no pre-tokenizer: a whole text is merged at once. But where no token has
//! some two characters side by side, no merge ever joins them, and what lies on both sides may be merged
//! apart. Which pairs of characters stand in the tokens is found out once, when loading: exactly for pairs of
//! ASCII, and for the others by a set of hashes, which at worst misses a cut. Most tokens begin with a
//! space and have no other, so the cuts are those between words and many more, and the pieces are as short and
//! as often the same as those of byte-level vocabularies.
//!
//! Characters that the vocabulary does not know are cut out too, each by itself. Time is linear in the text: a
//! table look-up a character of ASCII, and two of others.

const std = @import("std");
const definition = @import("definition.zig");
const pretokenizer = @import("pretokenizer.zig");
const utf8 = @import("utf8.zig");
const Allocator = std.mem.Allocator;

/// Bytes that are not well-formed are a character of this number, which no token has.
const ill_formed = 0x110000;

pub const Words = struct {
    /// Whether to cut between two ASCII characters, at `second << 8 | first`: 0 or 1.
    ascii_cuts: []u8,
    /// The hashes of the other pairs that stand in tokens, as bits.
    pairs: []u64,
    pair_shift: u32,
    /// What is known of each character up to the last known one.
    traits: []Traits,
    /// The tokens of the bytes that unknown characters become; `none` where there is none.
    byte_ids: [256]u32,
    /// What an unknown character becomes for which those are missing; `none` if it is dropped.
    unknown_id: u32,
    fuse_unknown: bool,
    /// Whether every byte has its token, so that nothing is unknown.
    has_all_bytes: bool,

    pub const none = std.math.maxInt(u32);

    const Traits = packed struct(u8) {
        is_known: bool,
        /// Whether some token has it in front of another character that is not of ASCII like itself.
        is_first: bool = false,
        /// The same, behind another.
        is_second: bool = false,
        unused: u5 = 0,
    };

    const ascii_len = 128 * 256;

    /// For byte-level vocabularies, which cut otherwise.
    pub const unused: Words = .{
        .ascii_cuts = &.{},
        .pairs = &.{},
        .pair_shift = 0,
        .traits = &.{},
        .byte_ids = @splat(none),
        .unknown_id = none,
        .fuse_unknown = false,
        .has_all_bytes = false,
    };

    /// `tokens` are those that merges start from or make.
    pub fn init(
        gpa: Allocator,
        characters: definition.Characters,
        tokens: []const definition.Token,
    ) error{OutOfMemory}!Words {
        const ascii_cuts = try gpa.alloc(u8, ascii_len);
        errdefer gpa.free(ascii_cuts);
        @memset(ascii_cuts, 1);
        var bytes: usize = 0;
        for (tokens) |token| bytes += token.bytes.len;
        // About a quarter of the bytes are second characters of different pairs, at most.
        const bits = std.math.ceilPowerOfTwo(usize, @max(bytes, 64)) catch return error.OutOfMemory;
        const pairs = try gpa.alloc(u64, bits / 64);
        errdefer gpa.free(pairs);
        @memset(pairs, 0);
        const known = characters.known;
        const limit = if (known.len == 0) 0 else @as(usize, known[known.len - 1].character) + 1;
        const traits = try gpa.alloc(Traits, limit);
        @memset(traits, .{ .is_known = false });
        for (known) |entry| traits[entry.character].is_known = true;
        var words: Words = .{
            .ascii_cuts = ascii_cuts,
            .pairs = pairs,
            .pair_shift = 64 - @as(u32, std.math.log2_int(usize, bits)),
            .traits = traits,
            .byte_ids = undefined,
            .unknown_id = characters.unknown orelse none,
            .fuse_unknown = characters.fuse_unknown,
            .has_all_bytes = true,
        };
        for (&words.byte_ids, characters.byte_ids) |*id, source| {
            id.* = source orelse none;
            if (source == null) words.has_all_bytes = false;
        }
        for (tokens) |token| words.addPairs(token.bytes);
        return words;
    }

    pub fn deinit(words: *Words, gpa: Allocator) void {
        gpa.free(words.ascii_cuts);
        gpa.free(words.pairs);
        gpa.free(words.traits);
        words.* = undefined;
    }

    /// Whether every look-up is within the tables, or there are none.
    pub fn validate(words: *const Words, id_limit: u32) bool {
        for (words.byte_ids) |id| {
            if (if (id == none) words.has_all_bytes else id >= id_limit) return false;
        }
        if (words.unknown_id != none and words.unknown_id >= id_limit) return false;
        if (words.isUnused()) return words.pairs.len == 0 and words.traits.len == 0;
        if (words.ascii_cuts.len != ascii_len) return false;
        for (words.ascii_cuts) |is_cut| if (is_cut > 1) return false;
        if (words.pair_shift == 0 or words.pair_shift > 58) return false;
        return words.pairs.len == @as(u64, 1) << @intCast(58 - words.pair_shift);
    }

    /// Whether no token has two characters of ASCII side by side.
    pub fn cutsBetween(words: *const Words, first: u8, second: u8) bool {
        return words.ascii_cuts[@as(usize, second) << 8 | first] != 0;
    }

    pub fn isUnused(words: *const Words) bool {
        return words.ascii_cuts.len == 0;
    }

    pub fn memoryBytes(words: *const Words) usize {
        return words.ascii_cuts.len + 8 * words.pairs.len + words.traits.len;
    }

    fn addPairs(words: *Words, token: []const u8) void {
        var before: ?u32 = null;
        var at: usize = 0;
        while (at < token.len) {
            const character = characterAt(token, at);
            at += character.len;
            defer before = character.code_point;
            const first = before orelse continue;
            const second = character.code_point;
            if (first < 128 and second < 128) {
                words.ascii_cuts[@as(usize, second) << 8 | first] = 0;
            } else {
                const bit = words.pairBit(first, second);
                words.pairs[bit / 64] |= @as(u64, 1) << @truncate(bit);
                words.traits[first].is_first = true;
                words.traits[second].is_second = true;
            }
        }
    }

    inline fn pairBit(words: *const Words, first: u32, second: u32) usize {
        const pair = @as(u64, first) << 32 | second;
        return @intCast(pair *% 0x9e3779b97f4a7c15 >> @intCast(words.pair_shift));
    }

    pub inline fn isKnown(words: *const Words, character: u32) bool {
        return words.traitsOf(character).is_known;
    }

    inline fn traitsOf(words: *const Words, character: u32) Traits {
        return if (character < words.traits.len) words.traits[character] else .{ .is_known = false };
    }

    /// With fields of whole bytes: what is stored in parts and read at once is waited for.
    const Seen = struct { character: u32, traits: u32 };

    inline fn seen(words: *const Words, character: u32) Seen {
        return .{ .character = character, .traits = @as(u8, @bitCast(words.traitsOf(character))) };
    }

    /// 1 where no token has the two characters, which are not both of ASCII, side by side, or 0. An unknown
    /// character is cut from every other: what it becomes is not merged.
    inline fn cutBetween(words: *const Words, first: Seen, second: Seen) u64 {
        const bit = words.pairBit(first.character, second.character);
        const may_join = first.traits >> @bitOffsetOf(Traits, "is_first") &
            second.traits >> @bitOffsetOf(Traits, "is_second");
        return (words.pairs[bit / 64] >> @truncate(bit) & may_join & 1) ^ 1;
    }

    /// Before which of the bytes behind the first one to cut, all of them being ASCII. For others, the bits say
    /// nothing.
    inline fn asciiCuts(words: *const Words, bytes: *const [block_len + 1]u8) u64 {
        const table = words.ascii_cuts[0..ascii_len];
        var cuts: u64 = 0;
        inline for (0..block_len) |i| {
            const pair: u15 = @truncate(std.mem.readInt(u16, bytes[i..][0..2], .little));
            cuts |= @as(u64, table[pair]) << i;
        }
        return cuts;
    }

    /// The same for the bytes of a mask.
    inline fn someAsciiCuts(words: *const Words, bytes: *const [block_len + 1]u8, mask: u64) u64 {
        if (@popCount(mask) > 16) return words.asciiCuts(bytes) & mask;
        const table = words.ascii_cuts[0..ascii_len];
        var cuts: u64 = 0;
        var left = mask;
        while (left != 0) : (left &= left - 1) {
            const i: u6 = @intCast(@ctz(left));
            const pair: u15 = @truncate(std.mem.readInt(u16, bytes[i..][0..2], .little));
            cuts |= @as(u64, table[pair]) << i;
        }
        return cuts;
    }

    /// Finds the next pieces of `text[0..limit]` from `position` on, as many as `spans` has room for, and returns
    /// how many. They are all found when `position` is `limit`. What lies behind is of no effect, but reading in
    /// steps is quicker where something does.
    pub fn next(
        words: *const Words,
        text: []const u8,
        limit: usize,
        position: *usize,
        spans: []pretokenizer.Span,
    ) usize {
        var cutter: Cutter = .{
            .words = words,
            .text = text[0..limit],
            .readable = text,
            .piece = position.*,
            .spans = spans,
        };
        cutter.run();
        position.* = cutter.piece;
        return cutter.count;
    }

    /// Whether a piece is of unknown characters.
    pub fn isUnknown(words: *const Words, piece: []const u8) bool {
        return !words.isKnown(characterAt(piece, 0).code_point);
    }

    /// Writes the tokens of a piece's bytes, each of which has one.
    pub fn fallBack(words: *const Words, piece: []const u8, ids: [*]u32) usize {
        std.debug.assert(words.has_all_bytes);
        for (piece, ids) |byte, *id| id.* = words.byte_ids[byte];
        return piece.len;
    }

    /// Whether some characters leave nothing behind, so that those beside them are neighbours.
    pub fn dropsCharacters(words: *const Words) bool {
        return !words.has_all_bytes and words.unknown_id == none;
    }

    /// Appends `text` without the characters that leave nothing behind.
    pub fn appendKept(
        words: *const Words,
        gpa: Allocator,
        text: []const u8,
        output: *std.ArrayList(u8),
    ) error{OutOfMemory}!void {
        var at: usize = 0;
        while (at < text.len) {
            const character = characterAt(text, at);
            const bytes = text[at..][0..character.len];
            at += character.len;
            if (!words.isKnown(character.code_point) and !words.haveTokens(bytes)) continue;
            try output.appendSlice(gpa, bytes);
        }
    }

    /// Whether each of the bytes has its token.
    fn haveTokens(words: *const Words, bytes: []const u8) bool {
        for (bytes) |byte| {
            if (words.byte_ids[byte] == none) return false;
        }
        return true;
    }

    /// The length of the known characters that `text` begins with.
    pub fn knownLength(words: *const Words, text: []const u8) usize {
        var at: usize = 0;
        while (at < text.len) {
            const character = characterAt(text, at);
            if (!words.isKnown(character.code_point)) break;
            at += character.len;
        }
        return at;
    }

    /// What unknown characters become, one after the other, where not every byte has its token.
    pub const Unknown = struct {
        words: *const Words,
        /// Whether the token of unknown characters is due. As in the reference, it is written before the next
        /// known character, and so behind the bytes of characters that stand between.
        is_due: bool = false,

        /// Takes the unknown character that `text` begins with, writes up to 4 ids and returns how many there
        /// are and the character's length.
        pub fn take(unknown: *Unknown, text: []const u8, ids: [*]u32) struct { usize, usize } {
            const words = unknown.words;
            const len = characterAt(text, 0).len;
            if (words.haveTokens(text[0..len])) {
                for (text[0..len], ids) |byte, *id| id.* = words.byte_ids[byte];
                return .{ len, len };
            }
            std.debug.assert(words.unknown_id != none);
            const count = if (words.fuse_unknown) 0 else unknown.finish(ids);
            unknown.is_due = true;
            return .{ count, len };
        }

        /// Before a known character and at a word's end: writes the token if it is due.
        pub fn finish(unknown: *Unknown, ids: [*]u32) usize {
            if (!unknown.is_due) return 0;
            unknown.is_due = false;
            ids[0] = unknown.words.unknown_id;
            return 1;
        }
    };
};

const block_len = 64;

/// Where to cut is found for 64 bytes at a time, as a mask and without a branch that depends on it: where words
/// end cannot be predicted.
const Cutter = struct {
    words: *const Words,
    text: []const u8,
    /// The text and what lies behind it.
    readable: []const u8,
    /// Where the piece begins whose end is looked for.
    piece: usize,
    spans: []pretokenizer.Span,
    count: usize = 0,

    fn run(cutter: *Cutter) void {
        const text = cutter.text;
        if (cutter.piece == text.len) return;
        const first = characterAt(text, cutter.piece);
        var before = cutter.words.seen(first.code_point);
        var at = cutter.piece + first.len;
        while (at < text.len) {
            var padded: [block_len + 1]u8 = undefined;
            const block: Block = .init(cutter.readable, at, @min(block_len, text.len - at), &padded);
            if (block.high == 0 and before.character < 0x80) {
                const cuts = cutter.words.asciiCuts(block.bytes) & block.inside();
                if (!cutter.emit(at, cuts)) return;
                at += block.len;
                before = cutter.words.seen(block.bytes[block.len]);
            } else {
                const mixed = cutter.mixedCuts(at, &block, before);
                if (!cutter.emit(at, mixed.cuts)) return;
                at = mixed.end;
                before = mixed.last;
            }
        }
        if (cutter.count < cutter.spans.len) cutter.cut(text.len);
    }

    /// The last character of a block ends at `end`, which may lie behind the block.
    const Mixed = struct { cuts: u64, last: Words.Seen, end: usize };

    /// As `asciiCuts`, for any characters, the one before the block being `first`.
    inline fn mixedCuts(cutter: *const Cutter, at: usize, block: *const Block, first: Words.Seen) Mixed {
        const words = cutter.words;
        var before = first;
        const both = ~block.high & ~(block.high << 1 | @intFromBool(before.character >= 0x80));
        var cuts = words.someAsciiCuts(block.bytes, both & block.inside());
        var i: usize = 0;
        while (i < block.len) {
            if (cutter.text[at + i] < 0x80) {
                if (before.character >= 0x80) {
                    const here = words.seen(cutter.text[at + i]);
                    cuts |= words.cutBetween(before, here) << @intCast(i);
                }
                const rest = block.high >> @intCast(i);
                i = if (rest == 0) block.len else i + @ctz(rest);
                before = words.seen(block.bytes[i]);
                continue;
            }
            const character = characterAt(cutter.text, at + i);
            const here = words.seen(character.code_point);
            cuts |= words.cutBetween(before, here) << @intCast(i);
            before = here;
            i += character.len;
        }
        return .{ .cuts = cuts, .last = before, .end = at + i };
    }

    /// Cuts before the bytes of the mask; false if there is no room for more.
    inline fn emit(cutter: *Cutter, at: usize, mask: u64) bool {
        var cuts = mask;
        if (cutter.spans.len - cutter.count > block_len) {
            while (cuts != 0) : (cuts &= cuts - 1) cutter.cut(at + @ctz(cuts));
            return true;
        }
        while (cuts != 0) : (cuts &= cuts - 1) {
            if (cutter.count == cutter.spans.len) return false;
            cutter.cut(at + @ctz(cuts));
        }
        return cutter.count < cutter.spans.len;
    }

    inline fn cut(cutter: *Cutter, at: usize) void {
        cutter.spans[cutter.count] = .{ .start = cutter.piece, .end = at };
        cutter.count += 1;
        cutter.piece = at;
    }
};

/// Up to 64 bytes of a text and the one before them.
const Block = struct {
    bytes: *const [block_len + 1]u8,
    len: usize,
    /// The bytes that are not ASCII.
    high: u64,

    /// The block of `len` bytes at `at`. Uses `padded` where no 64 bytes can be read.
    inline fn init(text: []const u8, at: usize, len: usize, padded: *[block_len + 1]u8) Block {
        var bytes: *const [block_len + 1]u8 = padded;
        if (at + block_len <= text.len) {
            bytes = text[at - 1 ..][0 .. block_len + 1];
        } else {
            padded[1..].* = @as(Vector, @splat(0));
            @memcpy(padded[0 .. len + 1], text[at - 1 ..][0 .. len + 1]);
        }
        const vector: Vector = bytes[1..].*;
        var block: Block = .{
            .bytes = bytes,
            .len = len,
            .high = @bitCast(vector >= @as(Vector, @splat(0x80))),
        };
        block.high &= block.inside();
        return block;
    }

    const Vector = @Vector(block_len, u8);

    inline fn inside(block: *const Block) u64 {
        return @as(u64, std.math.maxInt(u64)) >> @intCast(block_len - block.len);
    }
};

/// The character at `at`, those of ill-formed bytes being told from U+FFFD.
inline fn characterAt(text: []const u8, at: usize) Character {
    if (at + 4 <= text.len) {
        const word = std.mem.readInt(u32, text[at..][0..4], .little);
        if (word & 0xC0C0F0 == 0x8080E0) {
            const code_point = (word & 0xF) << 12 | (word >> 2 & 0xFC0) | (word >> 16 & 0x3F);
            const is_real = code_point >= 0x800 and (code_point < 0xD800 or code_point >= 0xE000);
            if (is_real) return .{ .code_point = code_point, .len = 3 };
        } else if (word & 0xC0E0 == 0x80C0) {
            const code_point = (word & 0x1F) << 6 | (word >> 8 & 0x3F);
            if (code_point >= 0x80) return .{ .code_point = code_point, .len = 2 };
        }
    }
    if (text[at] < 0x80) return .{ .code_point = text[at], .len = 1 };
    return rareCharacterAt(text, at);
}

noinline fn rareCharacterAt(text: []const u8, at: usize) Character {
    const character = utf8.decode(text, at);
    const is_real = character.code_point != utf8.replacement or utf8.isReplacementAt(text, at);
    return .{ .code_point = if (is_real) character.code_point else ill_formed, .len = character.len };
}

const Character = struct { code_point: u32, len: usize };

const tests = struct {
    /// Characters of one to four bytes; the last one is unknown, as are ill-formed bytes.
    const alphabet = [_][]const u8{
        "a",    "b",        " ",    ".",        "\n", "\u{e9}", "\u{6587}", "\u{672c}", "\u{1f600}",
        "\xff", "\xe2\x96", "\xef", "\xef\xbf",
    };
    const known_count = 8;

    fn tokensOf(arena: Allocator, random: std.Random) ![]definition.Token {
        var list: std.ArrayList(definition.Token) = .empty;
        for (0..12) |id| {
            var bytes: std.ArrayList(u8) = .empty;
            for (0..random.intRangeAtMost(usize, 1, 4)) |_| {
                const index = random.uintLessThan(usize, known_count);
                try bytes.appendSlice(arena, alphabet[index]);
            }
            try list.append(arena, .{ .id = @intCast(id), .bytes = bytes.items });
        }
        return list.items;
    }

    fn known(buffer: *[known_count]definition.Characters.Known) []definition.Characters.Known {
        for (buffer, alphabet[0..known_count], 0..) |*entry, bytes, id| {
            entry.* = .{ .character = utf8.decode(bytes, 0).code_point, .id = @intCast(id) };
        }
        std.mem.sortUnstable(definition.Characters.Known, buffer, {}, lessByCharacter);
        return buffer;
    }

    fn lessByCharacter(
        _: void,
        a: definition.Characters.Known,
        b: definition.Characters.Known,
    ) bool {
        return a.character < b.character;
    }

    /// Whether no token has the two neighbours side by side, or one of them is unknown.
    fn mayCut(words: *const Words, tokens: []const definition.Token, pair: []const u8, at: usize) bool {
        const first_known = words.isKnown(characterAt(pair, 0).code_point);
        const second_known = words.isKnown(characterAt(pair, at).code_point);
        if (first_known != second_known) return true;
        if (!first_known) return true;
        for (tokens) |token| if (std.mem.find(u8, token.bytes, pair) != null) return false;
        return true;
    }
};

test "no cut is inside a token, pieces are of known or of unknown characters, and nothing is lost" {
    const gpa = std.testing.allocator;
    var arena: std.heap.ArenaAllocator = .init(gpa);
    defer arena.deinit();
    var prng: std.Random.DefaultPrng = .init(11);
    const random = prng.random();
    for (0..300) |_| {
        const tokens = try tests.tokensOf(arena.allocator(), random);
        var buffer: [tests.known_count]definition.Characters.Known = undefined;
        var words: Words = try .init(gpa, .{ .known = tests.known(&buffer) }, tokens);
        defer words.deinit(gpa);
        try std.testing.expect(words.validate(100));
        var text: std.ArrayList(u8) = .empty;
        defer text.deinit(gpa);
        var starts: std.ArrayList(usize) = .empty;
        defer starts.deinit(gpa);
        const kinds = random.intRangeAtMost(usize, 2, tests.alphabet.len);
        for (0..random.uintAtMost(usize, 300)) |_| {
            try starts.append(gpa, text.items.len);
            try text.appendSlice(gpa, tests.alphabet[random.uintLessThan(usize, kinds)]);
        }
        const is_part = starts.items.len > 0 and random.boolean();
        const limit = if (is_part) starts.items[random.uintLessThan(usize, starts.items.len)] else text.items.len;
        var position: usize = 0;
        var end: usize = 0;
        var cut_count: usize = 0;
        while (position < limit) {
            var spans: [5]pretokenizer.Span = undefined;
            const room = random.intRangeAtMost(usize, 1, spans.len);
            for (spans[0..words.next(text.items, limit, &position, spans[0..room])]) |span| {
                try std.testing.expectEqual(end, span.start);
                try std.testing.expect(span.end > span.start);
                end = span.end;
                cut_count += 1;
                if (end == limit) continue;
                const index = std.mem.findScalar(usize, starts.items, end).?;
                const before = starts.items[index - 1];
                const pair = text.items[before..][0 .. end - before + characterAt(text.items, end).len];
                try std.testing.expect(tests.mayCut(&words, tokens, pair, end - before));
            }
        }
        try std.testing.expectEqual(limit, end);
    }
}

test "words of ASCII are cut wherever no token has the two characters" {
    const gpa = std.testing.allocator;
    const tokens = [_]definition.Token{
        .{ .id = 0, .bytes = " the" }, .{ .id = 1, .bytes = "cat" }, .{ .id = 2, .bytes = " c" },
    };
    var known: [128]definition.Characters.Known = undefined;
    for (&known, 0..) |*entry, i| entry.* = .{ .character = @intCast(i), .id = @intCast(i) };
    var words: Words = try .init(gpa, .{ .known = &known }, &tokens);
    defer words.deinit(gpa);
    const text = " the cat.the" ** 20;
    const expected = [_][]const u8{ " the", " cat", ".", "the" } ** 20;
    var spans: [expected.len]pretokenizer.Span = undefined;
    var position: usize = 0;
    try std.testing.expectEqual(expected.len, words.next(text, text.len, &position, &spans));
    for (spans, expected) |span, piece| {
        try std.testing.expectEqualStrings(piece, text[span.start..span.end]);
    }
}

fn buildOnce(gpa: Allocator) !void {
    const known = [_]definition.Characters.Known{.{ .character = 'a', .id = 0 }};
    var words: Words = try .init(gpa, .{ .known = &known }, &.{.{ .id = 0, .bytes = "aa" }});
    words.deinit(gpa);
}

test "a failed allocation leaks nothing" {
    try std.testing.checkAllAllocationFailures(std.testing.allocator, buildOnce, .{});
}
