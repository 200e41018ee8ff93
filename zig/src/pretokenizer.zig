//! Cutting text into pieces: chooses the scanner for a pattern and runs it.
//!
//! The patterns of known tokenizers have scanners written by hand, under `pretokenizer/`; a pattern that has
//! none is refused by name, never approximated. Time is linear in the text, whatever is in it.

const std = @import("std");
const definition = @import("definition.zig");
const Diagnostic = @import("diagnostic.zig").Diagnostic;
const cl100k = @import("pretokenizer/cl100k.zig");
const gpt2 = @import("pretokenizer/gpt2.zig");
const o200k = @import("pretokenizer/o200k.zig");

/// A piece: `text[start..end]`, never empty.
pub const Span = struct { start: usize, end: usize };

/// What one call of `next` found: `count` pieces; go on at `position`.
pub const Batch = struct { count: usize, position: usize };

pub const PreTokenizer = enum {
    /// The whole text is one piece.
    none,
    gpt2,
    /// cl100k as tiktoken spells it today.
    cl100k,
    /// Its earlier spelling: also Llama 3, and rustbpe's default.
    llama3,
    /// As `llama3`, with digits two by two: nanochat.
    nanochat,
    /// As `llama3`, with each digit a piece: Qwen2.
    qwen2,
    /// Also gpt-oss.
    o200k,
    /// As `o200k` without contractions, each digit a piece: Mistral's Tekken.
    tekken,

    /// The scanner for `splits`, or a diagnostic that names the pattern.
    pub fn init(
        splits: []const definition.Split,
        diagnostic: *Diagnostic,
    ) error{UnsupportedPattern}!PreTokenizer {
        if (splits.len == 0) return .none;
        if (splits.len > 1 or !splits[0].keepsMatches()) {
            diagnostic.set(null, "this sequence of splits has no scanner", .{});
            return error.UnsupportedPattern;
        }
        const pattern = splits[0].pattern;
        for (known_patterns) |known| {
            if (std.mem.eql(u8, known.pattern, pattern)) return known.scanner;
        }
        diagnostic.set(
            null,
            "the pattern {f} has no scanner: supported are those of GPT-2, cl100k, o200k, Llama 3, Qwen2, Tekken and nanochat",
            .{std.json.fmt(pattern[0..@min(pattern.len, 200)], .{})},
        );
        return error.UnsupportedPattern;
    }

    pub fn name(self: PreTokenizer) [:0]const u8 {
        return @tagName(self);
    }

    /// Finds the next pieces of `text` from `start` on, as many as `spans` has room for. Start at 0 and go
    /// on at the returned position until it is the text's length.
    pub fn next(self: PreTokenizer, text: []const u8, start: usize, spans: []Span) Batch {
        return switch (self) {
            .none => scan(wholeEnd, text, start, spans),
            .gpt2 => scan(gpt2.pieceEnd, text, start, spans),
            .cl100k => scan(familyEnd(3, true), text, start, spans),
            .llama3 => scan(familyEnd(3, false), text, start, spans),
            .nanochat => scan(familyEnd(2, false), text, start, spans),
            .qwen2 => scan(familyEnd(1, false), text, start, spans),
            .o200k => scan(o200kEnd(3, true), text, start, spans),
            .tekken => scan(o200kEnd(1, false), text, start, spans),
        };
    }
};

const upper = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
const lower = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";

const known_patterns = [_]struct { pattern: []const u8, scanner: PreTokenizer }{
    // tokenizers' ByteLevel, and the encoder of GPT-2.
    .{
        .pattern = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
        .scanner = .gpt2,
    },
    // tiktoken, in three of its versions.
    .{
        .pattern = "'(?:[sdmt]|ll|ve|re)| ?\\p{L}++| ?\\p{N}++| ?[^\\s\\p{L}\\p{N}]++|\\s++$|" ++
            "\\s+(?!\\S)|\\s",
        .scanner = .gpt2,
    },
    .{
        .pattern = "'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
        .scanner = .gpt2,
    },
    .{
        .pattern = "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++|\\p{N}{1,3}+|" ++
            " ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*+|\\s++$|\\s*[\\r\\n]|\\s+(?!\\S)|\\s",
        .scanner = .cl100k,
    },
    .{
        .pattern = "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}{1,3}|" ++
            " ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+",
        .scanner = .llama3,
    },
    .{
        .pattern = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}|" ++
            " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
        .scanner = .llama3,
    },
    .{
        .pattern = "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}{1,2}|" ++
            " ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|\\s+(?!\\S)|\\s+",
        .scanner = .nanochat,
    },
    .{
        .pattern = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|" ++
            " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
        .scanner = .qwen2,
    },
    .{
        .pattern = "[^\\r\\n\\p{L}\\p{N}]?" ++ upper ++ "*" ++ lower ++ "+" ++
            "(?i:'s|'t|'re|'ve|'m|'ll|'d)?|" ++
            "[^\\r\\n\\p{L}\\p{N}]?" ++ upper ++ "+" ++ lower ++ "*" ++
            "(?i:'s|'t|'re|'ve|'m|'ll|'d)?|" ++
            "\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
        .scanner = .o200k,
    },
    .{
        .pattern = "[^\\r\\n\\p{L}\\p{N}]?" ++ upper ++ "*" ++ lower ++ "+" ++
            "|" ++
            "[^\\r\\n\\p{L}\\p{N}]?" ++ upper ++ "+" ++ lower ++ "*" ++
            "|" ++
            "\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
        .scanner = .tekken,
    },
};

const PieceEnd = fn (text: []const u8, at: usize) usize;

fn familyEnd(comptime number_len: usize, comptime keep_final_space: bool) PieceEnd {
    return struct {
        fn pieceEnd(text: []const u8, at: usize) usize {
            const options: cl100k.Options = .{
                .number_len = number_len,
                .keep_final_space = keep_final_space,
            };
            return cl100k.pieceEnd(options, text, at);
        }
    }.pieceEnd;
}

fn o200kEnd(comptime number_len: usize, comptime contractions: bool) PieceEnd {
    return struct {
        fn pieceEnd(text: []const u8, at: usize) usize {
            const options: o200k.Options = .{
                .number_len = number_len,
                .contractions = contractions,
            };
            return o200k.pieceEnd(options, text, at);
        }
    }.pieceEnd;
}

fn wholeEnd(text: []const u8, at: usize) usize {
    _ = at;
    return text.len;
}

fn scan(comptime pieceEnd: PieceEnd, text: []const u8, start: usize, spans: []Span) Batch {
    var position = start;
    var count: usize = 0;
    while (count < spans.len and position < text.len) : (count += 1) {
        const end = pieceEnd(text, position);
        std.debug.assert(end > position and end <= text.len);
        spans[count] = .{ .start = position, .end = end };
        position = end;
    }
    return .{ .count = count, .position = position };
}

test {
    _ = @import("pretokenizer/runs.zig");
    _ = @import("pretokenizer/reference.zig");
}
