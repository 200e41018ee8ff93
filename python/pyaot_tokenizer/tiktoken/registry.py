"""The published encodings by name, made when first asked for and then kept."""

from __future__ import annotations

import importlib
import pkgutil
import threading
from functools import partial
from types import ModuleType
from typing import Any, Callable, Dict, List, NamedTuple, Optional, Tuple, Union

from ..patterns import PATTERNS
from .core import Encoding
from .load import data_gym_to_mergeable_bpe_ranks, load_tiktoken_bpe, read_file_cached

VERSION = "0.14.0"
"""The version of tiktoken that this is like."""

_PLACE = "https://openaipublic.blob.core.windows.net/"
_MERGES = "gpt-2/encodings/main/vocab.bpe"
_IDS = "gpt-2/encodings/main/encoder.json"
_OWN_PLUGIN = "tiktoken_ext.openai_public"
_END = "<|endoftext|>"
_PROMPT_END = "<|endofprompt|>"
_FILL_IN = ("<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>")

_SHA256 = {
    _MERGES: ("1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5"),
    _IDS: ("196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783"),
    "r50k_base": "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930",
    "p50k_base": "94b5ca7dff4d00767bc256fdd1b27e5b17361d7b8a5f968547f9f23eb70d2069",
    "cl100k_base": "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7",
    "o200k_base": "446a9538cb6c348e3516120d7c08b09f57c36495e2acfffe59a5bf8b0cfb1a2d",
}

_HARMONY = {
    "<|startoftext|>": 199998,
    **{f"<|reserved_{token_id}|>": token_id for token_id in (200000, 200001)},
    "<|return|>": 200002,
    "<|constrain|>": 200003,
    "<|reserved_200004|>": 200004,
    "<|channel|>": 200005,
    "<|start|>": 200006,
    "<|end|>": 200007,
    "<|message|>": 200008,
    **{f"<|reserved_{token_id}|>": token_id for token_id in (200009, 200010, 200011)},
    "<|call|>": 200012,
    **{f"<|reserved_{token_id}|>": token_id for token_id in range(200013, 201088)},
}


PUBLISHED_NAMES = (
    "gpt2",
    "r50k_base",
    "p50k_base",
    "p50k_edit",
    "cl100k_base",
    "o200k_base",
    "o200k_harmony",
)
"""The encodings that are known without a plugin."""


class Published(NamedTuple):
    """A published encoding: the content of its rank file, or the ranks where there is none."""

    ranks: Union[bytes, Dict[bytes, int]]
    pattern: str
    special_tokens: Dict[str, int]


class _Settings(NamedTuple):
    """What a rank file does not have; `size` is what is asserted of the number of tokens."""

    file: str
    pattern: str
    special_tokens: Dict[str, int]
    size: Optional[int] = None


_GPT2 = _Settings(_MERGES, PATTERNS["gpt2"], {_END: 50256}, 50257)

_SETTINGS: Dict[str, _Settings] = {
    "r50k_base": _Settings("r50k_base", PATTERNS["r50k_base"], {_END: 50256}, 50257),
    "p50k_base": _Settings("p50k_base", PATTERNS["p50k_base"], {_END: 50256}, 50281),
    "p50k_edit": _Settings(
        "p50k_base",
        PATTERNS["p50k_base"],
        {_END: 50256, **dict(zip(_FILL_IN, range(50281, 50284)))},
    ),
    "cl100k_base": _Settings(
        "cl100k_base",
        PATTERNS["cl100k_base"],
        {_END: 100257, **dict(zip(_FILL_IN, range(100258, 100261))), _PROMPT_END: 100276},
    ),
    "o200k_base": _Settings(
        "o200k_base", PATTERNS["o200k_base"], {_END: 199999, _PROMPT_END: 200018}
    ),
    "o200k_harmony": _Settings(
        "o200k_base",
        PATTERNS["o200k_base"],
        {_END: 199999, _PROMPT_END: 200018, **_HARMONY},
    ),
}


def name_of(sha256: str) -> Optional[str]:
    """The encoding whose rank file has this SHA-256, in hexadecimal digits."""
    return next((name for name in _SETTINGS if _SHA256.get(name) == sha256), None)


def settings(name: str) -> Optional[Tuple[str, Dict[str, int]]]:
    """The pattern and the special tokens of a published encoding; None if it is none."""
    found = _GPT2 if name == "gpt2" else _SETTINGS.get(name)
    return None if found is None else (found.pattern, _one_each(found.special_tokens))


def published(name: str) -> Optional[Published]:
    """A published encoding from its file in the cache folder; None if there is no such encoding.

    Raises:
        FileMissingError, FileReadError, FormatError: As for `load.read_file_cached`.
    """
    if name == "gpt2":
        return Published(_gpt2_ranks(), _GPT2.pattern, dict(_GPT2.special_tokens))
    found = _SETTINGS.get(name)
    if found is None:
        return None
    content = read_file_cached(_address(found.file), _SHA256[found.file])
    return Published(content, found.pattern, _one_each(found.special_tokens))


def _one_each(special_tokens: Dict[str, int]) -> Dict[str, int]:
    """One text for each id, the first: o200k_harmony has two for 200018."""
    firsts: Dict[int, str] = {}
    for text, token_id in special_tokens.items():
        firsts.setdefault(token_id, text)
    return {text: token_id for token_id, text in firsts.items()}


def _address(file: str) -> str:
    return f"{_PLACE}encodings/{file}.tiktoken"


def _gpt2_ranks() -> Dict[bytes, int]:
    return data_gym_to_mergeable_bpe_ranks(
        _PLACE + _MERGES, _PLACE + _IDS, _SHA256[_MERGES], _SHA256[_IDS]
    )


def _arguments(name: str) -> Dict[str, Any]:
    """What `Encoding` takes."""
    found = _GPT2 if name == "gpt2" else _SETTINGS[name]
    ranks = (
        _gpt2_ranks()
        if name == "gpt2"
        else load_tiktoken_bpe(_address(found.file), _SHA256[found.file])
    )
    arguments: Dict[str, Any] = {
        "name": name,
        "pat_str": found.pattern,
        "mergeable_ranks": ranks,
        "special_tokens": dict(found.special_tokens),
    }
    if found.size is not None:
        arguments["explicit_n_vocab"] = found.size
    return arguments


_OWN: Dict[str, Callable[[], Dict[str, Any]]] = {
    name: partial(_arguments, name) for name in PUBLISHED_NAMES
}

ENCODINGS: Dict[str, Encoding] = {}
"""Those that were asked for."""

ENCODING_CONSTRUCTORS: Optional[Dict[str, Callable[[], Dict[str, Any]]]] = None
"""What gives the arguments of each; None until it is looked for."""

_lock = threading.RLock()


def get_encoding(encoding_name: str) -> Encoding:
    """The encoding of this name, the same object each time.

    Raises:
        ValueError: There is none, or `encoding_name` is no str.
        FileMissingError, FileReadError, FormatError: Its file is not in the cache folder, cannot be
            read, or is not the published one.
    """
    if not isinstance(encoding_name, str):
        raise ValueError(f"Expected a string in get_encoding, got {type(encoding_name)}")
    found = ENCODINGS.get(encoding_name)
    if found is not None:
        return found
    with _lock:
        if encoding_name not in ENCODINGS:
            constructor = _constructors().get(encoding_name)
            if constructor is None:
                raise ValueError(
                    f"Unknown encoding {encoding_name}.\n"
                    f"Plugins found: {_plugins()}\n"
                    f"tiktoken version: {VERSION} (are you on latest?)"
                )
            ENCODINGS[encoding_name] = Encoding(**constructor())
        return ENCODINGS[encoding_name]


def list_encoding_names() -> List[str]:
    """The names that `get_encoding` knows."""
    with _lock:
        return list(_constructors())


def _constructors() -> Dict[str, Callable[[], Dict[str, Any]]]:
    """The published encodings, and those of plugins: modules in the namespace `tiktoken_ext`.

    Raises:
        ValueError: A plugin has no ``ENCODING_CONSTRUCTORS``, or one of a name that is taken.
    """
    global ENCODING_CONSTRUCTORS  # noqa: PLW0603 (as tiktoken has it)
    if ENCODING_CONSTRUCTORS is None:
        found = dict(_OWN)
        for plugin in _plugins():
            if plugin != _OWN_PLUGIN:
                _add(found, plugin, importlib.import_module(plugin))
        ENCODING_CONSTRUCTORS = found
    return ENCODING_CONSTRUCTORS


def _add(found: Dict[str, Callable[[], Dict[str, Any]]], plugin: str, module: ModuleType) -> None:
    constructors = getattr(module, "ENCODING_CONSTRUCTORS", None)
    if constructors is None:
        raise ValueError(f"tiktoken plugin {plugin} does not define ENCODING_CONSTRUCTORS")
    for name, constructor in constructors.items():
        if name in found:
            raise ValueError(f"Duplicate encoding name {name} in tiktoken plugin {plugin}")
        found[name] = constructor


def _plugins() -> List[str]:
    """The modules of `tiktoken_ext`; tiktoken's own one is there in effect, installed or not."""
    try:
        places = importlib.import_module("tiktoken_ext").__path__
    except ImportError:
        return [_OWN_PLUGIN]
    names = [f"tiktoken_ext.{module.name}" for module in pkgutil.iter_modules(places)]
    return names if _OWN_PLUGIN in names else [_OWN_PLUGIN, *names]
