"""An audit in Markdown, for Prefect's artifact page or any other place that shows text; whatever users wrote is escaped."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from t2c.flows.audit.run import AuditReport
from t2c.flows.shift.shift import ShiftReport

SHOWN = ("concept", "trust", "verdict", "effect", "cause", "d", "log10_q", "n_reference", "n_current")
"""Columns of a shift table that people are shown."""
MOST = 20
"""Concepts listed in the text; the table artifact has them all."""


def summary_markdown(report: AuditReport) -> str:
    """Return the audit as Markdown: verdict first, then comparisons, tasks, queries, the map, and the inputs."""
    if report.busy:
        return f"# Audit: already running\n\n{escape(report.busy)}\n"
    parts = [f"# Audit: {report.verdict}"]
    parts += [part for shift in report.shifts for part in _shift(shift)]
    parts += list(_zeroshot(report))
    parts += list(_queries(report))
    parts += [f"- {escape(extra.headline)}" for extra in report.extras]
    parts += list(_map(report))
    parts += list(_inputs(report))
    parts += [f"Report: `{page.path.replace('`', '')}`" for page in report.reports]
    return "\n\n".join(parts) + "\n"


def shift_rows(report: ShiftReport) -> list[dict[str, Any]]:
    """Return the shift table as rows of plain values, numbers rounded to four digits."""
    return [{name: _short(row[name]) for name in SHOWN} for row in report.table.to_pylist()]


def escape(text: str) -> str:
    """Return text that Markdown and HTML show as it is."""
    plain = "".join(character if character.isprintable() else " " for character in text)
    plain = plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]#|~])", r"\\\1", plain)


def _shift(shift: ShiftReport) -> list[str]:
    head = f"## {escape(shift.current)} against {escape(shift.reference)}"
    standing = shift.standing
    first = (
        f"Verdict: {shift.verdict}",
        f"Compared: {shift.n_current:,} {shift.unit} against {shift.n_reference:,}, at q <= {shift.alpha:g}",
        f"Map: {standing.map}, {standing.between}, {standing.quality}",
        f"Trust: {standing.trust}",
    )
    counts = "\n".join(f"- {escape(line)}" for line in first)
    rows = [list(row.values()) for row in shift_rows(shift)[:MOST]]
    return [head, counts, _table(SHOWN, rows), *(f"Note: {escape(note)}" for note in shift.notes)]


def _zeroshot(report: AuditReport) -> Iterable[str]:
    if report.zeroshot:
        yield "## Zero-shot"
        rows = [
            [task.name, task.dataset, score.encoder, score.role, score.n, f"{score.accuracy:.1%}", f"{task.chance:.1%}"]
            for task in report.zeroshot
            for score in task.scores
        ]
        yield _table(("task", "dataset", "encoder", "role", "images", "accuracy", "chance"), rows)


def _queries(report: AuditReport) -> Iterable[str]:
    if report.found:
        yield "## Queries"
        rows = [[query.expression, query.dataset, query.searched, query.total] for query in report.found]
        yield _table(("query", "dataset", "searched", "found"), rows)


def _map(report: AuditReport) -> Iterable[str]:
    if report.aligned is not None:
        certificate = report.aligned.certificate
        held = certificate.held_out
        quality = f"R2 {held.r2_variance_weighted:.3f} on {held.n:,} held-out images" if held else "quality not known"
        yield "## Linear map"
        yield (
            f"{escape(certificate.source.name)} to {escape(certificate.target.name)}, fitted on "
            f"{certificate.fitted:,} images of {escape(report.aligned.dataset)}: {quality}."
        )


def _inputs(report: AuditReport) -> Iterable[str]:
    if report.indexed:
        yield "## Inputs"
        outcomes = list(report.indexed[0].outcomes)
        rows = [
            [indexed.dataset, indexed.inputs, *(indexed.outcomes[name] for name in outcomes)]
            for indexed in report.indexed
        ]
        yield _table(("dataset", "inputs", *outcomes), rows)


def _table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    lines = [columns, ["---"] * len(columns), *([escape(str(value)) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _short(value: Any) -> Any:
    if value is None:
        return ""
    return float(f"{value:.4g}") if isinstance(value, float) else value
