"""The concepts among which one stands out in each image: those of a bank, and of a larger one beside it where it is small."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from t2c.core.shift.background import centred
from t2c.schemas.errors import UnknownName, expected
from t2c.store.artifacts.concepts import GROUP, open_concepts
from t2c.store.artifacts.similarities import Scores, list_similarities, parent_of
from t2c.store.disk.manifest import Parent

FEWEST = 100
"""Concepts of a bank below which the one that stands out says little: a larger bank is asked beside it."""


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """The concepts, numbered through: those of the bank first, then those of the larger one."""

    banks: tuple[str, ...]
    """The bank that was asked, and the larger one where there is one."""
    counts: tuple[int, ...]
    """Concepts of each."""
    names: tuple[str, ...]
    """Names in order of number."""
    vectors: npt.NDArray[np.float32]
    """(concepts, target) unit vectors."""
    eligible: npt.NDArray[np.bool_]
    """(concepts,) which may stand out and count in the mean vector; groups of classes do neither, nor a word that both banks hold."""
    parents: tuple[Parent, ...]
    """The banks as they were scored."""

    @property
    def judged(self) -> npt.NDArray[np.bool_]:
        """(concepts,) those of the bank that was asked; the others are only there to stand out instead."""
        return (np.arange(len(self.names)) < self.counts[0]) & self.eligible

    def directions(self) -> npt.NDArray[np.float64]:
        """Return the centred vectors, (concepts, target)."""
        return centred(self.vectors, self.eligible)


def candidates_of(scores: Scores, others: Sequence[Scores], *, vocabulary: str | None) -> Candidates | str:
    """Return the concepts that are scored on a dataset and on every other one alike, or why none can stand out.

    A bank below FEWEST concepts needs a larger one of its space: `vocabulary`, or the largest that all are scored with.
    Raises UnknownName for a vocabulary that they are not scored with.
    """
    shared = _banks_of_all(scores, others)
    count = shared[scores.bank]
    if vocabulary is not None and vocabulary not in shared:
        want = f"a bank that {scores.dataset} is scored with under {scores.map}: {', '.join(sorted(shared))}"
        todo = f"Score it: t2c score {scores.dataset} --source {scores.source.name} --concepts {vocabulary}"
        raise UnknownName(expected("--vocabulary", want, repr(vocabulary), todo))
    larger = vocabulary
    if larger is None and count < FEWEST:
        by_size = sorted((-size, bank) for bank, size in shared.items() if bank != scores.bank and size >= FEWEST)
        if not by_size:
            return (
                f"bank {scores.bank} has {count} concepts, fewer than {FEWEST}, and no larger bank is scored beside it: "
                f"which of so few stands out says little (--vocabulary BANK)"
            )
        larger = by_size[0][1]
    banks = (scores.bank,) if larger in (None, scores.bank) else (scores.bank, str(larger))
    return _joined(scores, banks, tuple(shared[bank] for bank in banks))


def scores_of_banks(scores: Scores, candidates: Candidates) -> tuple[Scores, ...]:
    """Return a dataset's similarities to each bank of the candidates, under one map."""
    beside = {other.bank: other for other in _same_map(scores)}
    return tuple(scores if bank == scores.bank else beside[bank] for bank in candidates.banks)


def columns(
    by_bank: Sequence[Scores], candidates: Candidates, rows: npt.NDArray[np.int64]
) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    """Yield the number of each concept with the similarities of some rows to it, in order; NaN where there is none."""
    number = 0
    for scores, count in zip(by_bank, candidates.counts, strict=True):
        for key in range(count):
            values = scores.values(key)
            yield number, values[rows] if len(values) > rows.max(initial=-1) else _padded(values, rows)
            number += 1


def similarity_to_mean(
    by_bank: Sequence[Scores], candidates: Candidates, rows: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """Return each row's similarity to the mean vector, (rows,): the mean of its similarities to all that are eligible."""
    total = np.zeros(len(rows))
    for number, values in columns(by_bank, candidates, rows):
        if candidates.eligible[number]:
            total += values
    return (total / np.count_nonzero(candidates.eligible)).astype(np.float32)


def _padded(values: npt.NDArray[np.float32], rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Return the values of rows of which some were added after this bank was scored."""
    out = np.full(len(rows), np.nan, dtype=np.float32)
    scored = rows < len(values)
    out[scored] = values[rows[scored]]
    return out


def _banks_of_all(scores: Scores, others: Sequence[Scores]) -> dict[str, int]:
    """Return how many concepts of each bank are scored on all of the datasets, under the one map and in its space."""
    of_each = [{beside.bank: beside.concepts for beside in _same_map(every)} for every in (scores, *others)]
    shared = set.intersection(*(set(banks) for banks in of_each))
    return {bank: min(banks[bank] for banks in of_each) for bank in shared}


def _same_map(scores: Scores) -> list[Scores]:
    every = list_similarities(scores.store, dataset=scores.dataset)
    return [beside for beside in every if beside.map == scores.map and beside.target.id == scores.target.id]


def _joined(scores: Scores, banks: tuple[str, ...], counts: tuple[int, ...]) -> Candidates:
    beside = {other.bank: other for other in _same_map(scores)}
    names: list[str] = []
    vectors, eligible, parents = [], [], []
    for bank, count in zip(banks, counts, strict=True):
        concepts = open_concepts(scores.store, bank, snapshot=parent_of(beside[bank].manifest, "concepts").snapshot)
        table = concepts.table(["concept", "kind"]).slice(0, count)
        rows = table.to_pylist()
        # a word that both banks hold stands out as the asked bank's
        eligible += [row["kind"] != GROUP and row["concept"] not in names for row in rows]
        names += [row["concept"] for row in rows]
        vectors.append(concepts.vectors()[:count])
        parents.append(concepts.manifest.as_parent())
    return Candidates(
        banks, counts, tuple(names), np.concatenate(vectors), np.array(eligible, dtype=np.bool_), tuple(parents)
    )
