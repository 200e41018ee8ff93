"""Files of text in, files of ids out.

A file of ids is written under a temporary name beside its own, and takes its name when it is
complete and on the disk.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
import stat
import tempfile
from typing import BinaryIO, Iterator, NamedTuple

from . import _native
from ._abi import Status
from .errors import FileReadError, FileWriteError, TokenizerError


@contextlib.contextmanager
def replacing(path: str) -> Iterator[BinaryIO]:
    """A file to write to, which becomes the one at `path` if the block ends well.

    Raises:
        FileWriteError: It cannot be made, completed or renamed.
    """
    folder, name = os.path.split(os.path.abspath(path))
    try:
        descriptor, temporary = tempfile.mkstemp(prefix=f"{name}.", suffix=".tmp", dir=folder)
        # As a file made by open() would be; mkstemp's is the user's alone.
        mask = os.umask(0)
        os.umask(mask)
        os.chmod(temporary, 0o666 & ~mask)
    except OSError as error:
        raise FileWriteError.of(error, path) from error
    try:
        with open(descriptor, "wb", buffering=0) as file:
            yield file
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        if isinstance(error, OSError) and not isinstance(error, TokenizerError):
            raise FileWriteError.of(error, path) from error
        raise


class Job(NamedTuple):
    """How to encode: a context of one's own, and what the library wants to know."""

    context: _native.Context
    mode: int
    thread_count: int
    id_size: int


def encode(job: Job, path: str, out: BinaryIO) -> int:
    """Writes the ids of the file at `path` to `out`, and returns how many they are.

    Raises:
        FileMissingError, FileReadError: It cannot be read.
        OSError: `out` cannot be written; `replacing` makes a FileWriteError of it.
        SpecialTokenError, InvalidValueError, MemoryError: As of the call that this serves.
    """
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(open(path, "rb"))
            status = os.fstat(file.fileno())
            if stat.S_ISREG(status.st_mode) and status.st_size > 0:
                # A private mapping counts as writable, which is what ctypes asks for.
                text = stack.enter_context(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
            else:
                text = bytearray(file.read())  # type: ignore[assignment]
        except OSError as error:
            raise FileReadError.of(error, path) from error
        first = (ctypes.c_char * 0).from_buffer(text)
        try:
            return _rounds(job, ctypes.addressof(first), len(text), out)
        except TokenizerError as error:
            error.file = error.file or path
            raise
        finally:
            # The mapping cannot be closed while this points at it.
            del first


def _rounds(job: Job, address: int, length: int, out: BinaryIO) -> int:
    library, context = _native.LIBRARY, job.context
    begun = library.pyaot_write_begin(context.address, address, length, job.mode, job.thread_count)
    if begun != Status.OK:
        raise context.error(begun)
    total = 0
    while True:
        # Between two rounds the interpreter can act on signals.
        count = library.pyaot_write_round(context.address, out.fileno(), job.id_size)
        if count == Status.FILE_FAILED:
            code = getattr(context.error(count), "offset", None) or 0
            raise OSError(code, os.strerror(code))
        if count < 0:
            raise context.error(count)
        if count == 0:
            return total
        total += count
