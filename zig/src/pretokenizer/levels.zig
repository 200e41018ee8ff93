//! The window kernels (`kernels/`) once for each level of CPU features, and the choice between them.
//!
//! The library is built for the baseline of its architecture, so that it runs everywhere; on x86-64 the build
//! adds the kernels for x86-64-v3 (AVX2) and x86-64-v4 (AVX-512) as modules of their own (`window_v3`,
//! `window_v4`: the same source under other CPU flags). On aarch64 the baseline has NEON. The pieces are
//! the same at every level; tests force each.

const std = @import("std");
const builtin = @import("builtin");
const bloom = @import("bloom.zig");
const cl100k = @import("cl100k.zig");
const clip = @import("clip.zig");
const deepseek = @import("deepseek.zig");
const deepseek_coder = @import("deepseek_coder.zig");
const deepseek_llm = @import("deepseek_llm.zig");
const falcon = @import("falcon.zig");
const gpt2 = @import("gpt2.zig");
const o200k = @import("o200k.zig");
const starcoder = @import("starcoder.zig");
const piece_key = @import("kernels/piece_key.zig");
const table = @import("../unicode_table.zig");
const window = @import("kernels/window.zig");
const Category = table.Category;

const is_x86_64 = builtin.cpu.arch == .x86_64;
const window_v3 = if (is_x86_64) @import("window_v3") else window;
const window_v4 = if (is_x86_64) @import("window_v4") else window;

/// The environment variable that, if it names a level, keeps from using a higher one.
pub const variable = "PYAOT_TOKENIZER_CPU";

pub const Level = enum(u8) {
    baseline,
    v3,
    v4,

    /// The highest level that this machine has and that the environment allows.
    pub fn best() Level {
        const allowed = std.mem.span(std.c.getenv(variable) orelse "");
        const limit = std.meta.stringToEnum(Level, allowed) orelse .v4;
        return @enumFromInt(@min(@intFromEnum(limit), @intFromEnum(detect())));
    }
};

/// As `window.scan`, by the kernels of `level`, which the machine must have. Keys are made where `keyed` is a
/// `*window.Keyed`, and none where it is `{}`.
pub inline fn scan(
    level: Level,
    comptime options: window.Options,
    text: []const u8,
    start: usize,
    spans: []window.Span,
    count: usize,
    keyed: anytype,
) window.Result {
    return switch (level) {
        .baseline => scanWith(window, options, text, start, spans, count, keyed),
        .v3 => scanWith(window_v3, options, text, start, spans, count, keyed),
        .v4 => scanWith(window_v4, options, text, start, spans, count, keyed),
    };
}

/// As `units.fill`, by the kernels of `level`, which the machine must have.
pub fn fillUnits(level: Level, comptime Unit: type, text: []const u8, units: [*]Unit) ?usize {
    return switch (level) {
        .baseline => window.units.fill(Unit, text, units),
        .v3 => window_v3.units.fill(Unit, text, units),
        .v4 => window_v4.units.fill(Unit, text, units),
    };
}

pub const units_slack = window.units.slack;

/// As `utf8_writer.write`, by the kernels of `level`, which the machine must have.
pub fn writeUtf8(level: Level, comptime Unit: type, units: []const Unit, text: [*]u8) ?usize {
    return switch (level) {
        .baseline => window.utf8_writer.write(Unit, units, text),
        .v3 => window_v3.utf8_writer.write(Unit, units, text),
        .v4 => window_v4.utf8_writer.write(Unit, units, text),
    };
}

/// How many bytes of room that takes.
pub fn utf8Room(comptime Unit: type, unit_count: usize) usize {
    return unit_count * window.utf8_writer.bytesAUnit(Unit) + window.utf8_writer.slack;
}

/// The kernels of another module have types of their own, alike in all but name.
fn scanWith(
    comptime kernels: type,
    comptime options: window.Options,
    text: []const u8,
    start: usize,
    spans: []window.Span,
    count: usize,
    keyed: anytype,
) window.Result {
    const own: kernels.Options = comptime .{
        .family = @enumFromInt(@intFromEnum(options.family)),
        .number_len = options.number_len,
        .keeps_final_space = options.keeps_final_space,
        .contractions = options.contractions,
        .has_marks = options.has_marks,
    };
    const tables: kernels.Tables = .{
        .first = &table.first,
        .second = &table.second,
        .kinds = switch (options.family) {
            .gpt2, .digits, .bloom, .clip => &plain_kinds,
            .letters => if (options.has_marks) &marked_kinds else &plain_kinds,
            .cased, .cased_han => &cased_kinds,
            .falcon, .deepseek_coder, .deepseek_llm => &falcon_kinds,
            .parted => &parted_kinds,
        },
    };
    const sink = if (@TypeOf(keyed) == void)
        kernels.NoKeys{}
    else
        kernels.WithKeys.init(@ptrCast(keyed));
    const found = kernels.scan(
        own,
        &tables,
        text,
        start,
        @ptrCast(spans),
        count,
        sink,
    );
    return .{ .count = found.count, .position = found.position };
}

const plain_kinds = kindsOf(.letters, false);
const marked_kinds = kindsOf(.letters, true);
const cased_kinds = kindsOf(.cased, false);
const falcon_kinds = kindsOf(.falcon, false);
const parted_kinds = kindsOf(.parted, true);

/// The kind of every byte that a character's properties can be.
/// With `has_marks`, marks are letters.
fn kindsOf(comptime family: window.Family, comptime has_marks: bool) [256]u8 {
    const is_cased = comptime family.isCased();
    @setEvalBranchQuota(10_000);
    var kinds: [256]u8 = undefined;
    for (&kinds, 0..) |*kind, byte| {
        const properties: table.Properties = @bitCast(@as(u8, byte));
        const is_category = byte % 32 < std.meta.fields(Category).len;
        const of: window.Kind = if (!is_category)
            .other
        else if (properties.white_space)
            .space
        else switch (properties.category) {
            .lu, .lt => if (is_cased) .upper else .letter,
            .ll => .letter,
            .lm, .lo => if (is_cased) .caseless else .letter,
            .mn, .mc, .me => if (is_cased)
                .mark
            else if (has_marks)
                .letter
            else if (family == .falcon)
                .control
            else
                .other,
            .nd, .nl, .no => .number,
            .pc, .pd, .ps, .pe, .pi, .pf, .po => .other,
            .sm, .sc, .sk, .so => if (family == .falcon) .control else .other,
            .zs, .zl, .zp, .cc, .cf, .cs, .co, .cn => switch (family) {
                .parted, .falcon => .control,
                else => .other,
            },
        };
        kind.* = @intFromEnum(of);
    }
    return kinds;
}

fn detect() Level {
    if (!is_x86_64) return .baseline;
    const basic = cpuid(1, 0);
    const has_state = basic.c >> 27 & 1 == 1;
    if (cpuid(0, 0).a < 7 or !has_state) return .baseline;
    const extended = cpuid(7, 0);
    const amd = if (cpuid(0x80000000, 0).a >= 0x80000001) cpuid(0x80000001, 0).c else 0;
    const state = enabledState();
    // FMA, MOVBE, F16C, AVX; BMI1, AVX2, BMI2; LZCNT; the system keeps the upper halves of registers.
    const has_v3 = hasBits(basic.c, 1 << 12 | 1 << 22 | 1 << 29 | 1 << 28) and
        hasBits(extended.b, 1 << 3 | 1 << 5 | 1 << 8) and hasBits(amd, 1 << 5) and hasBits(state, 0x6);
    if (!has_v3) return .baseline;
    // AVX-512 F, DQ, CD, BW, VL, and their registers.
    const has_v4 = hasBits(extended.b, 1 << 16 | 1 << 17 | 1 << 28 | 1 << 30 | 1 << 31) and
        hasBits(state, 0xE6);
    return if (has_v4) .v4 else .v3;
}

fn hasBits(word: u32, bits: u32) bool {
    return word & bits == bits;
}

const Registers = struct { a: u32, b: u32, c: u32 };

fn cpuid(leaf: u32, subleaf: u32) Registers {
    var a: u32 = undefined;
    var b: u32 = undefined;
    var c: u32 = undefined;
    var d: u32 = undefined;
    asm volatile ("cpuid"
        : [_] "={eax}" (a),
          [_] "={ebx}" (b),
          [_] "={ecx}" (c),
          [_] "={edx}" (d),
        : [_] "{eax}" (leaf),
          [_] "{ecx}" (subleaf),
    );
    return .{ .a = a, .b = b, .c = c };
}

/// Which registers the operating system keeps (XCR0).
fn enabledState() u32 {
    return asm volatile ("xgetbv"
        : [_] "={eax}" (-> u32),
        : [_] "{ecx}" (@as(u32, 0)),
        : .{ .edx = true });
}

test "every character that is found by its first bytes has the kind that its properties give" {
    // Between letters that are neither capital nor small, a character shows its kind by what it parts.
    for ([_][]const u8{ "a", "A" }) |before| {
        for (0x80..0x20000) |i| {
            if (i >> 11 == 0xD800 >> 11) continue;
            // Of four bytes, those that begin with F0 9F, and a few others.
            if (i >= 0x10000 and i < 0x1F000 and i % 64 != 0) continue;
            var buffer: [64]u8 = undefined;
            var text: std.ArrayList(u8) = .initBuffer(&buffer);
            text.appendSliceAssumeCapacity(before);
            var character: [4]u8 = undefined;
            const len = std.unicode.utf8Encode(@intCast(i), &character) catch unreachable;
            text.appendSliceAssumeCapacity(character[0..len]);
            text.appendSliceAssumeCapacity("b C! ");
            text.appendSliceAssumeCapacity(character[0..len]);
            text.appendSliceAssumeCapacity("1\u{4e2d}");
            text.appendSliceAssumeCapacity(character[0..len]);
            var windowed: usize = 0;
            errdefer std.debug.print("in {f}\n", .{std.zig.fmtString(text.items)});
            // Kinds are those of the cased family, of the parted one, of BLOOM's, of Falcon's, of deepseek-coder's,
            // of DeepSeek LLM's, or of the others.
            try expectGpt2(.baseline, false, text.items, &windowed);
            try expectCased(.baseline, false, 3, true, false, text.items, &windowed);
            try expectCased(.baseline, false, 3, true, true, text.items, &windowed);
            try expectParted(.baseline, false, text.items, &windowed);
            try expectBloom(.baseline, false, text.items, &windowed);
            try expectFalcon(.baseline, false, text.items, &windowed);
            try expectDeepseekCoder(.baseline, false, text.items, &windowed);
            try expectDeepseekLlm(.baseline, false, text.items, &windowed);
        }
    }
}

/// The same pieces, with their keys or left to the caller.
fn expectKeys(
    level: Level,
    comptime options: window.Options,
    text: []const u8,
    start: usize,
    wanted: []const window.Span,
) !void {
    var spans: [200]window.Span = undefined;
    var keys: [spans.len]piece_key.Key = undefined;
    var hashes: [spans.len]u32 = undefined;
    var left: [spans.len]u16 = undefined;
    const entries: [window.Keyed.entry_len]u8 = undefined;
    var keyed: window.Keyed = .{
        .keys = &keys,
        .hashes = &hashes,
        .entries = &entries,
        .entry_mask = 0,
        .left = &left,
    };
    const found = scan(level, options, text, start, &spans, 0, &keyed);
    try std.testing.expectEqual(wanted.len, found.count);
    var left_count: usize = 0;
    for (wanted, spans[0..found.count], 0..) |span, own, i| {
        try std.testing.expectEqual(span, own);
        const piece = text[span.start..span.end];
        if (left_count < keyed.left_count and left[left_count] == i) {
            left_count += 1;
            try std.testing.expect(piece.len > piece_key.short_len_max);
            continue;
        }
        var padded: [piece_key.len]u8 = @splat(0);
        @memcpy(padded[0..piece.len], piece);
        const key = piece_key.of(&padded, piece.len);
        try std.testing.expectEqual(key, keys[i]);
        try std.testing.expectEqual(piece_key.hash(key), hashes[i]);
    }
    try std.testing.expectEqual(keyed.left_count, left_count);
}

fn expectPieces(
    level: Level,
    comptime has_keys: bool,
    comptime options: window.Options,
    pieceEnd: *const fn ([]const u8, usize) usize,
    text: []const u8,
    windowed: *usize,
) !void {
    var spans: [200]window.Span = undefined;
    var at: usize = 0;
    while (at < text.len) {
        const found = scan(level, options, text, at, &spans, 0, {});
        if (has_keys) try expectKeys(level, options, text, at, spans[0..found.count]);
        for (spans[0..found.count]) |span| {
            try std.testing.expectEqual(at, span.start);
            at = pieceEnd(text, at);
            try std.testing.expectEqual(at, span.end);
        }
        try std.testing.expectEqual(at, found.position);
        windowed.* += found.count;
        if (at < text.len) at = pieceEnd(text, at);
    }
}

fn expectGpt2(level: Level, comptime has_keys: bool, text: []const u8, windowed: *usize) !void {
    try expectPieces(level, has_keys, .{ .family = .gpt2 }, gpt2.pieceEnd, text, windowed);
}

fn expectDigits(level: Level, comptime has_keys: bool, text: []const u8, windowed: *usize) !void {
    const options: window.Options = .{ .family = .digits, .number_len = starcoder.number_len };
    try expectPieces(level, has_keys, options, starcoder.pieceEnd, text, windowed);
}

fn expectLetters(
    level: Level,
    comptime has_keys: bool,
    comptime number_len: usize,
    comptime keeps_final_space: bool,
    comptime has_marks: bool,
    text: []const u8,
    windowed: *usize,
) !void {
    const options: window.Options = .{
        .family = .letters,
        .number_len = number_len,
        .keeps_final_space = keeps_final_space,
        .has_marks = has_marks,
    };
    const pieceEnd = struct {
        fn pieceEnd(whole: []const u8, at: usize) usize {
            return cl100k.pieceEnd(
                .{
                    .number_len = number_len,
                    .keep_final_space = keeps_final_space,
                    .has_marks = has_marks,
                },
                whole,
                at,
            );
        }
    }.pieceEnd;
    try expectPieces(level, has_keys, options, pieceEnd, text, windowed);
}

fn expectCased(
    level: Level,
    comptime has_keys: bool,
    comptime number_len: usize,
    comptime contractions: bool,
    comptime parts_han: bool,
    text: []const u8,
    windowed: *usize,
) !void {
    const options: window.Options = .{
        .family = if (parts_han) .cased_han else .cased,
        .number_len = number_len,
        .contractions = contractions,
    };
    const pieceEnd = struct {
        fn pieceEnd(whole: []const u8, at: usize) usize {
            return o200k.pieceEnd(
                .{
                    .number_len = number_len,
                    .contractions = contractions,
                    .parts_han = parts_han,
                },
                whole,
                at,
            );
        }
    }.pieceEnd;
    try expectPieces(level, has_keys, options, pieceEnd, text, windowed);
}

fn expectParted(level: Level, comptime has_keys: bool, text: []const u8, windowed: *usize) !void {
    const options: window.Options = .{ .family = .parted, .number_len = deepseek.number_len };
    try expectPieces(level, has_keys, options, deepseek.pieceEnd, text, windowed);
}

fn expectBloom(level: Level, comptime has_keys: bool, text: []const u8, windowed: *usize) !void {
    try expectPieces(level, has_keys, .{ .family = .bloom }, bloom.pieceEnd, text, windowed);
}

fn expectClip(level: Level, comptime has_keys: bool, text: []const u8, windowed: *usize) !void {
    try expectPieces(level, has_keys, .{ .family = .clip }, clip.pieceEnd, text, windowed);
}

fn expectFalcon(level: Level, comptime has_keys: bool, text: []const u8, windowed: *usize) !void {
    const options: window.Options = .{ .family = .falcon, .number_len = falcon.number_len };
    try expectPieces(level, has_keys, options, falcon.pieceEnd, text, windowed);
}

fn expectDeepseekCoder(level: Level, comptime has_keys: bool, text: []const u8, windowed: *usize) !void {
    try expectPieces(level, has_keys, .{ .family = .deepseek_coder }, deepseek_coder.pieceEnd, text, windowed);
}

fn expectDeepseekLlm(level: Level, comptime has_keys: bool, text: []const u8, windowed: *usize) !void {
    try expectPieces(level, has_keys, .{ .family = .deepseek_llm }, deepseek_llm.pieceEnd, text, windowed);
}

fn expectAllFamilies(
    level: Level,
    comptime has_keys: bool,
    text: []const u8,
    windowed: *usize,
) !void {
    try expectGpt2(level, has_keys, text, windowed);
    try expectDigits(level, has_keys, text, windowed);
    try expectLetters(level, has_keys, 3, true, false, text, windowed);
    try expectLetters(level, has_keys, 3, false, false, text, windowed);
    try expectLetters(level, has_keys, 2, false, false, text, windowed);
    try expectLetters(level, has_keys, 1, false, false, text, windowed);
    try expectLetters(level, has_keys, 1, false, true, text, windowed);
    try expectCased(level, has_keys, 3, true, false, text, windowed);
    try expectCased(level, has_keys, 3, true, true, text, windowed);
    try expectCased(level, has_keys, 1, false, false, text, windowed);
    try expectParted(level, has_keys, text, windowed);
    try expectBloom(level, has_keys, text, windowed);
    try expectFalcon(level, has_keys, text, windowed);
    try expectClip(level, has_keys, text, windowed);
    try expectDeepseekCoder(level, has_keys, text, windowed);
    try expectDeepseekLlm(level, has_keys, text, windowed);
}

/// What the rules of the families turn on, and characters that are alike in all but one of them.
const hostile = [_][]const u8{
    "a",         "b",              "z",         "S",         "e",        "l",         "L",         "E",
    "A",         "1",              "2",         " ",         " ",        "\n",        "\r",        "\t",
    "!",         "'",              "'",         "/",         ".",        "\u{17f}",   "\u{e9}",    "\u{c9}",
    "\u{3000}",  "\u{a0}",         "\u{4e2d}",  "\u{6587}",  "\u{fdd0}", "\u{2014}",  "\u{ff0c}",  "\u{301}",
    "\u{e49}",   "\u{b2}",         "\u{663}",   "\xe2\x82",  "\xff",     "ll",        "'s",        "'re",
    "\u{1f600}", "\u{1d7ce}",      "\u{10400}", "\u{10428}", "\u{1c5}",  "\x00",      "\u{d7}",    "\u{d0b}",
    "\u{ac00}",  "\u{30fc}",       "\u{3099}",  "\u{410}",   "\u{44f}",  "\u{482}",   "\u{5000}",  "\u{9fff}",
    "\u{3002}",  "\u{2019}",       "\u{2028}",  "\u{2003}",  "\u{ff11}", "\u{ff21}",  "\u{ff41}",  "\u{391}",
    "\u{3b1}",   "\u{5d0}",        "\u{640}",   "\u{628}",   "\u{6af}",  "\u{ab}",    "\u{aa}",    "\u{bd}",
    "\u{3007}",  "\u{2460}",       "\u{1f3fb}", "\u{1fb00}", "\u{ad}",   "\u{200b}",  "\u{9fa5}",  "\u{9fa6}",
    "\u{11de5}", "\u{16ff4}",      "\u{11dea}", "\u{16ff3}", "(",        "|",         ",",         "\u{2026}",
    "\u{3001}",  "\u{964}",        "\u{6d4}",   "\u{60c}",   "\u{1680}", "\u{205f}",  "\u{166d}",  "\u{61d}",
    "\u{2308}",  "\u{432}\u{432}", "\u{ff0b}",  "\u{bc}",    "\u{2e80}", "\u{16fe2}", "\u{16ff0}", "\u{3038}",
    "\u{3400}",  "\u{20000}",      "\u{3005}",  "\u{3040}",  "\u{3097}", "\u{309b}",  "\u{30fb}",  "\x7f",
    "\u{85}",    "!a",             "\u{1f6d8}", "<|",        "$",        "^",         "~",         "\u{d7a4}",
    "\u{1e00}",  "\u{7c0}",        "\u{800}",   "\u{a490}",  "\u{202f}", "\u{a1}",    "\u{2018}",  "\u{1bb}",
    "\u{1c3}",   "\u{294}",        "\u{2b0}",   "\u{b5}",    "\u{ff5e}", "\u{ff5f}",  "\u{ff40}",  "\u{3003}",
    "\u{3000}",  "\u{3000}",       "\u{ab70}",  "\u{212a}",
};

fn expectUnits(level: Level, comptime Unit: type, text: []const u8) !void {
    var units: [1000 + units_slack]Unit = undefined;
    const found = fillUnits(level, Unit, text, &units);
    var expected: [1000]Unit = undefined;
    var count: usize = 0;
    const is_right = for_each: {
        var characters = (std.unicode.Utf8View.init(text) catch break :for_each false).iterator();
        while (characters.nextCodepoint()) |character| : (count += 1) {
            expected[count] = std.math.cast(Unit, character) orelse break :for_each false;
        }
        break :for_each true;
    };
    try std.testing.expectEqual(if (is_right) count else null, found);
    if (is_right) try std.testing.expectEqualSlices(Unit, expected[0..count], units[0..count]);
}

test "every level gives the characters of well-formed text, and nothing for any other" {
    const characters = [_][]const u8{
        "a",        "\x00",     "\x7f",     "\u{80}",    "\u{7ff}",   "\u{800}",    "\u{4e2d}",
        "\u{d7ff}", "\u{e000}", "\u{ffff}", "\u{10000}", "\u{1f600}", "\u{10ffff}",
    };
    const broken = [_][]const u8{
        "\x80",         "\xbf",             "\xc0\x80",         "\xc1\xbf",             "\xc3",
        "\xe0\x9f\xbf", "\xe4\xb8",         "\xed\xa0\x80",     "\xed\xbf\xbf",         "\xf0\x8f\xbf\xbf",
        "\xf0\x9f\x98", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf8\x88\x80\x80\x80", "\xff",
    };
    var prng: std.Random.DefaultPrng = .init(4);
    const random = prng.random();
    var buffer: [1000]u8 = undefined;
    for (0..20_000) |i| {
        // A few of the characters, so that there are runs of each length and blocks with few that are not ASCII.
        var some: [characters.len + 1][]const u8 = undefined;
        const kinds = random.intRangeAtMost(usize, 1, characters.len);
        for (some[0..kinds]) |*each| each.* = characters[random.uintLessThan(usize, characters.len)];
        const most: usize = if (random.boolean()) 12 else kinds;
        var len: usize = 0;
        const count = random.uintAtMost(usize, if (i % 4 == 0) 200 else 40);
        const broken_at = if (i % 2 == 0) random.uintAtMost(usize, count) else count;
        for (0..count) |at| {
            const usual = some[random.uintLessThan(usize, most) % kinds];
            const each = if (at == broken_at) broken[random.uintLessThan(usize, broken.len)] else usual;
            @memcpy(buffer[len..][0..each.len], each);
            len += each.len;
        }
        const text = buffer[0..len -| random.uintAtMost(usize, 1)];
        errdefer std.debug.print("in {f}\n", .{std.zig.fmtString(text)});
        for (std.enums.values(Level)) |level| {
            if (@intFromEnum(level) > @intFromEnum(detect())) continue;
            try expectUnits(level, u16, text);
            try expectUnits(level, u32, text);
        }
    }
}

fn expectUtf8(level: Level, comptime Unit: type, units: []const Unit) !void {
    var text: [utf8Room(Unit, 300)]u8 = @splat(0xAA);
    const found = writeUtf8(level, Unit, units, &text);
    var expected: [4 * 300]u8 = undefined;
    var len: usize = 0;
    const is_right = for (units) |unit| {
        const character = std.math.cast(u21, unit) orelse break false;
        len += std.unicode.utf8Encode(character, expected[len..]) catch break false;
    } else true;
    try std.testing.expectEqual(if (is_right) len else null, found);
    if (is_right) try std.testing.expectEqualStrings(expected[0..len], text[0..len]);
    // Nothing is written behind the room.
    const end = utf8Room(Unit, units.len);
    for (text[@min(end, text.len)..]) |byte| try std.testing.expectEqual(0xAA, byte);
}

test "every level writes the UTF-8 of characters, and nothing where one is none" {
    const right = [_]u32{
        'a',    'b',    0,       0x7f,    0x80,     0xe9,   0xff,   0x100, 0x7ff, 0x800, 0x4e2d, 0xd7ff,
        0xe000, 0xffff, 0x10000, 0x1f600, 0x10ffff, 0x2019, 0x3042,
    };
    const wrong = [_]u32{ 0xd800, 0xdbff, 0xdc00, 0xdfff, 0x110000, 0xffffffff };
    var prng: std.Random.DefaultPrng = .init(5);
    const random = prng.random();
    for (0..20_000) |i| {
        var units: [300]u32 = undefined;
        const kinds = random.intRangeAtMost(usize, 1, right.len);
        const most: usize = if (random.boolean()) 12 else 1;
        const len = random.uintAtMost(usize, if (i % 4 == 0) units.len else 70);
        for (units[0..len]) |*unit| {
            unit.* = if (random.uintLessThan(usize, most) == 0) right[random.uintLessThan(usize, kinds)] else 'x';
        }
        if (len > 0 and i % 3 == 0) {
            units[random.uintLessThan(usize, len)] = wrong[random.uintLessThan(usize, wrong.len)];
        }
        var bytes: [300]u8 = undefined;
        var halves: [300]u16 = undefined;
        for (units[0..len], bytes[0..len], halves[0..len]) |unit, *byte, *half| {
            byte.* = @truncate(unit);
            half.* = @truncate(unit);
        }
        for (std.enums.values(Level)) |level| {
            if (@intFromEnum(level) > @intFromEnum(detect())) continue;
            try expectUtf8(level, u8, bytes[0..len]);
            try expectUtf8(level, u16, halves[0..len]);
            try expectUtf8(level, u32, units[0..len]);
        }
    }
}

test "every level gives the pieces of the scanners that go character by character" {
    var prng: std.Random.DefaultPrng = .init(3);
    const random = prng.random();
    var buffer: [1000]u8 = undefined;
    var total: usize = 0;
    var windowed: usize = 0;
    // A build without optimization takes minutes for as many.
    const rounds: usize = if (builtin.mode == .Debug) 1200 else 12_000;
    for (0..rounds) |i| {
        // A few of the characters, so that runs are long and the same rules meet often.
        var some: [hostile.len][]const u8 = undefined;
        const most: usize = if (i % 3 == 0) 2 else hostile.len;
        const kinds = random.intRangeAtMost(usize, 1, most);
        for (some[0..kinds]) |*character| character.* = hostile[random.uintLessThan(usize, hostile.len)];
        var len: usize = 0;
        for (0..random.uintAtMost(usize, if (i % 4 == 0) 200 else 70)) |_| {
            const character = some[random.uintLessThan(usize, kinds)];
            @memcpy(buffer[len..][0..character.len], character);
            len += character.len;
        }
        const text = buffer[0..len];
        errdefer std.debug.print("in {f}\n", .{std.zig.fmtString(text)});
        for (std.enums.values(Level)) |level| {
            if (@intFromEnum(level) > @intFromEnum(detect())) continue;
            if (i % 3 == 0)
                try expectAllFamilies(level, true, text, &windowed)
            else
                try expectAllFamilies(level, false, text, &windowed);
            total += len;
        }
    }
    // The windows decide nearly everything.
    try std.testing.expect(windowed > total);
}
