"""The names and arguments of hf against those of tokenizers: what is missing is on a list."""

from __future__ import annotations

import inspect
import sys
from typing import Any, Dict, Iterator, List, Set, Tuple

import pytest
import tokenizers

from pyaot_tokenizer import UnsupportedError, hf

MODULES = ("decoders", "models", "normalizers", "pre_tokenizers", "processors", "trainers")

# Also in docs/hf.md, with what there is instead.
LEFT_OUT: Dict[str, Set[str]] = {
    "": {
        "BertWordPieceTokenizer",
        "ByteLevelBPETokenizer",
        "CharBPETokenizer",
        "OffsetReferential",
        "OffsetType",
        "SentencePieceBPETokenizer",
        "SentencePieceUnigramTokenizer",
        "SplitDelimiterBehavior",
        "implementations",
        # What the module imports for itself.
        "Enum",
        "List",
        "Tuple",
        "Union",
        "tokenizers",
    },
    "decoders": {"decoders"},
    "models": {"Unigram", "WordLevel", "WordPiece", "models"},
    "models.Model": {"get_trainer", "id_to_token", "save", "token_to_id", "tokenize"},
    "normalizers": {"NORMALIZERS", "normalizers"},
    "pre_tokenizers": {"pre_tokenizers"},
    "processors": {"processors"},
    "processors.TemplateProcessing": {"single"},
    "trainers": {"ParityBpeTrainer", "UnigramTrainer", "WordLevelTrainer", "WordPieceTrainer"},
    "NormalizedString": {
        name for name in dir(tokenizers.NormalizedString) if not name.startswith("_")
    },
    "PreTokenizedString": {
        name for name in dir(tokenizers.PreTokenizedString) if not name.startswith("_")
    },
}


def public(value: object) -> Set[str]:
    return {name for name in dir(value) if not name.startswith("_")}


def namespaces() -> Iterator[Tuple[str, Any, Any]]:
    """The modules and the classes that both have, by name."""
    pairs: List[Tuple[str, Any, Any]] = [("", tokenizers, hf)]
    pairs += [(name, getattr(tokenizers, name), getattr(hf, name)) for name in MODULES]
    for name, theirs, ours in pairs:
        yield name, theirs, ours
        for item in sorted(public(theirs) & public(ours)):
            if inspect.isclass(getattr(theirs, item)):
                yield f"{name}.{item}".lstrip("."), getattr(theirs, item), getattr(ours, item)


NAMESPACES = {name: (theirs, ours) for name, theirs, ours in namespaces()}


@pytest.mark.parametrize("name", NAMESPACES)
def test_names(name: str) -> None:
    """Nothing is missing that is not on the list, and nothing is on it that is there."""
    theirs, ours = NAMESPACES[name]
    assert public(theirs) - public(ours) == LEFT_OUT.get(name, set())


def parameters(function: Any) -> List[inspect.Parameter]:
    return [*inspect.signature(function).parameters.values()]


@pytest.mark.parametrize("name", NAMESPACES)
def test_arguments(name: str) -> None:
    """Ours take theirs by the same names, in the same order, with the same defaults."""
    theirs, ours = NAMESPACES[name]
    for item in ("", *sorted(public(theirs) & public(ours))):
        reference = getattr(theirs, item) if item else theirs
        if inspect.ismodule(reference) or not callable(reference):
            continue
        try:
            expected = parameters(reference)
        except ValueError:
            # There is none to be read.
            continue
        if inspect.isclass(reference) and [each.name for each in expected][:1] in ([], ["self"]):
            # Nor here: what any object takes.
            continue
        own = getattr(ours, item) if item else ours
        found = parameters(own)
        is_open = any(each.kind is inspect.Parameter.VAR_KEYWORD for each in found)
        for index, each in enumerate(expected):
            if each.kind in (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL):
                continue
            if is_open and each.name not in [own_one.name for own_one in found]:
                continue
            assert index < len(found), (name, item, each)
            other = found[index]
            assert other.name == each.name, (name, item)
            if each.default is not inspect.Parameter.empty:
                same = other.default == each.default or (not other.default and not each.default)
                assert same, (name, item, each, other)


class Component:
    """As far as the reference looks at a component in Python, before it is used."""


def test_what_is_left_out_is_refused_by_name() -> None:
    for kind in (hf.normalizers.Normalizer, hf.pre_tokenizers.PreTokenizer, hf.decoders.Decoder):
        with pytest.raises(UnsupportedError, match="in Python is not supported"):
            kind.custom(Component())  # type: ignore[attr-defined]
    with pytest.raises(UnsupportedError, match="NormalizedString"):
        hf.NormalizedString("a")
    with pytest.raises(UnsupportedError, match="PreTokenizedString"):
        hf.PreTokenizedString("a")
    with pytest.raises(UnsupportedError, match="normalize_str"):
        hf.normalizers.NFC().normalize(tokenizers.NormalizedString("a"))
    with pytest.raises(UnsupportedError, match="pre_tokenize_str"):
        hf.pre_tokenizers.Whitespace().pre_tokenize(tokenizers.PreTokenizedString("a"))
    tok: Any = hf.Tokenizer(hf.models.BPE({"a": 0}, []))
    made: List[Tuple[str, Any]] = [
        ("normalizer", tokenizers.normalizers.Normalizer.custom(Component())),
        ("pre_tokenizer", tokenizers.pre_tokenizers.PreTokenizer.custom(Component())),
        ("decoder", tokenizers.decoders.Decoder.custom(Component())),
    ]
    for role, component in made:
        with pytest.raises(UnsupportedError, match="in Python is not supported"):
            setattr(tok, role, component)
    assert tok.encode("a").ids == [0]


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, *sys.argv[1:]]))
