//! Texts as the interpreter has them: the UTF-8 of a str, or what a bytes-like object holds.

const std = @import("std");
const huge_pages = @import("../huge_pages.zig");
const interpreter = @import("interpreter.zig");
const levels = @import("../pretokenizer/levels.zig");
const Object = interpreter.Object;
const Buffer = interpreter.Buffer;
const py = &interpreter.py;

/// The interpreter keeps the UTF-8 of a str that is not ASCII in the str itself once it has been asked for it. That
/// takes memory for as long as there is the str, in pages that are new: of a text that is encoded once, a fifth to a quarter
/// of all time. From this many characters on, it is written here instead, into memory that is used again, which takes 0.1 to
/// 0.5 ns a byte; and the interpreter is only asked when the str comes a second time.
const written_len_min = 64 << 10;
/// More memory is given back after each call.
const kept_len_max = 32 << 20;
/// What the last long text left behind; taken and given back with the GIL held.
var spare: []align(std.heap.page_size_min) u8 = &.{};
/// The strs that were written last, by address and length. Another of the same is no harm.
var seen: [64]usize = @splat(0);

/// The bytes of a text, valid until `release`.
pub const Text = struct {
    bytes: []const u8,
    buffer: ?Buffer = null,
    /// Where they were written to.
    memory: []align(std.heap.page_size_min) u8 = &.{},
    /// Whether they are the UTF-8 of a str, and so well-formed.
    is_str: bool = false,

    pub inline fn release(text: *Text) void {
        if (text.buffer) |*buffer| py.PyBuffer_Release(buffer);
        if (text.memory.len > 0) text.giveBack();
    }

    noinline fn giveBack(text: *Text) void {
        if (text.memory.len > kept_len_max or text.memory.len < spare.len) {
            huge_pages.unmap(text.memory);
            return;
        }
        huge_pages.unmap(spare);
        spare = text.memory;
    }
};

/// The text of a str, of bytes, or of a read-only C-contiguous object with items of one byte; null for all
/// else, also for a str with surrogates. What others might change while it is read is not taken: the
/// portable way copies it.
pub inline fn of(object: *Object) ?Text {
    if (interpreter.typeOf(object) == py.str_type) return ofStr(object);
    return ofOther(object);
}

inline fn ofStr(object: *Object) ?Text {
    if (interpreter.layout.strs) |strs| {
        if (interpreter.lengthOf(object) >= written_len_min) {
            if (written(object, strs)) |text| return text;
        }
    }
    var len: isize = undefined;
    const bytes = py.PyUnicode_AsUTF8AndSize(object, &len) orelse return null;
    return .{ .bytes = bytes[0..@intCast(len)], .is_str = true };
}

/// Null where the interpreter has it already, or has to say why it has none, or memory runs out.
noinline fn written(object: *Object, strs: interpreter.Strs) ?Text {
    const units_of = interpreter.unitsOf(object, strs) orelse return null;
    const address = @intFromPtr(object);
    const mark = address ^ interpreter.lengthOf(object) *% 0x9E3779B97F4A7C15;
    const last = &seen[address / 64 % seen.len];
    if (last.* == mark) return null;
    last.* = mark;
    return switch (units_of) {
        .bytes => |units| writtenOf(u8, units),
        .halves => |units| writtenOf(u16, units),
        .words => |units| writtenOf(u32, units),
    };
}

fn writtenOf(comptime Unit: type, units: []const Unit) ?Text {
    const room = levels.utf8Room(Unit, units.len);
    var text: Text = .{ .bytes = "", .memory = spare, .is_str = true };
    if (spare.len < room) {
        text.memory = huge_pages.map(u8, std.mem.alignForward(usize, room, huge_pages.len)) catch return null;
    } else {
        spare = &.{};
    }
    const len = levels.writeUtf8(.best(), Unit, units, text.memory.ptr) orelse {
        text.release();
        return null;
    };
    text.bytes = text.memory[0..len];
    return text;
}

noinline fn ofOther(object: *Object) ?Text {
    if (interpreter.hasFlag(object, .str)) return ofStr(object);
    if (interpreter.hasFlag(object, .bytes)) {
        const len = py.PyBytes_Size(object);
        return .{ .bytes = py.PyBytes_AsString(object)[0..@intCast(len)] };
    }
    if (py.PyObject_CheckBuffer(object) == 0) return null;
    var buffer: Buffer = undefined;
    if (py.PyObject_GetBuffer(object, &buffer, Buffer.simple) != 0) return null;
    if (buffer.readonly == 0 or buffer.itemsize != 1) {
        py.PyBuffer_Release(&buffer);
        return null;
    }
    return .{ .bytes = buffer.bytes(), .buffer = buffer };
}

/// The texts of a sequence, for as long as the calling code keeps it from changing; null where one of them
/// is no str and no bytes.
pub fn ofList(gpa: std.mem.Allocator, list: *Object) error{OutOfMemory}!?[]const []const u8 {
    const texts = try gpa.alloc([]const u8, @intCast(py.PyList_Size(list)));
    errdefer gpa.free(texts);
    for (texts, 0..) |*text, i| {
        const object = py.PyList_GetItem(list, @intCast(i)) orelse break;
        const found = if (interpreter.typeOf(object) == py.str_type or
            interpreter.hasFlag(object, .str) or
            interpreter.hasFlag(object, .bytes)) of(object) else null;
        text.* = (found orelse break).bytes;
    } else return texts;
    gpa.free(texts);
    return null;
}
