"""The peers that claim speed above all: gigatoken, fastokens, splintr, quicktok."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, Tuple

from .base import Engine, Vocabulary, cut, named, needs


def _load_gigatoken(vocabulary: Vocabulary) -> Any:
    import gigatoken

    if not vocabulary.ranks:
        return gigatoken.Tokenizer(needs(vocabulary, "json"))
    schemes = {"gpt2": "gpt2", "cl100k_base": "cl100k", "o200k_base": "o200k"}
    # Without special tokens, or it would take their text for them whatever it is asked.
    return gigatoken.Tokenizer.from_tiktoken(
        vocabulary.ranks, pretokenizer=named(vocabulary, schemes), special_tokens={}
    )


def _calls_gigatoken(_: Vocabulary) -> Mapping[str, str]:
    return {
        "list": "t.encode(x).tolist()",
        "array": "t.encode(x)",
        "batch_lists": "t.encode_batch_list(x, parallel=threads > 1)",
        "batch_arrays": "t.encode_batch(x, parallel=threads > 1)",
        "decode": 't.decode(x).decode("utf-8", "replace")',
        "decode_array": 't.decode(x).decode("utf-8", "replace")',
    }


def _rows_gigatoken(result: Any) -> Iterable[Any]:
    import numpy

    return (numpy.asarray(row) for row in result)


def _load_fastokens(vocabulary: Vocabulary) -> Any:
    import fastokens

    if not vocabulary.ranks:
        return fastokens.Tokenizer.from_file(needs(vocabulary, "json"))
    return fastokens.Tokenizer.from_tiktoken(
        vocabulary.ranks, pattern=vocabulary.pattern, special_tokens={}
    )


def _calls_fastokens(_: Vocabulary) -> Mapping[str, str]:
    return {
        "list": "t.encode(x).ids",
        "batch_lists": "[e.ids for e in t.encode_batch(x)]",
        "batch_arrays": "t.encode_batch_flat(x)",
        "decode": "t.decode(x)",
    }


def _rows_flat(result: Tuple[bytes, bytes]) -> Iterable[Any]:
    """Ids and offsets as the bytes of integers, as fastokens and splintr give them."""
    import numpy

    ids, offsets = result
    return cut(numpy.frombuffer(ids, "<u4"), numpy.frombuffer(offsets, "<u8")[1:])


def _load_splintr(vocabulary: Vocabulary) -> Any:
    import splintr

    patterns = {
        "gpt2": splintr.GPT2_PATTERN,
        "cl100k_base": splintr.CL100K_BASE_PATTERN,
        "o200k_base": splintr.O200K_BASE_PATTERN,
    }
    return splintr.Tokenizer(needs(vocabulary, "ranks"), named(vocabulary, patterns), {})


def _calls_splintr(_: Vocabulary) -> Mapping[str, str]:
    return {
        "list": "t.encode_ordinary(x)",
        "array": "t.encode_flat(x)",
        "batch_lists": "t.encode_batch(x)",
        "batch_arrays": "t.encode_batch_flat(x)",
        "decode": "t.decode(x)",
    }


def _load_quicktok(vocabulary: Vocabulary) -> Any:
    import quicktok

    names = {"cl100k_base": "cl100k_base", "o200k_base": "o200k_base"}
    return quicktok.get_encoding(named(vocabulary, names))


def _calls_quicktok(_: Vocabulary) -> Mapping[str, str]:
    return {
        "list": "t.encode_ordinary(x)",
        "array": "t.encode_batch([x], threads)[0]",
        "batch_lists": "[r.tolist() for r in rows(t.encode_batch(x, threads))]",
        "batch_arrays": "t.encode_batch(x, threads)",
        "decode": "t.decode(x)",
    }


def _rows_quicktok(result: Tuple[Any, Any]) -> Iterable[Any]:
    ids, offsets = result
    return cut(ids, offsets[1:].tolist())


GIGATOKEN = Engine("gigatoken", _load_gigatoken, _calls_gigatoken, rows=_rows_gigatoken)
FASTOKENS = Engine("fastokens", _load_fastokens, _calls_fastokens, rows=_rows_flat)
SPLINTR = Engine("splintr-rs", _load_splintr, _calls_splintr, rows=_rows_flat)
QUICKTOK = Engine("quicktok-v1", _load_quicktok, _calls_quicktok, rows=_rows_quicktok)
