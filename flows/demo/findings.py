"""What the demo checks against its ground truth: files, queries, and where a shift comes from."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from t2c.core.shift.shift import compare
from t2c.core.statistics.pvalues import benjamini_hochberg
from t2c.flows.demo.cells import Prediction, permutation_p_values, predict_shift
from t2c.flows.demo.pictures import Pictures
from t2c.flows.demo.plan import (
    BANK,
    KEEP_OTHERS,
    PLANTED,
    PLANTED_TEXTURE,
    QUERIES,
    REFERENCE,
    SECOND,
    SOURCE,
    TARGET,
    DemoPlan,
    Query,
)
from t2c.flows.demo.retrieval import Retrieval, retrieval
from t2c.flows.rows.sides import Side, Slice, open_sides
from t2c.flows.scores.ask import top
from t2c.flows.scores.comparable import comparable
from t2c.flows.world.world import VALUES, shares
from t2c.schemas.logic import parse
from t2c.schemas.names import DatasetRef
from t2c.store.artifacts.images import open_images
from t2c.store.disk.root import Store
from t2c.store.queries import find, resolve_scores

TOP = 20
"""Most similar images looked at for each concept."""
FRESH = 60
"""Images drawn from each batch, about one from each cell, when fitted rows are compared with fresh ones."""
CELL = ("colour", "context")
"""The attributes whose mix was planted: they make the cells."""


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """One dataset's similarities beside its ground truth; all rows are held out or out of fold."""

    rows: npt.NDArray[np.int64]
    """(images,) image rows."""
    scores: npt.NDArray[np.float32]
    """(images, concepts)."""
    truth: pa.Table
    """image_id and attributes, in order of rows."""

    @property
    def cells(self) -> npt.NDArray[np.int64]:
        """(images,) colour x context cell."""
        colour, context = (
            np.array([VALUES[name].index(value) for value in self.truth[name].to_pylist()]) for name in CELL
        )
        return np.asarray(colour * len(VALUES["context"]) + context)

    def having(self, wanted: tuple[tuple[str, str], ...]) -> npt.NDArray[np.bool_]:
        """(images,) whether an image has all of these attributes."""
        masks = [np.array(self.truth[name].to_pylist()) == value for name, value in wanted]
        return np.asarray(np.logical_and.reduce([np.ones(len(self.rows), bool), *masks]))


@dataclass(frozen=True, slots=True)
class BrokenFile:
    """One planted broken file and what became of it."""

    name: str
    """File name."""
    wanted: str
    """Outcome it must be given."""
    outcome: str
    """Outcome it was given."""
    error: str
    """Why, as the image index says."""


@dataclass(frozen=True, slots=True)
class QueryFinding:
    """One query, through the aligned encoder and through the CLIP's own features."""

    query: Query
    """What was asked."""
    aligned: Retrieval
    """The aligned encoder's answer."""
    clip: Retrieval
    """The CLIP's own answer."""


@dataclass(frozen=True, slots=True, eq=False)
class Attribution:
    """Whether a shift is left when colour x context cells are held fixed."""

    q: dict[str, float]
    """Concept -> Benjamini-Hochberg q of the permutation test within cells."""
    alpha: float
    """Level of the verdict."""
    images: int
    """Current images compared."""

    @property
    def flagged(self) -> tuple[str, ...]:
        """Concepts with q <= alpha, smallest first."""
        return tuple(sorted((name for name, q in self.q.items() if q <= self.alpha), key=self.q.__getitem__))


@dataclass(frozen=True, slots=True, eq=False)
class Findings:
    """Everything that the demo prints beside the steps' own reports."""

    broken: tuple[BrokenFile, ...]
    """The planted broken files."""
    top: dict[str, float]
    """Attribute -> share of the images most like each of its values that have it, averaged over the values."""
    queries: tuple[QueryFinding, ...]
    """The two queries, on the reference."""
    concepts: tuple[str, ...]
    """Concepts in order of key."""
    reference_std: npt.NDArray[np.float64]
    """(concepts,) standard deviation in the reference, the unit of an effect."""
    predicted: Prediction
    """Mean shift that the planted mix predicts, beside what is seen."""
    within: Attribution
    """Second batch against reference with cells held fixed: nothing should be left."""
    texture: Attribution
    """The same with a texture shift planted outside the mix: it should be seen."""
    aa_rate: float
    """Share of A/A tests with p <= alpha."""
    aa_tests: int
    """Number of A/A tests."""
    fresh_rate: float
    """The same of reference rows, which the map was fitted on, against fresh rows drawn to the same mix."""


def compared_sides(store: Store) -> tuple[Side, Side]:
    """Return the reference and the second batch as `t2c shift` compares them."""
    slices = Slice(DatasetRef(REFERENCE)), Slice(DatasetRef(SECOND))
    return comparable(*open_sides(store, *slices, source=SOURCE, bank=BANK))


def beside_truth(side: Side, pictures: Pictures) -> Measured:
    """Return a side's similarities beside the ground truth."""
    among = side.among
    values = np.stack([among.values(key) for key in range(len(among.names))], axis=1)
    rows = np.flatnonzero(side.rows())
    ids = among.images.table(["row", "image_id"])
    name_of = dict(zip(ids["row"].to_pylist(), ids["image_id"].to_pylist(), strict=True))
    table = pictures.table()
    place = {name: i for i, name in enumerate(table["image_id"].to_pylist())}
    return Measured(rows, values[rows], table.take([place[name_of[row]] for row in rows.tolist()]))


def account(store: Store, pictures: Pictures) -> tuple[BrokenFile, ...]:
    """Return what became of every planted broken file."""
    table = open_images(store, pictures.name).table(["image_id", "outcome", "error"]).to_pylist()
    became = {row["image_id"]: row for row in table}
    none = {"outcome": "not in the index", "error": None}
    return tuple(
        BrokenFile(name, outcome, became.get(name, none)["outcome"], became.get(name, none)["error"] or "")
        for name, outcome in pictures.broken.items()
    )


def precision_at_top(store: Store, pictures: Pictures, attribute: str) -> float:
    """Return the share of the TOP images most like each value of an attribute that have it, averaged over the values."""
    table = pictures.table()
    truth = dict(zip(table["image_id"].to_pylist(), table[attribute].to_pylist(), strict=True))
    right = [
        [
            truth[image] == value
            for image in top(store, pictures.name, value, k=TOP, source=SOURCE, bank=BANK)["image_id"].to_pylist()
        ]
        for value in VALUES[attribute]
    ]
    return float(np.mean(right))


def ask(store: Store, query: Query, reference: Measured) -> QueryFinding:
    """Ask one query of the reference through both encoders and count what is right."""
    right = reference.having(query.wanted)
    for pair in query.unwanted:
        right &= ~reference.having((pair,))
    relevant = reference.rows[right].tolist()
    aligned, clip = (
        retrieval(matches.rows.tolist(), relevant, searched=matches.searched)
        for matches in (
            find(resolve_scores(store, REFERENCE, source=name, bank=BANK), parse(query.expression))
            for name in (SOURCE, TARGET)
        )
    )
    return QueryFinding(query, aligned, clip)


def cell_shares(planted: bool) -> npt.NDArray[np.float64]:
    """Return the probability of each colour x context cell, in the reference or in the second batch."""
    mix = PLANTED if planted else None
    colour, context = (shares(name, mix) for name in CELL)
    return np.outer(colour, context).ravel()


def attribute(
    reference: Measured, current: Measured, names: tuple[str, ...], *, plan: DemoPlan, keep: npt.NDArray[np.bool_]
) -> Attribution:
    """Test the kept images of the current set against the reference, cells held fixed."""
    p = permutation_p_values(
        (reference.scores, reference.cells),
        (current.scores[keep], current.cells[keep]),
        draws=plan.permutations,
        seed=plan.seed,
    )
    q = 10 ** benjamini_hochberg(np.log10(p))
    return Attribution(dict(zip(names, q.tolist(), strict=True)), plan.alpha, int(keep.sum()))


def texture_shift(current: Measured, *, seed: int) -> npt.NDArray[np.bool_]:
    """Return which images of the second batch stay: all of one texture, the others by chance."""
    chance = np.random.default_rng([seed, 1]).random(len(current.rows)) < KEEP_OTHERS
    return current.having((("texture", PLANTED_TEXTURE),)) | chance


def aa_rate(reference: Measured, *, plan: DemoPlan) -> tuple[float, int]:
    """Compare random thirds of the reference with each other; return the share of tests with p <= alpha, and their number."""
    third, level, flags = len(reference.rows) // 3, np.log10(plan.alpha), []
    for split in range(plan.splits):
        order = np.random.default_rng([plan.seed, 2, split]).permutation(len(reference.rows))
        first, second = reference.scores[order[:third]], reference.scores[order[third : 2 * third]]
        flags += [compare(first[:, key], second[:, key]).log10_p <= level for key in range(first.shape[1])]
    return float(np.mean(flags)), len(flags)


def fresh_rate(reference: Measured, second: Measured, *, plan: DemoPlan) -> float:
    """Compare samples of both batches, drawn to one mix of cells; return the share of tests with p <= alpha.

    A cell counts as often as it is drawn, or as it has images on both sides: a rule that knows no side.
    """
    mix, level, flags = cell_shares(planted=False), np.log10(plan.alpha), []
    most = np.minimum(*(np.bincount(side.cells, minlength=len(mix)) for side in (reference, second)))
    for split in range(5 * plan.splits):
        rng = np.random.default_rng([plan.seed, 3, split])
        samples = []
        for side in (reference, second):
            counts = np.minimum(rng.multinomial(FRESH, mix), most)
            drawn = [rng.choice(np.flatnonzero(side.cells == cell), count, False) for cell, count in enumerate(counts)]
            samples.append(side.scores[np.concatenate(drawn)])
        flags += [compare(*(scores[:, key] for scores in samples)).log10_p <= level for key in range(len(samples[0].T))]
    return float(np.mean(flags))


def find_out(store: Store, pictures: tuple[Pictures, Pictures], plan: DemoPlan) -> Findings:
    """Measure everything that the ground truth can confirm or deny."""
    sides = compared_sides(store)
    reference, second = (beside_truth(side, batch) for side, batch in zip(sides, pictures, strict=True))
    names = tuple(sides[1].among.names)
    rate, tests = aa_rate(reference, plan=plan)
    everything = np.ones(len(second.rows), bool)
    return Findings(
        broken=account(store, pictures[1]),
        top={name: precision_at_top(store, pictures[0], name) for name in VALUES},
        queries=tuple(ask(store, query, reference) for query in QUERIES),
        concepts=names,
        reference_std=reference.scores.astype(np.float64).std(0),
        predicted=predict_shift(
            (reference.scores, reference.cells),
            second.scores,
            p_reference=cell_shares(planted=False),
            p_current=cell_shares(planted=True),
        ),
        within=attribute(reference, second, names, plan=plan, keep=everything),
        texture=attribute(reference, second, names, plan=plan, keep=texture_shift(second, seed=plan.seed)),
        aa_rate=rate,
        aa_tests=tests,
        fresh_rate=fresh_rate(reference, second, plan=plan),
    )
