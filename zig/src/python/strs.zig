//! A str of UTF-8.

const std = @import("std");
const interpreter = @import("interpreter.zig");
const levels = @import("../pretokenizer/levels.zig");
const Context = @import("../context.zig").Context;
const Object = interpreter.Object;
const py = &interpreter.py;

/// Longer text is left to the interpreter: the units need up to four times its memory for a moment.
const widened_len_max = 4 << 20;

/// The bytes of the context's last decode call as a str; null with an exception set. `handler` names the error
/// handler for what is not UTF-8.
///
/// Measured: the interpreter's own decoder takes 0.9 ns a byte of Chinese, a third to a half of all decoding, these units
/// and the str made of them half of that. It is as fast where text is ASCII.
pub fn make(context: *Context, handler: [*:0]const u8) ?*Object {
    const text = context.bytes.items;
    if (text.len <= widened_len_max) {
        const highest = highestOf(text);
        const found = if (highest < 0x80)
            null
        else if (highest < 0xF0)
            ofUnits(u16, context, text)
        else
            ofUnits(u32, context, text);
        if (found) |str| return str;
    }
    return py.PyUnicode_DecodeUTF8(text.ptr, @intCast(text.len), handler);
}

/// Null, without an exception, where it is not well-formed or memory runs out.
fn ofUnits(comptime Unit: type, context: *Context, text: []const u8) ?*Object {
    const room = context.unitSpace(Unit, text.len + levels.units_slack) catch return null;
    const len = levels.fillUnits(context.encoder.level, Unit, text, room.ptr) orelse return null;
    const str = py.PyUnicode_FromKindAndData(@sizeOf(Unit), room.ptr, @intCast(len));
    if (str == null) py.PyErr_Clear();
    return str;
}

fn highestOf(text: []const u8) u8 {
    const Block = @Vector(64, u8);
    var highest: Block = @splat(0);
    var at: usize = 0;
    while (text.len - at >= 64) : (at += 64) highest = @max(highest, @as(Block, text[at..][0..64].*));
    var found = @reduce(.Max, highest);
    for (text[at..]) |byte| found = @max(found, byte);
    return found;
}
