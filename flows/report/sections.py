"""Sections that a report shows when the store holds something for them: each gathers its own data and has its template.

A section's module takes its types from `flows.report.section`, so that this registry may import it.
"""

from collections.abc import Mapping

from flows.report import (
    bottleneck_section,
    laboratory_section,
    reading_section,
    study_section,
    suite_section,
    trust_section,
    words_section,
)
from flows.report.section import Context, Gathered, Section

SECTIONS: Mapping[str, Section] = {
    "trust": Section("Concept trust", trust_section.gather),
    "words": Section("In words", words_section.gather),
    "study": Section("Human study", study_section.gather),
    "bottleneck": Section("Bottlenecks", bottleneck_section.gather),
    "reading": Section("Reading", reading_section.gather),
    "laboratory": Section("Alignment laboratory", laboratory_section.gather),
    "suite": Section("Zero-shot suite", suite_section.gather),
}
"""Section id, which is also the name of its template, to the section; in the order in which they are shown."""


def gather_sections(context: Context) -> dict[str, Gathered]:
    """Return the sections that have something to show, in order."""
    found = {key: section.gather(context) for key, section in SECTIONS.items()}
    return {key: one for key, one in found.items() if one is not None}
