"""Answers about which images of a dataset are one observation."""

import pyarrow as pa

from t2c.schemas.tables.answers.kind import AnswerKind
from t2c.schemas.tables.tables import column

NEAR_COPIES = "near_copies"
"""Kind of the answer that says which images are nearly the same as an earlier one."""

ANSWERS = {
    NEAR_COPIES: AnswerKind(
        "Images nearly the same as an earlier one of their dataset; an image that is not here is like none.",
        ("dataset",),
        pa.schema(
            [
                column("row", pa.int64(), "image row"),
                column(
                    "near_copy_of", pa.int64(), "the earlier row it is nearly the same as, itself like none before it"
                ),
                column("cosine", pa.float32(), "cosine of the two rows' features, at least what was asked for"),
            ]
        ),
    )
}
