"""The recipe that make demo-paper runs, on fewer images and without the suite's own pictures, from drawing to page."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as Tree

import pytest

from t2c.flows.engine.progress import NoProgress
from t2c.flows.paper.findings import Curve
from t2c.flows.paper.page import render
from t2c.flows.paper.pictures import draw_world
from t2c.flows.paper.run import RECIPE, Outcome, demo_paper
from t2c.schemas.specs.recipe import RecipeSpec, load_recipe

DOCS = Path(__file__).parents[3] / "docs"


def small() -> RecipeSpec:
    """Return the recipe without the suite (it draws 2,000 images of its own), objectives of one encoder, fewer epochs."""
    recipe = load_recipe(RECIPE)
    steps = [step for step in recipe.steps if step.words[0] != "suite"]
    assert len(steps) == len(recipe.steps) - 1
    fewer = [step.model_copy(update={"run": _less(step.run)}) for step in steps]
    first = fewer[0].model_copy(
        update={"say": "The map", "run": "align world --source @lite0 --target @clip --holdout 0.2"}
    )
    return recipe.model_copy(update={"steps": (*fewer[:4], first, *fewer[4:])})


def _less(command: str) -> str:
    command = command.replace("--epochs 100", "--epochs 10")
    return command.replace(" --source @lite1 --source @lite2", "") if command.startswith("objectives") else command


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    out = tmp_path_factory.mktemp("paper")
    return demo_paper(
        out, out / "docs", images=240, recipe=small(), progress=NoProgress(), say=lambda _: None, processes=1
    )


@pytest.mark.slow
def test_every_question_of_the_recipe_is_answered(outcome: Outcome) -> None:
    found = outcome.findings
    assert found.images == 240
    assert len(found.pairs) == 12, "every ordered pair of four encoders"
    assert [curve.by for curve in found.curves] == ["samples", "classes"]
    assert found.components.shape == (40, 40)
    assert [(one.label, one.pairs) for one in found.nearness] == [
        ("among EfficientNets", 6),
        ("to the CLIP", 3),
        ("from the CLIP", 3),
    ]
    assert {len(one.mean) for one in found.nearness} == {len(found.random)} == {40}
    assert {row["objective"] for row in found.objectives} == {"cross-entropy", "self-labels"}
    assert [len(found.prompts), len(found.zeroshot), found.suite] == [3, 2, []]
    assert all(step["exit_code"] == 0 for step in outcome.report.steps)


@pytest.mark.slow
def test_what_does_not_depend_on_scale_comes_out(outcome: Outcome) -> None:
    found = outcome.findings
    to_clip = [row for row in found.pairs if row["target"] == "demo:clip"]
    assert min(row["r2_variance_weighted"] for row in to_clip) > 0.5
    unrelated = [row for row in found.objectives if row["scope"] == "mean" and not row["related"]]
    assert min(row["low"] for row in unrelated) > 0.2, "regression keeps what no label told of"
    images, text = found.zeroshot
    assert min(images["low"], text["low"]) > 2 / 11, "both directions of alignment are far better than chance"
    among = [row["diag"] for row in found.diagonals if "clip" not in row["source"] + row["target"]]
    assert min(among) > 1.5 * found.diagonals[0]["random"]
    assert found.nearness[0].over() == pytest.approx(sum(among) / len(among)), "the lines are of the table's pairs"
    samples = found.curves[0]
    assert samples.aligned[-1] > 2 * samples.aligned[0]


@pytest.mark.slow
def test_the_page_shows_every_figure_that_it_wrote(outcome: Outcome) -> None:
    text = outcome.page.read_text()
    shown = re.findall(r"\]\((paper/[a-z0-9-]+\.svg)\)", text)
    written = {f"paper/{file.name}" for file in (outcome.page.parent / "paper").iterdir()}
    assert set(shown) == written
    assert len(shown) == 9
    for name in written:
        Tree.fromstring((outcome.page.parent / name).read_text())
    assert "Zero-shot classification (figures 5, 6)" not in text, "the suite did not run"
    assert "-4.99 %" in text
    assert "among EfficientNets (well above chance)" in text
    assert "nan" not in text


@pytest.mark.slow
def test_sentences_follow_the_numbers(outcome: Outcome) -> None:
    def said(change: dict[str, Any]) -> str:
        return render(replace(outcome.findings, **change), seconds=60, cores=2)

    def carried(text: float) -> list[dict[str, float]]:
        return [{"accuracy": value, "low": value - 0.1, "high": value + 0.1} for value in (0.5, text)]

    assert "So it is here." in said({"zeroshot": carried(0.2)})
    assert "Here the two cannot be told apart." in said({"zeroshot": carried(0.45)})
    assert "Here it is the more effective one." in said({"zeroshot": carried(0.8)})
    pairs = outcome.findings.pairs
    assert "classify *better* through" in said({"pairs": [{**row, "retained": 1.1} for row in pairs]})
    assert "retain 0.70 of an EfficientNet's own accuracy" in said(
        {"pairs": [{**row, "retained": 0.7} for row in pairs]}
    )
    level = outcome.findings.random
    as_random = [replace(one, mean=[1.2 * value for value in level]) for one in outcome.findings.nearness]
    assert "from the CLIP (above chance)" in said({"nearness": as_random})
    none = [replace(one, mean=level) for one in outcome.findings.nearness]
    assert "among EfficientNets (about chance)" in said({"nearness": none})
    less = [replace(one, mean=[0.5 * value for value in level]) for one in outcome.findings.nearness]
    assert "to the CLIP (below chance)" in said({"nearness": less})
    curve = replace(outcome.findings.curves[1], size=[1, 5], aligned=[0.5, 0.6], r2=[-0.34, 0.2])
    assert "With 1 of the classes R2 is -0.34" in said({"curves": [curve, curve]})
    above = replace(curve, r2=[0.0, 0.2])
    assert "worse than the mean alone" not in said({"curves": [above, above]})


def test_drawing_again_draws_nothing(tmp_path: Path) -> None:
    folder = draw_world(tmp_path, 8, processes=1)
    before = {file: file.stat().st_mtime_ns for file in folder.iterdir()}
    assert len(before) == 8
    assert draw_world(tmp_path, 8, processes=1) == folder
    assert {file: file.stat().st_mtime_ns for file in folder.iterdir()} == before
    draw_world(tmp_path, 9, processes=1)
    assert len(list(folder.iterdir())) == 9


def test_a_curve_says_where_it_reaches_a_share_of_its_end() -> None:
    curve = Curve("samples", [10, 50, 100], [0] * 3, [0] * 3, [0.1, 0.73, 0.8], [0] * 3)
    assert curve.reaching(0.9) == 0.5
    assert curve.reaching(1.0) == 1.0


def test_the_committed_page_shows_committed_figures() -> None:
    text = (DOCS / "paper.md").read_text()
    shown = re.findall(r"\]\((paper/[a-z0-9-]+\.svg)\)", text)
    assert len(shown) == 10
    assert {f"paper/{file.name}" for file in (DOCS / "paper").glob("*.svg")} == set(shown)
    for name in shown:
        Tree.fromstring((DOCS / name).read_text())
