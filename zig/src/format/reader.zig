//! Reading values of a JSON document with faults that name their key: what the parts of a tokenizer.json have
//! in common.

const std = @import("std");
const Diagnostic = @import("../diagnostic.zig").Diagnostic;
const json_tree = @import("json_tree.zig");
const model = @import("byte_level_model.zig");
const Node = json_tree.Node;
const Allocator = std.mem.Allocator;

pub const Error = error{ OutOfMemory, Malformed, Unsupported };

pub const Reader = struct {
    arena: Allocator,
    diagnostic: *Diagnostic,

    pub const Kind = std.meta.Tag(json_tree.Value);

    pub fn expectKind(reader: *Reader, node: Node, key: []const u8, kind: Kind) Error!void {
        if (node.value == kind) return;
        return model.expected(reader.diagnostic, node, key, described(kind));
    }

    /// The value of `name`, which must be there and of this kind; `key` is its place in the document.
    pub fn require(
        reader: *Reader,
        parent: Node,
        name: []const u8,
        key: []const u8,
        kind: Kind,
    ) Error!Node {
        const node = try reader.requireAny(parent, name, key, described(kind));
        try reader.expectKind(node, key, kind);
        return node;
    }

    /// The same for a value of any kind; `what` is what is expected.
    pub fn requireAny(
        reader: *Reader,
        parent: Node,
        name: []const u8,
        key: []const u8,
        what: []const u8,
    ) Error!Node {
        return parent.get(name) orelse {
            reader.diagnostic.set(parent.at, "{s}: expected {s} and found nothing", .{ key, what });
            return error.Malformed;
        };
    }

    pub fn requireString(
        reader: *Reader,
        parent: Node,
        name: []const u8,
        key: []const u8,
    ) Error![]const u8 {
        return (try reader.require(parent, name, key, .string)).value.string;
    }

    pub fn flag(
        reader: *Reader,
        parent: Node,
        name: []const u8,
        key: []const u8,
        default: bool,
    ) Error!bool {
        const node = parent.get(name) orelse return default;
        try reader.expectKind(node, key, .boolean);
        return node.value.boolean;
    }

    /// A flag that must be there.
    pub fn requireFlag(reader: *Reader, parent: Node, name: []const u8, key: []const u8) Error!bool {
        return (try reader.require(parent, name, key, .boolean)).value.boolean;
    }

    /// The type of a component.
    pub fn typeOf(reader: *Reader, node: Node, key: []const u8) Error![]const u8 {
        try reader.expectKind(node, key, .object);
        const name = node.get("type") orelse {
            reader.diagnostic.set(node.at, "{s}.type: expected a string and found nothing", .{key});
            return error.Malformed;
        };
        try reader.expectKind(name, key, .string);
        return name.value.string;
    }

    /// Says of a component that it is not supported.
    pub fn refuse(reader: *Reader, node: Node, key: []const u8) Error {
        const name = try reader.typeOf(node, key);
        reader.diagnostic.set(node.at, "{s}: the {s} {s} is not supported", .{ key, key, name });
        return error.Unsupported;
    }

    /// Says of a component what of it is not supported.
    pub fn refuseBecause(
        reader: *Reader,
        node: Node,
        key: []const u8,
        comptime reason: []const u8,
        arguments: anytype,
    ) Error {
        const name = try reader.typeOf(node, key);
        reader.diagnostic.set(
            node.at,
            "{s}: the {s} {s} is not supported " ++ reason,
            .{ key, key, name } ++ arguments,
        );
        return error.Unsupported;
    }

    fn described(kind: Kind) []const u8 {
        return switch (kind) {
            .null => "null",
            .boolean => "true or false",
            .number => "a number",
            .string => "a string",
            .array, .pairs => "a list",
            .object, .ids => "an object",
        };
    }
};
