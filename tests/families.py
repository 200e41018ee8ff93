"""The families of tokenizers around small vocabularies that are trained here, and hostile texts."""

from __future__ import annotations

import functools
import json
import random
from typing import Any, Dict, List, Tuple

import tokenizers
from family_steps import SIGN, STEPS, Steps, byte_level, digits, sequence
from tokenizers import AddedToken, decoders, models, normalizers, pre_tokenizers, trainers

TEXT = [
    "the quick brown fox jumps over the lazy dog and the other dogs, then over them again",
    "The HELLO World's don't we'll 12345 67 890 3.14 (a+b)*c == d --- ... !?!",
    "def main(arguments: list) -> int:\n    return len(arguments) if arguments else 0\n\n\n",
    "caf\u00e9 na\u00efve r\u00e9sum\u00e9; \u0645\u0631\u062d\u0628\u0627 \u0628\u0627",
    "\u0915\u093f",
    "\u65e5\u672c\u8a9e\u306e\u30c6\u30ad\u30b9\u30c8\u3068\u4e2d\u6587\u6587\u672c\u3002",
    "1234 \uac00",
]
PIECES = [
    *"abcdehtTHE fox.,!?'-<>()[]{}$^~+0123456789\t\n\r\x00",
    *"\u00e9\u0301\u0323\u0327\u00df\u017f\u0130\u03a3\u03c2\u0628\u0e01\u0e33\u093f\u200d\u200b\ufeff",
    *"\u65e5\u672c\u3002\u30fc\u30c6\u00a0\u3000\u0085\u2028\u00b2\u00bd\u2460\u2167\ufb01\u212b\uac00",
    *"\u1100\u1161\u11a8\u1ac0\ufffd\U0001f600\U0001d5a0\u3392",
    *"\u2018\u2003\u1e00\u01bb\u05d0\uff21\uff5e\ua490\u0416",
    SIGN,
    SIGN * 2,
    "  ",
    "   ",
    "\n\n",
    " the",
    "ther",
    "HELLO",
    "'s",
    "'LL",
    "123",
    "--",
    "</w>",
    "##",
    "_",
    "caf\u00e9",
    "\u0344",
    "<0x",
    "<0x0A>",
    "<s>",
    "</s>",
    "<unk>",
    "[X]",
    "<m>",
    "<n\u00e9>",
    "<ne\u0301>",
    "zqz",
]
ADDED = [
    AddedToken("[X]", normalized=False),
    AddedToken("  \n", normalized=False),
    AddedToken("<m>", normalized=True, lstrip=True, rstrip=True),
    AddedToken("<n\u00e9>", normalized=True),
    AddedToken("zqz", normalized=True, single_word=True),
]


def trained(
    *,
    normalizer: Any = None,
    pre: Tuple[Any, ...] = (),
    decoder: Any = None,
    byte_alphabet: bool = True,
    size: int = 420,
    added: bool = True,
    **model: Any,
) -> tokenizers.Tokenizer:
    """A vocabulary trained behind the components, and then given the model's flags."""
    affixes = {
        key: model[key]
        for key in ("continuing_subword_prefix", "end_of_word_suffix")
        if key in model
    }
    made = tokenizers.Tokenizer(models.BPE(unk_token="<unk>", **affixes))
    if normalizer is not None:
        made.normalizer = normalizer
    if pre:
        made.pre_tokenizer = pre[0] if len(pre) == 1 else pre_tokenizers.Sequence(list(pre))
    if decoder is not None:
        made.decoder = decoder
    specials = ["<unk>", "<s>", "</s>"]
    if model.get("byte_fallback"):
        specials += [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=size + len(specials),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet() if byte_alphabet else [],
        special_tokens=specials,
        show_progress=False,
        **affixes,
    )
    made.train_from_iterator(TEXT * 3, trainer)
    document = json.loads(made.to_str())
    model.setdefault("unk_token", None)
    document["model"].update(model)
    document["added_tokens"] = document["added_tokens"][:3]
    made = tokenizers.Tokenizer.from_str(json.dumps(document))
    if added:
        made.add_tokens(ADDED)
    return made


def of_steps(steps: Steps, *, added: bool = True) -> tokenizers.Tokenizer:
    """A small vocabulary behind the steps of a family."""
    made = trained(
        normalizer=steps.normalizer,
        pre=steps.pre,
        decoder=steps.decoder,
        byte_alphabet=not steps.of_characters,
        size=200 if steps.of_characters else 420,
        added=added,
        **steps.model,
    )
    made.add_tokens(list(steps.added))
    return made


def with_characters(characters: List[str]) -> tokenizers.Tokenizer:
    """Command-R's components, and tokens spelled outside of the byte-level alphabet before all."""
    made = of_steps(STEPS["command-r"], added=False)
    document = json.loads(made.to_str())
    count = len(characters)
    vocab = {token: number + count for token, number in document["model"]["vocab"].items()}
    document["model"]["vocab"] = {**{c: i for i, c in enumerate(characters)}, **vocab}
    for token in document["added_tokens"]:
        token["id"] += count
    made = tokenizers.Tokenizer.from_str(json.dumps(document))
    made.add_tokens(ADDED)
    return made


FAMILIES: Dict[str, Any] = {
    **{name: functools.partial(of_steps, steps) for name, steps in STEPS.items()},
    "roberta with a prefix space": functools.partial(of_steps, Steps((byte_level(prefix=True),))),
    "command-r, with characters that no text is spelled in": functools.partial(
        with_characters, ["\u203c", "\u00a0", "\u65e5\u672c\u8a9e", "the\u200d", " "]
    ),
    "a suffix and a decoder for it": functools.partial(
        trained,
        pre=(pre_tokenizers.BertPreTokenizer(),),
        decoder=decoders.BPEDecoder(),
        normalizer=sequence(
            normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase()
        ),
        byte_alphabet=False,
        end_of_word_suffix="</w>",
        unk_token="<unk>",
    ),
    "a prefix within words": functools.partial(
        trained,
        pre=(pre_tokenizers.Whitespace(),),
        decoder=decoders.Replace("##", ""),
        byte_alphabet=False,
        continuing_subword_prefix="##",
        unk_token="<unk>",
        fuse_unk=True,
    ),
    "a prefix and bytes": functools.partial(
        trained,
        pre=(pre_tokenizers.WhitespaceSplit(),),
        decoder=decoders.Sequence([decoders.ByteFallback(), decoders.Fuse()]),
        byte_alphabet=False,
        continuing_subword_prefix="@",
        end_of_word_suffix="</w>",
        byte_fallback=True,
    ),
    "bytes spelled by the normalizer": functools.partial(
        trained, normalizer=normalizers.ByteLevel(), decoder=decoders.ByteLevel(), added=False
    ),
    "no decoder": functools.partial(trained, pre=(digits(),), byte_alphabet=False),
    "few bytes": functools.partial(
        trained,
        pre=(byte_level(),),
        decoder=decoders.ByteLevel(),
        byte_alphabet=False,
        unk_token="<unk>",
    ),
}


def random_texts(rng: random.Random, count: int) -> List[str]:
    made = ["", " ", SIGN, "a", "\n", "\x00", " ".join(TEXT) * 3, "a" * 700, "\u0301" * 300]
    for _ in range(count):
        pieces = PIECES if rng.random() < 0.7 else rng.sample(PIECES, 4)
        made.append("".join(rng.choice(pieces) for _ in range(rng.randrange(1, 30))))
    return made
