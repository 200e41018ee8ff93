//! The tokens of a vocabulary as a file spells them, found by their spelling, and the resolving of merges,
//! which name their tokens by it: up to a million look-ups for a file.
//!
//! An open-addressing table of hashes and places, at most half full. Merges are resolved many at a time, so
//! that the loads of one do not wait for those of another; what a merge makes is tried first where the
//! merge before made its token, and behind that, for lists are in the order of the tokens they make (this
//! spares nearly every third look-up). Time and memory are linear in the vocabulary and the merges.

const std = @import("std");
const definition = @import("../definition.zig");
const json_tree = @import("json_tree.zig");
const Field = json_tree.IdField;
const Pair = json_tree.Pair;
const short_bytes = @import("../short_bytes.zig");
const isEqual = short_bytes.isEqual;
const hashOf = short_bytes.hashOf;
const Allocator = std.mem.Allocator;

pub const SpelledVocab = struct {
    /// In the order of the file; no two are spelled alike.
    fields: []const Field,
    slots: []Slot,

    const Slot = struct {
        /// High bits of the hash.
        tag: u32,
        field: u32,
    };

    const none = std.math.maxInt(u32);
    /// Merges resolved together.
    const batch_len = 32;

    /// Takes `fields` over. Of those that are spelled alike the last one's id counts.
    pub fn init(arena: Allocator, fields: []Field) error{OutOfMemory}!SpelledVocab {
        const slot_count = std.math.ceilPowerOfTwo(usize, @max(fields.len * 2, 16)) catch
            return error.OutOfMemory;
        const slots = try arena.alloc(Slot, slot_count);
        @memset(slots, .{ .tag = 0, .field = none });
        var vocab: SpelledVocab = .{ .fields = fields[0..0], .slots = slots };
        var hashes: [2 * batch_len]u64 = undefined;
        var count: usize = 0;
        var begin: usize = 0;
        while (begin < fields.len) : (begin += hashes.len) {
            const batch = fields[begin..@min(begin + hashes.len, fields.len)];
            for (batch, hashes[0..batch.len]) |field, *hash| {
                hash.* = hashOf(field.key());
                @prefetch(&slots[@intCast(hash.* & (slot_count - 1))], .{});
            }
            for (batch, hashes[0..batch.len]) |field, hash| {
                const slot = vocab.slotOf(hash, field.key());
                if (slots[slot].field != none) {
                    fields[slots[slot].field].id = field.id;
                    continue;
                }
                slots[slot] = .{ .tag = tagOf(hash), .field = @intCast(count) };
                fields[count] = field;
                count += 1;
                vocab.fields = fields[0..count];
            }
        }
        return vocab;
    }

    /// The id of the token with this spelling.
    pub fn get(vocab: *const SpelledVocab, spelling: []const u8) ?u32 {
        const field = vocab.find(spelling) orelse return null;
        return vocab.fields[field].id;
    }

    /// Resolves `pairs` into `merges`, of the same length. Returns the index of the first that names an
    /// unknown token, if there is one.
    pub fn resolve(
        vocab: *const SpelledVocab,
        arena: Allocator,
        pairs: []const Pair,
        merges: []definition.Merge,
    ) error{OutOfMemory}!?usize {
        std.debug.assert(pairs.len == merges.len);
        var joined: std.ArrayList(u8) = .empty;
        var hashes: [2 * batch_len]u64 = undefined;
        var likely: u32 = 0;
        var begin: usize = 0;
        while (begin < pairs.len) : (begin += batch_len) {
            const batch = pairs[begin..@min(begin + batch_len, pairs.len)];
            vocab.prefetch(batch, &hashes);
            for (batch, merges[begin..][0..batch.len], 0..) |pair, *merge, i| {
                const left = vocab.findHashed(hashes[2 * i], pair.left()) orelse return begin + i;
                const right = vocab.findHashed(hashes[2 * i + 1], pair.right()) orelse
                    return begin + i;
                likely = if (vocab.isJoined(likely, pair))
                    likely
                else if (vocab.isJoined(likely + 1, pair))
                    likely + 1
                else found: {
                    joined.clearRetainingCapacity();
                    try joined.ensureTotalCapacity(arena, pair.left().len + pair.right().len);
                    joined.appendSliceAssumeCapacity(pair.left());
                    joined.appendSliceAssumeCapacity(pair.right());
                    break :found vocab.find(joined.items) orelse return begin + i;
                };
                merge.* = .{
                    .left = vocab.fields[left].id,
                    .right = vocab.fields[right].id,
                    .result = vocab.fields[likely].id,
                };
            }
        }
        return null;
    }

    /// Hashes both sides of each pair and sends for what a search for them reads: slots, then fields, then
    /// spellings.
    fn prefetch(vocab: *const SpelledVocab, pairs: []const Pair, hashes: *[2 * batch_len]u64) void {
        const mask = vocab.slots.len - 1;
        for (pairs, 0..) |pair, i| {
            hashes[2 * i] = hashOf(pair.left());
            hashes[2 * i + 1] = hashOf(pair.right());
            @prefetch(&vocab.slots[hashes[2 * i] & mask], .{});
            @prefetch(&vocab.slots[hashes[2 * i + 1] & mask], .{});
        }
        var found: [2 * batch_len]u32 = undefined;
        for (hashes[0 .. 2 * pairs.len], found[0 .. 2 * pairs.len]) |hash, *field| {
            field.* = vocab.slots[hash & mask].field;
            if (field.* != none) @prefetch(&vocab.fields[field.*], .{});
        }
        for (found[0 .. 2 * pairs.len]) |field| {
            if (field != none) @prefetch(vocab.fields[field].ptr, .{});
        }
    }

    fn find(vocab: *const SpelledVocab, spelling: []const u8) ?u32 {
        return vocab.findHashed(hashOf(spelling), spelling);
    }

    inline fn findHashed(vocab: *const SpelledVocab, hash: u64, spelling: []const u8) ?u32 {
        const field = vocab.slots[vocab.slotOf(hash, spelling)].field;
        return if (field == none) null else field;
    }

    /// Where the spelling stands, or the empty slot where it would.
    inline fn slotOf(vocab: *const SpelledVocab, hash: u64, spelling: []const u8) usize {
        const mask = vocab.slots.len - 1;
        var slot: usize = @intCast(hash & mask);
        while (true) : (slot = (slot + 1) & mask) {
            const entry = vocab.slots[slot];
            if (entry.field == none) return slot;
            if (entry.tag != tagOf(hash)) continue;
            if (isEqual(vocab.fields[entry.field].key(), spelling)) return slot;
        }
    }

    /// Whether `field` is spelled as both sides of `pair` together.
    inline fn isJoined(vocab: *const SpelledVocab, field: u32, pair: Pair) bool {
        if (field >= vocab.fields.len) return false;
        const spelling = vocab.fields[field].key();
        if (spelling.len != @as(usize, pair.left_len) + pair.right_len) return false;
        return isEqual(spelling[0..pair.left_len], pair.left()) and
            isEqual(spelling[pair.left_len..], pair.right());
    }

    inline fn tagOf(hash: u64) u32 {
        return @intCast(hash >> 32);
    }
};

test "every merge as the plain look-ups have it" {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    const allocator = arena.allocator();
    var prng: std.Random.DefaultPrng = .init(5);
    const random = prng.random();
    var expected: std.StringHashMapUnmanaged(u32) = .empty;
    var fields: std.ArrayList(Field) = .empty;
    for (0..3000) |id| {
        const bytes = try allocator.alloc(u8, random.uintAtMost(usize, if (id % 8 == 0) 40 else 5));
        for (bytes) |*byte| byte.* = random.uintLessThan(u8, 3);
        const field: Field = .{ .ptr = bytes.ptr, .len = @intCast(bytes.len), .id = @intCast(id) };
        try fields.append(allocator, field);
        try expected.put(allocator, bytes, @intCast(id));
    }
    const vocab: SpelledVocab = try .init(allocator, fields.items);
    try std.testing.expectEqual(expected.count(), vocab.fields.len);

    var pairs: std.ArrayList(Pair) = .empty;
    for (0..20_000) |_| {
        const field = vocab.fields[random.uintLessThan(usize, vocab.fields.len)].key();
        const cut = random.uintAtMost(usize, field.len);
        const pair: Pair = .of(0, .{ field[0..cut], field[cut..] });
        var merge: [1]definition.Merge = undefined;
        const known = expected.get(pair.left()) != null and expected.get(pair.right()) != null;
        const failed = try vocab.resolve(allocator, &.{pair}, &merge);
        try std.testing.expectEqual(!known, failed != null);
        if (known) try pairs.append(allocator, pair);
    }
    const merges = try allocator.alloc(definition.Merge, pairs.items.len);
    try std.testing.expectEqual(null, try vocab.resolve(allocator, pairs.items, merges));
    for (pairs.items, merges) |pair, merge| {
        const joined = try std.mem.concat(allocator, u8, &.{ pair.left(), pair.right() });
        try std.testing.expectEqual(expected.get(pair.left()).?, merge.left);
        try std.testing.expectEqual(expected.get(pair.right()).?, merge.right);
        try std.testing.expectEqual(expected.get(joined).?, merge.result);
    }
    try pairs.insert(allocator, 77, .of(0, .{ "\x00", "\xFF" }));
    const more = try allocator.alloc(definition.Merge, pairs.items.len);
    try std.testing.expectEqual(77, try vocab.resolve(allocator, pairs.items, more));
}
