//! Advice to the system to back large tables with large pages. Look-ups go everywhere in a table of some
//! megabytes, and with pages of 4 KiB, finding these took up to a quarter of the time of encoding.

const std = @import("std");
const builtin = @import("builtin");
const Allocator = std.mem.Allocator;

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

/// `bytes` bytes of zeroes from the system itself, which take memory when they are first touched.
pub fn map(comptime T: type, bytes: usize) error{OutOfMemory}![]align(std.heap.page_size_min) T {
    // Not `alloc`, which fills what it gives in safe builds.
    const alignment = alignmentFor(bytes);
    const start = std.heap.page_allocator.rawAlloc(bytes, alignment, @returnAddress()) orelse
        return error.OutOfMemory;
    const items: [*]align(std.heap.page_size_min) T = @ptrCast(@alignCast(start));
    advise(start[0..bytes]);
    return items[0 .. bytes / @sizeOf(T)];
}

/// Gives back what `map` gave.
pub fn unmap(items: anytype) void {
    const bytes: []u8 = @ptrCast(items);
    if (bytes.len == 0) return;
    std.heap.page_allocator.rawFree(bytes, alignmentFor(bytes.len), @returnAddress());
}

/// Gives back the memory of whole pages of what `map` gave, which are zero from then on.
pub fn forget(bytes: []align(std.heap.page_size_min) u8) void {
    if (builtin.os.tag != .linux or bytes.len < std.heap.page_size_max) return;
    _ = std.os.linux.madvise(bytes.ptr, bytes.len, std.os.linux.MADV.DONTNEED);
}

fn alignmentFor(bytes: usize) std.mem.Alignment {
    return .fromByteUnits(if (bytes >= len) len else std.heap.page_size_min);
}

/// Another allocator's memory, advised. It may be freed by the other. Measured: with small pages, a fifth of
/// loading a vocabulary was the system's, which handed them out one by one.
pub const Advising = struct {
    child: Allocator,

    pub fn allocator(advising: *const Advising) Allocator {
        return .{ .ptr = @constCast(advising), .vtable = &vtable };
    }

    const vtable: Allocator.VTable = .{
        .alloc = alloc,
        .resize = resize,
        .remap = remap,
        .free = free,
    };

    fn childOf(context: *anyopaque) Allocator {
        const advising: *const Advising = @ptrCast(@alignCast(context));
        return advising.child;
    }

    fn alloc(context: *anyopaque, size: usize, alignment: Alignment, address: usize) ?[*]u8 {
        const start = childOf(context).rawAlloc(size, alignment, address) orelse return null;
        advise(start[0..size]);
        return start;
    }

    fn resize(
        context: *anyopaque,
        memory: []u8,
        alignment: Alignment,
        size: usize,
        address: usize,
    ) bool {
        return childOf(context).rawResize(memory, alignment, size, address);
    }

    fn remap(
        context: *anyopaque,
        memory: []u8,
        alignment: Alignment,
        size: usize,
        address: usize,
    ) ?[*]u8 {
        return childOf(context).rawRemap(memory, alignment, size, address);
    }

    fn free(context: *anyopaque, memory: []u8, alignment: Alignment, address: usize) void {
        childOf(context).rawFree(memory, alignment, address);
    }

    const Alignment = std.mem.Alignment;
};

test "advised memory is the other allocator's" {
    const gpa = std.testing.allocator;
    const advising: Advising = .{ .child = gpa };
    const advised = advising.allocator();
    const bytes = try advised.alloc(u8, 2 * len);
    @memset(bytes, 7);
    gpa.free(bytes);
    var list: std.ArrayList(u64) = .empty;
    for (0..len / 8 + 1) |i| try list.append(advised, i);
    for (list.items, 0..) |item, i| try std.testing.expectEqual(i, item);
    list.deinit(gpa);
}

test "mapped memory is zero" {
    for ([_]usize{ std.heap.page_size_min, 64 << 10, len, 2 * len }) |size| {
        const items = try map(u64, size);
        defer unmap(items);
        try std.testing.expectEqual(size / 8, items.len);
        try std.testing.expect(std.mem.allEqual(u64, items, 0));
        @memset(items, 7);
        forget(std.mem.sliceAsBytes(items));
        if (builtin.os.tag == .linux and size >= std.heap.page_size_max) {
            try std.testing.expect(std.mem.allEqual(u64, items, 0));
        }
    }
    unmap(@as([]u64, &.{}));
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
