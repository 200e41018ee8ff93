"""The engines that say what is right, and rustbpe: those that the tests use as well."""

from __future__ import annotations

from typing import Any, Mapping

from .base import Engine, Vocabulary, needs, only_trains, ranks_of


def _load_tiktoken(vocabulary: Vocabulary) -> Any:
    import tiktoken

    return tiktoken.Encoding(
        vocabulary.name,
        pat_str=needs(vocabulary, "pattern"),
        mergeable_ranks=ranks_of(needs(vocabulary, "ranks")),
        special_tokens={},
    )


def _calls_tiktoken(_: Vocabulary) -> Mapping[str, str]:
    return {
        "list": "t.encode_ordinary(x)",
        "offsets": "[(ids, t.decode_with_offsets(ids)) for ids in (t.encode_ordinary(x),)][0]",
        "array": "t.encode_to_numpy(x)",
        "batch_lists": "t.encode_ordinary_batch(x, num_threads=threads)",
        "decode": "t.decode(x)",
    }


def _load_tokenizers(vocabulary: Vocabulary) -> Any:
    import tokenizers

    return tokenizers.Tokenizer.from_file(needs(vocabulary, "json"))


def _calls_tokenizers(_: Vocabulary) -> Mapping[str, str]:
    return {
        "list": "t.encode(x, add_special_tokens=False).ids",
        "offsets": ("[(e.ids, e.offsets) for e in (t.encode(x, add_special_tokens=False),)][0]"),
        "batch_lists": "[e.ids for e in t.encode_batch_fast(x, add_special_tokens=False)]",
        "decode": "t.decode(x, skip_special_tokens=False)",
    }


def _calls_tokenizers_next(vocabulary: Vocabulary) -> Mapping[str, str]:
    options = "add_special_tokens=False"
    if vocabulary.ranks:
        options += ", encode_special_tokens=True"
    return {
        "list": f"t.encode(x, {options}).ids",
        "array": f"t.encode(x, {options}).ids_array",
        "batch_lists": f"[e.ids for e in t.encode_batch(x, {options})]",
        "batch_arrays": f"[e.ids_array for e in t.encode_batch(x, {options})]",
        "decode": "t.decode(x, skip_special_tokens=False)",
        "decode_array": "t.decode(x, skip_special_tokens=False)",
    }


def _load_rustbpe(vocabulary: Vocabulary) -> Any:
    import rustbpe

    tokenizer = rustbpe.Tokenizer()
    with open(needs(vocabulary, "merges"), encoding="utf-8") as file:
        tokenizer.train_from_iterator(iter(file), len(ranks_of(needs(vocabulary, "ranks"))))
    return tokenizer


def _calls_rustbpe(_: Vocabulary) -> Mapping[str, str]:
    return {"list": "t.encode(x)", "batch_lists": "t.batch_encode(x)", "decode": "t.decode(x)"}


TIKTOKEN = Engine("tiktoken", _load_tiktoken, _calls_tiktoken, full=False)
TOKENIZERS = Engine("tokenizers", _load_tokenizers, _calls_tokenizers, full=False, slow=True)
TOKENIZERS_NEXT = Engine("tokenizers", _load_tokenizers, _calls_tokenizers_next)
RUSTBPE = Engine("rustbpe", _load_rustbpe, _calls_rustbpe, full=False)
RUST_BASELINE = Engine("rust_baseline", only_trains, lambda _: {}, full=False)
