//! The interpreter's own functions, by address, and what was found out about its objects.
//!
//! The library is linked to no Python: the binding hands over the addresses of functions of the stable ABI (and of
//! one more, which all versions have).
//! Two things are read and written in place, because a call for each would cost several times as much: the
//! items of lists and the values of small ints; and the characters of long strs are read (`texts.zig` says why).
//! None of it is in the stable ABI. They are used only in versions
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
    /// Where a str has its characters; null: not known.
    strs: ?Strs = null,
    /// How reference counts are counted up.
    counts: enum { by_function, word, half_word } = .by_function,
};

/// Of a str that is compact, as all are but those of derived types, and not ASCII.
pub const Strs = struct {
    /// Where in its state the size of a character's unit stands, in 3 bits; behind it that it is compact, and ASCII.
    kind_shift: u5,
    /// Where its characters are.
    data_offset: usize,

    const length_offset = 16;
    const state_offset = 32;

    /// Where its UTF-8 is, once somebody asked for it.
    fn utf8Offset(strs: Strs) usize {
        // From 3.12 on, a field less stands in between.
        return strs.data_offset - @as(usize, if (strs.data_offset == 72) 16 else 8);
    }
};

/// The characters of a str: the units as they lie in memory.
pub const Units = union(enum) {
    bytes: []const u8,
    halves: []const u16,
    words: []const u32,
};

/// How many characters a str has. Only with `layout.strs`.
pub inline fn lengthOf(str: *Object) usize {
    return number(str, Strs.length_offset).*;
}

/// Those of a str that is not ASCII and whose UTF-8 nobody has asked for; null for any other. Only with `layout.strs`.
pub fn unitsOf(str: *Object, strs: Strs) ?Units {
    const state: *const u32 = @ptrFromInt(@intFromPtr(str) + Strs.state_offset);
    const bits = state.* >> strs.kind_shift;
    const is_compact = bits >> 3 & 1 == 1;
    const is_ascii = bits >> 4 & 1 == 1;
    if (!is_compact or is_ascii or number(str, strs.utf8Offset()).* != 0) return null;
    const len = number(str, Strs.length_offset).*;
    const data = @intFromPtr(str) + strs.data_offset;
    return switch (bits & 7) {
        1 => .{ .bytes = @as([*]const u8, @ptrFromInt(data))[0..len] },
        2 => .{ .halves = @as([*]const u16, @ptrFromInt(data))[0..len] },
        4 => .{ .words = @as([*]const u32, @ptrFromInt(data))[0..len] },
        else => null,
    };
}

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
    for ([_]u5{ 2, 8, 16 }) |kind_shift| {
        const strs: Strs = .{ .kind_shift = kind_shift, .data_offset = if (minor < 12) 72 else 56 };
        if (strsAreAsKnown(strs)) layout.strs = strs;
    }
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

fn strsAreAsKnown(strs: Strs) bool {
    // Those of one character are shared, and may have their UTF-8.
    for ([_]usize{ 2, 3, 7, 70 }) |len| {
        if (!isStrAsKnown(u8, "bytes", strs, len, 0xE9)) return false;
        if (!isStrAsKnown(u16, "halves", strs, len, 0x4E2D)) return false;
        if (!isStrAsKnown(u32, "words", strs, len, 0x1F600)) return false;
        // ASCII is none of these.
        if (isStrAsKnown(u8, "bytes", strs, len, 'a')) return false;
    }
    return true;
}

/// Whether a str of `len` characters, the last of which is `last`, is what `unitsOf` says, until it has its UTF-8.
fn isStrAsKnown(comptime Unit: type, comptime name: []const u8, strs: Strs, len: usize, last: Unit) bool {
    var wanted: [70]Unit = @splat('x');
    for (wanted[0..len], 0..) |*unit, i| unit.* = 'a' + @as(Unit, @intCast(i % 26));
    wanted[len - 1] = last;
    const str = py.PyUnicode_FromKindAndData(@sizeOf(Unit), &wanted, @intCast(len)) orelse return unknown();
    defer py.Py_DecRef(str);
    if (typeOf(str) != py.str_type) return false;
    const units = unitsOf(str, strs) orelse return false;
    if (units != @field(std.meta.Tag(Units), name)) return false;
    if (!std.mem.eql(Unit, @field(units, name), wanted[0..len])) return false;
    var utf8_len: isize = undefined;
    const utf8 = py.PyUnicode_AsUTF8AndSize(str, &utf8_len) orelse return unknown();
    return number(str, strs.utf8Offset()).* == @intFromPtr(utf8) and unitsOf(str, strs) == null;
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
