"""The parameters of truncation and padding, and how a tokenizer.json has them."""

from __future__ import annotations

from typing import Any, Dict, Optional

STRATEGIES = {
    "longest_first": "LongestFirst",
    "only_first": "OnlyFirst",
    "only_second": "OnlySecond",
}
"""Which of a pair is cut, and the same in a tokenizer.json."""


def read_truncation(form: Optional[Dict[str, Any]]) -> Optional[Dict[str, Any]]:
    """The parameters of a tokenizer.json."""
    if form is None:
        return None
    names = {value: name for name, value in STRATEGIES.items()}
    return {
        "max_length": form["max_length"],
        "stride": form["stride"],
        "strategy": names[form["strategy"]],
        "direction": form.get("direction", "Right").lower(),
    }


def write_truncation(parameters: Optional[Dict[str, Any]]) -> Optional[Dict[str, Any]]:
    """And the way back."""
    if parameters is None:
        return None
    return {
        "direction": parameters["direction"].capitalize(),
        "max_length": parameters["max_length"],
        "strategy": STRATEGIES[parameters["strategy"]],
        "stride": parameters["stride"],
    }


def read_padding(form: Optional[Dict[str, Any]]) -> Optional[Dict[str, Any]]:
    """The parameters of a tokenizer.json."""
    if form is None:
        return None
    strategy = form["strategy"]
    return {
        "length": strategy["Fixed"] if isinstance(strategy, dict) else None,
        "pad_to_multiple_of": form.get("pad_to_multiple_of"),
        "pad_id": form["pad_id"],
        "pad_token": form["pad_token"],
        "pad_type_id": form["pad_type_id"],
        "direction": form["direction"].lower(),
    }


def write_padding(parameters: Optional[Dict[str, Any]]) -> Optional[Dict[str, Any]]:
    """And the way back."""
    if parameters is None:
        return None
    length = parameters["length"]
    return {
        "strategy": "BatchLongest" if length is None else {"Fixed": length},
        "direction": parameters["direction"].capitalize(),
        "pad_to_multiple_of": parameters["pad_to_multiple_of"],
        "pad_id": parameters["pad_id"],
        "pad_type_id": parameters["pad_type_id"],
        "pad_token": parameters["pad_token"],
    }
