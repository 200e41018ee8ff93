"""The fast way across the boundary: builtin methods made by the library for the tokenizer.

On CPython with a GIL the library may call the interpreter's stable ABI; this module hands it the
addresses. The methods that `install` replaces by builtin ones handle the ordinary call without a
Python frame, and pass everything else on to the methods they replaced. Elsewhere, in
sub-interpreters, or where the environment variable ``PYAOT_TOKENIZER_PORTABLE`` is set, there is no
bridge, and those methods are all there is.
"""

from __future__ import annotations

import ctypes
import os
import sys
from types import FunctionType
from typing import Any, List, Optional

from . import _abi, _native

PORTABLE_VARIABLE = "PYAOT_TOKENIZER_PORTABLE"
"""The environment variable that, if set, keeps the library from calling the interpreter."""

PORTABLE_PREFIX = "_portable_"
"""What the names of replaced methods begin with."""

# In the order of `Interpreter` in zig/src/python/interpreter.zig, behind the facts and objects.
_FUNCTIONS = (
    "PyBuffer_Release",
    "PyByteArray_AsString",
    "PyByteArray_FromStringAndSize",
    "PyBytes_AsString",
    "PyBytes_FromStringAndSize",
    "PyBytes_Size",
    "PyDescr_NewMethod",
    "PyDict_New",
    "PyDict_SetItem",
    "PyErr_Clear",
    "PyErr_NoMemory",
    "PyErr_Occurred",
    "PyEval_RestoreThread",
    "PyEval_SaveThread",
    "PyList_GetItem",
    "PyList_New",
    "PyList_SetItem",
    "PyList_Size",
    "PyLong_AsLong",
    "PyLong_FromSsize_t",
    "PyLong_FromUnsignedLong",
    "PyObject_Call",
    "PyObject_CheckBuffer",
    "PyObject_GetAttr",
    "PyObject_GetBuffer",
    "PyObject_IsTrue",
    "PySequence_List",
    "PyTuple_GetItem",
    "PyTuple_New",
    "PyTuple_SetItem",
    "PyTuple_Size",
    "PyType_FromSpec",
    "PyType_GetFlags",
    "PyType_GetSlot",
    "PyUnicode_AsUTF8AndSize",
    "PyUnicode_DecodeUTF8",
    "PyUnicode_FromKindAndData",
    "PyUnicode_InternFromString",
    "Py_DecRef",
    "Py_IncRef",
)


class Bridge:
    """The library's functions that make objects of this interpreter."""

    def __init__(self, words: List[int]) -> None:
        """Hands `words` over and makes the base class.

        Raises:
            MemoryError: Memory ran out.
        """
        # PyDLL keeps the GIL during a call.
        library = ctypes.PyDLL(_native.find_library())
        attach = self._declare(library, "pyaot_python_attach")
        layout = self._declare(library, "pyaot_python_layout")
        make_base = self._declare(library, "pyaot_python_base", result=ctypes.py_object)
        self._make_method = self._declare(
            library,
            "pyaot_python_method",
            ctypes.py_object,
            ctypes.c_char_p,
            ctypes.c_char_p,
            ctypes.c_size_t,
            result=ctypes.py_object,
        )
        self._bind = self._declare(
            library, "pyaot_python_bind", ctypes.py_object, ctypes.c_void_p, ctypes.py_object
        )
        if attach((ctypes.c_size_t * len(words))(*words), len(words)) != _abi.Status.OK:
            raise MemoryError("no memory for the bridge")
        self._attach_numpy = self._declare(library, "pyaot_python_numpy")
        self._is_numpy_tried = False
        self.layout: int = layout()
        """What is read and written in place: 1, lists; 2, ints; 4, reference counts."""
        self.base: Any = make_base()
        """The class to derive from."""

    @staticmethod
    def _declare(
        library: ctypes.PyDLL, name: str, *arguments: object, result: object = None
    ) -> Any:
        function: Any = getattr(library, name)
        function.restype, function.argtypes = _abi.SIGNATURES[name]
        function.argtypes = arguments or function.argtypes
        function.restype = result or function.restype
        return function

    def attach_numpy(self, numpy: Any) -> None:
        """Hands NumPy's own functions over, once; without them arrays are made in Python."""
        if self._is_numpy_tried:
            return
        self._is_numpy_tried = True
        for package in ("numpy._core", "numpy.core"):
            module = sys.modules.get(f"{package}._multiarray_umath")
            capsule = getattr(module, "_ARRAY_API", None)
            if capsule is not None:
                break
        else:
            return
        read = ctypes.pythonapi.PyCapsule_GetPointer
        read.argtypes = (ctypes.py_object, ctypes.c_char_p)
        read.restype = ctypes.c_void_p
        table = ctypes.cast(read(capsule, None), ctypes.POINTER(ctypes.c_size_t))
        # `PyArray_Type` and `PyArray_New` have had these places since NumPy 1.0.
        words = (table[2], table[93], numpy.dtype(numpy.uint32).num)
        if words[0] == id(numpy.ndarray):
            self._attach_numpy((ctypes.c_size_t * len(words))(*words), len(words))

    def install(self, cls: type, name: str, namespace: str = "") -> None:
        """Puts a builtin method in front of the method `name`, which goes on as its fallback.

        `namespace` is what the library's name of it begins with.
        """
        function = getattr(cls, name)
        doc = f"{_text_signature(function)}\n--\n\n{function.__doc__ or ''}".encode()
        setattr(cls, PORTABLE_PREFIX + name, function)
        full_name = (namespace + name).encode()
        setattr(cls, name, self._make_method(cls, full_name, doc, len(doc)))

    def bind(self, instance: object, handle: _native.Handle) -> None:
        """Lets the builtin methods of `instance` use the tokenizer of `handle`.

        Raises:
            MemoryError: Memory ran out.
        """
        if self._bind(instance, handle.address, handle) != _abi.Status.OK:
            raise MemoryError("no memory for the state of a tokenizer")


def _text_signature(function: FunctionType) -> str:
    """As ``inspect.signature`` reads it off a builtin method's docstring."""
    code = function.__code__
    names = code.co_varnames
    defaults = function.__kwdefaults__ or {}
    keywords = names[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    positional = [*names[1 : code.co_argcount]]
    for index, default in enumerate(reversed(function.__defaults__ or ()), 1):
        positional[-index] += f"={default!r}"
    parts = ["$self", *positional]
    if keywords:
        # An empty set has no literal.
        shown = {name: "..." if value == set() else repr(value) for name, value in defaults.items()}
        parts += ["*", *(f"{keyword}={shown[keyword]}" for keyword in keywords)]
    return f"{function.__name__}({', '.join(parts)})"


def _open() -> Optional[Bridge]:
    if os.environ.get(PORTABLE_VARIABLE) or sys.implementation.name != "cpython":
        return None
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        return None
    try:
        functions = [getattr(ctypes.pythonapi, name) for name in _FUNCTIONS]
        interpreter = ctypes.pythonapi.PyInterpreterState_Get
        interpreter_id = ctypes.pythonapi.PyInterpreterState_GetID
    except AttributeError:
        return None
    # What the library keeps of the interpreter serves the main one alone.
    interpreter.restype = ctypes.c_void_p
    interpreter_id.argtypes = (ctypes.c_void_p,)
    interpreter_id.restype = ctypes.c_int64
    if interpreter_id(interpreter()) != 0:
        return None
    facts = (
        sys.hexversion,
        object.__basicsize__,
        list.__basicsize__,
        int.__basicsize__,
        hasattr(sys, "gettotalrefcount") or hasattr(sys, "getobjects"),
    )
    objects = (None, str, bytes, list, tuple, int)
    addresses = [ctypes.cast(function, ctypes.c_void_p).value or 0 for function in functions]
    return Bridge([*map(int, facts), *map(id, objects), *addresses])


BRIDGE = _open()
"""None where the portable way has to serve."""
