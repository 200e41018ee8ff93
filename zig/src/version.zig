//! The version of the library, as MODULE.bazel, build.zig.zon and the Python package state it too (a test
//! compares them).

pub const version = "0.1.0";
