"""Stored similarities of some rows to some concepts as one matrix, and concepts by the name a user types."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from t2c.flows.rows.truths import fold_name
from t2c.schemas.errors import MismatchError, SpecError, expected
from t2c.store.artifacts.concepts import unknown_concept
from t2c.store.disk.root import Store
from t2c.store.queries.searched import Searched


def matrix(among: Searched, keys: Sequence[int], rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Return the similarities (rows, concepts) of some rows; memory is that of the result and one column.

    Raises MismatchError when a concept is not scored on one of the rows.
    """
    similarities = np.empty((len(rows), len(keys)), dtype=np.float32)
    for place, key in enumerate(keys):
        similarities[:, place] = among.values(key)[rows]
    bad = np.isnan(similarities).any(axis=0)
    if bad.any():
        name = among.names[keys[int(np.flatnonzero(bad)[0])]]
        todo = f"Score it: t2c score {among.scores.dataset} --source {among.scores.source.name} --concepts {among.scores.bank}"
        raise MismatchError(expected(f"similarities to {name!r}", "one for each image", "some missing", todo))
    return similarities


def find_concept(names: Sequence[str], wanted: str, *, bank: str, store: Store | None = None) -> int:
    """Return the position of a concept by its name, or by one that reads the same but for case, spaces, _ and -.

    Raises UnknownName with the nearest names, SpecError when several read the same and none is written so.
    """
    if wanted in names:
        return list(names).index(wanted)
    alike = [place for place, name in enumerate(names) if fold_name(name) == fold_name(wanted)]
    if len(alike) > 1:
        actual = f"{wanted!r}, which reads like {' and '.join(repr(names[place]) for place in alike)}"
        raise SpecError(expected("concept", "one concept", actual, "Write it exactly as the bank does."))
    if not alike:
        raise unknown_concept(wanted, names, bank=bank, store=store)
    return alike[0]


def read_alike(names: Sequence[str]) -> list[tuple[str, ...]]:
    """Return groups of concepts whose names differ in case, spaces, _ and - alone."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault(fold_name(name), []).append(name)
    return [tuple(group) for group in groups.values() if len(group) > 1]
