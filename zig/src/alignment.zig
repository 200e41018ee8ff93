//! From changed text back to what it was.
//!
//! A step that changes a text leaves its edits, and what lies between them moved as a whole; several steps are several levels,
//! which a range goes back through one after the other. What an edit put in stands for the characters that
//! tokenizers aligns it to. Ranges are asked for in ascending order, mostly, so that finding the edit costs a step.

const std = @import("std");
const byte_level = @import("byte_level.zig");
const characters = @import("characters.zig");
const normalizer_zig = @import("normalizer.zig");
const Normalizer = normalizer_zig.Normalizer;
const Charsmap = @import("charsmap.zig").Charsmap;
const nfc = @import("nfc.zig");
const utf8 = @import("utf8.zig");
const Words = @import("words.zig").Words;
const Allocator = std.mem.Allocator;

pub const Range = struct { start: usize, end: usize };

/// A place of the changed text is `start` of the text before, and so on up to `until`, which no range may cross.
pub const Unchanged = struct { start: usize, until: usize };

/// `output[at..end]` stands for `input[first..last]`; behind it, the input goes on from `resume`.
pub const Edit = struct { at: usize, end: usize, first: usize, last: usize, resumes: usize };

/// The levels of one text. Kept from text to text for their memory.
pub const Levels = struct {
    list: std.ArrayList(Level) = .empty,
    /// How many are in use.
    count: usize = 0,

    pub fn deinit(levels: *Levels, gpa: Allocator) void {
        for (levels.list.items) |*level| level.deinit(gpa);
        levels.list.deinit(gpa);
    }

    pub fn clear(levels: *Levels) void {
        levels.count = 0;
    }

    /// The normalized text, and a level for each step that changes it.
    pub fn apply(
        levels: *Levels,
        gpa: Allocator,
        normalizer: *const Normalizer,
        text: []const u8,
    ) error{OutOfMemory}![]const u8 {
        var current = text;
        for (0..normalizer.steps.len) |i| {
            const level = try levels.add(gpa);
            var step = normalizer.*;
            step.steps = normalizer.steps[i..][0..1];
            const only = step.steps[0];
            const made = switch (only.kind) {
                inline .nfc, .nfd, .nfkc, .nfkd => |form| try level.normalize(
                    @field(nfc.Form, @tagName(form)),
                    gpa,
                    current,
                ),
                .replace_matches => if (only.joins_spaces == 0)
                    try level.replaceMatches(gpa, &step, current)
                else
                    try step.apply(gpa, &level.memory, current),
                else => try step.apply(gpa, &level.memory, current),
            };
            if (made.ptr == current.ptr and made.len == current.len) {
                levels.count -= 1;
                continue;
            }
            try level.learn(gpa, &step, current, made);
            current = made;
        }
        return current;
    }

    /// `text` with `prefix` in front, which stands for the first character.
    pub fn prepend(
        levels: *Levels,
        gpa: Allocator,
        prefix: []const u8,
        text: []const u8,
    ) error{OutOfMemory}![]const u8 {
        const level = try levels.add(gpa);
        level.text.clearRetainingCapacity();
        try level.text.appendSlice(gpa, prefix);
        try level.text.appendSlice(gpa, text);
        try level.addPrefix(gpa, prefix.len, text);
        return level.text.items;
    }

    /// `text` without the characters that leave nothing behind.
    pub fn drop(
        levels: *Levels,
        gpa: Allocator,
        words: *const Words,
        text: []const u8,
    ) error{OutOfMemory}![]const u8 {
        const level = try levels.add(gpa);
        const kept = &level.text;
        kept.clearRetainingCapacity();
        var at: usize = 0;
        while (at < text.len) {
            const len = utf8.decode(text, at).len;
            const before = kept.items.len;
            try words.appendKept(gpa, text[at..][0..len], kept);
            at += len;
            if (kept.items.len > before) continue;
            try level.addRemoval(gpa, before, at - len, at);
        }
        if (level.edits.items.len == 0) levels.count -= 1;
        return kept.items;
    }

    /// `text` with a sign of `len` bytes for each space.
    pub fn widen(
        levels: *Levels,
        gpa: Allocator,
        text: []const u8,
        len: usize,
    ) error{OutOfMemory}!void {
        const level = try levels.add(gpa);
        var at: usize = 0;
        for (text, 0..) |byte, i| {
            if (byte != ' ') {
                at += 1;
                continue;
            }
            try level.edits.append(gpa, .{
                .at = at,
                .end = at + len,
                .first = i,
                .last = i + 1,
                .resumes = i + 1,
            });
            at += len;
        }
    }

    /// A new level, for edits to be added to.
    pub fn add(levels: *Levels, gpa: Allocator) error{OutOfMemory}!*Level {
        if (levels.count == levels.list.items.len) try levels.list.append(gpa, .{});
        const level = &levels.list.items[levels.count];
        level.edits.clearRetainingCapacity();
        level.cursor = 0;
        levels.count += 1;
        return level;
    }

    /// Where text goes on unchanged from `place`, if it does and no more than one level has edits.
    pub fn unchanged(levels: *Levels, place: usize) ?Unchanged {
        var only: ?*Level = null;
        for (levels.list.items[0..levels.count]) |*level| {
            if (level.edits.items.len == 0) continue;
            if (only != null) return null;
            only = level;
        }
        const level = only orelse return .{ .start = place, .until = std.math.maxInt(usize) };
        return level.unchanged(place);
    }

    /// What a range of the changed text stands for.
    pub fn back(levels: *Levels, range: Range) Range {
        var current = range;
        var index = levels.count;
        while (index > 0) {
            index -= 1;
            current = levels.list.items[index].back(current);
        }
        return current;
    }
};

/// What a normalizer made of a text while it was encoded, so that its offsets are found without doing it again.
pub const Record = struct {
    /// What became of the part that came last.
    levels: Levels = .{},
    /// That, if it was the whole text.
    whole: ?[]const u8 = null,
    /// Whether any part was changed.
    is_changed: bool = false,

    pub fn deinit(record: *Record, gpa: Allocator) void {
        record.levels.deinit(gpa);
    }

    pub fn clear(record: *Record) void {
        record.levels.clear();
        record.whole = null;
        record.is_changed = false;
    }

    /// As `Levels.apply`, of a part of a text.
    pub fn apply(
        record: *Record,
        gpa: Allocator,
        normalizer: *const Normalizer,
        part: []const u8,
        text: []const u8,
    ) error{OutOfMemory}![]const u8 {
        record.levels.clear();
        const normal = try record.levels.apply(gpa, normalizer, part);
        if (record.levels.count > 0) record.is_changed = true;
        record.whole = if (part.len == text.len) normal else null;
        return normal;
    }
};

pub const Level = struct {
    memory: normalizer_zig.Memory = .{},
    text: std.ArrayList(u8) = .empty,
    /// In ascending order of `at`.
    edits: std.ArrayList(Edit) = .empty,
    /// How many edits begin before or at the place that was asked for last.
    cursor: usize = 0,

    fn deinit(level: *Level, gpa: Allocator) void {
        level.memory.deinit(gpa);
        level.text.deinit(gpa);
        level.edits.deinit(gpa);
    }

    /// Finds out what a step of a normalizer did to `input`.
    fn learn(
        level: *Level,
        gpa: Allocator,
        normalizer: *const Normalizer,
        input: []const u8,
        output: []const u8,
    ) error{OutOfMemory}!void {
        const step = normalizer.steps[0];
        const from = normalizer.bytes[step.start..step.from_end];
        const to = normalizer.bytes[step.from_end..step.end];
        switch (step.kind) {
            // Noted while the text was changed.
            .nfc, .nfd, .nfkc, .nfkd => {},
            .lowercase => try level.addLowered(gpa, input),
            .strip_accents => try level.addCharacters(gpa, input, characters.unmarked, true),
            .nmt => try level.addCharacters(gpa, input, characters.cleanedCharacter, false),
            .bert_clean => {
                try level.addCharacters(gpa, input, characters.cleanedCharacterForBert, false);
            },
            .bert_ideographs => try level.addCharacters(gpa, input, characters.apart, true),
            .bert_accents => try level.addCharacters(gpa, input, characters.withoutNonspacing, true),
            .byte_level => try level.addSpelled(gpa, input),
            .strip => {
                // A part of the input.
                const start = @intFromPtr(output.ptr) - @intFromPtr(input.ptr);
                if (output.len > 0 and start > 0) try level.addRemoval(gpa, 0, 0, start);
            },
            .prepend => try level.addPrefix(gpa, to.len, input),
            .collapse_spaces => try level.addCollapsed(gpa, input, to),
            .charsmap => try level.addMapped(gpa, Charsmap.parse(to).?, input),
            .replace => try level.addReplacements(gpa, input, from, to.len),
            // Else noted while the matches were replaced.
            .replace_matches => if (step.joins_spaces == 1) try level.addJoined(gpa, input, output),
        }
    }

    /// `input[first..last]` left nothing behind.
    fn addRemoval(
        level: *Level,
        gpa: Allocator,
        at: usize,
        first: usize,
        last: usize,
    ) error{OutOfMemory}!void {
        const edit: Edit = .{ .at = at, .end = at, .first = first, .last = last, .resumes = last };
        try level.edits.append(gpa, edit);
    }

    /// Of spaces in a row, the first is left.
    fn addCollapsed(
        level: *Level,
        gpa: Allocator,
        input: []const u8,
        sign: []const u8,
    ) error{OutOfMemory}!void {
        const kept = normalizer_zig.withoutOuterSpaces(input, sign);
        var next = @intFromPtr(kept.ptr) - @intFromPtr(input.ptr);
        const end = next + kept.len;
        if (next > 0 and kept.len > 0) try level.addRemoval(gpa, 0, 0, next);
        var at: usize = 0;
        while (next < end) {
            const is_space = input[next] == ' ';
            next += 1;
            at += 1;
            if (!is_space) continue;
            const first = next;
            while (next < end and input[next] == ' ') next += 1;
            if (next > first) try level.addRemoval(gpa, at, first, next);
        }
    }

    /// As `nfc.normalize`. Each character that was put in takes the place of as many as went into it, and stands for
    /// the first of them; one that took the place of none, for the one before.
    fn normalize(
        level: *Level,
        comptime form: nfc.Form,
        gpa: Allocator,
        input: []const u8,
    ) error{OutOfMemory}![]const u8 {
        const output = &level.text;
        output.clearRetainingCapacity();
        var changes: nfc.Changes(form) = .{ .text = input };
        var copied: usize = 0;
        while (try changes.next(gpa, &level.memory.nfc)) |change| {
            try output.ensureUnusedCapacity(gpa, change.start - copied + 4 * change.parts.len);
            output.appendSliceAssumeCapacity(input[copied..change.start]);
            try level.edits.ensureUnusedCapacity(gpa, change.parts.len);
            var next = change.start;
            var first = if (next == 0) 0 else characterBefore(input, next);
            for (change.parts) |part| {
                const at = output.items.len;
                nfc.appendCharacter(output, part.character);
                if (part.used > 0) first = next;
                for (0..part.used) |_| next += lengthAt(input, next);
                // One that stayed in its place is no change.
                const is_kept = part.used == 1 and
                    std.mem.eql(u8, output.items[at..], input[first..next]);
                if (!is_kept) level.edits.appendAssumeCapacity(.{
                    .at = at,
                    .end = output.items.len,
                    .first = first,
                    .last = if (part.used == 1) next else first + lengthAt(input, first),
                    .resumes = next,
                });
                // What is put in stands for the last character that was used up.
                if (part.used > 1) first = characterBefore(input, next);
            }
            copied = change.end;
        }
        if (copied == 0) return input;
        try output.appendSlice(gpa, input[copied..]);
        return output.items;
    }

    /// What one character became. A byte that took the place of a byte goes back as one that stayed.
    fn addCharacter(
        level: *Level,
        gpa: Allocator,
        at: usize,
        len: usize,
        start: usize,
        old_len: usize,
    ) error{OutOfMemory}!void {
        if (len == 1 and old_len == 1) return;
        const end = start + old_len;
        try level.edits.append(gpa, .{
            .at = at,
            .end = at + len,
            .first = start,
            .last = end,
            .resumes = end,
        });
    }

    /// Of a step that changes each character by itself; `keeps_ascii`: one byte of ASCII stays one.
    fn addCharacters(
        level: *Level,
        gpa: Allocator,
        input: []const u8,
        comptime changed: fn (u21) characters.Changed,
        comptime keeps_ascii: bool,
    ) error{OutOfMemory}!void {
        var at: usize = 0;
        var next: usize = 0;
        while (next < input.len) {
            if (keeps_ascii) {
                const len = asciiLength(input[next..]);
                next += len;
                at += len;
                if (next == input.len) return;
            }
            const character = utf8.decode(input, next);
            const change = characters.changeAt(input, next, character.code_point, changed);
            const len = change.lengthFrom(character.len);
            if (change != .same) try level.addCharacter(gpa, at, len, next, character.len);
            at += len;
            next += character.len;
        }
    }

    /// Of capitals that became small letters.
    fn addLowered(level: *Level, gpa: Allocator, input: []const u8) error{OutOfMemory}!void {
        const Block = @Vector(32, u8);
        var at: usize = 0;
        var next: usize = 0;
        while (next < input.len) {
            // What is ASCII stays as long as it is.
            if (next + 32 <= input.len) {
                const block: Block = input[next..][0..32].*;
                const other: u32 = @bitCast(block >= @as(Block, @splat(0x80)));
                const ascii_len = @ctz(other);
                next += ascii_len;
                at += ascii_len;
                if (other == 0) continue;
            }
            const character = utf8.decode(input, next);
            const change = characters.lowered(character.code_point);
            const len = change.lengthFrom(character.len);
            if (change != .same) try level.addCharacter(gpa, at, len, next, character.len);
            at += len;
            next += character.len;
        }
    }

    /// Of bytes that became characters.
    fn addSpelled(level: *Level, gpa: Allocator, input: []const u8) error{OutOfMemory}!void {
        var at: usize = 0;
        var next: usize = 0;
        while (next < input.len) {
            const start = next;
            next += utf8.decode(input, start).len;
            var len: usize = 0;
            for (input[start..next]) |byte| len += byte_level.lengthOf(byte);
            try level.addCharacter(gpa, at, len, start, next - start);
            at += len;
        }
    }

    /// Of a map. The reference tells of each character that it makes how many it used up, and of a removal in
    /// the character made before: where there is none, all that follows stands for what is before it.
    fn addMapped(
        level: *Level,
        gpa: Allocator,
        map: Charsmap,
        input: []const u8,
    ) error{OutOfMemory}!void {
        var made: std.ArrayList(Mapped) = .empty;
        defer made.deinit(gpa);
        var walk = map.in(input);
        var copied: usize = 0;
        while (walk.next()) |change| {
            try appendKept(gpa, &made, input, copied, change.start);
            copied = change.end;
            const old_count = countOf(input[change.start..change.end]);
            const new_count = countOf(change.text);
            var at: usize = 0;
            for (0..new_count) |i| {
                const len = utf8.decode(change.text, at).len;
                try made.append(gpa, .{ .len = len, .used = @intFromBool(i < old_count) });
                at += len;
            }
            if (new_count < old_count and made.items.len > 0) {
                made.items[made.items.len - 1].used += old_count - new_count;
            }
        }
        try appendKept(gpa, &made, input, copied, input.len);
        var at: usize = 0;
        var next: usize = 0;
        for (made.items) |each| {
            const first = if (each.used > 0 or next == 0) next else characterBefore(input, next);
            const last = first + utf8.decode(input, first).len;
            for (0..each.used) |_| next += utf8.decode(input, next).len;
            const is_kept = each.origin == first and each.used == 1;
            if (!is_kept) try level.edits.append(gpa, .{
                .at = at,
                .end = at + each.len,
                .first = first,
                .last = last,
                .resumes = next,
            });
            at += each.len;
        }
    }

    /// As `Normalizer.apply`, of a step that replaces matches. What is put in stands for the last character of what
    /// was there.
    fn replaceMatches(
        level: *Level,
        gpa: Allocator,
        normalizer: *const Normalizer,
        input: []const u8,
    ) error{OutOfMemory}![]const u8 {
        const step = normalizer.steps[0];
        const to = normalizer.bytes[step.from_end..step.end];
        var walk = normalizer.patterns[step.option].in(input);
        const output = &level.text;
        output.clearRetainingCapacity();
        var copied: usize = 0;
        var is_changed = false;
        while (walk.next()) |match| {
            const old = input[match.start..match.end];
            if (old.len == 1 and to.len == 1 and old[0] == to[0]) continue;
            is_changed = is_changed or !std.mem.eql(u8, old, to);
            try output.appendSlice(gpa, input[copied..match.start]);
            copied = match.end;
            if (old.len != 1 or to.len != 1) try level.edits.append(gpa, .{
                .at = output.items.len,
                .end = output.items.len + to.len,
                .first = characterBefore(input, match.end),
                .last = match.end,
                .resumes = match.end,
            });
            try output.appendSlice(gpa, to);
        }
        if (!is_changed) return input;
        try output.appendSlice(gpa, input[copied..]);
        return output.items;
    }

    /// Of runs of white space that became a space each.
    fn addJoined(
        level: *Level,
        gpa: Allocator,
        input: []const u8,
        output: []const u8,
    ) error{OutOfMemory}!void {
        var at: usize = 0;
        var next: usize = 0;
        while (true) {
            const same = countSame(input[next..], output[at..]);
            next += same;
            at += same;
            if (next == input.len) return;
            // A wide space and the character behind it may begin with the same bytes.
            while (input[next] & 0xC0 == 0x80) {
                next -= 1;
                at -= 1;
            }
            // What is alike in a run is its first space.
            if (at > 0 and output[at - 1] == ' ' and characters.spaceEnd(input, next) > next) {
                next -= 1;
                at -= 1;
            }
            const end = characters.spaceEnd(input, next);
            if (end - next > 1) try level.edits.append(gpa, .{
                .at = at,
                .end = at + 1,
                .first = characterBefore(input, end),
                .last = end,
                .resumes = end,
            });
            next = end;
            at += 1;
        }
    }

    /// What is put in stands for the last character of what was there.
    fn addReplacements(
        level: *Level,
        gpa: Allocator,
        input: []const u8,
        from: []const u8,
        to_len: usize,
    ) error{OutOfMemory}!void {
        const last = characterBefore(from, from.len);
        var at: usize = 0;
        var copied: usize = 0;
        while (std.mem.findPos(u8, input, copied, from)) |match| {
            at += match - copied;
            copied = match + from.len;
            try level.edits.append(gpa, .{
                .at = at,
                .end = at + to_len,
                .first = match + last,
                .last = copied,
                .resumes = copied,
            });
            at += to_len;
        }
    }

    fn addPrefix(
        level: *Level,
        gpa: Allocator,
        len: usize,
        text: []const u8,
    ) error{OutOfMemory}!void {
        const first_len = utf8.decode(text, 0).len;
        try level.edits.append(gpa, .{
            .at = 0,
            .end = len,
            .first = 0,
            .last = first_len,
            .resumes = 0,
        });
    }

    fn back(level: *Level, range: Range) Range {
        if (range.start == range.end) {
            const place = level.backOf(range.start).start;
            return .{ .start = place, .end = place };
        }
        const start = level.backOf(range.start).start;
        return .{ .start = start, .end = level.backOf(range.end - 1).end };
    }

    fn unchanged(level: *Level, place: usize) ?Unchanged {
        const edits = level.edits.items;
        level.go(place);
        const until = if (level.cursor < edits.len) edits[level.cursor].at else std.math.maxInt(usize);
        if (level.cursor == 0) return .{ .start = place, .until = until };
        const edit = &edits[level.cursor - 1];
        if (place < edit.end) return null;
        return .{ .start = place - edit.end + edit.resumes, .until = until };
    }

    fn go(level: *Level, place: usize) void {
        const edits = level.edits.items;
        while (level.cursor > 0 and edits[level.cursor - 1].at > place) level.cursor -= 1;
        while (level.cursor < edits.len and edits[level.cursor].at <= place) level.cursor += 1;
    }

    /// What the byte at `place` stands for.
    fn backOf(level: *Level, place: usize) Range {
        const edits = level.edits.items;
        level.go(place);
        if (level.cursor == 0) return .{ .start = place, .end = place + 1 };
        const edit = &edits[level.cursor - 1];
        if (place < edit.end) return .{ .start = edit.first, .end = edit.last };
        const start = place - edit.end + edit.resumes;
        return .{ .start = start, .end = start + 1 };
    }
};

/// How many bytes of ASCII `text` begins with.
fn asciiLength(text: []const u8) usize {
    const block_len = 32;
    var at: usize = 0;
    while (at + block_len <= text.len) : (at += block_len) {
        const block: @Vector(block_len, u8) = text[at..][0..block_len].*;
        if (@reduce(.Max, block) >= 0x80) break;
    }
    while (at < text.len and text[at] < 0x80) at += 1;
    return at;
}

/// A character that a map left or made, how many of the input's it used up, and where it was if it was left.
const Mapped = struct { len: usize, used: usize, origin: ?usize = null };

fn appendKept(
    gpa: Allocator,
    made: *std.ArrayList(Mapped),
    input: []const u8,
    start: usize,
    end: usize,
) error{OutOfMemory}!void {
    var at = start;
    while (at < end) {
        const len = utf8.decode(input, at).len;
        try made.append(gpa, .{ .len = len, .used = 1, .origin = at });
        at += len;
    }
}

fn countOf(text: []const u8) usize {
    var count: usize = 0;
    var at: usize = 0;
    while (at < text.len) : (count += 1) at += utf8.decode(text, at).len;
    return count;
}

/// How many bytes two texts have in common, from their beginnings on.
fn countSame(a: []const u8, b: []const u8) usize {
    const Block = @Vector(32, u8);
    const limit = @min(a.len, b.len);
    var at: usize = 0;
    while (at + 32 <= limit) {
        const other: u32 = @bitCast(@as(Block, a[at..][0..32].*) != @as(Block, b[at..][0..32].*));
        if (other != 0) return at + @ctz(other);
        at += 32;
    }
    while (at < limit and a[at] == b[at]) at += 1;
    return at;
}

/// The length of the character that begins at `at`; 0 at the end.
fn lengthAt(text: []const u8, at: usize) usize {
    return if (at < text.len) utf8.decode(text, at).len else 0;
}

/// Where the character begins that ends before `at`.
fn characterBefore(text: []const u8, at: usize) usize {
    var start = at - 1;
    while (start > 0 and text[start] & 0xC0 == 0x80) start -= 1;
    return start;
}

const Diagnostic = @import("diagnostic.zig").Diagnostic;
const definition = @import("definition.zig");

/// What each byte of the text that one step makes stands for, character by character or match by match.
fn findSlowly(gpa: Allocator, normalizer: *const Normalizer, text: []const u8) ![]Range {
    var ranges: std.ArrayList(Range) = .empty;
    errdefer ranges.deinit(gpa);
    var memory: normalizer_zig.Memory = .{};
    defer memory.deinit(gpa);
    const step = normalizer.steps[0];
    if (step.kind == .replace_matches) {
        var walk = normalizer.patterns[step.option].in(text);
        var at: usize = 0;
        while (true) {
            const match = walk.next();
            const end = if (match) |found| found.start else text.len;
            while (at < end) : (at += 1) try ranges.append(gpa, .{ .start = at, .end = at + 1 });
            at = (match orelse return ranges.toOwnedSlice(gpa)).end;
            const range: Range = .{ .start = characterBefore(text, at), .end = at };
            try ranges.appendNTimes(gpa, range, step.end - step.from_end);
        }
    }
    var at: usize = 0;
    while (at < text.len) {
        const start = at;
        at += utf8.decode(text, start).len;
        const made = try normalizer.apply(gpa, &memory, text[start..at]);
        if (std.mem.eql(u8, made, text[start..at])) {
            for (start..at) |place| try ranges.append(gpa, .{ .start = place, .end = place + 1 });
        } else {
            try ranges.appendNTimes(gpa, .{ .start = start, .end = at }, made.len);
        }
    }
    return ranges.toOwnedSlice(gpa);
}

test "a step that changes characters or matches goes back as one range a byte says" {
    const gpa = std.testing.allocator;
    const steps = [_]definition.Normalization{
        .lowercase,
        .strip_accents,
        .nmt,
        .byte_level,
        .bert_clean,
        .bert_ideographs,
        .bert_accents,
        .{ .replace_matches = .{ .pattern = "\\s+", .to = " " } },
        .{ .replace_matches = .{ .pattern = "\\s+", .to = "\u{2581}" } },
        .{ .replace_matches = .{ .pattern = "[a-f]|\u{e9}", .to = "" } },
    };
    const parts = [_][]const u8{
        "a",        "B",        " ",         "\n\t ",    "\u{e9}",   "\u{c9}",  "\u{130}",   "e\u{301}",
        "\u{4e2d}", "\u{a0}",   "\u{1f600}", "\xff",     "\xe4\xb8", "\x00",    "\u{fffd}",  "\u{2003}",
        "\x7f",     "z" ** 9,   "A" ** 40,   " " ** 33,  "\u{200b}", "\u{303}", "\u{20000}", "\u{212a}",
        "\u{3000}", "\u{3001}", "\u{85}",    "\u{2029}", "\u{2028}",
    };
    var prng: std.Random.DefaultPrng = .init(7);
    const random = prng.random();
    var diagnostic: Diagnostic = .{};
    var text: std.ArrayList(u8) = .empty;
    defer text.deinit(gpa);
    var levels: Levels = .{};
    defer levels.deinit(gpa);
    var memory: normalizer_zig.Memory = .{};
    defer memory.deinit(gpa);
    for (steps) |source| {
        var normalizer: Normalizer = try .init(gpa, &.{source}, &diagnostic);
        defer normalizer.deinit(gpa);
        for (0..2000) |_| {
            text.clearRetainingCapacity();
            // A few of the parts, so that the same ones meet often.
            var some: [parts.len][]const u8 = undefined;
            const kinds = random.intRangeAtMost(usize, 1, if (random.boolean()) 4 else parts.len);
            for (some[0..kinds]) |*part| part.* = parts[random.uintLessThan(usize, parts.len)];
            for (0..random.uintAtMost(usize, 20)) |_| {
                try text.appendSlice(gpa, some[random.uintLessThan(usize, kinds)]);
            }
            levels.clear();
            const made = try levels.apply(gpa, &normalizer, text.items);
            try std.testing.expectEqualStrings(try normalizer.apply(gpa, &memory, text.items), made);
            if (levels.count == 0) continue;
            const expected = try findSlowly(gpa, &normalizer, text.items);
            defer gpa.free(expected);
            try std.testing.expectEqual(expected.len, made.len);
            for (expected, 0..) |range, i| {
                try std.testing.expectEqual(range, levels.back(.{ .start = i, .end = i + 1 }));
            }
        }
    }
}

/// What each byte of a form of `text`, which is well-formed, stands for, by what becomes of it as one stretch.
fn findFormSlowly(comptime form: nfc.Form, gpa: Allocator, text: []const u8) ![]Range {
    var ranges: std.ArrayList(Range) = .empty;
    errdefer ranges.deinit(gpa);
    var scratch: nfc.Scratch = .{};
    defer scratch.deinit(gpa);
    const made = try nfc.partsOf(form, gpa, &scratch, text);
    var range: Range = .{ .start = 0, .end = 0 };
    var next: usize = 0;
    for (made.parts) |part| {
        var character: std.ArrayList(u8) = .empty;
        defer character.deinit(gpa);
        try character.ensureTotalCapacity(gpa, 4);
        nfc.appendCharacter(&character, part.character);
        if (part.used > 0) range = .{ .start = next, .end = next + utf8.decode(text, next).len };
        const is_kept = part.used == 1 and
            std.mem.eql(u8, character.items, text[range.start..range.end]);
        for (character.items, 0..) |_, i| {
            const place = range.start + i;
            try ranges.append(gpa, if (is_kept) .{ .start = place, .end = place + 1 } else range);
        }
        // Behind several that became one, what is put in stands for the last of them.
        for (0..part.used) |i| {
            const len = utf8.decode(text, next).len;
            if (i > 0) range = .{ .start = next, .end = next + len };
            next += len;
        }
    }
    return ranges.toOwnedSlice(gpa);
}

test "a normalization form goes back as the text as one stretch says" {
    const gpa = std.testing.allocator;
    const parts = [_][]const u8{
        "a",             "e",        " ",        "\u{e9}",   "\u{301}",  "\u{323}",  "\u{fb01}", "\u{ff21}",
        "\u{1100}",      "\u{1161}", "\u{11a8}", "\u{ac01}", "\u{4e2d}", "\u{2026}", "\u{344}",  "\u{ff76}",
        "\u{ff9e}",      "\u{212b}", "\u{3000}", "\u{e34}",  "\u{958}",  "\u{fdfa}", "x" ** 40,  "\u{1d15e}",
        "\u{4e00}" ** 9,
    };
    var prng: std.Random.DefaultPrng = .init(19);
    const random = prng.random();
    var diagnostic: Diagnostic = .{};
    var text: std.ArrayList(u8) = .empty;
    defer text.deinit(gpa);
    var levels: Levels = .{};
    defer levels.deinit(gpa);
    inline for (.{ .nfc, .nfd, .nfkc, .nfkd }) |form| {
        var normalizer: Normalizer = try .init(gpa, &.{form}, &diagnostic);
        defer normalizer.deinit(gpa);
        for (0..2000) |_| {
            text.clearRetainingCapacity();
            var some: [parts.len][]const u8 = undefined;
            const kinds = random.intRangeAtMost(usize, 1, if (random.boolean()) 4 else parts.len);
            for (some[0..kinds]) |*part| part.* = parts[random.uintLessThan(usize, parts.len)];
            for (0..random.uintAtMost(usize, 20)) |_| {
                try text.appendSlice(gpa, some[random.uintLessThan(usize, kinds)]);
            }
            levels.clear();
            const made = try levels.apply(gpa, &normalizer, text.items);
            const expected = try findFormSlowly(form, gpa, text.items);
            defer gpa.free(expected);
            try std.testing.expectEqual(expected.len, made.len);
            for (expected, 0..) |range, i| {
                try std.testing.expectEqual(range, levels.back(.{ .start = i, .end = i + 1 }));
                const unchanged = levels.unchanged(i) orelse continue;
                try std.testing.expectEqual(unchanged.start, range.start);
            }
        }
    }
}
