"""Standalone SVG drawings for a page of documentation: numbers in, escaped text out, readable on light and dark pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import inf, isfinite

from t2c.flows.paper.scales import Colour, Scale, ink, scale

WIDTH = 420
"""Width of every drawing in pixels: text keeps its size on a narrow screen."""

STYLE = """
text{font:13px system-ui,sans-serif;fill:#24292f}.small{font-size:11px;fill:#57606a}.title{font-weight:600}
.page{fill:#fff}.axis{stroke:#8c959f;stroke-width:1;fill:none}.grid{stroke:#d8dee4;stroke-width:1}
.c0{stroke:#0550ae;fill:#0550ae}.c1{stroke:#bc4c00;fill:#bc4c00}.c2{stroke:#1a7f37;fill:#1a7f37}.c3{stroke:#8250df;fill:#8250df}
.line{fill:none;stroke-width:2}.band{stroke:none;fill-opacity:.18}.cell{stroke:#fff;stroke-width:1}
.dash{stroke-dasharray:4 4}.plain{stroke:#57606a;fill:#57606a}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.small{fill:#9da7b3}.page{fill:#0d1117}.grid{stroke:#30363d}
.c0{stroke:#79c0ff;fill:#79c0ff}.c1{stroke:#ffa657;fill:#ffa657}.c2{stroke:#7ee787;fill:#7ee787}.c3{stroke:#d2a8ff;fill:#d2a8ff}
.plain{stroke:#9da7b3;fill:#9da7b3}.cell{stroke:#0d1117}.band{stroke:none}}
"""
SHADES = 16
"""Steps of shade in a large matrix."""
COLOURS = 4
"""Colours of lines and dots; a fifth has the first one's again."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a plot, with its spread."""

    label: str
    """Name in the legend."""
    x: Sequence[float]
    """Abscissae, rising."""
    y: Sequence[float]
    """Means."""
    spread: Sequence[float]
    """Standard deviations; a number that is not finite draws no band there."""
    dashed: bool = False
    """Drawn grey and dashed: something to compare with."""


@dataclass(frozen=True, slots=True)
class Mark:
    """One value with its interval."""

    label: str
    """What it is of."""
    value: float
    """The value."""
    low: float
    """Lower end."""
    high: float
    """Upper end."""
    colour: int = 0
    """Colour, from 0."""


def svg(body: str, *, height: float, title: str) -> str:
    """Return a whole SVG file around drawn elements; the title is drawn and read aloud."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{escape(title)}">'
    top = f'<text class="title" x="10" y="20">{escape(title)}</text>'
    page = f'<rect class="page" width="{WIDTH}" height="{height:.0f}"/>'
    return f"{head}<style>{STYLE}</style>{page}{top}{body}</svg>\n"


def heatmap(values: Sequence[Sequence[float | None]], names: Sequence[str], *, title: str, high: float = 1.0) -> str:
    """Draw a matrix with the number in each cell, darker for larger; an empty cell is a pair that is left out."""
    left, top, side = 112, 60, min(64.0, (WIDTH - 122) / len(names))
    parts = []
    for at, name in enumerate(names):
        parts.append(
            f'<text x="{left - 6}" y="{top + (at + 0.5) * side + 4:.1f}" text-anchor="end">{escape(name)}</text>'
        )
        middle = left + (at + 0.5) * side
        parts.append(f'<text class="small" x="{middle:.1f}" y="{top - 8}" text-anchor="middle">{escape(name)}</text>')
        for to, value in enumerate(values[at]):
            parts.append(_cell(left + to * side, top + at * side, side, value, high))
    body = "".join(parts) + f'<text class="small" x="10" y="{top - 8}">from \\ to</text>'
    return svg(body, height=top + side * len(names) + 12, title=title)


def _cell(x: float, y: float, side: float, value: float | None, high: float) -> str:
    if value is None or not isfinite(value):
        return ""
    depth = max(0.0, min(1.0, value / high))
    colour = shade(depth)
    text = f'<text x="{x + side / 2:.1f}" y="{y + side / 2 + 4:.1f}" text-anchor="middle" style="fill:{ink(colour)}">'
    box = f'<rect class="cell" x="{x:.1f}" y="{y:.1f}" width="{side:.1f}" height="{side:.1f}" fill="rgb{colour}"/>'
    return f"{box}{text}{value:.2f}</text>"


def shade(depth: float) -> Colour:
    """Return the colour of a cell, from nearly white at 0 to blue at 1."""
    return round(235 - 205 * depth), round(243 - 150 * depth), round(252 - 90 * depth)


def grid(values: Sequence[Sequence[float]], *, title: str, note: str, axes: tuple[str, str]) -> str:
    """Draw a large matrix of values 0 to 1 without numbers, darker for larger; `axes` name columns and rows, from 1."""
    n, top = len(values), 34
    side = (WIDTH - 60) / n
    shades: dict[int, list[str]] = {}
    for row, line in enumerate(values):
        for place, value in enumerate(line):
            level = round(SHADES * min(1.0, abs(value)))
            box = f"M{30 + place * side:.0f} {top + row * side:.0f}h{side:.0f}v{side:.0f}h-{side:.0f}z"
            shades.setdefault(level, []).append(box)
    cells = [
        f'<path class="c0" style="stroke:none;fill-opacity:{level / SHADES:.2f}" d="{"".join(boxes)}"/>'
        for level, boxes in sorted(shades.items())
        if level
    ]
    frame = f'<rect class="axis" x="30" y="{top}" width="{n * side:.1f}" height="{n * side:.1f}"/>'
    below = f'<text class="small" x="30" y="{top + n * side + 50:.0f}">{escape(note)}</text>'
    return svg("".join(cells) + frame + _sides(axes, n, top, side) + below, height=top + n * side + 60, title=title)


def _sides(axes: tuple[str, str], n: int, top: float, side: float) -> str:
    """Return the first and last number and the name of the columns, below, and of the rows, at the left."""
    bottom, middle = top + n * side, n * side / 2
    texts = []
    for place in dict.fromkeys((1, n)):
        at = (place - 0.5) * side
        texts.append(f'<text class="small" x="{30 + at:.0f}" y="{bottom + 14:.0f}" text-anchor="middle">{place}</text>')
        texts.append(f'<text class="small" x="26" y="{top + at + 4:.0f}" text-anchor="end">{place}</text>')
    turned = f'transform="rotate(-90 14 {top + middle:.0f})"'
    columns, rows = map(escape, axes)
    texts.append(
        f'<text class="small" x="{30 + middle:.0f}" y="{bottom + 30:.0f}" text-anchor="middle">{columns}</text>'
    )
    texts.append(f'<text class="small" x="14" y="{top + middle:.0f}" text-anchor="middle" {turned}>{rows}</text>')
    return "".join(texts)


def plot(lines: Sequence[Line], *, title: str, x_label: str, least: float = -inf) -> str:
    """Draw lines with bands over a linear abscissa from 0; ordinates from 0 to 1, and further where a line or band goes.

    `least` is the smallest value that what is drawn can have: bands end there.
    """
    top = 40 + 18 * -(-len(lines) // 2)
    left, right, bottom = 44, WIDTH - 14, top + 200
    last = max(value for line in lines for value in line.x)
    ends = [y + sign * (sd if isfinite(sd) else 0.0) for line in lines for y, sd in _heights(line) for sign in (-1, 1)]
    upright = scale([max(least, end) for end in ends], low=0.0, high=1.0)

    def at(x: float, y: float) -> str:
        return f"{left + (right - left) * x / last:.1f},{bottom - (bottom - top) * upright.share(y):.1f}"

    parts = [_ordinates(left, right, top, bottom, upright), _abscissae(left, right, bottom, last, x_label)]
    for number, line in enumerate(lines):
        colour = "plain" if line.dashed else f"c{number % COLOURS}"
        points = list(zip(line.x, line.y, line.spread, strict=True))
        band = [point for point in points if isfinite(point[2])]
        around = [at(x, y + sd) for x, y, sd in band] + [at(x, y - sd) for x, y, sd in reversed(band)]
        parts.append(f'<polygon class="band {colour}" points="{" ".join(around)}"/>' if len(band) > 1 else "")
        path = " ".join(at(x, y) for x, y, _ in points)
        kind = f"line {colour}{' dash' if line.dashed else ''}"
        parts.append(f'<polyline class="{kind}" style="fill:none" points="{path}"/>')
        x, y = left + number % 2 * (right - left) / 2, 34 + 18 * (number // 2)
        parts.append(f'<rect class="{colour}" x="{x:.0f}" y="{y}" width="10" height="10"/>')
        parts.append(f'<text class="small" x="{x + 14:.0f}" y="{y + 9}">{escape(line.label)}</text>')
    return svg("".join(parts), height=bottom + 44, title=title)


def _heights(line: Line) -> list[tuple[float, float]]:
    return list(zip(line.y, line.spread, strict=True))


def _ordinates(left: float, right: float, top: float, bottom: float, upright: Scale) -> str:
    parts = []
    for tick in upright.ticks:
        y = bottom - (bottom - top) * upright.share(tick)
        kind = "axis" if tick == 0 else "grid"
        parts.append(f'<line class="{kind}" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="small" x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:.1f}</text>')
    return "".join(parts)


def _abscissae(left: float, right: float, bottom: float, last: float, label: str) -> str:
    ticks = [tick for tick in scale([], low=0.0, high=last).ticks if tick <= last]
    numbers = "".join(
        f'<text class="small" x="{left + (right - left) * tick / last:.0f}" y="{bottom + 16}" text-anchor="middle">{tick:,.0f}</text>'
        for tick in ticks
    )
    return f'{numbers}<text class="small" x="{(left + right) / 2:.0f}" y="{bottom + 34}" text-anchor="middle">{escape(label)}</text>'


def marks(
    rows: Sequence[tuple[str, Sequence[Mark]]],
    *,
    title: str,
    x_label: str,
    low: float = 0.0,
    high: float = 1.0,
    line: float | None = None,
) -> str:
    """Draw values with their intervals in percent, a heading a group; a dashed line where `line` says.

    The axis goes from `low` to `high`, and further where a value or an interval goes; `x_label` says what is measured and
    what the dashed line means.
    """
    ends = [end for _, group in rows for mark in group for end in (mark.low, mark.value, mark.high)]
    across = scale(ends, low=low, high=high)
    left, right, step, signed = 150, WIDTH - 64, 20, across.low < 0
    y, parts = 40.0, []

    def at(value: float) -> str:
        return f"{left + (right - left) * across.share(value):.1f}"

    for heading, group in rows:
        parts.append(f'<text class="small" x="10" y="{y + 4:.0f}">{escape(heading)}</text>')
        y += step
        for mark in group:
            colour = f"c{mark.colour % COLOURS}"
            parts.append(f'<text x="20" y="{y + 4:.0f}">{escape(mark.label)}</text>')
            parts.append(
                f'<line class="{colour}" stroke-width="2" x1="{at(mark.low)}" x2="{at(mark.high)}" y1="{y}" y2="{y}"/>'
            )
            parts.append(f'<circle class="{colour}" cx="{at(mark.value)}" cy="{y}" r="4"/>')
            number = f"{100 * mark.value:+.1f}" if signed else f"{100 * mark.value:.1f} %"
            parts.append(f'<text class="small" x="{WIDTH - 8}" y="{y + 4:.0f}" text-anchor="end">{number}</text>')
            y += step
    bottom = y - step / 2
    axis = f'<line class="axis" x1="{left}" x2="{right}" y1="{bottom}" y2="{bottom}"/>'
    for tick in across.ticks:
        axis += f'<line class="grid" x1="{at(tick)}" x2="{at(tick)}" y1="{bottom}" y2="{bottom + 4}"/>'
        axis += f'<text class="small" x="{at(tick)}" y="{bottom + 16}" text-anchor="middle">{100 * tick:.0f}</text>'
    axis += f'<text class="small" x="10" y="{bottom + 34}">{escape(x_label)}</text>'
    if line is not None:
        axis += f'<line class="axis dash" x1="{at(line)}" x2="{at(line)}" y1="30" y2="{bottom}"/>'
    return svg(axis + "".join(parts), height=bottom + 42, title=title)
