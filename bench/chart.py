"""Records as one self-contained HTML page of bars."""

from __future__ import annotations

import html
from typing import List, Sequence

import figures
from engines import OURS
from figures import Record


def chart(records: Sequence[Record]) -> str:
    """A bar for each engine that is right, its length the speed of the warm passes."""
    bars: List[str] = []
    timed = [r for r in records if r["row"] not in ("load", "memory") and figures.usable(r)]
    speeds = [1e3 / (figures.per_byte(r, "warm") or 1.0) for r in timed]
    for i, (record, speed) in enumerate(zip(timed, speeds)):
        words = (record[name] for name in ("row", "vocabulary", "text", "form", "shape", "engine"))
        label = html.escape(" ".join(words))
        width = 500 * speed / max(speeds)
        colour = "#e8590c" if record["engine"] == OURS else "#868e96"
        bars.append(
            f'<text x="0" y="{i * 22 + 15}">{label}</text>'
            f'<rect x="480" y="{i * 22 + 3}" width="{width:.1f}" height="16" fill="{colour}"/>'
            f'<text x="{485 + width:.1f}" y="{i * 22 + 15}">{speed:.1f}</text>'
        )
    return (
        '<!doctype html><meta charset="utf-8"><title>pyaot_tokenizer</title><h1>MB/s</h1>'
        f'<svg width="1100" height="{len(timed) * 22 + 10}"'
        f' font-family="sans-serif" font-size="13">{"".join(bars)}</svg>'
    )
