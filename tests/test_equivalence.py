"""Ids are those of tiktoken and tokenizers on 250,000 random texts and on hostile ones."""

from __future__ import annotations

import random
import sys
from typing import Callable, List

import pytest

from pyaot_tokenizer import PATTERNS, Tokenizer

import oracle
import peers
import subjects
import texts

SEED = 20261124
TEXT_COUNT = 50_000
MALFORMED_COUNT = 10_000
HOSTILE_COUNT = 20_000
CHUNK = 5_000


def random_texts(seed: int, count: int) -> List[str]:
    rng = random.Random(seed)
    return [texts.text(rng, specials=list(peers.CL100K_SPECIALS)) for _ in range(count)]


def assert_equal(ours: List[List[int]], theirs: List[List[int]], inputs: List[str]) -> None:
    """Names the first text on which the ids differ."""
    assert len(ours) == len(theirs) == len(inputs)
    for our, their, text in zip(ours, theirs, inputs):
        assert our == their, f"for {text!r}"


@pytest.mark.parametrize("chunk", range(TEXT_COUNT // CHUNK))
@pytest.mark.parametrize(
    ("load", "peer"),
    [
        (subjects.gpt2_ranks, peers.tiktoken_gpt2),
        (subjects.cl100k_file, peers.tiktoken_cl100k),
        (subjects.o200k_file, peers.tiktoken_o200k),
    ],
)
def test_tiktoken(load: Callable[[], Tokenizer], peer: Callable[[], object], chunk: int) -> None:
    tokenizer, encoding = load(), peer()
    inputs = random_texts(SEED + chunk, CHUNK)
    theirs = [encoding.encode(text, allowed_special="all") for text in inputs]
    assert_equal(tokenizer.encode_batch(inputs), theirs, inputs)
    assert [tokenizer.decode(ids) for ids in theirs] == inputs
    ordinary = [encoding.encode_ordinary(text) for text in inputs]
    assert_equal(tokenizer.encode_batch(inputs, special_tokens="text"), ordinary, inputs)
    assert [len(ids) for ids in theirs] == [tokenizer.count(text) for text in inputs]


@pytest.mark.parametrize("chunk", range(TEXT_COUNT // CHUNK))
@pytest.mark.parametrize(
    ("load", "peer"),
    [
        (subjects.gpt2_json, peers.tokenizers_gpt2),
        (subjects.cl100k_json, peers.tokenizers_cl100k),
    ],
)
def test_tokenizers(load: Callable[[], Tokenizer], peer: Callable[[], object], chunk: int) -> None:
    tokenizer, other = load(), peer()
    inputs = random_texts(SEED - 1 - chunk, CHUNK)
    theirs = [encoding.ids for encoding in other.encode_batch_fast(inputs)]
    assert_equal(tokenizer.encode_batch(inputs), theirs, inputs)
    assert [tokenizer.decode(ids) for ids in theirs] == inputs
    assert tokenizer.decode_batch(theirs, skip_special_tokens=True) == other.decode_batch(theirs)


# What the alternatives of the patterns tell apart: both cases, letters of neither (Lm, Lo), title
# case, marks, digits of three kinds, white space, newlines, contractions, also by their folds.
HOSTILE = [
    *"aAzZsStTdDmMlLvVrReE019  \n\r\t/.!-_(",
    *"\u00e9\u00c9\u01c5\u02b0\u4e2d\u6587\u06e2\u0301\u0903\u2167\u00b2",
    *"\u3000\x85\u2028\u017f\u212a\U0001f600\u200d\u00df\u042f\u044f\u0627",
    *"\U0001d49c\U00010400\U00010428",
    *["'", "'s", "'RE"] * 2,
]


@pytest.mark.parametrize("pattern", sorted(PATTERNS))
def test_every_pattern_on_hostile_texts(pattern: str) -> None:
    rng = random.Random(SEED)
    inputs = [
        "".join(rng.choice(HOSTILE) for _ in range(rng.randrange(14))) for _ in range(HOSTILE_COUNT)
    ]
    tokenizer = Tokenizer.from_ranks(peers.cl100k_ranks(), pattern=pattern)
    encoding = peers.tiktoken_with(pattern)
    theirs = [encoding.encode_ordinary(text) for text in inputs]
    assert_equal(tokenizer.encode_batch(inputs), theirs, inputs)


def test_the_forms_of_gpt2_agree() -> None:
    inputs = random_texts(SEED, 2_000)
    expected = subjects.gpt2_ranks().encode_batch(inputs, special_tokens="text")
    for load in (subjects.gpt2_json, subjects.gpt2_files):
        assert_equal(load().encode_batch(inputs, special_tokens="text"), expected, inputs)


def test_lone_surrogates_are_as_in_tiktoken() -> None:
    for text in (
        "\ud800",
        "a\udc00b",
        "\ud83d\ude00",
        "x \udcff\udcfe y",
        "\ude00\ud83d",
        "\ud800\n\ud801",
    ):
        assert subjects.gpt2_ranks().encode(text) == peers.tiktoken_gpt2().encode(text), repr(text)


@pytest.mark.parametrize(
    ("load", "vocab", "pattern"),
    [
        (subjects.gpt2_ranks, peers.gpt2_ranks, "gpt2"),
        (subjects.cl100k_file, peers.cl100k_ranks, "cl100k_base"),
        (subjects.o200k_file, peers.o200k_ranks, "o200k_base"),
    ],
)
def test_malformed_bytes(
    load: Callable[[], Tokenizer], vocab: Callable[[], dict[bytes, int]], pattern: str
) -> None:
    """Ill-formed bytes are cut as U+FFFD, encoded as they are, and come back."""
    tokenizer = load()
    reference = oracle.Oracle(vocab(), PATTERNS[pattern])
    rng = random.Random(SEED)
    inputs = []
    while len(inputs) < MALFORMED_COUNT:
        data = texts.malformed(rng)
        # The oracle's Unicode tables are newer: it is asked about characters assigned long ago.
        if all(map(texts.long_assigned, data.decode("utf-8", "replace"))):
            inputs.append(data)
    for data, ids in zip(inputs, tokenizer.encode_batch(inputs, special_tokens="text")):
        assert ids == reference.encode(data), repr(data)
        assert tokenizer.decode_bytes(ids) == data
        assert tokenizer.decode(ids) == data.decode("utf-8", "replace")


def test_every_token_decodes_to_its_bytes() -> None:
    ranks = peers.cl100k_ranks()
    tokenizer = subjects.cl100k_file()
    assert tokenizer.decode_bytes(list(ranks.values())) == b"".join(ranks)
    for token, token_id in ranks.items():
        assert tokenizer.id_to_token(token_id) == token
        assert tokenizer.token_to_id(token) == token_id


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, *sys.argv[1:]]))
