"""How a report was made: the command that makes it again, and the software."""

import platform
import shlex
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from flows.page.question import Question
from schemas import logic
from t2c_core.shift.shift import ALPHA

PACKAGES = ("t2c-audit-store", "numpy", "pyarrow", "duckdb", "pillow")
"""Distributions whose versions are named."""


def again(asked: Question, output: str | Path) -> str:
    """Return the command that makes the report again, snapshots named."""
    parts = ["t2c", "report", asked.reference, *([asked.current] if asked.current else [])]
    options = {"--where": asked.where, "--reference-where": asked.reference_where, "--source": asked.source}
    options |= {"--target": asked.target, "--concepts": asked.bank}
    parts += [text for key, value in options.items() if value for text in (key, value)]
    parts += [text for query in asked.queries for text in ("--query", logic.render(query))]
    parts += ["--alpha", f"{asked.alpha:g}"] if asked.alpha != ALPHA else []
    for name, value in asked.judged.items():
        parts += [f"--{name}"] if value is True else [f"--{name}", str(value)]
    return shlex.join([*parts, "--store", str(asked.store.url), "-o", Path(output).name])


def versions() -> tuple[tuple[str, str], ...]:
    """Return the software that took part, with its versions."""
    found = [("Python", platform.python_version())]
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            found.append((package, version(package)))
    return tuple(found)
