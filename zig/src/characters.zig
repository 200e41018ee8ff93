//! Changes of text that are made character by character, as tokenizers' normalizers make them.
//!
//! Text that stays as it is is not copied; ill-formed bytes are kept. Linear in the text, with a search of a
//! small table for a character that may have a lower case.

const std = @import("std");
const table = @import("normalization_table.zig");
const unicode = @import("unicode.zig");
const utf8 = @import("utf8.zig");
const Allocator = std.mem.Allocator;

const Output = std.ArrayList(u8);

/// Bytes that are looked at together where they are ASCII.
const block_len = 32;
const Block = @Vector(block_len, u8);

inline fn splat(byte: u8) Block {
    return @splat(byte);
}

inline fn equal(block: Block, byte: u8) u32 {
    return @bitCast(block == splat(byte));
}

inline fn inRange(block: Block, first: u8, count: u8) u32 {
    return @bitCast(block -% splat(first) < splat(count));
}

/// Each character in its own lower case, whatever stands around it.
pub fn lower(gpa: Allocator, text: []const u8, output: *Output) error{OutOfMemory}![]const u8 {
    var at = lowerLength(text);
    if (at == text.len) return text;
    output.clearRetainingCapacity();
    // A character has at most three times as many bytes in lower case.
    try output.ensureTotalCapacity(gpa, text.len + 3 * block_len);
    output.appendSliceAssumeCapacity(text[0..at]);
    while (at < text.len) {
        try output.ensureUnusedCapacity(gpa, 3 * block_len + 16);
        if (text.len - at > block_len) {
            const taken = lowerBlock(text, at, output.unusedCapacitySlice()[0..block_len]);
            if (taken > 0) {
                output.items.len += taken;
                at += taken;
                continue;
            }
        }
        const end = @min(at + block_len, text.len);
        while (at < end) {
            const character = utf8.decode(text, at);
            const bytes = text[at..][0..character.len];
            at += character.len;
            switch (lowered(character.code_point)) {
                .same => output.appendSliceAssumeCapacity(bytes),
                .one => |one| append(output, one),
                .two => |two| for (two) |each| append(output, each),
                .none, .three => unreachable,
            }
        }
    }
    return output.items;
}

/// Writes a block of `text` in lower case, whose next character begins at or behind `at`, and returns how many of
/// its bytes count; 0 if it may have capitals beside those of ASCII, U+00C0 to U+00DE and U+0400 to U+042F. None of
/// these takes more or fewer bytes than its small letter.
inline fn lowerBlock(text: []const u8, at: usize, result: *[block_len]u8) usize {
    const block: Block = text[at..][0..block_len].*;
    const next: Block = text[at + 1 ..][0..block_len].*;
    const is_upper = block -% splat('A') < splat(26);
    const ascii = block | @select(u8, is_upper, splat(0x20), splat(0));
    result.* = ascii;
    if (@reduce(.Max, block) < 0x80) return block_len;
    // Lead bytes of characters without case: General Punctuation; Hebrew to Thai; Tibetan, Kana, Han; Hangul.
    const plain = equal(block, 0xC2) | (equal(block, 0xE2) & equal(next, 0x80)) |
        inRange(block, 0xD7, 10) | inRange(block, 0xE3, 7) | inRange(block, 0xEB, 3);
    const latin = equal(block, 0xC3);
    const cyrillic = equal(block, 0xD0);
    const small_cyrillic = equal(block, 0xD1) & ~inRange(next, 0xA0, 0x20);
    const leads = inRange(block, 0xC0, 0x40);
    if (leads & ~(plain | latin | cyrillic | small_cyrillic) != 0) return 0;
    if (latin | cyrillic == 0) return block_len;
    const latin_capital = latin & inRange(next, 0x80, 0x1F) & ~equal(next, 0x97);
    const first = cyrillic & inRange(next, 0x80, 0x10);
    const middle = cyrillic & inRange(next, 0x90, 0x10);
    const last = cyrillic & inRange(next, 0xA0, 0x10);
    var changed = ascii +% select(first | last, 1);
    changed +%= select((latin_capital | middle) << 1, 0x20);
    changed +%= select(first << 1, 0x10);
    changed -%= select(last << 1, 0x20);
    result.* = changed;
    // The second byte of a character that may change must be with its first.
    const is_cut = (latin | cyrillic) >> (block_len - 1) == 1;
    return if (is_cut) block_len - 1 else block_len;
}

/// Whether no character that begins with this byte is a capital. Not of all of which none is one.
pub fn isLeadWithoutCase(lead: u8) bool {
    return switch (lead) {
        0xC2, 0xD7...0xE0, 0xE3...0xE9, 0xEB...0xEE => true,
        else => false,
    };
}

/// `value` where a bit is set, else 0.
inline fn select(bits: u32, value: u8) Block {
    const is_set: @Vector(block_len, bool) = @bitCast(bits);
    return @select(u8, is_set, splat(value), splat(0));
}

/// How much of the text is in lower case, about: what blocks tell, or all.
fn lowerLength(text: []const u8) usize {
    var at: usize = 0;
    while (text.len - at > block_len) {
        var result: [block_len]u8 = undefined;
        const taken = lowerBlock(text, at, &result);
        if (taken == 0 or !std.mem.eql(u8, result[0..taken], text[at..][0..taken])) break;
        at += taken;
    }
    var next = at;
    while (next < text.len) {
        const character = utf8.decode(text, next);
        if (lowered(character.code_point) != .same) return at;
        next += character.len;
    }
    return text.len;
}

/// With one space for each run of white space: as the matches of `\s+` replaced by a space.
pub fn withSingleSpaces(gpa: Allocator, text: []const u8, output: *Output) error{OutOfMemory}![]const u8 {
    output.clearRetainingCapacity();
    try output.ensureTotalCapacity(gpa, text.len + block_len);
    const made = output.allocatedSlice();
    var len: usize = 0;
    var at: usize = 0;
    // Whether what is before `at` is white space.
    var is_behind = false;
    while (at < text.len) {
        if (at + block_len + 2 <= text.len) {
            const block: Block = text[at..][0..block_len].*;
            if (wideSpaces(block, text[at + 1 ..], text[at + 2 ..]) == 0) {
                const spaces = equal(block, ' ') | inRange(block, '\t', 5);
                const again = spaces & (spaces << 1 | @intFromBool(is_behind));
                const is_space: @Vector(block_len, bool) = @bitCast(spaces);
                const result: [block_len]u8 = @select(u8, is_space, splat(' '), block);
                if (again == 0) {
                    made[len..][0..block_len].* = result;
                    len += block_len;
                } else for (result, 0..) |byte, i| {
                    made[len] = byte;
                    len += ~again >> @intCast(i) & 1;
                }
                is_behind = spaces >> (block_len - 1) == 1;
                at += block_len;
                continue;
            }
        }
        const end = @min(at + block_len, text.len);
        while (at < end) {
            const character = utf8.decode(text, at);
            const bytes = text[at..][0..character.len];
            at += character.len;
            const is_space = unicode.isWhiteSpace(character.code_point);
            if (!is_space) {
                @memcpy(made[len..][0..bytes.len], bytes);
                len += bytes.len;
            } else if (!is_behind) {
                made[len] = ' ';
                len += 1;
            }
            is_behind = is_space;
        }
    }
    if (len == text.len and std.mem.eql(u8, made[0..len], text)) return text;
    output.items.len = len;
    return output.items;
}

/// Where white space begins that is not ASCII. `next` and `second` are the text from a byte and from two later on.
inline fn wideSpaces(block: Block, next: []const u8, second: []const u8) u32 {
    if (@reduce(.Max, block) < 0x80) return 0;
    const b: Block = next[0..block_len].*;
    const c: Block = second[0..block_len].*;
    // U+0085, U+00A0; U+1680
    var found = equal(block, 0xC2) & (equal(b, 0x85) | equal(b, 0xA0));
    found |= equal(block, 0xE1) & equal(b, 0x9A) & equal(c, 0x80);
    // U+2000 to U+200A, U+2028, U+2029, U+202F; U+205F
    const general = inRange(c, 0x80, 11) | inRange(c, 0xA8, 2) | equal(c, 0xAF);
    found |= equal(block, 0xE2) & ((equal(b, 0x80) & general) | (equal(b, 0x81) & equal(c, 0x9F)));
    // U+3000
    return found | (equal(block, 0xE3) & equal(b, 0x80) & equal(c, 0x80));
}

/// Without combining marks (Unicode 9.0).
pub fn withoutMarks(gpa: Allocator, text: []const u8, output: *Output) error{OutOfMemory}![]const u8 {
    return change(gpa, text, output, unmarked);
}

/// Without control characters, and with spaces for other white space, as SentencePiece's nmt_nfkc begins.
pub fn cleaned(gpa: Allocator, text: []const u8, output: *Output) error{OutOfMemory}![]const u8 {
    return change(gpa, text, output, cleanedCharacter);
}

/// Without control characters and characters for private use (Unicode 8.0), and with spaces for other white
/// space, as BERT begins.
pub fn cleanedForBert(gpa: Allocator, text: []const u8, output: *Output) error{OutOfMemory}![]const u8 {
    return change(gpa, text, output, cleanedCharacterForBert);
}

/// With a space at each side of an ideograph.
pub fn withIdeographsApart(
    gpa: Allocator,
    text: []const u8,
    output: *Output,
) error{OutOfMemory}![]const u8 {
    return change(gpa, text, output, apart);
}

/// Without combining marks that take no space of their own (Unicode 8.0).
pub fn withoutNonspacingMarks(
    gpa: Allocator,
    text: []const u8,
    output: *Output,
) error{OutOfMemory}![]const u8 {
    return change(gpa, text, output, withoutNonspacing);
}

/// A part of the text: without the white space at its ends.
pub fn stripped(text: []const u8, left: bool, right: bool) []const u8 {
    var start: usize = 0;
    while (left and start < text.len) {
        const character = utf8.decode(text, start);
        if (!unicode.isWhiteSpace(character.code_point)) break;
        start += character.len;
    }
    var end = text.len;
    while (right and end > start) {
        const character = utf8.decodeLast(text[start..end]);
        if (!unicode.isWhiteSpace(character.code_point)) break;
        end -= character.len;
    }
    return text[start..end];
}

/// What a character becomes.
pub const Changed = union(enum) {
    same,
    /// Nothing, one character, two, or three.
    none,
    one: u21,
    two: [2]u21,
    three: [3]u21,

    /// How many bytes it becomes that has `len`.
    pub fn lengthFrom(changed: Changed, len: usize) usize {
        return switch (changed) {
            .same => len,
            .none => 0,
            .one => |one| utf8Length(one),
            inline .two, .three => |several| {
                var sum: usize = 0;
                for (several) |each| sum += utf8Length(each);
                return sum;
            },
        };
    }

    fn utf8Length(character: u21) usize {
        return std.unicode.utf8CodepointSequenceLength(character) catch unreachable;
    }
};

fn change(
    gpa: Allocator,
    text: []const u8,
    output: *Output,
    comptime changed: fn (u21) Changed,
) error{OutOfMemory}![]const u8 {
    output.clearRetainingCapacity();
    var copied: usize = 0;
    var at: usize = 0;
    var is_same = true;
    while (at < text.len) {
        const character = utf8.decode(text, at);
        const end = at + character.len;
        defer at = end;
        const result = changeAt(text, at, character.code_point, changed);
        if (result == .same) continue;
        is_same = false;
        try output.ensureUnusedCapacity(gpa, at - copied + 12);
        output.appendSliceAssumeCapacity(text[copied..at]);
        switch (result) {
            .same, .none => {},
            .one => |one| append(output, one),
            .two => |two| for (two) |each| append(output, each),
            .three => |three| for (three) |each| append(output, each),
        }
        copied = end;
    }
    if (is_same) return text;
    try output.appendSlice(gpa, text[copied..]);
    return output.items;
}

/// Where the white space that begins at `text[start]` ends; `start` if there is none.
pub inline fn spaceEnd(text: []const u8, start: usize) usize {
    var at = start;
    while (at < text.len) {
        const byte = text[at];
        if (byte > ' ' and byte < 0x7F) break;
        const character = utf8.decode(text, at);
        if (!unicode.isWhiteSpace(character.code_point)) break;
        at += character.len;
    }
    return at;
}

/// What becomes of the character at `at`. Ill-formed bytes stay as they are.
pub inline fn changeAt(
    text: []const u8,
    at: usize,
    character: u21,
    comptime changed: fn (u21) Changed,
) Changed {
    const is_ill_formed = character == utf8.replacement and !utf8.isReplacementAt(text, at);
    return if (is_ill_formed) .same else changed(character);
}

fn append(output: *Output, character: u21) void {
    var buffer: [4]u8 = undefined;
    const len = std.unicode.utf8Encode(character, &buffer) catch unreachable;
    output.appendSliceAssumeCapacity(buffer[0..len]);
}

pub fn lowered(character: u21) Changed {
    if (character < 0x80) {
        return if (std.ascii.isUpper(@intCast(character))) .{ .one = character + 32 } else .same;
    }
    if (character == 0x130) return .{ .two = .{ 'i', 0x307 } };
    if (character < first_lowered.len) {
        const one = first_lowered[character];
        return if (one == character) .same else .{ .one = one };
    }
    for (caseless) |range| if (character >= range[0] and character <= range[1]) return .same;
    return searched(character);
}

/// The lower case of the first characters: Latin, Greek, Cyrillic, Armenian.
const first_lowered: [0x590]u16 = lowered: {
    @setEvalBranchQuota(100_000);
    var made: [0x590]u16 = undefined;
    for (&made, 0..) |*one, character| {
        one.* = switch (searched(character)) {
            .one => |other| other,
            else => character,
        };
    }
    break :lowered made;
};

/// Most letters without case: up to Thai; Indic, Tibetan; Han, Kana; Hangul.
const caseless = [_][2]u21{ .{ 0x590, 0x109F }, .{ 0x2DE0, 0xA63F }, .{ 0xAC00, 0xFF20 } };

comptime {
    @setEvalBranchQuota(10_000);
    for (table.lower_ranges) |lower_range| for (caseless) |range| {
        std.debug.assert(lower_range.last < range[0] or lower_range.first > range[1]);
    };
}

fn searched(character: u21) Changed {
    const ranges = &table.lower_ranges;
    if (character < ranges[0].first) return .same;
    const index = std.sort.upperBound(table.LowerRange, ranges, character, orderOfFirst);
    const range = ranges[index - 1];
    if (character > range.last or (character - range.first) % range.step != 0) return .same;
    return .{ .one = @intCast(@as(i32, character) + range.distance) };
}

fn orderOfFirst(character: u21, range: table.LowerRange) std.math.Order {
    return std.math.order(character, range.first);
}

pub fn unmarked(character: u21) Changed {
    if (character < 0x300) return .same;
    const is_mark = switch (unicode.propertiesOf(character).category) {
        .mn, .mc, .me => !isLaterMark(character),
        // Marks until Unicode 11.
        else => character == 0x1CF2 or character == 0x1CF3,
    };
    return if (is_mark) .none else .same;
}

fn isLaterMark(character: u21) bool {
    return isIn(&later_marks, character);
}

fn isIn(ranges: []const [2]u21, character: u21) bool {
    const index = std.sort.upperBound([2]u21, ranges, character, orderOfPair);
    return index > 0 and character <= ranges[index - 1][1];
}

fn orderOfPair(character: u21, range: [2]u21) std.math.Order {
    return std.math.order(character, range[0]);
}

pub fn cleanedCharacter(character: u21) Changed {
    return switch (character) {
        0x01...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0x8F, 0x9F => .none,
        0x09, 0x0A, 0x0C, 0x0D, 0x1680, 0x200B...0x200F => .{ .one = ' ' },
        0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD => .{ .one = ' ' },
        else => .same,
    };
}

pub fn cleanedCharacterForBert(character: u21) Changed {
    return switch (character) {
        '\t', '\n', '\r', 0xA0, 0x1680, 0x2000...0x200A, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000 => .{
            .one = ' ',
        },
        0...0x8, 0xB, 0xC, 0xE...0x1F, 0x7F...0x9F, 0xFFFD => .none,
        else => if (isIn(&others_for_bert, character)) .none else .same,
    };
}

pub fn apart(character: u21) Changed {
    return switch (character) {
        0x3400...0x4DBF, 0x4E00...0x9FFF, 0xF900...0xFAFF => .{ .three = .{ ' ', character, ' ' } },
        0x20000...0x2A6DF, 0x2A700...0x2B81F => .{ .three = .{ ' ', character, ' ' } },
        0x2B920...0x2CEAF, 0x2F800...0x2FA1F => .{ .three = .{ ' ', character, ' ' } },
        else => .same,
    };
}

pub fn withoutNonspacing(character: u21) Changed {
    if (character < 0x300) return .same;
    const is_mark = switch (unicode.propertiesOf(character).category) {
        .mn => !isLaterMark(character) and !isIn(&marks_of_unicode_9, character),
        // Those until Unicode 14.
        else => character == 0x1734 or character == 0x1171E,
    };
    return if (is_mark) .none else .same;
}

/// Format characters and those for private use in Unicode 8.0, from U+A0.
const others_for_bert = [_][2]u21{
    .{ 0xAD, 0xAD },       .{ 0x600, 0x605 },     .{ 0x61C, 0x61C },     .{ 0x6DD, 0x6DD },
    .{ 0x70F, 0x70F },     .{ 0x180E, 0x180E },   .{ 0x200B, 0x200F },   .{ 0x202A, 0x202E },
    .{ 0x2060, 0x2064 },   .{ 0x2066, 0x206F },   .{ 0xE000, 0xF8FF },   .{ 0xFEFF, 0xFEFF },
    .{ 0xFFF9, 0xFFFB },   .{ 0x110BD, 0x110BD }, .{ 0x1BCA0, 0x1BCA3 }, .{ 0x1D173, 0x1D17A },
    .{ 0xE0001, 0xE0001 }, .{ 0xE0020, 0xE007F }, .{ 0xF0000, 0xFFFFD }, .{ 0x100000, 0x10FFFD },
};

/// Marks that take no space and came with Unicode 9.0.
const marks_of_unicode_9 = [_][2]u21{
    .{ 0x8D4, 0x8E1 },     .{ 0x1885, 0x1886 },   .{ 0x1DFB, 0x1DFB },   .{ 0xA8C5, 0xA8C5 },
    .{ 0xA9BD, 0xA9BD },   .{ 0x1123E, 0x1123E }, .{ 0x11438, 0x1143F }, .{ 0x11442, 0x11444 },
    .{ 0x11446, 0x11446 }, .{ 0x11C30, 0x11C36 }, .{ 0x11C38, 0x11C3D }, .{ 0x11C3F, 0x11C3F },
    .{ 0x11C92, 0x11CA7 }, .{ 0x11CAA, 0x11CB0 }, .{ 0x11CB2, 0x11CB3 }, .{ 0x11CB5, 0x11CB6 },
    .{ 0x1E000, 0x1E006 }, .{ 0x1E008, 0x1E018 }, .{ 0x1E01B, 0x1E021 }, .{ 0x1E023, 0x1E024 },
    .{ 0x1E026, 0x1E02A }, .{ 0x1E944, 0x1E94A },
};

/// Combining marks that came after Unicode 9.0.
const later_marks = [_][2]u21{
    .{ 0x7FD, 0x7FD },     .{ 0x897, 0x89F },     .{ 0x8CA, 0x8D3 },     .{ 0x9FE, 0x9FE },
    .{ 0xAFA, 0xAFF },     .{ 0xB55, 0xB55 },     .{ 0xC04, 0xC04 },     .{ 0xC3C, 0xC3C },
    .{ 0xCF3, 0xCF3 },     .{ 0xD00, 0xD00 },     .{ 0xD3B, 0xD3C },     .{ 0xD81, 0xD81 },
    .{ 0xEBA, 0xEBA },     .{ 0xECE, 0xECE },     .{ 0x1715, 0x1715 },   .{ 0x180F, 0x180F },
    .{ 0x1ABF, 0x1ACE },   .{ 0x1CF7, 0x1CF7 },   .{ 0x1DF6, 0x1DFA },   .{ 0xA82C, 0xA82C },
    .{ 0xA8FF, 0xA8FF },   .{ 0x10D24, 0x10D27 }, .{ 0x10D69, 0x10D6D }, .{ 0x10EAB, 0x10EAC },
    .{ 0x10EFC, 0x10EFF }, .{ 0x10F46, 0x10F50 }, .{ 0x10F82, 0x10F85 }, .{ 0x11070, 0x11070 },
    .{ 0x11073, 0x11074 }, .{ 0x110C2, 0x110C2 }, .{ 0x11145, 0x11146 }, .{ 0x111C9, 0x111C9 },
    .{ 0x111CE, 0x111CF }, .{ 0x11241, 0x11241 }, .{ 0x1133B, 0x1133B }, .{ 0x113B8, 0x113C0 },
    .{ 0x113C2, 0x113C2 }, .{ 0x113C5, 0x113C5 }, .{ 0x113C7, 0x113CA }, .{ 0x113CC, 0x113D0 },
    .{ 0x113D2, 0x113D2 }, .{ 0x113E1, 0x113E2 }, .{ 0x1145E, 0x1145E }, .{ 0x1182C, 0x1183A },
    .{ 0x11930, 0x11935 }, .{ 0x11937, 0x11938 }, .{ 0x1193B, 0x1193E }, .{ 0x11940, 0x11940 },
    .{ 0x11942, 0x11943 }, .{ 0x119D1, 0x119D7 }, .{ 0x119DA, 0x119E0 }, .{ 0x119E4, 0x119E4 },
    .{ 0x11A01, 0x11A0A }, .{ 0x11A33, 0x11A39 }, .{ 0x11A3B, 0x11A3E }, .{ 0x11A47, 0x11A47 },
    .{ 0x11A51, 0x11A5B }, .{ 0x11A8A, 0x11A99 }, .{ 0x11D31, 0x11D36 }, .{ 0x11D3A, 0x11D3A },
    .{ 0x11D3C, 0x11D3D }, .{ 0x11D3F, 0x11D45 }, .{ 0x11D47, 0x11D47 }, .{ 0x11D8A, 0x11D8E },
    .{ 0x11D90, 0x11D91 }, .{ 0x11D93, 0x11D97 }, .{ 0x11EF3, 0x11EF6 }, .{ 0x11F00, 0x11F01 },
    .{ 0x11F03, 0x11F03 }, .{ 0x11F34, 0x11F3A }, .{ 0x11F3E, 0x11F42 }, .{ 0x11F5A, 0x11F5A },
    .{ 0x13440, 0x13440 }, .{ 0x13447, 0x13455 }, .{ 0x1611E, 0x1612F }, .{ 0x16F4F, 0x16F4F },
    .{ 0x16F7F, 0x16F87 }, .{ 0x16FE4, 0x16FE4 }, .{ 0x16FF0, 0x16FF1 }, .{ 0x1CF00, 0x1CF2D },
    .{ 0x1CF30, 0x1CF46 }, .{ 0x1E08F, 0x1E08F }, .{ 0x1E130, 0x1E136 }, .{ 0x1E2AE, 0x1E2AE },
    .{ 0x1E2EC, 0x1E2EF }, .{ 0x1E4EC, 0x1E4EF }, .{ 0x1E5EE, 0x1E5EF },
};

test "a character's lower case is what the ranges say" {
    for (0..0x110000) |i| {
        const character: u21 = @intCast(i);
        if (character == 0x130) continue;
        try std.testing.expectEqual(searched(character), lowered(character));
    }
}

test "blocks become what their characters become" {
    const gpa = std.testing.allocator;
    const some = [_][]const u8{
        "a",        "b",        " ",        "  ",       "\n",           "A",        "Z",         "[",
        "@",        "word",     "WORD",     "\u{a0}",   "\u{85}",       "\u{3000}", "\u{2003}",  "\u{2028}",
        "\u{205f}", "\u{1680}", "\u{2014}", "\u{130}",  "\u{c9}",       "\u{416}",  "\u{23a}",   "\u{4e2d}",
        "\u{3002}", "\u{200b}", "\xe2\x80", "\xc2",     "\x80",         "\xff",     "\u{1f600}", "\u{10400}",
        "\u{1e9e}", "\u{180e}", "\x1c",     "\t",       "\u{d7}",       "\u{df}",   "\u{de}",    "\u{401}",
        "\u{40f}",  "\u{410}",  "\u{41f}",  "\u{420}",  "\u{42f}",      "\u{430}",  "\u{450}",   "\u{460}",
        "\u{45f}",  "\xc3",     "\xd0",     "\u{10a0}", "\u{5d0}",      "\u{e01}",  "\u{ac00}",  "\u{ff21}",
        "\u{2c00}", "\u{24b6}", "\u{a640}", "\u{531}",  "\u{c0}\u{c0}", "\u{2126}",
    };
    var prng: std.Random.DefaultPrng = .init(5);
    const random = prng.random();
    var outputs: [4]Output = @splat(.empty);
    defer for (&outputs) |*output| output.deinit(gpa);
    var buffer: [400]u8 = undefined;
    for (0..20_000) |i| {
        const kinds = if (i % 2 == 0) some.len else 3;
        const first = random.uintLessThan(usize, some.len - kinds + 1);
        var len: usize = 0;
        for (0..random.uintAtMost(usize, 90)) |_| {
            const each = some[first + random.uintLessThan(usize, kinds)];
            @memcpy(buffer[len..][0..each.len], each);
            len += each.len;
        }
        const text = buffer[0..len];
        const wanted = try change(gpa, text, &outputs[0], lowered);
        try std.testing.expectEqualStrings(wanted, try lower(gpa, text, &outputs[1]));
        const spaced = try singleSpacesSlowly(gpa, text, &outputs[2]);
        try std.testing.expectEqualStrings(spaced, try withSingleSpaces(gpa, text, &outputs[3]));
    }
}

fn singleSpacesSlowly(gpa: Allocator, text: []const u8, output: *Output) ![]const u8 {
    output.clearRetainingCapacity();
    var at: usize = 0;
    var is_behind = false;
    while (at < text.len) {
        const character = utf8.decode(text, at);
        const is_space = unicode.isWhiteSpace(character.code_point);
        if (!is_space) try output.appendSlice(gpa, text[at..][0..character.len]);
        if (is_space and !is_behind) try output.append(gpa, ' ');
        is_behind = is_space;
        at += character.len;
    }
    return output.items;
}

test {
    // Tested through `normalizer.zig`.
    std.testing.refAllDecls(@This());
}

test "no capital has a first byte without case" {
    for (0x80..0x110000) |code_point| {
        if (code_point >= 0xD800 and code_point < 0xE000) continue;
        var buffer: [4]u8 = undefined;
        _ = try std.unicode.utf8Encode(@intCast(code_point), &buffer);
        if (isLeadWithoutCase(buffer[0])) try std.testing.expectEqual(.same, lowered(@intCast(code_point)));
    }
}
