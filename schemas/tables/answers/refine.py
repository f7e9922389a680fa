"""Answers about refined concepts: which images made them, and how they fare beside what they came from."""

import pyarrow as pa

from t2c.schemas.tables.answers.kind import AnswerKind
from t2c.schemas.tables.tables import column

REFINED = "refined"
"""Kind of the answer that keeps a refined concept's provenance."""

EXEMPLARS = pa.schema(
    [
        column("row", pa.int64(), "image row in the dataset the exemplars are of"),
        column("image_id", pa.string(), "image id"),
        column("content_hash", pa.string(), "content of the image"),
        column("side", pa.string(), "positive: shows the concept; negative: does not"),
        column("use", pa.string(), "fitted: the vector was made from it; kept aside: the vector is measured on it"),
    ]
)

REFINEMENT = pa.schema(
    [
        column(
            "measured_on",
            pa.string(),
            "kept aside: exemplars that the vector was not made from; or an attribute, on every image not used that has it",
        ),
        column("vector", pa.string(), "before: the concept it was refined from; after: the refined one"),
        column("positives", pa.int64(), "images that show the concept"),
        column("negatives", pa.int64(), "images that do not"),
        column("auroc", pa.float64(), "chance that one that does is more similar than one that does not"),
        column("low", pa.float64(), "lower end of Newcombe's 95 % interval"),
        column("high", pa.float64(), "upper end of Newcombe's 95 % interval"),
        column("mark", pa.string(), "trust mark of the vector, or not measured"),
    ]
)

_SAYS = ("dataset", "bank", "concept")

ANSWERS = {
    REFINED: AnswerKind("Images that refined concepts were made from.", _SAYS, EXEMPLARS),
    "refinement": AnswerKind("Refined concepts before and after, on images not used.", _SAYS, REFINEMENT),
}
