//! Where extended grapheme clusters end, as the reference's version of Unicode has it.
//!
//! Flags are two clusters here: nobody asks for those of as many bytes. A step and a search of a table for
//! each character.

const std = @import("std");
const table = @import("grapheme_table.zig");
const utf8 = @import("utf8.zig");
const Class = table.Class;

/// Where the cluster ends that begins at `start`, which must be in the text.
pub fn endOf(text: []const u8, start: usize) usize {
    var state: State = .{};
    var at = start;
    while (true) {
        const character = utf8.decode(text, at);
        state.take(character.code_point);
        at += character.len;
        if (at == text.len) return at;
        // Of ASCII, only a line feed joins what is before it.
        if (text[at] < 0x80 and text[at] != '\n' and state.last != .prepended) return at;
        if (!state.isJoinedBy(utf8.decode(text, at).code_point)) return at;
    }
}

const State = struct {
    code_point: u21 = 0,
    last: Class = .other,
    /// Of a pictograph, what extends it, and a joiner: how far that is.
    pictograph: enum { none, begun, joined } = .none,
    /// Of a letter, what extends it, and a linker.
    letter: enum { none, begun, linked } = .none,

    fn take(state: *State, code_point: u21) void {
        const class = classOf(code_point);
        state.pictograph = switch (class) {
            .pictograph => .begun,
            .extending, .linked, .linker => if (state.pictograph == .begun) .begun else .none,
            .joiner => if (state.pictograph == .begun) .joined else .none,
            else => .none,
        };
        state.letter = switch (class) {
            .consonant => .begun,
            .linker => if (state.letter == .none) .none else .linked,
            .linked, .joiner => state.letter,
            else => .none,
        };
        state.last = class;
        state.code_point = code_point;
    }

    fn isJoinedBy(state: *const State, code_point: u21) bool {
        if (state.code_point == '\r' and code_point == '\n') return true;
        const class = classOf(code_point);
        if (state.last == .control or class == .control) return false;
        if (state.last == .prepended) return true;
        return switch (class) {
            .extending, .linked, .linker, .joiner, .spacing => true,
            .pictograph => state.pictograph == .joined,
            .consonant => state.letter == .linked,
            .leading, .vowel, .trailing, .other => state.isJoinedByHangul(class, code_point),
            .control, .prepended => false,
        };
    }

    fn isJoinedByHangul(state: *const State, class: Class, code_point: u21) bool {
        const before = syllableOf(state.code_point);
        return switch (class) {
            .leading => state.last == .leading,
            .vowel => state.last == .leading or state.last == .vowel or before == .open,
            .trailing => state.last == .vowel or state.last == .trailing or before != .none,
            else => state.last == .leading and syllableOf(code_point) != .none,
        };
    }
};

/// Of a Hangul syllable, whether a consonant ends it.
fn syllableOf(code_point: u21) enum { none, open, closed } {
    if (code_point < 0xAC00 or code_point > 0xD7A3) return .none;
    return if ((code_point - 0xAC00) % 28 == 0) .open else .closed;
}

fn classOf(code_point: u21) Class {
    if (code_point >= 0x20 and code_point < 0x7F) return .other;
    const Range = @TypeOf(table.ranges[0]);
    const order = struct {
        fn ofFirst(character: u21, range: Range) std.math.Order {
            return std.math.order(character, range.first);
        }
    };
    const index = std.sort.upperBound(Range, &table.ranges, code_point, order.ofFirst);
    if (index == 0 or code_point > table.ranges[index - 1].last) return .other;
    return table.ranges[index - 1].class;
}

fn expectClusters(text: []const u8, lens: []const usize) !void {
    var at: usize = 0;
    for (lens) |len| {
        try std.testing.expectEqual(at + len, endOf(text, at));
        at += len;
    }
    try std.testing.expectEqual(text.len, at);
}

test "clusters" {
    try expectClusters("ab\r\n\n\r", &.{ 1, 1, 2, 1, 1 });
    try expectClusters("e\u{301}\u{301}x\n\u{301}", &.{ 5, 1, 1, 2 });
    try expectClusters("\u{600}a\u{600}\n", &.{ 3, 2, 1 });
    try expectClusters("\u{1100}\u{1161}\u{11a8}\u{ac00}\u{11a8}\u{ac01}\u{1161}", &.{ 9, 6, 3, 3 });
    try expectClusters("\u{a9}\u{200d}\u{a9}\u{a9}a\u{200d}\u{a9}", &.{ 7, 2, 4, 2 });
    try expectClusters("\u{915}\u{94d}\u{915}\u{915}", &.{ 9, 3 });
    try expectClusters("\u{915}\u{903}\xff\xff", &.{ 6, 1, 1 });
}
