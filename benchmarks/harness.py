"""Side-by-side timing: run A and B in turn, report the ratio pair by pair, never one clock reading alone."""

import gc
import multiprocessing
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the results table."""

    claim: str
    """What is promised, with sizes."""
    target: str
    """The promise as a number: `<= 1.10x`, `>= 3x`, `<= 60 ms`."""
    measured: str
    """Median with the range over pairs."""
    held: bool
    """Whether the median meets the target."""


@dataclass(frozen=True, slots=True)
class Ratio:
    """The ratio A / B over several pairs."""

    median: float
    low: float
    high: float
    seconds_a: float
    seconds_b: float

    def __str__(self) -> str:
        return f"{self.median:.2f}x ({self.low:.2f} to {self.high:.2f})"


def seconds(work: Callable[[], Any]) -> float:
    """Return the wall seconds of one call."""
    gc.collect()
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def paired(a: Callable[[], Any], b: Callable[[], Any], *, pairs: int = 5, warmup: bool = True) -> Ratio:
    """Time a and b in turn and return the ratio of each pair; the order flips every pair."""
    if warmup:
        a()
        b()
    times: list[tuple[float, float]] = []
    for index in range(pairs):
        first, second = (a, b) if index % 2 == 0 else (b, a)
        one, two = seconds(first), seconds(second)
        times.append((one, two) if index % 2 == 0 else (two, one))
    return ratio_of(times)


def ratio_of(times: Sequence[tuple[float, float]]) -> Ratio:
    """Return the ratio statistics of measured pairs."""
    ratios = [one / two for one, two in times]
    return Ratio(
        statistics.median(ratios),
        min(ratios),
        max(ratios),
        statistics.median(one for one, _ in times),
        statistics.median(two for _, two in times),
    )


def milliseconds(work: Callable[[], Any], *, repeats: int = 9) -> tuple[float, float, float]:
    """Return median, smallest and largest milliseconds of a warm call."""
    work()
    times = sorted(1000 * seconds(work) for _ in range(repeats))
    return statistics.median(times), times[0], times[-1]


def at_most(claim: str, ratio: Ratio, limit: float) -> Row:
    """Return the row of a ratio that must not exceed limit."""
    return Row(claim, f"<= {limit:g}x", str(ratio), ratio.median <= limit)


def at_least(claim: str, ratio: Ratio, limit: float) -> Row:
    """Return the row of a speed-up (slow / fast) that must reach limit."""
    return Row(claim, f">= {limit:g}x", str(ratio), ratio.median >= limit)


def within_ms(claim: str, measured: tuple[float, float, float], limit: float) -> Row:
    """Return the row of a latency that must not exceed limit milliseconds."""
    median, low, high = measured
    return Row(claim, f"<= {limit:g} ms", f"{median:.1f} ms ({low:.1f} to {high:.1f})", median <= limit)


def peak_mebibytes(work: Callable[[], Any]) -> float:
    """Return how far one call raises the resident peak of a fresh process, in MiB."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)

    def measure() -> None:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        work()
        sender.send((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)

    process = context.Process(target=measure)
    process.start()
    peak = float(receiver.recv())
    process.join()
    return peak


def table(rows: Sequence[Row]) -> str:
    """Return rows as a Markdown table."""
    lines = ["| claim | target | measured | held |", "|---|---|---|---|"]
    lines += [f"| {row.claim} | {row.target} | {row.measured} | {'yes' if row.held else '**no**'} |" for row in rows]
    return "\n".join(lines)


def results_file() -> Path:
    """Return where the table of the last run is kept."""
    return Path(__file__).parent / "RESULTS.md"
