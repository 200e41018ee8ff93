"""The benchmark's parts: texts, arithmetic, targets, rendering, and a cell from end to end."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import summary
import summary_work

import corpora
import figures
import rendering
import rows
import targets
import training
import vocabularies
from compare import _options, _parser
from corpora import Text
from engines import ENGINES, OURS, Vocabulary
from measure import Failed, Setup, Worker, digest


def record(engine: str, seconds: float, **others: object) -> figures.Record:
    base: figures.Record = {
        "row": "list",
        "vocabulary": "cl100k_base",
        "text": "english",
        "form": "documents",
        "shape": "list",
        "engine": engine,
        "bytes": 1000,
        "documents": 4,
        "wrong": 0,
        "first": [seconds * 2],
        "warm": [seconds, seconds, seconds * 3],
        "call": "t.encode(x)",
    }
    return {**base, **others}


@pytest.mark.parametrize("text", ["", "a", "x\n" * 9000, "é" * 9000, "no newline " * 900 + "\nend"])
def test_documents_hold_the_whole_text(text: str) -> None:
    documents = corpora.cut_documents(text)
    assert "".join(documents) == text
    assert all(documents)


def test_documents_are_cut_at_newlines_and_of_the_size() -> None:
    documents = corpora.cut_documents("some words\n" * 3000, 4000)
    assert all(document.endswith("\n") for document in documents)
    assert all(4000 <= len(document) < 4011 for document in documents[:-1])


def test_short_strings_split_no_character() -> None:
    strings = corpora.cut_short("aé中😀" * 2000, 100)
    assert len(strings) > 50
    assert all("\ufffd" not in s and 97 <= len(s.encode()) <= 100 for s in strings)


def test_texts_are_cut_by_form(tmp_path: Path) -> None:
    path = tmp_path / "english.txt"
    path.write_text("line of words\n" * 2000, "utf-8")
    assert len(Text("english", str(path), "whole").load()) == 1
    assert "".join(Text("english", str(path), "documents", 9000).load()) == path.read_text()[:9000]
    assert set(Text("english", str(path), "hello").load()) == {"Hello, world!"}


def test_hostile_texts_are_a_megabyte_and_the_same_every_time() -> None:
    twice = [corpora.hostile(), corpora.hostile()]
    for name in ("one letter", "random Han", "base64 in lines"):
        texts = [kind[name]() for kind in twice]
        assert texts[0] == texts[1]
        assert 900_000 < len(texts[0].encode()) < 1_100_000


def test_ratios_are_of_medians_against_the_best_right_peer() -> None:
    cell = [
        record(OURS, 1.0),
        record("gigatoken", 3.0),
        record("fastokens", 2.0),
        record("tokie", 0.5, wrong=1),
        {**record("kitoken", 1.0), "failed": "not done after 60 s", "warm": []},
    ]
    assert figures.ratio(cell[:4], OURS, ENGINES, "warm") == (2.0, "fastokens")
    assert figures.ratio(cell[:4], OURS, ("gigatoken",), "first") == (3.0, "gigatoken")
    assert figures.ratio(cell, OURS, ("rs-bpe",), "warm") is None
    assert figures.per_byte(cell[0], "warm") == 1e6
    assert figures.per_byte(cell[4], "warm") is None


def test_no_ratio_where_ours_is_wrong() -> None:
    assert (
        figures.ratio([record(OURS, 1, wrong=2), record("tokie", 2)], OURS, ENGINES, "warm") is None
    )


def test_the_last_record_of_a_cell_counts() -> None:
    found = figures.latest([record(OURS, 1), record("tiktoken", 2), record(OURS, 3)])
    assert [r["warm"][0] for r in found] == [3, 2]


def test_targets_take_the_worst_cell() -> None:
    cells = [
        record(OURS, 1),
        record("tiktoken", 30),
        record(OURS, 1, text="code"),
        record("tiktoken", 20, text="code"),
    ]
    found = [o for o in targets.outcomes(cells) if o.target.peers == ("tiktoken",)]
    lists = next(o for o in found if o.target.row == "list")
    assert (lists.worst, lists.median, lists.met) == (20.0, 25.0, False)
    assert "code" in lists.where
    assert all(o.met is None for o in found if o is not lists)


def test_a_larger_file_of_ones_own_is_no_merit() -> None:
    cells = [
        {**record(OURS, 2, row="load", text="own"), "bytes": 40},
        {**record("tokie", 10, row="load", text="own"), "bytes": 10},
    ]
    found = [o for o in targets.outcomes(cells) if o.worst is not None]
    assert [(o.worst, o.met) for o in found] == [(5.0, False)]


def test_a_hostile_text_is_held_against_our_prose() -> None:
    cells = [record(OURS, 1, row="hostile"), record(OURS, 5, row="hostile", text="spaces")]
    # A loading has no shape.
    loading = record(OURS, 1, row="load")
    del loading["shape"]
    cells.append(loading)
    prose = [o for o in targets.outcomes(cells) if o.target.measure == "prose"]
    assert [(o.worst, o.met) for o in prose] == [(5.0, True)]


def test_offsets_are_held_against_our_ids_alone() -> None:
    cells = [
        record(OURS, 2, row="offsets"),
        record(OURS, 4, row="offsets", shape="offsets"),
        record(OURS, 2, row="offsets", text="code"),
        record(OURS, 2.5, row="offsets", text="code", shape="offsets"),
        {**record(OURS, 2.2, row="offsets", shape="byte_offsets"), "first": [5.6]},
        record("tiktoken", 1, row="offsets", shape="offsets"),
    ]
    found = [o for o in targets.outcomes(cells) if o.target.measure == "offsets"]
    assert [(o.target.pass_, o.worst, o.median, o.met) for o in found] == [
        ("warm", 2.0, 1.25, False),
        ("first", 2.0, 1.4, False),
    ]
    assert "bytes" not in found[0].where
    assert "| ≤ 1.5× | 2.00×" in rendering.target_table(cells)
    in_time = [
        record(OURS, 2, row="offsets"),
        {**record(OURS, 2.2, row="offsets", shape="byte_offsets"), "first": [5.6]},
    ]
    found = [o for o in targets.outcomes(in_time) if o.target.measure == "offsets"]
    assert [(o.worst, o.met) for o in found] == [(1.1, True), (1.4, True)]
    assert found[0].where.endswith("in bytes")


def test_every_target_has_a_row_and_every_row_known_engines() -> None:
    assert {target.row for target in targets.TARGETS} <= set(rows.ROWS)
    for row in (*rows.ROWS.values(), *rows.DEFAULT_ROWS.values()):
        assert set(row.engines) | set(row.fewer) <= set(ENGINES)


def test_tables_fit_and_show_what_went_wrong() -> None:
    records = [
        record(OURS, 1.0),
        record("tokie", 0.5, wrong=3),
        {**record("bpe-openai", 1.0, warm=[]), "failed": "SIGSEGV"},
        {"row": "memory", "vocabulary": "gpt2", "text": "english", "form": "whole", "engine": OURS}
        | {"peak_mebibytes": 61.25},
    ]
    shown = rendering.tables(records, rows.ROWS)
    assert all(len(line) <= 110 for line in shown.splitlines())
    assert "3 of 4 WRONG" in shown
    assert "SIGSEGV" in shown
    assert "61.2" in shown
    page = rendering.page(records, rows.ROWS, {"machine": "a machine"})
    assert "| `t.encode(x)` |" in page
    assert "not measured" in page


def test_the_command_is_given_back() -> None:
    options = _options(_parser().parse_args(["--full", "--only", "list", "--corpora", "x"]))
    assert options[:4] == ["--full", "--only", "list", "--corpora"]


def test_fingerprints_do_not_depend_on_the_container() -> None:
    numpy = pytest.importorskip("numpy")
    ids = [1, 70_000, 3]
    array = numpy.array(ids, "<u4")
    assert (
        len({digest(ids), digest(array), digest(array.tobytes()), digest(array.astype(int))}) == 1
    )
    assert digest("a") != digest("b")


@pytest.fixture
def vocabulary(tmp_path: Path) -> Vocabulary:
    import base64

    lines = (b"%b %d\n" % (base64.b64encode(bytes([byte])), byte) for byte in range(256))
    path = tmp_path / "bytes.tiktoken"
    path.write_bytes(b"".join(lines))
    return Vocabulary("bytes", ranks=str(path), pattern=r"\w+|\W")


@pytest.mark.parametrize("name", vocabularies.STAND_INS)
def test_a_stand_in_has_the_steps_of_its_family(name: str, tmp_path: Path) -> None:
    """And ids as tokenizers has them; those around a vocabulary of npm are made by --full alone."""
    import tokenizers
    from family_steps import STEPS

    from pyaot_tokenizer import Tokenizer

    family, base = vocabularies.STAND_INS[name]
    steps = STEPS[family]
    if base not in vocabularies.PINNED:
        assert name.endswith(f"~{base}")
        return
    path = str(vocabularies.load(name, tmp_path).json)
    reference = tokenizers.Tokenizer.from_file(path)
    assert repr(reference.normalizer) == repr(steps.normalizer)
    assert reference.get_vocab_size(with_added_tokens=True) >= len(steps.added) + 50_000
    texts = ["def f(x):\n        return  12345 + x  # it's caf\u00e9\t\t", "\u65e5\u672c \u2014 1."]
    for text in texts:
        assert Tokenizer(path).encode(text) == reference.encode(text).ids


def test_a_cell_from_end_to_end(vocabulary: Vocabulary, tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("some words\n" * 900, "utf-8")
    text = Text("text", str(path))
    found = {}
    for engine in ("tiktoken", OURS):
        worker = Worker(Setup(engine, vocabulary))
        try:
            assert worker.open("list", text, 60)["bytes"] == 9900
            cpu, wall = worker.ask("run", 60)
            assert cpu > 0
            assert wall > 0
            assert worker.ask("peak", 60) > 1
            found[engine] = worker.ask("digests", 60)
            with pytest.raises(LookupError):
                worker.open("no such shape", text, 60)
            assert worker.open("decode", text, 60)["expected"] == worker.ask("digests", 60)
        finally:
            worker.stop()
    assert found[OURS] == found["tiktoken"]
    assert len(found[OURS]) == 3


def test_an_engine_that_is_too_slow_is_ended(vocabulary: Vocabulary, tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("word " * 100_000, "utf-8")
    worker = Worker(Setup("tiktoken", vocabulary))
    try:
        worker.open("list", Text("text", str(path)), 60)
        with pytest.raises(Failed, match="not done after"):
            worker.ask("run", 0.0)
        worker.open("list", Text("text", str(path), limit=100), 60)
        assert worker.ask("run", 60)[0] >= 0
    finally:
        worker.stop()


def test_a_crash_is_an_answer(vocabulary: Vocabulary, tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("word", "utf-8")
    worker = Worker(Setup(OURS, Vocabulary("none", json=os.devnull)))
    try:
        for _ in range(2):
            with pytest.raises(Failed, match="FormatError"):
                worker.open("list", Text("text", str(path)), 60)
    finally:
        worker.stop()


def _summary() -> summary.Summary:
    sizes = {"characters": 10.0, "tokens": 5.0, "megabytes": 1.0, "vocab_size": 300.0}
    table = summary.Summary(sizes)
    table.cells["large", OURS] = summary.Cell([0.1, 0.2, 0.9])
    table.cells["large", "rustbpe"] = summary.Cell([1.0, 3.0, 2.0])
    table.cells["large", "pure Python"] = summary.Cell([4.0], "1 of 9 merges", is_bound=True)
    table.cells["large", "tiktoken"] = summary.Cell(absent="no training")
    return table


def test_the_summary_divides_medians() -> None:
    table = _summary()
    assert table.speed_up("large", "rustbpe") == pytest.approx(10.0)
    assert table.speed_up("large", "tiktoken") is None
    assert table.speed_up("memory", "rustbpe") is None
    lines = [line.split() for line in table.text().splitlines() if "Training (large)" in line]
    assert lines[0][2:] == [">4.00", "s", "no", "training", "-", "2.00", "s", "-", "200.0", "ms"]
    assert lines[1][2:] == [">20.0x", "-", "-", "10.0x", "-"]
    assert all(len(line) <= 110 for line in table.text().splitlines())


def test_the_summary_takes_rounds_and_tells_what_differs() -> None:
    ranks = {b"a": 0, b"b": 1, b"ab": 2, b"abab": 3}
    expected = summary_work.Expected(
        {"large": ranks}, {"large": "t"}, {"tokens": ["x", "y", "z"]}, {"large": "c"}
    )
    table = _summary()
    shorter = summary_work.ranks_digest({b"a": 0, b"b": 1, b"ab": 2})
    right = [
        {"large": {"seconds": 1.0, "ranks": summary_work.ranks_digest(ranks)}},
        {"large": {"seconds": 1.0, "ranks": shorter, "token_count": 3, "part": "some"}},
        {"large": {"seconds": 1.0, "huggingface": "t"}},
        {"large": {"seconds": 1.0, "checksum": "c"}},
        {"tokens": {"seconds": 1.0, "ids": ["x", "z"], "step": 2, "times": 1.5}},
    ]
    for result in right:
        summary._take(table, "tokenizers", result, expected, first=True)
    assert "4 trainings and all ids of 1 encodings agree" in table.verdict()
    assert table.cell("tokens", "tokenizers").figures == [1.5]
    wrong = [
        {"large": {"seconds": 1.0, "ranks": shorter}},
        {"large": {"seconds": 1.0, "huggingface": "u"}},
        {"large": {"seconds": 1.0, "checksum": "d"}},
        {"tokens": {"seconds": 1.0, "ids": ["x", "y"]}},
    ]
    for count, result in enumerate(wrong):
        summary._take(table, "tokenizers", result, expected, first=True)
        assert len(table.wrong) == count + 1
    assert table.verdict().startswith("DISAGREEMENT")


def test_trainings_are_measured_and_compared(tmp_path: Path) -> None:
    path = tmp_path / "7-mixed.txt"
    path.write_text("".join(f"{i} words and {i % 7} more\n" for i in range(5000)), "utf-8")
    engines = (OURS, "rustbpe", "rust_baseline", "tokenizers")
    records = list(training.measure(path, engines, None, 2, 60.0))
    for r in records:
        assert "failed" not in r, r
        assert (r["text"], r["wrong"], len(r["warm"])) == ("mixed", 0, 2)
    found = [(r["form"], r["threads"], r["engine"]) for r in records]
    assert len(set(found)) == len(found) == 16
    table = rendering.tables(records, rows.ROWS).splitlines()
    assert len(table) == 2 + len(found)
    assert all(line.endswith("equal") and len(line) <= 110 for line in table[2:])
    measured = [o for o in targets.outcomes(records) if o.worst is not None]
    assert rendering.target_table(records).count("\n") == 1 + sum(
        target.row == "train" for target in targets.TARGETS
    )
    assert {o.target.against for o in measured} == {"rustbpe", "rust_baseline", "tokenizers"}
    # Whoever learns something else is said to be wrong, and counts for nothing.
    records[1]["wrong"] = 1
    assert "WRONG" in rendering.tables(records, rows.ROWS)


def test_checksums_are_fnv_1a() -> None:
    assert summary_work.checksum(b"") == "cbf29ce484222325"
    assert summary_work.checksum(b"foobar") == "85944171f73967e8"


def test_a_page_of_several_runs_names_all_of_them() -> None:
    first = {"machine": "m", "engines": "a 1, b 2", "command": "one"}
    second = {"machine": "m", "engines": "b 2, c 3", "command": "two"}
    assert rendering.joined_header([first, second]) == {
        "machine": "m",
        "engines": "a 1, b 2, c 3",
        "command": "one; two",
    }
    assert rendering.joined_header([]) == {}
