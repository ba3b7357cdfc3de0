"""What the best test can do for held loops if it is not told their share of real data.

Let f be the law of the series of a held loop, mixed over the shares by a prior, and f_1, f_2, ...
those of loops that walk. A test that calls at most alpha of each of the latter "not MAD" clears at
most

    alpha sum_k v_k + E_f (1 - sum_k v_k f_k / f)_+            for any v_k >= 0

of the former, on average over the prior: so says the duality of linear programs, which has equality
at the best v (then the test clears where sum v f_k < f, and is of size alpha where v_k > 0). With a
prior on one share this is the bound for a test that is told the share. v is chosen on some draws,
the bound read off others.

Series are Gaussian and independent, as in madtheory.audit.power: means and shapes of covariance V_p
in a loop of share p, W_p in the walk that is nearest to it, H_p where half of the directions walk.
Walks are (W_p, V_q), (V_q, W_p) and (H_p, H'_p), for all p and q: what not_mad_power takes one
after the other. Noise, size, offset and memory are told.
"""

from typing import NamedTuple

import numpy as np

from madtheory.audit.anchor import FREE_MEANS, FREE_SHAPES
from madtheory.audit.power import _nearest, law

#: Draws of each held loop and steps of the search.
DRAWS, STEPS = 1000, 150


def grams(rng, V, count, draws):
    """Sums of squares (draws, T, T) of `count` series of covariance V; their number (draws,).

    Where `count` is no whole number, one more series is there as often as the rest says.
    """
    T, root = len(V), np.linalg.cholesky(V)
    number = np.floor(count) + (rng.random(draws) < count - np.floor(count))
    out = np.zeros((draws, T, T))
    for n in np.unique(number):
        at = np.flatnonzero(number == n)
        if n > 2 * T:  # Bartlett's triangle
            L = np.tril(rng.standard_normal((len(at), T, T)), -1)
            L[:, range(T), range(T)] = np.sqrt(rng.chisquare(n - np.arange(T), (len(at), T)))
        else:
            L = rng.standard_normal((len(at), T, int(n)))
        x = root @ L
        out[at] = x @ x.transpose(0, 2, 1)
    return out, number


def likelihoods(G, number, laws):
    """Log-likelihoods (draws, laws)."""
    traces = G.reshape(len(G), -1) @ np.linalg.inv(laws).reshape(len(laws), -1).T
    return -(number[:, None] * np.linalg.slogdet(laws)[1] + traces) / 2


class Laws(NamedTuple):
    """Covariances (J, T, T) of one kind of series: held, walking, half walking."""

    count: float
    V: np.ndarray
    W: np.ndarray
    H: np.ndarray

    def drawn(self, rng, which, draws):
        """Log-likelihoods (draws, J) of V, W and H, drawn from one of them."""
        J = len(self.V)
        found = likelihoods(*grams(rng, which, self.count, draws), np.concatenate(self[1:]))
        return found[:, :J], found[:, J : 2 * J], found[:, 2 * J :]


def laws_of(setting, shares, T):
    """Laws of means and of shapes, where there are any."""
    V = np.array([law(setting, p, T) for p in shares])
    W = np.array([_nearest(setting, v, setting.loops(0.0), setting.least) for v in V])
    each = (setting.means, FREE_MEANS), (setting.shapes, FREE_SHAPES)
    return [
        Laws(
            count, V, W, np.array([_nearest(setting, v, setting.halves(f), setting.least) for v in V])
        )
        for count, f in each
        if count
    ]


def against(kinds):
    """Log-likelihoods (draws, walks) of all walks and (draws, J) of held loops, from each kind's."""
    if len(kinds) == 1:
        (V, W, H), = kinds
        return np.hstack([W, H]), V
    (Vm, Wm, Hm), (Vs, Ws, Hs) = kinds
    cross = [(x[:, :, None] + y[:, None, :]).reshape(len(x), -1) for x, y in ((Wm, Vs), (Vm, Ws))]
    return np.hstack([*cross, Hm + Hs]), Vm + Vs


def walks(laws):
    """Covariance of each kind of series of all walks, in the order of `against`."""
    if len(laws) == 1:
        return [(w,) for w in (*laws[0].W, *laws[0].H)]
    m, s = laws
    cross = [*((w, v) for w in m.W for v in s.V), *((v, w) for v in m.V for w in s.W)]
    return [*cross, *zip(m.H, s.H, strict=True)]


def ratios(rng, laws, prior, draws):
    """Likelihood of each walk over that of held loops mixed by the prior (shares, draws, walks).

    Drawn from held loops of each share whose weight is not 0.
    """
    out, taken = [], prior > 0
    for j in np.flatnonzero(taken):
        walking, held = against([one.drawn(rng, one.V[j], draws) for one in laws])
        top = held[:, taken].max(axis=1)
        mixed = top + np.log(np.exp(held[:, taken] - top[:, None]) @ prior[taken])
        out.append(np.exp(np.minimum(walking - mixed[:, None], 700.0)))
    return np.array(out)


def bound(drawn, v, prior, alpha):
    """What no test exceeds on average over the prior."""
    return alpha * float(v.sum()) + float(prior[prior > 0] @ (1 - drawn @ v).clip(0).mean(axis=1))


def weights(drawn, prior, alpha, steps=STEPS):
    """The v that leave the least bound, by steps that lead the sizes of their test to alpha."""
    flat = drawn.reshape(-1, drawn.shape[2])
    each = np.repeat(prior[prior > 0], drawn.shape[1]) / drawn.shape[1]
    best = v = np.full(flat.shape[1], 1.0 / flat.shape[1])
    least = np.inf
    for step in range(steps):
        value = bound(drawn, v, prior, alpha)
        if value < least:
            best, least = v, value
        sizes = (each * (flat @ v < 1)) @ flat
        v = v * ((sizes + alpha / 100) / (1.01 * alpha)) ** (0.7 if step < steps / 2 else 0.25)
    return best


def not_told(setting, share, prior, T, alpha, draws=DRAWS, seed=0):
    """Bounds on the power to clear a loop: told its share, and not told, on average over the prior;
    and how often the latter's test clears this one.

    prior: shares and their weights; the nearest to `share` is moved there.
    """
    shares, weight = (np.array(x, dtype=float) for x in zip(*prior, strict=True))
    at = int(np.argmin(np.abs(shares - share)))
    shares[at] = share
    laws, out = laws_of(setting, shares, T), []
    for one in (np.eye(len(shares))[at], weight / weight.sum()):
        rngs = [np.random.default_rng([seed, k]) for k in range(2)]
        v = weights(ratios(rngs[0], laws, one, draws), one, alpha)
        fresh = ratios(rngs[1], laws, one, draws)
        out.append(bound(fresh, v, one, alpha))
    cleared = (fresh[at] @ v < 1).mean()
    return (*out, float(cleared))
