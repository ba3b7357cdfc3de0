"""The folder of a report: what lies there is made anew where it is not what was written."""

import errno

import pytest

pytest.importorskip("matplotlib")
pytest.importorskip("pypandoc")
pytest.importorskip("typst")

from madtheory.reports import build
from madtheory.reports.folder import Folder, say
from madtheory.reports.workers import Event


@pytest.mark.parametrize("content", ["5", "[]", "", "{", '"x"', '{"a": 5}', "[" * 10**5])
def test_any_manifest_is_made_anew(tmp_path, capsys, content):
    folder = Folder(tmp_path / "report")
    (tmp_path / "report" / "figures" / "a").write_bytes(b"old")
    folder.manifest_path.write_text(content)
    folder = Folder(tmp_path / "report")
    assert folder.made("figures/a", "key", lambda: b"new").read_bytes() == b"new"
    again = Folder(tmp_path / "report")
    assert again.made("figures/a", "key", lambda: b"newer").read_bytes() == b"new"
    # One line, if any.
    assert capsys.readouterr().err.count("\n") == (content != '{"a": 5}')


def test_what_killed_writers_left_is_swept(tmp_path):
    Folder(tmp_path)
    for name in (".index.html", "figures/.a.pdf", "tables/.a.csv", ".cache/.manifest.json"):
        (tmp_path / f"{name}.99999999-5.tmp").write_text("half")
    Folder(tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    "name", ["index.html", "report.pdf", "explorer.html", "figures/three.png", "tables/mine.csv"]
)
@pytest.mark.parametrize("cache", [False, True])
def test_files_of_somebody_else_are_left_alone(tmp_path, name, cache):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("mine")
    if cache:  # of another program
        (tmp_path / ".cache" / "pip").mkdir(parents=True)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ValueError, match=f"out must be a new folder or a report's, got .*{name}"):
        build.build(tmp_path, "tiny")
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / name).read_text() == "mine"
    (tmp_path / ".cache").mkdir(exist_ok=True)
    (tmp_path / ".cache" / "lock").touch()
    Folder(tmp_path)


def test_a_build_that_fails_ends_its_workers_at_once(tmp_path, monkeypatch):
    """Not when the error is forgotten: until then the process would compute on."""
    ended = []

    def computed(tasks, workers):
        try:
            for task in tasks:
                yield Event(task)
                yield Event(task, "{}", 0.0)
        finally:
            ended.append(workers)

    def full(self, task, numbers):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(build, "computed", computed)
    monkeypatch.setattr(build._Build, "take", full)
    with pytest.raises(OSError, match="No space left") as caught:
        build.build(tmp_path, "tiny", workers=2)
    assert caught.tb is not None
    assert ended == [2]


def test_an_empty_name_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="out must name a folder, got ''"):
        build.build("", "tiny")
    assert list(tmp_path.iterdir()) == []


def test_without_a_stderr_nothing_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr", None)
    say("one of two")
    assert capsys.readouterr().out == ""


def test_a_figure_that_somebody_changed_is_made_again(tmp_path):
    folder = Folder(tmp_path)
    folder.made("figures/a", "key", lambda: b"drawn").write_bytes(b"scribbled")
    assert folder.made("figures/a", "key", lambda: b"drawn").read_bytes() == b"drawn"
