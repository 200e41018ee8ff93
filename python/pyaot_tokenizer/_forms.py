"""Which form a tokenizer file has, told by its content, and which files a folder has."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import re
from typing import Any, Dict, List, Literal, Mapping, Optional, Tuple, Union

from .errors import FileMissingError, FormatError, UnsupportedError

FROZEN_MAGIC = b"PYAOTTOK"
"""What a frozen file begins with."""

SETTINGS_SUFFIX = ".json"
"""What the name of a rank file's settings has behind that of the rank file."""

SINGLE_FILES = ("tokenizer.json", "tekken.json", "tokenizer.model")
"""Files that hold a whole tokenizer, the first to be taken first."""

PAIR = ("vocab.json", "merges.txt")
"""The files that hold one together."""

_RANK_LINE = re.compile(rb"[A-Za-z0-9+/]*={0,2} \d+\r?(\n|\Z)")
_SPACE = b" \t\r\n"


def of(content: bytes) -> Literal["json", "sentencepiece", "tiktoken"]:
    """The form of a file that is not frozen; ``"json"`` if it is none of the others."""
    if _RANK_LINE.match(content):
        return "tiktoken"
    # The first field of a SentencePiece model is its pieces; a document of JSON has a brace.
    if content.startswith(b"\n") and not content[:64].lstrip(_SPACE).startswith(b"{"):
        return "sentencepiece"
    return "json"


def may_be_tekken(document: bytes) -> bool:
    """Whether a document has the names that a tekken.json has."""
    return b'"vocab"' in document and b'"config"' in document


def is_folder(path: Union[str, os.PathLike[str]]) -> bool:
    """Whether there is a folder at `path`, which may be anything of these types."""
    try:
        return os.path.isdir(path)
    except ValueError:
        return False


def find_in(folder: str) -> List[str]:
    """The file of a folder's tokenizer, or the two files.

    Raises:
        FileMissingError: There is none.
    """
    for name in SINGLE_FILES:
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            return [path]
    pair = [os.path.join(folder, name) for name in PAIR]
    if all(map(os.path.isfile, pair)):
        return pair
    ranks = sorted(glob.glob(os.path.join(glob.escape(folder), "*.tiktoken")))
    if len(ranks) == 1:
        return ranks
    looked = ", ".join(SINGLE_FILES)
    several = f" ({len(ranks)} are there)" if ranks else ""
    raise FileMissingError(
        f"the folder has none of {looked}, {PAIR[0]} with {PAIR[1]}, "
        f"and not a single *.tiktoken{several}",
        file=folder,
    )


def rank_settings(content: bytes, file: Optional[str]) -> Tuple[str, Mapping[str, int]]:
    """The pattern and the special tokens of a rank file, which does not have them.

    Raises:
        FormatError: The file of settings beside it is malformed.
        UnsupportedError: Nothing tells them.
    """
    from .tiktoken import registry  # noqa: PLC0415 (which builds on tokenizers)

    if file is not None and os.path.isfile(file + SETTINGS_SUFFIX):
        return _read_settings(file + SETTINGS_SUFFIX)
    name = registry.name_of(hashlib.sha256(content).hexdigest())
    if name is None and file is not None:
        stem = os.path.basename(file)
        name = stem[: -len(".tiktoken")] if stem.endswith(".tiktoken") else None
    settings = None if name is None else registry.settings(name)
    if settings is None:
        raise UnsupportedError(
            "a rank file without a pattern, and of no published encoding: "
            "use from_tiktoken(..., pattern=...)",
            file=file,
        )
    return settings


def _read_settings(path: str) -> Tuple[str, Mapping[str, int]]:
    try:
        with open(path, "rb") as file:
            content = json.loads(file.read())
        pattern, specials = content["pattern"], content["special_tokens"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise FormatError(f"no settings of a rank file: {error!r}", file=path) from error
    if not isinstance(pattern, str) or not _are_tokens(specials):
        raise FormatError("no settings of a rank file: of wrong types", file=path)
    return pattern, specials


def _are_tokens(specials: Any) -> bool:
    if not isinstance(specials, dict):
        return False
    values: Dict[Any, Any] = specials
    return all(type(value) is int and 0 <= value < 1 << 32 for value in values.values())
