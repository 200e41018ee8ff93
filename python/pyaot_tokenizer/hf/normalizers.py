"""Normalizers: what is done to a text before it is cut into pieces."""

from __future__ import annotations

import base64
from typing import Any, Iterable, NoReturn, Optional

from ..errors import InvalidTypeError, InvalidValueError
from . import _left_out, _running
from ._components import (
    Component,
    Field,
    Indexed,
    Pattern,
    fixed_pattern,
    flag,
    no_pattern,
    optional,
    pattern_form,
    string,
)

__all__ = [
    "NFC",
    "NFD",
    "NFKC",
    "NFKD",
    "BertNormalizer",
    "ByteLevel",
    "Lowercase",
    "Nmt",
    "Normalizer",
    "Precompiled",
    "Prepend",
    "Replace",
    "Sequence",
    "Strip",
    "StripAccents",
    "unicode_normalizer_from_str",
]


class Normalizer(Component):
    """The base of all normalizers."""

    __slots__ = ()
    _role = "Normalizer"

    def normalize_str(self, sequence: str) -> str:
        """What becomes of a text.

        Raises:
            TypeError: It is no str, or has lone surrogates.
            UnsupportedError: The normalizer asks for what is not supported.
        """
        return _running.normalize(self, sequence)

    def normalize(self, normalized: object) -> NoReturn:
        """Refuses to change a `NormalizedString`, of which there are none.

        Raises:
            UnsupportedError: Always.
        """
        _left_out.refuse("normalize", "use normalize_str")

    @staticmethod
    def custom(normalizer: object) -> NoReturn:
        """Refuses a component in Python.

        Raises:
            UnsupportedError: Always.
        """
        _left_out.refuse("a normalizer in Python", "the core runs without Python")


class NFC(Normalizer):
    """Unicode's canonical composition."""

    __slots__ = ()


class NFD(Normalizer):
    """Unicode's canonical decomposition."""

    __slots__ = ()


class NFKC(Normalizer):
    """Unicode's compatibility composition."""

    __slots__ = ()


class NFKD(Normalizer):
    """Unicode's compatibility decomposition."""

    __slots__ = ()


class Lowercase(Normalizer):
    """Small letters for capital ones."""

    __slots__ = ()


class StripAccents(Normalizer):
    """Drops combining marks."""

    __slots__ = ()


class Nmt(Normalizer):
    """Drops control characters, and puts spaces for other white space."""

    __slots__ = ()


class ByteLevel(Normalizer):
    """Spells bytes by the byte-level alphabet."""

    __slots__ = ()


class BertNormalizer(Normalizer):
    """BERT's: cleans text, sets ideographs apart, drops accents, and makes letters small."""

    __slots__ = ()
    clean_text: Field[bool] = Field("clean_text", flag)
    handle_chinese_chars: Field[bool] = Field("handle_chinese_chars", flag)
    strip_accents: Field[Optional[bool]] = Field("strip_accents", optional(flag))
    lowercase: Field[bool] = Field("lowercase", flag)

    def __init__(
        self,
        clean_text: bool = True,
        handle_chinese_chars: bool = True,
        strip_accents: Optional[bool] = None,
        lowercase: bool = True,
    ) -> None:
        """Says what of it is done; accents go with capitals where nothing is said about them."""
        super().__init__()
        self.clean_text = clean_text
        self.handle_chinese_chars = handle_chinese_chars
        self.strip_accents = strip_accents
        self.lowercase = lowercase


class Strip(Normalizer):
    """Takes white space off the ends."""

    __slots__ = ()
    left: Field[bool] = Field("strip_left", flag)
    right: Field[bool] = Field("strip_right", flag)

    def __init__(self, left: bool = True, right: bool = True) -> None:
        """Says which ends."""
        super().__init__()
        self.left = left
        self.right = right


class Precompiled(Normalizer):
    """What a SentencePiece model has compiled to a map of characters."""

    __slots__ = ()

    def __init__(self, precompiled_charsmap: bytes) -> None:
        """Takes the map.

        Raises:
            InvalidTypeError: It is not bytes.
        """
        if not isinstance(precompiled_charsmap, bytes):
            raise InvalidTypeError(
                f"{type(precompiled_charsmap).__name__!r} object is not an instance of 'bytes'"
            )
        super().__init__()
        self._form["precompiled_charsmap"] = base64.b64encode(precompiled_charsmap).decode()


class Prepend(Normalizer):
    """Puts a text in front of one that is not empty."""

    __slots__ = ()
    prepend: Field[str] = Field("prepend", string)

    def __init__(self, prepend: str = "\u2581") -> None:
        """Takes the text."""
        super().__init__()
        self.prepend = prepend


class Replace(Normalizer):
    """Puts a text for each match of a pattern."""

    __slots__ = ()
    pattern: Field[Any] = Field("pattern", fixed_pattern, no_pattern)
    content: Field[str] = Field("content", string)

    def __init__(self, pattern: Pattern, content: str) -> None:
        """Takes both."""
        super().__init__()
        self._form["pattern"] = pattern_form(pattern)
        self.content = content


class Sequence(Indexed, Normalizer):
    """Normalizers, one after the other."""

    __slots__ = ()
    _kind = Normalizer
    _key = "normalizers"

    def __init__(self, normalizers: Iterable[Normalizer]) -> None:
        """Takes them in order."""
        self._take(normalizers)

    def __len__(self) -> int:
        return len(self._items)


def unicode_normalizer_from_str(normalizer: str) -> Normalizer:
    """The normalizer of a Unicode normal form, by its name in small letters.

    Raises:
        ValueError: There is none.
    """
    forms = {"nfc": NFC, "nfd": NFD, "nfkc": NFKC, "nfkd": NFKD}
    if normalizer not in forms:
        known = ", ".join(forms)
        raise InvalidValueError(f"{normalizer} is not a known unicode normalizer: {known}")
    return forms[normalizer]()
