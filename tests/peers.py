"""The reference tokenizers and the vocabularies that the tests compare with them.

Vocabularies come from pinned packages (`pinned_data`). From GPT-2's merges and cl100k's ranks
everything else is made: the peers' own objects, and the files that they would write.
"""

from __future__ import annotations

import base64
import functools
import json
from typing import Dict, List, Mapping, Tuple

import tiktoken
import tokenizers
from tokenizers import Regex as TokenizersRegex
from tokenizers import decoders, models, pre_tokenizers

from pyaot_tokenizer import PATTERNS

import oracle
from pinned_data import data_file

END_OF_TEXT = "<|endoftext|>"

GPT2_SPECIALS = {END_OF_TEXT: 50256}
CL100K_SPECIALS = {
    END_OF_TEXT: 100257,
    "<|fim_prefix|>": 100258,
    "<|fim_middle|>": 100259,
    "<|fim_suffix|>": 100260,
    "<|endofprompt|>": 100276,
}
O200K_SPECIALS = {END_OF_TEXT: 199999, "<|endofprompt|>": 200018}


@functools.cache
def gpt2_merges() -> List[Tuple[bytes, bytes]]:
    """GPT-2's merges, in order."""
    byte_of = {character: byte for byte, character in enumerate(oracle.byte_level_alphabet())}
    lines = data_file("vocab.bpe").read_text("utf-8").splitlines()[1:]
    merges = []
    for line in lines:
        left, right = (bytes(byte_of[character] for character in word) for word in line.split(" "))
        merges.append((left, right))
    return merges


@functools.cache
def gpt2_ranks() -> Dict[bytes, int]:
    """GPT-2's tokens, without the special one, and their ids."""
    byte_of = {character: byte for byte, character in enumerate(oracle.byte_level_alphabet())}
    vocab: Dict[str, int] = json.loads(data_file("encoder.json").read_text("utf-8"))
    return {
        bytes(byte_of[character] for character in word): token_id
        for word, token_id in vocab.items()
        if word != END_OF_TEXT
    }


@functools.cache
def cl100k_ranks() -> Dict[bytes, int]:
    """cl100k's mergeable ranks."""
    return _ranks("cl100k_base.tiktoken")


@functools.cache
def o200k_ranks() -> Dict[bytes, int]:
    """o200k's mergeable ranks."""
    return _ranks("o200k_base.tiktoken")


def _ranks(name: str) -> Dict[bytes, int]:
    lines = data_file(name).read_bytes().splitlines()
    pairs = (line.split() for line in lines)
    return {base64.b64decode(token): int(rank) for token, rank in pairs}


def rank_file(ranks: Mapping[bytes, int]) -> bytes:
    """The content of a .tiktoken file."""
    return b"".join(b"%b %d\n" % (base64.b64encode(token), rank) for token, rank in ranks.items())


def merges_of_ranks(ranks: Mapping[bytes, int]) -> List[Tuple[bytes, bytes]]:
    """A merge list that gives the ids of `ranks`: the last merge of each token, by rank."""
    merges: List[Tuple[bytes, bytes]] = []
    for token, rank in sorted(ranks.items(), key=lambda item: item[1]):
        if len(token) == 1:
            continue

        def earlier(pair: Tuple[bytes, bytes], limit: int = rank) -> int | None:
            found = ranks.get(pair[0] + pair[1])
            return found if found is not None and found < limit else None

        left, right = oracle.merge(token, earlier)
        merges.append((left, right))
    return merges


@functools.cache
def tiktoken_gpt2() -> tiktoken.Encoding:
    """GPT-2 in tiktoken."""
    return tiktoken.Encoding(
        "gpt2",
        pat_str=PATTERNS["gpt2"],
        mergeable_ranks=gpt2_ranks(),
        special_tokens=GPT2_SPECIALS,
    )


@functools.cache
def tiktoken_cl100k() -> tiktoken.Encoding:
    """cl100k_base in tiktoken."""
    return tiktoken.Encoding(
        "cl100k_base",
        pat_str=PATTERNS["cl100k_base"],
        mergeable_ranks=cl100k_ranks(),
        special_tokens=CL100K_SPECIALS,
    )


@functools.cache
def tiktoken_o200k() -> tiktoken.Encoding:
    """o200k_base in tiktoken."""
    return tiktoken.Encoding(
        "o200k_base",
        pat_str=PATTERNS["o200k_base"],
        mergeable_ranks=o200k_ranks(),
        special_tokens=O200K_SPECIALS,
    )


@functools.cache
def tiktoken_with(pattern: str) -> tiktoken.Encoding:
    """cl100k's vocabulary in tiktoken, cut by another pattern of `PATTERNS`."""
    return tiktoken.Encoding(
        pattern, pat_str=PATTERNS[pattern], mergeable_ranks=cl100k_ranks(), special_tokens={}
    )


@functools.cache
def tokenizers_gpt2() -> tokenizers.Tokenizer:
    """GPT-2 in tokenizers, as its published tokenizer.json describes it."""
    model = models.BPE(vocab=_spelled(gpt2_ranks()), merges=_spelled_merges(gpt2_merges()))
    peer = tokenizers.Tokenizer(model)
    peer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    peer.decoder = decoders.ByteLevel()
    peer.add_special_tokens([tokenizers.AddedToken(END_OF_TEXT, normalized=True)])
    return peer


@functools.cache
def tokenizers_cl100k() -> tokenizers.Tokenizer:
    """cl100k's vocabulary in tokenizers, with the pattern in the spelling of Llama 3."""
    ranks = cl100k_ranks()
    merges = _spelled_merges(merges_of_ranks(ranks))
    model = models.BPE(vocab=_spelled(ranks), merges=merges, ignore_merges=True)
    peer = tokenizers.Tokenizer(model)
    split = pre_tokenizers.Split(TokenizersRegex(PATTERNS["llama3"]), "isolated")
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    peer.pre_tokenizer = pre_tokenizers.Sequence([split, byte_level])
    peer.decoder = decoders.ByteLevel()
    peer.add_special_tokens([tokenizers.AddedToken(END_OF_TEXT, normalized=False)])
    return peer


def _spelled(ranks: Mapping[bytes, int]) -> Dict[str, int]:
    return {oracle.spell(token): rank for token, rank in ranks.items()}


def _spelled_merges(merges: List[Tuple[bytes, bytes]]) -> List[Tuple[str, str]]:
    return [(oracle.spell(left), oracle.spell(right)) for left, right in merges]
