"""What every kind of answer declares: what its table holds, and what its question says in words."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa


@dataclass(frozen=True, slots=True)
class AnswerKind:
    """One kind of answer table; it becomes a SQL view of the same name."""

    about: str
    """What the view holds, in one sentence."""
    says: tuple[str, ...]
    """Keys of the answer's spec that are text and become columns of the view, such as `dataset`."""
    schema: pa.Schema
    """Columns of the stored table."""
    writing: Mapping[str, Any] = field(default_factory=dict)
    """Parquet options, where the defaults would take much more room."""
