"""The wheel installs into an empty environment and encodes there; its contents are right."""

import os
import subprocess
import sys
import tempfile
import unittest
import venv
import zipfile
from pathlib import Path

WHEEL = Path(os.environ["WHEEL"]).resolve()

# Every byte is a token and "ab" a merge: enough to see the whole path work.
PROGRAM = """
import pyaot_tokenizer
ranks = {bytes([byte]): byte for byte in range(256)}
ranks[b"ab"] = 256
tokenizer = pyaot_tokenizer.Tokenizer.from_ranks(ranks, pattern="gpt2", special_tokens={})
assert tokenizer.encode("abc") == [256, 99], tokenizer.encode("abc")
assert tokenizer.decode([256, 99]) == "abc"
"""


class WheelTest(unittest.TestCase):
    def test_name_and_contents(self) -> None:
        self.assertRegex(
            WHEEL.name, r"^pyaot_tokenizer-[0-9.]+-py3-none-manylinux2014_(x86_64|aarch64)\.whl$"
        )
        with zipfile.ZipFile(WHEEL) as wheel:
            names = set(wheel.namelist())
            for name in ("__init__.py", "_abi.py", "_abi.pyi", "py.typed", "libpyaot_tokenizer.so"):
                self.assertIn(f"pyaot_tokenizer/{name}", names)
            metadata = next(name for name in names if name.endswith(".dist-info/METADATA"))
            text = wheel.read(metadata).decode()
            self.assertIn("License: Apache-2.0", text)
            self.assertNotIn("Requires-Dist", text)

    def test_installs_and_encodes(self) -> None:
        with tempfile.TemporaryDirectory() as folder:
            venv.create(folder, with_pip=True)
            python = os.path.join(folder, "bin", "python")
            # Nothing of the build's own Python may stand in for what the wheel lacks.
            env = {"PATH": os.environ["PATH"], "HOME": folder}
            install = [python, "-m", "pip", "install", "--no-index", "--no-deps", "--quiet"]
            subprocess.run([*install, str(WHEEL)], check=True, env=env)
            subprocess.run([python, "-c", PROGRAM], check=True, env=env, cwd=folder)
            script = os.path.join(folder, "bin", "pyaot-tokenizer")
            subprocess.run([script, "--help"], check=True, env=env, stdout=subprocess.DEVNULL)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
