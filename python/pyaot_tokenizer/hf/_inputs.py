"""What a tokenizer takes for texts, and the errors that tokenizers has for all else."""

from __future__ import annotations

from typing import List, Sequence, Tuple, Union

Offsets = Tuple[int, int]
"""Where a token begins and ends."""

TextInputSequence = str
"""A text."""

PreTokenizedInputSequence = Union[List[str], Tuple[str, ...]]
"""Words."""

InputSequence = Union[TextInputSequence, Sequence[str]]
"""A text; with `is_pretokenized`, a list or a tuple of words."""

EncodeInput = Union[InputSequence, Tuple[InputSequence, InputSequence], List[InputSequence]]
"""One sequence, or a pair of them."""

TextEncodeInput = Union[str, Tuple[str, str], List[str]]
"""A text, or a pair of texts."""

PreTokenizedEncodeInput = Union[
    PreTokenizedInputSequence,
    Tuple[PreTokenizedInputSequence, PreTokenizedInputSequence],
    List[PreTokenizedInputSequence],
]
"""Words, or a pair of such sequences."""


def check_text(text: object) -> str:
    """A text.

    Raises:
        TypeError: It is no str, or has lone surrogates.
    """
    if isinstance(text, str):
        if text.isascii():
            return text
        try:
            text.encode()
        except UnicodeEncodeError:
            pass
        else:
            return text
    raise TypeError("TextInputSequence must be str")


def check_words(words: object) -> List[str]:
    """Words.

    Raises:
        TypeError: They are no list and no tuple of str.
    """
    if isinstance(words, (list, tuple)) and all(isinstance(word, str) for word in words):
        return [check_text(word) for word in words]
    raise TypeError("PreTokenizedInputSequence must be Union[List[str], Tuple[str]]")


def split_input(item: object, is_pretokenized: bool) -> List[List[str]]:
    """The sequences of one input of a batch, each as a list of texts."""
    if not is_pretokenized:
        if isinstance(item, str):
            return [[check_text(item)]]
        if isinstance(item, (list, tuple)) and len(item) == 2:
            return [[check_text(part)] for part in item]
        raise TypeError(
            "TextEncodeInput must be Union[TextInputSequence, Tuple[InputSequence, InputSequence]]"
        )
    if isinstance(item, (list, tuple)):
        if all(isinstance(word, str) for word in item):
            return [check_words(item)]
        if len(item) == 2:
            return [check_words(part) for part in item]
    raise TypeError(
        "PreTokenizedEncodeInput must be Union[PreTokenizedInputSequence, "
        "Tuple[PreTokenizedInputSequence, PreTokenizedInputSequence]]"
    )
