//! How often each distinct piece of a corpus occurs: what training needs to know of the text.
//!
//! Counts are additive: tables filled by different threads, processes or machines merge into what
//! one table would have held. It is not a general map: nothing is removed, and a piece of which
//! no count was ever added is not in it.
//!
//! `add` takes constant time a call on average. The pieces stand in the order in which they first came, so
//! that the frequent ones stand close together; an open-addressing table of 4 bytes a place says where. Memory
//! is 24 bytes a piece (one of up to 15 bytes, as nearly every one is, stands in them itself), 4 bytes for
//! each place of a table that is between five sixteenths and five eighths full, and longer pieces' bytes.

const std = @import("std");
const Span = @import("pretokenizer/kernels/window.zig").Span;
const Watch = @import("watch.zig").Watch;

const Allocator = std.mem.Allocator;

pub const AddError = Allocator.Error || error{
    /// A piece's count does not fit in 64 bits.
    CountOverflow,
};

/// A distinct piece and how often it occurs.
pub const Word = struct {
    bytes: []const u8,
    count: u64,
};

/// Room for the bytes of a piece that stands in its entry.
pub const ShortPiece = [16]u8;

pub const WordCounts = struct {
    gpa: Allocator,
    /// The pieces in the order in which they were first added.
    entries: std.ArrayList(Entry),
    /// Where each piece is among `entries`: open addressing with linear probing; the length is a power of
    /// two, or zero. A place is 0 when it is free; else its low bits, as many as number the places, are the
    /// number of the entry and one, and its other bits are those of the piece's hash.
    places: []u32,
    /// The pieces that do not fit in their entry, and their bytes.
    long_pieces: std.ArrayList(LongPiece),
    long_bytes: std.ArrayList(u8),

    pub fn init(gpa: Allocator) WordCounts {
        return .{
            .gpa = gpa,
            .entries = .empty,
            .places = &.{},
            .long_pieces = .empty,
            .long_bytes = .empty,
        };
    }

    pub fn deinit(self: *WordCounts) void {
        self.entries.deinit(self.gpa);
        self.gpa.free(self.places);
        self.long_pieces.deinit(self.gpa);
        self.long_bytes.deinit(self.gpa);
        self.* = undefined;
    }

    /// Forgets all, and frees the memory.
    pub fn clear(self: *WordCounts) void {
        const gpa = self.gpa;
        self.deinit();
        self.* = .init(gpa);
    }

    /// The number of distinct pieces.
    pub fn len(self: *const WordCounts) usize {
        return self.entries.items.len;
    }

    /// The piece of that number, in the order in which they came. Its bytes may be in `buffer`.
    pub fn wordAt(self: *const WordCounts, number: usize, buffer: *ShortPiece) Word {
        const entry = &self.entries.items[number];
        return .{ .bytes = self.bytesOf(entry.key, buffer), .count = entry.count };
    }

    /// The count of the piece of that number.
    pub fn countOf(self: *const WordCounts, number: usize) u64 {
        return self.entries.items[number].count;
    }

    /// The length of the piece of that number.
    pub fn lenOf(self: *const WordCounts, number: usize) usize {
        const key = self.entries.items[number].key;
        return if (key.isLong()) self.long_pieces.items[key.longIndex()].len else key.shortLen();
    }

    /// Adds `count` occurrences of `piece`, whose bytes are copied. The empty piece, which has no
    /// pair to merge, is not kept. On an error nothing has changed.
    pub fn add(self: *WordCounts, piece: []const u8, count: u64) AddError!void {
        if (piece.len == 0 or count == 0) return;
        try self.reserve(1);
        if (piece.len > inline_max) return self.addLong(piece, count);
        const key = Key.ofShort(piece);
        try self.addShort(key, key.hash(), count);
    }

    /// Adds one occurrence of each of the pieces `spans` of `text`. For a group of pieces together, their
    /// places are fetched, and then the entries that these name: most of a large table is not in the cache.
    /// After an error part of them has been added.
    pub fn addPieces(self: *WordCounts, text: []const u8, spans: []const Span) AddError!void {
        var rest = spans;
        while (rest.len > 0) {
            const group = rest[0..@min(rest.len, group_len)];
            rest = rest[group.len..];
            try self.reserve(group.len);
            const mask: u32 = @intCast(self.places.len - 1);
            // The halves of the keys apart: whole ones would be copied in wider moves than they are stored in, and
            // waiting for that took a quarter of all time.
            var lows: [group_len]u64 = undefined;
            var highs: [group_len]u64 = undefined;
            var hashes: [group_len]u64 = undefined;
            for (group, 0..) |span, i| {
                const piece = text[span.start..span.end];
                if (piece.len > inline_max) continue;
                const key: Key = if (text.len - span.start >= 16)
                    .ofStart(text[span.start..][0..16], piece.len)
                else
                    .ofShort(piece);
                lows[i] = key.low;
                highs[i] = key.high;
                hashes[i] = key.hash();
                @prefetch(&self.places[@intCast(hashes[i] & mask)], .{});
            }
            // The entry that stands first where the piece is looked for, nearly always its own.
            const entries = self.entries.items.ptr;
            const entry_count = self.entries.items.len;
            var firsts: [group_len]u32 = undefined;
            for (group, 0..) |span, i| {
                if (span.end - span.start > inline_max) continue;
                const place = self.places[@intCast(hashes[i] & mask)];
                firsts[i] = (place & mask) -% 1;
                @prefetch(entries + firsts[i], .{ .rw = .write });
            }
            for (group, 0..) |span, i| {
                if (span.end - span.start > inline_max) {
                    try self.addLong(text[span.start..span.end], 1);
                    continue;
                }
                const key: Key = .{ .low = lows[i], .high = highs[i] };
                if (firsts[i] < entry_count) {
                    const entry = &entries[firsts[i]];
                    if (entry.key.low == key.low and entry.key.high == key.high) {
                        entry.count = try sum(entry.count, 1);
                        continue;
                    }
                }
                try self.addShort(key, hashes[i], 1);
            }
        }
    }

    /// Adds the counts of those pieces of `other` that belong to `part` of `parts`: every piece
    /// belongs to one part, in all tables to the same. On an error some have been added.
    pub fn mergePart(
        self: *WordCounts,
        other: *const WordCounts,
        part: usize,
        parts: usize,
        watch: ?*const Watch,
    ) (AddError || error{Cancelled})!void {
        for (other.entries.items, 0..) |*entry, index| {
            if (index % poll_interval == 0) try Watch.poll(watch);
            // The high bits: the low ones are the place in the table.
            const hash = entry.key.hash();
            if ((hash >> 48) % parts != part) continue;
            try self.reserve(1);
            if (entry.key.isLong()) {
                try self.addLong(other.longBytes(entry.key), entry.count);
            } else {
                try self.addShort(entry.key, hash, entry.count);
            }
        }
    }

    /// Adds every count of `other`. On an error part of them has been added.
    pub fn merge(self: *WordCounts, other: *const WordCounts) AddError!void {
        var words = other.iterator();
        while (words.next()) |word| try self.add(word.bytes, word.count);
    }

    /// Frees what finding pieces takes; it is made anew when one is next added. Until then, `get` must not
    /// be called.
    pub fn forgetPlaces(self: *WordCounts) void {
        self.gpa.free(self.places);
        self.places = &.{};
    }

    /// How often `piece` was added; zero when it never was.
    pub fn get(self: *const WordCounts, piece: []const u8) u64 {
        if (piece.len == 0 or self.len() == 0) return 0;
        const found = if (piece.len > inline_max) found: {
            const hash = hashLong(piece);
            break :found self.find(.{ .low = hash, .high = 0 }, hash, piece);
        } else found: {
            const key = Key.ofShort(piece);
            break :found self.find(key, key.hash(), {});
        };
        return if (found.entry) |entry| entry.count else 0;
    }

    /// Every distinct piece once, in the order in which they came.
    pub fn iterator(self: *const WordCounts) Iterator {
        return .{ .counts = self, .index = 0, .buffer = undefined };
    }

    /// There is room for the piece.
    inline fn addShort(
        self: *WordCounts,
        key: Key,
        hash: u64,
        count: u64,
    ) error{CountOverflow}!void {
        const found = self.find(key, hash, {});
        if (found.entry) |entry| {
            entry.count = try sum(entry.count, count);
        } else {
            self.append(found.place, hash, .{ .key = key, .count = count });
        }
    }

    /// There is room for the piece, but for its bytes.
    fn addLong(self: *WordCounts, piece: []const u8, count: u64) AddError!void {
        const hash = hashLong(piece);
        const found = self.find(.{ .low = hash, .high = 0 }, hash, piece);
        if (found.entry) |entry| {
            entry.count = try sum(entry.count, count);
            return;
        }
        try self.long_pieces.ensureUnusedCapacity(self.gpa, 1);
        try self.long_bytes.appendSlice(self.gpa, piece);
        const key: Key = .ofLong(hash, self.long_pieces.items.len);
        self.long_pieces.appendAssumeCapacity(.{
            .start = self.long_bytes.items.len - piece.len,
            .len = piece.len,
        });
        self.append(found.place, hash, .{ .key = key, .count = count });
    }

    fn append(self: *WordCounts, place: usize, hash: u64, entry: Entry) void {
        self.entries.appendAssumeCapacity(entry);
        self.places[place] = self.placeOf(hash, self.entries.items.len);
    }

    /// What stands in the place of the entry of number `end - 1`.
    fn placeOf(self: *const WordCounts, hash: u64, end: usize) u32 {
        const mask: u32 = @intCast(self.places.len - 1);
        return @as(u32, @truncate(hash >> 32)) & ~mask | @as(u32, @intCast(end));
    }

    /// Makes room for `count` more pieces.
    fn reserve(self: *WordCounts, count: usize) Allocator.Error!void {
        const needed = self.entries.items.len + count;
        try self.entries.ensureTotalCapacity(self.gpa, needed);
        if (needed > self.places.len / 8 * 5) try self.grow(needed);
    }

    const Found = struct {
        /// Where the piece is, or the free place where it is to be.
        place: usize,
        entry: ?*Entry,
    };

    /// Finds a piece in a table that has a free place. `long` is the piece when it is too
    /// long for its entry, and `{}` otherwise.
    inline fn find(self: *const WordCounts, key: Key, hash: u64, long: anytype) Found {
        const mask: u32 = @intCast(self.places.len - 1);
        const tag: u32 = @truncate(hash >> 32);
        var index: usize = @intCast(hash & mask);
        while (true) : (index = (index + 1) & mask) {
            const place = self.places[index];
            if (place == 0) return .{ .place = index, .entry = null };
            if ((place ^ tag) & ~mask != 0) continue;
            const entry = &self.entries.items[(place & mask) - 1];
            if (@TypeOf(long) == void) {
                if (entry.key.low != key.low or entry.key.high != key.high) continue;
            } else {
                if (!entry.key.isLong() or entry.key.low != hash) continue;
                if (!std.mem.eql(u8, self.longBytes(entry.key), long)) continue;
            }
            return .{ .place = index, .entry = entry };
        }
    }

    fn bytesOf(self: *const WordCounts, key: Key, buffer: *ShortPiece) []const u8 {
        if (key.isLong()) return self.longBytes(key);
        std.mem.writeInt(u64, buffer[0..8], key.low, .little);
        std.mem.writeInt(u64, buffer[8..16], key.high, .little);
        return buffer[0..key.shortLen()];
    }

    fn longBytes(self: *const WordCounts, key: Key) []const u8 {
        const piece = self.long_pieces.items[key.longIndex()];
        return self.long_bytes.items[piece.start..][0..piece.len];
    }

    fn grow(self: *WordCounts, needed: usize) Allocator.Error!void {
        var place_count = @max(places_min, self.places.len * 2);
        while (needed > place_count / 8 * 5) place_count *= 2;
        if (place_count > places_max) return error.OutOfMemory;
        const places = try self.gpa.alloc(u32, place_count);
        @memset(places, 0);
        self.gpa.free(self.places);
        self.places = places;
        const mask = places.len - 1;
        for (self.entries.items, 1..) |entry, end| {
            const hash = entry.key.hash();
            var index: usize = @intCast(hash & mask);
            while (places[index] != 0) index = (index + 1) & mask;
            places[index] = self.placeOf(hash, end);
        }
    }
};

pub const Iterator = struct {
    counts: *const WordCounts,
    index: usize,
    buffer: ShortPiece,

    /// The bytes are valid until the next call, and no longer than the table is left unchanged.
    pub fn next(self: *Iterator) ?Word {
        if (self.index == self.counts.len()) return null;
        self.index += 1;
        return self.counts.wordAt(self.index - 1, &self.buffer);
    }
};

const places_min = 1024;
/// A place's 32 bits number this many.
const places_max = 1 << 32;
/// So many pieces are gone through between two looks at whether to stop.
const poll_interval = 1 << 16;
/// Pieces whose places are fetched together.
const group_len = 64;
/// The longest piece that stands in its entry: the sixteenth byte of the key holds the length.
const inline_max = 15;

const Entry = struct {
    key: Key,
    count: u64,
};

const LongPiece = struct {
    start: usize,
    len: usize,
};

/// A short piece itself, padded with zeros, with its length in the top byte of `high`; or, under
/// the mark `long_mark` in that byte, the hash of a long piece and its index in `long_pieces`.
const Key = struct {
    low: u64,
    high: u64,

    const long_mark: u64 = 0xff << 56;

    fn ofShort(piece: []const u8) Key {
        const tag = @as(u64, piece.len) << 56;
        if (piece.len > 8) {
            // The last eight bytes; those that `low` holds already are shifted out.
            const tail = load(u64, piece, piece.len - 8);
            const shift: u6 = @intCast(8 * (16 - piece.len));
            return .{ .low = load(u64, piece, 0), .high = tag | tail >> shift };
        }
        // Loads that overlap agree on the bytes they share, so that they can be joined by "or".
        if (piece.len >= 4) {
            const tail_start = piece.len - 4;
            const tail = @as(u64, load(u32, piece, tail_start));
            const shift: u6 = @intCast(8 * tail_start);
            return .{ .low = load(u32, piece, 0) | tail << shift, .high = tag };
        }
        const middle = piece.len / 2;
        const last = piece.len - 1;
        const middle_byte = @as(u64, piece[middle]) << @intCast(8 * middle);
        const last_byte = @as(u64, piece[last]) << @intCast(8 * last);
        return .{ .low = piece[0] | middle_byte | last_byte, .high = tag };
    }

    /// The key of the first `len` of 16 bytes: one load and a mask.
    inline fn ofStart(bytes: *const [16]u8, len: usize) Key {
        const both = std.mem.readInt(u128, bytes, .little) & masks[len];
        return .{ .low = @truncate(both), .high = @truncate(both >> 64 | @as(u128, len) << 56) };
    }

    /// By length, ones for the bytes of the piece.
    const masks: [inline_max + 1]u128 = masks: {
        var made: [inline_max + 1]u128 = undefined;
        for (&made, 0..) |*mask, len| mask.* = (@as(u128, 1) << (8 * len)) - 1;
        break :masks made;
    };

    fn ofLong(hash_of_piece: u64, index: usize) Key {
        return .{ .low = hash_of_piece, .high = long_mark | @as(u64, index) };
    }

    fn isLong(self: Key) bool {
        return self.high >= long_mark;
    }

    fn shortLen(self: Key) usize {
        return @intCast(self.high >> 56);
    }

    fn longIndex(self: Key) usize {
        return @intCast(self.high & ~long_mark);
    }

    /// Two odd constants of good spread and the folded product, as in wyhash.
    fn hash(self: Key) u64 {
        if (self.isLong()) return self.low;
        const left = self.low ^ 0xa0761d6478bd642f;
        const right = self.high ^ 0xe7037ed1a0b428db;
        const product = @as(u128, left) * right;
        return @as(u64, @truncate(product)) ^ @as(u64, @truncate(product >> 64));
    }
};

fn load(comptime Int: type, bytes: []const u8, start: usize) Int {
    return std.mem.readInt(Int, bytes[start..][0..@sizeOf(Int)], .little);
}

fn hashLong(piece: []const u8) u64 {
    return std.hash.Wyhash.hash(0, piece);
}

fn sum(a: u64, b: u64) error{CountOverflow}!u64 {
    return std.math.add(u64, a, b) catch error.CountOverflow;
}

const testing = std.testing;

test "counts add up, for pieces of every length" {
    var counts = WordCounts.init(testing.allocator);
    defer counts.deinit();
    const text = "abcdefghijklmnopqrstuvwxyz0123456789" ** 2;
    for (0..40) |piece_len| {
        try counts.add(text[0..piece_len], 1);
        try counts.add(text[0..piece_len], piece_len);
        // The same bytes further on in other memory are the same piece.
        if (piece_len <= 36) try counts.add(text[36..][0..piece_len], 2);
    }
    try testing.expectEqual(39, counts.len());
    try testing.expectEqual(0, counts.get(""));
    for (1..40) |piece_len| {
        const expected = 1 + piece_len + @as(u64, if (piece_len <= 36) 2 else 0);
        try testing.expectEqual(expected, counts.get(text[0..piece_len]));
        try testing.expectEqual(0, counts.get(text[1..][0..piece_len]));
    }
}

test "pieces that differ only in trailing zeros are distinct" {
    var counts = WordCounts.init(testing.allocator);
    defer counts.deinit();
    const zeros: [20]u8 = @splat(0);
    for (1..zeros.len + 1) |piece_len| try counts.add(zeros[0..piece_len], piece_len);
    try testing.expectEqual(zeros.len, counts.len());
    for (1..zeros.len + 1) |piece_len| {
        try testing.expectEqual(piece_len, counts.get(zeros[0..piece_len]));
    }
}

test "agrees with the standard library's map on random pieces, and merges" {
    var expected: std.StringHashMapUnmanaged(u64) = .empty;
    var arena: std.heap.ArenaAllocator = .init(testing.allocator);
    defer arena.deinit();
    var parts: [2]WordCounts = .{ .init(testing.allocator), .init(testing.allocator) };
    defer for (&parts) |*part| part.deinit();

    var prng: std.Random.DefaultPrng = .init(7);
    const random = prng.random();
    for (0..20_000) |round| {
        var buffer: [24]u8 = undefined;
        const piece = buffer[0..random.uintLessThan(usize, buffer.len + 1)];
        for (piece) |*byte| byte.* = random.uintLessThan(u8, 3) *% 127;
        const count = random.uintLessThan(u64, 1 << 40);
        try parts[round % 2].add(piece, count);
        if (piece.len == 0 or count == 0) continue;
        const key = try arena.allocator().dupe(u8, piece);
        const slot = try expected.getOrPut(arena.allocator(), key);
        if (!slot.found_existing) slot.value_ptr.* = 0;
        slot.value_ptr.* += count;
    }
    try parts[0].merge(&parts[1]);

    try testing.expectEqual(expected.count(), parts[0].len());
    var words = parts[0].iterator();
    while (words.next()) |word| {
        try testing.expectEqual(expected.get(word.bytes), word.count);
        try testing.expectEqual(word.count, parts[0].get(word.bytes));
    }
}

test "pieces by their spans, and parts of tables, count as pieces one by one do" {
    var prng: std.Random.DefaultPrng = .init(23);
    const random = prng.random();
    var text: [5000]u8 = undefined;
    for (&text) |*byte| byte.* = random.uintLessThan(u8, 2) *% 255;
    var spans: std.ArrayList(Span) = .empty;
    defer spans.deinit(testing.allocator);
    var start: usize = 0;
    while (start < text.len) {
        const end = @min(text.len, start + 1 + random.uintLessThan(usize, 20));
        try spans.append(testing.allocator, .{ .start = start, .end = end });
        start = end;
    }
    var expected: WordCounts = .init(testing.allocator);
    defer expected.deinit();
    for (spans.items) |span| try expected.add(text[span.start..span.end], 1);
    var actual: WordCounts = .init(testing.allocator);
    defer actual.deinit();
    try actual.addPieces(&text, spans.items);
    var parts: [3]WordCounts = @splat(.init(testing.allocator));
    defer for (&parts) |*part| part.deinit();
    var found: usize = 0;
    for (&parts, 0..) |*part, index| {
        for (0..2) |_| try part.mergePart(&actual, index, parts.len, null);
        found += part.len();
    }
    try testing.expectEqual(expected.len(), actual.len());
    try testing.expectEqual(expected.len(), found);
    var watch: Watch = .{};
    watch.cancel();
    try testing.expectError(error.Cancelled, parts[0].mergePart(&actual, 0, 1, &watch));
    // Places that were forgotten are made anew.
    actual.forgetPlaces();
    try actual.add(text[0..3], 0);
    try actual.add("new", 1);
    try expected.add("new", 1);
    for (&parts) |*part| part.forgetPlaces();
    try parts[0].add("new", 2);
    for (parts[1..]) |*part| try part.add("other", 1);
    var words = expected.iterator();
    while (words.next()) |word| {
        try testing.expectEqual(word.count, actual.get(word.bytes));
        var total: u64 = 0;
        for (&parts) |*part| total += part.get(word.bytes);
        try testing.expectEqual(2 * word.count, total);
    }
}

test "a count that does not fit is refused and changes nothing" {
    var counts = WordCounts.init(testing.allocator);
    defer counts.deinit();
    const max = std.math.maxInt(u64);
    for ([_][]const u8{ "ab", "a piece of more than fifteen bytes" }) |piece| {
        try counts.add(piece, max - 1);
        try testing.expectError(error.CountOverflow, counts.add(piece, 2));
        try testing.expectEqual(max - 1, counts.get(piece));
        try counts.add(piece, 1);
        try testing.expectEqual(max, counts.get(piece));
    }
}

test "an allocation that fails loses nothing" {
    const fill = struct {
        fn fill(gpa: Allocator) !void {
            var counts = WordCounts.init(gpa);
            defer counts.deinit();
            var buffer: [32]u8 = undefined;
            for (0..1500) |number| {
                const format = "{d}" ++ "{d:0>20}";
                const long = try std.fmt.bufPrint(&buffer, format, .{ number % 7, number });
                const piece = if (number % 2 == 0) long else long[16..];
                const before = counts.len();
                counts.add(piece, 1) catch |err| {
                    try testing.expectEqual(before, counts.len());
                    try testing.expectEqual(0, counts.get(piece));
                    return err;
                };
            }
        }
    }.fill;
    try testing.checkAllAllocationFailures(testing.allocator, fill, .{});
}
