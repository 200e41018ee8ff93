//! Which script a character is of, as tokenizers' UnicodeScripts has it.
//!
//! A search of a small table.

const std = @import("std");
const table = @import("script_table.zig");

/// That of characters that go with any other: spaces, and what is in no script.
pub const any = 0;

/// The number of the script of `character`.
pub fn of(character: u21) u8 {
    return table.scripts[std.sort.upperBound(u21, &table.starts, character, order) - 1];
}

fn order(character: u21, start: u21) std.math.Order {
    return std.math.order(character, start);
}

comptime {
    std.debug.assert(table.starts.len == table.scripts.len and table.starts[0] == 0);
}

test "scripts of some characters" {
    try std.testing.expectEqual(of('a'), of('\u{e9}'));
    try std.testing.expectEqual(of('\u{3042}'), of('\u{4e2d}'));
    try std.testing.expectEqual(of('\u{30fc}'), of('\u{4e2d}'));
    try std.testing.expect(of('a') != of('\u{430}'));
    try std.testing.expect(of('a') != of('1'));
    try std.testing.expectEqual(any, of(' '));
    try std.testing.expectEqual(any, of(0x10FFFF));
}
