//! Times training and encoding, and prints one line of JSON for each task.
//!
//! `checksum` is the 64-bit FNV-1a hash of the result (the merged pairs, or the ids, each as four
//! bytes, least significant first), so that runs of different implementations can be compared;
//! `tokens_checksum` is that of the tokens by id: of each its id, its length and its bytes. Of tokens
//! with the same bytes only the last counts, as where they become a dictionary.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::time::Instant;
use std::{env, fs};

use fancy_regex::Regex;
use rust_baseline::{count_pieces, train, Error, TokenId, Tokenizer, DEFAULT_PATTERN};

const USAGE: &str = "usage: bench [--vocab-size=N] [--document-bytes=N] [--encode=FILE]... [FILE]

Trains on the text of FILE and encodes it, or the texts of --encode; without FILE, a small built-in
text. A text is cut into documents at the first line end after every N bytes, 10,000 if not said.
RAYON_NUM_THREADS sets the threads.";

/// Small enough to be read in source, and repeated to a size that takes a measurable time.
const BUILT_IN_TEXT: &str = "\
Byte-pair encoding begins with single bytes and joins, again and again, the two neighbours that are
seen together most often. Words that are common become one token; rare words, naïve spellings, 数字
and числа stay in parts. It's simple, it isn't new (1994!), and it's hard to make quick.
    for (index, token) in tokens.iter().enumerate() { total += 12345 * index; }
";
const BUILT_IN_REPEATS: usize = 1000;
const DEFAULT_DOCUMENT_BYTES: usize = 10_000;
const DEFAULT_VOCAB_SIZE: u32 = 4096;

struct Arguments {
    file: Option<String>,
    encode: Vec<String>,
    vocab_size: u32,
    document_bytes: usize,
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
    match read_texts(&arguments)
        .and_then(|texts| run(&texts, &arguments).map_err(|e| e.to_string()))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("bench: {message}");
            ExitCode::FAILURE
        }
    }
}

/// The text to train on and those to encode.
struct Texts {
    train: String,
    encode: Vec<String>,
}

fn read_texts(arguments: &Arguments) -> Result<Texts, String> {
    let read = |path: &String| fs::read_to_string(path).map_err(|cause| format!("{path}: {cause}"));
    let train = match &arguments.file {
        None => BUILT_IN_TEXT.repeat(BUILT_IN_REPEATS),
        Some(path) => read(path)?,
    };
    let encode = arguments
        .encode
        .iter()
        .map(read)
        .collect::<Result<_, _>>()?;
    Ok(Texts { train, encode })
}

/// `None` when the usage was asked for.
fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Option<Arguments>, String> {
    let mut parsed = Arguments {
        file: None,
        encode: Vec::new(),
        vocab_size: DEFAULT_VOCAB_SIZE,
        document_bytes: DEFAULT_DOCUMENT_BYTES,
    };
    while let Some(argument) = arguments.next() {
        let (option, given) = match argument.split_once('=') {
            Some((option, value)) if option.starts_with('-') => (option, Some(value.to_string())),
            _ => (argument.as_str(), None),
        };
        let mut value = || {
            given
                .clone()
                .or_else(|| arguments.next())
                .unwrap_or_default()
        };
        match option {
            "-h" | "--help" => return Ok(None),
            "--vocab-size" => parsed.vocab_size = number(option, &value())?,
            "--document-bytes" => parsed.document_bytes = number(option, &value())?,
            "--encode" => parsed.encode.push(value()),
            _ if option.starts_with('-') => return Err(format!("unknown option {option}")),
            _ if parsed.file.is_some() => return Err("more than one file".to_string()),
            _ => parsed.file = Some(argument),
        }
    }
    Ok(Some(parsed))
}

fn number<N: std::str::FromStr>(option: &str, value: &str) -> Result<N, String> {
    let parsed = value.parse();
    parsed.map_err(|_| format!("{option} needs a number, not {value:?}"))
}

fn run(texts: &Texts, arguments: &Arguments) -> Result<(), Error> {
    let vocab_size = arguments.vocab_size;
    let text = &texts.train;
    let documents = documents(text, arguments.document_bytes);
    let pattern = Regex::new(DEFAULT_PATTERN)?;

    let begin = cpu_seconds();
    let start = Instant::now();
    let pieces = count_pieces(&pattern, &documents)?;
    let count_seconds = start.elapsed().as_secs_f64();
    let counted = cpu_seconds();
    let start = Instant::now();
    let merges = train(&pieces, vocab_size)?;
    let merge_seconds = start.elapsed().as_secs_f64();
    let end = cpu_seconds();

    let tokenizer = Tokenizer::from_merges(&merges, DEFAULT_PATTERN)?;
    let pairs = merges.iter().flat_map(|&(left, right)| [left, right]);
    Line::new("train", text, &documents)
        .field("vocab_size", vocab_size)
        .field("merges", merges.len())
        .field("pieces", pieces.len())
        .field("count_seconds", count_seconds)
        .field("merge_seconds", merge_seconds)
        .field("seconds", count_seconds + merge_seconds)
        .field("merge_cpu_seconds", end - counted)
        .field("cpu_seconds", end - begin)
        .text("checksum", &checksum(pairs.flat_map(u32::to_le_bytes)))
        .text("tokens_checksum", &checksum(spelled(tokenizer.vocab())))
        .print();
    if texts.encode.is_empty() {
        encode(&tokenizer, text, &documents)?;
    }
    for text in &texts.encode {
        encode(
            &tokenizer,
            text,
            &self::documents(text, arguments.document_bytes),
        )?;
    }
    if let Some(bytes) = peak_memory() {
        Line::new("memory", text, &documents)
            .field("peak_bytes", bytes)
            .print();
    }
    Ok(())
}

fn encode(tokenizer: &Tokenizer, text: &str, documents: &[&str]) -> Result<(), Error> {
    let start = Instant::now();
    let mut ids = Vec::new();
    for document in documents {
        ids.extend(tokenizer.encode(document)?);
    }
    let seconds = start.elapsed().as_secs_f64();
    Line::new("encode", text, documents)
        .field("vocab_size", tokenizer.vocab_size())
        .field("tokens", ids.len())
        .field("seconds", seconds)
        .text(
            "checksum",
            &checksum(ids.into_iter().flat_map(u32::to_le_bytes)),
        )
        .print();
    Ok(())
}

/// Each token's id, length and bytes; of tokens with the same bytes the last.
fn spelled(vocab: &[Vec<u8>]) -> impl Iterator<Item = u8> + '_ {
    let numbered = || vocab.iter().zip(0u32..);
    let last: HashMap<&Vec<u8>, TokenId> = numbered().collect();
    numbered()
        .filter(move |&(token, id)| last[token] == id)
        .flat_map(|(token, id)| {
            let head = [id, token.len() as u32];
            head.into_iter()
                .flat_map(u32::to_le_bytes)
                .chain(token.iter().copied())
        })
}

fn documents(text: &str, size: usize) -> Vec<&str> {
    let mut documents = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let bytes = rest.as_bytes();
        let line_end = bytes.iter().skip(size).position(|&b| b == b'\n');
        let end = line_end.map_or(bytes.len(), |offset| size + offset + 1);
        documents.push(&rest[..end]);
        rest = &rest[end..];
    }
    documents
}

fn checksum(bytes: impl Iterator<Item = u8>) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in bytes {
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

/// How long the threads that there are have run; 0 where the system does not tell.
fn cpu_seconds() -> f64 {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten();
    let nanoseconds: u64 = tasks
        .filter_map(|task| fs::read_to_string(task.ok()?.path().join("schedstat")).ok())
        .filter_map(|spent| spent.split(' ').next()?.parse::<u64>().ok())
        .sum();
    nanoseconds as f64 / 1e9
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
