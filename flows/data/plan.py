"""Which rows an index run appends: new, changed, deleted, promoted; decided from hashes, never from times or sizes.

A row is changed when its bytes, place, label, split or time differ from the current row of its id. A row whose file is
gone is superseded by a row with outcome `missing`. When the first of several copies goes, one of the copies is
superseded by itself without `duplicate_of`, so that leaving duplicates out never leaves a picture out.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import pyarrow as pa

from t2c.schemas.tables.tables import IMAGES
from t2c.store.artifacts.images import Images
from t2c.store.sources.inspect import Inspection
from t2c.store.sources.items import Item, is_beside

_FLUSH = 8192


class Current(NamedTuple):
    """What an input is compared with: one current row, effective outcome."""

    row: int
    image_id: str
    content_hash: str | None
    uri: str
    label: str | None
    split: str | None
    captured_at: datetime | None
    outcome: str
    error: str | None
    duplicate_of: int | None


@dataclass(slots=True)
class Plan:
    """The rows to append, and what was counted on the way; filled item by item, in the order of the new rows."""

    location: str
    """The source, for the error text of deleted rows."""
    exif_times: bool
    """Whether an item without a time of its own takes the one in its EXIF."""
    images: Images | None = None
    """The index so far; None for a new dataset."""
    current: dict[str, Current] = field(default_factory=dict)
    """Current rows by image id."""
    next_row: int = 0
    """Number of the next row."""
    outcomes: dict[str, int] = field(default_factory=dict)
    """Inputs by effective outcome."""
    new: int = 0
    """Inputs whose id was not there."""
    changed: int = 0
    """Inputs whose row is superseded."""
    unchanged: int = 0
    """Inputs whose row stays."""
    deleted: int = 0
    """Rows superseded because their file is gone."""
    promoted: int = 0
    """Copies that take the place of a first copy that is gone."""
    duplicates: int = 0
    """Readable inputs with the bytes of an earlier one."""
    beside: int = 0
    """Inputs that are no images and promise none by their name: captions, tables, notes."""
    problems: list[tuple[str, str, str]] = field(default_factory=list)
    """(image id, outcome, error) of the first inputs that should be images and are not ok."""
    _first: dict[str, int] = field(default_factory=dict)
    _staying: dict[str, Current] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)
    _pending: list[dict[str, Any]] = field(default_factory=list)
    _tables: list[pa.Table] = field(default_factory=list)

    @staticmethod
    def over(images: Images | None, *, location: str, exif_times: bool) -> "Plan":
        """Return an empty plan over the current rows of an index, None for a new dataset."""
        if images is None:
            return Plan(location, exif_times)
        table = images.table(list(Current._fields))
        columns = [table[name].to_pylist() for name in Current._fields]
        current = {row.image_id: row for row in map(Current._make, zip(*columns, strict=True))}
        return Plan(location, exif_times, images, current, images.rows)

    def add_all(self, looked_at: Iterable[tuple[Item, Inspection]]) -> Iterator[None]:
        """Take every item in order, pausing after each for whoever counts.

        What stays is taken first, so that a new copy of an old picture is the duplicate and not the other way round.
        """
        later: list[tuple[Item, Inspection]] = []
        for item, found in looked_at:
            old = self.current.get(item.image_id)
            if old is None:
                if self.current:
                    later.append((item, found))
                else:
                    self._append(item, found)
            else:
                self._seen.add(item.image_id)
                if self._differs(old, item, found):
                    later.append((item, found))
                else:
                    self._keep(old)
            yield
        for item, found in later:
            self._append(item, found)

    def finish(self) -> pa.Table:
        """Add the rows for deleted files and promoted copies; return everything to append (schema IMAGES)."""
        gone = [
            old.row
            for old in self.current.values()
            if old.image_id not in self._seen and (old.content_hash is not None or old.outcome != "missing")
        ]
        for old in self._whole_rows(gone):
            self.deleted += 1
            self._put(_deleted(old, self.location))
        orphans = [old.row for content_hash, old in self._staying.items() if content_hash not in self._first]
        for old in self._whole_rows(orphans):
            self.promoted += 1
            self._put({**old, "supersedes": old["row"], "duplicate_of": None})
        self._flush()
        return pa.concat_tables([IMAGES.empty_table(), *self._tables])

    def _whole_rows(self, rows: list[int]) -> list[dict[str, Any]]:
        """Return these rows with every column, sorted by image id."""
        if self.images is None or not rows:
            return []
        table = self.images.table(list(IMAGES.names), current=False).take(pa.array(rows, pa.int64()))
        return sorted(table.to_pylist(), key=lambda row: str(row["image_id"]))

    @property
    def overlap(self) -> bool:
        """Whether any input was there before, or nothing readable was."""
        had = any(old.outcome != "missing" for old in self.current.values())
        return bool(self.changed or self.unchanged) or not had

    def _differs(self, old: Current, item: Item, found: Inspection) -> bool:
        kept = (old.content_hash, old.uri, old.label, old.split, old.captured_at)
        if kept != (found.content_hash, item.uri, item.label, item.split, self._time(item, found)):
            return True
        if found.content_hash is None:
            return old.outcome != found.outcome
        return "too_large" in (old.outcome, found.outcome) and old.outcome != found.outcome

    def _time(self, item: Item, found: Inspection) -> datetime | None:
        return item.captured_at or (found.captured_at if self.exif_times else None)

    def _keep(self, old: Current) -> None:
        self.unchanged += 1
        self._count(old.image_id, old.outcome, old.error)
        if old.content_hash is None:
            return
        if old.duplicate_of is None:
            self._first.setdefault(old.content_hash, old.row)
            return
        self.duplicates += 1
        first = self._staying.setdefault(old.content_hash, old)
        if old.row < first.row:
            self._staying[old.content_hash] = old

    def _append(self, item: Item, found: Inspection) -> None:
        old = self.current.get(item.image_id)
        if old is None:
            self.new += 1
        else:
            self.changed += 1
        self._count(item.image_id, found.outcome, found.error)
        first = None
        if found.outcome == "ok" and found.content_hash is not None:
            first = self._first.setdefault(found.content_hash, self.next_row)
            first = None if first == self.next_row else first
            self.duplicates += first is not None
        self._put(
            {
                "image_id": item.image_id,
                "uri": item.uri,
                "content_hash": found.content_hash,
                "label": item.label,
                "split": item.split,
                "captured_at": self._time(item, found),
                "width": found.width,
                "height": found.height,
                "format": found.format,
                "bytes": found.bytes,
                "outcome": found.outcome,
                "error": found.error,
                "duplicate_of": first,
                "supersedes": old.row if old else None,
            }
        )

    def _put(self, row: dict[str, Any]) -> None:
        self._pending.append({**row, "row": self.next_row})
        self.next_row += 1
        if len(self._pending) >= _FLUSH:
            self._flush()

    def _flush(self) -> None:
        if self._pending:
            self._tables.append(pa.Table.from_pylist(self._pending, schema=IMAGES))
            self._pending = []

    def _count(self, image_id: str, outcome: str, error: str | None) -> None:
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + 1
        if outcome == "unsupported" and is_beside(image_id):
            self.beside += 1
            return
        if outcome != "ok" and len(self.problems) < 20:
            self.problems.append((image_id, outcome, error or ""))


def _deleted(old: dict[str, Any], location: str) -> dict[str, Any]:
    """Return the row that says a file is gone: what it was called stays, what it held does not."""
    error = f"expected a file, but got none: it is not in {location} any more"
    empty = dict.fromkeys(("content_hash", "width", "height", "format", "duplicate_of"))
    return {**old, **empty, "bytes": 0, "outcome": "missing", "error": error, "supersedes": old["row"]}
