"""Pieces of text: scanners written by hand, compiled patterns, and the engines of the references.

tokenizers shows its pieces (Oniguruma); those of tiktoken (fancy-regex) show in its ids, with a
vocabulary in which every short piece is a token.
"""

from __future__ import annotations

import base64
import itertools
import json
import random
from typing import Dict, List, Optional, Sequence

import pytest
import tiktoken
from tokenizers import Regex, pre_tokenizers

from pyaot_tokenizer import PATTERNS, Tokenizer, UnsupportedError, _native

SEED = 20260722
TEXTS = 2_000
RANDOM_PATTERNS = 600

# What the alternatives of the patterns tell apart, and bytes that fold to ASCII.
HOSTILE = [
    *"aAzZsStTdDmMlLvVrReE019  \n\r\t/.!-_($",
    *"\u00e9\u00c9\u01c5\u02b0\u4e2d\u6587\u06e2\u0301\u0903\u2167\u00b2",
    *"\u3000\x85\u2028\u017f\u212a\U0001f600\u200d\u00df\u042f\u044f\u0627",
    *"\U0001d49c\U00010400\U00010428\u3042\u30a2\u9fa5\u9fa6\u0000\u200b\u060c",
    *["'", "'s", "'RE", "000", "   "] * 2,
]

DEEPSEEK = [
    (r"\p{N}{1,3}", "isolated", False),
    ("[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+", "isolated", False),
    (
        "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?"
        "[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+",
        "isolated",
        False,
    ),
]

# By family: the splits of its tokenizer.json.
SPLITS = {
    "deepseek_v3": DEEPSEEK,
    "clip": [
        (
            r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|"
            r"[^\s\p{L}\p{N}]+",
            "removed",
            True,
        )
    ],
    "falcon": [
        (r"[\p{P}]", "contiguous", False),
        (
            r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
            "isolated",
            False,
        ),
        (r"[\p{N}]", "contiguous", False),
        ("[0-9][0-9][0-9]", "isolated", False),
    ],
    "bloom": [(" ?[^(\\s|[.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c])]+", "isolated", False)],
    "starcoder": [
        (r"\p{N}", "isolated", False),
        (
            r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+",
            "isolated",
            False,
        ),
    ],
    "kimi_k2": [
        (
            r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*"
            r"[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+"
            r"[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
            r"\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            "isolated",
            False,
        )
    ],
    "qwen3_5": [
        (
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}|"
            r" ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            "isolated",
            False,
        )
    ],
    "aya": [(r"\d{1,3}(?=(?:\d{3})*\b)", "isolated", False)],
    "superbpe": [
        (r"(?=(\d{3})+(?!\d))", "isolated", False),
        (r" ?[^\s\p{N}]+|\p{N}+|\s+(?!\S)|\s+", "isolated", False),
    ],
    "long_runs": [(r"\s{16}(?!\S)|\s+(?!\S)|\s+|\S+", "isolated", False)],
    "words": [(r"\w+|[^\w\s]+", "removed", True)],
    "before": [(r"(?<=[a-z])(?=[A-Z])|(?<!\d)\d{2}$|^\s", "isolated", False)],
    "previous": [(r"\s", "merged_with_previous", False)],
    "next": [(r"[\s']", "merged_with_next", False)],
    "previous_inverted": [(r"\w+", "merged_with_previous", True)],
    "next_inverted": [(r"\w+", "merged_with_next", True)],
    "contiguous_inverted": [(r"\w|(?=\d)", "contiguous", True)],
}

BEHAVIORS = {
    "isolated": "Isolated",
    "removed": "Removed",
    "merged_with_previous": "MergedWithPrevious",
    "merged_with_next": "MergedWithNext",
    "contiguous": "Contiguous",
}


def byte_level_vocabulary() -> Dict[str, int]:
    """The 256 characters of the byte-level alphabet."""
    return {character: i for i, character in enumerate(pre_tokenizers.ByteLevel.alphabet())}


def document(splits: Sequence[tuple[str, str, bool]]) -> bytes:
    """A tokenizer.json with these splits."""
    parts: List[object] = [
        {
            "type": "Split",
            "pattern": {"Regex": pattern},
            "behavior": BEHAVIORS[behavior],
            "invert": invert,
        }
        for pattern, behavior, invert in splits
    ]
    parts.append(
        {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    )
    return json.dumps(
        {
            "added_tokens": [],
            "normalizer": None,
            "pre_tokenizer": {"type": "Sequence", "pretokenizers": parts},
            "post_processor": None,
            "decoder": {"type": "ByteLevel"},
            "model": {"type": "BPE", "vocab": byte_level_vocabulary(), "merges": []},
        }
    ).encode()


class Compiled:
    """Compiled patterns, whether there is a scanner for them or not."""

    def __init__(
        self, *, splits: Optional[Sequence[tuple[str, str, bool]]] = None, ours: str = ""
    ) -> None:
        """Compiles the splits of a tokenizer.json, or a pattern as tiktoken reads it."""
        library = _native.LIBRARY
        expression = ours.encode()
        ranks = b"".join(base64.b64encode(bytes([i])) + b" %d\n" % i for i in range(256))
        data = document(splits) if splits is not None else ranks

        def load(address: int) -> int:
            status = library.pyaot_tokenizer_compile_patterns(address)
            if splits is not None:
                return status or library.pyaot_tokenizer_load_json(address, data, len(data))
            return status or library.pyaot_tokenizer_load_tiktoken(
                address, data, len(data), expression, len(expression)
            )

        self._handle = _native.Handle(load)
        self._context = _native.Context(self._handle)

    def pieces(self, text: str) -> List[bytes]:
        """The pieces of a text."""
        data = text.encode()
        count = _native.LIBRARY.pyaot_pre_tokenize(self._context.address, data, len(data))
        assert count >= 0
        bounds = self._context.end_view(2 * count).tolist()
        return [data[start:end] for start, end in zip(bounds[::2], bounds[1::2])]


def pieces_of(tokenizer: Tokenizer, text: str) -> List[bytes]:
    data = text.encode()
    return [data[start:end] for start, end in tokenizer.pre_tokenize(text)]


def hostile_texts(count: int, longest: int, seed: int) -> List[str]:
    rng = random.Random(seed)
    return [
        "".join(rng.choice(HOSTILE) for _ in range(rng.randrange(longest))) for _ in range(count)
    ]


def reference_of(splits: Sequence[tuple[str, str, bool]]) -> pre_tokenizers.PreTokenizer:
    return pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(pattern), behavior, invert)
            for pattern, behavior, invert in splits
        ]
    )


def expected_pieces(reference: pre_tokenizers.PreTokenizer, text: str) -> List[bytes]:
    return [piece.encode() for piece, _ in reference.pre_tokenize_str(text) if piece]


@pytest.mark.parametrize("family", sorted(SPLITS))
def test_families_are_as_in_tokenizers(family: str) -> None:
    splits = SPLITS[family]
    reference = reference_of(splits)
    compiled = Compiled(splits=splits)
    tokenizer = Tokenizer.from_bytes(document(splits))
    for text in hostile_texts(TEXTS, 24, SEED):
        expected = expected_pieces(reference, text)
        assert compiled.pieces(text) == expected, repr(text)
        assert pieces_of(tokenizer, text) == expected, repr(text)


@pytest.mark.parametrize("name", sorted(PATTERNS))
def test_scanners_are_as_compiled(name: str) -> None:
    compiled = Compiled(ours=PATTERNS[name])
    ranks = {bytes([i]): i for i in range(256)}
    tokenizer = Tokenizer.from_ranks(ranks, pattern=name)
    for text in hostile_texts(TEXTS, 24, SEED + 1):
        assert pieces_of(tokenizer, text) == compiled.pieces(text), repr(text)


def random_pattern(rng: random.Random, depth: int) -> str:
    """A pattern over a, b and c."""
    roll = rng.random()
    if depth == 0 or roll < 0.25:
        return rng.choice(["a", "b", "c", "[ab]", "[^a]", ".", "[bc]"])
    if roll < 0.5:
        return "".join(random_pattern(rng, depth - 1) for _ in range(rng.randrange(1, 4)))
    if roll < 0.65:
        options = [random_pattern(rng, depth - 1) for _ in range(2)]
        return "(?:" + "|".join(options) + ")"
    if roll < 0.75:
        kind = rng.choice(["(?=", "(?!", "(?=", "(?!", "(?<=", "(?<!"])
        inner = rng.choice(["a", "[bc]"]) if "<" in kind else random_pattern(rng, depth - 1)
        return kind + inner + ")"
    if roll < 0.8:
        return rng.choice(["$", "^", r"\b", r"\B"])
    inner = random_pattern(rng, depth - 1)
    quantifier = rng.choice(["*", "+", "?", "*?", "+?", "??", "++", "?+", "{2}", "{1,2}", "{2,}"])
    return f"(?:{inner}){quantifier}"


def short_texts(rng: random.Random) -> List[str]:
    return ["".join(rng.choice("aabbc \n") for _ in range(rng.randrange(1, 9))) for _ in range(60)]


def test_random_patterns_are_as_in_tokenizers() -> None:
    rng = random.Random(SEED)
    compared = 0
    for _ in range(RANDOM_PATTERNS):
        pattern = random_pattern(rng, 3)
        behavior, invert = rng.choice(sorted(BEHAVIORS)), rng.random() < 0.3
        splits = [(pattern, behavior, invert)]
        try:
            compiled = Compiled(splits=splits)
            reference = reference_of(splits)
        except Exception as error:
            # What one of the two does not support; Oniguruma has no type of its own for it.
            if isinstance(error, UnsupportedError) or "Oniguruma" in str(error):
                continue
            raise
        compared += 1
        for text in short_texts(rng):
            expected = expected_pieces(reference, text)
            assert compiled.pieces(text) == expected, (splits, text)
    assert compared > RANDOM_PATTERNS // 2


def test_random_patterns_are_as_in_tiktoken() -> None:
    rng = random.Random(SEED)
    ranks = {bytes([i]): i for i in range(256)}
    for length in range(2, 9):
        for letters in itertools.product(b"abc \n", repeat=length) if length < 6 else ():
            ranks[bytes(letters)] = len(ranks)
    compared = 0
    for _ in range(RANDOM_PATTERNS // 3):
        pattern = random_pattern(rng, 3)
        try:
            tokenizer = Tokenizer.from_ranks(ranks, pattern=pattern)
        except UnsupportedError:
            continue
        encoding = tiktoken.Encoding(
            "random", pat_str=pattern, mergeable_ranks=ranks, special_tokens={}
        )
        compared += 1
        for text in short_texts(rng):
            try:
                expected = encoding.encode_ordinary(text)
            except BaseException as error:
                # tiktoken panics where a match is empty.
                if type(error).__name__ == "PanicException":
                    continue
                raise
            assert tokenizer.encode_ordinary(text) == expected, (pattern, text)
    assert compared > RANDOM_PATTERNS // 6


def test_pre_tokenize() -> None:
    tokenizer = Tokenizer.from_ranks({bytes([i]): i for i in range(256)}, pattern=r"\w+")
    assert tokenizer.pre_tokenize("caf\u00e9, x") == [(0, 5), (7, 8)]
    assert tokenizer.pre_tokenize(b"a\xffb") == [(0, 1), (2, 3)]
    assert tokenizer.pre_tokenize("") == []
    long = "ab " * 1000
    assert tokenizer.pre_tokenize(long) == [(i, i + 2) for i in range(0, 3000, 3)]
