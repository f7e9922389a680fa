"""Standalone SVG drawings for a page of documentation: numbers in, escaped text out, readable on light and dark pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import isfinite

WIDTH = 420
"""Width of every drawing in pixels: text keeps its size on a narrow screen."""

STYLE = """
text{font:13px system-ui,sans-serif;fill:#24292f}.small{font-size:11px;fill:#57606a}.title{font-weight:600}
.page{fill:#fff}.axis{stroke:#8c959f;stroke-width:1;fill:none}.grid{stroke:#d8dee4;stroke-width:1}
.c0{stroke:#0550ae;fill:#0550ae}.c1{stroke:#bc4c00;fill:#bc4c00}.c2{stroke:#1a7f37;fill:#1a7f37}.c3{stroke:#8250df;fill:#8250df}
.line{fill:none;stroke-width:2}.band{stroke:none;fill-opacity:.18}.cell{stroke:#fff;stroke-width:1}
.on{fill:#fff}.dash{stroke-dasharray:4 4}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.small{fill:#9da7b3}.page{fill:#0d1117}.grid{stroke:#30363d}
.c0{stroke:#79c0ff;fill:#79c0ff}.c1{stroke:#ffa657;fill:#ffa657}.c2{stroke:#7ee787;fill:#7ee787}.c3{stroke:#d2a8ff;fill:#d2a8ff}
.cell{stroke:#0d1117}}
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
    shade = f"rgb({round(235 - 205 * depth)},{round(243 - 150 * depth)},{round(252 - 90 * depth)})"
    ink = "#fff" if depth > 0.55 else "#24292f"
    text = (
        f'<text x="{x + side / 2:.1f}" y="{y + side / 2 + 4:.1f}" text-anchor="middle" fill="{ink}" style="fill:{ink}">'
    )
    box = f'<rect class="cell" x="{x:.1f}" y="{y:.1f}" width="{side:.1f}" height="{side:.1f}" fill="{shade}"/>'
    return f"{box}{text}{value:.2f}</text>"


def grid(values: Sequence[Sequence[float]], *, title: str, note: str) -> str:
    """Draw a large matrix of values 0 to 1 without numbers, darker for larger."""
    n, top = len(values), 34
    side = (WIDTH - 60) / n
    shades: dict[int, list[str]] = {}
    for row, line in enumerate(values):
        for place, value in enumerate(line):
            shade = round(SHADES * min(1.0, abs(value)))
            box = f"M{30 + place * side:.0f} {top + row * side:.0f}h{side:.0f}v{side:.0f}h-{side:.0f}z"
            shades.setdefault(shade, []).append(box)
    cells = [
        f'<path class="c0" style="stroke:none;fill-opacity:{shade / SHADES:.2f}" d="{"".join(boxes)}"/>'
        for shade, boxes in sorted(shades.items())
        if shade
    ]
    frame = f'<rect class="axis" x="30" y="{top}" width="{n * side:.1f}" height="{n * side:.1f}"/>'
    below = f'<text class="small" x="30" y="{top + n * side + 18:.0f}">{escape(note)}</text>'
    return svg("".join(cells) + frame + below, height=top + n * side + 28, title=title)


def plot(lines: Sequence[Line], *, title: str, x_label: str, top_value: float = 1.0) -> str:
    """Draw lines with bands over a linear abscissa from 0; ordinates from 0 to `top_value`."""
    left, top, right, bottom = 44, 56, WIDTH - 14, 250
    last = max(value for line in lines for value in line.x)

    def at(x: float, y: float) -> str:
        clipped = max(0.0, min(top_value, y))
        return f"{left + (right - left) * x / last:.1f},{bottom - (bottom - top) * clipped / top_value:.1f}"

    parts = [_ordinates(left, right, top, bottom, top_value), _abscissae(left, right, bottom, last, x_label)]
    for number, line in enumerate(lines):
        colour = f"c{number % COLOURS}"
        points = list(zip(line.x, line.y, line.spread, strict=True))
        band = [one for one in points if isfinite(one[2])]
        around = [at(x, y + sd) for x, y, sd in band] + [at(x, y - sd) for x, y, sd in reversed(band)]
        parts.append(f'<polygon class="band {colour}" points="{" ".join(around)}"/>' if len(band) > 1 else "")
        parts.append(
            f'<polyline class="line {colour}" style="fill:none" points="{" ".join(at(x, y) for x, y, _ in points)}"/>'
        )
        legend = left + number * (right - left) / len(lines)
        parts.append(f'<rect class="{colour}" x="{legend:.0f}" y="34" width="10" height="10"/>')
        parts.append(f'<text class="small" x="{legend + 14:.0f}" y="43">{escape(line.label)}</text>')
    return svg("".join(parts), height=bottom + 44, title=title)


def _ordinates(left: float, right: float, top: float, bottom: float, most: float) -> str:
    found = []
    for step in range(6):
        y = bottom - (bottom - top) * step / 5
        found.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        found.append(
            f'<text class="small" x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{most * step / 5:.1f}</text>'
        )
    return "".join(found)


def _abscissae(left: float, right: float, bottom: float, last: float, label: str) -> str:
    ends = "".join(
        f'<text class="small" x="{left + (right - left) * share:.0f}" y="{bottom + 16}" text-anchor="{anchor}">'
        f"{last * share:,.0f}</text>"
        for share, anchor in ((0.0, "start"), (0.5, "middle"), (1.0, "end"))
    )
    return f'{ends}<text class="small" x="{(left + right) / 2:.0f}" y="{bottom + 34}" text-anchor="middle">{escape(label)}</text>'


def marks(
    rows: Sequence[tuple[str, Sequence[Mark]]], *, title: str, low: float, high: float, line: float | None
) -> str:
    """Draw values with their intervals, a heading a group; a vertical line where `line` says."""
    left, right, step = 150, WIDTH - 64, 20
    y, parts = 40.0, []

    def at(value: float) -> float:
        return left + (right - left) * (min(high, max(low, value)) - low) / (high - low)

    for heading, group in rows:
        parts.append(f'<text class="small" x="10" y="{y + 4:.0f}">{escape(heading)}</text>')
        y += step
        for one in group:
            colour = f"c{one.colour % COLOURS}"
            parts.append(f'<text x="20" y="{y + 4:.0f}">{escape(one.label)}</text>')
            parts.append(
                f'<line class="{colour}" stroke-width="2" x1="{at(one.low):.1f}" x2="{at(one.high):.1f}" y1="{y}" y2="{y}"/>'
            )
            parts.append(f'<circle class="{colour}" cx="{at(one.value):.1f}" cy="{y}" r="4"/>')
            parts.append(
                f'<text class="small" x="{WIDTH - 8}" y="{y + 4:.0f}" text-anchor="end">{_number(one.value, low)}</text>'
            )
            y += step
    if line is not None:
        parts.append(
            f'<line class="axis dash" x1="{at(line):.1f}" x2="{at(line):.1f}" y1="30" y2="{y - step / 2:.0f}"/>'
        )
    return svg("".join(parts), height=y + 4, title=title)


def _number(value: float, low: float) -> str:
    return f"{100 * value:+.1f}" if low < 0 else f"{100 * value:.1f} %"
