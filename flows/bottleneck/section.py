"""The report's section on concept bottlenecks: what the store holds for the report's images; nothing is fitted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from t2c.flows.bottleneck.page import Card, cards
from t2c.flows.page.pictures import Thumbnail
from t2c.flows.page.section import Context, Gathered
from t2c.flows.page.thumbnails import Wanted, thumbnails
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
    images = {one.dataset: one for one in (open_images(store, name) for name in context.asked.datasets)}
    mine = [one for one in list_bottlenecks(store) if not one.certificate.edits and _is_of(one, images)]
    newest = {
        (one.certificate.dataset, one.certificate.labels, one.certificate.bank, one.certificate.head): one
        for one in mine
    }
    chosen = sorted(newest.values(), key=lambda one: one.manifest.created_at, reverse=True)[:MOST]
    if not chosen:
        return None
    made, read = [], []
    for stored in chosen:
        shown, used = _shown(stored, images)
        made.append(shown)
        read += [stored.manifest, *used]
    return Gathered(tuple(made), tuple(read))


def _is_of(stored: StoredBottleneck, images: dict[str, Images]) -> bool:
    mine = images.get(stored.certificate.dataset)
    return mine is not None and mine.manifest.as_parent() in stored.manifest.parents


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
        errors=tuple((name, groups) for name, one in images.items() if (groups := _errors(reader, name, one))),
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
            one
            for one in list_answers(self.stored.store, kind)
            if one.spec.get("model") == self.stored.name
            and one.spec["dataset"] == dataset
            and "before" not in one.spec
            and parent in one.parents
        ]
        return self._read(fits[-1]) if fits else None

    def lines(self, kind: str, dataset: str) -> list[dict[str, Any]]:
        """Return the same as rows; empty without an answer."""
        found = self.table(kind, dataset)
        return [] if found is None else found.to_pylist()

    def edits(self) -> list[Edited]:
        """Return every edit of the bottleneck that was measured on a dataset of the report."""
        found = []
        for one in list_answers(self.stored.store, "bottleneck"):
            if one.spec.get("before") != self.stored.name or one.spec["dataset"] not in self.images:
                continue
            rows = {row["who"]: row for row in self._read(one).to_pylist()}
            edited = open_bottleneck(self.stored.store, str(one.spec["model"])).certificate
            said = ", ".join(f"{edit.concept} × {edit.factor:g}" for edit in edited.edits)
            found.append(Edited(said, str(one.spec["dataset"]), rows["before"], rows["concepts"]))
        return found

    def _read(self, answer: Manifest) -> pa.Table:
        self.read.append(answer)
        return answer_table(self.stored.store, answer)


def _weights(lines: Sequence[dict[str, Any]]) -> list[tuple[str, str, str]]:
    by_class: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        by_class.setdefault(line["class"], []).append(line)
    found = []
    for name, mine in by_class.items():
        for_it = [one["concept"] for one in mine if one["weight"] > 0][:WEIGHTS]
        against = [one["concept"] for one in reversed(mine) if one["weight"] < 0][:WEIGHTS]
        found.append((name, ", ".join(for_it) or "–", ", ".join(against) or "–"))
    return found


def _cards(table: pa.Table, images: Images) -> tuple[Card, ...]:
    lines = table.to_pylist()
    wrong = {one["row"] for one in lines if one["label"] not in (None, one["predicted"])}
    every = list(dict.fromkeys(one["row"] for one in lines))
    rows = [row for row in every if row in wrong][:WRONG] + [row for row in every if row not in wrong][:RIGHT]
    kept = pa.Table.from_pylist([one for one in lines if one["row"] in set(rows)], schema=table.schema)
    where = image_rows(images, rows, ["image_id", "uri"]).add_column(0, "row", pa.array(rows, pa.int64()))
    return cards(kept, where, read=open_bytes)


def _errors(reader: _Reader, dataset: str, images: Images) -> tuple[ErrorGroup, ...]:
    lines = reader.lines("bottleneck_errors", dataset)[:GROUPS]
    wanted = []
    for line in lines:
        rows = line["rows"][:PICTURES]
        about = image_rows(images, rows, ["image_id", "uri"]).to_pylist()
        wanted.append([Wanted(one["image_id"], one["uri"]) for one in about])
    made = iter(thumbnails([one for group in wanted for one in group], read=open_bytes))
    return tuple(ErrorGroup(line, tuple(next(made) for _ in group)) for line, group in zip(lines, wanted, strict=True))
