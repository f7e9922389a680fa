"""The reference's own blocks: its rows in the order in which they were taken, or in which their source lists them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flows.rows.sides import Side
from t2c_core.shift.block_null import Blocks, plan_blocks


@dataclass(frozen=True, slots=True, eq=False)
class SelfNull:
    """Blocks of a reference, and the current set's pieces beside them."""

    blocks: Blocks | None
    """The blocks, over the places of the sides' rows; None when the reference has too few."""
    by: str
    """`captured_at`, or `source order` when some image has no time."""

    def notes(self, concepts: int, *, alpha: float, decides: bool) -> tuple[str, ...]:
        """Return what a reader must know about the blocks: how many, and the smallest q they can give."""
        if self.blocks is None:
            return ("the reference has too few images to be compared with itself in blocks",)
        found = self.blocks
        alone, all_ = (found.smallest_q(concepts, alone=one) for one in (True, False))
        head = f"{found.count} blocks of the reference and {words(found.pieces)} of the current side, {found.rows:,} images each"
        reach = ""
        if alone > alpha:
            reach = f"; smallest reachable q {all_:.2g} when all concepts lie beyond, {alone:.2g} for one alone"
            reach += "; more --blocks reach smaller ones" if decides else ""
        return (f"{head}, by {self.by}{reach}",)


def words(pieces: int) -> str:
    """Return how many pieces, for people."""
    return "1 piece" if pieces == 1 else f"{pieces} pieces"


def self_null(one: Side, other: Side, *, blocks: int) -> SelfNull:
    """Return the blocks of the reference's compared rows and the pieces of the current side's."""
    sides = [(side, np.flatnonzero(side.rows())) for side in (one, other)]
    times = [_times(side, rows) for side, rows in sides]
    timed = all(each is not None for each in times)
    orders = [
        np.argsort(each, kind="stable") if timed and each is not None else np.arange(len(rows))
        for each, (_, rows) in zip(times, sides, strict=True)
    ]
    return SelfNull(plan_blocks(*orders, blocks=blocks), "captured_at" if timed else "source order")


def _times(side: Side, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64] | None:
    """Return when some rows were captured, in microseconds; None when one has no time."""
    times = side.among.images.table(["captured_at"], current=False)["captured_at"].combine_chunks().take(rows)
    return None if times.null_count else np.asarray(times.cast("int64"))
