//! The merge engine: one piece to ids, by repeatedly merging the adjacent pair with the lowest rank, the
//! leftmost of several (the rule of tiktoken and of tokenizers; `pairs.zig` says which pairs have ranks).
//!
//! Time is O(n log n) in the piece, whatever is in it, and a piece of any length is worked on in a window
//! that fits the cache:
//!
//! * Inside a window the ranks stand in a tree of minima, 16 to a node, so that finding the next merge and
//!   repairing the tree after it are O(log n) vector operations.
//! * A longer piece is encoded window by window. Two windows overlap by a few tokens and are joined where
//!   they agree on two neighbouring tokens. That is exact, because a sequence of tokens is the encoding of
//!   its bytes if and only if every two neighbours are the encoding of theirs: a merge across a boundary
//!   competes with the merges inside the two tokens that meet there and with nothing else, so it happens
//!   in the whole exactly if it happens in the pair. Every pair of the joined sequence lies within one
//!   window's encoding. Where two windows do not agree, the window doubles for the rest of the piece; if
//!   it holds all of the rest and still does not agree, the whole piece becomes one window.

const std = @import("std");
const Pairs = @import("pairs.zig").Pairs;
const simd = @import("simd.zig");
const Allocator = std.mem.Allocator;

/// Ranks to a node of the tree of minima: one vector.
const node_len = 16;

/// Bytes in the first window of a long piece. Its arrays (4 KiB) stay in the first-level cache.
pub const window_len = 256;

/// How many tokens at the end of a window the next one repeats, where it has twice as many.
const overlap_len = 8;

/// Memory for pieces longer than a window; kept from piece to piece.
pub const Scratch = struct {
    window: []u32 = &.{},
    tail_ids: [overlap_len]u32 = undefined,
    tail_ends: [overlap_len]u32 = undefined,

    pub fn deinit(scratch: *Scratch, gpa: Allocator) void {
        gpa.free(scratch.window);
        scratch.* = undefined;
    }
};

/// Encodes `piece` into `ids`, which must have room for as many ids as the piece has bytes, and returns
/// how many there are. Allocates only where two windows of a long piece do not agree.
pub fn encode(
    pairs: *const Pairs,
    gpa: Allocator,
    scratch: *Scratch,
    piece: []const u8,
    ids: [*]u32,
) error{OutOfMemory}!usize {
    if (piece.len <= node_len) return encodeShort(pairs, piece, ids);
    var memory: [Window.memoryLen(window_len)]u32 = undefined;
    if (piece.len > window_len) return encodeLong(pairs, gpa, scratch, &memory, piece, ids);
    const window: Window = .init(&memory, pairs, piece);
    @memcpy(ids, window.ids);
    return window.ids.len;
}

/// At most one vector of bytes: symbols stay adjacent, and closing a gap is a move within a line.
fn encodeShort(pairs: *const Pairs, piece: []const u8, ids: [*]u32) usize {
    var count = piece.len;
    var ranks: [node_len]u32 = @splat(Pairs.none);
    for (piece, 0..) |byte, i| ids[i] = pairs.byte_ids[byte];
    for (1..@max(count, 1)) |i| ranks[i - 1] = pairs.byteRankOf(piece[i - 1], piece[i]);
    while (true) {
        const least = simd.minimum(u32, node_len, &ranks);
        if (least == Pairs.none) return count;
        const at = simd.indexOf(u32, node_len, &ranks, least);
        ids[at] = pairs.resultOf(least);
        count -= 1;
        for (at + 1..count) |i| {
            ids[i] = ids[i + 1];
            ranks[i - 1] = ranks[i];
        }
        ranks[count - 1] = Pairs.none;
        if (at + 1 < count) ranks[at] = pairs.rankOf(ids[at], ids[at + 1]);
        if (at > 0) ranks[at - 1] = pairs.rankOf(ids[at - 1], ids[at]);
    }
}

fn encodeLong(
    pairs: *const Pairs,
    gpa: Allocator,
    scratch: *Scratch,
    first_memory: []u32,
    piece: []const u8,
    ids: [*]u32,
) error{OutOfMemory}!usize {
    var memory = first_memory;
    var len: usize = window_len;
    // What lies before `start` is in `ids`; `tail` is what the last window made of the bytes from there.
    var start: usize = 0;
    var count: usize = 0;
    var tail: Symbols = .{ .ids = &.{}, .ends = &.{} };
    while (true) {
        const rest = piece[start..];
        const part = rest[0..@min(len, rest.len)];
        const window: Window = .init(memory, pairs, part);
        const is_last = part.len == rest.len;
        const join: ?Join = if (tail.ids.len == 0)
            .{ .tail_len = 0, .window_index = 0 }
        else
            findJoin(tail, .{ .ids = window.ids, .ends = window.ends });
        const cut = if (join) |j|
            if (is_last) window.ids.len else cutOf(window.ids.len, j.window_index)
        else
            null;
        const until = cut orelse {
            if (is_last) {
                // All of the rest does not join what lies before it: that was wrong. Take the whole.
                start = 0;
                count = 0;
                tail = .{ .ids = &.{}, .ends = &.{} };
                len = piece.len;
            } else {
                len *= 2;
            }
            const need = Window.memoryLen(@min(len, piece.len - start));
            if (memory.len < need) memory = try growWindow(gpa, scratch, need);
            continue;
        };
        const from = join.?;
        @memcpy(ids[count..], tail.ids[0..from.tail_len]);
        count += from.tail_len;
        @memcpy(ids[count..], window.ids[from.window_index..until]);
        count += until - from.window_index;
        if (is_last) return count;

        const offset = window.ends[until - 1];
        tail = .{
            .ids = scratch.tail_ids[0 .. window.ids.len - until],
            .ends = scratch.tail_ends[0 .. window.ids.len - until],
        };
        @memcpy(tail.ids, window.ids[until..]);
        for (tail.ends, window.ends[until..]) |*end, window_end| end.* = window_end - offset;
        start += offset;
    }
}

fn growWindow(gpa: Allocator, scratch: *Scratch, len: usize) error{OutOfMemory}![]u32 {
    if (scratch.window.len < len) {
        const grown = try gpa.alloc(u32, len);
        gpa.free(scratch.window);
        scratch.window = grown;
    }
    return scratch.window;
}

/// Neighbouring tokens: their ids and where their bytes end, from the first one's start.
const Symbols = struct { ids: []u32, ends: []u32 };

/// The whole is the tail's first `tail_len` tokens, then the window's from `window_index` on.
const Join = struct { tail_len: usize, window_index: usize };

/// The first place at which two neighbouring tokens of the tail and of the window are the same, both having
/// begun at the same byte.
fn findJoin(tail: Symbols, window: Symbols) ?Join {
    var t: usize = 0;
    var w: usize = 0;
    while (t + 1 < tail.ids.len and w + 1 < window.ids.len) {
        const tail_start = if (t == 0) 0 else tail.ends[t - 1];
        const window_start = if (w == 0) 0 else window.ends[w - 1];
        if (tail_start != window_start) {
            if (tail_start < window_start) t += 1 else w += 1;
            continue;
        }
        if (std.mem.eql(u32, tail.ids[t..][0..2], window.ids[w..][0..2]) and
            std.mem.eql(u32, tail.ends[t..][0..2], window.ends[w..][0..2]))
        {
            return .{ .tail_len = t, .window_index = w };
        }
        t += 1;
        w += 1;
    }
    return null;
}

/// Where to cut a window of `count` tokens so that what is behind the cut, the next tail, has enough tokens
/// to join on and something lies before it; null where the window has too few.
fn cutOf(count: usize, joined_at: usize) ?usize {
    const cut = @max(count - @min(overlap_len, count / 2), joined_at, 1);
    return if (cut + 2 <= count) cut else null;
}

/// The encoding of up to a window of bytes.
const Window = struct {
    ids: []u32,
    /// Where each token's bytes end, from the window's start.
    ends: []u32,

    /// How many u32 a window of `len` bytes works in.
    fn memoryLen(len: usize) usize {
        var total = 3 * len;
        var nodes = len;
        while (true) {
            nodes = std.math.divCeil(usize, nodes, node_len) catch unreachable;
            total += nodes * node_len;
            if (nodes <= 1) return total;
        }
    }

    fn init(memory: []u32, pairs: *const Pairs, part: []const u8) Window {
        std.debug.assert(part.len > 0 and part.len < std.math.maxInt(u32));
        var state: State = .init(memory, pairs, part);
        while (state.tree.first()) |at| state.merge(pairs, at);
        return state.compact();
    }

    /// The symbols that are left, as a doubly linked list over byte positions, and their pairs' ranks.
    const State = struct {
        ids: []u32,
        next: []u32,
        previous: []u32,
        tree: Tree,

        const edge = std.math.maxInt(u32);

        fn init(memory: []u32, pairs: *const Pairs, part: []const u8) State {
            const len = part.len;
            const state: State = .{
                .ids = memory[0..len],
                .next = memory[len..][0..len],
                .previous = memory[2 * len ..][0..len],
                .tree = .init(memory[3 * len ..], pairs, part),
            };
            for (part, 0..) |byte, i| {
                state.ids[i] = pairs.byte_ids[byte];
                state.next[i] = @intCast(i + 1);
                state.previous[i] = @as(u32, @intCast(i)) -% 1;
            }
            return state;
        }

        /// Merges the symbol at `at` with the next one.
        fn merge(state: *State, pairs: *const Pairs, at: usize) void {
            const len = state.ids.len;
            const ranks = state.tree.levels[0];
            const gone = state.next[at];
            const after = state.next[gone];
            const before = state.previous[at];
            const id = pairs.resultOf(ranks[at]);
            state.ids[at] = id;
            state.next[at] = after;
            ranks[gone] = Pairs.none;
            ranks[at] = Pairs.none;
            if (after < len) {
                state.previous[after] = @intCast(at);
                ranks[at] = pairs.rankOf(id, state.ids[after]);
            }
            const node = at / node_len;
            if (gone / node_len != node) state.tree.repair(gone / node_len);
            if (before != edge) {
                ranks[before] = pairs.rankOf(state.ids[before], id);
                if (before / node_len != node) state.tree.repair(before / node_len);
            }
            state.tree.repair(node);
        }

        /// Closes the gaps. `previous` is not needed any more and takes the ends.
        fn compact(state: State) Window {
            var count: usize = 0;
            var at: usize = 0;
            while (at < state.ids.len) : (count += 1) {
                state.ids[count] = state.ids[at];
                at = state.next[at];
                state.previous[count] = @intCast(at);
            }
            return .{ .ids = state.ids[0..count], .ends = state.previous[0..count] };
        }
    };
};

/// Ranks and, above them, the minima of every 16, of every 256 and so on, up to a single node.
const Tree = struct {
    levels: [level_max][*]u32,
    level_count: usize,

    /// Enough for 2^32 ranks.
    const level_max = 8;

    fn init(memory: []u32, pairs: *const Pairs, part: []const u8) Tree {
        var tree: Tree = .{ .levels = undefined, .level_count = 1 };
        var nodes = std.math.divCeil(usize, part.len, node_len) catch unreachable;
        tree.levels[0] = memory.ptr;
        for (part[1..], 0..) |byte, i| memory[i] = pairs.byteRankOf(part[i], byte);
        @memset(memory[part.len - 1 .. nodes * node_len], Pairs.none);
        var used = nodes * node_len;
        while (nodes > 1) : (tree.level_count += 1) {
            const below = tree.levels[tree.level_count - 1];
            const minima = memory[used..];
            for (0..nodes) |node| minima[node] = simd.minimum(u32, node_len, nodeAt(below, node));
            const above = std.math.divCeil(usize, nodes, node_len) catch unreachable;
            @memset(minima[nodes .. above * node_len], Pairs.none);
            tree.levels[tree.level_count] = minima.ptr;
            used += above * node_len;
            nodes = above;
        }
        return tree;
    }

    /// The leftmost position of the lowest rank; null where nothing merges.
    fn first(tree: *const Tree) ?usize {
        var level = tree.level_count - 1;
        const least = simd.minimum(u32, node_len, nodeAt(tree.levels[level], 0));
        if (least == Pairs.none) return null;
        var at = simd.indexOf(u32, node_len, nodeAt(tree.levels[level], 0), least);
        while (level > 0) {
            level -= 1;
            at = at * node_len + simd.indexOf(u32, node_len, nodeAt(tree.levels[level], at), least);
        }
        return at;
    }

    /// Brings the minima above ranks `node * 16` to `node * 16 + 15` up to date.
    fn repair(tree: *Tree, lowest_node: usize) void {
        var node = lowest_node;
        for (1..tree.level_count) |level| {
            const least = simd.minimum(u32, node_len, nodeAt(tree.levels[level - 1], node));
            if (tree.levels[level][node] == least) return;
            tree.levels[level][node] = least;
            node /= node_len;
        }
    }

    inline fn nodeAt(level: [*]u32, node: usize) *[node_len]u32 {
        return level[node * node_len ..][0..node_len];
    }
};

/// The rule itself, as a loop over all pairs: what every other path is compared with.
fn encodeNaively(gpa: Allocator, pairs: *const Pairs, piece: []const u8) ![]u32 {
    var ids: std.ArrayList(u32) = .empty;
    errdefer ids.deinit(gpa);
    for (piece) |byte| try ids.append(gpa, pairs.byte_ids[byte]);
    while (true) {
        var best: ?usize = null;
        var best_rank: u32 = Pairs.none;
        for (1..@max(ids.items.len, 1)) |i| {
            const rank = pairs.rankOf(ids.items[i - 1], ids.items[i]);
            if (rank >= best_rank) continue;
            best = i - 1;
            best_rank = rank;
        }
        const at = best orelse return ids.toOwnedSlice(gpa);
        ids.items[at] = pairs.resultOf(best_rank);
        _ = ids.orderedRemove(at + 1);
    }
}

const definition = @import("definition.zig");

/// A random merge list over `letters` letters: each new token joins two earlier ones; the order of ranks is
/// that of the list or, with `shuffled`, any.
fn randomPairs(gpa: Allocator, random: std.Random, letters: u32, count: u32, shuffled: bool) !Pairs {
    var byte_ids: [256]u32 = undefined;
    for (&byte_ids, 0..) |*id, byte| id.* = @intCast(byte);
    const merges = try gpa.alloc(definition.Merge, count);
    defer gpa.free(merges);
    for (merges, 0..) |*merge, i| {
        const known = letters + @as(u32, @intCast(i));
        const parts = [2]u32{ random.uintLessThan(u32, known), random.uintLessThan(u32, known) };
        var ids: [2]u32 = undefined;
        for (parts, &ids) |part, *id| id.* = if (part < letters) 'a' + part else 256 + part - letters;
        merge.* = .{ .left = ids[0], .right = ids[1], .result = 256 + @as(u32, @intCast(i)) };
    }
    if (shuffled) random.shuffle(definition.Merge, merges);
    return .fromList(gpa, merges, &byte_ids);
}

fn expectAsNaive(gpa: Allocator, pairs: *const Pairs, scratch: *Scratch, piece: []const u8) !void {
    const expected = try encodeNaively(gpa, pairs, piece);
    defer gpa.free(expected);
    const ids = try gpa.alloc(u32, piece.len);
    defer gpa.free(ids);
    const count = try encode(pairs, gpa, scratch, piece, ids.ptr);
    try std.testing.expectEqualSlices(u32, expected, ids[0..count]);
}

test "every path equals the naive loop on random merge lists and pieces" {
    const gpa = std.testing.allocator;
    var prng: std.Random.DefaultPrng = .init(7);
    const random = prng.random();
    var scratch: Scratch = .{};
    defer scratch.deinit(gpa);
    var buffer: [1500]u8 = undefined;
    for (0..400) |round| {
        const letters = random.intRangeAtMost(u32, 1, 4);
        var pairs = try randomPairs(
            gpa,
            random,
            letters,
            random.intRangeAtMost(u32, 0, 40),
            round % 2 == 1,
        );
        defer pairs.deinit(gpa);
        for (0..4) |_| {
            const len = switch (random.uintLessThan(u32, 4)) {
                0 => random.intRangeAtMost(usize, 0, 16),
                1 => random.intRangeAtMost(usize, 14, 40),
                2 => random.intRangeAtMost(usize, 200, 600),
                else => random.intRangeAtMost(usize, 250, buffer.len),
            };
            for (buffer[0..len]) |*byte| byte.* = 'a' + random.uintLessThan(u8, @intCast(letters));
            try expectAsNaive(gpa, &pairs, &scratch, buffer[0..len]);
        }
    }
}

test "repetitive pieces, where windows agree late or never" {
    const gpa = std.testing.allocator;
    var prng: std.Random.DefaultPrng = .init(11);
    const random = prng.random();
    var scratch: Scratch = .{};
    defer scratch.deinit(gpa);
    var buffer: [1100]u8 = undefined;
    for (0..150) |round| {
        var pairs = try randomPairs(gpa, random, 2, 30, round % 2 == 0);
        defer pairs.deinit(gpa);
        const period = random.intRangeAtMost(usize, 1, 7);
        for (buffer[0..period]) |*byte| byte.* = 'a' + random.uintLessThan(u8, 2);
        for (buffer[period..], 0..) |*byte, i| byte.* = buffer[i];
        for (0..random.uintLessThan(usize, 3)) |_| buffer[random.uintLessThan(usize, buffer.len)] ^= 3;
        try expectAsNaive(gpa, &pairs, &scratch, buffer[random.uintLessThan(usize, 300)..]);
    }
}

test "a piece whose end decides on all of its tokens" {
    const gpa = std.testing.allocator;
    var byte_ids: [256]u32 = undefined;
    for (&byte_ids, 0..) |*id, byte| id.* = @intCast(byte);
    // Symbols of two bytes, made first; then neighbours pair up from the right end to the left.
    const symbol_count = 600;
    var piece: [2 * symbol_count]u8 = undefined;
    var merges: [2 * symbol_count - 1]definition.Merge = undefined;
    for (0..symbol_count) |i| {
        piece[2 * i ..][0..2].* = .{ @intCast(i / 250), @intCast(3 + i % 250) };
        merges[i] = .{
            .left = piece[2 * i],
            .right = piece[2 * i + 1],
            .result = @intCast(256 + i),
        };
    }
    for (1..symbol_count) |i| {
        const left: u32 = @intCast(256 + symbol_count - 1 - i);
        merges[symbol_count + i - 1] = .{
            .left = left,
            .right = left + 1,
            .result = @intCast(256 + symbol_count + i),
        };
    }
    var pairs: Pairs = try .fromList(gpa, &merges, &byte_ids);
    defer pairs.deinit(gpa);
    var scratch: Scratch = .{};
    defer scratch.deinit(gpa);
    for (2 * symbol_count - 3..2 * symbol_count + 1) |len| {
        try expectAsNaive(gpa, &pairs, &scratch, piece[0..len]);
    }
}

test "a token longer than the window" {
    const gpa = std.testing.allocator;
    var byte_ids: [256]u32 = undefined;
    for (&byte_ids, 0..) |*id, byte| id.* = @intCast(byte);
    var merges: [12]definition.Merge = undefined;
    var last: u32 = 'a';
    for (&merges, 256..) |*merge, id| {
        merge.* = .{ .left = last, .right = last, .result = @intCast(id) };
        last = @intCast(id);
    }
    var pairs: Pairs = try .fromList(gpa, &merges, &byte_ids);
    defer pairs.deinit(gpa);
    var scratch: Scratch = .{};
    defer scratch.deinit(gpa);
    const piece: [4096 * 3 + 1234]u8 = @splat('a');
    const ids = try gpa.alloc(u32, piece.len);
    defer gpa.free(ids);
    const count = try encode(&pairs, gpa, &scratch, &piece, ids.ptr);
    // 1234 = 1024 + 128 + 64 + 16 + 2
    try std.testing.expectEqualSlices(
        u32,
        &.{ 267, 267, 267, 265, 262, 261, 259, 256 },
        ids[0..count],
    );
}
