"""Features in every format, refusals in one sentence, eigenvalues."""

import io
import math
import os
import re
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from madtheory import files
from madtheory.files import features

X = np.random.default_rng(5).normal(size=(7, 3)) @ np.diag([1.0, 2.0, 5.0]) + 3.0


def save(folder: Path, name: str) -> Path:
    path = folder / name
    if name.endswith(".npy"):
        np.save(path, X)
    elif name.endswith(".npz"):
        np.savez_compressed(path, X)
    elif name.endswith(".parquet"):
        pd.DataFrame(X, columns=["a", "b", "c"], index=[f"r{i}" for i in range(7)]).to_parquet(path)
    else:
        pd.DataFrame(X).to_csv(path, header="head" in name, index="index" in name)
    return path


@pytest.mark.parametrize(
    "name", ["x.npy", "x.NPY.npy", "x.npz", "x.parquet", "plain.csv", "head.csv", "head-index.csv"]
)
def test_every_format_gives_the_same_matrix(tmp_path: Path, name: str) -> None:
    np.testing.assert_allclose(files.load_features(save(tmp_path, name)), X, rtol=1e-15)


def test_words_in_the_first_row_are_a_header(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("a,2\n1,2\n3,4\n")
    assert files.load_features(path).tolist() == [[1, 2], [3, 4]]


def test_two_counted_columns_are_data(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("0,1\n1,0\n1,1\n")
    assert files.load_features(path).shape == (3, 2)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<i2", "|u1", "|b1"])
def test_npy_of_any_numeric_type_and_order(tmp_path: Path, dtype: str, order: str) -> None:
    array = np.array([[0, 1, 1], [1, 0, 0]], dtype=dtype, order=order)
    np.save(tmp_path / "x.npy", array)
    loaded = files.load_features(tmp_path / "x.npy")
    assert loaded.dtype == np.float64
    assert loaded.tolist() == array.astype(float).tolist()


@pytest.mark.parametrize("key", ["features", "arr_0"])
def test_npz_of_several_arrays_needs_a_known_name(tmp_path: Path, key: str) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, **{key: X, "labels": np.arange(7)})
    np.testing.assert_array_equal(files.load_features(path), X)
    np.savez(path, arr_0=2 * X, features=X)  # the name that says it wins
    np.testing.assert_array_equal(files.load_features(path), X)
    np.savez(path, left=X, right=X)
    with pytest.raises(ValueError, match=r"x\.npz .*one array .*got left, right"):
        files.load_features(path)


def broken(folder: Path) -> dict[str, Path]:
    """Files that must be refused, by what is wrong with them."""
    made: dict[str, Path] = {}

    def text(name: str, content: str) -> None:
        made[name] = folder / f"{name}"
        made[name].write_bytes(content.encode("latin-1"))

    def array(name: str, value: object) -> None:
        made[name] = folder / f"{name}.npy"
        np.save(made[name], np.asarray(value), allow_pickle=True)

    for ending in ("npy", "npz", "parquet", "csv"):
        text(f"empty.{ending}", "")
        text(f"garbage.{ending}", "\x93NUMPY no, \xff\n" * 9)
    text("words.csv", "a,b\n1,x\n2,3\n")
    text("hole.csv", "1,2\n1,\n2,3\n")
    text("hole-first.csv", ",2\n1,4\n2,3\n")
    text("ragged.csv", "1,2\n1,3,4\n2,3\n")
    text("header-only.csv", "a,b\n")
    text("latin.csv", "ä,b\n1,2\n3,5\n")
    text("one-row.csv", "1,2\n")
    text("infinite.csv", "1,2\n3,inf\n")
    text("unknown.txt", "1,2\n3,4\n")
    text("none", "1,2\n3,4\n")
    array("objects", np.array([{}, []], dtype=object))
    array("strings", [["a", "b"], ["c", "d"]])
    array("complex", [[1j, 2], [3, 4]])
    array("vector", [1.0, 2.0, 3.0])
    array("cube", np.zeros((2, 2, 2)))
    array("row", [[1.0, 2.0]])
    array("nothing", np.zeros((0, 3)))
    array("columnless", np.zeros((3, 0)))
    array("nan", [[1.0, math.nan], [2.0, 3.0]])
    whole = (folder / "nan.npy").read_bytes()
    made["cut"] = folder / "cut.npy"
    made["cut"].write_bytes(whole[:-1])
    made["absent"] = folder / "absent.npy"
    made["folder"] = folder / "folder.npy"
    made["folder"].mkdir()
    made["nulls"] = folder / "nulls.parquet"
    pd.DataFrame({"a": [1, None], "b": [2.0, 3.0]}).to_parquet(made["nulls"])
    made["text"] = folder / "text.parquet"
    pd.DataFrame({"a": ["x", "y"], "b": [2.0, 3.0]}).to_parquet(made["text"])
    made["no arrays"] = folder / "no-arrays.npz"
    np.savez(made["no arrays"])
    return made


def test_every_unusable_file_is_refused_in_one_sentence_that_names_it(tmp_path: Path) -> None:
    for path in broken(tmp_path).values():
        with pytest.raises(ValueError, match=r".") as caught:
            files.load_features(path)
        message = str(caught.value)
        assert str(path) in message, message
        assert "\n" not in message
        assert not message.endswith(".")


#: All that is said of damaged bytes.
DAMAGED = (
    r"must (begin as \.npy files do, got other bytes; save the array anew"
    r"|have a header of shape, order and type, got a damaged one; save the array anew"
    r"|be an archive of numpy, got a damaged one; save the array anew"
    r"|be \.npy format 1\.0 or 2\.0, got \d+\.\d+"
    r"|hold the \d+ bytes that its header promises, got \d+"
    r"|hold one array, got more after the \d+ bytes of the first"
    r"|hold one array or one named features or arr_0, got none; name one features"
    r"|be numeric, got dtype .*"
    r"|have at least 2 rows, got 0"
    r"|be finite, got .*)"
)


@pytest.mark.parametrize("ending", ["npy", "npz"])
def test_any_bit_that_is_wrong_is_said_in_words_of_ours(tmp_path: Path, ending: str) -> None:
    whole = save(tmp_path, f"x.{ending}").read_bytes()
    # Of an .npy file the header: data have no checksum there.
    bits = range(8 * 128) if ending == "npy" else range(0, 8 * len(whole), 3)
    path, refused = tmp_path / f"wrong.{ending}", 0
    for bit in bits:
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        try:
            found = files.load_features(path)
        except ValueError as error:
            refused += 1
            said = str(error).removeprefix(f"{path} is no usable .{ending} file: ")
            assert re.fullmatch(DAMAGED, said.removeprefix(f"{path} ")), (bit, said)
        else:  # an archive has a checksum: dates and the like were hit
            assert ending == "npy" or np.array_equal(found, X)
    assert refused > 0.7 * len(bits)


def test_two_arrays_in_one_npy_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "two.npy"
    with path.open("wb") as stream:
        np.save(stream, X)
        np.save(stream, X)
    with pytest.raises(ValueError, match=f"one array, got more after the {8 * X.size} bytes of th"):
        files.load_features(path)


@pytest.mark.parametrize("ending", ["npy", "npz"])
def test_a_file_that_was_cut_is_said_in_words_of_ours(tmp_path: Path, ending: str) -> None:
    path = save(tmp_path, f"x.{ending}")
    whole = path.read_bytes()
    for size in range(0, len(whole) - 1, 7):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=f"is no usable .{ending} file: {DAMAGED}"):
            files.load_features(path)


def test_npz_that_unpacks_to_too_much_is_refused_by_its_declared_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, np.zeros((1000, 1000)))
    assert path.stat().st_size < 20_000
    monkeypatch.setattr(features, "MAX_FEATURE_BYTES", 10**6)
    with pytest.raises(ValueError, match=r"bomb\.npz .*at most 1000000 bytes, got 80"):
        files.load_features(path)


def test_a_header_that_promises_more_than_the_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    with zipfile.ZipFile(path, "w") as archive, archive.open("a.npy", "w") as member:
        header = {"descr": "<f8", "fortran_order": False, "shape": (10**5, 10**3)}
        np.lib.format.write_array_header_1_0(member, header)
    with pytest.raises(ValueError, match="header promises"):
        files.load_features(path)


@pytest.mark.parametrize("name", ["x.parquet", "x.csv", "x.npy"])
def test_the_size_limit_holds_for_every_format(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(features, "MAX_FEATURE_BYTES", 100)
    with pytest.raises(ValueError, match="at most 100 bytes"):
        files.load_features(save(tmp_path, name))


def test_eigenvalues_are_those_of_the_sample_covariance(tmp_path: Path) -> None:
    expected = np.linalg.eigvalsh(np.cov(X, rowvar=False))[::-1]
    values = files.feature_eigenvalues(save(tmp_path, "x.npy"))
    np.testing.assert_allclose(values, expected, rtol=1e-12)


@pytest.mark.parametrize("shape", [(4, 9), (30, 5)])
@pytest.mark.parametrize("scale", [1e-70, 1.0, 1e70])
def test_rank_deficiency_gives_exact_zeros(
    tmp_path: Path, shape: tuple[int, int], scale: float
) -> None:
    n, d = shape
    rng = np.random.default_rng(1)
    rank = min(n - 1, 3)
    x = rng.normal(size=(n, rank)) @ rng.normal(size=(rank, d)) + 0.1
    np.save(tmp_path / "x.npy", scale * x)
    values = files.feature_eigenvalues(tmp_path / "x.npy")
    assert values.shape == (d,)
    assert np.count_nonzero(values) == rank
    expected = np.linalg.eigvalsh(np.cov(x, rowvar=False))[::-1][:rank]
    np.testing.assert_allclose(values[:rank] / scale**2, expected, rtol=1e-11)


def test_digits_have_rank_61(tmp_path: Path) -> None:
    from sklearn.datasets import load_digits

    digits = load_digits().data
    np.savez_compressed(tmp_path / "x.npz", digits)
    values = files.feature_eigenvalues(tmp_path / "x.npz")
    assert np.count_nonzero(values) == 61
    assert values.sum() == pytest.approx(digits.var(axis=0, ddof=1).sum(), rel=1e-12)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e300])
def test_equal_rows_have_no_covariance(tmp_path: Path, value: float) -> None:
    np.save(tmp_path / "x.npy", np.full((5, 2), value))
    with pytest.raises(ValueError, match=r"x\.npy must have rows that differ, got 5 equal ones"):
        files.feature_eigenvalues(tmp_path / "x.npy")


@pytest.mark.parametrize("scale", [1e200, 1e80, 1e-80, 1e-200])
def test_variances_whose_squares_leave_float64_are_refused(tmp_path: Path, scale: float) -> None:
    np.save(tmp_path / "x.npy", scale * X)
    with pytest.raises(ValueError, match="whose squares float64 can hold"):
        files.feature_eigenvalues(tmp_path / "x.npy")


@pytest.mark.parametrize("name", ["x.npy", "x.npz", "x.parquet", "plain.csv", "head-index.csv"])
@pytest.mark.parametrize("block", [8, 50, 100])
def test_blocks_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, block: int
) -> None:
    path = save(tmp_path, name)
    whole = files.load_features(path)
    if name.endswith(".csv"):
        first = features._first_rows(path)  # must lie in a block
        monkeypatch.setattr(features, "_first_rows", lambda _: first)
    monkeypatch.setattr(features, "BLOCK_BYTES", block)
    np.testing.assert_array_equal(files.load_features(path), whole)


@pytest.mark.parametrize("order", ["C", "F"])
def test_memory_is_that_of_the_matrix_and_a_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    path = tmp_path / "x.npz"
    array = np.zeros((20_000, 100), dtype=np.float32, order=order)
    array[:, 3] = np.arange(20_000)
    np.savez_compressed(path, array)
    assert path.stat().st_size < 200_000
    monkeypatch.setattr(features, "BLOCK_BYTES", 2**18)
    files.load_features(path)  # what is imported is no part of it
    tracemalloc.start()
    loaded = files.load_features(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.array_equal(loaded, array)
    # A mask of bytes says whether all is finite.
    assert peak < loaded.nbytes * 1.125 + 2**20


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("My results\n1,2,3\n4,5,7\n7,8,1\n", "1 in the first and 3 in the second"),
        ("My results\n\na,b\n1,2\n4,5\n", "1 in the first and 2 in the second"),
        ("a,b\n1,2,3\n4,5,7\n7,8,1\n", "2 in the first and 3 in the second"),
        ("a,b\n1,2,\n4,5,\n", "2 in the first and 3 in the second"),
        ("a,b,c\n1,2\n4,5\n", "3 in the first and 2 in the second"),
        (",a,b\n0,1,2,3\n1,4,5,6\n", "3 in the first and 4 in the second"),
        ('"one, two"\n1,2\n3,5\n', "1 in the first and 2 in the second"),
    ],
)
def test_a_title_or_a_header_of_other_length_is_refused(
    tmp_path: Path, text: str, counts: str
) -> None:
    """pandas would take the leading columns for an index, and leave one or two of three."""
    path = tmp_path / "x.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=rf"x\.csv .*as many columns in all rows, got {counts}; "):
        files.load_features(path)


@pytest.mark.parametrize(
    ("first", "column"), [("My results,,", 2), ("a,,c", 2), (",a,", 3), ("x, ,0", 2)]
)
def test_a_header_with_empty_names_is_a_title(tmp_path: Path, first: str, column: int) -> None:
    path = tmp_path / "x.csv"
    path.write_text(f"{first}\n1,2,3\n4,5,7\n7,8,1\n")
    with pytest.raises(ValueError, match=rf"x\.csv .*got no name for column {column}; remove"):
        files.load_features(path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a,b,c\n1,2,3\n4,5,7\n7,8,9,1\n", "must have rows of one length"),
        ("a,b,c\n1,2,3\n\n7,8\n", "3 cells in every row as in the first, got 2 in line 4"),
        (",a,b\n0,1,2\n1,3\n", "3 cells in every row as in the first, got 2 in line 3"),
        ("1,2\n1,\n2,3\n", "no empty cells, got one in column 2 of line 2"),
        ('a,"b\nc"\n1,2\n,3\n', "no empty cells, got one in column 1 of line 4"),
        ("1,\n2,3\n", "no empty cells, got one in column 2 of line 1"),
        ("1,2,\n3,4,\n5,6,\n", "lines that end in a number, got a comma; remove it"),
        ("a,b,\n1,2,\n3,4,\n", "got no name for column 3; remove titles, and commas at the ends"),
        ("1,2\nNA,3\n3,4\n", "must be finite, got a NaN or infinity in row 2"),
    ],
)
def test_a_row_that_is_not_whole_is_said_to_be_that(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "x.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=rf"x\.csv .*{words}"):
        files.load_features(path)


@pytest.mark.parametrize("name", ["x.npy", "x.npz", "x.parquet", "x.csv"])
def test_a_pipe_or_a_device_is_refused_not_waited_for(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    (tmp_path / f"zero-{name}").symlink_to("/dev/zero")
    for path in (tmp_path / name, tmp_path / f"zero-{name}"):
        with pytest.raises(ValueError, match="must be a regular file, got a pipe or a device"):
            files.load_features(path)


@pytest.mark.parametrize(
    "shape", [(-1, 8), (8, -8), (0, 10**12), (2**40, 2**40), (3, 10**12), (4,)]
)
@pytest.mark.parametrize("ending", ["npy", "npz"])
def test_a_header_that_lies_costs_no_memory(
    tmp_path: Path, shape: tuple[int, ...], ending: str
) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f8", "fortran_order": False, "shape": shape}
    )
    path, content = tmp_path / f"x.{ending}", header.getvalue() + bytes(4096)
    if ending == "npy":
        path.write_bytes(content)
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.npy", content)
    tracemalloc.start()
    with pytest.raises(ValueError, match=r"x\.np. "):
        files.load_features(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**20


def test_an_archive_with_a_changed_bit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, X)
    content = bytearray(path.read_bytes())
    content[content.index(X.tobytes()) + 9] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.npz is no usable \.npz file: must be an archive of"):
        files.load_features(path)


def test_a_dictionary_of_many_values_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few rows of parquet may unpack to much."""
    path = tmp_path / "x.parquet"
    pd.DataFrame({"a": np.arange(1000.0), "b": np.arange(1000.0)}).to_parquet(path)
    monkeypatch.setattr(features, "MAX_FEATURE_BYTES", 16_000)
    with pytest.raises(ValueError, match="at most 16000 bytes, got"):
        files.load_features(path)


def test_as_many_bytes_as_are_allowed_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "MAX_FEATURE_BYTES", 8 * X.size)
    np.testing.assert_array_equal(files.load_features(save(tmp_path, "x.npy")), X)


def test_eigenvalues_of_a_billionth_are_no_rounding(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 3e-5], [0.0, -3e-5]]))
    found = files.feature_eigenvalues(tmp_path / "x.npy")
    np.testing.assert_allclose(found, [2 / 3, 6e-10], rtol=1e-9)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("   \n  \n", "must not be empty"),
        ("\r\r", "must not be empty"),
        ("1,2\r3,4\r5,6", "must have lines that end in a line feed"),
        ("a,b\n", "must have at least 2 rows, got 0"),
    ],
)
def test_a_csv_file_without_rows_is_refused_in_our_words(
    text: str, rule: str, tmp_path: Path
) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(text.encode())
    with pytest.raises(ValueError, match=rf"x\.csv .*{rule}"):
        files.load_features(path)


@pytest.mark.parametrize("names", [["id"], ["place", "id"]])
def test_a_named_index_of_a_parquet_is_no_feature(names: list[str], tmp_path: Path) -> None:
    """As pandas reads it: beside the features, be it of numbers or of words."""
    levels = [np.arange(10, 17), [f"r{i}" for i in range(7)]][: len(names)]
    index = pd.MultiIndex.from_arrays(levels, names=names)
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    frame.index = index if len(names) > 1 else pd.Index(levels[0], name="id")
    frame.to_parquet(tmp_path / "x.parquet")
    assert np.array_equal(files.load_features(tmp_path / "x.parquet"), X)
    # A column that is no index stays, whatever its name.
    frame.reset_index(drop=True).rename(columns={"a": "id"}).to_parquet(tmp_path / "y.parquet")
    assert np.array_equal(files.load_features(tmp_path / "y.parquet"), X)


def written(frame: pd.DataFrame, path: Path) -> Path:
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    else:
        frame.to_parquet(path)
    return path


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_named_columns_are_the_same_in_all_files(tmp_path: Path, suffix: str) -> None:
    frame = pd.DataFrame(np.arange(12.0).reshape(4, 3), columns=list("abc"))
    nameless = tmp_path / "x.npy"
    np.save(nameless, frame.to_numpy())
    first = written(frame, tmp_path / f"first.{suffix}")
    again = written(frame, tmp_path / f"again.{suffix}")
    assert all(
        np.array_equal(x, frame) for x in files.load_sets([nameless, first, again, nameless])
    )
    turned = written(frame[["a", "c", "b"]], tmp_path / f"turned.{suffix}")
    said = f"{turned} must have the columns of {first} in the same order, got 'c' for 'b' in column"
    with pytest.raises(ValueError, match=re.escape(said + " 2")):
        files.load_sets([nameless, first, again, turned])
    # An index is no column.
    frame.to_csv(tmp_path / "index.csv")
    assert np.array_equal(files.load_sets([first, tmp_path / "index.csv"])[1], frame)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n\n3,x\n", "'x' in column 2 of line 4"),
        (".5\nw\n.7\n", "'w' in column 1 of line 2"),
        (",a,b\nr0,1,2\nr1,1 2,3\n", "'1 2' in column 2 of line 3"),
        ("a\n1\n" + "y" * 60 + "\n", f"'{'y' * 40}…' in column 1 of line 3"),
        ("a\n1\n" + "y" * 140_000 + "\n", "column 'a' of type str"),
    ],
)
@pytest.mark.parametrize("block", [1, 16 * 1024**2])
def test_a_word_among_numbers_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, said: str, block: int
) -> None:
    """Whatever block of rows it is read in."""
    path = tmp_path / "x.csv"
    path.write_text(text, encoding="utf-8")
    real = features._first_rows
    monkeypatch.setattr(features, "_first_rows", lambda path: first)
    first = real(path)
    monkeypatch.setattr(features, "BLOCK_BYTES", block)
    with pytest.raises(ValueError, match=re.escape(f"must be numeric, got {said}")):
        files.load_features(path)
