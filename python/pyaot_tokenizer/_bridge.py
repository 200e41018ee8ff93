"""The fast way across the boundary: lists of ints and strs made by the library itself.

On CPython with a GIL the library may call the interpreter's stable ABI; this module hands it the
addresses. Elsewhere, or where the environment variable ``PYAOT_TOKENIZER_PORTABLE`` is set, there
is no bridge, and the portable way of ``_native`` serves.
"""

from __future__ import annotations

import ctypes
import os
import sys
import weakref
from typing import Any, Callable, List, Optional

from . import _abi, _native

PORTABLE_VARIABLE = "PYAOT_TOKENIZER_PORTABLE"
"""The environment variable that, if set, keeps the library from calling the interpreter."""

# In the order of `Interpreter` in zig/src/python.zig, behind None, True and False.
_FUNCTIONS = (
    "PyUnicode_AsUTF8AndSize",
    "PyUnicode_DecodeUTF8",
    "PyBytes_AsStringAndSize",
    "PyList_New",
    "PyList_Size",
    "PyList_GetItem",
    "PyList_SetItem",
    "PyLong_FromUnsignedLong",
    "PyLong_AsLong",
    "PyErr_Clear",
    "PyErr_Occurred",
    "Py_IncRef",
    "Py_DecRef",
    "PyEval_SaveThread",
    "PyEval_RestoreThread",
)


class Bridge:
    """The library's functions that make objects of this interpreter."""

    def __init__(self, addresses: List[int]) -> None:
        """Declares the functions, to be called with the GIL held."""
        self.addresses = (ctypes.c_size_t * len(addresses))(*addresses)
        library = ctypes.PyDLL(_native.find_library())
        self.attach = self._declare(library, "pyaot_python_attach")
        self.release = self._declare(library, "pyaot_python_release")
        self.encode = self._declare(library, "pyaot_python_encode")
        self.rows = self._declare(library, "pyaot_python_rows")
        self.decode = self._declare(library, "pyaot_python_decode")
        self.encode.argtypes = (ctypes.c_void_p, ctypes.py_object, ctypes.c_int32)
        self.decode.argtypes = (ctypes.c_void_p, ctypes.py_object, ctypes.c_int32)
        for function in (self.encode, self.rows, self.decode):
            function.restype = ctypes.py_object

    @staticmethod
    def _declare(library: ctypes.PyDLL, name: str) -> Any:
        function: Any = getattr(library, name)
        function.restype, function.argtypes = _abi.SIGNATURES[name]
        return function


class Ints:
    """The int object of each id of one tokenizer, made by the library when it is first needed."""

    __slots__ = ("__weakref__", "_bridge", "_table")

    def __init__(self, bridge: Bridge, count: int) -> None:
        """An empty table: 8 bytes an id, all NULL."""
        self._bridge = bridge
        self._table = (ctypes.c_void_p * count)()
        release: Callable[..., object] = bridge.release
        # At the interpreter's exit nobody needs the memory back.
        weakref.finalize(self, release, bridge.addresses, self._table, count).atexit = False

    def attach(self, context: _native.Context) -> None:
        """Lets `context` make objects, with these ints."""
        addresses = self._bridge.addresses
        self._bridge.attach(context.address, addresses, len(addresses), self._table)
        context.ints = self


def _open() -> Optional[Bridge]:
    if os.environ.get(PORTABLE_VARIABLE) or sys.implementation.name != "cpython":
        return None
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        return None
    try:
        functions = [getattr(ctypes.pythonapi, name) for name in _FUNCTIONS]
    except AttributeError:
        return None
    addresses = [ctypes.cast(function, ctypes.c_void_p).value or 0 for function in functions]
    return Bridge([id(None), id(True), id(False), *addresses])


BRIDGE = _open()
"""None where the portable way has to serve."""
