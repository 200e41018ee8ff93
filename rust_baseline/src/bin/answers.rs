//! Answers the questions of the equivalence tests: what is learnt from texts, and what texts become.
//!
//! Standard input has lines: `corpus VOCAB_SIZE PATTERN` begins a corpus, `train TEXT` adds a document to
//! learn from, `piece COUNT TEXT` a piece that was counted elsewhere, `encode TEXT` a text to encode;
//! patterns and texts are written as hexadecimal UTF-8. For each
//! corpus there is a line `merges` on standard output, with the two ids of each merge, and then for each
//! text to encode a line `ids`.

use std::io::{self, BufRead, Write};
use std::process::ExitCode;

use fancy_regex::Regex;
use rust_baseline::{count_pieces, train, Tokenizer};

struct Corpus {
    vocab_size: u32,
    pattern: String,
    train: Vec<String>,
    pieces: Vec<(String, i64)>,
    encode: Vec<String>,
}

fn main() -> ExitCode {
    match answer_all() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("answers: {message}");
            ExitCode::FAILURE
        }
    }
}

fn answer_all() -> Result<(), String> {
    let mut corpus: Option<Corpus> = None;
    for line in io::stdin().lock().lines() {
        let line = line.map_err(|cause| cause.to_string())?;
        let words: Vec<&str> = line.split(' ').collect();
        match (words.as_slice(), &mut corpus) {
            (["corpus", vocab_size, pattern], before) => {
                if let Some(done) = before.take() {
                    answer(&done)?;
                }
                *before = Some(Corpus {
                    vocab_size: vocab_size.parse().map_err(|_| bad(&line))?,
                    pattern: text(pattern)?,
                    train: Vec::new(),
                    pieces: Vec::new(),
                    encode: Vec::new(),
                });
            }
            (["train", document], Some(corpus)) => corpus.train.push(text(document)?),
            (["piece", count, piece], Some(corpus)) => corpus
                .pieces
                .push((text(piece)?, count.parse().map_err(|_| bad(&line))?)),
            (["encode", document], Some(corpus)) => corpus.encode.push(text(document)?),
            _ => return Err(bad(&line)),
        }
    }
    corpus.as_ref().map_or(Ok(()), answer)
}

fn bad(line: &str) -> String {
    format!("no such line: {line:?}")
}

fn text(hexadecimal: &str) -> Result<String, String> {
    let digits = hexadecimal.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok()
    });
    let bytes: Option<Vec<u8>> = digits.collect();
    String::from_utf8(bytes.ok_or_else(|| bad(hexadecimal))?).map_err(|cause| cause.to_string())
}

fn answer(corpus: &Corpus) -> Result<(), String> {
    let learnt = || {
        let pattern = Regex::new(&corpus.pattern)?;
        let mut counts = count_pieces(&pattern, &corpus.train)?;
        for (piece, count) in &corpus.pieces {
            *counts.entry(piece.as_str().into()).or_insert(0) += count;
        }
        let merges = train(&counts, corpus.vocab_size)?;
        let tokenizer = Tokenizer::from_merges(&merges, &corpus.pattern)?;
        Ok((merges, tokenizer))
    };
    let (merges, tokenizer) = learnt().map_err(|cause: rust_baseline::Error| cause.to_string())?;
    print(
        "merges",
        merges.iter().flat_map(|&(left, right)| [left, right]),
    )?;
    for document in &corpus.encode {
        let ids = tokenizer.encode(document).map_err(|e| e.to_string())?;
        print("ids", ids.into_iter())?;
    }
    Ok(())
}

fn print(kind: &str, ids: impl Iterator<Item = u32>) -> Result<(), String> {
    let ids: String = ids.map(|id| format!(" {id}")).collect();
    writeln!(io::stdout(), "{kind}{ids}").map_err(|cause| cause.to_string())
}
