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
//! Where tokens are short and of ASCII, as in random letters, most longest tokens are wrong and
//! every branch is a guess. There, 16 bytes at a time are merged in a vector (`short_merge.zig`),
//! and the window's tokens but for its last two are taken if the first is compatible with the one
//! before: half to three quarters of the time that going token by token takes, measured on random
//! letters, punctuation and base64. Where windows are of use in a long piece, it is encoded from
//! several places at once (`strands.zig`), which takes four fifths of the time of one window
//! after another.
//!
//! Every position is entered once at most, and at each the prefixes of the longest token there are
//! tried, so time is linear in the piece; its factors are the length of the longest token and the
//! depth of its tree. Memory is one bit for each byte of the piece, and none at all until the
//! search first goes back.

const std = @import("std");
const MergeTrees = @import("merge_trees.zig").MergeTrees;
const Pairs = @import("pairs.zig").Pairs;
const short_merge = @import("short_merge.zig");
const strands = @import("strands.zig");
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

    fn marksFor(scratch: *Scratch, gpa: Allocator, len: usize) error{OutOfMemory}![]Word {
        const needed = wordCount(len);
        if (scratch.marks.len < needed) {
            const grown = try gpa.alloc(Word, needed);
            gpa.free(scratch.marks);
            scratch.marks = grown;
        }
        return scratch.marks[0..needed];
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
    var memory: [wordCount(short_len)]Word = undefined;
    var search: Search = .{
        .pairs = pairs,
        .piece = piece,
        .ids = ids,
        .marks = if (piece.len <= short_len) &memory else try scratch.marksFor(gpa, piece.len),
    };
    if (short_merge.isPossible(pairs)) {
        if (!search.runInWindows()) return pairs.base.split(piece, ids);
    } else {
        if (!search.run(piece.len)) return pairs.base.split(piece, ids);
    }
    return search.count;
}

/// Positions from 0 to `len`.
fn wordCount(len: usize) usize {
    return len / @bitSizeOf(Word) + 1;
}

/// The tokens found so far are the encoding of the bytes up to `position`.
const Search = struct {
    pairs: *const Pairs,
    piece: []const u8,
    ids: [*]u32,
    marks: []Word,
    count: usize = 0,
    position: usize = 0,
    is_marked: bool = false,
    /// No window has given a token behind this position.
    windows_end: usize = 0,
    /// No stretch of several strands is tried before this position.
    strands_from: usize = 0,

    /// Windows with fewer tokens are slower than going on token by token.
    const window_tokens_min = 7;
    /// Tokens at the end of a window that may come out otherwise with what follows.
    const window_tokens_open = 2;
    /// Bytes gone on token by token where a window was of no use; times 4 up to the second.
    const stretch_min = 16;
    const stretch_max = 4096;
    /// Bytes gone on in other ways where strands were of no use.
    const strands_pause = 8 * strands.len_min;

    /// Encodes all of the piece: short tokens of ASCII, as in random letters, 16 bytes at a time,
    /// each window being joined to what is before it by one test. Returns false where the tables
    /// are wrong.
    fn runInWindows(search: *Search) bool {
        var stretch: usize = stretch_min;
        while (search.position < search.piece.len) {
            if (search.piece[search.position] < 0x80 and search.takeWindow()) {
                stretch = stretch_min;
                while (search.takeStrands()) {}
                continue;
            }
            if (search.position == search.piece.len) return true;
            if (!search.run(@min(search.position + stretch, search.piece.len))) return false;
            stretch = @min(4 * stretch, stretch_max);
        }
        return true;
    }

    /// Takes the tokens of the next 16 bytes, but for the last ones, and returns whether there were
    /// any to take, and many.
    fn takeWindow(search: *Search) bool {
        const rest = search.piece[search.position..];
        const window = rest[0..@min(rest.len, short_merge.symbols_max)];
        var ids: [short_merge.symbols_max]u32 = undefined;
        const starts = short_merge.encodeApart(search.pairs, window, &ids);
        const count = @popCount(starts);
        const open: usize = if (window.len == rest.len) 0 else window_tokens_open;
        if (count <= open) return false;
        const trees = &search.pairs.trees;
        // Never so but in tables from a file that was made to be wrong.
        if (trees.lengthOf(ids[0]) == 0) return false;
        if (search.count > 0 and !search.isCompatible(ids[0])) return false;
        var left = starts;
        var start: usize = 0;
        for (0..count - open) |_| {
            const id = ids[start];
            left &= left - 1;
            const end = if (left == 0) window.len else @ctz(left);
            // As above.
            if (!trees.isReachableWith(id, end - start)) return false;
            search.ids[search.count] = id;
            search.count += 1;
            search.position += end - start;
            start = end;
        }
        search.windows_end = search.position;
        return count >= window_tokens_min;
    }

    /// Takes the tokens of a stretch that is encoded from several places at once, and returns
    /// whether there is one and its tokens are many.
    fn takeStrands(search: *Search) bool {
        const rest = search.piece[search.position..];
        if (search.position < search.strands_from or rest.len < strands.len_min) return false;
        if (!strands.isPossible(search.pairs)) return false;
        const before = if (search.count > 0) search.ids[search.count - 1] else null;
        const found = strands.encode(search.pairs, rest, before, search.ids + search.count);
        search.count += found.count;
        search.position += found.len;
        if (found.count > 0) search.windows_end = search.position;
        // Where strands do not join, most of their work was for nothing.
        if (found.len * 2 < strands.len_min) {
            search.strands_from = search.position + strands_pause;
            return false;
        }
        return found.count * short_merge.symbols_max >= found.len * window_tokens_min;
    }

    inline fn isCompatible(search: *const Search, id: u32) bool {
        return search.pairs.compatible(search.ids[search.count - 1], id);
    }

    /// Goes on token by token up to `end` or a little behind it. Returns false where the tables are
    /// wrong.
    fn run(search: *Search, end: usize) bool {
        const pairs = search.pairs;
        const piece = search.piece;
        const ids = search.ids;
        var count = search.count;
        var position = search.position;
        var candidate = pairs.trie.longest(piece[position..]);
        while (true) {
            // Never so but in tables from a file that was made to be wrong.
            if (!pairs.trees.isReachableWith(candidate.id, candidate.len)) return false;
            const behind = position + candidate.len;
            if (!(search.is_marked and isMarked(search.marks, behind)) and
                (count == 0 or pairs.compatible(ids[count - 1], candidate.id)))
            {
                ids[count] = candidate.id;
                count += 1;
                position = behind;
                if (position >= end) break;
                candidate = pairs.trie.longest(piece[position..]);
                continue;
            }
            const shorter = pairs.trees.shorterThan(candidate.id);
            if (shorter != MergeTrees.no_token) {
                candidate = .{ .id = shorter, .len = pairs.trees.lengthOf(shorter) };
                continue;
            }
            search.mark(position);
            // As above.
            if (count == 0) return false;
            count -= 1;
            candidate = .{ .id = ids[count], .len = pairs.trees.lengthOf(ids[count]) };
            position -= candidate.len;
            // Longer tokens have been tried before this one, unless a window gave it.
            if (position < search.windows_end) candidate = pairs.trie.longest(piece[position..]);
        }
        search.count = count;
        search.position = position;
        return true;
    }

    /// Keeps a position from being entered again.
    fn mark(search: *Search, position: usize) void {
        if (!search.is_marked) {
            @memset(search.marks[0..wordCount(search.piece.len)], 0);
            search.is_marked = true;
        }
        const bit = @as(Word, 1) << @intCast(position % @bitSizeOf(Word));
        search.marks[position / @bitSizeOf(Word)] |= bit;
    }
};

inline fn isMarked(marks: []const Word, position: usize) bool {
    return marks[position / @bitSizeOf(Word)] >> @intCast(position % @bitSizeOf(Word)) & 1 != 0;
}
