"""Run tests for breakage.py, each time in a fork of one process that has the libraries loaded.

    python tests/reached.py [torch ...]     libraries to load too

A line of standard input asks, `{"files": [...], "only": [...], "seconds": 600}`: tests of these
files, in this order, until one is red or the processor time is over. A line of standard output
answers: `{"red": [...]}`. Without `only` all tests run, and the answer says by `seconds` how long
each took, and by `reach` which lines of which file it ran.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import signal
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import coverage
import numba  # noqa: F401  loaded once for all forks, as the next ones
import numpy as np  # noqa: F401
import pytest
import scipy.optimize
import scipy.stats  # noqa: F401

OPTIONS = ("-p", "no:xdist", "-p", "no:cacheprovider", "-q", "--tb=no")
#: How a process ends that has used up its time.
HUNG = (-signal.SIGXCPU, -signal.SIGKILL)
#: And one where this file is at fault, not what is tested.
AT_FAULT = 70


class Watch:
    """Keep the tests that are asked for, in order; note which fail and how long each takes."""

    def __init__(self, only: list[str], cover: coverage.Coverage | None) -> None:
        self.rank = {name: i for i, name in enumerate(only)}
        self.cover, self.red = cover, list[str]()
        self.seconds: defaultdict[str, float] = defaultdict(float)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        if self.rank:
            items[:] = [x for x in items if x.nodeid in self.rank]
            items.sort(key=lambda x: self.rank[x.nodeid])

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        if self.cover:
            self.cover.switch_context(nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.seconds[report.nodeid] += report.duration
        if report.failed:
            self.red.append(report.nodeid)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.red.append(report.nodeid)


def watched(files: list[str], only: list[str]) -> dict[str, Any]:
    """What the tests say; a package that pytest cannot even load is red."""
    watch = Watch(only, None)
    code = int(pytest.main([*OPTIONS, "-x", *files], plugins=[watch]))
    return {"red": watch.red or ([] if code in (0, 5) else [f"pytest ends with {code}"])}


def measured(files: list[str]) -> dict[str, Any]:
    """All tests, how long each takes, and which lines of the package it reaches."""
    folders = [str(Path(name).resolve()) for name in ("madtheory", "deep", "reports")]
    cover = coverage.Coverage(data_file=None, config_file=False, source=folders)
    watch = Watch([], cover)
    cover.start()
    pytest.main([*OPTIONS, *files], plugins=[watch])
    cover.stop()
    data = cover.get_data()
    reach = {
        file: {line: names for line, found in data.contexts_by_lineno(file).items()
               if (names := [x for x in found if x])}
        for file in data.measured_files()
    }  # fmt: skip
    return {"red": watch.red, "seconds": watch.seconds, "reach": reach}


def _child(asked: dict[str, Any], answer: int) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nothing, stream)
    if only := asked["only"]:
        resource.setrlimit(resource.RLIMIT_CPU, (asked["seconds"], asked["seconds"] + 10))
        sys.dont_write_bytecode = True  # two breakages a second have one time stamp
    found = watched(asked["files"], only) if only else measured(asked["files"])
    with open(answer, "w", encoding="utf-8") as pipe:
        json.dump(found, pipe)


def forked(asked: dict[str, Any]) -> str:
    """The answer of a fork, in JSON."""
    ours, its = os.pipe()
    if not (pid := os.fork()):
        try:
            _child(asked, its)
            os._exit(0)
        finally:
            os._exit(AT_FAULT)
    os.close(its)
    with open(ours, encoding="utf-8") as pipe:
        answer = pipe.read()
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code == AT_FAULT:
        raise RuntimeError(f"no answer to {asked}")
    return answer or json.dumps({"red": ["hangs" if code in HUNG else f"ends with {code}"]})


if __name__ == "__main__":
    sys.path[0] = os.getcwd()
    for name in sys.argv[1:]:
        importlib.import_module(name)
    for line in sys.stdin:
        print(forked(json.loads(line)), flush=True)
