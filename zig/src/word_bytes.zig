//! Words of bytes whose last byte is spelled with a suffix (CLIP's `</w>`), straight from the text.
//!
//! The general way (`pipeline.zig`, `spelled_model.zig`) copies a text into the characters that spell its bytes,
//! and looks each of them up. Where nothing but splits stands before that, and every byte has its token, both
//! within a word and at its end, words are cut and remembered as they are in the text, and only one that was
//! never met is put together from the tokens of its bytes. The ids are the same. Linear in the text, but for
//! the merges of a word: O(n log n).

const std = @import("std");
const byte_level = @import("byte_level.zig");
const clip = @import("pretokenizer/clip.zig");
const definition = @import("definition.zig");
const Diagnostic = @import("diagnostic.zig").Diagnostic;
const gpt2 = @import("pretokenizer/gpt2.zig");
const Pairs = @import("pairs.zig").Pairs;
const PreTokenizer = @import("pretokenizer.zig").PreTokenizer;
const Scratch = @import("spelled_model.zig").Scratch;
const unicode = @import("unicode.zig");
const utf8 = @import("utf8.zig");
const Vocab = @import("vocab.zig").Vocab;
const windows = @import("windows.zig");
const Allocator = std.mem.Allocator;

pub const WordBytes = struct {
    /// Whether it is what encodes.
    is_used: bool = false,
    pieces: PreTokenizer = .{ .scanner = .none },
    /// The tokens of the bytes within a word, and of those at its end.
    inner_ids: [256]u32 = @splat(0),
    last_ids: [256]u32 = @splat(0),

    pub const Error = error{ OutOfMemory, UnsupportedPattern };

    /// Not used where `source` needs more than this does. `spelled` are the tokens as the file spells them.
    pub fn init(
        gpa: Allocator,
        source: definition.SpelledModel,
        spelled: *const Vocab,
        ignore_merges: bool,
        diagnostic: *Diagnostic,
    ) Error!WordBytes {
        var model: WordBytes = .{};
        if (ignore_merges or source.continuing_prefix.len > 0) return model;
        if (source.steps.len == 0 or source.steps[source.steps.len - 1] != .byte_level) return model;
        var splits: std.ArrayList(definition.Split) = .empty;
        defer splits.deinit(gpa);
        for (source.steps[0 .. source.steps.len - 1]) |step| {
            if (step != .split) return model;
            try splits.append(gpa, step.split);
        }
        if (!try model.findBytes(gpa, source.word_suffix, spelled)) return model;
        model.pieces = if (isClip(splits.items))
            .{ .scanner = .clip }
        else
            try .init(gpa, splits.items, diagnostic);
        model.is_used = true;
        return model;
    }

    fn isClip(splits: []const definition.Split) bool {
        if (splits.len != 2) return false;
        const first, const second = splits[0..2].*;
        return first.behavior == .removed and first.invert and
            std.mem.eql(u8, first.pattern, clip.pattern) and second.behavior == .isolated and
            !second.invert and std.mem.eql(u8, second.pattern, byte_level.gpt2_pattern);
    }

    /// Whether each byte has both tokens.
    fn findBytes(
        model: *WordBytes,
        gpa: Allocator,
        suffix: []const u8,
        spelled: *const Vocab,
    ) error{OutOfMemory}!bool {
        var buffer: std.ArrayList(u8) = .empty;
        defer buffer.deinit(gpa);
        for (0..256) |byte| {
            buffer.clearRetainingCapacity();
            try byte_level.appendSpelled(gpa, &.{@intCast(byte)}, &buffer);
            model.inner_ids[byte] = spelled.find(buffer.items) orelse return false;
            try buffer.appendSlice(gpa, suffix);
            model.last_ids[byte] = spelled.find(buffer.items) orelse return false;
        }
        return true;
    }

    pub fn deinit(model: *WordBytes, gpa: Allocator) void {
        model.pieces.deinit(gpa);
        model.* = undefined;
    }

    pub fn validate(model: *const WordBytes, id_limit: u32) bool {
        for ([_][]const u32{ &model.inner_ids, &model.last_ids }) |ids| {
            for (ids) |id| if (id >= id_limit) return false;
        }
        return true;
    }

    /// Whether the tokens of a word have its bytes side by side, and white space alone is in no word.
    pub fn tilesWords(model: *const WordBytes) bool {
        return model.is_used and model.pieces.scanner == .clip;
    }

    /// `text`, well-formed UTF-8, without what belongs to no word at its end.
    pub fn trimmed(model: *const WordBytes, text: []const u8) []const u8 {
        if (!model.tilesWords()) return text;
        var end = text.len;
        while (end > 0) {
            const last = utf8.decodeLast(text[0..end]);
            if (!unicode.isWhiteSpace(last.code_point)) break;
            end -= last.len;
        }
        return text[0..end];
    }

    /// Writes the ids of a piece, at most as many as it has bytes, and returns how many they are.
    pub fn encode(
        model: *const WordBytes,
        pairs: *const Pairs,
        gpa: Allocator,
        scratch: *Scratch,
        piece: []const u8,
        ids: [*]u32,
    ) error{OutOfMemory}!usize {
        if (!model.tilesWords()) return model.encodeWord(pairs, gpa, scratch, piece, ids);
        const match = clip.wordOf(piece);
        var count: usize = 0;
        var at: usize = 0;
        while (at < match.len) {
            const end = gpt2.pieceEnd(match, at);
            count += try model.encodeWord(pairs, gpa, scratch, match[at..end], ids + count);
            at = end;
        }
        return count;
    }

    fn encodeWord(
        model: *const WordBytes,
        pairs: *const Pairs,
        gpa: Allocator,
        scratch: *Scratch,
        word: []const u8,
        ids: [*]u32,
    ) error{OutOfMemory}!usize {
        try scratch.symbols.resize(gpa, word.len);
        const symbols = scratch.symbols.items;
        for (symbols, word) |*symbol, byte| symbol.* = model.inner_ids[byte];
        symbols[symbols.len - 1] = model.last_ids[word[word.len - 1]];
        return windows.encodeWhole(pairs, gpa, &scratch.windows, symbols, ids);
    }
};

test {
    // Tested through `context.zig` and against tokenizers.
    std.testing.refAllDecls(@This());
}
