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

    /// The one with an id among tokens in ascending order of it.
    pub fn find(tokens: []const Token, id: u32) ?Token {
        const index = std.sort.binarySearch(Token, tokens, id, orderOfId) orelse return null;
        return tokens[index];
    }

    fn orderOfId(id: u32, token: Token) std.math.Order {
        return std.math.order(id, token.id);
    }
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
    /// The four normalization forms.
    nfc,
    nfd,
    nfkc,
    nfkd,
    /// Each character by its own lower case, whatever stands around it.
    lowercase,
    /// Combining marks are dropped.
    strip_accents,
    /// White space is taken off the ends.
    strip: struct { left: bool, right: bool },
    /// SentencePiece's: control characters are dropped, other white space becomes spaces.
    nmt,
    /// Each byte becomes its character of the byte-level alphabet.
    byte_level,
    /// Put in front of any text that is not empty.
    prepend: []const u8,
    replace: struct { from: []const u8, to: []const u8 },
    /// SentencePiece's remove_extra_whitespaces: takes the spaces off both ends, and all but one of several in
    /// a row. At the end, this sign for a space counts as one.
    collapse_spaces: []const u8,
    /// Each match of a regular expression is replaced.
    replace_matches: struct { pattern: []const u8, to: []const u8 },
    /// SentencePiece's compiled map, which `charsmap.zig` can read.
    charsmap: []const u8,
    /// BERT's: control characters are dropped, other white space becomes spaces.
    bert_clean,
    /// Spaces are put around ideographs.
    bert_ideographs,
    /// Marks that take no space are dropped.
    bert_accents,
};

/// Which stretches of text between added tokens get a space in front, unless they begin with one.
pub const PrefixSpace = enum(u8) {
    none,
    /// The one that the whole text begins with.
    first,
    every,
};

/// What becomes of neighbouring bytes that are not well-formed: a U+FFFD for each
pub const ByteRuns = enum(u8) {
    /// of them (tokenizers).
    whole,
    /// that is not part of a whole character (sentencepiece).
    characters,
};

/// How tokens become text.
pub const Decoding = struct {
    /// Neighbouring tokens whose content is "<0x00>" to "<0xFF>" are bytes.
    byte_fallback: bool = false,
    byte_runs: ByteRuns = .whole,
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
    /// SentencePiece: the pair whose concatenated characters are the token with the lowest of these ranks,
    /// the leftmost of several. One for each of `tokens`, below their number; `unmerged` for those that no
    /// merge starts from or comes to. Only for characters.
    scores: []const u32,
    /// tokenizer.json: the pair that stands first in `merges`.
    list: struct {
        merges: []const Merge,
        /// A whole piece that is a token is that token, reachable by merges or not.
        ignore_merges: bool,
    },

    pub const unmerged = std.math.maxInt(u32);
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
    /// Whether it stands behind ByteLevel: it cuts the characters that spell the bytes. Only sequences that have a
    /// scanner have such splits.
    is_spelled: bool = false,

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

/// A step of the general way to cut text into pieces, which may also change it.
pub const PieceStep = union(enum) {
    split: Split,
    /// Put in front of pieces that do not begin with it.
    prefix: struct { text: []const u8, pieces: PrefixSpace },
    /// Spaces become this text.
    replace_spaces: []const u8,
    /// Each byte becomes its character of the byte-level alphabet.
    byte_level,
    /// Pieces of so many characters.
    fixed_length: u32,
    /// Pieces of one script; in front of the first, what is in none is dropped.
    scripts,
};

/// A step from tokens to text, in the general way: each is done to a list of texts, at first one a token.
pub const DecodeStep = union(enum) {
    /// The bytes that the characters stand for, all joined; a token with other characters is left as it is.
    byte_level,
    /// As `Decoding.byte_fallback`.
    byte_fallback,
    /// All are joined.
    fuse,
    /// Taken off each end of each text, up to so many times.
    strip: struct { character: []const u8, start: u32, stop: u32 },
    replace: struct { from: []const u8, to: []const u8 },
    replace_matches: struct { pattern: []const u8, to: []const u8 },
    /// The sign becomes a space, or nothing in the first text.
    metaspace: struct { sign: []const u8, is_kept_at_start: bool },
    /// The suffix becomes a space, or nothing in the last text.
    word_suffix: []const u8,
    /// Spaces are put between the texts.
    join_with_spaces,
    /// In front of each text but the first the prefix goes, or a space is put; `cleans`: spaces that English
    /// has not in front of signs and endings go.
    word_piece: struct { prefix: []const u8, cleans: bool },
    /// Of equal texts in a row the first is kept, the padding goes, and so do texts that are empty then;
    /// `cleans`: as of `word_piece`, and the delimiter becomes a space.
    ctc: struct { padding: []const u8, delimiter: []const u8, cleans: bool },
};

/// A merge list over words as the file spells them, for what `Symbols` cannot say.
pub const SpelledModel = struct {
    steps: []const PieceStep,
    /// In front of every character of a word but the first.
    continuing_prefix: []const u8 = "",
    /// Behind the last character of a word.
    word_suffix: []const u8 = "",
    unknown: ?u32 = null,
    fuse_unknown: bool = false,
    byte_fallback: bool = false,
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
    /// What the general way to text begins with; its content where it is null.
    spelled: ?[]const u8 = null,
};

pub const Format = enum { tokenizer_json, tiktoken, vocab_merges, sentencepiece, tekken };

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
    /// What a byte becomes that no text has and the vocabulary lacks; without one, it is dropped.
    unknown_byte: ?u32 = null,
    /// Tokens as the file spells them, in ascending order of id, where one of the two below is there.
    spelled_tokens: []const Token = &.{},
    /// Takes the place of `symbols` and `splits`.
    spelled_model: ?SpelledModel = null,
    /// Takes the place of `decoding`.
    decode_steps: ?[]const DecodeStep = null,
    added_tokens: []const AddedToken = &.{},
    /// Whether added tokens are matched as they are in normalized text, rather than normalized too.
    added_are_normal: bool = false,
    /// Ids of `tokens` that `skip_special_tokens` leaves out, besides those of special added tokens.
    special_ids: []const u32 = &.{},
    /// How often a merge that is due is left out, from 0 to 1.
    dropout: f64 = 0,
    /// Whether to keep merges that no text leads to unless others are left out by chance; with a dropout they are.
    keep_all_merges: bool = false,
    /// How many threads may make the tables.
    thread_count: usize = 1,
};

test {
    std.testing.refAllDecls(@This());
}
