"""The bridge to the shared library: finds it, checks it, and owns its handles.

Nothing here knows what a tokenizer does. The functions and their types are declared in the
generated module ``_abi``; this module loads the library that belongs to it, frees what was made
with it, and turns status codes into exceptions.

The library keeps no global state and no threads between calls, so a process may fork at any time.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
import weakref
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence, Tuple, Type

from . import _abi
from ._abi import Status
from .errors import (
    FileReadError,
    FileWriteError,
    FormatError,
    InvalidValueError,
    LibraryError,
    SpecialTokenError,
    TokenizerError,
    UnknownIdError,
    UnsupportedError,
)

LIBRARY_VARIABLE = "PYAOT_TOKENIZER_LIBRARY"
"""The environment variable that, if set, holds the path of the shared library to load."""

_LIBRARY_NAMES = {"darwin": "libpyaot_tokenizer.dylib", "win32": "pyaot_tokenizer.dll"}

# Reads of any length go through one array type: ctypes would make, and keep, a type for each
# length.
_IdArray = ctypes.c_uint32 * (sys.maxsize // 8)
_EndArray = ctypes.c_uint64 * (sys.maxsize // 16)

# A context that has served a larger call (in bytes of text, or in ids) is freed rather than kept.
_KEPT_CALL_LEN_MAX = 32 << 20

_ERROR_OF: Dict[int, Type[TokenizerError]] = {
    Status.INVALID_ARGUMENT: InvalidValueError,
    Status.MALFORMED: FormatError,
    Status.UNSUPPORTED: UnsupportedError,
    Status.UNKNOWN_ID: UnknownIdError,
    Status.SPECIAL_TOKEN: SpecialTokenError,
    Status.FILE_FAILED: FileReadError,
    Status.TOO_LARGE: InvalidValueError,
}

# The place that a loader's message may begin with: a key path, or a line.
_KEY = re.compile(r"(line \d+|[A-Za-z_]\w*(?:\.\w+|\[[^\]]*\])*): ")


def find_library() -> str:
    """The path of the shared library.

    Looked for, in this order: where the environment variable ``PYAOT_TOKENIZER_LIBRARY`` says;
    beside this file, as in a wheel; under ``zig`` next to the package's parent folder, where
    Bazel's runfiles have it; and where ``zig build`` puts it in a source tree.

    Raises:
        LibraryError: It is in none of these places.
    """
    chosen = os.environ.get(LIBRARY_VARIABLE)
    if chosen:
        return chosen
    name = _LIBRARY_NAMES.get(sys.platform, "libpyaot_tokenizer.so")
    package = Path(__file__).absolute().parent
    zig = package.parent.parent / "zig"
    folders = [package, zig, zig / "zig-out" / "lib", zig / "zig-out" / "bin"]
    for folder in folders:
        if (folder / name).is_file():
            return str(folder / name)
    looked = ", ".join(str(folder) for folder in folders)
    raise LibraryError(f"the shared library {name} is in none of: {looked}")


def open_library(path: str) -> _abi.Library:
    """Loads the shared library at `path` and checks that it is the one this package was made for.

    Raises:
        LibraryError: It cannot be loaded, or its functions are not those of ``_abi``.
    """
    try:
        library = _abi.load(path)
    except OSError as error:
        raise LibraryError(f"cannot load the shared library: {error}", file=path) from error
    except AttributeError as error:
        raise LibraryError(
            f"not the library of version {_abi.VERSION}: {error}", file=path
        ) from error
    found = library.pyaot_abi_hash()
    if found != _abi.ABI_HASH:
        raise LibraryError(
            f"the library's ABI is {found:#018x}, this package needs {_abi.ABI_HASH:#018x}: "
            "package and library are of different versions",
            file=path,
        )
    return library


LIBRARY = open_library(find_library())


class Context:
    """One call's working memory in the library. At most one thread uses it at a time."""

    __slots__ = ("__weakref__", "address")

    def __init__(self, handle: Handle) -> None:
        """Makes a context for a loaded tokenizer.

        Raises:
            MemoryError: There is no memory for it.
        """
        address = LIBRARY.pyaot_context_create(handle.address)
        if not address:
            raise MemoryError("no memory for the working memory of an encoder")
        self.address: int = address
        # The finalizer keeps the handle alive: contexts are to be destroyed before their tokenizer.
        finalize(self, _destroy_context, address, handle)

    def id_view(self, count: int) -> memoryview:
        """The `count` ids of the last encode call, where they lie."""
        array = _IdArray.from_address(LIBRARY.pyaot_context_ids(self.address) or 0)
        return memoryview(array).cast("B").cast("I")[:count]

    def end_view(self, row_count: int) -> memoryview:
        """Where the ids of each of the `row_count` texts of the last batch call end."""
        array = _EndArray.from_address(LIBRARY.pyaot_context_ends(self.address) or 0)
        return memoryview(array).cast("B").cast("Q")[:row_count]

    def ids(self, count: int) -> List[int]:
        """The `count` ids of the last encode call, as a new list."""
        return self.id_view(count).tolist()

    def rows(self, row_count: int) -> List[List[int]]:
        """The ids of each of the `row_count` texts of the last batch call, as new lists."""
        ends = self.end_view(row_count).tolist()
        view = self.id_view(ends[-1] if ends else 0)
        return [view[start:end].tolist() for start, end in zip([0, *ends[:-1]], ends)]

    def bytes(self, length: int) -> bytes:
        """The `length` bytes of the last decode call."""
        return ctypes.string_at(LIBRARY.pyaot_context_bytes(self.address) or 0, length)

    def error(self, status: int) -> Exception:
        """The exception for the failed last call, which returned `status`."""
        if status == Status.OUT_OF_MEMORY:
            return MemoryError("memory ran out")
        offset = ctypes.c_uint64(_abi.NO_OFFSET)
        message = LIBRARY.pyaot_context_error(self.address, ctypes.byref(offset))
        return _error(status, message, offset.value)


class Handle:
    """A loaded tokenizer in the library: read-only, for any number of threads."""

    __slots__ = ("__weakref__", "address")

    def __init__(
        self,
        load: Callable[[int], int],
        *,
        specials: Sequence[Tuple[bytes, int]] = (),
        file: Optional[str] = None,
        keep_all_merges: bool = False,
    ) -> None:
        """Makes an empty tokenizer, gives it `specials` and calls `load` with its address.

        Args:
            load: Calls one of the library's load functions and returns its status.
            specials: Contents and ids of special tokens that the input does not list.
            file: The file that errors name.
            keep_all_merges: Whether merges are kept that no text leads to without a dropout.

        Raises:
            FormatError: The input is malformed.
            UnsupportedError: The input needs what this version does not do.
            MemoryError: Memory ran out.
        """
        address = LIBRARY.pyaot_tokenizer_create()
        if not address:
            raise MemoryError("no memory for a tokenizer")
        self.address: int = address
        finalize(self, LIBRARY.pyaot_tokenizer_destroy, address)
        status = Status.OK.value
        if keep_all_merges:
            status = LIBRARY.pyaot_tokenizer_keep_all_merges(address)
        for content, token_id in specials:
            status = status or LIBRARY.pyaot_tokenizer_add_special_token(
                address, content, len(content), token_id
            )
        status = status or load(address)
        if status != Status.OK:
            raise self._load_error(status, file)

    def save_frozen(self, path: bytes, file: str) -> None:
        """Writes the tokenizer's tables to `path`; errors name it as `file`.

        Raises:
            FileWriteError: The system refused.
            MemoryError: Memory ran out.
        """
        status = LIBRARY.pyaot_tokenizer_save_frozen(self.address, path, len(path))
        if status == Status.FILE_FAILED:
            message = LIBRARY.pyaot_tokenizer_error(self.address, None)
            raise FileWriteError(message.decode("utf-8", "replace"), file=file)
        if status != Status.OK:
            raise self._load_error(status, file)

    def frozen_bytes(self) -> bytes:
        """The frozen file that the tokenizer was loaded from; empty if it was not."""
        length = ctypes.c_size_t()
        address = LIBRARY.pyaot_tokenizer_frozen_bytes(self.address, ctypes.byref(length))
        return ctypes.string_at(address or 0, length.value)

    def _load_error(self, status: int, file: Optional[str]) -> Exception:
        if status == Status.OUT_OF_MEMORY:
            return MemoryError("memory ran out")
        offset = ctypes.c_uint64(_abi.NO_OFFSET)
        message = LIBRARY.pyaot_tokenizer_error(self.address, ctypes.byref(offset))
        return _error(status, message, offset.value, file)


class ContextPool:
    """The contexts of one tokenizer that wait for their next call.

    Not part of `Handle`: a context keeps its handle alive, so the handle may not keep its contexts.
    """

    __slots__ = ("_handle", "_idle")

    def __init__(self, handle: Handle) -> None:
        """Starts empty; contexts are made as calls need them."""
        self._handle = handle
        self._idle: List[Context] = []

    def take(self) -> Context:
        """A context that no one else uses, for one call and the reading of its results."""
        # A list's pop and append are atomic: threads, and a signal handler that interrupts a call,
        # each get a context of their own.
        try:
            return self._idle.pop()
        except IndexError:
            return Context(self._handle)

    def give_back(self, context: Context, call_len: int) -> None:
        """Keeps `context` for later calls, unless a call of length `call_len` made it large."""
        if call_len <= _KEPT_CALL_LEN_MAX:
            self._idle.append(context)


def _error(status: int, message: bytes, offset: int, file: Optional[str] = None) -> TokenizerError:
    return error_of(status, message.decode("utf-8", "replace"), offset, file)


def error_of(status: int, text: str, offset: int, file: Optional[str] = None) -> TokenizerError:
    """The exception for a status, with the library's message."""
    text = text or f"the library reported status {status}"
    key = _KEY.match(text)
    return _ERROR_OF.get(status, TokenizerError)(
        text,
        file=file,
        key=key.group(1) if key else None,
        offset=None if offset == _abi.NO_OFFSET else offset,
    )


def finalize(owner: object, destroy: Callable[..., object], *arguments: object) -> None:
    """Calls `destroy` with `arguments` when `owner` is gone."""
    # At the interpreter's exit daemon threads may still be inside the library, and the system takes
    # the memory back anyway.
    weakref.finalize(owner, destroy, *arguments).atexit = False


def _destroy_context(address: int, handle: Handle) -> None:
    LIBRARY.pyaot_context_destroy(address)
    del handle
