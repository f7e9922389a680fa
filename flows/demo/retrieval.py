"""How well a query finds what it asks for: precision and recall against the ground truth, beside the base rate."""

from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Retrieval:
    """Counts of one query; the shares follow from them."""

    found: int
    """Images that the query returned."""
    hits: int
    """Returned images that are what was asked for."""
    relevant: int
    """Images in the set that are what was asked for."""
    searched: int
    """Images in the set."""

    @property
    def precision(self) -> float:
        """hits / found; 0 when nothing was found."""
        return self.hits / self.found if self.found else 0.0

    @property
    def recall(self) -> float:
        """hits / relevant; 0 when there is nothing to find."""
        return self.hits / self.relevant if self.relevant else 0.0

    @property
    def base_rate(self) -> float:
        """Precision of a random choice: relevant / searched."""
        return self.relevant / self.searched if self.searched else 0.0


def retrieval(found: Collection[int], relevant: Collection[int], *, searched: int) -> Retrieval:
    """Compare the rows that a query found with the rows it should have found."""
    hits = len(set(found) & set(relevant))
    return Retrieval(len(set(found)), hits, len(set(relevant)), searched)
