//! CLIP's pattern, by hand, whose matches are kept and whose rest, white space, is dropped:
//!
//!     <\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+
//!
//! A piece here is a match with the white space before it, so that pieces tile the text: `wordOf` takes it off.
//! White space that ends the text is a piece without a match. No alternative looks back, so a piece's end depends
//! only on the text from its start on. Linear in the text.

const std = @import("std");
const runs = @import("runs.zig");

pub const pattern = "<\\|startoftext\\|>|<\\|endoftext\\|>|'s|'t|'re|'ve|'m|'ll|'d|[\\p{L}]+|[\\p{N}]|" ++
    "[^\\s\\p{L}\\p{N}]+";

const literals = [_][]const u8{ "<|startoftext|>", "<|endoftext|>" };

/// Where the piece that begins at `text[at]` ends.
pub fn pieceEnd(text: []const u8, at: usize) usize {
    const start = runs.runEnd(text, at, .space);
    if (start == text.len) return start;
    for (literals) |literal| {
        if (std.mem.startsWith(u8, text[start..], literal)) return start + literal.len;
    }
    if (runs.contractionEnd(text, start, false)) |end| return end;
    const first = runs.characterAt(text, start);
    const next = start + first.len;
    return switch (first.class) {
        .letter => runs.letterRunEnd(text, next),
        .number => next,
        .other => runs.runEnd(text, next, .other),
        .space => unreachable,
    };
}

/// A piece without the white space before its match.
pub fn wordOf(piece: []const u8) []const u8 {
    return piece[runs.runEnd(piece, 0, .space)..];
}
