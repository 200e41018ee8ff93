"""Added tokens where people get them wrong: edges of flags, overlaps, places inside words.

Random sets of tokens that are parts of each other, with random flags, against tokenizers: ids,
tokens and offsets. And what tiktoken's special tokens do, and one text of ten megabytes.
"""

from __future__ import annotations

import random
import sys
from typing import Any, Dict, List

import pytest
import tiktoken
import tokenizers
from tokenizers import AddedToken, decoders, models, normalizers, pre_tokenizers

from pyaot_tokenizer import SpecialTokenError, Tokenizer, hf

import peers
import subjects
from families import FAMILIES

LETTERS = ["a", "b", " ", "\u00e9", "e\u0301", "\u00a0", "\n", "_", "-", "\u0300", "\u4e2d", "A"]
# Contents that begin, end and lie inside each other, of letters, of white space, of marks, and that
# spell a byte. No normalizer makes two of them equal: the reference then takes either.
CONTENTS = [
    "a",
    "ab",
    "aba",
    "b a",
    "ba",
    "aa",
    "\u00e9a",
    "e\u0301",
    " ",
    "  ",
    "\n",
    "a b",
    "_",
    "A",
    "\u00df",
    "\u0120",
    "\u00d8",
]
FLAGS = ("single_word", "lstrip", "rstrip", "normalized")
NORMALIZERS: Dict[str, Any] = {
    "none": None,
    "nfc": normalizers.NFC(),
    "lowercase": normalizers.Lowercase(),
    "nfkd and no accents": normalizers.Sequence([normalizers.NFKD(), normalizers.StripAccents()]),
    "prepended": normalizers.Prepend("_"),
    "replaced": normalizers.Replace("b", "ca"),
}


def spelled_bytes(normalizer: Any) -> tokenizers.Tokenizer:
    """Single bytes, so that every difference shows."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = tokenizers.Tokenizer(models.BPE({c: i for i, c in enumerate(alphabet)}, []))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    if normalizer is not None:
        made.normalizer = normalizer
    return made


def random_tokens(rng: random.Random) -> List[AddedToken]:
    return [
        AddedToken(content, special=rng.random() < 0.3, **{f: rng.random() < 0.4 for f in FLAGS})
        for content in rng.sample(CONTENTS, rng.randrange(1, 6))
    ]


def encoded(reference: tokenizers.Tokenizer, text: str) -> Any:
    """None where the reference panics, because white space was taken twice."""
    try:
        return reference.encode(text)
    except BaseException as error:
        if "bad split" not in str(error):
            raise
        return None


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("name", NORMALIZERS)
def test_overlapping_tokens_of_any_flags(name: str, seed: int) -> None:
    rng = random.Random(f"{name} {seed}")
    made = spelled_bytes(NORMALIZERS[name])
    made.add_tokens(random_tokens(rng))
    # Some flags of the reference are lost when it is saved.
    reference = tokenizers.Tokenizer.from_str(made.to_str())
    ours = hf.Tokenizer.from_str(reference.to_str())
    batch = ["".join(rng.choices(LETTERS + CONTENTS, k=rng.randrange(14))) for _ in range(150)]
    for as_text in (False, True):
        reference.encode_special_tokens = ours.encode_special_tokens = as_text
        for text in batch:
            found, expected = ours.encode(text), encoded(reference, text)
            if expected is None:
                continue
            assert found.ids == expected.ids, (text, reference.get_added_tokens_decoder())
            assert found.tokens == expected.tokens, text
            assert found.offsets == expected.offsets, text
            for skips in (False, True):
                assert ours.decode(found.ids, skips) == reference.decode(found.ids, skips), text


@pytest.mark.parametrize(
    ("flags", "text", "tokens"),
    [
        ({}, "xabx", ["x", "ab", "x"]),
        ({"single_word": True}, "xab ab_ ab-", ["x", "a", "b", " ", "a", "b", "_", " ", "ab", "-"]),
        ({"single_word": True}, "\u00e9ab ab\u0301 \u4e2dab", None),
        ({"lstrip": True}, "x \n ab y", ["x", " \n ab", " ", "y"]),
        ({"rstrip": True}, "x ab \u00a0\ny", ["x", " ", "ab \u00a0\n", "y"]),
        ({"lstrip": True, "rstrip": True}, "ab ab", ["ab ", "ab"]),
        ({"lstrip": True, "rstrip": True}, " ab ", [" ab "]),
        ({"lstrip": True}, "\u200bab", None),
    ],
)
def test_edges_of_flags(flags: Dict[str, bool], text: str, tokens: Any) -> None:
    reference = spelled_bytes(None)
    reference.add_tokens([AddedToken("ab", **flags)])
    ours = hf.Tokenizer.from_str(reference.to_str())
    found, expected = ours.encode(text), reference.encode(text)
    assert found.ids == expected.ids
    assert found.tokens == expected.tokens
    assert found.offsets == expected.offsets
    if tokens is not None:
        assert [token.replace("\u0120", " ") for token in found.tokens] == tokens


def test_special_tokens_that_begin_alike() -> None:
    """Tiktoken takes whichever its table gives first; here it is the longest."""
    specials = {"<|a|>": 256, "<|a|><|b|>": 257, "<|b|>": 258}
    ours = Tokenizer.from_ranks(subjects.byte_ranks(), pattern="gpt2", special_tokens=specials)
    assert ours.encode("<|a|><|b|><|b|><|a|>") == [257, 258, 256]
    assert ours.encode("x<|a|x<|a|>") == [*b"x<|a|x", 256]
    with pytest.raises(SpecialTokenError, match="b"):
        ours.encode("<|b|>", special_tokens="refuse")


def test_ten_megabytes() -> None:
    """One text, of which a part is compared; the rest is that part again."""
    part = "The quick brown fox, caf\u00e9 \u4e2d\u6587 123\n\n  jumps!\n" * 50
    count = 10_000_000 // len(part.encode()) + 1
    text = part * count
    ours, theirs = subjects.cl100k_file(), peers.tiktoken_cl100k()
    expected = theirs.encode_ordinary(part) * count
    assert theirs.encode_ordinary(part * 2) == theirs.encode_ordinary(part) * 2
    for threads in (1, 2):
        assert ours.encode(text, num_threads=threads) == expected
    assert ours.count(text) == len(expected)
    assert ours.decode(expected) == text
    ids, offsets = ours.encode_with_offsets(text)
    assert ids == expected
    assert offsets[-1][1] == len(text)


@pytest.mark.parametrize("name", ["gpt-2, roberta, whisper", "llama 2, mistral, phi-3", "clip"])
def test_ten_megabytes_as_tokenizers(name: str) -> None:
    """By the tables, as a single word, and in the general way; with added tokens and NUL bytes."""
    reference = FAMILIES[name]()
    ours = hf.Tokenizer.from_str(reference.to_str())
    text = (
        "the quick brown fox [X] caf\u00e9 \u4e2d\u6587 123\0\n\n  jumps over <m> zqz!\n" * 160_000
    )
    assert len(text.encode()) > 10_000_000
    expected = reference.encode(text, add_special_tokens=False)
    found = ours.encode(text, add_special_tokens=False)
    assert found.ids == expected.ids
    assert found.offsets[-1000:] == expected.offsets[-1000:]


def test_text_between_special_tokens_is_on_its_own() -> None:
    """White space in front of one ends a text, as it does in tiktoken."""
    specials = {"<|x|>": 256}
    encoding = tiktoken.Encoding(
        "bytes",
        pat_str=r"\s+(?!\S)|\s+|\S+",
        mergeable_ranks=subjects.byte_ranks([b"  ", b"   "]),
        special_tokens={"<|x|>": 300},
    )
    ours = Tokenizer.from_ranks(
        subjects.byte_ranks([b"  ", b"   "]),
        pattern=r"\s+(?!\S)|\s+|\S+",
        special_tokens={"<|x|>": 300},
    )
    assert specials.keys() == encoding.special_tokens_set
    for text in ("a   <|x|>   b", "   <|x|>", "<|x|><|x|>", "a  b<|x|>  ", "\0<|x|>\0"):
        assert ours.encode(text) == encoding.encode(text, allowed_special="all"), text


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, *sys.argv[1:]]))
