"""Feature files, files written whole or not at all, run folders."""

from __future__ import annotations

import io
import math
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from madtheory import files
from madtheory.files import atomic, disk, features, pace, run_folder
from madtheory.plan import search
from tests.snapshot.rooms.engine_runs import ROWS
from tests.snapshot.rooms.found import Found
from tests.snapshot.told import answer, put, several


def feature_files(here: Path) -> dict[str, bytes]:
    """Files of features, good and bad, by name."""

    def npy(x: Any) -> bytes:
        buffer = io.BytesIO()
        np.save(buffer, x)
        return buffer.getvalue()

    def npz(**x: Any) -> bytes:
        buffer = io.BytesIO()
        np.savez(buffer, **x)
        return buffer.getvalue()

    def parquet(frame: pd.DataFrame) -> bytes:
        buffer = io.BytesIO()
        frame.to_parquet(buffer)
        return buffer.getvalue()

    three = ROWS[:3]
    frame = pd.DataFrame(three, columns=["a", "b"])
    long = npy(three)
    return {
        "a.npy": long,
        "fortran.npy": npy(np.asfortranarray(three)),
        "ints.npy": npy(np.arange(6).reshape(3, 2)),
        "bools.npy": npy(three > 0),
        "vector.npy": npy(three[:, 0]),
        "words.npy": npy(np.array([["a"]])),
        "cube.npy": npy(np.zeros((2, 2, 2))),
        "short.npy": long[:-8],
        "longer.npy": long + b"12345678",
        "head.npy": long[:30],
        "none.npy": b"",
        "wrong.npy": b"x" * 99,
        "version.npy": long[:6] + b"\x09" + long[7:],
        "one.npy": npy(three[:1]),
        "nan.npy": npy(three * np.nan),
        "columns.npy": npy(np.zeros((3, 0))),
        "rows.npy": npy(np.zeros((0, 3))),
        "huge.npy": npy(three.astype(np.longdouble) * np.longdouble(10) ** 400),
        "a.npz": npz(x=three),
        "two.npz": npz(x=three, features=2 * three),
        "arr.npz": npz(arr_0=3 * three, y=three),
        "both.npz": npz(x=three, y=three),
        "empty.npz": npz(),
        "cut.npz": npz(x=three)[:-30],
        "a.parquet": parquet(frame),
        "index.parquet": parquet(frame.set_index(pd.Index([5, 7, 9]))),
        "text.parquet": parquet(frame.assign(c="x")),
        "null.parquet": parquet(frame.assign(c=[1.0, None, 2.0])),
        "bool.parquet": parquet(frame.assign(c=[True, False, True])),
        "empty.parquet": parquet(pd.DataFrame(index=[0, 1])),
        "a.csv": b"1,2\n3,4\n",
        "header.csv": b"a,b\n1,2\n3,4\n",
        "counted.csv": b"0,1,2\n1,2,3\n4,5,6\n",
        "two.csv": b"0,1\n1,2\n3,4\n",
        "indexed.csv": b",a,b\n0,1,2\n1,3,4\n",
        "title.csv": b"a title,\n1,2\n3,4\n",
        "short.csv": b"a\n1,2\n3,4\n",
        "ragged.csv": b"1,2\n3,4\n5,6,7\n",
        "words.csv": b"a,b\n1,x\n2,y\n",
        "bom.csv": b"\xef\xbb\xbf1,2\n3,4\n",
        "latin.csv": b"\xe9,1\n2,3\n",
        "blank.csv": b"\n\n1,2\n\n3,4\n",
        "header only.csv": b"a,b\n",
        "control.csv": b"1,2\r3,4\n",
        "gap.csv": b"a,,c\n1,2,3\n4,5,6\n",
        "missing.csv": b"1,\n2,3\n",
        "one index.csv": b",\n0,1\n1,2\n",
        "quote.csv": b'"a b",c\n1,2\n3,4\n',
        "x.txt": b"1",
        "none": b"1",
        "UPPER.CSV": b"1,2\n3,4\n",
    }


def feature_reading(here: Path) -> Found:
    for name, content in feature_files(here).items():
        path = Path(name)
        path.write_bytes(content)
        yield (
            f"features {name}",
            [
                answer(lambda p=path: features.load_features(p)),
                answer(lambda p=path: features.load_numbers(p)),
            ],
        )
    (here / "d.csv").mkdir()
    os.mkfifo(here / "pipe.csv")
    yield from several(
        "features not files", features.load_features, "d.csv", "pipe.csv", "absent.npy"
    )
    for name, x in {
        "numbers row": b"1,2,3\n",
        "numbers column": b"a\n1\n2\n",
        "one number": b"5\n",
    }.items():
        Path("n.csv").write_bytes(x)
        yield name, answer(lambda: features.load_numbers("n.csv"))
    for name, x in {
        "equal": np.ones((4, 2)),
        "zero": np.zeros((4, 2)),
        "large": ROWS * 1e200,
        "small": ROWS * 1e-200,
        "wide": ROWS[:4].reshape(2, 4),
        "rank": np.column_stack([ROWS, ROWS[:, 0]]),
        "plain": ROWS,
        "moved": ROWS + 1e6,
    }.items():
        np.save("e.npy", x)
        yield f"eigenvalues {name}", answer(lambda: features.feature_eigenvalues("e.npy"))
    with put(features, MAX_FEATURE_BYTES=40, BLOCK_BYTES=16):
        names = ("a.npy", "a.npz", "a.parquet", "a.csv", "header.csv", "counted.csv")
        yield from several("features too large", features.load_features, *names)
    with put(features, BLOCK_BYTES=8):
        yield (
            "features by blocks",
            [
                answer(lambda n=n: features.load_features(n))
                for n in ("a.npy", "fortran.npy", "short.npy", "a.parquet", "a.npz")
            ],
        )
    with zipfile.ZipFile("other.npz", "w") as archive:
        archive.writestr("a.txt", "x")
    yield "features other archive", answer(lambda: features.load_features("other.npz"))


def writing(here: Path) -> Found:
    folder = here / "w"
    folder.mkdir()
    files.atomic_write_json(folder / "a.json", {"b": (1, math.nan), "a": np.arange(2)})
    files.atomic_write_text(folder / "b", "ü")
    yield "written", {x.name: x.read_text() for x in sorted(folder.iterdir())}

    def half() -> None:
        with files.atomic_stream(folder / "b") as stream:
            stream.write(b"half")
            raise KeyError("stop")

    yield (
        "half written",
        [answer(half), (folder / "b").read_text(), sorted(x.name for x in folder.iterdir())],
    )
    thread = atomic.threading.get_ident()
    names = [
        f".a.{os.getpid()}-{thread}.tmp",
        f".a.{os.getpid()}-1.tmp",
        ".a.999999999-1.tmp",
        ".b.999999999-1.tmp",
        ".c.tmp",
        "d.999999999-1.tmp",
    ]
    told = lambda: [i for i, name in enumerate(names) if (folder / name).exists()]  # noqa: E731
    left = []
    for how in ({"name": "a"}, {}, {"held": True}):
        for name in names:
            (folder / name).touch()
        atomic.sweep(folder, **how)
        left.append(told())
    yield "swept", left
    (folder / "link").symlink_to(folder / "b")
    files.atomic_write_text(folder / "link", "through")
    yield (
        "links",
        [
            (folder / "b").read_text(),
            (folder / "link").is_symlink(),
            answer(lambda: files.atomic_write_text("/dev/null", "x")),
            answer(lambda: files.atomic_write_text("no/such/x", "x")),
        ],
    )
    disk.make_folder(folder / "x/y")
    disk.cut(folder / "a.json", 3)
    disk.remove(folder / "never")
    yield (
        "disk",
        [
            (folder / "x/y").is_dir(),
            (folder / "a.json").read_text(),
            answer(lambda: disk.make_folder(Path("w/b/c"))),
            answer(lambda: disk.make_folder(Path("w/b"))),
        ],
    )
    things = (
        None,
        True,
        1,
        0.1,
        -0.0,
        1e300,
        "é",
        math.inf,
        np.float32(0.1),
        np.arange(3),
        np.array([1.0, math.nan]),
        {"b": 1, 2: (3,)},
        Path("a/b"),
        search.Range(1.0, 2.0, 3.0),
    )
    yield "canonical", [files.canonical_json(x) for x in things]
    yield (
        "canonical refused",
        [
            answer(lambda x=x: files.canonical_json(x))
            for x in ({1, 2}, b"x", object(), np.array(["a"]))
        ],
    )
    yield "json text", files.json_text({"b": [1], "a": {}})
    yield "digests", [files.sha256("é"), files.sha256(b"a"), files.sha256_file(folder / "b")]
    clock = [0.0]
    with put(pace.time, monotonic=lambda: clock[0]):
        one, dues = pace.Pace(10.0, 0.1), []
        for at, took in (
            (5.0, 0),
            (10.0, 0.5),
            (19.0, 0),
            (20.5, 4.0),
            (60.0, 0),
            (64.4, 0),
            (64.6, 0.1),
        ):
            clock[0] = at
            dues.append(one.due())
            if took:
                clock[0] = at + took
                one.rest(at)
    yield "pace", dues


def folders(here: Path) -> Found:
    words = {"homeless": "no home", "unwritable": "cannot write"}
    (here / "begun").mkdir()
    with run_folder.hold(Path("begun"), **words):
        second = answer(lambda: run_folder.hold(Path("begun"), **words).__enter__())
    with run_folder.hold(Path("begun"), **words):
        yield (
            "held",
            [second, sorted(x.name for x in Path("begun").iterdir()), len(run_folder._HELD)],
        )
    Path("begun/.x.1-1.tmp").touch()
    yield (
        "begun",
        [
            run_folder.begun(Path("begun"), "a run", ("lock",)),
            sorted(x.name for x in Path("begun").iterdir()),
        ],
    )
    Path("begun/state").touch()
    yield (
        "strangers",
        [
            answer(lambda: run_folder.begun(Path("begun"), "a run", ("lock",))),
            run_folder.strangers(Path("begun"), ("state",)),
        ],
    )
    Path("begun/config.json").write_text("{}")
    yield "goes on", run_folder.begun(Path("begun"), "a run", ())
    Path("plain file").touch()
    yield (
        "made",
        [
            answer(lambda p=p: run_folder.make(Path(p), **words))
            for p in ("no/such", "plain file", "plain file/x", "new")
        ],
    )
    pairs = (
        ({"a": 1}, {"a": 1}),
        ({"a": 1}, {"a": 2}),
        ({"chunk": 1, "b": 1}, {"chunk": 2, "b": 2}),
        ({"chunk": 1}, {"chunk": 2}),
        ({"a": 1, "b": 2}, {"a": 1}),
        (None, {"a": 1}),
    )
    yield (
        "same configuration",
        [answer(lambda a=a, b=b: run_folder.same_config(Path("p"), a, b)) for a, b in pairs],
    )
    yield (
        "same versions",
        [
            answer(lambda a=a: run_folder.same_versions(Path("p"), a, {"x": "1"}))
            for a in ({"x": "1", "y": "2"}, {"x": "2"}, {}, None)
        ],
    )
    for text in ("{}", "[]", "x", "", "[" * 100_000):
        Path("j").write_text(text)
        yield f"json {text[:5]!r}", answer(lambda: run_folder.read_json(Path("j")))
    yield "no json", answer(lambda: run_folder.read_json(Path("absent")))
    yield "configuration", run_folder.configuration("kind 1", {"b": (1, 2), "a": np.arange(2)})
    found = run_folder.environment(3, {"a": "1"})
    yield (
        "environment",
        [
            sorted(found),
            found["seed"],
            found["versions"],
            sorted(run_folder.versions(["numpy", "no-such"])),
        ],
    )
    yield (
        "damaged",
        str(run_folder.damaged(Path("a/b"), "this", "that"))
        + str(run_folder.damaged(Path("a/b"), "this")),
    )
    yield "git", run_folder._git_state(Path("/no/such/file"))
