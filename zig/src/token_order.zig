//! The tokens of a vocabulary in the order of their bytes, and which token is the longest proper
//! prefix of which: what the trie and the search for each token's last merge are built from.
//!
//! A radix sort by the first eight bytes, then comparisons among those that share them: linear in
//! the vocabulary but for such groups, which are few and small in any real one.

const std = @import("std");
const definition = @import("definition.zig");
const isEqual = @import("short_bytes.zig").isEqual;
const Allocator = std.mem.Allocator;

pub const no_token = std.math.maxInt(u32);

/// The tokens in order: those with the same bytes in the order given, empty ones left out. What is
/// read of one next to another stands next to it in memory.
pub const TokenOrder = struct {
    ids: []u32,
    /// The token at a position is `bytes[offsets[position]..offsets[position + 1]]`.
    offsets: []u32,
    bytes: []u8,
    /// The position of each token's longest prefix among those before it, or `no_token`: a proper
    /// prefix or, of tokens with the same bytes, the one before.
    prefixes: []u32,

    pub const Error = error{ OutOfMemory, TooLarge };

    pub fn init(gpa: Allocator, tokens: []const definition.Token) Error!TokenOrder {
        const order = try sorted(gpa, tokens);
        defer gpa.free(order);
        var total: usize = 0;
        for (tokens) |token| total += token.bytes.len;
        if (total > std.math.maxInt(u32)) return error.TooLarge;
        const ids = try gpa.alloc(u32, order.len);
        errdefer gpa.free(ids);
        const offsets = try gpa.alloc(u32, order.len + 1);
        errdefer gpa.free(offsets);
        const bytes = try gpa.alloc(u8, total);
        errdefer gpa.free(bytes);
        var end: u32 = 0;
        for (order, ids, offsets[0..ids.len], 0..) |index, *id, *offset, at| {
            // Measured: the tokens lie anywhere, and waiting for each took most of the time.
            if (at + 16 < order.len) @prefetch(&tokens[order[at + 16]], .{});
            if (at + 8 < order.len) @prefetch(tokens[order[at + 8]].bytes.ptr, .{});
            const token = tokens[index];
            id.* = token.id;
            offset.* = end;
            @memcpy(bytes[end..][0..token.bytes.len], token.bytes);
            end += @intCast(token.bytes.len);
        }
        offsets[order.len] = end;
        var result: TokenOrder = .{
            .ids = ids,
            .offsets = offsets,
            .bytes = bytes,
            .prefixes = try gpa.alloc(u32, order.len),
        };
        result.findPrefixes();
        return result;
    }

    pub fn deinit(order: *TokenOrder, gpa: Allocator) void {
        gpa.free(order.ids);
        gpa.free(order.offsets);
        gpa.free(order.bytes);
        gpa.free(order.prefixes);
        order.* = undefined;
    }

    pub inline fn bytesAt(order: *const TokenOrder, position: usize) []const u8 {
        return order.bytes[order.offsets[position]..order.offsets[position + 1]];
    }

    pub inline fn lenAt(order: *const TokenOrder, position: usize) u32 {
        return order.offsets[position + 1] - order.offsets[position];
    }

    fn findPrefixes(order: *TokenOrder) void {
        const prefixes = order.prefixes;
        // The chain of prefixes of the token before is in `prefixes` itself: it is this one's, cut
        // off.
        var before: u32 = no_token;
        for (prefixes, 0..) |*prefix, position| {
            while (before != no_token) : (before = prefixes[before]) {
                const part = order.bytesAt(before);
                const token = order.bytesAt(position);
                if (part.len <= token.len and isEqual(token[0..part.len], part)) break;
            }
            prefix.* = before;
            before = @intCast(position);
        }
    }
};

/// Positions in the list of tokens, sorted by the tokens' bytes, those with the same bytes in the
/// order given. Empty tokens are left out. The caller frees the result.
fn sorted(gpa: Allocator, tokens: []const definition.Token) error{OutOfMemory}![]u32 {
    const items = try gpa.alloc(Item, tokens.len);
    defer gpa.free(items);
    const other = try gpa.alloc(Item, tokens.len);
    defer gpa.free(other);
    for (items, tokens, 0..) |*item, token, i| {
        item.* = .{ .prefix = prefixOf(token.bytes), .index = @intCast(i) };
    }
    const by_prefix = radixSort(items, other);
    var start: usize = 0;
    for (1..by_prefix.len + 1) |end| {
        if (end < by_prefix.len and by_prefix[end].prefix == by_prefix[start].prefix) continue;
        if (end - start > 1) std.mem.sortUnstable(Item, by_prefix[start..end], tokens, Item.isLess);
        start = end;
    }
    const order = try gpa.alloc(u32, tokens.len);
    errdefer gpa.free(order);
    var count: usize = 0;
    for (by_prefix) |item| {
        // Only a prefix of zeros can be that of an empty token.
        if (item.prefix == 0 and tokens[item.index].bytes.len == 0) continue;
        order[count] = item.index;
        count += 1;
    }
    return gpa.realloc(order, count);
}

const Item = struct {
    /// The first eight bytes, zero-padded, the first one highest.
    prefix: u64,
    index: u32,

    /// Of equal tokens the first in the list comes first.
    fn isLess(tokens: []const definition.Token, a: Item, b: Item) bool {
        return switch (orderOf(tokens[a.index].bytes, tokens[b.index].bytes)) {
            .lt => true,
            .gt => false,
            .eq => a.index < b.index,
        };
    }
};

/// The order of two tokens, eight bytes at a time: as a loop over bytes it took most of the sort.
fn orderOf(a: []const u8, b: []const u8) std.math.Order {
    var at: usize = 0;
    while (at + 8 <= @min(a.len, b.len)) : (at += 8) {
        const left = std.mem.readInt(u64, a[at..][0..8], .big);
        const right = std.mem.readInt(u64, b[at..][0..8], .big);
        if (left != right) return std.math.order(left, right);
    }
    return std.mem.order(u8, a[at..], b[at..]);
}

fn prefixOf(bytes: []const u8) u64 {
    if (bytes.len >= 8) return std.mem.readInt(u64, bytes[0..8], .big);
    var prefix: u64 = 0;
    for (bytes) |byte| prefix = prefix << 8 | byte;
    // Twice, for an empty one.
    const shift: u6 = @intCast(32 - 4 * bytes.len);
    return prefix << shift << shift;
}

/// Sorts by prefix, stably; the result is in one of the two.
fn radixSort(items: []Item, other: []Item) []Item {
    var starts: [8][256]u32 = @splat(@splat(0));
    for (items) |item| {
        inline for (&starts, 0..) |*of_digit, digit| of_digit[digitOf(item, digit)] += 1;
    }
    var from = items;
    var to = other;
    for (&starts, 0..) |*of_digit, digit| {
        var sum: u32 = 0;
        for (of_digit) |*start| {
            const count = start.*;
            start.* = sum;
            sum += count;
        }
        for (from) |item| {
            const start = &of_digit[digitOf(item, digit)];
            to[start.*] = item;
            start.* += 1;
        }
        std.mem.swap([]Item, &from, &to);
    }
    return from;
}

inline fn digitOf(item: Item, digit: usize) u8 {
    return @truncate(item.prefix >> @intCast(8 * digit));
}

test "order and prefixes equal those of comparisons alone" {
    const gpa = std.testing.allocator;
    var prng: std.Random.DefaultPrng = .init(3);
    const random = prng.random();
    var bytes: [4000]u8 = undefined;
    for (&bytes) |*byte| byte.* = random.uintLessThan(u8, 2);
    var tokens: [300]definition.Token = undefined;
    for (&tokens, 0..) |*token, i| {
        const start = random.uintLessThan(usize, 3900);
        const len = random.uintLessThan(usize, if (i % 4 == 0) 40 else 14);
        token.* = .{ .id = @intCast(i), .bytes = bytes[start..][0..len] };
    }
    const positions = try sorted(gpa, &tokens);
    defer gpa.free(positions);
    var order: TokenOrder = try .init(gpa, &tokens);
    defer order.deinit(gpa);
    for (positions[0 .. positions.len - 1], positions[1..]) |a, b| {
        switch (std.mem.order(u8, tokens[a].bytes, tokens[b].bytes)) {
            .lt => {},
            .eq => try std.testing.expect(a < b),
            .gt => return error.TestUnexpectedResult,
        }
    }
    for (positions, 0..) |i, position| {
        const token = tokens[i];
        try std.testing.expectEqual(token.id, order.ids[position]);
        try std.testing.expectEqualStrings(token.bytes, order.bytesAt(position));
        var longest: u32 = no_token;
        for (positions, 0..) |j, other| {
            const part = tokens[j].bytes;
            if (!std.mem.startsWith(u8, token.bytes, part)) continue;
            if (part.len == token.bytes.len and j >= i) continue;
            if (longest == no_token or part.len >= order.lenAt(longest)) longest = @intCast(other);
        }
        try std.testing.expectEqual(longest, order.prefixes[position]);
    }
}

fn buildOnce(gpa: Allocator) !void {
    var order: TokenOrder = try .init(gpa, &.{
        .{ .id = 3, .bytes = "ab" }, .{ .id = 1, .bytes = "" }, .{ .id = 2, .bytes = "a" },
    });
    order.deinit(gpa);
}

test "a failed allocation leaks nothing" {
    try std.testing.checkAllAllocationFailures(std.testing.allocator, buildOnce, .{});
}
