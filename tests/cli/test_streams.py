"""Where an answer goes: pipes that close, closed streams, full disks, terminals of few letters."""

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import madtheory.cli  # noqa: F401

TABLE = "theory fresh --dim 2 --n-real 10 --n-synth 10"
LONG = f"{TABLE} --generations 5000 --json"
PREFIX = "madtheory: error: "


def shell(line: str, folder: Path | None = None, **environment: str) -> tuple[list[int], str, str]:
    """Exit codes of a shell pipeline, what it printed, what it complained of."""
    script = (
        f"{line.replace('madtheory', f'{sys.executable} -m madtheory')}; echo ${{PIPESTATUS[@]}}"
    )
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    out, _, codes = done.stdout.rstrip("\n").rpartition("\n")
    return [int(code) for code in codes.split()], out, done.stderr


@pytest.mark.thinned(3)
@pytest.mark.parametrize("arguments", [TABLE, LONG, "theory fresh --help", "--help", ""])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_has_left_is_no_failed_claim(arguments: str, unbuffered: str) -> None:
    codes, _, err = shell(f"madtheory {arguments} | true", PYTHONUNBUFFERED=unbuffered)
    assert (codes, err) == ([141, 0], "")


def test_a_reader_that_leaves_in_the_middle() -> None:
    for unbuffered in ("", "1"):
        codes, _, err = shell(
            f"madtheory {LONG} | head -c 9 >/dev/null", PYTHONUNBUFFERED=unbuffered
        )
        assert (codes, err) == ([141, 0], "")


@pytest.mark.parametrize("arguments", [TABLE, f"{TABLE} --json", "--version", ""])
def test_a_closed_stdout_is_one_line(arguments: str) -> None:
    codes, _, err = shell(f"madtheory {arguments} >&-")
    assert (codes, err) == ([2], f"{PREFIX}stdout must be open, got a closed one\n")
    assert shell(f"madtheory {arguments} >&- 2>&-")[0] == [2]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is full")
@pytest.mark.parametrize("arguments", [TABLE, LONG, "--help", "theory modes --modes 0 --n-synth 2"])
def test_a_full_disk_is_one_line(arguments: str) -> None:
    codes, _, err = shell(f"madtheory {arguments} >/dev/full")
    assert codes == [2]
    assert err.startswith(PREFIX)
    assert err.count("\n") == 1
    assert "modes 0" in arguments or "No space left on device; make room" in err


def test_nobody_hears_the_error() -> None:
    assert shell("madtheory theory baseline --dim 0 --n 2 2>&1 | true")[0] == [2, 0]
    assert shell("madtheory theory baseline --dim 0 --n 2 2>&-")[0] == [2]


def test_nobody_watches_the_progress() -> None:
    codes, out, err = shell("madtheory verify --claim nosuch 2>&-")
    assert (codes, out, err) == ([2], "", "")


def test_a_terminal_of_few_letters_shows_all_but_these() -> None:
    codes, out, err = shell(f"madtheory {TABLE}", PYTHONIOENCODING="ascii")
    assert (codes, err) == ([0], "")
    assert out.isascii()
    assert "? = 1, d = 2, ?0 = I" in out
    wide = shell(f"madtheory {TABLE}", PYTHONIOENCODING="utf-8")[1]
    assert len(out.splitlines()) >= len(wide.splitlines())
    words = [word for word in wide.split() if word.isascii()]
    assert set(words) <= set(out.split())


@pytest.mark.thinned(3)
@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_json_holds_every_name_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    names = ["réal.npy", "Σ1.npy", os.fsdecode(b"\xff2.npy")]
    for i, name in enumerate(names):
        np.save(tmp_path / name, np.random.default_rng(i).normal(size=(40, 3)))
    codes, out, err = shell("madtheory audit r*.npy Σ*.npy *2.npy --json", tmp_path,
                            PYTHONIOENCODING=f"{encoding}:surrogateescape")  # fmt: skip
    assert (codes, err) == ([0], "")
    assert json.loads(out)["files"] == names[1:]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_where_there_is_no_room_the_next_step_is_said(number: int) -> None:
    main = sys.modules["madtheory.cli.main"]
    said = main._one_line(OSError(number, "no room", "a.npz"))
    assert said == "a.npz: no room; make room and repeat the command"
    assert main._one_line(OSError(errno.EIO, "torn", "a.npz")) == "a.npz: torn"


def test_a_folder_that_was_deleted_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    main = sys.modules["madtheory.cli.main"]
    said = main._one_line(FileNotFoundError(errno.ENOENT, "No such file or directory"))
    assert said.startswith("the current folder must exist, got one that was deleted")
    monkeypatch.chdir(tmp_path)
    said = main._one_line(FileNotFoundError(errno.ENOENT, "No such file or directory"))
    assert said == "No such file or directory"


def test_an_interrupt_while_commands_are_loaded_ends_in_one_line() -> None:
    """A hasty Ctrl-C printed where Python was."""
    code = (
        "import sys\n"
        "class Hasty:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'madtheory.cli.theory':\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Hasty())\n"
        "import madtheory.cli\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (130, "madtheory: error: interrupted\n")
