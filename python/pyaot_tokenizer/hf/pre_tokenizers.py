"""Pre-tokenizers: what cuts a text into the pieces that are encoded each by itself."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Iterable, List, NoReturn

from .._saving import byte_level_alphabet
from . import _left_out, _running
from ._components import (
    Component,
    Field,
    Indexed,
    Pattern,
    behavior_form,
    behavior_name,
    character,
    count,
    fixed_pattern,
    flag,
    no_pattern,
    pattern_form,
    scheme,
)

__all__ = [
    "BertPreTokenizer",
    "ByteLevel",
    "CharDelimiterSplit",
    "Digits",
    "FixedLength",
    "Metaspace",
    "PreTokenizer",
    "Punctuation",
    "Sequence",
    "Split",
    "UnicodeScripts",
    "Whitespace",
    "WhitespaceSplit",
]


class PreTokenizer(Component):
    """The base of all pre-tokenizers."""

    __slots__ = ()
    _role = "PreTokenizer"

    def pre_tokenize_str(self, sequence: str) -> List[_running.Piece]:
        """The pieces of a text, and where each begins and ends in it, in characters.

        Raises:
            TypeError: It is no str, or has lone surrogates.
            UnsupportedError: The pre-tokenizer asks for what is not supported.
        """
        return _running.pre_tokenize(self, sequence)

    def pre_tokenize(self, pretok: object) -> NoReturn:
        """Refuses to cut a `PreTokenizedString`, of which there are none.

        Raises:
            UnsupportedError: Always.
        """
        _left_out.refuse("pre_tokenize", "use pre_tokenize_str")

    @staticmethod
    def custom(pretok: object) -> NoReturn:
        """Refuses a component in Python.

        Raises:
            UnsupportedError: Always.
        """
        _left_out.refuse("a pre-tokenizer in Python", "the core runs without Python")


class BertPreTokenizer(PreTokenizer):
    """Cuts at white space, which it drops, and makes each sign of punctuation a piece."""

    __slots__ = ()


class ByteLevel(PreTokenizer):
    """Cuts by GPT-2's pattern, and spells bytes by the byte-level alphabet."""

    __slots__ = ()
    _defaults = MappingProxyType({"use_regex": True})
    add_prefix_space: Field[bool] = Field("add_prefix_space", flag)
    trim_offsets: Field[bool] = Field("trim_offsets", flag)
    use_regex: Field[bool] = Field("use_regex", flag)

    def __init__(
        self, add_prefix_space: bool = True, trim_offsets: bool = True, use_regex: bool = True
    ) -> None:
        """Says whether pieces get a space in front, and whether the pattern cuts at all."""
        super().__init__()
        self.add_prefix_space = add_prefix_space
        self.trim_offsets = trim_offsets
        self.use_regex = use_regex

    @staticmethod
    def alphabet() -> List[str]:
        """The characters that bytes are spelled with."""
        return byte_level_alphabet()


class CharDelimiterSplit(PreTokenizer):
    """Cuts at a character, which it drops."""

    __slots__ = ()
    delimiter: Field[str] = Field("delimiter", character)

    def __init__(self, delimiter: str) -> None:
        """Takes the character."""
        super().__init__()
        self.delimiter = delimiter


class Digits(PreTokenizer):
    """Cuts numbers from what is none."""

    __slots__ = ()
    individual_digits: Field[bool] = Field("individual_digits", flag)

    def __init__(self, individual_digits: bool = False) -> None:
        """Says whether each digit is a piece."""
        super().__init__()
        self.individual_digits = individual_digits


class FixedLength(PreTokenizer):
    """Cuts into pieces of as many characters."""

    __slots__ = ()
    length: Field[int] = Field("length", count)

    def __init__(self, length: int = 5) -> None:
        """Takes their number."""
        super().__init__()
        self.length = length


class Metaspace(PreTokenizer):
    """Puts SentencePiece's sign for spaces, and cuts in front of it."""

    __slots__ = ()
    replacement: Field[str] = Field("replacement", character)
    prepend_scheme: Field[str] = Field("prepend_scheme", scheme)
    split: Field[bool] = Field("split", flag)

    def __init__(
        self, replacement: str = "\u2581", prepend_scheme: str = "always", split: bool = True
    ) -> None:
        """Takes the sign, which pieces get one in front, and whether it cuts at all."""
        super().__init__()
        self.replacement = replacement
        self.prepend_scheme = prepend_scheme
        self.split = split


class Punctuation(PreTokenizer):
    """Cuts at punctuation."""

    __slots__ = ()
    behavior: Field[str] = Field("behavior", behavior_form, behavior_name)

    def __init__(self, behavior: str = "isolated") -> None:
        """Says what becomes of it."""
        super().__init__()
        self.behavior = behavior


class Split(PreTokenizer):
    """Cuts at the matches of a pattern."""

    __slots__ = ()
    pattern: Field[Any] = Field("pattern", fixed_pattern, no_pattern)
    behavior: Field[str] = Field("behavior", behavior_form, behavior_name)
    invert: Field[bool] = Field("invert", flag)

    def __init__(self, pattern: Pattern, behavior: str, invert: bool = False) -> None:
        """Takes the pattern, what becomes of a match, and whether what is between is meant."""
        super().__init__()
        self._form["pattern"] = pattern_form(pattern)
        self.behavior = behavior
        self.invert = invert


class UnicodeScripts(PreTokenizer):
    """Cuts where the script becomes another one."""

    __slots__ = ()


class Whitespace(PreTokenizer):
    r"""Keeps what ``\w+|[^\w\s]+`` matches."""

    __slots__ = ()


class WhitespaceSplit(PreTokenizer):
    """Cuts at white space, which it drops."""

    __slots__ = ()


class Sequence(Indexed, PreTokenizer):
    """Pre-tokenizers, one after the other."""

    __slots__ = ()
    _kind = PreTokenizer
    _key = "pretokenizers"

    def __init__(self, pre_tokenizers: Iterable[PreTokenizer]) -> None:
        """Takes them in order."""
        self._take(pre_tokenizers)
