//! What merging starts from: every byte of a piece, or every character of it.
//!
//! Byte-level vocabularies have a token for each byte. Those made by SentencePiece have one for
//! each character they know; the caller cuts out of the text what they do not (`characterId`). One
//! probe of a table for a character.

const std = @import("std");
const definition = @import("definition.zig");
const utf8 = @import("utf8.zig");
const Allocator = std.mem.Allocator;

pub const BaseSymbols = struct {
    kind: Kind,
    /// The id of every single byte, for `.bytes`.
    byte_ids: [256]u32,
    /// Code points and ids by open addressing, a power of two many slots, at most half of them
    /// used; for `.characters`.
    characters: []Character,

    pub const Kind = enum(u8) { bytes, characters };

    const Character = extern struct { code_point: u32, id: u32 };
    const no_code_point = std.math.maxInt(u32);

    pub fn fromBytes(byte_ids: [256]u32) BaseSymbols {
        return .{ .kind = .bytes, .byte_ids = byte_ids, .characters = &.{} };
    }

    /// The characters that have a token; each stands in the list once.
    pub fn fromCharacters(
        gpa: Allocator,
        known: []const definition.Characters.Known,
    ) error{OutOfMemory}!BaseSymbols {
        const slots = std.math.ceilPowerOfTwo(usize, @max(2 * known.len, 16)) catch
            return error.OutOfMemory;
        const characters = try gpa.alloc(Character, slots);
        @memset(characters, .{ .code_point = no_code_point, .id = 0 });
        const symbols: BaseSymbols = .{
            .kind = .characters,
            .byte_ids = @splat(0),
            .characters = characters,
        };
        for (known) |entry| {
            symbols.slotOf(entry.character).* = .{ .code_point = entry.character, .id = entry.id };
        }
        return symbols;
    }

    pub fn deinit(symbols: *BaseSymbols, gpa: Allocator) void {
        gpa.free(symbols.characters);
        symbols.* = undefined;
    }

    /// The token of a character; null if the vocabulary does not know it. Only for `.characters`.
    pub fn characterId(symbols: *const BaseSymbols, code_point: u21) ?u32 {
        const slot = symbols.slotOf(code_point);
        return if (slot.code_point == no_code_point) null else slot.id;
    }

    /// Writes the symbols that `piece` consists of, at most as many as it has bytes, and returns
    /// how many. What is no known character is left out.
    pub fn split(symbols: *const BaseSymbols, piece: []const u8, ids: [*]u32) usize {
        if (symbols.kind == .bytes) {
            for (piece, ids) |byte, *id| id.* = symbols.byte_ids[byte];
            return piece.len;
        }
        var count: usize = 0;
        var position: usize = 0;
        while (position < piece.len) {
            const code_point, const len = readCharacter(piece, position);
            position += len;
            ids[count] = symbols.characterId(code_point orelse continue) orelse continue;
            count += 1;
        }
        return count;
    }

    /// The ids of all symbols; the caller frees them.
    pub fn allIds(symbols: *const BaseSymbols, gpa: Allocator) error{OutOfMemory}![]u32 {
        if (symbols.kind == .bytes) return gpa.dupe(u32, &symbols.byte_ids);
        var ids: std.ArrayList(u32) = .empty;
        errdefer ids.deinit(gpa);
        for (symbols.characters) |slot| {
            if (slot.code_point != no_code_point) try ids.append(gpa, slot.id);
        }
        return ids.toOwnedSlice(gpa);
    }

    pub fn memoryBytes(symbols: *const BaseSymbols) usize {
        return @sizeOf(BaseSymbols) + symbols.characters.len * @sizeOf(Character);
    }

    /// Whether every search ends and gives what is there.
    pub fn validate(symbols: *const BaseSymbols, id_limit: u32) bool {
        if (symbols.kind == .bytes) return std.mem.max(u32, &symbols.byte_ids) < id_limit;
        if (@popCount(symbols.characters.len) != 1) return false;
        var empty_count: usize = 0;
        for (symbols.characters) |slot| {
            empty_count += @intFromBool(slot.code_point == no_code_point);
            if (slot.code_point != no_code_point and slot.id >= id_limit) return false;
        }
        return empty_count > 0;
    }

    /// Where the code point stands, or the empty slot where it would.
    fn slotOf(symbols: *const BaseSymbols, code_point: u21) *Character {
        const mask = symbols.characters.len - 1;
        var slot = (code_point *% @as(u32, 0x9E3779B1)) >> 8 & mask;
        while (true) : (slot = (slot + 1) & mask) {
            const found = symbols.characters[slot].code_point;
            if (found == code_point or found == no_code_point) return &symbols.characters[slot];
        }
    }
};

/// The character at `position`, null where the bytes are ill-formed, and how many bytes it has.
fn readCharacter(text: []const u8, position: usize) struct { ?u21, usize } {
    const character = utf8.decode(text, position);
    const is_real = character.code_point != utf8.replacement or utf8.isReplacementAt(text, position);
    return .{ if (is_real) character.code_point else null, character.len };
}

test "characters are split into ids, and what is unknown is left out" {
    const gpa = std.testing.allocator;
    var symbols: BaseSymbols = try .fromCharacters(gpa, &.{
        .{ .character = 'a', .id = 3 },
        .{ .character = 0x2581, .id = 4 },
        .{ .character = 0xFFFD, .id = 8 },
        .{ .character = 0x1F600, .id = 9 },
    });
    defer symbols.deinit(gpa);
    try std.testing.expectEqual(@as(?u32, 3), symbols.characterId('a'));
    try std.testing.expectEqual(@as(?u32, null), symbols.characterId('b'));
    const piece = "\u{2581}ab\xff\u{FFFD}\xf0\x9f\u{1F600}";
    var ids: [piece.len]u32 = undefined;
    const count = symbols.split(piece, &ids);
    try std.testing.expectEqualSlices(u32, &.{ 4, 3, 8, 9 }, ids[0..count]);
    const all = try symbols.allIds(gpa);
    defer gpa.free(all);
    std.mem.sort(u32, all, {}, std.sort.asc(u32));
    try std.testing.expectEqualSlices(u32, &.{ 3, 4, 8, 9 }, all);
}
