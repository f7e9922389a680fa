"""Answers about linear maps: how good one is on the rows of a dataset that it was not fitted on."""

import pyarrow as pa

from t2c.schemas.tables.answers.kind import AnswerKind
from t2c.schemas.tables.tables import column

MAP_QUALITY = pa.schema(
    [
        column("aligner", pa.string(), "what fitted the map, or `imported`"),
        column("source", pa.string(), "encoder the map takes features from"),
        column("target", pa.string(), "encoder the map gives features of"),
        column("n", pa.int64(), "rows measured: with both features, their content not fitted by the map"),
        column("r2_variance_weighted", pa.float64(), "R2, weighted by variance"),
        column("r2_uniform", pa.float64(), "plain mean of each target dimension's R2"),
        column("r2_global", pa.float64(), "1 - MSE / variance of all elements"),
        column("mean_variance_weighted", pa.float64(), "r2_variance_weighted of answering these rows' own mean: 0"),
        column("mean_uniform", pa.float64(), "r2_uniform of the same"),
        column("mean_global", pa.float64(), "r2_global of the same; well above 0 on CLIP targets"),
        column("mean_cosine", pa.float64(), "mean cosine of mapped and own target features, -1 to 1"),
    ]
)

ANSWERS = {
    "map_quality": AnswerKind("Quality of linear maps, measured on rows not fitted.", ("dataset", "map"), MAP_QUALITY)
}
