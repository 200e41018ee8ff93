"""The published split patterns, by the names that their tokenizers are known by.

A ``.tiktoken`` file holds ranks alone; the pattern that cuts text into pieces comes from here, or
from the caller as a regular expression. Sources: tiktoken 0.14.0 (``gpt2``, ``cl100k_base``,
``o200k_base``), the tokenizer.json files of Llama 3, Qwen2 and Mistral Nemo, and nanochat's
tokenizer.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Mapping

_GPT2 = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"
_CL100K = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
    r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)
_LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_QWEN2 = _LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
_NANOCHAT = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,2}| ?[^\s\p{L}\p{N}]++[\r\n]*"
    r"|\s*[\r\n]|\s+(?!\S)|\s+"
)
_UPPER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"
_LOWER = r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
_O200K = (
    rf"[^\r\n\p{{L}}\p{{N}}]?{_UPPER}*{_LOWER}+{_CONTRACTIONS}"
    rf"|[^\r\n\p{{L}}\p{{N}}]?{_UPPER}+{_LOWER}*{_CONTRACTIONS}"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
_TEKKEN = _O200K.replace(_CONTRACTIONS, "").replace(r"\p{N}{1,3}", r"\p{N}")

PATTERNS: Mapping[str, str] = MappingProxyType(
    {
        "gpt2": _GPT2,
        "r50k_base": _GPT2,
        "p50k_base": _GPT2,
        "cl100k_base": _CL100K,
        "o200k_base": _O200K,
        "o200k_harmony": _O200K,
        "tekken": _TEKKEN,
        "llama3": _LLAMA3,
        "qwen2": _QWEN2,
        "nanochat": _NANOCHAT,
    }
)
"""Name to regular expression."""
