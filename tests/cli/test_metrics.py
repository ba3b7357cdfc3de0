"""`metrics REAL SYNTH`: its keys, its values, and files that must be refused."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from madtheory import metrics

Answer = Callable[..., dict[str, Any]]
Command = Callable[..., tuple[int, str, str]]
Refusal = Callable[..., str]

MEASURES = ("fid", "fid_unbiased", "kernel_distance", "precision", "recall")


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    rng = np.random.default_rng(4)
    real, synth = tmp_path / "real.npy", tmp_path / "synth.npz"
    np.save(real, rng.normal(size=(60, 3)).astype(np.float32))
    np.savez(synth, features=0.5 * rng.normal(size=(40, 3)))
    return real, synth


def test_every_promised_key_is_there(answer: Answer, files: tuple[Path, Path]) -> None:
    got = answer("metrics", *files)
    for name in MEASURES:
        low, high = got[name]["interval"]
        assert low <= got[name]["value"] <= high
    shape = {name: got[name] for name in ("n_real", "n_synth", "dim", "k", "level")}
    assert shape == {"n_real": 60, "n_synth": 40, "dim": 3, "k": 5, "level": 0.95}
    assert got["reason"] == {}


def test_values_are_those_of_the_functions(answer: Answer, files: tuple[Path, Path]) -> None:
    real, synth = np.load(files[0]), np.load(files[1])["features"]
    got = answer("metrics", *files, "--k", 3, "--level", 0.5)
    both = metrics.precision_recall(real, synth, k=3, level=0.5)
    for name, estimate in (
        ("fid", metrics.fid(real, synth, level=0.5)),
        ("precision", both.precision),
        ("recall", both.recall),
    ):
        assert got[name]["value"] == estimate.value
        assert got[name]["interval"] == [estimate.low, estimate.high]
    plain = answer("metrics", *files)["fid"]["interval"]
    assert plain[0] < got["fid"]["interval"][0] < got["fid"]["interval"][1] < plain[1]


def test_a_collapsed_set_is_an_ordinary_input(answer: Answer, tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    real, dead = rng.normal(size=(30, 2)), np.ones((20, 2))
    np.save(tmp_path / "a.npy", real)
    np.save(tmp_path / "b.npy", dead)
    got = answer("metrics", tmp_path / "a.npy", tmp_path / "b.npy")
    away = np.square(real.mean(axis=0) - 1).sum() + real.var(axis=0, ddof=1).sum()
    assert got["fid"]["value"] == pytest.approx(away, rel=1e-12)
    assert got["recall"]["value"] == 0.0


def test_a_kernel_beyond_float64_is_null_with_its_reason(
    answer: Answer, command: Command, tmp_path: Path
) -> None:
    far = tmp_path / "far.npy"
    np.save(far, 1e90 * np.random.default_rng(6).normal(size=(20, 2)))
    got = answer("metrics", far, far)
    assert got["kernel_distance"] == {"value": None, "interval": [None, None]}
    assert got["reason"].keys() == {"kernel_distance"}
    assert got["fid"]["value"] < 1e-20 * 1e180  # the square of a rounding error
    code, out, _ = command("metrics", far, far)
    assert code == 0
    assert "must have a kernel within float64" in " ".join(out.split())


def test_the_table_fits_eighty_columns(command: Command, files: tuple[Path, Path]) -> None:
    code, out, err = command("metrics", *files)
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 80
    assert all(word in out for word in ("FID", "precision", "recall", "95 % interval"))


def bomb(path: Path) -> None:
    """Write an .npz of some kilobytes that says it holds a terabyte."""
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": (10**8, 1250)}
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("features.npy", header.getvalue() + bytes(1 << 22))


def written(folder: Path, name: str) -> Path:
    """Write the bad file of that name."""
    path = folder / (f"{name}.npz" if name == "bomb" else f"{name}.npy")
    rows = np.random.default_rng(7).normal(size=(20, 3))
    rows[4, 1] = {"nan": np.nan, "infinity": np.inf}.get(name, 0.0)
    if name == "bomb":
        bomb(path)
    elif name == "objects":
        np.save(path, np.array([[object()] * 3] * 20), allow_pickle=True)
    else:
        other = {"flat": rows[:, 0], "empty": rows[:0], "narrow": rows[:, :2], "few": rows[:5]}
        np.save(path, other.get(name, rows))
    return path


BAD = {
    "nan": "must be finite, got a NaN or infinity in row 5",
    "infinity": "must be finite, got a NaN or infinity in row 5",
    "flat": "must be a matrix with rows as samples, got shape (20,)",
    "empty": "must have at least 2 rows, got 0",
    "narrow": "synth must have 3 columns like real, got 2",
    "few": "synth must have at least 6 rows, got 5",
    "objects": "is no usable .npy file",
    "bomb": "bytes",
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_file_is_one_sentence(
    refusal: Refusal, files: tuple[Path, Path], tmp_path: Path, name: str
) -> None:
    assert BAD[name] in refusal("metrics", files[0], written(tmp_path, name))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--k 0", "k must be at least 1, got 0"),
        ("--k 60", "real must have at least 61 rows, got 60"),
        ("--level 1", "level must be a finite number in (0, 1), got 1"),
    ],
)
def test_a_bad_option_is_one_sentence(
    refusal: Refusal, files: tuple[Path, Path], options: str, words: str
) -> None:
    assert words in refusal("metrics", *files, *options.split())


def test_both_files_are_needed(refusal: Refusal, files: tuple[Path, Path]) -> None:
    assert "Missing argument 'SYNTH'" in refusal("metrics", files[0])
    assert "cannot be read" in refusal("metrics", files[0], files[1].with_name("none.npy"))
