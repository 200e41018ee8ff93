"""What tiktoken 0.14.0 offers, over this package's core: change the import, keep the program.

    >>> from pyaot_tokenizer import tiktoken
    >>> tiktoken.get_encoding("cl100k_base").encode("Hello, world!")  # doctest: +SKIP
    [9906, 11, 1917, 0]

Names, results, types and texts of errors are tiktoken's; the modules `core`, `load`, `model` and
`registry` are where it has them. What differs:

- Nothing is downloaded. `get_encoding` reads the published files from the cache folder of tiktoken
  (``TIKTOKEN_CACHE_DIR``, else ``DATA_GYM_CACHE_DIR``, else ``data-gym-cache`` in the folder for
  temporary files), where each is called by the SHA-1 of its address; `load` says more.
- Where tiktoken panics or hangs, there is a ValueError: ranks given twice, an empty special token,
  a byte of the text that the vocabulary has no token for.
- A pattern that cannot be read is a ValueError with this package's own text.
"""

from __future__ import annotations

from .core import Encoding
from .model import encoding_for_model, encoding_name_for_model
from .registry import VERSION as __version__
from .registry import get_encoding, list_encoding_names

__all__ = [
    "Encoding",
    "__version__",
    "encoding_for_model",
    "encoding_name_for_model",
    "get_encoding",
    "list_encoding_names",
]
