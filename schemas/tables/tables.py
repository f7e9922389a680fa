"""The Arrow schema of every table in the store; each column carries its meaning, unit and range as metadata."""

import pyarrow as pa

OUTCOMES = ("ok", "corrupt", "too_large", "unsupported", "missing")
"""What became of an input file: readable, damaged, over the pixel cap, not an allowed format, gone."""

FOLD_FULL = -1
"""`fold` of a similarity whose row took no part in fitting the map: scored with the full map."""
FOLD_IN_SAMPLE = -2
"""`fold` of a similarity of a fitted row under a map without folds: never summarised, searched or compared."""

HISTOGRAM_BINS = 200
"""Bins of width 0.01 over the cosine range [-1, 1]; the same for every concept, so histograms add and compare."""

QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)
"""Quantiles kept in concept_stats as q01 .. q99 (linear interpolation, as numpy's default)."""


def column(name: str, kind: pa.DataType, doc: str, *, nullable: bool = False) -> pa.Field:
    """Return a field whose metadata holds its documentation."""
    return pa.field(name, kind, nullable=nullable, metadata={"doc": doc})


def doc(field: pa.Field) -> str:
    """Return a field's documentation."""
    text: bytes = (field.metadata or {}).get(b"doc", b"")
    return text.decode()


_TIME = pa.timestamp("us", tz="UTC")

IMAGES = pa.schema(
    [
        column("row", pa.int64(), "dense row number, 0 and up; never reused, never changed"),
        column(
            "image_id",
            pa.string(),
            "path relative to the dataset (or the key in a tar or Parquet); unique among current rows",
        ),
        column(
            "uri",
            pa.string(),
            "where the bytes are: path or URL, with #tar=offset,size or #parquet=row,column inside a container",
        ),
        column(
            "content_hash",
            pa.string(),
            "sha256 of the file's bytes; of the id for imported features; null when missing",
            nullable=True,
        ),
        column("label", pa.string(), "class label from the folder or a column; null when unknown", nullable=True),
        column("split", pa.string(), "train, test, ...; null when unknown", nullable=True),
        column("captured_at", _TIME, "when the picture was taken, UTC; null when unknown", nullable=True),
        column(
            "width", pa.int32(), "pixels after EXIF orientation; null when the header cannot be read", nullable=True
        ),
        column(
            "height", pa.int32(), "pixels after EXIF orientation; null when the header cannot be read", nullable=True
        ),
        column("format", pa.string(), "image format from the header: jpeg, png, webp, ...", nullable=True),
        column("bytes", pa.int64(), "file size in bytes"),
        column("outcome", pa.string(), "ok, corrupt, too_large, unsupported or missing, as far as the header tells"),
        column("error", pa.string(), "why the outcome is not ok", nullable=True),
        column("duplicate_of", pa.int64(), "first row with the same content hash; null for the first", nullable=True),
        column(
            "supersedes",
            pa.int64(),
            "older row of the same image_id that this one replaces; null when new",
            nullable=True,
        ),
    ]
)

OUTCOME_UPDATES = pa.schema(
    [
        column("row", pa.int64(), "row whose pixels could not be decoded"),
        column("outcome", pa.string(), "corrupt, too_large, unsupported or missing, found when decoding"),
        column("error", pa.string(), "why it could not be decoded"),
    ]
)

ATTRIBUTES = pa.schema(
    [
        column("row", pa.int64(), "image row"),
        column("name", pa.string(), "attribute name, free text"),
        column("value", pa.string(), "value as text"),
        column("number", pa.float64(), "value as a number (true 1, false 0); null when it is not one", nullable=True),
    ]
)

PREDICTIONS = pa.schema(
    [
        column("model", pa.string(), "name the user gave the model"),
        column("row", pa.int64(), "image row"),
        column("class", pa.string(), "predicted class"),
        column("score", pa.float64(), "the model's score for the class; null when it gave none", nullable=True),
    ]
)

CONCEPTS = pa.schema(
    [
        column("key", pa.int32(), "concept number in its bank, 0 and up, never reused"),
        column("concept", pa.string(), "the concept as the user wrote it, free text; unique in the bank"),
        column(
            "prompts",
            pa.list_(pa.string()),
            "texts that were encoded; lemmas of a class, classes of a group; empty for imported vectors",
        ),
        column("vector", pa.list_(pa.float32()), "unit vector in the target space"),
        column("vector_digest", pa.string(), "sha256 of the vector's little-endian float32 bytes"),
        column(
            "averaging",
            pa.string(),
            "normalise-then-average, average-then-normalise, imported, mean of exemplars, linear classifier, row of a head or mean of classes",
        ),
        column(
            "kind",
            pa.string(),
            "concept, context, imported, refined from exemplars, class (row of a head) or group (of classes)",
        ),
    ]
)

SIMILARITIES = pa.schema(
    [
        column("key", pa.int32(), "concept number in the bank"),
        column("row", pa.int64(), "image row"),
        column(
            "similarity",
            pa.float32(),
            "cosine of the aligned image feature and the concept vector, -1 to 1; NaN never, 0 for a zero vector",
        ),
        column(
            "fold",
            pa.int8(),
            "-1: full map, row not fitted; 0 and up: map fitted without this fold; -2: in-sample, never compared",
        ),
    ]
)

CONCEPT_STATS = pa.schema(
    [
        column("key", pa.int32(), "concept number in the bank"),
        column("concept", pa.string(), "the concept"),
        column("count", pa.int64(), "current rows with an out-of-fold or held-out similarity"),
        column("mean", pa.float64(), "mean similarity"),
        column("std", pa.float64(), "population standard deviation (ddof 0)"),
        column("min", pa.float64(), "smallest similarity"),
        column("max", pa.float64(), "largest similarity"),
        *(column(f"q{round(q * 100):02d}", pa.float64(), f"{q:.0%} quantile of the similarity") for q in QUANTILES),
        column(
            "histogram",
            pa.list_(pa.int64()),
            f"counts in {HISTOGRAM_BINS} bins of width 0.01 over [-1, 1], the last bin closed",
        ),
    ]
)

FITTED_ROWS = pa.schema(
    [
        column("content_hash", pa.string(), "content of the fitted image; a copy of it anywhere is scored as this one"),
        column("row", pa.int64(), "image row in the dataset the map was fitted on"),
        column("fold", pa.int8(), "fold whose map never saw this row; -2 when the map has no folds"),
    ]
)

SHIFT = pa.schema(
    [
        column("key", pa.int32(), "concept number in the bank"),
        column("concept", pa.string(), "the concept"),
        column(
            "n_reference", pa.int64(), "independent observations compared in the reference: images, or clusters of them"
        ),
        column("n_current", pa.int64(), "independent observations compared in the current set"),
        column("mean_reference", pa.float64(), "mean similarity in the reference"),
        column("mean_current", pa.float64(), "mean similarity in the current set"),
        column(
            "effect",
            pa.float64(),
            "(mean_current - mean_reference) / reference std (of both sets together when the reference is constant); "
            "0 when all are equal",
        ),
        column("wasserstein", pa.float64(), "1-Wasserstein distance in the unit of the effect"),
        column("d", pa.float64(), "two-sample Kolmogorov-Smirnov statistic, 0 to 1"),
        column(
            "sign", pa.int8(), "+1: current lies to the right where the distance is largest; -1: to the left; 0: D is 0"
        ),
        column(
            "effect_mix",
            pa.float64(),
            "part of the effect that another mix of classes makes, over images with a class; null without classes",
            nullable=True,
        ),
        column(
            "effect_within",
            pa.float64(),
            "the other part: inside the classes that both sides have, weighted by their current shares",
            nullable=True,
        ),
        column(
            "d_blocks",
            pa.float64(),
            "mean D of the reference's contiguous blocks, each against the rest of it; null when it has too few rows",
            nullable=True,
        ),
        column(
            "d_pieces",
            pa.float64(),
            "mean D of pieces of the current set, as large as those blocks, against the reference",
            nullable=True,
        ),
        column("log10_p", pa.float64(), "log10 of the two-sided p-value; does not underflow"),
        column("log10_q", pa.float64(), "log10 of the Benjamini-Hochberg q-value over the bank"),
        column("q", pa.float64(), "Benjamini-Hochberg q-value; 0 when below 1e-308, 1 for a concept that is left out"),
        column(
            "log10_p_within",
            pa.float64(),
            "log10 p of the distance that is left once the reference has the current mix of classes",
            nullable=True,
        ),
        column("log10_q_within", pa.float64(), "log10 of its q-value over the bank", nullable=True),
        column(
            "p_blocks", pa.float64(), "(1 + blocks at least as far as the current set) / (1 + blocks)", nullable=True
        ),
        column("q_blocks", pa.float64(), "its q-value over the bank", nullable=True),
        column(
            "verdict",
            pa.string(),
            "risen or fallen by the sign of the effect; changed shape where the effect is below the smallest worth naming; none",
        ),
        column(
            "cause",
            pa.string(),
            "of a concept that has shifted: class mix, within classes or both; null without classes",
            nullable=True,
        ),
        column("trust", pa.string(), "its mark under this map; null: not measured", nullable=True),
        column("left_out", pa.bool_(), "whether its mark kept it out of verdicts and q-values", nullable=True),
    ]
)

ZEROSHOT = pa.schema(
    [
        column("row", pa.int64(), "image row"),
        column("label", pa.string(), "label in the dataset; null when unknown", nullable=True),
        column("predicted", pa.string(), "class with the largest similarity"),
        column("similarity", pa.float32(), "similarity of the predicted class"),
        column("margin", pa.float32(), "similarity of the predicted class minus that of the runner-up"),
    ]
)

LINEAGE = pa.schema(
    [
        column("artifact", pa.string(), "kind and name of the artifact"),
        column("snapshot", pa.int64(), "its snapshot number"),
        column("digest", pa.string(), "its digest: sha256 over spec and parents"),
        column("parent", pa.string(), "kind and name of one parent; null for a root", nullable=True),
        column("parent_snapshot", pa.int64(), "snapshot of the parent that was read", nullable=True),
        column("parent_digest", pa.string(), "digest of the parent", nullable=True),
        column("created_at", _TIME, "when the snapshot was committed, UTC"),
    ]
)
