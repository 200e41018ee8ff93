"""The shared library needs glibc 2.17 or newer and nothing else, and exports the C ABI alone."""

import os
import unittest
from pathlib import Path

from elf import Elf

GLIBC_MAX = (2, 17)
LIBRARIES = {"libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1"}
LOADERS = {"ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1"}


class LibraryTest(unittest.TestCase):
    def setUp(self) -> None:
        self.elf = Elf(Path(os.environ["LIBRARY"]).read_bytes())

    def test_glibc_floor(self) -> None:
        versions = self.elf.needed_versions()
        self.assertTrue(versions, "it needs no version of glibc: was it read right?")
        for library, names in versions.items():
            for name in names:
                with self.subTest(f"{library} {name}"):
                    self.assertTrue(name.startswith("GLIBC_"))
                    number = tuple(int(part) for part in name[len("GLIBC_") :].split("."))
                    self.assertLessEqual(number, GLIBC_MAX)

    def test_needs_libc_alone(self) -> None:
        self.assertLessEqual(self.elf.needed_libraries(), LIBRARIES | LOADERS)

    def test_exports_the_abi_alone(self) -> None:
        exported = self.elf.exported_symbols()
        self.assertTrue(exported)
        self.assertEqual({name for name in exported if not name.startswith("pyaot_")}, set())


if __name__ == "__main__":
    unittest.main()
