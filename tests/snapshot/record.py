"""Record what the package answers, or compare with what was recorded: nothing may change unseen.

    python tests/snapshot/record.py                          record everything (minutes: verify)
    python tests/snapshot/record.py --compare                list what differs by more than rounding
    python tests/snapshot/record.py --compare --exact        ... what differs at all
    python tests/snapshot/record.py --compare --exact --verdicts   ... with every claim's verdict
    python tests/snapshot/record.py --only command/theory    only entries whose id begins so

``snapshot.json`` has one entry a line, id -> value, sorted: ``command/...`` (see commands.py),
``simulator/...``, ``theory/...``, ``claim/...``, ``number/...`` (what a report computes),
``report/...`` (what is drawn and written of those numbers), ``deep/...``, ``plan/...`` (files and
engine too), ``verdict/...``, and ``about``, the processor and versions that recorded it. To the
byte it repeats on those only; elsewhere compare without ``--exact``. What changes on purpose is
recorded anew, and the difference of the file is read.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import difflib
import functools
import importlib.util
import itertools
import json
import math
import platform
import sys
import tempfile
import time
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import llvmlite.binding
import numpy as np
from threadpoolctl import threadpool_info, threadpool_limits

HERE = Path(__file__).parent
FILE = HERE / "snapshot.json"
PACKAGES = (
    *("numpy", "scipy", "numba", "llvmlite", "pandas", "pyarrow", "statsmodels"),
    *("click", "rich", "matplotlib", "scikit-learn", "sympy", "torch", "pypandoc_binary"),
)
KINDS = ("command", "simulator", "theory", "claim", "number", "report", "deep", "plan", "verdict")

#: Other processors run other kernels of BLAS, numpy and LLVM, which round sums differently: 1e-13
#: or so by itself, and some digits more where values are differences or roots are searched.
RTOL = 1e-9
#: What is kept with few digits, or is of float32.
RTOLS = {"number": 1e-6, "report": 1e-6, "deep": 1e-5}
#: A value that ought to be 0 is rounding noise.
ATOL = 1e-12
#: Of differences of logits, 1e-11 apart on two processors, and of float32.
ATOLS = {"number": 1e-9, "report": 1e-9, "deep": 1e-6}
#: Where processor or versions are others: fixed points are found to 1e-8 or so, optima to its root,
#: and differences of near numbers to less.
RTOL_ELSEWHERE = 2e-4
#: Fits of networks, whose steps enlarge what is rounded; rounding at the end of the range; and from
#: where on a rising curve is at its height, which its last digits say.
OF_ONE_PROCESSOR = (
    *("deep/fit ", "deep/run ddpm", "deep/curve ddpm", "command/metrics far.npy far.npy"),
    *(f"plan/plan no {name}  [0].answers.best_n_synth.lower" for name in ("bias", "fit")),
)

#: Of so many commands `make test` asks one; `make test-full` all.
SOME = 10

Entries = dict[str, Any]
Wanted = Callable[[str], bool]
#: Entry, path inside it, recorded value, value now.
Difference = tuple[str, str, Any, Any]


# --- what is asked ------------------------------------------------------------------------------


def part(name: str) -> Any:
    """Load the file of that name beside this one."""
    spec = importlib.util.spec_from_file_location(f"snapshot_{name}", HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def plain(value: Any) -> Any:
    """JSON of a result; a dataclass is the list of its values, so that fields may be renamed."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return [plain(getattr(value, field.name)) for field in dataclasses.fields(value)]
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (np.ndarray, np.generic)):
        return plain(value.tolist())
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def everything(_: str) -> bool:
    return True


def often(line: str) -> bool:
    """Whether a command is among those that every test run asks; files are the next line's too."""
    return " --out " in line or zlib.crc32(line.encode()) % SOME == 0


def asked(kind: str, wanted: Wanted, known: Entries) -> Iterator[tuple[str, Any]]:
    """Ids and values of one kind, as the package answers now; of commands only the wanted.

    A report is made of the numbers that are `known`.
    """
    if kind == "command":
        with tempfile.TemporaryDirectory() as folder:
            yield from part("commands").entries(Path(folder), wanted)
    elif kind == "simulator":
        yield from part("simulators").entries()
    elif kind == "theory":
        yield from part("theory").entries(part("simulators").LOOPS)
    elif kind == "claim":
        yield from part("claims").entries()
    elif kind == "number":
        yield from part("report").numbers()
    elif kind == "report":
        yield from part("report").entries(part("report").recorded_numbers(known))
    elif kind in ("deep", "plan"):
        with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
            yield from part(kind).entries()
    else:
        yield from part("claims").verdicts()


def named(kind: str, found: Iterable[tuple[str, Any]]) -> Entries:
    """Entries of one kind as they are recorded."""
    return {f"{kind}/{name}": plain(value) for name, value in found}


def answers(kind: str, wanted: Wanted = everything, known: Entries | None = None) -> Entries:
    """All entries of one kind; BLAS on one thread, which decides how sums are split."""
    with threadpool_limits(1):
        return named(kind, asked(kind, wanted, recorded() if known is None else known))


@functools.cache
def about() -> dict[str, Any]:
    """Processor and versions: where these are others, digits and digests may be."""
    model = platform.processor()
    if Path("/proc/cpuinfo").exists():
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    here = {one.name.lower(): one.version for one in metadata.distributions()}
    versions = {name: here.get(name, "none") for name in PACKAGES}
    pools = [pool for pool in threadpool_info() if pool["internal_api"] == "openblas"]
    return {
        "machine": platform.machine(),
        "processor": model,
        "llvm": llvmlite.binding.get_host_cpu_name(),
        "blas": sorted({pool["architecture"] for pool in pools}),
        "versions": {"python": platform.python_version(), **versions},
    }


# --- the file -----------------------------------------------------------------------------------


def text_of(value: Any) -> str:
    return json.dumps(
        value, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ": ")
    )


def write(entries: Entries) -> None:
    """One entry a line, sorted."""
    lines = (f"{text_of(name)}: {text_of(entries[name])}" for name in sorted(entries))
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


def recorded() -> Entries:
    found: Entries = json.loads(FILE.read_text(encoding="utf-8"))
    return found


# --- comparing ----------------------------------------------------------------------------------


def skipped(
    name: str, path: str, was: Any, here: Mapping[str, Any], there: Mapping[str, Any]
) -> bool:
    """Whether a leaf says nothing here: a digest or a table elsewhere, click's words in another."""
    if here == there:
        return False
    if f"{name}  {path}".startswith(OF_ONE_PROCESSOR):
        return True
    if not isinstance(was, str):
        return False
    leaf = path.rsplit(".", 1)[-1]
    if leaf == "err":
        return here["versions"] != there["versions"]
    return leaf in ("digest", "again", "out") or leaf.startswith(("warnings", "table["))


def same_leaf(was: Any, now: Any, rtol: float, atol: float) -> bool:
    numbers = all(isinstance(x, (int, float)) and not isinstance(x, bool) for x in (was, now))
    if not (rtol and numbers):
        return text_of(was) == text_of(now)
    return math.isclose(was, now, rel_tol=rtol, abs_tol=atol)


def leaves(was: Any, now: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Pairs of values at the same place; a missing one is the word `absent`."""
    if isinstance(was, dict) and isinstance(now, dict):
        for key in sorted(was.keys() | now.keys()):
            yield from leaves(was.get(key, "absent"), now.get(key, "absent"), f"{path}.{key}")
    elif isinstance(was, list) and isinstance(now, list) and len(was) == len(now):
        for i, (one, other) in enumerate(zip(was, now, strict=True)):
            yield from leaves(one, other, f"{path}[{i}]")
    elif isinstance(was, list) and isinstance(now, list):
        yield from moved(was, now, path)
    else:
        yield path, was, now


def moved(was: list[Any], now: list[Any], path: str) -> Iterator[tuple[str, Any, Any]]:
    """Pairs of the parts of two lists of other lengths that differ; what both have is no pair."""
    texts = [list(map(text_of, x)) for x in (was, now)]
    same = difflib.SequenceMatcher(None, *texts, autojunk=False)
    for what, i, i_end, j, j_end in same.get_opcodes():
        pairs = itertools.zip_longest(was[i:i_end], now[j:j_end], fillvalue="absent")
        for k, (one, other) in enumerate(pairs) if what != "equal" else ():
            yield from leaves(one, other, f"{path}[{i + k}]")


def differences(old: Entries, new: Entries, kind: str, *, exact: bool) -> Iterator[Difference]:
    """What differs among the entries whose ids begin with `kind`."""
    here, there = about(), old.get("about", {})
    for name in sorted(n for n in old.keys() | new.keys() if n.startswith(kind)):
        family = name.partition("/")[0]
        rtol = RTOLS.get(family, RTOL) if here == there else RTOL_ELSEWHERE
        rtol, atol = 0.0 if exact else rtol, ATOLS.get(family, ATOL)
        for path, was, now in leaves(old.get(name, "absent"), new.get(name, "absent")):
            if same_leaf(was, now, rtol, atol) or (
                not exact and skipped(name, path, was, here, there)
            ):
                continue
            yield name, path, was, now


def short(value: Any) -> str:
    text = text_of(value)
    return text if len(text) <= 200 else f"{text[:200]}..."


def lines_of(found: list[Difference]) -> str:
    """One difference a line, as a person reads it."""
    return "\n".join(
        f"{name}  {path}: {short(was)} -> {short(now)}" for name, path, was, now in found
    )


def changes(kind: str, wanted: Wanted = everything, new: Entries | None = None) -> str:
    """What differs, by more than rounding, from what was recorded; empty where nothing does.

    `new` is what the package answers now, where that is known.
    """
    old = {x: y for x, y in recorded().items() if wanted(x.removeprefix(f"{kind}/"))}
    new = answers(kind, wanted) if new is None else new
    found = list(differences(old | {"about": recorded()["about"]}, new, f"{kind}/", exact=False))
    return f"\n{lines_of(found[:50])}\n{len(found)} differences" if found else ""


# --- the script ---------------------------------------------------------------------------------


def collect(kinds: list[str], only: str) -> Entries:
    """Entries of some kinds; of commands those whose id begins with `only`."""
    entries: Entries = {}
    for kind in kinds:
        start = time.process_time()
        known = recorded() | entries if kind == "report" else entries
        found = answers(kind, lambda line: f"command/{line}".startswith(only), known)
        entries |= found
        seconds = time.process_time() - start
        print(f"{len(found):5} {kind} entries in {seconds:.1f} s of CPU", file=sys.stderr)
    return entries


def main() -> int:
    parser = argparse.ArgumentParser(description="Record or compare the snapshot.")
    parser.add_argument("--compare", action="store_true", help="compare instead of recording")
    parser.add_argument("--exact", action="store_true", help="compare to the byte")
    parser.add_argument("--verdicts", action="store_true", help="compare verdicts too: minutes")
    parser.add_argument("--only", default="", metavar="PREFIX", help="only ids that begin so")
    options = parser.parse_args()
    sys.path.insert(0, str(HERE.parents[1]))
    warnings.simplefilter("error")
    kinds = [kind for kind in KINDS if kind.startswith(options.only.split("/")[0])]
    if options.compare and not (options.verdicts or options.only):
        kinds.remove("verdict")
    new = {
        name: x for name, x in collect(kinds, options.only).items() if name.startswith(options.only)
    }
    old = recorded() if FILE.exists() else {}
    if not options.compare:
        kept = {
            name: x for name, x in old.items() if options.only and not name.startswith(options.only)
        }
        write({**kept, **new, "about": about()})
        return 0
    prefixes = [options.only] if options.only else [f"{kind}/" for kind in kinds]
    found = [
        each for prefix in prefixes for each in differences(old, new, prefix, exact=options.exact)
    ]
    if found:
        print(lines_of(found))
    print(f"{len(found)} differences in {len({each[0] for each in found})} of {len(new)} entries")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
