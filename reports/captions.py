"""Captions and errata: prose kept in templates, with the shape that every entry must have."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from typing import Final

from madtheory.reports.text import template

STATUSES: Final = ("exact", "asymptotic", "bound", "paper", "conjecture")


@dataclass(frozen=True, slots=True)
class Caption:
    """The four parts of a caption; `status` holds at least one word of STATUSES."""

    shows: str
    claim: str
    status: str
    read: str

    def markdown(self) -> str:
        """Return the caption in one paragraph."""
        parts = (self.shows, self.claim, self.status, self.read)
        return "**{}** Claim: {} *Status: {}.* How to read: {}".format(*parts)


@dataclass(frozen=True, slots=True)
class Erratum:
    """One correction: where, what is printed, what is right, what shows it, claims that test it."""

    where: str
    printed: str
    correct: str
    evidence: str
    claim: str


@cache
def figure_captions() -> dict[str, Caption]:
    """Return the caption of every figure."""
    entries = tomllib.loads(template("captions.toml"))["figure"]
    return {name: Caption(**entry) for name, entry in entries.items()}


@cache
def table_captions() -> dict[str, str]:
    """Return the caption of every table."""
    return dict(tomllib.loads(template("captions.toml"))["table"])


@cache
def errata() -> tuple[Erratum, ...]:
    """Return the errata in the order of their weight."""
    return tuple(Erratum(**entry) for entry in tomllib.loads(template("errata.toml"))["erratum"])
