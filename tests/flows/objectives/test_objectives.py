"""Regression keeps what cross-entropy throws away: tasks on other classes than those that the map was fitted with."""

import json
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from t2c.flows.cli.app import run
from t2c.flows.objectives.objectives import Fitting, ObjectivesReport, objectives
from t2c.flows.objectives.tasks import open_tasks, unseen_rows
from t2c.flows.objectives.training import ENOUGH, TRAINING, Training, too_short, training_of
from t2c.schemas.errors import InputError, SpecError, UnknownName
from t2c.schemas.specs.objectives import ObjectivesSpec, TaskSpec, parse_task, parse_tasks, task_names
from t2c.schemas.tables.answers.objectives import OBJECTIVES
from t2c.store.artifacts.images import open_images
from t2c.store.artifacts.linear_maps import open_map
from t2c.store.disk.root import Store, open_store
from tests.planted.features import SOURCE, TARGET
from tests.planted.objectives import COLOURS, FITTING, ROWS, TASKS, plant


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("objectives")
    store = open_store(folder / "store", create=True)
    plant(store, folder)
    return store


def compare(store: Store, **more: object) -> ObjectivesReport:
    options = {"sources": [SOURCE.name], "target": TARGET.name, "tasks": TASKS, "fitting": FITTING, "device": "cpu"}
    return objectives(store, "photos", **{**options, "against": ("cross-entropy",), **more})  # type: ignore[return-value]


def test_regression_wins_on_unrelated_tasks_alone(planted: Store) -> None:
    report = compare(planted, groups={SOURCE.name: "Planted"})
    assert report.table.schema.equals(OBJECTIVES)
    rows = {(row["scope"], row["source"], row["task"]): row for row in report.table.to_pylist()}
    related, unrelated = rows["task", SOURCE.name, "label"], rows["task", SOURCE.name, "size"]
    assert related["regression"] > 0.9
    assert related["other"] > 0.85, "cross-entropy learns the classes that it was fitted with"
    assert unrelated["regression"] > 0.9
    assert unrelated["low"] > 0.05, "what no label told of is lost"
    assert abs(related["difference"]) < 0.1
    assert (related["related"], unrelated["related"], related["chance"]) == (True, False, 0.5)
    assert related["n"] == rows["mean", "all", "related"]["n"]
    assert 0.2 * ROWS < related["n"] < 0.4 * ROWS, "rows that no map was fitted on"
    mean = rows["mean", "Planted", "unrelated"]
    assert mean["difference"] == pytest.approx(unrelated["difference"])
    assert (mean["low"], mean["high"]) == pytest.approx((unrelated["low"], unrelated["high"]), abs=0.02)


def test_no_row_is_judged_that_any_map_was_fitted_on(planted: Store) -> None:
    report = compare(planted)
    images = open_images(planted, "photos")
    maps = [open_map(planted, digest) for digest in report.maps.values()]
    (task,) = open_tasks(TASKS[:1], images, bank="classes")
    rows = set(unseen_rows(task, maps).tolist())
    for one in maps:
        fitted = set(one.fitted()["row"].to_pylist())
        assert fitted
        assert not rows & fitted


def test_a_grown_snapshot_stands_beside_the_one_before_it(store: Store, tmp_path: Path) -> None:
    made = plant(store, tmp_path)
    x = made.x(ROWS + 300)
    vectors = np.stack([made.vector(name) for name in COLOURS])
    labels = [COLOURS[at] for at in ((x @ made.weight + 1) @ vectors.T).argmax(1)]
    made.images("photos", 300, label=labels[ROWS:])
    made.both("photos", x, noise=0.05)
    tasks = [TaskSpec("label", True, f"photos@{snapshot}") for snapshot in (1, 2)]
    table = compare(store, tasks=tasks).table.to_pylist()
    rows = {row["task"]: row["n"] for row in table if row["scope"] == "task"}
    (mean,) = [row for row in table if row["scope"] == "mean"]
    assert 0 < mean["n"] == rows["photos@1:label"] < rows["photos@2:label"]


def test_asked_again_it_computes_nothing(planted: Store) -> None:
    first, again = compare(planted), compare(planted)
    assert not again.new
    assert again.path == first.path
    assert again.table.equals(first.table)
    assert compare(planted, fitting=Fitting(bank="classes", holdout=0.3, epochs=2, learning_rate=0.05)).new


def test_self_labels_need_no_label_but_a_head(planted: Store) -> None:
    fitting = Fitting(bank="classes", holdout=0.3, epochs=2, learning_rate=0.05, source_head="probe", classes=COLOURS)
    report = compare(planted, against=("self-labels",), fitting=fitting)
    row = report.table.to_pylist()[0]
    assert row["objective"] == "self-labels"
    assert row["other"] > 0.8


def test_data_free_reads_no_image_beside_its_heads(planted: Store) -> None:
    fitting = replace(FITTING, source_head="probe", classes=COLOURS)
    report = compare(planted, against=("data-free",), fitting=fitting)
    rows = {row["task"]: row for row in report.table.to_pylist() if row["scope"] == "task"}
    assert {row["objective"] for row in rows.values()} == {"data-free"}
    assert rows["label"]["other"] > 0.85, "the composition of map and text head is the probe"
    assert rows["size"]["low"] > 0.05, "a head of two colours says nothing of size"
    assert report.trained == ()


@pytest.mark.parametrize(
    ("more", "error", "message"),
    [
        ({"sources": []}, SpecError, "--source: expected one or more"),
        ({"tasks": ()}, SpecError, "tasks: expected one or more"),
        ({"sources": [SOURCE.name] * 2}, SpecError, f"--source: expected each once, but got {SOURCE.name} 2 times"),
        (
            {"sources": [SOURCE.name, SOURCE.id]},
            SpecError,
            f"--source: expected each encoder once, but got {SOURCE.name} and {SOURCE.id}, which are the same",
        ),
        (
            {"against": ("cross-entropy", "cross-entropy")},
            SpecError,
            "--against: expected each once, but got cross-entropy 2 times",
        ),
        ({"tasks": (TASKS[0], TASKS[0])}, SpecError, "tasks: expected each once, but got label, label"),
        (
            {"tasks": (TASKS[0], TaskSpec("label", False, "photos"))},
            SpecError,
            "tasks: expected each once, but got label, photos:label. Both ask for label of photos@1",
        ),
        (
            {"tasks": (TASKS[0], TaskSpec("label", False, "photos@1", "a {}")), "fitting": Fitting()},
            SpecError,
            "task photos@1:label: expected related or unrelated to the classes of the fit, but got both",
        ),
        (
            {"tasks": (TASKS[0], TaskSpec("label", True, prompt="a {}"))},
            SpecError,
            "tasks: expected each once, but got label, label",  # the bank names the classes of both
        ),
        (
            {"against": ("mse",)},
            UnknownName,
            "objective: expected one of 'cross-entropy', 'data-free', 'self-labels', but got 'mse'",
        ),
        (
            {"groups": {"timm:other": "Others"}},
            UnknownName,
            f"--group: expected .*{SOURCE.name}.*, but got 'timm:other'",
        ),
        ({"tasks": (TaskSpec("sise", related=False),)}, UnknownName, "attribute of photos: .*'size'"),
        (
            {"fitting": Fitting(bank="classes", holdout=0.0, epochs=1)},
            InputError,
            "that no map was fitted on, but got none",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(planted: Store, more: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        compare(planted, **more)


def test_a_task_is_written_in_one_word() -> None:
    assert parse_task("label", related=True) == TaskSpec("label", True)
    found = parse_task("cifar10@2:label=a pixelated photo of a {}", related=False)
    assert found == TaskSpec("label", False, "cifar10@2", "a pixelated photo of a {}")
    assert found.name == "cifar10@2:label"
    for text in ("", ":label", "colour=a swatch", "cifar10:"):
        with pytest.raises(SpecError, match=r"task: expected \[DATASET:\]LABELS\[=PROMPT\]"):
            parse_task(text, related=True)


def test_one_attribute_under_two_prompts_is_two_tasks_told_apart_by_the_prompt() -> None:
    tasks = parse_tasks(["colour=a {} thing", "colour", "shape"], ["photos:colour"])
    assert task_names(tasks) == ("colour=a {} thing", "colour=a photo of a {}", "shape", "photos:colour")
    with pytest.raises(SpecError, match="tasks: expected each once, but got colour, colour"):
        parse_tasks(["colour", "colour=a photo of a {}"], [])
    with pytest.raises(SpecError, match="task colour: expected related or unrelated"):
        parse_tasks(["colour"], ["colour=a {} thing"])


def test_an_audit_file_names_each_source_and_objective_once() -> None:
    with pytest.raises(ValueError, match="sources: expected each once, but got a 2 times"):
        ObjectivesSpec(sources=("a", "a"), related=("label",))
    with pytest.raises(ValueError, match="against: expected each once, but got self-labels 2 times"):
        ObjectivesSpec(against=("self-labels", "self-labels"), related=("label",))


def test_prompts_beside_a_bank_are_told_to_be_unused_and_change_no_answer(planted: Store) -> None:
    plain, prompted = (
        compare(planted, tasks=[TaskSpec("label", True, prompt=prompt)]) for prompt in ("", "xyzzy gibberish {}")
    )
    (note,) = [note for note in prompted.notes if note not in plain.notes]
    assert note == "the vectors of classes name the classes, and no prompt was used: not label=xyzzy gibberish {}"
    assert prompted.digest == plain.digest


def test_how_long_cross_entropy_was_trained_is_told_and_doubted_when_it_was_short(planted: Store) -> None:
    report = compare(planted)
    (one,) = report.trained
    fitted = open_map(planted, report.maps[SOURCE.name, "cross-entropy"]).fitted().num_rows
    assert (one.source, one.objective, one.rows, one.epochs, one.batch) == (
        SOURCE.name,
        "cross-entropy",
        fitted,
        FITTING.epochs,
        100,
    )
    assert one.steps == 3 * -(-fitted // 100)
    assert report.notes == too_short(report.trained)
    epochs = -(-ENOUGH // (one.steps // 3))
    assert report.notes == (
        f"{one.steps} steps: cross-entropy may not have converged (fewer than 10,000), which favours regression; "
        f"raise --epochs, here to {epochs:,}",
    )
    assert f"regression against cross-entropy ({one.steps} steps: it may not have converged) " in report.headline
    assert training_of(SOURCE.name, open_map(planted, report.maps[SOURCE.name, "ridge"]).certificate) is None
    certificate = open_map(planted, report.maps[SOURCE.name, "cross-entropy"]).certificate
    assert certificate is not None
    assert training_of(SOURCE.name, replace(certificate, settings=(("epochs", "3"),))) == one, "100 unless told"


def test_as_many_steps_as_are_enough_are_not_doubted() -> None:
    enough = Training("a", "cross-entropy", rows=5_001, epochs=197, batch=100)
    assert (enough.of_an_epoch, enough.steps, enough.enough_epochs) == (51, 10_047, 197)
    few = replace(enough, source="b", epochs=196)
    assert too_short([enough]) == ()
    assert [note.split(" steps")[0] for note in too_short([enough, few])] == ["9,996"]


def test_the_command_prints_table_two(planted: Store, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["objectives", "photos", "--source", SOURCE.name, "--target", TARGET.name, "--concepts", "classes"]
    words += ["--related", "label", "--unrelated", "size", "--group", f"{SOURCE.name}=Planted", "--epochs", "3"]
    words += ["--learning-rate", "0.05", "--holdout", "0.3", "--device", "cpu", "--store", planted.url]
    assert run(words) == 0
    text = capsys.readouterr().out
    assert "Regression against cross-entropy, task by task" in text
    assert "Planted" in text
    *lines, suggested = text.splitlines()
    assert max(map(len, lines[:-1])) <= 80
    assert "chance" in text
    assert "may not have converged" in text
    assert run([*shlex.split(suggested.removeprefix("next  t2c ")), "--store", planted.url, "--json"]) == 0
    means = json.loads(capsys.readouterr().out)["rows"]
    assert [row["task"] for row in means] == ["related", "related", "unrelated", "unrelated"], "of this answer alone"
    assert run([*words, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert {row["task"] for row in said["objectives"]} == {"label", "size", "related", "unrelated"}
    assert (
        run(["sql", "SELECT count(*) AS n FROM objectives WHERE scope = 'mean'", "--store", planted.url, "--json"]) == 0
    )
    assert said["trained"][0].keys() == set(TRAINING.names)
    assert run([*words[:-2], "--group", f"{SOURCE.name}=Other", "--store", planted.url]) == 2
    assert f"--group: expected each once, but got {SOURCE.name} 2 times" in capsys.readouterr().err
    assert run([*words[:-2], "--group", "Planted", "--store", planted.url]) == 2
    assert "--group: expected ENCODER=GROUP" in capsys.readouterr().err
