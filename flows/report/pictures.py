"""Pictures of a report: both ends of the concepts that matter most, and the images that concept logic finds."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pyarrow as pa

from t2c.flows.page import words
from t2c.flows.page.pictures import Strip
from t2c.flows.page.thumbnails import PictureSource, thumbnails
from t2c.flows.report.data import FUNNEL, ConceptImages, LogicResult
from t2c.flows.rows.sides import Side
from t2c.store.artifacts.selection import image_rows
from t2c.store.queries.find import FindResult
from t2c.store.queries.rank import largest

Read = Callable[[str], bytes]


def grids(sides: Sequence[Side], keys: Sequence[int], *, most: int, read: Read) -> tuple[ConceptImages, ...]:
    """Return the `most` most and least similar images of each concept on each side."""
    drafts = [
        (
            key,
            [
                (f"{end} similar in {side.name}", list(_end(side, key, most, sign=sign)))
                for side in sides
                for end, sign in (("most", 1), ("least", -1))
            ],
        )
        for key in keys
    ]
    requested = [picture for _, strips in drafts for _, pictures in strips for picture in pictures]
    small_pictures = iter(thumbnails(requested, read=read))
    return tuple(
        ConceptImages(
            sides[0].among.names[key],
            tuple(
                Strip(title, tuple(next(small_pictures) for _ in pictures)) for title, pictures in strips if pictures
            ),
        )
        for key, strips in drafts
    )


def _end(side: Side, key: int, most: int, *, sign: int) -> Iterator[PictureSource]:
    """Yield the pictures at one end of a concept, the farthest first."""
    values = side.among.values(key)
    values[side.left_out] = np.nan
    rows = largest(values if sign > 0 else -values, most)
    about = image_rows(side.among.images, rows, ["image_id", "uri", "label"]).to_pylist()
    for row, image in zip(rows, about, strict=True):
        label = () if image["label"] is None else (image["label"],)
        yield PictureSource(image["image_id"], image["uri"], (words.number(float(values[row]), 3), *label))


def logic(result: FindResult, *, dataset: str, read: Read) -> LogicResult:
    """Return the answer to a query with its first pictures, each with the z-scores that are the reason."""
    first = [{"step": "all images", "remaining": result.searched}]
    rest = [{"step": row["term"], "remaining": row["remaining"]} for row in result.funnel.to_pylist()]
    concepts = result.thresholds["concept"].to_pylist()
    requested = [
        PictureSource(
            row["image_id"],
            row["uri"],
            tuple(f"{name} {words.signed(z)}" for name, z in dict(zip(concepts, row["z"], strict=True)).items()),
        )
        for row in result.table.to_pylist()
    ]
    return LogicResult(
        result.expression,
        dataset,
        pa.Table.from_pylist([*first, *rest], schema=FUNNEL),
        tuple(thumbnails(requested, read=read)),
        tuple(dict.fromkeys(concepts)),
    )
