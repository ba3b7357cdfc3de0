"""What is computed again: keys of the cache, and damage to it."""

from pathlib import Path

import numpy as np
import pytest

from madtheory.reports import cache
from madtheory.reports.collapse import spectrum


def test_key_depends_on_configuration_and_sources(monkeypatch):
    function = spectrum.compute
    first = cache.key(function, {"a": 1})
    assert first == cache.key(function, {"a": 1})
    assert first != cache.key(function, {"a": 2})
    changed = tuple(
        (n, t + "#" if n == "madtheory.theory.collapse" else t)
        for n, t in cache.sources(function.__module__)
    )
    monkeypatch.setattr(cache, "sources", lambda _: changed)
    assert first != cache.key(function, {"a": 1})


def test_sources_follow_imports_to_the_bottom():
    names = [name for name, _ in cache.sources("madtheory.reports.collapse.spectrum")]
    assert "madtheory.reports.collapse.spectrum" in names
    assert {"madtheory.theory.collapse.rates", "madtheory.loop", "madtheory._check"} <= set(names)
    assert "madtheory.reports.collapse.figures" not in names


def test_a_file_edited_during_a_build_does_not_change_its_keys(monkeypatch):
    pytest.importorskip("matplotlib")
    pytest.importorskip("pypandoc")
    from madtheory.reports import build, pages

    # Importing the builder has read all sources: later the disk is asked for none.
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: "edited")
    modules = [section.compute.__module__ for section in build.SECTIONS]
    modules += [f.__module__ for section in build.SECTIONS for f in section.figures.values()]
    for module in (*modules, pages.__name__):
        found = dict(cache.sources(module))
        assert module in found
        assert "edited" not in found.values()


def test_digest_keeps_borders():
    assert cache.digest("ab", "c") != cache.digest("a", "bc")


def test_store_and_load(tmp_path):
    path = tmp_path / "x.json"
    assert cache.load(path, "k") is None
    cache.store(path, "k", {"x": np.array([1.0, np.inf]), "y": (1, 2)})
    assert cache.load(path, "k") == {"x": [1.0, None], "y": [1, 2]}
    assert cache.load(path, "other") is None


@pytest.mark.parametrize(
    "damage",
    ["{", "5", '{"key": "k"}', '{"key": 5, "numbers": {}, "sha256": "x"}', "[" * 10**5, None],
)
def test_damaged_cache_is_named(tmp_path, damage):
    path = tmp_path / "x.json"
    cache.store(path, "k", {"x": 1.5})
    path.write_text(path.read_text().replace("1.5", "1.6") if damage is None else damage)
    with pytest.raises(cache.DamagedCache, match=r"x\.json"):
        cache.load(path, "k")


def test_a_package_that_needs_what_is_not_installed_has_no_sources(tmp_path, monkeypatch):
    (tmp_path / "lacking").mkdir()
    (tmp_path / "lacking" / "__init__.py").write_text("import nothing_of_this_name\n")
    (tmp_path / "lacking" / "inside.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert cache._read("lacking.inside") == ("", set())


def test_key_depends_on_the_libraries(monkeypatch):
    first = cache.key(spectrum.compute, {"a": 1})
    monkeypatch.setattr(cache, "versions", lambda: "numpy 99")
    assert first != cache.key(spectrum.compute, {"a": 1})
