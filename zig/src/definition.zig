//! A tokenizer as its file describes it, before any table is built: what every format under `format/`
//! produces and what `tokenizer.zig` builds from. Formats know nothing of tables, and the builder knows
//! nothing of files.
//!
//! Everything a `Definition` points at belongs to the arena it was parsed into.

const std = @import("std");

/// A vocabulary entry. Ids may have gaps; two entries may not share an id.
pub const Token = struct {
    id: u32,
    /// The bytes the token stands for (the byte-level alphabet is already undone).
    bytes: []const u8,
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

/// What happens to text that the pattern does not match.
pub const Unmatched = enum {
    /// Dropped (tiktoken and rustbpe walk over the matches alone).
    drop,
    /// A piece of its own (tokenizers' `Split` with behavior `Isolated`).
    piece,
};

/// How text is cut into pieces before merging.
pub const Split = struct {
    /// The regular expression, in the syntax of the reference engines; null: the whole text is one piece.
    pattern: ?[]const u8,
    unmatched: Unmatched,
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
    merge_rule: MergeRule,
    split: Split,
    /// ByteLevel's add_prefix_space: text between added tokens that does not begin with a space gets one.
    add_prefix_space: bool = false,
    added_tokens: []const AddedToken = &.{},
};

test {
    std.testing.refAllDecls(@This());
}
