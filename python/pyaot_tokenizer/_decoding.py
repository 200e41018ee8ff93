"""Decoding: from ids to text."""

from __future__ import annotations

from typing import Any, Callable, Iterable, List

from . import _bridge, _native
from ._arguments import is_stream, to_ids, type_name
from ._state import State
from .errors import InvalidTypeError

_BRIDGE = _bridge.BRIDGE


class Decoder(State):
    """The calls that decode."""

    __slots__ = ()

    def decode(
        self,
        ids: Iterable[int],
        *,
        errors: str = "replace",
        skip_special_tokens: bool = False,
    ) -> str:
        """The text of ids.

        Args:
            ids: The ids: any iterable of ints, an ``array`` or a NumPy array.
            errors: What becomes of bytes that are not UTF-8, which an id sequence cut out of a
                longer one may have at its ends: a handler of ``bytes.decode``.
            skip_special_tokens: Leave special tokens out.

        Raises:
            InvalidTypeError: `ids` is no iterable of ints.
            UnknownIdError: No token has one of the ids.
            UnicodeDecodeError: The bytes are not UTF-8 and `errors` is ``"strict"``.
            LookupError: There is no handler called `errors`.
            MemoryError: Memory ran out.
        """
        data = self._decoded(_native.LIBRARY.pyaot_decode_text, ids, skip_special_tokens)
        return data.decode("utf-8", errors)

    def decode_bytes(self, ids: Iterable[int], *, skip_special_tokens: bool = False) -> bytes:
        """The bytes of ids, those that were encoded; arguments and errors as for `decode`."""
        return self._decoded(_native.LIBRARY.pyaot_decode, ids, skip_special_tokens)

    def _decoded(
        self,
        function: Callable[[Any, int, int, bool], int],
        ids: Iterable[int],
        skip_special_tokens: bool,
    ) -> bytes:
        data = to_ids(ids)
        context = self._pool.take()
        try:
            length = function(
                context.address, data.buffer_info()[0], len(data), bool(skip_special_tokens)
            )
            if length < 0:
                raise context.error(length)
            return context.bytes(length)
        finally:
            self._pool.give_back(context, len(data))

    def decode_batch(
        self,
        batch: Iterable[Iterable[int]],
        *,
        errors: str = "replace",
        skip_special_tokens: bool = False,
    ) -> List[str]:
        """The text of each of many sequences of ids; else as `decode`."""
        if not isinstance(batch, Iterable):
            raise InvalidTypeError(f"an iterable of id sequences is needed, not {type_name(batch)}")
        if _BRIDGE is not None and is_stream(batch):
            return self.decode_batch(
                list(batch), errors=errors, skip_special_tokens=skip_special_tokens
            )
        return [
            self.decode(ids, errors=errors, skip_special_tokens=skip_special_tokens)
            for ids in batch
        ]
