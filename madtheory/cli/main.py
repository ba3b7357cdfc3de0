"""The command itself: its subcommands, its exit codes, and one line for whatever goes wrong."""

from __future__ import annotations

import errno
import io
import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import suppress
from typing import NoReturn

import click

import madtheory
from madtheory.cli.data import audit, metrics
from madtheory.cli.deep import deep
from madtheory.cli.plan import plan
from madtheory.cli.report import report
from madtheory.cli.simulate import simulate
from madtheory.cli.theory import theory
from madtheory.cli.verify import verify

BAD_INPUT = 2
INTERRUPTED = 130
BROKEN_PIPE = 141
#: Letters of an error, at most.
LONGEST = 1000
#: The disk, or one's share of it, is full.
FULL = (errno.ENOSPC, errno.EDQUOT)

#: What `madtheory` alone says: ten lines.
WELCOME = """\
What becomes of generative models that are trained on their own output?
  madtheory theory collapse      how fast a loop without real data collapses
  madtheory plan                 what a loop may add, and what would hold it
  madtheory simulate collapse    the same loops, drawn at random
  madtheory metrics REAL SYNTH   FID, precision and recall of two feature files
  madtheory audit REAL GEN1 ...  is my own loop going MAD, by its feature files?
  madtheory deep presets         the same loops with trained models, by preset
  madtheory verify               every statement put to the test
  madtheory report --out DIR     every figure and table, as pages to read
Try madtheory theory collapse --dim 3 --n-synth 10; --help lists the options.
"""


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(madtheory.__version__, prog_name="madtheory")
def cli() -> None:
    """Exact, checkable theory of self-consuming generative loops."""


for _command in (theory, plan, simulate, verify, metrics, audit, deep, report):
    cli.add_command(_command)


def _folder_is_gone() -> bool:
    """Whether the folder that the command was called in has been deleted."""
    try:
        os.getcwd()  # Path.cwd() is no other
    except FileNotFoundError:
        return True
    return False


def _one_line(error: BaseException) -> str:
    """One sentence for a person, whatever was raised."""
    if isinstance(error, click.UsageError) and error.ctx is not None:
        text = error.format_message().rstrip(".")
        text += f"{'' if text.endswith('?') else ';'} try {error.ctx.command_path} --help"
    elif isinstance(error, click.ClickException):
        text = error.format_message()
    elif isinstance(error, MemoryError):
        text = (
            "the arrays asked for do not fit into memory; ask for fewer dimensions or generations"
        )
    elif isinstance(error, OverflowError) and error.args[:1] == (errno.ERANGE,):
        text = "a result is beyond float64, some 1e308; give smaller numbers"
    elif type(error).__name__ == "LinAlgError":  # of numpy, which is not loaded for this
        text = f"a matrix is too near to a singular one for float64 ({error}); are there sizes "
        text += "that differ by more than 1e15?"
    elif isinstance(error, FileNotFoundError) and error.filename is None and _folder_is_gone():
        text = "the current folder must exist, got one that was deleted; change to another"
    elif isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        text += "; make room and repeat the command" if error.errno in FULL else ""
    elif isinstance(error, ModuleNotFoundError):
        text = f"{error.name} is not installed: pip install 'madtheory[report]'"
    else:
        text = str(error) or type(error).__name__
    return _shown(" ".join(text.split()))


def _shown(text: str) -> str:
    """The text with what a terminal would obey, or cannot show, written out; its middle left out.

    What was given may have thousands of letters; what to do about it is said last.
    """
    if len(text) > LONGEST:
        text = f"{text[: LONGEST // 2]} … {text[-LONGEST // 2 :]}"
    return "".join(x if x.isprintable() else ascii(x)[1:-1] for x in text)


def _fail(message: str, *, code: int) -> int:
    with suppress(OSError):  # nobody listens
        click.echo(f"madtheory: error: {message}", err=True)
    return code


def _give_up_stdout() -> None:
    """What stdout has not taken goes nowhere: Python would try again at its end, and complain."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; never a traceback for bad input.

    Examples
    --------
    >>> run(["theory", "effective", "--dim", "1", "--w2-squared", "nan"])
    2
    """
    if sys.stdout is None:
        return _fail("stdout must be open, got a closed one", code=BAD_INPUT)
    code = 0
    try:
        code = _obey(arguments)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader has closed our stdout (`| head`); nothing more can be said there.
        _give_up_stdout()
        return BROKEN_PIPE
    except OSError as error:
        _give_up_stdout()
        return code if code == BAD_INPUT else _fail(f"stdout: {_one_line(error)}", code=BAD_INPUT)
    return code


def _check_threads() -> None:
    """Refuse a number of threads on which numba cannot even be imported, and name it."""
    wanted = os.environ.get("NUMBA_NUM_THREADS", "1")
    if wanted.strip().removeprefix("-").isdecimal() and int(wanted) < 1:
        raise ValueError(f"NUMBA_NUM_THREADS must be at least 1, got {wanted}")


def _obey(arguments: Sequence[str]) -> int:
    """Run a command line; that nobody reads its answer is for the caller."""
    try:
        _check_threads()
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
        raise
    except (click.ClickException, ValueError, TypeError, OSError, OverflowError, MemoryError) as e:
        return _fail(_one_line(e), code=BAD_INPUT)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("madtheory"):
            raise
        return _fail(_one_line(error), code=BAD_INPUT)
    return 0


def _whole(stream: io.TextIOWrapper) -> io.TextIOWrapper:
    """The same stream, of which nothing is lost.

    A letter that its encoding lacks is replaced, and the rest shown. It has a buffer: without one
    (PYTHONUNBUFFERED) Python ends a write at what a full disk, or a reader that left, has taken.
    """
    raw = io.FileIO(stream.fileno(), "w", closefd=False)
    lines = stream.isatty()
    return io.TextIOWrapper(
        io.BufferedWriter(raw), stream.encoding, "replace", line_buffering=lines
    )


def main() -> NoReturn:
    """Entry point of the `madtheory` command."""
    # Only results and our own one line may reach the terminal; -W error still shows warnings.
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout = _whole(sys.stdout)
    code = run(sys.argv[1:])
    if code == INTERRUPTED:
        # Python notes an interrupt inside an exec() and would die of the signal at its end, even
        # though it was caught: leave with our own exit code. Files are closed by now.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
