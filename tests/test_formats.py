"""Loading: what each file form may hold, and, as a table, what bad files and arguments are told.

Every row is one fault in an otherwise good input, the class of the exception, a fragment of its
message, and the places it names.
"""

from __future__ import annotations

import base64
import json
import pathlib
import sys
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Type

import pytest

from pyaot_tokenizer import (
    FileMissingError,
    FormatError,
    InvalidTypeError,
    InvalidValueError,
    Tokenizer,
    TokenizerError,
    UnsupportedError,
)

import oracle
import peers
import subjects

MERGES = [(b"a", b"b"), (b"ab", b"c"), (b" ", b"a")]
VOCAB = subjects.byte_ranks(left + right for left, right in MERGES)
RANKS = peers.rank_file(VOCAB)


def good() -> Dict[str, Any]:
    """A small tokenizer.json, as a document to spoil."""
    document: Dict[str, Any] = json.loads(subjects.small_json(MERGES, vocab=VOCAB, use_regex=True))
    return document


def load(document: Any) -> Tokenizer:
    return Tokenizer.from_str(json.dumps(document, ensure_ascii=False))


def changed(*path: Any, to: Any) -> str:
    """The small tokenizer.json with the value at `path` replaced."""
    document = good()
    place = document
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = to
    return json.dumps(document, ensure_ascii=False)


def without(*path: Any) -> str:
    """The small tokenizer.json without the key at `path`."""
    document = good()
    place = document
    for step in path[:-1]:
        place = place[step]
    del place[path[-1]]
    return json.dumps(document, ensure_ascii=False)


class Case(NamedTuple):
    """A bad input and what is said of it."""

    name: str
    content: str
    error: Type[TokenizerError]
    message: str
    key: Optional[str] = None


GOOD = json.dumps(good(), ensure_ascii=False)

BAD_JSON: List[Case] = [
    Case("empty", "", FormatError, ""),
    Case("blank", " \n", FormatError, ""),
    Case("not JSON", "tokenizer", FormatError, ""),
    Case("truncated in a string", GOOD[:100], FormatError, ""),
    Case("truncated in the vocabulary", GOOD[: len(GOOD) // 2], FormatError, ""),
    Case("truncated at the end", GOOD[:-1], FormatError, ""),
    Case("text behind the document", GOOD + "{}", FormatError, ""),
    Case("a list", "[]", FormatError, "object"),
    Case("a number", "1", FormatError, "object"),
    Case("null", "null", FormatError, "object"),
    Case("no model", without("model"), FormatError, "model"),
    Case("model is a list", changed("model", to=[]), FormatError, "object", "model"),
    Case("model is null", changed("model", to=None), FormatError, "object", "model"),
    Case("no vocabulary", without("model", "vocab"), FormatError, "vocab"),
    Case("vocabulary is a list", changed("model", "vocab", to=[]), FormatError, "", "model.vocab"),
    Case(
        "an id is a string", changed("model", "vocab", "a", to="64"), FormatError, "", "model.vocab"
    ),
    Case(
        "an id is negative", changed("model", "vocab", "a", to=-1), FormatError, "-1", "model.vocab"
    ),
    Case(
        "an id is no integer",
        changed("model", "vocab", "a", to=1.5),
        FormatError,
        "",
        "model.vocab",
    ),
    Case(
        "an id is too large",
        changed("model", "vocab", "a", to=2**32),
        FormatError,
        "",
        "model.vocab",
    ),
    Case("an id is null", changed("model", "vocab", "a", to=None), FormatError, "", "model.vocab"),
    Case("two tokens with one id", changed("model", "vocab", "a", to=98), FormatError, "98"),
    Case("no merges", without("model", "merges"), FormatError, "merges"),
    Case("merges is an object", changed("model", "merges", to={}), FormatError, "", "model.merges"),
    Case(
        "a merge is a number",
        changed("model", "merges", 1, to=1),
        FormatError,
        "",
        "model.merges[1]",
    ),
    Case(
        "a merge of one",
        changed("model", "merges", 1, to=["a"]),
        FormatError,
        "",
        "model.merges[1]",
    ),
    Case(
        "a merge of three",
        changed("model", "merges", 1, to=["a", "b", "c"]),
        FormatError,
        "",
        "model.merges[1]",
    ),
    Case(
        "a merge of numbers",
        changed("model", "merges", 1, to=[1, 2]),
        FormatError,
        "",
        "model.merges[1]",
    ),
    Case(
        "a merge without a space",
        changed("model", "merges", 1, to="ab"),
        FormatError,
        "",
        "model.merges[1]",
    ),
    Case(
        "a merge of an unknown left token",
        changed("model", "merges", 1, to=["xyz", "c"]),
        FormatError,
        "xyz",
        "model.merges[1]",
    ),
    Case(
        "a merge of an unknown right token",
        changed("model", "merges", 1, to="a xyz"),
        FormatError,
        "xyz",
        "model.merges[1]",
    ),
    Case(
        "a merge into an unknown token",
        changed("model", "merges", 1, to=["b", "a"]),
        FormatError,
        "ba",
        "model.merges[1]",
    ),
    Case("another model", changed("model", "type", to="WordPiece"), UnsupportedError, "WordPiece"),
    Case("model type is a number", changed("model", "type", to=1), FormatError, "", "model.type"),
    Case("dropout", changed("model", "dropout", to=1.5), FormatError, "1.5", "model.dropout"),
    Case("no number", changed("model", "dropout", to="0.1"), FormatError, "", "model.dropout"),
    Case(
        "ignore_merges is a string",
        changed("model", "ignore_merges", to="yes"),
        FormatError,
        "",
        "model.ignore_merges",
    ),
    Case(
        "a suffix that is a number",
        changed("model", "end_of_word_suffix", to=1),
        FormatError,
        "",
        "model.end_of_word_suffix",
    ),
    Case(
        "a Precompiled without a map",
        changed("normalizer", to={"type": "Precompiled"}),
        FormatError,
        "",
        "normalizer.precompiled_charsmap",
    ),
    Case(
        "a Precompiled with an empty map",
        changed("normalizer", to={"type": "Precompiled", "precompiled_charsmap": ""}),
        FormatError,
        "no map of characters",
        "normalizer.precompiled_charsmap",
    ),
    Case(
        "a Precompiled with a map that is no base64",
        changed("normalizer", to={"type": "Precompiled", "precompiled_charsmap": "a!"}),
        FormatError,
        "expected base64",
        "normalizer.precompiled_charsmap",
    ),
    Case(
        "a Precompiled with a map that is cut off",
        changed("normalizer", to={"type": "Precompiled", "precompiled_charsmap": "EAAAAAAA"}),
        FormatError,
        "no map of characters",
        "normalizer.precompiled_charsmap",
    ),
    Case(
        "a Precompiled with texts that are none",
        changed("normalizer", to={"type": "Precompiled", "precompiled_charsmap": "BAAAAAAAAAD/"}),
        FormatError,
        "no map of characters",
        "normalizer.precompiled_charsmap",
    ),
    Case(
        "a part of a normalizer",
        changed("normalizer", to={"type": "Sequence", "normalizers": [{"type": "NFX"}]}),
        UnsupportedError,
        "NFX",
    ),
    Case(
        "a normalizer that replaces by a pattern",
        changed("normalizer", to={"type": "Replace", "pattern": {"Regex": " *"}, "content": " "}),
        UnsupportedError,
        "it can match nothing",
    ),
    Case(
        "a normalizer that replaces nothing",
        changed("normalizer", to={"type": "Replace", "pattern": {"String": ""}, "content": " "}),
        UnsupportedError,
        "with an empty pattern",
    ),
    Case(
        "a normalizer that prepends a number",
        changed("normalizer", to={"type": "Prepend", "prepend": 1}),
        FormatError,
        "",
        "normalizer.prepend",
    ),
    Case(
        "a split without a behavior",
        changed("pre_tokenizer", to={"type": "Split", "pattern": {"String": " "}}),
        FormatError,
        "",
        "pre_tokenizer.behavior",
    ),
    Case(
        "a split of another behavior",
        changed(
            "pre_tokenizer",
            to={"type": "Split", "pattern": {"String": " "}, "behavior": "Dropped"},
        ),
        FormatError,
        "Dropped",
        "pre_tokenizer.behavior",
    ),
    Case(
        "a split without a pattern behind ByteLevel",
        changed(
            "pre_tokenizer",
            to={
                "type": "Sequence",
                "pretokenizers": [{"type": "ByteLevel"}, {"type": "Split"}],
            },
        ),
        FormatError,
        "",
        "pre_tokenizer.pattern",
    ),
    Case(
        "another post-processor",
        changed("post_processor", to={"type": "Other"}),
        UnsupportedError,
        "Other",
    ),
    Case(
        "a template without one for pairs",
        changed("post_processor", to={"type": "TemplateProcessing", "single": []}),
        FormatError,
        "",
        "post_processor.pair",
    ),
    Case(
        "another decoder",
        changed("decoder", to={"type": "Other", "prefix": "##", "cleanup": True}),
        UnsupportedError,
        "Other",
    ),
    Case(
        "a WordPiece without a prefix",
        changed("decoder", to={"type": "WordPiece", "cleanup": True}),
        FormatError,
        "",
        "decoder.prefix",
    ),
    Case(
        "a WordPiece whose flag is a string",
        changed("decoder", to={"type": "WordPiece", "prefix": "##", "cleanup": "yes"}),
        FormatError,
        "",
        "decoder.cleanup",
    ),
    Case(
        "a CTC without a delimiter",
        changed("decoder", to={"type": "CTC", "pad_token": "<pad>", "cleanup": True}),
        FormatError,
        "",
        "decoder.word_delimiter_token",
    ),
    Case(
        "a CTC whose padding is a number",
        changed(
            "decoder",
            to={"type": "CTC", "pad_token": 0, "word_delimiter_token": "|", "cleanup": True},
        ),
        FormatError,
        "",
        "decoder.pad_token",
    ),
    Case(
        "a BertNormalizer without a flag",
        changed("normalizer", to={"type": "BertNormalizer", "clean_text": True}),
        FormatError,
        "",
        "normalizer.handle_chinese_chars",
    ),
    Case(
        "a BertNormalizer whose flag is a number",
        changed(
            "normalizer",
            to={
                "type": "BertNormalizer",
                "clean_text": True,
                "handle_chinese_chars": True,
                "strip_accents": 1,
                "lowercase": True,
            },
        ),
        FormatError,
        "",
        "normalizer.strip_accents",
    ),
    Case(
        "another pre-tokenizer",
        changed("pre_tokenizer", to={"type": "Other"}),
        UnsupportedError,
        "Other",
    ),
    Case(
        "pre-tokenizer is a string",
        changed("pre_tokenizer", to="ByteLevel"),
        FormatError,
        "",
        "pre_tokenizer",
    ),
    Case(
        "added tokens is an object", changed("added_tokens", to={}), FormatError, "", "added_tokens"
    ),
    Case(
        "an added token is a string",
        changed("added_tokens", to=["<s>"]),
        FormatError,
        "",
        "added_tokens[0]",
    ),
    Case(
        "an added token without id",
        changed("added_tokens", to=[{"content": "<s>"}]),
        FormatError,
        "id",
        "added_tokens[0]",
    ),
    Case(
        "an added token without text",
        changed("added_tokens", to=[{"id": 300}]),
        FormatError,
        "content",
        "added_tokens[0]",
    ),
    Case(
        "an added token's id is negative",
        changed("added_tokens", to=[{"id": -1, "content": "<s>"}]),
        FormatError,
        "",
    ),
    Case(
        "an added token's flag is a number",
        changed("added_tokens", to=[{"id": 300, "content": "<s>", "special": 1}]),
        FormatError,
        "special",
    ),
    Case("nested too deeply", "[" * 100_000, FormatError, ""),
    Case(
        "nested too deeply inside",
        changed("post_processor", to=json.loads("[" * 900 + "]" * 900)),
        FormatError,
        "",
    ),
    Case("a lone surrogate", GOOD.replace('"a":', '"\\ud800":', 1), FormatError, ""),
]


@pytest.mark.parametrize("case", BAD_JSON, ids=lambda case: case.name)
def test_bad_tokenizer_json(case: Case, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(case.content, encoding="utf-8")
    with pytest.raises(case.error) as caught:
        Tokenizer(path)
    error = caught.value
    assert type(error) is case.error
    assert case.message in error.message
    assert error.file == str(path)
    assert str(error) == f"{path}: {error.message}"
    assert "\n" not in error.message
    assert len(error.message) > 10
    if case.key is not None:
        assert error.key is not None
        assert error.key.startswith(case.key)
        assert error.offset is not None or case.error is UnsupportedError
    if error.offset is not None:
        assert 0 <= error.offset <= len(case.content.encode())
    with pytest.raises(case.error, match=r"^[^/]*") as caught:
        Tokenizer.from_str(case.content)
    assert caught.value.file is None


@pytest.mark.parametrize("length", range(0, len(GOOD.encode()), 97))
def test_every_truncation_is_a_format_error_at_its_end(length: int) -> None:
    content = GOOD.encode()[:length]
    with pytest.raises(FormatError) as caught:
        Tokenizer.from_bytes(content)
    assert caught.value.offset is not None
    assert caught.value.offset <= length


def test_the_offset_is_that_of_the_fault() -> None:
    content = changed("model", "merges", 1, to=["xyz", "c"])
    with pytest.raises(FormatError) as caught:
        Tokenizer.from_str(content)
    offset = caught.value.offset
    assert offset is not None
    # Anywhere in the merge: [..., ["xyz", "c"], ...].
    start = content.encode().index(b'["xyz"')
    assert start <= offset <= start + len(b'["xyz", "c"]')


def test_malformed_utf8_in_json() -> None:
    content = GOOD.encode().replace(b'"version"', b'"ver\xffsion"', 1)
    with pytest.raises(FormatError) as caught:
        Tokenizer.from_bytes(content)
    assert caught.value.offset is not None


class Call(NamedTuple):
    """A bad call and what is said of it."""

    name: str
    call: Callable[[pathlib.Path], object]
    error: Type[TokenizerError]
    message: str
    file: Optional[str] = None
    key: Optional[str] = None


def rank_file(content: bytes) -> Callable[[pathlib.Path], object]:
    """Loads a .tiktoken file of this content."""

    def call(folder: pathlib.Path) -> object:
        (folder / "x.tiktoken").write_bytes(content)
        return Tokenizer.from_tiktoken(folder / "x.tiktoken", pattern="gpt2")

    return call


def pair_of_files(vocab: str, merges: str) -> Callable[[pathlib.Path], object]:
    """Loads a vocab.json and a merges.txt of these contents."""

    def call(folder: pathlib.Path) -> object:
        (folder / "vocab.json").write_text(vocab, encoding="utf-8")
        (folder / "merges.txt").write_text(merges, encoding="utf-8")
        return Tokenizer.from_files(folder / "vocab.json", folder / "merges.txt")

    return call


def ranks(changes: Dict[Any, Any], **arguments: Any) -> Callable[[pathlib.Path], object]:
    """Builds from ranks in memory, spoilt by `changes`."""
    return lambda _: Tokenizer.from_ranks({**VOCAB, **changes}, **{"pattern": "gpt2", **arguments})


GOOD_VOCAB = json.dumps({oracle.spell(token): rank for token, rank in VOCAB.items()})
GOOD_MERGES = "#version: 0.2\n" + "".join(
    f"{oracle.spell(left)} {oracle.spell(right)}\n" for left, right in MERGES
)
SPOILT = RANKS.replace(b"YWI= 256", b"YWI= x")

BAD_CALLS: List[Call] = [
    Call("a missing file", lambda p: Tokenizer(p / "no"), FileMissingError, "No such file", "no"),
    Call("an empty folder", Tokenizer, FileMissingError, "the folder has none of", ""),
    Call("a path of a wrong type", lambda p: Tokenizer(1), InvalidTypeError, "int"),
    Call("a path of bytes", lambda p: Tokenizer(b"x"), InvalidTypeError, "bytes"),
    Call("a path with NUL", lambda p: Tokenizer("a\0b"), InvalidValueError, "path"),
    Call("JSON as str for bytes", lambda p: Tokenizer.from_bytes(GOOD), InvalidTypeError, "str"),
    Call("JSON as bytes for str", lambda p: Tokenizer.from_str(b"{}"), InvalidTypeError, "bytes"),
    Call(
        "a missing rank file",
        lambda p: Tokenizer.from_tiktoken(p / "no", pattern="gpt2"),
        FileMissingError,
        "No such file",
        "no",
    ),
    Call("an empty rank file", rank_file(b""), FormatError, "", "x.tiktoken"),
    Call("a rank that is no number", rank_file(SPOILT), FormatError, "", "x.tiktoken", "line 257"),
    Call(
        "a line without rank",
        rank_file(RANKS + b"YWJj\n"),
        FormatError,
        "",
        "x.tiktoken",
        "line 260",
    ),
    Call(
        "a token that is not base64",
        rank_file(RANKS + b"!!! 300\n"),
        FormatError,
        "base64",
        "x.tiktoken",
        "line 260",
    ),
    Call(
        "a negative rank",
        rank_file(RANKS + b"YWJj -1\n"),
        FormatError,
        "",
        "x.tiktoken",
        "line 260",
    ),
    Call(
        "a rank too large",
        rank_file(RANKS + b"YWJj 4294967296\n"),
        FormatError,
        "",
        "x.tiktoken",
        "line 260",
    ),
    Call("a rank given twice", rank_file(RANKS + b"enp6 256\n"), FormatError, "256", "x.tiktoken"),
    Call("a token given twice", rank_file(RANKS + b"YWI= 300\n"), FormatError, "", "x.tiktoken"),
    Call(
        "a byte without a rank",
        rank_file(RANKS.split(b"\n", 1)[1]),
        FormatError,
        "0x00",
        "x.tiktoken",
    ),
    Call(
        "a JSON file for ranks", rank_file(GOOD.encode()), FormatError, "", "x.tiktoken", "line 1"
    ),
    Call("a pattern of a wrong type", ranks({}, pattern=None), InvalidTypeError, "NoneType"),
    Call(
        "a pattern that is broken",
        ranks({}, pattern="a("),
        UnsupportedError,
        "at byte 1, the group",
    ),
    Call(
        "ranks in a list",
        lambda p: Tokenizer.from_ranks([(b"a", 0)], pattern="gpt2"),
        InvalidTypeError,
        "list",
    ),
    Call("a token as str", ranks({"zz": 300}), InvalidTypeError, "str"),
    Call("a rank as str", ranks({b"zz": "300"}), InvalidTypeError, "zz"),
    Call("a rank as bool", ranks({b"zz": True}), InvalidTypeError, "bool"),
    Call("a rank as float", ranks({b"zz": 300.0}), InvalidTypeError, "float"),
    Call("a rank below zero", ranks({b"zz": -1}), InvalidValueError, "-1"),
    Call("a rank out of range", ranks({b"zz": 2**32}), InvalidValueError, "4294967296"),
    Call("two tokens of one rank", ranks({b"zz": 256}), FormatError, "256"),
    Call("no ranks", lambda p: Tokenizer.from_ranks({}, pattern="gpt2"), FormatError, "0x00"),
    Call("special tokens in a list", ranks({}, special_tokens=["<s>"]), InvalidTypeError, "list"),
    Call(
        "a special token as bytes",
        ranks({}, special_tokens={b"<s>": 300}),
        InvalidTypeError,
        "bytes",
    ),
    Call("a special id as str", ranks({}, special_tokens={"<s>": "1"}), InvalidTypeError, "<s>"),
    Call(
        "a special id below zero", ranks({}, special_tokens={"<s>": -1}), InvalidValueError, "<s>"
    ),
    Call("a special id of a token", ranks({}, special_tokens={"<s>": 97}), FormatError, "97"),
    Call(
        "two special tokens of one id",
        ranks({}, special_tokens={"<s>": 300, "<t>": 300}),
        FormatError,
        "300",
    ),
    Call("an empty special token", ranks({}, special_tokens={"": 300}), FormatError, "empty"),
    Call(
        "a missing vocab.json",
        lambda p: Tokenizer.from_files(p / "no", p / "no2"),
        FileMissingError,
        "No such file",
        "no",
    ),
    Call("an empty vocab.json", pair_of_files("", GOOD_MERGES), FormatError, "", "vocab.json"),
    Call(
        "a truncated vocab.json",
        pair_of_files(GOOD_VOCAB[:-9], GOOD_MERGES),
        FormatError,
        "",
        "vocab.json",
    ),
    Call(
        "a vocab.json that is a list",
        pair_of_files("[]", GOOD_MERGES),
        FormatError,
        "object",
        "vocab.json",
    ),
    Call(
        "an id as string",
        pair_of_files(GOOD_VOCAB.replace(" 97", ' "97"'), GOOD_MERGES),
        FormatError,
        "",
        "vocab.json",
    ),
    Call(
        "a merge of one token",
        pair_of_files(GOOD_VOCAB, GOOD_MERGES + "ab\n"),
        FormatError,
        "",
        "merges.txt",
        "line 5",
    ),
    Call(
        "a merge of an unknown token",
        pair_of_files(GOOD_VOCAB, GOOD_MERGES + "xyz a\n"),
        FormatError,
        "xyz",
        "merges.txt",
        "line 5",
    ),
    Call(
        "a merge into an unknown token",
        pair_of_files(GOOD_VOCAB, GOOD_MERGES + "b a\n"),
        FormatError,
        "ba",
        "merges.txt",
        "line 5",
    ),
    Call(
        "a byte outside of the alphabet",
        pair_of_files(GOOD_VOCAB.replace('"a"', '"\u4e00"'), GOOD_MERGES),
        FormatError,
        "",
        "vocab.json",
    ),
]


@pytest.mark.parametrize("case", BAD_CALLS, ids=lambda case: case.name)
def test_bad_calls(case: Call, tmp_path: pathlib.Path) -> None:
    with pytest.raises(case.error) as caught:
        case.call(tmp_path)
    error = caught.value
    assert type(error) is case.error
    assert case.message in error.message
    assert "\n" not in str(error)
    if case.file is None:
        assert error.file is None
    else:
        assert error.file is not None
        assert str(tmp_path / case.file) in error.file
        assert str(error).startswith(error.file)
    if case.key is not None:
        assert error.key == case.key


def test_merges_are_strings_or_pairs() -> None:
    document = good()
    pairs = load(document)
    document["model"]["merges"] = [" ".join(pair) for pair in document["model"]["merges"]]
    strings = load(document)
    for text in ("abc abcab", " a a", "cab"):
        assert pairs.encode(text) == strings.encode(text)


def test_the_type_of_the_model_may_be_missing() -> None:
    document = good()
    del document["model"]["type"]
    assert load(document).encode("abc") == [257]


def test_keys_that_mean_nothing_are_passed_over() -> None:
    document = good()
    document["comment"] = {"of": ["any", None, 1.5e3, True]}
    document["model"]["comment"] = []
    assert load(document).encode("abc") == [257]


def test_white_space_and_escapes_in_json() -> None:
    document = good()
    expected = load(document).encode("abc \x7f\xff")
    for text in (json.dumps(document, indent=2), json.dumps(document, ensure_ascii=True)):
        assert Tokenizer.from_str(text).encode("abc \x7f\xff") == expected
    assert Tokenizer.from_str("\ufeff" + json.dumps(document)).encode("abc \x7f\xff") == expected


def test_ids_may_have_gaps() -> None:
    tokenizer = Tokenizer.from_ranks({**VOCAB, b"xyz": 1000}, pattern="gpt2")
    assert (tokenizer.vocab_size, tokenizer.token_count) == (1001, len(VOCAB) + 1)
    assert tokenizer.encode("xyz") == [1000]
    assert tokenizer.id_to_token(999) is None
    with pytest.raises(TokenizerError, match="999"):
        tokenizer.decode([1000, 999])


def test_added_tokens_with_flags() -> None:
    flags = ("special", "single_word", "lstrip", "rstrip", "normalized")
    document = good()
    document["added_tokens"] = [
        {"id": len(VOCAB) + i, "content": f"<{flag}>", **{other: other == flag for other in flags}}
        for i, flag in enumerate(flags)
    ]
    tokenizer = load(document)
    peer = peers.tokenizers.Tokenizer.from_str(json.dumps(document))
    for text in (
        "<special>a<single_word>",
        "x<single_word> <single_word>.",
        "a  <lstrip>  b  <rstrip>  c",
        "<normalized>\n<lstrip><rstrip>\n<special>",
    ):
        assert tokenizer.encode(text) == peer.encode(text).ids
    for flag in flags:
        added = tokenizer.added_tokens[f"<{flag}>"]
        assert [other for other in flags if getattr(added, other)] == [flag]


def test_rank_files_with_any_line_ends(tmp_path: pathlib.Path) -> None:
    lines = [b"%b %d" % (base64.b64encode(token), rank) for token, rank in VOCAB.items()]
    path = tmp_path / "x.tiktoken"
    for content in (b"\n".join(lines), b"\n".join(lines) + b"\n\n", b"\r\n".join(lines) + b"\r\n"):
        path.write_bytes(content)
        assert Tokenizer.from_tiktoken(path, pattern="gpt2").encode("abc") == [257]


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, *sys.argv[1:]]))
