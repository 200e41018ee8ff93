//! SentencePiece's compiled map of characters, as the reference uses it: a grapheme of less than six bytes is
//! replaced whole if the map has a beginning of it, the shortest it has, and else each of its characters is.
//!
//! The map is a double array over bytes, and texts that end with a NUL. What it says may be made up: places
//! outside of it are no match. Linear in the text; each search takes a step a byte.

const std = @import("std");
const graphemes = @import("graphemes.zig");
const utf8 = @import("utf8.zig");
const Allocator = std.mem.Allocator;

/// A stretch of a text, and what takes its place.
pub const Change = struct { start: usize, end: usize, text: []const u8 };

pub const Charsmap = struct {
    units: []const u8,
    texts: []const u8,

    /// The longest grapheme that is looked up, in bytes.
    const grapheme_max = 5;

    /// Null if `bytes` are not long enough for what they say.
    pub fn parse(bytes: []const u8) ?Charsmap {
        if (bytes.len < 4) return null;
        const size = std.mem.readInt(u32, bytes[0..4], .little);
        const len = size / 4 * 4;
        if (len == 0 or len > bytes.len - 4) return null;
        return .{ .units = bytes[4..][0..len], .texts = bytes[4 + len ..] };
    }

    pub fn in(map: Charsmap, text: []const u8) Walk {
        return .{ .map = map, .text = text };
    }

    /// The text with all changes made, in `output`; the text itself if there are none.
    pub fn apply(
        map: Charsmap,
        gpa: Allocator,
        text: []const u8,
        output: *std.ArrayList(u8),
    ) error{OutOfMemory}![]const u8 {
        var walk = map.in(text);
        var copied: usize = 0;
        output.clearRetainingCapacity();
        while (walk.next()) |change| {
            try output.appendSlice(gpa, text[copied..change.start]);
            try output.appendSlice(gpa, change.text);
            copied = change.end;
        }
        if (copied == 0) return text;
        try output.appendSlice(gpa, text[copied..]);
        return output.items;
    }

    /// What the map has for the shortest beginning of `chunk` that it has.
    fn find(map: Charsmap, chunk: []const u8) ?[]const u8 {
        var at = offsetOf(map.unit(0) orelse return null);
        for (chunk) |byte| {
            if (byte == 0) return null;
            at ^= byte;
            const reached = map.unit(at) orelse return null;
            if (reached & (1 << 31 | 0xFF) != byte) return null;
            at ^= offsetOf(reached);
            if (reached >> 8 & 1 == 0) continue;
            const value = map.unit(at) orelse return null;
            return map.textAt(value & std.math.maxInt(u31));
        }
        return null;
    }

    fn unit(map: Charsmap, index: usize) ?u32 {
        if (index >= map.units.len / 4) return null;
        return std.mem.readInt(u32, map.units[4 * index ..][0..4], .little);
    }

    fn offsetOf(of: u32) usize {
        const shift: u5 = if (of & 1 << 9 != 0) 8 else 0;
        return @as(usize, of >> 10) << shift;
    }

    /// None where it would begin within a character.
    fn textAt(map: Charsmap, start: usize) ?[]const u8 {
        if (start > map.texts.len) return null;
        const rest = map.texts[start..];
        if (rest.len > 0 and rest[0] & 0xC0 == 0x80) return null;
        return rest[0 .. std.mem.findScalar(u8, rest, 0) orelse rest.len];
    }
};

pub const Walk = struct {
    map: Charsmap,
    text: []const u8,
    at: usize = 0,
    /// Up to here, characters are looked up one by one.
    grapheme_end: usize = 0,

    pub fn next(walk: *Walk) ?Change {
        while (walk.at < walk.text.len) {
            const start = walk.at;
            if (start >= walk.grapheme_end) {
                walk.grapheme_end = graphemes.endOf(walk.text, start);
                if (walk.grapheme_end - start <= Charsmap.grapheme_max) {
                    if (walk.changeOf(start, walk.grapheme_end)) |change| return change;
                }
            }
            const end = start + utf8.decode(walk.text, start).len;
            if (walk.changeOf(start, end)) |change| return change;
            walk.at = end;
        }
        return null;
    }

    fn changeOf(walk: *Walk, start: usize, end: usize) ?Change {
        const chunk = walk.text[start..end];
        if (!std.unicode.utf8ValidateSlice(chunk)) return null;
        const text = walk.map.find(chunk) orelse return null;
        walk.at = end;
        return .{ .start = start, .end = end, .text = text };
    }
};

/// A map of "a" to "b", "ab" to nothing, and U+E9 to "ee".
const sample = sample: {
    @setEvalBranchQuota(10_000);
    var units: [512]u32 = @splat(0);
    units[0] = 1 << 10;
    units[1 ^ 'a'] = 'a' | 1 << 8 | ((1 ^ 'a') ^ 256) << 10;
    units[256] = 1 << 31;
    units[1 ^ 0xC3] = 0xC3 | ((1 ^ 0xC3) ^ 257) << 10;
    units[257 ^ 0xA9] = 0xA9 | 1 << 8 | ((257 ^ 0xA9) ^ 258) << 10;
    units[258] = 1 << 31 | 2;
    var bytes: [4 + 4 * units.len + 5]u8 = undefined;
    std.mem.writeInt(u32, bytes[0..4], 4 * units.len, .little);
    for (units, 0..) |each, i| std.mem.writeInt(u32, bytes[4 + 4 * i ..][0..4], each, .little);
    bytes[4 + 4 * units.len ..].* = "b\x00ee\x00".*;
    break :sample bytes;
};

test "graphemes are replaced whole, or each character is" {
    const gpa = std.testing.allocator;
    const map = Charsmap.parse(&sample).?;
    var output: std.ArrayList(u8) = .empty;
    defer output.deinit(gpa);
    const cases = [_][2][]const u8{
        .{ "xyz", "xyz" },                     .{ "xax", "xbx" },
        .{ "a\u{301}\u{301}", "b" },           .{ "a\u{301}\u{301}\u{301}", "b\u{301}\u{301}\u{301}" },
        .{ "\u{e9}a\xff\xc3", "eeb\xff\xc3" }, .{ "", "" },
    };
    for (cases) |case| {
        try std.testing.expectEqualStrings(case[1], try map.apply(gpa, case[0], &output));
    }
}

test "what is no map, and one that is made up" {
    try std.testing.expectEqual(null, Charsmap.parse(""));
    try std.testing.expectEqual(null, Charsmap.parse("\x00\x00\x00\x00abc"));
    try std.testing.expectEqual(null, Charsmap.parse("\x10\x00\x00\x00abcdefgh"));
    var prng: std.Random.DefaultPrng = .init(3);
    const random = prng.random();
    const gpa = std.testing.allocator;
    var output: std.ArrayList(u8) = .empty;
    defer output.deinit(gpa);
    for (0..2000) |_| {
        var changed = sample;
        for (0..20) |_| changed[random.uintLessThan(usize, changed.len)] = random.int(u8);
        const map = Charsmap.parse(&changed) orelse continue;
        _ = try map.apply(gpa, "a\u{e9}ab\u{301}\xff", &output);
    }
}
