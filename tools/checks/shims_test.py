"""The list in tools/airgap/README.md, the shims and the BUILD files agree on rules and attributes.

What a BUILD file uses is in the list, which comes from the real rules' documentation; what a shim
takes is in the list too. Starlark is read as Python: these files use nothing that the two write
differently.
"""

import ast
import re
import unittest
from pathlib import Path
from typing import Dict, Iterator, Set, Tuple

CHECKOUT = Path("MODULE.bazel").resolve().parent
AIRGAP = CHECKOUT / "tools" / "airgap"
SHIMS = ("rules_python", "rules_rust", "rules_zig")
# What Bazel itself gives every rule, test and program.
COMMON = {"name", "visibility", "tags", "testonly", "toolchains", "size", "timeout", "args"}
ROW = re.compile(r"^\| `(@\S+\.bzl)` \| `(\w+)` \| ([\w, ]+) \|$", re.MULTILINE)

Rules = Dict[str, Set[str]]


def documented() -> Dict[Tuple[str, str], Set[str]]:
    text = (AIRGAP / "README.md").read_text("utf-8")
    return {(file, rule): set(names.split(", ")) for file, rule, names in ROW.findall(text)}


def calls(tree: ast.AST, name: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name:
            yield node


def loaded(tree: ast.AST) -> Iterator[Tuple[str, str]]:
    """File and symbol of each thing that is loaded from a shimmed module."""
    for call in calls(tree, "load"):
        file = ast.literal_eval(call.args[0])
        if file.split("//")[0].lstrip("@") in SHIMS:
            for symbol in (*call.args[1:], *(keyword.value for keyword in call.keywords)):
                yield file, ast.literal_eval(symbol)


def keys(node: ast.AST, names: Dict[str, ast.AST]) -> Set[str]:
    """The keys of a dictionary that is written out, named, or joined with `|`."""
    if isinstance(node, ast.Dict):
        return {ast.literal_eval(key) for key in node.keys if key is not None}
    if isinstance(node, ast.BinOp):
        return keys(node.left, names) | keys(node.right, names)
    assert isinstance(node, ast.Name), ast.dump(node)
    return keys(names[node.id], names)


def shimmed() -> Rules:
    """Each rule of the shims, and the public attributes that it takes."""
    found: Rules = {}
    for file in sorted(AIRGAP.glob("rules_*/**/private/*.bzl")):
        tree = ast.parse(file.read_text("utf-8"))
        names = {
            statement.targets[0].id: statement.value
            for statement in tree.body
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name)
        }
        for name, value in names.items():
            if isinstance(value, ast.Call) and ast.unparse(value.func) == "rule":
                attrs = [word.value for word in value.keywords if word.arg == "attrs"]
                taken = keys(attrs[0], names) if attrs else set()
                found[name] = {key for key in taken if not key.startswith("_")}
    return found


def build_files() -> Iterator[Path]:
    for pattern in ("**/BUILD.bazel", "tools/*.bzl"):
        for file in sorted(CHECKOUT.glob(pattern)):
            if AIRGAP not in file.parents and "bazel-" not in file.relative_to(CHECKOUT).parts[0]:
                yield file


class ShimsTest(unittest.TestCase):
    def test_build_files_use_the_documented(self) -> None:
        known = documented()
        for file in build_files():
            tree = ast.parse(file.read_text("utf-8"))
            for label, rule in loaded(tree):
                with self.subTest(file=str(file.relative_to(CHECKOUT)), rule=rule):
                    self.assertIn((label, rule), known)
                    for call in calls(tree, rule):
                        used = {keyword.arg for keyword in call.keywords}
                        self.assertEqual(used - known[label, rule] - COMMON, set())

    def test_shims_take_the_documented(self) -> None:
        taken = shimmed()
        for (_, rule), names in documented().items():
            with self.subTest(rule):
                self.assertEqual(taken[rule], names)

    def test_no_macro_swallows_attributes(self) -> None:
        for file in AIRGAP.glob("rules_*/**/*.bzl"):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.FunctionDef):
                    self.assertIsNone(node.args.kwarg, f"{file.name}: {node.name}")


if __name__ == "__main__":
    unittest.main()
