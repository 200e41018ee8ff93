//! The steps that change text before it is cut into pieces, one after the other.
//!
//! Text that a step does not change is handed on as it is: text in NFC without what is to be replaced is
//! never copied. Else each step writes to one of two buffers, which grow to the longest text. Time is that of
//! `nfc.zig`, and linear for the other steps.

const std = @import("std");
const byte_level = @import("byte_level.zig");
const characters = @import("characters.zig");
const Charsmap = @import("charsmap.zig").Charsmap;
const definition = @import("definition.zig");
const Diagnostic = @import("diagnostic.zig").Diagnostic;
const Matches = @import("pretokenizer/matches.zig").Matches;
const nfc = @import("nfc.zig");
const Allocator = std.mem.Allocator;

/// Memory for one text; kept from text to text.
pub const Memory = struct {
    /// A step reads one and writes the other.
    buffers: [2]std.ArrayList(u8) = .{ .empty, .empty },
    nfc: nfc.Scratch = .{},

    pub fn deinit(memory: *Memory, gpa: Allocator) void {
        for (&memory.buffers) |*buffer| buffer.deinit(gpa);
        memory.nfc.deinit(gpa);
        memory.* = undefined;
    }
};

pub const Error = error{ OutOfMemory, UnsupportedPattern };

/// The most steps that replace the matches of a regular expression.
const pattern_max = 4;

pub const Normalizer = struct {
    steps: []Step,
    /// The strings of the steps.
    bytes: []u8,
    pattern_count: u8 = 0,
    patterns: [pattern_max]Matches = @splat(.none),

    pub const empty: Normalizer = .{ .steps = &.{}, .bytes = &.{} };

    const Step = extern struct {
        kind: Kind,
        /// `bytes[start..from_end]` is replaced by, or without it in front goes, `bytes[from_end..end]`;
        /// of `collapse_spaces`, the latter is the sign, of `charsmap` the map.
        start: u32,
        from_end: u32,
        end: u32,
        /// Which pattern's matches are replaced; whether the left and the right end are stripped.
        option: u32,
        /// Whether `replace_matches` puts a space for each run of white space.
        joins_spaces: u32 = 0,
    };

    const Kind = enum(u32) {
        nfc,
        nfd,
        nfkc,
        nfkd,
        lowercase,
        strip_accents,
        strip,
        nmt,
        byte_level,
        prepend,
        replace,
        replace_matches,
        collapse_spaces,
        charsmap,
        bert_clean,
        bert_ideographs,
        bert_accents,
    };

    /// Copies what it needs of the steps. What is replaced must not be empty.
    pub fn init(
        gpa: Allocator,
        source: []const definition.Normalization,
        diagnostic: *Diagnostic,
    ) Error!Normalizer {
        var normalizer: Normalizer = .{ .steps = try gpa.alloc(Step, source.len), .bytes = &.{} };
        errdefer normalizer.deinit(gpa);
        var bytes: std.ArrayList(u8) = .empty;
        defer bytes.deinit(gpa);
        for (normalizer.steps, source) |*step, from| {
            step.* = .{
                .kind = std.meta.stringToEnum(Kind, @tagName(from)).?,
                .start = @intCast(bytes.items.len),
                .from_end = undefined,
                .end = undefined,
                .option = 0,
            };
            if (from == .replace) try bytes.appendSlice(gpa, from.replace.from);
            step.from_end = @intCast(bytes.items.len);
            switch (from) {
                .prepend, .collapse_spaces, .charsmap => |text| try bytes.appendSlice(gpa, text),
                .replace => |pair| try bytes.appendSlice(gpa, pair.to),
                .replace_matches => |pair| {
                    step.option = try normalizer.addPattern(gpa, pair.pattern, diagnostic);
                    const joins = std.mem.eql(u8, pair.pattern, "\\s+") and std.mem.eql(u8, pair.to, " ");
                    step.joins_spaces = @intFromBool(joins);
                    try bytes.appendSlice(gpa, pair.to);
                },
                .strip => |sides| step.option = @as(u32, @intFromBool(sides.left)) |
                    @as(u32, @intFromBool(sides.right)) << 1,
                else => {},
            }
            step.end = @intCast(bytes.items.len);
        }
        normalizer.bytes = try bytes.toOwnedSlice(gpa);
        return normalizer;
    }

    fn addPattern(
        normalizer: *Normalizer,
        gpa: Allocator,
        pattern: []const u8,
        diagnostic: *Diagnostic,
    ) Error!u32 {
        const index = normalizer.pattern_count;
        if (index == pattern_max) {
            diagnostic.set(null, "normalizer: more than {d} patterns", .{pattern_max});
            return error.UnsupportedPattern;
        }
        normalizer.patterns[index] = try .init(gpa, pattern, diagnostic);
        normalizer.pattern_count += 1;
        return index;
    }

    pub fn deinit(normalizer: *Normalizer, gpa: Allocator) void {
        for (normalizer.patterns[0..normalizer.pattern_count]) |*each| each.deinit(gpa);
        gpa.free(normalizer.steps);
        gpa.free(normalizer.bytes);
        normalizer.* = undefined;
    }

    /// Whether the strings of the steps are there.
    pub fn validate(normalizer: *const Normalizer, id_limit: u32) bool {
        _ = id_limit;
        if (normalizer.pattern_count > pattern_max) return false;
        for (normalizer.patterns[0..normalizer.pattern_count]) |*each| if (!each.isUsable()) return false;
        for (normalizer.steps) |step| {
            if (step.start > step.from_end or step.from_end > step.end) return false;
            if (step.end > normalizer.bytes.len) return false;
            if (step.kind == .replace and step.start == step.from_end) return false;
            const string = normalizer.bytes[step.from_end..step.end];
            if (step.kind == .charsmap and Charsmap.parse(string) == null) return false;
            if (step.kind == .replace_matches and step.option >= normalizer.pattern_count) return false;
        }
        return true;
    }

    /// Whether a text that stays as it is is one whose parts do, too.
    pub fn isLocal(normalizer: *const Normalizer) bool {
        for (normalizer.steps) |step| switch (step.kind) {
            .nfc, .replace => {},
            else => return false,
        };
        return true;
    }

    /// Whether parts of a text that stays as it is stay as they are too.
    pub fn keepsParts(normalizer: *const Normalizer) bool {
        for (normalizer.steps) |step| switch (step.kind) {
            .nfc, .nfd, .nfkc, .nfkd, .lowercase, .strip_accents, .nmt, .replace => {},
            .bert_clean, .bert_ideographs, .bert_accents => {},
            .strip, .byte_level, .prepend, .replace_matches, .collapse_spaces, .charsmap => return false,
        };
        return true;
    }

    /// The normalized text: `text` itself, or a part of it, if it stays as it is, else in `memory`, until
    /// its next use.
    pub fn apply(
        normalizer: *const Normalizer,
        gpa: Allocator,
        memory: *Memory,
        text: []const u8,
    ) error{OutOfMemory}![]const u8 {
        var current = text;
        var next: u1 = 0;
        for (normalizer.steps) |*step| current = try normalizer.goOn(step, gpa, memory, current, &next);
        return current;
    }

    /// Writes to the `next` buffer, if to any.
    fn goOn(
        normalizer: *const Normalizer,
        step: *const Step,
        gpa: Allocator,
        memory: *Memory,
        text: []const u8,
        next: *u1,
    ) error{OutOfMemory}![]const u8 {
        const output = &memory.buffers[next.*];
        const made = try normalizer.applyStep(step, gpa, &memory.nfc, text, output);
        // A part of the text, as stripping leaves it, is in the same memory.
        const is_written = made.ptr == output.items.ptr and made.len > 0;
        if (is_written) next.* +%= 1;
        return made;
    }

    /// The steps from `start` on up to `end`. Nothing of it is to be freed.
    pub fn part(normalizer: *const Normalizer, start: usize, end: usize) Normalizer {
        var some = normalizer.*;
        some.steps = normalizer.steps[start..end];
        return some;
    }

    /// The first of the steps at the end that only change letters to small ones and join white space.
    pub fn wordSteps(normalizer: *const Normalizer) usize {
        var start = normalizer.steps.len;
        while (start > 0) : (start -= 1) {
            const step = normalizer.steps[start - 1];
            if (step.kind != .lowercase and step.joins_spaces == 0) break;
        }
        return start;
    }

    pub const Kept = struct {
        text: []const u8,
        /// Whether characters of more than one byte became others.
        changes_long: bool,
    };

    /// As `apply`, of well-formed text and the steps from `wordSteps` on; null if a character did not keep its
    /// length, but for white space.
    pub fn applyToWords(
        normalizer: *const Normalizer,
        gpa: Allocator,
        memory: *Memory,
        text: []const u8,
    ) error{OutOfMemory}!?Kept {
        var kept: Kept = .{ .text = text, .changes_long = false };
        var next: u1 = 0;
        for (normalizer.steps) |*step| {
            const made = try normalizer.goOn(step, gpa, memory, kept.text, &next);
            if (step.kind == .lowercase and made.ptr != kept.text.ptr) {
                const changes = changesLong(kept.text, made) orelse return null;
                kept.changes_long = kept.changes_long or changes;
            }
            kept.text = made;
        }
        return kept;
    }

    fn applyStep(
        normalizer: *const Normalizer,
        step: *const Step,
        gpa: Allocator,
        scratch: *nfc.Scratch,
        text: []const u8,
        output: *std.ArrayList(u8),
    ) error{OutOfMemory}![]const u8 {
        const from = normalizer.bytes[step.start..step.from_end];
        const to = normalizer.bytes[step.from_end..step.end];
        return switch (step.kind) {
            inline .nfc, .nfd, .nfkc, .nfkd => |form| nfc.normalize(
                @field(nfc.Form, @tagName(form)),
                gpa,
                scratch,
                text,
                output,
            ),
            .lowercase => characters.lower(gpa, text, output),
            .strip_accents => characters.withoutMarks(gpa, text, output),
            .strip => characters.stripped(text, step.option & 1 != 0, step.option & 2 != 0),
            .nmt => characters.cleaned(gpa, text, output),
            .bert_clean => characters.cleanedForBert(gpa, text, output),
            .bert_ideographs => characters.withIdeographsApart(gpa, text, output),
            .bert_accents => characters.withoutNonspacingMarks(gpa, text, output),
            .byte_level => byte_level.spell(gpa, text, output),
            .prepend => prepend(gpa, text, to, output),
            .replace => replace(gpa, text, from, to, output),
            .replace_matches => if (step.joins_spaces == 1)
                characters.withSingleSpaces(gpa, text, output)
            else
                replaceMatches(gpa, text, &normalizer.patterns[step.option], to, output),
            .collapse_spaces => collapseSpaces(gpa, text, to, output),
            .charsmap => Charsmap.parse(to).?.apply(gpa, text, output),
        };
    }
};

/// Whether characters of more than one byte differ; null if two at the same place have other lengths. Of well-formed
/// texts, in which then a byte begins a character in one and not in the other.
fn changesLong(before: []const u8, after: []const u8) ?bool {
    if (before.len != after.len) return null;
    const block_len = 32;
    const Block = @Vector(block_len, u8);
    const high: Block = @splat(0x80);
    var changes = false;
    var at: usize = 0;
    while (at + block_len <= before.len) : (at += block_len) {
        const old: Block = before[at..][0..block_len].*;
        const new: Block = after[at..][0..block_len].*;
        if (@reduce(.Max, old | new) < 0x80) continue;
        const parts: Block = @splat(0xC0);
        const is_inside: u32 = @bitCast((old & parts) == high);
        const is_new_inside: u32 = @bitCast((new & parts) == high);
        if (is_inside != is_new_inside) return null;
        const is_long: u32 = @bitCast(old >= high);
        const is_other: u32 = @bitCast(old != new);
        changes = changes or is_long & is_other != 0;
    }
    for (before[at..], after[at..]) |old, new| {
        if ((old & 0xC0 == 0x80) != (new & 0xC0 == 0x80)) return null;
        changes = changes or (old >= 0x80 and old != new);
    }
    return changes;
}

fn replaceMatches(
    gpa: Allocator,
    text: []const u8,
    pattern: *const Matches,
    to: []const u8,
    output: *std.ArrayList(u8),
) error{OutOfMemory}![]const u8 {
    var walk = pattern.in(text);
    var copied: usize = 0;
    output.clearRetainingCapacity();
    while (walk.next()) |match| {
        if (std.mem.eql(u8, text[match.start..match.end], to)) continue;
        try output.appendSlice(gpa, text[copied..match.start]);
        try output.appendSlice(gpa, to);
        copied = match.end;
    }
    if (copied == 0) return text;
    try output.appendSlice(gpa, text[copied..]);
    return output.items;
}

fn prepend(
    gpa: Allocator,
    text: []const u8,
    prefix: []const u8,
    output: *std.ArrayList(u8),
) error{OutOfMemory}![]const u8 {
    if (text.len == 0 or prefix.len == 0) return text;
    output.clearRetainingCapacity();
    try output.ensureTotalCapacity(gpa, prefix.len + text.len);
    output.appendSliceAssumeCapacity(prefix);
    output.appendSliceAssumeCapacity(text);
    return output.items;
}

fn replace(
    gpa: Allocator,
    text: []const u8,
    from: []const u8,
    to: []const u8,
    output: *std.ArrayList(u8),
) error{OutOfMemory}![]const u8 {
    var match = find(text, 0, from) orelse return text;
    output.clearRetainingCapacity();
    var copied: usize = 0;
    while (true) {
        try output.appendSlice(gpa, text[copied..match]);
        try output.appendSlice(gpa, to);
        copied = match + from.len;
        match = find(text, copied, from) orelse break;
    }
    try output.appendSlice(gpa, text[copied..]);
    return output.items;
}

/// `text` without the spaces at both ends; at the end, `sign` counts as one.
pub fn withoutOuterSpaces(text: []const u8, sign: []const u8) []const u8 {
    var rest = std.mem.trimStart(u8, text, " ");
    while (rest.len > 0) {
        const shorter = std.mem.trimEnd(u8, rest, " ");
        const ends_with_sign = sign.len > 0 and std.mem.endsWith(u8, shorter, sign);
        if (shorter.len == rest.len and !ends_with_sign) break;
        rest = if (ends_with_sign) shorter[0 .. shorter.len - sign.len] else shorter;
    }
    return rest;
}

fn collapseSpaces(
    gpa: Allocator,
    text: []const u8,
    sign: []const u8,
    output: *std.ArrayList(u8),
) error{OutOfMemory}![]const u8 {
    const rest = withoutOuterSpaces(text, sign);
    var run = find(rest, 0, "  ") orelse return rest;
    output.clearRetainingCapacity();
    var copied: usize = 0;
    while (true) {
        try output.appendSlice(gpa, rest[copied .. run + 1]);
        copied = std.mem.findNonePos(u8, rest, run, " ") orelse rest.len;
        run = find(rest, copied, "  ") orelse break;
    }
    try output.appendSlice(gpa, rest[copied..]);
    return output.items;
}

/// The next place of `string` in `text`. Its first and its last byte are searched for at once, in vectors:
/// either alone is frequent in some script.
fn find(text: []const u8, from: usize, string: []const u8) ?usize {
    const block_len = 32;
    const Block = @Vector(block_len, u8);
    const last = string.len - 1;
    const first_bytes: Block = @splat(string[0]);
    const last_bytes: Block = @splat(string[last]);
    var at = from;
    while (at + last + block_len <= text.len) : (at += block_len) {
        const starts: Block = text[at..][0..block_len].*;
        const ends: Block = text[at + last ..][0..block_len].*;
        var found = @as(u32, @bitCast(starts == first_bytes)) &
            @as(u32, @bitCast(ends == last_bytes));
        while (found != 0) : (found &= found - 1) {
            const match = at + @ctz(found);
            if (std.mem.eql(u8, text[match..][0..string.len], string)) return match;
        }
    }
    while (std.mem.findScalarPos(u8, text, at, string[0])) |match| : (at = match + 1) {
        if (std.mem.startsWith(u8, text[match..], string)) return match;
    }
    return null;
}

fn expectApplied(
    steps: []const definition.Normalization,
    text: []const u8,
    expected: []const u8,
) !void {
    const gpa = std.testing.allocator;
    var diagnostic: Diagnostic = .{};
    var normalizer: Normalizer = try .init(gpa, steps, &diagnostic);
    defer normalizer.deinit(gpa);
    var memory: Memory = .{};
    defer memory.deinit(gpa);
    for (0..2) |_| {
        try std.testing.expectEqualStrings(expected, try normalizer.apply(gpa, &memory, text));
    }
}

test "steps follow each other" {
    const sign = "\u{2581}";
    const llama = [_]definition.Normalization{
        .{ .replace = .{ .from = sign, .to = " " } }, .{ .prepend = " " },
    };
    try expectApplied(&llama, "a b", " a b");
    try expectApplied(&llama, sign ++ "a" ++ sign ++ sign, "  a  ");
    try expectApplied(&llama, "", "");
    try expectApplied(&llama, "\xe2\x96\u{2580}", " \xe2\x96\u{2580}");
    try expectApplied(&.{}, "a b", "a b");
    const several = [_]definition.Normalization{
        .{ .replace = .{ .from = "aa", .to = "e\u{301}" } }, .nfc, .{ .prepend = "" },
        .{ .replace = .{ .from = "\u{e9}", .to = "" } },     .nfc,
    };
    try expectApplied(&several, "aaa", "a");
    try expectApplied(&several, "aaaa", "");
    try expectApplied(&several, "aabaa\u{301}", "b\u{301}");
    try expectApplied(&several, "plain", "plain");
}

test "steps of every kind" {
    const strip: definition.Normalization = .{ .strip = .{ .left = true, .right = true } };
    try expectApplied(&.{ strip, .lowercase, strip }, " \u{3000}A\u{130}\u{3a3} ", "ai\u{307}\u{3c3}");
    try expectApplied(&.{ .lowercase, strip, strip }, "A", "a");
    try expectApplied(&.{strip}, " \n", "");
    try expectApplied(&.{ .nfkd, .strip_accents }, "\u{fb01}\u{e9}\u{1ac0}", "fie\u{1ac0}");
    try expectApplied(&.{.nmt}, "a\x01\tb\u{200b}\x00", "a b \x00");
    try expectApplied(&.{.bert_clean}, "a\x00\t\u{ad}\u{3000}\u{1d1}", "a  \u{1d1}");
    try expectApplied(&.{.bert_ideographs}, "a\u{4e2d}\u{3042}", "a \u{4e2d} \u{3042}");
    try expectApplied(&.{.bert_accents}, "e\u{301}\u{903}\u{1734}", "e\u{903}");
    try expectApplied(&.{.byte_level}, "a \u{e9}", "a\u{120}\u{c3}\u{a9}");
    const spaces: definition.Normalization = .{ .replace_matches = .{ .pattern = "\\s+", .to = " " } };
    try expectApplied(&.{ .nfc, spaces, .lowercase }, "A \n B\t", "a b ");
    try expectApplied(&.{spaces}, "a b c", "a b c");
    // The same by the matches of a pattern that is spelled otherwise.
    const matches: definition.Normalization = .{ .replace_matches = .{ .pattern = "[\\s]+", .to = " " } };
    for ([_][]const u8{ " \u{2003} a\n\u{85}b\t", "a" ** 31 ++ " \u{3000}" ++ "b" ** 40, "\n", "a b" }) |text| {
        var diagnostic: Diagnostic = .{};
        var normalizer: Normalizer = try .init(std.testing.allocator, &.{matches}, &diagnostic);
        defer normalizer.deinit(std.testing.allocator);
        var memory: Memory = .{};
        defer memory.deinit(std.testing.allocator);
        try expectApplied(&.{spaces}, text, try normalizer.apply(std.testing.allocator, &memory, text));
    }
}

test "text that stays as it is is not copied" {
    const gpa = std.testing.allocator;
    var failing: std.testing.FailingAllocator = .init(gpa, .{});
    const steps = [_]definition.Normalization{ .nfc, .{ .replace = .{ .from = "x", .to = "y" } } };
    var diagnostic: Diagnostic = .{};
    var normalizer: Normalizer = try .init(failing.allocator(), &steps, &diagnostic);
    defer normalizer.deinit(failing.allocator());
    failing.fail_index = failing.alloc_index;
    var memory: Memory = .{};
    const text = "caf\u{e9} \u{4e2d}\u{6587} \u{e01}\u{e34}\u{e48} " ** 10;
    const same = try normalizer.apply(failing.allocator(), &memory, text);
    try std.testing.expectEqual(text.ptr, same.ptr);
}

test "extra spaces go" {
    const sign = "\u{2581}";
    const steps = [_]definition.Normalization{
        .{ .collapse_spaces = sign }, .{ .replace = .{ .from = sign, .to = " " } }, .{ .prepend = " " },
    };
    try expectApplied(&steps, "  a   b  c ", " a b c");
    try expectApplied(&steps, "a b", " a b");
    try expectApplied(&steps, sign ++ " a" ++ sign ++ " " ++ sign, "   a");
    try expectApplied(&steps, " " ++ sign ++ " ", "");
    try expectApplied(&steps, "    ", "");
    try expectApplied(&steps, "", "");
    try expectApplied(&steps, "x" ++ " " ** 100 ++ "y", " x y");
}

fn applyOnce(gpa: Allocator) !void {
    const steps = [_]definition.Normalization{
        .{ .prepend = "ab" }, .{ .replace = .{ .from = "b", .to = "e\u{301}" } },      .nfc,
        .lowercase,           .{ .replace_matches = .{ .pattern = "a+", .to = "b" } },
    };
    var diagnostic: Diagnostic = .{};
    var normalizer: Normalizer = try .init(gpa, &steps, &diagnostic);
    defer normalizer.deinit(gpa);
    var memory: Memory = .{};
    defer memory.deinit(gpa);
    _ = try normalizer.apply(gpa, &memory, "bbb");
}

test "a failed allocation leaks nothing" {
    try std.testing.checkAllAllocationFailures(std.testing.allocator, applyOnce, .{});
}

test "what keeps its length in lower case, and what does not" {
    const gpa = std.testing.allocator;
    var diagnostic: Diagnostic = .{};
    const matches: definition.Normalization = .{ .replace_matches = .{ .pattern = "\\s+", .to = " " } };
    var normalizer: Normalizer = try .init(gpa, &.{ .nfc, .lowercase, .nfc, matches, .lowercase }, &diagnostic);
    defer normalizer.deinit(gpa);
    try std.testing.expectEqual(3, normalizer.wordSteps());
    const last = normalizer.part(3, 5);
    var memory: Memory = .{};
    defer memory.deinit(gpa);
    // At every place of a block, and behind the last whole one.
    for ([_]usize{ 0, 1, 30, 31, 32, 70 }) |len| for (0x80..0x30000) |code_point| {
        if (code_point >= 0xD800 and code_point < 0xE000) continue;
        var buffer: [160]u8 = @splat('A');
        const character_len = try std.unicode.utf8Encode(@intCast(code_point), buffer[len..][0..4]);
        const text = buffer[0 .. len + character_len + (70 - len)];
        const character = text[len..][0..character_len];
        const kept = try last.applyToWords(gpa, &memory, text);
        if (@import("unicode.zig").isWhiteSpace(@intCast(code_point))) {
            try std.testing.expectEqual(false, kept.?.changes_long);
            continue;
        }
        const change = characters.lowered(@intCast(code_point));
        if (change.lengthFrom(character.len) != character.len or change == .two) {
            try std.testing.expectEqual(null, kept);
            continue;
        }
        try std.testing.expectEqual(change != .same, kept.?.changes_long);
        for (text, kept.?.text, 0..) |old, new, i| {
            if (i < len or i >= len + character.len) try std.testing.expectEqual(old | 0x20, new);
        }
        if (change == .same) try std.testing.expectEqualStrings(character, kept.?.text[len..][0..character.len]);
    };
    // One character has become longer and another shorter.
    try std.testing.expectEqual(null, try last.applyToWords(gpa, &memory, "\u{23a}\u{2126}"));
    try std.testing.expectEqualStrings("a b", (try last.applyToWords(gpa, &memory, "A\n\u{3000}B")).?.text);
}
