"""Explanations of single images as cards: the picture, its class, three shares of the logit, three differences."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from markupsafe import Markup

from t2c.flows.bottleneck.use import ExplainReport
from t2c.flows.page import charts, words
from t2c.flows.page.document import write_document
from t2c.flows.page.pictures import Thumbnail
from t2c.flows.page.thumbnails import PictureSource, thumbnails
from t2c.store.artifacts.bottlenecks import FITTED
from t2c.store.sources.image_bytes import open_bytes

Read = Callable[[str], bytes]


@dataclass(frozen=True, slots=True)
class Bar:
    """One concept's line."""

    concept: str
    """The concept."""
    value: float
    """Share, or difference of shares."""
    z: float
    """Similarity in standard deviations."""
    chart: Markup
    """Its size, drawn; pale when it speaks against."""


@dataclass(frozen=True, slots=True)
class Card:
    """One explained image."""

    picture: Thumbnail
    """The picture."""
    image_id: str
    """Image as the dataset names it."""
    label: str | None
    """Label; None when unknown."""
    predicted: str
    """Class it was given."""
    runner_up: str
    """Second class."""
    margin: float
    """Difference of their logits."""
    fitted: bool
    """Whether the head was fitted on the image."""
    shares: tuple[Bar, ...]
    """Largest shares of the predicted class's logit."""
    differences: tuple[Bar, ...]
    """Largest differences to the runner-up."""

    @property
    def right(self) -> bool | None:
        """Whether the class is the label; None without one."""
        return None if self.label is None else self.label == self.predicted


def cards(table: pa.Table, images: pa.Table, *, read: Read) -> tuple[Card, ...]:
    """Return a card for each image of EXPLANATIONS, in order; `images` holds row, image_id, uri."""
    where = {row["row"]: row for row in images.to_pylist()}
    lines: dict[int, list[dict[str, Any]]] = {}
    for line in table.to_pylist():
        lines.setdefault(line["row"], []).append(line)
    requests = [PictureSource(where[row]["image_id"], where[row]["uri"]) for row in lines]
    pictures = thumbnails(requests, read=read, edge=160)
    return tuple(
        _card(picture, where[row]["image_id"], image_lines)
        for picture, (row, image_lines) in zip(pictures, lines.items(), strict=True)
    )


def _card(picture: Thumbnail, image_id: str, lines: Sequence[dict[str, Any]]) -> Card:
    first = lines[0]
    shares = [(line, line["share"]) for line in lines if line["part"].endswith("share")]
    gaps = [(line, line["share"] - line["runner_up_share"]) for line in lines if line["part"].endswith("difference")]
    return Card(
        picture=picture,
        image_id=image_id,
        label=first["label"],
        predicted=first["predicted"],
        runner_up=first["runner_up"],
        margin=first["margin"],
        fitted=first["side"] == FITTED,
        shares=tuple(_bar(line, value) for line, value in shares),
        differences=tuple(_bar(line, value) for line, value in gaps),
    )


def _bar(line: dict[str, Any], value: float) -> Bar:
    chart = charts.bar(abs(value), 1.0, kind="accent" if value > 0 else "weak")
    return Bar(line["concept"], value, line["z"], chart)


def write_explanation_page(report: ExplainReport, output: str | Path) -> None:
    """Write the explained images with their pictures; raises SpecError or StoreWriteError for the place."""
    image_cards = cards(report.table, report.images, read=open_bytes)
    write_document(
        "bottleneck/explanation_page.html.jinja",
        output,
        cards=image_cards,
        headline=f"Why {words.plural(len(image_cards), 'image')} got {'its' if len(image_cards) == 1 else 'their'} class",
        model=report.name,
        dataset=report.dataset,
    )
