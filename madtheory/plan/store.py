"""The folder of a sweep on disk: what decides it, and the parquet dataset of finished points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from madtheory import files
from madtheory.files import disk, run_folder
from madtheory.files.atomic import sweep as sweep_temporaries
from madtheory.plan.grid import Point

if TYPE_CHECKING:
    import pandas as pd

FORMAT = "madtheory sweep 2"
VERSIONS = ("madtheory", "numpy", "numba", "scipy")
#: Columns beside the arguments and the values.
PLACE, ERROR = "point", "error"
#: Where a part keeps the digest of its rows and of the sweep that they are of. Pages have checksums
#: of their own; what says where they lie has none.
_SEAL = b"madtheory rows sha256"
#: What a start that was killed may have left: config.json comes last.
_EARLY = ("environment.json", "lock")

#: One finished point: its place in the grid, its values, and what it failed of.
Row = tuple[int, tuple[float, ...] | None, str | None]


def config_of(
    function: Point, points: list[Point], values: Sequence[str], seed: int | None
) -> dict[str, Any]:
    """All that decides the results of a sweep, as JSON values."""
    names = list(points[0])
    taken = [*names, *values, PLACE, ERROR]
    if len(set(taken)) < len(taken) or not values:
        twice = next((name for name in taken if taken.count(name) > 1), "none at all")
        raise ValueError(f"arguments and values must have names of their own, got {twice}")
    digest = files.sha256("\n".join(files.canonical_json(point) for point in points))
    grid = {"arguments": names, "points": len(points), "sha256": digest}
    fields = {"function": function, "grid": grid, "values": list(values), "seed": seed}
    return run_folder.configuration(FORMAT, fields)


def _schema(points: list[Point], values: Sequence[str]) -> Any:
    """Types of the columns: those of the grid's own values, and float64."""
    import pyarrow as pa

    named = [(name, _type(name, points)) for name in points[0]]
    numbers = [(name, pa.float64()) for name in values]
    return pa.schema([(PLACE, pa.int64()), *named, *numbers, (ERROR, pa.string())])


def _type(name: str, points: list[Point]) -> Any:
    """Type of one argument."""
    import pyarrow as pa

    try:
        return pa.array([point[name] for point in points]).type
    except (pa.ArrowException, OverflowError):
        raise ValueError(f"values of {name} in a grid must be of one kind, got several") from None


class Dataset:
    """Finished points of one sweep; open it with :func:`opened`."""

    def __init__(
        self, folder: Path, config: dict[str, Any], points: list[Point], values: tuple[str, ...]
    ) -> None:
        self.folder, self._points, self._values = folder / "points", points, values
        self._config = files.canonical_json(config)
        self._schema = _schema(points, values)
        self._parts: dict[Path, Any] = {}
        self._number = 0

    def load(self, *, retry: bool) -> set[int]:
        """Read all parts; return the places of their points. With `retry` failures are dropped."""
        disk.make_folder(self.folder)
        sweep_temporaries(self.folder, held=True)
        for path in sorted(self.folder.iterdir()):
            self._read(path)
            if retry:
                self._without_failures(path)
        places = [i for table in self._parts.values() for i in table[PLACE].to_pylist()]
        if len(set(places)) < len(places):
            raise self._damaged(self.folder, "one with a point twice")
        return set(places)

    def _damaged(self, path: Path, got: str) -> ValueError:
        cure = "to have its points done again" if path != self.folder else "to start again"
        return ValueError(
            f"{path} must hold finished points of this sweep, got {got}; remove it {cure}"
        )

    def _read(self, path: Path) -> None:
        """Read one part; the checksums of its pages are looked at, and that of its rows."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            number = int(path.stem.removeprefix("part-"))
            table = pq.ParquetFile(path, page_checksum_verification=True).read()
        except (pa.ArrowException, OSError, ValueError):
            raise self._damaged(path, "a damaged or foreign file") from None
        places = table[PLACE].to_pylist() if PLACE in table.column_names else [-1]
        if not table.schema.equals(self._schema) or not self._holds(places):
            raise self._damaged(path, "a file of another one")
        if (table.schema.metadata or {}).get(_SEAL) != self._seal(table):
            raise self._damaged(path, "other rows than it wrote")
        self._parts[path] = table.replace_schema_metadata(None)
        self._number = max(self._number, number + 1)

    def _holds(self, places: list[int]) -> bool:
        """Whether places are of this grid."""
        return all(0 <= i < len(self._points) for i in places)

    def _seal(self, table: Any) -> bytes:
        """Digest of the rows of a part, and of the sweep that they are of."""
        return files.sha256(self._config + repr(table.to_pylist())).encode()

    def _without_failures(self, path: Path) -> None:
        """Write a part anew without the points that failed."""
        table = self._parts[path]
        good = table.filter(table[ERROR].is_null())
        if good.num_rows == table.num_rows:
            return
        if good.num_rows:
            self._put(path, good)
        else:
            disk.remove(path)
            del self._parts[path]

    def _put(self, path: Path, table: Any) -> None:
        """Write one part, whole or not at all."""
        import pyarrow.parquet as pq

        sealed = table.replace_schema_metadata({_SEAL: self._seal(table)})
        with files.atomic_stream(path) as stream:
            pq.write_table(sealed, stream, write_page_checksum=True)
        self._parts[path] = table

    def write(self, rows: list[Row]) -> None:
        """Keep finished points as a part of their own."""
        import pyarrow as pa

        empty = (None,) * len(self._values)
        records = [
            {PLACE: i, **self._points[i], **dict(zip(self._values, x or empty, strict=True)),
             ERROR: error}
            for i, x, error in sorted(rows)
        ]  # fmt: skip
        table = pa.Table.from_pylist(records, schema=self._schema)
        self._put(self.folder / f"part-{self._number:08d}.parquet", table)
        self._number += 1

    def frame(self) -> pd.DataFrame:
        """All finished points, in the grid's order."""
        import pyarrow as pa

        table = pa.concat_tables([self._schema.empty_table(), *self._parts.values()])
        frame: pd.DataFrame = table.sort_by(PLACE).drop_columns([PLACE]).to_pandas()
        return frame


@contextmanager
def opened(
    folder: Path, config: dict[str, Any], points: list[Point], values: tuple[str, ...]
) -> Iterator[Dataset]:
    """Hold the folder of a sweep for this process alone; begin it, or check that it is the same."""
    homeless = f"the folder of a sweep must lie in an existing one, got {folder}; make that first"
    unwritable = f"the folder of a sweep must be one that can be written to, got {folder}"
    kept, here = Dataset(folder, config, points, values), run_folder.versions(VERSIONS)
    with run_folder.hold(folder, homeless=homeless, unwritable=unwritable):
        if not run_folder.begun(folder, "a sweep", _EARLY):
            found = run_folder.environment(config["seed"] or 0, here)
            run_folder.write_sealed(folder / "environment.json", found)
            files.atomic_write_json(folder / "config.json", config)
        known = run_folder.read_json(folder / "config.json")
        run_folder.same_config(folder, known, config)
        environment = run_folder.read_sealed(folder / "environment.json")
        run_folder.same_versions(folder, environment.get("versions"), here)
        yield kept
