"""Answers of the zero-shot suite: how one model does at one task, beside the CLIP's own encoder and chance."""

import pyarrow as pa

from t2c.schemas.tables.answers.kind import AnswerKind
from t2c.schemas.tables.tables import column

SUITE = pa.schema(
    [
        column("model", pa.string(), "encoder whose image features were classified"),
        column("aligner", pa.string(), "how its map was fitted; `none` for the CLIP itself"),
        column("map", pa.string(), "12 hex digits of the map's digest; `identity` for the CLIP itself"),
        column("group", pa.string(), "in-distribution, out-of-distribution, characters or primitives (table 3)"),
        column("task", pa.string(), "task, as `t2c suite --list` names it"),
        column("classes", pa.int64(), "classes of the task"),
        column("n", pa.int64(), "images counted: labelled with a class, and read by the model and by the CLIP"),
        column("correct", pa.int64(), "of these, classified as labelled"),
        column("accuracy", pa.float64(), "correct / n"),
        column("low", pa.float64(), "lower end of Wilson's 95 % interval"),
        column("high", pa.float64(), "upper end of Wilson's 95 % interval"),
        column("clip_accuracy", pa.float64(), "accuracy of the CLIP's own image encoder on the same images"),
        column("clip_low", pa.float64(), "lower end of its Wilson 95 % interval"),
        column("clip_high", pa.float64(), "upper end of its Wilson 95 % interval"),
        column("chance", pa.float64(), "1 / classes: accuracy of a uniform guess"),
        column("majority", pa.float64(), "accuracy of always naming the commonest class"),
        column("other_labels", pa.int64(), "images left out because their label is no class of the task"),
    ]
)

ANSWERS = {
    "suite": AnswerKind("Zero-shot suite: one row a model and task.", ("dataset", "target"), SUITE),
}
