"""Small corpora for training, built to hit what implementations differ in."""

from __future__ import annotations

import random
from typing import List


def small_corpora() -> List[List[str]]:
    """Ties, overlaps, long runs, empty and one-character texts, all bytes."""
    source = random.Random(20)
    corpora = [
        [],
        [""],
        ["", "a", "", "b"],
        ["a" * 1000, "aa", "aaa", " " * 100, "\n" * 50],
        ["ab ba ab ba", "abab", "baba"],
        [
            "".join(map(chr, range(1, 256))),
            "\0\x01\0\x01",
            "".join(map(chr, range(0x2FF0, 0x3400))),
        ],
        ["\U0010ffff\U00010000" * 9, "é" * 7, "\ufffd"],
        all_bytes(),
    ]
    for letters in ("ab", "abc ", "aA1 '\n", "xyzéü中 "):
        for _ in range(3):
            corpora.append(
                [
                    "".join(source.choices(letters, k=source.choice((0, 1, 2, 7, 300))))
                    for _ in range(40)
                ]
            )
    return corpora


def all_bytes() -> List[str]:
    """Each byte that UTF-8 can have, next to itself and to others."""
    firsts = [chr(0x40 * i) * 3 for i in range(2, 32)]
    longer = [chr(0x1000 * i) + chr(0x1000 * i + 0xFFF) for i in range(1, 16) if i != 0xD]
    longest = [chr(0x40000 * i) * 2 for i in range(1, 5)]
    return [*map(chr, range(128)), *firsts, *longer, *longest, chr(0x10FFFF) * 5]


def random_corpus(seed: int) -> List[str]:
    """Few letters and short texts, so that most counts are equal and pairs overlap."""
    source = random.Random(seed)
    letters = source.choice(("a", "ab", "aab", "abc", "aaaab ", "ab \n", "aé中", "012 a"))
    texts = []
    for _ in range(source.randint(1, 12)):
        text = "".join(source.choices(letters, k=source.choice((0, 1, 3, 8, 20, 60))))
        texts.append(text * source.choice((1, 1, 1, 3)))
    return texts
