"""Progress bars with rate and time left, on standard error so that output stays clean."""

import sys
import time
from typing import Any


class Bars:
    """Progress receiver: a live bar on a terminal, a line every few seconds in a log."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._quiet = quiet
        self._terminal = sys.stderr.isatty()
        self._bar: Any = None
        self._task: Any = None
        self._counts: dict[str, int | float | str] = {}
        self._name = self._unit = ""
        self._done_units = 0
        self._total: int | None = None
        self._started = self._printed = 0.0

    def start(self, name: str, total: int | None, unit: str) -> None:
        """Begin a stretch of work."""
        self._name, self._total, self._unit, self._done_units, self._counts = name, total, unit, 0, {}
        self._started = self._printed = time.monotonic()
        if self._terminal and not self._quiet:
            self._bar = _rich_bar()
            self._bar.start()
            self._task = self._bar.add_task(name, total=total, unit=unit, counts="", rate="")

    def advance(self, n: int) -> None:
        """Report n more units."""
        self._done_units += n
        self._show()

    def note(self, **counts: int | float | str) -> None:
        """Show counts beside the bar."""
        self._counts |= counts
        self._show()

    def done(self) -> None:
        """End the stretch of work."""
        if self._bar is not None:
            self._show()
            self._bar.stop()
            self._bar = None
        elif not self._quiet and self._printed > self._started:
            self._print()

    def _rate(self) -> str:
        seconds = time.monotonic() - self._started
        if seconds <= 0.2 or not self._done_units:
            return ""
        rate = self._done_units / seconds
        return f"{rate:,.0f} {self._unit}/s" if rate >= 10 else f"{_few(1 / rate)} s each"

    def _noted(self) -> str:
        return "  ".join(
            f"{name} {value:,}" if isinstance(value, int) else f"{name} {value}" for name, value in self._counts.items()
        )

    def _show(self) -> None:
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done_units, counts=self._noted(), rate=self._rate())
        elif not self._quiet and time.monotonic() - self._printed > 5:
            self._print()

    def _print(self) -> None:
        self._printed = time.monotonic()
        of = f"{self._done_units:,}" + (f" of {self._total:,}" if self._total else "")
        parts = (f"{self._name}: {of} {self._unit}", self._rate(), self._noted())
        sys.stderr.write("  ".join(part for part in parts if part) + "\n")


def _few(seconds: float) -> str:
    return f"{seconds:,.0f}" if seconds >= 10 else f"{seconds:.1f}"


def _rich_bar() -> Any:
    """Return a rich progress display; rich is imported only when a terminal watches."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}", markup=False),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[counts]}", markup=False),
        console=Console(stderr=True),
        refresh_per_second=8,
    )
