"""What ``--full`` fetches into the user's cache folder: peers' wheels, vocabularies.

Both are named in locks with hashes, and what is there already is not fetched again.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from pathlib import Path
from typing import Dict, List

NPM_LOCK = Path(__file__).parent / "npm_vocabularies.json"
# A wheel that carries CLIP's merges, and its sha256.
_CLIP = (
    "open_clip_torch==3.3.0",
    "c549ad5ed6bfc119cc11105033c0a2b9d7a2a4afeb40a58a09aab3da1a0043ce",
)


class FetchError(Exception):
    """What could not be fetched, and why, in one line."""


def cache_folder() -> Path:
    """The benchmark's folder in the user's cache."""
    home = os.environ.get("XDG_CACHE_HOME") or Path(os.environ.get("HOME", "/tmp")) / ".cache"
    return Path(home) / "pyaot_tokenizer" / "bench"


def peers_site(lock: Path) -> Path:
    """The folder with the wheels of `lock`, installed there if it is not yet."""
    key = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:16]
    site = cache_folder() / f"peers-{key}"
    if site.is_dir():
        return site
    site.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=site.parent) as folder:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--require-hashes"]
        command += ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check"]
        command += ["--target", str(Path(folder) / "site"), "--requirement", str(lock)]
        environment = {**os.environ, "PIP_ROOT_USER_ACTION": "ignore"}
        try:
            subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
        except subprocess.CalledProcessError as error:
            raise FetchError(f"pip could not install the peers: {_last(error.stderr)}") from None
        os.rename(Path(folder) / "site", site)
    return site


def npm_vocabulary(name: str) -> Path:
    """The tokenizer.json of a package of the lock."""
    package, version, expected = json.loads(NPM_LOCK.read_text("utf-8"))[name]
    path = cache_folder() / "vocabularies" / name / "tokenizer.json"
    if path.is_file() and _sha256(path) == expected:
        return path
    npm = shutil.which("npm")
    if npm is None:
        raise FetchError(f"{name} is left out: npm, which fetches it, is not installed")
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        command = [npm, "pack", "--silent", f"{package}@{version}"]
        try:
            done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
        except subprocess.CalledProcessError as error:
            raise FetchError(f"{name} is left out: npm: {_last(error.stderr)}") from None
        with tarfile.open(Path(folder) / done.stdout.split()[-1]) as archive:
            member = archive.extractfile("package/models/tokenizer.json")
            assert member is not None
            found = Path(folder) / "tokenizer.json"
            found.write_bytes(member.read())
        if _sha256(found) != expected:
            raise FetchError(f"{name} is left out: {package} {version} has not the locked hash")
        os.replace(found, path)
    return path


def clip_merges() -> Path:
    """CLIP's merges as they were published, bpe_simple_vocab_16e6.txt.gz."""
    name = "bpe_simple_vocab_16e6.txt.gz"
    path = cache_folder() / "vocabularies" / "clip" / name
    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    package, sha256 = _CLIP
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        lock = Path(folder) / "lock.txt"
        lock.write_text(f"{package} --hash=sha256:{sha256}\n", encoding="utf-8")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes"]
        command += ["--no-deps", "--only-binary=:all:", "--disable-pip-version-check"]
        command += ["--dest", folder, "--requirement", str(lock)]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True)
        except subprocess.CalledProcessError as error:
            raise FetchError(f"clip is left out: pip: {_last(error.stderr)}") from None
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            found = Path(folder) / name
            found.write_bytes(archive.read(f"open_clip/{name}"))
        os.replace(found, path)
    return path


def wordchipper_cache(ranks: Dict[str, str]) -> Path:
    """A cache folder in which wordchipper finds the rank files that it would download."""
    folder = cache_folder() / "wordchipper"
    for name, path in ranks.items():
        place = folder / "io.crates.wordchipper" / "openai" / name / f"{name}.tiktoken"
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, place)
    return folder


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _last(output: str) -> str:
    lines: List[str] = [line for line in output.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"
