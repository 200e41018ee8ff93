"""Training: from texts to a vocabulary and its merges, which are those of tokenizers.

Pieces are counted and merged by the core, which knows 256 symbols. Their characters take the places
of these in order, so that all choices among equals stay what they are; so are the ids that follow.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Set, Tuple

from .._arguments import SpecialTokens, check_path
from .._saving import byte_level_alphabet
from ..errors import FileReadError, FormatError, InvalidTypeError, UnsupportedError
from ..patterns import PATTERNS
from ..tokenizer import Tokenizer as NativeTokenizer
from ..trainer import Trainer as NativeTrainer
from ..trainer import count_words
from . import _running
from .models import BPE
from .trainers import BpeTrainer

_SYMBOLS = sorted(byte_level_alphabet())
_BYTES = {spelled: byte for byte, spelled in enumerate(byte_level_alphabet())}

# The scanners whose patterns have a name, by which texts are counted without passing Python.
_SCANNERS = ("gpt2", "llama3", "qwen2", "tekken")

# Characters that no text can take for one of the symbols: those of special tokens.
_PRIVATE = 0xF0000

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
        UnsupportedError: The texts have more than 256 different characters behind the
            pre-tokenizer; or an option of the trainer is not supported beside the others.
        InvalidTypeError: A text has lone surrogates.
    """
    scanner = _scanner(settings)
    if scanner is not None:
        counts = count_words(map(_running.checked, texts), pattern=scanner)
        trainer._word_count = len(counts)
        return _merge(trainer, counts, _SYMBOLS, None)
    words = _count(settings, texts, mode)
    trainer._word_count = len(words)
    seen = {character for word in words for character in word}
    symbols = _SYMBOLS if seen.issubset(_BYTES) else sorted(seen)
    if len(symbols) > len(_SYMBOLS):
        raise UnsupportedError(
            f"training on {len(symbols)} different characters is not supported, 256 are the most: "
            "those of a ByteLevel pre-tokenizer"
        )
    places = {each: _BYTES[symbol] for each, symbol in zip(symbols, _SYMBOLS)}
    pieces = {bytes(map(places.__getitem__, word)): count for word, count in words.items()}
    return _merge(trainer, pieces, symbols, seen)


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
) -> Dict[str, int]:
    """How often each piece occurs, as the pre-tokenizer spells it; added tokens are pieces too."""
    names = ("normalizer", "pre_tokenizer")
    cutter = _running.cutter(
        {name: settings.get(name) for name in names}, settings.get("added_tokens") or []
    )
    words: Counter[str] = Counter()
    for text in texts:
        words.update(_running.pieces_of(cutter, _running.checked(text), mode))
    return dict(words)


def _merge(
    trainer: BpeTrainer,
    counts: Any,
    symbols: Sequence[str],
    seen: Optional[Set[str]],
) -> Learnt:
    """Learns from pieces whose characters are bytes in place of `symbols`."""
    specials = list(dict.fromkeys(token.content for token in trainer.special_tokens))
    specials = [text for text in specials if text]
    places = dict(zip(symbols, _SYMBOLS))
    back = dict(zip(_SYMBOLS, symbols))
    initial = set(trainer.initial_alphabet)
    limit = trainer.limit_alphabet
    if seen is None:
        # What is learnt in no room is the characters that occur.
        learner = NativeTrainer(0, tie_break="huggingface", initial_alphabet=False, progress=False)
        seen = set(json.loads(learner.learn_json(counts))["model"]["vocab"])
    if limit is not None and limit >= len(seen | initial):
        limit = None
    if limit is not None and initial:
        raise UnsupportedError(
            "a limit_alphabet below the characters there are is not supported beside an "
            "initial_alphabet",
            key="limit_alphabet",
        )
    unseen = initial - seen - set(specials)
    outside = iter(range(_PRIVATE, _PRIVATE + sum(map(len, specials))))
    for character in dict.fromkeys("".join(specials)):
        places.setdefault(character, chr(next(outside)))
    learner = NativeTrainer(
        max(0, trainer.vocab_size - len(unseen)),
        pattern="gpt2",
        special_tokens=["".join(map(places.__getitem__, text)) for text in specials],
        min_frequency=trainer.min_frequency,
        tie_break="huggingface",
        max_token_length=trainer.max_token_length,
        limit_alphabet=limit,
        initial_alphabet=False,
        progress=None if trainer.show_progress else False,
    )
    model = json.loads(learner.learn_json(counts))["model"]
    merges = [["".join(map(back.__getitem__, part)) for part in pair] for pair in model["merges"]]
    alphabet = {back[token] for token in model["vocab"] if token in back} & seen
    vocab: Dict[str, int] = {}
    tokens = [*specials, *sorted(alphabet | initial), *(left + right for left, right in merges)]
    for token in tokens:
        vocab.setdefault(token, len(vocab))
    return vocab, merges
