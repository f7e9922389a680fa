"""How a dataset summary is shown at 80 columns."""

from typing import Any

import pyarrow as pa

from flows.cli.output import Output
from flows.trust.view import NOT_MEASURED


def show_summary(out: Output, report: Any, *, limit: int) -> None:
    """Show accounting, then one row a concept with its best class, largest mean first; machines get all of it."""
    out.facts(
        "scores",
        {"dataset": report.dataset, "map": report.map, "bank": report.bank, "images compared": report.searched},
    )
    out.table("accounting", report.accounting, title="input files")
    best, marks = _best_classes(report.classes), report.trust
    stats = report.concepts.sort_by([("mean", "descending")])
    shown = stats.slice(0, limit).select(["concept", "mean", "std", "q05", "q50", "q95"])
    if marks is not None:
        trust = [marks.get(name, NOT_MEASURED) for name in shown["concept"].to_pylist()]
        shown = shown.add_column(1, "trust", pa.array(trust, pa.string()))
    if best:
        classes = [best.get(name) for name in shown["concept"].to_pylist()]
        shown = shown.append_column("class it fits best", pa.array(classes, pa.string()))
    out.table("concepts", shown, title="similarity to each concept, largest mean first")
    if stats.num_rows > limit:
        out.say(f"  ... and {stats.num_rows - limit:,} more (-n {stats.num_rows})")
    if marks is None:
        out.say(f"  trust not measured: t2c trust {report.dataset.partition('@')[0]}")
    out.put("concepts", report.concepts)
    out.put("trust", marks)
    out.put("classes", report.classes)
    out.put("extremes", report.extremes)


def _best_classes(classes: pa.Table) -> dict[str, str]:
    """Return the class with the largest mean similarity of each concept."""
    best: dict[str, tuple[float, str]] = {}
    for row in classes.to_pylist():
        if row["label"] is not None and row["mean"] > best.get(row["concept"], (float("-inf"), ""))[0]:
            best[row["concept"]] = (row["mean"], row["label"])
    return {concept: label for concept, (_, label) in best.items()}
