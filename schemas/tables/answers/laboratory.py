"""Answers of the alignment laboratory: every ordered pair of encoders, efficiency curves, principal components."""

import pyarrow as pa

from t2c.schemas.tables.answers.kind import AnswerKind
from t2c.schemas.tables.tables import column


def _number(name: str, doc: str) -> pa.Field:
    return column(name, pa.float64(), doc, nullable=True)


_R2 = (
    column("held_out", pa.int64(), "rows not fitted that R2 is measured on"),
    _number("r2_variance_weighted", "R2 on those rows, summed over target dimensions; null with fewer than two rows"),
    _number("r2_uniform", "plain mean of each target dimension's R2"),
    _number("r2_global", "1 - MSE / variance of all elements about one mean: the authors' figure"),
    _number("mean_variance_weighted", "r2_variance_weighted of always answering the fitted rows' mean target"),
    _number("mean_uniform", "r2_uniform of the mean predictor"),
    _number("mean_global", "r2_global of the mean predictor; 0.4 to 0.5 on CLIP targets"),
)

_ACCURACY = (
    column("head", pa.string(), "head of the target space that classified; null without labels", nullable=True),
    column("labelled", pa.int64(), "rows not fitted whose label is a class of the head"),
    _number("aligned", "accuracy of the head on aligned features; null without labels"),
    _number("aligned_low", "lower end of its Wilson 95 % interval"),
    _number("aligned_high", "upper end"),
    _number("own", "accuracy of the head on the target's own features of the same images"),
    _number("own_low", "lower end of its Wilson 95 % interval"),
    _number("own_high", "upper end"),
    _number("retained", "aligned / own; above 1 when the aligned features are classified better"),
    _number("retained_low", "lower end of its 95 % interval, images paired"),
    _number("retained_high", "upper end"),
)

PAIRS = pa.schema(
    [
        column("source", pa.string(), "encoder mapped from"),
        column("target", pa.string(), "encoder mapped to; never the source: identity pairs are left out"),
        column("source_group", pa.string(), "group of the source; its own name when it was given none"),
        column("target_group", pa.string(), "group of the target"),
        column("fitted", pa.int64(), "rows fitted"),
        column("ridge", pa.float64(), "ridge strength; 0 is exact least squares"),
        column("rank", pa.int64(), "numerical rank of the fitted source features"),
        *_R2,
        _number("mean_cosine", "mean cosine of aligned and own features on rows not fitted"),
        _number("cka", "linear CKA of the two spaces over all rows; the same in both directions"),
        _number("procrustes", "squared orthogonal Procrustes distance, 0 (a rotation) to 2"),
        *_ACCURACY,
    ]
)

CURVES = pa.schema(
    [
        column("by", pa.string(), "samples or classes: what grows along the curve"),
        column("seed", pa.int64(), "order in which blocks or class buckets were merged"),
        column("point", pa.int64(), "place on the curve, 0 and up"),
        column("share", pa.float64(), "share of the blocks or buckets that were merged"),
        column("classes", pa.int64(), "classes whose images were fitted; null by samples", nullable=True),
        column("fitted", pa.int64(), "rows fitted"),
        column("ridge", pa.float64(), "ridge strength, one for the whole curve"),
        *_R2,
        *_ACCURACY,
    ]
)

COMPONENTS = pa.schema(
    [
        column("source", pa.string(), "encoder whose components predict"),
        column("target", pa.string(), "encoder whose components are predicted"),
        column("i", pa.int64(), "target component, 1 is the one of largest variance"),
        column("j", pa.int64(), "source component"),
        column("weight", pa.float64(), "entry of the row-normalised W': squares of a row sum to 1"),
        column("target_share", pa.float64(), "share of the target space's variance along component i"),
        column("source_share", pa.float64(), "share of the source space's variance along component j"),
    ]
)

ANSWERS = {
    "pairs": AnswerKind("Maps between every ordered pair of encoders, and what they retain.", ("dataset",), PAIRS),
    "curves": AnswerKind(
        "Quality of a map against the number of samples or classes it was fitted on.",
        ("dataset", "source", "target"),
        CURVES,
    ),
    "components": AnswerKind("How principal components of one space predict another's.", ("dataset",), COMPONENTS),
}
