//! Which long pieces were met lately, but for some that are taken for others: what is met for the first time is not
//! worth remembering (the doorkeeper of TinyLFU, Einziger et al. 2017).
//!
//! Constant time a piece, but for forgetting all of them each time that so many have been met. 256 KiB, none before
//! the first piece.

const std = @import("std");
const huge_pages = @import("huge_pages.zig");

pub const Doorkeeper = struct {
    /// A bit for each hash.
    bits: []align(std.heap.page_size_min) u64 = &.{},
    /// How many are set.
    count: usize = 0,

    const bit_count = 1 << 21;
    /// Then one new piece of eight is taken for one that was met.
    const count_max = bit_count / 8;

    pub fn deinit(doorkeeper: *Doorkeeper) void {
        huge_pages.unmap(doorkeeper.bits);
        doorkeeper.* = undefined;
    }

    /// Whether a piece of this hash was met lately; it has been, from now on. Where memory runs out, all were.
    pub fn meet(doorkeeper: *Doorkeeper, hash: u32) bool {
        if (doorkeeper.count == count_max) {
            @branchHint(.unlikely);
            @memset(doorkeeper.bits, 0);
            doorkeeper.count = 0;
        }
        if (doorkeeper.bits.len == 0) {
            @branchHint(.unlikely);
            doorkeeper.bits = huge_pages.map(u64, bit_count / 8) catch return true;
        }
        const bit = hash % bit_count;
        const word = &doorkeeper.bits[bit / 64];
        const is_met = word.* >> @truncate(bit) & 1 != 0;
        word.* |= @as(u64, 1) << @truncate(bit);
        doorkeeper.count += @intFromBool(!is_met);
        return is_met;
    }
};

test "a piece is met once it has been met, and few others are" {
    var doorkeeper: Doorkeeper = .{};
    defer doorkeeper.deinit();
    var prng: std.Random.DefaultPrng = .init(11);
    const random = prng.random();
    var hashes: [1000]u32 = undefined;
    var taken: usize = 0;
    for (&hashes) |*hash| {
        hash.* = random.int(u32);
        taken += @intFromBool(doorkeeper.meet(hash.*));
    }
    try std.testing.expect(taken < 10);
    for (hashes) |hash| try std.testing.expect(doorkeeper.meet(hash));
    taken = 0;
    for (0..Doorkeeper.count_max) |_| {
        taken += @intFromBool(doorkeeper.meet(random.int(u32)));
        try std.testing.expect(doorkeeper.count <= Doorkeeper.count_max);
    }
    try std.testing.expect(taken < Doorkeeper.count_max / 8);
}
