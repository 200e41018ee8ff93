//! The patterns of GPT-2, StarCoder, Falcon, cl100k, o200k, DeepSeek V3, deepseek-coder, DeepSeek LLM, BLOOM, CLIP
//! and their kin, 64 bytes of text at a time.
//!
//! A window begins where a match begins. Its bytes are sorted into classes, a bit for each byte in a mask
//! for each class (all bytes of a character carry its class), and where pieces begin comes out of the
//! masks by shifts and additions, for all of the window at once. A boundary counts if nothing behind the
//! window could change it; the next window begins at the last one that does. What the masks do not decide
//! (a piece longer than the window, ill-formed UTF-8, a few mixtures of scripts) is left to the scanner
//! that goes character by character: `scan` stops there, and the caller goes on.
//!
//! This file is compiled once for each level of CPU features (`levels.zig`), so it imports nothing but the
//! standard library. Time is linear in the text; nothing is allocated.

const std = @import("std");
const masks_zig = @import("masks.zig");
const piece_key = @import("piece_key.zig");
const Block = masks_zig.Block;
const Masks = masks_zig.Masks;
const lowest = masks_zig.lowest;

pub const Family = masks_zig.Family;
pub const Kind = masks_zig.Kind;
pub const Tables = masks_zig.Tables;
pub const window_len = masks_zig.window_len;
/// Not for windows: here because a level's kernels are one module.
pub const units = @import("units.zig");
pub const utf8_writer = @import("utf8_writer.zig");

pub const Options = struct {
    family: Family,
    /// The most digits in a piece; GPT-2's has no bound.
    number_len: usize = 0,
    /// cl100k: white space that ends the text is one piece even where it has newlines.
    keeps_final_space: bool = false,
    /// o200k: a word takes the contraction behind it.
    contractions: bool = true,
    /// In the family `letters`: marks are letters.
    has_marks: bool = false,
};

/// A piece of a text.
pub const Span = extern struct { start: usize, end: usize };

/// How many pieces there are, and where to go on.
pub const Result = extern struct { count: usize, position: usize };

/// Where the keys of pieces go, for the table that they will be looked up in.
pub const Keyed = extern struct {
    keys: [*]piece_key.Key,
    hashes: [*]u32,
    /// Entries of `entry_len` bytes: which one, the lowest bits of a hash tell.
    entries: [*]const u8,
    entry_mask: usize,
    /// The indices of pieces whose keys are left to the caller: all longer than `piece_key.short_len_max`.
    left: [*]u16,
    left_count: usize = 0,

    pub const entry_len = 32;

    pub inline fn leave(keyed: *Keyed, at: usize) void {
        keyed.left[keyed.left_count] = @intCast(at);
        keyed.left_count += 1;
    }
};

/// Finds the pieces of `text` from `start` on, where a match begins, and writes them to `spans` from `count` on, as
/// long as there is room for those of another window. Stops earlier at a piece that it leaves to the caller.
/// `sink` is `NoKeys` or `WithKeys`.
pub fn scan(
    comptime options: Options,
    tables: *const Tables,
    text: []const u8,
    start: usize,
    spans: []Span,
    count: usize,
    sink: anytype,
) Result {
    var found: Result = .{ .count = count, .position = start };
    while (found.count + window_len <= spans.len and found.position < text.len) {
        const before = found.position;
        if (text.len - found.position >= reach) {
            scanInside(options, tables, text, spans, sink, &found);
        } else {
            scanEnd(options, tables, text, spans, sink, &found);
        }
        if (found.position != before) continue;
        const end = longWordEnd(options, tables, text, found.position) orelse break;
        sink.leave(found.count);
        spans[found.count] = .{ .start = found.position, .end = end };
        found = .{ .count = found.count + 1, .position = end };
    }
    return found;
}

/// Bytes that are read from where a window begins.
const reach = window_len + piece_key.len;

/// The windows that do not reach the text's last bytes. Where a window ends is known before its pieces are
/// written, and the boundaries of the next are found in the meantime: neither waits for the other.
inline fn scanInside(
    comptime options: Options,
    tables: *const Tables,
    text: []const u8,
    spans: []Span,
    sink: anytype,
    found: *Result,
) void {
    var position = found.position;
    var count = found.count;
    var bounds = boundaries(options, tables, text[position..][0..window_len], window_len, false);
    while (bounds != 0) {
        const next_position = position + window_len - 1 - @clz(bounds);
        const next_count = count + @popCount(bounds);
        const goes_on = next_count + window_len <= spans.len and text.len - next_position >= reach;
        const next = if (goes_on)
            boundaries(options, tables, text[next_position..][0..window_len], window_len, false)
        else
            0;
        write(text[position..].ptr, bounds, position, spans, count, sink);
        position = next_position;
        count = next_count;
        bounds = next;
    }
    found.* = .{ .count = count, .position = position };
}

/// The last window, in a copy with room behind it.
noinline fn scanEnd(
    comptime options: Options,
    tables: *const Tables,
    text: []const u8,
    spans: []Span,
    sink: anytype,
    found: *Result,
) void {
    var padded: [reach + reach]u8 = @splat(0);
    const start = found.position;
    const rest = text.len - start;
    @memcpy(padded[0..rest], text[start..]);
    while (found.count + window_len <= spans.len and found.position < text.len) {
        const window = padded[found.position - start ..][0..window_len];
        const left = text.len - found.position;
        const bounds = if (left > window_len)
            boundaries(options, tables, window, window_len, false)
        else
            boundaries(options, tables, window, left, left < window_len);
        if (bounds == 0) break;
        write(window, bounds, found.position, spans, found.count, sink);
        found.count += @popCount(bounds);
        found.position += window_len - 1 - @clz(bounds);
    }
}

/// Writes a piece for each boundary, which is its end. A few at a time, however many there are: the loop's
/// end is then easier to foresee, and there is room for all of a window.
inline fn write(
    window: [*]const u8,
    bounds: u64,
    position: usize,
    spans: []Span,
    count: usize,
    sink: anytype,
) void {
    const group = 4;
    var left = bounds;
    var start: usize = 0;
    var at = count;
    while (left != 0) : (at += group) {
        inline for (0..group) |i| {
            const end: usize = @ctz(left);
            spans[at + i] = .{ .start = position + start, .end = position + end };
            sink.write(at + i, window + start, end - start);
            start = end;
            left &= left -% 1;
        }
    }
    sink.leaveLong(bounds, count);
}

/// Pieces whose keys nobody wants.
pub const NoKeys = struct {
    inline fn write(_: NoKeys, _: usize, _: [*]const u8, _: usize) void {}
    inline fn leave(_: NoKeys, _: usize) void {}
    inline fn leaveLong(_: NoKeys, _: u64, _: usize) void {}
};

/// Keys are made with the pieces, and the table's entries for them set on their way. What is in `keyed` is here
/// by value: else each store could change it, and it would be read again for each piece.
pub const WithKeys = struct {
    keyed: *Keyed,
    keys: [*]piece_key.Key,
    hashes: [*]u32,
    entries: [*]const u8,
    entry_mask: usize,

    pub inline fn init(keyed: *Keyed) WithKeys {
        return .{
            .keyed = keyed,
            .keys = keyed.keys,
            .hashes = keyed.hashes,
            .entries = keyed.entries,
            .entry_mask = keyed.entry_mask,
        };
    }

    inline fn write(sink: WithKeys, at: usize, piece: [*]const u8, len: usize) void {
        const key = piece_key.of(piece[0..piece_key.len], len);
        const hash = piece_key.hash(key);
        sink.keys[at] = key;
        sink.hashes[at] = hash;
        @prefetch(sink.entries + (hash & sink.entry_mask) * Keyed.entry_len, .{});
    }

    inline fn leave(sink: WithKeys, at: usize) void {
        sink.keyed.leave(at);
    }

    inline fn leaveLong(sink: WithKeys, bounds: u64, count: usize) void {
        var left = longPieces(bounds);
        while (left != 0) : (left &= left - 1) {
            sink.leave(count + @popCount(bounds & lowest(@ctz(left))));
        }
    }
};

/// The boundaries behind pieces of more than `piece_key.short_len_max` bytes.
inline fn longPieces(bounds: u64) u64 {
    comptime std.debug.assert(piece_key.short_len_max == 15);
    const inside = ~(bounds | 1);
    const two = inside & inside << 1;
    const four = two & two << 2;
    const eight = four & four << 4;
    return (eight & eight << 7) << 1 & bounds;
}

/// Where the piece at `position` ends that is a word and longer than a window; null where this does not tell.
/// Words of letters without case alone, in the cased family.
noinline fn longWordEnd(
    comptime options: Options,
    tables: *const Tables,
    text: []const u8,
    position: usize,
) ?usize {
    if (text.len - position < window_len) return null;
    var padded: [window_len]u8 = undefined;
    var at = position;
    var is_east = false;
    var like: LikeDeepseekLlm = .{};
    while (at < text.len) {
        const rest = @min(text.len - at, window_len);
        const window = if (rest == window_len) text[at..][0..window_len] else window: {
            padded = @splat(0);
            @memcpy(padded[0..rest], text[at..][0..rest]);
            break :window &padded;
        };
        const masks: Masks = .of(options.family, tables, window, rest);
        if (at == position) {
            is_east = masks.east & 1 == 1;
            if (options.family == .deepseek_llm) like = .first(masks);
        }
        const word = switch (options.family) {
            .gpt2, .digits, .letters, .bloom, .clip => masks.letter,
            // Its bytes may be parted.
            .falcon => return null,
            .cased => masks.caseless,
            .cased_han => if (is_east) masks.east else masks.caseless,
            .parted, .deepseek_coder => masks.letter & if (is_east) masks.east else ~masks.east,
            .deepseek_llm => like.of(masks),
        };
        var word_len: usize = @ctz(~word);
        if (at == position and word_len == 0) {
            const before = prefixLength(options, masks);
            if (before == 0 or before >= masks.len) return null;
            word_len = before + @ctz(~(word >> @intCast(before)));
        }
        if (word_len < masks.len) {
            // A shorter word's end is as the window says, if it does.
            if (at == position) return null;
            const is_cased = comptime options.family.isCased();
            if (!is_cased and options.family != .deepseek_llm) return at + word_len;
            if (is_cased and is_east) return at + word_len;
            const next = @as(u64, 1) << @intCast(word_len);
            if (options.family == .deepseek_llm) {
                // White space may go on what is no letter.
                return if (like.kind == .control and masks.space & next != 0) null else at + word_len;
            }
            const more = masks.letter | masks.upper | masks.mark | masks.apostrophe;
            return if (next & more == 0) at + word_len else null;
        }
        if (masks.len == 0) return null;
        at += masks.len;
    }
    return text.len;
}

/// The characters of DeepSeek LLM's that are joined with one another and no others, but for white space.
const LikeDeepseekLlm = struct {
    kind: enum { plain, cased, control, none } = .none,
    is_east: bool = false,

    /// Those like the first, or like the one behind a space.
    inline fn first(masks: Masks) LikeDeepseekLlm {
        const bit = @as(u64, 1) << @intCast(masks.blank & 1);
        const is_east = masks.east & bit != 0;
        inline for (.{ .plain, .cased, .control }) |kind| {
            const like: LikeDeepseekLlm = .{ .kind = kind, .is_east = is_east };
            if (like.of(masks) & bit != 0) return like;
        }
        return .{};
    }

    inline fn of(like: LikeDeepseekLlm, masks: Masks) u64 {
        const all = switch (like.kind) {
            .plain => masks.plainLetters(),
            .cased => masks.casedLetters(),
            .control => masks.control,
            .none => 0,
        };
        return all & if (like.is_east) masks.east else ~masks.east;
    }
};

/// The length of the first character, if it may stand before a word in its piece; else 0.
inline fn prefixLength(comptime options: Options, masks: Masks) usize {
    const word = masks.letter | masks.upper | masks.caseless | masks.mark;
    const never = word | masks.number | masks.newline | masks.apostrophe;
    const may = switch (options.family) {
        .gpt2, .digits, .falcon, .parted, .bloom, .clip => masks.blank,
        .deepseek_coder, .deepseek_llm => masks.blank,
        .letters, .cased, .cased_han => ~never,
    };
    if (may & 1 == 0) return 0;
    return @as(usize, @ctz(masks.lastBytes(1))) + 1;
}

/// Where pieces end, as bits; 0 if that of the first piece is not certain. With `is_end` the text ends
/// behind the window's `len` bytes, of which there are fewer than 64.
inline fn boundaries(
    comptime options: Options,
    tables: *const Tables,
    window: *const [window_len]u8,
    len: usize,
    is_end: bool,
) u64 {
    const block: Block = window.*;
    if (masks_zig.beyondAscii(block) == 0) {
        return decide(options, window, .plain(options.family, block, len), is_end);
    }
    return wideBoundaries(options, tables, window, len, is_end);
}

/// By itself, so that windows of ASCII have the registers to themselves.
noinline fn wideBoundaries(
    comptime options: Options,
    tables: *const Tables,
    window: *const [window_len]u8,
    len: usize,
    is_end: bool,
) u64 {
    const masks: Masks = .of(options.family, tables, window, len);
    if (masks.len == 0) return 0;
    return decide(options, window, masks, is_end and masks.len == len);
}

inline fn decide(
    comptime options: Options,
    window: *const [window_len]u8,
    masks: Masks,
    is_end: bool,
) u64 {
    if (options.family == .parted) return decideParted(options, masks, is_end);
    if (options.family == .bloom) return decideBloom(masks, is_end);
    if (options.family == .falcon) return decideFalcon(options, window, masks, is_end);
    if (options.family == .clip) return decideClip(options, window, masks, is_end);
    if (options.family == .deepseek_coder) return decideDeepseekCoder(masks, is_end);
    if (options.family == .deepseek_llm) return decideDeepseekLlm(masks, is_end);
    const valid = lowest(masks.len);
    const word = masks.letter | masks.upper | masks.caseless | masks.mark;
    const han = if (options.family == .cased_han) masks.east else 0;
    const others = valid & ~(word | masks.number | masks.space | han);
    const attached = attachedTo(options, masks, others);
    const other = others & ~attached;
    const space = masks.space & ~attached;

    // A boundary counts up to `limit`.
    var limit = if (is_end) masks.len else masks.len - 1;
    const space_start = window_len - @clz(valid & ~space);
    const ends_in_space = space_start < masks.len;
    if (ends_in_space and !is_end) limit = @min(limit, space_start);

    const word_start = word & ~(word << 1);
    const number_start = masks.number & ~(masks.number << 1);
    const other_start = other & ~(other << 1);
    // The last character of white space belongs to what follows, if it may.
    const ends_space = space | if (options.family == .digits) masks.number else 0;
    const space_last = space & ~(space >> 1) & (valid & ~ends_space) >> 1;
    const behind_blank = masks.blank << 1;
    const newline = masks.newline & space;
    var bounds = (space & ~(space << 1)) | (other_start & ~behind_blank);
    if (options.family == .gpt2) {
        bounds |= (word_start | number_start) & ~behind_blank;
        bounds |= masks.firstBytes(space_last);
    } else if (options.family == .digits) {
        bounds |= (word_start & ~behind_blank) | singleNumbers(masks);
        bounds |= masks.firstBytes(space_last);
    } else {
        // A character that begins a match and stands before a word belongs to it.
        const last = masks.lastBytes(other_start & ~behind_blank);
        const single = last & ~(other >> 1);
        bounds |= word_start & ~((space & ~newline | single) << 1);
        bounds |= number_start;
        bounds |= masks.firstBytes(space_last & ~newline);
        bounds |= behindLastNewline(space, newline);
        if (options.number_len == 1) {
            bounds |= singleNumbers(masks);
        } else {
            bounds |= groups(options.number_len, masks.number, number_start);
            if (masks.wide_number != 0) {
                const first = runStart(masks.number, @ctz(masks.wide_number));
                limit = @min(limit, first);
            }
        }
    }
    if (options.keeps_final_space and is_end and ends_in_space) {
        bounds &= lowest(space_start + 1);
    }
    const is_cased = comptime options.family.isCased();
    if (options.family == .cased_han) {
        bounds |= han & ~(han << 1);
        // Those that may also go on what is before them.
        const joined = masks.east_sign | (masks.east_number & masks.number << 1);
        if (joined != 0) limit = @min(limit, lastBefore(bounds, @ctz(joined)));
    }
    if (is_cased) {
        bounds |= masks.upper & masks.letter << 1;
        if (masks.caseless | masks.mark != 0) {
            const before_blank = space & ~newline;
            limit = @min(limit, mixtureStart(masks, word, word_start, before_blank, bounds));
        }
    }
    const quotes = if (is_cased)
        masks.apostrophe & other & word << 1
    else
        masks.apostrophe & other_start & ~behind_blank;
    if (options.contractions and quotes != 0) {
        contract(options, window, masks.len, is_end, quotes, &bounds, &limit);
    }
    if (is_end) bounds |= @as(u64, 1) << @intCast(masks.len);
    return bounds & (lowest(limit) << 1 | 1) & ~@as(u64, 1);
}

/// As `decide`, for the parted family.
inline fn decideParted(comptime options: Options, masks: Masks, is_end: bool) u64 {
    const valid = lowest(masks.len);
    const word = masks.letter;
    const control = masks.control;
    const others = valid & ~(word | masks.number | masks.space | control);
    const attached = attachedTo(options, masks, others & ~masks.east);
    const other = others & ~attached;
    const space = masks.space & ~attached;
    const newline = masks.newline & space;

    // A boundary counts up to `limit`. How white space and control characters are parted depends on
    // what follows.
    var limit = if (is_end) masks.len else masks.len - 1;
    if (!is_end) limit = @min(limit, runStart(space, masks.len), runStart(control, masks.len));

    // Where one of the two parts ends and the other begins: nothing is joined with what is before.
    const part = masks.east ^ masks.east << 1;
    const word_start = word & ~(word << 1 & ~part);
    const number_start = masks.number & ~(masks.number << 1);
    const other_start = other & ~(other << 1 & ~part) & ~(masks.blank << 1 & ~part);
    const control_start = control & ~(control << 1 & ~part);
    var bounds = (space & ~(space << 1)) | other_start | control_start | number_start;

    // The last character of white space belongs to what follows, if that is in the same part.
    const space_last = space & ~newline & (valid & ~(space | masks.number | part)) >> 1;
    const control_last = control & (word & ~part) >> 1;
    bounds |= masks.firstBytes(space_last | control_last);
    bounds |= behindLastNewline(space, newline);

    // A single sign of ASCII takes the letters of ASCII behind it, and no other.
    const ascii_word = word & ~masks.wide;
    const headed = (other_start & ~masks.wide) << 1 & ascii_word;
    bounds |= word_start & ~((space & ~newline | control) << 1 & ~part) & ~headed;
    if (masks.wide != 0) bounds |= (ascii_word +% headed) & ~ascii_word & word;

    bounds |= groups(options.number_len, masks.number, number_start);
    if (masks.wide_number != 0) {
        limit = @min(limit, runStart(masks.number, @ctz(masks.wide_number)));
    }
    if (is_end) bounds |= @as(u64, 1) << @intCast(masks.len);
    return bounds & (lowest(limit) << 1 | 1) & ~@as(u64, 1);
}

/// As `decide`, for Falcon's. The last boundary is one between characters, so that no window begins within one.
inline fn decideFalcon(
    comptime options: Options,
    window: *const [window_len]u8,
    masks: Masks,
    is_end: bool,
) u64 {
    const valid = lowest(masks.len);
    const word = masks.letter;
    const other = masks.control;
    const space = masks.space;
    const sign = valid & ~(word | masks.number | space | other);
    var limit = if (is_end) masks.len else masks.len - 1;
    if (!is_end) limit = @min(limit, runStart(space, masks.len));

    const free = (word & ~(word << 1)) | (masks.number & ~(masks.number << 1)) |
        (other & ~(other << 1));
    const space_last = space & ~(space >> 1) & (valid & ~(space | sign)) >> 1;
    var bounds = (free & ~(masks.blank << 1)) | (sign & ~(sign << 1)) | (space & ~(space << 1)) |
        masks.firstBytes(space_last);

    const block: Block = window.*;
    const number = Masks.spelledNumbers(block) & valid;
    bounds |= number ^ number << 1;
    const digit = masks.number & ~masks.wide;
    const digit_start = digit & ~(digit << 1);
    // Digits behind other bytes that are numbers are parted from them if there are three.
    bounds |= digit_start & digit >> 1 & digit >> 2;
    const last = runStart(digit, masks.len);
    if (!is_end and last > 0 and number >> @intCast(last - 1) & 1 == 1) limit = @min(limit, last - 1);
    bounds |= groups(options.number_len, digit, digit_start);

    bounds &= (lowest(limit) << 1 | 1) & ~@as(u64, 1);
    if (is_end) return (bounds & valid) | @as(u64, 1) << @intCast(masks.len);
    const trail: u64 = @bitCast((block & @as(Block, @splat(0xC0))) == @as(Block, @splat(0x80)));
    const between = bounds & ~trail;
    return bounds & lowest(window_len - @clz(between));
}

/// As `decide`, for BLOOM's pattern.
inline fn decideBloom(masks: Masks, is_end: bool) u64 {
    const word = masks.letter;
    const between = masks.space;
    var bounds = (word & ~(word << 1) & ~(masks.blank << 1)) | (masks.blank & word >> 1) |
        (between & ~(between << 1));
    // Whether a blank at the end belongs to a word is known when what follows is.
    const limit = if (is_end) masks.len else masks.len - 1;
    if (is_end) bounds |= @as(u64, 1) << @intCast(masks.len);
    return bounds & (lowest(limit) << 1 | 1) & ~@as(u64, 1);
}

/// As `decide`, for CLIP's pattern.
inline fn decideClip(
    comptime options: Options,
    window: *const [window_len]u8,
    masks: Masks,
    is_end: bool,
) u64 {
    const word = masks.letter;
    const space = masks.space;
    const other = lowest(masks.len) & ~(word | masks.number | space);
    const other_start = other & ~(other << 1);
    const starts = (word & ~(word << 1)) | singleNumbers(masks) | other_start;
    var bounds = (starts & ~(space << 1)) | (space & ~(space << 1));
    var limit = if (is_end) masks.len else masks.len - 1;
    const quotes = masks.apostrophe & other_start;
    if (quotes != 0) contract(options, window, masks.len, is_end, quotes, &bounds, &limit);
    const literals = Masks.literalStarts(window.*) & other_start;
    if (literals != 0) limit = @min(limit, lastBefore(bounds, @as(usize, @ctz(literals)) + 1));
    if (is_end) bounds |= @as(u64, 1) << @intCast(masks.len);
    return bounds & (lowest(limit) << 1 | 1) & ~@as(u64, 1);
}

/// As `decide`, for deepseek-coder's patterns.
inline fn decideDeepseekCoder(masks: Masks, is_end: bool) u64 {
    const word = masks.letter;
    const space = masks.space & ~masks.newline;
    const rest = space | masks.control;
    const sign = lowest(masks.len) & ~(word | masks.number | masks.space | masks.control);
    // Where the far East ends or begins nothing is joined with what is before.
    const part = masks.east ^ masks.east << 1;
    const behind_space = space << 1 & ~part;
    const starts = (word & ~(word << 1 & ~part)) | (sign & ~(sign << 1 & ~part));
    var bounds = (starts & ~behind_space) | (rest & ~(rest << 1 & ~part)) | singleNumbers(masks) |
        masks.newline | masks.firstBytes(space & (word | sign) >> 1);
    // Whether white space at the end belongs to a word is known when what follows is.
    const limit = if (is_end) masks.len else masks.len - 1;
    if (is_end) bounds |= @as(u64, 1) << @intCast(masks.len);
    return bounds & (lowest(limit) << 1 | 1) & ~@as(u64, 1);
}

/// As `decide`, for DeepSeek LLM's patterns: `deepseek_llm.zig` says what they come to.
inline fn decideDeepseekLlm(masks: Masks, is_end: bool) u64 {
    const valid = lowest(masks.len);
    const plain = masks.plainLetters();
    const cased = masks.casedLetters();
    const word = plain | cased;
    const space = masks.space & ~masks.newline;
    const rest = space | masks.control;
    // U+3000 before a letter is a piece of its own.
    const lone_last = masks.wide_space & word >> 1;
    const lone = lone_last | lone_last >> 1 | lone_last >> 2;
    const sign = valid & ~(word | masks.number | masks.space | masks.control | lone);

    const part = masks.east ^ masks.east << 1;
    const behind_space = space << 1 & ~part;
    const starts = (plain & ~(plain << 1)) | (cased & ~(cased << 1 & ~part)) |
        (sign & ~(sign << 1 & ~part));
    var bounds = (starts & ~behind_space) | (rest & ~(rest << 1 & ~part)) | singleNumbers(masks) |
        masks.newline | lone_last >> 2 | masks.firstBytes(space & (word | sign) >> 1);

    // White space behind other characters is parted from them, if none of them nor a number follows; and so is U+3000
    // behind signs, if no sign does.
    const spaces = space & ~(space << 1) & masks.control << 1 & ~part;
    bounds |= finalRuns(space, spaces, masks.control | masks.number, valid, is_end);
    const wide_space = masks.wide_space & ~lone;
    const wide_spaces = wide_space & ~(wide_space << 1) & (sign & ~wide_space) << 1;
    bounds |= finalRuns(wide_space, wide_spaces, sign, valid, is_end);

    if (is_end) {
        bounds |= @as(u64, 1) << @intCast(masks.len);
        return bounds & ~@as(u64, 1);
    }
    var limit = masks.len - 1;
    const end = @as(u64, 1) << @intCast(limit);
    // Where white space behind other characters goes on, and whether what is before takes the last U+3000.
    if (masks.wide_space & end != 0) {
        limit = runStart(space | masks.wide_space, masks.len);
    } else if (space & end != 0) {
        const start = runStart(space, masks.len);
        if (spaces >> @intCast(start) & 1 == 1) limit = start;
    }
    return bounds & (lowest(limit) << 1 | 1) & ~@as(u64, 1);
}

/// Those of `starts`, of runs of `runs`, whose run has none of `more` behind it, for certain.
inline fn finalRuns(runs: u64, starts: u64, more: u64, valid: u64, is_end: bool) u64 {
    var final: u64 = 0;
    var left = starts;
    while (left != 0) : (left &= left - 1) {
        const start = left & -%left;
        const behind = (runs +% start) & ~runs;
        const is_known = is_end or behind & valid != 0;
        if (is_known and behind & more == 0) final |= start;
    }
    return final;
}

/// The newlines, and for the cased family slashes behind them, that belong to the other characters
/// before them.
inline fn attachedTo(comptime options: Options, masks: Masks, other: u64) u64 {
    const starts = masks.newline & other << 1;
    switch (options.family) {
        .gpt2, .digits, .falcon, .bloom, .clip, .deepseek_coder, .deepseek_llm => return 0,
        .letters, .parted, .cased_han => return runsFrom(masks.newline, starts),
        .cased => {
            if (masks.slash & masks.newline << 1 == 0) return runsFrom(masks.newline, starts);
            const either = masks.newline | masks.slash;
            var attached: u64 = 0;
            var left = starts;
            while (left != 0) {
                attached |= runsFrom(either, left & -%left);
                left &= ~attached;
            }
            return attached;
        },
    }
}

/// The bits of `runs` from each of `starts` to the end of its run; no two in one run.
inline fn runsFrom(runs: u64, starts: u64) u64 {
    return runs & ~(runs +% starts);
}

/// Where the run that has the bit `at` begins.
inline fn runStart(runs: u64, at: usize) usize {
    return window_len - @clz(~runs & lowest(at));
}

/// Where white space goes on behind a run's last newline.
inline fn behindLastNewline(space: u64, newline: u64) u64 {
    const plain = space & ~newline;
    const starts = plain & newline << 1;
    if (starts == 0) return 0;
    const ends = (plain +% starts) & ~plain;
    if (ends & newline == 0) return starts;
    var last: u64 = 0;
    var left = starts;
    while (left != 0) : (left &= left - 1) {
        const start = left & -%left;
        if ((plain +% start) & ~plain & newline == 0) last |= start;
    }
    return last;
}

/// Where numbers begin.
inline fn singleNumbers(masks: Masks) u64 {
    return masks.number & ~(masks.wide_number & ~(masks.lead2 | masks.lead3 | masks.lead4));
}

/// Where runs of ASCII digits are parted: behind every `len`.
inline fn groups(comptime len: usize, number: u64, starts: u64) u64 {
    var long = starts;
    inline for (1..len + 1) |i| long &= number >> i;
    var bounds: u64 = 0;
    while (long != 0) : (long &= long - 1) {
        const start = @ctz(long);
        const end = start + @ctz(~(number >> @intCast(start)));
        var at = start + len;
        while (at < end) : (at += len) bounds |= @as(u64, 1) << @intCast(at);
    }
    return bounds;
}

/// The last certain boundary before what the masks do not decide in the cased family: words that have
/// capitals as well as letters without case, and marks that no letter or space precedes.
fn mixtureStart(masks: Masks, word: u64, word_start: u64, blank: u64, bounds: u64) usize {
    const loose_mark = word_start & masks.mark & ~(blank << 1);
    var limit: usize = window_len;
    if (loose_mark != 0) limit = lastBefore(bounds, @ctz(loose_mark));
    if (masks.upper == 0) return limit;
    const caseless = masks.caseless | masks.mark;
    var left = word_start;
    while (left != 0) : (left &= left - 1) {
        const run = runsFrom(word, left & -%left);
        if (run & masks.upper == 0 or run & caseless == 0) continue;
        return @min(limit, lastBefore(bounds, @as(usize, @ctz(left)) + 1));
    }
    return limit;
}

/// Takes the contractions (s, d, m, t, ll, ve, re) at `quotes` into account.
inline fn contract(
    comptime options: Options,
    window: *const [window_len]u8,
    len: usize,
    is_end: bool,
    quotes: u64,
    bounds: *u64,
    limit: *usize,
) void {
    const is_cased = comptime options.family.isCased();
    var left = quotes;
    var previous_end: usize = 0;
    while (left != 0) : (left &= left - 1) {
        const at: usize = @ctz(left);
        // Behind a contraction a match begins.
        if (is_cased and at == previous_end) continue;
        const is_cut = at + 3 > len;
        if (is_cut and !is_end) {
            limit.* = @min(limit.*, at);
            if (is_cased) limit.* = @min(limit.*, lastBefore(bounds.*, at));
            return;
        }
        const fold: u8 = switch (options.family) {
            .gpt2, .digits, .clip => 0,
            else => 0x20,
        };
        const first = if (at + 1 < len) window[at + 1] | fold else 0;
        const second = if (at + 2 < len) window[at + 2] else 0;
        // U+017F folds to s: left to the other scanner.
        if (fold != 0 and first == 0xC5 | fold and second == 0xBF) {
            limit.* = @min(limit.*, lastBefore(bounds.*, at));
            return;
        }
        const taken: usize = switch (first) {
            's', 'd', 'm', 't' => 2,
            'l' => if (second | fold == 'l') 3 else 0,
            'v', 'r' => if (second | fold == 'e') 3 else 0,
            else => 0,
        };
        if (taken == 0) continue;
        previous_end = at + taken;
        const inside = lowest(taken) << @intCast(at);
        bounds.* &= if (is_cased) ~inside else ~(inside & inside << 1);
        if (previous_end < window_len) bounds.* |= @as(u64, 1) << @intCast(previous_end);
    }
}

/// The last boundary before `at`, which may be the window's start.
inline fn lastBefore(bounds: u64, at: usize) usize {
    const before = bounds & lowest(at);
    return if (before == 0) 0 else window_len - 1 - @clz(before);
}
