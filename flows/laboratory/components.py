"""Do principal components of two encoders match one to one? (Paper, appendix B, fig 13, 14.) Rows are read once."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from t2c.core.laboratory.components import component_map, diagonal_share, principal_axes, random_share
from t2c.core.laboratory.joint_fit import ordered_pairs
from t2c.flows.engine.answers import stored_once
from t2c.flows.engine.progress import NoProgress, Progress
from t2c.flows.engine.runner import Runner, SerialRunner
from t2c.flows.engine.shown import Shown
from t2c.flows.laboratory.joint_plan import Sides, joint_moments, open_sides
from t2c.flows.rows.blocks import LEFT_OUT
from t2c.schemas.errors import SpecError, expected
from t2c.schemas.names import DatasetRef
from t2c.schemas.tables.answers.laboratory import COMPONENTS
from t2c.store.artifacts.images import open_images
from t2c.store.disk.root import Store

K, P = 40, 5
"""Components and half-width of the diagonal band, as in the paper."""


@dataclass(frozen=True, slots=True, eq=False)
class PairComponents:
    """How the components of one encoder predict another's."""

    source: str
    """Encoder whose components predict."""
    target: str
    """Encoder whose components are predicted."""
    rows: npt.NDArray[np.float64]
    """(target components, source components), row-normalised W'."""


@dataclass(frozen=True, slots=True, eq=False)
class ComponentsReport(Shown):
    """The answer to `components`."""

    dataset: str
    """Dataset and snapshot."""
    encoders: tuple[str, ...]
    """Encoders, in order."""
    table: pa.Table
    """COMPONENTS, pair by pair."""
    p: int
    """Half-width of the diagonal band."""
    diagonals: pa.Table
    """source, target, diag (mean of diag_i), random (of a random matrix), for every ordered pair."""
    notes: tuple[str, ...]
    """What a reader must know."""
    digest: str
    """Digest of the answer; empty when it could not be stored."""
    path: str
    """Where it is stored; empty when it could not be."""
    new: bool
    """False when the same question had been answered before."""

    @property
    def headline(self) -> str:
        """One sentence for people."""
        mean, random = (float(np.mean(self.diagonals[name])) for name in ("diag", "random"))
        return (
            f"principal components of {len(self.encoders)} encoders on {self.dataset}: "
            f"{mean:.2f} near the diagonal, {random:.2f} for a random matrix"
        )


def components(
    store: Store,
    dataset: DatasetRef | str,
    encoders: Sequence[str],
    *,
    k: int = K,
    p: int = P,
    max_rows: int | None = None,
    runner: Runner | None = None,
    progress: Progress | None = None,
) -> ComponentsReport:
    """Regress the first k components of every encoder on those of every other, and store the row-normalised maps.

    `p` only decides what is counted as near the diagonal. Raises UnknownName, SpecError, InputError for rows in common
    that do not vary, MismatchError.
    """
    if k < 1 or p < 0:
        raise SpecError(expected("--components and --band", "1 or more and 0 or more", f"{k} and {p}"))
    images = open_images(store, dataset)
    sides = open_sides(images, encoders, seed=0, holdout=0.0, max_rows=max_rows)
    spec: dict[str, Any] = {"dataset": images.dataset, "encoders": list(sides.names), "k": k, **sides.limits()}
    parents = [images.manifest.as_parent(), *(feature.manifest.as_parent() for feature in sides.features)]
    work = partial(_measure, sides, k, runner=runner or SerialRunner(), progress=progress or NoProgress())
    stored_answer = stored_once(store, "components", work, spec=spec, parents=parents)
    return ComponentsReport(
        dataset=f"{images.dataset}@{images.snapshot}",
        encoders=sides.names,
        table=stored_answer.table,
        p=p,
        diagonals=diagonals(stored_answer.table, p=p),
        notes=_notes(stored_answer.table, sides, k=k, stored=bool(stored_answer.path)),
        digest=stored_answer.digest,
        path=stored_answer.path,
        new=stored_answer.new,
    )


def component_pairs(table: pa.Table) -> list[PairComponents]:
    """Return the matrix of every ordered pair of a COMPONENTS table, in its order."""
    rows_of_pair: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in table.select(["source", "target", "i", "j", "weight"]).to_pylist():
        rows_of_pair.setdefault((row["source"], row["target"]), []).append(row)
    pairs = []
    for (source, target), rows in rows_of_pair.items():
        matrix = np.zeros((max(row["i"] for row in rows), max(row["j"] for row in rows)))
        for row in rows:
            matrix[row["i"] - 1, row["j"] - 1] = row["weight"]
        pairs.append(PairComponents(source, target, matrix))
    return pairs


def diagonals(table: pa.Table, *, p: int) -> pa.Table:
    """Return source, target, diag, random: the mean of diag_i of every ordered pair, beside that of random matrices."""
    rows = [
        {
            "source": pair.source,
            "target": pair.target,
            "diag": float(diagonal_share(pair.rows, p=p).mean()),
            "random": float(random_share(pair.rows.shape[1], p=p, rows=len(pair.rows)).mean()),
        }
        for pair in component_pairs(table)
    ]
    schema = {"source": pa.string(), "target": pa.string(), "diag": pa.float64(), "random": pa.float64()}
    return pa.Table.from_pylist(rows, schema=pa.schema(schema))


def _measure(sides: Sides, k: int, *, runner: Runner, progress: Progress) -> pa.Table:
    groups = np.where(sides.blocks >= 0, np.int8(0), np.int8(LEFT_OUT)).astype(np.int8)
    (moments,) = joint_moments(sides, groups, count=1, runner=runner, progress=progress)
    axes = principal_axes(moments, k=k)
    parts = [COMPONENTS.empty_table()]
    for source, target in ordered_pairs(len(axes)):
        rows = component_map(moments, axes, source, target)
        i, j = (index.ravel() for index in np.indices(rows.shape))
        columns = [
            pa.array([sides.names[source]] * len(i)),
            pa.array([sides.names[target]] * len(i)),
            pa.array(i + 1),
            pa.array(j + 1),
            pa.array(rows.ravel()),
            pa.array(axes[target].share[i]),
            pa.array(axes[source].share[j]),
        ]
        parts.append(pa.table(columns, schema=COMPONENTS))
    return pa.concat_tables(parts)


def _counts(table: pa.Table) -> dict[str, int]:
    """Return the number of components of each encoder, which is a target in some pair."""
    counted = table.group_by("target", use_threads=False).aggregate([("i", "max")])
    return dict(zip(counted["target"].to_pylist(), counted["i_max"].to_pylist(), strict=True))


def _notes(table: pa.Table, sides: Sides, *, k: int, stored: bool) -> tuple[str, ...]:
    notes = ["signs are turned so that entries on the diagonal are not negative; diag_i does not depend on them"]
    notes += sides.notes()
    counts = _counts(table)
    if min(counts.values()) < k:
        listed = ", ".join(f"{name} has {counts[name]}" for name in sides.names if counts[name] < k)
        notes.append(f"not every space has {k} components that vary: {listed}")
    rows = int((sides.blocks >= 0).sum())
    if rows < 10 * k:
        notes.append(f"{rows:,} images are few for {k} components: later ones are noise")
    if not stored:
        notes.append("the answer was not stored: the store cannot be written")
    return tuple(notes)
