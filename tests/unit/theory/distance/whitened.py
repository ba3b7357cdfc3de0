"""Second moments of the fresh data loop in units of its mean trace."""

from madtheory.theory.moments import second_moments, second_moments_limit


def whitened_moments(loop, dim, t=None):
    """(M, c, diagonal, off) of theory.md 2.10 from the seven invariants, the direct formulas."""
    if t is None:
        x = second_moments_limit(loop, dim)
    else:
        x = second_moments(loop, dim, generations=t)[-1]
    c = x[1] / dim
    if dim == 1:
        return x[0], c, x[6] / c**2 - 1, 0.0
    beta = (x[6] - x[5] / dim) / (dim**2 + dim - 2)
    alpha = (x[5] - 2 * beta * dim) / dim**2
    return x[0] / dim, c, (alpha + 2 * beta) / c**2 - 1, beta / c**2
