"""The figures of the page, each after one of the paper's."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from t2c.flows.laboratory.components import P
from t2c.flows.paper.drawing import Line, Mark, grid, heatmap, marks, plot
from t2c.flows.paper.findings import Findings

TASKS = {
    "color": "Swatches",
    "world-colour": "Colour",
    "world-shape": "Shape",
    "world-texture": "Texture",
    "world-context": "Context",
}
"""Tasks of the zero-shot figure, in order."""


def figures(found: Findings) -> Mapping[str, str]:
    """Return file name to SVG; the zero-shot figure only where the suite ran."""
    drawn = {
        "pairs-retained.svg": _matrix(found, "retained", "Retained accuracy (figure 3)", 1.5),
        "pairs-r2.svg": _matrix(found, "r2_variance_weighted", "R2, variance-weighted (figure 10: the global R2)", 1.0),
        "sources.svg": _sources(found),
        "curve-samples.svg": _curve(found, 0, "Against samples (figure 12)", "images fitted"),
        "curve-classes.svg": _curve(found, 1, "Against classes (figure 12)", "classes fitted"),
        "components.svg": _components(found),
        "diagonals.svg": _diagonals(found),
        "objectives.svg": _objectives(found),
        "retrieval.svg": _retrieval(found),
    }
    return {**drawn, **({"zero-shot.svg": _zeroshot(found)} if found.suite else {})}


def _matrix(found: Findings, column: str, title: str, high: float) -> str:
    keys = list(found.names.values())
    value = {(found.names[row["source"]], found.names[row["target"]]): row[column] for row in found.pairs}
    return heatmap([[value.get((a, b)) for b in keys] for a in keys], keys, title=title, high=high)


def _sources(found: Findings) -> str:
    rows = []
    for name, key in found.names.items():
        mine = [row for row in found.pairs if row["source"] == name]
        spread = [Mark(f"to {found.names[row['target']]}", *_retained(row)) for row in mine]
        rows.append((f"from {key}: mean {sum(row['retained'] for row in mine) / len(mine):.2f}", spread))
    label = "% of the target's own accuracy, 95 % intervals; dashed: all of it"
    return marks(rows, title="Retained accuracy by source (figure 11)", x_label=label, line=1.0)


def _retained(row: dict[str, Any]) -> tuple[float, float, float]:
    value = row["retained"]
    low, high = row["retained_low"], row["retained_high"]
    return value, value if low is None else low, value if high is None else high


def _curve(found: Findings, place: int, title: str, label: str) -> str:
    one = found.curves[place]
    lines = [
        Line("zero-shot accuracy", one.size, one.aligned, one.aligned_spread),
        Line("R2", one.size, one.r2, one.r2_spread),
    ]
    return plot(lines, title=title, x_label=label)


def _components(found: Findings) -> str:
    among = found.nearness[0]
    note = f"within {P} of the diagonal: {among.over():.2f} on average, a random matrix {np.mean(found.random):.2f}"
    title = f"Mean |W'| of {among.pairs} pairs of EfficientNets (figure 13)"
    axes = ("principal component of the source", "principal component of the target")
    return grid(found.components.tolist(), title=title, note=note, axes=axes)


def _diagonals(found: Findings) -> str:
    at = [float(number) for number in range(1, len(found.random) + 1)]
    lines = [Line(f"{one.label}, {one.pairs} pairs", at, one.mean, one.spread) for one in found.nearness]
    lines.append(Line("random matrix", at, found.random, [float("nan")] * len(at), dashed=True))
    title = f"diag_i: share within {P} of the diagonal (figure 14)"
    return plot(lines, title=title, x_label="principal component i of the target", least=0.0)


def _objectives(found: Findings) -> str:
    rows = []
    for objective in dict.fromkeys(row["objective"] for row in found.objectives):
        for related, word in ((True, "related"), (False, "unrelated")):
            mine = [row for row in found.objectives if row["objective"] == objective and row["related"] == related]
            single = [row for row in mine if row["scope"] == "task"]
            group = [
                Mark(
                    f"{row['task']}, {found.names[row['source']]}", row["difference"], row["low"], row["high"], colour=0
                )
                for row in single
            ]
            mean = next(row for row in mine if row["scope"] == "mean" and row["source"] == "all")
            group.append(Mark("mean", mean["difference"], mean["low"], mean["high"], colour=1))
            rows.append((f"regression minus {objective}, {word} tasks", group))
    label = "percentage points of accuracy, 95 % intervals; dashed: no difference"
    return marks(rows, title="Gain of regression, points (table 2)", x_label=label, low=-0.1, line=0.0)


def _retrieval(found: Findings) -> str:
    rows = []
    for one in found.prompts:
        group = [
            Mark(way, one[way]["precision"], one[way]["low"], one[way]["high"], colour=number)
            for number, way in enumerate(("logic", "prompt"))
        ]
        rows.append((f"{one['logic']['asked']} ({one['logic']['found']} images)", group))
    label = "% of the images returned that are right, 95 % intervals"
    return marks(rows, title="Precision of logic and of one prompt (5.3)", x_label=label)


def _zeroshot(found: Findings) -> str:
    rows = []
    for task, title in TASKS.items():
        mine = [row for row in found.suite if row["task"] == task and row["aligner"] != "none"]
        if not mine:
            continue
        group = [Mark(found.names[row["model"]], row["accuracy"], row["low"], row["high"]) for row in mine]
        clip = mine[0]
        group.append(Mark("the CLIP", clip["clip_accuracy"], clip["clip_low"], clip["clip_high"], colour=1))
        rows.append((f"{title}: {mine[0]['n']:,} images, chance {mine[0]['chance']:.0%}", group))
    label = "% of the images named right, 95 % intervals"
    return marks(rows, title="Zero-shot accuracy (figures 5, 6)", x_label=label)
