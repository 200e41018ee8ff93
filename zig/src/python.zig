//! Lists of ints and strs made by the core itself, through CPython's stable ABI.
//!
//! The library is linked to no Python: the binding hands over the addresses of the functions it needs, which
//! the running interpreter has. Everything here is called with the GIL held (`ctypes.PyDLL`) and gives it
//! back only while a long text is encoded. Nothing here makes an error of its own: what the fast way does
//! not cover becomes `None`, and the binding goes the portable way, which knows every error.

const std = @import("std");
const Context = @import("context.zig").Context;
const SpecialMode = @import("added_tokens.zig").SpecialMode;

/// An object of the interpreter. Every one that is passed out is a new reference.
pub const PyObject = opaque {};

/// Texts (in bytes) and id sequences up to this length keep the GIL: giving it up and taking it again costs
/// more than others could win meanwhile.
const kept_gil_len = 4096;

/// What the binding hands over, in this order, as addresses.
pub const Interpreter = extern struct {
    none: *PyObject,
    true_: *PyObject,
    false_: *PyObject,
    PyUnicode_AsUTF8AndSize: *const fn (*PyObject, *isize) callconv(.c) ?[*]const u8,
    PyUnicode_DecodeUTF8: *const fn ([*]const u8, isize, [*:0]const u8) callconv(.c) ?*PyObject,
    PyBytes_AsStringAndSize: *const fn (*PyObject, *[*]const u8, *isize) callconv(.c) c_int,
    PyList_New: *const fn (isize) callconv(.c) ?*PyObject,
    PyList_Size: *const fn (*PyObject) callconv(.c) isize,
    PyList_GetItem: *const fn (*PyObject, isize) callconv(.c) ?*PyObject,
    PyList_SetItem: *const fn (*PyObject, isize, *PyObject) callconv(.c) c_int,
    PyLong_FromUnsignedLong: *const fn (c_ulong) callconv(.c) ?*PyObject,
    PyLong_AsLong: *const fn (*PyObject) callconv(.c) c_long,
    PyErr_Clear: *const fn () callconv(.c) void,
    PyErr_Occurred: *const fn () callconv(.c) ?*PyObject,
    Py_IncRef: *const fn (*PyObject) callconv(.c) void,
    Py_DecRef: *const fn (*PyObject) callconv(.c) void,
    PyEval_SaveThread: *const fn () callconv(.c) ?*anyopaque,
    PyEval_RestoreThread: *const fn (?*anyopaque) callconv(.c) void,

    /// How many addresses that is.
    pub const len = @divExact(@sizeOf(Interpreter), @sizeOf(usize));

    fn notCovered(py: *const Interpreter) *PyObject {
        if (py.PyErr_Occurred() != null) py.PyErr_Clear();
        py.Py_IncRef(py.none);
        return py.none;
    }
};

/// One interpreter's side of a context.
pub const Bridge = struct {
    py: Interpreter,
    /// The int object of each id, made when it is first needed; the binding owns the memory and releases
    /// the references. Making an int costs several times what sharing one does.
    ints: []?*PyObject,

    /// The ids of a str or of bytes as a list; null with an exception set where memory runs out.
    pub fn encode(bridge: *const Bridge, context: *Context, text: *PyObject, mode: SpecialMode) ?*PyObject {
        const py = &bridge.py;
        const bytes = bridge.bytesOf(text) orelse return py.notCovered();
        const state = if (bytes.len > kept_gil_len) py.PyEval_SaveThread() else null;
        const result = context.encode(bytes, mode);
        if (bytes.len > kept_gil_len) py.PyEval_RestoreThread(state);
        _ = result catch return py.notCovered();
        return bridge.list(context.ids);
    }

    /// The ids of each text of the last batch, as a list of lists.
    pub fn rows(bridge: *const Bridge, context: *const Context) ?*PyObject {
        const py = &bridge.py;
        const ends = context.ends.items;
        const result = py.PyList_New(@intCast(ends.len)) orelse return null;
        var start: usize = 0;
        for (ends, 0..) |end, i| {
            const row = bridge.list(context.ids[start..@intCast(end)]) orelse {
                py.Py_DecRef(result);
                return null;
            };
            _ = py.PyList_SetItem(result, @intCast(i), row);
            start = @intCast(end);
        }
        return result;
    }

    /// The text of a list of ids, ill-formed UTF-8 replaced as `bytes.decode` does.
    pub fn decode(
        bridge: *const Bridge,
        context: *Context,
        ids: *PyObject,
        skip_special: bool,
    ) ?*PyObject {
        const py = &bridge.py;
        const len = py.PyList_Size(ids);
        if (len < 0) return py.notCovered();
        const numbers = context.idSpace(@intCast(len)) catch return py.notCovered();
        for (numbers, 0..) |*number, i| {
            const item = py.PyList_GetItem(ids, @intCast(i)) orelse return py.notCovered();
            if (item == py.true_ or item == py.false_) return py.notCovered();
            // Other types than int, and ints that are too large, give -1.
            number.* = std.math.cast(u32, py.PyLong_AsLong(item)) orelse return py.notCovered();
        }
        _ = context.decode(numbers, skip_special) catch return py.notCovered();
        const bytes = context.bytes.items;
        return py.PyUnicode_DecodeUTF8(bytes.ptr, @intCast(bytes.len), "replace");
    }

    fn bytesOf(bridge: *const Bridge, text: *PyObject) ?[]const u8 {
        const py = &bridge.py;
        var len: isize = undefined;
        if (py.PyUnicode_AsUTF8AndSize(text, &len)) |bytes| return bytes[0..@intCast(len)];
        py.PyErr_Clear();
        var bytes: [*]const u8 = undefined;
        if (py.PyBytes_AsStringAndSize(text, &bytes, &len) < 0) return null;
        return bytes[0..@intCast(len)];
    }

    fn list(bridge: *const Bridge, ids: []const u32) ?*PyObject {
        const py = &bridge.py;
        const result = py.PyList_New(@intCast(ids.len)) orelse return null;
        for (ids, 0..) |id, i| {
            const int = bridge.ints[id] orelse made: {
                const int = py.PyLong_FromUnsignedLong(id) orelse {
                    py.Py_DecRef(result);
                    return null;
                };
                bridge.ints[id] = int;
                break :made int;
            };
            py.Py_IncRef(int);
            _ = py.PyList_SetItem(result, @intCast(i), int);
        }
        return result;
    }
};

/// Gives up the references of a table of ints.
pub fn release(py: *const Interpreter, ints: []?*PyObject) void {
    for (ints) |*slot| {
        const int = slot.* orelse continue;
        slot.* = null;
        py.Py_DecRef(int);
    }
}

test {
    // Tested from Python, by tests/test_bridge.py.
    std.testing.refAllDecls(@This());
}
