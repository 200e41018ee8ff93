//! The benchmark program of the core alone:
//!
//!     zig build run --release=fast -- [--lines] [--tokenizer tokenizer.json] [TEXT]
//!
//!     zig build run --release=fast -- --vocab-size=N [--document-bytes=N] [--encode=FILE]... TEXT
//!
//! By itself it makes its text and learns a vocabulary from it, so it needs nothing. It shows each stage's
//! nanoseconds a byte, and megabytes of one shape beside the text; `--lines` writes tab-separated lines for
//! programs. Times are of this run; compare rows with each other, not runs. The second form does what
//! rust_baseline's `bench` does, and prints lines like its own.

const std = @import("std");
const pyaot = @import("pyaot_tokenizer");
const clock = @import("benchmark/clock.zig");
const comparison = @import("benchmark/comparison.zig");
const stages = @import("benchmark/stages.zig");
const texts = @import("benchmark/texts.zig");
const Allocator = std.mem.Allocator;

const text_len = 4 << 20;
const shape_len = 1 << 20;
const vocab_size = 4096;

const Options = struct {
    lines: bool = false,
    tokenizer: ?[]const u8 = null,
    text: ?[]const u8 = null,
    vocab_size: ?u32 = null,
    document_bytes: usize = 10_000,
    encode: std.ArrayList([]const u8) = .empty,

    fn parse(arena: Allocator, args: []const [:0]const u8) error{ Usage, OutOfMemory }!Options {
        var options: Options = .{};
        var i: usize = 1;
        while (i < args.len) : (i += 1) {
            if (std.mem.eql(u8, args[i], "--lines")) {
                options.lines = true;
            } else if (std.mem.eql(u8, args[i], "--tokenizer")) {
                i += 1;
                if (i == args.len) return error.Usage;
                options.tokenizer = args[i];
            } else if (std.mem.cutPrefix(u8, args[i], "--vocab-size=")) |value| {
                options.vocab_size = std.fmt.parseInt(u32, value, 10) catch return error.Usage;
            } else if (std.mem.cutPrefix(u8, args[i], "--document-bytes=")) |value| {
                options.document_bytes = std.fmt.parseInt(usize, value, 10) catch
                    return error.Usage;
            } else if (std.mem.cutPrefix(u8, args[i], "--encode=")) |path| {
                try options.encode.append(arena, path);
            } else if (args[i].len > 0 and args[i][0] == '-' or options.text != null) {
                return error.Usage;
            } else {
                options.text = args[i];
            }
        }
        return options;
    }
};

/// Where the results go, and in which form.
const Report = struct {
    out: *std.Io.Writer,
    lines: bool,

    fn heading(report: Report, comptime text: []const u8, arguments: anytype) !void {
        if (!report.lines) try report.out.print(text, arguments);
    }
};

pub fn main(init: std.process.Init) !u8 {
    const arena = init.arena.allocator();
    const gpa = std.heap.c_allocator;
    const options = Options.parse(arena, try init.minimal.args.toSlice(arena)) catch {
        std.debug.print("usage: [--lines] [--tokenizer tokenizer.json] [TEXT], or " ++
            "--vocab-size=N [--document-bytes=N] [--encode=FILE]... [TEXT]\n", .{});
        return 2;
    };
    var buffer: [4096]u8 = undefined;
    var file = std.Io.File.stdout().writerStreaming(init.io, &buffer);
    const report: Report = .{ .out = &file.interface, .lines = options.lines };

    const text = if (options.text) |path|
        try read(init.io, arena, path)
    else
        try texts.words(arena, text_len);
    if (options.vocab_size) |size| {
        var encoded: std.ArrayList([]const u8) = .empty;
        for (options.encode.items) |path| {
            try encoded.append(arena, try read(init.io, arena, path));
        }
        if (encoded.items.len == 0) try encoded.append(arena, text);
        const task: comparison.Options = .{
            .vocab_size = size,
            .document_bytes = options.document_bytes,
        };
        try comparison.run(report.out, arena, gpa, task, text, encoded.items);
        try report.out.flush();
        return 0;
    }
    try report.heading("pyaot_tokenizer {s}, core alone\n\n", .{pyaot.version});
    try showComptime(report);
    var tokenizer = if (options.tokenizer) |path|
        try load(init.io, arena, gpa, path)
    else
        try learn(report, arena, gpa, text);
    defer tokenizer.deinit(gpa);
    try showStages(report, try stages.measure(arena, gpa, &tokenizer, text));
    var context: pyaot.Context = try .init(gpa, &tokenizer);
    defer context.deinit();
    try showLatency(report, &context);
    try report.out.flush();
    try showShapes(report, arena, &context, text);
    try report.out.flush();
    return 0;
}

fn showComptime(report: Report) !void {
    const ones: [16]u32 = @splat(1);
    var twos: [16]u32 = undefined;
    pyaot.simd.fastMemcpy(u32, &twos, &pyaot.simd.simdAdd(u32, 16, ones, ones));
    try report.heading(
        \\Comptime checks
        \\  simdAdd(u32, 16, ...) = {d} in each lane; 15 lanes do not compile
        \\  fastMemcpy of a type without a size does not compile
        \\
        \\
    , .{twos[0]});
}

fn load(io: std.Io, arena: Allocator, gpa: Allocator, path: []const u8) !pyaot.Tokenizer {
    const json = try read(io, arena, path);
    var diagnostic: pyaot.Diagnostic = .{};
    const parsed = try pyaot.format.tokenizer_json.parse(arena, json, 1, &diagnostic);
    return pyaot.Tokenizer.init(gpa, parsed, &diagnostic);
}

fn read(io: std.Io, arena: Allocator, path: []const u8) ![]const u8 {
    return std.Io.Dir.cwd().readFileAlloc(io, path, arena, .limited(1 << 30));
}

/// A vocabulary of the text's own.
fn learn(report: Report, arena: Allocator, gpa: Allocator, text: []const u8) !pyaot.Tokenizer {
    const splits = try arena.dupe(pyaot.definition.Split, &.{
        .matches(pyaot.format.byte_level.gpt2_pattern),
    });
    var diagnostic: pyaot.Diagnostic = .{};
    var pretokenizer: pyaot.PreTokenizer = try .init(gpa, splits, &diagnostic);
    defer pretokenizer.deinit(gpa);
    const begin = clock.now();
    var counts: pyaot.WordCounts = .init(gpa);
    defer counts.deinit();
    var spans: [256]pyaot.Span = undefined;
    var cursor: pyaot.Cursor = .{};
    while (true) {
        const count = pretokenizer.next(text, &cursor, &spans);
        if (count == 0) break;
        for (spans[0..count]) |span| try counts.add(text[span.start..span.end], 1);
    }
    const counted = clock.now();
    const merges = try pyaot.trainer.train(gpa, (&counts)[0..1], .{ .vocab_size = vocab_size });
    defer gpa.free(merges);
    try report.heading(
        \\Training on {d:.1} MB
        \\  counting pieces {d:>8.1} ms, {d} distinct
        \\  learning merges {d:>8.1} ms, {d} merges
        \\
        \\
    , .{
        @as(f64, @floatFromInt(text.len)) / 1e6,
        @as(f64, @floatFromInt(counted - begin)) / 1e6,
        counts.len(),
        @as(f64, @floatFromInt(clock.now() - counted)) / 1e6,
        merges.len,
    });
    return pyaot.Tokenizer.init(gpa, .{
        .format = .tiktoken,
        .tokens = try pyaot.trainer.vocabulary(arena, merges),
        .merge_rule = .rank,
        .splits = splits,
    }, &diagnostic);
}

fn showStages(report: Report, rows: []const stages.Row) !void {
    const unit = if (clock.has_ticks) "TSC ticks/byte" else "";
    try report.heading(
        "Stages, one thread\n  stage           MB  ns/byte     MB/s  pieces or ids  ns each  {s}\n",
        .{unit},
    );
    for (rows) |row| {
        const per_byte = row.spent.nanosecondsPer(row.bytes);
        const per_item = if (row.items > 0) row.spent.nanosecondsPer(row.items) else 0;
        const ticks = row.spent.ticksPer(row.bytes);
        if (report.lines) {
            try report.out.print("stage\t{s}\t{d}\t{d}\t{d:.4}\t{d:.3}\t{d:.4}\n", .{
                row.stage, row.bytes, row.items, per_byte, per_item, ticks,
            });
            continue;
        }
        try report.out.print("  {s:<12} {d:>5.1} {d:>8.3} {d:>8.0} {d:>14} {d:>8.1}", .{
            row.stage,
            @as(f64, @floatFromInt(row.bytes)) / 1e6,
            per_byte,
            if (per_byte > 0) 1e3 / per_byte else 0,
            row.items,
            per_item,
        });
        if (clock.has_ticks) try report.out.print("  {d:>8.3}", .{ticks});
        try report.out.writeAll("\n");
    }
}

const EncodeMany = struct {
    context: *pyaot.Context,
    text: []const u8,
    calls: usize = 1,

    pub fn run(self: *EncodeMany) !void {
        for (0..self.calls) |_| _ = try self.context.encode(self.text, .text);
    }
};

fn showLatency(report: Report, context: *pyaot.Context) !void {
    var hello: EncodeMany = .{ .context = context, .text = "Hello, world!", .calls = 20_000 };
    const spent = try clock.least(5, &hello);
    const each = spent.nanosecondsPer(hello.calls);
    if (report.lines) return report.out.print("latency\thello\t{d:.1}\n", .{each});
    try report.out.print("\n\"Hello, world!\" in {d:.0} ns\n\n", .{each});
}

/// Megabytes of one shape each, beside the text.
fn showShapes(
    report: Report,
    arena: Allocator,
    context: *pyaot.Context,
    text: []const u8,
) !void {
    const beginning = text[0..@min(text.len, shape_len)];
    var prose: EncodeMany = .{ .context = context, .text = beginning };
    try prose.run();
    const usual = (try clock.least(5, &prose)).nanosecondsPer(beginning.len);
    try report.heading("Shapes, 1 MB of each\n  text        ns/byte  to the text\n", .{});
    try showShape(report, "text", usual, usual);
    const filled = try arena.alloc(u8, shape_len);
    for (texts.shapes) |shape| {
        texts.fill(filled, shape);
        var encode: EncodeMany = .{ .context = context, .text = filled };
        const each = (try clock.least(5, &encode)).nanosecondsPer(shape_len);
        try showShape(report, shape.name, each, usual);
    }
}

fn showShape(report: Report, name: []const u8, each: f64, usual: f64) !void {
    if (report.lines) return report.out.print("shape\t{s}\t{d:.4}\n", .{ name, each });
    try report.out.print("  {s:<10} {d:>8.2} {d:>9.2}x\n", .{ name, each, each / usual });
}
