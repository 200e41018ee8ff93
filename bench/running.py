"""Runs the cells: every engine in turn, the ids of every document compared first."""

from __future__ import annotations

import hashlib
import json
import sys
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence

from corpora import Text
from engines import ENGINES, Vocabulary
from figures import Record
from measure import Failed, Setup, Worker
from rows import Row

# An engine gets no more rounds when its passes of a cell have taken so many seconds.
_BUDGET = 2.5
# What a slow engine is timed on, as a part of the others' text.
_SLOW_PART = 8
_ORACLE_TIMEOUT = 180.0


def say(line: str) -> None:
    """Progress, to standard error."""
    print(line, file=sys.stderr, flush=True)


@dataclass
class Runner:
    """What the cells have in common."""

    site: Optional[str]
    cache: Optional[str]
    rounds: int
    oracle_folder: Optional[Path]
    workers: Dict[Any, Worker] = field(default_factory=dict)

    def setup(self, engine: str, vocabulary: Vocabulary, threads: int = 1) -> Setup:
        """How a process of `engine` begins."""
        return Setup(engine, vocabulary, self.site, self.cache, threads)

    def worker(self, engine: str, vocabulary: Vocabulary, threads: int = 1) -> Worker:
        """The process of an engine with a vocabulary, started when it is first asked."""
        key = engine, vocabulary.name, threads
        if key not in self.workers:
            self.workers[key] = Worker(self.setup(engine, vocabulary, threads))
        return self.workers[key]

    def stop(self) -> None:
        """Ends all processes."""
        for worker in self.workers.values():
            worker.stop()
        self.workers.clear()

    def cell(
        self, name: str, row: Row, vocabulary: Vocabulary, shape: str, text: Text
    ) -> Iterator[Record]:
        """The records of one cell, one an engine that has such a call."""
        say(f"{name}: {vocabulary.name}, {text.name} ({text.form}), {shape}")
        running: Dict[str, Worker] = {}
        records: Dict[str, Record] = {}
        for engine in row.engines_for(vocabulary.name):
            record: Record = {
                "row": name,
                "vocabulary": vocabulary.name,
                "text": text.name,
                "form": text.form,
                "shape": shape,
                "engine": engine,
                "threads": row.threads,
            }
            own = self._own_text(engine, text)
            chosen = self._shape(engine, vocabulary, shape)
            worker = self.worker(engine, vocabulary, row.threads)
            try:
                self._begin(worker, chosen, own, record, row.timeout)
            except LookupError:
                continue
            except Failed as error:
                record["failed"] = str(error)
            records[engine] = record
            if "failed" not in record:
                running[engine] = worker
        self._first_passes(running, records, vocabulary, shape, text, row)
        self._warm_passes(running, records, row)
        for worker in running.values():
            worker.close()
        if row.threads > 1:
            self.stop()
        yield from records.values()

    def memory(self, row: Row, vocabulary: Vocabulary, text: Text) -> Iterator[Record]:
        """The peak of each engine's process."""
        for engine in row.engines:
            say(f"memory: {vocabulary.name}, {text.name} ({text.form}), {engine}")
            own = self._own_text(engine, text)
            record: Record = {
                "row": "memory",
                "vocabulary": vocabulary.name,
                "text": text.name,
                "form": text.form,
                "shape": "list",
                "engine": engine,
            }
            worker = self.worker(engine, vocabulary)
            try:
                record.update(bytes=worker.open("list", own, row.timeout)["bytes"])
                worker.ask("run", row.timeout)
                record["peak_mebibytes"] = worker.ask("peak", row.timeout)
                worker.close()
            except LookupError:
                continue
            except Failed as error:
                record["failed"] = str(error)
            yield record

    def _begin(
        self, worker: Worker, shape: str, text: Text, record: Record, timeout: float
    ) -> None:
        opened = worker.open(shape, text, timeout)
        record.update(bytes=opened["bytes"], call=opened["call"])
        clock = 1 if record["threads"] > 1 else 0
        record.update(clock=("cpu", "wall")[clock], first=[worker.ask("run", timeout)[clock]])
        record["expected"] = opened["expected"]

    def _first_passes(
        self,
        running: Dict[str, Worker],
        records: Dict[str, Record],
        vocabulary: Vocabulary,
        shape: str,
        text: Text,
        row: Row,
    ) -> None:
        """Two more first passes of the quick engines, in new processes, and everybody's ids."""
        for engine, worker in list(running.items()):
            record = records[engine]
            own = self._own_text(engine, text)
            try:
                expected = record.pop("expected") or self.expected(vocabulary, own)
                found = worker.ask("digests", row.timeout * 2)
                record["documents"] = len(found)
                record["wrong"] = (
                    None if expected is None else sum(a != b for a, b in zip(expected, found))
                )
                quick = row.threads == 1 and record["first"][0] < _BUDGET / 5
                for _ in range(2 if quick else 0):
                    again: Record = {"threads": row.threads}
                    chosen = self._shape(engine, vocabulary, shape)
                    self._begin(worker, chosen, own, again, row.timeout)
                    record["first"] += again["first"]
            except Failed as error:
                record["failed"] = str(error)
                del running[engine]

    def _warm_passes(
        self, running: Dict[str, Worker], records: Dict[str, Record], row: Row
    ) -> None:
        for round_ in range(self.rounds):
            for engine, worker in list(running.items()):
                record = records[engine]
                warm: List[float] = record.setdefault("warm", [])
                if round_ and sum(warm) + warm[0] > _BUDGET:
                    continue
                try:
                    again = worker.ask("run_again", row.timeout)
                    warm.append(again[record["clock"] == "wall"])
                except Failed as error:
                    record["failed"] = str(error)
                    del running[engine]

    def expected(self, vocabulary: Vocabulary, text: Text) -> Optional[List[str]]:
        """The oracle's fingerprints, which are kept in a file: the oracles are slow."""
        oracle = "tiktoken" if vocabulary.ranks else "tokenizers"
        file = self._oracle_file(oracle, vocabulary, text)
        if file is not None and file.exists():
            kept: List[str] = json.loads(file.read_text("ascii"))
            return kept
        worker = Worker(self.setup(oracle, vocabulary))
        try:
            worker.open("list", text, _ORACLE_TIMEOUT)
            found: List[str] = worker.ask("digests", _ORACLE_TIMEOUT)
        except Failed as error:
            say(f"  the oracle {oracle} failed: {error}")
            return None
        finally:
            worker.stop()
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(json.dumps(found), "ascii")
        return found

    def _oracle_file(self, oracle: str, vocabulary: Vocabulary, text: Text) -> Optional[Path]:
        if self.oracle_folder is None:
            return None
        key = hashlib.sha256(repr((oracle, vocabulary.pattern, text.form, text.limit)).encode())
        for path in (vocabulary.ranks or vocabulary.json or "", text.path):
            key.update(Path(path).read_bytes() if path else b"")
        return self.oracle_folder / f"{key.hexdigest()[:24]}.json"

    @staticmethod
    def _own_text(engine: str, text: Text) -> Text:
        """A slow engine's part of the text."""
        if not ENGINES[engine].slow or text.form == "hello":
            return text
        size = min(text.limit, Path(text.path).stat().st_size)
        return replace(text, limit=size // _SLOW_PART)

    @staticmethod
    def _shape(engine: str, vocabulary: Vocabulary, shape: str) -> str:
        if shape != "nearest":
            return shape
        return "array" if "array" in ENGINES[engine].calls(vocabulary) else "list"


def run_row(
    runner: Runner,
    name: str,
    row: Row,
    vocabularies: Sequence[Vocabulary],
    texts: Mapping[str, Text],
) -> Iterator[Record]:
    """The records of all cells of a row but ``load``."""
    for vocabulary in vocabularies:
        for text in texts.values():
            for form in row.forms:
                limit = min(text.limit, int(row.megabytes * 1e6))
                cut = replace(text, form=form, limit=limit)
                if name == "memory":
                    yield from runner.memory(row, vocabulary, cut)
                    continue
                for shape in row.shapes:
                    yield from runner.cell(name, row, vocabulary, shape, cut)
        runner.stop()
