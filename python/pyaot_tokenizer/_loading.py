"""The ways to load a tokenizer: from files, from their content, from ranks in memory."""

from __future__ import annotations

import os
from array import array
from itertools import accumulate
from typing import Any, List, Mapping, Optional, Sequence, Tuple, Type, TypeVar

from . import _native
from ._arguments import (
    NO_TOKENS,
    Path,
    check_id,
    check_pattern,
    check_specials,
    read_file,
    type_name,
)
from ._state import State
from .errors import InvalidTypeError

_Loader = TypeVar("_Loader", bound="Loader")

# What a frozen file begins with, and what stands for the source of a tokenizer from one.
_FROZEN_MAGIC = b"PYAOTTOK"
_FROZEN_SOURCE = ("_load_frozen_bytes",)


class Loader(State):
    """The calls that load a tokenizer."""

    __slots__ = ()

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
        content = read_file(path, unless=_FROZEN_MAGIC)
        if content is None:
            self._load_frozen(path)
        else:
            self._load_json(content, os.fspath(path))

    @classmethod
    def from_bytes(cls: Type[_Loader], json: bytes) -> _Loader:
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
    def from_str(cls: Type[_Loader], json: str) -> _Loader:
        """Loads the content of a tokenizer.json; errors as for `from_bytes`."""
        if not isinstance(json, str):
            raise InvalidTypeError(f"a tokenizer.json as str is needed, not {type_name(json)}")
        return cls.from_bytes(json.encode("utf-8", "surrogatepass"))

    @classmethod
    def from_tiktoken(
        cls: Type[_Loader],
        path: Path,
        *,
        pattern: str,
        special_tokens: Mapping[str, int] = NO_TOKENS,
    ) -> _Loader:
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
        specials = check_specials(special_tokens)
        expression = check_pattern(pattern)
        ranks = read_file(path)
        self = cls.__new__(cls)
        self._load_tiktoken(ranks, expression, specials, os.fspath(path))
        return self

    @classmethod
    def from_ranks(
        cls: Type[_Loader],
        ranks: Mapping[bytes, int],
        *,
        pattern: str,
        special_tokens: Mapping[str, int] = NO_TOKENS,
    ) -> _Loader:
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
        specials = check_specials(special_tokens)
        expression = check_pattern(pattern)
        if not isinstance(ranks, Mapping):
            raise InvalidTypeError(f"a mapping of bytes to int is needed, not {type_name(ranks)}")
        for token, rank in ranks.items():
            if not isinstance(token, bytes):
                raise InvalidTypeError(f"a token as bytes is needed, not {type_name(token)}")
            check_id(rank, f"the rank of {token!r}")
        self = cls.__new__(cls)
        lengths = array("I", map(len, ranks))
        ids = array("I", ranks.values())
        self._load_ranks(b"".join(ranks), lengths, ids, expression, specials)
        return self

    @classmethod
    def from_files(cls: Type[_Loader], vocab: Path, merges: Path) -> _Loader:
        """Loads GPT-2's pair of files: vocab.json and merges.txt (encoder.json and vocab.bpe).

        These files list no special tokens: ``<|endoftext|>`` in a text is plain text.

        Raises:
            InvalidTypeError, FileMissingError, FileReadError, FormatError, UnsupportedError,
            MemoryError:
                As for the constructor; errors of content name both files.
        """
        contents = read_file(vocab), read_file(merges)
        self = cls.__new__(cls)
        self._load_vocab_merges(*contents, f"{os.fspath(vocab)} with {os.fspath(merges)}")
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


def _restore(cls: Type[Loader], load: str, *source: Any) -> Loader:
    """Loads a tokenizer again from what `Tokenizer.__reduce__` gave."""
    self = cls.__new__(cls)
    getattr(self, load)(*source)
    return self
