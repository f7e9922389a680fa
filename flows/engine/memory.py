"""Plan, then run: a step says what it needs before it starts, and is refused with both numbers when it does not fit."""

import os

from t2c.schemas.errors import PlanError, expected

UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


def human_bytes(count: float) -> str:
    """Return a number of bytes as people read it, such as `1.5 GiB`."""
    for unit in UNITS[:-1]:
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} {UNITS[-1]}"


def available_bytes() -> int | None:
    """Return the memory that a new allocation can get, in bytes, or None where the system does not say."""
    try:
        with open("/proc/meminfo", encoding="ascii") as file:  # noqa: PTH123 - a kernel table, not a file of ours
            fields = dict(line.split(":", 1) for line in file)
        return int(fields["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError):
        try:
            return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        except (AttributeError, ValueError, OSError):  # Windows has no sysconf, macOS counts no free pages
            return None


def check_memory(what: str, needed: int, *, available: int | None = None, todo: str = "") -> None:
    """Raise PlanError naming both numbers when a step's peak memory (bytes) is more than there is."""
    free = available_bytes() if available is None else available
    if free is not None and needed > free:
        raise PlanError(expected(f"memory for {what}", f"{human_bytes(needed)} free", f"{human_bytes(free)}", todo))
