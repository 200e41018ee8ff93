"""`Encoding`, as tiktoken has it."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from typing import (
    TYPE_CHECKING,
    AbstractSet,
    Any,
    Collection,
    Dict,
    FrozenSet,
    Iterable,
    List,
    Literal,
    NoReturn,
    Optional,
    Pattern,
    Sequence,
    Set,
    Tuple,
    TypeVar,
    Union,
)

from .. import _bridge
from ..errors import SpecialTokenError
from ._core_bpe import CoreBPE

if TYPE_CHECKING:
    import numpy

    class _Base:
        __slots__ = ()

else:
    # A builtin class whose objects carry the library's own state, where it can make one.
    _Base = object if _bridge.BRIDGE is None else _bridge.BRIDGE.base

Allowed = Union[Literal["all"], AbstractSet[str]]
Disallowed = Union[Literal["all"], Collection[str]]

_T = TypeVar("_T")

_BRIDGE = _bridge.BRIDGE
_THREADS_MAX = 4096


class Encoding(_Base):
    """A tokenizer made of ranks, a pattern and special tokens.

    Texts that spell special tokens are refused unless the call says otherwise. One encoding may be
    used by any number of threads at once; it can be pickled and copied.
    """

    def __init__(
        self,
        name: str,
        *,
        pat_str: str,
        mergeable_ranks: Dict[bytes, int],
        special_tokens: Dict[str, int],
        explicit_n_vocab: Optional[int] = None,
    ) -> None:
        """Builds it.

        Args:
            name: What it is called.
            pat_str: The regular expression that cuts text into pieces.
            mergeable_ranks: The bytes of each token and its rank, which is its id; the pair whose
                token has the lowest rank merges first.
            special_tokens: The texts of special tokens and their ids.
            explicit_n_vocab: How many tokens there are; checked if given.

        Raises:
            AssertionError: `explicit_n_vocab` is not the number of tokens.
            ValueError: There are no ranks, or two that are equal; a special token is empty; the
                pattern cannot be read.
            TypeError, OverflowError, UnicodeEncodeError: An argument or an item is not as needed.
            MemoryError: Memory ran out.
        """
        self.name = name
        self._pat_str = pat_str
        self._mergeable_ranks = mergeable_ranks
        self._special_tokens = special_tokens
        highest_rank = max(mergeable_ranks.values())
        highest_special = max(special_tokens.values(), default=0)
        self.max_token_value = max(highest_rank, highest_special)
        if explicit_n_vocab and (
            len(mergeable_ranks) + len(special_tokens) != explicit_n_vocab
            or self.max_token_value != explicit_n_vocab - 1
        ):
            raise AssertionError
        self._special_token_values = set(special_tokens.values())
        self._core_bpe = CoreBPE(mergeable_ranks, special_tokens, pat_str)
        self._bind()

    def _bind(self) -> None:
        """Lets the builtin methods handle what they can."""
        core = self._core_bpe
        if _BRIDGE is not None and core.is_plain:
            _BRIDGE.bind(self, core.tokenizer._handle)

    def __repr__(self) -> str:
        """For example ``<Encoding 'gpt2'>``."""
        return f"<Encoding {self.name!r}>"

    def encode_ordinary(self, text: str) -> List[int]:
        """The ids of a text in which special tokens are text.

        Pairs of surrogates count as the character that they encode, lone ones as U+FFFD.

        Raises:
            TypeError: `text` is no str.
            ValueError: It has a byte that the vocabulary has no token for.
        """
        try:
            return self._core_bpe.encode_ordinary(text)
        except UnicodeEncodeError:
            return self._core_bpe.encode_ordinary(_repaired(text))

    def encode(
        self,
        text: str,
        *,
        allowed_special: Allowed = set(),  # noqa: B006 (never changed)
        disallowed_special: Disallowed = "all",
    ) -> List[int]:
        """The ids of a text.

        Args:
            text: As for `encode_ordinary`.
            allowed_special: The special tokens that become their ids where the text spells them.
            disallowed_special: Texts that must not occur; ``"all"``: the special tokens that are
                not allowed. What is neither allowed nor disallowed is text.

        Raises:
            ValueError: A disallowed text occurs; or as for `encode_ordinary`.
            TypeError: An argument is of the wrong type.
        """
        allowed, absent = self._check(text, allowed_special, disallowed_special)
        try:
            return self._core_bpe.encode(text, allowed, absent)
        except UnicodeEncodeError:
            # What did not occur may do so now.
            return self._core_bpe.encode(_repaired(text), allowed)

    def encode_to_numpy(
        self,
        text: str,
        *,
        allowed_special: Allowed = set(),  # noqa: B006 (never changed)
        disallowed_special: Disallowed = "all",
    ) -> numpy.ndarray[Any, numpy.dtype[numpy.uint32]]:
        """As `encode`, as a read-only array of uint32.

        Raises:
            UnicodeEncodeError: `text` has surrogates.
            ModuleNotFoundError: NumPy is not installed.
            ValueError, TypeError: As for `encode`.
        """
        allowed, _ = self._check(text, allowed_special, disallowed_special)
        import numpy  # noqa: PLC0415 (an optional extra)

        buffer = self._core_bpe.encode_to_tiktoken_buffer(text, allowed)
        ids: numpy.ndarray[Any, numpy.dtype[numpy.uint32]]
        ids = numpy.frombuffer(buffer, dtype=numpy.uint32)
        return ids

    def encode_ordinary_batch(
        self, text: Sequence[str], *, num_threads: int = 8
    ) -> List[List[int]]:
        """The ids of each of many texts, as `encode_ordinary`, on several threads.

        Raises:
            ValueError: `num_threads` is less than 1; or as for `encode_ordinary`.
            TypeError: An argument is of the wrong type.
        """
        threads = _check_workers(num_threads)
        texts = list(text)
        if self._core_bpe.is_plain and _are_strs(texts):
            return self._core_bpe.tokenizer.encode_batch(
                texts, num_threads=threads, special_tokens="text"
            )
        return [self.encode_ordinary(item) for item in texts]

    def encode_batch(
        self,
        text: Sequence[str],
        *,
        num_threads: int = 8,
        allowed_special: Allowed = set(),  # noqa: B006 (never changed)
        disallowed_special: Disallowed = "all",
    ) -> List[List[int]]:
        """The ids of each of many texts, as `encode`, on several threads.

        Raises:
            ValueError: `num_threads` is less than 1; or as for `encode`.
            TypeError: An argument is of the wrong type.
        """
        allowed, disallowed = self._resolve(allowed_special, disallowed_special)
        disallowed = frozenset(disallowed)
        threads = _check_workers(num_threads)
        texts = list(text)
        mode = self._mode(allowed, disallowed)
        if mode is not None and _are_strs(texts):
            try:
                return self._core_bpe.tokenizer.encode_batch(
                    texts, num_threads=threads, special_tokens=mode
                )
            except SpecialTokenError:
                # Below, the first text with a fault tells of it.
                pass
        return [
            self.encode(item, allowed_special=allowed, disallowed_special=disallowed)
            for item in texts
        ]

    def encode_with_unstable(
        self,
        text: str,
        *,
        allowed_special: Allowed = set(),  # noqa: B006 (never changed)
        disallowed_special: Disallowed = "all",
    ) -> Tuple[List[int], List[List[int]]]:
        """The ids that no continuation of the text can change, and what may follow them.

        Returns:
            The ids that are certain; and in no certain order the sequences of ids that the rest of
            the text may become, each as far as the text goes.

        Raises:
            UnicodeEncodeError: `text` has surrogates.
            ValueError, TypeError: As for `encode`.
        """
        allowed, _ = self._check(text, allowed_special, disallowed_special)
        return self._core_bpe.encode_with_unstable(text, allowed)

    def encode_single_token(self, text_or_bytes: Union[str, bytes]) -> int:
        """The id of a token, also of a special one.

        Raises:
            KeyError: There is no such token.
            TypeError: `text_or_bytes` is neither str nor bytes.
        """
        if isinstance(text_or_bytes, str):
            text_or_bytes = text_or_bytes.encode("utf-8")
        return self._core_bpe.encode_single_token(text_or_bytes)

    def decode_bytes(self, tokens: Sequence[int]) -> bytes:
        """The bytes of ids.

        Raises:
            KeyError: No token has one of them.
            TypeError, OverflowError: `tokens` is no sequence of ids.
        """
        return self._core_bpe.decode_bytes(tokens)

    def decode(self, tokens: Sequence[int], errors: str = "replace") -> str:
        """The text of ids; `errors` is what ``bytes.decode`` does with what is not UTF-8.

        Raises:
            UnicodeDecodeError: The bytes are not UTF-8 and `errors` is ``"strict"``.
            LookupError: There is no handler called `errors`.
            KeyError, TypeError, OverflowError: As for `decode_bytes`.
        """
        return self._core_bpe.decode_bytes(tokens).decode("utf-8", errors=errors)

    def decode_single_token_bytes(self, token: int) -> bytes:
        """The bytes of one id; errors as for `decode_bytes`."""
        return self._core_bpe.decode_single_token_bytes(token)

    def decode_tokens_bytes(self, tokens: Iterable[int]) -> List[bytes]:
        """The bytes of each id; errors as for `decode_bytes`."""
        return [self._core_bpe.decode_single_token_bytes(token) for token in tokens]

    def decode_with_offsets(self, tokens: Iterable[int]) -> Tuple[str, List[int]]:
        """The text of ids, and at which of its characters each of them begins.

        A token that begins within a character begins at that character.

        Raises:
            UnicodeDecodeError: The bytes are not UTF-8.
            KeyError, TypeError, OverflowError: As for `decode_bytes`.
        """
        parts = self.decode_tokens_bytes(tokens)
        offsets = []
        length = 0
        for part in parts:
            offsets.append(max(0, length - _is_continuation(part[0])))
            length += len(part) - sum(map(_is_continuation, part))
        return b"".join(parts).decode("utf-8", errors="strict"), offsets

    def decode_batch(
        self, batch: Iterable[Sequence[int]], *, errors: str = "replace", num_threads: int = 8
    ) -> List[str]:
        """The text of each of many sequences of ids.

        Raises:
            ValueError: `num_threads` is less than 1.
            KeyError, TypeError, OverflowError, UnicodeDecodeError, LookupError: As for `decode`.
        """
        _check_workers(num_threads)
        return [self.decode(tokens, errors=errors) for tokens in batch]

    def decode_bytes_batch(
        self, batch: Iterable[Sequence[int]], *, num_threads: int = 8
    ) -> List[bytes]:
        """The bytes of each of many sequences of ids; errors as for `decode_batch`."""
        _check_workers(num_threads)
        return [self.decode_bytes(tokens) for tokens in batch]

    def token_byte_values(self) -> List[bytes]:
        """The tokens in the order of their bytes, without special ones."""
        return self._core_bpe.token_byte_values()

    @property
    def eot_token(self) -> int:
        """The id of ``<|endoftext|>``; KeyError if there is none."""
        return self._special_tokens["<|endoftext|>"]

    @property
    def special_tokens_set(self) -> Set[str]:
        """The texts of the special tokens."""
        found = self.__dict__.get("special_tokens_set")
        if found is None:
            found = self.__dict__["special_tokens_set"] = set(self._special_tokens)
        return found

    def is_special_token(self, token: int) -> bool:
        """Whether a special token has this id; AssertionError if it is no int."""
        if not isinstance(token, int):
            raise AssertionError
        return token in self._special_token_values

    @property
    def n_vocab(self) -> int:
        """One more than the highest id."""
        return self.max_token_value + 1

    def _encode_single_piece(self, text_or_bytes: Union[str, bytes]) -> List[int]:
        """The ids of a text or bytes that the pattern does not cut."""
        if isinstance(text_or_bytes, str):
            text_or_bytes = text_or_bytes.encode("utf-8")
        return self._core_bpe.encode_single_piece(text_or_bytes)

    def _encode_only_native_bpe(self, text: str) -> List[int]:
        """As `encode_ordinary`, piece by piece."""
        return self._core_bpe.encode_ordinary(text)

    def _encode_bytes(self, text: bytes) -> List[int]:
        """The ids of bytes that need not be UTF-8."""
        return self._core_bpe._encode_bytes(text)

    def _resolve(
        self, allowed: Allowed, disallowed: Disallowed
    ) -> Tuple[AbstractSet[str], Collection[str]]:
        """The texts that ``"all"`` stands for."""
        every = self._core_bpe.special_set
        if allowed == "all":
            allowed = every
        if disallowed == "all":
            if isinstance(allowed, (set, frozenset)):
                disallowed = _without(every, frozenset(allowed))
            else:
                disallowed = set(every) - allowed
        return allowed, disallowed

    def _check(
        self, text: str, allowed: Allowed, disallowed: Disallowed
    ) -> Tuple[AbstractSet[str], FrozenSet[str]]:
        """The special tokens that are allowed, and texts that do not occur.

        Raises:
            ValueError: A disallowed text occurs.
        """
        allowed_set, given = self._resolve(allowed, disallowed)
        disallowed_set: FrozenSet[str] = frozenset()
        if given:
            disallowed_set = given if isinstance(given, frozenset) else frozenset(given)
            pattern = _special_token_regex(disallowed_set)
            if not isinstance(text, str):
                # As the package `regex` puts it, which tiktoken searches with.
                is_bytes = isinstance(text, (bytes, bytearray, memoryview))
                raise TypeError(
                    "cannot use a string pattern on a bytes-like object"
                    if is_bytes
                    else f"a bytes-like object is required, not '{type(text).__name__}'"
                )
            match = pattern.search(text)
            if match is not None:
                raise_disallowed_special_token(match.group())
        return allowed_set, disallowed_set

    def _mode(
        self, allowed: AbstractSet[str], disallowed: FrozenSet[str]
    ) -> Optional[Literal["parse", "text", "refuse"]]:
        """What of the tokenizer's own modes does the same, if one does."""
        if not self._core_bpe.is_plain or not isinstance(allowed, (set, frozenset)):
            return None
        specials = self._core_bpe.special_set
        if not allowed:
            if not disallowed:
                return "text"
            return "refuse" if disallowed == specials else None
        return "parse" if allowed == specials and not disallowed else None

    def __getstate__(self) -> Union[str, Dict[str, Any]]:
        """The name, if `get_encoding` gives this very object for it; else the whole content."""
        from . import registry  # noqa: PLC0415 (which imports this module)

        if self is registry.ENCODINGS.get(self.name):
            return self.name
        return {
            "name": self.name,
            "pat_str": self._pat_str,
            "mergeable_ranks": self._mergeable_ranks,
            "special_tokens": self._special_tokens,
        }

    def __setstate__(self, value: Union[str, Dict[str, Any]]) -> None:
        """Builds what `__getstate__` gave."""
        from . import registry  # noqa: PLC0415 (which imports this module)

        if isinstance(value, str):
            self.__dict__ = registry.get_encoding(value).__dict__
            self._bind()
        else:
            Encoding.__init__(self, **value)


if _BRIDGE is not None:
    for _name in ("encode", "encode_ordinary", "decode", "decode_bytes"):
        _BRIDGE.install(Encoding, _name, "tiktoken.")


def raise_disallowed_special_token(token: str) -> NoReturn:
    """The ValueError that tells how to allow the special token `token`."""
    raise ValueError(
        f"Encountered text corresponding to disallowed special token {token!r}.\n"
        "If you want this text to be encoded as a special token, "
        f"pass it to `allowed_special`, e.g. `allowed_special={{{token!r}, ...}}`.\n"
        f"If you want this text to be encoded as normal text, disable the check for this token "
        f"by passing `disallowed_special=(enc.special_tokens_set - {{{token!r}}})`.\n"
        "To disable this check for all special tokens, pass `disallowed_special=()`.\n"
    )


@lru_cache(maxsize=128)
def _without(every: FrozenSet[str], allowed: FrozenSet[str]) -> FrozenSet[str]:
    return every - allowed


@lru_cache(maxsize=128)
def _special_token_regex(tokens: FrozenSet[str]) -> Pattern[str]:
    for token in tokens:
        # TypeError where it cannot be.
        iter(token)
    return re.compile(f"({'|'.join(map(re.escape, tokens))})")


def _repaired(text: str) -> str:
    """`text` with pairs of surrogates joined and U+FFFD for lone ones."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _check_workers(num_threads: Optional[int]) -> Optional[int]:
    """How many threads the core is to use.

    Raises:
        ValueError: `num_threads` is less than 1.
    """
    if num_threads is None:
        return min(32, (os.cpu_count() or 1) + 4)
    if num_threads <= 0:
        raise ValueError("max_workers must be greater than 0")
    return max(1, min(int(num_threads), _THREADS_MAX))


def _are_strs(items: List[Any]) -> bool:
    return set(map(type, items)) <= {str}


def _is_continuation(byte: int) -> bool:
    return 0x80 <= byte < 0xC0
