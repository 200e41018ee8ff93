//! A sequence of splits with any patterns: each is an automaton, and each cuts the pieces of the one before,
//! every piece as a text of its own.
//!
//! Plain data, read-only; what a walk through a text needs to remember is in its `Cursor`, which has a fixed
//! size. Time is that of each split's searches through the text (`memo.zig` has the bound).

const std = @import("std");
const definition = @import("../definition.zig");
const Diagnostic = @import("../diagnostic.zig").Diagnostic;
const automaton = @import("automaton.zig");
const determinize = @import("determinize.zig");
const Automaton = automaton.Automaton;
const Span = @import("../pretokenizer.zig").Span;
const utf8 = @import("../utf8.zig");
const Allocator = std.mem.Allocator;

/// The most splits in a sequence.
const split_max = 8;

pub const Compiled = struct {
    step_count: u8 = 0,
    steps: [split_max]Step = @splat(.{}),

    const Step = struct {
        automaton: Automaton = .{},
        behavior: definition.SplitBehavior = .isolated,
        invert: bool = false,
    };

    pub fn init(
        gpa: Allocator,
        splits: []const definition.Split,
        diagnostic: *Diagnostic,
    ) error{ OutOfMemory, UnsupportedPattern }!Compiled {
        if (splits.len > split_max) {
            diagnostic.set(null, "more than {d} splits in sequence", .{split_max});
            return error.UnsupportedPattern;
        }
        var compiled: Compiled = .{};
        errdefer compiled.deinit(gpa);
        for (splits) |split| {
            if (split.is_spelled) {
                diagnostic.set(null, "a split behind a ByteLevel", .{});
                return error.UnsupportedPattern;
            }
            compiled.steps[compiled.step_count] = .{
                .automaton = determinize.build(gpa, split.pattern, split.engine, diagnostic) catch |err| {
                    if (err == error.UnsupportedPattern) name(split.pattern, diagnostic);
                    return err;
                },
                .behavior = split.behavior,
                .invert = split.invert,
            };
            compiled.step_count += 1;
        }
        return compiled;
    }

    /// Whether there is an automaton for each step.
    pub fn validate(self: *const Compiled, id_limit: u32) bool {
        _ = id_limit;
        if (self.step_count > split_max) return false;
        for (self.steps[0..self.step_count]) |*step| {
            if (step.automaton.transitions.len == 0) return false;
        }
        return true;
    }

    /// Puts the pattern in front of the reason why it is refused.
    fn name(pattern: []const u8, diagnostic: *Diagnostic) void {
        const reason = diagnostic.*;
        diagnostic.set(null, "the pattern {f} is not supported: {s}", .{
            std.json.fmt(pattern[0..@min(pattern.len, 200)], .{}),
            reason.message(),
        });
    }

    pub fn deinit(self: *Compiled, gpa: Allocator) void {
        for (self.steps[0..self.step_count]) |*step| step.automaton.deinit(gpa);
        self.* = undefined;
    }

    /// A walk through one text; plain data, no allocation.
    pub const Cursor = struct {
        /// Behind the last piece that was found; the text's length when there are no more.
        position: usize = 0,
        /// How many of `levels` are being walked: a level for each split, within a piece of the one before.
        depth: usize = 0,
        levels: [split_max]Level = undefined,
    };

    /// Finds the next pieces from `cursor.position` on (never empty ones), returns how many; the text is
    /// done when `cursor.position == text.len`.
    pub fn next(self: *const Compiled, text: []const u8, cursor: *Cursor, spans: []Span) usize {
        var count: usize = 0;
        while (count < spans.len and cursor.position < text.len) : (count += 1) {
            spans[count] = self.nextPiece(text, cursor) orelse {
                cursor.position = text.len;
                break;
            };
            cursor.position = spans[count].end;
        }
        return count;
    }

    fn nextPiece(self: *const Compiled, text: []const u8, cursor: *Cursor) ?Span {
        const whole: Span = .{ .start = 0, .end = text.len };
        if (self.step_count == 0) return whole;
        if (cursor.depth == 0) {
            cursor.levels[0].begin(whole);
            cursor.depth = 1;
        }
        while (cursor.depth > 0) {
            const step = &self.steps[cursor.depth - 1];
            const piece = cursor.levels[cursor.depth - 1].nextPiece(step, text) orelse {
                cursor.depth -= 1;
                continue;
            };
            if (cursor.depth == self.step_count) return piece;
            cursor.levels[cursor.depth].begin(piece);
            cursor.depth += 1;
        }
        return null;
    }
};

/// A stretch that matches, or one between matches; `is_match` is swapped where the split is inverted.
const Stretch = struct {
    span: Span,
    is_match: bool,
    /// Whether an empty match is between it and the stretch before.
    is_behind_empty: bool,
};

/// The walk of one split through one piece of the split before.
const Level = struct {
    bounds: Span,
    position: usize,
    /// The first match that ends behind `position`, or at it if it is empty; if there is none, it is empty
    /// and at the end.
    match: Span,
    memos: automaton.Memos,

    fn begin(self: *Level, bounds: Span) void {
        self.bounds = bounds;
        self.position = bounds.start;
        self.match = .{ .start = bounds.start, .end = bounds.start };
        self.memos.clear();
    }

    fn nextPiece(self: *Level, step: *const Compiled.Step, text: []const u8) ?Span {
        while (self.position < self.bounds.end) {
            const stretch = self.stretchAt(step, text);
            var piece = stretch.span;
            self.position = piece.end;
            switch (step.behavior) {
                .isolated => return piece,
                .removed => if (!stretch.is_match) return piece,
                .contiguous => {
                    while (self.peek(step, text)) |following| {
                        if (following.is_match != stretch.is_match) break;
                        if (following.is_behind_empty) break;
                        piece.end = following.span.end;
                        self.position = piece.end;
                    }
                    return piece;
                },
                // A match joins the stretch before it, or the one behind it, if that is no match.
                .merged_with_previous, .merged_with_next => {
                    const begins_with_match = step.behavior == .merged_with_next;
                    if (stretch.is_match != begins_with_match) return piece;
                    const following = self.peek(step, text) orelse return piece;
                    if (following.is_match != begins_with_match) piece.end = following.span.end;
                    self.position = piece.end;
                    return piece;
                },
            }
        }
        return null;
    }

    fn peek(self: *Level, step: *const Compiled.Step, text: []const u8) ?Stretch {
        return if (self.position < self.bounds.end) self.stretchAt(step, text) else null;
    }

    /// The stretch that begins at `position`. Empty matches are no stretches, they only end one.
    fn stretchAt(self: *Level, step: *const Compiled.Step, text: []const u8) Stretch {
        const is_behind_empty = self.match.start == self.position;
        if (self.match.end <= self.position) self.findMatch(&step.automaton, text);
        if (self.position < self.match.start) {
            return .{
                .span = .{ .start = self.position, .end = self.match.start },
                .is_match = step.invert,
                .is_behind_empty = is_behind_empty,
            };
        }
        return .{ .span = self.match, .is_match = !step.invert, .is_behind_empty = false };
    }

    fn findMatch(self: *Level, machine: *const Automaton, text: []const u8) void {
        const piece = text[self.bounds.start..self.bounds.end];
        const start = self.position - self.bounds.start;
        var at = start;
        while (true) {
            at = machine.skip(piece, at);
            if (at == piece.len) break;
            if (machine.matchEnd(piece, at, &self.memos)) |end| {
                // The engines take no empty match where the one before ended.
                if (end > at or at > start) {
                    self.match.start = self.bounds.start + at;
                    self.match.end = self.bounds.start + end;
                    return;
                }
            }
            at += utf8.decode(piece, at).len;
        }
        self.match = .{ .start = self.bounds.end, .end = self.bounds.end };
    }
};

fn expectPieces(splits: []const definition.Split, text: []const u8, expected: []const []const u8) !void {
    const gpa = std.testing.allocator;
    var diagnostic: Diagnostic = .{};
    var compiled: Compiled = try .init(gpa, splits, &diagnostic);
    defer compiled.deinit(gpa);
    for ([_]usize{ 1, 2, 16 }) |room| {
        var cursor: Compiled.Cursor = .{};
        var spans: [16]Span = undefined;
        var found: usize = 0;
        while (cursor.position < text.len) {
            const count = compiled.next(text, &cursor, spans[0..room]);
            for (spans[0..count]) |span| {
                try std.testing.expect(found < expected.len);
                try std.testing.expectEqualStrings(expected[found], text[span.start..span.end]);
                found += 1;
            }
        }
        try std.testing.expectEqual(expected.len, found);
    }
}

test "behaviors" {
    const Behavior = definition.SplitBehavior;
    const cases = [_]struct { Behavior, bool, []const []const u8 }{
        .{ .isolated, false, &.{ "-", "-", "ab", "-", "-", "c", "-" } },
        .{ .removed, false, &.{ "ab", "c" } },
        .{ .removed, true, &.{ "-", "-", "-", "-", "-" } },
        .{ .contiguous, false, &.{ "--", "ab", "--", "c", "-" } },
        .{ .merged_with_previous, false, &.{ "-", "-", "ab-", "-", "c-" } },
        .{ .merged_with_next, false, &.{ "-", "-ab", "-", "-c", "-" } },
        .{ .merged_with_previous, true, &.{ "-", "-ab", "-", "-c", "-" } },
        .{ .merged_with_next, true, &.{ "-", "-", "ab-", "-", "c-" } },
    };
    for (cases) |case| {
        const split: definition.Split = .{ .pattern = "-", .behavior = case[0], .invert = case[1] };
        try expectPieces(&.{split}, "--ab--c-", case[2]);
    }
}

test "a sequence of splits: a piece's ends are those of a text" {
    try expectPieces(&.{}, "ab c", &.{"ab c"});
    const digits: definition.Split = .{ .pattern = "\\d", .behavior = .isolated };
    const spaces: definition.Split = .{ .pattern = "\\s+(?!\\S)|^x|y$|\\w", .behavior = .isolated };
    try expectPieces(&.{ digits, spaces }, "y  1x y", &.{ "y", "  ", "1", "x", " ", "y" });
    const dropped: definition.Split = .{ .pattern = "\\d", .behavior = .removed };
    try expectPieces(&.{ dropped, spaces }, "12", &.{});
    try expectPieces(&.{ spaces, dropped }, "a1 2\u{e9}3", &.{ "a", " ", "\u{e9}" });
}

/// Characters read while all pieces of a text are found.
fn stepsOf(splits: []const definition.Split, text: []const u8) !usize {
    const gpa = std.testing.allocator;
    var diagnostic: Diagnostic = .{};
    errdefer std.debug.print("{s}\n", .{diagnostic.message()});
    var compiled: Compiled = try .init(gpa, splits, &diagnostic);
    defer compiled.deinit(gpa);
    var cursor: Compiled.Cursor = .{};
    for (&cursor.levels) |*level| level.memos.steps = 0;
    var spans: [64]Span = undefined;
    while (cursor.position < text.len) _ = compiled.next(text, &cursor, &spans);
    var steps: usize = 0;
    for (cursor.levels) |level| steps += level.memos.steps;
    return steps;
}

test "every search is linear" {
    const cases = [_]struct { []const u8, []const u8 }{
        .{ "a*b|a", "a" },
        .{ "a*b", "a" },
        .{ "(?:a|b)*c|a|b", "ab" },
        .{ "(?:a|b)*c|a|b", "abbabaaab" },
        .{ "\\s*x|\\s", " " },
        .{ "(?:(?:a+b?)+c)+|a", "a" },
        .{ "(?:(?:a+b?)+c)+|a", "aab" },
        .{ "(?:a{7})*b|(?:a{5})*c|a", "a" },
        .{ "(?:aaa)+b|(?:aa)+c|a", "a" },
        .{ "a(?=a*b)|a", "a" },
        .{ "a(?=a*b)|a", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab" },
        .{ "a(?!a*b)|a", "a" },
        .{ "a+(?=a*b)|a", "a" },
        .{ "(?=(\\d{3})+(?!\\d))", "7" },
        .{ "\\d{1,3}(?=(?:\\d{3})*\\b)", "7" },
        .{ "\\d{1,3}(?=(?:\\d{3})*\\b)|a", "7777777777777777777777a" },
        .{ "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+", "\n                    " },
        .{ "\\s{64}(?!\\S)|\\s", " " },
    };
    const len = 1 << 17;
    const text = try std.testing.allocator.alloc(u8, len);
    defer std.testing.allocator.free(text);
    for (cases) |case| {
        const pattern, const unit = case;
        for (text, 0..) |*byte, i| byte.* = unit[i % unit.len];
        const split: definition.Split = .{ .pattern = pattern, .behavior = .isolated };
        const half = try stepsOf(&.{split}, text[0 .. len / 2]);
        const whole = try stepsOf(&.{split}, text);
        errdefer std.debug.print("{s} on {s}: {d}, {d} steps\n", .{ pattern, unit, half, whole });
        try std.testing.expect(whole <= half * 9 / 4 + 1000);
        try std.testing.expect(whole <= len * 400);
    }
}

const Scanner = struct { pattern: []const u8, pieceEnd: *const fn ([]const u8, usize) usize };

const scanners = [_]Scanner{
    .{
        .pattern = "'(?:[sdmt]|ll|ve|re)| ?\\p{L}++| ?\\p{N}++| ?[^\\s\\p{L}\\p{N}]++|\\s++$|" ++
            "\\s+(?!\\S)|\\s",
        .pieceEnd = @import("gpt2.zig").pieceEnd,
    },
    .{
        .pattern = "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}++|\\p{N}{1,3}+|" ++
            " ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*+|\\s++$|\\s*[\\r\\n]|\\s+(?!\\S)|\\s",
        .pieceEnd = familyEnd(3, true),
    },
    .{
        .pattern = "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}|" ++
            " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
        .pieceEnd = familyEnd(1, false),
    },
};

fn familyEnd(comptime number_len: usize, comptime keep_final_space: bool) fn ([]const u8, usize) usize {
    return struct {
        fn pieceEnd(text: []const u8, at: usize) usize {
            return @import("cl100k.zig").pieceEnd(.{
                .number_len = number_len,
                .keep_final_space = keep_final_space,
            }, text, at);
        }
    }.pieceEnd;
}

fn expectAsScanner(compiled: *const Compiled, scanner: Scanner, text: []const u8) !void {
    var cursor: Compiled.Cursor = .{};
    var spans: [8]Span = undefined;
    var at: usize = 0;
    while (cursor.position < text.len) {
        for (spans[0..compiled.next(text, &cursor, &spans)]) |span| {
            try std.testing.expectEqual(at, span.start);
            at = scanner.pieceEnd(text, at);
            try std.testing.expectEqual(at, span.end);
        }
    }
    try std.testing.expectEqual(text.len, at);
}

test "the patterns that have scanners give the scanners' pieces" {
    const characters = [_][]const u8{
        "a",      "'",        "s", "L", "E", "1", " ", "\n", "\r", "\t", "!", "\u{17f}", "\u{e9}", "\u{3000}",
        "\u{b2}", "\xe2\x82",
    };
    const gpa = std.testing.allocator;
    for (scanners) |scanner| {
        var diagnostic: Diagnostic = .{};
        var compiled: Compiled = try .init(gpa, &.{.matches(scanner.pattern)}, &diagnostic);
        defer compiled.deinit(gpa);
        var buffer: [64]u8 = undefined;
        for (0..std.math.pow(usize, characters.len, 4)) |number| {
            var len: usize = 0;
            var rest = number;
            while (rest > 0) : (rest /= characters.len) {
                const character = characters[rest % characters.len];
                @memcpy(buffer[len..][0..character.len], character);
                len += character.len;
            }
            try expectAsScanner(&compiled, scanner, buffer[0..len]);
        }
        var prng: std.Random.DefaultPrng = .init(3);
        const random = prng.random();
        for (0..20_000) |_| {
            var len: usize = 0;
            for (0..random.uintAtMost(usize, 16)) |_| {
                const character = characters[random.uintLessThan(usize, characters.len)];
                @memcpy(buffer[len..][0..character.len], character);
                len += character.len;
            }
            try expectAsScanner(&compiled, scanner, buffer[0..len]);
        }
    }
}

fn initWithAllocator(gpa: Allocator) !void {
    var diagnostic: Diagnostic = .{};
    const splits = [_]definition.Split{ .matches("[a-c]+\\b"), .matches("b|a") };
    var compiled: Compiled = try .init(gpa, &splits, &diagnostic);
    compiled.deinit(gpa);
}

test "running out of memory leaks nothing" {
    try std.testing.checkAllAllocationFailures(std.testing.allocator, initWithAllocator, .{});
}
