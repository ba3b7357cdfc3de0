"""Run a command line in this process: exit code, stdout, stderr, and its JSON."""

import json
import math
from collections.abc import Callable
from typing import Any

import pytest

from madtheory.cli import run

Json = Callable[..., dict[str, Any]]
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str]) -> Run:
    """Run `madtheory ARGUMENTS` and return (exit code, stdout, stderr)."""

    def invoke(*arguments: object) -> tuple[int, str, str]:
        capfd.readouterr()
        code = run([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return code, out, err

    return invoke


def _no_constant(name: str) -> float:
    raise AssertionError(f"{name} is no JSON")


@pytest.fixture
def answer(command: Run) -> Json:
    """Run with --json, check the contract, and return the object."""

    def invoke(*arguments: object, code: int = 0) -> dict[str, Any]:
        found, out, err = command(*arguments, "--json")
        assert (found, err) == (code, "")
        payload: dict[str, Any] = json.loads(out, parse_constant=_no_constant)
        assert out == json.dumps(payload, sort_keys=True, ensure_ascii=False) + "\n"
        return payload

    return invoke


@pytest.fixture
def refusal(command: Run) -> Callable[..., str]:
    """Run a command line that must be refused and return its one line without the prefix."""

    def invoke(*arguments: object) -> str:
        code, out, err = command(*arguments)
        assert (code, out) == (2, ""), err
        assert err.count("\n") == 1
        assert err.startswith("madtheory: error: ")
        return err.removeprefix("madtheory: error: ").rstrip("\n")

    return invoke


@pytest.fixture
def close() -> Callable[..., None]:
    """Compare to a second route, relative to 1e-12 unless said; None stands for no value."""

    def check(found: Any, expected: Any, rel: float = 1e-12) -> None:
        found = found if isinstance(found, list) else [found]
        expected = expected if isinstance(expected, list) else [expected]
        assert len(found) == len(expected)
        for x, y in zip(found, expected, strict=True):
            if y is None or not math.isfinite(y):
                assert x is None
            else:
                assert x == pytest.approx(float(y), rel=rel, abs=1e-300)

    return check
