//! Counts the pieces of texts on several threads, a table a thread.
//!
//! Texts come in calls, each of which counts all of its own. A call's texts are dealt out in tasks of
//! some hundred kilobytes; a long text is cut between a letter or digit and white space, where each of the
//! hand-written scanners ends a piece whatever stands before and behind. (Its letters and digits never take
//! ASCII white space in, and what comes before white space never looks beyond it.) Text for compiled
//! patterns is not cut. Which thread counts what is left to chance, and the sum of all tables does not
//! depend on it.
//!
//! Time is linear in the text. Memory is that of the tables, and one task for each 256 KiB of the call.

const std = @import("std");
const definition = @import("definition.zig");
const Diagnostic = @import("diagnostic.zig").Diagnostic;
const levels = @import("pretokenizer/levels.zig");
const parallel = @import("parallel.zig");
const pretokenizer = @import("pretokenizer.zig");
const unicode = @import("unicode.zig");
const utf8 = @import("utf8.zig");
const AddError = @import("word_counts.zig").AddError;
const Watch = @import("watch.zig").Watch;
const WordCounts = @import("word_counts.zig").WordCounts;
const Allocator = std.mem.Allocator;

pub const Error = AddError || error{
    Cancelled,
    /// Text that had to be UTF-8 is not; `fault` says where.
    InvalidUtf8,
};

/// What a call asks of its texts.
pub const Check = enum {
    /// Ill-formed bytes are cut into pieces as U+FFFD.
    none,
    /// Ill-formed bytes are an error.
    utf8,
};

/// A task's texts are at least this long together, if there are as many.
const task_len = 256 * 1024;
/// Spans found together.
const batch_len = 256;

pub const Counter = struct {
    gpa: Allocator,
    pieces: pretokenizer.PreTokenizer,
    /// One for each thread.
    tables: []WordCounts,
    level: levels.Level,
    watch: Watch = .{},
    /// The first ill-formed byte of the last call's texts.
    fault: usize = 0,

    /// Takes `pieces` over.
    pub fn init(
        gpa: Allocator,
        pieces: pretokenizer.PreTokenizer,
        thread_count: usize,
    ) error{OutOfMemory}!Counter {
        const limit = parallel.thread_count_max;
        const tables = try gpa.alloc(WordCounts, parallel.threadCount(thread_count, limit));
        for (tables) |*table| table.* = .init(gpa);
        return .{ .gpa = gpa, .pieces = pieces, .tables = tables, .level = .best() };
    }

    pub fn deinit(counter: *Counter) void {
        for (counter.tables) |*table| table.deinit();
        counter.gpa.free(counter.tables);
        counter.pieces.deinit(counter.gpa);
        counter.* = undefined;
    }

    /// Makes the present and all later calls end with an error soon. For any thread.
    pub fn cancel(counter: *Counter) void {
        counter.watch.cancel();
    }

    /// Counts the pieces of texts that lie one after the other, text `i` ending before `ends[i]`. After
    /// an error some of them are counted.
    pub fn addTexts(
        counter: *Counter,
        texts: []const u8,
        ends: []const u64,
        check: Check,
    ) Error!void {
        var tasks: std.ArrayList(Task) = .empty;
        defer tasks.deinit(counter.gpa);
        try counter.plan(&tasks, texts, ends);
        var call: Call = .{
            .counter = counter,
            .texts = texts,
            .ends = ends,
            .check = check,
            .tasks = tasks.items,
            .queue = .{ .count = tasks.items.len },
        };
        parallel.run(
            parallel.threadCount(counter.tables.len, tasks.items.len),
            &call,
            Call.work,
        );
        for (tasks.items) |task| {
            if (task.failure) |err| {
                counter.fault = task.fault;
                return err;
            }
        }
        try counter.watch.tell(0);
    }

    /// Puts all counts where each piece is in one table alone. After an error they are as they were.
    pub fn gather(counter: *Counter) (AddError || error{Cancelled})!void {
        if (counter.tables.len == 1) return;
        const gathered = try counter.gpa.alloc(WordCounts, counter.tables.len);
        defer counter.gpa.free(gathered);
        for (gathered) |*table| table.* = .init(counter.gpa);
        for (counter.tables) |*table| table.forgetPlaces();
        var gathering: Gathering = .{
            .from = counter.tables,
            .to = gathered,
            .queue = .{ .count = gathered.len },
            .watch = &counter.watch,
        };
        parallel.run(gathered.len, &gathering, Gathering.work);
        if (gathering.failure()) |err| {
            for (gathered) |*table| table.deinit();
            return err;
        }
        for (counter.tables, gathered) |*old, new| {
            old.deinit();
            old.* = new;
        }
    }

    /// Where the last task of `text` may end, for one who has only its beginning; 0 if nowhere.
    pub fn lastCut(counter: *const Counter, text: []const u8) usize {
        if (!counter.pieces.beginsAnywhere()) return 0;
        var at = text.len -| 1;
        while (at > 0) : (at -= 1) if (isCut(text, at)) return at;
        return 0;
    }

    fn plan(
        counter: *const Counter,
        tasks: *std.ArrayList(Task),
        texts: []const u8,
        ends: []const u64,
    ) error{OutOfMemory}!void {
        const can_cut = counter.pieces.beginsAnywhere();
        var task: Task = .{ .start = 0, .stop = 0, .text = 0 };
        for (ends, 0..) |long_end, text| {
            const end: usize = @intCast(long_end);
            while (can_cut and end - task.stop >= 2 * task_len) {
                const cut = nextCut(texts[0..end], task.stop + task_len) orelse break;
                task.stop = cut;
                try tasks.append(counter.gpa, task);
                task = .{ .start = cut, .stop = cut, .text = text };
            }
            task.stop = end;
            if (task.stop - task.start < task_len) continue;
            try tasks.append(counter.gpa, task);
            task = .{ .start = end, .stop = end, .text = text + 1 };
        }
        if (task.stop > task.start) try tasks.append(counter.gpa, task);
    }

    fn countText(counter: *const Counter, table: *WordCounts, text: []const u8) AddError!void {
        var spans: [batch_len]pretokenizer.Span = undefined;
        var cursor: pretokenizer.Cursor = undefined;
        cursor.begin(counter.level, 0);
        while (cursor.position < text.len) {
            const count = counter.pieces.next(text, &cursor, &spans);
            try table.addPieces(text, spans[0..count]);
        }
    }
};

/// The bytes from `start` to `stop`, in which the text of that number is the first.
const Task = struct {
    start: usize,
    stop: usize,
    text: usize,
    failure: ?Error = null,
    fault: usize = 0,
};

const Call = struct {
    counter: *Counter,
    texts: []const u8,
    ends: []const u64,
    check: Check,
    tasks: []Task,
    queue: parallel.TaskQueue,

    fn work(call: *Call, index: usize) void {
        while (call.queue.take()) |i| {
            Watch.poll(&call.counter.watch) catch return;
            call.count(&call.counter.tables[index], &call.tasks[i]) catch |err| {
                call.tasks[i].failure = err;
                return call.queue.close();
            };
        }
    }

    fn count(call: *Call, table: *WordCounts, task: *Task) Error!void {
        const bytes = call.texts[task.start..task.stop];
        if (call.check == .utf8) if (firstFault(bytes)) |fault| {
            task.fault = task.start + fault;
            return error.InvalidUtf8;
        };
        var start = task.start;
        for (call.ends[task.text..]) |end| {
            const stop = @min(task.stop, @as(usize, @intCast(end)));
            try call.counter.countText(table, call.texts[start..stop]);
            start = stop;
            if (start == task.stop) break;
        }
    }
};

const Gathering = struct {
    from: []const WordCounts,
    to: []WordCounts,
    queue: parallel.TaskQueue,
    watch: *const Watch,
    failures: [parallel.thread_count_max]?Failure = @splat(null),

    const Failure = AddError || error{Cancelled};

    fn work(gathering: *Gathering, _: usize) void {
        while (gathering.queue.take()) |part| {
            const table = &gathering.to[part];
            for (gathering.from) |*other| {
                table.mergePart(other, part, gathering.to.len, gathering.watch) catch |err| {
                    gathering.failures[part] = err;
                    return;
                };
            }
        }
    }

    fn failure(gathering: *const Gathering) ?Failure {
        for (gathering.failures) |found| if (found) |err| return err;
        return null;
    }
};

/// Whether a text may be cut before `text[at]`.
fn isCut(text: []const u8, at: usize) bool {
    switch (text[at]) {
        ' ', '\t', '\n', '\r' => {},
        else => return false,
    }
    var start = at - 1;
    while (start > 0 and at - start < 4 and text[start] & 0xC0 == 0x80) start -= 1;
    const character = utf8.decode(text[0..at], start);
    if (start + character.len != at) return false;
    return switch (unicode.classOf(character.code_point)) {
        .letter, .number => true,
        .other, .space => false,
    };
}

fn nextCut(text: []const u8, from: usize) ?usize {
    for (from..text.len) |at| if (isCut(text, at)) return at;
    return null;
}

/// Where the first ill-formed sequence begins.
fn firstFault(text: []const u8) ?usize {
    if (std.unicode.utf8ValidateSlice(text)) return null;
    var at: usize = 0;
    while (at < text.len) {
        const character = utf8.decode(text, at);
        if (character.code_point == utf8.replacement and !utf8.isReplacementAt(text, at)) return at;
        at += character.len;
    }
    unreachable;
}

const testing = std.testing;

fn makeCounter(pattern: []const u8, thread_count: usize) !Counter {
    return makeCounterOf(&.{.matches(pattern)}, thread_count);
}

fn makeCounterOf(splits: []const definition.Split, thread_count: usize) !Counter {
    var diagnostic: Diagnostic = .{};
    const gpa = testing.allocator;
    return .init(gpa, try .init(gpa, splits, &diagnostic), thread_count);
}

/// Letters of several scripts, digits, marks and white space, in runs.
fn randomText(random: std.Random, text: *std.ArrayList(u8), len: usize) !void {
    const parts = [_][]const u8{
        "a",       "B",
        "é",
        "中",
        "1",
        "٣",
        " ",       "\n",
        "\r",      "\t",
        "'s",      "'",
        ".",       "/",
        "\u{a0}",  "\u{3000}",
        "\u{301}",
    };
    while (text.items.len < len) {
        const part = parts[random.uintLessThan(usize, parts.len)];
        const run = if (random.uintLessThan(u8, 5) == 0) random.uintLessThan(usize, 9) else 1;
        for (0..run) |_| try text.appendSlice(testing.allocator, part);
    }
}

test "a text in parts has the pieces of the whole, with every scanner" {
    var prng: std.Random.DefaultPrng = .init(3);
    const random = prng.random();
    for (pretokenizer.known_patterns) |known| {
        try expectSameInParts(random, &.{.matches(known.pattern)});
    }
    for (pretokenizer.known_sequences) |known| try expectSameInParts(random, known.splits);
}

fn expectSameInParts(random: std.Random, splits: []const definition.Split) !void {
    var text: std.ArrayList(u8) = .empty;
    defer text.deinit(testing.allocator);
    try randomText(random, &text, 4 * task_len + 7);
    var whole = try makeCounterOf(splits, 1);
    defer whole.deinit();
    try whole.countText(&whole.tables[0], text.items);
    const middle = whole.lastCut(text.items[0 .. text.items.len / 2]);
    try testing.expect(middle > task_len);
    for (1..4) |thread_count| {
        var parts = try makeCounterOf(splits, thread_count);
        defer parts.deinit();
        try parts.addTexts(text.items[0..middle], &.{middle}, .utf8);
        try parts.addTexts(text.items[middle..], &.{text.items.len - middle}, .none);
        try parts.gather();
        try expectSame(&whole.tables[0], parts.tables);
    }
}

fn expectSame(expected: *const WordCounts, tables: []const WordCounts) !void {
    var found: usize = 0;
    for (tables) |*table| {
        found += table.len();
        var words = table.iterator();
        while (words.next()) |word| {
            try testing.expectEqual(expected.get(word.bytes), word.count);
        }
    }
    try testing.expectEqual(expected.len(), found);
}

test "texts keep apart, on any number of threads" {
    var prng: std.Random.DefaultPrng = .init(4);
    const random = prng.random();
    // The last one is compiled.
    for ([_][]const u8{ pretokenizer.known_patterns[0].pattern, "\\p{L}+|\\s+" }) |pattern| {
        var texts: std.ArrayList(u8) = .empty;
        defer texts.deinit(testing.allocator);
        var ends: std.ArrayList(u64) = .empty;
        defer ends.deinit(testing.allocator);
        var whole = try makeCounter(pattern, 1);
        defer whole.deinit();
        for (0..60) |_| {
            const start = texts.items.len;
            const len_max: usize = if (random.boolean()) 40 else 40_000;
            try randomText(random, &texts, start + random.uintAtMost(usize, len_max));
            try ends.append(testing.allocator, texts.items.len);
            try whole.countText(&whole.tables[0], texts.items[start..]);
        }
        for (1..4) |thread_count| {
            var parts = try makeCounter(pattern, thread_count);
            defer parts.deinit();
            try parts.addTexts(texts.items, ends.items, .utf8);
            try parts.gather();
            try expectSame(&whole.tables[0], parts.tables);
        }
    }
}

test "ill-formed text is found where it is, and a cancelled counter stops" {
    var counter = try makeCounter(pretokenizer.known_patterns[0].pattern, 2);
    defer counter.deinit();
    const text = "one \u{FFFD} two\xe4\xb8 three";
    try counter.addTexts(text, &.{text.len}, .none);
    try testing.expectError(error.InvalidUtf8, counter.addTexts(text, &.{text.len}, .utf8));
    try testing.expectEqual(11, counter.fault);
    counter.cancel();
    try testing.expectError(error.Cancelled, counter.addTexts(text, &.{text.len}, .none));
}

test "an allocation that fails leaks nothing" {
    const run = struct {
        fn run(gpa: Allocator, pieces: pretokenizer.PreTokenizer) !void {
            var counter: Counter = try .init(gpa, pieces, 1);
            defer counter.deinit();
            try counter.addTexts("one two three four five, a piece of more", &.{ 20, 40 }, .utf8);
            try counter.gather();
        }
    }.run;
    try testing.checkAllAllocationFailures(
        testing.allocator,
        run,
        .{pretokenizer.PreTokenizer{ .scanner = .gpt2 }},
    );
}
