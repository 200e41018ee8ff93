//! Learns merges from counted pieces.
//!
//! A heap orders the pairs by their counts and, among equal counts, by their ids. Counts change while
//! a pair waits in the heap, but only downwards; a pair that comes up with an outdated count goes back
//! with the right one. Every pair carries the set of pieces in which it occurred when it was made.

use std::cmp::Ordering;

use ahash::{AHashMap, AHashSet};
use dary_heap::OctonaryHeap;
use rayon::prelude::*;

use crate::{Error, Pair, PieceCounts, TokenId, BYTE_COUNT};

/// Learns up to `vocab_size - 256` merges, in order; fewer when no pair is left.
pub fn train(pieces: &PieceCounts, vocab_size: u32) -> Result<Vec<Pair>, Error> {
    let merges_max = vocab_size
        .checked_sub(BYTE_COUNT)
        .ok_or(Error::VocabTooSmall { vocab_size })? as usize;
    let mut words: Vec<Word> = pieces
        .iter()
        .map(|(piece, &count)| Word::new(piece.as_bytes(), count))
        .collect();
    let Occurrences {
        mut counts,
        mut places,
    } = count_pairs(&words);
    let mut heap = OctonaryHeap::with_capacity(counts.len());
    push_all(&mut heap, &counts, &mut places);

    let mut merges = Vec::new();
    while merges.len() < merges_max {
        let Some(mut candidate) = heap.pop() else {
            break;
        };
        let count = counts[&candidate.pair];
        if count == 0 {
            continue;
        }
        if count != candidate.count {
            candidate.count = count;
            heap.push(candidate);
            continue;
        }
        let new_token = BYTE_COUNT + merges.len() as u32;
        for place in candidate.places {
            let word = &mut words[place];
            let word_count = word.count;
            word.merge(candidate.pair, new_token, |pair, change| {
                *counts.entry(pair).or_default() += change * word_count;
                if change > 0 {
                    places.entry(pair).or_default().insert(place);
                }
            });
        }
        push_all(&mut heap, &counts, &mut places);
        merges.push(candidate.pair);
    }
    Ok(merges)
}

/// A distinct piece as it stands after the merges so far.
struct Word {
    tokens: Vec<TokenId>,
    count: i64,
}

impl Word {
    fn new(bytes: &[u8], count: i64) -> Self {
        let tokens = bytes.iter().map(|&byte| TokenId::from(byte)).collect();
        Word { tokens, count }
    }

    fn pairs(&self) -> impl Iterator<Item = Pair> + '_ {
        self.tokens.windows(2).map(|pair| (pair[0], pair[1]))
    }

    /// Puts `new_token` in place of `pair`, from left to right, and tells of each pair that appears
    /// (+1) or disappears (-1).
    fn merge(&mut self, pair: Pair, new_token: TokenId, mut changed: impl FnMut(Pair, i64)) {
        let (left, right) = pair;
        let tokens = &mut self.tokens;
        let mut written = 0;
        let mut read = 0;
        while read < tokens.len() {
            if tokens[read] != left || tokens.get(read + 1) != Some(&right) {
                tokens[written] = tokens[read];
                written += 1;
                read += 1;
                continue;
            }
            changed(pair, -1);
            // The token before may itself be a merge of a moment ago: it is what stands there now.
            if written > 0 {
                let before = tokens[written - 1];
                changed((before, left), -1);
                changed((before, new_token), 1);
            }
            if let Some(&after) = tokens.get(read + 2) {
                changed((right, after), -1);
                changed((new_token, after), 1);
            }
            tokens[written] = new_token;
            written += 1;
            read += 2;
        }
        tokens.truncate(written);
    }
}

/// Where a pair is found: the indices of words.
type Places = AHashSet<usize>;

#[derive(Default)]
struct Occurrences {
    counts: AHashMap<Pair, i64>,
    places: AHashMap<Pair, Places>,
}

impl Occurrences {
    fn sum(mut self, other: Occurrences) -> Occurrences {
        for (pair, count) in other.counts {
            *self.counts.entry(pair).or_default() += count;
        }
        for (pair, places) in other.places {
            self.places.entry(pair).or_default().extend(places);
        }
        self
    }
}

/// Counts every pair of every word, occurrences that overlap included.
fn count_pairs(words: &[Word]) -> Occurrences {
    words
        .par_iter()
        .enumerate()
        .fold(Occurrences::default, |mut found, (place, word)| {
            for pair in word.pairs() {
                *found.counts.entry(pair).or_default() += word.count;
                found.places.entry(pair).or_default().insert(place);
            }
            found
        })
        .reduce(Occurrences::default, Occurrences::sum)
}

fn push_all(
    heap: &mut OctonaryHeap<Candidate>,
    counts: &AHashMap<Pair, i64>,
    places: &mut AHashMap<Pair, Places>,
) {
    for (pair, places) in places.drain() {
        let count = counts[&pair];
        if count > 0 {
            heap.push(Candidate {
                pair,
                count,
                places,
            });
        }
    }
}

/// A pair that waits to be merged.
struct Candidate {
    pair: Pair,
    /// The pair's count when it was pushed.
    count: i64,
    places: Places,
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_count = self.count.cmp(&other.count);
        by_count.then_with(|| other.pair.cmp(&self.pair))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}
