"""The commands show marks: trust says why, and summary, top, find and shift carry them or say they were not measured."""

import json
from pathlib import Path

import pytest

from t2c.flows.cli.app import run
from t2c.flows.maps.align import align
from t2c.flows.scores.score import score
from t2c.flows.shift.shift import shift
from t2c.flows.shift.view import by_effect, shift_columns
from t2c.store.disk.root import open_store
from tests.planted.audit import write_audit


def prose(shown: str) -> str:
    """Return what was printed on one line."""
    return " ".join(shown.split())


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store, named by T2C_STORE, with photos and new_photos scored; colour is known of photos."""
    write_audit(tmp_path)
    store = open_store(tmp_path / "store")
    monkeypatch.setenv("T2C_STORE", str(tmp_path / "store"))
    align(store, "photos", source="my-model", target="my-clip")
    for name in ("photos", "new_photos"):
        score(store, name, source="my-model", bank="everyday")
    assert run(["attributes", "import", "photos", str(tmp_path / "truth.parquet")]) == 0
    return tmp_path


def test_trust_says_what_each_mark_rests_on(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(["trust", "photos", "--concepts", "everyday"]) == 0
    shown = capsys.readouterr().out
    assert all(len(line) <= 100 for line in shown.splitlines() if not line.startswith("wrote"))
    assert "concepts, the doubtful first" in shown
    assert "note: 1 of 3 concepts are unverified: no label or attribute says which images have them" in prose(shown)
    assert shown.splitlines()[-1] == "next  t2c summary photos"
    assert run(["trust", "photos", "--mapping", "red=in a tree", "--labels", "colour", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["value"] for row in told["concepts"]] == [None, "blue", "red"]
    assert sum(told["marks"].values()) == 3


def test_a_mapping_that_is_none_and_a_concept_that_is_none_are_refused(
    stored: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["trust", "photos", "--mapping", "red"]) == 2
    assert "--mapping: expected VALUE=CONCEPT, such as 'tree=in a tree', but got 'red'" in capsys.readouterr().err
    assert run(["trust", "photos", "--mapping", "red=rot"]) == 1
    assert "concept in bank everyday: expected one of" in capsys.readouterr().err


def test_marks_are_shown_wherever_a_concept_is(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    questions = (["summary", "photos"], ["top", "photos", "red"], ["find", "photos", "red > 0 & blue < 1"])
    capsys.readouterr()
    for question in questions:
        assert run(question) == 0
        assert "t2c trust photos" in capsys.readouterr().out
    assert run(["trust", "photos"]) == 0
    capsys.readouterr()
    marks = {}
    for question in questions:
        assert run([*question, "--json"]) == 0
        marks[question[0]] = json.loads(capsys.readouterr().out)["trust"]
        assert run(question) == 0
        assert "t2c trust photos" not in capsys.readouterr().out
    assert set(marks["summary"]) == {"red", "blue", "in a tree"}
    assert marks["summary"]["in a tree"] == "unverified"
    assert marks["top"] == {"red": marks["summary"]["red"]}
    assert marks["find"] == {name: marks["summary"][name] for name in ("red", "blue")}


def test_shift_shows_effects_first_and_takes_its_options(stored: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["trust", "photos"]) == 0
    capsys.readouterr()
    assert run(["shift", "photos", "new_photos", "--beyond", "blocks", "--blocks", "8", "--untrusted"]) == 0
    shown = capsys.readouterr().out
    header = next(line for line in shown.splitlines() if line.split()[:2] == ["concept", "trust"])
    assert header.split() == ["concept", "trust", "verdict", "effect", "d", "log10_q", "q", "blocks"]
    assert "8 blocks of the reference and 8 pieces of the current side, 30 images each, by source order" in prose(shown)
    assert run(["shift", "photos", "--where", "row < 90", "--classes", "colour", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["classes"] == "colour"
    assert {"effect_mix", "cause", "trust"} <= set(told["shift"][0])


def test_what_has_shifted_comes_first_largest_effect_first(stored: Path) -> None:
    table = shift(open_store(stored / "store"), "photos", "new_photos").table
    ordered = by_effect(table).to_pylist()
    moved = [abs(row["effect"]) for row in ordered if row["verdict"] != "none"]
    assert moved == sorted(moved, reverse=True)
    assert [row["verdict"] == "none" for row in ordered] == sorted(row["verdict"] == "none" for row in ordered)
    assert shift_columns(table).column_names == ["concept", "verdict", "effect", "d", "log10_q", "q blocks"]
