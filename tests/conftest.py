"""One thread a worker, Hypothesis profiles, the longer checks, interrupts that are heeded."""

import gc
import os
import signal
from collections import Counter
from collections.abc import Generator

import pytest
from hypothesis import HealthCheck, settings

# Workers fill the processors. Threads that libraries start beside them (they read this when they
# are loaded) wait for each other: a test of a GAN took 139 s instead of 3.
if "PYTEST_XDIST_WORKER" in os.environ:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")

settings.register_profile(
    "ci", max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
settings.register_profile("dev", max_examples=30, deadline=None)
settings.register_profile("hunt", max_examples=10_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))

# A shell's background job ignores interrupts, and so would every process that a test interrupts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="run the longer checks too")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection() -> Generator[None, object, object]:
    # Thousands of items and whole libraries that stay: nothing of these is garbage, and going
    # through them again and again takes a fifth of the time until the first test. They are not
    # frozen: an audit asks whether anything is, and counting so many takes half its time.
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    # Few long tests first, so that no processor waits for one at the end.
    items.sort(key=lambda item: "snapshot" not in item.path.parts)
    if config.getoption("--full"):
        return
    skip = pytest.mark.skip(reason="a longer check: make test-full")
    cases: Counter[str] = Counter()
    for item in items:
        function = item.nodeid.partition("[")[0]
        thinned = item.get_closest_marker("thinned")
        if "full" in item.keywords or (thinned and cases[function] % thinned.args[0]):
            item.add_marker(skip)
        cases[function] += 1
