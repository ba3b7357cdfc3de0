"""What a run folder must share with the run that goes on in it."""

import errno
import math
import os
from pathlib import Path

import pytest

from madtheory.files import run_folder


def test_a_library_that_was_not_there_is_another_version(tmp_path: Path) -> None:
    run_folder.same_versions(tmp_path, {"numpy": "2.0", "torch": "2.9"}, {"numpy": "2.0"})
    for found in ({"numpy": "2.0"}, None):
        with pytest.raises(ValueError, match=r"was begun with .* None and must go on with it"):
            run_folder.same_versions(tmp_path, found, {"torch": "2.9"})


def test_a_temporary_file_with_a_name_in_sight_is_a_user_s(tmp_path: Path) -> None:
    for name in ("state", ".state.1-1.tmp", "thesis.tmp", "tmp"):
        (tmp_path / name).write_text("")
    assert sorted(run_folder.strangers(tmp_path, {"state"})) == ["thesis.tmp", "tmp"]


def test_a_sealed_file_is_believed_as_written_only(tmp_path: Path) -> None:
    path = tmp_path / "about.json"
    run_folder.write_sealed(path, {"seed": 1, "x": (0.5, math.nan)})
    assert run_folder.read_sealed(path) == {"seed": 1, "x": [0.5, None]}
    whole = path.read_text()
    for changed in (whole.replace("0.5", "0.6"), whole.replace("seed", "deed")):
        path.write_text(changed)
        for unsealed in (False, True):
            with pytest.raises(ValueError, match=r"about\.json must be as it was written, got a"):
                run_folder.read_sealed(path, unsealed=unsealed)
    # What earlier versions wrote.
    path.write_text('{"seed": 1}')
    assert run_folder.read_sealed(path, unsealed=True) == {"seed": 1}
    with pytest.raises(ValueError, match=r"about\.json must be as it was written, got a"):
        run_folder.read_sealed(path)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO])
def test_what_may_not_be_read_is_not_called_damaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Nobody is told to remove a run that is whole."""
    path = tmp_path / "config.json"
    path.write_text("{}")

    def refuse(path: Path) -> None:
        raise OSError(number, os.strerror(number), str(path))

    for module, name in ((Path, "read_bytes"), (run_folder, "sha256_file")):
        monkeypatch.setattr(module, name, refuse)
    why = f"must be readable JSON, got a file that can't be read: {os.strerror(number)}$"
    with pytest.raises(ValueError, match=why):
        run_folder.read_json(path)


def test_a_chunk_is_not_to_blame_where_more_differs(tmp_path: Path) -> None:
    wanted = {"chunk": 2, "seed": 2}
    run_folder.same_config(tmp_path, dict(wanted), wanted)
    for found, field in (({"chunk": 1, "seed": 1}, "seed"), ({"chunk": 1, "seed": 2}, "chunk")):
        with pytest.raises(ValueError, match=f"got one with another {field};"):
            run_folder.same_config(tmp_path, found, wanted)


def test_somebody_else_s_folder_is_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "thesis").touch()
    with (
        pytest.raises(ValueError, match=r"without config\.json that holds thesis"),
        run_folder.hold(tmp_path, homeless="", unwritable=""),
    ):
        run_folder.begun(tmp_path, "a run", ("lock",))
    assert [x.name for x in tmp_path.iterdir()] == ["thesis"]


def test_a_lock_that_is_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "lock").mkdir()
    with (
        pytest.raises(ValueError, match=r"lock must be a file, got a folder; choose another name"),
        run_folder.hold(tmp_path, homeless="", unwritable=""),
    ):
        pass


def test_a_run_that_fails_keeps_its_lock(tmp_path: Path) -> None:
    (tmp_path / "config.json").touch()
    with (
        pytest.raises(ValueError, match="begun with numpy None"),
        run_folder.hold(tmp_path, homeless="", unwritable=""),
    ):
        run_folder.same_versions(tmp_path, {}, {"numpy": "2.0"})
    assert (tmp_path / "lock").exists()
