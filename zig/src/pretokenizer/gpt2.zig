//! GPT-2's pattern (also r50k, p50k), by hand:
//!
//!     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
//!
//! Every character begins a match, so nothing is left unmatched. Linear in the text.

const runs = @import("runs.zig");

/// Where the piece that begins at `text[at]` ends.
pub fn pieceEnd(text: []const u8, at: usize) usize {
    if (runs.contractionEnd(text, at, false)) |end| return end;
    var start = at;
    if (text[at] == ' ') {
        const following = runs.classAt(text, at + 1) orelse return text.len;
        if (following != .space) start += 1;
    }
    const first = runs.characterAt(text, start);
    return switch (first.class) {
        .letter => runs.letterRunEnd(text, start + first.len),
        .number => runs.runEnd(text, start + first.len, .number),
        .other => runs.runEnd(text, start + first.len, .other),
        .space => runs.spacePieceEnd(text, at, runs.spaceAt(text, at)),
    };
}
