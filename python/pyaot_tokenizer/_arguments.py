"""The arguments that the calls of a tokenizer share: their types, and the checks of them."""

from __future__ import annotations

import operator
import os
from array import array
from types import MappingProxyType
from typing import (
    TYPE_CHECKING,
    Dict,
    Iterable,
    List,
    Literal,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    Union,
    overload,
)

from ._abi import SpecialMode
from .errors import (
    FileReadError,
    IdRangeError,
    InvalidTypeError,
    InvalidValueError,
)
from .patterns import PATTERNS

if TYPE_CHECKING:
    import mmap

    BytesLike = Union[bytes, bytearray, memoryview, mmap.mmap, "array[int]"]
else:
    BytesLike = bytes

Path = Union[str, "os.PathLike[str]"]
"""The path of a file."""

Text = Union[str, "BytesLike"]
"""What can be encoded: a str, or the bytes of a text in UTF-8, which need not be well-formed. Bytes
may come in any C-contiguous object with items of one byte: ``bytes``, a ``memoryview``, an
``mmap``; they must not change during the call, and writable ones are copied."""

SpecialTokens = Literal["parse", "text", "refuse"]
"""What becomes of special-token text in an input: the token, ordinary text, or an error."""

NO_TOKENS: Mapping[str, int] = MappingProxyType({})
"""No special tokens: what a call takes where it is given none."""

ID_LIMIT = 1 << 32
"""Ids are below it."""

_THREADS_MAX = 4096

# How False and True lie in an array of ids.
_FALSE = bytes(array("I", [0]))
_TRUE = bytes(array("I", [1]))

_MODES: Dict[str, int] = {
    "text": SpecialMode.TEXT.value,
    "parse": SpecialMode.PARSE.value,
    "refuse": SpecialMode.REFUSE.value,
}

# What a frozen file begins with, and what stands for the source of a tokenizer from one.

TEXT_MODE: int = SpecialMode.TEXT.value
"""Text of special tokens is ordinary text."""

# Formats, without a sign for the order of bytes, and sizes of unsigned ints of 32 and 16 bits.
_ID_KINDS = ("I4", "L4", "H2")


def check_seed(seed: object) -> int:
    """The seed of numbers by chance, which must be an int of 64 bits without a sign.

    Raises:
        InvalidTypeError, InvalidValueError: It is none.
    """
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise InvalidTypeError(f"a seed as int is needed, not {type_name(seed)}")
    if not 0 <= seed < 1 << 64:
        raise InvalidValueError(f"seed must be from 0 to 2**64 - 1, not {seed}")
    return seed


def check_path(path: object) -> str:
    """The path as str, or the error for what is none."""
    if not isinstance(path, (str, os.PathLike)):
        raise InvalidTypeError(f"a path as str or os.PathLike is needed, not {type_name(path)}")
    name = os.fspath(path)
    if not isinstance(name, str) or "\0" in name:
        raise InvalidValueError(f"{name!r} is not a path")
    return name


@overload
def read_file(path: Path) -> bytes: ...


@overload
def read_file(path: Path, *, unless: bytes) -> Optional[bytes]: ...


def read_file(path: Path, *, unless: Optional[bytes] = None) -> Optional[bytes]:
    """The content of a file; None if it begins with `unless`, and can be read again."""
    if not isinstance(path, (str, os.PathLike)):
        raise InvalidTypeError(f"a path as str or os.PathLike is needed, not {type_name(path)}")
    try:
        with open(path, "rb") as file:
            if unless is not None and file.seekable():
                if file.raw.read(len(unless)) == unless:
                    return None
                file.seek(0)
            return file.read()
    except OSError as error:
        raise FileReadError.of(error, os.fspath(path)) from error
    except ValueError as error:
        # A NUL in the path.
        raise InvalidValueError(f"{os.fspath(path)!r} is not a path: {error}") from error


def to_bytes(text: Text) -> bytes:
    """A text in UTF-8; lone surrogates are U+FFFD, as in tiktoken."""
    if isinstance(text, str):
        try:
            return text.encode()
        except UnicodeEncodeError:
            # Pairs of surrogates become the character that they encode, lone ones U+FFFD.
            repaired = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            return repaired.encode()
    if isinstance(text, bytes):
        return text
    try:
        view = memoryview(text)
    except TypeError:
        view = None
    if view is None or view.itemsize != 1 or not view.c_contiguous:
        raise InvalidTypeError(f"a text as str or bytes is needed, not {type_name(text)}")
    return bytes(view)


def is_stream(items: object) -> bool:
    """Whether `items` can be iterated over, perhaps once, and is no list, tuple or single text."""
    return isinstance(items, Iterable) and not isinstance(items, (list, tuple, str, bytes))


def to_parts(texts: Iterable[Text]) -> List[bytes]:
    """Many texts in UTF-8, or the error that says which is none."""
    if isinstance(texts, (str, bytes)) or not isinstance(texts, Iterable):
        raise InvalidTypeError(f"an iterable of texts is needed, not {type_name(texts)}")
    parts: List[bytes] = []
    for text in texts:
        try:
            parts.append(to_bytes(text))
        except InvalidTypeError as error:
            raise InvalidTypeError(
                f"text {len(parts)}: {error.message}", offset=len(parts)
            ) from None
    return parts


def to_ids(ids: Iterable[int]) -> array[int]:
    """Ids for the library, or the error for the first that is none."""
    if isinstance(ids, array) and ids.typecode == "I":
        return ids
    if isinstance(ids, str) or not isinstance(ids, Iterable):
        raise InvalidTypeError(f"an iterable of ids is needed, not {type_name(ids)}")
    items = ids if isinstance(ids, list) else list(ids)
    try:
        converted = array("I", items)
    except (TypeError, OverflowError):
        raise _bad_id(items) from None
    # A bool would pass for 0 or 1: worth a look at the types only where these bytes occur.
    raw = converted.tobytes()
    if (_FALSE in raw or _TRUE in raw) and bool in map(type, items):
        raise _bad_id(items)
    return converted


def writable_ids(buffer: object) -> memoryview:
    """An array that ids can be written to, or the error for what is none."""
    try:
        view = memoryview(buffer)  # type: ignore[arg-type]
    except TypeError:
        view = memoryview(b"")
    kind = view.format[-1:] + str(view.itemsize)
    if view.readonly or not view.c_contiguous or view.ndim != 1 or kind not in _ID_KINDS:
        raise InvalidTypeError(
            f"a writable array of uint32 or uint16 is needed, not {type_name(buffer)}"
        )
    return view


def write_ids(target: memoryview, ids: memoryview) -> None:
    """Writes ids to the front of an array from `writable_ids`, or nothing and raises."""
    if len(ids) > len(target):
        raise InvalidValueError(
            f"the text has {len(ids)} ids, the array has room for {len(target)}"
        )
    if target.itemsize == ids.itemsize:
        target.cast("B")[: ids.nbytes] = ids.cast("B")
        return
    try:
        narrow = array("H", ids)
    except OverflowError:
        index = next(index for index, item in enumerate(ids) if item >> 16)
        raise InvalidValueError(
            f"id {ids[index]} at index {index} does not fit into 16 bits", offset=index
        ) from None
    target.cast("B")[: 2 * len(ids)] = memoryview(narrow).cast("B")


def _bad_id(ids: Sequence[object]) -> Exception:
    """The error for the first of `ids` that is not an id."""
    for index, item in enumerate(ids):
        try:
            value = operator.index(item)  # type: ignore[arg-type]
        except TypeError:
            value = None
        if value is None or isinstance(item, bool):
            return InvalidTypeError(
                f"an id as int is needed at index {index}, not {type_name(item)}", offset=index
            )
        if not 0 <= value < ID_LIMIT:
            return IdRangeError(f"Unknown token id: {value} at index {index}", offset=index)
    raise AssertionError("every id is valid")


def check_mode(special_tokens: str) -> int:
    """What `SpecialTokens` is to the library."""
    try:
        return _MODES[special_tokens]
    except (KeyError, TypeError):
        raise InvalidValueError(
            f'special_tokens must be "parse", "text" or "refuse", not {special_tokens!r}'
        ) from None


def check_threads(num_threads: Optional[int]) -> int:
    """The number of threads for the library: 0 for as many as there are cores."""
    if num_threads is None:
        return 0
    if not isinstance(num_threads, int) or isinstance(num_threads, bool):
        raise InvalidTypeError(f"num_threads must be an int or None, not {type_name(num_threads)}")
    if not 1 <= num_threads <= _THREADS_MAX:
        raise InvalidValueError(
            f"num_threads must be 1 to {_THREADS_MAX} or None, not {num_threads}"
        )
    return num_threads


def check_pattern(pattern: str) -> bytes:
    """The regular expression that `pattern` is, or the name of."""
    if not isinstance(pattern, str):
        raise InvalidTypeError(f"a pattern as str is needed, not {type_name(pattern)}")
    return PATTERNS.get(pattern, pattern).encode("utf-8", "surrogatepass")


def check_specials(special_tokens: Mapping[str, int]) -> List[Tuple[bytes, int]]:
    """Texts of special tokens in UTF-8, and their ids."""
    if not isinstance(special_tokens, Mapping):
        raise InvalidTypeError(
            f"a mapping of str to int is needed, not {type_name(special_tokens)}"
        )
    specials: List[Tuple[bytes, int]] = []
    for text, token_id in special_tokens.items():
        if not isinstance(text, str):
            raise InvalidTypeError(f"a special token as str is needed, not {type_name(text)}")
        check_id(token_id, f"the id of the special token {text!r}")
        specials.append((to_bytes(text), token_id))
    return specials


def check_id(token_id: int, what: str) -> None:
    """Raises unless `token_id`, which errors call `what`, is one."""
    if not isinstance(token_id, int) or isinstance(token_id, bool):
        raise InvalidTypeError(f"{what} must be an int, not {type_name(token_id)}")
    if not 0 <= token_id < ID_LIMIT:
        raise InvalidValueError(f"{what} must be 0 to 2**32 - 1, not {token_id}")


def type_name(value: object) -> str:
    """The type of a value, for messages."""
    return type(value).__name__
