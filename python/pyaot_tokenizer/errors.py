"""The exceptions of pyaot_tokenizer.

Every failure that the package reports itself is a :class:`TokenizerError`, and each subclass is
also the built-in exception that a Python programmer would expect, so that both ``except
TokenizerError`` and ``except ValueError`` (or ``KeyError``, ``FileNotFoundError``...) work.
Exhausted memory is a plain ``MemoryError``; an ``errors=`` handler of ``decode`` raises what
``bytes.decode`` raises.
"""

from __future__ import annotations

from typing import Any, Optional, Tuple


class TokenizerError(Exception):
    """The base of all errors of this package: one sentence, and where it happened.

    Attributes:
        message: What is wrong, without the file.
        file: The file that was read, or None if the input did not come from a file.
        key: The place in the document's own words, such as ``model.merges[12]`` or ``line 3``, or
            None.
        offset: For malformed files the byte offset of the fault; for text the byte offset in its
            UTF-8 form; for ids the index in the sequence. None where no single place is at fault.
    """

    def __init__(
        self,
        message: str,
        *,
        file: Optional[str] = None,
        key: Optional[str] = None,
        offset: Optional[int] = None,
    ) -> None:
        """Keeps the parts; the exception's text is ``file: message``."""
        super().__init__(message)
        self.message = message
        self.file = file
        self.key = key
        self.offset = offset

    def __str__(self) -> str:
        """The sentence, with the file in front where there is one."""
        return self.message if self.file is None else f"{self.file}: {self.message}"

    def __reduce__(self) -> Tuple[Any, ...]:
        """Pickles all parts, so that an error crosses from a worker process whole."""
        return type(self), (self.message,), self.__dict__


class FormatError(TokenizerError, ValueError):
    """A tokenizer file is malformed: broken JSON, a wrong type, a merge of unknown tokens."""


class UnsupportedError(TokenizerError, ValueError):
    """A well-formed file asks for something that this version does not do, and is named."""


class FileReadError(TokenizerError, OSError):
    """A file could not be read; ``errno``, ``strerror`` and ``filename`` are the system's."""

    @classmethod
    def of(cls, error: OSError, file: str) -> FileReadError:
        """The error of this package for the system's, or the subclass that fits it better."""
        kind = FileMissingError if isinstance(error, FileNotFoundError) else cls
        reason = error.strerror or str(error)
        result = kind(f"cannot read the file: {reason}", file=file)
        result.errno, result.strerror, result.filename = error.errno, reason, file
        return result

    def __reduce__(self) -> Tuple[Any, ...]:
        """As of the base, with what OSError keeps outside of its ``__dict__``."""
        kind, arguments, state = super().__reduce__()
        system = {"errno": self.errno, "strerror": self.strerror, "filename": self.filename}
        return kind, arguments, {**state, **system}


class FileMissingError(FileReadError, FileNotFoundError):
    """A file does not exist."""


class FileWriteError(TokenizerError, OSError):
    """A file could not be written; what stood there before still does.

    ``errno``, ``strerror`` and ``filename`` are the system's, where it is known what it said.
    """

    @classmethod
    def of(cls, error: OSError, file: str) -> FileWriteError:
        """The error of this package for the system's."""
        reason = error.strerror or str(error)
        result = cls(f"cannot write the file: {reason}", file=file)
        result.errno, result.strerror, result.filename = error.errno, reason, file
        return result

    def __reduce__(self) -> Tuple[Any, ...]:
        """As of the base, with what OSError keeps outside of its ``__dict__``."""
        kind, arguments, state = super().__reduce__()
        system = {"errno": self.errno, "strerror": self.strerror, "filename": self.filename}
        return kind, arguments, {**state, **system}


class UnknownIdError(TokenizerError, KeyError, ValueError):
    """An id to decode that no token has; ``offset`` is its index in the sequence."""


class IdRangeError(UnknownIdError, OverflowError):
    """An id to decode that none can have: it is negative, or has more than 32 bits."""


class SpecialTokenError(TokenizerError, ValueError):
    """Text encoded with ``special_tokens="refuse"`` has a special token; ``offset`` says where."""


class InvalidTypeError(TokenizerError, TypeError):
    """An argument is not of a type that the call takes."""


class InvalidValueError(TokenizerError, ValueError):
    """An argument is of the right type and outside its range."""


class IntRangeError(InvalidValueError, OverflowError):
    """An int that does not fit in the unsigned type that it is meant for."""


class LibraryError(TokenizerError, ImportError):
    """The shared library is missing, cannot be loaded, or is not of this version."""
