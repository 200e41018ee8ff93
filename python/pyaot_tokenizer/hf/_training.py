"""Training: from texts to a vocabulary and its merges, which are those of tokenizers.

Pieces are merged by the core: of bytes where it has counted them itself, by a scanner, else of
characters.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Tuple

from .._abi import TrainingOption
from .._arguments import SpecialTokens, Text, check_path
from .._saving import byte_level_alphabet
from ..errors import FileReadError, FormatError, InvalidTypeError
from ..patterns import PATTERNS
from ..tokenizer import Tokenizer as NativeTokenizer
from ..trainer import WordCounts, count_words, learn_pairs
from . import _running
from .models import BPE
from .trainers import BpeTrainer

_BYTES = {spelled: byte for byte, spelled in enumerate(byte_level_alphabet())}

_VOCAB_SIZE_MAX = (1 << 32) - 1

# The scanners whose patterns have a name, by which texts are counted without passing Python.
_SCANNERS = ("gpt2", "llama3", "qwen2", "tekken")

Learnt = Tuple[Dict[str, int], List[List[str]]]
"""A vocabulary and its merges."""


def texts_of(iterator: Any) -> Iterator[str]:
    """The texts of an iterator over texts, or over lists of them.

    Raises:
        InvalidTypeError: There is something else.
    """
    if not isinstance(iterator, Iterable):
        raise InvalidTypeError(f"{type(iterator).__name__!r} object is not iterable")
    for item in iterator:
        for text in (item,) if isinstance(item, str) else _inner(item):
            if not isinstance(text, str):
                raise InvalidTypeError(f"{type(text).__name__!r} object is not a 'str'")
            yield text


def _inner(item: Any) -> Iterable[Any]:
    if isinstance(item, bytes) or not isinstance(item, Iterable):
        raise InvalidTypeError(f"{type(item).__name__!r} object is no text, and no list of them")
    return item


def lines_of(files: Any) -> Iterator[str]:
    """The lines of files, each with its end.

    Raises:
        InvalidTypeError: `files` is no list of paths.
        FileReadError, FormatError: A file cannot be read, or is not UTF-8.
    """
    if isinstance(files, (str, bytes)) or not isinstance(files, Iterable):
        raise InvalidTypeError("a list of paths is needed")
    for path in files:
        name = check_path(path)
        try:
            with open(name, encoding="utf-8", newline="\n") as file:
                yield from file
        except OSError as error:
            raise FileReadError.of(error, name) from error
        except UnicodeDecodeError as error:
            raise FormatError(f"the file is not UTF-8: {error.reason}", file=name) from error


def train(
    settings: Mapping[str, Any],
    model: BPE,
    trainer: BpeTrainer,
    texts: Iterable[str],
    mode: SpecialTokens,
) -> None:
    """Gives a model what a trainer learns from texts; its flags stay. Errors as for `learn`."""
    vocab, merges = learn(settings, trainer, texts, mode)
    form = model._as_form()
    affixes = {"continuing_subword_prefix": None, "end_of_word_suffix": None}
    form.update(vocab=vocab, merges=merges, **affixes)
    model._changed()


def learn(
    settings: Mapping[str, Any], trainer: BpeTrainer, texts: Iterable[str], mode: SpecialTokens
) -> Learnt:
    """What a trainer learns from texts, behind a normalizer and a pre-tokenizer.

    Args:
        settings: A tokenizer.json without its model.
        trainer: How much to learn.
        texts: Where from.
        mode: What becomes of special tokens in them.

    Raises:
        InvalidTypeError: A text has lone surrogates.
        InvalidValueError: There are more pieces, or counts, than the core can hold.
    """
    scanner = _scanner(settings)
    if scanner is not None:
        counts = count_words(map(_running.checked, texts), pattern=scanner)
    else:
        counts = WordCounts.from_mapping(_count(settings, texts, mode))
    trainer._word_count = len(counts)
    options = {
        TrainingOption.VOCAB_SIZE: min(trainer.vocab_size, _VOCAB_SIZE_MAX),
        TrainingOption.MIN_FREQUENCY: trainer.min_frequency,
        TrainingOption.CHARACTERS: int(scanner is None),
        TrainingOption.ALL_BYTES: 0,
    }
    if trainer.max_token_length is not None:
        options[TrainingOption.MAX_TOKEN_LENGTH] = trainer.max_token_length
    if trainer.limit_alphabet is not None:
        options[TrainingOption.LIMIT_ALPHABET] = trainer.limit_alphabet
    contents = dict.fromkeys(token.content for token in trainer.special_tokens)
    tokens, merges = learn_pairs(
        counts,
        options,
        specials=[text for text in contents if text],
        initial=trainer.initial_alphabet,
        progress=None if trainer.show_progress else False,
    )
    return {token: i for i, token in enumerate(tokens)}, [list(pair) for pair in merges]


def _scanner(settings: Mapping[str, Any]) -> Optional[str]:
    """The pattern that cuts texts into pieces spelled in bytes, if it has a name and is all."""
    cutter = settings.get("pre_tokenizer")
    if cutter is None or settings.get("normalizer") is not None or settings.get("added_tokens"):
        return None
    steps = cutter["pretokenizers"] if cutter["type"] == "Sequence" else [cutter]
    last = steps[-1] if steps else {}
    if last.get("type") != "ByteLevel" or last.get("add_prefix_space", True):
        return None
    model = json.dumps(_running.model_form(vocab=_BYTES))
    text = _running.tokenizer_json(model, pre_tokenizer=cutter)
    name = NativeTokenizer.from_bytes(text.encode()).pre_tokenizer
    return PATTERNS[name] if name in _SCANNERS else None


def _count(
    settings: Mapping[str, Any], texts: Iterable[str], mode: SpecialTokens
) -> Dict[Text, int]:
    """How often each piece occurs, as the pre-tokenizer spells it; added tokens are pieces too."""
    names = ("normalizer", "pre_tokenizer")
    cutter = _running.cutter(
        {name: settings.get(name) for name in names}, settings.get("added_tokens") or []
    )
    words: Counter[Text] = Counter()
    for text in texts:
        words.update(_running.pieces_of(cutter, _running.checked(text), mode))
    return dict(words)
