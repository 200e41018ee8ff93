"""The library's counts of pieces and trainings, and the threads that wait for them.

A call into the library cannot be interrupted by Python, and frees the GIL. So every long one runs
on a thread of its own while the caller's thread waits for it, sees to signals (Ctrl-C), tells how
far it is, and makes it stop when an exception comes: nothing is left running then. `Feeder` counts
one buffer of texts on such a thread while the caller's fills the next.
"""

from __future__ import annotations

import ctypes
import os
import threading
import time
from array import array
from itertools import accumulate
from typing import (
    Callable,
    Iterable,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    Union,
)

from . import _abi, _native
from ._abi import Status, TrainingOption

_TICK_SECONDS = 0.05
# Of texts that are counted together: so much for each thread, and no more altogether.
_BUFFER_LEN = 1 << 20
_BUFFER_LEN_MAX = 16 << 20
_WORDS_AT_ONCE = 1 << 16

Tick = Callable[[], None]


class Call:
    """A call on a thread of its own, which gives a status."""

    def __init__(self, call: Callable[[], int], cancel: Callable[[], None]) -> None:
        """`cancel` makes `call` return soon. `start` begins it."""
        self._cancel = cancel
        self._status: Optional[int] = None
        self._call = call
        self._lock = threading.Lock()
        self._is_running = False
        self._is_abandoned = False
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._work, name="pyaot_tokenizer", daemon=True)

    def start(self) -> None:
        """Begins it. An interrupt may come while the thread begins: `stop` sees to that."""
        self._thread.start()

    def _work(self) -> None:
        with self._lock:
            if self._is_abandoned:
                return
            self._is_running = True
        try:
            self._status = self._call()
        finally:
            self._done.set()

    def wait(self, tick: Tick) -> int:
        """Its status, when it is done; `tick` is called now and then until it is."""
        try:
            while not self._done.wait(_TICK_SECONDS):
                tick()
            self._thread.join()
        except BaseException:
            self.stop()
            raise
        return Status.OUT_OF_MEMORY.value if self._status is None else self._status

    def stop(self) -> None:
        """Cancels it if it is not done, and returns when it is or never will be begun."""
        with self._lock:
            self._is_abandoned = True
            is_running = self._is_running
        if is_running and not self._done.is_set():
            self._cancel()
        if is_running:
            self._thread.join()


class CountsHandle:
    """Counts of pieces in the library. One thread at a time uses them."""

    __slots__ = ("__weakref__", "address", "buffer_len")

    def __init__(self, pattern: Optional[bytes] = None, thread_count: int = 1) -> None:
        """Makes counts, none yet. Without a pattern, no texts can be added.

        Raises:
            UnsupportedError: The pattern is malformed or cannot be run; the message says why.
            MemoryError: Memory ran out.
        """
        address = _native.LIBRARY.pyaot_counts_create(thread_count)
        if not address:
            raise MemoryError("no memory for the counts of pieces")
        self.address: int = address
        _native.finalize(self, _native.LIBRARY.pyaot_counts_destroy, address)
        threads = thread_count or os.cpu_count() or 1
        self.buffer_len = min(_BUFFER_LEN * threads, _BUFFER_LEN_MAX)
        """How much text it is worth adding at once."""
        if pattern is not None:
            self.check(_native.LIBRARY.pyaot_counts_set_pattern(address, pattern, len(pattern)))

    def __len__(self) -> int:
        """How many distinct pieces there are."""
        return _native.LIBRARY.pyaot_counts_len(self.address)

    def check(self, status: int, *, file: Optional[str] = None, base: int = 0) -> None:
        """Raises what a status other than `OK` stands for; `base` is where in the file it began."""
        if status == Status.OK:
            return
        if status == Status.OUT_OF_MEMORY:
            raise MemoryError("memory ran out")
        offset = ctypes.c_uint64(_abi.NO_OFFSET)
        message = _native.LIBRARY.pyaot_counts_error(self.address, ctypes.byref(offset))
        text, place = message.decode("utf-8", "replace"), offset.value
        if place != _abi.NO_OFFSET and file is not None:
            place += base
            text = f"invalid UTF-8 at byte {place}"
        raise _native.error_of(status, text, place, file)

    def add_pieces(self, pieces: Iterable[Tuple[bytes, int]], stop: Tick = lambda: None) -> None:
        """Adds counts, none of them negative or beyond 2**64 - 1."""
        group: List[bytes] = []
        counts = array("Q")
        for piece, count in pieces:
            group.append(piece)
            counts.append(count)
            if len(group) == _WORDS_AT_ONCE:
                self._add_group(group, counts)
                group, counts = [], array("Q")
                stop()
        self._add_group(group, counts)

    def _add_group(self, group: List[bytes], counts: array[int]) -> None:
        ends = array("Q", accumulate(map(len, group)))
        self.check(
            _native.LIBRARY.pyaot_counts_add_pieces(
                self.address,
                b"".join(group),
                ends.buffer_info()[0],
                counts.buffer_info()[0],
                len(group),
            )
        )

    def merge(self, other: CountsHandle) -> None:
        """Adds all counts of another."""
        self.check(_native.LIBRARY.pyaot_counts_merge(self.address, other.address))

    def gather(self) -> None:
        """Brings together what the threads counted; before saving, measuring and training."""
        address = self.address
        call = Call(
            lambda: _native.LIBRARY.pyaot_counts_gather(address),
            lambda: _native.LIBRARY.pyaot_counts_cancel(address),
        )
        try:
            call.start()
            status = call.wait(lambda: None)
        finally:
            call.stop()
        self.check(status)

    def save(self) -> bytes:
        """The counts as bytes."""
        length = ctypes.c_size_t()
        address = _native.LIBRARY.pyaot_counts_save(self.address, ctypes.byref(length))
        if not address:
            raise MemoryError("memory ran out")
        return ctypes.string_at(address, length.value)

    def load(self, content: bytes) -> None:
        """Adds the counts that `save` gave.

        Raises:
            FormatError: They are damaged, or something else.
        """
        self.check(_native.LIBRARY.pyaot_counts_load(self.address, content, len(content)))


class _Buffer(NamedTuple):
    content: Union[bytes, bytearray]
    """The texts, one after the other, and perhaps something else behind."""
    ends: array[int]
    """Where each text ends."""
    file: Optional[str]
    base: int


class Feeder:
    """Counts texts in the background, a buffer at a time; at most two buffers are held."""

    def __init__(self, counts: CountsHandle, tell: Callable[[int], None]) -> None:
        """`tell` is called with the number of bytes that are counted, now and then."""
        self._counts = counts
        self._tell = tell
        self._parts: List[bytes] = []
        self._len = 0
        self._done = 0
        self._busy: Optional[Tuple[Call, _Buffer]] = None

    def add(self, text: bytes) -> None:
        """Adds one text."""
        self._parts.append(text)
        self._len += len(text)
        buffer_len = self._counts.buffer_len
        if self._len >= buffer_len or len(self._parts) >= buffer_len // 8:
            self.flush()

    def add_file(self, path: str) -> None:
        """Adds a file as one text, which must be UTF-8.

        Raises:
            OSError: It cannot be read.
            FormatError: It is not UTF-8; the error says where.
        """
        self.flush()
        base = kept = 0
        # One block is filled while the other is counted: memory that is touched already.
        block, spare = bytearray(self._counts.buffer_len), bytearray()
        with open(path, "rb", buffering=0) as file:
            while True:
                read = file.readinto(memoryview(block)[kept:])
                if not read:
                    break
                kept += read
                if kept < len(block):
                    continue
                address = self._counts.address
                cut = _native.LIBRARY.pyaot_counts_cut(address, _address_of(block), kept)
                if cut:
                    self._start(_Buffer(block, array("Q", [cut]), path, base))
                    base += cut
                # A text without a place to cut is read in ever larger steps, so that looking for
                # one takes linear time. With a cut, what is in `spare` has been counted.
                size = len(block) if cut else 2 * len(block)
                following = spare if cut and len(spare) >= size else bytearray(size)
                kept -= cut
                following[:kept] = memoryview(block)[cut:]
                block, spare = following, block
        self._start(_Buffer(block, array("Q", [kept]), path, base))

    def flush(self) -> None:
        """Begins to count what was added."""
        if self._parts:
            ends = array("Q", accumulate(map(len, self._parts)))
            buffer = _Buffer(b"".join(self._parts), ends, None, 0)
            self._parts, self._len = [], 0
            self._start(buffer)

    def finish(self) -> int:
        """Counts the rest; returns how many bytes there were."""
        self.flush()
        self._wait()
        return self._done

    def stop(self) -> None:
        """Leaves nothing running."""
        if self._busy is not None:
            self._busy[0].stop()
            self._busy = None

    def _start(self, buffer: _Buffer) -> None:
        self._wait()
        address = self._counts.address

        def count() -> int:
            return _native.LIBRARY.pyaot_counts_add_texts(
                address,
                _address_of(buffer.content),
                buffer.ends.buffer_info()[0],
                len(buffer.ends),
                int(buffer.file is not None),
            )

        def cancel() -> None:
            _native.LIBRARY.pyaot_counts_cancel(address)

        call = Call(count, cancel)
        self._busy = (call, buffer)
        call.start()

    def _wait(self) -> None:
        if self._busy is None:
            return
        call, buffer = self._busy
        status = call.wait(lambda: self._tell(self._done))
        self._busy = None
        self._counts.check(status, file=buffer.file, base=buffer.base)
        self._done += buffer.ends[-1]
        self._tell(self._done)


def _address_of(content: Union[bytes, bytearray]) -> Union[bytes, int]:
    """What ctypes takes for a pointer to it; `content` must be kept, and its length."""
    if isinstance(content, bytes):
        return content
    return ctypes.addressof(ctypes.c_char.from_buffer(content))


class Learnt(NamedTuple):
    """A vocabulary as it was learnt."""

    tokens: List[bytes]
    """The bytes of each token, by id."""
    merges: List[Tuple[int, int, int]]
    """The ids of the left token, the right one, and what they become, in order."""


def learn(
    counts: CountsHandle,
    options: Mapping[TrainingOption, int],
    tell: Callable[[int], None],
    specials: Sequence[bytes] = (),
    initial: bytes = b"",
) -> Learnt:
    """Learns a vocabulary from gathered counts; `tell` is called with the number of merges.

    `options` are set in their order: the method before what belongs to it, as `specials` and the
    characters of the `initial` alphabet do. With `CONSUME_COUNTS` among them, `counts` may be left
    empty.

    Raises:
        InvalidValueError: An option, or the corpus, is out of range.
        MemoryError: Memory ran out.
    """
    library = _native.LIBRARY
    address = library.pyaot_training_create()
    if not address:
        raise MemoryError("no memory for a training")
    try:
        for option, value in options.items():
            library.pyaot_training_set(address, option.value, value)
        for special in specials:
            if library.pyaot_training_add_special(address, special, len(special)) != Status.OK:
                raise MemoryError("memory ran out")
        if library.pyaot_training_add_initial(address, initial, len(initial)) != Status.OK:
            raise MemoryError("memory ran out")
        call = Call(
            lambda: library.pyaot_training_run(address, counts.address),
            lambda: library.pyaot_training_cancel(address),
        )
        try:
            call.start()
            status = call.wait(lambda: tell(library.pyaot_training_progress(address)))
        finally:
            call.stop()
        if status == Status.OUT_OF_MEMORY:
            raise MemoryError("memory ran out")
        if status != Status.OK:
            message = library.pyaot_training_error(address, None)
            raise _native.error_of(status, message.decode("utf-8", "replace"), _abi.NO_OFFSET)
        return _learnt(address)
    finally:
        library.pyaot_training_destroy(address)


def _learnt(address: int) -> Learnt:
    library = _native.LIBRARY
    count = ctypes.c_size_t()
    ends = _words(library.pyaot_training_ends(address, ctypes.byref(count)), "Q", count)
    content = ctypes.string_at(library.pyaot_training_bytes(address) or 0, ends[-1] if ends else 0)
    tokens = [content[start:end] for start, end in zip([0, *ends], ends)]
    triples = library.pyaot_training_merges(address, ctypes.byref(count))
    ids = _words(triples, "I", ctypes.c_size_t(3 * count.value))
    return Learnt(tokens, list(zip(ids[0::3], ids[1::3], ids[2::3])))


def _words(address: Optional[int], kind: str, count: ctypes.c_size_t) -> Sequence[int]:
    items = array(kind)
    items.frombytes(ctypes.string_at(address or 0, items.itemsize * count.value))
    return items


class Clock:
    """Says when enough time has gone by."""

    def __init__(self, seconds: float) -> None:
        """The first time is at once."""
        self._seconds = seconds
        self._next = 0.0

    def is_due(self) -> bool:
        """Whether so many seconds went by since it last was."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self._seconds
        return True
