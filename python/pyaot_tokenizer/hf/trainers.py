"""Trainers: what a model learns, and how much of it. There is one, for BPE."""

from __future__ import annotations

import json
from typing import Any, Dict, Iterable, List, Optional, Sequence, Tuple, Union

from ..errors import IntRangeError, InvalidTypeError, InvalidValueError, UnsupportedError
from ._added import AddedToken, as_added
from ._components import character, string

__all__ = ["BpeTrainer", "Trainer"]

_SIZE_LIMIT = 1 << 64


class Trainer:
    """The base of all trainers."""

    __slots__ = ()


class BpeTrainer(Trainer):
    """How to train a model of BPE; the attributes are the arguments.

    The merges are those of tokenizers' own.
    """

    __slots__ = (
        "_initial_alphabet",
        "_limit_alphabet",
        "_max_token_length",
        "_min_frequency",
        "_progress_format",
        "_special_tokens",
        "_vocab_size",
        "_word_count",
        "show_progress",
    )

    def __init__(  # noqa: PLR0917 (as in tokenizers)
        self,
        vocab_size: int = 30000,
        min_frequency: int = 0,
        show_progress: bool = True,
        progress_format: str = "indicatif",
        special_tokens: Iterable[Union[str, AddedToken]] = (),
        limit_alphabet: Optional[int] = None,
        initial_alphabet: Sequence[str] = (),
        continuing_subword_prefix: Optional[str] = None,
        end_of_word_suffix: Optional[str] = None,
        max_token_length: Optional[int] = None,
    ) -> None:
        """Takes what tokenizers' own takes.

        Args:
            vocab_size: How many tokens to have at most; special ones and single characters count.
            min_frequency: A pair that occurs less often is not merged.
            show_progress: Whether a bar is drawn, on a terminal.
            progress_format: Is kept and read by nobody.
            special_tokens: Get the first ids, and are added to the tokenizer.
            limit_alphabet: How many different characters to have at most.
            initial_alphabet: Characters that are tokens even if they do not occur.
            continuing_subword_prefix: None alone: with one, what tokenizers learns is left to
                chance.
            end_of_word_suffix: The same.
            max_token_length: No merge gives a token of more characters.

        Raises:
            InvalidTypeError, InvalidValueError: An argument cannot be one.
            OverflowError: A number is negative.
            UnsupportedError: There is a prefix or a suffix.
        """
        self._word_count = 0
        self.vocab_size = vocab_size
        self.min_frequency = min_frequency
        self.show_progress = show_progress
        self.progress_format = progress_format
        self.special_tokens = list(special_tokens)
        self.limit_alphabet = limit_alphabet
        self.initial_alphabet = list(initial_alphabet)
        self.continuing_subword_prefix = continuing_subword_prefix
        self.end_of_word_suffix = end_of_word_suffix
        self.max_token_length = max_token_length

    @property
    def vocab_size(self) -> int:
        """How many tokens to have at most."""
        return self._vocab_size

    @vocab_size.setter
    def vocab_size(self, value: int) -> None:
        self._vocab_size = _size(value)

    @property
    def min_frequency(self) -> int:
        """How often a pair must occur to be merged."""
        return self._min_frequency

    @min_frequency.setter
    def min_frequency(self, value: int) -> None:
        self._min_frequency = _size(value)

    @property
    def progress_format(self) -> str:
        """``"indicatif"``, ``"json"`` or ``"silent"``, and the first for all else."""
        return self._progress_format

    @progress_format.setter
    def progress_format(self, value: str) -> None:
        self._progress_format = value if string(value) in ("json", "silent") else "indicatif"

    @property
    def special_tokens(self) -> List[AddedToken]:
        """The tokens that get the first ids."""
        return list(self._special_tokens)

    @special_tokens.setter
    def special_tokens(self, value: Sequence[Union[str, AddedToken]]) -> None:
        try:
            self._special_tokens = [as_added(token, special=True) for token in value]
        except TypeError:
            raise InvalidTypeError(
                "Special tokens must be a List[Union[str, AddedToken]]"
            ) from None

    @property
    def limit_alphabet(self) -> Optional[int]:
        """How many different characters to have at most."""
        return self._limit_alphabet

    @limit_alphabet.setter
    def limit_alphabet(self, value: Optional[int]) -> None:
        self._limit_alphabet = None if value is None else _size(value)

    @property
    def initial_alphabet(self) -> List[str]:
        """Characters that are tokens even if they do not occur, in order."""
        return sorted(self._initial_alphabet)

    @initial_alphabet.setter
    def initial_alphabet(self, value: Sequence[str]) -> None:
        self._initial_alphabet = {character(each) for each in value}

    @property
    def continuing_subword_prefix(self) -> None:
        """Always None."""
        return

    @continuing_subword_prefix.setter
    def continuing_subword_prefix(self, value: Optional[str]) -> None:
        _refuse("continuing_subword_prefix", value)

    @property
    def end_of_word_suffix(self) -> None:
        """Always None."""
        return

    @end_of_word_suffix.setter
    def end_of_word_suffix(self, value: Optional[str]) -> None:
        _refuse("end_of_word_suffix", value)

    @property
    def max_token_length(self) -> Optional[int]:
        """How many characters a token that is merged may have."""
        return self._max_token_length

    @max_token_length.setter
    def max_token_length(self, value: Optional[int]) -> None:
        self._max_token_length = None if value is None else _size(value)

    def get_word_count(self) -> int:
        """How many different pieces the texts of the last training had."""
        return self._word_count

    def _facts(self) -> Dict[str, Any]:
        tokens = [token.__getstate__() for token in self._special_tokens]
        names = ("vocab_size", "min_frequency", "show_progress", "progress_format")
        others = ("limit_alphabet", "initial_alphabet", "max_token_length")
        return {
            **{name: getattr(self, name) for name in names + others},
            "special_tokens": tokens,
        }

    def __getstate__(self) -> bytes:
        """Its arguments, as JSON of this package."""
        return json.dumps(self._facts()).encode()

    def __setstate__(self, state: bytes) -> None:
        facts = json.loads(state)
        facts["special_tokens"] = [AddedToken(**token) for token in facts["special_tokens"]]
        self.__init__(**facts)  # type: ignore[misc]

    def __reduce__(self) -> Tuple[Any, ...]:
        """Pickles its arguments."""
        return BpeTrainer, (), self.__getstate__()

    def __repr__(self) -> str:
        facts = ", ".join(f"{name}={value!r}" for name, value in self._facts().items())
        return f"BpeTrainer({facts})"


def _size(value: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise InvalidTypeError(f"{type(value).__name__!r} object cannot be interpreted as an int")
    if not 0 <= value < _SIZE_LIMIT:
        raise IntRangeError(f"a size from 0 to 2**64 - 1 is needed, not {value}")
    return value


def _refuse(name: str, value: Optional[str]) -> None:
    if value is not None:
        raise UnsupportedError(f"training with a {name} is not supported", key=name)


def check(trainer: Any) -> BpeTrainer:
    """The trainer of a model of BPE; one of tokenizers itself is taken by its attributes.

    Raises:
        InvalidTypeError: It is no trainer.
        InvalidValueError: It trains another model.
        UnsupportedError: It has what is not supported.
    """
    if isinstance(trainer, BpeTrainer):
        return trainer
    kinds = [kind.__name__ for kind in type(trainer).__mro__]
    if "Trainer" not in kinds:
        raise InvalidTypeError(f"{kinds[0]!r} object is not an instance of 'Trainer'")
    if kinds[0] != "BpeTrainer":
        raise InvalidValueError(f"{kinds[0]} can only train another model than BPE")
    names = ("vocab_size", "min_frequency", "show_progress", "special_tokens", "limit_alphabet")
    others = ("initial_alphabet", "continuing_subword_prefix", "end_of_word_suffix")
    return BpeTrainer(
        **{name: getattr(trainer, name) for name in names + others},
        max_token_length=trainer.max_token_length,
    )
