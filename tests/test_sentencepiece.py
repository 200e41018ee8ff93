"""SentencePiece models: ids and text are those of sentencepiece itself."""

from __future__ import annotations

import io
import pickle
import random
from pathlib import Path
from typing import List

import pytest
import sentencepiece

from pyaot_tokenizer import FormatError, Tokenizer, UnsupportedError

import sentencepiece_model as spm
import texts
from sentencepiece_model import Piece

LETTERS = ["\u2581", "a", "b", "c", "\u00e9", "\u4e2d"]
HARD = [*LETTERS, " ", "  ", "x", "\n", "\0", "\U0001f600", "<s>", "</s>", "<unk>", "<0x41>"]


def both(content: bytes) -> tuple[Tokenizer, sentencepiece.SentencePieceProcessor]:
    theirs = sentencepiece.SentencePieceProcessor()
    theirs.LoadFromSerializedProto(content)
    return Tokenizer.from_bytes(content), theirs


def assert_equal(content: bytes, samples: List[str]) -> None:
    ours, theirs = both(content)
    expected = theirs.encode(samples)
    for found in (ours.encode_batch(samples), [ours.encode(sample) for sample in samples]):
        assert found == expected
    for sample, ids in zip(samples, expected):
        assert ours.decode(ids, skip_special_tokens=True) == theirs.decode(ids), sample


def random_samples(chooser: random.Random, count: int) -> List[str]:
    samples = ["", " ", "\u2581", " a ", "\u2581 a"]
    for _ in range(count):
        letters = chooser.sample(HARD, chooser.randrange(1, len(HARD)))
        samples.append("".join(chooser.choice(letters) for _ in range(chooser.randrange(30))))
    return samples


def random_pieces(chooser: random.Random) -> List[Piece]:
    """Pieces of few letters; many have the same score, so that the leftmost decides."""
    words = {"".join(chooser.choices(LETTERS[:4], k=chooser.randrange(2, 7))) for _ in range(40)}
    for _ in range(20):
        words.add("".join(chooser.choices(sorted(words) + LETTERS, k=2)))
    scores = chooser.choice([1, 3, 50])
    pieces = [Piece(word, -float(chooser.randrange(scores))) for word in sorted(words)]
    pieces = [piece for piece in pieces if len(piece.content) > 1]
    chooser.shuffle(pieces)
    return pieces + [Piece(letter, -100) for letter in LETTERS]


@pytest.mark.parametrize("seed", range(60))
def test_random_models(seed: int) -> None:
    chooser = random.Random(seed)
    pieces = spm.specials() + random_pieces(chooser)
    byte_fallback = chooser.random() < 0.5
    if byte_fallback:
        pieces += spm.all_bytes()
    collapse = chooser.random() < 0.4
    content = spm.model(
        pieces,
        byte_fallback=byte_fallback,
        dummy_prefix=chooser.random() < 0.6,
        collapse=collapse,
    )
    ours, theirs = both(content)
    samples = random_samples(chooser, 150)
    assert ours.encode_batch(samples) == theirs.encode(samples)


@pytest.mark.parametrize("seed", range(40))
def test_text_of_random_ids(seed: int) -> None:
    """Runs of bytes with a control piece inside, spaces that are bytes, unknown tokens in front."""
    chooser = random.Random(seed)
    pieces = [*spm.specials(), *spm.all_bytes(), *random_pieces(chooser)]
    pieces.append(Piece("[X]", 0, spm.USER_DEFINED))
    content = spm.model(
        pieces,
        byte_fallback=True,
        dummy_prefix=chooser.random() < 0.6,
        collapse=chooser.random() < 0.4,
    )
    ours, theirs = both(content)
    hard = [0, 1, 2, *(3 + byte for byte in (0x20, 0x41, 0xC3, 0xA9, 0xE4, 0xB8, 0xAD, 0xFF))]
    hard += [index for index, piece in enumerate(pieces) if piece.content.startswith("\u2581")]
    for _ in range(300):
        ids = chooser.choices(hard, k=chooser.randrange(12))
        ids += chooser.choices(range(len(pieces)), k=chooser.randrange(4))
        text = theirs.decode(ids)
        assert ours.decode(ids, skip_special_tokens=True) == text, ids
        stream = ours.stream_decoder(skip_special_tokens=True)
        parts = [stream.feed([token_id]) for token_id in ids]
        assert "".join(parts) + stream.flush() == text, ids


@pytest.mark.parametrize("seed", range(20))
def test_user_defined_pieces(seed: int) -> None:
    chooser = random.Random(seed)
    pieces = random_pieces(chooser)
    taken = {piece.content for piece in pieces}
    for content in ("x", "abc", "ab", "\u2581\u2581", "cab", "xx", "a\u2581b"):
        if content not in taken and chooser.random() < 0.7:
            pieces.insert(chooser.randrange(len(pieces)), Piece(content, 0, spm.USER_DEFINED))
    content = spm.model(
        [*spm.specials(), *spm.all_bytes(), *pieces],
        byte_fallback=True,
        dummy_prefix=chooser.random() < 0.5,
    )
    ours, theirs = both(content)
    samples = random_samples(chooser, 150)
    assert ours.encode_batch(samples) == theirs.encode(samples)


@pytest.mark.parametrize("byte_fallback", [False, True])
@pytest.mark.parametrize("collapse", [False, True])
def test_trained_models(byte_fallback: bool, collapse: bool) -> None:
    written = io.BytesIO()
    chooser = random.Random(5)
    lines = [" ".join(texts.word(chooser) for _ in range(12)) for _ in range(800)]
    corpus = "\n".join(line.replace("\0", "").replace("\n", " ") for line in lines)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus.split("\n")),
        model_writer=written,
        model_type="bpe",
        vocab_size=900,
        byte_fallback=byte_fallback,
        normalization_rule_name="identity",
        remove_extra_whitespaces=collapse,
        user_defined_symbols=["[X]"],
        hard_vocab_limit=False,
        max_sentence_length=100_000,
        minloglevel=2,
    )
    samples = [*corpus.split("\n"), corpus, "[X] [X]a[X", "a  b   c  "]
    samples += [texts.text(chooser).encode("utf-8", "replace").decode() for _ in range(500)]
    ours, theirs = both(written.getvalue())
    assert ours.encode_batch(samples) == theirs.encode(samples)


def test_text() -> None:
    assert_equal(spm.small(), ["", "ab abc", " abc", "caf\u00e9", "a\0b", "\U0001f600x", "   "])


def test_what_is_asked_of_it(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.model"
    path.write_bytes(spm.small())
    tok = Tokenizer(path)
    assert tok.format == "sentencepiece"
    assert tok.token_to_id("<s>") == 1
    assert tok.encode("<s>") != [1]
    assert tok.decode([1, *tok.encode("abc"), 2], skip_special_tokens=True) == "abc"
    assert tok.id_to_token(0) == " \u2047 ".encode()
    ids = tok.encode("abc ab\u00e9")
    for other in (
        Tokenizer.from_sentencepiece(path),
        Tokenizer.from_sentencepiece(path.read_bytes()),
        Tokenizer.from_file(tmp_path),
        pickle.loads(pickle.dumps(tok)),
    ):
        assert other.encode("abc ab\u00e9") == ids
    tok.save_frozen(tmp_path / "frozen")
    assert Tokenizer(tmp_path / "frozen").encode("abc ab\u00e9") == ids


REFUSED = {
    "UNIGRAM": spm.model(spm.specials(), kind=spm.UNIGRAM),
    "WORD": spm.model(spm.specials(), kind=spm.WORD),
    "CHAR": spm.model(spm.specials(), kind=spm.CHAR),
    "precompiled_charsmap": spm.model(spm.specials(), normalizer=spm.text(2, b"map")),
    "escape_whitespaces": spm.model(spm.specials(), normalizer=spm.number(5, 0)),
    "treat_whitespace_as_suffix": spm.model(spm.specials(), trainer=spm.number(24, 1)),
    "UNUSED": spm.model([*spm.specials(), Piece("a", 0, spm.UNUSED)]),
    r"U\+0062": spm.model([*spm.specials(), Piece("a"), Piece("ab")]),
    "USER_DEFINED": spm.model([*spm.specials(), Piece("a b", 0, spm.USER_DEFINED)]),
}


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_refused_by_name(name: str) -> None:
    with pytest.raises(UnsupportedError, match=name):
        Tokenizer.from_sentencepiece(REFUSED[name])


MALFORMED = {
    "has none": spm.model([]),
    "none is of the type UNKNOWN": spm.model([Piece("a")]),
    r"pieces\[3\].type: another": spm.model([*spm.specials(), Piece("u", 0, spm.UNKNOWN)]),
    r"pieces\[4\]: the piece is there": spm.model([*spm.specials(), Piece("a"), Piece("a")]),
    r"pieces\[3\]: the piece is empty": spm.model([*spm.specials(), Piece("")]),
    r"pieces\[3\]: the piece is not UTF-8": spm.model([*spm.specials(), Piece("\ud800")]),
    r"pieces\[3\].score": spm.model([*spm.specials(), Piece("a", float("nan"))]),
    r"pieces\[3\].type: there": spm.model([*spm.specials(), Piece("a", 0, 77)]),
    r"pieces\[3\].type: BYTE": spm.model([*spm.specials(), Piece("<0x00>", 0, spm.BYTE)]),
    "byte 0x00": spm.model(spm.specials(), byte_fallback=True),
    r"pieces\[3\]: a byte": spm.model([*spm.specials(), Piece("x", 0, spm.BYTE)]),
    "whole message": spm.small()[:-1],
    "no such type": spm.model(spm.specials(), kind=9),
}


@pytest.mark.parametrize("message", sorted(MALFORMED))
def test_malformed(message: str) -> None:
    with pytest.raises(FormatError, match=message):
        Tokenizer.from_sentencepiece(MALFORMED[message])
