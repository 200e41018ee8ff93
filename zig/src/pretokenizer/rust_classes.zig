//! The classes of characters that tokenizers' own pre-tokenizers go by, as patterns: those of Rust and its libraries,
//! which are of other versions of Unicode than the regular expressions are.

const std = @import("std");
const characters = @import("kernels/punctuation.zig");

/// Numbers as Rust's standard library has them: Unicode 17.
pub const numbers = "[\\p{N}\u{11DE0}-\u{11DE9}\u{16FF4}-\u{16FF6}]";

/// Punctuation: that of ASCII, and what Unicode 8 has.
pub const punctuation = "[!-/:-@\\[-`{-~" ++ spelled(&characters.older) ++ "[\\p{P}&&[^" ++ newer ++ "]]]";

const newer = ranges: {
    @setEvalBranchQuota(10_000);
    var made: []const u8 = "";
    for (characters.newer) |range| {
        made = made ++ spelled(range[0..1]);
        if (range[1] != range[0]) made = made ++ "-" ++ spelled(range[1..2]);
    }
    break :ranges made;
};

fn spelled(comptime code_points: []const u21) []const u8 {
    comptime {
        var made: []const u8 = "";
        for (code_points) |code_point| made = made ++ std.unicode.utf8EncodeComptime(code_point);
        return made;
    }
}
