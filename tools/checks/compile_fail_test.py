"""What the comptime checks of `simd.zig` must reject does not compile, and the message says why."""

import subprocess
import unittest

from zig_program import cache_options, zig_program

MESSAGES = {
    "simd_add_length": "Length must be multiple of 8",
    "fast_memcpy_zero_size": "Invalid type",
}


def compile_file(name: str) -> "subprocess.CompletedProcess[str]":
    command = [zig_program(), "build-obj", "-fno-emit-bin", *cache_options()]
    command += ["--dep", "simd", f"-Mroot=zig/compile_fail/{name}.zig", "-Msimd=zig/src/simd.zig"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


class CompileFailTest(unittest.TestCase):
    def test_rejects(self) -> None:
        for name, message in MESSAGES.items():
            with self.subTest(name):
                result = compile_file(name)
                self.assertNotEqual(result.returncode, 0)
                self.assertIn(f"error: {message}", result.stderr)

    def test_accepts_the_control(self) -> None:
        result = compile_file("control")
        self.assertEqual(result.returncode, 0, result.stderr)


if __name__ == "__main__":
    unittest.main()
