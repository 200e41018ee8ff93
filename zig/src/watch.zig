//! How far a training is, and whether to give it up: seen and set by other threads. Constant time.

const std = @import("std");

pub const Watch = struct {
    merge_count: std.atomic.Value(u64) = .init(0),
    is_cancelled: std.atomic.Value(bool) = .init(false),

    pub fn cancel(watch: *Watch) void {
        watch.is_cancelled.store(true, .monotonic);
    }

    /// Says how many merges are made, and stops who was cancelled.
    pub fn tell(watch: *Watch, merge_count: usize) error{Cancelled}!void {
        watch.merge_count.store(merge_count, .monotonic);
        return poll(watch);
    }

    /// Stops who was cancelled. To be called every few milliseconds, by whatever takes long.
    pub fn poll(watch: ?*const Watch) error{Cancelled}!void {
        const seen = watch orelse return;
        if (seen.is_cancelled.load(.monotonic)) return error.Cancelled;
    }
};

test "who is cancelled stops" {
    const testing = std.testing;
    var watch: Watch = .{};
    try watch.tell(3);
    try Watch.poll(null);
    watch.cancel();
    try testing.expectError(error.Cancelled, watch.tell(4));
    try testing.expectError(error.Cancelled, Watch.poll(&watch));
    try testing.expectEqual(4, watch.merge_count.load(.monotonic));
}
