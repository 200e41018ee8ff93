"""SentencePiece models made by hand: messages of Protocol Buffers, written field by field."""

from __future__ import annotations

import struct
from typing import Iterable, Iterator, List, NamedTuple, Optional, Tuple

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
UNIGRAM, BPE, WORD, CHAR = range(1, 5)


class Piece(NamedTuple):
    """One entry of the vocabulary."""

    content: str
    score: float = 0.0
    kind: int = NORMAL


def varint(value: int) -> bytes:
    """A number in groups of seven bits."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field: int, value: int) -> bytes:
    """A field of a number."""
    return varint(field << 3) + varint(value)


def text(field: int, value: bytes) -> bytes:
    """A field of bytes, or of a message."""
    return varint(field << 3 | 2) + varint(len(value)) + value


def model(
    pieces: Iterable[Piece],
    *,
    kind: int = BPE,
    byte_fallback: bool = False,
    dummy_prefix: bool = True,
    collapse: bool = False,
    trainer: bytes = b"",
    normalizer: bytes = b"",
) -> bytes:
    """A model with these pieces."""
    out: List[bytes] = []
    for piece in pieces:
        body = text(1, piece.content.encode("utf-8", "surrogatepass"))
        body += varint(2 << 3 | 5) + struct.pack("<f", piece.score) + number(3, piece.kind)
        out.append(text(1, body))
    settings = number(3, kind) + number(35, byte_fallback) + trainer
    steps = text(1, b"identity") + number(3, dummy_prefix) + number(4, collapse) + normalizer
    return b"".join(out) + text(2, settings) + text(3, steps)


def specials() -> List[Piece]:
    """What most models begin with."""
    return [Piece("<unk>", 0, UNKNOWN), Piece("<s>", 0, CONTROL), Piece("</s>", 0, CONTROL)]


def all_bytes() -> List[Piece]:
    """The pieces that characters fall back to."""
    return [Piece(f"<0x{byte:02X}>", 0, BYTE) for byte in range(256)]


def small(pieces: Optional[Iterable[Piece]] = None) -> bytes:
    """A model of a few pieces with byte fallback."""
    words = [Piece(word, -rank) for rank, word in enumerate(("ab", "\u2581a", "\u2581ab", "abc"))]
    letters = [Piece(letter, -9) for letter in "abc\u2581"]
    chosen = [*words, *letters] if pieces is None else list(pieces)
    return model([*specials(), *all_bytes(), *chosen], byte_fallback=True)


def map_of(content: bytes) -> bytes:
    """The compiled map of characters that a model has for its normalizer."""
    return dict(_fields(dict(_fields(content))[3]))[2]


def _fields(message: bytes) -> Iterator[Tuple[int, bytes]]:
    """The fields of a message; of numbers, only that they are there."""
    at = 0
    while at < len(message):
        tag, at = _number(message, at)
        size = {1: 8, 5: 4}.get(tag & 7, 0)
        if tag & 7 == 0:
            _, at = _number(message, at)
        elif tag & 7 == 2:
            size, at = _number(message, at)
        yield tag >> 3, message[at : at + size]
        at += size


def _number(message: bytes, at: int) -> Tuple[int, int]:
    value = shift = 0
    while message[at] > 0x7F:
        value |= (message[at] & 0x7F) << shift
        shift += 7
        at += 1
    return value | message[at] << shift, at + 1
