//! The interpreter's own functions, by address, and what was found out about its objects.
//!
//! The library is linked to no Python: the binding hands over the addresses of functions of the stable ABI (and of
//! one more, which all versions have).
//! Two things are read and written in place, because a call for each would cost several times as much: the
//! items of lists and the values of small ints. Neither is in the stable ABI. They are used only in versions
//! whose layout is known, and only after the interpreter's own functions have confirmed it at start-up;
//! anywhere else the functions serve. Reference counts are the stable ABI's own (`Py_INCREF` of the limited
//! API of 3.9 is an increment in the header).

const std = @import("std");

/// An object of the interpreter.
pub const Object = opaque {};

/// `Py_buffer`.
pub const Buffer = extern struct {
    buf: ?[*]u8,
    obj: ?*Object,
    len: isize,
    itemsize: isize,
    readonly: c_int,
    ndim: c_int,
    format: ?[*:0]const u8,
    shape: ?[*]isize,
    strides: ?[*]isize,
    suboffsets: ?[*]isize,
    internal: ?*anyopaque,

    pub const simple = 0;
    pub const writable = 0x1;
    /// C-contiguous, with its format.
    pub const contiguous_with_format = 0x4 | 0x8 | 0x10 | 0x20;

    pub fn bytes(buffer: *const Buffer) []u8 {
        const start = buffer.buf orelse return &.{};
        return start[0..@intCast(buffer.len)];
    }
};

/// `PyMethodDef`; the function has METH_FASTCALL | METH_KEYWORDS.
pub const MethodDef = extern struct {
    name: [*:0]const u8,
    function: *const Method,
    flags: c_int = 0x0080 | 0x0002,
    doc: [*:0]const u8,
};

/// The positional arguments, then the values of the keywords that `names` (a tuple) lists.
pub const Method = fn (
    self: *Object,
    arguments: [*]const *Object,
    positional_count: isize,
    names: ?*Object,
) callconv(.c) ?*Object;

/// `PyType_Slot` and `PyType_Spec`.
pub const TypeSlot = extern struct { slot: c_int, value: ?*const anyopaque };
pub const TypeSpec = extern struct {
    name: [*:0]const u8,
    basicsize: c_int,
    itemsize: c_int = 0,
    flags: c_uint,
    slots: [*]const TypeSlot,
};

/// What the binding hands over, in this order: facts, objects, functions.
pub const Interpreter = extern struct {
    /// `sys.hexversion`.
    version: usize,
    /// The size of an object's header, `object.__basicsize__`.
    header_size: usize,
    list_size: usize,
    int_size: usize,
    /// Whether objects are counted, or listed, for debugging.
    debugs_references: usize,
    none: *Object,
    str_type: *Object,
    bytes_type: *Object,
    list_type: *Object,
    tuple_type: *Object,
    int_type: *Object,
    PyBuffer_Release: *const fn (*Buffer) callconv(.c) void,
    PyByteArray_AsString: *const fn (*Object) callconv(.c) [*]u8,
    PyByteArray_FromStringAndSize: *const fn (?[*]const u8, isize) callconv(.c) ?*Object,
    PyBytes_AsString: *const fn (*Object) callconv(.c) [*]const u8,
    PyBytes_FromStringAndSize: *const fn ([*]const u8, isize) callconv(.c) ?*Object,
    PyBytes_Size: *const fn (*Object) callconv(.c) isize,
    PyDescr_NewMethod: *const fn (*Object, *MethodDef) callconv(.c) ?*Object,
    PyDict_New: *const fn () callconv(.c) ?*Object,
    PyDict_SetItem: *const fn (*Object, *Object, *Object) callconv(.c) c_int,
    PyErr_Clear: *const fn () callconv(.c) void,
    PyErr_NoMemory: *const fn () callconv(.c) ?*Object,
    PyErr_Occurred: *const fn () callconv(.c) ?*Object,
    PyEval_RestoreThread: *const fn (?*anyopaque) callconv(.c) void,
    PyEval_SaveThread: *const fn () callconv(.c) ?*anyopaque,
    PyList_GetItem: *const fn (*Object, isize) callconv(.c) ?*Object,
    PyList_New: *const fn (isize) callconv(.c) ?*Object,
    PyList_SetItem: *const fn (*Object, isize, *Object) callconv(.c) c_int,
    PyList_Size: *const fn (*Object) callconv(.c) isize,
    PyLong_AsLong: *const fn (*Object) callconv(.c) c_long,
    PyLong_FromSsize_t: *const fn (isize) callconv(.c) ?*Object,
    PyLong_FromUnsignedLong: *const fn (c_ulong) callconv(.c) ?*Object,
    PyObject_Call: *const fn (*Object, *Object, ?*Object) callconv(.c) ?*Object,
    PyObject_CheckBuffer: *const fn (*Object) callconv(.c) c_int,
    PyObject_GetAttr: *const fn (*Object, *Object) callconv(.c) ?*Object,
    PyObject_GetBuffer: *const fn (*Object, *Buffer, c_int) callconv(.c) c_int,
    PyObject_IsTrue: *const fn (*Object) callconv(.c) c_int,
    PySequence_List: *const fn (*Object) callconv(.c) ?*Object,
    PyTuple_GetItem: *const fn (*Object, isize) callconv(.c) ?*Object,
    PyTuple_New: *const fn (isize) callconv(.c) ?*Object,
    PyTuple_SetItem: *const fn (*Object, isize, *Object) callconv(.c) c_int,
    PyTuple_Size: *const fn (*Object) callconv(.c) isize,
    PyType_FromSpec: *const fn (*const TypeSpec) callconv(.c) ?*Object,
    PyType_GetFlags: *const fn (*Object) callconv(.c) c_ulong,
    PyType_GetSlot: *const fn (*Object, c_int) callconv(.c) ?*const anyopaque,
    PyUnicode_AsUTF8AndSize: *const fn (*Object, *isize) callconv(.c) ?[*:0]const u8,
    PyUnicode_DecodeUTF8: *const fn ([*]const u8, isize, [*:0]const u8) callconv(.c) ?*Object,
    /// Not in the stable ABI, but the same in every version.
    PyUnicode_FromKindAndData: *const fn (c_int, *const anyopaque, isize) callconv(.c) ?*Object,
    PyUnicode_InternFromString: *const fn ([*:0]const u8) callconv(.c) ?*Object,
    Py_DecRef: *const fn (*Object) callconv(.c) void,
    Py_IncRef: *const fn (*Object) callconv(.c) void,

    /// How many words that is.
    pub const len = @divExact(@sizeOf(Interpreter), @sizeOf(usize));
};

/// The interpreter of this process: the same addresses each time they are handed over.
pub var py: Interpreter = undefined;

/// What may be done in place.
pub const Layout = struct {
    /// `ob_item` of a list.
    list_items: bool = false,
    /// The digit of an int of one digit, recognized by this word before it; null: not known.
    one_digit: ?usize = null,
    /// How reference counts are counted up.
    counts: enum { by_function, word, half_word } = .by_function,
};

pub var layout: Layout = .{};

const items_offset = 24;
const size_offset = 16;
const digit_offset = 24;

/// Takes over the addresses and finds out what may be done in place.
pub fn attach(handed: *const Interpreter) void {
    py = handed.*;
    layout = .{};
    const minor = py.version >> 16 & 0xff;
    const known = py.version >> 24 == 3 and minor >= 9 and minor <= 14;
    if (!known or py.header_size != 16 or py.debugs_references != 0) return;
    layout.counts = if (countsAreInTheHeader()) (if (minor < 12) .word else .half_word) else return;
    layout.list_items = py.list_size >= items_offset + 8 and listsAreAsKnown();
    if (py.int_size >= digit_offset) layout.one_digit = wordOfOneDigit();
}

pub inline fn typeOf(object: *Object) *Object {
    return word(object, 8).*;
}

fn word(object: *Object, offset: usize) **Object {
    return @ptrFromInt(@intFromPtr(object) + offset);
}

fn number(object: *Object, offset: usize) *usize {
    return @ptrFromInt(@intFromPtr(object) + offset);
}

/// Whether the object is of the type with this flag, or of a type derived from it.
pub fn hasFlag(object: *Object, comptime flag: Flag) bool {
    return py.PyType_GetFlags(typeOf(object)) & (1 << @intFromEnum(flag)) != 0;
}

/// The bits of `Py_TPFLAGS_*_SUBCLASS`.
pub const Flag = enum(u6) { list = 25, tuple = 26, bytes = 27, str = 28 };

/// A new reference.
pub inline fn counted(object: *Object, comptime way: @FieldType(Layout, "counts")) *Object {
    switch (way) {
        .by_function => py.Py_IncRef(object),
        .word => number(object, 0).* += 1,
        .half_word => {
            // From 3.12 on the lower half counts, and its highest bit says that the object stays forever.
            const half: *u32 = @ptrFromInt(@intFromPtr(object));
            const count = half.*;
            if (count < 1 << 31) half.* = count + 1;
        },
    }
    return object;
}

/// The items of a list; only where `layout.list_items`.
pub inline fn itemsOf(list: *Object) [*]*Object {
    const items: *[*]*Object = @ptrFromInt(@intFromPtr(list) + items_offset);
    return items.*;
}

/// The value of an int of one digit that is not negative; null for any other object.
pub inline fn smallValue(object: *Object, one_digit: usize) ?u32 {
    if (typeOf(object) != py.int_type or number(object, size_offset).* != one_digit) return null;
    const digit: *const u32 = @ptrFromInt(@intFromPtr(object) + digit_offset);
    return digit.*;
}

fn countsAreInTheHeader() bool {
    const int = py.PyLong_FromUnsignedLong(987_654_321) orelse return unknown();
    defer py.Py_DecRef(int);
    const half: *const u32 = @ptrFromInt(@intFromPtr(int));
    const before = half.*;
    py.Py_IncRef(int);
    const between = half.*;
    py.Py_DecRef(int);
    return typeOf(int) == py.int_type and before == 1 and between == 2 and half.* == 1;
}

fn listsAreAsKnown() bool {
    for ([_]isize{ 1, 2, 5, 100 }) |len| {
        const list = py.PyList_New(len) orelse return unknown();
        defer py.Py_DecRef(list);
        if (typeOf(list) != py.list_type) return false;
        if (number(list, size_offset).* != @as(usize, @intCast(len))) return false;
        var i: isize = 0;
        while (i < len) : (i += 1) {
            const int = py.PyLong_FromUnsignedLong(@intCast(1_000_000 + i)) orelse return unknown();
            if (py.PyList_SetItem(list, i, int) != 0) return unknown();
        }
        const items = itemsOf(list);
        if (@intFromPtr(items) % @sizeOf(usize) != 0) return false;
        i = 0;
        while (i < len) : (i += 1) {
            const item = py.PyList_GetItem(list, i) orelse return unknown();
            if (items[@intCast(i)] != item) return false;
        }
    }
    return true;
}

/// The word before the digit of an int of one digit, if all of those have the same and no other int has.
fn wordOfOneDigit() ?usize {
    var found: ?usize = null;
    for ([_]u32{ 1, 2, 255, 256, 257, 50_256, 65_536, 100_255, 1 << 29, (1 << 30) - 1 }) |value| {
        const int = py.PyLong_FromUnsignedLong(value) orelse return unknownWord();
        defer py.Py_DecRef(int);
        const before = number(int, size_offset).*;
        if (found orelse before != before) return null;
        found = before;
        if (smallValue(int, before) != value) return null;
    }
    const of_one = found orelse return null;
    for ([_]isize{ 0, -1, -2, -70_000, 1 << 30, 1 << 31, 1 << 32, 1 << 60, std.math.maxInt(isize) }) |value| {
        const int = py.PyLong_FromSsize_t(value) orelse return unknownWord();
        defer py.Py_DecRef(int);
        if (number(int, size_offset).* == of_one) return null;
    }
    return of_one;
}

fn unknownWord() ?usize {
    _ = unknown();
    return null;
}

/// Nothing is known where memory ran out.
fn unknown() bool {
    py.PyErr_Clear();
    return false;
}
