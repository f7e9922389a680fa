"""The zero-shot suite's figures as one HTML file of their own, made like the report: nothing external, no script."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa

from flows.report import words
from flows.report.render import TEMPLATES, environment, policy
from flows.report.suite_figures import suite_figures
from flows.steps.files import replacing
from flows.suite.plan import Skipped


def write_suite_page(output: str | Path, table: pa.Table, *, target: str, skipped: Sequence[Skipped] = ()) -> None:
    """Write SUITE as figures 5 and 6; raises SpecError or StoreWriteError for a place that cannot be written."""
    style = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    page = environment().get_template("suite_page.html.jinja")
    figures = suite_figures(table, target=target)
    models, tasks = words.plural(len(figures.legend), "model"), words.plural(figures.tasks, "zero-shot task")
    text = page.render(
        section=figures,
        style=style,
        policy=policy(style),
        headline=f"{models} at {tasks}",
        skipped=skipped,
        created_at=datetime.now(UTC),
    )
    with replacing(output) as temporary:
        temporary.write_text(text, encoding="utf-8")
