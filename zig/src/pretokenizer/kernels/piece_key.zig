//! The key that a piece is looked up by in a cache: its bytes and its length.
//!
//! Compiled once for each level of CPU features, as `window.zig` is, which makes the keys of the pieces that
//! it finds; so it imports nothing but the standard library.

const std = @import("std");

/// Bytes of a key.
pub const len = 16;
/// Longest piece whose key is its bytes.
pub const short_len_max = 15;

pub const Key = @Vector(len, u8);

/// The first `piece_len` (1 to 15) of `bytes`, zero-padded, and `piece_len` as the sixteenth. The key of a longer
/// piece is made in another way: what this returns for one is of no use.
pub inline fn of(bytes: *const [len]u8, piece_len: usize) Key {
    const at = @min(piece_len, short_len_max);
    return bytes.* & masks[at] | lengths[at];
}

/// A hash of all of a key.
pub inline fn hash(key: Key) u32 {
    const words: [2]u64 = @bitCast(key);
    return @truncate(fold(words[0] ^ 0x9e3779b97f4a7c15, words[1] ^ 0xd1b54a32d192ed03));
}

/// A folded multiplication: every bit of the input reaches every bit.
pub inline fn fold(left: u64, right: u64) u64 {
    const product = @as(u128, left) *% right;
    return @as(u64, @truncate(product)) ^ @as(u64, @truncate(product >> 64));
}

const masks: [short_len_max + 1]Key = masks: {
    var made: [short_len_max + 1]Key = @splat(@splat(0));
    for (&made, 0..) |*mask, count| for (0..count) |i| {
        mask[i] = 0xFF;
    };
    break :masks made;
};

const lengths: [short_len_max + 1]Key = lengths: {
    var made: [short_len_max + 1]Key = @splat(@splat(0));
    for (&made, 0..) |*key, count| key[len - 1] = count;
    break :lengths made;
};

test "a key is the piece's bytes and its length, whatever follows" {
    const text = "abcdefghijklmnopq";
    for (1..len) |count| {
        var wanted: [len]u8 = @splat(0);
        @memcpy(wanted[0..count], text[0..count]);
        wanted[len - 1] = @intCast(count);
        try std.testing.expectEqual(wanted, @as([len]u8, of(text[0..len], count)));
    }
    try std.testing.expect(hash(of("a234567890123456", 1)) != hash(of("a234567890123456", 2)));
}
