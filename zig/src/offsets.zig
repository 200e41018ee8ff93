//! Where the tokens of a text stand in it, and in which of its words.
//!
//! Ids tile what they were made of: a token begins where the one before ends, so that the sums of their lengths
//! are their places, and encoding has nothing to remember but what the normalizer made of the text
//! (`alignment.Record`). A walk takes the steps of the encoder once more, without looking for pieces or merging: it
//! cuts the text at added tokens, normalizes what was not recorded, and adds lengths up. Only where the sums do
//! not fit, because a pattern drops text or characters have no token, are the pieces looked for.
//!
//! A step that changes text leaves an alignment (`alignment.zig`), through which places go back. Words that only became
//! small letters, as long as before, and the white space between them need none (`word_places.zig`). Time is linear
//! in the text; memory is what the changed text and its alignments take.
//!
//! Of the general way the steps are what takes the time: there a walk takes them only once, and encodes the pieces
//! as it finds them (`encode`).

const std = @import("std");
const added_tokens = @import("added_tokens.zig");
const alignment = @import("alignment.zig");
const byte_level = @import("byte_level.zig");
const characters_zig = @import("characters.zig");
const CharacterCounts = @import("character_counts.zig").CharacterCounts;
const Encoder = @import("encoder.zig").Encoder;
const normalizer_zig = @import("normalizer.zig");
const Normalizer = normalizer_zig.Normalizer;
const pipeline = @import("pipeline.zig");
const pretokenizer = @import("pretokenizer.zig");
const spelled_model = @import("spelled_model.zig");
const utf8 = @import("utf8.zig");
const word_places = @import("word_places.zig");
const TokenLengths = @import("token_lengths.zig").TokenLengths;
const Tokenizer = @import("tokenizer.zig").Tokenizer;
const Words = @import("words.zig").Words;
const levels = @import("pretokenizer/levels.zig");
const SpecialMode = added_tokens.SpecialMode;
const Allocator = std.mem.Allocator;

/// `text[start..end]`, in bytes or in characters.
pub const Span = extern struct { start: u64, end: u64 };

pub const Unit = enum {
    /// Exact: a token may begin and end inside a character.
    byte,
    /// A token that has a part of a character has the whole.
    character,
};

pub const Options = struct {
    unit: Unit,
    /// Whether the tokens behind a character without a token are said to stand where it stood, as tokenizers
    /// says. Else they stand where they stand.
    ignores_dropped: bool = false,
    /// Whether the text is known to be UTF-8.
    is_well_formed: bool = false,
    /// What was recorded while the text was encoded.
    record: ?*alignment.Record = null,
    /// For comparing: words of the general way are looked at symbol by symbol in any case.
    spells_out: bool = false,
    /// For comparing: places of words go back through the steps in any case.
    goes_back: bool = false,
};

pub const Error = error{
    OutOfMemory,
    /// The ids are not those of the text.
    Mismatch,
};

/// Writes where each of `ids` stands, which are those that encoding `text` gives.
pub fn find(
    gpa: Allocator,
    memory: *Memory,
    tokenizer: *const Tokenizer,
    lengths: *const TokenLengths,
    text: []const u8,
    mode: SpecialMode,
    ids: []const u32,
    options: Options,
    spans: []Span,
) Error!void {
    std.debug.assert(spans.len == ids.len);
    var walk: Walk = .{
        .gpa = gpa,
        .memory = memory,
        .tokenizer = tokenizer,
        .lengths = lengths,
        .text = text,
        .counts = .{ .text = text },
        .mode = mode,
        .ids = ids,
        .spans = spans,
        .ignores_dropped = options.ignores_dropped,
        .record = options.record,
        .spells_out = options.spells_out,
        .goes_back = options.goes_back,
        .needs_pieces = !tokenizer.words.isUnused() and !tokenizer.words.has_all_bytes,
    };
    const in_characters = options.unit == .character and !isAscii(text);
    const asks_for_form = in_characters or tokenizer.lacks_bytes or tokenizer.word_bytes.tilesWords();
    const is_well_formed = !asks_for_form or options.is_well_formed or utf8.isWellFormed(text);
    if (is_well_formed and try walk.takeWhole(in_characters)) return;
    if (tokenizer.lacks_bytes and !is_well_formed) walk.needs_pieces = true;
    walk.in_characters = in_characters and is_well_formed;
    walk.takesWords(is_well_formed);
    walk.run() catch |err| {
        if (err != error.Mismatch or walk.needs_pieces) return err;
        // Some text may have been dropped.
        walk.needs_pieces = true;
        try walk.run();
    };
    if (in_characters and !is_well_formed) toSlowCharacters(text, spans);
}

/// Encodes `text` in the general way, and writes where each id stands, its start and its end, into `ends`. No special
/// token is refused.
pub fn encode(
    gpa: Allocator,
    memory: *Memory,
    encoder: *Encoder,
    lengths: *const TokenLengths,
    text: []const u8,
    mode: SpecialMode,
    options: Options,
    ends: *std.ArrayList(u64),
) Error!void {
    std.debug.assert(encoder.tokenizer.spelled_model.is_used and mode != .refuse);
    ends.clearRetainingCapacity();
    var walk: Walk = .{
        .gpa = gpa,
        .memory = memory,
        .tokenizer = encoder.tokenizer,
        .lengths = lengths,
        .text = text,
        .counts = .{ .text = text },
        .mode = mode,
        .ids = &.{},
        .spans = &.{},
        .making = .{ .encoder = encoder, .ends = ends },
        .ignores_dropped = options.ignores_dropped,
        .spells_out = options.spells_out,
        .goes_back = options.goes_back,
        .needs_pieces = false,
    };
    const in_characters = options.unit == .character and !isAscii(text);
    const asks_for_form = in_characters or encoder.tokenizer.word_bytes.tilesWords();
    const is_well_formed = !asks_for_form or options.is_well_formed or utf8.isWellFormed(text);
    walk.in_characters = in_characters and is_well_formed;
    walk.takesWords(is_well_formed);
    try walk.run();
    if (in_characters and !is_well_formed) toSlowCharacters(text, walk.spans);
}

/// Writes the index of the word that each of `ids` is in: each added token is one, and each piece.
pub fn findWords(
    gpa: Allocator,
    memory: *Memory,
    tokenizer: *const Tokenizer,
    lengths: *const TokenLengths,
    text: []const u8,
    mode: SpecialMode,
    ids: []const u32,
    word_indices: []u32,
) Error!void {
    std.debug.assert(word_indices.len == ids.len);
    const spans = try gpa.alloc(Span, ids.len);
    defer gpa.free(spans);
    var walk = pieceWalk(gpa, memory, tokenizer, lengths, text, mode, ids, spans);
    walk.word_indices = word_indices;
    try walk.run();
}

/// Appends to `bytes`, for each added token among `ids`, the text that was matched, as the normalizer left it
/// and with the white space that was taken with it, and to `ends` the index of the id and where the text ends.
pub fn findMatches(
    gpa: Allocator,
    memory: *Memory,
    tokenizer: *const Tokenizer,
    lengths: *const TokenLengths,
    text: []const u8,
    mode: SpecialMode,
    ids: []const u32,
    bytes: *std.ArrayList(u8),
    ends: *std.ArrayList(u64),
) Error!void {
    const spans = try gpa.alloc(Span, ids.len);
    defer gpa.free(spans);
    var walk = pieceWalk(gpa, memory, tokenizer, lengths, text, mode, ids, spans);
    walk.matches = .{ .bytes = bytes, .ends = ends };
    walk.takesWords(tokenizer.word_bytes.tilesWords() and utf8.isWellFormed(text));
    try walk.run();
}

/// A walk that looks at every piece.
fn pieceWalk(
    gpa: Allocator,
    memory: *Memory,
    tokenizer: *const Tokenizer,
    lengths: *const TokenLengths,
    text: []const u8,
    mode: SpecialMode,
    ids: []const u32,
    spans: []Span,
) Walk {
    return .{
        .gpa = gpa,
        .memory = memory,
        .tokenizer = tokenizer,
        .lengths = lengths,
        .text = text,
        .counts = .{ .text = text },
        .mode = mode,
        .ids = ids,
        .spans = spans,
        .needs_pieces = true,
    };
}

const Walk = struct {
    gpa: Allocator,
    tokenizer: *const Tokenizer,
    lengths: *const TokenLengths,
    text: []const u8,
    mode: SpecialMode,
    ids: []const u32,
    spans: []Span,
    word_indices: ?[]u32 = null,
    matches: ?struct { bytes: *std.ArrayList(u8), ends: *std.ArrayList(u64) } = null,
    ignores_dropped: bool = false,
    needs_pieces: bool,
    /// What the normalizer made of the text.
    record: ?*alignment.Record = null,
    /// Where the ids are made on the way: `ids` and `spans` then are all that there are so far.
    making: ?struct { encoder: *Encoder, ends: *std.ArrayList(u64) } = null,
    /// Whether words of the general way are looked at symbol by symbol in any case, for comparing.
    spells_out: bool = false,
    /// Whether their places go back through the steps in any case, for comparing.
    goes_back: bool = false,
    /// Whether words are taken by the lengths of their tokens.
    takes_words: bool = false,
    /// Whether places become those of characters. The text is well-formed then.
    in_characters: bool = false,
    memory: *Memory,
    /// How many ids are done, and the places of how many are in characters by then.
    done: usize = 0,
    changed: usize = 0,
    counts: CharacterCounts,
    word: u32 = 0,

    /// The whole text in one go, if the tokens lie side by side in it: then their lengths add up to its own,
    /// and where something is dropped, they do not. Whether they do; in characters, and of tokenizers that
    /// lack bytes, of well-formed text.
    fn takeWhole(walk: *Walk, in_characters: bool) Error!bool {
        const tokenizer = walk.tokenizer;
        if (!tokenizer.tiles or walk.needs_pieces or walk.ids.len == 0) return false;
        if (walk.record == null) {
            const record = &walk.memory.record;
            record.clear();
            _ = try record.apply(walk.gpa, &tokenizer.normalizer, walk.text, walk.text);
            walk.record = record;
        }
        if (walk.record.?.is_changed) return false;
        const late = &walk.memory.segment;
        late.clear();
        _ = try late.apply(walk.gpa, &tokenizer.late_normalizer, walk.text);
        if (late.count > 0) return false;
        const start = walk.takePrefixed() orelse return false;
        return if (in_characters) walk.addLengths(start, true) else walk.addLengths(start, false);
    }

    /// Takes the first token, if a space was put in front of the text, and returns where it ends; null if that
    /// cannot be said. Lengths then add up to one more than the text's, if nothing is dropped: none is more than what
    /// its token stands for, and there is only one space.
    fn takePrefixed(walk: *Walk) ?usize {
        const tokenizer = walk.tokenizer;
        const text = walk.text;
        switch (tokenizer.prefix_space) {
            .none => return 0,
            .first => if (text.len == 0 or text[0] == ' ') return 0,
            .every => return null,
        }
        const id = walk.ids[0];
        const len = walk.lengths.ofTile(tokenizer, id) orelse return null;
        if (len - 1 > text.len or tokenizer.vocab.bytesOf(id)[0] != ' ') return null;
        walk.spans[0] = .{ .start = 0, .end = if (len > 1) len - 1 else utf8.decode(text, 0).len };
        walk.done = 1;
        return len - 1;
    }

    const ahead = word_places.ahead;

    /// Of the tokens from the first that is not done, which begins at `start`.
    fn addLengths(walk: *const Walk, start: usize, comptime in_characters: bool) bool {
        const text = walk.text;
        const tokenizer = walk.tokenizer;
        const lengths = walk.lengths;
        const ids = walk.ids;
        if (in_characters) toCharacters(text, walk.spans[0..walk.done]);
        var at = start;
        // How many characters begin before `at`.
        var count: u64 = if (in_characters) utf8.countStarts(text[0..start]) else 0;
        for (walk.done..ids.len) |i| {
            if (i + ahead < ids.len) {
                lengths.prefetch(ids[i + ahead]);
                if (in_characters) lengths.prefetchStarts(ids[i + ahead]);
            }
            const len = lengths.ofTile(tokenizer, ids[i]) orelse return false;
            const next = at + len;
            if (next > text.len) return false;
            const span = &walk.spans[i];
            if (in_characters) {
                const found = lengths.startsOf(ids[i], text, at, next);
                span.start = count - @intFromBool(found.begins_inside);
                count += found.count;
                span.end = count;
            } else {
                span.* = .{ .start = at, .end = next };
            }
            at = next;
        }
        return at == text.len;
    }

    /// Has words taken by the lengths of their tokens, if it can be done and nothing but places is asked for.
    fn takesWords(walk: *Walk, is_well_formed: bool) void {
        // Bytes that were encoded as U+FFFD may be as long as that.
        walk.takes_words = walk.tokenizer.word_bytes.tilesWords() and is_well_formed and !walk.spells_out;
    }

    fn run(walk: *Walk) Error!void {
        walk.done = 0;
        walk.changed = 0;
        walk.counts = .{ .text = walk.text };
        walk.word = 0;
        var literal = walk.tokenizer.added.split(.literal, walk.text, walk.mode);
        while (literal.next()) |outer| {
            if (outer.token) |token| {
                const matched = walk.text[outer.start..outer.end];
                try walk.takeToken(token.id, matched, .{ .start = outer.start, .end = outer.end });
                continue;
            }
            try walk.takeStretch(walk.text[outer.start..outer.end], outer.start);
        }
        if (walk.done != walk.ids.len) return error.Mismatch;
        if (walk.in_characters) walk.changeUnit();
    }

    /// Of the places since the last time.
    fn changeUnit(walk: *Walk) void {
        countPlaces(&walk.counts, walk.spans[walk.changed..walk.done]);
        walk.changed = walk.done;
    }

    /// Text between added tokens that are matched before it is normalized.
    fn takeStretch(walk: *Walk, stretch: []const u8, start: usize) Error!void {
        const tokenizer = walk.tokenizer;
        const whole = if (stretch.len == walk.text.len) if (walk.record) |record| record.whole else null else null;
        const normalizer = &tokenizer.normalizer;
        var stretch_levels = &walk.memory.stretch;
        stretch_levels.clear();
        var normal = stretch;
        if (walk.takes_words and !walk.goes_back) {
            const word_steps = normalizer.wordSteps();
            const last_steps = normalizer.part(word_steps, normalizer.steps.len);
            normal = try stretch_levels.apply(walk.gpa, &normalizer.part(0, word_steps), stretch);
            if (stretch_levels.count == 0) {
                if (try walk.takeKeptWords(&last_steps, stretch, start)) return;
            }
            normal = try stretch_levels.apply(walk.gpa, &last_steps, normal);
        } else if (whole) |recorded| {
            normal = recorded;
            stretch_levels = &walk.record.?.levels;
        } else {
            normal = try stretch_levels.apply(walk.gpa, normalizer, stretch);
        }
        var normalized = tokenizer.added.split(.normalized, normal, walk.mode);
        while (normalized.next()) |inner| {
            var place: Place = .{ .levels = stretch_levels, .start = start };
            if (inner.token) |token| {
                const matched = try walk.withSigns(normal[inner.start..inner.end]);
                try walk.takeToken(token.id, matched, place.of(inner.start, inner.end));
                continue;
            }
            place.inner_start = inner.start;
            const is_first = start == 0 and inner.start == 0;
            try walk.takeSegment(normal[inner.start..inner.end], place, is_first);
        }
    }

    /// Normalized text as it is in the reference, where a sign stands for each space of it.
    fn withSigns(walk: *Walk, text: []const u8) Error![]const u8 {
        if (walk.matches == null or !walk.tokenizer.added.has_space_sign) return text;
        const output = &walk.memory.signs;
        output.clearRetainingCapacity();
        for (text) |byte| {
            if (byte == ' ') {
                try output.appendSlice(walk.gpa, "\u{2581}");
            } else {
                try output.append(walk.gpa, byte);
            }
        }
        return output.items;
    }

    fn takeToken(walk: *Walk, id: u32, matched: []const u8, span: Span) Error!void {
        if (walk.making) |making| {
            try making.encoder.ids.append(walk.gpa, id);
            try walk.takeMade();
        }
        if (walk.done == walk.ids.len or walk.ids[walk.done] != id) return error.Mismatch;
        if (walk.matches) |matches| {
            try matches.bytes.appendSlice(walk.gpa, matched);
            try matches.ends.appendSlice(walk.gpa, &.{ walk.done, matches.bytes.items.len });
        }
        walk.put(span);
        walk.word += 1;
    }

    /// Room for the places of the ids that were made.
    fn takeMade(walk: *Walk) Error!void {
        const making = walk.making.?;
        walk.ids = making.encoder.ids.items;
        try making.ends.resize(walk.gpa, 2 * walk.ids.len);
        walk.spans = @ptrCast(making.ends.items);
    }

    fn put(walk: *Walk, span: Span) void {
        walk.spans[walk.done] = span;
        if (walk.word_indices) |indices| indices[walk.done] = walk.word;
        walk.done += 1;
    }

    /// Text without added tokens.
    fn takeSegment(
        walk: *Walk,
        segment: []const u8,
        outer_place: Place,
        is_first: bool,
    ) Error!void {
        const tokenizer = walk.tokenizer;
        var place = outer_place;
        var text = segment;
        const late = &walk.memory.segment;
        late.clear();
        if (tokenizer.spelled_model.is_used) {
            const words = &tokenizer.word_bytes;
            if (words.is_used) if (walk.making) |making| {
                _ = try making.encoder.encodeSpelled(walk.gpa, text, is_first, .keep);
                try walk.takeMade();
            };
            if (walk.takes_words and walk.takeWords(text, &place)) return;
            const memory = &walk.memory.pipeline;
            const cut = try tokenizer.pipeline.run(walk.gpa, memory, text, is_first, late);
            if (late.count > 0) place.inner_levels = late;
            if (!words.is_used) if (walk.making) |making| {
                _ = try making.encoder.encodeCut(walk.gpa, cut, .keep);
                try walk.takeMade();
            };
            for (cut.pieces) |piece| {
                try walk.takeSpelled(cut.text[piece.start..piece.end], piece.start, &place);
                walk.word += 1;
            }
            return;
        }
        if (tokenizer.merges.base.kind == .characters) {
            text = try late.apply(walk.gpa, &tokenizer.late_normalizer, text);
        }
        const wants_space = switch (tokenizer.prefix_space) {
            .none => false,
            .first => is_first,
            .every => true,
        };
        if (wants_space and text[0] != ' ') text = try late.prepend(walk.gpa, " ", text);
        if (late.count > 0) place.inner_levels = late;
        if (walk.needs_pieces) return walk.takePieces(text, &place);
        try walk.takeTiles(0, text.len, &place);
    }

    /// A stretch that no step but the last ones, which keep words as long as they are, may change. Whether it is one
    /// without added tokens; else none is done.
    fn takeKeptWords(
        walk: *Walk,
        last_steps: *const Normalizer,
        stretch: []const u8,
        start: usize,
    ) Error!bool {
        const kept = try last_steps.applyToWords(walk.gpa, &walk.memory.kept, stretch) orelse return false;
        var inner = walk.tokenizer.added.split(.normalized, kept.text, walk.mode);
        const first = inner.next() orelse return true;
        if (first.token != null or first.end != kept.text.len) return false;
        const known_count = if (walk.making) |making| making.encoder.ids.items.len else 0;
        if (walk.making) |making| {
            _ = try making.encoder.encodeWords(walk.gpa, kept.text, .keep);
            try walk.takeMade();
        }
        const ids = walk.ids[walk.done..];
        const spans = walk.spans[walk.done..];
        const count = if (walk.in_characters) count: {
            walk.changeUnit();
            const taker: word_places.InCharacters(Span) = .{
                .text = stretch,
                .lengths = walk.lengths,
                .spans = spans,
                .count = walk.counts.beforePlace(start),
            };
            break :count word_places.each(walk.tokenizer, walk.lengths, stretch, ids, taker);
        } else count: {
            const taker: word_places.InBytes(Span) = .{
                .text = stretch,
                .start = start,
                .spans = spans,
                .widens = kept.changes_long,
            };
            break :count word_places.each(walk.tokenizer, walk.lengths, stretch, ids, taker);
        };
        walk.done += count orelse {
            if (walk.making) |making| making.encoder.ids.shrinkRetainingCapacity(known_count);
            return false;
        };
        walk.changed = walk.done;
        return true;
    }

    /// Tokens of words between which there is nothing but white space, that of `text` being all there is. Whether they
    /// are; else none is done.
    fn takeWords(walk: *Walk, text: []const u8, place: *Place) bool {
        const taker: InPlace = .{ .place = place, .spans = walk.spans[walk.done..] };
        const ids = walk.ids[walk.done..];
        walk.done += word_places.each(walk.tokenizer, walk.lengths, text, ids, taker) orelse return false;
        return true;
    }

    /// Tokens that lie side by side in unchanged text and end before `end`; returns where the last one ends.
    fn takeUnchanged(walk: *Walk, start: usize, end: usize) Error!usize {
        const ids = walk.ids;
        var at = start;
        const first = walk.done;
        var done = first;
        while (done < ids.len and at < end) : (done += 1) {
            if (done + ahead < ids.len) walk.lengths.prefetch(ids[done + ahead]);
            const next = at + (walk.lengths.of(walk.tokenizer, ids[done]) orelse return error.Mismatch);
            if (next > end) break;
            walk.spans[done] = .{ .start = at, .end = next };
            at = next;
        }
        walk.done = done;
        if (walk.word_indices) |indices| @memset(indices[first..done], walk.word);
        return at;
    }

    /// Tokens that lie side by side in `text[start..end]`.
    fn takeTiles(walk: *Walk, start: usize, end: usize, place: *Place) Error!void {
        var at = start;
        while (at < end) {
            if (place.unchanged(at)) |unchanged| {
                const len = @min(end, unchanged.until) - at;
                at += try walk.takeUnchanged(unchanged.start, unchanged.start + len) - unchanged.start;
                if (at == end) return;
            }
            const next = at + try walk.nextLength();
            if (next > end) return error.Mismatch;
            walk.put(place.of(at, next));
            at = next;
        }
    }

    /// The length of the next token.
    fn nextLength(walk: *const Walk) Error!usize {
        if (walk.done == walk.ids.len) return error.Mismatch;
        return walk.lengths.of(walk.tokenizer, walk.ids[walk.done]) orelse error.Mismatch;
    }

    fn takePieces(walk: *Walk, text: []const u8, place: *Place) Error!void {
        const tokenizer = walk.tokenizer;
        const words = &tokenizer.words;
        var cursor: pretokenizer.Cursor = undefined;
        cursor.begin(levels.Level.best(), 0);
        var spans: [64]pretokenizer.Span = undefined;
        while (cursor.position < text.len) {
            const count = tokenizer.pretokenizer.next(text, &cursor, &spans);
            for (spans[0..count]) |span| {
                const piece = text[span.start..span.end];
                if (tokenizer.lacks_bytes and tokenizer.lacksByteOf(piece)) {
                    try walk.takeLacking(piece, span.start, place);
                } else if (words.isUnused() or words.has_all_bytes) {
                    try walk.takeTiles(span.start, span.end, place);
                } else {
                    try walk.takeWord(piece, span.start, place);
                }
                walk.word += 1;
            }
        }
    }

    /// As `Encoder.mergeWithoutLacking`, whose ids these are: bytes that the vocabulary lacks are unknown tokens, or
    /// lie between the tokens and in them.
    fn takeLacking(walk: *Walk, piece: []const u8, start: usize, place: *Place) Error!void {
        const lacking = &walk.tokenizer.lacking;
        const unknown = walk.tokenizer.unknown_id;
        const drops = unknown == spelled_model.SpelledModel.none;
        var at: usize = 0;
        while (at < piece.len) {
            var end = at + 1;
            if (!lacking[piece[at]]) {
                var left = try walk.nextLength() -| 1;
                while (left > 0) : (end += 1) {
                    if (end == piece.len) return error.Mismatch;
                    const is_lacking = lacking[piece[end]];
                    if (is_lacking and !drops) return error.Mismatch;
                    left -= @intFromBool(!is_lacking);
                }
                walk.put(place.of(start + at, start + end));
            } else if (!drops) {
                try walk.expect(unknown);
                walk.put(place.of(start + at, start + end));
            }
            at = end;
        }
    }

    /// A word of which some characters may be unknown and without tokens for their bytes.
    fn takeWord(walk: *Walk, word: []const u8, start: usize, place: *Place) Error!void {
        const words = &walk.tokenizer.words;
        if (!words.dropsCharacters()) {
            var in_word: InWord = .{ .place = place, .start = start };
            return walk.takeUnknown(word, &in_word);
        }
        const kept = &walk.memory.word;
        kept.clear();
        const text = try kept.drop(walk.gpa, words, word);
        var in_word: InWord = .{ .place = place, .start = start };
        if (walk.ignores_dropped) {
            // tokenizers counts from the word's start on, a space as the sign that it is there.
            kept.clear();
            in_word.sign_len = walk.signLength();
            try kept.widen(walk.gpa, word, in_word.sign_len);
        }
        if (kept.count > 0) in_word.levels = kept;
        in_word.text = text;
        try walk.takeUnknown(text, &in_word);
    }

    /// The length of the sign for a space.
    fn signLength(walk: *const Walk) usize {
        const tokenizer = walk.tokenizer;
        const has_sign = tokenizer.added.has_space_sign or tokenizer.late_normalizer.steps.len > 0;
        return if (has_sign) "\u{2581}".len else 1;
    }

    /// As `Encoder.encodeUnknown`, whose ids these are.
    fn takeUnknown(walk: *Walk, word: []const u8, in_word: *InWord) Error!void {
        const words = &walk.tokenizer.words;
        var due: ?Due = null;
        var at: usize = 0;
        while (at < word.len) {
            const known_len = words.knownLength(word[at..]);
            if (known_len > 0) {
                if (due) |ready| try walk.takeDue(ready, in_word);
                due = null;
                var tile = at;
                while (tile < at + known_len) {
                    const next = tile + try walk.nextLength();
                    if (next > at + known_len) return error.Mismatch;
                    walk.put(in_word.of(tile, next));
                    tile = next;
                }
                at += known_len;
                continue;
            }
            const len: usize = utf8.decode(word, at).len;
            if (fallsBack(words, word[at..][0..len])) {
                for (word[at..][0..len], at..) |byte, i| {
                    try walk.expect(words.byte_ids[byte]);
                    walk.put(in_word.of(i, i + 1));
                }
            } else if (due != null and words.fuse_unknown) {
                due.?.end = at + len;
            } else {
                if (due) |ready| try walk.takeDue(ready, in_word);
                due = .{ .start = at, .end = at + len };
            }
            at += len;
        }
        if (due) |ready| try walk.takeDue(ready, in_word);
    }

    /// A word of the general way. Tokens are spelled as their symbols, one after the other, are, without the
    /// prefix of all but the first.
    fn takeSpelled(walk: *Walk, word: []const u8, start: usize, place: *Place) Error!void {
        const model = &walk.tokenizer.spelled_model;
        const vocab = &walk.tokenizer.spelled.?;
        if (model.ignore_merges) if (vocab.find(word)) |id| {
            try walk.expect(id);
            return walk.put(place.of(start, start + word.len));
        };
        if (!walk.spells_out and walk.takePlain(word, start, place)) return;
        try walk.takeSymbols(word, start, place);
    }

    /// As `takeSpelled`, of any word.
    fn takeSymbols(walk: *Walk, word: []const u8, start: usize, place: *Place) Error!void {
        const model = &walk.tokenizer.spelled_model;
        const vocab = &walk.tokenizer.spelled.?;
        const scratch = &walk.memory.spelled;
        try model.spellOut(vocab, walk.gpa, scratch, word, true);
        const symbols = scratch.symbols.items;
        var first: usize = 0;
        // The sum of the lengths so far, as tokenizers counts.
        var sum: usize = 0;
        while (first < symbols.len) {
            if (walk.done == walk.ids.len or !vocab.isDefined(walk.ids[walk.done])) return error.Mismatch;
            const whole_len = vocab.bytesOf(walk.ids[walk.done]).len;
            var len = vocab.bytesOf(symbols[first]).len;
            var last = first + 1;
            while (len < whole_len and last < symbols.len) : (last += 1) {
                len += vocab.bytesOf(symbols[last]).len -| model.prefix_len;
            }
            if (len != whole_len) return error.Mismatch;
            var found = scratch.places.items[first];
            const before = sum;
            for (scratch.places.items[first..last]) |each| {
                found.start = @min(found.start, each.start);
                found.end = @max(found.end, each.end);
                sum += each.end - each.start;
            }
            if (walk.ignores_dropped) {
                found = .{ .start = @min(before, word.len), .end = @min(sum, word.len) };
            }
            walk.put(place.of(start + found.start, start + found.end));
            first = last;
        }
    }

    /// A word of the general way whose tokens have its bytes, the affixes around them: then they stand for
    /// these, if no symbol in them stands for something else, as the unknown token and those of bytes do. Whether it
    /// is one.
    fn takePlain(walk: *Walk, word: []const u8, start: usize, place: *Place) bool {
        const model = &walk.tokenizer.spelled_model;
        const vocab = &walk.tokenizer.spelled.?;
        const prefix = model.affixes[0..model.prefix_len];
        const suffix = model.affixes[model.prefix_len..];
        const none = spelled_model.SpelledModel.none;
        const unknown = if (model.unknown_id == none) null else vocab.bytesOf(model.unknown_id);
        const first = walk.done;
        var at: usize = 0;
        for (walk.ids[first..], walk.spans[first..]) |id, *span| {
            if (!vocab.isDefined(id)) return false;
            var bytes = vocab.bytesOf(id);
            if (unknown) |other| if (std.mem.find(u8, bytes, other) != null) return false;
            if (std.mem.find(u8, bytes, "<0x") != null) return false;
            if (at > 0) {
                if (!std.mem.startsWith(u8, bytes, prefix)) return false;
                bytes = bytes[prefix.len..];
            }
            const own_len = @min(bytes.len, word.len - at);
            if (own_len == 0) return false;
            if (!std.mem.eql(u8, bytes[0..own_len], word[at..][0..own_len])) return false;
            const is_last = at + own_len == word.len;
            if (!std.mem.eql(u8, bytes[own_len..], if (is_last) suffix else "")) return false;
            span.* = .{ .start = at, .end = at + own_len };
            at += own_len;
            if (is_last) break;
        } else return false;
        var is_last = false;
        while (!is_last) {
            const in_word = walk.spans[walk.done];
            is_last = in_word.end == word.len;
            walk.put(place.of(start + @as(usize, in_word.start), start + @as(usize, in_word.end)));
        }
        return true;
    }

    const Due = struct { start: usize, end: usize };

    fn takeDue(walk: *Walk, due: Due, in_word: *InWord) Error!void {
        try walk.expect(walk.tokenizer.words.unknown_id);
        walk.put(in_word.of(due.start, due.end));
    }

    fn expect(walk: *const Walk, id: u32) Error!void {
        if (walk.done == walk.ids.len or walk.ids[walk.done] != id) return error.Mismatch;
    }
};

fn fallsBack(words: *const Words, character: []const u8) bool {
    for (character) |byte| if (words.byte_ids[byte] == Words.none) return false;
    return true;
}

/// Texts that were changed, and the way back: kept from text to text, nothing is read that an earlier one left.
pub const Memory = struct {
    record: alignment.Record = .{},
    stretch: alignment.Levels = .{},
    kept: normalizer_zig.Memory = .{},
    segment: alignment.Levels = .{},
    word: alignment.Levels = .{},
    /// A text with signs for its spaces.
    signs: std.ArrayList(u8) = .empty,
    pipeline: pipeline.Memory = .{},
    spelled: spelled_model.Scratch = .{},

    pub fn deinit(memory: *Memory, gpa: Allocator) void {
        memory.record.deinit(gpa);
        memory.stretch.deinit(gpa);
        memory.kept.deinit(gpa);
        memory.segment.deinit(gpa);
        memory.word.deinit(gpa);
        memory.signs.deinit(gpa);
        memory.pipeline.deinit(gpa);
        memory.spelled.deinit(gpa);
    }
};

/// How places in a segment go back to the whole text.
const Place = struct {
    /// From the segment to the normalized stretch.
    inner_levels: ?*alignment.Levels = null,
    inner_start: usize = 0,
    /// From the normalized stretch to the stretch.
    levels: *alignment.Levels,
    start: usize,

    /// As `alignment.Levels.unchanged`, from the segment to the whole text.
    fn unchanged(place: *Place, at: usize) ?alignment.Unchanged {
        const inner = place.inner_levels orelse {
            var found = place.levels.unchanged(place.inner_start + at) orelse return null;
            found.start += place.start;
            found.until -= place.inner_start;
            return found;
        };
        if (place.levels.count > 0) return null;
        var found = inner.unchanged(at) orelse return null;
        found.start += place.start + place.inner_start;
        return found;
    }

    fn of(place: *Place, start: usize, end: usize) Span {
        var range: alignment.Range = .{ .start = start, .end = end };
        if (place.inner_levels) |inner| range = inner.back(range);
        range.start += place.inner_start;
        range.end += place.inner_start;
        range = place.levels.back(range);
        return .{ .start = place.start + range.start, .end = place.start + range.end };
    }
};

/// Puts the tokens of words that `word_places.zig` finds where they stand in the whole text, in bytes.
const InPlace = struct {
    place: *Place,
    spans: []Span,
    /// Up to where places are those of the whole text but for a distance.
    until: usize = 0,
    distance: usize = 0,

    pub const needs_starts = false;

    pub inline fn put(taker: *InPlace, token: word_places.Token) void {
        if (token.end > taker.until) if (taker.place.unchanged(token.start)) |unchanged| {
            taker.distance = unchanged.start -% token.start;
            taker.until = unchanged.until;
        };
        taker.spans[token.index] = if (token.end <= taker.until)
            .{ .start = token.start +% taker.distance, .end = token.end +% taker.distance }
        else
            taker.place.of(token.start, token.end);
    }
};

const InWord = struct {
    place: *Place,
    start: usize,
    levels: ?*alignment.Levels = null,
    /// What is counted for a space of `text`.
    sign_len: usize = 1,
    text: []const u8 = "",
    /// How many spaces lie before a place that was asked for.
    counted: usize = 0,
    spaces: usize = 0,

    fn of(in_word: *InWord, start: usize, end: usize) Span {
        var range: alignment.Range = .{ .start = in_word.widened(start), .end = in_word.widened(end) };
        if (in_word.levels) |found| range = found.back(range);
        return in_word.place.of(in_word.start + range.start, in_word.start + range.end);
    }

    fn widened(in_word: *InWord, at: usize) usize {
        if (in_word.sign_len == 1) return at;
        if (at < in_word.counted) {
            in_word.spaces -= std.mem.countScalar(u8, in_word.text[at..in_word.counted], ' ');
        } else {
            in_word.spaces += std.mem.countScalar(u8, in_word.text[in_word.counted..at], ' ');
        }
        in_word.counted = at;
        return at + in_word.spaces * (in_word.sign_len - 1);
    }
};

/// Changes spans of bytes to spans of characters, each with all the characters it has a part of.
/// The text is well-formed.
fn toCharacters(text: []const u8, spans: []Span) void {
    var counts: CharacterCounts = .{ .text = text };
    countPlaces(&counts, spans);
}

/// The same for some of the spans of the text that `counts` is of.
fn countPlaces(counts: *CharacterCounts, spans: []Span) void {
    for (spans) |*span| {
        const start: usize = @intCast(span.start);
        const end: usize = @intCast(span.end);
        if (start == end) {
            const count = counts.beforePlace(start);
            span.* = .{ .start = count, .end = count };
        } else {
            span.* = .{ .start = counts.upTo(start) - 1, .end = counts.upTo(end - 1) };
        }
    }
}

fn isAscii(text: []const u8) bool {
    const block_len = 64;
    var at: usize = 0;
    while (at + block_len <= text.len) : (at += block_len) {
        const block: @Vector(block_len, u8) = text[at..][0..block_len].*;
        if (@reduce(.Max, block) >= 0x80) return false;
    }
    for (text[at..]) |byte| if (byte >= 0x80) return false;
    return true;
}

/// `toCharacters` of any bytes: a character is what `utf8.decode` takes for one.
fn toSlowCharacters(text: []const u8, spans: []Span) void {
    var walk: struct {
        text: []const u8,
        /// The character at `at` has this index.
        at: usize = 0,
        index: u64 = 0,

        /// Goes to the character that has the byte at `place`, or to the end.
        fn go(self: *@This(), place: usize) void {
            if (place < self.at) {
                self.at = 0;
                self.index = 0;
            }
            while (self.at < self.text.len) {
                const len = utf8.decode(self.text, self.at).len;
                if (self.at + len > place) return;
                self.at += len;
                self.index += 1;
            }
        }
    } = .{ .text = text };
    for (spans) |*span| {
        const end: usize = @intCast(span.end);
        const is_empty = span.start == span.end;
        walk.go(@intCast(span.start));
        span.start = walk.index;
        span.end = walk.index;
        if (is_empty) continue;
        walk.go(end - 1);
        span.end = walk.index + 1;
    }
}

const Context = @import("context.zig").Context;
const Diagnostic = @import("diagnostic.zig").Diagnostic;
const definition = @import("definition.zig");
const test_support = @import("test_support.zig");
const tokenizer_json = @import("format/tokenizer_json.zig");

/// Checks the spans of random texts against the sums of the lengths, and those of characters against a count.
fn expectTiled(parsed: definition.Definition, parts: []const []const u8, seed: u64) !void {
    const gpa = std.testing.allocator;
    var diagnostic: Diagnostic = .{};
    var tokenizer: Tokenizer = try .init(gpa, parsed, &diagnostic);
    defer tokenizer.deinit(gpa);
    var context: Context = try .init(gpa, &tokenizer);
    defer context.deinit();
    var prng: std.Random.DefaultPrng = .init(seed);
    const random = prng.random();
    var text: std.ArrayList(u8) = .empty;
    defer text.deinit(gpa);
    for (0..300) |_| {
        text.clearRetainingCapacity();
        for (0..random.uintAtMost(usize, 40)) |_| {
            try text.appendSlice(gpa, parts[random.uintLessThan(usize, parts.len)]);
        }
        const count = try context.encodeWithOffsets(text.items, .parse, .{ .unit = .byte });
        const spans: []const Span = @ptrCast(context.ends.items);
        try std.testing.expectEqual(count, spans.len);
        var at: u64 = 0;
        for (context.ids, spans) |id, span| {
            try std.testing.expectEqual(at, span.start);
            at += tokenizer.vocab.bytesOf(id).len;
            try std.testing.expectEqual(at, span.end);
        }
        try std.testing.expectEqual(text.items.len, at);
        const exact = try gpa.dupe(Span, spans);
        defer gpa.free(exact);
        _ = try context.encodeWithOffsets(text.items, .parse, .{ .unit = .character });
        const characters: []const Span = @ptrCast(context.ends.items);
        for (exact, characters) |bytes, span| {
            const start = characterOf(text.items, @intCast(bytes.start));
            const last = characterOf(text.items, @intCast(bytes.end - 1));
            try std.testing.expectEqual(Span{ .start = start, .end = last + 1 }, span);
        }
        const known = try gpa.dupe(Span, characters);
        defer gpa.free(known);
        try std.testing.expect(tokenizer.tiles);
        // Taken apart at the added tokens.
        tokenizer.tiles = false;
        defer tokenizer.tiles = true;
        _ = try context.encodeWithOffsets(text.items, .parse, .{ .unit = .byte });
        const apart: []const Span = @ptrCast(context.ends.items);
        try std.testing.expectEqualSlices(Span, exact, apart);
        _ = try context.encodeWithOffsets(text.items, .parse, .{ .unit = .character });
        const apart_characters: []const Span = @ptrCast(context.ends.items);
        try std.testing.expectEqualSlices(Span, known, apart_characters);
    }
}

/// The index of the character that has a byte.
fn characterOf(text: []const u8, place: usize) u64 {
    var index: u64 = 0;
    var at: usize = 0;
    while (true) : (index += 1) {
        at += utf8.decode(text, at).len;
        if (place < at) return index;
    }
}

test "tokens lie side by side, in bytes and in characters, of any bytes" {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    var parsed = try test_support.smallDefinition(arena.allocator(), .rank);
    // Without the token that takes white space with it.
    parsed.added_tokens = parsed.added_tokens[0..1];
    const parts = [_][]const u8{ "ab", "c", " hello", "\u{e9}", "\u{6587}\u{1f600}", "<|end|>", "\n", "\xff", "\xe4\xb8" };
    try expectTiled(parsed, parts[0..7], 3);
    try expectTiled(parsed, &parts, 4);
}

test "a prefix space stands for the first character" {
    const gpa = std.testing.allocator;
    var arena: std.heap.ArenaAllocator = .init(gpa);
    defer arena.deinit();
    var parsed = try test_support.smallDefinition(arena.allocator(), .rank);
    parsed.prefix_space = .every;
    var diagnostic: Diagnostic = .{};
    var tokenizer: Tokenizer = try .init(gpa, parsed, &diagnostic);
    defer tokenizer.deinit(gpa);
    var context: Context = try .init(gpa, &tokenizer);
    defer context.deinit();
    const text = "\u{e9}b<|end|>q";
    const count = try context.encodeWithOffsets(text, .parse, .{ .unit = .byte });
    const spans: []const Span = @ptrCast(context.ends.items);
    // The space, the two bytes of the letter, "b", the token, a space, "q".
    const ends = [_][2]u64{ .{ 0, 2 }, .{ 0, 1 }, .{ 1, 2 }, .{ 2, 3 }, .{ 3, 10 }, .{ 10, 11 }, .{ 10, 11 } };
    try std.testing.expectEqual(ends.len, count);
    for (ends, spans) |end, span| {
        try std.testing.expectEqual(Span{ .start = end[0], .end = end[1] }, span);
    }
    const ids = try gpa.dupe(u32, context.ids);
    defer gpa.free(ids);
    try context.findWords(text, .parse, ids);
    try std.testing.expectEqualSlices(u32, &.{ 0, 0, 0, 0, 1, 2, 2 }, context.ids);
    ids[3] = 'c';
    ids[4] = 'd';
    const failed = context.findOffsets(text, .parse, ids, .{ .unit = .byte });
    try std.testing.expectError(error.InvalidArgument, failed);
}

fn findOnce(gpa: Allocator, tokenizer: *const Tokenizer, text: []const u8) !void {
    var context: Context = try .init(gpa, tokenizer);
    defer context.deinit();
    _ = try context.encodeWithOffsets(text, .parse, .{ .unit = .character });
}

test "a failed allocation leaks nothing" {
    const gpa = std.testing.allocator;
    var arena: std.heap.ArenaAllocator = .init(gpa);
    defer arena.deinit();
    var parsed = try test_support.smallDefinition(arena.allocator(), .rank);
    parsed.prefix_space = .every;
    parsed.normalization = &.{ .nfc, .{ .replace = .{ .from = "b", .to = "ab" } } };
    var diagnostic: Diagnostic = .{};
    var tokenizer: Tokenizer = try .init(gpa, parsed, &diagnostic);
    defer tokenizer.deinit(gpa);
    const arguments = .{ @as(*const Tokenizer, &tokenizer), @as([]const u8, "e\u{301}b<|end|>a") };
    try std.testing.checkAllAllocationFailures(gpa, findOnce, arguments);
}

/// Checks that texts taken whole have the places that they have taken apart at the added tokens.
fn expectSameApart(parsed: definition.Definition, parts: []const []const u8, seed: u64) !void {
    const gpa = std.testing.allocator;
    var diagnostic: Diagnostic = .{};
    var tokenizer: Tokenizer = try .init(gpa, parsed, &diagnostic);
    defer tokenizer.deinit(gpa);
    var context: Context = try .init(gpa, &tokenizer);
    defer context.deinit();
    try std.testing.expect(tokenizer.tiles);
    var prng: std.Random.DefaultPrng = .init(seed);
    const random = prng.random();
    var text: std.ArrayList(u8) = .empty;
    defer text.deinit(gpa);
    for (0..400) |_| {
        text.clearRetainingCapacity();
        for (0..random.uintAtMost(usize, 30)) |_| {
            try text.appendSlice(gpa, parts[random.uintLessThan(usize, parts.len)]);
        }
        for (std.enums.values(Unit)) |unit| {
            const options: Options = .{ .unit = unit };
            _ = try context.encodeWithOffsets(text.items, .parse, options);
            const whole = try gpa.dupe(u64, context.ends.items);
            defer gpa.free(whole);
            if (unit == .byte) try expectBytes(&tokenizer, text.items, context.ids, @ptrCast(whole));
            tokenizer.tiles = false;
            defer tokenizer.tiles = true;
            _ = try context.encodeWithOffsets(text.items, .parse, options);
            try std.testing.expectEqualSlices(u64, context.ends.items, whole);
        }
    }
}

/// Checks that the tokens of a text have its bytes, but for those that the vocabulary lacks: they are unknown tokens,
/// or lie between the others and in them.
fn expectBytes(tokenizer: *const Tokenizer, text: []const u8, ids: []const u32, spans: []const Span) !void {
    var at: u64 = 0;
    for (ids, spans) |id, span| {
        for (text[at..@max(span.start, at)]) |byte| try std.testing.expect(tokenizer.lacking[byte]);
        at = span.end;
        // What was matched, and what a space was put in front of, is not the token's bytes.
        const is_added = for (tokenizer.added.tokens) |token| {
            if (token.id == id) break true;
        } else false;
        const covered = text[span.start..span.end];
        if (is_added) {
            try std.testing.expect(covered.len > 1 or tokenizer.lacking[covered[0]]);
            continue;
        }
        const bytes = tokenizer.vocab.bytesOf(id);
        var left = bytes;
        const is_prefixed = tokenizer.prefix_space != .none and bytes[0] == ' ' and covered[0] != ' ';
        if (is_prefixed) {
            left = bytes[1..];
            if (left.len == 0) {
                at = span.start;
                continue;
            }
        }
        for (covered) |byte| {
            if (tokenizer.lacking[byte]) continue;
            try std.testing.expectEqual(left[0], byte);
            left = left[1..];
        }
        const is_unknown = id == tokenizer.unknown_id and covered.len == 1 and tokenizer.lacking[covered[0]];
        try std.testing.expect(left.len == 0 or is_unknown);
    }
    for (text[at..]) |byte| try std.testing.expect(tokenizer.lacking[byte]);
}

test "texts with a prefix space, with long tokens, and without the tokens of bytes that no text has" {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    var parsed = try test_support.smallDefinition(arena.allocator(), .list);
    const long = "<" ++ "x" ** 300 ++ ">";
    const short = "<" ++ "y" ** 252 ++ ">";
    const end_of_text = test_support.end_of_text;
    parsed.added_tokens = &.{
        .{ .id = end_of_text, .content = "<|end|>" },
        .{ .id = end_of_text + 1, .content = long },
        .{ .id = end_of_text + 2, .content = short, .decoded = "y" },
        .{ .id = end_of_text + 3, .content = "<z>", .decoded = " z" },
        .{ .id = end_of_text + 4, .content = " <0>" },
    };
    const parts = [_][]const u8{
        "ab",   "c",   " hello", " ",        "\u{e9}", "\u{6587}\u{1f600}", "<|end|>", "\n", long, short,
        " <0>", "<z>", "\xff",   "\xe4\xb8",
    };
    for ([_]definition.PrefixSpace{ .none, .first, .every }, 5..) |prefix_space, seed| {
        parsed.prefix_space = prefix_space;
        try expectSameApart(parsed, parts[0..8], seed);
        try expectSameApart(parsed, &parts, seed);
    }
    // The last byte's token goes, and the ids of the others stay.
    const tokens = try arena.allocator().dupe(definition.Token, parsed.tokens);
    std.mem.copyForwards(definition.Token, tokens[255..], parsed.tokens[256..]);
    parsed.tokens = tokens[0 .. tokens.len - 1];
    for ([_]?u32{ null, 'q', end_of_text }, 8..) |unknown, seed| {
        parsed.unknown_byte = unknown;
        parsed.prefix_space = .none;
        try expectSameApart(parsed, &parts, seed);
        parsed.prefix_space = .first;
        try expectSameApart(parsed, &parts, seed);
    }
}

test "what a character falls back to has the length of its bytes, however the vocabulary spells them" {
    const gpa = std.testing.allocator;
    var arena: std.heap.ArenaAllocator = .init(gpa);
    defer arena.deinit();
    var document: std.Io.Writer.Allocating = .init(arena.allocator());
    const writer = &document.writer;
    try writer.writeAll("{\"added_tokens\": [], \"normalizer\": {\"type\": \"Replace\", " ++
        "\"pattern\": {\"String\": \" \"}, \"content\": \"\u{2581}\"}, " ++
        "\"decoder\": {\"type\": \"Sequence\", \"decoders\": [{\"type\": \"ByteFallback\"}, " ++
        "{\"type\": \"Fuse\"}, {\"type\": \"CTC\", \"pad_token\": \"p\", " ++
        "\"word_delimiter_token\": \"w\", \"cleanup\": false}]}, " ++
        "\"model\": {\"type\": \"BPE\", \"byte_fallback\": true, \"merges\": [[\"a\", \"b\"]], \"vocab\": {");
    for (0..256) |byte| try writer.print("\"<0x{X:0>2}>\": {d}, ", .{ byte, byte });
    try writer.writeAll("\"a\": 256, \"b\": 257, \"ab\": 258, \"\u{2581}\": 259}}}");
    var diagnostic: Diagnostic = .{};
    const parsed = try tokenizer_json.parse(arena.allocator(), document.written(), 1, &diagnostic);
    var tokenizer: Tokenizer = try .init(gpa, parsed, &diagnostic);
    defer tokenizer.deinit(gpa);
    var lengths: TokenLengths = try .init(gpa, &tokenizer);
    defer lengths.deinit(gpa);
    try std.testing.expectEqual("<0x41>".len, tokenizer.vocab.bytesOf(0x41).len);
    for (0..256) |byte| try std.testing.expectEqual(1, lengths.of(&tokenizer, @intCast(byte)));
    try std.testing.expectEqual(2, lengths.of(&tokenizer, 258));
    try std.testing.expectEqual(null, lengths.of(&tokenizer, 260));
    var context: Context = try .init(gpa, &tokenizer);
    defer context.deinit();
    const text = "ab \u{e9}<0x41>";
    try std.testing.expectEqual(10, try context.encodeWithOffsets(text, .parse, .{ .unit = .byte }));
    const ends = [_]u64{ 0, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11 };
    try std.testing.expectEqualSlices(u64, &ends, context.ends.items);
    _ = try context.encodeWithOffsets(text, .parse, .{ .unit = .character });
    const characters = [_]u64{ 0, 2, 2, 3, 3, 4, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10 };
    try std.testing.expectEqualSlices(u64, &characters, context.ends.items);
}

test "what is recorded while a text is encoded gives the places that are found behind it" {
    const gpa = std.testing.allocator;
    var arena: std.heap.ArenaAllocator = .init(gpa);
    defer arena.deinit();
    var parsed = try test_support.smallDefinition(arena.allocator(), .rank);
    const parts = [_][]const u8{
        "ab",       "c",        " hello",   " ",          "\u{e9}",   "e\u{301}", "\u{6587}", "<|end|>",
        "\u{fb01}", "\u{ff21}", "\u{2026}", "\u{ff1c}m>", "\u{ac00}", "\u{301}",  "\xff",     "\xe4\xb8",
        "a" ** 40,
    };
    var prng: std.Random.DefaultPrng = .init(21);
    const random = prng.random();
    var text: std.ArrayList(u8) = .empty;
    defer text.deinit(gpa);
    const replace: definition.Normalization = .{ .replace = .{ .from = "ab", .to = "c" } };
    const normalizations = [_][]const definition.Normalization{
        &.{.nfc}, &.{.nfkc}, &.{.nfd}, &.{.nfkd}, &.{ .nfkc, replace }, &.{ replace, .nfc }, &.{.lowercase},
    };
    for (normalizations) |normalization| for ([_]definition.PrefixSpace{ .none, .first }) |prefix_space| {
        parsed.normalization = normalization;
        parsed.prefix_space = prefix_space;
        var diagnostic: Diagnostic = .{};
        var tokenizer: Tokenizer = try .init(gpa, parsed, &diagnostic);
        defer tokenizer.deinit(gpa);
        var context: Context = try .init(gpa, &tokenizer);
        defer context.deinit();
        for (0..200) |_| {
            text.clearRetainingCapacity();
            const kinds = random.intRangeAtMost(usize, 1, parts.len);
            for (0..random.uintAtMost(usize, 20)) |_| {
                try text.appendSlice(gpa, parts[random.uintLessThan(usize, kinds)]);
            }
            for (std.enums.values(Unit)) |unit| for ([_]SpecialMode{ .parse, .text }) |mode| {
                const options: Options = .{ .unit = unit };
                _ = try context.encodeWithOffsets(text.items, mode, options);
                const recorded = try gpa.dupe(u64, context.ends.items);
                defer gpa.free(recorded);
                const ids = try gpa.dupe(u32, context.ids);
                defer gpa.free(ids);
                _ = try context.encode(text.items, mode);
                try std.testing.expectEqualSlices(u32, context.ids, ids);
                try context.findOffsets(text.items, mode, ids, options);
                try std.testing.expectEqualSlices(u64, context.ends.items, recorded);
                // Part by part, and not the whole text at once.
                tokenizer.tiles = false;
                defer tokenizer.tiles = true;
                try context.findOffsets(text.items, mode, ids, options);
                try std.testing.expectEqualSlices(u64, context.ends.items, recorded);
            };
        }
    };
}

const general_document =
    \\{"added_tokens": [
    \\  {"id": 12, "content": "<s>", "special": true, "normalized": false},
    \\  {"id": 13, "content": "<M>", "special": false, "normalized": true, "lstrip": true}],
    \\ "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"},
    \\  {"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": " "}, {"type": "Lowercase"}]},
    \\ "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
    \\  {"type": "Split", "pattern": {"Regex": "'s|[\\p{L}]+|[\\p{N}]|[^\\s\\p{L}\\p{N}]+"},
    \\   "behavior": "Removed", "invert": true},
    \\  {"type": "ByteLevel", "add_prefix_space": false}]},
    \\ "model": {"type": "BPE", "unk_token": "u", "end_of_word_suffix": "</w>", "fuse_unk": true,
    \\  "merges": [["a", "b"], ["ab", "c</w>"], ["Ã", "©"], ["a", "b</w>"],
    \\   ["u", "b"]],
    \\  "vocab": {"a": 0, "b": 1, "c": 2, "c</w>": 3, "ab": 4, "abc</w>": 5, "Ã": 6, "©": 7, "Ã©": 8,
    \\   "u": 9, "b</w>": 10, "ab</w>": 11, "ub": 14, "<0x7A>": 15,
    \\   "u</w>": 16}}}
;

test "the general way finds the same places while it encodes as behind it" {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    const plain = "\"fuse_unk\": true";
    const falling_back = "\"fuse_unk\": false, \"byte_fallback\": true";
    for ([_][]const u8{ plain, falling_back }) |flags| {
        const document = try std.mem.replaceOwned(u8, arena.allocator(), general_document, plain, flags);
        try expectSameBehind(arena.allocator(), document);
    }
}

/// CLIP's steps over bytes and a few merges.
fn clipDocument(arena: Allocator, normalizers: []const u8) ![]const u8 {
    var document: std.Io.Writer.Allocating = .init(arena);
    const writer = &document.writer;
    try writer.writeAll("{\"added_tokens\": [" ++
        "{\"id\": 600, \"content\": \"<s>\", \"special\": true, \"normalized\": false}, " ++
        "{\"id\": 601, \"content\": \"<M>\", \"normalized\": true, \"lstrip\": true}], ");
    try writer.print("\"normalizer\": {{\"type\": \"Sequence\", \"normalizers\": [{s}]}}, ", .{normalizers});
    try writer.writeAll("\"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [" ++
        "{\"type\": \"Split\", \"behavior\": \"Removed\", \"invert\": true, \"pattern\": {\"Regex\": ");
    try std.json.Stringify.value(@import("pretokenizer/clip.zig").pattern, .{}, writer);
    try writer.writeAll("}}, {\"type\": \"ByteLevel\", \"add_prefix_space\": false}]}, " ++
        "\"model\": {\"type\": \"BPE\", \"end_of_word_suffix\": \"</w>\", \"merges\": [" ++
        "[\"a\", \"b</w>\"], [\"a\", \"b\"], [\"Ð\", \"¶\"], [\"Ð¶\", \"Ð\"], [\"ï\", \"¿\"], " ++
        "[\"ï¿\", \"½</w>\"], [\"i\", \"Ì\"]], " ++
        "\"vocab\": {\"ab</w>\": 512, \"ab\": 513, \"Ð¶\": 514, \"Ð¶Ð\": 515, \"ï¿\": 516, " ++
        "\"ï¿½</w>\": 517, \"iÌ\": 518");
    var spelled: std.ArrayList(u8) = .empty;
    for (0..256) |byte| for ([_][]const u8{ "", "</w>" }, 0..) |suffix, i| {
        spelled.clearRetainingCapacity();
        try byte_level.appendSpelled(arena, &.{@intCast(byte)}, &spelled);
        try spelled.appendSlice(arena, suffix);
        try writer.writeAll(", ");
        try std.json.Stringify.value(spelled.items, .{}, writer);
        try writer.print(": {d}", .{256 * i + byte});
    };
    try writer.writeAll("}}}");
    return document.written();
}

const clip_normalizers =
    \\{"type": "NFC"}, {"type": "Replace", "pattern": {"Regex": "\\s+"}, "content": " "}, {"type": "Lowercase"}
;

test "words taken by the lengths of their tokens stand where their symbols do" {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    for ([_][]const u8{
        clip_normalizers,
        "{\"type\": \"Lowercase\"}",
        "{\"type\": \"NFD\"}, {\"type\": \"Lowercase\"}",
        "",
    }) |normalizers| try expectSameBehind(arena.allocator(), try clipDocument(arena.allocator(), normalizers));
}

test "words as long as in the text take no way back" {
    const gpa = std.testing.allocator;
    var arena: std.heap.ArenaAllocator = .init(gpa);
    defer arena.deinit();
    var diagnostic: Diagnostic = .{};
    const document = try clipDocument(arena.allocator(), clip_normalizers);
    const parsed = try tokenizer_json.parse(arena.allocator(), document, 1, &diagnostic);
    var tokenizer: Tokenizer = try .init(gpa, parsed, &diagnostic);
    defer tokenizer.deinit(gpa);
    var context: Context = try .init(gpa, &tokenizer);
    defer context.deinit();
    // Whether a level was ever needed for another step than NFC, whose level is tried and given back.
    const long = "\u{416}\u{416}uK \n\u{3000}ABab " ** 9;
    for ([_]struct { text: []const u8, expected: bool }{
        .{ .text = long ++ "<s> AB", .expected = false },
        .{ .text = long ++ "\u{130}", .expected = true },
        .{ .text = long ++ "<m>", .expected = true },
        .{ .text = long ++ "e\u{301}", .expected = true },
        .{ .text = long ++ "\xff", .expected = true },
    }) |case| {
        const count = try context.encode(case.text, .parse);
        const spans = try gpa.alloc(Span, count);
        defer gpa.free(spans);
        const lengths: *const TokenLengths = try context.takeLengths();
        var memory: Memory = .{};
        defer memory.deinit(gpa);
        var walk: Walk = .{
            .gpa = gpa,
            .memory = &memory,
            .tokenizer = &tokenizer,
            .lengths = lengths,
            .text = case.text,
            .counts = .{ .text = case.text },
            .mode = .parse,
            .ids = context.ids,
            .spans = spans,
            .needs_pieces = false,
        };
        walk.takesWords(utf8.isWellFormed(case.text));
        try walk.run();
        try std.testing.expectEqual(case.expected, memory.stretch.list.items.len > 1);
    }
}

fn expectSameBehind(arena: Allocator, document: []const u8) !void {
    const gpa = std.testing.allocator;
    var diagnostic: Diagnostic = .{};
    const parsed = try tokenizer_json.parse(arena, document, 1, &diagnostic);
    var tokenizer: Tokenizer = try .init(gpa, parsed, &diagnostic);
    defer tokenizer.deinit(gpa);
    try std.testing.expect(tokenizer.spelled_model.is_used);
    var context: Context = try .init(gpa, &tokenizer);
    defer context.deinit();
    const parts = [_][]const u8{
        "ab",       "c",        "ABC",     " ",        "\u{e9}",   "e\u{301}", "\u{130}",  "\n\t ",            "'s",           "1",
        "<s>",      "<M>",      "<m>",     "\u{c9}",   "\xff",     "\xe4\xb8", "\u{2003}", "z",                "u",            "ub",
        "<0x7A>",   "\x00",     "\u{416}", "\u{436}",  "\u{212a}", "\u{23a}",  "\u{3000}", "\u{3042}\u{3001}", "\xf0\x9f\x98", "\u{a0}",
        "\u{2019}", "\u{1680}", "\u{e00}", "\u{1e9e}", "\u{10a0}", "x" ** 300,
    };
    var prng: std.Random.DefaultPrng = .init(9);
    const random = prng.random();
    var text: std.ArrayList(u8) = .empty;
    defer text.deinit(gpa);
    for (0..400) |_| {
        text.clearRetainingCapacity();
        for (0..random.uintAtMost(usize, 30)) |_| {
            try text.appendSlice(gpa, parts[random.uintLessThan(usize, parts.len)]);
        }
        for ([_]Options{
            .{ .unit = .byte },
            .{ .unit = .character },
            .{ .unit = .character, .ignores_dropped = true },
        }) |options| for ([_]SpecialMode{ .parse, .text }) |mode| {
            const count = try context.encode(text.items, mode);
            const ids = try gpa.dupe(u32, context.ids[0..count]);
            defer gpa.free(ids);
            var slow = options;
            // Bytes of a character that is spelled byte by byte are apart only where nothing is spelled.
            slow.goes_back = options.unit == .byte and tokenizer.word_bytes.tilesWords();
            slow.spells_out = !slow.goes_back;
            try context.findOffsets(text.items, mode, ids, slow);
            const ends = try gpa.dupe(u64, context.ends.items);
            defer gpa.free(ends);
            try std.testing.expectEqual(count, try context.encodeWithOffsets(text.items, mode, options));
            try std.testing.expectEqualSlices(u32, ids, context.ids);
            try std.testing.expectEqualSlices(u64, ends, context.ends.items);
        };
    }
    const byte_options: Options = .{ .unit = .byte };
    const refused = context.encodeWithOffsets("a<s>", .refuse, byte_options);
    try std.testing.expectError(error.SpecialToken, refused);
    try std.testing.expectEqual(1, context.diagnostic.offset);
    try std.testing.expectEqual(1, try context.encodeWithOffsets("ab", .refuse, byte_options));
    const arguments = .{ @as(*const Tokenizer, &tokenizer), @as([]const u8, "E\u{301}b  <s>a<m>") };
    try std.testing.checkAllAllocationFailures(gpa, findOnce, arguments);
}
