"""The API of tokenizers 0.23.3 for BPE, on the core of this package.

::

    from pyaot_tokenizer.hf import Tokenizer

    tok = Tokenizer.from_file("tokenizer.json")
    tok.encode("Hello, world!").ids

Ids, tokens, offsets, words and masks are those of tokenizers; what an `Encoding` is not asked for
is not made. Tokenizers are loaded, not put together: components are no objects here, and training
is `pyaot_tokenizer.Trainer`'s.
"""

from . import decoders
from ._encoding import Encoding
from ._tokenizer import AddedToken, Tokenizer

__all__ = ["AddedToken", "Encoding", "Tokenizer", "decoders"]
