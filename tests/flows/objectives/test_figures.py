"""The report shows stored comparisons of the aligner's objectives: every number as stored, in words too, at any width."""

import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from t2c.flows.maps.align import align
from t2c.flows.objectives.figures import FOLDED, ObjectiveFigures, gain_chart, objective_figures
from t2c.flows.objectives.objectives import Fitting, ObjectivesReport, objectives
from t2c.flows.objectives.training import ENOUGH, too_short
from t2c.flows.page import words
from t2c.flows.report.write import report
from t2c.flows.scores.score import score
from t2c.schemas.specs.objectives import Objective, TaskSpec
from t2c.schemas.tables.answers.objectives import OBJECTIVES
from t2c.store.artifacts.linear_maps import open_map
from t2c.store.disk.root import Store, open_store
from tests.chromium import BROWSER, browser
from tests.planted.features import SOURCE, TARGET, Planted
from tests.planted.objectives import COLOURS, FITTING, TASKS, plant

SPEC = {"sources": ["a", "b"], "target": "clip", "groups": {"a": "", "b": ""}}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Planted images, aligned, scored and compared by both objectives."""
    folder = tmp_path_factory.mktemp("objectives")
    store = open_store(folder / "store", create=True)
    plant(store, folder)
    align(store, "photos", source=SOURCE.name, target=TARGET.name)
    score(store, "photos", source=SOURCE.name, bank="classes")
    compared(store)
    return store


@pytest.fixture
def lab(made: Store, tmp_path: Path) -> Store:
    """A copy of it that a test may change."""
    shutil.copytree(made.url.removeprefix("file://"), tmp_path / "copy")
    return open_store(tmp_path / "copy")


def compared(
    store: Store, *against: Objective, tasks: Sequence[TaskSpec] = TASKS, fitting: Fitting = FITTING
) -> ObjectivesReport:
    sides = {"sources": [SOURCE.name], "target": TARGET.name}
    return objectives(
        store, "photos", **sides, tasks=tasks, against=against or ("cross-entropy",), fitting=fitting, device="cpu"
    )


def section(store: Store, folder: Path) -> str:
    text = Path(report(store, "photos", output=folder / "r.html").path).read_text()
    found = re.search(r'<section id="laboratory".*?</section>', text, re.S)
    return found.group() if found else ""


def row(difference: float, *, half: float = 0.02, **said: object) -> dict[str, object]:
    told = {"scope": "task", "source": "a", "task": "shape", "related": True, "objective": "cross-entropy", "n": 100}
    numbers = {"regression": 0.5, "other": 0.5 - difference, "difference": difference, "chance": 0.1}
    return {**told, **numbers, "low": difference - half, "high": difference + half, **said}


def mean(difference: float, **said: object) -> dict[str, object]:
    related = said.get("related", True)
    return row(difference, **{"scope": "mean", "source": "all", "task": "related" if related else "unrelated", **said})


def figures(*rows: dict[str, object], objective: str = "cross-entropy", **spec: object) -> ObjectiveFigures:
    table = pa.Table.from_pylist(list(rows), schema=OBJECTIVES)
    return objective_figures(table, objective, spec={**SPEC, **spec}, dataset="photos@1", fits=())


def test_every_stored_number_is_shown_related_tasks_apart(made: Store, tmp_path: Path) -> None:
    table = compared(made).table
    text = section(made, tmp_path)
    related, unrelated = text.split("<h4>Related tasks</h4>")[1].split("<h4>Unrelated tasks</h4>")
    for one in table.to_pylist():
        panel = related if one["related"] else unrelated.split("The numbers")[0]
        assert f"<b>{words.signed(100 * one['difference'], 1)}</b>" in panel
        assert f"({words.signed(100 * one['low'], 1)} to {words.signed(100 * one['high'], 1)})" in panel
        assert f"{words.percent(one['regression'])} against {words.percent(one['other'])}, n = {one['n']}" in panel
        assert f"{words.signed(one['low'], 3)} to {words.signed(one['high'], 3)}" in text.split("The numbers")[1]
    assert text.count('class="interval"') == table.num_rows
    assert "What cross-entropy minimised: cross-entropy of the labels" in text
    assert "epochs 3, learning rate 0.05" in text
    (trained,) = compared(made).trained
    assert f"Cross-entropy was trained for 3 epochs over {trained.rows} images: {trained.steps} steps of SGD." in text
    assert f"Doubtful:</b> {too_short([trained])[0]}." in text
    assert "A linear map was fitted from every encoder to every other" not in text, "there is no pair matrix"
    assert "style=" not in text


def test_only_the_newest_comparison_with_an_objective_about_the_reports_own_snapshot_counts(
    lab: Store, tmp_path: Path
) -> None:
    probed = replace(FITTING, source_head="probe", classes=COLOURS)
    compared(lab, "cross-entropy", "self-labels", tasks=TASKS[:1], fitting=probed)
    compared(lab, tasks=TASKS[1:])
    text = section(lab, tmp_path)
    headings = re.findall(r"<h3>Regression against ([\w-]+)", text)
    assert headings == ["cross-entropy", "self-labels"]
    assert (text.count("<h4>Related tasks"), text.count("<h4>Unrelated tasks")) == (1, 1), (
        "of each objective the newest"
    )
    Planted(lab).images("photos", 5)
    score(lab, "photos", source=SOURCE.name, bank="classes")
    assert section(lab, tmp_path) == ""


def test_comparisons_fitted_on_other_labels_stand_side_by_side_and_say_which(lab: Store, tmp_path: Path) -> None:
    turned = [TaskSpec("size", related=True), TaskSpec("label", related=False)]
    compared(lab, tasks=turned, fitting=replace(FITTING, labels="size"))
    headings = re.findall(r"<h3>Regression against cross-entropy <small>(.*?)</small>", section(lab, tmp_path))
    assert [re.sub("<.*?>", "", heading).partition(", fitted on ")[2] for heading in headings] == ["label", "size"]


def test_a_comparison_is_shown_without_its_maps(lab: Store, tmp_path: Path) -> None:
    for digest in compared(lab).maps.values():
        if digest[:12] not in section(lab, tmp_path):  # the report's own map stays
            shutil.rmtree(Path(lab.url.removeprefix("file://")) / "linear_maps" / digest)
    text = section(lab, tmp_path)
    assert "Regression against cross-entropy" in text
    assert "minimised" not in text
    assert "Doubtful" not in text


def test_long_training_is_told_without_a_doubt_and_of_several_maps_the_shortest_and_the_longest(made: Store) -> None:
    fit = open_map(made, compared(made).maps[SOURCE.name, "cross-entropy"]).certificate
    assert fit is not None
    settings = {**dict(fit.settings), "epochs": "1", "batch": "1"}
    fits = [replace(fit, fitted=rows, settings=tuple(settings.items())) for rows in (2 * ENOUGH, 3 * ENOUGH)]
    fits = [replace(one, source=replace(one.source, name=name)) for one, name in zip(fits, "ab", strict=True)]
    table = pa.Table.from_pylist([row(0.1), mean(0.1)], schema=OBJECTIVES)
    found = objective_figures(table, "cross-entropy", spec=SPEC, dataset="photos@1", fits=fits)
    assert found.doubts == ()
    said = "1 epoch over 20,000 images: 20,000 steps of SGD to 1 epoch over 30,000 images: 30,000 steps of SGD"
    assert found.trained == said


@pytest.mark.parametrize(
    ("related", "unrelated", "said"),
    [
        (
            -0.05,
            0.1121,
            "On related tasks, regression is 5.0 points less accurate than cross-entropy (95 %: 3.0 to 7.0); "
            "on unrelated tasks, regression is 11.2 points more accurate than cross-entropy (95 %: 9.2 to 13.2).",
        ),
        (
            0.01,
            0.0,
            "On related tasks, regression and cross-entropy cannot be told apart (+1.0 points, 95 %: −1.0 to +3.0); "
            "on unrelated tasks, regression and cross-entropy cannot be told apart (0.0 points, 95 %: −2.0 to +2.0).",
        ),
    ],
)
def test_what_the_means_say_is_said_in_one_sentence(related: float, unrelated: float, said: str) -> None:
    rows = (row(0.0), row(0.0, related=False), mean(related), mean(unrelated, related=False))
    assert figures(*rows, mean(0.9, source="group")).said.replace("\N{NO-BREAK SPACE}", " ") == said


def test_a_dot_lies_where_its_gain_is_and_has_the_colour_of_the_better() -> None:
    drawn = str(gain_chart(row(0.1), end=0.2))
    assert 'x1="50.00%"' in drawn, "the line of no difference"
    assert 'class="accent" cx="75.00%"' in drawn
    assert 'x1="70.00%" x2="80.00%"' in drawn
    assert 'class="other" cx="25.00%"' in str(gain_chart(row(-0.1), end=0.2))
    assert 'class="plain"' in str(gain_chart(row(0.1, half=0.1), end=0.2))


def test_all_objectives_share_one_round_scale_that_holds_every_interval() -> None:
    rows = (row(0.11), mean(0.11), row(-0.3, objective="self-labels"), mean(-0.3, objective="self-labels"))
    both = [figures(*rows, objective=name) for name in ("cross-entropy", "self-labels")]
    assert [one.rows for one in both] == [rows[:2], rows[2:]]
    assert [re.findall(r">([^<>]+)</text>", str(one.axis)) for one in both] == [["−50", "0", "+50"]] * 2
    wide = figures(row(0.99, half=0.05), mean(0.99, half=0.05))
    assert "+104<" in str(wide.axis)
    assert 'x2="100.00%"' in str(wide.panels[0].tasks[0].chart)


def test_groups_are_shown_where_they_say_more_than_the_mean_of_all() -> None:
    rows = (row(0.1), row(0.1, source="b"), mean(0.1), mean(0.1, source="kin"))
    one = figures(*rows, groups={"a": "kin", "b": "kin"})
    assert [gain.name for gain in one.panels[0].means] == ["mean of 2 sources, 1 task"]
    two = figures(*rows, groups={"a": "kin", "b": ""})
    assert [gain.name for gain in two.panels[0].means] == ["mean of 2 sources, 1 task", "kin"]
    alone = figures(row(0.1), mean(0.1), sources=["a"], groups={"a": "kin"})
    assert [gain.name for gain in alone.panels[0].means] == ["mean of 1 task"]
    assert (alone.several, alone.title, two.title) == (False, "a to clip on photos@1", "clip on photos@1")


def test_many_tasks_are_folded_and_a_side_without_tasks_is_left_out() -> None:
    few = figures(*(row(0.1, task=f"t{at}") for at in range(FOLDED)), mean(0.1))
    many = figures(*(row(0.1, task=f"t{at}") for at in range(FOLDED + 1)), mean(0.1))
    assert [panel.title for panel in few.panels] == ["Related tasks"]
    assert (few.panels[0].folded, many.panels[0].folded) == (False, True)


@pytest.mark.skipif(BROWSER is None, reason="no Chromium on this machine: apt-get install chromium")
def test_the_comparison_fits_a_phone_and_a_desk(made: Store, tmp_path: Path) -> None:
    page = Path(report(made, "photos", output=tmp_path / "r.html").path)
    with browser(tmp_path) as tab:
        for width in (390, 1280):
            tab.open(page, width=width)
            wide = "[...document.querySelectorAll('#laboratory .gain > *')].filter(one => one.scrollWidth > one.clientWidth)"
            assert tab.run("document.querySelectorAll('#laboratory .gain').length") > 4
            assert tab.run(f"{wide}.filter(one => one.tagName !== 'svg').length") == 0
            assert tab.run("document.documentElement.scrollWidth") <= width
        assert tab.problems == []
