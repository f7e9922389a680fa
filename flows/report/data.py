"""What a report shows: plain values and Arrow tables, gathered before anything is drawn."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import pyarrow as pa

from t2c.flows.page.pictures import Strip, Thumbnail
from t2c.flows.shift.first_table import FirstTable
from t2c.flows.shift.verdict import Verdict
from t2c.flows.trust.standing import Standing
from t2c.schemas.tables.tables import column

OUTCOME_COUNTS = pa.schema(
    [column("outcome", pa.string(), "one of OUTCOMES"), column("count", pa.int64(), "current rows with it")]
)
PROBLEMS = pa.schema(
    [
        column("image_id", pa.string(), "input that is not ok"),
        column("outcome", pa.string(), "what became of it"),
        column("error", pa.string(), "why", nullable=True),
    ]
)
DUPLICATES = pa.schema(
    [
        column("image_id", pa.string(), "image whose bytes were seen before"),
        column("first", pa.string(), "the first image with these bytes"),
    ]
)
LABELS = pa.schema(
    [
        column("label", pa.string(), "class label; null for images without one", nullable=True),
        column("count", pa.int64(), "ok images with it"),
    ]
)
SIZES = pa.schema(
    [
        column("measure", pa.string(), "width, height or bytes"),
        column("smallest", pa.float64(), "smallest value among ok images; pixels or bytes"),
        column("median", pa.float64(), "median"),
        column("largest", pa.float64(), "largest"),
    ]
)
QUALITY = pa.schema(
    [
        column("definition", pa.string(), "how R2 is aggregated: variance-weighted, uniform or global"),
        column("r2", pa.float64(), "R2 of the map on rows it was not fitted on; 1 is perfect"),
        column(
            "baseline", pa.float64(), "the same figure for a predictor that always answers the mean of the fitted rows"
        ),
    ]
)
FIDELITY = pa.schema(
    [
        column("concept", pa.string(), "the concept"),
        column("n", pa.int64(), "rows compared, none of them fitted"),
        column(
            "correlation",
            pa.float64(),
            "Pearson correlation of aligned and the target's own similarities; null where one is constant",
            nullable=True,
        ),
    ]
)
FUNNEL = pa.schema(
    [
        column("step", pa.string(), "the constraint applied, as written; `all images` for the first step"),
        column("remaining", pa.int64(), "images left after it"),
    ]
)
ACCURACIES = pa.schema(
    [
        column("encoder", pa.string(), "who classified"),
        column("role", pa.string(), "aligned: the source through the linear map; target: CLIP's own image encoder"),
        column("n", pa.int64(), "labelled images classified"),
        column("accuracy", pa.float64(), "share of them classified as labelled, 0 to 1"),
        column("low", pa.float64(), "lower end of the 95 % Wilson interval"),
        column("high", pa.float64(), "upper end of the 95 % Wilson interval"),
    ]
)
CLASS_ACCURACIES = pa.schema(
    [
        column("class", pa.string(), "class"),
        column("n", pa.int64(), "images with this label"),
        column("aligned", pa.float64(), "share of them the aligned encoder classified as labelled"),
        column("target", pa.float64(), "the same for CLIP's own encoder; null when it was not scored", nullable=True),
    ]
)
ARTIFACTS = pa.schema(
    [
        column("artifact", pa.string(), "kind and name"),
        column("snapshot", pa.int64(), "snapshot that was read"),
        column("digest", pa.string(), "sha256 over spec, the digests of the parents and the sha256 of every file"),
        column(
            "created_at",
            pa.timestamp("us", tz="UTC"),
            "when the snapshot was committed; null when not read",
            nullable=True,
        ),
        column("files", pa.int64(), "files in the snapshot; null when it was not read", nullable=True),
        column("bytes", pa.int64(), "their size; null when it was not read", nullable=True),
        column("checked", pa.bool_(), "size and sha256 of every file were recomputed and matched for this report"),
        column("parents", pa.list_(pa.string()), "what it was made from: folder@snapshot, each a row of its own"),
    ]
)


@dataclass(frozen=True, slots=True)
class DatasetAccount:
    """Where every input of one dataset went."""

    name: str
    """Dataset name."""
    snapshot: int
    """Snapshot that was read."""
    role: Literal["reference", "current"]
    """Which side of the comparison it is."""
    outcomes: pa.Table
    """OUTCOME_COUNTS, one row an outcome, zeros included."""
    problems: pa.Table
    """PROBLEMS: examples of inputs that are not ok."""
    duplicates: pa.Table
    """DUPLICATES: examples of copies."""
    n_duplicates: int
    """Copies in all, examples included."""
    labels: pa.Table
    """LABELS, most frequent first."""
    sizes: pa.Table
    """SIZES of the ok images."""
    superseded: int = 0
    """Older rows replaced by a newer one of the same image."""

    @property
    def total(self) -> int:
        """Inputs in all: the sum over outcomes."""
        return sum(row["count"] for row in self.outcomes.to_pylist())

    def count(self, outcome: str) -> int:
        """Return how many inputs had an outcome."""
        return sum(row["count"] for row in self.outcomes.to_pylist() if row["outcome"] == outcome)


@dataclass(frozen=True, slots=True)
class Aligner:
    """What the certificate of the linear map says."""

    source: str
    """Space the map reads, with dimensions and short id."""
    target: str
    """Space the map writes."""
    digest: str
    """Digest of the map; empty for the identity."""
    facts: tuple[tuple[str, str], ...] = ()
    """Named values of the certificate, as text: rows fitted, rows held out, ridge, rank, folds, ..."""
    quality: pa.Table | None = None
    """QUALITY on rows that were not fitted; None when nothing was held out."""
    notes: tuple[str, ...] = ()
    """What the certificate warns of."""
    fidelity: pa.Table = field(default_factory=FIDELITY.empty_table)
    """FIDELITY of the concepts in the bank, weakest first."""
    identity: bool = False
    """The features are in the concepts' space already: nothing was fitted."""


@dataclass(frozen=True, slots=True)
class LogicResult:
    """The answer to one concept-logic query."""

    expression: str
    """The query as written."""
    dataset: str
    """Dataset reference that was searched."""
    funnel: pa.Table
    """FUNNEL: first row all images, last row the answer."""
    thumbnails: tuple[Thumbnail, ...]
    """The first answers; their facts are the z-scores that let them through."""
    concepts: tuple[str, ...] = ()
    """Concepts that the query names."""

    @property
    def searched(self) -> int:
        """Images searched."""
        return int(self.funnel["remaining"][0].as_py())

    @property
    def found(self) -> int:
        """Images in the answer."""
        return int(self.funnel["remaining"][-1].as_py())


@dataclass(frozen=True, slots=True)
class Zeroshot:
    """Zero-shot classification against the labels of one dataset."""

    title: str
    """What was classified, such as the label column or the bank of class concepts."""
    dataset: str
    """Dataset reference."""
    classes: int
    """Number of classes."""
    chance: float
    """Accuracy of guessing, 0 to 1."""
    accuracies: pa.Table
    """ACCURACIES, aligned first."""
    per_class: pa.Table
    """CLASS_ACCURACIES, lowest aligned accuracy first."""


@dataclass(frozen=True, slots=True)
class ConceptImages:
    """Most and least similar images of one concept."""

    concept: str
    """The concept."""
    strips: tuple[Strip, ...]
    """Most and least similar, one strip a dataset."""


@dataclass(frozen=True, slots=True)
class ReportData:
    """Everything a report shows."""

    title: str
    """Heading of the page."""
    created_at: datetime
    """When it was made, UTC."""
    sides: tuple[str, ...]
    """What is compared, for people: the reference and, when there is one, the current side; datasets or slices."""
    accounts: tuple[DatasetAccount, ...]
    """The datasets behind the sides, each once, the reference first."""
    aligner: Aligner | None
    """The linear map; None when no similarities were read."""
    bank: str
    """Concept bank."""
    reference_stats: pa.Table
    """CONCEPT_STATS of the reference."""
    current_stats: pa.Table | None = None
    """CONCEPT_STATS of the current dataset; None when nothing was compared."""
    first: FirstTable | None = None
    """What changed first: families by the share of images in which they stand out; None when nothing was compared."""
    shift: pa.Table | None = None
    """SHIFT; None when nothing was compared."""
    shift_notes: tuple[str, ...] = ()
    """What a reader of the comparison must know."""
    verdict: Verdict | None = None
    """What the comparison comes to; None when nothing was compared."""
    standing: Standing | None = None
    """The map, its quality and the trust that everything on the page stands on; None when no similarities were read."""
    marks: Mapping[str, str] | None = None
    """Concept to its mark of trust; None: not measured."""
    alpha: float = 0.05
    """Largest q of a concept that counts as shifted."""
    logic: tuple[LogicResult, ...] = ()
    """Answers to concept-logic queries."""
    zeroshot: tuple[Zeroshot, ...] = ()
    """Zero-shot tables."""
    grids: tuple[ConceptImages, ...] = ()
    """Most and least similar images."""
    sections: Mapping[str, Any] = field(default_factory=dict)
    """Optional sections by id (see `t2c.flows.report.render`): what each shows."""
    artifacts: pa.Table = field(default_factory=ARTIFACTS.empty_table)
    """ARTIFACTS: what was read, and what that was made from."""
    commands: tuple[str, ...] = ()
    """Commands that made this report; the last makes it again on the same snapshots."""
    versions: tuple[tuple[str, str], ...] = ()
    """Software and its version."""
    missing: tuple[tuple[str, str], ...] = ()
    """Optional sections that are left out: (section id, why and what to type)."""
