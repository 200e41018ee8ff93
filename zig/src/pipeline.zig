//! The general way from a text to its words: steps that cut pieces and may change them, each done to all
//! pieces of the one before. As tokenizers' pre-tokenizers, which it is exact for whatever their order.
//!
//! Every step that changes text writes a new copy of it, and every step a new list of pieces. Linear in the
//! text, for each step; memory as well. What is known to need no copy goes another way (`pretokenizer.zig`).

const std = @import("std");
const alignment = @import("alignment.zig");
const byte_level = @import("byte_level.zig");
const Compiled = @import("pretokenizer/compiled.zig").Compiled;
const definition = @import("definition.zig");
const Diagnostic = @import("diagnostic.zig").Diagnostic;
const Span = @import("pretokenizer.zig").Span;
const scripts = @import("scripts.zig");
const utf8 = @import("utf8.zig");
const Allocator = std.mem.Allocator;

/// The most steps; neighbouring splits are one.
const step_max = 8;

/// Memory for one text; kept from text to text.
pub const Memory = struct {
    /// A step reads one of each and writes the other.
    texts: [2]std.ArrayList(u8) = .{ .empty, .empty },
    pieces: [2]std.ArrayList(Span) = .{ .empty, .empty },

    pub fn deinit(memory: *Memory, gpa: Allocator) void {
        for (&memory.texts) |*text| text.deinit(gpa);
        for (&memory.pieces) |*pieces| pieces.deinit(gpa);
        memory.* = undefined;
    }
};

/// `pieces` lie in `text`; none is empty.
pub const Result = struct { text: []const u8, pieces: []const Span };

pub const Pipeline = struct {
    step_count: u8 = 0,
    steps: [step_max]Step = @splat(.{}),
    /// The strings of the steps.
    bytes: []u8 = &.{},

    const Kind = enum(u8) { splits, prefix, replace_spaces, byte_level, fixed_length, scripts };

    const Step = struct {
        kind: Kind = .splits,
        splits: Compiled = .{},
        /// Its string is `bytes[start..end]`.
        start: u32 = 0,
        end: u32 = 0,
        pieces: definition.PrefixSpace = .none,
        length: u32 = 0,
    };

    pub const Error = error{ OutOfMemory, UnsupportedPattern };

    pub fn init(
        gpa: Allocator,
        source: []const definition.PieceStep,
        diagnostic: *Diagnostic,
    ) Error!Pipeline {
        var pipeline: Pipeline = .{};
        errdefer pipeline.deinit(gpa);
        var bytes: std.ArrayList(u8) = .empty;
        defer bytes.deinit(gpa);
        var splits: std.ArrayList(definition.Split) = .empty;
        defer splits.deinit(gpa);
        for (source, 1..) |from, next| {
            if (from == .split) {
                try splits.append(gpa, from.split);
                if (next < source.len and source[next] == .split) continue;
            }
            if (pipeline.step_count == step_max) {
                diagnostic.set(null, "pre_tokenizer: more than {d} steps", .{step_max});
                return error.UnsupportedPattern;
            }
            const step = &pipeline.steps[pipeline.step_count];
            step.start = @intCast(bytes.items.len);
            switch (from) {
                .split => {
                    step.splits = try .init(gpa, splits.items, diagnostic);
                    splits.clearRetainingCapacity();
                },
                .prefix => |prefix| {
                    step.kind = .prefix;
                    step.pieces = prefix.pieces;
                    try bytes.appendSlice(gpa, prefix.text);
                },
                .replace_spaces => |sign| {
                    step.kind = .replace_spaces;
                    try bytes.appendSlice(gpa, sign);
                },
                .byte_level => step.kind = .byte_level,
                .scripts => step.kind = .scripts,
                .fixed_length => |length| {
                    step.kind = .fixed_length;
                    step.length = length;
                },
            }
            step.end = @intCast(bytes.items.len);
            pipeline.step_count += 1;
        }
        pipeline.bytes = try bytes.toOwnedSlice(gpa);
        return pipeline;
    }

    pub fn deinit(pipeline: *Pipeline, gpa: Allocator) void {
        for (pipeline.steps[0..pipeline.step_count]) |*step| step.splits.deinit(gpa);
        gpa.free(pipeline.bytes);
        pipeline.* = undefined;
    }

    /// Whether every step has what it needs.
    pub fn validate(pipeline: *const Pipeline, id_limit: u32) bool {
        _ = id_limit;
        if (pipeline.step_count > step_max) return false;
        for (pipeline.steps[0..pipeline.step_count]) |*step| {
            if (step.start > step.end or step.end > pipeline.bytes.len) return false;
            if (step.kind == .fixed_length and step.length == 0) return false;
        }
        return true;
    }

    /// `text`, or a copy with U+FFFD for ill-formed bytes.
    pub fn wellFormed(gpa: Allocator, memory: *Memory, text: []const u8) error{OutOfMemory}![]const u8 {
        if (utf8.isWellFormed(text)) return text;
        var walk: Walk = .{
            .gpa = gpa,
            .memory = memory,
            .text = text,
            .text_index = 0,
            .begins_text = false,
            .levels = null,
        };
        try walk.repair();
        return walk.text;
    }

    /// Cuts `text`, which must not be empty. Ill-formed bytes are U+FFFD in its pieces. `levels`, where there
    /// are some, get one for each step that changes the text.
    pub fn run(
        pipeline: *const Pipeline,
        gpa: Allocator,
        memory: *Memory,
        text: []const u8,
        is_first: bool,
        levels: ?*alignment.Levels,
    ) error{OutOfMemory}!Result {
        var walk: Walk = .{
            .gpa = gpa,
            .memory = memory,
            .text = text,
            .text_index = 0,
            .begins_text = is_first,
            .levels = levels,
        };
        if (!utf8.isWellFormed(text)) try walk.repair();
        const pieces = &memory.pieces[0];
        pieces.clearRetainingCapacity();
        try pieces.append(gpa, .{ .start = 0, .end = walk.text.len });
        walk.pieces = pieces.items;
        for (pipeline.steps[0..pipeline.step_count]) |*step| {
            const string = pipeline.bytes[step.start..step.end];
            switch (step.kind) {
                .splits => try walk.split(&step.splits),
                .prefix => try walk.prefix(string, step.pieces),
                .replace_spaces => try walk.replaceSpaces(string),
                .byte_level => try walk.spellBytes(),
                .fixed_length => try walk.cut(step.length),
                .scripts => try walk.cutScripts(),
            }
        }
        return .{ .text = walk.text, .pieces = walk.pieces };
    }
};

/// How far the steps have come with one text.
const Walk = struct {
    gpa: Allocator,
    memory: *Memory,
    text: []const u8,
    pieces: []const Span = &.{},
    /// Which of the memory's is written next.
    text_index: u1,
    piece_index: u1 = 1,
    /// Whether the first piece is at the start of the whole text.
    begins_text: bool,
    levels: ?*alignment.Levels,
    /// Of the step that goes on, where the edits are written.
    level: ?*alignment.Level = null,

    fn nextText(walk: *Walk) error{OutOfMemory}!*std.ArrayList(u8) {
        const output = &walk.memory.texts[walk.text_index];
        walk.text_index +%= 1;
        output.clearRetainingCapacity();
        if (walk.levels) |levels| walk.level = try levels.add(walk.gpa);
        return output;
    }

    /// `output[at..end]` stands for `walk.text[first..last]`, and behind it the text goes on from `resumes`.
    fn note(walk: *Walk, edit: alignment.Edit) error{OutOfMemory}!void {
        const level = walk.level orelse return;
        try level.edits.append(walk.gpa, edit);
    }

    /// A piece that goes on at `at` of the output, whatever was dropped before it.
    fn noteStart(walk: *Walk, at: usize, start: usize) error{OutOfMemory}!void {
        try walk.note(.{ .at = at, .end = at, .first = start, .last = start, .resumes = start });
    }

    fn nextPieces(walk: *Walk) *std.ArrayList(Span) {
        const output = &walk.memory.pieces[walk.piece_index];
        walk.piece_index +%= 1;
        output.clearRetainingCapacity();
        return output;
    }

    fn repair(walk: *Walk) error{OutOfMemory}!void {
        const output = try walk.nextText();
        var at: usize = 0;
        while (at < walk.text.len) {
            const character = utf8.decode(walk.text, at);
            var buffer: [4]u8 = undefined;
            const len = std.unicode.utf8Encode(character.code_point, &buffer) catch unreachable;
            try walk.noteCharacter(output.items.len, len, at, character.len);
            try output.appendSlice(walk.gpa, buffer[0..len]);
            at += character.len;
        }
        walk.text = output.items;
    }

    /// A character of another length that stands for one of the text.
    fn noteCharacter(
        walk: *Walk,
        at: usize,
        len: usize,
        start: usize,
        old_len: usize,
    ) error{OutOfMemory}!void {
        if (len == old_len) return;
        const end = start + old_len;
        try walk.note(.{ .at = at, .end = at + len, .first = start, .last = end, .resumes = end });
    }

    fn split(walk: *Walk, splits: *const Compiled) error{OutOfMemory}!void {
        const output = walk.nextPieces();
        for (walk.pieces, 0..) |piece, i| {
            const text = walk.text[piece.start..piece.end];
            var cursor: Compiled.Cursor = undefined;
            cursor.position = 0;
            cursor.depth = 0;
            var spans: [64]Span = undefined;
            while (cursor.position < text.len) {
                for (spans[0..splits.next(text, &cursor, &spans)]) |span| {
                    if (output.items.len == 0 and (i > 0 or span.start > 0)) walk.begins_text = false;
                    try output.append(walk.gpa, .{
                        .start = piece.start + span.start,
                        .end = piece.start + span.end,
                    });
                }
            }
        }
        walk.pieces = output.items;
    }

    fn cut(walk: *Walk, length: usize) error{OutOfMemory}!void {
        const output = walk.nextPieces();
        for (walk.pieces) |piece| {
            var start = piece.start;
            while (start < piece.end) {
                var end = start;
                var count: usize = 0;
                while (end < piece.end and count < length) : (count += 1) {
                    end += utf8.decode(walk.text, end).len;
                }
                try output.append(walk.gpa, .{ .start = start, .end = end });
                start = end;
            }
        }
        walk.pieces = output.items;
    }

    fn cutScripts(walk: *Walk) error{OutOfMemory}!void {
        const output = walk.nextPieces();
        for (walk.pieces, 0..) |piece, i| {
            var start: ?usize = null;
            var script: u8 = scripts.any;
            var at = piece.start;
            while (at < piece.end) {
                const character = utf8.decode(walk.text, at);
                const current = scripts.of(character.code_point);
                if (current != scripts.any) {
                    if (current != script) {
                        if (start) |begin| try output.append(walk.gpa, .{ .start = begin, .end = at });
                        if (output.items.len == 0 and (i > 0 or at > piece.start)) {
                            walk.begins_text = false;
                        }
                        start = at;
                    }
                    script = current;
                }
                at += character.len;
            }
            if (start) |begin| try output.append(walk.gpa, .{ .start = begin, .end = piece.end });
        }
        walk.pieces = output.items;
    }

    fn prefix(
        walk: *Walk,
        string: []const u8,
        which: definition.PrefixSpace,
    ) error{OutOfMemory}!void {
        if (which == .none or (which == .first and !walk.begins_text)) return;
        const text = try walk.nextText();
        const output = walk.nextPieces();
        for (walk.pieces, 0..) |piece, i| {
            const start = text.items.len;
            const old = walk.text[piece.start..piece.end];
            const gets_prefix = (which == .every or i == 0) and !std.mem.startsWith(u8, old, string);
            if (gets_prefix) try text.appendSlice(walk.gpa, string);
            try walk.note(.{
                .at = start,
                .end = text.items.len,
                .first = piece.start,
                .last = piece.start + utf8.decode(old, 0).len,
                .resumes = piece.start,
            });
            try text.appendSlice(walk.gpa, old);
            try output.append(walk.gpa, .{ .start = start, .end = text.items.len });
        }
        walk.text = text.items;
        walk.pieces = output.items;
    }

    fn replaceSpaces(walk: *Walk, sign: []const u8) error{OutOfMemory}!void {
        const text = try walk.nextText();
        const output = walk.nextPieces();
        for (walk.pieces) |piece| {
            const start = text.items.len;
            try walk.noteStart(start, piece.start);
            for (walk.text[piece.start..piece.end], piece.start..) |byte, at| {
                if (byte == ' ') {
                    try walk.noteCharacter(text.items.len, sign.len, at, 1);
                    try text.appendSlice(walk.gpa, sign);
                } else {
                    try text.append(walk.gpa, byte);
                }
            }
            if (text.items.len == start) continue;
            try output.append(walk.gpa, .{ .start = start, .end = text.items.len });
        }
        walk.text = text.items;
        walk.pieces = output.items;
    }

    /// Each byte of a character stands for the whole.
    fn noteSpelled(walk: *Walk, piece: Span, start: usize) error{OutOfMemory}!void {
        var at = start;
        var next = piece.start;
        while (next < piece.end) {
            const character_len = utf8.decode(walk.text, next).len;
            const len = spelledLength(walk.text[next..][0..character_len]);
            try walk.noteCharacter(at, len, next, character_len);
            at += len;
            next += character_len;
        }
    }

    fn spellBytes(walk: *Walk) error{OutOfMemory}!void {
        const text = try walk.nextText();
        const output = walk.nextPieces();
        for (walk.pieces) |piece| {
            const start = text.items.len;
            try walk.noteStart(start, piece.start);
            if (walk.level != null) try walk.noteSpelled(piece, start);
            try byte_level.appendSpelled(walk.gpa, walk.text[piece.start..piece.end], text);
            try output.append(walk.gpa, .{ .start = start, .end = text.items.len });
        }
        walk.text = text.items;
        walk.pieces = output.items;
    }
};

/// How many bytes the characters take that spell the bytes of `character`.
fn spelledLength(character: []const u8) usize {
    var len: usize = 0;
    for (character) |byte| len += byte_level.lengthOf(byte);
    return len;
}

fn expectPieces(
    steps: []const definition.PieceStep,
    text: []const u8,
    expected: []const []const u8,
) !void {
    const gpa = std.testing.allocator;
    var diagnostic: Diagnostic = .{};
    var pipeline: Pipeline = try .init(gpa, steps, &diagnostic);
    defer pipeline.deinit(gpa);
    var memory: Memory = .{};
    defer memory.deinit(gpa);
    for (0..2) |_| {
        const result = try pipeline.run(gpa, &memory, text, true, null);
        try std.testing.expectEqual(expected.len, result.pieces.len);
        for (expected, result.pieces) |want, piece| {
            try std.testing.expectEqualStrings(want, result.text[piece.start..piece.end]);
        }
    }
}

test "steps in any order" {
    const digits: definition.PieceStep = .{ .split = .{ .pattern = "\\d", .behavior = .isolated } };
    const spaces: definition.PieceStep = .{ .split = .{ .pattern = "\\s+", .behavior = .removed } };
    const every: definition.PieceStep = .{ .prefix = .{ .text = "_", .pieces = .every } };
    const first: definition.PieceStep = .{ .prefix = .{ .text = "_", .pieces = .first } };
    try expectPieces(&.{}, "a b", &.{"a b"});
    try expectPieces(&.{ digits, every, .byte_level }, "a1\u{e9}", &.{ "_a", "_1", "_\u{c3}\u{a9}" });
    try expectPieces(&.{ spaces, first }, "a b", &.{ "_a", "b" });
    try expectPieces(&.{ spaces, first }, " a b", &.{ "a", "b" });
    try expectPieces(&.{ .{ .replace_spaces = "__" }, first }, "a b", &.{"_a__b"});
    try expectPieces(&.{.{ .replace_spaces = "" }}, "  ", &.{});
    try expectPieces(&.{ .{ .fixed_length = 2 }, spaces }, "\u{e9}bc d", &.{ "\u{e9}b", "c", "d" });
    try expectPieces(&.{.{ .fixed_length = 9 }}, "\xffb", &.{"\u{fffd}b"});
    try expectPieces(&.{.scripts}, " a b\u{4e2d} 1", &.{ "a b", "\u{4e2d} ", "1" });
    try expectPieces(&.{ .scripts, first }, " a", &.{"a"});
    try expectPieces(&.{.scripts}, "  ", &.{});
}

fn runOnce(gpa: Allocator) !void {
    var diagnostic: Diagnostic = .{};
    var pipeline: Pipeline = try .init(gpa, &.{
        .{ .split = .{ .pattern = "b", .behavior = .isolated } },
        .{ .prefix = .{ .text = "_", .pieces = .every } },
        .byte_level,
    }, &diagnostic);
    defer pipeline.deinit(gpa);
    var memory: Memory = .{};
    defer memory.deinit(gpa);
    var levels: alignment.Levels = .{};
    defer levels.deinit(gpa);
    _ = try pipeline.run(gpa, &memory, "a b\xff", true, &levels);
}

test "a failed allocation leaks nothing" {
    try std.testing.checkAllAllocationFailures(std.testing.allocator, runOnce, .{});
}
