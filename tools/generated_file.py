"""The command line of the scripts that generate a table: they write it, or check it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Callable, Optional


def run(description: Optional[str], table: Callable[[], str]) -> int:
    """``OUTPUT [--check]``: 1 if OUTPUT is to be checked and is not what `table` gives."""
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("output", type=Path)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    text = table()
    if not arguments.check:
        arguments.output.write_text(text, encoding="utf-8")
        return 0
    if arguments.output.read_text(encoding="utf-8") == text:
        return 0
    print(f"{arguments.output} is not current: run {Path(sys.argv[0]).name}", file=sys.stderr)
    return 1
