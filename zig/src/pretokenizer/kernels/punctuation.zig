//! Punctuation as tokenizers' Punctuation has it: that of ASCII, and the general categories P of Unicode 8.
//!
//! Compiled once for each level of CPU features, as `window.zig` is; it imports nothing.

/// What is in the categories P of Unicode 16 and was not in those of Unicode 8: first and last of each range,
/// in order.
pub const newer = [_][2]u21{
    .{ 0x61D, 0x61D },     .{ 0x9FD, 0x9FD },     .{ 0xA76, 0xA76 },     .{ 0xC77, 0xC77 },
    .{ 0xC84, 0xC84 },     .{ 0x1B4E, 0x1B4F },   .{ 0x1B7D, 0x1B7F },   .{ 0x2E43, 0x2E4F },
    .{ 0x2E52, 0x2E5D },   .{ 0x10D6E, 0x10D6E }, .{ 0x10EAD, 0x10EAD }, .{ 0x10F55, 0x10F59 },
    .{ 0x10F86, 0x10F89 }, .{ 0x113D4, 0x113D5 }, .{ 0x113D7, 0x113D8 }, .{ 0x1144B, 0x1144F },
    .{ 0x1145A, 0x1145B }, .{ 0x1145D, 0x1145D }, .{ 0x11660, 0x1166C }, .{ 0x116B9, 0x116B9 },
    .{ 0x1183B, 0x1183B }, .{ 0x11944, 0x11946 }, .{ 0x119E2, 0x119E2 }, .{ 0x11A3F, 0x11A46 },
    .{ 0x11A9A, 0x11A9C }, .{ 0x11A9E, 0x11AA2 }, .{ 0x11B00, 0x11B09 }, .{ 0x11BE1, 0x11BE1 },
    .{ 0x11C41, 0x11C45 }, .{ 0x11C70, 0x11C71 }, .{ 0x11EF7, 0x11EF8 }, .{ 0x11F43, 0x11F4F },
    .{ 0x11FFF, 0x11FFF }, .{ 0x12FF1, 0x12FF2 }, .{ 0x16D6D, 0x16D6F }, .{ 0x16E97, 0x16E9A },
    .{ 0x16FE2, 0x16FE2 }, .{ 0x1E5FF, 0x1E5FF }, .{ 0x1E95E, 0x1E95F },
};

/// What was in those categories and is no longer.
pub const older = [_]u21{ 0x166D, 0x111C9 };

/// Whether a character beyond ASCII that `is_sign` says is in the categories P of Unicode 16 counts.
pub fn isPunctuation(code_point: u32, is_sign: bool) bool {
    if (!is_sign) return code_point == older[0] or code_point == older[1];
    for (newer) |range| {
        if (code_point < range[0]) return true;
        if (code_point <= range[1]) return false;
    }
    return true;
}
