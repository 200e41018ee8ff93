//! The model over words as the file spells them: for vocabularies with a prefix or a suffix within words, and
//! for whatever cannot be said as bytes or as characters of the text. As tokenizers' BPE, step by step.
//!
//! A word's symbols are looked up one by one and merged by `windows.zig`: O(n log n) in the word.

const std = @import("std");
const definition = @import("definition.zig");
const Pairs = @import("pairs.zig").Pairs;
const utf8 = @import("utf8.zig");
const Vocab = @import("vocab.zig").Vocab;
const windows = @import("windows.zig");
const Allocator = std.mem.Allocator;

/// `word[start..end]`.
pub const Place = struct { start: usize, end: usize };

/// Memory for one word; kept from word to word.
pub const Scratch = struct {
    symbols: std.ArrayList(u32) = .empty,
    /// Where each symbol stands in the word, if that was asked for.
    places: std.ArrayList(Place) = .empty,
    spelling: std.ArrayList(u8) = .empty,
    windows: windows.Scratch = .{},

    pub fn deinit(scratch: *Scratch, gpa: Allocator) void {
        scratch.symbols.deinit(gpa);
        scratch.places.deinit(gpa);
        scratch.spelling.deinit(gpa);
        scratch.windows.deinit(gpa);
        scratch.* = undefined;
    }
};

pub const SpelledModel = struct {
    /// Whether it is what encodes.
    is_used: bool = false,
    /// The prefix, and behind it the suffix.
    affixes: []u8 = &.{},
    prefix_len: u32 = 0,
    /// What a character becomes that the vocabulary does not have; `none` if it is dropped.
    unknown_id: u32 = none,
    fuse_unknown: bool = false,
    /// A whole word that is a token is that token.
    ignore_merges: bool = false,
    /// The tokens "<0x00>" to "<0xFF>", if characters fall back to them; else `none`.
    byte_ids: [256]u32 = @splat(none),

    pub const none = std.math.maxInt(u32);

    pub fn init(
        gpa: Allocator,
        vocab: *const Vocab,
        source: definition.SpelledModel,
        ignore_merges: bool,
    ) error{OutOfMemory}!SpelledModel {
        const affixes = .{ source.continuing_prefix, source.word_suffix };
        var model: SpelledModel = .{
            .is_used = true,
            .affixes = try std.mem.concat(gpa, u8, &affixes),
            .prefix_len = @intCast(source.continuing_prefix.len),
            .unknown_id = source.unknown orelse none,
            .fuse_unknown = source.fuse_unknown,
            .ignore_merges = ignore_merges,
        };
        if (!source.byte_fallback) return model;
        for (&model.byte_ids, 0..) |*id, byte| {
            var buffer: [6]u8 = undefined;
            const spelled = std.fmt.bufPrint(&buffer, "<0x{X:0>2}>", .{byte}) catch unreachable;
            id.* = vocab.find(spelled) orelse none;
        }
        return model;
    }

    pub fn deinit(model: *SpelledModel, gpa: Allocator) void {
        gpa.free(model.affixes);
        model.* = undefined;
    }

    pub fn validate(model: *const SpelledModel, id_limit: u32) bool {
        if (model.prefix_len > model.affixes.len) return false;
        for (model.byte_ids) |id| if (id != none and id >= id_limit) return false;
        return model.unknown_id == none or model.unknown_id < id_limit;
    }

    /// How many ids a word of so many bytes has at most.
    pub fn roomFor(model: *const SpelledModel, len: usize) usize {
        return len * (1 + model.affixes.len);
    }

    /// Writes the ids of a word, well-formed UTF-8 and not empty, and returns how many they are.
    pub fn encode(
        model: *const SpelledModel,
        vocab: *const Vocab,
        pairs: *const Pairs,
        gpa: Allocator,
        scratch: *Scratch,
        word: []const u8,
        ids: [*]u32,
    ) error{OutOfMemory}!usize {
        if (model.ignore_merges) if (vocab.find(word)) |id| {
            ids[0] = id;
            return 1;
        };
        try model.spellOut(vocab, gpa, scratch, word, false);
        return windows.encodeWhole(pairs, gpa, &scratch.windows, scratch.symbols.items, ids);
    }

    /// Writes the symbols of a word, which merges start from, into `scratch`.
    pub fn spellOut(
        model: *const SpelledModel,
        vocab: *const Vocab,
        gpa: Allocator,
        scratch: *Scratch,
        word: []const u8,
        comptime with_places: bool,
    ) error{OutOfMemory}!void {
        const room = model.roomFor(word.len);
        scratch.symbols.clearRetainingCapacity();
        try scratch.symbols.ensureTotalCapacity(gpa, room);
        if (with_places) {
            scratch.places.clearRetainingCapacity();
            try scratch.places.ensureTotalCapacity(gpa, room);
        }
        var writer: Writer(with_places) = .{ .model = model, .scratch = scratch };
        var at: usize = 0;
        while (at < word.len) {
            const place: Place = .{ .start = at, .end = at + utf8.decode(word, at).len };
            at = place.end;
            const spelling = try model.spell(gpa, &scratch.spelling, word, place.start, place.end);
            if (vocab.find(spelling)) |id| {
                writer.putDue();
                writer.put(id, place);
            } else if (!writer.fallBack(spelling, place) and model.unknown_id != none) {
                writer.putUnknown(place);
            }
        }
        writer.putDue();
    }

    /// Into memory that has room.
    fn Writer(comptime with_places: bool) type {
        return struct {
            model: *const SpelledModel,
            scratch: *Scratch,
            /// The characters whose token is due: it is written before the next known one, and so behind the
            /// bytes of those that stand between.
            due: ?Place = null,

            fn put(writer: *@This(), id: u32, place: Place) void {
                writer.scratch.symbols.appendAssumeCapacity(id);
                if (with_places) writer.scratch.places.appendAssumeCapacity(place);
            }

            fn putDue(writer: *@This()) void {
                if (writer.due) |place| writer.put(writer.model.unknown_id, place);
                writer.due = null;
            }

            fn putUnknown(writer: *@This(), place: Place) void {
                if (writer.due) |*due| {
                    if (writer.model.fuse_unknown) {
                        due.end = place.end;
                        return;
                    }
                    writer.putDue();
                }
                writer.due = place;
            }

            /// The tokens of the bytes, if each has one; those of an affix are the character's last one.
            fn fallBack(writer: *@This(), spelling: []const u8, place: Place) bool {
                const byte_ids = &writer.model.byte_ids;
                for (spelling) |byte| if (byte_ids[byte] == none) return false;
                for (spelling, 0..) |byte, i| {
                    const start = @min(place.start + i, place.end - 1);
                    writer.put(byte_ids[byte], .{ .start = start, .end = start + 1 });
                }
                return true;
            }
        };
    }

    /// How the character `word[at..end]` is spelled in its place.
    fn spell(
        model: *const SpelledModel,
        gpa: Allocator,
        buffer: *std.ArrayList(u8),
        word: []const u8,
        at: usize,
        end: usize,
    ) error{OutOfMemory}![]const u8 {
        const prefix = if (at == 0) "" else model.affixes[0..model.prefix_len];
        const suffix = if (end < word.len) "" else model.affixes[model.prefix_len..];
        if (prefix.len + suffix.len == 0) return word[at..end];
        buffer.clearRetainingCapacity();
        for ([_][]const u8{ prefix, word[at..end], suffix }) |part| try buffer.appendSlice(gpa, part);
        return buffer.items;
    }
};

test {
    // Tested through `context.zig` and against tokenizers.
    std.testing.refAllDecls(@This());
}
