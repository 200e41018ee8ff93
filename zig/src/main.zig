//! The benchmark program of the core alone: `zig build run --release=fast [-- CORPUS]`.
//!
//! It needs nothing but itself: it makes its text, learns a vocabulary from it, and measures encoding with
//! that. Times are of this run; compare rows with each other, not runs.

const std = @import("std");
const pyaot = @import("pyaot_tokenizer");
const Allocator = std.mem.Allocator;

const corpus_len = 4 << 20;
const adversarial_len = 1 << 20;
const vocab_size = 4096;

pub fn main(init: std.process.Init) !void {
    const arena = init.arena.allocator();
    const gpa = std.heap.c_allocator;
    var buffer: [4096]u8 = undefined;
    var file = std.Io.File.stdout().writer(init.io, &buffer);
    const out = &file.interface;
    const args = try init.minimal.args.toSlice(arena);
    const corpus = if (args.len > 1)
        try std.Io.Dir.cwd().readFileAlloc(init.io, args[1], arena, .limited(1 << 30))
    else
        try makeCorpus(arena);

    try out.print("pyaot_tokenizer {s}, core alone\n\n", .{pyaot.version});
    try showComptime(out);
    var tokenizer = try learn(out, arena, gpa, corpus);
    defer tokenizer.deinit(gpa);
    var context: pyaot.Context = try .init(gpa, &tokenizer);
    defer context.deinit();
    try measureEncoding(out, &context, corpus);
    try out.flush();
    try measureShapes(out, arena, &context, corpus);
    try out.flush();
}

/// Seconds on the monotonic clock.
fn now() f64 {
    var time: std.c.timespec = undefined;
    _ = std.c.clock_gettime(.MONOTONIC, &time);
    return @as(f64, @floatFromInt(time.sec)) + @as(f64, @floatFromInt(time.nsec)) / 1e9;
}

fn showComptime(out: *std.Io.Writer) !void {
    const ones: [16]u32 = @splat(1);
    var twos: [16]u32 = undefined;
    pyaot.simd.fastMemcpy(u32, &twos, &pyaot.simd.simdAdd(u32, 16, ones, ones));
    try out.print(
        \\Comptime checks
        \\  simdAdd(u32, 16, ...) = {d} in each lane; 15 lanes do not compile
        \\  fastMemcpy of a type without a size does not compile
        \\
        \\
    , .{twos[0]});
}

/// Words of a made-up language, the early ones most often, in lines.
fn makeCorpus(arena: Allocator) ![]u8 {
    var prng: std.Random.DefaultPrng = .init(1);
    const random = prng.random();
    const syllables = "ka to mi re su lan ber ing the or st an ed ment com pro al ic us e";
    var parts: std.ArrayList([]const u8) = .empty;
    var iterator = std.mem.splitScalar(u8, syllables, ' ');
    while (iterator.next()) |syllable| try parts.append(arena, syllable);
    var words: [8000][]const u8 = undefined;
    for (&words) |*word| {
        var spelled: std.ArrayList(u8) = .empty;
        for (0..random.intRangeAtMost(usize, 1, 4)) |_| {
            try spelled.appendSlice(arena, parts.items[random.uintLessThan(usize, parts.items.len)]);
        }
        word.* = spelled.items;
    }
    var text: std.ArrayList(u8) = .empty;
    while (text.items.len < corpus_len) {
        const uniform = random.float(f64);
        const index: usize = @intFromFloat(uniform * uniform * uniform * words.len);
        try text.appendSlice(arena, words[index]);
        try text.appendSlice(arena, switch (random.uintLessThan(u8, 20)) {
            0 => ", ",
            1 => ".\n",
            else => " ",
        });
    }
    return text.items;
}

fn learn(
    out: *std.Io.Writer,
    arena: Allocator,
    gpa: Allocator,
    corpus: []const u8,
) !pyaot.Tokenizer {
    const splits = try arena.dupe(pyaot.definition.Split, &.{
        .matches(pyaot.format.byte_level.gpt2_pattern),
    });
    var diagnostic: pyaot.Diagnostic = .{};
    var pretokenizer: pyaot.PreTokenizer = try .init(gpa, splits, &diagnostic);
    defer pretokenizer.deinit(gpa);
    const begin = now();
    var counts: pyaot.WordCounts = .init(gpa);
    defer counts.deinit();
    var spans: [256]pyaot.Span = undefined;
    var cursor: pyaot.Cursor = .{};
    while (cursor.position < corpus.len) {
        const count = pretokenizer.next(corpus, &cursor, &spans);
        for (spans[0..count]) |span| try counts.add(corpus[span.start..span.end], 1);
    }
    const counted = now();
    const merges = try pyaot.trainer.train(gpa, &counts, .{ .vocab_size = vocab_size });
    defer gpa.free(merges);
    try out.print(
        \\Training on {d:.1} MB
        \\  counting pieces {d:>8.1} ms, {d} distinct
        \\  learning merges {d:>8.1} ms, {d} merges
        \\
        \\
    , .{
        @as(f64, @floatFromInt(corpus.len)) / 1e6,
        (counted - begin) * 1e3,
        counts.len(),
        (now() - counted) * 1e3,
        merges.len,
    });
    return pyaot.Tokenizer.init(gpa, .{
        .format = .tiktoken,
        .tokens = try pyaot.trainer.vocabulary(arena, merges),
        .merge_rule = .rank,
        .splits = splits,
    }, &diagnostic);
}

/// The least time of five calls.
fn secondsToEncode(context: *pyaot.Context, text: []const u8) !f64 {
    var least = std.math.inf(f64);
    for (0..5) |_| {
        const begin = now();
        _ = try context.encode(text, .text);
        least = @min(least, now() - begin);
    }
    return least;
}

fn measureEncoding(out: *std.Io.Writer, context: *pyaot.Context, corpus: []const u8) !void {
    const seconds = try secondsToEncode(context, corpus);
    const tokens = context.ids.len;
    const calls = 100_000;
    const begin = now();
    for (0..calls) |_| _ = try context.encode("Hello, world!", .text);
    const latency = (now() - begin) / calls;
    const bytes: f64 = @floatFromInt(corpus.len);
    try out.print(
        \\Encoding, one thread
        \\  {d:.1} MB/s, {d:.1} million tokens/s, {d:.2} bytes a token
        \\  "Hello, world!" in {d:.0} ns
        \\
        \\
    , .{
        bytes / seconds / 1e6,
        @as(f64, @floatFromInt(tokens)) / seconds / 1e6,
        bytes / @as(f64, @floatFromInt(tokens)),
        latency * 1e9,
    });
}

/// Megabytes of one shape each, beside the corpus.
fn measureShapes(
    out: *std.Io.Writer,
    arena: Allocator,
    context: *pyaot.Context,
    corpus: []const u8,
) !void {
    const prose = corpus[0..@min(corpus.len, adversarial_len)];
    const prose_seconds = try secondsToEncode(context, prose) / @as(f64, @floatFromInt(prose.len));
    try out.writeAll("Comparison, 1 MB of each\n  text        ns/byte  to the corpus\n");
    try out.print("  {s:<10} {d:>8.2} {d:>9.2}x\n", .{ "corpus", prose_seconds * 1e9, 1.0 });
    const text = try arena.alloc(u8, adversarial_len);
    var prng: std.Random.DefaultPrng = .init(3);
    const shapes = [_]struct { []const u8, []const u8 }{
        .{ "letter", "a" },
        .{ "spaces", " " },
        .{ "digits", "7" },
        .{ "newlines", "\n" },
        .{ "Han", "\u{4e2d}\u{6587}\u{5b57}" },
        .{ "base64", "" },
    };
    for (shapes) |shape| {
        const name, const unit = shape;
        for (text, 0..) |*byte, i| {
            byte.* = if (unit.len > 0)
                unit[i % unit.len]
            else
                std.base64.standard_alphabet_chars[prng.random().uintLessThan(usize, 64)];
        }
        const seconds = try secondsToEncode(context, text) / @as(f64, adversarial_len);
        const ratio = seconds / prose_seconds;
        try out.print("  {s:<10} {d:>8.2} {d:>9.2}x\n", .{ name, seconds * 1e9, ratio });
    }
}
