"""`PreTrainedTokenizerFast` of transformers around `pyaot_tokenizer.hf`, and around tokenizers."""

from __future__ import annotations

import copy
import pickle
import random
import sys
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest
import tokenizers
import transformers
from small_tokenizers import PIPELINES, pair_of, random_text
from transformers import tokenization_utils_tokenizers as backend

from pyaot_tokenizer import hf

SPECIAL = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>"}


def wrapped(name: str, **options: Any) -> Tuple[Any, Any]:
    """The same tokenizer of transformers, over tokenizers and over this package."""
    make = transformers.PreTrainedTokenizerFast
    reference, ours = (make(tokenizer_object=one, **SPECIAL, **options) for one in pair_of(name))
    assert isinstance(ours.backend_tokenizer, hf.Tokenizer)
    return reference, ours


def options_of(rng: random.Random) -> Dict[str, Any]:
    options: Dict[str, Any] = {
        "padding": rng.choice([False, True, "max_length"]),
        "truncation": rng.choice([False, True, "longest_first"]),
        "max_length": rng.randrange(6, 12),
        "return_offsets_mapping": True,
        "return_special_tokens_mask": True,
        "return_token_type_ids": True,
        "return_length": rng.random() < 0.5,
        "add_special_tokens": rng.random() < 0.7,
        "pad_to_multiple_of": rng.choice([None, 8]),
        "padding_side": rng.choice(["left", "right"]),
        "split_special_tokens": rng.random() < 0.3,
    }
    if options["truncation"]:
        options.update(stride=rng.randrange(2), return_overflowing_tokens=True)
    return options


@pytest.mark.parametrize("name", PIPELINES)
def test_calls(name: str) -> None:
    reference, ours = wrapped(name)
    rng = random.Random(name)
    for _ in range(40):
        texts = [random_text(rng) + "the" for _ in range(3)]
        others = [random_text(rng) + "ab" for _ in range(3)]
        words = [[random_text(rng, 3) for _ in range(4)] for _ in range(2)]
        options = options_of(rng)
        calls: List[Tuple[Any, ...]] = [(texts,), (texts, others), (texts[0],), (texts[0], "b")]
        for arguments in calls:
            try:
                expected = reference(*arguments, **options)
            except BaseException as error:
                with pytest.raises((type(error), ValueError)):
                    ours(*arguments, **options)
                continue
            got = ours(*arguments, **options)
            assert got.data == expected.data, (arguments, options)
            assert got.tokens() == expected.tokens()
            assert got.word_ids() == expected.word_ids()
            for place in range(3):
                assert got.char_to_token(0, place) == expected.char_to_token(0, place)
        expected = reference(words, is_split_into_words=True)
        assert ours(words, is_split_into_words=True).data == expected.data
        ids = expected["input_ids"]
        for skips in (True, False):
            assert ours.batch_decode(ids, skip_special_tokens=skips) == (
                reference.batch_decode(ids, skip_special_tokens=skips)
            )
        tokens = reference.tokenize(texts[0])
        assert ours.tokenize(texts[0]) == tokens
        assert ours.convert_tokens_to_ids(tokens) == reference.convert_tokens_to_ids(tokens)
        assert ours.convert_ids_to_tokens(ids[0]) == reference.convert_ids_to_tokens(ids[0])
        assert ours.convert_tokens_to_string(tokens) == reference.convert_tokens_to_string(tokens)


@pytest.mark.parametrize("name", ["gpt2", "llama", "template"])
def test_changes(name: str, tmp_path: Path) -> None:
    reference, ours = wrapped(name)
    for one in (reference, ours):
        one.add_tokens([tokenizers.AddedToken("<q>", lstrip=True), "ab ab"])
        one.add_special_tokens({"additional_special_tokens": ["<r>"], "unk_token": "<unk>"})
        one.add_bos_token = True
        one.add_eos_token = True
    assert len(ours) == len(reference)
    assert ours.vocab_size == reference.vocab_size
    assert ours.get_vocab() == reference.get_vocab()
    assert ours.get_added_vocab() == reference.get_added_vocab()
    assert ours.num_special_tokens_to_add(True) == reference.num_special_tokens_to_add(True)
    assert ours.all_special_ids == reference.all_special_ids
    text = "the <q> ab ab<r> Hello</s>"
    expected = reference(text, "ab", return_token_type_ids=True)
    ours.save_pretrained(tmp_path / "ours")
    reference.save_pretrained(tmp_path / "theirs")
    loaded = transformers.PreTrainedTokenizerFast.from_pretrained(tmp_path / "ours")
    for one in (ours, pickle.loads(pickle.dumps(ours)), copy.deepcopy(ours), loaded):
        assert one(text, "ab", return_token_type_ids=True).data == expected.data
    config = "tokenizer_config.json"
    assert (tmp_path / "ours" / config).read_text("utf-8") == (
        (tmp_path / "theirs" / config).read_text("utf-8")
    )


@pytest.mark.parametrize("name", ["gpt2", "llama", "template"])
def test_in_place_of_the_package(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What transformers does with its imports from tokenizers replaced."""
    reference, _ = wrapped(name)
    reference.save_pretrained(tmp_path)
    reference.add_bos_token = True
    monkeypatch.setattr(backend, "TokenizerFast", hf.Tokenizer)
    monkeypatch.setattr(backend, "EncodingFast", hf.Encoding)
    monkeypatch.setattr(backend, "processors", hf.processors)
    monkeypatch.setattr(backend, "BPE", hf.models.BPE)
    loaded = transformers.PreTrainedTokenizerFast.from_pretrained(tmp_path, add_bos_token=True)
    assert isinstance(loaded.backend_tokenizer, hf.Tokenizer)
    rng = random.Random(name)
    for _ in range(50):
        text, other = random_text(rng) + "a", random_text(rng) + "b"
        expected = reference(text, other, return_offsets_mapping=True)
        assert loaded(text, other, return_offsets_mapping=True).data == expected.data


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, *sys.argv[1:]]))
