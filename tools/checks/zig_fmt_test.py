"""`zig fmt --check` finds nothing to change in the Zig sources."""

import subprocess
import sys

from zig_program import zig_program


def main() -> int:
    command = [zig_program(), "fmt", "--check", "zig", "tools/gen_abi.zig"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        print(f"not formatted; run `zig fmt` on:\n{result.stdout}{result.stderr}")
    return result.returncode


if __name__ == "__main__":
    sys.exit(main())
