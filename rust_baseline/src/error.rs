//! What can go wrong in training, encoding and decoding.

use std::fmt;

#[derive(Debug)]
pub enum Error {
    /// The pattern is no regular expression, or matching it ran into one of the engine's limits.
    Pattern(Box<fancy_regex::Error>),
    /// The vocabulary has no room for the 256 bytes.
    VocabTooSmall { vocab_size: u32 },
    /// The id stands for no token.
    UnknownToken { id: u32 },
    /// The tokens' bytes are not text.
    InvalidUtf8(std::string::FromUtf8Error),
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Pattern(cause) => write!(formatter, "invalid regex pattern: {cause}"),
            Error::VocabTooSmall { vocab_size } => {
                write!(
                    formatter,
                    "vocab_size must be at least 256, not {vocab_size}"
                )
            }
            Error::UnknownToken { id } => write!(formatter, "unknown token id: {id}"),
            Error::InvalidUtf8(cause) => write!(formatter, "decoded bytes: {cause}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<fancy_regex::Error> for Error {
    fn from(cause: fancy_regex::Error) -> Self {
        Error::Pattern(Box::new(cause))
    }
}
