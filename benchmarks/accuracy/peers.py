"""What other libraries say of collapsed and degenerate sets: python -m benchmarks.accuracy.peers.

Prints the tables of docs/metrics.md. The peers that are installed take part; the versions are in
the headings. The FID of torch-fidelity, pytorch-fid and clean-fid is one formula, transcribed
here (those packages bring an image network that a distance of two samples does not need).
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import warnings
from collections.abc import Callable, Mapping
from fractions import Fraction

import mpmath
import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from madtheory import metrics

Array = NDArray[np.float64]
Pair = tuple[Array, Array]
#: A relative error beyond this is shown as one.
TOLERANCE = 1e-6
#: What may be said in place of 0.
ROUNDING = 1e-14


def sqrtm_fid(x: Array, y: Array) -> float:
    """The published FID formula: tr (S_1 S_2)^{1/2} by a general matrix square root."""
    shift, a, b = x.mean(0) - y.mean(0), np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = scipy.linalg.sqrtm(a @ b)
    if not np.isfinite(root).all():
        jitter = 1e-6 * np.eye(len(a))
        root = scipy.linalg.sqrtm((a + jitter) @ (b + jitter))
    if np.iscomplexobj(root):
        if not np.allclose(np.diagonal(root).imag, 0, atol=1e-3):
            raise ValueError("imaginary component")
        root = root.real
    return float(shift @ shift + np.trace(a) + np.trace(b) - 2 * np.trace(root))


def pot_fid(x: Array, y: Array) -> float:
    """Square of POT's distance of two Gaussians."""
    import ot

    moments = (x.mean(0), y.mean(0), np.cov(x, rowvar=False), np.cov(y, rowvar=False))
    return float(ot.gaussian.bures_wasserstein_distance(*moments)) ** 2


def torchmetrics_fid(x: Array, y: Array) -> float:
    """The formula that torchmetrics applies to its features."""
    import torch
    from torchmetrics.image.fid import _compute_fid

    a, b = torch.from_numpy(x), torch.from_numpy(y)
    return float(_compute_fid(a.mean(0), torch.cov(a.T), b.mean(0), torch.cov(b.T)))


def torchmetrics_kernel(x: Array, y: Array) -> float:
    """The kernel distance of torchmetrics, on all rows at once."""
    import torch
    from torchmetrics.image.kid import poly_mmd

    return float(poly_mmd(torch.from_numpy(x), torch.from_numpy(y)))


def prdc(x: Array, y: Array, k: int = 5) -> tuple[float, float]:
    """Precision and recall of prdc."""
    from prdc import compute_prdc

    with contextlib.redirect_stdout(io.StringIO()):
        found = compute_prdc(x, y, k)
    return float(found["precision"]), float(found["recall"])


def exact_fid(x: Array, y: Array) -> float:
    """The squared distance with 60 digits, from the nuclear norm of centred rows."""
    with mpmath.workdps(60):
        centred, means, total = [], [], mpmath.mpf(0)
        for z in (x, y):
            a = mpmath.matrix(z.tolist())
            mean = [mpmath.fsum(a[:, j]) / a.rows for j in range(a.cols)]
            for i in range(a.rows):
                for j in range(a.cols):
                    a[i, j] = (a[i, j] - mean[j]) / mpmath.sqrt(a.rows - 1)
            centred.append(a)
            means.append(mean)
            total += mpmath.fsum(v**2 for v in a)
        total += mpmath.fsum((p - q) ** 2 for p, q in zip(*means, strict=True))
        nuclear = mpmath.fsum(mpmath.svd_r(centred[0] * centred[1].T, compute_uv=False))
        value = total - 2 * nuclear
        return float(value) if value > 1e-40 * total else 0.0


def exact_shares(x: Array, y: Array, k: int = 5) -> tuple[float, float]:
    """Precision and recall in whole numbers: no rounding at all."""

    def whole(z: Array) -> list[list[int]]:
        return [[int(Fraction(v) * 2**1074) for v in row] for row in z]

    def square(p: list[int], q: list[int]) -> int:
        return sum((s - t) ** 2 for s, t in zip(p, q, strict=True))

    def share(points: list[list[int]], centres: list[list[int]]) -> float:
        radii = [
            sorted(square(c, o) for j, o in enumerate(centres) if j != i)[k - 1]
            for i, c in enumerate(centres)
        ]
        held = [any(square(p, c) <= r for c, r in zip(centres, radii, strict=True)) for p in points]
        return sum(held) / len(held)

    a, b = whole(x), whole(y)
    return share(b, a), share(a, b)


def sets_for_fid() -> dict[str, Pair]:
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((30, 4)), 0.5 + rng.standard_normal((25, 4)) * [1, 2, 3, 4]
    wide = rng.standard_normal((15, 24)), rng.standard_normal((12, 24))
    plane = rng.standard_normal((4, 12))
    return {
        "ordinary (30 and 25 rows, 4 columns)": (x, y),
        "all rows equal, both sets, one point": (np.full((30, 4), 0.5), np.full((25, 4), 0.5)),
        "synthetic rows all equal": (x, np.full((25, 4), 2.0)),
        "a set against itself, 15 rows, 24 columns": (wide[0], wide[0].copy()),
        "15 and 12 rows, 24 columns": wide,
        "rank 4 of 12 columns": (x @ plane, y @ plane),
        "a column of zeros in one set": (x, y * [1, 1, 1, 0]),
        "synthetic set 1e-9 as wide": (x, 1e-9 * y),
        "a set against 1 + 1e-6 times itself": (x, x * (1 + 1e-6)),
        "features times 1e150": (x * 1e150, y * 1e150),
        "features times 1e-150": (x * 1e-150, y * 1e-150),
        "features plus 1e8": (x + 1e8, y + 1e8),
    }


def sets_for_shares() -> dict[str, Pair]:
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((60, 3)), 0.7 * rng.standard_normal((50, 3))
    lattice = np.round(2 * x), np.round(2 * y)
    # 2^-40 of a unit is the grid of the far sets, so that the move itself rounds nothing.
    moved = [np.round(z * 2.0**20) / 2.0**20 + 2.0**30 for z in (x, y)]
    return {
        "ordinary (60 and 50 rows, 3 columns)": (x, y),
        "all rows equal, both sets, one point": (np.full((60, 3), 0.5), np.full((50, 3), 0.5)),
        "a lattice: ties and repeats": lattice,
        "one class left of two": (np.repeat([[0.0], [9.0]], 30, axis=0), np.full((50, 1), 9.0)),
        "real rows six times each": (np.repeat(x[:10], 6, axis=0), np.repeat(x[5:15], 5, axis=0)),
        "features plus 2^30": (moved[0], moved[1]),
        "features times 2^510": (x * 2.0**510, y * 2.0**510),
        "features times 2^-560": (x * 2.0**-560, y * 2.0**-560),
    }


def exact_kernel(x: Array, y: Array) -> float:
    """The unbiased kernel distance with 60 digits."""
    with mpmath.workdps(400):

        def total(a: Array, b: Array, same: bool) -> mpmath.mpf:
            rows = [[mpmath.mpf(v) for v in r] for r in a], [[mpmath.mpf(v) for v in r] for r in b]
            return mpmath.fsum(
                (mpmath.fdot(p, q) / len(p) + 1) ** 3
                for i, p in enumerate(rows[0])
                for j, q in enumerate(rows[1])
                if not (same and i == j)
            )

        n, m = len(x), len(y)
        own = total(x, x, True) / (n * (n - 1)) + total(y, y, True) / (m * (m - 1))
        return float(own - 2 * total(x, y, False) / (n * m))


def sets_for_kernel() -> dict[str, Pair]:
    rng = np.random.default_rng(2)
    # As many rows in both: torchmetrics takes the size of the first for both.
    x, y = rng.standard_normal((30, 4)), 0.5 + rng.standard_normal((30, 4))
    return {
        "ordinary (30 rows each, 4 columns)": (x, y),
        "30 and 20 rows": (x, y[:20]),
        "all rows equal, both sets, one point": (np.full((30, 4), 0.1), np.full((30, 4), 0.1)),
        "features times 1e-6": (x * 1e-6, y * 1e-6),
        "features times 1e-150": (x * 1e-150, y * 1e-150),
    }


def said(run: Callable[[Array, Array], object], pair: Pair) -> object:
    """What a peer answers; an exception by its name."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return run(*pair)
        except Exception as error:
            return f"raises {type(error).__name__}"


def cell(answer: object, right: object) -> str:
    """An answer as the table shows it: with its error where it has one."""
    if isinstance(answer, str):
        return f"**{answer}**"
    got, want = np.atleast_1d(answer), np.atleast_1d(right)
    error = float(np.abs(got - want).max())
    text = ", ".join(f"{v:.6g}" for v in got)
    # Relative to the answer; an answer of 0 may be missed by rounding.
    allowed = TOLERANCE * float(np.abs(want).max()) or ROUNDING
    return text if error <= allowed else f"**{text}**"


def table(
    sets: dict[str, Pair],
    exact: Callable[[Array, Array], object],
    methods: Mapping[str, Callable[[Array, Array], object]],
) -> str:
    """A markdown table; wrong answers are in bold."""
    lines = ["| sets | right | " + " | ".join(methods) + " |", "|---" * (len(methods) + 2) + "|"]
    for name, pair in sets.items():
        right = exact(*pair)
        cells = [cell(said(run, pair), right) for run in methods.values()]
        shown = ", ".join(f"{v:.6g}" for v in np.atleast_1d(right))
        lines.append(f"| {name} | {shown} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def version(package: str) -> str | None:
    try:
        return f"{package} {importlib.metadata.version(package)}"
    except importlib.metadata.PackageNotFoundError:
        return None


def present(
    methods: dict[str, Callable[[Array, Array], object]],
) -> dict[str, Callable[[Array, Array], object]]:
    """Methods by package and version, without the packages that are not installed."""
    named = {version(package) or "": run for package, run in methods.items()}
    named.pop("", None)
    return named


def our_shares(x: Array, y: Array) -> tuple[float, float]:
    both = metrics.precision_recall(x, y)
    return both.precision.value, both.recall.value


def main() -> None:
    ours: Callable[[Array, Array], object]
    fid = {"madtheory": lambda x, y: metrics.fid(x, y).value}
    fid |= {f"sqrtm formula, {version('scipy')}": sqrtm_fid}
    fid |= present({"pot": pot_fid, "torchmetrics": torchmetrics_fid})
    print(table(sets_for_fid(), exact_fid, fid), end="\n\n")
    shares: dict[str, Callable[[Array, Array], object]] = {"madtheory": our_shares}
    print(table(sets_for_shares(), exact_shares, shares | present({"prdc": prdc})), end="\n\n")
    ours = lambda x, y: metrics.kernel_distance(x, y).value  # noqa: E731
    kernels = {"madtheory": ours} | present({"torchmetrics": torchmetrics_kernel})
    print(table(sets_for_kernel(), exact_kernel, kernels))


if __name__ == "__main__":
    main()
