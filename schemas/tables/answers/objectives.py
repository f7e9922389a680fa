"""Answers about aligners: what another objective than regression does to zero-shot accuracy (paper, table 2)."""

import pyarrow as pa

from t2c.schemas.tables.answers.kind import AnswerKind
from t2c.schemas.tables.tables import column

OBJECTIVES = pa.schema(
    [
        column("scope", pa.string(), "task: one source and one task; mean: an average of them, each counting once"),
        column("source", pa.string(), "source encoder; in a mean its group, or `all`"),
        column("task", pa.string(), "what is classified; in a mean `related` or `unrelated`"),
        column("related", pa.bool_(), "whether the task's classes are related to those used for fitting"),
        column("objective", pa.string(), "what regression is compared with: cross-entropy or self-labels"),
        column("n", pa.int64(), "images, none of them fitted by either map; in a mean the fewest of any task"),
        column("regression", pa.float64(), "zero-shot accuracy through the regression's map"),
        column("other", pa.float64(), "zero-shot accuracy through the other objective's map, on the same images"),
        column("difference", pa.float64(), "regression minus other: table 2's gain"),
        column("low", pa.float64(), "lower end of the difference's 95 % interval (paired)"),
        column("high", pa.float64(), "upper end"),
        column("chance", pa.float64(), "accuracy of a uniform guess; in a mean the mean chance"),
    ]
)

ANSWERS = {
    "objectives": AnswerKind(
        "Regression against other objectives of the aligner, by zero-shot accuracy.", ("dataset", "target"), OBJECTIVES
    ),
}
