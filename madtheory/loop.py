"""One frozen specification for every self-consuming loop (paper, Section 2.2).

Theory, simulators, command line and report all take a :class:`Loop`. What a :class:`Loop` can say
but a given function cannot answer raises :class:`UnsupportedLoop`, one sentence.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

from madtheory import _check

Pool = Literal["replace", "accumulate"]
FirstGeneration = Literal["real", "biased"]


#: Why a law of one bias refuses several.
_ONE_BIAS = "this is computed for one bias in all directions only (Loop.along gives a direction's)"


class UnsupportedLoop(ValueError):
    """A valid loop for which this quantity is not computed."""


def _spread(bias: tuple[float, ...]) -> str:
    """Say a spectrum of biases in few words."""
    return f"{len(bias)} biases from {min(bias):g} to {max(bias):g}"


def or_all(number: int | None) -> str:
    """Say how many models, or generations of a pool, a loop keeps: None stands for all.

    Examples
    --------
    >>> or_all(3), or_all(None)
    ('3', 'all')
    """
    return "all" if number is None else str(number)


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """A self-consuming loop: what every generation is trained on.

    Generation 1 is trained on `n_initial` real samples. Every later generation is trained on
    `n_fixed` real samples that never change, `n_fresh` new real ones, and `n_synth` synthetic
    ones drawn from N(mu, bias * Sigma) of earlier models.

    The fixed set and the first sample are nested: they share `n_shared` samples. An accumulating
    pool collects synthetic samples only; fresh ones are used once.

    Parameters
    ----------
    n_initial : int
        Real samples of the first generation (n_ini), at least 2.
    n_synth : int
        Synthetic samples of each later generation (n_s), at least 2 when there is no real data.
    n_fixed, n_fresh : int
        Fixed and fresh real samples of each later generation (n_r).
    memory : int or None
        Each synthetic sample comes from a uniformly drawn one of the last `memory` models
        (theory.md 2.8: K models, not the K + 1 of the paper's index set). None: all of them.
    pool : {"replace", "accumulate"}
        Whether a generation's synthetic samples replace or join the earlier ones.
    pool_cap : int or None
        Generations whose synthetic samples an accumulating pool keeps, the newest ones; None
        keeps all. (One is the same loop as "replace".)
    budget : int or None
        Accumulate and subsample: when the fixed real and the pooled synthetic samples are more
        than `budget`, train on that many of them, drawn uniformly without replacement for each
        generation (fresh samples come on top). Needs an accumulating pool.
    weight : float or None
        Weight w on the real data: mean w x_r + (1 - w) x_s, covariance
        w S_r + (1 - w) S_s + w (1 - w) (x_r - x_s)(x_r - x_s)^T, with S_r and S_s divided by
        their own counts less `ddof`. None pools sample by sample.
    bias : float or tuple of float
        Sampling bias lambda; multiplies the *covariance* of the sampled model. In [0, 1], or up
        to any finite value with ``allow_overdispersion=True`` (critical bias, theory.md 1.2).
        Several numbers are a spectrum, lambda_k for the k-th eigenvalue of Sigma_0 in the order in
        which a law is given them: samples are N(mu, D^{1/2} Sigma D^{1/2}), D = diag(lambda_k) in
        the eigenvectors of Sigma_0 (theory.md 8). Equal numbers are one number.
    ddof : {0, 1}
        Covariances are divided by n - ddof.
    shrinkage : float
        Every fitted covariance S becomes (1 - shrinkage) S + shrinkage (tr S/d) I; in [0, 1].
    floor : float
        Then floor (tr Sigma_0/d) I is added (`reg_covar` of scikit-learn's mixtures, in units of
        the mean real variance); at least 0.
    first_generation : {"real", "biased"}
        "real": generation 1 sees N(mu_0, Sigma_0), as in Appendix A. "biased": it sees
        N(mu_0, bias * Sigma_0), Eq. (1) read literally.
    allow_overdispersion : bool
        Accept bias > 1.
    """

    n_initial: int
    n_synth: int
    n_fixed: int = 0
    n_fresh: int = 0
    memory: int | None = 1
    pool: Pool = "replace"
    pool_cap: int | None = None
    budget: int | None = None
    weight: float | None = None
    bias: float | tuple[float, ...] = 1.0
    ddof: int = 1
    shrinkage: float = 0.0
    floor: float = 0.0
    first_generation: FirstGeneration = "real"
    allow_overdispersion: bool = False

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "n_initial", _check.count("n_initial", self.n_initial, minimum=2))
        put(self, "n_fixed", _check.count("n_fixed", self.n_fixed, minimum=0))
        put(self, "n_fresh", _check.count("n_fresh", self.n_fresh, minimum=0))
        _check.count("n_fixed + n_fresh", self.n_real, minimum=0)
        # One synthetic sample is enough beside real data; alone it has no covariance.
        least = 2 if self.n_real == 0 else 1
        put(self, "n_synth", _check.count("n_synth", self.n_synth, minimum=least))
        if self.memory is not None:
            put(self, "memory", _check.count("memory", self.memory))
        _check.one_of("pool", self.pool, ("replace", "accumulate"))
        self._check_pool()
        high = math.inf if self.allow_overdispersion else 1.0
        put(self, "bias", _check.number_or_numbers("bias", self.bias, low=0.0, high=high))
        put(self, "ddof", _check.count("ddof", self.ddof, minimum=0, maximum=1))
        put(self, "shrinkage", _check.number("shrinkage", self.shrinkage, low=0.0, high=1.0))
        put(self, "floor", _check.number("floor", self.floor, low=0.0))
        _check.one_of("first_generation", self.first_generation, ("real", "biased"))
        self._check_weight()

    def _check_pool(self) -> None:
        """Validate what only an accumulating pool has."""
        for name, minimum in (("pool_cap", 1), ("budget", 2)):
            value = getattr(self, name)
            if value is None:
                continue
            object.__setattr__(self, name, _check.count(name, value, minimum=minimum))
            if self.pool != "accumulate":
                raise ValueError(f"{name} must be left out unless pool is accumulate, got {value}")

    def _check_weight(self) -> None:
        """Validate the weight: both sides of it need a covariance of their own."""
        if self.weight is None:
            return
        weight = _check.number("weight", self.weight, low=0.0, high=1.0)
        object.__setattr__(self, "weight", weight)
        if self.budget is not None:
            raise ValueError(f"weight must be left out with a budget, got {weight:g}")
        for name, n in (("real", self.n_real), ("synthetic", self.n_synth)):
            if n < 1 + self.ddof:
                raise ValueError(
                    f"weight must be left out with fewer than {1 + self.ddof} {name} samples, "
                    f"got {weight:g}"
                )

    # ---------------------------------------------------------------------------------- numbers

    @property
    def n_real(self) -> int:
        """Real samples of each generation after the first, n_r."""
        return self.n_fixed + self.n_fresh

    @property
    def n_train(self) -> int:
        """Samples of each generation after the first, n = n_r + n_s."""
        return self.n_real + self.n_synth

    @property
    def n_shared(self) -> int:
        """Samples that the fixed set and the first sample have in common.

        The smaller lies in the larger, unless `first_generation` biases the first sample.
        """
        return min(self.n_initial, self.n_fixed) if self.first_is_real else 0

    @property
    def first_is_real(self) -> bool:
        """Whether nothing multiplies the covariance of the very first sample."""
        return self.first_generation == "real" or self.bias == 1.0

    @property
    def has_spectrum(self) -> bool:
        """Whether the bias differs from one eigendirection to another."""
        return isinstance(self.bias, tuple)

    @property
    def scalar_bias(self) -> float:
        """The bias of all directions; a spectrum is refused, never averaged."""
        if isinstance(self.bias, tuple):
            raise UnsupportedLoop(f"{_ONE_BIAS}, got {_spread(self.bias)}")
        return self.bias

    @property
    def longest_lived(self) -> Loop:
        """The loop of the eigendirection with the largest bias."""
        return replace(self, bias=max(self.bias)) if isinstance(self.bias, tuple) else self

    def along(self, k: int) -> Loop:
        """Return the loop of eigendirection k alone: the same one with one bias, lambda_k.

        What fits and samples do to a direction of Sigma_0 they do to it in this loop of d = 1.

        Examples
        --------
        >>> fully_synthetic(10, bias=(0.9, 0.5)).along(1).bias
        0.5
        """
        if not isinstance(self.bias, tuple):
            return self
        if self.n_fixed and not self.first_is_real and 1.0 in self.bias:
            # Alone, the direction of bias 1 would share its first sample with the fixed set.
            raise UnsupportedLoop(
                "a fixed set beside a biased first generation is taken direction by direction "
                "where no bias is 1 only, got a bias of 1"
            )
        k = _check.count("k", k, minimum=0, maximum=len(self.bias) - 1)
        return replace(self, bias=self.bias[k])

    @property
    def first_bias(self) -> float:
        """What multiplies the covariance of the very first sample: 1, or lambda."""
        return self.scalar_bias if self.first_generation == "biased" else 1.0

    @property
    def first_scale(self) -> float:
        """E Sigma_1 / Sigma_0 by the sampling alone: first_bias (n_i - 1)/(n_i - ddof)."""
        return self.first_bias * ((self.n_initial - 1) / (self.n_initial - self.ddof))

    @property
    def step_bias(self) -> float:
        """E Sigma_(t+1) / Sigma_t of the fully synthetic loop: lambda (n_s - 1)/(n_s - ddof)."""
        return self.scalar_bias * ((self.n_synth - 1) / (self.n_synth - self.ddof))

    @property
    def first_dof(self) -> int:
        """Degrees of freedom of the first covariance, n_initial - 1."""
        return self.n_initial - 1

    @property
    def dof(self) -> int:
        """Degrees of freedom of the later synthetic covariances, m = n_s - 1."""
        return self.n_synth - 1

    # ----------------------------------------------------------------------- what the loop keeps

    @property
    def pooled(self) -> int | None:
        """Generations whose synthetic samples a fit sees, the newest ones; None: all of them."""
        return self.pool_cap if self.pool == "accumulate" else 1

    @property
    def keeps_all(self) -> bool:
        """Whether the pool grows for ever, so that the real share goes to 0."""
        return self.pooled is None

    @property
    def is_stationary(self) -> bool:
        """Whether all late generations make the same step: memory and pool are bounded."""
        return self.memory is not None and not self.keeps_all

    @property
    def used(self) -> Loop:
        """The same loop without real samples that have weight 0."""
        if self.weight == 0 and self.n_synth >= 2:
            return replace(self, n_fixed=0, n_fresh=0, weight=None)
        return self

    @property
    def real_share(self) -> float:
        """Share of the real samples in a late fit: n_real/n, or the weight; 0 in a growing pool.

        Examples
        --------
        >>> pool = synthetic_augmentation(25, 75, pool="accumulate")
        >>> fresh_data(25, 75).real_share, pool.real_share
        (0.25, 0.0)
        """
        if self.weight is not None:
            return self.weight
        if self.pooled is None:
            return 0.0 if self.budget is None else self.n_fresh / (self.n_fresh + self.budget)
        synthetic = self.n_synth * self.pooled
        total = self.n_real + synthetic
        if self.budget is None or self.n_fixed + synthetic <= self.budget:
            return self.n_real / total
        fixed = self.budget * (self.n_fixed / (self.n_fixed + synthetic))
        return (fixed + self.n_fresh) / (self.budget + self.n_fresh)

    # ------------------------------------------------------------------------ what the loop is

    @property
    def family(self) -> str:
        """Name of the family that the loop belongs to.

        Examples
        --------
        >>> pool = synthetic_augmentation(10, 10, pool="accumulate")
        >>> fully_synthetic(10).family, pool.family
        ('synthetic', 'growing-pool')
        """
        rules = (
            (self.floor > 0 or self.shrinkage > 0, "floor"),
            (self.budget is not None, "subsample"),
            (self.pool == "accumulate", "growing-pool" if self.keeps_all else "capped-pool"),
            (self.weight is not None, "weighted"),
            (self.memory != 1, "memory"),
            (self.n_fixed > 0 and self.n_fresh > 0, "mixture"),
            (self.n_fixed > 0, "augmentation"),
            (self.n_fresh > 0, "fresh"),
        )
        return next((name for holds, name in rules if holds), "synthetic")

    @property
    def beyond_plain(self) -> str | None:
        """The first field that no law of a single family covers, as "rule only, got value"."""
        rules = (
            (self.memory == 1, "memory 1", or_all(self.memory)),
            (self.pool == "replace", "pool = replace", self.pool),
            (self.weight is None, "no weight", self.weight),
            (self.shrinkage == 0, "shrinkage = 0", self.shrinkage),
            (self.floor == 0, "floor = 0", self.floor),
        )
        return next((f"{rule} only, got {got}" for holds, rule, got in rules if not holds), None)

    @property
    def is_fully_synthetic(self) -> bool:
        """Whether the closed-form laws of Section 3 cover the loop (any ddof)."""
        return self.beyond_plain is None and not self.n_real

    @property
    def is_fresh_memory_one(self) -> bool:
        """Whether the closed-form laws of Section 5 cover the loop: memory 1, ddof 1, no more."""
        plain = self.beyond_plain is None and self.ddof == 1
        return plain and self.n_fresh > 0 and self.n_fixed == 0

    @property
    def is_chain(self) -> bool:
        """Whether each model is fitted to samples of the one before and nothing else."""
        newest = self.memory == 1 and self.pooled == 1
        return self.n_real == 0 and newest and (self.budget is None or self.budget >= self.n_synth)

    @property
    def plain_chain(self) -> Loop:
        """A chain as the fully synthetic loop that it is, without its floor."""
        return replace(self, pool="replace", pool_cap=None, budget=None, floor=0.0)


def fully_synthetic(
    n_synth: int,
    *,
    bias: float | tuple[float, ...] = 1.0,
    n_initial: int | None = None,
    first_generation: FirstGeneration = "real",
    ddof: int = 1,
    shrinkage: float = 0.0,
    floor: float = 0.0,
    allow_overdispersion: bool = False,
) -> Loop:
    """Build the fully synthetic loop (Section 3); `n_initial` defaults to `n_synth`.

    Examples
    --------
    >>> fully_synthetic(10, bias=0.9).dof
    9
    """
    n_synth = _check.count("n_synth", n_synth, minimum=2)
    return Loop(
        n_initial=n_synth if n_initial is None else n_initial,
        n_synth=n_synth,
        bias=bias,
        ddof=ddof,
        shrinkage=shrinkage,
        floor=floor,
        first_generation=first_generation,
        allow_overdispersion=allow_overdispersion,
    )


def synthetic_augmentation(
    n_real: int,
    n_synth: int,
    *,
    bias: float | tuple[float, ...] = 1.0,
    pool: Pool = "replace",
    pool_cap: int | None = None,
    budget: int | None = None,
    memory: int | None = 1,
    weight: float | None = None,
    ddof: int = 1,
) -> Loop:
    """Build the synthetic augmentation loop (Section 4): the first real set stays for good."""
    n_real = _check.count("n_real", n_real, minimum=2)
    return Loop(
        n_initial=n_real,
        n_fixed=n_real,
        n_synth=n_synth,
        bias=bias,
        pool=pool,
        pool_cap=pool_cap,
        budget=budget,
        memory=memory,
        weight=weight,
        ddof=ddof,
    )


def fresh_data(
    n_real: int,
    n_synth: int,
    *,
    bias: float | tuple[float, ...] = 1.0,
    n_initial: int | None = None,
    memory: int | None = 1,
    weight: float | None = None,
    first_generation: FirstGeneration = "real",
    ddof: int = 1,
) -> Loop:
    """Build the fresh data loop (Section 5); `n_initial` defaults to `n_real`.

    Examples
    --------
    >>> fresh_data(100, 900, bias=0.9).n_train
    1000
    """
    n_real = _check.count("n_real", n_real)
    return Loop(
        # A single real sample has no covariance, so the first model needs one more.
        n_initial=max(n_real, 2) if n_initial is None else n_initial,
        n_fresh=n_real,
        n_synth=n_synth,
        bias=bias,
        memory=memory,
        weight=weight,
        ddof=ddof,
        first_generation=first_generation,
    )


# --- refusals: UnsupportedLoop unless `loop` is what a law covers ---------------------------------


def require_loop(loop: Loop) -> Loop:
    """Return `loop` if it is one.

    Raises
    ------
    TypeError
        It is something else.
    """
    if not isinstance(loop, Loop):
        raise TypeError(f"loop must be a Loop, got {type(loop).__name__}")
    return loop


def require_one_bias(loop: Loop, quantity: str) -> None:
    """Refuse a spectrum of biases."""
    require_loop(loop)
    if isinstance(loop.bias, tuple):
        rest = _ONE_BIAS.removeprefix("this ")
        raise UnsupportedLoop(f"{quantity} {rest}, got {_spread(loop.bias)}")


def _require_plain(loop: Loop, quantity: str) -> None:
    """Refuse the fields that a law of one family does not cover."""
    require_one_bias(loop, quantity)
    if loop.beyond_plain:
        raise UnsupportedLoop(f"{quantity} is computed for {loop.beyond_plain}")


def require_fully_synthetic(loop: Loop, quantity: str) -> None:
    """Refuse all but a plain fully synthetic loop."""
    _require_plain(loop, quantity)
    if loop.n_real:
        raise UnsupportedLoop(
            f"{quantity} is computed for the fully synthetic loop only, "
            f"got a loop with {loop.n_real} real samples a generation"
        )


def require_synthetic_by_direction(loop: Loop, quantity: str) -> None:
    """Refuse all but a plain fully synthetic loop, which may have a spectrum of biases."""
    require_fully_synthetic(require_loop(loop).along(0), quantity)


def require_fresh_memory_one(loop: Loop, quantity: str) -> None:
    """Refuse all but a plain fresh data loop with memory 1."""
    _require_plain(loop, quantity)
    if loop.ddof != 1:
        raise UnsupportedLoop(f"{quantity} is computed for ddof = 1 only, got ddof = {loop.ddof}")
    if not loop.is_fresh_memory_one:
        raise UnsupportedLoop(
            f"{quantity} is computed for the fresh data loop only, got a loop with "
            f"n_fresh = {loop.n_fresh} and n_fixed = {loop.n_fixed}"
        )


def require_synthetic(loop: Loop, quantity: str) -> None:
    """Refuse all but the fully synthetic loop, whatever its shrinkage and floor."""
    require_loop(loop)
    plain = replace(loop, shrinkage=0.0, floor=0.0) if loop.shrinkage or loop.floor else loop
    require_fully_synthetic(plain, quantity)


def require_floor(loop: Loop, quantity: str) -> None:
    """Refuse a loop without a floor too."""
    require_synthetic(loop, quantity)
    if loop.floor == 0.0:
        raise UnsupportedLoop(f"{quantity} is computed for floor > 0 only, got 0")


def require_no_floor(loop: Loop, quantity: str) -> None:
    """Refuse a floor too."""
    require_synthetic(loop, quantity)
    if loop.floor:
        raise UnsupportedLoop(f"{quantity} is computed for floor = 0 only, got {loop.floor:g}")
