"""The library makes Python's objects itself: as the portable way, in results and in errors."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
from typing import Any, Callable, List

import numpy as np
import pytest

import pyaot_tokenizer
from pyaot_tokenizer import Tokenizer, _bridge, tokenizer

TEXTS: List[Any] = [
    "",
    "Hello, world!",
    "caf\u00e9 \u4e2d\u6587 \U0001f600 \x00 NUL",
    "a" * 10_000,
    "word " * 5_000,
    b"\xff\xfe bytes",
    b"",
    "lone \ud800 surrogate, a pair \ud83d\ude00",
    "<|end|> in the text",
    None,
    7,
    ["a"],
]

IDS: List[Any] = [
    [],
    [72, 105],
    [0xE4, 0xB8, 0xAD],
    [0xE4, 0xB8],
    [257, 65],
    (72, 105),
    range(60, 70),
    [np.int64(72), np.uint32(105)],
    np.array([72, 105], dtype=np.uint32),
    [True],
    [-1],
    [999_999],
    [2**40],
    [2**70],
    ["72"],
    [72.0],
    [None],
    None,
]


def make() -> Tokenizer:
    """Single bytes and two more tokens."""
    ranks = {bytes([byte]): byte for byte in range(256)}
    ranks[b"He"] = 256
    return Tokenizer.from_ranks(ranks, pattern="gpt2", special_tokens={"<|end|>": 257})


def outcome(call: Callable[[], object]) -> object:
    """The result, or the error's type and text."""
    try:
        return call()
    except Exception as error:
        return type(error), str(error)


@pytest.fixture(name="portable")
def _portable(monkeypatch: pytest.MonkeyPatch) -> Tokenizer:
    with monkeypatch.context() as patch:
        patch.setattr(tokenizer, "_BRIDGE", None)
        return make()


def portably(call: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> object:
    """The outcome of `call` without the bridge."""
    with monkeypatch.context() as patch:
        patch.setattr(tokenizer, "_BRIDGE", None)
        return outcome(call)


def test_this_interpreter_has_a_bridge() -> None:
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    assert (_bridge.BRIDGE is not None) == (sys.implementation.name == "cpython" and gil)


@pytest.mark.parametrize("mode", ["parse", "text", "refuse", "other"])
@pytest.mark.parametrize("text", TEXTS, ids=lambda text: repr(text)[:20])
def test_encode(text: Any, mode: Any, portable: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    bridged = outcome(lambda: make().encode(text, special_tokens=mode))
    expected = portably(lambda: portable.encode(text, special_tokens=mode), monkeypatch)
    assert bridged == expected
    if isinstance(bridged, list):
        assert all(type(item) is int for item in bridged)


@pytest.mark.parametrize("errors", ["replace", "strict", "ignore"])
@pytest.mark.parametrize("ids", IDS, ids=lambda ids: repr(ids)[:20])
def test_decode(
    ids: Any, errors: str, portable: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for skip in (False, True):
        bridged = outcome(
            lambda skip=skip: make().decode(ids, errors=errors, skip_special_tokens=skip)
        )
        expected = portably(
            lambda skip=skip: portable.decode(ids, errors=errors, skip_special_tokens=skip),
            monkeypatch,
        )
        assert bridged == expected


def test_batches(portable: Tokenizer, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = ["Hello", "", "a" * 5000, "caf\u00e9"] * 50
    expected = portably(lambda: portable.encode_batch(texts), monkeypatch)
    for threads in (1, 2, None):
        assert make().encode_batch(texts, threads=threads) == expected
    assert make().encode_batch([]) == []


def test_arrays() -> None:
    tok = make()
    for text in ("", "Hello", "<|end|>", "caf\u00e9" * 3000, b"\xff", "\ud800"):
        ids = tok.encode_to_numpy(text)
        assert ids.dtype == np.uint32
        assert ids.tolist() == tok.encode(text)
        ids[:] = 0
    for texts in ([], [""], ["Hello", "", "ab", ""]):
        ids, ends = tok.encode_batch_to_numpy(texts, threads=2)
        assert (ids.dtype, ends.dtype) == (np.uint32, np.uint64)
        rows = [row.tolist() for row in np.split(ids, ends.astype(np.int64))][: len(texts)]
        assert rows == tok.encode_batch(texts)
    with pytest.raises(pyaot_tokenizer.SpecialTokenError, match="text 1 has"):
        tok.encode_batch_to_numpy(["a", "<|end|>"], special_tokens="refuse")
    with pytest.raises(pyaot_tokenizer.InvalidTypeError):
        tok.encode_to_numpy(7)  # type: ignore[arg-type]


def test_lists_are_fresh() -> None:
    tok = make()
    first = tok.encode("Hello")
    first.append(1)
    first[0] = 5
    assert tok.encode("Hello") == [256, 108, 108, 111]


def test_no_reference_is_lost_or_kept() -> None:
    # 1000 and up are not among the small ints that CPython keeps.
    ranks = {bytes([byte]): 1000 + byte for byte in range(256)}
    tok = Tokenizer.from_ranks(ranks, pattern="gpt2")
    ids = tok.encode("a")
    # Counted before anything is asserted: an assertion's own machinery holds references.
    counts = [sys.getrefcount(ids[0])]
    kept = [tok.encode("a") for _ in range(100)]
    counts.append(sys.getrefcount(ids[0]))
    del kept
    counts.append(sys.getrefcount(ids[0]))
    del tok
    gc.collect()
    counts.append(sys.getrefcount(ids[0]))
    assert [count - counts[0] for count in counts] == [0, 100, 0, -1]
    assert ids == [1097]


def test_threads_share_the_ints() -> None:
    tok = make()
    text = "Hello caf\u00e9 \u4e2d " * 1000
    expected = tok.encode(text)
    failures: List[int] = []

    def work() -> None:
        failures.extend(i for i in range(50) if tok.encode(text) != expected)
        if tok.decode(expected) != text:
            failures.append(-1)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_the_environment_variable_turns_it_off() -> None:
    code = "from pyaot_tokenizer import _bridge; print(_bridge.BRIDGE)"
    # The parent of the package, which the parent process may know by other ways than PYTHONPATH.
    folder = os.path.dirname(os.path.dirname(os.path.abspath(pyaot_tokenizer.__file__)))
    environment = {**os.environ, _bridge.PORTABLE_VARIABLE: "1", "PYTHONPATH": folder}
    answer = subprocess.run(
        [sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True
    )
    assert answer.stdout.strip() == "None"
