"""The texts that are measured: the user's own files, what pinned packages carry, and made text."""

from __future__ import annotations

import importlib.util
import io
import itertools
import os
import random
import string
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, List, Mapping, Sequence

import vocabularies

NAMES = ("english", "code", "multilingual", "cjk")
DOCUMENT_BYTES = 4000
_MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Text:
    """A file, and how it is cut into what the calls are given."""

    name: str
    path: str
    form: str = "documents"
    """documents, whole, hello, or the length in bytes of short strings."""
    limit: int = 1 << 40
    """Only so many bytes of the file are used."""

    def load(self) -> List[str]:
        """The strings."""
        if self.form == "hello":
            return ["Hello, world!"] * 2000
        with open(self.path, "rb") as file:
            text = file.read(min(self.limit, os.path.getsize(self.path))).decode("utf-8", "ignore")
        if self.form == "documents":
            return cut_documents(text)
        if self.form == "whole":
            return [text]
        return cut_short(text, int(self.form))


def cut_documents(text: str, size: int = DOCUMENT_BYTES) -> List[str]:
    """`text` in documents of `size` bytes or a little more, each cut behind a newline."""
    documents = []
    lines: List[str] = []
    used = 0
    for line in io.StringIO(text, newline="\n"):
        lines.append(line)
        used += len(line.encode("utf-8", "replace"))
        if used >= size:
            documents.append("".join(lines))
            lines, used = [], 0
    if lines:
        documents.append("".join(lines))
    return documents


def mixed(paths: Sequence[Path], size: int, document_bytes: int) -> List[str]:
    """Documents of the files in turn, `size` bytes altogether."""
    parts = [
        cut_documents(path.read_text("utf-8", errors="replace"), document_bytes) for path in paths
    ]
    documents: List[str] = []
    used = 0
    for row in itertools.zip_longest(*parts):
        for document in row:
            if document is not None and used < size:
                documents.append(document)
                used += len(document.encode())
    return documents


def cut_short(text: str, size: int, most: int = 500) -> List[str]:
    """Up to `most` strings of `size` bytes, or a little less where that would split a character."""
    data = text.encode("utf-8", "replace")
    step = max(size, len(data) // most)
    starts = range(0, len(data) - size + 1, step)
    return [data[start : start + size].decode("utf-8", "ignore") for start in starts][:most]


def made(limit: int) -> Dict[str, Callable[[], str]]:
    """Stand-ins for the four corpora, for when the user brings none."""
    return {
        "english": lambda: _made_words(limit),
        "code": lambda: _package_sources(limit),
        "multilingual": lambda: _made_scripts(limit, _SCRIPTS),
        "cjk": lambda: _made_scripts(limit, _SCRIPTS[-3:]),
    }


def hostile() -> Mapping[str, Callable[[], str]]:
    """A megabyte of each kind that tokenizers are slow on."""
    generator = random.Random(3)

    def draw(alphabet: Sequence[str], width: int = 1) -> str:
        return "".join(generator.choices(alphabet, k=_MEGABYTE // width))

    base64 = string.ascii_letters + string.digits + "+/"
    han = [chr(code) for code in range(0x4E00, 0x4E00 + 3000)]
    anything = [chr(c) for c in range(0x21, 0x20000) if not 0xD800 <= c < 0xE000]
    return {
        "one letter": lambda: "a" * _MEGABYTE,
        "spaces": lambda: " " * _MEGABYTE,
        "newlines": lambda: "\n" * _MEGABYTE,
        "random letters": lambda: draw(string.ascii_lowercase),
        "abc repeated": lambda: ("abc" * _MEGABYTE)[:_MEGABYTE],
        "random Han": lambda: draw(han, 3),
        "base64": lambda: draw(base64),
        "base64 in lines": lambda: "\n".join(_lines(draw(base64), 76)),
        "random Unicode": lambda: draw(anything, 4),
        "random digits": lambda: draw(string.digits),
        "random punctuation": lambda: draw(string.punctuation),
        "three Han repeated": lambda: "\u4e2d\u6587\u5b57" * (_MEGABYTE // 9),
        "almost added tokens": lambda: ("<unused" * _MEGABYTE)[:_MEGABYTE],
    }


def unrepeated() -> Mapping[str, Callable[[], str]]:
    """Texts in which no piece comes twice but by chance."""
    generator = random.Random(4)

    def words() -> str:
        data: List[str] = []
        for _ in range(10 * _MEGABYTE // 9):
            length = generator.randint(4, 12)
            data.append("".join(generator.choices(string.ascii_lowercase, k=length)))
        return "\n".join(" ".join(data[i : i + 12]) for i in range(0, len(data), 12))

    def base64() -> str:
        alphabet = string.ascii_letters + string.digits + "+/"
        return "\n".join(_lines("".join(generator.choices(alphabet, k=5 * _MEGABYTE)), 76))

    return {"random words": words, "base64 lines": base64}


def _lines(text: str, width: int) -> List[str]:
    return [text[i : i + width] for i in range(0, len(text), width)]


def _package_sources(limit: int) -> str:
    spec = importlib.util.find_spec("litellm")
    if spec is None or not spec.submodule_search_locations:
        raise LookupError("the package litellm, whose sources are a corpus, is not installed")
    documents: List[str] = []
    used = 0
    for file in sorted(Path(spec.submodule_search_locations[0]).rglob("*.py")):
        document = file.read_text("utf-8", errors="replace")
        documents.append(document)
        used += len(document)
        if used > limit:
            break
    return "\n".join(documents)


def _made_words(limit: int) -> str:
    """Lines of words of GPT-2's vocabulary, the short and early ones most often."""
    generator = random.Random(1)
    words = [w[1:] for w in vocabularies.gpt2_words() if len(w) > 2 and w[1:].isalpha()]
    lines: List[str] = []
    used = 0
    while used < limit:
        picked: List[str] = []
        for _ in range(generator.randint(10, 60)):
            word = words[int(len(words) * generator.random() ** 3)]
            picked.append(word + generator.choices(["", ",", "."], [82, 9, 9])[0])
        lines.append(" ".join(picked))
        used += len(lines[-1]) + 1
    return "\n".join(lines)


_SCRIPTS: Sequence[int] = (0x430, 0x5D0, 0x627, 0x905, 0x3042, 0x4E00, 0xAC00)


def _made_scripts(limit: int, starts: Sequence[int]) -> str:
    """Lines of made words, each line of letters of one script."""
    generator = random.Random(2)
    lines: List[str] = []
    used = 0
    while used < limit:
        start = generator.choice(starts)
        words = [
            "".join(chr(start + generator.randrange(24)) for _ in range(generator.randint(1, 9)))
            for _ in range(40)
        ]
        lines.append(" ".join(words))
        used += len(lines[-1].encode()) + 1
    return "\n".join(lines)
