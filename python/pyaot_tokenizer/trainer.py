"""Learning a vocabulary: from texts, files or counts to a `Tokenizer`.

`Trainer` does it all. `count_words` and `merge_counts` are its first step by itself, for counting
on several machines: texts are cut into pieces by a pattern, `WordCounts` says how often each
occurs, and what was counted apart can be sent as bytes and merged. Learning needs nothing else of
the corpus.

The merges are those of rustbpe: the pair of neighbouring tokens that occurs most often becomes the
next token, and among equals the one with the smaller ids. They do not depend on the number of
threads, and are counted in 64 bits where rustbpe's counts overflow at 2**31. With
``tie_break="huggingface"`` they are those of tokenizers' ``BpeTrainer`` instead, whose ids are
others and therefore its choice among equals.
"""

from __future__ import annotations

import operator
import os
import sys
from typing import (
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Literal,
    Mapping,
    NamedTuple,
    Optional,
    Sequence,
    SupportsIndex,
    Tuple,
    Union,
)

from . import _counting, _saving
from ._abi import TrainingOption
from ._arguments import (
    Path,
    Text,
    check_path,
    check_pattern,
    check_threads,
    to_bytes,
    type_name,
)
from .errors import (
    FileReadError,
    IntRangeError,
    InvalidTypeError,
    InvalidValueError,
    TokenizerError,
)
from .tokenizer import Tokenizer

DEFAULT_PATTERN = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]++[\r\n]*"
    r"|\s*[\r\n]|\s+(?!\S)|\s+"
)
"""The pattern of rustbpe, and nearly that of GPT-4."""

_BYTES = 256
_VOCAB_SIZE_MAX = (1 << 32) - 1
_COUNT_LIMIT = 1 << 64


TieBreak = Literal["rustbpe", "huggingface"]
"""Whose merges to learn, which differ among pairs that occur equally often."""


class Progress(NamedTuple):
    """How far a training is."""

    stage: str
    """``"count"``, then ``"merge"``."""
    done: int
    """Bytes of text counted, or merges learnt."""
    total: Optional[int]
    """How many there are to be at most; None where that is not known."""


ProgressOption = Union[bool, None, Callable[[Progress], object]]
"""What tells how far it is: a function; True, a bar on the standard error stream; None, the bar if
that is a terminal; False, nothing."""


class WordCounts:
    """How often each distinct piece of a corpus occurs."""

    __slots__ = ("_handle",)

    def __init__(self, handle: _counting.CountsHandle) -> None:
        """Not to be called by users, who have `count_words` and `from_bytes`."""
        self._handle = handle

    @classmethod
    def from_mapping(cls, counts: Mapping[Text, int]) -> WordCounts:
        """Counts that were made elsewhere: pieces and how often each occurs.

        Raises:
            InvalidTypeError: A piece is no text, or a count no int.
            InvalidValueError: A count is negative, or above 2**64 - 1 with those of equal pieces.
        """
        if not isinstance(counts, Mapping):
            raise InvalidTypeError(f"a mapping of text to int is needed, not {type_name(counts)}")
        handle = _counting.CountsHandle()
        handle.add_pieces(_checked_counts(counts))
        return cls(handle)

    @classmethod
    def from_bytes(cls, content: bytes) -> WordCounts:
        """What `to_bytes` gave.

        Raises:
            InvalidTypeError: `content` is not bytes.
            FormatError: It is damaged, of another version, or something else.
        """
        if not isinstance(content, bytes):
            raise InvalidTypeError(f"counts as bytes are needed, not {type_name(content)}")
        handle = _counting.CountsHandle()
        handle.load(content)
        return cls(handle)

    def to_bytes(self) -> bytes:
        """The counts, with a checksum; equal counts give equal bytes."""
        return self._handle.save()

    def __len__(self) -> int:
        """How many distinct pieces there are."""
        return len(self._handle)

    def __reduce__(self) -> Tuple[Callable[[bytes], WordCounts], Tuple[bytes]]:
        """Pickles as `to_bytes`."""
        return WordCounts.from_bytes, (self.to_bytes(),)


def count_words(
    texts: Iterable[Text],
    *,
    pattern: str = DEFAULT_PATTERN,
    num_threads: Optional[int] = None,
    progress: ProgressOption = False,
) -> WordCounts:
    """Cuts texts into pieces and counts them.

    Args:
        texts: Any iterable of str, or of UTF-8 as bytes. It is read as counting goes on, and a few
            megabytes of it are held at a time.
        pattern: What cuts text into pieces: a name of `PATTERNS`, or a regular expression.
        num_threads: How many threads count; None: as many as there are cores. The counts do not
            depend on it.
        progress: Told how far it is; see `ProgressOption`.

    Raises:
        InvalidTypeError: `texts` is a single text or no iterable, or has something that is no text.
        InvalidValueError: `num_threads` is out of range.
        UnsupportedError: The pattern is malformed or cannot be run.
        MemoryError: Memory ran out.
    """
    handle = _counting.CountsHandle(check_pattern(pattern), check_threads(num_threads))
    with _Reporter(progress) as reporter:
        _count_texts(handle, _checked_texts(texts), reporter)
    return WordCounts(handle)


def merge_counts(counts: Iterable[WordCounts]) -> WordCounts:
    """The sum of counts.

    Raises:
        InvalidTypeError: One of them is no `WordCounts`.
        InvalidValueError: A sum exceeds 2**64 - 1.
        MemoryError: Memory ran out.
    """
    total = _counting.CountsHandle()
    for part in counts:
        if not isinstance(part, WordCounts):
            raise InvalidTypeError(f"WordCounts are needed, not {type_name(part)}")
        total.merge(part._handle)
    return WordCounts(total)


class Trainer:
    """Learns byte-pair vocabularies.

    Example:
        >>> from pyaot_tokenizer import Trainer
        >>> tok = Trainer(vocab_size=260, progress=False).train(["abab abab", "ab"])
        >>> tok.decode(tok.encode("abab"))
        'abab'
    """

    def __init__(
        self,
        vocab_size: int = 30_000,
        *,
        pattern: str = DEFAULT_PATTERN,
        special_tokens: Sequence[str] = (),
        min_frequency: int = 0,
        num_threads: Optional[int] = None,
        progress: ProgressOption = None,
        tie_break: TieBreak = "rustbpe",
        max_token_length: Optional[int] = None,
        limit_alphabet: Optional[int] = None,
        initial_alphabet: bool = True,
    ) -> None:
        """Checks and keeps the options.

        Args:
            vocab_size: How many tokens to have at the end: the 256 bytes, those learnt, and the
                special tokens. A small corpus gives fewer.
            pattern: What cuts text into pieces, which no token spans: a name of `PATTERNS`, or a
                regular expression in the syntax of tiktoken.
            special_tokens: Texts of special tokens; they get the ids behind all others, in order.
            min_frequency: A pair that occurs less often is not merged.
            num_threads: How many threads work; None: as many as there are cores.
            progress: Told how far it is; see `ProgressOption`.
            tie_break: Whose rules and ids: ``"rustbpe"``, bytes first and special tokens last;
                ``"huggingface"``, those of tokenizers' ``BpeTrainer`` with a ByteLevel
                pre-tokenizer: special tokens, then the bytes in the order of the alphabet that
                spells them. The options below are for the latter alone. Its
                ``continuing_subword_prefix`` and ``end_of_word_suffix`` are not among them: with
                those, what tokenizers itself learns is left to chance.
            max_token_length: As of ``BpeTrainer``: no merge gives a token of as many characters of
                that alphabet, or more, but of two.
            limit_alphabet: How many different bytes to have at most, the most frequent ones. Text
                with other bytes cannot be encoded then: only `learn_json` takes it.
            initial_alphabet: Whether all bytes are tokens, as with ``ByteLevel.alphabet()``, or
                only those that occur, which also only `learn_json` takes.

        Raises:
            InvalidTypeError: An option is of the wrong type.
            InvalidValueError: `vocab_size` has no room for the bytes and the special tokens,
                or an option is out of its range.
            UnsupportedError: The pattern is malformed or cannot be run.
        """
        self._specials = _check_specials(special_tokens)
        self._vocab_size = _check_int(vocab_size, "vocab_size", _VOCAB_SIZE_MAX)
        needed = _BYTES + len(self._specials)
        # BpeTrainer has no such bound, and its alphabet may be smaller.
        if vocab_size < needed and initial_alphabet:
            specials = f" and {len(self._specials)} special tokens" if self._specials else ""
            raise InvalidValueError(
                f"vocab_size must be at least {needed}, for 256 bytes{specials}, not {vocab_size}"
            )
        self._min_frequency = _check_int(min_frequency, "min_frequency", _COUNT_LIMIT - 1)
        self._thread_count = check_threads(num_threads)
        self._pattern = check_pattern(pattern)
        self._progress = _check_progress(progress)
        if tie_break not in ("rustbpe", "huggingface"):
            raise InvalidValueError(
                f'tie_break must be "rustbpe" or "huggingface", not {tie_break!r}'
            )
        self._is_huggingface = tie_break == "huggingface"
        if not isinstance(initial_alphabet, bool):
            raise InvalidTypeError(
                f"initial_alphabet must be a bool, not {type_name(initial_alphabet)}"
            )
        limits = {
            TrainingOption.MAX_TOKEN_LENGTH: (max_token_length, "max_token_length"),
            TrainingOption.LIMIT_ALPHABET: (limit_alphabet, "limit_alphabet"),
        }
        self._limits: Dict[TrainingOption, int] = {}
        for option, (limit, name) in limits.items():
            if limit is not None:
                self._limits[option] = _check_int(limit, name, _COUNT_LIMIT - 1)
        if not initial_alphabet:
            self._limits[TrainingOption.ALL_BYTES] = 0
        if self._limits and not self._is_huggingface:
            raise InvalidValueError(
                "max_token_length, limit_alphabet and initial_alphabet are options of "
                'tie_break="huggingface"'
            )
        # A pattern that cannot be run is told of before any text is read.
        self._new_counts()

    def train(self, texts: Iterable[Text]) -> Tokenizer:
        """Learns from texts.

        Args:
            texts: Any iterable of str, or of UTF-8 as bytes, each a text of its own. It is read as
                counting goes on, and a few megabytes of it are held at a time.

        Raises:
            InvalidTypeError: `texts` is a single text or no iterable, or has something that is no
                text.
            InvalidValueError: There is no text at all.
            MemoryError: Memory ran out.
        """
        counts = self._new_counts()
        with _Reporter(self._progress) as reporter:
            _count_texts(counts, _checked_texts(texts), reporter)
            return self._learn(counts, reporter, consume=True)

    def train_from_iterator(self, iterator: Iterable[Text]) -> Tokenizer:
        """The same as `train`, by the name that rustbpe and tokenizers have for it."""
        return self.train(iterator)

    def train_from_files(self, paths: Iterable[Path]) -> Tokenizer:
        """Learns from files of UTF-8 text, each of which is one text.

        Files are read in parts, unless `pattern` is one that the library has no scanner for: then
        a file is held as a whole.

        Raises:
            InvalidTypeError: `paths` is a single path, or has something that is no path.
            FileMissingError, FileReadError: A file cannot be read.
            FormatError: A file is not UTF-8; the error has its name and the byte's offset.
            InvalidValueError: There is no text at all.
            MemoryError: Memory ran out.
        """
        if isinstance(paths, (str, bytes, os.PathLike)) or not isinstance(paths, Iterable):
            raise InvalidTypeError(f"an iterable of paths is needed, not {type_name(paths)}")
        names = [check_path(path) for path in paths]
        counts = self._new_counts()
        with _Reporter(self._progress) as reporter:
            feeder = _counting.Feeder(counts, reporter.counted)
            try:
                for name in names:
                    try:
                        feeder.add_file(name)
                    except OSError as error:
                        if isinstance(error, TokenizerError):
                            raise
                        raise FileReadError.of(error, name) from error
                feeder.finish()
            except BaseException:
                feeder.stop()
                raise
            counts.gather()
            return self._learn(counts, reporter, consume=True)

    def train_from_counts(self, counts: Union[WordCounts, Mapping[Text, int]]) -> Tokenizer:
        """Learns from counts of pieces, which `pattern` should have cut.

        Args:
            counts: From `count_words`, or a mapping of pieces to how often each occurs.

        Raises:
            InvalidTypeError, InvalidValueError: As for `WordCounts.from_mapping`; or there is no
                piece at all.
            MemoryError: Memory ran out.
        """
        if not isinstance(counts, WordCounts):
            counts = WordCounts.from_mapping(counts)
        with _Reporter(self._progress) as reporter:
            return self._learn(counts._handle, reporter)

    def _new_counts(self) -> _counting.CountsHandle:
        return _counting.CountsHandle(self._pattern, self._thread_count)

    def learn_json(self, counts: Union[WordCounts, Mapping[Text, int]]) -> bytes:
        """As `train_from_counts`, with ``tie_break="huggingface"``, as a tokenizer.json.

        Raises:
            InvalidTypeError, InvalidValueError, MemoryError: As for `train_from_counts`; or
                `tie_break` is another.
            UnsupportedError: tokenizers' engine reads the pattern differently.
        """
        if not self._is_huggingface:
            raise InvalidValueError('learn_json needs tie_break="huggingface"')
        if not isinstance(counts, WordCounts):
            counts = WordCounts.from_mapping(counts)
        with _Reporter(self._progress) as reporter:
            return self._learn_json(counts._handle, reporter)

    def _learn_json(
        self, counts: _counting.CountsHandle, reporter: _Reporter, *, consume: bool = False
    ) -> bytes:
        options = {
            TrainingOption.METHOD: 1,
            TrainingOption.VOCAB_SIZE: self._vocab_size,
            TrainingOption.MIN_FREQUENCY: self._min_frequency,
            TrainingOption.CONSUME_COUNTS: int(consume),
            **self._limits,
        }
        reporter.merge_total = max(0, self._vocab_size - _BYTES - len(self._specials))
        specials = [to_bytes(text) for text in self._specials]
        learnt = _counting.learn(counts, options, reporter.merged, specials)
        tokens = [token.decode() for token in learnt.tokens]
        return _saving.model_json(
            {token: i for i, token in enumerate(tokens)},
            [(tokens[left], tokens[right]) for left, right, _ in learnt.merges],
            self._pattern.decode("utf-8", "surrogatepass"),
            list(zip(tokens, range(len(specials)))),
            ignore_merges=False,
        )

    def _learn(
        self, counts: _counting.CountsHandle, reporter: _Reporter, *, consume: bool = False
    ) -> Tokenizer:
        if len(counts) == 0:
            raise InvalidValueError("the corpus has no text to learn from")
        if self._is_huggingface:
            return Tokenizer.from_bytes(self._learn_json(counts, reporter, consume=consume))
        rank_count = self._vocab_size - len(self._specials)
        options = {
            TrainingOption.VOCAB_SIZE: rank_count,
            TrainingOption.MIN_FREQUENCY: self._min_frequency,
            TrainingOption.CONSUME_COUNTS: int(consume),
        }
        reporter.merge_total = rank_count - _BYTES
        learnt = _counting.learn(counts, options, reporter.merged)
        reporter.merged(len(learnt.merges))
        ranks = {token: rank for rank, token in enumerate(learnt.tokens)}
        first = len(learnt.tokens)
        specials = {text: first + i for i, text in enumerate(self._specials)}
        pattern = self._pattern.decode("utf-8", "surrogatepass")
        return Tokenizer.from_ranks(ranks, pattern=pattern, special_tokens=specials)


def learn_pairs(
    counts: WordCounts,
    options: Mapping[TrainingOption, int],
    *,
    specials: Sequence[str],
    initial: Iterable[str],
    progress: ProgressOption,
) -> Tuple[List[str], List[Tuple[str, str]]]:
    """What tokenizers' ``BpeTrainer`` learns: the tokens by id, and the parts of each merge.

    Args:
        counts: Of pieces.
        options: As for the core, but the method.
        specials: Texts of special tokens.
        initial: Characters that are tokens even if they do not occur.
        progress: As of `Trainer`.

    Raises:
        InvalidValueError: The counts are too large.
        MemoryError: Memory ran out.
    """
    with _Reporter(progress) as reporter:
        reporter.merge_total = options[TrainingOption.VOCAB_SIZE]
        learnt = _counting.learn(
            counts._handle,
            {TrainingOption.METHOD: 1, **options},
            reporter.merged,
            [text.encode() for text in specials],
            "".join(initial).encode(),
        )
    tokens = [token.decode() for token in learnt.tokens]
    return tokens, [(tokens[left], tokens[right]) for left, right, _ in learnt.merges]


def learn_ranks(
    iterator: Iterable[str],
    vocab_size: SupportsIndex,
    buffer_size: SupportsIndex,
    pattern: Optional[str],
) -> Tuple[List[bytes], bytes]:
    """What `Tokenizer.train_from_iterator` learns: the bytes of each token by id, and the pattern.

    Raises:
        InvalidTypeError, InvalidValueError, UnsupportedError, UnicodeEncodeError, MemoryError: As
            for `Tokenizer.train_from_iterator`.
    """
    if _unsigned(buffer_size, "buffer_size", _COUNT_LIMIT - 1) == 0:
        raise InvalidValueError("buffer_size must be at least 1, not 0")
    vocab_size = _unsigned(vocab_size, "vocab_size", _VOCAB_SIZE_MAX)
    expression = DEFAULT_PATTERN if pattern is None else pattern
    if isinstance(expression, str):
        expression.encode()
    trainer = Trainer(vocab_size=vocab_size, pattern=expression, progress=False)
    counts = trainer._new_counts()
    with _Reporter(False) as reporter:
        _count_texts(counts, _checked_strs(iterator), reporter)
        options = {TrainingOption.VOCAB_SIZE: vocab_size, TrainingOption.CONSUME_COUNTS: 1}
        learnt = _counting.learn(counts, options, reporter.merged)
    return learnt.tokens, trainer._pattern


def _unsigned(value: SupportsIndex, name: str, highest: int) -> int:
    """An int as rustbpe takes it: whatever is an index, and an OverflowError beyond the range."""
    try:
        number = operator.index(value)
    except TypeError:
        raise InvalidTypeError(f"{name} must be an int, not {type_name(value)}") from None
    if not 0 <= number <= highest:
        raise IntRangeError(f"{name} must be 0 to {highest}, not {number}")
    return number


def _checked_strs(texts: Iterable[str]) -> Iterator[bytes]:
    if not isinstance(texts, Iterable):
        raise InvalidTypeError(f"an iterable of str is needed, not {type_name(texts)}")
    for index, text in enumerate(texts):
        if not isinstance(text, str):
            raise InvalidTypeError(f"text {index}: a str is needed, not {type_name(text)}")
        yield text.encode()


class _Reporter:
    """Tells a function, or draws a bar on the standard error stream."""

    def __init__(self, progress: ProgressOption) -> None:
        self._tell = progress if callable(progress) else None
        is_terminal = sys.stderr is not None and sys.stderr.isatty()
        self._draws = progress is True or (progress is None and is_terminal)
        self._clock = _counting.Clock(0.1)
        self._has_line = False
        self.merge_total = 0

    def __enter__(self) -> _Reporter:
        return self

    def __exit__(self, *_: object) -> None:
        if self._has_line:
            sys.stderr.write("\n")
            sys.stderr.flush()

    def counted(self, done: int) -> None:
        self._report(Progress("count", done, None))

    def merged(self, done: int) -> None:
        self._report(Progress("merge", done, self.merge_total))

    def _report(self, progress: Progress) -> None:
        if self._tell is not None:
            self._tell(progress)
        is_last = progress.done == progress.total
        if not self._draws or not (self._clock.is_due() or is_last):
            return
        if progress.total is None:
            line = f"counting pieces: {progress.done / 1e6:,.1f} MB"
        else:
            width = 40
            full = width * progress.done // max(1, progress.total)
            bar = "#" * full + "." * (width - full)
            line = f"learning merges: [{bar}] {progress.done:,} of {progress.total:,}"
        sys.stderr.write(f"\r{line:<78}")
        sys.stderr.flush()
        self._has_line = True


def _count_texts(
    counts: _counting.CountsHandle, texts: Iterable[bytes], reporter: _Reporter
) -> None:
    feeder = _counting.Feeder(counts, reporter.counted)
    try:
        for text in texts:
            feeder.add(text)
        feeder.finish()
    except BaseException:
        feeder.stop()
        raise
    counts.gather()


def _checked_texts(texts: Iterable[Text]) -> Iterator[bytes]:
    if isinstance(texts, (str, bytes)) or not isinstance(texts, Iterable):
        raise InvalidTypeError(f"an iterable of texts is needed, not {type_name(texts)}")
    for index, text in enumerate(texts):
        try:
            yield to_bytes(text)
        except InvalidTypeError as error:
            raise InvalidTypeError(f"text {index}: {error.message}", offset=index) from None


def _checked_counts(counts: Mapping[Text, int]) -> Iterator[Tuple[bytes, int]]:
    for piece, count in counts.items():
        if not isinstance(count, int) or isinstance(count, bool):
            raise InvalidTypeError(f"the count of {piece!r} must be an int, not {type_name(count)}")
        if not 0 <= count < _COUNT_LIMIT:
            raise InvalidValueError(f"the count of {piece!r} must be 0 to 2**64 - 1, not {count}")
        yield to_bytes(piece), count


def _check_int(value: int, name: str, highest: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise InvalidTypeError(f"{name} must be an int, not {type_name(value)}")
    if not 0 <= value <= highest:
        raise InvalidValueError(f"{name} must be 0 to {highest}, not {value}")
    return value


def _check_specials(special_tokens: Sequence[str]) -> List[str]:
    if isinstance(special_tokens, (str, bytes)) or not isinstance(special_tokens, Iterable):
        raise InvalidTypeError(
            f"special_tokens must be a sequence of str, not {type_name(special_tokens)}"
        )
    seen: Dict[str, None] = {}
    for text in special_tokens:
        if not isinstance(text, str):
            raise InvalidTypeError(f"a special token as str is needed, not {type_name(text)}")
        if not text:
            raise InvalidValueError("a special token must not be empty")
        if text in seen:
            raise InvalidValueError(f"the special token {text!r} is given twice")
        seen[text] = None
    return list(seen)


def _check_progress(progress: ProgressOption) -> ProgressOption:
    if progress is None or isinstance(progress, bool) or callable(progress):
        return progress
    raise InvalidTypeError(
        f"progress must be a function, a bool or None, not {type_name(progress)}"
    )
