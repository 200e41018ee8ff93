//! A JSON document as a tree whose values know where they stand, so that a format can name the place of
//! a fault. Syntax is checked by the standard library's scanner; meaning is the format's.
//!
//! Time and memory are linear in the document; nesting is bounded by `depth_max`.

const std = @import("std");
const Diagnostic = @import("../diagnostic.zig").Diagnostic;
const Allocator = std.mem.Allocator;

pub const Error = error{ OutOfMemory, Malformed };

pub const depth_max = 64;

pub const Node = struct {
    /// Byte offset in the document.
    at: usize,
    value: Value,

    /// The value of `key` of an object; null if it is absent or null. The last of equal keys counts.
    pub fn get(node: Node, key: []const u8) ?Node {
        const fields = node.value.object;
        var index = fields.len;
        while (index > 0) {
            index -= 1;
            if (!std.mem.eql(u8, fields[index].key, key)) continue;
            return if (fields[index].node.value == .null) null else fields[index].node;
        }
        return null;
    }
};

pub const Field = struct { key: []const u8, at: usize, node: Node };

pub const Value = union(enum) {
    null,
    boolean: bool,
    /// As it is written.
    number: []const u8,
    string: []const u8,
    array: []const Node,
    object: []const Field,

    /// What a person calls a value of this kind.
    pub fn kind(value: Value) []const u8 {
        return switch (value) {
            .null => "null",
            .boolean => "a boolean",
            .number => "a number",
            .string => "a string",
            .array => "a list",
            .object => "an object",
        };
    }
};

/// Parses a whole document. The tree belongs to `arena` and points into `document`.
pub fn parse(arena: Allocator, document: []const u8, diagnostic: *Diagnostic) Error!Node {
    const mark = "\xEF\xBB\xBF";
    const skipped: usize = if (std.mem.startsWith(u8, document, mark)) mark.len else 0;
    var parser: Parser = .{
        .arena = arena,
        .scanner = .initCompleteInput(arena, document[skipped..]),
        .skipped = skipped,
        .diagnostic = diagnostic,
    };
    const root = try parser.node(0);
    if (try parser.peek() != .end_of_document) return parser.syntaxError();
    return root;
}

const Parser = struct {
    arena: Allocator,
    scanner: std.json.Scanner,
    skipped: usize,
    diagnostic: *Diagnostic,

    fn node(parser: *Parser, depth: usize) Error!Node {
        const kind = try parser.peek();
        const at = parser.offset();
        if (depth > depth_max) {
            parser.diagnostic.set(at, "values are nested more than {d} deep", .{depth_max});
            return error.Malformed;
        }
        return .{ .at = at, .value = switch (kind) {
            .object_begin => .{ .object = try parser.fields(depth) },
            .array_begin => .{ .array = try parser.items(depth) },
            .end_of_document => return parser.syntaxError(),
            else => switch (try parser.next()) {
                .true => .{ .boolean = true },
                .false => .{ .boolean = false },
                .null => .null,
                .number => |text| .{ .number = text },
                .allocated_number => |text| .{ .number = text },
                .string => |text| .{ .string = text },
                .allocated_string => |text| .{ .string = text },
                else => return parser.syntaxError(),
            },
        } };
    }

    fn items(parser: *Parser, depth: usize) Error![]const Node {
        _ = try parser.next();
        var list: std.ArrayList(Node) = .empty;
        while (try parser.peek() != .array_end) {
            try list.append(parser.arena, try parser.node(depth + 1));
        }
        _ = try parser.next();
        return list.items;
    }

    fn fields(parser: *Parser, depth: usize) Error![]const Field {
        _ = try parser.next();
        var list: std.ArrayList(Field) = .empty;
        while (try parser.peek() != .object_end) {
            const at = parser.offset();
            const key = switch (try parser.next()) {
                .string => |text| text,
                .allocated_string => |text| text,
                else => return parser.syntaxError(),
            };
            const value = try parser.node(depth + 1);
            try list.append(parser.arena, .{ .key = key, .at = at, .node = value });
        }
        _ = try parser.next();
        return list.items;
    }

    fn next(parser: *Parser) Error!std.json.Token {
        return parser.scanner.nextAlloc(parser.arena, .alloc_if_needed) catch |err| switch (err) {
            error.OutOfMemory => error.OutOfMemory,
            else => parser.syntaxError(),
        };
    }

    fn peek(parser: *Parser) Error!std.json.TokenType {
        return parser.scanner.peekNextTokenType() catch parser.syntaxError();
    }

    fn offset(parser: *const Parser) usize {
        return parser.skipped + parser.scanner.cursor;
    }

    fn syntaxError(parser: *Parser) error{Malformed} {
        const at = parser.offset();
        if (parser.scanner.cursor >= parser.scanner.input.len) {
            parser.diagnostic.set(at, "the JSON ends at byte {d}, before it is complete", .{at});
        } else {
            parser.diagnostic.set(at, "not JSON at byte {d}", .{at});
        }
        return error.Malformed;
    }
};

fn expectFault(document: []const u8, at: usize) !void {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    var diagnostic: Diagnostic = .{};
    try std.testing.expectError(error.Malformed, parse(arena.allocator(), document, &diagnostic));
    try std.testing.expectEqual(@as(?usize, at), diagnostic.offset);
}

test "values know their place, and the last of equal keys counts" {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    var diagnostic: Diagnostic = .{};
    const document =
        "\xEF\xBB\xBF {\"a\": 1, \"b\": [true, \"\\u00e9\"], \"a\": null, \"b\": \"x\"}";
    const root = try parse(arena.allocator(), document, &diagnostic);
    try std.testing.expectEqual(4, root.at);
    try std.testing.expectEqual(@as(?Node, null), root.get("a"));
    try std.testing.expectEqualStrings("x", root.get("b").?.value.string);
    const list = root.value.object[1].node;
    try std.testing.expectEqual(std.mem.findScalar(u8, document, '[').?, list.at);
    try std.testing.expectEqualStrings("\u{e9}", list.value.array[1].value.string);
}

test "faults are told with their place" {
    try expectFault("", 0);
    try expectFault("{\"a\": ", 6);
    try expectFault("{} x", 3);
    try expectFault("[" ** 100, depth_max + 1);
}
