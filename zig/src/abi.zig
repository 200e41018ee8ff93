//! The C ABI: the one list of what the shared and the static library export.
//!
//! Every function here checks its arguments, calls the layer below and turns the outcome into a `Status`.
//! No logic lives here, no state is global but CPython's addresses, and no panic crosses the boundary. The C header, the ctypes
//! table and its type stub are generated from this file by `tools/gen_abi.zig`; tests compare them, and
//! `pyaot_abi_hash` lets a binding check at run time that the library it found is the one it was made for.
//!
//! Handles. A `pyaot_tokenizer` is loaded once and is read-only from then on: any number of threads may
//! share it. A `pyaot_context` is one thread's working memory: scratch space, cached pieces, the results of
//! its last call and the message of its last error. Results stay valid until the context's next call.
//! `pyaot_counts` are the pieces of a corpus, and a `pyaot_training` learns a vocabulary from them: one thread at a
//! time, save for the functions that say otherwise.

const std = @import("std");
const builtin = @import("builtin");
const Diagnostic = @import("diagnostic.zig").Diagnostic;
const definition = @import("definition.zig");
const tokenizer = @import("tokenizer.zig");
const trainer = @import("trainer.zig");
const context = @import("context.zig");
const Context = context.Context;
const corpus_counter = @import("corpus_counter.zig");
const Counter = corpus_counter.Counter;
const counts_form = @import("counts_form.zig");
const huge_pages = @import("huge_pages.zig");
const offsets = @import("offsets.zig");
const parallel = @import("parallel.zig");
const large_memory = @import("large_memory.zig");
const pretokenizer = @import("pretokenizer.zig");
const stable = @import("stable.zig");
const training = @import("training.zig");
const Training = training.Training;
const tokenizer_json = @import("format/tokenizer_json.zig");
const sentencepiece = @import("format/sentencepiece.zig");
const tekken = @import("format/tekken.zig");
const tiktoken = @import("format/tiktoken.zig");
const vocab_merges = @import("format/vocab_merges.zig");
const frozen_file = @import("frozen_file.zig");
const python = @import("python.zig");
const PyObject = python.Object;

pub const version = @import("version.zig").version;

/// What a call came to. Zero is success, every failure is negative; the values never change their meaning.
pub const Status = enum(i32) {
    ok = 0,
    /// Memory ran out; the handle stays usable.
    out_of_memory = -1,
    /// An argument is out of its range, or the call does not fit the handle's state.
    invalid_argument = -2,
    /// The input file is not what its format says; the message names the place.
    malformed = -3,
    /// The input file asks for something this version does not do; the message names it.
    unsupported = -4,
    /// An id that no token has; the error's offset is its index in the input.
    unknown_id = -5,
    /// Special-token text in a text encoded with `refuse`; the error's offset is its place in the text.
    special_token = -6,
    /// The system refused to read or write a file; the message says why.
    file_failed = -7,
    /// Another thread cancelled the call.
    cancelled = -8,
    /// A count or a size is beyond what the library can hold; the message says which.
    too_large = -9,
};

/// What text that spells a special token becomes.
pub const SpecialMode = enum(i32) {
    /// Ordinary text.
    text = 0,
    /// The special token.
    parse = 1,
    /// An error.
    refuse = 2,
};

/// What places in a text are counted in.
pub const Unit = enum(i32) {
    /// Bytes: a token may begin and end inside a character.
    byte = 0,
    /// Characters: a token that has a part of a character has the whole.
    character = 1,
    /// Characters, and as tokenizers counts them where a vocabulary has no token for a character and drops it: what
    /// is behind is said to stand where it stood.
    tokenizers = 2,
};

/// Numbers `pyaot_tokenizer_property` can be asked for.
pub const Property = enum(i32) {
    /// One more than the highest id.
    vocab_size = 0,
    /// How many ids have a token, added tokens included.
    token_count = 1,
    /// Adjacent pairs that can merge.
    merge_count = 2,
    /// Tokens matched before pre-tokenization.
    added_token_count = 3,
    /// The file form it was loaded from: 0 tokenizer.json, 1 tiktoken ranks, 2 vocab.json and merges.txt,
    /// 3 a SentencePiece model, 4 tekken.json.
    format = 4,
    /// Bytes of memory its tables take.
    memory_bytes = 5,
    /// How many spaces are taken from the front of decoded text.
    strip_spaces = 6,
    /// How many tokens stand for a byte that a character fell back to.
    byte_token_count = 7,
    /// 1 if the text of ids is the bytes of their tokens side by side, but for the spaces; 0 if the decoder looks at
    /// all of them.
    joins_tokens = 8,
    /// Of 2^32 merges that are due, how many its model has left out by chance; 0 where it leaves out none.
    dropout = 9,
    /// 1 if it has all merges that texts lead to where some are left out by chance; 0 if
    /// `pyaot_encode_with_dropout` needs a tokenizer that was told to keep them.
    has_all_merges = 10,
};

/// Flags of an added token, as bits in `pyaot_tokenizer_added_token`'s result.
pub const AddedFlag = enum(i32) {
    special = 1,
    single_word = 2,
    lstrip = 4,
    rstrip = 8,
    normalized = 16,
};

/// Options that `pyaot_training_set` takes.
pub const TrainingOption = enum(i32) {
    /// How many tokens to have at the end, the 256 bytes included; special tokens come behind them.
    vocab_size = 0,
    /// Pairs that occur less often are not merged.
    min_frequency = 1,
    /// 0: rustbpe's merges. 1: those of tokenizers' BpeTrainer, for which the options below are, and whose
    /// tokens are spelled in its byte-level alphabet; `vocab_size` includes the special tokens, which come first.
    method = 2,
    /// A token has fewer characters, if it is not of two. UINT64_MAX: no limit.
    max_token_length = 3,
    /// How many single bytes, or characters, may be tokens. UINT64_MAX: no limit.
    limit_alphabet = 4,
    /// 1: all bytes are tokens; 0: those that occur. Of no meaning for characters.
    all_bytes = 5,
    /// 1: method 0 forgets the counts as soon as it can, so that their memory is free.
    consume_counts = 6,
    /// 1: pieces are UTF-8, and characters take the place of bytes. 0: pieces are bytes.
    characters = 7,
};

/// Value of an error's offset where no single place is at fault.
pub const no_offset: u64 = std.math.maxInt(u64);

const gpa = if (builtin.is_test) std.testing.allocator else std.heap.c_allocator;
/// For what training takes.
const training_gpa = if (builtin.is_test) gpa else large_memory.over(gpa);
/// For tables and what making them takes. From the C library alone, 8 to 24 MiB of it stayed in heaps (cl100k).
const loading: huge_pages.Advising = .{ .child = training_gpa };

/// The object behind a `pyaot_tokenizer` handle: empty, then loaded once.
pub const TokenizerHandle = struct {
    diagnostic: Diagnostic = .{},
    message: [Diagnostic.message_len_max + 1]u8 = undefined,
    specials: std.ArrayList(definition.AddedToken) = .empty,
    specials_arena: std.heap.ArenaAllocator,
    compile_splits: bool = false,
    keep_all_merges: bool = false,
    loaded: ?tokenizer.Tokenizer = null,
    /// What its tables lie in, if they are from a frozen file; `loaded` is the tokenizer in it.
    frozen: ?frozen_file.Frozen = null,
};

/// The object behind a `pyaot_context` handle.
pub const ContextHandle = struct {
    message: [Diagnostic.message_len_max + 1]u8 = undefined,
    context: Context,
};

/// The object behind a `pyaot_counts` handle.
pub const CountsHandle = struct {
    diagnostic: Diagnostic = .{},
    message: [Diagnostic.message_len_max + 1]u8 = undefined,
    counter: Counter,
    /// The last result of `pyaot_counts_save`.
    saved: []u8 = &.{},
};

/// The object behind a `pyaot_training` handle.
pub const TrainingHandle = struct {
    diagnostic: Diagnostic = .{},
    message: [Diagnostic.message_len_max + 1]u8 = undefined,
    training: Training,
};

/// The functions the library exports, in the order of the header.
pub const functions = struct {
    /// The library's version, for example "0.1.0".
    pub fn pyaot_version() callconv(.c) [*:0]const u8 {
        return version;
    }

    /// A hash over every signature of this ABI. A binding compares it with the value it was generated with.
    pub fn pyaot_abi_hash() callconv(.c) u64 {
        return abi_hash;
    }

    /// Makes an empty tokenizer. Returns NULL when memory runs out. Destroy it with
    /// `pyaot_tokenizer_destroy`.
    pub fn pyaot_tokenizer_create() callconv(.c) ?*TokenizerHandle {
        const handle = gpa.create(TokenizerHandle) catch return null;
        handle.* = .{ .specials_arena = .init(gpa) };
        return handle;
    }

    /// Frees a tokenizer. Its contexts must be destroyed first. NULL is allowed.
    pub fn pyaot_tokenizer_destroy(handle: ?*TokenizerHandle) callconv(.c) void {
        const h = handle orelse return;
        if (h.frozen) |*opened| opened.close(gpa) else if (h.loaded) |*loaded| loaded.deinit(loading.allocator());
        h.specials.deinit(gpa);
        h.specials_arena.deinit();
        gpa.destroy(h);
    }

    /// The message of the tokenizer's last failed call, NUL-terminated; empty if none failed. `offset`, if
    /// not NULL, receives the byte offset of the fault in the input, or UINT64_MAX where it has no place.
    pub fn pyaot_tokenizer_error(
        handle: *TokenizerHandle,
        offset: ?*u64,
    ) callconv(.c) [*:0]const u8 {
        return report(&handle.diagnostic, &handle.message, offset);
    }

    /// Adds a special token to an empty tokenizer, for the forms whose files do not list them
    /// (`pyaot_tokenizer_load_tiktoken`, `pyaot_tokenizer_load_ranks`). Call it before the load.
    pub fn pyaot_tokenizer_add_special_token(
        handle: *TokenizerHandle,
        content: [*]const u8,
        content_len: usize,
        id: u32,
    ) callconv(.c) Status {
        if (!mayLoad(handle)) return .invalid_argument;
        const copy = handle.specials_arena.allocator().dupe(u8, content[0..content_len]) catch
            return .out_of_memory;
        handle.specials.append(gpa, .{ .id = id, .content = copy }) catch return .out_of_memory;
        return .ok;
    }

    /// Makes an empty tokenizer compile its patterns even where the core has a scanner for them. The pieces
    /// are the same: for comparing the two. Call it before the load, which then refuses a file whose splits stand
    /// behind a ByteLevel (Falcon's): they cut within characters, and are no patterns over the text.
    pub fn pyaot_tokenizer_compile_patterns(handle: *TokenizerHandle) callconv(.c) Status {
        if (!mayLoad(handle)) return .invalid_argument;
        handle.compile_splits = true;
        return .ok;
    }

    /// Makes an empty tokenizer keep the merges that no text leads to unless others are left out by chance, for
    /// `pyaot_encode_with_dropout`; other calls are slower then. Call it before the load, which then refuses a
    /// SentencePiece model.
    pub fn pyaot_tokenizer_keep_all_merges(handle: *TokenizerHandle) callconv(.c) Status {
        if (!mayLoad(handle)) return .invalid_argument;
        handle.keep_all_merges = true;
        return .ok;
    }

    /// Loads an empty tokenizer from the bytes of a tokenizer.json.
    pub fn pyaot_tokenizer_load_json(
        handle: *TokenizerHandle,
        json: [*]const u8,
        json_len: usize,
    ) callconv(.c) Status {
        if (!mayLoad(handle)) return .invalid_argument;
        var arena: std.heap.ArenaAllocator = .init(loading.allocator());
        defer arena.deinit();
        const parsed = tokenizer_json.parse(
            arena.allocator(),
            json[0..json_len],
            loadingThreads(json_len),
            &handle.diagnostic,
        ) catch |err| return loadStatus(err);
        return build(handle, parsed, loadingThreads(json_len));
    }

    /// Loads an empty tokenizer from the bytes of a .tiktoken rank file ("base64 rank" lines) and the
    /// pattern that splits text into pieces, with the special tokens added before.
    pub fn pyaot_tokenizer_load_tiktoken(
        handle: *TokenizerHandle,
        ranks: [*]const u8,
        ranks_len: usize,
        pattern: [*]const u8,
        pattern_len: usize,
    ) callconv(.c) Status {
        if (!mayLoad(handle)) return .invalid_argument;
        var arena: std.heap.ArenaAllocator = .init(loading.allocator());
        defer arena.deinit();
        const parsed = tiktoken.parse(
            arena.allocator(),
            ranks[0..ranks_len],
            pattern[0..pattern_len],
            handle.specials.items,
            &handle.diagnostic,
        ) catch |err| return loadStatus(err);
        return build(handle, parsed, loadingThreads(ranks_len));
    }

    /// Loads an empty tokenizer from mergeable ranks in memory: token `i` is
    /// `bytes[ends[i - 1] .. ends[i]]` (from 0 for the first) and has rank and id `ids[i]`.
    pub fn pyaot_tokenizer_load_ranks(
        handle: *TokenizerHandle,
        bytes: [*]const u8,
        ends: [*]const u64,
        ids: [*]const u32,
        token_count: usize,
        pattern: [*]const u8,
        pattern_len: usize,
    ) callconv(.c) Status {
        if (!mayLoad(handle)) return .invalid_argument;
        var arena: std.heap.ArenaAllocator = .init(loading.allocator());
        defer arena.deinit();
        const tokens = arena.allocator().alloc(definition.Token, token_count) catch
            return .out_of_memory;
        var start: usize = 0;
        for (tokens, ends[0..token_count], ids[0..token_count]) |*token, end, id| {
            if (end < start) {
                handle.diagnostic.set(null, "the ends of the tokens must not fall", .{});
                return .invalid_argument;
            }
            token.* = .{ .id = id, .bytes = bytes[start..@intCast(end)] };
            start = @intCast(end);
        }
        const parsed = tiktoken.fromRanks(
            arena.allocator(),
            tokens,
            pattern[0..pattern_len],
            handle.specials.items,
            &handle.diagnostic,
        ) catch |err| return loadStatus(err);
        return build(handle, parsed, loadingThreads(start));
    }

    /// Loads an empty tokenizer from the bytes of GPT-2's pair of files, vocab.json and merges.txt.
    pub fn pyaot_tokenizer_load_vocab_merges(
        handle: *TokenizerHandle,
        vocab: [*]const u8,
        vocab_len: usize,
        merges: [*]const u8,
        merges_len: usize,
    ) callconv(.c) Status {
        if (!mayLoad(handle)) return .invalid_argument;
        var arena: std.heap.ArenaAllocator = .init(loading.allocator());
        defer arena.deinit();
        const parsed = vocab_merges.parse(
            arena.allocator(),
            vocab[0..vocab_len],
            merges[0..merges_len],
            &handle.diagnostic,
        ) catch |err| return loadStatus(err);
        return build(handle, parsed, loadingThreads(vocab_len));
    }

    /// Loads an empty tokenizer from the bytes of a SentencePiece model.
    pub fn pyaot_tokenizer_load_sentencepiece(
        handle: *TokenizerHandle,
        model: [*]const u8,
        model_len: usize,
    ) callconv(.c) Status {
        if (!mayLoad(handle)) return .invalid_argument;
        var arena: std.heap.ArenaAllocator = .init(loading.allocator());
        defer arena.deinit();
        const parsed = sentencepiece.parse(
            arena.allocator(),
            model[0..model_len],
            &handle.diagnostic,
        ) catch |err| return loadStatus(err);
        return build(handle, parsed, loadingThreads(model_len));
    }

    /// Loads an empty tokenizer from the bytes of a tekken.json.
    pub fn pyaot_tokenizer_load_tekken(
        handle: *TokenizerHandle,
        json: [*]const u8,
        json_len: usize,
    ) callconv(.c) Status {
        if (!mayLoad(handle)) return .invalid_argument;
        var arena: std.heap.ArenaAllocator = .init(loading.allocator());
        defer arena.deinit();
        const parsed = tekken.parse(
            arena.allocator(),
            json[0..json_len],
            &handle.diagnostic,
        ) catch |err| return loadStatus(err);
        return build(handle, parsed, loadingThreads(json_len));
    }

    /// Loads an empty tokenizer from a file that `pyaot_tokenizer_save_frozen` wrote: maps it, checks it and
    /// uses its tables where they lie. The file may be replaced by another or deleted meanwhile; to change
    /// or to truncate it in place while the tokenizer lives is undefined.
    pub fn pyaot_tokenizer_load_frozen(
        handle: *TokenizerHandle,
        path: [*]const u8,
        path_len: usize,
    ) callconv(.c) Status {
        if (!mayLoad(handle)) return .invalid_argument;
        handle.frozen = frozen_file.Frozen.open(gpa, path[0..path_len], &handle.diagnostic) catch |err|
            return fileStatus(err);
        handle.loaded = handle.frozen.?.tokenizer;
        return .ok;
    }

    /// Loads an empty tokenizer from the bytes of such a file, which are copied.
    pub fn pyaot_tokenizer_load_frozen_bytes(
        handle: *TokenizerHandle,
        bytes: [*]const u8,
        bytes_len: usize,
    ) callconv(.c) Status {
        if (!mayLoad(handle)) return .invalid_argument;
        handle.frozen = frozen_file.Frozen.of(gpa, bytes[0..bytes_len], &handle.diagnostic) catch |err|
            return loadStatus(err);
        handle.loaded = handle.frozen.?.tokenizer;
        return .ok;
    }

    /// Writes a loaded tokenizer's tables to a file, whole or not at all: it loads many times faster than
    /// what it was made of, and fits this build of the library alone. One thread at a time.
    pub fn pyaot_tokenizer_save_frozen(
        handle: *TokenizerHandle,
        path: [*]const u8,
        path_len: usize,
    ) callconv(.c) Status {
        handle.diagnostic.clear();
        const loaded = if (handle.loaded) |*l| l else return .invalid_argument;
        frozen_file.save(gpa, loaded, path[0..path_len], &handle.diagnostic) catch |err|
            return fileStatus(err);
        return .ok;
    }

    /// The bytes of the frozen file that a tokenizer was loaded from, `bytes_len` of them, which live as
    /// long as it does; NULL if it was loaded from something else.
    pub fn pyaot_tokenizer_frozen_bytes(
        handle: *const TokenizerHandle,
        bytes_len: *usize,
    ) callconv(.c) ?[*]const u8 {
        bytes_len.* = 0;
        const opened = if (handle.frozen) |*f| f else return null;
        bytes_len.* = opened.bytes.len;
        return opened.bytes.ptr;
    }

    /// One of the numbers of `pyaot_property`; 0 while nothing is loaded or the property is unknown.
    pub fn pyaot_tokenizer_property(
        handle: *const TokenizerHandle,
        property: i32,
    ) callconv(.c) u64 {
        const loaded = if (handle.loaded) |*l| l else return 0;
        const known = std.enums.fromInt(Property, property) orelse return 0;
        return switch (known) {
            .vocab_size => loaded.vocab.idLimit(),
            .token_count => loaded.vocab.tokenCount(),
            .merge_count => loaded.merges.count,
            .added_token_count => loaded.added.tokens.len,
            .format => @intFromEnum(loaded.format),
            .memory_bytes => loaded.memoryBytes(),
            .strip_spaces => loaded.strip_spaces,
            .byte_token_count => loaded.byteTokenCount(),
            .joins_tokens => @intFromBool(!loaded.token_text.is_used),
            .dropout => loaded.sampling.threshold,
            .has_all_merges => @intFromBool(loaded.merges.has_all),
        };
    }

    /// Begins the samples of a tokenizer whose model leaves out merges by chance anew: from here on, the calls that
    /// encode give the ids that they give behind any other call of this with the same seed. It is 0 at first. No
    /// other thread may be in a call on the tokenizer.
    pub fn pyaot_tokenizer_seed_dropout(handle: *TokenizerHandle, seed: u64) callconv(.c) void {
        if (handle.loaded) |*loaded| loaded.sampling.restart(seed);
    }

    /// The name of the pre-tokenizer in use: a hand-written scanner's, "regex" or "none". NUL-terminated;
    /// empty while nothing is loaded.
    pub fn pyaot_tokenizer_pretokenizer_name(
        handle: *const TokenizerHandle,
    ) callconv(.c) [*:0]const u8 {
        const loaded = if (handle.loaded) |*l| l else return "";
        return loaded.pretokenizer.name();
    }

    /// The pattern that splits text into pieces, `pattern_len` bytes of UTF-8; NULL where the whole text is
    /// one piece. Lives as long as the tokenizer.
    pub fn pyaot_tokenizer_pattern(
        handle: *const TokenizerHandle,
        pattern_len: *usize,
    ) callconv(.c) ?[*]const u8 {
        pattern_len.* = 0;
        const loaded = if (handle.loaded) |*l| l else return null;
        const pattern = loaded.pattern orelse return null;
        pattern_len.* = pattern.len;
        return pattern.ptr;
    }

    /// The id of the token with exactly these bytes (an added token's content counts first), or -1.
    pub fn pyaot_tokenizer_token_to_id(
        handle: *const TokenizerHandle,
        token: [*]const u8,
        token_len: usize,
    ) callconv(.c) i64 {
        const loaded = if (handle.loaded) |*l| l else return -1;
        return loaded.tokenToId(token[0..token_len]) orelse -1;
    }

    /// The bytes of an id, `token_len` of them; NULL if no token has it. They live as long as the
    /// tokenizer.
    pub fn pyaot_tokenizer_id_to_token(
        handle: *const TokenizerHandle,
        id: u32,
        token_len: *usize,
    ) callconv(.c) ?[*]const u8 {
        token_len.* = 0;
        const loaded = if (handle.loaded) |*l| l else return null;
        const bytes = loaded.idToToken(id) orelse return null;
        token_len.* = bytes.len;
        return bytes.ptr;
    }

    /// Describes added token `index` (0 up to the property `added_token_count`, in ascending order of id):
    /// returns its content, `content_len` bytes, its id and its flags (bits of `pyaot_added_flag`); NULL
    /// past the end.
    pub fn pyaot_tokenizer_added_token(
        handle: *const TokenizerHandle,
        index: usize,
        content_len: *usize,
        id: *u32,
        flags: *u32,
    ) callconv(.c) ?[*]const u8 {
        content_len.* = 0;
        const loaded = if (handle.loaded) |*l| l else return null;
        if (index >= loaded.added.tokens.len) return null;
        const token = &loaded.added.tokens[index];
        content_len.* = token.content_len;
        id.* = token.id;
        flags.* = addedFlags(token.flags);
        return loaded.added.contentOf(token).ptr;
    }

    /// How much of `text`, in bytes, has ids that no text behind it changes, and such that the rest may be encoded by
    /// itself. 0 where no such place is found.
    pub fn pyaot_tokenizer_stable_length(
        handle: *const TokenizerHandle,
        text: [*]const u8,
        text_len: usize,
    ) callconv(.c) usize {
        const loaded = if (handle.loaded) |*l| l else return 0;
        return stable.length(loaded, text[0..text_len]);
    }

    /// Makes a context for a loaded tokenizer, for use by one thread at a time. Returns NULL when memory
    /// runs out or the tokenizer is not loaded. Destroy it before the tokenizer.
    pub fn pyaot_context_create(handle: *const TokenizerHandle) callconv(.c) ?*ContextHandle {
        const loaded = if (handle.loaded) |*l| l else return null;
        const result = gpa.create(ContextHandle) catch return null;
        result.* = .{ .context = Context.init(gpa, loaded) catch {
            gpa.destroy(result);
            return null;
        } };
        return result;
    }

    /// Frees a context and the results it owns. NULL is allowed.
    pub fn pyaot_context_destroy(handle: ?*ContextHandle) callconv(.c) void {
        const h = handle orelse return;
        h.context.deinit();
        gpa.destroy(h);
    }

    /// The message of the context's last failed call, as `pyaot_tokenizer_error`.
    pub fn pyaot_context_error(handle: *ContextHandle, offset: ?*u64) callconv(.c) [*:0]const u8 {
        return report(&handle.context.diagnostic, &handle.message, offset);
    }

    /// Encodes `text`, UTF-8 of `text_len` bytes (ill-formed bytes are cut into pieces as U+FFFD and
    /// encoded as they are). Returns the number of ids, at `pyaot_context_ids`, or a negative status.
    pub fn pyaot_encode(
        handle: *ContextHandle,
        text: [*]const u8,
        text_len: usize,
        special_mode: i32,
    ) callconv(.c) i64 {
        const mode = std.enums.fromInt(SpecialMode, special_mode) orelse
            return @intFromEnum(Status.invalid_argument);
        const count = handle.context.encode(text[0..text_len], encodeMode(mode)) catch |err|
            return @intFromEnum(callStatus(err));
        return @intCast(count);
    }

    /// As `pyaot_encode`, on up to `thread_count` threads (0: one a core), if the text is long. The ids do not
    /// depend on it.
    pub fn pyaot_encode_long(
        handle: *ContextHandle,
        text: [*]const u8,
        text_len: usize,
        special_mode: i32,
        thread_count: usize,
    ) callconv(.c) i64 {
        const mode = std.enums.fromInt(SpecialMode, special_mode) orelse
            return @intFromEnum(Status.invalid_argument);
        const count = handle.context.encodeLong(
            text[0..text_len],
            encodeMode(mode),
            thread_count,
            .{},
        ) catch |err| return @intFromEnum(callStatus(err));
        return @intCast(count);
    }

    /// As `pyaot_encode`; `pyaot_context_ends[2 * i]` is where id `i` begins in the text and
    /// `pyaot_context_ends[2 * i + 1]` where it ends, in units of `pyaot_unit`.
    pub fn pyaot_encode_with_offsets(
        handle: *ContextHandle,
        text: [*]const u8,
        text_len: usize,
        special_mode: i32,
        unit: i32,
    ) callconv(.c) i64 {
        const mode = std.enums.fromInt(SpecialMode, special_mode) orelse
            return @intFromEnum(Status.invalid_argument);
        const options = offsetOptions(unit) orelse return @intFromEnum(Status.invalid_argument);
        const count = handle.context.encodeWithOffsets(
            text[0..text_len],
            encodeMode(mode),
            options,
        ) catch |err| return @intFromEnum(callStatus(err));
        return @intCast(count);
    }

    /// As `pyaot_encode`, with merges left out by chance: each that is due is put aside, until another one is
    /// done, by `threshold` of 2^32 numbers, whatever the model says. The same seed gives the same ids. What they are
    /// is right where the tokenizer has all merges (`PYAOT_PROPERTY_HAS_ALL_MERGES`).
    pub fn pyaot_encode_with_dropout(
        handle: *ContextHandle,
        text: [*]const u8,
        text_len: usize,
        special_mode: i32,
        threshold: u64,
        seed: u64,
    ) callconv(.c) i64 {
        const mode = std.enums.fromInt(SpecialMode, special_mode) orelse
            return @intFromEnum(Status.invalid_argument);
        const count = handle.context.encodeWithDropout(
            text[0..text_len],
            encodeMode(mode),
            threshold,
            seed,
        ) catch |err| return @intFromEnum(callStatus(err));
        return @intCast(count);
    }

    /// The same places for ids that `text` was encoded to before, and that are not the context's own.
    pub fn pyaot_offsets(
        handle: *ContextHandle,
        text: [*]const u8,
        text_len: usize,
        special_mode: i32,
        ids: [*]const u32,
        id_count: usize,
        unit: i32,
    ) callconv(.c) Status {
        const mode = std.enums.fromInt(SpecialMode, special_mode) orelse return .invalid_argument;
        const options = offsetOptions(unit) orelse return .invalid_argument;
        handle.context.findOffsets(
            text[0..text_len],
            encodeMode(mode),
            ids[0..id_count],
            options,
        ) catch |err| return callStatus(err);
        return .ok;
    }

    /// The index of the word that each of such ids is in, at `pyaot_context_ids`: each added token is a word,
    /// and each piece of text that is merged by itself.
    pub fn pyaot_words(
        handle: *ContextHandle,
        text: [*]const u8,
        text_len: usize,
        special_mode: i32,
        ids: [*]const u32,
        id_count: usize,
    ) callconv(.c) Status {
        const mode = std.enums.fromInt(SpecialMode, special_mode) orelse return .invalid_argument;
        handle.context.findWords(text[0..text_len], encodeMode(mode), ids[0..id_count]) catch |err|
            return callStatus(err);
        return .ok;
    }

    /// The text that each added token among such ids was matched as, with the white space taken with it and as
    /// the normalizer left it: one behind the other at `pyaot_context_bytes`, and at `pyaot_context_ends`, by
    /// turns, the index of the id and where its text ends. Returns how many there are, or a negative status.
    pub fn pyaot_matches(
        handle: *ContextHandle,
        text: [*]const u8,
        text_len: usize,
        special_mode: i32,
        ids: [*]const u32,
        id_count: usize,
    ) callconv(.c) i64 {
        const mode = std.enums.fromInt(SpecialMode, special_mode) orelse
            return @intFromEnum(Status.invalid_argument);
        const count = handle.context.findMatches(
            text[0..text_len],
            encodeMode(mode),
            ids[0..id_count],
        ) catch |err| return @intFromEnum(callStatus(err));
        return @intCast(count);
    }

    /// Begins to encode `text`, which must stay as it is, for `pyaot_write_round`.
    pub fn pyaot_write_begin(
        handle: *ContextHandle,
        text: [*]const u8,
        text_len: usize,
        special_mode: i32,
        thread_count: usize,
    ) callconv(.c) Status {
        const mode = std.enums.fromInt(SpecialMode, special_mode) orelse return .invalid_argument;
        handle.context.beginWriting(text[0..text_len], encodeMode(mode), thread_count) catch |err|
            return callStatus(err);
        return .ok;
    }

    /// Encodes the next part of the text and writes its ids to a file descriptor, each in `id_size` bytes (2
    /// or 4), the lowest first. Returns how many they are, 0 at the text's end, or a negative status; of
    /// `file_failed` the error's offset is the system's number.
    pub fn pyaot_write_round(
        handle: *ContextHandle,
        file: i32,
        id_size: usize,
    ) callconv(.c) i64 {
        if (id_size != 2 and id_size != 4) return @intFromEnum(Status.invalid_argument);
        const count = handle.context.writeRound(file, id_size) catch |err| return switch (err) {
            error.WriteFailed => @intFromEnum(Status.file_failed),
            else => |other| @intFromEnum(callStatus(other)),
        };
        return @intCast(count orelse 0);
    }

    /// As `pyaot_encode`, without keeping the ids: returns how many there would be.
    pub fn pyaot_count(
        handle: *ContextHandle,
        text: [*]const u8,
        text_len: usize,
        special_mode: i32,
    ) callconv(.c) i64 {
        const mode = std.enums.fromInt(SpecialMode, special_mode) orelse
            return @intFromEnum(Status.invalid_argument);
        const count = handle.context.count(text[0..text_len], encodeMode(mode)) catch |err|
            return @intFromEnum(callStatus(err));
        return @intCast(count);
    }

    /// Cuts `text` into pieces with the pre-tokenizer alone: added tokens count as text, and nothing is
    /// normalized or put in front. Returns the number of pieces, or a negative status; piece `i` begins at
    /// `pyaot_context_ends[2 * i]` and ends before `pyaot_context_ends[2 * i + 1]`, in bytes.
    pub fn pyaot_pre_tokenize(
        handle: *ContextHandle,
        text: [*]const u8,
        text_len: usize,
    ) callconv(.c) i64 {
        const count = handle.context.preTokenize(text[0..text_len]) catch
            return @intFromEnum(Status.out_of_memory);
        return @intCast(count);
    }

    /// Encodes `text_count` texts that lie one after the other in `texts`, text `i` ending before
    /// `ends[i]`, on up to `thread_count` threads (0: one a core). Returns the number of ids of all of
    /// them, at `pyaot_context_ids`, or a negative status; `pyaot_context_ends[i]` is where the ids of
    /// text `i` end. The ids do not depend on `thread_count`.
    pub fn pyaot_encode_batch(
        handle: *ContextHandle,
        texts: [*]const u8,
        ends: [*]const u64,
        text_count: usize,
        special_mode: i32,
        thread_count: usize,
    ) callconv(.c) i64 {
        const mode = std.enums.fromInt(SpecialMode, special_mode) orelse
            return @intFromEnum(Status.invalid_argument);
        const count = handle.context.encodeBatch(
            texts,
            ends[0..text_count],
            encodeMode(mode),
            thread_count,
        ) catch |err| return @intFromEnum(callStatus(err));
        return @intCast(count);
    }

    /// The ids of the context's last encode call. Valid until its next call.
    pub fn pyaot_context_ids(handle: *const ContextHandle) callconv(.c) [*]const u32 {
        return handle.context.ids.ptr;
    }

    /// Where the ids of each text of the last `pyaot_encode_batch` end, or the pieces of the last
    /// `pyaot_pre_tokenize` or the ids of the last call for offsets begin and end. Valid until the context's next
    /// call.
    pub fn pyaot_context_ends(handle: *const ContextHandle) callconv(.c) [*]const u64 {
        return handle.context.ends.items.ptr;
    }

    /// Joins the bytes of `id_count` ids, which must not be the context's own results; special tokens are left out if `skip_special` is not 0. Returns
    /// the number of bytes, at `pyaot_context_bytes`, or a negative status. The bytes need not be UTF-8.
    pub fn pyaot_decode(
        handle: *ContextHandle,
        ids: [*]const u32,
        id_count: usize,
        skip_special: i32,
    ) callconv(.c) i64 {
        const len = handle.context.decode(ids[0..id_count], skip_special != 0) catch |err|
            return @intFromEnum(callStatus(err));
        return @intCast(len);
    }

    /// As `pyaot_decode`, for text: where tokens for bytes are not UTF-8 together, they are given as bytes each of
    /// which is a U+FFFD.
    pub fn pyaot_decode_text(
        handle: *ContextHandle,
        ids: [*]const u32,
        id_count: usize,
        skip_special: i32,
    ) callconv(.c) i64 {
        const len = handle.context.decodeText(ids[0..id_count], skip_special != 0) catch |err|
            return @intFromEnum(callStatus(err));
        return @intCast(len);
    }

    /// The bytes of the context's last `pyaot_decode`. Valid until its next call.
    pub fn pyaot_context_bytes(handle: *const ContextHandle) callconv(.c) [*]const u8 {
        return handle.context.bytes.items.ptr;
    }

    /// Takes over CPython's functions: `word_count` words, in the order of `Interpreter` in
    /// python/interpreter.zig. For the main interpreter alone. Like all functions of this name, to be called with
    /// the GIL held.
    pub fn pyaot_python_attach(words: [*]const usize, word_count: usize) callconv(.c) Status {
        if (word_count != python.Interpreter.len) return .invalid_argument;
        python.attach(@ptrCast(words)) catch return .out_of_memory;
        return .ok;
    }

    /// What is read and written in place rather than by CPython's functions, as the self-test of
    /// `pyaot_python_attach` found it: 1, the items of lists; 2, small ints; 4, reference counts.
    pub fn pyaot_python_layout() callconv(.c) i32 {
        return python.layoutBits();
    }

    /// Takes over NumPy's functions: `word_count` words, in the order of `NumPy` in python/numbers.zig.
    /// `unsupported` where its arrays are not as they are known.
    pub fn pyaot_python_numpy(words: [*]const usize, word_count: usize) callconv(.c) Status {
        if (word_count != python.NumPy.len) return .invalid_argument;
        return if (python.attachNumPy(@ptrCast(words))) .ok else .unsupported;
    }

    /// A new class, the base of one whose objects `pyaot_python_bind` takes; NULL with an exception set.
    pub fn pyaot_python_base() callconv(.c) ?*PyObject {
        return python.makeBase();
    }

    /// The builtin method `name` for the class, which must derive from `pyaot_python_base`'s, with the
    /// docstring `doc` of `doc_len` bytes. What it does not cover it passes on to the object's method of the
    /// same name behind "_portable_". NULL, perhaps with an exception set, where there is none.
    pub fn pyaot_python_method(
        cls: *PyObject,
        name: [*:0]const u8,
        doc: [*]const u8,
        doc_len: usize,
    ) callconv(.c) ?*PyObject {
        return python.define(gpa, cls, std.mem.span(name), doc[0..doc_len]) catch null;
    }

    /// Gives an object of that class a loaded tokenizer, which `owner` keeps alive.
    pub fn pyaot_python_bind(
        object: *PyObject,
        handle: *const TokenizerHandle,
        owner: *PyObject,
    ) callconv(.c) Status {
        const loaded = if (handle.loaded) |*l| l else return .invalid_argument;
        python.bind(gpa, object, loaded, owner) catch return .out_of_memory;
        return .ok;
    }

    /// Makes counts of pieces, none yet, that are filled on up to `thread_count` threads (0: one a core).
    /// Until a pattern is set, a text is one piece. Returns NULL when memory runs out. Destroy them with
    /// `pyaot_counts_destroy`.
    pub fn pyaot_counts_create(thread_count: usize) callconv(.c) ?*CountsHandle {
        const handle = gpa.create(CountsHandle) catch return null;
        const counter = Counter.init(training_gpa, .{ .scanner = .none }, thread_count) catch {
            gpa.destroy(handle);
            return null;
        };
        handle.* = .{ .counter = counter };
        return handle;
    }

    /// Frees counts. NULL is allowed.
    pub fn pyaot_counts_destroy(handle: ?*CountsHandle) callconv(.c) void {
        const h = handle orelse return;
        h.counter.deinit();
        gpa.free(h.saved);
        gpa.destroy(h);
    }

    /// As `pyaot_tokenizer_error`, of counts.
    pub fn pyaot_counts_error(handle: *CountsHandle, offset: ?*u64) callconv(.c) [*:0]const u8 {
        return report(&handle.diagnostic, &handle.message, offset);
    }

    /// Sets the pattern that cuts texts into pieces, in tiktoken's syntax.
    pub fn pyaot_counts_set_pattern(
        handle: *CountsHandle,
        pattern: [*]const u8,
        pattern_len: usize,
    ) callconv(.c) Status {
        handle.diagnostic.clear();
        const splits = [_]definition.Split{.matches(pattern[0..pattern_len])};
        const made = pretokenizer.PreTokenizer.init(
            training_gpa,
            &splits,
            &handle.diagnostic,
        ) catch |err| return switch (err) {
            error.OutOfMemory => .out_of_memory,
            error.UnsupportedPattern => .unsupported,
        };
        handle.counter.pieces.deinit(training_gpa);
        handle.counter.pieces = made;
        return .ok;
    }

    /// Counts the pieces of `text_count` texts that lie one after the other in `texts`, text `i` ending before
    /// `ends[i]`. With `strict` not 0, text that is not UTF-8 is `malformed`, and the error's offset is its
    /// place in `texts`. After a failure some of the texts are counted.
    pub fn pyaot_counts_add_texts(
        handle: *CountsHandle,
        texts: [*]const u8,
        ends: [*]const u64,
        text_count: usize,
        strict: i32,
    ) callconv(.c) Status {
        handle.diagnostic.clear();
        const len = lengthOf(ends[0..text_count]) orelse return .invalid_argument;
        const check: corpus_counter.Check = if (strict != 0) .utf8 else .none;
        handle.counter.addTexts(texts[0..len], ends[0..text_count], check) catch |err|
            return countStatus(handle, err);
        return .ok;
    }

    /// Adds `counts[i]` occurrences of the piece `bytes[ends[i - 1] .. ends[i]]`, for `piece_count` pieces.
    pub fn pyaot_counts_add_pieces(
        handle: *CountsHandle,
        bytes: [*]const u8,
        ends: [*]const u64,
        counts: [*]const u64,
        piece_count: usize,
    ) callconv(.c) Status {
        handle.diagnostic.clear();
        _ = lengthOf(ends[0..piece_count]) orelse return .invalid_argument;
        var start: usize = 0;
        for (ends[0..piece_count], counts[0..piece_count]) |end, count| {
            const piece = bytes[start..@intCast(end)];
            start = @intCast(end);
            handle.counter.tables[0].add(piece, count) catch |err| return countStatus(handle, err);
        }
        return .ok;
    }

    /// Adds all counts of `other`, which stays as it is.
    pub fn pyaot_counts_merge(
        handle: *CountsHandle,
        other: *const CountsHandle,
    ) callconv(.c) Status {
        handle.diagnostic.clear();
        for (other.counter.tables) |*table| {
            handle.counter.tables[0].merge(table) catch |err| return countStatus(handle, err);
        }
        return .ok;
    }

    /// How much of the beginning of a text, of which the rest is not there yet, may be counted as a text
    /// of its own; the rest may be counted as another. 0 where no such place is found.
    pub fn pyaot_counts_cut(
        handle: *const CountsHandle,
        text: [*]const u8,
        text_len: usize,
    ) callconv(.c) usize {
        return handle.counter.lastCut(text[0..text_len]);
    }

    /// Brings together what the threads counted. To be called before the functions below; `cancelled` ends it
    /// and leaves the counts as they were.
    pub fn pyaot_counts_gather(handle: *CountsHandle) callconv(.c) Status {
        handle.diagnostic.clear();
        handle.counter.gather() catch |err| return countStatus(handle, err);
        return .ok;
    }

    /// How many distinct pieces there are.
    pub fn pyaot_counts_len(handle: *const CountsHandle) callconv(.c) u64 {
        var len: u64 = 0;
        for (handle.counter.tables) |*table| len += table.len();
        return len;
    }

    /// The counts as bytes that `pyaot_counts_load` reads: `bytes_len` of them, which live until the next
    /// call of this kind; NULL when memory runs out.
    pub fn pyaot_counts_save(
        handle: *CountsHandle,
        bytes_len: *usize,
    ) callconv(.c) ?[*]const u8 {
        bytes_len.* = 0;
        const bytes = counts_form.write(gpa, handle.counter.tables) catch return null;
        gpa.free(handle.saved);
        handle.saved = bytes;
        bytes_len.* = bytes.len;
        return bytes.ptr;
    }

    /// Adds the counts that `pyaot_counts_save` gave.
    pub fn pyaot_counts_load(
        handle: *CountsHandle,
        bytes: [*]const u8,
        bytes_len: usize,
    ) callconv(.c) Status {
        handle.diagnostic.clear();
        counts_form.read(&handle.counter.tables[0], bytes[0..bytes_len], &handle.diagnostic) catch |err|
            return switch (err) {
                error.Malformed => .malformed,
                else => |other| countStatus(handle, other),
            };
        return .ok;
    }

    /// Makes the call that fills the counts end soon, with `cancelled`, and all later ones. For any thread.
    pub fn pyaot_counts_cancel(handle: *CountsHandle) callconv(.c) void {
        handle.counter.cancel();
    }

    /// Makes a training. Returns NULL when memory runs out. Destroy it with `pyaot_training_destroy`.
    pub fn pyaot_training_create() callconv(.c) ?*TrainingHandle {
        const handle = gpa.create(TrainingHandle) catch return null;
        handle.* = .{ .training = .{ .gpa = training_gpa } };
        return handle;
    }

    /// Frees a training. NULL is allowed.
    pub fn pyaot_training_destroy(handle: ?*TrainingHandle) callconv(.c) void {
        const h = handle orelse return;
        h.training.deinit();
        gpa.destroy(h);
    }

    /// As `pyaot_tokenizer_error`, of a training.
    pub fn pyaot_training_error(handle: *TrainingHandle, offset: ?*u64) callconv(.c) [*:0]const u8 {
        return report(&handle.diagnostic, &handle.message, offset);
    }

    /// Sets one of `pyaot_training_option`.
    pub fn pyaot_training_set(
        handle: *TrainingHandle,
        option: i32,
        value: u64,
    ) callconv(.c) Status {
        const known = std.enums.fromInt(TrainingOption, option) orelse return .invalid_argument;
        switch (known) {
            .vocab_size => handle.training.options.vocab_size =
                std.math.cast(u32, value) orelse return .invalid_argument,
            .min_frequency => handle.training.options.min_frequency = value,
            .method => switch (value) {
                0 => handle.training.huggingface = null,
                1 => handle.training.huggingface = .{ .vocab_size = 0 },
                else => return .invalid_argument,
            },
            .consume_counts => handle.training.consumes_counts = value != 0,
            .max_token_length, .limit_alphabet, .all_bytes, .characters => {
                const options = if (handle.training.huggingface) |*o| o else return .invalid_argument;
                switch (known) {
                    .max_token_length => options.max_token_length = value,
                    .limit_alphabet => options.limit_alphabet = value,
                    .all_bytes => options.all_bytes = value != 0,
                    else => options.unit = if (value != 0) .character else .byte,
                }
            },
        }
        return .ok;
    }

    /// Adds a special token for method 1.
    pub fn pyaot_training_add_special(
        handle: *TrainingHandle,
        content: [*]const u8,
        content_len: usize,
    ) callconv(.c) Status {
        handle.training.addSpecial(content[0..content_len]) catch return .out_of_memory;
        return .ok;
    }

    /// Adds characters, as UTF-8, that are tokens for method 1 even if they do not occur.
    pub fn pyaot_training_add_initial(
        handle: *TrainingHandle,
        characters: [*]const u8,
        characters_len: usize,
    ) callconv(.c) Status {
        handle.training.addInitial(characters[0..characters_len]) catch return .out_of_memory;
        return .ok;
    }

    /// Learns merges from gathered counts, which stay as they are unless they are to be consumed.
    pub fn pyaot_training_run(
        handle: *TrainingHandle,
        counts: *CountsHandle,
    ) callconv(.c) Status {
        handle.diagnostic.clear();
        handle.training.run(counts.counter.tables) catch |err| return trainStatus(handle, err);
        return .ok;
    }

    /// How many merges the present run has made. For any thread.
    pub fn pyaot_training_progress(handle: *const TrainingHandle) callconv(.c) u64 {
        return handle.training.watch.merge_count.load(.monotonic);
    }

    /// Makes the present run end soon, with `cancelled`, and all later ones. For any thread.
    pub fn pyaot_training_cancel(handle: *TrainingHandle) callconv(.c) void {
        handle.training.watch.cancel();
    }

    /// The bytes of the tokens of the last run, one after the other, in order of their ids.
    pub fn pyaot_training_bytes(handle: *const TrainingHandle) callconv(.c) [*]const u8 {
        return handle.training.bytes.ptr;
    }

    /// Where each token's bytes end; `token_count` receives how many tokens there are.
    pub fn pyaot_training_ends(
        handle: *const TrainingHandle,
        token_count: *usize,
    ) callconv(.c) [*]const u64 {
        token_count.* = handle.training.ends.len;
        return handle.training.ends.ptr;
    }

    /// The merges of the last run, `merge_count` of them, in order: three ids each, of the left and the right
    /// token and of what they become.
    pub fn pyaot_training_merges(
        handle: *const TrainingHandle,
        merge_count: *usize,
    ) callconv(.c) [*]const u32 {
        merge_count.* = handle.training.triples.len;
        return @ptrCast(handle.training.triples.ptr);
    }
};

/// FNV-1a over the C prototype of every exported function, in order.
pub const abi_hash: u64 = hash: {
    @setEvalBranchQuota(1_000_000);
    var hash: u64 = 0xcbf29ce484222325;
    for (@typeInfo(functions).@"struct".decls) |decl| {
        const signature = @typeInfo(@TypeOf(@field(functions, decl.name))).@"fn";
        var prototype: []const u8 = cType(signature.return_type.?) ++ decl.name;
        for (signature.params) |param| prototype = prototype ++ "," ++ cType(param.type.?);
        for (prototype) |byte| hash = (hash ^ byte) *% 0x100000001b3;
    }
    break :hash hash;
};

/// How C spells a type of this ABI. A type that is not listed cannot be exported: it stops the compiler.
pub fn cType(comptime T: type) []const u8 {
    return switch (T) {
        void => "void ",
        i32 => "int32_t ",
        i64 => "int64_t ",
        u32 => "uint32_t ",
        u64 => "uint64_t ",
        usize => "size_t ",
        Status => "pyaot_status ",
        [*:0]const u8 => "const char *",
        [*]const u8, ?[*]const u8 => "const uint8_t *",
        [*]const u32 => "const uint32_t *",
        [*]const u64 => "const uint64_t *",
        *u32 => "uint32_t *",
        *usize => "size_t *",
        [*]const usize => "const size_t *",
        *PyObject, ?*PyObject => "void *",
        ?*u64 => "uint64_t *",
        *TokenizerHandle, ?*TokenizerHandle => "pyaot_tokenizer *",
        *const TokenizerHandle => "const pyaot_tokenizer *",
        *ContextHandle, ?*ContextHandle => "pyaot_context *",
        *const ContextHandle => "const pyaot_context *",
        *CountsHandle, ?*CountsHandle => "pyaot_counts *",
        *const CountsHandle => "const pyaot_counts *",
        *TrainingHandle, ?*TrainingHandle => "pyaot_training *",
        *const TrainingHandle => "const pyaot_training *",
        else => @compileError("not a type of the C ABI: " ++ @typeName(T)),
    };
}

comptime {
    for (@typeInfo(functions).@"struct".decls) |decl| {
        @export(&@field(functions, decl.name), .{ .name = decl.name });
    }
}

fn mayLoad(handle: *TokenizerHandle) bool {
    handle.diagnostic.clear();
    if (handle.loaded == null) return true;
    handle.diagnostic.set(null, "this tokenizer is loaded already", .{});
    return false;
}

/// How many threads a file of so many bytes is loaded by.
fn loadingThreads(file_len: usize) usize {
    const long_enough = 256 * 1024;
    if (builtin.is_test or file_len < long_enough) return 1;
    return parallel.threadCount(0, 2);
}

fn build(
    handle: *TokenizerHandle,
    parsed: definition.Definition,
    thread_count: usize,
) Status {
    var definition_of = parsed;
    definition_of.thread_count = thread_count;
    definition_of.compile_splits = handle.compile_splits;
    definition_of.keep_all_merges = handle.keep_all_merges;
    const tables = loading.allocator();
    handle.loaded = tokenizer.Tokenizer.init(tables, definition_of, &handle.diagnostic) catch |err|
        return loadStatus(err);
    return .ok;
}

fn loadStatus(err: tokenizer.LoadError) Status {
    return switch (err) {
        error.OutOfMemory => .out_of_memory,
        error.Malformed => .malformed,
        error.Unsupported => .unsupported,
    };
}

fn fileStatus(err: frozen_file.Error) Status {
    return switch (err) {
        error.FileFailed => .file_failed,
        else => |other| loadStatus(other),
    };
}

fn callStatus(err: context.CallError) Status {
    return switch (err) {
        error.OutOfMemory => .out_of_memory,
        error.UnknownId => .unknown_id,
        error.SpecialToken => .special_token,
        error.InvalidArgument => .invalid_argument,
    };
}

/// Where the last of texts that lie one after the other ends; null where an end is before another.
fn lengthOf(ends: []const u64) ?usize {
    var last: u64 = 0;
    for (ends) |end| {
        if (end < last) return null;
        last = end;
    }
    return std.math.cast(usize, last);
}

fn countStatus(handle: *CountsHandle, err: corpus_counter.Error) Status {
    switch (err) {
        error.OutOfMemory => return .out_of_memory,
        error.Cancelled => return .cancelled,
        error.CountOverflow => {
            handle.diagnostic.set(null, "the count of a piece exceeds 2^64 - 1", .{});
            return .too_large;
        },
        error.InvalidUtf8 => {
            const fault = handle.counter.fault;
            handle.diagnostic.set(fault, "invalid UTF-8 at byte {d}", .{fault});
            return .malformed;
        },
    }
}

fn trainStatus(handle: *TrainingHandle, err: training.Error) Status {
    const status: Status, const message = switch (err) {
        error.OutOfMemory => return .out_of_memory,
        error.Cancelled => return .cancelled,
        error.CountOverflow => .{ .too_large, "the pairs of all pieces together do not fit in 64 bits" },
        error.TooManyPieces => .{
            .too_large,
            "the distinct pieces have more than 2^30 bytes together, gaps included",
        },
        error.InvalidUtf8 => .{ .malformed, "a piece, or the initial alphabet, is not UTF-8" },
        error.VocabTooSmall => .{
            .invalid_argument,
            "vocab_size must be at least 256: each byte is a token",
        },
    };
    handle.diagnostic.set(null, "{s}", .{message});
    return status;
}

fn encodeMode(mode: SpecialMode) tokenizer.SpecialMode {
    return switch (mode) {
        .text => .text,
        .parse => .parse,
        .refuse => .refuse,
    };
}

fn offsetOptions(unit: i32) ?offsets.Options {
    return switch (std.enums.fromInt(Unit, unit) orelse return null) {
        .byte => .{ .unit = .byte },
        .character => .{ .unit = .character },
        .tokenizers => .{ .unit = .character, .ignores_dropped = true },
    };
}

fn addedFlags(token_flags: @import("added_tokens.zig").Token.Flags) u32 {
    var flags: u32 = 0;
    inline for (@typeInfo(AddedFlag).@"enum".fields) |field| {
        if (@field(token_flags, field.name)) flags |= field.value;
    }
    return flags;
}

fn report(
    diagnostic: *const Diagnostic,
    buffer: *[Diagnostic.message_len_max + 1]u8,
    offset: ?*u64,
) [*:0]const u8 {
    if (offset) |o| o.* = if (diagnostic.offset) |at| at else no_offset;
    const message = diagnostic.message();
    @memcpy(buffer[0..message.len], message);
    buffer[message.len] = 0;
    return buffer[0..message.len :0];
}
