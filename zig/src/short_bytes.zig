//! Comparing and hashing tokens, most of which are short: two overlapping words have up to 16 bytes whole.
//! Constant time for those, linear for longer ones.

const std = @import("std");

/// Whether two strings are the same.
pub inline fn isEqual(a: []const u8, b: []const u8) bool {
    if (a.len != b.len) return false;
    if (a.len > 16) return std.mem.eql(u8, a, b);
    const x = ends(a);
    const y = ends(b);
    return x[0] == y[0] and x[1] == y[1];
}

/// All bits depend on every byte.
pub inline fn hashOf(bytes: []const u8) u64 {
    if (bytes.len > 16) return std.hash.Wyhash.hash(0, bytes);
    const words = ends(bytes);
    const product = @as(u128, words[0] ^ 0x9E3779B97F4A7C15) *
        (words[1] ^ (@as(u64, bytes.len) *% 0xA0761D6478BD642F) ^ 0xE7037ED1A0B428DB);
    return @as(u64, @truncate(product)) ^ @as(u64, @intCast(product >> 64));
}

/// All of at most 16 bytes, of which the length is known, in two words.
inline fn ends(bytes: []const u8) [2]u64 {
    const len = bytes.len;
    if (len >= 8) return .{ word(u64, bytes[0..8]), word(u64, bytes[len - 8 ..][0..8]) };
    if (len >= 4) return .{ word(u32, bytes[0..4]), word(u32, bytes[len - 4 ..][0..4]) };
    if (len == 0) return .{ 0, 0 };
    return .{ bytes[0], @as(u64, bytes[len / 2]) << 8 | bytes[len - 1] };
}

inline fn word(comptime T: type, bytes: *const [@sizeOf(T)]u8) u64 {
    return std.mem.readInt(T, bytes, .little);
}

test "strings are equal as byte by byte, and equal ones have one hash wherever they lie" {
    var prng: std.Random.DefaultPrng = .init(2);
    const random = prng.random();
    var bytes: [64]u8 = undefined;
    for (0..20_000) |round| {
        for (&bytes) |*byte| byte.* = random.uintAtMost(u8, 1);
        const a = bytes[random.uintLessThan(usize, 40)..][0 .. round % 24];
        const b = bytes[random.uintLessThan(usize, 40)..][0 .. round / 24 % 24];
        try std.testing.expectEqual(std.mem.eql(u8, a, b), isEqual(a, b));
        if (isEqual(a, b)) try std.testing.expectEqual(hashOf(a), hashOf(b));
        if (!isEqual(a, b)) try std.testing.expect(hashOf(a) != hashOf(b));
    }
}
