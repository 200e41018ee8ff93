//! The merge engine: one piece to ids, by repeatedly merging the adjacent pair with the lowest
//! rank, the leftmost of several (the rule of tiktoken and of tokenizers; `pairs.zig` says which
//! pairs have ranks).
//!
//! There are three ways to the same result. `short_merge.zig` is the rule itself, for pieces of
//! bytes that fit one vector: there it is up to three times as fast as the next, most of all for
//! words that begin like other words. `backtracking.zig` is linear in the piece and needs the index
//! that `pairs.zig` makes for any vocabulary that allows it; `windows.zig` is O(n log n) and works
//! for any.

const std = @import("std");
const backtracking = @import("backtracking.zig");
const Pairs = @import("pairs.zig").Pairs;
const short_merge = @import("short_merge.zig");
const side_by_side = @import("side_by_side.zig");
const strands = @import("strands.zig");
const windows = @import("windows.zig");
const Allocator = std.mem.Allocator;

/// Memory for long pieces; kept from piece to piece.
pub const Scratch = struct {
    backtracking: backtracking.Scratch = .{},
    windows: windows.Scratch = .{},
    symbols: []u32 = &.{},

    pub fn deinit(scratch: *Scratch, gpa: Allocator) void {
        scratch.backtracking.deinit(gpa);
        scratch.windows.deinit(gpa);
        gpa.free(scratch.symbols);
        scratch.* = undefined;
    }
};

/// Encodes `piece` into `ids`, which must have room for as many ids as the piece has bytes, and
/// returns how many there are. Allocates only for long pieces. Where the base symbols are
/// characters, the piece must consist of characters that the vocabulary knows.
pub fn encode(
    pairs: *const Pairs,
    gpa: Allocator,
    scratch: *Scratch,
    piece: []const u8,
    ids: [*]u32,
) error{OutOfMemory}!usize {
    if (pairs.is_indexed) {
        if (piece.len <= short_merge.symbols_max and short_merge.isPossible(pairs)) {
            return short_merge.encodeBytes(pairs, piece, ids);
        }
        return backtracking.encode(pairs, gpa, &scratch.backtracking, piece, ids);
    }
    return encodeInWindows(pairs, gpa, scratch, piece, ids);
}

fn encodeInWindows(
    pairs: *const Pairs,
    gpa: Allocator,
    scratch: *Scratch,
    piece: []const u8,
    ids: [*]u32,
) error{OutOfMemory}!usize {
    var memory: [windows.window_len]u32 = undefined;
    var symbols: []u32 = &memory;
    if (piece.len > symbols.len) {
        if (scratch.symbols.len < piece.len) {
            const grown = try gpa.alloc(u32, piece.len);
            gpa.free(scratch.symbols);
            scratch.symbols = grown;
        }
        symbols = scratch.symbols;
    }
    const count = pairs.base.split(piece, symbols.ptr);
    return windows.encode(pairs, gpa, &scratch.windows, symbols[0..count], ids);
}

const BaseSymbols = @import("base_symbols.zig").BaseSymbols;
const definition = @import("definition.zig");
const test_support = @import("test_support.zig");
const Vocab = @import("vocab.zig").Vocab;

/// A vocabulary and its rule, with the tables twice: with the index and without.
const Model = struct {
    arena: std.heap.ArenaAllocator,
    base_kind: BaseSymbols.Kind,
    tokens: std.ArrayList(definition.Token) = .empty,
    by_bytes: std.StringHashMapUnmanaged(u32) = .empty,
    /// Without it the rule is that of ranks.
    merges: ?std.ArrayList(definition.Merge) = null,
    vocab: Vocab = undefined,
    far_vocab: Vocab = undefined,
    indexed: Pairs = undefined,
    plain: Pairs = undefined,
    /// What the naive loop reads.
    ranks: std.AutoHashMapUnmanaged([2]u32, Merged) = .empty,

    const gpa = std.testing.allocator;
    const Merged = struct { rank: u32, result: u32 };

    /// A model of single bytes or of single characters alone.
    fn init(model: *Model, base_kind: BaseSymbols.Kind, characters: []const u21) !void {
        model.* = .{ .arena = .init(gpa), .base_kind = base_kind };
        errdefer model.arena.deinit();
        if (base_kind == .bytes) {
            for (0..256) |byte| _ = try model.idOf(&.{@as(u8, @intCast(byte))});
        } else {
            var buffer: [4]u8 = undefined;
            for (characters) |character| {
                _ = try model.idOf(buffer[0..try std.unicode.utf8Encode(character, &buffer)]);
            }
        }
    }

    fn deinit(model: *Model) void {
        model.vocab.deinit(gpa);
        model.far_vocab.deinit(gpa);
        model.indexed.deinit(gpa);
        model.plain.deinit(gpa);
        model.arena.deinit();
    }

    /// The id of a token, which is new if there is none of these bytes.
    fn idOf(model: *Model, bytes: []const u8) !u32 {
        const arena = model.arena.allocator();
        if (model.by_bytes.get(bytes)) |id| return id;
        const id: u32 = @intCast(model.tokens.items.len);
        const copy = try arena.dupe(u8, bytes);
        try model.tokens.append(arena, .{ .id = id, .bytes = copy });
        try model.by_bytes.put(arena, copy, id);
        return id;
    }

    fn joined(model: *Model, left: u32, right: u32) ![]u8 {
        const arena = model.arena.allocator();
        const parts = .{ model.tokens.items[left].bytes, model.tokens.items[right].bytes };
        return std.mem.concat(arena, u8, &parts);
    }

    /// Adds a merge to the end of the list.
    fn merge(model: *Model, left: u32, right: u32) !u32 {
        if (model.merges == null) model.merges = .empty;
        const result = try model.idOf(try model.joined(left, right));
        try model.merges.?.append(
            model.arena.allocator(),
            .{ .left = left, .right = right, .result = result },
        );
        return result;
    }

    /// Makes the tables.
    fn finish(model: *Model) !void {
        const arena = model.arena.allocator();
        if (model.merges) |list| {
            for (list.items, 0..) |item, rank| {
                const merged: Merged = .{ .rank = @intCast(rank), .result = item.result };
                try model.ranks.put(arena, .{ item.left, item.right }, merged);
            }
        } else for (model.tokens.items) |token| {
            for (1..@max(1, token.bytes.len)) |split| {
                const left = model.by_bytes.get(token.bytes[0..split]) orelse continue;
                const right = model.by_bytes.get(token.bytes[split..]) orelse continue;
                const merged: Merged = .{ .rank = token.id, .result = token.id };
                try model.ranks.put(arena, .{ left, right }, merged);
            }
        }
        model.vocab = try .init(gpa, model.tokens.items, &.{});
        const far: definition.Token = .{ .id = 1 << 18, .bytes = "far" };
        model.far_vocab = try .init(gpa, model.tokens.items, &.{far});
        model.indexed = try model.makePairs(&model.vocab);
        model.plain = try model.makePairs(&model.far_vocab);
        try std.testing.expect(model.indexed.is_indexed and !model.plain.is_indexed);
    }

    fn makePairs(model: *const Model, vocab: *const Vocab) !Pairs {
        const tokens = model.tokens.items;
        var byte_ids: [256]u32 = undefined;
        for (&byte_ids, 0..) |*id, byte| id.* = @intCast(byte);
        var known: std.ArrayList(definition.Characters.Known) = .empty;
        defer known.deinit(gpa);
        if (model.base_kind == .characters) for (tokens) |token| {
            const len = try std.unicode.utf8ByteSequenceLength(token.bytes[0]);
            if (len != token.bytes.len) continue;
            const character = try std.unicode.utf8Decode(token.bytes);
            try known.append(gpa, .{ .character = character, .id = token.id });
        };
        const base: BaseSymbols = switch (model.base_kind) {
            .bytes => .fromBytes(byte_ids),
            .characters => try .fromCharacters(gpa, known.items),
        };
        const merges = if (model.merges) |list| list.items else null;
        return test_support.completePairs(gpa, vocab, tokens, merges, base);
    }

    /// The rule itself, as a loop over all pairs: what every engine is compared with.
    fn encodeNaively(model: *const Model, piece: []const u8) ![]u32 {
        var ids: std.ArrayList(u32) = .empty;
        errdefer ids.deinit(gpa);
        var position: usize = 0;
        while (position < piece.len) {
            const len = switch (model.base_kind) {
                .bytes => 1,
                .characters => try std.unicode.utf8ByteSequenceLength(piece[position]),
            };
            try ids.append(gpa, model.by_bytes.get(piece[position..][0..len]).?);
            position += len;
        }
        while (true) {
            var best: ?Merged = null;
            var best_at: usize = undefined;
            for (1..@max(ids.items.len, 1)) |i| {
                const found = model.ranks.get(ids.items[i - 1 ..][0..2].*) orelse continue;
                if (best != null and best.?.rank <= found.rank) continue;
                best = found;
                best_at = i - 1;
            }
            const merged = best orelse return ids.toOwnedSlice(gpa);
            ids.items[best_at] = merged.result;
            _ = ids.orderedRemove(best_at + 1);
        }
    }

    fn check(model: *const Model, scratch: *Scratch, piece: []const u8) !void {
        const expected = try model.encodeNaively(piece);
        defer gpa.free(expected);
        const ids = try gpa.alloc(u32, piece.len);
        defer gpa.free(ids);
        for ([_]*const Pairs{ &model.indexed, &model.plain }) |pairs| {
            const count = try encode(pairs, gpa, scratch, piece, ids.ptr);
            try std.testing.expectEqualSlices(u32, expected, ids[0..count]);
            const windowed = try encodeInWindows(pairs, gpa, scratch, piece, ids.ptr);
            try std.testing.expectEqualSlices(u32, expected, ids[0..windowed]);
        }
        const count = try backtracking.encode(
            &model.indexed,
            gpa,
            &scratch.backtracking,
            piece,
            ids.ptr,
        );
        try std.testing.expectEqualSlices(u32, expected, ids[0..count]);
    }

    /// All strings of up to `len` of these symbols.
    fn checkAll(
        model: *const Model,
        scratch: *Scratch,
        letters: []const []const u8,
        len: usize,
    ) !void {
        var digits: [16]usize = @splat(0);
        var piece: [64]u8 = undefined;
        for (1..len + 1) |count| {
            @memset(&digits, 0);
            while (digits[count] == 0) {
                var used: usize = 0;
                for (digits[0..count]) |digit| {
                    @memcpy(piece[used..][0..letters[digit].len], letters[digit]);
                    used += letters[digit].len;
                }
                try model.check(scratch, piece[0..used]);
                var at: usize = 0;
                while (true) : (at += 1) {
                    digits[at] += 1;
                    if (at == count or digits[at] < letters.len) break;
                    digits[at] = 0;
                }
            }
        }
    }
};

const Shape = struct { kind: BaseSymbols.Kind = .bytes, list: bool = true, shuffled: bool = false };

const test_letters = [_][]const u8{ "a", "b", "c", "d" };
const test_characters = [_][]const u8{ "a", "\u{e9}", "\u{4e2d}", "\u{4e2e}" };

/// A random vocabulary over the first letters: each merge joins two earlier tokens, some of them
/// twice. With `shuffled` the list is in any order, so that some tokens are not reachable and ranks
/// rise and fall.
fn randomModel(model: *Model, random: std.Random, shape: Shape, letters: u32, count: u32) !void {
    try model.init(shape.kind, &.{ 'a', 0xe9, 0x4e2d, 0x4e2e });
    errdefer model.arena.deinit();
    var known: std.ArrayList(u32) = .empty;
    const arena = model.arena.allocator();
    const names = if (shape.kind == .bytes) &test_letters else &test_characters;
    for (names[0..letters]) |name| try known.append(arena, try model.idOf(name));
    if (shape.list) model.merges = .empty;
    for (0..count) |_| {
        const left = known.items[random.uintLessThan(usize, known.items.len)];
        const right = known.items[random.uintLessThan(usize, known.items.len)];
        if (!shape.list) {
            const bytes = try model.joined(left, right);
            if (bytes.len < 40) try known.append(arena, try model.idOf(bytes));
        } else if (model.tokens.items[left].bytes.len + model.tokens.items[right].bytes.len < 40) {
            try known.append(arena, try model.merge(left, right));
        }
    }
    if (shape.list and shape.shuffled) random.shuffle(definition.Merge, model.merges.?.items);
    try model.finish();
}

const shapes = [_]Shape{
    .{},
    .{ .shuffled = true },
    .{ .list = false },
    .{ .kind = .characters },
    .{ .kind = .characters, .shuffled = true },
};

/// Gives pieces to rows, and compares what comes back with the rule itself.
fn SideBySide(comptime places: u32) type {
    return struct {
        model: *const Model,
        pieces: []const []const u8,
        given: usize = 0,
        taken: usize = 0,
        failure: ?anyerror = null,

        const Row = side_by_side.Row(places);

        pub fn begin(driver: *@This(), row: *Row) bool {
            if (driver.given == driver.pieces.len) return false;
            row.tag = @intCast(driver.given);
            row.begin(&driver.model.indexed, driver.pieces[driver.given]);
            driver.given += 1;
            return true;
        }

        pub fn next(driver: *@This(), row: *Row) bool {
            driver.taken += 1;
            driver.check(row) catch |err| {
                driver.failure = err;
            };
            return driver.begin(row);
        }

        fn check(driver: *@This(), row: *Row) !void {
            const expected = try driver.model.encodeNaively(driver.pieces[row.tag]);
            defer Model.gpa.free(expected);
            var ids: [places]u32 = undefined;
            var ends: [places]u8 = undefined;
            const count = row.take(&ids, &ends);
            try std.testing.expectEqualSlices(u32, expected, ids[0..count]);
            var end: usize = 0;
            for (expected, ends[0..count]) |id, found| {
                end += driver.model.tokens.items[id].bytes.len;
                try std.testing.expectEqual(end, found);
            }
        }
    };
}

test "pieces side by side" {
    var prng: std.Random.DefaultPrng = .init(13);
    const random = prng.random();
    var buffer: [64][32]u8 = undefined;
    var pieces: [64][]const u8 = undefined;
    inline for (.{ 16, 32 }) |places| for (0..60) |round| {
        var model: Model = undefined;
        const letters = random.intRangeAtMost(u32, 1, 4);
        const merges = random.intRangeAtMost(u32, 0, 60);
        try randomModel(&model, random, shapes[round % 3], letters, merges);
        defer model.deinit();
        try std.testing.expect(side_by_side.isPossible(places, &model.indexed));
        for (&pieces, &buffer) |*piece, *bytes| {
            piece.* = bytes[0..random.intRangeAtMost(usize, 1, places)];
            for (bytes) |*byte| byte.* = test_letters[random.uintLessThan(usize, letters)][0];
        }
        // Fewer than there are rows, too.
        const used = pieces[0..random.uintAtMost(usize, pieces.len)];
        var driver: SideBySide(places) = .{ .model = &model, .pieces = used };
        side_by_side.run(places, &model.indexed, &driver);
        if (driver.failure) |err| return err;
        try std.testing.expectEqual(used.len, driver.taken);
    };
}

test "long pieces of short tokens, from several places at once" {
    const gpa = Model.gpa;
    var prng: std.Random.DefaultPrng = .init(17);
    const random = prng.random();
    const len_max = 4 * strands.len_min;
    const piece = try gpa.alloc(u8, len_max);
    defer gpa.free(piece);
    const expected = try gpa.alloc(u32, len_max);
    defer gpa.free(expected);
    const ids = try gpa.alloc(u32, len_max);
    defer gpa.free(ids);
    var taken: usize = 0;
    for (0..24) |round| {
        var model: Model = undefined;
        const letters = random.intRangeAtMost(u32, 2, 4);
        const merges = random.intRangeAtMost(u32, 1, 40);
        try randomModel(&model, random, shapes[round % 3], letters, merges);
        defer model.deinit();
        var scratch: Scratch = .{};
        defer scratch.deinit(gpa);
        // In half of the rounds, stretches that repeat, in which strands need not join.
        const period = random.intRangeAtMost(usize, 1, 9);
        for (piece, 0..) |*byte, i| {
            const is_new = round % 2 == 0 or i < period or i % 1500 < 700;
            const new = test_letters[random.uintLessThan(usize, letters)][0];
            byte.* = if (is_new) new else piece[i - period];
        }
        const used = piece[0..random.intRangeAtMost(usize, strands.len_min, len_max)];
        const count = try encodeInWindows(&model.plain, gpa, &scratch, used, expected.ptr);
        const wanted = expected[0..count];
        const own = &scratch.backtracking;
        const found = try backtracking.encode(&model.indexed, gpa, own, used, ids.ptr);
        try std.testing.expectEqualSlices(u32, wanted, ids[0..found]);

        try std.testing.expect(strands.isPossible(&model.indexed));
        const some = strands.encode(&model.indexed, used, null, ids.ptr);
        var end: usize = 0;
        for (ids[0..some.count], 0..) |id, i| {
            end += model.tokens.items[id].bytes.len;
            const left = if (i == 0) continue else ids[i - 1];
            try std.testing.expect(model.indexed.compatible(left, id));
        }
        try std.testing.expectEqual(end, some.len);
        taken += @intFromBool(some.len > strands.len_min / 2);
    }
    try std.testing.expect(taken > 8);
}

test "long pieces of parts that come again" {
    const gpa = Model.gpa;
    var prng: std.Random.DefaultPrng = .init(19);
    const random = prng.random();
    var parts: [12][700]u8 = undefined;
    const len_max = 12_000;
    const piece = try gpa.alloc(u8, len_max);
    defer gpa.free(piece);
    const expected = try gpa.alloc(u32, len_max);
    defer gpa.free(expected);
    const ids = try gpa.alloc(u32, len_max);
    defer gpa.free(ids);
    for (0..30) |round| {
        const shape = shapes[round % shapes.len];
        const names = if (shape.kind == .bytes) &test_letters else &test_characters;
        var model: Model = undefined;
        const letters = random.intRangeAtMost(u32, 1, 4);
        try randomModel(&model, random, shape, letters, random.intRangeAtMost(u32, 1, 60));
        defer model.deinit();
        var scratch: Scratch = .{};
        defer scratch.deinit(gpa);
        var part_lens: [parts.len]usize = undefined;
        for (&parts, &part_lens) |*part, *part_len| {
            part_len.* = 0;
            // Some of them of one period, whose tokens are long.
            const period = random.intRangeAtMost(usize, 1, 300);
            var symbols: [300]usize = undefined;
            for (0..random.intRangeAtMost(usize, 1, symbols.len - 1)) |i| {
                const new = random.uintLessThan(usize, letters);
                symbols[i] = if (i < period) new else symbols[i - period];
                const name = names[symbols[i]];
                if (part_len.* + name.len > part.len) break;
                @memcpy(part[part_len.*..][0..name.len], name);
                part_len.* += name.len;
            }
        }
        for (0..12) |_| {
            var used: usize = 0;
            const wanted = random.intRangeAtMost(usize, 1, len_max - parts[0].len);
            while (used < wanted) {
                const part = random.uintLessThan(usize, parts.len);
                @memcpy(piece[used..][0..part_lens[part]], parts[part][0..part_lens[part]]);
                used += part_lens[part];
            }
            const text = piece[0..used];
            const count = try encodeInWindows(&model.plain, gpa, &scratch, text, expected.ptr);
            for (0..3) |_| {
                const found = try encode(&model.indexed, gpa, &scratch, text, ids.ptr);
                try std.testing.expectEqualSlices(u32, expected[0..count], ids[0..found]);
            }
        }
        try std.testing.expect(scratch.backtracking.memo.count > 0);
    }
}

test "every short piece of small vocabularies" {
    var prng: std.Random.DefaultPrng = .init(7);
    for (0..30) |round| {
        const shape = shapes[round % shapes.len];
        const names = if (shape.kind == .bytes) &test_letters else &test_characters;
        const letters: u32 = if (round % 2 == 0) 2 else 3;
        const count = prng.random().intRangeAtMost(u32, 1, 16);
        var model: Model = undefined;
        try randomModel(&model, prng.random(), shape, letters, count);
        defer model.deinit();
        var scratch: Scratch = .{};
        defer scratch.deinit(Model.gpa);
        try model.checkAll(&scratch, names[0..letters], if (letters == 2) 8 else 6);
    }
}

test "random and repetitive pieces" {
    var prng: std.Random.DefaultPrng = .init(11);
    const random = prng.random();
    var buffer: [4 * 1500]u8 = undefined;
    for (0..90) |round| {
        const shape = shapes[round % shapes.len];
        const names = if (shape.kind == .bytes) &test_letters else &test_characters;
        const letters = random.intRangeAtMost(u32, 1, 4);
        var model: Model = undefined;
        try randomModel(&model, random, shape, letters, random.intRangeAtMost(u32, 0, 60));
        defer model.deinit();
        var scratch: Scratch = .{};
        defer scratch.deinit(Model.gpa);
        for (0..4) |part| {
            var symbols: [1500]usize = undefined;
            const len = random.uintLessThan(usize, ([_]usize{ 40, 300, 600, 1500 })[part]);
            const period = random.intRangeAtMost(usize, 1, 7);
            for (symbols[0..len], 0..) |*symbol, i| {
                const new = round % 3 > 0 or i < period or random.uintLessThan(u8, 200) == 0;
                symbol.* = if (new) random.uintLessThan(usize, letters) else symbols[i - period];
            }
            var used: usize = 0;
            for (symbols[0..len]) |symbol| {
                @memcpy(buffer[used..][0..names[symbol].len], names[symbol]);
                used += names[symbol].len;
            }
            try model.check(&scratch, buffer[0..used]);
        }
    }
}

test "a piece whose end decides on all of its tokens" {
    var model: Model = undefined;
    try model.init(.bytes, &.{});
    // Symbols of two bytes, made first; then neighbours pair up from the right end to the left.
    const symbol_count = 600;
    var piece: [2 * symbol_count]u8 = undefined;
    var ids: [symbol_count]u32 = undefined;
    for (&ids, 0..) |*id, i| {
        piece[2 * i ..][0..2].* = .{ @intCast(i / 250), @intCast(3 + i % 250) };
        id.* = try model.merge(piece[2 * i], piece[2 * i + 1]);
    }
    for (1..symbol_count) |i| {
        const left = symbol_count - 1 - i;
        _ = try model.merge(ids[left], ids[left + 1]);
    }
    try model.finish();
    defer model.deinit();
    var scratch: Scratch = .{};
    defer scratch.deinit(Model.gpa);
    for (2 * symbol_count - 3..2 * symbol_count + 1) |len| try model.check(&scratch, piece[0..len]);
}

test "a token longer than a window" {
    var model: Model = undefined;
    try model.init(.bytes, &.{});
    var last: u32 = 'a';
    for (0..12) |_| last = try model.merge(last, last);
    try model.finish();
    defer model.deinit();
    var scratch: Scratch = .{};
    defer scratch.deinit(Model.gpa);
    const piece: [4096 * 3 + 1234]u8 = @splat('a');
    const ids = try Model.gpa.alloc(u32, piece.len);
    defer Model.gpa.free(ids);
    for ([_]*const Pairs{ &model.indexed, &model.plain }) |pairs| {
        const count = try encode(pairs, Model.gpa, &scratch, &piece, ids.ptr);
        // 1234 = 1024 + 128 + 64 + 16 + 2
        try std.testing.expectEqualSlices(
            u32,
            &.{ 267, 267, 267, 265, 262, 261, 259, 256 },
            ids[0..count],
        );
    }
}
