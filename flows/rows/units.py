"""What counts as one observation: an image, or the images that a column, bursts of time or their names put together."""

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from t2c.core.shift.clusters import FEWEST, Clusters, intraclass
from t2c.flows.rows.labels import LABEL, label_parents, truth_of
from t2c.flows.rows.sides import Side
from t2c.schemas.errors import SpecError, expected
from t2c.store.disk.manifest import Parent

BURST_S = 60.0
"""Seconds between two images that end a burst, unless the option says others."""
CAPTURED_AT, PATH = "captured_at", "path"
"""Words of the option: bursts of time, and names; anything else is a column."""
NAMES = r"^(.*?)[ _-]*\d*(\.[^./]*)?$"
"""What names have in common by default: all but the number at their end."""
SHOWN = 8
"""Concepts on whose similarities a hint rests."""
HINT_EFFECT = 2.0
"""Images that do the work of one, from which groups that nobody named are worth a hint."""

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """The independent observations of both sides, for exactly the rows that are compared."""

    clusters: Clusters
    """Unit of each row, of a numbering of its own on each side."""
    by: str
    """What makes a unit, in words: `image`, `value of clip`."""
    parents: tuple[Parent, ...] = ()
    """Imported tables that were read."""
    notes: tuple[str, ...] = ()
    """What a reader must know about them."""

    @property
    def counts(self) -> tuple[int, int]:
        """Units of the reference and of the current side."""
        return self.clusters.counts

    @property
    def single(self) -> bool:
        """Whether every unit is one image, so that tests of independent images hold."""
        return self.clusters.single

    @property
    def enough(self) -> bool:
        """Whether each side has FEWEST units, below which nothing can be told."""
        return self.clusters.enough


def units_of(one: Side, other: Side, *, cluster: str | None = None) -> Units:
    """Return the units of two sides: images, or what `cluster` names.

    `cluster` is a label or attribute column, `captured_at[:SECONDS]` (bursts: images closer in time than that), or
    `path[:REGEX]` (image ids alike in the pattern's first group, or in its match; by default alike but for the number
    at their end). A row of which it says nothing is a unit of its own. Raises UnknownName, SpecError.
    """
    sides = (one, other)
    if cluster is None:
        codes = [np.arange(int(side.rows().sum())) for side in sides]
        notes: list[str] = [hint for side in sides for hint in _hints(side)]
        return Units(Clusters(*codes), "image", notes=(*notes, *_too_few(sides, codes, "image")))
    kind, _, detail = cluster.partition(":")
    grouped = [_groups(side, kind if kind in (CAPTURED_AT, PATH) else cluster, detail) for side in sides]
    codes = [_numbered(groups) for groups in grouped]
    by = {CAPTURED_AT: f"burst of {CAPTURED_AT}", PATH: "name"}.get(kind, f"value of {cluster}")
    notes = [
        f"{int(np.count_nonzero(groups < 0)):,} images of {side.name} have no {cluster}: each counts as its own"
        for side, groups in zip(sides, grouped, strict=True)
        if (groups < 0).any()
    ]
    parents = tuple(parent for side in sides for parent in label_parents(side.among.images, cluster))
    return Units(Clusters(*codes), by, parents, (*notes, *_too_few(sides, codes, by)))


def _too_few(sides: tuple[Side, Side], codes: list[Codes], by: str) -> list[str]:
    counts = [int(side.max(initial=-1)) + 1 for side in codes]
    return [
        f"{side.name} has {count} independent observation{'' if count == 1 else 's'} (one a {by}): "
        f"below {FEWEST} nothing can be told"
        for side, count in zip(sides, counts, strict=True)
        if count < FEWEST
    ]


def _groups(side: Side, kind: str, detail: str) -> Codes:
    """Return the group of each row of a side, (rows,); -1 where nothing says it."""
    if kind == CAPTURED_AT:
        return _bursts(side, _seconds(detail))
    rows = np.flatnonzero(side.rows())
    if kind == PATH:
        return _coded(_alike(_column(side, "image_id"), _pattern(detail)))
    if kind == "split":
        return _coded(_column(side, "split"))
    truth = truth_of(side.among.images, kind, mapping={})
    return _coded([truth[row] for row in rows.tolist()])


def _seconds(text: str) -> float:
    try:
        seconds = float(text) if text else BURST_S
    except ValueError:
        seconds = -1.0
    if not seconds > 0:
        raise SpecError(expected(f"--cluster {CAPTURED_AT}:{text}", "seconds above 0", repr(text)))
    return seconds


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text or NAMES)
    except re.error as error:
        raise SpecError(expected(f"--cluster {PATH}:{text}", "a regular expression", str(error))) from error


def _alike(names: list[str | None], pattern: re.Pattern[str]) -> list[str | None]:
    found = [pattern.search(name or "") for name in names]
    return [None if match is None else match.group(1 if pattern.groups else 0) for match in found]


def _bursts(side: Side, seconds: float) -> Codes:
    """Return the burst of each row: a new one begins after a pause of more than `seconds`."""
    times = side.among.images.table([CAPTURED_AT], current=False)[CAPTURED_AT].combine_chunks()
    taken = times.take(pa.array(np.flatnonzero(side.rows())))
    known = np.flatnonzero(np.asarray(taken.is_valid()))
    moments = np.asarray(taken.drop_null().cast("int64")) / 1e6
    order = np.argsort(moments, kind="stable")
    bursts = np.full(len(taken), -1, dtype=np.int64)
    bursts[known[order]] = np.cumsum(np.diff(moments[order], prepend=moments[order][:1]) > seconds)
    return bursts


def _column(side: Side, name: str) -> list[str | None]:
    values: list[str | None] = (
        side.among.images.table([name], current=False)[name].take(pa.array(np.flatnonzero(side.rows()))).to_pylist()
    )
    return values


def _coded(values: list[str | None]) -> Codes:
    """Return a code for each value, -1 for None."""
    coded = pa.array(values, pa.string()).dictionary_encode()
    return np.asarray(coded.indices.fill_null(-1), dtype=np.int64)


def _numbered(groups: Codes) -> Codes:
    """Return units without gaps: each group one, each row without a group one."""
    alone = np.flatnonzero(groups < 0)
    groups = groups.copy()
    groups[alone] = groups.max(initial=-1) + 1 + np.arange(len(alone))
    return np.asarray(np.unique(groups, return_inverse=True)[1], dtype=np.int64)


def likely_groups(side: Side) -> list[tuple[str, Codes]]:
    """Return what would group a side's rows, by option: bursts and names of two rows or more on average, no classes."""
    groups = [(option, _numbered(_groups(side, option, ""))) for option in (CAPTURED_AT, PATH)]
    counts = [int(codes.max(initial=-1)) + 1 for _, codes in groups]
    return [
        (option, codes)
        for (option, codes), count in zip(groups, counts, strict=True)
        if FEWEST <= count <= len(codes) // 2 and not _are_labels(side, codes, count)
    ]


def _hints(side: Side) -> list[str]:
    """Return what a side's times and names reveal: groups of images that resemble each other, though nobody named them."""
    hints, keys = [], np.unique(np.linspace(0, max(len(side.among.names) - 1, 0), SHOWN).astype(int))
    what = {CAPTURED_AT: "taken within a minute", PATH: "whose names differ in their last number alone"}
    for option, groups in likely_groups(side):
        count = int(groups.max()) + 1
        values = np.stack([side.among.values(key)[side.rows()] for key in keys.tolist()], axis=1)
        alike = float(np.mean([intraclass(column, groups) for column in values.T]))
        effect = 1 + (len(groups) / count - 1) * alike
        if effect >= HINT_EFFECT:
            hints.append(
                f"images of {side.name} {what[option]} resemble each other (correlation {alike:.2f} in {count:,} groups), so "
                f"{len(groups):,} images say as much as {len(groups) / effect:,.0f}: --cluster {option} counts by group"
            )
    return hints


def _are_labels(side: Side, groups: Codes, count: int) -> bool:
    """Say whether groups are the classes by another name: what classes share is no dependence."""
    labels = _numbered(_coded(_column(side, LABEL)))
    pairs = np.unique(np.stack([groups, labels]), axis=1).shape[1]
    return bool(pairs == count == int(labels.max(initial=-1)) + 1)
