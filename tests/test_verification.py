"""The runner that compares real vocabularies (`verification`): a slice of it, and that it tells."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import List

import pytest

import peers
import sentencepiece_model
import verification
from pinned_data import data_file
from verification import STRINGS, Unit


def unit(vocabulary: Path, source: str = STRINGS, *, size: int = 320) -> Unit:
    return Unit(vocabulary, source, 0, size, 4000, 7, ids_only=False)


@pytest.fixture
def vocabularies(tmp_path: Path) -> List[Path]:
    """One of each form whose reference is installed."""
    gpt2 = tmp_path / "gpt2" / "tokenizer.json"
    gpt2.parent.mkdir()
    gpt2.write_text(peers.tokenizers_gpt2().to_str(), "utf-8")
    ranks = tmp_path / "cl100k_base.tiktoken"
    ranks.write_bytes(data_file("cl100k_base.tiktoken").read_bytes())
    model = tmp_path / "small.model"
    model.write_bytes(sentencepiece_model.small())
    return [gpt2, ranks, model]


def test_random_strings_and_a_corpus(vocabularies: List[Path], tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.txt"
    corpus.write_text(Path(__file__).read_text("utf-8") * 4, "utf-8")
    for vocabulary in vocabularies:
        for source in (STRINGS, str(corpus)):
            outcome = verification.run(unit(vocabulary, source))
            assert outcome.texts > 0
            assert outcome.tokens > 0
            assert len(outcome.differences) >= 6
            assert not any(outcome.differences.values()), (outcome.differences, outcome.examples)


def test_differences_are_told(
    vocabularies: List[Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gpt2 = vocabularies[0]
    form = verification.forms.load(gpt2)
    right = form.own_ids
    monkeypatch.setattr(
        form, "own_ids", lambda tok, batch: [[*ids[:-1], 0] for ids in right(tok, batch)]
    )
    outcome = verification.run(unit(gpt2))
    assert outcome.differences["ids"] > 100
    assert outcome.differences["text"] == 0
    assert outcome.examples
    report = verification.Report()
    report.add(outcome)
    line = json.loads(report.line(("gpt2", STRINGS)))
    assert line["differences"]["ids"] == outcome.differences["ids"]
    assert line["compared"]["ids"] == line["count"] == 320
    assert capsys.readouterr().out == ""


def test_errors_are_differences(vocabularies: List[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    form = verification.forms.load(vocabularies[0])

    def fail(texts: List[str], ids: object) -> None:
        raise ArithmeticError("no such thing")

    monkeypatch.setattr(form, "others", fail)
    outcome = verification.run(unit(vocabularies[0]))
    assert outcome.differences["errors"] == 1
    assert outcome.differences["ids"] == 0
    assert "no such thing" in outcome.examples[0]


def test_the_command(vocabularies: List[Path], capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [str(vocabularies[2]), "--strings", "50", "--jobs", "1"]
    arguments += ["--facts-of-every", "0"]
    assert verification.main(arguments) == 0
    line = json.loads(capsys.readouterr().out)
    assert line["vocabulary"] == "small.model"
    assert line["differences"] == {"ids": 0}
    with pytest.raises(SystemExit):
        verification.main([str(vocabularies[2])])


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, *sys.argv[1:]]))
