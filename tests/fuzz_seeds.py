"""Writes small files of every form into a folder: what `zig build fuzz-loaders` changes.

::

    python tests/fuzz_seeds.py FOLDER
    cd zig && zig build fuzz-loaders --release=safe -- json 600 7 FOLDER/*.json
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any, Dict, List

import test_mutated_files as forms
from charsmaps import compiled

import sentencepiece_model as spm
from families import FAMILIES

CHARSMAP = base64.b64encode(compiled({"a": "b", "b\u0301": "", "\u00e9": "xy"})).decode()

NORMALIZERS: List[Dict[str, Any]] = [
    {
        "type": "BertNormalizer",
        "clean_text": True,
        "handle_chinese_chars": True,
        "strip_accents": None,
        "lowercase": True,
    },
    {"type": "Precompiled", "precompiled_charsmap": CHARSMAP},
    {"type": "NFKC"},
    {"type": "Nmt"},
]
PRE_TOKENIZERS: List[Dict[str, Any]] = [
    {"type": "UnicodeScripts"},
    {"type": "FixedLength", "length": 3},
    {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": True},
]
DECODERS: List[Dict[str, Any]] = [
    {"type": "WordPiece", "prefix": "##", "cleanup": True},
    {"type": "CTC", "pad_token": "<pad>", "word_delimiter_token": "|", "cleanup": True},
    {"type": "BPEDecoder", "suffix": "</w>"},
]


def with_component(role: str, component: Dict[str, Any]) -> bytes:
    """A small file whose one component of that role is the given one."""
    document = json.loads(forms.character_json())
    document[role] = component
    return json.dumps(document).encode()


def seeds() -> Dict[str, bytes]:
    """The files by name; the ending is the form's."""
    made = {
        "bytes.json": forms.tokenizer_json(),
        "characters.json": forms.character_json(),
        "general.json": forms.general_json(),
        "ranks.tiktoken": forms.rank_file(),
        "pair.vocab-merges": forms.vocab_and_merges(),
        "tekken.tekken": forms.tekken_json(),
        "whole.model": spm.small(),
        "bytes.model": spm.model([*spm.specials(), *spm.all_bytes()], byte_fallback=True),
    }
    document = json.loads(forms.tokenizer_json())
    document["model"]["dropout"] = 0.5
    made["dropout.json"] = json.dumps(document).encode()
    roles = {"normalizer": NORMALIZERS, "pre_tokenizer": PRE_TOKENIZERS, "decoder": DECODERS}
    for role, components in roles.items():
        for component in components:
            made[f"{component['type']}.json"] = with_component(role, component)
    for name in ("clip", "falcon", "a prefix within words", "llama 2, mistral, phi-3"):
        made[f"{name.split(',')[0].replace(' ', '_')}.json"] = FAMILIES[name]().to_str().encode()
    return made


def main(folder: Path) -> None:
    """Writes them."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in seeds().items():
        (folder / name).write_bytes(content)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
