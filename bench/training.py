"""Whole trainings: the time and the peak memory of each, in a process of its own.

The rounds go from one implementation to the next in turn. What is learnt is compared with what the
peer learns whose rule it is.
"""

from __future__ import annotations

import gc
import json
import multiprocessing
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence

import trainers
from engines import Vocabulary
from figures import Record
from measure import Failed, Setup, describe, forget_peak, peak_mebibytes, prepare
from running import say
from trainers import Trainer


@dataclass(frozen=True)
class Work:
    """What is trained, and by whom; the last that has a fingerprint says what is right."""

    form: str
    vocab_size: int
    threads: Sequence[int]
    trainers: Sequence[Trainer]


WORKS = (
    Work("texts", 32_768, (1, 2), trainers.TEXTS),
    Work("texts, as HF", 32_768, (1, 2), trainers.AS_TOKENIZERS),
    Work("file, as HF", 32_768, (1, 2), trainers.AS_GIGATOKEN),
    Work("counts", 65_536, (1,), trainers.COUNTS),
    Work("stream", 32_768, (1,), trainers.STREAM),
)
"""From texts that are held, from a file, merges alone; ``stream`` is for its peak of memory: no
text is held."""


def measure(
    path: Path, engines: Sequence[str], site: Optional[str], rounds: int, timeout: float
) -> Iterator[Record]:
    """The records of all works on the text at `path`, one a trainer among `engines`."""
    for work in WORKS:
        chosen = [trainer for trainer in work.trainers if trainer.engine in engines]
        for threads in work.threads:
            records = {t.engine: _begun(work, threads, t, path) for t in chosen}
            learnt: Dict[str, Optional[str]] = {}
            for round_ in range(rounds):
                say(f"train: {work.form}, {threads} threads, round {round_ + 1}")
                for trainer in chosen:
                    record = records[trainer.engine]
                    if "failed" in record:
                        continue
                    try:
                        result = _run(trainer, path, work, threads, site, timeout)
                    except Failed as error:
                        record["failed"] = str(error)
                        continue
                    record["warm"].append(result[record["clock"]])
                    record["cpu"].append(result["cpu"])
                    record["peak_mebibytes"] = result["peak"]
                    learnt[trainer.engine] = result["fingerprint"]
            right = [fingerprint for fingerprint in learnt.values() if fingerprint]
            for engine, found in learnt.items():
                records[engine]["wrong"] = None if found is None else int(found != right[-1])
            yield from records.values()


def _begun(work: Work, threads: int, trainer: Trainer, path: Path) -> Record:
    return {
        "row": "train",
        "vocabulary": str(work.vocab_size),
        "text": path.stem.split("-")[-1],
        "form": work.form,
        "shape": f"{threads} thread" + "s" * (threads > 1),
        "engine": trainer.engine,
        "threads": threads,
        "clock": "wall" if threads > 1 else "cpu",
        "bytes": path.stat().st_size,
        "documents": 1,
        "call": trainer.call,
        "warm": [],
        "cpu": [],
    }


def _run(
    trainer: Trainer, path: Path, work: Work, threads: int, site: Optional[str], timeout: float
) -> Dict[str, Any]:
    """One training in a new process.

    Raises:
        Failed: It could not do it.
    """
    if trainer.prepare is None:
        return _run_program(trainer.program, path, work, threads, timeout)
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    # There is no vocabulary yet.
    setup = Setup(trainer.engine, Vocabulary(""), site, None, threads)
    index = work.trainers.index(trainer)
    arguments = (sender, setup, WORKS.index(work), index, str(path))
    process = context.Process(target=_train_main, args=arguments, daemon=True)
    process.start()
    sender.close()
    try:
        if not receiver.poll(timeout):
            raise Failed(f"not done after {timeout:.0f} s")
        answer: Dict[str, Any] = receiver.recv()
    except EOFError:
        process.join()
        raise Failed(f"its process ended with {process.exitcode}") from None
    finally:
        process.kill()
        process.join()
    if "failed" in answer:
        raise Failed(answer["failed"])
    return answer


def _train_main(pipe: Any, setup: Setup, work_index: int, index: int, path: str) -> None:
    prepare(setup)
    work = WORKS[work_index]
    trainer = work.trainers[index]
    assert trainer.prepare is not None
    try:
        train = trainer.prepare(path, work.vocab_size, setup.threads)
        gc.collect()
        gc.disable()
        forget_peak()
        wall, cpu = time.perf_counter(), time.process_time()
        learnt = train()
        answer: Dict[str, Any] = {
            "cpu": time.process_time() - cpu,
            "wall": time.perf_counter() - wall,
            "peak": peak_mebibytes(),
        }
        found = trainer.fingerprint
        pipe.send({**answer, "fingerprint": None if found is None else found(learnt)})
    except BaseException as error:  # whatever an engine raises is its result, a Rust panic too
        pipe.send({"failed": describe(error)})


def _run_program(
    program: Optional[str], path: Path, work: Work, threads: int, timeout: float
) -> Dict[str, Any]:
    """rust_baseline's program or the core's; it holds the text."""
    if program is None:
        raise Failed("its program is not built")
    command = [program, f"--vocab-size={work.vocab_size}", f"--encode={os.devnull}"]
    command += [f"--document-bytes={trainers.DOCUMENT_BYTES}", str(path)]
    environment = {**os.environ, "RAYON_NUM_THREADS": str(threads)}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, timeout=timeout, check=True, text=True
        )
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        raise Failed(describe(error)) from None
    lines: List[Dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    trained = next(line for line in lines if line["task"] == "train")
    merges_alone = work.form == "counts"
    return {
        "cpu": trained["merge_cpu_seconds" if merges_alone else "cpu_seconds"],
        "wall": trained["merge_seconds" if merges_alone else "seconds"],
        "peak": next(line["peak_bytes"] for line in lines if line["task"] == "memory") / (1 << 20),
        "fingerprint": trained["tokens_checksum"],
    }
