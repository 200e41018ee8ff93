"""Vocabulary files, read from tiktoken's cache folder; nothing is downloaded.

The folder is the value of ``TIKTOKEN_CACHE_DIR``, else of ``DATA_GYM_CACHE_DIR``, else
``data-gym-cache`` in the folder for temporary files. A published file is there under the SHA-1 of
its address in hexadecimal digits, as tiktoken itself leaves it.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import tempfile
from typing import Dict, List, Optional

from .. import _files
from ..errors import FileMissingError, FileReadError, FormatError

_NOT_MERGED = ("<|endoftext|>", "<|startoftext|>")
_VARIABLES = ("TIKTOKEN_CACHE_DIR", "DATA_GYM_CACHE_DIR")


def read_file(blobpath: str) -> bytes:
    """The content of a local file.

    Raises:
        FileMissingError: There is none, or `blobpath` is an address, from which nothing is fetched.
        FileReadError: It cannot be read.
    """
    if "://" in blobpath:
        path = cache_path(blobpath)
        place = (
            "its place in a folder that TIKTOKEN_CACHE_DIR names" if path is None else repr(path)
        )
        raise FileMissingError(f"nothing is downloaded: put the file at {place}", file=blobpath)
    try:
        with open(blobpath, "rb") as file:
            return file.read()
    except OSError as error:
        raise FileReadError.of(error, blobpath) from error


def check_hash(data: bytes, expected_hash: str) -> bool:
    """Whether the SHA-256 of `data` is `expected_hash`, in hexadecimal digits."""
    return hashlib.sha256(data).hexdigest() == expected_hash


def cache_path(blobpath: str) -> Optional[str]:
    """Where the file of an address is looked for; None where the name is empty."""
    folder = next((os.environ[name] for name in _VARIABLES if name in os.environ), None)
    if folder is None:
        folder = os.path.join(tempfile.gettempdir(), "data-gym-cache")
    if not folder:
        return None
    return os.path.join(folder, hashlib.sha1(blobpath.encode()).hexdigest())


def read_file_cached(blobpath: str, expected_hash: Optional[str] = None) -> bytes:
    """The content of the file of an address in the cache folder, or of a local file.

    Raises:
        FileMissingError: It is not there; the error says where to put it.
        FileReadError: It cannot be read.
        FormatError: Its SHA-256 is not `expected_hash`.
    """
    path = cache_path(blobpath) if "://" in blobpath else blobpath
    if path is None or (path != blobpath and not os.path.exists(path)):
        return read_file(blobpath)
    data = read_file(path)
    if expected_hash is not None and not check_hash(data, expected_hash):
        found = hashlib.sha256(data).hexdigest()
        raise FormatError(
            f"the content is not that of {blobpath}: its SHA-256 is {found}, not {expected_hash}",
            file=path,
        )
    return data


def load_tiktoken_bpe(
    tiktoken_bpe_file: str, expected_hash: Optional[str] = None
) -> Dict[bytes, int]:
    """The ranks in a ``.tiktoken`` file: lines of a token in base64 and its rank.

    Raises:
        ValueError: A line is malformed.
        FileMissingError, FileReadError, FormatError: As for `read_file_cached`.
    """
    ranks = {}
    for line in read_file_cached(tiktoken_bpe_file, expected_hash).splitlines():
        if line:
            try:
                token, rank = line.split()
                ranks[base64.b64decode(token)] = int(rank)
            except Exception as error:
                raise ValueError(f"Error parsing line {line!r} in {tiktoken_bpe_file}") from error
    return ranks


def dump_tiktoken_bpe(bpe_ranks: Dict[bytes, int], tiktoken_bpe_file: str) -> None:
    """Writes ranks to a local ``.tiktoken`` file, which appears when it is complete.

    Raises:
        FileWriteError: It cannot be written.
    """
    with _files.replacing(tiktoken_bpe_file) as out:
        for token, rank in sorted(bpe_ranks.items(), key=lambda item: item[1]):
            out.write(base64.b64encode(token) + b" " + str(rank).encode() + b"\n")


def data_gym_to_mergeable_bpe_ranks(
    vocab_bpe_file: str,
    encoder_json_file: str,
    vocab_bpe_hash: Optional[str] = None,
    encoder_json_hash: Optional[str] = None,
    clobber_one_byte_tokens: bool = False,
) -> Dict[bytes, int]:
    """The ranks in GPT-2's pair of files.

    Args:
        vocab_bpe_file: The merges, vocab.bpe.
        encoder_json_file: The ids, encoder.json.
        vocab_bpe_hash: The SHA-256 of `vocab_bpe_file`.
        encoder_json_hash: The SHA-256 of `encoder_json_file`.
        clobber_one_byte_tokens: Take the ids of single bytes from `encoder_json_file`.

    Raises:
        ValueError, KeyError: A file is malformed.
        AssertionError: The ids are not in the order of the merges.
        FileMissingError, FileReadError, FormatError: As for `read_file_cached`.
    """
    printable = [byte for byte in range(256) if chr(byte).isprintable() and byte != ord(" ")]
    others: List[int] = sorted(set(range(256)).difference(printable))
    order = printable + others
    spelled = {chr(byte): byte for byte in printable}
    spelled.update((chr(256 + index), byte) for index, byte in enumerate(others))

    def read(text: str) -> bytes:
        return bytes(map(spelled.__getitem__, text))

    merges = read_file_cached(vocab_bpe_file, vocab_bpe_hash).decode().split("\n")[1:-1]
    ranks = {bytes([byte]): rank for rank, byte in enumerate(order)}
    for rank, merge in enumerate(merges, 256):
        left, right = merge.split()
        ranks[read(left) + read(right)] = rank
    document = json.loads(read_file_cached(encoder_json_file, encoder_json_hash))
    for special in _NOT_MERGED:
        document.pop(special, None)
    ids = {read(text): token_id for text, token_id in document.items()}
    if clobber_one_byte_tokens:
        ranks.update((token, token_id) for token, token_id in ids.items() if len(token) == 1)
    if ranks != ids:
        raise AssertionError(f"{encoder_json_file} has not the ids of {vocab_bpe_file}")
    return ranks
