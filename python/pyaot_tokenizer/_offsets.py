"""Where ids stand in their text."""

from __future__ import annotations

from array import array
from typing import (
    TYPE_CHECKING,
    Any,
    Dict,
    Iterator,
    List,
    Optional,
    Sequence,
    Tuple,
    Union,
    overload,
)

from . import _native
from ._abi import Unit
from .errors import InvalidValueError

if TYPE_CHECKING:
    import numpy

_UNITS: Dict[str, int] = {"byte": Unit.BYTE.value, "char": Unit.CHARACTER.value}


class Offsets(Sequence[Tuple[int, int]]):
    """The start and the end of each id in its text: a sequence of pairs, kept as a flat array."""

    __slots__ = ("_data", "_flat")

    def __init__(self, data: bytearray) -> None:
        """Takes starts and ends by turns, as unsigned ints of 64 bits."""
        self._data = data
        self._flat: Optional[array[int]] = None

    @property
    def flat(self) -> array[int]:
        """Starts and ends by turns, an ``array`` of unsigned ints of 64 bits."""
        # Made when it is asked for: the copy costs a good part of what finding the places does.
        if self._flat is None:
            self._flat = array("Q", self._data)
        return self._flat

    def __len__(self) -> int:
        return len(self._data) // 16

    @overload
    def __getitem__(self, index: int) -> Tuple[int, int]: ...

    @overload
    def __getitem__(self, index: slice) -> List[Tuple[int, int]]: ...

    def __getitem__(
        self, index: Union[int, slice]
    ) -> Union[Tuple[int, int], List[Tuple[int, int]]]:
        if isinstance(index, slice):
            return list(zip(self.flat[::2][index], self.flat[1::2][index]))
        place = range(len(self))[index]
        return self.flat[2 * place], self.flat[2 * place + 1]

    def __iter__(self) -> Iterator[Tuple[int, int]]:
        numbers = iter(self.flat)
        return zip(numbers, numbers)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Offsets):
            return self._data == other._data
        if isinstance(other, (list, tuple)):
            return list(self) == list(other)
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Offsets({list(self)!r})"

    def to_numpy(self) -> numpy.ndarray[Any, numpy.dtype[numpy.uint64]]:
        """As a NumPy array of shape (number of ids, 2), which shares the memory."""
        import numpy  # noqa: PLC0415 (an optional extra)

        pairs: numpy.ndarray[Any, numpy.dtype[numpy.uint64]]
        pairs = numpy.frombuffer(self._data, numpy.uint64).reshape(-1, 2)
        return pairs


def check_unit(unit: str) -> int:
    """The library's name of a unit."""
    try:
        return _UNITS[unit]
    except (KeyError, TypeError):
        raise InvalidValueError(f'unit must be "char" or "byte", not {unit!r}') from None


def encode(
    pool: _native.ContextPool, data: bytes, mode: int, unit: int
) -> Tuple[List[int], bytearray]:
    """The ids of a text and where they stand, starts and ends by turns."""
    context = pool.take()
    try:
        count = _native.LIBRARY.pyaot_encode_with_offsets(
            context.address, data, len(data), mode, unit
        )
        if count < 0:
            raise context.error(count)
        return context.ids(count), bytearray(context.end_view(2 * count))
    finally:
        pool.give_back(context, len(data))


def find(
    pool: _native.ContextPool, data: bytes, mode: int, ids: Sequence[int], unit: int
) -> List[int]:
    """The starts and ends by turns of ids that a text was encoded to before."""
    items = array("I", ids)
    context = pool.take()
    try:
        status = _native.LIBRARY.pyaot_offsets(
            context.address, data, len(data), mode, items.buffer_info()[0], len(items), unit
        )
        if status < 0:
            raise context.error(status)
        return context.end_view(2 * len(items)).tolist()
    finally:
        pool.give_back(context, len(data))


def find_words(pool: _native.ContextPool, data: bytes, mode: int, ids: Sequence[int]) -> List[int]:
    """The index of the word that each of such ids is in."""
    items = array("I", ids)
    context = pool.take()
    try:
        status = _native.LIBRARY.pyaot_words(
            context.address, data, len(data), mode, items.buffer_info()[0], len(items)
        )
        if status < 0:
            raise context.error(status)
        return context.ids(len(items))
    finally:
        pool.give_back(context, len(data))


def find_matches(
    pool: _native.ContextPool, data: bytes, mode: int, ids: Sequence[int]
) -> List[Tuple[int, str]]:
    """The index of each added token among such ids, and the text that it was matched as."""
    items = array("I", ids)
    context = pool.take()
    try:
        count = _native.LIBRARY.pyaot_matches(
            context.address, data, len(data), mode, items.buffer_info()[0], len(items)
        )
        if count < 0:
            raise context.error(count)
        found = context.end_view(2 * count).tolist()
        ends = found[1::2]
        matched = context.bytes(ends[-1] if ends else 0)
        return [
            (index, matched[start:end].decode())
            for index, start, end in zip(found[::2], [0, *ends], ends)
        ]
    finally:
        pool.give_back(context, len(data))
