"""The public packaging rule of rules_python that this project uses."""

load("//python/private:wheel.bzl", _py_wheel = "py_wheel")

py_wheel = _py_wheel
