"""SentencePiece's compiled maps of characters, as the normalizer Precompiled has them."""

from __future__ import annotations

import random
import struct
from typing import Any, Dict, List, Mapping


def compiled(pairs: Mapping[str, str]) -> bytes:
    """The map from each text to another: a double array of UTF-8 bytes, and texts with a NUL."""
    texts = bytearray()
    trie: Dict[int, Any] = {}
    for key, value in pairs.items():
        node = trie
        for byte in key.encode():
            node = node.setdefault(byte, {})
        node[-1] = len(texts)
        texts += value.encode() + b"\0"
    units: Dict[int, int] = {0: 0}
    _place(trie, 0, units)
    size = max(units) + 1 + 256
    words = [units.get(place, 0) for place in range(size - size % 256)]
    return struct.pack(f"<I{len(words)}I", 4 * len(words), *words) + bytes(texts)


def random_map(rng: random.Random) -> bytes:
    """Texts of a few bytes to others, none among them."""
    letters = [*"abet .", "\u00e9", "\u0301", "\u0323", "\u65e5", "\u200d", "\u00a0", "\r\n"]
    keys = {"".join(rng.choices(letters, k=rng.randrange(1, 4))) for _ in range(rng.randrange(8))}
    values = ["", "x", "xy", " ", "\u65e5", "e\u0301", "ab\u0301c"]
    return compiled({key: rng.choice(values) for key in sorted(keys)})


def _place(node: Dict[int, Any], at: int, units: Dict[int, int]) -> None:
    """Finds free places for a node's children, and then for theirs."""
    todo = [(node, at)]
    free = 1
    bases = set()
    while todo:
        node, at = todo.pop()
        # The value stands where the byte 0 would.
        labels: List[int] = [max(byte, 0) for byte in node]
        if not labels:
            continue
        base = free
        while base in bases or any(base ^ label in units for label in labels):
            base += 1
        bases.add(base)
        free = max(free, base - 512)
        offset = at ^ base
        units[at] |= offset << 10 if offset < 1 << 21 else (offset >> 8) << 10 | 1 << 9
        for byte, child in node.items():
            place = base ^ max(byte, 0)
            if byte < 0:
                units[at] |= 1 << 8
                units[place] = child | 1 << 31
            else:
                units[place] = byte
                todo.append((child, place))
