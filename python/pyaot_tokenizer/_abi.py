"""The ctypes table of the C ABI. Generated from zig/src/abi.zig by tools/gen_abi.zig: do not edit."""

import ctypes
import enum

VERSION = "0.1.0"
ABI_HASH = 0xa57bf6dc22b0ca66
NO_OFFSET = 0xffffffffffffffff


class Status(enum.IntEnum):
    OK = 0
    OUT_OF_MEMORY = -1
    INVALID_ARGUMENT = -2
    MALFORMED = -3
    UNSUPPORTED = -4
    UNKNOWN_ID = -5
    SPECIAL_TOKEN = -6
    FILE_FAILED = -7
    CANCELLED = -8
    TOO_LARGE = -9


class SpecialMode(enum.IntEnum):
    TEXT = 0
    PARSE = 1
    REFUSE = 2


class Property(enum.IntEnum):
    VOCAB_SIZE = 0
    TOKEN_COUNT = 1
    MERGE_COUNT = 2
    ADDED_TOKEN_COUNT = 3
    FORMAT = 4
    MEMORY_BYTES = 5
    STRIP_SPACES = 6
    BYTE_TOKEN_COUNT = 7
    JOINS_TOKENS = 8
    DROPOUT = 9
    HAS_ALL_MERGES = 10


class AddedFlag(enum.IntEnum):
    SPECIAL = 1
    SINGLE_WORD = 2
    LSTRIP = 4
    RSTRIP = 8
    NORMALIZED = 16


class Unit(enum.IntEnum):
    BYTE = 0
    CHARACTER = 1
    TOKENIZERS = 2


class TrainingOption(enum.IntEnum):
    VOCAB_SIZE = 0
    MIN_FREQUENCY = 1
    METHOD = 2
    MAX_TOKEN_LENGTH = 3
    LIMIT_ALPHABET = 4
    ALL_BYTES = 5
    CONSUME_COUNTS = 6
    CHARACTERS = 7


# name: (result, arguments)
SIGNATURES = {
    "pyaot_version": (
        ctypes.c_char_p,
        (),
    ),
    "pyaot_abi_hash": (
        ctypes.c_uint64,
        (),
    ),
    "pyaot_tokenizer_create": (
        ctypes.c_void_p,
        (),
    ),
    "pyaot_tokenizer_destroy": (
        None,
        (ctypes.c_void_p,),
    ),
    "pyaot_tokenizer_error": (
        ctypes.c_char_p,
        (ctypes.c_void_p, ctypes.c_void_p),
    ),
    "pyaot_tokenizer_add_special_token": (
        ctypes.c_int32,
        (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint32),
    ),
    "pyaot_tokenizer_compile_patterns": (
        ctypes.c_int32,
        (ctypes.c_void_p,),
    ),
    "pyaot_tokenizer_keep_all_merges": (
        ctypes.c_int32,
        (ctypes.c_void_p,),
    ),
    "pyaot_tokenizer_load_json": (
        ctypes.c_int32,
        (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t),
    ),
    "pyaot_tokenizer_load_tiktoken": (
        ctypes.c_int32,
        (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t),
    ),
    "pyaot_tokenizer_load_ranks": (
        ctypes.c_int32,
        (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t),
    ),
    "pyaot_tokenizer_load_vocab_merges": (
        ctypes.c_int32,
        (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t),
    ),
    "pyaot_tokenizer_load_sentencepiece": (
        ctypes.c_int32,
        (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t),
    ),
    "pyaot_tokenizer_load_tekken": (
        ctypes.c_int32,
        (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t),
    ),
    "pyaot_tokenizer_load_frozen": (
        ctypes.c_int32,
        (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t),
    ),
    "pyaot_tokenizer_load_frozen_bytes": (
        ctypes.c_int32,
        (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t),
    ),
    "pyaot_tokenizer_save_frozen": (
        ctypes.c_int32,
        (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t),
    ),
    "pyaot_tokenizer_frozen_bytes": (
        ctypes.c_void_p,
        (ctypes.c_void_p, ctypes.c_void_p),
    ),
    "pyaot_tokenizer_property": (
        ctypes.c_uint64,
        (ctypes.c_void_p, ctypes.c_int32),
    ),
    "pyaot_tokenizer_seed_dropout": (
        None,
        (ctypes.c_void_p, ctypes.c_uint64),
    ),
    "pyaot_tokenizer_pretokenizer_name": (
        ctypes.c_char_p,
        (ctypes.c_void_p,),
    ),
    "pyaot_tokenizer_pattern": (
        ctypes.c_void_p,
        (ctypes.c_void_p, ctypes.c_void_p),
    ),
    "pyaot_tokenizer_token_to_id": (
        ctypes.c_int64,
        (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t),
    ),
    "pyaot_tokenizer_id_to_token": (
        ctypes.c_void_p,
        (ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p),
    ),
    "pyaot_tokenizer_added_token": (
        ctypes.c_void_p,
        (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p),
    ),
    "pyaot_tokenizer_stable_length": (
        ctypes.c_size_t,
        (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t),
    ),
    "pyaot_context_create": (
        ctypes.c_void_p,
        (ctypes.c_void_p,),
    ),
    "pyaot_context_destroy": (
        None,
        (ctypes.c_void_p,),
    ),
    "pyaot_context_error": (
        ctypes.c_char_p,
        (ctypes.c_void_p, ctypes.c_void_p),
    ),
    "pyaot_encode": (
        ctypes.c_int64,
        (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int32),
    ),
    "pyaot_encode_long": (
        ctypes.c_int64,
        (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int32, ctypes.c_size_t),
    ),
    "pyaot_encode_with_offsets": (
        ctypes.c_int64,
        (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int32, ctypes.c_int32),
    ),
    "pyaot_encode_with_dropout": (
        ctypes.c_int64,
        (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int32, ctypes.c_uint64, ctypes.c_uint64),
    ),
    "pyaot_offsets": (
        ctypes.c_int32,
        (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int32, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int32),
    ),
    "pyaot_words": (
        ctypes.c_int32,
        (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int32, ctypes.c_void_p, ctypes.c_size_t),
    ),
    "pyaot_matches": (
        ctypes.c_int64,
        (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int32, ctypes.c_void_p, ctypes.c_size_t),
    ),
    "pyaot_write_begin": (
        ctypes.c_int32,
        (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int32, ctypes.c_size_t),
    ),
    "pyaot_write_round": (
        ctypes.c_int64,
        (ctypes.c_void_p, ctypes.c_int32, ctypes.c_size_t),
    ),
    "pyaot_count": (
        ctypes.c_int64,
        (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int32),
    ),
    "pyaot_pre_tokenize": (
        ctypes.c_int64,
        (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t),
    ),
    "pyaot_encode_batch": (
        ctypes.c_int64,
        (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int32, ctypes.c_size_t),
    ),
    "pyaot_context_ids": (
        ctypes.c_void_p,
        (ctypes.c_void_p,),
    ),
    "pyaot_context_ends": (
        ctypes.c_void_p,
        (ctypes.c_void_p,),
    ),
    "pyaot_decode": (
        ctypes.c_int64,
        (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int32),
    ),
    "pyaot_decode_text": (
        ctypes.c_int64,
        (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int32),
    ),
    "pyaot_context_bytes": (
        ctypes.c_void_p,
        (ctypes.c_void_p,),
    ),
    "pyaot_python_attach": (
        ctypes.c_int32,
        (ctypes.c_void_p, ctypes.c_size_t),
    ),
    "pyaot_python_layout": (
        ctypes.c_int32,
        (),
    ),
    "pyaot_python_numpy": (
        ctypes.c_int32,
        (ctypes.c_void_p, ctypes.c_size_t),
    ),
    "pyaot_python_base": (
        ctypes.c_void_p,
        (),
    ),
    "pyaot_python_method": (
        ctypes.c_void_p,
        (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t),
    ),
    "pyaot_python_bind": (
        ctypes.c_int32,
        (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p),
    ),
    "pyaot_counts_create": (
        ctypes.c_void_p,
        (ctypes.c_size_t,),
    ),
    "pyaot_counts_destroy": (
        None,
        (ctypes.c_void_p,),
    ),
    "pyaot_counts_error": (
        ctypes.c_char_p,
        (ctypes.c_void_p, ctypes.c_void_p),
    ),
    "pyaot_counts_set_pattern": (
        ctypes.c_int32,
        (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t),
    ),
    "pyaot_counts_add_texts": (
        ctypes.c_int32,
        (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int32),
    ),
    "pyaot_counts_add_pieces": (
        ctypes.c_int32,
        (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t),
    ),
    "pyaot_counts_merge": (
        ctypes.c_int32,
        (ctypes.c_void_p, ctypes.c_void_p),
    ),
    "pyaot_counts_cut": (
        ctypes.c_size_t,
        (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t),
    ),
    "pyaot_counts_gather": (
        ctypes.c_int32,
        (ctypes.c_void_p,),
    ),
    "pyaot_counts_len": (
        ctypes.c_uint64,
        (ctypes.c_void_p,),
    ),
    "pyaot_counts_save": (
        ctypes.c_void_p,
        (ctypes.c_void_p, ctypes.c_void_p),
    ),
    "pyaot_counts_load": (
        ctypes.c_int32,
        (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t),
    ),
    "pyaot_counts_cancel": (
        None,
        (ctypes.c_void_p,),
    ),
    "pyaot_training_create": (
        ctypes.c_void_p,
        (),
    ),
    "pyaot_training_destroy": (
        None,
        (ctypes.c_void_p,),
    ),
    "pyaot_training_error": (
        ctypes.c_char_p,
        (ctypes.c_void_p, ctypes.c_void_p),
    ),
    "pyaot_training_set": (
        ctypes.c_int32,
        (ctypes.c_void_p, ctypes.c_int32, ctypes.c_uint64),
    ),
    "pyaot_training_add_special": (
        ctypes.c_int32,
        (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t),
    ),
    "pyaot_training_add_initial": (
        ctypes.c_int32,
        (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t),
    ),
    "pyaot_training_run": (
        ctypes.c_int32,
        (ctypes.c_void_p, ctypes.c_void_p),
    ),
    "pyaot_training_progress": (
        ctypes.c_uint64,
        (ctypes.c_void_p,),
    ),
    "pyaot_training_cancel": (
        None,
        (ctypes.c_void_p,),
    ),
    "pyaot_training_bytes": (
        ctypes.c_void_p,
        (ctypes.c_void_p,),
    ),
    "pyaot_training_ends": (
        ctypes.c_void_p,
        (ctypes.c_void_p, ctypes.c_void_p),
    ),
    "pyaot_training_merges": (
        ctypes.c_void_p,
        (ctypes.c_void_p, ctypes.c_void_p),
    ),
}


def load(path):
    """Opens the shared library and declares every function of the table on it."""
    library = ctypes.CDLL(path)
    for name, (result, arguments) in SIGNATURES.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    return library
