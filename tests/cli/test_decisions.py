"""What a command does without its options, as literals; constants and defaults of the command."""

from collections.abc import Iterator

import click

from madtheory.cli.main import cli
from tests.decisions import constants, defaults

LOOP = {"bias": 1.0, "ddof": 1, "first_generation": "real"}
POOL = {"n_fresh": 0, "pool": "replace"}
FIT = {"shrinkage": 0.0, "floor": 0.0}
RUN = {"generations": 20, "replicates": 1000, "seed": 0}
#: Words and numbers; flags that are not given are false.
DEFAULTS = {
    "audit": {"k": 5, "level": 0.95, "alpha": 0.02, "horizon": 5},
    "deep compare": {"seed": 0},
    "deep curve": {},
    "deep presets": {},
    "deep run": {"device": "cpu", "devices": 1, "seed": 0},
    "metrics": {"k": 5, "level": 0.95},
    "plan": {"bias": 1.0, "eps": 0.01},
    "report": {"level": "quick"},
    "simulate augmentation": {**LOOP, **POOL, "memory": "1", **RUN},
    "simulate collapse": {**LOOP, **FIT, "memory": "1", "pool": "replace", **RUN},
    "simulate fresh": {**LOOP, "memory": "1", **RUN},
    "theory augmentation": {**LOOP, **POOL, "memory": "1", "generations": 20, "seed": 0},
    "theory baseline": {},
    "theory biases": {"level": 0.95},
    "theory collapse": {**LOOP, **FIT, "generations": 20, "seed": 0},
    "theory effective": {},
    "theory fresh": {**LOOP, "memory": "1", "seed": 0},
    "theory modes": {"n_fresh": 0, "generations": 20},
    "verify": {"level": "quick", "seed": 0},
}


def commands(group: click.Command, *path: str) -> Iterator[tuple[str, click.Command]]:
    """Every command that answers, by the words that call it."""
    if isinstance(group, click.Group):
        for name, command in group.commands.items():
            yield from commands(command, *path, name)
    else:
        yield " ".join(path), group


def test_options_that_are_not_given():
    found = {
        name: {x.name: x.default for x in found.params if isinstance(x.default, int | float | str)}
        for name, found in commands(cli)
    }
    assert {k: {a: b for a, b in v.items() if b is not False} for k, v in found.items()} == DEFAULTS


def test_constants():
    assert constants("cli") == {
        "compare._DIRECTIONS": 6,
        "main.BAD_INPUT": 2,
        "main.INTERRUPTED": 130,
        "main.BROKEN_PIPE": 141,
        "main.LONGEST": 1000,
        "options.MAX_DIM": 10**6,
        "options.MAX_GENERATIONS": 10**7,
        "options.MAX_MODES": 10**7,
        "options.MAX_REPLICATES": 10**9,
        "options.MAX_KEPT": 100,
        "table.NARROWEST": 60,
        "table.ROWS": 12,
    }
    assert constants("cli.theory") == {"collapse._SHARES": (0.05, 0.5, 0.95), "modes.EXACT": 1e-9}
    assert defaults("cli")["table.plain"] == {"left": 1}
