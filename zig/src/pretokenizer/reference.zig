//! The scanners' slow, plain reference: each pattern as its list of alternatives, matched leftmost-first over
//! decoded characters, with backtracking, and each sequence of patterns one after the other. For the
//! tests alone.

const std = @import("std");
const builtin = @import("builtin");
const byte_level = @import("../byte_level.zig");
const cased_letters = @import("kernels/cased_letters.zig");
const han_zig = @import("kernels/han.zig");
const punctuation_zig = @import("kernels/punctuation.zig");
const pretokenizer = @import("../pretokenizer.zig");
const unicode = @import("../unicode.zig");
const utf8 = @import("../utf8.zig");

/// One item of an alternative: a set of characters and how often it may match, as often as possible first.
const Item = struct {
    set: Set,
    min: usize = 1,
    max: usize = 1,
    /// What must come next, beside matching: `(?!\S)` or `$`.
    then: enum { anything, no_visible, end } = .anything,
};

/// Sets of characters; a letter in quotes stands for itself, and for its folds where `any_case`.
const Set = union(enum) {
    letter,
    number,
    /// As `number`, of Unicode 17.
    new_number,
    /// `[^\s\p{L}\p{M}\p{N}]`
    other_but_marks,
    /// What BLOOM's pattern matches.
    bloom_word,
    /// tokenizers' Punctuation.
    punctuation,
    space,
    /// `[^\s\p{L}\p{N}]`
    other,
    /// `[^\r\n\p{L}\p{N}]`
    prefix,
    newline,
    /// `[\r\n/]`
    newline_or_slash,
    /// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`
    upper,
    /// `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`
    lower,
    /// The same two without Han characters, and these.
    upper_not_han,
    lower_not_han,
    han,
    /// `[\p{L}\p{M}]`
    letter_or_mark,
    /// `[\p{P}\p{S}]`
    sign,
    /// `[^\r\n\p{L}\p{P}\p{S}]`
    no_letter_or_sign,
    /// `[A-Za-z]`
    ascii_letter,
    /// `\p{P}`
    any_punctuation,
    /// The characters of DeepSeek V3's second split.
    east,
    /// Those of deepseek-coder's fourth, and DeepSeek LLM's fifth.
    far_east,
    /// Those of DeepSeek LLM's second and third.
    listed_letter,
    listed_sign,
    one_of: []const u8,
    /// In any case; U+017F is an s.
    one_of_any_case: []const u8,

    fn has(set: Set, c: u21) bool {
        const class = unicode.classOf(c);
        const is_newline = c == '\r' or c == '\n';
        return switch (set) {
            .letter => class == .letter,
            .number => class == .number,
            .new_number => class == .number or switch (c) {
                0x11DE0...0x11DE9, 0x16FF4...0x16FF6 => true,
                else => false,
            },
            .space => class == .space,
            .other => class == .other,
            .other_but_marks => class == .other and !unicode.isMark(c),
            .punctuation => if (c < 0x80)
                std.ascii.isPrint(@intCast(c)) and c != ' ' and !std.ascii.isAlphanumeric(@intCast(c))
            else
                punctuation_zig.isPunctuation(c, unicode.isPunctuation(c)),
            .bloom_word => class != .space and switch (c) {
                '(', ')', '|', '.', ',', '!', '?' => false,
                0x2026, 0x3002, 0xFF0C, 0x3001, 0x964, 0x6D4, 0x60C => false,
                else => true,
            },
            .prefix => class != .letter and class != .number and !is_newline,
            .newline => is_newline,
            .newline_or_slash => is_newline or c == '/',
            .upper => switch (unicode.propertiesOf(c).category) {
                .lu, .lt, .lm, .lo, .mn, .mc, .me => true,
                else => false,
            },
            .lower => switch (unicode.propertiesOf(c).category) {
                .ll, .lm, .lo, .mn, .mc, .me => true,
                else => false,
            },
            .upper_not_han => !han_zig.isHan(c) and (Set{ .upper = {} }).has(c),
            .lower_not_han => !han_zig.isHan(c) and (Set{ .lower = {} }).has(c),
            .han => han_zig.isHan(c),
            .letter_or_mark => class == .letter or switch (unicode.propertiesOf(c).category) {
                .mn, .mc, .me => true,
                else => false,
            },
            .sign => switch (unicode.propertiesOf(c).category) {
                .pc, .pd, .ps, .pe, .pi, .pf, .po, .sm, .sc, .sk, .so => true,
                else => false,
            },
            .no_letter_or_sign => !is_newline and class != .letter and !(Set{ .sign = {} }).has(c),
            .ascii_letter => c < 0x80 and std.ascii.isAlphabetic(@intCast(c)),
            .east => switch (c) {
                0x4E00...0x9FA5, 0x3040...0x309F, 0x30A0...0x30FF => true,
                else => false,
            },
            .any_punctuation => switch (unicode.propertiesOf(c).category) {
                .pc, .pd, .ps, .pe, .pi, .pf, .po => true,
                else => false,
            },
            .far_east => switch (c) {
                0x4E00...0x9FA5, 0x800...0x4E00 - 1, 0xAC00...0xD7FF => true,
                else => false,
            },
            .listed_letter => for (cased_letters.ranges) |range| {
                if (c >= range[0] and c <= range[1]) break true;
            } else false,
            .listed_sign => switch (c) {
                '!'...'/', ':'...'~', 0xFF01...0xFF0F, 0xFF1A...0xFF5E => true,
                0x2018...0x201F, 0x3000...0x3002 => true,
                else => false,
            },
            .one_of => |bytes| c < 0x80 and std.mem.indexOfScalar(u8, bytes, @intCast(c)) != null,
            .one_of_any_case => |bytes| {
                const lower: u21 = switch (c) {
                    'A'...'Z' => c + 0x20,
                    0x17F => 's',
                    else => c,
                };
                return lower < 0x80 and std.mem.indexOfScalar(u8, bytes, @intCast(lower)) != null;
            },
        };
    }
};

const many = std.math.maxInt(usize);

fn contractions(comptime tag: std.meta.Tag(Set)) [4][]const Item {
    return comptime .{
        &.{ quote, .{ .set = @unionInit(Set, @tagName(tag), "sdmt") } },
        &.{ quote, letterOf(tag, "l"), letterOf(tag, "l") },
        &.{ quote, letterOf(tag, "v"), letterOf(tag, "e") },
        &.{ quote, letterOf(tag, "r"), letterOf(tag, "e") },
    };
}

const quote: Item = .{ .set = .{ .one_of = "'" } };
const maybe_blank: Item = .{ .set = .{ .one_of = " " }, .min = 0 };

fn letterOf(comptime tag: std.meta.Tag(Set), comptime letter: []const u8) Item {
    return .{ .set = @unionInit(Set, @tagName(tag), letter) };
}

const gpt2 = contractions(.one_of) ++ [_][]const Item{
    &.{ maybe_blank, .{ .set = .letter, .max = many } },
    &.{ maybe_blank, .{ .set = .number, .max = many } },
    &.{ maybe_blank, .{ .set = .other, .max = many } },
    &.{.{ .set = .space, .max = many, .then = .no_visible }},
    &.{.{ .set = .space, .max = many }},
};

fn family(comptime number_len: usize) [7][]const Item {
    return comptime contractions(.one_of_any_case) ++ [_][]const Item{
        &.{ .{ .set = .prefix, .min = 0 }, .{ .set = .letter, .max = many } },
        &.{.{ .set = .number, .max = number_len }},
        &.{ maybe_blank, .{ .set = .other, .max = many }, .{ .set = .newline, .min = 0, .max = many } },
    };
}

const final_space = [_][]const Item{&.{.{ .set = .space, .max = many, .then = .end }}};
const spaces = [_][]const Item{
    &.{ .{ .set = .space, .min = 0, .max = many }, .{ .set = .newline, .max = many } },
    &.{.{ .set = .space, .max = many, .then = .no_visible }},
    &.{.{ .set = .space, .max = many }},
};

/// `word`, with each contraction behind it and then without one.
fn contractible(comptime word: []const Item) [5][]const Item {
    comptime {
        var made: [5][]const Item = undefined;
        for (contractions(.one_of_any_case), made[0..4]) |contraction, *alternative| {
            alternative.* = word ++ contraction;
        }
        made[4] = word;
        return made;
    }
}

const maybe_prefix: Item = .{ .set = .prefix, .min = 0 };
const small_word = [_]Item{
    maybe_prefix, .{ .set = .upper, .min = 0, .max = many }, .{ .set = .lower, .max = many },
};
const capital_word = [_]Item{
    maybe_prefix, .{ .set = .upper, .max = many }, .{ .set = .lower, .min = 0, .max = many },
};

fn behindWords(comptime number_len: usize) [5][]const Item {
    return comptime [_][]const Item{
        &.{.{ .set = .number, .max = number_len }},
        &.{
            maybe_blank,
            .{ .set = .other, .max = many },
            .{ .set = .newline_or_slash, .min = 0, .max = many },
        },
    } ++ spaces;
}

const o200k = contractible(&small_word) ++ contractible(&capital_word) ++ behindWords(3);
const small_word_not_han = [_]Item{
    maybe_prefix,
    .{ .set = .upper_not_han, .min = 0, .max = many },
    .{ .set = .lower_not_han, .max = many },
};
const capital_word_not_han = [_]Item{
    maybe_prefix,
    .{ .set = .upper_not_han, .max = many },
    .{ .set = .lower_not_han, .min = 0, .max = many },
};
const kimi = [_][]const Item{&.{.{ .set = .han, .max = many }}} ++
    contractible(&small_word_not_han) ++ contractible(&capital_word_not_han) ++
    [_][]const Item{
        &.{.{ .set = .number, .max = 3 }},
        &.{
            maybe_blank,
            .{ .set = .other, .max = many },
            .{ .set = .newline, .min = 0, .max = many },
        },
    } ++ spaces;
const tekken = [_][]const Item{ &small_word, &capital_word } ++ behindWords(1);
const cl100k = family(3) ++ final_space ++ spaces;
const llama3 = family(3) ++ spaces;
const nanochat = family(2) ++ spaces;
const qwen2 = family(1) ++ spaces;

const digits = [_][]const Item{&.{.{ .set = .new_number }}};
const qwen3_5 = contractions(.one_of_any_case) ++ [_][]const Item{
    &.{ .{ .set = .prefix, .min = 0 }, .{ .set = .letter_or_mark, .max = many } },
    &.{.{ .set = .number }},
    &.{
        maybe_blank,
        .{ .set = .other_but_marks, .max = many },
        .{ .set = .newline, .min = 0, .max = many },
    },
} ++ spaces;
const punctuation = [_][]const Item{&.{.{ .set = .punctuation, .max = many }}};
const bloom = [_][]const Item{&.{ maybe_blank, .{ .set = .bloom_word, .max = many } }};
const numbers = [_][]const Item{&.{.{ .set = .number, .max = 3 }}};
const easts = [_][]const Item{&.{.{ .set = .east, .max = many }}};
const ascii_signs = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
const signs_and_words = [_][]const Item{
    &.{ .{ .set = .{ .one_of = ascii_signs } }, .{ .set = .ascii_letter, .max = many } },
    &.{ .{ .set = .no_letter_or_sign, .min = 0 }, .{ .set = .letter_or_mark, .max = many } },
    &.{ maybe_blank, .{ .set = .sign, .max = many }, .{ .set = .newline, .min = 0, .max = many } },
} ++ spaces;

const newlines = [_][]const Item{&.{.{ .set = .newline }}};
const maybe_space: Item = .{ .set = .space, .min = 0 };
const spaced_words = [_][]const Item{&.{ maybe_space, .{ .set = .letter, .max = many } }};
const spaced_punctuation = [_][]const Item{&.{ maybe_space, .{ .set = .any_punctuation, .max = many } }};
const listed_words = [_][]const Item{&.{ maybe_space, .{ .set = .listed_letter, .max = many } }};
const listed_signs = [_][]const Item{&.{ maybe_space, .{ .set = .listed_sign, .max = many } }};
const far_easts = [_][]const Item{&.{.{ .set = .far_east, .max = many }}};

fn literal(comptime text: []const u8) []const Item {
    comptime {
        var items: []const Item = &.{};
        for (text) |letter| items = items ++ [_]Item{.{ .set = .{ .one_of = &.{letter} } }};
        return items;
    }
}

/// Each alternative with white space before it, and white space alone.
const clip = alternatives: {
    const matches = [_][]const Item{ literal("<|startoftext|>"), literal("<|endoftext|>") } ++
        contractions_of_clip ++ [_][]const Item{
        &.{.{ .set = .letter, .max = many }}, &.{.{ .set = .number }}, &.{.{ .set = .other, .max = many }},
    };
    var made: [matches.len + 1][]const Item = undefined;
    for (matches, made[0..matches.len]) |items, *alternative| {
        alternative.* = [_]Item{.{ .set = .space, .min = 0, .max = many }} ++ items;
    }
    made[matches.len] = &.{.{ .set = .space, .max = many }};
    break :alternatives made;
};
const contractions_of_clip = [_][]const Item{
    literal("'s"),  literal("'t"), literal("'re"), literal("'ve"), literal("'m"),
    literal("'ll"), literal("'d"),
};

/// A pattern's alternatives.
const Pattern = []const []const Item;

/// Each pattern within the pieces of the one before.
fn patternsOf(scanner: pretokenizer.Scanner) []const Pattern {
    return switch (scanner) {
        .compiled, .none => unreachable,
        .gpt2 => &.{&gpt2},
        .cl100k => &.{&cl100k},
        .llama3 => &.{&llama3},
        .nanochat => &.{&nanochat},
        .qwen2 => &.{&qwen2},
        .qwen3_5 => &.{&qwen3_5},
        .bloom => &.{&bloom},
        .falcon => &.{ &punctuation, &gpt2 },
        .o200k => &.{&o200k},
        .kimi => &.{&kimi},
        .tekken => &.{&tekken},
        .clip => &.{&clip},
        .starcoder => &.{ &digits, &gpt2 },
        .deepseek_coder => &.{ &newlines, &spaced_words, &spaced_punctuation, &far_easts, &digits },
        .deepseek_llm => &.{
            &newlines, &listed_words, &listed_signs, &final_space, &far_easts, &digits,
        },
        .deepseek => &.{ &numbers, &easts, &signs_and_words },
    };
}

/// How many of `characters` from `at` on `items` match, the first way that backtracking finds.
fn match(items: []const Item, characters: []const u21, at: usize) ?usize {
    if (items.len == 0) return at;
    const item = items[0];
    var most: usize = 0;
    while (most < item.max and at + most < characters.len and
        item.set.has(characters[at + most])) most += 1;
    while (true) : (most -= 1) {
        if (most < item.min) return null;
        const end = at + most;
        const allowed = switch (item.then) {
            .anything => true,
            .end => end == characters.len,
            .no_visible => end == characters.len or unicode.classOf(characters[end]) == .space,
        };
        if (allowed) {
            if (match(items[1..], characters, end)) |found| return found;
        }
        if (most == 0) return null;
    }
}

/// Cuts the piece from `start` to the end of `characters` before and behind each match: `is_end`
/// tells where. Returns whether everything is in a match.
fn cut(pattern: Pattern, characters: []const u21, start: usize, is_end: []bool) bool {
    var are_all_matched = true;
    var at = start;
    while (at < characters.len) {
        const end = for (pattern) |alternative| {
            if (match(alternative, characters, at)) |end| break end;
        } else {
            are_all_matched = false;
            at += 1;
            continue;
        };
        is_end[at] = true;
        is_end[end] = true;
        at = end;
    }
    return are_all_matched;
}

/// Cuts pieces by the characters that spell their bytes: numbers in runs, and three digits each. Returns how many
/// there are then.
fn cutSpelled(text: []const u8, pieces: *[text_len_max]pretokenizer.Span, count: usize) usize {
    var is_end: [text_len_max + 1]bool = @splat(false);
    for (pieces[0..count]) |piece| {
        is_end[piece.end] = true;
        for (piece.start + 1..piece.end) |at| {
            if (isSpelledNumber(text[at - 1]) != isSpelledNumber(text[at])) is_end[at] = true;
        }
    }
    var start: usize = 0;
    while (start < text.len) {
        const end = std.mem.indexOfScalarPos(bool, &is_end, start + 1, true).?;
        var at = start;
        while (at + 3 <= end) {
            for (text[at..][0..3]) |byte| {
                if (!std.ascii.isDigit(byte)) break;
            } else {
                is_end[at] = true;
                is_end[at + 3] = true;
                at += 3;
                continue;
            }
            at += 1;
        }
        start = end;
    }
    var found: usize = 0;
    start = 0;
    while (start < text.len) : (found += 1) {
        const end = std.mem.indexOfScalarPos(bool, &is_end, start + 1, true).?;
        pieces[found] = .{ .start = start, .end = end };
        start = end;
    }
    return found;
}

fn isSpelledNumber(byte: u8) bool {
    return unicode.classOf(byte_level.characters[byte]) == .number;
}

/// The longest text that is compared.
const text_len_max = 400;

fn expectAsReference(scanner: pretokenizer.Scanner, text: []const u8) !void {
    var character_buffer: [text_len_max]u21 = undefined;
    var starts: [text_len_max + 1]usize = undefined;
    var character_count: usize = 0;
    var byte: usize = 0;
    while (byte < text.len) : (character_count += 1) {
        const character = utf8.decode(text, byte);
        character_buffer[character_count] = character.code_point;
        starts[character_count] = byte;
        byte += character.len;
    }
    starts[character_count] = text.len;
    const characters = character_buffer[0..character_count];

    const patterns = patternsOf(scanner);
    var is_end_buffer: [text_len_max + 1]bool = @splat(false);
    const is_end = is_end_buffer[0 .. character_count + 1];
    is_end[character_count] = true;
    for (patterns) |pattern| {
        var start: usize = 0;
        while (start < characters.len) {
            const end = std.mem.indexOfScalarPos(bool, is_end, start + 1, true).?;
            const are_all_matched = cut(pattern, characters[0..end], start, is_end);
            const leaves_none = patterns.len == 1 and scanner != .bloom;
            if (leaves_none and !are_all_matched) return error.NothingMatches;
            start = end;
        }
    }
    var expected: [text_len_max]pretokenizer.Span = undefined;
    var count: usize = 0;
    var at: usize = 0;
    while (at < characters.len) : (count += 1) {
        const end = std.mem.indexOfScalarPos(bool, is_end, at + 1, true).?;
        expected[count] = .{ .start = starts[at], .end = starts[end] };
        at = end;
    }
    if (scanner == .falcon) count = cutSpelled(text, &expected, count);

    for ([_]usize{ 1, 3, 64 }) |room| {
        var found: [text_len_max]pretokenizer.Span = undefined;
        var found_count: usize = 0;
        var cursor: pretokenizer.Cursor = .{};
        while (cursor.position < text.len) {
            const spans = found[found_count..@min(found_count + room, found.len)];
            const by_hand: pretokenizer.PreTokenizer = .{ .scanner = scanner };
            found_count += by_hand.next(text, &cursor, spans);
        }
        try std.testing.expectEqualSlices(
            pretokenizer.Span,
            expected[0..count],
            found[0..found_count],
        );
    }
}

const scanners = [_]pretokenizer.Scanner{
    .gpt2,  .starcoder, .falcon, .cl100k, .llama3,   .nanochat, .qwen2,          .qwen3_5,
    .o200k, .tekken,    .kimi,   .bloom,  .deepseek, .clip,     .deepseek_coder, .deepseek_llm,
};

/// All texts of one to five of `alphabet`.
fn expectAsReferenceOverAll(scanner: pretokenizer.Scanner, alphabet: []const []const u8) !void {
    for (1..6) |len| {
        var text: [15]u8 = undefined;
        for (0..try std.math.powi(usize, alphabet.len, len)) |number| {
            var rest = number;
            var used: usize = 0;
            for (0..len) |_| {
                const letter = alphabet[rest % alphabet.len];
                @memcpy(text[used..][0..letter.len], letter);
                used += letter.len;
                rest /= alphabet.len;
            }
            try expectAsReference(scanner, text[0..used]);
        }
    }
}

test "every scanner equals its reference on all short texts over telling characters" {
    const alphabet = [_][]const u8{ "s", "'", "l", "1", " ", "\n", "\t", "!", "\u{e9}", "\xff", "S", "/", "\u{301}", "\u{4e2d}" };
    for (scanners) |scanner| try expectAsReferenceOverAll(scanner, &alphabet);
}

test "DeepSeek's scanners equal their reference on all short texts over their characters" {
    const alphabet = [_][]const u8{
        "s",        "\u{e9}",  "\u{1e00}", " ", "\u{2003}", "\u{3000}", "!", "\u{3002}", "1",
        "\u{4e2d}", "\u{5d0}",
    };
    for ([_]pretokenizer.Scanner{ .deepseek_coder, .deepseek_llm }) |scanner| {
        try expectAsReferenceOverAll(scanner, &alphabet);
    }
}

test "every scanner equals its reference on random text" {
    var prng: std.Random.DefaultPrng = .init(13);
    const random = prng.random();
    const alphabet = [_][]const u8{
        "a",         "S",        "re",         "'LL",           "'s",            "'",        "7",         "123456",
        " ",         "  ",       "\n",         "\r\n",          "\t",            "\u{a0}",   "\u{3000}",  "\u{85}",
        "\u{2028}",  ".",        "...",        "\u{2014}",      "\u{301}",       "\u{4e2d}", "\u{662}",   "\u{b2}",
        "\u{1f600}", "\u{200d}", "\u{feff}",   "\u{17f}",       "'\u{17f}",      "\u{212a}", "\x80",      "\xe2\x82",
        "\xf0\x9f",  "\x00",     "\u{10ffff}", "\u{e9}",        "(",             "_",        "\xc5",      "\x13",
        "/",         "A",        "\u{1c5}",    "\u{2b0}",       "\u{6e2}",       "\u{903}",  "\u{2160}",  "//\n",
        "\u{3042}",  "\u{30fb}", "\u{9fa5}",   "\u{9fa6}",      "\u{3097}",      "\u{3099}", "\u{ad}",    "\x7f",
        "\u{11de0}", "\u{432}",  "\u{bc}",     "\u{166d}",      "\u{61d}",       "\u{1b4e}", "\u{16ff6}", "\u{2e80}",
        "\u{16ff0}", "\u{3007}", "\u{3005}",   "|",             ",",             "\u{2026}", "\u{3002}",  "\u{ff0c}",
        "\u{964}",   "\u{6d4}",  "\u{60c}",    "<|endoftext|>", "<|startoftext", "<|",       "+",         "\u{ac00}",
        "\u{2018}",  "\u{3000}", "\u{1e00}",   "\u{1bb}",       "\u{5d0}",       "\u{ff21}", "\u{2003}",  "\u{a490}",
    };
    var text: [text_len_max]u8 = undefined;
    for (scanners) |scanner| {
        // A build without optimization takes minutes for as many.
        for (0..if (builtin.mode == .Debug) 400 else 4000) |_| {
            var used: usize = 0;
            for (0..random.uintLessThan(usize, 40)) |_| {
                const letter = alphabet[random.uintLessThan(usize, alphabet.len)];
                @memcpy(text[used..][0..letter.len], letter);
                used += letter.len;
            }
            try expectAsReference(scanner, text[0..used]);
        }
    }
}
