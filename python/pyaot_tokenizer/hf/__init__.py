"""The API of tokenizers 0.23.3 for BPE, on the core of this package.

::

    from pyaot_tokenizer.hf import Tokenizer

    tok = Tokenizer.from_file("tokenizer.json")
    tok.encode("Hello, world!").ids

Ids, tokens, offsets, words and masks are those of tokenizers; what an `Encoding` is not asked for
is not made. Components are objects, as in tokenizers: ``tok.normalizer``, ``tok.pre_tokenizer``,
``tok.model``, ``tok.post_processor`` and ``tok.decoder`` can be read, changed and assigned, those
of tokenizers itself too. ``tok.train_from_iterator`` learns what tokenizers' ``BpeTrainer`` learns.
"""

from . import decoders, models, normalizers, pre_tokenizers, processors, trainers
from ._added import AddedToken
from ._components import Regex
from ._encoding import Encoding
from ._inputs import (
    EncodeInput,
    InputSequence,
    Offsets,
    PreTokenizedEncodeInput,
    PreTokenizedInputSequence,
    TextEncodeInput,
    TextInputSequence,
)
from ._left_out import NormalizedString, PreTokenizedString
from ._tokenizer import Tokenizer
from .models import Token

__all__ = [
    "AddedToken",
    "EncodeInput",
    "Encoding",
    "InputSequence",
    "NormalizedString",
    "Offsets",
    "PreTokenizedEncodeInput",
    "PreTokenizedInputSequence",
    "PreTokenizedString",
    "Regex",
    "TextEncodeInput",
    "TextInputSequence",
    "Token",
    "Tokenizer",
    "decoders",
    "models",
    "normalizers",
    "pre_tokenizers",
    "processors",
    "trainers",
]
