"""One class an engine: loads a vocabulary and encodes a list of documents, all as ordinary text.

A class imports its engine when it is made, so that each process holds just the one it measures.
"""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List, Mapping, Optional, Tuple, Type

import vocabularies

# A vocabulary learnt by rustbpe: its ranks and its pattern.
Trained = Tuple[Dict[bytes, int], str]


class Engine:
    """Loads in ``__init__``; raises ``LookupError`` for a vocabulary that it cannot have."""

    def __init__(self, vocabulary: str, trained: Optional[Trained], folder: Path) -> None:
        raise NotImplementedError

    def encode_all(self, texts: List[str], threads: int) -> List[List[int]]:
        """The ids of every text."""
        raise NotImplementedError

    def encode_one(self, text: str) -> List[int]:
        """The ids of one text, by the call that a user makes for one."""
        raise NotImplementedError


class Pyaot(Engine):
    """This project."""

    def __init__(self, vocabulary: str, trained: Optional[Trained], folder: Path) -> None:
        import pyaot_tokenizer

        load = pyaot_tokenizer.Tokenizer
        if trained:
            self.tokenizer = load.from_ranks(trained[0], pattern=trained[1])
        elif vocabulary == "gpt2":
            self.tokenizer = load.from_files(
                vocabularies.path_of("encoder.json"), vocabularies.path_of("vocab.bpe")
            )
        else:
            self.tokenizer = load.from_tiktoken(
                vocabularies.path_of("cl100k_base.tiktoken"), pattern="cl100k_base"
            )

    def encode_all(self, texts: List[str], threads: int) -> List[List[int]]:
        return self.tokenizer.encode_batch(texts, threads=threads, special_tokens="text")

    def encode_one(self, text: str) -> List[int]:
        return self.tokenizer.encode_ordinary(text)


class Tiktoken(Engine):
    """tiktoken.Encoding."""

    def __init__(self, vocabulary: str, trained: Optional[Trained], folder: Path) -> None:
        import tiktoken

        import pyaot_tokenizer

        if trained:
            ranks, pattern = trained
        elif vocabulary == "gpt2":
            ranks, pattern = vocabularies.gpt2_ranks(), pyaot_tokenizer.PATTERNS["gpt2"]
        else:
            ranks, pattern = vocabularies.cl100k_ranks(), pyaot_tokenizer.PATTERNS["cl100k_base"]
        self.encoding = tiktoken.Encoding(
            vocabulary, pat_str=pattern, mergeable_ranks=ranks, special_tokens={}
        )

    def encode_all(self, texts: List[str], threads: int) -> List[List[int]]:
        return self.encoding.encode_ordinary_batch(texts, num_threads=threads)

    def encode_one(self, text: str) -> List[int]:
        return self.encoding.encode_ordinary(text)


class Tokenizers(Engine):
    """tokenizers.Tokenizer; it also computes offsets and masks, which the others do not."""

    def __init__(self, vocabulary: str, trained: Optional[Trained], folder: Path) -> None:
        if trained:
            raise LookupError("rustbpe writes no tokenizer.json")
        from tokenizers import Tokenizer

        self.tokenizer = Tokenizer.from_file(str(folder / f"{vocabulary}.json"))

    def encode_all(self, texts: List[str], threads: int) -> List[List[int]]:
        return [encoding.ids for encoding in self.tokenizer.encode_batch(texts)]

    def encode_one(self, text: str) -> List[int]:
        return list(self.tokenizer.encode(text).ids)


class Rustbpe(Engine):
    """rustbpe.Tokenizer, which encodes only what it has learnt itself."""

    def __init__(self, vocabulary: str, trained: Optional[Trained], folder: Path) -> None:
        if vocabulary != "rustbpe-2k":
            raise LookupError("rustbpe loads no vocabulary")
        self.tokenizer = train_rustbpe()

    def encode_all(self, texts: List[str], threads: int) -> List[List[int]]:
        return [self.tokenizer.encode(text) for text in texts]

    def encode_one(self, text: str) -> List[int]:
        return list(self.tokenizer.encode(text))


def train_rustbpe():  # type: ignore[no-untyped-def]
    """Trains rustbpe to 2,048 tokens on a made corpus."""
    import rustbpe

    import corpora

    tokenizer = rustbpe.Tokenizer()
    tokenizer.train_from_iterator(iter(corpora.default_corpora(quick=True)["words"]), 2048)
    return tokenizer


def trained_vocabulary() -> Trained:
    """What rustbpe learns, for the other engines."""
    tokenizer = train_rustbpe()
    ranks = {bytes(token): rank for token, rank in tokenizer.get_mergeable_ranks()}
    return ranks, str(tokenizer.get_pattern())


ENGINES: Mapping[str, Type[Engine]] = {
    "pyaot_tokenizer": Pyaot,
    "tiktoken": Tiktoken,
    "tokenizers": Tokenizers,
    "rustbpe": Rustbpe,
}
