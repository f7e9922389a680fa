"""Figures 5 and 6: accuracy of every model at every zero-shot task, beside the CLIP's own encoder and chance.

A task is a strip from 0 to 100 %, a model a lane of it: a dot with its interval. The CLIP is a line with its interval
as a band, chance a dashed line. Text is never inside the drawing, so a strip fills any width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from markupsafe import Markup

from t2c.flows.page import words
from t2c.flows.page.document import write_document
from t2c.flows.suite.plan import Skipped
from t2c.flows.suite.tasks import GROUPS, TASKS, Group

COLOURS = 8
"""Colours of models; a ninth model has the first one's colour again and its own lane."""
LANE = 13
"""Height of a model's lane in pixels."""
FIGURES: dict[str, tuple[Group, Group]] = {
    "Coarse grained concepts (figure 5)": ("in-distribution", "out-of-distribution"),
    "Characters and primitives (figure 6)": ("characters", "primitives"),
}
"""Figure to its left and its right panel."""


@dataclass(frozen=True, slots=True)
class Strip:
    """One task."""

    title: str
    """Name of the task."""
    classes: int
    """Its classes."""
    chart: Markup
    """The drawing."""
    rows: tuple[dict[str, Any], ...]
    """Rows of SUITE, each with its model's `label` and `kind`; without the CLIP's own."""
    clip: dict[str, Any]
    """A row, for the CLIP's accuracy, interval and chance."""


@dataclass(frozen=True, slots=True)
class Panel:
    """The tasks of one group."""

    title: str
    """Heading."""
    strips: tuple[Strip, ...]
    """Its tasks, in the suite's order."""

    @property
    def axis(self) -> Markup:
        """The numbers below the strips."""
        return axis()


@dataclass(frozen=True, slots=True)
class SuiteFigures:
    """What the template shows."""

    target: str
    """The CLIP."""
    legend: tuple[tuple[str, str], ...]
    """(model, CSS class) in the order of the lanes."""
    figures: tuple[tuple[str, tuple[Panel, ...]], ...]
    """(heading, panels); what has no task is left out."""

    @property
    def tasks(self) -> int:
        """Tasks shown."""
        return sum(len(panel.strips) for _, panels in self.figures for panel in panels)

    @property
    def best(self) -> tuple[int, int]:
        """In how many of how many cells a model is at least as accurate as the CLIP."""
        rows = [row for _, panels in self.figures for panel in panels for strip in panel.strips for row in strip.rows]
        return sum(row["accuracy"] >= row["clip_accuracy"] for row in rows), len(rows)


def suite_figures(table: pa.Table, *, target: str) -> SuiteFigures:
    """Arrange SUITE as figures 5 and 6."""
    rows = table.to_pylist()
    named = _labels(rows, target)
    kinds = {label: f"m{number % COLOURS}" for number, label in enumerate(dict.fromkeys(named.values()))}
    for row in rows:
        row["label"] = named.get(_lane(row), "")
        row["kind"] = kinds.get(row["label"], "")
    figures = []
    for title, groups in FIGURES.items():
        panels = tuple(_panel(group, rows, lanes=list(kinds), target=target) for group in groups)
        if any(panel.strips for panel in panels):
            figures.append((title, tuple(panel for panel in panels if panel.strips)))
    return SuiteFigures(target, tuple(kinds.items()), tuple(figures))


def _lane(row: dict[str, Any]) -> tuple[str, str]:
    return row["model"], row["map"]


def _labels(rows: Sequence[dict[str, Any]], target: str) -> dict[tuple[str, str], str]:
    """Return (model, map) to a label, in order of appearance; a model that has several maps is told apart by them."""
    lanes = dict.fromkeys(_lane(row) for row in rows if row["model"] != target)
    models = [model for model, _ in lanes]
    aligners = {_lane(row): row["aligner"] for row in rows}
    return {
        lane: lane[0] if models.count(lane[0]) == 1 else f"{lane[0]}, {aligners[lane]} {lane[1][:6]}" for lane in lanes
    }


def _panel(group: Group, rows: Sequence[dict[str, Any]], *, lanes: Sequence[str], target: str) -> Panel:
    strips = []
    for task in TASKS.values():
        task_rows = [row for row in rows if row["task"] == task.name and task.group == group]
        if task_rows:
            tested = sorted(
                (row for row in task_rows if row["model"] != target), key=lambda row: lanes.index(row["label"])
            )
            label = f"{task.title}: {_said(task_rows[0], tested)}"
            strips.append(
                Strip(
                    task.title,
                    task.size,
                    strip(tested, task_rows[0], label=label),
                    rows=tuple(tested),
                    clip=task_rows[0],
                )
            )
    return Panel(GROUPS[group].rpartition(", ")[2].capitalize(), tuple(strips))


def _said(clip: dict[str, Any], tested: Sequence[dict[str, Any]]) -> str:
    """Return what a screen reader says about a strip."""
    parts = [f"{words.clean(row['label'])} {words.percent(row['accuracy'])}" for row in tested]
    return "; ".join(
        [*parts, f"CLIP itself {words.percent(clip['clip_accuracy'])}", f"chance {words.percent(clip['chance'])}"]
    )


def strip(rows: Sequence[dict[str, Any]], clip: dict[str, Any], *, label: str) -> Markup:
    """Draw one task: a lane for each row (accuracy, low, high, kind), the CLIP's line and band, the line of chance."""
    height = LANE * max(1, len(rows)) + 6
    low, high = clip["clip_low"], clip["clip_high"]
    grid = Markup().join(
        Markup('<line class="grid" x1="{0}%" x2="{0}%" y1="0" y2="{1}"/>').format(at, height) for at in (25, 50, 75)
    )
    lanes = Markup().join(_dot(row, 3 + LANE * number + LANE / 2) for number, row in enumerate(rows))
    return Markup(
        '<svg class="suite-strip" role="img" aria-label="{label}" width="100%" height="{height}">'
        '<rect class="field" width="100%" height="{height}" rx="3"/>{grid}'
        '<rect class="clip-band" x="{low:.2f}%" width="{wide:.2f}%" height="{height}"/>'
        '<line class="clip-line" x1="{clip:.2f}%" x2="{clip:.2f}%" y1="0" y2="{height}"/>'
        '<line class="chance" x1="{chance:.2f}%" x2="{chance:.2f}%" y1="0" y2="{height}"/>{lanes}</svg>'
    ).format(
        label=label,
        height=height,
        grid=grid,
        low=100 * low,
        wide=100 * (high - low),
        clip=100 * clip["clip_accuracy"],
        chance=100 * clip["chance"],
        lanes=lanes,
    )


def _dot(row: dict[str, Any], y: float) -> Markup:
    """Draw one model: its interval and a dot, with its name and accuracy to point at."""
    return Markup(
        '<g class="{kind}"><title>{name}: {accuracy} ({low} to {high})</title>'
        '<line class="whisker" x1="{x1:.2f}%" x2="{x2:.2f}%" y1="{y}" y2="{y}"/>'
        '<circle cx="{x:.2f}%" cy="{y}" r="4.5"/></g>'
    ).format(
        kind=row["kind"],
        name=words.clean(row["label"]),
        accuracy=words.percent(row["accuracy"]),
        low=words.percent(row["low"]),
        high=words.percent(row["high"]),
        x1=100 * row["low"],
        x2=100 * row["high"],
        x=100 * row["accuracy"],
        y=f"{y:g}",
    )


def axis() -> Markup:
    """Draw the numbers below the strips of a panel; those at the edges are anchored inwards."""
    places = (
        (0, "start", "0"),
        (25, "middle", "25"),
        (50, "middle", "50"),
        (75, "middle", "75"),
        (100, "end", "100 %"),
    )
    numbers = Markup().join(
        Markup('<text x="{}%" y="12" text-anchor="{}">{}</text>').format(*place) for place in places
    )
    return Markup('<svg class="suite-axis" aria-hidden="true" width="100%" height="16">{}</svg>').format(numbers)


def write_suite_page(output: str | Path, table: pa.Table, *, target: str, skipped: Sequence[Skipped] = ()) -> None:
    """Write SUITE as figures 5 and 6; raises SpecError or StoreWriteError for a place that cannot be written."""
    figures = suite_figures(table, target=target)
    models, tasks = words.plural(len(figures.legend), "model"), words.plural(figures.tasks, "zero-shot task")
    write_document("suite/page.html.jinja", output, section=figures, headline=f"{models} at {tasks}", skipped=skipped)
