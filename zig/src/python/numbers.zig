//! Arrays of ids: read from and written to what exports a buffer.

const std = @import("std");
const builtin = @import("builtin");
const interpreter = @import("interpreter.zig");
const lists = @import("lists.zig");
const Context = @import("../context.zig").Context;
const State = @import("state.zig").State;
const Object = interpreter.Object;
const Buffer = interpreter.Buffer;
const py = &interpreter.py;

/// The bytes of the ids as a new bytearray; null with an exception set where memory runs out.
pub fn makeBytes(state: *State, ids: []const u32) ?*Object {
    _ = state;
    const bytes = std.mem.sliceAsBytes(ids);
    return py.PyByteArray_FromStringAndSize(bytes.ptr, @intCast(bytes.len));
}

/// NumPy's own functions, by address: of its C API, whose numbering never changes.
pub const NumPy = extern struct {
    /// `PyArray_Type`.
    array_type: *Object,
    PyArray_New: *const fn (
        class: *Object,
        ndim: c_int,
        shape: [*]const isize,
        type_number: c_int,
        strides: ?[*]const isize,
        data: ?*anyopaque,
        itemsize: c_int,
        flags: c_int,
        object: ?*Object,
    ) callconv(.c) ?*Object,
    /// The number of the type uint32.
    type_number: usize,

    pub const len = @divExact(@sizeOf(NumPy), @sizeOf(usize));

    /// `data` of an array; where it lies is part of NumPy's ABI.
    const data_offset = 16;

    inline fn make(numpy: *const NumPy, id_count: usize) ?*Object {
        const shape = [_]isize{@intCast(id_count)};
        const number: c_int = @intCast(numpy.type_number);
        return numpy.PyArray_New(numpy.array_type, 1, &shape, number, null, null, 0, 0, null);
    }

    inline fn idsOf(array: *Object) [*]u32 {
        const data: *[*]u32 = @ptrFromInt(@intFromPtr(array) + data_offset);
        return data.*;
    }

    /// Whether arrays are as they are known, as the buffers that they export tell.
    fn isAsKnown(numpy: *const NumPy) bool {
        if (py.header_size != data_offset) return false;
        for ([_]usize{ 0, 1, 7, 5000 }) |id_count| {
            const array = numpy.make(id_count) orelse return false;
            defer py.Py_DecRef(array);
            var target = Target.of(array) orelse return false;
            defer target.release();
            if (target.kind != .u32 or target.buffer.bytes().len != id_count * 4) return false;
            if (id_count > 0 and target.buffer.buf != @as([*]u8, @ptrCast(idsOf(array)))) return false;
        }
        return true;
    }
};

/// Null until NumPy's functions have been handed over.
var attached: ?NumPy = null;

/// Takes over NumPy's functions, if its arrays are as they are known.
pub fn attach(handed: *const NumPy) bool {
    if (handed.isAsKnown()) attached = handed.*;
    py.PyErr_Clear();
    return attached != null;
}

pub fn isAttached() bool {
    return attached != null;
}

/// The ids as a new array of uint32; null with an exception set where memory runs out.
pub fn makeArray(state: *State, ids: []const u32) ?*Object {
    _ = state;
    const array = attached.?.make(ids.len) orelse return null;
    @memcpy(NumPy.idsOf(array)[0..ids.len], ids);
    return array;
}

/// The ids that a list or an array has, in memory of the context; null for all else.
///
/// They are copied: what lies in an array may change while it is read, and decoding looks at an id twice.
pub fn read(context: *Context, object: *Object) ?[]const u32 {
    if (interpreter.typeOf(object) == py.list_type) {
        const ids = context.idSpace(@intCast(py.PyList_Size(object))) catch return null;
        return if (lists.read(object, ids)) ids else null;
    }
    if (py.PyObject_CheckBuffer(object) == 0) return null;
    var buffer: Buffer = undefined;
    if (py.PyObject_GetBuffer(object, &buffer, Buffer.contiguous_with_format) != 0) return null;
    defer py.PyBuffer_Release(&buffer);
    const kind = Kind.of(&buffer) orelse return null;
    const len = @divExact(buffer.bytes().len, @as(usize, @intCast(buffer.itemsize)));
    const ids = context.idSpace(len) catch return null;
    switch (kind) {
        inline else => |known| return if (convert(known.Item(), buffer.bytes(), ids)) ids else null,
    }
}

/// False where a number is no id.
fn convert(comptime Item: type, bytes: []const u8, ids: []u32) bool {
    const items: []align(1) const Item = std.mem.bytesAsSlice(Item, bytes);
    if (Item == u32) {
        @memcpy(ids, items);
        return true;
    }
    for (items, ids) |item, *id| id.* = std.math.cast(u32, item) orelse return false;
    return true;
}

/// What an array's items are.
const Kind = enum {
    u8,
    u16,
    u32,
    u64,
    i8,
    i16,
    i32,
    i64,

    fn Item(comptime kind: Kind) type {
        return switch (kind) {
            .u8 => u8,
            .u16 => u16,
            .u32 => u32,
            .u64 => u64,
            .i8 => i8,
            .i16 => i16,
            .i32 => i32,
            .i64 => i64,
        };
    }

    /// Null where there is more than one dimension, and for items that are no integers in this machine's
    /// order of bytes.
    fn of(buffer: *const Buffer) ?Kind {
        if (buffer.ndim != 1) return null;
        var format = std.mem.span(buffer.format orelse "B");
        const native: u8 = if (builtin.cpu.arch.endian() == .little) '<' else '>';
        if (format.len == 2 and (format[0] == '@' or format[0] == '=' or format[0] == native)) {
            format = format[1..];
        }
        if (format.len != 1) return null;
        const unsigned = switch (format[0]) {
            'B', 'H', 'I', 'L', 'Q', 'N' => true,
            'b', 'h', 'i', 'l', 'q', 'n' => false,
            else => return null,
        };
        return switch (buffer.itemsize) {
            1 => if (unsigned) .u8 else .i8,
            2 => if (unsigned) .u16 else .i16,
            4 => if (unsigned) .u32 else .i32,
            8 => if (unsigned) .u64 else .i64,
            else => null,
        };
    }
};

/// A writable array of uint32 or uint16.
pub const Target = struct {
    buffer: Buffer,
    kind: Kind,

    pub fn of(object: *Object) ?Target {
        if (py.PyObject_CheckBuffer(object) == 0) return null;
        var buffer: Buffer = undefined;
        const wanted = Buffer.contiguous_with_format | Buffer.writable;
        if (py.PyObject_GetBuffer(object, &buffer, wanted) != 0) return null;
        const kind = Kind.of(&buffer);
        if (kind == .u16 or kind == .u32) return .{ .buffer = buffer, .kind = kind.? };
        py.PyBuffer_Release(&buffer);
        return null;
    }

    pub fn release(target: *Target) void {
        py.PyBuffer_Release(&target.buffer);
    }

    /// Writes the ids to the front; false where they do not fit, and then nothing is written.
    pub fn write(target: *Target, ids: []const u32) bool {
        const bytes = target.buffer.bytes();
        if (target.kind == .u32) {
            const source = std.mem.sliceAsBytes(ids);
            if (source.len > bytes.len) return false;
            @memcpy(bytes[0..source.len], source);
            return true;
        }
        const items: []align(1) u16 = std.mem.bytesAsSlice(u16, bytes);
        if (ids.len > items.len) return false;
        var all: u32 = 0;
        for (ids) |id| all |= id;
        if (all > std.math.maxInt(u16)) return false;
        for (ids, items[0..ids.len]) |id, *item| item.* = @truncate(id);
        return true;
    }
};
