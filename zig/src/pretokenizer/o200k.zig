//! The family of o200k's pattern, by hand. tiktoken spells it
//!
//!     [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|
//!     [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|
//!     \p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
//!
//! Mistral's Tekken has it without contractions and with each digit a piece. Kimi K2 has `[\p{Han}]+` before it, its
//! words are without Han characters, and `/` is not among what ends other characters. Every character begins
//! a match, so nothing is left unmatched. Linear in the text: a run of capitals, and white space behind a run's last
//! newline, are looked at twice at most.

const std = @import("std");
const han = @import("kernels/han.zig");
const runs = @import("runs.zig");
const unicode = @import("../unicode.zig");
const utf8 = @import("../utf8.zig");

pub const Options = struct {
    /// The most digits in a piece.
    number_len: usize,
    /// Whether a word takes the contraction behind it.
    contractions: bool,
    /// Whether Han characters are apart from words, and slashes from newlines.
    parts_han: bool = false,
};

/// What the pattern tells apart.
const Kind = enum {
    /// Lu, Lt
    upper,
    /// Ll
    lower,
    /// Lm, Lo: the letters that may stand for either.
    caseless,
    /// M: as `caseless`, and also what may stand before a word.
    mark,
    number,
    space,
    other,
    /// Any Han character, where they are apart.
    han,
};

const Character = struct { kind: Kind, len: usize };

const ascii_kinds: [128]Kind = kinds: {
    var made: [128]Kind = @splat(.other);
    for (&made, 0..) |*kind, byte| {
        kind.* = switch (byte) {
            'a'...'z' => .lower,
            'A'...'Z' => .upper,
            '0'...'9' => .number,
            '\t'...'\r', ' ' => .space,
            else => .other,
        };
    }
    break :kinds made;
};

inline fn characterAt(comptime options: Options, text: []const u8, at: usize) Character {
    const byte = text[at];
    if (byte < 0x80) return .{ .kind = ascii_kinds[byte], .len = 1 };
    const character = utf8.decode(text, at);
    if (options.parts_han and han.isHan(character.code_point)) {
        return .{ .kind = .han, .len = character.len };
    }
    const properties = unicode.propertiesOf(character.code_point);
    const kind: Kind = switch (properties.category) {
        .lu, .lt => .upper,
        .ll => .lower,
        .lm, .lo => .caseless,
        .mn, .mc, .me => .mark,
        .nd, .nl, .no => .number,
        else => if (properties.white_space) .space else .other,
    };
    return .{ .kind = kind, .len = character.len };
}

/// Where the piece that begins at `text[at]` ends.
pub fn pieceEnd(comptime options: Options, text: []const u8, at: usize) usize {
    const first = characterAt(options, text, at);
    const next = at + first.len;
    switch (first.kind) {
        .upper, .lower, .caseless => {
            return contracted(options, text, wordAt(options, text, at).?.end);
        },
        .han => return hanEnd(options, text, next),
        .number => return runs.runEndUpTo(text, next, .number, options.number_len - 1),
        .mark => {
            // It stands before a word that has a lower-case or caseless letter, or is a word by itself.
            if (wordAt(options, text, next)) |word| {
                if (!word.is_upper) return contracted(options, text, word.end);
            }
            return contracted(options, text, next);
        },
        .other => {
            if (wordAt(options, text, next)) |word| return contracted(options, text, word.end);
            return otherEnd(options, text, next);
        },
        .space => {},
    }
    if (!runs.isNewline(text[at]) and next < text.len) {
        if (wordAt(options, text, next)) |word| return contracted(options, text, word.end);
        if (text[at] == ' ' and runs.classAt(text, next) == .other) {
            return otherEnd(options, text, next);
        }
    }
    const space = runs.spaceAt(text, at);
    if (space.newline_end > at) return space.newline_end;
    return runs.spacePieceEnd(text, at, space);
}

/// A word, and whether it is of capitals alone.
const Word = struct { end: usize, is_upper: bool };

/// Capitals, then small letters, of which the caseless ones and marks may be either: as many capitals as
/// leave at least one small letter, or else all of them.
inline fn wordAt(comptime options: Options, text: []const u8, at: usize) ?Word {
    var end = at;
    var last_either_end: ?usize = null;
    while (end < text.len) {
        const character = characterAt(options, text, end);
        switch (character.kind) {
            .lower => {
                const word_end = lowerRunEnd(options, text, end + character.len);
                return .{ .end = word_end, .is_upper = false };
            },
            .upper => end += character.len,
            .caseless, .mark => {
                end += character.len;
                last_either_end = end;
            },
            .number, .space, .other, .han => break,
        }
    }
    if (last_either_end) |either_end| return .{ .end = either_end, .is_upper = false };
    return if (end > at) .{ .end = end, .is_upper = true } else null;
}

/// Bytes that `lowerRunEnd` looks at together.
const block_len = 16;

/// `[\p{Ll}\p{Lm}\p{Lo}\p{M}]*` from `at` on; ASCII 16 bytes at a time, as `runs.letterRunEnd`.
inline fn lowerRunEnd(comptime options: Options, text: []const u8, at: usize) usize {
    const Block = @Vector(block_len, u8);
    var end = at;
    while (end + block_len <= text.len) {
        const block: Block = text[end..][0..block_len].*;
        const is_lower = block -% @as(Block, @splat('a')) < @as(Block, @splat(26));
        const lower: u16 = @bitCast(is_lower);
        if (lower == std.math.maxInt(u16)) {
            end += block_len;
            continue;
        }
        end += @ctz(~lower);
        if (text[end] < 0x80) return end;
        break;
    }
    while (end < text.len) {
        const character = characterAt(options, text, end);
        switch (character.kind) {
            .lower, .caseless, .mark => end += character.len,
            .upper, .number, .space, .other, .han => break,
        }
    }
    return end;
}

inline fn contracted(comptime options: Options, text: []const u8, end: usize) usize {
    if (!options.contractions or end == text.len) return end;
    return runs.contractionEnd(text, end, true) orelse end;
}

/// `[^\s\p{L}\p{N}]*[\r\n/]*` from `at` on, or the same without the slash.
fn otherEnd(comptime options: Options, text: []const u8, at: usize) usize {
    var end = runs.runEnd(text, at, .other);
    while (end < text.len and (runs.isNewline(text[end]) or
        (!options.parts_han and text[end] == '/'))) end += 1;
    return end;
}

fn hanEnd(comptime options: Options, text: []const u8, at: usize) usize {
    var end = at;
    while (end < text.len) {
        const character = characterAt(options, text, end);
        if (character.kind != .han) break;
        end += character.len;
    }
    return end;
}
