"""Explanations of images by a bottleneck as one HTML file of their own, made like the report."""

from pathlib import Path

from flows.bottleneck.explained import cards
from flows.bottleneck.use import ExplainReport
from flows.page import words
from flows.page.document import write_document
from store.sources.image_bytes import open_bytes


def write_explanation_page(report: ExplainReport, output: str | Path) -> None:
    """Write the explained images with their pictures; raises SpecError or StoreWriteError for the place."""
    made = cards(report.table, report.images, read=open_bytes)
    write_document(
        "explanation_page.html.jinja",
        output,
        cards=made,
        headline=f"Why {words.plural(len(made), 'image')} got {'its' if len(made) == 1 else 'their'} class",
        model=report.name,
        dataset=report.dataset,
    )
