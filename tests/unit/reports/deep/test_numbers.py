"""The section on real models: whatever curves are there, beside their theory."""

import itertools
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("sklearn")

from madtheory.files import canonical_json
from madtheory.reports.deep import (
    compared,
    contents,
    make_grids,
    make_maps,
    numbers,
    spectra,
    tables,
    trends,
)
from madtheory.reports.formats import to_markdown
from madtheory.reports.style import render, styled

SECTION = contents.SECTIONS[0]


@pytest.fixture(scope="module")
def found() -> dict:
    return json.loads(canonical_json(SECTION.compute(SECTION.config("quick", 0))))


def test_nothing_that_is_kept_is_of_other_code_or_curves():
    # A curve that has just come may lack its comparison; one that is there must be this code's.
    known = compared.paths()
    assert not [name for name in compared.stale() if compared.kept_path(name).exists()]
    assert not [p for p in compared.kept_path("").parent.glob("*.json") if p.stem not in known]


def test_a_kept_comparison_is_what_is_computed():
    name = "glow-spectrum-8-synthetic-1-s0"
    known = compared.read_all([name])
    kept = compared.compared(name, known)
    again = compared._compared(known[name], None)
    for a, b in zip(kept["own"], json.loads(canonical_json(again))["own"], strict=True):
        for metric, one in a["metrics"].items():
            np.testing.assert_allclose(
                one["predicted"], b["metrics"][metric]["predicted"], rtol=1e-4
            )
            np.testing.assert_allclose(one["high"], b["metrics"][metric]["high"], rtol=1e-4)


def test_a_class_that_no_seed_has_any_more_is_left_out():
    def curve(*rows):
        return SimpleNamespace(
            metrics={"class_trace": np.array(rows), "generation": np.arange(len(rows))},
            generations=np.arange(1, len(rows) + 1),
            real={"class_trace": np.array([1.0, 2.0, 4.0])},
        )

    gone = np.nan
    seeds = [curve([1.0, 1.0, 4.0], [gone, 1.0, 2.0]), curve([3.0, 1.0, 4.0], [gone, gone, 6.0])]
    found = numbers._classes(seeds)
    assert found["least"].tolist() == [0.5, 0.5]
    assert found["largest"].tolist() == [2.0, 1.0]


def test_every_curve_is_in_a_group_and_every_cell_is_counted(found):
    assert sum(len(g["seeds"]) for g in found["groups"]) == len(compared.paths())
    one = next(g for g in found["groups"] if (g["family"], g["kind"], g["data"], g["bias"])
               == ("linear", "synthetic", "spectrum-8", 1.0))  # fmt: skip
    pooled = one["own"][0]["metrics"]["fid"]
    assert pooled["judged"] == len(one["seeds"]) * (len(one["generations"]) - 2)


def test_the_documentation_says_what_curves_are_there(found):
    # Where this is red after a curve has come: python docs/refresh.py.
    page = Path(__file__).parents[4] / "docs/deep.md"
    assert tables.in_docs(found) in page.read_text(encoding="utf-8")
    one = {"error": 0.126, "held": 3, "judged": 4}
    metrics = {"fid": one, "trace": None, "recall": one | {"error": None}}
    assert tables._judged({"metrics": metrics}) == "13 (3/4), –, –"


def test_a_family_without_curves_is_named_and_drawn(found):
    empty = {**found, "groups": [], "grids": [], "maps": []}
    with styled():
        for draw in SECTION.figures.values():
            assert render(draw(empty), "png")[:4] == b"\x89PNG"
    said = numbers._missing({}, {"ddpm": 2})
    words = said["words"]
    assert said["said"] == f"0 of 2 planned curves are there; still missing: {words}."
    assert numbers._missing({}, {})["said"] == "All 0 planned curves are there."
    assert words == "DDPM (0 of 2)"
    for make in SECTION.tables.values():
        assert to_markdown(make({**empty, "totals": []}))
    assert json.dumps(SECTION.compute({**SECTION.config("tiny", 0), "curves": {}}))


def test_the_linear_generator_is_the_theory(found):
    # Rung (a): z is standard normal if it is; an error of 3 % is noticed with probability .99.
    assert abs(found["rung"]["z"]) < 3
    assert found["rung"]["smallest"] < 0.03
    names = [n for n in compared.paths() if n.startswith("linear")]
    curves = list(compared.read_all(names).values())
    for curve in curves:
        T = len(curve.generations)
        curve.metrics["directions"] *= 1.03 ** np.arange(T)[:, None]
    wrong = spectra.exactness(curves)
    assert wrong is not None
    assert abs(wrong["z"]) > 3


def test_page_is_scipys_and_finds_trends():
    from scipy import stats

    rng = np.random.default_rng(0)
    rows = rng.standard_normal((3, 7))
    p = stats.page_trend_test(rows, method="asymptotic").pvalue
    assert stats.norm.sf(trends.page(rows)) == pytest.approx(p, rel=1e-9)
    assert trends.power(rows + 2 * np.arange(7)) > 0.99
    assert trends.power(rng.standard_normal((1, 8)) * 1e-6 + np.arange(8.0)) > 0.99
    held = [trends._p_value(rng.standard_normal((2, 8))) < 0.05 for _ in range(400)]
    assert 8 <= sum(held) <= 34  # 20 expected, deviation 4.4


def test_the_spectrum_forecasts_what_has_one_and_one_bias_does_not():
    t = np.arange(6)[:, None]
    logs = np.log(np.array([0.95, 0.7])) * t
    lines, scalar = spectra.forecast(logs, np.exp(logs).sum(axis=1), 3)
    assert lines == pytest.approx(0.0, abs=1e-12)
    assert scalar > 0.2


def test_a_density_is_dark_where_points_are():
    real = np.array([[-1.0, -1.0], [1.0, 1.0]])
    grey = make_grids.density(np.full((50, 2), [0.99, 0.99]), real)
    assert grey.shape == (make_grids.BINS,) * 2
    row, column = np.unravel_index(int(grey.argmin()), grey.shape)
    assert row < make_grids.BINS / 3 < 2 * make_grids.BINS / 3 < column
    assert (grey == 255).sum() == grey.size - 1


def test_committed_pictures_are_small_and_name_their_curve():
    for one in compared.grids():
        assert (compared.DATA / "grids" / f"{one['name']}.png").stat().st_size <= 150_000
        assert one["curve"].startswith(one["name"])
        path = compared.paths().get(one["curve"])
        if path is not None:
            assert json.loads(path.read_text(encoding="utf-8"))["digest"] == one["digest"]


def test_committed_maps_name_their_curve_and_hold_what_they_say():
    assert compared.maps()
    for about in compared.maps():
        one = compared.read_map(about["name"])
        assert one["curve"].startswith(about["name"])
        curve = json.loads(compared.paths()[one["curve"]].read_text(encoding="utf-8"))
        assert curve["digest"] == one["digest"]
        for places, labels in zip(one["places"], one["labels"], strict=True):
            assert places.shape == (len(labels), 2)
        # Shares are of features; of the places on the map they are not far, as real ones show.
        assert make_maps.between_classes(one["places"][0], np.array(one["labels"][0])) > 0.6


def test_neighbours_lie_side_by_side_on_a_map():
    rng = np.random.default_rng(0)
    centres = np.eye(3)[np.arange(120) % 3] * 20
    real, other = (centres + rng.standard_normal((120, 3)) for _ in range(2))
    places, placed = make_maps.layout(real, [other])
    nearest = np.square(placed[:, None] - places).sum(axis=-1).argmin(axis=1)
    assert (nearest % 3 == np.arange(120) % 3).all()
    again = make_maps.layout(real, [other])[1]
    np.testing.assert_array_equal(placed, again)


def test_kendall_of_one_loop():
    """Eight numbers without a trend score 16 or more with chance .031, 14 or more with .054."""
    level = np.array([[1.0, -1.0, -1.0, 1.0, 1.0, -1.0, -1.0, 1.0]])
    # 2,000 draws: a deviation of .004.
    assert trends.power(level) == pytest.approx(0.031, abs=0.016)
    # What counts as found is what the test finds: five numbers in every order.
    orders = np.array(list(itertools.permutations(range(5))))
    first, second = np.triu_indices(5, 1)
    scores = np.sign(orders[:, second] - orders[:, first]).sum(axis=1)
    found = {
        int(s): trends._p_value(row[None]) < 0.05 for s, row in zip(scores, orders, strict=True)
    }
    assert {s for s, is_found in found.items() if is_found} == {8, 10}
    assert trends._least_score(5, 0.05) == 8


def test_the_smallest_slope_shrinks_with_seeds_and_has_its_power():
    one, two, three = (trends.smallest_slope(m, 6, 0.05) for m in (1, 2, 3))
    assert one > 1.5 * two > 1.5 * three
    # Other noise, Page's statistic by scipy: a deviation of .02.
    drawn = np.random.default_rng(5).standard_normal((400, 3, 6)) + three * np.arange(6)
    assert np.mean([trends._p_value(rows) < 0.05 for rows in drawn]) == pytest.approx(0.8, abs=0.07)
    assert trends.smallest_slope(1, 3, 0.05) == np.inf  # no order of three is rare enough
    for name in ("rises", "plateau"):
        shown = trends._test(np.arange(12.0).reshape(2, 6), "fid", 1, name)
        assert shown["smallest"] == trends.smallest_slope(2, 6, 0.05 if name == "rises" else 0.025)


def test_a_plateau_is_asked_on_both_sides():
    rising = np.arange(6.0)[None]
    assert trends._test(rising, "fid", 1, "rises")["p"] == pytest.approx(1 / 720)
    assert trends._test(rising, "fid", 1, "plateau")["p"] == pytest.approx(2 / 720)
