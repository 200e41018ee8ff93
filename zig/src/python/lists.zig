//! Lists of ints: made of ids, and read.

const std = @import("std");
const interpreter = @import("interpreter.zig");
const Object = interpreter.Object;
const State = @import("state.zig").State;
const py = &interpreter.py;

/// The ids as a new list; null with an exception set where memory runs out.
pub fn make(state: *State, ids: []const u32) ?*Object {
    return switch (interpreter.layout.counts) {
        inline else => |counts| if (interpreter.layout.list_items)
            fill(state, ids, counts, true)
        else
            fill(state, ids, counts, false),
    };
}

/// How many ids ahead of the present one the memory of an int is fetched.
const ahead = 8;

fn fill(
    state: *State,
    ids: []const u32,
    comptime counts: @FieldType(interpreter.Layout, "counts"),
    comptime in_place: bool,
) ?*Object {
    const list = py.PyList_New(@intCast(ids.len)) orelse return null;
    const ints = state.ints.ptr;
    if (ids.len == 0) return list;
    const items = if (in_place) interpreter.itemsOf(list);
    for (ids, 0..) |id, i| {
        if (i + ahead < ids.len) {
            // An int's count is written, and the ints of a vocabulary do not fit the second-level cache.
            if (ints[ids[i + ahead]]) |int| @prefetch(@as([*]u8, @ptrCast(int)), .{ .rw = .write });
        }
        const int = ints[id] orelse makeInt(state, id) orelse {
            py.Py_DecRef(list);
            return null;
        };
        const item = interpreter.counted(int, counts);
        if (in_place) items[i] = item else _ = py.PyList_SetItem(list, @intCast(i), item);
    }
    return list;
}

noinline fn makeInt(state: *State, id: u32) ?*Object {
    const int = py.PyLong_FromUnsignedLong(id) orelse return null;
    state.ints[id] = int;
    return int;
}

/// Numbers of any size as a new list; null with an exception set where memory runs out.
pub fn makeNumbers(state: *State, numbers: []const u32) ?*Object {
    const list = py.PyList_New(@intCast(numbers.len)) orelse return null;
    for (numbers, 0..) |each, i| {
        const item = number(state, each) orelse {
            py.Py_DecRef(list);
            return null;
        };
        _ = py.PyList_SetItem(list, @intCast(i), item);
    }
    return list;
}

/// Starts and ends by turns as a new list of tuples; null with an exception set where memory runs out.
pub fn makePairs(state: *State, bounds: []const u64) ?*Object {
    const list = py.PyList_New(@intCast(bounds.len / 2)) orelse return null;
    for (0..bounds.len / 2) |i| {
        const pair = makePair(state, bounds[2 * i], bounds[2 * i + 1]) orelse {
            py.Py_DecRef(list);
            return null;
        };
        _ = py.PyList_SetItem(list, @intCast(i), pair);
    }
    return list;
}

fn makePair(state: *State, start: u64, end: u64) ?*Object {
    const pair = py.PyTuple_New(2) orelse return null;
    for ([_]u64{ start, end }, 0..) |bound, i| {
        const item = number(state, bound) orelse {
            py.Py_DecRef(pair);
            return null;
        };
        _ = py.PyTuple_SetItem(pair, @intCast(i), item);
    }
    return pair;
}

/// A new reference to an int: the shared one of the id of this value, if there is such an id.
fn number(state: *State, of: u64) ?*Object {
    if (of >= state.ints.len) return py.PyLong_FromSsize_t(@intCast(of));
    const int = state.ints[@intCast(of)] orelse makeInt(state, @intCast(of)) orelse return null;
    return switch (interpreter.layout.counts) {
        inline else => |counts| interpreter.counted(int, counts),
    };
}

/// Puts item `i` of a list in place, whose reference it takes over.
pub fn set(list: *Object, i: usize, item: *Object) void {
    _ = py.PyList_SetItem(list, @intCast(i), item);
}

/// Reads a list of ints, as long as `ids`; false where an item is not an int of 32 bits, or is of a derived
/// type.
pub fn read(list: *Object, ids: []u32) bool {
    const one_digit = interpreter.layout.one_digit;
    if (one_digit == null or !interpreter.layout.list_items) return readByFunction(list, ids);
    // Reading an item runs no code of Python's, so the list cannot change meanwhile.
    const items = interpreter.itemsOf(list);
    for (ids, items[0..ids.len]) |*id, item| {
        id.* = interpreter.smallValue(item, one_digit.?) orelse value(item) orelse return false;
    }
    return true;
}

fn readByFunction(list: *Object, ids: []u32) bool {
    for (ids, 0..) |*id, i| {
        const item = py.PyList_GetItem(list, @intCast(i)) orelse return false;
        id.* = value(item) orelse return false;
    }
    return true;
}

noinline fn value(item: *Object) ?u32 {
    if (interpreter.typeOf(item) != py.int_type) return null;
    // An int that is too large gives -1, and an error that the caller clears.
    return std.math.cast(u32, py.PyLong_AsLong(item));
}
