"""`AddedToken`, as tokenizers has it."""

from __future__ import annotations

from typing import Any, Dict, Optional, Tuple

from . import _components
from ._source import Source
from .normalizers import Normalizer

FLAGS = ("single_word", "lstrip", "rstrip", "normalized", "special")
"""What a token has beside its text."""


class AddedToken:
    """A token that is matched in the text before it is cut into pieces."""

    __slots__ = ("_normalized", "content", "lstrip", "rstrip", "single_word", "special")

    def __init__(
        self,
        content: str = "",
        *,
        single_word: bool = False,
        lstrip: bool = False,
        rstrip: bool = False,
        normalized: Optional[bool] = None,
        special: bool = False,
    ) -> None:
        """Takes its text and its flags; `normalized` is the opposite of `special` by default."""
        self.content = content
        self.single_word = single_word
        self.lstrip = lstrip
        self.rstrip = rstrip
        self._normalized = normalized
        self.special = special

    @property
    def normalized(self) -> bool:
        """Whether it is matched in the normalized text."""
        return not self.special if self._normalized is None else self._normalized

    def as_special(self) -> AddedToken:
        """The same as a special token."""
        return AddedToken(
            self.content,
            single_word=self.single_word,
            lstrip=self.lstrip,
            rstrip=self.rstrip,
            normalized=self._normalized,
            special=True,
        )

    def _facts(self) -> Tuple[Any, ...]:
        return (self.content, *(getattr(self, flag) for flag in FLAGS))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AddedToken):
            return NotImplemented
        return self._facts() == other._facts()

    def __hash__(self) -> int:
        return hash(self.content)

    def __getstate__(self) -> Dict[str, Any]:
        return {"content": self.content, **{flag: getattr(self, flag) for flag in FLAGS}}

    def __setstate__(self, state: Dict[str, Any]) -> None:
        self.__init__(**state)  # type: ignore[misc]

    def __str__(self) -> str:
        return self.content

    def __repr__(self) -> str:
        flags = ("rstrip", "lstrip", "single_word", "normalized", "special")
        facts = ", ".join(f"{flag}={getattr(self, flag)}" for flag in flags)
        return f'AddedToken("{self.content}", {facts})'


def as_added(token: object, *, special: bool) -> AddedToken:
    """A token of a str, which is special or not; those of tokenizers itself are taken too.

    Raises:
        TypeError: It is neither.
    """
    taken = AddedToken(token, special=special) if isinstance(token, str) else token
    if type(taken).__name__ == "AddedToken" and not isinstance(taken, AddedToken):
        state: Any = taken
        taken = AddedToken(**state.__getstate__())
    if not isinstance(taken, AddedToken):
        raise TypeError("Input must be a List[Union[str, AddedToken]]")
    return taken.as_special() if special else taken


def text_of(token: AddedToken, source: Source) -> str:
    """What tokenizers takes for the text of an added token: normalized, where that is matched."""
    form = source.settings.get("normalizer")
    if form is None or not token.normalized:
        return token.content
    return _components.of_form(form, Normalizer).normalize_str(token.content)
