//! One long text on several threads, with the ids that one thread gives.
//!
//! Text between added tokens is cut into chunks at any character, and each thread goes on from its guess as if
//! a piece began there. Whoever has the chunk before goes on past its end until one of its pieces ends where
//! a piece of the next chunk ends: where a piece ends depends only on where it begins and on what follows, so
//! from there on both find the same pieces, and the ids are joined there. Prose meets within a few pieces.
//! Where two never meet, the next chunk's work is thrown away and done again from the right place, at worst
//! all of it one after the other. Stretches between added tokens that are too short to cut go to threads in groups.
//!
//! A text is done round by round, so that the memory of a round has a bound: ids of `round_len` bytes of text,
//! or of one stretch that cannot be cut because its pieces cannot be found from anywhere.

const std = @import("std");
const added_tokens = @import("added_tokens.zig");
const Encoder = @import("encoder.zig").Encoder;
const EncodeError = @import("encoder.zig").Error;
const parallel = @import("parallel.zig");
const pretokenizer = @import("pretokenizer.zig");
const Segment = added_tokens.Segment;
const SpecialMode = added_tokens.SpecialMode;
const Allocator = std.mem.Allocator;

pub const Options = struct {
    /// A stretch of twice this length is cut.
    chunk_len: usize = 256 * 1024,
    /// Shorter stretches are taken together until they have this length.
    group_len: usize = 64 * 1024,
    round_len: usize = std.math.maxInt(usize),
};

/// The encoders of the threads; the first is the caller's.
pub const Crew = struct {
    first: *Encoder,
    others: []Encoder,

    fn at(crew: Crew, index: usize) *Encoder {
        return if (index == 0) crew.first else &crew.others[index - 1];
    }
};

pub const Failure = struct { reason: EncodeError, at: usize = 0, id: u32 = 0 };

const Task = struct {
    work: union(enum) {
        /// `segments[first..end]`.
        group: struct { first: usize, end: usize },
        chunk: Chunk,
    },
    /// Owned.
    ids: []u32 = &.{},
    /// How many of them belong to the task before.
    dropped: usize = 0,
    failure: ?Failure = null,
};

/// A part of a stretch, whose places are counted from the stretch's start.
const Chunk = struct {
    stretch: []const u8,
    start: usize,
    stop: usize,
    /// Where the next chunk of the stretch stops, if this round has one.
    next_stop: ?usize = null,
    is_first: bool,
    /// Where the last piece ended.
    until: usize = 0,
    /// How many ids the next chunk had until it met this one; null if it did not.
    next_dropped: ?usize = null,
};

const Rest = struct { segment: Segment, at: usize };

pub const LongText = struct {
    gpa: Allocator,
    crew: Crew,
    text: []const u8,
    mode: SpecialMode,
    options: Options,
    walk: added_tokens.Segments,
    /// A stretch whose pieces before `at` are done.
    rest: ?Rest = null,
    segments: std.ArrayList(Segment) = .empty,
    tasks: std.ArrayList(Task) = .empty,
    /// The number of the sample of the round's first task.
    first_sample: u64 = 0,

    pub fn init(
        gpa: Allocator,
        crew: Crew,
        text: []const u8,
        mode: SpecialMode,
        options: Options,
    ) LongText {
        return .{
            .gpa = gpa,
            .crew = crew,
            .text = text,
            .mode = mode,
            .options = options,
            .walk = crew.first.tokenizer.added.split(.literal, text, mode),
        };
    }

    pub fn deinit(long: *LongText) void {
        long.clear();
        long.tasks.deinit(long.gpa);
        long.segments.deinit(long.gpa);
    }

    /// Encodes the next round; false at the text's end. The ids are those of `part(0)`, `part(1)` and so on.
    pub fn next(long: *LongText) error{OutOfMemory}!bool {
        long.clear();
        try long.plan();
        if (long.tasks.items.len == 0) return false;
        const sampling = &long.crew.first.tokenizer.sampling;
        if (sampling.isUsed()) long.first_sample = sampling.draw(long.tasks.items.len);
        var round: Round = .{ .long = long, .queue = .{ .count = long.tasks.items.len } };
        const threads = parallel.threadCount(1 + long.crew.others.len, long.tasks.items.len);
        parallel.run(threads, &round, Round.work);
        if (long.failure() == null) try long.join();
        return true;
    }

    /// The first failure of the round.
    pub fn failure(long: *const LongText) ?Failure {
        for (long.tasks.items) |task| if (task.failure) |found| return found;
        return null;
    }

    pub fn partCount(long: *const LongText) usize {
        return long.tasks.items.len;
    }

    pub fn part(long: *const LongText, index: usize) []const u32 {
        const task = &long.tasks.items[index];
        return task.ids[task.dropped..];
    }

    /// The number of ids of the round.
    pub fn count(long: *const LongText) usize {
        var total: usize = 0;
        for (long.tasks.items) |task| total += task.ids.len - task.dropped;
        return total;
    }

    fn clear(long: *LongText) void {
        for (long.tasks.items) |task| long.gpa.free(task.ids);
        long.tasks.clearRetainingCapacity();
        long.segments.clearRetainingCapacity();
    }

    fn plan(long: *LongText) error{OutOfMemory}!void {
        var len: usize = 0;
        var group_start: usize = 0;
        var group_len: usize = 0;
        while (len < long.options.round_len) {
            const rest: Rest = long.rest orelse
                .{ .segment = long.walk.next() orelse break, .at = 0 };
            const segment = rest.segment;
            const left = segment.end - segment.start - rest.at;
            if (rest.at > 0 or (left / 2 >= long.options.chunk_len and long.canCut(segment))) {
                try long.addGroup(&group_start, &group_len);
                const stretch = long.text[segment.start..segment.end];
                const end = try long.addChunks(stretch, rest.at, long.options.round_len - len);
                long.rest = if (end < stretch.len) .{ .segment = segment, .at = end } else null;
                len += end - rest.at;
                continue;
            }
            try long.segments.append(long.gpa, segment);
            len += left;
            group_len += left;
            if (group_len >= long.options.group_len) try long.addGroup(&group_start, &group_len);
        }
        try long.addGroup(&group_start, &group_len);
    }

    fn addGroup(long: *LongText, start: *usize, len: *usize) error{OutOfMemory}!void {
        const end = long.segments.items.len;
        if (end > start.*) try long.tasks.append(long.gpa, .{
            .work = .{ .group = .{ .first = start.*, .end = end } },
        });
        start.* = end;
        len.* = 0;
    }

    /// Cuts a stretch from `at` on; returns where the last chunk stops, when they are `room` long together.
    fn addChunks(
        long: *LongText,
        stretch: []const u8,
        at: usize,
        room: usize,
    ) error{OutOfMemory}!usize {
        var start = at;
        while (start < stretch.len and (start == at or start - at < room)) {
            const is_last = (stretch.len - start) / 2 < long.options.chunk_len;
            const guess = start + long.options.chunk_len;
            const stop = if (is_last) stretch.len else characterAt(stretch, guess);
            if (start > at) long.tasks.items[long.tasks.items.len - 1].work.chunk.next_stop = stop;
            try long.tasks.append(long.gpa, .{ .work = .{ .chunk = .{
                .stretch = stretch,
                .start = start,
                .stop = stop,
                .is_first = start == at,
            } } });
            start = stop;
        }
        return start;
    }

    /// Whether the pieces of a segment are those that a cursor finds in its text, from anywhere on.
    fn canCut(long: *const LongText, segment: Segment) bool {
        const tokenizer = long.crew.first.tokenizer;
        if (segment.token != null or !tokenizer.pretokenizer.beginsAnywhere()) return false;
        // A piece that two threads find would have two samples.
        if (tokenizer.sampling.isUsed()) return false;
        if (tokenizer.merges.base.kind == .characters) return false;
        if (tokenizer.normalizer.steps.len > 0 or tokenizer.prefix_space != .none) return false;
        const stretch = long.text[segment.start..segment.end];
        var inner = tokenizer.added.split(.normalized, stretch, long.mode);
        const first = inner.next() orelse return false;
        return first.token == null and first.end - first.start == stretch.len;
    }

    fn encodeTask(long: *LongText, encoder: *Encoder, index: usize) EncodeError!void {
        const task = &long.tasks.items[index];
        const sampling = &encoder.tokenizer.sampling;
        var dropout = sampling.sample(long.first_sample + index);
        defer dropout.deinit(long.gpa);
        if (sampling.isUsed()) encoder.dropout = &dropout;
        defer encoder.dropout = null;
        encoder.ids.clearRetainingCapacity();
        switch (task.work) {
            .group => |group| for (long.segments.items[group.first..group.end]) |segment| {
                _ = try encoder.encodeOuter(long.gpa, long.text, segment, long.mode, .keep);
            },
            .chunk => |*chunk| try long.encodeChunk(encoder, chunk, chunk.start),
        }
        task.ids = try long.gpa.dupe(u32, encoder.ids.items);
    }

    /// Encodes a chunk from a piece's start on and goes on until it meets the next one.
    fn encodeChunk(
        long: *LongText,
        encoder: *Encoder,
        chunk: *Chunk,
        from: usize,
    ) error{OutOfMemory}!void {
        const stretch = chunk.stretch;
        chunk.next_dropped = null;
        chunk.until = from;
        if (from < chunk.stop) {
            chunk.until = try encoder.encodeRange(long.gpa, stretch, from, chunk.stop);
        }
        const next_stop = chunk.next_stop orelse return;
        const met = meet(encoder, stretch, chunk.until, chunk.stop, next_stop) orelse return;
        chunk.until = try encoder.encodeRange(long.gpa, stretch, chunk.until, met);
        const own = encoder.ids.items.len;
        _ = try encoder.encodeRange(long.gpa, stretch, chunk.stop, met);
        chunk.next_dropped = encoder.ids.items.len - own;
        encoder.ids.items.len = own;
    }

    /// Joins each chunk to the one before.
    fn join(long: *LongText) error{OutOfMemory}!void {
        const encoder = long.crew.first;
        var previous: Chunk = undefined;
        for (long.tasks.items) |*task| {
            if (task.work != .chunk) continue;
            const chunk = &task.work.chunk;
            if (!chunk.is_first) {
                if (previous.next_dropped) |dropped| {
                    task.dropped = dropped;
                } else {
                    encoder.ids.clearRetainingCapacity();
                    try long.encodeChunk(encoder, chunk, previous.until);
                    const ids = try long.gpa.dupe(u32, encoder.ids.items);
                    long.gpa.free(task.ids);
                    task.ids = ids;
                }
            }
            previous = chunk.*;
            // The last chunk of a round may end behind its stop, where the next round goes on.
            if (chunk.next_stop == null) {
                if (long.rest) |*rest| rest.at = chunk.until;
            }
        }
        if (long.rest) |rest| {
            if (rest.at >= rest.segment.end - rest.segment.start) long.rest = null;
        }
    }
};

const Round = struct {
    long: *LongText,
    queue: parallel.TaskQueue,

    fn work(round: *Round, index: usize) void {
        const long = round.long;
        const encoder = long.crew.at(index);
        // Tasks are taken in order, so the first failure of all is in one that some thread finishes.
        while (round.queue.take()) |i| {
            long.encodeTask(encoder, i) catch |err| {
                long.tasks.items[i].failure = .{
                    .reason = err,
                    .at = encoder.refused_at,
                    .id = encoder.refused_id,
                };
                return round.queue.close();
            };
        }
    }
};

/// The first place, not behind `limit`, where a piece begins for one who begins at `a` and for one who
/// begins at `b`.
fn meet(encoder: *const Encoder, text: []const u8, a: usize, b: usize, limit: usize) ?usize {
    var ahead: Steps = .init(encoder, text, a);
    var behind: Steps = .init(encoder, text, b);
    while (ahead.position != behind.position) {
        if (ahead.position < behind.position) std.mem.swap(Steps, &ahead, &behind);
        if (ahead.position > limit) return null;
        behind.advance();
    }
    return if (ahead.position <= limit) ahead.position else null;
}

/// Goes from one end of a piece to the next.
const Steps = struct {
    encoder: *const Encoder,
    text: []const u8,
    position: usize,

    fn init(encoder: *const Encoder, text: []const u8, at: usize) Steps {
        return .{ .encoder = encoder, .text = text, .position = at };
    }

    fn advance(steps: *Steps) void {
        var cursor: pretokenizer.Cursor = undefined;
        cursor.begin(steps.encoder.level, steps.position);
        var span: [1]pretokenizer.Span = undefined;
        _ = steps.encoder.tokenizer.pretokenizer.next(steps.text, &cursor, &span);
        steps.position = span[0].end;
    }
};

/// The first place from `at` on where a character may begin.
fn characterAt(text: []const u8, at: usize) usize {
    var start = at;
    while (start < text.len and start - at < 3 and text[start] & 0xC0 == 0x80) start += 1;
    return start;
}
