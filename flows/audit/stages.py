"""The stages of an audit: plain functions of an audit spec that call one step each; what Prefect decorates.

A stage may be run again at any time: what is in the store already is not done twice.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from t2c.flows.concepts.banks import ConceptsReport, add_concepts, read_concept_file
from t2c.flows.data.index import IndexReport, index
from t2c.flows.data.table_imports import import_attributes, import_predictions
from t2c.flows.engine.progress import Progress
from t2c.flows.engine.runner import Runner
from t2c.flows.features.extract import extract
from t2c.flows.features.extract_report import ExtractReport
from t2c.flows.maps.align import AlignReport, align
from t2c.flows.report.write import WrittenReport, report
from t2c.flows.scores.ask import FindReport, SummaryReport, find, summary
from t2c.flows.scores.score import ScoreReport, score
from t2c.flows.shift.shift import ShiftReport, shift
from t2c.flows.zeroshot.zeroshot import ZeroshotReport, zeroshot
from t2c.schemas.names import parse_dataset_ref
from t2c.schemas.specs.audit import AuditSpec, ShiftSpec, ZeroshotSpec
from t2c.schemas.specs.base import parse_encoder
from t2c.store.artifacts.features import open_features
from t2c.store.disk.root import Store


@dataclass(frozen=True, slots=True)
class Job:
    """What every stage needs to know."""

    spec: AuditSpec
    """The audit."""
    store: Store
    """The store it works on."""
    runner: Runner
    """Where block work runs."""
    progress: Progress
    """Who watches."""
    linear_map: str | None = None
    """Digest of the audit's own map, once it is fitted: every answer is given under it, whatever others fit meanwhile."""


def index_dataset(job: Job, name: str) -> IndexReport | None:
    """Index a dataset's source, then import its attributes and predictions; None when the store already holds it."""
    dataset = job.spec.datasets[name]
    indexed = None
    if dataset.source is not None:
        fields = ("kind", "label_from", "split_from", "captured_at", "ids", "image_column")
        options: dict[str, Any] = {field: getattr(dataset, field) for field in fields}
        options |= {} if dataset.max_pixels is None else {"max_pixels": dataset.max_pixels}
        rate = job.spec.max_bad_rate
        indexed = index(job.store, dataset.source, name, **options, max_bad_rate=rate, progress=job.progress)
    if dataset.attributes is not None:
        import_attributes(job.store, name, dataset.attributes)
    for model, file in dataset.predictions.items():
        import_predictions(job.store, name, file, model=model)
    return indexed


def extract_dataset(job: Job, name: str) -> ExtractReport | None:
    """Extract what is missing of a dataset's features, all encoders in one pass; None when both were imported."""
    encoders = job.spec.encoders
    if not encoders.extracted:
        return None
    options: dict[str, Any] = {} if encoders.chunk_seconds is None else {"chunk_seconds": encoders.chunk_seconds}
    return extract(
        job.store,
        name,
        [parse_encoder(encoder) for encoder in encoders.extracted],
        runner=job.runner,
        device=encoders.device,
        batch_size=encoders.batch_size,
        workers=encoders.workers,
        dtype=encoders.dtype,
        max_bad_rate=job.spec.max_bad_rate,
        progress=job.progress,
        **options,
    )


def align_encoders(job: Job) -> AlignReport | None:
    """Fit the map; None when source and target are one encoder, which needs none."""
    encoders, options = job.spec.encoders, job.spec.align
    if encoders.source == encoders.target:
        return None
    return align(
        job.store,
        job.spec.fitted_on,
        source=encoders.source,
        target=encoders.target,
        method=options.fitted_by,
        folds=options.folds,
        holdout=options.holdout,
        held_out_where=options.held_out_where,
        seed=options.seed,
        max_rows=options.max_rows,
        device=encoders.device,
        runner=job.runner,
        progress=job.progress,
    )


def add_bank(job: Job) -> ConceptsReport | None:
    """Add the audit's concepts to its bank; None when it names a bank that the store already holds."""
    bank, encoders = job.spec.concepts, job.spec.encoders
    concepts = read_concept_file(bank.file) if bank.file is not None else bank.inline
    if concepts is None:
        return None
    encoder = encoders.target if ":" in encoders.target else None
    return add_concepts(job.store, bank.bank, concepts, encoder=encoder, device=encoders.device, progress=job.progress)


def score_dataset(job: Job, name: str) -> ScoreReport:
    """Score what is missing of a dataset under the audit's own map."""
    return score(
        job.store,
        name,
        source=job.spec.encoders.source,
        bank=job.spec.concepts.bank,
        linear_map=job.linear_map,
        runner=job.runner,
        progress=job.progress,
    )


def summarise(job: Job, name: str) -> SummaryReport:
    """Describe a dataset by its concepts."""
    return summary(job.store, name, k=1, **scored_with(job))


def compare(job: Job, wanted: ShiftSpec) -> ShiftReport:
    """Answer one comparison."""
    return shift(
        job.store,
        wanted.reference,
        wanted.current,
        where=wanted.where,
        reference_where=wanted.reference_where,
        alpha=wanted.alpha,
        near_copies=wanted.near_copies,
        cluster=wanted.cluster,
        classes=wanted.classes,
        beyond=wanted.beyond,
        blocks=wanted.blocks,
        untrusted=wanted.untrusted,
        progress=job.progress,
        **scored_with(job),
    )


def ask(job: Job, name: str, expression: str) -> FindReport:
    """Answer one concept-logic query about a dataset."""
    return find(job.store, name, expression, **scored_with(job))


def classify(job: Job, name: str, task: ZeroshotSpec) -> ZeroshotReport:
    """Do one zero-shot task on a dataset."""
    encoders = job.spec.encoders
    sides: dict[str, Any] = {"linear_map": job.linear_map} if job.linear_map else {"source": encoders.source}
    return zeroshot(
        job.store,
        name,
        classes=task.classes or None,
        bank=task.bank,
        templates=task.templates,
        labels=task.labels,
        mapping=task.mapping,
        name=task.name,
        device=encoders.device,
        runner=job.runner,
        progress=job.progress,
        **sides,
    )


def write_report(job: Job, number: int, tasks: tuple[ZeroshotReport, ...]) -> WrittenReport:
    """Write the HTML of one comparison (or of the first dataset when there is none); the first has the plain name."""
    spec = job.spec
    file = Path(spec.report or "report.html")
    sides: dict[str, Any] = {"reference": spec.fitted_on}
    if spec.shift:
        sides = {name: getattr(spec.shift[number], name) for name in ShiftSpec.model_fields}
    return report(
        job.store,
        sides.pop("reference"),
        sides.pop("current", None),
        output=file if number == 0 else file.with_name(f"{file.stem}-{number + 1}{file.suffix}"),
        queries=spec.queries,
        zeroshot=tasks,
        progress=job.progress,
        **sides,
        **scored_with(job),
    )


def scored_with(job: Job) -> dict[str, Any]:
    """Return the options that choose similarities; the space's id, because an import may have another name than its space."""
    fitted_on = parse_dataset_ref(job.spec.fitted_on).name
    source = open_features(job.store, fitted_on, job.spec.encoders.source).space.id
    return {"source": source, "bank": job.spec.concepts.bank, "linear_map": job.linear_map}
