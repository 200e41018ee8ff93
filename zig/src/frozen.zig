//! The frozen form of a tokenizer: its tables as they lie in memory, in one file that is mapped and used in
//! place. Nothing is parsed and nothing is copied.
//!
//! A file is a header, the sections, and the record. The record is the fields of `Tokenizer`, in order and
//! without padding; a slice in it is the place of a section, which is aligned to a cache line. Both are made
//! by reflection over the struct, so that a table takes part by being plain data: integers, enums, booleans,
//! arrays, optionals and structs of them, and slices of what any bytes of the right length are a value of
//! (integers, packed and extern structs; enums and booleans in them are checked one by one).
//!
//! Nothing in a file is trusted. The header has a checksum of all the rest, which tells a damaged file; a
//! file made to harm has a right one, so every place is checked against the file, and each struct that has a
//! slice says in `validate` what its code relies on: that indices are within the tables, that a search
//! ends. A struct without one stops the compiler. A file that passes may be wrong about ids, it cannot make
//! the code read or write where it must not, or run without end.
//!
//! The form is that of one build: `layout` is a hash of all types in it, and `format_version` is to be
//! raised when a table's meaning changes and its types do not. Linear in the file.

const std = @import("std");
const builtin = @import("builtin");
const Diagnostic = @import("diagnostic.zig").Diagnostic;
const Tokenizer = @import("tokenizer.zig").Tokenizer;
const version = @import("version.zig").version;
const Allocator = std.mem.Allocator;
const BitSet = std.DynamicBitSetUnmanaged;

pub const Error = error{ OutOfMemory, Malformed, Unsupported };

/// What each section, and a file in memory, is aligned to.
pub const alignment = 64;
pub const Bytes = []align(alignment) const u8;

/// What every frozen file begins with.
pub const magic = "PYAOTTOK";
pub const format_version = 3;

const Header = extern struct {
    magic: [8]u8 = magic.*,
    /// Tells the order of bytes.
    order: u32 = 0x01020304,
    format: u32 = format_version,
    layout: u64 = layout,
    len: u64,
    record_start: u64,
    record_len: u64,
    /// Of the file with this field zero.
    checksum: u64 = 0,
    /// The version of the library that made it, zero-padded.
    version: [32]u8 = version_field,
    unused: [40]u8 = @splat(0),

    const version_field: [32]u8 = field: {
        var result: [32]u8 = @splat(0);
        @memcpy(result[0..version.len], version);
        break :field result;
    };

    comptime {
        std.debug.assert(@sizeOf(Header) % alignment == 0);
        std.debug.assert(@sizeOf(Header) == 128);
    }
};

const Place = struct { start: u64, len: u64 };

/// Whether the bytes are a frozen tokenizer, by what they begin with.
pub fn isFrozen(bytes: []const u8) bool {
    return std.mem.startsWith(u8, bytes, magic);
}

/// The frozen form of a tokenizer; the caller frees it.
pub fn write(gpa: Allocator, tokenizer: *const Tokenizer) error{OutOfMemory}![]align(alignment) u8 {
    var writer: Writer = .{ .gpa = gpa };
    defer writer.record.deinit(gpa);
    errdefer writer.file.deinit(gpa);
    var header: Header = .{ .len = 0, .record_start = 0, .record_len = 0 };
    try writer.file.appendSlice(gpa, std.mem.asBytes(&header));
    // Where the samples of merges left out are at is no part of it.
    var unsampled = tokenizer.*;
    unsampled.sampling.restart(0);
    try writer.put(Tokenizer, &unsampled);
    const record = try writer.section(writer.record.items);
    header.len = writer.file.items.len;
    header.record_start = record.start;
    header.record_len = record.len;
    @memcpy(writer.file.items[0..@sizeOf(Header)], std.mem.asBytes(&header));
    seal(writer.file.items);
    return writer.file.toOwnedSlice(gpa);
}

/// Gives a file the right checksum, for whoever changes one to find out what happens.
pub fn seal(file: []u8) void {
    var header: Header = undefined;
    @memcpy(std.mem.asBytes(&header), file[0..@sizeOf(Header)]);
    header.checksum = 0;
    header.checksum = checksumOf(&header, file[@sizeOf(Header)..]);
    @memcpy(file[0..@sizeOf(Header)], std.mem.asBytes(&header));
}

fn checksumOf(header: *const Header, rest: []const u8) u64 {
    return std.hash.XxHash3.hash(std.hash.XxHash3.hash(0, std.mem.asBytes(header)), rest);
}

/// The tokenizer in a frozen file. Its tables lie in `file`, which must stay as it is; it must not be
/// deinitialized.
pub fn read(file: Bytes, diagnostic: *Diagnostic) Error!Tokenizer {
    const header = try readHeader(file, diagnostic);
    var reader: Reader = .{ .file = file, .record = &.{}, .diagnostic = diagnostic };
    const place: Place = .{ .start = header.record_start, .len = header.record_len };
    reader.record = try reader.section(u8, alignment, place, "record");
    const tokenizer = try reader.take(Tokenizer, "tokenizer");
    if (reader.record.len > 0) return reader.refuse("record", "is too long");
    const id_limit = std.math.cast(u32, tokenizer.vocab.offsets.len -| 1) orelse
        return reader.refuse("vocab", "is too large");
    try check(Tokenizer, &tokenizer, id_limit, "tokenizer", diagnostic);
    return tokenizer;
}

fn readHeader(file: Bytes, diagnostic: *Diagnostic) Error!Header {
    if (!isFrozen(file)) {
        diagnostic.set(0, "not a frozen tokenizer", .{});
        return error.Malformed;
    }
    if (file.len < @sizeOf(Header)) {
        diagnostic.set(file.len, "the frozen tokenizer ends after {d} bytes", .{file.len});
        return error.Malformed;
    }
    var header: Header = undefined;
    @memcpy(std.mem.asBytes(&header), file[0..@sizeOf(Header)]);
    const expected: Header = .{ .len = 0, .record_start = 0, .record_len = 0 };
    if (header.order != expected.order) {
        diagnostic.set(8, "frozen on a machine of another order of bytes: freeze it again", .{});
        return error.Unsupported;
    }
    if (header.format != expected.format or header.layout != expected.layout) {
        diagnostic.set(
            12,
            "frozen by another build, version {s}, as form {d}:{x}, and this is version {s} and " ++
                "needs form {d}:{x}: freeze it again from the file it was made of",
            .{
                shownVersion(&header), header.format,  header.layout,
                version,               format_version, layout,
            },
        );
        return error.Unsupported;
    }
    if (header.len != file.len) {
        diagnostic.set(
            @min(file.len, header.len),
            "the frozen tokenizer has {d} bytes, and should have {d}",
            .{ file.len, header.len },
        );
        return error.Malformed;
    }
    const checksum = header.checksum;
    header.checksum = 0;
    if (checksumOf(&header, file[@sizeOf(Header)..]) != checksum) {
        diagnostic.set(null, "the frozen tokenizer is damaged: its checksum does not fit", .{});
        return error.Malformed;
    }
    return header;
}

fn shownVersion(header: *const Header) []const u8 {
    const text = std.mem.sliceTo(&header.version, 0);
    for (text) |byte| if (!std.ascii.isPrint(byte)) return "(unknown)";
    return text;
}

const Writer = struct {
    gpa: Allocator,
    file: std.array_list.Aligned(u8, .fromByteUnits(alignment)) = .empty,
    record: std.ArrayList(u8) = .empty,

    fn put(writer: *Writer, comptime T: type, value: *const T) error{OutOfMemory}!void {
        if (T == BitSet) {
            try writer.putNumber(u64, value.bit_length);
            return writer.putSlice(usize, value.masks[0..maskCount(value.bit_length)]);
        }
        switch (@typeInfo(T)) {
            .void => {},
            .bool => try writer.putNumber(u8, @intFromBool(value.*)),
            .int => try writer.putNumber(Whole(T), value.*),
            .@"enum" => |info| try writer.putNumber(Whole(info.tag_type), @intFromEnum(value.*)),
            .array => |info| if (comptime isPlain(info.child)) {
                try writer.record.appendSlice(writer.gpa, std.mem.asBytes(value));
            } else for (value) |*item| try writer.put(info.child, item),
            .optional => |info| {
                try writer.putNumber(u8, @intFromBool(value.* != null));
                if (value.*) |*payload| try writer.put(info.child, payload);
            },
            .@"struct" => |info| if (info.layout == .@"packed") {
                const Backing = info.backing_integer.?;
                try writer.putNumber(Whole(Backing), @as(Backing, @bitCast(value.*)));
            } else inline for (info.fields) |field| {
                try writer.put(field.type, &@field(value, field.name));
            },
            .@"union" => |info| switch (value.*) {
                inline else => |*payload, tag| {
                    try writer.put(info.tag_type.?, &tag);
                    try writer.put(@TypeOf(payload.*), payload);
                },
            },
            .pointer => |info| switch (info.size) {
                .slice => try writer.putSlice(info.child, value.*),
                .one => try writer.putSlice(info.child, value.*[0..1]),
                else => refuseType(T),
            },
            else => refuseType(T),
        }
    }

    fn putNumber(writer: *Writer, comptime T: type, number: T) error{OutOfMemory}!void {
        try writer.record.appendSlice(writer.gpa, std.mem.asBytes(&number));
    }

    fn putSlice(writer: *Writer, comptime T: type, items: []const T) error{OutOfMemory}!void {
        comptime std.debug.assert(isMappable(T));
        const place: Place = if (items.len == 0)
            .{ .start = 0, .len = 0 }
        else
            try writer.section(std.mem.sliceAsBytes(items));
        try writer.putNumber(u64, place.start);
        try writer.putNumber(u64, place.len);
    }

    /// Writes a section behind the last one.
    fn section(writer: *Writer, bytes: []const u8) error{OutOfMemory}!Place {
        const start = std.mem.alignForward(usize, writer.file.items.len, alignment);
        try writer.file.appendNTimes(writer.gpa, 0, start - writer.file.items.len);
        try writer.file.appendSlice(writer.gpa, bytes);
        return .{ .start = start, .len = bytes.len };
    }
};

const Reader = struct {
    file: Bytes,
    /// What is still to be read of it.
    record: []const u8,
    diagnostic: *Diagnostic,

    fn take(reader: *Reader, comptime T: type, comptime path: []const u8) Error!T {
        if (T == BitSet) return reader.takeBitSet(path);
        switch (@typeInfo(T)) {
            .void => return {},
            .bool => return (try reader.takeNumber(u1, path)) != 0,
            .int => return reader.takeNumber(T, path),
            .@"enum" => |info| {
                const number = try reader.takeNumber(info.tag_type, path);
                return std.enums.fromInt(T, number) orelse
                    reader.refuse(path, "has a value that does not exist");
            },
            .array => |info| {
                var result: T = undefined;
                if (comptime isPlain(info.child)) {
                    const bytes = std.mem.asBytes(&result);
                    @memcpy(bytes, try reader.takeBytes(bytes.len, path));
                } else for (&result) |*item| {
                    item.* = try reader.take(info.child, path ++ "[]");
                }
                return result;
            },
            .optional => |info| {
                if (try reader.takeNumber(u1, path) == 0) return null;
                return try reader.take(info.child, path);
            },
            .@"struct" => |info| {
                if (info.layout == .@"packed") {
                    return @bitCast(try reader.takeNumber(info.backing_integer.?, path));
                }
                var result: T = undefined;
                inline for (info.fields) |field| {
                    @field(result, field.name) =
                        try reader.take(field.type, path ++ "." ++ field.name);
                }
                return result;
            },
            .@"union" => |info| switch (try reader.take(info.tag_type.?, path)) {
                inline else => |tag| {
                    const name = @tagName(tag);
                    const Payload = @FieldType(T, name);
                    return @unionInit(T, name, try reader.take(Payload, path ++ "." ++ name));
                },
            },
            .pointer => |info| {
                const slice_alignment = info.alignment orelse @alignOf(info.child);
                const items = try reader.takeSlice(info.child, slice_alignment, path);
                if (info.size == .slice) return @constCast(items);
                if (items.len != 1) return reader.refuse(path, "is not one value");
                return @constCast(&items[0]);
            },
            else => refuseType(T),
        }
    }

    fn takeBitSet(reader: *Reader, comptime path: []const u8) Error!BitSet {
        const bit_length = try reader.takeNumber(u64, path);
        if (bit_length > std.math.maxInt(u32)) return reader.refuse(path, "is too large");
        const masks = try reader.takeSlice(usize, @alignOf(usize), path);
        if (masks.len != maskCount(@intCast(bit_length))) {
            return reader.refuse(path, "is too short");
        }
        if (masks.len == 0) return .{};
        const used = bit_length % @bitSizeOf(usize);
        if (used != 0 and masks[masks.len - 1] >> @intCast(used) != 0) {
            return reader.refuse(path, "has bits behind its end");
        }
        return .{ .bit_length = @intCast(bit_length), .masks = @constCast(masks.ptr) };
    }

    fn takeSlice(
        reader: *Reader,
        comptime T: type,
        comptime slice_alignment: comptime_int,
        comptime path: []const u8,
    ) Error![]align(slice_alignment) const T {
        const place: Place = .{
            .start = try reader.takeNumber(u64, path),
            .len = try reader.takeNumber(u64, path),
        };
        return reader.section(T, slice_alignment, place, path);
    }

    fn takeNumber(reader: *Reader, comptime T: type, comptime path: []const u8) Error!T {
        var whole: Whole(T) = undefined;
        const bytes = std.mem.asBytes(&whole);
        @memcpy(bytes, try reader.takeBytes(bytes.len, path));
        return std.math.cast(T, whole) orelse reader.refuse(path, "has a number out of its range");
    }

    fn takeBytes(reader: *Reader, len: usize, comptime path: []const u8) Error![]const u8 {
        if (reader.record.len < len) return reader.refuse(path, "is missing from the record");
        defer reader.record = reader.record[len..];
        return reader.record[0..len];
    }

    fn section(
        reader: *Reader,
        comptime T: type,
        comptime slice_alignment: comptime_int,
        place: Place,
        comptime path: []const u8,
    ) Error![]align(slice_alignment) const T {
        comptime std.debug.assert(slice_alignment <= alignment);
        if (place.len == 0) return &.{};
        if (place.start % alignment != 0 or place.start < @sizeOf(Header) or
            place.start > reader.file.len or place.len > reader.file.len - place.start or
            place.len % @sizeOf(T) != 0)
        {
            return reader.refuse(path, "does not lie in the file");
        }
        const bytes = reader.file[@intCast(place.start)..][0..@intCast(place.len)];
        const aligned: []align(slice_alignment) const u8 = @alignCast(bytes);
        if (comptime !isPlain(T)) {
            var at: usize = 0;
            while (at < bytes.len) : (at += @sizeOf(T)) {
                if (!isValue(T, bytes[at..][0..@sizeOf(T)])) {
                    return reader.refuse(path, "has a value that does not exist");
                }
            }
        }
        return @ptrCast(std.mem.bytesAsSlice(T, aligned));
    }

    fn refuse(
        reader: *Reader,
        comptime path: []const u8,
        comptime what: []const u8,
    ) error{Malformed} {
        const message = "the frozen tokenizer is not valid: " ++ path ++ " " ++ what;
        reader.diagnostic.set(null, message, .{});
        return error.Malformed;
    }
};

/// Calls `validate` of each struct with slices, of the innermost first.
fn check(
    comptime T: type,
    value: *const T,
    id_limit: u32,
    comptime path: []const u8,
    diagnostic: *Diagnostic,
) error{Malformed}!void {
    if (T == BitSet) return;
    switch (@typeInfo(T)) {
        .array => |info| if (comptime !isPlain(info.child)) {
            for (value) |*item| try check(info.child, item, id_limit, path ++ "[]", diagnostic);
        },
        .optional => |info| if (value.*) |*payload| {
            try check(info.child, payload, id_limit, path, diagnostic);
        },
        .@"union" => switch (value.*) {
            inline else => |*payload, tag| try check(
                @TypeOf(payload.*),
                payload,
                id_limit,
                path ++ "." ++ @tagName(tag),
                diagnostic,
            ),
        },
        .@"struct" => |info| {
            if (info.layout == .@"packed") return;
            inline for (info.fields) |field| try check(
                field.type,
                &@field(value, field.name),
                id_limit,
                path ++ "." ++ field.name,
                diagnostic,
            );
            if (comptime !hasSlice(T) and !@hasDecl(T, "validate")) return;
            if (!@hasDecl(T, "validate")) @compileError(@typeName(T) ++ " has slices and no " ++
                "`pub fn validate(self: *const @This(), id_limit: u32) bool`, which says whether " ++
                "contents that were made up cannot harm");
            if (value.validate(id_limit)) return;
            diagnostic.set(null, "the frozen tokenizer is not valid: {s}", .{path});
            return error.Malformed;
        },
        else => {},
    }
}

/// Whether one of the fields is a slice, or may be.
fn hasSlice(comptime T: type) bool {
    for (@typeInfo(T).@"struct".fields) |field| {
        const inner = switch (@typeInfo(field.type)) {
            .optional => |info| info.child,
            else => field.type,
        };
        if (inner == BitSet or @typeInfo(inner) == .pointer) return true;
    }
    return false;
}

/// Whether slices of it may lie in the file.
fn isMappable(comptime T: type) bool {
    if (isPlain(T)) return true;
    return switch (@typeInfo(T)) {
        .bool => true,
        .@"enum" => |info| isPlain(info.tag_type),
        .array => |info| isMappable(info.child),
        .@"struct" => |info| {
            if (info.layout != .@"extern") refuseType(T);
            var size: usize = 0;
            for (info.fields) |field| {
                if (!isMappable(field.type)) return false;
                size += @sizeOf(field.type);
            }
            if (size != @sizeOf(T)) @compileError(@typeName(T) ++ " has padding, which would be " ++
                "written to a frozen file: make it a field");
            return true;
        },
        else => refuseType(T),
    };
}

/// Whether any bytes of its size are a value of it, and all of its bytes are its own.
fn isPlain(comptime T: type) bool {
    return switch (@typeInfo(T)) {
        .int => |info| info.bits == 8 * @sizeOf(T),
        .array => |info| isPlain(info.child),
        .@"struct" => |info| switch (info.layout) {
            .@"packed" => {
                for (info.fields) |field| switch (@typeInfo(field.type)) {
                    .int, .bool => {},
                    else => refuseType(field.type),
                };
                return isPlain(info.backing_integer.?);
            },
            .@"extern" => {
                var size: usize = 0;
                for (info.fields) |field| {
                    if (!isPlain(field.type)) return false;
                    size += @sizeOf(field.type);
                }
                return size == @sizeOf(T);
            },
            .auto => false,
        },
        else => false,
    };
}

/// Whether the bytes are a value of a mappable type.
fn isValue(comptime T: type, bytes: *const [@sizeOf(T)]u8) bool {
    if (comptime isPlain(T)) return true;
    switch (@typeInfo(T)) {
        .bool => return bytes[0] <= 1,
        .@"enum" => |info| {
            const number = std.mem.readInt(info.tag_type, bytes, builtin.cpu.arch.endian());
            return std.enums.fromInt(T, number) != null;
        },
        .array => |info| {
            for (0..info.len) |i| {
                const size = @sizeOf(info.child);
                if (!isValue(info.child, bytes[i * size ..][0..size])) return false;
            }
            return true;
        },
        .@"struct" => |info| {
            inline for (info.fields) |field| {
                const at = @offsetOf(T, field.name);
                if (!isValue(field.type, bytes[at..][0..@sizeOf(field.type)])) return false;
            }
            return true;
        },
        else => unreachable,
    }
}

/// The integer of whole bytes that has room for a number.
fn Whole(comptime T: type) type {
    const info = @typeInfo(T).int;
    return std.meta.Int(info.signedness, std.math.ceilPowerOfTwoAssert(u16, @max(info.bits, 8)));
}

fn maskCount(bit_length: usize) usize {
    return std.math.divCeil(usize, bit_length, @bitSizeOf(usize)) catch unreachable;
}

fn refuseType(comptime T: type) noreturn {
    @compileError(@typeName(T) ++ " is no plain data and cannot be in a frozen file (frozen.zig " ++
        "says what can)");
}

/// A hash of all types in the file.
pub const layout: u64 = hash: {
    @setEvalBranchQuota(1_000_000);
    var hash: u64 = 0xcbf29ce484222325;
    for (describe(Tokenizer)) |byte| hash = (hash ^ byte) *% 0x100000001b3;
    break :hash hash;
};

/// The structure of a type in words: the same for the same layout.
fn describe(comptime T: type) []const u8 {
    return switch (@typeInfo(T)) {
        .pointer => |info| "*" ++ @tagName(info.size) ++ describe(info.child),
        .optional => |info| "?" ++ describe(info.child),
        .array => |info| std.fmt.comptimePrint("[{d}]", .{info.len}) ++ describe(info.child),
        .@"enum" => |info| {
            var text: []const u8 = "enum(" ++ @typeName(info.tag_type) ++ ")";
            for (info.fields) |field| {
                text = text ++ std.fmt.comptimePrint("{s}={d},", .{ field.name, field.value });
            }
            return text ++ ";";
        },
        .@"union" => |info| {
            var text: []const u8 = "union" ++ describe(info.tag_type.?);
            for (info.fields) |field| text = text ++ field.name ++ ":" ++ describe(field.type);
            return text ++ ";";
        },
        .@"struct" => |info| {
            var text: []const u8 = @tagName(info.layout) ++ "{";
            for (info.fields) |field| {
                text = text ++ field.name ++ ":" ++ describe(field.type) ++ ",";
            }
            return text ++ "}";
        },
        else => @typeName(T),
    };
}

const definition = @import("definition.zig");
const Context = @import("context.zig").Context;
const test_support = @import("test_support.zig");

fn smallTokenizer(arena: Allocator, rule: test_support.Rule, pattern: ?[]const u8) !Tokenizer {
    var diagnostic: Diagnostic = .{};
    var parsed = try test_support.smallDefinition(arena, rule);
    const Split = @TypeOf(parsed.splits[0]);
    if (pattern) |text| parsed.splits = try arena.dupe(Split, &.{.matches(text)});
    return .init(std.testing.allocator, parsed, &diagnostic);
}

fn smallFile(
    arena: Allocator,
    rule: test_support.Rule,
    pattern: ?[]const u8,
) ![]align(alignment) u8 {
    var tokenizer = try smallTokenizer(arena, rule, pattern);
    defer tokenizer.deinit(std.testing.allocator);
    return write(arena, &tokenizer);
}

const test_texts = [_][]const u8{
    "",
    "hello <|end|> abc  <m>aaaaaa abcabc he's 123\u{e9}\u{4e00}\xFF\xC3",
    "ab" ** 300 ++ "\x00 x",
};

/// Encodes and decodes with tables that may be wrong about ids.
fn use(tokenizer: *const Tokenizer) !void {
    var context: Context = try .init(std.testing.allocator, tokenizer);
    defer context.deinit();
    for (test_texts) |text| {
        _ = try context.encode(text, .parse);
        for (context.ids) |id| try std.testing.expect(id < tokenizer.vocab.idLimit());
        const ids = try std.testing.allocator.dupe(u32, context.ids);
        defer std.testing.allocator.free(ids);
        _ = context.decode(ids, true) catch |err| try std.testing.expect(err == error.UnknownId);
    }
    for ([_][]const u8{ "<|end|>", "<m>", "hello", "abc" }) |token| _ = tokenizer.tokenToId(token);
    for (0..tokenizer.vocab.idLimit()) |id| _ = tokenizer.idToToken(@intCast(id));
}

test "a frozen tokenizer has the same tables, and the same ids" {
    const gpa = std.testing.allocator;
    var arena_state: std.heap.ArenaAllocator = .init(gpa);
    defer arena_state.deinit();
    const arena = arena_state.allocator();
    const Case = struct { test_support.Rule, ?[]const u8 };
    for ([_]Case{
        .{ .rank, null },          .{ .list, null },
        .{ .rank, "[a-e]+|[^b]" }, .{ .list, "[a-e]+(?!b)|[^b]" },
    }) |case| {
        var diagnostic: Diagnostic = .{};
        var tokenizer = try smallTokenizer(arena, case[0], case[1]);
        defer tokenizer.deinit(gpa);
        const file = try write(gpa, &tokenizer);
        defer gpa.free(file);
        const thawed = try read(file, &diagnostic);
        const again = try write(gpa, &thawed);
        defer gpa.free(again);
        try std.testing.expectEqualSlices(u8, file, again);
        var expected: Context = try .init(gpa, &tokenizer);
        defer expected.deinit();
        var context: Context = try .init(gpa, &thawed);
        defer context.deinit();
        for (test_texts) |text| {
            _ = try expected.encode(text, .parse);
            _ = try context.encode(text, .parse);
            try std.testing.expectEqualSlices(u32, expected.ids, context.ids);
        }
        try use(&thawed);
    }
}

test "two threads make the tables that one makes" {
    const gpa = std.testing.allocator;
    var arena: std.heap.ArenaAllocator = .init(gpa);
    defer arena.deinit();
    for ([_]test_support.Rule{ .rank, .list }) |rule| {
        var files: [2][]const u8 = undefined;
        for (&files, 1..) |*file, thread_count| {
            var diagnostic: Diagnostic = .{};
            var parsed = try test_support.smallDefinition(arena.allocator(), rule);
            parsed.thread_count = thread_count;
            var tokenizer: Tokenizer = try .init(gpa, parsed, &diagnostic);
            defer tokenizer.deinit(gpa);
            file.* = try write(arena.allocator(), &tokenizer);
        }
        try std.testing.expectEqualSlices(u8, files[0], files[1]);
    }
}

test "a file that was cut or damaged anywhere is refused" {
    var arena_state: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena_state.deinit();
    const file = try smallFile(arena_state.allocator(), .list, null);
    var prng: std.Random.DefaultPrng = .init(7);
    const random = prng.random();
    for (0..700) |i| {
        // Every length up to the end of the header, and some of the others.
        const len = if (i < 300) i else random.uintLessThan(usize, file.len);
        var diagnostic: Diagnostic = .{};
        try std.testing.expectError(error.Malformed, read(file[0..len], &diagnostic));
        try std.testing.expect(diagnostic.message().len > 0);
    }
    for (0..400) |i| {
        const at = if (i < @sizeOf(Header)) i else random.uintLessThan(usize, file.len);
        const bit = @as(u8, 1) << random.int(u3);
        file[at] ^= bit;
        defer file[at] ^= bit;
        var diagnostic: Diagnostic = .{};
        const result = read(file, &diagnostic);
        try std.testing.expect(std.meta.isError(result));
        try std.testing.expect(diagnostic.message().len > 0);
    }
}

test "a file of another build says so" {
    var arena_state: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena_state.deinit();
    const file = try smallFile(arena_state.allocator(), .rank, null);
    file[@offsetOf(Header, "format")] += 1;
    var diagnostic: Diagnostic = .{};
    try std.testing.expectError(error.Unsupported, read(file, &diagnostic));
    try std.testing.expect(std.mem.find(u8, diagnostic.message(), "version " ++ version) != null);
}

/// Changes something at a random place of the record, or of a section: of each as often as of any other.
fn tamper(random: std.Random, file: []u8, starts: []const usize) void {
    const section = random.uintLessThan(usize, 2 * starts.len);
    const start = starts[if (section < starts.len) section else starts.len - 1];
    const end = for (starts) |other| {
        if (other > start) break other;
    } else file.len;
    const at = random.intRangeLessThan(usize, start, end);
    switch (random.uintLessThan(u8, 3)) {
        0 => file[at] ^= @as(u8, 1) << random.int(u3),
        1 => file[at] = random.int(u8),
        else => @memset(file[at..@min(at + 4, end)], if (random.boolean()) 0xFF else 0),
    }
}

test "a file that was made to harm, with the right checksum, is refused or works" {
    const gpa = std.testing.allocator;
    var arena_state: std.heap.ArenaAllocator = .init(gpa);
    defer arena_state.deinit();
    const arena = arena_state.allocator();
    var prng: std.Random.DefaultPrng = .init(9);
    const random = prng.random();
    var refused: usize = 0;
    var accepted: usize = 0;
    for ([_][]align(alignment) u8{
        try smallFile(arena, .list, null),
        try smallFile(arena, .list, "[a-e]+(?!b)|[^b]+?(?=c)|\\s"),
        try characterFile(arena),
    }) |file| {
        var diagnostic: Diagnostic = .{};
        const header = try readHeader(file, &diagnostic);
        const starts = try sectionStarts(arena, file, header.record_start);
        const copy = try arena.alignedAlloc(u8, .fromByteUnits(alignment), file.len);
        for (0..700) |_| {
            @memcpy(copy, file);
            for (0..random.intRangeAtMost(usize, 1, 3)) |_| tamper(random, copy, starts);
            seal(copy);
            if (read(copy, &diagnostic)) |tokenizer| {
                accepted += 1;
                try use(&tokenizer);
            } else |_| refused += 1;
        }
    }
    try std.testing.expect(refused > 300 and accepted > 100);
}

/// Of a vocabulary of characters, as SentencePiece has them.
fn characterFile(arena: Allocator) ![]align(alignment) u8 {
    const tokens = [_]definition.Token{
        .{ .id = 0, .bytes = "<unk>" },             .{ .id = 1, .bytes = "a" },
        .{ .id = 2, .bytes = "b" },                 .{ .id = 3, .bytes = "\u{e9}" },
        .{ .id = 4, .bytes = " " },                 .{ .id = 5, .bytes = " a" },
        .{ .id = 6, .bytes = "b\u{e9}" },           .{ .id = 7, .bytes = "<x>" },
        .{ .id = 8, .bytes = "c", .decoded = "c" },
    };
    const none = definition.MergeRule.unmerged;
    var diagnostic: Diagnostic = .{};
    var byte_ids: [256]?u32 = @splat(null);
    byte_ids['c'] = 8;
    const tokenizer: Tokenizer = try .init(arena, .{
        .format = .sentencepiece,
        .tokens = &tokens,
        .symbols = .{ .characters = .{
            .known = &.{
                .{ .character = ' ', .id = 4 }, .{ .character = 'a', .id = 1 },
                .{ .character = 'b', .id = 2 }, .{ .character = 0xe9, .id = 3 },
            },
            .byte_ids = byte_ids,
            .unknown = 0,
            .fuse_unknown = true,
        } },
        .merge_rule = .{ .scores = &.{ none, 1, 1, 1, 1, 0, 0, none, none } },
        .normalization = &.{ .{ .collapse_spaces = "\u{2581}" }, .{ .prepend = " " } },
        .splits = &.{},
        .decoding = .{ .byte_fallback = true, .byte_tokens = &.{8}, .strip_spaces = 1 },
        .added_tokens = &.{.{ .id = 7, .content = "<x>", .special = false, .normalized = true }},
        .added_are_normal = true,
        .special_ids = &.{0},
    }, &diagnostic);
    return write(arena, &tokenizer);
}

/// Where the record and each section that it names begin, in ascending order.
fn sectionStarts(arena: Allocator, file: []const u8, record_start: u64) ![]const usize {
    var starts: std.ArrayList(usize) = .empty;
    var at: usize = @intCast(record_start);
    while (at + 8 <= file.len) : (at += 1) {
        const start = std.mem.readInt(u64, file[at..][0..8], .little);
        if (start % alignment != 0 or start < @sizeOf(Header) or start >= record_start) continue;
        if (std.mem.findScalar(usize, starts.items, @intCast(start)) == null) {
            try starts.append(arena, @intCast(start));
        }
    }
    try starts.append(arena, @intCast(record_start));
    std.mem.sort(usize, starts.items, {}, std.sort.asc(usize));
    return starts.items;
}

fn writeOnce(gpa: Allocator, tokenizer: *const Tokenizer) !void {
    gpa.free(try write(gpa, tokenizer));
}

test "a failed allocation leaks nothing" {
    const gpa = std.testing.allocator;
    var arena_state: std.heap.ArenaAllocator = .init(gpa);
    defer arena_state.deinit();
    var diagnostic: Diagnostic = .{};
    const parsed = try test_support.smallDefinition(arena_state.allocator(), .rank);
    var tokenizer: Tokenizer = try .init(gpa, parsed, &diagnostic);
    defer tokenizer.deinit(gpa);
    try std.testing.checkAllAllocationFailures(gpa, writeOnce, .{&tokenizer});
}
