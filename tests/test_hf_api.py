"""`pyaot_tokenizer.hf` against tokenizers: the same calls, the same results."""

from __future__ import annotations

import asyncio
import copy
import pickle
import random
from typing import Any, Callable, Dict, List

import pytest
import tokenizers
from small_tokenizers import PIPELINES, pair_of, random_text
from tokenizers import decoders as tokenizers_decoders

from pyaot_tokenizer import TokenizerError, hf

COLUMNS = (
    "ids",
    "tokens",
    "offsets",
    "word_ids",
    "type_ids",
    "special_tokens_mask",
    "attention_mask",
    "sequence_ids",
    "n_sequences",
)


def assert_same(reference: Any, ours: hf.Encoding, about: Any) -> None:
    for column in COLUMNS:
        assert getattr(ours, column) == getattr(reference, column), (column, about)
    assert len(ours) == len(reference)
    assert len(ours.overflowing) == len(reference.overflowing), about
    for left, right in zip(reference.overflowing, ours.overflowing):
        assert_same(left, right, about)


@pytest.mark.parametrize("name", PIPELINES)
def test_encodings_are_equal(name: str) -> None:
    reference, ours = pair_of(name)
    rng = random.Random(name)
    for _ in range(400):
        text, other = random_text(rng), random_text(rng)
        adds = rng.random() < 0.5
        expected = reference.encode(text, add_special_tokens=adds)
        assert_same(expected, ours.encode(text, add_special_tokens=adds), text)
        expected = reference.encode(text, other, add_special_tokens=adds)
        assert_same(expected, ours.encode(text, other, add_special_tokens=adds), (text, other))
        words = [random_text(rng, 3) for _ in range(rng.randrange(5))]
        expected = reference.encode(words, is_pretokenized=True, add_special_tokens=adds)
        got = ours.encode(words, is_pretokenized=True, add_special_tokens=adds)
        assert_same(expected, got, words)
        for skips in (True, False):
            assert ours.decode(expected.ids, skips) == reference.decode(expected.ids, skips), text


@pytest.mark.parametrize("name", ["trim", "roberta", "template", "llama", "plain"])
def test_truncation_and_padding(name: str) -> None:
    reference, ours = pair_of(name)
    rng = random.Random(name)
    for _ in range(300):
        length = rng.randrange(6, 20)
        settings: Dict[str, Any] = {
            "max_length": length,
            "stride": rng.randrange(0, 2),
            "direction": rng.choice(["left", "right"]),
            "strategy": rng.choice(["longest_first", "only_first", "only_second"]),
        }
        padding: Dict[str, Any] = {
            "direction": rng.choice(["left", "right"]),
            "pad_id": 3,
            "pad_type_id": rng.randrange(2),
            "pad_token": "<pad>",
            "length": rng.choice([None, 12]),
            "pad_to_multiple_of": rng.choice([None, 8]),
        }
        for tokenizer in (reference, ours):
            tokenizer.enable_truncation(**settings)
            tokenizer.enable_padding(**padding)
        assert ours.truncation == reference.truncation
        assert ours.padding == reference.padding
        text, other = random_text(rng, 30), random_text(rng, 30)
        about = (settings, padding, text, other)
        for arguments in ((text,), (text, other)):
            try:
                expected = reference.encode(*arguments)
            except BaseException as error:
                kind = "stride" if "stride" in str(error) else "Truncation error"
                with pytest.raises(ValueError, match=kind):
                    ours.encode(*arguments)
                continue
            assert_same(expected, ours.encode(*arguments), about)
        if settings["strategy"] == "longest_first" and settings["stride"] == 0:
            batch = [text, (other, text), other]
            for left, right in zip(reference.encode_batch(batch), ours.encode_batch(batch)):
                assert_same(left, right, about)
    saved = hf.Tokenizer.from_str(ours.to_str())
    assert saved.truncation == ours.truncation
    assert saved.padding == ours.padding
    again = tokenizers.Tokenizer.from_str(ours.to_str(pretty=True))
    assert again.truncation == ours.truncation
    ours.no_truncation()
    ours.no_padding()
    assert ours.truncation is None
    assert ours.padding is None


@pytest.mark.parametrize("name", ["trim", "template", "llama", "dropped"])
def test_places(name: str) -> None:
    reference, ours = pair_of(name)
    rng = random.Random(name)
    for _ in range(100):
        text, other = random_text(rng), random_text(rng)
        left, right = reference.encode(text, other), ours.encode(text, other)
        for index in range(len(left.ids) + 2):
            assert right.token_to_chars(index) == left.token_to_chars(index), text
            assert right.token_to_word(index) == left.token_to_word(index)
            assert right.token_to_sequence(index) == left.token_to_sequence(index)
            for sequence in (0, 1):
                args = (index, sequence)
                assert right.char_to_token(*args) == left.char_to_token(*args)
                assert right.char_to_word(*args) == left.char_to_word(*args)
                assert right.word_to_tokens(*args) == left.word_to_tokens(*args)
                assert right.word_to_chars(*args) == left.word_to_chars(*args)


def test_encodings_change_alike() -> None:
    reference, ours = pair_of("trim")
    rng = random.Random(5)
    for _ in range(200):
        texts = [random_text(rng) for _ in range(3)]
        lefts, rights = [reference.encode(t) for t in texts], [ours.encode(t) for t in texts]
        size, stride = rng.randrange(2, 8), rng.randrange(2)
        direction = rng.choice(["left", "right"])
        grows = rng.random() < 0.5
        for left, right in zip(lefts, rights):
            left.truncate(size, stride, direction)
            right.truncate(size, stride, direction)
            assert_same(left, right, texts)
        merged = hf.Encoding.merge(rights, grows)
        assert_same(tokenizers.Encoding.merge(lefts, grows), merged, texts)
        for left, right in zip(lefts, rights):
            left.pad(9, direction=direction, pad_id=7, pad_type_id=1, pad_token="!")
            right.pad(9, direction=direction, pad_id=7, pad_type_id=1, pad_token="!")
            left.set_sequence_id(1)
            right.set_sequence_id(1)
            assert_same(left, right, texts)
            assert_same(left, pickle.loads(pickle.dumps(right)), texts)
        left, right = (t.encode(texts[0], add_special_tokens=False) for t in (reference, ours))
        assert_same(reference.post_process(left), ours.post_process(right), texts)


@pytest.mark.parametrize("name", ["plain", "roberta", "llama"])
def test_added_tokens(name: str) -> None:
    reference, ours = pair_of(name)
    rng = random.Random(name)
    for _ in range(8):
        # What is in the model's own vocabulary too is spelled in two ways where text is changed.
        known = [] if name == "llama" else ["the", "ab", "zzz"]
        contents = rng.sample(["<new>", "<n>", " x", "", *known], 3)
        flags = {flag: rng.random() < 0.5 for flag in ("lstrip", "rstrip", "single_word")}
        if rng.random() < 0.5:
            flags["normalized"] = False
        kinds = [tokenizers.AddedToken(content, **flags) for content in contents]
        own = [hf.AddedToken(content, **flags) for content in contents]
        if rng.random() < 0.5:
            assert ours.add_tokens(own) == reference.add_tokens(kinds)
        elif rng.random() < 0.5:
            assert ours.add_special_tokens(own) == reference.add_special_tokens(kinds)
        else:
            assert ours.add_tokens(contents) == reference.add_tokens(contents)
        ours_added, added = ours.get_added_tokens_decoder(), reference.get_added_tokens_decoder()
        assert {i: repr(token) for i, token in ours_added.items()} == {
            i: repr(token) for i, token in added.items()
        }
        assert ours.get_vocab() == reference.get_vocab()
        assert ours.get_vocab_size() == reference.get_vocab_size()
        for text in (random_text(rng, 20) + "the <new> ab" for _ in range(30)):
            assert_same(reference.encode(text), ours.encode(text), text)
    # What was special once stays so in the reference, but not once it is saved.
    reference = tokenizers.Tokenizer.from_str(reference.to_str())
    for encodes in (True, False):
        for tokenizer in (reference, ours):
            tokenizer.encode_special_tokens = encodes
        text = "a <s> <new></s>"
        assert_same(reference.encode(text), ours.encode(text), text)
    for copied in (pickle.loads(pickle.dumps(ours)), copy.deepcopy(ours)):
        assert_same(reference.encode("a the <new>"), copied.encode("a the <new>"), name)


def test_added_tokens_that_are_normalized() -> None:
    reference, ours = pair_of("plain")
    for m in (tokenizers, hf):
        made: Any = reference if m is tokenizers else ours
        module: Any = m
        made.normalizer = module.normalizers.Lowercase()
        flags = {"normalized": True}
        made.add_tokens([module.AddedToken("A", **flags), module.AddedToken("ZQ", **flags)])
        made.add_tokens([module.AddedToken("\u00c9X", special=True, **flags)])
    reference = tokenizers.Tokenizer.from_str(reference.to_str())
    ids = reference.encode("A ZQ zq\u00c9xa").ids
    assert ours.encode("A ZQ zq\u00c9xa").ids == ids
    for _ in range(2):
        for token_id in ids:
            assert ours.id_to_token(token_id) == reference.id_to_token(token_id)
        for skips in (True, False):
            assert ours.decode(ids, skips) == reference.decode(ids, skips)
        # Without a decoder, tokens are joined with spaces.
        reference.decoder = ours.decoder = None
    assert ours.get_vocab() == reference.get_vocab()


def test_the_vocabulary() -> None:
    reference, ours = pair_of("gpt2")
    assert ours.get_vocab() == reference.get_vocab()
    assert ours.get_vocab(with_added_tokens=False) == reference.get_vocab(with_added_tokens=False)
    assert ours.get_vocab_size(False) == reference.get_vocab_size(False)
    for token in ("Ġthe", "the", "<|endoftext|>", "no such token", ""):
        assert ours.token_to_id(token) == reference.token_to_id(token)
    for token_id in (0, 262, 50256, 50257, 1 << 31):
        assert ours.id_to_token(token_id) == reference.id_to_token(token_id)
    with pytest.raises(OverflowError):
        ours.id_to_token(-1)
    assert ours.decode([15496, 999999, 11]) == reference.decode([15496, 999999, 11])
    with pytest.raises(OverflowError):
        ours.decode([-1])
    assert ours.decode_batch([[1], [2, 3]]) == reference.decode_batch([[1], [2, 3]])
    for is_pair in (True, False):
        expected = reference.num_special_tokens_to_add(is_pair)
        assert ours.num_special_tokens_to_add(is_pair) == expected


def test_batches() -> None:
    reference, ours = pair_of("template")
    batch: List[Any] = ["the", ("a", "b"), ["Hello", " world"], ""]
    for left, right in zip(reference.encode_batch(batch), ours.encode_batch(batch)):
        assert_same(left, right, batch)
    for left, right in zip(reference.encode_batch_fast(batch), ours.encode_batch_fast(batch)):
        assert_same(left, right, batch)
    words: List[Any] = [["the", "ab"], (["a"], ["b", "c"]), ("x", "y"), []]
    lefts = reference.encode_batch(words, is_pretokenized=True)
    for left, right in zip(lefts, ours.encode_batch(words, is_pretokenized=True)):
        assert_same(left, right, words)
    assert ours.encode_batch([]) == []


def test_what_is_no_text() -> None:
    reference, ours = pair_of("gpt2")
    calls: List[Callable[[Any], Any]] = [
        lambda tokenizer: tokenizer.encode(3),
        lambda tokenizer: tokenizer.encode(b"a"),
        lambda tokenizer: tokenizer.encode("\ud800"),
        lambda tokenizer: tokenizer.encode(["a"]),
        lambda tokenizer: tokenizer.encode("a", is_pretokenized=True),
        lambda tokenizer: tokenizer.encode_batch("ab"),
        lambda tokenizer: tokenizer.encode_batch([3]),
        lambda tokenizer: tokenizer.encode_batch([("a", "b", "c")]),
        lambda tokenizer: tokenizer.encode_batch(["a"], is_pretokenized=True),
        lambda tokenizer: tokenizer.add_tokens([3]),
        lambda tokenizer: tokenizer.token_to_id(3),
    ]
    for call in calls:
        with pytest.raises(TypeError) as expected:
            call(reference)
        with pytest.raises(TypeError) as error:
            call(ours)
        assert str(error.value) == str(expected.value)
    with pytest.raises(ValueError, match="Unknown `strategy`"):
        ours.enable_truncation(5, strategy="x")
    with pytest.raises(ValueError, match="Unknown `direction`"):
        ours.enable_padding(direction="x")
    with pytest.raises(TokenizerError):
        hf.Tokenizer.from_str("{}")
    with pytest.raises(TokenizerError):
        hf.Tokenizer.from_str("[1")


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_streams_of_ids(name: str) -> None:
    reference, ours = pair_of(name)
    rng = random.Random(name)
    for _ in range(100):
        text = random_text(rng, 20)
        ids = reference.encode(text).ids
        for skips in (True, False):
            left = tokenizers_decoders.DecodeStream(skip_special_tokens=skips)
            right = hf.decoders.DecodeStream(skip_special_tokens=skips)
            for token_id in ids:
                assert right.step(ours, token_id) == left.step(reference, token_id), text


def test_awaiting() -> None:
    """What the same calls give without waiting, and their errors when they are awaited."""
    reference, ours = pair_of("roberta")
    texts = ["the other", "dogs\0"]

    async def all_calls(tokenizer: Any) -> List[Any]:
        single = await tokenizer.async_encode(*texts, add_special_tokens=False)
        rows = await tokenizer.async_encode_batch([*texts, tuple(texts)])
        rows.append(await tokenizer.async_encode(texts, is_pretokenized=True))
        fast = await tokenizer.async_encode_batch_fast(texts)
        ids = [row.ids for row in (single, *rows, *fast)]
        assert tokenizer.encode_batch_fast(texts)[0].ids == ids[-2]
        decoded = await tokenizer.async_decode_batch(ids, skip_special_tokens=False)
        with pytest.raises(TypeError):
            await tokenizer.async_encode(3)
        return [ids, single.offsets, [row.tokens for row in rows], decoded]

    assert asyncio.run(all_calls(ours)) == asyncio.run(all_calls(reference))
    with pytest.raises(RuntimeError, match="no running event loop"):
        ours.async_encode("a")


def test_saving(tmp_path: Any) -> None:
    reference, ours = pair_of("roberta")
    for pretty in (True, False):
        path = tmp_path / "tokenizer.json"
        ours.save(path, pretty=pretty)
        text = "Hello <mask> the world"
        assert_same(reference.encode(text), hf.Tokenizer.from_file(path).encode(text), text)
        again = tokenizers.Tokenizer.from_file(str(path))
        assert again.encode(text).offsets == reference.encode(text).offsets
        buffer = path.read_bytes()
        assert hf.Tokenizer.from_buffer(buffer).get_vocab() == reference.get_vocab()
