//! The encoding of a piece from left to right: the longest token at each position that is
//! compatible with the one before, the next shorter one where it is not, and one token back where
//! none is left.
//!
//! A sequence of tokens is the encoding of its bytes if and only if every two neighbours are the
//! encoding of theirs: what happens inside a token and across a boundary competes, until the first
//! merge across a boundary, with the merges inside the two tokens that meet there and with nothing
//! else, and leftmost among equal ranks means the same in the whole and in the part. So it is
//! enough to find a sequence of reachable tokens whose neighbours are all compatible; there is
//! exactly one. For the same reason the tokens up to a position do not depend on how it was
//! reached, and a position from which the search came back is never entered again.
//!
//! Every position is entered once at most, and at each the prefixes of the longest token there are
//! tried, so time is linear in the piece; its factors are the length of the longest token and the
//! depth of its tree. Memory is one bit for each byte of the piece, and none at all until the
//! search first goes back.

const std = @import("std");
const MergeTrees = @import("merge_trees.zig").MergeTrees;
const Pairs = @import("pairs.zig").Pairs;
const Allocator = std.mem.Allocator;

/// Bytes of a piece whose positions are marked on the stack.
const short_len = 16 << 10;

const Word = u64;

/// Marks for longer pieces; kept from piece to piece.
pub const Scratch = struct {
    marks: []Word = &.{},

    pub fn deinit(scratch: *Scratch, gpa: Allocator) void {
        gpa.free(scratch.marks);
        scratch.* = undefined;
    }
};

/// Encodes `piece` into `ids`, which must have room for as many ids as the piece has bytes, and
/// returns how many there are. Allocates only for a piece of more than 16 KiB. The index must be
/// there, and every base symbol in the piece known.
pub fn encode(
    pairs: *const Pairs,
    gpa: Allocator,
    scratch: *Scratch,
    piece: []const u8,
    ids: [*]u32,
) error{OutOfMemory}!usize {
    if (piece.len == 0) return 0;
    if (piece.len <= short_len) {
        var marks: [wordCount(short_len)]Word = undefined;
        return search(pairs, &marks, piece, ids);
    }
    const needed = wordCount(piece.len);
    if (scratch.marks.len < needed) {
        const grown = try gpa.alloc(Word, needed);
        gpa.free(scratch.marks);
        scratch.marks = grown;
    }
    return search(pairs, scratch.marks[0..needed], piece, ids);
}

/// Positions from 0 to `len`.
fn wordCount(len: usize) usize {
    return len / @bitSizeOf(Word) + 1;
}

fn search(pairs: *const Pairs, marks: []Word, piece: []const u8, ids: [*]u32) usize {
    const trees = &pairs.trees;
    var count: usize = 0;
    var position: usize = 0;
    var is_marked = false;
    var candidate = pairs.trie.longest(piece);
    while (true) {
        // Never so but in tables from a file that was made to be wrong.
        if (!trees.isReachableWith(candidate.id, candidate.len)) return pairs.base.split(piece, ids);

        const end = position + candidate.len;
        if (!(is_marked and isMarked(marks, end)) and
            (count == 0 or pairs.compatible(ids[count - 1], candidate.id)))
        {
            ids[count] = candidate.id;
            count += 1;
            position = end;
            if (position == piece.len) return count;
            candidate = pairs.trie.longest(piece[position..]);
            continue;
        }
        const shorter = trees.shorterThan(candidate.id);
        if (shorter != MergeTrees.no_token) {
            candidate = .{ .id = shorter, .len = trees.lengthOf(shorter) };
            continue;
        }
        if (!is_marked) {
            @memset(marks[0..wordCount(piece.len)], 0);
            is_marked = true;
        }
        marks[position / @bitSizeOf(Word)] |= @as(Word, 1) << @intCast(position % @bitSizeOf(Word));
        // As above.
        if (count == 0) return pairs.base.split(piece, ids);
        count -= 1;
        candidate = .{ .id = ids[count], .len = trees.lengthOf(ids[count]) };
        position -= candidate.len;
    }
}

inline fn isMarked(marks: []const Word, position: usize) bool {
    return marks[position / @bitSizeOf(Word)] >> @intCast(position % @bitSizeOf(Word)) & 1 != 0;
}
