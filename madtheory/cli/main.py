"""The command itself: its subcommands, its exit codes, and one line for whatever goes wrong."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Sequence
from typing import NoReturn

import click

import madtheory
from madtheory.cli.data import audit, metrics
from madtheory.cli.report import report
from madtheory.cli.simulate import simulate
from madtheory.cli.theory import theory
from madtheory.cli.verify import verify

BAD_INPUT = 2
INTERRUPTED = 130
BROKEN_PIPE = 141

#: What `madtheory` alone says: ten lines.
WELCOME = """\
What becomes of generative models that are trained on their own output?
  madtheory theory collapse      how fast a loop without real data collapses
  madtheory theory fresh         how much fresh real data hold a loop
  madtheory theory modes         how many modes of a mixture, or words, survive
  madtheory simulate collapse    the same loops, drawn at random
  madtheory metrics REAL SYNTH   FID, precision and recall of two feature files
  madtheory audit REAL GEN1 ...  is my own loop going MAD, by its feature files?
  madtheory verify               every statement put to the test
  madtheory report --out DIR     every figure and table, as pages to read
Try madtheory theory collapse --dim 3 --n-synth 10; --help lists the options.
"""


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(madtheory.__version__, prog_name="madtheory")
def cli() -> None:
    """Exact, checkable theory of self-consuming generative loops."""


for _command in (theory, simulate, verify, metrics, audit, report):
    cli.add_command(_command)


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
        if not arguments:
            click.echo(WELCOME, nl=False)
            return 0
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
