//! Where a malformed input went wrong and why, in one sentence.
//!
//! A loader that returns an error also fills a `Diagnostic`: the byte offset in the input, the place in
//! the document's own words (a key path such as `model.merges[12]`, or a line) and a message. It owns
//! fixed buffers, so that reporting an error can neither allocate nor fail.

const std = @import("std");

pub const Diagnostic = struct {
    pub const message_len_max = 512;

    /// Byte offset in the input at which the fault was seen; null where no single place is at fault.
    offset: ?usize = null,
    message_buffer: [message_len_max]u8 = undefined,
    message_len: usize = 0,

    /// The sentence for a person; empty while nothing was reported.
    pub fn message(self: *const Diagnostic) []const u8 {
        return self.message_buffer[0..self.message_len];
    }

    /// Replaces the report. A sentence longer than the buffer is cut at a character boundary.
    pub fn set(self: *Diagnostic, offset: ?usize, comptime format: []const u8, args: anytype) void {
        self.offset = offset;
        var writer = std.Io.Writer.fixed(&self.message_buffer);
        writer.print(format, args) catch {};
        self.message_len = cutAtCharacter(writer.buffered());
    }

    pub fn clear(self: *Diagnostic) void {
        self.offset = null;
        self.message_len = 0;
    }
};

/// The length of `text` without a trailing incomplete UTF-8 sequence, so that a cut message stays text.
fn cutAtCharacter(text: []const u8) usize {
    if (text.len < Diagnostic.message_len_max) return text.len;
    var start = text.len;
    while (start > 0 and text.len - start < 4) {
        start -= 1;
        if (text[start] & 0xC0 != 0x80) break;
    }
    const len = std.unicode.utf8ByteSequenceLength(text[start]) catch return start;
    return if (start + len <= text.len) text.len else start;
}

test "a report is kept, and cut at a character when it is too long" {
    var d: Diagnostic = .{};
    d.set(7, "key {s}: expected a {s}", .{ "model.type", "string" });
    try std.testing.expectEqual(@as(?usize, 7), d.offset);
    try std.testing.expectEqualStrings("key model.type: expected a string", d.message());

    d.set(null, "x{s}", .{"é" ** 400});
    try std.testing.expect(std.unicode.utf8ValidateSlice(d.message()));
    try std.testing.expect(d.message().len >= Diagnostic.message_len_max - 1);
}
