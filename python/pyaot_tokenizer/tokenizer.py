"""The tokenizer: loading, encoding, decoding, saving.

Its calls are in modules of one purpose each, put together here. Argument checks, file reading and
Python's own types are theirs; all the work on text and ids is done by the shared library, with the
GIL released.
"""

from __future__ import annotations

from . import _bridge
from ._parts import Parts
from ._rustbpe import RustBpe
from ._state import AddedToken
from ._writing import Writer

__all__ = ["AddedToken", "Tokenizer"]


class Tokenizer(RustBpe, Parts, Writer):
    """A byte-pair-encoding tokenizer, loaded from its files or trained; immutable once it is.

    Ids are equal to those of the tokenizer's reference implementation: tokenizers for a
    tokenizer.json, tiktoken for rank files. Encoding takes time linear in the text, or n log n in a
    piece, whatever is in it.

    One tokenizer may be used by any number of threads at once, survives ``fork``, and can be
    pickled and copied; the pickle holds the whole content, and the file is not needed to load it.

    Example:
        >>> tok = Tokenizer("tokenizer.json")                       # doctest: +SKIP
        >>> tok.decode(tok.encode("Hello, world!"))                 # doctest: +SKIP
        'Hello, world!'
    """

    __slots__ = ()


# The methods that are worth calling without a Python frame.
_BUILTIN = (
    "encode",
    "encode_ordinary",
    "encode_batch",
    "encode_into",
    "encode_to_numpy",
    "count",
    "decode",
    "decode_batch",
    "_encode_array",
    "_encode_batch_arrays",
    "_encode_spans",
    "_offset_pairs",
    "_word_indices",
)

if _bridge.BRIDGE is not None:
    for _name in _BUILTIN:
        _bridge.BRIDGE.install(Tokenizer, _name)
