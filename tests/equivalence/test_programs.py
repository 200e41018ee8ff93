"""The benchmark programs in Zig and in Rust print the same lines, but for their name and times."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any, Dict, List

import pytest
from training_corpora import small_corpora

_ROOT = Path(__file__).parents[2]
# Where Bazel puts each, and where the plain build does.
_PROGRAMS = {
    "zig": ["zig/bench", "zig/zig-out/bin/pyaot_tokenizer_bench"],
    "rust": ["rust_baseline/bench", "rust_baseline/target/release/bench"],
}


def _lines(program: str, arguments: List[str]) -> List[Dict[str, Any]]:
    places = [_ROOT / place for place in _PROGRAMS[program]]
    found = next((place for place in places if place.is_file()), None)
    assert found is not None, f"build it: {places[0]}"
    done = subprocess.run([str(found), *arguments], stdout=subprocess.PIPE, check=True, text=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def _results(lines: List[Dict[str, Any]]) -> List[Dict[str, Any]]:
    """What is left without what may differ; the keys stand in their order."""
    kept = []
    for line in lines:
        others = {key: 0 if _may_differ(key) else value for key, value in line.items()}
        kept.append({"keys": list(line), **others})
    return kept


def _may_differ(key: str) -> bool:
    return key in ("implementation", "peak_bytes") or key.endswith("seconds")


@pytest.mark.parametrize("vocab_size", [256, 300, 2000])
def test_both_programs_print_the_same_lines(
    vocab_size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAYON_NUM_THREADS", "1")
    texts = ["".join(text + "\n" for text in corpus) for corpus in small_corpora()[8:]]
    paths = [tmp_path / str(i) for i in range(len(texts))]
    for path, text in zip(paths, texts):
        path.write_text(text, "utf-8")
    arguments = [f"--vocab-size={vocab_size}", "--document-bytes=300"]
    arguments += [f"--encode={path}" for path in paths[1:]]
    arguments.append(str(paths[0]))
    zig, rust = (_lines(program, arguments) for program in ("zig", "rust"))
    assert {line["implementation"] for line in zig} == {"pyaot_tokenizer"}
    assert {line["implementation"] for line in rust} == {"rust_baseline"}
    tasks = [line["task"] for line in zig]
    assert tasks == ["train", *["encode"] * (len(paths) - 1), "memory"]
    assert _results(zig) == _results(rust)
    for line in (zig[0], rust[0]):
        assert line["cpu_seconds"] > 0
        assert line["seconds"] == pytest.approx(line["count_seconds"] + line["merge_seconds"])
