"""Components by themselves: what a normalizer, a pre-tokenizer or a decoder does to a text.

Each is done by the core, in a small tokenizer around the component that is made for it.
"""

from __future__ import annotations

import functools
import json
import re
from typing import Any, Callable, Dict, Iterator, List, Sequence, Tuple

from .._arguments import SpecialTokens
from .._saving import byte_level_alphabet
from ..errors import InvalidTypeError
from ..tokenizer import Tokenizer as NativeTokenizer
from ._components import Component, Form, changes, string

Piece = Tuple[str, Tuple[int, int]]
"""A piece of a text, as the pre-tokenizer spells it, and where it begins and ends in characters."""

_BYTE = re.compile("<0x[0-9A-F]{2}>")

_BYTE_LEVEL = {
    "type": "ByteLevel",
    "add_prefix_space": False,
    "trim_offsets": True,
    "use_regex": False,
}


def model_form(**settings: Any) -> Form:
    """A model of BPE."""
    model: Form = {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": False,
        "vocab": {},
        "merges": [],
    }
    return {**model, **settings}


def tokenizer_json(model: str, **components: Any) -> str:
    """A tokenizer.json without added tokens.

    Args:
        model: The JSON of its model.
        components: The forms of the others.
    """
    names = ("normalizer", "pre_tokenizer", "post_processor", "decoder")
    settings: Form = {"version": "1.0", "truncation": None, "padding": None, "added_tokens": []}
    settings.update((name, components.get(name)) for name in names)
    head = json.dumps(settings, ensure_ascii=False, separators=(",", ":"))
    return f'{head[:-1]},"model":{model}}}'


def normalize(normalizer: Component, text: str) -> str:
    """What a normalizer makes of a text."""
    tokenizer = _kept(normalizer, _normalizing)
    return tokenizer.decode(tokenizer.encode(checked(text)))


def pre_tokenize(pre_tokenizer: Component, text: str) -> List[Piece]:
    """The pieces that a pre-tokenizer makes of a text."""
    tokenizer = _kept(pre_tokenizer, _cutting)
    ids = tokenizer.encode(checked(text))
    if not text and pre_tokenizer._as_form() == {"type": "Sequence", "pretokenizers": []}:
        # Nothing has looked for pieces that are empty.
        return [("", (0, 0))]
    words = tokenizer._word_indices(text, ids)
    offsets = tokenizer._offset_pairs(text, ids)
    pieces: List[Piece] = []
    at = 0
    while at < len(ids):
        end = at + 1
        while end < len(ids) and words[end] == words[at]:
            end += 1
        # Ids are bytes here.
        piece = bytes(ids[at:end]).decode("utf-8", "replace")
        pieces.append((piece, (offsets[at][0], max(end for _, end in offsets[at:end]))))
        at = end
    return pieces


def cutter(components: Form, added: Sequence[Form]) -> NativeTokenizer:
    """A tokenizer whose ids are the bytes of the pieces, and whatever of added tokens."""
    vocab = {f"<0x{byte:02X}>": byte for byte in range(256)}
    model = json.dumps(model_form(vocab=vocab, byte_fallback=True))
    document = json.loads(tokenizer_json(model, **components))
    document["added_tokens"] = [
        {**token, "id": vocab.get(token["content"], len(vocab) + index)}
        for index, token in enumerate(added)
    ]
    return _load(json.dumps(document))


def pieces_of(tokenizer: NativeTokenizer, text: str, mode: SpecialTokens) -> Iterator[str]:
    """The pieces of a text, and its added tokens, for a tokenizer that `cutter` made."""
    ids = tokenizer.encode(text, special_tokens=mode)
    words = tokenizer._word_indices(text, ids, special_tokens=mode)
    added = dict(tokenizer._matched_texts(text, ids, special_tokens=mode))
    at = 0
    while at < len(ids):
        end = at + 1
        if at in added:
            yield added[at]
        else:
            while end < len(ids) and words[end] == words[at] and end not in added:
                end += 1
            yield bytes(ids[at:end]).decode("utf-8", "replace")
        at = end


def decode(decoder: Component, tokens: Sequence[str]) -> str:
    """What a decoder makes of tokens."""
    vocab: Dict[str, int] = {}
    ids = [vocab.setdefault(checked(token), len(vocab)) for token in tokens]
    model = json.dumps(model_form(vocab=vocab), ensure_ascii=False)
    return _load(tokenizer_json(model, decoder=decoder._as_form())).decode(ids)


def checked(text: object) -> str:
    """A text without lone surrogates.

    Raises:
        InvalidTypeError: It is none.
    """
    found = string(text)
    try:
        found.encode()
    except UnicodeEncodeError:
        raise InvalidTypeError("a str without lone surrogates is needed") from None
    return found


def _kept(component: Component, make: Callable[[str], NativeTokenizer]) -> NativeTokenizer:
    """The tokenizer that `make` makes of a component's form, unless that has changed."""
    count = changes.count
    made_at, made = getattr(component, "_kept", (None, None))
    if made is None or made_at != count:
        made = make(component.__getstate__().decode())
        component._kept = count, made
    return made


def _load(text: str) -> NativeTokenizer:
    return NativeTokenizer.from_bytes(text.encode())


@functools.lru_cache(maxsize=32)
def _normalizing(form: str) -> NativeTokenizer:
    """A tokenizer whose ids are the bytes of the normalized text."""
    vocab = {spelled: byte for byte, spelled in enumerate(byte_level_alphabet())}
    model = json.dumps(model_form(vocab=vocab))
    parts = {"normalizer": json.loads(form), "pre_tokenizer": _BYTE_LEVEL, "decoder": _BYTE_LEVEL}
    return _load(tokenizer_json(model, **parts))


@functools.lru_cache(maxsize=32)
def _cutting(form: str) -> NativeTokenizer:
    """A tokenizer whose ids are the bytes of the pieces."""
    vocab = {f"<0x{byte:02X}>": byte for byte in range(256)}
    model = json.dumps(model_form(vocab=vocab, byte_fallback=True))
    return _load(tokenizer_json(model, pre_tokenizer=json.loads(form)))


def tokenize(
    native: NativeTokenizer, model: Form, text: str
) -> List[Tuple[int, str, Tuple[int, int]]]:
    """The tokens of a model by itself, `native` being the tokenizer of the model alone.

    Their offsets are sums of lengths, in bytes: what has no token has no length, and each token of
    a byte that fell back has the length 1.
    """
    ids, places = native.encode_with_offsets(checked(text), unit="byte")
    spelled = {token_id: token for token, token_id in model["vocab"].items()}
    size = len(text.encode())
    prefix = (model.get("continuing_subword_prefix") or "").encode()
    suffix = (model.get("end_of_word_suffix") or "").encode()
    found = []
    at = 0
    for token_id, (start, end) in zip(ids, places):
        token = spelled[token_id]
        length = len(token.encode())
        if model.get("byte_fallback") and _BYTE.fullmatch(token):
            length = 1
        elif token == model.get("unk_token"):
            length = end - start
        elif token != text:
            length -= len(prefix) if start > 0 else 0
            length -= len(suffix) if end == size else 0
        found.append((token_id, token, (at, at + length)))
        at += length
    return found
