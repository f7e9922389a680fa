"""The zero-shot suite's block of an audit file."""

from pydantic import Field, field_validator

from t2c.schemas.specs.base import Spec, parse_encoder


class SuiteSpec(Spec):
    """Encoders tested at the zero-shot tasks whose files lie in a folder, against the audit's own CLIP."""

    data: str = Field(min_length=1)
    """Folder of the tasks' files (docs/suite.md)."""
    models: tuple[str, ...] = ()
    """Encoders under test; empty takes the audit's source. The source keeps the audit's own map."""
    tasks: tuple[str, ...] = ()
    """Task names; empty takes all whose files are there."""
    align_on: str | None = None
    """Dataset that the other models' maps are fitted on; None takes the one that the audit's map is fitted on."""
    pictures: str | None = None
    """Folder for pictures that are no image files; None takes one beside a local store."""

    @field_validator("models")
    @classmethod
    def _encoders(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for encoder in value:
            parse_encoder(encoder)
        return value
