"""Kernels that kernels call: one overload for all literals, found on disk, and they can raise."""

import importlib.util
import sys

import pytest
from numba.core import event

from madtheory import _compile

TEXT = """
from madtheory._compile import kernel
@kernel
def inner(x, positive, power):
    if x > 1e6:
        print("x is large:", x)
        raise ValueError("x is large")
    return (x if positive else -x) * power
@kernel
def outer(x, positive):
    return inner(x, True, 1) + inner(x, positive, 2) + inner(x, False, int(x))
@kernel
def other(x):
    return inner(x, True, 7)
"""


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """Machine code of the tests goes to a place of their own."""
    monkeypatch.setattr(_compile, "folders", lambda: (tmp_path / "cache",))


@pytest.fixture
def load(tmp_path):
    """The functions of a process that starts with this file."""
    path = tmp_path / "linking.py"
    path.write_text(TEXT)

    def fresh():
        spec = importlib.util.spec_from_file_location("linking", path)
        module = importlib.util.module_from_spec(spec)
        sys.modules["linking"] = module
        spec.loader.exec_module(module)
        return module

    yield fresh
    sys.modules.pop("linking", None)


def compiled(call):
    """Names of the functions that a call compiles."""
    with event.install_recorder("numba:compile") as recorder:
        call()
    functions = [e.data["dispatcher"].py_func for _, e in recorder.buffer if e.is_start]
    return sorted(f.__name__ for f in functions if f.__module__ == "linking")


def test_literals_share_one_overload_that_has_no_entry(load):
    module = load()
    assert compiled(lambda: module.outer(3.0, True)) == ["inner", "outer"]
    assert module.outer(3.0, True) == 3.0 + 6.0 - 9.0
    assert module.outer(3.0, False) == 3.0 - 6.0 - 9.0
    assert not module.inner.overloads


def test_another_process_links_what_was_stored(load):
    load().outer(3.0, True)
    module = load()
    assert compiled(lambda: module.other(3.0)) == ["other"]
    assert module.other(3.0) == 21.0
    assert compiled(lambda: load().outer(3.0, True)) == []


@pytest.mark.parametrize("again", [False, True])
def test_linked_code_prints_and_raises(load, again, capfd):
    """What it prints is an object that it refers to."""
    if again:
        load().outer(3.0, True)
    for call in (load().outer, lambda x, _: load().other(x)):
        with pytest.raises(ValueError, match="x is large"):
            call(1e7, True)
        assert capfd.readouterr().out == "x is large: 10000000.0\n"


def test_another_numba_compiles_each_kernel_by_itself(load, monkeypatch):
    monkeypatch.setattr(_compile, "TRIED", "none")
    module = load()
    assert module.outer(3.0, False) == 3.0 - 6.0 - 9.0
    assert module.inner.overloads
