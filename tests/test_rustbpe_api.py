"""`Tokenizer` as rustbpe 0.1.0's: the same calls give the same results, errors are clean ones."""

from __future__ import annotations

import pickle
import random
from array import array
from functools import lru_cache
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Type

import numpy
import pytest
import rustbpe
import tiktoken

import pyaot_tokenizer
from pyaot_tokenizer import Tokenizer
from pyaot_tokenizer.tiktoken import Encoding

TEXTS = ["the cat sat on the mat, the end", "a cat? 1234 cats!\n\n  the caf\u00e9 \u4e2d\u6587", ""]
NANOCHAT_PATTERN = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,2}| ?[^\s\p{L}\p{N}]++[\r\n]*"
    r"|\s*[\r\n]|\s+(?!\S)|\s+"
)


def both(*args: Any, **kwargs: Any) -> List[Any]:
    """The tokenizer of rustbpe and ours, trained alike."""
    made = [rustbpe.Tokenizer(), Tokenizer()]
    for tok in made:
        tok.train_from_iterator(*args, **kwargs)
    return made


def test_untrained() -> None:
    theirs, ours = rustbpe.Tokenizer(), Tokenizer()
    assert ours.vocab_size == theirs.vocab_size == 256
    assert ours.get_pattern() == theirs.get_pattern() == ""
    assert ours.get_mergeable_ranks() == theirs.get_mergeable_ranks()
    assert ours.encode("some text") == theirs.encode("some text") == []
    assert ours.decode([104, 105]) == theirs.decode([104, 105]) == "hi"


@pytest.mark.parametrize("pattern", [None, NANOCHAT_PATTERN, r"\p{L}+|\s+", r"\w+"])
@pytest.mark.parametrize("vocab_size", [256, 257, 280, 400])
def test_trained(pattern: Any, vocab_size: int) -> None:
    rng = random.Random(vocab_size)
    corpus = [" ".join(rng.choices(TEXTS[0].split() + TEXTS[1].split(), k=30)) for _ in range(50)]
    theirs, ours = both(corpus, vocab_size, pattern=pattern)
    assert ours.get_mergeable_ranks() == theirs.get_mergeable_ranks()
    assert ours.get_pattern() == theirs.get_pattern()
    assert ours.vocab_size == theirs.vocab_size
    tokens = [token for token, _ in theirs.get_mergeable_ranks()]
    assert len(set(tokens)) == len(tokens)  # else the ids may differ, as is documented
    for text in [*TEXTS, *corpus]:
        assert ours.encode(text) == theirs.encode(text)
        assert ours.decode(ours.encode(text)) == theirs.decode(theirs.encode(text))
    assert ours.batch_encode(corpus) == theirs.batch_encode(corpus)


def test_arguments() -> None:
    theirs, ours = both(TEXTS, 270, 1, None)
    assert ours.get_mergeable_ranks() == theirs.get_mergeable_ranks()
    theirs, ours = both(iterator=tuple(TEXTS), vocab_size=270, buffer_size=2)
    assert ours.get_mergeable_ranks() == theirs.get_mergeable_ranks()
    theirs, ours = both([], 300)
    assert ours.vocab_size == theirs.vocab_size == 256
    assert ours.get_pattern() == theirs.get_pattern()


def fails_later() -> Any:
    yield "a text"
    raise KeyError("the iterator's own")


ERRORS: List[Any] = [
    (lambda tok: tok.train_from_iterator(7, 300), TypeError),
    (lambda tok: tok.train_from_iterator(None, 300), TypeError),
    (lambda tok: tok.train_from_iterator(["a", 7], 300), TypeError),
    (lambda tok: tok.train_from_iterator(["a", None], 300), TypeError),
    (lambda tok: tok.train_from_iterator([b"a"], 300), TypeError),
    (lambda tok: tok.train_from_iterator(b"ab", 300), TypeError),
    (lambda tok: tok.train_from_iterator(["a"], "300"), TypeError),
    (lambda tok: tok.train_from_iterator(["a"], 300.0), TypeError),
    (lambda tok: tok.train_from_iterator(["a"]), TypeError),
    (lambda tok: tok.train_from_iterator(texts=["a"], vocab_size=300), TypeError),
    (lambda tok: tok.train_from_iterator(["a"], -1), OverflowError),
    (lambda tok: tok.train_from_iterator(["a"], 2**32), OverflowError),
    (lambda tok: tok.train_from_iterator(["a"], 300, -1), OverflowError),
    (lambda tok: tok.train_from_iterator(["a"], 300, 2**64), OverflowError),
    (lambda tok: tok.train_from_iterator(["a"], 300, "8"), TypeError),
    (lambda tok: tok.train_from_iterator(["a"], 300, pattern=5), TypeError),
    (lambda tok: tok.train_from_iterator(["a"], 300, pattern="("), ValueError),
    (lambda tok: tok.train_from_iterator(["a"], 300, pattern="\ud800"), UnicodeEncodeError),
    (lambda tok: tok.train_from_iterator(["\ud800"], 300), UnicodeEncodeError),
    (lambda tok: tok.train_from_iterator(fails_later(), 300), KeyError),
    (lambda tok: tok.encode(7), TypeError),
    (lambda tok: tok.encode(None), TypeError),
    (lambda tok: tok.decode([999]), ValueError),
    (lambda tok: tok.decode([-1]), OverflowError),
    (lambda tok: tok.decode([2**32]), OverflowError),
    (lambda tok: tok.decode([1.5]), TypeError),
    (lambda tok: tok.decode("ab"), TypeError),
    (lambda tok: tok.decode(5), TypeError),
    (lambda tok: tok.decode(None), TypeError),
    (lambda tok: tok.batch_encode("ab"), TypeError),
    (lambda tok: tok.batch_encode(None), TypeError),
    (lambda tok: tok.batch_encode(["a", 5]), TypeError),
    (lambda tok: setattr(tok, "vocab_size", 300), AttributeError),
]


@pytest.mark.parametrize(("call", "kind"), ERRORS)
def test_errors(call: Callable[[Any], object], kind: Type[Exception]) -> None:
    with pytest.raises(kind):
        call(rustbpe.Tokenizer())
    ours = Tokenizer()
    ours.train_from_iterator(TEXTS, 260)
    before = ours.get_mergeable_ranks()
    with pytest.raises(kind):
        call(ours)
    assert ours.get_mergeable_ranks() == before


@pytest.mark.parametrize(
    "call",
    [
        lambda tok: tok.train_from_iterator("the cat on the cat", 260),
        lambda tok: tok.train_from_iterator(TEXTS, numpy.int64(265)),
        lambda tok: tok.train_from_iterator([], 300),
        lambda tok: tok.train_from_iterator(["", ""], 300),
        lambda tok: tok.train_from_iterator({"the cat": 1, "the dog": 2}, 260),
        lambda tok: tok.encode(text="the cat"),
        lambda tok: tok.decode((116, 104)),
        lambda tok: tok.decode(range(97, 100)),
        lambda tok: tok.decode(b"abc"),
        lambda tok: tok.decode(array("I", [97, 98])),
        lambda tok: tok.decode(numpy.array([97, 98])),
        lambda tok: tok.decode(ids=[97]),
        lambda tok: tok.decode([]),
        lambda tok: tok.batch_encode(("the", "cat")),
        lambda tok: tok.batch_encode([]),
        lambda tok: tok.batch_encode(texts=["the"]),
    ],
)
def test_unusual_arguments(call: Callable[[Any], object]) -> None:
    results = []
    for tok in both(TEXTS, 270):
        result = call(tok)
        ranks = [(bytes(token), rank) for token, rank in tok.get_mergeable_ranks()]
        results.append((result, ranks, tok.vocab_size, tok.get_pattern()))
    assert results[0] == results[1]


def test_what_is_taken_beyond_rustbpe() -> None:
    """Bytes, surrogates as tiktoken reads them, ids in any iterable, ids that are not UTF-8."""
    theirs, ours = both(TEXTS, 270)
    more: List[Any] = [
        (lambda tok: tok.encode(b"the"), ours.encode("the")),
        (lambda tok: tok.encode("\ud800"), ours.encode("\ufffd")),
        (lambda tok: tok.batch_encode(text for text in ["the"]), [ours.encode("the")]),
        (lambda tok: tok.decode(byte for byte in b"the"), "the"),
        (lambda tok: tok.decode([255]), "\ufffd"),
    ]
    for call, result in more:
        with pytest.raises((TypeError, UnicodeEncodeError)):
            call(theirs)
        assert call(ours) == result


def test_the_message_for_an_unknown_id_begins_as_rustbpe_s() -> None:
    message = "^Unknown token id: 300"
    with pytest.raises(ValueError, match=message):
        rustbpe.Tokenizer().decode([104, 300])
    with pytest.raises(pyaot_tokenizer.UnknownIdError, match=message):
        Tokenizer().decode([104, 300])


def test_what_rustbpe_panics_or_hangs_at() -> None:
    with pytest.raises(pyaot_tokenizer.InvalidValueError, match="at least 256"):
        Tokenizer().train_from_iterator(["a"], 255)
    with pytest.raises(pyaot_tokenizer.InvalidValueError, match="buffer_size"):
        Tokenizer().train_from_iterator(["a"], 300, buffer_size=0)


class _Nanochat:
    """The calls of nanochat's own class of that purpose: its two imports are what is given."""

    def __init__(self, enc: Any, bos_token: str) -> None:
        self.enc = enc
        self.bos_token_id = self.encode_special(bos_token)

    @classmethod
    def train(
        cls, trainer: Any, encoding: Any, text_iterator: Iterator[str], vocab_size: int
    ) -> _Nanochat:
        tokenizer = trainer()
        vocab_size_no_special = vocab_size - len(SPECIALS)
        assert vocab_size_no_special >= 256
        tokenizer.train_from_iterator(
            text_iterator, vocab_size_no_special, pattern=NANOCHAT_PATTERN
        )
        pattern = tokenizer.get_pattern()
        mergeable_ranks = {bytes(k): v for k, v in tokenizer.get_mergeable_ranks()}
        offset = len(mergeable_ranks)
        special_tokens = {name: offset + i for i, name in enumerate(SPECIALS)}
        enc = encoding(
            name="rustbpe",
            pat_str=pattern,
            mergeable_ranks=mergeable_ranks,
            special_tokens=special_tokens,
        )
        return cls(enc, "<|bos|>")

    @classmethod
    def from_directory(cls, folder: Path) -> _Nanochat:
        with open(folder / "tokenizer.pkl", "rb") as file:
            enc = pickle.load(file)
        return cls(enc, "<|bos|>")

    def save(self, folder: Path) -> None:
        with open(folder / "tokenizer.pkl", "wb") as file:
            pickle.dump(self.enc, file)

    def get_vocab_size(self) -> int:
        return self.enc.n_vocab  # type: ignore[no-any-return]

    def get_special_tokens(self) -> Any:
        return self.enc.special_tokens_set

    def id_to_token(self, token_id: int) -> str:
        return self.enc.decode([token_id])  # type: ignore[no-any-return]

    @lru_cache(maxsize=32)  # noqa: B019 (as there)
    def encode_special(self, text: str) -> int:
        return self.enc.encode_single_token(text)  # type: ignore[no-any-return]

    def encode(
        self, text: Any, prepend: Any = None, append: Any = None, num_threads: int = 8
    ) -> Any:
        first = prepend if isinstance(prepend, int) or prepend is None else None
        if isinstance(prepend, str):
            first = self.encode_special(prepend)
        last = self.encode_special(append) if isinstance(append, str) else append
        if isinstance(text, str):
            rows = [self.enc.encode_ordinary(text)]
        else:
            rows = self.enc.encode_ordinary_batch(text, num_threads=num_threads)
        for row in rows:
            if first is not None:
                row.insert(0, first)
            if last is not None:
                row.append(last)
        return rows[0] if isinstance(text, str) else rows

    def decode(self, ids: List[int]) -> str:
        return self.enc.decode(ids)  # type: ignore[no-any-return]

    def token_bytes(self) -> List[int]:
        """The lengths that its training script keeps: 0 for special tokens."""
        special_set = set(self.get_special_tokens())
        lengths = []
        for token_id in range(self.get_vocab_size()):
            text = self.decode([token_id])
            lengths.append(0 if text in special_set else len(text.encode("utf-8")))
        return lengths


SPECIALS = [
    "<|bos|>",
    "<|user_start|>",
    "<|user_end|>",
    "<|assistant_start|>",
    "<|assistant_end|>",
    "<|python_start|>",
    "<|python_end|>",
    "<|output_start|>",
    "<|output_end|>",
]


def test_nanochat_with_its_two_imports_changed(tmp_path: Path) -> None:
    """Its tokenizer module and training script give what they give with the originals."""
    source = random.Random(12)
    words = [*TEXTS[0].split(), *TEXTS[1].split(), "1234567", "it's", "\n\n", "<|bos|>"]
    words += ["".join(source.choices("abcdef", k=source.randint(2, 9))) for _ in range(50)]
    corpus = [" ".join(source.choices(words, k=60)) for _ in range(200)]

    def text_iterator() -> Iterator[str]:
        yield from (text[:10_000] for text in corpus)

    made = []
    for trainer, encoding in ((rustbpe.Tokenizer, tiktoken.Encoding), (Tokenizer, Encoding)):
        folder = tmp_path / str(len(made))
        folder.mkdir()
        first = _Nanochat.train(trainer, encoding, text_iterator(), 330)
        first.save(folder)
        made.append(_Nanochat.from_directory(folder))
    theirs, ours = made
    assert ours.enc._mergeable_ranks == theirs.enc._mergeable_ranks
    assert ours.get_vocab_size() == theirs.get_vocab_size() == 330
    assert ours.get_special_tokens() == theirs.get_special_tokens() == set(SPECIALS)
    assert ours.bos_token_id == theirs.bos_token_id == 330 - len(SPECIALS)
    assert ours.token_bytes() == theirs.token_bytes()
    for text in [
        *corpus[:40],
        "Hello world! Contractions: I'm you're it's \U0001f30d \u4f60\u597d",
    ]:
        ids = ours.encode(text)
        assert type(ids) is list
        assert ids == theirs.encode(text)
        assert ours.decode(ids) == text
        assert ours.encode(text, "<|bos|>", "<|user_end|>") == theirs.encode(
            text, "<|bos|>", "<|user_end|>"
        )
    # The loader of data, and the lists that become tensors there.
    rows = ours.encode(corpus, prepend=ours.bos_token_id, num_threads=4)
    assert rows == theirs.encode(corpus, prepend=theirs.bos_token_id, num_threads=4)
    assert numpy.array(rows[0]).dtype == numpy.int64
    ids = [ours.encode_special(name) for name in SPECIALS]
    assert ids == [theirs.encode_special(name) for name in SPECIALS]
    assert [ours.id_to_token(token_id) for token_id in ids] == SPECIALS
    for name in ("<|nobody|>", "no token"):
        with pytest.raises(KeyError):
            theirs.encode_special(name)
        with pytest.raises(KeyError):
            ours.encode_special(name)


def test_the_calls_of_a_training_script() -> None:
    """Train, turn into a tiktoken encoding with special tokens, pickle it, use it."""
    specials = SPECIALS
    tok = Tokenizer()
    tok.train_from_iterator(
        (text * 3 for text in TEXTS), 300 - len(specials), pattern=NANOCHAT_PATTERN
    )
    ranks: Dict[bytes, int] = {bytes(token): rank for token, rank in tok.get_mergeable_ranks()}
    enc = Encoding(
        name="small",
        pat_str=tok.get_pattern(),
        mergeable_ranks=ranks,
        special_tokens={text: len(ranks) + i for i, text in enumerate(specials)},
    )
    enc = pickle.loads(pickle.dumps(enc))
    assert enc.n_vocab == len(ranks) + len(specials)
    assert enc.special_tokens_set == set(specials)
    bos = enc.encode_single_token(specials[0])
    row = enc.encode_ordinary(TEXTS[0])
    row.insert(0, bos)
    row.append(bos)
    assert enc.decode(row) == specials[0] + TEXTS[0] + specials[0]
    rows = enc.encode_ordinary_batch(TEXTS, num_threads=4)
    for one in rows:
        one.insert(0, bos)
    assert [enc.decode(one[1:]) for one in rows] == TEXTS
    assert rows[0][1:] == tok.encode(TEXTS[0])
    assert b"".join(map(enc.decode_single_token_bytes, rows[1][1:])).decode() == TEXTS[1]
