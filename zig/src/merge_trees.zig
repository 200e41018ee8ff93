//! How each token comes about, and from that whether two tokens may be neighbours.
//!
//! A token that its own bytes encode to is *reachable*, and the last merge of that encoding is the
//! only one that ever makes it: what happens inside a token competes with nothing outside of it
//! until the token is merged further, so a token has one tree of merges wherever it stands. Pairs
//! that are nobody's last merge never become neighbours and are dropped.
//!
//! Two tokens are *compatible* if their concatenation encodes to the two. Both are built up at the
//! same time, each in its own order; the next merge of either is done when it has a lower rank than
//! that of the other (the left one's if they are equal, as it stands further left), so a merge of
//! one comes before one of the other exactly if the highest rank up to it (`key`) is lower. The two
//! are incompatible if at some time the two symbols that meet merge at a rank below that of
//! whatever would be merged next. `compatible` goes through the pairs of symbols that meet, latest
//! first; each lasts until one of the two symbols is merged, and the highest rank merged in that
//! time (`limit`) is a property of the symbol that is made by it:
//!
//! * In (x, y), seen from the right, what meets the neighbour is y, then the whole. If x is
//!   complete before y is, only the merge of the two remains: its rank is the limit. Else the limit
//!   is the highest of it and of x's.
//! * Ranks inside a token need not rise, and the rule holds for any: what was merged before the
//!   highest rank so far lies before the time in question, and what has been merged on the other
//!   side is lower.
//!
//! A test takes time linear in the depth of the two trees.

const std = @import("std");
const definition = @import("definition.zig");
const huge_pages = @import("huge_pages.zig");
const PairTable = @import("pair_table.zig").PairTable;
const token_order = @import("token_order.zig");
const TokenOrder = token_order.TokenOrder;
const Vocab = @import("vocab.zig").Vocab;
const Allocator = std.mem.Allocator;

pub const MergeTrees = struct {
    pub const no_token = std.math.maxInt(u32);

    /// By id.
    nodes: []Node,

    const unreachable_key = std.math.maxInt(u32);

    /// What a test reads of a token is half a cache line.
    const Node = extern struct {
        /// One more than the highest rank in the token's tree; 0 for a base symbol.
        key: u32 = unreachable_key,
        left: u32 = no_token,
        right: u32 = no_token,
        /// A pair of a left neighbour and `left` merges in time if its rank is lower.
        left_limit: u32 = 0,
        /// A pair of `right` and a right neighbour merges in time if its rank is lower.
        right_limit: u32 = 0,
        /// Bytes of the token.
        len: u32 = 0,
        /// The longest reachable token that is a proper prefix of this one.
        shorter: u32 = no_token,
        padding: u32 = 0,
    };

    /// Trees that know the base symbols alone.
    pub fn init(gpa: Allocator, vocab: *const Vocab, base_ids: []const u32) !MergeTrees {
        const nodes = try gpa.alloc(Node, vocab.idLimit());
        huge_pages.advise(std.mem.sliceAsBytes(nodes));
        @memset(nodes, .{});
        for (base_ids) |id| nodes[id] = .{ .key = 0, .len = @intCast(vocab.bytesOf(id).len) };
        return .{ .nodes = nodes };
    }

    pub fn deinit(trees: *MergeTrees, gpa: Allocator) void {
        gpa.free(trees.nodes);
        trees.* = undefined;
    }

    pub fn memoryBytes(trees: *const MergeTrees) usize {
        return trees.nodes.len * @sizeOf(Node);
    }

    pub const empty: MergeTrees = .{ .nodes = &.{} };

    /// Whether every way through the trees stays in them and ends: parts and prefixes are shorter.
    pub fn validate(trees: *const MergeTrees, id_limit: u32) bool {
        if (trees.nodes.len != 0 and trees.nodes.len != id_limit) return false;
        for (trees.nodes) |node| {
            if (node.len == 0) continue;
            if (node.key != 0 and !trees.isShorter(node.left, node.len)) return false;
            if (node.key != 0 and !trees.isShorter(node.right, node.len)) return false;
            if (node.shorter != no_token and !trees.isShorter(node.shorter, node.len)) return false;
        }
        return true;
    }

    inline fn isShorter(trees: *const MergeTrees, id: u32, len: u32) bool {
        if (id >= trees.nodes.len) return false;
        const other = trees.nodes[id].len;
        return other > 0 and other < len;
    }

    /// Whether a token is one of `len` bytes that encode to it.
    pub inline fn isReachableWith(trees: *const MergeTrees, id: u32, len: usize) bool {
        return id < trees.nodes.len and trees.nodes[id].len == len;
    }

    /// Whether the token's bytes encode to it.
    pub fn isReachable(trees: *const MergeTrees, id: u32) bool {
        return trees.nodes[id].key != unreachable_key;
    }

    /// The length of a reachable token.
    pub inline fn lengthOf(trees: *const MergeTrees, id: u32) u32 {
        return trees.nodes[id].len;
    }

    /// The longest reachable proper prefix of a token, or `no_token`.
    pub inline fn shorterThan(trees: *const MergeTrees, id: u32) u32 {
        return trees.nodes[id].shorter;
    }

    /// Whether two reachable tokens next to each other stay what they are.
    pub inline fn compatible(
        trees: *const MergeTrees,
        pairs: *const PairTable,
        left: u32,
        right: u32,
    ) bool {
        return pairs.rankOf(left, right) == PairTable.none and !trees.crosses(pairs, left, right);
    }

    /// Whether a merge across the boundary comes before both tokens are complete.
    inline fn crosses(
        trees: *const MergeTrees,
        pairs: *const PairTable,
        left: u32,
        right: u32,
    ) bool {
        var before = left;
        var after = right;
        while (true) {
            const whole_before = &trees.nodes[before];
            const whole_after = &trees.nodes[after];
            if (whole_before.key | whole_after.key == 0) return false;
            const is_before = whole_before.key > whole_after.key;
            const limit = if (is_before) whole_before.right_limit else whole_after.left_limit;
            before = if (is_before) whole_before.right else before;
            after = if (is_before) after else whole_after.left;
            if (pairs.rankOf(before, after) < limit) return true;
        }
    }

    /// Enters the merge of `left` and `right` into `result` if it is the last of `result`'s own
    /// encoding. All merges into shorter tokens must have been offered before. Returns whether it
    /// is.
    fn offer(
        trees: *MergeTrees,
        pairs: *const PairTable,
        left: u32,
        right: u32,
        result: u32,
        rank: u32,
    ) bool {
        if (!trees.isReachable(left) or !trees.isReachable(right)) return false;
        if (trees.crosses(pairs, left, right)) return false;
        const left_key = trees.nodes[left].key;
        const right_key = trees.nodes[right].key;
        trees.nodes[result] = .{
            .key = @max(left_key, right_key, rank + 1),
            .left = left,
            .right = right,
            // A pair that meets stands left of what is merged in here, and comes first if the
            // ranks are equal.
            .left_limit = if (right_key < left_key) rank + 1 else @max(right_key, rank + 1),
            // The left part is complete first, also if its highest rank is the same.
            .right_limit = if (left_key <= right_key) rank else @max(left_key - 1, rank),
            .len = trees.lengthOf(left) + trees.lengthOf(right),
        };
        return true;
    }

    /// Finds the last merge of every token under the rule of ranks: any split into two tokens, at
    /// the rank that its id has in `ranks` or, without these, is. Pairs go into `pairs`, which has
    /// room for one a token.
    pub fn addRanks(
        trees: *MergeTrees,
        gpa: Allocator,
        pairs: *PairTable,
        vocab: *const Vocab,
        order: *const TokenOrder,
        ranks: ?[]const u32,
    ) error{OutOfMemory}!void {
        const lens = try gpa.alloc(u32, order.ids.len);
        defer gpa.free(lens);
        for (lens, 0..) |*len, position| len.* = order.lenAt(position);
        // Positions of one length stay in their order, so that neighbours share their prefixes.
        const by_length = try sortByLength(gpa, lens);
        defer gpa.free(by_length);
        var begin: usize = 0;
        var end: usize = 0;
        while (begin < by_length.len) : (begin = end) {
            // Of one length, so that what they are made of is complete.
            const len = lens[by_length[begin]];
            end = begin + 1;
            const end_max = @min(begin + batch_len, by_length.len);
            while (end < end_max and lens[by_length[end]] == len) end += 1;
            trees.addBatch(pairs, vocab, order, ranks, by_length[begin..end]);
        }
    }

    /// Tokens whose splits are looked up together, so that these do not wait for one another.
    const batch_len = 32;
    /// How many splits of each; few tokens have more, and those that have need few of them.
    const splits_max = 8;

    /// A token cut behind one of its prefixes that is a token.
    const Split = struct {
        id: u32,
        left: u32,
        rest: []const u8,
        hash: u64,
        right: u32 = no_token,

        fn of(order: *const TokenOrder, position: u32, prefix: u32) Split {
            const rest = order.bytesAt(position)[order.lenAt(prefix)..];
            return .{
                .id = order.ids[position],
                .left = order.ids[prefix],
                .rest = rest,
                .hash = Vocab.hashOf(rest),
            };
        }

        fn findRight(split: *Split, vocab: *const Vocab) void {
            split.right = vocab.findHashed(split.hash, split.rest) orelse no_token;
        }
    };

    /// Finds the last merges of the tokens at `positions`, at most `batch_len`, of one length.
    fn addBatch(
        trees: *MergeTrees,
        pairs: *PairTable,
        vocab: *const Vocab,
        order: *const TokenOrder,
        ranks: ?[]const u32,
        positions: []const u32,
    ) void {
        var buffer: [batch_len * splits_max]Split = undefined;
        var ends: [batch_len]usize = undefined;
        var remaining: [batch_len]u32 = undefined;
        var count: usize = 0;
        for (positions, 0..) |position, i| {
            var prefix = order.prefixes[position];
            // Of tokens with the same bytes, the first counts.
            const is_double = prefix != token_order.no_token and
                order.lenAt(prefix) == order.lenAt(position);
            if (is_double) prefix = token_order.no_token;
            const limit = count + splits_max;
            while (prefix != token_order.no_token and count < limit) {
                buffer[count] = .of(order, position, prefix);
                vocab.prefetch(buffer[count].hash);
                count += 1;
                prefix = order.prefixes[prefix];
            }
            ends[i] = count;
            remaining[i] = prefix;
        }
        for (buffer[0..count]) |*split| {
            split.findRight(vocab);
            if (split.right == no_token) continue;
            trees.prefetch(split.left, split.right);
            pairs.prefetch(split.left, split.right);
        }
        var start: usize = 0;
        for (positions, 0..) |position, i| {
            const is_made = for (buffer[start..ends[i]]) |split| {
                if (trees.offerSplit(pairs, split, ranks)) break true;
            } else false;
            start = ends[i];
            var prefix = if (is_made) token_order.no_token else remaining[i];
            while (prefix != token_order.no_token) : (prefix = order.prefixes[prefix]) {
                if (!trees.isReachable(order.ids[prefix])) continue;
                var split: Split = .of(order, position, prefix);
                split.findRight(vocab);
                if (trees.offerSplit(pairs, split, ranks)) break;
            }
        }
    }

    /// Enters a split, at its token's rank, if it is the token's last merge.
    fn offerSplit(trees: *MergeTrees, pairs: *PairTable, split: Split, ranks: ?[]const u32) bool {
        if (split.right == no_token) return false;
        const rank = if (ranks) |of_id| of_id[split.id] else split.id;
        if (!trees.offer(pairs, split.left, split.right, split.id, rank)) return false;
        _ = pairs.put(split.left, split.right, rank);
        return true;
    }

    /// Sends for what the offer of a merge reads.
    inline fn prefetch(trees: *const MergeTrees, left: u32, right: u32) void {
        @prefetch(&trees.nodes[left], .{});
        @prefetch(&trees.nodes[right], .{});
    }

    /// Finds the last merge of every token among those of a merge list. Pairs go into `pairs`,
    /// which has room for all of the list, at their place in the list, or, with `by_id`, at the id
    /// of what they make: for lists in which that is the same order.
    pub fn addList(
        trees: *MergeTrees,
        gpa: Allocator,
        pairs: *PairTable,
        vocab: *const Vocab,
        merges: []const definition.Merge,
        by_id: bool,
    ) error{OutOfMemory}!void {
        const lens = try gpa.alloc(u32, merges.len);
        defer gpa.free(lens);
        for (lens, merges) |*len, merge| len.* = @intCast(vocab.bytesOf(merge.result).len);
        const by_length = try sortByLength(gpa, lens);
        defer gpa.free(by_length);
        for (by_length, 0..) |index, at| {
            if (at + 32 < by_length.len) @prefetch(&merges[by_length[at + 32]], .{});
            if (at + 16 < by_length.len) {
                const later = merges[by_length[at + 16]];
                trees.prefetch(later.left, later.right);
                @prefetch(&trees.nodes[later.result], .{});
                pairs.prefetch(later.left, later.right);
            }
            const merge = merges[index];
            const rank = if (by_id) merge.result else index;
            if (!trees.offer(pairs, merge.left, merge.right, merge.result, rank)) continue;
            // The last place of a pair counts, and with it the token that it makes there.
            const before = pairs.put(merge.left, merge.right, rank);
            if (before == PairTable.none) continue;
            const made = if (by_id) before else merges[before].result;
            if (made != merge.result) trees.nodes[made] = .{};
        }
    }

    /// Fills in the prefixes, once the trees are complete. Of tokens with the same bytes, one is
    /// reachable at most, so that none is taken for its own prefix.
    pub fn linkPrefixes(trees: *MergeTrees, order: *const TokenOrder) void {
        for (order.ids, order.prefixes, 0..) |token, prefix, at| {
            if (at + 16 < order.ids.len) @prefetch(&trees.nodes[order.ids[at + 16]], .{});
            if (prefix == token_order.no_token) continue;
            const id = order.ids[prefix];
            trees.nodes[token].shorter = if (trees.isReachable(id)) id else trees.shorterThan(id);
        }
    }
};

/// Positions in a list of lengths, those of shorter ones first, equal ones in the order given.
fn sortByLength(gpa: Allocator, lens: []const u32) error{OutOfMemory}![]u32 {
    const len_max: usize = if (lens.len == 0) 0 else std.mem.max(u32, lens);
    const starts = try gpa.alloc(u32, len_max + 2);
    defer gpa.free(starts);
    @memset(starts, 0);
    for (lens) |len| starts[len + 1] += 1;
    for (starts[1..], starts[0 .. starts.len - 1]) |*start, before| start.* += before;
    const sorted = try gpa.alloc(u32, lens.len);
    for (lens, 0..) |len, index| {
        sorted[starts[len]] = @intCast(index);
        starts[len] += 1;
    }
    return sorted;
}
