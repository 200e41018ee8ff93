//! Training and encoding equal a plain statement of the rules, on corpora built to hit ties, overlaps
//! and long runs, and on documents that are empty or one character long.

use std::collections::HashMap;

use rust_baseline::{train, Error, Pair, PieceCounts, Tokenizer, DEFAULT_PATTERN};

/// Counts every pair afresh for every merge.
fn train_naively(pieces: &PieceCounts, vocab_size: u32) -> Vec<Pair> {
    let mut words: Vec<(Vec<u32>, i64)> = pieces
        .iter()
        .map(|(piece, &count)| (piece.bytes().map(u32::from).collect(), count))
        .collect();
    let mut merges = Vec::new();
    for new_token in 256..vocab_size {
        let mut counts: HashMap<Pair, i64> = HashMap::new();
        for (tokens, count) in &words {
            for pair in tokens.windows(2) {
                *counts.entry((pair[0], pair[1])).or_default() += count;
            }
        }
        let best = counts.iter().max_by(|a, b| a.1.cmp(b.1).then(b.0.cmp(a.0)));
        let Some((&pair, _)) = best else {
            break;
        };
        for (tokens, _) in &mut words {
            *tokens = replace(tokens, pair, new_token);
        }
        merges.push(pair);
    }
    merges
}

/// Applies every merge in the order in which it was learnt.
fn encode_naively(piece: &str, merges: &[Pair]) -> Vec<u32> {
    let mut tokens: Vec<u32> = piece.bytes().map(u32::from).collect();
    for (&pair, new_token) in merges.iter().zip(256..) {
        tokens = replace(&tokens, pair, new_token);
    }
    tokens
}

fn replace(tokens: &[u32], pair: Pair, new_token: u32) -> Vec<u32> {
    let mut replaced = Vec::new();
    let mut rest = tokens;
    while let [first, tail @ ..] = rest {
        if tail.first().is_some_and(|&second| (*first, second) == pair) {
            replaced.push(new_token);
            rest = &tail[1..];
        } else {
            replaced.push(*first);
            rest = tail;
        }
    }
    replaced
}

/// The generator known as xorshift64: seeded, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    /// A piece of up to `len_max` characters out of the first of `letters`; often a run of one.
    fn piece(&mut self, letters: &[char], len_max: u64) -> String {
        let mut piece = String::new();
        let in_runs = self.below(4) == 0;
        let mut letter = letters[0];
        for _ in 0..self.below(len_max + 1) {
            if !in_runs || self.below(8) == 0 {
                letter = letters[self.below(letters.len() as u64) as usize];
            }
            piece.push(letter);
        }
        piece
    }
}

fn random_pieces(random: &mut Random, letters: &[char]) -> PieceCounts {
    let piece_count = random.below(40);
    let count_limit = [1, 3, 1000, 1 << 40][random.below(4) as usize];
    let mut pieces = PieceCounts::new();
    for _ in 0..piece_count {
        let piece = random.piece(letters, 40);
        pieces.insert(piece.into(), 1 + random.below(count_limit) as i64);
    }
    pieces
}

#[test]
fn training_equals_the_naive_trainer() {
    let mut random = Random(2024);
    let letters: Vec<char> = "abcdeé数𝄞".chars().collect();
    for round in 0..300 {
        let pieces = random_pieces(&mut random, &letters[..1 + round % letters.len()]);
        let vocab_size = 256 + random.below(80) as u32;
        let merges = train(&pieces, vocab_size).unwrap();
        assert_eq!(merges, train_naively(&pieces, vocab_size), "{pieces:?}");
    }
}

#[test]
fn encoding_equals_applying_the_merges_in_order() {
    let mut random = Random(7);
    let letters: Vec<char> = "abcé数".chars().collect();
    for round in 0..100 {
        let letters = &letters[..1 + round % letters.len()];
        let merges = train(&random_pieces(&mut random, letters), 320).unwrap();
        // One piece a text, whatever it holds.
        let tokenizer = Tokenizer::from_merges(&merges, r"(?s).+").unwrap();
        let texts: Vec<String> = (0..20).map(|_| random.piece(letters, 60)).collect();
        let batch = tokenizer.batch_encode(&texts).unwrap();
        for (text, ids) in texts.iter().zip(batch) {
            assert_eq!(ids, encode_naively(text, &merges), "{text:?}");
            assert_eq!(tokenizer.encode(text).unwrap(), ids);
            assert_eq!(tokenizer.decode(&ids).unwrap(), *text);
        }
    }
}

#[test]
fn ties_go_to_the_smaller_pair_and_overlapping_occurrences_all_count() {
    let pieces = [("zz", 4), ("ba", 4), ("ab", 4), ("ccc", 3)];
    let pieces = pieces.map(|(piece, count)| (piece.into(), count));
    let merges = train(&PieceCounts::from_iter(pieces), 1000).unwrap();
    let [a, b, c, z] = [b'a', b'b', b'c', b'z'].map(u32::from);
    assert_eq!(merges, [(c, c), (a, b), (b, a), (z, z), (256, c)]);
}

#[test]
fn counts_beyond_32_bits_decide() {
    let pieces = [("ab", 2_200_000_000), ("cd", 10)];
    let pieces = pieces.map(|(piece, count)| (piece.into(), count));
    let merges = train(&PieceCounts::from_iter(pieces), 257).unwrap();
    assert_eq!(merges, [(u32::from(b'a'), u32::from(b'b'))]);
}

#[test]
fn trains_on_texts_with_the_default_pattern() {
    let texts = [
        "",
        "x",
        "It's a test, isn't it?\n\n  It's 12345 tests.",
        "naïve 数字 🙂",
    ];
    let tokenizer = Tokenizer::train(texts, 300, DEFAULT_PATTERN).unwrap();
    assert!(tokenizer.vocab_size() > 256);
    assert_eq!(tokenizer.pattern(), DEFAULT_PATTERN);
    for text in texts {
        let ids = tokenizer.encode(text).unwrap();
        assert_eq!(tokenizer.decode(&ids).unwrap(), text);
    }
    let untrained = Tokenizer::train([""; 0], 300, DEFAULT_PATTERN).unwrap();
    assert_eq!(untrained.vocab_size(), 256);
    assert_eq!(untrained.vocab()[255], [255]);
}

#[test]
fn refuses_what_is_wrong() {
    let train = |vocab_size, pattern| Tokenizer::train(["a"], vocab_size, pattern).err();
    let too_small = train(255, DEFAULT_PATTERN);
    assert!(matches!(
        too_small,
        Some(Error::VocabTooSmall { vocab_size: 255 })
    ));
    assert!(matches!(train(256, "("), Some(Error::Pattern(_))));

    let bytes = Tokenizer::from_merges(&[], DEFAULT_PATTERN).unwrap();
    assert!(matches!(
        bytes.decode(&[256]),
        Err(Error::UnknownToken { id: 256 })
    ));
    assert!(matches!(bytes.decode(&[0xff]), Err(Error::InvalidUtf8(_))));
    let unknown = Tokenizer::from_merges(&[(97, 256)], DEFAULT_PATTERN);
    assert!(matches!(
        unknown.err(),
        Some(Error::UnknownToken { id: 256 })
    ));
}
