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
//! A piece that is too long to be remembered whole is remembered in stretches (`stretch_memo.zig`):
//! what came behind a token, with 16 bytes ahead, is looked up at the next such place. Where the
//! text repeats, in itself or from call to call, a look-up takes the place of a search for some ten
//! bytes. What is met for the first time costs nothing but a note of where some stretches began.
//!
//! Every position is entered once at most, or twice by what is remembered, which begins in the last
//! few bytes that the search has come to; at each the prefixes of the longest token there are
//! tried. So time is linear in the piece; its factors are the length of the longest token and the
//! depth of its tree. Memory is one bit for each byte of the piece, none at all until the search
//! first goes back, and what is remembered, which has a bound.

const std = @import("std");
const MergeTrees = @import("merge_trees.zig").MergeTrees;
const Pairs = @import("pairs.zig").Pairs;
const short_merge = @import("short_merge.zig");
const stretch_memo = @import("stretch_memo.zig");
const StretchMemo = stretch_memo.StretchMemo;
const strands = @import("strands.zig");
const Allocator = std.mem.Allocator;

/// Bytes of a piece whose positions are marked on the stack.
const short_len = 16 << 10;

const Word = u64;

/// Marks for longer pieces, and what came of them; kept from piece to piece of one vocabulary.
pub const Scratch = struct {
    marks: []Word = &.{},
    memo: StretchMemo = .{},

    pub fn deinit(scratch: *Scratch, gpa: Allocator) void {
        gpa.free(scratch.marks);
        scratch.memo.deinit();
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
    const is_done = if (piece.len < stretch_memo.piece_len_min)
        search.advance(piece.len)
    else
        search.runRemembering(&scratch.memo);
    return if (is_done) search.count else pairs.base.split(piece, ids);
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
    /// Bytes gone on token by token before a window is tried again.
    pause: usize = pause_min,
    /// The tokens of which nothing is to be remembered any more, and where they end.
    remembered: Place = .{},

    /// Windows with fewer tokens are slower than going on token by token.
    const window_tokens_min = 7;
    /// Tokens at the end of a window that may come out otherwise with what follows.
    const window_tokens_open = 2;
    /// Bytes gone on token by token where a window was of no use; times 4 up to the second.
    const pause_min = 16;
    const pause_max = 4096;
    /// Bytes gone on where nothing is remembered; times 4 up to the second, in which there is room
    /// for several strands.
    const stretch_min = stretch_memo.window_len + open_len + 16;
    const stretch_max = 8192;
    /// Bytes at the end of what has been found whose tokens may be given up, more often than not.
    const open_len = 16;
    /// Bytes gone on in other ways where strands were of no use.
    const strands_pause = 8 * strands.len_min;

    const Place = struct { count: usize = 0, position: usize = 0 };
    const Stretch = struct { count: usize = 0, len: usize = 0 };

    /// Encodes all of the piece, by what is remembered where something is; once a part of the piece
    /// has been met before, what follows is remembered. Returns false where the tables are wrong.
    fn runRemembering(search: *Search, memo: *StretchMemo) bool {
        var stretch: usize = stretch_min;
        var is_met = false;
        while (true) {
            if (search.recall(memo)) {
                is_met = true;
                stretch = stretch_min;
            }
            const here: Place = .{ .count = search.count, .position = search.position };
            if (here.position == search.piece.len) return true;
            if (!is_met and here.position + stretch_memo.window_len <= search.piece.len) {
                const before = search.tokenBefore(here.count);
                is_met = memo.meet(before, search.ahead(here), search.piece.len);
            }
            if (!search.advance(@min(here.position + stretch, search.piece.len))) return false;
            stretch = @min(4 * stretch, stretch_max);
            if (!is_met) {
                search.remembered = .{ .count = search.count, .position = search.position };
                continue;
            }
            const is_end = search.position == search.piece.len;
            search.remember(memo, if (is_end) search.position else search.position -| open_len);
        }
    }

    /// Remembers the tokens found since, up to `end`. The places are the same every time that a
    /// piece is encoded, so that they are found again.
    fn remember(search: *Search, memo: *StretchMemo, end: usize) void {
        while (search.remembered.position + stretch_memo.window_len <= end) {
            const from = search.remembered;
            const stretch = search.stretchAt(from);
            search.remembered.count += stretch.count;
            search.remembered.position += stretch.len;
            // One token that is longer.
            if (stretch.len > stretch_memo.window_len) continue;
            const ids = search.ids[from.count..][0..stretch.count];
            memo.put(search.tokenBefore(from.count), search.ahead(from), ids, stretch.len);
        }
    }

    /// The tokens that one entry may have, of those found; at least one.
    inline fn stretchAt(search: *const Search, from: Place) Stretch {
        const count_max = @min(search.count - from.count, stretch_memo.ids_max);
        var stretch: Stretch = .{};
        while (stretch.count < count_max) {
            const len = search.pairs.trees.lengthOf(search.ids[from.count + stretch.count]);
            if (stretch.count > 0 and stretch.len + len > stretch_memo.window_len) break;
            stretch.len += len;
            stretch.count += 1;
        }
        return stretch;
    }

    /// Goes on from there by what is remembered, and returns whether that is anything.
    fn recall(search: *Search, memo: *const StretchMemo) bool {
        var place = search.remembered;
        var next: usize = 0;
        while (place.position + stretch_memo.window_len <= search.piece.len) {
            const before = search.tokenBefore(place.count);
            const found = memo.find(before, search.ahead(place), next) orelse break;
            const entry = memo.at(found);
            next = found + 1;
            // There is room: so many ids are fewer than the bytes ahead.
            search.ids[place.count..][0..stretch_memo.ids_max].* = entry.ids;
            place.count += entry.count;
            place.position += entry.len;
        }
        if (place.position == search.remembered.position) return false;
        search.count = place.count;
        search.position = place.position;
        search.windows_end = place.position;
        search.remembered = place;
        return true;
    }

    inline fn ahead(search: *const Search, place: Place) *const stretch_memo.Window {
        return search.piece[place.position..][0..stretch_memo.window_len];
    }

    inline fn tokenBefore(search: *const Search, count: usize) u32 {
        return if (count > 0) search.ids[count - 1] else StretchMemo.no_token;
    }

    /// Goes on up to `end` or a little behind it: short tokens of ASCII, as in random letters, 16
    /// bytes at a time, each window being joined to what is before it by one test. Returns false
    /// where the tables are wrong.
    fn advance(search: *Search, end: usize) bool {
        if (!short_merge.isPossible(search.pairs)) return search.run(end);
        const is_long = end - search.position >= strands.len_min;
        while (search.position < end) {
            if (search.piece[search.position] < 0x80 and search.takeWindow()) {
                search.pause = pause_min;
                while (is_long and search.position < end and search.takeStrands()) {}
                continue;
            }
            if (search.position == search.piece.len) return true;
            if (!search.run(@min(search.position + search.pause, end))) return false;
            search.pause = @min(4 * search.pause, pause_max);
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
        // The tokens of which something is remembered may be given up.
        var count_min = count;
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
            count_min = @min(count_min, count);
            candidate = .{ .id = ids[count], .len = pairs.trees.lengthOf(ids[count]) };
            position -= candidate.len;
            // Longer tokens have been tried before this one, unless a window gave it.
            if (position < search.windows_end) candidate = pairs.trie.longest(piece[position..]);
        }
        search.count = count;
        search.position = position;
        if (count_min < search.remembered.count) {
            search.remembered = .{ .count = count, .position = position };
        }
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
