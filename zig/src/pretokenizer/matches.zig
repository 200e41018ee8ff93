//! The matches of one regular expression in a text, one after the other.
//!
//! Plain data, read-only. Time is that of the searches through the text (`memo.zig` has the bound).

const std = @import("std");
const automaton = @import("automaton.zig");
const Automaton = automaton.Automaton;
const definition = @import("../definition.zig");
const determinize = @import("determinize.zig");
const Diagnostic = @import("../diagnostic.zig").Diagnostic;
const regex = @import("regex.zig");
const Span = @import("kernels/window.zig").Span;
const utf8 = @import("../utf8.zig");
const Allocator = std.mem.Allocator;

pub const Matches = struct {
    automaton: Automaton = .{},

    pub const none: Matches = .{};

    /// Refuses a pattern that can match nothing, too.
    pub fn init(
        gpa: Allocator,
        pattern: []const u8,
        diagnostic: *Diagnostic,
    ) error{ OutOfMemory, UnsupportedPattern }!Matches {
        var arena: std.heap.ArenaAllocator = .init(gpa);
        defer arena.deinit();
        const node = try regex.parse(arena.allocator(), pattern, .oniguruma, diagnostic);
        if (node.isNullable()) {
            diagnostic.set(null, "the pattern {f} is not supported: it can match nothing", .{
                std.json.fmt(pattern[0..@min(pattern.len, 200)], .{}),
            });
            return error.UnsupportedPattern;
        }
        return .{ .automaton = try determinize.build(gpa, pattern, .oniguruma, diagnostic) };
    }

    pub fn deinit(matches: *Matches, gpa: Allocator) void {
        matches.automaton.deinit(gpa);
        matches.* = undefined;
    }

    /// Whether every step stays in the tables.
    pub fn validate(matches: *const Matches, id_limit: u32) bool {
        return matches.automaton.validate(id_limit);
    }

    pub fn isUsable(matches: *const Matches) bool {
        return matches.automaton.transitions.len > 0;
    }

    /// A walk through one text.
    pub const Walk = struct {
        machine: *const Automaton,
        text: []const u8,
        position: usize = 0,
        memos: automaton.Memos = .{},

        pub fn next(walk: *Walk) ?Span {
            var at = walk.position;
            while (true) {
                at = walk.machine.skip(walk.text, at);
                if (at == walk.text.len) break;
                if (walk.machine.matchEnd(walk.text, at, &walk.memos)) |end| {
                    if (end > at) {
                        walk.position = end;
                        return .{ .start = at, .end = end };
                    }
                }
                at += utf8.decode(walk.text, at).len;
            }
            walk.position = walk.text.len;
            return null;
        }
    };

    pub fn in(matches: *const Matches, text: []const u8) Walk {
        return .{ .machine = &matches.automaton, .text = text };
    }
};

test "matches one after the other, and what can match nothing is refused" {
    const gpa = std.testing.allocator;
    var diagnostic: Diagnostic = .{};
    var matches: Matches = try .init(gpa, "\\s+|ab", &diagnostic);
    defer matches.deinit(gpa);
    const text = " \u{2003}xab\nab";
    var walk = matches.in(text);
    for ([_][]const u8{ " \u{2003}", "ab", "\n", "ab" }) |expected| {
        const span = walk.next().?;
        try std.testing.expectEqualStrings(expected, text[span.start..span.end]);
    }
    try std.testing.expectEqual(null, walk.next());
    try std.testing.expectError(error.UnsupportedPattern, Matches.init(gpa, "a*", &diagnostic));
}
