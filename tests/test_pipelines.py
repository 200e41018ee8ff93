"""Pipelines of tokenizer.json around small vocabularies, against tokenizers.

Vocabularies of characters as SentencePiece makes them (Llama 2, Gemma), with and without tokens
for bytes, with Metaspace; byte-level ones behind normalizers and sequences of splits (Qwen,
DeepSeek). Each is trained here, and compared on hostile texts: ids, text and counts.
"""

from __future__ import annotations

import functools
import json
import random
import sys
import unicodedata
from typing import Any, Callable, Dict, List, Tuple

import pytest
import tokenizers
from family_steps import SIGN, sentencepiece_decoder, split
from tokenizers import decoders, models, normalizers, pre_tokenizers, trainers

from pyaot_tokenizer import Tokenizer

from families import PIECES, random_texts

TEXT = [
    "the quick brown fox jumps over the lazy dog and the other dogs, then over them again",
    "def main(arguments: list) -> int:\n    return len(arguments) if arguments else 0\n",
    "caf\u00e9 na\u00efve r\u00e9sum\u00e9; \u0645\u0631\u062d\u0628\u0627 \u0628\u0627",
    "\u65e5\u672c\u8a9e\u306e\u30c6\u30ad\u30b9\u30c8\u3068\u4e2d\u6587\u6587\u672c 12345 67 890",
    "<table> <tr> </tr> </table> --- === ... ((( ))) 'll 's don't we'll",
]


def replace(pattern: str, content: str) -> Any:
    return normalizers.Replace(pattern, content)


def trained(
    *,
    byte_tokens: int = 256,
    byte_fallback: bool = True,
    fuse_unk: bool = True,
    unk: bool = True,
    alphabet: str = "",
) -> tokenizers.Tokenizer:
    """A vocabulary of characters, with the first `byte_tokens` tokens for bytes."""
    specials = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(byte_tokens)]
    made = tokenizers.Tokenizer(models.BPE(unk_token="<unk>"))
    made.normalizer = replace(" ", SIGN)
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never", split=True)
    trainer = trainers.BpeTrainer(
        vocab_size=len(specials) + 220,
        special_tokens=specials,
        initial_alphabet=sorted({*"abcdefghijklmnopqrstuvwxyz .<", *alphabet} - {" "}),
        show_progress=False,
    )
    kept = [line.replace("\n", "").replace("\u0628", "") for line in TEXT]
    made.train_from_iterator(kept * 3 + [f"{SIGN * 4} {SIGN}x{SIGN}"] * 9, trainer)
    document = json.loads(made.to_str())
    model = document["model"]
    model.update(byte_fallback=byte_fallback, fuse_unk=fuse_unk, unk_token="<unk>" if unk else None)
    document["added_tokens"] = document["added_tokens"][:3]
    # A token that crosses from a word to the next, and one that has what stands for a space inside.
    for left, right in ((">", SIGN), (">" + SIGN, "<"), (SIGN, ".")):
        if left in model["vocab"] and right in model["vocab"]:
            model["vocab"].setdefault(left + right, max(model["vocab"].values()) + 1)
            model["merges"].insert(0, [left, right])
    document["pre_tokenizer"] = document["normalizer"] = None
    return tokenizers.Tokenizer.from_str(json.dumps(document))


def add_tokens(made: tokenizers.Tokenizer) -> tokenizers.Tokenizer:
    added = tokenizers.AddedToken
    made.add_tokens(
        [
            added("[X]", normalized=False),
            added("\n\n", normalized=False),
            added("<m>", normalized=True, lstrip=True, rstrip=True),
            added("<n\u00e9>", normalized=True),
            added("_", normalized=True, single_word=True),
        ]
    )
    return made


def llama2(**options: Any) -> tokenizers.Tokenizer:
    made = trained(**options)
    made.normalizer = normalizers.Sequence([normalizers.Prepend(SIGN), replace(" ", SIGN)])
    made.decoder = sentencepiece_decoder(strip=True)
    return made


def llama2_added() -> tokenizers.Tokenizer:
    return add_tokens(llama2())


def gemma() -> tokenizers.Tokenizer:
    return add_tokens(literal_gemma(replace(" ", SIGN)))


def literal_gemma(normalizer: Any) -> tokenizers.Tokenizer:
    """Without tokens matched in normalized text: batches go on over those that there are."""
    made = trained(alphabet="\n\t\ufffd")
    made.normalizer = normalizer
    made.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    made.decoder = sentencepiece_decoder(strip=False)
    made.add_tokens([tokenizers.AddedToken("\n" * n, normalized=False) for n in range(2, 6)])
    made.add_tokens([tokenizers.AddedToken(SIGN * n, normalized=False) for n in range(2, 5)])
    return made


def metaspace(scheme: Any, *, split: bool) -> tokenizers.Tokenizer:
    made = trained()
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme=scheme, split=split)
    made.decoder = sentencepiece_decoder(strip=True)
    return add_tokens(made)


def byte_level(pre_tokenizer: Any, normalizer: Any) -> tokenizers.Tokenizer:
    made = tokenizers.Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.Sequence(
        [
            *pre_tokenizer,
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    if normalizer is not None:
        made.normalizer = normalizer
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=450,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<s>", "</s>"],
        show_progress=False,
    )
    made.train_from_iterator(TEXT * 3, trainer)
    return add_tokens(made)


def qwen() -> tokenizers.Tokenizer:
    return byte_level(
        [
            split(
                r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}|"
                r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
            )
        ],
        normalizers.NFC(),
    )


def deepseek() -> tokenizers.Tokenizer:
    return byte_level(
        [
            split(r"\p{N}{1,3}"),
            split("[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"),
            split(
                "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?"
                "[\\p{L}\\p{M}]+| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"
            ),
        ],
        normalizers.Sequence([]),
    )


def string_splits() -> tokenizers.Tokenizer:
    return byte_level(
        [pre_tokenizers.Split(".", "merged_with_previous"), pre_tokenizers.Split("th", "isolated")],
        normalizers.Sequence([replace("fox", "e"), normalizers.NFC(), replace("\u00e9", "e")]),
    )


PIPELINES: Dict[str, Callable[[], tokenizers.Tokenizer]] = {
    "llama2": llama2,
    "llama2 with added tokens": llama2_added,
    "gemma": gemma,
    "gemma, literal": lambda: literal_gemma(replace(" ", SIGN)),
    "gemma, literal, NFC": lambda: literal_gemma(
        normalizers.Sequence([normalizers.NFC(), replace(" ", SIGN)])
    ),
    "gemma, literal, stripped": lambda: literal_gemma(
        normalizers.Sequence([normalizers.Strip(), replace(" ", SIGN)])
    ),
    "no tokens for bytes": functools.partial(llama2, byte_tokens=0),
    "unknown tokens apart": functools.partial(llama2, byte_tokens=0, fuse_unk=False),
    "unknown characters dropped": functools.partial(llama2, byte_tokens=0, unk=False),
    "tokens for some bytes": functools.partial(llama2, byte_tokens=230),
    "tokens for bytes not used": functools.partial(llama2, byte_fallback=False),
    "Metaspace, always": lambda: metaspace("always", split=True),
    "Metaspace, first": lambda: metaspace("first", split=True),
    "Metaspace, first, whole": lambda: metaspace("first", split=False),
    "Metaspace, never, whole": lambda: metaspace("never", split=False),
    "qwen": qwen,
    "deepseek": deepseek,
    "splits by strings": string_splits,
}


@functools.cache
def pair(name: str) -> Tuple[tokenizers.Tokenizer, Tokenizer]:
    """The reference and the package's tokenizer from the reference's file."""
    reference = PIPELINES[name]()
    return reference, Tokenizer.from_str(reference.to_str())


def expected_ids(reference: tokenizers.Tokenizer, batch: List[str]) -> List[List[int]]:
    encodings = reference.encode_batch_fast(batch, add_special_tokens=False)
    return [encoding.ids for encoding in encodings]


@pytest.mark.parametrize("name", PIPELINES)
def test_ids_and_text(name: str) -> None:
    reference, tokenizer = pair(name)
    batch = random_texts(random.Random(name), 3000)
    expected = expected_ids(reference, batch)
    for text, ids, got in zip(batch, expected, tokenizer.encode_batch(batch, num_threads=1)):
        assert got == ids, text
        assert tokenizer.count(text) == len(ids)
    decoded = reference.decode_batch(expected, skip_special_tokens=False)
    for ids, text in zip(expected, decoded):
        assert tokenizer.decode(ids) == text


@pytest.mark.parametrize("name", PIPELINES)
def test_long_texts(name: str) -> None:
    reference, tokenizer = pair(name)
    rng = random.Random(name)
    batch = ["".join(rng.choice(PIECES) for _ in range(3000)) for _ in range(10)]
    batch += [character * 3000 for character in ("a", " ", SIGN, "\u0301", "\u65e5", "\n", ">")]
    batch += [" ".join(TEXT) * 20]
    for text, ids in zip(batch, expected_ids(reference, batch)):
        assert tokenizer.encode(text) == ids, text[:100]


@pytest.mark.parametrize("skip_special", [False, True])
@pytest.mark.parametrize("name", PIPELINES)
def test_text_of_random_ids(name: str, skip_special: bool) -> None:
    reference, tokenizer = pair(name)
    rng = random.Random(name)
    ids = sorted(reference.get_vocab(with_added_tokens=True).values())
    few = ids[:260]
    batch = [
        [rng.choice(few if rng.random() < 0.6 else ids) for _ in range(rng.randrange(10))]
        for _ in range(3000)
    ]
    for row, text in zip(batch, reference.decode_batch(batch, skip_special_tokens=skip_special)):
        assert tokenizer.decode(row, skip_special_tokens=skip_special) == text, row


def test_bytes_that_are_not_utf8() -> None:
    """Ill-formed bytes are unknown characters: the tokens of those bytes, in their place."""
    _, tokenizer = pair("gemma")
    rng = random.Random(5)
    # U+FFFD is a token of the vocabulary, and what begins as it does is none.
    kinds = [b"the", b" ", b"\xff", b"\xe2\x96", b"\x82", b"\xcc", b"\xf0\x9f", b"a."]
    kinds += [b"\xef", b"\xef\xbf", b"\xef\xbf\xbd"]
    assert tokenizer.token_to_id("\ufffd") in tokenizer.encode(b"\xef\xef\xbf\xbd")
    for _ in range(4000):
        data = b"".join(rng.choice(kinds) for _ in range(rng.randrange(12)))
        ids, offsets = tokenizer.encode_with_offsets(data, unit="byte")
        assert ids == tokenizer.encode(data)
        assert tokenizer.decode_bytes(ids) == data
        assert offsets[-1][1] == len(data) if data else not ids
    assert tokenizer.decode(tokenizer.encode(b"a\xd8\xa8\xff")) == "a\ufffd\ufffd\ufffd"


def nfc_strings(rng: random.Random) -> List[str]:
    known = [chr(c) for c in range(sys.maxunicode + 1) if not 0xD800 <= c < 0xE000]
    special = [c for c in known if unicodedata.combining(c) or unicodedata.normalize("NFD", c) != c]
    special += [unicodedata.normalize("NFD", c)[0] for c in special]
    made = ["".join(known[start : start + 64]) for start in range(0, len(known), 64)]
    made += [f"a\u0315{c}\u0300\u0334" for c in known if not c.isascii()]
    for _ in range(30_000):
        pool = special if rng.random() < 0.8 else known
        made.append("".join(rng.choice(pool) for _ in range(rng.randrange(1, 9))))
    return made


def test_nfc_of_every_character() -> None:
    """The ids of single bytes are the normalized text's bytes."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = tokenizers.Tokenizer(models.BPE({c: i for i, c in enumerate(alphabet)}, []))
    made.normalizer = normalizers.NFC()
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.decoder = decoders.ByteLevel()
    tokenizer = Tokenizer.from_str(made.to_str())
    normalizer = normalizers.NFC()
    for text in nfc_strings(random.Random(9)):
        expected = normalizer.normalize_str(text)
        assert tokenizer.decode(tokenizer.encode(text)) == expected, [hex(ord(c)) for c in text]


def test_tokens_are_what_they_decode_to() -> None:
    reference, tokenizer = pair("llama2")
    for spelled, token_id in reference.get_vocab().items():
        if spelled.startswith("<0x"):
            continue
        assert tokenizer.id_to_token(token_id) == spelled.replace(SIGN, " ").encode()
        assert tokenizer.token_to_id(spelled.replace(SIGN, " ")) == token_id
    assert tokenizer.id_to_token(reference.token_to_id("<0x0A>")) == b"\n"
    assert tokenizer.token_to_id("\n") == reference.token_to_id("<0x0A>")


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, *sys.argv[1:]]))
