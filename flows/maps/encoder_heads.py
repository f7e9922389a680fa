"""The linear head that an encoder brings with it: opened with the space it reads, its classes listed by name."""

from typing import TYPE_CHECKING

import pyarrow as pa

from t2c.schemas.errors import SpecError, expected
from t2c.schemas.spaces import Space
from t2c.schemas.specs.base import parse_encoder
from t2c.schemas.tables.tables import column

if TYPE_CHECKING:
    from t2c.core.encoders import base

HEAD_CLASSES = pa.schema(
    [
        column("class", pa.int32(), "position of the class among the logits, 0 and up"),
        column("name", pa.string(), "what the class is called, each name once"),
        column("synset", pa.string(), "WordNet id, where the classes are ImageNet's", nullable=True),
        column("lemmas", pa.string(), "all that the model says of the class"),
    ]
)


def own_head(encoder: str, *, device: str = "auto") -> "tuple[Space, base.Head]":
    """Return an encoder's space and its classifier; raises SpecError for imported features or a model without one."""
    from t2c.core.encoders.load import load_encoder

    subject = f"classifier of {encoder}"
    todo = "Fit one on labels (--head probe), or use class names as concepts (--head zeroshot)."
    if ":" not in encoder:
        raise SpecError(expected(subject, "an encoder that this project runs", "imported features", todo))
    loaded = load_encoder(parse_encoder(encoder), device=device)
    head = loaded.head()
    if head is None:
        raise SpecError(expected(subject, "a linear head over its features", "none", todo))
    return loaded.space, head


def head_classes(encoder: str, *, device: str = "auto") -> pa.Table:
    """Return HEAD_CLASSES of an encoder's own head; raises as `own_head`, SpecError when the model names no classes."""
    from t2c.core.encoders.imagenet import class_ids, head_names, short_names

    _, head = own_head(encoder, device=device)
    if head.classes is None:
        want = f"names of its {len(head.weight):,} classes"
        raise SpecError(expected(f"classifier of {encoder}", want, "a model that does not say them"))
    ids = class_ids(head.classes)
    names = head_names(head.classes) if ids is None else short_names(head.classes, ids)
    columns = [range(len(names)), names, ids or [None] * len(names), head.classes]
    return pa.table(
        [pa.array(list(values), field.type) for values, field in zip(columns, HEAD_CLASSES, strict=True)],
        schema=HEAD_CLASSES,
    )
