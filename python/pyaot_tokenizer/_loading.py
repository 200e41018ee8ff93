"""The ways to load a tokenizer: from files, from their content, from ranks in memory."""

from __future__ import annotations

import os
from array import array
from itertools import accumulate
from typing import Any, Callable, List, Mapping, Optional, Sequence, Tuple, Type, TypeVar, Union

from . import _forms, _hub, _native
from ._abi import Property
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
from .errors import FormatError, InvalidTypeError, InvalidValueError, UnsupportedError

_Loader = TypeVar("_Loader", bound="Loader")

# What stands for the source of a tokenizer from a frozen file.
_FROZEN_SOURCE = ("_load_frozen_bytes",)


class Loader(State):
    """The calls that load a tokenizer."""

    __slots__ = ()

    def __init__(self, path: Optional[Path] = None) -> None:
        """Loads a tokenizer from its file, or from the folder that its files are in.

        What a file is, its content tells: a tokenizer.json, a tekken.json, a SentencePiece model, a
        ``.tiktoken`` rank file, or what `save_frozen` wrote. A rank file says nothing of its
        pattern: there must be what `save` put beside it, or it is one of a published encoding, by
        its content or by its name; else use `from_tiktoken`. In a folder it is the first of
        tokenizer.json, tekken.json, tokenizer.model, vocab.json with merges.txt, and the only
        ``.tiktoken`` file.

        Without a path it is one like rustbpe's, to be trained by `train_from_iterator`: until then
        it has the 256 bytes as tokens and a pattern that finds nothing in any text.

        A frozen file is mapped: it may be replaced or deleted while the tokenizer lives, and must
        not be changed or truncated in place. To be safe from that, use `from_bytes`.

        Args:
            path: The file or the folder.

        Raises:
            InvalidTypeError: `path` is not a path.
            FileMissingError: The file does not exist, or the folder has none.
            FileReadError: The file cannot be read.
            FormatError: The file is malformed; the error says where.
            UnsupportedError: The file needs what this version does not do; the error names it.
            MemoryError: Memory ran out.
        """
        if path is None:
            self._load_learnt([bytes([byte]) for byte in range(256)], b"")
            return
        if isinstance(path, (str, os.PathLike)) and _forms.is_folder(path):
            self._load_folder(os.fspath(path))
            return
        content = read_file(path, unless=_forms.FROZEN_MAGIC)
        if content is None:
            self._load_frozen(path)
        else:
            self._load_content(content, os.fspath(path))

    @classmethod
    def from_file(cls: Type[_Loader], path: Path) -> _Loader:
        """Loads a tokenizer from a file or a folder; as the constructor, which says how."""
        if path is None:
            raise InvalidTypeError("a path as str or os.PathLike is needed, not NoneType")
        return cls(path)

    @classmethod
    def from_bytes(cls: Type[_Loader], content: bytes) -> _Loader:
        """Loads the content of any file that the constructor loads.

        Raises:
            InvalidTypeError: `content` is not bytes.
            FormatError, UnsupportedError, MemoryError: As for the constructor.
        """
        if not isinstance(content, bytes):
            raise InvalidTypeError(f"a tokenizer.json as bytes is needed, not {type_name(content)}")
        self = cls.__new__(cls)
        if content.startswith(_forms.FROZEN_MAGIC):
            self._load_frozen_bytes(content)
        else:
            self._load_content(content, None)
        return self

    @classmethod
    def from_str(cls: Type[_Loader], json: str) -> _Loader:
        """Loads the content of a tokenizer.json; errors as for `from_bytes`."""
        if not isinstance(json, str):
            raise InvalidTypeError(f"a tokenizer.json as str is needed, not {type_name(json)}")
        return cls.from_bytes(json.encode("utf-8", "surrogatepass"))

    @classmethod
    def from_sentencepiece(cls: Type[_Loader], model: Union[Path, bytes]) -> _Loader:
        """Loads a SentencePiece model of the type BPE.

        Text never becomes a control piece, as in sentencepiece, whatever `special_tokens` says;
        `skip_special_tokens` leaves them out when decoding.

        Args:
            model: The path of the file, or its content.

        Raises:
            InvalidTypeError: `model` is neither.
            FileMissingError, FileReadError, FormatError, UnsupportedError, MemoryError: As for the
                constructor; a model of another type is an UnsupportedError.
        """
        self = cls.__new__(cls)
        self._load_sentencepiece(*_content(model))
        return self

    @classmethod
    def from_tekken(cls: Type[_Loader], json: Union[Path, bytes]) -> _Loader:
        """Loads a tekken.json.

        Its special tokens are parsed by `encode` as in all other forms; mistral-common never does
        so: `encode_ordinary` gives its ids.

        Args:
            json: The path of the file, or its content.

        Raises:
            InvalidTypeError: `json` is neither.
            FileMissingError, FileReadError, FormatError, UnsupportedError, MemoryError: As for the
                constructor.
        """
        self = cls.__new__(cls)
        self._load_tekken(*_content(json))
        return self

    @classmethod
    def from_encoding(cls: Type[_Loader], name: str) -> _Loader:
        """Loads a published encoding by its name in tiktoken.

        ``gpt2``, ``r50k_base``, ``p50k_base``, ``p50k_edit``, ``cl100k_base``, ``o200k_base`` or
        ``o200k_harmony``. Its file is looked for in tiktoken's cache folder (the value of
        ``TIKTOKEN_CACHE_DIR``, else of ``DATA_GYM_CACHE_DIR``, else ``data-gym-cache`` in the
        folder for temporary files), and its SHA-256 is checked; nothing is downloaded.

        Raises:
            InvalidTypeError: `name` is not a str.
            InvalidValueError: There is no such encoding.
            FileMissingError: Its file is not there; the error says where to put it.
            FileReadError, FormatError, MemoryError: As for the constructor; the content of another
                file is a FormatError.
        """
        if not isinstance(name, str):
            raise InvalidTypeError(
                f"the name of an encoding as str is needed, not {type_name(name)}"
            )
        from .tiktoken import registry  # noqa: PLC0415 (which builds on this module)

        published = registry.published(name)
        if published is None:
            known = ", ".join(registry.PUBLISHED_NAMES)
            raise InvalidValueError(f"there is no encoding {name!r}; there are {known}")
        specials = check_specials(published.special_tokens)
        self = cls.__new__(cls)
        if isinstance(published.ranks, bytes):
            self._load_tiktoken(published.ranks, check_pattern(published.pattern), specials, None)
            return self
        return cls.from_ranks(
            published.ranks, pattern=published.pattern, special_tokens=published.special_tokens
        )

    @classmethod
    def from_pretrained(
        cls: Type[_Loader],
        name: str,
        revision: Optional[str] = None,
        token: Union[str, bool, None] = None,
    ) -> _Loader:
        """Loads a tokenizer of the Hugging Face hub, from the local cache if it is there.

        The cache is where ``HF_HUB_CACHE``, ``HF_HOME`` or ``XDG_CACHE_HOME`` say, else in
        ``~/.cache/huggingface/hub``. What is not in it, the package ``huggingface_hub`` downloads
        if it is installed and ``HF_HUB_OFFLINE`` is not set. The name of a folder is that folder.

        Args:
            name: As in ``"gpt2"`` or ``"mistralai/Mistral-Nemo-Base-2407"``.
            revision: A branch, a tag or a commit; None: ``"main"``.
            token: Handed to ``huggingface_hub``.

        Raises:
            InvalidTypeError: `name` or `revision` is not a str.
            InvalidValueError: `name` or `revision` cannot be one.
            FileMissingError: It is not in the cache and cannot be downloaded; the error says why.
            FileReadError: The download failed.
            FormatError, UnsupportedError, MemoryError: As for the constructor.
        """
        return cls(_hub.find(name, revision, token))

    @classmethod
    def from_tiktoken(
        cls: Type[_Loader],
        ranks: Union[Path, Mapping[bytes, int]],
        *,
        pattern: str,
        special_tokens: Mapping[str, int] = NO_TOKENS,
    ) -> _Loader:
        """Loads a ``.tiktoken`` rank file: lines of a token in base64 and its rank, its id.

        Args:
            ranks: The path of the rank file, or the ranks themselves, as for `from_ranks`.
            pattern: What cuts text into pieces: a name of `PATTERNS`, or a regular expression in
                the syntax of tiktoken.
            special_tokens: Texts of special tokens and their ids.

        Raises:
            InvalidTypeError: An argument is of the wrong type.
            InvalidValueError: An id of a special token is outside 0 to 2**32 - 1.
            FileMissingError, FileReadError, FormatError, UnsupportedError, MemoryError: As for the
                constructor; a pattern that this version cannot run is an UnsupportedError.
        """
        if isinstance(ranks, Mapping):
            return cls.from_ranks(ranks, pattern=pattern, special_tokens=special_tokens)
        specials = check_specials(special_tokens)
        expression = check_pattern(pattern)
        content = read_file(ranks)
        self = cls.__new__(cls)
        self._load_tiktoken(content, expression, specials, os.fspath(ranks))
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

    def _made(
        self,
        load: Callable[[int], int],
        *,
        specials: Sequence[Tuple[bytes, int]] = (),
        file: Optional[str] = None,
    ) -> _native.Handle:
        keeps_all = self._KEEPS_ALL_MERGES
        return _native.Handle(load, specials=specials, file=file, keep_all_merges=keeps_all)

    def _with_all_merges(self) -> State:
        """Itself, or what it was loaded from with the merges that no text leads to.

        Raises:
            UnsupportedError: It was frozen without them, or its merges have scores.
            MemoryError: Memory ran out.
        """
        if self._property(Property.HAS_ALL_MERGES):
            return self
        if self._all_merges is None:
            if self._source == _FROZEN_SOURCE:
                raise UnsupportedError(
                    "a frozen tokenizer has the merges alone that encoding without a dropout "
                    "needs; load the file that it was made of"
                )
            self._all_merges = _restore(_AllMerges, *self._source)
        return self._all_merges

    def _load_folder(self, folder: str) -> None:
        files = _forms.find_in(folder)
        if len(files) == 1:
            self.__init__(files[0])  # type: ignore[misc]
            return
        vocab, merges = files
        self._load_vocab_merges(read_file(vocab), read_file(merges), f"{vocab} with {merges}")

    def _load_content(self, content: bytes, file: Optional[str]) -> None:
        form = _forms.of(content)
        if form == "sentencepiece":
            self._load_sentencepiece(content, file)
        elif form == "tiktoken":
            pattern, specials = _forms.rank_settings(content, file)
            self._load_tiktoken(content, check_pattern(pattern), check_specials(specials), file)
        else:
            self._load_json_or_tekken(content, file)

    def _load_json_or_tekken(self, json: bytes, file: Optional[str]) -> None:
        try:
            self._load_json(json, file)
        except FormatError as error:
            # Without a model it is no tokenizer.json.
            if error.key != "model" or not _forms.may_be_tekken(json):
                raise
            self._load_tekken(json, file)

    def _load_json(self, json: bytes, file: Optional[str]) -> None:
        self._finish(
            self._made(
                lambda address: _native.LIBRARY.pyaot_tokenizer_load_json(address, json, len(json)),
                file=file,
            ),
            ("_load_json", json, None),
        )

    def _load_sentencepiece(self, model: bytes, file: Optional[str]) -> None:
        self._finish(
            self._made(
                lambda address: _native.LIBRARY.pyaot_tokenizer_load_sentencepiece(
                    address, model, len(model)
                ),
                file=file,
            ),
            ("_load_sentencepiece", model, None),
        )

    def _load_tekken(self, json: bytes, file: Optional[str]) -> None:
        self._finish(
            self._made(
                lambda address: _native.LIBRARY.pyaot_tokenizer_load_tekken(
                    address, json, len(json)
                ),
                file=file,
            ),
            ("_load_tekken", json, None),
        )

    def _load_frozen(self, path: Path) -> None:
        name = os.fsencode(path)
        self._finish(
            self._made(
                lambda address: _native.LIBRARY.pyaot_tokenizer_load_frozen(
                    address, name, len(name)
                ),
                file=os.fspath(path),
            ),
            _FROZEN_SOURCE,
        )

    def _load_frozen_bytes(self, content: bytes) -> None:
        self._finish(
            self._made(
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
            self._made(
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
            self._made(
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
            self._made(
                lambda address: _native.LIBRARY.pyaot_tokenizer_load_vocab_merges(
                    address, vocab, len(vocab), merges, len(merges)
                ),
                file=file,
            ),
            ("_load_vocab_merges", vocab, merges, None),
        )


def _content(source: Union[Path, bytes]) -> Tuple[bytes, Optional[str]]:
    """The content that is given, or that of a file, and the file."""
    if isinstance(source, bytes):
        return source, None
    return read_file(source), os.fspath(source)


class _AllMerges(Loader):
    """One with all merges, for `encode_with_dropout` alone."""

    __slots__ = ()

    _KEEPS_ALL_MERGES = True


def _restore(cls: Type[Loader], load: str, *source: Any) -> Loader:
    """Loads a tokenizer again from what `Tokenizer.__reduce__` gave."""
    self = cls.__new__(cls)
    getattr(self, load)(*source)
    return self
