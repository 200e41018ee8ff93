//! Root of the shared and the static library: the C ABI and nothing else.

const std = @import("std");

pub const std_options: std.Options = .{
    // A host's threads must not carry this library's signal stack (256 KiB of thread-local storage each).
    .signal_stack_size = null,
};

comptime {
    _ = @import("abi.zig");
}
