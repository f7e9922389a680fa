"""How zero-shot classification is run and shown at 80 columns."""

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from t2c.flows.cli.bars import Bars
from t2c.flows.cli.output import Output
from t2c.flows.zeroshot.zeroshot import ZeroshotReport
from t2c.flows.zeroshot.zeroshot import zeroshot as step
from t2c.schemas.specs.base import DEFAULT_TEMPLATES
from t2c.store.disk.root import Store


def run_zeroshot(
    out: Output, store: Store, dataset: str, *, templates: Sequence[str], output: str | None, **options: Any
) -> None:
    """Run the step and show accuracy with its interval, beside the target itself and chance."""
    chosen = tuple(templates) or DEFAULT_TEMPLATES
    report = step(store, dataset, templates=chosen, progress=Bars(quiet=out.as_json), **options)
    _show(out, report)
    if output is not None:
        from t2c.flows.engine.output_files import write_table

        write_table(report.predictions, output)
        out.wrote(output)
    if report.path:
        out.wrote(report.path)
    out.suggest(f"t2c report {dataset} -o report.html")


def _show(out: Output, report: ZeroshotReport) -> None:
    out.put(
        "task",
        {"dataset": report.dataset, "labels": report.labels, "classes": report.classes, "templates": report.templates},
    )
    out.facts(
        "counts", {"classes": len(report.classes), "unlabelled": report.unlabelled, "other labels": report.other_labels}
    )
    out.table("accuracy", _accuracy(report), title="accuracy, with Wilson's 95 % interval")
    out.table("by_class", report.by_class.slice(0, 40), title="by class")
    out.put("by_class", report.by_class)


def _accuracy(report: ZeroshotReport) -> pa.Table:
    rows = [
        {
            "who": f"{score.encoder} ({score.role})",
            "images": score.n,
            "accuracy": score.accuracy,
            "low": score.low,
            "high": score.high,
        }
        for score in report.scores
    ]
    rows.append({"who": "chance", "images": None, "accuracy": report.chance, "low": None, "high": None})
    if report.majority is not None:
        rows.append({"who": "commonest class", "images": None, "accuracy": report.majority, "low": None, "high": None})
    schema = pa.schema(
        {"who": pa.string(), "images": pa.int64(), "accuracy": pa.float64(), "low": pa.float64(), "high": pa.float64()}
    )
    return pa.Table.from_pylist(rows, schema=schema)
