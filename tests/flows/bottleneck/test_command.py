"""Bottlenecks, refinement and reading on the command line: each prints, writes, suggests, and answers a mistake."""

import io
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from t2c.flows.cli.app import run
from t2c.schemas.tables.tables import PREDICTIONS
from t2c.store.artifacts.dataset_tables import write_predictions
from t2c.store.disk.root import open_store
from tests.planted.attributes import World, plant


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A planted world with predictions that fail where there is no snow."""
    planted = plant(open_store(tmp_path_factory.mktemp("cbm") / "store", create=True), count=900)
    there, labels = planted.truth["photos"], planted.labels["photos"]
    other = {"zebra": "horse", "horse": "zebra"}
    rng = np.random.default_rng(0)
    wrong = rng.random(900) < np.where((there[:, 2] == 0) & (there[:, 3] == 1), 0.7, 0.03)
    rows = [
        {"model": "prod-v7", "row": row, "class": other[label] if bad else label, "score": None}
        for row, (label, bad) in enumerate(zip(labels, wrong, strict=True))
    ]
    write_predictions(planted.store, "photos", pa.Table.from_pylist(rows, schema=PREDICTIONS))
    return planted


@pytest.fixture
def t2c(world: World, capsys: pytest.CaptureFixture[str]):
    """Return a function that runs a command with --json and returns (exit code, what it printed)."""

    def call(*arguments: str, as_json: bool = True):
        capsys.readouterr()
        code = run([*arguments, *(["--json"] if as_json else []), "--store", str(world.store.url)])
        printed = capsys.readouterr()
        if not as_json:
            return code, printed.out + printed.err
        return code, json.loads(printed.out or printed.err.splitlines()[-1])

    return call


@pytest.fixture
def model(t2c) -> str:
    return t2c("cbm", "fit", "photos", "--concepts", "everyday", "--label", "label")[1]["report"]["model"]


def test_fit_shows_accuracy_beside_its_peers(t2c) -> None:
    code, said = t2c("cbm", "fit", "photos", "--concepts", "everyday", "--label", "label")
    assert code == 0
    assert [row["who"] for row in said["accuracy"]] == ["concepts", "features", "attributes", "majority"]
    assert said["next"].startswith("t2c cbm explain photos --model ")
    assert Path(said["wrote"][0]).is_dir()
    _, text = t2c("cbm", "fit", "photos", "--head", "sparse", as_json=False)
    assert "linear probe, full features" in text
    assert "mean AUROC 0.9" in text
    assert "trust was not measured" in text
    assert max(len(line) for line in text.splitlines() if not line.startswith("wrote")) <= 100


def test_explain_writes_a_page_with_pictures_or_a_table(t2c, model: str, tmp_path: Path) -> None:
    page, table = tmp_path / "why.html", tmp_path / "why.csv"
    code, said = t2c("cbm", "explain", "photos", "img-00000007.jpg", "--model", model, "-o", str(page))
    assert code == 0
    assert len(said["explanations"]) == 6
    assert "img-00000007.jpg" in page.read_text()
    assert "Content-Security-Policy" in page.read_text()
    assert t2c("cbm", "explain", "photos", "--row", "3", "--model", model, "-o", str(table))[0] == 0
    assert table.read_text().startswith('"row","label"')
    _, text = t2c("cbm", "explain", "photos", "--model", model, as_json=False)
    assert "over runner-up" in text
    _, raw = t2c("cbm", "explain", "photos", "--row", "3", "--model", model, "--raw", "-o", str(page), as_json=False)
    assert (raw.count("of the logit"), raw.count("over runner-up")) == (3, 3)
    assert page.read_text().count('class="share"') == 6


def test_errors_name_the_spurious_concept_and_suggest_the_edit(t2c, model: str) -> None:
    code, said = t2c("cbm", "errors", "balanced", "--model", model)
    assert code == 0
    assert said["groups"][0]["concept"] == "in snow"
    assert said["next"] == f't2c cbm edit balanced --model {model} --off "in snow"'


def test_edit_shows_before_and_after_and_list_knows_both(t2c, model: str) -> None:
    code, said = t2c("cbm", "edit", "balanced", "--model", model, "--off", "in snow", "--scale", "shiny=0.5")
    assert code == 0
    after, before = said["accuracy"]
    assert after["accuracy"] > before["accuracy"] + 0.1
    assert said["changes"]["now right"] - said["changes"]["now wrong"] == after["correct"] - before["correct"]
    listed = {row["model"]: row["edits"] for row in t2c("cbm", "list")[1]["bottlenecks"]}
    assert listed[said["report"]["model"]] == "in snow x 0, shiny x 0.5"
    assert listed[model] == ""


def test_refine_works_from_what_find_printed(t2c, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    found = t2c("find", "photos", "striped > 0.8", "-n", "40")[1]
    monkeypatch.setattr("sys.stdin", io.StringIO(json.dumps(found)))
    code, said = t2c("concepts", "refine", "striped", "--dataset", "photos", "--positive", "-", "--name", "from stdin")
    assert code == 0
    assert said["report"]["new concept"] == "from stdin"
    assert {row["vector"] for row in said["refinement"]} == {"before", "after"}
    ask = ["concepts", "refine", "striped", "--dataset", "photos", "--from-find", "striped > 0.8"]
    code, said = t2c(*ask, "--against-find", "striped < -0.8", "--name", "from a query")
    assert (code, said["report"]["method"], said["report"]["positives"]) == (0, "classifier", 35)
    assert said["next"].startswith("t2c score photos --source ")
    assert t2c("concepts", "list", "everyday")[1]["concepts"][-1]["kind"] == "refined"


def test_reading_commands_print_their_tables(t2c) -> None:
    code, said = t2c("classes", "photos", "in snow")
    assert (code, said["classes"][0]["label"]) == (0, "zebra")
    code, said = t2c("hard", "photos", "--model", "prod-v7", "--images", "2")
    assert (code, {row["context"] for row in said["images"]}) == (0, {"in snow"})
    assert {row["predicted"] for row in said["images"]} <= {"zebra", "horse"}
    code, said = t2c("cooccur", "photos", "-k", "0")
    assert (code, len(said["pairs"])) == (0, 6)
    for command in (["classes", "photos"], ["hard", "photos"], ["cooccur", "photos"]):
        assert "next  t2c " in t2c(*command, as_json=False)[1]


def test_slices_say_where_the_model_fails_and_find_takes_it(t2c) -> None:
    code, said = t2c("slices", "photos", "--model", "prod-v7", "-k", "0.3")
    assert code == 0
    first = said["slices"][0]
    assert first["confirmed"]
    assert {"snow", "shiny"} <= {word.strip("'\" ") for word in first["slice"].replace("in snow", "snow").split(" ")}
    assert t2c("find", "photos", first["slice"])[1]["counts"]["matches"] == first["n"] + first["found_n"]
    assert (
        "slices, on the half they were not found on" in t2c("slices", "photos", "--model", "prod-v7", as_json=False)[1]
    )


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (["cbm", "fit", "photos", "--head", "sparse", "--strength", "-2"], 2, "--strength: expected a number above 0"),
        (
            ["cbm", "fit", "photos", "--mapping", "striped"],
            2,
            "--mapping: expected VALUE=CONCEPT, such as 'tree=in a tree', but got 'striped'",
        ),
        (["cbm", "fit", "photos", "--mapping", "a=b", "--mapping", "a=c"], 2, "--mapping: expected each name once"),
        (["cbm", "explain", "photos", "--model", "zz"], 1, "See them: t2c cbm list"),
        (["cbm", "edit", "photos"], 2, "edits: expected one or more"),
        (["cbm", "edit", "photos", "--scale", "shiny=much"], 2, "--scale shiny: expected a number, but got 'much'"),
        (["concepts", "refine", "striped", "--positive", "1,2"], 2, "--dataset: expected the dataset of the images"),
        (["concepts", "refine", "striped", "--dataset", "photos"], 2, "images that show the concept"),
        (
            ["concepts", "refine", "striped", "--dataset", "photos", "--positive", "1", "--from-find", "striped > 1"],
            2,
            "positive exemplars: expected rows or a query, but got both",
        ),
        (["slices", "photos", "--model", "prod"], 1, "Did you mean 'prod-v7'?"),
        (["classes", "photos", "strip"], 1, "Did you mean 'striped'?"),
    ],
)
def test_a_mistake_is_answered_with_what_to_type(t2c, model: str, arguments: list[str], code: int, part: str) -> None:
    found, said = t2c(*arguments)
    assert (found, part in said["error"]["message"]) == (code, True), said
