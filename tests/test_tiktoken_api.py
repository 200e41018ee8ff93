"""`pyaot_tokenizer.tiktoken` gives what tiktoken 0.14.0 gives: results, and errors.

The same call is made with both, over a small vocabulary with gaps, an empty token and tokens that
no merges make, and over the published ones.
"""

from __future__ import annotations

import array
import collections
import copy
import hashlib
import inspect
import pickle
import random
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Tuple

import numpy as np
import pytest
import tiktoken as reference
import tiktoken.load
import tiktoken.model
import tiktoken.registry

import pyaot_tokenizer
from pyaot_tokenizer import tiktoken as own
from pyaot_tokenizer.tiktoken import core, load, model, registry

from pinned_data import data_file

PATTERN = pyaot_tokenizer.PATTERNS["cl100k_base"]
SPECIALS = {"<|endoftext|>": 1000, "<|a|>": 1001, "<|b|>": 1003}
BYTES = {bytes([byte]): byte for byte in range(256)}
ADDRESS = "https://openaipublic.blob.core.windows.net/"
FILES = {
    "gpt-2/encodings/main/vocab.bpe": "vocab.bpe",
    "gpt-2/encodings/main/encoder.json": "encoder.json",
    "encodings/cl100k_base.tiktoken": "cl100k_base.tiktoken",
    "encodings/o200k_base.tiktoken": "o200k_base.tiktoken",
}
PUBLISHED = ("gpt2", "cl100k_base", "o200k_base", "o200k_harmony")


def grown_ranks() -> Dict[bytes, int]:
    """Bytes in another order, merges with gaps, the empty token, and tokens that no merges make."""
    source = random.Random(5)
    order = list(range(256))
    source.shuffle(order)
    ranks = {bytes([byte]): rank for rank, byte in enumerate(order)}
    text = "the théatre's  \n\n hello héllo 123 <|a|> 日本 \t of them\r\n".encode()
    tokens: List[bytes] = list(ranks)
    common = [bytes([byte]) for byte in text]
    while len(ranks) < 500:
        left, right = source.choice(common), source.choice(common)
        if left + right in text and left + right not in ranks:
            ranks[left + right] = 256 + len(ranks)
            common.append(left + right)
    assert tokens
    ranks[b""] = 900
    ranks[b"zqz"] = 901
    ranks[b" unreachable"] = 902
    return ranks


RANKS = grown_ranks()


def outcome(call: Callable[[], Any]) -> Tuple[Any, ...]:
    """What a call gives, or the type and the text of its error."""
    try:
        result = call()
    except Exception as error:
        # The package's errors are subclasses of the built-in ones, but not where the text is equal.
        return type(error).__name__, str(error), repr(error.args)
    if isinstance(result, np.ndarray):
        return "array", result.dtype, result.flags.writeable, result.tolist()
    if isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], list):
        head, tail = result
        if tail and isinstance(tail[0], list):
            return "unstable", head, sorted(tail)
    return type(result).__name__, result


def make(module: Any, **changes: Any) -> Any:
    arguments = {
        "pat_str": PATTERN,
        "mergeable_ranks": dict(RANKS),
        "special_tokens": dict(SPECIALS),
        **changes,
    }
    return module.Encoding("small", **arguments)


BOTH = make(own), make(reference)


def check_equal(call: Callable[[Any], Any], encodings: Tuple[Any, Any] = BOTH) -> None:
    ours, theirs = (outcome(partial(call, encoding)) for encoding in encodings)
    assert ours == theirs


class Str(str):
    """A str of another class."""

    __slots__ = ()


class Items:
    """A sequence by its methods alone."""

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: int) -> int:
        return [97][index]


TEXTS: List[Any] = [
    "",
    "hello world",
    "the théatre's  \n\n hello",
    "zqz unreachable",
    "日本 <|a|> \r\n\r\n  x",
    "<|endoftext|>",
    "a<|b|>b<|endoftext|><|a|>",
    "<|a",
    "trailing   ",
    "  \n \t ",
    "\ud83d\ude00 joined",
    "lone \ud800 here <|a|>",
    "\udc00",
    "a\0b",
    Str("of another class <|a|>"),
    b"bytes",
    bytearray(b"bytes"),
    5,
    None,
    ["list"],
]

SPECIAL_ARGUMENTS: List[Dict[str, Any]] = [
    {},
    {"disallowed_special": ()},
    {"disallowed_special": set()},
    {"disallowed_special": []},
    {"disallowed_special": {"<|a|>"}},
    {"disallowed_special": ["hello", "the"]},
    {"disallowed_special": "he"},
    {"disallowed_special": [""]},
    {"disallowed_special": {"hello": 1}},
    {"disallowed_special": 5},
    {"disallowed_special": [5]},
    {"disallowed_special": None},
    {"allowed_special": "all"},
    {"allowed_special": "all", "disallowed_special": ()},
    {"allowed_special": "all", "disallowed_special": ["hello"]},
    {"allowed_special": {"<|a|>"}},
    {"allowed_special": {"<|a|>"}, "disallowed_special": ()},
    {"allowed_special": frozenset({"<|a|>", "<|b|>", "unknown"}), "disallowed_special": ()},
    {"allowed_special": set(SPECIALS)},
    {"allowed_special": set(), "disallowed_special": ()},
    {"allowed_special": {Str("<|b|>")}, "disallowed_special": ()},
    {"allowed_special": ["<|a|>"]},
    {"allowed_special": ["<|a|>"], "disallowed_special": ()},
    {"allowed_special": SPECIALS.keys(), "disallowed_special": ()},
    {"allowed_special": None},
    {"allowed_special": None, "disallowed_special": ()},
    {"allowed_special": {5}, "disallowed_special": ()},
    {"allowed_special": "some", "disallowed_special": ()},
    {"unknown": 1},
]


@pytest.mark.parametrize("arguments", SPECIAL_ARGUMENTS, ids=repr)
@pytest.mark.parametrize("method", ["encode", "encode_to_numpy", "encode_with_unstable"])
def test_encoding_with_special_tokens(method: str, arguments: Dict[str, Any]) -> None:
    for text in TEXTS:
        check_equal(lambda encoding: getattr(encoding, method)(text, **arguments))  # noqa: B023


@pytest.mark.parametrize("arguments", SPECIAL_ARGUMENTS, ids=repr)
def test_batches_with_special_tokens(arguments: Dict[str, Any]) -> None:
    for texts in (TEXTS[:5], TEXTS[:15], TEXTS, (text for text in TEXTS[:3]), "<|a|>", [], 5):
        batch = texts if isinstance(texts, (int, str)) else list(texts)
        check_equal(lambda encoding: encoding.encode_batch(batch, **arguments))  # noqa: B023


@pytest.mark.parametrize(
    "arguments",
    [{"num_threads": threads} for threads in (1, 2, 64, None, 0, -1, "1", 2.5, True, [])],
    ids=repr,
)
def test_numbers_of_threads(arguments: Dict[str, Any]) -> None:
    check_equal(lambda encoding: encoding.encode_ordinary_batch(["a", "hello <|a|>"], **arguments))
    check_equal(lambda encoding: encoding.encode_batch(["a", "hello"], **arguments))
    check_equal(lambda encoding: encoding.encode_batch(["a", "hello", "<|a|>"], **arguments))
    check_equal(lambda encoding: encoding.decode_batch([[97], [98, 1000]], **arguments))
    check_equal(lambda encoding: encoding.decode_bytes_batch([[97], [98]], **arguments))
    check_equal(lambda encoding: encoding.encode_ordinary_batch(5, **arguments))


def test_ordinary_text() -> None:
    for text in TEXTS:
        check_equal(lambda encoding: encoding.encode_ordinary(text))  # noqa: B023
        check_equal(lambda encoding: encoding.encode_ordinary(text=text))  # noqa: B023
        check_equal(lambda encoding: encoding.encode_ordinary_batch([text]))  # noqa: B023
        check_equal(lambda encoding: encoding._encode_bytes(text))  # noqa: B023
        check_equal(lambda encoding: encoding.encode_single_token(text))  # noqa: B023
        if text:
            check_equal(lambda encoding: encoding._encode_single_piece(text))  # noqa: B023
    check_equal(lambda encoding: encoding.encode_ordinary())
    check_equal(lambda encoding: encoding.encode_ordinary("a", "b"))
    check_equal(lambda encoding: encoding.encode_ordinary_batch({"hello": 1, "x": 2}))
    check_equal(lambda encoding: encoding._encode_only_native_bpe("hello world, the 123"))
    check_equal(lambda encoding: encoding._encode_bytes(b""))


IDS: List[Any] = [
    [],
    (),
    [97, 98],
    (97, 98),
    range(97, 99),
    b"ab",
    bytearray(b"ab"),
    memoryview(b"ab"),
    array.array("I", [97]),
    array.array("H", [97]),
    array.array("d", [97]),
    collections.deque([97]),
    collections.UserList([97]),
    Items(),
    np.array([97]),
    np.array([97, 98], dtype=np.uint32),
    np.array([97], dtype=np.uint8),
    np.array([97.0]),
    np.array([[97]]),
    np.array([-1]),
    np.array([True]),
    np.array(97),
    np.array([97, 98, 99, 100])[::2],
    [np.int64(97)],
    [True, False],
    [900, 901, 1000],
    [903],
    [97, 904, 905],
    [1002],
    [2000],
    [-1],
    [1 << 32],
    [1 << 70],
    [97, "a"],
    [97.0],
    [None],
    "ab",
    "",
    5,
    np.int64(5),
    None,
    {97},
    {97: 1},
    iter([97]),
    [200, 255, 128],
]


@pytest.mark.parametrize("ids", IDS, ids=repr)
def test_decoding(ids: Any) -> None:
    is_iterator = hasattr(ids, "__next__")
    check_equal(lambda encoding: encoding.decode(ids))
    check_equal(lambda encoding: encoding.decode(ids, "strict"))
    check_equal(lambda encoding: encoding.decode(ids, errors="ignore"))
    check_equal(lambda encoding: encoding.decode(tokens=ids))
    check_equal(lambda encoding: encoding.decode_bytes(ids))
    check_equal(lambda encoding: encoding.decode_batch([[97], ids]))
    check_equal(lambda encoding: encoding.decode_bytes_batch([[97], ids]))
    check_equal(lambda encoding: encoding.decode_single_token_bytes(ids))
    if not is_iterator:
        check_equal(lambda encoding: encoding.decode_batch(ids))
        check_equal(lambda encoding: encoding.decode_tokens_bytes(ids))
        check_equal(lambda encoding: encoding.decode_with_offsets(ids))


@pytest.mark.parametrize("errors", ["strict", "ignore", "unknown", 5, None, "a\0b"], ids=repr)
def test_handlers_of_errors(errors: Any) -> None:
    for ids in ([97], BOTH[1].encode_ordinary("日本")[:2], []):
        check_equal(lambda encoding: encoding.decode(ids, errors))  # noqa: B023
        check_equal(lambda encoding: encoding.decode(ids, errors=errors))  # noqa: B023
        check_equal(lambda encoding: encoding.decode_batch([ids], errors=errors))  # noqa: B023


@pytest.mark.parametrize(
    "token", [0, 97, 900, 903, 1000, 1002, -1, 1 << 32, 1 << 70, True, "a", None, 1.0], ids=repr
)
def test_single_ids(token: Any) -> None:
    check_equal(lambda encoding: encoding.decode_single_token_bytes(token))
    check_equal(lambda encoding: encoding.is_special_token(token))
    check_equal(lambda encoding: encoding.decode_tokens_bytes([97, token]))


def test_single_tokens() -> None:
    for token in [*RANKS, *SPECIALS, b"<|a|>", b"\xff\xfe", "none", "\ud800", memoryview(b"a"), []]:
        check_equal(lambda encoding: encoding.encode_single_token(token))  # noqa: B023


@pytest.mark.parametrize(
    "attribute",
    [
        "name",
        "n_vocab",
        "max_token_value",
        "special_tokens_set",
        "eot_token",
        "_pat_str",
        "_mergeable_ranks",
        "_special_tokens",
        "_special_token_values",
        "unknown",
    ],
)
def test_attributes(attribute: str) -> None:
    ours, theirs = (outcome(partial(getattr, encoding, attribute)) for encoding in BOTH)
    assert ours == theirs
    assert repr(BOTH[0]) == repr(BOTH[1])
    check_equal(lambda encoding: encoding.token_byte_values())
    check_equal(lambda encoding: make_plain(encoding).eot_token)


def make_plain(encoding: Any) -> Any:
    return type(encoding)("x", pat_str=PATTERN, mergeable_ranks=BYTES, special_tokens={})


def test_every_public_member_is_there() -> None:
    for module, ours in (
        (reference, own),
        (tiktoken.load, load),
        (tiktoken.model, model),
        (tiktoken.registry, registry),
        (reference.Encoding, own.Encoding),
        (BOTH[1], BOTH[0]),
        (reference.core, core),
    ):
        missing = {
            name
            for name in set(dir(module)) - set(dir(ours))
            if not name.startswith("_") and not inspect.ismodule(getattr(module, name))
        }
        # Names that a module has imported for itself.
        assert missing <= {
            "annotations",
            "TYPE_CHECKING",
            "Any",
            "Callable",
            "Sequence",
            "ThreadPoolExecutor",
            "AbstractSet",
        }, module


CONSTRUCTIONS: List[Dict[str, Any]] = [
    {"mergeable_ranks": {}},
    {"mergeable_ranks": [1]},
    {"mergeable_ranks": None},
    {"mergeable_ranks": {"a": 1}},
    {"mergeable_ranks": {5: 1}},
    {"mergeable_ranks": {None: 1}},
    {"mergeable_ranks": {**BYTES, (97, 97): 256}},
    {"mergeable_ranks": {**BYTES, b"ab": -1}},
    {"mergeable_ranks": {**BYTES, b"ab": 1 << 32}},
    {"mergeable_ranks": {**BYTES, b"ab": 1 << 70}},
    {"mergeable_ranks": {**BYTES, b"ab": 1.5}},
    {"mergeable_ranks": {**BYTES, b"ab": "1"}},
    {"mergeable_ranks": {**BYTES, b"ab": np.int64(300)}},
    {"special_tokens": [1]},
    {"special_tokens": None},
    {"special_tokens": {b"x": 1}},
    {"special_tokens": {"x": "1"}},
    {"special_tokens": {"x": -1}},
    {"special_tokens": {"x": 1 << 32}},
    {"special_tokens": {"\ud800": 2000}},
    {"special_tokens": {"<|x|>": 5}},
    {"special_tokens": {"<|a|>": 2000, "<|b|>": 2000}},
    {"special_tokens": {"hello": 2000}},
    {"pat_str": 5},
    {"pat_str": None},
    {"pat_str": "\ud800"},
    {"pat_str": "gpt2"},
    {"pat_str": r"\w+|\W"},
    {"explicit_n_vocab": 5},
    {"explicit_n_vocab": len(RANKS) + len(SPECIALS)},
    {"mergeable_ranks": BYTES, "special_tokens": {"<|x|>": 256}, "explicit_n_vocab": 257},
    {"mergeable_ranks": BYTES, "special_tokens": {}, "explicit_n_vocab": 256},
    {"unknown": 1},
]


@pytest.mark.parametrize("changes", CONSTRUCTIONS, ids=lambda changes: repr(changes)[:60])
def test_constructions(changes: Dict[str, Any]) -> None:
    def call(module: Any) -> Any:
        encoding = make(module, **changes)
        text = "hello abaa <|x|> gpt2"
        return [
            encoding.n_vocab,
            encoding.encode(text, disallowed_special=()) if "pat_str" not in changes else None,
            encoding.encode("a<|x|>b<|a|><|b|>", allowed_special="all", disallowed_special=()),
            encoding.decode([5, 97]),
            encoding.token_byte_values(),
            outcome(lambda: encoding.encode("hello <|x|>")),
            encoding.encode_batch(["hello", "a<|a|>"], allowed_special="all"),
            encoding.encode_ordinary_batch(["hello", "a<|a|>"]),
        ]

    if changes.get("pat_str") == "gpt2":
        # Text in no piece is dropped.
        assert make(own, **changes).encode_ordinary("a gpt2 b") == make(
            reference, **changes
        ).encode_ordinary("a gpt2 b")
        return
    assert outcome(lambda: call(own)) == outcome(lambda: call(reference))


def test_argument_lists() -> None:
    for arguments in ((), ("x", PATTERN), ("x", PATTERN, RANKS, {})):
        ours, theirs = (
            outcome(lambda: module.Encoding(*arguments))  # noqa: B023
            for module in (own, reference)
        )
        assert ours == theirs


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"mergeable_ranks": {**BYTES, b"ab": 5}}, "the same rank"),
        ({"mergeable_ranks": {**BYTES, b"ab": True}}, "the same rank"),
        ({"special_tokens": {"": 2000}}, "a special token is empty"),
        ({"pat_str": "("}, "not closed"),
    ],
)
def test_where_tiktoken_panics_or_hangs_there_is_a_value_error(
    changes: Dict[str, Any], text: str
) -> None:
    with pytest.raises(ValueError, match=text):
        make(own, **changes)


def test_a_byte_without_a_token_is_refused_where_the_text_has_it() -> None:
    ranks = {b"a": 0, b"b": 1, b"ab": 5}
    both = make(own, mergeable_ranks=ranks), make(reference, mergeable_ranks=ranks)
    for text in ("ab", "aabb", "", "a<|a|>b"):
        check_equal(lambda encoding: encoding.encode_ordinary("abab"), both)
        for ids in ([0, 5, 1000], [2], [0, 3], [255], [6]):
            check_equal(lambda encoding: encoding.decode(ids), both)  # noqa: B023
            check_equal(lambda encoding: encoding.decode_tokens_bytes(ids), both)  # noqa: B023
        if "<" not in text:
            check_equal(lambda encoding: encoding.encode(text), both)  # noqa: B023
            check_equal(lambda encoding: encoding.encode_batch([text, "a"]), both)  # noqa: B023
    check_equal(lambda encoding: encoding.encode("a<|a|>b", allowed_special="all"), both)
    check_equal(lambda encoding: encoding.token_byte_values(), both)
    for call in (
        lambda: both[0].encode_ordinary("abc"),
        lambda: both[0].encode("c"),
        lambda: both[0].encode_ordinary_batch(["a", "c"]),
        lambda: both[0]._encode_single_piece("c"),
        lambda: both[0].encode("c<|a|>", allowed_special="all"),
    ):
        with pytest.raises(ValueError, match="no token for the byte b'c'"):
            call()


PARTS = [
    *"ab théx12\n\r\t 日本'",
    "the ",
    "hello",
    " world",
    "zqz",
    " unreachable",
    "  ",
    "\n\n",
    "<|a|>",
    "<|b|>",
    "<|endoftext|>",
    "<|",
    "\ud800",
    "\ud83d\ude00",
    "😀",
    "'ll",
]


def random_texts(seed: int, count: int) -> Iterator[str]:
    source = random.Random(seed)
    for _ in range(count):
        yield "".join(source.choices(PARTS, k=source.randrange(30)))


def test_random_texts() -> None:
    texts = list(random_texts(1, 400))
    for text in texts:
        for arguments in SPECIAL_ARGUMENTS[:2] + SPECIAL_ARGUMENTS[12:19]:
            check_equal(lambda encoding: encoding.encode(text, **arguments))  # noqa: B023
        check_equal(lambda encoding: encoding.encode_ordinary(text))  # noqa: B023
        raw = text.encode("utf-8", "surrogatepass")
        for cut in (1, 2, 5):
            check_equal(lambda encoding: encoding._encode_bytes(raw[:-cut]))  # noqa: B023
            if raw[:-cut]:
                check_equal(lambda encoding: encoding._encode_single_piece(raw[:-cut]))  # noqa: B023
    check_equal(lambda encoding: encoding.encode_ordinary_batch(texts, num_threads=3))
    check_equal(lambda encoding: encoding.encode_batch(texts, disallowed_special=()))
    check_equal(lambda encoding: encoding.encode_batch(texts, allowed_special="all"))
    rows = BOTH[1].encode_batch(texts, allowed_special="all")
    check_equal(lambda encoding: encoding.decode_batch(rows))
    for row in rows:
        check_equal(lambda encoding: encoding.decode_with_offsets(row))  # noqa: B023
        check_equal(lambda encoding: encoding.decode_bytes(row[1:-1]))  # noqa: B023


def test_special_tokens_that_share_an_id() -> None:
    """As o200k_harmony has: either text becomes the id, and each is allowed by itself."""
    shared = {**SPECIALS, "<|c|>": SPECIALS["<|a|>"]}
    encodings = make(own, special_tokens=shared), make(reference, special_tokens=shared)
    source = random.Random(4)
    for text in random_texts(3, 300):
        mixed = text + source.choice(["", "<|c|>", "<|c|> x", "<|c|><|a|>"])
        allowed = set(source.sample(sorted(shared), source.randrange(len(shared) + 1)))
        for arguments in (
            {"allowed_special": "all"},
            {"allowed_special": allowed},
            {"allowed_special": allowed, "disallowed_special": ()},
            {"allowed_special": frozenset(allowed), "disallowed_special": {"<|c|>"}},
            {},
        ):
            for call in ("encode", "encode_to_numpy"):
                check_equal(
                    lambda encoding: getattr(encoding, call)(mixed, **arguments),  # noqa: B023
                    encodings,
                )
            check_equal(
                lambda encoding: encoding.encode_batch([mixed, text], **arguments),  # noqa: B023
                encodings,
            )


def test_random_unstable_texts() -> None:
    for text in random_texts(2, 150):
        for arguments in ({"disallowed_special": ()}, {"allowed_special": "all"}):
            check_equal(
                lambda encoding: encoding.encode_with_unstable(text, **arguments)  # noqa: B023
            )


def test_lists_are_new_and_belong_to_the_caller() -> None:
    encoding = make(own)
    ids = encoding.encode_ordinary("hello")
    ids.insert(0, 5)
    ids.append(6)
    rows = encoding.encode_ordinary_batch(["hello", "hello"])
    rows[0].append(1)
    assert encoding.encode_ordinary("hello") == rows[1] == ids[1:-1]


def test_pickling_and_copying() -> None:
    encoding = make(own)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(encoding, protocol))
        assert again is not encoding
        assert again.encode_ordinary("hello world") == encoding.encode_ordinary("hello world")
        assert again._mergeable_ranks == RANKS
    for again in (copy.copy(encoding), copy.deepcopy(encoding)):
        assert again.encode("<|a|>", allowed_special="all") == [1001]
    assert encoding.__getstate__() == BOTH[1].__getstate__()


def test_a_pickle_is_loaded_by_another_process(tmp_path: Path) -> None:
    path = tmp_path / "encoding.pkl"
    path.write_bytes(pickle.dumps(make(own)))
    program = (
        "import pickle, sys\n"
        "encoding = pickle.load(open(sys.argv[1], 'rb'))\n"
        "print(encoding.encode('hello<|a|>', allowed_special='all'))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, str(path)],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        check=True,
        text=True,
    )
    expected = BOTH[1].encode("hello<|a|>", allowed_special="all")
    assert result.stdout.strip() == str(expected)


def test_subclasses_override_methods() -> None:
    class Louder(own.Encoding):
        def encode_ordinary(self, text: str) -> List[int]:
            return [*super().encode_ordinary(text), 0]

    encoding = Louder("x", pat_str=PATTERN, mergeable_ranks=BYTES, special_tokens={})
    assert encoding.encode_ordinary("a") == [97, 0]
    assert encoding.encode("a") == [97]


def signature(module: Any, name: str) -> List[inspect.Parameter]:
    """The parameters without `self`, which builtin methods take by position alone."""
    return list(inspect.signature(getattr(module.Encoding, name)).parameters.values())[1:]


def test_signatures() -> None:
    for name in ("encode", "encode_ordinary", "decode", "decode_bytes", "encode_batch"):
        ours, theirs = (
            [(parameter.name, parameter.kind) for parameter in signature(module, name)]
            for module in (own, reference)
        )
        assert ours == theirs
        assert getattr(own.Encoding, name).__doc__


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache folder as tiktoken leaves it, for both."""
    folder = tmp_path_factory.mktemp("cache")
    for place, name in FILES.items():
        key = hashlib.sha1((ADDRESS + place).encode()).hexdigest()
        shutil.copy(data_file(name), folder / key)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIKTOKEN_CACHE_DIR", str(folder))
        yield folder


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_encodings(cache: Path, name: str) -> None:
    both = own.get_encoding(name), reference.get_encoding(name)
    assert own.get_encoding(name) is both[0]
    for attribute in ("n_vocab", "max_token_value", "eot_token", "special_tokens_set", "_pat_str"):
        assert getattr(both[0], attribute) == getattr(both[1], attribute)
    assert both[0]._mergeable_ranks == both[1]._mergeable_ranks
    assert both[0]._special_tokens == both[1]._special_tokens
    texts = [*random_texts(3, 60), "hello <|endofprompt|> <|reserved_200018|><|fim_prefix|>"]
    for text in texts:
        check_equal(lambda encoding: encoding.encode_ordinary(text), both)  # noqa: B023
        check_equal(lambda encoding: encoding.encode(text), both)  # noqa: B023
        check_equal(lambda encoding: encoding.encode(text, allowed_special="all"), both)  # noqa: B023
    rows = both[1].encode_batch(texts, allowed_special="all")
    check_equal(lambda encoding: encoding.encode_batch(texts, allowed_special="all"), both)
    check_equal(lambda encoding: encoding.decode_batch(rows), both)
    for token_id in (*range(0, both[1].n_vocab, 97), *range(both[1].n_vocab - 30, both[1].n_vocab)):
        check_equal(lambda encoding: encoding.decode([token_id]), both)  # noqa: B023
        check_equal(lambda encoding: encoding.decode_single_token_bytes(token_id), both)  # noqa: B023
    again = pickle.loads(pickle.dumps(both[0]))
    assert len(pickle.dumps(both[0])) < 200
    assert again.encode_ordinary(" again") == both[1].encode_ordinary(" again")
    check_equal(lambda encoding: encoding.encode_with_unstable("hello fanta"), both)


def test_names() -> None:
    assert own.list_encoding_names() == reference.list_encoding_names()
    assert own.__version__ == reference.__version__
    assert model.MODEL_TO_ENCODING == tiktoken.model.MODEL_TO_ENCODING
    prefixes = tiktoken.model.MODEL_PREFIX_TO_ENCODING
    assert list(model.MODEL_PREFIX_TO_ENCODING.items()) == list(prefixes.items())
    for name in ("gpt-4o", "gpt-4-0314", "gpt-2", "ft:gpt-4o:x", "none", "", 5, None):
        ours, theirs = (
            outcome(lambda: module.encoding_name_for_model(name))  # noqa: B023
            for module in (own, reference)
        )
        assert ours == theirs
    for name in ("none", 5, None, ""):
        ours, theirs = (
            outcome(lambda: module.get_encoding(name))  # noqa: B023
            for module in (own, reference)
        )
        assert ours == theirs


def test_models(cache: Path) -> None:
    assert own.encoding_for_model("gpt-2") is own.get_encoding("gpt2")


def test_a_missing_file_is_named_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"{ADDRESS}encodings/p50k_base.tiktoken"
    key = hashlib.sha1(address.encode()).hexdigest()
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    with pytest.raises(pyaot_tokenizer.FileMissingError) as missing:
        own.get_encoding("p50k_base")
    assert address in str(missing.value)
    assert str(tmp_path / key) in str(missing.value)
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", "")
    with pytest.raises(pyaot_tokenizer.FileMissingError, match="TIKTOKEN_CACHE_DIR"):
        own.get_encoding("p50k_base")
    monkeypatch.delenv("TIKTOKEN_CACHE_DIR")
    monkeypatch.setenv("DATA_GYM_CACHE_DIR", str(tmp_path))
    (tmp_path / key).write_bytes(b"YQ== 0\n")
    with pytest.raises(pyaot_tokenizer.FormatError, match="SHA-256"):
        own.get_encoding("p50k_base")
    assert (tmp_path / key).exists()


def test_rank_files(tmp_path: Path) -> None:
    path = str(tmp_path / "small.tiktoken")
    # The format has no way to write the empty token that could be read again.
    ranks = {token: rank for token, rank in RANKS.items() if token}
    load.dump_tiktoken_bpe(ranks, path)
    in_order = sorted(ranks.items(), key=lambda item: item[1])
    assert list(load.load_tiktoken_bpe(path).items()) == in_order
    assert tiktoken.load.load_tiktoken_bpe(path) == ranks
    digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    assert load.load_tiktoken_bpe(path, digest) == load.load_tiktoken_bpe(path)
    # tiktoken keeps what it has read, also of local files.
    path = str(tmp_path / "bad.tiktoken")
    Path(path).write_bytes(b"YQ== 0\n\nYg== 1\nbad\n")
    ours, theirs = (
        outcome(lambda: module.load_tiktoken_bpe(path))  # noqa: B023
        for module in (load, tiktoken.load)
    )
    assert ours == theirs


def test_nothing_heavy_is_imported() -> None:
    program = (
        "import sys\n"
        "import pyaot_tokenizer.tiktoken\n"
        "print({'numpy', 'regex', 'requests', 'tiktoken'} & set(sys.modules))\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program],
        env={"PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        check=True,
        text=True,
    )
    assert result.stdout.strip() == "set()"
