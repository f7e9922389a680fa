"""The audit file's block on trust: what says which images have a concept."""

from pydantic import Field, field_validator

from t2c.schemas.names import parse_dataset_ref
from t2c.schemas.specs.base import Spec


class TrustSpec(Spec):
    """Measure which concepts of the audit's bank may be believed under its map, before anything is compared."""

    dataset: str | None = None
    """Dataset to measure on; None takes the one the map is fitted on."""
    labels: tuple[str, ...] = ()
    """`label` and names of attributes; empty takes all there are."""
    mapping: dict[str, str] = Field(default_factory=dict)
    """Label, attribute value or yes-no attribute to the concept it stands for, where the names differ."""
    directions: int = Field(default=200, ge=40)
    """Random directions of each kind to compare with."""
    seed: int = 0
    """Seed of the random directions."""

    @field_validator("dataset")
    @classmethod
    def _named(cls, value: str | None) -> str | None:
        if value is not None:
            parse_dataset_ref(value)
        return value
