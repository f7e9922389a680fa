"""Answers of a human study: the paper's tables 1, 5 and 6, and every answer that was given."""

import pyarrow as pa

from t2c.schemas.tables.answers.kind import AnswerKind
from t2c.schemas.tables.tables import column

STUDY = pa.schema(
    [
        column("source", pa.string(), "model whose words were judged; empty for all of them together"),
        column(
            "figure",
            pa.string(),
            "rate (tables 1 and 5): how often a word fits; agreement (table 6): of two annotators",
        ),
        column(
            "grain",
            pa.string(),
            "rate: relevant, similar or main; agreement: related or not, three (main and similar as one), all four",
        ),
        column("n", pa.int64(), "answers (rate) or pairs of answers to one item (agreement)"),
        column("count", pa.int64(), "of these, how many fit or agree"),
        column("rate", pa.float64(), "count / n"),
        column("low", pa.float64(), "lower end of Wilson's 95 % interval, each answer taken as independent"),
        column("high", pa.float64(), "upper end of it"),
        column("chance", pa.float64(), "the same among annotators who choose each of the four answers alike"),
        column(
            "chance_observed",
            pa.float64(),
            "agreement among annotators who answer at random with the observed frequencies; null for rates",
            nullable=True,
        ),
    ]
)
"""One row a source, figure and grain; the sources together last."""

STUDY_ANSWERS = pa.schema(
    [
        column("annotator", pa.string(), "who answered"),
        column("item", pa.string(), "the item's id on the page"),
        column("source", pa.string(), "model whose word was judged; empty for a check of attention"),
        column("label", pa.string(), "class of the pictures"),
        column("word", pa.string(), "the word"),
        column(
            "given",
            pa.int64(),
            "the answer: 1 main object, 2 a similar object, 3 another object in the images, 4 unrelated",
        ),
        column("seconds", pa.float64(), "how long it was looked at; 0 where the page did not say"),
        column(
            "known", pa.int64(), "right answer of a check of attention; null for an item of the study", nullable=True
        ),
        column(
            "passed",
            pa.bool_(),
            "whether a check's answer lies on the right side of related and unrelated; null for an item of the study",
            nullable=True,
        ),
    ]
)
"""One row an annotator and item, checks among them."""

ANSWERS = {
    "study": AnswerKind("What annotators say of decoded words: tables 1, 5 and 6 of the paper.", ("dataset",), STUDY),
    "study_answers": AnswerKind("Every answer of every annotator.", ("dataset",), STUDY_ANSWERS),
}
