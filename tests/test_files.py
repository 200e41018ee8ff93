"""Files of text to files of ids; one long text on several threads."""

from __future__ import annotations

import os
import pathlib
import random
import sys
from typing import Any, List

import numpy as np
import pytest

import pyaot_tokenizer
from pyaot_tokenizer import Tokenizer, cli

SPECIAL = "<|end|>"


@pytest.fixture(name="tok")
def _tok() -> Tokenizer:
    ranks = {bytes([byte]): byte for byte in range(256)}
    for token in (b"He", b"ll", b" a", b"ab", b" ab", b"  "):
        ranks[token] = len(ranks)
    return Tokenizer.from_ranks(ranks, pattern="cl100k_base", special_tokens={SPECIAL: 300})


@pytest.fixture(name="wide")
def _wide() -> Tokenizer:
    ranks = {bytes([i]): i + (70_000 if i == 111 else 0) for i in range(256)}
    return Tokenizer.from_ranks(ranks, pattern="gpt2")


def long_text(seed: int, alphabet: str, length: int) -> str:
    rng = random.Random(seed)
    return "".join(rng.choices(alphabet, k=length))


@pytest.mark.parametrize(
    "text",
    [
        long_text(1, "ab Hello\n'12\u00e9\u4e2d\U0001f600", 700_000),
        "a" * 2_000_000,
        " " * 1_500_000 + "x",
        "12" * 800_000,
        ("word " * 5_000 + SPECIAL) * 60,
        long_text(2, "ab ", 1_300_000) + SPECIAL + long_text(3, "\n ", 1_300_000),
    ],
    ids=["mixed", "letters", "spaces", "digits", "many special tokens", "two parts"],
)
def test_a_long_text_has_the_same_ids_on_any_number_of_threads(tok: Tokenizer, text: str) -> None:
    expected = tok.encode(text)
    for num_threads in (2, 3, None):
        assert tok.encode(text, num_threads=num_threads) == expected
    assert tok.encode_to_numpy(text, num_threads=2).tolist() == expected
    portable: Any = getattr(tok, "_portable_encode", tok.encode)
    assert portable(text, num_threads=3) == expected
    batch = ["short", text, "", "end" * 20_000]
    assert tok.encode_batch(batch, num_threads=2) == [tok.encode(item) for item in batch]


def test_a_long_text_with_a_refused_token(tok: Tokenizer) -> None:
    text = "word " * 300_000 + SPECIAL + "word " * 300_000 + SPECIAL
    for num_threads in (1, 2):
        with pytest.raises(pyaot_tokenizer.SpecialTokenError) as caught:
            tok.encode(text, special_tokens="refuse", num_threads=num_threads)
        assert caught.value.offset == 1_500_000
    with pytest.raises(pyaot_tokenizer.SpecialTokenError, match="text 1 has"):
        tok.encode_batch(["a", text], special_tokens="refuse", num_threads=2)


@pytest.mark.parametrize("dtype", [None, "uint16", "uint32"])
@pytest.mark.parametrize("num_threads", [1, 2, None])
def test_files(tok: Tokenizer, tmp_path: pathlib.Path, dtype: Any, num_threads: Any) -> None:
    texts = [b"Hello", b"", b"\xff bytes\x00", b"ab <|end|>" * 100_000, b"a" * 40_000]
    paths: List[Any] = []
    for i, text in enumerate(texts):
        paths.append(tmp_path / f"text {i}")
        paths[-1].write_bytes(text)
    out = tmp_path / "ids.bin"
    expected = [tok.encode(text) for text in texts]
    for separator in (None, 300):
        ends = tok.encode_files(
            paths, out, dtype=dtype, separator=separator, num_threads=num_threads
        )
        ids = np.fromfile(out, dtype="<u4" if dtype == "uint32" else "<u2")
        parts = [part.tolist() for part in np.split(ids, ends)]
        tail = [] if separator is None else [separator]
        assert parts == [*(row + tail for row in expected), []]
    count = tok.encode_file(str(paths[3]), str(out), dtype=dtype, special_tokens="text")
    assert count == len(tok.encode_ordinary(texts[3])) == out.stat().st_size // ids.itemsize
    assert sorted(os.listdir(tmp_path)) == ["ids.bin", *(path.name for path in paths)]
    assert tok.encode_files([], out) == []
    assert out.read_bytes() == b""


def test_a_file_of_several_rounds(tok: Tokenizer, tmp_path: pathlib.Path) -> None:
    path, out = tmp_path / "text", tmp_path / "ids"
    text = (b"Hello ab ab\n" * 1000 + b"<|end|>" + b"a" * 5000) * 1100
    path.write_bytes(text)
    assert tok.encode_file(path, out, num_threads=2) == out.stat().st_size // 2
    assert np.array_equal(np.fromfile(out, dtype="<u2"), tok.encode_to_numpy(text))


def test_errors_leave_no_file(tok: Tokenizer, wide: Tokenizer, tmp_path: pathlib.Path) -> None:
    path, out = tmp_path / "text", tmp_path / "ids"
    path.write_bytes(b"Hello <|end|>")
    out.write_bytes(b"old")
    missing = tmp_path / "missing"
    cases: List[Any] = [
        (lambda: tok.encode_file(missing, out), pyaot_tokenizer.FileMissingError, "missing"),
        (lambda: tok.encode_file(tmp_path, out), pyaot_tokenizer.FileReadError, "cannot read"),
        (
            lambda: tok.encode_file(path, missing / "ids"),
            pyaot_tokenizer.FileWriteError,
            "cannot write",
        ),
        (
            lambda: tok.encode_file(path, out, special_tokens="refuse"),
            pyaot_tokenizer.SpecialTokenError,
            "text: the text has",
        ),
        (
            lambda: wide.encode_file(path, out, dtype="uint16"),
            pyaot_tokenizer.InvalidValueError,
            "id 70111 does not fit into 16 bits",
        ),
        (
            lambda: tok.encode_files([path], out, separator=299),
            pyaot_tokenizer.InvalidValueError,
            "separator 299",
        ),
        (
            lambda: tok.encode_file(path, out, dtype="int8"),  # type: ignore[arg-type]
            pyaot_tokenizer.InvalidValueError,
            "int8",
        ),
        (lambda: tok.encode_file("a\0b", out), pyaot_tokenizer.InvalidValueError, "not a path"),
        (lambda: tok.encode_files(str(path), out), pyaot_tokenizer.InvalidTypeError, "iterable"),
        (
            lambda: tok.encode_file(7, out),  # type: ignore[arg-type]
            pyaot_tokenizer.InvalidTypeError,
            "path",
        ),
    ]
    for call, error, message in cases:
        with pytest.raises(error, match=message):
            call()
        assert out.read_bytes() == b"old"
        assert sorted(os.listdir(tmp_path)) == ["ids", "text"]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="the system has no full device")
def test_a_full_disk(tok: Tokenizer, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    from pyaot_tokenizer import _files  # noqa: PLC0415 (what is looked into)

    path = tmp_path / "text"
    path.write_bytes(b"Hello")
    kept = tmp_path / "kept"
    kept.write_bytes(b"")

    def make(**_: object) -> Any:
        return os.open("/dev/full", os.O_WRONLY), str(kept)

    monkeypatch.setattr(_files.tempfile, "mkstemp", make)
    with pytest.raises(pyaot_tokenizer.FileWriteError, match="No space left") as caught:
        tok.encode_file(path, tmp_path / "ids")
    assert caught.value.errno == 28


def test_the_command(
    tok: Tokenizer,
    tmp_path: pathlib.Path,
    capfdbinary: pytest.CaptureFixture[bytes],
    monkeypatch: Any,
) -> None:
    monkeypatch.setattr(cli, "_load", lambda options: tok)
    path, out = tmp_path / "text", tmp_path / "ids"
    path.write_bytes(b"Hello")
    arguments = ["encode", "-t", "x", "-o", str(out), "--dtype", "uint32", str(path), str(path)]
    assert cli.main(arguments) == 0
    sys.stdout.flush()
    assert capfdbinary.readouterr().out == f"3 {path}\n3 {path}\n".encode()
    assert np.fromfile(out, dtype="<u4").tolist() == tok.encode("Hello") * 2
    with pytest.raises(SystemExit):
        cli.main(["encode", "-t", "x", "-o", str(out), "-"])


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, *sys.argv[1:]]))
