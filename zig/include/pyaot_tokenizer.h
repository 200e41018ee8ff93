/* The C API of pyaot_tokenizer. Generated from zig/src/abi.zig by tools/gen_abi.zig: do not edit.
 *
 * A pyaot_tokenizer is loaded once and read-only from then on: any number of threads may share it.
 * A pyaot_context is one thread's working memory: it holds the results of its last call, which stay
 * valid until its next one, and the message of its last error. Where a function returns int64_t, a
 * negative value is a pyaot_status. Text is UTF-8 and needs no terminating NUL. */
#ifndef PYAOT_TOKENIZER_H
#define PYAOT_TOKENIZER_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define PYAOT_VERSION "0.1.0"
#define PYAOT_ABI_HASH UINT64_C(0xa57bf6dc22b0ca66)

typedef struct pyaot_tokenizer pyaot_tokenizer;
typedef struct pyaot_context pyaot_context;
typedef struct pyaot_counts pyaot_counts;
typedef struct pyaot_training pyaot_training;

/* What a call came to. Zero is success, every failure is negative; the values never change their meaning. */
typedef enum pyaot_status {
    PYAOT_STATUS_OK = 0,
    PYAOT_STATUS_OUT_OF_MEMORY = -1,
    PYAOT_STATUS_INVALID_ARGUMENT = -2,
    PYAOT_STATUS_MALFORMED = -3,
    PYAOT_STATUS_UNSUPPORTED = -4,
    PYAOT_STATUS_UNKNOWN_ID = -5,
    PYAOT_STATUS_SPECIAL_TOKEN = -6,
    PYAOT_STATUS_FILE_FAILED = -7,
    PYAOT_STATUS_CANCELLED = -8,
    PYAOT_STATUS_TOO_LARGE = -9,
} pyaot_status;

/* What text that spells a special token becomes. */
typedef enum pyaot_special_mode {
    PYAOT_SPECIAL_TEXT = 0,
    PYAOT_SPECIAL_PARSE = 1,
    PYAOT_SPECIAL_REFUSE = 2,
} pyaot_special_mode;

/* Numbers `pyaot_tokenizer_property` can be asked for. */
typedef enum pyaot_property {
    PYAOT_PROPERTY_VOCAB_SIZE = 0,
    PYAOT_PROPERTY_TOKEN_COUNT = 1,
    PYAOT_PROPERTY_MERGE_COUNT = 2,
    PYAOT_PROPERTY_ADDED_TOKEN_COUNT = 3,
    PYAOT_PROPERTY_FORMAT = 4,
    PYAOT_PROPERTY_MEMORY_BYTES = 5,
    PYAOT_PROPERTY_STRIP_SPACES = 6,
    PYAOT_PROPERTY_BYTE_TOKEN_COUNT = 7,
    PYAOT_PROPERTY_JOINS_TOKENS = 8,
    PYAOT_PROPERTY_DROPOUT = 9,
    PYAOT_PROPERTY_HAS_ALL_MERGES = 10,
} pyaot_property;

/* Flags of an added token, as bits in `pyaot_tokenizer_added_token`'s result. */
typedef enum pyaot_added_flag {
    PYAOT_ADDED_SPECIAL = 1,
    PYAOT_ADDED_SINGLE_WORD = 2,
    PYAOT_ADDED_LSTRIP = 4,
    PYAOT_ADDED_RSTRIP = 8,
    PYAOT_ADDED_NORMALIZED = 16,
} pyaot_added_flag;

/* What places in a text are counted in. */
typedef enum pyaot_unit {
    PYAOT_UNIT_BYTE = 0,
    PYAOT_UNIT_CHARACTER = 1,
    PYAOT_UNIT_TOKENIZERS = 2,
} pyaot_unit;

/* Options that `pyaot_training_set` takes. */
typedef enum pyaot_training_option {
    PYAOT_TRAINING_VOCAB_SIZE = 0,
    PYAOT_TRAINING_MIN_FREQUENCY = 1,
    PYAOT_TRAINING_METHOD = 2,
    PYAOT_TRAINING_MAX_TOKEN_LENGTH = 3,
    PYAOT_TRAINING_LIMIT_ALPHABET = 4,
    PYAOT_TRAINING_ALL_BYTES = 5,
    PYAOT_TRAINING_CONSUME_COUNTS = 6,
    PYAOT_TRAINING_CHARACTERS = 7,
} pyaot_training_option;

/* The library's version, for example "0.1.0". */
const char *pyaot_version(void);

/* A hash over every signature of this ABI. A binding compares it with the value it was generated with. */
uint64_t pyaot_abi_hash(void);

/* Makes an empty tokenizer. Returns NULL when memory runs out. Destroy it with
 * `pyaot_tokenizer_destroy`. */
pyaot_tokenizer *pyaot_tokenizer_create(void);

/* Frees a tokenizer. Its contexts must be destroyed first. NULL is allowed. */
void pyaot_tokenizer_destroy(pyaot_tokenizer *handle);

/* The message of the tokenizer's last failed call, NUL-terminated; empty if none failed. `offset`, if
 * not NULL, receives the byte offset of the fault in the input, or UINT64_MAX where it has no place. */
const char *pyaot_tokenizer_error(pyaot_tokenizer *handle, uint64_t *offset);

/* Adds a special token to an empty tokenizer, for the forms whose files do not list them
 * (`pyaot_tokenizer_load_tiktoken`, `pyaot_tokenizer_load_ranks`). Call it before the load. */
pyaot_status pyaot_tokenizer_add_special_token(pyaot_tokenizer *handle, const uint8_t *content, size_t content_len, uint32_t id);

/* Makes an empty tokenizer compile its patterns even where the core has a scanner for them. The pieces
 * are the same: for comparing the two. Call it before the load, which then refuses a file whose splits stand
 * behind a ByteLevel (Falcon's): they cut within characters, and are no patterns over the text. */
pyaot_status pyaot_tokenizer_compile_patterns(pyaot_tokenizer *handle);

/* Makes an empty tokenizer keep the merges that no text leads to unless others are left out by chance, for
 * `pyaot_encode_with_dropout`; other calls are slower then. Call it before the load, which then refuses a
 * SentencePiece model. */
pyaot_status pyaot_tokenizer_keep_all_merges(pyaot_tokenizer *handle);

/* Loads an empty tokenizer from the bytes of a tokenizer.json. */
pyaot_status pyaot_tokenizer_load_json(pyaot_tokenizer *handle, const uint8_t *json, size_t json_len);

/* Loads an empty tokenizer from the bytes of a .tiktoken rank file ("base64 rank" lines) and the
 * pattern that splits text into pieces, with the special tokens added before. */
pyaot_status pyaot_tokenizer_load_tiktoken(pyaot_tokenizer *handle, const uint8_t *ranks, size_t ranks_len, const uint8_t *pattern, size_t pattern_len);

/* Loads an empty tokenizer from mergeable ranks in memory: token `i` is
 * `bytes[ends[i - 1] .. ends[i]]` (from 0 for the first) and has rank and id `ids[i]`. */
pyaot_status pyaot_tokenizer_load_ranks(pyaot_tokenizer *handle, const uint8_t *bytes, const uint64_t *ends, const uint32_t *ids, size_t token_count, const uint8_t *pattern, size_t pattern_len);

/* Loads an empty tokenizer from the bytes of GPT-2's pair of files, vocab.json and merges.txt. */
pyaot_status pyaot_tokenizer_load_vocab_merges(pyaot_tokenizer *handle, const uint8_t *vocab, size_t vocab_len, const uint8_t *merges, size_t merges_len);

/* Loads an empty tokenizer from the bytes of a SentencePiece model. */
pyaot_status pyaot_tokenizer_load_sentencepiece(pyaot_tokenizer *handle, const uint8_t *model, size_t model_len);

/* Loads an empty tokenizer from the bytes of a tekken.json. */
pyaot_status pyaot_tokenizer_load_tekken(pyaot_tokenizer *handle, const uint8_t *json, size_t json_len);

/* Loads an empty tokenizer from a file that `pyaot_tokenizer_save_frozen` wrote: maps it, checks it and
 * uses its tables where they lie. The file may be replaced by another or deleted meanwhile; to change
 * or to truncate it in place while the tokenizer lives is undefined. */
pyaot_status pyaot_tokenizer_load_frozen(pyaot_tokenizer *handle, const uint8_t *path, size_t path_len);

/* Loads an empty tokenizer from the bytes of such a file, which are copied. */
pyaot_status pyaot_tokenizer_load_frozen_bytes(pyaot_tokenizer *handle, const uint8_t *bytes, size_t bytes_len);

/* Writes a loaded tokenizer's tables to a file, whole or not at all: it loads many times faster than
 * what it was made of, and fits this build of the library alone. One thread at a time. */
pyaot_status pyaot_tokenizer_save_frozen(pyaot_tokenizer *handle, const uint8_t *path, size_t path_len);

/* The bytes of the frozen file that a tokenizer was loaded from, `bytes_len` of them, which live as
 * long as it does; NULL if it was loaded from something else. */
const uint8_t *pyaot_tokenizer_frozen_bytes(const pyaot_tokenizer *handle, size_t *bytes_len);

/* One of the numbers of `pyaot_property`; 0 while nothing is loaded or the property is unknown. */
uint64_t pyaot_tokenizer_property(const pyaot_tokenizer *handle, int32_t property);

/* Begins the samples of a tokenizer whose model leaves out merges by chance anew: from here on, the calls that
 * encode give the ids that they give behind any other call of this with the same seed. It is 0 at first. No
 * other thread may be in a call on the tokenizer. */
void pyaot_tokenizer_seed_dropout(pyaot_tokenizer *handle, uint64_t seed);

/* The name of the pre-tokenizer in use: a hand-written scanner's, "regex" or "none". NUL-terminated;
 * empty while nothing is loaded. */
const char *pyaot_tokenizer_pretokenizer_name(const pyaot_tokenizer *handle);

/* The pattern that splits text into pieces, `pattern_len` bytes of UTF-8; NULL where the whole text is
 * one piece. Lives as long as the tokenizer. */
const uint8_t *pyaot_tokenizer_pattern(const pyaot_tokenizer *handle, size_t *pattern_len);

/* The id of the token with exactly these bytes (an added token's content counts first), or -1. */
int64_t pyaot_tokenizer_token_to_id(const pyaot_tokenizer *handle, const uint8_t *token, size_t token_len);

/* The bytes of an id, `token_len` of them; NULL if no token has it. They live as long as the
 * tokenizer. */
const uint8_t *pyaot_tokenizer_id_to_token(const pyaot_tokenizer *handle, uint32_t id, size_t *token_len);

/* Describes added token `index` (0 up to the property `added_token_count`, in ascending order of id):
 * returns its content, `content_len` bytes, its id and its flags (bits of `pyaot_added_flag`); NULL
 * past the end. */
const uint8_t *pyaot_tokenizer_added_token(const pyaot_tokenizer *handle, size_t index, size_t *content_len, uint32_t *id, uint32_t *flags);

/* How much of `text`, in bytes, has ids that no text behind it changes, and such that the rest may be encoded by
 * itself. 0 where no such place is found. */
size_t pyaot_tokenizer_stable_length(const pyaot_tokenizer *handle, const uint8_t *text, size_t text_len);

/* Makes a context for a loaded tokenizer, for use by one thread at a time. Returns NULL when memory
 * runs out or the tokenizer is not loaded. Destroy it before the tokenizer. */
pyaot_context *pyaot_context_create(const pyaot_tokenizer *handle);

/* Frees a context and the results it owns. NULL is allowed. */
void pyaot_context_destroy(pyaot_context *handle);

/* The message of the context's last failed call, as `pyaot_tokenizer_error`. */
const char *pyaot_context_error(pyaot_context *handle, uint64_t *offset);

/* Encodes `text`, UTF-8 of `text_len` bytes (ill-formed bytes are cut into pieces as U+FFFD and
 * encoded as they are). Returns the number of ids, at `pyaot_context_ids`, or a negative status. */
int64_t pyaot_encode(pyaot_context *handle, const uint8_t *text, size_t text_len, int32_t special_mode);

/* As `pyaot_encode`, on up to `thread_count` threads (0: one a core), if the text is long. The ids do not
 * depend on it. */
int64_t pyaot_encode_long(pyaot_context *handle, const uint8_t *text, size_t text_len, int32_t special_mode, size_t thread_count);

/* As `pyaot_encode`; `pyaot_context_ends[2 * i]` is where id `i` begins in the text and
 * `pyaot_context_ends[2 * i + 1]` where it ends, in units of `pyaot_unit`. */
int64_t pyaot_encode_with_offsets(pyaot_context *handle, const uint8_t *text, size_t text_len, int32_t special_mode, int32_t unit);

/* As `pyaot_encode`, with merges left out by chance: each that is due is put aside, until another one is
 * done, by `threshold` of 2^32 numbers, whatever the model says. The same seed gives the same ids. What they are
 * is right where the tokenizer has all merges (`PYAOT_PROPERTY_HAS_ALL_MERGES`). */
int64_t pyaot_encode_with_dropout(pyaot_context *handle, const uint8_t *text, size_t text_len, int32_t special_mode, uint64_t threshold, uint64_t seed);

/* The same places for ids that `text` was encoded to before, and that are not the context's own. */
pyaot_status pyaot_offsets(pyaot_context *handle, const uint8_t *text, size_t text_len, int32_t special_mode, const uint32_t *ids, size_t id_count, int32_t unit);

/* The index of the word that each of such ids is in, at `pyaot_context_ids`: each added token is a word,
 * and each piece of text that is merged by itself. */
pyaot_status pyaot_words(pyaot_context *handle, const uint8_t *text, size_t text_len, int32_t special_mode, const uint32_t *ids, size_t id_count);

/* The text that each added token among such ids was matched as, with the white space taken with it and as
 * the normalizer left it: one behind the other at `pyaot_context_bytes`, and at `pyaot_context_ends`, by
 * turns, the index of the id and where its text ends. Returns how many there are, or a negative status. */
int64_t pyaot_matches(pyaot_context *handle, const uint8_t *text, size_t text_len, int32_t special_mode, const uint32_t *ids, size_t id_count);

/* Begins to encode `text`, which must stay as it is, for `pyaot_write_round`. */
pyaot_status pyaot_write_begin(pyaot_context *handle, const uint8_t *text, size_t text_len, int32_t special_mode, size_t thread_count);

/* Encodes the next part of the text and writes its ids to a file descriptor, each in `id_size` bytes (2
 * or 4), the lowest first. Returns how many they are, 0 at the text's end, or a negative status; of
 * `file_failed` the error's offset is the system's number. */
int64_t pyaot_write_round(pyaot_context *handle, int32_t file, size_t id_size);

/* As `pyaot_encode`, without keeping the ids: returns how many there would be. */
int64_t pyaot_count(pyaot_context *handle, const uint8_t *text, size_t text_len, int32_t special_mode);

/* Cuts `text` into pieces with the pre-tokenizer alone: added tokens count as text, and nothing is
 * normalized or put in front. Returns the number of pieces, or a negative status; piece `i` begins at
 * `pyaot_context_ends[2 * i]` and ends before `pyaot_context_ends[2 * i + 1]`, in bytes. */
int64_t pyaot_pre_tokenize(pyaot_context *handle, const uint8_t *text, size_t text_len);

/* Encodes `text_count` texts that lie one after the other in `texts`, text `i` ending before
 * `ends[i]`, on up to `thread_count` threads (0: one a core). Returns the number of ids of all of
 * them, at `pyaot_context_ids`, or a negative status; `pyaot_context_ends[i]` is where the ids of
 * text `i` end. The ids do not depend on `thread_count`. */
int64_t pyaot_encode_batch(pyaot_context *handle, const uint8_t *texts, const uint64_t *ends, size_t text_count, int32_t special_mode, size_t thread_count);

/* The ids of the context's last encode call. Valid until its next call. */
const uint32_t *pyaot_context_ids(const pyaot_context *handle);

/* Where the ids of each text of the last `pyaot_encode_batch` end, or the pieces of the last
 * `pyaot_pre_tokenize` or the ids of the last call for offsets begin and end. Valid until the context's next
 * call. */
const uint64_t *pyaot_context_ends(const pyaot_context *handle);

/* Joins the bytes of `id_count` ids, which must not be the context's own results; special tokens are left out if `skip_special` is not 0. Returns
 * the number of bytes, at `pyaot_context_bytes`, or a negative status. The bytes need not be UTF-8. */
int64_t pyaot_decode(pyaot_context *handle, const uint32_t *ids, size_t id_count, int32_t skip_special);

/* As `pyaot_decode`, for text: where tokens for bytes are not UTF-8 together, they are given as bytes each of
 * which is a U+FFFD. */
int64_t pyaot_decode_text(pyaot_context *handle, const uint32_t *ids, size_t id_count, int32_t skip_special);

/* The bytes of the context's last `pyaot_decode`. Valid until its next call. */
const uint8_t *pyaot_context_bytes(const pyaot_context *handle);

/* Takes over CPython's functions: `word_count` words, in the order of `Interpreter` in
 * python/interpreter.zig. For the main interpreter alone. Like all functions of this name, to be called with
 * the GIL held. */
pyaot_status pyaot_python_attach(const size_t *words, size_t word_count);

/* What is read and written in place rather than by CPython's functions, as the self-test of
 * `pyaot_python_attach` found it: 1, the items of lists; 2, small ints; 4, reference counts. */
int32_t pyaot_python_layout(void);

/* Takes over NumPy's functions: `word_count` words, in the order of `NumPy` in python/numbers.zig.
 * `unsupported` where its arrays are not as they are known. */
pyaot_status pyaot_python_numpy(const size_t *words, size_t word_count);

/* A new class, the base of one whose objects `pyaot_python_bind` takes; NULL with an exception set. */
void *pyaot_python_base(void);

/* The builtin method `name` for the class, which must derive from `pyaot_python_base`'s, with the
 * docstring `doc` of `doc_len` bytes. What it does not cover it passes on to the object's method of the
 * same name behind "_portable_". NULL, perhaps with an exception set, where there is none. */
void *pyaot_python_method(void *cls, const char *name, const uint8_t *doc, size_t doc_len);

/* Gives an object of that class a loaded tokenizer, which `owner` keeps alive. */
pyaot_status pyaot_python_bind(void *object, const pyaot_tokenizer *handle, void *owner);

/* Makes counts of pieces, none yet, that are filled on up to `thread_count` threads (0: one a core).
 * Until a pattern is set, a text is one piece. Returns NULL when memory runs out. Destroy them with
 * `pyaot_counts_destroy`. */
pyaot_counts *pyaot_counts_create(size_t thread_count);

/* Frees counts. NULL is allowed. */
void pyaot_counts_destroy(pyaot_counts *handle);

/* As `pyaot_tokenizer_error`, of counts. */
const char *pyaot_counts_error(pyaot_counts *handle, uint64_t *offset);

/* Sets the pattern that cuts texts into pieces, in tiktoken's syntax. */
pyaot_status pyaot_counts_set_pattern(pyaot_counts *handle, const uint8_t *pattern, size_t pattern_len);

/* Counts the pieces of `text_count` texts that lie one after the other in `texts`, text `i` ending before
 * `ends[i]`. With `strict` not 0, text that is not UTF-8 is `malformed`, and the error's offset is its
 * place in `texts`. After a failure some of the texts are counted. */
pyaot_status pyaot_counts_add_texts(pyaot_counts *handle, const uint8_t *texts, const uint64_t *ends, size_t text_count, int32_t strict);

/* Adds `counts[i]` occurrences of the piece `bytes[ends[i - 1] .. ends[i]]`, for `piece_count` pieces. */
pyaot_status pyaot_counts_add_pieces(pyaot_counts *handle, const uint8_t *bytes, const uint64_t *ends, const uint64_t *counts, size_t piece_count);

/* Adds all counts of `other`, which stays as it is. */
pyaot_status pyaot_counts_merge(pyaot_counts *handle, const pyaot_counts *other);

/* How much of the beginning of a text, of which the rest is not there yet, may be counted as a text
 * of its own; the rest may be counted as another. 0 where no such place is found. */
size_t pyaot_counts_cut(const pyaot_counts *handle, const uint8_t *text, size_t text_len);

/* Brings together what the threads counted. To be called before the functions below; `cancelled` ends it
 * and leaves the counts as they were. */
pyaot_status pyaot_counts_gather(pyaot_counts *handle);

/* How many distinct pieces there are. */
uint64_t pyaot_counts_len(const pyaot_counts *handle);

/* The counts as bytes that `pyaot_counts_load` reads: `bytes_len` of them, which live until the next
 * call of this kind; NULL when memory runs out. */
const uint8_t *pyaot_counts_save(pyaot_counts *handle, size_t *bytes_len);

/* Adds the counts that `pyaot_counts_save` gave. */
pyaot_status pyaot_counts_load(pyaot_counts *handle, const uint8_t *bytes, size_t bytes_len);

/* Makes the call that fills the counts end soon, with `cancelled`, and all later ones. For any thread. */
void pyaot_counts_cancel(pyaot_counts *handle);

/* Makes a training. Returns NULL when memory runs out. Destroy it with `pyaot_training_destroy`. */
pyaot_training *pyaot_training_create(void);

/* Frees a training. NULL is allowed. */
void pyaot_training_destroy(pyaot_training *handle);

/* As `pyaot_tokenizer_error`, of a training. */
const char *pyaot_training_error(pyaot_training *handle, uint64_t *offset);

/* Sets one of `pyaot_training_option`. */
pyaot_status pyaot_training_set(pyaot_training *handle, int32_t option, uint64_t value);

/* Adds a special token for method 1. */
pyaot_status pyaot_training_add_special(pyaot_training *handle, const uint8_t *content, size_t content_len);

/* Adds characters, as UTF-8, that are tokens for method 1 even if they do not occur. */
pyaot_status pyaot_training_add_initial(pyaot_training *handle, const uint8_t *characters, size_t characters_len);

/* Learns merges from gathered counts, which stay as they are unless they are to be consumed. */
pyaot_status pyaot_training_run(pyaot_training *handle, pyaot_counts *counts);

/* How many merges the present run has made. For any thread. */
uint64_t pyaot_training_progress(const pyaot_training *handle);

/* Makes the present run end soon, with `cancelled`, and all later ones. For any thread. */
void pyaot_training_cancel(pyaot_training *handle);

/* The bytes of the tokens of the last run, one after the other, in order of their ids. */
const uint8_t *pyaot_training_bytes(const pyaot_training *handle);

/* Where each token's bytes end; `token_count` receives how many tokens there are. */
const uint64_t *pyaot_training_ends(const pyaot_training *handle, size_t *token_count);

/* The merges of the last run, `merge_count` of them, in order: three ids each, of the left and the right
 * token and of what they become. */
const uint32_t *pyaot_training_merges(const pyaot_training *handle, size_t *merge_count);

#ifdef __cplusplus
}
#endif

#endif
