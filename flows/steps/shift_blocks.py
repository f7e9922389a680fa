"""The reference's own blocks: its rows in the order in which they were taken, or in which their source lists them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from flows.steps.shift_sides import Side
from t2c_core.block_null import Blocks, plan_blocks


@dataclass(frozen=True, slots=True, eq=False)
class SelfNull:
    """Blocks of a reference."""

    blocks: Blocks | None
    """The blocks, over the places of the side's rows; None when it has too few rows."""
    by: str
    """`captured_at`, or `source order` when some image has no time."""

    def notes(self, concepts: int, *, alpha: float, decides: bool) -> tuple[str, ...]:
        """Return what a reader must know about the blocks: how many, and the smallest q they can give."""
        if self.blocks is None:
            return ("the reference has too few images to be compared with itself in blocks",)
        alone, all_ = (self.blocks.smallest_q(concepts, alone=one) for one in (True, False))
        count, rows = self.blocks.count, self.blocks.rows
        head = f"the reference differs from itself as {count} blocks of {rows:,} images by {self.by} do"
        reach = f"smallest reachable q {all_:.2g} when all concepts lie beyond every block, {alone:.2g} for one alone"
        few = alone > alpha and decides
        needed = int(np.ceil(concepts / alpha)) - 1
        todo = f"; to flag one concept alone takes --blocks {needed:,} or more" if few else ""
        return (f"{head}: {reach}{todo}",)


def self_null(side: Side, *, current: int, blocks: int) -> SelfNull:
    """Return the blocks of the reference's compared rows for a current set of so many images."""
    rows = np.flatnonzero(side.rows())
    order, by = _order(side, rows)
    return SelfNull(plan_blocks(order, current=current, blocks=blocks), by)


def _order(side: Side, rows: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], str]:
    """Return the places of some rows by time, ties in order of row; in order of row when one has no time."""
    times = side.among.images.table(["captured_at"], current=False)["captured_at"].combine_chunks().take(rows)
    if times.null_count:
        return np.arange(len(rows)), "source order"
    return np.argsort(np.asarray(times.cast("int64")), kind="stable"), "captured_at"
