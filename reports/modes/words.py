"""A real distribution of words: those of the paper itself.

A text is lower-cased and cut into maximal runs of the letters a to z: digits, symbols and accented
letters separate words. The counts are kept with the package, made by
``reports/data/make_words.py`` from the text of the paper.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from madtheory import files
from madtheory.reports._types import Array

SOURCE = Path(__file__).parents[1] / "data" / "words.csv"
TITLE = "Self-Consuming Generative Models Go MAD"


@dataclass(frozen=True, slots=True)
class Words:
    """Words of a text and how often each occurs, most frequent first, then by the alphabet."""

    words: tuple[str, ...]
    counts: NDArray[np.int64]

    @property
    def total(self) -> int:
        """Number of words in the text."""
        return int(self.counts.sum())

    @property
    def p(self) -> Array:
        """Their probabilities, shape (V,)."""
        return np.asarray(self.counts / self.total)

    @property
    def digest(self) -> str:
        """SHA-256 of the lines "word,count"."""
        return files.sha256(_lines(self))


def _lines(words: Words) -> str:
    pairs = zip(words.words, words.counts.tolist(), strict=True)
    return "".join(f"{word},{count}\n" for word, count in pairs)


def count_words(text: str) -> Words:
    """Count the words of a text: maximal runs of a-z after lower-casing.

    Examples
    --------
    >>> count_words("To be, or not to be: that's it").words
    ('be', 'to', 'it', 'not', 'or', 's', 'that')
    """
    found = Counter(re.findall("[a-z]+", text.lower()))
    if not found:
        raise ValueError("text must have at least one word, got none")
    ordered = sorted(found.items(), key=lambda item: (-item[1], item[0]))
    counts = np.array([count for _, count in ordered], dtype=np.int64)
    return Words(words=tuple(word for word, _ in ordered), counts=counts)


def words_csv(words: Words, *, text_digest: str) -> str:
    """Return the file that :func:`paper_words` reads: provenance, header, one line a word."""
    provenance = (
        f"# source: {TITLE} (text of the paper, SHA-256 {text_digest})\n"
        "# rule: lower case, maximal runs of a-z\n"
        f"# words: {words.total}, different: {len(words.words)}\n"
        f"# digest of the counts: {words.digest}\n"
    )
    return provenance + "word,count\n" + _lines(words)


def paper_words() -> Words:
    """Return the words of the paper; a changed file is refused.

    Examples
    --------
    >>> words = paper_words()
    >>> words.words[:3], len(words.words), words.total
    (('the', 'of', 'and'), 2467, 12731)
    """
    text = SOURCE.read_text(encoding="utf-8")
    lines = text.splitlines()
    rows = [line.split(",") for line in lines[lines.index("word,count") + 1 :]]
    counts = np.array([int(count) for _, count in rows], dtype=np.int64)
    words = Words(words=tuple(word for word, _ in rows), counts=counts)
    if f"# digest of the counts: {words.digest}" not in lines:
        raise ValueError(f"{SOURCE} must hold the counts of its digest, got {words.digest}")
    return words
