"""What is compared with what, and how it is judged: the options of `shift`, of the report and of an audit's comparisons."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from t2c.schemas.errors import SpecError, expected
from t2c.schemas.names import parse_dataset_ref
from t2c.schemas.specs.base import Spec
from t2c.schemas.specs.typed import Typed


class Counted(Spec):
    """What counts as one observation."""

    cluster: Annotated[str | None, Typed(metavar="COLUMN|captured_at[:SECONDS]|path[:REGEX]")] = None
    """Images that belong together count as one: by a label or attribute, bursts of time, or names."""
    near_copies: Annotated[str, Typed(metavar="auto|off|COSINE")] = "auto"
    """Of images whose features are this close, one counts: auto, off, or a cosine of 0.98 and up."""
    duplicates: bool = False
    """Count exact copies as images of their own, instead of leaving them out and saying how many."""


class Judging(Counted):
    """How a comparison is judged."""

    alpha: float = Field(default=0.05, gt=0, lt=1)
    """False discovery rate of the verdicts: a concept or a family is flagged at q <= alpha."""
    min_effect: float = Field(default=0.1, ge=0)
    """Smallest difference worth a direction, in reference standard deviations; a tenth of it is that of a share."""
    classes: Annotated[str, Typed(metavar="label|ATTRIBUTE|prediction:MODEL|none")] = "auto"
    """Split each shift into class mix and the rest by these; auto takes what both sides have."""
    beyond: Literal["chance", "blocks"] = "chance"
    """What a verdict must lie beyond: chance among images, or what the reference's own blocks differ by."""
    blocks: int = Field(default=20, ge=5)
    """Contiguous blocks of the reference."""
    untrusted: bool = False
    """Give untrusted concepts a verdict too."""
    background: Annotated[str | None, Typed(metavar="DATASET")] = None
    """Varied images that shares are held against at large; by default the bank's own, or all that the store has scored."""
    vocabulary: Annotated[str | None, Typed(metavar="BANK")] = None
    """Larger bank whose words may stand out instead, for a bank of few concepts; by default the largest scored beside it."""


class ShiftSpec(Judging):
    """One comparison of an audit."""

    reference: str
    """Dataset, or a snapshot such as `photos@3` as a frozen reference."""
    current: str | None = None
    """Dataset; None compares the rows of `where` with the rest of the reference."""
    where: str | None = None
    """SQL condition on the columns of `images` that picks the current rows."""
    reference_where: str | None = None
    """SQL condition that picks the reference rows."""

    @model_validator(mode="after")
    def _two_sides(self) -> Self:
        parse_dataset_ref(self.reference)
        if self.current is not None:
            parse_dataset_ref(self.current)
        if self.current is None and self.where is None:
            raise SpecError(expected("shift", "two sides: current, or where", "only a reference"))
        return self

    @property
    def judging(self) -> Judging:
        """How it is judged, without the sides."""
        return Judging(**self.model_dump(include=set(Judging.model_fields)))
