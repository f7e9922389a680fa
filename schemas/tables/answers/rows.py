"""Answers about which images of a dataset are one observation, and whether tests that count them so keep their rate."""

import pyarrow as pa

from t2c.schemas.tables.answers.kind import AnswerKind
from t2c.schemas.tables.tables import column

NEAR_COPIES = "near_copies"
"""Kind of the answer that says which images are nearly the same as an earlier one."""

SELFTEST = "selftest"
"""Kind of the answer that says how often honest halves of a dataset are flagged."""

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
    ),
    SELFTEST: AnswerKind(
        "How often random halves of one dataset are called different; the first row is the test in use.",
        ("dataset", "map", "bank"),
        pa.schema(
            [
                column(
                    "split_by", pa.string(), "what was dealt to the halves as a whole: image, or what groups images"
                ),
                column("judged_by", pa.string(), "what the test counted as one observation"),
                column("tests", pa.int64(), "halves times concepts"),
                column("rate", pa.float64(), "share of tests with p at most alpha"),
                column("low", pa.float64(), "lower end of its 95 % interval over halves"),
                column("high", pa.float64(), "upper end of its 95 % interval over halves"),
                column("any_flag", pa.float64(), "share of halves in which any concept has q at most alpha"),
                column("any_low", pa.float64(), "lower end of Wilson's 95 % interval of it"),
                column("any_high", pa.float64(), "upper end of Wilson's 95 % interval of it"),
            ]
        ),
    ),
}
