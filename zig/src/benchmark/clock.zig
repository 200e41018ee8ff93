//! Time for the benchmark program: the least of several runs, in nanoseconds of the thread's own time and in
//! ticks of the counter that the processor has beside its clock, which go on when the thread waits. Constant
//! memory.

const std = @import("std");
const builtin = @import("builtin");

/// Whether `ticks` counts: x86-64's TSC, whose rate is fixed and is not the core's clock.
pub const has_ticks = builtin.cpu.arch == .x86_64;

/// Nanoseconds that the thread has run, so that others on the machine disturb less.
pub fn now() u64 {
    return read(.THREAD_CPUTIME_ID);
}

/// Nanoseconds that all threads of the process have run.
pub fn processNow() u64 {
    return read(.PROCESS_CPUTIME_ID);
}

fn read(clock: std.c.clockid_t) u64 {
    var time: std.c.timespec = undefined;
    _ = std.c.clock_gettime(clock, &time);
    return @as(u64, @intCast(time.sec)) * std.time.ns_per_s + @as(u64, @intCast(time.nsec));
}

/// The counter's reading; 0 where there is none.
pub fn ticks() u64 {
    if (!has_ticks) return 0;
    var low: u32 = undefined;
    var high: u32 = undefined;
    asm volatile ("rdtsc"
        : [low] "={eax}" (low),
          [high] "={edx}" (high),
    );
    return @as(u64, high) << 32 | low;
}

pub const Spent = struct {
    nanoseconds: u64 = std.math.maxInt(u64),
    ticks: u64 = std.math.maxInt(u64),

    pub fn nanosecondsPer(spent: Spent, count: usize) f64 {
        return @as(f64, @floatFromInt(spent.nanoseconds)) / @as(f64, @floatFromInt(@max(count, 1)));
    }

    pub fn ticksPer(spent: Spent, count: usize) f64 {
        return @as(f64, @floatFromInt(spent.ticks)) / @as(f64, @floatFromInt(@max(count, 1)));
    }
};

/// The least time of `runs` calls of `work.run()`, which may fail.
pub fn least(runs: usize, work: anytype) !Spent {
    var spent: Spent = .{};
    for (0..runs) |_| {
        const begin = now();
        const begin_ticks = ticks();
        try work.run();
        spent.ticks = @min(spent.ticks, ticks() - begin_ticks);
        spent.nanoseconds = @min(spent.nanoseconds, now() - begin);
    }
    return spent;
}
