//! Long fuzzing of the loaders: `zig build fuzz-loaders --release=safe -- sentencepiece 60 1 FILE...`.
//!
//! `FORM SECONDS SEED FILE...`: changes the files, which are whole ones of the form, at random and by their
//! structure, and loads what comes out. It must fail with a message, or encode and decode. Every allocation
//! is checked: what leaks or is freed twice ends the run, as do safety checks. `vocab-merges` takes both files
//! joined by a NUL; `frozen` takes files of any other form that is loaded by itself.

const std = @import("std");
const pyaot = @import("pyaot_tokenizer");
const Allocator = std.mem.Allocator;

const Form = enum { json, tiktoken, @"vocab-merges", sentencepiece, tekken, frozen };

/// What mutations put in: signs of structure, numbers at the limits, ill-formed bytes.
const words = [_][]const u8{
    "{",              "}",            "[",             "]",                    ",",              ":",
    "\"",             "\\u0000",      "\\ud800",       "null",                 "true",           "-1",
    "0",              "255",          "4294967295",    "1e9",                  "99999999999",    "\n",
    " ",              "\x00",         "\xff",          "\xc0\x80",             "\u{2581}",       "==",
    "YQ==",           "<0x00>",       "\"type\"",      "\"id\"",               "\x0a\x00",       "\x10",
    "\"content\"",    "\"Sequence\"", "\"ByteLevel\"", "\xff\xff\xff\xff\x0f", "BertNormalizer", "Precompiled",
    "UnicodeScripts", "WordPiece",    "CTC",           "dropout",
};

const samples = [_][]const u8{
    "Hello, world! \u{e9}\u{4e2d}\u{1f600} <s> <|endoftext|> 123  \n\n\tx",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab",
    "",
    "\xff\x00\u{2581}",
    "ab\u{301}e\u{301}\u{200d}\u{1f468}\u{200d}\u{1f469} |b</w>##a\u{600}\r\n\u{3042}\u{30fc}",
};

pub fn main(init: std.process.Init) !void {
    const arena = init.arena.allocator();
    const args = try init.minimal.args.toSlice(arena);
    if (args.len < 5) return error.UsageIsFormSecondsSeedFiles;
    const form = std.meta.stringToEnum(Form, args[1]) orelse return error.NoSuchForm;
    const end = now() + try std.fmt.parseInt(u64, args[2], 10);
    var prng: std.Random.DefaultPrng = .init(try std.fmt.parseInt(u64, args[3], 10));
    var bases: std.ArrayList([]const u8) = .empty;
    for (args[4..]) |path| {
        const limit: std.Io.Limit = .limited(64 << 20);
        const content = try std.Io.Dir.cwd().readFileAlloc(init.io, path, arena, limit);
        try bases.append(arena, if (form == .frozen) try freeze(arena, content) else content);
    }
    var loaded: usize = 0;
    var count: usize = 0;
    while (now() < end) : (count += 1) {
        var debug: std.heap.DebugAllocator(.{ .safety = true }) = .init;
        const gpa = debug.allocator();
        const base = bases.items[prng.random().uintLessThan(usize, bases.items.len)];
        const content = try mutated(gpa, prng.random(), base);
        if (form == .frozen and prng.random().uintLessThan(u8, 8) > 0) reseal(content);
        loaded += @intFromBool(try attempt(gpa, form, content));
        gpa.free(content);
        if (debug.deinit() == .leak) return error.Leak;
    }
    std.debug.print("{t}: {d} inputs, {d} of them loaded\n", .{ form, count, loaded });
}

/// Some changes to a copy of a file.
fn mutated(gpa: Allocator, random: std.Random, base: []const u8) ![]u8 {
    var content: std.ArrayList(u8) = .empty;
    errdefer content.deinit(gpa);
    try content.appendSlice(gpa, base);
    for (0..1 + random.uintLessThan(usize, 4)) |_| {
        const at = random.uintAtMost(usize, content.items.len);
        const len = @min(random.uintLessThan(usize, 40), content.items.len - at);
        const word = words[random.uintLessThan(usize, words.len)];
        switch (random.uintLessThan(u8, 7)) {
            0 => if (at < content.items.len) {
                content.items[at] ^= @as(u8, 1) << random.int(u3);
            },
            1 => if (at < content.items.len) {
                content.items[at] = random.int(u8);
            },
            2 => try content.replaceRange(gpa, at, len, word),
            3 => try content.insertSlice(gpa, at, word),
            4 => {
                // A stretch of the file, once more or elsewhere.
                const from = random.uintAtMost(usize, content.items.len - len);
                const copy = try gpa.dupe(u8, content.items[from..][0..len]);
                defer gpa.free(copy);
                try content.insertSlice(gpa, at, copy);
            },
            5 => try content.replaceRange(gpa, at, len, ""),
            else => if (random.uintLessThan(u8, 8) == 0) content.shrinkRetainingCapacity(at),
        }
    }
    return content.toOwnedSlice(gpa);
}

/// Loads `content`; returns whether it could be.
fn attempt(gpa: Allocator, form: Form, content: []const u8) !bool {
    var diagnostic: pyaot.Diagnostic = .{};
    use(gpa, form, content, &diagnostic) catch |err| switch (err) {
        error.Malformed, error.Unsupported => {
            if (diagnostic.message().len == 0) return error.FailureWithoutMessage;
            return false;
        },
        else => return err,
    };
    return true;
}

fn use(gpa: Allocator, form: Form, content: []const u8, diagnostic: *pyaot.Diagnostic) !void {
    if (form == .frozen) {
        var frozen: pyaot.frozen_file.Frozen = try .of(gpa, content, diagnostic);
        defer frozen.close(gpa);
        return exercise(gpa, &frozen.tokenizer, false);
    }
    var arena: std.heap.ArenaAllocator = .init(gpa);
    defer arena.deinit();
    const parsed = try parse(arena.allocator(), form, content, diagnostic);
    var tokenizer: pyaot.Tokenizer = try .init(gpa, parsed, diagnostic);
    defer tokenizer.deinit(gpa);
    try exercise(gpa, &tokenizer, true);
}

fn parse(
    arena: Allocator,
    form: Form,
    content: []const u8,
    diagnostic: *pyaot.Diagnostic,
) !pyaot.definition.Definition {
    return switch (form) {
        .json => pyaot.format.tokenizer_json.parse(arena, content, 1, diagnostic),
        .sentencepiece => pyaot.format.sentencepiece.parse(arena, content, diagnostic),
        .tekken => pyaot.format.tekken.parse(arena, content, diagnostic),
        .tiktoken => pyaot.format.tiktoken.parse(arena, content, "\\w+|\\W", &.{
            .{ .id = 1 << 20, .content = "<|endoftext|>" },
        }, diagnostic),
        .@"vocab-merges" => {
            const cut = std.mem.findScalar(u8, content, 0) orelse content.len;
            const rest = content[@min(cut + 1, content.len)..];
            return pyaot.format.vocab_merges.parse(arena, content[0..cut], rest, diagnostic);
        },
        .frozen => unreachable,
    };
}

/// Encodes and decodes. Tables that were tampered with need not give the text back.
fn exercise(gpa: Allocator, tokenizer: *const pyaot.Tokenizer, is_own: bool) !void {
    var context: pyaot.Context = try .init(gpa, tokenizer);
    defer context.deinit();
    for (samples) |sample| {
        for ([_]pyaot.SpecialMode{ .parse, .text }) |mode| {
            const count = try context.encode(sample, mode);
            const ids = try gpa.dupe(u32, context.ids);
            defer gpa.free(ids);
            const is_sure = is_own and !tokenizer.sampling.isUsed();
            if (is_sure and try context.count(sample, mode) != count) return error.CountDiffers;
            _ = context.decodeText(ids, true) catch |err| if (is_own) return err;
        }
    }
}

/// Gives a file of the frozen form the length and the checksum that it should have.
fn reseal(content: []u8) void {
    if (content.len < 128) return;
    const len_offset = 24;
    std.mem.writeInt(u64, content[len_offset..][0..8], content.len, .little);
    pyaot.frozen.seal(content);
}

fn freeze(arena: Allocator, content: []const u8) ![]const u8 {
    var diagnostic: pyaot.Diagnostic = .{};
    const form: Form = switch (content[0]) {
        '{' => .json,
        '\n' => .sentencepiece,
        else => .tiktoken,
    };
    const parsed = try parse(arena, form, content, &diagnostic);
    const tokenizer: pyaot.Tokenizer = try .init(arena, parsed, &diagnostic);
    return pyaot.frozen.write(arena, &tokenizer);
}

/// Whole seconds on the monotonic clock.
fn now() u64 {
    var time: std.c.timespec = undefined;
    _ = std.c.clock_gettime(.MONOTONIC, &time);
    return @intCast(time.sec);
}
