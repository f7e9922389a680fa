"""The report's section that reads a dataset: slices where a model errs, hard images, concepts that come together."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from t2c.flows.page import words
from t2c.flows.page.pictures import Thumbnail
from t2c.flows.page.section import Context, Gathered
from t2c.flows.page.thumbnails import PictureSource, thumbnails
from t2c.store.artifacts.answers import answer_table, list_answers
from t2c.store.artifacts.images import Images, open_images
from t2c.store.artifacts.selection import image_rows
from t2c.store.disk.manifest import Manifest
from t2c.store.disk.root import Store
from t2c.store.sources.image_bytes import open_bytes

SLICES, GROUPS, PAIRS, RANKED = 6, 8, 15, 4
"""Slices, hard groups, pairs of concepts, and concepts with their classes that are shown."""
WRONG, HARD, ENDS = 6, 8, 4
"""Pictures of a slice's errors, of a hard group, and of each end of a class."""
FIRST_CLASSES = 5
"""Classes named of a concept."""


@dataclass(frozen=True, slots=True)
class SliceShown:
    """One slice with some of its errors."""

    facts: dict[str, Any]
    """Its line of SLICES."""
    pictures: tuple[Thumbnail, ...]
    """Images of it that the model gets wrong."""


@dataclass(frozen=True, slots=True)
class ModelShown:
    """A model's slices on a dataset."""

    model: str
    """Name of the imported predictions."""
    dataset: str
    """Dataset."""
    overall: float
    """Error rate of the half that slices are measured on."""
    slices: tuple[SliceShown, ...]
    """Slices, in the order found; empty when none is worse than the rest."""


@dataclass(frozen=True, slots=True)
class HardShown:
    """Images of a class that lack what the class usually has."""

    label: str
    """Class."""
    context: str
    """What it usually has."""
    share: float
    """Share of the class above the mean of all images."""
    pictures: tuple[Thumbnail, ...]
    """Images that show it least."""


@dataclass(frozen=True, slots=True)
class RankedShown:
    """A concept with the classes that show it most, and both ends of the first."""

    concept: str
    """The concept."""
    classes: tuple[dict[str, Any], ...]
    """Lines of CLASS_RANKS of the first classes."""
    most: tuple[Thumbnail, ...]
    """Images of the first class that show it most."""
    least: tuple[Thumbnail, ...]
    """Images of it that show it least."""


@dataclass(frozen=True, slots=True)
class Reading:
    """Slices, hard images, ranked classes and pairs of concepts of the report's datasets."""

    models: tuple[ModelShown, ...]
    """Slices of each model and dataset."""
    hard: tuple[tuple[str, tuple[HardShown, ...]], ...]
    """Dataset and its hard images."""
    ranked: tuple[tuple[str, tuple[RankedShown, ...]], ...]
    """Dataset and the concepts that set classes apart most."""
    pairs: tuple[tuple[str, tuple[dict[str, Any], ...]], ...]
    """Dataset and the pairs of concepts that come together, strongest first."""


def gather(context: Context) -> Gathered | None:
    """Return what was read of the report's images under its map and bank, or None when nothing was."""
    store, scores = context.asked.store, context.sides[0].among.scores
    reader = _Reader(store, scores.map, scores.bank)
    models: list[ModelShown] = []
    hard: list[tuple[str, tuple[HardShown, ...]]] = []
    ranked: list[tuple[str, tuple[RankedShown, ...]]] = []
    pairs: list[tuple[str, tuple[dict[str, Any], ...]]] = []
    for images in (open_images(store, name) for name in context.asked.datasets):
        by_model = {str(answer.spec["model"]): answer for answer in reader.answers("slices", images)}
        models += [_model(reader, images, name, answer) for name, answer in by_model.items()]
        lacking = [_hard(reader.lines(answer), images) for answer in reader.answers("hard_images", images)[-1:]]
        hard += [(images.dataset, groups) for groups in lacking if groups]
        ranked += [
            (images.dataset, _ranked(reader.lines(answer), images))
            for answer in reader.answers("class_ranks", images)[-1:]
        ]
        together = [reader.lines(answer)[:PAIRS] for answer in reader.answers("cooccurrence", images)[-1:]]
        pairs += [(images.dataset, tuple(lines)) for lines in together if lines]
    if not (models or hard or ranked or pairs):
        return None
    return Gathered(Reading(tuple(models), tuple(hard), tuple(ranked), tuple(pairs)), tuple(reader.read))


class _Reader:
    """Reads answers about the report's map and bank, and remembers what it read."""

    def __init__(self, store: Store, linear_map: str, bank: str) -> None:
        self._store, self._sides = store, (linear_map, bank)
        self.read: list[Manifest] = []

    def answers(self, kind: str, images: Images) -> list[Manifest]:
        """Return the answers of a kind about an image snapshot, oldest first."""
        parent = images.manifest.as_parent()
        every = list_answers(self._store, kind)
        return [
            answer
            for answer in every
            if parent in answer.parents and (answer.spec["map"], answer.spec["bank"]) == self._sides
        ]

    def lines(self, answer: Manifest) -> list[dict[str, Any]]:
        """Return an answer's table as rows."""
        self.read.append(answer)
        rows: list[dict[str, Any]] = answer_table(self._store, answer).to_pylist()
        return rows


def _model(reader: _Reader, images: Images, name: str, answer: Manifest) -> ModelShown:
    lines = reader.lines(answer)[:SLICES]
    pictures = _pictures(images, [[(row, ()) for row in line["rows"][:WRONG]] for line in lines])
    slices = tuple(SliceShown(line, errors) for line, errors in zip(lines, pictures, strict=True))
    return ModelShown(name, images.dataset, lines[0]["overall"] if lines else 0.0, slices)


def _hard(lines: Sequence[dict[str, Any]], images: Images) -> tuple[HardShown, ...]:
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for line in lines:
        groups.setdefault((line["label"], line["context"]), []).append(line)
    chosen = sorted(groups.values(), key=lambda group: group[0]["z"])[:GROUPS]
    picture_facts = [[(line["row"], _facts(line)) for line in group[:HARD]] for group in chosen]
    pictures_of_groups = _pictures(images, picture_facts)
    return tuple(
        HardShown(group[0]["label"], group[0]["context"], group[0]["usual_share"], pictures)
        for group, pictures in zip(chosen, pictures_of_groups, strict=True)
    )


def _ranked(lines: Sequence[dict[str, Any]], images: Images) -> tuple[RankedShown, ...]:
    """Return the concepts whose first class lies farthest above all images."""
    by_concept: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        by_concept.setdefault(line["concept"], []).append(line)
    every = [sorted(class_lines, key=lambda line: line["rank"])[:FIRST_CLASSES] for class_lines in by_concept.values()]
    chosen = sorted(every, key=lambda class_lines: -class_lines[0]["z"])[:RANKED]
    ends = [[(row, ()) for row in class_lines[0][end][:ENDS]] for class_lines in chosen for end in ("most", "least")]
    # two groups a concept, most and least in turn
    pictures = _pictures(images, ends)
    return tuple(
        RankedShown(class_lines[0]["concept"], tuple(class_lines), pictures[2 * at], pictures[2 * at + 1])
        for at, class_lines in enumerate(chosen)
    )


def _facts(line: dict[str, Any]) -> tuple[str, ...]:
    predicted = line["predicted"]
    return (f"{words.signed(line['z'], 1)} sd", *(() if predicted in (None, line["label"]) else (f"✕ {predicted}",)))


def _pictures(images: Images, groups: Sequence[Sequence[tuple[int, tuple[str, ...]]]]) -> list[tuple[Thumbnail, ...]]:
    """Return the pictures of groups of (row, facts)."""
    flat = [entry for group in groups for entry in group]
    about = image_rows(images, [row for row, _ in flat], ["image_id", "uri"]).to_pylist()
    requests = [
        PictureSource(image["image_id"], image["uri"], facts) for image, (_, facts) in zip(about, flat, strict=True)
    ]
    pictures = iter(thumbnails(requests, read=open_bytes))
    return [tuple(next(pictures) for _ in group) for group in groups]
