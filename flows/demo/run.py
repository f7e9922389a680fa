"""The demo from end to end: draw, audit, compare with the ground truth, write the report, check what came out."""

import shutil
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from flows.demo import show
from flows.demo.audit import Audit, Stopwatch, run_audit
from flows.demo.checks import Check, checks
from flows.demo.findings import Findings, find_out
from flows.demo.pictures import draw_both
from flows.demo.plan import BANK, QUERIES, REFERENCE, SECOND, SOURCE, DemoPlan
from flows.progress import Progress
from flows.steps.report import report
from store.root import open_store

Say = Callable[[str], None]
"""Receiver of the output, one line at a time."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything that a run of the demo made."""

    audit: Audit
    """What the steps reported."""
    findings: Findings
    """What the ground truth says about it."""
    checks: tuple[Check, ...]
    """What should have come out, and whether it did."""
    report: Path
    """The HTML report."""
    seconds: dict[str, float]
    """Wall time by part."""


def run(out: Path, store: Path, plan: DemoPlan, *, say: Say, progress: Progress | None = None) -> Outcome:
    """Run the demo below two folders; what an earlier run left there is used where it is still right.

    `say` receives the output's lines as they become known, each at most 80 columns.
    """
    started = time.perf_counter()
    clock = Stopwatch(lambda name: say(f"  {time.perf_counter() - started:5.0f} s  {name}"))
    tell(say, show.opening(plan))
    say("")
    warm = threading.Thread(target=warm_up, daemon=True)
    warm.start()
    with clock("draw both folders; load the models meanwhile"):
        pictures = draw_both(out, plan)
        warm.join()
    opened = open_store(store, create=True)
    audit = run_audit(opened, pictures, plan, clock=clock, progress=progress)
    with clock("compare with the ground truth"):
        findings = find_out(opened, pictures, plan)
    with clock("report"):
        written = report(
            opened,
            REFERENCE,
            SECOND,
            output=out / "report.html",
            queries=[query.expression for query in QUERIES],
            zeroshot=audit.zeroshot,
            source=SOURCE,
            bank=BANK,
            alpha=plan.alpha,
            title="A world of primitives",
        )
    every = tuple(checks(audit, findings, plan))
    for part in (
        show.accounting(audit, findings),
        show.linear_map(audit),
        show.zeroshot(audit),
        show.queries(findings),
        show.shift(audit, findings, plan),
        show.attribution(findings, plan),
        show.verdict(list(every)),
    ):
        tell(say, part)
    say("")
    say(show.clip(f"  report   {_short(Path(written.path))} ({written.bytes / 1e6:.1f} MB; open it in a browser)"))
    say(show.clip(f"  store    {_short(store)}"))
    say(show.clip(f"  ask on   t2c --store {_short(store)} find {REFERENCE} 'star > 1 & in snow > 1'"))
    say(f"  total    {time.perf_counter() - started:.0f} s")
    return Outcome(audit, findings, every, Path(written.path), dict(clock.seconds))


def tell(say: Say, lines: Iterable[str]) -> None:
    """Say line after line."""
    for line in lines:
        say(line)


def warm_up() -> None:
    """Load what the extraction needs while other processes draw."""
    from schemas.specs import parse_encoder
    from t2c_core.encoders.load import load_encoder

    load_encoder(parse_encoder(SOURCE))


def start_afresh(out: Path, store: Path) -> None:
    """Remove what an earlier run of the demo left."""
    for folder in (out, store):
        shutil.rmtree(folder, ignore_errors=True)


def _short(path: Path) -> str:
    """Return a path relative to here where it lies below."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
