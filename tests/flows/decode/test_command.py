"""t2c decode says each vector's words at 80 columns, marks those below the floor, and gives machines every row."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pyarrow import parquet

from t2c.flows.cli.app import run
from t2c.flows.maps.align import align
from t2c.store.disk.root import open_store
from tests.planted.audit import write_audit

WORDS = ["--vocabulary", "bank:everyday"]


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store, named by T2C_STORE, with photos, new_photos and a map; colour is known of photos."""
    write_audit(tmp_path)
    monkeypatch.setenv("T2C_STORE", str(tmp_path / "store"))
    align(open_store(tmp_path / "store"), "photos", source="my-model", target="my-clip")
    assert run(["attributes", "import", "photos", str(tmp_path / "truth.parquet")]) == 0
    return tmp_path


@pytest.fixture
def say(stored: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Return a function that runs decode and returns exit code, output and errors."""

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(["decode", *arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


def test_people_read_words_and_what_speaks_against_them(say: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = say("photos", "classes:colour", *WORDS, "-k", "3")
    lines = out.splitlines()
    assert code == 0
    assert all(len(line) <= 80 for line in lines if not line.startswith("wrote"))
    first = [line.split() for line in lines if line.startswith(("  red ", "  blue "))]
    assert [words[:2] for words in first] == [["blue", "blue"], ["red", "red"]]
    assert "nothing speaks against the best word of 2 of 2" in out
    assert "below floor: cosine as of random words" in out
    assert lines[-1] == "next  t2c report photos -o report.html"
    assert any(line.startswith("wrote ") for line in lines)


def test_machines_get_every_row_and_files_too(say: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    code, out, _ = say("photos", "shift:new_photos", *WORDS, "-k", "2", "--json", "-o", str(tmp_path / "words.parquet"))
    told = json.loads(out)
    assert code == 0
    assert [(row["vector"], row["place"]) for row in told["decoded"]] == [
        ("risen", 1),
        ("risen", 2),
        ("fallen", 1),
        ("fallen", 2),
    ]
    assert told["decoded"][0]["word"] == "red"
    assert parquet.read_table(tmp_path / "words.parquet").num_rows == 4


def test_sparse_words_come_with_weights_and_what_they_reach(say: Callable[..., tuple[int, str, str]]) -> None:
    _, out, _ = say("photos", "row:photos/0001.jpg", *WORDS, "--decoder", "sparse")
    heading = next(line for line in out.splitlines() if "vector" in line and "word" in line)
    assert heading.split()[:5] == ["vector", "word", "weight", "reached", "auroc"]


def test_what_was_decoded_is_a_view(
    say: Callable[..., tuple[int, str, str]], capsys: pytest.CaptureFixture[str]
) -> None:
    say("photos", "classes:colour", *WORDS)
    capsys.readouterr()
    query = "select vector, word from decoded where place = 1 and what = 'classes:colour' order by vector"
    assert run(["sql", query, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert [(row["vector"], row["word"]) for row in rows] == [("blue", "blue"), ("red", "red")]


def test_many_vectors_are_cut_for_people(say: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    np.save(tmp_path / "many.npy", np.random.default_rng(0).normal(size=(45, 6)).astype(np.float32))
    _, out, _ = say("photos", f"file:{tmp_path / 'many.npy'}", *WORDS, "-k", "1")
    assert "and 5 vectors more: -o FILE or --json has all" in out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["photos", "heads"], 2, "what to decode: expected one of head, classes"),
        (["photos", "classes", "--set", "beams"], 2, "expected NAME=VALUE, but got 'beams'"),
        (["photos", "classes:colour", "--length", "3"], 2, "--model, --set and --raw: expected no language model"),
        (["photos", "classes:colour"], 2, "text encoder: expected one for my-clip-space"),
        (["photos", "classes:colour", "--vocabulary", "words.txt"], 2, "vocabulary: expected english, bank:NAME"),
        (["photo", "classes", *WORDS], 1, "dataset: expected one of 'new_photos', 'photos', but got 'photo'"),
    ],
)
def test_what_does_not_fit_says_what_to_type(
    say: Callable[..., tuple[int, str, str]], arguments: list[str], code: int, message: str
) -> None:
    got, _, error = say(*arguments)
    assert got == code
    assert message in error
