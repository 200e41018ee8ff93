//! The alphabet that tokenizers' `BpeTrainer` begins with: which characters, in which order.
//!
//! As there, those that occur, and those of the initial alphabet as if they occurred more often than all; of these
//! the most frequent ones, if there is a limit; in order of code points. Where tokenizers leaves it to chance
//! which of several equals to keep, the first ones are kept.
//!
//! Time is linear in the pieces; memory is 8 bytes a code point while pieces of characters are counted.

const std = @import("std");
const byte_level = @import("byte_level.zig");
const flat_corpus = @import("flat_corpus.zig");
const utf8 = @import("utf8.zig");
const word_counts = @import("word_counts.zig");
const Symbols = flat_corpus.Symbols;
const Watch = @import("watch.zig").Watch;
const WordCounts = word_counts.WordCounts;
const Allocator = std.mem.Allocator;

/// So many pieces are gone through between two looks at whether to stop.
const poll_interval = 1 << 16;

const code_points = 0x110000;

pub const Error = Allocator.Error || error{
    /// The symbols of all pieces together do not fit in 63 bits.
    CountOverflow,
    /// A piece of characters, or the initial alphabet, is not UTF-8.
    InvalidUtf8,
    Cancelled,
};

pub const Options = struct {
    /// What pieces are made of: bytes, which stand for the characters that spell them, or characters.
    unit: Unit = .byte,
    /// How many characters to have at most.
    limit: u64 = std.math.maxInt(u64),
    /// Characters that are there even if they do not occur, as UTF-8.
    initial: []const u8 = "",
    /// The same for the characters of all bytes.
    has_all_bytes: bool = false,
    watch: ?*Watch = null,
};

pub const Unit = enum { byte, character };

/// A character that is a token from the beginning.
pub const First = struct {
    character: u21,
    /// Its number in the corpus.
    symbol: u32,
};

pub const Alphabet = struct {
    /// In order of the characters.
    firsts: []First,
    /// What is left of pieces.
    symbols: Symbols,
    /// Beyond the highest number of a symbol.
    symbol_count: u32,
    kept_bytes: *flat_corpus.ByteSet,
    numbers: []u32,

    pub fn deinit(alphabet: *Alphabet, gpa: Allocator) void {
        gpa.free(alphabet.firsts);
        gpa.free(alphabet.numbers);
        gpa.destroy(alphabet.kept_bytes);
        alphabet.* = undefined;
    }

    /// The alphabet of the pieces of `tables`.
    pub fn init(gpa: Allocator, tables: []const WordCounts, options: Options) Error!Alphabet {
        const seen = try gpa.alloc(u64, code_points);
        defer gpa.free(seen);
        @memset(seen, 0);
        switch (options.unit) {
            .byte => try countBytes(tables, options.watch, seen),
            .character => try countCharacters(tables, options.watch, seen),
        }
        if (options.has_all_bytes) for (byte_level.characters) |character| {
            seen[character] = std.math.maxInt(u64);
        };
        if (!utf8.isWellFormed(options.initial)) return error.InvalidUtf8;
        var at: usize = 0;
        while (at < options.initial.len) {
            const character = utf8.decode(options.initial, at);
            seen[character.code_point] = std.math.maxInt(u64);
            at += character.len;
        }

        var candidates: std.ArrayList(First) = .empty;
        defer candidates.deinit(gpa);
        for (seen, 0..) |count, character| {
            if (count > 0) try candidates.append(gpa, .{ .character = @intCast(character), .symbol = 0 });
        }
        if (options.limit < candidates.items.len) {
            std.mem.sort(First, candidates.items, @as([]const u64, seen), isSeenMore);
            candidates.shrinkRetainingCapacity(@intCast(options.limit));
            std.mem.sort(First, candidates.items, {}, isBefore);
        }
        return number(gpa, try candidates.toOwnedSlice(gpa), options.unit);
    }

    /// Takes `firsts`, and gives them numbers. With bytes, a character that spells none is no symbol of any piece, and
    /// gets a number that no byte has.
    fn number(gpa: Allocator, firsts: []First, unit: Unit) error{OutOfMemory}!Alphabet {
        errdefer gpa.free(firsts);
        const numbers = try gpa.alloc(u32, if (unit == .character) code_points else 0);
        errdefer gpa.free(numbers);
        @memset(numbers, Symbols.left_out);
        const kept = try gpa.create(flat_corpus.ByteSet);
        kept.* = .initEmpty();
        var symbol_count: u32 = if (unit == .byte) 256 else 0;
        for (firsts) |*first| {
            const byte = if (unit == .byte) byte_level.byteOf(first.character) else null;
            if (byte) |b| {
                kept.set(b);
                first.symbol = b;
                continue;
            }
            first.symbol = symbol_count;
            symbol_count += 1;
            if (unit == .character) numbers[first.character] = first.symbol;
        }
        const symbols: Symbols = switch (unit) {
            .character => .{ .characters = numbers },
            .byte => if (kept.count() == 256) .all_bytes else .{ .bytes = kept },
        };
        return .{
            .firsts = firsts,
            .symbols = symbols,
            .symbol_count = symbol_count,
            .kept_bytes = kept,
            .numbers = numbers,
        };
    }

    fn isSeenMore(seen: []const u64, a: First, b: First) bool {
        return seen[a.character] > seen[b.character];
    }

    fn isBefore(_: void, a: First, b: First) bool {
        return a.character < b.character;
    }
};

fn countBytes(tables: []const WordCounts, watch: ?*Watch, seen: []u64) Error!void {
    var of_bytes: [256]u64 = @splat(0);
    var total: u64 = 0;
    for (tables) |*table| {
        var walk = table.iterator();
        while (walk.next()) |word| {
            if (walk.index % poll_interval == 0) try Watch.poll(watch);
            for (word.bytes) |byte| {
                of_bytes[byte] +|= word.count;
                total +|= word.count;
            }
        }
    }
    try checkTotal(total);
    for (of_bytes, byte_level.characters) |count, character| seen[character] = count;
}

fn countCharacters(tables: []const WordCounts, watch: ?*Watch, seen: []u64) Error!void {
    var total: u64 = 0;
    for (tables) |*table| {
        var walk = table.iterator();
        while (walk.next()) |word| {
            if (walk.index % poll_interval == 0) try Watch.poll(watch);
            if (!utf8.isWellFormed(word.bytes)) return error.InvalidUtf8;
            var at: usize = 0;
            while (at < word.bytes.len) {
                const character = utf8.decode(word.bytes, at);
                seen[character.code_point] +|= word.count;
                total +|= word.count;
                at += character.len;
            }
        }
    }
    try checkTotal(total);
}

/// No count of a pair can exceed the sum of all symbols.
fn checkTotal(total: u64) error{CountOverflow}!void {
    if (total > std.math.maxInt(i64)) return error.CountOverflow;
}

const testing = std.testing;

fn expectAlphabet(pieces: []const []const u8, options: Options, expected: []const u8) !void {
    const gpa = testing.allocator;
    var counts: WordCounts = .init(gpa);
    defer counts.deinit();
    for (pieces) |piece| try counts.add(piece, 1);
    var alphabet: Alphabet = try .init(gpa, (&counts)[0..1], options);
    defer alphabet.deinit(gpa);
    var found: std.ArrayList(u8) = .empty;
    defer found.deinit(gpa);
    for (alphabet.firsts) |first| {
        var buffer: [4]u8 = undefined;
        const len = try std.unicode.utf8Encode(first.character, &buffer);
        try found.appendSlice(gpa, buffer[0..len]);
        try testing.expect(first.symbol < alphabet.symbol_count);
    }
    try testing.expectEqualStrings(expected, found.items);
}

test "characters that occur, and initial ones, the most frequent of them, in order" {
    const pieces = [_][]const u8{ "zz\u{e9}", "z\u{4e2d}a", "b\u{e9}" };
    try expectAlphabet(&pieces, .{ .unit = .character }, "abz\u{e9}\u{4e2d}");
    try expectAlphabet(&pieces, .{ .unit = .character, .limit = 3 }, "az\u{e9}");
    try expectAlphabet(&pieces, .{ .unit = .character, .limit = 0 }, "");
    const initial: Options = .{ .unit = .character, .initial = "qb", .limit = 3 };
    try expectAlphabet(&pieces, initial, "bqz");
    // Bytes are the characters that spell them: C3 A9 is "Ã©", a space "Ġ".
    try expectAlphabet(&.{" \u{e9}"}, .{ .initial = "\u{4e2d}a" }, "a\u{a9}\u{c3}\u{120}\u{4e2d}");
    try testing.expectError(error.InvalidUtf8, expectAlphabet(&.{"\xff"}, .{ .unit = .character }, ""));
    try testing.expectError(error.InvalidUtf8, expectAlphabet(&.{}, .{ .initial = "\xff" }, ""));
}

test "an allocation that fails leaks nothing" {
    const run = struct {
        fn run(gpa: Allocator, counts: *WordCounts) !void {
            for ([_]Unit{ .byte, .character }) |unit| {
                var alphabet: Alphabet = try .init(gpa, counts[0..1], .{ .unit = unit, .limit = 2 });
                alphabet.deinit(gpa);
            }
        }
    }.run;
    var counts: WordCounts = .init(testing.allocator);
    defer counts.deinit();
    try counts.add("abc", 5);
    try testing.checkAllAllocationFailures(testing.allocator, run, .{&counts});
}
