//! A tokenizer in the shape of rustbpe's: trained from texts, then encoding and decoding.

use ahash::AHashMap;
use fancy_regex::Regex;
use rayon::prelude::*;

use crate::{count_pieces, train, Error, Pair, TokenId, BYTE_COUNT};

/// The pattern that cuts text into pieces when none is given.
pub const DEFAULT_PATTERN: &str = concat!(
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}",
    r"| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+",
);

pub struct Tokenizer {
    pattern: Regex,
    /// The token that each pair of tokens is merged into.
    merges: AHashMap<Pair, TokenId>,
    /// The bytes of every token, by id.
    vocab: Vec<Vec<u8>>,
}

impl Tokenizer {
    /// Learns up to `vocab_size` tokens from `texts`, cut into pieces by `pattern`.
    pub fn train<S>(
        texts: impl IntoIterator<Item = S>,
        vocab_size: u32,
        pattern: &str,
    ) -> Result<Self, Error>
    where
        S: AsRef<str> + Sync,
    {
        let regex = Regex::new(pattern)?;
        let merges = train(&count_pieces(&regex, texts)?, vocab_size)?;
        Self::from_merges(&merges, pattern)
    }

    /// A tokenizer that merges what `merges` says, in that order. Each pair must be of tokens that
    /// exist before it.
    pub fn from_merges(merges: &[Pair], pattern: &str) -> Result<Self, Error> {
        let mut vocab: Vec<Vec<u8>> = (0..=u8::MAX).map(|byte| vec![byte]).collect();
        for &(left, right) in merges {
            let bytes = [bytes_of(&vocab, left)?, bytes_of(&vocab, right)?].concat();
            vocab.push(bytes);
        }
        Ok(Tokenizer {
            pattern: Regex::new(pattern)?,
            merges: merges.iter().copied().zip(BYTE_COUNT..).collect(),
            vocab,
        })
    }

    pub fn vocab_size(&self) -> usize {
        self.vocab.len()
    }

    pub fn pattern(&self) -> &str {
        self.pattern.as_str()
    }

    /// The bytes of every token, by id.
    pub fn vocab(&self) -> &[Vec<u8>] {
        &self.vocab
    }

    pub fn encode(&self, text: &str) -> Result<Vec<TokenId>, Error> {
        let mut ids = Vec::new();
        for piece in self.pattern.find_iter(text) {
            ids.extend(self.encode_piece(piece?.as_str()));
        }
        Ok(ids)
    }

    /// Encodes each text by itself, on all of rayon's threads.
    pub fn batch_encode<S>(&self, texts: &[S]) -> Result<Vec<Vec<TokenId>>, Error>
    where
        S: AsRef<str> + Sync,
    {
        let texts = texts.par_iter();
        texts.map(|text| self.encode(text.as_ref())).collect()
    }

    pub fn decode(&self, ids: &[TokenId]) -> Result<String, Error> {
        let mut bytes = Vec::new();
        for &id in ids {
            bytes.extend_from_slice(bytes_of(&self.vocab, id)?);
        }
        String::from_utf8(bytes).map_err(Error::InvalidUtf8)
    }

    /// Merges the pair that was learnt first, the leftmost one among equals, until none is left.
    fn encode_piece(&self, piece: &str) -> Vec<TokenId> {
        let mut ids: Vec<TokenId> = piece.bytes().map(TokenId::from).collect();
        loop {
            let mut first: Option<(TokenId, usize)> = None;
            for (index, pair) in ids.windows(2).enumerate() {
                if let Some(&id) = self.merges.get(&(pair[0], pair[1])) {
                    if first.is_none_or(|(lowest, _)| id < lowest) {
                        first = Some((id, index));
                    }
                }
            }
            let Some((id, index)) = first else {
                return ids;
            };
            ids[index] = id;
            ids.remove(index + 1);
        }
    }
}

fn bytes_of(vocab: &[Vec<u8>], id: TokenId) -> Result<&[u8], Error> {
    let bytes = vocab.get(id as usize).ok_or(Error::UnknownToken { id })?;
    Ok(bytes)
}
