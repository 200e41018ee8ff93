"""The older place of the rules, which Bazel's own packages load them from."""

load(
    "//python/private:rules.bzl",
    _py_binary = "py_binary",
    _py_library = "py_library",
    _py_test = "py_test",
)

py_binary = _py_binary
py_library = _py_library
py_test = _py_test
