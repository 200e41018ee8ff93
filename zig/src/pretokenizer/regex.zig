//! Regular expressions as pre-tokenizer patterns write them: the text is parsed into a tree over sets of
//! code points. The syntax is that of the reference engines: what fancy-regex and Oniguruma read differently
//! is read as the one that is asked for reads it. What has no automaton is refused with its place and the
//! reason.
//!
//! Not here: matching, which is `automaton.zig`'s. Parsing is linear in the pattern, but that each property
//! (`\p{L}`, `\s`) costs a pass over the runs of equal properties of all code points.

const std = @import("std");
const definition = @import("../definition.zig");
const Diagnostic = @import("../diagnostic.zig").Diagnostic;
const han = @import("kernels/han.zig");
const unicode = @import("../unicode.zig");
const utf8 = @import("../utf8.zig");
const Allocator = std.mem.Allocator;

pub const Error = error{ OutOfMemory, UnsupportedPattern };

pub const Engine = definition.RegexEngine;

const code_point_max = 0x10FFFF;

/// `low` to `high`, both included.
pub const Range = struct { low: u21, high: u21 };

/// A set of code points: ascending ranges with gaps between them.
pub const Set = struct {
    ranges: []const Range,

    pub fn eql(a: Set, b: Set) bool {
        if (a.ranges.len != b.ranges.len) return false;
        for (a.ranges, b.ranges) |x, y| {
            if (x.low != y.low or x.high != y.high) return false;
        }
        return true;
    }

    pub fn has(set: Set, code_point: u21) bool {
        for (set.ranges) |range| {
            if (code_point <= range.high) return code_point >= range.low;
        }
        return false;
    }

    /// Every code point.
    pub const all: Set = .{ .ranges = &.{.{ .low = 0, .high = code_point_max }} };

    /// The union of `ranges`, which may overlap and are put in order.
    fn of(arena: Allocator, ranges: []Range) Error!Set {
        std.mem.sort(Range, ranges, {}, isBefore);
        var merged: std.ArrayList(Range) = .empty;
        for (ranges) |range| {
            if (merged.items.len > 0) {
                const last = &merged.items[merged.items.len - 1];
                if (range.low <= @as(u32, last.high) + 1) {
                    last.high = @max(last.high, range.high);
                    continue;
                }
            }
            try merged.append(arena, range);
        }
        return .{ .ranges = merged.items };
    }

    fn isBefore(_: void, a: Range, b: Range) bool {
        return a.low < b.low;
    }

    fn negated(set: Set, arena: Allocator) Error!Set {
        var gaps: std.ArrayList(Range) = .empty;
        var next: u32 = 0;
        for (set.ranges) |range| {
            if (range.low > next) {
                try gaps.append(arena, .{ .low = @intCast(next), .high = range.low - 1 });
            }
            next = @as(u32, range.high) + 1;
        }
        if (next <= code_point_max) {
            try gaps.append(arena, .{ .low = @intCast(next), .high = code_point_max });
        }
        return .{ .ranges = gaps.items };
    }

    fn intersection(a: Set, b: Set, arena: Allocator) Error!Set {
        var common: std.ArrayList(Range) = .empty;
        var i: usize = 0;
        var j: usize = 0;
        while (i < a.ranges.len and j < b.ranges.len) {
            const low = @max(a.ranges[i].low, b.ranges[j].low);
            const high = @min(a.ranges[i].high, b.ranges[j].high);
            if (low <= high) try common.append(arena, .{ .low = low, .high = high });
            if (a.ranges[i].high < b.ranges[j].high) i += 1 else j += 1;
        }
        return .{ .ranges = common.items };
    }
};

pub const Greed = enum { greedy, lazy, possessive };

pub const Node = union(enum) {
    /// Matches nothing, anywhere.
    empty,
    set: Set,
    concatenation: []const *const Node,
    /// Tried in this order.
    alternation: []const *const Node,
    repetition: Repetition,
    /// Of one character.
    look_ahead: Look,
    look_behind: Look,
    /// A look-ahead of any length.
    look_far: struct { node: *const Node, is_negative: bool },
    /// An end of the text.
    start,
    end,
    /// `\b`; `\B` where negative.
    word_boundary: struct { is_negative: bool },

    pub const Look = struct { set: Set, is_negative: bool };

    pub const Repetition = struct {
        node: *const Node,
        min: u32,
        /// null: any number.
        max: ?u32,
        greed: Greed,
    };

    /// Whether it can match the empty text.
    pub fn isNullable(node: *const Node) bool {
        return switch (node.*) {
            .empty, .look_ahead, .look_behind, .look_far, .start, .end, .word_boundary => true,
            .set => false,
            .concatenation => |nodes| for (nodes) |each| {
                if (!each.isNullable()) break false;
            } else true,
            .alternation => |nodes| for (nodes) |each| {
                if (each.isNullable()) break true;
            } else false,
            .repetition => |repetition| repetition.min == 0 or repetition.node.isNullable(),
        };
    }
};

/// The most repetitions that `{n,m}` may ask for.
const repetition_max = 1000;

/// How deep groups and classes may nest.
const depth_max = 100;

/// The tree of `pattern`, in `arena`.
pub fn parse(
    arena: Allocator,
    pattern: []const u8,
    engine: Engine,
    diagnostic: *Diagnostic,
) Error!*const Node {
    var parser: Parser = .{
        .arena = arena,
        .text = pattern,
        .engine = engine,
        .diagnostic = diagnostic,
    };
    if (!std.unicode.utf8ValidateSlice(pattern)) return parser.refuse(0, "it is not UTF-8", .{});
    const node = try parser.parseAlternation();
    if (parser.at < pattern.len) return parser.refuse(parser.at, "')' closes no group", .{});
    return node;
}

/// `\w`, in `arena`.
pub fn wordSet(arena: Allocator, engine: Engine) Error!Set {
    var diagnostic: Diagnostic = .{};
    var parser: Parser = .{
        .arena = arena,
        .text = "",
        .engine = engine,
        .diagnostic = &diagnostic,
    };
    return parser.property(.word, false);
}

const Parser = struct {
    arena: Allocator,
    text: []const u8,
    engine: Engine,
    diagnostic: *Diagnostic,
    at: usize = 0,
    depth: usize = 0,
    class_depth: usize = 0,
    ignore_case: bool = false,
    /// Runs of code points with the same properties; made when a property is first asked for.
    runs: []const Run = &.{},

    const Run = struct { range: Range, properties: unicode.Properties };

    fn refuse(self: *Parser, at: usize, comptime format: []const u8, args: anytype) Error {
        self.diagnostic.set(at, "at byte {d}, " ++ format, .{at} ++ args);
        return error.UnsupportedPattern;
    }

    fn peek(self: *const Parser) ?u8 {
        return if (self.at < self.text.len) self.text[self.at] else null;
    }

    fn take(self: *Parser, expected: []const u8) bool {
        if (!std.mem.startsWith(u8, self.text[self.at..], expected)) return false;
        self.at += expected.len;
        return true;
    }

    fn make(self: *Parser, node: Node) Error!*const Node {
        const made = try self.arena.create(Node);
        made.* = node;
        return made;
    }

    fn enter(self: *Parser) Error!void {
        self.depth += 1;
        if (self.depth > depth_max) return self.refuse(self.at, "it nests too deep", .{});
    }

    fn parseAlternation(self: *Parser) Error!*const Node {
        try self.enter();
        defer self.depth -= 1;
        // `(?i)` holds to the end of the group it stands in.
        const outer_ignore_case = self.ignore_case;
        defer self.ignore_case = outer_ignore_case;
        var alternatives: std.ArrayList(*const Node) = .empty;
        while (true) {
            try alternatives.append(self.arena, try self.parseConcatenation());
            if (!self.take("|")) break;
        }
        if (alternatives.items.len == 1) return alternatives.items[0];
        if (try self.unionOf(alternatives.items)) |set| return self.make(.{ .set = set });
        return self.make(.{ .alternation = alternatives.items });
    }

    /// Alternatives that are one character each are one set.
    fn unionOf(self: *Parser, alternatives: []const *const Node) Error!?Set {
        var ranges: std.ArrayList(Range) = .empty;
        for (alternatives) |node| {
            if (node.* != .set) return null;
            try ranges.appendSlice(self.arena, node.set.ranges);
        }
        return try .of(self.arena, ranges.items);
    }

    fn parseConcatenation(self: *Parser) Error!*const Node {
        var nodes: std.ArrayList(*const Node) = .empty;
        while (self.peek()) |byte| {
            if (byte == '|' or byte == ')') break;
            if (self.take("(?i)")) {
                self.ignore_case = true;
                continue;
            }
            const start = self.at;
            try self.checkFolding(start);
            const atom = try self.parseAtom();
            try nodes.append(self.arena, try self.parseQuantifier(atom, start));
        }
        return switch (nodes.items.len) {
            0 => self.make(.empty),
            1 => nodes.items[0],
            else => self.make(.{ .concatenation = nodes.items }),
        };
    }

    /// Oniguruma folds some letters to two: U+00DF to "ss", ligatures to "ff", "fi", "fl" and "st".
    fn checkFolding(self: *Parser, at: usize) Error!void {
        if (!self.ignore_case or self.engine != .oniguruma or at + 2 > self.text.len) return;
        for ([_][]const u8{ "ss", "ff", "fi", "fl", "st" }) |pair| {
            if (std.ascii.eqlIgnoreCase(self.text[at..][0..2], pair)) {
                return self.refuse(at, "letters that equal one other where case is ignored", .{});
            }
        }
    }

    fn parseQuantifier(self: *Parser, node: *const Node, start: usize) Error!*const Node {
        const at = self.at;
        const bounds = try self.parseBounds() orelse return node;
        // To Oniguruma `{1,3}+` is a quantifier behind another, and `{3}?` one of `{0,3}` kind.
        const is_interval = self.text[at] == '{' and self.engine == .oniguruma;
        var repetition: Node.Repetition = .{
            .node = node,
            .min = bounds[0],
            .max = bounds[1],
            .greed = .greedy,
        };
        if (is_interval and self.peek() == '?' and bounds[0] == bounds[1]) {
            return self.refuse(at, "a lazy quantifier of one number", .{});
        }
        if (self.take("?")) {
            repetition.greed = .lazy;
        } else if (!is_interval and self.take("+")) {
            repetition.greed = .possessive;
        }
        const end = self.at;
        const is_doubled = is_interval and self.peek() == '+' and self.text[end - 1] != '?';
        if (is_doubled) self.at += 1;
        if (try self.parseBounds() != null) {
            return self.refuse(end, "a quantifier behind a quantifier", .{});
        }
        switch (node.*) {
            .empty, .look_ahead, .look_behind, .look_far, .start, .end, .word_boundary => {
                return self.refuse(at, "a quantifier behind what has no length", .{});
            },
            else => {},
        }
        if (repetition.max == null and node.isNullable()) {
            return self.refuse(start, "a repeated group that can match nothing", .{});
        }
        const made = try self.make(.{ .repetition = repetition });
        if (!is_doubled) return made;
        if (repetition.min == 0) return self.refuse(start, "a repeated group that can match nothing", .{});
        return self.make(.{ .repetition = .{ .node = made, .min = 1, .max = null, .greed = .greedy } });
    }

    /// Least and most repetitions, if a quantifier comes next.
    fn parseBounds(self: *Parser) Error!?struct { u32, ?u32 } {
        if (self.take("?")) return .{ 0, 1 };
        if (self.take("*")) return .{ 0, null };
        if (self.take("+")) return .{ 1, null };
        const start = self.at;
        if (!self.take("{")) return null;
        const min = try self.parseNumber(start);
        var max: ?u32 = min;
        if (self.take(",")) {
            max = if (self.peek() == '}') null else try self.parseNumber(start);
        }
        if (!self.take("}")) return self.refuse(start, "'{{' begins no quantifier", .{});
        if (max) |most| {
            if (most < min) return self.refuse(start, "a quantifier's bounds are swapped", .{});
        }
        return .{ min, max };
    }

    fn parseNumber(self: *Parser, start: usize) Error!u32 {
        var number: u32 = 0;
        const first = self.at;
        while (self.peek()) |byte| : (self.at += 1) {
            if (!std.ascii.isDigit(byte)) break;
            number = number * 10 + (byte - '0');
            if (number > repetition_max) {
                return self.refuse(start, "more than {d} repetitions", .{repetition_max});
            }
        }
        if (self.at == first) return self.refuse(start, "'{{' begins no quantifier", .{});
        return number;
    }

    fn parseAtom(self: *Parser) Error!*const Node {
        const start = self.at;
        switch (self.text[start]) {
            '(' => return self.parseGroup(),
            '[' => return self.make(.{ .set = try self.parseClass() }),
            '\\' => return self.parseEscape(),
            '?', '*', '+', '{' => return self.refuse(start, "a quantifier behind nothing", .{}),
            else => {},
        }
        self.at += 1;
        switch (self.text[start]) {
            '^' => return self.lineStart(),
            '$' => return self.lineEnd(),
            '.' => return self.make(.{ .set = try (try self.single('\n')).negated(self.arena) }),
            else => {},
        }
        self.at = start;
        const code_point = self.nextCodePoint();
        return self.make(.{ .set = try self.literal(code_point, start) });
    }

    /// To Oniguruma, `^` and `$` are the ends of a line.
    fn lineStart(self: *Parser) Error!*const Node {
        const start = try self.make(.start);
        if (self.engine != .oniguruma) return start;
        const newline = try self.single('\n');
        const behind = try self.make(.{ .look_behind = .{ .set = newline, .is_negative = false } });
        const ahead = try self.make(.{ .look_ahead = .{ .set = .all, .is_negative = false } });
        const nodes = try self.arena.dupe(*const Node, &.{ behind, ahead });
        const inner = try self.make(.{ .concatenation = nodes });
        const either = try self.arena.dupe(*const Node, &.{ start, inner });
        return self.make(.{ .alternation = either });
    }

    fn lineEnd(self: *Parser) Error!*const Node {
        const end = try self.make(.end);
        if (self.engine != .oniguruma) return end;
        const newline = try self.single('\n');
        const ahead = try self.make(.{ .look_ahead = .{ .set = newline, .is_negative = false } });
        const either = try self.arena.dupe(*const Node, &.{ end, ahead });
        return self.make(.{ .alternation = either });
    }

    fn nextCodePoint(self: *Parser) u21 {
        const character = utf8.decode(self.text, self.at);
        self.at += character.len;
        return character.code_point;
    }

    fn parseGroup(self: *Parser) Error!*const Node {
        const start = self.at;
        if (self.take("(?=")) return self.parseLookAhead(start, false);
        if (self.take("(?!")) return self.parseLookAhead(start, true);
        if (self.take("(?<=")) return self.parseLookBehind(start, false);
        if (self.take("(?<!")) return self.parseLookBehind(start, true);
        const outer_ignore_case = self.ignore_case;
        defer self.ignore_case = outer_ignore_case;
        var is_atomic = false;
        if (self.take("(?i:")) {
            self.ignore_case = true;
        } else if (self.take("(?>")) {
            is_atomic = true;
        } else if (!self.take("(?:")) {
            if (self.take("(?") or self.take("(*")) {
                return self.refuse(start, "this kind of group is not supported", .{});
            }
            self.at += 1;
        }
        const node = try self.parseAlternation();
        if (!self.take(")")) return self.refuse(start, "the group is not closed", .{});
        return if (is_atomic) self.atomic(node, start) else node;
    }

    /// `(?>X+)` is `X++`; what has one way to match is atomic as it is.
    fn atomic(self: *Parser, node: *const Node, start: usize) Error!*const Node {
        switch (node.*) {
            .set => return node,
            .repetition => |repetition| if (repetition.greed != .lazy) {
                var possessive = repetition;
                possessive.greed = .possessive;
                return self.make(.{ .repetition = possessive });
            },
            else => {},
        }
        return self.refuse(start, "an atomic group of more than one repetition", .{});
    }

    fn parseLookAhead(self: *Parser, start: usize, is_negative: bool) Error!*const Node {
        const node = try self.parseAlternation();
        if (!self.take(")")) return self.refuse(start, "the group is not closed", .{});
        return self.make(switch (node.*) {
            .set => |set| .{ .look_ahead = .{ .set = set, .is_negative = is_negative } },
            else => .{ .look_far = .{ .node = node, .is_negative = is_negative } },
        });
    }

    fn parseLookBehind(self: *Parser, start: usize, is_negative: bool) Error!*const Node {
        const node = try self.parseAlternation();
        if (!self.take(")")) return self.refuse(start, "the group is not closed", .{});
        if (node.* != .set) {
            return self.refuse(start, "look-behind farther than one character", .{});
        }
        return self.make(.{ .look_behind = .{ .set = node.set, .is_negative = is_negative } });
    }

    fn parseEscape(self: *Parser) Error!*const Node {
        const start = self.at;
        if (self.take("\\b")) return self.make(.{ .word_boundary = .{ .is_negative = false } });
        if (self.take("\\B")) return self.make(.{ .word_boundary = .{ .is_negative = true } });
        if (self.take("\\A")) return self.make(.start);
        if (self.take("\\z")) return self.make(.end);
        return self.make(.{ .set = switch (try self.parseClassEscape()) {
            .set => |set| set,
            .code_point => |code_point| try self.literal(code_point, start),
        } });
    }

    const Escaped = union(enum) { set: Set, code_point: u21 };

    /// An escape that may stand in a class.
    fn parseClassEscape(self: *Parser) Error!Escaped {
        const start = self.at;
        self.at += 1;
        if (self.at == self.text.len) return self.refuse(start, "an escape of nothing", .{});
        const byte = self.text[self.at];
        self.at += 1;
        return switch (byte) {
            'n' => .{ .code_point = '\n' },
            'r' => .{ .code_point = '\r' },
            't' => .{ .code_point = '\t' },
            'f' => .{ .code_point = 0x0C },
            'v' => .{ .code_point = 0x0B },
            'a' => .{ .code_point = 0x07 },
            'x' => .{ .code_point = try self.parseHexadecimal(2, start) },
            'u' => .{ .code_point = try self.parseHexadecimal(4, start) },
            's', 'S' => .{ .set = try self.property(.white_space, byte == 'S') },
            'w', 'W' => .{ .set = try self.property(.word, byte == 'W') },
            'd', 'D' => .{ .set = try self.property(.{ .categories = bitOf(.nd) }, byte == 'D') },
            'p', 'P' => .{ .set = try self.parseProperty(byte == 'P', start) },
            else => if (byte < 0x80 and !std.ascii.isAlphanumeric(byte))
                .{ .code_point = byte }
            else
                self.refuse(start, "this escape is not supported", .{}),
        };
    }

    fn parseHexadecimal(self: *Parser, digit_count: usize, start: usize) Error!u21 {
        const rest = self.text[self.at..];
        var digits = rest[0..@min(digit_count, rest.len)];
        var len = digits.len;
        if (rest.len > 0 and rest[0] == '{') {
            const close = std.mem.indexOfScalar(u8, rest, '}') orelse rest.len;
            digits = rest[1..close];
            len = @min(close + 1, rest.len);
        } else if (rest.len < digit_count) {
            return self.refuse(start, "too few hexadecimal digits", .{});
        }
        for (digits) |digit| {
            if (!std.ascii.isHex(digit)) return self.refuse(start, "a hexadecimal digit is wrong", .{});
        }
        const value = std.fmt.parseInt(u21, digits, 16) catch code_point_max + 1;
        if (value > code_point_max) return self.refuse(start, "there is no such code point", .{});
        self.at += len;
        return value;
    }

    fn parseProperty(self: *Parser, is_negated: bool, start: usize) Error!Set {
        var name: []const u8 = self.text[self.at..@min(self.at + 1, self.text.len)];
        var len = name.len;
        if (self.peek() == '{') {
            const close = std.mem.indexOfScalarPos(u8, self.text, self.at, '}') orelse {
                return self.refuse(start, "the property is not closed", .{});
            };
            name = self.text[self.at + 1 .. close];
            len = name.len + 2;
        }
        self.at += len;
        const is_inverse = std.mem.startsWith(u8, name, "^");
        if (is_inverse) name = name[1..];
        const wanted_negated = is_negated != is_inverse;
        if (scriptOf(name)) |ranges| {
            const set: Set = .{ .ranges = ranges };
            return if (wanted_negated) set.negated(self.arena) else set;
        }
        const categories = categoriesOf(name) orelse {
            return self.refuse(start, "the property {f} is not supported", .{std.json.fmt(name, .{})});
        };
        // Among letters and marks, case folding would have to add to the set.
        if (self.ignore_case and categories & cased_categories != 0) {
            return self.refuse(start, "a property of letters where case is ignored", .{});
        }
        return self.property(.{ .categories = categories }, wanted_negated);
    }

    const Property = union(enum) { white_space, word, categories: u32 };

    fn property(self: *Parser, wanted: Property, is_negated: bool) Error!Set {
        if (self.runs.len == 0) self.runs = try propertyRuns(self.arena);
        var ranges: std.ArrayList(Range) = .empty;
        for (self.runs) |run| {
            const has = switch (wanted) {
                .white_space => run.properties.white_space,
                .word => run.properties.word and
                    !(self.engine == .oniguruma and isJoinControl(run.range.low)),
                .categories => |bits| bits & bitOf(run.properties.category) != 0,
            };
            if (has) try ranges.append(self.arena, run.range);
        }
        if (wanted == .word and self.engine == .oniguruma and self.class_depth == 0) {
            // Outside of classes its table of Latin-1 counts, which has the numbers that are no digits.
            for ("\xb2\xb3\xb9\xbc\xbd\xbe") |number| {
                try ranges.append(self.arena, .{ .low = number, .high = number });
            }
        }
        const set: Set = try .of(self.arena, ranges.items);
        return if (is_negated) set.negated(self.arena) else set;
    }

    /// U+200C and U+200D: the two have a run of their own.
    fn isJoinControl(code_point: u21) bool {
        return code_point == 0x200C or code_point == 0x200D;
    }

    fn parseClass(self: *Parser) Error!Set {
        const start = self.at;
        try self.enter();
        defer self.depth -= 1;
        self.class_depth += 1;
        defer self.class_depth -= 1;
        self.at += 1;
        const is_negated = self.take("^");
        if (self.peek() == ']') return self.refuse(self.at, "']' begins a class", .{});
        var set: Set = .all;
        while (true) {
            set = try set.intersection(try self.parseClassUnion(start), self.arena);
            if (!self.take("&&")) break;
        }
        self.at += 1;
        return if (is_negated) set.negated(self.arena) else set;
    }

    /// The members of a class up to `]` or `&&`.
    fn parseClassUnion(self: *Parser, start: usize) Error!Set {
        var ranges: std.ArrayList(Range) = .empty;
        while (true) {
            const at = self.at;
            const rest = self.text[at..];
            if (rest.len == 0) return self.refuse(start, "the class is not closed", .{});
            if (rest[0] == ']' or std.mem.startsWith(u8, rest, "&&")) break;
            if (std.mem.startsWith(u8, rest, "[:") or std.mem.startsWith(u8, rest, "--") or
                std.mem.startsWith(u8, rest, "~~"))
            {
                return self.refuse(at, "'{s}' in a class", .{rest[0..2]});
            }
            if (rest[0] == '[') {
                try ranges.appendSlice(self.arena, (try self.parseClass()).ranges);
                continue;
            }
            const low = switch (try self.parseMember()) {
                .code_point => |code_point| code_point,
                .set => |set| {
                    try ranges.appendSlice(self.arena, set.ranges);
                    continue;
                },
            };
            var range: Range = .{ .low = low, .high = low };
            if (self.takeRangeDash()) {
                const high = try self.parseMember();
                if (high != .code_point or high.code_point < low) {
                    return self.refuse(at, "a range that does not ascend", .{});
                }
                range.high = high.code_point;
            }
            try self.addFolded(&ranges, range, at);
        }
        return .of(self.arena, ranges.items);
    }

    /// A dash between two members; before `]`, `[` or `&&` it is a member itself.
    fn takeRangeDash(self: *Parser) bool {
        const rest = self.text[self.at..];
        if (rest.len < 2 or rest[0] != '-') return false;
        if (rest[1] == ']' or rest[1] == '[' or rest[1] == '-') return false;
        if (std.mem.startsWith(u8, rest[1..], "&&")) return false;
        self.at += 1;
        return true;
    }

    fn parseMember(self: *Parser) Error!Escaped {
        if (self.peek() == '\\') return self.parseClassEscape();
        return .{ .code_point = self.nextCodePoint() };
    }

    fn single(self: *Parser, code_point: u21) Error!Set {
        const ranges = try self.arena.dupe(Range, &.{.{ .low = code_point, .high = code_point }});
        return .{ .ranges = ranges };
    }

    fn literal(self: *Parser, code_point: u21, at: usize) Error!Set {
        var ranges: std.ArrayList(Range) = .empty;
        try self.addFolded(&ranges, .{ .low = code_point, .high = code_point }, at);
        return .of(self.arena, ranges.items);
    }

    /// Adds `range` and, where case is ignored, what is equal to a member of it by simple case folding.
    fn addFolded(self: *Parser, ranges: *std.ArrayList(Range), range: Range, at: usize) Error!void {
        try ranges.append(self.arena, range);
        if (!self.ignore_case) return;
        var code_point: u32 = @max(range.low, 0x80);
        while (code_point <= range.high) : (code_point += 1) {
            const category = unicode.propertiesOf(@intCast(code_point)).category;
            if (bitOf(category) & cased_categories != 0 or category == .nl or category == .so) {
                return self.refuse(at, "a letter outside ASCII where case is ignored", .{});
            }
        }
        for ("abcdefghijklmnopqrstuvwxyz") |lower| {
            const upper = std.ascii.toUpper(lower);
            const has_lower = range.low <= lower and lower <= range.high;
            const has_upper = range.low <= upper and upper <= range.high;
            if (!has_lower and !has_upper) continue;
            try ranges.append(self.arena, .{ .low = lower, .high = lower });
            try ranges.append(self.arena, .{ .low = upper, .high = upper });
            switch (lower) {
                's' => try ranges.append(self.arena, .{ .low = 0x17F, .high = 0x17F }),
                'k' => try ranges.append(self.arena, .{ .low = 0x212A, .high = 0x212A }),
                else => {},
            }
        }
    }
};

fn propertyRuns(arena: Allocator) Error![]const Parser.Run {
    var runs: std.ArrayList(Parser.Run) = .empty;
    var last = unicode.propertiesOf(0);
    var low: u21 = 0;
    for (1..code_point_max + 1) |i| {
        const code_point: u21 = @intCast(i);
        const properties = unicode.propertiesOf(code_point);
        if (properties == last) continue;
        const range: Range = .{ .low = low, .high = code_point - 1 };
        try runs.append(arena, .{ .range = range, .properties = last });
        last = properties;
        low = code_point;
    }
    const range: Range = .{ .low = low, .high = code_point_max };
    try runs.append(arena, .{ .range = range, .properties = last });
    return runs.items;
}

fn bitOf(category: unicode.Category) u32 {
    return @as(u32, 1) << @intFromEnum(category);
}

/// What simple case folding maps from or to, but for letter numbers and symbols, whose categories it keeps.
const cased_categories = bitOf(.lu) | bitOf(.ll) | bitOf(.lt) | bitOf(.lm) | bitOf(.lo) |
    bitOf(.mn) | bitOf(.mc) | bitOf(.me);

/// The categories that a name of one letter, of two, or `L&` stands for; case does not matter.
fn categoriesOf(name: []const u8) ?u32 {
    if (name.len == 0 or name.len > 2) return null;
    if (std.ascii.eqlIgnoreCase(name, "L&") or std.ascii.eqlIgnoreCase(name, "LC")) {
        return bitOf(.lu) | bitOf(.ll) | bitOf(.lt);
    }
    var categories: u32 = 0;
    for (std.enums.values(unicode.Category)) |category| {
        const tag = @tagName(category);
        if (std.ascii.eqlIgnoreCase(tag[0..name.len], name)) categories |= bitOf(category);
    }
    return if (categories == 0) null else categories;
}

fn scriptOf(name: []const u8) ?[]const Range {
    var plain = name;
    for ([_][]const u8{ "script=", "sc=" }) |prefix| {
        if (std.ascii.startsWithIgnoreCase(name, prefix)) plain = name[prefix.len..];
    }
    for (scripts) |script| {
        if (std.ascii.eqlIgnoreCase(script.name, plain)) return script.ranges;
    }
    return null;
}

/// The scripts that published patterns name, by the Script property of Unicode 16.0.
const scripts = [_]struct { name: []const u8, ranges: []const Range }{
    .{ .name = "Han", .ranges = &rangesOf(han.ranges) },
    .{ .name = "Hiragana", .ranges = &rangesOf(.{
        .{ 0x3041, 0x3096 },   .{ 0x309D, 0x309F },   .{ 0x1B001, 0x1B11F },
        .{ 0x1B132, 0x1B132 }, .{ 0x1B150, 0x1B152 }, .{ 0x1F200, 0x1F200 },
    }) },
    .{ .name = "Katakana", .ranges = &rangesOf(.{
        .{ 0x30A1, 0x30FA },   .{ 0x30FD, 0x30FF },   .{ 0x31F0, 0x31FF },   .{ 0x32D0, 0x32FE },
        .{ 0x3300, 0x3357 },   .{ 0xFF66, 0xFF6F },   .{ 0xFF71, 0xFF9D },   .{ 0x1AFF0, 0x1AFF3 },
        .{ 0x1AFF5, 0x1AFFB }, .{ 0x1AFFD, 0x1AFFE }, .{ 0x1B000, 0x1B000 }, .{ 0x1B120, 0x1B122 },
        .{ 0x1B155, 0x1B155 }, .{ 0x1B164, 0x1B167 },
    }) },
};

fn rangesOf(comptime pairs: anytype) [pairs.len]Range {
    var ranges: [pairs.len]Range = undefined;
    for (&ranges, pairs) |*range, pair| range.* = .{ .low = pair[0], .high = pair[1] };
    return ranges;
}

fn expectMembers(pattern: []const u8, members: []const u21, others: []const u21) !void {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    var diagnostic: Diagnostic = .{};
    const node = try parse(arena.allocator(), pattern, .fancy_regex, &diagnostic);
    for (members) |code_point| try std.testing.expect(node.set.has(code_point));
    for (others) |code_point| try std.testing.expect(!node.set.has(code_point));
}

test "sets" {
    try expectMembers("[a-c-]", &.{ 'a', 'c', '-' }, &.{ 'd', ',' });
    try expectMembers("[^(\\s|[.,…]]", &.{ 'a', ')' }, &.{ '(', ' ', '|', '.', '…' });
    try expectMembers("[\\p{L}&&[^\\p{Han}]]", &.{ 'a', 'é' }, &.{ '中', '1' });
    try expectMembers("[^a-z&&[aeiou]]", &.{ 'b', '1' }, &.{ 'a', 'u' });
    try expectMembers("[^\\S\\n]", &.{ ' ', '\r', 0x3000 }, &.{ '\n', 'a' });
    try expectMembers("\\p{L&}", &.{ 'a', 'Z', 0x1C5 }, &.{ '中', '1' });
    try expectMembers("\\pN", &.{ '1', 0xB2, 0x2167 }, &.{'a'});
    try expectMembers("\\P{Nd}", &.{ 'a', 0xB2 }, &.{'1'});
    try expectMembers("\\p{^Nd}", &.{ 'a', 0xB2 }, &.{'1'});
    try expectMembers("\\p{Script=Hiragana}", &.{0x3042}, &.{0x30A2});
    try expectMembers("(?i:s)", &.{ 's', 'S', 0x17F }, &.{'t'});
    try expectMembers("(?i:[j-l])", &.{ 'J', 'K', 0x212A, 'l' }, &.{ 'm', 0x17F });
    try expectMembers("(?i:[^s])", &.{'t'}, &.{ 's', 'S', 0x17F });
    try expectMembers("\\x{1F600}", &.{0x1F600}, &.{'a'});
    try expectMembers("\\u4e2D", &.{0x4E2D}, &.{'a'});
    try expectMembers("\\x41", &.{'A'}, &.{'a'});
    try expectMembers(".", &.{ 'A', '\r' }, &.{'\n'});
    try expectMembers("[\\]\\-\\\\]", &.{ ']', '-', '\\' }, &.{'['});
}

test "what is refused, and where" {
    const cases = [_]struct { []const u8, usize }{
        .{ "a(b", 1 },      .{ "ab)", 2 },         .{ "a[b", 1 },         .{ "*", 0 },
        .{ "a**", 2 },      .{ "a{2", 1 },         .{ "a{3,2}", 1 },      .{ "a{1001}", 1 },
        .{ "a{x}", 1 },     .{ "(?<=ab)c", 0 },    .{ "x(?<n>a)", 1 },    .{ "\\1", 0 },
        .{ "a\\X", 1 },     .{ "\\p{Foo}", 0 },
        .{ "(?i:é)", 4 },
        .{ "[z-a]", 1 },    .{ "[[:alpha:]]", 1 }, .{ "[a--b]", 2 },      .{ "(?:a?)*", 0 },
        .{ "(?>a|ab)", 0 }, .{ "(?i:\\p{L})", 4 }, .{ "\\x{110000}", 0 }, .{ "^*", 1 },
        .{ "[]a]", 1 },     .{ "a\xff", 0 },       .{ "\\", 0 },
    };
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    for (cases) |case| {
        var diagnostic: Diagnostic = .{};
        const parsed = parse(arena.allocator(), case[0], .fancy_regex, &diagnostic);
        try std.testing.expectError(error.UnsupportedPattern, parsed);
        try std.testing.expectEqual(@as(?usize, case[1]), diagnostic.offset);
    }
}
