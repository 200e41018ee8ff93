"""Load times: from a file to the first ids, in a process of its own for each load."""

from __future__ import annotations

import multiprocessing
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional, Sequence

from engines import OURS, Vocabulary
from figures import Record
from measure import LOAD_TIMEOUT, Setup, describe, prepare


@dataclass(frozen=True)
class Form:
    """A kind of file that an engine loads."""

    engine: str
    form: str
    imports: str
    load: str
    """An expression in `path`."""
    first: str
    """A call for a short text, in which an engine may do what it put off."""
    make: Optional[str] = None
    """A call that writes the file from a tokenizer `t`, where it is the engine's own form."""


_IDS = "t.encode(x, add_special_tokens=False).ids"
_FORMS = (
    Form(
        OURS,
        "own",
        "from pyaot_tokenizer import Tokenizer",
        "Tokenizer(path)",
        "t.encode(x)",
        "t.save_frozen(path)",
    ),
    Form(OURS, "json", "from pyaot_tokenizer import Tokenizer", "Tokenizer(path)", "t.encode(x)"),
    Form("tokenizers", "json", "import tokenizers", "tokenizers.Tokenizer.from_file(path)", _IDS),
    Form(
        "tokenizers-1.0", "json", "import tokenizers", "tokenizers.Tokenizer.from_file(path)", _IDS
    ),
    Form("gigatoken", "json", "import gigatoken", "gigatoken.Tokenizer(path)", "t.encode(x)"),
    Form(
        "fastokens",
        "json",
        "import fastokens",
        "fastokens.Tokenizer.from_file(path)",
        "t.encode(x)",
    ),
    Form("tokie", "json", "import tokie", "tokie.Tokenizer.from_json(path)", _IDS),
    Form("tokie", "own", "import tokie", "tokie.Tokenizer.from_file(path)", _IDS, "t.save(path)"),
    Form(
        "kitoken",
        "json",
        "import kitoken",
        "kitoken.Kitoken.from_tokenizers_file(path)",
        "t.encode(x)",
    ),
    Form(
        "kitoken",
        "own",
        "import kitoken",
        "kitoken.Kitoken.from_file(path)",
        "t.encode(x)",
        "t.to_file(path)",
    ),
)


def _make(pipe: Any, setup: Setup, source: Form, form: Form, path: str) -> None:
    prepare(setup)
    names: Dict[str, Any] = {"path": setup.vocabulary.json}
    try:
        exec(source.imports, names)
        names["t"] = eval(source.load, names)
        names["path"] = path
        exec(form.make or "", names)
        pipe.send({})
    except BaseException as error:  # whatever an engine raises is its result, a Rust panic too
        pipe.send({"failed": describe(error)})


def _time(pipe: Any, setup: Setup, form: Form, path: str) -> None:
    prepare(setup)
    names: Dict[str, Any] = {"path": path, "x": "Hello, world!"}
    try:
        exec(form.imports, names)
        wall, cpu = time.perf_counter(), time.process_time()
        names["t"] = eval(form.load, names)
        eval(form.first, names)
        spent = time.process_time() - cpu, time.perf_counter() - wall
        pipe.send({"cpu": spent[0], "wall": spent[1]})
    except BaseException as error:  # whatever an engine raises is its result, a Rust panic too
        pipe.send({"failed": describe(error)})


def _in_process(target: Any, *arguments: Any) -> Dict[str, Any]:
    context = multiprocessing.get_context("spawn")
    pipe, other = context.Pipe()
    process = context.Process(target=target, args=(other, *arguments), daemon=True)
    process.start()
    other.close()
    try:
        if not pipe.poll(LOAD_TIMEOUT):
            process.kill()
            return {"failed": f"not done after {LOAD_TIMEOUT:.0f} s"}
        answer: Dict[str, Any] = pipe.recv()
    except EOFError:
        answer = {"failed": "its process ended"}
    process.join()
    return answer


def measure(setup: Setup, engines: Sequence[str], folder: Path, rounds: int) -> Iterator[Record]:
    """One record a form of `setup.vocabulary`; the rounds go from form to form."""
    vocabulary: Vocabulary = setup.vocabulary
    if vocabulary.json is None:
        return
    forms = [form for form in _FORMS if form.engine in engines]
    paths: Dict[Form, str] = {}
    records: Dict[Form, Record] = {}
    for form in forms:
        records[form] = {
            "row": "load",
            "vocabulary": vocabulary.name,
            "text": form.form,
            "engine": form.engine,
            "call": form.load,
        }
        paths[form] = vocabulary.json
        if form.make:
            paths[form] = str(folder / f"{vocabulary.name}.{form.engine}")
            source = next(f for f in _FORMS if f.engine == form.engine and not f.make)
            own = replace(setup, engine=form.engine)
            records[form].update(_in_process(_make, own, source, form, paths[form]))
    seconds: Dict[Form, List[float]] = {form: [] for form in forms}
    for _ in range(rounds):
        for form in forms:
            if "failed" in records[form]:
                continue
            own = replace(setup, engine=form.engine)
            answer = _in_process(_time, own, form, paths[form])
            if "failed" in answer:
                records[form]["failed"] = answer["failed"]
            else:
                seconds[form].append(answer["wall"])
    for form in forms:
        record = records[form]
        if "failed" not in record:
            record.update(bytes=Path(paths[form]).stat().st_size, warm=seconds[form])
        yield record
