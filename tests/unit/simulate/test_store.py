"""The state of a simulation on disk: when it is written, and that it comes back."""

import io
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from madtheory.loop import fresh_data
from madtheory.simulate import request, simulate, store
from madtheory.simulate.runs import Moments

PLAN, _ = request.make_plan(
    fresh_data(9, 9), np.ones(2), generations=3, replicates=40, record=["trace", "mean_sq"]
)


def moments(shape: tuple[int, int] = (2, 3)) -> Moments:
    draw = np.random.default_rng(0)
    return Moments(20, draw.random(shape), draw.random(shape))


def test_a_state_comes_back_as_it_was(tmp_path: Path) -> None:
    path, kept = tmp_path / "state.npz", moments()
    path.write_bytes(store._state_bytes(7, kept, PLAN))
    done, found = store._read_state(path, PLAN)
    assert (done, found.count) == (7, 20)
    assert np.array_equal(found.mean, kept.mean)
    assert np.array_equal(found.m2, kept.m2)


@pytest.mark.parametrize("shape", [(1, 3), (2, 2)])
def test_a_state_of_other_quantities_is_refused(shape: tuple[int, int], tmp_path: Path) -> None:
    path = tmp_path / "state.npz"
    path.write_bytes(store._state_bytes(7, moments(shape), PLAN))
    with pytest.raises(ValueError, match="must be the state of this run, got a damaged file"):
        store._read_state(path, PLAN)


@pytest.mark.parametrize("name", ["counts", "mean", "m2"])
def test_a_state_with_one_bit_changed_is_refused(name: str, tmp_path: Path) -> None:
    """In an archive that is whole: its own checksums say nothing."""
    path = tmp_path / "state.npz"
    with np.load(io.BytesIO(store._state_bytes(7, moments(), PLAN))) as state:
        kept = dict(state)
    kept[name].view(np.uint8).reshape(-1)[0] ^= 1
    np.savez(path, **kept)
    with pytest.raises(ValueError, match="must be the state of this run, got a damaged file"):
        store._read_state(path, PLAN)


def test_saves_are_a_second_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now, saved = [0.0], []

    def write(path: Path, data: Any) -> None:
        saved.append(now[0])

    monkeypatch.setattr(store.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(store.files, "atomic_write_bytes", write)
    run = store.Run(tmp_path / "x.parquet", PLAN)
    run.folder.mkdir()
    for now[0] in (0.5, 0.9, 1.0, 1.2, 1.9, 2.5, 3.4, 3.5):
        run.save(1, moments())
    assert saved == [1.0, 2.5, 3.5]
    assert len((run.folder / "timings.jsonl").read_text().splitlines()) == 3


def test_paths_of_all_chunks_are_kept_on_a_line() -> None:
    how = {"generations": 3, "replicates": 31, "chunk": 7, "keep_paths": True}
    found = simulate(fresh_data(9, 9), [2.0], record=["trace"], **how)
    assert found.paths is not None
    np.testing.assert_allclose(found.paths["trace"].mean(axis=0), found.mean["trace"], rtol=1e-12)
    assert len(np.unique(found.paths["trace"])) == 31 * 3


def test_a_covariance_of_rank_one_in_the_plane_has_no_determinant() -> None:
    how = {"generations": 2, "replicates": 5, "record": ["log_det"]}
    assert (simulate(fresh_data(9, 9), [2.0, 0.0], **how).mean["log_det"] == -np.inf).all()
    assert np.isfinite(simulate(fresh_data(9, 9), [2.0], **how).mean["log_det"]).all()


def test_a_file_in_the_place_of_the_run_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.parquet.run").write_text("mine")
    how: dict[str, Any] = {"generations": 2, "replicates": 4, "store": tmp_path / "x.parquet"}
    with pytest.raises(ValueError, match=r"x\.parquet\.run must be a folder of this simulation"):
        simulate(fresh_data(9, 9), [2.0], **how)
    assert (tmp_path / "x.parquet.run").read_text() == "mine"


class Stop(Exception):
    """An interrupt of our own."""


SHORT: dict[str, Any] = {"generations": 2, "replicates": 40, "chunk": 10, "threads": 1}


def test_a_state_beside_a_changed_configuration_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Chunks of one seed would go on as those of another, without a word."""
    out, save = tmp_path / "x.parquet", store.Run.save

    def stopping(run: store.Run, done: int, kept: Moments) -> None:
        save(run, done, kept)
        raise Stop

    monkeypatch.setattr(store, "SAVE_EVERY", 0.0)
    monkeypatch.setattr(store.Run, "save", stopping)
    with pytest.raises(Stop):
        simulate(fresh_data(9, 9), [2.0], seed=0, store=out, **SHORT)
    monkeypatch.setattr(store.Run, "save", save)
    path = tmp_path / "x.parquet.run" / "config.json"
    kept = path.read_text()
    path.write_text(json.dumps(json.loads(kept) | {"seed": 1}))
    with pytest.raises(ValueError, match="must be the state of this run, got a damaged file"):
        simulate(fresh_data(9, 9), [2.0], seed=1, store=out, **SHORT)
    path.write_text(kept)
    whole = simulate(fresh_data(9, 9), [2.0], seed=0, **SHORT)
    assert simulate(fresh_data(9, 9), [2.0], seed=0, store=out, **SHORT).digest == whole.digest


def test_no_bit_of_where_a_run_began_may_change(tmp_path: Path) -> None:
    """It goes into the finished file."""
    run = store.Run(tmp_path / "x.parquet", PLAN)
    run.folder.mkdir()
    run.load()
    path, known = run.folder / "environment.json", run.environment
    assert "digest" not in known
    whole = path.read_bytes()
    for place in range(len(whole)):
        spoiled = bytearray(whole)
        spoiled[place] ^= 1 << place % 8
        path.write_bytes(spoiled)
        again = store.Run(tmp_path / "x.parquet", PLAN)
        with pytest.raises(ValueError, match=r"environment\.json must be .* remove .*run to start"):
            again.load()


@pytest.mark.parametrize("call", ["make", "_take"])
def test_a_result_that_another_process_left_meanwhile_is_read(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends, and removes the folder, just before the lock is opened or just after."""
    out = tmp_path / "x.parquet"
    whole = simulate(fresh_data(9, 9), [2.0], seed=0, store=tmp_path / "y.parquet", **SHORT)
    real = getattr(store.run_folder, call)

    def late(*given: Any, **words: str) -> None:
        real(*given, **words)
        shutil.copy(tmp_path / "y.parquet", out)
        shutil.rmtree(store.folder_of(out))

    with monkeypatch.context() as patch:
        patch.setattr(store.run_folder, call, late)
        found = simulate(fresh_data(9, 9), [2.0], seed=0, store=out, **SHORT)
    assert found.digest == whole.digest
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.parquet", "y.parquet"]


def test_a_folder_that_is_gone_without_a_result_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, real = tmp_path / "x.parquet", store.run_folder.make

    def late(folder: Path, **words: str) -> None:
        real(folder, **words)
        folder.rmdir()

    monkeypatch.setattr(store.run_folder, "make", late)
    with pytest.raises(ValueError, match=r"must lie in a writable folder, .*: No such"):
        simulate(fresh_data(9, 9), [2.0], seed=0, store=out, **SHORT)


def test_a_result_whose_configuration_was_changed_is_refused(tmp_path: Path) -> None:
    out = tmp_path / "x.parquet"
    simulate(fresh_data(9, 9), [2.0], seed=0, store=out, **SHORT)
    table = pq.read_table(out)
    note = json.loads(table.schema.metadata[store.KEY])
    note["config"]["seed"] = 1
    changed = {store.KEY: json.dumps(note).encode()}
    pq.write_table(table.replace_schema_metadata(changed), out)
    with pytest.raises(ValueError, match="got one whose content has changed"):
        simulate(fresh_data(9, 9), [2.0], seed=1, store=out, **SHORT)
