//! Bytes that characters fell back to, on the way back to text: as the reference has it, a run of such tokens is
//! text if all of it is well-formed UTF-8, else each of its bytes is a U+FFFD.
//!
//! One pass over the ids; without such tokens in the vocabulary, none.

const std = @import("std");
const Tokenizer = @import("tokenizer.zig").Tokenizer;

/// A byte that is one maximal subpart of ill-formed UTF-8 whatever stands beside it.
const never_valid = 0xFF;

/// Puts `never_valid` for each byte of the runs in `bytes`, to which `ids` were joined, that are ill-formed.
pub fn mark(
    tokenizer: *const Tokenizer,
    ids: []const u32,
    skip_special: bool,
    bytes: []u8,
) void {
    if (tokenizer.byte_tokens.len == 0) return;
    var run_start: usize = 0;
    // Where the token begins, and with it a run if it is of one.
    var at: usize = 0;
    for (ids) |id| {
        if (skip_special and tokenizer.special.isSet(id)) continue;
        if (tokenizer.isByteToken(id)) {
            at += 1;
            continue;
        }
        if (run_start < at) markRun(bytes[run_start..at]);
        at += tokenizer.vocab.bytesOf(id).len;
        run_start = at;
    }
    if (run_start < at) markRun(bytes[run_start..at]);
}

fn markRun(run: []u8) void {
    if (!std.unicode.utf8ValidateSlice(run)) @memset(run, never_valid);
}

test {
    // Tested through `context.zig`.
    std.testing.refAllDecls(@This());
}
