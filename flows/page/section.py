"""What an optional section of the report is: what it may read, what it shows, and what was read for it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from t2c.flows.page.report_spec import ReportSpec
from t2c.flows.rows.sides import Side
from t2c.store.artifacts.linear_maps import StoredMap
from t2c.store.disk.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Context:
    """What a section may read: the question, its sides, and the map their similarities were made with."""

    asked: ReportSpec
    """What the report was asked."""
    sides: tuple[Side, ...]
    """The reference and, when there is one, the current side."""
    linear_map: StoredMap
    """The linear map, or the identity."""


@dataclass(frozen=True, slots=True)
class Gathered:
    """One section's data, and what was read for it."""

    data: Any
    """What the section's template shows, as `section`."""
    read: tuple[Manifest, ...] = ()
    """Artifacts that were read: their files are checked, and they are listed under lineage."""


@dataclass(frozen=True, slots=True)
class Section:
    """One optional section."""

    title: str
    """Heading."""
    template: str
    """Its template, by its path below the folder of the capabilities."""
    gather: Callable[[Context], Gathered | None]
    """Returns what the section shows, or None when the store holds nothing for it."""
