"""Megabytes of what slows tokenizers down: the ids are right, and encoding them ends.

Times are no part of these tests: a quadratic encoder would take hours on any of these inputs, and
run into the time limit of the test.
"""

from __future__ import annotations

import base64
import random
import sys
from typing import Callable, Dict

import pytest
import tokenizers

from pyaot_tokenizer import PATTERNS, Tokenizer

import oracle
import peers
import subjects
import texts

LENGTH = 1 << 20


def from_alphabet(alphabet: str, length: int = LENGTH, seed: int = 1) -> str:
    """Random characters of `alphabet`."""
    return "".join(random.Random(seed).choices(alphabet, k=length))


HAN = "".join(map(chr, range(0x4E00, 0x9FA5)))
RANDOM_BYTES = random.Random(2).randbytes(LENGTH)

INPUTS: Dict[str, Callable[[], str]] = {
    "one letter": lambda: "a" * LENGTH,
    "one capital": lambda: "A" * LENGTH,
    "two letters": lambda: "ab" * (LENGTH // 2),
    "spaces": lambda: " " * LENGTH,
    "newlines": lambda: "\n" * LENGTH,
    "carriage returns": lambda: "\r\n" * (LENGTH // 2),
    "tabs": lambda: "\t" * LENGTH,
    "mixed white space": lambda: from_alphabet(texts.WHITE_SPACE),
    "one digit": lambda: "0" * LENGTH,
    "digits": lambda: from_alphabet("0123456789"),
    "apostrophes": lambda: "'" * LENGTH,
    "contractions": lambda: "'re" * (LENGTH // 3),
    "punctuation": lambda: from_alphabet(texts.PUNCTUATION),
    "carets": lambda: "^" * LENGTH,
    "Han": lambda: from_alphabet(HAN, LENGTH // 3),
    "one Han character": lambda: "\u7684" * (LENGTH // 3),
    "base64": lambda: base64.b64encode(RANDOM_BYTES[: LENGTH * 3 // 4]).decode(),
    "base64 in lines": lambda: base64.encodebytes(RANDOM_BYTES[: LENGTH * 3 // 4]).decode(),
    "letters": lambda: from_alphabet("abcdefghijklmnopqrstuvwxyz"),
    "emoji": lambda: "\U0001f468\u200d\U0001f469\u200d\U0001f467" * (LENGTH // 18),
    "flags": lambda: "\U0001f1e9\U0001f1ea" * (LENGTH // 8),
    "combining marks": lambda: "e" + "\u0301" * (LENGTH // 2),
    "NUL": lambda: "\0" * LENGTH,
    "special tokens": lambda: peers.END_OF_TEXT * (LENGTH // 13),
    "starts of special tokens": lambda: "<|endoftext|" * (LENGTH // 12),
}


@pytest.mark.parametrize("name", INPUTS)
def test_tiktoken(name: str) -> None:
    """A megabyte, against tiktoken, and back."""
    text = INPUTS[name]()
    for load, peer in (
        (subjects.gpt2_ranks, peers.tiktoken_gpt2),
        (subjects.cl100k_file, peers.tiktoken_cl100k),
    ):
        tokenizer = load()
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids) == text
        assert tokenizer.count(text) == len(ids)
        assert ids == peer().encode(text, allowed_special="all")


def test_white_space_before_a_letter() -> None:
    """The pattern engine of tiktoken gives up here; what the two pieces are is known."""
    for load, peer in (
        (subjects.gpt2_ranks, peers.tiktoken_gpt2),
        (subjects.cl100k_file, peers.tiktoken_cl100k),
    ):
        expected = peer().encode_ordinary(" " * (LENGTH - 1)) + peer().encode_ordinary(" a")
        assert load().encode(" " * LENGTH + "a") == expected


@pytest.mark.parametrize("name", INPUTS)
def test_tokenizers(name: str) -> None:
    """A twentieth of it, against tokenizers."""
    text = INPUTS[name]()[: LENGTH // 20]
    assert subjects.gpt2_json().encode(text) == peers.tokenizers_gpt2().encode(text).ids
    assert subjects.cl100k_json().encode(text) == peers.tokenizers_cl100k().encode(text).ids


@pytest.mark.parametrize("name", INPUTS)
def test_oracle(name: str) -> None:
    """A beginning of it, short enough for the oracle."""
    data = INPUTS[name]()[:1500].encode()
    for load, vocab, pattern in (
        (subjects.gpt2_ranks, peers.gpt2_ranks, "gpt2"),
        (subjects.cl100k_file, peers.cl100k_ranks, "cl100k_base"),
    ):
        expected = oracle.Oracle(vocab(), PATTERNS[pattern]).encode(data)
        assert load().encode_ordinary(data) == expected


@pytest.mark.parametrize("name", ["one letter", "two letters", "letters", "base64", "Han"])
def test_merging_a_piece_of_a_megabyte(name: str) -> None:
    """No pattern cuts the text: merging itself must be fast. That of tokenizers is n log n."""
    text = INPUTS[name]()
    merges = peers.gpt2_merges()
    vocab = subjects.byte_ranks(left + right for left, right in merges)
    json = subjects.small_json(merges, vocab=vocab)
    ids = Tokenizer.from_str(json).encode(text)
    assert ids == tokenizers.Tokenizer.from_str(json).encode(text).ids


def test_random_bytes() -> None:
    for load in (subjects.gpt2_json, subjects.cl100k_file):
        ids = load().encode(RANDOM_BYTES)
        assert load().decode_bytes(ids) == RANDOM_BYTES


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, *sys.argv[1:]]))
