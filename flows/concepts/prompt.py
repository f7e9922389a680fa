"""Concept logic beside one combined prompt: the same images asked for both ways, and which way finds more (paper, 5.3)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from t2c.core.statistics.proportions import wilson
from t2c.flows.engine.shown import Shown
from t2c.schemas.errors import InputError, expected
from t2c.schemas.logic import parse, render
from t2c.schemas.names import DatasetRef
from t2c.store.artifacts.images import open_images
from t2c.store.disk.root import Store
from t2c.store.queries import find as found_in
from t2c.store.queries import resolve_scores, searched
from t2c.store.queries.where import where_mask


@dataclass(frozen=True, slots=True)
class Found:
    """What one way of asking returned."""

    way: str
    """logic or prompt."""
    asked: str
    """The expression, or the prompt."""
    found: int
    """Images returned; the same for both."""
    right: int | None
    """Of these, what was asked for; None without a truth."""
    precision: float | None
    """right / found; None without a truth."""
    low: float | None
    """Lower end of its Wilson 95 % interval."""
    high: float | None
    """Upper end."""
    recall: float | None
    """right / relevant; None without a truth."""


@dataclass(frozen=True, slots=True, eq=False)
class PromptReport(Shown):
    """The answer to `prompt`."""

    dataset: str
    """Dataset and snapshot that was searched."""
    map: str
    """Map it was scored with."""
    bank: str
    """Concept bank."""
    searched: int
    """Images searched."""
    relevant: int | None
    """Images that are what was asked for, by the truth; None without one."""
    logic: Found
    """By the expression."""
    prompt: Found
    """By the images most similar to the prompt."""
    both: int
    """Images that both returned."""
    rows: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
    """Rows that logic and prompt returned, best first."""

    @property
    def base_rate(self) -> float | None:
        """Precision of a random choice; None without a truth."""
        return None if self.relevant is None else self.relevant / self.searched


def prompt(
    store: Store,
    dataset: DatasetRef | str,
    expression: str,
    concept: str,
    *,
    truth: str | None = None,
    source: str | None = None,
    target: str | None = None,
    bank: str | None = None,
    linear_map: str | None = None,
    where: str | None = None,
) -> PromptReport:
    """Compare an expression with the concept that says the same in one prompt, both returning equally many images.

    The expression decides how many; `concept` is in the same bank, such as `a dog on the beach at sunset`. `truth` is a
    SQL condition that holds for the images that were asked for. Raises what `find` raises; InputError for an expression
    that finds nothing, or a truth that holds for no searched image.
    """
    parsed = parse(expression)
    scores = resolve_scores(store, dataset, source=source, target=target, bank=bank, linear_map=linear_map)
    images = open_images(store, dataset)
    key = scores.key_of(concept)
    result = found_in(scores, parsed, images=images, where=where, limit=images.rows)
    if not result.matches:
        raise InputError(expected(f"expression {render(parsed)!r}", "one that finds images", "none", "Ask for less."))
    by_logic = np.asarray(result.table["row"], dtype=np.int64)
    values = searched(scores, images=images, where=where).values(key)
    usable = ~np.isnan(values)
    order = np.argsort(np.where(usable, -values, np.inf), kind="stable")
    by_prompt = order[: len(by_logic)].astype(np.int64)
    relevant = _relevant(images_mask=where_mask(images, truth), usable=usable, truth=truth) if truth else None
    return PromptReport(
        dataset=f"{images.dataset}@{images.snapshot}",
        map=scores.map,
        bank=scores.bank,
        searched=result.searched,
        relevant=None if relevant is None else int(relevant.sum()),
        logic=_found("logic", result.expression, by_logic, relevant),
        prompt=_found("prompt", concept, by_prompt, relevant),
        both=len(np.intersect1d(by_logic, by_prompt)),
        rows=(by_logic, by_prompt),
    )


def _relevant(
    *, images_mask: npt.NDArray[np.bool_], usable: npt.NDArray[np.bool_], truth: str
) -> npt.NDArray[np.bool_]:
    """Return the searched rows for which the truth holds, (rows,) bool."""
    relevant: npt.NDArray[np.bool_] = images_mask[: len(usable)] & usable
    if not relevant.any():
        raise InputError(expected(f"--truth {truth!r}", "one that holds for a searched image", "none"))
    return relevant


def _found(way: str, asked: str, rows: npt.NDArray[np.int64], relevant: npt.NDArray[np.bool_] | None) -> Found:
    if relevant is None:
        return Found(way, asked, len(rows), None, None, None, None, None)
    right = int(relevant[rows].sum())
    low, high = wilson(right, len(rows))
    return Found(way, asked, len(rows), right, right / len(rows), low, high, right / int(relevant.sum()))
