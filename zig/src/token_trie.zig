//! The longest token that a text begins with: a trie of the tokens as a double array.
//!
//! A node is one word of 8 bytes; the first two bytes of the text index a table of nodes, every
//! further byte is one load that depends on the one before. A search takes time linear in the
//! longest token. The trie has as many nodes as the tokens have different prefixes, and takes some
//! 10 bytes for each.

const std = @import("std");
const TokenOrder = @import("token_order.zig").TokenOrder;
const Allocator = std.mem.Allocator;

pub const TokenTrie = struct {
    pub const no_token = std.math.maxInt(u32);

    /// Children of a node stand at `base ^ byte`, and no two nodes have the same base: it is enough
    /// that a child knows its byte.
    units: []Unit,
    /// The node behind every two bytes.
    roots: []Unit,
    /// The tokens of one byte.
    single: [256]u32,

    const Unit = packed struct(u64) {
        byte: u8 = 0,
        is_used: bool = false,
        /// 0 where there is no child: no node has this base.
        base: u23 = 0,
        id: u32 = no_token,
    };

    pub const empty: TokenTrie = .{
        .units = &.{},
        .roots = &.{},
        .single = @splat(no_token),
    };

    /// Whether every search stays in the trie. Its tokens are not looked at: who searches has to.
    pub fn validate(trie: *const TokenTrie, id_limit: u32) bool {
        _ = id_limit;
        if (trie.roots.len == 0) return trie.units.len == 0;
        if (trie.roots.len != 1 << 16) return false;
        var base_max: u23 = 0;
        for ([_][]const Unit{ trie.units, trie.roots }) |units| {
            for (units) |unit| base_max = @max(base_max, unit.base);
        }
        return base_max | 0xFF < trie.units.len;
    }

    pub const Match = struct { id: u32, len: usize };

    pub const Error = error{ OutOfMemory, TooLarge };

    /// Builds the trie of the tokens at `positions` of `order`, which rise and whose bytes differ.
    pub fn init(gpa: Allocator, order: *const TokenOrder, positions: []const u32) Error!TokenTrie {
        const roots = try gpa.alloc(Unit, 1 << 16);
        errdefer gpa.free(roots);
        @memset(roots, .{});
        var builder: Builder = .{ .gpa = gpa, .order = order, .positions = positions };
        defer builder.deinit();
        try builder.addBlock();
        builder.isBaseUsed(0).* = true;

        var single: [256]u32 = @splat(no_token);
        var start: usize = 0;
        while (start < positions.len) {
            const first = order.bytesAt(positions[start]);
            const id = order.ids[positions[start]];
            if (first.len == 1) {
                single[first[0]] = id;
                start += 1;
                continue;
            }
            const end = builder.endOfPrefix(start, positions.len, 2);
            const key = std.mem.readInt(u16, first[0..2], .little);
            if (first.len == 2) roots[key].id = id;
            roots[key].base = try builder.addChildren(.{ .start = start, .end = end, .depth = 2 });
            try builder.addAll();
            start = end;
        }
        return .{ .units = try builder.units.toOwnedSlice(gpa), .roots = roots, .single = single };
    }

    pub fn deinit(trie: *TokenTrie, gpa: Allocator) void {
        gpa.free(trie.units);
        gpa.free(trie.roots);
        trie.* = undefined;
    }

    pub fn memoryBytes(trie: *const TokenTrie) usize {
        return (trie.units.len + trie.roots.len) * @sizeOf(Unit);
    }

    /// The longest token that `text`, which is not empty, begins with. Where there is none, the
    /// length is 1 and the id is `no_token`.
    pub inline fn longest(trie: *const TokenTrie, text: []const u8) Match {
        if (text.len == 1) return .{ .id = trie.single[text[0]], .len = 1 };
        const key = std.mem.readInt(u16, text[0..2], .little);
        var node = trie.roots[key];
        var match: Match = .{ .id = node.id, .len = 2 };
        var depth: usize = 2;
        while (depth < text.len) {
            const byte = text[depth];
            node = trie.units[@as(usize, node.base) ^ byte];
            if (node.byte != byte or !node.is_used) break;
            depth += 1;
            if (node.id != no_token) match = .{ .id = node.id, .len = depth };
        }
        if (match.id == no_token) return .{ .id = trie.single[text[0]], .len = 1 };
        return match;
    }
};

/// Tokens at `positions[start..end]` share their first `depth` bytes.
const Range = struct { start: usize, end: usize, depth: usize };

const Builder = struct {
    gpa: Allocator,
    order: *const TokenOrder,
    positions: []const u32,
    units: std.ArrayList(TokenTrie.Unit) = .empty,
    /// Nodes whose children are still to be placed.
    pending: std.ArrayList(Pending) = .empty,
    bases_used: std.ArrayList(bool) = .empty,
    /// Free units as a circular list through unit 0, which is never in use, oldest first.
    next_free: std.ArrayList(u32) = .empty,
    previous_free: std.ArrayList(u32) = .empty,

    const Pending = struct { range: Range, unit: u32 };

    const block_len = 256;

    /// Blocks whose free units are still tried. Those left over in older ones are the ones that do
    /// not fit.
    const open_blocks = 8;

    /// Places tried for the children of one node before a block is added.
    const tries_max = 64;

    fn deinit(builder: *Builder) void {
        builder.units.deinit(builder.gpa);
        builder.pending.deinit(builder.gpa);
        builder.bases_used.deinit(builder.gpa);
        builder.next_free.deinit(builder.gpa);
        builder.previous_free.deinit(builder.gpa);
    }

    inline fn bytesAt(builder: *const Builder, at: usize) []const u8 {
        return builder.order.bytesAt(builder.positions[at]);
    }

    fn isBaseUsed(builder: *Builder, base: usize) *bool {
        return &builder.bases_used.items[base];
    }

    fn addBlock(builder: *Builder) TokenTrie.Error!void {
        const first: u32 = @intCast(builder.units.items.len);
        if (first + block_len > 1 << @bitSizeOf(@FieldType(TokenTrie.Unit, "base"))) {
            return error.TooLarge;
        }
        const gpa = builder.gpa;
        try builder.units.appendNTimes(gpa, .{}, block_len);
        try builder.bases_used.appendNTimes(gpa, false, block_len);
        try builder.next_free.appendNTimes(gpa, 0, block_len);
        try builder.previous_free.appendNTimes(gpa, 0, block_len);
        const next = builder.next_free.items;
        const previous = builder.previous_free.items;
        for (@max(first, 1)..first + block_len) |unit| {
            const last = previous[0];
            next[last] = @intCast(unit);
            previous[unit] = last;
            next[unit] = 0;
            previous[0] = @intCast(unit);
        }
        if (first < open_blocks * block_len) return;
        const closed_end = first - (open_blocks - 1) * block_len;
        while (next[0] != 0 and next[0] < closed_end) builder.take(next[0]);
    }

    fn isFree(builder: *const Builder, unit: usize) bool {
        return unit != 0 and !builder.units.items[unit].is_used;
    }

    /// Where the tokens that share `depth` bytes with that at `positions[start]` end.
    fn endOfPrefix(builder: *const Builder, start: usize, end: usize, depth: usize) usize {
        const prefix = builder.bytesAt(start)[0..depth];
        var at = start + 1;
        while (at < end and std.mem.startsWith(u8, builder.bytesAt(at), prefix)) at += 1;
        return at;
    }

    fn addAll(builder: *Builder) TokenTrie.Error!void {
        while (builder.pending.pop()) |pending| {
            const base = try builder.addChildren(pending.range);
            builder.units.items[pending.unit].base = base;
        }
    }

    /// Places the children of the node that stands for the range, and returns the node's base.
    fn addChildren(builder: *Builder, node: Range) TokenTrie.Error!u23 {
        var range = node;
        // The node's own token has no further byte and comes first.
        if (builder.bytesAt(range.start).len == range.depth) range.start += 1;
        if (range.start == range.end) return 0;
        var bytes: [256]u8 = undefined;
        var starts: [257]usize = undefined;
        var count: usize = 0;
        for (range.start..range.end) |at| {
            const byte = builder.bytesAt(at)[range.depth];
            if (count > 0 and bytes[count - 1] == byte) continue;
            bytes[count] = byte;
            starts[count] = at;
            count += 1;
        }
        starts[count] = range.end;
        const base = try builder.findBase(bytes[0..count]);
        builder.isBaseUsed(base).* = true;
        for (bytes[0..count], starts[0..count], starts[1 .. count + 1]) |byte, start, end| {
            const unit = @as(u32, base) ^ byte;
            builder.take(unit);
            const has_token = builder.bytesAt(start).len == range.depth + 1;
            const id = if (has_token)
                builder.order.ids[builder.positions[start]]
            else
                TokenTrie.no_token;
            builder.units.items[unit] = .{ .byte = byte, .is_used = true, .id = id };
            if (has_token and end - start == 1) continue;
            try builder.pending.append(builder.gpa, .{
                .range = .{ .start = start, .end = end, .depth = range.depth + 1 },
                .unit = unit,
            });
        }
        return base;
    }

    /// A base that no node has and whose units for these bytes are free.
    fn findBase(builder: *Builder, bytes: []const u8) TokenTrie.Error!u23 {
        // A single child takes the oldest gap; more than one are tried where there is most room.
        const links = if (bytes.len == 1) builder.next_free.items else builder.previous_free.items;
        var unit = links[0];
        for (0..tries_max) |_| {
            if (unit == 0) break;
            const base = unit ^ bytes[0];
            if (builder.fits(base, bytes)) return @intCast(base);
            unit = links[unit];
        }
        const first = builder.units.items.len;
        try builder.addBlock();
        return @intCast(first);
    }

    fn fits(builder: *Builder, base: u32, bytes: []const u8) bool {
        if (builder.isBaseUsed(base).*) return false;
        for (bytes) |byte| {
            if (!builder.isFree(base ^ byte)) return false;
        }
        return true;
    }

    fn take(builder: *Builder, unit: u32) void {
        const next = builder.next_free.items[unit];
        const previous = builder.previous_free.items[unit];
        builder.next_free.items[previous] = next;
        builder.previous_free.items[next] = previous;
    }
};

const definition = @import("definition.zig");

/// The positions of the tokens that differ from the one before.
fn differing(gpa: Allocator, order: *const TokenOrder) ![]u32 {
    const positions = try gpa.alloc(u32, order.ids.len);
    var count: usize = 0;
    for (0..positions.len) |at| {
        if (at > 0 and std.mem.eql(u8, order.bytesAt(at - 1), order.bytesAt(at))) continue;
        positions[count] = @intCast(at);
        count += 1;
    }
    return gpa.realloc(positions, count);
}

test "the longest token is that of a loop over all" {
    const gpa = std.testing.allocator;
    var prng: std.Random.DefaultPrng = .init(5);
    const random = prng.random();
    for (0..40) |round| {
        const letters: u8 = if (round % 2 == 0) 3 else 255;
        var bytes: [3000]u8 = undefined;
        for (&bytes) |*byte| byte.* = random.uintAtMost(u8, letters);
        const tokens = try gpa.alloc(definition.Token, 1 + round * 20);
        defer gpa.free(tokens);
        for (tokens, 0..) |*token, i| {
            const start = random.uintLessThan(usize, 2900);
            const len = random.uintLessThan(usize, 12);
            token.* = .{ .id = @intCast(i), .bytes = bytes[start..][0..len] };
        }
        var order: TokenOrder = try .init(gpa, tokens);
        defer order.deinit(gpa);
        const positions = try differing(gpa, &order);
        defer gpa.free(positions);
        var trie: TokenTrie = try .init(gpa, &order, positions);
        defer trie.deinit(gpa);
        for (0..2900) |start| {
            const text = bytes[start..][0 .. 1 + random.uintLessThan(usize, 14)];
            var expected: TokenTrie.Match = .{ .id = TokenTrie.no_token, .len = 0 };
            for (tokens) |token| {
                if (token.bytes.len <= expected.len) continue;
                if (std.mem.startsWith(u8, text, token.bytes)) {
                    expected = .{ .id = token.id, .len = token.bytes.len };
                }
            }
            expected.len = @max(expected.len, 1);
            try std.testing.expectEqual(expected, trie.longest(text));
        }
    }
}

test "few units are left over" {
    const gpa = std.testing.allocator;
    var prng: std.Random.DefaultPrng = .init(9);
    const random = prng.random();
    var bytes: [60_000]u8 = undefined;
    // Letters as frequent as in a language: most nodes have few children, and often the same.
    for (&bytes) |*byte| byte.* = 'a' + random.uintLessThan(u8, 1 + random.uintLessThan(u8, 26));
    const tokens = try gpa.alloc(definition.Token, 20_000);
    defer gpa.free(tokens);
    for (tokens, 0..) |*token, i| {
        const start = random.uintLessThan(usize, 59_000);
        const len = random.intRangeAtMost(usize, 3, 10);
        token.* = .{ .id = @intCast(i), .bytes = bytes[start..][0..len] };
    }
    var order: TokenOrder = try .init(gpa, tokens);
    defer order.deinit(gpa);
    const positions = try differing(gpa, &order);
    defer gpa.free(positions);
    var nodes: usize = 0;
    for (positions[0 .. positions.len - 1], positions[1..]) |before, position| {
        const token = order.bytesAt(position);
        const shared = std.mem.indexOfDiff(u8, order.bytesAt(before), token).?;
        nodes += token.len - @max(shared, 2);
    }
    var trie: TokenTrie = try .init(gpa, &order, positions);
    defer trie.deinit(gpa);
    try std.testing.expect(trie.units.len < nodes + nodes / 8);
}
