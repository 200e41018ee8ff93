//! How many bytes of its text each token stands for, a byte a token, and how many characters begin in it, another.
//!
//! Adding lengths up waits for nothing but these. Where the tokens' bytes lie takes four times the memory: with a
//! large vocabulary, nearly every token of a text then is a miss of the caches, which encoding has filled with its own.

const std = @import("std");
const byte_level = @import("byte_level.zig");
const utf8 = @import("utf8.zig");
const AddedTokens = @import("added_tokens.zig").AddedTokens;
const Tokenizer = @import("tokenizer.zig").Tokenizer;
const Words = @import("words.zig").Words;
const Allocator = std.mem.Allocator;

pub const TokenLengths = struct {
    /// By id: 0 where there is no token, an empty one, or an added one that may stand for more or for other text than
    /// its own bytes; `long` of as many bytes or more.
    bytes: []u8,

    /// Where `bytes` has a length: how many characters begin in the token, and whether it begins inside of one;
    /// `unknown` of one that may stand for other text than its own bytes.
    starts: []Starts,

    pub const long = std.math.maxInt(u8);

    pub const Starts = packed struct(u8) {
        count: u7,
        begins_inside: bool,

        const unknown: Starts = .{ .count = std.math.maxInt(u7), .begins_inside = true };

        fn of(bytes: []const u8) Starts {
            const count = utf8.countStarts(bytes);
            if (bytes.len == 0 or count >= unknown.count) return unknown;
            return .{ .count = @intCast(count), .begins_inside = bytes[0] & 0xC0 == 0x80 };
        }
    };

    pub fn init(gpa: Allocator, tokenizer: *const Tokenizer) error{OutOfMemory}!TokenLengths {
        const vocab = &tokenizer.vocab;
        const id_limit = vocab.idLimit();
        const bytes = try gpa.alloc(u8, id_limit);
        errdefer gpa.free(bytes);
        const starts = try gpa.alloc(Starts, id_limit);
        const lengths: TokenLengths = .{ .bytes = bytes, .starts = starts };
        for (bytes, starts, vocab.offsets[0..id_limit], vocab.offsets[1..]) |*len, *begun, start, end| {
            len.* = @intCast(@min(end - start, long));
            begun.* = .of(vocab.bytes[start..end]);
        }
        if (tokenizer.word_bytes.tilesWords()) lengths.putSpelled(tokenizer);
        if (spellsBytes(tokenizer)) for (tokenizer.words.byte_ids, 0..) |id, byte| {
            if (id == Words.none or !vocab.isDefined(id)) continue;
            var buffer: [6]u8 = undefined;
            const spelled = std.fmt.bufPrint(&buffer, "<0x{X:0>2}>", .{byte}) catch unreachable;
            if (!std.ascii.eqlIgnoreCase(vocab.bytesOf(id), spelled)) continue;
            bytes[id] = 1;
            starts[id] = .of(&.{@intCast(byte)});
        };
        for (tokenizer.added.tokens) |*token| {
            if (!AddedTokens.isTile(token, vocab)) bytes[token.id] = 0;
            starts[token.id] = .unknown;
        }
        // It stands for one of any bytes.
        if (tokenizer.unknown_id < id_limit) starts[tokenizer.unknown_id] = .unknown;
        return lengths;
    }

    pub fn deinit(lengths: *TokenLengths, gpa: Allocator) void {
        gpa.free(lengths.bytes);
        gpa.free(lengths.starts);
        lengths.* = undefined;
    }

    /// The length of a token; null if there is none with this id, 0 if it is empty.
    pub inline fn of(lengths: *const TokenLengths, tokenizer: *const Tokenizer, id: u32) ?usize {
        if (id >= lengths.bytes.len) return null;
        const len = lengths.bytes[id];
        if (len > 0 and len < long) return len;
        if (!tokenizer.vocab.isDefined(id)) return null;
        return tokenizer.vocab.bytesOf(id).len;
    }

    /// The length of a token that lies beside others wherever it is, and is as long as what it stands for or shorter; null
    /// if that is not known.
    pub inline fn ofTile(lengths: *const TokenLengths, tokenizer: *const Tokenizer, id: u32) ?usize {
        if (id >= lengths.bytes.len) return null;
        const len = lengths.bytes[id];
        if (len == 0) return null;
        return if (len < long) len else tokenizer.vocab.bytesOf(id).len;
    }

    /// How many characters begin in a token that has a length and stands for `text[start..end]`, well-formed text, and
    /// whether one begins before.
    pub inline fn startsOf(
        lengths: *const TokenLengths,
        id: u32,
        text: []const u8,
        start: usize,
        end: usize,
    ) struct { count: u64, begins_inside: bool } {
        const starts = lengths.starts[id];
        if (starts != Starts.unknown) return .{ .count = starts.count, .begins_inside = starts.begins_inside };
        return .{
            .count = utf8.countStarts(text[start..end]),
            .begins_inside = text[start] & 0xC0 == 0x80,
        };
    }

    /// Sends for the length of an id, whatever it is.
    pub inline fn prefetch(lengths: *const TokenLengths, id: u32) void {
        @prefetch(lengths.bytes.ptr + id, .{});
    }

    /// The same for how many characters begin.
    pub inline fn prefetchStarts(lengths: *const TokenLengths, id: u32) void {
        @prefetch(lengths.starts.ptr + id, .{});
    }

    /// Tokens of which each character spells a byte, but for the suffix.
    fn putSpelled(lengths: *const TokenLengths, tokenizer: *const Tokenizer) void {
        const vocab = &tokenizer.spelled.?;
        const model = &tokenizer.spelled_model;
        const suffix = model.affixes[model.prefix_len..];
        for (lengths.bytes, lengths.starts, 0..) |*len, *starts, id| {
            if (!vocab.isDefined(@intCast(id))) continue;
            const spelled = vocab.bytesOf(@intCast(id));
            const has_suffix = suffix.len > 0 and std.mem.endsWith(u8, spelled, suffix);
            const own = spelled[0 .. spelled.len - if (has_suffix) suffix.len else 0];
            const count = utf8.countStarts(own);
            var buffer: [4 * @as(usize, long)]u8 = undefined;
            const bytes = if (count < long) byte_level.decode(own, &buffer) else null;
            // Of longer ones, the place is looked for symbol by symbol.
            len.* = if (count < long) @intCast(count) else 0;
            starts.* = if (bytes) |known| .of(known) else .unknown;
        }
    }
};

/// Whether a byte that a character falls back to has its spelling in the vocabulary.
fn spellsBytes(tokenizer: *const Tokenizer) bool {
    return tokenizer.token_text.is_used and !tokenizer.words.isUnused();
}
