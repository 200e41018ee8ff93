"""Encoding: from texts and files of text to ids in lists, arrays and files."""

from __future__ import annotations

import os
from array import array
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Iterable, List, Literal, Optional, Tuple

from . import _bridge, _files, _native, _offsets
from ._abi import Unit
from ._arguments import (
    TEXT_MODE,
    Path,
    SpecialTokens,
    Text,
    check_id,
    check_mode,
    check_path,
    check_seed,
    check_threads,
    is_stream,
    to_bytes,
    to_parts,
    type_name,
    writable_ids,
    write_ids,
)
from ._state import State
from .errors import InvalidTypeError, InvalidValueError

if TYPE_CHECKING:
    import numpy

_BRIDGE = _bridge.BRIDGE


class Encoder(State):
    """The calls that encode."""

    __slots__ = ()

    def encode(
        self,
        text: Text,
        *,
        special_tokens: SpecialTokens = "parse",
        num_threads: Optional[int] = 1,
    ) -> List[int]:
        """The ids of a text.

        Args:
            text: A str, or UTF-8 as bytes. Lone surrogates of a str count as U+FFFD, as in
                tiktoken; ill-formed bytes are cut into pieces as U+FFFD and encoded as they are, so
                that `decode_bytes` gives them back.
            special_tokens: What text that spells a special token becomes: ``"parse"``, the token's
                id; ``"text"``, ordinary text; ``"refuse"``, an error.
            num_threads: How many threads may work at a text of half a megabyte or more; None: as
                many as there are cores. The ids do not depend on it.

        Returns:
            A new list of ints.

        Raises:
            InvalidTypeError: `text` is neither a str nor bytes.
            InvalidValueError: `special_tokens` is none of the three.
            SpecialTokenError: The text has a special token and `special_tokens` is ``"refuse"``.
            MemoryError: Memory ran out; the tokenizer stays usable.
        """
        return self._encode(text, check_mode(special_tokens), check_threads(num_threads))

    def encode_ordinary(self, text: Text) -> List[int]:
        """The ids of a text in which special tokens are ordinary text; else as `encode`."""
        return self._encode(text, TEXT_MODE, 1)

    def encode_with_dropout(
        self,
        text: Text,
        dropout: float,
        *,
        seed: int,
        special_tokens: SpecialTokens = "parse",
    ) -> List[int]:
        """The ids of a text with some merges left out by chance (BPE-dropout), for training.

        As the ``dropout`` of tokenizers' BPE: a merge that is due is put aside with this
        probability until another one in its word is done. Nothing is cached, so that it takes
        several times as long as `encode`. The same arguments give the same ids, which are as
        frequent as tokenizers' own and no stream of numbers that it has. Where encoding without a
        dropout needs some merges alone (of ranks; of a list with several for one token), the first
        call loads the tokenizer once more, with all.

        A file that has a ``dropout`` itself is loaded with it, and `encode` leaves merges out; see
        `Tokenizer.dropout`. This goes by its own argument even then.

        Args:
            text: As for `encode`.
            dropout: From 0, where no merge is left out, to 1, where all are.
            seed: From 0 to 2**64 - 1; another one for each epoch.
            special_tokens: As for `encode`.

        Raises:
            InvalidTypeError: `dropout` or `seed` is no number.
            InvalidValueError: One of them is outside its range.
            UnsupportedError: It is of a SentencePiece model, or was loaded from a frozen file which
                lacks merges that only a dropout leads to.
            InvalidTypeError, InvalidValueError, SpecialTokenError, MemoryError: As for `encode`.
        """
        mode = check_mode(special_tokens)
        if isinstance(dropout, bool) or not isinstance(dropout, (int, float)):
            raise InvalidTypeError(f"a dropout as float is needed, not {type_name(dropout)}")
        if not 0 <= dropout <= 1:
            raise InvalidValueError(f"dropout must be from 0 to 1, not {dropout}")
        check_seed(seed)
        data = to_bytes(text)
        pool = self._with_all_merges()._pool
        context = pool.take()
        try:
            count = _native.LIBRARY.pyaot_encode_with_dropout(
                context.address, data, len(data), mode, round(dropout * (1 << 32)), seed
            )
            if count < 0:
                raise context.error(count)
            return context.ids(count)
        finally:
            pool.give_back(context, len(data))

    def encode_batch(
        self,
        texts: Iterable[Text],
        *,
        num_threads: Optional[int] = None,
        special_tokens: SpecialTokens = "parse",
    ) -> List[List[int]]:
        """The ids of many texts, encoded on several threads.

        Args:
            texts: The texts, each as for `encode`.
            num_threads: How many threads may work at most; None: as many as there are cores. The
                ids do not depend on it.
            special_tokens: As for `encode`.

        Returns:
            A new list of ids for each text, in order.

        Raises:
            InvalidTypeError: `texts` is a single text or no iterable, or one of the texts is
                neither str nor bytes.
            InvalidValueError: `num_threads` is less than 1, or `special_tokens` is none of the
                three.
            SpecialTokenError: As for `encode`; the message says which text.
            MemoryError: Memory ran out.
        """
        if _BRIDGE is not None and is_stream(texts):
            return self.encode_batch(
                list(texts), num_threads=num_threads, special_tokens=special_tokens
            )
        context, parts, _ = self._encode_parts(texts, num_threads, special_tokens)
        try:
            return context.rows(len(parts))
        finally:
            self._pool.give_back(context, sum(map(len, parts)))

    def encode_into(
        self,
        text: Text,
        buffer: bytearray | memoryview | array[int] | numpy.ndarray[Any, Any],
        *,
        special_tokens: SpecialTokens = "parse",
    ) -> int:
        """Writes the ids of a text to the front of an array, and returns how many they are.

        Args:
            text: As for `encode`.
            buffer: A writable C-contiguous array of uint32 or uint16: an ``array`` of ``"I"`` or
                ``"H"``, a NumPy array, a ``memoryview`` cast to one of these.
            special_tokens: As for `encode`.

        Raises:
            InvalidTypeError: `buffer` is not such an array.
            InvalidValueError: There are more ids than `buffer` has room for, or one that does not
                fit into 16 bits; then nothing is written.
            InvalidTypeError, InvalidValueError, SpecialTokenError, MemoryError: As for `encode`.
        """
        mode = check_mode(special_tokens)
        target = writable_ids(buffer)
        data = to_bytes(text)
        context = self._pool.take()
        try:
            count = _native.LIBRARY.pyaot_encode(context.address, data, len(data), mode)
            if count < 0:
                raise context.error(count)
            write_ids(target, context.id_view(count))
            return count
        finally:
            self._pool.give_back(context, len(data))

    def encode_to_numpy(
        self,
        text: Text,
        *,
        special_tokens: SpecialTokens = "parse",
        num_threads: Optional[int] = 1,
    ) -> numpy.ndarray[Any, numpy.dtype[numpy.uint32]]:
        """As `encode`, as a new NumPy array of uint32, shape (number of ids,); no int is made.

        Raises:
            ModuleNotFoundError: NumPy is not installed.
            InvalidTypeError, InvalidValueError, SpecialTokenError, MemoryError: As for `encode`.
        """
        import numpy  # noqa: PLC0415 (an optional extra)

        if _BRIDGE is not None:
            _BRIDGE.attach_numpy(numpy)
        data = self._encode_array(text, special_tokens=special_tokens, num_threads=num_threads)
        ids: numpy.ndarray[Any, numpy.dtype[numpy.uint32]]
        ids = numpy.ndarray(len(data) >> 2, numpy.uint32, data)
        return ids

    def encode_batch_to_numpy(
        self,
        texts: Iterable[Text],
        *,
        num_threads: Optional[int] = None,
        special_tokens: SpecialTokens = "parse",
    ) -> Tuple[
        numpy.ndarray[Any, numpy.dtype[numpy.uint32]],
        numpy.ndarray[Any, numpy.dtype[numpy.uint64]],
    ]:
        """As `encode_batch`, flat: the ids of all texts, and where those of each text end.

        Returns:
            ``ids``, uint32, shape (ids of all texts,); ``ends``, uint64, shape (number of texts,).
            The ids of text ``i`` are ``ids[ends[i - 1]:ends[i]]``, those of text 0
            ``ids[:ends[0]]``.

        Raises:
            ModuleNotFoundError: NumPy is not installed.
            InvalidTypeError, InvalidValueError, SpecialTokenError, MemoryError: As for
                `encode_batch`.
        """
        import numpy  # noqa: PLC0415 (an optional extra)

        if _BRIDGE is not None and is_stream(texts):
            texts = list(texts)
        ids, ends = self._encode_batch_arrays(
            texts, num_threads=num_threads, special_tokens=special_tokens
        )
        return (
            numpy.ndarray(len(ids) >> 2, numpy.uint32, ids),
            numpy.ndarray(len(ends) >> 3, numpy.uint64, ends),
        )

    def _encode_array(
        self,
        text: Text,
        *,
        special_tokens: SpecialTokens = "parse",
        num_threads: Optional[int] = 1,
    ) -> bytearray:
        """The ids of a text as an array of uint32 in memory of its own."""
        mode = check_mode(special_tokens)
        thread_count = check_threads(num_threads)
        data = to_bytes(text)
        context = self._pool.take()
        try:
            count = _native.LIBRARY.pyaot_encode_long(
                context.address, data, len(data), mode, thread_count
            )
            if count < 0:
                raise context.error(count)
            return bytearray(context.id_view(count))
        finally:
            self._pool.give_back(context, len(data))

    def _encode_batch_arrays(
        self,
        texts: Iterable[Text],
        *,
        num_threads: Optional[int] = None,
        special_tokens: SpecialTokens = "parse",
    ) -> Tuple[bytearray, bytearray]:
        """The ids of all texts, uint32, and where those of each end, uint64."""
        context, parts, count = self._encode_parts(texts, num_threads, special_tokens)
        try:
            return bytearray(context.id_view(count)), bytearray(context.end_view(len(parts)))
        finally:
            self._pool.give_back(context, sum(map(len, parts)))

    def encode_file(
        self,
        path: Path,
        out_path: Path,
        *,
        dtype: Optional[Literal["uint16", "uint32"]] = None,
        num_threads: Optional[int] = None,
        special_tokens: SpecialTokens = "parse",
    ) -> int:
        """Encodes a file of text into a file of ids, and returns how many ids there are.

        As `encode_files` with one file.
        """
        return self.encode_files(
            [path],
            out_path,
            dtype=dtype,
            num_threads=num_threads,
            special_tokens=special_tokens,
        )[0]

    def encode_files(
        self,
        paths: Iterable[Path],
        out_path: Path,
        *,
        dtype: Optional[Literal["uint16", "uint32"]] = None,
        separator: Optional[int] = None,
        num_threads: Optional[int] = None,
        special_tokens: SpecialTokens = "parse",
    ) -> List[int]:
        """Encodes files of text into one file of ids, without passing them through Python.

        The file appears when it is complete; until then there is a temporary one beside it. A file
        to read is mapped, and must not be changed meanwhile; its bytes count as in `encode`. The
        ids of 16 MB of text are in memory at once.

        Args:
            paths: The files to read, as UTF-8.
            out_path: The file to write: nothing but the ids, in little-endian order.
            dtype: Of the ids; None: uint16 if all ids of the vocabulary fit, else uint32.
            separator: An id to write behind the ids of each file.
            num_threads: As for `encode_batch`.
            special_tokens: As for `encode`.

        Returns:
            Where the ids of each file end, its separator included, counted in ids.

        Raises:
            InvalidTypeError: An argument is of the wrong type.
            InvalidValueError: An id does not fit into `dtype`, `separator` is no id, or an argument
                is outside its range.
            FileMissingError, FileReadError: A file cannot be read.
            FileWriteError: `out_path` cannot be written.
            SpecialTokenError, MemoryError: As for `encode`.
        """
        mode = check_mode(special_tokens)
        thread_count = check_threads(num_threads)
        if isinstance(paths, (str, bytes, os.PathLike)) or not isinstance(paths, Iterable):
            raise InvalidTypeError(f"an iterable of paths is needed, not {type_name(paths)}")
        sources = [check_path(path) for path in paths]
        id_size = self._id_size(dtype)
        ending = b""
        if separator is not None:
            check_id(separator, "the separator")
            if self.id_to_token(separator) is None or separator >> (8 * id_size):
                raise InvalidValueError(f"the separator {separator} has no token of this dtype")
            ending = separator.to_bytes(id_size, "little")
        ends: List[int] = []
        target = check_path(out_path)
        context = self._pool.take()
        job = _files.Job(context, mode, thread_count, id_size)
        with _files.replacing(target) as out:
            for source in sources:
                count = _files.encode(job, source, out)
                if ending:
                    out.write(ending)
                ends.append((ends[-1] if ends else 0) + count + bool(ending))
        self._pool.give_back(context, 0)
        return ends

    def _id_size(self, dtype: object) -> int:
        if dtype is None:
            return 2 if self.vocab_size <= 1 << 16 else 4
        if dtype in ("uint16", "uint32"):
            return 2 if dtype == "uint16" else 4
        raise InvalidValueError(f'dtype must be "uint16", "uint32" or None, not {dtype!r}')

    def encode_with_offsets(
        self,
        text: Text,
        *,
        special_tokens: SpecialTokens = "parse",
        unit: Literal["char", "byte"] = "char",
    ) -> Tuple[List[int], _offsets.Offsets]:
        """The ids of a text, as `encode` gives them, and where each begins and ends in it.

        Places are those of the text that was given, whatever a normalizer made of it. A token that
        a prefix space or the like was put in front of does not count it; a token of such a space
        alone stands for the first character.

        Args:
            text: As for `encode`.
            special_tokens: As for `encode`.
            unit: ``"char"``: places in a str, and in bytes as if decoded; a token that has a part
                of a character has the whole. ``"byte"``: places in the text as UTF-8, exact.

        Returns:
            The ids, and a sequence of as many pairs of start and end.

        Raises:
            InvalidTypeError, InvalidValueError, SpecialTokenError, MemoryError: As for `encode`;
                `unit` is none of the two.
        """
        ids, flat = self._encode_spans(text, special_tokens=special_tokens, unit=unit)
        return ids, _offsets.Offsets(flat)

    def _encode_spans(
        self,
        text: Text,
        *,
        special_tokens: SpecialTokens = "parse",
        unit: Literal["char", "byte"] = "char",
    ) -> Tuple[List[int], bytearray]:
        """The ids of a text, and starts and ends by turns as an array of uint64."""
        mode, places = check_mode(special_tokens), _offsets.check_unit(unit)
        return _offsets.encode(self._pool, to_bytes(text), mode, places)

    def _offset_pairs(
        self, text: str, ids: List[int], *, special_tokens: SpecialTokens = "parse"
    ) -> List[Tuple[int, int]]:
        """Where the ids that a text was encoded to stand in it, as tokenizers says."""
        mode = check_mode(special_tokens)
        flat = _offsets.find(self._pool, to_bytes(text), mode, ids, Unit.TOKENIZERS.value)
        return list(zip(flat[::2], flat[1::2]))

    def _word_indices(
        self, text: str, ids: List[int], *, special_tokens: SpecialTokens = "parse"
    ) -> List[int]:
        """The index of the word that each of such ids is in."""
        return _offsets.find_words(self._pool, to_bytes(text), check_mode(special_tokens), ids)

    def _matched_texts(
        self, text: str, ids: List[int], *, special_tokens: SpecialTokens = "parse"
    ) -> List[Tuple[int, str]]:
        """The index of each added token among such ids, and the text that it was matched as."""
        return _offsets.find_matches(self._pool, to_bytes(text), check_mode(special_tokens), ids)

    def count(self, text: Text, *, special_tokens: SpecialTokens = "parse") -> int:
        """How many ids `encode` gives for the same arguments; errors as there."""
        data = to_bytes(text)
        mode = check_mode(special_tokens)
        context = self._pool.take()
        try:
            count = _native.LIBRARY.pyaot_count(context.address, data, len(data), mode)
            if count < 0:
                raise context.error(count)
            return count
        finally:
            self._pool.give_back(context, len(data))

    def pre_tokenize(self, text: Text) -> List[Tuple[int, int]]:
        """Where the pieces of a text begin and end: ids never cross the border of a piece.

        The pre-tokenizer alone, as ``pre_tokenize_str`` of tokenizers: text of added tokens counts
        as text, and nothing is normalized or put in front.

        Returns:
            A start and an end for each piece, in bytes of the text in UTF-8. Text in no piece is
            dropped, as some patterns ask for.

        Raises:
            InvalidTypeError: `text` is neither str nor bytes.
            MemoryError: Memory ran out.
        """
        data = to_bytes(text)
        context = self._pool.take()
        try:
            count = _native.LIBRARY.pyaot_pre_tokenize(context.address, data, len(data))
            if count < 0:
                raise context.error(count)
            bounds = context.end_view(2 * count).tolist()
            return list(zip(bounds[::2], bounds[1::2]))
        finally:
            self._pool.give_back(context, len(data))

    def _encode(self, text: Text, mode: int, thread_count: int) -> List[int]:
        data = to_bytes(text)
        context = self._pool.take()
        try:
            count = _native.LIBRARY.pyaot_encode_long(
                context.address, data, len(data), mode, thread_count
            )
            if count < 0:
                raise context.error(count)
            return context.ids(count)
        finally:
            self._pool.give_back(context, len(data))

    def _encode_parts(
        self, texts: Iterable[Text], num_threads: Optional[int], special_tokens: str
    ) -> Tuple[_native.Context, List[bytes], int]:
        """A context, to be given back, that holds the ids of `texts`; the texts; how many ids."""
        mode = check_mode(special_tokens)
        thread_count = check_threads(num_threads)
        parts = to_parts(texts)
        ends = array("Q", accumulate(map(len, parts)))
        context = self._pool.take()
        count = _native.LIBRARY.pyaot_encode_batch(
            context.address,
            b"".join(parts),
            ends.buffer_info()[0],
            len(parts),
            mode,
            thread_count,
        )
        if count < 0:
            raise context.error(count)
        return context, parts, count
