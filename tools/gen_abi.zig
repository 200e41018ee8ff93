//! Writes what other languages need to know of the C ABI, from its one source, `zig/src/abi.zig`:
//! the C header, the ctypes table and the table's type stub.
//!
//!     gen_abi ABI_ZIG header|ctypes|stub      the text goes to standard output
//!
//! Types come from the compiled declarations, by reflection; names of parameters and doc comments come
//! from the source text, whose path is the first argument.

const std = @import("std");
const abi = @import("abi");
const Ast = std.zig.Ast;
const Writer = std.Io.Writer;

const Output = enum { header, ctypes, stub };

pub fn main(init: std.process.Init) !void {
    const arena = init.arena.allocator();
    const args = try init.minimal.args.toSlice(arena);
    if (args.len != 3) return error.Usage;
    const output = std.meta.stringToEnum(Output, args[2]) orelse return error.Usage;
    const source = try std.Io.Dir.cwd().readFileAllocOptions(
        init.io,
        args[1],
        arena,
        .limited(1 << 20),
        .of(u8),
        0,
    );
    const docs: Docs = .{ .tree = try Ast.parse(arena, source, .zig), .arena = arena };

    var buffer: [4096]u8 = undefined;
    var file = std.Io.File.stdout().writer(init.io, &buffer);
    switch (output) {
        .header => try writeHeader(&file.interface, docs),
        .ctypes => try writeCtypes(&file.interface),
        .stub => try writeStub(&file.interface, docs),
    }
    try file.interface.flush();
}

/// Doc comments and parameter names, which reflection does not give.
const Docs = struct {
    tree: Ast,
    arena: std.mem.Allocator,

    /// The lines of the doc comment of the declaration called `name`, without their slashes.
    fn lines(docs: Docs, name: []const u8) ![]const []const u8 {
        const tree = docs.tree;
        var first = docs.declaration(name) orelse return error.NoSuchDeclaration;
        while (first > 0 and tree.tokenTag(first - 1) == .doc_comment) first -= 1;
        var found: std.ArrayList([]const u8) = .empty;
        while (tree.tokenTag(first) == .doc_comment) : (first += 1) {
            const text = std.mem.trimEnd(u8, tree.tokenSlice(first)[3..], " \r");
            try found.append(docs.arena, if (text.len > 0) text[1..] else text);
        }
        if (found.items.len == 0) return error.NoDocComment;
        return found.items;
    }

    /// The first token of a declaration: its `pub`, or an enum field's name.
    fn declaration(docs: Docs, name: []const u8) ?Ast.TokenIndex {
        const tree = docs.tree;
        var token: Ast.TokenIndex = 2;
        while (token < tree.tokens.len) : (token += 1) {
            if (!std.mem.eql(u8, tree.tokenSlice(token), name)) continue;
            const keyword = tree.tokenTag(token - 1);
            if (keyword == .keyword_fn or keyword == .keyword_const) return token - 2;
        }
        return null;
    }

    /// The names of the parameters of the function called `name`.
    fn parameters(docs: Docs, name: []const u8) ![]const []const u8 {
        const tree = docs.tree;
        var token = docs.declaration(name) orelse return error.NoSuchDeclaration;
        while (tree.tokenTag(token) != .l_paren) token += 1;
        var found: std.ArrayList([]const u8) = .empty;
        while (tree.tokenTag(token) != .keyword_callconv) : (token += 1) {
            if (tree.tokenTag(token) == .identifier and tree.tokenTag(token + 1) == .colon) {
                try found.append(docs.arena, tree.tokenSlice(token));
            }
        }
        return found.items;
    }
};

const enums = .{
    .{ abi.Status, "Status", "pyaot_status", "PYAOT_STATUS_" },
    .{ abi.SpecialMode, "SpecialMode", "pyaot_special_mode", "PYAOT_SPECIAL_" },
    .{ abi.Property, "Property", "pyaot_property", "PYAOT_PROPERTY_" },
    .{ abi.AddedFlag, "AddedFlag", "pyaot_added_flag", "PYAOT_ADDED_" },
    .{ abi.Unit, "Unit", "pyaot_unit", "PYAOT_UNIT_" },
    .{ abi.TrainingOption, "TrainingOption", "pyaot_training_option", "PYAOT_TRAINING_" },
};

fn writeHeader(writer: *Writer, docs: Docs) !void {
    try writer.writeAll(
        \\/* The C API of pyaot_tokenizer. Generated from zig/src/abi.zig by tools/gen_abi.zig: do not edit.
        \\ *
        \\ * A pyaot_tokenizer is loaded once and read-only from then on: any number of threads may share it.
        \\ * A pyaot_context is one thread's working memory: it holds the results of its last call, which stay
        \\ * valid until its next one, and the message of its last error. Where a function returns int64_t, a
        \\ * negative value is a pyaot_status. Text is UTF-8 and needs no terminating NUL. */
        \\#ifndef PYAOT_TOKENIZER_H
        \\#define PYAOT_TOKENIZER_H
        \\
        \\#include <stddef.h>
        \\#include <stdint.h>
        \\
        \\#ifdef __cplusplus
        \\extern "C" {
        \\#endif
        \\
        \\
    );
    try writer.print("#define PYAOT_VERSION \"{s}\"\n", .{abi.version});
    try writer.print("#define PYAOT_ABI_HASH UINT64_C(0x{x:0>16})\n\n", .{abi.abi_hash});
    try writer.writeAll(
        \\typedef struct pyaot_tokenizer pyaot_tokenizer;
        \\typedef struct pyaot_context pyaot_context;
        \\typedef struct pyaot_counts pyaot_counts;
        \\typedef struct pyaot_training pyaot_training;
        \\
        \\
    );
    inline for (enums) |entry| {
        const T, const name, const c_name, const prefix = entry;
        try writeComment(writer, try docs.lines(name));
        try writer.print("typedef enum {s} {{\n", .{c_name});
        inline for (@typeInfo(T).@"enum".fields) |field| {
            try writer.print("    {s}", .{prefix});
            try writeUpper(writer, field.name);
            try writer.print(" = {d},\n", .{field.value});
        }
        try writer.print("}} {s};\n\n", .{c_name});
    }
    inline for (@typeInfo(abi.functions).@"struct".decls) |decl| {
        const signature = @typeInfo(@TypeOf(@field(abi.functions, decl.name))).@"fn";
        try writeComment(writer, try docs.lines(decl.name));
        try writer.print("{s}{s}(", .{ abi.cType(signature.return_type.?), decl.name });
        const names = try docs.parameters(decl.name);
        if (signature.params.len != names.len) return error.ParametersDiffer;
        inline for (signature.params, 0..) |param, i| {
            if (i > 0) try writer.writeAll(", ");
            try writer.print("{s}{s}", .{ abi.cType(param.type.?), names[i] });
        }
        try writer.writeAll(if (signature.params.len == 0) "void);\n\n" else ");\n\n");
    }
    try writer.writeAll(
        \\#ifdef __cplusplus
        \\}
        \\#endif
        \\
        \\#endif
        \\
    );
}

fn writeComment(writer: *Writer, lines: []const []const u8) !void {
    for (lines, 0..) |line, i| {
        try writer.print("{s}{s}{s}\n", .{
            if (i == 0) "/* " else " * ",
            line,
            if (i + 1 == lines.len) " */" else "",
        });
    }
}

fn writeCtypes(writer: *Writer) !void {
    try writer.print(
        \\"""The ctypes table of the C ABI. Generated from zig/src/abi.zig by tools/gen_abi.zig: do not edit."""
        \\
        \\import ctypes
        \\import enum
        \\
        \\VERSION = "{s}"
        \\ABI_HASH = 0x{x:0>16}
        \\NO_OFFSET = 0x{x}
        \\
    , .{ abi.version, abi.abi_hash, abi.no_offset });
    inline for (enums) |entry| {
        try writer.print("\n\nclass {s}(enum.IntEnum):\n", .{entry[1]});
        inline for (@typeInfo(entry[0]).@"enum".fields) |field| {
            try writer.writeAll("    ");
            try writeUpper(writer, field.name);
            try writer.print(" = {d}\n", .{field.value});
        }
    }
    try writer.writeAll("\n\n# name: (result, arguments)\nSIGNATURES = {\n");
    inline for (@typeInfo(abi.functions).@"struct".decls) |decl| {
        const signature = @typeInfo(@TypeOf(@field(abi.functions, decl.name))).@"fn";
        try writer.print("    \"{s}\": (\n        {s},\n        (", .{
            decl.name,
            ctypesType(signature.return_type.?, .result),
        });
        inline for (signature.params, 0..) |param, i| {
            if (i > 0) try writer.writeAll(", ");
            try writer.writeAll(comptime ctypesType(param.type.?, .argument));
        }
        try writer.writeAll(if (signature.params.len == 1) ",),\n    ),\n" else "),\n    ),\n");
    }
    try writer.writeAll(
        \\}
        \\
        \\
        \\def load(path):
        \\    """Opens the shared library and declares every function of the table on it."""
        \\    library = ctypes.CDLL(path)
        \\    for name, (result, arguments) in SIGNATURES.items():
        \\        function = getattr(library, name)
        \\        function.restype = result
        \\        function.argtypes = arguments
        \\    return library
        \\
    );
}

const Role = enum { argument, result };

/// Pointers travel as `c_void_p`, which takes bytes, arrays, `byref(...)` and plain addresses alike.
fn ctypesType(comptime T: type, comptime role: Role) []const u8 {
    return switch (T) {
        void => "None",
        i32, abi.Status => "ctypes.c_int32",
        i64 => "ctypes.c_int64",
        u32 => "ctypes.c_uint32",
        u64 => "ctypes.c_uint64",
        usize => "ctypes.c_size_t",
        [*:0]const u8 => if (role == .result) "ctypes.c_char_p" else "ctypes.c_void_p",
        else => if (@typeInfo(T) == .pointer or @typeInfo(T) == .optional)
            "ctypes.c_void_p"
        else
            @compileError("no ctypes type for " ++ @typeName(T)),
    };
}

fn writeStub(writer: *Writer, docs: Docs) !void {
    try writer.writeAll(
        \\# Generated from zig/src/abi.zig by tools/gen_abi.zig: do not edit.
        \\import ctypes
        \\import enum
        \\from typing import Any, Dict, Optional, Tuple, Union
        \\
        \\from typing_extensions import TypeAlias
        \\
        \\VERSION: str
        \\ABI_HASH: int
        \\NO_OFFSET: int
        \\SIGNATURES: Dict[str, Tuple[Any, Tuple[Any, ...]]]
        \\
        \\# What a pointer argument may be: an address, bytes, an array, a simple object, or byref(...).
        \\_Pointer: TypeAlias = Union[int, bytes, ctypes.Array[Any], ctypes._CArgObject, None]
        \\
    );
    inline for (enums) |entry| {
        try writer.print("\nclass {s}(enum.IntEnum):\n", .{entry[1]});
        inline for (@typeInfo(entry[0]).@"enum".fields) |field| {
            try writer.writeAll("    ");
            try writeUpper(writer, field.name);
            try writer.print(" = {d}\n", .{field.value});
        }
    }
    try writer.writeAll("\nclass Library(ctypes.CDLL):\n");
    inline for (@typeInfo(abi.functions).@"struct".decls) |decl| {
        const signature = @typeInfo(@TypeOf(@field(abi.functions, decl.name))).@"fn";
        const names = try docs.parameters(decl.name);
        if (signature.params.len != names.len) return error.ParametersDiffer;
        try writer.print("    def {s}(self", .{decl.name});
        inline for (signature.params, 0..) |param, i| {
            try writer.print(", {s}: {s}", .{ names[i], stubType(param.type.?, .argument) });
        }
        try writer.print(") -> {s}: ...\n", .{stubType(signature.return_type.?, .result)});
    }
    try writer.writeAll("\ndef load(path: str) -> Library: ...\n");
}

fn stubType(comptime T: type, comptime role: Role) []const u8 {
    return switch (T) {
        void => "None",
        i32, i64, u32, u64, usize, abi.Status => "int",
        [*:0]const u8 => if (role == .result) "bytes" else "_Pointer",
        else => if (role == .argument)
            "_Pointer"
        else if (@typeInfo(T) == .optional) "Optional[int]" else "int",
    };
}

fn writeUpper(writer: *Writer, name: []const u8) !void {
    for (name) |byte| try writer.writeByte(std.ascii.toUpper(byte));
}
