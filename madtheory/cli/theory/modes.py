"""`theory modes`: how many modes of a mixture, or categories, survive (theory.md 4.1)."""

from __future__ import annotations

import math

import click

from madtheory.cli import answer, options, table
from madtheory.cli.answer import Entries, Entry, Payload

#: A relative error that is rounding (theory.md: tested to 1e-9 or better).
EXACT = 1e-9


def _fate(K: int, n_synth: int) -> Entries:
    """Without fresh data: when one mode is left."""
    import numpy as np

    from madtheory import modes as law

    time = law.fixation_time(np.full(K, 1 / K), n_synth)
    return {"fixation_time": Entry(float(time.value), answer.status_of(time))}


def _kept(K: int, n_synth: int, n_fresh: int) -> Entries:
    """With fresh data: the stationary law."""
    from madtheory import modes as law

    alive = law.all_modes_alive(K, n_synth, n_fresh)
    mean = law.stationary_surviving_mean(K, n_synth, n_fresh)
    status = "exact" if float(alive.rel_error) <= EXACT else "asymptotic"
    return {
        "stationary_surviving_mean": Entry(mean),
        "all_modes_alive": Entry(float(alive.value), status),
        "all_modes_alive_rel_error": Entry(float(alive.rel_error), status),
    }


def _alive(K: int, n_synth: int, generations: int, n_fresh: int) -> Entries:
    """How many modes are alive, and the end of it."""
    from madtheory import modes as law

    alive = law.surviving_mean(K, n_synth, generations, n_fresh=n_fresh)
    status = answer.status_of(alive)
    return {
        "surviving_mean": Entry(alive.value, status),
        "surviving_mean_rel_error": Entry(alive.rel_error, status),
        **(_kept(K, n_synth, n_fresh) if n_fresh else _fate(K, n_synth)),
    }


def _beyond(generations: int) -> Entries:
    """The chain of a mode's founders is too long: only the heterozygosity is known."""
    from madtheory.modes.fresh import FRESH_LIMIT

    why = f"surviving modes are computed for n_synth + n_fresh up to {FRESH_LIMIT} only"
    paths = ("surviving_mean", "surviving_mean_rel_error")
    single = ("stationary_surviving_mean", "all_modes_alive", "all_modes_alive_rel_error")
    return {
        **dict.fromkeys(paths, answer.unknown(why, generations=generations)),
        **dict.fromkeys(single, answer.unknown(why)),
    }


_WORDS = {
    "fixation_time": "generations until one mode is left",
    "stationary_surviving_mean": "modes alive, t → ∞",
    "stationary_heterozygosity": "heterozygosity, t → ∞",
    "all_modes_alive": "P(all modes alive), t → ∞",
}
_PATH = {"surviving_mean": "modes alive", "heterozygosity": "heterozygosity"}


def show_modes(payload: Payload) -> None:
    """Print `theory modes`."""
    page, status = table.console(), dict(payload["status"])
    if status.get("all_modes_alive") == "asymptotic":
        status["all_modes_alive"] += f", {table.percent(payload['all_modes_alive_rel_error'])}"
    fresh = f", n_fresh = {payload['n_fresh']}" if payload["n_fresh"] else ""
    counts = f"modes = {payload['modes']}, n_synth = {payload['n_synth']}{fresh}"
    page.print(f"Mixture of equal, well separated modes: {counts}", style="bold")
    page.print(table.quantities("In the long run", _WORDS, payload, status=status))
    page.print(table.path(_PATH, payload))
    table.print_reasons(page, payload, _WORDS | {"surviving_mean": "modes alive"})
    if status["surviving_mean"] == "asymptotic":
        error = table.percent(float(payload["surviving_mean_rel_error"][-1]))
        page.print(f"All exact but modes alive: asymptotic, {error}.")


@click.command()
@options.counted("--modes", required=True, help="Modes of equal real weight.")
@options.n_synth
@options.defaulted("--n-fresh", default=0, help="Fresh real samples a generation.")
@options.generations
@answer.shown_by(show_modes)
def modes(*, modes: int, n_synth: int, n_fresh: int, generations: int) -> Payload:
    """Modes of a mixture, or categories: how many survive, how even they are."""
    from madtheory import _check
    from madtheory import modes as law
    from madtheory.modes.fresh import FRESH_LIMIT

    modes = _check.count("modes", modes, maximum=options.MAX_MODES)
    length = options.length(generations)
    even = law.heterozygosity(modes, n_synth, length, n_fresh=n_fresh)
    entries = {"heterozygosity": Entry(even)}
    if n_fresh:
        settled = law.stationary_heterozygosity(modes, n_synth, n_fresh)
        entries["stationary_heterozygosity"] = Entry(settled)
        entries["fixation_time"] = Entry(math.inf, "exact", "fresh data bring every mode back")
    if n_fresh and n_synth + n_fresh > FRESH_LIMIT:
        entries |= _beyond(length)
    else:
        entries |= _alive(modes, n_synth, length, n_fresh)
    head = {"modes": modes, "n_synth": n_synth, "n_fresh": n_fresh}
    return head | answer.body(entries)
