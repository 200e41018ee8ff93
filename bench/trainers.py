"""How each implementation trains: what its users write, and a fingerprint of what it learnt.

Fingerprints of one kind are comparable: ``tokens`` by id, which rustbpe's rule gives, or
``merges`` in their order, which tokenizers' rule gives. fast-bpe-rs follows neither.
"""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Iterable, Iterator, List, Optional, Tuple

from summary_work import (
    RUST_PROGRAM,
    ZIG_PROGRAM,
    checksum,
    ranks_checksum,
    train_tokenizers,
)

import corpora
from engines import OURS

DOCUMENT_BYTES = 10_000

Train = Callable[[], Any]


@dataclass(frozen=True)
class Trainer:
    """An implementation, and the training that is measured."""

    engine: str
    call: str
    """What is timed, where `texts` are str, `n` and `threads` numbers and `path` a file."""
    prepare: Optional[Callable[[str, int, int], Train]] = None
    """From the file, the number of tokens and of threads to the call; None for a program."""
    fingerprint: Optional[Callable[[Any], str]] = None
    """Of what the call gave; None where nobody else follows the same rule."""
    program: Optional[str] = None
    """Where the program is; None if it is not built."""


def documents(path: str) -> List[str]:
    """The documents of a file, cut as the program of rust_baseline cuts them."""
    return corpora.cut_documents(Path(path).read_bytes().decode(), DOCUMENT_BYTES + 1)


def _stream(path: str) -> Iterator[str]:
    """Documents that are read when they are asked for."""
    with open(path, encoding="utf-8", newline="") as file:
        while text := file.read(DOCUMENT_BYTES):
            yield text + file.readline()


def _ours(size: int, threads: int, **options: Any) -> Any:
    from pyaot_tokenizer import Trainer as OurTrainer

    return OurTrainer(size, num_threads=threads, progress=False, **options)


def _ours_of_texts(path: str, size: int, threads: int) -> Train:
    trainer, texts = _ours(size, threads), documents(path)
    return lambda: trainer.train(texts)


def _ours_of_stream(path: str, size: int, threads: int) -> Train:
    trainer = _ours(size, threads)
    return lambda: trainer.train(_stream(path))


def _ours_as_tokenizers(path: str, size: int, threads: int) -> Train:
    trainer, texts = _ours(size, threads, tie_break="huggingface"), documents(path)
    return lambda: trainer.train(texts)


def _ours_as_gigatoken(path: str, size: int, threads: int) -> Train:
    trainer = _ours(size, threads, tie_break="huggingface", pattern="gpt2")
    return lambda: trainer.train_from_files([path])


def _tokens_of_ours(tokenizer: Any) -> str:
    tokens = ((tokenizer.id_to_token(i), i) for i in range(tokenizer.vocab_size))
    return ranks_checksum({token: i for token, i in tokens if token is not None})


def _merges_of_ours(tokenizer: Any) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tokenizer.json"
        tokenizer.save(path)
        return _merges_in(path.read_text("utf-8"))


def _merges_of_tokenizers(tokenizer: Any) -> str:
    return _merges_in(tokenizer.to_str())


def _merges_in(document: str) -> str:
    """Of a tokenizer.json over bytes."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    spelled = {chr(byte): byte for byte in printable}
    spelled.update({chr(256 + i): byte for i, byte in enumerate(others)})
    found = json.loads(document)["model"]["merges"]
    merges = (merge.split(" ") if isinstance(merge, str) else merge for merge in found)
    return _merges_checksum(
        (bytes(spelled[c] for c in left), bytes(spelled[c] for c in right))
        for left, right in merges
    )


def _merges_checksum(merges: Iterable[Tuple[bytes, bytes]]) -> str:
    lines = [f"{left.hex()} {right.hex()}" for left, right in merges]
    return checksum("\n".join(lines).encode())


def _rustbpe(texts: Iterable[str], size: int) -> Train:
    import rustbpe

    tokenizer = rustbpe.Tokenizer()

    def train() -> Any:
        tokenizer.train_from_iterator(iter(texts), size)
        return tokenizer

    return train


def _tokens_of_rustbpe(tokenizer: Any) -> str:
    return ranks_checksum({bytes(t): rank for t, rank in tokenizer.get_mergeable_ranks()})


def _tokenizers(path: str, size: int, _: int) -> Train:
    texts = documents(path)
    return lambda: train_tokenizers(texts, size)


def _gigatoken(path: str, size: int, _: int) -> Train:
    import gigatoken

    return lambda: gigatoken.train_bpe(path, size, [])


def _fast_bpe(path: str, size: int, _: int) -> Train:
    import fast_bpe_rs

    from pyaot_tokenizer.trainer import DEFAULT_PATTERN

    tokenizer, texts = fast_bpe_rs.BPE(DEFAULT_PATTERN), documents(path)
    return lambda: tokenizer.train(size, texts)


_AS_TOKENIZERS = 'Trainer(n, num_threads=threads, tie_break="huggingface"'

TEXTS = (
    Trainer(OURS, "Trainer(n, num_threads=threads).train(texts)", _ours_of_texts, _tokens_of_ours),
    Trainer("rust_baseline", "bench --vocab-size=n path", program=RUST_PROGRAM),
    Trainer(
        "rustbpe",
        "t.train_from_iterator(iter(texts), n)",
        lambda path, size, _: _rustbpe(documents(path), size),
        _tokens_of_rustbpe,
    ),
    Trainer("fast-bpe-rs", "t.train(n, texts)", _fast_bpe),
)
AS_TOKENIZERS = (
    Trainer(OURS, f"{_AS_TOKENIZERS}).train(texts)", _ours_as_tokenizers, _merges_of_ours),
    Trainer(
        "tokenizers",
        "t.train_from_iterator(iter(texts), trainer)",
        _tokenizers,
        _merges_of_tokenizers,
    ),
)
AS_GIGATOKEN = (
    Trainer(
        OURS,
        f'{_AS_TOKENIZERS}, pattern="gpt2").train_from_files([path])',
        _ours_as_gigatoken,
        _merges_of_ours,
    ),
    Trainer(
        "gigatoken",
        "train_bpe(path, n, [])",
        _gigatoken,
        lambda learnt: _merges_checksum(learnt[1]),
    ),
)
_MERGES_ALONE = "bench --vocab-size=n path: merge_cpu_seconds"
COUNTS = (
    Trainer(OURS, _MERGES_ALONE, program=ZIG_PROGRAM),
    Trainer("rust_baseline", _MERGES_ALONE, program=RUST_PROGRAM),
)
STREAM = (
    Trainer(OURS, "Trainer(n, num_threads=1).train(stream)", _ours_of_stream, _tokens_of_ours),
    Trainer(
        "rustbpe",
        "t.train_from_iterator(stream, n)",
        lambda path, size, _: _rustbpe(_stream(path), size),
        _tokens_of_rustbpe,
    ),
)
