//! The patterns of DeepSeek LLM (also DeepSeek V2, Coder V2), by hand. Its tokenizer.json has six splits, each
//! within the pieces of the one before, the last of them Digits one by one:
//!
//!     [\r\n]
//!     \s?[A-Za-zµÀ-ÖØ-öø-ƺ...]+          (`kernels/cased_letters.zig`)
//!     \s?[!-/:-~！-／：-～‘-‟　-。]+
//!     \s+$
//!     [一-龥ࠀ-一가-퟿]+
//!     \p{N}
//!
//! The third has the letters of ASCII and their wide forms as well, so it parts them from the others that the
//! second has joined them with. It has U+3000 too, which is white space: the last one before a letter is taken
//! by the second pattern and cut off by the third, so it is a piece of its own; those that end a match of the
//! third are cut off by the fourth. `$` is the end of what the third leaves: white space behind other characters
//! is a piece if neither another of them nor a number follows. Nothing is joined with a newline, a number, or what
//! the fifth pattern has with what it has not. No pattern looks back, so a piece's end depends only on the text
//! from its start on. Linear in the text: white space is looked at twice at most, once from what is before.

const std = @import("std");
const cased_letters = @import("kernels/cased_letters.zig");
const unicode = @import("../unicode.zig");
const utf8 = @import("../utf8.zig");

/// The characters of the second pattern.
pub const letters = spelled: {
    @setEvalBranchQuota(10_000);
    var made: []const u8 = "[";
    for (cased_letters.ranges) |range| {
        made = made ++ std.unicode.utf8EncodeComptime(range[0]);
        if (range[1] != range[0]) made = made ++ "-" ++ std.unicode.utf8EncodeComptime(range[1]);
    }
    break :spelled made ++ "]";
};

/// Those of the third.
pub const signs = "[!-/:-~\u{ff01}-\u{ff0f}\u{ff1a}-\u{ff5e}\u{2018}-\u{201f}\u{3000}-\u{3002}]";

/// What the patterns tell apart.
const Kind = enum {
    /// Of ASCII, and their wide forms.
    plain_letter,
    /// The other letters of the second pattern.
    cased_letter,
    /// The third pattern's others, but U+3000.
    sign,
    /// U+3000
    wide_space,
    number,
    newline,
    space,
    other,

    fn isLetter(kind: Kind) bool {
        return kind == .plain_letter or kind == .cased_letter;
    }
};

const Character = struct { kind: Kind, is_east: bool, len: usize };

const ascii_kinds: [128]Kind = kinds: {
    var made: [128]Kind = @splat(.sign);
    for (&made, 0..) |*kind, byte| {
        kind.* = switch (byte) {
            'a'...'z', 'A'...'Z' => .plain_letter,
            '0'...'9' => .number,
            '\n', '\r' => .newline,
            '\t', 11, 12, ' ' => .space,
            0...8, 14...31, 127 => .other,
            else => .sign,
        };
    }
    break :kinds made;
};

inline fn characterAt(text: []const u8, at: usize) Character {
    const byte = text[at];
    if (byte < 0x80) return .{ .kind = ascii_kinds[byte], .is_east = false, .len = 1 };
    const character = utf8.decode(text, at);
    const is_east = switch (character.code_point) {
        0x800...0x9FA5, 0xAC00...0xD7FF => true,
        else => false,
    };
    return .{ .kind = kindOf(character.code_point), .is_east = is_east, .len = character.len };
}

fn kindOf(code_point: u21) Kind {
    return switch (code_point) {
        0xFF21...0xFF3A, 0xFF41...0xFF5A => .plain_letter,
        0xFF01...0xFF0F, 0xFF1A...0xFF20, 0xFF3B...0xFF40, 0xFF5B...0xFF5E => .sign,
        0x2018...0x201F, 0x3001, 0x3002 => .sign,
        0x3000 => .wide_space,
        // Numbers of Rust's that have no class in the patterns' version of Unicode.
        0x11DE0...0x11DE9, 0x16FF4...0x16FF6 => .number,
        else => if (cased_letters.has(code_point)) .cased_letter else switch (unicode.classOf(code_point)) {
            .number => .number,
            .space => .space,
            .letter, .other => .other,
        },
    };
}

/// Where the piece that begins at `text[at]` ends.
pub fn pieceEnd(text: []const u8, at: usize) usize {
    const first = characterAt(text, at);
    const next = at + first.len;
    return switch (first.kind) {
        .newline, .number => next,
        .plain_letter, .cased_letter => letterEnd(text, next, first),
        .sign => signEnd(text, next, first.is_east, true),
        .wide_space => if (isLetterAt(text, next)) next else signEnd(text, next, first.is_east, false),
        .space => spaceEnd(text, next, first.is_east),
        .other => otherEnd(text, next, first.is_east),
    };
}

inline fn isLetterAt(text: []const u8, at: usize) bool {
    return at < text.len and characterAt(text, at).kind.isLetter();
}

/// Where the letters like `first` end that may go on at `at`.
fn letterEnd(text: []const u8, at: usize, first: Character) usize {
    var end = at;
    while (end < text.len) {
        const character = characterAt(text, end);
        if (character.kind != first.kind or character.is_east != first.is_east) break;
        end += character.len;
    }
    return end;
}

/// Where signs end that may go on at `at`; `has_sign` says whether one is before, and not white space alone.
fn signEnd(text: []const u8, at: usize, is_east: bool, has_sign: bool) usize {
    var end = at;
    var is_behind_sign = has_sign;
    while (end < text.len) {
        const character = characterAt(text, end);
        if (character.is_east != is_east) break;
        switch (character.kind) {
            .sign => {
                is_behind_sign = true;
                end += character.len;
            },
            .wide_space => {
                const spaces = wideSpacesAt(text, end);
                if (!spaces.is_before_sign and is_behind_sign) break;
                end = spaces.end;
                if (!spaces.is_before_sign) break;
            },
            else => break,
        }
    }
    return end;
}

const WideSpaces = struct {
    /// Without the one that a letter behind them takes.
    end: usize,
    is_before_sign: bool,
};

/// The run of U+3000 that begins at `text[at]`.
fn wideSpacesAt(text: []const u8, at: usize) WideSpaces {
    var end = at;
    var last = at;
    while (end < text.len) {
        const character = characterAt(text, end);
        if (character.kind != .wide_space) {
            if (character.kind.isLetter()) return .{ .end = last, .is_before_sign = false };
            return .{ .end = end, .is_before_sign = character.kind == .sign };
        }
        last = end;
        end += character.len;
    }
    return .{ .end = end, .is_before_sign = false };
}

/// Where the piece ends that begins with white space before `at`.
fn spaceEnd(text: []const u8, at: usize, is_east: bool) usize {
    if (at == text.len) return at;
    const following = characterAt(text, at);
    const next = at + following.len;
    switch (following.kind) {
        .plain_letter, .cased_letter => {
            return if (following.is_east == is_east) letterEnd(text, next, following) else at;
        },
        .sign => return if (following.is_east == is_east) signEnd(text, next, is_east, true) else at,
        .wide_space => {
            if (following.is_east != is_east or isLetterAt(text, next)) return at;
            return signEnd(text, next, is_east, false);
        },
        .space, .other, .number, .newline => {},
    }
    var end = at;
    while (end < text.len) {
        const character = characterAt(text, end);
        if (character.is_east != is_east) break;
        if (character.kind == .other) return otherEnd(text, end + character.len, is_east);
        if (character.kind != .space or isTaken(text, end + character.len)) break;
        end += character.len;
    }
    return end;
}

/// Where the piece ends that has another character before `at`, with the white space between such.
fn otherEnd(text: []const u8, at: usize, is_east: bool) usize {
    var end = at;
    while (end < text.len) {
        const character = characterAt(text, end);
        if (character.is_east != is_east) break;
        switch (character.kind) {
            .other => end += character.len,
            .space => {
                if (!goesOnBehindSpace(text, end)) break;
                end += character.len;
                while (end < text.len) {
                    const space = characterAt(text, end);
                    if (space.kind != .space or space.is_east != is_east) break;
                    end += space.len;
                }
            },
            else => break,
        }
    }
    return end;
}

/// Whether the white space that begins at `text[at]` has another character or a number behind it.
fn goesOnBehindSpace(text: []const u8, at: usize) bool {
    var end = at;
    while (end < text.len) {
        const character = characterAt(text, end);
        switch (character.kind) {
            .space => end += character.len,
            .other, .number => return true,
            else => return false,
        }
    }
    return false;
}

/// Whether the second or third pattern takes the white space before `at`.
fn isTaken(text: []const u8, at: usize) bool {
    if (at == text.len) return false;
    const character = characterAt(text, at);
    return switch (character.kind) {
        .plain_letter, .cased_letter, .sign => true,
        .wide_space => !isLetterAt(text, at + character.len),
        .number, .newline, .space, .other => false,
    };
}
