"""`Tokenizer`, as tokenizers has it."""

from __future__ import annotations

import asyncio
import copy
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    List,
    Optional,
    Sequence,
    Tuple,
    Type,
    TypeVar,
    Union,
    cast,
)

from .. import _files
from .._arguments import Path, SpecialTokens, check_path
from ..errors import InvalidValueError, UnknownIdError, UnsupportedError
from ..tokenizer import Tokenizer as NativeTokenizer
from . import _components, _parameters, _processors, _running, _training, trainers
from ._added import FLAGS, AddedToken, as_added, text_of
from ._components import Component
from ._encoding import Encoded, Encoding, Part, check_direction
from ._inputs import EncodeInput, InputSequence, check_text, check_words, split_input
from ._source import Source, next_id
from ._state import OfText, OfWords, State, joined
from .decoders import Decoder
from .models import BPE, Model
from .normalizers import Normalizer
from .pre_tokenizers import PreTokenizer
from .processors import PostProcessor
from .trainers import Trainer

_C = TypeVar("_C", bound=Component)
_R = TypeVar("_R")
_changes = _components.changes

_SEED_STEP = 0x9E3779B97F4A7C15
"""Odd, so that all seeds come before one comes again."""


class Tokenizer:
    """A tokenizer with the methods and the results of tokenizers 0.23.3.

    Unlike `pyaot_tokenizer.Tokenizer` it can be changed: tokens added, truncation and padding
    switched on. It may be used by several threads while nobody changes it.

    Its components are objects, which may be changed and assigned; those of tokenizers are taken
    too. What is changed is looked at when the next text is encoded, or the next ids are decoded: a
    combination that is not supported is refused then.
    """

    __slots__ = (
        "__weakref__",
        "_added",
        "_components",
        "_dropout_seed",
        "_kept_source",
        "_lazy_processor",
        "_lazy_state",
        "_padding",
        "_seen",
        "_truncation",
        "encode_special_tokens",
    )

    _lazy_state: Optional[State]

    def __init__(self, model: Union[Model, NativeTokenizer]) -> None:
        """Makes one of a model, without other components, or of a `pyaot_tokenizer.Tokenizer`.

        Raises:
            UnsupportedError: A `pyaot_tokenizer.Tokenizer` that has no form as a tokenizer.json.
        """
        if isinstance(model, NativeTokenizer):
            content = model._saved("tokenizer.json")[0][1]
            self._load(content.decode("utf-8"))
            return
        taken = _components.take(model, Model)
        self._read(Source(_running.tokenizer_json(taken.__getstate__().decode())))
        self._components["model"] = taken

    @classmethod
    def from_str(cls, json: str) -> Tokenizer:
        """Loads the content of a tokenizer.json.

        Raises:
            FormatError, UnsupportedError: As for `pyaot_tokenizer.Tokenizer`.
        """
        self = cls.__new__(cls)
        self._load(json)
        return self

    @classmethod
    def from_buffer(cls, buffer: bytes) -> Tokenizer:
        """The same for bytes."""
        return cls.from_str(bytes(buffer).decode("utf-8"))

    @classmethod
    def from_file(cls, path: Path) -> Tokenizer:
        """Loads a tokenizer.json."""
        with open(path, encoding="utf-8") as file:
            return cls.from_str(file.read())

    @classmethod
    def from_pretrained(
        cls, identifier: str, revision: str = "main", token: Optional[str] = None
    ) -> Tokenizer:
        """Loads a tokenizer by its name, as `pyaot_tokenizer.Tokenizer.from_pretrained` does."""
        load = getattr(NativeTokenizer, "from_pretrained", None)
        if load is None:
            raise UnsupportedError("from_pretrained is not supported")
        return cls(load(identifier, revision=revision, token=token))

    def _load(self, text: str) -> None:
        source = Source(text)
        native = NativeTokenizer.from_bytes(text.encode())
        self._read(source)
        self._lazy_state = State(source, native, self._added)

    def _read(self, source: Source) -> None:
        self._lazy_state = None
        self._kept_source = source
        settings = source.settings
        self._added = {
            item["id"]: AddedToken(item["content"], **{flag: item.get(flag) for flag in FLAGS})
            for item in settings.get("added_tokens") or ()
        }
        self._lazy_processor = _processors.make(settings.get("post_processor"))
        # The components that somebody has asked for or assigned, and what there was of them when
        # they were last looked at.
        self._components: Dict[str, Optional[Component]] = {}
        self._seen = _changes.count
        self._truncation = _parameters.read_truncation(settings.get("truncation"))
        self._padding = _parameters.read_padding(settings.get("padding"))
        self.encode_special_tokens = False
        """Whether special tokens in a text are encoded as text."""
        self._dropout_seed = 0

    @property
    def _state(self) -> State:
        if self._seen != _changes.count:
            self._look()
        state = self._lazy_state
        if state is None:
            native = NativeTokenizer.from_bytes(self.to_str().encode())
            # One that was made anew, for a dropout that was switched on again, goes on with others.
            self._dropout_seed = (self._dropout_seed + _SEED_STEP) % (1 << 64)
            native.seed_dropout(self._dropout_seed)
            self._lazy_state = state = State(self._source, native, dict(self._added))
        return state

    @property
    def _source(self) -> Source:
        if self._seen != _changes.count:
            self._look()
        return self._kept_source

    @property
    def _processor(self) -> Optional[_processors.Processor]:
        if self._seen != _changes.count:
            self._look()
        return self._lazy_processor

    def _look(self) -> None:
        """Looks at the components, for some may have changed."""
        seen = _changes.count
        settings = self._kept_source.settings
        for key, component in list(self._components.items()):
            if isinstance(component, BPE):
                text = component._as_text()
                if text is not self._kept_source.model_text:
                    self._lazy_state = None
                    self._kept_source = self._kept_source.with_model(text)
                continue
            form = None if component is None else copy.deepcopy(component._as_form())
            if form == settings.get(key):
                continue
            # Several threads may look at once: what is out of date goes before that shows.
            if key == "post_processor":
                self._lazy_processor = _processors.make(form)
            else:
                self._lazy_state = None
            settings[key] = form
        self._seen = seen

    def _component(self, key: str, kind: Type[_C]) -> Optional[_C]:
        if key not in self._components:
            form = self._source.settings.get(key)
            made = None if form is None else _components.of_form(copy.deepcopy(form), kind)
            if made is not None:
                # The same, with what the file left out.
                self._kept_source.settings[key] = copy.deepcopy(made._as_form())
            self._components[key] = made
        return cast(Optional[_C], self._components[key])

    def _set_component(self, key: str, kind: Type[Component], value: Any) -> None:
        self._components[key] = None if value is None else _components.take(value, kind)
        _changes.count += 1

    @property
    def normalizer(self) -> Optional[Normalizer]:
        """What is done to texts first."""
        return self._component("normalizer", Normalizer)

    @normalizer.setter
    def normalizer(self, value: Optional[Normalizer]) -> None:
        self._set_component("normalizer", Normalizer, value)

    @property
    def pre_tokenizer(self) -> Optional[PreTokenizer]:
        """What cuts texts into pieces."""
        return self._component("pre_tokenizer", PreTokenizer)

    @pre_tokenizer.setter
    def pre_tokenizer(self, value: Optional[PreTokenizer]) -> None:
        self._set_component("pre_tokenizer", PreTokenizer, value)

    @property
    def post_processor(self) -> Optional[PostProcessor]:
        """What is put around encodings."""
        return self._component("post_processor", PostProcessor)

    @post_processor.setter
    def post_processor(self, value: Optional[PostProcessor]) -> None:
        self._set_component("post_processor", PostProcessor, value)

    @property
    def decoder(self) -> Optional[Decoder]:
        """What makes text of tokens."""
        return self._component("decoder", Decoder)

    @decoder.setter
    def decoder(self, value: Optional[Decoder]) -> None:
        self._set_component("decoder", Decoder, value)

    @property
    def model(self) -> BPE:
        """What makes tokens of pieces."""
        if "model" not in self._components:
            self._components["model"] = BPE._of_text(self._source.model_text)
        return cast(BPE, self._components["model"])

    @model.setter
    def model(self, value: Model) -> None:
        self._components["model"] = _components.take(value, Model)
        _changes.count += 1

    def encode(
        self,
        sequence: InputSequence,
        pair: Optional[InputSequence] = None,
        is_pretokenized: bool = False,
        add_special_tokens: bool = True,
    ) -> Encoding:
        """Encodes a text, or a pair of them.

        Args:
            sequence: The text; with `is_pretokenized`, a list or a tuple of words.
            pair: The second one.
            is_pretokenized: Whether they are words.
            add_special_tokens: Whether the post-processor's tokens are added.

        Raises:
            TypeError: Something is no str, or has lone surrogates.
        """
        if not is_pretokenized:
            first = self._encode(sequence, 0)
            second = None if pair is None else self._encode(pair, 1)
        else:
            first = self._encode_words(sequence, 0)
            second = None if pair is None else self._encode_words(pair, 1)
        return self._finish(first, second, add_special_tokens)

    def _encode(self, text: object, type_id: int) -> Encoding:
        source = self._encode_text(check_text(text))
        return Encoding._of([Part(source, 0, len(source.ids), type_id)])

    def _encode_text(self, text: str) -> Encoded:
        state = self._state
        mode = self._mode()
        return OfText(state.native.encode(text, special_tokens=mode), state, text, mode)

    def seed_dropout(self, seed: int) -> None:
        """Makes what a model with a `dropout` leaves out by chance the same from here on.

        tokenizers has no such method: there, it is never the same. A tokenizer that was loaded and
        has had the same calls gives the same ids even without. It is kept in no file.

        Args:
            seed: From 0 to 2**64 - 1.

        Raises:
            InvalidTypeError, InvalidValueError: It is no such int.
        """
        self._state.native.seed_dropout(seed)
        self._dropout_seed = seed

    def _mode(self) -> SpecialTokens:
        return "text" if self.encode_special_tokens else "parse"

    def _encode_words(self, words: object, type_id: int) -> Encoding:
        source = OfWords([self._encode_text(word) for word in check_words(words)])
        return Encoding._of([Part(source, 0, len(source.ids), type_id)])

    def encode_batch(
        self,
        input: Sequence[EncodeInput],
        is_pretokenized: bool = False,
        add_special_tokens: bool = True,
    ) -> List[Encoding]:
        """Encodes many texts, or pairs of them, on all cores.

        Raises:
            TypeError: As for `encode`.
        """
        return self._encode_batch(input, is_pretokenized, add_special_tokens, is_bare=False)

    def encode_batch_fast(
        self,
        input: Sequence[EncodeInput],
        is_pretokenized: bool = False,
        add_special_tokens: bool = True,
    ) -> List[Encoding]:
        """The same without tokens, offsets and words."""
        return self._encode_batch(input, is_pretokenized, add_special_tokens, is_bare=True)

    def _encode_batch(
        self,
        inputs: Sequence[EncodeInput],
        is_pretokenized: bool,
        add_special_tokens: bool,
        *,
        is_bare: bool,
    ) -> List[Encoding]:
        if isinstance(inputs, str):
            raise TypeError("Can't extract `str` to `Vec`")
        rows = [split_input(item, is_pretokenized) for item in inputs]
        texts = [text for row in rows for words in row for text in words]
        state = self._state
        mode = self._mode()
        batch = iter(zip(texts, state.native.encode_batch(texts, special_tokens=mode)))
        found = []
        for row in rows:
            sequences = []
            for type_id, words in enumerate(row):
                sources: List[Encoded] = []
                for _ in words:
                    text, ids = next(batch)
                    sources.append(Encoded(ids) if is_bare else OfText(ids, state, text, mode))
                source = joined(sources, is_bare=is_bare) if is_pretokenized else sources[0]
                sequences.append(Encoding._of([Part(source, 0, len(source.ids), type_id)]))
            second = sequences[1] if len(sequences) == 2 else None
            found.append(self._finish(sequences[0], second, add_special_tokens, pads=False))
        self._pad(found)
        return found

    def _finish(
        self,
        encoding: Encoding,
        pair: Optional[Encoding],
        add_special_tokens: bool,
        *,
        pads: bool = True,
    ) -> Encoding:
        parameters = self._truncation
        if parameters is not None:
            max_length = parameters["max_length"]
            if add_special_tokens:
                max_length -= self.num_special_tokens_to_add(pair is not None)
            if max_length < 0:
                raise InvalidValueError("max_length is less than the special tokens to add")
            _processors.truncate(encoding, pair, parameters, max_length)
        encodings = [encoding] if pair is None else [encoding, pair]
        if self._seen != _changes.count:
            self._look()
        final = _processors.run(self._lazy_processor, encodings, add_special_tokens)
        if pads:
            self._pad([final])
        return final

    def _pad(self, encodings: List[Encoding]) -> None:
        parameters = self._padding
        if parameters is None or not encodings:
            return
        length = parameters["length"]
        if length is None:
            length = max(map(len, encodings))
        multiple = parameters["pad_to_multiple_of"]
        if multiple and length % multiple:
            length += multiple - length % multiple
        for encoding in encodings:
            encoding.pad(
                length,
                parameters["direction"],
                parameters["pad_id"],
                parameters["pad_type_id"],
                parameters["pad_token"],
            )

    def async_encode(
        self,
        sequence: InputSequence,
        pair: Optional[InputSequence] = None,
        is_pretokenized: bool = False,
        add_special_tokens: bool = True,
    ) -> asyncio.Future[Encoding]:
        """What `encode` gives, by a thread of the running loop's executor.

        Raises:
            RuntimeError: No loop is running. Errors of `encode` are those of the future.
        """
        return _later(self.encode, sequence, pair, is_pretokenized, add_special_tokens)

    def async_encode_batch(
        self,
        input: Sequence[EncodeInput],
        is_pretokenized: bool = False,
        add_special_tokens: bool = True,
    ) -> asyncio.Future[List[Encoding]]:
        """What `encode_batch` gives; see `async_encode`."""
        return _later(self.encode_batch, input, is_pretokenized, add_special_tokens)

    def async_encode_batch_fast(
        self,
        input: Sequence[EncodeInput],
        is_pretokenized: bool = False,
        add_special_tokens: bool = True,
    ) -> asyncio.Future[List[Encoding]]:
        """What `encode_batch_fast` gives; see `async_encode`."""
        return _later(self.encode_batch_fast, input, is_pretokenized, add_special_tokens)

    def async_decode_batch(
        self, sequences: Sequence[Sequence[int]], skip_special_tokens: bool = True
    ) -> asyncio.Future[List[str]]:
        """What `decode_batch` gives; see `async_encode`."""
        return _later(self.decode_batch, sequences, skip_special_tokens)

    def train(self, files: Sequence[Path], trainer: Optional[Trainer] = None) -> None:
        """Trains the model on the lines of files, each with its end.

        Args:
            files: Paths of files of UTF-8.
            trainer: A `trainers.BpeTrainer`, or tokenizers' own; None: one as it is by default.

        Raises:
            FileReadError, FormatError: A file cannot be read, or is not UTF-8.
            InvalidTypeError, InvalidValueError: Something is no path, or no trainer of BPE.
            UnsupportedError: As for `train_from_iterator`.
        """
        self._train(_training.lines_of(files), trainer)

    def train_from_iterator(
        self,
        iterator: Iterable[Union[str, Iterable[str]]],
        trainer: Optional[Trainer] = None,
        length: Optional[int] = None,
    ) -> None:
        """Trains the model on texts, behind the normalizer and the pre-tokenizer.

        The vocabulary, its ids and its merges are those of tokenizers. The special tokens of the
        trainer are added to the tokenizer. After an error the tokenizer is as it was.

        Args:
            iterator: Texts, or lists of them.
            trainer: As for `train`.
            length: Is not needed.

        Raises:
            InvalidTypeError, InvalidValueError: Something is no text, or no trainer of BPE.
            UnsupportedError: The trainer has an option that is not supported.
        """
        self._train(_training.texts_of(iterator), trainer)

    def _train(self, texts: Iterable[str], trainer: Optional[Trainer]) -> None:
        taken = self.model.get_trainer() if trainer is None else trainers.check(trainer)
        settings = {**self._source.settings, "added_tokens": self._added_forms()}
        _training.train(settings, self.model, taken, texts, self._mode())
        self.add_special_tokens(taken.special_tokens)

    def post_process(
        self,
        encoding: Encoding,
        pair: Optional[Encoding] = None,
        add_special_tokens: bool = True,
    ) -> Encoding:
        """Truncates, adds special tokens and pads, as `encode` does at its end."""
        second = None if pair is None else pair._copy()
        return self._finish(encoding._copy(), second, add_special_tokens)

    def num_special_tokens_to_add(self, is_pair: bool) -> int:
        """How many tokens the post-processor adds."""
        return 0 if self._processor is None else self._processor.added(is_pair)

    def decode(self, ids: Sequence[int], skip_special_tokens: bool = True) -> str:
        """The text of ids; those without a token are passed over.

        Raises:
            OverflowError: One is negative or too large.
        """
        state = self._state
        if self._source.settings.get("decoder") is None:
            return " ".join(self._kept_tokens(ids, skip_special_tokens))
        try:
            return state.native.decode(ids, skip_special_tokens=skip_special_tokens)
        except UnknownIdError:
            if not all(0 <= token_id < 1 << 32 for token_id in ids):
                raise OverflowError("number out of range for an id") from None
            known = [token_id for token_id in ids if state.native.id_to_token(token_id) is not None]
            return state.native.decode(known, skip_special_tokens=skip_special_tokens)

    def _kept_tokens(self, ids: Sequence[int], skip_special_tokens: bool) -> Iterable[str]:
        state = self._state
        specials = {token.content for token in state.added.values() if token.special}
        for token_id in ids:
            token = state.spell(token_id)
            if token is not None and not (skip_special_tokens and token in specials):
                yield token

    def decode_batch(
        self, sequences: Sequence[Sequence[int]], skip_special_tokens: bool = True
    ) -> List[str]:
        """The text of each of many sequences of ids."""
        return [self.decode(ids, skip_special_tokens) for ids in sequences]

    def token_to_id(self, token: str) -> Optional[int]:
        """The id of a token, spelled as in the vocabulary; None if there is none."""
        if not isinstance(token, str):
            raise TypeError(f"{type(token).__name__!r} object is not an instance of 'str'")
        found = self._added_ids().get(token)
        return self._source.vocab.get(token) if found is None else found

    def _added_ids(self) -> Dict[str, int]:
        if self._lazy_state is not None:
            return self._lazy_state.ids
        return {token.content: token_id for token_id, token in self._added.items()}

    def id_to_token(self, id: int) -> Optional[str]:
        """The token of an id, spelled as in the vocabulary; None if there is none."""
        if not 0 <= id < 1 << 32:
            raise OverflowError("number out of range for an id")
        token = self._added.get(id)
        source = self._source
        return source.spelled.get(id) if token is None else text_of(token, source)

    def get_vocab(self, with_added_tokens: bool = True) -> Dict[str, int]:
        """All tokens and their ids."""
        vocab = dict(self._source.vocab)
        if with_added_tokens:
            vocab.update(self._added_ids())
        return vocab

    def get_vocab_size(self, with_added_tokens: bool = True) -> int:
        """How many tokens `get_vocab` has."""
        vocab = self._source.vocab
        if not with_added_tokens:
            return len(vocab)
        return len(vocab) + sum(token not in vocab for token in self._added_ids())

    def get_added_tokens_decoder(self) -> Dict[int, AddedToken]:
        """The added tokens by id, in ascending order."""
        return dict(sorted(self._added.items()))

    def add_tokens(self, tokens: Sequence[Union[str, AddedToken]]) -> int:
        """Adds tokens to be matched in texts, and returns how many; tokenizers' own are taken too.

        Raises:
            TypeError: One is neither a str nor an `AddedToken`.
        """
        return self._add(tokens, is_special=False)

    def add_special_tokens(self, tokens: Sequence[Union[str, AddedToken]]) -> int:
        """The same for special tokens."""
        return self._add(tokens, is_special=True)

    def _add(self, tokens: Sequence[Union[str, AddedToken]], *, is_special: bool) -> int:
        made = [as_added(token, special=is_special) for token in tokens]
        added = dict(self._added)
        ids = {token.content: token_id for token_id, token in added.items()}
        count = 0
        for item in made:
            if not item.content or added.get(ids.get(item.content, -1)) == item:
                continue
            token_id = ids.get(item.content, self._source.vocab.get(item.content))
            if token_id is None:
                token_id = next_id(self._source.vocab, list(added))
            ids[item.content] = token_id
            added[token_id] = item
            count += 1
        if count:
            self._added = added
            self._lazy_state = None
        return count

    def enable_truncation(
        self,
        max_length: int,
        stride: int = 0,
        strategy: str = "longest_first",
        direction: str = "right",
    ) -> None:
        """Lets `encode` cut encodings to `max_length`, special tokens included.

        Raises:
            InvalidValueError: An argument is none of its values.
            OverflowError: A number is negative.
        """
        if strategy not in _parameters.STRATEGIES:
            names = "`longest_first`, `only_first`, or `only_second`"
            raise InvalidValueError(f"Unknown `strategy`: `{strategy}`. Use one of {names}")
        check_direction(direction)
        if max_length < 0 or stride < 0:
            raise OverflowError("can't convert negative int to unsigned")
        self._truncation = {
            "max_length": max_length,
            "stride": stride,
            "strategy": strategy,
            "direction": direction,
        }

    def no_truncation(self) -> None:
        """Switches truncation off."""
        self._truncation = None

    @property
    def truncation(self) -> Optional[Dict[str, Any]]:
        """The arguments of `enable_truncation`, or None."""
        return None if self._truncation is None else dict(self._truncation)

    def enable_padding(  # noqa: PLR0917 (as in tokenizers)
        self,
        direction: str = "right",
        pad_id: int = 0,
        pad_type_id: int = 0,
        pad_token: str = "[PAD]",
        length: Optional[int] = None,
        pad_to_multiple_of: Optional[int] = None,
    ) -> None:
        """Lets `encode` fill encodings up; without `length`, to the longest of a batch.

        Raises:
            InvalidValueError: `direction` is neither left nor right.
        """
        check_direction(direction)
        self._padding = {
            "length": length,
            "pad_to_multiple_of": pad_to_multiple_of,
            "pad_id": pad_id,
            "pad_token": pad_token,
            "pad_type_id": pad_type_id,
            "direction": direction,
        }

    def no_padding(self) -> None:
        """Switches padding off."""
        self._padding = None

    @property
    def padding(self) -> Optional[Dict[str, Any]]:
        """The arguments of `enable_padding`, or None."""
        return None if self._padding is None else dict(self._padding)

    def to_str(self, pretty: bool = False) -> str:
        """The content of a tokenizer.json."""
        settings = self._source.settings
        settings["added_tokens"] = self._added_forms()
        settings["truncation"] = _parameters.write_truncation(self._truncation)
        settings["padding"] = _parameters.write_padding(self._padding)
        return self._source.to_str(pretty=pretty)

    def _added_forms(self) -> List[Dict[str, Any]]:
        return [
            {
                "id": token_id,
                "content": token.content,
                **{flag: getattr(token, flag) for flag in FLAGS},
            }
            for token_id, token in sorted(self._added.items())
        ]

    def save(self, path: Path, pretty: bool = True) -> None:
        """Writes a tokenizer.json, whole or not at all.

        Raises:
            FileWriteError: The file cannot be written.
        """
        with _files.replacing(check_path(path)) as file:
            file.write(self.to_str(pretty).encode())

    def __repr__(self) -> str:
        return f"<{type(self).__module__}.Tokenizer of {self.get_vocab_size()} tokens>"

    def __reduce__(self) -> Tuple[Any, ...]:
        """Pickles its tokenizer.json."""
        return _restore, (type(self), self.to_str(), self.encode_special_tokens)


def _later(call: Callable[..., _R], *arguments: Any) -> asyncio.Future[_R]:
    return asyncio.get_running_loop().run_in_executor(None, call, *arguments)


def _restore(cls: type[Tokenizer], json: str, encode_special_tokens: bool) -> Tokenizer:
    self = cls.from_str(json)
    self.encode_special_tokens = encode_special_tokens
    return self
