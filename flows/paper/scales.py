"""Scales of drawings: round ends and ticks that cover every value, and ink that can be read on a shade."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from math import ceil, floor, isfinite

MOST = 8
"""Intervals between ticks at most."""
DARK, LIGHT = "#000", "#fff"
"""Inks: of these two, one has a contrast of 4.5 or more on any shade."""

Colour = tuple[int, int, int]
"""Red, green and blue, 0 to 255."""


@dataclass(frozen=True, slots=True)
class Scale:
    """A linear scale with round ends."""

    low: float
    """First tick."""
    high: float
    """Last tick."""
    ticks: tuple[float, ...]
    """All ticks, rising."""

    def share(self, value: float) -> float:
        """Return where a value lies: 0 at the first tick, 1 at the last; values beyond lie on the nearer end."""
        return (min(self.high, max(self.low, value)) - self.low) / (self.high - self.low)


def scale(values: Iterable[float], *, low: float, high: float) -> Scale:
    """Return a scale that covers `low`, `high` and every finite value; nothing that is drawn is cut off."""
    finite = [value for value in values if isfinite(value)]
    least, most = min([low, *finite]), max([high, *finite])
    step = next(step for step in _steps() if _ceil(most / step) - _floor(least / step) <= MOST)
    first, last = _floor(least / step), _ceil(most / step)
    ticks = tuple(round(number * step, 6) for number in range(first, last + 1))
    return Scale(ticks[0], ticks[-1], ticks)


def _steps() -> Iterator[float]:
    """Yield the distances that ticks may have, finest first, without end."""
    for power in count(-1):
        yield from (mantissa * 10.0**power for mantissa in (1, 2, 5))


def _floor(value: float) -> int:
    # a bound that rounding puts just beside a tick lies on it: no tick more
    return floor(value + 1e-9)


def _ceil(value: float) -> int:
    return ceil(value - 1e-9)


def contrast(one: Colour, other: Colour) -> float:
    """Return the contrast ratio of two colours, 1 to 21, as WCAG 2.1 defines it."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def ink(shade: Colour) -> str:
    """Return the ink that stands out more on a shade."""
    return LIGHT if contrast(shade, (255, 255, 255)) > contrast(shade, (0, 0, 0)) else DARK


def _luminance(colour: Colour) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (part / 255 for part in colour)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
