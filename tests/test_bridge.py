"""The library makes Python's objects itself: as the portable way, in results and in errors."""

from __future__ import annotations

import array
import ctypes
import gc
import inspect
import itertools
import mmap
import os
import pathlib
import pickle
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

LENGTHS = itertools.count(1)

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


def portably(tok: Tokenizer, name: str) -> Any:
    """The method `name` as written in Python."""
    return getattr(tok, _bridge.PORTABLE_PREFIX + name)


def test_this_interpreter_has_a_bridge() -> None:
    gil = getattr(sys, "_is_gil_enabled", lambda: True)()
    assert (_bridge.BRIDGE is not None) == (sys.implementation.name == "cpython" and gil)


@pytest.mark.parametrize("mode", ["parse", "text", "refuse", "other", 7])
@pytest.mark.parametrize("text", TEXTS, ids=lambda text: repr(text)[:20])
@pytest.mark.parametrize("name", ["encode", "count", "_encode_array", "_encode_spans"])
def test_encode(name: str, text: Any, mode: Any) -> None:
    tok = make()
    builtin = outcome(lambda: getattr(tok, name)(text, special_tokens=mode))
    assert builtin == outcome(lambda: portably(tok, name)(text, special_tokens=mode))
    if isinstance(builtin, list):
        assert all(type(item) is int for item in builtin)
    # A value that is equal and not the same object.
    other = outcome(lambda: getattr(tok, name)(text, special_tokens="".join(list(str(mode)))))
    assert mode == 7 or other == builtin


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: repr(text)[:20])
def test_encode_ordinary(text: Any) -> None:
    tok = make()
    expected = outcome(lambda: portably(tok, "encode_ordinary")(text))
    assert outcome(lambda: tok.encode_ordinary(text)) == expected
    assert outcome(lambda: tok.encode(text, special_tokens="text")) == expected


@pytest.mark.parametrize("unit", ["char", "byte", "word", 7])
@pytest.mark.parametrize("text", TEXTS, ids=lambda text: repr(text)[:20])
def test_spans(text: Any, unit: Any) -> None:
    tok = make()
    found = outcome(lambda: tok._encode_spans(text, unit=unit))
    assert found == outcome(lambda: portably(tok, "_encode_spans")(text, unit=unit))


@pytest.mark.parametrize("name", ["_offset_pairs", "_word_indices"])
@pytest.mark.parametrize("text", TEXTS, ids=lambda text: repr(text)[:20])
def test_places(text: Any, name: str) -> None:
    tok = make()
    for mode in ("parse", "text", "other"):
        ids: Any = outcome(lambda: tok.encode(text, special_tokens=mode))  # type: ignore # noqa: B023
        for row in (ids, [*ids, 65], tuple(ids), ids[1:]):
            found = outcome(lambda: getattr(tok, name)(text, row, special_tokens=mode))  # noqa: B023
            function = portably(tok, name)
            expected = outcome(lambda: function(text, row, special_tokens=mode))  # noqa: B023
            assert found == expected
            if isinstance(found, list) and name == "_offset_pairs":
                assert all(type(pair) is tuple for pair in found)


@pytest.mark.parametrize("errors", ["replace", "strict", "ignore", "no such", "a\0b", None, 7])
@pytest.mark.parametrize("ids", IDS, ids=lambda ids: repr(ids)[:20])
def test_decode(ids: Any, errors: Any) -> None:
    tok = make()
    for skip in (False, True, 0, 1, "yes"):
        arguments: Any = {"errors": errors, "skip_special_tokens": skip}
        expected = outcome(lambda: portably(tok, "decode")(ids, **arguments))  # noqa: B023
        assert outcome(lambda: tok.decode(ids, **arguments)) == expected  # noqa: B023
        batch = [[72], ids, ids]
        expected = outcome(lambda: portably(tok, "decode_batch")(batch, **arguments))  # noqa: B023
        assert outcome(lambda: tok.decode_batch(batch, **arguments)) == expected  # noqa: B023


@pytest.mark.parametrize("end", [b"", b"\xe4\xb8", b"\xff", b"\xed\xa0\x80"], ids=repr)
@pytest.mark.parametrize(
    "some",
    ["a\xe9", "\xe9", "\u4e2d\u6587", "a\u4e2d", "\u044f ", "\U0001f600", "a\U0001f600\u0800"],
)
def test_decode_to_every_kind_of_str(some: str, end: bytes) -> None:
    tok = make()
    for count in (1, 2, 7, 21, 22, 32, 63, 64, 65, 200, 1_500_000):
        text = (some * (count // len(some) + 1))[:count].encode() + end
        for errors in ("replace", "strict"):
            expected = outcome(lambda: text.decode(errors=errors))  # noqa: B023
            assert outcome(lambda: tok.decode(array.array("B", text), errors=errors)) == expected  # noqa: B023
    sparse = ("x" * 70 + some + "y" * 300) * 20
    decoded = tok.decode(array.array("B", sparse.encode()))
    assert decoded == sparse
    # A str has the smallest units that its characters fit.
    assert sys.getsizeof(decoded) == sys.getsizeof("".join(list(sparse)))


@pytest.mark.parametrize("typecode", "bBhHiIlLqQfd")
def test_decode_arrays(typecode: str) -> None:
    tok = make()
    for values in ([], [72, 105], [72, 0, 1], [72, 105, 127], [-1, 72], [72, -5]):
        if min(values, default=0) < 0 and typecode.isupper():
            continue
        items: Any = array.array(typecode, values)
        for ids in (items, memoryview(items), np.array(items), memoryview(items)[::2]):
            expected = outcome(lambda ids=ids: portably(tok, "decode")(ids))
            assert outcome(lambda ids=ids: tok.decode(ids)) == expected
    assert tok.decode(np.array([[72, 105]], dtype=np.uint32)[0]) == "Hi"
    assert tok.decode(np.array([72, 105], dtype=">u2")) == "Hi"


def test_decode_arrays_of_large_numbers() -> None:
    tok = make()
    for dtype, value in ((np.int64, 1 << 40), (np.uint64, 1 << 63), (np.int64, -(1 << 40))):
        ids: Any = np.array([72, value], dtype=dtype)
        with pytest.raises(pyaot_tokenizer.UnknownIdError, match=f"id: {value} at index 1"):
            tok.decode(ids)


@pytest.mark.parametrize("num_threads", [1, 2, 7, None, 0, "1", True, 5000])
def test_batches(num_threads: Any) -> None:
    tok = make()
    for texts in (
        ["Hello", "", "a" * 5000, "caf\u00e9", b"bytes\xff"] * 50,
        [],
        ["a", 7],
        ["a", "lone \ud800"],
        ["a", "<|end|>", "<|end|>"],
        ["b" * 50_000] * 20 + ["<|end|>"],
        ("Hello", "tuple"),
        iter(["Hello", "iterator"]),
        "text",
        b"bytes",
        7,
        [bytearray(b"abc")],
    ):
        items: Any = list(texts) if type(texts).__name__ == "list_iterator" else texts
        for mode in ("parse", "refuse"):
            arguments: Any = {"num_threads": num_threads, "special_tokens": mode}
            for name in ("encode_batch", "_encode_batch_arrays"):
                function = portably(tok, name)
                expected = outcome(lambda: function(items, **arguments))  # noqa: B023
                assert outcome(lambda: getattr(tok, name)(items, **arguments)) == expected  # noqa: B023
    assert tok.encode_batch(iter(["Hello", "a"])) == [[256, 108, 108, 111], [97]]
    assert tok.decode_batch(iter([[256], (97,)])) == ["He", "a"]


def test_a_generator_that_fails() -> None:
    def texts() -> Any:
        yield "a"
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        make().encode_batch(texts())


def test_arguments() -> None:
    """Keywords, their order and wrong calls are those of the methods in Python."""
    tok: Any = make()
    assert tok.encode(text="Hello") == tok.encode("Hello") == Tokenizer.encode(tok, "Hello")
    assert tok.decode(ids=[256]) == "He"
    assert tok.decode([256, 257], skip_special_tokens=True, errors="strict") == "He"
    assert tok.encode("a", **{"special_" + "tokens": "te" + "xt"}) == [97]
    for call in (
        tok.encode,
        lambda: tok.encode("a", "b"),
        lambda: tok.encode("a", mode=1),
        lambda: tok.encode("a", text="b"),
        tok.encode_batch,
        lambda: tok.decode([], "replace"),
        Tokenizer.encode,
        lambda: Tokenizer.encode("a", "b"),
    ):
        with pytest.raises(TypeError):
            call()


def test_what_a_method_looks_like() -> None:
    for name in tokenizer._BUILTIN:
        method = getattr(Tokenizer, name)
        function = getattr(Tokenizer, _bridge.PORTABLE_PREFIX + name)
        ours, theirs = inspect.signature(method), inspect.signature(function)
        assert list(ours.parameters) == list(theirs.parameters)
        for parameter, other in zip(ours.parameters.values(), theirs.parameters.values()):
            assert parameter.default == other.default
            assert parameter.kind == other.kind or parameter.name == "self"
        assert inspect.getdoc(method) == inspect.getdoc(function)
        assert method.__name__ == name
        assert inspect.ismethoddescriptor(method)


class Shouting(Tokenizer):
    """Encodes in capitals, and has a dict."""

    def encode(self, text: Any, **keywords: Any) -> List[int]:
        """As the base does, in capitals."""
        return super().encode(text.upper(), **keywords)


def test_a_subclass() -> None:
    tok = Shouting.from_ranks({bytes([byte]): byte for byte in range(256)}, pattern="gpt2")
    tok.note = 1  # type: ignore[attr-defined]
    assert tok.encode("ab") == [65, 66]
    assert tok.encode_batch(["ab"]) == [[97, 98]]
    assert tok.encode_ordinary("ab") == [97, 98]
    copied = pickle.loads(pickle.dumps(tok))
    assert type(copied) is Shouting
    assert copied.encode("ab") == [65, 66]


def test_an_object_that_was_never_loaded() -> None:
    empty = Tokenizer.__new__(Tokenizer)
    for call in (lambda: empty.encode("a"), lambda: empty.decode([1])):
        with pytest.raises(AttributeError):
            call()
    for name in ("_encode_array", "encode_batch", "count"):
        with pytest.raises(AttributeError):
            getattr(empty, name)(["a"] if name == "encode_batch" else "a")


def test_an_object_loaded_anew() -> None:
    tok, other = (
        make(),
        Tokenizer.from_ranks({bytes([i]): 255 - i for i in range(256)}, pattern="gpt2"),
    )
    assert tok.encode("He") == [256]
    _, (_, load, *source) = other.__reduce__()
    getattr(tok, load)(*source)
    assert tok.encode("He") == other.encode("He") == [183, 154]


@pytest.mark.parametrize(
    "wrap", [bytes, bytearray, memoryview, lambda data: array.array("B", data)]
)
def test_bytes_like_texts(wrap: Callable[[bytes], Any]) -> None:
    tok = make()
    for data in (b"", b"Hello", b"\xff\x00", b"word " * 3000, "caf\u00e9".encode()):
        text = wrap(data)
        expected = tok.encode(data)
        assert tok.encode(text) == expected
        assert tok.encode_ordinary(text) == expected
        assert tok.count(text) == len(expected)
        assert tok.encode_to_numpy(text).tolist() == expected
        assert tok.encode_batch([text, data]) == [expected, expected]
    with pytest.raises(pyaot_tokenizer.InvalidTypeError):
        tok.encode(array.array("I", [1]))
    with pytest.raises(pyaot_tokenizer.InvalidTypeError):
        tok.encode(memoryview(b"abcdef")[::2])


def test_a_mapped_file(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"Hello, world! " * 1000)
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
        assert make().encode(text) == make().encode(path.read_bytes())


def test_encode_into() -> None:
    tok: Any = make()
    expected = tok.encode("Hello")
    targets: List[Any] = [
        array.array("I", [9] * 6),
        array.array("H", [9] * 6),
        np.full(6, 9, dtype=np.uint32),
        np.full(6, 9, dtype=np.uint16),
        memoryview(bytearray(24)).cast("I"),
        (ctypes.c_uint32 * 6)(*[9] * 6),
    ]
    for target in targets:
        for method in (tok.encode_into, portably(tok, "encode_into")):
            assert method("Hello", target) == len(expected)
            assert list(target[:4]) == expected
            assert target[5] in (9, 0)
    read_only = np.zeros(9, dtype=np.uint32)
    read_only.flags.writeable = False
    narrow = Tokenizer.from_ranks(
        {bytes([byte]): byte + (70_000 if byte == 111 else 0) for byte in range(256)},
        pattern="gpt2",
    )
    cases: List[Any] = [
        (tok, "Hello", array.array("I", [9] * 3)),
        (tok, "Hello", array.array("H", [9] * 3)),
        (tok, "Hello", array.array("i", [9] * 9)),
        (tok, "Hello", bytearray(100)),
        (tok, "Hello", bytes(100)),
        (tok, "Hello", [0] * 9),
        (tok, "Hello", None),
        (tok, "Hello", read_only),
        (tok, "Hello", np.zeros((3, 3), dtype=np.uint32)),
        (tok, "Hello", np.zeros(20, dtype=np.uint32)[::2]),
        (tok, 7, array.array("I", [9] * 9)),
        (narrow, "Hello", array.array("H", [9] * 9)),
        (narrow, "Hello", array.array("I", [9] * 9)),
    ]
    for user, text, target in cases:
        before = None if target is None else list(np.asarray(target).ravel())
        got = outcome(lambda: user.encode_into(text, target))  # noqa: B023
        if not isinstance(got, int) and target is not None:
            assert list(np.asarray(target).ravel()) == before
        assert got == outcome(lambda: portably(user, "encode_into")(text, target))  # noqa: B023
    assert isinstance(outcome(lambda: narrow.encode_into("Hello", cases[-1][2])), int)
    assert outcome(lambda: narrow.encode_into("Hello", cases[-2][2])) == (
        pyaot_tokenizer.InvalidValueError,
        "id 70111 at index 4 does not fit into 16 bits",
    )


def test_arrays() -> None:
    tok = make()
    for text in ("", "Hello", "<|end|>", "caf\u00e9" * 3000, b"\xff", "\ud800"):
        ids = tok.encode_to_numpy(text)
        assert ids.dtype == np.uint32
        assert ids.tolist() == tok.encode(text)
        ids[:] = 0
    for texts in ([], [""], ["Hello", "", "ab", ""]):
        ids, ends = tok.encode_batch_to_numpy(texts, num_threads=2)
        assert (ids.dtype, ends.dtype) == (np.uint32, np.uint64)
        rows = [row.tolist() for row in np.split(ids, ends.astype(np.int64))][: len(texts)]
        assert rows == tok.encode_batch(texts)
    with pytest.raises(pyaot_tokenizer.SpecialTokenError, match="text 1 has"):
        tok.encode_batch_to_numpy(["a", "<|end|>"], special_tokens="refuse")
    with pytest.raises(pyaot_tokenizer.InvalidTypeError):
        tok.encode_to_numpy(7)  # type: ignore[arg-type]


def test_an_array_is_an_ordinary_one_of_its_own() -> None:
    tok = make()
    text = "Hello, world!" * 2000
    tok.encode_to_numpy(text)  # hands NumPy's functions over
    first, second = tok.encode_to_numpy(text), tok.encode_to_numpy(text)
    assert type(first) is np.ndarray
    assert first.dtype == np.uint32
    assert first.flags.owndata
    assert first.flags.writeable
    assert first.flags.c_contiguous
    expected = second.tolist()
    first[:] = 7
    assert second.tolist() == expected == tok.encode(text)
    assert tok.encode_to_numpy("").shape == (0,)
    assert portably(tok, "encode_to_numpy")(text).tolist() == expected


@pytest.mark.parametrize("letter", ["\u00e9", "\u2019", "\u4e2d", "\U0001f600"])
@pytest.mark.parametrize("every", [1, 3, 50, 70_001])
def test_a_long_str_does_not_grow_when_it_is_encoded_once(letter: str, every: int) -> None:
    tok = make()
    # Of a length of its own: one at the address of another of its length may count as the same.
    text = ("x" * (every - 1) + letter) * (140_002 // every) + "x" * next(LENGTHS)
    portable = portably(tok, "encode")(text.encode())
    size = sys.getsizeof(text)
    assert tok.encode(text) == portable
    assert sys.getsizeof(text) == size
    # The second time, the interpreter makes its UTF-8 and keeps it.
    for _ in range(3):
        assert tok.encode(text) == portable
        assert tok.count(text) == len(portable)
    assert sys.getsizeof(text) > size
    assert tok.decode(portable) == text


def test_a_long_str_with_a_surrogate() -> None:
    tok = make()
    for place in (0, 1, 64_000, 100_000):
        text = "\u00e9" * place + "\ud800" + "\u2019" * (100_000 - place)
        for _ in range(2):
            assert outcome(lambda text=text: tok.encode(text)) == outcome(  # type: ignore[misc]
                lambda text=text: portably(tok, "encode")(text)  # type: ignore[misc]
            )


def test_a_long_str_of_a_derived_type() -> None:
    class Str(str):
        pass

    tok = make()
    text = "\u4e2d\u2019a" * 50_000
    assert tok.encode(Str(text)) == tok.encode(text)


def test_long_strs_on_several_threads() -> None:
    tok = make()
    texts = ["\u2019x" * (70_000 + 1000 * i) for i in range(8)]
    wanted = [tok.encode(text.encode()) for text in texts]
    found: List[Any] = [None] * len(texts)

    def work(i: int) -> None:
        for _ in range(5):
            found[i] = tok.encode(texts[i] + "")

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(texts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == wanted


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
