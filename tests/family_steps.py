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

# Of the files of deepseek-coder and of DeepSeek LLM (also DeepSeek V2 and Coder V2): each cuts the
# pieces of the one before.
DEEPSEEK_CODER = (
    "[\r\n]",
    r"\s?\p{L}+",
    r"\s?\p{P}+",
    "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+",
)
DEEPSEEK_LLM = (
    "[\r\n]",
    "\\s?[A-Za-z\xb5\xc0-\xd6\xd8-\xf6\xf8-\u01ba\u01bc-\u01bf\u01c4-\u0293\u0295-\u02af"
    "\u0370-\u0373\u0376\u0377\u037b-\u037d\u037f\u0386\u0388-\u038a\u038c\u038e-\u03a1"
    "\u03a3-\u03f5\u03f7-\u0481\u048a-\u052f\u0531-\u0556\u10a0-\u10c5\u13a0-\u13f5"
    "\u13f8-\u13fd\u1c90-\u1cba\u1cbd-\u1cbf\u1d00-\u1d2b\u1d6b-\u1d77\u1d79-\u1d9a"
    "\u1e00-\u1f15\u1f18-\u1f1d\u1f20-\u1f45\u1f48-\u1f4d\u1f50-\u1f57\u1f59\u1f5b\u1f5d"
    "\u1f5f-\u1f7d\u1f80-\u1fb4\u1fb6-\u1fbc\u1fbe\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3"
    "\u1fd6-\u1fdb\u1fe0-\u1fec\u1ff2-\u1ff4\u1ff6-\u1ffc\u2102\u2107\u210a-\u2113\u2115"
    "\u2119-\u211d\u2124\u2126\u2128\u212a-\u212d\u212f-\u2134\u2139\u213c-\u213f\u2145-\u2149"
    "\u214e\u2183\u2184\u2c00-\u2c7b\u2c7e-\u2ce4\u2ceb-\u2cee\u2cf2\u2cf3\ua640-\ua66d"
    "\ua680-\ua69b\ua722-\ua76f\ua771-\ua787\ua78b-\ua78e\uab70-\uabbf\ufb00-\ufb06"
    "\ufb13-\ufb17\uff21-\uff3a\uff41-\uff5a\U00010400-\U0001044f\U000104b0-\U000104d3"
    "\U000104d8-\U000104fb\U00010c80-\U00010cb2\U00010cc0-\U00010cf2\U000118a0-\U000118df"
    "\U0001e900-\U0001e943]+",
    "\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+",
    r"\s+$",
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
    "deepseek-llm": Steps(
        (*(split(pattern) for pattern in DEEPSEEK_LLM), digits(), byte_level(regex=False))
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
