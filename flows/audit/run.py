"""A whole audit from one spec: every step in order, resumable at any point, one audit at a time; no orchestrator needed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from t2c.flows.audit.extras import ExtraReport, asked_extras
from t2c.flows.audit.stages import (
    Job,
    add_bank,
    align_encoders,
    ask,
    classify,
    compare,
    extract_dataset,
    index_dataset,
    score_dataset,
    summarise,
    write_report,
)
from t2c.flows.concepts.banks import ConceptsReport
from t2c.flows.data.index import IndexReport
from t2c.flows.engine.progress import NoProgress, Progress
from t2c.flows.engine.runner import Runner, SerialRunner
from t2c.flows.engine.shown import Shown
from t2c.flows.engine.stop import EXIT_DRIFT
from t2c.flows.features.extract_report import ExtractReport
from t2c.flows.maps.align import AlignReport
from t2c.flows.report.write import WrittenReport
from t2c.flows.scores.ask import FindReport, SummaryReport
from t2c.flows.scores.score import ScoreReport
from t2c.flows.shift.shift import ShiftReport
from t2c.flows.zeroshot.zeroshot import ZeroshotReport
from t2c.schemas.errors import BusyError
from t2c.schemas.specs.audit import AuditSpec, ZeroshotSpec
from t2c.store.disk.lease import lease
from t2c.store.disk.paths import answers
from t2c.store.disk.root import Store, open_store


class Each(Protocol):
    """Runs one stage for several arguments: in order, or side by side."""

    def __call__(self, stage: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Return stage(*one) for each of the arguments, in their order; raises the first error."""


@dataclass(frozen=True, slots=True, eq=False)
class AuditReport(Shown):
    """The report of every stage of an audit; empty while another run of it is busy."""

    digest: str
    """Digest of the spec."""
    fail_on_drift: bool
    """Whether the verdict `changed` is an error."""
    fail_on_unsure: bool = False
    """Whether the verdict `cannot tell` is one."""
    busy: str = ""
    """Who else is at it; then nothing was done and the rest is empty."""
    notes: tuple[str, ...] = ()
    """What a reader must know about the run itself."""
    indexed: tuple[IndexReport, ...] = ()
    """Datasets that were indexed."""
    extracted: tuple[ExtractReport, ...] = ()
    """Datasets whose features were brought up to date."""
    aligned: AlignReport | None = None
    """The map; None when source and target are one encoder."""
    concepts: ConceptsReport | None = None
    """The bank; None when the store already held it."""
    scored: tuple[ScoreReport, ...] = ()
    """Every dataset's similarities."""
    summaries: tuple[SummaryReport, ...] = ()
    """Every dataset through the concepts."""
    shifts: tuple[ShiftReport, ...] = ()
    """Comparisons, in the order of the spec."""
    found: tuple[FindReport, ...] = ()
    """Queries, each asked of every dataset."""
    zeroshot: tuple[ZeroshotReport, ...] = ()
    """Zero-shot tasks, each done on its datasets."""
    extras: tuple[ExtraReport, ...] = ()
    """What the optional blocks of the file asked for, in the order of `t2c.flows.audit.extras.EXTRAS`."""
    reports: tuple[WrittenReport, ...] = ()
    """HTML files."""

    @property
    def drift(self) -> bool:
        """Whether the verdict of any comparison is `changed`."""
        return any(shift.drift for shift in self.shifts)

    @property
    def unsure(self) -> bool:
        """Whether the verdict of any comparison is `cannot tell`."""
        return any(shift.unsure for shift in self.shifts)

    @property
    def verdict(self) -> str:
        """The verdict over all comparisons: changed when one is, else cannot tell when one is; empty without any."""
        words = [shift.verdict.word for shift in self.shifts]
        return next((word for word in ("changed", "cannot tell", "pass") if word in words), "nothing compared")

    @property
    def new(self) -> bool:
        """Whether this run computed anything that the store did not hold."""
        reports = [self.aligned, self.concepts, *self.scored, *self.shifts, *self.zeroshot, *self.extras]
        rows = any(index.new or index.changed or index.deleted for index in self.indexed)
        return (
            rows
            or any(report.chunks for report in self.extracted)
            or any(report.new for report in reports if report is not None)
        )

    @property
    def exit_code(self) -> int:
        """Return 3 when a verdict is one that the spec asks to fail on, else 0."""
        fails = (self.fail_on_drift and self.drift) or (self.fail_on_unsure and self.unsure)
        return EXIT_DRIFT if fails else 0


def in_order(stage: Callable[..., Any], arguments: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Run a stage for each of the arguments, one after the other."""
    return [stage(*call) for call in arguments]


def audit(
    spec: AuditSpec,
    *,
    runner: Runner | None = None,
    progress: Progress | None = None,
    each: Each = in_order,
    store: Store | None = None,
) -> AuditReport:
    """Run an audit; killed anywhere, run again it goes on from what the store holds, and once more it does nothing new.

    `store` replaces the spec's. While another audit of the same spec, or a step on the same artifact, is running
    elsewhere, nothing is done and the report's `busy` says who it is. Raises what the steps raise.
    """
    opened = store or open_store(spec.store, create=any(dataset.source for dataset in spec.datasets.values()))
    job = Job(spec, opened, runner or SerialRunner(), progress or NoProgress())
    try:
        with lease(opened, answers("audit", spec.digest), purpose="audit"):
            return compose(job, each)
    except BusyError as error:
        return AuditReport(spec.digest, spec.fail_on_drift, spec.fail_on_unsure, busy=str(error))


def compose(job: Job, each: Each) -> AuditReport:
    """Run every stage of a job: what may run side by side is handed to `each` together."""
    spec = job.spec
    names = list(spec.datasets)
    indexed = each(index_dataset, [(job, name) for name in names])
    extracted = each(extract_dataset, [(job, name) for name in names])
    (aligned,) = each(align_encoders, [(job,)])
    (concepts,) = each(add_bank, [(job,)])
    job = replace(job, linear_map=aligned.digest if aligned is not None else None)
    scored = each(score_dataset, [(job, name) for name in names])
    # trust goes first: shifts and reports read its marks
    early = [extra for stage, calls in asked_extras(job, first=True) for extra in each(stage, calls)]
    zeroshot = each(classify, [(job, name, task) for task in spec.zeroshot for name in _datasets(spec, task)])
    shifts = each(compare, [(job, comparison) for comparison in spec.shift])
    queries = each(ask, [(job, name, query) for query in spec.queries for name in names])
    summaries = each(summarise, [(job, name) for name in names])
    extras = early + [extra for stage, calls in asked_extras(job, first=False) for extra in each(stage, calls)]
    pages = range(max(1, len(spec.shift))) if spec.report is not None else range(0)
    reports = each(write_report, [(job, page, tuple(zeroshot)) for page in pages])
    return AuditReport(
        digest=spec.digest,
        fail_on_drift=spec.fail_on_drift,
        fail_on_unsure=spec.fail_on_unsure,
        indexed=tuple(report for report in indexed if report is not None),
        extracted=tuple(report for report in extracted if report is not None),
        aligned=aligned,
        concepts=concepts,
        scored=tuple(scored),
        summaries=tuple(summaries),
        shifts=tuple(shifts),
        found=tuple(queries),
        zeroshot=tuple(zeroshot),
        extras=tuple(extras),
        reports=tuple(reports),
    )


def _datasets(spec: AuditSpec, task: ZeroshotSpec) -> tuple[str, ...]:
    return task.datasets or tuple(spec.datasets)
