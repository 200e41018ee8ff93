//! A pattern as a deterministic automaton over classes of characters, read-only once built, so that any
//! number of threads may match with it.
//!
//! The tree becomes a program whose threads have an order of preference (leftmost-first, as backtracking
//! would find), and each state of the automaton is such an ordered list of threads, with all behind a
//! match cut off. A state's threads are followed only when the next character is known, or the end of the
//! text: look-ahead of one character and `$` are decided then, and a match is seen one step late. A
//! possessive repetition of a set is the greedy one that may not stop before a member of the set.
//!
//! `matchEnd` reads each character once and stops where no thread is left. A search that begins anew behind
//! every failed or shortened match can read a stretch once for each of its starts: linear for patterns by
//! which nearly every character begins a match that takes most of what was read, as pre-tokenizers' do, and
//! quadratic for such as `a*b` on a text of a's.

const std = @import("std");
const Diagnostic = @import("../diagnostic.zig").Diagnostic;
const regex = @import("regex.zig");
const utf8 = @import("../utf8.zig");
const Allocator = std.mem.Allocator;
const Node = regex.Node;
const Set = regex.Set;

pub const Error = regex.Error;

const instruction_max = 8192;
const state_max = 8192;
/// Entries of the transition table: 4 MiB.
const transition_max = 1 << 20;
/// Distinct sets in one pattern: a bit for each in a `Signature`.
const set_max = 128;
const Signature = u128;

const block_bits = 7;
const block_len = 1 << block_bits;
const code_point_count = 0x110000;

pub const Automaton = struct {
    /// The class of an ASCII character.
    ascii: [128]u8 = @splat(0),
    /// The class of any other, in two stages.
    first: []const u16 = &.{},
    second: []const u8 = &.{},
    /// Of state `s` on class `c` at `s + c`: states are offsets into the table. The last class is the end.
    transitions: []const Transition = &.{},
    end_class: u8 = 0,
    /// The state to begin in, by what stands before.
    initial: [3]u32 = @splat(0),
    /// Whether what stands before matters other than at the text's start.
    looks_behind: bool = false,
    word_classes: []const bool = &.{},

    pub fn init(gpa: Allocator, pattern: []const u8, diagnostic: *Diagnostic) Error!Automaton {
        var arena_state: std.heap.ArenaAllocator = .init(gpa);
        defer arena_state.deinit();
        const arena = arena_state.allocator();
        const node = try regex.parse(arena, pattern, diagnostic);
        if (node.isNullable()) {
            return refuse(diagnostic, "it matches the empty text", .{});
        }
        var program: Program = .{ .arena = arena, .diagnostic = diagnostic };
        try program.compile(node);
        const alphabet: Alphabet = try .of(arena, program.sets.items, diagnostic);
        var builder: Builder = .{
            .arena = arena,
            .diagnostic = diagnostic,
            .program = &program,
            .alphabet = &alphabet,
        };
        const initial = try builder.build();
        return finish(gpa, &builder, initial);
    }

    fn finish(gpa: Allocator, builder: *const Builder, initial: [3]u32) Error!Automaton {
        const alphabet = builder.alphabet;
        const first = try gpa.dupe(u16, alphabet.first);
        errdefer gpa.free(first);
        const second = try gpa.dupe(u8, alphabet.second);
        errdefer gpa.free(second);
        const transitions = try gpa.dupe(Transition, builder.transitions.items);
        errdefer gpa.free(transitions);
        const word_classes = try gpa.alloc(bool, alphabet.signatures.len);
        for (word_classes, 0..) |*is_word, class| is_word.* = builder.isWord(class);
        return .{
            .ascii = second[0..128].*,
            .first = first,
            .second = second,
            .transitions = transitions,
            .end_class = @intCast(alphabet.signatures.len),
            .initial = initial,
            .looks_behind = builder.program.word_set != null,
            .word_classes = word_classes,
        };
    }

    pub fn deinit(self: *Automaton, gpa: Allocator) void {
        gpa.free(self.first);
        gpa.free(self.second);
        gpa.free(self.transitions);
        gpa.free(self.word_classes);
        self.* = undefined;
    }

    /// Where the match that begins at `text[at]` ends; null if none does. Never empty.
    pub fn matchEnd(self: *const Automaton, text: []const u8, at: usize) ?usize {
        var state: usize = self.initial[@intFromEnum(self.before(text, at))];
        var end: ?usize = null;
        var position = at;
        while (position < text.len) {
            const byte = text[position];
            var class: usize = undefined;
            var len: usize = 1;
            if (byte < 0x80) {
                class = self.ascii[byte];
            } else {
                const character = utf8.decode(text, position);
                class = self.classOf(character.code_point);
                len = character.len;
            }
            const transition = self.transitions[state + class];
            if (transition.is_match) end = position;
            if (transition.state == dead) return end;
            state = transition.state;
            position += len;
        }
        return if (self.transitions[state + self.end_class].is_match) position else end;
    }

    inline fn classOf(self: *const Automaton, code_point: u21) u8 {
        const block: usize = self.first[code_point >> block_bits];
        return self.second[block << block_bits | (code_point & (block_len - 1))];
    }

    inline fn before(self: *const Automaton, text: []const u8, at: usize) Before {
        if (at == 0) return .start;
        return if (self.looks_behind) self.characterBefore(text, at) else .other;
    }

    fn characterBefore(self: *const Automaton, text: []const u8, at: usize) Before {
        var start = at - 1;
        while (start > 0 and at - start < 4 and text[start] & 0xC0 == 0x80) start -= 1;
        const character = utf8.decode(text, start);
        // An ill-formed sequence is U+FFFD, which is no word character.
        if (start + character.len != at) return .other;
        return if (self.word_classes[self.classOf(character.code_point)]) .word else .other;
    }
};

/// What stands before a position.
const Before = enum(u2) { start, word, other };

const Transition = packed struct(u32) {
    state: u31,
    /// Whether a match ends before the character that is read.
    is_match: bool,
};

/// The state without threads.
const dead = 0;

fn refuse(diagnostic: *Diagnostic, comptime format: []const u8, args: anytype) Error {
    diagnostic.set(null, format, args);
    return error.UnsupportedPattern;
}

const Instruction = union(enum) {
    match,
    set: struct { set: u8, next: u16 },
    /// Two threads, the first preferred.
    split: struct { first: u16, second: u16 },
    look_ahead: struct { set: u8, is_negative: bool, next: u16 },
    start: u16,
    end: u16,
    word_boundary: struct { is_negative: bool, next: u16 },
};

const match_instruction = 0;

/// The instructions of a pattern, made from its end to its beginning: `next` is where each goes on.
const Program = struct {
    arena: Allocator,
    diagnostic: *Diagnostic,
    instructions: std.ArrayList(Instruction) = .empty,
    sets: std.ArrayList(Set) = .empty,
    entry: u16 = 0,
    /// `\w`, if the pattern has a word boundary.
    word_set: ?u8 = null,
    has_start: bool = false,

    fn compile(self: *Program, node: *const Node) Error!void {
        const match = try self.add(.match);
        std.debug.assert(match == match_instruction);
        self.entry = try self.emit(node, match);
    }

    fn add(self: *Program, instruction: Instruction) Error!u16 {
        if (self.instructions.items.len == instruction_max) {
            return refuse(self.diagnostic, "it is too long", .{});
        }
        try self.instructions.append(self.arena, instruction);
        return @intCast(self.instructions.items.len - 1);
    }

    fn setIndex(self: *Program, set: Set) Error!u8 {
        for (self.sets.items, 0..) |known, i| {
            if (known.eql(set)) return @intCast(i);
        }
        if (self.sets.items.len == set_max) {
            return refuse(self.diagnostic, "it has more than {d} sets", .{set_max});
        }
        try self.sets.append(self.arena, set);
        return @intCast(self.sets.items.len - 1);
    }

    /// Adds `node` before `next`; returns where it begins.
    fn emit(self: *Program, node: *const Node, next: u16) Error!u16 {
        switch (node.*) {
            .empty => return next,
            .set => |set| return self.add(.{ .set = .{ .set = try self.setIndex(set), .next = next } }),
            .concatenation => |nodes| {
                var entry = next;
                var i = nodes.len;
                while (i > 0) {
                    i -= 1;
                    entry = try self.emit(nodes[i], entry);
                }
                return entry;
            },
            .alternation => |nodes| {
                var entry = try self.emit(nodes[nodes.len - 1], next);
                var i = nodes.len - 1;
                while (i > 0) {
                    i -= 1;
                    const first = try self.emit(nodes[i], next);
                    entry = try self.add(.{ .split = .{ .first = first, .second = entry } });
                }
                return entry;
            },
            .repetition => |repetition| return self.emitRepetition(repetition, next),
            .look_ahead => |look| return self.add(.{ .look_ahead = .{
                .set = try self.setIndex(look.set),
                .is_negative = look.is_negative,
                .next = next,
            } }),
            .start => {
                self.has_start = true;
                return self.add(.{ .start = next });
            },
            .end => return self.add(.{ .end = next }),
            .word_boundary => |boundary| {
                self.word_set = try self.setIndex(try regex.wordSet(self.arena));
                return self.add(.{ .word_boundary = .{
                    .is_negative = boundary.is_negative,
                    .next = next,
                } });
            },
        }
    }

    fn emitRepetition(self: *Program, repetition: Node.Repetition, next: u16) Error!u16 {
        const exit = try self.exitOf(repetition, next);
        const is_lazy = repetition.greed == .lazy;
        var entry = next;
        if (repetition.max) |max| {
            for (repetition.min..max) |_| {
                const body = try self.emit(repetition.node, entry);
                entry = try self.addChoice(body, exit, is_lazy);
            }
        } else {
            entry = try self.addChoice(undefined, exit, is_lazy);
            const body = try self.emit(repetition.node, entry);
            const choice = &self.instructions.items[entry].split;
            if (is_lazy) choice.second = body else choice.first = body;
        }
        for (0..repetition.min) |_| entry = try self.emit(repetition.node, entry);
        return entry;
    }

    fn addChoice(self: *Program, body: u16, exit: u16, is_lazy: bool) Error!u16 {
        return self.add(.{ .split = .{
            .first = if (is_lazy) exit else body,
            .second = if (is_lazy) body else exit,
        } });
    }

    /// Where a repetition goes on when it stops. A possessive one never gives back what it took: of a set,
    /// it takes every member there is; where nothing follows, nothing could ask for it back.
    fn exitOf(self: *Program, repetition: Node.Repetition, next: u16) Error!u16 {
        if (repetition.greed != .possessive) return next;
        if (repetition.node.* == .set) {
            return self.add(.{ .look_ahead = .{
                .set = try self.setIndex(repetition.node.set),
                .is_negative = true,
                .next = next,
            } });
        }
        if (next == match_instruction) return next;
        return refuse(self.diagnostic, "a possessive repetition of more than one character " ++
            "with something behind it", .{});
    }
};

/// The characters, divided into classes that no set of the pattern tells apart.
const Alphabet = struct {
    first: []const u16,
    second: []const u8,
    /// The sets that each class is in.
    signatures: []const Signature,

    /// Where a set begins or ends.
    const Edge = struct { code_point: u32, set: u8 };

    fn of(arena: Allocator, sets: []const Set, diagnostic: *Diagnostic) Error!Alphabet {
        var edges: std.ArrayList(Edge) = .empty;
        for (sets, 0..) |set, i| {
            for (set.ranges) |range| {
                try edges.append(arena, .{ .code_point = range.low, .set = @intCast(i) });
                try edges.append(arena, .{ .code_point = @as(u32, range.high) + 1, .set = @intCast(i) });
            }
        }
        std.mem.sort(Edge, edges.items, {}, isBefore);
        const classes = try arena.alloc(u8, code_point_count);
        var signatures: std.ArrayList(Signature) = .empty;
        var signature: Signature = 0;
        var code_point: u32 = 0;
        var i: usize = 0;
        while (code_point < code_point_count) {
            while (i < edges.items.len and edges.items[i].code_point == code_point) : (i += 1) {
                signature ^= @as(Signature, 1) << @intCast(edges.items[i].set);
            }
            const next = if (i < edges.items.len) edges.items[i].code_point else code_point_count;
            const class = std.mem.indexOfScalar(Signature, signatures.items, signature) orelse new: {
                if (signatures.items.len == std.math.maxInt(u8)) {
                    return refuse(diagnostic, "its sets overlap in too many ways", .{});
                }
                try signatures.append(arena, signature);
                break :new signatures.items.len - 1;
            };
            @memset(classes[code_point..next], @intCast(class));
            code_point = next;
        }
        return compress(arena, classes, signatures.items);
    }

    fn isBefore(_: void, a: Edge, b: Edge) bool {
        return a.code_point < b.code_point;
    }

    fn compress(arena: Allocator, classes: []const u8, signatures: []const Signature) Error!Alphabet {
        var blocks: std.StringHashMapUnmanaged(u16) = .empty;
        var second: std.ArrayList(u8) = .empty;
        const first = try arena.alloc(u16, code_point_count >> block_bits);
        for (first, 0..) |*block, i| {
            const content = classes[i << block_bits ..][0..block_len];
            const entry = try blocks.getOrPut(arena, content);
            if (!entry.found_existing) {
                entry.value_ptr.* = @intCast(second.items.len >> block_bits);
                try second.appendSlice(arena, content);
            }
            block.* = entry.value_ptr.*;
        }
        return .{ .first = first, .second = second.items, .signatures = signatures };
    }
};

/// Makes the automaton's states, from the initial ones on, each with its transitions.
const Builder = struct {
    arena: Allocator,
    diagnostic: *Diagnostic,
    program: *const Program,
    alphabet: *const Alphabet,
    /// What state a list of threads and what stood before is.
    known: std.StringHashMapUnmanaged(u31) = .empty,
    /// The same by number: the key of each state, in the order they were made.
    keys: std.ArrayList([]const u8) = .empty,
    transitions: std.ArrayList(Transition) = .empty,
    /// By instruction: the last step that visited it.
    visited: []u32 = &.{},
    step: u32 = 0,
    /// The step under way: threads to follow, threads behind the character, whether a match was met.
    pending: std.ArrayList(u16) = .empty,
    threads: std.ArrayList(u16) = .empty,
    is_entered: []u32 = &.{},

    fn build(self: *Builder) Error![3]u32 {
        const count = self.program.instructions.items.len;
        self.visited = try self.arena.alloc(u32, count);
        self.is_entered = try self.arena.alloc(u32, count);
        @memset(self.visited, 0);
        @memset(self.is_entered, 0);
        const none = try self.stateOf(&.{}, .other);
        std.debug.assert(none == dead);
        var initial: [3]u32 = undefined;
        for (&initial, std.enums.values(Before)) |*state, before| {
            state.* = try self.stateOf(&.{self.program.entry}, before);
        }
        var done: usize = 0;
        while (done < self.keys.items.len) : (done += 1) {
            const key = self.keys.items[done];
            for (0..self.classCount()) |class| {
                const transition = try self.follow(key, class);
                self.transitions.items[done * self.classCount() + class] = transition;
            }
        }
        return initial;
    }

    /// The classes of characters and the end of the text.
    fn classCount(self: *const Builder) usize {
        return self.alphabet.signatures.len + 1;
    }

    fn stateOf(self: *Builder, threads: []const u16, before: Before) Error!u31 {
        const kept: Before = if (threads.len == 0) .other else switch (before) {
            .start => if (self.program.has_start or self.program.word_set != null) .start else .other,
            .word => if (self.program.word_set != null) .word else .other,
            .other => .other,
        };
        const key = try self.arena.alloc(u8, 1 + threads.len * 2);
        key[0] = @intFromEnum(kept);
        @memcpy(key[1..], std.mem.sliceAsBytes(threads));
        const entry = try self.known.getOrPut(self.arena, key);
        if (entry.found_existing) {
            self.arena.free(key);
            return entry.value_ptr.*;
        }
        const offset = self.transitions.items.len;
        if (self.keys.items.len == state_max or offset + self.classCount() > transition_max) {
            return refuse(self.diagnostic, "its automaton has more than {d} states", .{
                self.keys.items.len,
            });
        }
        try self.keys.append(self.arena, key);
        try self.transitions.appendNTimes(
            self.arena,
            .{ .state = dead, .is_match = false },
            self.classCount(),
        );
        entry.value_ptr.* = @intCast(offset);
        return @intCast(offset);
    }

    /// What the state of `key` becomes on `class`.
    fn follow(self: *Builder, key: []const u8, class: usize) Error!Transition {
        self.step += 1;
        self.threads.clearRetainingCapacity();
        const before: Before = @enumFromInt(key[0]);
        const is_match = for (0..(key.len - 1) / 2) |i| {
            const thread = std.mem.bytesToValue(u16, key[1 + 2 * i ..][0..2]);
            if (try self.followThread(thread, before, class)) break true;
        } else false;
        const after: Before = if (self.isWord(class)) .word else .other;
        return .{ .state = try self.stateOf(self.threads.items, after), .is_match = is_match };
    }

    /// Follows one thread, depth first, to all that read the character; true if it met the match, which
    /// cuts off whatever is less preferred.
    fn followThread(self: *Builder, start: u16, before: Before, class: usize) Error!bool {
        self.pending.clearRetainingCapacity();
        try self.pending.append(self.arena, start);
        while (self.pending.pop()) |at| {
            if (self.visited[at] == self.step) continue;
            self.visited[at] = self.step;
            switch (self.program.instructions.items[at]) {
                .match => return true,
                .set => |set| if (self.isIn(class, set.set) and self.is_entered[set.next] != self.step) {
                    self.is_entered[set.next] = self.step;
                    try self.threads.append(self.arena, set.next);
                },
                .split => |split| {
                    try self.pending.append(self.arena, split.second);
                    try self.pending.append(self.arena, split.first);
                },
                .look_ahead => |look| if (self.isIn(class, look.set) != look.is_negative) {
                    try self.pending.append(self.arena, look.next);
                },
                .start => |next| if (before == .start) try self.pending.append(self.arena, next),
                .end => |next| if (class == self.alphabet.signatures.len) {
                    try self.pending.append(self.arena, next);
                },
                .word_boundary => |boundary| {
                    const is_boundary = (before == .word) != self.isWord(class);
                    if (is_boundary != boundary.is_negative) {
                        try self.pending.append(self.arena, boundary.next);
                    }
                },
            }
        }
        return false;
    }

    /// Whether the characters of `class` are in a set; the end of the text is in none.
    fn isIn(self: *const Builder, class: usize, set: u8) bool {
        if (class == self.alphabet.signatures.len) return false;
        return self.alphabet.signatures[class] >> @intCast(set) & 1 != 0;
    }

    fn isWord(self: *const Builder, class: usize) bool {
        return if (self.program.word_set) |set| self.isIn(class, set) else false;
    }
};

fn expectMatch(pattern: []const u8, text: []const u8, at: usize, expected: ?usize) !void {
    const gpa = std.testing.allocator;
    var diagnostic: Diagnostic = .{};
    var automaton: Automaton = try .init(gpa, pattern, &diagnostic);
    defer automaton.deinit(gpa);
    try std.testing.expectEqual(expected, automaton.matchEnd(text, at));
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
    };
    for (cases) |case| try expectMatch(case[0], case[1], case[2], case[3]);
}

test "what no automaton is made for" {
    const gpa = std.testing.allocator;
    for ([_][]const u8{ "a*", "", "(?:ab)++a", "(?:a|b)*a(?:a|b){20}", "(?=a)" }) |pattern| {
        var diagnostic: Diagnostic = .{};
        const made = Automaton.init(gpa, pattern, &diagnostic);
        try std.testing.expectError(error.UnsupportedPattern, made);
        try std.testing.expect(diagnostic.message().len > 0);
    }
}
