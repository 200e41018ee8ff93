//! BLOOM's pattern, by hand:
//!
//!      ?[^(\s|[.,!?…。，、।۔،])]+
//!
//! What is no match is a piece as well, up to the next one. Between matches stand white space and the
//! signs in the brackets, parentheses and bars among them. A piece's end depends only on the text from its
//! start on. Linear in the text.

const unicode = @import("../unicode.zig");
const utf8 = @import("../utf8.zig");

/// Where the piece that begins at `text[at]` ends.
pub fn pieceEnd(text: []const u8, at: usize) usize {
    if (beginsMatch(text, at)) return matchEnd(text, at + @intFromBool(text[at] == ' '));
    var end = at;
    while (end < text.len and !beginsMatch(text, end)) end += utf8.decode(text, end).len;
    return end;
}

fn beginsMatch(text: []const u8, at: usize) bool {
    if (!isBetween(utf8.decode(text, at).code_point)) return true;
    return text[at] == ' ' and at + 1 < text.len and
        !isBetween(utf8.decode(text, at + 1).code_point);
}

fn matchEnd(text: []const u8, at: usize) usize {
    var end = at;
    while (end < text.len) {
        const character = utf8.decode(text, end);
        if (isBetween(character.code_point)) break;
        end += character.len;
    }
    return end;
}

fn isBetween(code_point: u21) bool {
    return switch (code_point) {
        '(', ')', '|', '.', ',', '!', '?' => true,
        0x2026, 0x3002, 0xFF0C, 0x3001, 0x964, 0x6D4, 0x60C => true,
        else => unicode.isWhiteSpace(code_point),
    };
}
