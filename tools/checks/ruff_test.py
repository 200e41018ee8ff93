"""Ruff's linter and formatter find nothing to change in the Python sources."""

import shutil
import subprocess
import sys
from pathlib import Path

import ruff


def ruff_program() -> str:
    """The program that the wheel carries: hubs put it at different depths beside the package."""
    package = Path(ruff.__file__).absolute().parent
    for folder in list(package.parents)[:3]:
        program = folder / "bin" / "ruff"
        if program.exists():
            return str(program)
    found = shutil.which("ruff")
    assert found, "the ruff wheel has no program"
    return found


def main() -> int:
    folders = [name for name in ("bench", "python", "tests", "tools") if Path(name).exists()]
    common = ["--no-cache", "--config", "ruff.toml"]
    program = ruff_program()
    codes = [
        subprocess.run([program, "check", *common, *folders], check=False).returncode,
        subprocess.run([program, "format", "--check", *common, *folders], check=False).returncode,
    ]
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
