"""The tokenizer: loading, encoding, decoding.

Argument checks, file reading and Python's own types live here; all the work on text and ids is done
by the shared library, with the GIL released.
"""

from __future__ import annotations

import ctypes
import operator
import os
from array import array
from itertools import accumulate
from types import MappingProxyType
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Literal,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    Union,
    overload,
)

from . import _bridge, _files, _native, _saving
from ._abi import AddedFlag, Property, SpecialMode
from .errors import (
    FileReadError,
    InvalidTypeError,
    InvalidValueError,
    UnknownIdError,
    UnsupportedError,
)
from .patterns import PATTERNS

if TYPE_CHECKING:
    import mmap

    import numpy

    BytesLike = Union[bytes, bytearray, memoryview, mmap.mmap, "array[int]"]

    class _Base:
        __slots__ = ()

else:
    BytesLike = bytes

    # A builtin class whose objects carry the library's own state, where it can make one.
    _Base = object if _bridge.BRIDGE is None else _bridge.BRIDGE.base

Path = Union[str, "os.PathLike[str]"]
"""The path of a file."""

Text = Union[str, "BytesLike"]
"""What can be encoded: a str, or the bytes of a text in UTF-8, which need not be well-formed. Bytes
may come in any C-contiguous object with items of one byte: ``bytes``, a ``memoryview``, an
``mmap``; they must not change during the call, and writable ones are copied."""

SpecialTokens = Literal["parse", "text", "refuse"]
"""What becomes of special-token text in an input: the token, ordinary text, or an error."""

_BRIDGE = _bridge.BRIDGE
_ID_LIMIT = 1 << 32
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
_FROZEN_MAGIC = b"PYAOTTOK"
_FROZEN_SOURCE = ("_load_frozen_bytes",)

_TEXT_MODE = SpecialMode.TEXT.value

# Formats, without a sign for the order of bytes, and sizes of unsigned ints of 32 and 16 bits.
_ID_KINDS = ("I4", "L4", "H2")

_FORMATS = ("tokenizer.json", "tiktoken", "vocab+merges")


class AddedToken(NamedTuple):
    """A token that is matched in the text before it is cut into pieces.

    The flags are those of tokenizer.json; tiktoken's special tokens have `special` alone.
    """

    id: int
    """Its id."""
    special: bool
    """A control token: plain text for `encode_ordinary`, left out by `skip_special_tokens`."""
    single_word: bool
    """Matched only where no word character stands beside it."""
    lstrip: bool
    """Takes the white space before it with it."""
    rstrip: bool
    """Takes the white space behind it with it."""
    normalized: bool
    """Matched in the normalized text rather than in the raw text."""


class Tokenizer(_Base):
    """A byte-pair-encoding tokenizer, loaded from its files or trained; immutable once it is.

    Ids are equal to those of the tokenizer's reference implementation: tokenizers for a
    tokenizer.json, tiktoken for rank files. Encoding takes time linear in the text, or n log n in a
    piece, whatever is in it.

    One tokenizer may be used by any number of threads at once, survives ``fork``, and can be
    pickled and copied; the pickle holds the whole content, and the file is not needed to load it.

    Example:
        >>> tok = Tokenizer("tokenizer.json")                       # doctest: +SKIP
        >>> tok.decode(tok.encode("Hello, world!"))                 # doctest: +SKIP
        'Hello, world!'
    """

    __slots__ = ("__weakref__", "_added", "_handle", "_learnt", "_pool", "_source")

    # What `train_from_iterator` learnt, where two tokens may have the same bytes.
    _learnt: Optional[List[bytes]]

    def __init__(self, path: Optional[Path] = None) -> None:
        """Loads a tokenizer.json, or a file written by `save_frozen`.

        Without a file it is one like rustbpe's, to be trained by `train_from_iterator`: until then
        it has the 256 bytes as tokens and a pattern that finds nothing in any text.

        A frozen file is mapped: it may be replaced or deleted while the tokenizer lives, and must
        not be changed or truncated in place. To be safe from that, use `from_bytes`.

        Args:
            path: The file, as written by tokenizers, transformers or `save_frozen`.

        Raises:
            InvalidTypeError: `path` is not a path.
            FileMissingError: The file does not exist.
            FileReadError: The file cannot be read.
            FormatError: The file is malformed; the error says where.
            UnsupportedError: The file needs what this version does not do; the error names it.
            MemoryError: Memory ran out.
        """
        if path is None:
            self._load_learnt([bytes([byte]) for byte in range(256)], b"")
            return
        content = _read(path, unless=_FROZEN_MAGIC)
        if content is None:
            self._load_frozen(path)
        else:
            self._load_json(content, os.fspath(path))

    @classmethod
    def from_bytes(cls, json: bytes) -> Tokenizer:
        """Loads the content of a tokenizer.json, or of a file written by `save_frozen`.

        Raises:
            InvalidTypeError: `json` is not bytes.
            FormatError, UnsupportedError, MemoryError: As for the constructor.
        """
        if not isinstance(json, bytes):
            raise InvalidTypeError(f"a tokenizer.json as bytes is needed, not {type_name(json)}")
        self = cls.__new__(cls)
        if json.startswith(_FROZEN_MAGIC):
            self._load_frozen_bytes(json)
        else:
            self._load_json(json, None)
        return self

    @classmethod
    def from_str(cls, json: str) -> Tokenizer:
        """Loads the content of a tokenizer.json; errors as for `from_bytes`."""
        if not isinstance(json, str):
            raise InvalidTypeError(f"a tokenizer.json as str is needed, not {type_name(json)}")
        return cls.from_bytes(json.encode("utf-8", "surrogatepass"))

    @classmethod
    def from_tiktoken(
        cls,
        path: Path,
        *,
        pattern: str,
        special_tokens: Mapping[str, int] = MappingProxyType({}),
    ) -> Tokenizer:
        """Loads a ``.tiktoken`` rank file: lines of a token in base64 and its rank, its id.

        Args:
            path: The rank file.
            pattern: What cuts text into pieces: a name of `PATTERNS`, or a regular expression in
                the syntax of tiktoken.
            special_tokens: Texts of special tokens and their ids.

        Raises:
            InvalidTypeError: An argument is of the wrong type.
            InvalidValueError: An id of a special token is outside 0 to 2**32 - 1.
            FileMissingError, FileReadError, FormatError, UnsupportedError, MemoryError: As for the
                constructor; a pattern that this version cannot run is an UnsupportedError.
        """
        specials = _check_specials(special_tokens)
        expression = check_pattern(pattern)
        ranks = _read(path)
        self = cls.__new__(cls)
        self._load_tiktoken(ranks, expression, specials, os.fspath(path))
        return self

    @classmethod
    def from_ranks(
        cls,
        ranks: Mapping[bytes, int],
        *,
        pattern: str,
        special_tokens: Mapping[str, int] = MappingProxyType({}),
    ) -> Tokenizer:
        """Builds a tokenizer from mergeable ranks in memory, as tiktoken's ``Encoding`` takes them.

        Args:
            ranks: The bytes of each token and its rank, which is its id. Every single byte must be
                there.
            pattern: As for `from_tiktoken`.
            special_tokens: As for `from_tiktoken`.

        Raises:
            InvalidTypeError: An argument, a key or a rank is of the wrong type.
            InvalidValueError: An id is outside 0 to 2**32 - 1.
            FormatError: The ranks are no vocabulary; the error says why.
            UnsupportedError, MemoryError: As for the constructor.
        """
        specials = _check_specials(special_tokens)
        expression = check_pattern(pattern)
        if not isinstance(ranks, Mapping):
            raise InvalidTypeError(f"a mapping of bytes to int is needed, not {type_name(ranks)}")
        for token, rank in ranks.items():
            if not isinstance(token, bytes):
                raise InvalidTypeError(f"a token as bytes is needed, not {type_name(token)}")
            _check_id(rank, f"the rank of {token!r}")
        self = cls.__new__(cls)
        lengths = array("I", map(len, ranks))
        ids = array("I", ranks.values())
        self._load_ranks(b"".join(ranks), lengths, ids, expression, specials)
        return self

    @classmethod
    def from_files(cls, vocab: Path, merges: Path) -> Tokenizer:
        """Loads GPT-2's pair of files: vocab.json and merges.txt (encoder.json and vocab.bpe).

        These files list no special tokens: ``<|endoftext|>`` in a text is plain text.

        Raises:
            InvalidTypeError, FileMissingError, FileReadError, FormatError, UnsupportedError,
            MemoryError:
                As for the constructor; errors of content name both files.
        """
        contents = _read(vocab), _read(merges)
        self = cls.__new__(cls)
        self._load_vocab_merges(*contents, f"{os.fspath(vocab)} with {os.fspath(merges)}")
        return self

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
        return self._encode(text, _check_mode(special_tokens), check_threads(num_threads))

    def encode_ordinary(self, text: Text) -> List[int]:
        """The ids of a text in which special tokens are ordinary text; else as `encode`."""
        return self._encode(text, _TEXT_MODE, 1)

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
        if _BRIDGE is not None and _is_stream(texts):
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
        mode = _check_mode(special_tokens)
        target = _writable_ids(buffer)
        data = to_bytes(text)
        context = self._pool.take()
        try:
            count = _native.LIBRARY.pyaot_encode(context.address, data, len(data), mode)
            if count < 0:
                raise context.error(count)
            _write_ids(target, context.id_view(count))
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

        if _BRIDGE is not None and _is_stream(texts):
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
        mode = _check_mode(special_tokens)
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
        mode = _check_mode(special_tokens)
        thread_count = check_threads(num_threads)
        if isinstance(paths, (str, bytes, os.PathLike)) or not isinstance(paths, Iterable):
            raise InvalidTypeError(f"an iterable of paths is needed, not {type_name(paths)}")
        sources = [check_path(path) for path in paths]
        id_size = self._id_size(dtype)
        ending = b""
        if separator is not None:
            _check_id(separator, "the separator")
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

    def count(self, text: Text, *, special_tokens: SpecialTokens = "parse") -> int:
        """How many ids `encode` gives for the same arguments; errors as there."""
        data = to_bytes(text)
        mode = _check_mode(special_tokens)
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
        data = _to_ids(ids)
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
        if _BRIDGE is not None and _is_stream(batch):
            return self.decode_batch(
                list(batch), errors=errors, skip_special_tokens=skip_special_tokens
            )
        return [
            self.decode(ids, errors=errors, skip_special_tokens=skip_special_tokens)
            for ids in batch
        ]

    def token_to_id(self, token: Text) -> Optional[int]:
        """The id of the token that stands for exactly this text, or None.

        Args:
            token: The text or its bytes: ``" the"``, not a tokenizer.json's ``"Ġthe"``.

        Raises:
            InvalidTypeError: `token` is neither str nor bytes.
        """
        data = to_bytes(token)
        found = _native.LIBRARY.pyaot_tokenizer_token_to_id(self._handle.address, data, len(data))
        return None if found < 0 else found

    def id_to_token(self, token_id: int) -> Optional[bytes]:
        """The bytes that an id stands for, or None if no token has it.

        They are bytes since a token may be a part of a character.

        Raises:
            InvalidTypeError: `token_id` is not an int.
        """
        if not isinstance(token_id, int) or isinstance(token_id, bool):
            raise InvalidTypeError(f"an id as int is needed, not {type_name(token_id)}")
        if not 0 <= token_id < _ID_LIMIT:
            return None
        length = ctypes.c_size_t()
        address = _native.LIBRARY.pyaot_tokenizer_id_to_token(
            self._handle.address, token_id, ctypes.byref(length)
        )
        return None if address is None else ctypes.string_at(address, length.value)

    @property
    def vocab_size(self) -> int:
        """One more than the highest id, added tokens included: the rows an embedding needs."""
        return self._property(Property.VOCAB_SIZE)

    @property
    def token_count(self) -> int:
        """How many ids have a token; less than `vocab_size` where ids have gaps."""
        return self._property(Property.TOKEN_COUNT)

    @property
    def merge_count(self) -> int:
        """How many pairs of adjacent tokens can merge."""
        return self._property(Property.MERGE_COUNT)

    @property
    def memory_bytes(self) -> int:
        """Bytes of memory that the library's tables take."""
        return self._property(Property.MEMORY_BYTES)

    @property
    def format(self) -> str:
        """Where it came from: ``"tokenizer.json"``, ``"tiktoken"`` or ``"vocab+merges"``."""
        return _FORMATS[self._property(Property.FORMAT)]

    @property
    def pre_tokenizer(self) -> str:
        """The name of what cuts text into pieces; ``"none"`` where the whole text is one piece."""
        return _native.LIBRARY.pyaot_tokenizer_pretokenizer_name(self._handle.address).decode()

    @property
    def pattern(self) -> Optional[str]:
        """The regular expression that cuts text into pieces, or None where nothing does."""
        length = ctypes.c_size_t()
        address = _native.LIBRARY.pyaot_tokenizer_pattern(
            self._handle.address, ctypes.byref(length)
        )
        return None if address is None else ctypes.string_at(address, length.value).decode()

    @property
    def added_tokens(self) -> Mapping[str, AddedToken]:
        """The tokens matched before the text is cut into pieces, in ascending order of id."""
        return self._added

    @property
    def special_tokens(self) -> Mapping[str, int]:
        """The texts of the special tokens among the added tokens, and their ids."""
        return {text: token.id for text, token in self._added.items() if token.special}

    def train_from_iterator(
        self,
        iterator: Iterable[str],
        vocab_size: int,
        buffer_size: int = 8192,
        pattern: Optional[str] = None,
    ) -> None:
        """Learns a vocabulary, with the arguments and the merges of rustbpe 0.1.0.

        `Trainer` has more options and gives a new tokenizer instead. After an error the tokenizer
        is as it was before.

        Args:
            iterator: Any iterable of str, each a text of its own.
            vocab_size: How many tokens to have at the end, the 256 bytes included; fewer where the
                corpus is small.
            buffer_size: As in rustbpe, where it is how many texts are held at a time; here a few
                megabytes are, whatever it is.
            pattern: What cuts text into pieces; None: rustbpe's default.

        Raises:
            InvalidTypeError: `iterator` is none, or has something that is no str; another argument
                is of the wrong type.
            InvalidValueError: `vocab_size` is below 256 (where rustbpe panics), or `buffer_size` is
                0 (where it hangs).
            UnsupportedError: The pattern is malformed or cannot be run.
            UnicodeEncodeError: A text has a surrogate.
            MemoryError: Memory ran out.
        """
        from .trainer import learn_ranks  # noqa: PLC0415 (training builds on this module)

        self._load_learnt(*learn_ranks(iterator, vocab_size, buffer_size, pattern))

    def get_pattern(self) -> str:
        """The regular expression that cuts text into pieces, as in rustbpe; "" where none does."""
        return self.pattern or ""

    def get_mergeable_ranks(self) -> List[Tuple[bytes, int]]:
        """The bytes and the id of each token that is no added one, by id, as in rustbpe.

        Two learnt tokens may have the same bytes. As in a dict of these ranks, the later one is
        what the tokenizer itself then encodes to; rustbpe's own ``encode`` may give either.
        """
        if self._learnt is not None:
            return [(token, rank) for rank, token in enumerate(self._learnt)]
        return [(token, token_id) for token_id, token in self._ranks()]

    def batch_encode(self, texts: Sequence[str]) -> List[List[int]]:
        """`encode_batch` on all cores, by its name in rustbpe."""
        if isinstance(texts, str):
            raise InvalidTypeError("a sequence of texts is needed, not str")
        return self.encode_batch(texts)

    def save(self, path: Path) -> None:
        """Writes a tokenizer.json that tokenizers and transformers load, with the same ids.

        A path that ends in ``.tiktoken`` gets a rank file, and beside it ``PATH.json`` with the
        pattern and the special tokens. Every file is written under another name in the same folder
        and renamed: there is what was there before, or the whole new file.

        Raises:
            InvalidTypeError: `path` is not a path.
            UnsupportedError: The tokenizer has no such form: a vocabulary that is no ranks as
                ``.tiktoken``; one from a frozen file or from vocab.json and merges.txt; a pattern
                that tokenizers' engine reads differently.
            FileWriteError: The file cannot be written.
        """
        name = check_path(path)
        for target, content in self._saved(name):
            with _files.replacing(target) as file:
                file.write(content)

    def _saved(self, name: str) -> List[Tuple[str, bytes]]:
        kind = self._source[0]
        as_ranks = name.endswith(".tiktoken")
        if kind == "_load_json" and not as_ranks:
            return [(name, self._source[1])]
        pattern = self.pattern
        if self.format != "tiktoken" or pattern is None:
            form = "ranks" if as_ranks else "a tokenizer.json"
            raise UnsupportedError(f"a tokenizer of {self.format} cannot be saved as {form}")
        specials = [(text, token.id) for text, token in self._added.items()]
        ranks = {token: token_id for token_id, token in self._ranks()}
        if not as_ranks:
            return [(name, _saving.ranks_json(ranks, pattern, specials))]
        settings = _saving.tiktoken_settings(pattern, specials)
        return [(f"{name}.json", settings), (name, _saving.tiktoken_ranks(ranks))]

    def _ranks(self) -> Iterator[Tuple[int, bytes]]:
        added = {token.id for token in self._added.values()}
        for token_id in range(self.vocab_size):
            token = self.id_to_token(token_id)
            if token is not None and token_id not in added:
                yield token_id, token

    def save_frozen(self, path: Path) -> None:
        """Writes the tokenizer's tables to a file, which `Tokenizer` loads in a millisecond or so.

        The file is written under another name in the same folder and renamed: at `path` is what
        was there before, or the whole new file. It fits this build of this package alone, and says
        so to another: keep the file that the tokenizer was made of.

        Raises:
            InvalidTypeError: `path` is not a path.
            FileWriteError: The file cannot be written.
            MemoryError: Memory ran out.
        """
        if not isinstance(path, (str, os.PathLike)):
            raise InvalidTypeError(f"a path as str or os.PathLike is needed, not {type_name(path)}")
        self._handle.save_frozen(os.fsencode(path), os.fspath(path))

    def __repr__(self) -> str:
        """For example ``<Tokenizer tokenizer.json vocab_size=50257 pre_tokenizer=gpt2>``."""
        return (
            f"<{type(self).__name__} {self.format} vocab_size={self.vocab_size} "
            f"pre_tokenizer={self.pre_tokenizer}>"
        )

    def __copy__(self) -> Tokenizer:
        """Itself, for it never changes."""
        return self

    def __deepcopy__(self, memo: Dict[int, Any]) -> Tokenizer:
        """Itself, for it never changes."""
        return self

    def __reduce__(self) -> Tuple[Any, ...]:
        """Pickles what it was loaded from, whole."""
        if self._source == _FROZEN_SOURCE:
            return _restore, (type(self), *_FROZEN_SOURCE, self._handle.frozen_bytes())
        return _restore, (type(self), *self._source)

    def _load_json(self, json: bytes, file: Optional[str]) -> None:
        self._finish(
            _native.Handle(
                lambda address: _native.LIBRARY.pyaot_tokenizer_load_json(address, json, len(json)),
                file=file,
            ),
            ("_load_json", json, None),
        )

    def _load_frozen(self, path: Path) -> None:
        name = os.fsencode(path)
        self._finish(
            _native.Handle(
                lambda address: _native.LIBRARY.pyaot_tokenizer_load_frozen(
                    address, name, len(name)
                ),
                file=os.fspath(path),
            ),
            _FROZEN_SOURCE,
        )

    def _load_frozen_bytes(self, content: bytes) -> None:
        self._finish(
            _native.Handle(
                lambda address: _native.LIBRARY.pyaot_tokenizer_load_frozen_bytes(
                    address, content, len(content)
                )
            ),
            _FROZEN_SOURCE,
        )

    def _load_tiktoken(
        self,
        ranks: bytes,
        pattern: bytes,
        specials: Sequence[Tuple[bytes, int]],
        file: Optional[str],
    ) -> None:
        self._finish(
            _native.Handle(
                lambda address: _native.LIBRARY.pyaot_tokenizer_load_tiktoken(
                    address, ranks, len(ranks), pattern, len(pattern)
                ),
                specials=specials,
                file=file,
            ),
            ("_load_tiktoken", ranks, pattern, specials, None),
        )

    def _load_ranks(
        self,
        tokens: bytes,
        lengths: array[int],
        ids: array[int],
        pattern: bytes,
        specials: Sequence[Tuple[bytes, int]],
    ) -> None:
        ends = array("Q", accumulate(lengths))
        self._finish(
            _native.Handle(
                lambda address: _native.LIBRARY.pyaot_tokenizer_load_ranks(
                    address,
                    tokens,
                    ends.buffer_info()[0],
                    ids.buffer_info()[0],
                    len(ids),
                    pattern,
                    len(pattern),
                ),
                specials=specials,
            ),
            ("_load_ranks", tokens, lengths, ids, pattern, specials),
        )

    def _load_learnt(self, tokens: List[bytes], pattern: bytes) -> None:
        # Of tokens with equal bytes the last counts, as in a dict.
        ranks = {token: rank for rank, token in enumerate(tokens)}
        lengths, ids = array("I", map(len, ranks)), array("I", ranks.values())
        self._load_ranks(b"".join(ranks), lengths, ids, pattern, [])
        self._learnt = tokens

    def _load_vocab_merges(self, vocab: bytes, merges: bytes, file: Optional[str]) -> None:
        self._finish(
            _native.Handle(
                lambda address: _native.LIBRARY.pyaot_tokenizer_load_vocab_merges(
                    address, vocab, len(vocab), merges, len(merges)
                ),
                file=file,
            ),
            ("_load_vocab_merges", vocab, merges, None),
        )

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
        mode = _check_mode(special_tokens)
        thread_count = check_threads(num_threads)
        parts = _to_parts(texts)
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

    def _finish(self, handle: _native.Handle, source: Tuple[Any, ...]) -> None:
        self._handle = handle
        self._pool = _native.ContextPool(handle)
        if _BRIDGE is not None:
            _BRIDGE.bind(self, handle)
        self._source = source
        self._learnt = None
        self._added = MappingProxyType(_added_tokens(handle))

    def _property(self, which: Property) -> int:
        return _native.LIBRARY.pyaot_tokenizer_property(self._handle.address, which)


# The methods that are worth calling without a Python frame.
_BUILTIN = (
    "encode",
    "encode_ordinary",
    "encode_batch",
    "encode_into",
    "encode_to_numpy",
    "count",
    "decode",
    "decode_batch",
    "_encode_array",
    "_encode_batch_arrays",
)

if _BRIDGE is not None:
    for _name in _BUILTIN:
        _BRIDGE.install(Tokenizer, _name)


def _restore(cls: type[Tokenizer], load: str, *source: Any) -> Tokenizer:
    """Loads a tokenizer again from what `Tokenizer.__reduce__` gave."""
    self = cls.__new__(cls)
    getattr(self, load)(*source)
    return self


def _added_tokens(handle: _native.Handle) -> Dict[str, AddedToken]:
    library = _native.LIBRARY
    length, token_id, flags = ctypes.c_size_t(), ctypes.c_uint32(), ctypes.c_uint32()
    tokens: Dict[str, AddedToken] = {}
    for index in range(
        library.pyaot_tokenizer_property(handle.address, Property.ADDED_TOKEN_COUNT)
    ):
        address = library.pyaot_tokenizer_added_token(
            handle.address,
            index,
            ctypes.byref(length),
            ctypes.byref(token_id),
            ctypes.byref(flags),
        )
        text = ctypes.string_at(address or 0, length.value).decode("utf-8", "replace")
        tokens[text] = AddedToken(
            id=token_id.value,
            special=bool(flags.value & AddedFlag.SPECIAL),
            single_word=bool(flags.value & AddedFlag.SINGLE_WORD),
            lstrip=bool(flags.value & AddedFlag.LSTRIP),
            rstrip=bool(flags.value & AddedFlag.RSTRIP),
            normalized=bool(flags.value & AddedFlag.NORMALIZED),
        )
    return tokens


def check_path(path: object) -> str:
    """The path as str, or the error for what is none."""
    if not isinstance(path, (str, os.PathLike)):
        raise InvalidTypeError(f"a path as str or os.PathLike is needed, not {type_name(path)}")
    name = os.fspath(path)
    if not isinstance(name, str) or "\0" in name:
        raise InvalidValueError(f"{name!r} is not a path")
    return name


@overload
def _read(path: Path) -> bytes: ...


@overload
def _read(path: Path, *, unless: bytes) -> Optional[bytes]: ...


def _read(path: Path, *, unless: Optional[bytes] = None) -> Optional[bytes]:
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


def _is_stream(items: object) -> bool:
    """Whether `items` can be iterated over, perhaps once, and is no list, tuple or single text."""
    return isinstance(items, Iterable) and not isinstance(items, (list, tuple, str, bytes))


def _to_parts(texts: Iterable[Text]) -> List[bytes]:
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


def _to_ids(ids: Iterable[int]) -> array[int]:
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


def _writable_ids(buffer: object) -> memoryview:
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


def _write_ids(target: memoryview, ids: memoryview) -> None:
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
        if not 0 <= value < _ID_LIMIT:
            return UnknownIdError(f"Unknown token id: {value} at index {index}", offset=index)
    raise AssertionError("every id is valid")


def _check_mode(special_tokens: str) -> int:
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


def _check_specials(special_tokens: Mapping[str, int]) -> List[Tuple[bytes, int]]:
    if not isinstance(special_tokens, Mapping):
        raise InvalidTypeError(
            f"a mapping of str to int is needed, not {type_name(special_tokens)}"
        )
    specials: List[Tuple[bytes, int]] = []
    for text, token_id in special_tokens.items():
        if not isinstance(text, str):
            raise InvalidTypeError(f"a special token as str is needed, not {type_name(text)}")
        _check_id(token_id, f"the id of the special token {text!r}")
        specials.append((to_bytes(text), token_id))
    return specials


def _check_id(token_id: int, what: str) -> None:
    if not isinstance(token_id, int) or isinstance(token_id, bool):
        raise InvalidTypeError(f"{what} must be an int, not {type_name(token_id)}")
    if not 0 <= token_id < _ID_LIMIT:
        raise InvalidValueError(f"{what} must be 0 to 2**32 - 1, not {token_id}")


def type_name(value: object) -> str:
    """The type of a value, for messages."""
    return type(value).__name__
