"""The steps of the families of tokenizers around their vocabularies, as tokenizers' components.

The tests put them around small vocabularies that they train, the benchmark around those that pinned
packages carry.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Mapping, Tuple

from tokenizers import AddedToken, Regex, decoders, normalizers, pre_tokenizers

SIGN = "\u2581"
CL100K = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN_3_5 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}|"
    r" ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CAMEL = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+"
    r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
KIMI = (
    r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*"
    r"[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|"
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+"
    r"[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}|"
    r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
BLOOM = " ?[^(\\s|[.,!?\u2026\u3002\uff0c\u3001\u0964\u06d4\u060c])]+"
CLIP = (
    r"<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
)

# Of the files of deepseek-coder: each cuts the pieces of the one before.
DEEPSEEK_CODER = (
    r"[\r\n]",
    r"\s?\p{L}+",
    r"\s?\p{P}+",
    "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+",
)


def split(pattern: str, behavior: str = "isolated", *, invert: bool = False) -> Any:
    return pre_tokenizers.Split(Regex(pattern), behavior, invert)


def byte_level(*, prefix: bool = False, regex: bool = True) -> Any:
    return pre_tokenizers.ByteLevel(add_prefix_space=prefix, use_regex=regex)


def digits(*, apart: bool = True) -> Any:
    return pre_tokenizers.Digits(individual_digits=apart)


def sequence(*steps: Any) -> Any:
    return normalizers.Sequence(list(steps))


def sentencepiece_decoder(*, strip: bool) -> Any:
    steps = [decoders.Replace(SIGN, " "), decoders.ByteFallback(), decoders.Fuse()]
    return decoders.Sequence([*steps, decoders.Strip(" ", 1, 0)] if strip else steps)


def to_sign() -> Any:
    return normalizers.Replace(" ", SIGN)


@dataclass(frozen=True)
class Steps:
    """What a family has around its vocabulary."""

    pre: Tuple[Any, ...] = ()
    """Its pre-tokenizers."""
    normalizer: Any = None
    decoder: Any = field(default_factory=decoders.ByteLevel)
    model: Mapping[str, Any] = field(default_factory=dict)
    """The flags of its BPE model."""
    of_characters: bool = False
    """Whether its tokens are spelled in characters, as SentencePiece's, and not in bytes."""
    added: Tuple[AddedToken, ...] = ()
    """Added tokens of the family that text meets often."""


def _of_characters(normalizer: Any, pre: Tuple[Any, ...], decoder: Any) -> Steps:
    flags = {"byte_fallback": True, "fuse_unk": True, "unk_token": "<unk>"}
    return Steps(pre, normalizer, decoder, flags, of_characters=True)


def _runs(character: str, most: int) -> Tuple[AddedToken, ...]:
    """Tokens for this many in a row, down to two."""
    counts = range(most, 1, -1)
    return tuple(AddedToken(character * count, normalized=True) for count in counts)


STEPS: Mapping[str, Steps] = {
    "gpt-2, roberta, whisper": Steps((byte_level(),)),
    "phi-2": Steps((byte_level(),), added=_runs(" ", 31) + _runs("\t", 9)),
    "clip": Steps(
        (split(CLIP, "removed", invert=True), byte_level()),
        sequence(
            normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()
        ),
        model={"end_of_word_suffix": "</w>", "unk_token": "<unk>"},
    ),
    "falcon": Steps(
        (
            pre_tokenizers.Punctuation("contiguous"),
            byte_level(),
            digits(apart=False),
            split("[0-9][0-9][0-9]"),
        )
    ),
    "gpt-neox, olmo, modernbert": Steps((byte_level(),), normalizers.NFC(), added=_runs(" ", 24)),
    "olmo-2, phi-4": Steps((split(CL100K, "removed", invert=True), byte_level(regex=False))),
    "qwen": Steps((split(CL100K.replace("{1,3}", "")), byte_level(regex=False)), normalizers.NFC()),
    "llama 3, glm-4": Steps(
        (split(CL100K), byte_level(regex=False)), model={"ignore_merges": True}
    ),
    "gpt-oss, llama 4": Steps(
        (split(CAMEL), byte_level(regex=False)), model={"ignore_merges": True}
    ),
    "command-r": Steps((digits(), byte_level()), normalizers.NFC()),
    "starcoder, smollm": Steps((digits(), byte_level())),
    "qwen 3.5": Steps((split(QWEN_3_5), byte_level(regex=False)), normalizers.NFC()),
    "bloom": Steps((split(BLOOM), byte_level(regex=False))),
    "kimi-k2": Steps((split(KIMI), byte_level(regex=False)), model={"ignore_merges": True}),
    "deepseek-coder": Steps(
        (*(split(pattern) for pattern in DEEPSEEK_CODER), digits(), byte_level(regex=False))
    ),
    "claude-2": Steps((byte_level(),), normalizers.NFKC()),
    "llama 2, mistral, phi-3": _of_characters(
        sequence(normalizers.Prepend(SIGN), to_sign()), (), sentencepiece_decoder(strip=True)
    ),
    "gemma": _of_characters(
        to_sign(),
        (pre_tokenizers.Split(" ", "merged_with_previous"),),
        sentencepiece_decoder(strip=False),
    ),
    "mistral with a metaspace": _of_characters(
        None,
        (pre_tokenizers.Metaspace(prepend_scheme="first", split=False),),
        sentencepiece_decoder(strip=True),
    ),
    "chatglm": _of_characters(
        sequence(normalizers.Replace("<!p!>", SIGN), to_sign()),
        (pre_tokenizers.Split("<!p!>", "merged_with_next"),),
        decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()]),
    ),
}
