"""Answers that read a dataset: classes by concept, hard images, concepts that come together, slices where a model errs."""

import pyarrow as pa

from t2c.schemas.tables.answers.kind import AnswerKind
from t2c.schemas.tables.tables import column

CLASS_RANKS = pa.schema(
    [
        column("key", pa.int32(), "concept number in the bank"),
        column("concept", pa.string(), "the concept"),
        column("label", pa.string(), "class of the dataset"),
        column("count", pa.int64(), "images of the class"),
        column("mean", pa.float64(), "mean similarity of the class"),
        column("z", pa.float64(), "mean similarity in standard deviations above that of all images"),
        column("rank", pa.int64(), "rank by mean similarity, 1 for the largest"),
        column("top_share", pa.float64(), "share of the class among the concept's top 1 % of images"),
        column("top_rank", pa.int64(), "rank by that share, 1 for the largest; ties by mean"),
        column("share", pa.float64(), "share of the class among all images"),
        column("most", pa.list_(pa.int64()), "rows of the class's most similar images, most similar first"),
        column("least", pa.list_(pa.int64()), "rows of the class's least similar images, least similar first"),
    ]
)

HARD_IMAGES = pa.schema(
    [
        column("label", pa.string(), "class of the dataset"),
        column("key", pa.int32(), "context that the class usually has"),
        column("context", pa.string(), "its name"),
        column("usual_z", pa.float64(), "mean of the class, in standard deviations above that of all images"),
        column("usual_share", pa.float64(), "share of the class's images above the mean of all images"),
        column("rank", pa.int64(), "1 for the image that shows the context least"),
        column("row", pa.int64(), "image row"),
        column("image_id", pa.string(), "image id"),
        column("similarity", pa.float32(), "similarity to the context"),
        column("z", pa.float64(), "standard deviations from the mean of the class"),
        column("predicted", pa.string(), "what the model named says; null without one", nullable=True),
    ]
)

COOCCURRENCE = pa.schema(
    [
        column("key", pa.int32(), "one concept"),
        column("concept", pa.string(), "its name"),
        column("other_key", pa.int32(), "the other, of a larger key"),
        column("other", pa.string(), "its name"),
        column("n", pa.int64(), "images"),
        column("n_concept", pa.int64(), "images with the one: similarity above mean + k standard deviations"),
        column("n_other", pa.int64(), "images with the other"),
        column("n_both", pa.int64(), "images with both"),
        column("lift", pa.float64(), "n_both over what independence would give"),
        column("phi", pa.float64(), "correlation of the two presences, -1 to 1"),
        column("cosine", pa.float64(), "cosine of the two concept vectors: near ones come together for that alone"),
    ]
)

SLICES = pa.schema(
    [
        column(
            "rank", pa.int64(), "order in which the slices were found, 1 first; each without the images of earlier ones"
        ),
        column("slice", pa.string(), "the conjunction, as `t2c find` takes it"),
        column("concepts", pa.int64(), "concepts in it, 1 to 3"),
        column("found_n", pa.int64(), "images of the slice in the half it was found on"),
        column("found_errors", pa.int64(), "of these, images that the model gets wrong; flattered by the search"),
        column("n", pa.int64(), "images of the slice in the other half"),
        column("errors", pa.int64(), "of these, images that the model gets wrong"),
        column("error_rate", pa.float64(), "errors / n: the honest rate"),
        column("low", pa.float64(), "lower end of Wilson's 95 % interval"),
        column("high", pa.float64(), "upper end of Wilson's 95 % interval"),
        column("overall", pa.float64(), "error rate of all images in the other half"),
        column("p", pa.float64(), "chance of as many errors were the slice like the rest, times the number of slices"),
        column("confirmed", pa.bool_(), "whether p is at most alpha"),
        column(
            "rows",
            pa.list_(pa.int64()),
            "image rows of the slice that the model gets wrong, in both halves; at most 24",
        ),
    ]
)

ANSWERS = {
    "class_ranks": AnswerKind("Classes by their similarity to each concept.", ("dataset", "bank"), CLASS_RANKS),
    "hard_images": AnswerKind(
        "Images least similar to a context that their class usually has.", ("dataset", "bank"), HARD_IMAGES
    ),
    "cooccurrence": AnswerKind("Concepts that come together.", ("dataset", "bank"), COOCCURRENCE),
    "slices": AnswerKind("Conjunctions of concepts on which a model errs most.", ("dataset", "bank", "model"), SLICES),
}
