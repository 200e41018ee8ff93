//! Which adjacent pairs of tokens merge, how early and into what: the tables behind both merge
//! rules.
//!
//! tiktoken's rule (the pair whose concatenation is the token with the lowest rank) is a table of
//! pairs too: every split of every token into two tokens, with the token's id as rank. Any state of
//! the merge loop holds tokens only, so the two descriptions are the same rule.
//!
//! Building takes a sort of the tokens, and for every pair that may merge a test whether it is the
//! last merge of its token (`merge_trees.zig`); such pairs alone are kept. Where that cannot be
//! done (a merge that is no concatenation, ids with wide gaps, more than some million prefixes),
//! all pairs are kept and the slower engine of `bpe.zig` does the work.
//!
//! The tokens may be sorted, and other tables made of the trees, by other threads meanwhile: `init` asks for
//! the order late, and `addTrie` is a step of its own.

const std = @import("std");
const definition = @import("definition.zig");
const BaseSymbols = @import("base_symbols.zig").BaseSymbols;
const MergeTrees = @import("merge_trees.zig").MergeTrees;
const PairTable = @import("pair_table.zig").PairTable;
const parallel = @import("parallel.zig");
const TokenOrder = @import("token_order.zig").TokenOrder;
const isEqual = @import("short_bytes.zig").isEqual;
const TokenTrie = @import("token_trie.zig").TokenTrie;
const Vocab = @import("vocab.zig").Vocab;
const Allocator = std.mem.Allocator;

pub const Pairs = struct {
    /// The rank of a pair that does not merge.
    pub const none = PairTable.none;

    table: PairTable,
    /// The token a rank makes; empty where a rank is its own token's id.
    results: []u32,
    /// The merges of the list, or the tokens that come about by merging.
    count: usize,
    base: BaseSymbols,
    /// The rank of two single bytes, at `first * 256 + second`; empty for characters.
    byte_ranks: []u32,
    /// Whether every merge is in the table, also those that no text leads to.
    has_all: bool,
    /// Whether the two below are there.
    is_indexed: bool,
    trees: MergeTrees,
    /// The reachable tokens.
    trie: TokenTrie,

    pub const Error = error{ OutOfMemory, TooLarge };

    /// The order of the tokens, which a thread may be finding out.
    pub const Sorting = parallel.Future(TokenOrder.init);

    pub const Source = struct {
        vocab: *const Vocab,
        tokens: []const definition.Token,
        /// Of `tokens`.
        sorting: *Sorting,
        /// Where a pair stands twice, its last place counts, as in tokenizers. Without a list, the
        /// pairs are those that tiktoken's rule implies: every token of two or more bytes, at every
        /// place where both sides are tokens.
        merges: ?[]const definition.Merge,
        /// The rank of each id under that rule where it is not the id; some may be equal. All that
        /// merge makes are below the number of ids.
        ranks: ?[]const u32 = null,
        /// Keeps all pairs, without an index: for merges that are left out by chance.
        keep_all: bool = false,
    };

    /// All but the trie, which is empty. Takes over `base` if it succeeds.
    pub fn init(gpa: Allocator, source: Source, base: BaseSymbols) Error!Pairs {
        const list = source.merges orelse &.{};
        if (list.len >= none - 1) return error.TooLarge;
        var pairs: Pairs = .unindexed(&.{}, base);
        const may_index = !source.keep_all and areConcatenations(source.vocab, list);
        if (may_index and try pairs.addIndex(gpa, source)) {
            pairs.count = if (source.merges == null) pairs.table.count else list.len;
            pairs.has_all = source.merges != null and pairs.table.count == list.len;
            return pairs;
        }
        // The slower engine takes a rank for the token that it makes.
        if (source.ranks != null) return error.TooLarge;
        pairs.results = try resultsOf(gpa, list);
        errdefer gpa.free(pairs.results);
        pairs.table = try tableOfAll(gpa, source);
        pairs.count = if (source.merges == null) pairs.table.count else list.len;
        return pairs;
    }

    fn resultsOf(gpa: Allocator, list: []const definition.Merge) error{OutOfMemory}![]u32 {
        const results = try gpa.alloc(u32, list.len);
        for (list, results) |merge, *result| result.* = merge.result;
        return results;
    }

    /// Whether each merge of a list makes the token that the one before made, or one of a higher id, as those that a
    /// trainer wrote and those made of ranks do. Of all merges that make a token, one alone is its last: so the ids
    /// are in the order of the ranks and can stand for them, which spares a look-up a merge.
    fn areRanksIds(list: []const definition.Merge) bool {
        if (list.len == 0) return true;
        for (list[0 .. list.len - 1], list[1..]) |merge, next| {
            if (merge.result > next.result) return false;
        }
        return true;
    }

    /// The pairs of a merge list, without an index, whatever they make.
    pub fn plain(gpa: Allocator, merges: []const definition.Merge) Error!Pairs {
        if (merges.len >= none - 1) return error.TooLarge;
        const results = try resultsOf(gpa, merges);
        errdefer gpa.free(results);
        var pairs: Pairs = .unindexed(results, .fromBytes(@splat(0)));
        pairs.table = try tableOfList(gpa, merges);
        pairs.count = merges.len;
        return pairs;
    }

    /// Without the table and the count.
    fn unindexed(results: []u32, base: BaseSymbols) Pairs {
        return .{
            .table = undefined,
            .results = results,
            .count = 0,
            .has_all = true,
            .base = base,
            .byte_ranks = &.{},
            .is_indexed = false,
            .trees = .empty,
            .trie = .empty,
        };
    }

    /// Completes the index, if there is one. Meanwhile, other threads may ask whether tokens are
    /// reachable. Where it fails, `dropIndex` is possible.
    pub fn addTrie(pairs: *Pairs, gpa: Allocator, source: Source) Error!void {
        if (!pairs.is_indexed) return;
        const order = try sortedOf(source);
        pairs.trees.linkPrefixes(order);
        const reachable = try reachablePositions(gpa, &pairs.trees, order);
        defer gpa.free(reachable);
        pairs.trie = try .init(gpa, order, reachable);
    }

    /// Does without the index: of a trie that is too large.
    pub fn dropIndex(pairs: *Pairs, gpa: Allocator, source: Source) Error!void {
        if (source.ranks != null) return error.TooLarge;
        const results = try resultsOf(gpa, source.merges orelse &.{});
        errdefer gpa.free(results);
        const table = try tableOfAll(gpa, source);
        gpa.free(pairs.results);
        pairs.results = results;
        pairs.table.deinit(gpa);
        pairs.table = table;
        pairs.trees.deinit(gpa);
        pairs.trees = .empty;
        gpa.free(pairs.byte_ranks);
        pairs.byte_ranks = &.{};
        pairs.is_indexed = false;
        pairs.has_all = true;
    }

    fn tableOfList(gpa: Allocator, list: []const definition.Merge) Error!PairTable {
        var table: PairTable = try .init(gpa, list.len);
        for (list, 0..) |merge, rank| _ = table.put(merge.left, merge.right, @intCast(rank));
        return table;
    }

    /// Every pair that merges.
    fn tableOfAll(gpa: Allocator, source: Source) Error!PairTable {
        if (source.merges) |list| return tableOfList(gpa, list);
        var found: std.ArrayList(definition.Merge) = .empty;
        defer found.deinit(gpa);
        for (source.tokens) |token| {
            for (1..@max(token.bytes.len, 1)) |split| {
                const left = source.vocab.find(token.bytes[0..split]) orelse continue;
                const right = source.vocab.find(token.bytes[split..]) orelse continue;
                try found.append(gpa, .{ .left = left, .right = right, .result = token.id });
            }
        }
        var table: PairTable = try .init(gpa, found.items.len);
        for (found.items) |merge| {
            if (table.rankOf(merge.left, merge.right) > merge.result) {
                _ = table.put(merge.left, merge.right, merge.result);
            }
        }
        return table;
    }

    pub fn deinit(pairs: *Pairs, gpa: Allocator) void {
        gpa.free(pairs.results);
        gpa.free(pairs.byte_ranks);
        pairs.table.deinit(gpa);
        pairs.base.deinit(gpa);
        if (pairs.is_indexed) {
            pairs.trees.deinit(gpa);
            pairs.trie.deinit(gpa);
        }
        pairs.* = undefined;
    }

    /// The rank of `left` followed by `right`; `none` where they do not merge.
    pub inline fn rankOf(pairs: *const Pairs, left: u32, right: u32) u32 {
        return pairs.table.rankOf(left, right);
    }

    /// The token that merging at `of_rank` makes.
    pub inline fn resultOf(pairs: *const Pairs, of_rank: u32) u32 {
        return if (pairs.results.len == 0) of_rank else pairs.results[of_rank];
    }

    /// No rank is as high. Only with the index.
    pub inline fn rankLimit(pairs: *const Pairs) usize {
        return if (pairs.results.len == 0) pairs.trees.nodes.len else pairs.results.len;
    }

    /// Whether `left` and `right` next to each other stay what they are. Both must be reachable
    /// tokens, and the index must be there.
    pub inline fn compatible(pairs: *const Pairs, left: u32, right: u32) bool {
        return pairs.trees.compatible(&pairs.table, left, right);
    }

    /// Whether every merge gives what is there.
    pub fn validate(pairs: *const Pairs, id_limit: u32) bool {
        if (std.mem.max(u32, if (pairs.results.len == 0) &.{0} else pairs.results) >= id_limit) {
            return false;
        }
        const rank_limit = if (pairs.results.len == 0) id_limit else pairs.results.len;
        if (!pairs.table.ranksAreBelow(rank_limit)) return false;
        if (pairs.byte_ranks.len != 0 and pairs.byte_ranks.len != 1 << 16) return false;
        for (pairs.byte_ranks) |rank| {
            if (rank != none and rank >= rank_limit) return false;
        }
        return !pairs.is_indexed or (pairs.trees.nodes.len > 0 and pairs.trie.roots.len > 0);
    }

    pub fn memoryBytes(pairs: *const Pairs) usize {
        const index = if (pairs.is_indexed)
            pairs.trees.memoryBytes() + pairs.trie.memoryBytes()
        else
            0;
        return pairs.table.memoryBytes() + pairs.base.memoryBytes() +
            (pairs.results.len + pairs.byte_ranks.len) * 4 + index;
    }

    /// Fills in the table and the trees; false if these tokens have none.
    fn addIndex(pairs: *Pairs, gpa: Allocator, source: Source) Error!bool {
        const vocab = source.vocab;
        if (vocab.idLimit() / 8 > source.tokens.len + 8192) return false;
        const base_ids = try pairs.base.allIds(gpa);
        defer gpa.free(base_ids);
        var trees: MergeTrees = try .init(gpa, vocab, base_ids);
        errdefer trees.deinit(gpa);
        const token_count = source.tokens.len;
        const pairs_max = if (source.merges) |list| @min(list.len, token_count) else token_count;
        var table: PairTable = try .init(gpa, pairs_max);
        errdefer table.deinit(gpa);
        if (source.merges) |list| {
            const by_id = areRanksIds(list);
            try trees.addList(gpa, &table, vocab, list, by_id);
            if (!by_id) pairs.results = try resultsOf(gpa, list);
        } else {
            try trees.addRanks(gpa, &table, vocab, try sortedOf(source), source.ranks);
        }
        errdefer {
            gpa.free(pairs.results);
            pairs.results = &.{};
        }
        pairs.byte_ranks = try byteRanks(gpa, &table, &pairs.base);
        pairs.table = table;
        pairs.trees = trees;
        pairs.is_indexed = true;
        return true;
    }
};

fn sortedOf(source: Pairs.Source) Pairs.Error!*const TokenOrder {
    return if (source.sorting.get().*) |*order| order else |err| err;
}

/// Which positions of `order` have reachable tokens. The caller frees the result.
fn reachablePositions(
    gpa: Allocator,
    trees: *const MergeTrees,
    order: *const TokenOrder,
) error{OutOfMemory}![]u32 {
    const positions = try gpa.alloc(u32, order.ids.len);
    errdefer gpa.free(positions);
    var count: usize = 0;
    for (order.ids, 0..) |id, position| {
        positions[count] = @intCast(position);
        count += @intFromBool(trees.isReachable(id));
    }
    return gpa.realloc(positions, count);
}

fn byteRanks(
    gpa: Allocator,
    table: *const PairTable,
    base: *const BaseSymbols,
) error{OutOfMemory}![]u32 {
    if (base.kind != .bytes) return &.{};
    const ranks = try gpa.alloc(u32, 256 * 256);
    for (base.byte_ids, 0..) |left, first| {
        for (base.byte_ids, 0..) |right, second| {
            ranks[first << 8 | second] = table.rankOf(left, right);
        }
    }
    return ranks;
}

fn areConcatenations(vocab: *const Vocab, merges: []const definition.Merge) bool {
    for (merges, 0..) |merge, at| {
        if (at + 32 < merges.len) {
            vocab.prefetchOffset(merges[at + 32].left);
            vocab.prefetchOffset(merges[at + 32].right);
        }
        if (at + 16 < merges.len) {
            vocab.prefetchBytes(merges[at + 16].left);
            vocab.prefetchBytes(merges[at + 16].right);
        }
        const left = vocab.bytesOf(merge.left);
        const right = vocab.bytesOf(merge.right);
        const result = vocab.bytesOf(merge.result);
        if (result.len != left.len + right.len) return false;
        if (!isEqual(result[0..left.len], left)) return false;
        if (!isEqual(result[left.len..], right)) return false;
    }
    return true;
}

const test_support = @import("test_support.zig");

/// Ids 0 to 255 for the bytes, as in a vocabulary trained from nothing, then those of `more`.
fn testTokens(comptime more: []const []const u8) [256 + more.len]definition.Token {
    const letters = comptime letters: {
        var letters: [256]u8 = undefined;
        for (&letters, 0..) |*letter, byte| letter.* = byte;
        break :letters letters;
    };
    var tokens: [256 + more.len]definition.Token = undefined;
    for (tokens[0..256], 0..) |*token, byte| {
        token.* = .{ .id = @intCast(byte), .bytes = (&letters)[byte..][0..1] };
    }
    for (tokens[256..], more, 256..) |*token, bytes, id| {
        token.* = .{ .id = @intCast(id), .bytes = bytes };
    }
    return tokens;
}

fn plainByteIds() [256]u32 {
    var ids: [256]u32 = undefined;
    for (&ids, 0..) |*id, byte| id.* = @intCast(byte);
    return ids;
}

test "a merge list: rank is the place in it, the last one where a pair stands twice" {
    const gpa = std.testing.allocator;
    const tokens = testTokens(&.{ "ab", "abc", "bc" });
    var vocab: Vocab = try .init(gpa, &tokens, &.{});
    defer vocab.deinit(gpa);
    const merges = [_]definition.Merge{
        .{ .left = 'a', .right = 'b', .result = 256 },
        .{ .left = 256, .right = 'c', .result = 257 },
        .{ .left = 'a', .right = 'b', .result = 256 },
        .{ .left = 'a', .right = 258, .result = 257 },
        .{ .left = 'b', .right = 'c', .result = 258 },
    };
    var pairs = try test_support.completePairs(gpa, &vocab, &tokens, &merges, .fromBytes(plainByteIds()));
    defer pairs.deinit(gpa);
    try std.testing.expect(pairs.is_indexed);
    try std.testing.expectEqual(@as(u32, 2), pairs.rankOf('a', 'b'));
    try std.testing.expectEqual(@as(u32, 1), pairs.rankOf(256, 'c'));
    try std.testing.expectEqual(Pairs.none, pairs.rankOf('c', 256));
    // "abc" never comes about in this way, as "ab" is made first.
    try std.testing.expectEqual(Pairs.none, pairs.rankOf('a', 258));
    try std.testing.expectEqual(@as(u32, 257), pairs.resultOf(1));
    try std.testing.expect(pairs.compatible('a', 257) and !pairs.compatible('a', 258));
}

test "ranks: one split of a token makes it, at the token's rank" {
    const gpa = std.testing.allocator;
    const tokens = testTokens(&.{ "abc", "ab", "bc", "abcd", "cd" });
    var vocab: Vocab = try .init(gpa, &tokens, &.{});
    defer vocab.deinit(gpa);
    var pairs = try test_support.completePairs(gpa, &vocab, &tokens, null, .fromBytes(plainByteIds()));
    defer pairs.deinit(gpa);
    try std.testing.expectEqual(@as(usize, 5), pairs.table.count);
    try std.testing.expectEqual(@as(u32, 256), pairs.rankOf(257, 'c'));
    try std.testing.expectEqual(@as(u32, 259), pairs.rankOf(256, 'd'));
    try std.testing.expectEqual(@as(u32, 258), pairs.rankOf('b', 'c'));
    try std.testing.expectEqual(@as(u32, 256), pairs.resultOf(256));
}

test "ids far apart and merges that are no concatenation do without the index" {
    const gpa = std.testing.allocator;
    const bytes = testTokens(&.{ "ab", "x" });
    const far = testTokens(&.{"ab"}) ++ [_]definition.Token{.{ .id = 1 << 20, .bytes = "abc" }};
    for ([_][]const definition.Token{ &bytes, &far }, [_]u32{ 257, 1 << 20 }) |tokens, last| {
        var vocab: Vocab = try .init(gpa, tokens, &.{});
        defer vocab.deinit(gpa);
        const merges = [_]definition.Merge{
            .{ .left = 'a', .right = 'b', .result = 256 },
            .{ .left = 256, .right = 'c', .result = last },
        };
        var pairs = try test_support.completePairs(gpa, &vocab, tokens, &merges, .fromBytes(plainByteIds()));
        defer pairs.deinit(gpa);
        try std.testing.expect(!pairs.is_indexed);
        try std.testing.expectEqual(@as(u32, 1), pairs.rankOf(256, 'c'));
        try std.testing.expectEqual(last, pairs.resultOf(1));
    }
}

fn buildOnce(gpa: Allocator, by_list: bool) !void {
    const tokens = testTokens(&.{ "ab", "abc", "bcd" });
    var vocab: Vocab = try .init(gpa, &tokens, &.{});
    defer vocab.deinit(gpa);
    const merges = [_]definition.Merge{
        .{ .left = 'a', .right = 'b', .result = 256 },
        .{ .left = 256, .right = 'c', .result = 257 },
    };
    const base: BaseSymbols = try .fromCharacters(gpa, &.{
        .{ .character = 'a', .id = 'a' },
        .{ .character = 'b', .id = 'b' },
        .{ .character = 'c', .id = 'c' },
    });
    var pairs = try test_support.completePairs(gpa, &vocab, &tokens, if (by_list) &merges else null, base);
    pairs.deinit(gpa);
}

test "a failed allocation leaks nothing" {
    for ([_]bool{ false, true }) |by_list| {
        try std.testing.checkAllAllocationFailures(std.testing.allocator, buildOnce, .{by_list});
    }
}
