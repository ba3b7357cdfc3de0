"""Rules of the house that a reader relies on: floors, public names, cheap imports, doctests."""

import ast
import doctest
import importlib
import pkgutil
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

import madtheory
from madtheory import loop

ROOT = Path(madtheory.__file__).parent

#: Rooms (files and folders of the package) from the top floor down. What a room holds imports
#: from its own room and from the floors below.
FLOORS: tuple[tuple[str, ...], ...] = (
    ("__main__",),
    ("cli",),
    ("reports",),
    ("claims", "audit", "plan", "deep"),
    ("theory",),
    ("simulate",),
    ("spectrum", "modes", "engine", "metrics"),
    ("laws", "files"),
    ("directions",),
    ("loop", "covariance", "results", "_threads"),
    ("_check", "_compile", "_holm", "_search", "_types", "proofs"),
    ("_linked",),
)
#: A file answers one question: this many lines at most.
LONGEST = 600


def modules() -> list[str]:
    """Every importable module of the package, itself included."""
    found = pkgutil.walk_packages(madtheory.__path__, "madtheory.")
    return ["madtheory", *(info.name for info in found)]


def source(name: str) -> Path:
    parts = name.split(".")[1:]
    folder = ROOT.joinpath(*parts)
    return folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")


MODULES = modules()


def imported(name: str) -> set[str]:
    """The madtheory modules that a module's source names, for the type checker alone too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source(name).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            # `from package import file` is an arrow to the file, not to the package.
            files = {f"{node.module}.{alias.name}" for alias in node.names} & {*MODULES}
            names |= files if len(files) == len(node.names) else files | {node.module}
    return {found for found in names if found in MODULES and found not in ("madtheory", name)}


def room(name: str) -> str:
    return name.split(".")[1]


def floor(name: str) -> int:
    return next(i for i, rooms in enumerate(FLOORS) if room(name) in rooms)


def test_every_room_has_a_floor() -> None:
    rooms = {room(name) for name in MODULES[1:]}
    assert rooms <= {name for rooms in FLOORS for name in rooms}


def test_every_folder_is_packed() -> None:
    project = tomllib.loads((ROOT.parent / "pyproject.toml").read_text(encoding="utf-8"))
    packages = [name for name in MODULES if source(name).name == "__init__.py"]
    assert sorted(project["tool"]["setuptools"]["packages"]) == sorted(packages)


@pytest.mark.parametrize("name", MODULES[1:])
def test_imports_point_down(name: str) -> None:
    up = {
        other
        for other in imported(name)
        if room(other) != room(name) and floor(other) <= floor(name)
    }
    assert not up, f"{name} imports {up} from its own floor or a higher one"


def test_no_import_cycles() -> None:
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> None:
        assert name not in path, " -> ".join((*path, name))
        if name not in done:
            for other in sorted(imported(name)):
                visit(other, (*path, name))
            done.add(name)

    for name in MODULES:
        visit(name, ())


@pytest.mark.parametrize("name", MODULES)
def test_private_files_are_their_neighbours_only(name: str) -> None:
    for other in imported(name):
        folder, _, file = other.rpartition(".")
        private = file.startswith("_") and folder != "madtheory"
        assert not private or name.startswith(folder), f"{name} imports {other}"


@pytest.mark.parametrize("name", MODULES)
def test_no_private_names_across_files(name: str) -> None:
    for node in ast.walk(ast.parse(source(name).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("madtheory."):
            taken = {alias.name for alias in node.names if alias.name.startswith("_")}
            assert not {n for n in taken if f"{node.module}.{n}" not in MODULES}


@pytest.mark.parametrize("name", MODULES)
def test_files_are_short(name: str) -> None:
    assert len(source(name).read_text(encoding="utf-8").splitlines()) <= LONGEST


@pytest.mark.parametrize("name", MODULES)
def test_every_file_says_what_it_is_and_lists_name_what_is_there(name: str) -> None:
    module = importlib.import_module(name)
    assert module.__doc__
    for exported in getattr(module, "__all__", ()):
        assert hasattr(module, exported), f"{name}.__all__ names {exported}"


#: What every example of the package may use without importing it.
NAMESPACE = {
    "np": np,
    "fully_synthetic": loop.fully_synthetic,
    "fresh_data": loop.fresh_data,
    "synthetic_augmentation": loop.synthetic_augmentation,
}


@pytest.mark.parametrize("name", MODULES)
def test_doctests(name: str) -> None:
    # With ELLIPSIS as the only option: an example shows what a reader would see.
    module = importlib.import_module(name)
    result = doctest.testmod(module, extraglobs=NAMESPACE, optionflags=doctest.ELLIPSIS)
    assert result.failed == 0


def loaded_after(statement: str) -> set[str]:
    """Names of the top-level packages that a fresh interpreter holds after `statement`."""
    code = f"{statement}\nimport sys\nprint(*sorted({{m.split('.')[0] for m in sys.modules}}))"
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    return set(out.split())


def test_the_theory_loads_neither_torch_nor_matplotlib() -> None:
    wings = ("madtheory.reports", "madtheory.deep")
    core = [name for name in MODULES if not name.startswith(wings)]
    loaded = loaded_after("\n".join(f"import {name}" for name in core))
    assert not loaded & {"torch", "matplotlib", "sklearn", "pypandoc", "typst"}


def test_the_command_line_loads_nothing_heavy_before_it_must() -> None:
    loaded = loaded_after("import madtheory.cli")
    assert not loaded & {"numpy", "scipy", "numba", "pandas", "pyarrow", "sympy", "rich"}


def test_nothing_compiles_at_import() -> None:
    code = (
        "from numba.core.dispatcher import Dispatcher\n"
        "def refuse(self, sig): raise SystemExit(f'{self} compiled at import')\n"
        "Dispatcher.compile = refuse\n"
        "import madtheory.claims, madtheory.simulate, madtheory.engine, madtheory.metrics\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
