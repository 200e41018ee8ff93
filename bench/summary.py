"""The summary that the comparison ends with: encoding, training, memory, of each implementation.

Every implementation does all of its work in a process of its own, on one thread; the rounds go from
one to the next in turn, and the median is shown, as time on the wall. What each gives is compared
with what pyaot_tokenizer gives: the merges learnt, and every id.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Sequence, Tuple

from summary_work import DOCUMENT_COUNT, OURS, Expected, make_plan, run_once

from measure import Failed
from running import say

ROWS: Mapping[str, str] = {
    "characters": "Encoding (1M chars)",
    "tokens": "Encoding (1M tokens)",
    "documents": f"Training ({DOCUMENT_COUNT} docs)",
    "large": "Training (large)",
    "memory": "Memory footprint",
}
COLUMNS = ("pure Python", "tiktoken", "tokenizers", "rustbpe", "rust_baseline", OURS)
_TITLES = {OURS: "pyaot (Zig)"}
# An implementation gets no more rounds when one took so many seconds.
_SLOW = 6.0
_WIDTHS = (21, 14)


@dataclass
class Cell:
    """What one implementation did for one row."""

    figures: List[float] = field(default_factory=list)
    """Seconds, or mebibytes: one a round."""
    part: Optional[str] = None
    """What was done of the work, where that is less than all."""
    is_bound: bool = False
    """Whether the figure is less than that of all of the work, and not in proportion to it."""
    absent: Optional[str] = None
    """Why there is no figure."""

    def value(self) -> Optional[float]:
        """The median of the rounds."""
        return statistics.median(self.figures) if self.figures else None


@dataclass
class Summary:
    """The figures, and what did not agree."""

    sizes: Dict[str, float]
    cells: Dict[Tuple[str, str], Cell] = field(default_factory=dict)
    compared: Dict[str, int] = field(default_factory=dict)
    """How many results of each kind were compared."""
    wrong: List[str] = field(default_factory=list)

    def cell(self, row: str, column: str) -> Cell:
        """The cell, made when it is first asked for."""
        return self.cells.setdefault((row, column), Cell())

    def speed_up(self, row: str, column: str) -> Optional[float]:
        """How many times less time (or memory) this project takes."""
        theirs, ours = self.cell(row, column).value(), self.cell(row, OURS).value()
        return theirs / ours if theirs is not None and ours else None

    def text(self) -> str:
        """The table, the speed-ups, the notes and the line on what agrees."""
        lines = [
            f"Summary: one thread, first pass, time on the wall. Encoded are"
            f" {self.sizes['characters']:,.0f} characters, and {self.sizes['tokens']:,.0f} tokens;",
            f"the large training is of {self.sizes['megabytes']:.1f} MB and"
            f" {self.sizes['vocab_size']:,.0f} tokens; memory is the process's peak during it.",
            _line("", [_TITLES.get(name, name) for name in COLUMNS]),
        ]
        for row, title in ROWS.items():
            lines.append(_line(title, [self._figure(row, name) for name in COLUMNS]))
        lines.append(_line("Speed-up against", COLUMNS[:-1]))
        for row, title in ROWS.items():
            lines.append(_line(title, [self._times(row, name) for name in COLUMNS[:-1]]))
        return "\n".join([*lines, *self._notes(), self.verdict()])

    def record(self) -> Dict[str, Any]:
        """The figures for programs: medians, in seconds and mebibytes."""
        figures = {f"{row}/{column}": cell.value() for (row, column), cell in self.cells.items()}
        return {"sizes": self.sizes, "figures": figures, "wrong": self.wrong}

    def verdict(self) -> str:
        """Whether all merges and ids agree."""
        if self.wrong:
            return "DISAGREEMENT: " + "; ".join(self.wrong)
        trained, encoded = self.compared.get("training", 0), self.compared.get("encoding", 0)
        return f"All merges of {trained} trainings and all ids of {encoded} encodings agree."

    def _figure(self, row: str, column: str) -> str:
        cell = self.cell(row, column)
        value = cell.value()
        if value is None:
            return cell.absent or "-"
        sign = (">" if cell.is_bound else "~") if cell.part else ""
        if row == "memory":
            return f"{sign}{value:.1f} MiB"
        return f"{sign}{value:.2f} s" if value >= 1 else f"{sign}{value * 1e3:.1f} ms"

    def _times(self, row: str, column: str) -> str:
        cell, times = self.cell(row, column), self.speed_up(row, column)
        if times is None:
            return "-"
        sign = (">" if cell.is_bound else "~") if cell.part else ""
        return f"{sign}{times:.1f}x" if times < 100 else f"{sign}{times:.0f}x"

    def _notes(self) -> Iterator[str]:
        for (row, column), cell in self.cells.items():
            if cell.part:
                how = "a lower bound" if cell.is_bound else "in proportion"
                yield f"{column}, {ROWS[row]}: {cell.part}; {how}."
            elif cell.absent and len(cell.absent) > _WIDTHS[1] - 2:
                yield f"{column}, {ROWS[row]}: {cell.absent}."


def _line(title: str, cells: Sequence[str]) -> str:
    shown = [cell if len(cell) < _WIDTHS[1] else "failed" for cell in cells]
    return f"{title:<{_WIDTHS[0]}}" + "".join(f"{cell:>{_WIDTHS[1]}}" for cell in shown)


def measure(folder: Path, texts: Sequence[Path], rounds: int, megabytes: float) -> Summary:
    """Runs everything; `texts` are files of which the corpus is made."""
    say("summary: the corpus, and what must come out")
    plan, expected = make_plan(folder, texts, megabytes)
    summary = Summary(plan.sizes)
    absent: List[str] = []
    for round_ in range(rounds):
        for column in COLUMNS:
            if column in absent:
                continue
            say(f"summary: round {round_ + 1}, {column}")
            try:
                results = run_once(column, plan)
            except Failed as error:
                absent.append(column)
                for row in ROWS:
                    summary.cells[row, column] = Cell(absent=str(error))
                continue
            _take(summary, column, results, expected, first=round_ == 0)
            if sum(r["seconds"] for r in results.values() if "seconds" in r) > _SLOW:
                absent.append(column)
    return summary


def _take(
    summary: Summary,
    column: str,
    results: Mapping[str, Mapping[str, Any]],
    expected: Expected,
    *,
    first: bool,
) -> None:
    """Adds one round of one implementation, and compares what it gave."""
    for row, result in results.items():
        cell = summary.cell(row, column)
        if "absent" in result:
            cell.absent = str(result["absent"])
            continue
        if row == "memory":
            cell.figures.append(result["mebibytes"])
            continue
        cell.part, cell.is_bound = result.get("part"), row in ("documents", "large")
        cell.figures.append(result["seconds"] * result.get("times", 1))
        if not expected.agrees(row, result):
            summary.wrong.append(f"{column} differs in {ROWS[row]}")
        elif first:
            kind = "training" if row in ("documents", "large") else "encoding"
            summary.compared[kind] = summary.compared.get(kind, 0) + 1
