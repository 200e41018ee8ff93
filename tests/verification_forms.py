"""One vocabulary in this package and in its reference, and the comparisons that can be made.

The reference of a tokenizer.json is tokenizers, of a rank file tiktoken, of a SentencePiece model
sentencepiece, of a tekken.json mistral-common. Each gives, for a batch of texts, pairs of columns
that must be equal: what the reference says of each text, and what this package says.
"""

from __future__ import annotations

import functools
import hashlib
import importlib
import importlib.metadata
import random
import re
import tempfile
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, Literal, NamedTuple, Sequence, Tuple

from pyaot_tokenizer import Tokenizer, hf
from pyaot_tokenizer import tiktoken as own_tiktoken

Ids = List[List[int]]

_HASH = re.compile("[0-9a-f]{40}")


class Column(NamedTuple):
    """One fact about each text of a batch."""

    name: str
    expected: Sequence[Any]
    found: Sequence[Any]


class Form:
    """A vocabulary, loaded twice."""

    oracle = ""
    specials: Sequence[str] = ()
    """Texts that mean something to the vocabulary, for random strings."""

    def __init__(self, path: Path) -> None:
        """Loads the file, and what it is saved as."""
        self.native = Tokenizer(path)
        self.saved: Dict[str, Tokenizer] = {}

    def ids(self, texts: List[str]) -> Ids:
        """What the reference encodes texts to, special tokens in them parsed if it does that."""
        raise NotImplementedError

    def own_ids(self, tokenizer: Tokenizer, texts: List[str]) -> Ids:
        """The same of one of this package's."""
        return tokenizer.encode_batch(texts, num_threads=1)

    def others(self, texts: List[str], ids: Ids) -> Iterator[Column]:
        """All columns but the ids."""
        raise NotImplementedError

    def decoded(self, ids: Ids) -> Iterator[Column]:
        """The texts of any ids."""
        raise NotImplementedError

    def id_limit(self) -> int:
        """What the ids are below."""
        return self.native.vocab_size

    def columns(self, texts: List[str], *, ids_only: bool) -> Iterator[Column]:
        """All columns of a batch of texts."""
        expected = self.ids(texts)
        yield Column("ids", expected, self.own_ids(self.native, texts))
        if ids_only:
            return
        for name, tokenizer in self.saved.items():
            yield Column(f"ids, saved as {name}", expected, self.own_ids(tokenizer, texts))
        yield from self.others(texts, expected)
        yield from self.decoded(expected)

    def columns_of_random_ids(self, rng: random.Random, count: int) -> Iterator[Column]:
        """The texts of ids that no text has."""
        known = [i for i in range(self.id_limit()) if self.native.id_to_token(i) is not None]
        rows = [[rng.choice(known) for _ in range(rng.randrange(20))] for _ in range(count)]
        for column in self.decoded(rows):
            yield column._replace(name=f"{column.name}, of random ids")

    def save_as(self, *names: str) -> None:
        """Saves and loads again; "frozen" is a frozen file."""
        with tempfile.TemporaryDirectory() as folder:
            for name in names:
                path = Path(folder) / name
                save = self.native.save_frozen if name == "frozen" else self.native.save
                save(path)
                self.saved[name] = Tokenizer(path)


class OfTokenizers(Form):
    """A tokenizer.json."""

    def __init__(self, path: Path) -> None:
        """Loads the file in this package's two ways and in tokenizers."""
        import tokenizers  # noqa: PLC0415 (each reference is needed by its own form alone)

        super().__init__(path)
        self.oracle = _version("tokenizers")
        self.reference: Any = tokenizers.Tokenizer.from_file(str(path))
        self.own = hf.Tokenizer.from_file(path)
        self.specials = [t.content for t in self.own.get_added_tokens_decoder().values()]
        self.specials += ["\u2581", "<0x41>", "</w>", "\u0120"]
        self.save_as("frozen")
        self.saved["tokenizer.json"] = Tokenizer.from_str(self.own.to_str())
        # The reference is asked what it makes of the file that was written, of a text now and then.
        self.rewritten: Any = tokenizers.Tokenizer.from_str(self.own.to_str())

    def ids(self, texts: List[str]) -> Ids:
        """Without what a template adds."""
        return [
            encoding.ids
            for encoding in self.reference.encode_batch_fast(texts, add_special_tokens=False)
        ]

    def others(self, texts: List[str], ids: Ids) -> Iterator[Column]:
        """Encodings with and without special tokens, text with special tokens as text."""
        part = slice(None, None, 16)
        rewritten = self.rewritten.encode_batch_fast(texts[part], add_special_tokens=False)
        yield Column("ids, tokenizer.json in tokenizers", [e.ids for e in rewritten], ids[part])
        self.reference.encode_special_tokens = True
        plain = self.ids(texts)
        self.reference.encode_special_tokens = False
        found = self.native.encode_batch(texts, num_threads=1, special_tokens="text")
        yield Column("ids, special tokens as text", plain, found)
        adds = self.reference.num_special_tokens_to_add(False) > 0
        for with_special in (False, True) if adds else (True,):
            name = "with special tokens" if with_special else "without special tokens"
            expected = self.reference.encode_batch(texts, add_special_tokens=with_special)
            own = self.own.encode_batch(texts, add_special_tokens=with_special)
            for column in ("ids", "tokens", "offsets"):
                yield Column(
                    f"{column} {name}",
                    [getattr(encoding, column) for encoding in expected],
                    [getattr(encoding, column) for encoding in own],
                )
        yield Column("words", [e.word_ids for e in expected], [e.word_ids for e in own])

    def decoded(self, ids: Ids) -> Iterator[Column]:
        """With special tokens and without."""
        for skips in (False, True):
            name = "text without special tokens" if skips else "text"
            expected = self.reference.decode_batch(ids, skip_special_tokens=skips)
            yield Column(name, expected, self.own.decode_batch(ids, skip_special_tokens=skips))


class OfTiktoken(Form):
    """The rank file of a published encoding."""

    def __init__(self, path: Path) -> None:
        """Loads it with the pattern and the special tokens that tiktoken gives that encoding."""
        super().__init__(path)
        self.oracle = _version("tiktoken")
        arguments = _arguments_of_tiktoken(path)
        import tiktoken  # noqa: PLC0415

        self.reference: Any = tiktoken.Encoding(**arguments)
        self.own = own_tiktoken.Encoding(**arguments)
        self.specials = sorted(arguments["special_tokens"])
        self.save_as("frozen", "tokenizer.json", "x.tiktoken")
        import tokenizers  # noqa: PLC0415

        with tempfile.TemporaryDirectory() as folder:
            self.native.save(Path(folder) / "tokenizer.json")
            self.rewritten: Any = tokenizers.Tokenizer.from_file(f"{folder}/tokenizer.json")

    def ids(self, texts: List[str]) -> Ids:
        """With special tokens parsed."""
        return [self.reference.encode(text, allowed_special="all") for text in texts]

    def others(self, texts: List[str], ids: Ids) -> Iterator[Column]:
        """Text with special tokens as text, bytes of tokens, offsets."""
        part = slice(None, None, 16)
        rewritten = self.rewritten.encode_batch_fast(texts[part], add_special_tokens=False)
        yield Column("ids, tokenizer.json in tokenizers", [e.ids for e in rewritten], ids[part])
        plain = [self.reference.encode_ordinary(text) for text in texts]
        found = self.native.encode_batch(texts, num_threads=1, special_tokens="text")
        yield Column("ids, special tokens as text", plain, found)
        own_ids = [self.own.encode(text, allowed_special="all") for text in texts]
        yield Column("ids by the API of tiktoken", ids, own_ids)
        expected = [self.reference.decode_with_offsets(row) for row in ids]
        yield Column("offsets", expected, [self.own.decode_with_offsets(row) for row in ids])
        starts = [list(self.native.encode_with_offsets(text)[1].flat[::2]) for text in texts]
        yield Column("starts", [row for _, row in expected], starts)
        expected = [self.reference.decode_tokens_bytes(row) for row in ids]
        yield Column("tokens", expected, [self.own.decode_tokens_bytes(row) for row in ids])

    def decoded(self, ids: Ids) -> Iterator[Column]:
        """As bytes, which say more than text."""
        expected = [self.reference.decode_bytes(row) for row in ids]
        yield Column("bytes", expected, [self.own.decode_bytes(row) for row in ids])


class OfSentencePiece(Form):
    """A SentencePiece model."""

    def __init__(self, path: Path) -> None:
        """Loads it here and in sentencepiece."""
        import sentencepiece  # noqa: PLC0415

        super().__init__(path)
        self.oracle = _version("sentencepiece")
        self.reference: Any = sentencepiece.SentencePieceProcessor(model_file=str(path))
        self.specials = ["<s>", "</s>", "<unk>", "[INST]", "<0x41>", "\u2581", "\u2581\u2581"]
        self.save_as("frozen", "tokenizer.model")

    def ids(self, texts: List[str]) -> Ids:
        """Text never becomes a control piece in it."""
        ids: Ids = self.reference.encode(texts, num_threads=1)
        return ids

    def others(self, texts: List[str], ids: Ids) -> Iterator[Column]:
        """The tokens, as far as they are text, and where they begin and end."""
        pieces = [[self.reference.id_to_piece(i) for i in row] for row in ids]
        yield Column("tokens", pieces, [[self._spelled(i) for i in row] for row in ids])
        units: Tuple[Literal["char"], Literal["byte"]] = ("char", "byte")
        for unit in units:
            encode = functools.partial(
                self.reference.encode, return_type="offset_mapping", return_bytes=unit == "byte"
            )
            expected = [encode(text) for text in texts]
            encoded = [self.native.encode_with_offsets(text, unit=unit) for text in texts]
            yield Column(
                f"offsets in {unit}s",
                [mapping["offsets"] for mapping in expected],
                [self._as_reference(ids, list(places)) for ids, places in encoded],
            )

    def _as_reference(self, ids: List[int], places: List[Tuple[int, int]]) -> List[Tuple[int, int]]:
        """Offsets as sentencepiece has them: what is in no text, and a byte but the last, is empty.

        Here a byte stands where it is, and a prefix space for the first character.
        """
        found: List[Tuple[int, int]] = []
        start = left = 0
        for token_id, place in zip(ids, places):
            if not self.reference.is_byte(token_id):
                found.append(place)
                continue
            byte = (self.native.id_to_token(token_id) or b"\0")[0]
            if byte & 0xC0 != 0x80:
                start, left = place[0], 1 + (byte >= 0xC0) + (byte >= 0xE0) + (byte >= 0xF0)
            left -= 1
            found.append((start, start if left else place[1]))
        if len(places) > 1 and places[1][0] == 0 and self.native.id_to_token(ids[0]) == b" ":
            found[0] = (0, 0)
        return found

    @functools.cache  # noqa: B019 (as long as the process)
    def _spelled(self, token_id: int) -> str:
        if self.reference.is_byte(token_id):
            return f"<0x{(self.native.id_to_token(token_id) or b'')[0]:02X}>"
        if self.reference.is_unknown(token_id):
            return str(self.reference.id_to_piece(token_id))
        return (self.native.id_to_token(token_id) or b"").decode().replace(" ", "\u2581")

    def decoded(self, ids: Ids) -> Iterator[Column]:
        """Control pieces have no text in it."""
        found = [self.native.decode(row, skip_special_tokens=True) for row in ids]
        yield Column("text", self.reference.decode(ids), found)

    def id_limit(self) -> int:
        """Those of the model."""
        return int(self.reference.vocab_size())


class OfTekken(Form):
    """A tekken.json."""

    def __init__(self, path: Path) -> None:
        """Loads it here and in mistral-common."""
        # Not installed for the tests.
        tekken = importlib.import_module("mistral_common.tokens.tokenizers.tekken")
        policies = importlib.import_module("mistral_common.tokens.tokenizers.base")
        super().__init__(path)
        self.oracle = _version("mistral-common")
        self.reference: Any = tekken.Tekkenizer.from_file(str(path))
        self._keep = policies.SpecialTokenPolicy.KEEP
        self._ignore = policies.SpecialTokenPolicy.IGNORE
        self.specials = ["<s>", "</s>", "[INST]", "[/INST]", "<unk>"]
        self.save_as("frozen", "tekken.json", "tokenizer.json", "x.tiktoken")

    def ids(self, texts: List[str]) -> Ids:
        """Text never becomes a special token in it."""
        return [self.reference.encode(text, bos=False, eos=False) for text in texts]

    def own_ids(self, tokenizer: Tokenizer, texts: List[str]) -> Ids:
        """The same here."""
        return tokenizer.encode_batch(texts, num_threads=1, special_tokens="text")

    def others(self, texts: List[str], ids: Ids) -> Iterator[Column]:
        """The bytes of the tokens; where they begin follows from them."""
        expected = [[self.reference.id_to_byte_piece(i, self._keep) for i in row] for row in ids]
        yield Column("tokens", expected, [[self.native.id_to_token(i) for i in row] for row in ids])
        found = []
        for text in texts:
            _, places = self.native.encode_with_offsets(text, special_tokens="text", unit="byte")
            found.append(list(places))
        yield Column("offsets in bytes", [_tiles(row) for row in expected], found)

    def decoded(self, ids: Ids) -> Iterator[Column]:
        """With special tokens and without."""
        for policy, skips in ((self._keep, False), (self._ignore, True)):
            name = "text without special tokens" if skips else "text"
            expected = [self.reference.decode(row, policy) for row in ids]
            found = [self.native.decode(row, skip_special_tokens=skips) for row in ids]
            yield Column(name, expected, found)


def _tiles(tokens: Sequence[bytes]) -> List[Tuple[int, int]]:
    at = 0
    spans = []
    for token in tokens:
        spans.append((at, at + len(token)))
        at += len(token)
    return spans


def _arguments_of_tiktoken(path: Path) -> Dict[str, Any]:
    """What tiktoken makes the encoding of, whose file is at `path` and nowhere else."""
    from tiktoken.load import load_tiktoken_bpe  # noqa: PLC0415

    openai_public: Any = importlib.import_module("tiktoken_ext.openai_public")
    content = hashlib.sha256(path.read_bytes()).hexdigest()

    def load(address: str, expected_hash: str) -> Dict[bytes, int]:
        if expected_hash != content:
            raise LookupError(address)
        return load_tiktoken_bpe(str(path))

    openai_public.load_tiktoken_bpe = load
    for name, constructor in openai_public.ENCODING_CONSTRUCTORS.items():
        if name == "gpt2":
            continue
        try:
            found: Dict[str, Any] = constructor()
        except LookupError:
            continue
        return found
    raise LookupError(f"{path}: no published encoding has this file")


def _version(package: str) -> str:
    return f"{package} {importlib.metadata.version(package)}"


def files_in(path: Path) -> List[Path]:
    """The tokenizer files at a path: the file itself, or those of a folder and its folders."""
    if path.is_file():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file() and _form_of(file) is not None)


def name_of(path: Path) -> str:
    """What a report calls a file."""
    return path.parent.name if path.name == "tokenizer.json" else path.name


def _form_of(path: Path) -> Callable[[Path], Form] | None:
    if path.name.endswith("tokenizer.json"):
        return OfTokenizers
    if path.name.startswith("tekken") and path.suffix == ".json":
        return OfTekken
    # A cache of tiktoken has names that are hashes.
    if path.suffix == ".tiktoken" or _HASH.fullmatch(path.name):
        return OfTiktoken
    if ".model" in path.suffixes:
        return OfSentencePiece
    return None


@functools.lru_cache(maxsize=1)
def load(path: Path) -> Form:
    """The vocabulary of a file; the last one is kept."""
    form = _form_of(path)
    if form is None:
        raise ValueError(f"{path}: no known form of a vocabulary")
    return form(path)
