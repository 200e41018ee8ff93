//! A pattern as a deterministic automaton over classes of characters; made by `determinize.zig`. Plain data,
//! read-only: any number of threads may match with it.
//!
//! A state stands for an ordered list of threads (leftmost-first, as backtracking would find), with all
//! behind a match cut off. Its threads are followed only when the next character is known, or the end of the
//! text: look-ahead of one character and `$` are decided then, and a match is seen one step late.
//!
//! A look-ahead of any length is an automaton of its own within the same table. A state that must know
//! whether it holds asks: it has no transitions on characters, but one for each answer.
//!
//! `matchEnd` reads each character once and stops where no thread is left. Searches that read on behind
//! their match leave notes in a `Memo` (see there for the bound); patterns whose searches end within as many
//! characters as there are states need none: linear in any case.

const builtin = @import("builtin");
const std = @import("std");
const memo = @import("memo.zig");
const utf8 = @import("../utf8.zig");
const Allocator = std.mem.Allocator;

pub const block_bits = 7;
pub const code_point_count = 0x110000;

/// The state without threads.
pub const dead = 0;

/// What may be asked for before a step: the match itself, or whether a look-ahead holds.
pub const look_max = 4;

pub const Transition = packed struct(u32) {
    /// An offset into the table.
    state: u30,
    /// Whether a match ends before the character that is read.
    is_match: bool = false,
    /// Whether the state is the dead one, or one that asks.
    is_special: bool = false,
};

/// What the searches through one text have found out.
pub const Memos = struct {
    matches: memo.Memo = .{},
    looks: memo.Memo = .{},
    /// Characters read, for the tests of the bound alone.
    steps: if (builtin.is_test) usize else void = if (builtin.is_test) 0 else {},

    pub fn clear(memos: *Memos) void {
        memos.matches.clear();
        memos.looks.clear();
    }
};

const none = std.math.maxInt(usize);

pub const Automaton = struct {
    /// The class of an ASCII character.
    ascii: [128]u8 = @splat(0),
    /// The class of any other, in two stages.
    first: []const u16 = &.{},
    second: []const u8 = &.{},
    /// Of state `s` on class `c` at `s + c`. Behind the classes come the end of the text, and a number: for a
    /// state that asks, which look-ahead (its answers are at `s` for no and `s + 1` for yes); for others,
    /// one more than their number in notes, or 0 if they have none.
    transitions: []const Transition = &.{},
    end_class: u8 = 0,
    /// The states to begin in, by the class of what stands before (the end's is the text's start): those of
    /// the match, then those of each look-ahead.
    initial: []const Transition = &.{},
    /// Whether what stands before matters other than at the text's start.
    looks_behind: bool = false,
    /// Whether searches leave notes.
    runs_on: bool = false,
    /// 1 for the classes that a match can begin with.
    begins: []const u8 = &.{},

    pub fn deinit(self: *Automaton, gpa: Allocator) void {
        gpa.free(self.first);
        gpa.free(self.second);
        gpa.free(self.transitions);
        gpa.free(self.initial);
        gpa.free(self.begins);
        self.* = undefined;
    }

    /// Where the match that begins at `text[at]` ends; null if none does.
    pub fn matchEnd(self: *const Automaton, text: []const u8, at: usize, memos: *Memos) ?usize {
        var state = self.enter(text, at, 0, memos);
        var position = at;
        var end: usize = none;
        var walk: memo.Walk = undefined;
        var limit = text.len;
        if (self.runs_on) {
            walk.begin(&memos.matches, at);
            limit = walk.limit(text.len);
        }
        while (true) {
            while (position < limit) {
                if (builtin.is_test) memos.steps += 1;
                const character = self.characterAt(text, position);
                const transition = self.transitions[state + character.class];
                if (transition.is_match) end = position;
                state = transition.state;
                position += character.len;
                if (transition.is_special) {
                    if (state == dead) return self.finish(&walk, end);
                    state = self.answer(text, position, transition, memos);
                }
            }
            if (position == text.len) break;
            const origin = if (end == none) at else end;
            if (walk.visit(position, origin, self.noteOf(state)) != null) return self.finish(&walk, end);
            limit = walk.limit(text.len);
        }
        if (self.transitions[state + self.end_class].is_match) return text.len;
        return self.finish(&walk, end);
    }

    /// Whether every step stays in the tables and what is asked comes to an answer. All tables may be empty.
    pub fn validate(self: *const Automaton, id_limit: u32) bool {
        _ = id_limit;
        if (self.transitions.len == 0) return true;
        const classes = @as(usize, self.end_class) + 1;
        const step = self.stride();
        if (self.first.len != 0x110000 >> block_bits) return false;
        const blocks = self.second.len >> block_bits;
        for (self.first) |block| if (block >= blocks) return false;
        const classes_max = @max(std.mem.max(u8, self.second), std.mem.max(u8, &self.ascii));
        if (classes_max >= self.end_class or self.begins.len < self.end_class) return false;
        if (self.transitions.len % step != 0) return false;
        if (self.initial.len == 0 or self.initial.len % classes != 0) return false;
        const looks = self.initial.len / classes - 1;
        var state: usize = 0;
        while (state < self.transitions.len) : (state += step) {
            if (self.numberOf(state) > memo.state_max) return false;
            for (self.transitions[state..][0..classes]) |transition| {
                if (!self.isAnswered(transition, looks, 0)) return false;
            }
        }
        for (self.initial, 0..) |transition, i| {
            if (!self.isAnswered(transition, looks, 0)) return false;
            // A look-ahead does not ask.
            if (i >= classes and transition.is_special and transition.state != dead) return false;
        }
        return true;
    }

    /// Whether a transition is to a state, and asks a few times at most before it is to one that does not.
    fn isAnswered(self: *const Automaton, transition: Transition, looks: usize, asked: usize) bool {
        if (transition.state % self.stride() != 0) return false;
        if (transition.state >= self.transitions.len) return false;
        if (!transition.is_special or transition.state == dead) return true;
        if (asked > look_max or self.numberOf(transition.state) >= looks) return false;
        return self.isAnswered(self.transitions[transition.state], looks, asked + 1) and
            self.isAnswered(self.transitions[transition.state + 1], looks, asked + 1);
    }

    inline fn finish(self: *const Automaton, walk: *memo.Walk, end: usize) ?usize {
        if (self.runs_on) {
            // Notes older than the match are not about what comes behind it.
            if (end == none or end == walk.origin) walk.end(false);
        }
        return if (end == none) null else end;
    }

    /// The first position from `at` on where a match can begin, or the text's length.
    pub inline fn skip(self: *const Automaton, text: []const u8, at: usize) usize {
        var position = at;
        while (position < text.len) {
            const character = self.characterAt(text, position);
            if (self.begins[character.class] != 0) break;
            position += character.len;
        }
        return position;
    }

    const Character = struct { class: usize, len: usize };

    inline fn characterAt(self: *const Automaton, text: []const u8, at: usize) Character {
        const byte = text[at];
        if (byte < 0x80) return .{ .class = self.ascii[byte], .len = 1 };
        const character = utf8.decode(text, at);
        return .{ .class = self.classOf(character.code_point), .len = character.len };
    }

    inline fn classOf(self: *const Automaton, code_point: u21) u8 {
        const block: usize = self.first[code_point >> block_bits];
        return self.second[block << block_bits | (code_point & ((1 << block_bits) - 1))];
    }

    /// Entries of a state in the table.
    pub inline fn stride(self: *const Automaton) usize {
        return @as(usize, self.end_class) + 2;
    }

    inline fn numberOf(self: *const Automaton, state: usize) u32 {
        return @bitCast(self.transitions[state + self.end_class + 1]);
    }

    inline fn noteOf(self: *const Automaton, state: usize) ?u6 {
        const number = self.numberOf(state);
        return if (number == 0) null else @intCast(number - 1);
    }

    /// The state that the match (0) or a look-ahead (1 and up) begins in.
    inline fn enter(
        self: *const Automaton,
        text: []const u8,
        at: usize,
        machine: usize,
        memos: *Memos,
    ) usize {
        const classes = @as(usize, self.end_class) + 1;
        const before = if (at == 0)
            self.end_class
        else if (self.looks_behind)
            self.classBefore(text, at)
        else
            0;
        const transition = self.initial[machine * classes + before];
        if (!transition.is_special) return transition.state;
        return self.answer(text, at, transition, memos);
    }

    fn classBefore(self: *const Automaton, text: []const u8, at: usize) usize {
        var start = at - 1;
        while (start > 0 and at - start < 4 and text[start] & 0xC0 == 0x80) start -= 1;
        const character = utf8.decode(text, start);
        const is_whole = start + character.len == at;
        return self.classOf(if (is_whole) character.code_point else utf8.replacement);
    }

    /// Goes on from states that ask.
    noinline fn answer(
        self: *const Automaton,
        text: []const u8,
        at: usize,
        asking: Transition,
        memos: *Memos,
    ) usize {
        var transition = asking;
        while (transition.is_special and transition.state != dead) {
            const look = self.numberOf(transition.state);
            const holds = self.lookHolds(text, at, look, memos);
            transition = self.transitions[transition.state + @as(usize, @intFromBool(holds))];
        }
        return transition.state;
    }

    /// Whether a look-ahead holds at `text[at]`.
    fn lookHolds(self: *const Automaton, text: []const u8, at: usize, look: u32, memos: *Memos) bool {
        // No look-ahead asks for another: `enter` and the steps meet no state that asks.
        var state = self.enter(text, at, 1 + look, memos);
        var walk: memo.Walk = undefined;
        walk.begin(&memos.looks, at);
        var position = at;
        var limit = walk.limit(text.len);
        const holds = while (true) {
            while (position < limit) {
                if (builtin.is_test) memos.steps += 1;
                const character = self.characterAt(text, position);
                const transition = self.transitions[state + character.class];
                if (transition.is_match) break;
                state = transition.state;
                if (state == dead) break;
                position += character.len;
            } else {
                if (position == text.len) break self.transitions[state + self.end_class].is_match;
                const known = walk.visit(position, at, self.noteOf(state));
                if (known) |value| break value;
                limit = walk.limit(text.len);
                continue;
            }
            break state != dead;
        };
        walk.end(holds);
        return holds;
    }
};
