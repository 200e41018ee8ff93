//! A place in a JSON document, and the reading of what has no parts: strings, numbers, words and white
//! space. Time is linear in what is read; a string without escapes is not copied.

const std = @import("std");
const Diagnostic = @import("../diagnostic.zig").Diagnostic;
const Allocator = std.mem.Allocator;

const lanes = 16;
const Vector = @Vector(lanes, u8);
const SignedVector = @Vector(lanes, i8);
const Mask = std.meta.Int(.unsigned, lanes);

pub const Cursor = struct {
    text: []const u8,
    at: usize,
    /// Holds the strings that had escapes.
    arena: Allocator,
    diagnostic: *Diagnostic,

    pub const Error = error{ OutOfMemory, Malformed };

    /// The next byte; null at the end.
    pub inline fn peek(cursor: *const Cursor) ?u8 {
        return if (cursor.at < cursor.text.len) cursor.text[cursor.at] else null;
    }

    /// Steps over `byte` if it is the next.
    pub inline fn take(cursor: *Cursor, byte: u8) bool {
        if (cursor.at >= cursor.text.len or cursor.text[cursor.at] != byte) return false;
        cursor.at += 1;
        return true;
    }

    pub inline fn expect(cursor: *Cursor, byte: u8) error{Malformed}!void {
        if (!cursor.take(byte)) return cursor.fault();
    }

    /// Reports that the document is not JSON at the cursor.
    pub fn fault(cursor: *const Cursor) error{Malformed} {
        const at = cursor.at;
        if (at >= cursor.text.len) {
            cursor.diagnostic.set(at, "the JSON ends at byte {d}, before it is complete", .{at});
        } else {
            cursor.diagnostic.set(at, "not JSON at byte {d}", .{at});
        }
        return error.Malformed;
    }

    pub inline fn skipSpace(cursor: *Cursor) void {
        if (cursor.at < cursor.text.len and cursor.text[cursor.at] > ' ') return;
        cursor.skipSpaces();
    }

    fn skipSpaces(cursor: *Cursor) void {
        const text = cursor.text;
        var at = cursor.at;
        while (at + lanes <= text.len) : (at += lanes) {
            const bytes: Vector = text[at..][0..lanes].*;
            var spaces: Mask = 0;
            inline for (.{ ' ', '\n', '\r', '\t' }) |space| {
                spaces |= @bitCast(bytes == @as(Vector, @splat(space)));
            }
            if (~spaces != 0) {
                cursor.at = at + @ctz(~spaces);
                return;
            }
        }
        while (at < text.len) : (at += 1) switch (text[at]) {
            ' ', '\n', '\r', '\t' => {},
            else => break,
        };
        cursor.at = at;
    }

    /// Reads one of the three words.
    pub fn word(cursor: *Cursor, comptime expected: []const u8) error{Malformed}!void {
        for (expected) |byte| try cursor.expect(byte);
    }

    /// Reads a number, as it is written.
    pub fn number(cursor: *Cursor) error{Malformed}![]const u8 {
        const begin = cursor.at;
        _ = cursor.take('-');
        if (!cursor.take('0')) try cursor.digits();
        if (cursor.take('.')) try cursor.digits();
        if (cursor.take('e') or cursor.take('E')) {
            if (!cursor.take('+')) _ = cursor.take('-');
            try cursor.digits();
        }
        return cursor.text[begin..cursor.at];
    }

    /// At least one digit.
    fn digits(cursor: *Cursor) error{Malformed}!void {
        const begin = cursor.at;
        while (cursor.peek()) |byte| : (cursor.at += 1) {
            if (!std.ascii.isDigit(byte)) break;
        }
        if (cursor.at == begin) return cursor.fault();
    }

    /// Reads an integer from 0 to 2^32 - 1; null, the cursor anywhere, where none stands.
    pub inline fn id(cursor: *Cursor) ?u32 {
        var value: u64 = 0;
        const begin = cursor.at;
        while (cursor.at < cursor.text.len) : (cursor.at += 1) {
            const digit = cursor.text[cursor.at] -% '0';
            if (digit > 9) break;
            value = value * 10 + digit;
            if (value > std.math.maxInt(u32)) return null;
        }
        const len = cursor.at - begin;
        if (len == 0 or (len > 1 and cursor.text[begin] == '0')) return null;
        // What makes it another number.
        if (cursor.peek()) |byte| if (byte == '.' or byte | 0x20 == 'e') return null;
        return @intCast(value);
    }

    /// Reads a string, from its opening to behind its closing quote.
    pub inline fn string(cursor: *Cursor) Error![]const u8 {
        if (!cursor.take('"')) return cursor.fault();
        const begin = cursor.at;
        try cursor.plain();
        if (cursor.text[cursor.at] == '"') {
            cursor.at += 1;
            return cursor.text[begin .. cursor.at - 1];
        }
        return cursor.escaped(begin);
    }

    /// Steps to the next quote or backslash of a string; a fault where something else ends it.
    inline fn plain(cursor: *Cursor) error{Malformed}!void {
        while (true) {
            cursor.at = ordinaryEnd(cursor.text, cursor.at);
            if (cursor.at >= cursor.text.len) return cursor.fault();
            switch (cursor.text[cursor.at]) {
                '"', '\\' => return,
                0x80...0xFF => try cursor.characters(),
                else => return cursor.fault(),
            }
        }
    }

    /// Steps over characters beyond ASCII, at least one, up to the first ASCII byte.
    fn characters(cursor: *Cursor) error{Malformed}!void {
        const text = cursor.text;
        var at = cursor.at;
        while (at < text.len and text[at] >= 0x80) {
            const first = text[at];
            // The commonest by far: two bytes.
            if (first >= 0xC2 and first <= 0xDF and at + 1 < text.len and
                text[at + 1] & 0xC0 == 0x80)
            {
                at += 2;
                continue;
            }
            // Of three, all but those that have a rule of their own for the second.
            if (first & 0xF0 == 0xE0 and first != 0xE0 and first != 0xED and at + 2 < text.len and
                text[at + 1] & 0xC0 == 0x80 and text[at + 2] & 0xC0 == 0x80)
            {
                at += 3;
                continue;
            }
            const len = std.unicode.utf8ByteSequenceLength(first) catch 0;
            const valid = len > 1 and at + len <= text.len and
                std.unicode.utf8ValidateSlice(text[at..][0..len]);
            if (!valid) {
                cursor.at = at;
                return cursor.fault();
            }
            at += len;
        }
        cursor.at = at;
    }

    /// Reads on a string that began at `begin` and has a backslash at the cursor.
    fn escaped(cursor: *Cursor, begin: usize) Error![]const u8 {
        @branchHint(.unlikely);
        var result: std.ArrayList(u8) = .empty;
        var copied = begin;
        while (true) {
            try result.appendSlice(cursor.arena, cursor.text[copied..cursor.at]);
            if (cursor.take('"')) return result.items;
            cursor.at += 1;
            var buffer: [4]u8 = undefined;
            try result.appendSlice(cursor.arena, try cursor.escape(&buffer));
            copied = cursor.at;
            try cursor.plain();
        }
    }

    /// Reads what follows a backslash.
    fn escape(cursor: *Cursor, buffer: *[4]u8) error{Malformed}![]const u8 {
        const kind = cursor.peek() orelse return cursor.fault();
        buffer[0] = switch (kind) {
            '"', '\\', '/' => kind,
            'b' => 0x08,
            'f' => 0x0C,
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => return cursor.escapedCharacter(buffer),
            else => return cursor.fault(),
        };
        cursor.at += 1;
        return buffer[0..1];
    }

    /// Reads "uXXXX", or two of them that are a pair of surrogates.
    fn escapedCharacter(cursor: *Cursor, buffer: *[4]u8) error{Malformed}![]const u8 {
        cursor.at += 1;
        var character: u21 = try cursor.hexadecimal();
        if (std.unicode.utf16IsLowSurrogate(@intCast(character))) return cursor.fault();
        if (std.unicode.utf16IsHighSurrogate(@intCast(character))) {
            try cursor.expect('\\');
            try cursor.expect('u');
            const low = try cursor.hexadecimal();
            if (!std.unicode.utf16IsLowSurrogate(low)) return cursor.fault();
            character = 0x10000 + ((character & 0x3FF) << 10 | (low & 0x3FF));
        }
        return buffer[0 .. std.unicode.utf8Encode(character, buffer) catch unreachable];
    }

    fn hexadecimal(cursor: *Cursor) error{Malformed}!u16 {
        var value: u16 = 0;
        for (0..4) |_| {
            const byte = cursor.peek() orelse return cursor.fault();
            const digit = std.fmt.charToDigit(byte, 16) catch return cursor.fault();
            value = value << 4 | digit;
            cursor.at += 1;
        }
        return value;
    }
};

/// The first place from `from` on that is a quote, a backslash, a control character or beyond ASCII.
inline fn ordinaryEnd(text: []const u8, from: usize) usize {
    var at = from;
    while (at + lanes <= text.len) : (at += lanes) {
        const bytes: Vector = text[at..][0..lanes].*;
        // As signed numbers, the bytes beyond ASCII are below the space too.
        const signed: SignedVector = @bitCast(bytes);
        const below: Mask = @bitCast(signed < @as(SignedVector, @splat(' ')));
        const quotes: Mask = @bitCast(bytes == @as(Vector, @splat('"')));
        const backslashes: Mask = @bitCast(bytes == @as(Vector, @splat('\\')));
        const stops = below | quotes | backslashes;
        if (stops != 0) return at + @ctz(stops);
    }
    while (at < text.len) : (at += 1) switch (text[at]) {
        '"', '\\', 0...0x1F, 0x80...0xFF => break,
        else => {},
    };
    return at;
}

test {
    // Tested through `json_tree.zig`.
    std.testing.refAllDecls(@This());
}
