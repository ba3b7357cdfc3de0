"""The folder of a run: what lies there, what is refused, what is damage."""

import copy
import enum
import functools
import itertools
import json
import math
import os
import re
import subprocess
import sys
import threading
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from madtheory.engine import read_curves, read_model, store
from madtheory.engine.request import measured_generations
from madtheory.loop import synthetic_augmentation
from tests.unit.engine.stubs import LOOPS, Normal, Stop, content, start, stop_at


class Untouchable(Normal):
    """Any call is one too many."""

    __qualname__ = "Normal"

    def fit(self, samples, rng):
        raise AssertionError

    sample = save = load = fit


def test_a_finished_run_is_read_and_the_model_not_called(tmp_path):
    first = start(tmp_path / "run")
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "run").iterdir()}
    again = start(tmp_path / "run", model=Untouchable())
    assert again.digest == first.digest == read_curves(tmp_path / "run").digest
    assert {path.name: path.stat().st_mtime_ns for path in (tmp_path / "run").iterdir()} == before
    expected = {"arrays-0.npz", "config.json", "environment.json", "lock", "state", "stats.jsonl"}
    assert expected <= set(before)
    # Only what is needed to go on is kept, in few files.
    assert len(before) <= 9


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"seed": 1}, "seed"),
        ({"generations": 7}, "generations"),
        ({"every": 2}, "every"),
        ({"loop": replace(LOOPS["capped"], bias=0.5)}, r"loop\.bias"),
        ({"data": np.arange(51.0)}, r"data\.(rows|sha256)"),
        ({"data": np.arange(50.0) + 1}, r"data\.sha256"),
        ({"model": Normal(std=2.0)}, r"model\.std"),
        ({"metrics": {"other": lambda m, x, r: 0.0}}, "metrics"),
    ],
)
def test_another_configuration_is_refused_by_name(changes, field, tmp_path):
    start(tmp_path / "run")
    kept = content(tmp_path / "run")
    with pytest.raises(ValueError, match=rf"same configuration, got one with another {field};"):
        start(tmp_path / "run", **changes)
    assert content(tmp_path / "run") == kept


class Shifted:
    """A source that says what it is by what it saves alone."""

    def __init__(self, mean):
        self._mean = mean

    def sample(self, n, bias, rng):
        return rng.normal(self._mean, 1.0, n)

    def save(self):
        return {"mean": np.array(self._mean)}


def test_a_source_is_known_by_what_it_saves(tmp_path):
    first = start(tmp_path / "run", data=Shifted(0.0))
    assert start(tmp_path / "run", data=Shifted(0.0)).digest == first.digest
    with pytest.raises(ValueError, match=r"got one with another data\.sha256;"):
        start(tmp_path / "run", data=Shifted(1.0))


class Colour(enum.Enum):
    RED = 1
    BLUE = 2


class Schedule:
    def __init__(self, rate, within=None):
        self.rate, self.within, self._steps = rate, within, 0


class Slotted(Normal):
    __slots__ = ("width",)

    def __init__(self, mean=0.0, std=1.0, width=1):
        super().__init__(mean, std)
        self.width = width


class Set(Normal):
    """Its settings are its class's."""

    rate = 0.5


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Colour.RED, Colour.BLUE),
        (Schedule(0.1), Schedule(0.2)),
        (Schedule([Path("a")]), Schedule([Path("b")])),
        (Fraction(1, 2), Fraction(1, 3)),
        ({1, 2}, {1, 3}),
        (functools.partial(max, 1), functools.partial(max, 2)),
        (range(2), range(3)),
        (b"a", b"b"),
        (1j, 2j),
        (math.inf, math.nan),
        (math.inf, None),
    ],
)
def test_settings_of_any_kind_tell_models_apart(one, other, tmp_path):
    def made(setting):
        model = Normal()
        model.setting = setting
        return model

    first = start(tmp_path / "run", model=made(one))
    assert start(tmp_path / "run", model=made(copy.deepcopy(one))).digest == first.digest
    with pytest.raises(ValueError, match=r"got one with another model\.setting"):
        start(tmp_path / "run", model=made(other))


def test_settings_in_slots_and_of_the_class_tell_models_apart(tmp_path, monkeypatch):
    start(tmp_path / "slots", model=Slotted())
    with pytest.raises(ValueError, match=r"another model\.width"):
        start(tmp_path / "slots", model=Slotted(width=2))
    start(tmp_path / "class", model=Set())
    monkeypatch.setattr(Set, "rate", 0.25)
    with pytest.raises(ValueError, match=r"another model\.rate"):
        start(tmp_path / "class", model=Set())


def test_what_decides_nothing_is_not_described():
    """Addresses in memory, locks, names in capitals, what lies deeper: they differ by the run."""
    model = Normal()
    model.lock, model.rng = threading.Lock(), np.random.default_rng(0)
    model.schedule, model.function = Schedule(1, Schedule(2)), math.sqrt
    monkey = type("Normal", (Normal,), {"LIMIT": 3, "keeps_checkpoints": True})
    assert store.describe(model) == {
        "class": "Normal",
        "function": "sqrt",
        "lock": "lock",
        "mean": 0.0,
        "rng": "Generator",
        "schedule": {"class": "Schedule", "rate": 1, "within": "Schedule"},
        "std": 1.0,
    }
    assert store.describe(monkey()) == store.describe(Normal())


def test_a_model_is_read_while_its_run_goes_on(tmp_path, save_always, monkeypatch):
    """The state is read, then the run saves again and drops the files that it named."""
    out, read, seen = tmp_path / "run", store.read_arrays, []

    def late(folder, snapshot):
        if not seen:
            seen.append(snapshot.generation)
            start(out, loop=LOOPS["memory"], generations=20)
        return read(folder, snapshot)

    with pytest.raises(Stop):
        start(out, loop=LOOPS["memory"], generations=20, progress=stop_at(5))
    monkeypatch.setattr(store, "read_arrays", late)
    found = read_model(out, Normal())
    assert seen == [5]
    monkeypatch.undo()
    assert found.std == read_model(out, Normal()).std
    # Of a run that does not go on it is damage.
    (out / "arrays-20.npz").unlink()
    with pytest.raises(ValueError, match="must be a part of the state of this run"):
        read_model(out, Normal())


def test_the_last_line_says_why_a_run_stopped(tmp_path):
    """Killed between that line and the state: generations of no state lie before it."""
    folder = unfinished(tmp_path)
    lines = ['{"generation": 5, "metrics": {}}', '{"generation": 6, "stopped": "no"}', '{"gen']
    with (folder / "stats.jsonl").open("a") as stream:
        stream.write("\n".join(lines))
    assert read_curves(folder).stopped == "no"


def test_lines_beyond_the_state_are_cut(tmp_path, save_always):
    whole = start(tmp_path / "whole")
    with pytest.raises(Stop):
        start(tmp_path / "run", progress=stop_at(3))
    with (tmp_path / "run" / "stats.jsonl").open("a") as stream:
        stream.write('{"generation": 4, "metrics": {}, "n_real": 7, "n_synth": 9}\n{"gener')
    assert read_curves(tmp_path / "run").reached == 3
    assert start(tmp_path / "run").digest == whole.digest
    assert content(tmp_path / "run") == content(tmp_path / "whole")


TIMES = [b'{"data": 0.5, "fit": 1, "generation": %d, "metrics": 0.25}' % t for t in range(5)]


@pytest.mark.parametrize(
    ("left", "kept"),
    [
        (TIMES[1:4], TIMES[1:4]),
        (TIMES[1:], TIMES[1:4]),  # generation 4 was not saved
        ([*TIMES[1:4], TIMES[4][:9]], TIMES[1:4]),
        ([*TIMES[1:3], TIMES[3][:-1]], TIMES[1:3]),
        ([*TIMES[1:3], TIMES[3][:9] + TIMES[3]], TIMES[1:3]),
        ([TIMES[1], TIMES[3][:30], b"", *TIMES[2:4]], TIMES[1:4]),
        ([*TIMES[1:3], TIMES[2].replace(b"1", b"2"), TIMES[3], bytes(40), b"5", b"[]", b'{"a": 1}'],
         [TIMES[1], TIMES[2].replace(b"1", b"2"), TIMES[3]]),
        ([], []),
    ],
)  # fmt: skip
@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_run_that_goes_on_leaves_a_time_a_generation(left, kept, end, tmp_path, save_always):
    """Measurements, no results: what a kill tore goes, and what is run again is timed again."""
    whole, out = start(tmp_path / "whole"), tmp_path / "run"
    with pytest.raises(Stop):
        start(out, progress=stop_at(3))
    (out / "timings.jsonl").write_bytes(b"\n".join(left) + end)
    assert start(out).digest == whole.digest
    assert content(out) == content(tmp_path / "whole")
    lines = (out / "timings.jsonl").read_bytes().splitlines()
    assert lines[: len(kept)] == kept
    assert [store.timed(line)[0] for line in lines[len(kept) :]] == [4, 5, 6]


def test_a_line_of_times_is_read_or_refused():
    assert store.timed(TIMES[3]) == (3, 1.75)
    for line in (b"", b"5", b"[]", b"{}", b"null", b'{"generation": 1, "fit": "a"}', b"\xff\0",
                 b'{"generation": [1]}', b'{"generation": 1e999}', b"[" * 100_000):  # fmt: skip
        with pytest.raises(ValueError, match="damaged"):
            store.timed(line)


class Keeper:
    """Keeps nothing, and says so when it is asked."""

    def __init__(self):
        self.asked, self.gone = [], False

    def __call__(self, generation, model):
        pass

    def check(self, generation):
        self.asked.append(generation)
        if self.gone:
            raise ValueError("a file is gone")


def test_who_keeps_files_is_asked_before_a_run_goes_on(tmp_path, save_always):
    keeper, out = Keeper(), tmp_path / "run"
    with pytest.raises(Stop):
        start(out, keep=keeper, progress=stop_at(3))
    assert keeper.asked == []
    keeper.gone = True
    with pytest.raises(ValueError, match="a file is gone"):
        start(out, keep=keeper, model=Untouchable())
    keeper.gone = False
    assert start(out, keep=keeper).digest == start(out, keep=keeper).digest
    assert keeper.asked == [3, 3, 6]


def unfinished(tmp_path):
    with pytest.raises(Stop):
        start(tmp_path / "run", progress=stop_at(4))
    return tmp_path / "run"


def refused(folder, name):
    """The run is refused in one sentence that names the file; nothing is written over."""
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(ValueError, match=re.escape(name)) as caught:
        start(folder)
    assert "\n" not in str(caught.value)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("name", ["state", "arrays-0.npz", "arrays-4.npz", "stats.jsonl"])
def test_any_flipped_byte_is_damage(name, tmp_path, save_always):
    folder = unfinished(tmp_path)
    whole = (folder / name).read_bytes()
    for place in np.linspace(0, len(whole) - 1, 15).astype(int):
        spoiled = bytearray(whole)
        spoiled[place] ^= 0x10
        (folder / name).write_bytes(spoiled)
        refused(folder, name)


@pytest.mark.parametrize(
    "name", ["state", "arrays-0.npz", "arrays-4.npz", "stats.jsonl", "environment.json"]
)
@pytest.mark.parametrize("left", [None, 0, 0.6])
def test_a_missing_or_short_file_is_damage(name, left, tmp_path, save_always):
    folder = unfinished(tmp_path)
    whole = (folder / name).read_bytes()
    if left is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(whole[: int(left * len(whole))])
    refused(folder, name)


def test_a_folder_without_its_configuration_is_refused(tmp_path):
    folder = unfinished(tmp_path)
    (folder / "config.json").unlink()
    with pytest.raises(ValueError, match=r"without config.json that holds \w+"):
        start(folder)
    with pytest.raises(ValueError, match="out must be the folder of an engine run"):
        read_curves(folder)


def test_a_foreign_folder_is_refused(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "thesis.tex").write_text("all of it")
    with pytest.raises(ValueError, match=r"without config.json that holds thesis.tex"):
        start(tmp_path / "run")
    with pytest.raises(ValueError, match="out must lie in an existing folder"):
        start(tmp_path / "missing" / "run")
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="out must be a writable folder"):
        start(tmp_path / "file")


def test_a_start_that_was_killed_is_a_start(tmp_path):
    """Up to config.json, which is written last."""
    whole = start(tmp_path / "run")
    for name in ("config.json", "stats.jsonl", "timings.jsonl"):
        (tmp_path / "run" / name).unlink()
    for path in (tmp_path / "run").glob("arrays-[1-9]*"):
        path.unlink()
    assert start(tmp_path / "run").digest == whole.digest


def test_a_second_process_is_refused(tmp_path):
    held = []

    def second(generation, _):
        if generation == 2:
            with pytest.raises(ValueError, match="must be used by one process, got a second one"):
                start(tmp_path / "run")
            code = (
                "import sys\nfrom madtheory.engine.store import open_folder\n"
                "from pathlib import Path\n"
                "with open_folder(Path(sys.argv[1]), {'seed': 0}): pass\n"
            )
            command = [sys.executable, "-c", code, str(tmp_path / "run")]
            held.append(subprocess.run(command, capture_output=True, text=True, check=False))

    start(tmp_path / "run", progress=second)
    assert held[0].returncode == 1
    assert "must be used by one process" in held[0].stderr


def test_other_versions_are_refused(tmp_path):
    folder = unfinished(tmp_path)
    path = folder / "environment.json"
    path.write_text(path.read_text().replace(f'"numpy": "{np.__version__}"', '"numpy": "1.0"'))
    with pytest.raises(ValueError, match=r"was begun with numpy 1\.0 and must go on with it"):
        start(folder)


@pytest.mark.parametrize("versions", [None, 3, [["numpy"]]])
def test_an_environment_of_another_kind_is_not_as_it_was_written(tmp_path, versions):
    folder = unfinished(tmp_path)
    path = folder / "environment.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"versions": versions}))
    with pytest.raises(ValueError, match=r"as it was written|damaged"):
        start(folder)


def test_a_growing_pool_is_not_rewritten(tmp_path, save_always):
    """Bytes written are those of the batches, not of their sum: 30 batches of 80 kB each."""
    written = []

    def watch(generation, _):
        written.extend(
            (path.name, path.stat().st_size)
            for path in (tmp_path / "run").glob(f"arrays-{generation - 1}.npz")
        )

    loop = synthetic_augmentation(10, 10_000, pool="accumulate")
    start(tmp_path / "run", loop=loop, generations=30, progress=watch)
    assert len(written) == 30
    assert max(size for _, size in written) < 82_000
    assert (tmp_path / "run" / "state").stat().st_size < 20_000


def test_saving_keeps_to_its_share(tmp_path, monkeypatch):
    """Generations of no length: a state at the start, one a tenth of a second, one at the end."""
    saved = []
    write = store.RunFolder._write

    def slow(self, snapshot):
        write(self, snapshot)
        saved.append(snapshot.generation)

    monkeypatch.setattr(store.RunFolder, "_write", slow)
    monkeypatch.setattr(store, "SAVE_EVERY", 0.1)
    began = time.monotonic()
    start(tmp_path / "run", generations=400)
    assert saved[0] == 0
    assert saved[-1] == 400
    assert len(saved) <= 2 + (time.monotonic() - began) / 0.1


def test_a_model_without_parameters_is_a_model(tmp_path):
    class Noise(Normal):
        def save(self):
            return {}

        def load(self, arrays):
            assert arrays == {}
            return Noise()

    start(tmp_path / "run", model=Noise())
    assert read_model(tmp_path / "run", Noise()).std == 1.0
    with pytest.raises(ValueError, match="generation must be one whose model is kept, got 7"):
        read_model(tmp_path / "run", Noise(), 7)


def test_only_models_that_are_needed_stay(tmp_path, save_always):
    start(tmp_path / "run", loop=LOOPS["memory"], generations=20)
    assert read_model(tmp_path / "run", Normal(), 18).std > 0
    for t in (0, 17, 21):
        with pytest.raises(
            ValueError, match=f"generation must be one whose model is kept, got {t}"
        ):
            read_model(tmp_path / "run", Normal(), t)
    assert len(list((tmp_path / "run").glob("arrays-*"))) == 1 + 3
    # A pool of four batches: the next one is the fourth.
    start(tmp_path / "pool", loop=LOOPS["capped"], generations=20)
    kept = {path.name for path in (tmp_path / "pool").glob("arrays-*")}
    assert kept == {f"arrays-{t}.npz" for t in (0, 18, 19, 20)}


@pytest.mark.parametrize("name", ["config.json", "environment.json"])
def test_the_digest_seals_every_bit(name, tmp_path):
    start(tmp_path / "run", generations=2)
    path, digest = tmp_path / "run" / name, read_curves(tmp_path / "run").digest
    whole = path.read_bytes()
    for place, bit in itertools.product(range(len(whole)), range(8)):
        spoiled = bytearray(whole)
        spoiled[place] ^= 1 << bit
        path.write_bytes(spoiled)
        with pytest.raises(ValueError, match=rf"{name} must be .* remove .*run to start again"):
            read_curves(tmp_path / "run")
    with pytest.raises(ValueError, match=name):
        read_model(tmp_path / "run", Normal())
    path.write_bytes(whole)
    assert read_curves(tmp_path / "run").digest == digest


def test_a_changed_configuration_is_damage_before_it_is_another(tmp_path):
    start(tmp_path / "run")
    path = tmp_path / "run" / "config.json"
    path.write_text(path.read_text().replace('"seed": 0', '"seed": 1'))
    for seed in (0, 1):
        with pytest.raises(ValueError, match=r"config\.json must be a part of the state"):
            start(tmp_path / "run", seed=seed)


def test_what_killed_writers_left_is_swept(tmp_path):
    first = start(tmp_path / "run")
    mine = os.getpid()
    left = [f".arrays-3.npz.{mine}-1.tmp", ".state.1-1.tmp", ".config.json.99999999-5.tmp"]
    for name in left:
        (tmp_path / "run" / name).write_text("half")
    (tmp_path / "run" / "arrays-3.npz").write_text("of a state that was never written")
    assert start(tmp_path / "run").digest == first.digest
    assert not list((tmp_path / "run").glob(".*"))
    assert not (tmp_path / "run" / "arrays-3.npz").exists()


def test_absurd_sizes_and_an_empty_name_are_refused(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="generations must be at most 10000000, got 90071992547"):
        start(None, generations=2**53)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="out must name a folder, got ''"):
        start("")
    assert list(tmp_path.iterdir()) == []


def test_generations_that_are_measured():
    for total, every in itertools.product(range(1, 9), range(1, 12)):
        steps = {1, *range(every, total + 1, every), total}
        assert measured_generations(total, every).tolist() == sorted(steps)
