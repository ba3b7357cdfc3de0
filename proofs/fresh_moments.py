"""First and second moments of the fresh data loop with memory 1 (theory.md 2.1-2.3).

One generation maps (mu, Sigma) to (mu', Sigma') by

    (n - 1) Sigma' = A + B + (n_r n_s / n) delta delta^T,
    A ~ W_d(I, n_r - 1),   B ~ W_d(lam Sigma, n_s - 1),

with mu' and delta = xbar_r - xbar_s jointly Gaussian given (mu, Sigma):

    E mu' = (n_s/n) mu,   E delta = -mu,   Cov mu' = (n_r I + n_s lam Sigma)/n^2,
    Cov delta = I/n_r + lam Sigma/n_s,     Cov(mu', delta) = (I - lam Sigma)/n.

So every invariant of (mu', Sigma') is a sum of products of inner products of Gaussian vectors.
Isserlis' theorem turns each product into traces tr Sigma^k and forms mu^T Sigma^k mu, because all
covariances are polynomials in Sigma. This module carries that out for symbolic d, n_r, n_s, lam
(`derive_first`, `derive_second`, `derive_initial`), proves the result against moment generating
functions written in coordinates for d = 1, 2, 3 (`prove`), and writes
`madtheory/theory/moments/fresh_maps.py`
(`source`, `python -m madtheory.proofs.fresh_moments`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

import sympy as sp

__all__ = ["derive_first", "derive_initial", "derive_second", "main", "prove", "source"]

DIM, N_R, N_S, LAM, BETA = sp.symbols("d n_r n_s lam beta", positive=True)
N = N_R + N_S
S = sp.Symbol("S")  # stands for Sigma inside polynomials
#: mu^T mu, mu^T Sigma mu, tr Sigma, tr Sigma^2 of the previous model.
MU_0, MU_1, TR_1, TR_2 = sp.symbols("mu_0 mu_1 tr_1 tr_2")
#: The seven invariants, in the order that the whole package uses.
INVARIANTS = (MU_0, TR_1, MU_0**2, MU_0 * TR_1, MU_1, TR_1**2, TR_2)


# --------------------------------------------------------------------- a little trace algebra
@dataclass(frozen=True)
class Vector:
    """A Gaussian vector with mean `mean` * mu; equal (name, copy) means the same vector."""

    name: str
    mean: sp.Expr = sp.S.Zero
    copy: int = 0


@dataclass(frozen=True)
class Scatter:
    """A sum of `count` iid copies of `weight` * v v^T."""

    vector: Vector
    weight: sp.Expr
    count: sp.Expr


Covariances = dict[frozenset[str], sp.Expr]
InnerProduct = tuple[Vector, Vector]


def covariance(u: Vector, v: Vector, table: Covariances) -> sp.Expr:
    """Cov(u, v) as a polynomial in S; different copies are independent."""
    return table.get(frozenset((u.name, v.name)), sp.Integer(0)) if u.copy == v.copy else 0


def matchings(slots: tuple[int, ...]) -> Iterator[tuple[list[tuple[int, int]], list[int]]]:
    """All ways to split `slots` into pairs (a covariance) and singles (a mean)."""
    if not slots:
        yield [], []
        return
    head, tail = slots[0], slots[1:]
    for pairs, singles in matchings(tail):
        yield pairs, [head, *singles]
    for i, other in enumerate(tail):
        for pairs, singles in matchings(tail[:i] + tail[i + 1 :]):
            yield [(head, other), *pairs], singles


def closed(matrix: sp.Expr) -> sp.Expr:
    """Tr of a polynomial in Sigma."""
    values = (DIM, TR_1, TR_2)
    return sum(c * values[k] for (k,), c in sp.Poly(matrix, S).terms())


def open_(matrix: sp.Expr) -> sp.Expr:
    """mu^T (polynomial in Sigma) mu."""
    values = (MU_0, MU_1)
    return sum(c * values[k] for (k,), c in sp.Poly(matrix, S).terms())


def walk(start: int, partner: dict[int, int], link: dict[int, tuple[int, sp.Expr]]) -> list[int]:
    """Slots met from `start`, alternating inner products (2k, 2k + 1) and covariances."""
    path = [start, partner[start]]
    while path[-1] in link and link[path[-1]][0] != start:
        following = link[path[-1]][0]
        path += [following, partner[following]]
    return path


def contract(slots: list[Vector], pairs: list[tuple[int, int]], table: Covariances) -> sp.Expr:
    """The value of one matching: a product over the paths and cycles it forms."""
    partner = {i: i ^ 1 for i in range(len(slots))}
    link: dict[int, tuple[int, sp.Expr]] = {}
    for i, j in pairs:
        matrix = covariance(slots[i], slots[j], table)
        link |= {i: (j, matrix), j: (i, matrix)}
    value, seen = sp.Integer(1), set[int]()
    # Paths end in means and must be walked from an end; what is left over are cycles.
    for start in sorted(range(len(slots)), key=lambda i: i in link):
        if start in seen:
            continue
        path = walk(start, partner, link)
        seen |= set(path)
        inner = sp.prod([link[i][1] for i in path[1:-1:2]])
        if start in link:
            value *= closed(inner * link[start][1])
        else:
            value *= slots[path[0]].mean * slots[path[-1]].mean * open_(inner)
    return value


def isserlis(products: list[InnerProduct], table: Covariances) -> sp.Expr:
    """E of a product of inner products of jointly Gaussian vectors."""
    slots = [vector for pair in products for vector in pair]
    total = sp.Integer(0)
    for pairs, singles in matchings(tuple(range(len(slots)))):
        if any(slots[i].mean == 0 for i in singles):
            continue
        if any(covariance(slots[i], slots[j], table) == 0 for i, j in pairs):
            continue
        total += contract(slots, pairs, table)
    return sp.expand(total)


def couples(scatters: list[Scatter]) -> Iterator[tuple[sp.Expr, Vector, Vector]]:
    """(multiplicity, u, v) over all pairs of vectors of a sum of scatters, u = v included."""
    for i, j in product(range(len(scatters)), repeat=2):
        a, b = scatters[i], scatters[j]
        weight = a.weight * b.weight
        if i != j:
            yield weight * a.count * b.count, a.vector, b.vector
            continue
        yield weight * a.count, a.vector, a.vector
        other = Vector(a.vector.name, a.vector.mean, copy=1)
        if a.count != 1:
            yield weight * a.count * (a.count - 1), a.vector, other


# ------------------------------------------------------------------------------- derivations
@dataclass(frozen=True)
class Generation:
    """mu' and (n - 1) Sigma' as Gaussian vectors and scatters."""

    mean: Vector
    scatters: list[Scatter]
    dof: sp.Expr
    table: Covariances


def fresh_generation() -> Generation:
    """The law of one generation of the fresh data loop (theory.md 2.1)."""
    table = {
        frozenset(("mu",)): (N_R + N_S * LAM * S) / N**2,
        frozenset(("delta",)): 1 / N_R + LAM * S / N_S,
        frozenset(("mu", "delta")): (1 - LAM * S) / N,
        frozenset(("real",)): sp.Integer(1),
        frozenset(("synth",)): LAM * S,
    }
    scatters = [
        Scatter(Vector("real"), sp.Integer(1), N_R - 1),
        Scatter(Vector("synth"), sp.Integer(1), N_S - 1),
        Scatter(Vector("delta", sp.Integer(-1)), N_R * N_S / N, sp.Integer(1)),
    ]
    return Generation(Vector("mu", N_S / N), scatters, N - 1, table)


def initial_generation() -> Generation:
    """The law of the first model: `n_r` samples of N(0, beta I)."""
    table = {frozenset(("mu",)): BETA / N_R, frozenset(("real",)): BETA}
    scatters = [Scatter(Vector("real"), sp.Integer(1), N_R - 1)]
    return Generation(Vector("mu"), scatters, N_R - 1, table)


def invariants(generation: Generation) -> list[sp.Expr]:
    """E of the seven invariants of (mu', Sigma') given (mu, Sigma)."""
    m, terms, f = generation.mean, generation.scatters, generation.dof

    def e(*products: InnerProduct) -> sp.Expr:
        return isserlis(list(products), generation.table)

    def single(*extra: InnerProduct) -> sp.Expr:
        return sum(s.weight * s.count * e((s.vector, s.vector), *extra) for s in terms) / f

    sandwich = sum(s.weight * s.count * e((m, s.vector), (s.vector, m)) for s in terms) / f
    square = sum(w * e((u, u), (v, v)) for w, u, v in couples(terms)) / f**2
    of_square = sum(w * e((u, v), (v, u)) for w, u, v in couples(terms)) / f**2
    return [
        e((m, m)),
        single(),
        e((m, m), (m, m)),
        single((m, m)),
        sandwich,
        square,
        of_square,
    ]


def affine(expressions: list[sp.Expr], inputs: tuple[sp.Expr, ...]) -> tuple[sp.Matrix, sp.Matrix]:
    """(A, b) with expressions = A inputs + b; fails if anything else is left over."""
    state = (MU_0, MU_1, TR_1, TR_2)
    keys = [sp.Poly(x, *state).monoms()[0] for x in inputs]
    A, b = sp.zeros(len(expressions), len(inputs)), sp.zeros(len(expressions), 1)
    for i, expression in enumerate(expressions):
        for monomial, coefficient in sp.Poly(sp.expand(expression), *state).terms():
            if not any(monomial):
                b[i] = sp.factor(coefficient)
            else:
                A[i, keys.index(monomial)] = sp.factor(coefficient)
    return A, b


@cache
def derive_first() -> tuple[sp.Matrix, sp.Matrix]:
    """(A, b) of the map of (E mu^T mu, E tr Sigma), Sigma_0 = I (theory.md 2.2)."""
    return affine(invariants(fresh_generation())[:2], INVARIANTS[:2])


@cache
def derive_second() -> tuple[sp.Matrix, sp.Matrix]:
    """(A, b) of the map of the seven invariants, Sigma_0 = I (theory.md 2.3)."""
    return affine(invariants(fresh_generation()), INVARIANTS)


@cache
def derive_initial() -> sp.Matrix:
    """The seven invariants of the first model, `n_r` samples of N(0, beta I)."""
    return sp.Matrix([sp.factor(x) for x in invariants(initial_generation())])


# --------------------------------------------------------------- second route, in coordinates
def wishart_moments(
    scale: list[sp.Expr], dof: sp.Expr
) -> tuple[list[list[sp.Expr]], dict[str, sp.Expr]]:
    """E A and E A_ij A_kl of W(diag(scale), dof) from its generating function.

    E exp(tr T A) = det(I - 2 T diag(scale))^(-dof/2), differentiated at T = 0.
    """
    d = len(scale)
    T = sp.zeros(d, d)
    for i, j in product(range(d), repeat=2):
        T[i, j] = sp.Symbol(f"T{min(i, j)}{max(i, j)}") * (1 if i == j else sp.Rational(1, 2))
    # log det(I - X) = -tr X - tr X^2/2 - ..., exact to the second order that is needed.
    X = 2 * T * sp.diag(*scale)
    log_mgf = dof / 2 * ((X.trace()) + (X * X).trace() / 2)
    zero = dict.fromkeys(T.free_symbols, 0)

    def first(i: int, j: int) -> sp.Expr:
        return sp.diff(log_mgf, f"T{min(i, j)}{max(i, j)}").subs(zero)

    def second(i: int, j: int, k: int, m: int) -> sp.Expr:
        names = f"T{min(i, j)}{max(i, j)}", f"T{min(k, m)}{max(k, m)}"
        return sp.diff(log_mgf, *names).subs(zero) + first(i, j) * first(k, m)

    mean = [[first(i, j) for j in range(d)] for i in range(d)]
    return mean, {f"{i}{j}{k}{m}": second(i, j, k, m) for i, j, k, m in product(range(d), repeat=4)}


@cache
def bivariate_moment(p: int, q: int) -> sp.Expr:
    """E X^p Y^q of a bivariate Gaussian, read off its generating function."""
    x, y, a, b, P, Q, R = sp.symbols("x y a b P Q R")
    exponent = a * x + b * y + P * x**2 / 2 + Q * y**2 / 2 + R * x * y
    series = sum(exponent**k / sp.factorial(k) for k in range(p + q + 1))
    coefficient = sp.Poly(series, x, y).coeff_monomial(x**p * y**q)
    return coefficient * sp.factorial(p) * sp.factorial(q)


def gaussian_moment(p: int, q: int, u: sp.Expr, s: sp.Expr) -> sp.Expr:
    """E mu'^p delta^q of a coordinate with mean u and variance s."""
    values = {
        "a": N_S / N * u,
        "b": -u,
        "P": (N_R + N_S * LAM * s) / N**2,
        "Q": 1 / N_R + LAM * s / N_S,
        "R": (1 - LAM * s) / N,
    }
    return bivariate_moment(p, q).subs({sp.Symbol(k): v for k, v in values.items()})


class Coordinates:
    """E of products of coordinates of mu' and (n - 1) Sigma', Sigma = diag(s), d = dim."""

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self.mu = list(sp.symbols(f"u0:{dim}"))
        self.var = list(sp.symbols(f"s0:{dim}"))
        self.A = wishart_moments([sp.Integer(1)] * dim, N_R - 1)
        self.B = wishart_moments([LAM * s for s in self.var], N_S - 1)
        self.cache: dict[tuple[int, int, int], sp.Expr] = {}

    def normal(self, means: tuple[int, ...], deltas: tuple[int, ...]) -> sp.Expr:
        """E prod mu'_i prod delta_j: coordinates are independent as Sigma is diagonal."""
        value = sp.Integer(1)
        for i in range(self.dim):
            key = (i, means.count(i), deltas.count(i))
            if key not in self.cache:
                self.cache[key] = gaussian_moment(*key[1:], self.mu[i], self.var[i])
            value *= self.cache[key]
        return value

    def one(self, i: int, j: int, means: tuple[int, ...] = ()) -> sp.Expr:
        """E (n - 1) Sigma'_ij prod mu'."""
        wishart = self.A[0][i][j] + self.B[0][i][j]
        return wishart * self.normal(means, ()) + N_R * N_S / N * self.normal(means, (i, j))

    def two(self, i: int, j: int, k: int, m: int) -> sp.Expr:
        """E (n - 1)^2 Sigma'_ij Sigma'_km."""
        g = N_R * N_S / N
        means = [self.A[0], self.B[0]]
        d_ij, d_km = g * self.normal((), (i, j)), g * self.normal((), (k, m))
        a, b = (x[1][f"{i}{j}{k}{m}"] for x in (self.A, self.B))
        cross = means[0][i][j] * means[1][k][m] + means[1][i][j] * means[0][k][m]
        with_delta = sum(x[i][j] * d_km + d_ij * x[k][m] for x in means)
        return a + b + cross + with_delta + g**2 * self.normal((), (i, j, k, m))

    def invariants(self) -> list[sp.Expr]:
        """The seven invariants of (mu', Sigma')."""
        r, f = range(self.dim), N - 1
        return [
            sum(self.normal((i, i), ()) for i in r),
            sum(self.one(i, i) for i in r) / f,
            sum(self.normal((i, i, j, j), ()) for i in r for j in r),
            sum(self.one(i, i, (j, j)) for i in r for j in r) / f,
            sum(self.one(i, j, (i, j)) for i in r for j in r) / f,
            sum(self.two(i, i, j, j) for i in r for j in r) / f**2,
            sum(self.two(i, j, i, j) for i in r for j in r) / f**2,
        ]

    def state(self) -> list[sp.Expr]:
        """The seven invariants of the model (mu, Sigma) that the generation starts from."""
        mean_sq, trace = sum(u**2 for u in self.mu), sum(self.var)
        sandwich = sum(u**2 * s for u, s in zip(self.mu, self.var, strict=True))
        of_square = sum(s**2 for s in self.var)
        return [mean_sq, trace, mean_sq**2, mean_sq * trace, sandwich, trace**2, of_square]


def closure_residuals(dim: int) -> list[sp.Expr]:
    """Derived map minus brute force, with every parameter but `dim` symbolic."""
    A, b = (x.subs(DIM, dim) for x in derive_second())
    coordinates = Coordinates(dim)
    predicted = A * sp.Matrix(coordinates.state()) + b
    brute = coordinates.invariants()
    field = sp.QQ.frac_field(N_R, N_S, LAM, *coordinates.mu, *coordinates.var)
    return [
        (field.from_sympy(p) - field.from_sympy(q)).as_expr()
        for p, q in zip(predicted, brute, strict=True)
    ]


def theory_2_2() -> tuple[sp.Matrix, sp.Matrix]:
    """The first-moment map as theory.md 2.2 states it."""
    A = sp.Matrix(
        [
            [(N_S / N) ** 2, N_S * LAM / N**2],
            [N_R * N_S / (N * (N - 1)), N_S * LAM / N],
        ]
    )
    return A, sp.Matrix([N_R * DIM / N**2, N_R * DIM / N])


def initial_residuals() -> list[sp.Expr]:
    """First model: the map without synthetic data, at beta = 1, and its known moments."""
    _, b = derive_second()
    first = derive_initial()
    return [sp.simplify(x - y) for x, y in zip(first.subs(BETA, 1), b.subs(N_S, 0), strict=True)]


def prove() -> dict[str, sp.Expr]:
    """Residuals of every step; the theorem is proved when all of them are 0.

    Returns
    -------
    dict
        Step name -> symbolic residual (a sum of the squares of its entries).
    """
    residuals = {f"closure, d = {d}": closure_residuals(d) for d in (1, 2, 3)}
    derived, stated = derive_first(), theory_2_2()
    residuals["first moments (theory.md 2.2)"] = [
        sp.simplify(x - y) for k in (0, 1) for x, y in zip(derived[k], stated[k], strict=True)
    ]
    residuals["first model"] = initial_residuals()
    return {name: sp.simplify(sum(r**2 for r in rows)) for name, rows in residuals.items()}


# ------------------------------------------------------------------------------ code from it
HEADER = '''"""Moment maps of the fresh data loop (theory.md 2.2, 2.3) in exact rational arithmetic.

Generated by `python -m madtheory.proofs.fresh_moments`; do not edit.
Order: mu^T mu, tr Sigma, (mu^T mu)^2, mu^T mu tr Sigma, mu^T Sigma mu, (tr Sigma)^2, tr Sigma^2.
"""

# fmt: off
from fractions import Fraction

'''


def render(expression: sp.Expr) -> str:
    """One coefficient as Python source."""
    text: str = sp.pycode(expression)
    return "Fraction(0)" if expression == 0 else text


def render_function(name: str, arguments: str, blocks: list[tuple[str, list[sp.Expr]]]) -> str:
    """A function that returns its blocks, common subexpressions computed once."""
    flat = [x for _, block in blocks for x in block]
    shared, reduced = sp.cse(flat, symbols=sp.numbered_symbols("x"), optimizations="basic")
    lines = [f"    {symbol} = {render(value)}" for symbol, value in shared]
    for label, block in blocks:
        entries, reduced = reduced[: len(block)], reduced[len(block) :]
        lines += [f"    {label} = [", *(f"        {render(x)}," for x in entries), "    ]"]
    return "\n".join([f"def {name}(", f"    {arguments}", *lines])


def render_map(name: str, arguments: list[str], A: sp.Matrix, b: sp.Matrix) -> str:
    """The source of an affine map: (rows of A, b)."""
    signature = ", ".join(f"{x}: Fraction" for x in arguments)
    returns = "tuple[list[list[Fraction]], list[Fraction]]"
    blocks = [(f"row_{i}", list(A.row(i))) for i in range(A.rows)] + [("b", list(b))]
    body = render_function(name, f"{signature}\n) -> {returns}:", blocks)
    body = body.replace(":\n", f':\n    """Return (A, b) of the affine map {name}."""\n', 1)
    rows = ", ".join(f"row_{i}" for i in range(A.rows))
    return f"{body}\n    return [{rows}], b\n"


def source() -> str:
    """The text of `madtheory/theory/moments/fresh_maps.py`."""
    first, second, initial = derive_first(), derive_second(), derive_initial()
    # Per unit of tr Sigma_0, so the first moments hold for any Sigma_0.
    first = (first[0], first[1] / DIM)
    signature = "d: Fraction, n_r: Fraction, beta: Fraction\n) -> list[Fraction]:"
    body = render_function("initial", signature, [("b", list(initial))])
    doc = '"""Return the invariants of the first model, n_r samples of N(0, beta I)."""'
    return (
        HEADER
        + "\n"
        + render_map("first_map", ["n_r", "n_s", "lam"], *first)
        + "\n\n"
        + render_map("second_map", ["d", "n_r", "n_s", "lam"], *second)
        + "\n\n"
        + body.replace(":\n    ", f":\n    {doc}\n    ", 1)
        + "\n    return b\n"
    )


def main() -> None:
    """Write the generated module beside the package's other modules."""
    import madtheory

    path = Path(str(madtheory.__file__)).parent / "theory" / "moments" / "fresh_maps.py"
    path.write_text(source())


if __name__ == "__main__":
    main()
