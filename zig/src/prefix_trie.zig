//! The longest of some strings that a text begins with: a trie whose edges are labelled with as
//! many bytes as strings have in common.
//!
//! A search takes, for each edge, one bit test, one count of bits and one comparison of the label,
//! so its time is linear in what it matches, however many strings there are. The trie has at most
//! two nodes and one branch for each string; the labels are parts of the strings, which the caller
//! keeps.

const std = @import("std");
const Allocator = std.mem.Allocator;

pub const PrefixTrie = struct {
    nodes: []Node,
    /// The first is the root; none without strings.
    branches: []Branch,

    pub const none = std.math.maxInt(u32);

    /// A part of the bytes that the strings lie in.
    pub const String = struct { start: u32, len: u32 };

    /// What an edge leads to.
    const Node = extern struct {
        /// The edge's label, which is not empty.
        label: extern struct { start: u32, len: u32 },
        /// The string that ends here; or none.
        string: u32,
        /// What goes on from here; or none.
        branch: u32,
    };

    /// One bit for each first byte of an edge; the nodes of these stand side by side.
    const Branch = extern struct {
        present: [4]u64,
        /// How many bits are set in the words before each: not every machine counts bits at once.
        before: [4]u16 = @splat(0),
        first_node: u32,
        padding: u32 = 0,

        inline fn has(branch: *const Branch, byte: u8) bool {
            return branch.present[byte >> 6] >> @truncate(byte) & 1 != 0;
        }

        /// Where the node is whose edge begins with a byte that is there.
        inline fn nodeOf(branch: *const Branch, byte: u8) usize {
            const below = branch.present[byte >> 6] & (@as(u64, 1) << @truncate(byte)) - 1;
            const before = @as(usize, branch.first_node) + branch.before[byte >> 6];
            return if (below == 0) before else before + @popCount(below);
        }

        fn countBefore(branch: *const Branch) [4]u16 {
            var before: [4]u16 = @splat(0);
            for (branch.present[0..3], before[0..3], before[1..]) |word, count, *next| {
                next.* = count + @popCount(word);
            }
            return before;
        }
    };

    /// A trie of strings that lie in `bytes`, are sorted, and are not empty; of equal ones the
    /// first counts.
    pub fn init(
        gpa: Allocator,
        bytes: []const u8,
        strings: []const String,
    ) error{OutOfMemory}!PrefixTrie {
        var builder: Builder = .{ .gpa = gpa, .bytes = bytes, .strings = strings };
        defer builder.pending.deinit(gpa);
        errdefer builder.nodes.deinit(gpa);
        errdefer builder.branches.deinit(gpa);
        try builder.addAll();
        const nodes = try builder.nodes.toOwnedSlice(gpa);
        errdefer gpa.free(nodes);
        return .{ .nodes = nodes, .branches = try builder.branches.toOwnedSlice(gpa) };
    }

    pub fn deinit(trie: *PrefixTrie, gpa: Allocator) void {
        gpa.free(trie.nodes);
        gpa.free(trie.branches);
        trie.* = undefined;
    }

    /// Whether every search stays in the trie. The labels and strings are to be checked too
    /// (`isWithin`).
    pub fn validate(trie: *const PrefixTrie, id_limit: u32) bool {
        _ = id_limit;
        for (trie.nodes) |node| {
            if (node.label.len == 0) return false;
            if (node.branch != none and node.branch >= trie.branches.len) return false;
        }
        for (trie.branches) |branch| {
            var count: usize = 0;
            for (branch.present) |word| count += @popCount(word);
            if (@as(usize, branch.first_node) + count > trie.nodes.len) return false;
            if (!std.meta.eql(branch.before, branch.countBefore())) return false;
        }
        return true;
    }

    /// Whether the labels lie in so many bytes, and the strings are of so many.
    pub fn isWithin(trie: *const PrefixTrie, bytes_len: usize, string_count: usize) bool {
        for (trie.nodes) |node| {
            if (@as(u64, node.label.start) + node.label.len > bytes_len) return false;
            if (node.string != none and node.string >= string_count) return false;
        }
        return true;
    }

    /// Whether some string begins with a byte.
    pub inline fn beginsWith(trie: *const PrefixTrie, byte: u8) bool {
        return trie.branches.len > 0 and trie.branches[0].has(byte);
    }

    /// The longest of the strings that `text` begins with. `bytes` are those that the strings lie
    /// in.
    pub fn longest(trie: *const PrefixTrie, bytes: []const u8, text: []const u8) ?u32 {
        if (trie.branches.len == 0) return null;
        var found: ?u32 = null;
        var branch = &trie.branches[0];
        var at: usize = 0;
        while (at < text.len and branch.has(text[at])) {
            const node = &trie.nodes[branch.nodeOf(text[at])];
            const label = bytes[node.label.start..][0..node.label.len];
            if (label.len > text.len - at) break;
            // Most labels are one byte, which is known.
            if (label.len > 1 and !std.mem.eql(u8, label, text[at..][0..label.len])) break;
            at += label.len;
            if (node.string != none) found = node.string;
            if (node.branch == none) break;
            branch = &trie.branches[node.branch];
        }
        return found;
    }
};

const Builder = struct {
    gpa: Allocator,
    bytes: []const u8,
    strings: []const PrefixTrie.String,
    nodes: std.ArrayList(PrefixTrie.Node) = .empty,
    branches: std.ArrayList(PrefixTrie.Branch) = .empty,
    pending: std.ArrayList(Pending) = .empty,

    /// Strings that share their first `depth` bytes and have more, for which a node has no branch
    /// yet.
    const Pending = struct { node: u32, start: usize, end: usize, depth: usize };

    fn addAll(builder: *Builder) error{OutOfMemory}!void {
        if (builder.strings.len == 0) return;
        try builder.addBranch(0, builder.strings.len, 0);
        while (builder.pending.pop()) |pending| {
            builder.nodes.items[pending.node].branch = @intCast(builder.branches.items.len);
            try builder.addBranch(pending.start, pending.end, pending.depth);
        }
    }

    fn addBranch(
        builder: *Builder,
        start: usize,
        end: usize,
        depth: usize,
    ) error{OutOfMemory}!void {
        const gpa = builder.gpa;
        var branch: PrefixTrie.Branch = .{
            .present = @splat(0),
            .first_node = @intCast(builder.nodes.items.len),
        };
        var from = start;
        while (from < end) {
            const first = builder.bytesOf(from);
            const byte = first[depth];
            branch.present[byte >> 6] |= @as(u64, 1) << @truncate(byte);
            var until = from + 1;
            while (until < end and builder.bytesOf(until)[depth] == byte) until += 1;
            // All between begin with what the first and the last have in common.
            const last = builder.bytesOf(until - 1);
            const shared = std.mem.findDiff(u8, first, last) orelse first.len;
            const node: u32 = @intCast(builder.nodes.items.len);
            try builder.nodes.append(gpa, .{
                .label = .{
                    .start = @intCast(builder.strings[from].start + depth),
                    .len = @intCast(shared - depth),
                },
                .string = if (first.len == shared) @intCast(from) else PrefixTrie.none,
                .branch = PrefixTrie.none,
            });
            while (from < until and builder.bytesOf(from).len == shared) from += 1;
            if (from < until) {
                try builder.pending.append(gpa, .{
                    .node = node,
                    .start = from,
                    .end = until,
                    .depth = shared,
                });
            }
            from = until;
        }
        branch.before = branch.countBefore();
        try builder.branches.append(gpa, branch);
    }

    fn bytesOf(builder: *const Builder, index: usize) []const u8 {
        const string = builder.strings[index];
        return builder.bytes[string.start..][0..string.len];
    }
};

fn buildOnce(gpa: Allocator) !void {
    const bytes = "abcabdb";
    const strings = [_]PrefixTrie.String{
        .{ .start = 0, .len = 1 }, .{ .start = 0, .len = 3 },
        .{ .start = 3, .len = 3 }, .{ .start = 6, .len = 1 },
    };
    var trie: PrefixTrie = try .init(gpa, bytes, &strings);
    defer trie.deinit(gpa);
    try std.testing.expectEqual(2, trie.longest(bytes, "abdc"));
    try std.testing.expectEqual(0, trie.longest(bytes, "abx"));
}

test "a failed allocation leaks nothing" {
    try std.testing.checkAllAllocationFailures(std.testing.allocator, buildOnce, .{});
}

test "the longest string is that of a loop over all" {
    const gpa = std.testing.allocator;
    var prng: std.Random.DefaultPrng = .init(3);
    const random = prng.random();
    for (0..60) |round| {
        const letters: u8 = if (round % 3 == 0) 1 else if (round % 3 == 1) 3 else 255;
        var bytes: [2000]u8 = undefined;
        for (&bytes) |*byte| byte.* = random.uintAtMost(u8, letters);
        const strings = try gpa.alloc(PrefixTrie.String, round * 8);
        defer gpa.free(strings);
        for (strings) |*string| string.* = .{
            .start = random.uintLessThan(u32, 1980),
            .len = random.intRangeAtMost(u32, 1, 20),
        };
        const order: struct {
            bytes: []const u8,

            fn isLess(order: @This(), a: PrefixTrie.String, b: PrefixTrie.String) bool {
                return std.mem.lessThan(
                    u8,
                    order.bytes[a.start..][0..a.len],
                    order.bytes[b.start..][0..b.len],
                );
            }
        } = .{ .bytes = &bytes };
        std.mem.sort(PrefixTrie.String, strings, order, @TypeOf(order).isLess);
        var trie: PrefixTrie = try .init(gpa, &bytes, strings);
        defer trie.deinit(gpa);
        try std.testing.expect(trie.validate(0) and trie.isWithin(bytes.len, strings.len));
        for (0..1980) |start| {
            const text = bytes[start..][0..random.uintAtMost(usize, 20)];
            var expected: ?u32 = null;
            for (strings, 0..) |string, i| {
                const known = bytes[string.start..][0..string.len];
                if (!std.mem.startsWith(u8, text, known)) continue;
                if (expected == null or strings[expected.?].len < known.len) {
                    expected = @intCast(i);
                }
            }
            try std.testing.expectEqual(expected, trie.longest(&bytes, text));
            if (text.len > 0) {
                const begins = for (strings) |string| {
                    if (bytes[string.start] == text[0]) break true;
                } else false;
                try std.testing.expectEqual(begins, trie.beginsWith(text[0]));
            }
        }
    }
}
