//! The normalization forms of UTF-8, as tokenizers has them: Unicode 9.0 (`tools/gen_normalization.py`).
//!
//! Nearly all text is in NFC, and much in the other forms. It is passed over in vectors, and where characters
//! stand that could change, their stretch alone is looked at: up to the next character that nothing can join, and
//! from the one before them on if the first of them may join it. Ill-formed bytes are kept; nothing joins them.
//!
//! Time is linear in the text, and n log n in a run of combining marks, which are sorted. Memory grows to the
//! longest such stretch.

const std = @import("std");
const table = @import("normalization_table.zig");
const utf8 = @import("utf8.zig");
const Allocator = std.mem.Allocator;

pub const Form = enum { nfc, nfd, nfkc, nfkd };

/// A character of a stretch, and its combining class.
pub const Part = struct {
    character: u21,
    combining_class: u8,
    /// Whether it may compose with a character before it.
    joins: bool,
    /// How many characters of the text it takes the place of: none for one that was put in behind.
    used: u32,
};

/// Memory for one stretch; kept from text to text.
pub const Scratch = struct {
    parts: std.ArrayList(Part) = .empty,

    pub fn deinit(scratch: *Scratch, gpa: Allocator) void {
        scratch.parts.deinit(gpa);
        scratch.* = undefined;
    }
};

/// The text in a form: the text itself if it is, else written to `output`.
pub fn normalize(
    comptime form: Form,
    gpa: Allocator,
    scratch: *Scratch,
    text: []const u8,
    output: *std.ArrayList(u8),
) error{OutOfMemory}![]const u8 {
    output.clearRetainingCapacity();
    var copied: usize = 0;
    var changes: Changes(form) = .{ .text = text };
    while (try changes.next(gpa, scratch)) |change| {
        try output.ensureUnusedCapacity(gpa, change.start - copied + 4 * change.parts.len);
        output.appendSliceAssumeCapacity(text[copied..change.start]);
        for (change.parts) |part| appendCharacter(output, part.character);
        copied = change.end;
    }
    if (copied == 0) return text;
    try output.appendSlice(gpa, text[copied..]);
    return output.items;
}

/// What becomes of `text[start..end]`.
pub const Change = struct { start: usize, end: usize, parts: []const Part };

/// A walk over the stretches of a text that are not in the form.
pub fn Changes(comptime form: Form) type {
    return struct {
        text: []const u8,
        at: usize = 0,

        pub fn next(changes: *@This(), gpa: Allocator, scratch: *Scratch) error{OutOfMemory}!?Change {
            const text = changes.text;
            const composes = form == .nfc or form == .nfkc;
            while (nextSuspect(form, text, changes.at)) |suspect| {
                const stretch = stretchAt(form, text, suspect);
                const end = stretch.end;
                const from = changes.at;
                changes.at = end;
                if (stretch.is_normal) continue;
                const joins = composes and mayJoin(form, characterAt(text, suspect).code_point);
                const start = if (joins) stretchStart(text, from, suspect) else suspect;
                const made = try partsOf(form, gpa, scratch, text[start..end]);
                if (!made.is_other and equals(made.parts, text[start..end])) continue;
                return .{ .start = start, .end = end, .parts = made.parts };
            }
            return null;
        }
    };
}

/// What becomes of a stretch, and whether it is something else for certain. The stretch is well-formed.
pub fn partsOf(
    comptime form: Form,
    gpa: Allocator,
    scratch: *Scratch,
    stretch: []const u8,
) error{OutOfMemory}!struct { parts: []const Part, is_other: bool } {
    scratch.parts.clearRetainingCapacity();
    const is_other = try decompose(form, gpa, stretch, &scratch.parts);
    sortMarks(scratch.parts.items);
    const composes = form == .nfc or form == .nfkc;
    const parts = if (composes) compose(scratch.parts.items) else scratch.parts.items;
    return .{ .parts = parts, .is_other = is_other };
}

/// By block of the table, which of its characters a form may change, or may change what is before them: a bit
/// each.
fn Suspects(comptime form: Form) type {
    return struct {
        const halves = 1 << (table.block_bits - 6);
        const blocks = if (form == .nfc) &table.first else &table.change_first;
        const masks = masks: {
            const values = if (form == .nfc) &table.second else &table.change_second;
            @setEvalBranchQuota(20 * values.len);
            var bits: [values.len >> 6]u64 = @splat(0);
            for (values, 0..) |value, i| {
                if (isSuspectValue(value)) bits[i >> 6] |= 1 << (i & 63);
            }
            break :masks bits;
        };

        fn isSuspectValue(value: u8) bool {
            if (form == .nfc) return value != 0;
            const change: table.Change = @bitCast(value);
            return change.combining or changesBy(form, change);
        }

        inline fn has(character: u21) bool {
            const block: usize = blocks[character >> table.block_bits];
            const mask = masks[block * halves + (character >> 6 & (halves - 1))];
            return mask >> @truncate(character & 63) & 1 != 0;
        }

        /// Whether the character at `at`, which is not ASCII, is one of them.
        inline fn isAt(text: []const u8, at: usize) bool {
            const lead: u21 = text[at];
            if (lead < 0xF0) {
                const last = at + 1 + @intFromBool(lead >= 0xE0);
                if (last >= text.len) return false;
                const second: u21 = text[at + 1] & 0x3F;
                const character = if (lead < 0xE0)
                    (lead & 0x1F) << 6 | second
                else
                    (lead & 0xF) << 12 | second << 6 | (text[last] & 0x3F);
                if (!has(character)) return false;
            }
            // Ill-formed bytes change nothing.
            return has(utf8.decode(text, at).code_point);
        }
    };
}

fn changesBy(comptime form: Form, change: table.Change) bool {
    return switch (form) {
        .nfc => comptime unreachable,
        .nfd => change.by_nfd,
        .nfkc => change.suspect_in_nfkc,
        .nfkd => change.by_nfkd,
    };
}

const LeadRange = struct { first: u8, last: u8 };

/// Lead bytes that begin no character which may change: those of most Latin letters, of Cyrillic and Georgian, of
/// Han and Hangul. They are passed over without a look at each.
fn ordinaryLeads(comptime form: Form) []const LeadRange {
    return switch (form) {
        .nfc => &.{
            .{ .first = 0xC2, .last = 0xCB },
            .{ .first = 0xD0, .last = 0xD1 },
            .{ .first = 0xE4, .last = 0xE9 },
            .{ .first = 0xEB, .last = 0xEE },
        },
        .nfkc => &.{
            .{ .first = 0xC3, .last = 0xC3 },
            .{ .first = 0xD0, .last = 0xD1 },
            .{ .first = 0xE4, .last = 0xE9 },
            .{ .first = 0xEB, .last = 0xEE },
        },
        .nfd => &.{ .{ .first = 0xC2, .last = 0xC2 }, .{ .first = 0xE4, .last = 0xE9 } },
        .nfkd => &.{.{ .first = 0xE4, .last = 0xE9 }},
    };
}

comptime {
    @setEvalBranchQuota(200_000);
    for (std.enums.values(Form)) |form| {
        for (ordinaryLeads(form)) |range| {
            for (range.first..range.last + 1) |lead| {
                const width = if (lead < 0xE0) 6 else 12;
                const start = (lead & if (lead < 0xE0) 0x1F else 0xF) << width;
                var block = start >> table.block_bits;
                while (block << table.block_bits < start + (1 << width)) : (block += 1) {
                    const halves = Suspects(form).halves;
                    const number = Suspects(form).blocks[block] * @as(usize, halves);
                    // Half a block, where a lead has no more characters.
                    const skipped = (start >> 6) % halves * @intFromBool(width == 6);
                    const count = if (width == 6) 1 else halves;
                    for (Suspects(form).masks[number + skipped ..][0..count]) |mask| {
                        std.debug.assert(mask == 0);
                    }
                }
            }
        }
    }
}

/// The first character from `from` on that may change, or change what is before it.
fn nextSuspect(comptime form: Form, text: []const u8, from: usize) ?usize {
    const block_len = 32;
    const Block = @Vector(block_len, u8);
    var base = from;
    while (base + block_len <= text.len) : (base += block_len) {
        const block: Block = text[base..][0..block_len].*;
        var leads: u32 = @bitCast(block >= @as(Block, @splat(0xC2)));
        if (leads == 0) continue;
        inline for (comptime ordinaryLeads(form)) |range| {
            const distances = block -% @as(Block, @splat(range.first));
            leads &= @bitCast(distances > @as(Block, @splat(range.last - range.first)));
        }
        while (leads != 0) : (leads &= leads - 1) {
            const at = base + @ctz(leads);
            if (Suspects(form).isAt(text, at)) return at;
        }
    }
    for (base..text.len) |at| {
        if (text[at] >= 0xC2 and Suspects(form).isAt(text, at)) return at;
    }
    return null;
}

inline fn kindOf(character: u21) table.Kind {
    const block: usize = table.first[character >> table.block_bits];
    return table.kinds[table.second[block << table.block_bits | lowBits(character)]];
}

inline fn changeOf(character: u21) table.Change {
    const block: usize = table.change_first[character >> table.block_bits];
    return @bitCast(table.change_second[block << table.block_bits | lowBits(character)]);
}

inline fn lowBits(character: u21) usize {
    return character & ((1 << table.block_bits) - 1);
}

/// Where the character before `suspect` begins, unless it is ill-formed or lies before `from`.
fn stretchStart(text: []const u8, from: usize, suspect: usize) usize {
    var start = suspect;
    while (start > from and suspect - start < 4) {
        start -= 1;
        if (text[start] & 0xC0 != 0x80) break;
    }
    if (start == suspect) return suspect;
    const character = utf8.decode(text, start);
    const is_ill_formed = character.code_point == utf8.replacement and !utf8.isReplacementAt(text, start);
    return if (start + character.len == suspect and !is_ill_formed) start else suspect;
}

/// Where the first character behind `suspect` begins that is none, and the quick check of Unicode Standard Annex 15
/// of what is before it: false where only composing can tell.
fn stretchAt(comptime form: Form, text: []const u8, suspect: usize) struct { end: usize, is_normal: bool } {
    var end = suspect;
    var is_normal = true;
    var last_class: u8 = 0;
    while (end < text.len and text[end] >= 0xC2) {
        const character = characterAt(text, end);
        if (!Suspects(form).has(character.code_point)) break;
        end += character.len;
        if (!is_normal) continue;
        const kind = kindOf(character.code_point);
        is_normal = if (form == .nfc)
            kind.check == .yes
        else
            !changesBy(form, changeOf(character.code_point));
        if (kind.combining_class != 0 and kind.combining_class < last_class) is_normal = false;
        last_class = kind.combining_class;
    }
    return .{ .end = end, .is_normal = is_normal };
}

/// As `utf8.decode`, without a call for the characters of the first 2^16 that have others behind them.
inline fn characterAt(text: []const u8, at: usize) utf8.Character {
    if (at + 4 > text.len) return utf8.decode(text, at);
    const word: u21 = @truncate(std.mem.readInt(u32, text[at..][0..4], .big) >> 8);
    if (text[at] < 0x80) return .{ .code_point = text[at], .len = 1 };
    const code_point = (word >> 4 & 0xF000) | (word >> 2 & 0xFC0) | (word & 0x3F);
    const is_three = text[at] & 0xF0 == 0xE0 and word & 0xC0C0 == 0x8080;
    if (is_three and code_point >= 0x800 and code_point & 0xF800 != 0xD800) {
        return .{ .code_point = code_point, .len = 3 };
    }
    return utf8.decode(text, at);
}

/// Whether what becomes of a character may join what is before it.
fn mayJoin(comptime form: Form, character: u21) bool {
    const decomposed = decompositionOf(form, character);
    const kind = kindOf(if (decomposed) |parts| parts[0] else character);
    return kind.combining_class != 0 or kind.check != .yes;
}

const hangul = struct {
    const syllable_base = 0xAC00;
    const lead_base = 0x1100;
    const vowel_base = 0x1161;
    const tail_base = 0x11A7;
    const lead_count = 19;
    const vowel_count = 21;
    const tail_count = 28;
    const syllable_count = lead_count * vowel_count * tail_count;

    /// Appends the letters of a syllable.
    fn decompose(index: u21, parts: *std.ArrayList(Part)) void {
        const tail = index % tail_count;
        const lead_and_vowel = index / tail_count;
        appendPart(parts, lead_base + lead_and_vowel / vowel_count, 1);
        appendPart(parts, vowel_base + lead_and_vowel % vowel_count, 0);
        if (tail != 0) appendPart(parts, tail_base + tail, 0);
    }

    fn compose(first: u21, second: u21) ?u21 {
        const lead = first -% lead_base;
        const vowel = second -% vowel_base;
        if (lead < lead_count and vowel < vowel_count) {
            return syllable_base + (lead * vowel_count + vowel) * tail_count;
        }
        const syllable = first -% syllable_base;
        const tail = second -% tail_base;
        if (syllable < syllable_count and syllable % tail_count == 0 and
            tail > 0 and tail < tail_count)
        {
            return first + tail;
        }
        return null;
    }
};

/// The most characters that one becomes.
const decomposed_len_max = 18;

/// Appends what the characters of a stretch become. Whether it is something else for certain, whatever composes.
fn decompose(
    comptime form: Form,
    gpa: Allocator,
    stretch: []const u8,
    parts: *std.ArrayList(Part),
) error{OutOfMemory}!bool {
    const composes = form == .nfc or form == .nfkc;
    var is_other = false;
    var at: usize = 0;
    while (at < stretch.len) {
        const character = characterAt(stretch, at);
        at += character.len;
        try parts.ensureUnusedCapacity(gpa, decomposed_len_max);
        const syllable = character.code_point -% hangul.syllable_base;
        if (syllable < hangul.syllable_count) {
            hangul.decompose(syllable, parts);
            is_other = is_other or !composes;
            continue;
        }
        const decomposed = decompositionOf(form, character.code_point) orelse {
            appendPart(parts, character.code_point, 1);
            continue;
        };
        is_other = is_other or !composes or form == .nfkc and
            Places(&table.compatible).find(character.code_point) != null;
        for (decomposed, 0..) |part, i| appendPart(parts, part, @intFromBool(i == 0));
    }
    return is_other;
}

inline fn appendPart(parts: *std.ArrayList(Part), character: u21, used: u32) void {
    const kind = kindOf(character);
    parts.appendAssumeCapacity(.{
        .character = character,
        .combining_class = kind.combining_class,
        .joins = kind.check != .yes,
        .used = used,
    });
}

/// What a character decomposes to; null of Hangul syllables.
inline fn decompositionOf(comptime form: Form, character: u21) ?[]const u21 {
    const change = changeOf(character);
    const is_compatible = form == .nfkc or form == .nfkd;
    if (!(if (is_compatible) change.by_nfkd else change.by_nfd)) return null;
    if (is_compatible) if (Places(&table.compatible).find(character)) |index| {
        const start = if (index == 0) 0 else table.compatible_ends[index - 1];
        return table.compatible_parts[start..table.compatible_ends[index]];
    };
    const index = Places(&table.decomposed).find(character) orelse return null;
    const start = if (index == 0) 0 else table.decomposed_ends[index - 1];
    return table.decomposed_parts[start..table.decomposed_ends[index]];
}

/// Where characters stand in an ascending list: by 64 of them, which are in it, and how many come before.
fn Places(comptime list: []const u21) type {
    return struct {
        const Group = struct { mask: u64 = 0, before: u16 = 0 };
        const limit = (list[list.len - 1] >> 6) + 1;
        const group_count = count: {
            @setEvalBranchQuota(10 * list.len);
            var count = 1;
            for (list, 0..) |character, i| {
                if (i == 0 or character >> 6 != list[i - 1] >> 6) count += 1;
            }
            break :count count;
        };
        const tables = tables: {
            @setEvalBranchQuota(20 * list.len);
            // The first one is empty.
            var groups: [group_count]Group = @splat(.{});
            var numbers: [limit]u8 = @splat(0);
            var last = 0;
            for (list, 0..) |character, i| {
                if (i == 0 or character >> 6 != list[i - 1] >> 6) {
                    last += 1;
                    groups[last].before = i;
                    numbers[character >> 6] = last;
                }
                groups[last].mask |= 1 << (character & 63);
            }
            break :tables .{ .groups = groups, .numbers = numbers };
        };

        fn find(character: u21) ?usize {
            const number = character >> 6;
            if (number >= limit) return null;
            const group = tables.groups[tables.numbers[number]];
            const bit = @as(u64, 1) << @truncate(character & 63);
            if (group.mask & bit == 0) return null;
            return group.before + @popCount(group.mask & (bit - 1));
        }
    };
}

/// The canonical order: each run of marks by its combining classes, those of one class as they stand.
fn sortMarks(parts: []Part) void {
    var start: usize = 0;
    while (start < parts.len) {
        var end = start;
        while (end < parts.len and parts[end].combining_class != 0) end += 1;
        const marks = parts[start..end];
        if (!std.sort.isSorted(Part, marks, {}, lessByClass)) std.sort.block(Part, marks, {}, lessByClass);
        start = end + 1;
    }
}

fn lessByClass(_: void, a: Part, b: Part) bool {
    return a.combining_class < b.combining_class;
}

/// Composes in place: each character joins the last starter, unless one of its own class or a later one
/// stands between them.
fn compose(parts: []Part) []Part {
    var starter: ?usize = null;
    var count: usize = 0;
    for (parts) |part| {
        if (part.joins) if (starter) |at| {
            const is_next = at + 1 == count;
            if (is_next or parts[count - 1].combining_class < part.combining_class) {
                if (composedOf(parts[at].character, part.character)) |character| {
                    parts[at].character = character;
                    parts[at].used += part.used;
                    continue;
                }
            }
        };
        if (part.combining_class == 0) starter = count;
        parts[count] = part;
        count += 1;
    }
    return parts[0..count];
}

fn composedOf(first: u21, second: u21) ?u21 {
    if (hangul.compose(first, second)) |character| return character;
    const pair = @as(u64, first) << 32 | second;
    var slot = pairSlot(pair);
    while (pair_slots[slot] != no_pair) : (slot = (slot + 1) % pair_slots.len) {
        const index = pair_slots[slot];
        if (table.pairs[index] == pair) return table.composed[index];
    }
    return null;
}

/// The indices of the pairs in a hash table, half of it empty.
const pair_slots = slots: {
    @setEvalBranchQuota(100 * table.pairs.len);
    var slots: [2 * std.math.ceilPowerOfTwoAssert(usize, table.pairs.len)]u16 = @splat(no_pair);
    for (table.pairs, 0..) |pair, i| {
        var slot = pairSlot(pair);
        while (slots[slot] != no_pair) slot = (slot + 1) % slots.len;
        slots[slot] = i;
    }
    break :slots slots;
};

const no_pair = std.math.maxInt(u16);

fn pairSlot(pair: u64) usize {
    const unused_bits = comptime 63 - @as(u6, std.math.log2_int_ceil(usize, table.pairs.len));
    return @intCast(pair *% 0x9E3779B97F4A7C15 >> unused_bits);
}

fn equals(parts: []const Part, stretch: []const u8) bool {
    var at: usize = 0;
    for (parts) |part| {
        if (at == stretch.len) return false;
        const character = utf8.decode(stretch, at);
        if (character.code_point != part.character) return false;
        at += character.len;
    }
    return at == stretch.len;
}

pub fn appendCharacter(output: *std.ArrayList(u8), character: u21) void {
    var buffer: [4]u8 = undefined;
    const len = std.unicode.utf8Encode(character, &buffer) catch unreachable;
    output.appendSliceAssumeCapacity(buffer[0..len]);
}

fn expectNormalized(text: []const u8, expected: []const u8) !void {
    const gpa = std.testing.allocator;
    var scratch: Scratch = .{};
    defer scratch.deinit(gpa);
    var output: std.ArrayList(u8) = .empty;
    defer output.deinit(gpa);
    const result = try normalize(.nfc, gpa, &scratch, text, &output);
    try std.testing.expectEqualStrings(expected, result);
    try std.testing.expectEqual(std.mem.eql(u8, text, expected), result.ptr == text.ptr);
}

test "composes, reorders, decomposes what NFC does not have, and keeps the rest in its place" {
    try expectNormalized("", "");
    try expectNormalized("plain text, caf\u{e9}, \u{4e2d}\u{6587}", "plain text, caf\u{e9}, \u{4e2d}\u{6587}");
    try expectNormalized("xe\u{301}y", "x\u{e9}y");
    try expectNormalized("e\u{301}\u{323}", "\u{1eb9}\u{301}");
    try expectNormalized("\u{212b}\u{2126}", "\u{c5}\u{3a9}");
    try expectNormalized("\u{301}\u{323}a", "\u{323}\u{301}a");
    try expectNormalized("\u{915}\u{93c} \u{958}", "\u{915}\u{93c} \u{915}\u{93c}");
    try expectNormalized("\u{1100}\u{1161}\u{11a8}\u{ac00}\u{11a8}\u{11a8}", "\u{ac01}\u{ac01}\u{11a8}");
    try expectNormalized("\u{344}", "\u{308}\u{301}");
    // Assigned after Unicode 9.0: neither sorted nor composed.
    try expectNormalized("\u{1ac0}\u{c4d}", "\u{1ac0}\u{c4d}");
    try expectNormalized("\u{11935}\u{11930}", "\u{11935}\u{11930}");
    try expectNormalized("\xcc\u{301}\u{323}\xe2\x96\u{301}\u{323}", "\xcc\u{323}\u{301}\xe2\x96\u{323}\u{301}");
    try expectNormalized("\u{fffd}\u{301}\u{323}", "\u{fffd}\u{323}\u{301}");
    try expectNormalized("\xff\u{301}e\xcc\u{301}e\u{301}\xcc", "\xff\u{301}e\xcc\u{301}\u{e9}\xcc");
}

test "the other forms" {
    const gpa = std.testing.allocator;
    var scratch: Scratch = .{};
    defer scratch.deinit(gpa);
    var output: std.ArrayList(u8) = .empty;
    defer output.deinit(gpa);
    const text = "caf\u{e9} \u{fb01}\u{ac01}\u{301}\u{323}\xff";
    const cases = .{
        .{ .nfd, "cafe\u{301} \u{fb01}\u{1100}\u{1161}\u{11a8}\u{323}\u{301}\xff" },
        .{ .nfkc, "caf\u{e9} fi\u{ac01}\u{323}\u{301}\xff" },
        .{ .nfkd, "cafe\u{301} fi\u{1100}\u{1161}\u{11a8}\u{323}\u{301}\xff" },
    };
    inline for (cases) |case| {
        const made = try normalize(case[0], gpa, &scratch, text, &output);
        try std.testing.expectEqualStrings(case[1], made);
        const clean = "plain text \u{4e2d}\u{6587} \u{1f600} " ** 4;
        const same = try normalize(case[0], gpa, &scratch, clean, &output);
        try std.testing.expectEqual(clean.ptr, same.ptr);
    }
}

test "what stands around a stretch does not change it, wherever it lies in a vector" {
    const gpa = std.testing.allocator;
    const fillers = [_][]const u8{ "a", "\u{e9}", "\u{4e2d}", "\u{ac01}", "\u{1f600}", "\xff" };
    const mark = "\u{301}";
    for (fillers) |filler| {
        for (0..70) |before| {
            var text: std.ArrayList(u8) = .empty;
            defer text.deinit(gpa);
            var expected: std.ArrayList(u8) = .empty;
            defer expected.deinit(gpa);
            for (0..before) |_| try text.appendSlice(gpa, filler);
            try expected.appendSlice(gpa, text.items);
            try text.appendSlice(gpa, "e" ++ mark);
            try expected.appendSlice(gpa, "\u{e9}");
            for (0..40) |_| {
                try text.appendSlice(gpa, filler);
                try expected.appendSlice(gpa, filler);
            }
            try expectNormalized(text.items, expected.items);
        }
    }
}

test "a long run of marks is sorted" {
    const gpa = std.testing.allocator;
    var text: std.ArrayList(u8) = .empty;
    defer text.deinit(gpa);
    var expected: std.ArrayList(u8) = .empty;
    defer expected.deinit(gpa);
    const count = 50_000;
    for (0..count) |_| try text.appendSlice(gpa, "\u{315}\u{5b0}");
    for (0..count) |_| try expected.appendSlice(gpa, "\u{5b0}");
    for (0..count) |_| try expected.appendSlice(gpa, "\u{315}");
    try expectNormalized(text.items, expected.items);
}

/// The text in a form by the definition: decomposed whole, sorted, composed, each look-up a search through the
/// list. What is ill-formed is kept, and nothing joins it.
fn normalizeSlowly(comptime form: Form, gpa: Allocator, text: []const u8, output: *std.ArrayList(u8)) !void {
    var characters: std.ArrayList(u21) = .empty;
    defer characters.deinit(gpa);
    var at: usize = 0;
    while (at < text.len) {
        const character = utf8.decode(text, at);
        const start = at;
        at += character.len;
        if (character.code_point != utf8.replacement or utf8.isReplacementAt(text, start)) {
            try decomposeSlowly(form, gpa, character.code_point, &characters);
            if (at < text.len) continue;
        }
        const is_kept = character.code_point == utf8.replacement and !utf8.isReplacementAt(text, start);
        for (composeSlowly(form, characters.items)) |each| {
            var buffer: [4]u8 = undefined;
            try output.appendSlice(gpa, buffer[0..try std.unicode.utf8Encode(each, &buffer)]);
        }
        characters.clearRetainingCapacity();
        if (is_kept) try output.appendSlice(gpa, text[start..at]);
    }
}

fn decomposeSlowly(comptime form: Form, gpa: Allocator, character: u21, characters: *std.ArrayList(u21)) !void {
    const lists = if (form == .nfkc or form == .nfkd) .{
        .{ &table.compatible, &table.compatible_ends, &table.compatible_parts },
        .{ &table.decomposed, &table.decomposed_ends, &table.decomposed_parts },
    } else .{.{ &table.decomposed, &table.decomposed_ends, &table.decomposed_parts }};
    inline for (lists) |list| if (std.mem.findScalar(u21, list[0], character)) |index| {
        const start = if (index == 0) 0 else list[1][index - 1];
        return characters.appendSlice(gpa, list[2][start..list[1][index]]);
    };
    if (character < 0xAC00 or character > 0xD7A3) return characters.append(gpa, character);
    const index = character - 0xAC00;
    try characters.appendSlice(gpa, &.{ 0x1100 + index / 588, 0x1161 + index % 588 / 28 });
    if (index % 28 != 0) try characters.append(gpa, 0x11A7 + index % 28);
}

fn composeSlowly(comptime form: Form, characters: []u21) []u21 {
    for (0..characters.len) |i| {
        var at = i;
        while (at > 0) : (at -= 1) {
            const class = kindOf(characters[at]).combining_class;
            if (class == 0 or kindOf(characters[at - 1]).combining_class <= class) break;
            std.mem.swap(u21, &characters[at], &characters[at - 1]);
        }
    }
    if (form == .nfd or form == .nfkd) return characters;
    var count: usize = 0;
    for (characters) |character| {
        const class = kindOf(character).combining_class;
        var starter = count;
        while (starter > 0) {
            starter -= 1;
            if (kindOf(characters[starter]).combining_class == 0) break;
        }
        const is_blocked = count == 0 or kindOf(characters[starter]).combining_class != 0 or
            starter + 1 < count and kindOf(characters[count - 1]).combining_class >= class;
        if (!is_blocked) {
            const pair = @as(u64, characters[starter]) << 32 | character;
            const index = std.mem.findScalar(u64, &table.pairs, pair);
            if (if (index) |found| table.composed[found] else hangul.compose(characters[starter], character)) |made| {
                characters[starter] = made;
                continue;
            }
        }
        characters[count] = character;
        count += 1;
    }
    return characters[0..count];
}

test "every form of random texts is that of the definition" {
    const gpa = std.testing.allocator;
    const others = [_][]const u8{
        "a",        "e",        " ",         "\xff",      "\xe4\xb8", "\xcc",    "\xed\xa0\x80", "\u{fffd}",
        "\u{1100}", "\u{1161}", "\u{11a8}",  "\u{ac00}",  "\u{4e2d}", "\u{301}", "\u{323}",      "\u{3099}",
        "\u{415}",  "\u{308}",  "\u{1d15e}", "\u{1f600}", "\u{344}",  "\u{345}", "\u{e9}",       "x" ** 31,
    };
    var prng: std.Random.DefaultPrng = .init(17);
    const random = prng.random();
    var scratch: Scratch = .{};
    defer scratch.deinit(gpa);
    var output: std.ArrayList(u8) = .empty;
    defer output.deinit(gpa);
    var expected: std.ArrayList(u8) = .empty;
    defer expected.deinit(gpa);
    var text: std.ArrayList(u8) = .empty;
    defer text.deinit(gpa);
    for (0..4000) |round| {
        text.clearRetainingCapacity();
        var some: [12]u21 = undefined;
        for (&some) |*character| character.* = switch (random.uintLessThan(u8, 4)) {
            0 => table.decomposed[random.uintLessThan(usize, table.decomposed.len)],
            1 => table.compatible[random.uintLessThan(usize, table.compatible.len)],
            2 => table.decomposed_parts[random.uintLessThan(usize, table.decomposed_parts.len)],
            else => @truncate(table.pairs[random.uintLessThan(usize, table.pairs.len)] >> @intCast(round % 2 * 32)),
        };
        for (0..random.uintAtMost(usize, 30)) |_| {
            if (random.boolean()) {
                try text.appendSlice(gpa, others[random.uintLessThan(usize, others.len)]);
                continue;
            }
            var buffer: [4]u8 = undefined;
            const character = some[random.uintLessThan(usize, some.len)];
            try text.appendSlice(gpa, buffer[0..try std.unicode.utf8Encode(character, &buffer)]);
        }
        inline for (comptime std.enums.values(Form)) |form| {
            expected.clearRetainingCapacity();
            try normalizeSlowly(form, gpa, text.items, &expected);
            const made = try normalize(form, gpa, &scratch, text.items, &output);
            try std.testing.expectEqualStrings(expected.items, made);
            const is_same = std.mem.eql(u8, text.items, expected.items);
            try std.testing.expectEqual(is_same, made.ptr == text.items.ptr);
        }
    }
}

test "every character alone and behind a letter, in every form" {
    const gpa = std.testing.allocator;
    var scratch: Scratch = .{};
    defer scratch.deinit(gpa);
    var output: std.ArrayList(u8) = .empty;
    defer output.deinit(gpa);
    var expected: std.ArrayList(u8) = .empty;
    defer expected.deinit(gpa);
    var listed: std.DynamicBitSetUnmanaged = try .initEmpty(gpa, 0x110000);
    defer listed.deinit(gpa);
    for (table.decomposed) |character| listed.set(character);
    for (table.compatible) |character| listed.set(character);
    for (table.pairs) |pair| listed.set(@as(u32, @truncate(pair)));
    for (0x80..0x110000) |i| if (kindOf(@intCast(i)).combining_class != 0) listed.set(i);
    inline for (comptime std.enums.values(Form)) |form| {
        for (0x80..0x110000) |i| {
            const character: u21 = @intCast(i);
            const length = std.unicode.utf8CodepointSequenceLength(character) catch unreachable;
            var buffer: [8]u8 = "o       ".*;
            if (std.unicode.utf8Encode(character, buffer[1..])) |_| {} else |_| continue;
            // Of those that no list has, one in 97.
            if (!listed.isSet(i) and i % 97 != 0) continue;
            const text = buffer[0 .. 1 + length];
            expected.clearRetainingCapacity();
            try normalizeSlowly(form, gpa, text, &expected);
            try std.testing.expectEqualStrings(
                expected.items,
                try normalize(form, gpa, &scratch, text, &output),
            );
        }
    }
}

fn normalizeOnce(gpa: Allocator) !void {
    var scratch: Scratch = .{};
    defer scratch.deinit(gpa);
    var output: std.ArrayList(u8) = .empty;
    defer output.deinit(gpa);
    _ = try normalize(.nfc, gpa, &scratch, "ae\u{301}b" ** 20, &output);
}

test "a failed allocation leaks nothing" {
    try std.testing.checkAllAllocationFailures(std.testing.allocator, normalizeOnce, .{});
}
