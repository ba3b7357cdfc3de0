"""Writes are whole or not there."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from madtheory import files
from madtheory.files import atomic


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    files.atomic_write_json(path, {"a": 1})

    def interrupted() -> None:
        with files.atomic_stream(path) as temporary:
            temporary.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert json.loads(path.read_text()) == {"a": 1}
    assert os.listdir(tmp_path) == ["x.json"]


def test_a_killed_writer_leaves_no_half_file_and_the_next_one_cleans_up(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    code = (
        "import os, signal, sys; from madtheory.files import atomic_stream\n"
        "with atomic_stream(sys.argv[1]) as t:\n"
        "    t.write(b'half'); t.flush(); os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert killed.returncode != 0
    assert not path.exists()
    assert len(os.listdir(tmp_path)) == 1
    files.atomic_write_text(path, "whole")
    assert os.listdir(tmp_path) == ["x.txt"]
    assert path.read_text() == "whole"


def test_what_is_swept(tmp_path: Path) -> None:
    """Files of dead writers: of one name, of any, or all in a folder that is held."""
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    me, here = os.getpid(), threading.get_ident()
    gone = {f".a.{dead.pid}-1.tmp", f".a.{me}-1.tmp"}
    alive, other = f".a.{me}-{here}.tmp", f".b.c.{dead.pid}-1.tmp"
    foreign = {".a.tmp", f"a.{dead.pid}-1.tmp", f".a.x-{me}.tmp", ".hidden"}
    for name in (*gone, alive, other, *foreign):
        (tmp_path / name).write_text("")
    atomic.sweep(tmp_path, "a")
    assert set(os.listdir(tmp_path)) == {alive, other, *foreign}
    atomic.sweep(tmp_path)
    assert set(os.listdir(tmp_path)) == {alive, *foreign}
    atomic.sweep(tmp_path, held=True)
    assert set(os.listdir(tmp_path)) == foreign


def test_the_temporary_file_of_a_live_writer_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    with files.atomic_stream(path) as temporary:
        temporary.write(b"first")
        thread = threading.Thread(target=files.atomic_write_text, args=(path, "second"))
        thread.start()
        thread.join()
        assert path.read_text() == "second"
    assert path.read_text() == "first"


def test_the_content_is_on_disk_before_the_name_and_the_name_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, calls = tmp_path / "x.txt", []
    sync, rename = atomic.disk.sync, atomic.disk.rename

    def synced(what: Path) -> None:
        calls.append(("sync", what.read_text() if what.is_file() else what))
        sync(what)

    def renamed(old: Path, new: Path) -> None:
        calls.append(("rename", new))
        rename(old, new)

    monkeypatch.setattr(atomic.disk, "sync", synced)
    monkeypatch.setattr(atomic.disk, "rename", renamed)
    files.atomic_write_text(path, "whole")
    assert calls == [("sync", "whole"), ("rename", path), ("sync", tmp_path)]


def test_new_files_obey_the_umask(tmp_path: Path) -> None:
    files.atomic_write_bytes(tmp_path / "a", b"x")
    (tmp_path / "b").write_bytes(b"x")
    assert (tmp_path / "a").stat().st_mode == (tmp_path / "b").stat().st_mode


def test_an_absent_folder_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        files.atomic_write_text(tmp_path / "no" / "x", "y")


def test_an_error_names_the_file_and_not_the_temporary_one(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError) as found:
        files.atomic_write_text(tmp_path, "y")
    assert found.value.filename == str(tmp_path)


@pytest.mark.parametrize(
    ("error", "alive"),
    [(PermissionError, True), (OverflowError, True), (ProcessLookupError, False)],
)
def test_a_writer_that_may_not_be_asked_is_alive(
    error: type[Exception], alive: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(pid: int, signal: int) -> None:
        raise error

    monkeypatch.setattr(os, "kill", kill)
    (tmp_path / f".a.{os.getpid() + 1}-1.tmp").write_text("")
    atomic.sweep(tmp_path)
    assert bool(os.listdir(tmp_path)) is alive


def test_a_device_or_a_pipe_is_never_replaced(tmp_path: Path) -> None:
    """A rename over /dev/null would take it from every program of the machine."""
    pipe, link = tmp_path / "pipe", tmp_path / "link"
    os.mkfifo(pipe)
    link.symlink_to(pipe)
    for path in (pipe, link):
        with pytest.raises(ValueError, match="pipe must be a file or a new name, got a device"):
            files.atomic_write_text(path, "x")
    assert pipe.is_fifo()
    assert set(os.listdir(tmp_path)) == {"pipe", "link"}


def test_what_a_link_points_at_is_written(tmp_path: Path) -> None:
    there = tmp_path / "there"
    there.mkdir()
    for name in ("old", "new"):
        (tmp_path / name).symlink_to(there / name)
    (there / "old").write_text("x")
    for name in ("old", "new"):
        files.atomic_write_text(tmp_path / name, "y")
        assert (tmp_path / name).is_symlink()
        assert (there / name).read_text() == "y"
