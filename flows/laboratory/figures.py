"""Figures of the alignment laboratory: pair heatmaps (fig 3, 10), sources (11), curves (12), components (13, 14)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from markupsafe import Markup

from t2c.core.laboratory.components import diagonal_share, random_share
from t2c.flows.laboratory.components import P, component_pairs, diagonals
from t2c.flows.laboratory.means import band, group_means, source_means
from t2c.flows.objectives.figures import ObjectiveFigures
from t2c.flows.page import words
from t2c.flows.page.charts import bar
from t2c.flows.page.heat import Heat, heat, mosaic
from t2c.flows.page.line_charts import Line, line_chart

COLOURS = 8
"""Colours of lines; a ninth has the first one's again."""
MEASURES = (
    ("retained", "Retained accuracy"),
    ("r2_variance_weighted", "R² on images not fitted"),
    ("cka", "Linear CKA"),
)
"""Columns of PAIRS that become heatmaps, and their headings."""


@dataclass(frozen=True, slots=True)
class PairFigures:
    """The pair matrix of one dataset."""

    dataset: str
    """Dataset and snapshot."""
    heats: tuple[Heat, ...]
    """By encoder."""
    grouped: tuple[Heat, ...]
    """By group; empty when there are no groups."""
    sources: tuple[dict[str, Any], ...]
    """source, group, pairs, mean, bar: mean retained accuracy of each source, best first."""
    rows: tuple[dict[str, Any], ...]
    """Rows of PAIRS."""
    held_out: int
    """Images that R2 is measured on."""
    labelled: int
    """Of these, images that accuracies are measured on."""


@dataclass(frozen=True, slots=True)
class CurveFigures:
    """Curves to one target by one measure of size, judged by one head."""

    title: str
    """Target, dataset and snapshot."""
    judged: str
    """What judges accuracies, and whose classes grow along a curve by classes."""
    by: str
    """samples or classes."""
    legend: tuple[tuple[str, str], ...]
    """(source, class of its colour)."""
    charts: tuple[tuple[str, Markup], ...]
    """(heading, drawing): accuracy where there are labels, and R2."""
    rows: tuple[dict[str, Any], ...]
    """source, size, r2, r2_sd, aligned, aligned_sd, own for every point."""
    seeds: int
    """Orders that points were taken in."""


@dataclass(frozen=True, slots=True)
class ComponentFigures:
    """Components of the encoders of one answer."""

    dataset: str
    """Dataset and snapshot."""
    encoders: tuple[str, ...]
    """Encoders."""
    mosaic: Markup
    """Mean row-normalised W' over all ordered pairs."""
    chart: Markup
    """diag_i: mean over the pairs that have component i with its range, and that of random matrices."""
    drawn: int
    """Components of the mosaic on either side: as many as every space keeps."""
    kept: int
    """The most that a space keeps."""
    p: int
    """Half-width of the band."""
    rows: tuple[dict[str, Any], ...]
    """source, target, diag, random, and size (target components, source components) of each ordered pair."""


@dataclass(frozen=True, slots=True)
class Laboratory:
    """What the template shows."""

    pairs: tuple[PairFigures, ...]
    """One a dataset."""
    curves: tuple[CurveFigures, ...]
    """One a target and measure of size."""
    components: tuple[ComponentFigures, ...]
    """One a dataset."""
    objectives: tuple[ObjectiveFigures, ...]
    """One an objective of each target and choice of sources."""


def pair_figures(table: pa.Table, *, dataset: str) -> PairFigures:
    """Arrange PAIRS as heatmaps; a measure that no pair has is left out."""
    names = tuple(dict.fromkeys(table["source"].to_pylist()))
    alone = table.set_column(table.column_names.index("source_group"), "source_group", table["source"])
    alone = alone.set_column(alone.column_names.index("target_group"), "target_group", alone["target"])
    measures = [(column, title) for column, title in MEASURES if table[column].null_count < table.num_rows]
    heats = tuple(heat(title, names, group_means(alone, column).mean) for column, title in measures)
    groups = group_means(table, "r2_variance_weighted").groups
    grouped = (
        tuple(heat(title, groups, group_means(table, column).mean, diagonal=False) for column, title in measures[:2])
        if groups != names
        else ()
    )
    best = source_means(table, "retained").to_pylist()
    most = max((row["mean"] for row in best), default=1.0)
    sources = tuple({**row, "bar": bar(row["mean"], max(most, 1.0), kind="accent")} for row in best)
    first = table.to_pylist()[0]
    return PairFigures(dataset, heats, grouped, sources, tuple(table.to_pylist()), first["held_out"], first["labelled"])


def curve_figures(
    tables: Sequence[tuple[str, pa.Table]], *, target: str, by: str, dataset: str, judged: str
) -> CurveFigures:
    """Arrange CURVES of several sources to one target, judged alike, as one chart of accuracy and one of R2."""
    size = "classes" if by == "classes" else "fitted"
    kinds = {source: f"m{place % COLOURS}" for place, (source, _) in enumerate(tables)}
    lines: dict[str, list[Line]] = {"aligned": [], "r2_variance_weighted": []}
    rows: list[dict[str, Any]] = []
    for source, table in tables:
        sizes, own = band(table, size).mean, band(table, "own")
        bands = {column: band(table, column) for column in lines}
        for column, part in bands.items():
            lines[column].append(Line(source, kinds[source], sizes, part.mean, part.low, part.high))
        if not any(line.kind == "plain" for line in lines["aligned"]):
            lines["aligned"].append(Line("target itself", "plain", sizes, own.mean))
        accuracy, r2 = bands["aligned"], bands["r2_variance_weighted"]
        columns = zip(sizes, r2.mean, r2.sd, accuracy.mean, accuracy.sd, own.mean, strict=True)
        names = ("size", "r2", "r2_sd", "aligned", "aligned_sd", "own")
        rows += [{"source": source, **dict(zip(names, map(float, row), strict=True))} for row in columns]
    titles = {"aligned": "Accuracy of the target’s head on aligned features", "r2_variance_weighted": MEASURES[1][1]}
    charts = [(titles[column], line_chart(part, label=_said(part))) for column, part in lines.items()]
    seeds = len(set(tables[0][1]["seed"].to_pylist()))
    drawn = tuple(chart for chart in charts if chart[1])
    return CurveFigures(f"{target} on {dataset}", judged, by, tuple(kinds.items()), drawn, tuple(rows), seeds)


def judged_by(spec: Mapping[str, Any]) -> str:
    """Return which head and labels judge a curve, as its question says: curves that differ in it share no axis.

    The second head is the target's; the labels of a curve by classes say whose classes grow, head or not.
    """
    _, head = spec.get("heads") or (None, None)
    parts = ["no head"] if head is None else [f"head {head['head']}"]
    if head is not None and not head["head"].endswith(f":{head['labels']}"):
        parts.append(f"labels {head['labels']}")
    for name, what in (("classes", ("class", "classes")), ("templates", ("prompt", "prompts"))):
        parts += [words.plural(len(head[name]), *what)] if head is not None and head.get(name) else []
    parts += [f"classes of {spec['labels']}"] if spec["by"] == "classes" else []
    return ", ".join(parts)


def component_figures(table: pa.Table, *, dataset: str, p: int = P) -> ComponentFigures:
    """Arrange COMPONENTS as the mean matrix over pairs, the curve of diag_i, and the shares that `t2c components` tells.

    Spaces may keep different numbers of components: pairs are averaged where all have an entry in the matrix, and over
    those that have component i in the curve; each pair's own shares are of its whole matrix.
    """
    pairs = component_pairs(table)
    sizes = [pair.rows.shape for pair in pairs]
    drawn, most = min(map(min, sizes)), max(map(max, sizes))
    mean = np.mean([pair.rows[:drawn, :drawn] for pair in pairs], axis=0)
    shares = _padded([diagonal_share(pair.rows, p=p) for pair in pairs], most)
    random = _padded([random_share(columns, p=p, rows=rows) for rows, columns in sizes], most)
    at = np.arange(1.0, most + 1)
    low, high = np.nanmin(shares, axis=0), np.nanmax(shares, axis=0)
    lines = [
        Line("pairs", "m0", at, np.nanmean(shares, axis=0), low, high),
        Line("random matrix", "plain", at, np.nanmean(random, axis=0)),
    ]
    shares_near = diagonals(table, p=p).to_pylist()
    near = float(np.mean([row["diag"] for row in shares_near]))
    label = f"{drawn} target components by {drawn} source components; mean near the diagonal {words.number(near, 3)}"
    return ComponentFigures(
        dataset=dataset,
        encoders=tuple(dict.fromkeys(pair.source for pair in pairs)),
        mosaic=mosaic(mean, label=label),
        chart=line_chart(lines, label=_said(lines), logarithmic=False),
        drawn=drawn,
        kept=most,
        p=p,
        rows=tuple({**row, "size": size} for row, size in zip(shares_near, sizes, strict=True)),
    )


def _padded(parts: Sequence[npt.NDArray[np.float64]], size: int) -> npt.NDArray[np.float64]:
    """Return curves of different lengths as rows of one length, NaN where a curve has ended."""
    padded = np.full((len(parts), size), np.nan)
    for row, part in zip(padded, parts, strict=True):
        row[: len(part)] = part
    return padded


def _said(lines: Sequence[Line]) -> str:
    """Return what a screen reader says about a chart: each line's first and last value."""
    return "; ".join(
        f"{words.clean(line.name)}: {words.number(float(line.y[0]))} to {words.number(float(line.y[-1]))}"
        for line in lines
    )
