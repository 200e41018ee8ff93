"""Where a tokenizer of the Hugging Face hub is: in the local cache, or to be downloaded to it."""

from __future__ import annotations

import importlib
import os
import re
from typing import Any, Optional, Union

from . import _forms
from ._arguments import type_name
from .errors import FileMissingError, FileReadError, InvalidTypeError, InvalidValueError

_NAME = re.compile(r"[\w][\w.-]*(/[\w][\w.-]*)?", re.ASCII)
_REVISION = re.compile(r"[\w.-]+(/[\w.-]+)*", re.ASCII)
_TRUE = {"1", "ON", "YES", "TRUE"}


def find(name: str, revision: Optional[str], token: Union[str, bool, None]) -> str:
    """The file or the folder of a tokenizer.

    Raises:
        InvalidTypeError: `name` or `revision` is not a str.
        InvalidValueError: `name` or `revision` cannot be one.
        FileMissingError: It is not in the cache and cannot be downloaded.
        FileReadError: The download failed.
    """
    for what in (name, revision):
        if not isinstance(what, str) and not (what is None and what is not name):
            raise InvalidTypeError(f"a name as str is needed, not {type_name(what)}")
    if _forms.is_folder(name):
        return name
    if not _NAME.fullmatch(name) or ".." in name:
        raise InvalidValueError(f"{name!r} is neither a folder nor the name of a repository")
    if revision is not None and (not _REVISION.fullmatch(revision) or ".." in revision):
        raise InvalidValueError(f"{revision!r} is not a revision")
    cached = _cached(name, revision or "main")
    if cached is not None:
        return cached
    return _download(name, revision, token)


def cache_folder() -> str:
    """The local cache of the hub, as huggingface_hub has it."""
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if os.environ.get(variable):
            return os.path.expanduser(os.environ[variable])
    home = os.environ.get("HF_HOME")
    if not home:
        base = os.environ.get("XDG_CACHE_HOME") or os.path.join("~", ".cache")
        home = os.path.join(base, "huggingface")
    return os.path.join(os.path.expanduser(home), "hub")


def _cached(name: str, revision: str) -> Optional[str]:
    """The folder of a snapshot that has a tokenizer."""
    repository = os.path.join(cache_folder(), "models--" + name.replace("/", "--"))
    try:
        with open(os.path.join(repository, "refs", revision), encoding="ascii") as file:
            commit = file.read().strip()
    except (OSError, ValueError):
        commit = revision
    if "/" in commit or ".." in commit:
        return None
    snapshot = os.path.join(repository, "snapshots", commit)
    try:
        _forms.find_in(snapshot)
    except FileMissingError:
        return None
    return snapshot


def _download(name: str, revision: Optional[str], token: Union[str, bool, None]) -> str:
    missing = f"{name} is not in the local cache {cache_folder()}"
    if os.environ.get("HF_HUB_OFFLINE", "").upper() in _TRUE:
        raise FileMissingError(f"{missing}, and HF_HUB_OFFLINE is set", file=name)
    try:
        # By name: an optional package, which need not be there when types are checked.
        hub: Any = importlib.import_module("huggingface_hub")
    except ImportError:
        raise FileMissingError(
            f"{missing}, and huggingface_hub, which downloads, is not installed", file=name
        ) from None
    try:
        for file in _forms.SINGLE_FILES:
            if hub.file_exists(name, file, revision=revision, token=token):
                path: str = hub.hf_hub_download(name, file, revision=revision, token=token)
                return path
        for file in _forms.PAIR:
            path = hub.hf_hub_download(name, file, revision=revision, token=token)
        return os.path.dirname(path)
    except Exception as error:
        raise FileReadError(f"{missing}, and the download failed: {error}", file=name) from error
