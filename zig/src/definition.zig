//! A tokenizer as its file describes it, before any table is built: what every format under `format/`
//! produces and what `tokenizer.zig` builds from. Formats know nothing of tables, and the builder knows
//! nothing of files.
//!
//! Everything a `Definition` points at belongs to the arena it was parsed into.

const std = @import("std");

/// A vocabulary entry. Ids may have gaps; two entries may not share an id.
pub const Token = struct {
    id: u32,
    /// The bytes the token stands for (the byte-level alphabet is already undone, and a space is a space).
    bytes: []const u8,
    /// The bytes it decodes to, where they are others: a byte that characters fall back to.
    decoded: ?[]const u8 = null,
};

/// What merging starts from.
pub const Symbols = union(enum) {
    /// Single bytes, each of which is a token.
    bytes,
    /// Characters, as SentencePiece has them.
    characters: Characters,
};

/// Vocabularies of characters. Their tokens, merges and steps are given with a plain space where the file has
/// U+2581, its sign for a space: text and tokens have one to one the same characters then, the text needs
/// no copy, and a token is what it decodes to. Text that has the sign itself has it replaced by a space.
pub const Characters = struct {
    /// The tokens of one character, in ascending order of it.
    known: []const Known,
    /// The tokens "<0x00>" to "<0xFF>", those that exist, if characters fall back to them.
    byte_ids: [256]?u32 = @splat(null),
    /// What any other character becomes; without one, it is dropped.
    unknown: ?u32 = null,
    /// Whether neighbouring unknown characters become one.
    fuse_unknown: bool = false,
    /// Whether the normalization ends with spaces for the sign, so that they are no white space to the
    /// added tokens that are matched behind it.
    has_normalized_sign: bool = false,

    pub const Known = struct { character: u21, id: u32 };
};

/// A step that changes text before it is cut into pieces.
pub const Normalization = union(enum) {
    /// Normalization Form C.
    nfc,
    /// Put in front of any text that is not empty.
    prepend: []const u8,
    replace: struct { from: []const u8, to: []const u8 },
};

/// Which stretches of text between added tokens get a space in front, unless they begin with one.
pub const PrefixSpace = enum(u8) {
    none,
    /// The one that the whole text begins with.
    first,
    every,
};

/// How tokens become text.
pub const Decoding = struct {
    /// Neighbouring tokens whose content is "<0x00>" to "<0xFF>" are bytes; where those are not
    /// well-formed, the text has a U+FFFD for each of them.
    byte_fallback: bool = false,
    /// The ids of those tokens; each decodes to one byte.
    byte_tokens: []const u32 = &.{},
    /// How many spaces are taken from the front of the text.
    strip_spaces: u32 = 0,
};

/// One line of a merge list: `left` followed by `right` becomes `result`. Its position is its rank.
pub const Merge = struct {
    left: u32,
    right: u32,
    result: u32,
};

/// Which adjacent pair is merged first.
pub const MergeRule = union(enum) {
    /// tiktoken: the pair whose concatenated bytes are the token with the lowest id. A whole piece that is
    /// a token is that token, reachable by merges or not.
    rank,
    /// tokenizer.json: the pair that stands first in `merges`.
    list: struct {
        merges: []const Merge,
        /// A whole piece that is a token is that token, reachable by merges or not.
        ignore_merges: bool,
    },
};

/// What a split makes of the stretches that match and of those between them. As in tokenizers.
pub const SplitBehavior = enum {
    /// Each match and each stretch between matches is a piece.
    isolated,
    /// Matches are dropped. With `invert`, what does not match is (tiktoken and rustbpe walk over matches).
    removed,
    /// A match ends the piece before it.
    merged_with_previous,
    /// A match begins the piece behind it.
    merged_with_next,
    /// As `isolated`, and neighbouring matches are one piece.
    contiguous,
};

/// Whose reading of a pattern counts, where engines differ.
pub const RegexEngine = enum {
    /// tokenizers.
    oniguruma,
    /// tiktoken, rustbpe.
    fancy_regex,
};

/// One step of cutting text into pieces; each step cuts the pieces of the one before, each on its own.
pub const Split = struct {
    /// A regular expression, in the syntax of the reference engines.
    pattern: []const u8,
    behavior: SplitBehavior,
    /// Swaps what matches and what does not.
    invert: bool = false,
    engine: RegexEngine = .oniguruma,

    /// tiktoken's reading of a pattern: its matches are the pieces, the rest is dropped.
    pub fn matches(pattern: []const u8) Split {
        return .{
            .pattern = pattern,
            .behavior = .removed,
            .invert = true,
            .engine = .fancy_regex,
        };
    }

    /// Whether the matches are the pieces. What lies between them is a piece too, or dropped: for a pattern
    /// by which every character begins a match, that is the same.
    pub fn keepsMatches(split: Split) bool {
        return switch (split.behavior) {
            .isolated => true,
            .removed => split.invert,
            else => false,
        };
    }
};

/// Text that is matched before pre-tokenization. Flags as in tokenizers' `AddedToken`.
pub const AddedToken = struct {
    id: u32,
    content: []const u8,
    /// Control token: taken as text by `encode_ordinary`, left out by `skip_special_tokens`.
    special: bool = true,
    single_word: bool = false,
    lstrip: bool = false,
    rstrip: bool = false,
    normalized: bool = false,
    /// The bytes it decodes to, where they are not its content: the reference's byte-level decoder takes
    /// content that is spelled in the byte-level alphabet for bytes.
    decoded: ?[]const u8 = null,
};

pub const Format = enum { tokenizer_json, tiktoken, vocab_merges };

pub const Definition = struct {
    format: Format,
    /// In ascending order of id. Added tokens that are also in the vocabulary stand in both lists.
    tokens: []const Token,
    symbols: Symbols = .bytes,
    merge_rule: MergeRule,
    /// Done to text between the added tokens that are matched before it (those with `normalized` false).
    normalization: []const Normalization = &.{},
    /// Replaced by spaces behind the other added tokens: Metaspace's sign for a space.
    space_sign: ?[]const u8 = null,
    /// Without any, the whole text is one piece.
    splits: []const Split,
    /// Whether the splits are compiled even where a scanner is written by hand: for comparing the two.
    compile_splits: bool = false,
    /// ByteLevel's add_prefix_space and Metaspace's prepend_scheme.
    prefix_space: PrefixSpace = .none,
    decoding: Decoding = .{},
    added_tokens: []const AddedToken = &.{},
};

test {
    std.testing.refAllDecls(@This());
}
