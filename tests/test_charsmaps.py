"""The normalizer Precompiled against tokenizers: SentencePiece's own map, and random ones."""

from __future__ import annotations

import functools
import io
import random
import sys
from typing import List

import pytest
import sentencepiece
import tokenizers
from charsmaps import compiled, random_map
from tokenizers import decoders, models, normalizers, pre_tokenizers

from pyaot_tokenizer import hf

from families import random_texts
from sentencepiece_model import map_of

# Marks, joiners, signs, jamo and letters that make graphemes of a few bytes.
JOINING = [
    *"ae\r\n#",
    *"\u00a9\u00ae\u0301\u0323\u0344\u00e9\u0600\u200c\u200d\u2640\u263a",
    *"\U0001f600\U0001f1e6\u0903\u0915\u0958\u093c\u094d\u1100\u1161\u11a8",
    *"\uac00\uac01\uff21\uff9e\u0e33\ufb01\x01\u00ad\u2028\u3099\u30cf\x00",
]


@functools.cache
def nmt_nfkc() -> bytes:
    """The map of a model that sentencepiece trains by default."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["hello world this is it"] * 20),
        model_writer=model,
        vocab_size=20,
        model_type="bpe",
        minloglevel=2,
    )
    return map_of(model.getvalue())


def joined(rng: random.Random, count: int) -> List[str]:
    return ["".join(rng.choices(JOINING, k=rng.randrange(1, 9))) for _ in range(count)]


def pair_of(charsmap: bytes) -> tuple[tokenizers.Tokenizer, hf.Tokenizer]:
    vocab = {f"<0x{byte:02X}>": byte for byte in range(256)}
    reference = tokenizers.Tokenizer(models.BPE(vocab, [], byte_fallback=True))
    reference.normalizer = normalizers.Precompiled(charsmap)
    reference.pre_tokenizer = pre_tokenizers.FixedLength(1)
    reference.decoder = decoders.ByteFallback()
    return reference, hf.Tokenizer.from_str(reference.to_str())


def check(charsmap: bytes, batch: List[str]) -> None:
    reference, ours = pair_of(charsmap)
    for text in batch:
        expected, found = reference.encode(text), ours.encode(text)
        assert found.ids == expected.ids, ascii(text)
        assert found.offsets == expected.offsets, ascii(text)


def test_every_character() -> None:
    normalizer = normalizers.Precompiled(nmt_nfkc())
    ours = hf.normalizers.Precompiled(nmt_nfkc())
    known = [chr(c) for c in range(sys.maxunicode + 1) if not 0xD800 <= c < 0xE000]
    batch = ["".join(known[at : at + 64]) for at in range(0, len(known), 64)]
    for template in ("a{}\u0301\u0301", "\uff21{}", "\u1100{}\u0301", "{}\u200d\u00a9\u0301"):
        some = [template.format(character) for character in known]
        batch += ["x".join(some[at : at + 64]) for at in range(0, len(known), 64)]
    for text in batch:
        assert ours.normalize_str(text) == normalizer.normalize_str(text), ascii(text)


def test_graphemes() -> None:
    """Each whole grapheme shows, for the map has most beginnings of one."""
    some = [character for character in JOINING if character not in "\0\u0301"]
    charsmap = compiled({character: f"<{number}>" for number, character in enumerate(some)})
    check(charsmap, joined(random.Random(1), 20_000))
    check(compiled({"a": "X", "\u00a9": "P", "\u0301": "Z"}), joined(random.Random(2), 20_000))


def test_the_usual_map() -> None:
    rng = random.Random(3)
    check(nmt_nfkc(), random_texts(rng, 2000) + joined(rng, 4000))


@pytest.mark.parametrize("seed", range(30))
def test_random_maps(seed: int) -> None:
    rng = random.Random(seed)
    letters = [*"abet .", "\u00e9", "\u0301", "\u0323", "\u65e5", "\u200d", "\u00a0", "\r\n"]
    batch = ["".join(rng.choices(letters, k=rng.randrange(12))) for _ in range(400)]
    check(random_map(rng), batch)


def test_arguments() -> None:
    with pytest.raises(TypeError):
        hf.normalizers.Precompiled("a")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no map of characters"):
        hf.normalizers.Precompiled(b"").normalize_str("a")


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, *sys.argv[1:]]))
