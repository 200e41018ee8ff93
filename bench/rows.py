"""Which cells each row of the comparison has: vocabularies, texts, shapes, engines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Sequence, Tuple

from corpora import NAMES
from engines import ENGINES, OURS
from vocabularies import STAND_INS

_ARRAYS = (OURS, "gigatoken", "tokenizers-1.0", "splintr", "quicktok")
_TRAINERS = ("rustbpe", "rust_baseline", "fast-bpe-rs")
_EVERY = tuple(name for name in ENGINES if name not in _TRAINERS)
# With threads every cell takes a new process of each engine: those that are quick enough to count.
_QUICK = (*_ARRAYS, "fastokens", "tokie", "tiktoken")
_FEW = (OURS, "gigatoken", "tokenizers-1.0")
_BYTE_LEVEL = ("cl100k_base", "o200k_base", "gpt2", "llama3_1", "qwen2_5")
_SENTENCEPIECE = ("llama2", "gemma3")
_FURTHER = ("qwen3", "deepseek_v3", "gptoss", "mistral_nemo", "command_r_plus", "claude2")
# What one vocabulary bears, another may not.
_EVERY_VOCABULARY = (*_BYTE_LEVEL, "qwen3", "deepseek_v3", "gptoss", *_SENTENCEPIECE)


@dataclass(frozen=True)
class Row:
    """Cells of one kind: every vocabulary with every text, in every form and shape."""

    title: str
    vocabularies: Sequence[str]
    texts: Sequence[str]
    """Names of corpora; ``mixed``; or ``hostile``, ``unrepeated`` for all of that kind."""
    engines: Sequence[str]
    shapes: Sequence[str] = ("list",)
    """``nearest``: the array if the engine makes one of one text, else the list."""
    forms: Sequence[str] = ("documents",)
    threads: int = 1
    fewer: Tuple[str, ...] = ()
    """The engines for every vocabulary but the first, if not `engines`."""
    megabytes: float = 8
    timeout: float = 60

    def engines_for(self, vocabulary: str) -> Sequence[str]:
        """The engines that this vocabulary is measured with."""
        return self.fewer if self.fewer and vocabulary != self.vocabularies[0] else self.engines


ROWS: Mapping[str, Row] = {
    "array": Row(
        "One thread, ids in an array",
        _BYTE_LEVEL,
        NAMES,
        _ARRAYS,
        shapes=("array",),
        forms=("documents", "whole"),
    ),
    "list": Row("One thread, ids in a list, documents", ("cl100k_base",), NAMES, _EVERY),
    "short": Row(
        "Short strings to a list",
        ("cl100k_base",),
        ("english",),
        _EVERY,
        forms=("hello", "100", "1000"),
    ),
    "batch": Row(
        "A batch of documents, 2 threads, time on the wall",
        ("cl100k_base",),
        NAMES,
        _QUICK,
        shapes=("batch_lists", "batch_arrays"),
        threads=2,
    ),
    "unrepeated": Row(
        "Nothing repeats: array, or else list, documents",
        ("cl100k_base",),
        ("unrepeated",),
        _EVERY,
        shapes=("nearest",),
        megabytes=10,
    ),
    "hostile": Row(
        "Hostile megabytes and one of prose: array, or else list, one text",
        _EVERY_VOCABULARY,
        ("english", "hostile"),
        _EVERY,
        shapes=("nearest",),
        forms=("whole",),
        fewer=_FEW,
        megabytes=1,
        timeout=20,
    ),
    "sentencepiece": Row(
        "SentencePiece vocabularies: array, or else list, documents",
        _SENTENCEPIECE,
        NAMES,
        (*_FEW, "fastokens", "tokie", "kitoken", "tokenizers"),
        shapes=("nearest",),
        megabytes=4,
    ),
    "families": Row(
        "Every family: array, or else list, documents (a~b stands in: a's steps, b's vocabulary)",
        (*_BYTE_LEVEL, *_SENTENCEPIECE, *_FURTHER, "clip", *STAND_INS),
        ("english", "multilingual"),
        (*_FEW, "tokenizers"),
        shapes=("nearest",),
        megabytes=2,
    ),
    "offsets": Row(
        "Ids in a list, and where they stand, documents",
        (*_BYTE_LEVEL, *_SENTENCEPIECE, *_FURTHER, "clip"),
        ("english", "multilingual"),
        (OURS, "tiktoken", "tokenizers"),
        shapes=("list", "offsets", "byte_offsets"),
        megabytes=2,
    ),
    "decode": Row(
        "Ids to a str, documents",
        ("cl100k_base",),
        NAMES,
        _EVERY,
        shapes=("decode", "decode_array"),
    ),
    "load": Row("From a file to the first ids", ("cl100k_base", "llama3_1", "gemma3"), (), _EVERY),
    "memory": Row(
        "Peak memory of the process while it encodes 20 MB to lists",
        ("cl100k_base",),
        ("english",),
        _EVERY,
        forms=("documents", "whole"),
        megabytes=20,
    ),
    "rustbpe": Row(
        "A vocabulary that rustbpe learnt, by its own call",
        ("rustbpe-32k",),
        NAMES,
        (OURS, "rustbpe"),
        megabytes=4,
    ),
    "train": Row(
        "Whole trainings: one thread, time of the processor; two threads, time on the wall",
        (),
        ("mixed",),
        (OURS, *_TRAINERS, "tokenizers", "gigatoken"),
        megabytes=100,
        timeout=1800,
    ),
}

# What `bazel run //bench:compare` measures without --full.
_PINNED = (OURS, "tiktoken", "tokenizers", "rustbpe")
_MADE = ("english", "code", "multilingual")
DEFAULT_ROWS: Mapping[str, Row] = {
    "list": Row(
        "One thread, ids in a list, documents",
        ("gpt2", "cl100k_base", "rustbpe-2k"),
        _MADE,
        _PINNED,
        megabytes=2,
    ),
    "array": Row(
        "One thread, ids in an array, documents",
        ("gpt2", "cl100k_base"),
        _MADE,
        _PINNED,
        shapes=("array",),
        megabytes=2,
    ),
    "short": Row(
        "Short strings to a list", ("cl100k_base",), ("english",), _PINNED, forms=("hello", "100")
    ),
    "decode": Row(
        "Ids to a str, documents",
        ("cl100k_base",),
        _MADE,
        _PINNED,
        shapes=("decode",),
        megabytes=2,
    ),
    "load": Row("From a file to the first ids", ("gpt2", "cl100k_base"), (), _PINNED),
    "memory": Row(
        "Peak memory of the process while it encodes to lists",
        ("cl100k_base",),
        ("english",),
        _PINNED,
        megabytes=2,
    ),
}
