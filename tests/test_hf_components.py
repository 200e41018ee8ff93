"""The components of `pyaot_tokenizer.hf` as objects, against those of tokenizers."""

from __future__ import annotations

import copy
import pickle
import random
import sys
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

import pytest
import tokenizers
from charsmaps import compiled
from family_steps import CL100K, SIGN
from random_components import random_decoder, random_normalizer, random_pre_tokenizer
from small_tokenizers import PIPELINES, pair_of, random_text

from pyaot_tokenizer import TokenizerError, UnsupportedError, hf

from families import FAMILIES, PIECES, random_texts

# What makes a component, of either package.
MAKERS: Dict[str, Callable[[Any], Any]] = {
    "NFC": lambda m: m.normalizers.NFC(),
    "NFD": lambda m: m.normalizers.NFD(),
    "NFKC": lambda m: m.normalizers.NFKC(),
    "NFKD": lambda m: m.normalizers.NFKD(),
    "Lowercase": lambda m: m.normalizers.Lowercase(),
    "StripAccents": lambda m: m.normalizers.StripAccents(),
    "Nmt": lambda m: m.normalizers.Nmt(),
    "normalizers.ByteLevel": lambda m: m.normalizers.ByteLevel(),
    "normalizers.Strip": lambda m: m.normalizers.Strip(right=False),
    "Prepend": lambda m: m.normalizers.Prepend(),
    "normalizers.Replace": lambda m: m.normalizers.Replace("a", "b"),
    "normalizers.Replace, regex": lambda m: m.normalizers.Replace(m.Regex("a+"), "\u00e9" * 60),
    "BertNormalizer": lambda m: m.normalizers.BertNormalizer(strip_accents=False),
    "Precompiled": lambda m: m.normalizers.Precompiled(compiled({"a": "b"})),
    "normalizers.Sequence": lambda m: m.normalizers.Sequence(
        [m.normalizers.Sequence([m.normalizers.NFC()]), *[m.normalizers.Strip()] * 6]
    ),
    "nfkc by name": lambda m: m.normalizers.unicode_normalizer_from_str("nfkc"),
    "pre_tokenizers.ByteLevel": lambda m: m.pre_tokenizers.ByteLevel(False, use_regex=False),
    "CharDelimiterSplit": lambda m: m.pre_tokenizers.CharDelimiterSplit("-"),
    "Digits": lambda m: m.pre_tokenizers.Digits(True),
    "FixedLength": lambda m: m.pre_tokenizers.FixedLength(3),
    "pre_tokenizers.Metaspace": lambda m: m.pre_tokenizers.Metaspace("_", "first", False),
    "Punctuation": lambda m: m.pre_tokenizers.Punctuation("merged_with_next"),
    "Split": lambda m: m.pre_tokenizers.Split("th", "contiguous", invert=True),
    "Split, regex": lambda m: m.pre_tokenizers.Split(m.Regex(CL100K), "isolated"),
    "Whitespace": lambda m: m.pre_tokenizers.Whitespace(),
    "WhitespaceSplit": lambda m: m.pre_tokenizers.WhitespaceSplit(),
    "BertPreTokenizer": lambda m: m.pre_tokenizers.BertPreTokenizer(),
    "UnicodeScripts": lambda m: m.pre_tokenizers.UnicodeScripts(),
    "pre_tokenizers.Sequence": lambda m: m.pre_tokenizers.Sequence(
        [m.pre_tokenizers.Digits(), m.pre_tokenizers.Sequence([m.pre_tokenizers.Metaspace()])]
    ),
    "BPEDecoder": lambda m: m.decoders.BPEDecoder(),
    "ByteFallback": lambda m: m.decoders.ByteFallback(),
    "decoders.ByteLevel": lambda m: m.decoders.ByteLevel(),
    "Fuse": lambda m: m.decoders.Fuse(),
    "decoders.Metaspace": lambda m: m.decoders.Metaspace(prepend_scheme="never"),
    "decoders.Replace": lambda m: m.decoders.Replace(SIGN, " "),
    "decoders.Strip": lambda m: m.decoders.Strip(" ", 1, 2),
    "WordPiece": lambda m: m.decoders.WordPiece(cleanup=False),
    "CTC": lambda m: m.decoders.CTC(word_delimiter_token="_"),
    "decoders.Sequence": lambda m: m.decoders.Sequence(
        [m.decoders.Sequence([m.decoders.Fuse()]), m.decoders.Strip()]
    ),
    "BertProcessing": lambda m: m.processors.BertProcessing(("</s>", 1), ("<s>", 0)),
    "processors.ByteLevel": lambda m: m.processors.ByteLevel(trim_offsets=False),
    "RobertaProcessing": lambda m: m.processors.RobertaProcessing(
        ("</s>", 1), ("<s>", 0), add_prefix_space=False
    ),
    "TemplateProcessing": lambda m: m.processors.TemplateProcessing(
        "<s>:3 $A", ["$A:0", "</s>", "$b:1"], [("<s>", 0), (1, "</s>"), ("\u00e9", 3)]
    ),
    "TemplateProcessing, several": lambda m: m.processors.TemplateProcessing(
        single=["$"] * 7,
        pair="$0 $B:1 [X]",
        special_tokens=[{"id": "[X]", "ids": [1, 2], "tokens": ["a", "b"]}],
    ),
    "TemplateProcessing, plain": lambda m: m.processors.TemplateProcessing("$2"),
    "processors.Sequence": lambda m: m.processors.Sequence(
        [m.processors.ByteLevel(), m.processors.Sequence([m.processors.ByteLevel()])]
    ),
    "BPE": lambda m: m.models.BPE({"b": 1, "a": 0, "ab": 2}, [("a", "b")], unk_token="a"),
    "BPE, long": lambda m: m.models.BPE(
        {**{chr(97 + i): i for i in range(9)}, "a##b": 9, "##b": 10, "ab": 11},
        [("a", "##b")],
        continuing_subword_prefix="##",
        fuse_unk=True,
        byte_fallback=True,
        ignore_merges=True,
        end_of_word_suffix="",
    ),
    "BPE, empty": lambda m: m.models.BPE(),
}


@pytest.mark.parametrize("name", MAKERS)
def test_forms_are_equal(name: str) -> None:
    reference, ours = MAKERS[name](tokenizers), MAKERS[name](hf)
    for made in (ours, pickle.loads(pickle.dumps(ours)), copy.deepcopy(ours)):
        assert type(made).__name__ == type(reference).__name__
        assert repr(made) == repr(reference)
        assert str(made) == str(reference)
        assert made.__getstate__() == reference.__getstate__()
    attributes = [name for name in dir(type(reference)) if not name.startswith("_")]
    for attribute in attributes:
        try:
            value = getattr(reference, attribute)
        except BaseException:
            with pytest.raises(AttributeError):
                getattr(ours, attribute)
            continue
        # The reference gives a template's as a text for debugging.
        if not callable(value) and attribute != "single":
            assert getattr(ours, attribute) == value, attribute


CHANGES: List[Tuple[str, str, Any]] = [
    ("normalizers.Strip", "left", False),
    ("Prepend", "prepend", "x"),
    ("normalizers.Replace", "content", "x"),
    ("pre_tokenizers.ByteLevel", "add_prefix_space", True),
    ("pre_tokenizers.ByteLevel", "trim_offsets", False),
    ("pre_tokenizers.ByteLevel", "use_regex", True),
    ("CharDelimiterSplit", "delimiter", "\u00e9"),
    ("Digits", "individual_digits", False),
    ("FixedLength", "length", 9),
    ("pre_tokenizers.Metaspace", "replacement", "x"),
    ("pre_tokenizers.Metaspace", "prepend_scheme", "always"),
    ("pre_tokenizers.Metaspace", "split", True),
    ("Punctuation", "behavior", "removed"),
    ("Split", "behavior", "merged_with_previous"),
    ("Split", "invert", False),
    ("BPEDecoder", "suffix", "x"),
    ("decoders.Metaspace", "replacement", "x"),
    ("decoders.Strip", "content", "x"),
    ("decoders.Strip", "start", 5),
    ("decoders.Strip", "stop", 5),
    ("BertNormalizer", "clean_text", False),
    ("BertNormalizer", "handle_chinese_chars", False),
    ("BertNormalizer", "strip_accents", None),
    ("BertNormalizer", "lowercase", False),
    ("WordPiece", "prefix", "x"),
    ("WordPiece", "cleanup", True),
    ("CTC", "pad_token", "x"),
    ("CTC", "word_delimiter_token", "x"),
    ("CTC", "cleanup", False),
    ("BertProcessing", "sep", ("x", 9)),
    ("BertProcessing", "cls", ("x", 9)),
    ("RobertaProcessing", "trim_offsets", False),
    ("processors.ByteLevel", "use_regex", False),
    ("BPE", "unk_token", None),
    ("BPE", "fuse_unk", True),
    ("BPE", "byte_fallback", True),
    ("BPE", "ignore_merges", True),
    ("BPE", "dropout", 0.1),
    ("BPE", "end_of_word_suffix", "x"),
    ("BPE", "continuing_subword_prefix", "x"),
]


@pytest.mark.parametrize(("name", "attribute", "value"), CHANGES)
def test_attributes_can_be_set(name: str, attribute: str, value: Any) -> None:
    reference, ours = MAKERS[name](tokenizers), MAKERS[name](hf)
    for made in (reference, ours):
        setattr(made, attribute, value)
    assert ours.__getstate__() == reference.__getstate__()
    assert getattr(ours, attribute) == getattr(reference, attribute)


WRONG: List[Callable[[Any], Any]] = [
    lambda m: m.normalizers.Normalizer(),
    lambda m: m.pre_tokenizers.PreTokenizer(),
    lambda m: m.decoders.Decoder(),
    lambda m: m.processors.PostProcessor(),
    lambda m: m.normalizers.Prepend(3),
    lambda m: m.normalizers.Strip(left=3),
    lambda m: m.normalizers.Replace(3, "x"),
    lambda m: m.normalizers.Sequence([m.decoders.Fuse()]),
    lambda m: m.normalizers.Sequence([None]),
    lambda m: m.normalizers.Sequence([m.normalizers.NFC()])[1],
    lambda m: m.normalizers.Sequence([m.normalizers.NFC()])[-1],
    lambda m: m.normalizers.unicode_normalizer_from_str("nfx"),
    lambda m: m.pre_tokenizers.Split("a", "x"),
    lambda m: m.pre_tokenizers.Metaspace(replacement="ab"),
    lambda m: m.pre_tokenizers.Metaspace(prepend_scheme="x"),
    lambda m: m.pre_tokenizers.CharDelimiterSplit("ab"),
    lambda m: m.pre_tokenizers.FixedLength(-1),
    lambda m: m.processors.BertProcessing("a", ("b", 1)),
    lambda m: m.processors.TemplateProcessing("$A:x"),
    lambda m: m.processors.TemplateProcessing("$A:"),
    lambda m: m.processors.TemplateProcessing("$C"),
    lambda m: m.processors.TemplateProcessing("$A [X]"),
    lambda m: m.processors.TemplateProcessing("$A", "$A"),
    lambda m: m.processors.TemplateProcessing(3),
    lambda m: m.processors.TemplateProcessing(["$A", 3]),
    lambda m: m.processors.TemplateProcessing("$A", "$A $B", ["x"]),
    lambda m: m.processors.TemplateProcessing("$A", "$A $B", [("x",)]),
    lambda m: m.processors.TemplateProcessing("$A", "$A $B", [{"id": "x"}]),
    lambda m: m.models.BPE({"a": 0}),
    lambda m: m.Tokenizer(3),
    lambda m: m.Tokenizer(m.decoders.Fuse()),
    lambda m: setattr(m.Tokenizer(m.models.BPE()), "normalizer", m.decoders.ByteLevel()),
    lambda m: setattr(m.Tokenizer(m.models.BPE()), "pre_tokenizer", 3),
    lambda m: setattr(m.Tokenizer(m.models.BPE()), "model", None),
]


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_what_is_none_is_refused(number: int) -> None:
    with pytest.raises((TypeError, ValueError, OverflowError, IndexError)) as expected:
        WRONG[number](tokenizers)
    with pytest.raises(type(expected.value)):
        WRONG[number](hf)


def test_merges_of_unknown_tokens_are_refused() -> None:
    with pytest.raises(TokenizerError, match="Token `b` out of vocabulary"):
        hf.models.BPE({"a": 0}, [("a", "b")])
    with pytest.raises(ValueError, match="Dropout"):
        hf.models.BPE(dropout=1.5)


@pytest.mark.parametrize("seed", range(12))
def test_each_by_itself(seed: int) -> None:
    """Random sequences, taken from tokenizers by their forms, on random texts and tokens."""
    rng = random.Random(seed)
    texts = random_texts(rng, 60)
    tokens = [*PIECES, "\u0120a", "\u00c3", "\u00a9", "<0xC3>", "<0xA9>", "a</w>", ""]
    ours = hf.Tokenizer(hf.models.BPE())
    for _ in range(6):
        normalizer, pre_tokenizer = random_normalizer(rng), random_pre_tokenizer(rng)
        decoder = random_decoder(rng)
        ours.normalizer, ours.pre_tokenizer, ours.decoder = normalizer, pre_tokenizer, decoder
        assert ours.normalizer is not None
        assert ours.pre_tokenizer is not None
        assert repr(ours.normalizer) == repr(normalizer)
        assert repr(ours.pre_tokenizer) == repr(pre_tokenizer)
        assert repr(ours.decoder) == repr(decoder)
        for text in texts:
            assert ours.normalizer.normalize_str(text) == normalizer.normalize_str(text), text
        if not is_first_behind_others(pre_tokenizer):
            for text in texts:
                expected = pre_tokenizer.pre_tokenize_str(text)
                assert ours.pre_tokenizer.pre_tokenize_str(text) == expected, text
        for _ in range(0 if decoder is None else 40):
            row = [rng.choice(tokens) for _ in range(rng.randrange(8))]
            try:
                expected_text = decoder.decode(row)
            except BaseException as error:
                # Some decoders of the reference panic on some tokens.
                if type(error).__name__ != "PanicException":
                    raise
                continue
            assert ours.decoder is not None
            assert ours.decoder.decode(row) == expected_text, row


def is_first_behind_others(pre_tokenizer: Any) -> bool:
    """Whether it is one that the core refuses."""
    taken = hf.Tokenizer(hf.models.BPE())
    taken.pre_tokenizer = pre_tokenizer
    assert taken.pre_tokenizer is not None
    try:
        taken.pre_tokenizer.pre_tokenize_str("")
    except UnsupportedError as error:
        if "prepend_scheme first" not in str(error):
            raise
        return True
    return False


def test_text_that_is_none() -> None:
    calls: List[Callable[[Any], Any]] = [
        lambda m: m.normalizers.NFC().normalize_str(3),
        lambda m: m.normalizers.NFC().normalize_str("\ud800"),
        lambda m: m.pre_tokenizers.Digits().pre_tokenize_str(b"a"),
        lambda m: m.decoders.Fuse().decode([3]),
        lambda m: m.models.BPE().tokenize(3),
    ]
    for call in calls:
        with pytest.raises((TypeError, UnicodeEncodeError)):
            call(tokenizers)
        with pytest.raises(TypeError):
            call(hf)


@pytest.mark.parametrize("name", FAMILIES)
def test_tokens_of_a_model(name: str) -> None:
    reference = FAMILIES[name]()
    ours = hf.Tokenizer.from_str(reference.to_str())
    for text in random_texts(random.Random(name), 150):
        expected = [token.as_tuple() for token in reference.model.tokenize(text)]
        assert [token.as_tuple() for token in ours.model.tokenize(text)] == expected, text


def assert_equal(reference: tokenizers.Tokenizer, ours: hf.Tokenizer, rng: random.Random) -> None:
    for _ in range(25):
        text, other = random_text(rng), random_text(rng)
        expected, got = reference.encode(text, other), ours.encode(text, other)
        for column in ("ids", "tokens", "offsets", "word_ids", "type_ids", "special_tokens_mask"):
            assert getattr(got, column) == getattr(expected, column), (column, text, other)
        assert ours.decode(got.ids) == reference.decode(got.ids)


@pytest.mark.parametrize("name", PIPELINES)
def test_assigning(name: str) -> None:
    """Components of one pipeline in the tokenizer of another."""
    rng = random.Random(name)
    reference, ours = pair_of(name)
    assert_equal(reference, ours, rng)
    for other in rng.sample(sorted(PIPELINES), 3):
        donor, own_donor = pair_of(other)
        for part in ("normalizer", "pre_tokenizer", "post_processor", "decoder", "model"):
            assert repr(getattr(ours, part)) == repr(getattr(reference, part))
            has_other_ids = donor.get_vocab(False) != reference.get_vocab(False)
            if rng.random() < 0.4 or (part == "model" and has_other_ids):
                continue
            setattr(reference, part, getattr(donor, part))
            # Those of tokenizers are taken as well.
            source = donor if rng.random() < 0.3 else own_donor
            setattr(ours, part, getattr(source, part))
        assert_equal(reference, ours, rng)
        assert ours.get_vocab(False) == reference.get_vocab(False)
    again = hf.Tokenizer.from_str(ours.to_str())
    text = "the Hello world"
    assert again.encode(text).tokens == ours.encode(text).tokens
    for part in ("normalizer", "pre_tokenizer", "post_processor", "decoder"):
        setattr(reference, part, None)
        setattr(ours, part, None)
        assert getattr(ours, part) is None


def test_building_from_parts() -> None:
    made = {}
    for module in (tokenizers, hf):
        m: Any = module
        tok = m.Tokenizer(m.models.BPE({"<unk>": 0, "a": 1, "b": 2, "ab": 3}, [("a", "b")]))
        assert (tok.normalizer, tok.pre_tokenizer, tok.post_processor, tok.decoder) == (None,) * 4
        tok.model.unk_token = "<unk>"
        strip = m.normalizers.Strip(left=True, right=False)
        tok.normalizer = m.normalizers.Sequence([m.normalizers.Lowercase(), strip])
        tok.pre_tokenizer = m.pre_tokenizers.Sequence([m.pre_tokenizers.WhitespaceSplit()])
        tok.post_processor = m.processors.TemplateProcessing("$A <unk>", None, [("<unk>", 0)])
        tok.decoder = m.decoders.Fuse()
        found = [tok.encode(" aB bx ").tokens]
        # Changed where they are.
        strip.left = False
        tok.normalizer[1].right = True
        found.append(tok.encode(" aB bx ").tokens)
        tok.pre_tokenizer[0] = m.pre_tokenizers.Split(" ", "isolated")
        found.append(tok.encode(" aB bx ").tokens)
        tok.normalizer[0] = m.normalizers.Prepend("ab")
        found.append(tok.encode("b").tokens)
        tok.model = m.models.BPE({"a": 0, "b": 1}, [])
        found.append(tok.encode("abb").ids)
        found.append([len(tok.normalizer), tok.num_special_tokens_to_add(False)])
        found.append(tok.post_processor.num_special_tokens_to_add(True))
        tok.add_tokens(["<x>"])
        found += [tok.encode("a<x>").ids, tok.get_vocab(), tok.token_to_id("<x>"), tok.to_str()]
        made[m] = found
    assert made[hf] == made[tokenizers]


def test_what_cannot_be_combined_is_refused_when_it_is_used() -> None:
    tok = hf.Tokenizer(hf.models.BPE({"a": 0}, []))
    assert tok.encode("a").ids == [0]
    tok.pre_tokenizer = hf.pre_tokenizers.Split(hf.Regex("("), "removed")
    with pytest.raises(TokenizerError):
        tok.encode("a")
    with pytest.raises(UnsupportedError, match="'Unigram'"):
        tok.model = tokenizers.models.Unigram([("a", 0.0)], 0, False)  # type: ignore[assignment]


def test_processing_by_hand() -> None:
    reference, ours = pair_of("plain")
    for name in (
        "BertProcessing",
        "RobertaProcessing",
        "TemplateProcessing",
        "processors.Sequence",
    ):
        left, right = MAKERS[name](tokenizers), MAKERS[name](hf)
        for is_pair in (True, False):
            expected = left.num_special_tokens_to_add(is_pair)
            assert right.num_special_tokens_to_add(is_pair) == expected
        texts = ["the Hello", " world"]
        encodings = [(reference.encode(text), ours.encode(text)) for text in texts]
        for adds in (True, False):
            expected = left.process(encodings[0][0], encodings[1][0], adds)
            got = right.process(encodings[0][1], encodings[1][1], adds)
            assert (got.ids, got.type_ids) == (expected.ids, expected.type_ids)
            assert got.offsets == expected.offsets
            assert right.process(encodings[0][1], None, adds).ids == (
                left.process(encodings[0][0], None, adds).ids
            )


def test_a_model_in_two_files(tmp_path: Path) -> None:
    made = FAMILIES["gpt-2, roberta, whisper"]()
    ours = hf.Tokenizer.from_str(made.to_str())
    for folder in ("theirs", "ours"):
        (tmp_path / folder).mkdir()
    expected = made.model.save(str(tmp_path / "theirs"), "p")
    found = ours.model.save(tmp_path / "ours", "p")
    for left, right in zip(expected, found):
        assert Path(left).name == Path(right).name
        assert Path(left).read_bytes() == Path(right).read_bytes()
    vocab, merges = found
    assert hf.models.BPE.read_file(vocab, merges) == (
        tokenizers.models.BPE.read_file(vocab, merges)
    )
    again = hf.models.BPE.from_file(vocab, merges, unk_token="<unk>")
    assert again.__getstate__() == (
        tokenizers.models.BPE.from_file(vocab, merges, unk_token="<unk>").__getstate__()
    )
    assert hf.models.BPE(vocab, merges).__getstate__() == (
        tokenizers.models.BPE(vocab, merges).__getstate__()
    )
    assert ours.model.token_to_id("the") == made.model.token_to_id("the")
    assert ours.model.id_to_token(300) == made.model.id_to_token(300)
    assert ours.model.id_to_token(1 << 20) is None
    with pytest.raises(TokenizerError):
        ours.model.save(tmp_path / "none")
    Path(merges).write_text("a b c\n", "utf-8")
    with pytest.raises(TokenizerError, match=r"merges\.txt"):
        hf.models.BPE.from_file(vocab, merges)
    Path(vocab).write_text("[1]", "utf-8")
    with pytest.raises(TokenizerError, match=r"vocab\.json"):
        hf.models.BPE.read_file(vocab, merges)


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, *sys.argv[1:]]))
