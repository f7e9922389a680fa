"""Answers about what stands out: what similarities are standardised by, each image's prominent concept, what changed first."""

import pyarrow as pa

from t2c.schemas.tables.answers.kind import AnswerKind
from t2c.schemas.tables.tables import column

STANDARDS = pa.schema(
    [
        column(
            "number", pa.int32(), "number of the concept among the candidates: the bank's key, then the larger bank's"
        ),
        column("concept_bank", pa.string(), "bank of the concept"),
        column("concept", pa.string(), "the concept"),
        column("n", pa.int64(), "images of the background"),
        column("mean", pa.float64(), "mean over the background of the similarity less that to the mean vector"),
        column("std", pa.float64(), "its standard deviation (ddof 0); below 0.000001 the concept never stands out"),
        column("eligible", pa.bool_(), "whether it may stand out; groups of classes may not"),
        column("family", pa.int32(), "family of concepts that no picture tells apart, 0 and up"),
        column("head", pa.bool_(), "whether the family is named by this concept"),
    ]
)

PROMINENCE = pa.schema(
    [
        column("row", pa.int64(), "image row"),
        column("to_mean", pa.float32(), "similarity to the mean vector of the candidates"),
        column("number", pa.int32(), "the candidate that stands out most; -1 where none may"),
    ]
)

_LENSES = (
    column(
        "share_before_within",
        pa.float64(),
        "share of the reference in which the family stands out, held against the reference itself; null without that lens",
        nullable=True,
    ),
    column("share_after_within", pa.float64(), "the same of the current side", nullable=True),
    column("low_within", pa.float64(), "lower end of the 95 % interval of their difference", nullable=True),
    column("high_within", pa.float64(), "upper end", nullable=True),
    column(
        "log10_q_within",
        pa.float64(),
        "log10 q of the family under this lens; 0 where it could not reach significance",
        nullable=True,
    ),
    column(
        "share_before_at_large",
        pa.float64(),
        "share of the reference in which the family stands out, held against the background at large",
        nullable=True,
    ),
    column("share_after_at_large", pa.float64(), "the same of the current side", nullable=True),
    column("low_at_large", pa.float64(), "lower end of the 95 % interval of their difference", nullable=True),
    column("high_at_large", pa.float64(), "upper end", nullable=True),
    column(
        "log10_q_at_large",
        pa.float64(),
        "log10 q of the family under this lens; 0 where it could not reach significance",
        nullable=True,
    ),
)

RANKING = pa.schema(
    [
        column("rank", pa.int32(), "place in the first table, 1 for what changed most"),
        column("name", pa.string(), "concept that the family is named by"),
        column("best", pa.string(), "member that the family stands where it stands for"),
        column("family", pa.list_(pa.string()), "all members"),
        column(
            "score",
            pa.float64(),
            "sum over lenses of the standardised difference of shares of that member; it orders and tests nothing",
        ),
        column("verdict", pa.string(), "risen, fallen, cannot tell (a high rank without a q) or none"),
        column("lens", pa.string(), "within or at large: where the q is smaller"),
        column("q", pa.float64(), "smaller of the family's q-values over both lenses"),
        column("log10_q", pa.float64(), "its log10, which does not underflow"),
        *_LENSES,
        column("trust", pa.string(), "mark of the concept it is named by; null: not measured", nullable=True),
    ]
)

ANSWERS = {
    "standards": AnswerKind(
        "What the similarities of each concept are standardised by over a background, and the concept's family.",
        ("map", "bank", "background"),
        STANDARDS,
    ),
    "prominence": AnswerKind(
        "The concept that stands out most in each image, held against a background.",
        ("dataset", "map", "bank", "background"),
        PROMINENCE,
        # rows are nearly consecutive and candidates few: about 5 bytes an image
        {"column_encoding": {"row": "DELTA_BINARY_PACKED"}, "use_dictionary": ["number"]},
    ),
    "ranking": AnswerKind(
        "What changed first between two sides: families of concepts by their shares before and after.",
        ("reference", "current", "map", "bank", "background"),
        RANKING,
    ),
}
