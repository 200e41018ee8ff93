"""The work that the summary measures, as each implementation does it, in a process of its own."""

from __future__ import annotations

import contextlib
import gc
import hashlib
import itertools
import json
import multiprocessing
import os
import subprocess
import sys
import time
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Sequence, Tuple

import corpora
from engines import OURS
from engines.base import ranks_of
from measure import Failed, describe, digest, forget_peak, peak_mebibytes

DOCUMENT_COUNT = 500
# rust_baseline cuts at the first line end after so many bytes, which makes this many and one.
_DOCUMENT_BYTES = 2000
_CHARACTERS = 1_000_000
_TOKENS = 1_000_000
_SMALL_VOCAB = 2048
_LARGE_VOCAB = 8192
_TIMEOUT = 300.0
# Where Bazel puts the programs. Python resolves the links of the runfiles for the place of a
# module, not for that of the program it was started with.
_BUILT = Path(sys.argv[0]).absolute().parent.parent


def _built(*places: Path) -> Optional[str]:
    return next((str(path) for path in places if path.is_file()), None)


RUST_PROGRAM = _built(
    _BUILT / "rust_baseline" / "bench",
    Path(__file__).parent.parent / "rust_baseline" / "target" / "release" / "bench",
)
"""rust_baseline's ``bench``, if it is built by Bazel or by Cargo."""
ZIG_PROGRAM = _built(_BUILT / "zig" / "bench")
"""The core's ``bench``, if it is built."""
# What the plain Python does of each work: merges, and one document in so many.
_PLAIN_MERGES = {"documents": 16, "large": 1}
_PLAIN_DOCUMENTS = 20

Ranks = Dict[bytes, int]
Result = Dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """The files that all implementations work on, and the sizes of their vocabularies."""

    folder: str
    sizes: Dict[str, float]
    """What the summary says about them."""
    small_vocab: int
    large_vocab: int
    rust_binary: Optional[str]

    def path(self, name: str) -> str:
        """A file of the plan."""
        return str(Path(self.folder) / name)

    def texts(self, name: str) -> List[str]:
        """The documents of one of the texts: characters, tokens, documents, large."""
        return _cut(Path(self.path(f"{name}.txt")).read_text("utf-8"))

    def vocab_size(self, row: str) -> int:
        """How many tokens are learnt."""
        return self.small_vocab if row == "documents" else self.large_vocab


@dataclass(frozen=True)
class Expected:
    """What must come out: of trainings, the tokens; of encodings, the ids of each document."""

    ranks: Mapping[str, Ranks]
    """The row to its tokens, where what counts is the pair's frequency and then the ids."""
    huggingface: Mapping[str, str]
    """The row to the fingerprint of the vocabulary and merges by the rules of tokenizers."""
    ids: Mapping[str, List[str]]
    """The row to the fingerprints of its documents' ids."""
    checksums: Mapping[str, str]
    """The row to the checksum that rust_baseline prints."""

    def agrees(self, row: str, result: Result) -> bool:
        """Whether the result of an implementation is right."""
        if "checksum" in result:
            return bool(result["checksum"] == self.checksums[row])
        if row in self.ids:
            found: List[str] = result["ids"]
            whole = self.ids[row][:: result.get("step", 1)]
            return found == whole
        if "huggingface" in result:
            return bool(result["huggingface"] == self.huggingface[row])
        ranks = self.ranks[row]
        count = result.get("token_count")
        if count is not None:
            ranks = {token: rank for token, rank in ranks.items() if rank < count}
        return bool(result["ranks"] == ranks_digest(ranks))


def ranks_digest(ranks: Mapping[bytes, int]) -> str:
    """A fingerprint of tokens and their ids, in whatever order they come."""
    lines = sorted((rank, token.hex()) for token, rank in ranks.items())
    return hashlib.blake2b(repr(lines).encode(), digest_size=8).hexdigest()


def checksum(data: bytes) -> str:
    """The 64-bit FNV-1a hash, as the programs in Rust and Zig print it."""
    value = 0xCBF2_9CE4_8422_2325
    for byte in data:
        value = (value ^ byte) * 0x0000_0100_0000_01B3 & 0xFFFF_FFFF_FFFF_FFFF
    return f"{value:016x}"


def ranks_checksum(ranks: Mapping[bytes, int]) -> str:
    """`checksum` of the tokens by id: each one's id and length as four bytes, and its bytes."""
    parts = []
    for token, rank in sorted(ranks.items(), key=lambda item: item[1]):
        parts += [rank.to_bytes(4, "little"), len(token).to_bytes(4, "little"), token]
    return checksum(b"".join(parts))


def make_plan(folder: Path, texts: Sequence[Path], megabytes: float) -> Tuple[Plan, Expected]:
    """Makes the texts and the vocabulary's files, and works out what must come out."""
    from pyaot_tokenizer import Trainer, count_words
    from pyaot_tokenizer.trainer import DEFAULT_PATTERN

    folder = folder / "summary"
    folder.mkdir(exist_ok=True)
    large = corpora.mixed(texts, int(megabytes * 1e6), _DOCUMENT_BYTES + 1)
    whole = "".join(large)
    small = large[:DOCUMENT_COUNT]
    plan = Plan(
        str(folder),
        {"megabytes": len(whole.encode()) / 1e6, "vocab_size": _LARGE_VOCAB},
        _SMALL_VOCAB,
        _LARGE_VOCAB,
        RUST_PROGRAM,
    )
    works = {"documents": small, "large": large}
    ranks, huggingface = {}, {}
    for row, documents in works.items():
        size = plan.vocab_size(row)
        counts = count_words(documents)
        tokenizer = Trainer(size, progress=False).train_from_counts(counts)
        ranks[row] = _ranks_of_ours(tokenizer)
        theirs = Trainer(size, progress=False, tie_break="huggingface")
        huggingface[row] = _model_digest(theirs.learn_json(counts))
    tokenizer.save(folder / "large.json")
    tokenizer.save(folder / "large.tiktoken")
    encoded: Dict[str, List[List[int]]] = {}
    works["characters"] = _cut(whole[:_CHARACTERS])
    encoded["characters"] = [tokenizer.encode_ordinary(text) for text in works["characters"]]
    encoded["tokens"] = []
    total = 0
    for text in large:
        encoded["tokens"].append(tokenizer.encode_ordinary(text))
        total += len(encoded["tokens"][-1])
        if total >= _TOKENS:
            break
    works["tokens"] = large[: len(encoded["tokens"])]
    plan.sizes.update(characters=len("".join(works["characters"])), tokens=total)
    for row, documents in works.items():
        text = "".join(documents)
        (folder / f"{row}.txt").write_bytes(text.encode())
    (folder / "pattern").write_text(DEFAULT_PATTERN, "utf-8")
    flat = {row: array("I", itertools.chain(*ids)).tobytes() for row, ids in encoded.items()}
    return plan, Expected(
        ranks,
        huggingface,
        {row: [digest(ids) for ids in documents] for row, documents in encoded.items()},
        {
            **{row: checksum(data) for row, data in flat.items()},
            **{row: ranks_checksum(found) for row, found in ranks.items()},
        },
    )


def run_once(column: str, plan: Plan) -> Dict[str, Result]:
    """All of an implementation's work, once: the rows' results.

    Raises:
        Failed: It could not do it.
    """
    if column == "rust_baseline":
        return _run_rust(plan)
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work_main, args=(sender, column, plan), daemon=True)
    process.start()
    sender.close()
    try:
        if not receiver.poll(_TIMEOUT):
            raise Failed(f"not done after {_TIMEOUT:.0f} s")
        results = receiver.recv()
    except EOFError:
        process.join()
        raise Failed(f"its process ended with {process.exitcode}") from None
    finally:
        process.kill()
        process.join()
    if "failed" in results:
        raise Failed(results["failed"])
    return dict(results)


@dataclass(frozen=True)
class _Implementation:
    """How one is called. `train` returns what it learnt, `result` what is to be compared of it."""

    train: Optional[Callable[[List[str], int], Any]]
    result: Optional[Callable[[Any], Result]]
    load: Callable[[Plan, Any], Any]
    """Gets the plan and what `train` returned for the large text."""
    encode: Callable[[Any, List[str]], List[Any]]


def _train_ours(documents: List[str], vocab_size: int) -> Any:
    from pyaot_tokenizer import Trainer

    return Trainer(vocab_size, num_threads=1, progress=False).train(documents)


def _train_rustbpe(documents: List[str], vocab_size: int) -> Any:
    import rustbpe

    tokenizer = rustbpe.Tokenizer()
    tokenizer.train_from_iterator(iter(documents), vocab_size)
    return tokenizer


def train_tokenizers(documents: List[str], vocab_size: int) -> Any:
    """What tokenizers' BpeTrainer learns with rustbpe's pattern."""
    import tokenizers
    from tokenizers import models, pre_tokenizers, trainers

    from pyaot_tokenizer.trainer import DEFAULT_PATTERN

    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(tokenizers.Regex(DEFAULT_PATTERN), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    trainer = trainers.BpeTrainer(
        show_progress=False,
        vocab_size=vocab_size,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(iter(documents), trainer)
    return tokenizer


def _train_plainly(documents: List[str], vocab_size: int) -> Any:
    from pyaot_tokenizer.trainer import DEFAULT_PATTERN

    import reference_bpe

    return reference_bpe.learn(reference_bpe.count_pieces(documents, DEFAULT_PATTERN), vocab_size)


def _load_tiktoken(plan: Plan, _: Any) -> Any:
    import tiktoken

    return tiktoken.Encoding(
        "summary",
        pat_str=Path(plan.path("pattern")).read_text("utf-8"),
        mergeable_ranks=ranks_of(plan.path("large.tiktoken")),
        special_tokens={},
    )


def _load_tokenizers(plan: Plan, _: Any) -> Any:
    import tokenizers

    return tokenizers.Tokenizer.from_file(plan.path("large.json"))


def _load_plainly(plan: Plan, _: Any) -> Any:
    import regex

    pattern = regex.compile(Path(plan.path("pattern")).read_text("utf-8"))
    return pattern, ranks_of(plan.path("large.tiktoken"))


def _encode_plainly(loaded: Any, documents: List[str]) -> List[Any]:
    from oracle import encode_piece_by_ranks

    pattern, ranks = loaded
    found = []
    for text in documents:
        ids: List[int] = []
        for match in pattern.finditer(text):
            ids += encode_piece_by_ranks(match.group().encode(), ranks)
        found.append(ids)
    return found


def _learnt(_: Plan, trained: Any) -> Any:
    return trained


_IMPLEMENTATIONS: Mapping[str, _Implementation] = {
    "pure Python": _Implementation(
        _train_plainly,
        lambda tokens: {"ranks": ranks_digest({token: i for i, token in enumerate(tokens)})},
        _load_plainly,
        _encode_plainly,
    ),
    "tiktoken": _Implementation(
        None, None, _load_tiktoken, lambda t, documents: [t.encode_ordinary(x) for x in documents]
    ),
    "tokenizers": _Implementation(
        train_tokenizers,
        lambda tokenizer: {"huggingface": _model_digest(tokenizer.to_str())},
        _load_tokenizers,
        lambda t, documents: [t.encode(x).ids for x in documents],
    ),
    "rustbpe": _Implementation(
        _train_rustbpe,
        lambda t: {"ranks": ranks_digest({bytes(k): v for k, v in t.get_mergeable_ranks()})},
        _learnt,
        lambda t, documents: [t.encode(x) for x in documents],
    ),
    OURS: _Implementation(
        _train_ours,
        lambda tokenizer: {"ranks": ranks_digest(_ranks_of_ours(tokenizer))},
        _learnt,
        lambda t, documents: [t.encode_ordinary(x) for x in documents],
    ),
}


def _work_main(pipe: Any, column: str, plan: Plan) -> None:
    os.environ["RAYON_NUM_THREADS"] = "1"
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    try:
        pipe.send(_work(_IMPLEMENTATIONS[column], plan, column == "pure Python"))
    except BaseException as error:  # whatever an engine raises is its result, a Rust panic too
        pipe.send({"failed": describe(error)})


def _work(implementation: _Implementation, plan: Plan, is_plain: bool) -> Dict[str, Result]:
    results: Dict[str, Result] = {}
    trained = None
    for row in ("documents", "large"):
        if implementation.train is None or implementation.result is None:
            results[row] = {"absent": "no training"}
            continue
        documents, size = plan.texts(row), plan.vocab_size(row)
        if is_plain:
            size = 256 + _PLAIN_MERGES[row]
        forget_peak()
        seconds, trained = _timed(implementation.train, documents, size)
        results[row] = {"seconds": seconds}
        with contextlib.suppress(LookupError):
            results["memory"] = {"mebibytes": peak_mebibytes()}
        results[row].update(implementation.result(trained))
        if is_plain:
            part = f"{size - 256} of {plan.vocab_size(row) - 256} merges"
            results[row].update(token_count=size, part=part)
    if implementation.train is None:
        results["memory"] = {"absent": "no training"}
    loaded = implementation.load(plan, trained)
    for row in ("characters", "tokens"):
        documents = plan.texts(row)
        step = _PLAIN_DOCUMENTS if is_plain else 1
        seconds, ids = _timed(implementation.encode, loaded, documents[::step])
        results[row] = {"seconds": seconds, "ids": [digest(found) for found in ids]}
        if step > 1:
            times = len(documents) / len(ids)
            results[row].update(step=step, times=times, part=f"of every {step}th document")
    return results


def _timed(call: Callable[..., Any], *arguments: Any) -> Tuple[float, Any]:
    """Seconds on the wall, and the result."""
    gc.collect()
    gc.disable()
    begin = time.perf_counter()
    result = call(*arguments)
    seconds = time.perf_counter() - begin
    gc.enable()
    return seconds, result


def _run_rust(plan: Plan) -> Dict[str, Result]:
    if plan.rust_binary is None:
        raise Failed("its program is not built")
    results: Dict[str, Result] = {}
    encoded = [f"--encode={plan.path(row)}.txt" for row in ("characters", "tokens")]
    for row, options in (("documents", []), ("large", encoded)):
        lines = _rust_lines(plan, row, options)
        trained = next(line for line in lines if line["task"] == "train")
        results[row] = {"seconds": trained["seconds"], "checksum": trained["tokens_checksum"]}
        if row == "documents":
            continue
        encodings = (line for line in lines if line["task"] == "encode")
        for encoding, of_row in zip(encodings, ("characters", "tokens")):
            results[of_row] = {"seconds": encoding["seconds"], "checksum": encoding["checksum"]}
        for line in lines:
            if line["task"] == "memory":
                results["memory"] = {"mebibytes": line["peak_bytes"] / (1 << 20)}
    return results


def _rust_lines(plan: Plan, row: str, options: Iterable[str]) -> List[Dict[str, Any]]:
    command = [
        str(plan.rust_binary),
        f"--vocab-size={plan.vocab_size(row)}",
        f"--document-bytes={_DOCUMENT_BYTES}",
        *options,
        plan.path(f"{row}.txt"),
    ]
    environment = {**os.environ, "RAYON_NUM_THREADS": "1"}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, timeout=_TIMEOUT, check=True, text=True
        )
    except subprocess.CalledProcessError as error:
        raise Failed(f"{error.stderr.strip().splitlines()[-1:]}, code {error.returncode}") from None
    except subprocess.TimeoutExpired:
        raise Failed(f"not done after {_TIMEOUT:.0f} s") from None
    return [json.loads(line) for line in done.stdout.splitlines()]


def _ranks_of_ours(tokenizer: Any) -> Ranks:
    tokens = ((tokenizer.id_to_token(i), i) for i in range(tokenizer.vocab_size))
    return {token: i for token, i in tokens if token is not None}


def _model_digest(document: Any) -> str:
    model = json.loads(document)["model"]
    merges = [" ".join(m) if isinstance(m, list) else m for m in model["merges"]]
    kept = json.dumps([sorted(model["vocab"].items()), merges])
    return hashlib.blake2b(kept.encode(), digest_size=8).hexdigest()


def _cut(text: str) -> List[str]:
    return corpora.cut_documents(text, _DOCUMENT_BYTES + 1)
