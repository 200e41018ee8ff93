"""The texts that are measured: sources of a pinned package, made text, or the user's own files."""

from __future__ import annotations

import importlib.util
import random
from pathlib import Path
from typing import Dict, List, Sequence

import vocabularies

_BYTES_MAX = 2_000_000


def default_corpora(quick: bool) -> Dict[str, List[str]]:
    """Name to documents: source code of a pinned package, and two made texts."""
    limit = _BYTES_MAX // 10 if quick else _BYTES_MAX
    return {
        "code": _package_sources(limit),
        "words": _made_words(limit),
        "scripts": _made_scripts(limit // 4),
    }


def from_path(path: Path) -> List[str]:
    """The documents of a file (one) or of a folder (one a file)."""
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    return [file.read_text("utf-8", errors="replace") for file in files]


def _package_sources(limit: int) -> List[str]:
    spec = importlib.util.find_spec("litellm")
    if spec is None or not spec.submodule_search_locations:
        raise LookupError("the package litellm, whose sources are a corpus, is not installed")
    documents: List[str] = []
    used = 0
    for file in sorted(Path(spec.submodule_search_locations[0]).rglob("*.py")):
        document = file.read_text("utf-8", errors="replace")
        documents.append(document)
        used += len(document)
        if used > limit:
            break
    return documents


def _made_words(limit: int) -> List[str]:
    """Lines of words of GPT-2's vocabulary, the short and early ones most often."""
    generator = random.Random(1)
    words = [w[1:] for w in vocabularies.gpt2_words() if len(w) > 2 and w[1:].isalpha()]
    documents: List[str] = []
    used = 0
    while used < limit:
        picked: List[str] = []
        for _ in range(generator.randint(30, 300)):
            word = words[int(len(words) * generator.random() ** 3)]
            picked.append(word + generator.choices(["", ",", ".", "\n"], [80, 9, 9, 2])[0])
        documents.append(" ".join(picked))
        used += len(documents[-1])
    return documents


def _made_scripts(limit: int) -> List[str]:
    """Words of letters drawn from several scripts."""
    generator = random.Random(2)
    starts: Sequence[int] = (0x430, 0x5D0, 0x627, 0x905, 0x3042, 0x4E00, 0xAC00)
    documents: List[str] = []
    used = 0
    while used < limit:
        start = generator.choice(starts)
        words = [
            "".join(chr(start + generator.randrange(24)) for _ in range(generator.randint(1, 9)))
            for _ in range(200)
        ]
        documents.append(" ".join(words))
        used += len(documents[-1])
    return documents
