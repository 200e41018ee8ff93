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
        // One table a thread rather than one a text, of which each but the first is entered twice.
        let of_buffer = buffer
            .par_iter()
            .try_fold(PieceCounts::new, |counts, text| {
                count_one(pattern, text.as_ref(), counts)
            })
            .try_reduce(PieceCounts::new, |total, part| Ok(sum(total, part)))?;
        counts = sum(counts, of_buffer);
    }
}

fn count_one(pattern: &Regex, text: &str, mut counts: PieceCounts) -> Result<PieceCounts, Error> {
    for piece in pattern.find_iter(text) {
        let piece = piece?.as_str();
        match counts.get_mut(piece) {
            Some(count) => *count += 1,
            None => _ = counts.insert(CompactString::from(piece), 1),
        }
    }
    Ok(counts)
}

/// The counts of both, entered into the larger.
fn sum(mut total: PieceCounts, mut part: PieceCounts) -> PieceCounts {
    if total.len() < part.len() {
        std::mem::swap(&mut total, &mut part);
    }
    for (piece, count) in part {
        *total.entry(piece).or_default() += count;
    }
    total
}
