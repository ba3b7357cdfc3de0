"""Break the code in small ways and see which tests and claims go red.

    python tests/breakage.py [--subtle | --drawn N] [--only theory.collapse ...] [--list]

Without an option: the first number that each public function of the theory returns is taken times
1.02 (logarithms and exponents too; bounds are moved across the truth by the claim's own mutant
instead); a test and a quick claim must turn red. --subtle: the breakages of breakages.toml. --drawn
N: of every module N small changes of its syntax tree (`changes` below), drawn by --seed. For these
two a test must turn red. Each breakage goes into a copy of the package and faces tests in turns:
those of the file that is named after the module, those of its room, those of its users, and the
snapshot; in each turn the tests that reach its line, the quickest file first, and at last the
others of these files. What a test file reaches is seen when it is first needed, with nothing
broken; where no test is seen to reach a line (a constant, compiled code), all of a turn are faced.
A test that is red without the breakage notices nothing; a breakage that nothing notices makes the
script exit 1. With --log each finished one is a line of a file, and what is in it is not done
again; what tests reach is kept beside it while package and test file are the same. --kinds,
--turns, --seconds and --share make a run short: a survivor of such a run has not faced all. The
score by room comes last."""

from __future__ import annotations

import argparse
import ast
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice, takewhile
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, cast

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "madtheory"

#: Rooms whose formulas are broken by 2 %, and what small changes are drawn from besides.
THEORY = ("laws", "spectrum", "theory", "modes")
MORE = (
    *("metrics", "audit", "simulate", "engine", "files", "claims", "plan", "cli", "deep"),
    "reports",
)
FLOOR = ("covariance", "results", "loop", "_search", "_check", "_threads", "_compile")
#: What is no number: a function that returns this is no formula.
OTHER = ("bool", "str", "int", "None", "Loop", "Layout", "Callable", "dict", "tuple[Entry")
#: Folders of tests that follow the rooms; the command's own folder has the name of its room.
KINDS = ("unit", "golden", "property", "statistical", "e2e", "")
#: Where the ground floor, the files and the laws are used, and so tested.
USERS = {
    "results": ("theory/distance",),
    "covariance": ("spectrum",),
    "laws": ("theory/collapse",),
    "_check": ("laws", "engine/models", "cli/test_bad_input.py"),
    "_search": ("theory/worth",),
    "_threads": ("engine", "simulate", "plan", "reports", "audit", "metrics"),
    "files": ("engine", "e2e/simulate", "e2e/test_faults.py", "cli/theory/test_features.py"),
    "simulate": ("simulate", "e2e/test_faults.py"),
    "engine": ("engine", "e2e/test_faults.py"),
    "deep": ("deep", "cli/test_deep.py"),
    "cli": ("cli",),
    "reports": ("test_report.py",),
}
#: What of the snapshot a room is in; the theory is in the rest.
SNAPSHOTS = {
    "reports": ("report",),
    "deep": ("deep", "report"),
    "plan": ("plan", "compiled"),
    "engine": ("plan", "compiled"),
    "files": ("plan", "compiled", "theory_commands"),
    "cli": ("compiled", "theory_commands", "deep"),
    "simulate": ("compiled",),
    "audit": ("compiled",),
    "metrics": ("compiled", "theory"),
    "claims": ("claims",),
    "_threads": ("compiled", "plan"),
}
#: Seconds of processor time after which a run hangs, which is noticed too: a machine with much
#: else to do takes longer.
LIMIT = 600
#: Decorators of functions that Python does not run, so that no test is seen to reach their lines.
COMPILED = ("kernel", "in_place", "reducing_kernel")


@dataclass(frozen=True)
class Breakage:
    """A module and its text with one thing wrong."""

    module: str
    what: str
    text: str


def modules(*rooms: str) -> Iterator[tuple[str, str]]:
    """Name and text of every module of some rooms, `theory.collapse.rates`."""
    for room in rooms:
        path = PACKAGE / room
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            name = ".".join(file.relative_to(PACKAGE).with_suffix("").parts)
            yield name, file.read_text(encoding="utf-8")


# --- formulas by 2 % -----------------------------------------------------------------------------

PATCH = """

def _broken(function):  # appended by tests/breakage.py
    import dataclasses
    import functools

    def first_of(names, get, x, put):
        for name in names:
            part = get(x, name)
            if (other := worse(part)) is not part:
                return put(name, other)
        return x

    def worse(x):
        if x is None or isinstance(x, (bool, int, str)):
            return x
        if dataclasses.is_dataclass(x):
            names = [field.name for field in dataclasses.fields(x)]
            return first_of(names, getattr, x, lambda n, v: dataclasses.replace(x, **{n: v}))
        if hasattr(x, "_replace"):
            return type(x)(*(worse(part) for part in x))
        if isinstance(x, (tuple, list)):
            places = range(len(x))
            return first_of(
                places, lambda y, i: y[i], x, lambda i, v: type(x)([*x[:i], v, *x[i + 1 :]])
            )
        return x * 1.02

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        return worse(function(*args, **kwargs))

    return wrapped


NAME = _broken(NAME)
"""


def formulas() -> Iterator[Breakage]:
    """Every public function of the theory that returns numbers, 2 % off."""
    for module, text in modules(*THEORY):
        for node in ast.parse(text).body:
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
                continue
            returns = "None" if node.returns is None else ast.unparse(node.returns)
            if not returns.startswith(OTHER):
                yield Breakage(module, node.name, text + PATCH.replace("NAME", node.name))


# --- subtle ones ---------------------------------------------------------------------------------


def listed() -> Iterator[Breakage]:
    """The breakages of breakages.toml; a text that does not stand once in its file is an error."""
    table = tomllib.loads(Path(__file__).with_name("breakages.toml").read_text(encoding="utf-8"))
    for file, rows in table.items():
        text = (PACKAGE / file).read_text(encoding="utf-8")
        for what, (old, new) in rows.items():
            if text.count(old) != 1:
                raise ValueError(f"{file}, {what}: must stand once in the file, got {old!r}")
            yield Breakage(file[:-3].replace("/", "."), what, text.replace(old, new))


#: Boundaries and extremes that change places.
SWAPPED = {ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt}
OPPOSITE = {"min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum"}


def changes(node: ast.AST) -> Iterator[tuple[str, ast.expr, str]]:
    """What may go wrong at a node: in words, the part to replace, and what by."""
    text = ast.unparse
    match node:
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in SWAPPED:
            other = ast.Compare(left, [SWAPPED[type(op)]()], [right])
            yield "a boundary", node, text(other)
        case ast.Call(func=ast.Name(id=name) as called) if name in OPPOSITE:
            yield "an extreme", called, OPPOSITE[name]
        case ast.Call(func=ast.Attribute(value=value, attr=name) as called) if name in OPPOSITE:
            yield "an extreme", called, f"{text(value)}.{OPPOSITE[name]}"
        case ast.Call(keywords=[*_, ast.keyword(arg="ddof", value=value)]):
            yield "degrees of freedom", value, "0"
        case ast.BinOp(left=left, op=ast.Sub() | ast.Add(), right=ast.Constant(value=1 | 1.0)):
            yield "n and n - 1", node, text(left)
        case ast.BinOp(left=ast.Constant(value=int() | float()), op=ast.Mult(), right=right):
            yield "a factor", node, text(right)
        case ast.BinOp(left=left, op=ast.Mult() | ast.Div(), right=ast.Constant()):
            yield "a factor, or a quantile's level", node, text(left)
        case ast.Subscript(slice=ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=1)) as at):
            yield "the last", at, "0"
        case ast.Subscript(slice=ast.Constant(value=0) as at, ctx=ast.Load()):
            yield "the first", at, "-1"
        case ast.AugAssign(op=ast.Sub() | ast.Add(), value=value):
            yield "a correction", value, f"0 * ({text(value)})"


def inside(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that compute: annotations, messages and decorators do not."""
    for name, field in ast.iter_fields(node):
        if name in ("annotation", "returns", "decorator_list", "type_params"):
            continue
        for child in field if isinstance(field, list) else [field]:
            if isinstance(child, ast.AST) and not isinstance(child, (ast.Raise, ast.JoinedStr)):
                yield child
                yield from inside(child)


def put(text: str, part: ast.expr, new: str) -> str:
    """The text with an expression replaced; columns of the syntax tree count bytes."""
    lines = text.encode().splitlines(keepends=True)
    start = sum(map(len, lines[: part.lineno - 1])) + part.col_offset
    end = sum(map(len, lines[: (part.end_lineno or 0) - 1])) + (part.end_col_offset or 0)
    whole = b"".join(lines)
    return (whole[:start] + f"({new})".encode() + whole[end:]).decode()


def drawn(n: int, seed: int) -> Iterator[Breakage]:
    """Of every module n changes of its syntax tree, or all where it has fewer."""
    for module, text in modules(*THEORY, *MORE, *(f"{name}.py" for name in FLOOR)):
        found = [x for node in inside(ast.parse(text)) for x in changes(node)]
        for what, part, new in random.Random(f"{seed} {module}").sample(found, min(n, len(found))):
            old = ast.unparse(part)
            where = f"{what}, line {part.lineno}: {old} -> {new}"
            yield Breakage(module, where, put(text, part, new))


# --- who notices ---------------------------------------------------------------------------------


def _nearest(kind: str, room: str) -> list[Path]:
    """The tests of a room; one that has none has those of the room around it."""
    rooms = [x for x in (Path(room), *Path(room).parents) if x.name]
    there = [found for x in rooms if (found := Path("tests", kind, x)) and (ROOT / found).exists()]
    return there[:1]


@dataclass(frozen=True)
class Faced:
    """Which tests a breakage faces: of some kinds, some turns, and not the longest."""

    kinds: tuple[str, ...] = ()
    turns: int = 4
    seconds: float = LIMIT


def tests_of(module: str) -> Iterator[list[str]]:
    """The test files named after a module, the folders of its room, of its users, the snapshot."""
    room, _, file = module.replace(".", "/").rpartition("/")
    names = dict.fromkeys((file, file.lstrip("_")))
    own = [Path("tests", kind, room, f"test_{name}.py") for kind in KINDS for name in names]
    near = [x for kind in KINDS for x in _nearest(kind, room)]
    if room.startswith("theory/"):  # laws that hold across its rooms
        near += [Path("tests/property/theory/test_fresh.py")]
    users = USERS.get(room.partition("/")[0] or file, ())
    far = [Path("tests", kind, user) for kind in KINDS for user in users]
    parts = SNAPSHOTS.get(room.partition("/")[0] or file, ("theory", "theory_commands", "compiled"))
    last = [Path("tests/snapshot", f"test_{name}.py") for name in (*parts, "traces")]
    for found in (own, near, far, last):
        if files := [str(x) for x in found if (ROOT / x).exists()]:
            yield files


def _alike(a: str, b: str) -> int:
    """How many letters two texts share from the left."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(a, b, strict=False)))


def lines_of(old: str, new: str) -> range:
    """The lines by which a test reaches a change: of its statement, down to it; none if unseen."""
    first = _alike(old, new)
    rest = _alike(old[first:][::-1], new[first:][::-1])
    start, end = (old[:x].count("\n") + 1 for x in (first, max(first, len(old) - rest)))
    around = [
        x
        for x in ast.walk(ast.parse(old))
        if isinstance(x, ast.stmt) and x.lineno <= start <= (x.end_lineno or 0)
    ]
    functions = [x for x in around[:-1] if isinstance(x, ast.FunctionDef)]
    names = {ast.unparse(x) for found in functions for x in found.decorator_list}
    if not functions or names & {*COMPILED}:
        return range(0)
    return range(around[-1].lineno, end + 1)


class Bench:
    """A copy of the package, and a process that runs its tests."""

    def __init__(self, reach: Path | None = None, libraries: tuple[str, ...] = ()) -> None:
        self._at = tempfile.TemporaryDirectory()
        self.folder = Path(self._at.name).resolve()
        for name in ("madtheory", "deep", "proofs", "reports", "tests", "docs"):
            shutil.copytree(ROOT / name, self.folder / name, symlinks=True)
        for name in ("pyproject.toml", "README.md"):
            shutil.copy(ROOT / name, self.folder)
        environment = {**os.environ, "PYTHONPATH": str(self.folder), "PYTHONWARNINGS": "ignore"}
        # Broken machine code lies apart: it would push out that of the package, copied above.
        environment["NUMBA_CACHE_DIR"] = str(self.folder / "machine_code")
        self._runner = subprocess.Popen(
            [sys.executable, "tests/reached.py", *libraries],
            cwd=self.folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._out = cast("IO[str]", self._runner.stdout)
        self._kept = reach
        self.known: dict[str, dict[str, Any]] = _known(reach)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._runner.communicate()
        self._at.cleanup()

    def ask(self, files: list[str], only: list[str], limit: float = LIMIT) -> dict[str, Any]:
        """What tests/reached.py answers."""
        asked = json.dumps({"files": files, "only": only, "seconds": int(limit)})
        print(asked, file=self._runner.stdin, flush=True)
        return dict(json.loads(self._out.readline()))

    def learn(self, files: list[str]) -> dict[str, float]:
        """Run new files whole while nothing is broken; seconds of the tests, red ones are out."""
        for new in (x for x in files if x not in self.known):
            found = self.ask([new], [])
            for test in found["red"]:
                print(f"{test} is red without a breakage", file=sys.stderr)
                found["seconds"].pop(test, None)
            self.known[new] = _known_of(found, self.folder)
            if self._kept:
                with self._kept.open("a", encoding="utf-8") as kept:
                    print(json.dumps([new, _digest(new, self.folder), self.known[new]]), file=kept)
        return {test: s for x in files for test, s in self.known[x]["seconds"].items()}

    def reaching(self, files: list[str], source: str, lines: range) -> set[str]:
        """The tests of known files that reach some lines of a file of the package."""
        at = [self.known[x]["reach"].get(source, {}) for x in files]
        return {test for found in at for line in lines for test in found.get(str(line), ())}

    def first_red(self, tests: dict[str, float]) -> str | None:
        """The first of some tests that fails, or hangs: compilation takes its time too."""
        files = [*dict.fromkeys(map(file_part, tests))]
        limit = min(LIMIT, 120 + 5 * sum(tests.values()))
        return next(iter(self.ask(files, [*tests], limit)["red"]), None) if tests else None


def file_part(test: str) -> str:
    return test.partition("::")[0]


def _digest(name: str, root: Path = ROOT) -> str:
    """Of a file, or of all modules of a folder."""
    path = root / name
    texts = sorted(path.resolve().rglob("*.py")) if path.is_dir() else [path]
    return hashlib.sha256(b"".join(x.read_bytes() for x in texts)).hexdigest()


def _known(reach: Path | None) -> dict[str, dict[str, Any]]:
    """What was kept of test files that are still the same, if the package is."""
    if reach is None:
        return {}
    package = "".join(map(_digest, ("madtheory", "deep", "reports")))
    lines = reach.read_text(encoding="utf-8").splitlines() if reach.exists() else []
    if lines[:1] != [package]:
        reach.write_text(f"{package}\n", encoding="utf-8")
    kept = [json.loads(line) for line in lines[1:]] if lines[:1] == [package] else []
    return {x: known for x, text, known in kept if (ROOT / x).exists() and text == _digest(x)}


def _known_of(found: dict[str, Any], folder: Path) -> dict[str, Any]:
    """What tests/reached.py answers of the sound tests; sources by their names in the copy."""
    reach = {
        str(Path(source).relative_to(folder)): {
            line: [x for x in tests if x in found["seconds"]] for line, tests in lines.items()
        }
        for source, lines in found["reach"].items()
    }
    return {"seconds": found["seconds"], "reach": reach}


def quickest(tests: set[str], seconds: dict[str, float]) -> list[str]:
    """Tests of the quickest file first: what its tests share is made once."""
    file = {test: test.partition("::")[0] for test in tests}
    whole = dict.fromkeys(file.values(), 0.0)
    for test in tests:
        whole[file[test]] += seconds[test]
    return sorted(tests, key=lambda x: (whole[file[x]], file[x], seconds[x]))


def _files(root: Path, paths: list[str], kinds: tuple[str, ...]) -> list[str]:
    """The test files of some paths of a copy, of some kinds."""
    found = chain.from_iterable(
        sorted((root / x).rglob("test_*.py")) if (root / x).is_dir() else [root / x] for x in paths
    )
    names = [str(x.relative_to(root)) for x in found if x.exists()]
    return [x for x in names if not kinds or Path(x).parts[1] in kinds]


def facing(bench: Bench, broken: Breakage, lines: range, by: Faced) -> Iterator[dict[str, float]]:
    """The tests that may notice a breakage with their seconds, in turns, likely ones first."""
    path = (bench.folder / "madtheory" / file_of(broken.module)).resolve()
    source = str(path.relative_to(bench.folder))
    faced, near, far = set[str](), set[str](), dict[str, float]()
    groups = (_files(bench.folder, group, by.kinds) for group in tests_of(broken.module))
    for files in islice(filter(None, groups), by.turns):
        seconds = bench.learn(files)
        far |= seconds
        reached = bench.reaching(files, source, lines) if lines else {*seconds}
        near |= {*map(file_part, reached)}
        turn = reached - faced
        faced |= turn
        yield {x: seconds[x] for x in quickest(turn, seconds)}
    # A test may feel what another one ran: what they share is made once.
    rest = {x for x in far if not near or file_part(x) in near} - faced
    yield {x: far[x] for x in quickest(rest, far)}


CLAIMS_SCRIPT = """
import json, sys
from madtheory.claims import CLAIMS, verify
red, tests = [], verify.number_of_tests()
for claim in CLAIMS:
    try:
        verdict = verify.judge(claim, n_claims=tests)
        # Computed ones have no p.
        if verdict.refuted or (verdict.p is not None and verdict.p < verify.ALPHA / tests):
            red.append(claim.id)
    except Exception:
        pass  # a claim that cannot be tested refutes nothing
print(json.dumps(red))
"""


def _claims_red(folder: Path) -> list[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-W", "ignore", "-c", CLAIMS_SCRIPT]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    return list(json.loads(done.stdout)) if done.stdout.startswith("[") else ["the import fails"]


def file_of(module: str) -> str:
    return f"{module.replace('.', '/')}.py"


def notice(bench: Bench, broken: Breakage, *, claims: bool, by: Faced) -> dict[str, object]:
    """Put one breakage into the copy, see who minds, and mend it again."""
    path = bench.folder / "madtheory" / file_of(broken.module)
    whole = path.read_text(encoding="utf-8")
    row: dict[str, object] = {"module": broken.module, "what": broken.what, "test_red": None}
    for turn in facing(bench, broken, lines_of(whole, broken.text), by):
        tests = {x: s for x, s in turn.items() if s <= by.seconds}
        path.write_text(broken.text, encoding="utf-8")
        try:
            red = bench.first_red(tests)
        finally:
            path.write_text(whole, encoding="utf-8")
        if red:
            row["test_red"] = red
            break
    if claims:
        path.write_text(broken.text, encoding="utf-8")
        try:
            row["claims_red"] = _claims_red(bench.folder)
        finally:
            path.write_text(whole, encoding="utf-8")
    return row | {"noticed": bool(row["test_red"] and row.get("claims_red", True))}


def _score(rows: list[dict[str, object]]) -> str:
    """Noticed of tried, by room."""
    room = [str(row["module"]).rpartition(".")[0] or str(row["module"]) for row in rows]
    tried = Counter(room)
    seen = Counter(x for x, row in zip(room, rows, strict=True) if row["noticed"])
    lines = [f"{x}: {seen[x]} of {n}" for x, n in sorted(tried.items())]
    return "\n".join([*lines, f"noticed: {seen.total()} of {tried.total()}"])


def main() -> int:
    parser = argparse.ArgumentParser(description="Break the code in small ways.")
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--subtle", action="store_true", help="the breakages of breakages.toml")
    kind.add_argument("--drawn", type=int, default=0, help="so many changes of each syntax tree")
    parser.add_argument("--seed", type=int, default=0, help="of the changes drawn")
    parser.add_argument("--list", action="store_true", help="name the breakages and their tests")
    parser.add_argument("--only", nargs="*", default=[""], help="breakages whose names begin so")
    parser.add_argument("--kinds", nargs="*", default=[], help="of tests, unit golden; else all")
    parser.add_argument("--seconds", type=float, default=LIMIT, help="tests that take longer rest")
    parser.add_argument("--turns", type=int, default=4, help="1: a file's own tests, 2: its room's")
    parser.add_argument("--share", type=float, default=1.0, help="of the breakages, by --seed")
    parser.add_argument("--log", type=Path, default=None, help="go on with this file")
    asked = parser.parse_args()
    subtle = asked.subtle or asked.drawn
    every = listed() if asked.subtle else drawn(asked.drawn, asked.seed) if subtle else formulas()
    chosen = [x for x in every if f"{x.module}.{x.what}".startswith(tuple(asked.only))]
    share = random.Random(asked.seed)
    chosen = [x for x in chosen if share.random() < asked.share]
    if asked.list:
        for x in chosen:
            print(f"{x.module}, {x.what}:", *chain(*tests_of(x.module)))
        return 0
    log = asked.log or Path(os.devnull)
    rows = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    done = {(row["module"], row["what"]) for row in rows}
    libraries = ("torch",) if any(x.module.startswith(("deep", "cli")) for x in chosen) else ()
    by = Faced(tuple(asked.kinds), asked.turns, asked.seconds)
    reach = asked.log and asked.log.with_suffix(".reach")
    with Bench(reach, libraries) as bench, log.open("a", encoding="utf-8") as finished:
        for broken in chosen:
            if (broken.module, broken.what) not in done:
                rows.append(notice(bench, broken, claims=not subtle, by=by))
                for stream in (finished, sys.stdout):
                    print(json.dumps(rows[-1]), file=stream, flush=True)
    print(_score(rows))
    return 0 if all(row["noticed"] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
