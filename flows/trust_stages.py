"""The stage of an audit that measures trust; comparisons read its marks, so it runs before them."""

from flows.audit.stages import Job, scored_with
from flows.trust.trust import TrustReport, trust
from schemas.specs.trust import TrustSpec


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
