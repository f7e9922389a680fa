"""The report's section of vectors in words: what `decode` has answered about the datasets shown, with the nearest images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from t2c.core.words.fidelity import AUROC_FLOOR
from t2c.flows.page import words
from t2c.flows.page.pictures import Thumbnail
from t2c.flows.page.section import Context, Gathered
from t2c.flows.page.thumbnails import PictureSource, thumbnails
from t2c.schemas.names import parse_dataset_ref
from t2c.store.artifacts.answers import answer_table, list_answers
from t2c.store.artifacts.images import Images, open_images
from t2c.store.artifacts.linear_maps import StoredMap, open_map
from t2c.store.artifacts.selection import image_rows
from t2c.store.disk import paths
from t2c.store.disk.manifest import Manifest, find_manifest
from t2c.store.sources.image_bytes import open_bytes

CARDS = 12
"""Vectors of an answer that are shown with pictures."""
ANSWERS_WITH_PICTURES = 6
"""Answers that have pictures; further ones are tables."""
PICTURES = 3
"""Images nearest to a vector, and as many nearest to its word."""
LISTED = 200
"""Vectors of an answer that are listed in its table."""
IN_WORDS = 4
"""Words of a shift named beside its table, on either side."""

_KINDS = {
    "head": "Rows of a classification head",
    "classes": "Class means",
    "clusters": "Cluster centres",
    "row": "An image",
    "file": "Own vectors",
    "concepts": "Concept vectors",
    "bottleneck": "Classes of a bottleneck",
    "shift": "What has changed",
}


@dataclass(frozen=True, slots=True)
class Card:
    """One vector with its words and pictures."""

    name: str
    """What it is called."""
    origin: str
    """What it came from."""
    lines: tuple[Mapping[str, Any], ...]
    """Rows of DECODED: the best word, and the others that nothing speaks against."""
    doubtful: tuple[str, ...]
    """The other words, which are below the floor."""
    near_vector: tuple[Thumbnail, ...] = ()
    """Images nearest to the vector."""
    near_word: tuple[Thumbnail, ...] = ()
    """Images nearest to its best word."""


@dataclass(frozen=True, slots=True)
class AnswerInWords:
    """One answer of `decode`."""

    title: str
    """What was decoded."""
    facts: tuple[str, ...]
    """Dataset, encoder, decoder, word list."""
    vectors: int
    """Vectors decoded."""
    believed: int
    """Of these, with a best word that nothing speaks against."""
    ablation: str
    """What rescaling the head's vectors changed; empty where nothing was rescaled."""
    cards: tuple[Card, ...]
    """Vectors with pictures."""
    listed: tuple[Card, ...]
    """Vectors in the table, without pictures; none when all have cards."""


@dataclass(frozen=True, slots=True)
class WordsSection:
    """What the section shows."""

    answers: tuple[AnswerInWords, ...]
    """Answers, the newest of each question, in the order in which they were asked."""
    change: Mapping[str, tuple[Mapping[str, Any], ...]] | None
    """Words that have risen and fallen between the sides compared; None when that was not decoded."""
    auroc_floor: float
    """Area that a word must reach."""


def gather(context: Context) -> Gathered | None:
    """Return what the store holds in words about the snapshots shown, under this map's encoders; None when nothing."""
    chosen = _chosen(context)
    if not chosen:
        return None
    store = context.asked.store
    rows = [answer_table(store, manifest).to_pylist() for manifest in chosen]
    images = {opened.dataset: opened for opened in (open_images(store, name) for name in context.asked.datasets)}
    answers = tuple(
        _answer(manifest, table, images=images, pictures=place < ANSWERS_WITH_PICTURES)
        for place, (manifest, table) in enumerate(zip(chosen, rows, strict=True))
    )
    change = next(
        (_change(table) for manifest, table in zip(chosen, rows, strict=True) if _is_asked(manifest, context)), None
    )
    return Gathered(WordsSection(answers, change, AUROC_FLOOR), tuple(chosen))


def _chosen(context: Context) -> list[Manifest]:
    """Return the answers about exactly these snapshots and encoders, the newest of each question."""
    snapshots = {(ref.name, ref.snapshot) for ref in map(parse_dataset_ref, context.asked.datasets)}
    newest: dict[str, Manifest] = {}
    for manifest in list_answers(context.asked.store, "decoded"):
        about = {(parent.name, parent.snapshot) for parent in manifest.parents if parent.kind == "images"}
        if about <= snapshots and _is_of(manifest, context.linear_map):
            newest[repr(sorted(item for item in manifest.spec.items() if item[0] != "spaces"))] = manifest
    return list(newest.values())


def _is_of(manifest: Manifest, linear_map: StoredMap) -> bool:
    """Say whether an answer was decoded between a map's spaces; one older than their ids is known by its map, or names."""
    source, target = linear_map.source, linear_map.target
    if "spaces" in manifest.spec:
        return bool(manifest.spec["spaces"] == [source.id, target.id])
    for parent in manifest.parents:
        if parent.kind == "linear_maps" and find_manifest(linear_map.store, paths.linear_map(parent.name)):
            used = open_map(linear_map.store, parent.name)
            return (used.source.id, used.target.id) == (source.id, target.id)
    return (manifest.spec.get("source"), manifest.spec.get("target")) == (source.name, target.name)


def _is_asked(manifest: Manifest, context: Context) -> bool:
    """Say whether an answer is the change between the very sides that are compared."""
    question = context.asked
    if not question.compares or not str(manifest.spec["what"]).startswith("shift"):
        return False
    compared = {parent.name for parent in manifest.parents if parent.kind == "images"}
    sides = {parse_dataset_ref(name).name for name in question.datasets}
    conditions = (manifest.spec.get("where"), manifest.spec.get("reference_where")) == (
        question.where,
        question.reference_where,
    )
    return compared == sides and conditions and manifest.spec["dataset"] == parse_dataset_ref(question.reference).name


def _change(rows: Sequence[Mapping[str, Any]]) -> dict[str, tuple[Mapping[str, Any], ...]]:
    """Return the words of both directions that nothing speaks against; else the best alone, marked as it is."""
    by_direction = {}
    for name in ("risen", "fallen"):
        direction_rows = [row for row in rows if row["vector"] == name]
        by_direction[name] = tuple(
            [row for row in direction_rows if not row["below_floor"]][:IN_WORDS] or direction_rows[:1]
        )
    return by_direction


def _answer(
    manifest: Manifest, rows: Sequence[Mapping[str, Any]], *, images: Mapping[str, Images], pictures: bool
) -> AnswerInWords:
    vectors = [tuple(part) for _, part in groupby(rows, key=lambda row: (row["vector"], row["origin"]))]
    first = [part[0] for part in vectors]
    spec = manifest.spec
    pictured = _most_telling(vectors) if pictures else []
    facts = (
        f"{spec['dataset']}",
        f"{spec['source']}",
        f"decoder {spec['decoder']}",
        f"words: {spec['vocabulary']}",
        *(f"{name.replace('_', ' ')}: {spec[name]}" for name in ("where", "reference_where") if spec.get(name)),
    )
    kind = str(spec["what"]).partition(":")[0]
    cards = tuple(_card(part) for part in vectors)
    return AnswerInWords(
        title=f"{_KINDS[kind]}: {spec['what']}",
        facts=facts,
        vectors=len(vectors),
        believed=sum(not row["below_floor"] for row in first),
        ablation=_ablation(first),
        cards=_with_pictures(pictured, images),
        listed=cards[:LISTED] if len(pictured) < len(vectors) else (),
    )


def _most_telling(vectors: Sequence[tuple[Mapping[str, Any], ...]]) -> list[tuple[Mapping[str, Any], ...]]:
    """Return the vectors that get pictures: all of a few; of many the best two thirds and the worst third."""
    if len(vectors) <= CARDS:
        return list(vectors)
    order = sorted(vectors, key=lambda part: (part[0]["below_floor"] != "", -(part[0]["auroc"] or 0)))
    worst = CARDS // 3
    return [*order[: CARDS - worst], *order[-worst:]]


def _ablation(first: Sequence[Mapping[str, Any]]) -> str:
    """Return what the rescaling of head vectors changed, in one sentence."""
    rescaled = [row for row in first if row["plain_word"] is not None]
    if not rescaled:
        return ""
    unchanged = sum(row["word"] == row["plain_word"] for row in rescaled)
    sentence = f"Without rescaling the head’s vectors {unchanged} of {len(rescaled)} would keep their word"
    ranked = [row for row in rescaled if row["own_rank"] is not None]
    if not ranked:
        return f"{sentence}."
    own, plain = (sum(row[name] == 1 for row in ranked) for name in ("own_rank", "plain_rank"))
    classes = words.plural(len(ranked), "class", "classes")
    return (
        f"{sentence}; of {classes} whose name is a word of the list {own} are called by it, without rescaling {plain}."
    )


def _with_pictures(vectors: Sequence[tuple[Mapping[str, Any], ...]], images: Mapping[str, Images]) -> tuple[Card, ...]:
    """Return cards with the nearest images of each vector and of its best word."""
    requests: list[PictureSource] = []
    sizes: list[int] = []
    for part in vectors:
        for name in ("rows_of_vector", "rows_of_word"):
            row_requests = _wanted(images.get(part[0]["shown"]), part[0][name][:PICTURES])
            requests += row_requests
            sizes.append(len(row_requests))
    pictures = iter(thumbnails(requests, read=open_bytes) if requests else ())
    strips = [tuple(next(pictures) for _ in range(size)) for size in sizes]
    pairs = zip(strips[::2], strips[1::2], strict=True)
    return tuple(_card(part, *pair) for part, pair in zip(vectors, pairs, strict=True))


def _card(
    part: Sequence[Mapping[str, Any]], near_vector: tuple[Thumbnail, ...] = (), near_word: tuple[Thumbnail, ...] = ()
) -> Card:
    best, *runners_up = part
    lines = (best, *(row for row in runners_up if not row["below_floor"]))
    doubtful = tuple(row["word"] for row in runners_up if row["below_floor"])
    return Card(best["vector"], best["origin"], lines, doubtful, near_vector, near_word)


def _wanted(images: Images | None, rows: Sequence[int]) -> list[PictureSource]:
    if images is None or not rows:
        return []
    about = image_rows(images, rows, ["image_id", "uri", "label"]).to_pylist()
    return [
        PictureSource(row["image_id"], row["uri"], () if row["label"] is None else (row["label"],)) for row in about
    ]
