"""Answers about concept bottlenecks: accuracy beside its peers, weights, explanations, errors by concept, edits."""

import pyarrow as pa

from t2c.schemas.tables.answers.kind import AnswerKind
from t2c.schemas.tables.tables import column

_ACCURACY = (
    column("n", pa.int64(), "labelled images not fitted that were classified"),
    column("correct", pa.int64(), "of these, classified as labelled"),
    column("accuracy", pa.float64(), "correct / n"),
    column("low", pa.float64(), "lower end of Wilson's 95 % interval"),
    column("high", pa.float64(), "upper end of Wilson's 95 % interval"),
)

BOTTLENECK = pa.schema(
    [
        column(
            "who",
            pa.string(),
            "concepts: the bottleneck; before: the one it was edited from; features: linear probe on the source's own "
            "features; attributes: the same head on true attributes; majority: always the commonest class fitted",
        ),
        column("inputs", pa.int64(), "numbers that the classifier sees"),
        *_ACCURACY,
    ]
)

BOTTLENECK_CLASSES = pa.schema([column("class", pa.string(), "true class"), *_ACCURACY])

BOTTLENECK_WEIGHTS = pa.schema(
    [
        column("class", pa.string(), "class of the task"),
        column("key", pa.int32(), "concept number in the bank"),
        column("concept", pa.string(), "the concept"),
        column("mark", pa.string(), "trust mark when the head was fitted, or not measured"),
        column("weight", pa.float64(), "what one standard deviation of similarity adds to the class's logit"),
    ]
)

ATTRIBUTE_AUROC = pa.schema(
    [
        column("attribute", pa.string(), "imported attribute, or label"),
        column("value", pa.string(), "value of it that stands for the concept; its own name for a yes-no attribute"),
        column("key", pa.int32(), "concept number in the bank"),
        column("concept", pa.string(), "concept of the same name"),
        column("mark", pa.string(), "trust mark, or not measured"),
        column("positives", pa.int64(), "images known to have it"),
        column("negatives", pa.int64(), "images known not to"),
        column("auroc", pa.float64(), "chance that one that has it is more similar than one that has not"),
        column("low", pa.float64(), "lower end of Newcombe's 95 % interval"),
        column("high", pa.float64(), "upper end of Newcombe's 95 % interval"),
    ]
)

EXPLANATIONS = pa.schema(
    [
        column("row", pa.int64(), "image row"),
        column("label", pa.string(), "label; null when unknown", nullable=True),
        column("predicted", pa.string(), "class with the largest logit"),
        column("runner_up", pa.string(), "class with the second largest"),
        column("margin", pa.float64(), "their difference in logits"),
        column("side", pa.string(), "fitted or held out: whether the head was fitted on the image's content"),
        column(
            "part",
            pa.string(),
            "share: of the predicted class's logit; difference: predicted minus runner-up; raw share and raw difference: "
            "the same of the similarities themselves",
        ),
        column("rank", pa.int64(), "1 for the largest"),
        column("key", pa.int32(), "concept number in the bank"),
        column("concept", pa.string(), "the concept"),
        column("z", pa.float64(), "similarity in standard deviations from the mean of the rows fitted"),
        column(
            "share",
            pa.float64(),
            "w_i c_i / sum_j |w_j c_j| of the predicted class, -1 to 1; c is z, or the similarity where raw",
        ),
        column("runner_up_share", pa.float64(), "the same of the runner-up"),
    ]
)

BOTTLENECK_ERRORS = pa.schema(
    [
        column("key", pa.int32(), "concept that did most for the wrong class"),
        column("concept", pa.string(), "the concept"),
        column("mark", pa.string(), "trust mark, or not measured"),
        column("label", pa.string(), "class of the images"),
        column("predicted", pa.string(), "class they were given"),
        column("lean", pa.string(), "more or less: which images, by the concept, are pushed to the predicted class"),
        column("errors", pa.int64(), "images not fitted"),
        column("right_without", pa.int64(), "of these, classified right when the concept is taken as average"),
        column("pushed", pa.int64(), "images of the class that lean this way"),
        column("pushed_accuracy", pa.float64(), "share of them classified as labelled"),
        column("pushed_low", pa.float64(), "lower end of Wilson's 95 % interval"),
        column("pushed_high", pa.float64(), "upper end of Wilson's 95 % interval"),
        column("other", pa.int64(), "images of the class that do not"),
        column("other_accuracy", pa.float64(), "share of them classified as labelled; null without any", nullable=True),
        column(
            "gap",
            pa.float64(),
            "other_accuracy - pushed_high: by how much the class fares worse when it leans this way, at least; null without "
            "others",
            nullable=True,
        ),
        column("lean_label", pa.float64(), "share of the class's images that lean this way"),
        column(
            "lean_predicted",
            pa.float64(),
            "share of the predicted class's images that do; null without any",
            nullable=True,
        ),
        column("accuracy_without", pa.float64(), "accuracy over all images measured with the concept as average"),
        column(
            "rows", pa.list_(pa.int64()), "image rows of the errors, those right without the concept first; at most 24"
        ),
    ]
)

BOTTLENECK_EDITS = pa.schema(
    [
        column("row", pa.int64(), "image row, not fitted, whose prediction changed"),
        column("label", pa.string(), "label in the dataset"),
        column("before", pa.string(), "class before the edit"),
        column("after", pa.string(), "class after it"),
    ]
)

_SAYS = ("dataset", "model")

ANSWERS = {
    "bottleneck": AnswerKind("Accuracy of concept bottlenecks beside their peers.", _SAYS, BOTTLENECK),
    "bottleneck_classes": AnswerKind("Accuracy of concept bottlenecks by class.", _SAYS, BOTTLENECK_CLASSES),
    "bottleneck_weights": AnswerKind("Weights of concept bottlenecks.", _SAYS, BOTTLENECK_WEIGHTS),
    "attribute_auroc": AnswerKind("How well similarities tell imported attributes.", _SAYS, ATTRIBUTE_AUROC),
    "explanations": AnswerKind("Why a bottleneck gave images their class.", _SAYS, EXPLANATIONS),
    "bottleneck_errors": AnswerKind("Misclassified images by the concept that did it.", _SAYS, BOTTLENECK_ERRORS),
    "bottleneck_edits": AnswerKind("Predictions that an edit of a bottleneck changed.", _SAYS, BOTTLENECK_EDITS),
}
