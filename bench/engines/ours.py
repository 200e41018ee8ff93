"""This project."""

from __future__ import annotations

from typing import Any, Iterable, Mapping, Tuple

from .base import Engine, Vocabulary, cut


def _load(vocabulary: Vocabulary) -> Any:
    from pyaot_tokenizer import Tokenizer

    if vocabulary.ranks and vocabulary.pattern:
        return Tokenizer.from_tiktoken(vocabulary.ranks, pattern=vocabulary.pattern)
    return Tokenizer(vocabulary.json or "")


def _calls(vocabulary: Vocabulary) -> Mapping[str, str]:
    mode = ', special_tokens="text"' if vocabulary.ranks else ""
    return {
        "list": "t.encode_ordinary(x)" if vocabulary.ranks else "t.encode(x)",
        "offsets": f"t.encode_with_offsets(x{mode})",
        "byte_offsets": f't.encode_with_offsets(x{mode}, unit="byte")',
        "array": f"t.encode_to_numpy(x{mode})",
        "batch_lists": f"t.encode_batch(x, num_threads=threads{mode})",
        "batch_arrays": f"t.encode_batch_to_numpy(x, num_threads=threads{mode})",
        "decode": "t.decode(x)",
        "decode_array": "t.decode(x)",
    }


def _rows(result: Tuple[Any, Any]) -> Iterable[Any]:
    ids, ends = result
    return cut(ids, ends)


PYAOT = Engine("pyaot_tokenizer", _load, _calls, full=False, rows=_rows)
