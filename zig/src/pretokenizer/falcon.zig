//! Falcon's pre-tokenizers, by hand: Punctuation in runs; GPT-2's pattern within what they leave,
//!
//!     's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
//!
//! and, behind ByteLevel, so for the characters that spell bytes: Digits in runs, and [0-9][0-9][0-9].
//!
//! Apostrophes are punctuation, so no contraction matches, and for `(?!\S)` the text ends before punctuation.
//! Some of the bytes that continue characters are spelled by numbers (² for 0xB2), so pieces end within
//! characters: where one begins is seen from the three bytes before it. But for these a piece's end depends only on
//! the text from its start on. Linear in the text.

const punctuation = @import("kernels/punctuation.zig");
const runs = @import("runs.zig");
const unicode = @import("../unicode.zig");
const utf8 = @import("../utf8.zig");

/// The digits in a piece.
pub const number_len = 3;

const Kind = enum { letter, number, space, sign, other };

const Character = struct { kind: Kind, len: usize };

const ascii_kinds: [128]Kind = kinds: {
    var made: [128]Kind = @splat(.sign);
    for (&made, 0..) |*kind, byte| {
        kind.* = switch (byte) {
            'a'...'z', 'A'...'Z' => .letter,
            '0'...'9' => .number,
            '\t'...'\r', ' ' => .space,
            0...8, 14...31, 127 => .other,
            else => .sign,
        };
    }
    break :kinds made;
};

inline fn characterAt(text: []const u8, at: usize) Character {
    const byte = text[at];
    if (byte < 0x80) return .{ .kind = ascii_kinds[byte], .len = 1 };
    const character = utf8.decode(text, at);
    const kind: Kind = switch (unicode.classOf(character.code_point)) {
        .letter => .letter,
        .number => .number,
        .space => .space,
        .other => kind: {
            const is_sign = unicode.isPunctuation(character.code_point);
            const counts = punctuation.isPunctuation(character.code_point, is_sign);
            break :kind if (counts) .sign else .other;
        },
    };
    return .{ .kind = kind, .len = character.len };
}

/// Whether the character that spells a byte is a number to Rust.
inline fn isNumber(byte: u8) bool {
    return switch (byte) {
        '0'...'9', 0xB2, 0xB3, 0xB9, 0xBC...0xBE => true,
        else => false,
    };
}

/// Where the piece that begins at `text[at]` ends.
pub fn pieceEnd(text: []const u8, at: usize) usize {
    const before = bytesBefore(text, at);
    const first = characterAt(text, at - before);
    const next = at - before + first.len;
    if (first.kind != .space) return sameBytesEnd(text, at, next, first.kind);
    if (text[at] == ' ' and next < text.len) {
        const following = characterAt(text, next);
        switch (following.kind) {
            .letter, .number, .other => return sameBytesEnd(text, at, next, following.kind),
            .space, .sign => {},
        }
    }
    const space = runs.spaceAt(text, at);
    if (space.end < text.len and characterAt(text, space.end).kind == .sign) return space.end;
    return runs.spacePieceEnd(text, at, space);
}

/// How many bytes of the character that `text[at]` belongs to stand before it.
fn bytesBefore(text: []const u8, at: usize) usize {
    if (text[at] & 0xC0 != 0x80) return 0;
    for (1..4) |count| {
        if (count > at) return 0;
        if (text[at - count] & 0xC0 == 0x80) continue;
        return if (utf8.decode(text, at - count).len > count) count else 0;
    }
    return 0;
}

/// Where the bytes end that are numbers or not, as `text[at]` is, within characters of `kind`, the first
/// of which goes up to `next`.
fn sameBytesEnd(text: []const u8, at: usize, next: usize, kind: Kind) usize {
    if (hasThreeDigits(text, at)) return at + number_len;
    const is_number = isNumber(text[at]);
    var end = at + 1;
    var character_end = next;
    while (true) {
        while (end < character_end) : (end += 1) {
            if (isNumber(text[end]) != is_number) return end;
        }
        if (end == text.len) return end;
        const character = characterAt(text, end);
        if (character.kind != kind or hasThreeDigits(text, end)) return end;
        character_end = end + character.len;
    }
}

inline fn hasThreeDigits(text: []const u8, at: usize) bool {
    if (text.len - at < number_len) return false;
    for (text[at..][0..number_len]) |byte| if (byte < '0' or byte > '9') return false;
    return true;
}
