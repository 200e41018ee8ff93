"""What tokenizers has and this package has not, refused by name; docs/hf.md says why."""

from __future__ import annotations

from typing import Any, NoReturn

from ..errors import UnsupportedError


def refuse(name: str, instead: str) -> NoReturn:
    """Says what is not supported, and what to do instead.

    Raises:
        UnsupportedError: Always.
    """
    raise UnsupportedError(f"{name} is not supported: {instead}")


class NormalizedString:
    """Not supported; `Normalizer.normalize_str` gives what becomes of a text."""

    def __init__(self, sequence: Any) -> None:
        """Refuses.

        Raises:
            UnsupportedError: Always.
        """
        refuse("NormalizedString", "use normalize_str of a normalizer")


class PreTokenizedString:
    """Not supported; `PreTokenizer.pre_tokenize_str` gives the pieces of a text."""

    def __init__(self, sequence: Any) -> None:
        """Refuses.

        Raises:
            UnsupportedError: Always.
        """
        refuse("PreTokenizedString", "use pre_tokenize_str of a pre-tokenizer")
