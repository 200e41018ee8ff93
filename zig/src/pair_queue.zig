//! The queue from which training takes the next pair to merge: the one with the highest count,
//! among those the one with the smallest left and then the smallest right token.
//!
//! It rests on two facts of the training and is of no use elsewhere: a count only falls once its
//! pair is queued, and no pair is queued with a count above that of the pair taken last. Hence a
//! queued count may be stale, but only too high, and is put right when its pair comes up; and
//! pairs can wait unsorted in one bucket for each power of two, of which only the highest that is
//! not empty is a heap. Most pairs of a corpus are rare and never reach the heap at all.
//!
//! A pair falls through at most 64 buckets and is sorted only among those of its own power of
//! two: `push` takes constant time, and `pop` O(log n) for each time that its pairs' counts
//! have fallen. Memory is 4 bytes for a pair that waits in a bucket, and 24 in the heap.

const std = @import("std");

const Allocator = std.mem.Allocator;

pub const Entry = struct {
    /// The pair's count when it was queued or last looked at.
    count: u64,
    left: u32,
    right: u32,
    /// The caller's number for the pair.
    index: u32,

    fn before(self: Entry, other: Entry) bool {
        if (self.count != other.count) return self.count > other.count;
        if (self.left != other.left) return self.left < other.left;
        return self.right < other.right;
    }
};

/// A queue of pairs by their numbers: `Pair` has the fields `count`, `left` and `right`, of which the first is
/// the present count. The calls get all pairs, by number.
pub fn PairQueue(comptime Pair: type) type {
    return struct {
        const Self = @This();

        /// `buckets[i]` holds the pairs whose count, when last looked at, had its highest bit at `i`, but for
        /// those in the heap.
        buckets: [64]std.ArrayList(u32) = @splat(.empty),
        heap: std.ArrayList(Entry) = .empty,
        /// The highest bit of all counts in the heap; the buckets from it on are empty.
        heap_bit: u6 = 63,

        pub fn deinit(self: *Self, gpa: Allocator) void {
            for (&self.buckets) |*bucket| bucket.deinit(gpa);
            self.heap.deinit(gpa);
            self.* = undefined;
        }

        /// Queues a pair. Its count must not be zero.
        pub fn push(
            self: *Self,
            gpa: Allocator,
            pairs: []const Pair,
            index: u32,
        ) Allocator.Error!void {
            const pair = &pairs[index];
            const bit = std.math.log2_int(u64, pair.count);
            std.debug.assert(bit <= self.heap_bit);
            if (bit < self.heap_bit) return self.buckets[bit].append(gpa, index);
            try self.heap.append(gpa, entryOf(pair, index));
            siftUp(self.heap.items, self.heap.items.len - 1);
        }

        /// Takes the first pair by the present counts; null when no pair that still occurs is left. After
        /// an error the queue is fit only to be freed.
        pub fn pop(self: *Self, gpa: Allocator, pairs: []const Pair) Allocator.Error!?Entry {
            while (true) {
                const heap = &self.heap;
                if (heap.items.len == 0) {
                    if (self.heap_bit == 0) return null;
                    self.heap_bit -= 1;
                    try self.refreshHeap(gpa, pairs);
                    continue;
                }
                const first = &heap.items[0];
                const count = pairs[first.index].count;
                std.debug.assert(count <= first.count);
                if (count == first.count) return removeFirst(heap);
                first.count = count;
                if (count == 0) {
                    _ = removeFirst(heap);
                } else if (std.math.log2_int(u64, count) == self.heap_bit) {
                    siftDown(heap.items, 0);
                } else {
                    try self.buckets[std.math.log2_int(u64, count)].append(gpa, first.index);
                    _ = removeFirst(heap);
                }
            }
        }

        /// Makes a heap of the bucket at `heap_bit`, without the pairs that no longer belong there.
        fn refreshHeap(self: *Self, gpa: Allocator, pairs: []const Pair) Allocator.Error!void {
            const bucket = &self.buckets[self.heap_bit];
            defer bucket.clearAndFree(gpa);
            var kept: usize = 0;
            for (bucket.items) |index| {
                const count = pairs[index].count;
                if (count == 0) continue;
                if (count >> self.heap_bit == 0) {
                    try self.buckets[std.math.log2_int(u64, count)].append(gpa, index);
                    continue;
                }
                bucket.items[kept] = index;
                kept += 1;
            }
            try self.heap.ensureTotalCapacity(gpa, kept);
            for (bucket.items[0..kept]) |index| {
                self.heap.appendAssumeCapacity(entryOf(&pairs[index], index));
            }
            var parent = kept / 2;
            while (parent > 0) {
                parent -= 1;
                siftDown(self.heap.items, parent);
            }
        }

        fn entryOf(pair: *const Pair, index: u32) Entry {
            return .{ .count = pair.count, .left = pair.left, .right = pair.right, .index = index };
        }
    };
}

fn removeFirst(heap: *std.ArrayList(Entry)) Entry {
    const first = heap.swapRemove(0);
    if (heap.items.len > 1) siftDown(heap.items, 0);
    return first;
}

fn siftUp(heap: []Entry, start: usize) void {
    const entry = heap[start];
    var index = start;
    while (index > 0) {
        const parent = (index - 1) / 2;
        if (!entry.before(heap[parent])) break;
        heap[index] = heap[parent];
        index = parent;
    }
    heap[index] = entry;
}

fn siftDown(heap: []Entry, start: usize) void {
    const entry = heap[start];
    var index = start;
    while (true) {
        var child = 2 * index + 1;
        if (child >= heap.len) break;
        if (child + 1 < heap.len and heap[child + 1].before(heap[child])) child += 1;
        if (!heap[child].before(entry)) break;
        heap[index] = heap[child];
        index = child;
    }
    heap[index] = entry;
}

const testing = std.testing;

const TestPair = struct { count: u64, left: u32, right: u32 };

test "takes pairs in order of count, left, right, while counts fall" {
    const gpa = testing.allocator;
    var prng: std.Random.DefaultPrng = .init(11);
    const random = prng.random();
    for (0..200) |_| {
        var queue: PairQueue(TestPair) = .{};
        defer queue.deinit(gpa);
        var pairs: std.ArrayList(TestPair) = .empty;
        defer pairs.deinit(gpa);

        var highest: u64 = @as(u64, std.math.maxInt(u64)) >> random.int(u6);
        while (true) {
            for (0..random.uintLessThan(usize, 8)) |_| {
                if (pairs.items.len == 60) break;
                const number: u32 = @intCast(pairs.items.len);
                try pairs.append(gpa, .{
                    // Few distinct values, so that there are ties at every level.
                    .count = @max(1, highest >> random.uintLessThan(u6, 4)),
                    .left = random.uintLessThan(u32, 3),
                    .right = number,
                });
                try queue.push(gpa, pairs.items, number);
            }
            for (pairs.items) |*pair| {
                if (random.uintLessThan(u8, 4) == 0) pair.count -= random.uintAtMost(u64, pair.count);
            }
            const expected = firstOf(pairs.items) orelse {
                try testing.expectEqual(null, try queue.pop(gpa, pairs.items));
                break;
            };
            const actual = (try queue.pop(gpa, pairs.items)).?;
            try testing.expectEqual(expected, actual);
            highest = actual.count;
            pairs.items[actual.index].count = 0;
        }
    }
}

fn firstOf(pairs: []const TestPair) ?Entry {
    var first: ?Entry = null;
    for (pairs, 0..) |pair, index| {
        if (pair.count == 0) continue;
        const candidate: Entry = .{
            .count = pair.count,
            .left = pair.left,
            .right = pair.right,
            .index = @intCast(index),
        };
        if (first == null or candidate.before(first.?)) first = candidate;
    }
    return first;
}
