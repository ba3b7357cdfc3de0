"""What every function of the theory returns while entries of the snapshot are asked.

An answer shows a wrong number only where it gets through to it: a verdict hides most. So each
function that runs, private ones and those inside others too, adds what it returns to one sum, and
how often it is called. The sums say where a change begins, and little more; they repeat on the
processor and versions that recorded them, and are compared only there.

    python -m tests.snapshot.traces.tracing [BANK ...]     record all, or some, anew
"""

from __future__ import annotations

import dataclasses
import functools
import gc
import importlib
import json
import math
import sys
import time
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

import madtheory
from tests.snapshot import record

FILE = Path(__file__).with_name("traces.json")
PACKAGE = str(Path(madtheory.__file__).parent)
#: What depends on the machine, or on what else runs; and rooms with tests of their own kind.
OUT = (
    "_compile",
    "_linked",
    "_threads",
    "files",
    "cli",
    "deep",
    "engine",
    "plan",
    "reports",
    "proofs",
)
#: Modules of the snapshot that hold functions of the package by name.
USERS = (
    "tests.snapshot.theory",
    *(f"tests.snapshot.traces.{x}" for x in ("theory", "modes", "audits", "simulations")),
)
#: Larger numbers count as this.
LARGEST = 1e290
#: Of a size of this much, a number is noise.
NOISE = 1e-10
GOLDEN = 0.6180339887498949

#: Of a function that is called more often than this, every fifth call counts.
OFTEN = 64


def weights_of(size: int) -> np.ndarray[Any, Any]:
    return np.asarray(1 + (np.arange(size) * GOLDEN) % 1)


WEIGHTS = weights_of(4096)

#: Calls, and the sum of what came back.
Rows = dict[str, list[float]]


def level(x: float) -> float:
    """A number on a scale of its digits: the same share of any is the same step."""
    if math.isnan(x):
        return 1234.5
    size = math.log1p(min(abs(x), LARGEST) / NOISE)
    return size if x >= 0 else -0.73 * size - 1


def total_of(array: np.ndarray[Any, Any]) -> float:
    """Levels of an array, each by the weight of its place."""
    x = array.ravel()
    if x.dtype.kind == "c":
        x = np.concatenate([x.real, x.imag])
    x = x.astype(np.float64)
    weights = WEIGHTS[: x.size] if x.size <= WEIGHTS.size else weights_of(x.size)
    size = np.log1p(np.minimum(np.abs(x), LARGEST) / NOISE)
    found = float(np.where(x >= 0, size, -0.73 * size - 1) @ weights)
    return found if found == found else 1234.5 + total_of(np.where(np.isnan(x), 0.5, x))


def total(value: Any) -> float:
    """One number of all that is in a value; of a thing without any, of its name."""
    if value is None or isinstance(value, (bool, np.bool_)):
        return 2.5 if value is None else 7.0 + float(value)
    if isinstance(value, (int, float, np.integer, np.floating)):
        return level(float(min(max(value, -(10**290)), 10**290)))
    if isinstance(value, str):
        return zlib.crc32(value.encode()) / 2**32
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiubc":
        return total_of(value)
    parts: Any = ()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        parts = [getattr(value, field.name) for field in dataclasses.fields(value)]
    elif isinstance(value, Mapping):
        parts = [x for pair in value.items() for x in pair]
    elif isinstance(value, (tuple, list)):
        parts = value
    return sum(((1 + (i * GOLDEN) % 1) * total(x) for i, x in enumerate(parts, 1)), 0.5)


def forget() -> None:
    """Empty the caches of the package: what they hold is called again."""
    for thing in gc.get_objects():
        if type(thing) is functools._lru_cache_wrapper:
            module = getattr(thing, "__module__", None) or ""
            if module.startswith("madtheory.") and module.split(".")[1] not in OUT:
                thing.cache_clear()


class Trace:
    """Rows of the functions that run, in the order in which they first return."""

    def __init__(self) -> None:
        self.rows: Rows = {}
        self.on = True

    def note(self, name: str, value: Any) -> None:
        row = self.rows.setdefault(name, [0, 0.0])
        row[0] += 1
        if row[0] <= OFTEN or row[0] % 5 == 0:
            row[1] += (1 + (row[0] * GOLDEN) % 1) * total(value)

    def around(self, function: Any, name: str) -> Any:
        """The same function, noted."""

        @functools.wraps(function)
        def noted(*arguments: Any, **options: Any) -> Any:
            if not self.on:
                return function(*arguments, **options)
            try:
                found = function(*arguments, **options)
            except (ValueError, TypeError) as error:
                self.note(f"{name} refuses", str(error))
                raise
            self.note(name, found)
            return found

        return noted


def modules() -> list[ModuleType]:
    """All modules that are traced: loaded now, lest one is loaded with traced functions in it."""
    files = sorted(Path(PACKAGE).rglob("*.py"))
    parts = [x.relative_to(PACKAGE).with_suffix("").parts for x in files if x.stem != "__main__"]
    names = [
        ".".join(("madtheory", *x)).removesuffix(".__init__") for x in parts if x[0] not in OUT
    ]
    return [importlib.import_module(x) for x in names]


def traced(thing: Any, trace: Trace, module: str) -> Any:
    """What takes the place of a function, a method or a property; None: it stays."""
    kind, name = type(thing), getattr(thing, "__qualname__", "")
    if isinstance(thing, (staticmethod, classmethod)):
        return kind(trace.around(thing.__func__, f"{module}.{thing.__func__.__qualname__}"))
    if isinstance(thing, property) and isinstance(thing.fget, FunctionType):
        return property(trace.around(thing.fget, f"{module}.{thing.fget.__qualname__}"))
    if isinstance(thing, (FunctionType, functools._lru_cache_wrapper)):
        return trace.around(thing, f"{module}.{name}")
    return None


def places(trace: Trace) -> Iterator[tuple[Any, str, Any, Any]]:
    """Module or class, name, what stands there, and what is to."""
    them, instead = modules(), {}
    for module in them:
        short = module.__name__.removeprefix("madtheory.")
        for thing in list(vars(module).values()):
            if getattr(thing, "__module__", None) != module.__name__:
                continue
            if isinstance(thing, type):
                for key, inner in list(vars(thing).items()):
                    if not key.startswith("__") and (new := traced(inner, trace, short)):
                        yield thing, key, inner, new
            elif new := traced(thing, trace, short):
                instead[id(thing)] = new
    for module in (*them, *(sys.modules[x] for x in list(sys.modules) if x in USERS)):
        for key, thing in list(vars(module).items()):
            if id(thing) in instead:
                yield module, key, thing, instead[id(thing)]


@contextmanager
def tracing() -> Iterator[Trace]:
    """Trace what is called, with the caches of the package empty."""
    trace = Trace()
    found = list(places(trace))
    forget()
    try:
        for where, key, _, new in found:
            setattr(where, key, new)
        yield trace
    finally:
        trace.on = False
        for where, key, old, _ in found:
            setattr(where, key, old)


# --- recorded, and compared -----------------------------------------------------------------------


def banks() -> dict[str, Callable[[], Iterator[Any]]]:
    """What is asked while functions are traced, by name."""
    from tests.snapshot.traces import audits, modes, simulations, theory

    parts = theory, modes, audits, simulations
    return {name: part.bank(name) for part in parts for name in part.BANKS}


def rows_of(ask: Callable[[], Iterator[Any]]) -> Rows:
    """What the functions return while something is asked, in twelve digits."""
    with threadpool_limits(1), warnings.catch_warnings(), tracing() as trace:
        warnings.simplefilter("error")
        for answer in ask():
            trace.note("answers", answer)
    return {name: [calls, float(f"{x:.12g}")] for name, (calls, x) in trace.rows.items()}


def recorded() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def same(was: list[float], now: list[float]) -> bool:
    return was[0] == now[0] and math.isclose(was[1], now[1], rel_tol=1e-11)


def here() -> bool:
    """Whether this is the processor, with the versions, that recorded the traces."""
    return bool(recorded()["about"] == record.about())


def changes(name: str, rows: Rows) -> str:
    """Functions of a bank that return something else than they did, those called first at first."""
    old = recorded()[name]
    found = [x for x in rows if x in old and not same(old[x], rows[x])]
    new, gone = rows.keys() - old.keys(), old.keys() - rows.keys()
    lines = [f"{x}: {old[x]} -> {rows[x]}" for x in found[:30]]
    lines += [f"{x}: not called before" for x in sorted(new)]
    lines += [f"{x}: not called any more" for x in sorted(gone)]
    return "\n".join(["", *lines, f"{len(lines)} functions"]) if lines else ""


def write(traces: dict[str, Any]) -> None:
    """One function a line."""
    parts = []
    for name, rows in traces.items():
        inner = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in rows.items())
        parts.append(f"{json.dumps(name)}: {{\n{inner}\n}}")
    FILE.write_text("{\n" + ",\n".join(parts) + "\n}\n", encoding="utf-8")


def main() -> None:
    """Record the banks that are named anew, or all."""
    traces = recorded() if FILE.exists() else {}
    for name, ask in banks().items():
        if name in sys.argv[1:] or not sys.argv[1:]:
            start = time.process_time()
            traces[name] = rows_of(ask)
            seconds = time.process_time() - start
            print(f"{name}: {len(traces[name])} functions in {seconds:.1f} s", file=sys.stderr)
    write({**traces, "about": record.about()})


if __name__ == "__main__":
    warnings.simplefilter("error")
    main()
