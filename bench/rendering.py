"""The records as text: tables of at most 110 columns, and the page of results."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any, Dict, List, Mapping, Optional, Sequence

import figures
import targets
from engines import ENGINES
from figures import Record
from rows import Row

_FAVOURS = Path(__file__).parent / "FAVOURS.md"


def tables(records: Sequence[Record], rows: Mapping[str, Row]) -> str:
    """All records, a table a row, plain."""
    parts = []
    for name, row in rows.items():
        chosen = [r for r in records if r["row"] == name]
        if chosen:
            parts.append(f"{row.title} [{name}]\n{_table(name, chosen)}")
    return "\n\n".join(parts)


def target_table(records: Sequence[Record]) -> str:
    """The targets of the rows that there are records of, in Markdown."""
    measured = {record["row"] for record in records}
    lines = [
        "| what | against | target | worst cell | median cell | met | the worst cell |",
        "|---|---|---|---|---|---|---|",
    ]
    for outcome in targets.outcomes(records):
        target = outcome.target
        if target.row not in measured:
            continue
        sign = "≤ " if target.is_at_most else "≥ "
        met = {True: "yes", False: "**no**", None: "not measured"}[outcome.met]
        lines.append(
            f"| {target.what} | {target.against} | {sign}{target.least:g}× "
            f"| {_times(outcome.worst)} | {_times(outcome.median)} | {met} | {outcome.where} |"
        )
    return "\n".join(lines)


def joined_header(headers: Sequence[Mapping[str, str]]) -> Dict[str, str]:
    """What the figures of several runs hold for: every different engine, command and fact, once."""
    joined: Dict[str, List[str]] = {}
    for header in headers:
        for key, value in header.items():
            seen = joined.setdefault(key, [])
            seen += [
                v for v in (value.split(", ") if key == "engines" else [value]) if v not in seen
            ]
    return {key: (", " if key == "engines" else "; ").join(seen) for key, seen in joined.items()}


def page(records: Sequence[Record], rows: Mapping[str, Row], header: Mapping[str, Any]) -> str:
    """The page of results."""
    facts = "\n".join(f"- {key}: {value}" for key, value in header.items())
    parts = [
        "# Results",
        "Written by the benchmark; the machine is shared and its times vary, so read ratios, not"
        " figures.",
        facts,
        "## Targets",
        "A ratio is how many times less time (or memory) pyaot_tokenizer takes than the other. A"
        " target is met if it is in the worst of its cells.",
        target_table(records),
        "## Figures",
        "MB/s of text by the median pass. `spread` is the slowest round over the quickest; `ids`"
        " tells in how many documents they differ from the oracle's.",
        f"```text\n{tables(records, rows)}\n```",
        _calls(records),
        _FAVOURS.read_text("utf-8"),
    ]
    return "\n\n".join(parts)


def _times(value: Optional[float]) -> str:
    return "–" if value is None else f"{value:.2f}×"


def _calls(records: Sequence[Record]) -> str:
    """How each engine is called."""
    calls: Dict[str, List[str]] = {}
    for record in records:
        if "call" in record and record["row"] != "load":
            found = calls.setdefault(record["engine"], [])
            if record["call"] not in found:
                found.append(record["call"])
    lines = ["## Calls", "", "| engine | calls |", "|---|---|"]
    for engine in ENGINES:
        if engine in calls:
            shown = ", ".join(f"`{call}`" for call in sorted(calls[engine]))
            lines.append(f"| {engine} | {shown} |")
    return "\n".join(lines)


def _table(name: str, records: Sequence[Record]) -> str:
    if name == "memory":
        return _memory_table(records)
    if name == "train":
        return _training_table(records)
    unit, last = ("ms", "bytes") if name == "load" else ("us a call", "ids")
    if name not in ("load", "short"):
        unit = "MB/s"
    lines = [
        f"{'vocabulary':<11} {'text':<18} {'form':<9} {'shape':<12} {'engine':<15}"
        f" {'first':>9} {'warm':>9} {'spread':>6}  {last} ({unit})"
    ]
    for cell in figures.grouped(records).values():
        for record in sorted(cell, key=_order):
            head = (
                f"{record['vocabulary']:<11} {record['text']:<18} {record.get('form', ''):<9}"
                f" {record.get('shape', ''):<12} {record['engine']:<15}"
            )
            lines.append(f"{head} {_row_figures(name, record)}")
    return "\n".join(lines)


def _training_table(records: Sequence[Record]) -> str:
    lines = [
        f"{'of':<13} {'tokens':>6} {'threads':<9} {'engine':<15} {'seconds':>8} {'spread':>6}"
        f" {'of CPU':>7} {'peak MiB':>9}  learnt"
    ]
    for cell in figures.grouped(records).values():
        for record in sorted(cell, key=_order):
            head = (
                f"{record['form']:<13} {record['vocabulary']:>6} {record['shape']:<9}"
                f" {record['engine']:<15}"
            )
            if "failed" in record:
                lines.append(f"{head} {str(record['failed'])[:48]}")
                continue
            learnt = {None: "by its own rule", 0: "equal"}.get(record["wrong"], "WRONG")
            lines.append(
                f"{head} {statistics.median(record['warm']):>8.3f}"
                f" {figures.spread(record['warm']):>5.2f}x {statistics.median(record['cpu']):>7.3f}"
                f" {record['peak_mebibytes']:>9.1f}  {learnt}"
            )
    return "\n".join(lines)


def _order(record: Record) -> float:
    return statistics.median(record["warm"]) / record["bytes"] if record.get("warm") else 1e9


def _row_figures(name: str, record: Record) -> str:
    if "failed" in record:
        return str(record["failed"])[:39]
    if not record.get("warm"):
        return "-"
    first, warm = (_figure(name, record, pass_) for pass_ in ("first", "warm"))
    spread = f"{figures.spread(record['warm']):.2f}x"
    if name == "load":
        end = str(record["bytes"])
    elif record.get("wrong") is None:
        end = "unchecked"
    elif record["wrong"]:
        end = f"{record['wrong']} of {record['documents']} WRONG"
    else:
        end = "equal"
    return f"{first:>9} {warm:>9} {spread:>6}  {end}"


def _figure(name: str, record: Record, pass_: str) -> str:
    if pass_ not in record:
        return "-"
    seconds = statistics.median(record[pass_])
    if name == "load":
        return f"{seconds * 1e3:.2f}"
    if name == "short":
        return f"{seconds * 1e6 / record['documents']:.3f}"
    return f"{record['bytes'] / 1e6 / seconds:.1f}"


def _memory_table(records: Sequence[Record]) -> str:
    lines = [f"{'vocabulary':<11} {'text':<18} {'form':<9} {'engine':<15} {'peak MiB':>9}"]
    for record in records:
        peak = record.get("peak_mebibytes")
        shown = record.get("failed", "-") if peak is None else f"{peak:.1f}"
        lines.append(
            f"{record['vocabulary']:<11} {record['text']:<18} {record['form']:<9}"
            f" {record['engine']:<15} {shown:>9}"
        )
    return "\n".join(lines)
