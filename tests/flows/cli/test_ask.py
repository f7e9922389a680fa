"""What a question's answer suggests can be typed as it stands, whatever the concepts are called."""

import shlex
from pathlib import Path

import numpy as np
import pytest

from flows.cli.app import run

NAMES = ("runner_(carpet)", "dog's bed", "and")


@pytest.fixture
def odd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store, named by T2C_STORE, with six imported images scored against names that concept logic must quote."""
    monkeypatch.setenv("T2C_STORE", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
    np.save("images.npy", np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32))
    np.save("words.npy", np.eye(3, 4, dtype=np.float32))
    Path("ids.txt").write_text("".join(f"{row}.jpg\n" for row in range(6)))
    Path("words.txt").write_text("".join(f"{name}\n" for name in NAMES))
    Path("facts.csv").write_text("image_id,wet\n0.jpg,yes\n")
    assert run(["features", "import", "photos", "images.npy", "ids.txt", "--encoder", "mine", "--space", "s"]) == 0
    assert run(["concepts", "import", "words", "words.npy", "words.txt", "--space", "s"]) == 0
    assert run(["score", "photos", "--source", "mine", "--concepts", "words"]) == 0
    return tmp_path


@pytest.mark.parametrize("question", [["summary"], ["top", NAMES[0]], ["top", NAMES[1]], ["top", NAMES[2]]])
def test_the_suggested_query_runs(odd: Path, capsys: pytest.CaptureFixture[str], question: list[str]) -> None:
    capsys.readouterr()
    assert run([question[0], "photos", *question[1:]]) == 0
    words = shlex.split(capsys.readouterr().out.splitlines()[-1].removeprefix("next  t2c "))
    assert words[:2] == ["find", "photos"]
    assert run(words) == 0


def test_the_suggested_report_asks_the_query_in_its_plain_form(odd: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["find", "photos", f"'{NAMES[0]}' > 1"]) == 0
    assert f"""--query '"{NAMES[0]}" > 1' -o""" in capsys.readouterr().out


def test_names_of_an_import_are_shown_as_words(odd: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["attributes", "import", "photos", "facts.csv"]) == 0
    assert "  names     wet\n" in capsys.readouterr().out
