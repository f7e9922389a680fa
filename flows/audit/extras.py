"""Further stages of an audit, one for each optional block of its file: what Prefect decorates beside the main ones."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from flows.audit.bottleneck_stages import bottleneck_model, read_dataset
from flows.audit.laboratory_stages import compare_objectives, efficiency_curve, pair_matrix, principal_components
from flows.audit.stages import Job
from flows.decode_stages import decode_vectors
from flows.suite_stages import zero_shot_suite
from flows.trust_stages import measure_trust


class ExtraReport(Protocol):
    """What a further stage returns."""

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
    asked = []
    for name, stage in EXTRAS.items():
        value = getattr(job.spec, name)
        blocks = value if isinstance(value, tuple) else (() if value is None else (value,))
        if blocks and (name in FIRST) is first:
            asked.append((stage, [(job, block) for block in blocks]))
    return asked
