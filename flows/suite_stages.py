"""The zero-shot suite as a stage of an audit: its block of the file in, its report out."""

from pathlib import Path

from flows.audit.stages import Job
from flows.suite.suite import SuiteReport, suite
from schemas.specs.suite import SuiteSpec


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
