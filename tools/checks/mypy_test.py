"""mypy, with the checkout's mypy.ini (strict), finds no error in the package and its stubs."""

import os
import subprocess
import sys


def main() -> int:
    command = [sys.executable, "-m", "mypy", "--config-file=mypy.ini", "--strict"]
    command += ["--cache-dir", os.path.join(os.environ["TEST_TMPDIR"], "mypy")]
    command += ["--no-site-packages", "python/pyaot_tokenizer"]
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
