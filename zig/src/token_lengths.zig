//! How many bytes of its text each token stands for, a byte a token.
//!
//! Adding lengths up waits for nothing but these. Where the tokens' bytes lie takes four times the memory: with a
//! large vocabulary, nearly every token of a text then is a miss of the caches, which encoding has filled with its own.

const std = @import("std");
const AddedTokens = @import("added_tokens.zig").AddedTokens;
const Tokenizer = @import("tokenizer.zig").Tokenizer;
const Words = @import("words.zig").Words;
const Allocator = std.mem.Allocator;

pub const TokenLengths = struct {
    /// By id: 0 where there is no token, an empty one, or an added one that may stand for more or for other text than
    /// its own bytes; `long` of as many bytes or more.
    bytes: []u8,

    pub const long = std.math.maxInt(u8);

    pub fn init(gpa: Allocator, tokenizer: *const Tokenizer) error{OutOfMemory}!TokenLengths {
        const vocab = &tokenizer.vocab;
        const id_limit = vocab.idLimit();
        const bytes = try gpa.alloc(u8, id_limit);
        for (bytes, vocab.offsets[0..id_limit], vocab.offsets[1..]) |*len, start, end| {
            len.* = @intCast(@min(end - start, long));
        }
        if (tokenizer.word_bytes.tilesWords()) putSpelled(tokenizer, bytes);
        if (spellsBytes(tokenizer)) for (tokenizer.words.byte_ids, 0..) |id, byte| {
            if (id == Words.none or !vocab.isDefined(id)) continue;
            var buffer: [6]u8 = undefined;
            const spelled = std.fmt.bufPrint(&buffer, "<0x{X:0>2}>", .{byte}) catch unreachable;
            if (std.ascii.eqlIgnoreCase(vocab.bytesOf(id), spelled)) bytes[id] = 1;
        };
        for (tokenizer.added.tokens) |*token| {
            if (!AddedTokens.isTile(token, vocab)) bytes[token.id] = 0;
        }
        return .{ .bytes = bytes };
    }

    pub fn deinit(lengths: *TokenLengths, gpa: Allocator) void {
        gpa.free(lengths.bytes);
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

    /// Sends for the length of an id, whatever it is.
    pub inline fn prefetch(lengths: *const TokenLengths, id: u32) void {
        @prefetch(lengths.bytes.ptr + id, .{});
    }
};

/// Tokens of which each character spells a byte, but for the suffix.
fn putSpelled(tokenizer: *const Tokenizer, bytes: []u8) void {
    const vocab = &tokenizer.spelled.?;
    const model = &tokenizer.spelled_model;
    const suffix = model.affixes[model.prefix_len..];
    for (bytes, 0..) |*len, id| {
        if (!vocab.isDefined(@intCast(id))) continue;
        const spelled = vocab.bytesOf(@intCast(id));
        const has_suffix = suffix.len > 0 and std.mem.endsWith(u8, spelled, suffix);
        const own = spelled[0 .. spelled.len - if (has_suffix) suffix.len else 0];
        var count: usize = 0;
        for (own) |byte| count += @intFromBool(byte & 0xC0 != 0x80);
        // Of longer ones, the place is looked for symbol by symbol.
        len.* = if (count < TokenLengths.long) @intCast(count) else 0;
    }
}

/// Whether a byte that a character falls back to has its spelling in the vocabulary.
fn spellsBytes(tokenizer: *const Tokenizer) bool {
    return tokenizer.token_text.is_used and !tokenizer.words.isUnused();
}
