"""Compares real vocabularies with their references, on corpora and on random hostile strings.

::

    python tests/verification.py VOCABULARY... [--corpora FOLDER] [--strings 200000] [--jobs 2]

For each vocabulary (a tokenizer.json, a published .tiktoken file, a SentencePiece .model, a
tekken.json; or a folder of such) and each source of texts it prints a line of JSON: how many texts
there were, and for each fact (ids, tokens, offsets, text, the ids of what was saved and loaded) for
how many of them it was compared and for how many it differs. The exit code is 1 if any does. Ids
are compared for all; with `--facts-of-every 8` the other facts for each eighth batch, with 0 for
none. Without vocabularies, those that installed packages carry. Not part of the tests: it takes
minutes to hours, and `test_verification.py` runs a slice.
"""

from __future__ import annotations

import argparse
import functools
import importlib.util
import json
import multiprocessing
import os
import random
import sys
from collections import Counter
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, NamedTuple, Optional, Sequence, Tuple

import texts
import verification_forms as forms

STRINGS = "random strings"
_DOCUMENTS_A_UNIT = 64
_STRINGS_A_UNIT = 2500
_SHOWN = 3


class Unit(NamedTuple):
    """The texts that are compared at once, in one process."""

    vocabulary: Path
    source: str
    """`STRINGS`, or the path of a corpus."""
    start: int
    size: int
    document: int
    seed: int
    ids_only: bool


class Outcome(NamedTuple):
    """What came of a unit."""

    unit: Unit
    oracle: str
    texts: int
    tokens: int
    compared: Dict[str, int]
    differences: Dict[str, int]
    examples: List[str]


def documents(corpus: Path, length: int) -> List[str]:
    """A corpus in documents of `length` characters."""
    content = corpus.read_text("utf-8")
    return [content[at : at + length] for at in range(0, len(content), length)]


@functools.lru_cache(maxsize=1)
def _documents(corpus: str, length: int) -> List[str]:
    return documents(Path(corpus), length)


def texts_of(unit: Unit, specials: Sequence[str]) -> List[str]:
    """The texts of a unit."""
    if unit.source != STRINGS:
        return _documents(unit.source, unit.document)[unit.start : unit.start + unit.size]
    rng = random.Random(f"{unit.seed} {unit.start}")
    return [texts.text(rng, specials) for _ in range(unit.size)]


def run(unit: Unit) -> Outcome:
    """Compares the texts of a unit."""
    form = forms.load(unit.vocabulary)
    batch = texts_of(unit, form.specials)
    compared: Dict[str, int] = {}
    differences: Dict[str, int] = {}
    examples: List[str] = []
    tokens = 0
    columns: List[Iterator[forms.Column]] = [form.columns(batch, ids_only=unit.ids_only)]
    if unit.source == STRINGS and not unit.ids_only:
        rng = random.Random(f"ids {unit.seed} {unit.start}")
        columns.append(form.columns_of_random_ids(rng, unit.size // 4))
    for column in _tried(columns):
        if column.name == "ids":
            tokens = sum(map(len, column.expected))
        compared[column.name] = len(column.expected)
        differences[column.name] = 0
        if column.expected == column.found:
            continue
        for index, (expected, found) in enumerate(zip(column.expected, column.found)):
            if expected != found:
                differences[column.name] += 1
                if len(examples) < _SHOWN:
                    text = batch[index] if len(column.expected) == len(batch) else ""
                    examples.append(_example(column.name, text, expected, found))
        if len(column.expected) != len(column.found):
            differences[column.name] += 1
            examples.append(f"{column.name}: {len(column.expected)}, {len(column.found)}")
    return Outcome(unit, form.oracle, len(batch), tokens, compared, differences, examples)


def _tried(columns: List[Iterator[forms.Column]]) -> Iterator[forms.Column]:
    """All columns; an error ends the ones that it comes up in, and is a difference."""
    for several in columns:
        try:
            yield from several
        except Exception as error:
            yield forms.Column("errors", [None], [repr(error)])


def _example(name: str, text: str, expected: object, found: object) -> str:
    if isinstance(expected, (list, str, bytes)) and isinstance(found, type(expected)):
        at = next((i for i, pair in enumerate(zip(expected, found)) if pair[0] != pair[1]), 0)
        expected, found = expected[max(at - 3, 0) : at + 6], found[max(at - 3, 0) : at + 6]
        name = f"{name} at {at}"
    return f"{name}: {text[:200]!r}: expected {expected!r}, found {found!r}"


def units_of(
    vocabularies: Iterable[Path],
    corpora: Sequence[Path],
    strings: int,
    *,
    document: int,
    seed: int,
    facts_of_every: int,
) -> List[Unit]:
    """All that is to be done, one vocabulary after the other."""
    counts = {str(corpus): len(documents(corpus, document)) for corpus in corpora}
    units: List[Unit] = []
    for vocabulary in vocabularies:
        for source, total, step in (
            *((corpus, total, _DOCUMENTS_A_UNIT) for corpus, total in counts.items()),
            (STRINGS, strings, _STRINGS_A_UNIT),
        ):
            units += [
                Unit(
                    vocabulary,
                    source,
                    start,
                    min(step, total - start),
                    document,
                    seed,
                    ids_only=facts_of_every == 0 or index % facts_of_every > 0,
                )
                for index, start in enumerate(range(0, total, step))
            ]
    return units


class Report:
    """The counts of one vocabulary and one source of texts."""

    def __init__(self) -> None:
        """Starts with nothing."""
        self.oracle = ""
        self.texts = 0
        self.tokens = 0
        self.compared: Counter[str] = Counter()
        self.differences: Counter[str] = Counter()

    def add(self, outcome: Outcome) -> None:
        """Takes what came of a unit."""
        self.oracle = outcome.oracle
        self.texts += outcome.texts
        self.tokens += outcome.tokens
        self.compared.update(outcome.compared)
        self.differences.update(outcome.differences)

    def line(self, key: Tuple[str, str]) -> str:
        """As a line of JSON."""
        source = key[1] if key[1] == STRINGS else Path(key[1]).stem
        facts = {
            "vocabulary": key[0],
            "texts": source,
            "oracle": self.oracle,
            "count": self.texts,
            "tokens": self.tokens,
            "compared": dict(self.compared),
            "differences": {name: self.differences[name] for name in self.compared},
        }
        return json.dumps(facts)


def verify(units: Sequence[Unit], jobs: int) -> bool:
    """Does all units and prints a line for each vocabulary and source; whether all is equal."""
    left = Counter((forms.name_of(unit.vocabulary), unit.source) for unit in units)
    reports: Dict[Tuple[str, str], Report] = {}
    is_equal = True
    # Each process works on one thread.
    os.environ.update({"TOKENIZERS_PARALLELISM": "false", "RAYON_NUM_THREADS": "1"})
    with multiprocessing.get_context("spawn").Pool(jobs) as pool:
        for outcome in pool.imap_unordered(run, units):
            key = forms.name_of(outcome.unit.vocabulary), outcome.unit.source
            report = reports.setdefault(key, Report())
            report.add(outcome)
            for example in outcome.examples:
                print(f"{key[0]}: {example}", file=sys.stderr, flush=True)
            is_equal = is_equal and not any(outcome.differences.values())
            left[key] -= 1
            if left[key] == 0:
                print(report.line(key), flush=True)
    return is_equal


def carried() -> List[Path]:
    """Vocabularies that installed packages carry."""
    found: List[Path] = []
    for package, pattern in (
        ("mistral_common", "data/*"),
        ("litellm", "litellm_core_utils/tokenizers/*"),
    ):
        spec = importlib.util.find_spec(package)
        for place in (spec.submodule_search_locations or ()) if spec else ():
            found += sorted(path for path in Path(place).glob(pattern) if forms.files_in(path))
    return found


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """The command; its exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("vocabularies", nargs="*", type=Path, metavar="VOCABULARY")
    parser.add_argument("--corpora", type=Path, help="a folder of .txt files, or one of them")
    parser.add_argument("--document", type=int, default=4000, help="characters of a document")
    parser.add_argument("--strings", type=int, default=0, help="how many random strings")
    parser.add_argument("--seed", type=int, default=0, help="of the random strings")
    parser.add_argument(
        "--facts-of-every",
        type=int,
        default=1,
        help="compare more than ids in each so manieth batch",
    )
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    options = parser.parse_args(arguments)
    corpora: List[Path] = []
    if options.corpora is not None:
        is_file = options.corpora.is_file()
        corpora = [options.corpora] if is_file else sorted(options.corpora.glob("*.txt"))
    chosen = options.vocabularies or carried()
    units = units_of(
        [file for path in chosen for file in forms.files_in(path)],
        corpora,
        options.strings,
        document=options.document,
        seed=options.seed,
        facts_of_every=options.facts_of_every,
    )
    if not units:
        parser.error("nothing to compare: no vocabulary, or neither --corpora nor --strings")
    return 0 if verify(units, options.jobs) else 1


if __name__ == "__main__":
    sys.exit(main())
