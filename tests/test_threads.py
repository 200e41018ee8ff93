"""One tokenizer in many threads, across fork, and in other processes."""

from __future__ import annotations

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import List

import pytest

from pyaot_tokenizer import Tokenizer, TokenizerError

import subjects
import texts

THREADS = 16
ROUNDS = 30


def inputs(seed: int, count: int = 50) -> List[str]:
    rng = random.Random(seed)
    return [texts.text(rng) for _ in range(count)]


def test_threads_share_a_tokenizer() -> None:
    """Every thread gets its own results, of every kind of call, errors among them."""
    tokenizer = subjects.cl100k_file()
    expected = {seed: [tokenizer.encode(text) for text in inputs(seed)] for seed in range(THREADS)}
    start = threading.Barrier(THREADS)

    def work(seed: int) -> None:
        mine = inputs(seed)
        start.wait()
        for _ in range(ROUNDS):
            assert [tokenizer.encode(text) for text in mine] == expected[seed]
            assert tokenizer.encode_batch(mine, num_threads=2) == expected[seed]
            assert tokenizer.decode_batch(expected[seed]) == mine
            assert [tokenizer.count(text) for text in mine] == list(map(len, expected[seed]))
            with pytest.raises(TokenizerError, match=f"id: {200_000 + seed} at index 0"):
                tokenizer.decode([200_000 + seed])

    with ThreadPoolExecutor(THREADS) as pool:
        for future in [pool.submit(work, seed) for seed in range(THREADS)]:
            future.result()


def test_threads_load_and_free_tokenizers() -> None:
    ranks = subjects.byte_ranks([b"ab", b"abc"])

    def work(seed: int) -> None:
        for _ in range(ROUNDS):
            tokenizer = Tokenizer.from_ranks(ranks, pattern="gpt2")
            assert tokenizer.encode("abc ab") == [257, 32, 256]

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(work, range(THREADS)))


def test_a_call_inside_of_a_call() -> None:
    """An iterator of texts that itself encodes does not disturb the batch that it feeds."""
    tokenizer = subjects.cl100k_file()
    mine = inputs(7)
    nested = (tokenizer.decode(tokenizer.encode(text)) for text in mine)
    assert tokenizer.encode_batch(nested) == [tokenizer.encode(text) for text in mine]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_fork_in_mid_use() -> None:
    """A process that forks while other threads encode has a child that can encode at once."""
    tokenizer = subjects.cl100k_file()
    mine = inputs(3)
    expected = [tokenizer.encode(text) for text in mine]
    stop = threading.Event()

    def work() -> None:
        while not stop.is_set():
            tokenizer.encode_batch(mine, num_threads=2)

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for _ in range(10):
            child = os.fork()
            if child == 0:
                # A child that hangs is ended by the alarm, and fails the test.
                signal.alarm(60)
                same = tokenizer.encode_batch(mine, num_threads=2) == expected
                os._exit(0 if same and tokenizer.encode(mine[0]) == expected[0] else 1)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_processes_receive_a_tokenizer(method: str) -> None:
    tokenizer = Tokenizer.from_ranks(
        subjects.byte_ranks([b"ab", b"abc"]), pattern="gpt2", special_tokens={"<s>": 300}
    )
    mine = [(tokenizer, text) for text in ("abc<s>", "ab", "", "\0\ud800")]
    with multiprocessing.get_context(method).Pool(2) as pool:
        assert pool.starmap(Tokenizer.encode, mine) == [tokenizer.encode(text) for _, text in mine]


def test_daemon_threads_do_not_crash_the_exit() -> None:
    """The interpreter may end while threads are inside the library."""
    script = (
        "import threading, pyaot_tokenizer as p\n"
        "t = p.Tokenizer.from_ranks({bytes([i]): i for i in range(256)}, pattern='gpt2')\n"
        "def work():\n"
        "    while True: t.encode('hello world ' * 100000)\n"
        "for _ in range(3): threading.Thread(target=work, daemon=True).start()\n"
        "t.encode('hello ' * 100000)\n"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, check=False, timeout=60)
    assert done.returncode == 0


if __name__ == "__main__":
    sys.exit(pytest.main([__file__, *sys.argv[1:]]))
