"""Runs side by side: one BLAS thread each, and what ends them."""

import threading

import pytest
import scipy.linalg  # noqa: F401  loads the BLAS library
from threadpoolctl import threadpool_info, threadpool_limits

from madtheory import _threads
from madtheory._threads import Show


def _blas() -> set[int]:
    return {x["num_threads"] for x in threadpool_info() if x["user_api"] == "blas"}


def test_blas_has_one_thread_inside_and_its_own_after() -> None:
    with threadpool_limits(limits=2, user_api="blas"):
        with _threads.one_thread():
            assert _blas() == {1}
        assert _blas() == {2}


def test_runs_end_when_another_has_failed() -> None:
    begun, taken = threading.Event(), []

    def long(tell: Show) -> None:
        for i in range(200):
            tell(i, 200)
            begun.set()
            taken.append(i)
            threading.Event().wait(0.005)

    def failing(tell: Show) -> None:
        begun.wait(10)
        raise ValueError("no such run")

    with pytest.raises(ValueError, match="no such run"):
        _threads.on_threads([long, failing], 2, lambda done, total: None)
    assert 0 < len(taken) < 200


def test_a_bar_without_a_stderr_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stderr", None)
    with _threads.progress_bar(True, "runs") as show:
        assert show(1, 2) is None


def test_more_threads_than_any_machine_has_are_refused():
    with pytest.raises(ValueError, match="threads must be at most 1024, got 1025"):
        _threads.processors("threads", 1025)
