//! tiktoken's rank files: lines of a token in base64, a space, and its rank, which is its id.
//!
//! The pattern and the special tokens are not in the file: the caller has them. Takes n log n time in the
//! number of tokens.

const std = @import("std");
const definition = @import("../definition.zig");
const Diagnostic = @import("../diagnostic.zig").Diagnostic;
const Allocator = std.mem.Allocator;

pub const Error = error{ OutOfMemory, Malformed, Unsupported };

/// Parses the content of a rank file. The definition belongs to `arena` and points to `pattern` and
/// `specials`.
pub fn parse(
    arena: Allocator,
    content: []const u8,
    pattern: []const u8,
    specials: []const definition.AddedToken,
    diagnostic: *Diagnostic,
) Error!definition.Definition {
    var tokens: std.ArrayList(definition.Token) = .empty;
    var lines = std.mem.splitScalar(u8, content, '\n');
    var number: usize = 1;
    while (lines.next()) |raw| : (number += 1) {
        const line = std.mem.trimEnd(u8, raw, "\r");
        if (line.len == 0) continue;
        const at = line.ptr - content.ptr;
        const space = std.mem.findScalar(u8, line, ' ') orelse {
            diagnostic.set(at, "line {d}: expected a token in base64, a space and a rank", .{number});
            return error.Malformed;
        };
        const bytes = decodeBase64(arena, line[0..space]) catch |err| switch (err) {
            error.OutOfMemory => return error.OutOfMemory,
            else => {
                diagnostic.set(at, "line {d}: the token is not base64", .{number});
                return error.Malformed;
            },
        };
        const id = parseId(line[space + 1 ..]) orelse {
            diagnostic.set(
                at + space + 1,
                "line {d}: the rank is not an integer from 0 to 2^32 - 1",
                .{number},
            );
            return error.Malformed;
        };
        try tokens.append(arena, .{ .id = id, .bytes = bytes });
    }
    return fromRanks(arena, tokens.items, pattern, specials, diagnostic);
}

/// Makes a definition of tokens in memory. It belongs to `arena` and points to all that it is given.
pub fn fromRanks(
    arena: Allocator,
    tokens: []const definition.Token,
    pattern: []const u8,
    specials: []const definition.AddedToken,
    diagnostic: *Diagnostic,
) Error!definition.Definition {
    const sorted = try arena.dupe(definition.Token, tokens);
    std.mem.sortUnstable(definition.Token, sorted, {}, lessById);
    var seen: std.StringHashMapUnmanaged(u32) = .empty;
    try seen.ensureTotalCapacity(arena, @intCast(sorted.len));
    for (sorted, 0..) |token, i| {
        if (i > 0 and sorted[i - 1].id == token.id) {
            diagnostic.set(null, "two tokens have the rank {d}", .{token.id});
            return error.Malformed;
        }
        const entry = seen.getOrPutAssumeCapacity(token.bytes);
        if (entry.found_existing) {
            diagnostic.set(
                null,
                "the ranks {d} and {d} have the same token",
                .{ entry.value_ptr.*, token.id },
            );
            return error.Malformed;
        }
        entry.value_ptr.* = token.id;
    }
    try checkSpecials(arena, sorted, specials, diagnostic);
    return .{
        .format = .tiktoken,
        .tokens = sorted,
        .merge_rule = .rank,
        .splits = try arena.dupe(definition.Split, &.{.matches(pattern)}),
        .added_tokens = specials,
    };
}

fn checkSpecials(
    arena: Allocator,
    sorted: []const definition.Token,
    specials: []const definition.AddedToken,
    diagnostic: *Diagnostic,
) Error!void {
    var ids: std.AutoHashMapUnmanaged(u32, void) = .empty;
    var contents: std.StringHashMapUnmanaged(void) = .empty;
    for (specials) |special| {
        if (special.content.len == 0) {
            diagnostic.set(null, "the special token with the id {d} is empty", .{special.id});
            return error.Malformed;
        }
        const taken = definition.Token.find(sorted, special.id);
        if (taken != null or (try ids.getOrPut(arena, special.id)).found_existing) {
            diagnostic.set(
                null,
                "the id {d} of the special token \"{s}\" has another token",
                .{ special.id, special.content },
            );
            return error.Malformed;
        }
        if ((try contents.getOrPut(arena, special.content)).found_existing) {
            diagnostic.set(null, "the special token \"{s}\" is given twice", .{special.content});
            return error.Malformed;
        }
    }
}

/// The bytes that a token is spelled for. Fails where it is no base64.
pub fn decodeBase64(arena: Allocator, text: []const u8) ![]const u8 {
    const decoder = std.base64.standard.Decoder;
    const bytes = try arena.alloc(u8, try decoder.calcSizeForSlice(text));
    try decoder.decode(bytes, text);
    return bytes;
}

fn parseId(text: []const u8) ?u32 {
    for (text) |byte| if (!std.ascii.isDigit(byte)) return null;
    return std.fmt.parseInt(u32, text, 10) catch null;
}

fn lessById(_: void, a: definition.Token, b: definition.Token) bool {
    return a.id < b.id;
}

fn expectFault(
    content: []const u8,
    specials: []const definition.AddedToken,
    message: []const u8,
) !void {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    var diagnostic: Diagnostic = .{};
    const result = parse(arena.allocator(), content, "", specials, &diagnostic);
    try std.testing.expectError(error.Malformed, result);
    try std.testing.expect(std.mem.find(u8, diagnostic.message(), message) != null);
}

test "lines become tokens in order of rank" {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    var diagnostic: Diagnostic = .{};
    const specials = [_]definition.AddedToken{.{ .id = 9, .content = "<|end|>" }};
    const parsed = try parse(arena.allocator(), "YWI= 7\r\nYQ== 3\n\n", "x", &specials, &diagnostic);
    try std.testing.expectEqual(2, parsed.tokens.len);
    try std.testing.expectEqualStrings("a", parsed.tokens[0].bytes);
    try std.testing.expectEqual(7, parsed.tokens[1].id);
    try std.testing.expectEqual(1, parsed.added_tokens.len);
}

test "faults name their line or their id" {
    try expectFault("YQ==", &.{}, "line 1:");
    try expectFault("YQ== 1\nY! 2", &.{}, "line 2: the token is not base64");
    try expectFault("YQ== -1", &.{}, "line 1: the rank");
    try expectFault("YQ== 4294967296", &.{}, "line 1: the rank");
    try expectFault("YQ== ", &.{}, "line 1: the rank");
    try expectFault("YQ== 1\nYg== 1", &.{}, "rank 1");
    try expectFault("YQ== 1\nYQ== 2", &.{}, "1 and 2");
    try expectFault("YQ== 1", &.{.{ .id = 1, .content = "x" }}, "\"x\"");
    try expectFault("YQ== 1", &.{.{ .id = 2, .content = "" }}, "empty");
}
