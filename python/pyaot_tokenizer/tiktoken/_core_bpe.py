"""The object behind an `Encoding`: tiktoken's private ``CoreBPE``, over this package's tokenizer.

Checks of arguments, and the texts of their errors, are those of tiktoken's compiled part.
"""

from __future__ import annotations

import operator
import re
from array import array
from bisect import bisect_left
from collections.abc import Sequence as AbstractSequence
from functools import lru_cache
from itertools import chain
from typing import (
    AbstractSet,
    Any,
    Dict,
    FrozenSet,
    Iterable,
    List,
    Mapping,
    Optional,
    Pattern,
    Sequence,
    Set,
    Tuple,
)

from ..errors import FormatError, InvalidValueError, UnknownIdError
from ..patterns import PATTERNS
from ..tokenizer import Tokenizer

_ID_LIMIT = 1 << 32
_ANY_TEXT = r"[\s\S]+"
_WHITE = frozenset(b" \n\t")


class CoreBPE:
    """Encodes and decodes; special tokens are what the caller allows."""

    def __init__(
        self, encoder: Mapping[bytes, int], special_tokens_encoder: Mapping[str, int], pattern: str
    ) -> None:
        """Checks the arguments and builds the tokenizer.

        Raises:
            TypeError, OverflowError, UnicodeEncodeError: An argument or an item is not as needed.
            ValueError: The pattern cannot be read, ranks are given twice, or a special token is
                empty.
        """
        self.ranks = _checked_ranks(encoder)
        self.specials = _checked_specials(special_tokens_encoder)
        if not isinstance(pattern, str):
            raise _wrong_type(pattern, "str")
        pattern.encode()
        # A pattern that is called like a published one is meant as it stands.
        self._pattern = f"(?:{pattern})" if pattern in PATTERNS else pattern
        self._special_ids = {token.encode(): token_id for token, token_id in self.specials.items()}
        self.unknown_bytes = _ids_of_missing_bytes(self.ranks, self.specials.values())
        taken = set(self.ranks.values()).union(self.unknown_bytes.values())
        kept: Dict[str, int] = {}
        for token, token_id in self.specials.items():
            if token_id not in taken:
                taken.add(token_id)
                kept[token] = token_id
        self.special_set = frozenset(self.specials)
        self._kept = frozenset(kept)
        self.is_plain = len(kept) == len(self.specials) and not self.unknown_bytes
        """Whether the tokenizer alone knows all: no id is shared, no byte is missing."""
        self.tokenizer = Tokenizer.from_ranks(
            {**self.ranks, **self.unknown_bytes}, pattern=self._pattern, special_tokens=kept
        )
        self._unknown_ids = frozenset(self.unknown_bytes.values())
        self._pieces: Optional[Tokenizer] = None
        self._sorted: Optional[List[bytes]] = None

    def encode_ordinary(self, text: str) -> List[int]:
        """The ids of a text in which special tokens are text.

        Raises:
            TypeError: `text` is no str.
            UnicodeEncodeError: It has surrogates.
            ValueError: It has a byte without a token.
        """
        return self._known(self.tokenizer.encode_ordinary(_utf8(text)))

    def encode(
        self,
        text: str,
        allowed_special: AbstractSet[str],
        absent: FrozenSet[str] = frozenset(),
    ) -> List[int]:
        """The ids of a text, those of the special tokens in `allowed_special` among them.

        `absent` are texts that are known not to occur in it.
        """
        utf8 = _utf8(text)
        allowed = self._allowed(allowed_special)
        if not allowed:
            return self._known(self.tokenizer.encode_ordinary(utf8))
        if not self.unknown_bytes:
            others = _others(self._kept, allowed, absent)
            if not others or _alternatives(others).search(text) is None:
                return self.tokenizer.encode(utf8)
        ids: List[int] = []
        for stretch, special in _stretches(text, allowed):
            ids += self.tokenizer.encode_ordinary(stretch)
            if special is not None:
                ids.append(self.specials[special])
        return self._known(ids)

    def encode_to_tiktoken_buffer(self, text: str, allowed_special: AbstractSet[str]) -> memoryview:
        """As `encode`: an array of uint32."""
        return memoryview(array("I", self.encode(text, allowed_special))).toreadonly()

    def encode_with_unstable(
        self, text: str, allowed_special: AbstractSet[str]
    ) -> Tuple[List[int], List[List[int]]]:
        """The ids that more text cannot change, and what the rest of the text may become."""
        ids = self.encode(text, allowed_special)
        *_, (stretch, _special) = _stretches(text, self._allowed(allowed_special))
        size = self._last_piece_size(ids, stretch)
        if size == 0:
            return ids, []
        tail = self.decode_bytes(ids[len(ids) - size :])
        completions = self._completions(tail)
        return ids[: len(ids) - size], [list(completion) for completion in completions]

    def encode_single_token(self, piece: bytes) -> int:
        """The id of a token, also of a special one.

        Raises:
            TypeError: `piece` is no bytes.
            KeyError: There is none.
        """
        if not isinstance(piece, bytes):
            raise _wrong_type(piece, "bytes")
        found = self.ranks.get(piece)
        if found is None:
            found = self._special_ids.get(piece)
        if found is None:
            raise KeyError(piece)
        return found

    def encode_single_piece(self, piece: bytes) -> List[int]:
        """The ids of bytes that the pattern does not cut.

        Raises:
            TypeError: `piece` is no bytes.
            ValueError: It has a byte without a token.
        """
        if not isinstance(piece, bytes):
            raise _wrong_type(piece, "bytes")
        if piece in self.ranks:
            return [self.ranks[piece]]
        if self._pieces is None:
            self._pieces = Tokenizer.from_ranks(
                {**self.ranks, **self.unknown_bytes}, pattern=_ANY_TEXT
            )
        return self._known(self._pieces.encode_ordinary(piece))

    def _encode_bytes(self, text: bytes) -> List[int]:
        """The ids of bytes that need not be UTF-8; where they are not, the end is one piece."""
        if not isinstance(text, bytes):
            raise _wrong_type(text, "bytes")
        try:
            return self.encode_ordinary(text.decode())
        except UnicodeDecodeError as error:
            good = text[: error.start]
        ids = self.encode_ordinary(good.decode())
        size = self._last_piece_size(ids, good)
        start = len(ids) - size
        rest = self.decode_bytes(ids[start:]) + text[len(good) :]
        return ids[:start] + self.encode_single_piece(rest)

    def decode_bytes(self, tokens: Sequence[int]) -> bytes:
        """The bytes of ids.

        Raises:
            TypeError, OverflowError: `tokens` is no sequence of ids.
            KeyError: No token has one of them.
        """
        ids = to_ids(tokens)
        if self._unknown_ids:
            for token_id in ids:
                if token_id in self._unknown_ids:
                    raise KeyError(f"Invalid token for decoding: {token_id}")
        try:
            return self.tokenizer.decode_bytes(ids)
        except UnknownIdError as error:
            unknown = ids[error.offset or 0]
        raise KeyError(f"Invalid token for decoding: {unknown}")

    def decode_single_token_bytes(self, token: int) -> bytes:
        """The bytes of one id; errors as for `decode_bytes`."""
        token_id = to_id(token)
        found = None if token_id in self._unknown_ids else self.tokenizer.id_to_token(token_id)
        if found is None:
            raise KeyError(str(token_id))
        return found

    def token_byte_values(self) -> List[bytes]:
        """The tokens in the order of their bytes, without special ones."""
        return list(self._sorted_tokens())

    def _sorted_tokens(self) -> List[bytes]:
        if self._sorted is None:
            self._sorted = sorted(self.ranks)
        return self._sorted

    def _known(self, ids: List[int]) -> List[int]:
        """`ids`, if there is none of a missing byte among them.

        Raises:
            InvalidValueError: There is one.
        """
        if self._unknown_ids and not self._unknown_ids.isdisjoint(ids):
            byte = next(byte for byte, unknown in self.unknown_bytes.items() if unknown in ids)
            raise InvalidValueError(f"the vocabulary has no token for the byte {byte!r}")
        return ids

    def _allowed(self, allowed_special: AbstractSet[str]) -> FrozenSet[str]:
        if not isinstance(allowed_special, (set, frozenset)):
            raise _wrong_type(allowed_special, "set")
        if allowed_special is self.special_set:
            return self.special_set
        for token in allowed_special:
            _utf8(token)
        return frozenset(self.specials.keys() & allowed_special)

    def _last_piece_size(self, ids: List[int], stretch: bytes) -> int:
        """How many of the last of `ids` may change if more text follows `stretch`.

        These are the ids of the last piece, and with one of white space all white space before it:
        more text may make one piece of it.
        """
        pieces = self.tokenizer.pre_tokenize(stretch)
        if not pieces:
            return 0
        start, end = pieces[-1]
        size = len(self.encode_single_piece(stretch[start:end]))
        if self._is_white(ids[len(ids) - size]):
            while size < len(ids) and self._is_white(ids[len(ids) - size - 1]):
                size += 1
        return size

    def _is_white(self, token_id: int) -> bool:
        # A special token is none, whatever its text.
        token = self.tokenizer.id_to_token(token_id)
        return token is not None and _WHITE.issuperset(token) and token in self.ranks

    def _completions(self, tail: bytes) -> Set[Tuple[int, ...]]:
        """What ids a text that begins with `tail` may begin with, up to the end of `tail`."""
        found: Set[Tuple[int, ...]]
        found = {(self.ranks[token],) for token in self._tokens_from(tail)}
        for cut in range(1, len(tail)):
            head = tail[:cut]
            for token in self._tokens_from(tail[cut:]):
                found.add(self._cover(self._encode_possibility(head + token), len(tail)))
        # Text may come that splits white space from what is before it.
        character = tail.decode("utf-8", "replace")[-1:]
        size = len(character.encode())
        if character.isspace() and 0 < size < len(tail):
            found.add((*self._merge(tail[:-size]), *self._merge(tail[-size:])))
        return found

    def _tokens_from(self, start: bytes) -> Iterable[bytes]:
        """The tokens that begin with `start`."""
        tokens = self._sorted_tokens()
        index = bisect_left(tokens, start)
        while index < len(tokens) and tokens[index].startswith(start):
            yield tokens[index]
            index += 1

    def _encode_possibility(self, text: bytes) -> List[int]:
        try:
            text.decode()
        except UnicodeDecodeError:
            return self._merge(text)
        return self._known(self.tokenizer.encode_ordinary(text))

    def _cover(self, ids: List[int], length: int) -> Tuple[int, ...]:
        """As many of `ids` as it takes for so many bytes."""
        covered = 0
        for count, token_id in enumerate(ids, 1):
            covered += len(self.decode_single_token_bytes(token_id))
            if covered >= length:
                return tuple(ids[:count])
        return tuple(ids)

    def _merge(self, piece: bytes) -> List[int]:
        """The ids of a piece by merges alone, even where it is a token that no merges make."""
        parts = [piece[index : index + 1] for index in range(len(piece))]
        while len(parts) > 1:
            pairs = [left + right for left, right in zip(parts, parts[1:])]
            ranked = [(self.ranks[pair], at) for at, pair in enumerate(pairs) if pair in self.ranks]
            if not ranked:
                break
            _, at = min(ranked)
            parts[at : at + 2] = [pairs[at]]
        return [self.encode_single_token(part) for part in parts]


def to_id(value: Any) -> int:
    """An int of 32 bits.

    Raises:
        TypeError: `value` is no int.
        OverflowError: It is outside of 32 bits.
    """
    number = operator.index(value)
    if not 0 <= number < _ID_LIMIT:
        if -(1 << 63) <= number < 1 << 63:
            raise OverflowError("out of range integral type conversion attempted")
        raise OverflowError("Python int too large to convert to C long")
    return number


def to_ids(tokens: Sequence[int]) -> array[int]:
    """A sequence of ints of 32 bits; errors also as for `to_id`.

    Raises:
        TypeError: `tokens` is no sequence, or a str.
    """
    _check_sequence(tokens)
    items = list(tokens)
    try:
        return array("I", items)
    except (TypeError, OverflowError):
        return array("I", map(to_id, items))


def _check_sequence(value: Any) -> None:
    if isinstance(value, str):
        raise TypeError("Can't extract `str` to `Vec`")
    is_sequence = hasattr(value, "__getitem__") and hasattr(value, "__len__")
    if isinstance(value, dict) or not (is_sequence or isinstance(value, AbstractSequence)):
        raise _wrong_type(value, "Sequence")


def _checked_ranks(encoder: Mapping[bytes, int]) -> Dict[bytes, int]:
    """The ranks with keys and values of the very types bytes and int.

    Raises:
        TypeError, OverflowError: A key or a value is not as needed.
        FormatError: A rank or a token is there twice.
    """
    if set(map(type, encoder)) == {bytes} and set(map(type, encoder.values())) == {int}:
        ranks = dict(encoder)
        for bound in (min(ranks.values()), max(ranks.values())):
            to_id(bound)
    else:
        ranks = {}
        for token, rank in encoder.items():
            _check_sequence(token)
            ranks[bytes(token)] = to_id(rank)
    if len(set(ranks.values())) < len(encoder):
        raise FormatError("two tokens have the same rank, or two ranks the same token")
    return ranks


def _checked_specials(specials: Mapping[str, int]) -> Dict[str, int]:
    for token in specials:
        if not _utf8(token):
            raise FormatError("a special token is empty")
    return {token: to_id(token_id) for token, token_id in specials.items()}


def _ids_of_missing_bytes(
    ranks: Mapping[bytes, int], special_ids: Iterable[int]
) -> Dict[bytes, int]:
    """An id that is free for each single byte without a token."""
    missing = [bytes([byte]) for byte in range(256) if bytes([byte]) not in ranks]
    taken = set(chain(ranks.values(), special_ids))
    free = (token_id for token_id in range(_ID_LIMIT) if token_id not in taken)
    return dict(zip(missing, free))


def _stretches(text: str, specials: FrozenSet[str]) -> Iterable[Tuple[bytes, Optional[str]]]:
    """The stretches between `specials` in a text, and the one behind each or None."""
    parts = _alternatives(specials).split(text) if specials else [text]
    for index in range(0, len(parts), 2):
        yield parts[index].encode(), parts[index + 1] if index + 1 < len(parts) else None


@lru_cache(maxsize=128)
def _others(
    kept: FrozenSet[str], allowed: FrozenSet[str], absent: FrozenSet[str]
) -> FrozenSet[str]:
    """What a tokenizer with the special tokens `kept` takes otherwise than is allowed."""
    return (kept ^ allowed) - absent


@lru_cache(maxsize=128)
def _alternatives(tokens: FrozenSet[str]) -> Pattern[str]:
    # The longest first: of two at one place it is the one that counts.
    ordered = sorted(tokens, key=len, reverse=True)
    return re.compile(f"({'|'.join(map(re.escape, ordered))})")


def _utf8(text: str) -> bytes:
    if not isinstance(text, str):
        raise _wrong_type(text, "str")
    return text.encode()


def _wrong_type(value: object, wanted: str) -> TypeError:
    name = "'None'" if value is None else f"'{type(value).__name__}' object"
    return TypeError(f"{name} is not an instance of '{wanted}'")
