//! The patterns of deepseek-coder, by hand. Its tokenizer.json has five splits, each within the pieces of the
//! one before, the last of them Digits one by one:
//!
//!     [\r\n]
//!     \s?\p{L}+
//!     \s?\p{P}+
//!     [一-龥ࠀ-一가-퟿]+
//!
//! So newlines and numbers are pieces of their own; letters are joined with letters, punctuation with punctuation
//! and what is neither with its like, but never what the fourth pattern has with what it has not. A space goes
//! with letters or punctuation behind it, if the fourth pattern does not part them. A piece's end depends only on
//! the text from its start on. Linear in the text.

const unicode = @import("../unicode.zig");
const utf8 = @import("../utf8.zig");

/// What the patterns tell apart.
const Kind = enum { letter, punctuation, number, newline, space, other };

const Character = struct { kind: Kind, is_east: bool, len: usize };

const ascii_kinds: [128]Kind = kinds: {
    var made: [128]Kind = @splat(.punctuation);
    for (&made, 0..) |*kind, byte| {
        kind.* = switch (byte) {
            'a'...'z', 'A'...'Z' => .letter,
            '0'...'9' => .number,
            '\n', '\r' => .newline,
            '\t', 11, 12, ' ' => .space,
            0...8, 14...31, 127, '$', '+', '<', '=', '>', '^', '`', '|', '~' => .other,
            else => .punctuation,
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
    return switch (unicode.classOf(code_point)) {
        .letter => .letter,
        .number => .number,
        .space => .space,
        .other => switch (code_point) {
            // Numbers of Rust's that have no class in the patterns' version of Unicode.
            0x11DE0...0x11DE9, 0x16FF4...0x16FF6 => .number,
            else => if (unicode.isPunctuation(code_point)) .punctuation else .other,
        },
    };
}

/// Where the piece that begins at `text[at]` ends.
pub fn pieceEnd(text: []const u8, at: usize) usize {
    const first = characterAt(text, at);
    const next = at + first.len;
    switch (first.kind) {
        .newline, .number => return next,
        .letter, .punctuation => return runEnd(text, next, first),
        .space, .other => {},
    }
    if (first.kind == .space and next < text.len) {
        const following = characterAt(text, next);
        if (following.kind == .letter or following.kind == .punctuation) {
            if (following.is_east != first.is_east) return next;
            return runEnd(text, next + following.len, following);
        }
    }
    return otherEnd(text, next, first.is_east);
}

/// Where the run of characters like `first` ends that may go on at `at`.
inline fn runEnd(text: []const u8, at: usize, first: Character) usize {
    var end = at;
    while (end < text.len) {
        const character = characterAt(text, end);
        if (character.kind != first.kind or character.is_east != first.is_east) break;
        end += character.len;
    }
    return end;
}

/// Where what is neither letter, punctuation, number nor newline ends: before a space that goes with what
/// follows, too.
fn otherEnd(text: []const u8, at: usize, is_east: bool) usize {
    var end = at;
    while (end < text.len) {
        const character = characterAt(text, end);
        if (character.kind != .space and character.kind != .other) break;
        if (character.is_east != is_east) break;
        const next = end + character.len;
        if (character.kind == .space and next < text.len) switch (characterAt(text, next).kind) {
            .letter, .punctuation => break,
            else => {},
        };
        end = next;
    }
    return end;
}
