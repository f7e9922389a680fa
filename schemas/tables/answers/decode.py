"""Answers of decoding: vectors as words, each word with what speaks for and against it."""

import pyarrow as pa

from t2c.schemas.tables.answers.kind import AnswerKind
from t2c.schemas.tables.tables import column

_ROWS = pa.list_(pa.int64())

DECODED = pa.schema(
    [
        column("vector", pa.string(), "what was decoded: a class, a cluster, an image, risen or fallen"),
        column("origin", pa.string(), "what the vector came from"),
        column("images", pa.int64(), "images it was made from; null where it is of none", nullable=True),
        column("place", pa.int32(), "place of the word in the decoder's order, 1 is the best"),
        column("word", pa.string(), "the word, or the text a language model wrote"),
        column("score", pa.float32(), "what the decoder ranks by, larger is better; comparable within one decoder"),
        column("margin", pa.float32(), "score less that of the next word; null where there is no next", nullable=True),
        column(
            "cosine", pa.float32(), "cosine of word and vector once the mean word and the mean image are taken away"
        ),
        column("reached", pa.float32(), "cosine that the vector's words reach together, in the decoder's own terms"),
        column("word_rank", pa.int64(), "rank of the word's cosine among the vocabulary, 1 is the nearest"),
        column(
            "overlap",
            pa.float32(),
            "share of the images nearest to the vector that are nearest to the word too; null where too few images",
            nullable=True,
        ),
        column(
            "auroc",
            pa.float32(),
            "chance that an image nearest to the vector is nearer to the word than another (of a shift: that an image"
            " of the current set is nearer to it than one of the reference); 0.5 is chance, null where too few images",
            nullable=True,
        ),
        column("compared", pa.int64(), "images that overlap and auroc are of"),
        column("nearest", pa.int64(), "how many images nearest to each overlap is of"),
        column("trust", pa.string(), "trust mark of the word as a concept, or `not measured`"),
        column("below_floor", pa.string(), "why the word should not be believed; empty when nothing speaks against it"),
        column(
            "own_rank",
            pa.int64(),
            "rank of the vector's own name among the vocabulary; null where it is no word of it",
            nullable=True,
        ),
        column("plain_rank", pa.int64(), "own_rank had the head's vectors not been rescaled; else null", nullable=True),
        column(
            "plain_word", pa.string(), "nearest word had the head's vectors not been rescaled; else null", nullable=True
        ),
        column("shown", pa.string(), "dataset of the two columns of rows"),
        column("rows_of_vector", _ROWS, "image rows nearest to the vector, nearest first"),
        column("rows_of_word", _ROWS, "image rows nearest to the word, nearest first"),
    ]
)
"""One row a vector and word, by vector, then by place."""

ANSWERS = {
    "decoded": AnswerKind(
        "Vectors put into words.", ("dataset", "what", "decoder", "vocabulary", "source", "target"), DECODED
    ),
}
