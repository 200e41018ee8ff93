//! The normalization forms of UTF-8, as tokenizers has them: Unicode 9.0 (`tools/gen_normalization.py`).
//!
//! Nearly all text is in NFC, and much in the other forms. It is passed over in vectors, and where characters stand that could change,
//! their stretch alone is looked at: from the last character before them that nothing can join to the next
//! such character. Ill-formed bytes are kept; nothing joins them.
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

        pub inline fn next(changes: *@This(), gpa: Allocator, scratch: *Scratch) error{OutOfMemory}!?Change {
            const text = changes.text;
            const composes = form == .nfc or form == .nfkc;
            while (nextSuspect(form, text, changes.at)) |suspect| {
                const start = if (composes) stretchStart(text, changes.at, suspect) else suspect;
                const end = stretchEnd(form, text, suspect);
                changes.at = end;
                if (form == .nfc and isNormal(text[start..end])) continue;
                scratch.parts.clearRetainingCapacity();
                try decompose(form, gpa, text[start..end], &scratch.parts);
                sortMarks(scratch.parts.items);
                const parts = if (composes) compose(scratch.parts.items) else scratch.parts.items;
                if (equals(parts, text[start..end])) continue;
                return .{ .start = start, .end = end, .parts = parts };
            }
            return null;
        }
    };
}

/// Whether each lead byte from 0xC0 on begins characters of kind 0 alone.
const ordinary_leads: u64 = leads: {
    @setEvalBranchQuota(2_000_000);
    var leads: u64 = ~@as(u64, 0);
    for (table.first, 0..) |block, i| {
        if (std.mem.allEqual(u8, blockKinds(block), 0)) continue;
        for (0..1 << table.block_bits) |low| {
            if (blockKinds(block)[low] == 0) continue;
            const character = i << table.block_bits | low;
            const lead = if (character < 0x800)
                0xC0 | character >> 6
            else if (character < 0x10000)
                0xE0 | character >> 12
            else
                0xF0 | character >> 18;
            leads &= ~(@as(u64, 1) << (lead - 0xC0));
        }
    }
    break :leads leads;
};

/// Lead bytes below this one begin ordinary characters only, and so do all of the bytes of a range: those
/// of the Han characters. Both are passed over without a look at each.
const first_lead = 0xCC;
const han_leads = .{ .first = 0xE4, .last = 0xE9 };

comptime {
    for (0xC0..first_lead) |lead| std.debug.assert(isOrdinaryLead(lead));
    for (han_leads.first..han_leads.last + 1) |lead| std.debug.assert(isOrdinaryLead(lead));
}

fn isOrdinaryLead(lead: u8) bool {
    return ordinary_leads >> @intCast(lead - 0xC0) & 1 != 0;
}

fn blockKinds(block: usize) *const [1 << table.block_bits]u8 {
    return table.second[block << table.block_bits ..][0 .. 1 << table.block_bits];
}

/// The first character from `from` on that may change, or change what is before it.
fn nextSuspect(comptime form: Form, text: []const u8, from: usize) ?usize {
    if (form != .nfc) return nextChanging(form, text, from);
    const block_len = 32;
    const Block = @Vector(block_len, u8);
    var base = from;
    while (base + block_len <= text.len) : (base += block_len) {
        const block: Block = text[base..][0..block_len].*;
        const not_han = block -% @as(Block, @splat(han_leads.first)) >
            @as(Block, @splat(han_leads.last - han_leads.first));
        const is_lead = block >= @as(Block, @splat(first_lead));
        var leads = @as(u32, @bitCast(is_lead)) & @as(u32, @bitCast(not_han));
        while (leads != 0) : (leads &= leads - 1) {
            const at = base + @ctz(leads);
            if (isSuspect(text, at)) return at;
        }
    }
    for (base..text.len) |at| {
        if (text[at] >= first_lead and isSuspect(text, at)) return at;
    }
    return null;
}

fn nextChanging(comptime form: Form, text: []const u8, from: usize) ?usize {
    const block_len = 32;
    const Block = @Vector(block_len, u8);
    var base = from;
    while (base < text.len) {
        if (base + block_len <= text.len) {
            const block: Block = text[base..][0..block_len].*;
            if (@reduce(.Max, block) < 0x80) {
                base += block_len;
                continue;
            }
        }
        const end = @min(base + block_len, text.len);
        for (base..end) |at| if (text[at] >= 0xC0) {
            if (isChanging(form, utf8.decode(text, at).code_point)) return at;
        };
        base = end;
    }
    return null;
}

inline fn isChanging(comptime form: Form, character: u21) bool {
    const block: usize = table.change_first[character >> table.block_bits];
    const low = character & ((1 << table.block_bits) - 1);
    const change: table.Change = @bitCast(table.change_second[block << table.block_bits | low]);
    return change.combining or switch (form) {
        .nfc => comptime unreachable,
        .nfd => change.by_nfd,
        .nfkc => change.suspect_in_nfkc,
        .nfkd => change.by_nfkd,
    };
}

inline fn isSuspect(text: []const u8, at: usize) bool {
    return !isOrdinaryLead(text[at]) and kindIndex(utf8.decode(text, at).code_point) != 0;
}

inline fn kindIndex(character: u21) u8 {
    const block: usize = table.first[character >> table.block_bits];
    return table.second[block << table.block_bits | (character & ((1 << table.block_bits) - 1))];
}

fn kindOf(character: u21) table.Kind {
    return table.kinds[kindIndex(character)];
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

/// The first character behind `suspect` that is none.
fn stretchEnd(comptime form: Form, text: []const u8, suspect: usize) usize {
    var end = suspect;
    while (end < text.len) {
        const character = utf8.decode(text, end);
        const goes_on = if (form == .nfc)
            kindIndex(character.code_point) != 0
        else
            isChanging(form, character.code_point);
        if (!goes_on) return end;
        end += character.len;
    }
    return end;
}

/// The quick check of Unicode Standard Annex 15: false where only composing can tell.
fn isNormal(stretch: []const u8) bool {
    var last_class: u8 = 0;
    var at: usize = 0;
    while (at < stretch.len) {
        const character = utf8.decode(stretch, at);
        const kind = kindOf(character.code_point);
        if (kind.check != .yes) return false;
        if (kind.combining_class != 0 and kind.combining_class < last_class) return false;
        last_class = kind.combining_class;
        at += character.len;
    }
    return true;
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
        append(parts, lead_base + lead_and_vowel / vowel_count, 1);
        append(parts, vowel_base + lead_and_vowel % vowel_count, 0);
        if (tail != 0) append(parts, tail_base + tail, 0);
    }

    fn append(parts: *std.ArrayList(Part), character: u21, used: u32) void {
        parts.appendAssumeCapacity(.{ .character = character, .combining_class = 0, .used = used });
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

fn decompose(
    comptime form: Form,
    gpa: Allocator,
    stretch: []const u8,
    parts: *std.ArrayList(Part),
) error{OutOfMemory}!void {
    var at: usize = 0;
    while (at < stretch.len) {
        const character = utf8.decode(stretch, at);
        at += character.len;
        try parts.ensureUnusedCapacity(gpa, decomposed_len_max);
        const syllable = character.code_point -% hangul.syllable_base;
        if (syllable < hangul.syllable_count) {
            hangul.decompose(syllable, parts);
            continue;
        }
        const decomposed = decompositionOf(form, character.code_point);
        for (decomposed orelse &.{character.code_point}, 0..) |part, i| {
            parts.appendAssumeCapacity(.{
                .character = part,
                .combining_class = kindOf(part).combining_class,
                .used = @intFromBool(i == 0),
            });
        }
    }
}

fn decompositionOf(comptime form: Form, character: u21) ?[]const u21 {
    if (form == .nfkc or form == .nfkd) {
        if (std.sort.binarySearch(u21, &table.compatible, character, orderOf(u21))) |index| {
            const start = if (index == 0) 0 else table.compatible_ends[index - 1];
            return table.compatible_parts[start..table.compatible_ends[index]];
        }
    }
    const index = std.sort.binarySearch(u21, &table.decomposed, character, orderOf(u21)) orelse
        return null;
    const start = if (index == 0) 0 else table.decomposed_ends[index - 1];
    return table.decomposed_parts[start..table.decomposed_ends[index]];
}

fn orderOf(comptime T: type) fn (T, T) std.math.Order {
    return struct {
        fn order(a: T, b: T) std.math.Order {
            return std.math.order(a, b);
        }
    }.order;
}

/// The canonical order: each run of marks by its combining classes, those of one class as they stand.
fn sortMarks(parts: []Part) void {
    var start: usize = 0;
    while (start < parts.len) {
        var end = start;
        while (end < parts.len and parts[end].combining_class != 0) end += 1;
        if (end - start > 1) std.sort.block(Part, parts[start..end], {}, lessByClass);
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
        if (starter) |at| {
            const is_next = at + 1 == count;
            if (is_next or parts[count - 1].combining_class < part.combining_class) {
                if (composedOf(parts[at].character, part.character)) |character| {
                    parts[at].character = character;
                    parts[at].used += part.used;
                    continue;
                }
            }
        }
        if (part.combining_class == 0) starter = count;
        parts[count] = part;
        count += 1;
    }
    return parts[0..count];
}

fn composedOf(first: u21, second: u21) ?u21 {
    if (hangul.compose(first, second)) |character| return character;
    const pair = @as(u64, first) << 32 | second;
    const index = std.sort.binarySearch(u64, &table.pairs, pair, orderOf(u64)) orelse return null;
    return table.composed[index];
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

fn appendCharacter(output: *std.ArrayList(u8), character: u21) void {
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
