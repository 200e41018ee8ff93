/* The C library as a dependency: all bytes and one merge, encoded and decoded. */

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "pyaot_tokenizer.h"

#define BYTE_COUNT 256
#define TOKEN_COUNT (BYTE_COUNT + 1)

static const char gpt2_pattern[] =
    "'(?:[sdmt]|ll|ve|re)| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

static int check(int holds, const char *what) {
  if (!holds) fprintf(stderr, "failed: %s\n", what);
  return holds ? 0 : 1;
}

static int encode_and_decode(pyaot_context *context) {
  const char text[] = "abc";
  if (check(pyaot_encode(context, (const uint8_t *)text, 3, 0) == 2, "two ids")) return 1;
  const uint32_t ids[2] = {pyaot_context_ids(context)[0], pyaot_context_ids(context)[1]};
  if (check(ids[0] == 256 && ids[1] == 'c', "the merge, then c")) return 1;
  if (check(pyaot_decode(context, ids, 2, 0) == 3, "three bytes")) return 1;
  return check(memcmp(pyaot_context_bytes(context), text, 3) == 0, "the text again");
}

int main(void) {
  uint8_t bytes[TOKEN_COUNT + 1];
  uint64_t ends[TOKEN_COUNT];
  uint32_t ids[TOKEN_COUNT];
  for (uint32_t id = 0; id < TOKEN_COUNT; id++) {
    bytes[id] = (uint8_t)id;
    ends[id] = id + 1;
    ids[id] = id;
  }
  bytes[BYTE_COUNT] = 'a';
  bytes[BYTE_COUNT + 1] = 'b';
  ends[BYTE_COUNT] = BYTE_COUNT + 2;

  pyaot_tokenizer *tokenizer = pyaot_tokenizer_create();
  if (check(tokenizer != NULL, "a tokenizer")) return 1;
  if (pyaot_tokenizer_load_ranks(tokenizer, bytes, ends, ids, TOKEN_COUNT,
                                 (const uint8_t *)gpt2_pattern, strlen(gpt2_pattern)) != 0) {
    fprintf(stderr, "%s\n", pyaot_tokenizer_error(tokenizer, NULL));
    return 1;
  }
  pyaot_context *context = pyaot_context_create(tokenizer);
  if (check(context != NULL, "a context")) return 1;
  const int failed = encode_and_decode(context);
  pyaot_context_destroy(context);
  pyaot_tokenizer_destroy(tokenizer);
  return failed;
}
