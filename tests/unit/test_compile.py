"""Machine code on disk: never stale, never a traceback, whatever lies there."""

import importlib.util
import pkgutil
import re
import subprocess
import sys
from pathlib import Path

import numba
import numpy
import pytest

import madtheory
from madtheory import _compile

CALLEE = """
from madtheory._compile import kernel
SHIFT = 1.0
@kernel
def inner(x):
    return {inner}
"""
CALLER = """
import callee
from callee import SHIFT, inner
from madtheory._compile import in_place, kernel, reducing_kernel
@kernel
def outer(x):
    return 2.0 * inner(x)
@kernel
def through_module(x):
    return 2.0 * callee.inner(x)
@kernel
def shifted(x):
    return x + SHIFT
@kernel
def far(x):
    return outer(x) + 1.0
@{decorator}
def total(x):
    return (x + 1.0) + 2.0
"""


@pytest.fixture(autouse=True)
def places(tmp_path, monkeypatch):
    """Machine code of the tests goes to a place of their own."""
    found = [tmp_path / "cache"]
    monkeypatch.setattr(_compile, "folders", lambda: tuple(found))
    return found


def load(folder: Path, inner: str = "x + 1.0", *, shift: str = "1.0", decorator: str = "kernel"):
    """The functions of a process that starts with these two files."""
    texts = {
        "callee": CALLEE.format(inner=inner).replace("SHIFT = 1.0", f"SHIFT = {shift}"),
        "caller": CALLER.format(decorator=decorator),
    }
    try:
        for name, text in texts.items():
            path = folder / f"{name}.py"
            path.write_text(text)
            spec = importlib.util.spec_from_file_location(name, path)
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            sys.modules[name] = module
            exec(compile(text, path, "exec"), vars(module))  # not through a cached .pyc
    finally:
        for name in texts:
            sys.modules.pop(name, None)
    return module


def hit(function) -> bool:
    """Whether its machine code came from the disk."""
    hits, misses = sum(function._cache_hits.values()), sum(function._cache_misses.values())
    assert hits + misses == 1
    return bool(hits)


def files(places) -> list[Path]:
    return sorted(places[0].iterdir())


def test_a_second_process_compiles_nothing(tmp_path):
    for known in (False, True):
        module = load(tmp_path)
        assert module.outer(1.0) == 4.0
        assert hit(module.outer) is known


@pytest.mark.parametrize("name", ["outer", "through_module", "far"])
def test_an_edited_callee_in_another_file_is_seen(tmp_path, places, name):
    extra = 1.0 if name == "far" else 0.0
    for inner, expected in (("x + 1.0", 4.0), ("x + 100.0", 202.0), ("x * 3.0", 6.0)):
        function = getattr(load(tmp_path, inner), name)
        assert function(1.0) == expected + extra
        assert not hit(function)
    assert hit_again(tmp_path, "x * 3.0", name)
    # What is stale is gone: one file for each function.
    stems = [path.name.split("-")[0] for path in files(places)]
    assert len(stems) == len(set(stems))


def hit_again(folder: Path, inner: str, name: str) -> bool:
    function = getattr(load(folder, inner), name)
    function(1.0)
    return hit(function)


def test_an_edited_constant_of_another_file_is_seen(tmp_path):
    for shift, expected, known in (("1.0", 2.0, False), ("5.0", 6.0, False), ("5.0", 6.0, True)):
        function = load(tmp_path, shift=shift).shifted
        assert function(1.0) == expected
        assert hit(function) is known


def test_an_edited_default_of_another_file_is_seen(tmp_path, monkeypatch):
    # Another default of a function itself is another signature; of a callee it is no one's.
    plain = CALLEE
    for by, expected in (("1.0", 4.0), ("7.0", 16.0)):
        monkeypatch.setattr(sys.modules[__name__], "CALLEE", plain.replace("(x)", f"(x, by={by})"))
        function = load(tmp_path, "x + by").outer
        assert function(1.0) == expected
        assert not hit(function)


def test_other_rules_of_arithmetic_are_other_code(tmp_path):
    for decorator in ("kernel", "in_place", "reducing_kernel"):
        function = load(tmp_path, decorator=decorator).total
        assert function(1.0) == 4.0
        assert not hit(function)


def test_a_line_that_moves_changes_nothing(tmp_path, monkeypatch):
    assert load(tmp_path).outer(1.0) == 4.0
    monkeypatch.setattr(sys.modules[__name__], "CALLER", "\n# a comment\n\n" + CALLER)
    assert hit_again(tmp_path, "x + 1.0", "outer")


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:-1],
        lambda data: data[: len(data) // 2],
        lambda data: data[:10],
        lambda data: data[:100] + b"\xff" * 8 + data[108:],
        lambda data: b"not machine code",
        lambda data: data + b"more",
    ],
)
def test_a_damaged_file_is_compiled_again(tmp_path, places, damage):
    load(tmp_path).outer(1.0)
    for path in files(places):
        path.write_bytes(damage(path.read_bytes()))
    for known in (False, True):
        module = load(tmp_path)
        assert module.outer(1.0) == 4.0
        assert hit(module.outer) is known


def test_whole_files_that_are_something_else_are_compiled_again(tmp_path, places):
    module = load(tmp_path)
    assert module.outer(1.0) == 4.0
    assert module.outer(1) == 4.0  # another signature
    real, whole = (path for path in files(places) if "outer" in path.name)
    a, b = real.read_bytes(), whole.read_bytes()
    real.write_bytes(b)
    whole.write_bytes(a)
    assert not hit_again(tmp_path, "x + 1.0", "outer")
    for content in (b"no pickle", _compile.DUMPS((1, 2, 3)), _compile.DUMPS("text")):
        for path in files(places):
            path.unlink()
        name = next(path.name for path in (real, whole))
        _compile._write(name, "nothing", content)
        assert load(tmp_path).outer(1.0) == 4.0
        assert load(tmp_path).outer(1) == 4.0


def test_a_file_under_the_name_of_another_kernel_is_compiled_again(tmp_path, places):
    """Of kernels of one signature one was taken for the other."""
    module = load(tmp_path)
    assert module.outer(1.0) == 4.0
    (path,) = (path for path in files(places) if "outer" in path.name)
    content = path.read_bytes()
    other = load(tmp_path, "x + 9.0")
    known = other.outer(1.0)
    assert known != 4.0
    (name,) = (one for one in files(places) if "outer" in one.name)
    name.write_bytes(content)
    assert load(tmp_path, "x + 9.0").outer(1.0) == known


def test_code_of_another_machine_or_version_is_not_looked_at(tmp_path, monkeypatch):
    load(tmp_path).outer(1.0)
    assert {*_compile.VERSIONS} == {sys.version, numpy.__version__, numba.__version__}
    monkeypatch.setattr(_compile, "VERSIONS", ("another",))
    assert not hit_again(tmp_path, "x + 1.0", "outer")
    monkeypatch.undo()


def test_where_nothing_can_be_written_code_stays_in_memory(tmp_path, places):
    (tmp_path / "file").write_text("")
    places[:] = [tmp_path / "file" / "cache", tmp_path / "file"]
    for _ in range(2):
        module = load(tmp_path)
        assert module.outer(1.0) == 4.0
        assert not hit(module.outer)
    # Another place is taken where the first cannot be written, and is read from there.
    places.append(tmp_path / "home")
    assert not hit_again(tmp_path, "x + 1.0", "outer")
    assert hit_again(tmp_path, "x + 1.0", "outer")
    places.clear()
    assert load(tmp_path).outer(1.0) == 4.0


def test_a_full_disk_is_no_error(tmp_path, places, monkeypatch):
    def full(self, content):
        self.touch()
        raise OSError("no space left")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert load(tmp_path).outer(1.0) == 4.0
    assert files(places) == []


def test_a_cache_that_fails_in_any_way_fails_no_call(tmp_path, monkeypatch):
    def fail(*arguments):
        raise RuntimeError("unforeseen")

    monkeypatch.setattr(_compile, "_read", fail)
    monkeypatch.setattr(_compile, "_write", fail)
    assert load(tmp_path).outer(1.0) == 4.0


def test_places_without_a_home(monkeypatch):
    monkeypatch.undo()
    _compile.folders.cache_clear()
    monkeypatch.setattr(Path, "home", lambda: (_ for _ in ()).throw(RuntimeError("no home")))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert _compile.folders()[-1] == Path(madtheory.__file__).resolve().parent / "__pycache__"
    _compile.folders.cache_clear()
    monkeypatch.setattr(_compile.CONFIG, "CACHE_DIR", "/asked")
    assert str(_compile.folders()[0]).startswith("/asked")
    _compile.folders.cache_clear()


SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from madtheory import _compile
_compile.folders = lambda: (Path(sys.argv[1]) / "cache",)
import caller
print(caller.far(1.0), sum(caller.far._cache_hits.values()))
"""


def test_two_processes_at_once(tmp_path, places):
    load(tmp_path)  # writes the files
    command = [sys.executable, "-c", SCRIPT, str(tmp_path)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    runs = [subprocess.Popen(command, **pipes) for _ in range(2)]
    for run in runs:
        out, err = run.communicate(timeout=120)
        assert (out.split()[0], err, run.returncode) == ("5.0", "", 0)
    assert {path.suffix for path in files(places)} == {".nbc"}
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["5.0", "1"]


def _modules_of_kernels():
    core = pkgutil.walk_packages(madtheory.__path__, "madtheory.", onerror=print)
    sources = {info.name: importlib.util.find_spec(info.name) for info in core}
    return [
        name
        for name, spec in sources.items()
        if spec is not None
        and spec.origin is not None
        and "madtheory._compile" in Path(spec.origin).read_text(encoding="utf-8")
    ]


def _makes(rows):
    return numpy.zeros(int(rows)).sum()


def test_what_counts_no_references_returns_no_array():
    # One that it returned would be freed while it is in use; one that it makes is an error.
    modules = map(importlib.import_module, _modules_of_kernels())
    every = [one for module in modules for one in vars(module).values() if hasattr(one, "py_func")]
    inside = [one for one in every if not one.targetoptions.get("_nrt", True)]
    assert 100 < len({*inside}) < len({*every})
    for one in inside:
        returns = one.py_func.__annotations__["return"]
        assert {*re.findall(r"\w+", returns)} <= {"None", "float", "int", "bool", "tuple"}, one
    with pytest.raises(numba.errors.NumbaError):
        _compile.in_place(_makes)(2.0)
    assert _compile.kernel(_makes)(2.0) == 0.0


PRINTS = """
import importlib, sys
from madtheory._compile import fingerprint
for name in sys.argv[1:]:
    for key, value in sorted(vars(importlib.import_module(name)).items()):
        if hasattr(value, "py_func"):
            print(name, key, fingerprint(value))
"""


def test_every_kernel_has_one_fingerprint_in_every_process():
    names = _modules_of_kernels()
    found = [
        subprocess.run(
            [sys.executable, "-c", PRINTS, *names],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(madtheory.__file__).parents[1])},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert found[0] == found[1]
    assert len(found[0].splitlines()) > 100
