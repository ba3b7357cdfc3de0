"""The file of the snapshot, and the program that compares with it.

One test file a kind of entry does the comparing, so that they run side by side. On the processor
and versions that recorded it digests, tables and sentences are equal; elsewhere numbers agree
within 1e-9 (see ``record.py``, which also lists differences and records anew).
"""

import json

from tests.snapshot import record

OLD = record.recorded()


def test_the_snapshot_is_large_and_its_claims_passed() -> None:
    ids = [name.split("/", 1) for name in OLD if name != "about"]
    count = {kind: sum(first == kind for first, _ in ids) for kind in record.KINDS}
    assert count["command"] >= 300
    assert count["claim"] == count["verdict"] > 0
    assert all(OLD[f"verdict/{name}"]["passed"] for kind, name in ids if kind == "claim")


def test_the_file_is_written_as_it_is_read(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(record, "FILE", tmp_path / "snapshot.json")
    record.write(OLD)
    assert record.FILE.read_bytes() == (record.HERE / "snapshot.json").read_bytes()


def test_every_difference_is_found(monkeypatch) -> None:
    monkeypatch.setattr(record, "about", lambda: OLD["about"])  # elsewhere less is asked
    name = "simulator/simulate fresh flat"
    changed = json.loads(json.dumps(OLD))
    changed[name]["mean"]["trace"][0] *= 1 + 1e-8
    del changed[name]["generations"]
    found = list(record.differences(OLD, changed, "simulator/", exact=False))
    assert [path for _, path, _, _ in found] == [".generations", ".mean.trace[0]"]
    barely = json.loads(json.dumps(OLD))
    barely[name]["mean"]["trace"][0] *= 1 + 1e-12
    assert not list(record.differences(OLD, barely, "simulator/", exact=False))
    assert len(list(record.differences(OLD, barely, "simulator/", exact=True))) == 1


def test_a_line_more_is_one_difference_and_few_digits_are_compared_as_such() -> None:
    old, new = {"report/page": ["a", "b", "c"]}, {"report/page": ["a", "x", "b", "c"]}
    found = list(record.differences(old, new, "report/", exact=False))
    assert record.lines_of(found) == 'report/page  [1]: "absent" -> "x"'
    old = {"report/x": [1.0, 2.0], "about": record.about()}
    new = {"report/x": [1.0 + 1e-7, 2.0 + 1e-5]}
    found = list(record.differences(old, new, "report/", exact=False))
    assert [path for _, path, _, _ in found] == ["[1]"]
