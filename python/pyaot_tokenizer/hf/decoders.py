"""Decoders: what makes text of tokens."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Iterable, NoReturn
from typing import Sequence as Tokens

from . import _left_out, _running
from ._components import (
    Component,
    Field,
    Pattern,
    character,
    count,
    flag,
    pattern_form,
    scheme,
    string,
)
from ._components import Sequence as SequenceOf
from ._streams import DecodeStream

__all__ = [
    "CTC",
    "BPEDecoder",
    "ByteFallback",
    "ByteLevel",
    "DecodeStream",
    "Decoder",
    "Fuse",
    "Metaspace",
    "Replace",
    "Sequence",
    "Strip",
    "WordPiece",
]


class Decoder(Component):
    """The base of all decoders."""

    __slots__ = ()
    _role = "Decoder"

    def decode(self, tokens: Tokens[str]) -> str:
        """The text of tokens, spelled as in a vocabulary.

        Raises:
            TypeError: One is no str, or has lone surrogates.
            UnsupportedError: The decoder asks for what is not supported.
        """
        return _running.decode(self, tokens)

    @staticmethod
    def custom(decoder: object) -> NoReturn:
        """Refuses a component in Python.

        Raises:
            UnsupportedError: Always.
        """
        _left_out.refuse("a decoder in Python", "the core runs without Python")


class BPEDecoder(Decoder):
    """Puts spaces for the suffix that ends words."""

    __slots__ = ()
    suffix: Field[str] = Field("suffix", string)

    def __init__(self, suffix: str = "</w>") -> None:
        """Takes the suffix."""
        super().__init__()
        self.suffix = suffix


class ByteFallback(Decoder):
    """Joins the tokens of bytes."""

    __slots__ = ()


class ByteLevel(Decoder):
    """Joins what is spelled in the byte-level alphabet."""

    __slots__ = ()
    _defaults = MappingProxyType({"use_regex": True})

    def __init__(self, **_: Any) -> None:
        """Takes what the pre-tokenizer of this name takes, which makes no difference here."""
        super().__init__()
        self._form.update(add_prefix_space=True, trim_offsets=True, use_regex=True)


class CTC(Decoder):
    """Joins labels of which several in a row are one."""

    __slots__ = ()
    pad_token: Field[str] = Field("pad_token", string)
    word_delimiter_token: Field[str] = Field("word_delimiter_token", string)
    cleanup: Field[bool] = Field("cleanup", flag)

    def __init__(
        self, pad_token: str = "<pad>", word_delimiter_token: str = "|", cleanup: bool = True
    ) -> None:
        """Takes what is dropped, what becomes a space, and whether spaces are tidied up."""
        super().__init__()
        self.pad_token = pad_token
        self.word_delimiter_token = word_delimiter_token
        self.cleanup = cleanup


class Fuse(Decoder):
    """Joins all tokens to one."""

    __slots__ = ()


class Metaspace(Decoder):
    """Puts spaces for SentencePiece's sign."""

    __slots__ = ()
    replacement: Field[str] = Field("replacement", character)
    prepend_scheme: Field[str] = Field("prepend_scheme", scheme)
    split: Field[bool] = Field("split", flag)

    def __init__(
        self, replacement: str = "\u2581", prepend_scheme: str = "always", split: bool = True
    ) -> None:
        """Takes the sign, and whether the first is one that was put in front."""
        super().__init__()
        self.replacement = replacement
        self.prepend_scheme = prepend_scheme
        self.split = split


class Replace(Decoder):
    """Puts a text for each match of a pattern."""

    __slots__ = ()

    def __init__(self, pattern: Pattern, content: str) -> None:
        """Takes both."""
        super().__init__()
        self._form.update(pattern=pattern_form(pattern), content=string(content))


class Strip(Decoder):
    """Takes a character off the ends of tokens."""

    __slots__ = ()
    content: Field[str] = Field("content", character)
    start: Field[int] = Field("start", count)
    stop: Field[int] = Field("stop", count)

    def __init__(self, content: str = " ", left: int = 0, right: int = 0) -> None:
        """Takes the character, and how many of it at most at each end."""
        super().__init__()
        self.content = content
        self.start = left
        self.stop = right


class WordPiece(Decoder):
    """Puts spaces in front of tokens without the prefix of those within words."""

    __slots__ = ()
    prefix: Field[str] = Field("prefix", string)
    cleanup: Field[bool] = Field("cleanup", flag)

    def __init__(self, prefix: str = "##", cleanup: bool = True) -> None:
        """Takes the prefix, and whether spaces are tidied up."""
        super().__init__()
        self.prefix = prefix
        self.cleanup = cleanup


class Sequence(SequenceOf, Decoder):
    """Decoders, one after the other."""

    __slots__ = ()
    _kind = Decoder
    _key = "decoders"
    _flattens = False

    def __init__(self, decoders: Iterable[Decoder]) -> None:
        """Takes them in order."""
        self._take(decoders)
