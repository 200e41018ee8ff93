"""The vocabularies that are measured, as files: of pinned packages, of npm, learnt by rustbpe.

Of families whose vocabulary no package carries there are stand-ins, ``family~vocabulary``: the
family's own steps around another vocabulary.
"""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Tuple

import fetch
from engines import Vocabulary
from engines.base import needs, ranks_of
from pinned_data import data_file

# Not for all: the processes of the engines import this, and each its own version of tokenizers.
if TYPE_CHECKING:
    from family_steps import Steps

_BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}

# The patterns in the spelling of published tokenizer.json files.
_SPELLED = {
    "cl100k_base": (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
        r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
    "o200k_base": (
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+"
        r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}"
        r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
}

PINNED = ("gpt2", "cl100k_base", "o200k_base")
SENTENCEPIECE = ("llama2", "gemma3")
# Stand-in: the family's name in `STEPS`, and the vocabulary that they are put around.
STAND_INS: Mapping[str, Tuple[str, str]] = {
    "phi2~gpt2": ("phi-2", "gpt2"),
    "neox~gpt2": ("gpt-neox, olmo, modernbert", "gpt2"),
    "starcoder~gpt2": ("starcoder, smollm", "gpt2"),
    "falcon~gpt2": ("falcon", "gpt2"),
    "bloom~gpt2": ("bloom", "gpt2"),
    "olmo2~cl100k": ("olmo-2, phi-4", "cl100k_base"),
    "deepseek_coder~gpt2": ("deepseek-coder", "gpt2"),
    "deepseek_llm~gpt2": ("deepseek-llm", "gpt2"),
    "qwen3_5~qwen2_5": ("qwen 3.5", "qwen2_5"),
    "kimi_k2~gptoss": ("kimi-k2", "gptoss"),
    "mistral~llama2": ("mistral with a metaspace", "llama2"),
    "chatglm~llama2": ("chatglm", "llama2"),
}

# The rest of the file is of no use.
_CLIP_MERGES = 49152 - 256 - 2


def load(name: str, folder: Path) -> Vocabulary:
    """The vocabulary called `name`; the files that have to be made for it are put into `folder`.

    Raises:
        fetch.FetchError: It comes from npm, and cannot be had.
    """
    if name in PINNED:
        return _pinned(name, folder)
    if name in STAND_INS:
        return _stand_in(name, folder)
    if name == "clip":
        return _clip(folder)
    if name == "claude2":
        return Vocabulary(name, json=str(data_file("anthropic_tokenizer.json")))
    return Vocabulary(name, json=str(fetch.npm_vocabulary(name)))


def learnt(name: str, vocab_size: int, words: Path, folder: Path) -> Vocabulary:
    """What rustbpe learns from the lines of a file."""
    import rustbpe

    tokenizer = rustbpe.Tokenizer()
    with open(words, encoding="utf-8") as file:
        tokenizer.train_from_iterator(iter(file), vocab_size)
    ranks = {bytes(token): rank for token, rank in tokenizer.get_mergeable_ranks()}
    path = folder / f"{name}.tiktoken"
    path.write_bytes(_rank_file(ranks))
    pattern = str(tokenizer.get_pattern())
    return Vocabulary(name, ranks=str(path), pattern=pattern, merges=str(words))


def gpt2_words() -> List[str]:
    """GPT-2's tokens that begin a word, without their space, in order of id."""
    vocab: Dict[str, int] = json.loads(data_file("encoder.json").read_text("utf-8"))
    return [token for token in sorted(vocab, key=vocab.__getitem__) if token.startswith("\u0120")]


def _pinned(name: str, folder: Path) -> Vocabulary:
    from pyaot_tokenizer import PATTERNS

    path = folder / f"{name}.json"
    if name == "gpt2":
        ranks = folder / "gpt2.tiktoken"
        if not path.exists():
            _write_gpt2(ranks, path)
    else:
        ranks = data_file(f"{name}.tiktoken")
        if not path.exists():
            _write_of_ranks(ranks_of(str(ranks)), _SPELLED[name], path)
    return Vocabulary(name, ranks=str(ranks), pattern=PATTERNS[name], json=str(path))


def _stand_in(name: str, folder: Path) -> Vocabulary:
    """The steps of a family around another vocabulary, without that one's added tokens."""
    from family_steps import STEPS

    family, base = STAND_INS[name]
    source = json.loads(Path(needs(load(base, folder), "json")).read_text("utf-8"))
    steps = STEPS[family]
    return _behind(name, steps, {**source["model"], **steps.model}, folder)


def _behind(name: str, steps: Steps, model: Mapping[str, Any], folder: Path) -> Vocabulary:
    """A tokenizer.json of a BPE model behind the steps of a family."""
    import tokenizers

    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    several = tokenizers.pre_tokenizers.Sequence(list(steps.pre))
    made.pre_tokenizer = steps.pre[0] if len(steps.pre) == 1 else several
    made.decoder = steps.decoder
    if steps.normalizer is not None:
        made.normalizer = steps.normalizer
    document = {**json.loads(made.to_str()), "model": model}
    made = tokenizers.Tokenizer.from_str(json.dumps(document))
    made.add_tokens(list(steps.added))
    path = folder / f"{name}.json"
    path.write_text(made.to_str(), encoding="utf-8")
    return Vocabulary(name, json=str(path))


def _clip(folder: Path) -> Vocabulary:
    """CLIP's own vocabulary, from the list of merges that it was published as."""
    from family_steps import STEPS

    with gzip.open(fetch.clip_merges(), "rt", encoding="utf-8") as file:
        lines = file.read().split("\n")
    merges = lines[1 : _CLIP_MERGES + 1]
    alphabet = _alphabet()
    # In the order of OpenAI's table: the printable bytes first.
    letters = sorted(alphabet.values(), key=lambda letter: (ord(letter) >= 256, ord(letter)))
    tokens = [*letters, *(letter + "</w>" for letter in letters)]
    tokens += ["".join(merge.split()) for merge in merges]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    vocab = {token: number for number, token in enumerate(tokens)}
    steps = STEPS["clip"]
    model = {"vocab": vocab, "merges": merges, **steps.model, "unk_token": "<|endoftext|>"}
    return _behind("clip", steps, {"type": "BPE", **model}, folder)


def _alphabet() -> Dict[int, str]:
    """The byte-level alphabet: byte to character."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    alphabet = {byte: chr(byte) for byte in printable}
    alphabet.update({byte: chr(256 + i) for i, byte in enumerate(others)})
    return alphabet


def _write_gpt2(ranks: Path, path: Path) -> None:
    vocab: Dict[str, int] = json.loads(data_file("encoder.json").read_text("utf-8"))
    del vocab["<|endoftext|>"]
    byte_of = {character: byte for byte, character in _alphabet().items()}
    tokens = {bytes(byte_of[c] for c in token): rank for token, rank in vocab.items()}
    ranks.write_bytes(_rank_file(tokens))
    merges = data_file("vocab.bpe").read_text("utf-8").splitlines()[1:]
    _write(path, vocab, merges, {**_BYTE_LEVEL, "use_regex": True}, False)


def _write_of_ranks(ranks: Mapping[bytes, int], pattern: str, path: Path) -> None:
    """A tokenizer.json: its merges are those that the ranks imply."""
    alphabet = _alphabet()
    spelled = {"".join(alphabet[byte] for byte in token): rank for token, rank in ranks.items()}
    merges = []
    for token in sorted(ranks, key=ranks.__getitem__):
        if len(token) > 1:
            parts = _parts_of(token, ranks)
            merges.append(" ".join("".join(alphabet[byte] for byte in part) for part in parts))
    split = {
        "type": "Split",
        "pattern": {"Regex": pattern},
        "behavior": "Isolated",
        "invert": False,
    }
    steps = {"type": "Sequence", "pretokenizers": [split, {**_BYTE_LEVEL, "use_regex": False}]}
    _write(path, spelled, merges, steps, True)


def _parts_of(token: bytes, ranks: Mapping[bytes, int]) -> List[bytes]:
    """The two tokens whose merge makes `token`."""
    parts = [token[i : i + 1] for i in range(len(token))]
    while len(parts) > 2:
        pairs = [ranks.get(left + right) for left, right in zip(parts, parts[1:])]
        best = min((rank, at) for at, rank in enumerate(pairs) if rank is not None)[1]
        parts[best : best + 2] = [parts[best] + parts[best + 1]]
    return parts


def _rank_file(ranks: Mapping[bytes, int]) -> bytes:
    lines = sorted((rank, base64.b64encode(token)) for token, rank in ranks.items())
    return b"".join(b"%b %d\n" % (token, rank) for rank, token in lines)


def _write(
    path: Path, vocab: Mapping[str, int], merges: List[str], steps: object, ignore_merges: bool
) -> None:
    model = {"type": "BPE", "vocab": vocab, "merges": merges, "ignore_merges": ignore_merges}
    document = {
        "version": "1.0",
        "added_tokens": [],
        "pre_tokenizer": steps,
        "decoder": {**_BYTE_LEVEL, "use_regex": False},
        "model": model,
    }
    path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
