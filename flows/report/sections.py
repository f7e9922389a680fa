"""Sections that a report shows when the store holds something for them: each gathers its own data and has its template.

A section's module takes its types from `flows.page.section`, so that this registry may import it.
"""

from collections.abc import Mapping

from flows.bottleneck import section as bottleneck_section
from flows.decode import section as words_section
from flows.laboratory import section as laboratory_section
from flows.page.section import Context, Gathered, Section
from flows.reading import section as reading_section
from flows.study import section as study_section
from flows.suite import section as suite_section
from flows.trust import section as trust_section

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
