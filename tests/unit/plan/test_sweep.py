"""Sweeps: every point once, on any executor, whatever fails."""

import concurrent.futures as cf
import functools
import multiprocessing
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from madtheory.files import run_folder
from madtheory.plan import run_sweep, seed_of, store
from tests.unit.plan import functions

GRID = {"x": [1.0, 2.0, 3.0, 4.0], "y": [10.0, 20.0]}


@pytest.fixture(params=["here", "threads", "processes"])
def executor(request: pytest.FixtureRequest) -> Iterator[cf.Executor | None]:
    if request.param == "here":
        yield None
    elif request.param == "threads":
        with cf.ThreadPoolExecutor(3) as pool:
            yield pool
    else:
        context = multiprocessing.get_context("spawn")
        with cf.ProcessPoolExecutor(2, mp_context=context) as pool:
            yield pool


def test_every_point_in_the_grid_s_order(tmp_path: Path, executor: cf.Executor | None) -> None:
    found = run_sweep(functions.product, GRID, folder=tmp_path / "a", executor=executor, batch=3)
    assert list(found.columns) == ["x", "y", "value", "error"]
    assert found["value"].tolist() == [x * y for x in GRID["x"] for y in GRID["y"]]
    assert found["error"].isna().all()


def test_seeds_do_not_depend_on_the_executor(tmp_path: Path, executor: cf.Executor | None) -> None:
    found = run_sweep(
        functions.draw, {"x": range(9)}, folder=tmp_path / "a", executor=executor, seed=5, batch=2
    )
    assert found["value"].tolist() == [x + seed_of({"x": x}, 5) for x in range(9)]


def test_any_reader_sees_one_dataset(tmp_path: Path) -> None:
    run_sweep(functions.product, GRID, folder=tmp_path / "a")
    rows = pd.read_parquet(tmp_path / "a" / "points")
    assert sorted(rows["point"]) == list(range(8))
    assert (rows["value"] == rows["x"] * rows["y"]).all()


def test_what_is_finished_is_not_called_again(tmp_path: Path) -> None:
    noted = functools.partial(functions.noted, folder=str(tmp_path))
    first = run_sweep(noted, {"x": [1.0, 2.0, 3.0]}, folder=tmp_path / "a")
    assert len(functions.calls(tmp_path)) == 3
    pd.testing.assert_frame_equal(
        run_sweep(noted, {"x": [1.0, 2.0, 3.0]}, folder=tmp_path / "a"), first
    )
    assert len(functions.calls(tmp_path)) == 3


def test_an_interrupt_keeps_what_is_finished(tmp_path: Path) -> None:
    points = {"x": range(100)}
    with pytest.raises(KeyboardInterrupt):
        run_sweep(functions.interrupted, points, folder=tmp_path / "a", batch=5)
    kept = pd.read_parquet(tmp_path / "a" / "points")
    assert sorted(kept["x"]) == list(range(40))


def test_failures_are_kept_by_point_and_tried_again_when_asked(
    tmp_path: Path, executor: cf.Executor | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = {"x": [1.0, 3.0, 4.0, -1.0]}
    call = functools.partial(run_sweep, functions.fussy, points, folder=tmp_path / "a", batch=4)
    found = call(executor=executor)
    assert found["error"].tolist()[1::2] == [
        "ValueError: x must not be 3",
        "ValueError: " + found["error"][3].removeprefix("ValueError: "),
    ]
    assert found["error"].isna().tolist() == [True, False, True, False]
    assert found["value"].isna().tolist() == [False, True, False, True]
    pd.testing.assert_frame_equal(call(), found)
    pd.testing.assert_frame_equal(call(retry=True, executor=executor), found)
    kept = pd.read_parquet(tmp_path / "a" / "points")
    assert sorted(kept["point"]) == [0, 1, 2, 3]


def test_a_part_of_failures_only_leaves_no_empty_file(tmp_path: Path) -> None:
    call = functools.partial(run_sweep, functions.fussy, {"x": [3.0]}, folder=tmp_path / "a")
    call()
    assert call(retry=True)["error"].tolist() == ["ValueError: x must not be 3"]
    assert len(list((tmp_path / "a" / "points").iterdir())) == 1


@pytest.mark.parametrize(
    ("function", "values", "expected"),
    [
        (functions.estimated, ("value", "rel_error"), [7.0, 0.5]),
        (functions.several, ("half", "double"), [3.5, 14.0]),
        (functions.product, ("area",), [14.0]),
    ],
)
def test_values_are_picked_by_name(
    tmp_path: Path, function: Callable[..., Any], values: tuple[str, ...], expected: list[float]
) -> None:
    found = run_sweep(function, {"x": [7.0]}, folder=tmp_path / "a", values=values)
    assert found.loc[0, list(values)].tolist() == expected


@pytest.mark.parametrize(("function", "values"), [(functions.pair, ("value",)),
                                                  (functions.product, ("a", "b")),
                                                  (functions.several, ("third",))])  # fmt: skip
def test_a_result_without_the_values_is_a_failure(
    tmp_path: Path, function: Callable[..., Any], values: tuple[str, ...]
) -> None:
    found = run_sweep(function, {"x": [7.0]}, folder=tmp_path / "a", values=values)
    assert found["error"][0].startswith(("TypeError: the function must return", "KeyError"))


def test_infinity_and_nan_are_values(tmp_path: Path) -> None:
    half = functools.partial(functions.product, y=float(np.finfo(float).max))
    found = run_sweep(half, {"x": [10.0, 0.5]}, folder=tmp_path / "a")
    assert found["value"].tolist()[0] == np.inf


# --- another sweep, damage ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"function": functions.several, "values": ("double",)}, "function"),
        ({"function": functools.partial(functions.product, y=1.0)}, "function"),
        ({"grid": {"x": [1.0, 3.0]}}, "grid"),
        ({"grid": {"x": [2.0, 1.0]}}, "grid"),
        ({"values": ("other",)}, "values"),
        ({"seed": 0, "function": functions.draw}, "function"),
    ],
)
def test_another_sweep_in_the_folder_is_refused(
    tmp_path: Path, change: dict[str, Any], field: str
) -> None:
    plain = {"function": functions.product, "grid": {"x": [1.0, 2.0]}, "values": ("value",)}

    def call(function: Any, grid: Any, **how: Any) -> None:
        run_sweep(function, grid, folder=tmp_path / "a", **how)

    call(**plain)
    kept = (tmp_path / "a" / "config.json").read_bytes()
    with pytest.raises(
        ValueError, match=f"of the same configuration, got one with another {field}"
    ):
        call(**{**plain, **change})
    assert (tmp_path / "a" / "config.json").read_bytes() == kept


def parts(folder: Path) -> list[Path]:
    return sorted((folder / "points").iterdir())


def written(tmp_path: Path) -> Path:
    run_sweep(functions.product, GRID, folder=tmp_path / "a")
    return tmp_path / "a"


def test_a_damaged_part_is_named(tmp_path: Path) -> None:
    """A changed bit is refused, or is one that stands for nothing: no value changes unseen."""
    folder = written(tmp_path)
    (part,) = parts(folder)
    data, whole = bytearray(part.read_bytes()), run_sweep(functions.product, GRID, folder=folder)
    refused, places = 0, range(4, len(data), 23)
    for i in places:
        changed = data.copy()
        changed[i] ^= 0x10
        part.write_bytes(changed)
        try:
            found = run_sweep(functions.product, GRID, folder=folder)
        except ValueError as error:
            refused += "part-00000000.parquet must hold finished points" in str(error)
        else:
            pd.testing.assert_frame_equal(found, whole)
    assert refused > len(places) / 3


def test_rows_are_sealed_with_what_says_where_they_lie(tmp_path: Path) -> None:
    """Other numbers behind right checksums of their pages are refused, and so are foreign ones."""
    folder = written(tmp_path)
    (part,) = parts(folder)
    table = pq.read_table(part)
    order = ["point", "value", "y", "x", "error"]
    swapped = table.rename_columns(order).select(table.column_names)
    sealed = swapped.replace_schema_metadata(table.schema.metadata)
    run_sweep(functions.product, GRID | {"y": [10.0, 30.0]}, folder=tmp_path / "b")
    run_sweep(functions.sum_of, GRID, folder=tmp_path / "c")
    foreign = [pq.read_table(parts(tmp_path / name)[0]) for name in "bc"]
    for other in (sealed, table.replace_schema_metadata(None), *foreign):
        pq.write_table(other, part, write_page_checksum=True)
        with pytest.raises(ValueError, match="got other rows than it wrote; remove it to have its"):
            run_sweep(functions.product, GRID, folder=folder)
    pq.write_table(table, part, write_page_checksum=True)
    found = run_sweep(functions.product, GRID, folder=folder)
    assert (found["value"] == found["x"] * found["y"]).all()


def test_an_environment_that_was_changed_is_refused(tmp_path: Path) -> None:
    folder = written(tmp_path)
    path = folder / "environment.json"
    path.write_text(path.read_text().replace('"numpy": "', '"numpy": "0'))
    with pytest.raises(ValueError, match="must be as it was written"):
        run_sweep(functions.product, GRID, folder=folder)


@pytest.mark.parametrize("name", ["part-00000001.parquet", "notes.txt", "part-x.parquet"])
def test_a_stranger_in_the_dataset_is_named(tmp_path: Path, name: str) -> None:
    folder = written(tmp_path)
    (folder / "points" / name).write_text("a")
    with pytest.raises(ValueError, match=f"{name} must hold .* remove it to have its points done"):
        run_sweep(functions.product, GRID, folder=folder)


def test_a_point_twice_and_a_point_of_another_grid_are_refused(tmp_path: Path) -> None:
    folder = written(tmp_path)
    (part,) = parts(folder)
    copy = folder / "points" / "part-00000001.parquet"
    copy.write_bytes(part.read_bytes())
    with pytest.raises(ValueError, match="got one with a point twice"):
        run_sweep(functions.product, GRID, folder=folder)
    copy.unlink()
    run_sweep(
        functions.product, {"x": [0.5 * x for x in range(9)], "y": [1.0]}, folder=tmp_path / "b"
    )
    part.write_bytes(parts(tmp_path / "b")[0].read_bytes())
    with pytest.raises(ValueError, match="got a file of another one"):
        run_sweep(functions.product, GRID, folder=folder)


def test_what_a_killed_writer_left_is_swept(tmp_path: Path) -> None:
    folder = written(tmp_path)
    (folder / "points" / ".part-00000001.parquet.1-1.tmp").write_text("a")
    run_sweep(functions.product, GRID, folder=folder)
    assert len(parts(folder)) == 1


def test_a_part_never_takes_the_name_of_another(tmp_path: Path) -> None:
    """Also where the first of two was removed."""
    kept = store.Dataset(tmp_path, {}, [{"x": 1}, {"x": 2}], ("value",))
    kept.load(retry=False)
    kept.write([(0, None, "failed")])
    kept.write([(1, (1.0,), None)])
    again = store.Dataset(tmp_path, {}, [{"x": 1}, {"x": 2}], ("value",))
    assert again.load(retry=True) == {1}
    again.write([(0, (2.0,), None)])
    assert again.frame()["value"].tolist() == [2.0, 1.0]


@pytest.mark.parametrize(
    ("grid", "how", "why"),
    [
        ({"z": [1.0]}, {}, "grid must have the arguments of the function: missing a required"),
        ({"x": [1.0]}, {"seed": 1}, "got an unexpected keyword argument 'seed'"),
        ({"x": [1.0]}, {"batch": 0}, "batch must be at least 1, got 0"),
        ({"x": [1.0]}, {"pending": 0}, "pending must be at least 1, got 0"),
        ({"x": [1.0]}, {"seed": -1}, "seed must be at least 0, got -1"),
        ({"x": [1.0]}, {"values": ()}, "must have names of their own, got none at all"),
        ({"x": [1.0]}, {"values": ("x",)}, "must have names of their own, got x"),
        ({"x": [1.0]}, {"values": ("error",)}, "must have names of their own, got error"),
        ({"x": [1.0, "a"]}, {}, "values of x in a grid must be of one kind, got several"),
        ({"x": [1.0]}, {"values": "value"}, "values must be a list of names, got 'value'"),
        ({"x": [1.0]}, {"values": [1]}, "values must be a list of names, got 1 in it"),
        ({"x": [1.0]}, {"executor": 4}, "executor must be one of concurrent.futures or None, got"),
    ],
)
def test_bad_input(tmp_path: Path, grid: Any, how: dict[str, Any], why: str) -> None:
    """It leaves no folder behind, which the right call would then find to be of another grid."""
    with pytest.raises((ValueError, TypeError), match=why):
        run_sweep(functions.product, grid, folder=tmp_path / "a", **how)
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (functions.nothing, "TypeError: the function must return one number for each of"),
        (functions.leaving, "SystemExit: 3"),
        (functions.unspeakable, r"ValueError: \ud800"),
    ],
)
def test_failures_are_the_same_here_as_with_workers(
    tmp_path: Path, function: Any, why: str, executor: cf.Executor | None
) -> None:
    found = run_sweep(function, {"x": [1.0]}, folder=tmp_path / "a", executor=executor)
    assert found["error"][0].startswith(why)


def test_workers_that_are_forks_let_go_of_the_folder(tmp_path: Path) -> None:
    """They live on after the sweep, and after a kill of their parent for ever."""
    context = multiprocessing.get_context("fork")
    with cf.ProcessPoolExecutor(1, mp_context=context) as pool:
        for _ in range(2):
            run_sweep(functions.product, GRID, folder=tmp_path / "a", executor=pool)


def test_a_folder_without_a_home_and_one_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must lie in an existing one"):
        run_sweep(functions.product, GRID, folder=tmp_path / "a" / "b")
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(ValueError, match="must be the folder of a sweep, got one without config"):
        run_sweep(functions.product, GRID, folder=tmp_path)
    assert (tmp_path / "notes").read_text() == "mine"


def test_another_version_is_not_mixed_in(tmp_path: Path) -> None:
    folder = written(tmp_path)
    path = folder / "environment.json"
    told = run_folder.read_sealed(path)
    told["versions"]["numpy"] = "0" + told["versions"]["numpy"]
    run_folder.write_sealed(path, told)
    with pytest.raises(ValueError, match="was begun with numpy 0"):
        run_sweep(functions.product, GRID, folder=folder)


# --- executors that fail --------------------------------------------------------------------------


def test_a_pool_that_breaks_says_so_and_keeps_what_was_finished(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with (
        cf.ProcessPoolExecutor(1, mp_context=context) as pool,
        pytest.raises(cf.BrokenExecutor),
    ):
        run_sweep(functions.deadly, {"x": range(20)}, folder=tmp_path / "a", executor=pool, batch=1)
    kept = pd.read_parquet(tmp_path / "a" / "points")
    assert sorted(kept["x"]) == [0, 1, 2, 3, 4]


class Broken(cf.Executor):
    """An executor that is found broken at one task when all others are done."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> cf.Future[Any]:
        future: cf.Future[Any] = cf.Future()
        if args[0].points[0][1]["x"] == 5:
            future.set_exception(cf.BrokenExecutor("broken"))
        else:
            future.set_result(fn(*args, **kwargs))
        return future


def test_what_ends_together_with_a_pool_is_kept(tmp_path: Path) -> None:
    with pytest.raises(cf.BrokenExecutor):
        run_sweep(
            functions.product, {"x": range(20)}, folder=tmp_path / "a", executor=Broken(), batch=1
        )
    assert len(pd.read_parquet(tmp_path / "a" / "points")) == 19


class Lossy(cf.Executor):
    """An executor whose tasks are lost where they hold point 5, as those of a killed worker."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> cf.Future[Any]:
        future: cf.Future[Any] = cf.Future()
        places = [i for i, _ in args[0].points]
        self.sizes.append(len(places))
        if 5 in places:
            future.set_exception(RuntimeError("the worker was killed"))
        else:
            future.set_result(fn(*args, **kwargs))
        return future


def test_a_lost_batch_is_run_point_by_point_and_one_point_failed(tmp_path: Path) -> None:
    lossy = Lossy()
    found = run_sweep(
        functions.product, {"x": range(9)}, folder=tmp_path / "a", executor=lossy, batch=4
    )
    assert found["value"].isna().tolist() == [x == 5 for x in range(9)]
    assert found["error"][5] == "RuntimeError: the worker was killed"
    assert lossy.sizes == [4, 4, 1, 1, 1, 1, 1]


class GivenUp(cf.Executor):
    """An executor that cancels."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> cf.Future[Any]:
        future: cf.Future[Any] = cf.Future()
        future.cancel()
        future.set_running_or_notify_cancel()
        return future


def test_an_executor_that_gives_up_is_no_failure_of_points(tmp_path: Path) -> None:
    with pytest.raises(cf.BrokenExecutor, match="given up"):
        run_sweep(functions.product, GRID, folder=tmp_path / "a", executor=GivenUp())
    assert len(parts(tmp_path / "a")) == 0


class Counting(cf.ThreadPoolExecutor):
    """Counts the tasks that wait or are at work."""

    most = now = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> cf.Future[Any]:
        future = super().submit(fn, *args, **kwargs)
        self.now += 1
        self.most = max(self.most, self.now)
        future.add_done_callback(lambda _: setattr(self, "now", self.now - 1))
        return future


def test_no_more_tasks_wait_than_are_allowed(tmp_path: Path) -> None:
    slow = functools.partial(functions.slow, folder=str(tmp_path))
    with Counting(1) as pool:
        run_sweep(slow, {"x": range(40)}, folder=tmp_path / "a", executor=pool, batch=1, pending=6)
    assert 4 <= pool.most <= 6


def test_a_part_is_written_when_one_is_due(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("madtheory.plan.sweep.WRITE_EVERY", 0.0)
    monkeypatch.setattr("madtheory.plan.sweep.WRITE_SHARE", 0.0)
    run_sweep(functions.product, {"x": range(12)}, folder=tmp_path / "a", batch=3)
    assert [len(pd.read_parquet(part)) for part in parts(tmp_path / "a")] == [3, 3, 3, 3]
