//! A pattern's tree as a program: instructions for threads that have an order of preference, and the sets of
//! characters they ask for, divided into classes that no set tells apart.
//!
//! A possessive repetition of a set is the greedy one that may not stop before a member of the set. Size is
//! linear in the pattern with its counted repetitions written out, up to a limit; dividing the characters
//! takes a pass over all code points.

const std = @import("std");
const automaton = @import("automaton.zig");
const Diagnostic = @import("../diagnostic.zig").Diagnostic;
const regex = @import("regex.zig");
const Allocator = std.mem.Allocator;
const Node = regex.Node;
const Set = regex.Set;

pub const Error = regex.Error;

const instruction_max = 8192;
/// Distinct sets in one pattern: a bit for each in a `Signature`.
const set_max = 128;
pub const Signature = u128;
/// Distinct sets that what stands before may be in: `Before` has a bit for each.
const behind_max = 7;

/// What stands before a position: at the text's start the lowest bit, else a bit for each of the sets that
/// are looked for there.
pub const Before = u8;
pub const start_bit: Before = 1;

pub const Instruction = union(enum) {
    match,
    set: struct { set: u8, next: u16 },
    /// Two threads, the first preferred.
    split: struct { first: u16, second: u16 },
    look_ahead: struct { set: u8, is_negative: bool, next: u16 },
    look_behind: struct { bit: u3, is_negative: bool, next: u16 },
    look_far: struct { look: u2, is_negative: bool, next: u16 },
    end: u16,
    word_boundary: struct { set: u8, bit: u3, is_negative: bool, next: u16 },
};

pub fn refuse(diagnostic: *Diagnostic, comptime format: []const u8, args: anytype) Error {
    diagnostic.set(null, format, args);
    return error.UnsupportedPattern;
}

/// The instructions of a pattern, made from its end to its beginning: `next` is where each goes on.
pub const Program = struct {
    arena: Allocator,
    engine: regex.Engine,
    diagnostic: *Diagnostic,
    instructions: std.ArrayList(Instruction) = .empty,
    sets: std.ArrayList(Set) = .empty,
    /// The sets, by index, that what stands before is looked for in; the first is the text's start's place.
    behind: std.ArrayList(u8) = .empty,
    /// Where the match begins, then where each look-ahead does.
    entries: std.ArrayList(u16) = .empty,
    looks: std.ArrayList(*const Node) = .empty,
    is_in_look: bool = false,

    pub fn compile(self: *Program, node: *const Node) Error!void {
        const match = try self.add(.match);
        try self.entries.append(self.arena, undefined);
        self.entries.items[0] = try self.emit(node, match);
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

    /// The bit of `Before` for a set.
    fn behindBit(self: *Program, set: u8) Error!u3 {
        for (self.behind.items, 1..) |known, bit| {
            if (known == set) return @intCast(bit);
        }
        if (self.behind.items.len == behind_max) {
            return refuse(self.diagnostic, "it looks behind for more than {d} sets", .{behind_max});
        }
        try self.behind.append(self.arena, set);
        return @intCast(self.behind.items.len);
    }

    /// Adds `node` before `next`; returns where it begins.
    fn emit(self: *Program, node: *const Node, next: u16) Error!u16 {
        switch (node.*) {
            .empty => return next,
            .set => |set| return self.add(.{ .set = .{
                .set = try self.setIndex(set),
                .next = next,
            } }),
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
            else => return self.emitLook(node, next),
        }
    }

    /// Adds what reads nothing.
    fn emitLook(self: *Program, node: *const Node, next: u16) Error!u16 {
        switch (node.*) {
            .look_ahead => |look| return self.add(.{ .look_ahead = .{
                .set = try self.setIndex(look.set),
                .is_negative = look.is_negative,
                .next = next,
            } }),
            .look_behind => |look| return self.add(.{ .look_behind = .{
                .bit = try self.behindBit(try self.setIndex(look.set)),
                .is_negative = look.is_negative,
                .next = next,
            } }),
            .look_far => |look| return self.add(.{ .look_far = .{
                .look = try self.lookIndex(look.node),
                .is_negative = look.is_negative,
                .next = next,
            } }),
            .start => return self.add(.{ .look_behind = .{
                .bit = 0,
                .is_negative = false,
                .next = next,
            } }),
            .end => return self.add(.{ .end = next }),
            .word_boundary => |boundary| {
                const set = try self.setIndex(try regex.wordSet(self.arena, self.engine));
                return self.add(.{ .word_boundary = .{
                    .set = set,
                    .bit = try self.behindBit(set),
                    .is_negative = boundary.is_negative,
                    .next = next,
                } });
            },
            .empty, .set, .concatenation, .alternation, .repetition => unreachable,
        }
    }

    fn lookIndex(self: *Program, node: *const Node) Error!u2 {
        for (self.looks.items, 0..) |known, i| {
            if (known == node) return @intCast(i);
        }
        if (self.is_in_look) {
            return refuse(self.diagnostic, "a look-ahead farther than one character in another", .{});
        }
        if (self.looks.items.len == automaton.look_max) {
            return refuse(self.diagnostic, "more than {d} look-aheads farther than one character", .{
                automaton.look_max,
            });
        }
        try self.looks.append(self.arena, node);
        self.is_in_look = true;
        defer self.is_in_look = false;
        const match = try self.add(.match);
        try self.entries.append(self.arena, try self.emit(node, match));
        return @intCast(self.looks.items.len - 1);
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

    /// Where a repetition goes on when it stops before it has to. A possessive one never gives back what it
    /// took: of a set, it takes every member there is; where nothing follows, nothing could ask for it back.
    fn exitOf(self: *Program, repetition: Node.Repetition, next: u16) Error!u16 {
        if (repetition.greed != .possessive) return next;
        if (repetition.node.* == .set) {
            return self.add(.{ .look_ahead = .{
                .set = try self.setIndex(repetition.node.set),
                .is_negative = true,
                .next = next,
            } });
        }
        if (self.instructions.items[next] == .match) return next;
        return refuse(self.diagnostic, "a possessive repetition of more than one character " ++
            "with something behind it", .{});
    }
};

/// The characters, divided into classes.
pub const Alphabet = struct {
    first: []const u16,
    second: []const u8,
    /// The sets that each class is in.
    signatures: []const Signature,

    const block_len = 1 << automaton.block_bits;
    const code_point_count = automaton.code_point_count;

    /// Where a set begins or ends.
    const Edge = struct { code_point: u32, set: u8 };

    pub fn of(arena: Allocator, sets: []const Set, diagnostic: *Diagnostic) Error!Alphabet {
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
                // One more number is the end of the text, and one its place before a state's own.
                if (signatures.items.len == std.math.maxInt(u8) - 1) {
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
        const first = try arena.alloc(u16, code_point_count >> automaton.block_bits);
        for (first, 0..) |*block, i| {
            const content = classes[i << automaton.block_bits ..][0..block_len];
            const entry = try blocks.getOrPut(arena, content);
            if (!entry.found_existing) {
                entry.value_ptr.* = @intCast(second.items.len >> automaton.block_bits);
                try second.appendSlice(arena, content);
            }
            block.* = entry.value_ptr.*;
        }
        return .{ .first = first, .second = second.items, .signatures = signatures };
    }
};
