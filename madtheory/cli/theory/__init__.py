"""`madtheory theory`: a file a loop, and one for what is asked of real data alone."""

import click

from madtheory.cli.theory import baseline, biases, collapse, fresh, modes

__all__ = ["theory"]


@click.group()
def theory() -> None:
    """Compute what theory says; every value carries its status."""


for _command in (
    collapse.collapse,
    fresh.fresh,
    fresh.augmentation,
    baseline.baseline,
    baseline.effective,
    biases.biases,
    modes.modes,
):
    theory.add_command(_command)
