"""Writes the BUILD files of a hub: a py_library for each package that pip installed in SITE.

A package's target has the files of its RECORD and depends on what its metadata require on this
interpreter, as in the real hub; so a dependency that a BUILD file does not name is missed here too.
"""

import importlib.metadata
import json
import re
import sys
from pathlib import Path

from pip._vendor.packaging.requirements import Requirement

HEADER = 'load("@rules_python//python:py_library.bzl", "py_library")\n'


def normalized(name):
    return re.sub(r"[-_.]+", "_", name).lower()


def installed_files(distribution, site):
    """Paths below the repository's root; RECORD names the site's `bin` as `../../bin`."""
    for file in distribution.files or []:
        parts = file.parts
        while parts and parts[0] == "..":
            parts = parts[1:]
        path = site.joinpath(*parts)
        if path.is_file() and "__pycache__" not in parts:
            yield path.as_posix()


def main():
    site = Path(sys.argv[1])
    distributions = {
        normalized(found.metadata["Name"]): found
        for found in importlib.metadata.distributions(path=[str(site)])
    }
    root = [HEADER]
    for name, distribution in sorted(distributions.items()):
        deps = set()
        for text in distribution.requires or []:
            requirement = Requirement(text)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                required = normalized(requirement.name)
                if required in distributions and required != name:
                    deps.add(":" + required)
        files = sorted(set(installed_files(distribution, site)))
        rule = {
            "name": name,
            "srcs": [file for file in files if file.endswith(".py")],
            "data": [file for file in files if not file.endswith(".py")],
            "imports": [site.as_posix()],
            "deps": sorted(deps),
            "visibility": ["//visibility:public"],
        }
        arguments = "".join(f"    {key} = {json.dumps(rule[key])},\n" for key in rule)
        root.append(f"py_library(\n{arguments})\n")
        folder = Path(name)
        folder.mkdir(exist_ok=True)
        (folder / "BUILD.bazel").write_text(
            f'alias(\n    name = "{name}",\n    actual = "//:{name}",\n'
            '    visibility = ["//visibility:public"],\n)\n'
        )
    Path("BUILD.bazel").write_text("\n".join(root))


main()
