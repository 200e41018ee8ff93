//! Long runs: `zig build soak -- threads 60` and `zig build soak -- memory 1000`.
//!
//! `threads SECONDS`: eight threads share one tokenizer, each with a context of its own, and encode, count,
//! decode and encode batches of stretches of a text; every result is compared with that of one thread.
//! Meant for `-Dsanitize-thread`, which reports any access that is not ordered.
//!
//! `memory MEGABYTES`: encodes text in which nothing repeats, and fails if the process still grows
//! after the first tenth of it.

const std = @import("std");
const pyaot = @import("pyaot_tokenizer");
const Allocator = std.mem.Allocator;

const thread_count = 8;
const text_len = 1 << 20;
const stretch_len = 2000;
const vocab_size = 2048;

pub fn main(init: std.process.Init) !void {
    const arena = init.arena.allocator();
    const args = try init.minimal.args.toSlice(arena);
    if (args.len != 3) return error.UsageIsThreadsSecondsOrMemoryMegabytes;
    const amount = try std.fmt.parseInt(usize, args[2], 10);
    const text = try arena.alloc(u8, text_len);
    fillWords(text, 1);
    var tokenizer = try learn(arena, text);
    defer tokenizer.deinit(std.heap.c_allocator);
    if (std.mem.eql(u8, args[1], "threads")) return soakThreads(arena, &tokenizer, text, amount);
    if (std.mem.eql(u8, args[1], "memory")) return soakMemory(&tokenizer, text, amount);
    return error.UsageIsThreadsSecondsOrMemoryMegabytes;
}

/// Random words of letters of three scripts, digits and marks; other words for another seed.
fn fillWords(text: []u8, seed: u64) void {
    var prng: std.Random.DefaultPrng = .init(seed);
    const random = prng.random();
    const letters = [_][]const u8{ "e", "t", "a", "o", "n", "S", "\u{434}", "\u{4e2d}", "7", "," };
    var at: usize = 0;
    while (at + 16 < text.len) {
        text[at] = ' ';
        at += 1;
        for (0..random.uintAtMost(usize, 4)) |_| {
            const letter = letters[random.uintLessThan(usize, letters.len)];
            @memcpy(text[at..][0..letter.len], letter);
            at += letter.len;
        }
    }
    @memset(text[at..], '\n');
}

fn learn(arena: Allocator, text: []const u8) !pyaot.Tokenizer {
    const gpa = std.heap.c_allocator;
    const splits = try arena.dupe(pyaot.definition.Split, &.{
        .matches(pyaot.format.byte_level.gpt2_pattern),
    });
    var diagnostic: pyaot.Diagnostic = .{};
    var pretokenizer: pyaot.PreTokenizer = try .init(gpa, splits, &diagnostic);
    defer pretokenizer.deinit(gpa);
    var counts: pyaot.WordCounts = .init(gpa);
    defer counts.deinit();
    var spans: [256]pyaot.Span = undefined;
    var cursor: pyaot.Cursor = .{};
    while (cursor.position < text.len) {
        const found = pretokenizer.next(text, &cursor, &spans);
        for (spans[0..found]) |span| try counts.add(text[span.start..span.end], 1);
    }
    const merges = try pyaot.trainer.train(gpa, (&counts)[0..1], .{ .vocab_size = vocab_size });
    defer gpa.free(merges);
    return pyaot.Tokenizer.init(gpa, .{
        .format = .tiktoken,
        .tokens = try pyaot.trainer.vocabulary(arena, merges),
        .merge_rule = .rank,
        .splits = splits,
    }, &diagnostic);
}

/// A stretch of the text and its ids.
const Sample = struct { text: []const u8, ids: []const u32 };

fn soakThreads(
    arena: Allocator,
    tokenizer: *const pyaot.Tokenizer,
    text: []const u8,
    seconds: usize,
) !void {
    const samples = try arena.alloc(Sample, text.len / stretch_len);
    var context: pyaot.Context = try .init(std.heap.c_allocator, tokenizer);
    defer context.deinit();
    for (samples, 0..) |*sample, i| {
        const stretch = text[i * stretch_len ..][0..stretch_len];
        _ = try context.encode(stretch, .text);
        sample.* = .{ .text = stretch, .ids = try arena.dupe(u32, context.ids) };
    }
    var calls: [thread_count]usize = @splat(0);
    var threads: [thread_count]std.Thread = undefined;
    for (&threads, &calls, 0..) |*thread, *count, seed| {
        thread.* = try .spawn(.{}, callUntil, .{ tokenizer, samples, seed, now() + seconds, count });
    }
    for (threads) |thread| thread.join();
    var total: usize = 0;
    for (calls) |count| total += count;
    std.debug.print("{d} calls on {d} threads, all results equal\n", .{ total, thread_count });
}

fn callUntil(
    tokenizer: *const pyaot.Tokenizer,
    samples: []const Sample,
    seed: u64,
    end: u64,
    count: *usize,
) void {
    call(tokenizer, samples, seed, end, count) catch |err| std.debug.panic("{t}", .{err});
}

fn call(
    tokenizer: *const pyaot.Tokenizer,
    samples: []const Sample,
    seed: u64,
    end: u64,
    count: *usize,
) !void {
    var context: pyaot.Context = try .init(std.heap.c_allocator, tokenizer);
    defer context.deinit();
    var prng: std.Random.DefaultPrng = .init(seed);
    const random = prng.random();
    while (now() < end) : (count.* += 1) {
        const sample = samples[random.uintLessThan(usize, samples.len - 64)..];
        switch (random.uintLessThan(u8, 4)) {
            0 => {
                _ = try context.encode(sample[0].text, .text);
                try expectIds(sample[0].ids, context.ids);
            },
            1 => if (try context.count(sample[0].text, .parse) != sample[0].ids.len) return error.Differs,
            2 => {
                _ = try context.decode(sample[0].ids, false);
                const bytes = context.bytes.items;
                if (!std.mem.eql(u8, sample[0].text, bytes)) return error.Differs;
            },
            else => {
                var ends: [64]u64 = undefined;
                for (&ends, 1..) |*text_end, i| text_end.* = i * stretch_len;
                _ = try context.encodeBatch(sample[0].text.ptr, &ends, .text, 2);
                var start: usize = 0;
                for (sample[0..ends.len], context.ends.items) |one, ids_end| {
                    try expectIds(one.ids, context.ids[start..@intCast(ids_end)]);
                    start = @intCast(ids_end);
                }
            },
        }
    }
}

fn expectIds(expected: []const u32, found: []const u32) !void {
    if (!std.mem.eql(u32, expected, found)) return error.Differs;
}

fn soakMemory(tokenizer: *const pyaot.Tokenizer, text: []u8, megabytes: usize) !void {
    var context: pyaot.Context = try .init(std.heap.c_allocator, tokenizer);
    defer context.deinit();
    var early: usize = 0;
    for (0..megabytes) |i| {
        var prng: std.Random.DefaultPrng = .init(i);
        const random = prng.random();
        for (text) |*byte| byte.* = 'a' + random.uintLessThan(u8, 26);
        // Words of 1 to 60 letters, so that each kind of piece is met.
        var at: usize = 0;
        while (at < text.len) : (at += random.intRangeAtMost(usize, 2, 61)) text[at] = ' ';
        _ = try context.encode(text, .text);
        if (i == megabytes / 10) early = peakKibibytes();
    }
    const late = peakKibibytes();
    std.debug.print("peak {d} MiB after a tenth of {d} MB, {d} MiB at the end\n", .{
        early / 1024, megabytes, late / 1024,
    });
    if (late > early + early / 20) return error.MemoryGrows;
}

fn peakKibibytes() usize {
    return @intCast(std.posix.getrusage(std.posix.rusage.SELF).maxrss);
}

/// Whole seconds on the monotonic clock.
fn now() u64 {
    var time: std.c.timespec = undefined;
    _ = std.c.clock_gettime(.MONOTONIC, &time);
    return @intCast(time.sec);
}
