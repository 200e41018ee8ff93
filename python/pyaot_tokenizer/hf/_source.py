"""A tokenizer.json, read without its model for as long as nobody asks for that.

The model is nearly all of a file, and the core reads it by itself; Python parses it only to spell
tokens.
"""

from __future__ import annotations

import json
import re
from typing import Any, Dict, List, Optional, Tuple

from ..errors import FormatError

_SPACE = re.compile(r"[ \t\r\n]*")

_KEYS = (
    "version",
    "truncation",
    "padding",
    "added_tokens",
    "normalizer",
    "pre_tokenizer",
    "post_processor",
    "decoder",
)


class Source:
    """The settings of a tokenizer.json, which may be changed, and its model, which may not."""

    def __init__(self, text: str) -> None:
        """Reads `text`.

        Raises:
            FormatError: It is no JSON object.
        """
        try:
            found = _read_settings(text)
            if found is None:
                settings = json.loads(text)
                model = settings.pop("model")
                found = settings, json.dumps(model, ensure_ascii=False)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise FormatError(f"no tokenizer.json: {error}") from error
        self.settings: Dict[str, Any]
        self.settings, self.model_text = found
        self._vocab: Optional[Dict[str, int]] = None
        self._spelled: Optional[Dict[int, str]] = None

    def with_model(self, text: str) -> Source:
        """The same settings, and the model whose JSON is `text`."""
        other = Source.__new__(Source)
        other.settings, other.model_text = self.settings, text
        other._vocab = other._spelled = None
        return other

    @property
    def vocab(self) -> Dict[str, int]:
        """The tokens of the model and their ids."""
        if self._vocab is None:
            vocab: Dict[str, int] = json.loads(self.model_text)["vocab"]
            self._vocab = vocab
        return self._vocab

    @property
    def spelled(self) -> Dict[int, str]:
        """The same, by id."""
        if self._spelled is None:
            self._spelled = {token_id: token for token, token_id in self.vocab.items()}
        return self._spelled

    def to_str(self, *, pretty: bool = False) -> str:
        """The whole file."""
        settings = {key: self.settings.get(key) for key in _KEYS}
        settings["version"] = settings["version"] or "1.0"
        settings["added_tokens"] = settings["added_tokens"] or []
        if pretty:
            settings["model"] = json.loads(self.model_text)
            return json.dumps(settings, ensure_ascii=False, indent=2)
        # The model is as it was read, so that its long lists need not be made.
        head = json.dumps(settings, ensure_ascii=False, separators=(",", ":"))
        return f'{head[:-1]},"model":{self.model_text}}}'


def _read_settings(text: str) -> Optional[Tuple[Dict[str, Any], str]]:
    """The settings and the text of the model of a file in which that comes last; else None."""
    start = 1 if text.startswith("\ufeff") else 0
    decoder = json.JSONDecoder()
    settings: Dict[str, Any] = {}
    at = _skip(text, start)
    if text[at : at + 1] != "{":
        return None
    at = _skip(text, at + 1)
    while text[at : at + 1] == '"':
        key, at = decoder.raw_decode(text, at)
        at = _skip(text, at)
        if text[at : at + 1] != ":":
            return None
        at = _skip(text, at + 1)
        if key == "model":
            model = text[at:].rstrip(" \t\r\n")
            is_last = model.endswith("}") and all(name in settings for name in _KEYS)
            return (settings, model[:-1].rstrip()) if is_last else None
        settings[key], at = decoder.raw_decode(text, at)
        at = _skip(text, at)
        if text[at : at + 1] != ",":
            return None
        at = _skip(text, at + 1)
    return None


def _skip(text: str, at: int) -> int:
    match = _SPACE.match(text, at)
    return at if match is None else match.end()


def next_id(vocab: Dict[str, int], added: List[int]) -> int:
    """The id of a token that is new, as tokenizers gives them."""
    size = len(vocab)
    highest = max(added, default=-1)
    return highest + 1 if added and (highest >= size or size == 0) else size
