"""Further stages of an audit, one for each optional block of its file: what Prefect decorates beside the main ones."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from t2c.flows.audit.bottleneck_stages import bottleneck_model, read_dataset
from t2c.flows.audit.laboratory_stages import compare_objectives, efficiency_curve, pair_matrix, principal_components
from t2c.flows.audit.stages import Job, scored_with
from t2c.flows.decode.decode import DecodeReport, decode
from t2c.flows.decode.decoders import DecoderSpec
from t2c.flows.suite.suite import SuiteReport, suite
from t2c.flows.trust.trust import TrustReport, trust
from t2c.schemas.specs.decode import DecodeBlock
from t2c.schemas.specs.suite import SuiteSpec
from t2c.schemas.specs.trust import TrustSpec


def zero_shot_suite(job: Job, block: SuiteSpec) -> SuiteReport:
    """Test the block's models, or the audit's source, against the audit's CLIP; the source under the audit's own map."""
    encoders = job.spec.encoders
    models = block.models or (encoders.source,)
    own = job.linear_map if encoders.source in models else None
    return suite(
        job.store,
        block.data,
        models=models,
        target=encoders.target,
        tasks=block.tasks,
        align_on=block.align_on or job.spec.fitted_on,
        maps=() if own is None else (own,),
        pictures=Path(block.pictures) if block.pictures else None,
        device=encoders.device,
        batch_size=encoders.batch_size,
        workers=encoders.workers,
        runner=job.runner,
        progress=job.progress,
    )


def decode_vectors(job: Job, block: DecodeBlock) -> DecodeReport:
    """Decode what the block names, under the audit's own map, with its bank as the words unless others are named."""
    encoders = job.spec.encoders
    conditions = {"where": block.where, "reference_where": block.reference_where}
    own_map = {"source": encoders.source, "target": encoders.target}
    return decode(
        job.store,
        block.dataset or job.spec.fitted_on,
        block.what,
        decoder=DecoderSpec(
            block.decoder, block.k, penalty=block.penalty, model=block.model, settings=block.settings, raw=block.raw
        ),
        vocabulary=block.vocabulary or f"bank:{job.spec.concepts.bank}",
        rescale=block.rescale,
        direction=block.direction,
        device=encoders.device,
        progress=job.progress,
        **(own_map if job.linear_map is None else {"linear_map": job.linear_map}),
        **conditions,
    )


def measure_trust(job: Job, block: TrustSpec) -> TrustReport:
    """Mark every concept of the audit's bank under its map."""
    return trust(
        job.store,
        block.dataset or job.spec.fitted_on,
        labels=block.labels,
        mapping=block.mapping,
        directions=block.directions,
        seed=block.seed,
        progress=job.progress,
        **scored_with(job),
    )


class ExtraReport(Protocol):
    """Report of a further stage: its headline, and whether it is new."""

    @property
    def headline(self) -> str:
        """One sentence for people: what came out."""

    @property
    def new(self) -> bool:
        """Whether it computed anything that the store did not hold."""


EXTRAS: Mapping[str, Callable[[Job, Any], ExtraReport]] = {
    "trust": measure_trust,
    "bottleneck": bottleneck_model,
    "reading": read_dataset,
    "suite": zero_shot_suite,
    "decode": decode_vectors,
    "pairs": pair_matrix,
    "curves": efficiency_curve,
    "components": principal_components,
    "objectives": compare_objectives,
}
"""Field of `AuditSpec` to the stage that answers it, in the order in which they run; each value of the field (or of its
tuple) is one call."""


FIRST = ("trust",)
"""Fields whose stage runs before the comparisons, which read its answer."""


def asked_extras(job: Job, *, first: bool) -> list[tuple[Callable[[Job, Any], ExtraReport], list[tuple[Any, ...]]]]:
    """Return each stage that the audit asks for with the arguments of its calls: those of FIRST, or the others."""
    stages = []
    for name, stage in EXTRAS.items():
        value = getattr(job.spec, name)
        blocks = value if isinstance(value, tuple) else (() if value is None else (value,))
        if blocks and (name in FIRST) is first:
            stages.append((stage, [(job, block) for block in blocks]))
    return stages
