"""Heatmaps: tables with a number and a shade in every cell, and a drawing for matrices too large for numbers."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from markupsafe import Markup

SHADES = 9
"""Shades beside no shade: classes h1 to h9, and for negative values of a drawing n1 to n9."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a heatmap."""

    value: float
    """The number; NaN shows a dash."""
    shade: str
    """Class of its ground."""


@dataclass(frozen=True, slots=True)
class Heat:
    """A heatmap as a table: rows are sources, columns targets."""

    title: str
    """Heading."""
    names: tuple[str, ...]
    """Of rows and columns, in the same order; columns are headed by their number."""
    rows: tuple[tuple[Cell, ...], ...]
    """Cells, row by row."""
    diagonal: bool
    """Whether the diagonal is left out because it would pair an encoder with itself."""


def heat(title: str, names: Sequence[str], matrix: npt.NDArray[np.float64], *, diagonal: bool = True) -> Heat:
    """Return a matrix (sources, targets) as a heatmap, shaded from 0 (none) to 1 (full)."""
    rows = tuple(tuple(Cell(float(value), _shade(float(value))) for value in row) for row in matrix)
    return Heat(title, tuple(names), rows, diagonal)


def _shade(value: float) -> str:
    return "h0" if math.isnan(value) else f"h{min(SHADES, max(0, round(SHADES * value)))}"


def mosaic(matrix: npt.NDArray[np.float64], *, label: str) -> Markup:
    """Draw a matrix (rows, columns) of values from -1 to 1 as small squares: one path for each shade, without numbers."""
    rows, columns = matrix.shape
    level = np.clip(np.rint(np.sqrt(np.abs(matrix)) * SHADES), 0, SHADES).astype(int) * np.where(matrix < 0, -1, 1)
    paths = []
    for shade in sorted(set(level.ravel().tolist()) - {0}):
        squares = "".join(f"M{j} {i}h1v1h-1z" for i, j in np.argwhere(level == shade).tolist())
        kind = f"h{shade}" if shade > 0 else f"n{-shade}"
        paths.append(Markup('<path class="{}" d="{}"/>').format(kind, squares))
    return Markup(
        '<svg class="mosaic" role="img" aria-label="{}" viewBox="0 0 {} {}" shape-rendering="crispEdges">'
        '<rect class="ground" width="{}" height="{}"/>{}</svg>'
    ).format(label, columns, rows, columns, rows, Markup().join(paths))
