//! Times training and encoding, and prints one line of JSON for each task.
//!
//! `checksum` is the 64-bit FNV-1a hash of the result (the merged pairs, or the ids, each as four
//! bytes, least significant first), so that runs of different implementations can be compared.

use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Instant;
use std::{env, fs};

use fancy_regex::Regex;
use rust_baseline::{count_pieces, train, Error, TokenId, Tokenizer, DEFAULT_PATTERN};

const USAGE: &str = "usage: bench [--vocab-size N] [FILE]

Trains on the text of FILE and encodes it; without FILE, a small built-in text. The text is cut into
documents at the first line end after every 10,000 bytes. RAYON_NUM_THREADS sets the threads.";

/// Small enough to be read in source, and repeated to a size that takes a measurable time.
const BUILT_IN_TEXT: &str = "\
Byte-pair encoding begins with single bytes and joins, again and again, the two neighbours that are
seen together most often. Words that are common become one token; rare words, naïve spellings, 数字
and числа stay in parts. It's simple, it isn't new (1994!), and it's hard to make quick.
    for (index, token) in tokens.iter().enumerate() { total += 12345 * index; }
";
const BUILT_IN_REPEATS: usize = 1000;
const DOCUMENT_BYTES: usize = 10_000;
const DEFAULT_VOCAB_SIZE: u32 = 4096;

struct Arguments {
    file: Option<String>,
    vocab_size: u32,
}

fn main() -> ExitCode {
    let arguments = match parse(env::args().skip(1)) {
        Ok(Some(arguments)) => arguments,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(message) => {
            eprintln!("bench: {message}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    let text = match &arguments.file {
        None => BUILT_IN_TEXT.repeat(BUILT_IN_REPEATS),
        Some(path) => match fs::read_to_string(path) {
            Ok(text) => text,
            Err(cause) => {
                eprintln!("bench: {path}: {cause}");
                return ExitCode::FAILURE;
            }
        },
    };
    match run(&text, arguments.vocab_size) {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            eprintln!("bench: {cause}");
            ExitCode::FAILURE
        }
    }
}

/// `None` when the usage was asked for.
fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Option<Arguments>, String> {
    let mut parsed = Arguments {
        file: None,
        vocab_size: DEFAULT_VOCAB_SIZE,
    };
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "-h" | "--help" => return Ok(None),
            "--vocab-size" => {
                let value = arguments.next().unwrap_or_default();
                parsed.vocab_size = value
                    .parse()
                    .map_err(|_| format!("--vocab-size needs a number, not {value:?}"))?;
            }
            option if option.starts_with('-') => return Err(format!("unknown option {option}")),
            _ if parsed.file.is_some() => return Err("more than one file".to_string()),
            _ => parsed.file = Some(argument),
        }
    }
    Ok(Some(parsed))
}

fn run(text: &str, vocab_size: u32) -> Result<(), Error> {
    let documents = documents(text);
    let pattern = Regex::new(DEFAULT_PATTERN)?;

    let start = Instant::now();
    let pieces = count_pieces(&pattern, &documents)?;
    let count_seconds = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let merges = train(&pieces, vocab_size)?;
    let merge_seconds = start.elapsed().as_secs_f64();

    let pairs = merges.iter().flat_map(|&(left, right)| [left, right]);
    Line::new("train", text, &documents)
        .field("vocab_size", vocab_size)
        .field("merges", merges.len())
        .field("pieces", pieces.len())
        .field("count_seconds", count_seconds)
        .field("merge_seconds", merge_seconds)
        .field("seconds", count_seconds + merge_seconds)
        .text("checksum", &checksum(pairs))
        .print();

    let tokenizer = Tokenizer::from_merges(&merges, DEFAULT_PATTERN)?;
    let start = Instant::now();
    let mut ids = Vec::new();
    for document in &documents {
        ids.extend(tokenizer.encode(document)?);
    }
    let seconds = start.elapsed().as_secs_f64();
    Line::new("encode", text, &documents)
        .field("vocab_size", vocab_size)
        .field("tokens", ids.len())
        .field("seconds", seconds)
        .text("checksum", &checksum(ids.iter().copied()))
        .print();

    if let Some(bytes) = peak_memory() {
        Line::new("memory", text, &documents)
            .field("peak_bytes", bytes)
            .print();
    }
    Ok(())
}

fn documents(text: &str) -> Vec<&str> {
    let mut documents = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let bytes = rest.as_bytes();
        let line_end = bytes.iter().skip(DOCUMENT_BYTES).position(|&b| b == b'\n');
        let end = line_end.map_or(bytes.len(), |offset| DOCUMENT_BYTES + offset + 1);
        documents.push(&rest[..end]);
        rest = &rest[end..];
    }
    documents
}

fn checksum(ids: impl Iterator<Item = TokenId>) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in ids.flat_map(u32::to_le_bytes) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    format!("{hash:016x}")
}

/// The most memory the process has had so far, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// A line of JSON. Names and texts are the program's own and need no escaping.
struct Line(String);

impl Line {
    fn new(task: &str, text: &str, documents: &[&str]) -> Self {
        Line(r#"{"implementation":"rust_baseline""#.to_string())
            .text("task", task)
            .field("bytes", text.len())
            .field("documents", documents.len())
            .field("threads", rayon::current_num_threads())
    }

    fn field(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        write!(self.0, r#","{name}":{value}"#).expect("writing to a string cannot fail");
        self
    }

    fn text(self, name: &str, value: &str) -> Self {
        self.field(name, format_args!(r#""{value}""#))
    }

    fn print(self) {
        println!("{}}}", self.0);
    }
}
