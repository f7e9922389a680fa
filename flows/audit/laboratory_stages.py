"""The laboratory's stages of an audit: pair matrix, curves, components, objectives; what Prefect decorates."""

from collections.abc import Sequence
from typing import Any

from t2c.flows.audit.stages import Job
from t2c.flows.features.extract import extract
from t2c.flows.laboratory.components import ComponentsReport, components
from t2c.flows.laboratory.curves import CurvesReport, curves
from t2c.flows.laboratory.pairs import PairsReport, pairs
from t2c.flows.objectives.objectives import Fitting, ObjectivesReport, objectives
from t2c.schemas.names import parse_dataset_ref
from t2c.schemas.specs.base import parse_encoder
from t2c.schemas.specs.laboratory import ComponentsSpec, CurvesSpec, LaboratorySpec, PairsSpec
from t2c.schemas.specs.objectives import ObjectivesSpec


def pair_matrix(job: Job, block: PairsSpec) -> PairsReport:
    """Align and judge every ordered pair of the block's encoders."""
    encoders = block.encoders or _own(job)
    _extract(job, block, encoders)
    return pairs(
        job.store,
        _dataset(job, block),
        encoders,
        groups=block.groups,
        heads=block.heads,
        labels=block.labels,
        ridge=block.ridge,
        holdout=block.holdout,
        held_out_where=block.held_out_where,
        seed=block.seed,
        max_rows=block.max_rows,
        device=job.spec.encoders.device,
        runner=job.runner,
        progress=job.progress,
    )


def efficiency_curve(job: Job, block: CurvesSpec) -> CurvesReport:
    """Draw one efficiency curve."""
    source, target = block.source or job.spec.encoders.source, block.target or job.spec.encoders.target
    _extract(job, block, (source, target))
    names = ("by", "points", "seeds", "head", "labels", "ridge", "holdout", "held_out_where", "seed", "max_rows")
    options: dict[str, Any] = {name: getattr(block, name) for name in names}
    return curves(
        job.store,
        _dataset(job, block),
        source=source,
        target=target,
        device=job.spec.encoders.device,
        progress=job.progress,
        **options,
    )


def principal_components(job: Job, block: ComponentsSpec) -> ComponentsReport:
    """Compare the principal components of the block's encoders."""
    encoders = block.encoders or _own(job)
    _extract(job, block, encoders)
    return components(
        job.store,
        _dataset(job, block),
        encoders,
        k=block.components,
        p=block.band,
        max_rows=block.max_rows,
        runner=job.runner,
        progress=job.progress,
    )


def compare_objectives(job: Job, block: ObjectivesSpec) -> ObjectivesReport:
    """Compare regression with the block's objectives; tasks of other datasets are read through the sources alone."""
    own, dataset = job.spec.encoders, _dataset(job, block)
    sources, target = block.sources or (own.source,), block.target or own.target
    _extract(job, block, (*sources, target))
    for other in dict.fromkeys(parse_dataset_ref(task.dataset).name for task in block.tasks if task.dataset):
        _extract(job, block, sources, dataset=other)
    names = ("labels", "source_head", "epochs", "learning_rate", "holdout", "seed", "max_rows")
    return objectives(
        job.store,
        dataset,
        sources=sources,
        target=target,
        tasks=block.tasks,
        against=block.against,
        groups=block.group_of,
        fitting=Fitting(bank=block.bank or "", **{name: getattr(block, name) for name in names}),
        device=own.device,
        runner=job.runner,
        progress=job.progress,
    )


def _dataset(job: Job, block: LaboratorySpec) -> str:
    return block.dataset or job.spec.fitted_on


def _own(job: Job) -> tuple[str, str]:
    return job.spec.encoders.source, job.spec.encoders.target


def _extract(job: Job, block: LaboratorySpec, encoders: Sequence[str], *, dataset: str = "") -> None:
    """Extract the encoders that the audit's own extraction left out, of the block's dataset unless another is named.

    Imported features have no colon in their name.
    """
    own = job.spec.encoders
    missing = [parse_encoder(name) for name in encoders if ":" in name and name not in _own(job)]
    if missing:
        extract(
            job.store,
            parse_dataset_ref(dataset or _dataset(job, block)).name,
            missing,
            runner=job.runner,
            device=own.device,
            batch_size=own.batch_size,
            workers=own.workers,
            dtype=own.dtype,
            max_bad_rate=job.spec.max_bad_rate,
            progress=job.progress,
        )
