"""The whole report at its smallest size: files, self-containment, numbers, and the second run."""

import base64
import csv
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import mpmath
import numpy as np
import pytest
from scipy.special import digamma

pytest.importorskip("matplotlib")
pytest.importorskip("pypandoc")
pytest.importorskip("typst")
pytest.importorskip("sklearn")

from madtheory.files import run_folder
from madtheory.reports import build as building
from madtheory.reports.build import build
from madtheory.reports.contents import SECTIONS
from tests.snapshot import record
from tests.snapshot.report import numbers_in

#: Most of the time a tiny report takes.
SLOW = ["deep", "explorer", "phase", "minute", "weights", "definitions", "regimes", "modes"]
FIGURES = [name for section in SECTIONS for name in section.figures]


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    out = tmp_path_factory.mktemp("report") / "new" / "folder"
    return out, build(out, "tiny", workers=1)


def state(out: Path) -> dict[str, tuple[int, bytes]]:
    files = (path for path in out.rglob("*") if path.is_file())
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


@pytest.fixture(scope="module")
def numbers(report):
    return json.loads((report[0] / "numbers.json").read_text())["sections"]


def test_numbers_are_those_of_the_snapshot(report):
    assert not record.changes("number", new=record.named("number", numbers_in(report[0])))


def test_all_files_exist(report):
    out, made = report
    names = {path.name for path in made.pages}
    assert {"index.html", "report.pdf", "report.tex", "numbers.json", "report.md",
            "explorer.html"} <= names  # fmt: skip
    assert len(made.figures) == 2 * len(FIGURES)
    assert all(path.is_file() and path.stat().st_size > 100 for path in
               [*made.pages, *made.figures, *made.tables])  # fmt: skip
    for path in made.figures + made.pages:
        start = {".pdf": b"%PDF", ".png": b"\x89PNG"}.get(path.suffix)
        assert start is None or path.read_bytes().startswith(start)
    assert not list(out.rglob("*.tmp"))


def test_html_needs_nothing_else(report):
    html = (report[0] / "index.html").read_text()
    # But the explorer, which lies beside it and needs nothing else either.
    outside = re.compile(r"""(?:src|href)=["'](?!data:|#)([^"']*)""")
    assert outside.findall(html) == ["explorer.html"]
    assert outside.findall((report[0] / "explorer.html").read_text()) == ["index.html"]
    assert "url(http" not in html
    assert "@import" not in html
    assert html.count('src="data:image/png') == len(FIGURES)
    assert "<math" in html
    # Every placeholder is filled, and no formula was given up on.
    assert "{{" not in html.split("</style>")[1]
    assert "math inline" not in html


def test_pages_say_the_same(report):
    out, _ = report
    tex, typ, html = ((out / n).read_text() for n in ("report.tex", "report.typ", "index.html"))
    for page in (tex, typ, html):
        assert "figures/" in page or "data:image" in page
        assert "6.02" in page  # the half-life of n = 10, lambda = 1
        assert "Errata" in page
    assert tex.count(r"\includegraphics") == typ.count("image(") == len(FIGURES)


def contents(out: Path) -> dict[str, bytes]:
    files = (path for path in out.rglob("*") if path.is_file())
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


@pytest.mark.full
def test_a_killed_build_goes_on_to_the_same_bytes_in_two_processes(report, tmp_path):
    # The figures and the slow sections are there: it is about what is computed and written.
    shutil.copytree(report[0] / "figures", tmp_path / "figures")
    shutil.copytree(report[0] / ".cache", tmp_path / ".cache")
    for path in tmp_path.glob(".cache/*.json"):
        if path.stem not in {*SLOW, "manifest"}:
            path.unlink()
    command = "from madtheory.reports.build import build; build({!r}, 'tiny', workers=2)"
    for _ in range(2):
        first = {p.name for p in tmp_path.glob(".cache/*.json")}
        process = subprocess.Popen([sys.executable, "-c", command.format(str(tmp_path))],
                                   stderr=subprocess.DEVNULL, start_new_session=True)  # fmt: skip
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and process.poll() is None:
            if len({p.name for p in tmp_path.glob(".cache/*.json")} - first) >= 4:
                break
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)  # its workers are not told
        process.wait()
    done = {p.stem for p in tmp_path.glob(".cache/*.json")}
    again = build(tmp_path, "tiny", workers=2)
    assert not {name for name in again.computed if name in done}
    assert contents(tmp_path) == contents(report[0])


def test_the_page_grows(report, tmp_path, monkeypatch):
    pages, write = [], building.Folder.write

    def seen(self, name, data):
        pages.extend([data.decode()] if name == "index.html" else [])
        return write(self, name, data)

    monkeypatch.setattr(building.Folder, "write", seen)
    monkeypatch.setattr(building, "_PATIENCE", 0.0)
    for name in ("figures", ".cache"):
        shutil.copytree(report[0] / name, tmp_path / name)
    for name in ("three", "spectrum", "errata"):
        (tmp_path / ".cache" / f"{name}.json").unlink()
    assert build(tmp_path, "tiny", workers=1).computed == ["three", "spectrum", "errata"]
    assert [page.count("not computed yet") for page in map(decoded, pages)] == [2, 1, 0, 0]
    assert all('http-equiv="refresh"' in page for page in pages[:-1])
    assert "3 of" in pages[0] and "1 of" in pages[2]  # noqa: PT018
    assert "refresh" not in pages[-1] and "…" not in pages[-1].split("</style>")[1][:3000]  # noqa: PT018
    assert pages[-1].encode() == (report[0] / "index.html").read_bytes()
    assert not any("{{" in page.split("</style>")[1] for page in pages)


def test_an_interrupted_page_says_so_and_waits_no_more(report, tmp_path, monkeypatch):
    for name in ("figures", ".cache"):
        shutil.copytree(report[0] / name, tmp_path / name)
    (tmp_path / ".cache" / "errata.json").unlink()

    def interrupted(*_):
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr(building, "computed", interrupted)
    with pytest.raises(KeyboardInterrupt):
        build(tmp_path, "tiny", workers=1)
    page = (tmp_path / "index.html").read_text()
    assert "1 of" in page and "the report was interrupted" in page  # noqa: PT018
    assert "refresh" not in page


def decoded(page: str) -> str:
    """Return a page with its vector images as text."""
    return re.sub(r"data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)",
                  lambda match: base64.b64decode(match[1]).decode(), page)  # fmt: skip


def test_pictures_come_before_tables(report):
    html = (report[0] / "index.html").read_text().split("</nav>")[1]
    first, table = html.index("<img"), html.index("<table")
    assert first < table
    assert html.index("<img") < html.index('<div class="box">')
    heads = re.findall("<h1[^>]*>(.*?)</h1>", html)
    assert [head.split(".")[0] for head in heads[:11]] == [*"12345678", *"ABC"]
    appendix = html.index(">C. ")
    # Some tables speak of a picture beside them; every other one stands in the appendix.
    assert html[:appendix].count("<table") == 8
    assert html[appendix:].count("<table") == 11
    assert "Sigma^" not in html and " tr Σ" not in re.sub("<[^>]*>", " ", html)[:20000]  # noqa: PT018


def test_second_build_changes_nothing(report):
    out, first = report
    before = state(out)
    again = build(out, "tiny")
    assert again.computed == []
    assert (again.figures, again.tables, again.pages) == (first.figures, first.tables, first.pages)
    assert state(out) == before


def test_a_damaged_section_alone_is_computed_again(report, capsys):
    out, _ = report
    before = state(out)
    path = out / ".cache" / "appendix.json"
    path.write_bytes(path.read_bytes()[:-20])
    again = build(out, "tiny")
    assert again.computed == ["appendix"]
    assert "appendix.json" in capsys.readouterr().err
    assert {k: v[1] for k, v in state(out).items()} == {k: v[1] for k, v in before.items()}


def test_a_lost_figure_is_drawn_again_to_the_same_bytes(report):
    out, _ = report
    path = out / "figures" / "spectrum.pdf"
    data = path.read_bytes()
    path.unlink()
    assert build(out, "tiny").computed == []
    assert path.read_bytes() == data


def test_numbers_by_a_second_route(numbers):
    rate = digamma(4.5) - math.log(4.5)
    assert numbers["collapse"]["rate"] == pytest.approx(rate, rel=1e-12)
    assert numbers["collapse"]["half_life"] == pytest.approx(-math.log(2) / rate, rel=1e-12)
    assert numbers["collapse"]["critical_bias"] == pytest.approx(math.exp(-rate), rel=1e-12)
    curve = numbers["overshoot"]["curve"]
    assert curve["limit"] == pytest.approx(1.2, rel=1e-12)
    # theory.md 5.1 term by term; 1.8 found 1.252 and 1.187 at d = 300 by simulation.
    for name, found in (("top", 1.252), ("bottom", 1.187)):
        t, bias, gamma = curve[name]["t"], mpmath.mpf(curve["bias"]), mpmath.mpf(300) / 2999
        root = bias ** (mpmath.mpf(t - 1) / 2) * mpmath.hyp2f1(0.5, -mpmath.mpf(t) / 2, 2, gamma)
        value = (1 - bias**t) / 5 + 1 + bias ** (t - 1) - 2 * root
        assert curve[name]["value"] == pytest.approx(float(value), rel=1e-9)
        assert curve[name]["value"] == pytest.approx(found, rel=5e-3)
    assert numbers["phase"]["limit_nine"] == pytest.approx(
        400 * (1.1 + 11 / 4 * (1 + 2.7 - 1.62) / 2), rel=1e-12
    )
    noise = numbers["errata"]["noise"]
    assert (noise["start"], noise["end"]) == pytest.approx((2 / 90, 2 / 9), rel=1e-12)
    assert numbers["digits"]["rank"] == 61
    modes = numbers["modes"]
    assert modes["pictures"][0]["expected"] == pytest.approx(25 * (1 - 0.96**100), rel=1e-12)
    assert numbers["categories"]["wins"][0]["probability"][-1] == pytest.approx(0.55, rel=1e-9)
    assert numbers["audit"]["errors"][0]["runs"] == 1
    errata = numbers["errata"]
    assert errata["trace_real"] == pytest.approx(0.9**9, rel=1e-12)
    assert errata["trace_literal"] == pytest.approx(0.9**10, rel=1e-12)
    assert errata["slope"] == pytest.approx(-1, abs=0.01)


def test_forgetting_rate_by_hand(numbers):
    r, s = numbers["forgetting"]["config"]["n_real"], numbers["forgetting"]["config"]["n_synth"]
    n = r + s
    matrix = [[s**2 / n**2, s / n**2], [r * s / (n * (n - 1)), s / n]]
    radius = max(abs(np.linalg.eigvals(matrix)))
    assert numbers["forgetting"]["limits"][0]["forgetting_rate"] == pytest.approx(radius, rel=1e-9)


def test_tables_hold_the_numbers(report, numbers):
    out, made = report
    with (out / "tables" / "claims.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [float(row["predicted"]) for row in rows] == [
        claim["predicted"] for claim in numbers["claims"]["claims"]
    ]
    for path in made.tables:
        if path.suffix == ".tex":
            content = path.read_text()
            assert content.isascii() or not re.search("[λΣμχψσ]", content)
            assert r"\toprule" in content


@pytest.mark.parametrize(("level", "seed"), [("huge", 0), ("tiny", -1)])
def test_bad_input(tmp_path, level, seed):
    with pytest.raises(ValueError, match="must be"):
        build(tmp_path, level, seed=seed)
    assert list(tmp_path.iterdir()) == []


def test_a_second_report_in_the_same_folder_is_refused(tmp_path):
    """Figures of two levels were mixed, and the first one's pages showed the second's."""
    held = tmp_path / ".cache"
    held.mkdir()
    with (
        run_folder.hold(held, homeless="", unwritable=""),
        pytest.raises(ValueError, match="must be used by one process, got a second one"),
    ):
        build(tmp_path, "tiny")
    assert {p.name for p in held.iterdir()} == {"lock"}
