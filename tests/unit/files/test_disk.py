"""The few calls by which the disk is changed."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest

from madtheory.files import disk, feature_eigenvalues


def test_a_failed_write_names_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with disk.opened(tmp_path / "x", "w") as stream:
        monkeypatch.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space left") as caught:
            stream.write(b"abc")
        monkeypatch.undo()
    assert Path(str(caught.value.filename)) == tmp_path / "x"


def test_a_disk_that_takes_a_part_is_given_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    with disk.opened(tmp_path / "x", "w") as stream:
        monkeypatch.setattr(os, "write", lambda handle, data: write(handle, data[:3]))
        taken = stream.write(np.arange(5, dtype=np.int16))
        monkeypatch.undo()
    assert taken == 10
    assert np.frombuffer((tmp_path / "x").read_bytes(), np.int16).tolist() == [0, 1, 2, 3, 4]


def test_rank_is_relative_to_the_largest_variance(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(50, 2)) + 1e7
    np.save(tmp_path / "x.npy", x)
    wanted = np.linalg.eigvalsh(np.cov((x - 1e7).T))[::-1]
    np.testing.assert_allclose(feature_eigenvalues(tmp_path / "x.npy"), wanted, rtol=1e-6)
