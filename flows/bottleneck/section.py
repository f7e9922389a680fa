"""The report's section on concept bottlenecks: what the store holds for the report's images; nothing is fitted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from t2c.flows.bottleneck.page import Card, cards
from t2c.flows.page.pictures import Thumbnail
from t2c.flows.page.section import Context, Gathered
from t2c.flows.page.thumbnails import PictureSource, thumbnails
from t2c.schemas.bottleneck_certificate import BottleneckCertificate
from t2c.store.artifacts.answers import answer_table, list_answers
from t2c.store.artifacts.bottlenecks import StoredBottleneck, list_bottlenecks, open_bottleneck
from t2c.store.artifacts.images import Images, open_images
from t2c.store.artifacts.selection import image_rows
from t2c.store.disk.manifest import Manifest
from t2c.store.sources.image_bytes import open_bytes

MOST = 3
"""Bottlenecks shown: the newest of each task and head."""
WRONG, RIGHT = 6, 4
"""Explained images shown of each: errors, and the rest."""
GROUPS = 6
"""Groups of errors shown of each."""
PICTURES = 4
"""Pictures of a group of errors."""
WEIGHTS = 4
"""Concepts named for and against each class."""
NAMES = {
    "concepts": "concept bottleneck",
    "features": "linear probe on the full features",
    "attributes": "same head on true attributes",
    "majority": "always the commonest class",
}


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """Errors that one concept tipped."""

    facts: dict[str, Any]
    """Its line of BOTTLENECK_ERRORS."""
    pictures: tuple[Thumbnail, ...]
    """Some of its images."""


@dataclass(frozen=True, slots=True)
class Edited:
    """An edit and what it did."""

    edits: str
    """What was edited."""
    dataset: str
    """Dataset it was measured on."""
    before: dict[str, Any]
    """Line of BOTTLENECK before it."""
    after: dict[str, Any]
    """Line of BOTTLENECK after it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One bottleneck as the report shows it."""

    name: str
    """Digest, 12 digits."""
    certificate: BottleneckCertificate
    """What it says of itself."""
    accuracy: tuple[dict[str, Any], ...]
    """Lines of BOTTLENECK, named for people."""
    chance: float
    """1 / classes."""
    weights: tuple[tuple[str, str, str], ...]
    """Class, what speaks for it, what speaks against it."""
    aurocs: tuple[dict[str, Any], ...]
    """Lines of ATTRIBUTE_AUROC."""
    mean_auroc: float
    """Mean of them; 0 without any."""
    good_aurocs: int
    """How many are at 0.75 or better."""
    cards: tuple[Card, ...]
    """Explained images."""
    errors: tuple[tuple[str, tuple[ErrorGroup, ...]], ...]
    """Dataset, and its groups of errors."""
    edits: tuple[Edited, ...]
    """Edits made of it."""


def gather(context: Context) -> Gathered | None:
    """Return the newest bottlenecks of each task that were fitted on the report's images, or None without any."""
    store = context.asked.store
    images = {opened.dataset: opened for opened in (open_images(store, name) for name in context.asked.datasets)}
    fitted = [stored for stored in list_bottlenecks(store) if not stored.certificate.edits and _is_of(stored, images)]
    newest = {
        (
            stored.certificate.dataset,
            stored.certificate.labels,
            stored.certificate.bank,
            stored.certificate.head,
        ): stored
        for stored in fitted
    }
    chosen = sorted(newest.values(), key=lambda stored: stored.manifest.created_at, reverse=True)[:MOST]
    if not chosen:
        return None
    sections, read = [], []
    for stored in chosen:
        section, used = _shown(stored, images)
        sections.append(section)
        read += [stored.manifest, *used]
    return Gathered(tuple(sections), tuple(read))


def _is_of(stored: StoredBottleneck, images: dict[str, Images]) -> bool:
    dataset = images.get(stored.certificate.dataset)
    return dataset is not None and dataset.manifest.as_parent() in stored.manifest.parents


def _shown(stored: StoredBottleneck, images: dict[str, Images]) -> tuple[Shown, list[Manifest]]:
    reader = _Reader(stored, images)
    home = stored.certificate.dataset
    accuracy = [{**row, "name": NAMES[row["who"]]} for row in reader.lines("bottleneck", home) if row["who"] in NAMES]
    aurocs = reader.lines("attribute_auroc", home)
    values = [row["auroc"] for row in aurocs]
    explained = reader.table("explanations", home)
    return Shown(
        name=stored.name,
        certificate=stored.certificate,
        accuracy=tuple(accuracy),
        chance=1 / len(stored.certificate.classes),
        weights=tuple(_weights(reader.lines("bottleneck_weights", home))),
        aurocs=tuple(aurocs),
        mean_auroc=sum(values) / len(values) if values else 0.0,
        good_aurocs=sum(value >= 0.75 for value in values),
        cards=() if explained is None else _cards(explained, images[home]),
        errors=tuple((name, groups) for name, dataset in images.items() if (groups := _errors(reader, name, dataset))),
        edits=tuple(reader.edits()),
    ), reader.read


class _Reader:
    """Reads the newest answer of a kind about one bottleneck, and remembers what it read."""

    def __init__(self, stored: StoredBottleneck, images: dict[str, Images]) -> None:
        self.stored, self.images = stored, images
        self.read: list[Manifest] = []

    def table(self, kind: str, dataset: str) -> pa.Table | None:
        """Return the newest answer about the report's snapshot of a dataset, or None."""
        parent = self.images[dataset].manifest.as_parent()
        fits = [
            manifest
            for manifest in list_answers(self.stored.store, kind)
            if manifest.spec.get("model") == self.stored.name
            and manifest.spec["dataset"] == dataset
            and "before" not in manifest.spec
            and parent in manifest.parents
        ]
        return self._read(fits[-1]) if fits else None

    def lines(self, kind: str, dataset: str) -> list[dict[str, Any]]:
        """Return the same as rows; empty without an answer."""
        table = self.table(kind, dataset)
        return [] if table is None else table.to_pylist()

    def edits(self) -> list[Edited]:
        """Return every edit of the bottleneck that was measured on a dataset of the report."""
        edits = []
        for manifest in list_answers(self.stored.store, "bottleneck"):
            if manifest.spec.get("before") != self.stored.name or manifest.spec["dataset"] not in self.images:
                continue
            rows = {row["who"]: row for row in self._read(manifest).to_pylist()}
            edited = open_bottleneck(self.stored.store, str(manifest.spec["model"])).certificate
            text = ", ".join(f"{edit.concept} × {edit.factor:g}" for edit in edited.edits)
            edits.append(Edited(text, str(manifest.spec["dataset"]), rows["before"], rows["concepts"]))
        return edits

    def _read(self, answer: Manifest) -> pa.Table:
        self.read.append(answer)
        return answer_table(self.stored.store, answer)


def _weights(lines: Sequence[dict[str, Any]]) -> list[tuple[str, str, str]]:
    by_class: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        by_class.setdefault(line["class"], []).append(line)
    rows = []
    for name, class_lines in by_class.items():
        for_it = [line["concept"] for line in class_lines if line["weight"] > 0][:WEIGHTS]
        against = [line["concept"] for line in reversed(class_lines) if line["weight"] < 0][:WEIGHTS]
        rows.append((name, ", ".join(for_it) or "–", ", ".join(against) or "–"))
    return rows


def _cards(table: pa.Table, images: Images) -> tuple[Card, ...]:
    lines = table.to_pylist()
    wrong = {line["row"] for line in lines if line["label"] not in (None, line["predicted"])}
    every = list(dict.fromkeys(line["row"] for line in lines))
    rows = [row for row in every if row in wrong][:WRONG] + [row for row in every if row not in wrong][:RIGHT]
    chosen = pa.Table.from_pylist([line for line in lines if line["row"] in set(rows)], schema=table.schema)
    where = image_rows(images, rows, ["image_id", "uri"]).add_column(0, "row", pa.array(rows, pa.int64()))
    return cards(chosen, where, read=open_bytes)


def _errors(reader: _Reader, dataset: str, images: Images) -> tuple[ErrorGroup, ...]:
    lines = reader.lines("bottleneck_errors", dataset)[:GROUPS]
    requests = []
    for line in lines:
        rows = line["rows"][:PICTURES]
        about = image_rows(images, rows, ["image_id", "uri"]).to_pylist()
        requests.append([PictureSource(row["image_id"], row["uri"]) for row in about])
    pictures = iter(thumbnails([request for group in requests for request in group], read=open_bytes))
    return tuple(
        ErrorGroup(line, tuple(next(pictures) for _ in group)) for line, group in zip(lines, requests, strict=True)
    )
