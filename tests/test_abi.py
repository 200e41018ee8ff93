"""The shared library, the C header, the ctypes table and its stub say the same."""

from __future__ import annotations

import ast
import ctypes
import ctypes.util
import os
import pathlib
import re
import struct
import subprocess
import sys
from typing import Dict, Iterator, List, Tuple

import pytest

import pyaot_tokenizer
from pyaot_tokenizer import LibraryError, _abi, _native

ROOT = pathlib.Path(__file__).absolute().parent.parent
HEADER = (ROOT / "zig" / "include" / "pyaot_tokenizer.h").read_text("utf-8")
STUB = ast.parse(pathlib.Path(_abi.__file__).with_suffix(".pyi").read_text("utf-8"))

# How the header's types look in ctypes; all other pointers are addresses.
CTYPES = {
    "void": None,
    "int32_t": ctypes.c_int32,
    "int64_t": ctypes.c_int64,
    "uint32_t": ctypes.c_uint32,
    "uint64_t": ctypes.c_uint64,
    "size_t": ctypes.c_size_t,
    "pyaot_status": ctypes.c_int32,
}


def prototypes() -> Iterator[Tuple[str, str, List[str]]]:
    """Name, result and arguments of each function of the header, as C spells them."""
    code = re.sub(r"/\*.*?\*/", "", HEADER, flags=re.DOTALL)
    for result, name, arguments in re.findall(
        r"^([\w ]+[ *])(pyaot_\w+)\(([^)]*)\);", code, flags=re.MULTILINE
    ):
        items = [] if arguments == "void" else [item.strip() for item in arguments.split(",")]
        yield name, result.strip(), items


def ctype(spelled: str, *, is_result: bool) -> object:
    if "*" not in spelled:
        return CTYPES[spelled.split(maxsplit=1)[0]]
    return ctypes.c_char_p if is_result and spelled.startswith("const char") else ctypes.c_void_p


def test_header_and_table() -> None:
    found = {}
    for name, result, arguments in prototypes():
        types = tuple(ctype(argument, is_result=False) for argument in arguments)
        found[name] = (ctype(result, is_result=True), types)
    assert found == _abi.SIGNATURES
    assert list(found) == list(_abi.SIGNATURES)


def test_stub_and_header() -> None:
    library = next(
        node for node in STUB.body if isinstance(node, ast.ClassDef) and node.name == "Library"
    )
    methods = [node for node in library.body if isinstance(node, ast.FunctionDef)]
    from_stub = {node.name: [arg.arg for arg in node.args.args[1:]] for node in methods}
    from_header = {
        name: [argument.rpartition("*")[2].split()[-1] for argument in arguments]
        for name, _, arguments in prototypes()
    }
    assert from_stub == from_header


def test_enumerations() -> None:
    constants: Dict[str, int] = {
        name: int(value)
        for name, value in re.findall(r"^    (PYAOT_\w+) = (-?\d+),$", HEADER, re.M)
    }
    prefixes = {
        _abi.Status: "PYAOT_STATUS_",
        _abi.SpecialMode: "PYAOT_SPECIAL_",
        _abi.Property: "PYAOT_PROPERTY_",
        _abi.AddedFlag: "PYAOT_ADDED_",
        _abi.Unit: "PYAOT_UNIT_",
        _abi.TrainingOption: "PYAOT_TRAINING_",
    }
    table = {
        prefix + member.name: member.value for kind, prefix in prefixes.items() for member in kind
    }
    assert table == constants
    stub = {
        node.name: [target.id for item in node.body if isinstance(item, ast.Assign)
                    for target in item.targets if isinstance(target, ast.Name)]
        for node in STUB.body
        if isinstance(node, ast.ClassDef) and node.name != "Library"
    }  # fmt: skip
    assert stub == {kind.__name__: list(kind.__members__) for kind in prefixes}


def test_versions_and_hashes() -> None:
    library = _native.LIBRARY
    assert library.pyaot_version().decode() == _abi.VERSION == pyaot_tokenizer.__version__
    assert f'#define PYAOT_VERSION "{_abi.VERSION}"' in HEADER
    assert library.pyaot_abi_hash() == _abi.ABI_HASH
    assert f"#define PYAOT_ABI_HASH UINT64_C({_abi.ABI_HASH:#018x})" in HEADER


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads an ELF file")
def test_the_library_exports_the_table_and_nothing_else() -> None:
    exported = set(elf_exports(pathlib.Path(_native.find_library()).read_bytes()))
    assert exported == set(_abi.SIGNATURES)


def elf_exports(image: bytes) -> Iterator[str]:
    """The names that a 64-bit little-endian ELF library defines for others."""
    assert image[:6] == b"\x7fELF\x02\x01"
    (table,) = struct.unpack_from("<Q", image, 0x28)
    size, count = struct.unpack_from("<HH", image, 0x3A)
    sections = [struct.unpack_from("<IIQQQQIIQQ", image, table + size * i) for i in range(count)]
    for _, kind, _, _, offset, length, link, _, _, entry in sections:
        if kind != 11:  # SHT_DYNSYM
            continue
        strings = sections[link][4]
        for at in range(offset, offset + length, entry):
            name, info, _, section, _, _ = struct.unpack_from("<IBBHQQ", image, at)
            if section != 0 and info >> 4 != 0:  # Defined here, and not local.
                start = strings + name
                yield image[start : image.index(b"\0", start)].decode()


def test_a_library_of_another_abi_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    path = _native.find_library()
    monkeypatch.setattr(_abi, "ABI_HASH", _abi.ABI_HASH ^ 1)
    with pytest.raises(LibraryError, match="different versions") as caught:
        _native.open_library(path)
    assert caught.value.file == path


def test_a_library_without_the_functions_is_refused() -> None:
    name = ctypes.util.find_library("c")
    assert name is not None
    with pytest.raises(LibraryError, match="pyaot_version"):
        _native.open_library(name)


def test_a_file_that_is_no_library_is_refused(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "libpyaot_tokenizer.so"
    path.write_bytes(b"no library")
    with pytest.raises(LibraryError, match="cannot load") as caught:
        _native.open_library(str(path))
    assert isinstance(caught.value, ImportError)


def test_the_variable_chooses_the_library(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "chosen.so"
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(sys.path),
        _native.LIBRARY_VARIABLE: str(path),
    }
    done = subprocess.run(
        [sys.executable, "-c", "import pyaot_tokenizer"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert f"LibraryError: {path}: cannot load the shared library" in done.stderr


def test_the_library_is_looked_for_in_the_places_that_are_documented(
    monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path
) -> None:
    package = tmp_path / "python" / "pyaot_tokenizer"
    package.mkdir(parents=True)
    monkeypatch.delenv(_native.LIBRARY_VARIABLE, raising=False)
    monkeypatch.setattr(_native, "__file__", str(package / "_native.py"))
    monkeypatch.setattr(sys, "platform", "linux")
    with pytest.raises(LibraryError, match=re.escape(str(tmp_path / "zig"))):
        _native.find_library()
    name = "libpyaot_tokenizer.so"
    for folder in (tmp_path / "zig" / "zig-out" / "lib", tmp_path / "zig", package):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
        assert _native.find_library() == str(folder / name)


def test_calls_that_break_the_rules_return_a_status() -> None:
    """The C interface answers misuse with a status and a message, as far as C can tell."""
    library = _native.LIBRARY
    handle = library.pyaot_tokenizer_create()
    assert handle
    assert library.pyaot_context_create(handle) is None
    assert library.pyaot_tokenizer_property(handle, _abi.Property.VOCAB_SIZE) == 0
    assert library.pyaot_tokenizer_token_to_id(handle, b"a", 1) == -1
    status = library.pyaot_tokenizer_load_json(handle, b"{", 1)
    assert status == _abi.Status.MALFORMED
    assert library.pyaot_tokenizer_error(handle, None)
    library.pyaot_tokenizer_destroy(handle)
    library.pyaot_tokenizer_destroy(None)
    library.pyaot_context_destroy(None)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, *sys.argv[1:]]))
