"""The SQL catalog's views and macros: every view's columns with their meaning, every macro with an example."""

import pyarrow as pa

from t2c.schemas.tables import tables
from t2c.schemas.tables.answers import ANSWERS
from t2c.schemas.tables.answers.kind import AnswerKind
from t2c.schemas.tables.tables import column

_TIME = pa.timestamp("us", tz="UTC")
_DATASET = column("dataset", pa.string(), "dataset name")
_SIDES = (
    _DATASET,
    column("map", pa.string(), "linear map: 12 hex digits of its digest, or identity-<space>"),
    column("bank", pa.string(), "concept bank"),
    column("source", pa.string(), "encoder whose features were scored"),
    column("target", pa.string(), "encoder of the concept vectors"),
)
_CREATED = column("created_at", _TIME, "when it was committed, UTC")

ENCODERS = pa.schema(
    [
        _DATASET,
        column("encoder", pa.string(), "encoder name as it was typed, or the name of the import"),
        column("space", pa.string(), "first 12 hex digits of the space id"),
        column("dimension", pa.int64(), "length of a vector"),
        column("dtype", pa.string(), "stored data type"),
        column("rows", pa.int64(), "image rows the features cover"),
        column("snapshot", pa.int64(), "snapshot of the features"),
        _CREATED,
    ]
)

LINEAR_MAPS = pa.schema(
    [
        column("map", pa.string(), "first 12 hex digits of the digest"),
        column("source", pa.string(), "encoder the map takes features from"),
        column("source_space", pa.string(), "its space, 12 hex digits"),
        column("target", pa.string(), "encoder the map gives features of"),
        column("target_space", pa.string(), "its space, 12 hex digits"),
        column(
            "aligner",
            pa.string(),
            "ridge, least-squares, procrustes, low-rank, sgd, cross-entropy, self-labels, data-free or imported",
        ),
        column("objective", pa.string(), "what the aligner minimised"),
        column("needed", pa.list_(pa.string()), "what the aligner needed"),
        column("dataset", pa.string(), "dataset the map was fitted on; empty for an imported map"),
        column("snapshot", pa.int64(), "snapshot of that dataset's images; 0 for an imported map"),
        column(
            "ridge", pa.float64(), "ridge strength; 0 is exact least squares; for sgd what its weight decay amounts to"
        ),
        column("rank", pa.int64(), "numerical rank of the fitted source features; of the weight where none was solved"),
        column("condition", pa.float64(), "condition number of the solved system; null when not formed", nullable=True),
        column("method", pa.string(), "how the system was solved"),
        column("fitted", pa.int64(), "rows fitted"),
        column("folds", pa.int64(), "folds for out-of-fold scoring; 0 when there are none"),
        column("held_out", pa.int64(), "rows not fitted that the R2 below is measured on", nullable=True),
        column("r2_variance_weighted", pa.float64(), "R2 on those rows, weighted by variance", nullable=True),
        column("r2_uniform", pa.float64(), "plain mean of each target dimension's R2", nullable=True),
        column("r2_global", pa.float64(), "1 - MSE / variance of all elements", nullable=True),
        column("mean_global", pa.float64(), "r2_global of always answering the mean", nullable=True),
        column(
            "mean_cosine", pa.float64(), "mean cosine of mapped and own features; null when not read", nullable=True
        ),
        column("measured_on", pa.string(), "dataset@snapshot of those rows when it is not the fitted one, else empty"),
        column("notes", pa.list_(pa.string()), "what a reader must know"),
        _CREATED,
    ]
)

SNAPSHOTS = pa.schema(
    [
        column("kind", pa.string(), "kind of artifact: images, features, similarities, ..."),
        column("name", pa.string(), "its name"),
        column("snapshot", pa.int64(), "snapshot number, 1 and up"),
        column("rows", pa.int64(), "rows of the artifact as of the snapshot"),
        column("files", pa.int64(), "files it names"),
        column("bytes", pa.int64(), "bytes of those files"),
        column("digest", pa.string(), "sha256 over spec and parents"),
        _CREATED,
    ]
)

ANSWER_WORDS = {
    "dataset": "dataset that was asked about",
    "reference": "what was compared with",
    "current": "what was compared",
    "map": "linear map: 12 hex digits of its digest, or identity-<space>",
    "bank": "concept bank",
    "concept": "concept that was asked about",
    "model": "what predicted: 12 hex digits of a bottleneck's digest, or the name of imported predictions",
    "target": "encoder of the class or concept vectors",
    "source": "encoder of the vectors",
    "what": "what was decoded, as it is typed after the dataset",
    "decoder": "vocabulary, sparse, zerocap or rescore",
    "vocabulary": "word list: english, bank:NAME or file:NAME",
    "background": "images that similarities are held against",
}
"""Columns that say, in every answer's view, what was asked."""

DOCUMENTATION = pa.schema(
    [
        column("view", pa.string(), "view or macro"),
        column("column", pa.string(), "its column; null for the view or macro itself", nullable=True),
        column("type", pa.string(), "type of the column; `macro` for a macro, `view` for a view"),
        column("meaning", pa.string(), "what it holds, with unit and range; for a macro an example"),
    ]
)


def _answer_view(kind: AnswerKind) -> pa.Schema:
    """Return the columns of an answer's view: its name, what its question says, when it was made, and its table."""
    spec_columns = (column(name, pa.string(), ANSWER_WORDS[name]) for name in kind.says)
    return pa.schema(
        [column("answer", pa.string(), "12 hex digits of the answer's digest"), *spec_columns, _CREATED, *kind.schema]
    )


VIEWS: dict[str, tuple[str, pa.Schema]] = {
    "images": (
        "One row an input file of every dataset.",
        pa.schema([_DATASET, *tables.IMAGES, column("current", pa.bool_(), "whether no later row replaces this one")]),
    ),
    "encoders": ("Features of every dataset in every space.", ENCODERS),
    "linear_maps": ("Linear maps and their certificates.", LINEAR_MAPS),
    "concepts": (
        "Concepts of every bank.",
        pa.schema(
            [
                column("bank", pa.string(), "concept bank"),
                column("space", pa.string(), "space of the vectors, 12 hex digits"),
                column("text_encoder", pa.string(), "what encoded the prompts"),
                *tables.CONCEPTS,
            ]
        ),
    ),
    "similarities": (
        "Similarity of every scored image to every concept; compare rows with fold >= -1 of current images only.",
        pa.schema([*_SIDES, column("concept", pa.string(), "the concept"), *tables.SIMILARITIES]),
    ),
    "concept_stats": ("Distribution of every concept over a dataset.", pa.schema([*_SIDES, *tables.CONCEPT_STATS])),
    **{name: (kind.about, _answer_view(kind)) for name, kind in ANSWERS.items()},
    "attributes": ("Facts about images that the user imported.", pa.schema([_DATASET, *tables.ATTRIBUTES])),
    "predictions": ("What the user's models said about images.", pa.schema([_DATASET, *tables.PREDICTIONS])),
    "lineage": ("What every artifact was made from.", tables.LINEAGE),
    "snapshots": ("Every committed snapshot of every artifact.", SNAPSHOTS),
    "documentation": ("Every view, column and macro.", DOCUMENTATION),
}
"""Views by name: what they hold, and their columns."""

MACROS = {
    "compared": "similarities that may be compared: select * from compared('photos', 'in a tree')",
    "top_k": "the most similar images: select * from top_k('photos', 'in a tree', n := 5)",
    "ks": "two-sample Kolmogorov-Smirnov of a concept in two datasets: select * from ks('photos', 'new', 'in a tree')",
    "ks_2samp": "the same of two lists: select ks_2samp(list(similarity) filter (row < 9), list(similarity)) from similarities",
    "ks_log10_p": "log10 of the two-sided Kolmogorov p-value of d at effective size n: select ks_log10_p(0.1, 500)",
}
"""Macros by name, with an example. `ks_log10_p` is within 0.02 of the exact value where p > 1e-4 and the effective size is
100 or more; `t2c shift` is exact."""
