"""The decode block of an audit file: vectors that are put into words."""

from typing import Literal, Self

from pydantic import Field, model_validator

from t2c.schemas.errors import SpecError, expected
from t2c.schemas.specs.base import Spec


class DecodeBlock(Spec):
    """One question of `t2c decode`."""

    what: str = Field(min_length=1)
    """What to decode: head, classes, clusters:12, shift:new_photos, file:vectors.npy, ... (`t2c decode --help`)."""
    dataset: str | None = None
    """Dataset whose images it is about; None takes the one that the map is fitted on."""
    decoder: Literal["vocabulary", "sparse", "zerocap", "rescore"] = "vocabulary"
    """How vectors become words."""
    k: int | None = Field(default=None, ge=1)
    """Words a vector; None is the decoder's own number."""
    vocabulary: str | None = None
    """english, bank:NAME or file:PATH; None takes the audit's own concept bank."""
    where: str | None = None
    """Of a shift: SQL condition of the current side."""
    reference_where: str | None = None
    """Of a shift: SQL condition of the reference side."""
    rescale: bool = True
    """Whether head vectors are brought to the variance of the fitted features."""
    direction: bool = False
    """Whether a file's vectors are directions and not features."""
    penalty: float = Field(default=0.2, gt=0, lt=1)
    """Of sparse: larger means fewer words."""
    model: str | None = None
    """Of zerocap and rescore: the language model."""
    settings: dict[str, str] = Field(default_factory=dict)
    """Of zerocap and rescore: settings by name."""
    raw: bool = False
    """Of zerocap and rescore: vectors as they lie in the CLIP space, the mean image left in, as published."""

    @model_validator(mode="after")
    def _conditions_are_of_shifts(self) -> Self:
        if not self.what.startswith("shift") and (self.where is not None or self.reference_where is not None):
            raise SpecError(expected("decode.where", "what: shift", f"what: {self.what}"))
        return self
