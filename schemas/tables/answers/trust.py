"""Answers about concepts themselves: whether each may be believed under a map."""

import pyarrow as pa

from t2c.schemas.tables.answers.kind import AnswerKind
from t2c.schemas.tables.tables import column

TRUST = pa.schema(
    [
        column("key", pa.int32(), "concept number in the bank"),
        column("concept", pa.string(), "the concept"),
        column(
            "mark", pa.string(), "trusted, weak, unverified or untrusted; only good transport and meaning are trusted"
        ),
        column("why", pa.string(), "what the mark rests on, one sentence"),
        column("transport", pa.string(), "good, unclear, poor or unknown: agreement with the target's own similarity"),
        column(
            "meaning", pa.string(), "good, unclear, poor or unknown: area under the ROC curve against what is known"
        ),
        column("n", pa.int64(), "rows not fitted on which agreement was measured; 0 without the target's own features"),
        column(
            "spearman",
            pa.float64(),
            "rank correlation of aligned and the target's own similarities; null where one is constant or missing",
            nullable=True,
        ),
        column("spearman_low", pa.float64(), "lower end of its 95 % interval", nullable=True),
        column("spearman_high", pa.float64(), "upper end of its 95 % interval", nullable=True),
        column(
            "random_spearman",
            pa.float64(),
            "median rank correlation of random directions with the bank's mean and covariance",
            nullable=True,
        ),
        column(
            "overlap", pa.float64(), "share of the target's top decile in the aligned one; chance 0.1", nullable=True
        ),
        column("random_overlap", pa.float64(), "median overlap of the random directions", nullable=True),
        column(
            "labels", pa.string(), "label or attribute that says which images have it; null: none does", nullable=True
        ),
        column("value", pa.string(), "value of it that stands for the concept", nullable=True),
        column("positives", pa.int64(), "images known to have it"),
        column("negatives", pa.int64(), "images known not to"),
        column(
            "auroc", pa.float64(), "chance that one that has it is more similar than one that has not", nullable=True
        ),
        column("auroc_low", pa.float64(), "lower end of its 95 % interval", nullable=True),
        column("auroc_high", pa.float64(), "upper end of its 95 % interval", nullable=True),
        column(
            "random_auroc",
            pa.float64(),
            "AUROC that 2.5 % of random directions exceed on the same images",
            nullable=True,
        ),
        column(
            "q_random",
            pa.float64(),
            "Benjamini-Hochberg q-value over the bank of the AUROC among those of random directions",
            nullable=True,
        ),
        column("neighbours", pa.list_(pa.string()), "the concepts of the bank that lie nearest, nearest first"),
        column("cosines", pa.list_(pa.float32()), "their cosine with the concept"),
    ]
)

ANSWERS = {
    "trust": AnswerKind(
        "Whether each concept may be believed under a map: transport, meaning, nearest neighbours.",
        ("dataset", "map", "bank"),
        TRUST,
    )
}
