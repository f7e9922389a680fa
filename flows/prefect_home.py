"""Prefect's settings for a run without a server of the user's: a home of its own, a patient start, quiet, no telemetry.

Prefect reads its settings when it is imported, so this comes first. What the user has set in the environment stays:
with PREFECT_API_URL the run goes to that server. A Prefect profile in ~/.prefect is not read, so that `t2c audit`
never reports to a server by accident.
"""

import os
import tempfile
from pathlib import Path

SETTINGS = {
    "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    "PREFECT_LOGGING_LEVEL": "WARNING",
    "PREFECT_LOGGING_INTERNAL_LEVEL": "ERROR",
    "PREFECT_SERVER_LOGGING_LEVEL": "ERROR",
}
"""Defaults, each kept only where the environment does not say otherwise. The first start in an empty home takes 15 to
20 seconds on two cores; Prefect's own limit is 20."""


def prepare() -> None:
    """Set the defaults in this process's environment; call before Prefect is imported."""
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    if "PREFECT_HOME" not in os.environ:
        os.environ["PREFECT_HOME"] = str(own_home())


def own_home() -> Path:
    """Return a folder for Prefect's database: in the user's cache, or a temporary one where that cannot be written."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path(os.environ.get("HOME", "/nonexistent")) / ".cache")
    wanted = cache / "t2c" / "prefect"
    try:
        wanted.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=wanted):
            return wanted
    except OSError:
        return Path(tempfile.mkdtemp(prefix="t2c-prefect-"))
