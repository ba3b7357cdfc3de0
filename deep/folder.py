"""What a deep run keeps in its run folder beside the engine's own files (no torch needed).

==================  ===============================================================================
deep.json           what was run: command, preset, size of the model; metrics of real data (floor)
samples/T.npz       the first 1,000 measured samples of generation T: `x` (images as bytes, others
                    as float32), `features` (float32: what FID sees, of the samples before they
                    became bytes) and, with classes, `labels`; samples/0.npz: of the real test set
grids/T.png         images among them, a row of samples a class; grids/0.png: real ones
figure.pdf, .png    curves and samples by generation
==================  ===============================================================================

All are written whole or not at all, before their generation is saved, and depend on the run alone:
a run that was killed writes the same bytes again. The run's digest does not cover them: deep.json
and each samples/T.npz say what run they are of, by the digest of config.json, and generation T.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from madtheory import files
from madtheory._types import Ints, Numbers
from madtheory.engine.store import Progress, read_progress
from madtheory.files import disk, run_folder
from madtheory.files.atomic import sweep

if TYPE_CHECKING:
    from collections.abc import Mapping

    from madtheory.deep.measures import Sample

#: Samples of a generation that are kept.
N_KEPT = 1000
#: Rows and columns of a grid; with classes each has a row.
GRID = 10
#: Pixels that the side of an image has at least in a grid.
SIDE = 32


def as_bytes(x: Numbers) -> Numbers:
    """Images in [-1, 1] as grey levels or colours 0..255; anything else as float32.

    Examples
    --------
    >>> as_bytes(np.full((1, 1, 1, 2), [[-1.0, 0.2]])).tolist()
    [[[[0, 153]]]]
    """
    if x.ndim != 4:
        return x.astype(np.float32)
    return np.rint((np.clip(x, -1.0, 1.0) + 1.0) * 127.5).astype(np.uint8)


def kept_arrays(sample: Sample) -> dict[str, Numbers]:
    """What samples/T.npz holds."""
    arrays = {"x": as_bytes(sample.x[:N_KEPT]), "features": sample.features[:N_KEPT]}
    arrays["features"] = arrays["features"].astype(np.float32)
    if sample.labels is not None:
        arrays["labels"] = sample.labels[:N_KEPT].astype(np.int16)
    return arrays


# --- grids ---------------------------------------------------------------------------------------


def chosen(n: int, labels: Ints | None, rows: int, columns: int) -> Ints:
    """Places of a grid's samples, shape (rows, columns), -1 for none; a row a class if labelled."""
    if labels is None:
        places = np.arange(rows * columns)
        return np.where(places < n, places, -1).reshape(rows, columns)
    found = np.full((rows, columns), -1)
    for c in range(rows):
        of_class = np.flatnonzero(labels == c)[:columns]
        found[c, : len(of_class)] = of_class
    return found


def grid(
    x: Numbers, labels: Ints | None, rows: int = GRID, columns: int = GRID, gap: int = 0
) -> Numbers:
    """Images (n, c, h, w) of bytes side by side: (rows h, columns w) or the same with colours.

    A place without an image is white: a class that is gone leaves its row empty. So is the gap.
    """
    x = np.pad(x, ((0, 0), (0, 0), (0, gap), (0, gap)), constant_values=255)
    places = chosen(len(x), labels, rows, columns)
    blank = np.full((1, *x.shape[1:]), 255, np.uint8)
    tiles = np.concatenate((x, blank))[places]
    wide = tiles.transpose(0, 3, 1, 4, 2).reshape(rows * x.shape[2], columns * x.shape[3], -1)
    return wide[..., 0] if wide.shape[2] == 1 else wide


def write_grid(path: Path, x: Numbers, labels: Ints | None) -> None:
    """Write a grid as PNG, its images enlarged to SIDE pixels at least."""
    from PIL import Image

    times = -(-SIDE // min(x.shape[2:]))
    wide = grid(x, labels).repeat(times, axis=0).repeat(times, axis=1)
    with files.atomic_stream(path) as stream:
        Image.fromarray(wide).save(stream, "PNG")


# --- writing -------------------------------------------------------------------------------------


def _of_run(folder: Path, generation: int | str = "") -> str | None:
    """What run, and what generation of it, a file belongs to; None without a config.json."""
    config = folder / "config.json"
    return f"{generation} of {files.sha256_file(config)}" if config.exists() else None


def write_samples(folder: Path, generation: int, sample: Sample) -> None:
    """Write the samples of a generation, and its grid where they are images."""
    arrays = kept_arrays(sample)
    for name in ("samples", "grids") if sample.x.ndim == 4 else ("samples",):
        disk.make_folder(folder / name)
        # This process holds the run: whatever is unfinished there is of one that was killed.
        sweep(folder / name, held=True)
    if sample.x.ndim == 4:
        write_grid(folder / "grids" / f"{generation}.png", arrays["x"], arrays.get("labels"))
    of_run = np.array(_of_run(folder, generation) or "")
    with files.atomic_stream(folder / "samples" / f"{generation}.npz") as stream:
        np.savez(stream, allow_pickle=False, of_run=of_run, **arrays)


def write_about(folder: Path, about: Mapping[str, Any]) -> None:
    """Write deep.json, with the digest of all that it says."""
    run_folder.write_sealed(folder / "deep.json", {**about, "of_run": _of_run(folder) or ""})


# --- reading -------------------------------------------------------------------------------------


def is_run(folder: Path) -> bool:
    """Whether a deep run has finished a generation there."""
    return (folder / "deep.json").is_file()


def read_about(folder: Path) -> dict[str, Any]:
    """Return deep.json.

    Raises
    ------
    ValueError
        There is none, or it is damaged.
    """
    if not is_run(folder):
        raise ValueError(
            f"the folder must be that of a deep run with a finished generation, got {folder}"
        )
    return _about(folder)


def _about(folder: Path) -> dict[str, Any]:
    path = folder / "deep.json"
    told = run_folder.read_sealed(path, unsealed=True)  # earlier versions wrote no digest
    if "real" not in told:
        raise run_folder.damaged(path, "what a deep run says of itself", run=folder)
    _require_own(path, folder, told.pop("of_run", ""), _of_run(folder))
    return told


def _require_own(path: Path, run: Path, found: object, wanted: str | None) -> None:
    """Refuse a file of another run, or of another generation; earlier versions did not say."""
    if found and wanted is not None and found != wanted:
        raise run_folder.damaged(path, "a file of this run and generation", "another's", run=run)


def check_kept(folder: Path, generation: int) -> None:
    """Refuse a run that cannot end well, as what it kept up to a generation is not whole.

    Raises
    ------
    ValueError
        deep.json or the samples of a generation are missing or damaged.
    """
    _about(folder)
    for t in range(generation + 1):
        read_samples(folder / "samples" / f"{t}.npz")


def _progress(folder: Path) -> Progress | None:
    """What the state of a run says, which holds the digest of config.json; None without one."""
    return read_progress(folder) if (folder / "state").exists() else None


def sample_files(folder: Path) -> list[Path]:
    """Samples of the real data and of generation 1, 2, ..., none left out.

    Raises
    ------
    ValueError
        The folder is not that of a deep run, or a file is missing.
    """
    read_about(folder)
    found = {int(path.stem) for path in (folder / "samples").glob("*.npz") if path.stem.isdigit()}
    run = _progress(folder)
    # A generation's samples are there before the state says that it is finished.
    finished = run.snapshot.generation if run else 0
    for t in range(max(found | {finished, 1}) + 1):
        if t not in found:
            path = folder / "samples" / f"{t}.npz"
            raise run_folder.damaged(path, "the samples of a generation", "none", run=folder)
    return [folder / "samples" / f"{t}.npz" for t in sorted(found)]


class Said(NamedTuple):
    """What a run's configuration says of its loop, as :func:`madtheory.audit.audit` takes it.

    n_real and n_synth (for each generation) are None where a weight stands for their numbers.
    """

    n_real: int | None
    n_synth: list[int] | None
    memory: int | str


def said(folder: Path, generations: int) -> Said:
    """Real and synthetic rows of each training set, and the models that these come from.

    Raises
    ------
    ValueError
        config.json is not what was written.
    """
    run = _progress(folder)
    given = (run.config if run else run_folder.read_json(folder / "config.json"))["loop"]
    n_real, n_synth = given["n_fixed"] + given["n_fresh"], given["n_synth"]
    memory, batches = given["memory"], [1] * generations
    if given["pool"] == "accumulate":
        memory = given["pool_cap"]
        batches = [min(t, memory or t) for t in range(1, generations + 1)]
    most = given["budget"] or n_synth * batches[-1]
    sizes = [min(n_synth * b, most) for b in batches]
    told = "all" if memory is None else memory
    if given["weight"] is not None and n_real:
        return Said(None, None, told)
    return Said(n_real, sizes, told)


def read_samples(path: Path) -> dict[str, Numbers]:
    """Return what one file of samples, X/samples/T.npz, holds."""
    run = path.parent.parent
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            found = dict(arrays)
            if not {"x", "features"} <= found.keys():
                raise ValueError("another archive of the same folder")
            of_run = str(found.pop("of_run", ""))
    except Exception:  # a changed bit of an archive raises what it likes: it may look encrypted
        raise run_folder.damaged(path, "samples of a deep run", run=run) from None
    _require_own(path, run, of_run, _of_run(run, path.stem))
    return found
