//! A JSON document as a tree whose values know where they stand, so that a format can name the place of
//! a fault. The syntax is RFC 8259's, in UTF-8, with an optional byte order mark; meaning is the format's.
//!
//! One pass over the document, 16 bytes at a time inside strings and white space; strings without escapes
//! are not copied. Time and memory are linear in the document; nesting is bounded by `depth_max`. The two
//! large tables of a tokenizer are not made of nodes: see `Value.ids` and `Value.pairs`. With two threads, the
//! second of these tables is read ahead by one of them, see `Ahead`.

const std = @import("std");
const Diagnostic = @import("../diagnostic.zig").Diagnostic;
const Cursor = @import("json_cursor.zig").Cursor;
const parallel = @import("../parallel.zig");
const Allocator = std.mem.Allocator;

pub const Error = error{ OutOfMemory, Malformed };

pub const depth_max = 64;

/// Places and lengths in the large tables have 32 bits.
const document_len_max = std.math.maxInt(u32);

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

/// A member of an object of ids.
pub const IdField = struct {
    ptr: [*]const u8,
    len: u32,
    id: u32,

    pub fn key(field: IdField) []const u8 {
        return field.ptr[0..field.len];
    }
};

/// An item of a list of pairs of strings.
pub const Pair = struct {
    at: u32,
    left_len: u32,
    right_len: u32,
    left_ptr: [*]const u8,
    right_ptr: [*]const u8,

    pub fn of(at: usize, parts: [2][]const u8) Pair {
        return .{
            .at = @intCast(at),
            .left_len = @intCast(parts[0].len),
            .right_len = @intCast(parts[1].len),
            .left_ptr = parts[0].ptr,
            .right_ptr = parts[1].ptr,
        };
    }

    pub fn left(pair: Pair) []const u8 {
        return pair.left_ptr[0..pair.left_len];
    }

    pub fn right(pair: Pair) []const u8 {
        return pair.right_ptr[0..pair.right_len];
    }
};

pub const Value = union(enum) {
    null,
    boolean: bool,
    /// As it is written.
    number: []const u8,
    string: []const u8,
    array: []const Node,
    object: []const Field,
    /// An object of nothing but integers from 0 to 2^32 - 1: what the key "vocab" is given as where it can
    /// be. With equal keys, in the order of the document.
    ids: []IdField,
    /// A list of nothing but lists of two strings, or of nothing but strings of two words with one space
    /// between them: what the key "merges" is given as where it can be, unless it is empty.
    pairs: []const Pair,

    /// What a person calls a value of this kind.
    pub fn kind(value: Value) []const u8 {
        return switch (value) {
            .null => "null",
            .boolean => "a boolean",
            .number => "a number",
            .string => "a string",
            .array, .pairs => "a list",
            .object, .ids => "an object",
        };
    }
};

/// Parses a whole document. The tree belongs to `arena` and points into `document`.
pub fn parse(arena: Allocator, document: []const u8, diagnostic: *Diagnostic) Error!Node {
    return parseAs(.plain, arena, document, 1, diagnostic);
}

/// As `parse`, on up to `thread_count` threads: with more than one, `arena` must be safe for them.
pub fn parseOn(
    arena: Allocator,
    document: []const u8,
    thread_count: usize,
    diagnostic: *Diagnostic,
) Error!Node {
    return parseAs(.plain, arena, document, thread_count, diagnostic);
}

/// As `parse`, for a document that is a vocabulary.
pub fn parseIds(arena: Allocator, document: []const u8, diagnostic: *Diagnostic) Error!Node {
    return parseAs(.ids, arena, document, 1, diagnostic);
}

fn parseAs(
    form: Form,
    arena: Allocator,
    document: []const u8,
    thread_count: usize,
    diagnostic: *Diagnostic,
) Error!Node {
    if (document.len > document_len_max) {
        diagnostic.set(null, "a JSON document of 4 GiB or more", .{});
        return error.Malformed;
    }
    const mark = "\xEF\xBB\xBF";
    var ahead: Ahead = .{ .arguments = .{ arena, document } };
    ahead.start(thread_count);
    defer _ = ahead.finish();
    var parser: Parser = .{
        .arena = arena,
        .ahead = &ahead,
        .cursor = .{
            .text = document,
            .at = if (std.mem.startsWith(u8, document, mark)) mark.len else 0,
            .arena = arena,
            .diagnostic = diagnostic,
        },
    };
    parser.cursor.skipSpace();
    const root = try parser.node(0, form);
    parser.cursor.skipSpace();
    if (parser.cursor.at < document.len) return parser.cursor.fault();
    return root;
}

/// How a value is to be represented, if it can be.
const Form = enum { plain, ids, pairs };

/// The list of merges, read by a thread of its own from the place that looks like its beginning, while the
/// parser reads what stands before it. The parser uses it where it comes to the very place with the wish for
/// such a list: reading depends on nothing before.
const Ahead = parallel.Future(readAhead);

/// `document[begin..end]` as pairs.
const Found = struct { begin: usize, end: usize, pairs: []const Pair };

/// Null where there is no such place, and where its reading fails, which the parser finds out anew.
fn readAhead(arena: Allocator, document: []const u8) ?Found {
    const begin = findMerges(document) orelse return null;
    var ignored: Diagnostic = .{};
    var parser: Parser = .{
        .arena = arena,
        .ahead = null,
        .cursor = .{ .text = document, .at = begin, .arena = arena, .diagnostic = &ignored },
    };
    const pairs = (parser.pairs() catch null) orelse return null;
    return .{ .begin = begin, .end = parser.cursor.at, .pairs = pairs };
}

/// The bracket behind the first `"merges":`.
fn findMerges(document: []const u8) ?usize {
    const key = "\"merges\"";
    var from: usize = 0;
    while (findQuoted(document, key, from)) |at| {
        from = at + key.len;
        const colon = skipSpace(document, from);
        if (colon >= document.len or document[colon] != ':') continue;
        const bracket = skipSpace(document, colon + 1);
        if (bracket < document.len and document[bracket] == '[') return bracket;
    }
    return null;
}

/// Where `key` stands, from `from` on: its first, its second and its last byte are compared 16 places at a time.
fn findQuoted(document: []const u8, comptime key: []const u8, from: usize) ?usize {
    const lanes = 16;
    const Vector = @Vector(lanes, u8);
    const Mask = std.meta.Int(.unsigned, lanes);
    var at = from;
    while (at + lanes + key.len <= document.len) : (at += lanes) {
        var places: Mask = std.math.maxInt(Mask);
        inline for (.{ 0, 1, key.len - 1 }) |offset| {
            const bytes: Vector = document[at + offset ..][0..lanes].*;
            places &= @bitCast(bytes == @as(Vector, @splat(key[offset])));
        }
        while (places != 0) : (places &= places - 1) {
            const place = at + @ctz(places);
            if (std.mem.startsWith(u8, document[place..], key)) return place;
        }
    }
    return std.mem.findPos(u8, document, at, key);
}

fn skipSpace(document: []const u8, from: usize) usize {
    var at = from;
    while (at < document.len and std.mem.findScalar(u8, " \n\r\t", document[at]) != null) at += 1;
    return at;
}

const Parser = struct {
    arena: Allocator,
    ahead: ?*Ahead,
    cursor: Cursor,
    /// Members of the lists and objects that are being read, innermost last.
    nodes: std.ArrayList(Node) = .empty,
    members: std.ArrayList(Field) = .empty,

    /// Reads the value at the cursor, which stands on its first byte.
    fn node(parser: *Parser, depth: usize, form: Form) Error!Node {
        const cursor = &parser.cursor;
        const at = cursor.at;
        if (depth > depth_max) {
            cursor.diagnostic.set(at, "values are nested more than {d} deep", .{depth_max});
            return error.Malformed;
        }
        return .{ .at = at, .value = switch (cursor.peek() orelse return cursor.fault()) {
            '{' => try parser.object(depth, form),
            '[' => try parser.list(depth, form),
            '"' => .{ .string = try cursor.string() },
            't' => value: {
                try cursor.word("true");
                break :value .{ .boolean = true };
            },
            'f' => value: {
                try cursor.word("false");
                break :value .{ .boolean = false };
            },
            'n' => value: {
                try cursor.word("null");
                break :value .null;
            },
            '-', '0'...'9' => .{ .number = try cursor.number() },
            else => return cursor.fault(),
        } };
    }

    fn list(parser: *Parser, depth: usize, form: Form) Error!Value {
        const cursor = &parser.cursor;
        const begin = cursor.at;
        if (form == .pairs) {
            if (parser.pairsAhead()) |found| return .{ .pairs = found };
            if (try parser.pairs()) |found| return .{ .pairs = found };
            cursor.at = begin;
        }
        const outer = parser.nodes.items.len;
        defer parser.nodes.shrinkRetainingCapacity(outer);
        cursor.at += 1;
        cursor.skipSpace();
        if (!cursor.take(']')) while (true) {
            const item = try parser.node(depth + 1, .plain);
            try parser.nodes.append(parser.arena, item);
            cursor.skipSpace();
            if (cursor.take(']')) break;
            try cursor.expect(',');
            cursor.skipSpace();
        };
        return .{ .array = try parser.arena.dupe(Node, parser.nodes.items[outer..]) };
    }

    fn object(parser: *Parser, depth: usize, form: Form) Error!Value {
        const cursor = &parser.cursor;
        const begin = cursor.at;
        if (form == .ids) {
            if (try parser.ids()) |found| return .{ .ids = found };
            cursor.at = begin;
        }
        const outer = parser.members.items.len;
        defer parser.members.shrinkRetainingCapacity(outer);
        cursor.at += 1;
        cursor.skipSpace();
        if (!cursor.take('}')) while (true) {
            const at = cursor.at;
            const key = try cursor.string();
            cursor.skipSpace();
            try cursor.expect(':');
            cursor.skipSpace();
            const value = try parser.node(depth + 1, formOf(depth, key));
            try parser.members.append(parser.arena, .{ .key = key, .at = at, .node = value });
            cursor.skipSpace();
            if (cursor.take('}')) break;
            try cursor.expect(',');
            cursor.skipSpace();
        };
        return .{ .object = try parser.arena.dupe(Field, parser.members.items[outer..]) };
    }

    fn formOf(depth: usize, key: []const u8) Form {
        if (depth > 1) return .plain;
        if (std.mem.eql(u8, key, "vocab")) return .ids;
        return if (std.mem.eql(u8, key, "merges")) .pairs else .plain;
    }

    /// Reads an object of ids; null where it is something else, or where a fault is, which reading it again
    /// as an object finds.
    fn ids(parser: *Parser) error{OutOfMemory}!?[]IdField {
        const cursor = &parser.cursor;
        var found: std.ArrayList(IdField) = .empty;
        try found.ensureTotalCapacity(parser.arena, (cursor.text.len - cursor.at) / 24);
        cursor.at += 1;
        while (true) {
            cursor.skipSpace();
            const key = try orNull(cursor.string()) orelse return null;
            cursor.skipSpace();
            if (!cursor.take(':')) return null;
            cursor.skipSpace();
            const id = cursor.id() orelse return null;
            try found.append(parser.arena, .{ .ptr = key.ptr, .len = @intCast(key.len), .id = id });
            cursor.skipSpace();
            if (cursor.take('}')) return found.items;
            if (!cursor.take(',')) return null;
        }
    }

    /// The pairs at the cursor, if they have been read ahead.
    fn pairsAhead(parser: *Parser) ?[]const Pair {
        const ahead = parser.ahead orelse return null;
        const result = ahead.finish() orelse return null;
        const found = result.* orelse return null;
        if (found.begin != parser.cursor.at) return null;
        parser.cursor.at = found.end;
        return found.pairs;
    }

    /// Reads a list of pairs; null as `ids`.
    fn pairs(parser: *Parser) error{OutOfMemory}!?[]const Pair {
        const cursor = &parser.cursor;
        var found: std.ArrayList(Pair) = .empty;
        try found.ensureTotalCapacity(parser.arena, (cursor.text.len - cursor.at) / 24);
        cursor.at += 1;
        while (true) {
            cursor.skipSpace();
            const at = cursor.at;
            const parts = try parser.pair() orelse return null;
            try found.append(parser.arena, .of(at, parts));
            cursor.skipSpace();
            if (cursor.take(']')) return found.items;
            if (!cursor.take(',')) return null;
        }
    }

    fn pair(parser: *Parser) error{OutOfMemory}!?[2][]const u8 {
        const cursor = &parser.cursor;
        if (!cursor.take('[')) {
            return splitPair(try orNull(cursor.string()) orelse return null);
        }
        cursor.skipSpace();
        const left = try orNull(cursor.string()) orelse return null;
        cursor.skipSpace();
        if (!cursor.take(',')) return null;
        cursor.skipSpace();
        const right = try orNull(cursor.string()) orelse return null;
        cursor.skipSpace();
        return if (cursor.take(']')) .{ left, right } else null;
    }

    fn orNull(read: Error![]const u8) error{OutOfMemory}!?[]const u8 {
        return read catch |err| switch (err) {
            error.OutOfMemory => error.OutOfMemory,
            error.Malformed => null,
        };
    }
};

/// The two words of "left right".
pub fn splitPair(text: []const u8) ?[2][]const u8 {
    const space = std.mem.findScalar(u8, text, ' ') orelse return null;
    const right = text[space + 1 ..];
    if (space == 0 or right.len == 0 or std.mem.findScalar(u8, right, ' ') != null) return null;
    return .{ text[0..space], right };
}

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

test "the large tables are read as such only where they are nothing else" {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    const Tag = std.meta.Tag(Value);
    for ([_]struct { []const u8, Tag }{
        .{ "{\"vocab\": {\"a\": 0, \"\\u0061\": 4294967295}}", .ids },
        .{ "{\"vocab\": {}}", .object },
        .{ "{\"vocab\": {\"a\": 4294967296}}", .object },
        .{ "{\"vocab\": {\"a\": 1.0}}", .object },
        .{ "{\"vocab\": {\"a\": -0}}", .object },
        .{ "{\"vocab\": {\"a\": [0]}}", .object },
        .{ "{\"vocab\": [[\"a\", 0]]}", .array },
        .{ "{\"merges\": [[\"a\", \"b c\"], \"d \\u0065\"]}", .pairs },
        .{ "{\"merges\": []}", .array },
        .{ "{\"merges\": [\"a b c\"]}", .array },
        .{ "{\"merges\": [[\"a\", \"b\", \"c\"]]}", .array },
        .{ "{\"merges\": {\"a\": 0}}", .object },
        .{ "{\"other\": {\"a\": 0}}", .object },
    }) |case| {
        var diagnostic: Diagnostic = .{};
        const root = try parse(arena.allocator(), case[0], &diagnostic);
        try std.testing.expectEqual(case[1], std.meta.activeTag(root.value.object[0].node.value));
    }
    var diagnostic: Diagnostic = .{};
    const pairs = "{\"merges\": [[\"a\", \"b c\"], \"d \\u0065\"]}";
    const found = (try parse(arena.allocator(), pairs, &diagnostic)).get("merges").?.value.pairs;
    try std.testing.expectEqual(std.mem.find(u8, pairs, "\"d").?, found[1].at);
    try std.testing.expectEqualStrings("b c", found[0].right());
    try std.testing.expectEqualStrings("e", found[1].right());
}

test "faults are told with their place" {
    try expectFault("", 0);
    try expectFault("{\"a\": ", 6);
    try expectFault("{} x", 3);
    try expectFault("[" ** 100, depth_max + 1);
    try expectFault("{\"vocab\": {\"a\": 0, \"b\": 01}}", 25);
    try expectFault("{\"merges\": [\"a b\", \"c \\d\"]}", 23);
    try expectFault("[1,]", 3);
    try expectFault("[\"\xC0\xAF\"]", 2);
    try expectFault("[\"a\x1F\"]", 3);
    try expectFault("[\"\\ud800\"]", 8);
}

/// The standard library's scanner as the reference: whether a document is well-formed.
fn isWellFormed(arena: Allocator, document: []const u8) !bool {
    const mark = "\xEF\xBB\xBF";
    const skipped: usize = if (std.mem.startsWith(u8, document, mark)) mark.len else 0;
    var scanner: std.json.Scanner = .initCompleteInput(arena, document[skipped..]);
    while (true) {
        const token = scanner.nextAlloc(arena, .alloc_if_needed) catch |err| switch (err) {
            error.OutOfMemory => return error.OutOfMemory,
            else => return false,
        };
        if (token == .end_of_document) return true;
    }
}

test "what is JSON and what is not, as the standard library has it" {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    var prng: std.Random.DefaultPrng = .init(11);
    const random = prng.random();
    const seed =
        "{\"vocab\": {\"a\\n\": 0, \"\u{e9}\u{4e00}\": 12}, \"merges\": [[\"a\", \"b\"], \"c d\"], " ++
        "\"x\": [true, false, null, -1.5e+3, \"\\ud83d\\ude00\\\"\", {}, []] }";
    const alphabet = "{}[]\",:\\u dD8 0019-+.eEtrfalsn\x00\x1F\n\t\x80\xC3\xE4\xF4\xFF";
    var buffer: [seed.len + 8]u8 = undefined;
    for (0..30_000) |_| {
        _ = arena.reset(.retain_capacity);
        var len: usize = seed.len;
        @memcpy(buffer[0..len], seed);
        for (0..random.uintAtMost(usize, 3)) |_| {
            const at = random.uintLessThan(usize, len);
            switch (random.uintLessThan(u8, 4)) {
                0 => buffer[at] = alphabet[random.uintLessThan(usize, alphabet.len)],
                1 => buffer[at] = random.int(u8),
                2 => len = @max(at, 1),
                else => {
                    std.mem.copyForwards(u8, buffer[at .. len - 1], buffer[at + 1 .. len]);
                    len = @max(len - 1, 1);
                },
            }
        }
        // On the heap, so that a read past the end is seen.
        const document = try std.testing.allocator.dupe(u8, buffer[0..len]);
        defer std.testing.allocator.free(document);
        var diagnostic: Diagnostic = .{};
        const parsed = parse(arena.allocator(), document, &diagnostic);
        const accepted = if (parsed) |_| true else |err| err != error.Malformed;
        try std.testing.expectEqual(try isWellFormed(arena.allocator(), document), accepted);
        if (!accepted) try std.testing.expect(diagnostic.offset.? <= len);
        if (random.uintLessThan(u8, 16) > 0) continue;
        var other: Diagnostic = .{};
        const same = parseOn(arena.allocator(), document, 2, &other);
        try expectSame(parsed, same);
        try std.testing.expectEqual(diagnostic.offset, other.offset);
    }
}

fn expectSame(expected: Error!Node, found: Error!Node) !void {
    const node = expected catch |err| return std.testing.expectError(err, found);
    try expectSameNode(node, try found);
}

fn expectSameNode(a: Node, b: Node) !void {
    try std.testing.expectEqual(a.at, b.at);
    try std.testing.expectEqual(std.meta.activeTag(a.value), std.meta.activeTag(b.value));
    switch (a.value) {
        .array => |items| {
            try std.testing.expectEqual(items.len, b.value.array.len);
            for (items, b.value.array) |item, other| try expectSameNode(item, other);
        },
        .object => |fields| {
            try std.testing.expectEqual(fields.len, b.value.object.len);
            for (fields, b.value.object) |field, other| {
                try std.testing.expectEqual(field.at, other.at);
                try std.testing.expectEqualStrings(field.key, other.key);
                try expectSameNode(field.node, other.node);
            }
        },
        .ids => |fields| {
            try std.testing.expectEqual(fields.len, b.value.ids.len);
            for (fields, b.value.ids) |field, other| {
                try std.testing.expectEqualStrings(field.key(), other.key());
                try std.testing.expectEqual(field.id, other.id);
            }
        },
        .pairs => |pairs| {
            try std.testing.expectEqual(pairs.len, b.value.pairs.len);
            for (pairs, b.value.pairs) |pair, other| {
                try std.testing.expectEqual(pair.at, other.at);
                try std.testing.expectEqualStrings(pair.left(), other.left());
                try std.testing.expectEqualStrings(pair.right(), other.right());
            }
        },
        else => try std.testing.expectEqualDeep(a.value, b.value),
    }
}

test "pairs are read ahead only from where the parser comes to" {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    for ([_]struct { []const u8, ?usize }{
        .{ "{\"vocab\": {\"merges\": 1}, \"merges\" : [[\"a\", \"b\"]]}", 36 },
        .{ "{\"other\": {\"x\": {\"merges\": [\"a b\"]}}, \"merges\": [\"c d\"]}", 27 },
        .{ "{\"x\": \"\\\"merges\\\": [\", \"merges\": [\"c d\"]}", 33 },
        .{ "{\"merges\": {}}", null },
        .{ "{\"merges\":", null },
        .{ "{\"merges", null },
    }) |case| {
        try std.testing.expectEqual(case[1], findMerges(case[0]));
        for (0..20) |_| {
            var diagnostics: [2]Diagnostic = @splat(.{});
            const expected = parse(arena.allocator(), case[0], &diagnostics[0]);
            const parsed = parseOn(arena.allocator(), case[0], 2, &diagnostics[1]);
            try expectSame(expected, parsed);
            try std.testing.expectEqual(diagnostics[0].offset, diagnostics[1].offset);
        }
    }
}
