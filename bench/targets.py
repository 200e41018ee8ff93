"""What is aimed at, against whom, and what the records say of it."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Callable, Iterator, List, Optional, Sequence, Tuple

import figures
from engines import ENGINES, OURS
from figures import Record

_ALL = tuple(ENGINES)
_LATIN = ("english", "code")
_OTHER = ("multilingual", "cjk")


@dataclass(frozen=True)
class Target:
    """A ratio that is to be reached in every cell that `cells` lets through."""

    what: str
    against: str
    least: float
    row: str
    cells: Callable[[Record], bool]
    peers: Sequence[str] = _ALL
    pass_: str = "warm"
    ours: str = OURS
    """Whose ratio it is."""
    measure: str = "ratio"
    """ratio; memory (theirs over ours); at most, prose (a hostile text over our own prose) and
    offsets (our ids with offsets over our ids)."""

    @property
    def is_at_most(self) -> bool:
        """Whether less is better."""
        return self.measure in ("prose", "offsets")


@dataclass(frozen=True)
class Outcome:
    """A target and what was measured: the worst cell, the median one, and which the worst is."""

    target: Target
    worst: Optional[float] = None
    median: Optional[float] = None
    where: str = ""

    @property
    def met(self) -> Optional[bool]:
        """Whether it is reached everywhere; None if it was not measured."""
        if self.worst is None:
            return None
        if self.target.is_at_most:
            return self.worst <= self.target.least
        return self.worst >= self.target.least


def _texts(*names: str) -> Callable[[Record], bool]:
    return lambda record: record["text"] in names


def _form(*names: str) -> Callable[[Record], bool]:
    return lambda record: record["form"] in names


def _shape(*names: str) -> Callable[[Record], bool]:
    return lambda record: record["shape"] in names


def _training(form: str, threads: int) -> Callable[[Record], bool]:
    return lambda record: record["form"] == form and record["threads"] == threads


def _hostile(record: Record) -> bool:
    return record["text"] != "english"


def _targets() -> List[Target]:
    giga = ("gigatoken",)
    found = []
    for pass_ in ("warm", "first"):
        for texts, least in ((_LATIN, 1.5), (_OTHER, 2.0)):
            what = f"one thread, ids in an array, {pass_}: {', '.join(texts)}"
            found.append(Target(what, "gigatoken", least, "array", _texts(*texts), giga, pass_))
    lists = "one thread, `encode` → list, documents"
    everything = _texts(*_LATIN, *_OTHER)
    found += [
        Target(f"{lists}, warm", "best peer", 2, "list", everything),
        Target(f"{lists}, first pass", "best peer", 3, "list", everything, pass_="first"),
        Target(f"{lists}, warm", "tiktoken", 25, "list", everything, ("tiktoken",)),
        Target('"Hello, world!" → list', "tiktoken", 3, "short", _form("hello"), ("tiktoken",)),
        Target('"Hello, world!" → list', "gigatoken", 1, "short", _form("hello"), giga),
        Target("100 B and 1 KB strings → list", "best peer", 1.3, "short", _form("100", "1000")),
        Target("`encode_batch`, 2 threads → lists", "best peer", 3, "batch", _shape("batch_lists")),
        Target(
            "`encode_batch`, 2 threads → arrays", "best peer", 1.5, "batch", _shape("batch_arrays")
        ),
        # Later passes would find what the first has met.
        Target(
            "nothing repeats, first pass",
            "best peer",
            2,
            "unrepeated",
            lambda _: True,
            pass_="first",
        ),
        Target("each hostile megabyte, warm", "best exact peer", 3, "hostile", _hostile),
        Target(
            "each hostile megabyte, first pass",
            "best exact peer",
            3,
            "hostile",
            _hostile,
            pass_="first",
        ),
        Target(
            "the worst of them, any vocabulary",
            "our own prose, time per byte (at most)",
            8,
            "hostile",
            _hostile,
            measure="prose",
        ),
        Target("SentencePiece vocabularies", "gigatoken", 3, "sentencepiece", everything, giga),
        Target(
            "SentencePiece vocabularies",
            "tokenizers",
            10,
            "sentencepiece",
            everything,
            ("tokenizers",),
        ),
        *(
            Target(
                f"offsets, any family, {said}: time against without",
                "our own ids alone (at most)",
                1.5,
                "offsets",
                _shape("offsets", "byte_offsets"),
                pass_=pass_,
                measure="offsets",
            )
            for pass_, said in (("warm", "warm"), ("first", "first pass"))
        ),
        Target("decode a list to str", "best peer", 3, "decode", _shape("decode")),
        Target("decode an array to str", "best peer", 3, "decode", _shape("decode_array")),
        Target("load: own form", "best peer's own form", 10, "load", _texts("own")),
        Target("load: tokenizer.json", "tokenizers", 5, "load", _texts("json"), ("tokenizers",)),
        Target(
            "peak memory while encoding 20 MB",
            "tiktoken",
            1,
            "memory",
            lambda _: True,
            ("tiktoken",),
            measure="memory",
        ),
        *_training_targets(),
    ]
    return found


def _training_targets() -> Iterator[Target]:
    mixed = "train 100 MB, 32,768 tokens"
    for threads, said in ((1, "1 thread"), (2, "2 threads")):
        for form, peer, least in (
            ("texts", "rustbpe", 8),
            ("texts, as HF", "tokenizers", 15),
            ("file, as HF", "gigatoken", 4),
            ("texts", "fast-bpe-rs", 4),
        ):
            cells = _training(form, threads)
            yield Target(f"{mixed}, {said}", peer, least, "train", cells, (peer,))
        yield Target(
            f"rust_baseline, {said}: no slower",
            "rustbpe",
            1,
            "train",
            _training("texts", threads),
            ("rustbpe",),
            ours="rust_baseline",
        )
    counts, stream = _training("counts", 1), _training("stream", 1)
    baseline = "rust_baseline"
    yield Target("merges alone, 65,536 tokens", baseline, 5, "train", counts, (baseline,))
    yield Target(
        f"peak memory: {mixed}", "rustbpe", 2, "train", stream, ("rustbpe",), measure="memory"
    )
    for pass_ in ("warm", "first"):
        yield Target(
            f"rustbpe's own `encode`, {pass_}",
            "rustbpe",
            50,
            "rustbpe",
            lambda _: True,
            ("rustbpe",),
            pass_,
        )


TARGETS = tuple(_targets())


def outcomes(records: Sequence[Record]) -> List[Outcome]:
    """All targets, each with what was measured."""
    return [_outcome(target, records) for target in TARGETS]


def _outcome(target: Target, records: Sequence[Record]) -> Outcome:
    chosen = [r for r in records if r["row"] == target.row and target.cells(r)]
    found: List[Tuple[float, str]] = []
    for cell in figures.grouped(chosen).values():
        value = _value(target, cell, records)
        if value is not None:
            first = cell[0]
            place = [first["vocabulary"], first["text"], first.get("form"), value[1]]
            found.append((value[0], ", ".join(str(word) for word in place if word)))
    if not found:
        return Outcome(target)
    worst = max(found) if target.is_at_most else min(found)
    return Outcome(target, worst[0], statistics.median(v for v, _ in found), worst[1])


def _value(
    target: Target, cell: Sequence[Record], records: Sequence[Record]
) -> Optional[Tuple[float, str]]:
    if target.measure == "memory":
        peaks = {r["engine"]: r.get("peak_mebibytes") for r in cell}
        (peer,) = target.peers
        ours, theirs = peaks.get(OURS), peaks.get(peer)
        return (theirs / ours, peer) if ours and theirs else None
    first = cell[0]
    if target.measure == "prose":
        prose = ("hostile", first["vocabulary"], "english", first["shape"])
        return _over(cell, records, prose, target.pass_)
    if target.measure == "offsets":
        alone = ("offsets", first["vocabulary"], first["text"], "list")
        value = _over(cell, records, alone, target.pass_)
        return value and (value[0], "in bytes" if first["shape"] == "byte_offsets" else "")
    return figures.ratio(cell, target.ours, target.peers, target.pass_)


def _over(
    cell: Sequence[Record], records: Sequence[Record], other: Tuple[str, ...], pass_: str
) -> Optional[Tuple[float, str]]:
    """Our time of a cell over that of another cell of ours."""
    names = ("row", "vocabulary", "text", "shape")
    mine = [r for r in cell if r["engine"] == OURS]
    base = [r for r in records if tuple(r.get(n) for n in names) == other and r["engine"] == OURS]
    times = [figures.per_byte(r, pass_) for r in (*mine, *base)]
    if len(times) != 2 or times[0] is None or not times[1]:
        return None
    return times[0] / times[1], ""
