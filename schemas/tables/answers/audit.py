"""Answers of the main job: comparisons of two sets, zero-shot classifications."""

from schemas.tables import tables
from schemas.tables.answers.kind import AnswerKind

ANSWERS = {
    "shift": AnswerKind("Comparisons of two sets, concept by concept.", ("reference", "current"), tables.SHIFT),
    "zeroshot": AnswerKind("Zero-shot classifications.", ("dataset",), tables.ZEROSHOT),
}
