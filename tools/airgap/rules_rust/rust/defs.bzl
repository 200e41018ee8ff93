"""The public rules of rules_rust that this project uses."""

load(
    "//rust/private:rules.bzl",
    _rust_binary = "rust_binary",
    _rust_library = "rust_library",
    _rust_test = "rust_test",
    _rustfmt_test = "rustfmt_test",
)

rust_binary = _rust_binary
rust_library = _rust_library
rust_test = _rust_test
rustfmt_test = _rustfmt_test
