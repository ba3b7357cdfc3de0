"""Parts of the report: cache, tables, text, captions, and the numbers that it computes itself."""

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy.special import digamma, polygamma

pytest.importorskip("matplotlib")

from madtheory.loop import fully_synthetic
from madtheory.reports import (
    cache,
    captions,
    numbers_audit,
    numbers_categories,
    numbers_collapse,
    numbers_errata,
    numbers_modes,
    numbers_passage,
    numbers_spectrum,
    pages,
    sections,
    style,
    tables,
    tables_modes,
    text,
)

# --- cache --------------------------------------------------------------------------------------


def test_key_depends_on_configuration_and_sources(monkeypatch):
    function = numbers_spectrum.compute
    first = cache.key(function, {"a": 1})
    assert first == cache.key(function, {"a": 1})
    assert first != cache.key(function, {"a": 2})
    changed = tuple(
        (n, t + "#" if n == "madtheory.collapse" else t)
        for n, t in cache.sources(function.__module__)
    )
    monkeypatch.setattr(cache, "sources", lambda _: changed)
    assert first != cache.key(function, {"a": 1})


def test_sources_follow_imports_to_the_bottom():
    names = [name for name, _ in cache.sources("madtheory.reports.numbers_spectrum")]
    assert "madtheory.reports.numbers_spectrum" in names
    assert {"madtheory.collapse", "madtheory.loops", "madtheory._validate"} <= set(names)
    assert "madtheory.reports.figures" not in names


def test_digest_keeps_borders():
    assert cache.digest("ab", "c") != cache.digest("a", "bc")


def test_store_and_load(tmp_path):
    path = tmp_path / "x.json"
    assert cache.load(path, "k") is None
    cache.store(path, "k", {"x": np.array([1.0, np.inf]), "y": (1, 2)})
    assert cache.load(path, "k") == {"x": [1.0, None], "y": [1, 2]}
    assert cache.load(path, "other") is None


@pytest.mark.parametrize("damage", ["{", '{"key": "k"}', None])
def test_damaged_cache_is_named(tmp_path, damage):
    path = tmp_path / "x.json"
    cache.store(path, "k", {"x": 1.5})
    path.write_text(path.read_text().replace("1.5", "1.6") if damage is None else damage)
    with pytest.raises(cache.DamagedCache, match=r"x\.json"):
        cache.load(path, "k")


# --- tables and text ----------------------------------------------------------------------------

TABLE = tables.Table(
    [
        tables.Column("name", "name", tables.words, 20),
        tables.Column("$x$", "x", tables.number(3)),
        tables.Column("y", "y", tables.plus_minus(3)),
    ],
    [
        {"name": "50 % of λ_a | b", "x": 1234.5, "y": [0.5, 0.01]},
        {"name": "$a_b$", "x": None, "y": [None, None]},
    ],
)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.123456, "0.123"),
        (-2.0, "−2"),
        (1.5e-7, r"$1.5\cdot 10^{-7}$"),
        (50_000, "50,000"),
        (None, "–"),
        (True, "yes"),
        ("word", "word"),
    ],
)
def test_number(value, shown):
    assert tables.number(3)(value) == shown


def test_markdown_table():
    lines = tables.to_markdown(TABLE).splitlines()
    assert lines[0] == "| name | $x$ | y |"
    assert lines[2] == r"| 50 % of λ_a \| b | $1.23\cdot 10^{3}$ | 0.5 ± 0.01 |"
    assert lines[3] == "| $a_b$ | – | – |"


def test_latex_table():
    latex = tables.to_latex(TABLE)
    assert r"50 \% of $\lambda$\_a | b & $1.23\cdot 10^{3}$ & 0.5 $\pm$ 0.01 \\" in latex
    assert r"$a_b$ & -- & -- \\" in latex
    assert latex.count(r"\toprule") == latex.count(r"\bottomrule") == 1


def test_csv_keeps_precision():
    assert tables.to_csv(TABLE).splitlines()[0] == "name,x,y"
    assert "1234.5" in tables.to_csv(TABLE)


def test_fill():
    numbers = {"a": {"b": [1.0, 2.34567]}}
    filled = text.fill("{{a.b.1|3}} {{ref:x}} {{a.b.0}}", numbers, {"ref": lambda n: f"<{n}>"})
    assert filled == "2.35 <x> 1"
    with pytest.raises(KeyError):
        text.fill("{{a.c}}", numbers, {})


def test_markdown_converts_to_three_pages(tmp_path):
    source = "::: box\nA *box*.\n:::\n\n# Head\n\n$x_t^2$\n"
    html = pages.html(source, tmp_path)
    assert '<div class="box">' in html
    assert "<math" in html
    assert "#summarybox[" in pages.typst_source(source)
    assert r"\begin{summarybox}" in pages.latex(source)


# --- captions and errata ------------------------------------------------------------------------


def test_every_figure_and_table_is_captioned_and_placed():
    source = text.template("report.md")
    for drawing in sections.FIGURES:
        caption = captions.figure_captions()[drawing.name]
        assert any(word in caption.status for word in captions.STATUSES), drawing.name
        assert all((caption.shows, caption.claim, caption.read))
        assert source.count("{{figure:" + drawing.name + "}}") == 1
    for tabling in sections.TABLES:
        assert tabling.name in captions.table_captions()
        assert source.count("{{table:" + tabling.name + "}}") == 1


def test_errata_cover_the_list_and_name_real_claims():
    from madtheory.claims import CLAIMS

    entries = captions.errata()
    assert len(entries) >= 25
    known = {claim.id for claim in CLAIMS}
    for entry in entries:
        assert entry.evidence
        named = {name.strip() for name in entry.claim.split(",")} - {""}
        assert named <= known, named - known


# --- style --------------------------------------------------------------------------------------


def test_fonts_are_legible_and_files_deterministic():
    with style.styled():
        import matplotlib as mpl

        sizes = [v for k, v in mpl.rcParams.items() if k.endswith(("font.size", "labelsize"))]
        assert min(v for v in sizes if isinstance(v, float | int)) >= 8
        fig = style.figure(1.0)
        fig.subplots().plot([0, 1])
        once = [style.render(fig, suffix) for suffix in ("pdf", "png")]
        assert once == [style.render(fig, suffix) for suffix in ("pdf", "png")]
        assert b"CreationDate" not in once[0]


# --- numbers ------------------------------------------------------------------------------------


def test_stretch_has_the_lyapunov_exponents():
    dim, n, steps, runs = 3, 7, 200, 40
    found = numbers_spectrum.stretch(
        n, dim, generations=steps, replicates=runs, rng=np.random.default_rng(1)
    )
    half = (n - 1 - np.arange(dim)) / 2
    theory = digamma(half) - math.log((n - 1) / 2)
    z = (found.mean(axis=(0, 1)) - theory) / np.sqrt(polygamma(1, half) / (steps * runs))
    assert np.abs(z).max() < 4


def test_excess_kurtosis_against_simulation():
    rng = np.random.default_rng(5)
    n, t, size = 10, 4, 400_000
    sigma, total = np.ones(size), np.zeros(size)
    for _ in range(t):
        total += sigma
        sigma = sigma * rng.chisquare(n - 1, size) / (n - 1)
    simulated = 3 * ((total**2).mean() / t**2 - 1)
    assert numbers_errata.excess_kurtosis(n, t) == pytest.approx(simulated, rel=0.02)


def test_excess_kurtosis_by_hand():
    # t = 2: V = 1 + Sigma_1, E V^2 = 1 + 2 + (1 + 2/m), (E V)^2 = 4.
    assert numbers_errata.excess_kurtosis(10, 2) == pytest.approx(3 * (4 + 2 / 9) / 4 - 3)
    assert numbers_errata.excess_kurtosis(10, 1) == 0


def test_top_share_against_simulation():
    rng = np.random.default_rng(2)
    x = (rng.chisquare(9, (400_000, 3)) / 9).prod(axis=1)
    largest = np.sort(x)[-4000:]
    share = numbers_collapse.top_share(fully_synthetic(10), 3, 0.01)
    assert share == pytest.approx(largest.sum() / x.sum(), rel=0.01)


def test_first_below_and_its_quantile():
    logs = np.array([[0.0, -3.0, -1.0], [-3.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    times = numbers_passage.first_below(logs, -2.0)
    assert times.tolist() == [2, 1, 4]
    median, low, high = numbers_passage.quantile_interval(np.arange(1, 1001), 0.5)
    assert (median, low, high) == pytest.approx((501, 470, 532), abs=1)


def test_a_mode_split_in_two_is_one_mode():
    # Two components of the first mode, one of the last: their means 0.2 apart.
    source = numbers_modes.grid_mixture()
    weights = np.array([0.25, 0.25, 0.5] + [0.0] * 22)
    means = np.zeros((25, 2))
    means[:3] = source.means[0] + [0.1, 0], source.means[0] - [0.1, 0], source.means[24]
    factors = np.tile(0.1 * np.eye(2), (25, 1, 1))
    arrays = {"weights": weights, "means": means, "factors": factors}
    model = source.load({**arrays, "converged": np.array(True), "n_iter": np.array(0)})
    rng = np.random.default_rng(0)
    samples = model.sample(400, 1.0, rng)
    measures = numbers_modes._Measures(source, 400)
    found = dict(zip(numbers_modes.QUANTITIES, measures.numbers(model, samples, rng), strict=True))
    assert found["alive"] == 2
    # Law of total variance: .02 within, .01 between the halves; 8^2 + 8^2 between the modes / 4.
    assert found["modal_sum"] == pytest.approx(0.03 + 0.02, rel=1e-12)
    assert found["component"] == pytest.approx(0.02, rel=1e-12)
    assert found["widest"] == pytest.approx(0.02, rel=1e-12)
    assert found["total"] == pytest.approx(0.5 * 0.03 + 0.5 * 0.02 + 32, rel=1e-12)
    assert 0 < found["recall"] < 2 / 25 + 0.1


def test_ratio_of_means_and_its_error():
    # 95 % intervals hold the ratio 2 in 400 repetitions: 380 expected, deviation 4.4.
    rng = np.random.default_rng(3)
    held = 0
    for _ in range(400):
        below = rng.gamma(20.0, 1.0, 200)
        above = 2 * below + rng.standard_normal(200) * np.sqrt(below)
        ratio, se = numbers_modes._ratio_se(above[:, None], below[:, None])
        held += abs(ratio[0] - 2) < 1.96 * se[0]
    assert 360 <= held <= 396


def test_misses_are_measured_by_the_spread_of_the_idealised_loop():
    idealised = {"mean": [10.0], "se": [0.1], "runs": 100}  # standard deviation 1
    em = {"mean": [12.0], "se": [0.3], "runs": 4}
    curves = dict.fromkeys(("alive", "total", "modal", "recall", "predicted"), idealised)
    curves = {**curves, "predicted": {**idealised, "at": [1]}}
    theory = {"alive": [10.0], "total": [10.0], "modal": {"floor": [10.0]}}
    four = dict.fromkeys(curves, em)
    rows = numbers_modes._misses(theory, curves, {"anew": four, "continued": four}, [1], [1])
    assert [row["anew"]["z"] for row in rows] == pytest.approx([4.0] * 4)
    assert rows[0]["anew"]["percent"] == pytest.approx(20)
    table = tables.to_markdown(tables_modes.misses({"misses": rows}))
    assert "| modes alive | 1 | 10 | 10 ± 0.1 | 0 | 12 ± 0.3 | 20 | 4 |" in table


def test_theory_of_the_modes_at_the_first_generation():
    section = next(s for s in sections.SECTIONS if s.name == "modes")
    theory = numbers_modes._theory({**section.config("tiny", 0), "generations": 2}, 25)
    n, p = 100, 1 / 25
    assert theory["alive"][0] == pytest.approx(25 * (1 - (1 - p) ** n), rel=1e-12)
    # E 1 - 1/N over the counts N > 0, by the binomial law.
    N = np.arange(1, n + 1)
    law = np.array([math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in N])
    shrunk = 2 * 0.05**2 * (law @ (1 - 1 / N)) / law.sum()
    assert theory["modal"]["em"][0] == pytest.approx(shrunk, rel=1e-10)
    assert theory["modal"]["floor"][0] == pytest.approx(shrunk + 2e-6, rel=1e-10)
    assert theory["total"][0] == pytest.approx((1 - 1 / n) * 16.005 + 2e-6, rel=1e-12)


def test_words_and_tokens_agree_with_their_simulation():
    section = next(s for s in sections.SECTIONS if s.name == "categories")
    many = {"replicates": 400, "replicates_two": 4000, "replicates_fresh": 400, "settle": 6}
    found = numbers_categories.compute({**section.config("tiny", 2), **many})
    # 16 points at 4 standard errors: a false alarm in about 1 of 1,000 seeds.
    assert found["largest_z"] < 4
    assert [len(item["number"]) for item in found["survivors"]] == [5] * 4


def test_false_verdicts_are_counted():
    row = {"loop": "x", "truth": "mad", "covered": 0.5}
    assert numbers_audit._interval(0, 60)[1] == pytest.approx(1 - 0.025 ** (1 / 60), rel=1e-9)
    loops = numbers_audit._loops(40)
    assert [numbers_audit._truth(loop) for loop in loops.values()] == ["mad"] * 2 + ["not_mad"] * 4
    counts = {"runs": 3, "mad": 1, "not_mad": 2, "undecided": 0, "wrong": 2, "wrong_high": 0.9}
    table = tables.to_markdown(tables_modes.audit_errors({"errors": [{**row, **counts}]}))
    assert table.splitlines()[2] == "| x | MAD | 3 | 1 | 2 | 0 | 2 | 0.9 | 0.5 |"


def test_levels_cover_every_section():
    for section in sections.SECTIONS:
        assert set(section.levels) == set(sections.LEVELS)
    assert json.dumps([section.config("quick", 3) for section in sections.SECTIONS])
    assert Path(text.files("madtheory.reports") / "templates" / "page.html").is_file()
