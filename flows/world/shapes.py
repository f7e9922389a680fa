"""Signed distances and surface patterns of the demo's primitives, antialiased without supersampling.

Lengths are in image widths; a signed distance is negative inside. Coverage follows from the distance in pixels.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Field = npt.NDArray[np.floating]
"""A float32 array (height, width), one value a pixel."""

STAR_INNER = 0.45
"""Depth of the star's notches, as a fraction of its circumradius."""


def coverage(distance: Field, *, pixel: float) -> Field:
    """Return the share of each pixel that lies inside: 1 inside, 0 outside, a ramp one pixel wide between."""
    result: Field = np.clip(0.5 - distance / pixel, 0.0, 1.0)
    return result


def circle(u: Field, v: Field, r: float) -> Field:
    """Signed distance to a circle of circumradius r, a little smaller to match the others' area."""
    return np.hypot(u, v) - 0.93 * r


def octagon(u: Field, v: Field, r: float) -> Field:
    """Distance bound to a regular octagon: the largest of its half-plane distances."""
    u, v = np.abs(u), np.abs(v)
    return np.maximum(np.maximum(u, v), (u + v) * np.float32(0.70710678)) - 0.92 * r


def square(u: Field, v: Field, r: float) -> Field:
    """Distance bound to a square."""
    return np.maximum(np.abs(u), np.abs(v)) - 0.8 * r


def triangle(u: Field, v: Field, r: float) -> Field:
    """Distance bound to an equilateral triangle pointing up (v grows downwards)."""
    v = v - 0.18 * r
    return np.maximum(v, np.abs(u) * np.float32(0.8660254) - 0.5 * v) - 0.58 * r


def star(u: Field, v: Field, r: float) -> Field:
    """Signed distance to a five-pointed star, by folding the plane onto one half of one point."""
    size, inner = np.float32(1.15 * r), STAR_INNER
    cos36, sin36 = np.float32(0.80901699), np.float32(0.58778525)
    x, y = np.abs(u), -v
    for side in (1, -1):
        fold = 2 * np.maximum(side * cos36 * x - sin36 * y, 0)
        x, y = x - fold * side * cos36, y + fold * sin36
    x, y = np.abs(x), y - size
    bx, by = inner * sin36, inner * cos36 - 1
    along = np.clip((x * bx + y * by) / (bx * bx + by * by), 0, size)
    return np.hypot(x - bx * along, y - by * along) * np.sign(y * bx - x * by)


SHAPE_DISTANCES: dict[str, Callable[[Field, Field, float], Field]] = {
    "circle": circle,
    "octagon": octagon,
    "square": square,
    "star": star,
    "triangle": triangle,
}
"""Distance function of each shape: (u, v, circumradius) -> signed distance."""


def wave(t: Field, period: float) -> Field:
    """Distance to the nearest edge of a square wave of that period: negative in the first half-period."""
    result: Field = (np.abs(t / period - np.floor(t / period) - 0.5) - 0.25) * -period
    return result


def plain(u: Field, v: Field, period: float) -> Field:  # noqa: ARG001
    """No marks anywhere."""
    return np.full_like(u, 1.0)


def striped(u: Field, v: Field, period: float) -> Field:  # noqa: ARG001
    """Parallel stripes."""
    return wave(u, period)


def dotted(u: Field, v: Field, period: float) -> Field:
    """Round dots in a staggered grid."""
    line = np.floor(v / period)
    x = u / period + 0.5 * (line % 2)
    result: Field = np.hypot(x - np.floor(x) - 0.5, v / period - line - 0.5) * period - 0.3 * period
    return result


def checkered(u: Field, v: Field, period: float) -> Field:
    """A chessboard: the exclusive-or of two square waves."""
    a, b = wave(u, 1.25 * period), wave(v, 1.25 * period)
    return np.maximum(np.minimum(a, -b), np.minimum(-a, b))


TEXTURE_DISTANCES: dict[str, Callable[[Field, Field, float], Field]] = {
    "plain": plain,
    "striped": striped,
    "dotted": dotted,
    "checkered": checkered,
}
"""Distance to the marks of each texture: (u, v, period) -> signed distance, negative on a mark."""
