"""Rules of the house that a reader relies on: layers, public names, cheap imports, doctests."""

import ast
import doctest
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import madtheory

ROOT = Path(madtheory.__file__).parent

#: Layers from the top; a module imports from lower layers, and from its own where listed so.
LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"__main__", "cli"}),
    frozenset({"reports"}),
    frozenset({"proofs"}),
    frozenset({"claims"}),
    # Theory and simulators: one layer, without cycles.
    frozenset(
        {
            "simulate",
            "collapse",
            "collapse_distance",
            "definitions",
            "effective",
            "estimators",
            "families",
            "recursions",
            "regimes",
            "spectrum",
            "wishart",
            "_fidelity",
            "_mixture_distance",
            "_system",
            "_tensors",
        }
    ),
    frozenset(
        {
            "distances",
            "loops",
            "_compile",
            "_threads",
            "_search",
            "_validate",
            "_io",
        }
    ),
)


def modules() -> list[str]:
    """Every importable module of the package, itself included."""
    found = pkgutil.walk_packages(madtheory.__path__, "madtheory.")
    return ["madtheory", *(info.name for info in found)]


def source(name: str) -> Path:
    parts = name.split(".")[1:]
    folder = ROOT.joinpath(*parts)
    return folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")


class OnlyAtRun(ast.NodeTransformer):
    """Drop what only the type checker sees."""

    def visit_If(self, node: ast.If) -> ast.AST | None:
        checking = isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        return None if checking else self.generic_visit(node)


def imported(name: str) -> set[str]:
    """The madtheory modules that a module's source names, wherever in it."""
    names: set[str] = set()
    tree = OnlyAtRun().visit(ast.parse(source(name).read_text(encoding="utf-8")))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            rooms = {f"{node.module}.{alias.name}" for alias in node.names}
            # A file that takes a neighbour out of their room does not use the room's list.
            names |= rooms if rooms <= set(MODULES) else rooms | {node.module}
    return {found for found in names if found in MODULES and found not in ("madtheory", name)}


MODULES = modules()


def layer(name: str) -> int:
    """Index of a module's layer; one that is not listed belongs to the theory."""
    top = name.split(".")[1]
    for i, members in enumerate(LAYERS):
        if top in members:
            return i
    return next(i for i, members in enumerate(LAYERS) if "wishart" in members)


@pytest.mark.parametrize("name", MODULES[1:])
def test_imports_point_down(name: str) -> None:
    up = {other for other in imported(name) if layer(other) < layer(name)}
    assert not up, f"{name} imports {up} from a higher layer"


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
def test_every_module_says_what_it_exports(name: str) -> None:
    if len(ast.parse(source(name).read_text(encoding="utf-8")).body) == 1:
        return  # The docstring of a folder: nothing to export.
    module = importlib.import_module(name)
    assert module.__doc__
    for exported in getattr(module, "__all__", ()):
        assert hasattr(module, exported), f"{name}.__all__ names {exported}"


@pytest.mark.parametrize("name", MODULES)
def test_doctests(name: str) -> None:
    # With ELLIPSIS as the only option: an example shows what a reader would see.
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
    assert result.failed == 0


def loaded_after(statement: str) -> set[str]:
    """Names of the top-level packages that a fresh interpreter holds after `statement`."""
    code = f"{statement}\nimport sys\nprint(*sorted({{m.split('.')[0] for m in sys.modules}}))"
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    return set(out.split())


def test_the_theory_loads_neither_torch_nor_matplotlib() -> None:
    core = [name for name in MODULES if not name.startswith("madtheory.reports")]
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
        "import madtheory.claims.verify, madtheory.simulate\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
