"""How often would a dataset be called changed when it is compared with itself? Random halves of it, many times."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from t2c.core.shift.clusters import FEWEST
from t2c.core.shift.self_test import cluster_split_p, image_p, random_splits
from t2c.core.shift.shift import ALPHA
from t2c.core.statistics.proportions import wilson
from t2c.core.statistics.pvalues import benjamini_hochberg
from t2c.core.statistics.stats import Z_95
from t2c.flows.engine.answers import stored_once
from t2c.flows.engine.progress import NoProgress, Progress
from t2c.flows.engine.shown import Shown
from t2c.flows.rows.sides import Side, Slice, open_side
from t2c.flows.rows.units import Units, likely_groups, units_of
from t2c.schemas.errors import InputError, SpecError, expected
from t2c.schemas.names import parse_dataset_ref
from t2c.schemas.specs.shift import Counted
from t2c.schemas.tables.answers.rows import ANSWERS, SELFTEST
from t2c.store.disk.root import Store
from t2c.store.queries.where import tables_read

SPLITS = 400
"""Random halves; a rate of 5 % is then known to about 2 points."""
MOST_IMAGES = 20_000
"""Images split, at most: a random draw of whole units."""
MOST_CONCEPTS = 50
"""Concepts tested, at most, spread over the bank."""

Judge = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.float64]]
"""From similarities (images,) to the p-value of each split."""
Codes = npt.NDArray[np.int64]


COUNTED = Counted()
"""What counts as one observation unless told otherwise."""


@dataclass(frozen=True, slots=True, eq=False)
class SelftestReport(Shown):
    """The answer to `selftest`."""

    COLUMNS: ClassVar = ("split_by", "judged_by", "rate", "low", "high", "any_flag")
    dataset: str
    """Dataset, or the slice of it."""
    unit: str
    """What one observation is."""
    units: int
    """Observations split."""
    images: int
    """Images they hold."""
    splits: int
    """Random halves compared."""
    concepts: int
    """Concepts tested in each."""
    alpha: float
    """Level of a test, and false discovery rate of a flag."""
    table: pa.Table
    """SELFTEST: the test in use first, then what it is better than."""
    notes: tuple[str, ...]
    """What a reader must know."""
    path: str
    """Where the answer is stored; empty when it could not be."""

    @property
    def headline(self) -> str:
        """The false-alarm rates in a sentence."""
        row = self.table.slice(0, 1).to_pylist()[0]
        return (
            f"of {row['tests']:,} tests of honest halves {row['rate']:.1%} have p <= {self.alpha:g} "
            f"({row['low']:.1%} to {row['high']:.1%}), and {row['any_flag']:.1%} of the halves flag any concept "
            f"({row['any_low']:.1%} to {row['any_high']:.1%})"
        )


def selftest(
    store: Store,
    dataset: str,
    *,
    where: str | None = None,
    source: str | None = None,
    target: str | None = None,
    bank: str | None = None,
    linear_map: str | None = None,
    counted: Counted = COUNTED,
    alpha: float = ALPHA,
    splits: int = SPLITS,
    seed: int = 0,
    progress: Progress | None = None,
) -> SelftestReport:
    """Split a dataset (or the rows of a condition) in random halves, many times, and count how often `shift` would err.

    Halves are dealt by the unit that `shift` counts by: images, or what `cluster` names, without copies and near-copies
    as there. Under clusters the same halves are judged as if every image were one too; without, groups that times or
    names suggest are dealt whole and judged as `shift` does, image by image: a rate far above alpha says that they
    belong together. Raises as `shift` does, InputError for fewer than 20 observations.
    """
    if not 0 < alpha < 1:
        raise SpecError(expected("--alpha", "a rate between 0 and 1", str(alpha)))
    if splits < 20:
        raise SpecError(expected("--splits", "20 or more", str(splits)))
    chosen = Slice(parse_dataset_ref(dataset), where)
    scored = {"source": source, "target": target, "bank": bank, "linear_map": linear_map}
    side = open_side(store, chosen, **scored, duplicates=counted.duplicates, near_copies=counted.near_copies)
    units = units_of(side, side, cluster=counted.cluster)
    halves = _halves(side, units, seed=seed)
    scores = side.among.scores
    spec: dict[str, Any] = {"dataset": str(chosen), "map": scores.map, "bank": scores.bank, "unit": units.by}
    spec |= {**counted.model_dump(), "cluster": counted.cluster or ""}
    spec |= {"alpha": alpha, "splits": splits, "seed": seed}
    parents = [scores.manifest.as_parent(), side.among.images.manifest.as_parent()]
    parents += [*tables_read(side.among.images, where), *units.parents]
    compute = partial(_table, halves, splits=splits, alpha=alpha, seed=seed, progress=progress or NoProgress())
    answer = stored_once(store, SELFTEST, compute, spec=spec, parents=parents)
    return SelftestReport(
        dataset=side.name,
        unit=units.by,
        units=halves.count,
        images=len(halves.units),
        splits=splits,
        concepts=len(halves.keys),
        alpha=alpha,
        table=answer.table,
        notes=(*dict.fromkeys(units.notes), *side.told(), *halves.notes()),
        path=answer.path,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Halves:
    """What is split, and tested in each split."""

    side: Side
    """The dataset."""
    by: str
    """What a unit is."""
    kept: npt.NDArray[np.bool_]
    """(images,) which images of the side are split: all of a unit, or none."""
    units: Codes
    """(kept,) unit of each, numbered without gaps."""
    keys: tuple[int, ...]
    """Concepts tested."""

    @property
    def count(self) -> int:
        """Units that are split."""
        return int(self.units.max()) + 1

    def notes(self) -> list[str]:
        """Return what is not the whole: images, concepts."""
        notes = []
        if not self.kept.all():
            counts = f"{len(self.units):,} of {len(self.kept):,}"
            notes.append(f"{counts} images are split, a random draw of whole observations")
        if len(self.keys) < len(self.side.among.names):
            notes.append(
                f"{len(self.keys)} of {len(self.side.among.names):,} concepts are tested, spread over the bank"
            )
        notes.append("what neither names, times nor likeness reveal to belong together is not seen here either")
        return notes

    def ways(self, *, splits: int, seed: int) -> list[tuple[str, str, Judge]]:
        """Return (split by, judged by, p-values of the splits): the test in use first."""
        dealt = random_splits(self.count, splits=splits, seed=seed)
        if self.count < len(self.units):
            moved = partial(cluster_split_p, cluster=self.units, splits=dealt, seed=seed)
            return [(self.by, self.by, moved), (self.by, "image", partial(image_p, splits=dealt[:, self.units]))]
        ways: list[tuple[str, str, Judge]] = [("image", "image", partial(image_p, splits=dealt))]
        for option, groups in likely_groups(self.side):
            codes = np.unique(groups[self.kept], return_inverse=True)[1]
            whole = random_splits(int(codes.max()) + 1, splits=splits, seed=seed)[:, codes]
            ways.append((option, "image", partial(image_p, splits=whole)))
        return ways


def _halves(side: Side, units: Units, *, seed: int) -> _Halves:
    """Return the units to split: all, or a random draw of MOST_IMAGES images. Raises InputError for too few."""
    codes, count = units.clusters.reference, units.counts[0]
    if count < 2 * FEWEST:
        actual = f"{count} (one a {units.by})"
        raise InputError(expected(f"independent observations of {side.name}", f"{2 * FEWEST} or more", actual))
    order = np.random.default_rng((seed, 3)).permutation(count)
    kept = np.isin(codes, order[np.cumsum(np.bincount(codes)[order]) <= MOST_IMAGES])
    concepts = len(side.among.names)
    keys = np.unique(np.linspace(0, concepts - 1, min(MOST_CONCEPTS, concepts)).astype(int))
    return _Halves(side, units.by, kept, np.unique(codes[kept], return_inverse=True)[1], tuple(keys.tolist()))


def _table(halves: _Halves, *, splits: int, alpha: float, seed: int, progress: Progress) -> pa.Table:
    """Return SELFTEST."""
    side, ways = halves.side, halves.ways(splits=splits, seed=seed)
    rows = np.flatnonzero(side.rows())[halves.kept]
    p = np.empty((len(ways), len(halves.keys), splits))
    progress.start("selftest", len(halves.keys), "concepts")
    try:
        for place, key in enumerate(halves.keys):
            values = side.among.values(key)[rows]
            for way, (_, _, judge) in enumerate(ways):
                p[way, place] = judge(values)
            progress.advance(1)
    finally:
        progress.done()
    lines = [
        {"split_by": split_by, "judged_by": judged_by, **_rates(p[way], alpha)}
        for way, (split_by, judged_by, _) in enumerate(ways)
    ]
    return pa.Table.from_pylist(lines, schema=ANSWERS[SELFTEST].schema)


def _rates(p: npt.NDArray[np.float64], alpha: float) -> dict[str, Any]:
    """Return the rates of p-values (concepts, splits), with intervals over splits: concepts hang together."""
    shares = (p <= alpha).mean(axis=0)
    rate, half = float(shares.mean()), Z_95 * float(shares.std(ddof=1)) / float(np.sqrt(len(shares)))
    flags = sum(_any_flag(split, alpha) for split in p.T)
    low, high = wilson(flags, len(shares))
    intervals = {"low": max(0.0, rate - half), "high": min(1.0, rate + half), "any_low": low, "any_high": high}
    return {"tests": p.size, "rate": rate, "any_flag": flags / len(shares), **intervals}


def _any_flag(p: Sequence[float] | npt.NDArray[np.float64], alpha: float) -> bool:
    return bool((benjamini_hochberg(np.log10(p)) <= np.log10(alpha)).any())
