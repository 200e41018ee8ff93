"""BPE-dropout: what is left out is left out by chance, and as often as in tokenizers."""

from __future__ import annotations

import functools
import json
import pickle
import random
import statistics
import sys
from array import array
from collections import Counter
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

import pytest
import tokenizers

from pyaot_tokenizer import InvalidTypeError, InvalidValueError, Tokenizer, UnsupportedError, hf

import sentencepiece_model
from families import FAMILIES, random_texts

NAMES = ("llama 3, glm-4", "clip", "llama 2, mistral, phi-3", "gpt-2, roberta, whisper")


def with_dropout(name: str, dropout: float) -> Tuple[tokenizers.Tokenizer, Tokenizer]:
    document = json.loads(FAMILIES[name]().to_str())
    ours = Tokenizer.from_str(json.dumps(document))
    document["model"]["dropout"] = dropout
    return tokenizers.Tokenizer.from_str(json.dumps(document)), ours


@pytest.mark.parametrize("name", NAMES)
def test_all_merges_and_none(name: str) -> None:
    reference, ours = with_dropout(name, 1.0)
    for text in random_texts(random.Random(name), 100):
        expected = reference.encode(text, add_special_tokens=False).ids
        assert ours.encode_with_dropout(text, 1.0, seed=3) == expected, text
        if "llama 3" not in name:
            # There a word that is a token is looked up, which dropout does not do.
            assert ours.encode_with_dropout(text, 0.0, seed=3) == ours.encode(text), text


@pytest.mark.parametrize("dropout", [0.1, 0.5])
@pytest.mark.parametrize("name", NAMES)
def test_as_often_as_in_tokenizers(name: str, dropout: float) -> None:
    """The frequencies of the ways to divide a text are equal, within six standard deviations."""
    reference, ours = with_dropout(name, dropout)
    rounds = 4000
    for text in ("the other", "then over"):
        expected = Counter(tuple(reference.encode(text).ids) for _ in range(rounds))
        found = Counter(
            tuple(ours.encode_with_dropout(text, dropout, seed=seed)) for seed in range(rounds)
        )
        assert len(found) > 3
        for way in expected.keys() | found.keys():
            # The variance of a difference of two counts.
            variance = max(expected[way] + found[way], 4)
            assert (expected[way] - found[way]) ** 2 <= 36 * variance, (text, way)


def test_a_seed_gives_the_same_ids_again() -> None:
    _, ours = with_dropout("gpt-2, roberta, whisper", 0.5)
    text = "the quick brown fox jumps over the lazy dog" * 20
    ids = ours.encode_with_dropout(text, 0.3, seed=1)
    assert ids == ours.encode_with_dropout(text, 0.3, seed=1)
    assert ids != ours.encode_with_dropout(text, 0.3, seed=2)
    assert ours.decode(ids) == text
    assert ours.encode(text) == ours.encode_with_dropout(text, 0, seed=(1 << 64) - 1)
    assert ours.encode_with_dropout("", 0.5, seed=0) == []


def test_arguments() -> None:
    _, ours = with_dropout("gpt-2, roberta, whisper", 0.5)
    values: Any = [-0.1, 1.1, float("nan")]
    for value in values:
        with pytest.raises(InvalidValueError, match="dropout must be"):
            ours.encode_with_dropout("a", value, seed=0)
    for value in (-1, 1 << 64):
        with pytest.raises(InvalidValueError, match="seed must be"):
            ours.encode_with_dropout("a", 0.1, seed=value)
    wrong: Any = ["0.1", None, True]
    for value in wrong:
        with pytest.raises(InvalidTypeError, match="a dropout"):
            ours.encode_with_dropout("a", value, seed=0)
        with pytest.raises(InvalidTypeError, match="a seed"):
            ours.encode_with_dropout("a", 0.1, seed=value)
    ours.seed_dropout((1 << 64) - 1)
    for value in (-1, 1 << 64):
        with pytest.raises(InvalidValueError, match="seed must be"):
            ours.seed_dropout(value)
    for value in wrong:
        with pytest.raises(InvalidTypeError, match="a seed"):
            ours.seed_dropout(value)


@functools.cache
def family(name: str) -> str:
    """Made once: tokenizers' trainer does not always number equals the same way."""
    made: str = FAMILIES[name]().to_str()
    return made


def document_of(name: str, dropout: Optional[float]) -> str:
    document = json.loads(family(name))
    document["model"]["dropout"] = dropout
    return json.dumps(document, ensure_ascii=False)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_leaves_out_all_merges(name: str) -> None:
    document = document_of(name, 1.0)
    reference, ours = tokenizers.Tokenizer.from_str(document), Tokenizer.from_str(document)
    other = hf.Tokenizer.from_str(document)
    texts = random_texts(random.Random(name), 100)
    expected = [reference.encode(text, add_special_tokens=False) for text in texts]
    assert [ours.encode(text) for text in texts] == [each.ids for each in expected]
    assert ours.encode_batch(texts) == [each.ids for each in expected]
    for text, each in zip(texts, expected):
        found = other.encode(text, add_special_tokens=False)
        assert (found.ids, found.tokens) == (each.ids, each.tokens)
        if name != "clip":
            # Of a word that is but a part of the text, tokenizers' offsets may be past its end.
            assert (found.offsets, found.word_ids) == (each.offsets, each.word_ids), text


@pytest.mark.parametrize("dropout", [0.1, 0.5])
@pytest.mark.parametrize("name", NAMES)
def test_samples_of_a_file_are_as_those_of_tokenizers(name: str, dropout: float) -> None:
    """As frequent, as long, and what is said of them is the same."""
    document = document_of(name, dropout)
    reference, ours = tokenizers.Tokenizer.from_str(document), hf.Tokenizer.from_str(document)
    rounds = 3000
    for text in ("the other", "then over the other dogs"):
        sides: List[Any] = []
        facts: Dict[Tuple[int, ...], Any] = {}
        for tokenizer in (reference, ours):
            lengths = []
            ways: Counter[Tuple[int, ...]] = Counter()
            for encoding in tokenizer.encode_batch([text] * rounds):
                way = tuple(encoding.ids)
                fact = (encoding.tokens, encoding.offsets, encoding.word_ids)
                assert facts.setdefault(way, fact) == fact
                ways[way] += 1
                lengths.append(len(way))
            sides.append((ways, lengths))
        (expected, expected_lengths), (found, found_lengths) = sides
        for way in expected.keys() | found.keys():
            variance = max(expected[way] + found[way], 4)
            assert (expected[way] - found[way]) ** 2 <= 36 * variance, (text, way)
        variance = statistics.variance(expected_lengths) + statistics.variance(found_lengths)
        difference = statistics.mean(expected_lengths) - statistics.mean(found_lengths)
        assert difference**2 <= 36 * variance / rounds


TEXT = (
    "the quick brown fox jumps over the lazy dog, <m> caf\u00e9 \u65e5\u672c\n\n and the others "
    * 8
)
CALLS: Dict[str, Callable[[Tokenizer], List[int]]] = {
    "encode": lambda tok: tok.encode(TEXT),
    "threads": lambda tok: tok.encode(TEXT, num_threads=4),
    "bytes": lambda tok: tok.encode(TEXT.encode()),
    "numpy": lambda tok: tok.encode_to_numpy(TEXT).tolist(),
    "offsets": lambda tok: tok.encode_with_offsets(TEXT)[0],
    "batch": lambda tok: tok.encode_batch([TEXT])[0],
    "batch of numpy": lambda tok: tok.encode_batch_to_numpy([TEXT])[0].tolist(),
    "truncated": lambda tok: tok.truncate_to(TEXT, 1 << 20).ids,
    "appended": lambda tok: tok.append([], "", TEXT),
}


@pytest.mark.parametrize("name", NAMES)
def test_each_call_takes_the_next_sample(name: str) -> None:
    ours = Tokenizer.from_str(document_of(name, 0.3))
    assert ours.dropout == 0.3
    first, second = ours.encode(TEXT), ours.encode(TEXT)
    assert first != second
    for call, encode in CALLS.items():
        ours.seed_dropout(0)
        assert [encode(ours), encode(ours)] == [first, second], call
    ours.seed_dropout(0)
    assert [ours.count(TEXT), ours.count(TEXT)] == [len(first), len(second)]
    ours.seed_dropout(7)
    assert ours.encode(TEXT) not in (first, second)
    # Loaded once more, it begins as it did.
    assert Tokenizer.from_str(document_of(name, 0.3)).encode(TEXT) == first


def test_the_portable_way_takes_the_same_samples() -> None:
    ours: Any = Tokenizer.from_str(document_of(NAMES[0], 0.3))
    rows = [ours.encode(TEXT), *ours.encode_batch([TEXT, "", TEXT])]
    ours.seed_dropout(0)
    portable = getattr(ours, "_portable_encode", ours.encode)
    portable_batch = getattr(ours, "_portable_encode_batch", ours.encode_batch)
    assert [portable(TEXT), *portable_batch([TEXT, "", TEXT])] == rows


@pytest.mark.parametrize("name", NAMES)
def test_no_number_of_threads_changes_the_samples(name: str) -> None:
    ours = Tokenizer.from_str(document_of(name, 0.3))
    # More than a run of texts, and one that would be cut between threads.
    texts = [TEXT[at:] for at in range(300)] + [TEXT * 1600]
    rows = []
    for threads in (1, 2, 5):
        ours.seed_dropout(3)
        rows.append(ours.encode_batch(texts, num_threads=threads))
    assert rows[0] == rows[1] == rows[2]
    assert sum(map(len, rows[0])) != sum(map(len, ours.encode_batch(texts)))


@pytest.mark.parametrize("name", ["llama 3, glm-4", "gpt-2, roberta, whisper"])
def test_every_sample_decodes_to_the_text(name: str, tmp_path: Path) -> None:
    ours = Tokenizer.from_str(document_of(name, 0.4))
    chooser = random.Random(name)
    for text in random_texts(chooser, 200):
        plain = text.replace("<m>", "").replace("<n", "").replace("zqz", "")
        for _ in range(3):
            ids, offsets = ours.encode_with_offsets(plain, unit="byte")
            assert ours.decode(ids) == plain
            assert offsets.flat[:1].tolist() in ([], [0])
            assert all(end == start for (_, end), (start, _) in zip(offsets, offsets[1:]))
        stream = ours.stream_encoder()
        fed = [*stream.feed(plain[:10]), *stream.feed(plain[10:]), *stream.flush()]
        assert ours.decode(fed) == plain
        ids, part = ours.truncate_to(plain, 5)
        assert len(ids) <= 5
        assert plain.startswith(part)
        assert ours.decode(ids).rstrip("\ufffd").startswith(part.rstrip("\ufffd"))
    source, target = tmp_path / "text", tmp_path / "ids"
    # More than a round, with added tokens and without.
    content = (TEXT * 20).replace("<m>", "") + "[X]" + TEXT.replace("<m>", "") * 200
    source.write_text(content, encoding="utf-8", newline="")
    files = []
    for threads in (1, 3):
        ours.seed_dropout(1)
        ours.encode_file(source, target, num_threads=threads, dtype="uint32")
        files.append(array("I", target.read_bytes()).tolist())
    assert files[0] == files[1]
    assert ours.decode(files[0]) == content
    assert len(files[0]) > len(ours.encode_with_dropout(content, 0.0, seed=0))


def test_without_dropout_nothing_is_left_out() -> None:
    name = NAMES[0]
    document = json.loads(FAMILIES[name](added=False).to_str())
    # Text that is added tokens' would be stable nowhere.
    document["added_tokens"] = []
    plain = Tokenizer.from_str(json.dumps(document))
    for rate in (None, 0.0, 0, -0.0):
        document["model"]["dropout"] = rate
        ours = Tokenizer.from_str(json.dumps(document))
        assert ours.dropout is None
        ours.seed_dropout(5)
        assert ours.encode(TEXT) == plain.encode(TEXT) == ours.encode(TEXT)
        assert ours.stable_length("the quick fox ") == plain.stable_length("the quick fox ") == 13
    # Ever so little is not nothing.
    assert Tokenizer.from_str(document_of(name, 1e-30)).dropout == 2**-32


def test_what_cannot_be_said_of_samples_is_refused(tmp_path: Path) -> None:
    ours = Tokenizer.from_str(document_of("gpt-2, roberta, whisper", 0.3))
    assert ours.stable_length(TEXT) == 0
    with pytest.raises(UnsupportedError, match="dropout"):
        ours.chunks(TEXT, 100)
    with pytest.raises(UnsupportedError, match=r"model\.dropout"):
        ours.save_files(tmp_path / "v.json", tmp_path / "m.txt", drop_added_tokens=True)


def test_saving_keeps_it(tmp_path: Path) -> None:
    name = NAMES[1]
    document = document_of(name, 0.25)
    ours = Tokenizer.from_str(document)
    sample = ours.encode(TEXT)
    ours.save(tmp_path / "tokenizer.json")
    ours.save_frozen(tmp_path / "a.frozen")
    ours.encode(TEXT)
    ours.save_frozen(tmp_path / "b.frozen")
    assert (tmp_path / "a.frozen").read_bytes() == (tmp_path / "b.frozen").read_bytes()
    assert json.loads((tmp_path / "tokenizer.json").read_bytes())["model"]["dropout"] == 0.25
    for other in (
        Tokenizer(tmp_path / "tokenizer.json"),
        Tokenizer(tmp_path / "a.frozen"),
        pickle.loads(pickle.dumps(ours)),
    ):
        assert other.dropout == 0.25
        assert other.encode(TEXT) == sample
    assert json.loads(hf.Tokenizer(ours).to_str())["model"]["dropout"] == 0.25


def test_the_models_attribute() -> None:
    """It can be read and set, as in tokenizers, and what follows goes by it."""
    name = NAMES[3]
    made = [library.Tokenizer.from_str(document_of(name, 0.1)) for library in (tokenizers, hf)]
    reference: Any = made[0]
    ours: Any = made[1]
    text = "then over the other dogs"
    whole = tokenizers.Tokenizer.from_str(document_of(name, None)).encode(text).ids
    assert ours.model.dropout == reference.model.dropout
    for value in (0.3, None, 1.0, 0.0, 0.7):
        for tokenizer in (reference, ours):
            tokenizer.model.dropout = value
        assert ours.model.dropout == reference.model.dropout
        assert json.loads(ours.to_str())["model"] == json.loads(reference.to_str())["model"]
        assert json.loads(ours.to_str())["model"]["dropout"] == value
        for tokenizer in (reference, ours):
            found = {tuple(tokenizer.encode(text).ids) for _ in range(60)}
            if value in (None, 0.0):
                assert found == {tuple(whole)}
            else:
                assert (len(found) == 1) == (value == 1.0)
    ours.seed_dropout(9)
    first = [ours.encode(text).ids for _ in range(10)]
    ours.model.dropout = None
    assert ours.encode(text).ids == whole
    ours.model.dropout = 0.7
    # Another stretch of samples, and not the same ones at every turn.
    assert [ours.encode(text).ids for _ in range(10)] != first
    ours.seed_dropout(9)
    assert [ours.encode(text).ids for _ in range(10)] == first
    assert [ours.encode_batch([text])[0].ids for _ in range(10)] != first
    assert pickle.loads(pickle.dumps(ours)).model.dropout == ours.model.dropout
    pieces = {tuple(token.id for token in ours.model.tokenize("theother")) for _ in range(30)}
    assert len(pieces) > 1


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, *sys.argv[1:]]))


def several_merges(dropout: Optional[float] = None) -> str:
    """Tokens that more than one merge makes, as in lists that are made of ranks."""
    vocab = ["a", "b", "c", "ab", "bc", "ca", "abc", "abca"]
    merges = ["a b", "b c", "c a", "ab c", "a bc", "abc a", "ab ca"]
    made = tokenizers.Tokenizer(
        tokenizers.models.BPE(
            {token: index for index, token in enumerate(vocab)},
            [(left, right) for left, right in (merge.split() for merge in merges)],
        )
    )
    document = json.loads(made.to_str())
    document["model"]["dropout"] = dropout
    return json.dumps(document)


def assert_alike(expected: Dict[Any, int], found: Dict[Any, int]) -> None:
    for way in expected.keys() | found.keys():
        counts = expected.get(way, 0), found.get(way, 0)
        assert (counts[0] - counts[1]) ** 2 <= 36 * max(sum(counts), 4), (way, counts)


@pytest.mark.parametrize("dropout", [0.2, 0.7])
def test_merges_that_only_a_dropout_leads_to(dropout: float) -> None:
    reference = tokenizers.Tokenizer.from_str(several_merges(dropout))
    rounds = 6000
    text = "abcab"
    expected = Counter(tuple(reference.encode(text).ids) for _ in range(rounds))
    of_file = Tokenizer.from_str(several_merges(dropout))
    assert_alike(expected, Counter(tuple(of_file.encode(text)) for _ in range(rounds)))
    plain = Tokenizer.from_str(several_merges())
    seeds = range(rounds)
    assert_alike(
        expected,
        Counter(tuple(plain.encode_with_dropout(text, dropout, seed=seed)) for seed in seeds),
    )
    again = pickle.loads(pickle.dumps(plain))
    ids = plain.encode_with_dropout(text * 9, dropout, seed=1)
    assert again.encode_with_dropout(text * 9, dropout, seed=1) == ids
    assert plain.encode(text) == Tokenizer.from_str(several_merges()).encode(text)


def test_ranks_have_every_merge_that_makes_a_token() -> None:
    ranks = {bytes([byte]): byte for byte in range(256)}
    for token in (b"ab", b"bc", b"ca", b"abc", b"abca"):
        ranks[token] = len(ranks)
    ours = Tokenizer.from_ranks(ranks, pattern="gpt2")
    reference = tokenizers.Tokenizer.from_str(several_merges(0.5))
    ranks_of = {index: ranks[token.encode()] for token, index in reference.get_vocab().items()}
    rounds = range(6000)
    expected = Counter(tuple(ranks_of[i] for i in reference.encode("abca").ids) for _ in rounds)
    assert_alike(
        expected,
        Counter(tuple(ours.encode_with_dropout("abca", 0.5, seed=seed)) for seed in rounds),
    )


def test_a_frozen_tokenizer_without_these_merges_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "frozen"
    Tokenizer.from_str(several_merges()).save_frozen(file)
    frozen = Tokenizer(file)
    with pytest.raises(UnsupportedError, match="load the file that it was made of"):
        frozen.encode_with_dropout("abc", 0.5, seed=1)
    with_all = Tokenizer.from_str(several_merges(0.5))
    with_all.save_frozen(file)
    assert Tokenizer(file).encode("abc" * 9) == Tokenizer.from_str(several_merges(0.5)).encode(
        "abc" * 9
    )


def test_merges_with_scores_are_refused() -> None:
    ours = Tokenizer.from_bytes(sentencepiece_model.small())
    with pytest.raises(UnsupportedError, match="scores"):
        ours.encode_with_dropout("abc", 0.5, seed=1)
