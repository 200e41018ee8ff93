"""Tokenizers as the files of others: tokenizer.json, .tiktoken, vocab.json with merges.txt.

A vocabulary of ranks becomes a merge list with every split of every token, in order of rank, and
`ignore_merges`: tokenizers then merges the pair whose concatenation has the lowest rank, as
tiktoken does. That is the form that Llama 3 and gpt-oss are published in.
"""

from __future__ import annotations

import base64
import json
import re
from typing import Any, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

from .errors import UnsupportedError
from .patterns import PATTERNS

# tiktoken's cl100k in the syntax of tokenizers' engine, where "{1,3}+" repeats and "$" is the end
# of any line. Possessive digits have nothing behind them that could take one back.
_REWRITTEN = {
    PATTERNS[name]: PATTERNS[name].replace("{1,3}+", "{1,3}").replace(r"\s++$", r"\s++\z")
    for name in ("gpt2", "cl100k_base")
}

# What means something else to tokenizers' engine: a plus behind a counted repetition, and anchors.
_DIFFERENT = re.compile(r"\{[\d,]+\}\+|(?<![\\\[])[$^]|\\[zZAG]")


def byte_level_alphabet() -> List[str]:
    """The character that tokenizer.json spells each byte with."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = iter(range(0x100, 0x200))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]


def ranks_json(
    ranks: Mapping[bytes, int], pattern: str, specials: Sequence[Tuple[str, int]]
) -> bytes:
    """The tokenizer.json of ranks.

    Raises:
        UnsupportedError: The pattern has what tokenizers' engine reads differently.
    """
    alphabet = byte_level_alphabet()
    spelled = {token: "".join([alphabet[byte] for byte in token]) for token in ranks}
    merges: List[Tuple[str, str]] = []
    for token, _ in sorted(ranks.items(), key=lambda item: item[1]):
        splits = [
            (ranks[token[:at]], ranks[token[at:]], token[:at], token[at:])
            for at in range(1, len(token))
            if token[:at] in ranks and token[at:] in ranks
        ]
        merges += [(spelled[left], spelled[right]) for _, _, left, right in sorted(splits)]
    vocab = {spelled[token]: rank for token, rank in sorted(ranks.items(), key=lambda i: i[1])}
    return model_json(vocab, merges, pattern, specials, ignore_merges=True)


def pair_of_ranks(ranks: Mapping[bytes, int]) -> Tuple[bytes, bytes]:
    """The content of vocab.json and merges.txt for ranks, which become the same ids.

    When a token is made, its bytes have been merged as far as the lower ranks go, whatever stands
    beside them. So if those leave two parts of it, these are the only ones that it is ever made
    of, and the list of such pairs in order of rank merges what the ranks do.

    Raises:
        UnsupportedError: Some token is left in more parts, so that ranks alone make it.
    """
    alphabet = byte_level_alphabet()
    spelled = {token: "".join([alphabet[byte] for byte in token]) for token in ranks}
    merges: List[Tuple[str, str]] = []
    for token, rank in sorted(ranks.items(), key=lambda item: item[1]):
        if len(token) > 1:
            parts = _merged_below(ranks, token, rank)
            if len(parts) != 2:
                raise UnsupportedError(
                    f"merges.txt cannot say the token {token!r}, which no merge makes",
                    key="model.merges",
                )
            merges.append((spelled[parts[0]], spelled[parts[1]]))
    return vocab_json({spelled[token]: rank for token, rank in ranks.items()}), merges_txt(merges)


def _merged_below(ranks: Mapping[bytes, int], token: bytes, limit: int) -> List[bytes]:
    """The parts that the merges of lower ranks leave of a token."""
    parts = [token[at : at + 1] for at in range(len(token))]
    while True:
        found = [ranks.get(left + right, limit) for left, right in zip(parts, parts[1:])]
        least = min(found, default=limit)
        if least >= limit:
            return parts
        at = found.index(least)
        parts[at : at + 2] = [parts[at] + parts[at + 1]]


def vocab_merges_json(vocab: bytes, merges: bytes) -> bytes:
    """The tokenizer.json of GPT-2's pair of files, which have been loaded before."""
    pairs = merges_of(merges.decode("utf-8"))
    return model_json(json.loads(vocab), pairs, PATTERNS["gpt2"], [], ignore_merges=False)


def merges_of(text: str) -> List[Tuple[str, str]]:
    """The merges of a merges.txt.

    Raises:
        ValueError: A line has not two tokens.
    """
    lines = [line.rstrip("\r") for line in text.split("\n")]
    if lines[0].startswith("#version"):
        del lines[0]
    return [(left, right) for left, right in (line.split(" ") for line in lines if line)]


def vocab_json(vocab: Mapping[str, int]) -> bytes:
    """The content of a vocab.json, in order of id."""
    ordered = dict(sorted(vocab.items(), key=lambda item: item[1]))
    text = json.dumps(ordered, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")


def merges_txt(merges: Iterable[Tuple[str, str]]) -> bytes:
    """The content of a merges.txt."""
    lines = ["#version: 0.2", *(f"{left} {right}" for left, right in merges), ""]
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def pair_of_files(document: bytes, pre_tokenizer: str) -> Tuple[bytes, bytes]:
    """The content of vocab.json and merges.txt for a tokenizer.json, which has been loaded before.

    Args:
        document: The tokenizer.json; its added tokens are passed over.
        pre_tokenizer: The name of what cuts text into pieces.

    Raises:
        UnsupportedError: It has what the two cannot say.
    """
    content = json.loads(document)
    model = content["model"]
    steps = _flat(content.get("pre_tokenizer"), "pretokenizers")
    byte_level = steps[-1] if steps and steps[-1]["type"] == "ByteLevel" else {}
    reasons = {
        "model.dropout": bool(model.get("dropout")),
        "model.unk_token": model.get("unk_token") is not None,
        "model.continuing_subword_prefix": bool(model.get("continuing_subword_prefix")),
        "model.end_of_word_suffix": bool(model.get("end_of_word_suffix")),
        "model.byte_fallback": bool(model.get("byte_fallback")),
        "model.ignore_merges": bool(model.get("ignore_merges")),
        "normalizer": bool(_flat(content.get("normalizer"), "normalizers")),
        "pre_tokenizer": not byte_level or pre_tokenizer != "gpt2",
        "pre_tokenizer.add_prefix_space": bool(byte_level.get("add_prefix_space", True)),
        "decoder": [step["type"] for step in _flat(content.get("decoder"), "decoders")]
        != ["ByteLevel"],
    }
    for key, is_reason in reasons.items():
        if is_reason:
            raise UnsupportedError(f"vocab.json and merges.txt cannot say the {key}", key=key)
    merges = [pair_of(merge) for merge in model["merges"]]
    if any(" " in token or not token for merge in merges for token in merge):
        raise UnsupportedError("merges.txt cannot say a token with a space", key="model.merges")
    return vocab_json(model["vocab"]), merges_txt(merges)


def _flat(component: Optional[Dict[str, Any]], key: str) -> List[Dict[str, Any]]:
    """The steps of a component, sequences taken apart."""
    if component is None:
        return []
    if component["type"] != "Sequence":
        return [component]
    return [step for item in component[key] for step in _flat(item, key)]


def pair_of(merge: Any) -> Tuple[str, str]:
    """A merge as a pair; older files have it as one string."""
    left, right = merge.split(" ") if isinstance(merge, str) else merge
    return left, right


def model_json(
    vocab: Mapping[str, int],
    merges: Sequence[Tuple[str, str]],
    pattern: str,
    specials: Sequence[Tuple[str, int]],
    *,
    ignore_merges: bool,
) -> bytes:
    """The tokenizer.json of a vocabulary and its merges, spelled in the byte-level alphabet.

    Raises:
        UnsupportedError: As of `ranks_json`.
    """
    split: Dict[str, Any] = {
        "type": "Split",
        "pattern": {"Regex": oniguruma(pattern)},
        "behavior": "Removed",
        "invert": True,
    }
    byte_level = {"add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    # tokenizers gives an added token that is not in the model's vocabulary the next free id,
    # whatever the file says.
    if [token_id for _, token_id in specials] != list(
        range(len(vocab), len(vocab) + len(specials))
    ):
        vocab = {**vocab, **dict(specials)}
    content = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": token_id,
                "content": text,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": True,
            }
            for text, token_id in specials
        ],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [split, {"type": "ByteLevel", **byte_level}],
        },
        "post_processor": None,
        "decoder": {"type": "ByteLevel", **byte_level},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": ignore_merges,
            "vocab": vocab,
            "merges": merges,
        },
    }
    # A line an item. With `indent`, json would do without its encoder in C and take far longer.
    text = json.dumps(content, ensure_ascii=False, separators=(",\n", ": "))
    return text.encode("utf-8", "surrogatepass")


def oniguruma(pattern: str) -> str:
    """A pattern of tiktoken's engine, for that of tokenizers.

    Raises:
        UnsupportedError: It has what the engines read differently.
    """
    pattern = _REWRITTEN.get(pattern, pattern)
    found = None if pattern in _REWRITTEN.values() else _DIFFERENT.search(pattern)
    if found is not None:
        raise UnsupportedError(
            f"the pattern has {found.group()!r}, which tokenizers' engine reads differently"
        )
    return pattern


def tiktoken_ranks(ranks: Mapping[bytes, int]) -> bytes:
    """The content of a .tiktoken file."""
    lines = (
        base64.b64encode(token) + b" %d\n" % rank
        for token, rank in sorted(ranks.items(), key=lambda item: item[1])
    )
    return b"".join(lines)


def tiktoken_settings(pattern: str, specials: Sequence[Tuple[str, int]]) -> bytes:
    """What a .tiktoken file does not hold, as JSON."""
    content = {"pattern": pattern, "special_tokens": dict(specials)}
    return json.dumps(content, ensure_ascii=False, indent=1).encode("utf-8", "surrogatepass")
