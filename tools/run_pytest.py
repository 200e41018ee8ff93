"""Runs pytest over the files that the arguments name, by their paths in this repository."""

import os
import sys

import pytest


def main() -> int:
    report = os.environ.get("XML_OUTPUT_FILE")
    options = ["-p", "no:cacheprovider", "--import-mode=importlib", "-q"]
    if report:
        options.append(f"--junitxml={report}")
    only = os.environ.get("TESTBRIDGE_TEST_ONLY")
    if only:
        options += ["-k", only]
    return int(pytest.main([*options, *sys.argv[1:]]))


if __name__ == "__main__":
    sys.exit(main())
