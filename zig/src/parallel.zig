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

/// The result of a function, found by a thread of its own while the caller goes on; where there is no such
/// thread, or it has not begun when the result is asked for, by the caller.
///
/// It stays where it is from `start` until `get` or `finish`.
pub fn Future(comptime function: anytype) type {
    const Result = @typeInfo(@TypeOf(function)).@"fn".return_type.?;
    return struct {
        arguments: std.meta.ArgsTuple(@TypeOf(function)),
        result: ?Result = null,
        thread: ?std.Thread = null,
        is_claimed: std.atomic.Value(bool) = .init(false),

        const Self = @This();

        /// Starts the thread if there may be more than one.
        pub fn start(future: *Self, thread_count: usize) void {
            if (thread_count < 2) return;
            future.thread = std.Thread.spawn(.{}, claim, .{future}) catch null;
        }

        fn claim(future: *Self) void {
            if (future.is_claimed.swap(true, .monotonic)) return;
            future.result = @call(.auto, function, future.arguments);
        }

        /// The result, as soon as it is there.
        pub fn get(future: *Self) *Result {
            future.claim();
            return future.finish().?;
        }

        /// Ends the thread and returns what it has found; null where it has not begun.
        pub fn finish(future: *Self) ?*Result {
            _ = future.is_claimed.swap(true, .monotonic);
            if (future.thread) |thread| thread.join();
            future.thread = null;
            return if (future.result) |*result| result else null;
        }
    };
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

fn square(number: usize, calls: *std.atomic.Value(usize)) usize {
    _ = calls.fetchAdd(1, .monotonic);
    return number * number;
}

test "a future is found once, by a thread or by the caller, and not at all where nobody asks" {
    for (0..200) |i| {
        var calls: std.atomic.Value(usize) = .init(0);
        var future: Future(square) = .{ .arguments = .{ i, &calls } };
        future.start(1 + i % 2);
        if (i % 3 == 0) std.Thread.yield() catch {};
        if (i % 5 == 0) {
            const found = future.finish();
            if (found) |result| try std.testing.expectEqual(i * i, result.*);
            try std.testing.expectEqual(@intFromBool(found != null), calls.load(.monotonic));
            continue;
        }
        for (0..2) |_| try std.testing.expectEqual(i * i, future.get().*);
        try std.testing.expectEqual(1, calls.load(.monotonic));
    }
}

test "no more threads than tasks, and at least one" {
    try std.testing.expectEqual(@as(usize, 1), threadCount(4, 0));
    try std.testing.expectEqual(@as(usize, 3), threadCount(4, 3));
    try std.testing.expect(threadCount(0, 1000) >= 1);
}
