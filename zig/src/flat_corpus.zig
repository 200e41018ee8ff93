//! The text of a training: all distinct pieces as tokens in one flat array, in which occurrences
//! of a pair are merged in place.
//!
//! There is a slot of 4 bytes for each symbol, which is a byte or a character. A token's first slot names the pair that the token begins,
//! or the token itself where none follows in its piece; its last slot names the token. (A token of one slot
//! that begins a pair is named by the pair alone.) So both neighbours of any token are found in constant
//! time without a list, by the pairs and the tokens' lengths. What a pair is, and how it is chosen, is
//! no concern of this file.

const std = @import("std");
const word_counts = @import("word_counts.zig");

const Allocator = std.mem.Allocator;
const utf8 = @import("utf8.zig");
const Watch = @import("watch.zig").Watch;
const WordCounts = word_counts.WordCounts;

pub const Error = Allocator.Error || error{
    /// The occurrences of all pairs do not fit in 64 bits.
    CountOverflow,
    /// The distinct pieces have more than `slots_max` symbols, the gaps between them included.
    TooManyPieces,
    Cancelled,
};

pub const slots_max = 1 << 30;
/// Set in slots that name a token, and not a pair.
pub const token_mark = 1 << 31;
/// What stands in the gaps between pieces.
pub const gap = std.math.maxInt(u32);
/// So many pieces or slots are gone through between two looks at whether to stop.
pub const poll_interval = 1 << 18;

pub const ByteSet = std.StaticBitSet(256);

/// What pieces are made of. Those that are left out are as if the pieces did not have them.
pub const Symbols = union(enum) {
    all_bytes,
    /// The bytes that are not left out.
    bytes: *const ByteSet,
    /// By code point, the number of each character; or `left_out`. Pieces are well-formed UTF-8.
    characters: []const u32,

    pub const left_out = std.math.maxInt(u32);

    /// Hands the symbols of a piece to `sink.add`, by number, in order.
    inline fn each(symbols: Symbols, piece: []const u8, sink: anytype) void {
        switch (symbols) {
            .all_bytes => for (piece) |byte| sink.add(byte),
            .bytes => |kept| for (piece) |byte| if (kept.isSet(byte)) sink.add(byte),
            .characters => |numbers| {
                var at: usize = 0;
                while (at < piece.len) {
                    const character = utf8.decode(piece, at);
                    at += character.len;
                    const number = numbers[character.code_point];
                    if (number != left_out) sink.add(number);
                }
            },
        }
    }
};

pub const Corpus = struct {
    /// The pieces, roughly from the most frequent to the rarest, with a gap of one slot before, between
    /// and behind them.
    slots: []u32,
    /// Runs of pieces that have the same count, in order of position.
    runs: []Run,
    /// For each block of `block_slots` slots, the run to which its first slot belongs.
    block_runs: []u32,

    const Run = struct { end: u32, count: u64 };
    const block_slots = 64;

    /// Lays out the pieces of `tables`, none of which two of them share, as single symbols. No pair is named yet.
    pub fn init(
        gpa: Allocator,
        tables: []const WordCounts,
        symbols: Symbols,
        watch: ?*Watch,
    ) Error!Corpus {
        var order: WordOrder = try .init(gpa, tables, symbols, watch);
        defer order.deinit(gpa);
        const slots = try gpa.alloc(u32, order.slot_count);
        errdefer gpa.free(slots);
        var runs: std.ArrayList(Run) = .empty;
        errdefer runs.deinit(gpa);
        slots[0] = gap;
        var end: u32 = 1;
        for (order.places, 0..) |place, index| {
            if (index % poll_interval == 0) try Watch.poll(watch);
            var buffer: word_counts.ShortPiece = undefined;
            const word = tables[place.table].wordAt(place.index, &buffer);
            var layer: Layer = .{ .slots = slots, .end = end };
            symbols.each(word.bytes, &layer);
            end = layer.end;
            slots[end] = gap;
            end += 1;
            const same_run = runs.items.len > 0 and runs.getLast().count == word.count;
            if (!same_run) try runs.append(gpa, .{ .end = undefined, .count = word.count });
            runs.items[runs.items.len - 1].end = end;
        }
        std.debug.assert(end == slots.len);

        const block_runs = try gpa.alloc(u32, slots.len / block_slots + 1);
        errdefer gpa.free(block_runs);
        fillBlockRuns(block_runs, runs.items);
        return .{ .slots = slots, .runs = try runs.toOwnedSlice(gpa), .block_runs = block_runs };
    }

    const Layer = struct {
        slots: []u32,
        end: u32,

        inline fn add(layer: *Layer, symbol: u32) void {
            layer.slots[layer.end] = token_mark | symbol;
            layer.end += 1;
        }
    };

    pub fn deinit(self: *Corpus, gpa: Allocator) void {
        gpa.free(self.slots);
        gpa.free(self.runs);
        gpa.free(self.block_runs);
        self.* = undefined;
    }

    /// How often the piece occurs that has the slot at `position`. Constant time: a block holds no
    /// more pieces, and hence no more runs, than it has slots.
    pub fn countAt(self: *const Corpus, position: u32) u64 {
        var run = self.block_runs[position / block_slots];
        while (self.runs[run].end <= position) run += 1;
        return self.runs[run].count;
    }

    fn fillBlockRuns(block_runs: []u32, runs: []const Run) void {
        var run: u32 = 0;
        for (block_runs, 0..) |*block_run, block| {
            const start = block * block_slots;
            while (run + 1 < runs.len and runs[run].end <= start) run += 1;
            block_run.* = run;
        }
    }
};

/// The pieces that have a pair, by where they stand in their tables: those of one count stand together, and
/// those that most of the early merges touch stand close by each other.
const WordOrder = struct {
    places: []Place,
    /// How many slots they need.
    slot_count: usize,

    const Place = struct { table: u32, index: u32 };
    /// Counts below this, nearly all of them, are sorted by counting, the others by comparing.
    const small_max = 1 << 12;

    fn init(
        gpa: Allocator,
        tables: []const WordCounts,
        symbols: Symbols,
        watch: ?*Watch,
    ) Error!WordOrder {
        const starts = try gpa.alloc(usize, small_max + 1);
        defer gpa.free(starts);
        const slot_count = try measure(.{ .tables = tables, .symbols = symbols, .watch = watch }, starts);
        // From how many there are of each count to where the first of them goes.
        var total: usize = 0;
        for (0..starts.len) |i| {
            const start = &starts[small_max - i];
            const many = start.*;
            start.* = total;
            total += many;
        }
        const large_len = starts[small_max - 1];

        const places = try gpa.alloc(Place, total);
        errdefer gpa.free(places);
        var walk: Walk = .{ .tables = tables, .symbols = symbols, .watch = watch };
        while (try walk.next()) |word| {
            const start = &starts[@intCast(@min(word.count, small_max))];
            places[start.*] = .{ .table = word.table, .index = word.index };
            start.* += 1;
        }
        std.mem.sortUnstable(Place, places[0..large_len], tables, isMoreFrequent);
        return .{ .places = places, .slot_count = slot_count };
    }

    fn deinit(self: *WordOrder, gpa: Allocator) void {
        gpa.free(self.places);
        self.* = undefined;
    }

    fn isMoreFrequent(tables: []const WordCounts, a: Place, b: Place) bool {
        return tables[a.table].countOf(a.index) > tables[b.table].countOf(b.index);
    }

    /// How many slots the pieces need; `histogram` receives how many pieces have each count, the highest of
    /// its indices standing for all counts from it on. The bound on all pairs together, which is checked
    /// here, holds for every pair at any time, as merging makes no pairs but in place of others.
    fn measure(start: Walk, histogram: []usize) Error!usize {
        @memset(histogram, 0);
        var slots: u64 = 1;
        var pairs: u64 = 0;
        var walk = start;
        while (try walk.next()) |word| {
            slots += word.len + 1;
            const more, const too_many = @mulWithOverflow(word.count, word.len - 1);
            const total, const too_many_in_all = @addWithOverflow(pairs, more);
            if (too_many | too_many_in_all != 0) return error.CountOverflow;
            pairs = total;
            histogram[@intCast(@min(word.count, small_max))] += 1;
        }
        if (slots > slots_max) return error.TooManyPieces;
        return @intCast(slots);
    }
};

/// All pieces of at least two symbols that are not left out, of one table after the other.
const Walk = struct {
    tables: []const WordCounts,
    symbols: Symbols,
    watch: ?*Watch,
    table: u32 = 0,
    index: u32 = 0,

    const Found = struct { table: u32, index: u32, len: u64, count: u64 };

    fn next(walk: *Walk) error{Cancelled}!?Found {
        while (walk.table < walk.tables.len) {
            const table = &walk.tables[walk.table];
            while (walk.index < table.len()) {
                const index = walk.index;
                if (index % poll_interval == 0) try Watch.poll(walk.watch);
                walk.index += 1;
                const len = if (walk.symbols == .all_bytes) table.lenOf(index) else walk.lengthOf(index);
                if (len < 2) continue;
                return .{
                    .table = walk.table,
                    .index = index,
                    .len = len,
                    .count = table.countOf(index),
                };
            }
            walk.table += 1;
            walk.index = 0;
        }
        return null;
    }

    /// How many symbols a piece has.
    fn lengthOf(walk: *const Walk, index: u32) usize {
        var buffer: word_counts.ShortPiece = undefined;
        var count: Count = .{};
        walk.symbols.each(walk.tables[walk.table].wordAt(index, &buffer).bytes, &count);
        return count.count;
    }

    const Count = struct {
        count: usize = 0,

        inline fn add(count: *Count, _: u32) void {
            count.count += 1;
        }
    };
};

const testing = std.testing;

test "lays out the pieces by falling count, and knows the count at every position" {
    var counts = WordCounts.init(testing.allocator);
    defer counts.deinit();
    for (0..300) |number| {
        var buffer: [8]u8 = undefined;
        const piece = try std.fmt.bufPrint(&buffer, "{d}", .{number});
        // Some are sorted by counting, others by comparing.
        const factor: u64 = if (number % 3 == 0) 1 else 1 << 11;
        try counts.add(piece, 1 + number * number % 7 * factor);
    }
    var corpus = try Corpus.init(testing.allocator, (&counts)[0..1], .all_bytes, null);
    defer corpus.deinit(testing.allocator);

    var pieces_found: usize = 0;
    var count_before: u64 = std.math.maxInt(u64);
    var piece: std.ArrayList(u8) = .empty;
    defer piece.deinit(testing.allocator);
    for (corpus.slots, 0..) |slot, position| {
        if (slot != gap) {
            try piece.append(testing.allocator, @intCast(slot & ~@as(u32, token_mark)));
            continue;
        }
        if (position > 0) {
            const count = counts.get(piece.items);
            for (position - piece.items.len..position + 1) |inside| {
                try testing.expectEqual(count, corpus.countAt(@intCast(inside)));
            }
            try testing.expect(count <= count_before);
            count_before = count;
            pieces_found += 1;
        }
        piece.clearRetainingCapacity();
    }
    // The ten digits by themselves have no pair.
    try testing.expectEqual(290, pieces_found);
}

test "a corpus without a pair is one gap" {
    var counts = WordCounts.init(testing.allocator);
    defer counts.deinit();
    for (0..2) |_| {
        var corpus = try Corpus.init(testing.allocator, (&counts)[0..1], .all_bytes, null);
        defer corpus.deinit(testing.allocator);
        try testing.expectEqualSlices(u32, &.{gap}, corpus.slots);
        try counts.add("a", 1);
    }
}

test "bytes that are not kept are as if they were not there" {
    var counts = WordCounts.init(testing.allocator);
    defer counts.deinit();
    try counts.add("xaxbx", 2);
    try counts.add("xxxa", 3);
    try counts.add("a piece of more than fifteen bytes: b", 1);
    var kept: ByteSet = .initEmpty();
    kept.set('a');
    kept.set('b');
    var corpus: Corpus = try .init(testing.allocator, (&counts)[0..1], .{ .bytes = &kept }, null);
    defer corpus.deinit(testing.allocator);
    const a, const b = .{ token_mark | 'a', token_mark | 'b' };
    try testing.expectEqualSlices(u32, &.{ gap, a, b, gap, a, a, b, b, gap }, corpus.slots);
}

test "characters that are not left out, by number" {
    const gpa = testing.allocator;
    var counts = WordCounts.init(gpa);
    defer counts.deinit();
    try counts.add("x\u{4e2d}\u{e9}x\u{1f600}", 2);
    try counts.add("\u{e9}", 3);
    const numbers = try gpa.alloc(u32, 0x110000);
    defer gpa.free(numbers);
    @memset(numbers, Symbols.left_out);
    numbers[0xe9] = 0;
    numbers[0x4e2d] = 700;
    numbers[0x1f600] = 9;
    var corpus: Corpus = try .init(gpa, (&counts)[0..1], .{ .characters = numbers }, null);
    defer corpus.deinit(gpa);
    const expected = [_]u32{ gap, token_mark | 700, token_mark | 0, token_mark | 9, gap };
    try testing.expectEqualSlices(u32, &expected, corpus.slots);
}

test "laying out ends when it is cancelled" {
    var counts = WordCounts.init(testing.allocator);
    defer counts.deinit();
    try counts.add("ab", 1);
    var watch: Watch = .{};
    watch.cancel();
    const result = Corpus.init(testing.allocator, (&counts)[0..1], .all_bytes, &watch);
    try testing.expectError(error.Cancelled, result);
}
