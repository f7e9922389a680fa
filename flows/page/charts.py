"""Inline SVG drawings: numbers in, escaped markup out; no fixed width, no style attribute, text never scaled.

Horizontal places are percentages of the drawing's own width, so a drawing fills its box and its text keeps its size.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup

from t2c.flows.page import words
from t2c.schemas.tables.tables import HISTOGRAM_BINS

PANEL_BINS = 56
"""Most steps drawn in one histogram; finer bins are merged evenly."""
_PLOT = 76
"""Height of a histogram's plot in pixels."""
_WIDTH = 2.0 / HISTOGRAM_BINS


@dataclass(frozen=True, slots=True)
class Span:
    """The part of the cosine range that all histograms of a report share."""

    first: int
    """First bin drawn."""
    last: int
    """Bin after the last one drawn."""

    @property
    def low(self) -> float:
        """Left edge."""
        return self.first * _WIDTH - 1

    @property
    def high(self) -> float:
        """Right edge."""
        return self.last * _WIDTH - 1

    @property
    def merge(self) -> int:
        """Bins that make one step of a drawing; the last step may hold fewer."""
        return -(-(self.last - self.first) // PANEL_BINS)

    def place(self, value: float) -> float:
        """Return where a similarity lies, in per cent of the width, kept inside the drawing."""
        return min(100.0, max(0.0, 100 * (value - self.low) / (self.high - self.low)))

    def ticks(self) -> list[float]:
        """Return three to six round values inside the span."""
        step = next(step for step in (0.02, 0.05, 0.1, 0.2, 0.5) if (self.high - self.low) / step <= 6)
        start = math.ceil(round(self.low / step, 6))
        return [round(index * step, 2) for index in range(start, math.floor(round(self.high / step, 6)) + 1)]


def span_of(histograms: Iterable[Sequence[int]], *, tail: float = 0.0005) -> Span:
    """Return the span that holds all but a tail of the pooled counts on either side, in whole tenths or twentieths."""
    pooled = np.zeros(HISTOGRAM_BINS)
    for histogram in histograms:
        pooled += np.asarray(histogram, dtype=float)
    if pooled.sum() == 0:
        return Span(0, HISTOGRAM_BINS)
    below = np.cumsum(pooled) / pooled.sum()
    first, last = int(np.searchsorted(below, tail)), int(np.searchsorted(below, 1 - tail)) + 1
    grain = 5 if last - first <= 40 else 10
    return Span(max(0, (first // grain) * grain), min(HISTOGRAM_BINS, -(-last // grain) * grain))


def histogram(
    reference: Sequence[int],
    current: Sequence[int] | None,
    *,
    span: Span,
    means: tuple[float, float | None],
    verdict: str,
    label: str,
) -> Markup:
    """Draw one concept's distribution: the reference filled, the current set as a line, both as shares of their set.

    Counts are concept_stats histograms (200 bins over [-1, 1]). Means are marked below the plot. The peak of both
    fills the height. `label` is what a screen reader says.
    """
    heights = [_shares(counts, span) for counts in (reference, current) if counts is not None]
    peak = max(float(shares.max()) for shares in heights) or 1.0
    area = _steps(heights[0] / peak, span, close=True)
    line = (
        Markup('<path class="current {}" d="{}" vector-effect="non-scaling-stroke"/>').format(
            verdict, _steps(heights[1] / peak, span, close=False)
        )
        if len(heights) > 1
        else Markup()
    )
    ticks = Markup().join(_tick(span.place(value), words.number(value, 2)) for value in span.ticks())
    return Markup(
        '<svg class="histogram" role="img" aria-label="{label}" width="100%" height="{total}">'
        '<svg viewBox="0 0 1000 100" preserveAspectRatio="none" width="100%" height="{plot}">'
        '<path class="reference" d="{area}"/>{line}</svg>'
        '<line class="axis" x1="0" x2="100%" y1="{plot}" y2="{plot}"/>{ticks}{marks}</svg>'
    ).format(
        label=label, total=_PLOT + 20, plot=_PLOT, area=area, line=line, ticks=ticks, marks=_means(means, span, verdict)
    )


def _shares(counts: Sequence[int], span: Span) -> np.ndarray:
    """Return the counts inside the span, merged into at most PANEL_BINS steps, as shares of all counts."""
    whole = np.asarray(counts, dtype=float)
    starts = np.arange(0, span.last - span.first, span.merge)
    shares: np.ndarray = np.add.reduceat(whole[span.first : span.last], starts) / max(whole.sum(), 1.0)
    return shares


def _steps(heights: np.ndarray, span: Span, *, close: bool) -> str:
    """Return the path of a step curve over the 1000 x 100 plot; 2 % stay free at the top for the line."""
    bins = span.last - span.first
    edges = np.round(1000 * np.minimum(np.arange(len(heights) + 1) * span.merge, bins) / bins, 1)
    tops = np.round(100 - 98 * heights, 1)
    points = "".join(f"V{top:g}H{right:g}" for top, right in zip(tops, edges[1:], strict=True))
    return f"M0 100{points}V100" + ("Z" if close else "")


def _tick(place: float, text: str) -> Markup:
    """Draw one tick with its number; numbers at the very edges are anchored inwards."""
    anchor = "start" if place < 6 else "end" if place > 94 else "middle"
    return Markup(
        '<line class="axis" x1="{0:.2f}%" x2="{0:.2f}%" y1="{1}" y2="{2}"/>'
        '<text x="{0:.2f}%" y="{3}" text-anchor="{4}">{5}</text>'
    ).format(place, _PLOT, _PLOT + 4, _PLOT + 16, anchor, text)


def _means(means: tuple[float, float | None], span: Span, verdict: str) -> Markup:
    """Draw a thin line at each mean."""
    kinds = ("mean reference", f"mean current {verdict}")
    return Markup().join(
        Markup('<line class="{0}" x1="{1:.2f}%" x2="{1:.2f}%" y1="0" y2="{2}"/>').format(kind, span.place(mean), _PLOT)
        for kind, mean in zip(kinds, means, strict=True)
        if mean is not None and not math.isnan(mean)
    )


def bar(value: float, most: float, *, kind: str = "plain") -> Markup:
    """Draw a horizontal bar from 0 to value on a scale that ends at most."""
    return Markup(
        '<svg class="bar" aria-hidden="true" width="100%" height="10">'
        '<rect class="track" width="100%" height="10" rx="2"/><rect class="{}" width="{:.2f}%" height="10" rx="2"/></svg>'
    ).format(kind, _share(value, most))


def diverging(value: float, most: float, *, kind: str) -> Markup:
    """Draw a bar that leaves the middle to the right (positive) or left (negative); most is half the width."""
    half = _share(abs(value), most) / 2
    return Markup(
        '<svg class="bar" aria-hidden="true" width="100%" height="10"><rect class="track" width="100%" height="10" rx="2"/>'
        '<rect class="{}" x="{:.2f}%" width="{:.2f}%" height="10"/>'
        '<line class="axis" x1="50%" x2="50%" y1="0" y2="10"/></svg>'
    ).format(kind, 50 if value > 0 else 50 - half, half)


def interval(accuracy: float, bounds: tuple[float, float], *, chance: float, kind: str) -> Markup:
    """Draw an accuracy as a dot with its interval on the scale 0 to 100 %; a dashed line marks chance."""
    low, high = bounds
    return Markup(
        '<svg class="interval" aria-hidden="true" width="100%" height="18"><line class="axis" x1="0" x2="100%" y1="9" y2="9"/>'
        '<line class="chance" x1="{chance:.2f}%" x2="{chance:.2f}%" y1="0" y2="18"/>'
        '<line class="whisker {kind}" x1="{low:.2f}%" x2="{high:.2f}%" y1="9" y2="9"/>'
        '<circle class="{kind}" cx="{dot:.2f}%" cy="9" r="4.5"/></svg>'
    ).format(chance=100 * chance, kind=kind, low=100 * low, high=100 * high, dot=100 * accuracy)


def stacked(parts: Sequence[tuple[str, int]], *, label: str) -> Markup:
    """Draw counts as one bar in parts (class name, count); a part that is not zero is at least 0.4 % wide."""
    total = sum(value for _, value in parts) or 1
    widths = [max(0.4, 100 * value / total) if value else 0.0 for _, value in parts]
    scale = 100 / max(sum(widths), 1e-9)
    offset, pieces = 0.0, []
    for (kind, _), width in zip(parts, widths, strict=True):
        pieces.append(
            Markup('<rect class="{}" x="{:.3f}%" width="{:.3f}%" height="14"/>').format(kind, offset, width * scale)
        )
        offset += width * scale
    return Markup('<svg class="stacked" role="img" aria-label="{}" width="100%" height="14">{}</svg>').format(
        label, Markup().join(pieces)
    )


def funnel(steps: Sequence[tuple[str, int]]) -> Markup:
    """Draw what remains after each step as centred bars joined by slopes; the first step is the full width.

    Bars narrower than 1 % are drawn 1 % wide: the number beside them is the truth.
    """
    most = max(steps[0][1], 1)
    halves = [max(1.0, _share(value, most)) / 2 if value else 0.0 for _, value in steps]
    pieces = []
    for index, ((_, value), half) in enumerate(zip(steps, halves, strict=True)):
        top = index * 44
        pieces.append(
            Markup('<rect class="step" x="{:.2f}%" y="{}" width="{:.2f}%" height="22"/>').format(
                50 - half, top, 2 * half
            )
        )
        if index + 1 < len(steps):
            pieces.append(_slope(half, halves[index + 1], top=top + 22))
        inside = half > 12
        pieces.append(
            Markup('<text class="{}" x="{:.2f}%" y="{}" text-anchor="{}">{}</text>').format(
                "inside" if inside else "beside",
                50 if inside else 52 + half,
                top + 16,
                "middle" if inside else "start",
                words.count(value),
            )
        )
    label = "; ".join(f"{words.clean(name)}: {words.count(value)} left" for name, value in steps)
    return Markup('<svg class="funnel" role="img" aria-label="{}" width="100%" height="{}">{}</svg>').format(
        label, 44 * len(steps) - 22, Markup().join(pieces)
    )


def _slope(upper: float, lower: float, *, top: int) -> Markup:
    """Draw the slope between two steps of a funnel, given their half widths in per cent."""
    corners = f"{500 - 10 * upper:.1f},0 {500 + 10 * upper:.1f},0 {500 + 10 * lower:.1f},100 {500 - 10 * lower:.1f},100"
    return Markup(
        '<svg y="{}" width="100%" height="22" viewBox="0 0 1000 100" preserveAspectRatio="none">'
        '<polygon class="slope" points="{}"/></svg>'
    ).format(top, corners)


def _share(value: float, most: float) -> float:
    """Return value in per cent of most, 0 to 100."""
    return 0.0 if most <= 0 or math.isnan(value) else min(100.0, max(0.0, 100 * value / most))
