"""Where the Zig compiler of the build is, and caches that it may write."""

import os
from pathlib import Path
from typing import List


def zig_program() -> str:
    """The path in ZIG_BIN: absolute, or below the execution root, or as the runfiles have it."""
    name = os.environ["ZIG_BIN"]
    places = [Path(name)]
    if name.startswith("external/"):
        places.append(Path("..") / name[len("external/") :])
    for place in places:
        if place.exists():
            return str(place.absolute())
    raise FileNotFoundError(f"no Zig compiler at {' or '.join(map(str, places))}")


def cache_options() -> List[str]:
    folder = os.path.join(os.environ["TEST_TMPDIR"], "zig-cache")
    return ["--cache-dir", folder, "--global-cache-dir", folder]
