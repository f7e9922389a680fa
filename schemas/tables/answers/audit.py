"""Answers of the main job: comparisons of two sets, zero-shot classifications."""

from t2c.schemas.tables import tables
from t2c.schemas.tables.answers.kind import AnswerKind

ANSWERS = {
    "shift": AnswerKind("Comparisons of two sets, concept by concept.", ("reference", "current"), tables.SHIFT),
    "zeroshot": AnswerKind("Zero-shot classifications.", ("dataset",), tables.ZEROSHOT),
}
