"""The ways to a tokenizer: by content, by folder, by name; and the errors where there is none."""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
import pickle
import random
import sys
from pathlib import Path
from typing import Any, Dict, List, Optional

import pytest
import tiktoken
import tokenizers

from pyaot_tokenizer import (
    PATTERNS,
    FileMissingError,
    FileWriteError,
    FormatError,
    InvalidTypeError,
    InvalidValueError,
    Tokenizer,
    Trainer,
    UnsupportedError,
    _saving,
)

import oracle
import peers
import pinned_data
import sentencepiece_model as spm
import texts
from families import FAMILIES
from families import random_texts as texts_of

SAMPLE = "Hello, world! caf\u00e9 \u4e2d\u6587 12345\n\n  def f(x): return x <s>"


def byte_ranks(more: List[bytes]) -> Dict[bytes, int]:
    return {token: rank for rank, token in enumerate([bytes([b]) for b in range(256)] + more)}


RANKS = byte_ranks([b"ab", b"abc", b" a", b"lo", b"Hel", b"el", b"Hello"])


def rank_file() -> bytes:
    lines = (base64.b64encode(token) + b" %d\n" % rank for token, rank in RANKS.items())
    return b"".join(lines)


def tekken_json(
    *, specials: Optional[List[str]] = None, size: Optional[int] = None, **config: Any
) -> bytes:
    document: Dict[str, Any] = {
        "config": {
            "pattern": PATTERNS["cl100k_base"],
            "num_vocab_tokens": len(RANKS),
            "default_vocab_size": size or len(RANKS) + 20,
            "default_num_special_tokens": 20,
            "version": "v3",
            **config,
        },
        "vocab": [
            {"rank": rank, "token_bytes": base64.b64encode(token).decode(), "token_str": None}
            for token, rank in RANKS.items()
        ],
    }
    if specials is not None:
        document["special_tokens"] = [
            {"rank": rank, "token_str": text, "is_control": True}
            for rank, text in enumerate(specials)
        ]
    return json.dumps(document).encode()


def small_json() -> bytes:
    tok = Tokenizer.from_ranks(RANKS, pattern="gpt2", special_tokens={"<s>": 300})
    return tok_json(tok)


def tok_json(tok: Tokenizer) -> bytes:
    import tempfile  # noqa: PLC0415

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tokenizer.json"
        tok.save(path)
        return path.read_bytes()


def test_content_tells_the_form(tmp_path: Path) -> None:
    forms = {
        "tokenizer.json": small_json(),
        "tekken": tekken_json(),
        "sentencepiece": spm.small(),
    }
    for form, content in forms.items():
        path = tmp_path / "no.telling"
        path.write_bytes(content)
        for tok in (Tokenizer(path), Tokenizer.from_file(path), Tokenizer.from_bytes(content)):
            assert tok.format == form
            again = pickle.loads(pickle.dumps(tok))
            assert again.format == form
            assert again.encode(SAMPLE) == tok.encode(SAMPLE)
    for json_form in ("tokenizer.json", "tekken"):
        text = "\n " + forms[json_form].decode()
        assert Tokenizer.from_str(text).format == json_form


def test_folders(tmp_path: Path) -> None:
    with pytest.raises(FileMissingError, match=r"none of tokenizer.json, tekken.json"):
        Tokenizer(tmp_path)
    contents = [
        ("some.tiktoken", rank_file(), "tiktoken"),
        ("tokenizer.model", spm.small(), "sentencepiece"),
        ("tekken.json", tekken_json(), "tekken"),
        ("tokenizer.json", small_json(), "tokenizer.json"),
    ]
    settings = {"pattern": PATTERNS["gpt2"], "special_tokens": {"<s>": 300}}
    (tmp_path / "some.tiktoken.json").write_text(json.dumps(settings))
    for name, content, form in contents:
        (tmp_path / name).write_bytes(content)
        assert Tokenizer(tmp_path).format == form
    (tmp_path / "pair").mkdir()
    (tmp_path / "pair" / "vocab.json").write_text('{"a": 0}')
    (tmp_path / "pair" / "merges.txt").write_text("")
    with pytest.raises(FormatError, match=r"vocab.json with .*merges.txt"):
        Tokenizer(tmp_path / "pair")
    two = tmp_path / "two"
    two.mkdir()
    for name in ("a.tiktoken", "b.tiktoken"):
        (two / name).write_bytes(rank_file())
    with pytest.raises(FileMissingError, match="2 are there"):
        Tokenizer(two)


def test_rank_files(tmp_path: Path) -> None:
    path = tmp_path / "mine.tiktoken"
    path.write_bytes(rank_file())
    with pytest.raises(UnsupportedError, match="from_tiktoken"):
        Tokenizer(path)
    with pytest.raises(UnsupportedError, match="from_tiktoken"):
        Tokenizer.from_bytes(rank_file())
    expected = Tokenizer.from_tiktoken(path, pattern="cl100k_base").encode(SAMPLE)
    assert Tokenizer.from_tiktoken(RANKS, pattern="cl100k_base").encode(SAMPLE) == expected
    settings = tmp_path / "mine.tiktoken.json"
    settings.write_text(json.dumps({"pattern": PATTERNS["cl100k_base"], "special_tokens": {}}))
    assert Tokenizer(path).encode(SAMPLE) == expected
    for broken in ("", "{}", "[]", '{"pattern": 1, "special_tokens": {}}', '{"pattern": "a"}'):
        settings.write_text(broken)
        with pytest.raises(FormatError, match="settings"):
            Tokenizer(path)
    named = tmp_path / "cl100k_base.tiktoken"
    named.write_bytes(rank_file())
    assert Tokenizer(named).encode_ordinary(SAMPLE) == expected


def test_saved_rank_files_load_as_they_were(tmp_path: Path) -> None:
    tok = Tokenizer.from_ranks(RANKS, pattern="gpt2", special_tokens={"<s>": 300})
    tok.save(tmp_path / "x.tiktoken")
    again = Tokenizer(tmp_path / "x.tiktoken")
    assert again.encode(SAMPLE) == tok.encode(SAMPLE)
    assert again.special_tokens == tok.special_tokens


def test_published_by_content(tmp_path: Path) -> None:
    path = tmp_path / "any name"
    path.write_bytes(pinned_data.data_file("cl100k_base.tiktoken").read_bytes())
    tok = Tokenizer(path)
    assert tok.special_tokens["<|endofprompt|>"] == 100276
    assert tok.encode("Hello<|endoftext|>") == [9906, 100257]


def test_published_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    place = "https://openaipublic.blob.core.windows.net/encodings/cl100k_base.tiktoken"
    path = tmp_path / hashlib.sha1(place.encode()).hexdigest()
    with pytest.raises(FileMissingError, match="nothing is downloaded"):
        Tokenizer.from_encoding("cl100k_base")
    path.write_bytes(rank_file())
    with pytest.raises(FormatError, match="SHA-256"):
        Tokenizer.from_encoding("cl100k_base")
    path.write_bytes(pinned_data.data_file("cl100k_base.tiktoken").read_bytes())
    tok = Tokenizer.from_encoding("cl100k_base")
    assert tok.encode("Hello<|endoftext|>") == [9906, 100257]
    with pytest.raises(FileMissingError):
        Tokenizer.from_encoding("gpt2")
    with pytest.raises(InvalidValueError, match="o200k_harmony"):
        Tokenizer.from_encoding("cl100k")
    with pytest.raises(InvalidTypeError):
        Tokenizer.from_encoding(7)  # type: ignore[arg-type]


def test_tekken_is_tiktoken_with_specials_in_front() -> None:
    tok = Tokenizer.from_tekken(tekken_json())
    reference = tiktoken.Encoding(
        "t", pat_str=PATTERNS["cl100k_base"], mergeable_ranks=RANKS, special_tokens={}
    )
    chooser = random.Random(3)
    for sample in [SAMPLE, *(texts.text(chooser) for _ in range(300))]:
        expected = [rank + 20 for rank in reference.encode_ordinary(sample)]
        assert tok.encode_ordinary(sample) == expected
    assert tok.special_tokens["[TOOL_CONTENT]"] == 19
    assert tok.vocab_size == len(RANKS) + 20
    assert tok.encode("<s>ab") == [1, 20 + RANKS[b"ab"]]


def test_tekken_takes_as_many_ranks_as_it_says() -> None:
    tok = Tokenizer.from_tekken(tekken_json(size=256 + 20 + 2, specials=["<s>"]))
    assert tok.vocab_size == 256 + 20 + 2
    assert tok.encode_ordinary("Hello") == [20 + byte for byte in b"Hello"]
    assert tok.special_tokens["<SPECIAL_19>"] == 19
    assert tok.special_tokens["<s>"] == 0


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (tekken_json(size=9999), "config.default_vocab_size needs"),
        (tekken_json(default_num_special_tokens=9999), "more special tokens"),
        (tekken_json(pattern=5), "config.pattern"),
        (tekken_json(default_vocab_size=-1), "config.default_vocab_size"),
        (tekken_json(specials=["x"] * 2), "twice"),
        (tekken_json(specials=[str(i) for i in range(21)]), "special_tokens"),
        (tekken_json().replace(b'"AA=="', b'"A"'), r"vocab\[0\].token_bytes"),
        (tekken_json().replace(b'"rank": 5,', b'"rank": 6,'), r"vocab\[5\].rank"),
        (b"{}", "config"),
        (b'{"config": {}, "vocab": []}', "config.pattern"),
    ],
)
def test_malformed_tekken(document: bytes, message: str) -> None:
    with pytest.raises(FormatError, match=message):
        Tokenizer.from_tekken(document)


def test_tekken_that_asks_for_much() -> None:
    document = tekken_json(default_num_special_tokens=2**31, default_vocab_size=2**31)
    with pytest.raises(UnsupportedError, match="more than"):
        Tokenizer.from_tekken(document)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    repository = tmp_path / "hub" / "models--org--name"
    for commit, branch in (("c0ffee", "main"), ("bead", "v2")):
        (repository / "snapshots" / commit).mkdir(parents=True)
        (repository / "snapshots" / commit / "tokenizer.json").write_bytes(
            small_json().replace(b'"<s>"', b'"<%s>"' % commit.encode())
        )
        (repository / "refs").mkdir(exist_ok=True)
        (repository / "refs" / branch).write_text(commit)
    return tmp_path / "hub"


def test_pretrained_from_the_cache(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(Tokenizer.from_pretrained("org/name").special_tokens) == ["<c0ffee>"]
    assert list(Tokenizer.from_pretrained("org/name", "v2").special_tokens) == ["<bead>"]
    assert list(Tokenizer.from_pretrained("org/name", "bead").special_tokens) == ["<bead>"]
    moved = hub.rename(hub.parent / "moved")
    with pytest.raises(FileMissingError, match="HF_HUB_OFFLINE"):
        Tokenizer.from_pretrained("org/name")
    monkeypatch.setenv("HF_HUB_CACHE", str(moved))
    assert list(Tokenizer.from_pretrained("org/name").special_tokens) == ["<c0ffee>"]


@pytest.mark.usefixtures("hub")
def test_pretrained_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    for arguments in (("org/other",), ("org/name", "v3")):
        with pytest.raises(FileMissingError, match=r"local cache .* HF_HUB_OFFLINE"):
            Tokenizer.from_pretrained(*arguments)
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(FileMissingError, match="not installed"):
        Tokenizer.from_pretrained("org/other")


@pytest.mark.usefixtures("hub")
@pytest.mark.parametrize("name", ["", "a/b/c", "../x", "a/..", "/no/such", "a b", "a\0b", "-x"])
def test_names_that_are_none(name: str) -> None:
    with pytest.raises(InvalidValueError):
        Tokenizer.from_pretrained(name)


@pytest.mark.usefixtures("hub")
def test_arguments_of_wrong_types() -> None:
    with pytest.raises(InvalidValueError):
        Tokenizer.from_pretrained("org/name", "../../x")
    with pytest.raises(InvalidTypeError):
        Tokenizer.from_pretrained(7)  # type: ignore[arg-type]
    with pytest.raises(InvalidTypeError):
        Tokenizer.from_pretrained("org/name", 7)  # type: ignore[arg-type]
    with pytest.raises(InvalidTypeError):
        Tokenizer.from_file(None)  # type: ignore[arg-type]
    with pytest.raises(InvalidTypeError):
        Tokenizer.from_sentencepiece(7)  # type: ignore[arg-type]


def test_saved_as_a_tokenizer_json(tmp_path: Path) -> None:
    vocab = {oracle.spell(token): rank for token, rank in RANKS.items()}
    merges = ["#version: 0.2", "a b", "ab c", oracle.spell(b" ") + " a", "l o"]
    (tmp_path / "vocab.json").write_text(json.dumps(vocab))
    (tmp_path / "merges.txt").write_text("\n".join(merges), encoding="utf-8")
    pair = Tokenizer(tmp_path)
    tekken = Tokenizer.from_tekken(tekken_json())
    for tok in (pair, tekken):
        path = tmp_path / "saved" / "x.json"
        path.parent.mkdir(exist_ok=True)
        tok.save(path)
        theirs = tokenizers.Tokenizer.from_file(str(path))
        ids = tok.encode_ordinary(SAMPLE.replace("<s>", ""))
        assert theirs.encode(SAMPLE.replace("<s>", ""), add_special_tokens=False).ids == ids
        assert Tokenizer(path).encode(SAMPLE) == tok.encode(SAMPLE)
    tekken.save(tmp_path / "tekken.json")
    assert (tmp_path / "tekken.json").read_bytes() == tekken_json()
    tekken.save(tmp_path / "t.tiktoken")
    assert Tokenizer(tmp_path / "t.tiktoken").encode(SAMPLE) == tekken.encode(SAMPLE)


GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def byte_level_json(**changes: Any) -> bytes:
    """GPT-2's kind of a tokenizer.json, with some of its parts replaced."""
    document: Dict[str, Any] = json.loads(FAMILIES["gpt-2, roberta, whisper"]().to_str())
    for key, value in changes.items():
        part, _, name = key.partition("__")
        if name:
            document[part][name] = value
        else:
            document[part] = value
    return json.dumps(document).encode()


def test_saved_as_a_pair_of_files(tmp_path: Path) -> None:
    paths = tmp_path / "vocab.json", tmp_path / "merges.txt"
    strings = texts_of(random.Random(5), 1000)
    old_merges = [" ".join(pair) for pair in json.loads(byte_level_json())["model"]["merges"]]
    split = {"type": "Split", "pattern": {"Regex": GPT2}, "behavior": "Isolated", "invert": False}
    whole = json.loads(byte_level_json())["pre_tokenizer"] | {"use_regex": False}
    cuts = {"type": "Sequence", "pretokenizers": [split, whole]}
    for content in (
        byte_level_json(added_tokens=[]),
        byte_level_json(added_tokens=[], model__merges=old_merges),
        byte_level_json(added_tokens=[], pre_tokenizer=cuts),
    ):
        tok = Tokenizer.from_bytes(content)
        tok.save_files(*paths)
        reference = tokenizers.ByteLevelBPETokenizer.from_file(*map(str, paths))
        expected = [reference.encode(text).ids for text in strings]
        for loaded in (tok, Tokenizer.from_files(*paths), Tokenizer(tmp_path)):
            assert loaded.encode_batch(strings) == expected
            assert loaded.decode_batch(expected) == reference.decode_batch(expected)
        # What the pair became is saved as it is.
        before = [path.read_bytes() for path in paths]
        Tokenizer.from_files(*paths).save_files(*paths)
        assert [path.read_bytes() for path in paths] == before
        assert tokenizers.models.BPE.read_file(*map(str, paths))[0] == (
            tokenizers.Tokenizer.from_str(content.decode()).get_vocab(with_added_tokens=False)
        )
    tok = Tokenizer.from_bytes(byte_level_json())
    with pytest.raises(UnsupportedError, match="drop_added_tokens=True") as error:
        tok.save_files(*paths)
    assert error.value.key == "added_tokens"
    assert [path.read_bytes() for path in paths] == before
    tok.save_files(*paths, drop_added_tokens=True)
    loaded = Tokenizer.from_files(*paths)
    assert not loaded.added_tokens
    assert loaded.encode_batch(strings) == expected
    for token in ("<s>", "<unk>"):
        assert loaded.token_to_id(token) == tok.token_to_id(token)


NO_PAIRS: Dict[str, Dict[str, Any]] = {
    "model.ignore_merges": {"model__ignore_merges": True},
    "model.unk_token": {"model__unk_token": "<unk>"},
    "model.end_of_word_suffix": {"model__end_of_word_suffix": "</w>"},
    "model.continuing_subword_prefix": {"model__continuing_subword_prefix": "\u0120"},
    "model.byte_fallback": {"model__byte_fallback": True},
    "normalizer": {"normalizer": {"type": "NFC"}},
    "pre_tokenizer": {"pre_tokenizer": {"type": "Digits"}},
    "pre_tokenizer.add_prefix_space": {"pre_tokenizer__add_prefix_space": True},
    "decoder": {"decoder": None},
}


@pytest.mark.parametrize("key", NO_PAIRS)
def test_what_a_pair_of_files_cannot_say(key: str, tmp_path: Path) -> None:
    changes = NO_PAIRS[key]
    if key == "model.continuing_subword_prefix":
        changes = {**changes, "model__merges": []}
    tok = Tokenizer.from_bytes(byte_level_json(added_tokens=[], **changes))
    with pytest.raises(UnsupportedError, match=key) as error:
        tok.save_files(tmp_path / "vocab.json", tmp_path / "merges.txt")
    assert error.value.key == key
    assert not list(tmp_path.iterdir())


def test_a_pair_of_files_of_other_forms(tmp_path: Path) -> None:
    paths = tmp_path / "vocab.json", tmp_path / "merges.txt"
    frozen = tmp_path / "frozen"
    Tokenizer.from_bytes(byte_level_json(added_tokens=[])).save_frozen(frozen)
    for tok in (Tokenizer(frozen), Tokenizer.from_bytes(spm.small())):
        with pytest.raises(UnsupportedError, match=r"cannot be saved as vocab\.json"):
            tok.save_files(*paths)
    frozen.unlink()
    tok = Tokenizer.from_bytes(byte_level_json(added_tokens=[]))
    with pytest.raises(FileWriteError):
        tok.save_files(paths[0], tmp_path / "none" / "merges.txt")
    with pytest.raises(InvalidTypeError):
        tok.save_files(paths[0], 3)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_ranks_as_a_pair_of_files(tmp_path: Path) -> None:
    """What a training learnt, and few ranks; all texts, with every merge that is made."""
    paths = tmp_path / "vocab.json", tmp_path / "merges.txt"
    strings = texts_of(random.Random(6), 1000)
    learnt = Trainer(vocab_size=700, pattern="gpt2", progress=False).train(strings * 3)
    few = byte_ranks([b"ab", b"aa", b"aba", b" a", b"aaa", b"lo", b"el", b"Hel", b"aaaa"])
    for tok in (learnt, Tokenizer.from_ranks(few, pattern="gpt2")):
        tok.save_files(*paths)
        reference = tokenizers.ByteLevelBPETokenizer.from_file(*map(str, paths))
        loaded = Tokenizer.from_files(*paths)
        assert loaded.vocab_size == tok.vocab_size
        for text in [*strings, *map("".join, itertools.product("ab ", repeat=7))]:
            ids = tok.encode(text)
            assert ids == loaded.encode(text) == reference.encode(text).ids
    special = Tokenizer.from_ranks(few, pattern="gpt2", special_tokens={"<|x|>": 9999})
    before = [path.read_bytes() for path in paths]
    with pytest.raises(UnsupportedError, match="drop_added_tokens=True"):
        special.save_files(*paths)
    special.save_files(*paths, drop_added_tokens=True)
    assert [path.read_bytes() for path in paths] == before
    unlike = {
        "pattern": Tokenizer.from_ranks(RANKS, pattern="cl100k_base"),
        # "Hel" comes before "el", so that no two tokens make it.
        "model.merges": Tokenizer.from_ranks(RANKS, pattern="gpt2"),
    }
    for key, tok in unlike.items():
        with pytest.raises(UnsupportedError) as error:
            tok.save_files(*paths)
        assert error.value.key == key
    assert [path.read_bytes() for path in paths] == before


def test_published_ranks_are_the_published_merges() -> None:
    """GPT-2's ranks become its merges.txt."""
    vocab, merges = _saving.pair_of_ranks(peers.gpt2_ranks())
    found = _saving.merges_of(merges.decode())
    assert found == [(oracle.spell(a), oracle.spell(b)) for a, b in peers.gpt2_merges()]
    assert json.loads(vocab) == {oracle.spell(t): i for t, i in peers.gpt2_ranks().items()}


def test_saved_models(tmp_path: Path) -> None:
    tok = Tokenizer.from_sentencepiece(spm.small())
    tok.save(tmp_path / "x.model")
    assert (tmp_path / "x.model").read_bytes() == spm.small()
    for name in ("x.json", "x.tiktoken"):
        with pytest.raises(UnsupportedError, match="sentencepiece cannot be saved"):
            tok.save(tmp_path / name)
    with pytest.raises(UnsupportedError, match="SentencePiece model"):
        Tokenizer.from_ranks(RANKS, pattern="gpt2").save(tmp_path / "y.model")
    assert not (tmp_path / "y.model").exists()
