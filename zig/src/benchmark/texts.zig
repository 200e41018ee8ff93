//! Made texts for the benchmark program, the same in every run. Memory: the text's.

const std = @import("std");
const Allocator = std.mem.Allocator;

/// Words of a made-up language, the early ones most often, in lines.
pub fn words(arena: Allocator, len: usize) ![]u8 {
    var prng: std.Random.DefaultPrng = .init(1);
    const random = prng.random();
    const syllables = "ka to mi re su lan ber ing the or st an ed ment com pro al ic us e";
    var parts: std.ArrayList([]const u8) = .empty;
    var iterator = std.mem.splitScalar(u8, syllables, ' ');
    while (iterator.next()) |syllable| try parts.append(arena, syllable);
    var lexicon: [8000][]const u8 = undefined;
    for (&lexicon) |*word| {
        var spelled: std.ArrayList(u8) = .empty;
        for (0..random.intRangeAtMost(usize, 1, 4)) |_| {
            try spelled.appendSlice(arena, parts.items[random.uintLessThan(usize, parts.items.len)]);
        }
        word.* = spelled.items;
    }
    var text: std.ArrayList(u8) = .empty;
    while (text.items.len < len) {
        const uniform = random.float(f64);
        const index: usize = @intFromFloat(uniform * uniform * uniform * lexicon.len);
        try text.appendSlice(arena, lexicon[index]);
        try text.appendSlice(arena, switch (random.uintLessThan(u8, 20)) {
            0 => ", ",
            1 => ".\n",
            else => " ",
        });
    }
    return text.items;
}

pub const Shape = struct {
    name: []const u8,
    /// What is repeated; empty: random characters of base64.
    unit: []const u8,
};

pub const shapes = [_]Shape{
    .{ .name = "letter", .unit = "a" },
    .{ .name = "spaces", .unit = " " },
    .{ .name = "digits", .unit = "7" },
    .{ .name = "newlines", .unit = "\n" },
    .{ .name = "han", .unit = "\u{4e2d}\u{6587}\u{5b57}" },
    .{ .name = "base64", .unit = "" },
};

/// Fills `text` with a shape.
pub fn fill(text: []u8, shape: Shape) void {
    var prng: std.Random.DefaultPrng = .init(3);
    for (text, 0..) |*byte, i| {
        byte.* = if (shape.unit.len > 0)
            shape.unit[i % shape.unit.len]
        else
            std.base64.standard_alphabet_chars[prng.random().uintLessThan(usize, 64)];
    }
}
