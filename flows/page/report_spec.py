"""What a report is asked: two sides, or one, and the options that choose similarities."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from t2c.schemas.logic import Expression
from t2c.schemas.names import parse_dataset_ref
from t2c.store.disk.root import Store


@dataclass(frozen=True, slots=True)
class ReportSpec:
    """What is compared with what, with snapshots named, so that every part of a report reads the same rows."""

    store: Store
    """The store."""
    reference: str
    """Reference dataset with its snapshot."""
    current: str | None
    """Current dataset with its snapshot; None when the sides are slices, or there is one side only."""
    where: str | None
    """SQL condition of the current side."""
    reference_where: str | None
    """SQL condition of the reference side."""
    source: str | None
    """Source encoder, where several are scored."""
    target: str | None
    """Target encoder, where several fit."""
    bank: str | None
    """Concept bank, where several are scored."""
    linear_map: str | None
    """Digest of the map, where several join the same spaces."""
    alpha: float
    """Largest q of a concept that counts as shifted."""
    queries: tuple[Expression, ...]
    """Concept-logic expressions, parsed."""
    judged: Mapping[str, Any] = field(default_factory=dict)
    """Options of `shift` on how a shift is judged, where they are not the defaults, by name."""

    @property
    def compares(self) -> bool:
        """Whether there are two sides."""
        return self.current is not None or self.where is not None

    @property
    def scored(self) -> dict[str, Any]:
        """Return the options that choose similarities."""
        return {"source": self.source, "target": self.target, "bank": self.bank, "linear_map": self.linear_map}

    @property
    def datasets(self) -> tuple[str, ...]:
        """Return the datasets, each once, the reference first; of two snapshots of one dataset the current side's."""
        every = [self.reference, *([self.current] if self.current else [])]
        return tuple({parse_dataset_ref(dataset).name: dataset for dataset in every}.values())
