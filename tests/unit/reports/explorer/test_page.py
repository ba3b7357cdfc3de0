"""The explorer in a real browser, or its script in node: its numbers are the package's."""

import html
import json
import math
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy.special import digamma, polygamma

pytest.importorskip("matplotlib")

from madtheory import spectrum
from madtheory.loop import fresh_data, fully_synthetic
from madtheory.reports.explorer import contents, laws, numbers, page
from madtheory.theory import collapse, distance, moments, worth

BROWSER = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chrome")
NODE = shutil.which("node")
needs_browser = pytest.mark.skipif(not BROWSER, reason="no chromium or chrome is installed")
needs_node = pytest.mark.skipif(not NODE, reason="node is not installed")


@cache
def grids() -> dict:
    """The grids of d = 1 and 2, as the report stores them."""
    section = contents.SECTIONS[0]
    config = {**section.config("tiny", 0), "dims": [1, 2]}
    return json.loads(json.dumps(numbers.compute(config), default=np.ndarray.tolist))


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("explorer") / "explorer.html"
    path.write_text(page.page(grids()), encoding="utf-8")
    return path


def opened(
    file: Path, **state: float | str
) -> tuple[dict[str, float], dict[str, list[float]], str]:
    """Numbers, lines and text of the page in a state."""
    where = file.as_uri() + "#" + "&".join(f"{k}={v}" for k, v in state.items())
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom",
               f"--user-data-dir={file.parent / 'profile'}", where]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    found = re.findall(r'id="(\w+)" data-value="([^"]+)"', done.stdout)
    lines = {
        name: json.loads(html.unescape(text))
        for name, text in re.findall(r'id="(\w+)" data-values="([^"]+)"', done.stdout)
    }
    return {k: float(v.replace("Infinity", "inf")) for k, v in found}, lines, done.stdout


def ran(script: str):
    """What an expression of the page's script is worth, in node."""
    source = page.script(grids()) + f"\nconsole.log(JSON.stringify({script}));"
    done = subprocess.run([NODE, "-"], input=source, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def exactly(found, true) -> None:
    np.testing.assert_allclose(found, true, rtol=1e-6)


# --- in the browser ------------------------------------------------------------------------------


@needs_browser
def test_a_loop_without_real_data(file):
    values, lines, text = opened(file, d=1, n_real=0, n_synth=10, bias=0.9)
    loop = fully_synthetic(10, bias=0.9)
    exactly(values["rate"], collapse.rate(loop))
    exactly(values["half_life"], collapse.half_life(loop))
    exactly(values["critical_bias"], collapse.critical_bias(loop))
    exactly(lines["variance"], moments.first_moments(loop, 100).trace)
    exactly(lines["distance"], distance.w2_squared(loop, [1.0], generations=100).value)
    assert "MAD" in text
    assert 'data-status="exact"' in text


@needs_browser
def test_a_loop_that_fresh_data_hold(file):
    values, lines, text = opened(file, d=2, n_real=100, n_synth=250, bias=0.9)
    loop = fresh_data(100, 250, bias=0.9)
    first = moments.first_moments_limit(loop)
    exactly([values["mean_sq"], values["trace"]], [2 * first.mean_sq, 2 * first.trace])
    exactly(values["forgetting"], moments.forgetting_rate(loop))
    exactly(values["admissible_limit"], worth.admissible_n_synth_limit(0.9, [1.0, 1.0]))
    exactly(lines["variance"], moments.first_moments(loop, 100).trace)
    end = distance.w2_squared_limit(loop, [1.0, 1.0])
    # Between the nodes: what the grids' own test on held-out points allows, .1 % here.
    assert values["w2"] == pytest.approx(float(end.value), rel=1e-3)
    true = worth.effective_sample_size(values["w2"], [1.0, 1.0])
    assert values["n_eff"] == pytest.approx(true, rel=1e-4)
    assert values["gain"] == pytest.approx(values["n_eff"] / 100, rel=1e-12)
    exact = worth.admissible_n_synth(fresh_data(100, 1, bias=0.9), [1.0, 1.0])
    assert values["admissible"] == pytest.approx(exact, rel=0.01)
    path = distance.w2_squared(loop, [1.0, 1.0], generations=30).value
    np.testing.assert_allclose(lines["distance"][:30], path, rtol=5e-3)
    assert "Held." in text
    assert 'data-status="asymptotic"' in text


@needs_browser
@pytest.mark.parametrize(("memory", "models"), [(3, 3), ("all", None)])
def test_memory_has_exact_first_moments_and_a_bound(file, memory, models):
    values, lines, text = opened(file, d=2, n_real=40, n_synth=200, bias=0.8, memory=memory)
    loop = fresh_data(40, 200, bias=0.8, memory=models)
    first = moments.first_moments(loop, 100)
    exactly(lines["variance"], first.trace)
    bound = 2 * (first.mean_sq + (1 - np.sqrt(first.trace)) ** 2)
    exactly(lines["distance"], bound)
    exactly(values["mean_worth"], 1 / moments.first_moments_limit(loop).mean_sq)
    assert 'data-status="bound"' in text


# --- the script alone ----------------------------------------------------------------------------


@needs_node
@pytest.mark.parametrize("memory", [1, 2, 3, 0])
@pytest.mark.parametrize(
    ("n_real", "n_synth", "bias"), [(0, 7, 0.5), (1, 1, 1.0), (30, 9000, 0.99)]
)
def test_generated_moments(memory, n_real, n_synth, bias):
    state = {"d": 1, "n_real": n_real, "n_synth": n_synth, "bias": bias, "memory": memory}
    make = {"bias": bias, "memory": memory or None}
    loop = fresh_data(n_real, n_synth, **make) if n_real else None
    if loop is None:
        from madtheory.loop import Loop

        loop = Loop(n_initial=n_synth, n_synth=n_synth, **make)
    found, limit = ran(f"[firstPath({json.dumps(state)}), firstLimit({json.dumps(state)})]")
    first = moments.first_moments(loop, 100)
    exactly(np.array(found)[:, 0], first.mean_sq)
    exactly(np.array(found)[:, 1], first.trace)
    if n_real:
        true = moments.first_moments_limit(loop)
        exactly(limit, [true.mean_sq, true.trace])


@needs_node
def test_generated_series():
    sizes = [1, 2, 5, 31, 32, 33, 200, 10**6]
    found = ran(f"{json.dumps(sizes)}.map((m) => [law.logMean(m)[0], law.logRootMean(m)[0]])")
    half = np.array(sizes) / 2
    exactly(np.array(found)[:-1, 0], (digamma(half) - np.log(half))[:-1])
    roots = [math.lgamma(x + 0.5) - math.lgamma(x) - math.log(x) / 2 for x in half[:-1]]
    exactly(np.array(found)[:-1, 1], roots)
    # Beyond, the differences above lose their digits.
    exactly(found[-1], [-1e-6, -0.25e-6])


@needs_node
def test_interpolated_fits_and_chains():
    fits = ran("[2, 17, 5000].map((n) => baseline(2, n))")
    true = [float(spectrum.baseline(n, [1.0, 1.0]).value) for n in (2, 17, 5000)]
    np.testing.assert_allclose(fits, true, rtol=1e-4)
    state = json.dumps({"d": 2, "n_real": 0, "n_synth": 33, "bias": 0.9, "memory": 1})
    path = ran(f"distancePath({state}, firstPath({state})).values")
    exact = collapse.w2_squared(fully_synthetic(33, bias=0.9), [1.0, 1.0], generations=100).value
    np.testing.assert_allclose(path, exact, rtol=1e-3)


def drawn(count: int, generations: int, **state: float) -> dict:
    """Moments of many sampled paths, with standard errors of the means."""
    whole = {"d": 1, "n_real": 0, "n_synth": 10, "bias": 1, "memory": 1, "seed": 5, **state}
    found = ran(f"many({json.dumps(whole)}, {count}, {generations})")
    return {
        k: (v["mean"], v["variance"], math.sqrt(v["variance"] / count)) for k, v in found.items()
    }


#: z at which one of some ten comparisons is a failure; with 40,000 paths an error of 3 % of a
#: standard deviation is noticed with probability .97.
Z, COUNT = 4.0, 40_000


@needs_node
@pytest.mark.parametrize(("d", "n_synth"), [(1, 2), (1, 10), (2, 5)])
def test_steps_of_log_variance_have_their_law(d, n_synth):
    mean, variance, se = drawn(COUNT, 2, d=d, n_synth=n_synth, bias=0.7)["step"]
    dofs = np.arange(n_synth - d, n_synth) / 2
    expected = float(np.sum(digamma(dofs) + math.log(0.7 * 2 / (n_synth - 1))))
    spread = float(np.sum(polygamma(1, dofs)))
    assert abs(mean - expected) < Z * se
    fourth = float(np.sum(polygamma(3, dofs)) + 3 * spread**2)
    assert abs(variance - spread) < Z * math.sqrt((fourth - spread**2) / COUNT)


@needs_node
@pytest.mark.parametrize("memory", [1, 2, 0])
def test_paths_beside_fresh_data_have_their_moments(memory):
    found = drawn(COUNT, 5, d=2, n_real=6, n_synth=40, bias=0.8, memory=memory)
    loop = fresh_data(6, 40, bias=0.8, memory=memory or None)
    first = moments.first_moments(loop, 5)
    for name, true in (("mean", first.mean_sq), ("trace", first.trace)):
        mean, _, se = found[name]
        assert abs(mean - 2 * true[-1]) < Z * se, name
    if memory == 1:
        seven = moments.second_moments(loop, 2, generations=5)[-1]
        trace = seven[5] - seven[1] ** 2
        assert found["trace"][1] == pytest.approx(trace, rel=0.04)


# --- the grids and the file ----------------------------------------------------------------------


def test_stated_errors_are_those_of_points_between_nodes():
    errors = grids()["errors"]
    assert set(errors) == {"limit", "path", "fit", "chain", "admissible"}
    assert all(0 <= e["median"] <= e["stated"] < 0.2 for e in errors.values())


def test_the_page_needs_nothing_else(file):
    text = file.read_text(encoding="utf-8")
    assert len(text) < 1_500_000
    assert not re.findall(r"""(?:src|href)=["'](?!data:|#|index\.html)""", text)
    assert "http" not in text.replace("http-equiv", "")
    assert text.count("<output") == 1
    assert all(f"law.{name} = function" in text for name in laws.functions())
