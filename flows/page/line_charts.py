"""Line charts with bands over seeds: numbers in, escaped markup out; lines stretch with the page, text keeps its size."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

from t2c.flows.page import words

PLOT = 190
"""Height of a plot in pixels."""
_LEFT, _RIGHT = 11.0, 97.0
"""Where the plot begins and ends, in per cent of the drawing's width: numbers stand to its left."""

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One line of a chart."""

    name: str
    """What it is."""
    kind: str
    """Its class: m0 to m7 for a colour, `plain` for a reference."""
    x: Values
    """(points,) places, positive where the axis is logarithmic."""
    y: Values
    """(points,) values; NaN is left out."""
    low: Values | None = None
    """(points,) lower edge of the band; None draws none."""
    high: Values | None = None
    """(points,) upper edge."""


def line_chart(lines: Sequence[Line], *, label: str, logarithmic: bool = True, digits: int = 2) -> Markup:
    """Draw lines with their bands over one pair of axes; the y axis holds every value and the x axis every place.

    Returns nothing when no line has a value.
    """
    drawn = [line for line in lines if not np.isnan(line.y).all()]
    if not drawn:
        return Markup()
    x = _Scale.of([line.x for line in drawn], logarithmic=logarithmic)
    y = _Scale.of([part for line in drawn for part in (line.y, line.low, line.high) if part is not None])
    ticks_y, ticks_x = y.ticks(), x.ticks()
    return Markup(
        '<svg class="lines" role="img" aria-label="{label}" width="100%" height="{total}">{grid}'
        '<svg x="{left}%" width="{wide}%" height="{plot}" viewBox="0 0 1000 100" preserveAspectRatio="none">{lines}</svg>'
        "{dots}{xs}</svg>"
    ).format(
        label=label,
        total=PLOT + 26,
        left=_LEFT,
        wide=_RIGHT - _LEFT,
        plot=PLOT,
        grid=Markup().join(_row(y.place(value), words.number(value, digits)) for value in ticks_y),
        lines=Markup().join(_line(line, x, y) for line in drawn),
        dots=Markup().join(_dots(line, x, y) for line in drawn),
        xs=Markup().join(_column(x.place(value), _short(value)) for value in ticks_x),
    )


@dataclass(frozen=True, slots=True)
class _Scale:
    """From values to shares of an axis."""

    low: float
    high: float
    logarithmic: bool

    @classmethod
    def of(cls, parts: Sequence[Values], *, logarithmic: bool = False) -> "_Scale":
        values = np.concatenate([part[~np.isnan(part)] for part in parts])
        low, high = float(values.min()), float(values.max())
        logarithmic = logarithmic and low > 0
        if logarithmic:
            return cls(low, high if high > low else low * 1.1, logarithmic=True)
        pad = 0.04 * (high - low) or 0.05
        return cls(low - pad, high + pad, logarithmic=False)

    def place(self, value: float) -> float:
        """Return where a value lies, 0 to 1."""
        if self.logarithmic:
            return (math.log(value) - math.log(self.low)) / (math.log(self.high) - math.log(self.low))
        return (value - self.low) / (self.high - self.low)

    def ticks(self) -> list[float]:
        """Return two to six round values inside the scale."""
        if self.logarithmic and self.high / self.low > 3:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            for steps in ((1, 2, 5), (1, 3), (1,)):
                ticks = [step * 10.0**power for power in powers for step in steps]
                ticks = [value for value in ticks if self.low <= value <= self.high]
                if len(ticks) <= 6:
                    return ticks
            return ticks[:: -(-len(ticks) // 6)]
        span = self.high - self.low
        step = 10.0 ** math.floor(math.log10(span))
        step = next(step * factor for factor in (0.1, 0.2, 0.5, 1, 2) if span / (step * factor) <= 6)
        first = math.ceil(self.low / step)
        return [round(index * step, 10) for index in range(first, math.floor(self.high / step) + 1)]


def _line(line: Line, x: _Scale, y: _Scale) -> Markup:
    has_value = ~np.isnan(line.y)
    middle = _points(line.x[has_value], line.y[has_value], x, y)
    band = Markup()
    if line.low is not None and line.high is not None:
        edge = (
            _points(line.x[has_value], line.high[has_value], x, y)
            + _points(line.x[has_value], line.low[has_value], x, y)[::-1]
        )
        band = Markup('<polygon class="band {}" points="{}"/>').format(line.kind, " ".join(edge))
    return band + Markup('<polyline class="line {}" points="{}" vector-effect="non-scaling-stroke"/>').format(
        line.kind, " ".join(middle)
    )


def _points(xs: Values, ys: Values, x: _Scale, y: _Scale) -> list[str]:
    return [f"{1000 * x.place(a):.1f},{100 - 100 * y.place(b):.2f}" for a, b in zip(xs, ys, strict=True)]


def _dots(line: Line, x: _Scale, y: _Scale) -> Markup:
    """Draw a dot at each point of a coloured line, with its number for those who hover."""
    if line.kind == "plain":
        return Markup()
    return Markup().join(
        Markup('<circle class="dot {}" cx="{:.2f}%" cy="{:.1f}" r="3"><title>{}: {}</title></circle>').format(
            line.kind, _across(x.place(a)), PLOT * (1 - y.place(b)), _short(a), words.number(b, 3)
        )
        for a, b in zip(line.x, line.y, strict=True)
        if not math.isnan(b)
    )


def _across(share: float) -> float:
    return _LEFT + (_RIGHT - _LEFT) * share


def _row(share: float, text: str) -> Markup:
    return Markup(
        '<line class="grid" x1="{}%" x2="{}%" y1="{y:.1f}" y2="{y:.1f}"/><text x="{}%" y="{:.1f}" text-anchor="end">{}</text>'
    ).format(_LEFT, _RIGHT, _LEFT - 1.2, PLOT * (1 - share) + 4, text, y=PLOT * (1 - share))


def _column(share: float, text: str) -> Markup:
    return Markup(
        '<line class="axis" x1="{0:.2f}%" x2="{0:.2f}%" y1="{1}" y2="{2}"/>'
        '<text x="{0:.2f}%" y="{3}" text-anchor="{4}">{5}</text>'
    ).format(_across(share), PLOT, PLOT + 5, PLOT + 19, "end" if share > 0.96 else "middle", text)


def _short(value: float) -> str:
    """Return a number of samples as people write it on an axis: 200, 5k, 1.2M."""
    for size, mark in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{mark}"
    return f"{value:.4g}"
