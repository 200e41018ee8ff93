"""The public rules of rules_zig that this project uses."""

load(
    "//zig/private:build.bzl",
    _zig_binary = "zig_binary",
    _zig_library = "zig_library",
    _zig_shared_library = "zig_shared_library",
    _zig_static_library = "zig_static_library",
    _zig_test = "zig_test",
)

zig_binary = _zig_binary
zig_library = _zig_library
zig_shared_library = _zig_shared_library
zig_static_library = _zig_static_library
zig_test = _zig_test
