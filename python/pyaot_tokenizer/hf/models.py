"""Models: what makes tokens of the pieces of a text. There is one, BPE."""

from __future__ import annotations

import json
import os
import struct
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Tuple, Union

from .. import _files, _saving
from .._arguments import Path, check_path, read_file
from ..errors import FormatError, InvalidTypeError, InvalidValueError
from ..tokenizer import Tokenizer as NativeTokenizer
from . import _running
from ._components import Component, Field, Form, flag, optional, string
from .trainers import BpeTrainer

__all__ = ["BPE", "Model", "Token"]


class Token(NamedTuple):
    """A token of a piece of text."""

    id: int
    """Its id."""
    value: str
    """How the vocabulary spells it."""
    offsets: Tuple[int, int]
    """Where it begins and ends in the piece, in bytes of UTF-8."""

    def as_tuple(self) -> Tuple[int, str, Tuple[int, int]]:
        """The three as a plain tuple."""
        return self.id, self.value, self.offsets


class Model(Component):
    """The base of all models."""

    __slots__ = ()
    _role = "Model"


def _dropout(value: Any) -> float:
    """The shortest number that is the same as a float of 32 bits, which tokenizers has for it."""
    if not isinstance(value, (int, float)):
        raise InvalidTypeError(f"must be real number, not {type(value).__name__}")
    if not 0 <= value <= 1:
        raise InvalidValueError("Dropout should be between 0 and 1, inclusive")
    single = _single(value)
    return next(
        found
        for found in (float(f"{single:.{digits}g}") for digits in range(1, 10))
        if _single(found) == single
    )


def _single(value: float) -> float:
    found: float = struct.unpack("f", struct.pack("f", value))[0]
    return found


class BPE(Model):
    """Byte-pair encoding. Its vocabulary is read when somebody asks for it."""

    __slots__ = ("_lazy_form", "_lazy_native", "_text")

    _lazy_form: Optional[Form]
    _lazy_native: Optional[NativeTokenizer]

    _text: Optional[str]
    """Its JSON, unless it has been changed."""

    dropout: Field[Optional[float]] = Field("dropout", optional(_dropout), optional(_single))
    unk_token: Field[Optional[str]] = Field("unk_token", optional(string))
    continuing_subword_prefix: Field[Optional[str]] = Field(
        "continuing_subword_prefix", optional(string)
    )
    end_of_word_suffix: Field[Optional[str]] = Field("end_of_word_suffix", optional(string))
    fuse_unk: Field[bool] = Field("fuse_unk", flag, bool)
    byte_fallback: Field[bool] = Field("byte_fallback", flag, bool)
    ignore_merges: Field[bool] = Field("ignore_merges", flag, bool)

    def __init__(
        self,
        vocab: Union[Dict[str, int], str, None] = None,
        merges: Union[Iterable[Tuple[str, str]], str, None] = None,
        *,
        dropout: Optional[float] = None,
        unk_token: Optional[str] = None,
        continuing_subword_prefix: Optional[str] = None,
        end_of_word_suffix: Optional[str] = None,
        fuse_unk: bool = False,
        byte_fallback: bool = False,
        ignore_merges: bool = False,
        **_: Any,
    ) -> None:
        """Takes a vocabulary and its merges, or the paths of their files, and the flags.

        Raises:
            InvalidTypeError, InvalidValueError: An argument cannot be one.
            FormatError: A merge names a token that the vocabulary does not have.
            FileReadError: A file cannot be read.
        """
        super().__init__()
        if (vocab is None) != (merges is None):
            raise InvalidValueError("`vocab` and `merges` must be both specified")
        if isinstance(vocab, str):
            vocab = _read_vocab(vocab)
        if isinstance(merges, str):
            merges = _read_merges(merges)
        self._read(_running.model_form())
        self.dropout = dropout
        self.unk_token = unk_token
        self.continuing_subword_prefix = continuing_subword_prefix
        self.end_of_word_suffix = end_of_word_suffix
        self.fuse_unk = fuse_unk
        self.byte_fallback = byte_fallback
        self.ignore_merges = ignore_merges
        form = self._as_form()
        form["vocab"] = dict(sorted((vocab or {}).items(), key=lambda item: item[1]))
        form["merges"] = [[left, right] for left, right in merges or ()]
        _check_merges(form)

    @classmethod
    def _of_text(cls, text: str) -> BPE:
        """The model whose JSON is `text`."""
        self = cls.__new__(cls)
        self._text = text
        self._lazy_form = self._lazy_native = None
        return self

    def _as_form(self) -> Form:
        form = self._lazy_form
        if form is None:
            form = self._lazy_form = _running.model_form(**json.loads(self._text or "{}"))
            form["vocab"] = dict(sorted(form["vocab"].items(), key=lambda item: item[1]))
            form["merges"] = [[*_saving.pair_of(merge)] for merge in form["merges"]]
        return form

    def _read(self, form: Form) -> None:
        self._lazy_form, self._lazy_native, self._text = form, None, None

    def _changed(self) -> None:
        self._text = self._lazy_native = None
        super()._changed()

    def _as_text(self) -> str:
        """Its JSON; the same object as long as nothing is changed."""
        text = self._text
        if text is None:
            form = self._as_form()
            text = self._text = json.dumps(form, ensure_ascii=False, separators=(",", ":"))
        return text

    def __getstate__(self) -> bytes:
        """Its JSON."""
        return self._as_text().encode()

    def __setstate__(self, state: bytes) -> None:
        self._text = state.decode()
        self._lazy_form = self._lazy_native = None

    def get_trainer(self) -> BpeTrainer:
        """A trainer of this kind of a model, as it is by default."""
        return BpeTrainer()

    @staticmethod
    def read_file(vocab: Path, merges: Path) -> Tuple[Dict[str, int], List[Tuple[str, str]]]:
        """The vocabulary and the merges of a vocab.json and a merges.txt.

        Raises:
            FileReadError: One cannot be read.
            FormatError: One is malformed.
        """
        return _read_vocab(vocab), _read_merges(merges)

    @classmethod
    def from_file(cls, vocab: Path, merges: Path, **flags: Any) -> BPE:
        """The model of a vocab.json and a merges.txt; errors as for `read_file`."""
        return cls(*cls.read_file(vocab, merges), **flags)

    def save(
        self, folder: Path, prefix: Optional[str] = None, name: Optional[str] = None
    ) -> List[str]:
        """Writes vocab.json and merges.txt, each whole or not at all, and returns their paths.

        The flags are in neither.

        Args:
            folder: Where to put them.
            prefix: What their names have in front, with a ``-`` behind it.
            name: The same.

        Raises:
            FileWriteError: A file cannot be written.
        """
        front = name if prefix is None else prefix
        front = "" if front is None else f"{front}-"
        form = self._as_form()
        contents = {
            "vocab.json": _saving.vocab_json(form["vocab"]),
            "merges.txt": _saving.merges_txt(map(_saving.pair_of, form["merges"])),
        }
        paths = []
        for file_name, content in contents.items():
            path = os.path.join(check_path(folder), front + file_name)
            with _files.replacing(path) as file:
                file.write(content)
            paths.append(path)
        return paths

    def token_to_id(self, tokens: str) -> Optional[int]:
        """The id of a token, or None."""
        found: Optional[int] = self._as_form()["vocab"].get(string(tokens))
        return found

    def id_to_token(self, id: int) -> Optional[str]:
        """The token of an id, or None."""
        if not 0 <= id < 1 << 32:
            raise OverflowError("number out of range for an id")
        vocab: Dict[str, int] = self._as_form()["vocab"]
        return next((token for token, token_id in vocab.items() if token_id == id), None)

    def tokenize(self, sequence: str) -> List[Token]:
        """The tokens of a piece of text, which no other component has a look at.

        Raises:
            TypeError: It is no str, or has lone surrogates.
            UnsupportedError: The model asks for what is not supported.
        """
        native = self._lazy_native
        if native is None:
            text = _running.tokenizer_json(self._as_text())
            native = self._lazy_native = NativeTokenizer.from_bytes(text.encode())
        return [Token(*token) for token in _running.tokenize(native, self._as_form(), sequence)]


def _read_vocab(path: Path) -> Dict[str, int]:
    try:
        vocab = json.loads(read_file(path))
    except (ValueError, RecursionError) as error:
        raise FormatError(f"no vocab.json: {error}", file=os.fspath(path)) from error
    is_vocab = isinstance(vocab, dict) and all(type(value) is int for value in vocab.values())
    if not is_vocab:
        raise FormatError("no vocab.json: an object of tokens and ids is needed", file=str(path))
    return vocab  # type: ignore[no-any-return]


def _read_merges(path: Path) -> List[Tuple[str, str]]:
    try:
        return _saving.merges_of(read_file(path).decode("utf-8"))
    except ValueError as error:
        raise FormatError(f"no merges.txt: {error}", file=os.fspath(path)) from error


def _check_merges(form: Form) -> None:
    vocab = form["vocab"]
    prefix = form["continuing_subword_prefix"] or ""
    for left, right in form["merges"]:
        for token in (left, right, left + right[len(prefix) :]):
            if token not in vocab:
                raise FormatError(
                    f"Error while initializing BPE: Token `{token}` out of vocabulary"
                )
