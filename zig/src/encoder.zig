//! One thread's encoding of one text after another: added tokens, pre-tokenizer, piece table, merge engine.
//!
//! Pieces are found and looked up a batch at a time in stack buffers. The memory of an encoder grows to what
//! the longest piece needs (`bpe.zig`), to one copy of the longest text where the tokenizer adds a prefix
//! space, and to the ids; its cache of pieces has a bound (`piece_cache.zig`). Time is O(n log n) in the
//! longest piece and linear in the text.

const std = @import("std");
const bpe = @import("bpe.zig");
const Dropout = @import("dropout.zig").Dropout;
const huge_pages = @import("huge_pages.zig");
const levels = @import("pretokenizer/levels.zig");
const misses = @import("misses.zig");
const piece_cache = @import("piece_cache.zig");
const PieceCache = piece_cache.PieceCache;
const piece_table = @import("piece_table.zig");
const pretokenizer = @import("pretokenizer.zig");
const Record = @import("alignment.zig").Record;
const AddedToken = @import("added_tokens.zig").Token;
const Normalization = @import("normalizer.zig").Memory;
const pipeline_zig = @import("pipeline.zig");
const Pipeline = pipeline_zig.Pipeline;
const PreTokenizer = pretokenizer.PreTokenizer;
const spelled_model = @import("spelled_model.zig");
const SpelledModel = spelled_model.SpelledModel;
const Segment = @import("added_tokens.zig").Segment;
const SpecialMode = @import("added_tokens.zig").SpecialMode;
const Tokenizer = @import("tokenizer.zig").Tokenizer;
const utf8 = @import("utf8.zig");
const Words = @import("words.zig").Words;
const Allocator = std.mem.Allocator;

const batch_len = piece_cache.batch_len;

pub const Error = error{ OutOfMemory, SpecialToken };

pub const Encoder = struct {
    tokenizer: *const Tokenizer,
    cache: PieceCache,
    /// The kernels that this machine can run.
    level: levels.Level,
    scratch: bpe.Scratch = .{},
    normalization: Normalization = .{},
    late_normalization: Normalization = .{},
    /// A text with its prefix space in front.
    prefixed: std.ArrayList(u8) = .empty,
    /// A text without the characters that a vocabulary drops.
    kept: std.ArrayList(u8) = .empty,
    pipeline: pipeline_zig.Memory = .{},
    spelled: spelled_model.Scratch = .{},
    ids: std.ArrayList(u32) = .empty,
    /// While a text is encoded with merges left out by chance: past the cache, merge by merge.
    dropout: ?*Dropout = null,
    /// While a text is encoded of which the offsets are to be found.
    record: ?*Record = null,
    /// Where the special token stands that made a call fail.
    refused_at: usize = 0,
    refused_id: u32 = 0,

    pub fn init(tokenizer: *const Tokenizer) error{OutOfMemory}!Encoder {
        return .{ .tokenizer = tokenizer, .cache = try .init(), .level = .best() };
    }

    pub fn deinit(encoder: *Encoder, gpa: Allocator) void {
        encoder.cache.deinit();
        encoder.scratch.deinit(gpa);
        encoder.normalization.deinit(gpa);
        encoder.late_normalization.deinit(gpa);
        encoder.prefixed.deinit(gpa);
        encoder.kept.deinit(gpa);
        encoder.pipeline.deinit(gpa);
        encoder.spelled.deinit(gpa);
        encoder.ids.deinit(gpa);
        encoder.* = undefined;
    }

    /// What becomes of the ids: kept behind those of earlier calls, or only counted.
    pub const Output = enum { keep, count };

    /// Encodes `text` and returns how many ids it has. After an error the ids are to be cleared.
    pub fn encode(
        encoder: *Encoder,
        gpa: Allocator,
        text: []const u8,
        mode: SpecialMode,
        comptime output: Output,
    ) Error!usize {
        if (output == .keep and text.len >= huge_pages.len) encoder.reserve(gpa, text.len);
        if (encoder.isDirect()) return encoder.encodeDirect(gpa, text, mode, output);
        var count: usize = 0;
        var literal = encoder.tokenizer.added.split(.literal, text, mode);
        while (literal.next()) |outer| {
            count += try encoder.encodeOuter(gpa, text, outer, mode, output);
        }
        return count;
    }

    /// Encodes `text` with the merges left out that the sample of this number leaves out.
    pub noinline fn encodeSample(
        encoder: *Encoder,
        gpa: Allocator,
        text: []const u8,
        mode: SpecialMode,
        number: u64,
    ) Error!usize {
        var dropout = encoder.tokenizer.sampling.sample(number);
        defer dropout.deinit(gpa);
        encoder.dropout = &dropout;
        defer encoder.dropout = null;
        return encoder.encode(gpa, text, mode, .keep);
    }

    /// Room for the ids of a long text, in large pages. Small pages, and room that grows again and again, took a
    /// fifth of the first pass over a long text. It is not touched before it is used, so what is too much
    /// takes no memory; most texts have fewer ids than half of their bytes.
    noinline fn reserve(encoder: *Encoder, gpa: Allocator, text_len: usize) void {
        const wanted = encoder.ids.items.len + text_len / 2;
        if (encoder.ids.capacity >= wanted) return;
        // Where there is not so much, the room grows as it is needed.
        encoder.ids.ensureTotalCapacityPrecise(gpa, wanted) catch return;
        huge_pages.advise(std.mem.sliceAsBytes(encoder.ids.allocatedSlice()));
    }

    /// The same for one of the segments that the literal pass cuts `text` into. Each is encoded on its own.
    pub fn encodeOuter(
        encoder: *Encoder,
        gpa: Allocator,
        text: []const u8,
        outer: Segment,
        mode: SpecialMode,
        comptime output: Output,
    ) Error!usize {
        const tokenizer = encoder.tokenizer;
        if (outer.token) |token| {
            return encoder.appendToken(gpa, token, outer.start, mode, output);
        }
        var count: usize = 0;
        const stretch = text[outer.start..outer.end];
        const normal = if (encoder.record) |record|
            try record.apply(gpa, &tokenizer.normalizer, stretch, text)
        else
            try tokenizer.normalizer.apply(gpa, &encoder.normalization, stretch);
        var normalized = tokenizer.added.split(.normalized, normal, mode);
        while (normalized.next()) |inner| {
            if (inner.token) |token| {
                // In text that was changed, places are not known: the stretch's is told.
                const offset = if (normal.ptr == stretch.ptr) inner.start else 0;
                count += try encoder.appendToken(gpa, token, outer.start + offset, mode, output);
                continue;
            }
            const is_first = outer.start == 0 and inner.start == 0;
            const segment = normal[inner.start..inner.end];
            count += try encoder.encodeSegment(gpa, segment, is_first, output);
        }
        return count;
    }

    /// Keeps the ids of the pieces of `text` from `start` on, where a piece begins, up to the first that
    /// ends at `stop` or behind it; returns where it ends. For scanners whose cursor may begin anywhere, and
    /// text that holds no added token and needs no change.
    pub fn encodeRange(
        encoder: *Encoder,
        gpa: Allocator,
        text: []const u8,
        start: usize,
        stop: usize,
    ) error{OutOfMemory}!usize {
        var spans: [batch_len]pretokenizer.Span = undefined;
        var cursor: pretokenizer.Cursor = undefined;
        cursor.begin(encoder.level, start);
        var end = start;
        while (end < stop) {
            var keys: piece_cache.Keys = undefined;
            const pieces = &encoder.tokenizer.pretokenizer;
            var found = encoder.nextPieces(pieces, text, &cursor, &spans, &keys);
            while (spans[found.count - 1].start >= stop) found.count -= 1;
            while (found.left_count > 0 and keys.left[found.left_count - 1] >= found.count) {
                found.left_count -= 1;
            }
            const last = spans[found.count - 1];
            try encoder.ids.ensureUnusedCapacity(gpa, last.end - end + piece_cache.slack);
            _ = try encoder.encodeFound(gpa, text, &spans, &keys, found);
            end = last.end;
        }
        return end;
    }

    fn appendToken(
        encoder: *Encoder,
        gpa: Allocator,
        token: *const AddedToken,
        at: usize,
        mode: SpecialMode,
        comptime output: Output,
    ) Error!usize {
        if (mode == .refuse and token.flags.special) {
            encoder.refused_at = at;
            encoder.refused_id = token.id;
            return error.SpecialToken;
        }
        if (output == .keep) try encoder.ids.append(gpa, token.id);
        return 1;
    }

    /// Encodes text that holds no added token.
    fn encodeSegment(
        encoder: *Encoder,
        gpa: Allocator,
        segment: []const u8,
        is_first: bool,
        comptime output: Output,
    ) error{OutOfMemory}!usize {
        if (encoder.tokenizer.spelled_model.is_used) {
            return encoder.encodeSpelled(gpa, segment, is_first, output);
        }
        if (encoder.tokenizer.merges.base.kind == .characters) {
            return encoder.encodeCharacters(gpa, segment, is_first, output);
        }
        const text = try encoder.withPrefixSpace(gpa, segment, is_first);
        return encoder.encodeText(gpa, &encoder.tokenizer.pretokenizer, text, output);
    }

    /// Encodes the pieces that `pieces` finds in `text`.
    fn encodeText(
        encoder: *Encoder,
        gpa: Allocator,
        pieces: *const PreTokenizer,
        text: []const u8,
        comptime output: Output,
    ) error{OutOfMemory}!usize {
        const before = encoder.ids.items.len;
        var spans: [batch_len]pretokenizer.Span = undefined;
        var cursor: pretokenizer.Cursor = undefined;
        cursor.begin(encoder.level, 0);
        var count: usize = 0;
        while (cursor.position < text.len) {
            const start = cursor.position;
            var keys: piece_cache.Keys = undefined;
            const found = encoder.nextPieces(pieces, text, &cursor, &spans, &keys);
            // No piece has more ids than bytes, and a cached one is written whole.
            const room = cursor.position - start + piece_cache.slack;
            try encoder.ids.ensureUnusedCapacity(gpa, room);
            count += try encoder.encodeFound(gpa, text, &spans, &keys, found);
            if (output == .count) encoder.ids.items.len = before;
        }
        return count;
    }

    /// The same in the general way.
    pub fn encodeSpelled(
        encoder: *Encoder,
        gpa: Allocator,
        segment: []const u8,
        is_first: bool,
        comptime output: Output,
    ) error{OutOfMemory}!usize {
        const tokenizer = encoder.tokenizer;
        const memory = &encoder.pipeline;
        if (tokenizer.word_bytes.is_used and encoder.dropout == null) {
            return encoder.encodeWords(gpa, try Pipeline.wellFormed(gpa, memory, segment), output);
        }
        const cut = try tokenizer.pipeline.run(gpa, memory, segment, is_first, null);
        return encoder.encodeCut(gpa, cut, output);
    }

    /// The same for well-formed text, where words are encoded as they stand in it.
    pub fn encodeWords(
        encoder: *Encoder,
        gpa: Allocator,
        text: []const u8,
        comptime output: Output,
    ) error{OutOfMemory}!usize {
        const words = &encoder.tokenizer.word_bytes;
        return encoder.encodeText(gpa, &words.pieces, words.trimmed(text), output);
    }

    /// The same for what the pipeline made of the segment.
    pub fn encodeCut(
        encoder: *Encoder,
        gpa: Allocator,
        cut: pipeline_zig.Result,
        comptime output: Output,
    ) error{OutOfMemory}!usize {
        const tokenizer = encoder.tokenizer;
        const before = encoder.ids.items.len;
        var count: usize = 0;
        var done: usize = 0;
        while (done < cut.pieces.len) {
            const spans = cut.pieces[done..@min(done + batch_len, cut.pieces.len)];
            const len = spans[spans.len - 1].end - spans[0].start;
            const room = tokenizer.spelled_model.roomFor(len) + piece_cache.slack;
            try encoder.ids.ensureUnusedCapacity(gpa, room);
            count += try encoder.encodePieces(gpa, cut.text, spans);
            if (output == .count) encoder.ids.items.len = before;
            done += spans.len;
        }
        return count;
    }

    /// The same for a vocabulary of characters.
    fn encodeCharacters(
        encoder: *Encoder,
        gpa: Allocator,
        segment: []const u8,
        is_first: bool,
        comptime output: Output,
    ) error{OutOfMemory}!usize {
        const tokenizer = encoder.tokenizer;
        const memory = &encoder.late_normalization;
        const normal = try tokenizer.late_normalizer.apply(gpa, memory, segment);
        const text = try encoder.withPrefixSpace(gpa, normal, is_first);
        var spans: [batch_len]pretokenizer.Span = undefined;
        var cursor: pretokenizer.Cursor = undefined;
        cursor.begin(encoder.level, 0);
        var count: usize = 0;
        while (cursor.position < text.len) {
            const span_count = tokenizer.pretokenizer.next(text, &cursor, &spans);
            for (spans[0..span_count]) |span| {
                count += try encoder.encodeWord(gpa, text[span.start..span.end], output);
            }
        }
        return count;
    }

    /// Encodes what is merged at once: without a pre-tokenizer, a whole text.
    fn encodeWord(
        encoder: *Encoder,
        gpa: Allocator,
        word: []const u8,
        comptime output: Output,
    ) error{OutOfMemory}!usize {
        const words = &encoder.tokenizer.words;
        if (encoder.dropout) |dropout| {
            if (!words.dropsCharacters()) return encoder.encodeWordDropping(gpa, dropout, word, output);
            encoder.kept.clearRetainingCapacity();
            try words.appendKept(gpa, word, &encoder.kept);
            return encoder.encodeWordDropping(gpa, dropout, encoder.kept.items, output);
        }
        if (words.has_all_bytes) return encoder.encodeKnown(gpa, word, output);
        if (!words.dropsCharacters()) return encoder.encodeUnknown(gpa, word, output);
        encoder.kept.clearRetainingCapacity();
        try words.appendKept(gpa, word, &encoder.kept);
        return encoder.encodeUnknown(gpa, encoder.kept.items, output);
    }

    /// A merge that is put aside waits for any other of the word, so that the word is not cut.
    fn encodeWordDropping(
        encoder: *Encoder,
        gpa: Allocator,
        dropout: *Dropout,
        word: []const u8,
        comptime output: Output,
    ) error{OutOfMemory}!usize {
        const words = &encoder.tokenizer.words;
        const merges = &encoder.tokenizer.merges;
        const symbols = &dropout.symbols;
        symbols.clearRetainingCapacity();
        try symbols.ensureTotalCapacity(gpa, word.len + 1);
        var unknown: Words.Unknown = .{ .words = words };
        var buffer: [8]u32 = undefined;
        var at: usize = 0;
        while (at < word.len) {
            const character = utf8.decode(word, at);
            if (words.isKnown(character.code_point)) {
                symbols.appendSliceAssumeCapacity(buffer[0..unknown.finish(&buffer)]);
                symbols.appendAssumeCapacity(merges.base.characterId(@intCast(character.code_point)).?);
                at += character.len;
            } else {
                const count, const len = unknown.take(word[at..], &buffer);
                try symbols.appendSlice(gpa, buffer[0..count]);
                at += len;
            }
        }
        try symbols.appendSlice(gpa, buffer[0..unknown.finish(&buffer)]);
        try encoder.ids.ensureUnusedCapacity(gpa, symbols.items.len);
        const count = try dropout.merge(merges, gpa, encoder.ids.unusedCapacitySlice().ptr);
        if (output == .keep) encoder.ids.items.len += count;
        return count;
    }

    /// Encodes a word of which some characters may be unknown and without tokens for their bytes.
    fn encodeUnknown(
        encoder: *Encoder,
        gpa: Allocator,
        word: []const u8,
        comptime output: Output,
    ) error{OutOfMemory}!usize {
        const words = &encoder.tokenizer.words;
        var unknown: Words.Unknown = .{ .words = words };
        var count: usize = 0;
        var at: usize = 0;
        while (true) {
            const known_len = words.knownLength(word[at..]);
            try encoder.ids.ensureUnusedCapacity(gpa, 8);
            const before = encoder.ids.items.len;
            if (known_len > 0 or at == word.len) {
                encoder.ids.items.len += unknown.finish(encoder.ids.unusedCapacitySlice().ptr);
            }
            if (known_len > 0) {
                count += encoder.ids.items.len - before;
                if (output == .count) encoder.ids.items.len = before;
                count += try encoder.encodeKnown(gpa, word[at..][0..known_len], output);
                at += known_len;
                continue;
            }
            if (at < word.len) {
                const ids = encoder.ids.unusedCapacitySlice().ptr;
                const id_count, const len = unknown.take(word[at..], ids);
                encoder.ids.items.len += id_count;
                at += len;
            }
            count += encoder.ids.items.len - before;
            if (output == .count) encoder.ids.items.len = before;
            if (at == word.len and !unknown.is_due) return count;
        }
    }

    /// Encodes text whose characters are known or have tokens for their bytes.
    fn encodeKnown(
        encoder: *Encoder,
        gpa: Allocator,
        text: []const u8,
        comptime output: Output,
    ) error{OutOfMemory}!usize {
        const before = encoder.ids.items.len;
        var spans: [batch_len]pretokenizer.Span = undefined;
        var position: usize = 0;
        var count: usize = 0;
        while (position < text.len) {
            const start = position;
            const span_count = encoder.tokenizer.words.next(text, text.len, &position, &spans);
            // No piece has more ids than bytes, and a cached one is written whole.
            const room = position - start + piece_cache.slack;
            try encoder.ids.ensureUnusedCapacity(gpa, room);
            count += try encoder.encodePieces(gpa, text, spans[0..span_count]);
            if (output == .count) encoder.ids.items.len = before;
        }
        return count;
    }

    /// Whether text of characters that the normalizer does not change needs nothing but to be cut.
    fn isDirect(encoder: *const Encoder) bool {
        const tokenizer = encoder.tokenizer;
        if (encoder.dropout != null) return false;
        if (tokenizer.spelled_model.is_used or tokenizer.merges.base.kind != .characters) return false;
        if (!tokenizer.words.has_all_bytes or !tokenizer.normalizer.isLocal()) return false;
        if (tokenizer.pretokenizer.scanner != .none or tokenizer.prefix_space != .none) return false;
        return tokenizer.late_normalizer.steps.len == 0 and tokenizer.added.normalized.sorted.len == 0;
    }

    fn isNormal(encoder: *Encoder, gpa: Allocator, text: []const u8) error{OutOfMemory}!bool {
        const normal = try encoder.tokenizer.normalizer.apply(gpa, &encoder.normalization, text);
        return normal.ptr == text.ptr and normal.len == text.len;
    }

    /// As `encode`, for a tokenizer that `isDirect`. Pieces are looked up a batch at a time whatever stands
    /// between them: there are vocabularies where each line break is an added token. If no step changes the
    /// text, none changes a part of it: what is replaced is in none, and parts of NFC are NFC.
    fn encodeDirect(
        encoder: *Encoder,
        gpa: Allocator,
        text: []const u8,
        mode: SpecialMode,
        comptime output: Output,
    ) Error!usize {
        const is_normal = try encoder.isNormal(gpa, text);
        const words = &encoder.tokenizer.words;
        var batch: Batch = .{ .encoder = encoder, .gpa = gpa, .text = text, .keeps = output == .keep };
        var literal = encoder.tokenizer.added.split(.literal, text, mode);
        while (literal.next()) |segment| {
            if (segment.token) |token| {
                if (mode == .refuse and token.flags.special) {
                    encoder.refused_at = segment.start;
                    encoder.refused_id = token.id;
                    return error.SpecialToken;
                }
                if (batch.mark_count == batch.marks.len) try batch.flush();
                batch.marks[batch.mark_count] = .{ .index = batch.span_count, .id = token.id };
                batch.mark_count += 1;
                continue;
            }
            const part = text[segment.start..segment.end];
            if (!is_normal and (part.len == text.len or !try encoder.isNormal(gpa, part))) {
                try batch.flush();
                batch.id_count += try encoder.encodeOuter(gpa, text, segment, mode, output);
                continue;
            }
            var position = segment.start;
            while (position < segment.end) {
                if (batch.span_count == batch.spans.len) try batch.flush();
                const room = batch.spans[batch.span_count..];
                batch.span_count += words.next(text, segment.end, &position, room);
            }
        }
        try batch.flush();
        return batch.id_count;
    }

    /// Pieces and the added tokens that stand between them.
    const Batch = struct {
        encoder: *Encoder,
        gpa: Allocator,
        text: []const u8,
        keeps: bool,
        id_count: usize = 0,
        spans: [batch_len]pretokenizer.Span = undefined,
        span_count: usize = 0,
        marks: [batch_len]Mark = undefined,
        mark_count: usize = 0,

        /// A token before the piece of this index.
        const Mark = struct { index: usize, id: u32 };

        fn flush(batch: *Batch) error{OutOfMemory}!void {
            const encoder = batch.encoder;
            const spans = batch.spans[0..batch.span_count];
            var room = batch.mark_count + piece_cache.slack;
            // No piece has more ids than bytes, and a cached one is written whole.
            if (spans.len > 0) room += spans[spans.len - 1].end - spans[0].start;
            try encoder.ids.ensureUnusedCapacity(batch.gpa, room);
            var keys: piece_cache.Keys = undefined;
            encoder.cache.makeKeys(batch.text, spans, &keys);
            const ids = encoder.ids.unusedCapacitySlice().ptr;
            var count: usize = 0;
            var from: usize = 0;
            for (batch.marks[0..batch.mark_count]) |mark| {
                const some = spans[0..mark.index];
                count += try encoder.encodeSome(batch.gpa, batch.text, some, &keys, from, ids + count);
                ids[count] = mark.id;
                count += 1;
                from = mark.index;
            }
            count += try encoder.encodeSome(batch.gpa, batch.text, spans, &keys, from, ids + count);
            if (batch.keeps) encoder.ids.items.len += count;
            batch.id_count += count;
            batch.span_count = 0;
            batch.mark_count = 0;
        }
    };

    /// How many pieces there are, and for how many of them `keys.left` says that they have no key yet.
    const Found = struct { count: usize, left_count: usize };

    /// The next pieces of `text`, and the keys of most.
    fn nextPieces(
        encoder: *Encoder,
        pieces: *const PreTokenizer,
        text: []const u8,
        cursor: *pretokenizer.Cursor,
        spans: *[batch_len]pretokenizer.Span,
        keys: *piece_cache.Keys,
    ) Found {
        const cache = &encoder.cache;
        var keyed = cache.keyed(keys);
        if (pieces.nextKeyed(text, cursor, spans, &keyed)) |count| {
            return .{ .count = count, .left_count = keyed.left_count };
        }
        const count = pieces.next(text, cursor, spans);
        return .{ .count = count, .left_count = cache.makeShort(text, spans[0..count], keys) };
    }

    /// Encodes what `nextPieces` found.
    fn encodeFound(
        encoder: *Encoder,
        gpa: Allocator,
        text: []const u8,
        spans: *const [batch_len]pretokenizer.Span,
        keys: *piece_cache.Keys,
        found: Found,
    ) error{OutOfMemory}!usize {
        const pieces = spans[0..found.count];
        if (found.left_count > 0) {
            encoder.cache.makeLeft(text, pieces, found.left_count, keys);
            const left = keys.left[0..found.left_count];
            var cut: [batch_len]u16 = undefined;
            const cut_count = encoder.choose(text, pieces, left, keys, &cut);
            if (cut_count > 0) return encoder.encodeParts(gpa, text, pieces, keys, cut[0..cut_count]);
            encoder.cache.fetchLogged(pieces, left, keys);
        }
        return encoder.encodeKeyed(gpa, text, pieces, keys);
    }

    /// Which of the pieces `left` to cut into parts: those that it may be possible for and that the cache does not
    /// have. A clause that comes again is looked up whole, which takes half as long as its parts; but most
    /// never do.
    fn choose(
        encoder: *const Encoder,
        text: []const u8,
        pieces: []const pretokenizer.Span,
        left: []const u16,
        keys: *const piece_cache.Keys,
        cut: *[batch_len]u16,
    ) usize {
        const joints = &encoder.tokenizer.joints;
        // Merges that are left out by chance are those of whole pieces.
        if (joints.pairs.len == 0 or encoder.dropout != null) return 0;
        var count: usize = 0;
        for (left) |i| {
            const piece = text[pieces[i].start..pieces[i].end];
            if (piece.len <= piece_cache.short_len_max or !joints.mayCut(piece)) continue;
            if (piece.len <= piece_cache.long_len_max and encoder.cache.has(keys, i)) continue;
            cut[count] = i;
            count += 1;
        }
        return count;
    }

    /// Encodes pieces of which those at the indices `cut` are cut into parts first, and remembers these whole.
    /// There must be room for the ids.
    noinline fn encodeParts(
        encoder: *Encoder,
        gpa: Allocator,
        text: []const u8,
        pieces: []const pretokenizer.Span,
        keys: *const piece_cache.Keys,
        cut: []const u16,
    ) error{OutOfMemory}!usize {
        const before = encoder.ids.items.len;
        var parts: Parts = .{ .encoder = encoder, .gpa = gpa, .text = text };
        var done: usize = 0;
        for (cut) |i| {
            try parts.addAll(pieces[done..i]);
            try parts.addCut(pieces[i]);
            done = i + 1;
        }
        try parts.addAll(pieces[done..]);
        try parts.flush();
        encoder.rememberWhole(text, pieces, keys, cut, encoder.ids.items[before..]);
        return encoder.ids.items.len - before;
    }

    /// Puts the pieces at the indices `cut` into the cache. `ids` are those of all pieces, which they tile, each as
    /// long as its token; between pieces, text may have been dropped.
    fn rememberWhole(
        encoder: *Encoder,
        text: []const u8,
        pieces: []const pretokenizer.Span,
        keys: *const piece_cache.Keys,
        cut: []const u16,
        ids: []const u32,
    ) void {
        const vocab = &encoder.tokenizer.vocab;
        var next: usize = 0;
        var end: usize = 0;
        for (pieces, 0..) |piece, i| {
            const start = end;
            var left = piece.end - piece.start;
            while (left > 0) : (end += 1) {
                // Of tables that were made up, in a frozen file, nothing is known.
                const len = if (end < ids.len) vocab.bytesOf(ids[end]).len else 0;
                if (len == 0 or len > left) return;
                left -= len;
            }
            if (i != cut[next]) continue;
            encoder.cache.put(keys, i, text[piece.start..piece.end], ids[start..end]);
            next += 1;
            if (next == cut.len) return;
        }
    }

    /// Pieces, and parts of those that are cut, in the text's order.
    const Parts = struct {
        encoder: *Encoder,
        gpa: Allocator,
        text: []const u8,
        spans: [batch_len]pretokenizer.Span = undefined,
        count: usize = 0,

        fn addAll(parts: *Parts, pieces: []const pretokenizer.Span) error{OutOfMemory}!void {
            var rest = pieces;
            while (rest.len > 0) {
                if (parts.count == batch_len) try parts.flush();
                const some = rest[0..@min(rest.len, batch_len - parts.count)];
                @memcpy(parts.spans[parts.count..][0..some.len], some);
                parts.count += some.len;
                rest = rest[some.len..];
            }
        }

        fn addCut(parts: *Parts, piece: pretokenizer.Span) error{OutOfMemory}!void {
            const joints = &parts.encoder.tokenizer.joints;
            var position = piece.start;
            while (position < piece.end) {
                if (parts.count == batch_len) try parts.flush();
                parts.count += joints.next(parts.text, piece.end, &position, parts.spans[parts.count..]);
            }
        }

        fn flush(parts: *Parts) error{OutOfMemory}!void {
            const spans = parts.spans[0..parts.count];
            _ = try parts.encoder.encodePieces(parts.gpa, parts.text, spans);
            parts.count = 0;
        }
    };

    fn encodePieces(
        encoder: *Encoder,
        gpa: Allocator,
        text: []const u8,
        spans: []const pretokenizer.Span,
    ) error{OutOfMemory}!usize {
        var keys: piece_cache.Keys = undefined;
        encoder.cache.makeKeys(text, spans, &keys);
        return encoder.encodeKeyed(gpa, text, spans, &keys);
    }

    fn encodeKeyed(
        encoder: *Encoder,
        gpa: Allocator,
        text: []const u8,
        spans: []const pretokenizer.Span,
        keys: *const piece_cache.Keys,
    ) error{OutOfMemory}!usize {
        const ids = encoder.ids.unusedCapacitySlice().ptr;
        const count = try encoder.encodeSome(gpa, text, spans, keys, 0, ids);
        encoder.ids.items.len += count;
        return count;
    }

    /// Writes the ids of the pieces from `from` on, whose keys are made, and returns how many.
    inline fn encodeSome(
        encoder: *Encoder,
        gpa: Allocator,
        text: []const u8,
        spans: []const pretokenizer.Span,
        keys: *const piece_cache.Keys,
        from: usize,
        ids: [*]u32,
    ) error{OutOfMemory}!usize {
        if (encoder.dropout) |dropout| {
            @branchHint(.cold);
            return encoder.encodeDropping(gpa, dropout, text, spans[from..], ids);
        }
        var copied = encoder.cache.copyKnown(text, spans, keys, from, ids);
        var count = copied.id_count;
        if (copied.index < spans.len) {
            @branchHint(.unlikely);
            // Once a piece of a batch is not in the cache, more will not be.
            const missed = copied.index;
            const tokenizer = encoder.tokenizer;
            const merges = if (tokenizer.lacks_bytes) null else &tokenizer.merges;
            misses.learn(&encoder.cache, &tokenizer.pieces, merges, text, spans, keys, missed);
            copied = encoder.cache.copyKnown(text, spans, keys, missed, ids + count);
            count += copied.id_count;
        }
        while (copied.index < spans.len) {
            const i = copied.index;
            count += try encoder.encodeMiss(gpa, text, spans[i], keys, i, ids + count);
            copied = encoder.cache.copyKnown(text, spans, keys, i + 1, ids + count);
            count += copied.id_count;
        }
        return count;
    }

    noinline fn encodeDropping(
        encoder: *Encoder,
        gpa: Allocator,
        dropout: *Dropout,
        text: []const u8,
        spans: []const pretokenizer.Span,
        ids: [*]u32,
    ) error{OutOfMemory}!usize {
        const tokenizer = encoder.tokenizer;
        const symbols = &dropout.symbols;
        var count: usize = 0;
        for (spans) |span| {
            const piece = text[span.start..span.end];
            if (tokenizer.spelled_model.is_used) {
                const vocab = &tokenizer.spelled.?;
                try tokenizer.spelled_model.spellOut(vocab, gpa, &encoder.spelled, piece, false);
                symbols.clearRetainingCapacity();
                try symbols.appendSlice(gpa, encoder.spelled.symbols.items);
            } else if (tokenizer.lacks_bytes) {
                try encoder.appendKnown(gpa, piece, symbols);
            } else {
                try symbols.resize(gpa, piece.len);
                symbols.items.len = tokenizer.merges.base.split(piece, symbols.items.ptr);
            }
            count += try dropout.merge(&tokenizer.merges, gpa, ids + count);
        }
        return count;
    }

    /// The symbols of a piece of which some bytes may have none.
    fn appendKnown(
        encoder: *const Encoder,
        gpa: Allocator,
        piece: []const u8,
        symbols: *std.ArrayList(u32),
    ) error{OutOfMemory}!void {
        const tokenizer = encoder.tokenizer;
        symbols.clearRetainingCapacity();
        for (piece) |byte| {
            const is_lacking = tokenizer.lacking[byte];
            if (is_lacking and tokenizer.unknown_id == SpelledModel.none) continue;
            const id = if (is_lacking) tokenizer.unknown_id else tokenizer.merges.base.byte_ids[byte];
            try symbols.append(gpa, id);
        }
    }

    /// The ids of a piece that is not in the cache; it is then.
    noinline fn encodeMiss(
        encoder: *Encoder,
        gpa: Allocator,
        text: []const u8,
        span: pretokenizer.Span,
        keys: *const piece_cache.Keys,
        i: usize,
        ids: [*]u32,
    ) error{OutOfMemory}!usize {
        const piece = text[span.start..span.end];
        const count = if (encoder.findToken(text, span)) |id| count: {
            ids[0] = id;
            break :count 1;
        } else try encoder.mergePiece(gpa, piece, ids);
        // A cached piece has at most as many ids as bytes; with a prefix within words one may have more.
        if (count <= piece.len) encoder.cache.put(keys, i, piece, ids[0..count]);
        return count;
    }

    /// The token that a piece is, if it is one.
    fn findToken(encoder: *const Encoder, text: []const u8, span: pretokenizer.Span) ?u32 {
        const pieces = &encoder.tokenizer.pieces;
        if (span.end - span.start > piece_table.key_len_max) return pieces.findLong(text[span.start..span.end]);
        var key: piece_table.Key = undefined;
        pieces.makeKey(text, span.start, span.end, &key);
        return pieces.find(key);
    }

    fn mergePiece(
        encoder: *Encoder,
        gpa: Allocator,
        piece: []const u8,
        ids: [*]u32,
    ) error{OutOfMemory}!usize {
        const tokenizer = encoder.tokenizer;
        const merges = &tokenizer.merges;
        const words = &tokenizer.words;
        if (tokenizer.spelled_model.is_used) {
            const vocab = &tokenizer.spelled.?;
            const scratch = &encoder.spelled;
            if (tokenizer.word_bytes.is_used) {
                return tokenizer.word_bytes.encode(merges, gpa, scratch, piece, ids);
            }
            return tokenizer.spelled_model.encode(vocab, merges, gpa, scratch, piece, ids);
        }
        if (tokenizer.lacks_bytes and tokenizer.lacksByteOf(piece)) {
            return encoder.mergeWithoutLacking(gpa, piece, ids);
        }
        if (merges.base.kind == .characters and words.isUnknown(piece)) {
            return words.fallBack(piece, ids);
        }
        return bpe.encode(merges, gpa, &encoder.scratch, piece, ids);
    }

    /// Merges a piece with bytes that the vocabulary lacks: they are dropped, or become the unknown token.
    noinline fn mergeWithoutLacking(
        encoder: *Encoder,
        gpa: Allocator,
        piece: []const u8,
        ids: [*]u32,
    ) error{OutOfMemory}!usize {
        const tokenizer = encoder.tokenizer;
        const kept = &encoder.kept;
        kept.clearRetainingCapacity();
        var count: usize = 0;
        for (piece) |byte| {
            if (!tokenizer.lacking[byte]) {
                try kept.append(gpa, byte);
                continue;
            }
            if (tokenizer.unknown_id == SpelledModel.none) continue;
            count += try bpe.encode(&tokenizer.merges, gpa, &encoder.scratch, kept.items, ids + count);
            kept.clearRetainingCapacity();
            ids[count] = tokenizer.unknown_id;
            count += 1;
        }
        return count + try bpe.encode(&tokenizer.merges, gpa, &encoder.scratch, kept.items, ids + count);
    }

    /// The text itself, or a copy that begins with a space.
    fn withPrefixSpace(
        encoder: *Encoder,
        gpa: Allocator,
        text: []const u8,
        is_first: bool,
    ) error{OutOfMemory}![]const u8 {
        switch (encoder.tokenizer.prefix_space) {
            .none => return text,
            .first => if (!is_first) return text,
            .every => {},
        }
        if (text[0] == ' ') return text;
        encoder.prefixed.clearRetainingCapacity();
        try encoder.prefixed.ensureTotalCapacity(gpa, text.len + 1);
        encoder.prefixed.appendAssumeCapacity(' ');
        encoder.prefixed.appendSliceAssumeCapacity(text);
        return encoder.prefixed.items;
    }
};

test {
    // Tested through `context.zig`.
    std.testing.refAllDecls(@This());
}
