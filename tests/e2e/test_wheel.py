"""The sdist and the wheel install in an empty environment and run."""

import json
import os
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.full


def run(*arguments: object, cwd: Path) -> str:
    """Run a command outside the repository, without the variables that lead back to it."""
    hidden = {"PYTHONPATH", "VIRTUAL_ENV", "PYTHONHOME"}
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    done = subprocess.run(
        [str(argument) for argument in arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel built from that sdist."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", folder, ROOT, cwd=folder)
    return folder


def test_both_hold_every_module_as_a_plain_file(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    (wheel,) = built.glob("*.whl")
    # Links are not followed: what they lead to comes from its own folder.
    sources = {str(path.relative_to(ROOT)) for path in (ROOT / "madtheory").rglob("*.py")} | {
        f"madtheory/{path.relative_to(ROOT)}"
        for folder in ("proofs", "reports")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    sources.add("madtheory/py.typed")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert names >= sources
    assert {name.split("/")[0] for name in names} == {"madtheory", "madtheory-0.1.0.dist-info"}
    with tarfile.open(sdist) as archive:
        members = archive.getmembers()
    assert not [member.name for member in members if member.issym() or member.islnk()]
    plain = {member.name.partition("/")[2] for member in members}
    assert plain >= sources | {"LICENSE", "Makefile", "constraints.txt", "CITATION.cff"}


@pytest.mark.parametrize("kind", ["*.whl", "*.tar.gz"])
def test_it_installs_in_an_empty_environment_and_runs(
    built: Path, tmp_path: Path, kind: str
) -> None:
    (package,) = built.glob(kind)
    venv.create(tmp_path / "env", with_pip=True)
    folder = tmp_path / "env" / "bin"
    pins = tmp_path / "constraints.txt"
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins.write_text("\n".join(line for line in lines if not line.startswith("torch")))
    pip = (folder / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "--constraint", pins, package, cwd=tmp_path)
    assert run(folder / "madtheory", "--version", cwd=tmp_path) == "madtheory, version 0.1.0\n"
    line = "theory collapse --dim 1 --n-synth 3 --generations 2 --bias 0.5 --json"
    got = json.loads(run(folder / "madtheory", *line.split(), cwd=tmp_path))
    assert got["mean_trace"] == [1.0, 0.5]
    line = "simulate fresh --dim 2 --n-real 9 --n-synth 9 --generations 2 --replicates 9 --json"
    assert json.loads(run(folder / "madtheory", *line.split(), cwd=tmp_path))["digest"]
    code = (
        "import madtheory.proofs, madtheory.reports, pathlib, madtheory\n"
        "print(pathlib.Path(madtheory.__file__).parent)"
    )
    where = Path(run(folder / "python", "-c", code, cwd=tmp_path).strip())
    assert where.is_relative_to(tmp_path)
    assert not (where / "reports").is_symlink()
