"""Compare two datasets or slices concept by concept, on similarities that no map was fitted on (paper, section 5)."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa

from flows.progress import NoProgress, Progress
from flows.steps.answers import Answer, answer
from flows.steps.shift_sides import FEW, Side, Slice, open_sides, two_slices
from schemas.errors import SpecError, expected
from schemas.tables import SHIFT
from store.queries.where import tables_read
from store.root import Store
from store.similarities import Scores
from t2c_core.shift import ALPHA, Comparison, compare, judge

__all__ = ["ShiftReport", "Slice", "shift"]


@dataclass(frozen=True, slots=True, eq=False)
class ShiftReport:
    """The answer to `shift`."""

    reference: str
    """The reference side, for people."""
    current: str
    """The current side, for people."""
    map: str
    """Map both sides were scored with."""
    bank: str
    """Concept bank."""
    alpha: float
    """False discovery rate of the verdicts."""
    table: pa.Table
    """SHIFT, smallest q first."""
    n_reference: int
    """Images on the reference side."""
    n_current: int
    """Images on the current side."""
    flagged: int
    """Concepts that have risen or fallen."""
    notes: tuple[str, ...]
    """What a reader must know, such as how few images a side has."""
    digest: str
    """Digest of the answer; empty when it could not be stored."""
    path: str
    """Where the answer is stored; empty when it could not be."""
    new: bool
    """False when the same question had been answered before."""

    @property
    def drift(self) -> bool:
        """Whether any concept was flagged."""
        return self.flagged > 0


def shift(
    store: Store,
    reference: Slice | str,
    current: Slice | str | None = None,
    *,
    where: str | None = None,
    reference_where: str | None = None,
    source: str | None = None,
    target: str | None = None,
    bank: str | None = None,
    linear_map: str | None = None,
    alpha: float = ALPHA,
    duplicates: bool = True,
    progress: Progress | None = None,
) -> ShiftReport:
    """Compare the current side with the reference side, for every concept of a bank, and store the answer.

    `shift(store, "photos", "new_photos")` compares datasets; `shift(store, "photos", where=...)` the rows that a
    condition picks with the rest (or with `reference_where`); `photos@3` is a frozen reference, and against
    `photos` itself the rows added since are compared. With `duplicates=False` a content counts once.

    Raises MismatchError for in-sample rows or two maps, InputError for a side without images, SpecError, UnknownName.
    """
    if not 0 < alpha < 1:
        raise SpecError(expected("--alpha", "a rate between 0 and 1", str(alpha)))
    slices = two_slices(reference, current, where=where, reference_where=reference_where)
    scored: dict[str, Any] = {"source": source, "target": target, "bank": bank, "linear_map": linear_map}
    one, other = open_sides(store, *slices, **scored, duplicates=duplicates)
    scores = (one.among.scores, other.among.scores)
    spec = _spec(slices, scores[0], alpha=alpha, duplicates=duplicates)
    parents = [part.manifest.as_parent() for side in (one, other) for part in (side.among.scores, side.among.images)]
    for side, chosen in zip((one, other), slices, strict=True):
        parents += tables_read(side.among.images, chosen.where)
    shown = progress or NoProgress()
    found = answer(
        store, "shift", lambda: _compare(one, other, alpha=alpha, progress=shown), spec=spec, parents=parents
    )
    return _report(one, other, found, alpha=alpha)


def _spec(slices: tuple[Slice, Slice], scores: Scores, *, alpha: float, duplicates: bool) -> dict[str, Any]:
    options = {"map": scores.map, "bank": scores.bank, "alpha": alpha, "duplicates": duplicates}
    reference, current = (str(one) for one in slices)
    return {"algorithm": "two-sample Kolmogorov-Smirnov", **options, "reference": reference, "current": current}


def _compare(one: Side, other: Side, *, alpha: float, progress: Progress) -> pa.Table:
    """Return SHIFT over the concepts that both sides have, smallest q first."""
    names = one.among.names[: len(other.among.names)]
    found: list[Comparison] = []
    progress.start("compare", len(names), "concepts")
    try:
        for key in range(len(names)):
            found.append(compare(one.values(key), other.values(key), ordered=True))
            progress.advance(1)
    finally:
        progress.done()
    return shift_table(names, found, alpha=alpha)


def shift_table(names: Sequence[str], comparisons: Sequence[Comparison], *, alpha: float) -> pa.Table:
    """Return SHIFT of comparisons in order of key, sorted by q, then p, then key."""
    rows = []
    for key, (name, one, (log10_q, verdict)) in enumerate(
        zip(names, comparisons, judge(comparisons, alpha=alpha), strict=True)
    ):
        q = 10**log10_q if log10_q > -308 else 0.0
        rows.append({"key": key, "concept": name, **asdict(one), "log10_q": log10_q, "q": q, "verdict": verdict})
    rows.sort(key=lambda row: (row["log10_q"], row["log10_p"], row["key"]))
    return pa.Table.from_pylist(rows, schema=SHIFT)


def _report(one: Side, other: Side, found: Answer, *, alpha: float) -> ShiftReport:
    table = found.table
    counts = [table[name][0].as_py() if table.num_rows else 0 for name in ("n_reference", "n_current")]
    return ShiftReport(
        reference=one.name,
        current=other.name,
        map=one.among.scores.map,
        bank=one.among.scores.bank,
        alpha=alpha,
        table=table,
        n_reference=counts[0],
        n_current=counts[1],
        flagged=sum(verdict != "none" for verdict in table["verdict"].to_pylist()),
        notes=_notes(one, other, counts, stored=bool(found.path)),
        digest=found.digest,
        path=found.path,
        new=found.new,
    )


def _notes(one: Side, other: Side, counts: Sequence[int], *, stored: bool) -> tuple[str, ...]:
    """Return what a reader of the table must know."""
    notes = []
    for side, count in zip((one, other), counts, strict=True):
        if count < FEW:
            notes.append(
                f"{side.name} has only {count} image{'' if count == 1 else 's'}: only large shifts can be seen"
            )
        if waiting := side.not_scored():
            notes.append(f"{waiting:,} images of {side.name} are not scored yet: t2c score adds them")
    ours, theirs = len(one.among.names), len(other.among.names)
    if ours != theirs:
        behind = one if ours < theirs else other
        notes.append(f"{abs(ours - theirs)} concepts are not scored on {behind.name} yet: t2c score adds them")
    if not stored:
        notes.append("the answer was not stored: the store cannot be written")
    return tuple(notes)
