"""Explanations of images by a bottleneck as one HTML file of their own, made like the report."""

from datetime import UTC, datetime
from pathlib import Path

from flows.report import words
from flows.report.explained import cards
from flows.report.render import TEMPLATES, environment, policy
from flows.steps.bottleneck_use import ExplainReport
from flows.steps.files import replacing
from store.image_bytes import open_bytes


def write_page(report: ExplainReport, output: str | Path) -> None:
    """Write the explained images with their pictures; raises SpecError or StoreWriteError for the place."""
    style = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    made = cards(report.table, report.images, read=open_bytes)
    text = (
        environment()
        .get_template("explanation_page.html.jinja")
        .render(
            cards=made,
            style=style,
            policy=policy(style),
            headline=f"Why {words.plural(len(made), 'image')} got {'its' if len(made) == 1 else 'their'} class",
            model=report.name,
            dataset=report.dataset,
            created_at=datetime.now(UTC),
        )
    )
    with replacing(output) as temporary:
        temporary.write_text(text, encoding="utf-8")
