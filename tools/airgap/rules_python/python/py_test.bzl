"""The public `py_test` of rules_python."""

load("//python/private:rules.bzl", _py_test = "py_test")

py_test = _py_test
