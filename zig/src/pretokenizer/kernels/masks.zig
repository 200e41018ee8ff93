//! What stands where in 64 bytes of text: a bit for each byte in a mask for each class.
//!
//! All bytes of a character carry its class. Compiled once for each level of CPU features, as `window.zig`
//! is; it imports nothing but the standard library.

const std = @import("std");
const cased_letters = @import("cased_letters.zig");
const han_zig = @import("han.zig");
const punctuation = @import("punctuation.zig");

/// Bytes looked at together: one bit of a machine word each.
pub const window_len = 64;

pub const Block = @Vector(window_len, u8);

/// Patterns that tell the same characters apart.
pub const Family = enum {
    /// A space may precede letters, digits or other characters.
    gpt2,
    /// As `gpt2`, but numbers are parted from everything.
    digits,
    /// As `gpt2`, but punctuation is parted from everything, and bytes that are spelled by numbers from
    /// others.
    falcon,
    /// Any character that is no newline may precede letters.
    letters,
    /// As `letters`, and a word is parted before a capital behind a small letter.
    cased,
    /// As `cased`, but Han characters are parted from words, and slashes are as other characters.
    cased_han,
    /// As `letters`, but marks are letters, of punctuation and signs only one of ASCII may precede
    /// letters, and those of ASCII alone; Chinese and Japanese are parted from all other characters.
    parted,
    /// White space and a few signs are `space`, all else is `letter`, ill-formed bytes as well.
    bloom,
    /// White space precedes whatever there is, and numbers are parted from everything.
    clip,
    /// Any white space but a newline may precede letters or punctuation; numbers and newlines are parted from
    /// everything, the far East from all other characters.
    deepseek_coder,
    /// As `deepseek_coder`, but letters and punctuation are those of lists.
    deepseek_llm,

    pub fn isCased(family: Family) bool {
        return family == .cased or family == .cased_han;
    }

    pub fn isDeepseek(family: Family) bool {
        return family == .deepseek_coder or family == .deepseek_llm;
    }

    /// Whether punctuation is told from signs, which are `control`.
    fn hasPunctuation(family: Family) bool {
        return family == .falcon or family.isDeepseek();
    }

    /// What letters are that have no case.
    fn kindOfCaseless(family: Family) Kind {
        if (family.isCased()) return .caseless;
        return if (family == .deepseek_llm) .control else .letter;
    }

    /// Whether what is neither letter, number, white space nor a sign is apart.
    fn hasControl(family: Family) bool {
        return family == .parted or family.hasPunctuation();
    }
};

/// What the patterns tell apart, and the index of its mask.
pub const Kind = enum(u8) {
    other,
    /// Any letter; for the cased family, Ll; for the parted one, L and M.
    letter,
    number,
    space,
    /// Lu and Lt, in the cased family; wide forms of ASCII, in DeepSeek LLM's.
    upper,
    /// Lm and Lo, in the cased family.
    caseless,
    /// M, in the cased family.
    mark,
    /// In the parted family, what is neither L, M, N, P, S nor white space; in Falcon's and deepseek-coder's,
    /// what is neither L, N, punctuation nor white space; in DeepSeek LLM's, so are letters that are not listed.
    control,
    /// U+3000, in DeepSeek LLM's family, which has it among its punctuation.
    wide_space,
};

/// The class of each code point: `kinds[second[first[c >> block_bits] << block_bits | low bits of c]]`.
pub const Tables = extern struct {
    first: [*]const u16,
    second: [*]const u8,
    /// 256 values of `Kind`.
    kinds: [*]const u8,
};

const block_bits = 7;

/// A bit for each byte of a window.
pub const Masks = struct {
    letter: u64,
    number: u64,
    space: u64,
    upper: u64,
    caseless: u64 = 0,
    mark: u64 = 0,
    control: u64 = 0,
    wide_space: u64 = 0,
    /// Those of Chinese and Japanese that the parted family has apart, beside their kind, and of the far East in
    /// deepseek-coder's and DeepSeek LLM's; Han characters in the family that has those apart, in place of it.
    east: u64 = 0,
    /// Han characters that are numbers, or neither letters nor numbers, where Han characters are apart.
    east_number: u64 = 0,
    east_sign: u64 = 0,
    /// U+0020
    blank: u64,
    newline: u64,
    apostrophe: u64,
    slash: u64,
    /// First bytes of characters of two, three and four bytes.
    lead2: u64 = 0,
    lead3: u64 = 0,
    lead4: u64 = 0,
    /// Bytes that are not ASCII.
    wide: u64 = 0,
    /// Numbers beyond ASCII.
    wide_number: u64 = 0,
    /// Bytes whose class is known: all before this.
    len: usize,

    /// Of a window in which no byte is beyond ASCII.
    pub inline fn plain(comptime family: Family, block: Block, len: usize) Masks {
        const valid = lowest(len);
        if (family == .bloom) return .bloom(block, asciiBetween(block), len);
        const is_cased = comptime family.isCased();
        const letter = if (is_cased) block else block | splat(0x20);
        const space = equal(block, ' ') | inRange(block, '\t', 5);
        var control = (inRange(block, 0, 0x20) | equal(block, 0x7F)) & ~space;
        if (family == .deepseek_coder) control |= asciiSigns(block);
        return .{
            .letter = inRange(letter, 'a', 26) & valid,
            .upper = if (is_cased) inRange(block, 'A', 26) & valid else 0,
            .number = inRange(block, '0', 10) & valid,
            .space = space & valid,
            .control = if (comptime family.hasControl()) control & valid else 0,
            .blank = equal(block, ' ') & valid,
            .newline = (equal(block, '\n') | equal(block, '\r')) & valid,
            .apostrophe = equal(block, '\'') & valid,
            .slash = if (family == .cased) equal(block, '/') & valid else 0,
            .len = len,
        };
    }

    /// Of any window. Where a character is ill-formed or cut off, what is known ends before it.
    pub inline fn of(
        comptime family: Family,
        tables: *const Tables,
        window: *const [window_len]u8,
        len: usize,
    ) Masks {
        const block: Block = window.*;
        if (family == .bloom) {
            const between = asciiBetween(block) | wideBetween(block);
            return .bloom(block, between, @min(len, wholeLength(block, window)));
        }
        var wide: Wide = .common(family, block);
        wide.len = @min(len, wholeLength(block, window));
        const unknown = beyondAscii(block) & ~wide.known & lowest(wide.len);
        if (unknown != 0) wide.addRest(family, tables, window, unknown);
        const valid = lowest(wide.len);
        var masks: Masks = .plain(family, block, wide.len);
        masks.letter |= wide.of(.letter) & valid;
        masks.number |= wide.of(.number) & valid;
        masks.space |= wide.of(.space) & valid;
        masks.upper |= wide.of(.upper) & valid;
        masks.caseless = wide.of(.caseless) & valid;
        masks.mark = wide.of(.mark) & valid;
        if (comptime family.hasControl()) masks.control |= wide.of(.control) & valid;
        if (family == .deepseek_llm) masks.wide_space = wide.of(.wide_space) & valid;
        if (family == .parted or comptime family.isDeepseek()) {
            masks.east = wide.east & valid;
        }
        if (family == .cased_han) {
            masks.east = wide.east & valid;
            masks.east_number = wide.east_number & valid;
            masks.east_sign = wide.east_sign & valid;
        }
        masks.wide = beyondAscii(block) & valid;
        masks.wide_number = wide.of(.number) & valid;
        masks.lead2 = wide.lead2 & valid;
        masks.lead3 = wide.lead3 & valid;
        masks.lead4 = wide.lead4 & valid;
        return masks;
    }

    /// The signs of ASCII that are no punctuation.
    inline fn asciiSigns(block: Block) u64 {
        return equal(block, '$') | equal(block, '+') | inRange(block, '<', 3) | equal(block, '^') |
            equal(block, '`') | equal(block, '|') | equal(block, '~');
    }

    inline fn bloom(block: Block, between: u64, len: usize) Masks {
        return .{
            .letter = ~between & lowest(len),
            .number = 0,
            .space = between & lowest(len),
            .upper = 0,
            .blank = equal(block, ' ') & lowest(len),
            .newline = 0,
            .apostrophe = 0,
            .slash = 0,
            .len = len,
        };
    }

    /// What stands between the matches of BLOOM's pattern, of ASCII.
    inline fn asciiBetween(block: Block) u64 {
        return equal(block, ' ') | inRange(block, '\t', 5) | inRange(block, '(', 2) |
            equal(block, ',') | equal(block, '.') | equal(block, '!') | equal(block, '?') |
            equal(block, '|');
    }

    /// And beyond ASCII, whatever the bytes around are: where a character of these begins, it is one.
    inline fn wideBetween(block: Block) u64 {
        // U+0085, U+00A0; U+060C; U+06D4
        const two = (equal(block, 0xC2) & (equal(block, 0x85) | equal(block, 0xA0)) >> 1) |
            (equal(block, 0xD8) & equal(block, 0x8C) >> 1) |
            (equal(block, 0xDB) & equal(block, 0x94) >> 1);
        var three: u64 = 0;
        const leads = equal(block, 0xE2) | equal(block, 0xE3) | equal(block, 0xEF) |
            inRange(block, 0xE0, 2);
        if (leads != 0) {
            // U+2000 to U+200A, U+2026, U+2028, U+2029, U+202F; U+205F
            const general = equal(block, 0x80) >> 1 & (inRange(block, 0x80, 11) |
                equal(block, 0xA6) | inRange(block, 0xA8, 2) | equal(block, 0xAF)) >> 2;
            const wide_space = equal(block, 0x81) >> 1 & equal(block, 0x9F) >> 2;
            three |= equal(block, 0xE2) & (general | wide_space);
            // U+3000 to U+3002; U+FF0C
            three |= equal(block, 0xE3) & equal(block, 0x80) >> 1 & inRange(block, 0x80, 3) >> 2;
            three |= equal(block, 0xEF) & equal(block, 0xBC) >> 1 & equal(block, 0x8C) >> 2;
            // U+0964; U+1680
            three |= equal(block, 0xE0) & equal(block, 0xA5) >> 1 & equal(block, 0xA4) >> 2;
            three |= equal(block, 0xE1) & equal(block, 0x9A) >> 1 & equal(block, 0x80) >> 2;
        }
        return two | two << 1 | three | three << 1 | three << 2;
    }

    /// The bytes that are spelled by characters which are numbers to Rust: digits, and those of U+00B2, U+00B3,
    /// U+00B9 and U+00BC to U+00BE.
    pub inline fn spelledNumbers(block: Block) u64 {
        return inRange(block, '0', 10) | inRange(block, 0xB2, 2) | equal(block, 0xB9) |
            inRange(block, 0xBC, 3);
    }

    /// Where CLIP's pattern may have a literal: at "<|".
    pub inline fn literalStarts(block: Block) u64 {
        return equal(block, '<') & equal(block, '|') >> 1;
    }

    /// Letters of ASCII and their wide forms.
    pub inline fn plainLetters(masks: *const Masks) u64 {
        return (masks.letter & ~masks.wide) | masks.upper;
    }

    /// All other letters of DeepSeek LLM's list.
    pub inline fn casedLetters(masks: *const Masks) u64 {
        return masks.letter & masks.wide;
    }

    pub inline fn hasWide(masks: *const Masks) bool {
        return masks.lead2 | masks.lead3 | masks.lead4 != 0;
    }

    /// The last bytes of characters whose first bytes are in `starts`.
    pub inline fn lastBytes(masks: *const Masks, starts: u64) u64 {
        if (!masks.hasWide()) return starts;
        const single = starts & ~(masks.lead2 | masks.lead3 | masks.lead4);
        return single | (starts & masks.lead2) << 1 | (starts & masks.lead3) << 2 |
            (starts & masks.lead4) << 3;
    }

    /// The first bytes of characters whose last bytes are in `ends`.
    pub inline fn firstBytes(masks: *const Masks, ends: u64) u64 {
        if (!masks.hasWide()) return ends;
        const two = ends & masks.lead2 << 1;
        const three = ends & masks.lead3 << 2;
        const four = ends & masks.lead4 << 3;
        return ends & ~(two | three | four) | two >> 1 | three >> 2 | four >> 3;
    }
};

/// What the characters beyond ASCII are.
const Wide = struct {
    /// All bytes of the characters of each kind.
    by_kind: [kind_count]u64 = @splat(0),
    east: u64 = 0,
    east_number: u64 = 0,
    east_sign: u64 = 0,
    lead2: u64 = 0,
    lead3: u64 = 0,
    lead4: u64 = 0,
    /// All bytes of the characters that `common` has found.
    known: u64 = 0,
    /// What lies behind is not known.
    len: usize = window_len,

    const kind_count = std.meta.fields(Kind).len;

    inline fn of(wide: *const Wide, kind: Kind) u64 {
        return wide.by_kind[@intFromEnum(kind)];
    }

    /// Characters of the blocks that most texts beyond ASCII are written in, found all at once: a range of
    /// first bytes and of second or third ones tells their kind (the tests of `levels.zig` try every
    /// character). Going character by character took most of the time of Chinese, Korean and Russian text.
    inline fn common(comptime family: Family, block: Block) Wide {
        var wide: Wide = .{};
        if (inRange(block, 0xC2, 30) != 0) wide.addTwo(family, block);
        if (inRange(block, 0xE0, 16) != 0) wide.addThree(family, block);
        if (equal(block, 0xF0) != 0) wide.addFour(family, block);
        return wide;
    }

    /// Characters of `len` bytes by their first ones.
    inline fn add(wide: *Wide, comptime len: usize, comptime kind: Kind, leads: u64) void {
        var bytes = leads;
        inline for (1..len) |i| bytes |= leads << i;
        wide.known |= bytes;
        wide.by_kind[@intFromEnum(kind)] |= bytes;
        switch (len) {
            2 => wide.lead2 |= leads,
            3 => wide.lead3 |= leads,
            4 => wide.lead4 |= leads,
            else => comptime unreachable,
        }
    }

    inline fn addTwo(wide: *Wide, comptime family: Family, block: Block) void {
        const is_cased = comptime family.isCased();
        const upper: Kind = if (is_cased) .upper else .letter;
        const caseless: Kind = comptime family.kindOfCaseless();
        // U+00A0 to U+00BF: a space, signs.
        const signs = equal(block, 0xC2);
        if (signs != 0) {
            var sign = inRange(block, 0xA1, 9) | inRange(block, 0xAB, 7) | equal(block, 0xB4) |
                inRange(block, 0xB6, 3) | equal(block, 0xBB) | equal(block, 0xBF);
            if (family == .parted) {
                const soft_hyphen = equal(block, 0xAD);
                wide.add(2, .control, signs & soft_hyphen >> 1);
                sign &= ~soft_hyphen;
            }
            if (family == .deepseek_llm) {
                wide.add(2, .control, signs & sign >> 1);
                sign = 0;
            } else if (comptime family.hasPunctuation()) {
                const counted = equal(block, 0xA1) | equal(block, 0xA7) | equal(block, 0xAB) |
                    inRange(block, 0xB6, 2) | equal(block, 0xBB) | equal(block, 0xBF);
                wide.add(2, .control, signs & (sign & ~counted) >> 1);
                sign = counted;
            }
            wide.add(2, .space, signs & equal(block, 0xA0) >> 1);
            wide.add(2, .other, signs & sign >> 1);
        }
        // U+00C0 to U+00FF, Latin, without the signs for times and division.
        const latin = equal(block, 0xC3);
        const latin_small = latin & (inRange(block, 0x9F, 0x21) & ~equal(block, 0xB7)) >> 1;
        const latin_capital = latin & (inRange(block, 0x80, 0x1F) & ~equal(block, 0x97)) >> 1;
        // U+0400 to U+045F, Cyrillic: capitals before U+0430.
        const cyrillic = equal(block, 0xD0);
        const cyrillic_small = (cyrillic & inRange(block, 0xB0, 0x10) >> 1) |
            (equal(block, 0xD1) & inRange(block, 0x80, 0x20) >> 1);
        const cyrillic_capital = cyrillic & inRange(block, 0x80, 0x30) >> 1;
        wide.add(2, .letter, latin_small | cyrillic_small);
        wide.add(2, upper, latin_capital | cyrillic_capital);
        // U+0100 to U+02BF, more Latin.
        if (!is_cased) {
            var latin_more = inRange(block, 0xC4, 7) & inRange(block, 0x80, 0x40) >> 1;
            if (family == .deepseek_llm) {
                // Without those that have no case.
                const no = (equal(block, 0xC6) & equal(block, 0xBB) >> 1) |
                    (equal(block, 0xC7) & inRange(block, 0x80, 4) >> 1) |
                    (equal(block, 0xCA) & (equal(block, 0x94) | inRange(block, 0xB0, 16)) >> 1);
                wide.add(2, .control, no);
                latin_more &= ~no;
            }
            wide.add(2, .letter, latin_more);
        }
        const greek = equal(block, 0xCE);
        const greek_more = equal(block, 0xCF);
        if (greek | greek_more != 0) {
            // U+0391 to U+03AB, capitals; U+03AC to U+03CE.
            const capital = inRange(block, 0x91, 0x1B) & ~equal(block, 0xA2);
            wide.add(2, upper, greek & capital >> 1);
            wide.add(2, .letter, (greek & inRange(block, 0xAC, 0x14) >> 1) |
                (greek_more & inRange(block, 0x80, 0x0F) >> 1));
        }
        if (inRange(block, 0xD7, 5) != 0) {
            // U+05D0 to U+05EA, Hebrew; U+0620 to U+064A and U+0671 to U+06D3, Arabic, without U+0640.
            var letter = equal(block, 0xD7) & inRange(block, 0x90, 0x1B) >> 1;
            letter |= equal(block, 0xD8) & inRange(block, 0xA0, 0x20) >> 1;
            letter |= equal(block, 0xD9) & (inRange(block, 0x81, 10) | inRange(block, 0xB1, 15)) >> 1;
            letter |= equal(block, 0xDA) & inRange(block, 0x80, 0x40) >> 1;
            letter |= equal(block, 0xDB) & inRange(block, 0x80, 0x14) >> 1;
            wide.add(2, caseless, letter);
        }
    }

    inline fn addThree(wide: *Wide, comptime family: Family, block: Block) void {
        const is_cased = comptime family.isCased();
        const upper: Kind = if (is_cased) .upper else .letter;
        const caseless: Kind = comptime family.kindOfCaseless();
        const trail2 = inRange(block, 0x80, 0x40) >> 1;
        const trail3 = trail2 >> 1;
        // U+4E00 to U+9FFF, Han; U+AC00 to U+D77F, Hangul.
        const han = trail3 & ((inRange(block, 0xE5, 5) & trail2) |
            (equal(block, 0xE4) & inRange(block, 0xB8, 8) >> 1));
        var letter = inRange(block, 0xEB, 2) & trail2;
        letter |= equal(block, 0xEA) & inRange(block, 0xB0, 16) >> 1;
        letter |= equal(block, 0xED) & inRange(block, 0x80, 0x1E) >> 1;
        letter &= trail3;
        const east = equal(block, 0xE3);
        if (east != 0) {
            // U+3041 to U+3096, U+30A1 to U+30FA, U+30FC to U+30FF.
            const page1 = equal(block, 0x81) >> 1 & inRange(block, 0x81, 0x3F) >> 2;
            const page2 = equal(block, 0x82) >> 1 &
                (inRange(block, 0x80, 0x17) | inRange(block, 0xA1, 0x1F)) >> 2;
            const page3 = equal(block, 0x83) >> 1 & (trail3 & ~(equal(block, 0xBB) >> 2));
            letter |= east & (page1 | page2 | page3);
            // U+3000 to U+3020, a space and punctuation.
            const signs = east & equal(block, 0x80) >> 1;
            const space: Kind = if (family == .deepseek_llm) .wide_space else .space;
            wide.add(3, space, signs & equal(block, 0x80) >> 2);
            var sign = inRange(block, 0x81, 4) | inRange(block, 0x88, 0x19);
            if (family == .deepseek_llm) {
                const no = sign & ~inRange(block, 0x81, 2);
                wide.add(3, .control, signs & no >> 2);
                sign &= ~no;
            } else if (comptime family.hasPunctuation()) {
                const mark = equal(block, 0x84) | inRange(block, 0x92, 2) | equal(block, 0xA0);
                wide.add(3, .control, signs & mark >> 2);
                sign &= ~mark;
            }
            wide.add(3, .other, signs & sign >> 2);
        }
        if (family == .cased_han) {
            const bytes = han | han << 1 | han << 2;
            wide.known |= bytes;
            wide.east |= bytes;
            wide.lead3 |= han;
        } else {
            letter |= han;
        }
        wide.add(3, caseless, letter);
        // Up to U+9FA5.
        const behind = equal(block, 0xE9) & (equal(block, 0xBF) >> 1 |
            (equal(block, 0xBE) >> 1 & inRange(block, 0xA6, 0x1A) >> 2));
        if (family == .parted) wide.addEast(letter & inRange(block, 0xE3, 7) & ~behind);
        if (comptime family.isDeepseek()) {
            // From U+800 on, and U+AC00 to U+D7FF, whatever kinds they have.
            wide.addEast((inRange(block, 0xE0, 10) & ~behind) | inRange(block, 0xEB, 3) |
                (equal(block, 0xEA) & inRange(block, 0xB0, 16) >> 1));
        }
        const forms = equal(block, 0xEF);
        if (forms != 0) {
            // U+FF01 to U+FF65: ASCII as wide as Han characters.
            const page1 = forms & equal(block, 0xBC) >> 1;
            const page2 = forms & equal(block, 0xBD) >> 1;
            const other1 = inRange(block, 0x81, 15) | inRange(block, 0x9A, 7) | inRange(block, 0xBB, 5);
            const other2 = equal(block, 0x80) | inRange(block, 0x9B, 11);
            var other = (page1 & other1 >> 2) | (page2 & other2 >> 2);
            if (family == .deepseek_llm) {
                // Up to U+FF5E.
                const no = page2 & inRange(block, 0x9F, 7) >> 2;
                wide.add(3, .control, no);
                other &= ~no;
            } else if (comptime family.hasPunctuation()) {
                // Of currencies, calculation and accents.
                const no1 = equal(block, 0x84) | equal(block, 0x8B) | inRange(block, 0x9C, 3) |
                    equal(block, 0xBE);
                const no2 = equal(block, 0x80) | equal(block, 0x9C) | equal(block, 0x9E);
                const no = (page1 & no1 >> 2) | (page2 & no2 >> 2);
                wide.add(3, .control, no);
                other &= ~no;
            }
            wide.add(3, .other, other);
            wide.add(3, .number, page1 & inRange(block, 0x90, 10) >> 2);
            const is_llm = family == .deepseek_llm;
            wide.add(3, if (is_llm) .upper else upper, page1 & inRange(block, 0xA1, 26) >> 2);
            wide.add(3, if (is_llm) .upper else .letter, page2 & inRange(block, 0x81, 26) >> 2);
        }
        const signs = equal(block, 0xE2);
        if (signs != 0) {
            // U+200B to U+203F without white space; arrows, operators, boxes.
            const first = equal(block, 0x80) >> 1;
            var page1 = first & (inRange(block, 0x90, 0x18) | inRange(block, 0xB0, 16)) >> 2;
            if (family == .deepseek_llm) {
                const quotes = first & inRange(block, 0x98, 8) >> 2;
                wide.add(3, .control, signs & page1 & ~quotes);
                page1 &= quotes;
            }
            // How text is joined, and which way it runs.
            const format = first & (inRange(block, 0x8B, 5) | inRange(block, 0xAA, 5)) >> 2;
            wide.add(3, if (comptime family.hasControl()) .control else .other, signs & format);
            var whole = (inRange(block, 0x87, 9) | inRange(block, 0x94, 9)) >> 1 & trail3;
            if (comptime family.hasPunctuation()) {
                // Without U+2300 to U+233F, which has brackets.
                whole &= ~(equal(block, 0x8C) >> 1);
                wide.add(3, .control, signs & whole);
                whole = 0;
            }
            wide.add(3, .other, signs & (page1 | whole));
        }
    }

    /// U+1F300 to U+1FAFF, pictures; in the parted family the blocks of them without unassigned ones.
    inline fn addFour(wide: *Wide, comptime family: Family, block: Block) void {
        const trails = inRange(block, 0x80, 0x40);
        const third = if (family == .parted)
            inRange(block, 0x8C, 15) | inRange(block, 0xA4, 4)
        else
            inRange(block, 0x8C, 0x20);
        const pictures = equal(block, 0xF0) & equal(block, 0x9F) >> 1 & third >> 2;
        wide.add(4, if (comptime family.hasPunctuation()) .control else .other, pictures & trails >> 3);
    }

    /// Characters of three bytes by their first ones.
    inline fn addEast(wide: *Wide, leads: u64) void {
        wide.east |= leads | leads << 1 | leads << 2;
    }

    inline fn addHan(wide: *Wide, kind: Kind, bits: u64) void {
        wide.east |= bits;
        switch (kind) {
            .letter, .upper, .caseless => {},
            .number => wide.east_number |= bits,
            .other, .space, .mark, .control, .wide_space => wide.east_sign |= bits,
        }
    }

    /// Adds the others, one by one.
    noinline fn addRest(
        wide: *Wide,
        comptime family: Family,
        tables: *const Tables,
        window: *const [window_len]u8,
        unknown: u64,
    ) void {
        var left = unknown;
        while (left != 0) {
            const at = @ctz(left);
            const character = decode(window, at) orelse {
                wide.len = at;
                return;
            };
            const block: usize = tables.first[character.code_point >> block_bits];
            const low = character.code_point & ((1 << block_bits) - 1);
            var kind = tables.kinds[tables.second[block << block_bits | low]];
            if (family == .falcon and (kind == @intFromEnum(Kind.other) or
                kind == @intFromEnum(Kind.control)))
            {
                const is_sign = kind == @intFromEnum(Kind.other);
                const counts = punctuation.isPunctuation(character.code_point, is_sign);
                kind = @intFromEnum(if (counts) Kind.other else Kind.control);
            }
            // All punctuation of its list has been found.
            if (family == .deepseek_llm and kind != @intFromEnum(Kind.number) and
                kind != @intFromEnum(Kind.space))
            {
                const is_listed = cased_letters.has(character.code_point);
                kind = @intFromEnum(if (is_listed) Kind.letter else Kind.control);
            }
            // Numbers of a later Unicode than the tables'.
            if (family == .digits or comptime family.isDeepseek()) switch (character.code_point) {
                0x11DE0...0x11DE9, 0x16FF4...0x16FF6 => kind = @intFromEnum(Kind.number),
                else => {},
            };
            const lead = @as(u64, 1) << @intCast(at);
            const bits = lowest(character.len) << @intCast(at);
            if (family == .cased_han and han_zig.isHan(character.code_point)) {
                wide.addHan(@enumFromInt(kind), bits);
            } else {
                wide.by_kind[kind] |= bits;
            }
            if (family == .parted) switch (character.code_point) {
                0x3040...0x30FF, 0x4E00...0x9FA5 => wide.east |= bits,
                else => {},
            };
            switch (character.len) {
                2 => wide.lead2 |= lead,
                3 => wide.lead3 |= lead,
                else => wide.lead4 |= lead,
            }
            left &= ~bits;
        }
    }
};

/// Where a character begins that goes on behind the window; else the window's length.
inline fn wholeLength(block: Block, window: *const [window_len]u8) usize {
    const leads: u64 = @bitCast(block >= splat(0xC0));
    if (leads == 0) return window_len;
    const at: usize = window_len - 1 - @clz(leads);
    const first = window[at];
    const len = @as(usize, 2) + @intFromBool(first >= 0xE0) + @intFromBool(first >= 0xF0);
    return if (at + len > window_len) at else window_len;
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

/// A mask of the lowest `count` bits, 0 to 64.
pub inline fn lowest(count: usize) u64 {
    return if (count >= 64) ~@as(u64, 0) else (@as(u64, 1) << @intCast(count)) - 1;
}

/// The bytes that are not ASCII.
pub inline fn beyondAscii(block: Block) u64 {
    return @bitCast(block >= splat(0x80));
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

test "characters of the most used blocks are not looked up one by one" {
    @setEvalBranchQuota(10_000);
    const texts = [_][]const u8{
        "\u{a0}\u{ab}\u{bb}\u{c0}\u{e9}\u{ff}",
        "\u{400}\u{410}\u{42f}\u{430}\u{43f}\u{440}\u{44f}\u{45f}",
        "\u{391}\u{3a9}\u{3ac}\u{3bf}\u{3c0}\u{3ce}",
        "\u{5d0}\u{5ea}\u{620}\u{63f}\u{641}\u{64a}\u{671}\u{6bf}\u{6d3}",
        "\u{4e00}\u{5fff}\u{9fa5}\u{9fff}\u{ac00}\u{c000}\u{d77f}",
        "\u{3041}\u{3080}\u{3096}\u{30a1}\u{30bf}\u{30c0}\u{30fa}\u{30ff}\u{3000}\u{3001}\u{3020}",
        "\u{ff01}\u{ff0c}\u{ff11}\u{ff1a}\u{ff21}\u{ff3b}\u{ff40}\u{ff41}\u{ff5b}\u{ff65}",
        "\u{200b}\u{2010}\u{2014}\u{2019}\u{202a}\u{203f}\u{21c0}\u{23ff}\u{2500}\u{273f}",
        "\u{1f300}\u{1f600}\u{1f64f}\u{1f6bf}\u{1f900}\u{1f9ff}",
    };
    for (texts) |text| {
        inline for (comptime std.enums.values(Family)) |family| {
            if (family == .bloom) continue;
            var window: [window_len]u8 = @splat(' ');
            @memcpy(window[0..text.len], text);
            const wide: Wide = .common(family, window);
            errdefer std.debug.print("in {s}, {t}\n", .{ text, family });
            try std.testing.expectEqual(beyondAscii(window), wide.known);
        }
    }
}
