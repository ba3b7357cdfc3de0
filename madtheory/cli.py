"""The command line: theory, simulation, verification and report, as tables or as JSON.

Every command prints a table, or one JSON object with ``--json``, and exits with 0, with 1 when a
claim fails, or with 2 and one line on stderr when the input is bad. Nothing heavy is imported
before a command needs it.
"""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

import madtheory

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from madtheory.loops import Loop

__all__ = ["MAX_DIM", "MAX_GENERATIONS", "MAX_KEPT", "cli", "main", "run"]

#: Largest dimension and number of generations that the command line computes.
MAX_DIM = 10**6
MAX_GENERATIONS = 10**7
#: Most models or batches that theory keeps apart: it solves systems of their number squared.
MAX_KEPT = 100

BAD_INPUT = 2
INTERRUPTED = 130
BROKEN_PIPE = 141

Command = TypeVar("Command", bound=Callable[..., Any])
Payload = dict[str, Any]


class Refused(click.ClickException):
    """Bad input that is no ValueError of the library's."""


class _Memory(click.ParamType[int | str]):
    """A number of models, or the word `all`."""

    name = "K|all"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> int | str:
        """Return an integer or "all"."""
        try:
            return "all" if value == "all" else int(value)
        except ValueError:
            self.fail(f"{value!r} is not an integer or 'all'.", param, ctx)


# --- options that several commands share --------------------------------------------------------


def _stack(*options: Callable[[Any], Any]) -> Callable[[Command], Command]:
    """Apply option decorators so that --help lists them in the order given."""

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")

source_options = _stack(
    click.option("--dim", type=int, help="Dimension; the real covariance is the identity."),
    click.option(
        "--features",
        type=click.Path(path_type=Path),
        help="A .npy, .npz, .parquet or .csv file of real data: dimension and covariance of it.",
    ),
)

bias_options = _stack(
    click.option(
        "--bias",
        type=float,
        default=1.0,
        show_default=True,
        help="Sampling bias λ, multiplies the covariance.",
    ),
    click.option("--ddof", type=int, default=1, show_default=True, help="1: divide by n-1; 0: n."),
    click.option(
        "--first-generation",
        type=click.Choice(["real", "biased"]),
        default="real",
        show_default=True,
        help="Whether λ also multiplies the covariance that generation 1 samples.",
    ),
)

memory_option = click.option(
    "--memory",
    type=_Memory(),
    metavar="[K|all]",
    default=1,
    show_default=True,
    help="Last models that synthetic samples come from, or all so far.",
)

pool_options = _stack(
    click.option(
        "--pool",
        type=click.Choice(["replace", "accumulate"]),
        default="replace",
        show_default=True,
        help="Whether a generation's synthetic samples replace or join the earlier ones.",
    ),
    click.option(
        "--pool-cap",
        type=int,
        help="Generations that an accumulating pool keeps [default: all].",
    ),
    click.option(
        "--budget",
        type=int,
        help="Samples drawn from an accumulating pool for each fit [default: all].",
    ),
)

weight_option = click.option(
    "--weight",
    type=float,
    help="Weight of the real data, in [0, 1] [default: samples count alike].",
)

collapse_options = _stack(
    source_options,
    click.option("--n-synth", type=int, required=True, help="Synthetic samples a generation."),
    click.option("--n-initial", type=int, help="Real samples of generation 1 [default: n-synth]."),
    bias_options,
    click.option("--allow-overdispersion", is_flag=True, help="Accept a bias above 1."),
    click.option(
        "--shrinkage",
        type=float,
        default=0.0,
        show_default=True,
        help="Part a of every fit that goes to its mean variance: (1-a) S + a (tr S/d) I.",
    ),
    click.option(
        "--floor",
        type=float,
        default=0.0,
        show_default=True,
        help="Added to every fit, in units of the mean real variance.",
    ),
)


def _real_options(n_real: str) -> Callable[[Command], Command]:
    """Options of the loops with real data; `n_real` says what --n-real counts."""
    return _stack(
        source_options,
        click.option("--n-real", type=int, required=True, help=n_real),
        click.option("--n-synth", type=int, required=True, help="Synthetic samples a generation."),
        click.option(
            "--n-initial", type=int, help="Real samples of generation 1 [default: n-real]."
        ),
        bias_options,
        memory_option,
        weight_option,
    )


fresh_options = _real_options("Fresh real samples a generation.")

augmentation_options = _stack(
    _real_options("Real samples that every generation is trained on again."),
    click.option(
        "--n-fresh",
        type=int,
        default=0,
        show_default=True,
        help="Fresh real samples a generation, beside the fixed ones.",
    ),
    pool_options,
)

simulate_options = _stack(
    click.option("--generations", type=int, default=20, show_default=True, help="t = 1..T."),
    click.option("--replicates", type=int, default=1000, show_default=True, help="Loops run."),
    click.option("--seed", type=int, default=0, show_default=True, help="Of the random numbers."),
    click.option("--threads", type=int, help="Threads [default: all]; the numbers do not change."),
    click.option(
        "--out",
        type=click.Path(path_type=Path),
        help="Also write a .parquet file; the same command resumes or reuses it.",
    ),
    json_option,
)


# --- from options to arguments ------------------------------------------------------------------


def _eigenvalues(dim: int | None, features: Path | None) -> NDArray[np.float64]:
    """Eigenvalues of the real covariance, shape (dim,): the identity's or the data's."""
    if (dim is None) == (features is None):
        raise Refused("exactly one of --dim and --features must be given")
    if features is not None:
        from madtheory._io import feature_eigenvalues

        return feature_eigenvalues(features)
    import numpy as np

    from madtheory import _validate

    return np.ones(_validate.count("dim", dim, maximum=MAX_DIM))


def _generations(value: int) -> int:
    from madtheory import _validate

    return _validate.count("generations", value, maximum=MAX_GENERATIONS)


def _models(memory: int | str) -> int | None:
    """What --memory says, as a Loop reads it."""
    return None if isinstance(memory, str) else memory


def _collapse_loop(options: Payload) -> Loop:
    """Build the fully synthetic loop; memory and pool where the command has them."""
    import dataclasses

    from madtheory.loops import fully_synthetic

    plain = fully_synthetic(
        options["n_synth"],
        bias=options["bias"],
        n_initial=options["n_initial"],
        first_generation=options["first_generation"],
        ddof=options["ddof"],
        shrinkage=options["shrinkage"],
        floor=options["floor"],
        allow_overdispersion=options["allow_overdispersion"],
    )
    kept = {name: options[name] for name in ("pool", "pool_cap", "budget") if name in options}
    return dataclasses.replace(plain, memory=_models(options.get("memory", 1)), **kept)


def _fresh_loop(options: Payload) -> Loop:
    from madtheory.loops import fresh_data

    return fresh_data(
        options["n_real"],
        options["n_synth"],
        bias=options["bias"],
        n_initial=options["n_initial"],
        memory=_models(options["memory"]),
        weight=options["weight"],
        first_generation=options["first_generation"],
        ddof=options["ddof"],
    )


def _augmentation_loop(options: Payload) -> Loop:
    """Build the synthetic augmentation loop, with fresh data beside it where asked for."""
    import dataclasses

    from madtheory.loops import synthetic_augmentation

    plain = synthetic_augmentation(
        options["n_real"],
        options["n_synth"],
        bias=options["bias"],
        pool=options["pool"],
        pool_cap=options["pool_cap"],
        budget=options["budget"],
        memory=_models(options["memory"]),
        weight=options["weight"],
        ddof=options["ddof"],
    )
    return dataclasses.replace(
        plain,
        n_initial=plain.n_initial if options["n_initial"] is None else options["n_initial"],
        n_fresh=options["n_fresh"],
        first_generation=options["first_generation"],
    )


def _solvable(loop: Loop) -> Loop:
    """Refuse a memory or a pool too long for theory's systems of equations."""
    for name in ("memory", "pool_cap"):
        kept = getattr(loop, name)
        if kept is not None and kept > MAX_KEPT:
            raise Refused(f"{name} must be at most {MAX_KEPT} in theory, or all, got {kept}")
    return loop


def _emit(payload: Payload, show: Callable[[Payload], None], *, as_json: bool) -> None:
    """Print the result of a command, all at once: nothing precedes an error."""
    if not as_json:
        show(payload)
        return
    from madtheory._io import canonical_json

    sys.stdout.write(canonical_json(payload) + "\n")
    sys.stdout.flush()


def _watched(as_json: bool) -> bool:
    """Whether somebody watches: progress goes to a terminal only."""
    return not as_json and sys.stderr.isatty()


# --- commands -----------------------------------------------------------------------------------


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(madtheory.__version__, prog_name="madtheory")
def cli() -> None:
    """Exact, checkable theory of self-consuming generative loops."""


@cli.group()
def theory() -> None:
    """Compute what theory says; every value carries its status."""


@cli.group()
def simulate() -> None:
    """Simulate a loop exactly; every mean carries its standard error."""


@theory.command("collapse")
@collapse_options
@click.option("--generations", type=int, default=20, show_default=True, help="t = 1..T.")
@json_option
def theory_collapse(
    *, dim: int | None, features: Path | None, generations: int, as_json: bool, **loop: Any
) -> None:
    """Fully synthetic loop: rate of collapse, moments, log-determinant, distance."""
    from madtheory import _payloads, _show

    eigenvalues = _eigenvalues(dim, features)
    payload = _payloads.collapse(_collapse_loop(loop), eigenvalues, _generations(generations))
    _emit(payload, _show.collapse, as_json=as_json)


@theory.command("fresh")
@fresh_options
@click.option("--generations", type=int, help="Also give the path over this many [default: none].")
@json_option
def theory_fresh(
    *, dim: int | None, features: Path | None, generations: int | None, as_json: bool, **loop: Any
) -> None:
    """Fresh data loop: its limit, effective sample size, admissible synthetic data."""
    from madtheory import _payloads, _show

    eigenvalues = _eigenvalues(dim, features)
    length = None if generations is None else _generations(generations)
    payload = _payloads.real_data(_solvable(_fresh_loop(loop)), eigenvalues, length)
    _emit(payload, _show.fresh, as_json=as_json)


@theory.command("augmentation")
@augmentation_options
@click.option("--generations", type=int, default=20, show_default=True, help="t = 1..T.")
@json_option
def theory_augmentation(
    *, dim: int | None, features: Path | None, generations: int, as_json: bool, **loop: Any
) -> None:
    """Synthetic augmentation loop: a fixed real set; its path, limit, effective sample size."""
    from madtheory import _payloads, _show

    eigenvalues = _eigenvalues(dim, features)
    length = _generations(generations)
    payload = _payloads.real_data(_solvable(_augmentation_loop(loop)), eigenvalues, length)
    _emit(payload, _show.augmentation, as_json=as_json)


@theory.command("baseline")
@source_options
@click.option("--n", type=int, required=True, help="Real samples.")
@json_option
def theory_baseline(*, dim: int | None, features: Path | None, n: int, as_json: bool) -> None:
    """Distance of a model fitted to n real samples, no loop."""
    from madtheory import _payloads, _show

    payload = _payloads.baseline(n, _eigenvalues(dim, features))
    _emit(payload, _show.baseline, as_json=as_json)


@theory.command("effective")
@source_options
@click.option("--w2-squared", type=float, required=True, help="Expected squared distance W2².")
@json_option
def theory_effective(
    *, dim: int | None, features: Path | None, w2_squared: float, as_json: bool
) -> None:
    """Real samples that would give the same expected distance."""
    from madtheory import _payloads, _show

    payload = _payloads.effective(w2_squared, _eigenvalues(dim, features))
    _emit(payload, _show.effective, as_json=as_json)


@theory.command("modes")
@click.option("--modes", type=int, required=True, help="Modes of equal real weight.")
@click.option("--n-synth", type=int, required=True, help="Synthetic samples a generation.")
@click.option(
    "--n-fresh", type=int, default=0, show_default=True, help="Fresh real samples a generation."
)
@click.option("--generations", type=int, default=20, show_default=True, help="t = 1..T.")
@json_option
def theory_modes(
    *, modes: int, n_synth: int, n_fresh: int, generations: int, as_json: bool
) -> None:
    """Modes of a mixture, or categories: how many survive, how even they are."""
    from madtheory import _payloads, _show

    payload = _payloads.modes(modes, n_synth, _generations(generations), n_fresh=n_fresh)
    _emit(payload, _show.modes, as_json=as_json)


def _simulate(loop: Loop, options: Payload) -> None:
    from madtheory import _payloads, _show

    payload = _payloads.simulation(
        loop,
        _eigenvalues(options["dim"], options["features"]),
        generations=_generations(options["generations"]),
        replicates=options["replicates"],
        seed=options["seed"],
        threads=options["threads"],
        out=options["out"],
        progress=_watched(options["as_json"]),
    )
    _emit(payload, _show.simulation, as_json=options["as_json"])


@simulate.command("collapse")
@collapse_options
@memory_option
@pool_options
@simulate_options
def simulate_collapse(**options: Any) -> None:
    """Simulate the fully synthetic loop."""
    _simulate(_collapse_loop(options), options)


@simulate.command("fresh")
@fresh_options
@simulate_options
def simulate_fresh(**options: Any) -> None:
    """Simulate the fresh data loop."""
    _simulate(_fresh_loop(options), options)


@simulate.command("augmentation")
@augmentation_options
@simulate_options
def simulate_augmentation(**options: Any) -> None:
    """Simulate the synthetic augmentation loop."""
    _simulate(_augmentation_loop(options), options)


@cli.command()
@click.option("--level", type=click.Choice(["quick", "full"]), default="quick", show_default=True)
@click.option("--claim", "claims", multiple=True, help="A claim id; may be repeated.")
@click.option("--seed", type=int, default=0, show_default=True)
@json_option
def verify(*, level: str, claims: tuple[str, ...], seed: int, as_json: bool) -> None:
    """Test every claim, and its mutant, against simulation."""
    from madtheory import _payloads, _show

    payload = _payloads.verification(
        level, claims=claims, seed=seed, progress=_show.progress(_watched(as_json))
    )
    _emit(payload, _show.verification, as_json=as_json)
    if not payload["passed"]:
        raise click.exceptions.Exit(1)


FEATURE_FILE = click.Path(path_type=Path)
FIGURES = (".pdf", ".png")

measure_options = _stack(
    click.option(
        "--k", type=int, default=5, show_default=True, help="Neighbour of the k-NN balls."
    ),
    click.option(
        "--level", type=float, default=0.95, show_default=True, help="Level of the intervals."
    ),
)


@cli.command()
@click.argument("real", type=FEATURE_FILE)
@click.argument("synth", type=FEATURE_FILE)
@measure_options
@json_option
def metrics(*, real: Path, synth: Path, k: int, level: float, as_json: bool) -> None:
    """FID, kernel distance, precision and recall of two feature files, with intervals.

    REAL and SYNTH are .npy, .npz, .parquet or .csv files; rows are samples.
    """
    from madtheory import _payloads_data, _show

    _emit(_payloads_data.metrics(real, synth, k=k, level=level), _show.metrics, as_json=as_json)


def _figure(path: Path) -> Path:
    """Refuse, before any work, a figure that could not be written."""
    if path.suffix.lower() not in FIGURES:
        raise Refused(f"figure must end in {' or '.join(FIGURES)}, got {str(path)!r}")
    if not path.parent.is_dir():
        raise Refused(f"figure must lie in an existing folder, got {path}")
    return path


def _draw(path: Path, found: Any) -> None:
    """Draw an audit into a file."""
    from madtheory._io import atomic_write_bytes
    from madtheory.reports import style
    from madtheory.reports.audit.figures import draw_audit

    with style.styled():
        atomic_write_bytes(path, style.render(draw_audit(found), path.suffix[1:].lower()))


@cli.command()
@click.argument("real", type=FEATURE_FILE)
@click.argument("generations", type=FEATURE_FILE, nargs=-1, required=True)
@measure_options
@click.option(
    "--alpha", type=float, default=0.02, show_default=True, help="Bound on each false verdict."
)
@click.option("--horizon", type=int, default=5, show_default=True, help="Generations to forecast.")
@click.option("--n-synth", type=int, help="Training samples of a generation [default: estimated].")
@click.option("--figure", type=FEATURE_FILE, help="Also draw a .pdf or .png file.")
@json_option
def audit(
    *, real: Path, generations: tuple[Path, ...], figure: Path | None, as_json: bool, **options: Any
) -> None:
    """Is my loop going MAD? Feature files of real data and of successive generations.

    REAL and GENERATIONS are .npy, .npz, .parquet or .csv files; rows are samples.
    """
    from madtheory import _payloads_data, _show

    target = None if figure is None else _figure(figure)
    payload, found = _payloads_data.audit(real, generations, **options)
    if target is not None:
        _draw(target, found)
    _emit(payload, _show.audit, as_json=as_json)


@cli.command()
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder to write.")
@click.option("--level", type=click.Choice(["quick", "full"]), default="quick", show_default=True)
@json_option
def report(*, out: Path, level: str, as_json: bool) -> None:
    """Write the figures, tables and pages; what has not changed is kept."""
    from madtheory import _payloads, _show

    _emit(_payloads.report(out, level), _show.report, as_json=as_json)


# --- errors -------------------------------------------------------------------------------------


def _one_line(error: BaseException) -> str:
    """One sentence for a person, whatever was raised."""
    if isinstance(error, click.ClickException):
        text = error.format_message()
    elif isinstance(error, MemoryError):
        text = "the arrays asked for do not fit into memory"
    elif isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    elif isinstance(error, ModuleNotFoundError):
        text = f"{error.name} is not installed: pip install 'madtheory[report]'"
    else:
        text = str(error) or type(error).__name__
    return " ".join(text.split())


def _fail(message: str, *, code: int) -> int:
    click.echo(f"madtheory: error: {message}", err=True)
    return code


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; never a traceback for bad input.

    Examples
    --------
    >>> run(["theory", "effective", "--dim", "1", "--w2-squared", "nan"])
    2
    """
    try:
        # Not cli.main(): it prints a line of its own when interrupted.
        with cli.make_context("madtheory", list(arguments)) as context:
            cli.invoke(context)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "")
        return 0
    except (KeyboardInterrupt, click.Abort):
        return _fail("interrupted", code=INTERRUPTED)
    except BrokenPipeError:
        # The reader has closed our stdout (`| head`); nothing more can be said there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except (click.ClickException, ValueError, TypeError, OSError, OverflowError, MemoryError) as e:
        return _fail(_one_line(e), code=BAD_INPUT)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("madtheory"):
            raise
        return _fail(_one_line(error), code=BAD_INPUT)
    return 0


def main() -> NoReturn:
    """Entry point of the `madtheory` command."""
    # Only results and our own one line may reach the terminal; -W error still shows warnings.
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    code = run(sys.argv[1:])
    if code == INTERRUPTED:
        # Python notes an interrupt inside an exec() and would die of the signal at its end, even
        # though it was caught: leave with our own exit code. Files are closed by now.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
