"""Small tokenizers of many pipelines, as tokenizers' and as pyaot_tokenizer's, and random texts."""

from __future__ import annotations

import functools
import json
import random
from typing import Any, Callable, Dict, List, Tuple

import tokenizers
from tokenizers import decoders as tokenizers_decoders
from tokenizers import models, normalizers, pre_tokenizers, processors, trainers

from pyaot_tokenizer import hf

from pinned_data import data_file

PARTS = [
    "a", "b", "the", " the", "Hello", " world", "  ", " ", "\n", "\t", "'s", "12", "3456", ".",
    "?!", "é", "e\u0301", "中文", "日本", "\U0001f600", "\U0001f468\u200d\U0001f469", "ß", "\xa0",
    "\u2581", "<s>", "</s>", "<mask>", "<x>", "[CLS]", "\0", "\u200b", "Ω", "\u2126", "ﬁ", "각",
    "\u1100\u1161\u11a8", "q\u0323\u0307", "q\u0307\u0323", "\u3000", "\ufeff", "I'm", "zzz",
]  # fmt: skip


def random_text(rng: random.Random, length_max: int = 14) -> str:
    return "".join(rng.choice(PARTS) for _ in range(rng.randrange(length_max)))


@functools.cache
def corpus() -> List[str]:
    rng = random.Random(11)
    words = ["the", "Hello", "world", "there", "other", "12", "é", "中文", "日本", "a", "ab", "q"]
    return [" ".join(rng.choices(words, k=30)) + random_text(rng) for _ in range(300)]


def gpt2() -> tokenizers.Tokenizer:
    """GPT-2's own vocabulary."""
    vocab: Dict[str, int] = json.loads(data_file("encoder.json").read_text("utf-8"))
    lines = data_file("vocab.bpe").read_text("utf-8").splitlines()[1:]
    merges = [tuple(line.split(" ")) for line in lines]
    made = tokenizers.Tokenizer(models.BPE(vocab, merges))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = tokenizers_decoders.ByteLevel()
    made.post_processor = processors.ByteLevel(trim_offsets=False)
    made.add_special_tokens(["<|endoftext|>"])
    return made


def byte_level(
    post_processor: Any = None, add_prefix_space: bool = False, normalizer: Any = None
) -> tokenizers.Tokenizer:
    """A small byte-level vocabulary with added tokens of all kinds."""
    made = tokenizers.Tokenizer(models.BPE())
    if normalizer is not None:
        made.normalizer = normalizer
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=add_prefix_space)
    made.decoder = tokenizers_decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=500, initial_alphabet=alphabet, special_tokens=["<s>", "</s>", "[CLS]"],
        show_progress=False,
    )  # fmt: skip
    made.train_from_iterator(corpus(), trainer)
    made.add_special_tokens([tokenizers.AddedToken("<mask>", lstrip=True)])
    made.add_tokens([tokenizers.AddedToken("<x>", rstrip=True, normalized=False)])
    if post_processor is not None:
        made.post_processor = post_processor
    return made


def sentence_piece(
    *,
    byte_fallback: bool,
    fuse_unk: bool = True,
    prepends: bool = True,
    unk: bool = True,
    metaspace: bool = False,
) -> tokenizers.Tokenizer:
    """A small vocabulary of characters, as SentencePiece's are converted."""
    steps: List[Any] = [normalizers.Replace(" ", "\u2581")]
    if prepends:
        steps.insert(0, normalizers.Prepend("\u2581"))
    made = tokenizers.Tokenizer(models.BPE())
    made.normalizer = normalizers.Sequence(steps)
    trainer = trainers.BpeTrainer(vocab_size=300, limit_alphabet=40, show_progress=False)
    made.train_from_iterator(corpus(), trainer)
    form = json.loads(made.to_str())
    learnt = sorted(form["model"]["vocab"], key=form["model"]["vocab"].__getitem__)
    specials = ["<unk>", "<s>", "</s>"]
    if byte_fallback:
        specials += [f"<0x{byte:02X}>" for byte in range(256)]
    tokens = specials + [token for token in learnt if token not in specials]
    form["model"]["vocab"] = {token: index for index, token in enumerate(tokens)}
    form["model"]["unk_token"] = "<unk>" if unk else None
    form["model"]["fuse_unk"] = fuse_unk
    form["model"]["byte_fallback"] = byte_fallback
    form["decoder"] = {
        "type": "Sequence",
        "decoders": [
            {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "},
            {"type": "ByteFallback"},
            {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0},
        ],
    }
    if metaspace:
        form["decoder"]["decoders"] = [
            {"type": "ByteFallback"},
            {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always"},
        ]
    made = tokenizers.Tokenizer.from_str(json.dumps(form))
    made.add_special_tokens(["<s>", "</s>"])
    return made


def template() -> Any:
    """BERT's template."""
    return processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> $B:1 </s>:1",
        special_tokens=[("<s>", 0), ("</s>", 1)],
    )


PIPELINES: Dict[str, Callable[[], tokenizers.Tokenizer]] = {
    "gpt2": gpt2,
    "plain": byte_level,
    "trim": lambda: byte_level(processors.ByteLevel(trim_offsets=True)),
    "trim_prefix": lambda: byte_level(processors.ByteLevel(trim_offsets=True), True),
    "roberta": lambda: byte_level(
        processors.RobertaProcessing(("</s>", 1), ("<s>", 0), trim_offsets=True), True
    ),
    "roberta_untrimmed": lambda: byte_level(
        processors.RobertaProcessing(
            ("</s>", 1), ("<s>", 0), trim_offsets=False, add_prefix_space=False
        )
    ),
    "bert": lambda: byte_level(processors.BertProcessing(("</s>", 1), ("<s>", 0))),
    "template": lambda: byte_level(template()),
    "sequence": lambda: byte_level(
        processors.Sequence([processors.ByteLevel(trim_offsets=True), template()])
    ),
    "nfc": lambda: byte_level(normalizer=normalizers.NFC()),
    "llama": lambda: sentence_piece(byte_fallback=True),
    "gemma": lambda: sentence_piece(byte_fallback=True, prepends=False),
    "glm": lambda: sentence_piece(byte_fallback=True, metaspace=True),
    "unk": lambda: sentence_piece(byte_fallback=False),
    "unk_apart": lambda: sentence_piece(byte_fallback=False, fuse_unk=False),
    "dropped": lambda: sentence_piece(byte_fallback=False, unk=False),
}


@functools.cache
def json_of(name: str) -> str:
    return PIPELINES[name]().to_str()


def pair_of(name: str) -> Tuple[tokenizers.Tokenizer, hf.Tokenizer]:
    text = json_of(name)
    return tokenizers.Tokenizer.from_str(text), hf.Tokenizer.from_str(text)
