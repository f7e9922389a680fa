"""Sections that a report shows when the store holds something for them: each gathers its own data and has its template."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flows.report.question import Question
from flows.steps.shift_sides import Side
from store.linear_maps import StoredMap
from store.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Context:
    """What a section may read: the question, its sides, and the map their similarities were made with."""

    asked: Question
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
    gather: Callable[[Context], Gathered | None]
    """Returns what the section shows, or None when the store holds nothing for it."""


SECTIONS: Mapping[str, Section] = {}
"""Section id, which is also the name of its template, to the section; in the order in which they are shown."""


def gather_sections(context: Context) -> dict[str, Gathered]:
    """Return the sections that have something to show, in order."""
    found = {key: section.gather(context) for key, section in SECTIONS.items()}
    return {key: one for key, one in found.items() if one is not None}
