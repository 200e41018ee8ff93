//! The Zig package `pyaot_tokenizer`: what a Zig program imports.
//!
//! ```zig
//! var diagnostic: pyaot.Diagnostic = .{};
//! const parsed = try pyaot.format.tokenizer_json.parse(arena, json, 1, &diagnostic);
//! var tokenizer: pyaot.Tokenizer = try .init(gpa, parsed, &diagnostic);
//! defer tokenizer.deinit(gpa);
//! var context: pyaot.Context = try .init(gpa, &tokenizer);
//! defer context.deinit();
//! _ = try context.encode("Hello, world!", .parse);
//! // context.ids
//! ```

const std = @import("std");

pub const Tokenizer = @import("tokenizer.zig").Tokenizer;
pub const LoadError = @import("tokenizer.zig").LoadError;
pub const Context = @import("context.zig").Context;
pub const CallError = @import("context.zig").CallError;
pub const SpecialMode = @import("added_tokens.zig").SpecialMode;
pub const Diagnostic = @import("diagnostic.zig").Diagnostic;
pub const PreTokenizer = @import("pretokenizer.zig").PreTokenizer;
pub const Cursor = @import("pretokenizer.zig").Cursor;
pub const Span = @import("pretokenizer.zig").Span;
pub const WordCounts = @import("word_counts.zig").WordCounts;
pub const Vocab = @import("vocab.zig").Vocab;
pub const definition = @import("definition.zig");
pub const trainer = @import("trainer.zig");
pub const frozen = @import("frozen.zig");
pub const frozen_file = @import("frozen_file.zig");
pub const simd = @import("simd.zig");
pub const version = @import("version.zig").version;

/// The file forms.
pub const format = struct {
    pub const byte_level = @import("byte_level.zig");
    pub const tokenizer_json = @import("format/tokenizer_json.zig");
    pub const sentencepiece = @import("format/sentencepiece.zig");
    pub const tekken = @import("format/tekken.zig");
    pub const tiktoken = @import("format/tiktoken.zig");
    pub const vocab_merges = @import("format/vocab_merges.zig");
};

/// The stages of encoding by themselves, for the benchmark and the check program; no promise goes with them.
pub const stages = struct {
    pub const bpe = @import("bpe.zig");
    pub const Level = @import("pretokenizer/levels.zig").Level;
    pub const known_patterns = @import("pretokenizer.zig").known_patterns;
    pub const known_sequences = @import("pretokenizer.zig").known_sequences;
    pub const clip = @import("pretokenizer/clip.zig");
    pub const pipeline = @import("pipeline.zig");
    pub const piece_cache = @import("piece_cache.zig");
    pub const piece_table = @import("piece_table.zig");
};

test {
    // Every file with tests is reached from here.
    std.testing.refAllDecls(@This());
    std.testing.refAllDecls(format);
    _ = @import("abi.zig");
    _ = @import("added_tokens.zig");
    _ = @import("alignment.zig");
    _ = @import("alphabet.zig");
    _ = @import("backtracking.zig");
    _ = @import("base_symbols.zig");
    _ = @import("bpe.zig");
    _ = @import("byte_runs.zig");
    _ = @import("dropout.zig");
    _ = @import("character_counts.zig");
    _ = @import("characters.zig");
    _ = @import("corpus_counter.zig");
    _ = @import("counts_form.zig");
    _ = @import("encoder.zig");
    _ = @import("format/character_model.zig");
    _ = @import("format/protobuf.zig");
    _ = @import("huge_pages.zig");
    _ = @import("huggingface_trainer.zig");
    _ = @import("joints.zig");
    _ = @import("large_memory.zig");
    _ = @import("learner.zig");
    _ = @import("merge_trees.zig");
    _ = @import("nfc.zig");
    _ = @import("normalizer.zig");
    _ = @import("offsets.zig");
    _ = @import("stable.zig");
    _ = @import("pair_table.zig");
    _ = @import("pairs.zig");
    _ = @import("parallel.zig");
    _ = @import("pipeline.zig");
    _ = @import("pretokenizer/matches.zig");
    _ = @import("spelled_model.zig");
    _ = @import("token_lengths.zig");
    _ = @import("token_text.zig");
    _ = @import("piece_cache.zig");
    _ = @import("piece_table.zig");
    _ = @import("pretokenizer.zig");
    _ = @import("prefix_trie.zig");
    _ = @import("python.zig");
    _ = @import("short_bytes.zig");
    _ = @import("short_merge.zig");
    _ = @import("side_by_side.zig");
    _ = @import("strands.zig");
    _ = @import("stretch_memo.zig");
    _ = @import("misses.zig");
    _ = @import("token_order.zig");
    _ = @import("token_trie.zig");
    _ = @import("watch.zig");
    _ = @import("training.zig");
    _ = @import("windows.zig");
    _ = @import("word_bytes.zig");
    _ = @import("word_places.zig");
    _ = @import("words.zig");
}
