"""Regression beside the aligner's other objectives (table 2): gains with their intervals around a line of no difference."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from markupsafe import Markup

from t2c.flows.objectives.table import EVERY
from t2c.flows.objectives.training import Training, too_short, trainings
from t2c.flows.page import words
from t2c.flows.page.charts import interval
from t2c.schemas.certificate import Certificate

FOLDED = 12
"""Rows of single tasks above which a panel folds them."""
WHERE = {True: "Related tasks", False: "Unrelated tasks"}
"""Whether tasks are related, in words."""
_ENDS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0)
"""Gains at which the scale of a comparison may end."""
_SETTINGS = ("labels", "source_head", "head", "epochs", "learning_rate")
"""Settings of a map that are told, in order."""

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Gain:
    """One line of a panel."""

    name: str
    """Task, group of sources, or what the mean is over."""
    source: str
    """Source encoder; empty in a mean."""
    row: dict[str, Any]
    """Its row of OBJECTIVES."""
    chart: Markup
    """Its difference and interval, drawn."""


@dataclass(frozen=True, slots=True)
class Panel:
    """The tasks that are related to the classes of the fit, or those that are not."""

    title: str
    """Heading."""
    means: tuple[Gain, ...]
    """The mean over every source and task, then group by group."""
    tasks: tuple[Gain, ...]
    """Each task of each source."""

    @property
    def folded(self) -> bool:
        """Whether single tasks are too many to be shown at once."""
        return len(self.tasks) > FOLDED


@dataclass(frozen=True, slots=True)
class ObjectiveFigures:
    """Regression against one other objective."""

    objective: str
    """The other objective."""
    title: str
    """Target, dataset and snapshot; the source too where there is one alone; the labels fitted where they are known."""
    several: bool
    """Whether there are several sources."""
    said: str
    """What the means say, in one sentence."""
    fitted: str
    """What the other maps minimised, and how; empty where the store no longer holds them."""
    trained: str
    """How long they were trained; empty where that is not known."""
    doubts: tuple[str, ...]
    """Why the gains may say little."""
    panels: tuple[Panel, ...]
    """Related tasks, then unrelated ones; without those that have no task."""
    axis: Markup
    """The scale below the charts."""
    rows: tuple[dict[str, Any], ...]
    """Rows of OBJECTIVES."""


def objective_figures(
    table: pa.Table, objective: str, *, spec: Mapping[str, Any], dataset: str, fits: Sequence[Certificate]
) -> ObjectiveFigures:
    """Arrange what OBJECTIVES says about one objective, on the scale of all of them.

    `spec` is the answer's question, `fits` the certificates of the other maps that the store still holds.
    """
    sources, target, every = list(spec["sources"]), str(spec["target"]), table.to_pylist()
    title = f"{target} on {dataset}" if len(sources) > 1 else f"{sources[0]} to {target} on {dataset}"
    labels = labels_fitted(fits)
    trained = trainings({(fit.source.name, objective): fit for fit in fits})
    rows = [row for row in every if row["objective"] == objective]
    groups = len(set(spec["groups"].values())) > 1  # one group of every source is the mean of all again
    end = _end([row[name] for row in every for name in ("difference", "low", "high")])
    panels = [_panel(rows, related=related, sources=len(sources), groups=groups, end=end) for related in WHERE]
    return ObjectiveFigures(
        objective=objective,
        title=f"{title}, fitted on {labels}" if labels else title,
        several=len(sources) > 1,
        said=_said(rows, objective),
        fitted=_fitted(fits[0]) if fits else "",
        trained=_trained(trained),
        doubts=too_short(trained),
        panels=tuple(panel for panel in panels if panel.tasks),
        axis=_axis(end),
        rows=tuple(rows),
    )


def labels_fitted(fits: Sequence[Certificate]) -> str:
    """Return the labels whose classes the other maps were fitted on; empty where the certificates do not say."""
    return dict(fits[0].settings).get("labels", "") if fits else ""


def gain_chart(row: Row, *, end: float) -> Markup:
    """Draw a row's difference with its interval on a scale from -end to end; the dashed line is no difference."""
    at, low, high = ((row[name] / end + 1) / 2 for name in ("difference", "low", "high"))
    return interval(at, (low, high), chance=0.5, kind=_kind(row))


def _panel(rows: Sequence[dict[str, Any]], *, related: bool, sources: int, groups: bool, end: float) -> Panel:
    panel_rows = [row for row in rows if row["related"] == related]
    tasks = [row for row in panel_rows if row["scope"] == "task"]
    means = [row for row in panel_rows if row["scope"] == "mean" and (groups or row["source"] == EVERY)]
    counted = words.plural(len({row["task"] for row in tasks}), "task")
    over = f"mean of {words.plural(sources, 'source')}, {counted}" if sources > 1 else f"mean of {counted}"
    return Panel(
        WHERE[related],
        tuple(
            Gain(over if row["source"] == EVERY else row["source"], "", row, gain_chart(row, end=end)) for row in means
        ),
        tuple(Gain(row["task"], row["source"], row, gain_chart(row, end=end)) for row in tasks),
    )


def _kind(row: Row) -> str:
    """Return the class of who is more accurate; plain where the interval holds no difference."""
    return "accent" if row["low"] > 0 else "other" if row["high"] < 0 else "plain"


def _said(rows: Sequence[Row], objective: str) -> str:
    """Return what the means over every source say, related tasks first, as one sentence."""
    parts = []
    for row in rows:
        if row["scope"] != "mean" or row["source"] != EVERY:
            continue
        gain, low, high = (100 * row[name] for name in ("difference", "low", "high"))
        if _kind(row) == "plain":
            bounds = f"{words.signed(gain, 1)} points, 95\N{NO-BREAK SPACE}%: {words.signed(low, 1)} to {words.signed(high, 1)}"
            claim = f"regression and {objective} cannot be told apart ({bounds})"
        else:
            more, ends = ("more", (low, high)) if gain > 0 else ("less", (-high, -low))
            bounds = " to ".join(words.number(end, 1) for end in ends)
            claim = f"regression is {words.number(abs(gain), 1)} points {more} accurate than {objective} (95\N{NO-BREAK SPACE}%: {bounds})"
        parts.append(f"on {WHERE[row['related']].lower()}, {claim}")
    sentence = "; ".join(parts)
    return f"{sentence[:1].upper()}{sentence[1:]}."


def _trained(trained: Sequence[Training]) -> str:
    """Return rows, epochs and steps of the shortest training, and the longest where that differs."""
    if not trained:
        return ""
    ends = (min(trained, key=lambda training: training.steps), max(trained, key=lambda training: training.steps))
    texts = [
        f"{words.plural(training.epochs, 'epoch')} over {words.plural(training.rows, 'image')}: {words.plural(training.steps, 'step')} of SGD"
        for training in ends
    ]
    return " to ".join(dict.fromkeys(texts))


def _fitted(fit: Certificate) -> str:
    """Return what a map minimised and with which settings, as its certificate says."""
    settings = dict(fit.settings)
    texts = [f"{name.replace('_', ' ')} {settings[name]}" for name in _SETTINGS if name in settings]
    return "; ".join(part for part in (fit.objective, ", ".join(texts)) if part)


def _end(gains: Sequence[float]) -> float:
    """Return where the scale ends, in shares: a round gain that holds every interval, or else the largest."""
    most = max(abs(gain) for gain in gains)
    return next((end for end in _ENDS if most <= end), most)


def _axis(end: float) -> Markup:
    """Draw the ends and the middle of the scale in points; those at the edges are anchored inwards."""
    places = ((0, "start", words.signed(-100 * end, 0)), (50, "middle", "0"), (100, "end", words.signed(100 * end, 0)))
    numbers = Markup().join(
        Markup('<text x="{}%" y="12" text-anchor="{}">{}</text>').format(*place) for place in places
    )
    return Markup('<svg class="suite-axis" aria-hidden="true" width="100%" height="16">{}</svg>').format(numbers)
