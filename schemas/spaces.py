"""The space id: what decides whether features, maps and concept vectors may meet."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from t2c.schemas.digest import SHORT, digest
from t2c.schemas.errors import MismatchError, expected

ALGORITHM_VERSION = 1
"""Raised when the same weights and settings would give other features than before."""


@dataclass(frozen=True, slots=True)
class Space:
    """A feature space: same space, comparable numbers."""

    kind: str
    """`encoder` for a model this project ran, `imported` for vectors the user brought."""
    name: str
    """What a person calls it: `timm:resnet50.a1_in1k`, `open_clip:ViT-B-16/openai`, or the import's name. Not part of the id for encoders."""
    dimension: int
    """Length of a vector."""
    weights: str
    """sha256 of the weights (encoder), or the declared space name or digest of the bytes (imported)."""
    preprocessing: str = ""
    """Canonical text of resize, crop, interpolation, mean and std."""
    pooling: str = ""
    """How the pooled feature is formed, such as `avg` or `token`."""
    precision: str = "float32"
    """Compute precision of the forward pass."""
    version: int = ALGORITHM_VERSION
    """Algorithm version of the extraction."""

    @property
    def id(self) -> str:
        """The sha256 over every field but an encoder's display name."""
        fields = asdict(self)
        if self.kind == "encoder":
            fields.pop("name")
        return digest(fields)

    @property
    def short(self) -> str:
        """First 12 hex digits of the id, for file names and messages."""
        return self.id[:SHORT]

    def describe(self) -> str:
        """Return name, dimension and short id, as messages name a side."""
        return f"{self.name} ({self.dimension} dimensions, space {self.short})"


def space_from(fields: Mapping[str, Any]) -> Space:
    """Return the space that `dataclasses.asdict` wrote, as manifests and certificates hold it; unknown keys are ignored."""
    return Space(**{name: fields[name] for name in Space.__dataclass_fields__ if name in fields})


def check_same_space(subject: str, want: Space, got: Space, *, todo: str) -> None:
    """Raise MismatchError naming both sides unless the two spaces are one."""
    if want.id != got.id:
        raise MismatchError(expected(subject, want.describe(), got.describe(), todo))
