//! One caller's working memory and the results of its last call.
//!
//! A context belongs to one thread at a time; the tokenizer it reads may be shared. Its buffers grow to what
//! the largest call needed and are kept; ordinary calls (up to `reserved_len` bytes of text or ids) allocate
//! nothing.

const std = @import("std");
const byte_runs = @import("byte_runs.zig");
const definition = @import("definition.zig");
const Diagnostic = @import("diagnostic.zig").Diagnostic;
const Dropout = @import("dropout.zig").Dropout;
const encoder_zig = @import("encoder.zig");
const Encoder = encoder_zig.Encoder;
const piece_cache = @import("piece_cache.zig");
const SpecialMode = @import("added_tokens.zig").SpecialMode;
const TokenLengths = @import("token_lengths.zig").TokenLengths;
const Tokenizer = @import("tokenizer.zig").Tokenizer;
const long_text = @import("long_text.zig");
const offsets = @import("offsets.zig");
const LongText = long_text.LongText;
const parallel = @import("parallel.zig");
const pre_tokenizer = @import("pretokenizer.zig");
const simd = @import("simd.zig");
const Texts = @import("token_text.zig").Texts;
const Vocab = @import("vocab.zig").Vocab;
const Allocator = std.mem.Allocator;

pub const CallError = error{ OutOfMemory, UnknownId, SpecialToken, InvalidArgument };

pub const WriteError = CallError || error{WriteFailed};

/// Bytes of text whose ids are in memory together while a text is written.
const written_round_len = 16 << 20;

/// Ids and bytes a context has room for from the start.
pub const reserved_len = 4096;

/// Texts of at least this many bytes are worth the work of all threads of a batch.
const long_text_min = 1 << 20;

/// Texts are handed to threads in runs of at least this many bytes, so that a run outweighs its hand-over.
const run_bytes_min = 32 * 1024;

pub const Context = struct {
    gpa: Allocator,
    tokenizer: *const Tokenizer,
    encoder: Encoder,
    /// The encoders of the other threads of a batch.
    others: std.ArrayList(Encoder) = .empty,
    runs: std.ArrayList(Run) = .empty,
    /// Where the ids of each text of the last batch end; or the start and the end of each piece of the last
    /// `preTokenize`.
    ends: std.ArrayList(u64) = .empty,
    /// The ids of the last encode call.
    ids: []const u32 = &.{},
    joined_ids: std.ArrayList(u32) = .empty,
    /// The bytes of the last decode call.
    bytes: std.ArrayList(u8) = .empty,
    /// The same as characters of 16 or 32 bits, where they were asked for.
    units: std.ArrayList(u32) = .empty,
    /// What the general way from tokens to text works in.
    texts: [2]Texts = .{ .{}, .{} },
    diagnostic: Diagnostic = .{},
    /// The text that is being written.
    written: ?LongText = null,
    /// Made when offsets are asked for.
    lengths: ?TokenLengths = null,
    /// What finding places remembers, and what the text became of which offsets were asked for last.
    places: offsets.Memory = .{},

    /// Neighbouring texts of a batch, encoded by one thread.
    const Run = struct {
        first_text: usize,
        /// One more than the last text.
        end_text: usize,
        /// Owned; set, like `failure`, before `is_done`.
        ids: []u32 = &.{},
        failure: ?Failure = null,
        /// One text that all threads work at.
        is_long: bool = false,
        is_done: std.atomic.Value(bool) = .init(false),
        /// Whether a sink has had it.
        is_taken: bool = false,
    };

    const Failure = struct {
        reason: encoder_zig.Error,
        text: usize,
        /// The special token that was refused, and where.
        at: usize,
        id: u32,

        fn of(encoder: *const Encoder, reason: encoder_zig.Error, text: usize) Failure {
            return .{
                .reason = reason,
                .text = text,
                .at = encoder.refused_at,
                .id = encoder.refused_id,
            };
        }
    };

    /// The tokenizer must outlive the context.
    pub fn init(gpa: Allocator, tokenizer: *const Tokenizer) error{OutOfMemory}!Context {
        var context: Context = .{
            .gpa = gpa,
            .tokenizer = tokenizer,
            .encoder = try .init(tokenizer),
        };
        errdefer context.deinit();
        try context.encoder.ids.ensureTotalCapacity(gpa, reserved_len + piece_cache.slack);
        if (tokenizer.prefix_space != .none) {
            try context.encoder.prefixed.ensureTotalCapacity(gpa, reserved_len + 1);
        }
        try context.bytes.ensureTotalCapacity(gpa, reserved_len);
        return context;
    }

    pub fn deinit(context: *Context) void {
        const gpa = context.gpa;
        if (context.written) |*written| written.deinit();
        if (context.lengths) |*lengths| lengths.deinit(gpa);
        context.places.deinit(gpa);
        context.encoder.deinit(gpa);
        for (context.others.items) |*other| other.deinit(gpa);
        context.others.deinit(gpa);
        context.freeRuns();
        context.runs.deinit(gpa);
        context.ends.deinit(gpa);
        context.joined_ids.deinit(gpa);
        context.bytes.deinit(gpa);
        context.units.deinit(gpa);
        for (&context.texts) |*texts| texts.deinit(gpa);
        context.* = undefined;
    }

    /// Encodes `text` into `ids` and returns how many there are.
    pub fn encode(context: *Context, text: []const u8, mode: SpecialMode) CallError!usize {
        const sampling = &context.tokenizer.sampling;
        if (sampling.isUsed()) {
            @branchHint(.cold);
            var dropout = sampling.sample(sampling.draw(1));
            return context.encodeDropping(text, mode, &dropout, .keep);
        }
        return context.encodeOnce(text, mode, .keep);
    }

    fn encodeOnce(
        context: *Context,
        text: []const u8,
        mode: SpecialMode,
        comptime output: Encoder.Output,
    ) CallError!usize {
        context.clear();
        const encoder = &context.encoder;
        const id_count = encoder.encode(context.gpa, text, mode, output) catch |err|
            return context.fail(.of(encoder, err, 0), null);
        if (output == .keep) context.ids = encoder.ids.items;
        return id_count;
    }

    /// Frees `dropout`.
    fn encodeDropping(
        context: *Context,
        text: []const u8,
        mode: SpecialMode,
        dropout: *Dropout,
        comptime output: Encoder.Output,
    ) CallError!usize {
        defer dropout.deinit(context.gpa);
        context.encoder.dropout = dropout;
        defer context.encoder.dropout = null;
        return context.encodeOnce(text, mode, output);
    }

    /// As `encode`, with each merge put aside by chance; `threshold` of 2^32 numbers do that, whatever the model
    /// says.
    pub fn encodeWithDropout(
        context: *Context,
        text: []const u8,
        mode: SpecialMode,
        threshold: u64,
        seed: u64,
    ) CallError!usize {
        var dropout: Dropout = .init(threshold, seed);
        return context.encodeDropping(text, mode, &dropout, .keep);
    }

    /// How many ids `text` has.
    pub fn count(context: *Context, text: []const u8, mode: SpecialMode) CallError!usize {
        const sampling = &context.tokenizer.sampling;
        if (sampling.isUsed()) {
            @branchHint(.cold);
            var dropout = sampling.sample(sampling.draw(1));
            return context.encodeDropping(text, mode, &dropout, .count);
        }
        return context.encodeOnce(text, mode, .count);
    }

    /// As `encode`, and writes where each id stands into `ends`, its start and its end.
    pub fn encodeWithOffsets(
        context: *Context,
        text: []const u8,
        mode: SpecialMode,
        options: offsets.Options,
    ) CallError!usize {
        const tokenizer = context.tokenizer;
        if (mode != .refuse and tokenizer.spelled_model.is_used and !tokenizer.sampling.isUsed()) {
            context.clear();
            const encoder = &context.encoder;
            const lengths = try context.takeLengths();
            const places = &context.places;
            offsets.encode(context.gpa, places, encoder, lengths, text, mode, options, &context.ends) catch |err|
                return context.failOffsets(err);
            context.ids = encoder.ids.items;
            return context.ids.len;
        }
        const id_count = try context.encodeForOffsets(text, mode);
        try context.ends.resize(context.gpa, 2 * id_count);
        try context.findOwnOffsets(text, mode, options, @ptrCast(context.ends.items));
        return id_count;
    }

    /// As `encode`, and keeps what `findOwnOffsets` of the same text and mode needs.
    pub fn encodeForOffsets(context: *Context, text: []const u8, mode: SpecialMode) CallError!usize {
        context.places.record.clear();
        context.encoder.record = &context.places.record;
        defer context.encoder.record = null;
        return context.encode(text, mode);
    }

    /// Writes where each of `ids` stands, right behind `encodeForOffsets`.
    pub fn findOwnOffsets(
        context: *Context,
        text: []const u8,
        mode: SpecialMode,
        options: offsets.Options,
        spans: []offsets.Span,
    ) CallError!void {
        var own = options;
        own.record = &context.places.record;
        try context.findOffsetsInto(text, mode, context.ids, own, spans);
    }

    pub fn takeLengths(context: *Context) error{OutOfMemory}!*const TokenLengths {
        if (context.lengths == null) context.lengths = try .init(context.gpa, context.tokenizer);
        return &context.lengths.?;
    }

    /// Writes where each of `ids` stands, those that `text` encodes to, into `ends`.
    pub fn findOffsets(
        context: *Context,
        text: []const u8,
        mode: SpecialMode,
        ids: []const u32,
        options: offsets.Options,
    ) CallError!void {
        try context.ends.resize(context.gpa, 2 * ids.len);
        try context.findOffsetsInto(text, mode, ids, options, @ptrCast(context.ends.items));
    }

    fn findOffsetsInto(
        context: *Context,
        text: []const u8,
        mode: SpecialMode,
        ids: []const u32,
        options: offsets.Options,
        spans: []offsets.Span,
    ) CallError!void {
        context.diagnostic.clear();
        const lengths = try context.takeLengths();
        const places = &context.places;
        offsets.find(context.gpa, places, context.tokenizer, lengths, text, mode, ids, options, spans) catch |err|
            return context.failOffsets(err);
    }

    /// Writes the index of the word of each of `ids` into `ids` of the context.
    pub fn findWords(
        context: *Context,
        text: []const u8,
        mode: SpecialMode,
        ids: []const u32,
    ) CallError!void {
        context.clear();
        try context.joined_ids.resize(context.gpa, ids.len);
        const indices = context.joined_ids.items;
        const lengths = try context.takeLengths();
        const places = &context.places;
        offsets.findWords(context.gpa, places, context.tokenizer, lengths, text, mode, ids, indices) catch |err|
            return context.failOffsets(err);
        context.ids = indices;
    }

    /// Writes the text that each added token of `ids` was matched as into `bytes`, and its index among them and
    /// where the text ends into `ends`; returns how many there are.
    pub fn findMatches(
        context: *Context,
        text: []const u8,
        mode: SpecialMode,
        ids: []const u32,
    ) CallError!usize {
        context.clear();
        const lengths = try context.takeLengths();
        offsets.findMatches(
            context.gpa,
            &context.places,
            context.tokenizer,
            lengths,
            text,
            mode,
            ids,
            &context.bytes,
            &context.ends,
        ) catch |err| return context.failOffsets(err);
        return context.ends.items.len / 2;
    }

    fn failOffsets(context: *Context, err: offsets.Error) CallError {
        if (err == error.OutOfMemory) return error.OutOfMemory;
        context.diagnostic.set(null, "the ids are not those that the text encodes to", .{});
        return error.InvalidArgument;
    }

    /// The pieces that the pre-tokenizer alone cuts `text` into, in `ends`; returns how many there are.
    pub fn preTokenize(context: *Context, text: []const u8) error{OutOfMemory}!usize {
        context.clear();
        var cursor: pre_tokenizer.Cursor = .{ .level = context.encoder.level };
        var spans: [64]pre_tokenizer.Span = undefined;
        while (cursor.position < text.len) {
            const found = context.tokenizer.pretokenizer.next(text, &cursor, &spans);
            try context.ends.ensureUnusedCapacity(context.gpa, 2 * found);
            for (spans[0..found]) |span| {
                context.ends.appendSliceAssumeCapacity(&.{ span.start, span.end });
            }
        }
        return context.ends.items.len / 2;
    }

    /// Encodes the texts `texts[0..text_ends[0]]`, `texts[text_ends[0]..text_ends[1]]` and so on into `ids`,
    /// one after the other, on up to `thread_count` threads (0: one a core); `ends[i]` is where the ids
    /// of text `i` end. Returns the number of ids.
    pub fn encodeBatch(
        context: *Context,
        texts: [*]const u8,
        text_ends: []const u64,
        mode: SpecialMode,
        thread_count: usize,
    ) CallError!usize {
        context.clear();
        const gpa = context.gpa;
        const parts = try gpa.alloc([]const u8, text_ends.len);
        defer gpa.free(parts);
        var start: u64 = 0;
        for (text_ends, parts, 0..) |end, *part, i| {
            if (end < start) {
                context.diagnostic.set(null, "the end of text {d} lies before its start", .{i});
                return error.InvalidArgument;
            }
            part.* = texts[@intCast(start)..@intCast(end)];
            start = end;
        }
        const total = try context.encodeTexts(parts, mode, thread_count, {});
        try context.joined_ids.resize(gpa, total);
        context.copyIds(context.joined_ids.items);
        context.ids = context.joined_ids.items;
        return total;
    }

    /// Encodes `texts` on up to `thread_count` threads (0: one a core). Returns the number of ids and puts
    /// into `ends` where those of each text end; `copyIds` gives the ids.
    ///
    /// A `sink` that is not `{}` gets them instead, run by run, in any order and while other threads go
    /// on, by `sink.take(first_text, counts, ids)` on the calling thread, between `sink.begin()` and `sink.end()`.
    pub fn encodeTexts(
        context: *Context,
        texts: []const []const u8,
        mode: SpecialMode,
        thread_count: usize,
        sink: anytype,
    ) CallError!usize {
        context.clear();
        const gpa = context.gpa;
        try context.ends.resize(gpa, texts.len);
        try context.planRuns(texts);
        const wanted = parallel.threadCount(thread_count, parallel.thread_count_max);
        // A text is one sample, and one thread's.
        const is_sampled = context.tokenizer.sampling.isUsed();
        if (wanted > 1 and !is_sampled) try context.encodeLongRuns(texts, mode, wanted);
        const threads = parallel.threadCount(thread_count, context.runs.items.len);
        try context.makeOthers(threads);
        var batch: Batch(@TypeOf(sink)) = .{
            .context = context,
            .texts = texts,
            .mode = mode,
            .sink = sink,
            .first_sample = if (is_sampled) context.tokenizer.sampling.draw(texts.len) else 0,
            .queue = .{ .count = context.runs.items.len },
        };
        parallel.run(threads, &batch, Batch(@TypeOf(sink)).work);
        for (context.runs.items) |run| {
            if (run.failure) |failure| return context.fail(failure, failure.text);
        }
        batch.drain(null);
        var total: u64 = 0;
        for (context.ends.items) |*end| {
            total += end.*;
            end.* = total;
        }
        return @intCast(total);
    }

    /// As `encode`, on up to `thread_count` threads (0: one a core).
    pub fn encodeLong(
        context: *Context,
        text: []const u8,
        mode: SpecialMode,
        thread_count: usize,
        options: long_text.Options,
    ) CallError!usize {
        if (context.tokenizer.sampling.isUsed()) return context.encode(text, mode);
        context.clear();
        try context.encodeLongInto(&context.joined_ids, text, mode, thread_count, options, null);
        context.ids = context.joined_ids.items;
        return context.ids.len;
    }

    fn encodeLongInto(
        context: *Context,
        ids: *std.ArrayList(u32),
        text: []const u8,
        mode: SpecialMode,
        thread_count: usize,
        options: long_text.Options,
        index: ?usize,
    ) CallError!void {
        const chunk_count = text.len / options.chunk_len + 1;
        const crew = try context.crewOf(parallel.threadCount(thread_count, chunk_count));
        var long: LongText = .init(context.gpa, crew, text, mode, options);
        defer long.deinit();
        while (try long.next()) {
            if (long.failure()) |failure| return context.failLong(failure, index);
            try ids.ensureUnusedCapacity(context.gpa, long.count());
            for (0..long.partCount()) |i| ids.appendSliceAssumeCapacity(long.part(i));
        }
    }

    /// Begins to encode a text, of which `writeRound` writes part after part. The text must outlive that.
    pub fn beginWriting(
        context: *Context,
        text: []const u8,
        mode: SpecialMode,
        thread_count: usize,
    ) CallError!void {
        context.clear();
        const crew = try context.crewOf(parallel.threadCount(thread_count, parallel.thread_count_max));
        const options: long_text.Options = .{ .round_len = written_round_len };
        context.written = .init(context.gpa, crew, text, mode, options);
    }

    /// Writes the ids of the next part of the text to a file, each in `id_size` bytes (2 or 4, the lowest
    /// first), and returns how many they are; null when all are written.
    pub fn writeRound(context: *Context, file: std.c.fd_t, id_size: usize) WriteError!?usize {
        const written = if (context.written) |*w| w else return error.InvalidArgument;
        // A round may have no ids, where a pattern drops text.
        while (try written.next()) {
            if (written.failure() != null or written.count() > 0) break;
        } else return null;
        if (written.failure()) |failure| return context.failLong(failure, null);
        var narrow: std.ArrayList(u16) = .empty;
        defer narrow.deinit(context.gpa);
        for (0..written.partCount()) |i| {
            const ids = written.part(i);
            if (id_size == 4) {
                try context.writeAll(file, std.mem.sliceAsBytes(ids));
                continue;
            }
            try narrow.resize(context.gpa, ids.len);
            for (ids, narrow.items) |id, *item| {
                item.* = std.math.cast(u16, id) orelse {
                    context.diagnostic.set(null, "id {d} does not fit into 16 bits", .{id});
                    return error.InvalidArgument;
                };
            }
            try context.writeAll(file, std.mem.sliceAsBytes(narrow.items));
        }
        return written.count();
    }

    fn writeAll(context: *Context, file: std.c.fd_t, bytes: []const u8) error{WriteFailed}!void {
        comptime std.debug.assert(@import("builtin").cpu.arch.endian() == .little);
        var left = bytes;
        while (left.len > 0) {
            const count_or_error = std.c.write(file, left.ptr, left.len);
            if (count_or_error >= 0) {
                left = left[@intCast(count_or_error)..];
                continue;
            }
            const code = std.c._errno().*;
            if (code == @intFromEnum(std.posix.E.INTR)) continue;
            context.diagnostic.set(@intCast(code), "the ids cannot be written", .{});
            return error.WriteFailed;
        }
    }

    fn makeOthers(context: *Context, threads: usize) error{OutOfMemory}!void {
        while (context.others.items.len + 1 < threads) {
            try context.others.ensureUnusedCapacity(context.gpa, 1);
            context.others.appendAssumeCapacity(try .init(context.tokenizer));
        }
    }

    fn crewOf(context: *Context, threads: usize) error{OutOfMemory}!long_text.Crew {
        try context.makeOthers(threads);
        return .{ .first = &context.encoder, .others = context.others.items[0 .. threads - 1] };
    }

    fn failLong(context: *Context, failure: long_text.Failure, index: ?usize) CallError {
        return context.fail(.{
            .reason = failure.reason,
            .text = index orelse 0,
            .at = failure.at,
            .id = failure.id,
        }, index);
    }

    /// Encodes each text that is worth it on all threads, one such text after the other.
    fn encodeLongRuns(
        context: *Context,
        texts: []const []const u8,
        mode: SpecialMode,
        threads: usize,
    ) CallError!void {
        for (context.runs.items) |*run| {
            if (!run.is_long) continue;
            var ids: std.ArrayList(u32) = .empty;
            defer ids.deinit(context.gpa);
            const text = texts[run.first_text];
            try context.encodeLongInto(&ids, text, mode, threads, .{}, run.first_text);
            context.ends.items[run.first_text] = ids.items.len;
            run.ids = try ids.toOwnedSlice(context.gpa);
            run.is_done.store(true, .release);
        }
    }

    /// Writes the ids of the last `encodeTexts` without a sink.
    pub fn copyIds(context: *const Context, target: []align(1) u32) void {
        var at: usize = 0;
        for (context.runs.items) |run| {
            @memcpy(target[at..][0..run.ids.len], run.ids);
            at += run.ids.len;
        }
        std.debug.assert(at == target.len);
    }

    /// Decodes `ids` into `bytes` and returns how many there are. Special tokens are left out if
    /// `skip_special`.
    pub fn decode(context: *Context, ids: []const u32, skip_special: bool) CallError!usize {
        if (context.tokenizer.token_text.is_used) return context.decodeSteps(ids, skip_special);
        try context.join(ids, skip_special);
        return context.finish(ids, skip_special);
    }

    /// The same for text: bytes that are not UTF-8 are such that each maximal subpart of them is one U+FFFD
    /// of the reference.
    pub fn decodeText(context: *Context, ids: []const u32, skip_special: bool) CallError!usize {
        if (context.tokenizer.token_text.is_used) return context.decodeSteps(ids, skip_special);
        try context.join(ids, skip_special);
        byte_runs.mark(context.tokenizer, ids, skip_special, context.bytes.items);
        return context.finish(ids, skip_special);
    }

    /// Decodes in the general way.
    fn decodeSteps(context: *Context, ids: []const u32, skip_special: bool) CallError!usize {
        context.clear();
        const tokenizer = context.tokenizer;
        const spelled = &tokenizer.spelled.?;
        const respelled = if (tokenizer.respelled) |*each| each else null;
        for (&context.texts) |*texts| texts.clear();
        for (ids, 0..) |id, i| {
            if (!tokenizer.vocab.isDefined(id)) return context.failUnknown(id, i);
            if (skip_special and tokenizer.special.isSet(id)) continue;
            const is_respelled = if (respelled) |each| each.isDefined(id) else false;
            const bytes = if (is_respelled) respelled.?.bytesOf(id) else spelled.bytesOf(id);
            try context.texts[0].append(context.gpa, bytes);
        }
        const text = try tokenizer.token_text.run(context.gpa, &context.texts);
        try context.bytes.appendSlice(context.gpa, text);
        return text.len;
    }

    fn failUnknown(context: *Context, id: u32, index: usize) CallError {
        context.diagnostic.set(index, "Unknown token id: {d} at index {d}", .{ id, index });
        return error.UnknownId;
    }

    /// Takes off the spaces that the decoder strips.
    fn finish(context: *Context, ids: []const u32, skip_special: bool) usize {
        const bytes = context.bytes.items;
        const stripped_max = byte_runs.strippedMax(context.tokenizer, ids, skip_special);
        const strip_max = @min(stripped_max, bytes.len);
        var stripped: usize = 0;
        while (stripped < strip_max and bytes[stripped] == ' ') stripped += 1;
        if (stripped > 0) {
            @memmove(bytes[0 .. bytes.len - stripped], bytes[stripped..]);
            context.bytes.items.len -= stripped;
        }
        return context.bytes.items.len;
    }

    /// Joins the bytes of `ids`.
    fn join(context: *Context, ids: []const u32, skip_special: bool) CallError!void {
        context.clear();
        try context.bytes.ensureTotalCapacity(context.gpa, ids.len + Vocab.slack);
        errdefer context.bytes.clearRetainingCapacity();
        return if (skip_special) context.joinInto(ids, true) else context.joinInto(ids, false);
    }

    /// Looks at each id once; the room grows as the tokens need it. Measured: to add up the lengths first, and to look into the set of defined ids,
    /// took more than half of the time.
    fn joinInto(context: *Context, ids: []const u32, comptime skip_special: bool) CallError!void {
        const vocab = &context.tokenizer.vocab;
        const special = &context.tokenizer.special;
        const id_limit = vocab.idLimit();
        var target = context.bytes.items.ptr;
        var room = context.bytes.capacity;
        for (ids, 0..) |id, i| {
            if (id >= id_limit) return context.failUnknown(id, i);
            if (skip_special and special.isSet(id)) {
                if (!vocab.isDefined(id)) return context.failUnknown(id, i);
                continue;
            }
            const bounds = vocab.boundsOf(id);
            const len: usize = bounds.end - bounds.start;
            const source = vocab.bytes.ptr + bounds.start;
            // One vector move serves nearly every token; both sides have slack behind their end.
            if (len -% 1 < Vocab.slack and room >= Vocab.slack) {
                simd.copyWide(u8, Vocab.slack, target, source);
            } else {
                if (len == 0 and !vocab.isDefined(id)) return context.failUnknown(id, i);
                if (room < len + Vocab.slack) {
                    context.bytes.items.len = context.bytes.capacity - room;
                    try context.bytes.ensureUnusedCapacity(context.gpa, len + Vocab.slack);
                    target = context.bytes.items.ptr + context.bytes.items.len;
                    room = context.bytes.capacity - context.bytes.items.len;
                }
                @memcpy(target, source[0..len]);
            }
            target += len;
            room -= len;
        }
        context.bytes.items.len = context.bytes.capacity - room;
    }

    /// Room for `len` ids that a caller collects for `decode`.
    pub fn idSpace(context: *Context, len: usize) error{OutOfMemory}![]u32 {
        context.clear();
        try context.joined_ids.resize(context.gpa, len);
        return context.joined_ids.items;
    }

    /// Room for `len` units of text, of 16 or 32 bits.
    pub fn unitSpace(context: *Context, comptime Unit: type, len: usize) error{OutOfMemory}![]Unit {
        const words = std.math.divCeil(usize, len * @sizeOf(Unit), @sizeOf(u32)) catch unreachable;
        context.units.clearRetainingCapacity();
        try context.units.ensureTotalCapacity(context.gpa, words);
        return @as([*]Unit, @ptrCast(context.units.items.ptr))[0..len];
    }

    fn clear(context: *Context) void {
        context.diagnostic.clear();
        context.ids = &.{};
        context.encoder.ids.clearRetainingCapacity();
        for (context.others.items) |*other| other.ids.clearRetainingCapacity();
        context.joined_ids.clearRetainingCapacity();
        context.ends.clearRetainingCapacity();
        context.freeRuns();
        if (context.written) |*written| written.deinit();
        context.written = null;
        context.bytes.clearRetainingCapacity();
    }

    fn freeRuns(context: *Context) void {
        for (context.runs.items) |run| context.gpa.free(run.ids);
        context.runs.clearRetainingCapacity();
    }

    /// Cuts the batch into runs of neighbouring texts.
    fn planRuns(context: *Context, texts: []const []const u8) error{OutOfMemory}!void {
        var first: usize = 0;
        var len: usize = 0;
        for (texts, 1..) |text, end| {
            if (text.len >= long_text_min) {
                if (end - 1 > first) {
                    try context.runs.append(context.gpa, .{ .first_text = first, .end_text = end - 1 });
                }
                const long: Run = .{ .first_text = end - 1, .end_text = end, .is_long = true };
                try context.runs.append(context.gpa, long);
                first = end;
                len = 0;
                continue;
            }
            len += text.len;
            if (len < run_bytes_min and end < texts.len) continue;
            try context.runs.append(context.gpa, .{ .first_text = first, .end_text = end });
            first = end;
            len = 0;
        }
    }

    fn encoderAt(context: *Context, index: usize) *Encoder {
        return if (index == 0) &context.encoder else &context.others.items[index - 1];
    }

    fn fail(context: *Context, failure: Failure, text: ?usize) CallError {
        if (failure.reason == error.OutOfMemory) return error.OutOfMemory;
        const content = context.tokenizer.idToToken(failure.id) orelse "";
        if (text) |index| {
            context.diagnostic.set(
                failure.at,
                "text {d} has the special token \"{s}\" at byte {d}",
                .{ index, content, failure.at },
            );
        } else {
            context.diagnostic.set(
                failure.at,
                "the text has the special token \"{s}\" at byte {d}",
                .{ content, failure.at },
            );
        }
        return error.SpecialToken;
    }
};

/// What the threads of one batch share: they read it, take runs from the queue and write each to its own run
/// and its own texts' counts.
fn Batch(comptime Sink: type) type {
    return struct {
        context: *Context,
        texts: []const []const u8,
        mode: SpecialMode,
        sink: Sink,
        /// The number of the first text's sample.
        first_sample: u64,
        queue: parallel.TaskQueue,
        /// The sink has had all runs before this one.
        drained: usize = 0,

        const Self = @This();
        const has_sink = Sink != void;

        fn work(batch: *Self, encoder_index: usize) void {
            const encoder = batch.context.encoderAt(encoder_index);
            // Runs are taken in order, so the first failure of all is in one that some thread finishes.
            while (batch.queue.take()) |index| {
                const run = &batch.context.runs.items[index];
                if (run.is_done.load(.acquire)) continue;
                encoder.ids.clearRetainingCapacity();
                run.failure = batch.encodeRun(encoder, run);
                if (run.failure != null) return batch.queue.close();
                if (has_sink and encoder_index == 0) {
                    // Its ids are in the cache now.
                    batch.drain(run);
                } else {
                    run.ids = batch.context.gpa.dupe(u32, encoder.ids.items) catch {
                        run.failure = .of(encoder, error.OutOfMemory, run.first_text);
                        return batch.queue.close();
                    };
                    run.is_done.store(true, .release);
                }
            }
        }

        fn encodeRun(batch: *Self, encoder: *Encoder, run: *Context.Run) ?Context.Failure {
            const gpa = batch.context.gpa;
            const is_sampled = encoder.tokenizer.sampling.isUsed();
            for (run.first_text..run.end_text) |i| {
                const text = batch.texts[i];
                const id_count = if (is_sampled)
                    encoder.encodeSample(gpa, text, batch.mode, batch.first_sample + i)
                else
                    encoder.encode(gpa, text, batch.mode, .keep);
                batch.context.ends.items[i] = id_count catch |err| return .of(encoder, err, i);
            }
            return null;
        }

        /// Gives the sink the caller's own run, whose ids its encoder still has, and what the other
        /// threads have finished.
        fn drain(batch: *Self, own: ?*Context.Run) void {
            if (!has_sink) return;
            batch.sink.begin();
            defer batch.sink.end();
            if (own) |run| batch.give(run, batch.context.encoder.ids.items);
            const runs = batch.context.runs.items;
            const handed_out = @min(batch.queue.taken.load(.monotonic), runs.len);
            for (runs[batch.drained..handed_out]) |*run| {
                if (run.is_taken or !run.is_done.load(.acquire)) continue;
                batch.give(run, run.ids);
                batch.context.gpa.free(run.ids);
                run.ids = &.{};
            }
            while (batch.drained < runs.len and runs[batch.drained].is_taken) batch.drained += 1;
        }

        fn give(batch: *Self, run: *Context.Run, ids: []const u32) void {
            run.is_taken = true;
            const counts = batch.context.ends.items[run.first_text..run.end_text];
            batch.sink.take(run.first_text, counts, ids);
        }
    };
}

const test_support = @import("test_support.zig");

/// A small tokenizer and a context on it.
const Fixture = struct {
    arena: std.heap.ArenaAllocator,
    parsed: @import("definition.zig").Definition,
    tokenizer: *Tokenizer,
    context: Context,

    fn init(gpa: Allocator, rule: test_support.Rule, add_prefix_space: bool) !Fixture {
        var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
        errdefer arena.deinit();
        var parsed = try test_support.smallDefinition(arena.allocator(), rule);
        parsed.prefix_space = if (add_prefix_space) .every else .none;
        var diagnostic: Diagnostic = .{};
        const tokenizer = try arena.allocator().create(Tokenizer);
        tokenizer.* = try .init(std.testing.allocator, parsed, &diagnostic);
        errdefer tokenizer.deinit(std.testing.allocator);
        return .{
            .arena = arena,
            .parsed = parsed,
            .tokenizer = tokenizer,
            .context = try .init(gpa, tokenizer),
        };
    }

    fn deinit(fixture: *Fixture) void {
        fixture.context.deinit();
        fixture.tokenizer.deinit(std.testing.allocator);
        fixture.arena.deinit();
    }
};

test "equals the slow encoder on random text, counts the same and decodes to the text" {
    for ([_]test_support.Rule{ .rank, .list }) |rule| {
        var fixture: Fixture = try .init(std.testing.allocator, rule, false);
        defer fixture.deinit();
        const context = &fixture.context;
        var prng: std.Random.DefaultPrng = .init(5);
        const random = prng.random();
        const alphabet = "aabbcc   hello\n'\xc3\xa9\xff7";
        var buffer: [300]u8 = undefined;
        for (0..300) |_| {
            const text = buffer[0..random.uintAtMost(usize, buffer.len)];
            for (text) |*byte| byte.* = alphabet[random.uintLessThan(usize, alphabet.len)];
            const expected = try test_support.encodeSlowly(
                fixture.arena.allocator(),
                fixture.parsed,
                &fixture.tokenizer.pretokenizer,
                text,
            );
            try std.testing.expectEqual(expected.len, try context.count(text, .parse));
            _ = try context.encode(text, .parse);
            try std.testing.expectEqualSlices(u32, expected, context.ids);
            _ = try context.decode(expected, false);
            try std.testing.expectEqualStrings(text, context.bytes.items);
        }
    }
}

/// A vocabulary of bytes and of what random pieces of text have, some of it made by no merge.
fn randomDefinition(arena: Allocator, random: std.Random, characters: []const []const u8) !definition.Definition {
    var tokens: std.ArrayList(definition.Token) = .empty;
    for (0..256) |byte| {
        try tokens.append(arena, .{ .id = @intCast(byte), .bytes = try arena.dupe(u8, &.{@intCast(byte)}) });
    }
    var merges: std.ArrayList(definition.Merge) = .empty;
    var known: std.StringHashMapUnmanaged(u32) = .empty;
    for (tokens.items) |token| try known.put(arena, token.bytes, token.id);
    for (0..random.intRangeAtMost(usize, 5, 60)) |_| {
        var text: std.ArrayList(u8) = .empty;
        for (0..random.intRangeAtMost(usize, 1, 4)) |_| {
            try text.appendSlice(arena, characters[random.uintLessThan(usize, characters.len)]);
        }
        const start = random.uintLessThan(usize, @min(text.items.len, 3));
        const bytes = text.items[start..@max(start + 1, text.items.len -| random.uintLessThan(usize, 3))];
        if (known.contains(bytes)) continue;
        const id: u32 = @intCast(tokens.items.len);
        try tokens.append(arena, .{ .id = id, .bytes = bytes });
        try known.put(arena, bytes, id);
        for (1..bytes.len) |split| {
            const left = known.get(bytes[0..split]) orelse continue;
            const right = known.get(bytes[split..]) orelse continue;
            try merges.append(arena, .{ .left = left, .right = right, .result = id });
        }
    }
    random.shuffle(definition.Merge, merges.items);
    return .{
        .format = .tiktoken,
        .tokens = tokens.items,
        .merge_rule = switch (random.uintLessThan(u8, 3)) {
            0 => .rank,
            1 => .{ .list = .{ .merges = merges.items, .ignore_merges = false } },
            else => .{ .list = .{ .merges = merges.items, .ignore_merges = true } },
        },
        // The second one drops what is not matched.
        .splits = try arena.dupe(definition.Split, &.{.matches(
            if (random.boolean()) test_support.pattern else "[^ .]+",
        )}),
        .added_tokens = &.{},
    };
}

test "equals the slow encoder where pieces are cut into parts, the first time and later" {
    const gpa = std.testing.allocator;
    const characters = [_][]const u8{
        "\u{4e2d}", "\u{6587}", "\u{4e00}", "\u{3042}", "\u{ac00}", "\u{20000}", "a", "\u{44f}", "\u{4e01}",
        "\u{5e2d}", "\u{e4e2}", "\u{4b8e}", "\u{e38}",  "\u{4f2d}",
    };
    var prng: std.Random.DefaultPrng = .init(23);
    const random = prng.random();
    var cut: usize = 0;
    for (0..60) |_| {
        var arena_state: std.heap.ArenaAllocator = .init(gpa);
        defer arena_state.deinit();
        const arena = arena_state.allocator();
        const kinds = random.intRangeAtMost(usize, 2, characters.len);
        const parsed = try randomDefinition(arena, random, characters[0..kinds]);
        var diagnostic: Diagnostic = .{};
        var tokenizer: Tokenizer = try .init(gpa, parsed, &diagnostic);
        defer tokenizer.deinit(gpa);
        var context: Context = try .init(gpa, &tokenizer);
        defer context.deinit();
        for (0..15) |_| {
            var text: std.ArrayList(u8) = .empty;
            for (0..random.intRangeAtMost(usize, 1, 80)) |_| {
                const rare = [_][]const u8{ " ", "\xe4\xb8", "\xff", "\xed\xa0\x80", "." };
                const character = if (random.uintLessThan(u8, 12) == 0)
                    rare[random.uintLessThan(usize, rare.len)]
                else
                    characters[random.uintLessThan(usize, kinds)];
                try text.appendSlice(arena, character);
            }
            const pretokenizer = &tokenizer.pretokenizer;
            const expected = try test_support.encodeSlowly(arena, parsed, pretokenizer, text.items);
            var parts: [400]@import("pretokenizer.zig").Span = undefined;
            var position: usize = 0;
            cut += tokenizer.joints.next(text.items, text.items.len, &position, &parts) - 1;
            for (0..3) |_| {
                _ = try context.encode(text.items, .text);
                try std.testing.expectEqualSlices(u32, expected, context.ids);
                try std.testing.expectEqual(expected.len, try context.count(text.items, .text));
            }
        }
    }
    try std.testing.expect(cut > 1000);
}

test "added tokens: as tokens, as text, refused" {
    var fixture: Fixture = try .init(std.testing.allocator, .rank, false);
    defer fixture.deinit();
    const context = &fixture.context;
    const end = test_support.end_of_text;
    const text = "ab<|end|>a  <m>";
    _ = try context.encode(text, .parse);
    try std.testing.expectEqualSlices(u32, &.{ 256, end, 'a', end + 1 }, context.ids);
    _ = try context.decode(&.{ 256, end, 'a', end + 1 }, true);
    try std.testing.expectEqualStrings("aba<m>", context.bytes.items);

    try std.testing.expectEqual(@as(usize, 10), try context.encode(text, .text));
    try std.testing.expectError(error.SpecialToken, context.encode(text, .refuse));
    try std.testing.expectEqual(@as(?usize, 2), context.diagnostic.offset);
    try std.testing.expectEqualStrings(
        "the text has the special token \"<|end|>\" at byte 2",
        context.diagnostic.message(),
    );
}

test "a prefix space goes before each text between added tokens that has none" {
    var fixture: Fixture = try .init(std.testing.allocator, .rank, true);
    defer fixture.deinit();
    const context = &fixture.context;
    const end = test_support.end_of_text;
    _ = try context.encode("abc<|end|> ab<|end|>a", .parse);
    try std.testing.expectEqualSlices(u32, &.{ 260, end, 259, end, 258 }, context.ids);
    try std.testing.expectEqual(@as(usize, 0), try context.encode("", .parse));
}

test "a batch has the ids of its texts, on any number of threads" {
    var fixture: Fixture = try .init(std.testing.allocator, .list, false);
    defer fixture.deinit();
    const context = &fixture.context;
    var prng: std.Random.DefaultPrng = .init(9);
    const random = prng.random();
    var texts: [300_000]u8 = undefined;
    for (&texts) |*byte| byte.* = "abc hello\n"[random.uintLessThan(usize, 10)];
    var ends: [90]u64 = undefined;
    for (&ends) |*end| end.* = random.uintAtMost(u64, texts.len);
    std.mem.sortUnstable(u64, &ends, {}, std.sort.asc(u64));

    var expected: std.ArrayList(u32) = .empty;
    defer expected.deinit(std.testing.allocator);
    var expected_ends: [90]u64 = undefined;
    var start: usize = 0;
    for (ends, &expected_ends) |end, *expected_end| {
        _ = try context.encode(texts[start..@intCast(end)], .parse);
        try expected.appendSlice(std.testing.allocator, context.ids);
        expected_end.* = expected.items.len;
        start = @intCast(end);
    }
    for ([_]usize{ 1, 2, 5, 0 }) |threads| {
        const count = try context.encodeBatch(&texts, &ends, .parse, threads);
        try std.testing.expectEqual(expected.items.len, count);
        try std.testing.expectEqualSlices(u32, expected.items, context.ids);
        try std.testing.expectEqualSlices(u64, &expected_ends, context.ends.items);
    }
    try std.testing.expectEqual(@as(usize, 0), try context.encodeBatch(&texts, &.{}, .parse, 0));
}

test "a long text has the same ids however it is cut, in rounds or at once, on any number of threads" {
    var fixture: Fixture = try .init(std.testing.allocator, .rank, false);
    defer fixture.deinit();
    const context = &fixture.context;
    var other: Context = try .init(std.testing.allocator, fixture.tokenizer);
    defer other.deinit();
    var prng: std.Random.DefaultPrng = .init(31);
    const random = prng.random();
    const alphabets = [_][]const u8{
        "abc hello ", "a", " ", "\n ", "'s'll a", "12 ", "\xe4\xb8\xad\xf0\x9f\x98\x80 a", "\xff\x80a ", "<|end|><m> a",
    };
    var text_buffer: [3000]u8 = undefined;
    for (0..90) |round| {
        const text = text_buffer[0..random.uintAtMost(usize, text_buffer.len)];
        const alphabet = alphabets[round % alphabets.len];
        for (text) |*byte| byte.* = alphabet[random.uintLessThan(usize, alphabet.len)];
        if (round % 3 == 0 and text.len > 20) @memcpy(text[text.len / 2 ..][0..7], "<|end|>");
        const mode: SpecialMode = if (round % 2 == 0) .parse else .text;
        _ = try other.encode(text, mode);
        for ([_]usize{ 1, 17, 200 }) |chunk_len| {
            const options: long_text.Options = .{
                .chunk_len = chunk_len,
                .group_len = 1 + round % 50,
                .round_len = if (round % 4 == 0) std.math.maxInt(usize) else 1 + round,
            };
            _ = try context.encodeLong(text, mode, 1 + round % 3, options);
            try std.testing.expectEqualSlices(u32, other.ids, context.ids);
        }
    }
}

test "a batch names the first text that is refused, whichever thread meets it" {
    var fixture: Fixture = try .init(std.testing.allocator, .rank, false);
    defer fixture.deinit();
    const context = &fixture.context;
    const text_len = 3000;
    const texts = try std.testing.allocator.alloc(u8, 100 * text_len);
    defer std.testing.allocator.free(texts);
    @memset(texts, 'a');
    var ends: [100]u64 = undefined;
    for (&ends, 1..) |*end, i| end.* = i * text_len;
    for ([_]usize{ 97, 40, 60 }) |i| @memcpy(texts[i * text_len + 7 ..][0..7], "<|end|>");
    for ([_]usize{ 1, 4 }) |threads| {
        const result = context.encodeBatch(texts.ptr, &ends, .refuse, threads);
        try std.testing.expectError(error.SpecialToken, result);
        try std.testing.expectEqualStrings(
            "text 40 has the special token \"<|end|>\" at byte 7",
            context.diagnostic.message(),
        );
    }
    const falling = [_]u64{ 5, 4 };
    const result = context.encodeBatch(texts.ptr, &falling, .parse, 1);
    try std.testing.expectError(error.InvalidArgument, result);
}

test "an id without a token is named with its index" {
    var fixture: Fixture = try .init(std.testing.allocator, .rank, false);
    defer fixture.deinit();
    const context = &fixture.context;
    try std.testing.expectError(error.UnknownId, context.decode(&.{ 'a', 'b', 70_000 }, false));
    try std.testing.expectEqual(@as(?usize, 2), context.diagnostic.offset);
    try std.testing.expectEqualStrings(
        "Unknown token id: 70000 at index 2",
        context.diagnostic.message(),
    );
}

test "decodes any number of ids as one by one, and names an unknown one wherever it stands" {
    const gpa = std.testing.allocator;
    var fixture: Fixture = try .init(gpa, .rank, false);
    defer fixture.deinit();
    const context = &fixture.context;
    const end = test_support.end_of_text;
    var prng: std.Random.DefaultPrng = .init(11);
    const random = prng.random();
    var expected: std.ArrayList(u8) = .empty;
    defer expected.deinit(gpa);
    const edge = 512;
    for ([_]usize{ 0, 1, edge - 1, edge, edge + 1, 2 * edge, 3 * edge + 7 }) |len| {
        const ids = try gpa.alloc(u32, len);
        defer gpa.free(ids);
        for (ids) |*id| {
            id.* = if (random.uintLessThan(u8, 4) == 0) end else random.uintLessThan(u32, 258);
        }
        for ([_]bool{ false, true }) |skip_special| {
            expected.clearRetainingCapacity();
            for (ids) |id| {
                if (skip_special and id == end) continue;
                try expected.appendSlice(gpa, fixture.tokenizer.idToToken(id).?);
            }
            const count = try context.decode(ids, skip_special);
            try std.testing.expectEqual(expected.items.len, count);
            try std.testing.expectEqualStrings(expected.items, context.bytes.items);
        }
        if (len == 0) continue;
        ids[len - 1] = 70_000;
        try std.testing.expectError(error.UnknownId, context.decode(ids, true));
        try std.testing.expectEqual(len - 1, context.diagnostic.offset.?);
        try std.testing.expectEqual(0, context.bytes.items.len);
    }
}

test "calls up to the reserved length allocate nothing" {
    var failing: std.testing.FailingAllocator = .init(std.testing.allocator, .{});
    var fixture: Fixture = try .init(failing.allocator(), .rank, true);
    defer fixture.deinit();
    const context = &fixture.context;
    failing.fail_index = failing.alloc_index;
    failing.resize_fail_index = failing.resize_index;
    const shapes = [_][]const u8{ "abc hello ", "\xff", "zq", " ", "h", "ab<|end|>" };
    for (shapes) |shape| {
        var text: [reserved_len - 1]u8 = undefined;
        for (&text, 0..) |*byte, i| byte.* = shape[i % shape.len];
        const count = try context.encode(&text, .parse);
        try std.testing.expectEqual(count, try context.count(&text, .parse));
        const ids = [_]u32{'a'} ** (reserved_len - Vocab.slack);
        try std.testing.expectEqual(ids.len, try context.decode(&ids, false));
    }
    try std.testing.expect(!failing.has_induced_failure);
}

fn callOnce(gpa: Allocator, tokenizer: *const Tokenizer, text: []const u8) !void {
    var context: Context = try .init(gpa, tokenizer);
    defer context.deinit();
    _ = try context.encode(text, .parse);
    const ends = [_]u64{ 10, text.len };
    _ = try context.encodeBatch(text.ptr, &ends, .parse, 1);
    const ids: [2 * reserved_len]u32 = @splat('a');
    _ = try context.decode(&ids, false);
}

test "a failed allocation leaks nothing" {
    var fixture: Fixture = try .init(std.testing.allocator, .rank, true);
    defer fixture.deinit();
    const text: [2 * reserved_len]u8 = @splat('a');
    const arguments = .{ @as(*const Tokenizer, fixture.tokenizer), @as([]const u8, &text) };
    try std.testing.checkAllAllocationFailures(std.testing.allocator, callOnce, arguments);
}
