//! Pieces and their ids, as one encoder has met them: most pieces of most texts end here, and none that comes
//! again soon is merged again.
//!
//! A cache belongs to one encoder. It is a table of 32-byte entries with linear probing. A piece of up to 15
//! bytes is its own key: its bytes, and its length as the sixteenth, so that one comparison decides. Up to 3
//! ids lie beside the key and are written by one move, whatever their number. The ids of a piece that has more,
//! and the bytes of a longer piece (up to 255, whose key is a hash), lie in a log, one behind the other.
//! The caller makes the keys of many pieces first, which sets each one's entry on its way, and looks them up
//! then.
//!
//! Table and log start small and double, up to `table_bytes_max` and `log_bytes_max`: where no piece ever
//! repeats, memory ends there, and learning costs a few stores a piece. A full table replaces one of the few
//! entries in which a piece may lie; a full log is emptied, and the table with it.

const std = @import("std");
const huge_pages = @import("huge_pages.zig");
const piece_key = @import("pretokenizer/kernels/piece_key.zig");
const window = @import("pretokenizer/kernels/window.zig");
const Key = piece_key.Key;

/// Longest piece whose key is its bytes.
pub const short_len_max = piece_key.short_len_max;
/// Longest piece that is remembered.
pub const long_len_max = 255;
/// Ids that may be written behind those of a piece.
pub const slack = 16;
/// Pieces looked up together at most.
pub const batch_len = 256;

/// Memory of one cache at most.
pub const table_bytes_max = 32 << 20;
pub const log_bytes_max = 32 << 20;

const table_bytes_min = 64 << 10;
/// A smaller table is a quarter full at most, not half: where few pieces come in any order, as numbers do,
/// no guess tells which of them are not in the entry that their hash names.
const roomy_bytes_max = 1 << 20;
const log_bytes_min = 64 << 10;

/// A piece of a text.
pub const Span = window.Span;

/// The keys of a batch of pieces.
pub const Keys = struct {
    keys: [batch_len]Key align(64),
    /// The search for a piece begins at the entry that the lowest bits name.
    hashes: [batch_len]u32,
    /// Pieces whose keys are not made with the others.
    left: [batch_len]u16,
};

/// How far `copyKnown` came: the first piece that it does not know, and how many ids the others have.
pub const Copied = struct { index: usize, id_count: usize };

pub const PieceCache = struct {
    entries: []align(page_len) Entry,
    /// Entries in use; all of them once the table is as large as it may be.
    used: usize = 0,
    /// Turns with every replaced entry.
    replaced: usize = 0,
    /// Turns with every entry that is not found at its home.
    displaced: usize = 0,
    /// Ids, and bytes of longer pieces.
    log: []align(page_len) u32,
    log_len: usize = 0,

    const page_len = std.heap.page_size_min;
    const map = huge_pages.map;
    const unmap = huge_pages.unmap;

    pub fn init() error{OutOfMemory}!PieceCache {
        const entries = try map(Entry, table_bytes_min);
        errdefer unmap(entries);
        return .{ .entries = entries, .log = try map(u32, log_bytes_min) };
    }

    pub fn deinit(cache: *PieceCache) void {
        unmap(cache.entries);
        unmap(cache.log);
        cache.* = undefined;
    }

    pub fn memoryBytes(cache: *const PieceCache) usize {
        return std.mem.sliceAsBytes(cache.entries).len + std.mem.sliceAsBytes(cache.log).len;
    }

    /// Makes the keys of `spans`, at most `batch_len` pieces of `text`, none of them empty.
    pub inline fn makeKeys(
        cache: *const PieceCache,
        text: []const u8,
        spans: []const Span,
        keys: *Keys,
    ) void {
        const left_count = cache.makeShort(text, spans, keys);
        if (left_count == 0) return;
        cache.makeLeft(text, spans, left_count, keys);
        cache.fetchLogged(spans, keys.left[0..left_count], keys);
    }

    /// Makes those of short pieces, and returns how many are left.
    pub inline fn makeShort(
        cache: *const PieceCache,
        text: []const u8,
        spans: []const Span,
        keys: *Keys,
    ) usize {
        var left_count: usize = 0;
        for (spans, 0..) |span, i| {
            const len = span.end - span.start;
            if (len > short_len_max) {
                @branchHint(.unlikely);
                keys.left[left_count] = @intCast(i);
                left_count += 1;
                continue;
            }
            const key = shortKey(text, span.start, len);
            const hash = piece_key.hash(key);
            keys.keys[i] = key;
            keys.hashes[i] = hash;
            @prefetch(cache.home(hash), .{});
        }
        return left_count;
    }

    /// Where a pre-tokenizer puts the keys that it makes itself.
    pub fn keyed(cache: *const PieceCache, keys: *Keys) window.Keyed {
        return .{
            .keys = &keys.keys,
            .hashes = &keys.hashes,
            .entries = @ptrCast(cache.entries.ptr),
            .entry_mask = cache.entries.len - 1,
            .left = &keys.left,
        };
    }

    /// Makes the keys that the first `left_count` of `keys.left` name.
    pub noinline fn makeLeft(
        cache: *const PieceCache,
        text: []const u8,
        spans: []const Span,
        left_count: usize,
        keys: *Keys,
    ) void {
        for (keys.left[0..left_count]) |i| {
            const span = spans[i];
            const len = span.end - span.start;
            const key = if (len <= short_len_max)
                shortKey(text, span.start, len)
            else if (len <= long_len_max)
                longKey(text[span.start..span.end])
            else
                no_key;
            keys.keys[i] = key;
            keys.hashes[i] = piece_key.hash(key);
            @prefetch(cache.home(keys.hashes[i]), .{});
        }
    }

    /// Fetches what the log has of the longer ones of the pieces `left`, whose entries are on their way since their
    /// keys were made.
    pub noinline fn fetchLogged(
        cache: *const PieceCache,
        spans: []const Span,
        left: []const u16,
        keys: *const Keys,
    ) void {
        for (left) |i| {
            if (spans[i].end - spans[i].start <= short_len_max) continue;
            const entry = cache.home(keys.hashes[i]);
            if (!entry.is(keys.keys[i])) continue;
            const record = cache.log.ptr + entry.ids[0];
            @prefetch(record, .{});
            @prefetch(record + 16, .{});
        }
    }

    /// The entry at which the search for a hash begins.
    inline fn home(cache: *const PieceCache, hash: u32) *const Entry {
        return &cache.entries[hash & (cache.entries.len - 1)];
    }

    /// Writes the ids of the pieces from `from` on to `ids`, one behind the other, up to the first piece that
    /// is not known. Up to `slack` ids are written behind them.
    pub inline fn copyKnown(
        cache: *PieceCache,
        text: []const u8,
        spans: []const Span,
        keys: *const Keys,
        from: usize,
        ids: [*]u32,
    ) Copied {
        const entries = cache.entries;
        const mask = entries.len - 1;
        var id_count: usize = 0;
        var i = from;
        while (i < spans.len) : (i += 1) {
            var entry: *const Entry = &entries[keys.hashes[i] & mask];
            if (!entry.is(keys.keys[i])) {
                @branchHint(.unlikely);
                entry = cache.bringHome(keys.keys[i], keys.hashes[i]) orelse break;
            }
            ids[id_count..][0..4].* = entry.ids;
            const count = entry.ids[count_index];
            if (count <= narrow_count_max) {
                @branchHint(.likely);
                id_count += count;
                continue;
            }
            const copied = cache.copyLogged(entry, text[spans[i].start..spans[i].end], ids + id_count);
            if (copied == 0) break;
            id_count += copied;
        }
        return .{ .index = i, .id_count = id_count };
    }

    /// Whether the piece is there.
    pub inline fn has(cache: *const PieceCache, keys: *const Keys, i: usize) bool {
        return cache.home(keys.hashes[i]).is(keys.keys[i]) or cache.search(keys.keys[i], keys.hashes[i]) != null;
    }

    /// Finds an entry that is not at its home and changes places with the one there, if that may lie in its
    /// place. So the piece that was met last is found at once: most often the one that is met more often.
    noinline fn bringHome(cache: *PieceCache, key: Key, hash: u32) ?*const Entry {
        const mask = cache.entries.len - 1;
        for (0..window_len) |step| {
            const place = (hash + step) & mask;
            const entry = &cache.entries[place];
            if (entry.ids[count_index] == 0) return null;
            if (!entry.is(key)) continue;
            cache.displaced +%= 1;
            if (cache.displaced % 16 != 0) return entry;
            const at_home = &cache.entries[hash & mask];
            if ((place -% piece_key.hash(at_home.key)) & mask >= window_len) return entry;
            std.mem.swap(Entry, entry, at_home);
            return at_home;
        }
        return null;
    }

    noinline fn search(cache: *const PieceCache, key: Key, hash: u32) ?*const Entry {
        for (0..window_len) |step| {
            const entry = &cache.entries[(hash + step) & (cache.entries.len - 1)];
            if (entry.is(key)) return entry;
            if (entry.ids[count_index] == 0) return null;
        }
        return null;
    }

    /// The ids that the log has; none if they are those of another piece of the same hash.
    inline fn copyLogged(cache: *const PieceCache, entry: *const Entry, piece: []const u8, ids: [*]u32) usize {
        const record = cache.log[entry.ids[0]..];
        const count = entry.ids[count_index] & ~logged;
        if (piece.len <= short_len_max) {
            ids[0..slack].* = record[0..slack].*;
            return count;
        }
        return copyLong(record, count, piece, ids);
    }

    noinline fn copyLong(record: []const u32, count: usize, piece: []const u8, ids: [*]u32) usize {
        const bytes = std.mem.sliceAsBytes(record[count..]);
        if (!std.mem.eql(u8, bytes[0..piece.len], piece)) return 0;
        var at: usize = 0;
        while (at < count) : (at += 8) ids[at..][0..8].* = record[at..][0..8].*;
        return count;
    }

    /// Remembers the ids of the piece whose key is the one at `i`, which has not been found; unless it is too
    /// long, or has no id.
    pub fn put(cache: *PieceCache, keys: *const Keys, i: usize, piece: []const u8, ids: []const u32) void {
        if (ids.len == 0 or piece.len > long_len_max) return;
        const is_short = piece.len <= short_len_max;
        var entry: Entry = .{ .key = keys.keys[i], .ids = @splat(0) };
        if (is_short and ids.len <= narrow_count_max) {
            @memcpy(entry.ids[0..ids.len], ids);
        } else {
            entry.ids[0] = cache.append(if (is_short) "" else piece, ids);
            entry.ids[count_index] = logged;
        }
        entry.ids[count_index] |= @as(u32, @intCast(ids.len));
        const is_small = cache.entries.len * @sizeOf(Entry) < roomy_bytes_max;
        if (cache.used > cache.entries.len / @as(usize, if (is_small) 4 else 2)) cache.grow();
        cache.insert(entry, keys.hashes[i]);
    }

    /// Puts an entry where the search for it finds it, and in place of another where there is no room.
    fn insert(cache: *PieceCache, entry: Entry, hash: u32) void {
        const mask = cache.entries.len - 1;
        for (0..window_len) |step| {
            const place = &cache.entries[(hash + step) & mask];
            // The same key again is that of another piece of the same hash.
            const is_empty = place.ids[count_index] == 0;
            if (!is_empty and !place.is(entry.key)) continue;
            cache.used += @intFromBool(is_empty);
            place.* = entry;
            return;
        }
        cache.replaced +%= 1;
        cache.entries[(hash + cache.replaced % window_len) & mask] = entry;
    }

    /// Doubles the table; keeps it as it is where it may not grow.
    fn grow(cache: *PieceCache) void {
        const bytes = cache.entries.len * @sizeOf(Entry);
        if (bytes >= table_bytes_max) return;
        const old = cache.entries;
        cache.entries = map(Entry, bytes * 2) catch return;
        cache.used = 0;
        // From front to back, both tables are gone through in step: what is done with is given back, so
        // that never both take all of their memory.
        var rest: []align(page_len) Entry = old;
        while (rest.len > 0) {
            const part = rest[0..@min(rest.len, huge_pages.len / @sizeOf(Entry))];
            for (part) |entry| {
                if (entry.ids[count_index] != 0) cache.insert(entry, piece_key.hash(entry.key));
            }
            huge_pages.forget(std.mem.sliceAsBytes(part));
            rest = @alignCast(rest[part.len..]);
        }
        unmap(old);
    }

    /// Puts ids and bytes into the log and returns where.
    fn append(cache: *PieceCache, bytes: []const u8, ids: []const u32) u32 {
        const len = ids.len + (bytes.len + 3) / 4;
        // What is read in steps may reach behind the last record.
        if (cache.log_len + len + slack > cache.log.len) cache.makeRoom();
        const at = cache.log_len;
        const record = cache.log[at..][0..len];
        @memcpy(record[0..ids.len], ids);
        @memcpy(std.mem.sliceAsBytes(record[ids.len..])[0..bytes.len], bytes);
        cache.log_len += len;
        return @intCast(at);
    }

    /// Doubles the log, or, where it may not grow, empties it.
    fn makeRoom(cache: *PieceCache) void {
        const bytes = cache.log.len * 4;
        if (bytes < log_bytes_max) grown: {
            const log = map(u32, bytes * 2) catch break :grown;
            @memcpy(log[0..cache.log_len], cache.log[0..cache.log_len]);
            unmap(cache.log);
            cache.log = log;
            return;
        }
        @memset(cache.entries, std.mem.zeroes(Entry));
        cache.used = 0;
        cache.log_len = 0;
    }
};

/// Entries in which a piece may lie: the one that its hash names, and those behind it.
const window_len = 8;
const narrow_count_max = 3;
/// Where among the ids their number stands; 0 in an empty entry.
const count_index = 3;
/// Set in their number where they are in the log.
const logged: u32 = 256;

const Entry = extern struct {
    key: Key,
    /// The ids; of more than 3, and of a longer piece, the first one is their place in the log.
    ids: [4]u32,

    inline fn is(entry: *const Entry, key: Key) bool {
        return @reduce(.And, entry.key == key);
    }

    comptime {
        std.debug.assert(@sizeOf(Entry) == window.Keyed.entry_len);
        std.debug.assert(short_len_max < slack);
    }
};

/// The key of a piece that is never remembered, and of no other.
const no_key: Key = @splat(0xFF);

/// The key of `len` bytes (1 to 15) from `start` on. Sixteen bytes are read at once where the text has them.
inline fn shortKey(text: []const u8, start: usize, len: usize) Key {
    if (start + piece_key.len <= text.len) {
        @branchHint(.likely);
        return piece_key.of(text[start..][0..piece_key.len], len);
    }
    var padded: [piece_key.len]u8 = @splat(0);
    @memcpy(padded[0..len], text[start..][0..len]);
    return piece_key.of(&padded, len);
}

/// The hash and the length of a piece of 16 to 255 bytes.
fn longKey(piece: []const u8) Key {
    var hash: u64 = piece.len;
    var at: usize = 0;
    while (at + 16 < piece.len) : (at += 16) hash = mix(hash, piece[at..][0..16].*);
    hash = mix(hash, piece[piece.len - 16 ..][0..16].*);
    return @bitCast([2]u64{ std.mem.nativeToLittle(u64, hash), 0xFE << 56 | piece.len });
}

inline fn mix(hash: u64, bytes: Key) u64 {
    const words: [2]u64 = @bitCast(bytes);
    return piece_key.fold(words[0] ^ hash ^ 0x9e3779b97f4a7c15, words[1] ^ 0xd1b54a32d192ed03) +% hash;
}

/// The ids that the test's pieces have: a function of the piece, as the merge engine's are.
fn expectedIds(piece: []const u8, ids: []u32) []u32 {
    const seed = std.hash.Wyhash.hash(0, piece);
    const count = 1 + seed % @min(ids.len, piece.len);
    for (ids[0..count], 0..) |*id, i| id.* = @truncate(seed >> @intCast(i % 32));
    return ids[0..count];
}

test "gives back what was put or nothing, wherever the piece lies, and stays within its bounds" {
    var cache: PieceCache = try .init();
    defer cache.deinit();
    var prng: std.Random.DefaultPrng = .init(21);
    const random = prng.random();
    var found: usize = 0;
    var text: [320]u8 = undefined;
    var wanted_buffer: [255]u32 = undefined;
    var got: [256 + slack]u32 = undefined;
    var keys: Keys = undefined;
    for (0..600_000) |i| {
        const limit: usize = if (i % 4 == 0) long_len_max + 3 else short_len_max;
        const len = random.intRangeAtMost(usize, 1, limit);
        const start = random.uintAtMost(usize, 40);
        // Few pieces, some met again and again; with random bytes, none met again.
        const alike = random.uintLessThan(u8, 3);
        random.bytes(&text);
        if (alike > 0) {
            const seed = random.uintLessThan(u64, 20_000) * 1000 + len;
            var own: std.Random.DefaultPrng = .init(seed);
            own.random().bytes(text[start..][0..len]);
        }
        const used = text[0..random.intRangeAtMost(usize, start + len, text.len)];
        const piece = used[start..][0..len];
        const wanted = expectedIds(piece, &wanted_buffer);
        const spans = [_]Span{.{ .start = start, .end = start + len }};
        cache.makeKeys(used, &spans, &keys);
        const copied = cache.copyKnown(used, &spans, &keys, 0, &got);
        if (copied.index == 1) {
            found += 1;
            try std.testing.expectEqualSlices(u32, wanted, got[0..copied.id_count]);
            try std.testing.expect(len <= long_len_max);
        } else {
            try std.testing.expectEqual(0, copied.id_count);
            cache.put(&keys, 0, piece, wanted);
        }
    }
    try std.testing.expect(found > 30_000);
    try std.testing.expect(cache.entries.len * @sizeOf(Entry) > table_bytes_min);
    try std.testing.expect(cache.log.len * 4 > log_bytes_min);
    try std.testing.expect(cache.memoryBytes() <= table_bytes_max + log_bytes_max);
}
