//! The stages of encoding one by one, on one text: reading it, cutting it into pieces, finding them in an
//! encoder's cache and in the vocabulary's table, merging those that are no token, everything together, and
//! decoding. The pieces of the whole text are kept:
//! 16 bytes a piece.

const std = @import("std");
const pyaot = @import("pyaot_tokenizer");
const clock = @import("clock.zig");
const Allocator = std.mem.Allocator;
const Spent = clock.Spent;
const Tokenizer = pyaot.Tokenizer;

const runs = 5;
const batch_len = 256;

/// A stage's time, and over how much work.
pub const Row = struct {
    stage: []const u8,
    spent: Spent,
    /// Bytes of the text that the stage works on.
    bytes: usize,
    /// Pieces, or ids where the stage has no pieces.
    items: usize,
};

pub fn measure(arena: Allocator, gpa: Allocator, tokenizer: *const Tokenizer, text: []const u8) ![]Row {
    var rows: std.ArrayList(Row) = .empty;
    var read: Read = .{ .text = text };
    try rows.append(arena, .{
        .stage = "read",
        .spent = try clock.least(runs, &read),
        .bytes = text.len,
        .items = 0,
    });

    var cut: Cut = .{ .tokenizer = tokenizer, .text = text, .level = .best() };
    for ([_]pyaot.stages.Level{ .best(), .baseline }) |level| {
        cut.level = level;
        const cutting = try clock.least(runs, &cut);
        try rows.append(arena, .{
            .stage = try std.fmt.allocPrint(arena, "cut {t}", .{level}),
            .spent = cutting,
            .bytes = text.len,
            .items = cut.count,
        });
    }

    const spans = try arena.alloc(pyaot.Span, cut.count);
    var cursor: pyaot.Cursor = .{};
    var found: usize = 0;
    while (found < spans.len) found += tokenizer.pretokenizer.next(text, &cursor, spans[found..]);
    try rows.append(arena, try measureCache(gpa, tokenizer, text, spans));
    var lookup: Lookup = .{ .tokenizer = tokenizer, .text = text, .spans = spans };
    try rows.append(arena, .{
        .stage = "table",
        .spent = try clock.least(runs, &lookup),
        .bytes = text.len,
        .items = spans.len,
    });
    try rows.append(arena, try measureMerging(arena, gpa, tokenizer, text, spans));
    try measureWhole(arena, gpa, tokenizer, text, &rows);
    return rows.items;
}

/// Pieces in the cache of a context that has met them all.
fn measureCache(
    gpa: Allocator,
    tokenizer: *const Tokenizer,
    text: []const u8,
    spans: []const pyaot.Span,
) !Row {
    var context: pyaot.Context = try .init(gpa, tokenizer);
    defer context.deinit();
    _ = try context.encode(text, .text);
    const ids = try gpa.alloc(u32, text.len + pyaot.stages.piece_cache.slack);
    defer gpa.free(ids);
    var find: Find = .{
        .cache = &context.encoder.cache,
        .text = text,
        .spans = spans,
        .ids = ids,
    };
    return .{
        .stage = "cache",
        .spent = try clock.least(runs, &find),
        .bytes = text.len,
        .items = spans.len,
    };
}

fn measureMerging(
    arena: Allocator,
    gpa: Allocator,
    tokenizer: *const Tokenizer,
    text: []const u8,
    spans: []const pyaot.Span,
) !Row {
    var unknown: std.ArrayList(pyaot.Span) = .empty;
    var bytes: usize = 0;
    var longest: usize = 0;
    for (spans) |span| {
        if (findPiece(tokenizer, text, span) != null) continue;
        try unknown.append(arena, span);
        bytes += span.end - span.start;
        longest = @max(longest, span.end - span.start);
    }
    var merge: Merge = .{
        .gpa = gpa,
        .tokenizer = tokenizer,
        .text = text,
        .spans = unknown.items,
        .ids = try arena.alloc(u32, longest + 1),
    };
    defer merge.scratch.deinit(gpa);
    return .{
        .stage = "merge",
        .spent = try clock.least(runs, &merge),
        .bytes = bytes,
        .items = unknown.items.len,
    };
}

/// All stages together, into a new context and into one that has learnt, and back.
fn measureWhole(
    arena: Allocator,
    gpa: Allocator,
    tokenizer: *const Tokenizer,
    text: []const u8,
    rows: *std.ArrayList(Row),
) !void {
    var first: Spent = .{};
    for (0..runs) |_| {
        var context: pyaot.Context = try .init(gpa, tokenizer);
        defer context.deinit();
        var encode: Encode = .{ .context = &context, .text = text };
        const once = try clock.least(1, &encode);
        if (once.nanoseconds < first.nanoseconds) first = once;
    }
    var context: pyaot.Context = try .init(gpa, tokenizer);
    defer context.deinit();
    var encode: Encode = .{ .context = &context, .text = text };
    try encode.run();
    const warm = try clock.least(runs, &encode);
    const ids = try arena.dupe(u32, context.ids);
    var decode: Decode = .{ .context = &context, .ids = ids };
    const decoding = try clock.least(runs, &decode);
    if (!std.mem.eql(u8, context.bytes.items, text)) return error.DecodedTextDiffers;
    const copy = try arena.alloc(u8, text.len);
    var copying: Copy = .{ .source = text, .target = copy };
    for ([_]struct { []const u8, Spent }{
        .{ "encode first", first },
        .{ "encode warm", warm },
        .{ "decode", decoding },
        .{ "copy", try clock.least(runs, &copying) },
    }) |pair| {
        const stage, const spent = pair;
        try rows.append(arena, .{
            .stage = stage,
            .spent = spent,
            .bytes = text.len,
            .items = ids.len,
        });
    }
}

/// The limit of every stage: all bytes seen once.
const Read = struct {
    text: []const u8,

    pub fn run(self: *Read) !void {
        const Block = @Vector(64, u8);
        var sum: Block = @splat(0);
        var position: usize = 0;
        while (position + 64 <= self.text.len) : (position += 64) {
            sum ^= self.text[position..][0..64].*;
        }
        std.mem.doNotOptimizeAway(@reduce(.Xor, sum));
    }
};

/// The limit of decoding.
const Copy = struct {
    source: []const u8,
    target: []u8,

    pub fn run(self: *Copy) !void {
        @memcpy(self.target, self.source);
        std.mem.doNotOptimizeAway(self.target.ptr);
    }
};

const Cut = struct {
    tokenizer: *const Tokenizer,
    text: []const u8,
    level: pyaot.stages.Level,
    count: usize = 0,

    pub fn run(self: *Cut) !void {
        var spans: [batch_len]pyaot.Span = undefined;
        var cursor: pyaot.Cursor = .{ .level = self.level };
        self.count = 0;
        while (true) {
            const count = self.tokenizer.pretokenizer.next(self.text, &cursor, &spans);
            if (count == 0) break;
            self.count += count;
        }
    }
};

const Find = struct {
    cache: *pyaot.stages.piece_cache.PieceCache,
    text: []const u8,
    spans: []const pyaot.Span,
    ids: []u32,

    pub fn run(self: *Find) !void {
        var keys: pyaot.stages.piece_cache.Keys = undefined;
        var found: usize = 0;
        var rest = self.spans;
        while (rest.len > 0) {
            const batch = rest[0..@min(rest.len, pyaot.stages.piece_cache.batch_len)];
            rest = rest[batch.len..];
            self.cache.makeKeys(self.text, batch, &keys);
            var from: usize = 0;
            while (from < batch.len) {
                const copied = self.cache.copyKnown(self.text, batch, &keys, from, self.ids.ptr);
                found += copied.id_count;
                from = copied.index + 1;
            }
        }
        std.mem.doNotOptimizeAway(found);
    }
};

const Lookup = struct {
    tokenizer: *const Tokenizer,
    text: []const u8,
    spans: []const pyaot.Span,

    pub fn run(self: *Lookup) !void {
        const pieces = &self.tokenizer.pieces;
        var keys: [batch_len]pyaot.stages.piece_table.Key = undefined;
        var sum: u32 = 0;
        var rest = self.spans;
        while (rest.len > 0) {
            const batch = rest[0..@min(rest.len, batch_len)];
            rest = rest[batch.len..];
            for (batch, keys[0..batch.len]) |span, *key| {
                if (span.end - span.start <= pyaot.stages.piece_table.key_len_max) {
                    pieces.makeKey(self.text, span.start, span.end, key);
                } else {
                    key.len = 0;
                }
            }
            for (batch, keys[0..batch.len]) |span, key| {
                const found = if (key.len > 0)
                    pieces.find(key)
                else
                    pieces.findLong(self.text[span.start..span.end]);
                sum +%= found orelse 1;
            }
        }
        std.mem.doNotOptimizeAway(sum);
    }
};

fn findPiece(tokenizer: *const Tokenizer, text: []const u8, span: pyaot.Span) ?u32 {
    const pieces = &tokenizer.pieces;
    if (span.end - span.start > pyaot.stages.piece_table.key_len_max) {
        return pieces.findLong(text[span.start..span.end]);
    }
    var key: pyaot.stages.piece_table.Key = undefined;
    pieces.makeKey(text, span.start, span.end, &key);
    return pieces.find(key);
}

const Merge = struct {
    gpa: Allocator,
    tokenizer: *const Tokenizer,
    text: []const u8,
    spans: []const pyaot.Span,
    ids: []u32,
    scratch: pyaot.stages.bpe.Scratch = .{},

    pub fn run(self: *Merge) !void {
        const merges = &self.tokenizer.merges;
        for (self.spans) |span| {
            const piece = self.text[span.start..span.end];
            _ = try pyaot.stages.bpe.encode(merges, self.gpa, &self.scratch, piece, self.ids.ptr);
        }
    }
};

const Encode = struct {
    context: *pyaot.Context,
    text: []const u8,

    pub fn run(self: *Encode) !void {
        _ = try self.context.encode(self.text, .text);
    }
};

const Decode = struct {
    context: *pyaot.Context,
    ids: []const u32,

    pub fn run(self: *Decode) !void {
        _ = try self.context.decode(self.ids, false);
    }
};
