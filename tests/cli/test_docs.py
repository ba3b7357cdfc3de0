"""README and docs say what is true: examples are run, links and names exist."""

import importlib
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


def build_module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_build", ROOT / "docs" / "build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


build = build_module()
PAGES = {page.name: page.read_text(encoding="utf-8") for page in build.PAGES}
EXAMPLES = [
    pytest.param(command, expected, id=f"{name}: {command}")
    for name, text in PAGES.items()
    for command, expected in build.examples(text)
]


def test_there_are_examples() -> None:
    assert len(build.examples(PAGES["README.md"])) >= 4
    assert len(EXAMPLES) >= 10


def test_an_example_with_another_output_does_not_match() -> None:
    assert build.matches("a [...] c", "a b c")
    assert not build.matches("a [...] c", "a b d")
    assert not build.matches("rate -0.1", "rate -0.2")


@pytest.mark.parametrize(("command", "expected"), EXAMPLES)
def test_console_examples_print_what_they_show(command: str, expected: str) -> None:
    (ROOT / "out").mkdir(exist_ok=True)
    found = build.output_of(command)
    assert build.matches(expected, found), found


def test_the_table_of_claims_is_current() -> None:
    (table,) = build.CLAIMS.findall(PAGES["theory.md"])
    assert table == build.claims_table(), "run: python docs/build.py --refresh"


@pytest.mark.parametrize("name", PAGES)
def test_python_examples_run(name: str) -> None:
    for code in re.findall(r"```python\n(.*?)```", PAGES[name], re.DOTALL):
        exec(compile(code, name, "exec"), {})


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    folder = ROOT if name == "README.md" else ROOT / "docs"
    for target in re.findall(r"\]\(([^)#:]+)\)", PAGES[name]):
        assert (folder / target).exists(), target


def test_every_function_that_the_theory_page_names_exists() -> None:
    names = re.findall(r"`([a-z_]+)\.([a-zA-Z_0-9]+)`", PAGES["theory.md"])
    assert len(names) > 30
    for module, name in names:
        if module == "collapse" and name == "f":
            continue  # The page's own example of how to read the names.
        assert hasattr(importlib.import_module(f"madtheory.{module}"), name), f"{module}.{name}"
