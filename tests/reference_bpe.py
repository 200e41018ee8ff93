"""Byte-pair training as it is stated, in plain Python: every step counts everything afresh.

Cutting text into pieces is left to the `regex` package, so patterns here are in its syntax.
"""

from __future__ import annotations

from collections import Counter
from typing import Dict, Iterable, List, Mapping, Tuple

import regex

Pair = Tuple[int, int]
_BYTES = 256


def count_pieces(texts: Iterable[str], pattern: str) -> Dict[bytes, int]:
    """How often each match of the pattern occurs."""
    counts: Counter[bytes] = Counter()
    for text in texts:
        counts.update(match.group().encode() for match in regex.finditer(pattern, text))
    return dict(counts)


def learn(counts: Mapping[bytes, int], vocab_size: int, min_frequency: int = 1) -> List[bytes]:
    """The tokens by id: the bytes, then what the merges make."""
    return tokens_of(learn_merges(counts, vocab_size, min_frequency))


def learn_merges(
    counts: Mapping[bytes, int], vocab_size: int, min_frequency: int = 1
) -> List[Pair]:
    """The merges, each of the most frequent pair of ids, of the smallest one among equals."""
    merges: List[Pair] = []
    words = [(list(piece), count) for piece, count in counts.items()]
    while _BYTES + len(merges) < vocab_size:
        pairs: Counter[Pair] = Counter()
        for word, count in words:
            for pair in zip(word, word[1:]):
                pairs[pair] += count
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        if pairs[best] < max(1, min_frequency):
            break
        words = [(_merge(word, best, _BYTES + len(merges)), count) for word, count in words]
        merges.append(best)
    return merges


def tokens_of(merges: Iterable[Pair]) -> List[bytes]:
    """The tokens by id."""
    tokens = [bytes([byte]) for byte in range(_BYTES)]
    for left, right in merges:
        tokens.append(tokens[left] + tokens[right])
    return tokens


def encode_piece(piece: bytes, merges: Iterable[Pair]) -> List[int]:
    """The ids of a piece: every merge in turn, as when it was learnt."""
    word = list(piece)
    for token, pair in enumerate(merges, _BYTES):
        word = _merge(word, pair, token)
    return word


def _merge(word: List[int], pair: Pair, token: int) -> List[int]:
    merged: List[int] = []
    at = 0
    while at < len(word):
        if tuple(word[at : at + 2]) == pair:
            merged.append(token)
            at += 2
        else:
            merged.append(word[at])
            at += 1
    return merged
