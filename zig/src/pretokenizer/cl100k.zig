//! The family of cl100k's pattern, by hand. tiktoken spells it
//!
//!     '(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|
//!     \s*[\r\n]|\s+(?!\S)|\s
//!
//! Earlier spellings, and the patterns of Llama 3, of rustbpe and of Qwen2, differ in two ways, which are the
//! options. Every character begins a match, so nothing is left unmatched. Linear in the text: white space
//! behind a run's last newline is looked at twice, everything else once.

const runs = @import("runs.zig");

pub const Options = struct {
    /// The most digits in a piece.
    number_len: usize,
    /// Whether white space that ends the text is one piece (`\s++$`) even where it has newlines.
    keep_final_space: bool,
};

/// Where the piece that begins at `text[at]` ends.
pub fn pieceEnd(comptime options: Options, text: []const u8, at: usize) usize {
    if (runs.contractionEnd(text, at, true)) |end| return end;
    const first = runs.characterAt(text, at);
    const next = at + first.len;
    switch (first.class) {
        .letter => return runs.letterRunEnd(text, next),
        .number => return runs.runEndUpTo(text, next, .number, options.number_len - 1),
        .other => {
            if (runs.classAt(text, next) == .letter) return runs.letterRunEnd(text, next);
            return otherEnd(text, next);
        },
        .space => {},
    }
    if (!runs.isNewline(text[at])) {
        const following = runs.classAt(text, next) orelse return next;
        if (following == .letter) return runs.letterRunEnd(text, next);
        if (following == .other and text[at] == ' ') return otherEnd(text, next);
    }
    const space = runs.spaceAt(text, at);
    if (options.keep_final_space and space.end == text.len) return space.end;
    if (space.newline_end > at) return space.newline_end;
    return runs.spacePieceEnd(text, at, space);
}

/// `[^\s\p{L}\p{N}]*[\r\n]*` from `at` on.
fn otherEnd(text: []const u8, at: usize) usize {
    var end = runs.runEnd(text, at, .other);
    while (end < text.len and runs.isNewline(text[end])) end += 1;
    return end;
}
