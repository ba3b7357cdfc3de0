"""Section 13: the 25-mode loop by EM, idealised, and exact (Figures 14 and 15)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from madtheory import metrics, modes
from madtheory.engine import run_seeds
from madtheory.engine.curves import Bands
from madtheory.engine.models import GaussianMixture, grid_mixture
from madtheory.loop import fully_synthetic
from madtheory.reports._types import Array, Numbers
from madtheory.reports.simulated import mean_se
from madtheory.results import ModeStates
from madtheory.simulate import simulate_modes

#: What is measured of every model, in this order. The variance of a mode is that of all components
#: nearest to it taken together; `alive` counts the modes that are nearest to a training sample.
QUANTITIES: Final = ("alive", "total", "modal_sum", "component", "widest", "recall")
#: Components of less weight have no samples: EM leaves them some 1e-18.
_EMPTY: Final = 1e-9
#: Standard deviations at which the figure draws an ellipse.
ELLIPSE: Final = 8


def _nearest(points: Array, centres: Array) -> NDArray[np.int64]:
    return np.asarray(np.square(points[:, None, :] - centres).sum(axis=2).argmin(axis=1))


def _scatter(weights: Array, means: Array, traces: Array) -> float:
    """Trace of the covariance of a mixture; weights need not sum to 1."""
    w = weights / weights.sum()
    gap = means - w @ means
    return float(w @ (traces + np.square(gap).sum(axis=1)))


@dataclass(frozen=True, slots=True)
class _Measures:
    """Everything that the report shows of one model, as the engine's metrics want it."""

    source: GaussianMixture
    n: int

    @property
    def centres(self) -> Array:
        return np.asarray(self.source.means)

    def recall(self, model: GaussianMixture, rng: np.random.Generator) -> float:
        """Recall of n samples of the model against n real ones, k = 5."""
        real, synth = self.source.sample(self.n, 1.0, rng), model.sample(self.n, 1.0, rng)
        return metrics.precision_recall(real, synth, k=5, threads=1).recall.value

    def numbers(self, model: Any, samples: Any, rng: np.random.Generator) -> list[float]:
        """QUANTITIES of one fitted model."""
        used = model.weights > _EMPTY
        w, means = model.weights[used], model.means[used]
        traces = np.trace(model.covariances[used], axis1=1, axis2=2)
        cell = _nearest(means, self.centres)
        every = [_scatter(w[cell == k], means[cell == k], traces[cell == k]) for k in set(cell)]
        alive = len(set(_nearest(samples, self.centres)))
        return [
            alive,
            _scatter(w, means, traces),
            # As many modes as are alive, also where one component covers two of them.
            alive * float(np.mean(every)),
            float(traces.mean()),
            float(traces.max()),
            self.recall(model, rng),
        ]

    def picture(self, model: Any, samples: Any, rng: np.random.Generator) -> list[float]:
        """Weights, means and covariances in one row."""
        arrays = (model.weights, model.means, model.covariances)
        return [float(x) for array in arrays for x in np.ravel(array)]


# ------------------------------------------------------------------------------------------- EM
def _em(config: Numbers, source: GaussianMixture, seeds: int, warm: bool) -> Any:
    """The loop through the engine; bands over seeds."""
    measures = _Measures(source, config["n_synth"])
    return run_seeds(
        fully_synthetic(config["n_synth"], ddof=0),
        GaussianMixture(source.n_components, reg_covar=config["reg_covar"], warm_start=warm),
        source,
        generations=config["generations"],
        seeds=range(config["seed"], config["seed"] + seeds),
        metrics={"numbers": measures.numbers, "picture": measures.picture},
        every=config["every"],
    )


def _ratio_se(numerator: Array, denominator: Array) -> tuple[Array, Array]:
    """Ratio of the means over runs, and its standard error by linearisation."""
    ratio = numerator.mean(axis=0) / denominator.mean(axis=0)
    _, se = mean_se((numerator - ratio * denominator) / denominator.mean(axis=0))
    return ratio, se


def _curve(values: Array) -> Numbers:
    mean, se = mean_se(values)
    band = np.quantile(values, [0.05, 0.95], axis=0)
    return {"mean": mean, "se": se, "band": band, "runs": len(values)}


def _curves(paths: Mapping[str, Array]) -> Numbers:
    """Mean, standard error and band of each quantity; modes of all runs are pooled."""
    found = {name: _curve(paths[name]) for name in paths if name != "modal_sum"}
    ratio, se = _ratio_se(paths["modal_sum"], paths["alive"])
    each = paths["modal_sum"] / paths["alive"]
    band = np.quantile(each, [0.05, 0.95], axis=0)
    return {**found, "modal": {"mean": ratio, "se": se, "band": band, "runs": len(each)}}


# ------------------------------------------------------------------------- the idealised loop
def _root(covariance: Array) -> Array:
    """Square roots of covariances that may be singular, shape (..., dim, dim)."""
    values, vectors = np.linalg.eigh(covariance)
    return np.asarray(vectors * np.sqrt(values.clip(0.0))[..., None, :])


def _model_of(source: GaussianMixture, states: ModeStates, run: int, at: int) -> GaussianMixture:
    """A model of the idealised loop, ready to be sampled."""
    arrays = {
        "weights": states.weights[run, at],
        "means": states.means[run, at],
        "factors": _root(states.covariances[run, at]),
        "converged": np.array(True),
        "n_iter": np.array(0),
    }
    return source.load(arrays)


def _recalls(source: GaussianMixture, states: ModeStates, config: Numbers) -> Array:
    """Recall of every kept model of the first runs, shape (runs, generations)."""
    measures = _Measures(source, config["n_synth"])
    streams = np.random.SeedSequence(config["seed"], spawn_key=(1,)).spawn(config["recalled"])
    at = range(len(states.generations))

    def row(run: int, rng: np.random.Generator) -> list[float]:
        return [measures.recall(_model_of(source, states, run, i), rng) for i in at]

    return np.array([row(run, np.random.default_rng(x)) for run, x in enumerate(streams)])


def _predicted(states: ModeStates, config: Numbers) -> Array:
    """Recall that theory expects of these models, shape (runs, generations)."""
    runs = slice(config["recalled"])
    rng = np.random.default_rng(np.random.SeedSequence(config["seed"], spawn_key=(2,)))
    counts = rng.multinomial(config["n_synth"], states.weights[runs])
    models = states.means[runs], states.covariances[runs]
    return modes.expected_recall(
        counts, *models, spacing=config["spacing"], deviation=config["sigma"]
    )


def _idealised(
    config: Numbers, at: Sequence[int], *, ddof: float, floor: float
) -> tuple[Numbers, ModeStates]:
    """Curves of the labelled loop, and its models."""
    source = grid_mixture(spacing=config["spacing"], sigma=config["sigma"])
    runs = simulate_modes(
        source.n_components,
        config["n_synth"],
        **{key: config[key] for key in ("generations", "replicates", "seed")},
        ddof=ddof,
        floor=floor,
        spacing=config["spacing"],
        deviation=config["sigma"],
        at=at,
        snapshots=[*config["recall_at"], *config["shown"]],
        keep_paths=True,
    )
    paths, states = runs.paths or {}, runs.states
    assert states is not None
    names = {"alive": "surviving", "total": "total_variance", "modal_sum": "modal_sum"}
    curves = _curves({name: paths[key] for name, key in names.items()})
    curves["recall"] = {**_curve(_recalls(source, states, config)), "at": states.generations}
    curves["predicted"] = {**_curve(_predicted(states, config)), "at": states.generations}
    return curves, states


def _em_curves(bands: Bands, spacing: float) -> Numbers:
    values = dict(zip(QUANTITIES, np.moveaxis(bands.values["numbers"], 2, 0), strict=True))
    return {
        **_curves(values),
        # Modes that came back, a run; share of models with a component as wide as a quarter of the
        # distance of two modes.
        "revived": float(np.diff(values["alive"], axis=1).clip(0).sum(axis=1).mean()),
        "spanning": float((values["widest"] > (spacing / 4) ** 2).mean()),
    }


# --------------------------------------------------------------------------------------- pictures
def _components(weights: Array, means: Array, covariances: Array) -> list[Numbers]:
    """Components with samples, as the figure draws them."""
    return [
        {"weight": w, "mean": m, "covariance": c}
        for w, m, c in zip(weights, means, covariances, strict=True)
        if w > _EMPTY
    ]


def _picture(bands: Bands, K: int, t: int) -> Numbers:
    """The first seed's mixture in the plane at generation t, and how many modes are alive."""
    i = int(np.searchsorted(bands.generations, t))
    w, m, c = np.split(bands.values["picture"][0][i], np.cumsum([K, 2 * K]))
    return {
        "em": _components(w, m.reshape(K, 2), c.reshape(K, 2, 2)),
        "alive_em": float(bands.values["numbers"][0][i, 0]),
    }


def _idealised_picture(states: ModeStates, t: int) -> Numbers:
    """The first run's mixture at generation t, and how many modes are alive."""
    i = int(np.searchsorted(states.generations, t))
    found = _components(states.weights[0, i], states.means[0, i], states.covariances[0, i])
    return {"idealised": found, "alive_idealised": len(found)}


# ----------------------------------------------------------------------------------------- theory
def _theory(config: Numbers, K: int) -> Numbers:
    """Expectations at every generation; `modal` by normalisation, with and without the floor."""
    n, T = config["n_synth"], config["generations"]
    modal = 2 * config["sigma"] ** 2
    grid = np.square(modes.mode_grid(K, spacing=config["spacing"])).sum(axis=1).mean()
    kinds = {"floor": (0.0, 2 * config["reg_covar"]), "em": (0.0, 0.0), "unbiased": (1.0, 0.0)}
    paths = {
        name: modes.modal_variance(
            K, n, T, real_modal=modal, real_total=modal + grid, ddof=ddof, floor_trace=floor
        )
        for name, (ddof, floor) in kinds.items()
    }
    return {
        "alive": modes.surviving_mean(K, n, T).value,
        "total": paths["floor"].total,
        "modal": {name: path.modal for name, path in paths.items()},
        "typical": {
            name: modal * modes.typical_variance(K, n, T, ddof=ddof)
            for name, ddof in (("em", 0.0), ("unbiased", 1.0))
        },
        "fixation": float(modes.fixation_time([1 / K] * K, n).value),
    }


def _deviation(law: Array) -> Array:
    """Standard deviation of the number of modes."""
    k = np.arange(law.shape[1])
    return np.asarray(np.sqrt(law @ k**2 - (law @ k) ** 2))


# ----------------------------------------------------------------------------------------- misses
def _miss(theory: float, curve: Numbers, i: int, null: float) -> Numbers:
    """A measured mean against theory; z by the spread that the idealised loop would have."""
    mean, se = float(curve["mean"][i]), float(curve["se"][i])
    return {
        "value": [mean, se],
        "percent": 100 * (mean / theory - 1),
        "z": (mean - theory) / null if null > 0 else None,
    }


def _at(curve: Numbers, at: Array, t: int) -> int:
    """Index of generation t in a curve, measured at `at` unless it says otherwise."""
    return int(np.searchsorted(curve.get("at", at), t))


def _expected(theory: Numbers, idealised: Numbers, name: str, t: int) -> float:
    """Theory of the loop that EM comes near: divisor N_k, with the floor."""
    if name == "recall":
        predicted = idealised["predicted"]
        return float(predicted["mean"][_at(predicted, predicted["at"], t)])
    values = theory["modal"]["floor"] if name in ("modal", "component") else theory[name]
    return float(values[t - 1])


def _misses(
    theory: Numbers,
    idealised: Numbers,
    em: Mapping[str, Numbers],
    at: Array,
    times: Sequence[int],
) -> list[Numbers]:
    """Theory, idealised loop and EM at some generations, quantity by quantity."""
    rows = []
    for name in ("alive", "total", "modal", "recall"):
        runs = idealised[name]["runs"]
        for t in times:
            expected = _expected(theory, idealised, name, t)
            row: Numbers = {"quantity": name, "t": t, "theory": expected}
            spread = math.sqrt(runs) * float(idealised[name]["se"][_at(idealised[name], at, t)])
            for loop, curves in {"idealised": idealised, **em}.items():
                curve = curves[name]
                null = spread / math.sqrt(curve["runs"])
                row[loop] = _miss(expected, curve, _at(curve, at, t), null)
            rows.append(row)
    return rows


def _largest_z(misses: Sequence[Numbers], quantity: str, loop: str) -> float:
    """Largest deviation of one quantity from theory in standard errors; no spread, no deviation."""
    return max(abs(float(row[loop]["z"] or 0)) for row in misses if row["quantity"] == quantity)


def _thinned(theory: Numbers, last: int) -> Numbers:
    """Theory at the generations that the figure draws."""
    times = np.unique(np.geomspace(1, last, 90).astype(int))
    i = times - 1
    return {
        "t": times,
        "alive": theory["alive"][i],
        "total": theory["total"][i],
        **{k: {n: v[i] for n, v in theory[k].items()} for k in ("modal", "typical")},
    }


def compute(config: Numbers) -> Numbers:
    """Figures 14 and 15: 25 modes by EM, begun anew or continued, idealised, and exact."""
    source = grid_mixture(spacing=config["spacing"], sigma=config["sigma"])
    K, shown = source.n_components, config["shown"]
    em = {
        "anew": _em(config, source, config["seeds_anew"], False),
        "continued": _em(config, source, config["seeds_continued"], True),
    }
    at = em["anew"].generations
    measured, states = _idealised(config, at, ddof=0.0, floor=config["reg_covar"])
    unbiased, _ = _idealised(config, at, ddof=1.0, floor=0.0)
    curves = {name: _em_curves(bands, config["spacing"]) for name, bands in em.items()}
    theory = _theory(config, K)
    law = modes.surviving_law(K, config["n_synth"], shown)
    misses = _misses(theory, measured, curves, at, config["misses_at"])
    component = float(curves["anew"]["component"]["mean"][-1])
    share = config["n_synth"] // K
    settled = modes.floor_variance(share, config["reg_covar"])[0]
    return {
        "generations": at,
        "centres": source.means,
        "em": curves,
        "idealised": measured,
        "unbiased": unbiased,
        "theory": _thinned(theory, config["generations"]),
        "fixation": theory["fixation"],
        "pictures": [
            {
                "t": t,
                "expected": float(theory["alive"][t - 1]),
                "deviation": sd,
                **_picture(em["anew"], K, t),
                **_idealised_picture(states, t),
            }
            for t, sd in zip(shown, _deviation(law), strict=True)
        ],
        "misses": misses,
        "alive_z": {name: _largest_z(misses, "alive", name) for name in em},
        "recall_last": {name: misses[-1][name]["percent"] for name in em},
        "recall_miss": max(
            abs(row["idealised"]["value"][0] - row["theory"])
            for row in misses
            if row["quantity"] == "recall"
        ),
        "modes": K,
        "share": share,
        "settled": 2 * settled,
        "component_last": component,
        # Recall beside the share of modes alive, at the middle of the generations shown.
        "recall_shown": _expected(theory, measured, "recall", shown[1]),
        "share_shown": float(theory["alive"][shown[1] - 1]) / K,
        "component_ratio": float(theory["modal"]["floor"][-1]) / component,
        "ellipse": ELLIPSE,
        "config": dict(config),
    }
