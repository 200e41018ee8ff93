"""`train` and `train_from_iterator` of hf's `Tokenizer` against tokenizers': ids and merges."""

from __future__ import annotations

import itertools
import json
import pickle
import random
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest
import tokenizers
from family_steps import CL100K

from pyaot_tokenizer import TokenizerError, UnsupportedError, hf

from families import TEXT, random_texts

Build = Callable[[Any], Any]

PIPELINES: Dict[str, Build] = {
    "byte level": lambda m: [None, m.pre_tokenizers.ByteLevel(add_prefix_space=False)],
    "a prefix space": lambda m: [None, m.pre_tokenizers.ByteLevel()],
    "a pattern that has a scanner": lambda m: [
        None,
        m.pre_tokenizers.Sequence(
            [
                m.pre_tokenizers.Split(m.Regex(CL100K), "isolated"),
                m.pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
            ]
        ),
    ],
    "normalized": lambda m: [
        m.normalizers.Sequence([m.normalizers.NFKD(), m.normalizers.Lowercase()]),
        m.pre_tokenizers.ByteLevel(add_prefix_space=False),
    ],
    "digits": lambda m: [
        m.normalizers.NFC(),
        m.pre_tokenizers.Sequence(
            [m.pre_tokenizers.Digits(True), m.pre_tokenizers.ByteLevel(add_prefix_space=False)]
        ),
    ],
    "characters": lambda m: [None, m.pre_tokenizers.Whitespace()],
    "metaspace": lambda m: [None, m.pre_tokenizers.Metaspace()],
    "whole texts": lambda m: [m.normalizers.Replace(" ", "\u2581"), None],
    "nothing": lambda m: [None, None],
}

ALPHABET = tokenizers.pre_tokenizers.ByteLevel.alphabet()
OPTIONS: List[Dict[str, Any]] = [
    {},
    {"vocab_size": 300, "initial_alphabet": ALPHABET},
    {"vocab_size": 120, "min_frequency": 2, "special_tokens": ["<s>", "</s>"]},
    {"vocab_size": 5, "special_tokens": ["<unk>"], "initial_alphabet": ["a", "\u0444", "z"]},
    {"vocab_size": 200, "initial_alphabet": ["z", "\u4e2d", "\u0100", "!"]},
    {"special_tokens": ["the", "e", " ", "\u0120", "er", "\u2581the", "\u0444e"]},
    {"max_token_length": 3, "vocab_size": 200},
    {"limit_alphabet": 1000, "initial_alphabet": ALPHABET, "vocab_size": 500},
]


def made(name: str, **flags: Any) -> List[Any]:
    pair: List[Any] = []
    for library in (tokenizers, hf):
        tokenizer: Any = library.Tokenizer(library.models.BPE(**flags))  # type: ignore[attr-defined]
        tokenizer.normalizer, tokenizer.pre_tokenizer = PIPELINES[name](library)
        pair.append(tokenizer)
    return pair


def trainers(**options: Any) -> List[Any]:
    return [
        library.trainers.BpeTrainer(show_progress=False, **options)  # type: ignore[attr-defined]
        for library in (tokenizers, hf)
    ]


def assert_equal(reference: Any, ours: Any) -> None:
    expected, found = json.loads(reference.to_str()), json.loads(ours.to_str())
    assert found["model"] == expected["model"]
    assert list(found["model"]["vocab"]) == list(expected["model"]["vocab"])
    assert found["added_tokens"] == expected["added_tokens"]
    # As it is, the reference goes on with the ids that it had remembered.
    reference = tokenizers.Tokenizer.from_str(reference.to_str())
    for text in (*TEXT, "<s>the other \u0444e dogs</s>"):
        assert ours.encode(text).ids == reference.encode(text).ids
        assert ours.encode(text).tokens == reference.encode(text).tokens


@pytest.mark.parametrize("index", range(len(OPTIONS)))
@pytest.mark.parametrize("name", PIPELINES)
def test_what_is_learnt(name: str, index: int) -> None:
    rng = random.Random(f"{name} {index}")
    texts = [*TEXT * 3, *(text for text in random_texts(rng, 60) if len(text) < 300)]
    reference, ours = made(name)
    theirs, own = trainers(**OPTIONS[index])
    reference.train_from_iterator(texts, theirs)
    ours.train_from_iterator(texts, own)
    assert_equal(reference, ours)
    assert own.get_word_count() == theirs.get_word_count()
    # Again, on other texts, and by a trainer of tokenizers itself.
    reference.train_from_iterator(iter([texts[:3], tuple(texts[5:9])]), theirs)
    ours.train_from_iterator(iter([texts[:3], tuple(texts[5:9])]), theirs)
    assert_equal(reference, ours)


def test_random_small_corpora() -> None:
    """With added tokens, which are pieces of their own."""
    rng = random.Random(3)
    letters = ["a", "b", "c", "\u00e9", " ", "\u4e2d"]
    for _ in range(150):
        name = rng.choice(["byte level", "nothing", "characters"])
        some = rng.sample(letters, rng.randrange(1, 6))
        texts = ["".join(rng.choices(some, k=rng.randrange(12))) for _ in range(rng.randrange(20))]
        words = ["".join(pair) for pair in itertools.product(letters[:3], repeat=2)] + letters
        options = {
            "vocab_size": rng.randrange(30),
            "min_frequency": rng.randrange(4),
            "special_tokens": rng.sample(words, rng.randrange(4)),
            "initial_alphabet": rng.sample(letters, rng.randrange(4)),
            "max_token_length": rng.choice([None, None, 1, 2, 3, 5]),
        }
        reference, ours = made(name)
        flags = {flag: rng.random() < 0.4 for flag in ("lstrip", "single_word", "normalized")}
        content = rng.choice(words)
        has_token = rng.random() < 0.5
        for tokenizer, trainer in zip((reference, ours), trainers(**options)):
            if has_token:
                tokenizer.add_tokens([tokenizers.AddedToken(content, **flags)])
            tokenizer.train_from_iterator(texts, trainer)
        expected, found = json.loads(reference.to_str()), json.loads(ours.to_str())
        assert found["model"] == expected["model"], (name, texts, options, content, flags)
        if not has_token:
            # Else the reference may give two tokens one id.
            assert found["added_tokens"] == expected["added_tokens"]


def test_files(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_bytes("the other\r\nthe \u2028\n\n  dogs\rfox".encode())
    second.write_bytes(b"")
    for name in ("byte level", "nothing"):
        reference, ours = made(name)
        for tokenizer, trainer in zip((reference, ours), trainers(vocab_size=400)):
            tokenizer.train([str(first), str(second)], trainer)
        assert_equal(reference, ours)
    reference, ours = made("byte level")
    ours.train_from_iterator(["abab"])
    before = ours.to_str()
    second.write_bytes(b"ab\xff")
    wrong: List[Any] = ["abc", 5, [str(tmp_path / "none")], [3], [str(second)]]
    for files in wrong:
        with pytest.raises((TokenizerError, TypeError)):
            ours.train(files)
    assert ours.to_str() == before


def test_what_stays_and_what_is_added() -> None:
    flags = {"unk_token": "<u>", "dropout": 0.5, "fuse_unk": True, "ignore_merges": True}
    reference, ours = made("byte level", **flags)
    token = {"lstrip": True, "single_word": True}
    for library, tokenizer in ((tokenizers, reference), (hf, ours)):
        added: Any = library.AddedToken("the", **token)  # type: ignore[attr-defined]
        special = [added, "<s>"]
        trainer: Any = library.trainers.BpeTrainer(  # type: ignore[attr-defined]
            special_tokens=special, show_progress=False
        )
        model = tokenizer.model
        tokenizer.train_from_iterator(TEXT, trainer)
        assert model.token_to_id("the") == 0
        assert [str(each) for each in trainer.special_tokens] == ["the", "<s>"]
    assert json.loads(ours.to_str()) == json.loads(reference.to_str())


def test_the_trainer() -> None:
    theirs, own = trainers()
    for name in (name for name in dir(theirs) if not name.startswith("_")):
        if name not in ("get_word_count", "show_progress"):
            assert getattr(own, name) == getattr(theirs, name), name
    changes: List[Any] = [
        ("vocab_size", 7),
        ("vocab_size", -1),
        ("vocab_size", 1.5),
        ("min_frequency", -1),
        ("limit_alphabet", -1),
        ("limit_alphabet", 3),
        ("max_token_length", 4),
        ("initial_alphabet", ["xy"]),
        ("initial_alphabet", [""]),
        ("initial_alphabet", ["b"]),
        ("special_tokens", [3]),
        ("progress_format", "json"),
        ("progress_format", "other"),
        ("show_progress", True),
    ]
    for name, value in changes:
        outcomes = []
        for trainer in (theirs, own):
            try:
                setattr(trainer, name, value)
                outcomes.append(getattr(trainer, name))
            except Exception as error:
                outcomes.append(
                    next(
                        kind
                        for kind in (OverflowError, TypeError, ValueError)
                        if isinstance(error, kind)
                    )
                )
        assert outcomes[0] == outcomes[1], (name, value)
    copy = pickle.loads(pickle.dumps(own))
    assert repr(copy) == repr(own)
    assert isinstance(hf.models.BPE().get_trainer(), hf.trainers.BpeTrainer)


def test_what_is_refused() -> None:
    for name in ("continuing_subword_prefix", "end_of_word_suffix"):
        with pytest.raises(UnsupportedError, match=name):
            hf.trainers.BpeTrainer(**{name: "##"})  # type: ignore[arg-type]
        theirs: Any = tokenizers.trainers.BpeTrainer(**{name: "##"})  # type: ignore[arg-type]
        _, ours = made("nothing")
        with pytest.raises(UnsupportedError, match=name):
            ours.train_from_iterator(["a"], theirs)
    _, ours = made("nothing")
    ours.train_from_iterator(["abab ab"])
    before = ours.to_str()
    wrong: List[Any] = [5, ["a", 3], [["a", 3]], [b"a"], ["\ud800"]]
    for texts in wrong:
        with pytest.raises(TypeError):
            ours.train_from_iterator(texts)
    with pytest.raises(TypeError):
        ours.train_from_iterator(["a"], 3)
    with pytest.raises(ValueError, match="WordLevelTrainer"):
        ours.train_from_iterator(["a"], tokenizers.trainers.WordLevelTrainer())
    assert ours.to_str() == before


def test_a_limited_alphabet() -> None:
    """Where the counts of characters differ: among equals, chance decides in tokenizers."""
    texts = ["e" * 9 + "d" * 8 + "c" * 7 + "b" * 6 + "a" * 5]
    for limit in range(6):
        for name in ("byte level", "nothing"):
            for initial in ([], ["a"], ["\u4e2d", "c"]):
                reference, ours = made(name)
                # More initial characters than there may be are all equals.
                if len(initial) > limit:
                    continue
                options = {"limit_alphabet": limit, "initial_alphabet": initial}
                for tokenizer, trainer in zip((reference, ours), trainers(**options)):
                    tokenizer.train_from_iterator(texts, trainer)
                expected, found = json.loads(reference.to_str()), json.loads(ours.to_str())
                assert found["model"] == expected["model"], (limit, name, initial)


@pytest.mark.parametrize("name", ["characters", "metaspace", "whole texts", "nothing"])
def test_many_characters(name: str) -> None:
    """As in any larger text: the first steps of tokenizers' own documentation learn from such."""
    rng = random.Random(name)
    options: Dict[str, Any]
    for count in (257, 1500):
        characters = [chr(0x4E00 + i) for i in range(count)] + [*"aeiou \u00e9\U0001f600"] * 20
        words = ["".join(rng.choices(characters, k=rng.randrange(1, 5))) for _ in range(900)]
        texts = [" ".join(rng.choices(words, k=20)) for _ in range(60)]
        texts.append("".join(characters))
        for options in (
            {"special_tokens": ["[UNK]", "[CLS]"]},
            {"vocab_size": count + 100, "initial_alphabet": ["z", "\u3042"], "max_token_length": 4},
        ):
            reference, ours = made(name)
            for tokenizer, trainer in zip((reference, ours), trainers(**options)):
                tokenizer.train_from_iterator(texts, trainer)
            assert_equal(reference, ours)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, *sys.argv[1:]]))
