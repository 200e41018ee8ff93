//! Pieces by value, of any length: the few tokens that are longer than a key of `piece_table.zig`.
//!
//! Open addressing over a power of two of slots, at most half of them taken, and the pieces' bytes behind
//! one another. A look-up takes time linear in the piece.

const std = @import("std");
const Allocator = std.mem.Allocator;

pub const LongPieces = struct {
    slots: []Slot,
    bytes: []u8,
    /// No piece is longer.
    len_max: u32,

    /// Empty where `len` is 0.
    const Slot = extern struct { hash: u32, start: u32, len: u32, id: u32 };

    /// An empty table with room for `count` pieces of `total` bytes together.
    pub fn init(gpa: Allocator, count: usize, total: usize) error{OutOfMemory}!LongPieces {
        if (total > std.math.maxInt(u32)) return error.OutOfMemory;
        const slot_count = std.math.ceilPowerOfTwo(usize, @max(count * 2, 4)) catch
            return error.OutOfMemory;
        const slots = try gpa.alloc(Slot, slot_count);
        errdefer gpa.free(slots);
        @memset(slots, std.mem.zeroes(Slot));
        const bytes = try gpa.alloc(u8, total);
        @memset(bytes, 0);
        return .{ .slots = slots, .bytes = bytes, .len_max = 0 };
    }

    pub fn deinit(pieces: *LongPieces, gpa: Allocator) void {
        gpa.free(pieces.slots);
        gpa.free(pieces.bytes);
        pieces.* = undefined;
    }

    /// Adds a piece, which is not empty, unless it is there; its bytes are copied to `at`. Returns where
    /// those of the next go.
    pub fn put(pieces: *LongPieces, at: u32, piece: []const u8, id: u32) u32 {
        const slot = pieces.slotOf(piece);
        if (slot.len != 0) return at;
        const len: u32 = @intCast(piece.len);
        @memcpy(pieces.bytes[at..][0..len], piece);
        slot.* = .{ .hash = hashOf(piece), .start = at, .len = len, .id = id };
        pieces.len_max = @max(pieces.len_max, len);
        return at + len;
    }

    pub fn find(pieces: *const LongPieces, piece: []const u8) ?u32 {
        if (piece.len > pieces.len_max) return null;
        const slot = pieces.slotOf(piece);
        return if (slot.len == 0) null else slot.id;
    }

    pub fn memoryBytes(pieces: *const LongPieces) usize {
        return pieces.slots.len * @sizeOf(Slot) + pieces.bytes.len;
    }

    /// Whether every search ends and reads and gives what is there.
    pub fn validate(pieces: *const LongPieces, id_limit: u32) bool {
        if (@popCount(pieces.slots.len) != 1) return false;
        var empty_count: usize = 0;
        for (pieces.slots) |slot| {
            empty_count += @intFromBool(slot.len == 0);
            const is_outside = @as(u64, slot.start) + slot.len > pieces.bytes.len;
            if (slot.len != 0 and (is_outside or slot.id >= id_limit)) return false;
        }
        return empty_count > 0;
    }

    /// Where the piece stands, or the empty slot where it would.
    fn slotOf(pieces: *const LongPieces, piece: []const u8) *Slot {
        const hash = hashOf(piece);
        const mask = pieces.slots.len - 1;
        var at: usize = hash & mask;
        while (true) : (at = (at + 1) & mask) {
            const slot = &pieces.slots[at];
            if (slot.len == 0) return slot;
            if (slot.hash != hash or slot.len != piece.len) continue;
            if (std.mem.eql(u8, pieces.bytes[slot.start..][0..slot.len], piece)) return slot;
        }
    }

    fn hashOf(piece: []const u8) u32 {
        return @truncate(std.hash.Wyhash.hash(0, piece));
    }
};

test {
    // Tested through `piece_table.zig`.
    std.testing.refAllDecls(@This());
}
