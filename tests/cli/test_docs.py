"""README and docs say what is true: examples are run, links and names exist."""

import ast
import builtins
import importlib
import importlib.util
import inspect
import pkgutil
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import madtheory

ROOT = Path(__file__).resolve().parents[2]


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"docs_{name}", ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


refresh = script("refresh")
PAGES = {page.name: page.read_text(encoding="utf-8") for page in refresh.PAGES}
#: The table of all definitions takes half a minute; tests of the verdicts read the same one.
LONG = "related.md"
EXAMPLES = [
    pytest.param(
        command, expected, id=f"{name}: {command}", marks=[pytest.mark.full] * (name == LONG)
    )
    for name, text in PAGES.items()
    for command, expected in refresh.examples(text)
]


def test_there_are_examples() -> None:
    assert len(refresh.examples(PAGES["README.md"])) >= 4
    assert len(EXAMPLES) >= 10


def test_an_example_with_another_output_does_not_match() -> None:
    assert refresh.matches("a [...] c", "a b c")
    assert not refresh.matches("a [...] c", "a b d")
    assert not refresh.matches("rate -0.1", "rate -0.2")


@pytest.mark.parametrize(("command", "expected"), EXAMPLES)
def test_console_examples_print_what_they_show(command: str, expected: str) -> None:
    (ROOT / "out").mkdir(exist_ok=True)
    found = refresh.output_of(command)
    assert refresh.matches(expected, found), found


@pytest.mark.parametrize("name", PAGES)
def test_python_examples_run(name: str) -> None:
    for code in re.findall(r"```python\n(.*?)```", PAGES[name], re.DOTALL):
        exec(compile(code, name, "exec"), {})


def test_the_cells_of_the_tutorial_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "agg")
    plt = pytest.importorskip("matplotlib.pyplot")
    cells = re.findall(r"```\{code-cell\} python\n(.*?)```", PAGES["tutorial.md"], re.DOTALL)
    assert len(cells) >= 8
    names: dict[str, Any] = {}
    for code in cells:
        exec(compile(code, "tutorial.md", "exec"), names)
    plt.close("all")


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    folder = ROOT if name == "README.md" else ROOT / "docs"
    for target in re.findall(r"\]\(([^)#:]+)\)", PAGES[name]):
        assert (folder / target).exists(), target


def exists(room: str, name: str) -> bool:
    """Whether a page's name such as `collapse.rate` is there, in the room that it means."""
    for package in ("madtheory", "madtheory.theory", "madtheory.laws"):
        if importlib.util.find_spec(f"{package}.{room}"):
            return hasattr(importlib.import_module(f"{package}.{room}"), name)
    return False


@pytest.mark.parametrize("page", ["theory.md", "related.md"])
def test_every_function_that_a_page_names_exists(page: str) -> None:
    names = re.findall(r"`([a-z_]+)\.([a-zA-Z_0-9]+)`", PAGES[page])
    assert len(names) > 20
    for room, name in names:
        if (room, name) == ("collapse", "f"):
            continue  # The page's own example of how to read the names.
        assert exists(room, name), f"{room}.{name}"


def test_every_claim_refers_to_statements_that_the_theory_page_makes() -> None:
    from madtheory.claims import CLAIMS

    made = set(re.findall(r"^#{2,3} (\d(?:\.\d+)?)", PAGES["theory.md"], re.MULTILINE))
    parts = {part.strip() for claim in CLAIMS for part in claim.reference.split(";")}
    assert {part for part in parts if re.fullmatch(r"\d(\.\d+)?", part)} <= made
    # And claims test every statement but the sampler, which draws what they observe.
    undivided = {name for name in made if not any(x.startswith(f"{name}.") for x in made)}
    assert undivided - parts == {"2.1"}


def docstrings(module: ModuleType) -> Iterator[str]:
    """Yield the docstrings of a module and of all that it defines."""
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            yield ast.get_docstring(node) or ""


def stands_for_something(name: str, module: ModuleType) -> bool:
    """Whether a name in a role is one of this module, of a class in it, of its room, or full."""
    parts = name.lstrip("~").removesuffix("()").split(".")
    if parts[0] == "madtheory":
        inside = [i for i in range(1, len(parts) + 1) if ".".join(parts[:i]) in MODULES]
        starts, parts = [sys.modules[".".join(parts[: inside[-1]])]], parts[inside[-1] :]
    else:
        classes = [item for item in vars(module).values() if inspect.isclass(item)]
        room = sys.modules[module.__name__.rpartition(".")[0] or "madtheory"]
        starts = [module, *classes, room, builtins]
    return any(_within(start, parts) for start in starts)


def _within(start: Any, parts: list[str]) -> bool:
    for part in parts:
        if not hasattr(start, part):
            return part in getattr(start, "__annotations__", {})
        start = getattr(start, part)
    return True


MODULES = ["madtheory", *(m.name for m in pkgutil.walk_packages(madtheory.__path__, "madtheory."))]


@pytest.mark.parametrize("name", MODULES)
def test_names_in_roles_exist(name: str) -> None:
    for other in MODULES:
        importlib.import_module(other)
    module = sys.modules[name]
    for text in docstrings(module):
        for role in re.findall(r":(?:func|class|meth|mod|data|attr):`([^`]+)`", text):
            assert stands_for_something(role, module), role


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text('<p id="x"><a href="b.html#y"></a><a href="#x"></a></p>')
    (tmp_path / "b.html").write_text('<a href="a.html#x"></a><a href="c.html"></a>')
    assert list(script("links").broken(tmp_path)) == ["a.html: b.html#y", "b.html: c.html"]


@pytest.mark.full
def test_claims_are_joined_to_functions_and_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "docs"))
    from madsite import evidence  # type: ignore[import-not-found]

    found = evidence.evidence()
    assert "madtheory.theory.collapse.mean_trace" in found["mean-trace"].tested
    assert "madtheory.theory.collapse.critical_bias" in found["critical-bias"].tested
    assert found["size-biased-share"].simulators == ("madtheory.simulate.simulate_size_biased",)
    assert found["fresh-mean-fourth"].tested == ("madtheory.theory.moments.second_moments",)
    joined = [item for item in found.values() if item.functions]
    assert len(joined) > 0.95 * len(found)
    assert evidence.shown_in("lyapunov-second") == ("spectrum",)
    # By the paper's Fig. 10: of the theory, and of a diffusion model.
    assert evidence.shown_in("eq3-independence") == ("forgetting", "deep_ddpm")
