"""A workspace that depends on this one builds and runs; an unknown attribute fails its build.

The workspace is a copy of tests/consumer, so that nothing is written into the checkout. It is
built by another server of the Bazel that builds this repository, which is stopped in the end.
"""

import os
import shutil
import subprocess
import sys
import unittest
from pathlib import Path

CHECKOUT = Path("MODULE.bazel").resolve().parent
WORKSPACE = Path(os.environ["TEST_TMPDIR"]) / "consumer"

UNKNOWN_ATTRIBUTE = {
    "zig": ("@rules_zig//zig:defs.bzl", "zig_library", 'main = "main.zig"'),
    "python": ("@rules_python//python:py_library.bzl", "py_library", "srcs = []"),
}


def bazel(*arguments: str) -> "subprocess.CompletedProcess[str]":
    # A Bazel inside a test takes the outer one's variables for its own.
    kept = ("HOME", "PATH", "XDG_CACHE_HOME", "PYAOT_AIRGAP", "USER", "LANG")
    env = {name: os.environ[name] for name in kept if name in os.environ}
    command = [str(CHECKOUT / "tools" / "bazel"), "--max_idle_secs=60", *arguments]
    return subprocess.run(
        command, cwd=WORKSPACE, env=env, capture_output=True, text=True, check=False
    )


class ConsumerTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        shutil.copytree(CHECKOUT / "tests" / "consumer", WORKSPACE)
        module = WORKSPACE / "MODULE.bazel"
        text = module.read_text("utf-8")
        assert 'path = "../.."' in text
        text = text.replace('path = "../.."', f'path = "{CHECKOUT}"')
        text += 'bazel_dep(name = "rules_zig", version = "0.13.0")\n'
        module.write_text(text, "utf-8")

    @classmethod
    def tearDownClass(cls) -> None:
        bazel("shutdown")

    def test_builds_and_runs(self) -> None:
        result = bazel("test", "--jobs=2", "--symlink_prefix=/", "--test_output=errors", "//:all")
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertIn("3 tests pass", result.stdout + result.stderr)

    def test_unknown_attributes_fail(self) -> None:
        for name, (file, rule, rest) in UNKNOWN_ATTRIBUTE.items():
            with self.subTest(name):
                folder = WORKSPACE / f"unknown_{name}"
                folder.mkdir()
                (folder / "BUILD.bazel").write_text(
                    f'load("{file}", "{rule}")\n'
                    f'{rule}(name = "x", {rest}, no_such_attribute = 1)\n',
                    "utf-8",
                )
                result = bazel("query", f"//unknown_{name}:all")
                self.assertNotEqual(result.returncode, 0)
                self.assertIn("no_such_attribute", result.stderr)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0]])
