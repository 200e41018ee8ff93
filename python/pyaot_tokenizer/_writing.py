"""Writing a tokenizer to files."""

from __future__ import annotations

import os
from typing import List, Tuple

from . import _files, _native, _saving
from ._arguments import Path, check_path, type_name
from ._state import State
from .errors import InvalidTypeError, TokenizerError, UnsupportedError


class Writer(State):
    """The calls that save a tokenizer."""

    __slots__ = ()

    def save(self, path: Path) -> None:
        """Writes a tokenizer.json that tokenizers and transformers load, with the same ids.

        A path that ends in ``.tiktoken`` gets a rank file, and beside it ``PATH.json`` with the
        pattern and the special tokens; the constructor loads the two. A path that ends in
        ``.model`` or ``tekken.json`` gets the file of that form that the tokenizer came from. Every
        file is written under another name in the same folder and renamed: there is what was there
        before, or the whole new file.

        Raises:
            InvalidTypeError: `path` is not a path.
            UnsupportedError: The tokenizer has no such form: a vocabulary that is no ranks as
                ``.tiktoken``; one from a frozen file; a SentencePiece model as anything else; a
                pattern that tokenizers' engine reads differently.
            FileWriteError: The file cannot be written.
        """
        name = check_path(path)
        for target, content in self._saved(name):
            with _files.replacing(target) as file:
                file.write(content)

    def _saved(self, name: str) -> List[Tuple[str, bytes]]:
        kind = self._source[0]
        as_ranks = name.endswith(".tiktoken")
        if kind == "_load_json" and not as_ranks:
            return [(name, self._source[1])]
        own = {"_load_sentencepiece": ".model", "_load_tekken": "tekken.json"}.get(kind)
        if own is not None and name.endswith(own):
            return [(name, self._source[1])]
        if kind == "_load_vocab_merges" and not as_ranks and not name.endswith(".model"):
            return [(name, _saving.vocab_merges_json(*self._source[1:3]))]
        pattern = self.pattern
        is_foreign = name.endswith(".model") and own != ".model"
        if self.format not in ("tiktoken", "tekken") or pattern is None or is_foreign:
            form = "ranks" if as_ranks else "a tokenizer.json"
            if is_foreign:
                form = "a SentencePiece model"
            raise UnsupportedError(f"a tokenizer of {self.format} cannot be saved as {form}")
        specials = [(text, token.id) for text, token in self.added_tokens.items()]
        ranks = {token: token_id for token_id, token in self._ranks()}
        if not as_ranks:
            return [(name, _saving.ranks_json(ranks, pattern, specials))]
        settings = _saving.tiktoken_settings(pattern, specials)
        return [(f"{name}.json", settings), (name, _saving.tiktoken_ranks(ranks))]

    def save_files(self, vocab: Path, merges: Path, *, drop_added_tokens: bool = False) -> None:
        """Writes GPT-2's pair of files, vocab.json and merges.txt, which `from_files` loads.

        They hold a byte-level vocabulary and its merges, and nothing else: text is cut by GPT-2's
        pattern, and no added tokens are listed. Of ranks, merges are written that give the same
        ids. Neither file takes its name before both are complete.

        Args:
            vocab: The path of the vocabulary.
            merges: The path of the merges.
            drop_added_tokens: Writes a tokenizer that has added tokens without them: those that are
                in the model's own vocabulary keep their ids, and are plain text in a text.

        Raises:
            InvalidTypeError: A path is none.
            UnsupportedError: The tokenizer has what the pair of files cannot say; the error names
                it.
            FileWriteError: A file cannot be written.
        """
        names = check_path(vocab), check_path(merges)
        contents = self._pair_of_files(drop_added_tokens)
        _check_pair(*contents)
        with _files.replacing(names[0]) as first, _files.replacing(names[1]) as second:
            first.write(contents[0])
            second.write(contents[1])

    def _pair_of_files(self, drops: bool) -> Tuple[bytes, bytes]:
        kind = self._source[0]
        if kind == "_load_vocab_merges":
            return self._source[1], self._source[2]
        is_ranks = kind != "_load_json" and self.format == "tiktoken"
        if kind != "_load_json" and not is_ranks:
            raise UnsupportedError(
                f"a tokenizer of {self.format} cannot be saved as vocab.json and merges.txt"
            )
        if is_ranks and self.pre_tokenizer != "gpt2":
            raise UnsupportedError(
                "vocab.json and merges.txt cannot say another pattern than GPT-2's", key="pattern"
            )
        if self.added_tokens and not drops:
            some = next(iter(self.added_tokens))
            raise UnsupportedError(
                f"vocab.json and merges.txt have no added tokens, and there is {some!r}; "
                "drop_added_tokens=True leaves them out",
                key="added_tokens",
            )
        if is_ranks:
            return _saving.pair_of_ranks({token: rank for rank, token in self._ranks()})
        return _saving.pair_of_files(self._source[1], self.pre_tokenizer)

    def save_frozen(self, path: Path) -> None:
        """Writes the tokenizer's tables to a file, which `Tokenizer` loads in a millisecond or so.

        The file is written under another name in the same folder and renamed: at `path` is what
        was there before, or the whole new file. It fits this build of this package alone, and says
        so to another: keep the file that the tokenizer was made of.

        Raises:
            InvalidTypeError: `path` is not a path.
            FileWriteError: The file cannot be written.
            MemoryError: Memory ran out.
        """
        if not isinstance(path, (str, os.PathLike)):
            raise InvalidTypeError(f"a path as str or os.PathLike is needed, not {type_name(path)}")
        self._handle.save_frozen(os.fsencode(path), os.fspath(path))


def _check_pair(vocab: bytes, merges: bytes) -> None:
    """Loads what is to be written."""
    try:
        _native.Handle(
            lambda address: _native.LIBRARY.pyaot_tokenizer_load_vocab_merges(
                address, vocab, len(vocab), merges, len(merges)
            )
        )
    except TokenizerError as error:
        raise UnsupportedError(
            f"not a vocabulary that vocab.json and merges.txt can say: {error.message}"
        ) from error
