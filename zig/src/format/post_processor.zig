//! The post_processor of a tokenizer.json. Its special tokens are for whoever adds them to the ids; here it is
//! only seen to that it is one of those that are known and has what it needs, so that no file is taken whose
//! meaning would be passed over.

const std = @import("std");
const json_tree = @import("json_tree.zig");
const reader_zig = @import("reader.zig");
const Error = reader_zig.Error;
const Reader = reader_zig.Reader;
const Node = json_tree.Node;

const key = "post_processor";

pub fn check(reader: *Reader, root: Node) Error!void {
    return checkOne(reader, root.get(key) orelse return);
}

fn checkOne(reader: *Reader, node: Node) Error!void {
    const name = try reader.typeOf(node, key);
    const kinds = enum { Sequence, ByteLevel, TemplateProcessing, BertProcessing, RobertaProcessing };
    switch (std.meta.stringToEnum(kinds, name) orelse return reader.refuse(node, key)) {
        .Sequence => {
            const parts = try reader.require(node, "processors", key ++ ".processors", .array);
            for (parts.value.array) |part| try checkOne(reader, part);
        },
        .ByteLevel => {},
        .TemplateProcessing => {
            inline for (.{ "single", "pair" }) |member| {
                _ = try reader.requireAny(node, member, key ++ "." ++ member, "a template");
            }
        },
        .BertProcessing, .RobertaProcessing => {
            inline for (.{ "sep", "cls" }) |member| {
                _ = try reader.requireAny(node, member, key ++ "." ++ member, "a token and its id");
            }
        },
    }
}
