//! SentencePiece's `.model` files, a message of Protocol Buffers, for models of the type BPE.
//!
//! The pair whose concatenation is the piece with the highest score is merged first, the leftmost of several
//! that are equal. User-defined pieces are cut out of the text before; control pieces never come out of it.
//! What would change the ids and is not done here is refused by name. Takes n log n time in the number of
//! pieces, for the order of their scores; else linear.

const std = @import("std");
const character_model = @import("character_model.zig");
const components = @import("components.zig");
const definition = @import("../definition.zig");
const Diagnostic = @import("../diagnostic.zig").Diagnostic;
const protobuf = @import("protobuf.zig");
const token_text = @import("../token_text.zig");
const Allocator = std.mem.Allocator;

pub const Error = error{ OutOfMemory, Malformed, Unsupported };

const sign = components.usual_space_sign;

const Kind = enum(u64) { normal = 1, unknown, control, user_defined, unused, byte };

const Piece = struct { content: []const u8 = "", score: f32 = 0, kind: Kind = .normal };

/// What the file says besides its pieces.
const Settings = struct {
    model_type: u64 = 1,
    byte_fallback: bool = false,
    whitespace_as_suffix: bool = false,
    unknown_surface: []const u8 = " \u{2047} ",
    charsmap: []const u8 = "",
    decoding_charsmap: []const u8 = "",
    add_dummy_prefix: bool = true,
    remove_extra_whitespaces: bool = true,
    escape_whitespaces: bool = true,

    const field_numbers = struct {
        const pieces = 1;
        const trainer = 2;
        const normalizer = 3;
        const denormalizer = 5;
    };
};

/// Parses the content of a file. The definition belongs to `arena` and points into `content`.
pub fn parse(
    arena: Allocator,
    content: []const u8,
    diagnostic: *Diagnostic,
) Error!definition.Definition {
    var model: Model = .{ .arena = arena, .diagnostic = diagnostic };
    model.read(content) catch |err| switch (err) {
        error.BrokenMessage => {
            diagnostic.set(null, "the model is not a whole message of Protocol Buffers", .{});
            return error.Malformed;
        },
        else => |other| return other,
    };
    try model.checkSettings();
    return model.define();
}

const Model = struct {
    arena: Allocator,
    diagnostic: *Diagnostic,
    pieces: std.ArrayList(Piece) = .empty,
    settings: Settings = .{},

    const ReadError = Error || protobuf.Error;

    fn read(model: *Model, content: []const u8) ReadError!void {
        const numbers = Settings.field_numbers;
        var message: protobuf.Message = .{ .bytes = content };
        while (try message.next()) |field| switch (field.number) {
            numbers.pieces => {
                const piece = try model.readPiece(try bytesOf(field));
                try model.pieces.append(model.arena, piece);
            },
            numbers.trainer => try model.readTrainer(try bytesOf(field)),
            numbers.normalizer => try model.readNormalizer(try bytesOf(field)),
            numbers.denormalizer => {
                var inner: protobuf.Message = .{ .bytes = try bytesOf(field) };
                while (try inner.next()) |part| {
                    if (part.number == 2) model.settings.decoding_charsmap = try bytesOf(part);
                }
            },
            else => {},
        };
    }

    fn readPiece(model: *Model, bytes: []const u8) ReadError!Piece {
        var piece: Piece = .{};
        var message: protobuf.Message = .{ .bytes = bytes };
        while (try message.next()) |field| switch (field.number) {
            1 => piece.content = try bytesOf(field),
            2 => piece.score = switch (field.value) {
                .fixed32 => |bits| @bitCast(bits),
                else => return error.BrokenMessage,
            },
            3 => piece.kind = std.enums.fromInt(Kind, try numberOf(field)) orelse
                return model.malformed("pieces[{d}].type: there is no such type", .{model.pieces.items.len}),
            else => {},
        };
        return piece;
    }

    fn readTrainer(model: *Model, bytes: []const u8) ReadError!void {
        const settings = &model.settings;
        var message: protobuf.Message = .{ .bytes = bytes };
        while (try message.next()) |field| switch (field.number) {
            3 => settings.model_type = try numberOf(field),
            24 => settings.whitespace_as_suffix = try numberOf(field) != 0,
            35 => settings.byte_fallback = try numberOf(field) != 0,
            44 => settings.unknown_surface = try bytesOf(field),
            else => {},
        };
    }

    fn readNormalizer(model: *Model, bytes: []const u8) ReadError!void {
        const settings = &model.settings;
        var message: protobuf.Message = .{ .bytes = bytes };
        while (try message.next()) |field| switch (field.number) {
            2 => settings.charsmap = try bytesOf(field),
            3 => settings.add_dummy_prefix = try numberOf(field) != 0,
            4 => settings.remove_extra_whitespaces = try numberOf(field) != 0,
            5 => settings.escape_whitespaces = try numberOf(field) != 0,
            else => {},
        };
    }

    fn bytesOf(field: protobuf.Field) protobuf.Error![]const u8 {
        return if (field.value == .bytes) field.value.bytes else error.BrokenMessage;
    }

    fn numberOf(field: protobuf.Field) protobuf.Error!u64 {
        return if (field.value == .varint) field.value.varint else error.BrokenMessage;
    }

    fn malformed(model: *Model, comptime format: []const u8, arguments: anytype) Error {
        model.diagnostic.set(null, format, arguments);
        return error.Malformed;
    }

    fn unsupported(model: *Model, comptime format: []const u8, arguments: anytype) Error {
        model.diagnostic.set(null, format, arguments);
        return error.Unsupported;
    }

    fn checkSettings(model: *Model) Error!void {
        const settings = &model.settings;
        if (model.pieces.items.len == 0) {
            return model.malformed("pieces: a SentencePiece model has some, this has none", .{});
        }
        const names = [_][]const u8{ "UNIGRAM", "BPE", "WORD", "CHAR" };
        if (settings.model_type != 2) {
            if (settings.model_type == 0 or settings.model_type > names.len) {
                return model.malformed("trainer_spec.model_type: there is no such type", .{});
            }
            const name = names[settings.model_type - 1];
            return model.unsupported(
                "trainer_spec.model_type: {s} is not supported, only BPE is",
                .{name},
            );
        }
        const refused = [_]struct { bool, []const u8 }{
            .{ settings.whitespace_as_suffix, "trainer_spec.treat_whitespace_as_suffix" },
            .{ settings.charsmap.len > 0, "normalizer_spec.precompiled_charsmap" },
            .{ settings.decoding_charsmap.len > 0, "denormalizer_spec.precompiled_charsmap" },
            .{ !settings.escape_whitespaces, "normalizer_spec.escape_whitespaces: false" },
        };
        for (refused) |feature| {
            if (feature[0]) return model.unsupported("{s}: this is not supported", .{feature[1]});
        }
        if (model.pieces.items.len > std.math.maxInt(u31)) {
            return model.unsupported("pieces: 2^31 or more of them are not supported", .{});
        }
    }

    fn define(model: *Model) Error!definition.Definition {
        const settings = &model.settings;
        var tables: Tables = .{ .model = model };
        try tables.fill();
        var steps: std.ArrayList(definition.Normalization) = .empty;
        if (settings.remove_extra_whitespaces) {
            try steps.append(model.arena, .{ .collapse_spaces = sign });
        }
        try steps.append(model.arena, .{ .replace = .{ .from = sign, .to = " " } });
        if (settings.add_dummy_prefix) try steps.append(model.arena, .{ .prepend = " " });
        // Of each token with no text before it, or of the first alone.
        const strips_each = settings.remove_extra_whitespaces;
        const strip_max: u32 = if (strips_each) std.math.maxInt(u32) else @intFromBool(settings.add_dummy_prefix);
        return .{
            .format = .sentencepiece,
            .tokens = tables.tokens.items,
            .symbols = .{ .characters = .{
                .known = tables.known.items,
                .byte_ids = tables.byte_ids,
                .unknown = tables.unknown,
                .fuse_unknown = true,
                .has_normalized_sign = true,
            } },
            .merge_rule = .{ .scores = try tables.rank() },
            .normalization = steps.items,
            .splits = &.{},
            .decoding = .{
                .byte_fallback = settings.byte_fallback,
                .byte_runs = .characters,
                .byte_tokens = tables.byte_tokens.items,
                .strip_spaces = strip_max,
            },
            .added_tokens = tables.added.items,
            .added_are_normal = true,
            .special_ids = tables.special_ids.items,
        };
    }
};

/// The pieces, sorted by what they are for.
const Tables = struct {
    model: *Model,
    tokens: std.ArrayList(definition.Token) = .empty,
    known: std.ArrayList(definition.Characters.Known) = .empty,
    added: std.ArrayList(definition.AddedToken) = .empty,
    byte_tokens: std.ArrayList(u32) = .empty,
    special_ids: std.ArrayList(u32) = .empty,
    byte_ids: [256]?u32 = @splat(null),
    unknown: ?u32 = null,
    /// Indices of the pieces that merges start from or come to.
    merged: std.ArrayList(u32) = .empty,

    fn fill(tables: *Tables) Error!void {
        const model = tables.model;
        const arena = model.arena;
        var seen: std.StringHashMapUnmanaged(void) = .empty;
        for (model.pieces.items, 0..) |*piece, index| {
            if (piece.content.len == 0) return model.malformed("pieces[{d}]: the piece is empty", .{index});
            if (!std.unicode.utf8ValidateSlice(piece.content)) {
                return model.malformed("pieces[{d}]: the piece is not UTF-8", .{index});
            }
            if ((try seen.getOrPut(arena, piece.content)).found_existing) {
                return model.malformed("pieces[{d}]: the piece is there twice", .{index});
            }
            try tables.add(piece, @intCast(index));
        }
        if (tables.unknown == null) return model.malformed("pieces: none is of the type UNKNOWN", .{});
        if (model.settings.byte_fallback) for (tables.byte_ids, 0..) |id, byte| {
            if (id != null) continue;
            return model.malformed("pieces: byte_fallback needs one for the byte 0x{x:0>2}", .{byte});
        };
        std.mem.sortUnstable(definition.Characters.Known, tables.known.items, {}, lessByCharacter);
        try tables.checkCharacters();
    }

    fn add(tables: *Tables, piece: *const Piece, id: u32) Error!void {
        const model = tables.model;
        const arena = model.arena;
        const bytes = try std.mem.replaceOwned(u8, arena, piece.content, sign, " ");
        const token = try tables.tokens.addOne(arena);
        token.* = .{ .id = id, .bytes = bytes };
        switch (piece.kind) {
            .unused => return model.unsupported(
                "pieces[{d}].type: UNUSED is not supported",
                .{id},
            ),
            .unknown => {
                if (tables.unknown != null) {
                    return model.malformed("pieces[{d}].type: another piece is UNKNOWN", .{id});
                }
                tables.unknown = id;
                token.decoded = model.settings.unknown_surface;
            },
            .control => try tables.special_ids.append(arena, id),
            .byte => {
                const byte = byteOf(piece.content) orelse
                    return model.malformed("pieces[{d}]: a byte's piece is <0x00> to <0xFF>", .{id});
                if (!model.settings.byte_fallback) {
                    return model.malformed("pieces[{d}].type: BYTE without byte_fallback", .{id});
                }
                token.decoded = try arena.dupe(u8, &.{byte});
                tables.byte_ids[byte] = id;
                try tables.byte_tokens.append(arena, id);
            },
            .user_defined => try tables.addUserDefined(piece, id, bytes),
            .normal => if (std.mem.findScalar(u8, piece.content, ' ') != null) {
                // No space reaches the model: found behind the piece that has the sign instead.
                token.decoded = bytes;
                return;
            } else {
                if (std.math.isNan(piece.score)) {
                    return model.malformed("pieces[{d}].score: it is not a number", .{id});
                }
                try tables.merged.append(arena, id);
            },
        }
        if (piece.kind != .normal and piece.kind != .control) return;
        if (character_model.onlyCharacter(bytes)) |character| {
            try tables.known.append(arena, .{ .character = character, .id = id });
        }
    }

    fn addUserDefined(tables: *Tables, piece: *const Piece, id: u32, bytes: []const u8) Error!void {
        const model = tables.model;
        const has_space = std.mem.findScalar(u8, piece.content, ' ') != null;
        const has_sign = std.mem.find(u8, piece.content, sign) != null;
        if (has_space or (has_sign and model.settings.remove_extra_whitespaces)) {
            return model.unsupported(
                "pieces[{d}]: a space in a USER_DEFINED piece is not supported here",
                .{id},
            );
        }
        try tables.added.append(model.arena, .{
            .id = id,
            .content = bytes,
            .special = false,
            .normalized = true,
        });
    }

    /// Merging starts from pieces of one character: refuses a piece that has others.
    fn checkCharacters(tables: *const Tables) Error!void {
        for (tables.merged.items) |id| {
            const bytes = tables.tokens.items[id].bytes;
            var view = std.unicode.Utf8View.initUnchecked(bytes).iterator();
            while (view.nextCodepoint()) |character| {
                const found = std.sort.binarySearch(
                    definition.Characters.Known,
                    tables.known.items,
                    character,
                    orderOfCharacter,
                );
                if (found != null) continue;
                return tables.model.unsupported(
                    "pieces[{d}]: U+{X:0>4} in it is no piece of its own, which is not supported",
                    .{ id, character },
                );
            }
        }
    }

    /// The rank of each token: equal ones for equal scores, the lowest for the highest.
    fn rank(tables: *const Tables) Error![]const u32 {
        const pieces = tables.model.pieces.items;
        const ranks = try tables.model.arena.alloc(u32, pieces.len);
        @memset(ranks, definition.MergeRule.unmerged);
        std.mem.sortUnstable(u32, tables.merged.items, @as([]const Piece, pieces), isHigher);
        var last: u32 = 0;
        for (tables.merged.items, 0..) |id, at| {
            if (at > 0 and pieces[id].score != pieces[tables.merged.items[at - 1]].score) last += 1;
            ranks[id] = last;
        }
        return ranks;
    }

    fn isHigher(pieces: []const Piece, a: u32, b: u32) bool {
        return pieces[a].score > pieces[b].score;
    }

    fn lessByCharacter(
        _: void,
        a: definition.Characters.Known,
        b: definition.Characters.Known,
    ) bool {
        return a.character < b.character;
    }

    fn orderOfCharacter(character: u21, known: definition.Characters.Known) std.math.Order {
        return std.math.order(character, known.character);
    }

    /// The byte that a piece stands for, in the one spelling that the reference takes.
    fn byteOf(content: []const u8) ?u8 {
        const byte = token_text.byteOf(content) orelse return null;
        var buffer: [6]u8 = undefined;
        const spelled = std.fmt.bufPrint(&buffer, "<0x{X:0>2}>", .{byte}) catch unreachable;
        return if (std.mem.eql(u8, spelled, content)) byte else null;
    }
};

const tests = struct {
    fn field(arena: Allocator, number: u8, bytes: []const u8) ![]const u8 {
        return std.mem.concat(arena, u8, &.{ &.{ number << 3 | 2, @intCast(bytes.len) }, bytes });
    }

    fn piece(arena: Allocator, content: []const u8, score: f32, kind: u8) ![]const u8 {
        const name = try field(arena, 1, content);
        const bits: [4]u8 = @bitCast(score);
        return field(arena, 1, try std.mem.concat(arena, u8, &.{ name, "\x15", &bits, "\x18", &.{kind} }));
    }

    /// Two pieces of equal scores, an unknown, a control and a user-defined one.
    fn model(arena: Allocator) ![]const u8 {
        return std.mem.concat(arena, u8, &.{
            try piece(arena, "<unk>", 0, 2),
            try piece(arena, "<s>", 0, 3),
            try piece(arena, "[x]", 0, 4),
            try piece(arena, "bc", -1, 1),
            try piece(arena, "ab", -1, 1),
            try piece(arena, "a", -2, 1),
            try piece(arena, "b", -2, 1),
            try piece(arena, "c", -2, 1),
            try piece(arena, sign, -2, 1),
            try field(arena, 2, "\x18\x02"),
            try field(arena, 3, "\x18\x01\x20\x00"),
        });
    }

    fn load(gpa: Allocator, content: []const u8) !void {
        var arena: std.heap.ArenaAllocator = .init(gpa);
        defer arena.deinit();
        var diagnostic: Diagnostic = .{};
        const parsed = try parse(arena.allocator(), content, &diagnostic);
        var tokenizer: Tokenizer = try .init(gpa, parsed, &diagnostic);
        defer tokenizer.deinit(gpa);
        var context: Context = try .init(gpa, &tokenizer);
        defer context.deinit();
        _ = try context.encode("abc[x]bc?? a<s>", .parse);
        // The leftmost of equal scores is merged first; a space is put in front; a control piece is text.
        const expected = [_]u32{ 8, 4, 7, 2, 3, 0, 8, 5, 0 };
        try std.testing.expectEqualSlices(u32, &expected, context.ids);
        _ = try context.decode(&.{ 1, 8, 4, 2 }, true);
        try std.testing.expectEqualStrings("ab[x]", context.bytes.items);
    }
};

const Tokenizer = @import("../tokenizer.zig").Tokenizer;
const Context = @import("../context.zig").Context;

test "a model is loaded and encodes; a failed allocation leaks nothing" {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    const content = try tests.model(arena.allocator());
    try tests.load(std.testing.allocator, content);
    try std.testing.checkAllAllocationFailures(std.testing.allocator, tests.load, .{content});
}

test "a model that is cut off is refused" {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    const content = try tests.model(arena.allocator());
    for (0..content.len) |len| {
        var diagnostic: Diagnostic = .{};
        _ = parse(arena.allocator(), content[0..len], &diagnostic) catch |err| {
            try std.testing.expect(err != error.OutOfMemory);
            try std.testing.expect(diagnostic.message().len > 0);
            continue;
        };
        // Whole but for the last message.
        try std.testing.expect(len + 6 >= content.len);
    }
}
