//! The family of cl100k's pattern, by hand. tiktoken spells it
//!
//!     '(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|
//!     \s*[\r\n]|\s+(?!\S)|\s
//!
//! Earlier spellings, and the patterns of Llama 3, of rustbpe and of Qwen2 and Qwen3.5, differ in three ways,
//! which are the options. Every character begins a match, so nothing is left unmatched. Linear in the text: white space
//! behind a run's last newline is looked at twice, everything else once.

const runs = @import("runs.zig");
const unicode = @import("../unicode.zig");
const utf8 = @import("../utf8.zig");

pub const Options = struct {
    /// The most digits in a piece.
    number_len: usize,
    /// Whether white space that ends the text is one piece (`\s++$`) even where it has newlines.
    keep_final_space: bool,
    /// Whether marks are letters: `[\p{L}\p{M}]` where the others have `\p{L}`.
    has_marks: bool = false,
};

inline fn characterAt(comptime options: Options, text: []const u8, at: usize) runs.Character {
    const character = runs.characterAt(text, at);
    if (!options.has_marks or character.class != .other or character.len == 1) return character;
    const isMark = unicode.isMark(utf8.decode(text, at).code_point);
    return .{ .class = if (isMark) .letter else .other, .len = character.len };
}

inline fn wordEnd(comptime options: Options, text: []const u8, at: usize) usize {
    var end = runs.letterRunEnd(text, at);
    if (!options.has_marks) return end;
    while (end < text.len) {
        const character = characterAt(options, text, end);
        if (character.class != .letter) break;
        end = runs.letterRunEnd(text, end + character.len);
    }
    return end;
}

/// Where the piece that begins at `text[at]` ends.
pub fn pieceEnd(comptime options: Options, text: []const u8, at: usize) usize {
    if (runs.contractionEnd(text, at, true)) |end| return end;
    const first = characterAt(options, text, at);
    const next = at + first.len;
    switch (first.class) {
        .letter => return wordEnd(options, text, next),
        .number => return runs.runEndUpTo(text, next, .number, options.number_len - 1),
        .other => {
            if (isLetterAt(options, text, next)) return wordEnd(options, text, next);
            return otherEnd(options, text, next);
        },
        .space => {},
    }
    if (!runs.isNewline(text[at])) {
        if (next == text.len) return next;
        const following = characterAt(options, text, next).class;
        if (following == .letter) return wordEnd(options, text, next);
        if (following == .other and text[at] == ' ') return otherEnd(options, text, next);
    }
    const space = runs.spaceAt(text, at);
    if (options.keep_final_space and space.end == text.len) return space.end;
    if (space.newline_end > at) return space.newline_end;
    return runs.spacePieceEnd(text, at, space);
}

inline fn isLetterAt(comptime options: Options, text: []const u8, at: usize) bool {
    return at < text.len and characterAt(options, text, at).class == .letter;
}

/// `[^\s\p{L}\p{N}]*[\r\n]*` from `at` on.
fn otherEnd(comptime options: Options, text: []const u8, at: usize) usize {
    var end = at;
    while (end < text.len) {
        const character = characterAt(options, text, end);
        if (character.class != .other) break;
        end += character.len;
    }
    while (end < text.len and runs.isNewline(text[end])) end += 1;
    return end;
}
