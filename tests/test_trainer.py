"""Training: the ways in, the options, errors and interrupts, and tokenizers' merges.

That the merges are rustbpe's is tested in `equivalence`.
"""

from __future__ import annotations

import json
import os
import pickle
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Type, Union

import pytest
import tokenizers
from tokenizers import models, pre_tokenizers, trainers
from training_corpora import small_corpora

import pyaot_tokenizer
from pyaot_tokenizer import (
    FormatError,
    InvalidTypeError,
    InvalidValueError,
    Progress,
    Tokenizer,
    TokenizerError,
    Trainer,
    WordCounts,
    count_words,
    merge_counts,
)
from pyaot_tokenizer.trainer import DEFAULT_PATTERN

import reference_bpe

# A pattern that the library compiles.
_OTHER_PATTERN = r"\p{L}+|\p{N}{1,3}|[^\p{L}\p{N}]+"


def _tokens(tokenizer: Tokenizer) -> Dict[int, bytes]:
    pieces = ((i, tokenizer.id_to_token(i)) for i in range(tokenizer.vocab_size))
    return {i: piece for i, piece in pieces if piece is not None}


def test_every_way_in_gives_the_same(tmp_path: Path) -> None:
    source = random.Random(5)
    words = ["".join(source.choices("abcdeé中", k=source.randint(1, 9))) for _ in range(3000)]
    text = " ".join(source.choices(words, k=300_000))
    trainer = Trainer(1000, special_tokens=["<|x|>", "<|y|>"], progress=False)
    expected = trainer.train([text])
    assert expected.special_tokens == {"<|x|>": 998, "<|y|>": 999}
    assert expected.vocab_size == 1000
    path = tmp_path / "text"
    path.write_text(text, encoding="utf-8")
    counts = count_words([text], num_threads=3)
    mapping = reference_bpe.count_pieces([text], DEFAULT_PATTERN)
    assert len(counts) == len(mapping)
    for tokenizer in (
        trainer.train_from_iterator(iter([text])),
        trainer.train([text.encode()]),
        trainer.train_from_files([path]),
        trainer.train_from_counts(counts),
        trainer.train_from_counts(mapping),
        trainer.train_from_counts({piece.decode(): count for piece, count in mapping.items()}),
    ):
        assert _tokens(tokenizer) == _tokens(expected)
    assert expected.decode(expected.encode(text[:1000] + "<|y|>")) == text[:1000] + "<|y|>"


def test_a_file_in_parts_is_one_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = random.Random(6)
    text = "".join(source.choices(["a", "b1", "中", " ", "  ", "\n", "'s", "."], k=30_000))
    path = tmp_path / "text"
    path.write_bytes(text.encode())
    trainer = Trainer(500, progress=False)
    expected = trainer.train([text])
    for length in (64, 1000, 1 << 23):
        monkeypatch.setattr("pyaot_tokenizer._counting._BUFFER_LEN", length)
        assert _tokens(trainer.train_from_files([path])) == _tokens(expected)
        other = Trainer(500, pattern=_OTHER_PATTERN, progress=False)
        assert _tokens(other.train_from_files([path])) == _tokens(other.train([text]))


def test_min_frequency() -> None:
    counts = {b"ab": 5, b"cd": 4, b"ef": 3}
    trainer = Trainer(400, min_frequency=4, progress=False)
    assert list(_tokens(trainer.train_from_counts(counts)).values())[256:] == [b"ab", b"cd"]


def test_counts_beyond_32_bits() -> None:
    counts = {b"ab": 2_200_000_000, b"cd": 2**32, b"ef": 2**40, b"gh": 10}
    tokens = list(_tokens(Trainer(259, progress=False).train_from_counts(counts)).values())
    assert tokens[256:] == [b"ef", b"cd", b"ab"]
    assert reference_bpe.learn(counts, 259) == tokens
    with pytest.raises(InvalidValueError, match="64 bits"):
        Trainer(progress=False).train_from_counts({b"ab": 2**64 - 1, b"cd": 1})
    with pytest.raises(InvalidValueError, match="2\\^64"):
        WordCounts.from_mapping({b"ab": 2**64 - 1, "ab": 1})


def test_counts_are_added_and_sent() -> None:
    texts = ["one two two", "two three", "a long piece withoutanyspaceinit", ""]
    parts = [count_words([text]) for text in texts]
    whole = count_words(texts)
    assert merge_counts(parts).to_bytes() == whole.to_bytes()
    again = merge_counts(WordCounts.from_bytes(part.to_bytes()) for part in parts)
    assert again.to_bytes() == whole.to_bytes()
    assert pickle.loads(pickle.dumps(whole)).to_bytes() == whole.to_bytes()
    assert len(whole) == 8
    content = whole.to_bytes()
    for damaged in (b"", b"x", content[:-1], content[:40], content + b"x", b"\0" + content[1:]):
        with pytest.raises(FormatError, match="counts"):
            WordCounts.from_bytes(damaged)
    for at in range(8, len(content)):
        with pytest.raises(FormatError, match="counts"):
            WordCounts.from_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"vocab_size": 255}, InvalidValueError, "vocab_size must be at least 256"),
        ({"vocab_size": 257, "special_tokens": ["a", "b"]}, InvalidValueError, "at least 258"),
        ({"vocab_size": -1}, InvalidValueError, "vocab_size"),
        ({"vocab_size": 2**32}, InvalidValueError, "vocab_size"),
        ({"vocab_size": 300.0}, InvalidTypeError, "vocab_size"),
        ({"vocab_size": True}, InvalidTypeError, "vocab_size"),
        ({"pattern": "("}, TokenizerError, "pattern"),
        ({"pattern": None}, InvalidTypeError, "pattern"),
        ({"special_tokens": "abc"}, InvalidTypeError, "special_tokens"),
        ({"special_tokens": ["a", "a"]}, InvalidValueError, "twice"),
        ({"special_tokens": [""]}, InvalidValueError, "empty"),
        ({"special_tokens": [1]}, InvalidTypeError, "special token"),
        ({"min_frequency": -1}, InvalidValueError, "min_frequency"),
        ({"num_threads": 0}, InvalidValueError, "num_threads"),
        ({"progress": 3}, InvalidTypeError, "progress"),
    ],
)
def test_options_are_checked(
    options: Dict[str, Any], error: Type[TokenizerError], message: str
) -> None:
    with pytest.raises(error, match=message):
        Trainer(**options)


def test_bad_texts_are_told_of() -> None:
    trainer = Trainer(progress=False)
    for texts in ([], [""], iter(())):
        with pytest.raises(InvalidValueError, match="no text"):
            trainer.train(texts)
    for single in ("text", b"text", 5, None):
        with pytest.raises(InvalidTypeError, match="iterable of texts"):
            trainer.train(single)  # type: ignore[arg-type]
    with pytest.raises(InvalidTypeError, match="text 1: "):
        trainer.train(["a", 5])  # type: ignore[list-item]
    counts: List[Union[Mapping[bytes, Any], Any]] = [[], {b"a": 1.5}, {b"a": True}, {5: 1}]
    for bad in counts:
        with pytest.raises(InvalidTypeError):
            trainer.train_from_counts(bad)
    for count in (-1, 2**64):
        with pytest.raises(InvalidValueError, match=r"2\*\*64 - 1"):
            trainer.train_from_counts({b"a": count})


def test_bad_files_are_told_of(tmp_path: Path) -> None:
    trainer = Trainer(progress=False)
    with pytest.raises(pyaot_tokenizer.FileMissingError, match="none"):
        trainer.train_from_files([tmp_path / "none"])
    with pytest.raises(pyaot_tokenizer.FileReadError, match="cannot read"):
        trainer.train_from_files([tmp_path])
    with pytest.raises(InvalidTypeError, match="iterable of paths"):
        trainer.train_from_files(str(tmp_path))
    path = tmp_path / "latin1"
    content = ("é word " * 2_000_000).encode() + b"caf\xe9 " + b"more " * 100_000
    path.write_bytes(content)
    with pytest.raises(FormatError, match="invalid UTF-8 at byte") as raised:
        trainer.train_from_files([path])
    assert raised.value.offset == content.index(b"caf\xe9") + 3
    assert raised.value.file == str(path)


def test_an_iterator_that_raises_leaves_nothing_running() -> None:
    class OddError(Exception):
        pass

    def texts() -> Iterator[str]:
        for i in range(3000):
            yield f"text {i} " * 1000
        raise OddError

    before = threading.active_count()
    with pytest.raises(OddError):
        Trainer(progress=False).train(texts())
    assert threading.active_count() == before


def test_progress_is_told() -> None:
    told: List[Progress] = []
    text = "".join(random.Random(1).choices("abcdefg ", k=200_000))
    Trainer(600, progress=told.append).train([text])
    assert told[-1].stage == "merge"
    assert told[-1].done == told[-1].total == 344
    counted = [progress.done for progress in told if progress.stage == "count"]
    assert counted[-1] == len(text)

    def stop(progress: Progress) -> None:
        if progress.stage == "merge":
            raise RuntimeError("enough")

    before = threading.active_count()
    with pytest.raises(RuntimeError, match="enough"):
        Trainer(600, progress=stop).train([text])
    assert threading.active_count() == before


def test_interrupt_stops_within_a_second() -> None:
    script = """
import random, signal
from pyaot_tokenizer import Trainer
# A shell may have begun this process with the signal ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
source = random.Random(1)
counts = {source.randbytes(40): 1 for _ in range(300_000)}
print("begin", flush=True)
try:
    Trainer(2**31, progress=False).train_from_counts(counts)
except KeyboardInterrupt:
    print("stopped", flush=True)
"""
    process = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begin\n"
    time.sleep(1.0)
    process.send_signal(signal.SIGINT)
    begin = time.monotonic()
    assert process.stdout.readline() == "stopped\n"
    assert time.monotonic() - begin < 1.0
    assert process.wait() == 0


@pytest.mark.parametrize("tie_break", ["rustbpe", "huggingface"])
@pytest.mark.parametrize("stage", ["count", "lay out", "merge"])
def test_interrupt_stops_at_every_stage(stage: str, tie_break: str) -> None:
    script = """
import os, random, signal, sys, time
from pyaot_tokenizer import Trainer
stage, tie_break = sys.argv[1:]
signal.signal(signal.SIGINT, signal.default_int_handler)
source = random.Random(1)
texts = ["".join(map(chr, source.choices(range(0x4E00, 0x9E00), k=100))) for _ in range(60_000)]
begin = None
def tell(progress):
    global begin
    if begin is None and progress.stage == stage.replace("lay out", "merge"):
        # The first time, the pieces are being laid out.
        if stage != "merge" or progress.done > 0:
            begin = time.monotonic()
            os.kill(os.getpid(), signal.SIGINT)
try:
    Trainer(2**31, tie_break=tie_break, num_threads=2, progress=tell).train(texts)
except KeyboardInterrupt:
    print(time.monotonic() - begin, flush=True)
"""
    done = subprocess.run(
        [sys.executable, "-c", script, stage, tie_break],
        stdout=subprocess.PIPE,
        check=True,
        env=dict(os.environ),
        timeout=60,
    )
    assert float(done.stdout) < 1.0


def _hf_trained(texts: List[str], **options: Any) -> Dict[str, Any]:
    """The model that tokenizers learns."""
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(tokenizers.Regex(DEFAULT_PATTERN), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    trainer = trainers.BpeTrainer(show_progress=False, **options)
    tokenizer.train_from_iterator(texts, trainer)
    model: Dict[str, Any] = json.loads(tokenizer.to_str())["model"]
    return {"vocab": model["vocab"], "merges": [list(merge) for merge in model["merges"]]}


def _hf_corpora() -> List[List[str]]:
    source = random.Random(77)
    corpora = []
    for letters in ("ab", "abc ", "abcdé ", "aabbb中 '\n", "abcdefghij   "):
        for length in (10, 200, 3000):
            corpora.append(["".join(source.choices(letters, k=length)) for _ in range(12)])
    return corpora


@pytest.mark.parametrize("index", range(len(_hf_corpora())))
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"min_frequency": 3},
        {"special_tokens": ["<s>", "a", "ab", "abc"]},
        {"max_token_length": 4},
        {"max_token_length": 2},
        {"vocab_size": 3},
    ],
)
@pytest.mark.parametrize("all_bytes", [True, False])
def test_merges_are_those_of_tokenizers(
    index: int, options: Dict[str, Any], all_bytes: bool
) -> None:
    texts = _hf_corpora()[index]
    if all_bytes and options.get("vocab_size"):
        options = {"vocab_size": 300}
    options = {"vocab_size": 600, **options}
    alphabet = pre_tokenizers.ByteLevel.alphabet() if all_bytes else []
    expected = _hf_trained(texts, initial_alphabet=alphabet, **options)
    trainer = Trainer(
        tie_break="huggingface", initial_alphabet=all_bytes, progress=False, **options
    )
    model = json.loads(trainer.learn_json(count_words(texts)))["model"]
    assert model["vocab"] == expected["vocab"]
    assert model["merges"] == expected["merges"]


def test_limit_alphabet_is_that_of_tokenizers() -> None:
    # No two characters occur equally often, which tokenizers leaves to chance.
    letters = [letter for i, letter in enumerate("abcdefgh") for _ in range(i + 1)]
    random.Random(3).shuffle(letters)
    text = "".join(letters)
    for limit in (1, 2, 5, 100):
        expected = _hf_trained([text], vocab_size=40, limit_alphabet=limit)
        trainer = Trainer(
            40,
            tie_break="huggingface",
            initial_alphabet=False,
            limit_alphabet=limit,
            progress=False,
        )
        model = json.loads(trainer.learn_json(count_words([text])))["model"]
        assert model["vocab"] == expected["vocab"]
        assert model["merges"] == expected["merges"]


@pytest.mark.parametrize("tie_break", ["rustbpe", "huggingface"])
@pytest.mark.parametrize("pattern", [DEFAULT_PATTERN, "gpt2", "cl100k_base", "o200k_base"])
def test_saved_it_is_loaded_by_tokenizers(tmp_path: Path, tie_break: Any, pattern: str) -> None:
    source = random.Random(8)
    texts = small_corpora()[5] + _hf_corpora()[-1] + ["it's 12345 words\r\n\n  and   more  "]
    trainer = Trainer(
        700, special_tokens=["<|x|>"], tie_break=tie_break, pattern=pattern, progress=False
    )
    tokenizer = trainer.train(texts)
    path = tmp_path / "tokenizer.json"
    path.write_text("old")
    tokenizer.save(path)
    assert os.listdir(tmp_path) == ["tokenizer.json"]
    theirs = tokenizers.Tokenizer.from_file(str(path))
    again = Tokenizer(path)
    samples = [*texts, "a<|x|>b   ", "".join(source.choices("ab c'sé中1\n", k=3000)), "x \n "]
    for text in samples:
        ids = tokenizer.encode(text)
        assert theirs.encode(text, add_special_tokens=False).ids == ids
        assert again.encode(text) == ids
    with pytest.raises(pyaot_tokenizer.FileWriteError):
        tokenizer.save(tmp_path / "none" / "tokenizer.json")


def test_saved_as_ranks(tmp_path: Path) -> None:
    tokenizer = Trainer(400, special_tokens=["<|x|>"], progress=False).train(small_corpora()[10])
    path = tmp_path / "x.tiktoken"
    tokenizer.save(path)
    settings = json.loads((tmp_path / "x.tiktoken.json").read_text("utf-8"))
    again = Tokenizer.from_tiktoken(path, **settings)
    assert _tokens(again) == _tokens(tokenizer)
    assert again.special_tokens == tokenizer.special_tokens
    with pytest.raises(pyaot_tokenizer.UnsupportedError, match="differently"):
        Trainer(300, pattern=r"\p{L}+|^.|.", progress=False).train(["ab ab"]).save(tmp_path / "y")


def test_killed_at_any_moment_it_leaves_whole_files(tmp_path: Path) -> None:
    """A process trains, saves in all forms, trains anew, saves under the same names, is killed."""
    texts = [[" ".join(map(str, range(first, first + 2000)))] for first in (0, 70_000)]
    trainers = [Trainer(size, progress=False, num_threads=1) for size in (1500, 2500)]

    def work(trainer: Trainer, texts: List[str], folder: Path) -> None:
        tokenizer = trainer.train(texts)
        tokenizer.save(folder / "tokenizer.json")
        tokenizer.save(folder / "x.tiktoken")
        tokenizer.save_frozen(folder / "x.frozen")

    expected: Dict[str, List[bytes]] = {}
    sizes = []
    for trainer, texts_of in zip(trainers, texts):
        work(trainer, texts_of, tmp_path)
        sizes.append(Tokenizer(tmp_path / "x.frozen").vocab_size)
        for name in ("tokenizer.json", "x.tiktoken", "x.tiktoken.json"):
            expected.setdefault(name, []).append((tmp_path / name).read_bytes())
    names = {*expected, "x.frozen"}
    assert set(os.listdir(tmp_path)) == names
    assert len(set(sizes)) == 2

    source = random.Random(9)
    folder = tmp_path / "saved"
    states = set()
    for round_ in range(60):
        if round_ % 20 == 0:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
        child = os.fork()
        if child == 0:
            while True:
                for trainer, texts_of in zip(trainers, texts):
                    work(trainer, texts_of, folder)
        time.sleep(source.uniform(0.0, 0.12))
        os.kill(child, signal.SIGKILL)
        assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
        state = []
        for name, contents in expected.items():
            path = folder / name
            state.append(contents.index(path.read_bytes()) if path.exists() else None)
        path = folder / "x.frozen"
        size = Tokenizer(path).vocab_size if path.exists() else None
        state.append(None if size is None else sizes.index(size))
        states.add(tuple(state))
        # What is left of a file that was being written has a name that nobody takes for another.
        for name in set(os.listdir(folder)) - names:
            assert name.startswith(".") or ".tmp" in name, name
        if (folder / "tokenizer.json").exists():
            assert Tokenizer(folder).vocab_size == sizes[state[0] or 0]
    # It was killed at moments that differ.
    assert len(states) > 5
