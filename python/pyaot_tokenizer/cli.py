"""The command line: ``pyaot-tokenizer encode|decode|count|info``.

Input is read as bytes and output written as bytes, so that text of any encoding survives. Exit
codes: 0, done (also when the reader of the output went away); 1, bad data, with one line on
standard error; 2, bad usage.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from typing import Any, BinaryIO, Dict, List, NoReturn, Optional, Sequence

from . import __version__
from .errors import FileReadError, InvalidValueError, TokenizerError
from .patterns import PATTERNS
from .tokenizer import Tokenizer

_EPILOG = """\
TOKENIZER is a tokenizer.json; or a .tiktoken rank file, with --pattern; or GPT-2's vocab.json, with
--merges. FILE is a file's name, or - for standard input, which is also read if no FILE is given.
"""


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Runs one command and returns its exit code.

    Args:
        arguments: The command line without the program's name; None: that of the process.
    """
    options = _parser().parse_args(arguments)
    try:
        tokenizer = _load(options)
        options.run(options, tokenizer, sys.stdout.buffer)
        sys.stdout.flush()
    except BrokenPipeError:
        # Nobody reads on. The interpreter would complain when it flushes the stream at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (TokenizerError, OSError, MemoryError) as error:
        print(f"pyaot-tokenizer: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


class _Parser(argparse.ArgumentParser):
    """Reports wrong usage in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message} (try {self.prog} --help)\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="pyaot-tokenizer",
        description="Text to token ids and back.",
        epilog=_EPILOG,
    )
    parser.add_argument("--version", action="version", version=f"pyaot-tokenizer {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    encode = _command(commands, "encode", _encode, "print the ids of each file, one line a file")
    count = _command(commands, "count", _count, "print how many ids each file has")
    decode = _command(commands, "decode", _decode, "print the text of ids")
    info = _command(commands, "info", _info, "print facts about the tokenizer")
    encode.add_argument(
        "-o", "--output", metavar="IDS", help="write the ids of all files to this one, in binary"
    )
    encode.add_argument(
        "--dtype", choices=("uint16", "uint32"), help="of the ids in --output (default: what fits)"
    )
    encode.add_argument(
        "--num-threads",
        type=int,
        help="for --output: how many threads may work (default: one a core)",
    )
    for command in (encode, count):
        command.add_argument(
            "--special-tokens",
            choices=("parse", "text", "refuse"),
            default="parse",
            help="what special-token text becomes: the token (default), text, or an error",
        )
        command.add_argument("files", nargs="*", metavar="FILE", help="text to read")
    decode.add_argument(
        "--skip-special-tokens", action="store_true", help="leave special tokens out"
    )
    decode.add_argument(
        "files", nargs="*", metavar="FILE", help="ids to read: as encode prints them, or JSON lists"
    )
    for command in (encode, count, decode):
        command.add_argument("--json", action="store_true", help="print one JSON object a file")
    info.add_argument("--json", action="store_true", help="print one JSON object")
    return parser


def _command(commands: Any, name: str, run: Any, what: str) -> argparse.ArgumentParser:
    command: argparse.ArgumentParser = commands.add_parser(
        name, help=what, description=f"{what[0].upper()}{what[1:]}.", epilog=_EPILOG
    )
    command.set_defaults(run=run, parser=command)
    command.add_argument(
        "-t", "--tokenizer", required=True, metavar="TOKENIZER", help="the tokenizer's file"
    )
    command.add_argument(
        "--merges", metavar="FILE", help="GPT-2's merges.txt; TOKENIZER is its vocab.json"
    )
    command.add_argument(
        "--pattern",
        help=f"how to cut text, for a rank file: a regular expression, or {', '.join(PATTERNS)}",
    )
    return command


def _load(options: argparse.Namespace) -> Tokenizer:
    path: str = options.tokenizer
    if path.endswith(".tiktoken") and options.pattern is None:
        options.parser.error("a .tiktoken file needs --pattern")
    if options.merges is not None and options.pattern is not None:
        options.parser.error("--merges and --pattern exclude each other")
    if options.pattern is not None:
        return Tokenizer.from_tiktoken(path, pattern=options.pattern)
    if options.merges is not None:
        return Tokenizer.from_files(path, options.merges)
    return Tokenizer(path)


def _encode(options: argparse.Namespace, tokenizer: Tokenizer, out: BinaryIO) -> None:
    if options.output is not None:
        _encode_files(options, tokenizer, out)
        return
    for name in options.files or ["-"]:
        ids = tokenizer.encode(_input(name), special_tokens=options.special_tokens)
        if options.json:
            _write_json(out, {"file": name, "ids": ids})
        else:
            out.write(" ".join(map(str, ids)).encode() + b"\n")


def _encode_files(options: argparse.Namespace, tokenizer: Tokenizer, out: BinaryIO) -> None:
    if not options.files or "-" in options.files:
        options.parser.error("--output needs the names of files to read")
    ends = tokenizer.encode_files(
        options.files,
        options.output,
        dtype=options.dtype,
        num_threads=options.num_threads,
        special_tokens=options.special_tokens,
    )
    for name, start, end in zip(options.files, [0, *ends], ends):
        if options.json:
            _write_json(out, {"file": name, "ids": end - start})
        else:
            out.write(f"{end - start} ".encode() + os.fsencode(name) + b"\n")


def _count(options: argparse.Namespace, tokenizer: Tokenizer, out: BinaryIO) -> None:
    total = 0
    for name in options.files or ["-"]:
        data = _input(name)
        count = tokenizer.count(data, special_tokens=options.special_tokens)
        total += count
        if options.json:
            _write_json(out, {"file": name, "ids": count, "bytes": len(data)})
        elif options.files:
            out.write(f"{count} ".encode() + os.fsencode(name) + b"\n")
        else:
            out.write(f"{count}\n".encode())
    if len(options.files) > 1 and not options.json:
        out.write(f"{total} total\n".encode())


def _decode(options: argparse.Namespace, tokenizer: Tokenizer, out: BinaryIO) -> None:
    for name in options.files or ["-"]:
        ids = _parse_ids(_input(name), name)
        text = tokenizer.decode_bytes(ids, skip_special_tokens=options.skip_special_tokens)
        if options.json:
            _write_json(out, {"file": name, "text": text.decode("utf-8", "replace")})
        else:
            out.write(text)


def _info(options: argparse.Namespace, tokenizer: Tokenizer, out: BinaryIO) -> None:
    facts: Dict[str, Any] = {
        "format": tokenizer.format,
        "vocab_size": tokenizer.vocab_size,
        "tokens": tokenizer.token_count,
        "merges": tokenizer.merge_count,
        "pre_tokenizer": tokenizer.pre_tokenizer,
        "pattern": tokenizer.pattern,
        "added_tokens": {text: token.id for text, token in tokenizer.added_tokens.items()},
        "memory_bytes": tokenizer.memory_bytes,
    }
    if options.json:
        _write_json(out, facts)
        return
    for key, value in facts.items():
        shown = json.dumps(value, ensure_ascii=True) if isinstance(value, dict) else str(value)
        out.write(f"{key:14} {shown}\n".encode())


def _input(name: str) -> bytes:
    if name == "-":
        return sys.stdin.buffer.read()
    try:
        with open(name, "rb") as file:
            return file.read()
    except OSError as error:
        raise FileReadError.of(error, name) from error


def _parse_ids(data: bytes, name: str) -> List[int]:
    """The integers in `data`, parted by white space, commas or the brackets of JSON lists."""
    ids: List[int] = []
    for match in re.finditer(rb"[^\s,\[\]]+", data):
        word = match.group()
        if not re.fullmatch(rb"[0-9]{1,10}", word):
            shown = word[:40].decode("utf-8", "replace")
            raise InvalidValueError(
                f"{shown!r} at byte {match.start()} is not an id", file=name, offset=match.start()
            )
        ids.append(int(word))
    return ids


def _write_json(out: BinaryIO, value: Dict[str, Any]) -> None:
    out.write(json.dumps(value, ensure_ascii=True).encode() + b"\n")
