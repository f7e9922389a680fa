"""Figures 5 and 6: every model a lane of every task, the CLIP's line, chance; names are escaped, numbers are those stored."""

import re
from pathlib import Path

import pyarrow as pa
import pytest

from t2c.core.statistics.proportions import wilson
from t2c.flows.suite.figures import COLOURS, SuiteFigures, suite_figures, write_suite_page
from t2c.flows.suite.plan import Skipped
from t2c.flows.suite.tasks import TASKS
from t2c.schemas.tables.answers.suite import SUITE

TARGET = "open_clip:ViT-B-16/openai"


def row(
    model: str, task: str, correct: int, *, clip: int = 50, n: int = 100, digest: str = "abcdef012345"
) -> dict[str, object]:
    one = TASKS[task]
    return {
        "model": model,
        "aligner": "ridge",
        "map": digest,
        "group": one.group,
        "task": task,
        "classes": one.size,
        "n": n,
        "correct": correct,
        "accuracy": correct / n,
        **dict(zip(("low", "high"), wilson(correct, n), strict=True)),
        "clip_accuracy": clip / n,
        **dict(zip(("clip_low", "clip_high"), wilson(clip, n), strict=True)),
        "chance": one.chance,
        "majority": one.chance,
        "other_labels": 0,
    }


def shown(*rows: dict[str, object]) -> SuiteFigures:
    return suite_figures(pa.Table.from_pylist(list(rows), schema=SUITE), target=TARGET)


def places(chart: str, pattern: str) -> list[float]:
    return [float(found) for found in re.findall(pattern, chart)]


def test_tasks_are_in_the_panels_of_their_group() -> None:
    found = shown(row("a", "mnist", 10), row("a", "in9", 80), row("a", "cifar10", 70), row("a", "dtd", 30))
    assert [
        (title, [(panel.title, [strip.title for strip in panel.strips]) for panel in panels])
        for title, panels in found.figures
    ] == [
        ("Coarse grained concepts (figure 5)", [("In distribution", ["IN9"]), ("Out of distribution", ["CIFAR10"])]),
        (
            "Characters and primitives (figure 6)",
            [("Character recognition", ["MNIST"]), ("Primitive concepts", ["Textures (DTD)"])],
        ),
    ]
    assert found.tasks == 4


def test_panels_without_tasks_are_left_out() -> None:
    found = shown(row("a", "mnist", 10))
    assert [[panel.title for panel in panels] for _, panels in found.figures] == [["Character recognition"]]


def test_a_strip_has_a_lane_a_model_and_the_clip_and_chance() -> None:
    found = shown(row("a", "mnist", 10), row("b", "mnist", 62), row(TARGET, "mnist", 50, digest="identity"))
    (strip,) = found.figures[0][1][0].strips
    assert found.legend == (("a", "m0"), ("b", "m1"))
    assert places(strip.chart, r'<circle cx="([\d.]+)%') == [10, 62]
    assert places(strip.chart, r'class="clip-line" x1="([\d.]+)%') == [50]
    assert places(strip.chart, r'class="chance" x1="([\d.]+)%') == [10]
    low, high = wilson(62, 100)
    assert places(strip.chart, r'class="whisker" x1="([\d.]+)%')[1] == pytest.approx(100 * low, abs=0.01)
    assert f"b: 62.0\N{NO-BREAK SPACE}% ({100 * low:.1f}\N{NO-BREAK SPACE}% to {100 * high:.1f}" in strip.chart
    assert 'aria-label="MNIST: a 10.0' in strip.chart
    assert found.best == (1, 2)


def test_a_model_keeps_its_lane_and_colour_in_every_task() -> None:
    rows = [row(model, task, 40) for task in ("svhn", "mnist") for model in ("b", "a")]
    found = shown(*rows[::-1], row("c", "mnist", 30))
    strips = found.figures[0][1][0].strips
    assert [[(one["label"], one["kind"]) for one in strip.rows] for strip in strips] == [
        [("a", "m0"), ("b", "m1")],
        [("a", "m0"), ("b", "m1"), ("c", "m2")],
    ]


def test_two_maps_of_one_model_are_told_apart() -> None:
    found = shown(row("a", "mnist", 10, digest="111111aaaaaa"), row("a", "mnist", 20, digest="222222bbbbbb"))
    assert [label for label, _ in found.legend] == ["a, ridge 111111", "a, ridge 222222"]


def test_a_ninth_model_shares_a_colour() -> None:
    found = shown(*(row(f"m{number}", "mnist", 10) for number in range(COLOURS + 1)))
    assert found.legend[COLOURS] == (f"m{COLOURS}", "m0")


def test_a_page_of_its_own_is_one_file_and_escapes_names(tmp_path: Path) -> None:
    table = pa.Table.from_pylist([row("timm:<script>alert(1)</script>", "mnist", 62)], schema=SUITE)
    file = tmp_path / "suite.html"
    write_suite_page(file, table, target=TARGET, skipped=[Skipped("dtd", "no <b>files</b>")])
    text = file.read_text()
    assert "<script" not in text
    assert "<h1>1 model at 1 zero-shot task</h1>" in text
    assert "no &lt;b&gt;files&lt;/b&gt;" in text
    assert "default-src &#39;none&#39;" in text
    assert not re.search(r'(src|href)="(?!#)|style="', text)
    assert "in 1 of 1" in text


def test_the_clip_alone_is_a_line(tmp_path: Path) -> None:
    found = shown(row(TARGET, "mnist", 50, digest="identity"))
    assert (found.legend, found.best) == ((), (0, 0))
    assert "<circle" not in found.figures[0][1][0].strips[0].chart
