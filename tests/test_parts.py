"""Texts in parts against the whole: streams, truncated texts, chunks, texts that grow; offsets."""

from __future__ import annotations

import functools
import random
from array import array
from typing import Dict, List

import pytest
import small_tokenizers as small
from tokenizers import processors

from pyaot_tokenizer import PATTERNS, InvalidTypeError, InvalidValueError, Tokenizer, UnknownIdError
from pyaot_tokenizer._parts import _Cutter

import peers
from pinned_data import data_file

PARTS = [
    *small.PARTS, " word", "word ", "\r\n", "\n\n", "   ", "<|endoftext|>", "don't", "aaaaaaaa",
    "日本語テキスト", "\U0001f3f4\U000e0067", "x" * 30, "1234567", "\u0301", "=====", "\t\t",
]  # fmt: skip

NAMES = ["cl100k", "gpt2", "nfc", "plain", "trim_prefix", "llama", "gemma", "glm", "unk", "dropped"]


@functools.cache
def tokenizer(name: str) -> Tokenizer:
    if name == "cl100k":
        return Tokenizer.from_tiktoken(
            data_file("cl100k_base.tiktoken"),
            pattern=PATTERNS["cl100k_base"],
            special_tokens=peers.CL100K_SPECIALS,
        )
    return Tokenizer.from_str(small.json_of(name))


def random_text(rng: random.Random, length_max: int = 30) -> str:
    return "".join(rng.choice(PARTS) for _ in range(rng.randrange(length_max)))


def cut_at_random(rng: random.Random, text: str) -> List[str]:
    cuts = sorted(rng.randrange(len(text) + 1) for _ in range(rng.randrange(6)))
    return [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)])]


@pytest.mark.parametrize("name", NAMES)
def test_a_stream_of_text(name: str) -> None:
    tok = tokenizer(name)
    rng = random.Random(name)
    stream = tok.stream_encoder()
    early = 0
    for _ in range(300):
        text = random_text(rng)
        ids: List[int] = []
        for part in cut_at_random(rng, text):
            ids += stream.feed(part)
        early += len(ids)
        assert ids + stream.flush() == tok.encode(text), text
        ids = []
        data = text.encode()
        for start in range(0, len(data), 3):
            ids += stream.feed(data[start : start + 3])
        assert ids + stream.flush() == tok.encode(text), text
    if name in ("cl100k", "gpt2", "plain"):
        assert early > 300


def test_a_stream_of_a_long_word_is_linear() -> None:
    stream = tokenizer("gpt2").stream_encoder()
    for _ in range(3000):
        assert stream.feed("abcdefgh" * 4) == []
    assert len(stream.flush()) > 3000


@pytest.mark.parametrize("name", NAMES)
def test_nothing_changes_what_is_stable(name: str) -> None:
    tok = tokenizer(name)
    rng = random.Random(name)
    for _ in range(400):
        text, more = random_text(rng, 10), random_text(rng, 5)
        length = tok.stable_length(text)
        assert tok.stable_length(text.encode()) == len(text[:length].encode())
        if length > 0:
            joined = tok.encode(text[:length]) + tok.encode(text[length:] + more)
            assert joined == tok.encode(text + more), (text, more)
        ids = tok.encode(text)
        assert tok.append(ids, text, more) == tok.encode(text + more), (text, more)
        assert ids == tok.encode(text)


def test_appending_to_other_ids_is_an_error() -> None:
    with pytest.raises(InvalidValueError, match="not those of the text"):
        tokenizer("gpt2").append([], "Hello", " world")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("skips", [True, False])
def test_a_stream_of_ids(name: str, skips: bool) -> None:
    tok = tokenizer(name)
    rng = random.Random(name)
    stream = tok.stream_decoder(skip_special_tokens=skips)
    early = 0
    for _ in range(200):
        ids = tok.encode(random_text(rng))
        if rng.random() < 0.3:
            ids = [rng.choice(ids or [0]) for _ in ids]
        text = ""
        for token_id in ids:
            part = stream.feed([token_id])
            early += len(part)
            text += part
        assert text + stream.flush() == tok.decode(ids, skip_special_tokens=skips), ids
    # Its decoder looks at all tokens.
    assert early > 500 or name == "glm"
    with pytest.raises(UnknownIdError):
        stream.feed([1 << 30])
    assert stream.flush() == ""


def test_a_stream_gives_whole_characters() -> None:
    tok = tokenizer("cl100k")
    stream = tok.stream_decoder()
    ids = tok.encode("a\U0001f9ecb")
    assert len(ids) > 3
    parts = [stream.feed([token_id]) for token_id in ids]
    assert "\ufffd" not in "".join(parts)
    assert "".join(parts) == "a\U0001f9ecb"


@pytest.mark.parametrize("name", NAMES)
def test_truncated_texts(name: str) -> None:
    tok = tokenizer(name)
    rng = random.Random(name)
    for _ in range(200):
        text = random_text(rng, 60)
        count = rng.randrange(0, 40)
        ids, part = tok.truncate_to(text, count)
        assert ids == tok.encode(text)[:count], text
        assert isinstance(part, str)
        assert text.startswith(part)
        if len(tok.encode(text)) <= count:
            assert part == text
        elif name in ("cl100k", "gpt2"):
            assert tok.decode_bytes(ids).startswith(part.encode())
            assert len(tok.decode_bytes(ids)) - len(part.encode()) < 4
        assert tok.truncate_to(text.encode(), count).text == part.encode()
    with pytest.raises(InvalidValueError):
        tok.truncate_to("a", -1)
    with pytest.raises(InvalidTypeError):
        tok.truncate_to("a", 1.0)  # type: ignore[arg-type]


def test_truncating_looks_at_the_beginning_alone() -> None:
    tok = tokenizer("cl100k")
    text = "Hello world, this is a text. " * 200_000
    ids, part = tok.truncate_to(text, 10)
    assert ids == tok.encode(text[:1000])[:10]
    assert part == text[: len(part)]


@pytest.mark.parametrize("name", NAMES)
def test_chunks(name: str) -> None:
    tok = tokenizer(name)
    rng = random.Random(name)
    for _ in range(100):
        text = random_text(rng, 80)
        count = rng.randrange(16, 40)
        parts = tok.chunks(text, count)
        assert "".join(map(str, parts)) == text
        assert all(tok.count(part) <= count and part for part in parts)
        assert b"".join(tok.chunks(text.encode(), count)) == text.encode()  # type: ignore[arg-type]
        overlap = rng.randrange(1, 8)
        data = text.encode()
        spans = list(_Cutter(tok, data, count, "parse").cut(overlap))
        parts = tok.chunks(text, count, overlap=overlap)
        assert parts == [data[start:end].decode() for start, end in spans]
        assert all(tok.count(part) <= count for part in parts)
        last = 0
        for start, end in spans:
            assert start <= last < end, text
            last = end
        assert last == len(data)
    if name == "cl100k":
        text = "The quick brown fox jumps over the lazy dog. " * 50
        assert len(tok.chunks(text, 100)) <= tok.count(text) // 100 + 2
        assert all(part.startswith((" ", "The")) for part in map(str, tok.chunks(text, 100)))


def test_chunks_that_cannot_be() -> None:
    tok = tokenizer("gpt2")
    with pytest.raises(InvalidValueError, match="fewer than the ids of the character"):
        tok.chunks("\U0001f9ec", 1)
    with pytest.raises(InvalidValueError, match="overlap"):
        tok.chunks("a", 3, overlap=3)
    with pytest.raises(InvalidValueError, match="max_tokens"):
        tok.chunks("a", 0)
    assert tok.chunks("", 3) == []
    assert tok.chunks("a" * 1000, 3) == [*tok.chunks("a" * 1000, 3)]


@pytest.mark.parametrize("name", ["cl100k", "gpt2", "plain"])
def test_offsets_of_bytes_are_the_lengths_of_tokens(name: str) -> None:
    tok = tokenizer(name)
    rng = random.Random(name)
    lengths: Dict[int, int] = {}
    for _ in range(200):
        text = random_text(rng).replace("<mask>", "").replace("<x>", "")
        data = text.encode()
        ids, offsets = tok.encode_with_offsets(text, unit="byte")
        assert ids == tok.encode(text)
        at = 0
        for token_id, (start, end) in zip(ids, offsets):
            length = lengths.setdefault(token_id, len(tok.id_to_token(token_id) or b""))
            assert (start, end) == (at, at + length)
            at = end
        assert at == len(data)
        _, places = tok.encode_with_offsets(text)
        for (start, end), (first, last) in zip(offsets, places):
            before = len(data[:start].decode("utf-8", "ignore"))
            assert first == before
            assert last == len(data[:end].decode("utf-8", "replace"))


@pytest.mark.parametrize("name", ["llama", "gemma", "nfc", "unk", "trim_prefix"])
def test_offsets_are_those_of_tokenizers(name: str) -> None:
    tok = tokenizer(name)
    reference, _ = small.pair_of(name)
    reference.post_processor = processors.ByteLevel(trim_offsets=False)
    rng = random.Random(name)
    for _ in range(200):
        text = random_text(rng)
        ids, offsets = tok.encode_with_offsets(text)
        expected = reference.encode(text, add_special_tokens=False)
        assert ids == expected.ids
        assert list(offsets) == expected.offsets, text


def test_the_sequence_of_offsets() -> None:
    ids, offsets = tokenizer("gpt2").encode_with_offsets("Hello world")
    assert len(ids) == len(offsets) == 2
    assert list(offsets) == [(0, 5), (5, 11)]
    assert offsets[-1] == (5, 11)
    assert offsets[:1] == [(0, 5)]
    assert offsets == [(0, 5), (5, 11)]
    assert offsets.flat == array("Q", [0, 5, 5, 11])
    assert offsets.to_numpy().tolist() == [[0, 5], [5, 11]]
    with pytest.raises(IndexError):
        offsets[2]
    with pytest.raises(InvalidValueError, match="unit"):
        tokenizer("gpt2").encode_with_offsets("a", unit="word")  # type: ignore[arg-type]
