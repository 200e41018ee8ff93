"""Each engine in a process of its own, asked in turn: load time, ids, time of rounds, memory."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Dict, List, Optional

import engines


def _peak_mebibytes() -> float:
    """The process's own peak; ``getrusage`` would report its parent's where that was higher."""
    for line in Path("/proc/self/status").read_text("ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise LookupError("the kernel reports no peak memory")


def _serve(
    pipe: Connection,
    engine: str,
    vocabulary: str,
    trained: Optional[engines.Trained],
    folder: Path,
    threads: int,
) -> None:
    os.environ["RAYON_NUM_THREADS"] = str(threads)
    begin = time.perf_counter()
    try:
        loaded = engines.ENGINES[engine](vocabulary, trained, folder)
    except LookupError as error:
        pipe.send({"absent": str(error)})
        return
    pipe.send({"load_seconds": time.perf_counter() - begin})
    while True:
        command, texts = pipe.recv()
        if command == "stop":
            return
        if command == "ids":
            digests = []
            count = 0
            for ids in loaded.encode_all(texts, threads):
                count += len(ids)
                digests.append(hashlib.sha256(repr(ids).encode()).hexdigest())
            pipe.send({"tokens": count, "digests": digests})
        elif command == "time":
            begin = time.perf_counter()
            loaded.encode_all(texts, threads)
            pipe.send(time.perf_counter() - begin)
        elif command == "latency":
            calls = 2000
            begin = time.perf_counter()
            for _ in range(calls):
                loaded.encode_one(texts[0])
            pipe.send((time.perf_counter() - begin) / calls)
        else:
            pipe.send(_peak_mebibytes())


class Worker:
    """An engine in its process. ``absent`` says why it cannot have the vocabulary."""

    def __init__(
        self,
        engine: str,
        vocabulary: str,
        trained: Optional[engines.Trained],
        folder: Path,
        threads: int,
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self.engine = engine
        self._pipe, other = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(other, engine, vocabulary, trained, folder, threads), daemon=True
        )
        self._process.start()
        other.close()
        first: Dict[str, Any] = self._pipe.recv()
        self.absent: Optional[str] = first.get("absent")
        self.load_seconds: float = first.get("load_seconds", 0.0)

    def ask(self, command: str, texts: Optional[List[str]] = None) -> Any:
        """Sends a command and waits for its answer."""
        self._pipe.send((command, texts))
        return self._pipe.recv()

    def stop(self) -> None:
        """Ends the process."""
        if self.absent is None:
            self._pipe.send(("stop", None))
        self._process.join()
