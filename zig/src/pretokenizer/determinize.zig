//! Makes the automaton of a pattern: the states that its program's threads can be in, from the initial ones
//! on, each with its transitions.
//!
//! Time and memory are bounded by limits on states, transitions and steps; a pattern that needs more is
//! refused.

const std = @import("std");
const automaton = @import("automaton.zig");
const definition = @import("../definition.zig");
const Diagnostic = @import("../diagnostic.zig").Diagnostic;
const memo = @import("memo.zig");
const program = @import("program.zig");
const regex = @import("regex.zig");
const Allocator = std.mem.Allocator;
const Alphabet = program.Alphabet;
const Automaton = automaton.Automaton;
const Before = program.Before;
const Program = program.Program;
const Transition = automaton.Transition;
const dead = automaton.dead;
const refuse = program.refuse;

pub const Error = program.Error;

const state_max = 8192;
/// Entries of the transition table: 4 MiB.
const transition_max = 1 << 20;
/// Instructions looked at while building, about a second's work.
const work_max = 200_000_000;

/// The automaton of `pattern`; the caller owns it.
pub fn build(
    gpa: Allocator,
    pattern: []const u8,
    engine: definition.RegexEngine,
    diagnostic: *Diagnostic,
) Error!Automaton {
    var arena_state: std.heap.ArenaAllocator = .init(gpa);
    defer arena_state.deinit();
    const arena = arena_state.allocator();
    const node = try regex.parse(arena, pattern, engine, diagnostic);
    var made: Program = .{ .arena = arena, .engine = engine, .diagnostic = diagnostic };
    try made.compile(node);
    const alphabet: Alphabet = try .of(arena, made.sets.items, diagnostic);
    var builder: Builder = .{
        .arena = arena,
        .diagnostic = diagnostic,
        .program = &made,
        .alphabet = &alphabet,
        .visited = try arena.alloc(u32, made.instructions.items.len),
        .is_entered = try arena.alloc(u32, made.instructions.items.len),
    };
    @memset(builder.visited, 0);
    @memset(builder.is_entered, 0);
    const initial = try builder.makeStates();
    const runs_on = try builder.numberNotes();
    return finish(gpa, &builder, initial, runs_on);
}

fn finish(
    gpa: Allocator,
    builder: *const Builder,
    initial: []const Transition,
    runs_on: bool,
) error{OutOfMemory}!Automaton {
    const first = try gpa.dupe(u16, builder.alphabet.first);
    errdefer gpa.free(first);
    const second = try gpa.dupe(u8, builder.alphabet.second);
    errdefer gpa.free(second);
    const transitions = try gpa.dupe(Transition, builder.transitions.items);
    errdefer gpa.free(transitions);
    const kept_initial = try gpa.dupe(Transition, initial);
    errdefer gpa.free(kept_initial);
    const classes = builder.alphabet.signatures.len;
    const begins = try gpa.alloc(u8, classes);
    for (begins, 0..) |*begin, class| {
        begin.* = for (initial[0 .. classes + 1]) |transition| {
            if (transition.is_special) break 1;
            const next = transitions[transition.state + class];
            if (next.is_match or next.state != dead) break 1;
        } else 0;
    }
    return .{
        .ascii = second[0..128].*,
        .first = first,
        .second = second,
        .transitions = transitions,
        .end_class = @intCast(classes),
        .initial = kept_initial,
        .looks_behind = builder.program.behind.items.len > 0,
        .runs_on = runs_on,
        .begins = begins,
    };
}

/// What a state stands for: what stood before it, what is known about look-aheads, its threads in order.
const State = struct {
    before: Before,
    /// The look-aheads that were asked for.
    asked: u4,
    /// Those of them that hold.
    holds: u4,
    threads: []const u16,
    /// The look-ahead that it asks for.
    asks: ?u2,

    fn keyOf(state: State, arena: Allocator) error{OutOfMemory}![]const u8 {
        const key = try arena.alloc(u8, 2 + state.threads.len * 2);
        key[0] = state.before;
        key[1] = @as(u8, state.asked) << 4 | state.holds;
        @memcpy(key[2..], std.mem.sliceAsBytes(state.threads));
        return key;
    }
};

const Builder = struct {
    arena: Allocator,
    diagnostic: *Diagnostic,
    program: *const Program,
    alphabet: *const Alphabet,
    /// By key: the state's place in the table.
    known: std.StringHashMapUnmanaged(u30) = .empty,
    /// In the order they were made.
    states: std.ArrayList(State) = .empty,
    transitions: std.ArrayList(Transition) = .empty,
    /// By instruction: the last step that visited it, and the last by which a thread came to it.
    visited: []u32,
    is_entered: []u32,
    step: u32 = 0,
    work: usize = 0,
    /// The step under way: threads to follow, threads behind the character.
    pending: std.ArrayList(u16) = .empty,
    threads: std.ArrayList(u16) = .empty,

    /// Makes all states; returns the initial ones.
    fn makeStates(self: *Builder) Error![]const Transition {
        const none = try self.stateOf(&.{}, 0, 0, 0);
        std.debug.assert(none.state == dead);
        const end_class = self.alphabet.signatures.len;
        var initial: std.ArrayList(Transition) = .empty;
        for (self.program.entries.items) |entry| {
            for (0..end_class + 1) |class| {
                const before = if (class == end_class) program.start_bit else self.beforeOf(class);
                try initial.append(self.arena, try self.stateOf(&.{entry}, before, 0, 0));
            }
        }
        var done: usize = 0;
        while (done < self.states.items.len) : (done += 1) {
            const state = self.states.items[done];
            const at = done * self.stride();
            if (state.asks) |look| {
                const bit = @as(u4, 1) << look;
                const asked = state.asked | bit;
                const no = try self.stateOf(state.threads, state.before, asked, state.holds);
                const yes = try self.stateOf(state.threads, state.before, asked, state.holds | bit);
                self.transitions.items[at] = no;
                self.transitions.items[at + 1] = yes;
                self.transitions.items[at + self.stride() - 1] = @bitCast(@as(u32, look));
                continue;
            }
            for (0..end_class + 1) |class| {
                const transition = try self.follow(state, class);
                self.transitions.items[at + class] = transition;
            }
        }
        return initial.items;
    }

    /// The classes, the end of the text, and a number.
    fn stride(self: *const Builder) usize {
        return self.alphabet.signatures.len + 2;
    }

    fn beforeOf(self: *const Builder, class: usize) Before {
        if (class == self.alphabet.signatures.len) return 0;
        var before: Before = 0;
        for (self.program.behind.items, 1..) |set, bit| {
            if (self.isIn(class, set)) before |= @as(Before, 1) << @intCast(bit);
        }
        return before;
    }

    /// A transition to the state of `threads`, which is made if there is none.
    fn stateOf(
        self: *Builder,
        threads: []const u16,
        before: Before,
        asked: u4,
        holds: u4,
    ) Error!Transition {
        const needs = try self.needsOf(threads, asked);
        const state: State = .{
            .before = if (needs.before) before else 0,
            .asked = if (needs.looks) asked else 0,
            .holds = if (needs.looks) holds else 0,
            .threads = threads,
            .asks = needs.asks,
        };
        const key = try state.keyOf(self.arena);
        const entry = try self.known.getOrPut(self.arena, key);
        if (!entry.found_existing) {
            const offset = self.transitions.items.len;
            if (self.states.items.len == state_max or offset + self.stride() > transition_max) {
                return refuse(self.diagnostic, "its automaton has more than {d} states", .{
                    self.states.items.len,
                });
            }
            var kept = state;
            kept.threads = try self.arena.dupe(u16, threads);
            try self.states.append(self.arena, kept);
            const nothing: Transition = .{ .state = dead, .is_special = true };
            try self.transitions.appendNTimes(self.arena, nothing, self.stride());
            self.transitions.items[offset + self.stride() - 1] = @bitCast(@as(u32, 0));
            entry.value_ptr.* = @intCast(offset);
        } else {
            self.arena.free(key);
        }
        const place = entry.value_ptr.*;
        return .{ .state = place, .is_special = place == dead or needs.asks != null };
    }

    const Needs = struct { before: bool = false, looks: bool = false, asks: ?u2 = null };

    /// What the threads' next step depends on, whatever comes.
    fn needsOf(self: *Builder, threads: []const u16, asked: u4) Error!Needs {
        var needs: Needs = .{};
        if (self.program.looks.items.len == 0 and !self.looksBehind()) return needs;
        self.step += 1;
        self.pending.clearRetainingCapacity();
        try self.pending.appendSlice(self.arena, threads);
        while (self.pending.pop()) |at| {
            if (self.visited[at] == self.step) continue;
            self.visited[at] = self.step;
            try self.count();
            switch (self.program.instructions.items[at]) {
                .match, .set => {},
                .split => |split| try self.pending.appendSlice(
                    self.arena,
                    &.{ split.first, split.second },
                ),
                .look_ahead => |look| try self.pending.append(self.arena, look.next),
                .end => |next| try self.pending.append(self.arena, next),
                .look_behind => |look| {
                    needs.before = true;
                    try self.pending.append(self.arena, look.next);
                },
                .word_boundary => |boundary| {
                    needs.before = true;
                    try self.pending.append(self.arena, boundary.next);
                },
                .look_far => |look| {
                    needs.looks = true;
                    if (asked >> look.look & 1 == 0) needs.asks = look.look;
                    try self.pending.append(self.arena, look.next);
                },
            }
        }
        return needs;
    }

    fn looksBehind(self: *const Builder) bool {
        if (self.program.behind.items.len > 0) return true;
        return for (self.program.instructions.items) |instruction| {
            if (instruction == .look_behind) break true;
        } else false;
    }

    fn count(self: *Builder) Error!void {
        self.work += 1;
        if (self.work > work_max) {
            return refuse(self.diagnostic, "its automaton takes too long to make", .{});
        }
    }

    /// What a state becomes on a class.
    fn follow(self: *Builder, state: State, class: usize) Error!Transition {
        self.step += 1;
        self.threads.clearRetainingCapacity();
        const is_match = for (state.threads) |thread| {
            if (try self.followThread(thread, state, class)) break true;
        } else false;
        var transition = try self.stateOf(self.threads.items, self.beforeOf(class), 0, 0);
        transition.is_match = is_match;
        return transition;
    }

    /// Follows one thread, depth first, to all that read the character; true if it met the match, which
    /// cuts off whatever is less preferred.
    fn followThread(self: *Builder, start: u16, state: State, class: usize) Error!bool {
        self.pending.clearRetainingCapacity();
        try self.pending.append(self.arena, start);
        while (self.pending.pop()) |at| {
            if (self.visited[at] == self.step) continue;
            self.visited[at] = self.step;
            try self.count();
            const instruction = self.program.instructions.items[at];
            switch (instruction) {
                .match => return true,
                .set => |set| if (self.isIn(class, set.set) and self.is_entered[set.next] != self.step) {
                    self.is_entered[set.next] = self.step;
                    try self.threads.append(self.arena, set.next);
                },
                .split => |split| {
                    try self.pending.append(self.arena, split.second);
                    try self.pending.append(self.arena, split.first);
                },
                else => if (self.passes(instruction, state, class)) |next| {
                    try self.pending.append(self.arena, next);
                },
            }
        }
        return false;
    }

    /// Where a thread goes on from an instruction that only looks, if it does.
    fn passes(
        self: *const Builder,
        instruction: program.Instruction,
        state: State,
        class: usize,
    ) ?u16 {
        const is_end = class == self.alphabet.signatures.len;
        const holds, const next = switch (instruction) {
            .look_ahead => |look| .{ self.isIn(class, look.set) != look.is_negative, look.next },
            .look_behind => |look| .{
                (state.before >> look.bit & 1 != 0) != look.is_negative,
                look.next,
            },
            .look_far => |look| .{
                (state.holds >> look.look & 1 != 0) != look.is_negative,
                look.next,
            },
            .end => |next| .{ is_end, next },
            .word_boundary => |boundary| .{
                (state.before >> boundary.bit & 1 != 0) !=
                    (self.isIn(class, boundary.set) != boundary.is_negative),
                boundary.next,
            },
            .match, .set, .split => unreachable,
        };
        return if (holds) next else null;
    }

    /// Whether the characters of `class` are in a set; the end of the text is in none.
    fn isIn(self: *const Builder, class: usize, set: u8) bool {
        if (class == self.alphabet.signatures.len) return false;
        return self.alphabet.signatures[class] >> @intCast(set) & 1 != 0;
    }

    /// Numbers the states that a search can come to without a match on the way, after any number of steps:
    /// those on cycles of steps that are no match, and behind them. Returns whether there are any.
    fn numberNotes(self: *Builder) Error!bool {
        const sources = try self.arena.alloc(u32, self.states.items.len);
        @memset(sources, 0);
        for (0..self.states.items.len) |source| {
            for (self.steps(source)) |transition| {
                if (self.targetOf(transition)) |target| sources[target] += 1;
            }
        }
        // What no step leads to is on no cycle: taken away, until all that is left is.
        var gone: std.ArrayList(usize) = .empty;
        for (sources, 0..) |source_count, state| {
            if (source_count == 0) try gone.append(self.arena, state);
        }
        while (gone.pop()) |source| {
            for (self.steps(source)) |transition| {
                const target = self.targetOf(transition) orelse continue;
                sources[target] -= 1;
                if (sources[target] == 0) try gone.append(self.arena, target);
            }
        }
        var number: u32 = 0;
        for (sources, 0..) |source_count, state| {
            if (source_count == 0 or self.states.items[state].asks != null) continue;
            number += 1;
            if (number > memo.state_max) {
                return refuse(self.diagnostic, "a search could run on in more than {d} ways", .{
                    memo.state_max,
                });
            }
            self.transitions.items[(state + 1) * self.stride() - 1] = @bitCast(number);
        }
        return number > 0;
    }

    /// A state's transitions on characters, or those of its answers.
    fn steps(self: *const Builder, state: usize) []const Transition {
        const row = self.transitions.items[state * self.stride() ..];
        const asks = self.states.items[state].asks != null;
        return row[0..if (asks) 2 else self.alphabet.signatures.len];
    }

    fn targetOf(self: *const Builder, transition: Transition) ?usize {
        if (transition.is_match or transition.state == dead) return null;
        return transition.state / self.stride();
    }
};

fn expectMatch(
    engine: definition.RegexEngine,
    pattern: []const u8,
    text: []const u8,
    at: usize,
    expected: ?usize,
) !void {
    const gpa = std.testing.allocator;
    var diagnostic: Diagnostic = .{};
    var made = try build(gpa, pattern, engine, &diagnostic);
    defer made.deinit(gpa);
    var memos: automaton.Memos = .{};
    errdefer std.debug.print("{s} on {s}\n", .{ pattern, text });
    try std.testing.expectEqual(expected, made.matchEnd(text, at, &memos));
}

test "order of preference, greed and look-ahead" {
    const cases = [_]struct { []const u8, []const u8, usize, ?usize }{
        .{ "a|ab", "ab", 0, 1 },
        .{ "ab|a", "ab", 0, 2 },
        .{ "(?:a|ab)(?:c|bcd)", "abcd", 0, 4 },
        .{ "(?:a|ab)(?:c|bcd|$)", "abc", 0, 3 },
        .{ "a+?", "aaa", 0, 1 },
        .{ "a+?b", "aaab", 0, 4 },
        .{ "a{2,3}", "aaaa", 0, 3 },
        .{ "a{2,3}?", "aaaa", 0, 2 },
        .{ "a{2}", "a", 0, null },
        .{ "a{2,}", "aaaaa", 1, 5 },
        .{ "a++a", "aaa", 0, null },
        .{ "a?+a", "a", 0, null },
        .{ "a?+a", "aa", 0, 2 },
        .{ "a{1,3}+a", "aaa", 0, null },
        .{ "a{1,3}+a", "aaaa", 0, 4 },
        .{ "(?>a+)b", "aab", 0, 3 },
        .{ "a*+[ab]", "aab", 0, 3 },
        .{ "\\s+(?!\\S)", "   x", 0, 2 },
        .{ "\\s+(?!\\S)", "   ", 0, 3 },
        .{ "\\s+(?=\\S)", "   ", 0, null },
        .{ "\\s+(?=\\S)", "   x", 0, 3 },
        .{ "\\s++$", "  ", 0, 2 },
        .{ "\\s++$", "  x", 0, null },
        .{ "a$", "a\n", 0, null },
        .{ "^a", "aa", 0, 1 },
        .{ "^a", "aa", 1, null },
        .{ "\\Aa\\z", "a", 0, 1 },
        .{ "a\\b", "ab", 0, null },
        .{ "a\\b", "a b", 0, 1 },
        .{ "\\bb", "ab", 1, null },
        .{ "\\bb", "\u{e9}b", 2, null },
        .{ "\\bb", "\u{2014}b", 3, 4 },
        .{ "\\bb", "\xe2\x80b", 2, 3 },
        .{ "\\Bb", "ab", 1, 2 },
        .{ "(?i)'s|T", "'S", 0, 2 },
        .{ "(?i:t)|x", "X", 0, null },
        .{ "[^a]", "\xff", 0, 1 },
        .{ "\u{FFFD}b", "\xf0\x9f\x98b", 0, 4 },
        .{ "\u{4e2d}+x", "\u{4e2d}\u{4e2d}x", 0, 7 },
        .{ "a*", "b", 0, 0 },
        .{ "a*?", "a", 0, 0 },
        .{ "", "", 0, 0 },
        .{ "(?<=a)b", "ab", 1, 2 },
        .{ "(?<=a)b", "cb", 1, null },
        .{ "(?<=a)b", "b", 0, null },
        .{ "(?<!a|c)b", "cb", 1, null },
        .{ "(?<!a|c)b", "b", 0, 1 },
        .{ "a(?<=a)b", "ab", 0, 2 },
    };
    for (cases) |case| try expectMatch(.fancy_regex, case[0], case[1], case[2], case[3]);
}

test "look-ahead of any length" {
    const thousands = "\\d{1,3}(?=(?:\\d{3})*\\b)";
    const cases = [_]struct { []const u8, []const u8, usize, ?usize }{
        .{ thousands, "1234567 ", 0, 1 },
        .{ thousands, "1234567 ", 1, 4 },
        .{ thousands, "123456", 0, 3 },
        .{ thousands, "1234a", 0, null },
        .{ "(?=(\\d{3})+(?!\\d))", "123456x", 0, 0 },
        .{ "(?=(\\d{3})+(?!\\d))", "123456x", 1, null },
        .{ "a+(?!bc)", "aabc", 0, 1 },
        .{ "a+(?!bc)", "aabb", 0, 2 },
        .{ "a+(?=b|$)", "aaa", 0, 3 },
        .{ "a+(?=bb|$)", "aaab", 0, null },
        .{ "(?=a+b)(?!aaab)a", "aab", 0, 1 },
        .{ "(?=a+b)(?!aaab)a", "aaab", 0, null },
        .{ "(?:a(?=[ab]*c))+", "aabac", 0, 2 },
        .{ "x(?=^)|x(?=$|y)", "xy", 0, 1 },
    };
    for (cases) |case| try expectMatch(.fancy_regex, case[0], case[1], case[2], case[3]);
}

test "where the engines differ" {
    const cases = [_]struct { []const u8, []const u8, usize, ?usize, ?usize }{
        .{ "a{1,3}+", "aaaaa", 0, 3, 5 },
        .{ "a{2}+", "aaaaa", 0, 2, 4 },
        .{ "b$", "b\nb", 0, null, 1 },
        .{ "^b", "b\nb", 2, null, 3 },
        .{ "a{1,2}?", "aa", 0, 1, 1 },
    };
    for (cases) |case| {
        try expectMatch(.fancy_regex, case[0], case[1], case[2], case[3]);
        try expectMatch(.oniguruma, case[0], case[1], case[2], case[4]);
    }
}

test "what no automaton is made for" {
    const gpa = std.testing.allocator;
    const nested = "(?=a(?=bc))";
    const many_ways = "(?:a{67})*b|(?:a{71})*c|a";
    for ([_][]const u8{ "(?:ab)++a", "(?:a|b)*a(?:a|b){20}", nested, many_ways }) |pattern| {
        var diagnostic: Diagnostic = .{};
        const made = build(gpa, pattern, .fancy_regex, &diagnostic);
        try std.testing.expectError(error.UnsupportedPattern, made);
        try std.testing.expect(diagnostic.message().len > 0);
    }
}
