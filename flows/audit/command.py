"""Commands that put it all together: report, audit."""

from textwrap import indent
from typing import Any

import click
import pyarrow as pa
from click.core import ParameterSource

from t2c.flows.audit.run import AuditReport
from t2c.flows.cli.bars import Bars
from t2c.flows.cli.options import command, runner_options
from t2c.flows.cli.output import Output
from t2c.flows.shift.table import by_effect
from t2c.flows.shift.view import shift_columns
from t2c.schemas.specs.audit import EXAMPLE_FILE


@click.argument("file")
@click.option(
    "--prefect/--no-prefect", default=True, show_default=True, help="Run as a Prefect flow, or as plain functions."
)
@click.option("--fail-on-drift", is_flag=True, help="Exit 3 when a verdict is: changed, whatever the file says.")
@click.option("--fail-on-unsure", is_flag=True, help="Exit 3 when a verdict is: cannot tell, whatever the file says.")
@runner_options
def _audit(out: Output, file: str, store_url: str, fail_on_drift: bool, fail_on_unsure: bool, **options: Any) -> int:
    """Run a whole audit from one validated YAML file: index to report.

    Run again after a kill it goes on where it stopped; run again when done it does nothing new.

    The store is the one the file names (relative to the file); else --store or $T2C_STORE (relative to the working
    directory); else t2c-store beside the file.
    """
    from t2c.flows.engine.stop import EXIT_DRIFT

    store = store_url if store_given() else None
    report = run_audit(out, file, prefect=options["prefect"], store=store, dask=options["dask_address"])
    fails = (fail_on_drift and report.drift) or (fail_on_unsure and report.unsure)
    return EXIT_DRIFT if fails else report.exit_code


audit = command("audit", example="t2c audit audit.yaml\nt2c audit audit.yaml --fail-on-drift --json")(_audit)
audit.epilog = f"{audit.epilog}\n\n\b\nAn audit file:\n{indent(EXAMPLE_FILE, '  ')}"


def store_given() -> bool:
    """Say whether the command that runs was given a store, before or after its name or by $T2C_STORE."""
    context = click.get_current_context()
    before = context.find_root().params.get("store_before") is not None
    return before or context.get_parameter_source("store_url") != ParameterSource.DEFAULT


def run_audit(out: Output, file: str, *, prefect: bool, store: str | None, dask: str | None) -> AuditReport:
    """Run the audit in a file, as a Prefect flow or as plain functions, and show what it did and found."""
    bars = Bars(quiet=out.as_json)
    if prefect:
        from t2c.flows.audit.prefect_run import run_audit as run_flow

        report = run_flow(file, store=store, dask=dask, progress=bars)
    else:
        report = _plain(file, store=store, dask=dask, progress=bars)
    _show(out, report)
    return report


def _plain(file: str, *, store: str | None, dask: str | None, progress: Bars) -> AuditReport:
    from t2c.flows.audit.run import audit
    from t2c.flows.engine.runner import runner_for
    from t2c.schemas.specs.audit import load_audit

    with runner_for(dask) as runner:
        return audit(load_audit(file, store=store), runner=runner, progress=progress)


def _show(out: Output, report: AuditReport) -> None:
    if report.busy:
        out.put("busy", report.busy)
        out.say(f"already running: {report.busy}")
        return
    out.put("new", report.new)
    out.notes(report.notes, indent="")
    out.table("datasets", _datasets(report), title="datasets")
    for shift in report.shifts:
        out.sentence(f"{shift.current} against {shift.reference}: {shift.verdict}", indent="")
        out.table("shift", shift_columns(by_effect(shift.table).slice(0, 12)))
    out.put(
        "shift",
        [
            {"reference": shift.reference, "current": shift.current, "verdict": shift.verdict, "table": shift.table}
            for shift in report.shifts
        ],
    )
    for query in report.found:
        out.say(f"{query.expression}: {query.total:,} of {query.searched:,} images of {query.dataset}")
    out.put(
        "queries",
        [{"dataset": query.dataset, "expression": query.expression, "total": query.total} for query in report.found],
    )
    for task in report.zeroshot:
        for score in task.scores:
            out.say(
                f"zero-shot {task.name} on {task.dataset}: {score.accuracy:.1%} {score.encoder} ({score.role}), chance {task.chance:.1%}"
            )
    out.put(
        "zeroshot",
        [
            {"name": task.name, "dataset": task.dataset, "scores": task.scores, "chance": task.chance}
            for task in report.zeroshot
        ],
    )
    out.put("more", [extra.headline for extra in report.extras])
    for extra in report.extras:
        out.say(extra.headline)
    if not report.new:
        out.say("nothing new: every answer was in the store")
    out.wrote(*(written.path for written in report.reports))
    out.suggest("t2c verify")


def _datasets(report: AuditReport) -> pa.Table:
    """Return one row a dataset: its inputs, and what was compared."""
    inputs: dict[str, Any] = {indexed.dataset: indexed for indexed in report.indexed}
    rows = []
    for summary in report.summaries:
        name = summary.dataset.partition("@")[0]
        index = inputs.get(name)
        rows.append(
            {
                "dataset": summary.dataset,
                "inputs": index.inputs if index else None,
                "new": index.new if index else None,
                "compared": summary.searched,
                "concepts": summary.concepts.num_rows,
            }
        )
    schema = pa.schema(
        {
            "dataset": pa.string(),
            "inputs": pa.int64(),
            "new": pa.int64(),
            "compared": pa.int64(),
            "concepts": pa.int64(),
        }
    )
    return pa.Table.from_pylist(rows, schema=schema)
