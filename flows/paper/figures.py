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


def _matrix(findings: Findings, column: str, title: str, high: float) -> str:
    keys = list(findings.names.values())
    value = {(findings.names[row["source"]], findings.names[row["target"]]): row[column] for row in findings.pairs}
    return heatmap([[value.get((a, b)) for b in keys] for a in keys], keys, title=title, high=high)


def _sources(findings: Findings) -> str:
    rows = []
    for name, key in findings.names.items():
        pairs = [row for row in findings.pairs if row["source"] == name]
        spread = [Mark(f"to {findings.names[row['target']]}", *_retained(row)) for row in pairs]
        rows.append((f"from {key}: mean {sum(row['retained'] for row in pairs) / len(pairs):.2f}", spread))
    label = "% of the target's own accuracy, 95 % intervals; dashed: all of it"
    return marks(rows, title="Retained accuracy by source (figure 11)", x_label=label, line=1.0)


def _retained(row: dict[str, Any]) -> tuple[float, float, float]:
    value = row["retained"]
    low, high = row["retained_low"], row["retained_high"]
    return value, value if low is None else low, value if high is None else high


def _curve(findings: Findings, place: int, title: str, label: str) -> str:
    curve = findings.curves[place]
    lines = [
        Line("zero-shot accuracy", curve.size, curve.aligned, curve.aligned_spread),
        Line("R2", curve.size, curve.r2, curve.r2_spread),
    ]
    return plot(lines, title=title, x_label=label)


def _components(findings: Findings) -> str:
    among = findings.nearness[0]
    note = f"within {P} of the diagonal: {among.over():.2f} on average, a random matrix {np.mean(findings.random):.2f}"
    title = f"Mean |W'| of {among.pairs} pairs of EfficientNets (figure 13)"
    axes = ("principal component of the source", "principal component of the target")
    return grid(findings.components.tolist(), title=title, note=note, axes=axes)


def _diagonals(findings: Findings) -> str:
    at = [float(number) for number in range(1, len(findings.random) + 1)]
    lines = [Line(f"{kind.label}, {kind.pairs} pairs", at, kind.mean, kind.spread) for kind in findings.nearness]
    lines.append(Line("random matrix", at, findings.random, [float("nan")] * len(at), dashed=True))
    title = f"diag_i: share within {P} of the diagonal (figure 14)"
    return plot(lines, title=title, x_label="principal component i of the target", least=0.0)


def _objectives(findings: Findings) -> str:
    rows = []
    for objective in dict.fromkeys(row["objective"] for row in findings.objectives):
        for related, word in ((True, "related"), (False, "unrelated")):
            compared = [
                row for row in findings.objectives if row["objective"] == objective and row["related"] == related
            ]
            single = [row for row in compared if row["scope"] == "task"]
            group = [
                Mark(
                    f"{row['task']}, {findings.names[row['source']]}",
                    row["difference"],
                    row["low"],
                    row["high"],
                    colour=0,
                )
                for row in single
            ]
            mean = next(row for row in compared if row["scope"] == "mean" and row["source"] == "all")
            group.append(Mark("mean", mean["difference"], mean["low"], mean["high"], colour=1))
            rows.append((f"regression minus {objective}, {word} tasks", group))
    label = "percentage points of accuracy, 95 % intervals; dashed: no difference"
    return marks(rows, title="Gain of regression, points (table 2)", x_label=label, low=-0.1, line=0.0)


def _retrieval(findings: Findings) -> str:
    rows = []
    for query in findings.prompts:
        group = [
            Mark(way, query[way]["precision"], query[way]["low"], query[way]["high"], colour=number)
            for number, way in enumerate(("logic", "prompt"))
        ]
        rows.append((f"{query['logic']['asked']} ({query['logic']['found']} images)", group))
    label = "% of the images returned that are right, 95 % intervals"
    return marks(rows, title="Precision of logic and of one prompt (5.3)", x_label=label)


def _zeroshot(findings: Findings) -> str:
    rows = []
    for task, title in TASKS.items():
        tested = [row for row in findings.suite if row["task"] == task and row["aligner"] != "none"]
        if not tested:
            continue
        group = [Mark(findings.names[row["model"]], row["accuracy"], row["low"], row["high"]) for row in tested]
        clip = tested[0]
        group.append(Mark("the CLIP", clip["clip_accuracy"], clip["clip_low"], clip["clip_high"], colour=1))
        rows.append((f"{title}: {tested[0]['n']:,} images, chance {tested[0]['chance']:.0%}", group))
    label = "% of the images named right, 95 % intervals"
    return marks(rows, title="Zero-shot accuracy (figures 5, 6)", x_label=label)
