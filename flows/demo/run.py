"""The demo from end to end: draw, audit, compare with the ground truth, check what came out."""

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from t2c.flows.audit.run import AuditReport, audit
from t2c.flows.demo import show
from t2c.flows.demo.audit_file import write_audit_file
from t2c.flows.demo.checks import Check, checks
from t2c.flows.demo.findings import Findings, find_out
from t2c.flows.demo.narrator import Narrator
from t2c.flows.demo.pictures import draw_both
from t2c.flows.demo.plan import BANK, REFERENCE, TARGET, DemoPlan
from t2c.flows.engine.progress import Progress
from t2c.flows.scores.score import score
from t2c.schemas.errors import BusyError, InputError, expected
from t2c.schemas.specs.audit import load_audit
from t2c.store.disk.root import open_store

MARK = ".t2c-demo"
"""File in the demo's folder that says which store is its own."""
Say = Callable[[str], None]
"""Receiver of the output, one line at a time."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that a run of the demo made."""

    audit: AuditReport
    """What the steps reported."""
    findings: Findings
    """What the ground truth says about it."""
    checks: tuple[Check, ...]
    """What should have come out, and whether it did."""


def run(
    out: Path, store: Path, plan: DemoPlan, *, say: Say, bar: Progress | None = None, prefect: bool = True
) -> Outcome:
    """Run the demo below two folders; what an earlier run left there is used where it is still right.

    `say` receives the output's lines as they become known, each at most 80 columns. The audit is the Prefect flow that
    `t2c audit` runs, or with `prefect=False` the same stages without it. Raises BusyError when another run is at it.
    """
    narrator = Narrator(say, bar=bar)
    tell(say, show.opening(plan))
    narrator.start("draw both folders", None, "images")
    pictures = draw_both(out, plan)
    narrator.advance(plan.reference + plan.second)
    narrator.done()
    report = _audit(write_audit_file(out, store, pictures, plan), narrator, prefect=prefect)
    if report.busy:
        raise BusyError(report.busy)
    opened = open_store(store)
    score(opened, REFERENCE, source=TARGET, bank=BANK, progress=narrator)
    narrator.start("compare with the ground truth", None, "images")
    findings = find_out(opened, pictures, plan)
    narrator.done()
    outcome = Outcome(report, findings, tuple(checks(report, findings, plan)))
    tell(say, show.everything(report, findings, list(outcome.checks), plan=plan))
    tell(say, show.closing(report, out, store, seconds=narrator.elapsed))
    return outcome


def _audit(file: Path, progress: Progress, *, prefect: bool) -> AuditReport:
    if not prefect:
        return audit(load_audit(file), progress=progress)
    from t2c.flows.audit.prefect_run import run_audit

    return run_audit(file, progress=progress)


def tell(say: Say, lines: Iterable[str]) -> None:
    """Say line after line."""
    for line in lines:
        say(line)


def start_afresh(out: Path, store: Path, *, keep: bool = False) -> None:
    """Mark a folder and a store as the demo's, and remove what an earlier run left there unless `keep`.

    Raises InputError for a folder that holds something that no demo wrote: it is never removed.
    """
    mark = out / MARK
    ours = mark.read_text(encoding="utf-8") if mark.is_file() else ""
    for folder, demo in ((out, bool(ours)), (store, ours == str(store.absolute()))):
        if not demo and folder.exists() and any(folder.iterdir()):
            todo = "Name others: t2c demo --out FOLDER --store FOLDER"
            raise InputError(expected(f"folder {folder}", "an empty one, or one that a demo made", "other files", todo))
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)
    out.mkdir(parents=True, exist_ok=True)
    mark.write_text(str(store.absolute()), encoding="utf-8")
