"""Post-processors: what is put around encodings, and how their offsets are trimmed."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any, Dict, Iterable, List, Optional, Tuple, Union
from typing import Sequence as Listed

from ..errors import InvalidTypeError, InvalidValueError
from . import _processors
from ._components import Component, Field, Form, Indexed, count, flag, string
from ._encoding import Encoding

__all__ = [
    "BertProcessing",
    "ByteLevel",
    "PostProcessor",
    "RobertaProcessing",
    "Sequence",
    "TemplateProcessing",
]

Template = Union[str, Listed[str]]
"""Pieces as ``"[CLS] $A [SEP]"``: tokens, and sequences with a dollar, each with a type behind a
colon if that is not 0."""

SpecialToken = Union[Tuple[str, int], Tuple[int, str], Dict[str, Any]]
"""A token and its id, or ``{"id": name, "ids": [...], "tokens": [...]}`` for several."""


class PostProcessor(Component):
    """The base of all post-processors."""

    __slots__ = ()
    _role = "PostProcessor"

    def num_special_tokens_to_add(self, is_pair: bool) -> int:
        """How many tokens it adds to a text, or to a pair of them."""
        processor = _processors.make(self._as_form())
        return 0 if processor is None else processor.added(is_pair)

    def process(
        self,
        encoding: Encoding,
        pair: Optional[Encoding] = None,
        add_special_tokens: bool = True,
    ) -> Encoding:
        """What becomes of an encoding, or of a pair of them."""
        encodings = [encoding._copy()] if pair is None else [encoding._copy(), pair._copy()]
        return _processors.run(_processors.make(self._as_form()), encodings, add_special_tokens)


def _token(value: Any) -> List[Any]:
    """What a form has for a token and its id."""
    if not isinstance(value, tuple) or len(value) != 2:
        raise InvalidTypeError("a token and its id are needed, as a tuple")
    return [string(value[0]), count(value[1])]


def _as_tuple(value: Any) -> Tuple[str, int]:
    return value[0], value[1]


class BertProcessing(PostProcessor):
    """CLS in front, and SEP behind each sequence."""

    __slots__ = ()
    sep: Field[Tuple[str, int]] = Field("sep", _token, _as_tuple)
    cls: Field[Tuple[str, int]] = Field("cls", _token, _as_tuple)

    def __init__(self, sep: Tuple[str, int], cls_token: Tuple[str, int]) -> None:
        """Takes both tokens with their ids."""
        super().__init__()
        self.sep = sep
        self.cls = cls_token


class ByteLevel(PostProcessor):
    """Takes white space off the offsets."""

    __slots__ = ()
    _defaults = MappingProxyType({"use_regex": True})
    add_prefix_space: Field[bool] = Field("add_prefix_space", flag)
    trim_offsets: Field[bool] = Field("trim_offsets", flag)
    use_regex: Field[bool] = Field("use_regex", flag)

    def __init__(
        self,
        add_prefix_space: Optional[bool] = None,
        trim_offsets: Optional[bool] = None,
        use_regex: Optional[bool] = None,
        **_: Any,
    ) -> None:
        """Takes the flags, of which those not given are set."""
        super().__init__()
        self.add_prefix_space = True if add_prefix_space is None else add_prefix_space
        self.trim_offsets = True if trim_offsets is None else trim_offsets
        self.use_regex = True if use_regex is None else use_regex


class RobertaProcessing(PostProcessor):
    """CLS in front, SEP behind each sequence, and two SEPs between them."""

    __slots__ = ()
    sep: Field[Tuple[str, int]] = Field("sep", _token, _as_tuple)
    cls: Field[Tuple[str, int]] = Field("cls", _token, _as_tuple)
    trim_offsets: Field[bool] = Field("trim_offsets", flag)
    add_prefix_space: Field[bool] = Field("add_prefix_space", flag)

    def __init__(
        self,
        sep: Tuple[str, int],
        cls_token: Tuple[str, int],
        trim_offsets: bool = True,
        add_prefix_space: bool = True,
    ) -> None:
        """Takes both tokens with their ids, and how offsets are trimmed."""
        super().__init__()
        self.sep = sep
        self.cls = cls_token
        self.trim_offsets = trim_offsets
        self.add_prefix_space = add_prefix_space


class TemplateProcessing(PostProcessor):
    """Tokens around and between the sequences, as a template says."""

    __slots__ = ()

    def __init__(
        self,
        single: Optional[Template] = None,
        pair: Optional[Template] = None,
        special_tokens: Optional[Listed[SpecialToken]] = None,
    ) -> None:
        """Takes the templates for one text and for a pair, and the tokens that they name.

        Raises:
            InvalidTypeError: A template or a token is of the wrong type.
            InvalidValueError: A piece is none, names no token, or the pair lacks a sequence.
        """
        super().__init__()
        pieces = {
            "single": _pieces("$A:0" if single is None else single),
            "pair": _pieces("$A:0 $B:1" if pair is None else pair),
        }
        named = {piece["Sequence"]["id"] for piece in pieces["pair"] if "Sequence" in piece}
        if named != {"A", "B"}:
            raise InvalidValueError("Template for `pair` must use both sequences")
        tokens = [_special_token(token) for token in special_tokens or ()]
        known = {token["id"]: token for token in sorted(tokens, key=lambda token: token["id"])}
        used = [
            p["SpecialToken"]["id"]
            for p in pieces["single"] + pieces["pair"]
            if len(p) and "SpecialToken" in p
        ]
        missing = sorted({name for name in used if name not in known})
        if missing:
            raise InvalidValueError(f"Missing SpecialToken(s) with id(s) `{', '.join(missing)}`")
        self._form.update(**pieces, special_tokens=known)


class Sequence(Indexed, PostProcessor):
    """Post-processors, one after the other."""

    __slots__ = ()
    _kind = PostProcessor
    _key = "processors"

    def __init__(self, processors: Iterable[PostProcessor]) -> None:
        """Takes them in order."""
        self._take(processors)


def _pieces(template: Template) -> List[Form]:
    if isinstance(template, str):
        return [_piece(text) for text in template.split(" ")]
    is_list = isinstance(template, list) and all(isinstance(text, str) for text in template)
    if not is_list:
        raise InvalidTypeError("Expected Union[str, List[str]]")
    return [_piece(text) for text in template]


def _piece(text: str) -> Form:
    name, *types = text.split(":")
    is_number = len(types) == 1 and types[0].isdecimal() and types[0].isascii()
    if types and not is_number:
        raise InvalidValueError(f'Cannot build Piece from string "{text}"')
    type_id = int(types[0]) if types else 0
    if not name.startswith("$"):
        return {"SpecialToken": {"id": name, "type_id": type_id}}
    sequence = name[1:]
    if sequence in ("", "A", "a"):
        return {"Sequence": {"id": "A", "type_id": type_id}}
    if sequence in ("B", "b"):
        return {"Sequence": {"id": "B", "type_id": type_id}}
    if not (sequence.isdecimal() and sequence.isascii()):
        raise InvalidValueError(f'Cannot build Piece from string "{text}"')
    return {"Sequence": {"id": "A", "type_id": type_id if types else int(sequence)}}


def _special_token(token: object) -> Form:
    if isinstance(token, dict):
        for key in ("id", "ids", "tokens"):
            if key not in token:
                raise InvalidValueError(f"`{key}` must be specified")
        if len(token["ids"]) != len(token["tokens"]):
            raise InvalidValueError("SpecialToken: ids and tokens must be of the same length")
        ids, tokens = [*map(count, token["ids"])], [*map(string, token["tokens"])]
        return {"id": string(token["id"]), "ids": ids, "tokens": tokens}
    if isinstance(token, tuple) and len(token) == 2:
        name, token_id = token if isinstance(token[0], str) else reversed(token)
        if isinstance(name, str) and isinstance(token_id, int):
            return {"id": name, "ids": [count(token_id)], "tokens": [name]}
    raise InvalidTypeError("Expected Union[Tuple[str, int], Tuple[int, str], dict]")
