//! Reading the wire format of Protocol Buffers: the fields of a message, one after the other.
//!
//! Nothing is copied, and nothing outside of the message is read, whatever its bytes are. Linear time.

const std = @import("std");

pub const Error = error{BrokenMessage};

/// A field's value as it is on the wire.
pub const Value = union(enum) {
    varint: u64,
    fixed64: u64,
    bytes: []const u8,
    fixed32: u32,
};

pub const Field = struct { number: u32, value: Value };

pub const Message = struct {
    bytes: []const u8,
    at: usize = 0,

    /// The next field; null at the end.
    pub fn next(message: *Message) Error!?Field {
        if (message.at == message.bytes.len) return null;
        const tag = try message.varint();
        const number = std.math.cast(u32, tag >> 3) orelse return error.BrokenMessage;
        if (number == 0) return error.BrokenMessage;
        const value: Value = switch (@as(u3, @truncate(tag))) {
            0 => .{ .varint = try message.varint() },
            1 => .{ .fixed64 = std.mem.readInt(u64, (try message.take(8))[0..8], .little) },
            2 => .{ .bytes = try message.take(try message.varint()) },
            5 => .{ .fixed32 = std.mem.readInt(u32, (try message.take(4))[0..4], .little) },
            else => return error.BrokenMessage,
        };
        return .{ .number = number, .value = value };
    }

    fn varint(message: *Message) Error!u64 {
        var value: u64 = 0;
        for (0..10) |index| {
            const byte = (try message.take(1))[0];
            value |= std.math.shl(u64, byte & 0x7F, 7 * index);
            if (byte < 0x80) return value;
        }
        return error.BrokenMessage;
    }

    fn take(message: *Message, len: u64) Error![]const u8 {
        const rest = message.bytes[message.at..];
        if (len > rest.len) return error.BrokenMessage;
        message.at += @intCast(len);
        return rest[0..@intCast(len)];
    }
};

test "fields of all kinds" {
    var message: Message = .{
        .bytes = "\x08\x96\x01" ++ "\x12\x02hi" ++ "\x1d\x00\x00\x80\x3f" ++ "\x21\x01" ++ "\x00" ** 7,
    };
    try std.testing.expectEqual(Field{ .number = 1, .value = .{ .varint = 150 } }, (try message.next()).?);
    try std.testing.expectEqualStrings("hi", (try message.next()).?.value.bytes);
    try std.testing.expectEqual(@as(u32, 0x3f800000), (try message.next()).?.value.fixed32);
    try std.testing.expectEqual(Field{ .number = 4, .value = .{ .fixed64 = 1 } }, (try message.next()).?);
    try std.testing.expectEqual(@as(?Field, null), try message.next());
}

test "broken messages are told" {
    const endless = "\xff" ** 10 ++ "\x01";
    for ([_][]const u8{
        "\x08",     "\x12\x05hi", "\x0b",            "\x00\x00",        "\x1d\x00",
        "\x21\x00", "\x12\xff",   "\x12" ++ endless, "\x08" ++ endless, endless,
    }) |bytes| {
        var message: Message = .{ .bytes = bytes };
        try std.testing.expectError(error.BrokenMessage, message.next());
    }
}
