"""Which rows a map is fitted on, which stay held out, and in what parts the moments are summed: decided by content."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from t2c.core.maps.row_keys import block_of
from t2c.flows.rows.blocks import APART, BLOCKS, LEFT_OUT, check_max_rows, held_out_blocks, rows_and_blocks
from t2c.flows.rows.features_of_rows import keys_of
from t2c.schemas.errors import InputError, SpecError, expected
from t2c.schemas.tables.tables import FITTED_ROWS, FOLD_FULL, FOLD_IN_SAMPLE
from t2c.store.artifacts.features import Features
from t2c.store.artifacts.images import Images, content_hashes
from t2c.store.artifacts.linear_maps import StoredMap
from t2c.store.artifacts.selection import searchable


@dataclass(frozen=True, slots=True)
class AlignOptions:
    """How a map is fitted; part of its digest."""

    ridge: float | None = None
    """Ridge strength; 0 is exact least squares, None chooses by cross-validation over the folds."""
    folds: int = 5
    """Folds for out-of-fold maps, 2 to 16; 0 fits no fold maps, for methods that read rows in every epoch."""
    holdout: float = 0.1
    """Share of the blocks that are never fitted, 0 to below 1."""
    seed: int = 0
    """Seed of the assignment of content to blocks and of blocks to folds."""
    max_rows: int | None = None
    """Rows used at most, fitted and held out together; None uses all."""
    held_out_where: str | None = None
    """SQL condition on the rows that are never fitted, such as "split = 'test'"; replaces the share."""

    @property
    def held(self) -> int:
        """Group of the held-out rows: the number after the last fold; fitted rows without folds are group 0."""
        return max(self.folds, 1)

    def spec(self) -> dict[str, Any]:
        """Return the options as JSON values, for the digest."""
        names = ("ridge", "folds", "holdout", "seed", "max_rows")
        where = {} if self.held_out_where is None else {"held_out_where": self.held_out_where}
        return {"algorithm": "closed-form", "blocks": BLOCKS, **{name: getattr(self, name) for name in names}, **where}


def check_options(options: AlignOptions, *, foldless: bool = False) -> None:
    """Raise SpecError for an option out of its range; `foldless` allows no folds at all."""
    ridge = options.ridge
    if ridge is not None and not (np.isfinite(ridge) and ridge >= 0):
        raise SpecError(expected("--ridge", "a finite number of 0 or more", str(ridge)))
    if not 2 <= options.folds <= 16 and not (foldless and options.folds == 0):
        want = "2 to 16, or 0 for no fold maps" if foldless else "2 to 16"
        raise SpecError(expected("--folds", want, str(options.folds)))
    if not 0 <= options.holdout < 1 or held_out_blocks(options.holdout) > BLOCKS - options.folds:
        most = (BLOCKS - options.folds) / BLOCKS
        raise SpecError(expected("--holdout", f"a share of 0 to {most:.2f}", str(options.holdout)))
    check_max_rows(options.max_rows)


def group_of_blocks(options: AlignOptions) -> npt.NDArray[np.int8]:
    """Return the group of each block and of APART, (APART + 1,) int8: a fold, or `options.held`; shuffled by the seed."""
    order = np.random.default_rng(options.seed).permutation(BLOCKS)
    held = held_out_blocks(options.holdout) if options.held_out_where is None else 0
    groups = np.full(APART + 1, options.held, dtype=np.int8)
    # held-out blocks are the first of the shuffle, so that another number of folds holds out the same rows
    groups[order[held:]] = np.arange(BLOCKS - held) % options.held
    return groups


def groups_of_rows(
    images: Images, source: Features, target: Features, *, options: AlignOptions
) -> npt.NDArray[np.int8]:
    """Return the group of every row that both features cover, (rows,) int8: a fold, held out, or LEFT_OUT.

    Raises InputError when no row has both features.
    """
    rows = min(images.rows, source.rows, target.rows)
    usable = searchable(images)[:rows] & source.present(0, rows) & target.present(0, rows)
    if not usable.any():
        want = f"rows with features of both {source.encoder} and {target.encoder}"
        todo = f"Extract both: t2c extract {images.dataset} --encoder {source.encoder} --encoder {target.encoder}"
        raise InputError(expected(f"{images.dataset}@{images.snapshot}", want, "none", todo))
    chosen, blocks = rows_and_blocks(
        images, usable, seed=options.seed, max_rows=options.max_rows, held_out_where=options.held_out_where
    )
    groups = np.full(rows, LEFT_OUT, dtype=np.int8)
    groups[chosen] = group_of_blocks(options)[blocks]
    return groups


def fitted_rows(images: Images, groups: npt.NDArray[np.int8], *, folds: int) -> pa.Table:
    """Return FITTED_ROWS of the rows in a fold, ascending; without folds they are in-sample."""
    rows = np.flatnonzero((groups >= 0) & (groups < max(folds, 1)))
    fold = groups[rows] if folds else np.full(len(rows), FOLD_IN_SAMPLE, np.int8)
    columns = [content_hashes(images).take(pa.array(rows)), pa.array(rows), pa.array(fold)]
    return pa.table(columns, names=FITTED_ROWS.names).cast(FITTED_ROWS)


def folds_by_block(linear_map: StoredMap, hashes: pa.ChunkedArray) -> npt.NDArray[np.int8] | None:
    """Return the fold each content belongs to by its block alone, (rows,) int8; None for a map without fold maps.

    FOLD_FULL for the blocks that the map held out. Unlike FITTED_ROWS this also says it of content that was not fitted:
    fresh, held out by a condition, past `max_rows`.
    """
    spec = {} if linear_map.manifest is None else linear_map.manifest.spec
    if linear_map.certificate is None or not linear_map.certificate.folds or "holdout" not in spec:
        return None
    options = AlignOptions(
        folds=spec["folds"], holdout=spec["holdout"], seed=spec["seed"], held_out_where=spec.get("held_out_where")
    )
    folds = np.full(len(hashes), FOLD_FULL, dtype=np.int8)
    rows = np.flatnonzero(np.asarray(hashes.is_valid()))
    groups = group_of_blocks(options)[block_of(keys_of(hashes, rows, seed=options.seed), blocks=BLOCKS)]
    folds[rows] = np.where(groups == options.held, FOLD_FULL, groups)
    return folds
