//! The tokens of a vocabulary in the order of their bytes, and which token is the longest proper
//! prefix of which: what the trie and the search for each token's last merge are built from.
//!
//! A radix sort by the first eight bytes, then comparisons among those that share them: linear in
//! the vocabulary but for such groups, which are few and small in any real one.

const std = @import("std");
const definition = @import("definition.zig");
const Allocator = std.mem.Allocator;

pub const no_token = std.math.maxInt(u32);

/// Positions in the list of tokens, sorted by the tokens' bytes, those with the same bytes in the
/// order given. Empty tokens are left out. The caller frees the result.
pub fn sorted(gpa: Allocator, tokens: []const definition.Token) error{OutOfMemory}![]u32 {
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
        if (end - start > 1) std.mem.sort(Item, by_prefix[start..end], tokens, Item.isLess);
        start = end;
    }
    const order = try gpa.alloc(u32, tokens.len);
    errdefer gpa.free(order);
    var count: usize = 0;
    for (by_prefix) |item| {
        if (tokens[item.index].bytes.len == 0) continue;
        order[count] = item.index;
        count += 1;
    }
    return gpa.realloc(order, count);
}

/// For every position in the list of tokens, that of its longest prefix among the tokens sorted
/// before it, or `no_token`: a proper prefix or, of tokens with the same bytes, the one before. The
/// caller frees the result.
pub fn prefixes(
    gpa: Allocator,
    tokens: []const definition.Token,
    order: []const u32,
) error{OutOfMemory}![]u32 {
    const result = try gpa.alloc(u32, tokens.len);
    @memset(result, no_token);
    // The chain of prefixes of the token before is in `result` itself: it is this one's, cut off.
    var before: u32 = no_token;
    for (order) |index| {
        while (before != no_token) : (before = result[before]) {
            if (std.mem.startsWith(u8, tokens[index].bytes, tokens[before].bytes)) break;
        }
        result[index] = before;
        before = index;
    }
    return result;
}

const Item = struct {
    /// The first eight bytes, zero-padded, the first one highest.
    prefix: u64,
    index: u32,

    /// Stable: of equal tokens the first in the list comes first.
    fn isLess(tokens: []const definition.Token, a: Item, b: Item) bool {
        return std.mem.lessThan(u8, tokens[a.index].bytes, tokens[b.index].bytes);
    }
};

fn prefixOf(bytes: []const u8) u64 {
    var padded: [8]u8 = @splat(0);
    const len = @min(bytes.len, 8);
    @memcpy(padded[0..len], bytes[0..len]);
    return std.mem.readInt(u64, &padded, .big);
}

/// Sorts by prefix, stably; the result is in one of the two.
fn radixSort(items: []Item, other: []Item) []Item {
    var from = items;
    var to = other;
    for (0..8) |digit| {
        const shift: u6 = @intCast(8 * digit);
        var starts: [256]u32 = @splat(0);
        for (from) |item| starts[@as(u8, @truncate(item.prefix >> shift))] += 1;
        var sum: u32 = 0;
        for (&starts) |*start| {
            const count = start.*;
            start.* = sum;
            sum += count;
        }
        for (from) |item| {
            const start = &starts[@as(u8, @truncate(item.prefix >> shift))];
            to[start.*] = item;
            start.* += 1;
        }
        std.mem.swap([]Item, &from, &to);
    }
    return from;
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
        const len = random.uintLessThan(usize, 14);
        token.* = .{ .id = @intCast(i), .bytes = bytes[start..][0..len] };
    }
    const order = try sorted(gpa, &tokens);
    defer gpa.free(order);
    const parents = try prefixes(gpa, &tokens, order);
    defer gpa.free(parents);
    for (order[0 .. order.len - 1], order[1..]) |a, b| {
        switch (std.mem.order(u8, tokens[a].bytes, tokens[b].bytes)) {
            .lt => {},
            .eq => try std.testing.expect(a < b),
            .gt => return error.TestUnexpectedResult,
        }
    }
    for (tokens, 0..) |token, i| {
        if (token.bytes.len == 0) continue;
        var longest: u32 = no_token;
        for (tokens, 0..) |other, j| {
            if (other.bytes.len == 0 or !std.mem.startsWith(u8, token.bytes, other.bytes)) continue;
            if (other.bytes.len == token.bytes.len and j >= i) continue;
            if (longest == no_token or other.bytes.len >= tokens[longest].bytes.len) {
                longest = @intCast(j);
            }
        }
        try std.testing.expectEqual(longest, parents[i]);
    }
}
