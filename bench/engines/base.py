"""What an engine is here: how it loads a vocabulary, and how its users write each call.

A call is an expression that is compiled into the loop that is timed, so it costs what it costs its
users, and the results page can print it. In it, ``t`` is what `load` gave, ``x`` the input,
``threads`` a number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable, Iterable, List, Mapping, Optional

# The shapes of a call, by what goes in and what comes out.
SHAPES = {
    "list": "one text to a list of ints",
    "array": "one text to an array",
    "offsets": "one text to a list of ints and where each stands, in characters",
    "byte_offsets": "the same, in bytes",
    "batch_lists": "many texts to lists of ints",
    "batch_arrays": "many texts to arrays",
    "decode": "a list of ints to a str",
    "decode_array": "an array of ids to a str",
}


@dataclass(frozen=True)
class Vocabulary:
    """A vocabulary and the files that it is loaded from; either may be missing."""

    name: str
    ranks: Optional[str] = None
    """A rank file. Text that spells a special token is ordinary text then."""
    pattern: Optional[str] = None
    """The pattern that goes with the rank file, in the syntax of tiktoken."""
    json: Optional[str] = None
    """A tokenizer.json. Where there is no rank file, special tokens in a text become their ids."""
    merges: Optional[str] = None
    """How rustbpe gets there: the file with the texts that it learns from."""


@dataclass(frozen=True)
class Engine:
    """A tokenizer of another make, or this one."""

    distribution: str
    """The name of its package, whose version is shown."""
    load: Callable[[Vocabulary], Any]
    """Loads a vocabulary; raises LookupError where it cannot have this one."""
    calls: Callable[[Vocabulary], Mapping[str, str]]
    """Shape to expression; a shape that the engine does not have is missing."""
    full: bool = True
    """Whether it comes with the peers that only ``--full`` installs."""
    rows: Callable[[Any], Iterable[Any]] = list
    """Takes the result of `batch_arrays` apart, one item a text."""
    slow: bool = False
    """Timed on a shorter part of each text, so that the whole run ends."""
    environment: Mapping[str, str] = ()  # type: ignore[assignment]
    """Further environment variables of its process."""


def only_trains(_: Vocabulary) -> Any:
    """Loads nothing, for what is measured in training alone."""
    raise LookupError("it is measured in training alone")


def needs(vocabulary: Vocabulary, attribute: str) -> str:
    """The vocabulary's file of this kind; LookupError without one."""
    found: Optional[str] = getattr(vocabulary, attribute)
    if found is None:
        raise LookupError(f"there is no {attribute} file of {vocabulary.name} for it")
    return found


def named(vocabulary: Vocabulary, names: Mapping[str, str]) -> str:
    """What an engine with built-in vocabularies calls this one; LookupError if it has it not."""
    if vocabulary.name not in names:
        raise LookupError(f"it has {', '.join(names)} alone, not {vocabulary.name}")
    return names[vocabulary.name]


def ranks_of(path: str) -> dict[bytes, int]:
    """The content of a rank file."""
    import base64

    with open(path, "rb") as file:
        pairs = (line.split() for line in file)
        return {base64.b64decode(token): int(rank) for token, rank in pairs}


def cut(ids: Any, ends: Iterable[int], start: int = 0) -> List[Any]:
    """The rows of flat ids, each of which ends at the next of `ends`."""
    rows = []
    for end in ends:
        rows.append(ids[start : int(end)])
        start = int(end)
    return rows
