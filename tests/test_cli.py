"""The command line, as a process: output, exit codes, errors."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from typing import Any, Dict, List, Optional

import pytest

import peers
import subjects

HELLO_IDS = b"15496 11 995 0\n"


@pytest.fixture(name="gpt2", scope="module")
def gpt2_path(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("gpt2") / "tokenizer.json"
    path.write_text(peers.tokenizers_gpt2().to_str(), encoding="utf-8")
    return str(path)


def run(
    *arguments: str, data: bytes = b"", folder: Optional[pathlib.Path] = None
) -> subprocess.CompletedProcess[bytes]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, "-m", "pyaot_tokenizer", *arguments],
        input=data,
        env=environment,
        cwd=folder,
        capture_output=True,
        check=False,
    )


def output(*arguments: str, data: bytes = b"", folder: Optional[pathlib.Path] = None) -> bytes:
    done = run(*arguments, data=data, folder=folder)
    assert done.stderr == b""
    assert done.returncode == 0
    return done.stdout


def test_encode_of_standard_input(gpt2: str) -> None:
    assert output("encode", "-t", gpt2, data=b"Hello, world!") == HELLO_IDS
    assert output("encode", "--tokenizer", gpt2, "-", data=b"Hello, world!") == HELLO_IDS
    assert output("encode", "-t", gpt2) == b"\n"


def test_encode_of_files(gpt2: str, tmp_path: pathlib.Path) -> None:
    (tmp_path / "one").write_bytes(b"Hello, world!")
    (tmp_path / "two").write_bytes(b"a\xff\0")
    lines = output("encode", "-t", gpt2, "one", "two", folder=tmp_path).splitlines()
    assert lines[0] + b"\n" == HELLO_IDS
    assert lines[1].split()[0] == b"64"
    rows = output("encode", "-t", gpt2, "--json", "one", folder=tmp_path)
    assert json.loads(rows) == {"file": "one", "ids": [15496, 11, 995, 0]}


def test_special_tokens(gpt2: str) -> None:
    text = peers.END_OF_TEXT.encode()
    assert output("encode", "-t", gpt2, data=text) == b"50256\n"
    plain = output("encode", "-t", gpt2, "--special-tokens", "text", data=text)
    assert plain == b"27 91 437 1659 5239 91 29\n"
    done = run("encode", "-t", gpt2, "--special-tokens", "refuse", data=text)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"<|endoftext|>" in done.stderr
    assert output("decode", "-t", gpt2, "--skip-special-tokens", data=b"64 50256") == b"a"


@pytest.mark.parametrize(
    "data", [b"Hello, world!", b"\xff\xfe\0\r\n\x1a", "é\U0001f600\n".encode(), b""]
)
def test_decode_inverts_encode(gpt2: str, data: bytes) -> None:
    for options in ([], ["--json"]):
        ids = output("encode", "-t", gpt2, *options, data=data)
        if options:
            ids = json.dumps(json.loads(ids)["ids"]).encode()
        assert output("decode", "-t", gpt2, data=ids) == data


def test_decode_to_json(gpt2: str) -> None:
    row = output("decode", "-t", gpt2, "--json", data=b"[15496, 11]")
    assert json.loads(row) == {"file": "-", "text": "Hello,"}


def test_count(gpt2: str, tmp_path: pathlib.Path) -> None:
    assert output("count", "-t", gpt2, data=b"Hello, world!") == b"4\n"
    (tmp_path / "one").write_bytes(b"Hello, world!")
    (tmp_path / "two").write_bytes(b"a")
    lines = output("count", "-t", gpt2, "one", "two", folder=tmp_path)
    assert lines == b"4 one\n1 two\n5 total\n"
    rows = output("count", "-t", gpt2, "--json", "one", "two", folder=tmp_path).splitlines()
    assert [json.loads(row) for row in rows] == [
        {"file": "one", "ids": 4, "bytes": 13},
        {"file": "two", "ids": 1, "bytes": 1},
    ]


def test_info(gpt2: str) -> None:
    facts: Dict[str, Any] = json.loads(output("info", "-t", gpt2, "--json"))
    assert facts["vocab_size"] == 50257
    assert facts["merges"] == 50000
    assert facts["added_tokens"] == {"<|endoftext|>": 50256}
    lines = output("info", "-t", gpt2).decode().splitlines()
    assert lines[0].split() == ["format", "tokenizer.json"]
    assert len(lines) == len(facts)


def test_the_other_forms_of_a_tokenizer() -> None:
    ranks = str(peers.data_file("cl100k_base.tiktoken"))
    copy = [ranks, "--pattern", "cl100k_base"]
    expected = " ".join(map(str, subjects.cl100k_file().encode_ordinary("Hello 12345"))) + "\n"
    assert output("encode", "-t", *copy, data=b"Hello 12345").decode() == expected
    pair = [str(peers.data_file("encoder.json")), "--merges", str(peers.data_file("vocab.bpe"))]
    assert output("encode", "-t", *pair, data=b"Hello, world!") == HELLO_IDS


def test_help_and_version() -> None:
    assert b"encode" in output("--help")
    assert b"--tokenizer" in output("encode", "--help")
    assert output("--version").startswith(b"pyaot-tokenizer ")


@pytest.mark.parametrize(
    ("arguments", "data", "message"),
    [
        (
            ["encode", "-t", "no-such-file"],
            b"",
            b"no-such-file: cannot read the file: No such file",
        ),
        (["encode", "-t", "broken.json"], b"", b"broken.json: "),
        (["encode", "-t", "GPT2", "no-such-text"], b"", b"no-such-text: cannot read the file"),
        (["decode", "-t", "GPT2"], b"1 x 2", b"-: 'x' at byte 2 is not an id"),
        (["decode", "-t", "GPT2"], b"1 -2", b"'-2' at byte 2"),
        (["decode", "-t", "GPT2"], b"1 99999", b"99999 at index 1"),
        (["decode", "-t", "GPT2"], b"\xff", b"is not an id"),
    ],
)
def test_bad_data(
    gpt2: str, tmp_path: pathlib.Path, arguments: List[str], data: bytes, message: bytes
) -> None:
    (tmp_path / "broken.json").write_bytes(b'{"model": ')
    chosen = [gpt2 if argument == "GPT2" else argument for argument in arguments]
    done = run(*chosen, data=data, folder=tmp_path)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.startswith(b"pyaot-tokenizer: ")
    assert message in done.stderr
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["no-such-command"],
        ["encode"],
        ["encode", "-t"],
        ["encode", "-t", "x", "--no-such-option"],
        ["encode", "-t", "x", "--special-tokens", "all"],
        ["encode", "-t", "x.tiktoken"],
        ["encode", "-t", "x", "--merges", "y", "--pattern", "gpt2"],
        ["info", "-t", "x", "more"],
    ],
)
def test_bad_usage(arguments: List[str]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"pyaot-tokenizer")
    assert done.stderr.count(b"\n") == 1


def test_a_reader_that_goes_away(gpt2: str, tmp_path: pathlib.Path) -> None:
    """`... | head -c 1` ends quietly."""
    (tmp_path / "text").write_bytes(b"hello world " * 100_000)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "pyaot_tokenizer", "encode", "-t", gpt2, "text"]
    with subprocess.Popen(
        command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read(1) == b"3"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(60) == 0


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, *sys.argv[1:]]))
