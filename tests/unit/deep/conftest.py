"""A finished run of a Gaussian loop, which takes no time."""

from pathlib import Path

import pytest

PRESET = """
family = "linear"
data = "gaussian-3"
generations = 2
seconds = 1
loop = { kind = "synthetic", n_synth = 80, bias = 0.9 }
model = { }
"""


@pytest.fixture(scope="session")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from madtheory.deep.config import parse
    from madtheory.deep.run import run

    out = tmp_path_factory.mktemp("deep") / "run"
    run(parse("small", PRESET, ["loop.bias=0.5"]), out=out, seed=4, command="the command")
    return out
