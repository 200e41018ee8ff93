"""BPE-dropout: what is left out is left out by chance, and as often as in tokenizers."""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from typing import Any, Tuple

import pytest
import tokenizers

from pyaot_tokenizer import InvalidTypeError, InvalidValueError, Tokenizer, UnsupportedError

from families import FAMILIES, random_texts

NAMES = ("llama 3, glm-4", "clip", "llama 2, mistral, phi-3", "gpt-2, roberta, whisper")


def with_dropout(name: str, dropout: float) -> Tuple[tokenizers.Tokenizer, Tokenizer]:
    document = json.loads(FAMILIES[name]().to_str())
    ours = Tokenizer.from_str(json.dumps(document))
    document["model"]["dropout"] = dropout
    return tokenizers.Tokenizer.from_str(json.dumps(document)), ours


@pytest.mark.parametrize("name", NAMES)
def test_all_merges_and_none(name: str) -> None:
    reference, ours = with_dropout(name, 1.0)
    for text in random_texts(random.Random(name), 100):
        expected = reference.encode(text, add_special_tokens=False).ids
        assert ours.encode_with_dropout(text, 1.0, seed=3) == expected, text
        if "llama 3" not in name:
            # There a word that is a token is looked up, which dropout does not do.
            assert ours.encode_with_dropout(text, 0.0, seed=3) == ours.encode(text), text


@pytest.mark.parametrize("dropout", [0.1, 0.5])
@pytest.mark.parametrize("name", NAMES)
def test_as_often_as_in_tokenizers(name: str, dropout: float) -> None:
    """The frequencies of the ways to divide a text are equal, within six standard deviations."""
    reference, ours = with_dropout(name, dropout)
    rounds = 4000
    for text in ("the other", "then over"):
        expected = Counter(tuple(reference.encode(text).ids) for _ in range(rounds))
        found = Counter(
            tuple(ours.encode_with_dropout(text, dropout, seed=seed)) for seed in range(rounds)
        )
        assert len(found) > 3
        for way in expected.keys() | found.keys():
            # The variance of a difference of two counts.
            variance = max(expected[way] + found[way], 4)
            assert (expected[way] - found[way]) ** 2 <= 36 * variance, (text, way)


def test_a_seed_gives_the_same_ids_again() -> None:
    _, ours = with_dropout("gpt-2, roberta, whisper", 0.5)
    text = "the quick brown fox jumps over the lazy dog" * 20
    ids = ours.encode_with_dropout(text, 0.3, seed=1)
    assert ids == ours.encode_with_dropout(text, 0.3, seed=1)
    assert ids != ours.encode_with_dropout(text, 0.3, seed=2)
    assert ours.decode(ids) == text
    assert ours.encode(text) == ours.encode_with_dropout(text, 0, seed=(1 << 64) - 1)
    assert ours.encode_with_dropout("", 0.5, seed=0) == []


def test_arguments() -> None:
    _, ours = with_dropout("gpt-2, roberta, whisper", 0.5)
    values: Any = [-0.1, 1.1, float("nan")]
    for value in values:
        with pytest.raises(InvalidValueError, match="dropout must be"):
            ours.encode_with_dropout("a", value, seed=0)
    for value in (-1, 1 << 64):
        with pytest.raises(InvalidValueError, match="seed must be"):
            ours.encode_with_dropout("a", 0.1, seed=value)
    wrong: Any = ["0.1", None, True]
    for value in wrong:
        with pytest.raises(InvalidTypeError, match="a dropout"):
            ours.encode_with_dropout("a", value, seed=0)
        with pytest.raises(InvalidTypeError, match="a seed"):
            ours.encode_with_dropout("a", 0.1, seed=value)
    document = json.loads(FAMILIES["clip"]().to_str())
    document["model"]["dropout"] = 0.1
    with pytest.raises(UnsupportedError, match="encode_with_dropout"):
        Tokenizer.from_str(json.dumps(document))


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, *sys.argv[1:]]))
