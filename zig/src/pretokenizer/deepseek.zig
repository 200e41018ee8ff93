//! The patterns of DeepSeek V3, by hand. Its tokenizer.json has three splits, each within the pieces of
//! the one before:
//!
//!     \p{N}{1,3}
//!     [一-龥぀-ゟ゠-ヿ]+
//!     [!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|
//!      ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+
//!
//! So neither a number nor a change between Chinese or Japanese and other characters is ever within a match
//! of the third, and for `(?!\S)` the text ends there. Characters that begin no match (controls, unassigned
//! ones) are a piece up to the next match. No pattern looks back, so a piece's end depends only on the text
//! from its start on. Linear: white space behind a run's last newline is looked at twice, and so is what
//! stands behind a control character.

const runs = @import("runs.zig");
const unicode = @import("../unicode.zig");
const utf8 = @import("../utf8.zig");

/// The most digits in a piece.
pub const number_len = 3;

/// What the patterns tell apart.
const Kind = enum {
    /// `[\p{L}\p{M}]`
    word,
    number,
    space,
    /// `[\p{P}\p{S}]`
    sign,
    /// None of these.
    control,
};

const Character = struct { kind: Kind, is_east: bool, len: usize };

const ascii_kinds: [128]Kind = kinds: {
    var made: [128]Kind = @splat(.sign);
    for (&made, 0..) |*kind, byte| {
        kind.* = switch (byte) {
            'a'...'z', 'A'...'Z' => .word,
            '0'...'9' => .number,
            '\t'...'\r', ' ' => .space,
            0...8, 14...31, 127 => .control,
            else => .sign,
        };
    }
    break :kinds made;
};

inline fn characterAt(text: []const u8, at: usize) Character {
    const byte = text[at];
    if (byte < 0x80) return .{ .kind = ascii_kinds[byte], .is_east = false, .len = 1 };
    const character = utf8.decode(text, at);
    const properties = unicode.propertiesOf(character.code_point);
    const kind: Kind = switch (properties.category) {
        .lu, .ll, .lt, .lm, .lo, .mn, .mc, .me => .word,
        .nd, .nl, .no => .number,
        .pc, .pd, .ps, .pe, .pi, .pf, .po, .sm, .sc, .sk, .so => .sign,
        .zs, .zl, .zp, .cc, .cf, .cs, .co, .cn => if (properties.white_space) .space else .control,
    };
    const is_east = switch (character.code_point) {
        0x3040...0x30FF, 0x4E00...0x9FA5 => true,
        else => false,
    };
    return .{ .kind = kind, .is_east = is_east, .len = character.len };
}

/// Where the piece that begins at `text[at]` ends.
pub fn pieceEnd(text: []const u8, at: usize) usize {
    const first = characterAt(text, at);
    const next = at + first.len;
    switch (first.kind) {
        .word => return runEnd(text, next, .word, first.is_east),
        .number => return runs.runEndUpTo(text, next, .number, number_len - 1),
        .sign => {
            if (text[at] < 0x80 and isAsciiLetter(text, next)) return asciiWordEnd(text, next);
            return signEnd(text, next, first.is_east);
        },
        .control => {
            const is_east = first.is_east;
            if (isAt(text, next, .word, is_east)) return runEnd(text, next, .word, is_east);
            return controlEnd(text, next, is_east);
        },
        .space => {},
    }
    if (!runs.isNewline(text[at])) {
        if (isAt(text, next, .word, false)) return runEnd(text, next, .word, false);
        if (text[at] == ' ' and isAt(text, next, .sign, false)) return signEnd(text, next, false);
    }
    const space = runs.spaceAt(text, at);
    if (space.newline_end > at) return space.newline_end;
    if (space.end < text.len) {
        const following = characterAt(text, space.end);
        if (following.kind == .number or following.is_east) return space.end;
    }
    return runs.spacePieceEnd(text, at, space);
}

inline fn isAt(text: []const u8, at: usize, kind: Kind, is_east: bool) bool {
    if (at == text.len) return false;
    const character = characterAt(text, at);
    return character.kind == kind and character.is_east == is_east;
}

/// Where the run of `kind` that may begin at `text[at]` ends.
fn runEnd(text: []const u8, at: usize, comptime kind: Kind, is_east: bool) usize {
    var end = at;
    while (end < text.len) {
        const character = characterAt(text, end);
        if (character.kind != kind or character.is_east != is_east) break;
        end += character.len;
    }
    return end;
}

/// `[\p{P}\p{S}]*[\r\n]*` from `at` on.
fn signEnd(text: []const u8, at: usize, is_east: bool) usize {
    var end = runEnd(text, at, .sign, is_east);
    if (is_east) return end;
    while (end < text.len and runs.isNewline(text[end])) end += 1;
    return end;
}

/// Where the characters that begin no match end, of which the one before `at` is one: the last of them
/// belongs to a word behind it.
fn controlEnd(text: []const u8, at: usize, is_east: bool) usize {
    var end = at;
    while (end < text.len) {
        const character = characterAt(text, end);
        if (character.kind != .control or character.is_east != is_east) break;
        if (isAt(text, end + character.len, .word, is_east)) break;
        end += character.len;
    }
    return end;
}

fn isAsciiLetter(text: []const u8, at: usize) bool {
    return at < text.len and text[at] < 0x80 and ascii_kinds[text[at]] == .word;
}

fn asciiWordEnd(text: []const u8, at: usize) usize {
    var end = at;
    while (isAsciiLetter(text, end)) end += 1;
    return end;
}
