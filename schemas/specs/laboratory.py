"""Optional blocks of an audit file for the alignment laboratory: pairs, curves, components."""

from typing import Literal, Self

from pydantic import Field, model_validator

from t2c.schemas.errors import SpecError, expected
from t2c.schemas.specs.base import Spec


class LaboratorySpec(Spec):
    """What the blocks share."""

    dataset: str | None = None
    """Dataset whose images are used, `photos` or `photos@3`; None takes the one the map is fitted on."""
    max_rows: int | None = Field(default=None, ge=2)
    """Rows used at most, a random subset; None uses all."""


class PairsSpec(LaboratorySpec):
    """The pair matrix."""

    encoders: tuple[str, ...] = ()
    """Encoders, two or more; empty takes the audit's source and target. Those named `library:model` are extracted first."""
    groups: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Group to the encoders that are averaged together."""
    heads: tuple[str, ...] = ()
    """`HEAD` for all targets or `ENCODER=HEAD` for one: classifier, probe, zeroshot[:BANK] or none."""
    labels: str = "label"
    """`label`, or the imported attribute that holds the true class."""
    ridge: float | None = Field(default=None, ge=0)
    """Ridge strength; None chooses one for each pair."""
    holdout: float = Field(default=0.1, ge=0, lt=1)
    """Share of the rows that are never fitted."""
    held_out_where: str | None = None
    """SQL condition on the rows that are never fitted; replaces the share."""
    seed: int = Field(default=0, ge=0)
    """Seed of the row blocks."""

    @model_validator(mode="after")
    def _two_or_more(self) -> Self:
        if len(self.encoders) == 1:
            raise SpecError(expected("pairs.encoders", "two or more, or none for the audit's own", "1"))
        return self


class CurvesSpec(LaboratorySpec):
    """One efficiency curve."""

    source: str | None = None
    """Encoder mapped from; None is the audit's source."""
    target: str | None = None
    """Encoder mapped to; None is the audit's target."""
    by: Literal["samples", "classes"] = "samples"
    """What grows along the curve."""
    points: int = Field(default=12, ge=1)
    """Points of the curve."""
    seeds: int = Field(default=3, ge=1)
    """Orders that the points are taken in."""
    head: str | None = None
    """classifier, probe, zeroshot[:BANK] or none; None is a probe where there are labels."""
    labels: str = "label"
    """`label`, or the imported attribute that holds the true class."""
    ridge: float | None = Field(default=None, ge=0)
    """Ridge strength; None chooses one for the whole curve."""
    holdout: float = Field(default=0.1, ge=0, lt=1)
    """Share of the rows that are never fitted."""
    held_out_where: str | None = None
    """SQL condition on the rows that are never fitted; replaces the share."""
    seed: int = Field(default=0, ge=0)
    """Seed of the row blocks and of the first order."""


class ComponentsSpec(LaboratorySpec):
    """Principal components of several encoders."""

    encoders: tuple[str, ...] = ()
    """Encoders, two or more; empty takes the audit's source and target. Those named `library:model` are extracted first."""
    components: int = Field(default=40, ge=1)
    """Principal components of a space."""
    band: int = Field(default=5, ge=0)
    """Places off the diagonal that count as near it."""
