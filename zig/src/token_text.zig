//! The general way from tokens to text: steps that are done to a list of texts, at first one a token, which
//! are joined in the end. As tokenizers' decoders, which it is exact for whatever their order.
//!
//! Every step writes a new copy. Linear in the tokens' text, for each step. What is known to be a plain
//! joining of bytes goes another way (`context.zig`).

const std = @import("std");
const byte_level = @import("byte_level.zig");
const definition = @import("definition.zig");
const Diagnostic = @import("diagnostic.zig").Diagnostic;
const Matches = @import("pretokenizer/matches.zig").Matches;
const utf8 = @import("utf8.zig");
const Allocator = std.mem.Allocator;

/// A list of texts, one behind the other.
pub const Texts = struct {
    bytes: std.ArrayList(u8) = .empty,
    ends: std.ArrayList(usize) = .empty,

    pub fn deinit(texts: *Texts, gpa: Allocator) void {
        texts.bytes.deinit(gpa);
        texts.ends.deinit(gpa);
        texts.* = undefined;
    }

    pub fn clear(texts: *Texts) void {
        texts.bytes.clearRetainingCapacity();
        texts.ends.clearRetainingCapacity();
    }

    pub fn append(texts: *Texts, gpa: Allocator, text: []const u8) error{OutOfMemory}!void {
        try texts.bytes.appendSlice(gpa, text);
        try texts.endText(gpa);
    }

    fn endText(texts: *Texts, gpa: Allocator) error{OutOfMemory}!void {
        try texts.ends.append(gpa, texts.bytes.items.len);
    }

    fn at(texts: *const Texts, index: usize) []const u8 {
        const start = if (index == 0) 0 else texts.ends.items[index - 1];
        return texts.bytes.items[start..texts.ends.items[index]];
    }
};

/// The most steps that replace the matches of a regular expression.
const pattern_max = 4;

pub const TokenText = struct {
    /// Whether it is what decodes.
    is_used: bool = false,
    steps: []Step = &.{},
    /// The strings of the steps.
    bytes: []u8 = &.{},
    pattern_count: u8 = 0,
    patterns: [pattern_max]Matches = @splat(.none),

    const Step = extern struct {
        kind: Kind,
        /// Its strings are `bytes[start..from_end]` and `bytes[from_end..end]`.
        start: u32,
        from_end: u32,
        end: u32,
        /// Which pattern; whether the sign is kept; how many are stripped at the start and at the end.
        options: [2]u32,
    };

    const Kind = enum(u32) {
        byte_level,
        byte_fallback,
        fuse,
        strip,
        replace,
        replace_matches,
        metaspace,
        word_suffix,
        join_with_spaces,
        word_piece,
        ctc,
    };

    pub const Error = error{ OutOfMemory, UnsupportedPattern };

    pub fn init(
        gpa: Allocator,
        source: []const definition.DecodeStep,
        diagnostic: *Diagnostic,
    ) Error!TokenText {
        var made: TokenText = .{ .is_used = true, .steps = try gpa.alloc(Step, source.len) };
        errdefer made.deinit(gpa);
        var bytes: std.ArrayList(u8) = .empty;
        defer bytes.deinit(gpa);
        for (made.steps, source) |*step, from| {
            step.* = .{
                .kind = std.meta.stringToEnum(Kind, @tagName(from)).?,
                .start = @intCast(bytes.items.len),
                .from_end = undefined,
                .end = undefined,
                .options = @splat(0),
            };
            switch (from) {
                .strip => |strip| {
                    try bytes.appendSlice(gpa, strip.character);
                    step.options = .{ strip.start, strip.stop };
                },
                .replace => |pair| try bytes.appendSlice(gpa, pair.from),
                .metaspace => |metaspace| {
                    try bytes.appendSlice(gpa, metaspace.sign);
                    step.options[0] = @intFromBool(metaspace.is_kept_at_start);
                },
                .word_suffix => |suffix| try bytes.appendSlice(gpa, suffix),
                .word_piece => |word_piece| {
                    try bytes.appendSlice(gpa, word_piece.prefix);
                    step.options[0] = @intFromBool(word_piece.cleans);
                },
                .ctc => |ctc| {
                    try bytes.appendSlice(gpa, ctc.padding);
                    step.options[0] = @intFromBool(ctc.cleans);
                },
                .replace_matches => |pair| step.options[0] =
                    try made.addPattern(gpa, pair.pattern, diagnostic),
                .byte_level, .byte_fallback, .fuse, .join_with_spaces => {},
            }
            step.from_end = @intCast(bytes.items.len);
            switch (from) {
                .replace => |pair| try bytes.appendSlice(gpa, pair.to),
                .replace_matches => |pair| try bytes.appendSlice(gpa, pair.to),
                .ctc => |ctc| try bytes.appendSlice(gpa, ctc.delimiter),
                else => {},
            }
            step.end = @intCast(bytes.items.len);
        }
        made.bytes = try bytes.toOwnedSlice(gpa);
        return made;
    }

    fn addPattern(
        made: *TokenText,
        gpa: Allocator,
        pattern: []const u8,
        diagnostic: *Diagnostic,
    ) Error!u32 {
        const index = made.pattern_count;
        if (index == pattern_max) {
            diagnostic.set(null, "decoder: more than {d} patterns", .{pattern_max});
            return error.UnsupportedPattern;
        }
        made.patterns[index] = try .init(gpa, pattern, diagnostic);
        made.pattern_count += 1;
        return index;
    }

    pub fn deinit(self: *TokenText, gpa: Allocator) void {
        for (self.patterns[0..self.pattern_count]) |*each| each.deinit(gpa);
        gpa.free(self.steps);
        gpa.free(self.bytes);
        self.* = undefined;
    }

    /// Whether every step has what it needs.
    pub fn validate(self: *const TokenText, id_limit: u32) bool {
        _ = id_limit;
        if (self.pattern_count > pattern_max) return false;
        for (self.patterns[0..self.pattern_count]) |*each| if (!each.isUsable()) return false;
        for (self.steps) |step| {
            if (step.start > step.from_end or step.from_end > step.end) return false;
            if (step.end > self.bytes.len) return false;
            const needs_string = switch (step.kind) {
                .strip, .replace, .metaspace, .word_suffix => true,
                else => false,
            };
            if (needs_string and step.start == step.from_end) return false;
            if (step.kind == .replace_matches and step.options[0] >= self.pattern_count) return false;
        }
        return true;
    }

    /// Does the steps to the texts of `lists[0]`; returns them joined, in one of the lists.
    pub fn run(
        self: *const TokenText,
        gpa: Allocator,
        lists: *[2]Texts,
    ) error{OutOfMemory}![]const u8 {
        var index: u1 = 0;
        for (self.steps, 1..) |*step, next| {
            const input = &lists[index];
            index +%= 1;
            const output = &lists[index];
            output.clear();
            try self.apply(step, gpa, input, output, next == self.steps.len);
        }
        return lists[index].bytes.items;
    }

    fn apply(
        self: *const TokenText,
        step: *const Step,
        gpa: Allocator,
        input: *const Texts,
        output: *Texts,
        is_last: bool,
    ) error{OutOfMemory}!void {
        const from = self.bytes[step.start..step.from_end];
        const to = self.bytes[step.from_end..step.end];
        switch (step.kind) {
            .fuse => return output.append(gpa, input.bytes.items),
            .byte_fallback => return joinBytes(gpa, input, output),
            .byte_level => return unspell(gpa, input, output, is_last),
            .word_piece => return joinWordPieces(gpa, input, output, from, step.options[0] != 0),
            .ctc => return joinLabels(gpa, input, output, .{
                .padding = from,
                .delimiter = to,
                .cleans = step.options[0] != 0,
            }),
            else => {},
        }
        const count = input.ends.items.len;
        for (0..count) |i| {
            const text = input.at(i);
            const bytes = &output.bytes;
            switch (step.kind) {
                .fuse, .byte_fallback, .byte_level, .word_piece, .ctc => unreachable,
                .strip => try bytes.appendSlice(gpa, stripped(text, from, step.options)),
                .replace => try replace(gpa, text, from, to, bytes),
                .replace_matches => {
                    try replaceMatches(gpa, text, &self.patterns[step.options[0]], to, bytes);
                },
                .metaspace => {
                    const space = if (i == 0 and step.options[0] == 0) "" else " ";
                    try replace(gpa, text, from, space, bytes);
                },
                .word_suffix => {
                    const space = if (i + 1 == count) "" else " ";
                    try replace(gpa, text, from, space, bytes);
                },
                .join_with_spaces => {
                    if (i > 0) try bytes.append(gpa, ' ');
                    try bytes.appendSlice(gpa, text);
                },
            }
            try output.endText(gpa);
        }
    }
};

fn replace(
    gpa: Allocator,
    text: []const u8,
    from: []const u8,
    to: []const u8,
    output: *std.ArrayList(u8),
) error{OutOfMemory}!void {
    var copied: usize = 0;
    while (std.mem.findPos(u8, text, copied, from)) |match| {
        try output.appendSlice(gpa, text[copied..match]);
        try output.appendSlice(gpa, to);
        copied = match + from.len;
    }
    try output.appendSlice(gpa, text[copied..]);
}

fn replaceMatches(
    gpa: Allocator,
    text: []const u8,
    pattern: *const Matches,
    to: []const u8,
    output: *std.ArrayList(u8),
) error{OutOfMemory}!void {
    var walk = pattern.in(text);
    var copied: usize = 0;
    while (walk.next()) |match| {
        try output.appendSlice(gpa, text[copied..match.start]);
        try output.appendSlice(gpa, to);
        copied = match.end;
    }
    try output.appendSlice(gpa, text[copied..]);
}

fn stripped(text: []const u8, character: []const u8, counts: [2]u32) []const u8 {
    var start: usize = 0;
    for (0..counts[0]) |_| {
        if (!std.mem.startsWith(u8, text[start..], character)) break;
        start += character.len;
    }
    var end = text.len;
    for (0..counts[1]) |_| {
        if (!std.mem.endsWith(u8, text[start..end], character)) break;
        end -= character.len;
    }
    return text[start..end];
}

fn joinWordPieces(
    gpa: Allocator,
    input: *const Texts,
    output: *Texts,
    prefix: []const u8,
    cleans: bool,
) error{OutOfMemory}!void {
    var made: Cleaned = .{};
    defer made.deinit(gpa);
    for (0..input.ends.items.len) |i| {
        const text = input.at(i);
        made.clear();
        if (i == 0) {
            try made.text.appendSlice(gpa, text);
        } else if (std.mem.startsWith(u8, text, prefix)) {
            try made.text.appendSlice(gpa, text[prefix.len..]);
        } else {
            try made.text.append(gpa, ' ');
            try made.text.appendSlice(gpa, text);
        }
        if (cleans) try made.clean(gpa);
        try output.append(gpa, made.text.items);
    }
}

const Labels = struct { padding: []const u8, delimiter: []const u8, cleans: bool };

fn joinLabels(
    gpa: Allocator,
    input: *const Texts,
    output: *Texts,
    labels: Labels,
) error{OutOfMemory}!void {
    var made: Cleaned = .{};
    defer made.deinit(gpa);
    for (0..input.ends.items.len) |i| {
        const text = input.at(i);
        if (i > 0 and std.mem.eql(u8, text, input.at(i - 1))) continue;
        made.clear();
        if (labels.padding.len == 0) {
            try made.text.appendSlice(gpa, text);
        } else {
            try replace(gpa, text, labels.padding, "", &made.text);
        }
        if (labels.cleans) {
            try made.clean(gpa);
            if (labels.delimiter.len == 0)
                try made.spaceOut(gpa)
            else
                try made.replaceAll(gpa, labels.delimiter, " ");
        }
        if (made.text.items.len > 0) try output.append(gpa, made.text.items);
    }
}

/// A text in which strings are replaced, one after the other.
const Cleaned = struct {
    text: std.ArrayList(u8) = .empty,
    spare: std.ArrayList(u8) = .empty,

    /// What becomes of spaces that English does not have.
    const rules = [_][2][]const u8{
        .{ " .", "." },   .{ " ?", "?" },     .{ " !", "!" },     .{ " ,", "," },
        .{ " ' ", "'" },  .{ " n't", "n't" }, .{ " 'm", "'m" },   .{ " do not", " don't" },
        .{ " 's", "'s" }, .{ " 've", "'ve" }, .{ " 're", "'re" },
    };

    fn deinit(made: *Cleaned, gpa: Allocator) void {
        made.text.deinit(gpa);
        made.spare.deinit(gpa);
    }

    fn clear(made: *Cleaned) void {
        made.text.clearRetainingCapacity();
    }

    fn clean(made: *Cleaned, gpa: Allocator) error{OutOfMemory}!void {
        for (rules) |rule| try made.replaceAll(gpa, rule[0], rule[1]);
    }

    /// A space before each character and behind the last, which is what the reference finds for an empty string.
    fn spaceOut(made: *Cleaned, gpa: Allocator) error{OutOfMemory}!void {
        made.spare.clearRetainingCapacity();
        for (made.text.items) |byte| {
            if (byte & 0xC0 != 0x80) try made.spare.append(gpa, ' ');
            try made.spare.append(gpa, byte);
        }
        try made.spare.append(gpa, ' ');
        std.mem.swap(std.ArrayList(u8), &made.text, &made.spare);
    }

    fn replaceAll(
        made: *Cleaned,
        gpa: Allocator,
        from: []const u8,
        to: []const u8,
    ) error{OutOfMemory}!void {
        if (std.mem.find(u8, made.text.items, from) == null) return;
        made.spare.clearRetainingCapacity();
        try replace(gpa, made.text.items, from, to, &made.spare);
        std.mem.swap(std.ArrayList(u8), &made.text, &made.spare);
    }
};

/// Neighbouring tokens of bytes are one text if that is well-formed, else each is a U+FFFD.
fn joinBytes(gpa: Allocator, input: *const Texts, output: *Texts) error{OutOfMemory}!void {
    const count = input.ends.items.len;
    var i: usize = 0;
    while (i < count) {
        const start = output.bytes.items.len;
        const first = i;
        while (i < count) : (i += 1) {
            try output.bytes.append(gpa, byteOf(input.at(i)) orelse break);
        }
        if (i == first) {
            try output.append(gpa, input.at(i));
            i += 1;
            continue;
        }
        if (std.unicode.utf8ValidateSlice(output.bytes.items[start..])) {
            try output.endText(gpa);
            continue;
        }
        output.bytes.items.len = start;
        for (first..i) |_| try output.append(gpa, "\u{FFFD}");
    }
}

/// The byte that "<0x00>" to "<0xFF>" decode to, read as the reference reads it.
pub fn byteOf(spelled: []const u8) ?u8 {
    if (spelled.len != 6 or spelled[5] != '>') return null;
    if (!std.mem.startsWith(u8, spelled, "<0x")) return null;
    const first = if (spelled[3] == '+') 0 else std.fmt.charToDigit(spelled[3], 16) catch return null;
    return first << 4 | (std.fmt.charToDigit(spelled[4], 16) catch return null);
}

/// All bytes, joined. They become text only if another step follows.
fn unspell(
    gpa: Allocator,
    input: *const Texts,
    output: *Texts,
    is_last: bool,
) error{OutOfMemory}!void {
    for (0..input.ends.items.len) |i| {
        const text = input.at(i);
        try output.bytes.ensureUnusedCapacity(gpa, text.len);
        const room = output.bytes.unusedCapacitySlice()[0..text.len];
        if (byte_level.decode(text, room)) |bytes| {
            output.bytes.items.len += bytes.len;
        } else {
            output.bytes.appendSliceAssumeCapacity(text);
        }
    }
    if (!is_last) try repair(gpa, &output.bytes);
    try output.endText(gpa);
}

/// Puts a U+FFFD for each maximal subpart of ill-formed bytes.
fn repair(gpa: Allocator, bytes: *std.ArrayList(u8)) error{OutOfMemory}!void {
    if (std.unicode.utf8ValidateSlice(bytes.items)) return;
    var made: std.ArrayList(u8) = .empty;
    errdefer made.deinit(gpa);
    var at: usize = 0;
    while (at < bytes.items.len) {
        const character = utf8.decode(bytes.items, at);
        var buffer: [4]u8 = undefined;
        const len = std.unicode.utf8Encode(character.code_point, &buffer) catch unreachable;
        try made.appendSlice(gpa, buffer[0..len]);
        at += character.len;
    }
    bytes.deinit(gpa);
    bytes.* = made;
}

fn expectText(
    steps: []const definition.DecodeStep,
    tokens: []const []const u8,
    expected: []const u8,
) !void {
    const gpa = std.testing.allocator;
    var diagnostic: Diagnostic = .{};
    var text: TokenText = try .init(gpa, steps, &diagnostic);
    defer text.deinit(gpa);
    var lists: [2]Texts = .{ .{}, .{} };
    defer for (&lists) |*list| list.deinit(gpa);
    for (0..2) |_| {
        lists[0].clear();
        for (tokens) |token| try lists[0].append(gpa, token);
        try std.testing.expectEqualStrings(expected, try text.run(gpa, &lists));
    }
}

test "steps as the reference's decoders" {
    const fallback: []const []const u8 = &.{ "_a", "<0xC3>", "<0xA9>", "<0xff>", "_b" };
    try expectText(&.{.byte_fallback}, &.{ "_a", "<0xC3>", "<0xA9>", "b" }, "_a\u{e9}b");
    try expectText(&.{.byte_fallback}, fallback, "_a\u{FFFD}\u{FFFD}\u{FFFD}_b");
    const sign: definition.DecodeStep = .{ .metaspace = .{ .sign = "_", .is_kept_at_start = false } };
    try expectText(&.{ .byte_fallback, sign }, &.{ "__a", "b_", "_" }, "ab  ");
    const strip: definition.DecodeStep = .{ .strip = .{ .character = "_", .start = 1, .stop = 2 } };
    try expectText(&.{strip}, &.{ "__a___", "_" }, "_a_");
    try expectText(&.{ .fuse, strip }, &.{ "_", "_a" }, "_a");
    try expectText(&.{.{ .word_suffix = "</w>" }}, &.{ "a</w>", "b", "c</w>" }, "a bc");
    try expectText(&.{.byte_level}, &.{ "\u{c3}", "\u{a9}\u{120}", "\u{4e2d}" }, "\u{e9} \u{4e2d}");
    try expectText(&.{ .byte_level, .fuse }, &.{"\u{c3}"}, "\u{FFFD}");
    try expectText(&.{.join_with_spaces}, &.{ "a", "b" }, "a b");
    const digits: definition.DecodeStep = .{ .replace_matches = .{ .pattern = "\\d+", .to = "#" } };
    try expectText(&.{ digits, .{ .replace = .{ .from = "a", .to = "" } } }, &.{ "a12", "3" }, "##");
    try expectText(&.{}, &.{ "a", "b" }, "ab");
    const pieces: definition.DecodeStep = .{ .word_piece = .{ .prefix = "##", .cleans = true } };
    try expectText(&.{pieces}, &.{ "##a", "##b", "c", ".", "do not" }, "##ab c. don't");
    const labels: definition.DecodeStep = .{ .ctc = .{
        .padding = "<p>",
        .delimiter = "|",
        .cleans = true,
    } };
    try expectText(&.{labels}, &.{ "a", "a", "<p>", "a", "|", "|", "b<p> ?" }, "aa b?");
    const spaced: definition.DecodeStep = .{ .ctc = .{
        .padding = "<p>",
        .delimiter = "",
        .cleans = true,
    } };
    try expectText(&.{spaced}, &.{ "a\u{e9}", "<p>", "b ?" }, " a \u{e9}   b ? ");
}

fn runOnce(gpa: Allocator) !void {
    var diagnostic: Diagnostic = .{};
    var text: TokenText = try .init(gpa, &.{
        .{ .replace = .{ .from = "a", .to = "bb" } },           .byte_level,                                                       .byte_fallback,                                       .fuse,
        .{ .replace_matches = .{ .pattern = "b", .to = "c" } }, .{ .ctc = .{ .padding = "b", .delimiter = "c", .cleans = true } }, .{ .word_piece = .{ .prefix = "", .cleans = true } },
    }, &diagnostic);
    defer text.deinit(gpa);
    var lists: [2]Texts = .{ .{}, .{} };
    defer for (&lists) |*list| list.deinit(gpa);
    try lists[0].append(gpa, "a\u{c3}");
    _ = try text.run(gpa, &lists);
}

test "a failed allocation leaks nothing" {
    try std.testing.checkAllAllocationFailures(std.testing.allocator, runOnce, .{});
}

test "bytes are read as Rust reads them" {
    try std.testing.expectEqual(@as(?u8, 0x0A), byteOf("<0x0A>"));
    try std.testing.expectEqual(@as(?u8, 0xFE), byteOf("<0xfE>"));
    try std.testing.expectEqual(@as(?u8, 0x0F), byteOf("<0x+F>"));
    for ([_][]const u8{ "<0x0>", "<0x0G>", "<0xF+>", "<0x0A)", "0x0A>>", "<0X0A>", "" }) |text| {
        try std.testing.expectEqual(@as(?u8, null), byteOf(text));
    }
}
