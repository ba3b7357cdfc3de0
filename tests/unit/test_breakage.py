"""The tool that breaks the code: what it lists is in the code, what it draws is an error."""

import ast
from itertools import chain

import pytest

from tests import breakage
from tests.breakage import (
    PACKAGE,
    ROOT,
    changes,
    drawn,
    formulas,
    inside,
    lines_of,
    listed,
    put,
    quickest,
)


def test_every_listed_breakage_stands_once_in_the_code_and_compiles() -> None:
    # A text that has moved is mended in breakages.toml, or its line goes.
    every = list(listed())
    assert len(every) > 500
    for broken in every:
        ast.parse(broken.text)


def test_every_file_with_a_decision_is_listed_or_drawn_from() -> None:
    rooms = [x for x in PACKAGE.iterdir() if x.is_dir() and x.name not in ("proofs", "reports")]
    # On some Pythons rglob does not follow the link that `deep` is.
    inside = chain.from_iterable(x.resolve().rglob("*.py") for x in rooms)
    places = [x.relative_to(ROOT) for x in (*PACKAGE.glob("*.py"), *inside)]
    names = {".".join(x.with_suffix("").parts).removeprefix("madtheory.") for x in places}
    found = {x.module for x in (*drawn(1, 0), *listed())}
    bare = {x for x in names - found if not x.endswith(("__init__", "__main__"))}
    # These decide nothing by themselves: a list of lists, names of fields, constants, types.
    assert bare <= {"claims.table", "simulate.kernels.spec", "deep.compare.rules", "_types"}


@pytest.mark.full
def test_drawn_breakages_are_those_of_their_seed_and_compile() -> None:
    one, again, other = (list(drawn(2, seed)) for seed in (3, 3, 4))
    assert one == again != other
    for broken in one[::10]:
        ast.parse(broken.text)


@pytest.mark.parametrize(
    ("code", "broken"),
    [
        ("a < b", "(a <= b)"),
        ("f(a >= λ)", "f((a > λ))"),
        ("min(a, b)", "(max)(a, b)"),
        ("np.maximum(a, b)", "(np.minimum)(a, b)"),
        ("x.std(ddof=1)", "x.std(ddof=(0))"),
        ("x / (n - 1)", "x / ((n))"),
        ("2 * x", "(x)"),
        ("isf(alpha / 2)", "isf((alpha))"),
        ("x[-1]", "x[(0)]"),
        ("x[0]", "x[(-1)]"),
        ("value -= bias(x)", "value -= (0 * (bias(x)))"),
    ],
)
def test_each_kind_of_change(code: str, broken: str) -> None:
    found = [put(code, part, new) for x in inside(ast.parse(code)) for _, part, new in changes(x)]
    assert broken in found


def test_messages_and_annotations_are_no_place_for_one() -> None:
    code = "def f(x: T[0]) -> U[0]:\n    raise ValueError(f'{n - 1}')\n"
    assert not [new for x in inside(ast.parse(code)) for new in changes(x)]


def test_tests_of_a_module_are_its_own_then_its_rooms_then_the_snapshot() -> None:
    own, room, last = breakage.tests_of("modes.recall")
    assert own == ["tests/unit/modes/test_recall.py"]
    assert "tests/unit/modes" in room
    assert "tests/property/modes" in room
    assert last[0] == "tests/snapshot/test_theory.py"
    near, far, last = breakage.tests_of("simulate.kernels.collapse")
    assert last == ["tests/snapshot/test_compiled.py", "tests/snapshot/test_traces.py"]
    assert near[0] == "tests/unit/simulate/kernels"
    assert {"tests/statistical/simulate"} <= {*near} & {*far}
    assert "tests/unit/simulate" in far
    rates = [x.what for x in formulas() if x.module == "theory.collapse.rates"]
    assert {"rate", "half_life", "critical_bias"} <= {*rates}


CODE = """LIMIT = 3

def f(x, n=2):
    if x > LIMIT:
        y = g(
            x + 1,
        )
    else:
        y = 1
    return y

@kernel
def k(x):
    return x + 2
"""


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        ("x > LIMIT", "x >= LIMIT", {4}),
        ("x + 1", "x + 4", {5, 6}),
        ("y = 1", "y = 3", {9}),
        ("return y\n", "\n", {10}),
        # Set on import, or run by no Python: who reaches it cannot be seen.
        ("LIMIT = 3", "LIMIT = 4", set()),
        ("n=2", "n=3", set()),
        ("x + 2", "x + 3", set()),
    ],
)
def test_a_change_is_reached_by_the_lines_of_its_statement(
    old: str, new: str, lines: set[int]
) -> None:
    assert {*lines_of(CODE, CODE.replace(old, new))} == lines


def test_the_quickest_file_comes_first_and_its_tests_stay_together() -> None:
    seconds = {"a::slow": 5.0, "a::quick": 0.1, "b::one": 1.0, "b::other": 0.5, "c::far": 9.0}
    tests = {*seconds} - {"c::far"}
    assert quickest(tests, seconds) == ["b::other", "b::one", "a::quick", "a::slow"]
