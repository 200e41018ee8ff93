"""Random texts for the tests, from a seed: the kinds of text that tokenizers go wrong on."""

from __future__ import annotations

import random
import unicodedata
from typing import Callable, List, Sequence

WHITE_SPACE = " \t\n\r\v\f\x85\xa0\u1680\u2000\u2003\u2009\u2028\u2029\u202f\u205f\u3000"
# Characters that look like white space, and are not.
NOT_WHITE_SPACE = "\x1c\x1d\x1e\x1f\u180e\u200b\u200d\u2060\ufeff"
CONTRACTIONS = (
    *(
        "'s",
        "'t",
        "'re",
        "'ve",
        "'m",
        "'ll",
        "'d",
        "'S",
        "'T",
        "'RE",
        "'Ve",
        "'lL",
        "'D",
        "'\u017f",
    ),
    *("''", "'", "\u2019s", "'x", "'r", "'l", "' s"),
)
EMOJI = "😀👍🏽👨\u200d👩\u200d👧🇩🇪🏳\ufe0f\u200d🌈❤\ufe0f#\ufe0f\u20e3"
SCRIPTS = (
    (0x41, 0x5B),  # Latin
    (0x61, 0x7B),
    (0xC0, 0x250),
    (0x300, 0x370),  # combining marks
    (0x370, 0x400),  # Greek
    (0x400, 0x530),  # Cyrillic
    (0x590, 0x700),  # Hebrew, Arabic
    (0x900, 0xE00),  # scripts of India
    (0xE00, 0xF00),  # Thai, Lao
    (0x1100, 0x1200),  # Jamo
    (0x2000, 0x2C00),  # punctuation, symbols, letter-like numbers
    (0x3040, 0x3100),  # Kana
    (0x4E00, 0x9FFF),  # Han
    (0xAC00, 0xD7A4),  # Hangul
    (0xFF00, 0xFFF0),  # full-width forms
    (0x10000, 0x11000),
    (0x1D400, 0x1D800),  # mathematical letters and digits
    (0x1F300, 0x1FB00),  # emoji, segmented digits
    (0x20000, 0x20100),
)
DIGITS = "0123456789²½\u0661\u0967\uff11\U0001d7d8Ⅷ"
PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~¡§«»\u2013—“”„…。、\uff01"


def scripts(rng: random.Random) -> str:
    """A run of letters of one script."""
    low, high = rng.choice(SCRIPTS)
    return "".join(chr(rng.randrange(low, high)) for _ in range(rng.randrange(1, 8)))


def white_space(rng: random.Random) -> str:
    """A run of white space, mostly spaces and newlines."""
    kinds = rng.choice((" ", " \n", "\r\n", " \t", WHITE_SPACE, WHITE_SPACE + NOT_WHITE_SPACE))
    return "".join(rng.choice(kinds) for _ in range(rng.randrange(1, 7)))


def anything(rng: random.Random) -> str:
    """Code points of all planes, assigned or not, without surrogates."""
    codes = (rng.randrange(0x110000) for _ in range(rng.randrange(1, 5)))
    return "".join(chr(code) for code in codes if not 0xD800 <= code < 0xE000)


def controls(rng: random.Random) -> str:
    """Control characters, NUL among them."""
    return "".join(chr(rng.choice((0, 7, 8, 0x1B, 0x1C, 0x7F, 0x80, 0x9F))) for _ in range(2))


def word(rng: random.Random) -> str:
    """An English word, as it stands or in capitals."""
    words = ("the", "Hello", "world", "don", "I", "we", "tokenizer", "e", "a", "naïve", "straße")
    chosen = rng.choice(words)
    return chosen.upper() if rng.random() < 0.2 else chosen


def one_of(choices: Sequence[str]) -> Callable[[random.Random], str]:
    """One to four of `choices`."""
    return lambda rng: "".join(rng.choice(choices) for _ in range(rng.randrange(1, 5)))


KINDS: Sequence[Callable[[random.Random], str]] = (
    *(word, word, scripts, scripts, white_space, white_space, anything, controls),
    *(one_of(CONTRACTIONS), one_of(EMOJI), one_of(DIGITS), one_of(PUNCTUATION)),
)


def text(rng: random.Random, specials: Sequence[str] = ()) -> str:
    """A text of up to a dozen parts of mixed kinds; special tokens, whole or cut, now and then."""
    parts: List[str] = []
    for _ in range(rng.randrange(13)):
        if specials and rng.random() < 0.03:
            special = rng.choice(specials)
            parts.append(special if rng.random() < 0.7 else special[: rng.randrange(len(special))])
        else:
            parts.append(rng.choice(KINDS)(rng))
    return "".join(parts)


def malformed(rng: random.Random) -> bytes:
    """Bytes that are mostly not UTF-8: texts with bytes put in, left out or changed."""
    data = bytearray(text(rng).encode())
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(data) + 1)
        change = rng.randrange(4)
        if change == 0:
            data[at:at] = bytes(rng.randrange(256) for _ in range(rng.randrange(1, 4)))
        elif change == 1:
            data[at:at] = rng.choice(
                (b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf0\x9f")
            )
        elif change == 2:
            del data[at : at + 1]
        elif at < len(data):
            data[at] ^= 1 << rng.randrange(8)
    return bytes(data)


def long_assigned(character: str) -> bool:
    """Whether the character is old enough to have one category in all Unicode tables in use."""
    return unicodedata.ucd_3_2_0.category(character) == unicodedata.category(character) != "Cn"
