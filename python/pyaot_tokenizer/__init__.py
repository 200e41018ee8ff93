"""Exact byte-pair-encoding tokenizers with a Zig core.

    >>> import pyaot_tokenizer
    >>> tok = pyaot_tokenizer.Tokenizer("tokenizer.json")  # doctest: +SKIP
    >>> tok.encode("Hello, world!")  # doctest: +SKIP
    [15496, 11, 995, 0]

The package is pure Python over one shared library that it loads through ctypes; it needs nothing
but the standard library. Errors are subclasses of :class:`TokenizerError`.
"""

from __future__ import annotations

from ._abi import VERSION as __version__
from .errors import (
    FileMissingError,
    FileReadError,
    FileWriteError,
    FormatError,
    IdRangeError,
    IntRangeError,
    InvalidTypeError,
    InvalidValueError,
    LibraryError,
    SpecialTokenError,
    TokenizerError,
    UnknownIdError,
    UnsupportedError,
)
from .patterns import PATTERNS
from .tokenizer import AddedToken, Tokenizer
from .trainer import Progress, Trainer, WordCounts, count_words, merge_counts

__all__ = [
    "PATTERNS",
    "AddedToken",
    "FileMissingError",
    "FileReadError",
    "FileWriteError",
    "FormatError",
    "IdRangeError",
    "IntRangeError",
    "InvalidTypeError",
    "InvalidValueError",
    "LibraryError",
    "Progress",
    "SpecialTokenError",
    "Tokenizer",
    "TokenizerError",
    "Trainer",
    "UnknownIdError",
    "UnsupportedError",
    "WordCounts",
    "__version__",
    "count_words",
    "merge_counts",
]
