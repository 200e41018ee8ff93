//! Merging by the letter of the rule, whatever the symbols and the pairs are: the adjacent pair
//! with the lowest rank first, the leftmost of several. It needs no index (`pairs.zig`) and is
//! several times slower than `backtracking.zig`, which says why a sequence is an encoding if its
//! pairs of neighbours are.
//!
//! Time is O(n log n) in the number of symbols, whatever they are, and any number of them is worked
//! on in a window that fits the cache:
//!
//! * Inside a window the ranks stand in a tree of minima, 16 to a node, so that finding the next
//!   merge and repairing the tree after it are O(log n) vector operations.
//! * A longer sequence is encoded window by window. Two windows overlap by a few tokens and are
//!   joined where they agree on two neighbouring tokens. That is exact, because every pair of the
//!   joined sequence lies within one window's encoding. Where two windows do not agree, the window
//!   doubles for the rest; if it holds all of the rest and still does not agree, the whole becomes
//!   one window.

const std = @import("std");
const Pairs = @import("pairs.zig").Pairs;
const simd = @import("simd.zig");
const Allocator = std.mem.Allocator;

/// Ranks to a node of the tree of minima: one vector.
const node_len = 16;

/// Symbols in the first window. Its arrays (4 KiB) stay in the first-level cache.
pub const window_len = 256;

/// How many tokens at the end of a window the next one repeats, where it has twice as many.
const overlap_len = 8;

/// Memory for what does not fit a window; kept from piece to piece.
pub const Scratch = struct {
    window: []u32 = &.{},
    tail_ids: [overlap_len]u32 = undefined,
    tail_ends: [overlap_len]u32 = undefined,

    pub fn deinit(scratch: *Scratch, gpa: Allocator) void {
        gpa.free(scratch.window);
        scratch.* = undefined;
    }
};

/// Merges `symbols` into `ids`, which must have room for as many and be apart from them, and
/// returns how many there are. Allocates only where two windows do not agree.
pub fn encode(
    pairs: *const Pairs,
    gpa: Allocator,
    scratch: *Scratch,
    symbols: []const u32,
    ids: [*]u32,
) error{OutOfMemory}!usize {
    if (symbols.len == 0) return 0;
    var memory: [Window.memoryLen(window_len)]u32 = undefined;
    if (symbols.len > window_len) return encodeLong(pairs, gpa, scratch, &memory, symbols, ids);
    const window: Window = .init(&memory, pairs, symbols);
    @memcpy(ids, window.ids);
    return window.ids.len;
}

/// The same in one window, whatever the length: also for pairs of which the tokens do not tell what they
/// were made of, so that windows cannot be joined.
pub fn encodeWhole(
    pairs: *const Pairs,
    gpa: Allocator,
    scratch: *Scratch,
    symbols: []const u32,
    ids: [*]u32,
) error{OutOfMemory}!usize {
    if (symbols.len <= window_len) return encode(pairs, gpa, scratch, symbols, ids);
    const memory = try growWindow(gpa, scratch, Window.memoryLen(symbols.len));
    const window: Window = .init(memory, pairs, symbols);
    @memcpy(ids, window.ids);
    return window.ids.len;
}

fn encodeLong(
    pairs: *const Pairs,
    gpa: Allocator,
    scratch: *Scratch,
    first_memory: []u32,
    symbols: []const u32,
    ids: [*]u32,
) error{OutOfMemory}!usize {
    var memory = first_memory;
    var len: usize = window_len;
    // What lies before `start` is in `ids`; `tail` is what the last window made of the symbols from
    // there.
    var start: usize = 0;
    var count: usize = 0;
    var tail: Symbols = .{ .ids = &.{}, .ends = &.{} };
    while (true) {
        const rest = symbols[start..];
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
                // All of the rest does not join what lies before it: that was wrong. Take the
                // whole.
                start = 0;
                count = 0;
                tail = .{ .ids = &.{}, .ends = &.{} };
                len = symbols.len;
            } else {
                len *= 2;
            }
            const need = Window.memoryLen(@min(len, symbols.len - start));
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

/// Neighbouring tokens: their ids and where their symbols end, from the first one's start.
const Symbols = struct { ids: []u32, ends: []u32 };

/// The whole is the tail's first `tail_len` tokens, then the window's from `window_index` on.
const Join = struct { tail_len: usize, window_index: usize };

/// The first place at which two neighbouring tokens of the tail and of the window are the same,
/// both having begun at the same symbol.
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

/// Where to cut a window of `count` tokens so that what is behind the cut, the next tail, has
/// enough tokens to join on and something lies before it; null where the window has too few.
fn cutOf(count: usize, joined_at: usize) ?usize {
    const cut = @max(count - @min(overlap_len, count / 2), joined_at, 1);
    return if (cut + 2 <= count) cut else null;
}

/// The encoding of up to a window of symbols.
const Window = struct {
    ids: []u32,
    /// Where each token's symbols end, from the window's start.
    ends: []u32,

    /// How many u32 a window of `len` symbols works in.
    fn memoryLen(len: usize) usize {
        var total = 3 * len;
        var nodes = len;
        while (true) {
            nodes = std.math.divCeil(usize, nodes, node_len) catch unreachable;
            total += nodes * node_len;
            if (nodes <= 1) return total;
        }
    }

    fn init(memory: []u32, pairs: *const Pairs, part: []const u32) Window {
        std.debug.assert(part.len > 0 and part.len < std.math.maxInt(u32));
        var state: State = .init(memory, pairs, part);
        while (state.tree.first()) |at| state.merge(pairs, at);
        return state.compact();
    }

    /// The symbols that are left, as a doubly linked list over positions, and their pairs' ranks.
    const State = struct {
        ids: []u32,
        next: []u32,
        previous: []u32,
        tree: Tree,

        const edge = std.math.maxInt(u32);

        fn init(memory: []u32, pairs: *const Pairs, part: []const u32) State {
            const len = part.len;
            const state: State = .{
                .ids = memory[0..len],
                .next = memory[len..][0..len],
                .previous = memory[2 * len ..][0..len],
                .tree = .init(memory[3 * len ..], pairs, part),
            };
            @memcpy(state.ids, part);
            for (0..len) |i| {
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

    fn init(memory: []u32, pairs: *const Pairs, part: []const u32) Tree {
        var tree: Tree = .{ .levels = undefined, .level_count = 1 };
        var nodes = std.math.divCeil(usize, part.len, node_len) catch unreachable;
        tree.levels[0] = memory.ptr;
        for (part[0 .. part.len - 1], part[1..], memory[0 .. part.len - 1]) |left, right, *rank| {
            rank.* = pairs.rankOf(left, right);
        }
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
