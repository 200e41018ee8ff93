"""Zig, the Rust baseline, plain Python and the published rustbpe learn and encode the same."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path
from typing import Dict, Iterator, List, NamedTuple, Sequence, Tuple

import pytest
import regex
import rustbpe
from training_corpora import random_corpus, small_corpora

import pyaot_tokenizer
from pyaot_tokenizer import Tokenizer, Trainer
from pyaot_tokenizer.trainer import DEFAULT_PATTERN

import reference_bpe

# Two that the library has scanners for, and one that it compiles.
_PATTERNS = (
    DEFAULT_PATTERN,
    pyaot_tokenizer.patterns.PATTERNS["gpt2"],
    r"\p{L}+|\p{N}{1,3}|[^\p{L}\p{N}]+",
)
_RANDOM_CORPORA = 120
# Encoded beside the texts that were learnt from.
_OTHER_TEXTS = ("", "a", "aaaaaaa", "abba abab", "x" * 70, "naïve 中文 12345\r\n\n  it's")


class _Case(NamedTuple):
    texts: List[str]
    vocab_size: int
    pattern: str

    def encoded(self) -> List[str]:
        return [*self.texts, *_OTHER_TEXTS]


class _Answer(NamedTuple):
    merges: List[Tuple[int, int]]
    ids: List[List[int]]


def _cases() -> List[_Case]:
    cases = [
        _Case(texts, vocab_size, pattern)
        for texts in small_corpora()
        for pattern in _PATTERNS
        for vocab_size in (256, 257, 400)
    ]
    for seed in range(_RANDOM_CORPORA):
        pattern = _PATTERNS[seed % len(_PATTERNS)]
        cases.append(_Case(random_corpus(seed), (262, 300, 500)[seed // 3 % 3], pattern))
    return cases


_CASES = _cases()


def _ask_rust(lines: Sequence[str]) -> List[_Answer]:
    """What the Rust baseline answers."""
    root = Path(__file__).parents[2] / "rust_baseline"
    program = next(
        (path for path in (root / "answers", root / "target/release/answers") if path.is_file()),
        None,
    )
    assert program is not None, "build it: cargo build --release in rust_baseline"
    done = subprocess.run(
        [str(program)], input="\n".join(lines), stdout=subprocess.PIPE, check=True, text=True
    )
    answers: List[_Answer] = []
    for line in done.stdout.splitlines():
        kind, *words = line.split()
        numbers = [int(word) for word in words]
        if kind == "merges":
            answers.append(_Answer(list(zip(numbers[::2], numbers[1::2])), []))
        else:
            answers[-1].ids.append(numbers)
    return answers


@pytest.fixture(scope="module", name="rust")
def _rust() -> List[_Answer]:
    """What it answers to all cases."""
    lines: List[str] = []
    for case in _CASES:
        lines.append(f"corpus {case.vocab_size} {case.pattern.encode().hex()}")
        lines += (f"train {text.encode().hex()}" for text in case.texts)
        lines += (f"encode {text.encode().hex()}" for text in case.encoded())
    answers = _ask_rust(lines)
    assert len(answers) == len(_CASES)
    return answers


def _plain(case: _Case) -> _Answer:
    merges = reference_bpe.learn_merges(
        reference_bpe.count_pieces(case.texts, case.pattern), case.vocab_size
    )
    ids = []
    for text in case.encoded():
        pieces = (match.group().encode() for match in regex.finditer(case.pattern, text))
        ids.append([i for piece in pieces for i in reference_bpe.encode_piece(piece, merges)])
    return _Answer(merges, ids)


def _ours(case: _Case) -> Iterator[Tokenizer]:
    """Every way to the same vocabulary."""
    by_call = Tokenizer()
    by_call.train_from_iterator(iter(case.texts), case.vocab_size, pattern=case.pattern)
    yield by_call
    if any(case.texts):
        for threads in (1, 3):
            yield Trainer(
                case.vocab_size, pattern=case.pattern, num_threads=threads, progress=False
            ).train(case.texts)


def _ranks(tokens: Sequence[bytes]) -> Dict[bytes, int]:
    return {token: rank for rank, token in enumerate(tokens)}


@pytest.mark.parametrize("index", range(len(_CASES)))
def test_all_learn_and_encode_the_same(index: int, rust: List[_Answer]) -> None:
    case = _CASES[index]
    expected = _plain(case)
    assert rust[index] == expected

    tokens = reference_bpe.tokens_of(expected.merges)
    # What merging makes of a token's bytes is that token and no other, so that no two are equal.
    assert len(_ranks(tokens)) == len(tokens)
    theirs = rustbpe.Tokenizer()
    theirs.train_from_iterator(iter(case.texts), case.vocab_size, pattern=case.pattern)
    assert [bytes(token) for token, _ in theirs.get_mergeable_ranks()] == tokens
    assert [theirs.encode(text) for text in case.encoded()] == expected.ids

    for tokenizer in _ours(case):
        assert dict(tokenizer.get_mergeable_ranks()) == _ranks(tokens)
        assert [tokenizer.encode(text) for text in case.encoded()] == expected.ids
        assert tokenizer.batch_encode(case.encoded()) == expected.ids


def _large_counts(seed: int) -> Dict[bytes, int]:
    """Pieces of few letters whose counts, and those of whose pairs, have up to 58 bits."""
    source = random.Random(seed)
    highest = 1 << source.choice((31, 32, 33, 40, 56))
    counts = {}
    for _ in range(30):
        piece = "".join(source.choices("abcé", k=source.randint(1, 9))).encode()
        # Many are equal, and many differ in the lowest bits alone.
        counts[piece] = highest + source.choice((0, 0, 1, -1, source.randrange(highest)))
    return counts


def test_counts_beyond_32_bits() -> None:
    """Where rustbpe's 32 bits overflow, the three others learn the same."""
    corpora = [_large_counts(seed) for seed in range(60)]
    lines = []
    for counts in corpora:
        lines.append(f"corpus 300 {DEFAULT_PATTERN.encode().hex()}")
        lines += (f"piece {count} {piece.hex()}" for piece, count in counts.items())
    for counts, answer in zip(corpora, _ask_rust(lines)):
        merges = reference_bpe.learn_merges(counts, 300)
        assert len(merges) == 44
        assert answer.merges == merges
        tokens = reference_bpe.tokens_of(merges)
        for threads in (1, 2):
            trainer = Trainer(300, num_threads=threads, progress=False)
            assert dict(trainer.train_from_counts(counts).get_mergeable_ranks()) == _ranks(tokens)
