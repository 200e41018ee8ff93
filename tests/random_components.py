"""Random normalizers, pre-tokenizers and decoders of tokenizers, of every kind, in sequences."""

from __future__ import annotations

import random
from typing import Any, Optional

from charsmaps import random_map
from family_steps import CL100K, SIGN, byte_level, digits, sequence, split, to_sign
from tokenizers import Regex, decoders, normalizers, pre_tokenizers

BEHAVIORS = [
    "isolated",
    "removed",
    "merged_with_previous",
    "merged_with_next",
    "contiguous",
]


def random_normalizer(rng: random.Random) -> Any:
    choices = [
        normalizers.NFC,
        normalizers.NFD,
        normalizers.NFKC,
        normalizers.NFKD,
        normalizers.Lowercase,
        normalizers.StripAccents,
        normalizers.Nmt,
        to_sign,
        lambda: normalizers.BertNormalizer(
            clean_text=rng.random() < 0.5,
            handle_chinese_chars=rng.random() < 0.5,
            strip_accents=rng.choice([None, False, True]),
            lowercase=rng.random() < 0.5,
        ),
        lambda: normalizers.Precompiled(random_map(rng)),
        lambda: normalizers.Prepend(rng.choice(["_", SIGN, "ab"])),
        lambda: normalizers.Strip(left=rng.random() < 0.5, right=rng.random() < 0.5),
        lambda: normalizers.Replace(Regex(rng.choice([r"\s+", "[0-9]", "e|th"])), "x"),
        lambda: normalizers.Replace(rng.choice(["th", ".", "\u00e9"]), rng.choice(["", "e", "  "])),
    ]
    steps = [rng.choice(choices)() for _ in range(rng.randrange(4))]
    return sequence(*steps)


def random_pre_tokenizer(rng: random.Random) -> Any:
    choices = [
        lambda: byte_level(prefix=rng.random() < 0.5, regex=rng.random() < 0.5),
        lambda: digits(apart=rng.random() < 0.5),
        lambda: pre_tokenizers.Punctuation(rng.choice(BEHAVIORS)),
        lambda: pre_tokenizers.Metaspace(
            prepend_scheme=rng.choice(["always", "first", "never"]), split=rng.random() < 0.5
        ),
        pre_tokenizers.Whitespace,
        pre_tokenizers.WhitespaceSplit,
        pre_tokenizers.BertPreTokenizer,
        pre_tokenizers.UnicodeScripts,
        lambda: pre_tokenizers.CharDelimiterSplit(rng.choice("-e")),
        lambda: pre_tokenizers.FixedLength(length=rng.randrange(1, 6)),
        lambda: split(
            rng.choice([r"\s+", "[a-d]+", "th|e", CL100K]),
            rng.choice(BEHAVIORS),
            invert=rng.random() < 0.5,
        ),
        lambda: pre_tokenizers.Split(
            rng.choice([" ", "th", "."]), rng.choice(BEHAVIORS), rng.random() < 0.5
        ),
    ]
    return pre_tokenizers.Sequence([rng.choice(choices)() for _ in range(rng.randrange(4))])


def random_decoder(rng: random.Random) -> Optional[Any]:
    choices = [
        decoders.ByteLevel,
        decoders.ByteFallback,
        decoders.Fuse,
        lambda: decoders.Strip(rng.choice("ae "), rng.randrange(3), rng.randrange(3)),
        lambda: decoders.Metaspace(prepend_scheme=rng.choice(["always", "first", "never"])),
        lambda: decoders.BPEDecoder(suffix=rng.choice(["</w>", "e"])),
        lambda: decoders.WordPiece(rng.choice(["##", "e", ""]), cleanup=rng.random() < 0.5),
        lambda: decoders.CTC(
            rng.choice(["e", "<s>", ""]), rng.choice(["|", "th", ""]), cleanup=rng.random() < 0.5
        ),
        lambda: decoders.Replace(rng.choice([SIGN, "e", "##"]), rng.choice(["", " ", "xy"])),
        lambda: decoders.Replace(Regex("[a-e]+"), "#"),
    ]
    if rng.random() < 0.1:
        return None
    return decoders.Sequence([rng.choice(choices)() for _ in range(rng.randrange(1, 4))])
