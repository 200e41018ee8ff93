//! UTF-8 to the units of 16 or 32 bits in which CPython keeps text: a character each, 64 bytes at a time.
//!
//! Where characters begin comes out of a mask; eight of them at a time are loaded from there into the lanes of
//! a vector and read without a branch, whatever their lengths. Linear in the text; nothing is allocated.

const std = @import("std");

const block_len = 64;
/// How many characters are read at a time.
const lanes_len = 8;
/// So many bytes behind a block are loaded, but for those that it says are there.
const reach = block_len + 4;

/// So many units behind the last one are written to.
pub const slack = block_len;

const Block = @Vector(block_len, u8);
const Lanes = @Vector(lanes_len, u32);

/// Writes the characters of `text` to `units` and returns how many they are; null if it is not well-formed
/// UTF-8 or a character does not fit a unit. There must be room for `slack` units more than `text` has bytes.
pub fn fill(comptime Unit: type, text: []const u8, units: [*]Unit) ?usize {
    var state: State(Unit) = .{ .units = units };
    var at: usize = 0;
    while (text.len - at >= reach) at += state.take(text[at..][0..reach]) orelse return null;
    // The end, and NUL characters behind it: a character that the text breaks off is none with them.
    var end: [2 * reach]u8 = @splat(0);
    const rest = text.len - at;
    @memcpy(end[0..rest], text[at..]);
    var done: usize = 0;
    while (done < rest) done += state.take(end[done..][0..reach]) orelse return null;
    if (state.carried != 0 or @reduce(.Or, state.errors)) return null;
    return state.units - units - (done - rest);
}

fn State(comptime Unit: type) type {
    return struct {
        units: [*]Unit,
        /// The bytes at the next block's beginning that belong to a character before.
        carried: u64 = 0,
        errors: @Vector(lanes_len, bool) = @splat(false),

        const Self = @This();

        /// Reads characters from the block's beginning on and returns how many bytes it is done with; null if
        /// bytes are where none of their kind may be.
        inline fn take(state: *Self, window: *const [reach]u8) ?usize {
            const block: Block = window[0..block_len].*;
            const other = maskOf(block >= @as(Block, @splat(0x80)));
            if (other == 0) {
                if (state.carried != 0) return null;
                state.widen(block);
                state.units += block_len;
                return block_len;
            }
            const leads = maskOf(block >= @as(Block, @splat(0xC0)));
            const of_three = maskOf(block >= @as(Block, @splat(0xE0)));
            const of_four = maskOf(block >= @as(Block, @splat(0xF0)));
            const following = leads << 1 | of_three << 2 | of_four << 3 | state.carried;
            if (following != other & ~leads) return null;
            // Where few are not ASCII, all up to the first of them is widened, and eight characters from there on are read.
            const is_sparse = state.carried == 0 and @popCount(leads) <= 4;
            const ascii_len = @ctz(other);
            if (is_sparse and ascii_len >= lanes_len) {
                state.widen(block);
                state.units += ascii_len;
                return ascii_len;
            }
            var starts = ~following;
            if (is_sparse) {
                starts = state.group(window, starts, @popCount(starts));
                if (starts != 0) return @ctz(starts);
            } else {
                var count: usize = @popCount(starts);
                while (count > 0) : (count -|= lanes_len) starts = state.group(window, starts, count);
            }
            state.carried = leads >> 63 | of_three >> 62 | of_four >> 61;
            return block_len;
        }

        inline fn widen(state: *Self, block: Block) void {
            const wide: @Vector(block_len, Unit) = block;
            state.units[0..block_len].* = wide;
        }

        /// Reads the first eight of the characters that begin at `starts`, of which there are `count`, and returns
        /// the others.
        inline fn group(state: *Self, window: *const [reach]u8, starts: u64, count: usize) u64 {
            var rest = starts;
            var loaded: [lanes_len]u32 = undefined;
            inline for (&loaded) |*lane| {
                lane.* = std.mem.readInt(u32, window[@ctz(rest)..][0..4], .little);
                rest &= rest -% 1;
            }
            const found = read(Unit, loaded);
            const is_there = std.simd.iota(u32, lanes_len) < @as(Lanes, @splat(@intCast(count)));
            state.errors = @select(bool, is_there, state.errors | found.errors, state.errors);
            const narrow: @Vector(lanes_len, Unit) = @truncate(found.characters);
            state.units[0..lanes_len].* = narrow;
            state.units += @min(count, lanes_len);
            return rest;
        }
    };
}

/// The characters that the bytes of each lane begin with, the first in the lowest bits, and where they are none
/// or do not fit. That each has as many bytes as its first one says is known.
inline fn read(
    comptime Unit: type,
    bytes: Lanes,
) struct { characters: Lanes, errors: @Vector(lanes_len, bool) } {
    const first = bytes & splat(0xFF);
    const last_of_two = bytes >> splat(8) & splat(0x3F);
    const two = (bytes & splat(0x1F)) << splat(6) | last_of_two;
    const middle = bytes >> splat(2) & splat(0xFC0);
    const last_of_three = bytes >> splat(16) & splat(0x3F);
    const three = (bytes & splat(0x0F)) << splat(12) | middle | last_of_three;
    const is_one = first < splat(0x80);
    const is_two = first < splat(0xE0);
    var characters = @select(u32, is_two, two, three);
    var least = @select(u32, is_two, splat(0x80), splat(0x800));
    if (Unit == u16) {
        characters = @select(u32, first < splat(0xF0), characters, splat(0));
    } else {
        const last_of_four = bytes >> splat(24) & splat(0x3F);
        const third = bytes >> splat(10) & splat(0xFC0);
        const second = bytes << splat(4) & splat(0x3F000);
        const four = (bytes & splat(0x0F)) << splat(18) | second | third | last_of_four;
        const is_three = first < splat(0xF0);
        characters = @select(u32, is_three, characters, four);
        least = @select(u32, is_three, least, splat(0x10000));
    }
    characters = @select(u32, is_one, first, characters);
    least = @select(u32, is_one, splat(0), least);
    const is_surrogate = characters -% splat(0xD800) < splat(0x800);
    const errors = (characters < least) | is_surrogate | (characters > splat(0x10FFFF));
    return .{ .characters = characters, .errors = errors };
}

inline fn splat(comptime value: u32) Lanes {
    return @splat(value);
}

inline fn maskOf(bits: @Vector(block_len, bool)) u64 {
    return @bitCast(bits);
}
