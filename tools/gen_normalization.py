#!/usr/bin/env python3
"""Writes zig/src/normalization_table.zig: what normalization knows of code points.

The data comes from the package unicodedata2, whose version is that of the Unicode Character
Database. What a character normalizes to never changes once it is assigned, so the data of an older
version is that of a newer one without the characters that came later. The reference
implementation (tokenizers, by its crate unicode-normalization-alignments) is at version 9.0: of
what came later, the characters that matter here are listed.

    gen_normalization.py OUTPUT            writes the table
    gen_normalization.py OUTPUT --check    exits with 1 if OUTPUT is not what would be written
"""

from __future__ import annotations

import sys

import generated_file
import unicodedata2

DATABASE_VERSION = "16.0.0"
VERSION = "9.0"
CODE_POINTS = 0x110000
BLOCK_BITS = 7

# Inclusive ranges of the characters with a combining class or a decomposition that were assigned
# after VERSION.
LATER_RANGES = (
    (0x7FD, 0x7FD),
    (0x897, 0x89F),
    (0x8CA, 0x8D3),
    (0x9FE, 0x9FE),
    (0xC3C, 0xC3C),
    (0xD3B, 0xD3C),
    (0xEBA, 0xEBA),
    (0x1715, 0x1715),
    (0x1ABF, 0x1ACE),
    (0x1DF6, 0x1DFA),
    (0xA82C, 0xA82C),
    (0x105C9, 0x105E4),
    (0x10D24, 0x10D27),
    (0x10D69, 0x10D6D),
    (0x10EAB, 0x10EAC),
    (0x10EFD, 0x10EFF),
    (0x10F46, 0x10F50),
    (0x10F82, 0x10F85),
    (0x11070, 0x11070),
    (0x1133B, 0x1133B),
    (0x11383, 0x113D0),
    (0x1145E, 0x1145E),
    (0x11839, 0x1183A),
    (0x11938, 0x11943),
    (0x119E0, 0x119E0),
    (0x11A34, 0x11A34),
    (0x11A47, 0x11A47),
    (0x11A99, 0x11A99),
    (0x11D42, 0x11D45),
    (0x11D97, 0x11D97),
    (0x11F41, 0x11F42),
    (0x16121, 0x1612F),
    (0x16D68, 0x16D6A),
    (0x16FF0, 0x16FF1),
    (0x1E08F, 0x1E08F),
    (0x1E130, 0x1E136),
    (0x1E2AE, 0x1E2AE),
    (0x1E2EC, 0x1E2EF),
    (0x1E4EC, 0x1E4EF),
    (0x1E5EE, 0x1E5EF),
    # Those with a compatibility decomposition.
    (0x32FF, 0x32FF),
    (0xA7F2, 0xA7F4),
    (0xAB69, 0xAB69),
    (0x10781, 0x107BA),
    (0x1CCD6, 0x1CCF9),
    (0x1E030, 0x1E06D),
    (0x1F16C, 0x1F16C),
    (0x1FBF0, 0x1FBF9),
)
# What the other forms do to a character: bits of `Change`.
CHANGED_BY_NFD, CHANGED_BY_NFKD, SUSPECT_IN_NFKC, COMBINING = 1, 2, 4, 8
# Lower case is that of a later version, that of Rust's standard library: what came after 13.0, the
# oldest that a Python which runs this has, as ranges with the distance to the lower case.
LOWER_VERSION = "17.0"
LATER_LOWER = (
    (0x2C2F, 0x2C2F, 1, 48),
    (0xA7C0, 0xA7C0, 1, 1),
    (0xA7CB, 0xA7CB, 1, 612 - 0xA7CB),
    (0xA7CC, 0xA7CE, 2, 1),
    (0xA7D0, 0xA7D8, 2, 1),
    (0xA7DA, 0xA7DA, 1, 1),
    (0xA7DC, 0xA7DC, 1, 411 - 0xA7DC),
    (0x10570, 0x1057A, 1, 39),
    (0x1057C, 0x1058A, 1, 39),
    (0x1058C, 0x10592, 1, 39),
    (0x10594, 0x10595, 1, 39),
    (0x10D50, 0x10D65, 1, 32),
    (0x16EA0, 0x16EB8, 1, 27),
    (0x1C89, 0x1C89, 1, 1),
)
# What a character does in NFC: stays as it is, may compose with what is before it, does not occur.
CHECKS = "yes", "maybe", "no"
# Hangul syllables are composed and decomposed by arithmetic.
HANGUL = range(0xAC00, 0xD7A4)
HANGUL_SECONDS = frozenset([*range(0x1161, 0x1176), *range(0x11A8, 0x11C3)])


def is_known(code_point: int) -> bool:
    """Whether it counts: no surrogate, and not later than VERSION where that matters."""
    if 0xD800 <= code_point < 0xE000:
        return False
    return not any(first <= code_point <= last for first, last in LATER_RANGES)


def decompositions() -> dict[int, list[int]]:
    """The full canonical decomposition of every character that has one, without Hangul."""
    found = {}
    for code_point in range(CODE_POINTS):
        if not is_known(code_point) or code_point in HANGUL:
            continue
        parts = [ord(part) for part in unicodedata2.normalize("NFD", chr(code_point))]
        if parts != [code_point]:
            found[code_point] = parts
    return found


def compositions(decomposed: dict[int, list[int]]) -> dict[tuple[int, int], int]:
    """The pairs that compose, without Hangul."""
    found = {}
    for code_point in decomposed:
        mapping = unicodedata2.decomposition(chr(code_point)).split()
        is_primary = unicodedata2.normalize("NFC", chr(code_point)) == chr(code_point)
        if len(mapping) == 2 and is_primary:
            found[int(mapping[0], 16), int(mapping[1], 16)] = code_point
    return found


def kinds(
    decomposed: dict[int, list[int]], composed: dict[tuple[int, int], int]
) -> list[tuple[int, int]]:
    """Of every code point, its combining class and its place in CHECKS."""
    seconds = {second for _, second in composed} | HANGUL_SECONDS
    result = []
    for code_point in range(CODE_POINTS):
        if not is_known(code_point):
            result.append((0, 0))
            continue
        character = chr(code_point)
        if unicodedata2.normalize("NFC", character) != character:
            check = 2
        else:
            check = int(code_point in seconds)
        kind = unicodedata2.combining(character), check
        # What the passing-over of ordinary text rests on: no ordinary character begins with one
        # that may join what is before it.
        first = decomposed.get(code_point, [code_point])[0]
        if kind == (0, 0) and (unicodedata2.combining(chr(first)) or first in seconds):
            raise SystemExit(f"U+{code_point:04X} begins with a character that may compose")
        result.append(kind)
    return result


def compatibility() -> dict[int, list[int]]:
    """The full compatibility decomposition of every character that has another than canonically."""
    found = {}
    for code_point in range(CODE_POINTS):
        if not is_known(code_point) or code_point in HANGUL:
            continue
        character = chr(code_point)
        parts = unicodedata2.normalize("NFKD", character)
        if parts != unicodedata2.normalize("NFD", character):
            found[code_point] = [ord(part) for part in parts]
    return found


def changes(composed: dict[tuple[int, int], int]) -> list[int]:
    """Of every code point, the bits of what the other forms do."""
    seconds = {second for _, second in composed} | HANGUL_SECONDS
    result = []
    for code_point in range(CODE_POINTS):
        if not is_known(code_point):
            result.append(0)
            continue
        character = chr(code_point)
        bits = 0
        if unicodedata2.normalize("NFD", character) != character:
            bits |= CHANGED_BY_NFD
        if unicodedata2.normalize("NFKD", character) != character:
            bits |= CHANGED_BY_NFKD
        if unicodedata2.normalize("NFKC", character) != character or code_point in seconds:
            bits |= SUSPECT_IN_NFKC
        if unicodedata2.combining(character):
            bits |= COMBINING
        result.append(bits)
    return result


def lower_ranges() -> list[tuple[int, int, int, int]]:
    """Ranges of characters with a lower case of one character: first, last, step, distance."""
    later = {
        code_point: code_point + distance
        for first, last, step, distance in LATER_LOWER
        for code_point in range(first, last + 1, step)
    }
    lower = {}
    for code_point in range(CODE_POINTS):
        mapped = later.get(code_point)
        if mapped is None:
            text = chr(code_point).lower()
            if len(text) != 1 or ord(text) == code_point:
                continue
            mapped = ord(text)
        lower[code_point] = mapped - code_point
    result: list[tuple[int, int, int, int]] = []
    for code_point, distance in lower.items():
        if result:
            first, last, step, known = result[-1]
            gap = code_point - last
            if distance == known and gap <= 2 and (first == last or gap == step):
                result[-1] = first, code_point, gap, known
                continue
        result.append((code_point, code_point, 1, distance))
    return result


def two_stages(values: list[int]) -> tuple[list[int], list[int]]:
    """The number of each block of code points, and the blocks, one after the other."""
    block_len = 1 << BLOCK_BITS
    blocks: dict[bytes, int] = {}
    first = []
    for start in range(0, CODE_POINTS, block_len):
        first.append(blocks.setdefault(bytes(values[start : start + block_len]), len(blocks)))
    return first, [value for block in blocks for value in block]


def joined(decomposed: dict[int, list[int]]) -> tuple[list[int], list[int]]:
    """Where each decomposition ends, and all of them, one after the other."""
    ends: list[int] = []
    parts: list[int] = []
    for decomposition in decomposed.values():
        parts += decomposition
        ends.append(len(parts))
    return ends, parts


def rows(values: list[int]) -> str:
    """Comma-separated numbers, sixteen a line."""
    lines = []
    for start in range(0, len(values), 16):
        lines.append("    " + ", ".join(str(value) for value in values[start : start + 16]) + ",\n")
    return "".join(lines)


def table() -> str:
    """The text of the Zig file."""
    if unicodedata2.unidata_version != DATABASE_VERSION:
        raise SystemExit(f"unicodedata2 {DATABASE_VERSION} is needed")
    decomposed = decompositions()
    composed = compositions(decomposed)
    of_code_point = kinds(decomposed, composed)
    numbers: dict[tuple[int, int], int] = {(0, 0): 0}
    for kind in of_code_point:
        numbers.setdefault(kind, len(numbers))
    first, second = two_stages([numbers[kind] for kind in of_code_point])
    change_first, change_second = two_stages(changes(composed))
    ends, parts = joined(decomposed)
    compatible = compatibility()
    compatible_ends, compatible_parts = joined(compatible)
    lower_rows = "".join(
        f"    .{{ .first = {first}, .last = {last}, .step = {step}, .distance = {distance} }},\n"
        for first, last, step, distance in lower_ranges()
    )
    pairs = sorted(composed)
    kind_rows = "".join(
        f"    .{{ .combining_class = {combining_class}, .check = .{CHECKS[check]} }},\n"
        for combining_class, check in numbers
    )
    return f"""\
//! Generated by tools/gen_normalization.py, for Unicode {VERSION}, from the Unicode Character
//! Database {DATABASE_VERSION}: do not edit.

// zig fmt: off

/// Whether a character occurs in text in NFC: as it is, perhaps, or never.
pub const Check = enum(u8) {{ yes, maybe, no }};

pub const Kind = struct {{ combining_class: u8, check: Check }};

/// The kinds of characters. Those of kind 0 stay as they are, whatever stands around them.
pub const kinds = [_]Kind{{
{kind_rows}}};

pub const block_bits = {BLOCK_BITS};

/// Which block of `second` has the kinds of code points `i << block_bits` and up.
pub const first = [_]u8{{
{rows(first)}}};

pub const second = [_]u8{{
{rows(second)}}};

/// The characters with a canonical decomposition, in ascending order, without Hangul syllables.
pub const decomposed = [_]u21{{
{rows(list(decomposed))}}};

/// Where each one's decomposition ends in `decomposed_parts`.
pub const decomposed_ends = [_]u16{{
{rows(ends)}}};

pub const decomposed_parts = [_]u21{{
{rows(parts)}}};

/// The pairs that compose, as `first << 32 | second`, in ascending order, and what they make.
pub const pairs = [_]u64{{
{rows([left << 32 | right for left, right in pairs])}}};

pub const composed = [_]u21{{
{rows([composed[pair] for pair in pairs])}}};

/// What the forms other than NFC do to a character.
pub const Change = packed struct(u8) {{
    by_nfd: bool,
    by_nfkd: bool,
    /// It changes, or may compose with what is before it.
    suspect_in_nfkc: bool,
    combining: bool,
    unused: u4,
}};

/// As `first` and `second`, bits of `Change`.
pub const change_first = [_]u8{{
{rows(change_first)}}};

pub const change_second = [_]u8{{
{rows(change_second)}}};

/// The characters with another compatibility decomposition than the canonical one, and those.
pub const compatible = [_]u21{{
{rows(list(compatible))}}};

pub const compatible_ends = [_]u16{{
{rows(compatible_ends)}}};

pub const compatible_parts = [_]u21{{
{rows(compatible_parts)}}};

/// Every `step`th character from `first` to `last` has a lower case, so far away: Unicode
/// {LOWER_VERSION}. That of U+0130 is two characters, and not here.
pub const LowerRange = struct {{ first: u21, last: u21, step: u21, distance: i32 }};

pub const lower_ranges = [_]LowerRange{{
{lower_rows}}};
"""


if __name__ == "__main__":
    sys.exit(generated_file.run(__doc__, table))
