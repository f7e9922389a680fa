"""What this machine gives a process."""

import os


def cores() -> int:
    """Return how many cores this process may use: those it is bound to where the system can say (Linux), else all."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
