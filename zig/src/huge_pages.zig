//! Advice to the system to back large tables with large pages. Look-ups go everywhere in a table of some
//! megabytes, and with pages of 4 KiB, finding these took up to a quarter of the time of encoding.

const std = @import("std");
const builtin = @import("builtin");

/// The size of a large page on the systems that this advises.
pub const len = 2 << 20;

/// Call it before the memory is first touched. Where the system has no such pages, it does nothing.
pub fn advise(bytes: []u8) void {
    // An empty slice may stand at the very end of the addresses.
    if (builtin.os.tag != .linux or bytes.len < len) return;
    const page = std.heap.page_size_min;
    const start = std.mem.alignForward(usize, @intFromPtr(bytes.ptr), page);
    const end = std.mem.alignBackward(usize, @intFromPtr(bytes.ptr) + bytes.len, page);
    if (end < start + len) return;
    _ = std.os.linux.madvise(@ptrFromInt(start), end - start, std.os.linux.MADV.HUGEPAGE);
}

test "advice changes nothing" {
    const gpa = std.testing.allocator;
    for ([_]usize{ 0, 1, len, 3 * len + 5 }) |size| {
        const bytes = try gpa.alloc(u8, size);
        defer gpa.free(bytes);
        @memset(bytes, 7);
        advise(bytes);
        try std.testing.expect(std.mem.allEqual(u8, bytes, 7));
    }
}
