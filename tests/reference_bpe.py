"""Byte-pair training as it is stated, in plain Python: every step counts everything afresh.

Cutting text into pieces is left to the `regex` package, so patterns here are in its syntax.
"""

from __future__ import annotations

from collections import Counter
from typing import Dict, Iterable, List, Mapping, Tuple

import regex


def count_pieces(texts: Iterable[str], pattern: str) -> Dict[bytes, int]:
    """How often each match of the pattern occurs."""
    counts: Counter[bytes] = Counter()
    for text in texts:
        counts.update(match.group().encode() for match in regex.finditer(pattern, text))
    return dict(counts)


def learn(counts: Mapping[bytes, int], vocab_size: int, min_frequency: int = 1) -> List[bytes]:
    """The tokens by id: the bytes, then what is merged: the most frequent pair, the smallest."""
    tokens = [bytes([byte]) for byte in range(256)]
    words = [(list(piece), count) for piece, count in counts.items()]
    while len(tokens) < vocab_size:
        pairs: Counter[Tuple[int, int]] = Counter()
        for word, count in words:
            for pair in zip(word, word[1:]):
                pairs[pair] += count
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        if pairs[best] < max(1, min_frequency):
            break
        words = [(_merge(word, best, len(tokens)), count) for word, count in words]
        tokens.append(tokens[best[0]] + tokens[best[1]])
    return tokens


def _merge(word: List[int], pair: Tuple[int, int], token: int) -> List[int]:
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
