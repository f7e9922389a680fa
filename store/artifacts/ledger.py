"""The ledger of an array of features: one small file a chunk, written once the chunk's rows are durable.

A snapshot's manifest takes the entries up; those written since then are what a killed run has already done.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np

from t2c.schemas.digest import canonical_json
from t2c.store.disk.entries import FileEntry
from t2c.store.disk.manifest import find_manifest

if TYPE_CHECKING:
    from t2c.store.disk.root import Store


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """What a chunk file holds, durable before this is written."""

    index: int
    """Chunk number."""
    start: int
    """First row of the chunk."""
    stop: int
    """Row after the last that was written; rows beyond are padding."""
    sha256: str
    """sha256 of the rows' little-endian bytes."""
    missing: tuple[tuple[int, int], ...]
    """Row ranges [a, b) without a feature, NaN in the array."""

    def clip(self, stop: int) -> tuple[tuple[int, int], ...]:
        """Return the missing ranges before a row."""
        return tuple((a, min(b, stop)) for a, b in self.missing if a < stop)


def read_ledger(store: "Store", artifact: str, *, chunk_rows: int) -> dict[int, LedgerEntry]:
    """Return the furthest entry of each chunk, by chunk number: the newest snapshot's, and any written since.

    Entries since then are found by listing; one that a listing misses, or that is damaged, only means that its chunk
    is done again.
    """
    newest = find_manifest(store, artifact)
    ledger = {
        entry.index: entry for entry in (_taken_up(file, chunk_rows) for file in (newest.files if newest else ()))
    }
    for path in store.files.walk(f"{artifact}/_ledger"):
        index, _, stop = path.rpartition("/")[2].removesuffix(".json").partition("-")
        if not (index.isdigit() and stop.isdigit()):
            continue
        if int(index) not in ledger or int(stop) > ledger[int(index)].stop:
            entry = parse(store.files.find(path))
            if entry is not None and entry.start == entry.index * chunk_rows:
                ledger[entry.index] = entry
    return ledger


def ledger_path(artifact: str, entry: LedgerEntry) -> str:
    """Return the path of an entry's file."""
    return f"{artifact}/_ledger/{entry.index:08d}-{entry.stop:012d}.json"


def render(entry: LedgerEntry) -> bytes:
    """Return an entry as JSON."""
    return canonical_json(asdict(entry))


def parse(data: bytes | None) -> LedgerEntry | None:
    """Parse an entry; None for one that is damaged or not there."""
    try:
        value = json.loads(data or b"")
        missing = tuple((int(a), int(b)) for a, b in value["missing"])
        return LedgerEntry(value["index"], value["start"], value["stop"], value["sha256"], missing)
    except (ValueError, KeyError, TypeError):
        return None


def row_ranges(rows: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Return ascending rows as ranges [a, b)."""
    if not rows:
        return ()
    values = np.asarray(rows)
    cuts = np.flatnonzero(np.diff(values) != 1)
    starts = values[np.r_[0, cuts + 1]]
    stops = values[np.r_[cuts, len(values) - 1]] + 1
    return tuple((int(a), int(b)) for a, b in zip(starts, stops, strict=True))


def _taken_up(file: FileEntry, chunk_rows: int) -> LedgerEntry:
    start = int(file.extra["start"])
    missing = tuple((int(a), int(b)) for a, b in file.extra["missing"])
    return LedgerEntry(start // chunk_rows, start, start + file.rows, file.sha256, missing)
