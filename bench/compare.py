"""Measures pyaot_tokenizer against tiktoken, tokenizers and rustbpe, after comparing every id.

Every engine runs in a process of its own; the rounds go from engine to engine in turn, and the
median
is shown. Documents whose ids differ make the exit code 1 and their row is not timed.
"""

from __future__ import annotations

import argparse
import html
import importlib.metadata
import json
import os
import platform
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any, Dict, List, Optional

import corpora
import engines
import vocabularies
from measure import Worker

VOCABULARIES = ("gpt2", "cl100k", "rustbpe-2k")


def say(line: str) -> None:
    """Progress, to standard error."""
    print(line, file=sys.stderr, flush=True)


def measure_corpus(
    workers: List[Worker], vocabulary: str, name: str, texts: List[str], rounds: int
) -> List[Dict[str, Any]]:
    """One row an engine."""
    size = sum(len(text.encode("utf-8", "replace")) for text in texts)
    answers = {worker.engine: worker.ask("ids", texts) for worker in workers}
    expected = answers["pyaot_tokenizer"]["digests"]
    rows: List[Dict[str, Any]] = []
    for worker in workers:
        digests = answers[worker.engine]["digests"]
        rows.append(
            {
                "vocabulary": vocabulary,
                "corpus": name,
                "engine": worker.engine,
                "documents": len(texts),
                "bytes": size,
                "tokens": answers[worker.engine]["tokens"],
                "documents_that_differ": sum(a != b for a, b in zip(expected, digests)),
            }
        )
    timed = [(w, r) for w, r in zip(workers, rows) if not r["documents_that_differ"]]
    seconds: Dict[str, List[float]] = {worker.engine: [] for worker, _ in timed}
    for _ in range(rounds):
        for worker, _ in timed:
            seconds[worker.engine].append(worker.ask("time", texts))
    for worker, row in timed:
        median = statistics.median(seconds[worker.engine])
        row.update(
            seconds=seconds[worker.engine],
            mb_per_second=size / 1e6 / median,
            tokens_per_second=row["tokens"] / median,
        )
    return rows


def run(arguments: argparse.Namespace, folder: Path) -> Dict[str, Any]:
    """All vocabularies and corpora; `folder` is for files that the engines load."""
    say("writing tokenizer.json files")
    vocabularies.write_tokenizer_json(folder)
    texts = {str(path): corpora.from_path(path) for path in arguments.corpus}
    texts = texts or corpora.default_corpora(arguments.quick)
    names = ["pyaot_tokenizer"] + [e for e in arguments.engines if e != "pyaot_tokenizer"]
    rows: List[Dict[str, Any]] = []
    starts: List[Dict[str, Any]] = []
    for vocabulary in VOCABULARIES:
        trained: Optional[engines.Trained] = None
        if vocabulary == "rustbpe-2k":
            say("training rustbpe on a made corpus")
            trained = engines.trained_vocabulary()
        say(f"{vocabulary}: loading {', '.join(names)}")
        workers = [Worker(name, vocabulary, trained, folder, arguments.threads) for name in names]
        present = [worker for worker in workers if worker.absent is None]
        for name, documents in texts.items():
            say(f"{vocabulary}: {name}, {len(documents)} documents")
            rows += measure_corpus(present, vocabulary, name, documents, arguments.rounds)
        for worker in present:
            starts.append(
                {
                    "vocabulary": vocabulary,
                    "engine": worker.engine,
                    "load_seconds": worker.load_seconds,
                    "latency_seconds": worker.ask("latency", ["Hello, world!"]),
                    "peak_mebibytes": worker.ask("memory"),
                }
            )
        for worker in workers:
            worker.stop()
    return {"machine": machine(arguments.threads), "encoding": rows, "starting": starts}


def machine(threads: int) -> Dict[str, Any]:
    """What the figures hold for."""
    peers = {
        name: importlib.metadata.version(name) for name in ("tiktoken", "tokenizers", "rustbpe")
    }
    return {
        "cpu": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "threads": threads,
        "python": platform.python_version(),
        **peers,
    }


def table(result: Dict[str, Any]) -> str:
    """The result as text."""
    lines = [", ".join(f"{key} {value}" for key, value in result["machine"].items()), ""]
    lines.append(
        f"{'vocabulary':<11} {'corpus':<12} {'engine':<16}"
        f" {'MB/s':>8} {'Mtok/s':>8} {'spread':>7}  ids"
    )
    for row in result["encoding"]:
        head = f"{row['vocabulary']:<11} {row['corpus'][-12:]:<12} {row['engine']:<16}"
        if row["documents_that_differ"]:
            differ = f"{row['documents_that_differ']} of {row['documents']} documents DIFFER"
            lines.append(f"{head} {'-':>8} {'-':>8} {'-':>7}  {differ}")
            continue
        spread = max(row["seconds"]) / min(row["seconds"])
        lines.append(
            f"{head} {row['mb_per_second']:>8.1f} {row['tokens_per_second'] / 1e6:>8.2f}"
            f" {spread:>6.2f}x  equal"
        )
    lines += [
        "",
        f"{'vocabulary':<11} {'engine':<16} {'load ms':>9} {'hello us':>9} {'peak MiB':>9}",
    ]
    for row in result["starting"]:
        lines.append(
            f"{row['vocabulary']:<11} {row['engine']:<16} {row['load_seconds'] * 1e3:>9.1f}"
            f" {row['latency_seconds'] * 1e6:>9.2f} {row['peak_mebibytes']:>9.1f}"
        )
    return "\n".join(lines)


def chart(result: Dict[str, Any]) -> str:
    """The result as one self-contained HTML page of bars."""
    rows = [row for row in result["encoding"] if "mb_per_second" in row]
    most = max(row["mb_per_second"] for row in rows)
    bars = []
    for i, row in enumerate(rows):
        label = html.escape(f"{row['vocabulary']} {row['corpus']} {row['engine']}")
        width = 600 * row["mb_per_second"] / most
        colour = "#e8590c" if row["engine"] == "pyaot_tokenizer" else "#868e96"
        bars.append(
            f'<text x="0" y="{i * 22 + 15}">{label}</text>'
            f'<rect x="300" y="{i * 22 + 3}" width="{width:.1f}" height="16" fill="{colour}"/>'
            f'<text x="{305 + width:.1f}" y="{i * 22 + 15}">{row["mb_per_second"]:.1f}</text>'
        )
    return (
        '<!doctype html><meta charset="utf-8"><title>pyaot_tokenizer</title><h1>Encoding, MB/s</h1>'
        f'<svg width="1000" height="{len(rows) * 22 + 10}"'
        f' font-family="sans-serif" font-size="13">{"".join(bars)}</svg>'
        f"<pre>{html.escape(table(result))}</pre>"
    )


def main() -> int:
    """Command line: 0 if all ids are equal, 1 if some differ."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--corpus", type=Path, action="append", default=[], help="file or folder")
    parser.add_argument("--threads", type=int, default=1, help="threads of every engine (1)")
    parser.add_argument("--rounds", type=int, default=5, help="interleaved rounds (5)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the default text")
    parser.add_argument(
        "--engines", nargs="+", default=list(engines.ENGINES), choices=list(engines.ENGINES)
    )
    parser.add_argument("--json", action="store_true", help="JSON instead of the table")
    parser.add_argument("--html", type=Path, help="also write a chart")
    arguments = parser.parse_args()
    # `bazel run` starts in the runfiles; paths are meant from where the user stands.
    here = Path(os.environ.get("BUILD_WORKING_DIRECTORY", "."))
    arguments.corpus = [here / path for path in arguments.corpus]
    with tempfile.TemporaryDirectory() as folder:
        result = run(arguments, Path(folder))
    print(json.dumps(result, indent=2) if arguments.json else table(result))
    if arguments.html:
        (here / arguments.html).write_text(chart(result), encoding="utf-8")
        say(f"wrote {here / arguments.html}")
    return 1 if any(row["documents_that_differ"] for row in result["encoding"]) else 0


if __name__ == "__main__":
    sys.exit(main())
