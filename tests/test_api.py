"""What the documentation of the package promises, method by method."""

from __future__ import annotations

import array
import copy
import gc
import inspect
import pathlib
import pickle
import sys
from typing import Any, List

import numpy
import pytest

import pyaot_tokenizer
from pyaot_tokenizer import (
    AddedToken,
    InvalidTypeError,
    InvalidValueError,
    SpecialTokenError,
    Tokenizer,
    TokenizerError,
    UnknownIdError,
)

import peers
import subjects

HELLO = "Hello, world!"
HELLO_IDS = [15496, 11, 995, 0]


@pytest.fixture(name="tok")
def gpt2() -> Tokenizer:
    return subjects.gpt2_json()


def test_the_example_of_the_readme(tok: Tokenizer, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(peers.tokenizers_gpt2().to_str(), encoding="utf-8")
    for source in (path, str(path)):
        loaded = Tokenizer(source)
        assert loaded.encode(HELLO) == HELLO_IDS
        assert loaded.decode(HELLO_IDS) == HELLO


def test_encode_gives_a_fresh_list_of_ints(tok: Tokenizer) -> None:
    first, second = tok.encode(HELLO), tok.encode(HELLO)
    assert first == second == HELLO_IDS
    assert first is not second
    first.append(1)
    assert tok.encode(HELLO) == HELLO_IDS
    assert {type(token_id) for token_id in second} == {int}
    assert type(second) is list


@pytest.mark.parametrize("text", ["", b"", "\0", "a\0b", b"\0\0", "\N{GRINNING FACE}", "é"])
def test_round_trip(tok: Tokenizer, text: Any) -> None:
    decoded = tok.decode_bytes(tok.encode(text))
    assert decoded == (text if isinstance(text, bytes) else text.encode())


def test_a_subclass_of_str_is_a_text(tok: Tokenizer) -> None:
    assert tok.encode(numpy.str_(HELLO)) == HELLO_IDS


def test_special_tokens_in_texts(tok: Tokenizer) -> None:
    text = f"{HELLO}{peers.END_OF_TEXT}"
    plain = [27, 91, 437, 1659, 5239, 91, 29]
    assert tok.encode(text) == [*HELLO_IDS, 50256]
    assert tok.encode(text, special_tokens="parse") == [*HELLO_IDS, 50256]
    assert tok.encode(text, special_tokens="text") == HELLO_IDS + plain
    assert tok.encode_ordinary(text) == HELLO_IDS + plain
    assert tok.encode(HELLO, special_tokens="refuse") == HELLO_IDS
    assert tok.count(text) == 5
    assert tok.count(text, special_tokens="text") == 11
    for call in (tok.encode, tok.count):
        with pytest.raises(SpecialTokenError, match=r"<\|endoftext\|>.*13") as caught:
            call(text, special_tokens="refuse")
        assert caught.value.offset == 13
        assert isinstance(caught.value, ValueError)


def test_a_refused_special_token_in_a_batch(tok: Tokenizer) -> None:
    batch = [HELLO] * 3 + [f"a{peers.END_OF_TEXT}"]
    with pytest.raises(SpecialTokenError, match=r"text 3.*endoftext") as caught:
        tok.encode_batch(batch, special_tokens="refuse")
    assert caught.value.offset == 1
    assert tok.encode_batch(batch)[3] == [64, 50256]


def test_encode_batch(tok: Tokenizer) -> None:
    batch = [HELLO, "", "a", HELLO * 3]
    expected = [tok.encode(text) for text in batch]
    assert tok.encode_batch(batch) == expected
    assert tok.encode_batch(tuple(batch)) == expected
    assert tok.encode_batch(iter(batch)) == expected
    assert tok.encode_batch([HELLO.encode(), HELLO]) == [HELLO_IDS, HELLO_IDS]
    assert tok.encode_batch([]) == []
    assert tok.encode_batch([""]) == [[]]
    rows = tok.encode_batch([HELLO, HELLO])
    rows[0].append(1)
    assert rows[1] == HELLO_IDS


@pytest.mark.parametrize("threads", [None, 1, 2, 3, 7, 64])
def test_ids_do_not_depend_on_threads(tok: Tokenizer, threads: Any) -> None:
    batch = [f"{i} {HELLO} " * (i % 37) for i in range(3000)]
    assert tok.encode_batch(batch, num_threads=threads) == [tok.encode(text) for text in batch]


@pytest.mark.parametrize(
    "ids",
    [
        HELLO_IDS,
        tuple(HELLO_IDS),
        iter(HELLO_IDS),
        array.array("I", HELLO_IDS),
        array.array("q", HELLO_IDS),
        numpy.array(HELLO_IDS),
        numpy.array(HELLO_IDS, dtype=numpy.uint32),
        numpy.array(HELLO_IDS, dtype=numpy.uint16),
        [numpy.int64(token_id) for token_id in HELLO_IDS],
    ],
    ids=lambda ids: type(ids).__name__,
)
def test_decode_takes_any_iterable_of_ints(tok: Tokenizer, ids: Any) -> None:
    assert tok.decode(ids) == HELLO


def test_decode_takes_bytes_for_a_sequence_of_ints(tok: Tokenizer) -> None:
    assert tok.decode(bytes([0, 1, 64])) == tok.decode([0, 1, 64]) == '!"a'
    assert tok.decode(range(3)) == '!"#'


def test_decode_of_parts_of_characters(tok: Tokenizer) -> None:
    ids = tok.encode("\N{GRINNING FACE}")
    assert len(ids) > 1
    assert tok.decode(ids) == "\N{GRINNING FACE}"
    assert tok.decode(ids[:1]) == "\ufffd"
    assert tok.decode(ids[:1], errors="ignore") == ""
    assert (
        tok.decode_bytes(ids[:1]) == "\N{GRINNING FACE}".encode()[: len(tok.decode_bytes(ids[:1]))]
    )
    with pytest.raises(UnicodeDecodeError):
        tok.decode(ids[:1], errors="strict")
    with pytest.raises(LookupError):
        tok.decode(ids[:1], errors="no such handler")


def test_decode_skips_special_tokens(tok: Tokenizer) -> None:
    ids = [*HELLO_IDS, 50256]
    assert tok.decode(ids) == f"{HELLO}{peers.END_OF_TEXT}"
    assert tok.decode(ids, skip_special_tokens=True) == HELLO
    assert tok.decode_bytes(ids, skip_special_tokens=True) == HELLO.encode()
    assert tok.decode_batch([ids, []], skip_special_tokens=True) == [HELLO, ""]


def test_tokens_and_ids(tok: Tokenizer) -> None:
    assert tok.token_to_id(" world") == tok.token_to_id(b" world") == 995
    assert tok.id_to_token(995) == b" world"
    assert tok.token_to_id(peers.END_OF_TEXT) == 50256
    assert tok.id_to_token(50256) == peers.END_OF_TEXT.encode()
    assert tok.token_to_id(b"\xff") is not None
    for absent in ("no such token", "\u0120world", "", b"\xff\xff\xff\xff"):
        assert tok.token_to_id(absent) is None
    for absent_id in (-1, 50257, 2**31, 2**32, 2**70):
        assert tok.id_to_token(absent_id) is None


def test_every_id_has_its_token(tok: Tokenizer) -> None:
    tokens = [tok.id_to_token(token_id) for token_id in range(tok.vocab_size)]
    assert tokens[:-1] == list(dict(sorted(peers.gpt2_ranks().items(), key=lambda p: p[1])))
    assert [tok.token_to_id(token) for token in tokens if token is not None] == list(range(50257))


def test_facts(tok: Tokenizer) -> None:
    assert tok.vocab_size == tok.token_count == 50257
    assert tok.merge_count == 50000
    assert tok.format == "tokenizer.json"
    assert tok.pre_tokenizer == "gpt2"
    assert tok.pattern is not None
    assert tok.pattern.startswith("'s|'t|")
    assert tok.memory_bytes > 50257
    assert repr(tok) == "<Tokenizer tokenizer.json vocab_size=50257 pre_tokenizer=gpt2>"
    assert subjects.gpt2_files().format == "vocab+merges"
    cl100k = subjects.cl100k_file()
    assert (cl100k.vocab_size, cl100k.token_count) == (100277, 100261)
    assert (cl100k.format, cl100k.pre_tokenizer) == ("tiktoken", "cl100k")
    assert cl100k.pattern == pyaot_tokenizer.PATTERNS["cl100k_base"]


def test_added_tokens(tok: Tokenizer) -> None:
    added = AddedToken(
        id=50256, special=True, single_word=False, lstrip=False, rstrip=False, normalized=True
    )
    assert dict(tok.added_tokens) == {peers.END_OF_TEXT: added}
    assert tok.special_tokens == {peers.END_OF_TEXT: 50256}
    assert subjects.cl100k_file().special_tokens == peers.CL100K_SPECIALS
    assert subjects.gpt2_files().added_tokens == {}
    with pytest.raises(TypeError):
        tok.added_tokens["x"] = added  # type: ignore[index]


def test_a_tokenizer_is_immutable(tok: Tokenizer) -> None:
    with pytest.raises(AttributeError):
        tok.vocab_size = 1  # type: ignore[misc]
    with pytest.raises(AttributeError):
        tok.anything = 1  # type: ignore[attr-defined]
    assert copy.copy(tok) is tok
    assert copy.deepcopy([tok])[0] is tok


@pytest.mark.parametrize(
    "load",
    [subjects.gpt2_json, subjects.gpt2_files, subjects.gpt2_ranks, subjects.cl100k_file],
)
@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_pickle(load: Any, protocol: int) -> None:
    original = load()
    loaded = pickle.loads(pickle.dumps(original, protocol))
    text = f"{HELLO} {peers.END_OF_TEXT} 1234"
    assert loaded.encode(text) == original.encode(text)
    assert repr(loaded) == repr(original)
    assert loaded.added_tokens == original.added_tokens
    assert pickle.dumps(loaded, protocol) == pickle.dumps(original, protocol)


def test_a_subclass_stays_one() -> None:
    class Mine(Tokenizer):
        pass

    mine = Mine.from_ranks(subjects.byte_ranks(), pattern="gpt2")
    assert type(mine) is Mine
    assert repr(mine).startswith("<Mine ")


BAD_CALLS = [
    (lambda tok: tok.encode(None), InvalidTypeError, "str or bytes.*NoneType", None),
    (lambda tok: tok.encode(1), InvalidTypeError, "int", None),
    (lambda tok: tok.encode([HELLO]), InvalidTypeError, "list", None),
    (lambda tok: tok.encode(memoryview(b"abc")[::2]), InvalidTypeError, "memoryview", None),
    (lambda tok: tok.count(1.5), InvalidTypeError, "float", None),
    (lambda tok: tok.encode_ordinary(None), InvalidTypeError, "NoneType", None),
    (lambda tok: tok.encode("a", special_tokens="all"), InvalidValueError, "'all'", None),
    (lambda tok: tok.encode("a", special_tokens=None), InvalidValueError, "None", None),
    (lambda tok: tok.encode("a", special_tokens=[]), InvalidValueError, r"\[\]", None),
    (lambda tok: tok.encode_batch("abc"), InvalidTypeError, "iterable of texts.*str", None),
    (lambda tok: tok.encode_batch(b"abc"), InvalidTypeError, "bytes", None),
    (lambda tok: tok.encode_batch(None), InvalidTypeError, "NoneType", None),
    (lambda tok: tok.encode_batch(["a", 1]), InvalidTypeError, "text 1.*int", 1),
    (lambda tok: tok.encode_batch(["a"], num_threads=0), InvalidValueError, "num_threads.*0", None),
    (lambda tok: tok.encode_batch(["a"], num_threads=-1), InvalidValueError, "-1", None),
    (
        lambda tok: tok.encode_batch(["a"], num_threads=2**40),
        InvalidValueError,
        "num_threads",
        None,
    ),
    (lambda tok: tok.encode_batch(["a"], num_threads=1.0), InvalidTypeError, "float", None),
    (lambda tok: tok.encode_batch(["a"], num_threads=True), InvalidTypeError, "bool", None),
    (lambda tok: tok.decode([0, 50257]), UnknownIdError, "50257.*index 1", 1),
    (lambda tok: tok.decode([-1]), UnknownIdError, "-1.*index 0", 0),
    (lambda tok: tok.decode([0, 2**32]), UnknownIdError, "4294967296.*index 1", 1),
    (lambda tok: tok.decode([2**32 - 1]), UnknownIdError, "4294967295", 0),
    (lambda tok: tok.decode([0, 2**70]), UnknownIdError, "index 1", 1),
    (lambda tok: tok.decode([0, True]), InvalidTypeError, "index 1.*bool", 1),
    (lambda tok: tok.decode([False]), InvalidTypeError, "index 0.*bool", 0),
    (lambda tok: tok.decode([1.0]), InvalidTypeError, "float", 0),
    (lambda tok: tok.decode([0, None]), InvalidTypeError, "index 1.*NoneType", 1),
    (lambda tok: tok.decode(["0"]), InvalidTypeError, "str", 0),
    (lambda tok: tok.decode([[0]]), InvalidTypeError, "list", 0),
    (lambda tok: tok.decode(numpy.array([0.5])), InvalidTypeError, "float64", 0),
    (lambda tok: tok.decode(0), InvalidTypeError, "iterable of ids.*int", None),
    (lambda tok: tok.decode("0"), InvalidTypeError, "str", None),
    (lambda tok: tok.decode(None), InvalidTypeError, "NoneType", None),
    (lambda tok: tok.decode_bytes([50257]), UnknownIdError, "50257", 0),
    (lambda tok: tok.decode_batch([0]), InvalidTypeError, "int", None),
    (lambda tok: tok.decode_batch(0), InvalidTypeError, "int", None),
    (lambda tok: tok.token_to_id(1), InvalidTypeError, "int", None),
    (lambda tok: tok.id_to_token("a"), InvalidTypeError, "str", None),
    (lambda tok: tok.id_to_token(True), InvalidTypeError, "bool", None),
    (lambda tok: tok.id_to_token(1.0), InvalidTypeError, "float", None),
]


@pytest.mark.parametrize(("call", "error", "message", "offset"), BAD_CALLS)
def test_bad_arguments(
    tok: Tokenizer, call: Any, error: type[TokenizerError], message: str, offset: Any
) -> None:
    with pytest.raises(error, match=message) as caught:
        call(tok)
    assert caught.value.offset == offset
    assert "\n" not in str(caught.value)
    assert tok.encode(HELLO) == HELLO_IDS


def test_errors_are_what_python_programmers_catch() -> None:
    bases = {
        "FormatError": ValueError,
        "UnsupportedError": ValueError,
        "FileReadError": OSError,
        "FileMissingError": FileNotFoundError,
        "FileWriteError": OSError,
        "UnknownIdError": KeyError,
        "IdRangeError": OverflowError,
        "IntRangeError": OverflowError,
        "SpecialTokenError": ValueError,
        "InvalidTypeError": TypeError,
        "InvalidValueError": ValueError,
        "LibraryError": ImportError,
    }
    for name, base in bases.items():
        error = getattr(pyaot_tokenizer, name)
        assert issubclass(error, base)
        assert issubclass(error, TokenizerError)


def test_errors_cross_processes_whole() -> None:
    error = pyaot_tokenizer.FormatError("wrong", file="f", key="model.type", offset=7)
    copied = pickle.loads(pickle.dumps(error))
    assert (str(copied), copied.file, copied.key, copied.offset) == (
        "f: wrong",
        "f",
        "model.type",
        7,
    )
    with pytest.raises(pyaot_tokenizer.FileMissingError) as caught:
        Tokenizer("no such file")
    copied = pickle.loads(pickle.dumps(caught.value))
    assert (copied.errno, copied.filename) == (caught.value.errno, "no such file")


def test_everything_public_is_documented() -> None:
    for name in pyaot_tokenizer.__all__:
        thing = getattr(pyaot_tokenizer, name)
        if inspect.isclass(thing):
            assert thing.__doc__, name
            for member_name, member in vars(thing).items():
                if not member_name.startswith("_") and (
                    callable(member) or isinstance(member, property)
                ):
                    assert inspect.getdoc(member), f"{name}.{member_name}"


def test_memory_is_given_back() -> None:
    """Tokenizers and their contexts are freed: many in a row take no more memory than a few."""
    ranks = subjects.byte_ranks(i.to_bytes(3, "big") for i in range(5000))

    def cycle(count: int) -> None:
        for _ in range(count):
            made = Tokenizer.from_ranks(ranks, pattern="gpt2")
            made.encode("ab" * 10_000)
            with pytest.raises(TokenizerError):
                Tokenizer.from_bytes(b"{")
        gc.collect()

    cycle(20)
    before = resident_bytes()
    cycle(200)
    assert resident_bytes() - before < 16 << 20


def test_a_large_call_leaves_no_large_memory() -> None:
    tokenizer = Tokenizer.from_ranks(subjects.byte_ranks(), pattern="gpt2")
    text = "hello " * (8 << 20)
    before = resident_bytes()
    assert len(tokenizer.encode_batch([text])) == 1
    gc.collect()
    assert resident_bytes() - before < 64 << 20


def resident_bytes() -> int:
    """The memory that the process holds now."""
    fields: List[str] = pathlib.Path("/proc/self/statm").read_text().split()
    return int(fields[1]) * 4096


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, *sys.argv[1:]]))
