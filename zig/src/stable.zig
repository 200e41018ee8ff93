//! Where a text can be cut so that both parts together have its ids, whatever comes behind.
//!
//! A stream of text is encoded up to the last such place, and the rest waits for more. The place is seen from the two
//! characters beside it: a letter or a number and white space, which no pattern with a hand-written scanner keeps
//! together; for a vocabulary of characters, such that no token has side by side. Where the vocabulary, its normalizer or an
//! added token could look across, there is none. Time is linear in what lies behind the place and in the added
//! tokens.

const std = @import("std");
const added_tokens = @import("added_tokens.zig");
const unicode = @import("unicode.zig");
const utf8 = @import("utf8.zig");
const Tokenizer = @import("tokenizer.zig").Tokenizer;

/// How much of `text` has ids that no text behind it changes, and such that the rest may be encoded by itself; 0
/// where no place is found.
pub fn length(tokenizer: *const Tokenizer, text: []const u8) usize {
    const rule = Rule.of(tokenizer) orelse return 0;
    var at = text.len -| 1;
    while (at > 0) : (at -= 1) if (rule.isCut(tokenizer, text, at)) return at;
    return 0;
}

const Rule = enum {
    /// Behind a letter or a number, before white space.
    word,
    /// As that, of ASCII before a space.
    ascii_word,
    /// As that, where no token has the two side by side.
    pair,

    fn of(tokenizer: *const Tokenizer) ?Rule {
        // The ids of a part are another sample.
        if (tokenizer.sampling.isUsed()) return null;
        const rule: Rule = rule: {
            if (tokenizer.spelled_model.is_used or tokenizer.lacks_bytes) return null;
            if (tokenizer.merges.base.kind == .characters) {
                if (!keepsAscii(tokenizer) or tokenizer.prefix_space != .none) return null;
                if (!tokenizer.words.has_all_bytes or tokenizer.pretokenizer.scanner != .none) {
                    return null;
                }
                break :rule .pair;
            }
            if (!tokenizer.pretokenizer.beginsAnywhere()) return null;
            for (tokenizer.normalizer.steps) |step| if (step.kind != .nfc) return null;
            if (tokenizer.prefix_space == .first) return null;
            const is_plain = tokenizer.normalizer.steps.len == 0 and tokenizer.prefix_space == .none;
            break :rule if (is_plain) .word else .ascii_word;
        };
        for (tokenizer.added.tokens) |*token| {
            if (rule.isCrossed(tokenizer, token)) return null;
        }
        return rule;
    }

    /// Whether an added token may be found on both sides of a cut, or look at both.
    fn isCrossed(rule: Rule, tokenizer: *const Tokenizer, token: *const added_tokens.Token) bool {
        const added = &tokenizer.added;
        const matched = added.bytes[token.match_start..][0..token.match_len];
        if (token.flags.rstrip or token.flags.single_word or token.flags.lstrip) {
            // White space at either end, or what the token takes with it, would be beside the cut.
            const first = matched[0];
            const last = matched[matched.len - 1];
            if (!isSign(first) or !isSign(last)) return true;
            if (rule == .pair) return true;
        }
        for (1..matched.len) |at| if (rule.isCut(tokenizer, matched, at)) return true;
        return false;
    }

    fn isCut(rule: Rule, tokenizer: *const Tokenizer, text: []const u8, at: usize) bool {
        switch (rule) {
            .word => {
                switch (text[at]) {
                    ' ', '\t', '\n', '\r' => {},
                    else => return false,
                }
                return endsWithWord(text[0..at]);
            },
            .ascii_word => return text[at] == ' ' and std.ascii.isAlphanumeric(text[at - 1]),
            .pair => {
                const first = text[at - 1];
                if (text[at] != ' ' or !std.ascii.isAlphanumeric(first)) return false;
                return tokenizer.words.cutsBetween(first, ' ');
            },
        }
    }
};

/// Whether the normalizer replaces nothing but strings without ASCII.
fn keepsAscii(tokenizer: *const Tokenizer) bool {
    for (tokenizer.normalizer.steps) |step| {
        if (step.kind != .replace) return false;
        for (tokenizer.normalizer.bytes[step.start..step.from_end]) |byte| if (byte < 0x80) return false;
    }
    return true;
}

/// Neither white space nor a part of a word.
fn isSign(byte: u8) bool {
    return byte > ' ' and byte < 0x7F and !std.ascii.isAlphanumeric(byte) and byte != '_';
}

fn endsWithWord(text: []const u8) bool {
    var start = text.len - 1;
    while (start > 0 and text.len - start < 4 and text[start] & 0xC0 == 0x80) start -= 1;
    const character = utf8.decode(text, start);
    if (start + character.len != text.len) return false;
    return switch (unicode.classOf(character.code_point)) {
        .letter, .number => true,
        .other, .space => false,
    };
}

const Context = @import("context.zig").Context;
const Diagnostic = @import("diagnostic.zig").Diagnostic;
const test_support = @import("test_support.zig");

test "what lies before the place keeps its ids, and the rest has its own" {
    const gpa = std.testing.allocator;
    var arena: std.heap.ArenaAllocator = .init(gpa);
    defer arena.deinit();
    const parsed = try test_support.smallDefinition(arena.allocator(), .rank);
    var diagnostic: Diagnostic = .{};
    var tokenizer: Tokenizer = try .init(gpa, parsed, &diagnostic);
    defer tokenizer.deinit(gpa);
    var whole: Context = try .init(gpa, &tokenizer);
    defer whole.deinit();
    var part: Context = try .init(gpa, &tokenizer);
    defer part.deinit();
    var prng: std.Random.DefaultPrng = .init(77);
    const random = prng.random();
    const parts = [_][]const u8{ "a", "b", "ab", " ", "  ", "\n", "hello", "'s", "7", "\u{e9}", "<|end|>", "<m>", "." };
    var text: std.ArrayList(u8) = .empty;
    defer text.deinit(gpa);
    var cut_count: usize = 0;
    for (0..2000) |_| {
        text.clearRetainingCapacity();
        for (0..random.uintAtMost(usize, 12)) |_| {
            try text.appendSlice(gpa, parts[random.uintLessThan(usize, parts.len)]);
        }
        const cut = length(&tokenizer, text.items);
        for (0..random.uintAtMost(usize, 6)) |_| {
            try text.appendSlice(gpa, parts[random.uintLessThan(usize, parts.len)]);
        }
        if (cut == 0) continue;
        cut_count += 1;
        const all = try whole.encode(text.items, .parse);
        const before = try part.encode(text.items[0..cut], .parse);
        try std.testing.expectEqualSlices(u32, part.ids, whole.ids[0..before]);
        const behind = try part.encode(text.items[cut..], .parse);
        try std.testing.expectEqualSlices(u32, part.ids, whole.ids[before..]);
        try std.testing.expectEqual(all, before + behind);
    }
    try std.testing.expect(cut_count > 500);
}
