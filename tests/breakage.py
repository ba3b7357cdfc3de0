"""Break each formula by 2 % and see which tests and claims go red.

    python tests/breakage.py [--list] [--only theory.collapse ...] [--out breakage.json]

A formula is a public function of the rooms below that returns numbers, or a result that holds some.
Works on a copy of the package: a line is appended to the module that multiplies the first number of
what the function returns by 1.02 (logarithms and exponents too; bounds are moved across the truth
by the claim's own mutant instead). Then the tests named after the file run, those of its room if
none of them minds, and the quick claims. A formula that nothing catches makes the script exit 1.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

#: Rooms of the theory: every file in them is broken, function by function.
ROOMS = ("laws", "spectrum", "theory", "modes")
#: What is no number: a function that returns this is no formula.
OTHER = ("bool", "str", "int", "None", "Loop", "Layout", "Callable", "dict", "tuple[Entry")
KINDS = ("unit", "golden", "property", "statistical")


def formulas() -> Iterator[tuple[str, str]]:
    """Module and function of every formula, `theory.collapse.rates` and `rate`."""
    for room in ROOMS:
        for path in sorted((ROOT / "madtheory" / room).rglob("*.py")):
            module = ".".join(path.relative_to(ROOT / "madtheory").with_suffix("").parts)
            for node in ast.parse(path.read_text(encoding="utf-8")).body:
                if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
                    continue
                returns = "None" if node.returns is None else ast.unparse(node.returns)
                if not returns.startswith(OTHER):
                    yield module, node.name


def tests_of(module: str) -> Iterator[list[str]]:
    """The test files named after a module, then the folders of its room."""
    room, _, file = module.replace(".", "/").rpartition("/")
    places = [Path("tests", kind, room) for kind in KINDS]
    own = [x / f"test_{file}.py" for x in places]
    # Laws that hold across the rooms of the theory lie in the folder above.
    rooms = [x if (ROOT / x).exists() or len(x.parts) < 4 else x.parent for x in places]
    for found in (own, rooms):
        if files := [str(x) for x in found if (ROOT / x).exists()]:
            yield files


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

CLAIMS_SCRIPT = """
import json, sys
from madtheory.claims import CLAIMS, verify
red = []
for claim in CLAIMS:
    try:
        verdict = verify.judge(claim, n_claims=len(CLAIMS))
        if verdict.p < verify.ALPHA / len(CLAIMS):
            red.append(claim.id)
    except Exception:
        pass  # a claim that cannot be tested refutes nothing
print(json.dumps(red))
"""


def _copy(folder: Path) -> None:
    for name in ("madtheory", "proofs", "reports", "tests"):
        shutil.copytree(ROOT / name, folder / name, symlinks=True)
    shutil.copy(ROOT / "pyproject.toml", folder)


def _python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python on the copy."""
    environment = {**os.environ, "PYTHONPATH": str(folder), "PYTHONWARNINGS": "ignore"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )


def _tests_red(folder: Path, module: str) -> str | None:
    """The first test that minds."""
    for files in tests_of(module):
        out = _python(
            folder, "-m", "pytest", "-p", "no:xdist", "-x", "-rfE", "--tb=no", *files
        ).stdout
        for line in out.splitlines():
            if line.startswith(("FAILED", "ERROR")):
                return line.split(" ", 1)[1].split(" - ")[0]
    return None


def _claims_red(folder: Path) -> list[str]:
    result = _python(folder, "-c", CLAIMS_SCRIPT)
    return list(json.loads(result.stdout)) if result.stdout else ["the import fails"]


def break_one(folder: Path, module: str, name: str) -> dict[str, object]:
    """Break one formula in the copy, run its tests and all claims, and mend it again."""
    path = folder / "madtheory" / f"{module.replace('.', '/')}.py"
    source = path.read_text()
    path.write_text(source + PATCH.replace("NAME", name))
    try:
        return {
            "formula": f"{module}.{name}",
            "test_red": _tests_red(folder, module),
            "claims_red": _claims_red(folder),
        }
    finally:
        path.write_text(source)


def main() -> int:
    parser = argparse.ArgumentParser(description="Break each formula by 2 %%.")
    parser.add_argument("--list", action="store_true", help="name the formulas and their tests")
    parser.add_argument("--only", nargs="*", default=[""], help="formulas whose names begin so")
    parser.add_argument("--out", type=Path, default=None)
    arguments = parser.parse_args()
    asked = [x for x in formulas() if ".".join(x).startswith(tuple(arguments.only))]
    if arguments.list:
        print(*(f"{m}.{name}  {' '.join(chain(*tests_of(m)))}" for m, name in asked), sep="\n")
        return 0
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _copy(folder)
        for module, function in asked:
            rows.append(break_one(folder, module, function))
            print(json.dumps(rows[-1]), flush=True)
    if arguments.out:
        arguments.out.write_text(json.dumps(rows, indent=1) + "\n")
    missed = [row["formula"] for row in rows if not (row["test_red"] and row["claims_red"])]
    print(f"{len(rows)} formulas broken, not caught by both a test and a claim: {missed}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
