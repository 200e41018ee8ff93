//! How many characters of a well-formed text begin up to a place, for places that mostly ascend.
//!
//! A window of the text is counted through in vectors, and its counts are kept by the byte: a place then takes two
//! loads, where counting between it and the one before takes twice the time on processors without `popcnt`.

const std = @import("std");

pub const CharacterCounts = struct {
    text: []const u8,
    /// The window is `text[start..][0..window_len]`, or what there is of it.
    start: usize = 0,
    /// How many characters begin before it.
    before: u64 = 0,
    /// Of each byte, how many begin in its block up to it.
    in_block: [window_len]u8 = undefined,
    /// Of each block, how many begin before it in the window; behind the last, in all of the window.
    before_block: [window_len / block_len + 1]u16 = undefined,
    is_filled: bool = false,

    pub const window_len = 4096;
    const block_len = 16;
    const Block = @Vector(block_len, u8);

    /// How many begin at `place` or before it; it must be in the text.
    pub inline fn upTo(counts: *CharacterCounts, place: usize) u64 {
        if (place -% counts.start >= window_len or !counts.is_filled) counts.go(place);
        const at = place - counts.start;
        return counts.before + counts.before_block[at / block_len] + counts.in_block[at];
    }

    /// How many begin before `place`, which may be the text's end.
    pub inline fn beforePlace(counts: *CharacterCounts, place: usize) u64 {
        return if (place == 0) 0 else counts.upTo(place - 1);
    }

    noinline fn go(counts: *CharacterCounts, place: usize) void {
        if (!counts.is_filled) counts.fill();
        counts.is_filled = true;
        while (place < counts.start) {
            counts.start -= window_len;
            counts.fill();
            counts.before -= counts.before_block[window_len / block_len];
        }
        while (place - counts.start >= window_len) {
            counts.before += counts.before_block[window_len / block_len];
            counts.start += window_len;
            counts.fill();
        }
    }

    fn fill(counts: *CharacterCounts) void {
        const left = counts.text[counts.start..];
        var sum: u16 = 0;
        var at: usize = 0;
        while (at < window_len and at + block_len <= left.len) : (at += block_len) {
            counts.before_block[at / block_len] = sum;
            sum += counts.fillBlock(at, left[at..][0..block_len].*);
        }
        if (at == window_len) {
            counts.before_block[window_len / block_len] = sum;
            return;
        }
        // Bytes that begin nothing behind the end.
        var last: [block_len]u8 = @splat(0x80);
        @memcpy(last[0 .. left.len - at], left[at..]);
        counts.before_block[at / block_len] = sum;
        _ = counts.fillBlock(at, last);
    }

    inline fn fillBlock(counts: *CharacterCounts, at: usize, bytes: Block) u8 {
        const limit: @Vector(block_len, i8) = @splat(-65);
        const starts = @as(@Vector(block_len, i8), @bitCast(bytes)) > limit;
        var sums: Block = @intFromBool(starts);
        inline for (.{ 1, 2, 4, 8 }) |distance| {
            sums += std.simd.shiftElementsRight(sums, distance, 0);
        }
        counts.in_block[at..][0..block_len].* = sums;
        return sums[block_len - 1];
    }
};

test "places in any order have as many characters before them as one by one" {
    const gpa = std.testing.allocator;
    const parts = [_][]const u8{ "a", "\u{e9}", "\u{6587}", "\u{1f600}", "plain text " };
    var prng: std.Random.DefaultPrng = .init(3);
    const random = prng.random();
    var text: std.ArrayList(u8) = .empty;
    defer text.deinit(gpa);
    var expected: std.ArrayList(u64) = .empty;
    defer expected.deinit(gpa);
    for (0..60) |round| {
        text.clearRetainingCapacity();
        const lengths = [_]usize{ 1, 15, 16, 17, 4095, 4096, 4097, 8192, 20_000 };
        const len = lengths[round % lengths.len];
        while (text.items.len < len) {
            const part = parts[random.uintLessThan(usize, if (round < 30) parts.len else 3)];
            try text.appendSlice(gpa, part);
        }
        expected.clearRetainingCapacity();
        var count: u64 = 0;
        for (text.items) |byte| {
            count += @intFromBool(byte & 0xC0 != 0x80);
            try expected.append(gpa, count);
        }
        var counts: CharacterCounts = .{ .text = text.items };
        for (expected.items, 0..) |each, place| try std.testing.expectEqual(each, counts.upTo(place));
        try std.testing.expectEqual(count, counts.beforePlace(text.items.len));
        try std.testing.expectEqual(0, counts.beforePlace(0));
        counts = .{ .text = text.items };
        for (0..200) |_| {
            const place = random.uintLessThan(usize, text.items.len);
            try std.testing.expectEqual(expected.items[place], counts.upTo(place));
        }
    }
}
