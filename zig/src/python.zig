//! CPython's side of the boundary: a base class whose objects carry the core's state, and the methods of the
//! class that derives from it, all made at run time through the stable ABI (`python/interpreter.zig`).
//!
//! This is for the main interpreter of a process, with its GIL held; the only global state of the library is
//! here: what the interpreter handed over, the same for each call. Without it the portable way serves.

const std = @import("std");
const interpreter = @import("python/interpreter.zig");
const methods = @import("python/methods.zig");
const numbers = @import("python/numbers.zig");
const states = @import("python/state.zig");
const Tokenizer = @import("tokenizer.zig").Tokenizer;
const py = &interpreter.py;

pub const Object = interpreter.Object;
pub const Interpreter = interpreter.Interpreter;

/// Takes over what the interpreter hands over, once a process.
pub fn attach(handed: *const Interpreter) error{OutOfMemory}!void {
    interpreter.attach(handed);
    try methods.attach();
}

/// What `interpreter.layout` found, as bits: the items of lists, small ints, reference counts, characters of
/// strs in place.
pub fn layoutBits() i32 {
    const layout = interpreter.layout;
    return @as(i32, @intFromBool(layout.list_items)) |
        @as(i32, @intFromBool(layout.one_digit != null)) << 1 |
        @as(i32, @intFromBool(layout.counts != .by_function)) << 2 |
        @as(i32, @intFromBool(layout.strs != null)) << 3;
}

/// A new class whose objects have room for a state; null with an exception set.
pub fn makeBase() ?*Object {
    const flag_basetype = 1 << 10;
    const slot_dealloc = 52;
    const slots = [_]interpreter.TypeSlot{
        .{ .slot = slot_dealloc, .value = &deallocate },
        .{ .slot = 0, .value = null },
    };
    return py.PyType_FromSpec(&.{
        .name = "pyaot_tokenizer._bridge.Base",
        .basicsize = @intCast(py.header_size + @sizeOf(?*states.State)),
        .flags = flag_basetype,
        .slots = &slots,
    });
}

fn deallocate(object: *Object) callconv(.c) void {
    const slot_free = 74;
    if (states.of(object).*) |state| state.destroy();
    const class = interpreter.typeOf(object);
    const free: *const fn (*Object) callconv(.c) void =
        @ptrCast(py.PyType_GetSlot(class, slot_free).?);
    free(object);
    // An object of a class made at run time counts as a reference to it.
    py.Py_DecRef(class);
}

pub const define = methods.define;

pub const NumPy = numbers.NumPy;
pub const attachNumPy = numbers.attach;

/// Gives an object of the base class its state. `owner` keeps the tokenizer alive.
pub fn bind(
    gpa: std.mem.Allocator,
    object: *Object,
    tokenizer: *const Tokenizer,
    owner: *Object,
) error{OutOfMemory}!void {
    const slot = states.of(object);
    const state = try states.State.create(gpa, tokenizer, owner);
    // Another thread may be inside a call that uses the old state, so it goes when the object goes.
    state.replaced = slot.*;
    slot.* = state;
}

test {
    // Tested from Python, by tests/test_bridge.py.
    std.testing.refAllDecls(@This());
    std.testing.refAllDecls(@import("python/lists.zig"));
    std.testing.refAllDecls(@import("python/numbers.zig"));
    std.testing.refAllDecls(@import("python/texts.zig"));
}
