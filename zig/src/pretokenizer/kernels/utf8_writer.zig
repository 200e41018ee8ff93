//! The units of 8, 16 or 32 bits in which CPython keeps text to UTF-8, eight characters at a time: the way back
//! of `units.zig`.
//!
//! The bytes of eight characters are made in the lanes of a vector without a branch, whatever their lengths, and
//! stored one behind the other; where text is ASCII, units are narrowed 32 at a time. Linear in the text; nothing is
//! allocated.

const std = @import("std");

const block_len = 32;
/// How many characters are written at a time.
const lanes_len = 8;

/// So many bytes behind the last one are written to.
pub const slack = block_len + 4;

const Lanes = @Vector(lanes_len, u32);

/// The most bytes that a unit becomes.
pub fn bytesAUnit(comptime Unit: type) usize {
    return switch (Unit) {
        u8 => 2,
        u16 => 3,
        u32 => 4,
        else => @compileError("text has units of 8, 16 or 32 bits"),
    };
}

/// Writes the UTF-8 of `units` to `text` and returns its length; null where one of them is no character: a surrogate, or
/// too large. There must be room for `bytesAUnit` bytes a unit and `slack` more.
pub fn write(comptime Unit: type, units: []const Unit, text: [*]u8) ?usize {
    var state: State = .{ .end = text };
    var at: usize = 0;
    while (units.len - at >= block_len) at += state.take(Unit, units[at..][0..block_len]);
    // The rest, and NUL characters behind it.
    var padded: [block_len]Unit = @splat(0);
    const rest = units.len - at;
    @memcpy(padded[0..rest], units[at..]);
    var done: usize = 0;
    while (done < rest) : (done += lanes_len) state.group(Unit, padded[done..][0..lanes_len]);
    if (@reduce(.Or, state.errors)) return null;
    return state.end - text - (done - rest);
}

const State = struct {
    end: [*]u8,
    errors: @Vector(lanes_len, bool) = @splat(false),

    /// Writes the characters that the block begins with and returns how many.
    inline fn take(state: *State, comptime Unit: type, block: *const [block_len]Unit) usize {
        const units: @Vector(block_len, Unit) = block.*;
        const other: u32 = @bitCast(units >= @as(@Vector(block_len, Unit), @splat(0x80)));
        const ascii_len: usize = @ctz(other);
        if (ascii_len >= lanes_len) {
            const narrow: @Vector(block_len, u8) = @truncate(units);
            state.end[0..block_len].* = narrow;
            state.end += ascii_len;
            return ascii_len;
        }
        // Where few are not ASCII, what is behind these eight is narrowed in the next turn.
        const taken: usize = if (@popCount(other) <= 4) lanes_len else block_len;
        var at: usize = 0;
        while (at < taken) : (at += lanes_len) state.group(Unit, block[at..][0..lanes_len]);
        return taken;
    }

    inline fn group(state: *State, comptime Unit: type, units: *const [lanes_len]Unit) void {
        const narrow: @Vector(lanes_len, Unit) = units.*;
        const characters: Lanes = narrow;
        const last = characters & splat(0x3F) | splat(0x80);
        const third = characters >> splat(6) & splat(0x3F) | splat(0x80);
        const is_one = characters < splat(0x80);
        const is_two = characters < splat(0x800);
        var bytes = characters >> splat(6) | splat(0xC0) | last << splat(8);
        var lens = @select(u32, is_one, splat(1), splat(2));
        if (Unit != u8) {
            const three = characters >> splat(12) | splat(0xE0) | third << splat(8) | last << splat(16);
            bytes = @select(u32, is_two, bytes, three);
            lens = @select(u32, is_two, lens, splat(3));
            state.errors |= characters -% splat(0xD800) < splat(0x800);
        }
        if (Unit == u32) {
            const second = characters >> splat(12) & splat(0x3F) | splat(0x80);
            const first = characters >> splat(18) | splat(0xF0);
            const four = first | second << splat(8) | third << splat(16) | last << splat(24);
            const is_three = characters < splat(0x10000);
            bytes = @select(u32, is_three, bytes, four);
            lens = @select(u32, is_three, lens, splat(4));
            state.errors |= characters > splat(0x10FFFF);
        }
        bytes = @select(u32, is_one, characters, bytes);
        const all_bytes: [lanes_len]u32 = bytes;
        const all_lens: [lanes_len]u32 = lens;
        inline for (all_bytes, all_lens) |word, len| {
            std.mem.writeInt(u32, state.end[0..4], word, .little);
            state.end += len;
        }
    }
};

inline fn splat(comptime value: u32) Lanes {
    return @splat(value);
}
