"""Answers that propose questions: families of a large vocabulary that tell two sides apart."""

import pyarrow as pa

from t2c.schemas.tables.answers.kind import AnswerKind
from t2c.schemas.tables.tables import column

PROPOSALS = pa.schema(
    [
        column("rank", pa.int32(), "1 for what differs most over both halves"),
        column("word", pa.string(), "word that the family is named by"),
        column("family", pa.list_(pa.string()), "all words of the family"),
        column("direction", pa.string(), "risen or fallen, on the half it was found on"),
        column(
            "verdict",
            pa.string(),
            "confirmed: the other half shows it too; too few images: no split of so many could have; else not confirmed",
        ),
        column("lens", pa.string(), "background that shows it: within (the reference itself) or at large"),
        column(
            "score",
            pa.float64(),
            "sum over lenses of the standardised differences of its share; it orders and tests nothing",
        ),
        column(
            "seen_before",
            pa.float64(),
            "share of the reference in which it stands out, on the half it was found on: flattered",
        ),
        column("seen_after", pa.float64(), "the same of the current side"),
        column("before", pa.float64(), "share of the reference in which it stands out, on the other half"),
        column("after", pa.float64(), "the same of the current side"),
        column("low", pa.float64(), "lower end of the 95 % interval of after - before"),
        column("high", pa.float64(), "upper end"),
        column("log10_q", pa.float64(), "log10 q of Fisher's exact test on the other half; 0 for too few images"),
        column("n", pa.int64(), "images of the reference on the other half"),
        column("m", pa.int64(), "images of the current side on the other half"),
    ]
)

ANSWERS = {
    "proposals": AnswerKind(
        "Words that may tell two sides apart, found on one half of the images and measured on the other.",
        ("reference", "current", "map", "vocabulary", "background"),
        PROPOSALS,
    )
}
