//! Bytes that characters fell back to, on the way back to text: as tokenizers has it, a run of such tokens is
//! text if all of it is well-formed UTF-8, else each of its bytes is a U+FFFD; as sentencepiece has it, only
//! those are that are part of no character.
//!
//! One pass over the ids; without such tokens in the vocabulary, none.

const std = @import("std");
const ByteRuns = @import("definition.zig").ByteRuns;
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
        if (skip_special and tokenizer.special.isSet(id)) {
            if (tokenizer.byte_runs == .whole) continue;
            // For sentencepiece, a token without a text ends a run all the same.
            if (run_start < at) markRun(bytes[run_start..at], tokenizer.byte_runs);
            run_start = at;
            continue;
        }
        if (tokenizer.isByteToken(id)) {
            at += 1;
            continue;
        }
        if (run_start < at) markRun(bytes[run_start..at], tokenizer.byte_runs);
        at += tokenizer.vocab.bytesOf(id).len;
        run_start = at;
    }
    if (run_start < at) markRun(bytes[run_start..at], tokenizer.byte_runs);
}

/// How many spaces are to be taken from the front of the text of `ids`. sentencepiece takes one from a token
/// with no text before it, be it of a space alone as often as the file allows, and none from other tokens.
pub fn strippedMax(tokenizer: *const Tokenizer, ids: []const u32, skip_special: bool) u32 {
    if (tokenizer.byte_runs == .whole or tokenizer.strip_spaces == 0) return tokenizer.strip_spaces;
    var count: u32 = 0;
    for (ids) |id| {
        if (skip_special and tokenizer.special.isSet(id)) continue;
        if (id == tokenizer.words.unknown_id) break;
        if (tokenizer.byte_tokens.len > 0 and tokenizer.isByteToken(id)) break;
        const bytes = tokenizer.vocab.bytesOf(id);
        if (bytes.len == 0 or bytes[0] != ' ') break;
        count += 1;
        if (bytes.len > 1 or count == tokenizer.strip_spaces) break;
    }
    return count;
}

fn markRun(run: []u8, way: ByteRuns) void {
    if (std.unicode.utf8ValidateSlice(run)) return;
    if (way == .whole) return @memset(run, never_valid);
    var at: usize = 0;
    while (at < run.len) {
        const len = std.unicode.utf8ByteSequenceLength(run[at]) catch 1;
        const is_whole = at + len <= run.len and std.unicode.utf8ValidateSlice(run[at..][0..len]);
        if (!is_whole) run[at] = never_valid;
        at += if (is_whole) len else 1;
    }
}

test "a run that is ill-formed" {
    var whole = "a\xc3\xa9\xe4\xb8b".*;
    markRun(&whole, .whole);
    try std.testing.expectEqualStrings("\xff" ** 6, &whole);
    var apart = "a\xc3\xa9\xe4\xb8b\xf0\x9f".*;
    markRun(&apart, .characters);
    try std.testing.expectEqualStrings("a\xc3\xa9\xff\xffb\xff\xff", &apart);
}

test {
    // Tested through `context.zig`.
    std.testing.refAllDecls(@This());
}
