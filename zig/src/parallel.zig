//! Fork-join: the threads of one call are started by it and gone when it returns.
//!
//! There is no pool, no lock and no state that outlives a call, so forking the process between calls is
//! safe. Starting and joining a thread costs some 15 microseconds; callers give it work worth more.

const std = @import("std");

/// Most threads one call uses.
pub const thread_count_max = 256;

/// Tasks handed out one by one, in order.
pub const TaskQueue = struct {
    count: usize,
    taken: std.atomic.Value(usize) = .init(0),

    /// The next task, 0 up to `count`; null when all are taken.
    pub fn take(queue: *TaskQueue) ?usize {
        const index = queue.taken.fetchAdd(1, .monotonic);
        return if (index < queue.count) index else null;
    }

    /// Hands out no more tasks.
    pub fn close(queue: *TaskQueue) void {
        queue.taken.store(queue.count, .monotonic);
    }
};

/// How many threads to use for `task_count` tasks where the caller asks for `requested` (0: one a core).
pub fn threadCount(requested: usize, task_count: usize) usize {
    const wanted = if (requested == 0) std.Thread.getCpuCount() catch 1 else requested;
    return @max(1, @min(wanted, task_count, thread_count_max));
}

/// Runs `function(context, index)` for every index below `thread_count`, each on a thread of its own, index 0
/// on the caller's, and returns when all have. A thread that cannot be started is done without: the
/// function must take its work from a queue that the others share.
pub fn run(
    thread_count: usize,
    context: anytype,
    comptime function: fn (@TypeOf(context), usize) void,
) void {
    std.debug.assert(thread_count >= 1 and thread_count <= thread_count_max);
    var threads: [thread_count_max - 1]std.Thread = undefined;
    var started: usize = 0;
    while (started + 1 < thread_count) : (started += 1) {
        threads[started] = std.Thread.spawn(.{}, function, .{ context, started + 1 }) catch break;
    }
    function(context, 0);
    for (threads[0..started]) |thread| thread.join();
}

const Sum = struct {
    queue: TaskQueue,
    sums: [8]usize = @splat(0),

    fn work(sum: *Sum, index: usize) void {
        while (sum.queue.take()) |task| sum.sums[index] += task;
    }
};

test "every task is done once, on any number of threads" {
    for (1..9) |thread_count| {
        var sum: Sum = .{ .queue = .{ .count = 1000 } };
        run(thread_count, &sum, Sum.work);
        var total: usize = 0;
        for (sum.sums) |part| total += part;
        try std.testing.expectEqual(@as(usize, 499_500), total);
    }
}

test "no more threads than tasks, and at least one" {
    try std.testing.expectEqual(@as(usize, 1), threadCount(4, 0));
    try std.testing.expectEqual(@as(usize, 3), threadCount(4, 3));
    try std.testing.expect(threadCount(0, 1000) >= 1);
}
