"""The optimization modes of this project's Zig code.

rules_zig builds with ReleaseSafe under `--compilation_mode=opt`, else with Debug. A tokenizer
that is ten times slower because the program that uses it is built for quick turn-around serves
nobody: so the library is ReleaseFast whatever its user's mode, except for `dbg`, which keeps all
safety checks.
"""

ZIG_FAST = select({
    Label("//:dbg"): [],
    "//conditions:default": [
        "-O",
        "ReleaseFast",
    ],
})

# Tests keep the safety checks.
ZIG_SAFE = select({
    Label("//:dbg"): [],
    "//conditions:default": [
        "-O",
        "ReleaseSafe",
    ],
})
