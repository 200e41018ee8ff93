//! A tokenizer: the tables that encoding and decoding read, built from a `Definition`. Read-only once built
//! (but for the number of samples taken, where its model leaves out merges by chance), so that any number of
//! threads may share one; the memory that a call needs is in `context.zig`.
//!
//! Building takes time and memory linear in the vocabulary. With two threads the tokens are sorted beside the
//! vocabulary and the trees of merges, and the table of pieces is made beside the trie.

const std = @import("std");
const definition = @import("definition.zig");
const Diagnostic = @import("diagnostic.zig").Diagnostic;
const Normalizer = @import("normalizer.zig").Normalizer;
const Vocab = @import("vocab.zig").Vocab;
const Words = @import("words.zig").Words;
const Pairs = @import("pairs.zig").Pairs;
const Joints = @import("joints.zig").Joints;
const MergeTrees = @import("merge_trees.zig").MergeTrees;
const parallel = @import("parallel.zig");
const PieceTable = @import("piece_table.zig").PieceTable;
const Sampling = @import("dropout.zig").Sampling;
const Pipeline = @import("pipeline.zig").Pipeline;
const PreTokenizer = @import("pretokenizer.zig").PreTokenizer;
const SpelledModel = @import("spelled_model.zig").SpelledModel;
const TokenText = @import("token_text.zig").TokenText;
const added_tokens = @import("added_tokens.zig");
const BaseSymbols = @import("base_symbols.zig").BaseSymbols;
const bpe = @import("bpe.zig");
const utf8 = @import("utf8.zig");
const WordBytes = @import("word_bytes.zig").WordBytes;
const Allocator = std.mem.Allocator;

pub const SpecialMode = added_tokens.SpecialMode;

pub const LoadError = error{ OutOfMemory, Malformed, Unsupported };

pub const Tokenizer = struct {
    vocab: Vocab,
    merges: Pairs,
    /// Pieces that are one token.
    pieces: PieceTable,
    pretokenizer: PreTokenizer,
    /// Cuts further what the pre-tokenizer gives, where the symbols are characters.
    words: Words,
    /// The same where they are bytes: long pieces alone.
    joints: Joints,
    added: added_tokens.AddedTokens,
    /// What is done to text before and after the added tokens of normalized text are taken out of it.
    normalizer: Normalizer,
    late_normalizer: Normalizer,
    /// Ids that `skip_special` leaves out.
    special: std.DynamicBitSetUnmanaged,
    /// The pattern the pre-tokenizer was made from, if it is a single one; owned.
    pattern: ?[]const u8,
    prefix_space: definition.PrefixSpace,
    /// The ids that decode to a byte which a character fell back to, as bits; empty if there are none.
    byte_tokens: []u64,
    byte_runs: definition.ByteRuns,
    /// How many spaces are taken from the front of decoded text.
    strip_spaces: u32,
    /// Tokens as the file spells them, where one of what follows is used.
    spelled: ?Vocab,
    /// The added tokens among them that become text as another spelling, which the reference makes of those
    /// that it normalizes; for the general way.
    respelled: ?Vocab,
    /// The general ways to words, to ids and to text.
    pipeline: Pipeline,
    spelled_model: SpelledModel,
    /// What takes the place of the two before it for whole texts.
    word_bytes: WordBytes,
    token_text: TokenText,
    /// Whether the vocabulary lacks the token of a byte that no text has, and which it lacks.
    lacks_bytes: bool,
    lacking: [256]bool,
    /// What such a byte becomes; `SpelledModel.none` if it is dropped.
    unknown_id: u32,
    /// Whether the tokens of a well-formed text that no normalizer changes lie side by side in it, as long as they
    /// are; the first with a space in front, where one is put there. Added tokens may not (`token_lengths.zig`).
    tiles: bool,
    /// Merges that the model leaves out by chance.
    sampling: Sampling,
    format: definition.Format,

    /// Builds the tables. Copies what it needs: the definition may be freed afterwards.
    pub fn init(
        gpa: Allocator,
        parsed: definition.Definition,
        diagnostic: *Diagnostic,
    ) LoadError!Tokenizer {
        var core: Core = try .init(gpa, parsed, diagnostic);
        errdefer core.deinit(gpa);
        const only = if (parsed.splits.len == 1) parsed.splits[0].pattern else null;
        const pattern = if (only) |text| try gpa.dupe(u8, text) else null;
        errdefer if (pattern) |text| gpa.free(text);
        var pretokenizer = try initPreTokenizer(gpa, parsed, diagnostic);
        errdefer pretokenizer.deinit(gpa);
        var normalizer = try initNormalizer(gpa, parsed.normalization, diagnostic);
        errdefer normalizer.deinit(gpa);
        var late_normalizer = try initLateNormalizer(gpa, parsed, diagnostic);
        errdefer late_normalizer.deinit(gpa);
        var added = try initAdded(gpa, parsed, &normalizer, diagnostic);
        errdefer added.deinit(gpa);
        const byte_tokens = try initByteTokens(gpa, parsed, core.vocab.idLimit());
        errdefer gpa.free(byte_tokens);
        var spelled = try initSpelled(gpa, parsed, diagnostic);
        errdefer if (spelled) |*each| each.deinit(gpa);
        var respelled = try initRespelled(gpa, parsed, diagnostic);
        errdefer if (respelled) |*each| each.deinit(gpa);
        var general = try initGeneral(gpa, parsed, if (spelled) |*each| each else null, diagnostic);
        errdefer general.deinit(gpa);
        var special: std.DynamicBitSetUnmanaged = try .initEmpty(gpa, core.vocab.idLimit());
        for (parsed.added_tokens) |token| {
            if (isLeftOut(parsed.added_tokens, token)) special.set(token.id);
        }
        for (parsed.special_ids) |id| special.set(id);
        const lacks_bytes = std.mem.findScalar(bool, &core.lacking, true) != null;
        const has_all = core.words.isUnused() or core.words.has_all_bytes;
        const has_plain = has_all and !general.model.is_used;
        return .{
            .vocab = core.vocab,
            .merges = core.merges,
            .pieces = core.pieces,
            .pretokenizer = pretokenizer,
            .words = core.words,
            .joints = core.joints,
            .added = added,
            .normalizer = normalizer,
            .late_normalizer = late_normalizer,
            .special = special,
            .pattern = pattern,
            .prefix_space = parsed.prefix_space,
            .byte_tokens = byte_tokens,
            .byte_runs = parsed.decoding.byte_runs,
            .strip_spaces = parsed.decoding.strip_spaces,
            .spelled = spelled,
            .respelled = respelled,
            .pipeline = general.pipeline,
            .spelled_model = general.model,
            .word_bytes = general.word_bytes,
            .token_text = general.token_text,
            .lacks_bytes = lacks_bytes,
            .lacking = core.lacking,
            .unknown_id = parsed.unknown_byte orelse SpelledModel.none,
            .tiles = has_plain and normalizer.keepsParts() and late_normalizer.keepsParts(),
            .sampling = .of(parsed.dropout),
            .format = parsed.format,
        };
    }

    pub fn deinit(self: *Tokenizer, gpa: Allocator) void {
        self.special.deinit(gpa);
        self.pipeline.deinit(gpa);
        self.spelled_model.deinit(gpa);
        self.word_bytes.deinit(gpa);
        self.token_text.deinit(gpa);
        if (self.spelled) |*spelled| spelled.deinit(gpa);
        if (self.respelled) |*respelled| respelled.deinit(gpa);
        gpa.free(self.byte_tokens);
        self.added.deinit(gpa);
        self.late_normalizer.deinit(gpa);
        self.normalizer.deinit(gpa);
        self.pretokenizer.deinit(gpa);
        if (self.pattern) |text| gpa.free(text);
        self.pieces.deinit(gpa);
        self.joints.deinit(gpa);
        self.words.deinit(gpa);
        self.merges.deinit(gpa);
        self.vocab.deinit(gpa);
        self.* = undefined;
    }

    /// Whether the fields that are no tables fit the others.
    pub fn validate(self: *const Tokenizer, id_limit: u32) bool {
        if (self.special.bit_length != id_limit) return false;
        if (self.spelled == null and (self.spelled_model.is_used or self.token_text.is_used)) return false;
        if (self.word_bytes.is_used and !self.spelled_model.is_used) return false;
        if (self.respelled) |*respelled| if (respelled.idLimit() > id_limit) return false;
        if (self.unknown_id != SpelledModel.none and self.unknown_id >= id_limit) return false;
        if (self.words.isUnused() != (self.merges.base.kind == .bytes)) return false;
        if (!self.validateByteTokens(id_limit)) return false;
        return std.unicode.utf8ValidateSlice(self.pattern orelse "");
    }

    /// Whether each of the byte tokens is one byte.
    fn validateByteTokens(self: *const Tokenizer, id_limit: u32) bool {
        if (self.byte_tokens.len == 0) return true;
        if (self.byte_tokens.len != id_limit / 64 + 1) return false;
        for (0..self.byte_tokens.len * 64) |index| {
            const id: u32 = @intCast(index);
            if (!self.isByteToken(id)) continue;
            if (!self.vocab.isDefined(id) or self.vocab.bytesOf(id).len != 1) return false;
        }
        return true;
    }

    /// The id of the token with exactly these bytes. An added token's content counts first.
    pub fn tokenToId(self: *const Tokenizer, token: []const u8) ?u32 {
        if (self.added.find(token)) |found| return found.id;
        return self.vocab.find(token);
    }

    /// The bytes an id decodes to; they live as long as the tokenizer.
    pub fn idToToken(self: *const Tokenizer, id: u32) ?[]const u8 {
        return if (self.vocab.isDefined(id)) self.vocab.bytesOf(id) else null;
    }

    /// Whether `bytes` have one that the vocabulary lacks.
    pub fn lacksByteOf(self: *const Tokenizer, bytes: []const u8) bool {
        for (bytes) |byte| if (self.lacking[byte]) return true;
        return false;
    }

    /// Whether an id decodes to a byte which a character fell back to.
    pub inline fn isByteToken(self: *const Tokenizer, id: u32) bool {
        return self.byte_tokens[id / 64] >> @truncate(id) & 1 != 0;
    }

    /// How many ids decode to such a byte.
    pub fn byteTokenCount(self: *const Tokenizer) usize {
        var count: usize = 0;
        for (self.byte_tokens) |bits| count += @popCount(bits);
        return count;
    }

    /// Bytes of memory the tables take, those for added tokens and the pattern aside.
    pub fn memoryBytes(self: *const Tokenizer) usize {
        return self.vocab.memoryBytes() + self.merges.memoryBytes() + self.pieces.memoryBytes() +
            self.words.memoryBytes() + self.joints.memoryBytes() + self.special.capacity() / 8;
    }
};

fn initNormalizer(
    gpa: Allocator,
    steps: []const definition.Normalization,
    diagnostic: *Diagnostic,
) LoadError!Normalizer {
    return Normalizer.init(gpa, steps, diagnostic) catch |err| switch (err) {
        error.OutOfMemory => error.OutOfMemory,
        error.UnsupportedPattern => error.Unsupported,
    };
}

/// Whether `skip_special` leaves an added token out. The reference tells special tokens by their text, also
/// where the normalizer changes that of a token.
fn isLeftOut(added: []const definition.AddedToken, token: definition.AddedToken) bool {
    const spelled = token.spelled orelse return token.special;
    for (added) |other| {
        if (other.special and std.mem.eql(u8, other.content, spelled)) return true;
    }
    return false;
}

/// The added tokens that are spelled otherwise than the token of the vocabulary that has their id.
fn initRespelled(
    gpa: Allocator,
    parsed: definition.Definition,
    diagnostic: *Diagnostic,
) LoadError!?Vocab {
    if (parsed.decode_steps == null) return null;
    var respelled: std.ArrayList(definition.Token) = .empty;
    defer respelled.deinit(gpa);
    for (parsed.added_tokens) |token| {
        const spelled = token.spelled orelse continue;
        const same = definition.Token.find(parsed.spelled_tokens, token.id) orelse continue;
        if (std.mem.eql(u8, same.bytes, spelled)) continue;
        try respelled.append(gpa, .{ .id = token.id, .bytes = spelled });
    }
    if (respelled.items.len == 0) return null;
    return try makeVocab(gpa, &.{}, respelled.items, diagnostic);
}

fn initSpelled(
    gpa: Allocator,
    parsed: definition.Definition,
    diagnostic: *Diagnostic,
) LoadError!?Vocab {
    if (parsed.spelled_model == null and parsed.decode_steps == null) return null;
    const added = try gpa.alloc(definition.Token, parsed.added_tokens.len);
    defer gpa.free(added);
    for (added, parsed.added_tokens) |*token, source| {
        token.* = .{ .id = source.id, .bytes = source.spelled orelse source.content };
    }
    return try makeVocab(gpa, parsed.spelled_tokens, added, diagnostic);
}

fn makeVocab(
    gpa: Allocator,
    tokens: []const definition.Token,
    added: []const definition.Token,
    diagnostic: *Diagnostic,
) LoadError!Vocab {
    return Vocab.init(gpa, tokens, added) catch |err| switch (err) {
        error.OutOfMemory => error.OutOfMemory,
        error.TooLarge => {
            diagnostic.set(null, "the vocabulary has an id of 2^31 or more, or 4 GiB of tokens", .{});
            return error.Unsupported;
        },
    };
}

/// The general ways; those that are not used are empty.
const General = struct {
    pipeline: Pipeline = .{},
    model: SpelledModel = .{},
    word_bytes: WordBytes = .{},
    token_text: TokenText = .{},

    fn deinit(general: *General, gpa: Allocator) void {
        general.pipeline.deinit(gpa);
        general.model.deinit(gpa);
        general.word_bytes.deinit(gpa);
        general.token_text.deinit(gpa);
    }
};

fn initGeneral(
    gpa: Allocator,
    parsed: definition.Definition,
    spelled: ?*const Vocab,
    diagnostic: *Diagnostic,
) LoadError!General {
    return makeGeneral(gpa, parsed, spelled, diagnostic) catch |err| switch (err) {
        error.OutOfMemory => error.OutOfMemory,
        error.UnsupportedPattern => error.Unsupported,
    };
}

fn makeGeneral(
    gpa: Allocator,
    parsed: definition.Definition,
    spelled: ?*const Vocab,
    diagnostic: *Diagnostic,
) error{ OutOfMemory, UnsupportedPattern }!General {
    var general: General = .{};
    errdefer general.deinit(gpa);
    if (parsed.spelled_model) |source| {
        general.pipeline = try .init(gpa, source.steps, diagnostic);
        const ignore_merges = parsed.merge_rule.list.ignore_merges;
        general.model = try .init(gpa, spelled.?, source, ignore_merges);
        general.word_bytes = try .init(gpa, source, spelled.?, ignore_merges, diagnostic);
    }
    if (parsed.decode_steps) |steps| general.token_text = try .init(gpa, steps, diagnostic);
    return general;
}

/// The tables of the tokens and the merges.
const Core = struct {
    vocab: Vocab,
    merges: Pairs,
    pieces: PieceTable,
    words: Words,
    joints: Joints,
    lacking: [256]bool,

    fn init(
        gpa: Allocator,
        parsed: definition.Definition,
        diagnostic: *Diagnostic,
    ) LoadError!Core {
        const tokens = try mergeableTokens(gpa, parsed);
        defer gpa.free(tokens);
        var sorting: Pairs.Sorting = .{ .arguments = .{ gpa, tokens } };
        if (parsed.spelled_model == null) sorting.start(parsed.thread_count);
        defer if (sorting.finish()) |result| if (result.*) |*order| order.deinit(gpa) else |_| {};
        var vocab = try initVocab(gpa, parsed, diagnostic);
        errdefer vocab.deinit(gpa);
        const ranks = try ranksOfIds(gpa, parsed, vocab.idLimit());
        defer if (ranks) |of_ids| gpa.free(of_ids);
        const source: Pairs.Source = .{
            .vocab = &vocab,
            .tokens = tokens,
            .sorting = &sorting,
            .merges = switch (parsed.merge_rule) {
                .rank, .scores => null,
                .list => |list| list.merges,
            },
            .ranks = ranks,
            .keep_all = parsed.keep_all_merges or parsed.dropout > 0,
        };
        var lacking: [256]bool = @splat(false);
        var merges = try initMerges(gpa, parsed, source, &lacking, diagnostic);
        errdefer merges.deinit(gpa);
        var pieces = try initPieces(gpa, parsed, source, &merges, diagnostic);
        errdefer pieces.deinit(gpa);
        var words = try initWords(gpa, parsed, tokens);
        errdefer words.deinit(gpa);
        const joints = try initJoints(gpa, parsed, tokens, &merges, &lacking);
        return .{
            .vocab = vocab,
            .merges = merges,
            .pieces = pieces,
            .words = words,
            .joints = joints,
            .lacking = lacking,
        };
    }

    fn deinit(core: *Core, gpa: Allocator) void {
        core.joints.deinit(gpa);
        core.words.deinit(gpa);
        core.pieces.deinit(gpa);
        core.merges.deinit(gpa);
        core.vocab.deinit(gpa);
    }
};

/// The ranks of a rule of scores, by id.
fn ranksOfIds(
    gpa: Allocator,
    parsed: definition.Definition,
    id_limit: u32,
) error{OutOfMemory}!?[]const u32 {
    if (parsed.merge_rule != .scores) return null;
    const ranks = try gpa.alloc(u32, id_limit);
    @memset(ranks, definition.MergeRule.unmerged);
    for (parsed.tokens, parsed.merge_rule.scores) |token, rank| ranks[token.id] = rank;
    return ranks;
}

fn initPreTokenizer(
    gpa: Allocator,
    parsed: definition.Definition,
    diagnostic: *Diagnostic,
) LoadError!PreTokenizer {
    const made = if (parsed.compile_splits)
        PreTokenizer.initCompiled(gpa, parsed.splits, diagnostic)
    else
        PreTokenizer.init(gpa, parsed.splits, diagnostic);
    return made catch |err| switch (err) {
        error.OutOfMemory => error.OutOfMemory,
        error.UnsupportedPattern => error.Unsupported,
    };
}

fn initVocab(
    gpa: Allocator,
    parsed: definition.Definition,
    diagnostic: *Diagnostic,
) LoadError!Vocab {
    const added = try gpa.alloc(definition.Token, parsed.added_tokens.len);
    defer gpa.free(added);
    for (added, parsed.added_tokens) |*token, source| {
        token.* = .{ .id = source.id, .bytes = source.decoded orelse source.content };
    }
    // Of tokens with the same bytes the first is found by them: the bytes that characters fall back to stand
    // behind those that text has.
    const tokens = try gpa.alloc(definition.Token, parsed.tokens.len);
    defer gpa.free(tokens);
    var count: usize = 0;
    for ([_]bool{ false, true }) |is_decoded| {
        for (parsed.tokens) |token| {
            if ((token.decoded != null) != is_decoded) continue;
            tokens[count] = .{ .id = token.id, .bytes = token.decoded orelse token.bytes };
            count += 1;
        }
    }
    return makeVocab(gpa, tokens, added, diagnostic);
}

fn initByteTokens(
    gpa: Allocator,
    parsed: definition.Definition,
    id_limit: u32,
) error{OutOfMemory}![]u64 {
    const ids = parsed.decoding.byte_tokens;
    if (ids.len == 0) return &.{};
    const bits = try gpa.alloc(u64, id_limit / 64 + 1);
    @memset(bits, 0);
    for (ids) |id| bits[id / 64] |= @as(u64, 1) << @truncate(id);
    return bits;
}

fn initLateNormalizer(
    gpa: Allocator,
    parsed: definition.Definition,
    diagnostic: *Diagnostic,
) LoadError!Normalizer {
    const sign = parsed.space_sign orelse return initNormalizer(gpa, &.{}, diagnostic);
    const step: definition.Normalization = .{ .replace = .{ .from = sign, .to = " " } };
    return initNormalizer(gpa, &.{step}, diagnostic);
}

fn initAdded(
    gpa: Allocator,
    parsed: definition.Definition,
    normalizer: *const Normalizer,
    diagnostic: *Diagnostic,
) LoadError!added_tokens.AddedTokens {
    const has_sign = switch (parsed.symbols) {
        .bytes => false,
        .characters => |characters| characters.has_normalized_sign,
    };
    const steps = if (parsed.added_are_normal) &Normalizer.empty else normalizer;
    const made = added_tokens.AddedTokens.init(gpa, parsed.added_tokens, steps, has_sign);
    return made catch |err| {
        if (err == error.OutOfMemory) return error.OutOfMemory;
        diagnostic.set(null, "added_tokens: the normalizer leaves nothing of one of them", .{});
        return error.Unsupported;
    };
}

/// The tokens that merging may start from or come to, for others may have the same bytes: of characters, those
/// that are known and those that merges make; of bytes, those that are spelled in their alphabet.
fn mergeableTokens(
    gpa: Allocator,
    parsed: definition.Definition,
) error{OutOfMemory}![]definition.Token {
    const known = switch (parsed.symbols) {
        .bytes => return alphabetTokens(gpa, parsed.tokens),
        .characters => |characters| characters.known,
    };
    const last = if (parsed.tokens.len == 0) 0 else parsed.tokens[parsed.tokens.len - 1].id;
    // What is larger is refused when the vocabulary is made.
    if (last >= Vocab.id_limit_max) return &.{};
    var is_made: std.DynamicBitSetUnmanaged = try .initEmpty(gpa, @as(usize, last) + 1);
    defer is_made.deinit(gpa);
    for (known) |entry| is_made.set(entry.id);
    switch (parsed.merge_rule) {
        .rank => unreachable,
        .list => |list| for (list.merges) |merge| is_made.set(merge.result),
        .scores => |ranks| for (parsed.tokens, ranks) |token, rank| {
            if (rank != definition.MergeRule.unmerged) is_made.set(token.id);
        },
    }
    var tokens: std.ArrayList(definition.Token) = .empty;
    errdefer tokens.deinit(gpa);
    try tokens.ensureTotalCapacity(gpa, parsed.tokens.len);
    for (parsed.tokens) |token| {
        if (is_made.isSet(token.id)) tokens.appendAssumeCapacity(token);
    }
    return tokens.toOwnedSlice(gpa);
}

fn alphabetTokens(
    gpa: Allocator,
    all: []const definition.Token,
) error{OutOfMemory}![]definition.Token {
    var tokens: std.ArrayList(definition.Token) = try .initCapacity(gpa, all.len);
    errdefer tokens.deinit(gpa);
    for (all) |token| if (token.decoded == null) tokens.appendAssumeCapacity(token);
    return tokens.toOwnedSlice(gpa);
}

fn initWords(
    gpa: Allocator,
    parsed: definition.Definition,
    tokens: []const definition.Token,
) error{OutOfMemory}!Words {
    return switch (parsed.symbols) {
        .bytes => .unused,
        .characters => |characters| .init(gpa, characters, tokens),
    };
}

/// Byte-level BPE starts from single bytes: each that text has must be a token. The others, where they are
/// missing, have some id that is never read.
fn findBytes(vocab: *const Vocab, lacking: *[256]bool, diagnostic: *Diagnostic) LoadError![256]u32 {
    var ids: [256]u32 = undefined;
    for (&ids, lacking, 0..) |*id, *is_lacking, i| {
        const byte: u8 = @intCast(i);
        id.* = vocab.find(&.{byte}) orelse {
            if (utf8.isForeignByte(byte)) {
                is_lacking.* = true;
                id.* = ids[0];
                continue;
            }
            diagnostic.set(
                null,
                "the vocabulary has no token for the single byte 0x{x:0>2}, which byte-level BPE needs",
                .{byte},
            );
            return error.Malformed;
        };
    }
    return ids;
}

fn initMerges(
    gpa: Allocator,
    parsed: definition.Definition,
    source: Pairs.Source,
    lacking: *[256]bool,
    diagnostic: *Diagnostic,
) LoadError!Pairs {
    if (parsed.spelled_model != null) {
        return Pairs.plain(gpa, parsed.merge_rule.list.merges) catch |err| tooManyMerges(err, diagnostic);
    }
    var base: BaseSymbols = switch (parsed.symbols) {
        .bytes => .fromBytes(try findBytes(source.vocab, lacking, diagnostic)),
        .characters => |characters| try .fromCharacters(gpa, characters.known),
    };
    errdefer base.deinit(gpa);
    if (source.keep_all and source.ranks != null) {
        diagnostic.set(null, "merges that have scores are not left out by chance (dropout)", .{});
        return error.Unsupported;
    }
    return Pairs.init(gpa, source, base) catch |err| tooManyMerges(err, diagnostic);
}

fn tooManyMerges(err: Pairs.Error, diagnostic: *Diagnostic) LoadError {
    if (err == error.OutOfMemory) return error.OutOfMemory;
    diagnostic.set(null, "the vocabulary has too many merges", .{});
    return error.Unsupported;
}

/// Whether a piece that is a token is that token, whatever the merges make of it.
fn isEveryTokenAPiece(parsed: definition.Definition) bool {
    return switch (parsed.merge_rule) {
        .rank => true,
        .scores => false,
        .list => |list| list.ignore_merges,
    };
}

/// Only where merges make what their parts have side by side, out of all bytes that a piece has.
fn initJoints(
    gpa: Allocator,
    parsed: definition.Definition,
    tokens: []const definition.Token,
    merges: *const Pairs,
    lacking: *const [256]bool,
) error{OutOfMemory}!Joints {
    if (parsed.spelled_model != null or !merges.is_indexed or merges.base.kind != .bytes) return .unused;
    if (std.mem.findScalar(bool, lacking, true) != null) return .unused;
    const every_token = isEveryTokenAPiece(parsed);
    const Made = struct {
        trees: *const MergeTrees,
        is_asked: bool,

        fn isMade(made: @This(), id: u32) bool {
            return !made.is_asked or made.trees.isReachable(id);
        }
    };
    return Joints.init(gpa, tokens, Made{ .trees = &merges.trees, .is_asked = every_token }, Made.isMade);
}

/// The table of pieces and, beside it, the trie of `merges`.
fn initPieces(
    gpa: Allocator,
    parsed: definition.Definition,
    source: Pairs.Source,
    merges: *Pairs,
    diagnostic: *Diagnostic,
) LoadError!PieceTable {
    if (parsed.spelled_model != null) return .init(gpa, &.{});
    const every_token = isEveryTokenAPiece(parsed);
    const arguments = .{ gpa, source.vocab, source.tokens, merges, every_token };
    var making: parallel.Future(makePieces) = .{ .arguments = arguments };
    making.start(parsed.thread_count);
    errdefer if (making.finish()) |made| if (made.*) |*pieces| pieces.deinit(gpa) else |_| {};
    merges.addTrie(gpa, source) catch |err| switch (err) {
        error.OutOfMemory => return error.OutOfMemory,
        error.TooLarge => {
            // The thread may be reading the index.
            _ = making.get();
            merges.dropIndex(gpa, source) catch |other| return tooManyMerges(other, diagnostic);
        },
    };
    return making.get().*;
}

/// The tokens that a whole piece becomes at once: all of them where the rule says that a piece that is a
/// token is that token, else those that the merges make of their own bytes.
fn makePieces(
    gpa: Allocator,
    vocab: *const Vocab,
    tokens: []const definition.Token,
    merges: *const Pairs,
    every_token: bool,
) error{OutOfMemory}!PieceTable {
    var found: std.ArrayList(PieceTable.Piece) = .empty;
    defer found.deinit(gpa);
    try found.ensureTotalCapacityPrecise(gpa, tokens.len);
    var scratch: bpe.Scratch = .{};
    defer scratch.deinit(gpa);
    var ids: std.ArrayList(u32) = .empty;
    defer ids.deinit(gpa);
    for (tokens) |token| {
        // What spells a byte is not what it decodes to, and long pieces stay where the vocabulary has them.
        if (token.decoded != null) continue;
        const bytes = vocab.bytesOf(token.id);
        if (every_token or (merges.is_indexed and merges.trees.isReachable(token.id))) {
            found.appendAssumeCapacity(.{ .bytes = bytes, .id = token.id });
            continue;
        }
        if (merges.is_indexed) continue;
        try ids.ensureTotalCapacity(gpa, bytes.len);
        const count = try bpe.encode(merges, gpa, &scratch, bytes, ids.items.ptr);
        if (count == 1) found.appendAssumeCapacity(.{ .bytes = bytes, .id = ids.items.ptr[0] });
    }
    return .init(gpa, found.items);
}

const test_support = @import("test_support.zig");

test "builds from ranks and from a merge list, and finds tokens by id and by bytes" {
    const gpa = std.testing.allocator;
    var arena: std.heap.ArenaAllocator = .init(gpa);
    defer arena.deinit();
    for ([_]test_support.Rule{ .rank, .list }) |rule| {
        var diagnostic: Diagnostic = .{};
        const parsed = try test_support.smallDefinition(arena.allocator(), rule);
        var tokenizer: Tokenizer = try .init(gpa, parsed, &diagnostic);
        defer tokenizer.deinit(gpa);
        try std.testing.expectEqual(@as(?u32, 'a'), tokenizer.tokenToId("a"));
        try std.testing.expectEqualStrings("ab", tokenizer.idToToken(256).?);
        try std.testing.expectEqual(
            @as(?u32, test_support.end_of_text),
            tokenizer.tokenToId("<|end|>"),
        );
        try std.testing.expectEqual(@as(?[]const u8, null), tokenizer.idToToken(9999));
        try std.testing.expect(tokenizer.memoryBytes() > 0);
    }
}

test "a vocabulary without one of the bytes is refused by name" {
    const gpa = std.testing.allocator;
    var arena: std.heap.ArenaAllocator = .init(gpa);
    defer arena.deinit();
    var diagnostic: Diagnostic = .{};
    var parsed = try test_support.smallDefinition(arena.allocator(), .rank);
    parsed.tokens = parsed.tokens[1..];
    try std.testing.expectError(error.Malformed, Tokenizer.init(gpa, parsed, &diagnostic));
    try std.testing.expect(std.mem.indexOf(u8, diagnostic.message(), "0x00") != null);
}

fn buildOnce(gpa: Allocator, parsed: definition.Definition) !void {
    var diagnostic: Diagnostic = .{};
    var tokenizer: Tokenizer = try .init(gpa, parsed, &diagnostic);
    tokenizer.deinit(gpa);
}

test "a failed allocation leaks nothing" {
    var arena: std.heap.ArenaAllocator = .init(std.testing.allocator);
    defer arena.deinit();
    const parsed = try test_support.smallDefinition(arena.allocator(), .list);
    try std.testing.checkAllAllocationFailures(std.testing.allocator, buildOnce, .{parsed});
}
