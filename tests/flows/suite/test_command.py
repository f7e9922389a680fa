"""t2c suite: the demo's encoders at tasks that need no files, tables, JSON, figures, and the list of what is missing."""

import json
from pathlib import Path

import pytest

from t2c.flows.cli.app import run
from t2c.flows.data.index import index
from t2c.flows.engine.stop import EXIT_ERROR, EXIT_USAGE
from t2c.flows.suite import drawn
from t2c.store.disk.root import open_store
from tests.planted.layouts import write_mnist
from tests.planted.photos import fill

SUITE = ["--model", "demo:efficientnet-lite0-128", "--target", "demo:clip", "--align-on", "photos", "--workers", "1"]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an empty data folder and a store that holds 40 photos."""
    monkeypatch.setattr(drawn, "WORLD_IMAGES", 12)
    monkeypatch.setenv("T2C_STORE", str(tmp_path / "store"))
    (tmp_path / "data").mkdir()
    index(open_store(tmp_path / "store", create=True), str(fill(tmp_path / "photos", 40)), "photos")
    return tmp_path


def typed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run(["suite", *arguments])
    found = capsys.readouterr()
    return code, found.out, found.err


def test_all_that_can_be_done_is_done_and_the_rest_is_named(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = typed(capsys, str(place / "data"), *SUITE, "-o", str(place / "suite.html"))
    assert code == 0
    assert "color: 11 classes, 11 images" in out
    assert "world-context: 6 classes, 12 images" in out
    assert "the CLIP itself" in out
    assert "chance" in out
    assert "not done, no files: in9, living17, nonliving26" in out
    assert "not done: digits: " in out
    assert "rows computed" in out
    assert max(len(line) for line in out.splitlines() if not line.startswith(("wrote", "next"))) <= 80
    assert '<svg class="suite-strip"' in (place / "suite.html").read_text()
    code, out, _ = typed(capsys, str(place / "data"), *SUITE, "--json")
    body = json.loads(out)
    assert code == 0
    assert body["done"]["rows computed"] == 0
    assert [row["task"] for row in body["rows"]] == [
        "color",
        *(f"world-{one}" for one in ("colour", "shape", "texture", "context")),
    ]
    assert body["target"] == "demo:clip"
    assert {one["task"] for one in body["skipped"]} >= {"mnist", "digits", "dtd"}
    assert body["next"] == "t2c report photos -o report.html"


def test_words_that_the_clip_does_not_know_are_an_error_for_a_task_asked_for(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, error = typed(capsys, str(place / "data"), *SUITE, "--task", "digits")
    assert code == EXIT_USAGE
    assert "digit" in error


def test_the_list_names_every_task_every_file_and_where_to_get_it(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_mnist(place / "data" / "mnist", drawn.np.zeros((1, 28, 28)), [1])
    code, out, _ = typed(capsys, str(place / "data"), "--list")
    assert code == 0
    assert "there    mnist/t10k-images-idx3-ubyte.gz" in out
    assert "missing  svhn/test_32x32.mat" in out
    assert "from CIFAR-10 of A. Krizhevsky, binary version" in out
    assert max(len(line) for line in out.splitlines() if str(place) not in line) <= 80, "paths apart"
    code, out, _ = typed(capsys, str(place / "data"), "--list", "--json")
    tasks = {one["task"]: one for one in json.loads(out)["tasks"]}
    assert len(tasks) == 19
    assert tasks["mnist"]["state"] == "present"
    assert tasks["color"]["files"] == []
    assert tasks["living17"]["files"][0] == {"path": "imagenet/val/", "there": False}
    assert typed(capsys, "--list")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], EXIT_USAGE, "suite: expected the folder of the tasks' files, but got none. Try: t2c suite --list"),
        (["data", "--model", "demo:clip"], EXIT_USAGE, "expected --target, the CLIP that reads the class names"),
        (["data", *SUITE, "-o", "suite.pdf"], EXIT_USAGE, "expected a name that ends in .html, .parquet or .csv"),
        (["data", *SUITE, "--task", "mnits"], EXIT_ERROR, "Did you mean 'mnist'"),
        (["nothing", *SUITE], EXIT_ERROR, "suite folder nothing: expected a folder, but got nothing"),
        (["data", *SUITE, "--task", "svhn"], EXIT_ERROR, "but got no svhn/test_32x32.mat. Get: SVHN of Netzer"),
    ],
)
def test_what_cannot_be_done_says_what_to_type(
    place: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    *,
    arguments: list[str],
    code: int,
    message: str,
) -> None:
    monkeypatch.chdir(place)
    found, _, error = typed(capsys, *arguments)
    assert found == code
    assert message in error


@pytest.mark.slow
def test_rows_go_to_a_table_file(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = typed(capsys, str(place / "data"), *SUITE, "--task", "color", "-o", str(place / "suite.csv"))
    assert code == 0
    assert f"wrote {place / 'suite.csv'}" in out
    assert (place / "suite.csv").read_text().count("color") == 1
