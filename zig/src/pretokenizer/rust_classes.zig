//! The classes of characters that tokenizers' own pre-tokenizers go by, as patterns: those of Rust and its libraries,
//! which are of other versions of Unicode than the regular expressions are.

/// Numbers as Rust's standard library has them: Unicode 17.
pub const numbers = "[\\p{N}\u{11DE0}-\u{11DE9}\u{16FF4}-\u{16FF6}]";

/// Punctuation: that of ASCII, and what Unicode 8 has.
pub const punctuation = "[!-/:-@\\[-`{-~\u{166D}\u{111C9}[\\p{P}&&[^\u{61D}\u{9FD}\u{A76}\u{C77}\u{C84}" ++
    "\u{1B4E}-\u{1B4F}\u{1B7D}-\u{1B7F}\u{2E43}-\u{2E4F}\u{2E52}-\u{2E5D}\u{10D6E}\u{10EAD}" ++
    "\u{10F55}-\u{10F59}\u{10F86}-\u{10F89}\u{113D4}-\u{113D5}\u{113D7}-\u{113D8}" ++
    "\u{1144B}-\u{1144F}\u{1145A}-\u{1145B}\u{1145D}\u{11660}-\u{1166C}\u{116B9}\u{1183B}" ++
    "\u{11944}-\u{11946}\u{119E2}\u{11A3F}-\u{11A46}\u{11A9A}-\u{11A9C}\u{11A9E}-\u{11AA2}" ++
    "\u{11B00}-\u{11B09}\u{11BE1}\u{11C41}-\u{11C45}\u{11C70}-\u{11C71}\u{11EF7}-\u{11EF8}" ++
    "\u{11F43}-\u{11F4F}\u{11FFF}\u{12FF1}-\u{12FF2}\u{16D6D}-\u{16D6F}\u{16E97}-\u{16E9A}" ++
    "\u{16FE2}\u{1E5FF}\u{1E95E}-\u{1E95F}]]]";
