"""What people see of a recipe: its bill, its commands, and what is read again."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from t2c.flows.cli.output import Output
from t2c.flows.engine.memory import human_bytes
from t2c.flows.recipes.bill import Bill
from t2c.flows.recipes.costs import read_again
from t2c.flows.recipes.rates import CORE, is_core
from t2c.flows.recipes.steps import Command
from t2c.schemas.specs.recipe import RecipeSpec

DECIMAL = ("B", "kB", "MB", "GB", "TB", "PB")
"""Units of a download, as sites write them."""


def human_hours(hours: float | None) -> str:
    """Return hours as people read a time: `19 s`, `4.2 min`, `5.6 h`, `12 days`; a dash where they are not known."""
    if hours is None:
        return "-"
    if 0 <= hours < 0.05 / 3600:
        return "<0.1 s"
    for size, unit in ((1 / 60, "s"), (1.0, "min"), (72.0, "h")):
        if hours < size:
            return f"{_short(hours * {'s': 3600, 'min': 60, 'h': 1}[unit])} {unit}"
    return f"{_short(hours / 24)} days"


def _short(value: float) -> str:
    """Return a number with two digits, or as many as lie before its point."""
    return f"{value:.1f}" if 0 < value < 9.95 else f"{value:,.0f}"


def human_download(count: int) -> str:
    """Return bytes in the decimal units of a download, such as `144 GB`."""
    value, units = float(count), iter(DECIMAL)
    unit = next(units)
    while value >= 1000 and unit != DECIMAL[-1]:
        value, unit = value / 1000, next(units)
    return f"{value:.3g} {unit}"


def show_bill(out: Output, bill: Bill) -> None:
    """Show a bill: a line an encoder, then the totals and what they rest on; machines get plain numbers."""
    _show_lines(out, bill)
    _show_total(out, bill)
    for line in bill.assumptions:
        out.sentence(f"{'* ' if 'not measured' in line else ''}{line}")
    for device_hours in bill.hours:
        if device_hours.unmeasured and not device_hours.estimated:
            out.sentence(
                f"left out of the hours, never measured on {device_hours.device}: {', '.join(device_hours.unmeasured)}"
            )
    if bill.without:
        out.sentence(f"hours are without: {', '.join(bill.without)}")
    _show_again(out, bill.again)
    out.put("bill", bill)


def _show_lines(out: Output, bill: Bill) -> None:
    columns: dict[str, pa.Array] = {
        "encoder": pa.array([line.title for line in bill.lines]),
        "d": pa.array([line.dimension for line in bill.lines]),
        "features": pa.array([human_bytes(line.feature_bytes) for line in bill.lines]),
        "GFLOP": pa.array([line.gflops for line in bill.lines], pa.float64()),
    }
    for name, device in _headings(bill).items():
        columns[name] = pa.array([human_hours(line.hours[device]) for line in bill.lines])
    out.table("encoders", pa.table(columns))
    out.put("encoders", bill.lines)


def _headings(bill: Bill) -> dict[str, str]:
    """Return the short name of each device, a star after one that is estimated."""
    cores = [device_hours.device for device_hours in bill.hours if is_core(device_hours.device)]
    names = {device: "1 core" if len(cores) == 1 else f"1 core of {chr(65 + at)}" for at, device in enumerate(cores)}
    return {
        names.get(device_hours.device, f"{device_hours.device}{'*' * device_hours.estimated}"): device_hours.device
        for device_hours in bill.hours
    }


def _show_total(out: Output, bill: Bill) -> None:
    numbers: dict[str, Any] = {
        "images": bill.images,
        "download_bytes": bill.download_bytes,
        "decoded_bytes": bill.decoded_bytes,
        "feature_bytes": bill.feature_bytes,
        "similarity_bytes": bill.similarity_bytes,
        "peak_bytes": bill.peak.bytes if bill.peak else None,
        "hours": {device_hours.device: device_hours.hours for device_hours in bill.hours},
        "decode_hours": bill.decode_hours,
    }
    facts: dict[str, Any] = {
        "images": bill.images,
        "download": _download(bill),
        "pixels decoded": human_bytes(bill.decoded_bytes),
        "features (float16)": human_bytes(bill.feature_bytes),
        "similarities": human_bytes(bill.similarity_bytes),
    }
    if bill.peak:
        at_most = "at most " if bill.peak.command == "curves" else ""
        needed = f"{at_most}{human_bytes(bill.peak.bytes)}"
        facts["memory at its peak"] = f"{needed}, by step {bill.peak.step} ({bill.peak.command})"
    for device_hours in bill.hours:
        name = (
            f"{bill.cores} cores of {device_hours.device.removeprefix(CORE)}"
            if is_core(device_hours.device)
            else device_hours.device
        )
        facts[f"{name}{'*' * device_hours.estimated}"] = human_hours(device_hours.hours)
    facts["of these decoding"] = human_hours(bill.decode_hours)
    out.facts("total", facts)
    out.put("total", numbers)


def _download(bill: Bill) -> str | None:
    unknown = ", ".join(bill.download_unknown)
    if not bill.download_bytes:
        return f"not said for {unknown}" if unknown else None
    return human_download(bill.download_bytes) + (f", and what {unknown} does not say" if unknown else "")


def show_reads(out: Output, steps: Sequence[Command]) -> None:
    """Show which steps read rows again."""
    again = read_again(steps)
    out.put("again", again)
    _show_again(out, again)


def _show_again(out: Output, again: Sequence[Any]) -> None:
    if again:
        out.say("  moments are summed in one pass over the rows of a step; rows are read again for")
        for reason in again:
            out.sentence(f"{', '.join(reason.commands)}: {reason.what}", indent="    ")


def show_commands(out: Output, spec: RecipeSpec, lines: Sequence[str], *, first: int) -> None:
    """Show what a recipe would run, a number a step; those before `first` are left out."""
    for name, dataset in spec.datasets.items():
        out.say(f"index    {name}: {dataset.images:,} images in {dataset.path} ({dataset.reader})")
    for extraction in spec.extract:
        out.say(f"extract  {extraction.dataset}: {len(spec.extracted(extraction))} encoders")
    for name, bank in spec.banks.items():
        out.say(f"concepts {name}: by {spec.encoders[bank.encoder].encoder}")
    for number, (step, line) in enumerate(zip(spec.steps, lines, strict=True), 1):
        if number >= first:
            out.say(f"# {number}  {step.say}")
            out.say(line)
