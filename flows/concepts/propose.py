"""Propose questions: the words of a large vocabulary that tell two sides apart, with a test on images that had no say in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from t2c.core.shift.background import FEWEST, SMALL, Background, Spread, without_each
from t2c.core.shift.proposals import (
    Proposal,
    candidate_words,
    lens_counts,
    propose,
    standing_out,
    word_families,
)
from t2c.core.shift.ranking import Lens, LensCounts
from t2c.core.shift.shares import visible_share
from t2c.core.words.vocabulary import Vocabulary
from t2c.flows.concepts.propose_sides import ImageSet, background_sets, open_both
from t2c.flows.concepts.vocabularies import ENGLISH, OpenVocabulary, open_vocabulary
from t2c.flows.engine.answers import stored_once
from t2c.flows.engine.progress import NoProgress, Progress
from t2c.flows.engine.shown import Shown
from t2c.flows.maps.sides import classifier
from t2c.flows.prominence.prominent import FOLDS
from t2c.flows.rows.sides import two_slices
from t2c.schemas.errors import SpecError, expected
from t2c.schemas.tables.answers.proposals import PROPOSALS
from t2c.store.artifacts.concepts import GROUP, open_concepts
from t2c.store.artifacts.images import open_images
from t2c.store.disk.root import Store
from t2c.store.queries.where import tables_read

Keys = npt.NDArray[np.int32]

HALVES = 1
"""What is added to the seed of the halves, so that they are not the parts of the background."""


@dataclass(frozen=True, slots=True, eq=False)
class ProposeReport(Shown):
    """The answer to `concepts propose`."""

    reference: str
    """What was compared with."""
    current: str
    """What was compared."""
    vocabulary: str
    """Word list."""
    words: int
    """Words in it."""
    map: str
    """Linear map that images were aligned by."""
    background: str
    """Datasets of the background at large."""
    table: pa.Table
    """PROPOSALS."""
    searched: tuple[int, int]
    """Images of the reference and the current side that proposals were found on."""
    measured: tuple[int, int]
    """Images that they were measured on."""
    visible: float
    """Smallest rise of a share, from 1 %, that is confirmed in 80 % of draws of so many images."""
    notes: tuple[str, ...]
    """What a reader must know."""
    path: str
    """Where the answer is stored; empty when it could not be."""
    new: bool
    """False when the same had been asked before."""

    def of(self, verdict: str) -> list[dict[str, Any]]:
        """Return the lines of a verdict, in order."""
        return [row for row in self.table.to_pylist() if row["verdict"] == verdict]

    @property
    def headline(self) -> str:
        """One sentence for people."""
        sides = f"{self.current} against {self.reference}"
        confirmed = self.of("confirmed")
        if confirmed:
            parts = [
                f"{direction} {', '.join(row['word'] for row in confirmed if row['direction'] == direction)}"
                for direction in ("fallen", "risen")
                if any(row["direction"] == direction for row in confirmed)
            ]
            return f"{sides}: {len(confirmed)} of {self.table.num_rows} proposals confirmed: {'; '.join(parts)}"
        seen = f"a share of 1 % that rises by {100 * self.visible:.1f} points would be"
        if len(self.of("too few images")) == self.table.num_rows:
            return f"{sides}: not enough images to confirm anything; {seen}"
        return f"{sides}: none of {self.table.num_rows} proposals confirmed; {seen}"


def propose_concepts(
    store: Store,
    reference: str,
    current: str | None = None,
    *,
    where: str | None = None,
    reference_where: str | None = None,
    vocabulary: str = ENGLISH,
    background: Sequence[str] = (),
    source: str | None = None,
    target: str | None = None,
    linear_map: str | None = None,
    alpha: float = 0.05,
    min_share: float = 0.01,
    seed: int = 0,
    device: str = "auto",
    progress: Progress | None = None,
) -> ProposeReport:
    """Return which words of a vocabulary to ask about: those that stand out in other shares of two sides' images.

    Two datasets, or the rows of `where` against the rest: for the images that a model gets wrong, its imported
    predictions beside the label. Words are found on one half of the contents and tested on the other; those confirmed
    have a q of at most `alpha`, the direction they were found with, and shares that differ by `min_share` (or a factor of
    two with a fifth of it). `background` names the datasets that stand for images at large; by default all of the store
    that the map can align. Raises SpecError, UnknownName, MismatchError naming both sides, InputError.
    """
    if not (0 < alpha < 1 and 0 <= min_share < 1):
        raise SpecError(expected("alpha and min_share", "rates between 0 and 1", f"{alpha} and {min_share}"))
    bar = progress or NoProgress()
    slices = two_slices(reference, current, where=where, reference_where=reference_where)
    kind, _, bank = vocabulary.partition(":")
    pair = classifier(
        store,
        open_images(store, slices[0].dataset),
        source=source,
        target=target,
        linear_map=linear_map,
        bank=bank if kind == "bank" else None,
    ).linear_map
    sides = open_both(store, *slices, pair)
    at_large = background_sets(store, pair, background)
    words = open_vocabulary(store, vocabulary, target=pair.target, device=device, progress=bar)
    chosen_words = _without_groups(store, words)
    work = _Work(sides, at_large, chosen_words, alpha, min_share, seed + HALVES, bar)
    sets = (*sides, *at_large)
    parents = [part.manifest.as_parent() for one in sets for part in (one.images, one.features)]
    parents += [parent for parent in (pair.as_parent(),) if parent is not None]
    for side, chosen in zip(sides, slices, strict=True):
        parents += tables_read(side.images, chosen.where)
    named = ", ".join(one.images.dataset for one in at_large)
    answer = stored_once(
        store,
        "proposals",
        work.table,
        spec={
            "reference": sides[0].name,
            "current": sides[1].name,
            "map": pair.name,
            "vocabulary": words.name,
            "background": named,
            "alpha": alpha,
            "min_share": min_share,
            "seed": seed,
        },
        parents=list(dict.fromkeys([*parents, *words.parents])),
    )
    halves = [one.searched(work.seed) for one in sides]
    measured = [int(np.count_nonzero(~half)) for half in halves]
    return ProposeReport(
        reference=sides[0].name,
        current=sides[1].name,
        vocabulary=words.name,
        words=len(chosen_words.words),
        map=pair.name,
        background=named,
        table=answer.table,
        searched=(int(halves[0].sum()), int(halves[1].sum())),
        measured=(measured[0], measured[1]),
        visible=visible_share(max(1, measured[0]), max(1, measured[1]), alpha=alpha, tests=answer.table.num_rows),
        notes=(*words.notes, *_notes(sides, at_large)),
        path=answer.path,
        new=answer.new,
    )


def _without_groups(store: Store, words: OpenVocabulary) -> Vocabulary:
    """Return the words but for those of a bank that stand for several of its classes: what they say, a class says too."""
    if not words.bank:
        return words.vocabulary
    kinds = open_concepts(store, words.bank).table(["kind"])["kind"].to_pylist()
    kept = [key for key, kind in enumerate(kinds) if kind != GROUP]
    vocabulary = words.vocabulary
    return Vocabulary.of([vocabulary.words[key] for key in kept], vocabulary.vectors[kept])


def _notes(sides: tuple[ImageSet, ImageSet], at_large: Sequence[ImageSet]) -> list[str]:
    notes = []
    count = sum(len(one.rows) for one in at_large)
    if count < SMALL:
        notes.append(f"the background at large has only {count:,} images: shares are rough (--background DATASET)")
    if not _has_own_background(sides[0]):
        notes.append(
            f"{sides[0].name} has too few images to be a background of its own: it is held against images at large alone"
        )
    return notes


def _has_own_background(reference: ImageSet) -> bool:
    counts = np.bincount(reference.part, minlength=FOLDS)
    return len(reference.rows) >= FEWEST and bool((counts.sum() - counts >= FEWEST // 2).all())


@dataclass(frozen=True, slots=True, eq=False)
class _Work:
    """All that the table needs, before it is known whether the store has it."""

    sides: tuple[ImageSet, ImageSet]
    at_large: Sequence[ImageSet]
    vocabulary: Vocabulary
    alpha: float
    min_share: float
    seed: int
    progress: Progress

    def table(self) -> pa.Table:
        """Return PROPOSALS: one pass over the backgrounds, one over both sides."""
        large = sum(
            (part for one in self.at_large for part in self._watched(one, "sum")),
            start=Background.zero(self.vocabulary.target),
        )
        directions = np.concatenate([block.copy() for _, block in self.vocabulary.blocks()])
        lenses: dict[Lens, list[Spread]] = {}
        if _has_own_background(self.sides[0]):
            parts = self._watched(self.sides[0], "sum")
            lenses["within"] = [rest.spread(directions) for rest in without_each(parts)]
        lenses["at large"] = [large.spread(directions)] * FOLDS
        keys = [self._keys(side, directions, list(lenses.values())) for side in self.sides]
        search, measured = (self._counts(list(lenses), keys, searched=half) for half in (True, False))
        if min(search[0].n, search[0].m, measured[0].n, measured[0].m) == 0:
            return PROPOSALS.empty_table()
        words = candidate_words(search)
        families = word_families(directions, words, large)
        rows = propose(search, measured, words, families=families, alpha=self.alpha, min_share=self.min_share)
        counts = (measured[0].n, measured[0].m)
        return pa.Table.from_pylist([_line(row, self.vocabulary.words, counts) for row in rows], schema=PROPOSALS)

    def _watched(self, one: ImageSet, what: str) -> list[Background]:
        self.progress.start(f"{what} {one.images.dataset}", len(one.rows), "images")
        try:
            return one.moments(self.progress)
        finally:
            self.progress.done()

    def _keys(self, side: ImageSet, directions: npt.NDArray[np.float32], lenses: Sequence[Sequence[Spread]]) -> Keys:
        """Return the word that stands out in each image under each lens, (lenses, rows)."""
        keys, of_row = np.empty((len(lenses), len(side.rows)), np.int32), side.part
        self.progress.start(f"compare {side.name} with {len(directions):,} words", len(side.rows), "images")
        try:
            for span, units in side.blocks(self.progress):
                for part in range(FOLDS):
                    here = np.flatnonzero(of_row[span] == part)
                    spreads = [lens[part] for lens in lenses]
                    keys[:, span.start + here] = standing_out(units[here], directions, spreads)
        finally:
            self.progress.done()
        return keys

    def _counts(self, lenses: Sequence[Lens], keys: Sequence[Keys], *, searched: bool) -> list[LensCounts]:
        """Return the counts of one half, lens by lens."""
        halves = [side.searched(self.seed) == searched for side in self.sides]
        words = len(self.vocabulary.words)
        return [
            lens_counts(lens, [of_side[at, half] for of_side, half in zip(keys, halves, strict=True)], words=words)
            for at, lens in enumerate(lenses)
        ]


def _line(row: Proposal, words: Sequence[str], counts: tuple[int, int]) -> dict[str, Any]:
    return {
        "rank": row.rank,
        "word": words[row.head],
        "family": [words[key] for key in row.members],
        "direction": row.direction,
        "verdict": row.verdict,
        "lens": row.lens,
        "score": row.score,
        "seen_before": row.seen[0],
        "seen_after": row.seen[1],
        "before": row.measured.before,
        "after": row.measured.after,
        "low": row.measured.low,
        "high": row.measured.high,
        "log10_q": row.measured.log10_q,
        "n": counts[0],
        "m": counts[1],
    }
