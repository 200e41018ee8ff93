//! The native part of one Python `Tokenizer`: its idle contexts and its ints.
//!
//! Everything here happens with the GIL held, which is what makes a plain list of idle contexts safe. A call
//! takes a context of its own, so that threads, calls inside of calls and signal handlers do not meet. A
//! forked child loses the contexts that other threads were using, and no more.

const std = @import("std");
const Context = @import("../context.zig").Context;
const Tokenizer = @import("../tokenizer.zig").Tokenizer;
const interpreter = @import("interpreter.zig");
const Object = interpreter.Object;
const Allocator = std.mem.Allocator;

/// A context that served a larger call (in bytes of text, or in ids) is freed rather than kept.
const kept_call_len_max = 32 << 20;

pub const State = struct {
    gpa: Allocator,
    tokenizer: *const Tokenizer,
    /// Keeps the tokenizer alive.
    owner: *Object,
    /// The int object of each id, made when it is first needed: making one costs several times what
    /// sharing it does.
    ints: []?*Object,
    idle: ?*Call = null,
    /// The state of the same object from before it was loaded anew.
    replaced: ?*State = null,

    /// A context, while it serves a call.
    pub const Call = struct {
        context: Context,
        next: ?*Call,
    };

    pub fn create(gpa: Allocator, tokenizer: *const Tokenizer, owner: *Object) error{OutOfMemory}!*State {
        const state = try gpa.create(State);
        errdefer gpa.destroy(state);
        const ints = try gpa.alloc(?*Object, tokenizer.vocab.idLimit());
        @memset(ints, null);
        interpreter.py.Py_IncRef(owner);
        state.* = .{ .gpa = gpa, .tokenizer = tokenizer, .owner = owner, .ints = ints };
        return state;
    }

    /// Frees the state and those it replaced.
    pub fn destroy(state: *State) void {
        var next: ?*State = state;
        while (next) |one| {
            next = one.replaced;
            one.destroyOne();
        }
    }

    fn destroyOne(state: *State) void {
        while (state.idle) |call| {
            state.idle = call.next;
            state.free(call);
        }
        for (state.ints) |slot| {
            if (slot) |int| interpreter.py.Py_DecRef(int);
        }
        const gpa = state.gpa;
        const owner = state.owner;
        gpa.free(state.ints);
        gpa.destroy(state);
        interpreter.py.Py_DecRef(owner);
    }

    pub inline fn take(state: *State) error{OutOfMemory}!*Call {
        const call = state.idle orelse return state.make();
        state.idle = call.next;
        return call;
    }

    /// `call_len` is what the call was about, in bytes or in ids.
    pub inline fn giveBack(state: *State, call: *Call, call_len: usize) void {
        if (call_len > kept_call_len_max) return state.free(call);
        call.next = state.idle;
        state.idle = call;
    }

    noinline fn make(state: *State) error{OutOfMemory}!*Call {
        const call = try state.gpa.create(Call);
        errdefer state.gpa.destroy(call);
        call.* = .{ .context = try .init(state.gpa, state.tokenizer), .next = null };
        return call;
    }

    noinline fn free(state: *State, call: *Call) void {
        call.context.deinit();
        state.gpa.destroy(call);
    }
};

/// Where an object of the base type has its state; empty until it is loaded.
pub inline fn of(object: *Object) *?*State {
    return @ptrFromInt(@intFromPtr(object) + interpreter.py.header_size);
}
