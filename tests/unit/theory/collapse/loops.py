"""Fully synthetic loops that the tests of this room share, and their steps."""

from madtheory.loop import fully_synthetic

PLAIN = fully_synthetic(10)

ODD = fully_synthetic(6, bias=0.7, n_initial=13, first_generation="biased")

SHORT = fully_synthetic(9, bias=0.9, n_initial=3)

DEAD = fully_synthetic(4, bias=0.0, n_initial=7)

HUGE = fully_synthetic(2**53, n_initial=5)

LIKELY = fully_synthetic(6, bias=0.95, n_initial=9, ddof=0, first_generation="biased")

LOOPS = [PLAIN, ODD, SHORT, fully_synthetic(2), DEAD, LIKELY, fully_synthetic(2, ddof=0)]


def sample(loop, t):
    """(size, bias) of the sample that generation t is fitted to."""
    return (loop.n_initial, loop.first_bias) if t == 1 else (loop.n_synth, loop.bias)


def steps(loop, t):
    """(dof, factor) of generation t: the fit of n samples divides by n - ddof."""
    n, bias = sample(loop, t)
    return n - 1, bias * (n - 1) / (n - loop.ddof)
