//! The byte-level alphabet: the character by which tokenizer.json, vocab.json and merges.txt spell each
//! byte.
//!
//! Printable bytes of Latin-1 stand for themselves; the others, in order, are U+0100 and what follows.
//! Time is linear in the text.

const std = @import("std");

/// The pattern of tokenizers' ByteLevel, and of GPT-2's own encoder.
pub const gpt2_pattern =
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

/// One more than the highest character of the alphabet.
const character_end = 0x100 + 68;

/// The byte that each character stands for, or null.
const bytes: [character_end]?u8 = table: {
    var result: [character_end]?u8 = @splat(null);
    var next: usize = 0x100;
    for (0..256) |byte| {
        if (isPrintable(byte)) {
            result[byte] = byte;
        } else {
            result[next] = byte;
            next += 1;
        }
    }
    std.debug.assert(next == character_end);
    break :table result;
};

/// The character for each byte.
pub const characters: [256]u21 = table: {
    var result: [256]u21 = undefined;
    for (bytes, 0..) |byte, character| if (byte) |b| {
        result[b] = character;
    };
    break :table result;
};

/// The bytes in the order of their characters.
pub const alphabet_order: [256]u8 = table: {
    var result: [256]u8 = undefined;
    var len: usize = 0;
    for (bytes) |byte| if (byte) |b| {
        result[len] = b;
        len += 1;
    };
    break :table result;
};

fn isPrintable(byte: usize) bool {
    return switch (byte) {
        0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF => true,
        else => false,
    };
}

/// The byte that a character stands for.
pub fn byteOf(character: u21) ?u8 {
    return if (character < character_end) bytes[character] else null;
}

/// How many bytes the character of a byte has.
pub fn lengthOf(byte: u8) usize {
    return if (characters[byte] < 0x80) 1 else 2;
}

/// Writes the characters of `bytes` to `output`.
pub fn spell(
    gpa: std.mem.Allocator,
    text: []const u8,
    output: *std.ArrayList(u8),
) error{OutOfMemory}![]const u8 {
    output.clearRetainingCapacity();
    try appendSpelled(gpa, text, output);
    return output.items;
}

/// The same, behind what is there.
pub fn appendSpelled(
    gpa: std.mem.Allocator,
    text: []const u8,
    output: *std.ArrayList(u8),
) error{OutOfMemory}!void {
    try output.ensureUnusedCapacity(gpa, 2 * text.len);
    for (text) |byte| {
        const character = characters[byte];
        if (character < 0x80) {
            output.appendAssumeCapacity(@intCast(character));
        } else {
            output.appendAssumeCapacity(@intCast(0xC0 | character >> 6));
            output.appendAssumeCapacity(@intCast(0x80 | (character & 0x3F)));
        }
    }
}

/// The bytes that `spelled`, well-formed UTF-8, stands for, written to the start of `buffer`, which must be
/// as long as `spelled`; null if a character is not of the alphabet.
pub fn decode(spelled: []const u8, buffer: []u8) ?[]u8 {
    std.debug.assert(buffer.len >= spelled.len);
    var at: usize = 0;
    var len: usize = 0;
    while (at < spelled.len) : (len += 1) {
        const first = spelled[at];
        // Characters beyond two bytes are not of the alphabet.
        if (first >= 0xE0) return null;
        var character: usize = first;
        if (first >= 0x80) {
            at += 1;
            character = (character & 0x1F) << 6 | (spelled[at] & 0x3F);
        }
        at += 1;
        buffer[len] = byteOf(@intCast(character)) orelse return null;
    }
    return buffer[0..len];
}

test "every byte has its character, and no other character has a byte" {
    var seen: std.StaticBitSet(256) = .initEmpty();
    for (bytes) |byte| if (byte) |b| seen.set(b);
    try std.testing.expectEqual(256, seen.count());
    var buffer: [16]u8 = undefined;
    try std.testing.expectEqualStrings(" the\n\xff", decode("\u{120}the\u{10a}\u{ff}", &buffer).?);
    try std.testing.expectEqual(@as(?[]u8, null), decode("a b", &buffer));
    try std.testing.expectEqual(@as(?[]u8, null), decode("\u{4e00}", &buffer));
}
