//! Cutting text into pieces: chooses the scanner for a pattern and runs it.
//!
//! The patterns of known tokenizers have scanners written by hand, under `pretokenizer/`; other patterns, and
//! sequences of them, are compiled (`pretokenizer/compiled.zig`), or refused with the reason.

const std = @import("std");
const byte_level = @import("byte_level.zig");
const definition = @import("definition.zig");
const Diagnostic = @import("diagnostic.zig").Diagnostic;
const Compiled = @import("pretokenizer/compiled.zig").Compiled;
const bloom = @import("pretokenizer/bloom.zig");
const cl100k = @import("pretokenizer/cl100k.zig");
const clip = @import("pretokenizer/clip.zig");
const deepseek = @import("pretokenizer/deepseek.zig");
const deepseek_coder = @import("pretokenizer/deepseek_coder.zig");
const deepseek_llm = @import("pretokenizer/deepseek_llm.zig");
const falcon = @import("pretokenizer/falcon.zig");
const gpt2 = @import("pretokenizer/gpt2.zig");
const levels = @import("pretokenizer/levels.zig");
const Level = levels.Level;
const o200k = @import("pretokenizer/o200k.zig");
const rust_classes = @import("pretokenizer/rust_classes.zig");
const starcoder = @import("pretokenizer/starcoder.zig");
const window = @import("pretokenizer/kernels/window.zig");
const Allocator = std.mem.Allocator;

/// A piece: `text[start..end]`, never empty.
pub const Span = window.Span;

pub const Keyed = window.Keyed;

/// A walk through one text. Start with `.{}`; the text is done when `position` is its length.
pub const Cursor = struct {
    /// Behind the last piece that was found.
    position: usize = 0,
    /// The kernels to use; the pieces are the same with all.
    level: Level = .baseline,
    /// Of no use but for `Scanner.compiled`.
    compiled: Compiled.Cursor = .{},

    /// As `.{}`, from another place on if the pre-tokenizer `beginsAnywhere`. Assigning `.{}` writes all of
    /// `compiled`, which took longer
    /// than a short text.
    pub inline fn begin(cursor: *Cursor, level: Level, position: usize) void {
        cursor.position = position;
        cursor.level = level;
        cursor.compiled.position = position;
        cursor.compiled.depth = 0;
    }
};

/// What finds the pieces.
pub const Scanner = enum(u8) {
    /// What the patterns are compiled to.
    compiled,
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
    /// The three splits of DeepSeek V3.
    deepseek,
    /// Each digit a piece, then `gpt2`: also SmolLM and Command-R.
    starcoder,
    /// As `qwen2`, with marks as letters: Qwen3.5.
    qwen3_5,
    bloom,
    /// Han characters apart, then as `o200k`: Kimi K2.
    kimi,
    /// Two splits of the text, and two of the characters that spell its bytes.
    falcon,
    /// Words with the white space before them: for `word_bytes.zig` alone.
    clip,
    /// The five splits of deepseek-coder.
    deepseek_coder,
    /// The six splits of DeepSeek LLM: also DeepSeek V2 and Coder V2.
    deepseek_llm,

    /// The hand-written scanner for `splits`, if there is one.
    pub fn of(splits: []const definition.Split) ?Scanner {
        if (splits.len == 0) return .none;
        for (known_sequences) |known| if (known.is(splits)) return known.scanner;
        if (splits.len > 1 or !splits[0].keepsMatches()) return null;
        for (known_patterns) |known| {
            if (known.is_tiktokens and splits[0].engine != .fancy_regex) continue;
            if (std.mem.eql(u8, known.pattern, splits[0].pattern)) return known.scanner;
        }
        return null;
    }
};

/// Read-only once made, and plain data.
pub const PreTokenizer = struct {
    scanner: Scanner,
    /// Of no use but for `Scanner.compiled`.
    compiled: Compiled = .{},

    /// The pre-tokenizer for `splits`, or a diagnostic that says what in a pattern is not supported.
    pub fn init(
        gpa: Allocator,
        splits: []const definition.Split,
        diagnostic: *Diagnostic,
    ) error{ OutOfMemory, UnsupportedPattern }!PreTokenizer {
        if (Scanner.of(splits)) |scanner| return .{ .scanner = scanner };
        return initCompiled(gpa, splits, diagnostic);
    }

    /// The same, without hand-written scanners.
    pub fn initCompiled(
        gpa: Allocator,
        splits: []const definition.Split,
        diagnostic: *Diagnostic,
    ) error{ OutOfMemory, UnsupportedPattern }!PreTokenizer {
        return .{ .scanner = .compiled, .compiled = try .init(gpa, splits, diagnostic) };
    }

    pub fn deinit(self: *PreTokenizer, gpa: Allocator) void {
        self.compiled.deinit(gpa);
        self.* = undefined;
    }

    /// Whether a piece's end depends only on where it begins and on the text from there on (and the character that
    /// is there), and no text is dropped, so that a cursor may begin anywhere.
    pub fn beginsAnywhere(self: *const PreTokenizer) bool {
        return switch (self.scanner) {
            .compiled, .none => false,
            .gpt2, .cl100k, .llama3, .nanochat, .qwen2, .o200k, .tekken => true,
            .deepseek, .starcoder, .qwen3_5, .bloom, .kimi, .falcon, .clip => true,
            .deepseek_coder, .deepseek_llm => true,
        };
    }

    pub fn name(self: *const PreTokenizer) [:0]const u8 {
        return @tagName(self.scanner);
    }

    /// Finds the next pieces of `text` from `cursor.position` on, as many as `spans` has room for, and
    /// returns how many: none, at the text's end, where its rest is dropped.
    pub fn next(
        self: *const PreTokenizer,
        text: []const u8,
        cursor: *Cursor,
        spans: []Span,
    ) usize {
        return switch (self.scanner) {
            .compiled => {
                const count = self.compiled.next(text, &cursor.compiled, spans);
                cursor.position = cursor.compiled.position;
                return count;
            },
            .none => scanWhole(text, cursor, spans),
            inline else => |scanner| scanWindows(scanner, text, cursor, spans, {}),
        };
    }

    /// As `next`, and makes the keys of the pieces, but for those that `keyed` says are left; null where this
    /// pre-tokenizer makes none.
    pub fn nextKeyed(
        self: *const PreTokenizer,
        text: []const u8,
        cursor: *Cursor,
        spans: []Span,
        keyed: *Keyed,
    ) ?usize {
        return switch (self.scanner) {
            .compiled, .none => null,
            inline else => |scanner| scanWindows(scanner, text, cursor, spans, keyed),
        };
    }
};

const upper = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]";
const upper_not_han = "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]";
const lower_not_han = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}&&[^\\p{Han}]]";
const lower = "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]";

const Known = struct {
    pattern: []const u8,
    scanner: Scanner,
    /// Whether it means something else to tokenizers' engine: `{1,3}+` and `$`.
    is_tiktokens: bool = false,
};

/// The patterns that have scanners.
pub const known_patterns = [_]Known{
    // tokenizers' ByteLevel, and the encoder of GPT-2.
    .{
        .pattern = byte_level.gpt2_pattern,
        .scanner = .gpt2,
    },
    // tiktoken, in three of its versions.
    .{
        .pattern = "'(?:[sdmt]|ll|ve|re)| ?\\p{L}++| ?\\p{N}++| ?[^\\s\\p{L}\\p{N}]++|\\s++$|" ++
            "\\s+(?!\\S)|\\s",
        .scanner = .gpt2,
        .is_tiktokens = true,
    },
    .{
        .pattern = "'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+",
        .scanner = .gpt2,
    },
    .{
        .pattern = "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++|\\p{N}{1,3}+|" ++
            " ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*+|\\s++$|\\s*[\\r\\n]|\\s+(?!\\S)|\\s",
        .scanner = .cl100k,
        .is_tiktokens = true,
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
        .pattern = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}|" ++
            " ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
        .scanner = .qwen3_5,
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
    .{
        .pattern = "[\\p{Han}]+|" ++
            "[^\\r\\n\\p{L}\\p{N}]?" ++ upper_not_han ++ "*" ++ lower_not_han ++ "+" ++
            "(?i:'s|'t|'re|'ve|'m|'ll|'d)?|" ++
            "[^\\r\\n\\p{L}\\p{N}]?" ++ upper_not_han ++ "+" ++ lower_not_han ++ "*" ++
            "(?i:'s|'t|'re|'ve|'m|'ll|'d)?|" ++
            "\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
        .scanner = .kimi,
    },
};

const KnownSequence = struct {
    splits: []const definition.Split,
    scanner: Scanner,

    fn is(known: KnownSequence, splits: []const definition.Split) bool {
        if (splits.len != known.splits.len) return false;
        for (splits, known.splits) |split, own| {
            if (split.behavior != own.behavior or split.invert != own.invert) return false;
            if (split.engine != own.engine or split.is_spelled != own.is_spelled) return false;
            if (!std.mem.eql(u8, split.pattern, own.pattern)) return false;
        }
        return true;
    }
};

/// The splits, each within the pieces of the one before, that have a scanner together.
pub const known_sequences = [_]KnownSequence{
    .{
        .splits = &.{
            .{ .pattern = "\\p{N}{1,3}", .behavior = .isolated },
            .{
                .pattern = "[\u{4e00}-\u{9fa5}\u{3040}-\u{309f}\u{30a0}-\u{30ff}]+",
                .behavior = .isolated,
            },
            .{
                .pattern = "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|" ++
                    "[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|" ++
                    "\\s*[\r\n]+|\\s+(?!\\S)|\\s+",
                .behavior = .isolated,
            },
        },
        .scanner = .deepseek,
    },
    ofDeepseekCoder("[\r\n]"),
    ofDeepseekCoder("[\\r\\n]"),
    ofDeepseekLlm("[\r\n]"),
    ofDeepseekLlm("[\\r\\n]"),
    .{
        .splits = &.{
            .{ .pattern = rust_classes.numbers, .behavior = .isolated },
            .{ .pattern = byte_level.gpt2_pattern, .behavior = .isolated },
        },
        .scanner = .starcoder,
    },
    .{
        .splits = &.{
            .{ .pattern = rust_classes.punctuation, .behavior = .contiguous },
            .{ .pattern = byte_level.gpt2_pattern, .behavior = .isolated },
            .{ .pattern = rust_classes.numbers, .behavior = .contiguous, .is_spelled = true },
            .{ .pattern = "[0-9][0-9][0-9]", .behavior = .isolated, .is_spelled = true },
        },
        .scanner = .falcon,
    },
    .{
        .splits = &.{.{
            .pattern = " ?[^(\\s|[.,!?\u{2026}\u{3002}\u{ff0c}\u{3001}\u{964}\u{6d4}\u{60c}])]+",
            .behavior = .isolated,
        }},
        .scanner = .bloom,
    },
};

/// With the newlines themselves in the first pattern, as files have it, or their escapes.
fn ofDeepseekCoder(comptime newline: []const u8) KnownSequence {
    return .{
        .splits = &.{
            .{ .pattern = newline, .behavior = .isolated },
            .{ .pattern = "\\s?\\p{L}+", .behavior = .isolated },
            .{ .pattern = "\\s?\\p{P}+", .behavior = .isolated },
            .{ .pattern = far_east, .behavior = .isolated },
            .{ .pattern = rust_classes.numbers, .behavior = .isolated },
        },
        .scanner = .deepseek_coder,
    };
}

fn ofDeepseekLlm(comptime newline: []const u8) KnownSequence {
    return .{
        .splits = &.{
            .{ .pattern = newline, .behavior = .isolated },
            .{ .pattern = "\\s?" ++ deepseek_llm.letters ++ "+", .behavior = .isolated },
            .{ .pattern = "\\s?" ++ deepseek_llm.signs ++ "+", .behavior = .isolated },
            .{ .pattern = "\\s+$", .behavior = .isolated },
            .{ .pattern = far_east, .behavior = .isolated },
            .{ .pattern = rust_classes.numbers, .behavior = .isolated },
        },
        .scanner = .deepseek_llm,
    };
}

const far_east = "[\u{4e00}-\u{9fa5}\u{800}-\u{4e00}\u{ac00}-\u{d7ff}]+";

/// What the windows of a scanner go by.
fn windowOptions(comptime scanner: Scanner) window.Options {
    return switch (scanner) {
        .compiled, .none => comptime unreachable,
        .gpt2 => .{ .family = .gpt2 },
        .cl100k => .{ .family = .letters, .number_len = 3, .keeps_final_space = true },
        .llama3 => .{ .family = .letters, .number_len = 3 },
        .nanochat => .{ .family = .letters, .number_len = 2 },
        .qwen2 => .{ .family = .letters, .number_len = 1 },
        .o200k => .{ .family = .cased, .number_len = 3 },
        .tekken => .{ .family = .cased, .number_len = 1, .contractions = false },
        .deepseek => .{ .family = .parted, .number_len = deepseek.number_len },
        .starcoder => .{ .family = .digits, .number_len = starcoder.number_len },
        .qwen3_5 => .{ .family = .letters, .number_len = 1, .has_marks = true },
        .bloom => .{ .family = .bloom },
        .falcon => .{ .family = .falcon, .number_len = falcon.number_len },
        .kimi => .{ .family = .cased_han, .number_len = 3 },
        .clip => .{ .family = .clip },
        .deepseek_coder => .{ .family = .deepseek_coder },
        .deepseek_llm => .{ .family = .deepseek_llm },
    };
}

/// Where the piece ends that begins at `at`, character by character.
fn pieceEnd(comptime scanner: Scanner, text: []const u8, at: usize) usize {
    const options = comptime windowOptions(scanner);
    return switch (options.family) {
        .gpt2 => gpt2.pieceEnd(text, at),
        .digits => starcoder.pieceEnd(text, at),
        .letters => cl100k.pieceEnd(.{
            .number_len = options.number_len,
            .keep_final_space = options.keeps_final_space,
            .has_marks = options.has_marks,
        }, text, at),
        .cased, .cased_han => o200k.pieceEnd(.{
            .number_len = options.number_len,
            .contractions = options.contractions,
            .parts_han = options.family == .cased_han,
        }, text, at),
        .parted => deepseek.pieceEnd(text, at),
        .bloom => bloom.pieceEnd(text, at),
        .falcon => falcon.pieceEnd(text, at),
        .clip => clip.pieceEnd(text, at),
        .deepseek_coder => deepseek_coder.pieceEnd(text, at),
        .deepseek_llm => deepseek_llm.pieceEnd(text, at),
    };
}

/// Windows of text where they decide, and a piece by `pieceEnd` where they do not. `keyed` is a `*Keyed`, or `{}`.
fn scanWindows(
    comptime scanner: Scanner,
    text: []const u8,
    cursor: *Cursor,
    spans: []Span,
    keyed: anytype,
) usize {
    const options = comptime windowOptions(scanner);
    var count: usize = 0;
    while (count < spans.len and cursor.position < text.len) {
        if (spans.len - count >= window.window_len) {
            const position = cursor.position;
            const found = levels.scan(cursor.level, options, text, position, spans, count, keyed);
            count = found.count;
            cursor.position = found.position;
            // There may be no room for another window, or no more text.
            if (spans.len - count < window.window_len or cursor.position == text.len) break;
        }
        const end = pieceEnd(scanner, text, cursor.position);
        std.debug.assert(end > cursor.position and end <= text.len);
        spans[count] = .{ .start = cursor.position, .end = end };
        if (@TypeOf(keyed) != void) keyed.leave(count);
        cursor.position = end;
        count += 1;
    }
    return count;
}

/// What is left of the text, as one piece.
fn scanWhole(text: []const u8, cursor: *Cursor, spans: []Span) usize {
    if (spans.len == 0 or cursor.position == text.len) return 0;
    spans[0] = .{ .start = cursor.position, .end = text.len };
    cursor.position = text.len;
    return 1;
}

test {
    _ = @import("pretokenizer/compiled.zig");
    _ = @import("pretokenizer/determinize.zig");
    _ = @import("pretokenizer/memo.zig");
    _ = @import("pretokenizer/regex.zig");
    _ = @import("pretokenizer/runs.zig");
    _ = @import("pretokenizer/reference.zig");
}
