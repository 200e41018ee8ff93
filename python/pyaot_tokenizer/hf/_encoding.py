"""`Encoding`, as tokenizers has it, whose columns are made when they are asked for.

An encoding is a row of parts: stretches of what a text was encoded to, and tokens put in by hand.
Truncating, padding and merging work on parts; tokens, offsets and words of a stretch are found out
once somebody looks.
"""

from __future__ import annotations

import warnings
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    TypeVar,
)

from ..errors import InvalidValueError

Offset = Tuple[int, int]

_T = TypeVar("_T")

# The white space of Rust's `char::is_whitespace`.
WHITE = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)

# And the sign for a space of byte-level tokens.
_WHITE_SIGNS = WHITE + "\u0120"


class Encoded:
    """What one sequence was encoded to. Its columns are made when they are asked for."""

    __slots__ = ("_offsets", "_tokens", "_words", "ids")

    def __init__(self, ids: List[int]) -> None:
        """Takes the ids, whose list is its own from now on."""
        self.ids = ids
        self._tokens: Optional[List[str]] = None
        self._offsets: Optional[List[Offset]] = None
        self._words: Optional[List[Optional[int]]] = None

    def find_tokens(self) -> List[str]:
        """Makes the tokens."""
        return [""] * len(self.ids)

    def find_offsets(self) -> List[Offset]:
        """Makes the offsets."""
        return [(0, 0)] * len(self.ids)

    def find_words(self) -> List[Optional[int]]:
        """Makes the indices of the words."""
        return [None] * len(self.ids)

    @property
    def tokens(self) -> List[str]:
        """The tokens, as the vocabulary spells them."""
        if self._tokens is None:
            self._tokens = self.find_tokens()
        return self._tokens

    @property
    def offsets(self) -> List[Offset]:
        """Where they stand, in characters."""
        if self._offsets is None:
            self._offsets = self.find_offsets()
        return self._offsets

    @property
    def words(self) -> List[Optional[int]]:
        """The words they are in."""
        if self._words is None:
            self._words = self.find_words()
        return self._words


class Known(Encoded):
    """What is known already; without offsets and words for tokens that are in no text."""

    __slots__ = ()

    def __init__(
        self,
        ids: List[int],
        tokens: List[str],
        offsets: Optional[List[Offset]] = None,
        words: Optional[List[Optional[int]]] = None,
    ) -> None:
        """Takes the columns."""
        super().__init__(ids)
        self._tokens = tokens
        self._offsets = offsets
        self._words = words


class Part(NamedTuple):
    """Neighbouring tokens of an encoding."""

    source: Encoded
    start: int
    end: int
    type_id: int = 0
    special: int = 0
    attention: int = 1
    shift: int = 0
    """What is added to the offsets."""
    trims: Tuple[Tuple[bool, int], ...] = ()
    """How white space is taken off the offsets: with a prefix space or not, and where the encoding
    began that it was done to."""

    @property
    def size(self) -> int:
        """How many tokens it has."""
        return self.end - self.start

    def cut(self, start: int, end: int) -> Part:
        """A stretch of it."""
        return self._replace(start=self.start + start, end=self.start + end)

    def offsets(self) -> List[Offset]:
        """Where its tokens stand."""
        found = self.source.offsets[self.start : self.end]
        if self.trims:
            tokens = self.source.tokens[self.start : self.end]
            for with_prefix, first in self.trims:
                at = first - self.start
                found = [
                    _trimmed(token, offset, with_prefix, index == at)
                    for index, (token, offset) in enumerate(zip(tokens, found))
                ]
        if self.shift:
            return [(start + self.shift, end + self.shift) for start, end in found]
        return found


def _trimmed(token: str, offset: Offset, with_prefix: bool, is_first: bool) -> Offset:
    leading = len(token) - len(token.lstrip(_WHITE_SIGNS))
    trailing = len(token) - len(token.rstrip(_WHITE_SIGNS))
    start, end = offset
    if leading:
        if (is_first or start == 0) and with_prefix and leading == 1:
            leading = 0
        start = min(start + leading, end)
    if trailing and end >= trailing:
        end = max(end - trailing, start)
    return start, end


def fixed(
    ids: List[int], tokens: List[str], type_id: int, *, special: int = 1, attention: int = 1
) -> Part:
    """Tokens that are in no text."""
    return Part(Known(ids, tokens), 0, len(ids), type_id, special, attention)


class Encoding:
    """What a text, or a pair of them, becomes: ids, and what is known about each.

    As in tokenizers, save that lists are made when they are asked for.
    """

    __slots__ = ("__weakref__", "_columns", "_overflowing", "_parts", "_ranges")

    def __init__(self) -> None:
        """Makes an empty one."""
        self._parts: List[Part] = []
        self._ranges: Dict[int, Tuple[int, int]] = {}
        self._overflowing: List[Encoding] = []
        self._columns: Dict[str, List[Any]] = {}

    @classmethod
    def _of(cls, parts: List[Part]) -> Encoding:
        self = cls.__new__(cls)
        self._parts = parts
        self._ranges = {}
        self._overflowing = []
        self._columns = {}
        return self

    def _copy(self) -> Encoding:
        copy = Encoding._of(list(self._parts))
        copy._ranges = dict(self._ranges)
        copy._overflowing = list(self._overflowing)
        return copy

    def _column(self, name: str, of: Callable[[Part], List[_T]]) -> List[_T]:
        found = self._columns.get(name)
        if found is None:
            found = [item for part in self._parts for item in of(part)]
            self._columns[name] = found
        return found

    @property
    def ids(self) -> List[int]:
        """The ids, in a new list."""
        if len(self._parts) == 1:
            part = self._parts[0]
            return part.source.ids[part.start : part.end]
        return [i for part in self._parts for i in part.source.ids[part.start : part.end]]

    @property
    def tokens(self) -> List[str]:
        """The tokens, as the vocabulary spells them."""
        return list(self._tokens())

    def _tokens(self) -> List[str]:
        return self._column("tokens", lambda part: part.source.tokens[part.start : part.end])

    @property
    def offsets(self) -> List[Offset]:
        """Where the tokens begin and end in their text, in characters."""
        return list(self._offsets())

    def _offsets(self) -> List[Offset]:
        return self._column("offsets", Part.offsets)

    @property
    def word_ids(self) -> List[Optional[int]]:
        """The index of the word that each token is in."""
        return list(self._words())

    def _words(self) -> List[Optional[int]]:
        return self._column("words", lambda part: part.source.words[part.start : part.end])

    @property
    def words(self) -> List[Optional[int]]:
        """The former name of `word_ids`."""
        warnings.warn(
            "Encoding.words is deprecated, please use Encoding.word_ids instead.",
            DeprecationWarning,
            stacklevel=2,
        )
        return self.word_ids

    @property
    def type_ids(self) -> List[int]:
        """Which of the sequences each token is counted to."""
        return [i for part in self._parts for i in [part.type_id] * part.size]

    @property
    def special_tokens_mask(self) -> List[int]:
        """1 for tokens that the post-processor or padding put in."""
        return [i for part in self._parts for i in [part.special] * part.size]

    @property
    def attention_mask(self) -> List[int]:
        """0 for tokens that padding put in."""
        return [i for part in self._parts for i in [part.attention] * part.size]

    @property
    def overflowing(self) -> List[Encoding]:
        """What truncation cut off, in pieces of the same length."""
        return list(self._overflowing)

    @property
    def n_sequences(self) -> int:
        """How many sequences there are."""
        return len(self._ranges) or 1

    @property
    def sequence_ids(self) -> List[Optional[int]]:
        """The sequence that each token is of."""
        found: List[Optional[int]] = [None] * len(self)
        for sequence in range(self.n_sequences):
            start, end = self._range(sequence)
            found[start:end] = [sequence] * (end - start)
        return found

    def __len__(self) -> int:
        return sum(part.size for part in self._parts)

    def __repr__(self) -> str:
        return (
            f"Encoding(num_tokens={len(self)}, attributes=[ids, type_ids, tokens, offsets, "
            "attention_mask, special_tokens_mask, overflowing])"
        )

    def __getstate__(self) -> Dict[str, Any]:
        names = ("ids", "tokens", "offsets", "word_ids", "type_ids", "special_tokens_mask")
        state: Dict[str, Any] = {name: getattr(self, name) for name in names}
        state["attention_mask"] = self.attention_mask
        state["ranges"] = self._ranges
        state["overflowing"] = self._overflowing
        return state

    def __setstate__(self, state: Dict[str, Any]) -> None:
        source = Known(state["ids"], state["tokens"], state["offsets"], state["word_ids"])
        masks = zip(state["type_ids"], state["special_tokens_mask"], state["attention_mask"])
        self._parts = [Part(source, index, index + 1, *facts) for index, facts in enumerate(masks)]
        self._ranges = state["ranges"]
        self._overflowing = state["overflowing"]
        self._columns = {}

    def set_sequence_id(self, sequence_id: int) -> None:
        """Says that all tokens are of one sequence."""
        self._ranges[sequence_id] = (0, len(self))

    def _set_type_id(self, type_id: int) -> None:
        self._parts = [part._replace(type_id=type_id) for part in self._parts]

    def _trim(self, with_prefix: bool) -> None:
        """Takes white space off the offsets."""
        first: Optional[int] = None
        parts = []
        for part in self._parts:
            if first is None and part.size > 0:
                first = part.start
                parts.append(part._replace(trims=(*part.trims, (with_prefix, first))))
            else:
                parts.append(part._replace(trims=(*part.trims, (with_prefix, -1))))
        self._parts = parts
        self._columns.clear()

    def _range(self, sequence_id: int) -> Tuple[int, int]:
        return self._ranges.get(sequence_id, (0, len(self)))

    def token_to_sequence(self, token_index: int) -> Optional[int]:
        """The sequence that a token is of."""
        _check_index(token_index)
        if token_index > len(self):
            return None
        if not self._ranges:
            return 0
        for sequence, (start, end) in self._ranges.items():
            if start <= token_index < end:
                return sequence
        return None

    def token_to_chars(self, token_index: int) -> Optional[Offset]:
        """Where a token begins and ends."""
        if self.token_to_sequence(token_index) is None or token_index >= len(self):
            return None
        return self._offsets()[token_index]

    def token_to_word(self, token_index: int) -> Optional[int]:
        """The word that a token is in."""
        if self.token_to_sequence(token_index) is None or token_index >= len(self):
            return None
        return self._words()[token_index]

    def word_to_tokens(self, word_index: int, sequence_index: int = 0) -> Optional[Offset]:
        """The first token of a word, and the one behind its last."""
        _check_index(word_index)
        begin, end = self._range(sequence_index)
        first = last = None
        for index, word in enumerate(self._words()[begin:end], begin):
            if word is None:
                continue
            if word > word_index:
                break
            if word == word_index:
                first = index if first is None else first
                last = index + 1
        return None if first is None or last is None else (first, last)

    def word_to_chars(self, word_index: int, sequence_index: int = 0) -> Optional[Offset]:
        """Where a word begins and ends."""
        tokens = self.word_to_tokens(word_index, sequence_index)
        if tokens is None:
            return None
        offsets = self._offsets()
        return offsets[tokens[0]][0], offsets[tokens[1] - 1][1]

    def char_to_token(self, char_pos: int, sequence_index: int = 0) -> Optional[int]:
        """The first token that has a character."""
        _check_index(char_pos)
        begin, end = self._range(sequence_index)
        for index, (start, stop) in enumerate(self._offsets()[begin:end], begin):
            if start <= char_pos < stop:
                return index
        return None

    def char_to_word(self, char_pos: int, sequence_index: int = 0) -> Optional[int]:
        """The word that has a character."""
        token = self.char_to_token(char_pos, sequence_index)
        return None if token is None else self.token_to_word(token)

    def pad(
        self,
        length: int,
        direction: str = "right",
        pad_id: int = 0,
        pad_type_id: int = 0,
        pad_token: str = "[PAD]",
    ) -> None:
        """Fills up to `length` tokens, in place."""
        check_direction(direction)
        for overflowing in self._overflowing:
            overflowing.pad(length, direction, pad_id, pad_type_id, pad_token)
        count = length - len(self)
        if count <= 0:
            return
        padding = fixed([pad_id] * count, [pad_token] * count, pad_type_id, attention=0)
        if direction == "right":
            self._parts = [*self._parts, padding]
        else:
            self._parts = [padding, *self._parts]
            self._ranges = {
                sequence: (start + count, end + count)
                for sequence, (start, end) in self._ranges.items()
            }
        self._columns.clear()

    def truncate(self, max_length: int, stride: int = 0, direction: str = "right") -> None:
        """Keeps `max_length` tokens, in place; the others go to `overflowing`.

        Raises:
            InvalidValueError: `stride` is not less than `max_length` (where tokenizers panics).
        """
        check_direction(direction)
        length = len(self)
        if max_length >= length:
            return
        if max_length == 0:
            self._overflowing = [self._copy()]
            self._parts, self._ranges = [], {}
            self._columns.clear()
            return
        if stride >= max_length:
            raise InvalidValueError(f"stride must be less than max_length={max_length}")
        pieces = [
            Encoding._of(_cut(self._parts, start, end))
            for start, end in _windows(length, max_length, max_length - stride, direction)
        ]
        self._parts, self._ranges = pieces[0]._parts, {}
        self._overflowing = pieces[1:]
        self._columns.clear()

    @staticmethod
    def merge(encodings: Sequence[Encoding], growing_offsets: bool = True) -> Encoding:
        """One after the other, in one encoding."""
        merged = Encoding()
        for encoding in encodings:
            merged._merge_with(encoding, growing_offsets)
        return merged

    def _merge_with(self, pair: Encoding, growing_offsets: bool) -> None:
        overflowing: List[Encoding] = []
        for own in self._overflowing:
            overflowing.append(own._merged(pair, growing_offsets))
            overflowing += [own._merged(other, growing_offsets) for other in pair._overflowing]
        overflowing += [self._merged(other, growing_offsets) for other in pair._overflowing]
        length = len(self)
        shift = self._offsets()[-1][1] if growing_offsets and length else 0
        for sequence, (start, end) in pair._ranges.items():
            self._ranges[sequence] = (length + start, length + end)
        self._parts = self._parts + [
            part._replace(shift=part.shift + shift) if shift else part for part in pair._parts
        ]
        self._overflowing = overflowing
        self._columns.clear()

    def _merged(self, pair: Encoding, growing_offsets: bool) -> Encoding:
        copy = self._copy()
        copy._merge_with(pair, growing_offsets)
        return copy


def check_direction(direction: str) -> None:
    """Raises where it is none."""
    if direction not in ("left", "right"):
        raise InvalidValueError(f"Unknown `direction`: `{direction}`. Use one of `left` or `right`")


def _check_index(index: int) -> None:
    if index < 0:
        raise OverflowError("can't convert negative int to unsigned")


def _windows(length: int, size: int, step: int, direction: str) -> Iterable[Tuple[int, int]]:
    """Where the pieces of a truncated encoding begin and end."""
    if direction == "right":
        for start in range(0, length, step):
            end = min(start + size, length)
            yield start, end
            if end == length:
                return
    else:
        for end in range(length, 0, -step):
            start = max(end - size, 0)
            yield start, end
            if start == 0:
                return


def _cut(parts: List[Part], start: int, end: int) -> List[Part]:
    found = []
    at = 0
    for part in parts:
        first, last = max(start - at, 0), min(end - at, part.size)
        if first < last:
            found.append(part.cut(first, last))
        at += part.size
    return found
