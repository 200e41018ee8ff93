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

/// Memory for one word; kept from word to word.
pub const Scratch = struct {
    symbols: std.ArrayList(u32) = .empty,
    spelling: std.ArrayList(u8) = .empty,
    windows: windows.Scratch = .{},

    pub fn deinit(scratch: *Scratch, gpa: Allocator) void {
        scratch.symbols.deinit(gpa);
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
        const symbols = &scratch.symbols;
        symbols.clearRetainingCapacity();
        try symbols.ensureTotalCapacity(gpa, model.roomFor(word.len));
        // Whether the token of unknown characters is due: it is written before the next known one, and so
        // behind the bytes of those that stand between.
        var is_due = false;
        var at: usize = 0;
        while (at < word.len) {
            const end = at + utf8.decode(word, at).len;
            defer at = end;
            const spelling = try model.spell(gpa, &scratch.spelling, word, at, end);
            if (vocab.find(spelling)) |id| {
                if (is_due) symbols.appendAssumeCapacity(model.unknown_id);
                is_due = false;
                symbols.appendAssumeCapacity(id);
            } else if (!model.fallBack(spelling, symbols) and model.unknown_id != none) {
                if (is_due and !model.fuse_unknown) symbols.appendAssumeCapacity(model.unknown_id);
                is_due = true;
            }
        }
        if (is_due) symbols.appendAssumeCapacity(model.unknown_id);
        return windows.encodeWhole(pairs, gpa, &scratch.windows, symbols.items, ids);
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

    /// Appends the tokens of the bytes, if each has one.
    fn fallBack(model: *const SpelledModel, spelling: []const u8, symbols: *std.ArrayList(u32)) bool {
        for (spelling) |byte| if (model.byte_ids[byte] == none) return false;
        for (spelling) |byte| symbols.appendAssumeCapacity(model.byte_ids[byte]);
        return true;
    }
};

test {
    // Tested through `context.zig` and against tokenizers.
    std.testing.refAllDecls(@This());
}
