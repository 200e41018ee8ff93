"""Texts in parts: streams of text and of ids, texts cut to a number of ids, texts that grow."""

from __future__ import annotations

from bisect import bisect_right
from typing import Iterable, List, NamedTuple, Optional, Union

from . import _native
from ._abi import Property
from ._arguments import SpecialTokens, Text, check_mode, to_bytes, to_ids, type_name
from ._decoding import Decoder
from ._encoding import Encoder
from ._offsets import Offsets
from .errors import InvalidTypeError, InvalidValueError, UnsupportedError

# Up to this length it is tried again after each piece of text whether some of it is stable.
_TRIED_ALWAYS = 256

_WHITE = b" \t\r\n"


class Truncated(NamedTuple):
    """The beginning of a text."""

    ids: List[int]
    """The first ids of the text."""
    text: Union[str, bytes]
    """The whole characters that these ids have."""


class Parts(Encoder, Decoder):
    """The calls for texts in parts."""

    __slots__ = ()

    def stable_length(self, text: Text) -> int:
        """How much of a text has ids that nothing behind it can change.

        Let ``n`` be the result: then for any ``more``, the ids of ``text + more`` are those of
        ``text[:n]`` and those of ``text[n:] + more``. It is found near the end of the text, behind
        a word; it is 0 where none is found, and for tokenizers that look at a text as a whole:
        with another normalizer than NFC, a compiled pattern, a prefix only at the front (Llama 2),
        added tokens that may span words, or a `dropout`.

        Args:
            text: As for `encode`.

        Returns:
            A number of characters of a str, of bytes otherwise.

        Raises:
            InvalidTypeError: `text` is neither str nor bytes.
        """
        data = to_bytes(text)
        length = self._stable_length(data)
        return len(data[:length].decode("utf-8", "replace")) if isinstance(text, str) else length

    def _stable_length(self, data: bytes) -> int:
        return _native.LIBRARY.pyaot_tokenizer_stable_length(self._handle.address, data, len(data))

    def append(
        self,
        ids: List[int],
        text: Text,
        more: Text,
        *,
        special_tokens: SpecialTokens = "parse",
    ) -> List[int]:
        """The ids of ``text + more``, of which those of `text` are known.

        Only what lies behind `stable_length` is encoded, which is a word or two; with a `dropout`,
        all.

        Args:
            ids: The ids of `text`.
            text: A text.
            more: What comes behind it, of the same type.
            special_tokens: As for `encode`, for both.

        Returns:
            A new list.

        Raises:
            InvalidValueError: `ids` are fewer than the end of `text` has.
            InvalidTypeError, SpecialTokenError, MemoryError: As for `encode`.
        """
        data = to_bytes(text)
        if self.dropout is not None:
            # Nothing tells which of the ids would be those of a part.
            return self.encode(data + to_bytes(more), special_tokens=special_tokens)
        tail = data[self._stable_length(data) :]
        count = len(ids) - self.count(tail, special_tokens=special_tokens)
        if count < 0:
            raise InvalidValueError("the ids are not those of the text")
        return ids[:count] + self.encode(tail + to_bytes(more), special_tokens=special_tokens)

    def truncate_to(
        self, text: Text, max_tokens: int, *, special_tokens: SpecialTokens = "parse"
    ) -> Truncated:
        """The first ids of a text, without encoding all the rest.

        Args:
            text: As for `encode`.
            max_tokens: How many ids to give at most.
            special_tokens: As for `encode`.

        Returns:
            ``ids``, which are ``encode(text)[:max_tokens]``; ``text``, the characters of the text
            that they have, of its type. By itself, that may have other ids.

        Raises:
            InvalidTypeError, InvalidValueError, SpecialTokenError, MemoryError: As for `encode`;
                `max_tokens` is no int or negative.
        """
        _check_count(max_tokens, "max_tokens", 0)
        data = to_bytes(text)
        if self.dropout is not None:
            # Encoded once more, it would have other ids.
            ids, places = self.encode_with_offsets(data, special_tokens=special_tokens, unit="byte")
            return _truncated(text, data, ids, places, max_tokens)
        stream = StreamEncoder(self, special_tokens=special_tokens)
        ids = []
        at, block = 0, 64 + 8 * max_tokens
        while at < len(data) and len(ids) <= max_tokens:
            ids += stream.feed(data[at : at + block])
            at += block
            block *= 2
        known = data[: stream.done]
        if len(ids) <= max_tokens:
            ids += stream.flush()
            known = data
        offsets: Optional[Offsets] = None
        if len(ids) > max_tokens:
            _, offsets = self.encode_with_offsets(known, special_tokens=special_tokens, unit="byte")
        return _truncated(text, data, ids, offsets, max_tokens)

    def chunks(
        self,
        text: Text,
        max_tokens: int,
        *,
        overlap: int = 0,
        special_tokens: SpecialTokens = "parse",
    ) -> List[Union[str, bytes]]:
        """Cuts a text into parts of at most `max_tokens` ids each.

        Each part, encoded by itself, has at most that many ids, which is checked for each.
        Without `overlap`, the parts joined are the text; its ids need not be theirs joined. Cuts
        are made between characters, where possible before white space.

        Args:
            text: As for `encode`.
            max_tokens: How many ids a part has at most.
            overlap: How many ids at the end of a part the next one has again, about.
            special_tokens: As for `encode`.

        Returns:
            The parts, each of the type of the text; none of an empty text.

        Raises:
            InvalidValueError: `max_tokens` is less than 1, or than a single character has ids;
                `overlap` is not less than `max_tokens`.
            UnsupportedError: The tokenizer has a `dropout`, so that a part has another number of
                ids each time.
            InvalidTypeError, SpecialTokenError, MemoryError: As for `encode`.
        """
        _check_count(max_tokens, "max_tokens", 1)
        _check_count(overlap, "overlap", 0)
        if overlap >= max_tokens:
            raise InvalidValueError("overlap must be less than max_tokens")
        if self.dropout is not None:
            raise UnsupportedError("chunks cannot be counted with a dropout", key="model.dropout")
        data = to_bytes(text)
        cutter = _Cutter(self, data, max_tokens, special_tokens)
        parts = [data[start:end] for start, end in cutter.cut(overlap)]
        if isinstance(text, str):
            return [part.decode() for part in parts]
        return list(parts)

    def stream_encoder(self, *, special_tokens: SpecialTokens = "parse") -> StreamEncoder:
        """Encodes a text that comes in parts."""
        return StreamEncoder(self, special_tokens=special_tokens)

    def stream_decoder(self, *, skip_special_tokens: bool = False) -> StreamDecoder:
        """Decodes ids that come in parts."""
        return StreamDecoder(self, skip_special_tokens=skip_special_tokens)


class StreamEncoder:
    """Encodes a text that comes in parts: all ids joined are those of the whole text.

    Ids are given once nothing that may come can change them; see `Tokenizer.stable_length`, also
    for the tokenizers that give all at the end. For one thread at a time.

    Example:
        >>> stream = tok.stream_encoder()                           # doctest: +SKIP
        >>> ids = stream.feed("Hello wor") + stream.feed("ld") + stream.flush()  # doctest: +SKIP
    """

    __slots__ = ("_pending", "_special_tokens", "_tokenizer", "_tried", "done")

    def __init__(self, tokenizer: Parts, *, special_tokens: SpecialTokens = "parse") -> None:
        """Begins a text; `special_tokens` as for `Tokenizer.encode`."""
        check_mode(special_tokens)
        self._tokenizer = tokenizer
        self._special_tokens: SpecialTokens = special_tokens
        self._pending = b""
        self._tried = 0
        self.done = 0
        """How many bytes of the text the ids given so far have."""

    def feed(self, text: Text) -> List[int]:
        """Takes the next part of the text, and gives the ids that are settled.

        Raises:
            InvalidTypeError, SpecialTokenError, MemoryError: As for `Tokenizer.encode`.
        """
        pending = self._pending + to_bytes(text)
        self._pending = pending
        # Where none is found, all was looked at: not to be done again for each character.
        if len(pending) > _TRIED_ALWAYS and len(pending) < self._tried + self._tried // 4:
            return []
        length = self._tokenizer._stable_length(pending)
        if length == 0:
            self._tried = len(pending)
            return []
        return self._take(length)

    def flush(self) -> List[int]:
        """Ends the text, and gives the rest of its ids; then another may begin."""
        ids = self._take(len(self._pending))
        self.done = 0
        return ids

    def _take(self, length: int) -> List[int]:
        pending = self._pending
        ids = self._tokenizer.encode(pending[:length], special_tokens=self._special_tokens)
        self._pending = pending[length:]
        self._tried = 0
        self.done += length
        return ids


class StreamDecoder:
    """Decodes ids that come in parts: all text joined is that of all ids.

    Text is given once its characters are whole and nothing that may come can change it. For one
    thread at a time.
    """

    __slots__ = (
        "_has_bytes",
        "_is_sentencepiece",
        "_pending",
        "_probe",
        "_skipped",
        "_skips",
        "_strip",
        "_strip_max",
        "_tokenizer",
        "_waits",
    )

    def __init__(self, tokenizer: Parts, *, skip_special_tokens: bool = False) -> None:
        """Begins a text; `skip_special_tokens` as for `Tokenizer.decode`."""
        self._tokenizer = tokenizer
        added = tokenizer.added_tokens.values()
        self._skips = skip_special_tokens
        self._skipped = {token.id for token in added if token.special and skip_special_tokens}
        # There what is left out ends a run of bytes, and what is stripped depends on tokens.
        self._is_sentencepiece = tokenizer.format == "sentencepiece"
        self._has_bytes = tokenizer._property(Property.BYTE_TOKEN_COUNT) > 0
        self._strip_max = tokenizer._property(Property.STRIP_SPACES)
        # A token in front keeps the spaces behind it from being stripped.
        self._probe = tokenizer.token_to_id("a")
        is_joined = tokenizer._property(Property.JOINS_TOKENS) > 0
        self._waits = not is_joined or (self._strip_max > 0 and self._probe is None)
        self._waits = self._waits or (self._is_sentencepiece and self._strip_max > 1)
        self._pending: List[int] = []
        self._strip = self._strip_max

    def feed(self, ids: Iterable[int]) -> str:
        """Takes the next ids, and gives the text that is settled.

        Raises:
            InvalidTypeError, UnknownIdError, MemoryError: As for `Tokenizer.decode`; the ids are
                not taken then.
        """
        more = to_ids(ids).tolist()
        # The error for an unknown one.
        self._tokenizer.decode_bytes(more)
        self._pending += [token_id for token_id in more if token_id not in self._skipped]
        if self._waits:
            return ""
        count = len(self._pending)
        while count > 0 and not self._is_settled(count):
            count -= 1
        return self._take(count)

    def flush(self) -> str:
        """Ends the text, and gives the rest of it; then another may begin."""
        if self._waits:
            text = self._decode(self._pending)
            self._pending = []
        else:
            text = self._take(len(self._pending))
        self._strip = self._strip_max
        return text

    def _decode(self, ids: List[int]) -> str:
        return self._tokenizer.decode(ids, skip_special_tokens=self._skips)

    def _is_settled(self, count: int) -> bool:
        """Whether the text of so many ids does not depend on those behind."""
        if self._has_bytes and self._is_byte(count - 1):
            # A run of bytes is text only if all of it is.
            return count < len(self._pending) and not self._is_byte(count)
        tail = b""
        index = count
        while index > 0 and len(tail) < 4:
            index -= 1
            tail = (self._tokenizer.id_to_token(self._pending[index]) or b"") + tail
        return not _ends_inside(tail)

    def _is_byte(self, index: int) -> bool:
        """Whether a token may be a byte that a character fell back to."""
        return len(self._tokenizer.id_to_token(self._pending[index]) or b"") == 1

    def _take(self, count: int) -> str:
        ids, self._pending = self._pending[:count], self._pending[count:]
        if not ids:
            return ""
        if self._strip_max == 0 or self._probe is None:
            return self._decode(ids)
        text = self._decode([self._probe, *ids])[1:]
        if self._is_sentencepiece:
            if self._strip == 0 or not text:
                return text
            # The first tokens that have a text.
            self._strip = 0
            return self._decode(ids)
        while self._strip > 0 and text:
            if not text.startswith(" "):
                self._strip = 0
                break
            text = text[1:]
            self._strip -= 1
        return text


def _ends_inside(data: bytes) -> bool:
    """Whether bytes end with the beginning of a character."""
    for length in range(1, min(4, len(data) + 1)):
        byte = data[-length]
        if byte < 0x80:
            return False
        if byte >= 0xC0:
            try:
                data[-length:].decode()
            except UnicodeDecodeError as error:
                return error.reason == "unexpected end of data"
            return False
    return False


class _Cutter:
    """Cuts one text into parts."""

    def __init__(
        self, tokenizer: Parts, data: bytes, max_tokens: int, special_tokens: SpecialTokens
    ) -> None:
        self._tokenizer = tokenizer
        self._data = data
        self._max_tokens = max_tokens
        self._special_tokens: SpecialTokens = special_tokens
        _, offsets = tokenizer.encode_with_offsets(data, special_tokens=special_tokens, unit="byte")
        # Where tokens begin, between characters.
        self._starts: List[int] = []
        for start in offsets.flat[::2]:
            is_new = start > self._starts[-1] if self._starts else start > 0
            if is_new and data[start] & 0xC0 != 0x80:
                self._starts.append(start)
        self._starts.append(len(data))

    def cut(self, overlap: int) -> Iterable[tuple[int, int]]:
        start = end = 0
        while end < len(self._data):
            last = end
            if overlap:
                start = self._back(start, end, overlap)
            end = self._end(start)
            if end <= last:
                start = last
                end = self._end(start)
            yield start, end
            if not overlap:
                start = end

    def _back(self, start: int, end: int, overlap: int) -> int:
        """Where the part behind `end` begins, some tokens before it."""
        index = bisect_right(self._starts, end) - 1 - overlap
        return self._starts[index] if index >= 0 and self._starts[index] > start else end

    def _fits(self, start: int, end: int) -> bool:
        part = self._data[start:end]
        count = self._tokenizer.count(part, special_tokens=self._special_tokens)
        return count <= self._max_tokens

    def _end(self, start: int) -> int:
        """Where the part that begins at `start` ends."""
        first = bisect_right(self._starts, start)
        last = min(first + self._max_tokens, len(self._starts)) - 1
        step = 1
        while last >= first:
            index = self._word_end(first, last)
            if self._fits(start, self._starts[index]):
                return self._starts[index]
            last = index - step
            step *= 2
        return self._character_end(start)

    def _word_end(self, first: int, last: int) -> int:
        """The last place before white space, in the second half of the places."""
        if self._starts[last] == len(self._data):
            return last
        for index in range(last, (first + last) // 2, -1):
            if self._data[self._starts[index]] in _WHITE:
                return index
        return last

    def _character_end(self, start: int) -> int:
        """The most characters that fit, fewer than the first token has."""
        best, end = start, start
        while end < len(self._data):
            end += 1
            while end < len(self._data) and self._data[end] & 0xC0 == 0x80:
                end += 1
            if not self._fits(start, end):
                break
            best = end
        if best == start:
            raise InvalidValueError(
                f"max_tokens is {self._max_tokens}, fewer than the ids of the character at byte "
                f"{start}",
                offset=start,
            )
        return best


def _truncated(
    text: Text, data: bytes, ids: List[int], offsets: Optional[Offsets], max_tokens: int
) -> Truncated:
    """The first ids of a text, and the characters that they have by the places of these in `data`.

    `offsets` may be None where no id is left out.
    """
    if len(ids) <= max_tokens or offsets is None:
        return Truncated(ids, text if isinstance(text, (str, bytes)) else data)
    end = offsets[max_tokens - 1][1] if max_tokens else 0
    while end > 0 and end < len(data) and data[end] & 0xC0 == 0x80:
        end -= 1
    part: Union[str, bytes] = data[:end]
    if isinstance(text, str):
        part = data[:end].decode()
    return Truncated(ids[:max_tokens], part)


def _check_count(value: int, name: str, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidTypeError(f"{name} must be an int, not {type_name(value)}")
    if value < least:
        raise InvalidValueError(f"{name} must be at least {least}, not {value}")
