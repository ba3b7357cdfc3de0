"""What the user knows of the loop, so that the audit need not guess it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from madtheory import _check

if TYPE_CHECKING:
    from collections.abc import Sequence

#: As `memory`: synthetic rows come from all models so far.
ALL = "all"
#: Generations from which on all models are remembered: no fit looks farther back.
LONGEST = 40


class Known(NamedTuple):
    """What is known of a loop; None: it is not.

    memory: models that synthetic rows come from, the last ones (LONGEST: all); share: part of each
    training set that is real, 0 where no real rows enter; apart: the real set is other data than
    the first training set.
    """

    memory: int | None = None
    share: float | None = None
    apart: bool = False

    @property
    def alone(self) -> bool:
        """Whether no real rows enter."""
        return self.share == 0

    def mixed(self, margin: float) -> bool:
        """Whether real rows are known to be `margin` or more of each training set."""
        return self.share is not None and self.share >= margin


#: Nothing is known.
NOTHING = Known()


def memory_of(memory: int | Literal["all"] | None) -> int | None:
    """Validated memory.

    Examples
    --------
    >>> memory_of(2), memory_of("all") == LONGEST, memory_of(None)
    (2, True, None)
    """
    if memory is None:
        return None
    if isinstance(memory, str):
        if memory == ALL:
            return LONGEST
        raise ValueError(f"memory must be a number of models or {ALL}, got {memory!r}")
    return min(_check.count("memory", memory), LONGEST)


def share_of(n_real: int | None, n_synth: Sequence[int] | None) -> float | None:
    """Part of each training set that is real; None where synthetic rows pile up, and it falls.

    Examples
    --------
    >>> share_of(0, None), share_of(100, [300, 300]), share_of(100, [300, 600])
    (0.0, 0.25, None)
    """
    if not n_real:
        return None if n_real is None else 0.0
    if n_synth is None:
        raise ValueError(
            f"n_synth must be given beside n_real: the share of real rows counts, got n_real "
            f"{n_real} alone"
        )
    return n_real / (n_real + n_synth[-1]) if len(set(n_synth)) == 1 else None


def training_sizes(n_real: int | None, n_synth: Sequence[int] | None) -> list[int] | None:
    """Rows of each training set, synthetic and real."""
    return None if n_synth is None else [n + (n_real or 0) for n in n_synth]
