"""What a manifest says of one committed file."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One file of a snapshot, as its manifest names it."""

    path: str
    """Path relative to the store's root."""
    size: int
    """Bytes."""
    sha256: str
    """Hex digest of the file's bytes (role `chunk`: of the committed rows' bytes)."""
    rows: int
    """Rows it holds; 0 where that means nothing."""
    role: str = "data"
    """What it is for inside its artifact: data, outcomes, stats, weights, chunk, ..."""
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)
    """What its artifact needs to know besides, as JSON values."""
