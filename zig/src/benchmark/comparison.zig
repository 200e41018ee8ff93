//! The work of rust_baseline's `bench` program, and its lines: learns from one text and encodes others, on
//! one thread. A line of JSON for each task; `diff` of both programs' lines shows the name and times only.
//!
//! Time and memory are those of training and encoding, and the ids of one text.

const std = @import("std");
const clock = @import("clock.zig");
const pyaot = @import("pyaot_tokenizer");
const Allocator = std.mem.Allocator;
const Token = pyaot.definition.Token;

/// rustbpe's own.
const pattern = "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}{1,3}|" ++
    " ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+";

pub const Options = struct {
    vocab_size: u32,
    /// A document ends with the first line that ends after so many bytes.
    document_bytes: usize = 10_000,
};

/// Learns from `text`, and encodes each of `encoded`.
pub fn run(
    out: *std.Io.Writer,
    arena: Allocator,
    gpa: Allocator,
    options: Options,
    text: []const u8,
    encoded: []const []const u8,
) !void {
    const splits = try arena.dupe(pyaot.definition.Split, &.{.matches(pattern)});
    const tokens = try learn(out, arena, gpa, options, splits, text);
    var diagnostic: pyaot.Diagnostic = .{};
    var tokenizer: pyaot.Tokenizer = try .init(gpa, .{
        .format = .tiktoken,
        .tokens = tokens,
        .merge_rule = .rank,
        .splits = splits,
    }, &diagnostic);
    defer tokenizer.deinit(gpa);
    const learnt = tokens[tokens.len - 1].id + 1;
    for (encoded) |each| try encode(out, gpa, &tokenizer, options, learnt, each);
    if (peakMemory()) |peak| {
        try begin(out, "memory", options, text);
        try out.print(",\"peak_bytes\":{d}}}\n", .{peak});
    }
}

fn learn(
    out: *std.Io.Writer,
    arena: Allocator,
    gpa: Allocator,
    options: Options,
    splits: []const pyaot.definition.Split,
    text: []const u8,
) ![]const Token {
    var diagnostic: pyaot.Diagnostic = .{};
    var pretokenizer: pyaot.PreTokenizer = try .init(gpa, splits, &diagnostic);
    defer pretokenizer.deinit(gpa);
    const begun = clock.processNow();
    const start = now();
    var counts: pyaot.WordCounts = .init(gpa);
    defer counts.deinit();
    var spans: [256]pyaot.Span = undefined;
    var documents: Documents = .{ .rest = text, .size = options.document_bytes };
    while (documents.next()) |document| {
        var cursor: pyaot.Cursor = .{};
        while (true) {
            const count = pretokenizer.next(document, &cursor, &spans);
            if (count == 0) break;
            try counts.addPieces(document, spans[0..count]);
        }
    }
    const counted = now();
    const counted_cpu = clock.processNow();
    const merges = try pyaot.trainer.train(gpa, (&counts)[0..1], .{
        .vocab_size = options.vocab_size,
    });
    defer gpa.free(merges);
    const end = now();
    const end_cpu = clock.processNow();

    var pairs: Checksum = .{};
    for (merges) |merge| {
        pairs.addId(merge.left);
        pairs.addId(merge.right);
    }
    const tokens = try distinct(arena, try pyaot.trainer.vocabulary(arena, merges));
    var spelled: Checksum = .{};
    for (tokens) |token| {
        spelled.addId(token.id);
        spelled.addId(@intCast(token.bytes.len));
        spelled.add(token.bytes);
    }
    try begin(out, "train", options, text);
    try out.print(",\"vocab_size\":{d},\"merges\":{d},\"pieces\":{d},\"count_seconds\":{d}", .{
        options.vocab_size, merges.len, counts.len(), seconds(counted - start),
    });
    try out.print(",\"merge_seconds\":{d},\"seconds\":{d}", .{
        seconds(end - counted), seconds(end - start),
    });
    try out.print(",\"merge_cpu_seconds\":{d},\"cpu_seconds\":{d}", .{
        seconds(end_cpu - counted_cpu), seconds(end_cpu - begun),
    });
    try out.print(",\"checksum\":\"{x:0>16}\",\"tokens_checksum\":\"{x:0>16}\"}}\n", .{
        pairs.value, spelled.value,
    });
    try out.flush();
    return tokens;
}

/// Of tokens with the same bytes the last.
fn distinct(arena: Allocator, tokens: []const Token) ![]const Token {
    var last: std.StringHashMapUnmanaged(u32) = .empty;
    for (tokens) |token| try last.put(arena, token.bytes, token.id);
    var kept: std.ArrayList(Token) = .empty;
    for (tokens) |token| {
        if (last.get(token.bytes).? == token.id) try kept.append(arena, token);
    }
    return kept.items;
}

fn encode(
    out: *std.Io.Writer,
    gpa: Allocator,
    tokenizer: *const pyaot.Tokenizer,
    options: Options,
    /// How many tokens there are, which may be less than was asked for.
    vocab_size: u32,
    text: []const u8,
) !void {
    var context: pyaot.Context = try .init(gpa, tokenizer);
    defer context.deinit();
    const start = now();
    var ids: std.ArrayList(u32) = .empty;
    defer ids.deinit(gpa);
    var documents: Documents = .{ .rest = text, .size = options.document_bytes };
    while (documents.next()) |document| {
        _ = try context.encode(document, .text);
        try ids.appendSlice(gpa, context.ids);
    }
    const spent = now() - start;
    var sum: Checksum = .{};
    for (ids.items) |id| sum.addId(id);
    try begin(out, "encode", options, text);
    try out.print(",\"vocab_size\":{d},\"tokens\":{d},\"seconds\":{d},\"checksum\":\"{x:0>16}\"}}\n", .{
        vocab_size, ids.items.len, seconds(spent), sum.value,
    });
    try out.flush();
}

/// What every line begins with.
fn begin(out: *std.Io.Writer, task: []const u8, options: Options, text: []const u8) !void {
    var count: usize = 0;
    var documents: Documents = .{ .rest = text, .size = options.document_bytes };
    while (documents.next()) |_| count += 1;
    try out.print(
        "{{\"implementation\":\"pyaot_tokenizer\",\"task\":\"{s}\",\"bytes\":{d}," ++
            "\"documents\":{d},\"threads\":1",
        .{ task, text.len, count },
    );
}

const Documents = struct {
    rest: []const u8,
    size: usize,

    fn next(documents: *Documents) ?[]const u8 {
        const rest = documents.rest;
        if (rest.len == 0) return null;
        const line_end = std.mem.findScalarPos(u8, rest, documents.size, '\n');
        const end = if (line_end) |at| at + 1 else rest.len;
        documents.rest = rest[end..];
        return rest[0..end];
    }
};

/// The 64-bit FNV-1a hash; numbers count as four bytes, the least significant first.
const Checksum = struct {
    value: u64 = 0xcbf2_9ce4_8422_2325,

    fn add(sum: *Checksum, bytes: []const u8) void {
        for (bytes) |byte| sum.value = (sum.value ^ byte) *% 0x0000_0100_0000_01b3;
    }

    fn addId(sum: *Checksum, id: u32) void {
        var bytes: [4]u8 = undefined;
        std.mem.writeInt(u32, &bytes, id, .little);
        sum.add(&bytes);
    }
};

/// The most memory the process has had so far, where the system tells.
fn peakMemory() ?u64 {
    var usage: std.c.rusage = undefined;
    if (std.c.getrusage(std.c.rusage.SELF, &usage) != 0) return null;
    return @as(u64, @intCast(usage.maxrss)) * 1024;
}

/// Nanoseconds on the wall, as rust_baseline counts them.
fn now() u64 {
    var time: std.c.timespec = undefined;
    _ = std.c.clock_gettime(.MONOTONIC, &time);
    return @as(u64, @intCast(time.sec)) * std.time.ns_per_s + @as(u64, @intCast(time.nsec));
}

fn seconds(nanoseconds: u64) f64 {
    return @as(f64, @floatFromInt(nanoseconds)) / std.time.ns_per_s;
}
