"""The words of the paper as a distribution."""

import numpy as np
import pytest

from madtheory.reports.modes import words


def test_the_words_of_the_paper():
    found = words.paper_words()
    assert found.total == found.counts.sum() == 12_731
    assert len(found.words) == len(set(found.words)) == found.counts.size == 2_467
    assert (np.diff(found.counts) <= 0).all()
    np.testing.assert_allclose(found.p.sum(), 1.0, rtol=1e-12)
    at = found.words.index
    assert found.counts[at("autophagous")] > found.counts[at("cow")] > 0


def test_words_are_runs_of_letters_and_survive_the_file(tmp_path, monkeypatch):
    text = "Naïve GANs: $x_1$ gans, A-b\nA"
    found = words.count_words(text)
    assert dict(zip(found.words, found.counts.tolist(), strict=True)) == {
        "a": 2, "gans": 2, "b": 1, "na": 1, "ve": 1, "x": 1,
    }  # fmt: skip
    assert found.words == ("a", "gans", "b", "na", "ve", "x")
    file = tmp_path / "words.csv"
    file.write_text(words.words_csv(found, text_digest="0"), encoding="utf-8")
    monkeypatch.setattr(words, "SOURCE", file)
    again = words.paper_words()
    assert again.words == found.words
    assert again.counts.tolist() == found.counts.tolist()
    file.write_text(file.read_text().replace("gans,2", "gans,3"))
    with pytest.raises(ValueError, match="must hold the counts of its digest"):
        words.paper_words()
    with pytest.raises(ValueError, match="text must have at least one word"):
        words.count_words("123")
