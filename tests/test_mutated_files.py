"""Files that are not right: each is refused with a typed error, or loads and works."""

from __future__ import annotations

import base64
import json
import random
import struct
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest
from charsmaps import compiled

from pyaot_tokenizer import PATTERNS, FormatError, Tokenizer, UnsupportedError

import oracle
import sentencepiece_model as spm
import subjects
from sentencepiece_model import Piece

COUNT = 300
SAMPLES = ["Hello, caf\u00e9 \u4e2d\u6587 <s>\n\n  abcab 123", "a" * 40, "", "\0\u2581"]
MERGES = [(b"a", b"b"), (b"ab", b"c"), (b" ", b"a"), (b"a", b"a"), (b"aa", b"aa")]
VOCAB = subjects.byte_ranks([left + right for left, right in MERGES])
VALUES: List[Any] = [None, True, -1, 0, 1, 255, 2**31, 2**32, 1e9, "", "a", "\u2581", [], {}, [[]]]
SCRAPS = [
    b"{",
    b"]",
    b'"',
    b"\\ud800",
    b"\0",
    b"\xff",
    b"\n",
    b" ",
    b"\x0a\x00",
    b"\xff\xff\xff\x0f",
]


def tokenizer_json() -> bytes:
    document = json.loads(subjects.small_json(MERGES, vocab=VOCAB, use_regex=True))
    document["added_tokens"] = [
        {"id": 300, "content": "<s>", "special": True, "lstrip": True, "normalized": False},
        {"id": 301, "content": "caf", "special": False, "single_word": True, "normalized": True},
    ]
    document["normalizer"] = {"type": "Sequence", "normalizers": [{"type": "NFC"}]}
    document["model"]["dropout"] = 0.0
    return json.dumps(document).encode()


def character_json() -> bytes:
    vocab = {"<unk>": 0, "\u2581": 1, "a": 2, "b": 3, "ab": 4, "\u2581a": 5}
    vocab.update({f"<0x{byte:02X}>": 6 + byte for byte in range(256)})
    document = {
        "added_tokens": [{"id": 0, "content": "<unk>", "special": True}],
        "normalizer": {
            "type": "Sequence",
            "normalizers": [
                {"type": "Prepend", "prepend": "\u2581"},
                {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"},
            ],
        },
        "decoder": {
            "type": "Sequence",
            "decoders": [
                {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "},
                {"type": "ByteFallback"},
                {"type": "Fuse"},
                {"type": "Strip", "content": " ", "start": 1, "stop": 0},
            ],
        },
        "model": {
            "type": "BPE",
            "unk_token": "<unk>",
            "fuse_unk": True,
            "byte_fallback": True,
            "vocab": vocab,
            "merges": ["a b", "\u2581 a"],
        },
    }
    return json.dumps(document).encode()


def general_json() -> bytes:
    """With components that only the general ways have."""
    document = json.loads(character_json())
    bert = {
        "type": "BertNormalizer",
        "clean_text": True,
        "handle_chinese_chars": True,
        "strip_accents": None,
        "lowercase": True,
    }
    charsmap = base64.b64encode(compiled({"a": "b", "b\u0301": ""})).decode()
    map_step = {"type": "Precompiled", "precompiled_charsmap": charsmap}
    document["normalizer"] = {"type": "Sequence", "normalizers": [map_step, bert]}
    document["pre_tokenizer"] = {
        "type": "Sequence",
        "pretokenizers": [{"type": "UnicodeScripts"}, {"type": "FixedLength", "length": 3}],
    }
    document["decoder"] = {
        "type": "Sequence",
        "decoders": [
            {"type": "WordPiece", "prefix": "a", "cleanup": True},
            {"type": "CTC", "pad_token": "b", "word_delimiter_token": " ", "cleanup": True},
        ],
    }
    return json.dumps(document).encode()


def tekken_json() -> bytes:
    document = {
        "config": {
            "pattern": PATTERNS["cl100k_base"],
            "default_vocab_size": len(VOCAB) + 3,
            "default_num_special_tokens": 3,
        },
        "vocab": [
            {"rank": rank, "token_bytes": base64.b64encode(token).decode()}
            for token, rank in VOCAB.items()
        ],
        "special_tokens": [{"rank": rank, "token_str": f"<{rank}>"} for rank in range(2)],
    }
    return json.dumps(document).encode()


def rank_file() -> bytes:
    return b"".join(base64.b64encode(token) + b" %d\n" % rank for token, rank in VOCAB.items())


def change_bytes(chooser: random.Random, content: bytes) -> bytes:
    """Flips, overwrites, inserts, repeats and cuts."""
    out = bytearray(content)
    for _ in range(chooser.randrange(1, 4)):
        at = chooser.randrange(len(out) + 1)
        end = min(len(out), at + chooser.randrange(30))
        choice = chooser.randrange(6)
        if choice == 0 and at < len(out):
            out[at] ^= 1 << chooser.randrange(8)
        elif choice == 1:
            out[at:end] = b""
        elif choice == 2:
            out[at:end] = chooser.choice(SCRAPS)
        elif choice == 3:
            out[at:at] = out[at:end]
        elif choice == 4:
            out[at:at] = chooser.choice(SCRAPS)
        elif chooser.randrange(5) == 0:
            del out[at:]
    return bytes(out)


def change_json(chooser: random.Random, content: bytes) -> bytes:
    """Removes, exchanges, renames and repeats values, anywhere in the document."""
    document = json.loads(content)
    for _ in range(chooser.randrange(1, 4)):
        node, path = document, chooser.randrange(1, 6)
        for _ in range(path):
            keys = list(node) if isinstance(node, dict) else list(range(len(node)))
            if not keys:
                break
            key = chooser.choice(keys)
            if isinstance(node[key], (dict, list)) and node[key] and chooser.random() < 0.8:
                node = node[key]
                continue
            change_value(chooser, node, key, keys)
            break
    return json.dumps(document).encode()


def change_value(chooser: random.Random, node: Any, key: Any, keys: List[Any]) -> None:
    choice = chooser.randrange(4)
    if choice == 0:
        del node[key]
    elif choice == 1:
        node[key] = chooser.choice(VALUES)
    elif choice == 2:
        node[key] = node[chooser.choice(keys)]
    elif isinstance(node, dict):
        node[chooser.choice(["type", "vocab", "merges", "id", "x", ""])] = node.pop(key)
    else:
        node.append(node[key])


def change_ranks(chooser: random.Random, content: bytes) -> bytes:
    lines = content.split(b"\n")
    for _ in range(chooser.randrange(1, 4)):
        # Without one of the bytes it is always refused.
        at = chooser.randrange(chooser.choice([0, 256]), len(lines))
        other = chooser.choice(lines)
        scraps = [b"", b"= 1", b"YQ==", b"YQ== -1", b" 5", b"YQ== 4294967296", b"eHl6 99999", other]
        lines[at] = chooser.choice(scraps)
    return b"\n".join(lines)


def change_model(chooser: random.Random, _content: bytes) -> bytes:
    """A SentencePiece model whose pieces and settings are taken at random."""
    contents = [
        "a",
        "b",
        "ab",
        "\u2581",
        "\u2581a",
        "<s>",
        "<unk>",
        "<0x41>",
        "",
        " ",
        "a b",
        "\ud800",
    ]
    scores = [0.0, -1.0, float("inf"), float("nan"), -1e30]
    pieces = [] if chooser.random() < 0.1 else spm.specials()
    for _ in range(chooser.randrange(8)):
        kind = chooser.choice([1, 1, 1, 1, 2, 3, 4, 5, 6, 7])
        pieces.append(Piece(chooser.choice(contents), chooser.choice(scores), kind))
    if chooser.random() < 0.5:
        pieces += spm.all_bytes()
    fields: List[Callable[[], bytes]] = [
        lambda: b"",
        lambda: spm.number(chooser.randrange(60), chooser.randrange(3)),
        lambda: spm.text(chooser.randrange(1, 60), b"abc"),
        lambda: struct.pack("<I", chooser.randrange(2**32)),
    ]
    return spm.model(
        pieces,
        kind=chooser.choice([1, 2, 2, 2, 2, 2, 5]),
        byte_fallback=chooser.random() < 0.5,
        trainer=chooser.choice(fields)(),
        normalizer=chooser.choice(fields)(),
    )


def load_ranks(content: bytes) -> Tokenizer:
    tok = Tokenizer.__new__(Tokenizer)
    tok._load_tiktoken(content, PATTERNS["gpt2"].encode(), [(b"<s>", 400)], None)
    return tok


def vocab_and_merges() -> bytes:
    vocab = {oracle.spell(token): rank for token, rank in VOCAB.items()}
    merges = [f"{oracle.spell(left)} {oracle.spell(right)}" for left, right in MERGES]
    return json.dumps(vocab).encode() + b"\0" + "\n".join(["#version: 0.2", *merges]).encode()


def load_pair(content: bytes) -> Tokenizer:
    vocab, _, merges = content.partition(b"\0")
    tok = Tokenizer.__new__(Tokenizer)
    tok._load_vocab_merges(vocab, merges, None)
    return tok


def change_pair(chooser: random.Random, content: bytes) -> bytes:
    vocab, _, merges = content.partition(b"\0")
    if chooser.random() < 0.5:
        return change_json(chooser, vocab) + b"\0" + merges
    lines = merges.split(b"\n")
    for _ in range(chooser.randrange(1, 3)):
        scraps = [b"", b"a", b"a  b", b"a b c", b" a", b"zz zz", b"#version", chooser.choice(lines)]
        lines[chooser.randrange(len(lines))] = chooser.choice(scraps)
    return vocab + b"\0" + b"\n".join(lines)


FORMS: Dict[str, Any] = {
    "tokenizer.json": (tokenizer_json, change_json, Tokenizer.from_bytes),
    "characters": (character_json, change_json, Tokenizer.from_bytes),
    "general": (general_json, change_json, Tokenizer.from_bytes),
    "tekken": (tekken_json, change_json, Tokenizer.from_tekken),
    "tiktoken": (rank_file, change_ranks, load_ranks),
    "vocab+merges": (vocab_and_merges, change_pair, load_pair),
    "sentencepiece": (spm.small, change_model, Tokenizer.from_sentencepiece),
}


def works(tok: Tokenizer) -> None:
    for sample in SAMPLES:
        ids = tok.encode(sample)
        assert tok.dropout is not None or tok.count(sample) == len(ids)
        assert all(item < tok.vocab_size for item in ids)
        tok.decode(ids)
        tok.encode_ordinary(sample)
    assert tok.added_tokens is not None


@pytest.mark.parametrize("form", sorted(FORMS))
@pytest.mark.parametrize("kind", ["structure", "bytes"])
def test_changed_files(form: str, kind: str) -> None:
    make, change, load = FORMS[form]
    base = make()
    works(load(base))
    chooser = random.Random(f"{form} {kind}")
    refusals: List[str] = []
    for _ in range(COUNT):
        content = change(chooser, base) if kind == "structure" else change_bytes(chooser, base)
        try:
            tok = load(content)
        except (FormatError, UnsupportedError) as error:
            refusals.append(str(error))
            continue
        works(tok)
    assert all(refusals)
    assert 10 < len(refusals) < COUNT - (0 if form == "sentencepiece" else 5)


@pytest.mark.parametrize("form", sorted(FORMS))
def test_every_beginning(form: str) -> None:
    make, _, load = FORMS[form]
    base = make()
    for length in [*range(0, len(base), max(1, len(base) // 150))]:
        try:
            works(load(base[:length]))
        except (FormatError, UnsupportedError):
            continue


@pytest.mark.parametrize("form", ["tokenizer.json", "characters", "sentencepiece"])
def test_frozen_files(form: str, tmp_path: Path) -> None:
    make, _, load = FORMS[form]
    path = tmp_path / "frozen"
    load(make()).save_frozen(path)
    content = path.read_bytes()
    works(Tokenizer.from_bytes(content))
    chooser = random.Random(form)
    for _ in range(1000):
        changed = change_bytes(chooser, content)
        if changed == content or not changed.startswith(b"PYAOTTOK"):
            continue
        with pytest.raises((FormatError, UnsupportedError)):
            Tokenizer.from_bytes(changed)
