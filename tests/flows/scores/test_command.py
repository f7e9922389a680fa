"""What a question's answer suggests can be typed as it stands, whatever the concepts are called."""

import json
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from t2c.flows.cli.app import run

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


def test_shift_leaves_copies_out_unless_they_are_counted(odd: Path, capsys: pytest.CaptureFixture[str]) -> None:
    drawn = np.random.default_rng(1).integers(0, 255, (4, 8, 8, 3), np.uint8)
    for folder in ("before", "after"):
        Path(folder).mkdir()
        for name, pixels in zip("abcd", drawn, strict=True):
            Image.fromarray(pixels).save(f"{folder}/{name}.png")
    shutil.copy("after/a.png", "after/copy.png")
    Path("ids2.txt").write_text("a.png\nb.png\nc.png\nd.png\ncopy.png\n")
    Path("ids1.txt").write_text("a.png\nb.png\nc.png\nd.png\n")
    for folder, ids, rows in (("before", "ids1.txt", 4), ("after", "ids2.txt", 5)):
        np.save("some.npy", np.random.default_rng(2).normal(size=(rows, 4)).astype(np.float32))
        assert run(["index", folder, "--name", folder]) == 0
        assert run(["features", "import", folder, "some.npy", ids, "--encoder", "mine", "--space", "s"]) == 0
        assert run(["score", folder, "--source", "mine", "--concepts", "words"]) == 0
    capsys.readouterr()
    for option, count in (([], 4), (["--no-duplicates"], 4), (["--duplicates"], 5)):
        assert run(["shift", "before", "after", "--json", *option]) == 0
        assert json.loads(capsys.readouterr().out)["sides"]["current"] == f"after ({count} images)"
