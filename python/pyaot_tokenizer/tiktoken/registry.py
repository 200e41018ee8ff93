"""The published encodings by name, made when first asked for and then kept."""

from __future__ import annotations

import importlib
import pkgutil
import threading
from types import ModuleType
from typing import Any, Callable, Dict, List, Optional

from ..patterns import PATTERNS
from .core import Encoding
from .load import data_gym_to_mergeable_bpe_ranks, load_tiktoken_bpe

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


def _ranks(name: str) -> Dict[bytes, int]:
    return load_tiktoken_bpe(f"{_PLACE}encodings/{name}.tiktoken", _SHA256[name])


def _gpt2() -> Dict[str, Any]:
    return {
        "name": "gpt2",
        "explicit_n_vocab": 50257,
        "pat_str": PATTERNS["gpt2"],
        "mergeable_ranks": data_gym_to_mergeable_bpe_ranks(
            _PLACE + _MERGES, _PLACE + _IDS, _SHA256[_MERGES], _SHA256[_IDS]
        ),
        "special_tokens": {_END: 50256},
    }


def _r50k_base() -> Dict[str, Any]:
    return {
        "name": "r50k_base",
        "explicit_n_vocab": 50257,
        "pat_str": PATTERNS["r50k_base"],
        "mergeable_ranks": _ranks("r50k_base"),
        "special_tokens": {_END: 50256},
    }


def _p50k_base() -> Dict[str, Any]:
    return {
        "name": "p50k_base",
        "explicit_n_vocab": 50281,
        "pat_str": PATTERNS["p50k_base"],
        "mergeable_ranks": _ranks("p50k_base"),
        "special_tokens": {_END: 50256},
    }


def _p50k_edit() -> Dict[str, Any]:
    return {
        "name": "p50k_edit",
        "pat_str": PATTERNS["p50k_base"],
        "mergeable_ranks": _ranks("p50k_base"),
        "special_tokens": {_END: 50256, **dict(zip(_FILL_IN, range(50281, 50284)))},
    }


def _cl100k_base() -> Dict[str, Any]:
    return {
        "name": "cl100k_base",
        "pat_str": PATTERNS["cl100k_base"],
        "mergeable_ranks": _ranks("cl100k_base"),
        "special_tokens": {
            _END: 100257,
            **dict(zip(_FILL_IN, range(100258, 100261))),
            _PROMPT_END: 100276,
        },
    }


def _o200k_base() -> Dict[str, Any]:
    return {
        "name": "o200k_base",
        "pat_str": PATTERNS["o200k_base"],
        "mergeable_ranks": _ranks("o200k_base"),
        "special_tokens": {_END: 199999, _PROMPT_END: 200018},
    }


def _o200k_harmony() -> Dict[str, Any]:
    base = _o200k_base()
    specials = {**base["special_tokens"], **_HARMONY}
    return {**base, "name": "o200k_harmony", "special_tokens": specials}


_OWN: Dict[str, Callable[[], Dict[str, Any]]] = {
    "gpt2": _gpt2,
    "r50k_base": _r50k_base,
    "p50k_base": _p50k_base,
    "p50k_edit": _p50k_edit,
    "cl100k_base": _cl100k_base,
    "o200k_base": _o200k_base,
    "o200k_harmony": _o200k_harmony,
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
