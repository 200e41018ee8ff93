//! The pre-tokenizers of StarCoder, SmolLM and Command-R, by hand: Digits one by one, and within what they
//! leave GPT-2's pattern,
//!
//!     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
//!
//! So each number is a piece, nothing is joined with it, and for `(?!\S)` the text ends before it. Numbers
//! are those of Rust's standard library, whose Unicode is a version ahead of the pattern's. Every other
//! character begins a match, so nothing is left unmatched, and no pattern looks back. Linear in the text.

const runs = @import("runs.zig");
const utf8 = @import("../utf8.zig");

/// The most digits in a piece.
pub const number_len = 1;

/// Numbers of Rust's that have no class in the pattern's version of Unicode.
inline fn isNewNumber(code_point: u21) bool {
    return switch (code_point) {
        0x11DE0...0x11DE9, 0x16FF4...0x16FF6 => true,
        else => false,
    };
}

inline fn characterAt(text: []const u8, at: usize) runs.Character {
    const character = runs.characterAt(text, at);
    // All of them have four bytes, and the class of what is none of the others.
    if (character.len < 4 or character.class != .other) return character;
    if (!isNewNumber(utf8.decode(text, at).code_point)) return character;
    return .{ .class = .number, .len = character.len };
}

/// Where the piece that begins at `text[at]` ends.
pub fn pieceEnd(text: []const u8, at: usize) usize {
    if (runs.contractionEnd(text, at, false)) |end| return end;
    var start = at;
    if (text[at] == ' ') {
        if (at + 1 == text.len) return text.len;
        switch (characterAt(text, at + 1).class) {
            .letter, .other => start += 1,
            .number, .space => {},
        }
    }
    const first = characterAt(text, start);
    const next = start + first.len;
    switch (first.class) {
        .number => return next,
        .letter => return runs.letterRunEnd(text, next),
        .other => return otherEnd(text, next),
        .space => {},
    }
    const space = runs.spaceAt(text, at);
    if (space.end < text.len and characterAt(text, space.end).class == .number) return space.end;
    return runs.spacePieceEnd(text, at, space);
}

/// Where the run of other characters ends that may begin at `text[at]`.
fn otherEnd(text: []const u8, at: usize) usize {
    var end = at;
    while (end < text.len) {
        const character = characterAt(text, end);
        if (character.class != .other) break;
        end += character.len;
    }
    return end;
}
