"""The Python package as a dependency: all bytes and one merge, encoded and decoded."""

import pyaot_tokenizer

ranks = {bytes([byte]): byte for byte in range(256)}
ranks[b"ab"] = 256
tokenizer = pyaot_tokenizer.Tokenizer.from_ranks(ranks, pattern="gpt2", special_tokens={})
assert tokenizer.encode("abc") == [256, 99]
assert tokenizer.decode([256, 99]) == "abc"
