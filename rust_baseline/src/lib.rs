//! The baseline that pyaot_tokenizer is measured against: byte-pair encoding by the algorithm of
//! rustbpe 0.1.0, written afresh on the same crates and published with the same profile.
//!
//! It is here to be compared with, not to be used: it keeps rustbpe's costs (a hash set of pieces for
//! each pair, encoding quadratic in the length of a piece) and departs from it only where rustbpe goes
//! wrong: counts have 64 bits instead of 32, and a failing regular expression is an error instead of
//! skipped text.

mod count;
mod error;
mod tokenizer;
mod train;

pub use count::{count_pieces, PieceCounts};
pub use error::Error;
pub use tokenizer::{Tokenizer, DEFAULT_PATTERN};
pub use train::train;

/// A token's id: a byte's value, or 256 and the number of merges learnt before its own.
pub type TokenId = u32;

/// Two adjacent tokens, the left one first.
pub type Pair = (TokenId, TokenId);

/// How many tokens there are before any merge: one for each byte.
pub const BYTE_COUNT: u32 = 256;
