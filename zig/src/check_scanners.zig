//! Compares the scanners written by hand with their compiled patterns, or sequences of them, on random
//! short texts over telling characters, at every CPU level that the machine has.
//!
//!     check_scanners [COUNT] [SEED] [SCANNER]
//!
//! COUNT texts for each pattern, 1,000,000 without; with SCANNER only for the patterns that it has.
//!
//! Exits with 1 at the first text that differs. Linear in COUNT; nothing is allocated for a text.

const std = @import("std");
const pyaot = @import("pyaot_tokenizer");
const Level = @FieldType(pyaot.Cursor, "level");
const Span = pyaot.Span;
const Split = pyaot.definition.Split;

/// Both cases, letters of neither, title case, marks, digits, white space, newlines, contractions and what
/// folds to them, characters of every length, and bytes that are no characters.
const characters = [_][]const u8{
    "a",         "A",         "z",         "S",               "s",             "t",         "re",        "LL",
    "'",         "'",         "'s",        "'VE",             "0",             "7",         "123",       " ",
    " ",         "  ",        "\n",        "\r",              "\t",            "/",         ".",         "!",
    "_",         "(",         "\u{e9}",    "\u{c9}",          "\u{1c5}",       "\u{2b0}",   "\u{4e2d}",  "\u{6e2}",
    "\u{301}",   "\u{903}",   "\u{2167}",  "\u{b2}",          "\u{662}",       "\u{3000}",  "\u{85}",    "\u{a0}",
    "\u{2028}",  "\u{17f}",   "\u{212a}",  "\u{200d}",        "\u{1f600}",     "\u{42f}",   "\u{44f}",   "\u{10400}",
    "\u{10428}", "\u{1d49c}", "\x00",      "\xff",            "\xe2\x82",      "\x80",      "\xf0\x9f",  "abcdefgh",
    "\u{3042}",  "\u{30fb}",  "\u{9fa5}",  "\u{9fa6}",        "\u{3097}",      "\u{3099}",  "\u{ad}",    "\x7f",
    "\u{378}",   "\u{2014}",  "\u{11de9}", "\u{16ff5}",       "\u{2e80}",      "\u{16fe2}", "\u{16ff0}", "\u{3007}",
    "\u{3005}",  "\u{20000}", "|",         ",",               "\u{2026}",      "\u{3002}",  "\u{ff0c}",  "\u{964}",
    "\u{6d4}",   "\u{60c}",   "<|",        "<|startoftext|>", "<|endoftext|>", "$",         "^",         "\u{1e00}",
    "\u{2018}",  "\u{2003}",  "\u{d7a4}",  "\u{a490}",        "\u{ff5e}",      "\u{3000}",  "\u{3000}",  "\u{1bb}",
    "\u{5d0}",   "\u{ff21}",  "\u{2b0}",   "\u{ff5f}",        "\u{3003}",
};

/// Whose bytes are spelled by numbers, and punctuation that only some versions of Unicode have.
const spelled_characters = [_][]const u8{
    "\u{432}",  "\u{b2}",   "\u{bc}",    "\u{2fbe}", "\u{1b4e}", "\u{166d}", "\u{ff0b}", "\u{2e43}",
    "\u{2308}", "\u{ff0c}", "\u{1fbb2}", "12",       "1234",     "+",
};

/// Pieces of the longest text, which has a character a piece at most.
const piece_max = 1024;

fn piecesOf(
    pretokenizer: *const pyaot.PreTokenizer,
    level: Level,
    text: []const u8,
    spans: *[piece_max]Span,
) []const Span {
    var cursor: pyaot.Cursor = undefined;
    cursor.position = 0;
    cursor.level = level;
    cursor.compiled.position = 0;
    cursor.compiled.depth = 0;
    var count: usize = 0;
    while (cursor.position < text.len) count += pretokenizer.next(text, &cursor, spans[count..]);
    return spans[0..count];
}

/// CLIP's pieces without the white space before their matches.
fn matchesOf(text: []const u8, pieces: *[piece_max]Span, count: usize) []const Span {
    var match_count: usize = 0;
    for (pieces[0..count]) |piece| {
        const match = pyaot.stages.clip.wordOf(text[piece.start..piece.end]);
        if (match.len == 0) continue;
        pieces[match_count] = .{ .start = piece.end - match.len, .end = piece.end };
        match_count += 1;
    }
    return pieces[0..match_count];
}

fn isEqual(a: []const Span, b: []const Span) bool {
    if (a.len != b.len) return false;
    for (a, b) |x, y| {
        if (x.start != y.start or x.end != y.end) return false;
    }
    return true;
}

pub fn main(init: std.process.Init) !u8 {
    const gpa = std.heap.c_allocator;
    const args = try init.minimal.args.toSlice(init.arena.allocator());
    const text_count = if (args.len > 1) try std.fmt.parseInt(usize, args[1], 10) else 1_000_000;
    const seed = if (args.len > 2) try std.fmt.parseInt(u64, args[2], 10) else 1;
    const only = if (args.len > 3) args[3] else "";
    var prng: std.Random.DefaultPrng = .init(seed);
    const random = prng.random();
    // Asked for once: finding out takes a while.
    const best: Level = .best();
    for (pyaot.stages.known_patterns) |known| {
        const splits = [_]Split{.matches(known.pattern)};
        const by_hand: pyaot.PreTokenizer = .{ .scanner = known.scanner };
        if (only.len > 0 and !std.mem.eql(u8, only, by_hand.name())) continue;
        if (!try isSame(gpa, random, &splits, by_hand, text_count, best)) return 1;
    }
    for (pyaot.stages.known_sequences) |known| {
        const by_hand: pyaot.PreTokenizer = .{ .scanner = known.scanner };
        if (only.len > 0 and !std.mem.eql(u8, only, by_hand.name())) continue;
        if (known.splits[known.splits.len - 1].is_spelled) {
            if (!try isSpelledSame(gpa, random, known.splits, by_hand, text_count, best)) return 1;
            continue;
        }
        if (!try isSame(gpa, random, known.splits, by_hand, text_count, best)) return 1;
    }
    const clip: pyaot.PreTokenizer = .{ .scanner = .clip };
    if (only.len == 0 or std.mem.eql(u8, only, clip.name())) {
        const splits = [_]Split{.{ .pattern = pyaot.stages.clip.pattern, .behavior = .removed, .invert = true }};
        if (!try isSame(gpa, random, &splits, clip, text_count, best)) return 1;
    }
    return 0;
}

/// One in sixteen is longer than a kernel's window.
fn randomText(
    random: std.Random,
    number: usize,
    from: []const []const u8,
    buffer: *[piece_max]u8,
) []const u8 {
    const length_max: usize = if (number % 16 == 0) 48 else 14;
    var len: usize = 0;
    for (0..random.uintAtMost(usize, length_max)) |_| {
        const character = from[random.uintLessThan(usize, from.len)];
        @memcpy(buffer[len..][0..character.len], character);
        len += character.len;
    }
    return buffer[0..len];
}

/// Whether `by_hand` finds what `splits` do; says so, or what differs.
fn isSame(
    gpa: std.mem.Allocator,
    random: std.Random,
    splits: []const Split,
    by_hand: pyaot.PreTokenizer,
    text_count: usize,
    best: Level,
) !bool {
    var diagnostic: pyaot.Diagnostic = .{};
    var compiled: pyaot.PreTokenizer = try .initCompiled(gpa, splits, &diagnostic);
    defer compiled.deinit(gpa);
    var buffer: [piece_max]u8 = undefined;
    var expected_buffer: [piece_max]Span = undefined;
    var found_buffer: [piece_max]Span = undefined;
    for (0..text_count) |i| {
        const text = randomText(random, i, &characters, &buffer);
        const expected = piecesOf(&compiled, .baseline, text, &expected_buffer);
        for (0..@intFromEnum(best) + 1) |level| {
            var found = piecesOf(&by_hand, @enumFromInt(level), text, &found_buffer);
            if (by_hand.scanner == .clip) found = matchesOf(text, &found_buffer, found.len);
            if (isEqual(expected, found)) continue;
            std.debug.print("{s} at level {d} differs on {f}\n", .{
                splits[splits.len - 1].pattern, level, std.ascii.hexEscape(text, .lower),
            });
            return false;
        }
    }
    std.debug.print("{s}: {d} texts, levels up to {t}\n", .{ by_hand.name(), text_count, best });
    return true;
}

/// The same for splits of which some are of the characters that spell the bytes, by the general way. It
/// reads ill-formed bytes as U+FFFD, so there are none here.
fn isSpelledSame(
    gpa: std.mem.Allocator,
    random: std.Random,
    splits: []const Split,
    by_hand: pyaot.PreTokenizer,
    text_count: usize,
    best: Level,
) !bool {
    var steps: std.ArrayList(pyaot.definition.PieceStep) = .empty;
    defer steps.deinit(gpa);
    for (splits, 0..) |split, i| {
        if (split.is_spelled and !splits[i - 1].is_spelled) try steps.append(gpa, .byte_level);
        var plain = split;
        plain.is_spelled = false;
        try steps.append(gpa, .{ .split = plain });
    }
    var diagnostic: pyaot.Diagnostic = .{};
    var pipeline: pyaot.stages.pipeline.Pipeline = try .init(gpa, steps.items, &diagnostic);
    defer pipeline.deinit(gpa);
    var memory: pyaot.stages.pipeline.Memory = .{};
    defer memory.deinit(gpa);
    var some: [characters.len + spelled_characters.len][]const u8 = undefined;
    var some_count: usize = 0;
    for ([_][]const []const u8{ &characters, &spelled_characters }) |list| for (list) |character| {
        if (!std.unicode.utf8ValidateSlice(character)) continue;
        some[some_count] = character;
        some_count += 1;
    };
    var buffer: [piece_max]u8 = undefined;
    var found_buffer: [piece_max]Span = undefined;
    for (0..text_count) |i| {
        const text = randomText(random, i, some[0..some_count], &buffer);
        if (text.len == 0) continue;
        const result = try pipeline.run(gpa, &memory, text, true, null);
        for (0..@intFromEnum(best) + 1) |level| {
            const found = piecesOf(&by_hand, @enumFromInt(level), text, &found_buffer);
            var is_same = found.len == result.pieces.len;
            for (found, 0..) |span, k| {
                if (!is_same) break;
                const piece = result.pieces[k];
                const spelled = result.text[piece.start..piece.end];
                const len = try std.unicode.utf8CountCodepoints(spelled);
                is_same = span.end - span.start == len;
            }
            if (is_same) continue;
            std.debug.print("{s} at level {d} differs on {f}\n", .{
                by_hand.name(), level, std.ascii.hexEscape(text, .lower),
            });
            return false;
        }
    }
    std.debug.print("{s}: {d} texts, levels up to {t}\n", .{ by_hand.name(), text_count, best });
    return true;
}
