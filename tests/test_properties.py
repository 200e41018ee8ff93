"""Laws that hold for every text, looked for with hypothesis."""

from __future__ import annotations

import copy
import functools
import pickle
import sys
from typing import List

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyaot_tokenizer import PATTERNS, Tokenizer

import oracle
import peers
import subjects
import texts

# The same examples in every run, and no file kept between runs.
settings.register_profile("repeatable", derandomize=True, database=None, deadline=None)
settings.load_profile("repeatable")

TEXTS = st.one_of(
    st.text(max_size=200),
    st.lists(
        st.sampled_from(
            [
                *texts.CONTRACTIONS,
                *texts.WHITE_SPACE,
                *texts.DIGITS,
                *texts.EMOJI,
                *texts.PUNCTUATION,
                *("Hello", " world", "straße", "\u4f60\u597d", "  \n\n  "),
                *("<|endoftext|>", "<|endof"),
            ]
        ),
        max_size=40,
    ).map("".join),
)


@settings(max_examples=1000)
@given(TEXTS)
def test_decode_inverts_encode(text: str) -> None:
    for tokenizer in (subjects.gpt2_json(), subjects.cl100k_file()):
        assert tokenizer.decode(tokenizer.encode(text)) == text
        assert tokenizer.decode(tokenizer.encode_ordinary(text), errors="strict") == text


@settings(max_examples=1000)
@given(st.binary(max_size=200))
def test_decode_bytes_inverts_encode_of_any_bytes(data: bytes) -> None:
    for tokenizer in (subjects.gpt2_json(), subjects.cl100k_file()):
        assert tokenizer.decode_bytes(tokenizer.encode(data)) == data


@settings(max_examples=1000)
@given(TEXTS)
def test_ids_are_tiktokens(text: str) -> None:
    ids = peers.tiktoken_cl100k().encode(text, allowed_special="all")
    assert subjects.cl100k_file().encode(text) == ids
    ids = peers.tiktoken_gpt2().encode(text, allowed_special="all")
    assert subjects.gpt2_ranks().encode(text) == ids


@settings(max_examples=1000)
@given(TEXTS)
def test_str_and_its_bytes_are_one_text(text: str) -> None:
    tokenizer = subjects.cl100k_file()
    assert tokenizer.encode(text.encode()) == tokenizer.encode(text)
    assert tokenizer.count(text) == len(tokenizer.encode(text))


@settings(max_examples=300)
@given(st.lists(TEXTS, max_size=20), st.integers(1, 4))
def test_a_batch_is_its_texts(batch: List[str], threads: int) -> None:
    tokenizer = subjects.gpt2_json()
    expected = [tokenizer.encode(text) for text in batch]
    assert tokenizer.encode_batch(batch, num_threads=threads) == expected
    assert tokenizer.decode_batch(expected) == batch


@settings(max_examples=300)
@given(TEXTS, TEXTS)
def test_a_special_token_parts_the_text(left: str, right: str) -> None:
    tokenizer = subjects.cl100k_file()
    middle = peers.END_OF_TEXT
    # An angle bracket beside the token could spell another one with it.
    left, right = left.replace("<", ""), right.replace(">", "")
    expected = [*tokenizer.encode(left), peers.CL100K_SPECIALS[middle], *tokenizer.encode(right)]
    assert tokenizer.encode(left + middle + right) == expected


@settings(max_examples=500)
@given(st.text(alphabet=st.characters(categories=["L", "N", "Z", "P", "S", "Cc"]), max_size=60))
def test_ids_are_the_oracles(text: str) -> None:
    kept = "".join(filter(texts.long_assigned, text)).encode()
    reference = oracle.Oracle(peers.cl100k_ranks(), PATTERNS["cl100k_base"])
    assert subjects.cl100k_file().encode_ordinary(kept) == reference.encode(kept)
    reference = oracle.Oracle(
        peers.gpt2_ranks(),
        PATTERNS["gpt2"],
        {pair: i for i, pair in enumerate(peers.gpt2_merges())},
    )
    assert subjects.gpt2_json().encode_ordinary(kept) == reference.encode(kept)


@settings(max_examples=200)
@given(st.lists(st.integers(0, 100_256), max_size=50))
def test_any_ids_decode_to_the_bytes_of_their_tokens(ids: List[int]) -> None:
    tokenizer = subjects.cl100k_file()
    tokens = [tokenizer.id_to_token(token_id) for token_id in ids]
    if None not in tokens:
        assert tokenizer.decode_bytes(ids) == b"".join(token for token in tokens if token)


@settings(max_examples=100)
@given(TEXTS)
def test_copies_encode_alike(text: str) -> None:
    tokenizer = subjects.gpt2_json()
    assert pickled_gpt2().encode(text) == copy.deepcopy(tokenizer).encode(text)
    assert pickled_gpt2().encode(text) == tokenizer.encode(text)


@functools.cache
def pickled_gpt2() -> Tokenizer:
    return pickle.loads(pickle.dumps(subjects.gpt2_json()))


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, *sys.argv[1:]]))
