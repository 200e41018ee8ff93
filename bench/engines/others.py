"""The other peers that a wheel gives: they make lists, or objects that hold them."""

from __future__ import annotations

from typing import Any, Mapping

from .base import Engine, Vocabulary, named, needs, only_trains, ranks_of

_OPENAI = {"cl100k_base": "cl100k_base", "o200k_base": "o200k_base"}


def _load_tokie(vocabulary: Vocabulary) -> Any:
    import tokie

    return tokie.Tokenizer.from_json(needs(vocabulary, "json"))


def _calls_tokie(_: Vocabulary) -> Mapping[str, str]:
    return {
        "list": "t.encode(x, add_special_tokens=False).ids",
        "batch_lists": "[e.ids for e in t.encode_batch(x, add_special_tokens=False)]",
        "decode": "t.decode(x)",
    }


def _load_wordchipper(vocabulary: Vocabulary) -> Any:
    import wordchipper

    names = {**_OPENAI, "gpt2": "r50k_base"}
    tokenizer = wordchipper.Tokenizer.from_pretrained(named(vocabulary, names))
    return tokenizer, wordchipper.SpecialFilter.include_none()


def _calls_wordchipper(_: Vocabulary) -> Mapping[str, str]:
    return {
        "list": "t[0].encode(x, special_filter=t[1])",
        "batch_lists": "t[0].encode_batch(x, special_filter=t[1])",
        "decode": "t[0].decode(x)",
    }


def _load_riptoken(vocabulary: Vocabulary) -> Any:
    import riptoken

    ranks = ranks_of(needs(vocabulary, "ranks"))
    return riptoken.CoreBPE(ranks, {}, needs(vocabulary, "pattern"))


def _calls_riptoken(_: Vocabulary) -> Mapping[str, str]:
    return {
        "list": "t.encode_ordinary(x)",
        "batch_lists": "t.encode_ordinary_batch(x)",
        "decode": 't.decode_bytes(x).decode("utf-8", "replace")',
    }


def _load_rs_bpe(vocabulary: Vocabulary) -> Any:
    from rs_bpe.bpe import openai

    return getattr(openai, named(vocabulary, _OPENAI))()


def _calls_rs_bpe(_: Vocabulary) -> Mapping[str, str]:
    return {
        "list": "t.encode(x)",
        "batch_lists": "t.encode_batch(x)[0]",
        "decode": "t.decode(x)",
    }


def _load_bpe_openai(vocabulary: Vocabulary) -> Any:
    import bpe_openai

    return bpe_openai.get_encoding(named(vocabulary, _OPENAI))


def _calls_bpe_openai(_: Vocabulary) -> Mapping[str, str]:
    return {
        "list": "t.encode_ordinary(x)",
        "batch_lists": "t.encode_ordinary_batch(x, num_threads=threads)",
        "decode": "t.decode(x)",
    }


def _load_kitoken(vocabulary: Vocabulary) -> Any:
    import kitoken

    if vocabulary.ranks and vocabulary.name in _OPENAI:
        return kitoken.Kitoken.from_tiktoken_file(vocabulary.ranks)
    return kitoken.Kitoken.from_tokenizers_file(needs(vocabulary, "json"))


def _calls_kitoken(vocabulary: Vocabulary) -> Mapping[str, str]:
    specials = "False" if vocabulary.ranks else "True"
    return {
        "list": f"t.encode(x, {specials})",
        "batch_lists": f"t.encode_all(x, {specials})",
        "decode": 't.decode(x, True).decode("utf-8", "replace")',
    }


TOKIE = Engine("tokie", _load_tokie, _calls_tokie)
WORDCHIPPER = Engine("wordchipper", _load_wordchipper, _calls_wordchipper)
RIPTOKEN = Engine("riptoken", _load_riptoken, _calls_riptoken)
RS_BPE = Engine("rs-bpe", _load_rs_bpe, _calls_rs_bpe)
BPE_OPENAI = Engine("bpe-openai", _load_bpe_openai, _calls_bpe_openai)
KITOKEN = Engine("kitoken", _load_kitoken, _calls_kitoken)
FAST_BPE = Engine("fast-bpe-rs", only_trains, lambda _: {})
