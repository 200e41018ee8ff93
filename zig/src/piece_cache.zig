//! Pieces and their ids, as one encoder has met them: most pieces of most texts end here, and none that comes
//! again is merged again.
//!
//! A cache belongs to one encoder. Pieces of up to 16 bytes are two machine words and lie in buckets of one
//! cache line: two pieces of up to 3 ids, or one of up to 11. Longer pieces, up to 255 bytes, lie one
//! behind the other in a log that slots point into. A look-up is the search of two buckets or of four slots; the caller makes
//! the keys of many pieces first, which sets the memory of each on its way, and looks them up then.
//!
//! Both parts start small and double when what they hold has been replaced often enough, up to
//! `short_bytes_max` and `long_bytes_max`: where no piece ever repeats, memory ends there, and learning
//! costs a few stores a piece. A full log is emptied.

const std = @import("std");
const huge_pages = @import("huge_pages.zig");

/// Longest piece whose key is its bytes.
pub const short_len_max = 16;
/// Longest piece that is remembered.
pub const long_len_max = 255;
/// Ids that may be written behind those of a piece.
pub const slack = 12;

/// Memory of one cache at most.
pub const short_bytes_max = 16 << 20;
pub const long_bytes_max = 40 << 20;

const short_bytes_min = 64 << 10;
const log_bytes_min = 64 << 10;
/// Bytes of the log for each set of slots.
const bytes_a_set = 128;

/// A piece to look up. Of 1 to 16 bytes: its bytes, zero-padded, as two little-endian words; longer: its
/// bytes are where they were, and `low` is their hash.
pub const Key = struct {
    low: u64,
    high: u64,
    len: u32,
    /// The bucket, or the slot.
    place: u32,
};

pub const PieceCache = struct {
    buckets: []align(page_len) Bucket,
    /// Pieces put since the buckets were last doubled.
    put_count: usize = 0,
    slot_sets: []align(page_len) SlotSet,
    log: []align(page_len) u8,
    log_len: usize = 0,

    const page_len = std.heap.page_size_min;
    const page: std.mem.Alignment = .fromByteUnits(page_len);
    const huge_page: std.mem.Alignment = .fromByteUnits(huge_pages.len);

    pub fn init() error{OutOfMemory}!PieceCache {
        const buckets = try map(Bucket, short_bytes_min / @sizeOf(Bucket));
        errdefer unmap(buckets);
        const slot_sets = try map(SlotSet, log_bytes_min / bytes_a_set);
        errdefer unmap(slot_sets);
        return .{
            .buckets = buckets,
            .slot_sets = slot_sets,
            .log = try map(u8, log_bytes_min),
        };
    }

    pub fn deinit(cache: *PieceCache) void {
        unmap(cache.buckets);
        unmap(cache.slot_sets);
        unmap(cache.log);
        cache.* = undefined;
    }

    pub fn memoryBytes(cache: *const PieceCache) usize {
        return cache.buckets.len * @sizeOf(Bucket) + cache.slot_sets.len * @sizeOf(SlotSet) + cache.log.len;
    }

    /// Writes the key of the piece `text[start..end]`, of 1 to 255 bytes.
    pub inline fn makeKey(
        cache: *const PieceCache,
        text: []const u8,
        start: usize,
        end: usize,
        key: *Key,
    ) void {
        const len = end - start;
        if (len > short_len_max) return cache.makeLongKey(text[start..end], key);
        const words = loadWords(text, start, len);
        key.low = words[0];
        key.high = words[1];
        key.len = @intCast(len);
        key.place = @truncate(hashWords(words, len) & (cache.buckets.len - 1));
        @prefetch(&cache.buckets[key.place], .{});
    }

    noinline fn makeLongKey(cache: *const PieceCache, piece: []const u8, key: *Key) void {
        const hash = hashLong(piece);
        key.low = hash;
        key.len = @intCast(piece.len);
        key.place = @truncate(hash & (cache.slot_sets.len - 1));
        @prefetch(&cache.slot_sets[key.place], .{});
    }

    /// Sets the record of a longer piece on its way, once its slots are there.
    pub inline fn prefetchLong(cache: *const PieceCache, key: *const Key) void {
        const offset = cache.slot_sets[key.place].find(tagOf(key.low)) orelse return;
        @prefetch(cache.log.ptr + offset, .{});
        @prefetch(cache.log.ptr + offset + 64, .{});
    }

    /// Writes the ids of a piece of up to 16 bytes to `ids` and returns how many there are; 0 if it is not
    /// known. Up to `slack` ids are written, however many there are.
    pub inline fn findShort(cache: *const PieceCache, key: *const Key, ids: [*]u32) usize {
        const bucket = &cache.buckets[key.place];
        const first = &bucket.entries[0];
        if (first.is(key)) {
            @branchHint(.likely);
            ids[0..4].* = first.ids ++ .{0};
            if (first.count > narrow_count_max) {
                @branchHint(.unlikely);
                ids[narrow_count_max..][0..8].* = @bitCast(bucket.entries[1]);
            }
            return first.count;
        }
        const second = &bucket.entries[1];
        if (first.count <= narrow_count_max) {
            if (second.is(key)) {
                ids[0..4].* = second.ids ++ .{0};
                return second.count;
            }
            // What finds room is not put elsewhere.
            if (second.len == 0) return 0;
        }
        return cache.findInOther(key, ids);
    }

    /// Whether a short piece may be there: as good as `findShort`, but for what is in the other bucket.
    pub inline fn mayHaveShort(cache: *const PieceCache, key: *const Key) bool {
        const bucket = &cache.buckets[key.place];
        return bucket.entries[0].is(key) or bucket.entries[1].is(key);
    }

    /// Looks into the neighbouring bucket, where what had no room went.
    noinline fn findInOther(cache: *const PieceCache, key: *const Key, ids: [*]u32) usize {
        const bucket = &cache.buckets[key.place ^ 1];
        const first = &bucket.entries[0];
        if (first.is(key)) {
            ids[0..4].* = first.ids ++ .{0};
            if (first.count > narrow_count_max) ids[narrow_count_max..][0..8].* = @bitCast(bucket.entries[1]);
            return first.count;
        }
        const second = &bucket.entries[1];
        if (first.count > narrow_count_max or !second.is(key)) return 0;
        ids[0..4].* = second.ids ++ .{0};
        return second.count;
    }

    /// As `findShort`, of a longer piece; writes no more ids than there are.
    pub fn findLong(cache: *const PieceCache, key: *const Key, piece: []const u8, ids: [*]u32) usize {
        const offset = cache.slot_sets[key.place].find(tagOf(key.low)) orelse return 0;
        const record = cache.log[offset..];
        if (record[0] != piece.len) return 0;
        const count: usize = record[1];
        const bytes = record[record_header_len + count * 4 ..][0..piece.len];
        if (!std.mem.eql(u8, bytes, piece)) return 0;
        const stored: [*]align(4) const u8 = @alignCast(record.ptr + record_header_len);
        @memcpy(ids[0..count], @as([*]const u32, @ptrCast(stored)));
        return count;
    }

    /// Remembers the ids of a piece of up to 16 bytes, unless they are too many.
    pub fn putShort(cache: *PieceCache, key: *const Key, ids: []const u32) void {
        if (ids.len == 0 or ids.len > wide_count_max) return;
        cache.put_count += 1;
        if (cache.put_count > cache.buckets.len / 2 and cache.buckets.len * @sizeOf(Bucket) < short_bytes_max) {
            cache.growShort();
        }
        const words: [2]u64 = .{ key.low, key.high };
        const place = hashWords(words, key.len) & (cache.buckets.len - 1);
        put(cache.buckets, place, key, ids);
    }

    /// Puts a piece into its bucket, or, if that is full and the neighbouring one is not, into that.
    fn put(buckets: []Bucket, place: u64, key: *const Key, ids: []const u32) void {
        const own = &buckets[@intCast(place)];
        const other = &buckets[@intCast(place ^ 1)];
        putInto(if (!own.hasRoom(ids.len) and other.hasRoom(ids.len)) other else own, key, ids);
    }

    fn putInto(bucket: *Bucket, key: *const Key, ids: []const u32) void {
        const first = &bucket.entries[0];
        const was_wide = first.count > narrow_count_max;
        const is_wide = ids.len > narrow_count_max;
        if (!is_wide) bucket.entries[1] = if (was_wide) .none else first.*;
        var padded: [wide_count_max]u32 = @splat(0);
        @memcpy(padded[0..ids.len], ids);
        first.* = .{
            .low = key.low,
            .high = key.high,
            .ids = padded[0..narrow_count_max].*,
            .len = @intCast(key.len),
            .count = @intCast(ids.len),
        };
        if (is_wide) bucket.entries[1] = @bitCast(padded[narrow_count_max..].*);
    }

    /// Doubles the buckets; keeps them as they are where memory runs out.
    fn growShort(cache: *PieceCache) void {
        cache.put_count = 0;
        const grown = map(Bucket, cache.buckets.len * 2) catch return;
        for (cache.buckets) |*bucket| {
            const is_wide = bucket.entries[0].count > narrow_count_max;
            // The newer one last, so that it comes first again.
            if (!is_wide) reinsert(grown, &bucket.entries[1], null);
            reinsert(grown, &bucket.entries[0], if (is_wide) &bucket.entries[1] else null);
        }
        unmap(cache.buckets);
        cache.buckets = grown;
    }

    fn reinsert(buckets: []Bucket, entry: *const Entry, rest: ?*const Entry) void {
        if (entry.len == 0) return;
        var ids: [wide_count_max]u32 = undefined;
        ids[0..narrow_count_max].* = entry.ids;
        if (rest) |more| ids[narrow_count_max..].* = @bitCast(more.*);
        const key: Key = .{ .low = entry.low, .high = entry.high, .len = entry.len, .place = 0 };
        const place = hashWords(.{ entry.low, entry.high }, entry.len) & (buckets.len - 1);
        put(buckets, place, &key, ids[0..entry.count]);
    }

    /// Remembers the ids of a piece of 17 to 255 bytes, unless they are too many.
    pub fn putLong(cache: *PieceCache, key: *const Key, piece: []const u8, ids: []const u32) void {
        if (ids.len == 0 or ids.len > std.math.maxInt(u8)) return;
        const len = recordLen(piece.len, ids.len);
        if (cache.log_len + len > cache.log.len) cache.makeRoom();
        const offset = cache.log_len;
        cache.log_len += len;
        const record = cache.log[offset..][0..len];
        record[0] = @intCast(piece.len);
        record[1] = @intCast(ids.len);
        @memcpy(record[record_header_len..][0 .. ids.len * 4], std.mem.sliceAsBytes(ids));
        @memcpy(record[record_header_len + ids.len * 4 ..][0..piece.len], piece);
        const place = key.low & (cache.slot_sets.len - 1);
        cache.slot_sets[@intCast(place)].put(tagOf(key.low), @intCast(offset));
    }

    /// Doubles the log and its slots, or, where it may not grow, empties it.
    fn makeRoom(cache: *PieceCache) void {
        const set_count = cache.slot_sets.len;
        const bytes = cache.log.len + set_count * @sizeOf(SlotSet);
        if (bytes * 2 <= long_bytes_max) grown: {
            const log = map(u8, cache.log.len * 2) catch break :grown;
            const slot_sets = map(SlotSet, set_count * 2) catch {
                unmap(log);
                break :grown;
            };
            @memcpy(log[0..cache.log_len], cache.log[0..cache.log_len]);
            var at: usize = 0;
            while (at < cache.log_len) {
                const count: usize = log[at + 1];
                const piece = log[at + record_header_len + count * 4 ..][0..log[at]];
                const hash = hashLong(piece);
                const place: usize = @intCast(hash & (slot_sets.len - 1));
                slot_sets[place].put(tagOf(hash), @intCast(at));
                at += recordLen(piece.len, count);
            }
            unmap(cache.log);
            unmap(cache.slot_sets);
            cache.log = log;
            cache.slot_sets = slot_sets;
            return;
        }
        @memset(cache.slot_sets, std.mem.zeroes(SlotSet));
        cache.log_len = 0;
    }

    /// Pages that the system gives zeroed and that take memory when they are first used.
    fn map(comptime T: type, count: usize) error{OutOfMemory}![]align(page_len) T {
        const len = count * @sizeOf(T);
        const alignment = if (len >= huge_pages.len) huge_page else page;
        // Not `alloc`, which fills what it gives in safe builds.
        const bytes = std.heap.page_allocator.rawAlloc(len, alignment, @returnAddress()) orelse
            return error.OutOfMemory;
        const items: [*]align(page_len) T = @ptrCast(@alignCast(bytes));
        huge_pages.advise(bytes[0..len]);
        return items[0..count];
    }

    fn unmap(items: anytype) void {
        const bytes: []u8 = @ptrCast(items);
        const alignment = if (bytes.len >= huge_pages.len) huge_page else page;
        std.heap.page_allocator.rawFree(bytes, alignment, @returnAddress());
    }
};

const narrow_count_max = 3;
const wide_count_max = 11;

const Entry = extern struct {
    low: u64,
    high: u64,
    ids: [narrow_count_max]u32,
    /// 0: empty.
    len: u8,
    count: u8,
    padding: u16 = 0,

    const none = std.mem.zeroes(Entry);

    inline fn is(entry: *const Entry, key: *const Key) bool {
        return (entry.low ^ key.low) | (entry.high ^ key.high) | (entry.len ^ key.len) == 0;
    }

    comptime {
        std.debug.assert(@sizeOf(Entry) == 32);
        std.debug.assert(wide_count_max - narrow_count_max == @sizeOf(Entry) / 4);
        std.debug.assert(wide_count_max < slack);
    }
};

/// Where the first piece has more than `narrow_count_max` ids, the second's place has the rest of them.
const Bucket = extern struct {
    entries: [2]Entry,

    inline fn hasRoom(bucket: *const Bucket, id_count: usize) bool {
        if (bucket.entries[0].len == 0) return true;
        if (id_count > narrow_count_max or bucket.entries[0].count > narrow_count_max) return false;
        return bucket.entries[1].len == 0;
    }

    comptime {
        std.debug.assert(@sizeOf(Bucket) == 64);
    }
};

/// The newest records of the pieces that hash here: the upper bits of each one's hash, 0 where there is none,
/// and where it lies.
const SlotSet = extern struct {
    tags: [way_count]u32,
    offsets: [way_count]u32,

    const way_count = 4;

    inline fn find(set: *const SlotSet, tag: u32) ?u32 {
        inline for (0..way_count) |way| {
            if (set.tags[way] == tag) return set.offsets[way];
        }
        return null;
    }

    fn put(set: *SlotSet, tag: u32, offset: u32) void {
        std.mem.copyBackwards(u32, set.tags[1..], set.tags[0 .. way_count - 1]);
        std.mem.copyBackwards(u32, set.offsets[1..], set.offsets[0 .. way_count - 1]);
        set.tags[0] = tag;
        set.offsets[0] = offset;
    }
};

/// A record: the piece's length, how many ids, the ids, the piece's bytes.
const record_header_len = 4;

inline fn recordLen(piece_len: usize, id_count: usize) usize {
    return std.mem.alignForward(usize, record_header_len + id_count * 4 + piece_len, 4);
}

inline fn tagOf(hash: u64) u32 {
    return @intCast(hash >> 32 | 1);
}

/// A folded multiplication: every bit of the input reaches every bit.
inline fn hashWords(words: [2]u64, len: usize) u64 {
    return fold(words[0] ^ 0x9e3779b97f4a7c15 ^ len, words[1] ^ 0xd1b54a32d192ed03);
}

/// Of more than 16 bytes.
fn hashLong(piece: []const u8) u64 {
    var hash: u64 = piece.len;
    var at: usize = 0;
    while (at + 16 < piece.len) : (at += 16) hash = mix(hash, piece[at..][0..16]);
    return mix(hash, piece[piece.len - 16 ..][0..16]);
}

inline fn mix(hash: u64, bytes: *const [16]u8) u64 {
    const low = std.mem.readInt(u64, bytes[0..8], .little);
    const high = std.mem.readInt(u64, bytes[8..16], .little);
    return fold(low ^ hash ^ 0x9e3779b97f4a7c15, high ^ 0xd1b54a32d192ed03) +% hash;
}

inline fn fold(left: u64, right: u64) u64 {
    const product = @as(u128, left) *% right;
    return @as(u64, @truncate(product)) ^ @as(u64, @truncate(product >> 64));
}

const low_masks: [short_len_max + 1][2]u64 = masks: {
    var made: [short_len_max + 1][2]u64 = undefined;
    for (&made, 0..) |*mask, len| {
        const ones = std.math.maxInt(u64);
        mask[0] = if (len >= 8) ones else (1 << (8 * len)) - 1;
        mask[1] = if (len <= 8) 0 else if (len == 16) ones else (1 << (8 * (len - 8))) - 1;
    }
    break :masks made;
};

/// `len` bytes (1 to 16) from `start` on, zero-padded. Sixteen bytes are read at once where the text has
/// them, and masked.
inline fn loadWords(text: []const u8, start: usize, len: usize) [2]u64 {
    if (start + short_len_max <= text.len) {
        @branchHint(.likely);
        const low = std.mem.readInt(u64, text[start..][0..8], .little);
        const high = std.mem.readInt(u64, text[start + 8 ..][0..8], .little);
        return .{ low & low_masks[len][0], high & low_masks[len][1] };
    }
    var padded: [short_len_max]u8 = @splat(0);
    @memcpy(padded[0..len], text[start..][0..len]);
    return .{
        std.mem.readInt(u64, padded[0..8], .little),
        std.mem.readInt(u64, padded[8..16], .little),
    };
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
    var wanted_buffer: [64]u32 = undefined;
    var got: [256 + slack]u32 = undefined;
    for (0..600_000) |i| {
        const limit: usize = if (i % 4 == 0) long_len_max else short_len_max;
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
        var key: Key = undefined;
        cache.makeKey(used, start, start + len, &key);
        const is_short = len <= short_len_max;
        if (!is_short) cache.prefetchLong(&key);
        const count = if (is_short)
            cache.findShort(&key, &got)
        else
            cache.findLong(&key, piece, &got);
        if (count > 0) {
            found += 1;
            try std.testing.expectEqualSlices(u32, wanted, got[0..count]);
        } else if (is_short) {
            cache.putShort(&key, wanted);
        } else {
            cache.putLong(&key, piece, wanted);
        }
    }
    try std.testing.expect(found > 30_000);
    try std.testing.expect(cache.buckets.len * @sizeOf(Bucket) > short_bytes_min);
    try std.testing.expect(cache.log.len > log_bytes_min);
    try std.testing.expect(cache.memoryBytes() <= short_bytes_max + long_bytes_max);
}
