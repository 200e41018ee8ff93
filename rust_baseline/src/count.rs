//! Cuts texts into pieces and counts how often each piece occurs, on all of rayon's threads.

use ahash::AHashMap;
use compact_str::CompactString;
use fancy_regex::Regex;
use rayon::prelude::*;

use crate::Error;

/// How often each distinct piece occurs.
pub type PieceCounts = AHashMap<CompactString, i64>;

/// How many texts are held in memory at once; rustbpe's default.
const BUFFER_SIZE: usize = 8192;

/// Counts the matches of `pattern` in `texts`; what lies between them is dropped.
pub fn count_pieces<S>(
    pattern: &Regex,
    texts: impl IntoIterator<Item = S>,
) -> Result<PieceCounts, Error>
where
    S: AsRef<str> + Sync,
{
    let mut texts = texts.into_iter();
    let mut counts = PieceCounts::new();
    loop {
        let buffer: Vec<S> = texts.by_ref().take(BUFFER_SIZE).collect();
        if buffer.is_empty() {
            return Ok(counts);
        }
        let of_buffer = buffer
            .par_iter()
            .map(|text| count_one(pattern, text.as_ref()))
            .try_reduce(PieceCounts::new, |total, part| Ok(sum(total, part)))?;
        counts = sum(counts, of_buffer);
    }
}

fn count_one(pattern: &Regex, text: &str) -> Result<PieceCounts, Error> {
    let mut counts = PieceCounts::new();
    for piece in pattern.find_iter(text) {
        *counts
            .entry(CompactString::from(piece?.as_str()))
            .or_default() += 1;
    }
    Ok(counts)
}

fn sum(mut total: PieceCounts, part: PieceCounts) -> PieceCounts {
    for (piece, count) in part {
        *total.entry(piece).or_default() += count;
    }
    total
}
