"""Vectors in words as a stage of an audit: its block of the file in, its report out."""

from flows.audit.stages import Job
from flows.decode.decode import DecodeReport, decode
from flows.decode.decoders import DecoderSpec
from schemas.specs.decode import DecodeBlock


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
