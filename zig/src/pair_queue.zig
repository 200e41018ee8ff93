//! The queue from which training takes the next pair to merge: the one with the highest count,
//! among those the one with the smallest left and then the smallest right token.
//!
//! It rests on two facts of the training and is of no use elsewhere: a count only falls once its
//! pair is queued, and no pair is queued with a count above that of the pair taken last. Hence a
//! queued count may be stale, but only too high, and is put right when its pair comes up; and
//! pairs can wait unsorted in one bucket for each power of two, of which only the highest that is
//! not empty is a heap. Most pairs of a corpus are rare and never reach the heap at all.
//!
//! An entry falls through at most 64 buckets and is sorted only among those of its own power of
//! two: `push` takes constant time, and `pop` O(log n) for each time that its entries' counts
//! have fallen.

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

pub const PairQueue = struct {
    /// `buckets[i]` holds the entries whose count, when last looked at, had its highest bit at `i`.
    buckets: [64]std.ArrayList(Entry) = @splat(.empty),
    /// The bucket that is a heap; all above it are empty.
    heap_bit: u6 = 63,

    pub fn deinit(self: *PairQueue, gpa: Allocator) void {
        for (&self.buckets) |*bucket| bucket.deinit(gpa);
        self.* = undefined;
    }

    /// Queues a pair. Its count must not be zero.
    pub fn push(self: *PairQueue, gpa: Allocator, entry: Entry) Allocator.Error!void {
        const bit = std.math.log2_int(u64, entry.count);
        std.debug.assert(bit <= self.heap_bit);
        const bucket = &self.buckets[bit];
        try bucket.append(gpa, entry);
        if (bit == self.heap_bit) siftUp(bucket.items, bucket.items.len - 1);
    }

    /// Takes the first pair by the present counts, `counts[entry.index]`; null when no pair that
    /// still occurs is left. After an error the queue is fit only to be freed.
    pub fn pop(self: *PairQueue, gpa: Allocator, counts: []const u64) Allocator.Error!?Entry {
        while (true) {
            const heap = &self.buckets[self.heap_bit];
            if (heap.items.len == 0) {
                heap.clearAndFree(gpa);
                if (self.heap_bit == 0) return null;
                self.heap_bit -= 1;
                try self.refreshHeap(gpa, counts);
                continue;
            }
            const first = &heap.items[0];
            const count = counts[first.index];
            std.debug.assert(count <= first.count);
            if (count == first.count) return removeFirst(heap);
            first.count = count;
            if (count == 0) {
                _ = removeFirst(heap);
            } else if (std.math.log2_int(u64, count) == self.heap_bit) {
                siftDown(heap.items, 0);
            } else {
                try self.buckets[std.math.log2_int(u64, count)].append(gpa, first.*);
                _ = removeFirst(heap);
            }
        }
    }

    /// Makes the bucket at `heap_bit` a heap, without the entries that no longer belong there.
    fn refreshHeap(self: *PairQueue, gpa: Allocator, counts: []const u64) Allocator.Error!void {
        const heap = &self.buckets[self.heap_bit];
        var index: usize = 0;
        while (index < heap.items.len) {
            const entry = &heap.items[index];
            entry.count = counts[entry.index];
            if (entry.count >> self.heap_bit != 0) {
                index += 1;
                continue;
            }
            if (entry.count != 0) {
                try self.buckets[std.math.log2_int(u64, entry.count)].append(gpa, entry.*);
            }
            _ = heap.swapRemove(index);
        }
        var parent = heap.items.len / 2;
        while (parent > 0) {
            parent -= 1;
            siftDown(heap.items, parent);
        }
    }
};

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

test "takes pairs in order of count, left, right, while counts fall" {
    const gpa = testing.allocator;
    var prng: std.Random.DefaultPrng = .init(11);
    const random = prng.random();
    for (0..200) |_| {
        var queue: PairQueue = .{};
        defer queue.deinit(gpa);
        var counts: std.ArrayList(u64) = .empty;
        defer counts.deinit(gpa);
        var pairs: std.ArrayList(Entry) = .empty;
        defer pairs.deinit(gpa);

        var highest: u64 = @as(u64, std.math.maxInt(u64)) >> random.int(u6);
        while (true) {
            for (0..random.uintLessThan(usize, 8)) |_| {
                if (pairs.items.len == 60) break;
                const entry: Entry = .{
                    // Few distinct values, so that there are ties at every level.
                    .count = @max(1, highest >> random.uintLessThan(u6, 4)),
                    .left = random.uintLessThan(u32, 3),
                    .right = @intCast(pairs.items.len),
                    .index = @intCast(pairs.items.len),
                };
                try counts.append(gpa, entry.count);
                try pairs.append(gpa, entry);
                try queue.push(gpa, entry);
            }
            for (counts.items) |*count| {
                if (random.uintLessThan(u8, 4) == 0) count.* -= random.uintAtMost(u64, count.*);
            }
            const expected = firstOf(pairs.items, counts.items) orelse {
                try testing.expectEqual(null, try queue.pop(gpa, counts.items));
                break;
            };
            const actual = (try queue.pop(gpa, counts.items)).?;
            try testing.expectEqual(expected, actual);
            highest = actual.count;
            counts.items[actual.index] = 0;
        }
    }
}

fn firstOf(pairs: []const Entry, counts: []const u64) ?Entry {
    var first: ?Entry = null;
    for (pairs, counts) |pair, count| {
        if (count == 0) continue;
        var candidate = pair;
        candidate.count = count;
        if (first == null or candidate.before(first.?)) first = candidate;
    }
    return first;
}
