"""The package's own tokenizers, each loaded once, in every form that the tests need."""

from __future__ import annotations

import functools
import json
from typing import Dict, Iterable, Mapping, Sequence, Tuple

from pyaot_tokenizer import Tokenizer

import oracle
import peers


@functools.cache
def gpt2_json() -> Tokenizer:
    """GPT-2 from a tokenizer.json that tokenizers wrote."""
    return Tokenizer.from_str(peers.tokenizers_gpt2().to_str())


@functools.cache
def gpt2_files() -> Tokenizer:
    """GPT-2 from its first two files; special tokens are plain text in it."""
    return Tokenizer.from_files(peers.data_file("encoder.json"), peers.data_file("vocab.bpe"))


@functools.cache
def gpt2_ranks() -> Tokenizer:
    """GPT-2 from ranks in memory."""
    return Tokenizer.from_ranks(
        peers.gpt2_ranks(), pattern="gpt2", special_tokens=peers.GPT2_SPECIALS
    )


@functools.cache
def cl100k_file() -> Tokenizer:
    """cl100k from its published rank file."""
    return Tokenizer.from_tiktoken(
        peers.data_file("cl100k_base.tiktoken"),
        pattern="cl100k_base",
        special_tokens=peers.CL100K_SPECIALS,
    )


@functools.cache
def o200k_file() -> Tokenizer:
    """o200k from its published rank file."""
    return Tokenizer.from_tiktoken(
        peers.data_file("o200k_base.tiktoken"),
        pattern="o200k_base",
        special_tokens=peers.O200K_SPECIALS,
    )


@functools.cache
def cl100k_json() -> Tokenizer:
    """cl100k's vocabulary from a tokenizer.json that tokenizers wrote."""
    return Tokenizer.from_str(peers.tokenizers_cl100k().to_str())


def byte_ranks(tokens: Iterable[bytes] = ()) -> Dict[bytes, int]:
    """A small vocabulary: the 256 bytes, then `tokens`, each the next id."""
    ranks = {bytes([byte]): byte for byte in range(256)}
    for token in tokens:
        ranks.setdefault(token, len(ranks))
    return ranks


def small_json(
    merges: Sequence[Tuple[bytes, bytes]],
    *,
    vocab: Mapping[bytes, int],
    ignore_merges: bool = False,
    use_regex: bool = False,
) -> str:
    """A tokenizer.json for a small byte-level vocabulary, as tokenizers writes it."""
    model = {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": ignore_merges,
        "vocab": {oracle.spell(token): token_id for token, token_id in vocab.items()},
        "merges": [[oracle.spell(left), oracle.spell(right)] for left, right in merges],
    }
    byte_level = {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "trim_offsets": True,
        "use_regex": use_regex,
    }
    document: Dict[str, object] = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": byte_level,
        "post_processor": None,
        "decoder": byte_level,
        "model": model,
    }
    return json.dumps(document, ensure_ascii=False)
