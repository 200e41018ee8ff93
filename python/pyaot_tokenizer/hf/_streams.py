"""`DecodeStream`: text from ids that come one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, List, Optional, Sequence, Union

if TYPE_CHECKING:
    from ._tokenizer import Tokenizer

__all__ = ["DecodeStream"]


class DecodeStream:
    """Decodes ids as they come, and gives text once it is whole characters."""

    def __init__(
        self, ids: Optional[Sequence[int]] = None, skip_special_tokens: bool = False
    ) -> None:
        """Begins behind `ids`, whose text is not given.

        Args:
            ids: What was decoded before.
            skip_special_tokens: Leave special tokens out.
        """
        self.skip_special_tokens = skip_special_tokens
        self._ids: List[int] = list(ids or ())
        self._prefix = ""
        self._prefix_index = 0

    def step(self, tokenizer: Tokenizer, id: Union[int, List[int]]) -> Optional[str]:
        """The text that `id`, or several, add; None while that is a part of a character.

        Raises:
            TypeError: `id` is neither an int nor a list of them.
            ValueError: The decoder changed the text before.
        """
        skip = self.skip_special_tokens
        if isinstance(id, int):
            more = [id]
        elif isinstance(id, (list, tuple)) and all(isinstance(item, int) for item in id):
            more = list(id)
        else:
            raise TypeError("StreamInput must be either an integer or a list of integers")
        if not self._prefix and self._ids:
            prefix = tokenizer.decode(self._ids, skip)
            if not prefix.endswith("\ufffd"):
                self._prefix = prefix
                self._prefix_index = len(self._ids)
        self._ids += more
        text = tokenizer.decode(self._ids, skip)
        # As many bytes as tokenizers counts.
        if len(text.encode()) <= len(self._prefix.encode()) or text.endswith("\ufffd"):
            return None
        if not text.startswith(self._prefix):
            raise ValueError("Invalid prefix encountered while decoding stream")
        new = text[len(self._prefix) :]
        index = len(self._ids) - self._prefix_index
        self._ids = self._ids[self._prefix_index :]
        self._prefix = tokenizer.decode(self._ids, skip)
        self._prefix_index = index
        return new
