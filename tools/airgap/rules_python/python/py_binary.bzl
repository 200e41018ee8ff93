"""The public `py_binary` of rules_python."""

load("//python/private:rules.bzl", _py_binary = "py_binary")

py_binary = _py_binary
