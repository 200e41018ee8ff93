//! How the encoding of long pieces went on, as one encoder has met it: behind a token, with given
//! 16 bytes ahead, these tokens followed.
//!
//! What is remembered is true wherever it stands: every two neighbours of it, and the token before
//! and the first, are compatible (`backtracking.zig` says why that is all there is to an encoding).
//! It may still be a way that does not go on in another text, which the search finds out as ever.
//!
//! Text that is met once is not worth it: who searches tells where it begins a stretch (`meet`),
//! and only what is met again is put in.
//!
//! Entries of a cache line each lie in a ring in the order in which they came, so that text which
//! comes again is read off one after the other; an index by hash tells where to begin. The ring is
//! as large as the longest piece needs, doubles when it is full, and ends at `bytes_max`, where new
//! entries take the place of the oldest. A look-up is one comparison, and one hash where it is not
//! the next entry.

const std = @import("std");
const huge_pages = @import("huge_pages.zig");

/// Bytes ahead that are compared, and that the tokens of an entry stand for at most.
pub const window_len = 16;
/// Tokens of one entry at most.
pub const ids_max = 10;
/// Shorter pieces are remembered whole (`piece_cache.zig`).
pub const piece_len_min = 256;

/// Memory of the entries at most; the index has an eighth of it.
pub const bytes_max = 16 << 20;

const bytes_min = 64 << 10;
/// Places of the index to an entry.
const places_an_entry = 2;
/// Bytes of a long piece that most entries stand for, at least: room is made for so many.
const bytes_an_entry = 12;
const met_bytes = 16 << 10;

pub const Window = [window_len]u8;

pub const StretchMemo = struct {
    ring: []align(page_len) Entry = &.{},
    /// Entries put into it; the next one goes there, modulo its length.
    count: usize = 0,
    /// Where in the ring the last entry of a hash is.
    index: []align(page_len) u32 = &.{},
    /// Hashes of places that have been met, each where its lowest bits say.
    met: []align(page_len) u32 = &.{},

    const page_len = std.heap.page_size_min;

    /// What stands for "no token before".
    pub const no_token = std.math.maxInt(u32);

    pub const Entry = extern struct {
        ahead: @Vector(window_len, u8),
        before: u32,
        /// Bytes that the tokens stand for; 0 in an empty entry.
        len: u16,
        count: u16,
        ids: [ids_max]u32,

        inline fn is(entry: *const Entry, before: u32, ahead: *const Window) bool {
            const window: @Vector(window_len, u8) = ahead.*;
            return @reduce(.And, entry.ahead == window) and entry.before == before and
                entry.len != 0;
        }

        comptime {
            std.debug.assert(@sizeOf(Entry) == 64);
        }
    };

    pub fn deinit(memo: *StretchMemo) void {
        huge_pages.unmap(memo.ring);
        huge_pages.unmap(memo.index);
        huge_pages.unmap(memo.met);
        memo.* = undefined;
    }

    /// Whether a search has come to this place before, or one of the same hash. If so, there is
    /// room for what a piece of `len` bytes needs, as far as there may be; without memory, it is
    /// never so.
    pub fn meet(memo: *StretchMemo, before: u32, ahead: *const Window, len: usize) bool {
        if (memo.met.len == 0) memo.met = huge_pages.map(u32, met_bytes) catch return false;
        const hash = hashOf(before, ahead);
        const met = &memo.met[@intCast(hash & (memo.met.len - 1))];
        const tag: u32 = @truncate(hash >> 32 | 1);
        if (met.* != tag) {
            met.* = tag;
            return false;
        }
        const wanted = @max(len / bytes_an_entry * @sizeOf(Entry), bytes_min);
        memo.growTo(std.math.ceilPowerOfTwoAssert(usize, @min(wanted, bytes_max)));
        return memo.ring.len > 0;
    }

    /// Where what followed `before` with this ahead is in the ring; `likely` is tried first.
    pub inline fn find(
        memo: *const StretchMemo,
        before: u32,
        ahead: *const Window,
        likely: usize,
    ) ?usize {
        if (memo.ring.len == 0) return null;
        if (memo.at(likely).is(before, ahead)) return likely;
        const found = memo.index[memo.placeOf(before, ahead)];
        return if (memo.at(found).is(before, ahead)) found else null;
    }

    /// The entry at a place of the ring, or as many turns further.
    pub inline fn at(memo: *const StretchMemo, place: usize) *const Entry {
        return &memo.ring[place & (memo.ring.len - 1)];
    }

    /// Remembers that `ids`, which stand for the first `len` bytes ahead, followed `before`. Some
    /// place must have been met again before.
    pub fn put(
        memo: *StretchMemo,
        before: u32,
        ahead: *const Window,
        ids: []const u32,
        len: usize,
    ) void {
        if (memo.count >= memo.ring.len) memo.growTo(memo.ring.len * @sizeOf(Entry) * 2);
        const place = memo.count & (memo.ring.len - 1);
        const entry = &memo.ring[place];
        entry.ahead = ahead.*;
        entry.before = before;
        entry.len = @intCast(len);
        entry.count = @intCast(ids.len);
        for (ids, entry.ids[0..ids.len]) |id, *copy| copy.* = id;
        memo.index[memo.placeOf(before, ahead)] = @intCast(place);
        memo.count += 1;
    }

    inline fn placeOf(memo: *const StretchMemo, before: u32, ahead: *const Window) usize {
        return @intCast(hashOf(before, ahead) & (memo.index.len - 1));
    }

    inline fn hashOf(before: u32, ahead: *const Window) u64 {
        const halves: [2]u64 = @bitCast(ahead.*);
        const first = halves[0] ^ 0x9E3779B97F4A7C15;
        const second = halves[1] ^ 0xC2B2AE3D27D4EB4F ^ @as(u64, before) << 32;
        const product = std.math.mulWide(u64, first, second);
        return @truncate(product ^ product >> 64);
    }

    /// Makes room, if there is not as much and may be.
    fn growTo(memo: *StretchMemo, bytes: usize) void {
        if (bytes > bytes_max or bytes <= memo.ring.len * @sizeOf(Entry)) return;
        const entries = bytes / @sizeOf(Entry);
        const ring = huge_pages.map(Entry, bytes) catch return;
        const index = huge_pages.map(u32, entries * places_an_entry * @sizeOf(u32)) catch {
            huge_pages.unmap(ring);
            return;
        };
        @memcpy(ring[0..memo.ring.len], memo.ring);
        // Without memory earlier, the ring may have turned.
        memo.count = @min(memo.count, memo.ring.len);
        huge_pages.unmap(memo.ring);
        huge_pages.unmap(memo.index);
        memo.ring = ring;
        memo.index = index;
        for (ring[0..memo.count], 0..) |*entry, place| {
            index[memo.placeOf(entry.before, &@as(Window, entry.ahead))] = @intCast(place);
        }
    }
};

test "what was put last is found, after growth too, up to a bound" {
    var memo: StretchMemo = .{};
    defer memo.deinit();
    const entries_max = bytes_max / @sizeOf(StretchMemo.Entry);
    var window: Window = @splat('a');
    try std.testing.expectEqual(null, memo.find(1, &window, 0));
    try std.testing.expect(!memo.meet(1, &window, 5000));
    try std.testing.expect(memo.meet(1, &window, 5000));
    try std.testing.expect(!memo.meet(2, &window, 5000));
    const first_len = memo.ring.len;
    for (0..entries_max + 1000) |i| {
        std.mem.writeInt(u64, window[4..12], i, .little);
        memo.put(@truncate(i % 7), &window, &.{ @intCast(i), 5 }, 1 + i % window_len);
    }
    try std.testing.expect(first_len < memo.ring.len);
    try std.testing.expectEqual(entries_max, memo.ring.len);
    var found: usize = 0;
    for (0..entries_max + 1000) |i| {
        std.mem.writeInt(u64, window[4..12], i, .little);
        try std.testing.expectEqual(null, memo.find(@truncate(i % 7 + 1), &window, i));
        // The place of the next is enough, whatever the index says.
        if (i >= 1000) try std.testing.expect(memo.find(@truncate(i % 7), &window, i) != null);
        const place = memo.find(@truncate(i % 7), &window, i + 1) orelse continue;
        const entry = memo.at(place);
        try std.testing.expect(i >= 1000);
        try std.testing.expectEqual(1 + i % window_len, entry.len);
        try std.testing.expectEqualSlices(u32, &.{ @intCast(i), 5 }, entry.ids[0..entry.count]);
        found += 1;
    }
    // Some share their place in the index with a later one.
    try std.testing.expect(found > entries_max / 4 * 3);
}
