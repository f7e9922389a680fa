"""The zero-shot suite's figures as one HTML file of their own, made like the report: nothing external, no script."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from flows.page import words
from flows.page.document import write_document
from flows.suite.figures import suite_figures
from flows.suite.plan import Skipped


def write_suite_page(output: str | Path, table: pa.Table, *, target: str, skipped: Sequence[Skipped] = ()) -> None:
    """Write SUITE as figures 5 and 6; raises SpecError or StoreWriteError for a place that cannot be written."""
    figures = suite_figures(table, target=target)
    models, tasks = words.plural(len(figures.legend), "model"), words.plural(figures.tasks, "zero-shot task")
    write_document("suite_page.html.jinja", output, section=figures, headline=f"{models} at {tasks}", skipped=skipped)
