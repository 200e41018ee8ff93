"""Post-processors: what is done to encodings once their texts are encoded.

Each is made from its form in a tokenizer.json and works as the one of the same name of tokenizers.
"""

from __future__ import annotations

from typing import Any, Dict, List, Mapping, Optional, Protocol, Tuple

from ..errors import UnsupportedError
from ._encoding import Encoding, fixed


class Processor(Protocol):
    """A post-processor."""

    def added(self, is_pair: bool) -> int:
        """How many tokens it adds."""

    def process(self, encodings: List[Encoding], add_special_tokens: bool) -> List[Encoding]:
        """What becomes of the encodings of one text or of two, to be merged."""


class ByteLevel:
    """Takes white space off the offsets."""

    def __init__(self, trims: bool, add_prefix_space: bool) -> None:
        """Takes the flags of the file."""
        self._trims = trims
        self._add_prefix_space = add_prefix_space

    def added(self, is_pair: bool) -> int:
        """None."""
        return 0

    def process(self, encodings: List[Encoding], add_special_tokens: bool) -> List[Encoding]:
        """Trims, and says which sequence is which."""
        if self._trims:
            _trim_all(encodings, self._add_prefix_space)
        for index, encoding in enumerate(encodings):
            encoding.set_sequence_id(index)
        return encodings


class Template:
    """Puts special tokens around the sequences, as a template says."""

    def __init__(
        self,
        single: List[Mapping[str, Any]],
        pair: List[Mapping[str, Any]],
        special_tokens: Mapping[str, Mapping[str, Any]],
    ) -> None:
        """Takes the parts of the file."""
        self._templates = {1: single, 2: pair}
        self._special_tokens = special_tokens

    def added(self, is_pair: bool) -> int:
        """The ids of all special tokens in the template."""
        count = 0
        for piece in self._templates[2 if is_pair else 1]:
            special = piece.get("SpecialToken")
            if special is not None:
                count += len(self._special_tokens.get(special["id"], {}).get("ids", ()))
        return count

    def process(self, encodings: List[Encoding], add_special_tokens: bool) -> List[Encoding]:
        """Fills the template in."""
        found: List[Encoding] = []
        for piece in self._templates[len(encodings)]:
            sequence = piece.get("Sequence")
            if sequence is not None:
                index = 0 if sequence["id"] == "A" else 1
                encoding = encodings[index]
                encoding._set_type_id(sequence["type_id"])
                encoding.set_sequence_id(index)
                found.append(encoding._copy())
            elif add_special_tokens:
                special = piece["SpecialToken"]
                token = self._special_tokens[special["id"]]
                part = fixed(token["ids"], token["tokens"], special["type_id"])
                found.append(Encoding._of([part]))
        return found


class Bert:
    """Puts CLS in front and SEP behind each sequence; RoBERTa's way, two SEPs between them."""

    def __init__(
        self,
        sep: Tuple[str, int],
        cls: Tuple[str, int],
        *,
        roberta: Optional[ByteLevel] = None,
    ) -> None:
        """Takes the tokens and their ids; for RoBERTa's, how offsets are trimmed."""
        self._sep = sep
        self._cls = cls
        self._roberta = roberta

    def added(self, is_pair: bool) -> int:
        """All tokens of the one or the two sequences."""
        if not is_pair:
            return 2
        return 3 if self._roberta is None else 4

    def process(self, encodings: List[Encoding], add_special_tokens: bool) -> List[Encoding]:
        """Trims, and puts the tokens around."""
        if self._roberta is not None:
            encodings = self._roberta.process(encodings, add_special_tokens)
            for encoding in encodings:
                encoding._set_type_id(0)
        if not add_special_tokens:
            return encodings
        return [self._around(encoding, index) for index, encoding in enumerate(encodings)]

    def _around(self, encoding: Encoding, index: int) -> Encoding:
        type_id = 0 if self._roberta is not None else index
        before = [self._cls if index == 0 else self._sep]
        if index == 1 and self._roberta is None:
            before = []
        length = len(encoding)
        parts = [part._replace(type_id=type_id) for part in encoding._parts]
        parts = [
            *(fixed([token_id], [token], type_id) for token, token_id in before),
            *(part._replace(special=0, attention=1) for part in parts),
            fixed([self._sep[1]], [self._sep[0]], type_id),
        ]
        made = Encoding._of(parts)
        made._ranges = {index: (len(before), len(before) + length)}
        made._overflowing = [self._around(other, index) for other in encoding._overflowing]
        return made


class Several:
    """One after the other."""

    def __init__(self, processors: List[Processor]) -> None:
        """Takes them in order."""
        self._processors = processors

    def added(self, is_pair: bool) -> int:
        """All that they add together."""
        return sum(processor.added(is_pair) for processor in self._processors)

    def process(self, encodings: List[Encoding], add_special_tokens: bool) -> List[Encoding]:
        """Passes the result of each to the next."""
        for processor in self._processors:
            encodings = processor.process(encodings, add_special_tokens)
        return encodings


def make(form: Optional[Mapping[str, Any]]) -> Optional[Processor]:
    """The post-processor of a tokenizer.json.

    Raises:
        UnsupportedError: There is none of its name.
    """
    if form is None:
        return None
    kind = form.get("type")
    if kind == "ByteLevel":
        return _byte_level(form)
    if kind == "TemplateProcessing":
        return Template(form["single"], form["pair"], form["special_tokens"])
    if kind in ("BertProcessing", "RobertaProcessing"):
        sep, cls = (form["sep"][0], form["sep"][1]), (form["cls"][0], form["cls"][1])
        return Bert(sep, cls, roberta=_byte_level(form) if kind == "RobertaProcessing" else None)
    if kind == "Sequence":
        found = [make(item) for item in form["processors"]]
        return Several([processor for processor in found if processor is not None])
    raise UnsupportedError(f"the post-processor {kind!r} is not supported", key="post_processor")


def _byte_level(form: Mapping[str, Any]) -> ByteLevel:
    return ByteLevel(form.get("trim_offsets", True), form.get("add_prefix_space", True))


def _trim_all(encodings: List[Encoding], add_prefix_space: bool) -> None:
    for encoding in encodings:
        encoding._trim(add_prefix_space)
        for overflowing in encoding._overflowing:
            overflowing._trim(add_prefix_space)


def run(
    processor: Optional[Processor], encodings: List[Encoding], add_special_tokens: bool
) -> Encoding:
    """The encoding that the encodings of one text or of two become."""
    if processor is None:
        if len(encodings) == 1:
            return encodings[0]
        for index, encoding in enumerate(encodings):
            encoding.set_sequence_id(index)
        return Encoding.merge(encodings, False)
    for index, encoding in enumerate(encodings):
        encoding.set_sequence_id(index)
        for overflowing in encoding._overflowing:
            overflowing.set_sequence_id(index)
        encoding._set_type_id(index)
    processed = processor.process(encodings, add_special_tokens)
    return processed[0] if len(processed) == 1 else Encoding.merge(processed, False)


def truncate(
    encoding: Encoding, pair: Optional[Encoding], parameters: Dict[str, Any], max_length: int
) -> None:
    """Cuts one text or two to `max_length` tokens together, as the strategy says."""
    stride, direction = parameters["stride"], parameters["direction"]
    if max_length == 0:
        encoding.truncate(0, stride, direction)
        if pair is not None:
            pair.truncate(0, stride, direction)
        return
    total = len(encoding) + (0 if pair is None else len(pair))
    if total <= max_length:
        return
    strategy = parameters["strategy"]
    if strategy == "longest_first":
        if pair is None:
            encoding.truncate(max_length, stride, direction)
            return
        lengths = _longest_first(len(encoding), len(pair), max_length)
        encoding.truncate(lengths[0], stride, direction)
        pair.truncate(lengths[1], stride, direction)
        return
    target = encoding if strategy == "only_first" else pair
    if target is None:
        raise ValueError("Truncation error: Second sequence not provided")
    length = len(target) - (total - max_length)
    if length <= 0:
        raise ValueError(
            "Truncation error: Sequence to truncate too short to respect the provided max_length"
        )
    target.truncate(length, stride, direction)


def _longest_first(first: int, second: int, max_length: int) -> Tuple[int, int]:
    is_swapped = first > second
    if is_swapped:
        first, second = second, first
    second = first if first > max_length else max(first, max_length - first)
    if first + second > max_length:
        first = max_length // 2
        second = first + max_length % 2
    return (second, first) if is_swapped else (first, second)
