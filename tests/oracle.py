"""A byte-pair encoder that is slow and plainly right: what the fast one is compared with.

It follows the definitions word by word. Rank BPE (tiktoken): of all adjacent pairs, merge the one
whose concatenation has the lowest rank, the leftmost of equals. Merge-list BPE (tokenizer.json): of
all adjacent pairs, merge the one that stands first in ``merges``. Text is cut by the pattern
itself, run by the package ``regex``. Time is quadratic in a piece.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass, field
from typing import Callable, Dict, List, Mapping, Optional, Sequence, Tuple

import regex

Pair = Tuple[bytes, bytes]


def merge(piece: bytes, rank_of: Callable[[Pair], Optional[int]]) -> List[bytes]:
    """The tokens of `piece`: single bytes, merged pair by pair, the lowest rank first, leftmost."""
    parts = [piece[i : i + 1] for i in range(len(piece))]
    while True:
        best: Optional[Tuple[int, int]] = None
        for i in range(len(parts) - 1):
            rank = rank_of((parts[i], parts[i + 1]))
            if rank is not None and (best is None or rank < best[0]):
                best = rank, i
        if best is None:
            return parts
        at = best[1]
        parts[at : at + 2] = [parts[at] + parts[at + 1]]


def encode_piece_by_ranks(piece: bytes, ranks: Mapping[bytes, int]) -> List[int]:
    """Rank BPE. A piece that is a token is that token, whatever its merges would make of it."""
    if piece in ranks:
        return [ranks[piece]]
    return [ranks[part] for part in merge(piece, lambda pair: ranks.get(pair[0] + pair[1]))]


def encode_piece_by_merges(
    piece: bytes, vocab: Mapping[bytes, int], merges: Mapping[Pair, int], ignore_merges: bool
) -> List[int]:
    """Merge-list BPE. With `ignore_merges`, a piece that is a token is that token."""
    if ignore_merges and piece in vocab:
        return [vocab[piece]]
    return [vocab[part] for part in merge(piece, merges.get)]


def characters(data: bytes) -> Tuple[str, List[int]]:
    """The text of `data`, and where in `data` each of its characters begins, and the last ends.

    Each maximal ill-formed subpart is one U+FFFD.
    """
    faults: List[Tuple[int, int]] = []

    def replace(error: UnicodeError) -> Tuple[str, int]:
        assert isinstance(error, UnicodeDecodeError)
        faults.append((error.start, error.end))
        return "\ufffd", error.end

    codecs.register_error("oracle", replace)
    text = data.decode("utf-8", "oracle")
    starts = [0]
    fault_ends = dict(faults)
    for character in text:
        at = starts[-1]
        starts.append(fault_ends.get(at, at + len(character.encode())))
    assert starts[-1] == len(data)
    return text, starts


def split(data: bytes, pattern: Optional[str], *, keep_unmatched: bool = False) -> List[bytes]:
    """The pieces that `pattern` cuts `data` into; what it does not match is dropped, or kept."""
    if pattern is None:
        return [data] if data else []
    text, starts = characters(data)
    # Spelled out, for `regex` counts some control characters as white space.
    expression = pattern.replace(r"\s", r"\p{White_Space}").replace(r"\S", r"\P{White_Space}")
    pieces: List[bytes] = []
    done = 0
    for match in regex.finditer(expression, text):
        if keep_unmatched and match.start() > done:
            pieces.append(data[starts[done] : starts[match.start()]])
        if match.end() > match.start():
            pieces.append(data[starts[match.start()] : starts[match.end()]])
        done = match.end()
    if keep_unmatched and done < len(text):
        pieces.append(data[starts[done] :])
    return pieces


@dataclass
class Oracle:
    """A whole tokenizer: added tokens, pattern, merges."""

    vocab: Mapping[bytes, int]
    pattern: Optional[str]
    merges: Optional[Mapping[Pair, int]] = None
    """Pairs and their places in the list; None: rank BPE over `vocab`."""
    ignore_merges: bool = False
    specials: Mapping[str, int] = field(default_factory=dict)
    keep_unmatched: bool = False

    def encode(self, text: bytes, *, parse_special: bool = True) -> List[int]:
        """The ids of `text`; the longest of the leftmost special tokens wins."""
        if not parse_special or not self.specials:
            return self._encode_ordinary(text)
        names = sorted(self.specials, key=len, reverse=True)
        ids: List[int] = []
        done = 0
        expression = b"|".join(regex.escape(name.encode()) for name in names)
        for match in regex.finditer(expression, text):
            ids += self._encode_ordinary(text[done : match.start()])
            ids.append(self.specials[match.group().decode()])
            done = match.end()
        return ids + self._encode_ordinary(text[done:])

    def _encode_ordinary(self, text: bytes) -> List[int]:
        ids: List[int] = []
        for piece in split(text, self.pattern, keep_unmatched=self.keep_unmatched):
            ids += self._encode_piece(piece)
        return ids

    def _encode_piece(self, piece: bytes) -> List[int]:
        if self.merges is None:
            return encode_piece_by_ranks(piece, self.vocab)
        return encode_piece_by_merges(piece, self.vocab, self.merges, self.ignore_merges)

    def decode(self, ids: Sequence[int]) -> bytes:
        """The bytes of `ids`."""
        token_of: Dict[int, bytes] = {token_id: token for token, token_id in self.vocab.items()}
        token_of.update({token_id: text.encode() for text, token_id in self.specials.items()})
        return b"".join(token_of[token_id] for token_id in ids)


def byte_level_alphabet() -> List[str]:
    """GPT-2's character for each byte: itself where it is printable, else from U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    alphabet = [chr(byte) if byte in printable else "" for byte in range(256)]
    others = [byte for byte in range(256) if byte not in printable]
    for place, byte in enumerate(others):
        alphabet[byte] = chr(0x100 + place)
    return alphabet


def spell(token: bytes) -> str:
    """A token as byte-level files spell it."""
    return "".join(_ALPHABET[byte] for byte in token)


_ALPHABET = byte_level_alphabet()
