//! Texts as the interpreter has them: the UTF-8 of a str, or what a bytes-like object holds.

const std = @import("std");
const interpreter = @import("interpreter.zig");
const Object = interpreter.Object;
const Buffer = interpreter.Buffer;
const py = &interpreter.py;

/// The bytes of a text, valid until `release`.
pub const Text = struct {
    bytes: []const u8,
    buffer: ?Buffer = null,
    /// Whether they are the UTF-8 of a str, and so well-formed.
    is_str: bool = false,

    pub inline fn release(text: *Text) void {
        if (text.buffer) |*buffer| py.PyBuffer_Release(buffer);
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
    var len: isize = undefined;
    const bytes = py.PyUnicode_AsUTF8AndSize(object, &len) orelse return null;
    return .{ .bytes = bytes[0..@intCast(len)], .is_str = true };
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
