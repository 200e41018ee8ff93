//! Vector helpers whose misuse does not compile: lane counts and element types are checked at comptime.
//!
//! The width is a parameter of each kernel and never read from the root module's CPU, so that one file can
//! be compiled for several CPU levels.

const std = @import("std");

/// Lanes must come in groups of this many, so that every kernel splits evenly over 128-bit registers.
pub const lane_group = 8;

fn checkLength(comptime len: comptime_int) void {
    if (len <= 0 or len % lane_group != 0) @compileError("Length must be multiple of 8");
}

fn checkElement(comptime T: type) void {
    if (@sizeOf(T) == 0) @compileError("Invalid type");
}

/// Adds two arrays of `len` integers lane by lane, wrapping around. `len` must be a multiple of 8.
pub fn simdAdd(
    comptime T: type,
    comptime len: comptime_int,
    a: [len]T,
    b: [len]T,
) [len]T {
    comptime checkLength(len);
    comptime checkElement(T);
    const x: @Vector(len, T) = a;
    const y: @Vector(len, T) = b;
    return x +% y;
}

/// Copies `source` to the front of `destination`; the two must not overlap. `T` must have a size.
pub fn fastMemcpy(comptime T: type, noalias destination: []T, noalias source: []const T) void {
    comptime checkElement(T);
    std.debug.assert(destination.len >= source.len);
    @memcpy(destination[0..source.len], source);
}

/// Copies exactly `len` elements, whatever part of them is meant, in one vector move: for short runs into a
/// buffer with slack. Both sides must have `len` elements behind their pointer.
pub fn copyWide(
    comptime T: type,
    comptime len: comptime_int,
    destination: [*]T,
    source: [*]const T,
) void {
    comptime checkLength(len);
    comptime checkElement(T);
    const Block = @Vector(len, T);
    const from: *align(@alignOf(T)) const Block = @ptrCast(source);
    const to: *align(@alignOf(T)) Block = @ptrCast(destination);
    to.* = from.*;
}

/// The smallest of `len` integers.
pub fn minimum(comptime T: type, comptime len: comptime_int, values: *const [len]T) T {
    comptime checkLength(len);
    comptime checkElement(T);
    const vector: @Vector(len, T) = values.*;
    return @reduce(.Min, vector);
}

/// The first index of `value` among `len` integers, one of which must be it.
pub fn indexOf(comptime T: type, comptime len: comptime_int, values: *const [len]T, value: T) usize {
    comptime checkLength(len);
    comptime checkElement(T);
    const vector: @Vector(len, T) = values.*;
    const equal: @Int(.unsigned, len) = @bitCast(vector == @as(@Vector(len, T), @splat(value)));
    std.debug.assert(equal != 0);
    return @ctz(equal);
}

test "simdAdd adds lane by lane and wraps around" {
    const a: [16]u32 = @splat(std.math.maxInt(u32));
    var b: [16]u32 = undefined;
    for (&b, 0..) |*lane, i| lane.* = @intCast(i);
    for (simdAdd(u32, 16, a, b), 0..) |lane, i| {
        try std.testing.expectEqual(@as(u32, @intCast(i)) -% 1, lane);
    }
}

test "fastMemcpy and copyWide copy" {
    const source = [_]u16{ 1, 2, 3, 4, 5, 6, 7, 8 };
    var destination: [9]u16 = @splat(9);
    fastMemcpy(u16, &destination, source[0..3]);
    try std.testing.expectEqualSlices(u16, &.{ 1, 2, 3, 9 }, destination[0..4]);
    copyWide(u16, 8, &destination, &source);
    try std.testing.expectEqualSlices(u16, &(source ++ .{9}), &destination);
}

test "minimum and indexOf agree with a plain loop" {
    var random: std.Random.DefaultPrng = .init(1);
    for (0..1000) |_| {
        var values: [16]u32 = undefined;
        for (&values) |*value| value.* = random.random().uintLessThan(u32, 8);
        const least = minimum(u32, 16, &values);
        try std.testing.expectEqual(std.mem.min(u32, &values), least);
        const index = std.mem.findScalar(u32, &values, least).?;
        try std.testing.expectEqual(index, indexOf(u32, 16, &values, least));
    }
}
