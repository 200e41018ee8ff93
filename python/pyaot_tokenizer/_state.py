"""What a tokenizer is once it is loaded: its handle, and what can be asked of it.

The calls that load, encode, decode and save are in modules of their own; `tokenizer` puts them
together.
"""

from __future__ import annotations

import ctypes
from types import MappingProxyType
from typing import (
    TYPE_CHECKING,
    Any,
    Dict,
    Iterator,
    List,
    Mapping,
    NamedTuple,
    Optional,
    Tuple,
    TypeVar,
)

from . import _bridge, _native
from ._abi import AddedFlag, Property
from ._arguments import ID_LIMIT, Text, check_seed, to_bytes, type_name
from .errors import InvalidTypeError

if TYPE_CHECKING:

    class _Base:
        __slots__ = ()

else:
    # A builtin class whose objects carry the library's own state, where it can make one.
    _Base = object if _bridge.BRIDGE is None else _bridge.BRIDGE.base

_State = TypeVar("_State", bound="State")

_FORMATS = ("tokenizer.json", "tiktoken", "vocab+merges", "sentencepiece", "tekken")


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


class State(_Base):
    """A loaded tokenizer, without the calls that do something."""

    __slots__ = (
        "__weakref__",
        "_added",
        "_all_merges",
        "_handle",
        "_learnt",
        "_pool",
        "_source",
    )

    # Of what is loaded without a dropout, merges that no text leads to are forgotten.
    _KEEPS_ALL_MERGES = False

    # The same with these, made when it is first needed.
    _all_merges: Optional[State]

    # The method that loads the tokenizer again, and its arguments.
    _source: Tuple[Any, ...]

    # Made when first asked for: Gemma 3 has 6415, which took longer than the rest of loading.
    _added: Optional[Mapping[str, AddedToken]]

    # What `train_from_iterator` learnt, where two tokens may have the same bytes.
    _learnt: Optional[List[bytes]]

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
        if not 0 <= token_id < ID_LIMIT:
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
        """Where it came from.

        ``"tokenizer.json"``, ``"tiktoken"``, ``"vocab+merges"``, ``"sentencepiece"`` or
        ``"tekken"``.
        """
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
    def dropout(self) -> Optional[float]:
        """How often a merge that is due is left out by chance, as the file says; None: never.

        Where it is not None, each call that encodes or counts takes new samples: `encode` gives
        other ids for the same text again and again. They are numbered from the last
        `seed_dropout`, or from loading on, and those of a batch do not depend on the number of
        threads. Up to 9 decimals are kept.
        """
        threshold = self._property(Property.DROPOUT)
        return (round(threshold / 2**32, 9) or threshold / 2**32) if threshold else None

    def seed_dropout(self, seed: int) -> None:
        """Begins the samples of a tokenizer with a `dropout` anew; without one it does nothing.

        The calls that follow give the ids that the same calls give behind the same seed. A
        tokenizer that was just loaded is as if seeded with 0, so that a run can be repeated. It is
        kept in no file. No other thread may be using the tokenizer.

        Args:
            seed: From 0 to 2**64 - 1.

        Raises:
            InvalidTypeError, InvalidValueError: It is no such int.
        """
        _native.LIBRARY.pyaot_tokenizer_seed_dropout(self._handle.address, check_seed(seed))

    @property
    def added_tokens(self) -> Mapping[str, AddedToken]:
        """The tokens matched before the text is cut into pieces, in ascending order of id."""
        if self._added is None:
            self._added = MappingProxyType(_added_tokens(self._handle))
        return self._added

    @property
    def special_tokens(self) -> Mapping[str, int]:
        """The texts of the special tokens among the added tokens, and their ids."""
        return {text: token.id for text, token in self.added_tokens.items() if token.special}

    def __repr__(self) -> str:
        """For example ``<Tokenizer tokenizer.json vocab_size=50257 pre_tokenizer=gpt2>``."""
        return (
            f"<{type(self).__name__} {self.format} vocab_size={self.vocab_size} "
            f"pre_tokenizer={self.pre_tokenizer}>"
        )

    def __copy__(self: _State) -> _State:
        """Itself, for it never changes (but for what `seed_dropout` does)."""
        return self

    def __deepcopy__(self: _State, memo: Dict[int, Any]) -> _State:
        """Itself, for it never changes."""
        return self

    def _ranks(self) -> Iterator[Tuple[int, bytes]]:
        added = {token.id for token in self.added_tokens.values()}
        for token_id in range(self.vocab_size):
            token = self.id_to_token(token_id)
            if token is not None and token_id not in added:
                yield token_id, token

    def _finish(self, handle: _native.Handle, source: Tuple[Any, ...]) -> None:
        self._handle = handle
        self._pool = _native.ContextPool(handle)
        if _bridge.BRIDGE is not None:
            _bridge.BRIDGE.bind(self, handle)
        self._source = source
        self._learnt = None
        self._added = None
        self._all_merges = None

    def _with_all_merges(self) -> State:
        """Itself or `_all_merges`; the loader knows how these are made."""
        raise NotImplementedError

    def _property(self, which: Property) -> int:
        return _native.LIBRARY.pyaot_tokenizer_property(self._handle.address, which)


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
