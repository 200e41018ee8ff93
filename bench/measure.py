"""Engines in processes of their own: one loads a vocabulary, and a fork of it makes each cell.

A fork has the vocabulary and has encoded nothing, so its first pass finds every cache of the engine
cold; what the engine puts off until its first call is got over with by one call for a short text.
The collector of cycles is off, as in timeit. An engine that crashes or takes too long loses its
process, and the next cell starts another.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import importlib
import multiprocessing
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple

from corpora import Text
from engines import ENGINES, Vocabulary

LOAD_TIMEOUT = 120.0
# Seconds.
_SHORT_PASS = 0.2


@dataclass(frozen=True)
class Setup:
    """What a process needs to know."""

    engine: str
    vocabulary: Vocabulary
    site: Optional[str] = None
    """The folder with the wheels of the peers."""
    cache: Optional[str] = None
    """The folder that stands for the user's cache, with what wordchipper looks for in it."""
    threads: int = 1


class Failed(Exception):  # noqa: N818 (it is an answer: an engine may well fail)
    """What an engine did instead of its work."""


def digest(ids: Any) -> str:
    """A fingerprint of ids, whatever holds them; of a str, the fingerprint of its text."""
    import numpy

    if isinstance(ids, str):
        data = ids.encode("utf-8", "surrogatepass")
    elif isinstance(ids, bytes):
        data = ids
    else:
        data = numpy.asarray(ids).astype("<u4").tobytes()
    return hashlib.blake2b(data, digest_size=8).hexdigest()


def _compile(expression: str, rows: Any) -> Tuple[Callable[..., None], Callable[..., Any]]:
    """The loop that is timed, and the same that hands the results out."""
    names: Dict[str, Any] = {"rows": rows}
    source = (
        f"def run(t, xs, threads):\n    for x in xs:\n        {expression}\n"
        f"def each(t, xs, threads):\n    for x in xs:\n        yield {expression}\n"
    )
    exec(source, names)
    return names["run"], names["each"]


class _Cell:
    """In the fork: one shape of call over one text."""

    def __init__(self, setup: Setup, tokenizer: Any, shape: str, text: Text) -> None:
        engine = ENGINES[setup.engine]
        calls = engine.calls(setup.vocabulary)
        if shape not in calls:
            raise LookupError("no such call")
        self._batch = shape.startswith("batch")
        self._has_offsets = shape in ("offsets", "byte_offsets")
        self._rows = engine.rows if shape == "batch_arrays" else list
        self._threads = setup.threads
        self._tokenizer = tokenizer
        self.call = calls[shape]
        self._run, self._each = _compile(self.call, engine.rows)
        self._inputs: List[Any] = text.load()
        self.bytes = sum(len(x.encode("utf-8", "replace")) for x in self._inputs)
        self.expected: Optional[List[str]] = None
        if shape.startswith("decode"):
            self._take_ids(calls, shape)
        elif self._batch:
            self._inputs = [self._inputs]

    def _take_ids(self, calls: Any, shape: str) -> None:
        import numpy

        self.expected = [digest(x) for x in self._inputs]
        encode = _compile(calls["list"], None)[1]
        self._inputs = list(encode(self._tokenizer, self._inputs, 1))
        if shape == "decode_array":
            self._inputs = [numpy.array(ids, "<u4") for ids in self._inputs]

    def warm_up(self) -> None:
        short: Any = [["a"]] if self._batch else [self._inputs[0][:1]]
        self._run(self._tokenizer, short, self._threads)

    def run(self) -> Tuple[float, float]:
        """Seconds of the process's CPU, and on the wall."""
        gc.collect()
        gc.disable()
        wall, cpu = time.perf_counter(), time.process_time()
        self._run(self._tokenizer, self._inputs, self._threads)
        spent = time.process_time() - cpu, time.perf_counter() - wall
        gc.enable()
        return spent

    def run_again(self) -> Tuple[float, float]:
        """The same where the text was encoded before; of short passes, the second of two.

        What other engines did since the last one has emptied the processor's caches.
        """
        first = self.run()
        return self.run() if first[1] < _SHORT_PASS else first

    def digests(self) -> List[str]:
        results = self._each(self._tokenizer, self._inputs, self._threads)
        if self._batch:
            return [digest(row) for row in self._rows(next(iter(results)))]
        if self._has_offsets:
            return [digest(ids) for ids, _ in results]
        return [digest(ids) for ids in results]


def _cell_main(pipe: Any, setup: Setup, tokenizer: Any, shape: str, text: Text) -> None:
    """The fork's life: a pass or something else a request."""
    try:
        cell = _Cell(setup, tokenizer, shape, text)
        cell.warm_up()
        forget_peak()
        pipe.send({"bytes": cell.bytes, "expected": cell.expected, "call": cell.call})
        while True:
            command = pipe.recv()
            if command == "run":
                pipe.send(cell.run())
            elif command == "run_again":
                pipe.send(cell.run_again())
            elif command == "digests":
                pipe.send(cell.digests())
            elif command == "peak":
                pipe.send(peak_mebibytes())
            else:
                return
    except LookupError as error:
        pipe.send({"absent": str(error)})
    except (EOFError, BrokenPipeError):
        return  # The benchmark has ended.
    except BaseException as error:  # whatever an engine raises is its result, a Rust panic too
        pipe.send({"failed": describe(error)})


def describe(error: BaseException) -> str:
    """What an engine raised, in one line."""
    return f"{type(error).__name__}: {error}".replace("\n", " ")[:120]


def forget_peak() -> None:
    """What was used to read the text is no concern of the engine's."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", "ascii")


def peak_mebibytes() -> float:
    """The process's own peak; ``getrusage`` would report its parent's where that was higher."""
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise LookupError("the kernel reports no peak memory")


def prepare(setup: Setup) -> None:
    """Before anything of the engine is imported."""
    os.setsid()
    os.environ["RAYON_NUM_THREADS"] = str(setup.threads)
    os.environ["TOKENIZERS_PARALLELISM"] = "true" if setup.threads > 1 else "false"
    if setup.cache:
        os.environ["XDG_CACHE_HOME"] = setup.cache
    if setup.site and ENGINES[setup.engine].full:
        sys.path.insert(0, setup.site)
        importlib.invalidate_caches()


def _serve(pipe: Any, setup: Setup) -> None:
    prepare(setup)
    try:
        tokenizer = ENGINES[setup.engine].load(setup.vocabulary)
    except LookupError as error:
        pipe.send({"absent": str(error)})
        return
    except BaseException as error:  # whatever an engine raises is its result, a Rust panic too
        pipe.send({"failed": describe(error)})
        return
    pipe.send({})
    # A cell with threads is not forked: the engine's threads would not come along.
    while True:
        try:
            request = pipe.recv()
        except EOFError:
            return
        if request == "close":
            continue  # The fork had ended by itself.
        shape, text = request
        if setup.threads > 1:
            _cell_main(pipe, setup, tokenizer, shape, text)
            return
        child = os.fork()
        if child == 0:
            _cell_main(pipe, setup, tokenizer, shape, text)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        if os.WIFSIGNALED(status):
            pipe.send({"failed": signal.Signals(os.WTERMSIG(status)).name})


class Worker:
    """An engine with a vocabulary; what was wrong with loading it comes up again in every cell."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self._never: Optional[Exception] = None
        self._process: Any = None
        self._pipe: Any = None
        self._open = False

    def open(self, shape: str, text: Text, timeout: float) -> Dict[str, Any]:
        """Starts a cell, in which nothing has been encoded but a letter."""
        self.close()
        if self._never:
            raise self._never
        if self._process is None or self.setup.threads > 1:
            self._start()
        self._pipe.send((shape, text))
        self._open = True
        return self._receive(timeout)

    def ask(self, command: str, timeout: float) -> Any:
        """A further command for the open cell: run, digests or peak."""
        self._pipe.send(command)
        return self._receive(timeout)

    def close(self) -> None:
        """Ends the cell, if one is open."""
        if self._open and self._process is not None:
            self._pipe.send("close")
        self._open = False

    def stop(self) -> None:
        """Ends the process, and a fork of it that hangs."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.join()
        self._process = None
        self._open = False

    def _start(self) -> None:
        self.stop()
        context = multiprocessing.get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(other, self.setup), daemon=True)
        self._process.start()
        other.close()
        try:
            self._receive(LOAD_TIMEOUT)
        except (LookupError, Failed) as error:
            self.stop()
            self._never = error
            raise

    def _receive(self, timeout: float) -> Any:
        try:
            if not self._pipe.poll(timeout):
                self.stop()
                raise Failed(f"not done after {timeout:.0f} s")
            answer = self._pipe.recv()
        except (EOFError, ConnectionError):
            self._process.join()
            code = self._process.exitcode
            self._process = None
            self._open = False
            raise Failed(f"its process ended with {code}") from None
        if isinstance(answer, dict) and "absent" in answer:
            self._open = False
            raise LookupError(answer["absent"])
        if isinstance(answer, dict) and "failed" in answer:
            self._open = False
            raise Failed(answer["failed"])
        return answer
