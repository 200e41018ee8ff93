//! The patterns of GPT-2, cl100k, o200k and their kin, 64 bytes of text at a time.
//!
//! A window begins where a match begins. Its bytes are sorted into classes, a bit for each byte in a mask
//! for each class (all bytes of a character carry its class), and where pieces begin comes out of the
//! masks by shifts and additions, for all of the window at once. A boundary counts if nothing behind the
//! window could change it; the next window begins at the last one that does. What the masks do not decide
//! (a piece longer than the window, ill-formed UTF-8, a few mixtures of scripts) is left to the scanner
//! that goes character by character: `scan` stops there, and the caller goes on.
//!
//! This file is compiled once for each level of CPU features (`levels.zig`), so it imports nothing but the
//! standard library. Time is linear in the text; nothing is allocated.

const std = @import("std");

/// Bytes looked at together: one bit of a machine word each.
pub const window_len = 64;

const Block = @Vector(window_len, u8);

pub const Options = struct {
    family: Family,
    /// The most digits in a piece; GPT-2's has no bound.
    number_len: usize = 0,
    /// cl100k: white space that ends the text is one piece even where it has newlines.
    keeps_final_space: bool = false,
    /// o200k: a word takes the contraction behind it.
    contractions: bool = true,

    pub const Family = enum {
        /// A space may precede letters, digits or other characters.
        gpt2,
        /// Any character that is no newline may precede letters.
        letters,
        /// As `letters`, and a word is parted before a capital behind a small letter.
        cased,
    };
};

/// What the patterns tell apart, and the index of its mask.
pub const Kind = enum(u8) {
    other,
    /// Any letter; for the cased family, Ll.
    letter,
    number,
    space,
    /// Lu and Lt, in the cased family.
    upper,
    /// Lm and Lo, in the cased family.
    caseless,
    /// M, in the cased family.
    mark,
};

/// The class of each code point: `kinds[second[first[c >> block_bits] << block_bits | low bits of c]]`.
pub const Tables = extern struct {
    first: [*]const u16,
    second: [*]const u8,
    /// 256 values of `Kind`.
    kinds: [*]const u8,
};

const block_bits = 7;

/// A piece of a text.
pub const Span = extern struct { start: usize, end: usize };

/// `count` pieces, and where to go on.
pub const Result = extern struct { count: usize, position: usize };

/// Finds the pieces of `text[0..len]` from `start` on, where a match begins, as long as there is `room` for
/// those of another window. Stops earlier at a piece that it leaves to the caller.
pub fn scan(
    comptime options: Options,
    tables: *const Tables,
    text: [*]const u8,
    len: usize,
    start: usize,
    spans: [*]Span,
    room: usize,
) Result {
    var position = start;
    var count: usize = 0;
    while (count + window_len <= room and position < len) {
        const rest = len - position;
        var bounds: u64 = undefined;
        if (rest > window_len) {
            const window: *const [window_len]u8 = text[position..][0..window_len];
            bounds = boundaries(options, tables, window, window_len, false);
        } else {
            var padded: [window_len]u8 = @splat(0);
            @memcpy(padded[0..rest], text[position..][0..rest]);
            bounds = boundaries(options, tables, &padded, rest, rest < window_len);
        }
        if (bounds == 0) break;
        const found = @popCount(bounds);
        write(bounds, position, spans[count..]);
        count += found;
        position += window_len - 1 - @clz(bounds);
    }
    return .{ .count = count, .position = position };
}

/// Writes a piece for each boundary, which is its end. Eight at a time, however many there are: the loop's
/// end is then easy to foresee, and `spans` has room for all of a window.
inline fn write(bounds: u64, position: usize, spans: [*]Span) void {
    const group = 8;
    var left = bounds;
    var start = position;
    var at: usize = 0;
    while (left != 0) : (at += group) {
        inline for (0..group) |i| {
            const end = position + @ctz(left);
            spans[at + i] = .{ .start = start, .end = end };
            start = end;
            left &= left -% 1;
        }
    }
}

/// A bit for each byte of a window.
const Masks = struct {
    letter: u64,
    number: u64,
    space: u64,
    upper: u64,
    caseless: u64 = 0,
    mark: u64 = 0,
    /// U+0020
    blank: u64,
    newline: u64,
    apostrophe: u64,
    slash: u64,
    /// First bytes of characters of two, three and four bytes.
    lead2: u64 = 0,
    lead3: u64 = 0,
    lead4: u64 = 0,
    /// Numbers beyond ASCII.
    wide_number: u64 = 0,
    /// Bytes whose class is known: all before this.
    len: usize,

    inline fn of(
        comptime options: Options,
        tables: *const Tables,
        window: *const [window_len]u8,
        len: usize,
    ) Masks {
        const is_cased = options.family == .cased;
        const block: Block = window.*;
        const valid = lowest(len);
        const letter = if (is_cased) block else block | splat(0x20);
        var masks: Masks = .{
            .letter = inRange(letter, 'a', 26) & valid,
            .upper = if (is_cased) inRange(block, 'A', 26) & valid else 0,
            .number = inRange(block, '0', 10) & valid,
            .space = (equal(block, ' ') | inRange(block, '\t', 5)) & valid,
            .blank = equal(block, ' ') & valid,
            .newline = (equal(block, '\n') | equal(block, '\r')) & valid,
            .apostrophe = equal(block, '\'') & valid,
            .slash = if (is_cased) equal(block, '/') & valid else 0,
            .len = len,
        };
        const wide: u64 = @bitCast(block >= splat(0x80));
        if (wide != 0) masks.addWide(is_cased, tables, window, wide & valid);
        return masks;
    }

    /// Adds the characters beyond ASCII. Where one is ill-formed or cut off, what is known ends before it.
    noinline fn addWide(
        masks: *Masks,
        comptime is_cased: bool,
        tables: *const Tables,
        window: *const [window_len]u8,
        wide: u64,
    ) void {
        var by_kind: [std.meta.fields(Kind).len]u64 = @splat(0);
        var leads: [5]u64 = @splat(0);
        const common = commonWide(is_cased, window);
        by_kind[@intFromEnum(Kind.letter)] = common.letter & wide;
        by_kind[@intFromEnum(Kind.upper)] = common.upper & wide;
        by_kind[@intFromEnum(Kind.caseless)] = common.caseless & wide;
        leads[2] = common.lead2 & wide;
        leads[3] = common.lead3 & wide;
        var left = wide & ~(common.letter | common.upper | common.caseless);
        while (left != 0) {
            const at = @ctz(left);
            const character = decode(window, at) orelse {
                masks.cut(at);
                const known = lowest(at);
                for (&by_kind) |*mask| mask.* &= known;
                for (&leads) |*mask| mask.* &= known;
                break;
            };
            const block: usize = tables.first[character.code_point >> block_bits];
            const low = character.code_point & ((1 << block_bits) - 1);
            const kind = tables.kinds[tables.second[block << block_bits | low]];
            const bits = lowest(character.len) << @intCast(at);
            by_kind[kind] |= bits;
            leads[character.len] |= @as(u64, 1) << @intCast(at);
            left &= ~bits;
        }
        masks.letter |= by_kind[@intFromEnum(Kind.letter)];
        masks.number |= by_kind[@intFromEnum(Kind.number)];
        masks.space |= by_kind[@intFromEnum(Kind.space)];
        masks.upper |= by_kind[@intFromEnum(Kind.upper)];
        masks.caseless = by_kind[@intFromEnum(Kind.caseless)];
        masks.mark = by_kind[@intFromEnum(Kind.mark)];
        masks.wide_number = by_kind[@intFromEnum(Kind.number)];
        masks.lead2 = leads[2];
        masks.lead3 = leads[3];
        masks.lead4 = leads[4];
    }

    /// Forgets the classes of what lies from `len` on.
    fn cut(masks: *Masks, len: usize) void {
        const known = lowest(len);
        masks.len = len;
        inline for (.{
            "letter", "number", "space", "upper", "blank", "newline", "apostrophe", "slash",
        }) |name| @field(masks, name) &= known;
    }

    inline fn hasWide(masks: *const Masks) bool {
        return masks.lead2 | masks.lead3 | masks.lead4 != 0;
    }

    /// The last bytes of characters whose first bytes are in `starts`.
    inline fn lastBytes(masks: *const Masks, starts: u64) u64 {
        if (!masks.hasWide()) return starts;
        const plain = starts & ~(masks.lead2 | masks.lead3 | masks.lead4);
        return plain | (starts & masks.lead2) << 1 | (starts & masks.lead3) << 2 |
            (starts & masks.lead4) << 3;
    }

    /// The first bytes of characters whose last bytes are in `ends`.
    inline fn firstBytes(masks: *const Masks, ends: u64) u64 {
        if (!masks.hasWide()) return ends;
        const two = ends & masks.lead2 << 1;
        const three = ends & masks.lead3 << 2;
        const four = ends & masks.lead4 << 3;
        return ends & ~(two | three | four) | two >> 1 | three >> 2 | four >> 3;
    }
};

/// Characters of the blocks that most texts beyond ASCII are written in, found all at once: these blocks
/// hold nothing but letters, whose kind their first two bytes tell (the tests of `levels.zig` check that). Going
/// character by character took most of the time of Chinese, Korean and Russian text.
const CommonWide = struct { letter: u64, upper: u64, caseless: u64, lead2: u64, lead3: u64 };

inline fn commonWide(comptime is_cased: bool, window: *const [window_len]u8) CommonWide {
    const block: Block = window.*;
    const trails = inRange(block, 0x80, 0x40);
    const second = trails >> 1;
    const third = trails >> 2;
    // U+4E00 to U+9FFF, Han; U+AC00 to U+CFFF, Hangul.
    var lead3 = (inRange(block, 0xE5, 5) | inRange(block, 0xEB, 2)) & second & third;
    lead3 |= equal(block, 0xE4) & inRange(block, 0xB8, 8) >> 1 & third;
    lead3 |= equal(block, 0xEA) & inRange(block, 0xB0, 16) >> 1 & third;
    const kana = equal(block, 0xE3);
    if (kana != 0) {
        // U+3041 to U+3096, U+30A1 to U+30FA, U+30FC to U+30FF.
        const page1 = equal(block, 0x81) >> 1 & inRange(block, 0x81, 0x3F) >> 2;
        const page2 = equal(block, 0x82) >> 1 &
            (inRange(block, 0x80, 0x17) | inRange(block, 0xA1, 0x1F)) >> 2;
        const page3 = equal(block, 0x83) >> 1 & third & ~(equal(block, 0xBB) >> 2);
        lead3 |= kana & (page1 | page2 | page3);
    }
    const three = lead3 | lead3 << 1 | lead3 << 2;
    // U+00C0 to U+00FF, Latin, without the signs for times and division.
    const latin = equal(block, 0xC3);
    const latin_small = latin & inRange(block, 0x9F, 0x21) >> 1 & ~(equal(block, 0xB7) >> 1);
    const latin_capital = latin & inRange(block, 0x80, 0x1F) >> 1 & ~(equal(block, 0x97) >> 1);
    // U+0400 to U+045F, Cyrillic: capitals before U+0430.
    const cyrillic = equal(block, 0xD0);
    const small = latin_small | (cyrillic & inRange(block, 0xB0, 0x10) >> 1) |
        (equal(block, 0xD1) & inRange(block, 0x80, 0x20) >> 1);
    const capital = latin_capital | (cyrillic & inRange(block, 0x80, 0x30) >> 1);
    var lead2 = small | capital;
    if (!is_cased) {
        // U+0100 to U+02BF, more Latin.
        lead2 |= inRange(block, 0xC4, 7) & second;
        const letter = three | lead2 | lead2 << 1;
        return .{ .letter = letter, .upper = 0, .caseless = 0, .lead2 = lead2, .lead3 = lead3 };
    }
    return .{
        .letter = small | small << 1,
        .upper = capital | capital << 1,
        .caseless = three,
        .lead2 = lead2,
        .lead3 = lead3,
    };
}

const Character = struct { code_point: u32, len: usize };

/// The well-formed character beyond ASCII at `window[at]`; null if there is none, or not all of it.
inline fn decode(window: *const [window_len]u8, at: usize) ?Character {
    const first: u32 = window[at];
    // Three bytes that a character may go on with: none of them where the window ends.
    const second = trail(window, at + 1) orelse return null;
    switch (first) {
        0xC2...0xDF => return .{ .code_point = (first & 0x1F) << 6 | second, .len = 2 },
        0xE0...0xEF => {
            const third = trail(window, at + 2) orelse return null;
            const code_point = (first & 0xF) << 12 | second << 6 | third;
            if (code_point < 0x800 or code_point >> 11 == 0xD800 >> 11) return null;
            return .{ .code_point = code_point, .len = 3 };
        },
        0xF0...0xF4 => {
            const third = trail(window, at + 2) orelse return null;
            const fourth = trail(window, at + 3) orelse return null;
            const code_point = (first & 7) << 18 | second << 12 | third << 6 | fourth;
            if (code_point < 0x10000 or code_point > 0x10FFFF) return null;
            return .{ .code_point = code_point, .len = 4 };
        },
        else => return null,
    }
}

/// The six bits of a continuation byte; null if `window[at]` is none.
inline fn trail(window: *const [window_len]u8, at: usize) ?u32 {
    if (at >= window_len or window[at] & 0xC0 != 0x80) return null;
    return window[at] & 0x3F;
}

/// Where pieces end, as bits; 0 if that of the first piece is not certain. With `is_end` the text ends
/// behind the window's `len` bytes, of which there are fewer than 64.
inline fn boundaries(
    comptime options: Options,
    tables: *const Tables,
    window: *const [window_len]u8,
    len: usize,
    comptime_is_end: bool,
) u64 {
    const masks: Masks = .of(options, tables, window, len);
    const is_end = comptime_is_end and masks.len == len;
    const valid = lowest(masks.len);
    if (masks.len == 0) return 0;
    const word = masks.letter | masks.upper | masks.caseless | masks.mark;
    const others = valid & ~(word | masks.number | masks.space);
    const attached = attachedTo(options, masks, others);
    const other = others & ~attached;
    const space = masks.space & ~attached;

    // A boundary counts up to `limit`.
    var limit = if (is_end) masks.len else masks.len - 1;
    const space_start = window_len - @clz(valid & ~space);
    const ends_in_space = space_start < masks.len;
    if (ends_in_space and !is_end) limit = @min(limit, space_start);

    const word_start = word & ~(word << 1);
    const number_start = masks.number & ~(masks.number << 1);
    const other_start = other & ~(other << 1);
    const space_last = space & ~(space >> 1) & (valid & ~space) >> 1;
    const behind_blank = masks.blank << 1;
    const newline = masks.newline & space;
    var bounds = (space & ~(space << 1)) | (other_start & ~behind_blank);
    if (options.family == .gpt2) {
        bounds |= (word_start | number_start) & ~behind_blank;
        bounds |= masks.firstBytes(space_last);
    } else {
        // A character that begins a match and stands before a word belongs to it.
        const last = masks.lastBytes(other_start & ~behind_blank);
        const single = last & ~(other >> 1);
        bounds |= word_start & ~((space & ~newline | single) << 1);
        bounds |= number_start;
        bounds |= masks.firstBytes(space_last & ~newline);
        bounds |= behindLastNewline(space, newline);
        if (options.number_len == 1) {
            bounds |= masks.number & ~(masks.wide_number & ~(masks.lead2 | masks.lead3 | masks.lead4));
        } else {
            bounds |= groups(options.number_len, masks.number, number_start);
            if (masks.wide_number != 0) {
                const first = runStart(masks.number, @ctz(masks.wide_number));
                limit = @min(limit, first);
            }
        }
    }
    if (options.keeps_final_space and is_end and ends_in_space) {
        bounds &= lowest(space_start + 1);
    }
    if (options.family == .cased) {
        bounds |= masks.upper & masks.letter << 1;
        if (masks.caseless | masks.mark != 0) {
            const before_blank = space & ~newline;
            limit = @min(limit, mixtureStart(masks, word, word_start, before_blank, bounds));
        }
    }
    const quotes = if (options.family == .cased)
        masks.apostrophe & other & word << 1
    else
        masks.apostrophe & other_start & ~behind_blank;
    if (options.contractions and quotes != 0) {
        contract(options, window, masks.len, is_end, quotes, &bounds, &limit);
    }
    if (is_end) bounds |= @as(u64, 1) << @intCast(masks.len);
    return bounds & (lowest(limit) << 1 | 1) & ~@as(u64, 1);
}

/// The newlines, and for the cased family slashes behind them, that belong to the other characters
/// before them.
inline fn attachedTo(comptime options: Options, masks: Masks, other: u64) u64 {
    const starts = masks.newline & other << 1;
    switch (options.family) {
        .gpt2 => return 0,
        .letters => return runsFrom(masks.newline, starts),
        .cased => {
            if (masks.slash & masks.newline << 1 == 0) return runsFrom(masks.newline, starts);
            const either = masks.newline | masks.slash;
            var attached: u64 = 0;
            var left = starts;
            while (left != 0) {
                attached |= runsFrom(either, left & -%left);
                left &= ~attached;
            }
            return attached;
        },
    }
}

/// The bits of `runs` from each of `starts` to the end of its run; no two in one run.
inline fn runsFrom(runs: u64, starts: u64) u64 {
    return runs & ~(runs +% starts);
}

/// Where the run that has the bit `at` begins.
inline fn runStart(runs: u64, at: usize) usize {
    return window_len - @clz(~runs & lowest(at));
}

/// Where white space goes on behind a run's last newline.
inline fn behindLastNewline(space: u64, newline: u64) u64 {
    const plain = space & ~newline;
    const starts = plain & newline << 1;
    if (starts == 0) return 0;
    const ends = (plain +% starts) & ~plain;
    if (ends & newline == 0) return starts;
    var last: u64 = 0;
    var left = starts;
    while (left != 0) : (left &= left - 1) {
        const start = left & -%left;
        if ((plain +% start) & ~plain & newline == 0) last |= start;
    }
    return last;
}

/// Where runs of ASCII digits are parted: behind every `len`.
inline fn groups(comptime len: usize, number: u64, starts: u64) u64 {
    var long = starts;
    inline for (1..len + 1) |i| long &= number >> i;
    var bounds: u64 = 0;
    while (long != 0) : (long &= long - 1) {
        const start = @ctz(long);
        const end = start + @ctz(~(number >> @intCast(start)));
        var at = start + len;
        while (at < end) : (at += len) bounds |= @as(u64, 1) << @intCast(at);
    }
    return bounds;
}

/// The last certain boundary before what the masks do not decide in the cased family: words that have
/// capitals as well as letters without case, and marks that no letter or space precedes.
fn mixtureStart(masks: Masks, word: u64, word_start: u64, blank: u64, bounds: u64) usize {
    const loose_mark = word_start & masks.mark & ~(blank << 1);
    var limit: usize = window_len;
    if (loose_mark != 0) limit = lastBefore(bounds, @ctz(loose_mark));
    if (masks.upper == 0) return limit;
    const caseless = masks.caseless | masks.mark;
    var left = word_start;
    while (left != 0) : (left &= left - 1) {
        const run = runsFrom(word, left & -%left);
        if (run & masks.upper == 0 or run & caseless == 0) continue;
        return @min(limit, lastBefore(bounds, @as(usize, @ctz(left)) + 1));
    }
    return limit;
}

/// Takes the contractions (s, d, m, t, ll, ve, re) at `quotes` into account.
inline fn contract(
    comptime options: Options,
    window: *const [window_len]u8,
    len: usize,
    is_end: bool,
    quotes: u64,
    bounds: *u64,
    limit: *usize,
) void {
    var left = quotes;
    var previous_end: usize = 0;
    while (left != 0) : (left &= left - 1) {
        const at: usize = @ctz(left);
        // Behind a contraction a match begins.
        if (options.family == .cased and at == previous_end) continue;
        const is_cut = at + 3 > len;
        if (is_cut and !is_end) {
            limit.* = @min(limit.*, at);
            if (options.family == .cased) limit.* = @min(limit.*, lastBefore(bounds.*, at));
            return;
        }
        const fold: u8 = if (options.family == .gpt2) 0 else 0x20;
        const first = if (at + 1 < len) window[at + 1] | fold else 0;
        const second = if (at + 2 < len) window[at + 2] else 0;
        // U+017F folds to s: left to the other scanner.
        if (fold != 0 and first == 0xC5 | fold and second == 0xBF) {
            limit.* = @min(limit.*, lastBefore(bounds.*, at));
            return;
        }
        const taken: usize = switch (first) {
            's', 'd', 'm', 't' => 2,
            'l' => if (second | fold == 'l') 3 else 0,
            'v', 'r' => if (second | fold == 'e') 3 else 0,
            else => 0,
        };
        if (taken == 0) continue;
        previous_end = at + taken;
        const inside = lowest(taken) << @intCast(at);
        bounds.* &= if (options.family == .cased) ~inside else ~(inside & inside << 1);
        if (previous_end < window_len) bounds.* |= @as(u64, 1) << @intCast(previous_end);
    }
}

/// The last boundary before `at`, which may be the window's start.
inline fn lastBefore(bounds: u64, at: usize) usize {
    const before = bounds & lowest(at);
    return if (before == 0) 0 else window_len - 1 - @clz(before);
}

/// A mask of the lowest `count` bits, 0 to 64.
inline fn lowest(count: usize) u64 {
    return if (count >= 64) ~@as(u64, 0) else (@as(u64, 1) << @intCast(count)) - 1;
}

inline fn splat(byte: u8) Block {
    return @splat(byte);
}

inline fn equal(block: Block, byte: u8) u64 {
    return @bitCast(block == splat(byte));
}

/// The bytes from `first` on, `count` of them.
inline fn inRange(block: Block, first: u8, count: u8) u64 {
    return @bitCast(block -% splat(first) < splat(count));
}
