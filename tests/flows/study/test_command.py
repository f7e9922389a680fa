"""`t2c study`: pages are made and answers read from the command line, with paths, figures and the next command."""

import json
from pathlib import Path

import pytest

from t2c.flows.cli.app import run
from t2c.flows.study.key_file import read_key
from t2c.flows.study.results import FORMAT, VERSION, checksum
from t2c.store.disk.root import Store
from tests.flows.study.conftest import SAYINGS

FIRST = {one.word: place % 4 + 1 for place, one in enumerate(SAYINGS)}


def save(folder: Path, annotator: str, *, change: int = 0) -> Path:
    study = read_key(folder / "study.json")
    answers = {}
    for name in study.pages[annotator]:
        item = study.by_id[name]
        answers[name] = item.answer or (FIRST[item.word] + change - 1) % 4 + 1
    body = {"format": FORMAT, "version": VERSION, "study": study.digest, "annotator": annotator, "answers": answers}
    path = folder / f"{annotator}.json"
    path.write_text(json.dumps(body | {"seconds": {}, "checksum": checksum(study.digest, annotator, answers)}))
    return path


@pytest.fixture
def folder(birds: Store, words: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A study made from the command line."""
    made = tmp_path / "study"
    assert run(["study", "make", "birds", "--store", birds.url, "--words", str(words), "--out", str(made)]) == 0
    said = capsys.readouterr().out
    assert "questions a page  10, 10" in said
    assert f"wrote {made}/annotator-1.html" in said
    assert f"next  t2c study read ANSWERS.json ... --study {made}/study.json" in said
    return made


def read(store: Store, folder: Path, *more: str) -> list[str]:
    paths = [str(save(folder, "annotator-1")), str(save(folder, "annotator-2", change=1))]
    return ["study", "read", *paths, "--study", str(folder / "study.json"), "--store", store.url, *more]


def test_answers_become_tables(birds: Store, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(read(birds, folder)) == 0
    said = capsys.readouterr().out
    assert "swin\n  how often a word fits (tables 1 and 5)" in said
    assert "all models together" in said
    assert "two annotators agree (table 6)" in said
    assert "0.625" in said
    assert "checks of attention" in said
    assert all(len(line) <= 100 for line in said.splitlines() if not line.startswith("wrote ")), "paths apart"


def test_machines_get_the_whole_table(birds: Store, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(read(birds, folder, "--json")) == 0
    body = json.loads(capsys.readouterr().out)
    assert len(body["table"]) == 18
    assert len(body["answers"]) == 20
    assert body["attention"][0] == {"annotator": "annotator-1", "checks": 4, "failed": 0, "counted": True}


def test_one_annotator_has_no_agreement(birds: Store, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = save(folder, "annotator-1")
    assert run(["study", "read", str(path), "--study", str(folder / "study.json"), "--store", birds.url]) == 0
    said = capsys.readouterr().out
    assert "no word was judged by two annotators: no agreement" in said
    assert "note: no file of annotator-2" in said


def test_a_file_changed_by_hand_ends_with_an_error(
    birds: Store, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = save(folder, "annotator-1")
    body = json.loads(path.read_text())
    first = next(iter(body["answers"]))
    path.write_text(json.dumps(body | {"answers": body["answers"] | {first: body["answers"][first] % 4 + 1}}))
    assert run(["study", "read", str(path), "--study", str(folder / "study.json"), "--store", birds.url]) == 1
    assert "expected checksum" in capsys.readouterr().err


def test_more_judges_than_annotators_is_wrong_usage(
    birds: Store, words: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--store", birds.url, "--words", str(words), "--out", str(tmp_path / "x"), "--per-item", "3"]
    assert run(["study", "make", "birds", *options]) == 2
    assert "annotators an item: expected 1 to the 2 annotators, but got 3" in capsys.readouterr().err
