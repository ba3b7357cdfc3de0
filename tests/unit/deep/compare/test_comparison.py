"""Curves of loops where the theory is right, of one where it is not, and what is refused."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from madtheory.deep import curves
from madtheory.deep.compare import Comparison, bands, compare, recall, rules
from madtheory.deep.compare import observed as observing
from madtheory.deep.compare.bands import fit
from madtheory.deep.compare.comparison import Judged, Reading
from madtheory.deep.compare.observed import observed
from madtheory.deep.curves import Curve
from madtheory.loop import (
    Loop,
    UnsupportedLoop,
    fresh_data,
    fully_synthetic,
    synthetic_augmentation,
)
from tests.unit.deep.compare.loops import gaussian_curve, mixture_curve

T = 5
COMMITTED = Path(__file__).parents[4] / "reports/data/curves"


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bands from fewer loops, recall from fewer rows."""
    monkeypatch.setattr(rules, "REPLICATES", 500)
    monkeypatch.setattr(rules, "N_RECALL", 500)
    monkeypatch.setattr(rules, "SEEDS_RECALL", 1)
    monkeypatch.setattr(rules, "LOOPS_RECALL", 2)


def missed(found: list[Comparison], version: int = 0) -> int:
    """Values at the last generation out of their bands, of FID, tr, recall."""
    marks = [
        one.readings[version].metrics[name].within_band[-1]
        for one in found
        for name in ("fid", "trace", "recall")
    ]
    assert None not in marks
    return marks.count(False)


@pytest.mark.full
def test_bands_hold_loops_where_the_theory_is_right() -> None:
    loop = fully_synthetic(400)
    found = [compare(gaussian_curve(loop, seed, biases=[0.9] * T)) for seed in range(8)]
    # 24 values at 5 %: more than 5 are out with probability .2 %, if they were independent.
    assert missed(found) <= 5
    assert missed(found, 1) <= 6
    pooled = [one.readings[0] for one in found]
    assert np.mean([one.bias for one in pooled]) == pytest.approx(0.9, abs=0.02)
    held = [one.bias_interval[0] < 0.9 < one.bias_interval[1] for one in pooled]
    assert sum(held) >= 6
    held = [one.n_fit_interval[0] < 400 < one.n_fit_interval[1] for one in pooled]
    assert sum(held) >= 6


@pytest.mark.thinned(2)
@pytest.mark.parametrize(
    "loop", [fresh_data(200, 400), synthetic_augmentation(200, 400)], ids=["fresh", "augmentation"]
)
def test_the_same_two_numbers_predict_loops_with_real_data(loop: Loop) -> None:
    found = []
    for seed in range(4):
        own = gaussian_curve(fully_synthetic(400), 100 + seed, biases=[0.9] * 2)
        curve = gaussian_curve(loop, 200 + seed, biases=[0.9] * T)
        found.append(compare(curve, calibrate=own))
    assert missed(found) <= 3
    first = found[0].readings[0].metrics["fid"]
    assert first.within_band[0] is not None
    assert found[0].calibrated_by == "linear-gauss-synthetic-1-s100"


def sharp(later: float, seed: int) -> Comparison:
    """Large sets and a flat spectrum: a trace is known to .7 %."""
    biases = [0.9, 0.9, *[later] * (T - 2)]
    return compare(gaussian_curve(fully_synthetic(3000), seed, biases=biases, spectrum=np.ones(24)))


def test_a_bias_five_percent_off_is_noticed() -> None:
    assert all(missed([sharp(0.9 * 0.95, seed)]) > 0 for seed in range(3))
    assert sum(missed([sharp(0.9, seed)]) > 0 for seed in range(3)) <= 1


@pytest.mark.parametrize("version", ["pooled", "spectrum"])
def test_n_fit_is_recovered(version: str) -> None:
    # 1/n_fit of one curve has a relative deviation of .15, half of it by what is measured: so 24
    # of them are known to 3 %, and 4 of these are allowed.
    loop, inverse = fully_synthetic(400), []
    for seed in range(24):
        curve = gaussian_curve(loop, seed, biases=[0.9] * 2, spectrum=np.ones(20))
        inverse.append(400 / fit(version, observed(curve))[1])
    assert np.mean(inverse) == pytest.approx(1.0, abs=0.12)
    assert np.std(inverse) < 0.25


def test_classes_that_die_apart_are_predicted_as_classes() -> None:
    curve = mixture_curve(fully_synthetic(2000), 0, bias=0.6, push=1.0, generations=T)
    assert (np.diff(curve.metrics["trace"]) > 0).all()  # pooled variance rises all the same
    found = compare(curve)
    assert found.predicts == "classes"
    by = {one.version: one for one in found.readings}
    assert by["classes"].reaches_goal
    assert by["classes"].share_within > 0.7
    assert by["classes"].push == pytest.approx(1.0, rel=0.1)
    assert by["classes"].bias == pytest.approx(0.6, rel=0.05)
    assert by["pooled"].bias > 1
    assert not by["pooled"].reaches_goal
    assert not any(by["pooled"].metrics["recall"].within_band[2:])


def test_a_spectrum_of_biases_is_seen_and_predicts() -> None:
    biases = np.array([0.98, 0.95, 0.9, 0.8, 0.7, 0.6])
    found = compare(gaussian_curve(fully_synthetic(4000), 3, biases=[biases] * T))
    assert found.predicts == "spectrum"
    lines = found.readings[1]
    assert lines.biases is not None
    assert lines.biases_low is not None
    assert lines.biases_high is not None
    np.testing.assert_allclose(lines.biases[:6], biases, rtol=0.12)
    held = (lines.biases_low[:6] < biases) & (biases < lines.biases_high[:6])
    assert held.sum() >= 5
    assert lines.error < found.readings[0].error


def small_curve(loop: Loop | None = None, generations: int = 3) -> Curve:
    loop = fully_synthetic(300) if loop is None else loop
    return gaussian_curve(loop, 0, biases=[0.9] * generations)


def test_errors_and_marks_are_what_they_say() -> None:
    curve = small_curve()
    found = compare(curve).readings[0]
    fid, recall = found.metrics["fid"], found.metrics["recall"]
    np.testing.assert_array_equal(fid.measured, curve.metrics["fid"][:, 0])
    np.testing.assert_allclose(
        fid.relative_error, fid.predicted / curve.metrics["fid"][:, 0] - 1, rtol=1e-12
    )
    unit = curve.real["recall"][0]
    np.testing.assert_allclose(
        recall.relative_error, (recall.predicted - recall.measured) / unit, rtol=1e-12
    )
    assert fid.within_band[:2] == (None, None)
    assert fid.within_band[2] == (fid.low[2] <= fid.measured[2] <= fid.high[2])
    assert found.errors["fid"] == abs(fid.relative_error[2])
    assert fid.predicted[1] == pytest.approx(fid.measured[1], rel=1e-9)  # it sets the scale
    assert compare(curve).readings[0].metrics["fid"].low[2] == fid.low[2]
    assert compare(curve, seed=1).readings[0].metrics["fid"].low[2] != fid.low[2]


def test_two_generations_are_read_and_none_is_judged() -> None:
    found = compare(small_curve(generations=2))
    assert found.predicts is None
    assert np.isnan(found.readings[0].share_within)
    assert not found.readings[0].reaches_goal


def test_a_spectrum_of_features_sets_the_course_of_fid() -> None:
    curve = small_curve()
    # Features that are the pixels twice as large: the same course in other units.
    spectrum = 4 * np.append(curve.real["directions"], [])
    same = replace(curve, real=curve.real | {"feature_spectrum": spectrum})
    plain, found = compare(curve).readings[0], compare(same).readings[0]
    np.testing.assert_allclose(
        found.metrics["fid"].predicted, plain.metrics["fid"].predicted, rtol=0.01
    )
    assert found.scale == pytest.approx(plain.scale / 4, rel=0.02)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda c: replace(c, metrics=c.metrics | {"trace": c.metrics["trace"] * np.nan}),
         "must have a finite trace at generations 1 and 2, got none"),
        (lambda c: replace(c, metrics=c.metrics | {"trace": 0.0 * c.metrics["trace"]}),
         "must have a positive trace at generations 1 and 2, got 0"),
        (lambda c: replace(c, metrics=dict.fromkeys(c.metrics, np.zeros(0))),
         "must have a fid for each generation, 3, got 0"),
        (lambda c: replace(c, metrics={k: v for k, v in c.metrics.items() if k != "recall"}),
         "must have the metric recall to be compared, got none"),
        (lambda c: replace(c, real={k: v for k, v in c.real.items() if k != "directions"}),
         "must have the real directions to be compared, got none"),
        (lambda c: replace(c, generations=c.generations + 1), "must have generations 1 to 3, got"),
        (lambda c: replace(c, generations=c.generations[:1]),
         "must have 2 generations or more to be compared, got 1"),
    ],
)  # fmt: skip
def test_a_curve_that_cannot_be_read_is_refused(change: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        compare(change(small_curve()))  # type: ignore[operator]


def test_another_model_does_not_calibrate_and_a_biased_start_is_no_loop_of_the_rules() -> None:
    curve = small_curve()
    other = gaussian_curve(fully_synthetic(300), 0, biases=[0.9] * 2, data="other")
    with pytest.raises(
        ValueError, match="calibrate must be a curve of linear on gauss, got one of"
    ):
        compare(curve, calibrate=other)
    biased = replace(curve, loop=curve.loop | {"first_generation": "biased"})
    with pytest.raises(UnsupportedLoop, match="must begin with real data"):
        compare(biased)


def test_the_rules_name_every_constant() -> None:
    from pathlib import Path

    text = (Path(__file__).parents[4] / "docs" / "deep_rules.md").read_text(encoding="utf-8")
    names = [name for name in vars(rules) if name.isupper()]
    assert names
    assert not [name for name in names if f"`{name}`" not in text]


def test_the_floor_shrinks_with_the_scale_of_the_law() -> None:
    # A hundred samples of a law that is half as wide are half as far from another hundred.
    real = SimpleNamespace(trace=4.0, floor=0.1, floor_fid=0.2)
    at = SimpleNamespace(seen=SimpleNamespace(real=real))
    floors = bands._floors(at, SimpleNamespace(trace=np.array([[4.0, 1.0]])))  # type: ignore[arg-type]
    np.testing.assert_allclose(floors, [[[0.1, 0.05]], [[0.2, 0.1]]], rtol=1e-12)


def test_a_fit_scatters_as_one_to_its_own_training_set_at_least() -> None:
    # Scales explain the distance of generation 1 of this curve: n_fit has no upper end.
    curve = curves.read(COMMITTED / "linear-spectrum-8-synthetic-0.95-s0.json")
    found = compare(curve).readings[0]
    assert found.n_fit == np.inf
    trace = found.metrics["trace"]
    # Of 100 samples: the log of tr Sigma steps by .08 at first, and 18 generations are predicted.
    assert trace.high[-1] > 20 * trace.low[-1] > 0
    seen = observed(curve)
    assert bands.worth_at_most(np.inf, seen) == 100.0
    assert bands.worth_at_most(40.0, seen) == 40.0


def test_simulated_loops_are_measured_with_the_noise_of_a_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """FID of one loop scatters by what is measured, with what its trace does to it."""
    monkeypatch.setattr(rules, "REPLICATES", 500)
    seen = observed(small_curve())
    numbers, n_fit = fit("pooled", seen)
    at = bands.setting("pooled", seen, numbers, n_fit / seen.loop.n_initial, n_fit)
    numbers = bands.estimate(at, bands.start_of(seen), at.own)

    def fid(noise: float) -> np.ndarray:
        said = replace(seen, noise={**seen.noise, "fid": np.full(3, noise)})
        return bands.outcomes(replace(at, seen=said), numbers, 0)[0]["fid"]

    # 500 loops: a deviation is known to 3 %.
    np.testing.assert_allclose((fid(0.2) / fid(0.0) - 1).std(axis=0), 0.2, rtol=0.12)


def test_the_floor_follows_the_deviation() -> None:
    seen = observed(small_curve())
    start, own = bands.start_of(seen), bands.block_variances("pooled", seen.real)[None]
    whole, less = (
        bands._excess("pooled", replace(seen.real, floor=x), start, own)[0] for x in (0.0, 0.5)
    )
    root = np.sqrt(seen.values["trace"][0] / seen.real.trace)
    assert whole - less == pytest.approx(0.5 * root, rel=1e-9)


def test_recall_scatters_by_what_its_points_leave(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four loops of the same trace; 500 points alone make a part of it."""
    monkeypatch.setattr(rules, "LOOPS_RECALL", 4)
    found = iter([0.4, 0.5, 0.6, 0.7])

    def one(*_: object) -> tuple[float, np.ndarray]:
        row = np.full(len(rules.SCALES_RECALL) + 1, next(found))
        row[-1] = 1.0
        return 0.8, row[None]

    monkeypatch.setattr(recall, "_one_loop", one)
    real = SimpleNamespace(floor_recall=0.8, directions=np.ones(2))
    seen = recall.recall_of_loops(fully_synthetic(9), real, 1)  # type: ignore[arg-type]
    assert seen.values.tolist() == [pytest.approx(0.55)]
    variance = np.var([0.4, 0.5, 0.6, 0.7], ddof=1) - 0.55 * 0.45 / 500
    assert seen.scatter.tolist() == [pytest.approx(np.sqrt(variance))]


def test_noise_is_half_an_interval_in_deviations() -> None:
    rows = np.array([[2.0, 1.0, 1.8], [0.0, -1.0, 1.0]])
    half = np.array([0.4, 1.0]) / 1.959963984540054
    np.testing.assert_allclose(observing._noise(rows, relative=False), half, rtol=1e-12)
    np.testing.assert_allclose(observing._noise(rows, relative=True), [half[0] / 2, 0], rtol=1e-12)


def test_the_goal_is_reached_by_every_generation() -> None:
    def judged(errors: list[float]) -> Judged:
        x = np.ones(len(errors))
        return Judged(x, x, x, x, np.array(errors), (True,) * len(errors))

    def reading(*errors: float) -> Reading:
        metrics = {name: judged([0.0, 0.0]) for name in ("trace", "recall")}
        found = {"fid": judged([*errors]), **metrics}
        ends = (1.0, 1.0)
        return Reading("pooled", 1.0, ends, 1.0, ends, None, None, None, None, 1.0, found)

    assert reading(-0.09, 0.1).reaches_goal
    assert not reading(0.0, 0.11).reaches_goal
