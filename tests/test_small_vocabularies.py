"""Every short string over a few letters, in many random tiny vocabularies, against the oracle.

What large vocabularies show once in a million texts, these show at once: merges that overlap,
tokens that no merge reaches, ranks out of the order of length, merge lists that disagree with
ranks.
"""

from __future__ import annotations

import itertools
import random
import sys
from typing import Dict, List, Tuple

import pytest

from pyaot_tokenizer import Tokenizer

import oracle
import subjects

ALPHABETS = ((b"a", 12), (b"ab", 8), (b"abc", 6))
VOCABULARY_COUNT = 60
# A run of letters is one piece of this pattern.
WHOLE = "gpt2"


def strings(alphabet: bytes, length_max: int) -> List[bytes]:
    """All strings over `alphabet` of up to `length_max` letters."""
    return [
        bytes(letters)
        for length in range(length_max + 1)
        for letters in itertools.product(alphabet, repeat=length)
    ]


def random_tokens(rng: random.Random, alphabet: bytes) -> List[bytes]:
    """Random tokens in random order: no merges need lead to them."""
    lengths = [rng.choice((2, 2, 2, 3, 3, 4, 5)) for _ in range(rng.randrange(1, 16))]
    return [bytes(rng.choice(alphabet) for _ in range(length)) for length in lengths]


def random_merges(rng: random.Random, alphabet: bytes) -> List[Tuple[bytes, bytes]]:
    """A merge list of the kind that training gives: each merge joins tokens that exist by then."""
    tokens = [bytes([letter]) for letter in alphabet]
    merges: List[Tuple[bytes, bytes]] = []
    for _ in range(rng.randrange(1, 12)):
        pair = rng.choice(tokens), rng.choice(tokens)
        if pair not in merges and len(pair[0] + pair[1]) <= 8:
            merges.append(pair)
            tokens.append(pair[0] + pair[1])
    return merges


def vocab_of(rng: random.Random, merges: List[Tuple[bytes, bytes]]) -> Dict[bytes, int]:
    """The vocabulary of a merge list; ids in the order of the merges, or in any."""
    ranks = subjects.byte_ranks(left + right for left, right in merges)
    if rng.random() < 0.5:
        return ranks
    ids = list(ranks.values())
    rng.shuffle(ids)
    return dict(zip(ranks, ids))


@pytest.mark.parametrize(("alphabet", "length_max"), ALPHABETS)
@pytest.mark.parametrize("seed", range(VOCABULARY_COUNT))
def test_ranks(alphabet: bytes, length_max: int, seed: int) -> None:
    rng = random.Random(seed)
    ranks = subjects.byte_ranks(random_tokens(rng, alphabet))
    tokenizer = Tokenizer.from_ranks(ranks, pattern=WHOLE)
    inputs = strings(alphabet, length_max)
    for data, ids in zip(inputs, tokenizer.encode_batch(inputs, num_threads=1)):
        expected = oracle.encode_piece_by_ranks(data, ranks) if data else []
        assert ids == expected, (data, list(ranks)[256:])
        assert tokenizer.decode_bytes(ids) == data


@pytest.mark.parametrize("ignore_merges", [False, True])
@pytest.mark.parametrize(("alphabet", "length_max"), ALPHABETS)
@pytest.mark.parametrize("seed", range(VOCABULARY_COUNT))
def test_merge_lists(alphabet: bytes, length_max: int, seed: int, ignore_merges: bool) -> None:
    rng = random.Random(seed)
    merges = random_merges(rng, alphabet)
    vocab = vocab_of(rng, merges)
    json = subjects.small_json(
        merges, vocab=vocab, ignore_merges=ignore_merges, use_regex=rng.random() < 0.5
    )
    tokenizer = Tokenizer.from_str(json)
    places = {pair: place for place, pair in enumerate(merges)}
    inputs = strings(alphabet, length_max)
    for data, ids in zip(inputs, tokenizer.encode_batch(inputs, num_threads=1)):
        expected = oracle.encode_piece_by_merges(data, vocab, places, ignore_merges)
        assert ids == (expected if data else []), (data, merges)
        assert tokenizer.decode_bytes(ids) == data


@pytest.mark.parametrize("seed", range(VOCABULARY_COUNT))
def test_long_pieces(seed: int) -> None:
    """Pieces past every boundary between the ways of merging."""
    rng = random.Random(seed)
    alphabet, _ = rng.choice(ALPHABETS)
    tokens = random_tokens(rng, alphabet)
    ranks = subjects.byte_ranks(tokens)
    merges = random_merges(rng, alphabet)
    vocab = vocab_of(rng, merges)
    places = {pair: place for place, pair in enumerate(merges)}
    by_ranks = Tokenizer.from_ranks(ranks, pattern=WHOLE)
    by_merges = Tokenizer.from_str(subjects.small_json(merges, vocab=vocab))
    for length in (15, 16, 17, 31, 32, 33, 63, 64, 65, 100, 127, 128, 129, 200, 255, 256, 257):
        data = bytes(rng.choice(alphabet) for _ in range(length))
        assert by_ranks.encode(data) == oracle.encode_piece_by_ranks(data, ranks), (data, tokens)
        expected = oracle.encode_piece_by_merges(data, vocab, places, ignore_merges=False)
        assert by_merges.encode(data) == expected, (data, merges)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, *sys.argv[1:]]))
