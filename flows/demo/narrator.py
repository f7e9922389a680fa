"""Tells the demo's progress in lines: what was done, how much of it, and how long it took."""

import time
from collections.abc import Callable

from t2c.flows.engine.progress import NoProgress, Progress

WORTH_SAYING_S = 0.5
"""Shorter stretches of work pass without a line."""


class Narrator:
    """Progress receiver: one line for each stretch of work that took a while; every call is passed on to a bar."""

    def __init__(self, say: Callable[[str], None], *, bar: Progress | None = None) -> None:
        self._say, self._bar = say, bar or NoProgress()
        self._name, self._unit, self._units = "", "", 0
        self._began = self._opened = time.perf_counter()

    @property
    def elapsed(self) -> float:
        """Seconds since the narrator was made."""
        return time.perf_counter() - self._opened

    def start(self, name: str, total: int | None, unit: str) -> None:
        """Begin a stretch of work."""
        self._name, self._unit, self._units, self._began = name, unit, 0, time.perf_counter()
        self._bar.start(name, total, unit)

    def advance(self, n: int) -> None:
        """Count units."""
        self._units += n
        self._bar.advance(n)

    def note(self, **counts: int | float | str) -> None:
        """Pass counts on."""
        self._bar.note(**counts)

    def done(self) -> None:
        """Say what was done."""
        self._bar.done()
        seconds = time.perf_counter() - self._began
        if seconds < WORTH_SAYING_S:
            return
        much = f"{self._units:,} {self._unit}" if self._units else ""
        rate = f"{self._units / seconds:,.0f}/s" if self._units and seconds > 2 else ""
        self._say(f"  {self.elapsed:5.1f} s  {self._name:34}{much:>16} {rate:>8}".rstrip())
