"""The engines that are compared, by the name that they are shown by."""

from __future__ import annotations

from typing import Mapping

from .base import SHAPES, Engine, Vocabulary
from .fast import FASTOKENS, GIGATOKEN, QUICKTOK, SPLINTR
from .others import BPE_OPENAI, FAST_BPE, KITOKEN, RIPTOKEN, RS_BPE, TOKIE, WORDCHIPPER
from .ours import PYAOT
from .references import RUST_BASELINE, RUSTBPE, TIKTOKEN, TOKENIZERS, TOKENIZERS_NEXT

OURS = "pyaot_tokenizer"

ENGINES: Mapping[str, Engine] = {
    OURS: PYAOT,
    "gigatoken": GIGATOKEN,
    "fastokens": FASTOKENS,
    "tokenizers-1.0": TOKENIZERS_NEXT,
    "splintr": SPLINTR,
    "quicktok": QUICKTOK,
    "tokie": TOKIE,
    "wordchipper": WORDCHIPPER,
    "riptoken": RIPTOKEN,
    "rs-bpe": RS_BPE,
    "bpe-openai": BPE_OPENAI,
    "tiktoken": TIKTOKEN,
    "kitoken": KITOKEN,
    "tokenizers": TOKENIZERS,
    "rustbpe": RUSTBPE,
    "rust_baseline": RUST_BASELINE,
    "fast-bpe-rs": FAST_BPE,
}

__all__ = ["ENGINES", "OURS", "SHAPES", "Engine", "Vocabulary"]
