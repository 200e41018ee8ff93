"""Frozen files: saved, loaded, pickled, shared with a fork, and refused when they are not right."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Callable, Dict

import pytest

from pyaot_tokenizer import (
    FileWriteError,
    FormatError,
    InvalidTypeError,
    Tokenizer,
    UnsupportedError,
)

import subjects

TEXT = "Hello, world! <|endoftext|> \u00e9\u4e00 naïve 12345\n\n\tdef f(x): return x\x00" * 3

FORMS: Dict[str, Callable[[], Tokenizer]] = {
    "json": subjects.gpt2_json,
    "files": subjects.gpt2_files,
    "ranks": subjects.gpt2_ranks,
    "tiktoken": subjects.cl100k_file,
}


@pytest.fixture(params=sorted(FORMS))
def tokenizer(request: pytest.FixtureRequest) -> Tokenizer:
    return FORMS[request.param]()


@pytest.fixture
def frozen(tmp_path: Path) -> Path:
    path = tmp_path / "gpt2.frozen"
    subjects.gpt2_json().save_frozen(path)
    return path


def assert_same(found: Tokenizer, expected: Tokenizer) -> None:
    for mode in ("parse", "text"):
        ids = expected.encode(TEXT, special_tokens=mode)
        assert found.encode(TEXT, special_tokens=mode) == ids
        assert found.decode(ids) == expected.decode(ids)
    assert found.added_tokens == expected.added_tokens
    assert repr(found) == repr(expected)
    assert found.pattern == expected.pattern
    assert found.token_to_id("Hello") == expected.token_to_id("Hello")


def test_round_trip(tokenizer: Tokenizer, tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.frozen"
    tokenizer.save_frozen(path)
    thawed = Tokenizer(path)
    assert_same(thawed, tokenizer)
    assert_same(Tokenizer.from_bytes(path.read_bytes()), tokenizer)
    thawed.save_frozen(tmp_path / "again.frozen")
    assert (tmp_path / "again.frozen").read_bytes() == path.read_bytes()


def test_pickled_whole(frozen: Path) -> None:
    data = pickle.dumps(Tokenizer(frozen))
    frozen.unlink()
    restored = pickle.loads(data)
    assert_same(restored, subjects.gpt2_json())
    assert_same(pickle.loads(pickle.dumps(restored)), subjects.gpt2_json())


def test_replaced_while_mapped(frozen: Path) -> None:
    thawed = Tokenizer(frozen)
    subjects.cl100k_file().save_frozen(frozen)
    assert_same(thawed, subjects.gpt2_json())
    assert_same(Tokenizer(frozen), subjects.cl100k_file())
    frozen.unlink()
    assert_same(thawed, subjects.gpt2_json())
    assert os.listdir(frozen.parent) == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_shared_with_a_fork(frozen: Path) -> None:
    program = (
        "import os, sys\n"
        "from pyaot_tokenizer import Tokenizer\n"
        "tok = Tokenizer(sys.argv[1])\n"
        "expected = tok.encode('Hello, world!')\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    os._exit(tok.encode('Hello, world!') != expected)\n"
        "sys.exit(os.waitpid(child, 0)[1] != 0 or tok.decode(expected) != 'Hello, world!')\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", program, str(frozen)], check=True, env=environment)


def test_damaged(frozen: Path) -> None:
    content = frozen.read_bytes()
    for length in (8, 40, 127, 128, 1000, len(content) - 1):
        frozen.write_bytes(content[:length])
        with pytest.raises(FormatError) as caught:
            Tokenizer(frozen)
        assert str(caught.value).startswith(f"{frozen}: the frozen tokenizer ")
    frozen.write_bytes(content + b"\0")
    with pytest.raises(FormatError, match="bytes, and should have"):
        Tokenizer(frozen)
    for at in (60, 200, len(content) // 2, len(content) - 1):
        damaged = bytearray(content)
        damaged[at] ^= 4
        with pytest.raises((FormatError, UnsupportedError)):
            Tokenizer.from_bytes(bytes(damaged))


def test_of_another_version(frozen: Path) -> None:
    content = bytearray(frozen.read_bytes())
    content[12] += 1
    frozen.write_bytes(content)
    with pytest.raises(UnsupportedError, match="frozen by another build"):
        Tokenizer(frozen)


def test_nothing_is_left_where_writing_fails(tmp_path: Path) -> None:
    tokenizer = subjects.gpt2_json()
    target = tmp_path / "folder"
    target.mkdir()
    (target / "inside").touch()
    # A folder that is not empty cannot be replaced.
    with pytest.raises(FileWriteError) as caught:
        tokenizer.save_frozen(target)
    assert str(caught.value).startswith(f"{target}: cannot write the file: ")
    assert isinstance(caught.value, OSError)
    with pytest.raises(FileWriteError):
        tokenizer.save_frozen(tmp_path / "missing" / "file")
    assert os.listdir(tmp_path) == ["folder"]
    with pytest.raises(InvalidTypeError):
        tokenizer.save_frozen(3)  # type: ignore[arg-type]


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write anywhere"
)
def test_unwritable_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(FileWriteError):
            subjects.gpt2_json().save_frozen(tmp_path / "file")
    finally:
        tmp_path.chmod(0o700)
