"""What encodings go on needing of a tokenizer, to say more of their ids when they are asked."""

from __future__ import annotations

from typing import Dict, List, Optional

from .._arguments import SpecialTokens
from ..tokenizer import Tokenizer as NativeTokenizer
from ._added import AddedToken, text_of
from ._encoding import Encoded, Offset
from ._source import Source


class State:
    """What encodings go on needing of a tokenizer; replaced when that changes."""

    __slots__ = ("_source", "added", "has_other_texts", "ids", "native")

    def __init__(self, source: Source, native: NativeTokenizer, added: Dict[int, AddedToken]):
        self._source = source
        self.native = native
        self.added = added
        self.ids = {token.content: token_id for token_id, token in added.items()}
        changes = source.settings.get("normalizer") is not None
        self.has_other_texts = any(
            token.lstrip or token.rstrip or (token.normalized and changes)
            for token in added.values()
        )
        """Whether the text of an added token may be another one than its content."""

    def spell(self, token_id: int) -> Optional[str]:
        token = self.added.get(token_id)
        if token is not None:
            return text_of(token, self._source)
        return self._source.spelled.get(token_id)

    def spell_all(self, ids: List[int]) -> List[str]:
        spelled = self._source.spelled
        added = self.added
        return [added[i].content if i in added else spelled[i] for i in ids]


class OfText(Encoded):
    """A text that was encoded."""

    __slots__ = ("_mode", "_state", "_text")

    def __init__(self, ids: List[int], state: State, text: str, mode: SpecialTokens) -> None:
        super().__init__(ids)
        self._state = state
        self._text = text
        self._mode = mode

    def find_tokens(self) -> List[str]:
        state = self._state
        tokens = state.spell_all(self.ids)
        if state.has_other_texts and not state.added.keys().isdisjoint(self.ids):
            for index, matched in state.native._matched_texts(
                self._text, self.ids, special_tokens=self._mode
            ):
                tokens[index] = matched
        return tokens

    def find_offsets(self) -> List[Offset]:
        native = self._state.native
        return native._offset_pairs(self._text, self.ids, special_tokens=self._mode)

    def find_words(self) -> List[Optional[int]]:
        native = self._state.native
        return [*native._word_indices(self._text, self.ids, special_tokens=self._mode)]


class OfWords(Encoded):
    """Words that were encoded, each by itself."""

    __slots__ = ("_words_encoded",)

    def __init__(self, words: List[Encoded]) -> None:
        super().__init__([token_id for word in words for token_id in word.ids])
        self._words_encoded = words

    def find_tokens(self) -> List[str]:
        return [token for word in self._words_encoded for token in word.tokens]

    def find_offsets(self) -> List[Offset]:
        return [offset for word in self._words_encoded for offset in word.offsets]

    def find_words(self) -> List[Optional[int]]:
        return [
            index for index, word in enumerate(self._words_encoded) for _ in range(len(word.ids))
        ]


def joined(words: List[Encoded], *, is_bare: bool) -> Encoded:
    """Words that were encoded as one sequence; without their facts if it is bare."""
    if not is_bare:
        return OfWords(words)
    return Encoded([token_id for word in words for token_id in word.ids])
