"""The public `py_library` of rules_python."""

load("//python/private:rules.bzl", _py_library = "py_library")

py_library = _py_library
