//! The methods of a Python `Tokenizer` as builtin ones: no Python frame and no conversion between a call and
//! the core.
//!
//! A method here handles the ordinary case. Whatever else there is (other types, errors) it leaves to the
//! method of the same name written in Python, which it calls with the same arguments and which knows every
//! error. Nothing here makes an error of its own but exhausted memory.

const std = @import("std");
const interpreter = @import("interpreter.zig");
const lists = @import("lists.zig");
const numbers = @import("numbers.zig");
const offsets = @import("../offsets.zig");
const states = @import("state.zig");
const strs = @import("strs.zig");
const texts = @import("texts.zig");
const Context = @import("../context.zig").Context;
const SpecialMode = @import("../added_tokens.zig").SpecialMode;
const Object = interpreter.Object;
const State = states.State;
const py = &interpreter.py;

/// Texts (in bytes) and id sequences up to this length keep the GIL: giving it up and taking it again costs
/// more than others could win meanwhile.
const kept_gil_len = 4096;

/// What the portable way takes for a number of threads.
const threads_max = 4096;

/// `NotCovered`: the method in Python is to be called. `Raised`: an exception is set.
const Error = error{ NotCovered, Raised };

const Implementation = fn (self: *Object, arguments: Arguments) Error!*Object;

/// By their names in Python; behind a dot for those of another class than `Tokenizer`.
const methods = .{
    .encode = encode,
    .encode_ordinary = encodeOrdinary,
    .encode_into = encodeInto,
    .count = count,
    .decode = decode,
    .encode_batch = encodeBatch,
    .decode_batch = decodeBatch,
    .encode_to_numpy = encodeToNumpy,
    ._encode_array = encodeArray,
    ._encode_batch_arrays = encodeBatchArrays,
    ._encode_spans = encodeSpans,
    ._offset_pairs = offsetPairs,
    ._word_indices = wordIndices,
    .@"tiktoken.encode" = tiktokenEncode,
    .@"tiktoken.encode_ordinary" = tiktokenEncodeOrdinary,
    .@"tiktoken.decode" = tiktokenDecode,
    .@"tiktoken.decode_bytes" = tiktokenDecodeBytes,
};

const Name = std.meta.FieldEnum(@TypeOf(methods));

/// What is compared by identity: names of arguments and common values are interned.
const Word = enum {
    special_tokens,
    num_threads,
    errors,
    skip_special_tokens,
    allowed_special,
    disallowed_special,
    unit,
    char,
    byte,
    parse,
    text,
    refuse,
    all,
};

var words: std.EnumArray(Word, *Object) = undefined;

/// The names of the methods written in Python.
var portable_names: std.EnumArray(Name, *Object) = undefined;

/// What the names of the methods written in Python begin with.
pub const portable_prefix = "_portable_";

/// Makes the strs that calls compare with. They are kept for good.
pub fn attach() error{OutOfMemory}!void {
    inline for (@typeInfo(Word).@"enum".fields) |field| {
        words.set(@field(Word, field.name), try intern(field.name));
    }
    inline for (@typeInfo(Name).@"enum".fields) |field| {
        const name = portable_prefix ++ comptime methodName(field.name);
        portable_names.set(@field(Name, field.name), try intern(name));
    }
}

/// The name behind the dot.
fn methodName(comptime name: [:0]const u8) [:0]const u8 {
    const dot = std.mem.findScalar(u8, name, '.') orelse return name;
    return name[dot + 1 ..];
}

fn intern(comptime text: [:0]const u8) error{OutOfMemory}!*Object {
    return py.PyUnicode_InternFromString(text) orelse {
        py.PyErr_Clear();
        return error.OutOfMemory;
    };
}

/// The method called `name` as an object for the class; null where there is none. `gpa`'s memory is kept for
/// good: the interpreter goes on pointing at it.
pub fn define(
    gpa: std.mem.Allocator,
    class: *Object,
    name: []const u8,
    doc: []const u8,
) error{OutOfMemory}!?*Object {
    inline for (@typeInfo(Name).@"enum".fields) |field| {
        if (std.mem.eql(u8, field.name, name)) {
            const definition = try gpa.create(interpreter.MethodDef);
            errdefer gpa.destroy(definition);
            definition.* = .{
                .name = methodName(field.name),
                .function = &wrapped(@field(Name, field.name)),
                .doc = try gpa.dupeZ(u8, doc),
            };
            return py.PyDescr_NewMethod(class, definition);
        }
    }
    return null;
}

fn wrapped(comptime name: Name) interpreter.Method {
    return struct {
        fn call(
            self: *Object,
            values: [*]const *Object,
            positional_count: isize,
            names: ?*Object,
        ) callconv(.c) ?*Object {
            const arguments: Arguments = .{
                .values = values,
                .positional_count = @intCast(positional_count),
                .names = names,
            };
            const implementation: Implementation = @field(methods, @tagName(name));
            return implementation(self, arguments) catch |err| switch (err) {
                error.Raised => null,
                error.NotCovered => arguments.passOn(self, portable_names.get(name)),
            };
        }
    }.call;
}

const Arguments = struct {
    values: [*]const *Object,
    positional_count: usize,
    /// The tuple of the names of the values behind the positional ones.
    names: ?*Object,

    /// The values of `keywords`, null for those not given, of a call with this many other arguments.
    inline fn parse(
        arguments: Arguments,
        comptime positional_count: usize,
        comptime keywords: []const Word,
    ) Error![keywords.len]?*Object {
        if (arguments.positional_count != positional_count) return error.NotCovered;
        var found: [keywords.len]?*Object = @splat(null);
        const names = arguments.names orelse return found;
        const len: usize = @intCast(py.PyTuple_Size(names));
        for (0..len) |i| {
            const name = py.PyTuple_GetItem(names, @intCast(i)) orelse return error.NotCovered;
            inline for (keywords, &found) |keyword, *slot| {
                if (name == words.get(keyword)) {
                    slot.* = arguments.values[positional_count + i];
                    break;
                }
            } else return error.NotCovered;
        }
        return found;
    }

    /// Calls the method called `name` with these arguments.
    noinline fn passOn(arguments: Arguments, self: *Object, name: *Object) ?*Object {
        if (py.PyErr_Occurred() != null) py.PyErr_Clear();
        const method = py.PyObject_GetAttr(self, name) orelse return null;
        defer py.Py_DecRef(method);
        const tuple = py.PyTuple_New(@intCast(arguments.positional_count)) orelse return null;
        defer py.Py_DecRef(tuple);
        for (arguments.values[0..arguments.positional_count], 0..) |value, i| {
            py.Py_IncRef(value);
            _ = py.PyTuple_SetItem(tuple, @intCast(i), value);
        }
        const names = arguments.names orelse return py.PyObject_Call(method, tuple, null);
        const dict = py.PyDict_New() orelse return null;
        defer py.Py_DecRef(dict);
        for (0..@intCast(py.PyTuple_Size(names))) |i| {
            const key = py.PyTuple_GetItem(names, @intCast(i)) orelse return null;
            const value = arguments.values[arguments.positional_count + i];
            if (py.PyDict_SetItem(dict, key, value) != 0) return null;
        }
        return py.PyObject_Call(method, tuple, dict);
    }
};

fn encode(self: *Object, arguments: Arguments) Error!*Object {
    return encodeOn(self, arguments, lists.make);
}

fn encodeOrdinary(self: *Object, arguments: Arguments) Error!*Object {
    _ = try arguments.parse(1, &.{});
    return encodeAs(self, arguments.values[0], .text, 1, lists.make);
}

/// NumPy's functions are handed over by the first call, which is therefore not covered.
fn encodeToNumpy(self: *Object, arguments: Arguments) Error!*Object {
    if (!numbers.isAttached()) return error.NotCovered;
    return encodeOn(self, arguments, numbers.makeArray);
}

/// The ids as a bytearray.
fn encodeArray(self: *Object, arguments: Arguments) Error!*Object {
    return encodeOn(self, arguments, numbers.makeBytes);
}

inline fn encodeOn(
    self: *Object,
    arguments: Arguments,
    comptime make: fn (*State, []const u32) ?*Object,
) Error!*Object {
    const keywords = try arguments.parse(1, &.{ .special_tokens, .num_threads });
    const mode = try modeOf(keywords[0]);
    const threads = if (keywords[1]) |given| try threadsOf(given) else 1;
    return encodeAs(self, arguments.values[0], mode, threads, make);
}

inline fn encodeAs(
    self: *Object,
    object: *Object,
    mode: SpecialMode,
    threads: usize,
    comptime make: fn (*State, []const u32) ?*Object,
) Error!*Object {
    const state = states.of(self).* orelse return error.NotCovered;
    var text = texts.of(object) orelse return error.NotCovered;
    defer text.release();
    const call = state.take() catch return error.NotCovered;
    defer state.giveBack(call, text.bytes.len);
    const thread = release(text.bytes.len);
    const outcome = if (threads == 1 or thread == null)
        call.context.encode(text.bytes, mode)
    else
        call.context.encodeLong(text.bytes, mode, threads, .{});
    restore(thread);
    _ = outcome catch return error.NotCovered;
    return make(state, call.context.ids) orelse error.Raised;
}

/// As tiktoken has it: of a str alone, and special tokens are refused unless they are allowed. What is
/// neither all nor none of them is not covered.
fn tiktokenEncode(self: *Object, arguments: Arguments) Error!*Object {
    const keywords = try arguments.parse(1, &.{ .allowed_special, .disallowed_special });
    const allows_all = keywords[0] != null;
    if (allows_all and keywords[0] != words.get(.all)) return error.NotCovered;
    const refuses = if (keywords[1]) |given| try meansAll(given) else true;
    const mode: SpecialMode = if (allows_all) .parse else if (refuses) .refuse else .text;
    const text = try strOf(arguments.values[0]);
    return encodeAs(self, text, mode, 1, lists.make);
}

fn tiktokenEncodeOrdinary(self: *Object, arguments: Arguments) Error!*Object {
    _ = try arguments.parse(1, &.{});
    return encodeAs(self, try strOf(arguments.values[0]), .text, 1, lists.make);
}

fn strOf(object: *Object) Error!*Object {
    const is_str = interpreter.typeOf(object) == py.str_type or interpreter.hasFlag(object, .str);
    return if (is_str) object else error.NotCovered;
}

/// True for "all", false for an empty tuple.
fn meansAll(object: *Object) Error!bool {
    if (object == words.get(.all)) return true;
    if (interpreter.typeOf(object) != py.tuple_type) return error.NotCovered;
    return if (py.PyTuple_Size(object) == 0) false else error.NotCovered;
}

/// The ids as a list, and as a bytearray where each begins and ends, in two numbers of 64 bits.
fn encodeSpans(self: *Object, arguments: Arguments) Error!*Object {
    const keywords = try arguments.parse(1, &.{ .special_tokens, .unit });
    const mode = try modeOf(keywords[0]);
    const unit = try unitOf(keywords[1]);
    const state = states.of(self).* orelse return error.NotCovered;
    var text = texts.of(arguments.values[0]) orelse return error.NotCovered;
    defer text.release();
    const call = state.take() catch return error.NotCovered;
    defer state.giveBack(call, text.bytes.len);
    const context = &call.context;
    const options: offsets.Options = .{ .unit = unit, .is_well_formed = text.is_str };
    // In the general way, both are found at once.
    const at_once = state.tokenizer.spelled_model.is_used;
    const first = release(text.bytes.len);
    const encoded = if (at_once)
        context.encodeWithOffsets(text.bytes, mode, options)
    else
        context.encodeForOffsets(text.bytes, mode);
    restore(first);
    const id_count = encoded catch return error.NotCovered;
    const pair = py.PyTuple_New(2) orelse return error.Raised;
    errdefer py.Py_DecRef(pair);
    const len: isize = @intCast(id_count * @sizeOf(offsets.Span));
    const bytes = py.PyByteArray_FromStringAndSize(null, len) orelse return error.Raised;
    _ = py.PyTuple_SetItem(pair, 1, bytes);
    const address = @intFromPtr(py.PyByteArray_AsString(bytes));
    if (id_count > 0) {
        if (address % @alignOf(offsets.Span) != 0) return error.NotCovered;
        const into: [*]offsets.Span = @ptrFromInt(address);
        const spans = into[0..id_count];
        if (at_once) {
            @memcpy(spans, @as([]const offsets.Span, @ptrCast(context.ends.items)));
        } else {
            const second = release(text.bytes.len);
            const outcome = context.findOwnOffsets(text.bytes, mode, options, spans);
            restore(second);
            outcome catch return error.NotCovered;
        }
    }
    const ids = lists.make(state, context.ids) orelse return error.Raised;
    _ = py.PyTuple_SetItem(pair, 0, ids);
    return pair;
}

/// Where the ids of a text stand, as tokenizers says: a list of tuples.
fn offsetPairs(self: *Object, arguments: Arguments) Error!*Object {
    const keywords = try arguments.parse(2, &.{.special_tokens});
    const mode = try modeOf(keywords[0]);
    const state = states.of(self).* orelse return error.NotCovered;
    var text = texts.of(arguments.values[0]) orelse return error.NotCovered;
    defer text.release();
    const call = state.take() catch return error.NotCovered;
    defer state.giveBack(call, text.bytes.len);
    const context = &call.context;
    const ids = numbers.read(context, arguments.values[1]) orelse return error.NotCovered;
    const thread = release(text.bytes.len);
    const options: offsets.Options = .{
        .unit = .character,
        .ignores_dropped = true,
        .is_well_formed = text.is_str,
    };
    const outcome = context.findOffsets(text.bytes, mode, ids, options);
    restore(thread);
    outcome catch return error.NotCovered;
    return lists.makePairs(state, context.ends.items) orelse error.Raised;
}

/// The index of the word that each id of a text is in.
fn wordIndices(self: *Object, arguments: Arguments) Error!*Object {
    const keywords = try arguments.parse(2, &.{.special_tokens});
    const mode = try modeOf(keywords[0]);
    const state = states.of(self).* orelse return error.NotCovered;
    var text = texts.of(arguments.values[0]) orelse return error.NotCovered;
    defer text.release();
    const call = state.take() catch return error.NotCovered;
    defer state.giveBack(call, text.bytes.len);
    const context = &call.context;
    const read = numbers.read(context, arguments.values[1]) orelse return error.NotCovered;
    // The indices are written where these lie.
    const ids = state.gpa.dupe(u32, read) catch return error.NotCovered;
    defer state.gpa.free(ids);
    const thread = release(text.bytes.len);
    const outcome = context.findWords(text.bytes, mode, ids);
    restore(thread);
    outcome catch return error.NotCovered;
    return lists.makeNumbers(state, context.ids) orelse error.Raised;
}

fn encodeInto(self: *Object, arguments: Arguments) Error!*Object {
    const keywords = try arguments.parse(2, &.{.special_tokens});
    const mode = try modeOf(keywords[0]);
    const state = states.of(self).* orelse return error.NotCovered;
    var text = texts.of(arguments.values[0]) orelse return error.NotCovered;
    defer text.release();
    var target = numbers.Target.of(arguments.values[1]) orelse return error.NotCovered;
    defer target.release();
    const call = state.take() catch return error.NotCovered;
    defer state.giveBack(call, text.bytes.len);
    const thread = release(text.bytes.len);
    const outcome = call.context.encode(text.bytes, mode);
    restore(thread);
    const id_count = outcome catch return error.NotCovered;
    if (!target.write(call.context.ids)) return error.NotCovered;
    return py.PyLong_FromSsize_t(@intCast(id_count)) orelse error.Raised;
}

fn count(self: *Object, arguments: Arguments) Error!*Object {
    const keywords = try arguments.parse(1, &.{.special_tokens});
    const mode = try modeOf(keywords[0]);
    const state = states.of(self).* orelse return error.NotCovered;
    var text = texts.of(arguments.values[0]) orelse return error.NotCovered;
    defer text.release();
    const call = state.take() catch return error.NotCovered;
    defer state.giveBack(call, text.bytes.len);
    const thread = release(text.bytes.len);
    const outcome = call.context.count(text.bytes, mode);
    restore(thread);
    const id_count = outcome catch return error.NotCovered;
    return py.PyLong_FromSsize_t(@intCast(id_count)) orelse error.Raised;
}

fn decode(self: *Object, arguments: Arguments) Error!*Object {
    const keywords = try arguments.parse(1, &.{ .errors, .skip_special_tokens });
    const handler = try handlerOf(keywords[0]);
    const skip_special = try truth(keywords[1]);
    const state = states.of(self).* orelse return error.NotCovered;
    const call = state.take() catch return error.NotCovered;
    const ids = numbers.read(&call.context, arguments.values[0]) orelse {
        state.giveBack(call, 0);
        return error.NotCovered;
    };
    defer state.giveBack(call, ids.len);
    return decodeIds(&call.context, ids, handler, skip_special);
}

/// The handler may stand without its name.
fn tiktokenDecode(self: *Object, arguments: Arguments) Error!*Object {
    var given: ?*Object = null;
    if (arguments.positional_count == 2) {
        if (arguments.names != null) return error.NotCovered;
        given = arguments.values[1];
    } else {
        given = (try arguments.parse(1, &.{.errors}))[0];
    }
    const handler = try handlerOf(given);
    const state = states.of(self).* orelse return error.NotCovered;
    const call = state.take() catch return error.NotCovered;
    const ids = numbers.read(&call.context, arguments.values[0]) orelse {
        state.giveBack(call, 0);
        return error.NotCovered;
    };
    defer state.giveBack(call, ids.len);
    return decodeIds(&call.context, ids, handler, false);
}

fn tiktokenDecodeBytes(self: *Object, arguments: Arguments) Error!*Object {
    _ = try arguments.parse(1, &.{});
    const state = states.of(self).* orelse return error.NotCovered;
    const call = state.take() catch return error.NotCovered;
    const ids = numbers.read(&call.context, arguments.values[0]) orelse {
        state.giveBack(call, 0);
        return error.NotCovered;
    };
    defer state.giveBack(call, ids.len);
    const thread = release(ids.len);
    const outcome = call.context.decode(ids, false);
    restore(thread);
    _ = outcome catch return error.NotCovered;
    const bytes = call.context.bytes.items;
    return py.PyBytes_FromStringAndSize(bytes.ptr, @intCast(bytes.len)) orelse error.Raised;
}

fn decodeIds(
    context: *Context,
    ids: []const u32,
    handler: [*:0]const u8,
    skip_special: bool,
) Error!*Object {
    const thread = release(ids.len);
    const outcome = context.decodeText(ids, skip_special);
    restore(thread);
    _ = outcome catch return error.NotCovered;
    return strs.make(context, handler) orelse error.Raised;
}

fn encodeBatch(self: *Object, arguments: Arguments) Error!*Object {
    const batch: Batch = try .start(self, arguments);
    defer batch.end();
    const rows = py.PyList_New(@intCast(batch.texts.len)) orelse return error.Raised;
    errdefer py.Py_DecRef(rows);
    var sink: RowSink = .{ .state = batch.state, .rows = rows, .thread = release(batch.len) };
    const outcome = batch.call.context.encodeTexts(batch.texts, batch.mode, batch.threads, &sink);
    restore(sink.thread);
    _ = outcome catch return error.NotCovered;
    return if (sink.failed) error.Raised else rows;
}

/// The ids of all texts and where those of each end, as bytearrays.
fn encodeBatchArrays(self: *Object, arguments: Arguments) Error!*Object {
    const batch: Batch = try .start(self, arguments);
    defer batch.end();
    const context = &batch.call.context;
    const thread = release(batch.len);
    const outcome = context.encodeTexts(batch.texts, batch.mode, batch.threads, {});
    restore(thread);
    const id_count = outcome catch return error.NotCovered;
    const size: isize = @intCast(id_count * @sizeOf(u32));
    const pair = py.PyTuple_New(2) orelse return error.Raised;
    errdefer py.Py_DecRef(pair);
    const ids = py.PyByteArray_FromStringAndSize(null, size) orelse return error.Raised;
    _ = py.PyTuple_SetItem(pair, 0, ids);
    const target: [*]align(1) u32 = @ptrCast(py.PyByteArray_AsString(ids));
    context.copyIds(target[0..id_count]);
    const end_bytes = std.mem.sliceAsBytes(context.ends.items);
    const ends = py.PyByteArray_FromStringAndSize(end_bytes.ptr, @intCast(end_bytes.len)) orelse
        return error.Raised;
    _ = py.PyTuple_SetItem(pair, 1, ends);
    return pair;
}

/// A call about many texts, which it keeps alive.
const Batch = struct {
    state: *State,
    call: *State.Call,
    mode: SpecialMode,
    threads: usize,
    list: *Object,
    texts: []const []const u8,
    len: usize,

    fn start(self: *Object, arguments: Arguments) Error!Batch {
        const keywords = try arguments.parse(1, &.{ .num_threads, .special_tokens });
        const threads = try threadsOf(keywords[0]);
        const mode = try modeOf(keywords[1]);
        const state = states.of(self).* orelse return error.NotCovered;
        const list = try ownList(arguments.values[0]);
        errdefer py.Py_DecRef(list);
        const found = texts.ofList(state.gpa, list) catch return error.NotCovered;
        const parts = found orelse return error.NotCovered;
        errdefer state.gpa.free(parts);
        const call = state.take() catch return error.NotCovered;
        var len: usize = 0;
        for (parts) |part| len += part.len;
        return .{
            .state = state,
            .call = call,
            .mode = mode,
            .threads = threads,
            .list = list,
            .texts = parts,
            .len = len,
        };
    }

    fn end(batch: *const Batch) void {
        batch.state.giveBack(batch.call, batch.len);
        batch.state.gpa.free(batch.texts);
        py.Py_DecRef(batch.list);
    }
};

/// Makes lists of what the threads of a batch have finished, while they go on.
const RowSink = struct {
    state: *State,
    rows: *Object,
    /// What `release` gave.
    thread: ?*anyopaque,
    failed: bool = false,

    pub fn begin(sink: *RowSink) void {
        restore(sink.thread);
    }

    pub fn end(sink: *RowSink) void {
        if (sink.thread != null) sink.thread = py.PyEval_SaveThread();
    }

    pub fn take(sink: *RowSink, first: usize, counts: []const u64, ids: []const u32) void {
        var start: usize = 0;
        for (counts, first..) |id_count, i| {
            if (sink.failed) return;
            const stop = start + @as(usize, @intCast(id_count));
            if (lists.make(sink.state, ids[start..stop])) |row| {
                lists.set(sink.rows, i, row);
            } else {
                sink.failed = true;
            }
            start = stop;
        }
    }
};

fn decodeBatch(self: *Object, arguments: Arguments) Error!*Object {
    const keywords = try arguments.parse(1, &.{ .errors, .skip_special_tokens });
    const handler = try handlerOf(keywords[0]);
    const skip_special = try truth(keywords[1]);
    const state = states.of(self).* orelse return error.NotCovered;
    const batch = try ownList(arguments.values[0]);
    defer py.Py_DecRef(batch);
    const len = py.PyList_Size(batch);
    const result = py.PyList_New(len) orelse return error.Raised;
    errdefer py.Py_DecRef(result);
    const call = state.take() catch return error.NotCovered;
    var longest: usize = 0;
    defer state.giveBack(call, longest);
    for (0..@intCast(len)) |i| {
        const item = py.PyList_GetItem(batch, @intCast(i)) orelse return error.NotCovered;
        const ids = numbers.read(&call.context, item) orelse return error.NotCovered;
        longest = @max(longest, ids.len);
        lists.set(result, i, try decodeIds(&call.context, ids, handler, skip_special));
    }
    return result;
}

/// The items of a list or tuple as a list that nobody else can change.
fn ownList(object: *Object) Error!*Object {
    const class = interpreter.typeOf(object);
    if (class != py.list_type and class != py.tuple_type) return error.NotCovered;
    return py.PySequence_List(object) orelse error.Raised;
}

/// 0 stands for one a core.
fn threadsOf(given: ?*Object) Error!usize {
    const object = given orelse return 0;
    if (object == py.none) return 0;
    if (interpreter.typeOf(object) != py.int_type) return error.NotCovered;
    const threads = py.PyLong_AsLong(object);
    return if (threads >= 1 and threads <= threads_max) @intCast(threads) else error.NotCovered;
}

/// Gives up the GIL for a call of this length.
inline fn release(len: usize) ?*anyopaque {
    return if (len > kept_gil_len) py.PyEval_SaveThread() else null;
}

inline fn restore(thread: ?*anyopaque) void {
    if (thread != null) py.PyEval_RestoreThread(thread);
}

inline fn modeOf(given: ?*Object) Error!SpecialMode {
    const object = given orelse return .parse;
    if (object == words.get(.parse)) return .parse;
    if (object == words.get(.text)) return .text;
    if (object == words.get(.refuse)) return .refuse;
    return error.NotCovered;
}

inline fn unitOf(given: ?*Object) Error!offsets.Unit {
    const object = given orelse return .character;
    if (object == words.get(.char)) return .character;
    if (object == words.get(.byte)) return .byte;
    return error.NotCovered;
}

/// The name of an error handler of `bytes.decode`.
fn handlerOf(given: ?*Object) Error![*:0]const u8 {
    const object = given orelse return "replace";
    if (interpreter.typeOf(object) != py.str_type) return error.NotCovered;
    var len: isize = undefined;
    const name = py.PyUnicode_AsUTF8AndSize(object, &len) orelse return error.NotCovered;
    if (std.mem.findScalar(u8, name[0..@intCast(len)], 0) != null) return error.NotCovered;
    return name;
}

fn truth(given: ?*Object) Error!bool {
    const result = py.PyObject_IsTrue(given orelse return false);
    return if (result < 0) error.Raised else result != 0;
}
