"""`Tokenizer` as rustbpe 0.1.0's: the same calls give the same results, errors are clean ones."""

from __future__ import annotations

import pickle
import random
from typing import Any, Callable, Dict, List, Type

import pytest
import rustbpe

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
    (lambda tok: tok.train_from_iterator(["a", 7], 300), TypeError),
    (lambda tok: tok.train_from_iterator(["a"], "300"), TypeError),
    (lambda tok: tok.train_from_iterator(["a"]), TypeError),
    (lambda tok: tok.train_from_iterator(["a"], 300, pattern="("), ValueError),
    (lambda tok: tok.train_from_iterator(["\ud800"], 300), UnicodeEncodeError),
    (lambda tok: tok.train_from_iterator(fails_later(), 300), KeyError),
    (lambda tok: tok.encode(7), TypeError),
    (lambda tok: tok.decode([999]), ValueError),
    (lambda tok: tok.batch_encode("ab"), TypeError),
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


def test_the_calls_of_a_training_script() -> None:
    """Train, turn into a tiktoken encoding with special tokens, pickle it, use it."""
    specials = [f"<|special_{i}|>" for i in range(9)]
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
