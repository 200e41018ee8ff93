"""Arithmetic on records: speeds, spreads, ratios. A record is one engine's cell, as JSON has it."""

from __future__ import annotations

import statistics
from typing import Any, Dict, Iterable, List, Mapping, Optional, Tuple

Record = Dict[str, Any]
Key = Tuple[Any, ...]


def cell_of(record: Mapping[str, Any]) -> Key:
    """What cells must share to be compared."""
    return tuple(record.get(name) for name in ("row", "vocabulary", "text", "form", "shape"))


def latest(records: Iterable[Record]) -> List[Record]:
    """The last record of each engine in each cell, in order of first appearance."""
    last: Dict[Key, Record] = {}
    for record in records:
        last[(*cell_of(record), record["engine"])] = record
    return list(last.values())


def usable(record: Mapping[str, Any]) -> bool:
    """Whether it was timed, and is right."""
    return bool(record.get("warm")) and not record.get("wrong") and "failed" not in record


def per_byte(record: Mapping[str, Any], pass_: str) -> Optional[float]:
    """Nanoseconds a byte: the median of the ``first`` passes, or of the ``warm`` ones.

    Of a loading, nanoseconds: each engine has a file of its own, and a larger one is no merit.
    """
    if not usable(record):
        return None
    size = 1.0 if record.get("row") == "load" else float(record["bytes"])
    return statistics.median(record[pass_]) * 1e9 / size


def spread(seconds: List[float]) -> float:
    """The slowest round over the quickest."""
    return max(seconds) / min(seconds)


def ratio(
    records: Iterable[Record], ours: str, against: Iterable[str], pass_: str
) -> Optional[Tuple[float, str]]:
    """How many times less `ours` takes in one cell than the best of `against`, and who that is.

    None where ours or all of the others are missing, or wrong.
    """
    chosen = set(against)
    times = {r["engine"]: per_byte(r, pass_) for r in records}
    mine = times.get(ours)
    others = [(t, e) for e, t in times.items() if t is not None and e in chosen and e != ours]
    if mine is None or not others:
        return None
    best, engine = min(others)
    return best / mine, engine


def grouped(records: Iterable[Record]) -> Dict[Key, List[Record]]:
    """The records of each cell."""
    cells: Dict[Key, List[Record]] = {}
    for record in records:
        cells.setdefault(cell_of(record), []).append(record)
    return cells
