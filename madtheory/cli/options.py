"""Options that several commands share, and the loop and the spectrum that they say."""

from __future__ import annotations

import dataclasses
import functools
import math
import os
import tempfile
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from madtheory._types import Array
    from madtheory.loop import Loop

#: Largest dimension and number of generations that the command line computes.
MAX_DIM = 10**6
MAX_GENERATIONS = 10**7
#: Most modes: theory looks at each weight, though they are equal.
MAX_MODES = 10**7
#: Most loops that are simulated: a thousand times what the smallest error in use needs.
MAX_REPLICATES = 10**9
#: Endings of a figure's file.
FIGURES = (".pdf", ".png")
#: Most models or batches that theory keeps apart: it solves systems of their number squared.
MAX_KEPT = 100

Command = TypeVar("Command", bound=Callable[..., Any])
Given = dict[str, Any]


class Refused(click.ClickException):
    """Bad input that is no ValueError of the library's."""


class _Path(click.Path):
    """A path that can be shown: not empty, without control characters."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the path, as :class:`click.Path` does."""
        text = os.fsdecode(value)
        if not text:
            self.fail("a path must not be empty", param, ctx)
        if any(unicodedata.category(letter) == "Cc" for letter in text):
            self.fail(f"a path must have no control characters, got {text!r}", param, ctx)
        return super().convert(value, param, ctx)


PATH = _Path(path_type=Path)


def _models(_ctx: click.Context, _param: click.Parameter, value: str) -> int | None:
    """A number of models, or of the word `all`: None, as a Loop reads it."""
    try:
        return None if value == "all" else int(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is not an integer or 'all'.") from None


def stack(*options: Callable[[Any], Any]) -> Callable[[Command], Command]:
    """Apply option decorators so that --help lists them in the order given."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


#: An option that says its default in --help, and one that is a whole number.
defaulted = functools.partial(click.option, show_default=True)
counted = functools.partial(click.option, type=int)


def choice(
    flag: str, words: Sequence[str], help: str | None = None
) -> Callable[[Command], Command]:
    """One of some words, the first of which is the default."""
    return defaulted(flag, type=click.Choice(words), default=words[0], help=help)


#: What there is of real data, or their number of dimensions.
source = stack(
    counted("--dim", help="Dimension; the real covariance is the identity."),
    click.option(
        "--features",
        type=PATH,
        help="A .npy, .npz, .parquet or .csv file of real data: dimension and covariance of it.",
    ),
)
n_synth = counted("--n-synth", required=True, help="Synthetic samples a generation.")
generations = defaulted("--generations", default=20, help="t = 1..T.")
precise = stack(
    click.option(
        "--precise",
        is_flag=True,
        help="Simulate E W2² for some seconds where more than .3 % is declared [default: do not].",
    ),
    defaulted("--seed", default=0, help="Of what --precise simulates."),
)
level = choice("--level", ["quick", "full"])
figure = click.option("--figure", type=PATH, help="Also draw a .pdf or .png file.")

bias = stack(
    defaulted("--bias", default=1.0, help="Sampling bias λ, multiplies the covariance."),
    click.option(
        "--bias-file",
        type=PATH,
        help="A file of one bias for each direction, largest variance first [default: --bias].",
    ),
    defaulted("--ddof", default=1, help="1: divide by n-1; 0: n."),
    choice(
        "--first-generation",
        ["real", "biased"],
        "Whether λ also multiplies the covariance that generation 1 samples.",
    ),
)
memory = defaulted(
    "--memory",
    metavar="[K|all]",
    default="1",
    callback=_models,
    help="Last models that synthetic samples come from, or all so far.",
)
pool = stack(
    choice(
        "--pool",
        ["replace", "accumulate"],
        "Whether a generation's synthetic samples replace or join the earlier ones.",
    ),
    counted("--pool-cap", help="Generations that an accumulating pool keeps [default: all]."),
    counted(
        "--budget", help="Samples drawn from an accumulating pool for each fit [default: all]."
    ),
)

collapse = stack(
    source,
    n_synth,
    counted("--n-initial", help="Real samples of generation 1 [default: n-synth]."),
    bias,
    click.option("--allow-overdispersion", is_flag=True, help="Accept a bias above 1."),
    defaulted(
        "--shrinkage",
        default=0.0,
        help="Part a of every fit that goes to its mean variance: (1-a) S + a (tr S/d) I.",
    ),
    defaulted(
        "--floor", default=0.0, help="Added to every fit, in units of the mean real variance."
    ),
)


def _real(n_real: str) -> Callable[[Command], Command]:
    """Options of the loops with real data; `n_real` says what --n-real counts."""
    return stack(
        source,
        counted("--n-real", required=True, help=n_real),
        n_synth,
        counted("--n-initial", help="Real samples of generation 1 [default: n-real]."),
        bias,
        memory,
        click.option(
            "--weight",
            type=float,
            help="Weight of the real data, in [0, 1] [default: samples count alike].",
        ),
    )


fresh = _real("Fresh real samples a generation.")
augmentation = stack(
    _real("Real samples that every generation is trained on again."),
    defaulted(
        "--n-fresh", default=0, help="Fresh real samples a generation, beside the fixed ones."
    ),
    pool,
)


# --- from options to arguments ------------------------------------------------------------------


def eigenvalues(given: Given) -> Array:
    """Eigenvalues of the real covariance, shape (dim,): the identity's or the data's."""
    dim, features = given["dim"], given["features"]
    if (dim is None) == (features is None):
        given_ = "neither" if dim is None else "both"
        raise Refused(f"exactly one of --dim and --features must be given, got {given_}")
    if features is not None:
        from madtheory.files import feature_eigenvalues

        return feature_eigenvalues(features)
    import numpy as np

    from madtheory import _check

    return np.ones(_check.count("dim", dim, maximum=MAX_DIM))


def with_biases(given: Given, dim: int) -> Given:
    """Put the numbers of --bias-file, one for each of `dim` directions, in the place of --bias."""
    path = given["bias_file"]
    if path is None:
        return given
    source = click.get_current_context().get_parameter_source("bias")
    if source is not click.core.ParameterSource.DEFAULT:
        raise Refused("at most one of --bias and --bias-file must be given, got both")
    from madtheory.files import load_numbers

    numbers = load_numbers(path)
    if numbers.size != dim:
        raise Refused(f"{path} must hold one bias for each of {dim} directions, got {numbers.size}")
    for number, bias in enumerate(numbers.tolist(), 1):
        if not 0 <= bias < math.inf:
            raise Refused(
                f"{path} must hold finite biases of at least 0, got {bias:g} for direction {number}"
            )
    most = float(numbers.max())
    if most > 1 and not given.get("allow_overdispersion"):
        more = "write 1 for what is estimated as more by noise"
        if "allow_overdispersion" in given:
            more += ", or accept it by --allow-overdispersion"
        raise Refused(f"{path} must hold biases of at most 1, got {most:g}; {more}")
    return {**given, "bias": tuple(numbers.tolist())}


def target(name: str, path: Path, endings: Sequence[str], *, inputs: Iterable[Path] = ()) -> Path:
    """Refuse, before any work, a file that could not be written, or is one of the `inputs`."""
    if path.suffix.lower() not in endings:
        raise Refused(f"{name} must end in {' or '.join(endings)}, got {str(path)!r}")
    if not path.parent.is_dir():
        raise Refused(f"{name} must lie in an existing folder, got {path}; make its folder first")
    if path.exists() and not path.is_file():
        raise Refused(f"{name} must be a file, got a folder or a device, {path}")
    for given in inputs:
        if path.exists() and given.exists() and path.samefile(given):
            raise Refused(f"{name} must be another file than those read, got {path}")
    from madtheory.files.atomic import require_short

    require_short(path)
    try:  # whoever runs it may be allowed what the file system is not
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        why = error.strerror or error
        raise Refused(f"{name} must lie in a folder that takes files, got {path}: {why}") from error
    return path


def figure_target(path: Path, *, inputs: Iterable[Path] = ()) -> Path:
    """The file of a figure, likewise."""
    return target("figure", path, FIGURES, inputs=inputs)


def length(generations: int) -> int:
    """Check --generations."""
    from madtheory import _check

    return _check.count("generations", generations, maximum=MAX_GENERATIONS)


def how(given: Given) -> Given:
    """How E W2^2 is asked for."""
    return {name: given[name] for name in ("precise", "seed")}


def _among(given: Given, names: str) -> Given:
    """Those of the options that a builder takes as they are, where the command has them."""
    return {name: given[name] for name in names.split() if name in given}


def collapse_loop(given: Given) -> Loop:
    """Build the fully synthetic loop; memory and pool where the command has them."""
    from madtheory.loop import fully_synthetic

    fit = "n_synth n_initial first_generation bias ddof shrinkage floor allow_overdispersion"
    plain = fully_synthetic(**_among(given, fit))
    return dataclasses.replace(plain, **_among(given, "memory pool pool_cap budget"))


def fresh_loop(given: Given) -> Loop:
    """Build the fresh data loop."""
    from madtheory.loop import fresh_data

    names = "n_real n_synth n_initial first_generation bias ddof memory weight"
    return fresh_data(**_among(given, names))


def augmentation_loop(given: Given) -> Loop:
    """Build the synthetic augmentation loop, with fresh data beside it where asked for."""
    from madtheory import _check
    from madtheory.loop import Loop

    first = given["n_initial"]
    fixed = _check.count("n_real", given["n_real"])
    if fixed == 1 and first is None:
        raise Refused(
            "n_initial (by default n_real) must be at least 2, got 1; give it with --n-initial"
        )
    names = "n_synth n_fresh first_generation bias ddof memory weight pool pool_cap budget"
    return Loop(n_initial=fixed if first is None else first, n_fixed=fixed, **_among(given, names))
